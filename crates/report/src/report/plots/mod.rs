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

use super::{Dataset, Entry, ReportError};
use crate::parallel;

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

/// What tells a point from others of its model: the scale, and what else was chosen.
fn tag(entry: &Entry) -> String {
    let scale = std::iter::once(entry.scale().to_string());
    scale.chain(entry.choices()).collect::<Vec<_>>().join(", ")
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
