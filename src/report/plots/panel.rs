//! A panel: axes, points with labels that overlap nothing, lines.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{
    self, Area, Drawn, GRID, INK, MUTED, Marker, PALETTE, SMALL, TEXT, UNIT, dashed, font, line, mark, told,
    write,
};
use crate::prover::CircuitKind;

/// A point of a panel.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// What stands beside it.
    pub(super) label: String,
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

impl Panel {
    /// Draws the panel into a part of a drawing.
    pub(super) fn draw(&self, area: &Area) -> Drawn {
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
        let mut taken = Vec::new();
        for (index, remark) in self.remark.iter().enumerate() {
            let at = (frame.left + 6 * UNIT, frame.top + (6 + 16 * index as i32) * UNIT);
            write(
                area,
                remark,
                at,
                &font(SMALL, MUTED, false),
                (HPos::Left, VPos::Top),
            )?;
            taken.push(Region {
                left: at.0,
                top: at.1,
                right: at.0 + canvas::width(remark, SMALL, false),
                bottom: at.1 + 16 * UNIT,
            });
        }
        let places: Vec<_> = self.points.iter().map(|point| place(point.x, point.y)).collect();
        taken.extend(places.iter().map(|&place| Region::around(place, 5 * UNIT)));
        let labels = place_labels(&self.points, &places, frame, taken);
        // Leaders lie below the marks.
        for label in labels.iter().flatten() {
            if let Some(leader) = label.leader {
                line(area, &leader, MUTED, 0.6)?;
            }
        }
        for (point, &place) in self.points.iter().zip(&places) {
            let (marker, color) = point.series.style();
            mark(area, place, marker, color)?;
        }
        for (point, label) in self.points.iter().zip(&labels) {
            if let Some(label) = label {
                let at = (label.place.left, label.place.top);
                write(
                    area,
                    &point.label,
                    at,
                    &font(SMALL, INK, false),
                    (HPos::Left, VPos::Top),
                )?;
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
        let middle = (frame.left + frame.right) / 2;
        let name = font(TEXT, INK, false);
        let (_, height) = area.dim_in_pixel();
        let below = (middle, height as i32 - 8 * UNIT);
        write(area, &self.x.label, below, &name, (HPos::Center, VPos::Bottom))?;
        let beside = (10 * UNIT, (frame.top + frame.bottom) / 2);
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

/// A label's place, and a line to its point where it stands apart.
struct Placed {
    place: Region,
    leader: Option<[(i32, i32); 2]>,
}

/// Finds a place for every label, or none where everything around is taken.
fn place_labels(
    points: &[Point],
    places: &[(i32, i32)],
    frame: Region,
    mut taken: Vec<Region>,
) -> Vec<Option<Placed>> {
    let height = (SMALL + 3) * UNIT;
    // Points with the fewest neighbours last: they have the most room.
    let crowd = |index: usize| {
        let (x, y) = places[index];
        let near = |other: &&(i32, i32)| (other.0 - x).abs() < 60 * UNIT && (other.1 - y).abs() < 40 * UNIT;
        places.iter().filter(near).count()
    };
    let mut order: Vec<usize> = (0..points.len())
        .filter(|&index| !points[index].label.is_empty())
        .collect();
    order.sort_by_key(|&index| (crowd(index), places[index].1, places[index].0));
    let mut placed: Vec<Option<Placed>> = points.iter().map(|_| None).collect();
    for index in order {
        let width = canvas::width(&points[index].label, SMALL, false);
        let found = candidates(places[index], (width, height)).find(|candidate| {
            candidate.place.is_within(&frame) && taken.iter().all(|taken| !candidate.place.overlaps(taken))
        });
        if let Some(found) = found {
            taken.push(found.place);
            placed[index] = Some(found);
        }
    }
    placed
}

/// Places around a point, nearest first: beside it, then in rings with a leader.
fn candidates((x, y): (i32, i32), (width, height): (i32, i32)) -> impl Iterator<Item = Placed> {
    let rings = (0..14).flat_map(|ring| {
        let directions = if ring == 0 { 8 } else { 24 };
        (0..directions).map(move |direction| (ring, f64::from(direction) / f64::from(directions)))
    });
    rings.map(move |(ring, turn)| {
        let angle = std::f64::consts::TAU * turn;
        let distance = f64::from((7 + 13 * ring) * UNIT);
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
                label: format!("model {index}"),
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
        let marks: Vec<Region> = places
            .iter()
            .map(|&place| Region::around(place, 5 * UNIT))
            .collect();
        let placed: Vec<Region> = place_labels(&points, &places, frame, marks.clone())
            .into_iter()
            .flatten()
            .map(|placed| placed.place)
            .collect();
        assert_eq!(placed.len(), points.len());
        for (index, label) in placed.iter().enumerate() {
            assert!(label.is_within(&frame));
            assert!(marks.iter().all(|mark| !label.overlaps(mark)));
            assert!(placed[..index].iter().all(|other| !label.overlaps(other)));
        }
    }
}
