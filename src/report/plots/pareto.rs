//! Two costs against each other: what is cheaper in both stands lower and further left, and nothing beats the front.

use super::Plot;
use super::axis::Axis;
use super::canvas::{self, MUTED};
use super::panel::{self, Line, Panel, Point, Series};
use crate::report::quantity::Quantity;
use crate::report::statistics::pareto_front;
use crate::report::{Dataset, Entry, ReportError};

/// The pairs that are drawn; the page has any two.
const PAIRS: [(Quantity, Quantity); 4] = [
    (Quantity::ProveSeconds, Quantity::VerificationGas),
    (Quantity::PeakMemory, Quantity::VerificationGas),
    (Quantity::ProveSeconds, Quantity::PeakMemory),
    (Quantity::ProofBytes, Quantity::VerificationGas),
];

/// Panels of cost against cost.
pub(super) fn frontiers(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let headlines = dataset.headlines();
    let panels: Vec<Panel> = PAIRS
        .into_iter()
        .filter_map(|(x, y)| pair(&headlines, x, y))
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let rows = panels.len().div_ceil(2) as i32;
    let description = "Two costs against each other, one point for each model, scale and kind of circuit. Points that no other beats \
                       in both costs are joined: the Pareto front. Different models compute different things: the front says what is \
                       cheap, not what is equivalent."
        .to_owned();
    canvas::plot(
        "pareto_frontiers",
        "Pareto fronts",
        description,
        (1060, 420 * rows + 26),
        |area| panel::grid(area, &panels, 2),
    )
    .map(Some)
}

fn pair(headlines: &[&Entry], x: Quantity, y: Quantity) -> Option<Panel> {
    let points: Vec<Point> = headlines
        .iter()
        .filter_map(|entry| {
            Some(Point {
                x: x.of(entry)?,
                y: y.of(entry)?,
                label: short_label(entry),
                series: Series::Circuit(entry.kind()),
            })
        })
        .collect();
    if points.is_empty() {
        return None;
    }
    let places: Vec<(f64, f64)> = points.iter().map(|point| (point.x, point.y)).collect();
    let front = pareto_front(&places).into_iter().map(|index| places[index]);
    let axis = |quantity: Quantity, values: Vec<f64>| match quantity {
        Quantity::ProofBytes => Axis::linear(quantity.label(), values),
        _ => Axis::log(quantity.label(), values),
    };
    Some(Panel {
        title: format!("{} against {}", y.name(), x.name()),
        x: axis(x, places.iter().map(|place| place.0).collect()),
        y: axis(y, places.iter().map(|place| place.1).collect()),
        points,
        lines: vec![Line {
            points: stairs(front.collect()),
            is_dashed: false,
            color: MUTED,
        }],
        remark: Vec::new(),
    })
}

/// A front as stairs: what is beaten by a point lies above and to the right of it.
fn stairs(front: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let corners = front
        .windows(2)
        .flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    corners.chain(front.last().copied()).collect()
}

/// `relu 7`: model and scale.
pub(super) fn short_label(entry: &Entry) -> String {
    format!("{} {}", entry.request().id, entry.scale())
}
