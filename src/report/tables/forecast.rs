//! What was forecast from a circuit's settings, and what was measured.

use crate::forecast::Estimate;
use crate::prover::{Phase, VerifierKind};
use crate::record::Record;
use crate::report::data::Dataset;
use crate::report::table::{Cell, Column, Table};

/// A figure that is forecast, in the unit of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The proving key.
    ProvingKeyBytes,
    /// High-water mark of the proving process.
    PeakMemory,
    /// Mean time of a proof.
    ProveSeconds,
    /// The verifier's code on chain.
    CodeBytes,
    /// What the sender of the verifying transaction pays.
    VerificationGas,
}

/// A forecast with its interval, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The least that was forecast.
    pub low: f64,
    /// What was held likely.
    pub likely: f64,
    /// The most.
    pub high: f64,
    /// What was measured.
    pub measured: f64,
}

impl Outcome {
    /// How far the likely figure is from what was measured, as a share of it.
    pub fn miss(&self) -> f64 {
        self.likely / self.measured - 1.0
    }

    /// Whether the interval holds what was measured.
    pub fn is_held(&self) -> bool {
        (self.low..=self.high).contains(&self.measured)
    }
}

impl Figure {
    /// Every figure.
    pub const ALL: [Self; 5] = [
        Self::ProvingKeyBytes,
        Self::PeakMemory,
        Self::ProveSeconds,
        Self::CodeBytes,
        Self::VerificationGas,
    ];

    /// Name and unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProvingKeyBytes => "proving key (bytes)",
            Self::PeakMemory => "peak memory of proving (GiB)",
            Self::ProveSeconds => "proof time (s)",
            Self::CodeBytes => "code (bytes)",
            Self::VerificationGas => "verification gas",
        }
    }

    /// Forecast and measurement of a record; none where it lacks either.
    pub fn of(self, record: &Record) -> Option<Outcome> {
        let forecast = record.forecast.as_ref()?;
        let figure = |estimate: Estimate, unit: f64, measured: u64| {
            let [low, likely, high, measured] =
                [estimate.low, estimate.likely, estimate.high, measured].map(|value| value as f64 / unit);
            Outcome {
                low,
                likely,
                high,
                measured,
            }
        };
        // Code and gas are forecast of a plain verifier.
        let is_plain = record.request.verifier == VerifierKind::Plain;
        match self {
            Self::ProvingKeyBytes => {
                let bytes = record.keys.as_ref()?.proving_key_bytes?;
                Some(figure(forecast.proving_key_bytes, 1.0, bytes))
            }
            Self::PeakMemory => {
                let bytes = record.peak_rss_bytes(Phase::Prove)?;
                Some(figure(forecast.prove_peak_bytes, f64::from(1 << 30), bytes))
            }
            Self::ProveSeconds => {
                let seconds = forecast.prove_seconds?;
                Some(Outcome {
                    low: seconds.low,
                    likely: seconds.likely,
                    high: seconds.high,
                    measured: record.mean_prove_seconds()?,
                })
            }
            Self::CodeBytes => {
                let bytes = record.verifier.as_ref().filter(|_| is_plain)?.runtime_code_bytes;
                Some(figure(forecast.runtime_code_bytes, 1.0, bytes))
            }
            Self::VerificationGas => {
                let own = record.request.fork;
                let fork = forecast.forks.iter().find(|fork| fork.fork == own && is_plain)?;
                let gas = record.verification.as_ref()?.gas?.tx_gas;
                Some(figure(fork.verification_gas, 1.0, gas))
            }
        }
    }
}

/// Every forecast beside what was measured.
pub fn forecasts(dataset: &Dataset) -> Table {
    let mut rows = Vec::new();
    for entry in &dataset.entries {
        for figure in Figure::ALL {
            if let Some(outcome) = figure.of(&entry.record) {
                rows.push(vec![
                    Cell::text(entry.label()),
                    Cell::text(figure.name()),
                    Cell::Real(outcome.low),
                    Cell::Real(outcome.likely),
                    Cell::Real(outcome.high),
                    Cell::Real(outcome.measured),
                    Cell::Real(100.0 * outcome.miss()),
                    Cell::yes(Some(outcome.is_held())),
                ]);
            }
        }
    }
    Table {
        name: "forecasts",
        title: "Forecast and measurement",
        caption: "What was forecast from the circuit's settings alone, before anything was proved, and what was measured.".to_owned(),
        columns: vec![
            Column::text("record"),
            Column::text("figure"),
            Column::significant("least", None),
            Column::significant("likely", None),
            Column::significant("most", None),
            Column::significant("measured", None),
            Column::real("miss", Some("%"), 1),
            Column::text("within"),
        ],
        rows,
        notes: Vec::new(),
    }
}
