//! What a circuit is and how close it computes, before and after: rows, keys, public values, errors. None of it fails a build.

use serde::Serialize;

use super::{Pair, RecordSet, match_up};
use crate::metric::{Figures, Metric};

/// What is shown and fails nothing: what neither the sender of a transaction pays nor a machine's clock measures.
pub const DESCRIBED: [Metric; 10] = [
    Metric::Rows,
    Metric::Logrows,
    Metric::Cells,
    Metric::ProvingKey,
    Metric::VerifyingKey,
    Metric::Instances,
    Metric::DiskPeak,
    Metric::LargestError,
    Metric::MeanError,
    Metric::CalldataShare,
];

/// One experiment's circuit on both sides; of each figure, OLD and NEW, absent where it was not measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitChange {
    /// The experiment.
    pub experiment: String,
    /// The figures.
    pub figures: Figures<[Option<f64>; 2]>,
}

/// The circuits of every experiment that both sets hold, matched as in [`compare`](super::compare).
pub fn circuit_changes(old: &RecordSet, new: &RecordSet) -> Vec<CircuitChange> {
    let change = |pair: &Pair| CircuitChange {
        experiment: pair.experiment.clone(),
        figures: Figures::of(&DESCRIBED, |metric| {
            [pair.old, pair.new].map(|record| metric.number(record))
        }),
    };
    match_up(&old.records, &new.records)
        .pairs
        .iter()
        .map(change)
        .collect()
}
