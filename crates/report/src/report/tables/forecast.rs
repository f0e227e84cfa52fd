//! What was forecast from a circuit's settings, and what was measured.

use crate::forecast::Estimate;
use crate::metric::Metric;
use crate::record::Record;
use crate::report::data::Dataset;
use crate::report::table::{Cell, Column, Table};
use crate::solidity::DEFAULT_OPTIMIZER_RUNS;
use evmbench_schema::plan::VerifierKind;

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

/// Every figure that is forecast.
pub const FORECAST: [Metric; 5] = [
    Metric::ProvingKey,
    Metric::ProvePeak,
    Metric::ProveMedian,
    Metric::RuntimeCode,
    Metric::VerificationGas,
];

/// What was forecast of a metric, in the unit of tables: the least, what was held likely, the most. None where nothing was.
fn interval(metric: Metric, record: &Record) -> Option<[f64; 3]> {
    let forecast = record.forecast.as_ref()?;
    let whole = |estimate: Estimate| {
        [estimate.low, estimate.likely, estimate.high].map(|number| metric.unit().measure(number as f64))
    };
    // Code and gas are forecast of a plain verifier that is compiled as by default.
    let is_plain = record.request.verifier == VerifierKind::Plain
        && record.request.optimizer_runs == DEFAULT_OPTIMIZER_RUNS;
    match metric {
        Metric::ProvingKey => Some(whole(forecast.proving_key_bytes)),
        Metric::ProvePeak => Some(whole(forecast.prove_peak_bytes)),
        Metric::ProveMedian => {
            let seconds = forecast.prove_seconds?;
            Some([seconds.low, seconds.likely, seconds.high])
        }
        Metric::RuntimeCode => is_plain.then(|| whole(forecast.runtime_code_bytes)),
        Metric::VerificationGas => {
            let own = record.request.fork;
            let fork = forecast.forks.iter().find(|fork| fork.fork == own && is_plain)?;
            Some(whole(fork.verification_gas))
        }
        _ => None,
    }
}

impl Outcome {
    /// Forecast and measurement of a metric; none where a record lacks either.
    pub fn of(metric: Metric, record: &Record) -> Option<Self> {
        let [low, likely, high] = interval(metric, record)?;
        Some(Self {
            low,
            likely,
            high,
            measured: metric.measure(record)?,
        })
    }
}

/// Every forecast beside what was measured.
pub fn forecasts(dataset: &Dataset) -> Table {
    let mut rows = Vec::new();
    for entry in &dataset.entries {
        for metric in FORECAST {
            if let Some(outcome) = Outcome::of(metric, &entry.record) {
                rows.push(vec![
                    Cell::text(entry.label()),
                    Cell::text(metric.label()),
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
