//! What a circuit is and how close it computes, before and after: rows, keys, public values, errors. None of it fails a build.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Pair, RecordSet, match_up};
use crate::record::Record;

/// A figure of a record that is neither gas nor code nor measured on a machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitFigure {
    /// Rows that the circuit uses.
    Rows,
    /// k, where it has 2^k rows in all.
    Logrows,
    /// Cells that it assigns.
    Cells,
    /// The proving key.
    ProvingKeyBytes,
    /// The verifying key.
    VerifyingKeyBytes,
    /// Public values.
    Instances,
    /// Most disk space that the run's own files took.
    PeakDiskBytes,
    /// Largest distance of an output from the float model.
    LargestError,
    /// Mean distance of the outputs from the float model.
    MeanError,
}

impl CircuitFigure {
    /// Every figure.
    pub const ALL: [Self; 9] = [
        Self::Rows,
        Self::Logrows,
        Self::Cells,
        Self::ProvingKeyBytes,
        Self::VerifyingKeyBytes,
        Self::Instances,
        Self::PeakDiskBytes,
        Self::LargestError,
        Self::MeanError,
    ];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Logrows => "2^k",
            Self::Cells => "cells",
            Self::ProvingKeyBytes => "proving key bytes",
            Self::VerifyingKeyBytes => "verifying key bytes",
            Self::Instances => "public values",
            Self::PeakDiskBytes => "peak disk bytes",
            Self::LargestError => "largest error",
            Self::MeanError => "mean error",
        }
    }

    /// Its value in a record; none where the run did not come so far.
    pub fn of(self, record: &Record) -> Option<f64> {
        let circuit = record.circuit.as_ref();
        let keys = record.keys.as_ref();
        let numerics = record.numerics.as_ref();
        match self {
            Self::Rows => Some(circuit?.rows as f64),
            Self::Logrows => Some(circuit?.logrows.into()),
            Self::Cells => Some(circuit?.cells as f64),
            Self::ProvingKeyBytes => Some(keys?.proving_key_bytes? as f64),
            Self::VerifyingKeyBytes => Some(keys?.verifying_key_bytes as f64),
            Self::Instances => Some(record.proof.as_ref()?.instances as f64),
            Self::PeakDiskBytes => Some(record.peak_disk_bytes? as f64),
            Self::LargestError => numerics?.max_absolute_error,
            Self::MeanError => numerics?.mean_absolute_error,
        }
    }
}

/// One experiment's circuit on both sides; of each figure, OLD and NEW, absent where it was not measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CircuitChange {
    /// The experiment.
    pub experiment: String,
    /// The figures.
    pub figures: BTreeMap<CircuitFigure, [Option<f64>; 2]>,
}

/// The circuits of every experiment that both sets hold, matched as in [`compare`](super::compare).
pub fn circuit_changes(old: &RecordSet, new: &RecordSet) -> Vec<CircuitChange> {
    let change = |pair: &Pair| CircuitChange {
        experiment: pair.experiment.clone(),
        figures: CircuitFigure::ALL
            .map(|figure| (figure, [pair.old, pair.new].map(|record| figure.of(record))))
            .into(),
    };
    match_up(&old.records, &new.records)
        .pairs
        .iter()
        .map(change)
        .collect()
}
