//! What each worker process of a phase is measured by.

use super::Unit;
use crate::record::Record;
use evmbench_backend::Phase;

/// A quantity that every process has, so that a phase has as many samples of it as counted processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampled {
    /// Time inside EZKL's call.
    Time,
    /// Peak resident set.
    PeakMemory,
}

impl Sampled {
    /// What it counts.
    pub fn unit(self) -> Unit {
        match self {
            Self::Time => Unit::Seconds,
            Self::PeakMemory => Unit::Memory,
        }
    }

    /// Its name beside that of a phase: `prove, memory`.
    pub fn row(self, phase: Phase) -> String {
        let name = match self {
            Self::Time => "time",
            Self::PeakMemory => "memory",
        };
        format!("{phase}, {name}")
    }

    /// Its name with that of a phase, and its unit: `prove peak memory (GiB)`.
    pub fn label(self, phase: Phase) -> String {
        let name = match self {
            Self::Time => "time",
            Self::PeakMemory => "peak memory",
        };
        let unit = self.unit().symbol().unwrap_or_default();
        format!("{phase} {name} ({unit})")
    }

    /// A phase's samples, in the unit of [`Self::label`]; warm-ups are not among them.
    pub fn samples(self, record: &Record, phase: Phase) -> Vec<f64> {
        let samples = match self {
            Self::Time => record.call_seconds(phase),
            Self::PeakMemory => {
                let bytes = record.peak_rss_samples(phase);
                bytes.into_iter().map(|bytes| bytes as f64).collect()
            }
        };
        samples
            .into_iter()
            .map(|sample| self.unit().measure(sample))
            .collect()
    }
}
