//! What was forecast against what was measured: on the diagonal where it was right.

use super::Plot;
use super::axis::Axis;
use super::canvas::{self, MUTED};
use super::panel::{self, Line, Panel, Point, Series};
use super::{ALONE, label, tag};
use crate::metric::Metric;
use crate::report::tables::forecast::Outcome;
use crate::report::{Dataset, ReportError};

/// The figures that are drawn.
const FIGURES: [Metric; 4] = [
    Metric::ProveMedian,
    Metric::ProvePeak,
    Metric::ProvingKey,
    Metric::VerificationGas,
];

/// A panel for each figure of which records hold forecast and measurement.
pub(super) fn against_measurement(dataset: &Dataset) -> Result<Option<Plot>, ReportError> {
    let panels: Vec<Panel> = FIGURES
        .into_iter()
        .filter_map(|metric| panel(dataset, metric))
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let rows = panels.len().div_ceil(2) as i32;
    canvas::plot(
        "forecasts",
        "Forecast against measurement",
        format!(
            "What was forecast from a circuit's settings, before anything was proved, against what was measured, on log axes. On the \
             dashed line they are equal. A time was forecast for the machine that measured it. Verification gas is {ALONE}."
        ),
        (1060, 400 * rows + 26),
        |area| panel::grid(area, &panels, 2),
    )
    .map(Some)
}

fn panel(dataset: &Dataset, metric: Metric) -> Option<Panel> {
    let found: Vec<_> = dataset
        .headlines()
        .into_iter()
        .filter_map(|entry| Some((entry, Outcome::of(metric, &entry.record)?)))
        .collect();
    let held = found.iter().filter(|(_, outcome)| outcome.is_held()).count();
    let worst = found
        .iter()
        .map(|(_, outcome)| outcome.miss().abs())
        .max_by(f64::total_cmp)?;
    let both = || {
        found
            .iter()
            .flat_map(|(_, outcome)| [outcome.likely, outcome.measured])
    };
    let x = Axis::log(format!("forecast: {}", metric.label()), both());
    let (low, high) = x.range();
    let points = found.iter().map(|(entry, outcome)| Point {
        x: outcome.likely,
        y: outcome.measured,
        name: entry.request().id.to_string(),
        tag: tag(entry),
        series: Series::Circuit(entry.kind()),
    });
    Some(Panel {
        title: label(metric),
        y: Axis::log("measured", both()),
        points: points.collect(),
        lines: vec![Line {
            points: vec![(low, low), (high, high)],
            is_dashed: true,
            color: MUTED,
        }],
        rings: Vec::new(),
        remark: vec![
            format!("within its interval: {held} of {}", found.len()),
            format!("largest miss: {:.1}%", 100.0 * worst),
        ],
        x,
    })
}
