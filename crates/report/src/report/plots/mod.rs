//! Plots, each a function from the records to one SVG; the PNG (feature `png`) is drawn from it.
//!
//! - [`pareto`]: any two costs against each other, with the front;
//! - [`gas`]: gas by cause as stacked bars;
//! - [`growth`]: time and memory against rows; the scaling study;
//! - [`forks`]: which experiment fits which fork;
//! - [`forecast`]: what was forecast against what was measured;
//! - [`makespan()`]: what a number of machines buys, from forecasts alone.

mod axis;
mod canvas;
mod forecast;
mod forks;
mod gas;
mod growth;
mod makespan;
mod panel;
mod pareto;
#[cfg(feature = "png")]
mod png;

use super::data::by_machine;
use super::{Dataset, Entry, ReportError};
use crate::metric::Metric;
use crate::parallel;
use panel::Panel;

pub use makespan::makespan;

/// A plot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// The stem of its files.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it shows, in words, for who cannot see it and as its caption.
    pub description: String,
    /// The picture.
    pub svg: String,
}

/// What tells a point from others of its model: the scale, and what else differs from the defaults, `10 (1 column)`.
fn tag(entry: &Entry) -> String {
    let (scale, differences) = (entry.scale(), entry.differences());
    if differences.is_empty() {
        scale.to_string()
    } else {
        format!("{scale} ({})", differences.join(", "))
    }
}

/// Whose gas it is where a plot shows the bare verifier's.
const ALONE: &str = "of the verifier alone, without a guard";

/// Whose gas it is where a plot shows what an acceptance means something by.
const GUARDED: &str = "Verification gas is through the guard where the circuit is committed, and of the verifier alone elsewhere.";

/// A metric at an axis or above a panel, and whose gas it is.
fn label(metric: Metric) -> String {
    let whose = match metric {
        Metric::VerificationGas => " of the verifier alone",
        Metric::MeaningfulGas => " (committed: through the guard)",
        _ => "",
    };
    metric.label() + whose
}

/// Fewest points of one machine for panels of its own where there are several.
const FEWEST_OF_A_MACHINE: usize = 3;

/// What is said of [`of_each_machine`].
fn about_machines() -> String {
    format!(
        "Times of two machines are in two panels; a machine with fewer than {FEWEST_OF_A_MACHINE} records has none."
    )
}

/// A panel for each machine with enough points, which is named where there are several; one for all where no metric depends on the
/// machine.
fn of_each_machine(
    entries: &[&Entry],
    metrics: &[Metric],
    panel: impl Fn(&[&Entry]) -> Option<Panel>,
) -> Vec<Panel> {
    if !metrics.iter().any(|metric| metric.is_of_machine()) {
        return Vec::from_iter(panel(entries));
    }
    let machines = by_machine(entries);
    let several = machines.len() > 1;
    let panels = machines.into_iter().filter_map(|(machine, entries)| {
        let panel = panel(&entries)?.of_machine(machine, several);
        (!several || panel.points.len() >= FEWEST_OF_A_MACHINE).then_some(panel)
    });
    panels.collect()
}

type Draw = fn(&Dataset) -> Result<Option<Plot>, ReportError>;

/// Every plot that the records have something for, in the order of a report.
///
/// # Errors
/// [`ReportError::Plot`] where one cannot be drawn.
pub fn all(dataset: &Dataset) -> Result<Vec<Plot>, ReportError> {
    const PLOTS: [Draw; 7] = [
        pareto::frontiers,
        pareto::choices,
        gas::by_cause,
        growth::against_rows,
        growth::scaling,
        forks::fits,
        forecast::against_measurement,
    ];
    let drawn = parallel::map(parallel::processors(), PLOTS.len(), || {
        |index: usize| PLOTS[index](dataset)
    })?;
    Ok(drawn.into_iter().flatten().collect())
}
