//! A panel: axes, points with labels that overlap nothing, lines.

use std::collections::HashMap;
use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{
    self, Area, Drawn, GRID, INK, MUTED, Marker, PALETTE, PAPER, SMALL, TEXT, UNIT, dashed, font, line, mark,
    told, write,
};
use evmbench_schema::plan::CircuitKind;

/// A point of a panel.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// What it is of: points of one name that lie together share a label. May be empty.
    pub(super) name: String,
    /// What tells it from others of its name.
    pub(super) tag: String,
    pub(super) series: Series,
}

/// What a point is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    /// A circuit of this kind.
    Circuit(CircuitKind),
    /// A run that ran out of memory: more than the value.
    Beyond,
}

impl Series {
    /// What a legend says.
    pub(super) fn name(self) -> String {
        match self {
            Self::Circuit(kind) => format!("{kind} circuit"),
            Self::Beyond => "out of memory: needs more".to_owned(),
        }
    }

    pub(super) fn style(self) -> (Marker, RGBColor) {
        match self {
            Self::Circuit(CircuitKind::Direct) => (Marker::Disc, PALETTE[0]),
            Self::Circuit(CircuitKind::Study) => (Marker::Square, PALETTE[2]),
            Self::Circuit(CircuitKind::Committed) => (Marker::Triangle, PALETTE[4]),
            Self::Beyond => (Marker::Cross, MUTED),
        }
    }
}

/// A line of a panel.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) is_dashed: bool,
    pub(super) color: RGBColor,
}

/// A panel.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) points: Vec<Point>,
    pub(super) lines: Vec<Line>,
    /// Places that are ringed.
    pub(super) rings: Vec<(f64, f64)>,
    /// A remark in the upper left corner.
    pub(super) remark: Vec<String>,
}

/// A rectangle in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Region {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn is_within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.right <= other.right
            && self.top >= other.top
            && self.bottom <= other.bottom
    }

    fn around((x, y): (i32, i32), radius: i32) -> Self {
        Self {
            left: x - radius,
            top: y - radius,
            right: x + radius,
            bottom: y + radius,
        }
    }
}

/// Rectangles by where they are, so that one is held against those around it alone.
#[derive(Debug, Clone, Default)]
struct Regions(HashMap<(i32, i32), Vec<Region>>);

impl Regions {
    /// Side of a cell, in units: about a label's width.
    const CELL: i32 = 40 * UNIT;

    fn cells(region: &Region) -> impl Iterator<Item = (i32, i32)> + use<> {
        let [left, right, top, bottom] =
            [region.left, region.right, region.top, region.bottom].map(|at| at.div_euclid(Self::CELL));
        (left..=right).flat_map(move |column| (top..=bottom).map(move |row| (column, row)))
    }

    fn add(&mut self, region: Region) {
        for cell in Self::cells(&region) {
            self.0.entry(cell).or_default().push(region);
        }
    }

    fn overlap(&self, region: &Region) -> bool {
        let mut around = Self::cells(region).filter_map(|cell| self.0.get(&cell)).flatten();
        around.any(|other| region.overlaps(other))
    }
}

impl FromIterator<Region> for Regions {
    fn from_iter<I: IntoIterator<Item = Region>>(regions: I) -> Self {
        let mut all = Self::default();
        regions.into_iter().for_each(|region| all.add(region));
        all
    }
}

impl Panel {
    /// The panel of one machine, which its title names where there are several.
    pub(super) fn of_machine(mut self, machine: &str, several: bool) -> Self {
        if several {
            self.title += &format!(", machine {machine}");
        }
        self
    }

    /// Draws the panel into a part of a drawing. What has no place on an axis is left out.
    pub(super) fn draw(&self, area: &Area) -> Drawn {
        let mut panel = self.clone();
        let has_place = |x: f64, y: f64| self.x.has_place(x) && self.y.has_place(y);
        panel.points.retain(|point| has_place(point.x, point.y));
        panel.rings.retain(|&(x, y)| has_place(x, y));
        for line in &mut panel.lines {
            line.points.retain(|&(x, y)| has_place(x, y));
        }
        panel.draw_all(area)
    }

    /// Draws what has a place on both axes.
    fn draw_all(&self, area: &Area) -> Drawn {
        let frame = self.frame(area);
        let place = |x: f64, y: f64| {
            let along = |from: i32, to: i32, share: f64| from + (share * f64::from(to - from)).round() as i32;
            (
                along(frame.left, frame.right, self.x.share(x)),
                along(frame.bottom, frame.top, self.y.share(y)),
            )
        };
        self.draw_axes(area, frame, &place)?;
        for drawn in &self.lines {
            let places: Vec<_> = drawn.points.iter().map(|&(x, y)| place(x, y)).collect();
            if drawn.is_dashed {
                dashed(area, &places, drawn.color, 1.5)?;
            } else {
                line(area, &places, drawn.color, 1.5)?;
            }
        }
        let remark_at = |index: usize| (frame.left + 6 * UNIT, frame.top + (6 + 16 * index as i32) * UNIT);
        let write_remark = |index: usize, remark: &str| {
            let style = font(SMALL, MUTED, false);
            write(area, remark, remark_at(index), &style, (HPos::Left, VPos::Top))
        };
        for (index, remark) in self.remark.iter().enumerate() {
            write_remark(index, remark)?;
        }
        // Labels keep clear of the remarks, and of one more that says how many found no room.
        let widest_note = without_room(self.points.len());
        let remarks = self.remark.iter().chain([&widest_note]).enumerate();
        let mut taken: Vec<Region> = remarks
            .map(|(index, remark)| {
                let (left, top) = remark_at(index);
                Region {
                    left,
                    top,
                    right: left + canvas::width(remark, SMALL, false),
                    bottom: top + 16 * UNIT,
                }
            })
            .collect();
        let places: Vec<_> = self.points.iter().map(|point| place(point.x, point.y)).collect();
        let ringed: Vec<_> = self.rings.iter().map(|&(x, y)| place(x, y)).collect();
        let marks: Vec<Mark> = places
            .iter()
            .map(|&place| Mark {
                place,
                radius: if ringed.contains(&place) {
                    9 * UNIT
                } else {
                    5 * UNIT
                },
            })
            .collect();
        taken.extend(marks.iter().map(|mark| Region::around(mark.place, mark.radius)));
        let lines = self.lines.iter().flat_map(|line| {
            let along: Vec<_> = line.points.iter().map(|&(x, y)| place(x, y)).collect();
            along
                .windows(2)
                .flat_map(|pair| steps(pair[0], pair[1]))
                .collect::<Vec<_>>()
        });
        let surroundings = Surroundings {
            frame,
            taken: taken.into_iter().collect(),
            lines: lines.map(|place| Region::around(place, UNIT)).collect(),
        };
        let texts = labels(&self.points, &places);
        let labels = place_labels(&texts, &marks, &surroundings);
        let without = texts
            .iter()
            .zip(&labels)
            .filter(|(text, label)| !text.is_empty() && label.is_none());
        let without = without.count();
        if without > 0 {
            write_remark(self.remark.len(), &without_room(without))?;
        }
        // Leaders lie below the marks.
        for label in labels.iter().flatten() {
            if let Some(leader) = label.leader {
                line(area, &leader, MUTED, 0.6)?;
            }
        }
        for &place in &ringed {
            let ring = Circle::new(place, 8 * UNIT, MUTED.stroke_width(canvas::stroke(1.2)));
            area.draw(&ring).map_err(told)?;
        }
        for (point, &place) in self.points.iter().zip(&places) {
            let (marker, color) = point.series.style();
            mark(area, place, marker, color)?;
        }
        for (text, label) in texts.iter().zip(&labels) {
            if let Some(Placed { place, .. }) = label {
                // What lies below a label must not be read with it.
                let corners = [(place.left, place.top), (place.right, place.bottom)];
                area.draw(&Rectangle::new(corners, PAPER.mix(0.7).filled()))
                    .map_err(told)?;
                let at = (place.left, place.top + UNIT);
                write(area, text, at, &font(SMALL, INK, false), (HPos::Left, VPos::Top))?;
            }
        }
        Ok(())
    }

    /// Where the data lie: room for title, ticks and names around it.
    fn frame(&self, area: &Area) -> Region {
        let (width, height) = area.dim_in_pixel();
        let ticks = self.y.ticks();
        let labels = ticks.iter().filter_map(|tick| tick.label.as_deref());
        let widest = labels
            .map(|label| canvas::width(label, SMALL, false))
            .max()
            .unwrap_or(0);
        Region {
            left: widest + 34 * UNIT,
            top: 28 * UNIT,
            right: width as i32 - 14 * UNIT,
            bottom: height as i32 - 46 * UNIT,
        }
    }

    fn draw_axes(&self, area: &Area, frame: Region, place: &dyn Fn(f64, f64) -> (i32, i32)) -> Drawn {
        let (x_least, y_least) = (self.x.range().0, self.y.range().0);
        let text = font(SMALL, INK, false);
        for tick in self.x.ticks() {
            let (x, _) = place(tick.value, y_least);
            if let Some(label) = &tick.label {
                line(area, &[(x, frame.top), (x, frame.bottom)], GRID, 1.0)?;
                write(
                    area,
                    label,
                    (x, frame.bottom + 7 * UNIT),
                    &text,
                    (HPos::Center, VPos::Top),
                )?;
            }
            let length = if tick.label.is_some() { 5 } else { 3 };
            line(
                area,
                &[(x, frame.bottom), (x, frame.bottom + length * UNIT)],
                INK,
                0.75,
            )?;
        }
        for tick in self.y.ticks() {
            let (_, y) = place(x_least, tick.value);
            if let Some(label) = &tick.label {
                line(area, &[(frame.left, y), (frame.right, y)], GRID, 1.0)?;
                write(
                    area,
                    label,
                    (frame.left - 8 * UNIT, y),
                    &text,
                    (HPos::Right, VPos::Center),
                )?;
            }
            let length = if tick.label.is_some() { 5 } else { 3 };
            line(
                area,
                &[(frame.left - length * UNIT, y), (frame.left, y)],
                INK,
                0.75,
            )?;
        }
        let axes = [
            (frame.left, frame.top),
            (frame.left, frame.bottom),
            (frame.right, frame.bottom),
        ];
        line(area, &axes, INK, 1.0)?;
        let middle = i32::midpoint(frame.left, frame.right);
        let name = font(TEXT, INK, false);
        let (_, height) = area.dim_in_pixel();
        let below = (middle, height as i32 - 8 * UNIT);
        write(area, &self.x.label, below, &name, (HPos::Center, VPos::Bottom))?;
        let beside = (10 * UNIT, i32::midpoint(frame.top, frame.bottom));
        let turned = name.transform(FontTransform::Rotate270);
        write(area, &self.y.label, beside, &turned, (HPos::Center, VPos::Center))?;
        let title = font(TEXT, INK, true);
        write(
            area,
            &self.title,
            (frame.left, 8 * UNIT),
            &title,
            (HPos::Left, VPos::Top),
        )
    }
}

fn without_room(labels: usize) -> String {
    format!("labels without room: {labels}")
}

/// A label's place, and a line to its point where it stands apart.
#[derive(Debug, Clone)]
struct Placed {
    place: Region,
    /// How far away: 0 beside its point.
    ring: i32,
    leader: Option<[(i32, i32); 2]>,
}

/// What labels must stay clear of.
struct Surroundings {
    frame: Region,
    taken: Regions,
    /// Along lines: avoided where there is room.
    lines: Regions,
}

/// Rings around a point that are near, and the first that is not looked at.
const NEAR: i32 = 4;
const FAR: i32 = 20;

/// How near points of one name lie to share a label.
const TOGETHER: i32 = 12 * UNIT;

/// The text beside each point: empty for one that shares another's.
fn labels(points: &[Point], places: &[(i32, i32)]) -> Vec<String> {
    let mut tags: Vec<Vec<&str>> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let is_together = |&other: &usize| {
            let (one, other_place) = (places[index], places[other]);
            !point.name.is_empty()
                && points[other].name == point.name
                && (one.0 - other_place.0).abs() < TOGETHER
                && (one.1 - other_place.1).abs() < TOGETHER
        };
        let first = (0..index).find(|other| !tags[*other].is_empty() && is_together(other));
        tags.push(Vec::new());
        let tags = &mut tags[first.unwrap_or(index)];
        if !tags.contains(&point.tag.as_str()) {
            tags.push(&point.tag);
        }
    }
    let text = |(point, tags): (&Point, &Vec<&str>)| {
        if tags.is_empty() {
            return String::new();
        }
        format!("{} {}", point.name, tags.join(", ")).trim().to_owned()
    };
    points.iter().zip(&tags).map(text).collect()
}

/// Places along a line, near enough to each other that no label fits between.
fn steps(from: (i32, i32), to: (i32, i32)) -> Vec<(i32, i32)> {
    let length = f64::from(to.0 - from.0).hypot(f64::from(to.1 - from.1));
    let count = (length / f64::from(3 * UNIT)).ceil().max(1.0) as i32;
    let along = |from: i32, to: i32, step: i32| from + ((to - from) * step) / count;
    (0..=count)
        .map(|step| (along(from.0, to.0, step), along(from.1, to.1, step)))
        .collect()
}

/// What a point is marked with.
#[derive(Debug, Clone, Copy)]
struct Mark {
    place: (i32, i32),
    radius: i32,
}

/// How often labels are placed again, those that found no place, or one far away, coming first.
const ATTEMPTS: usize = 16;

/// Labels for which that is done; with more, no order finds room for all.
const MANY_LABELS: usize = 100;

/// Most labels that a place is looked for: a panel has no room for more.
const MOST_LABELS: usize = 200;

/// Finds a place for every label, or none where everything around is taken.
fn place_labels(texts: &[String], marks: &[Mark], surroundings: &Surroundings) -> Vec<Option<Placed>> {
    // Points with the fewest neighbours first: they keep close, and leave the crowd its room.
    let crowd = |index: usize| {
        let (x, y) = marks[index].place;
        let near =
            |other: &&Mark| (other.place.0 - x).abs() < 60 * UNIT && (other.place.1 - y).abs() < 40 * UNIT;
        marks.iter().filter(near).count()
    };
    let mut order: Vec<usize> = (0..texts.len())
        .filter(|&index| !texts[index].is_empty())
        .collect();
    order.sort_by_cached_key(|&index| (crowd(index), marks[index].place.1, marks[index].place.0));
    order.truncate(MOST_LABELS);
    let attempts = if order.len() > MANY_LABELS { 2 } else { ATTEMPTS };
    let rings =
        |placed: &[Option<Placed>], index: usize| placed[index].as_ref().map_or(10 * FAR, |label| label.ring);
    let cost = |placed: &[Option<Placed>]| order.iter().map(|&index| rings(placed, index)).sum::<i32>();
    let mut best = place_in_order(texts, marks, surroundings, &order);
    let mut attempt = order.clone();
    let mut last = best.clone();
    for _ in 1..attempts {
        let Some(worst) = attempt
            .iter()
            .map(|&index| rings(&last, index))
            .max()
            .filter(|&ring| ring > 1)
        else {
            break;
        };
        // A stable sort: the others keep their order.
        attempt.sort_by_key(|&index| rings(&last, index) < worst);
        last = place_in_order(texts, marks, surroundings, &attempt);
        if cost(&last) < cost(&best) {
            best.clone_from(&last);
        }
    }
    best
}

fn place_in_order(
    texts: &[String],
    marks: &[Mark],
    surroundings: &Surroundings,
    order: &[usize],
) -> Vec<Option<Placed>> {
    let height = (SMALL + 3) * UNIT;
    let mut taken = surroundings.taken.clone();
    let mut placed: Vec<Option<Placed>> = texts.iter().map(|_| None).collect();
    let mut written = Regions::default();
    for &index in order {
        let width = canvas::width(&texts[index], SMALL, false);
        let is_free = |candidate: &Placed| {
            let crosses = |[from, to]: [(i32, i32); 2]| {
                let mut leader = steps(from, to).into_iter();
                leader.any(|place| written.overlap(&Region::around(place, 1)))
            };
            candidate.place.is_within(&surroundings.frame)
                && !taken.overlap(&candidate.place)
                && !candidate.leader.is_some_and(crosses)
        };
        let off_lines = |candidate: &Placed| !surroundings.lines.overlap(&candidate.place);
        // On a line and near is better than off it and far.
        let around = |rings: Range<i32>| candidates(marks[index], (width, height), rings);
        let found = around(0..NEAR)
            .find(|candidate| is_free(candidate) && off_lines(candidate))
            .or_else(|| around(0..NEAR).find(is_free))
            .or_else(|| around(NEAR..FAR).find(|candidate| is_free(candidate) && off_lines(candidate)))
            .or_else(|| around(NEAR..FAR).find(is_free));
        if let Some(found) = found {
            taken.add(found.place);
            written.add(found.place);
            if let Some([from, to]) = found.leader {
                for place in steps(from, to) {
                    taken.add(Region::around(place, UNIT));
                }
            }
            placed[index] = Some(found);
        }
    }
    placed
}

/// Places around a point, nearest first: beside it, then in rings with a leader.
fn candidates(mark: Mark, (width, height): (i32, i32), rings: Range<i32>) -> impl Iterator<Item = Placed> {
    let (x, y) = mark.place;
    let rings = rings.flat_map(|ring| {
        let directions = if ring == 0 { 8 } else { 24 };
        (0..directions).map(move |direction| (ring, f64::from(direction) / f64::from(directions)))
    });
    rings.map(move |(ring, turn)| {
        let angle = std::f64::consts::TAU * turn;
        let distance = f64::from(mark.radius + (2 + 13 * ring) * UNIT);
        let (dx, dy) = (angle.cos(), -angle.sin());
        let at = (
            x + (distance * dx).round() as i32,
            y + (distance * dy).round() as i32,
        );
        // The label's nearest edge or corner is at the place.
        let left = match dx {
            dx if dx > 0.3 => at.0,
            dx if dx < -0.3 => at.0 - width,
            _ => at.0 - width / 2,
        };
        let top = match dy {
            dy if dy > 0.3 => at.1,
            dy if dy < -0.3 => at.1 - height,
            _ => at.1 - height / 2,
        };
        Placed {
            place: Region {
                left,
                top,
                right: left + width,
                bottom: top + height,
            },
            ring,
            leader: (ring > 0).then_some([(x, y), at]),
        }
    })
}

/// The series of some points, each once, in one line: marks with their names.
pub(super) fn legend(area: &Area, panels: &[Panel], at: (i32, i32)) -> Drawn {
    let mut series: Vec<Series> = Vec::new();
    for point in panels.iter().flat_map(|panel| &panel.points) {
        if !series.contains(&point.series) {
            series.push(point.series);
        }
    }
    let mut x = at.0;
    for series in series {
        let (marker, color) = series.style();
        mark(area, (x, at.1), marker, color)?;
        let name = series.name();
        write(
            area,
            &name,
            (x + 10 * UNIT, at.1),
            &font(TEXT, INK, false),
            (HPos::Left, VPos::Center),
        )?;
        x += canvas::width(&name, TEXT, false) + 34 * UNIT;
    }
    Ok(())
}

/// Draws panels in rows of some columns below a legend.
pub(super) fn grid(area: &Area, panels: &[Panel], columns: usize) -> Drawn {
    let (top, rest) = area.split_vertically(26 * UNIT);
    legend(&top, panels, (20 * UNIT, 14 * UNIT))?;
    let rows = panels.len().div_ceil(columns);
    let parts = rest.split_evenly((rows, columns));
    for (panel, part) in panels.iter().zip(&parts) {
        panel.draw(part).map_err(told)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_overlaps_another_or_a_mark() {
        // A crowd, as the activations are.
        let points: Vec<Point> = (0..12)
            .map(|index| Point {
                x: f64::from(index),
                y: 0.0,
                name: format!("model {index}"),
                tag: "7".to_owned(),
                series: Series::Beyond,
            })
            .collect();
        let places: Vec<(i32, i32)> = (0..12)
            .map(|index| (1000 + 7 * index, 1000 + 5 * (index % 3)))
            .collect();
        let frame = Region {
            left: 0,
            top: 0,
            right: 2400,
            bottom: 2000,
        };
        let marks = places.iter().map(|&place| Mark {
            place,
            radius: 5 * UNIT,
        });
        let marks: Vec<Mark> = marks.collect();
        let taken: Vec<Region> = marks
            .iter()
            .map(|mark| Region::around(mark.place, mark.radius))
            .collect();
        let surroundings = Surroundings {
            frame,
            taken: taken.iter().copied().collect(),
            lines: Regions::default(),
        };
        let regions: Vec<Region> = place_labels(&labels(&points, &places), &marks, &surroundings)
            .into_iter()
            .flatten()
            .map(|label| label.place)
            .collect();
        assert_eq!(regions.len(), points.len());
        for (index, label) in regions.iter().enumerate() {
            assert!(label.is_within(&frame));
            assert!(taken.iter().all(|mark| !label.overlaps(mark)));
            assert!(regions[..index].iter().all(|other| !label.overlaps(other)));
        }
    }

    #[test]
    fn points_of_one_name_that_lie_together_share_a_label() {
        let point = |name: &str, tag: &str| Point {
            x: 0.0,
            y: 0.0,
            name: name.to_owned(),
            tag: tag.to_owned(),
            series: Series::Beyond,
        };
        let points = [
            point("relu", "7"),
            point("poly", "7"),
            point("relu", "10"),
            point("relu", "7"),
            point("relu", "4"),
        ];
        let places = [(0, 0), (1, 1), (5, 5), (7, 0), (9_000, 0)];
        assert_eq!(
            labels(&points, &places),
            ["relu 7, 10", "poly 7", "", "", "relu 4"]
        );
    }
}
