//! Every table of a report, each a function from the records to one [`Table`].
//!
//! - [`layers`]: core layers, scale 7 against 10, the scaling study, the composites;
//! - [`parts`]: models that were proved in parts;
//! - [`chain`]: gas by cause, forks and their limits, what single choices do;
//! - [`costs`]: gas in ETH and USD;
//! - [`study`]: the study's 40 experiments beside ours, and what its harness got wrong;
//! - [`baseline`]: another folder of records beside this one;
//! - [`forecast`]: what was forecast and what was measured;
//! - [`samples`]: times and memory with their statistics, the machines;
//! - [`records`]: one row for each record, with every figure; what was left out.

pub mod baseline;
pub mod chain;
pub mod costs;
pub mod forecast;
pub mod layers;
pub mod parts;
pub mod records;
pub mod samples;
pub mod study;

use super::data::{Dataset, Entry};
use super::prices::Prices;
use super::table::{Cell, Table};
use crate::accuracy::Accuracy;
use crate::prover::Phase;
use crate::record::Record;
use chain::Fits;

/// Every table but that of a baseline, in the order of a report.
pub fn all(dataset: &Dataset, prices: &Prices) -> Vec<Table> {
    vec![
        layers::core_layers(dataset),
        layers::scale_comparison(dataset),
        layers::scaling(dataset),
        layers::composite_comparison(dataset),
        layers::accuracies(dataset),
        parts::parts(dataset),
        chain::gas_by_cause(dataset),
        chain::forks_and_limits(dataset),
        chain::choices(dataset),
        costs::costs(dataset, prices),
        forecast::forecasts(dataset),
        study::reproduction(dataset),
        study::comparison(dataset),
        study::harness(dataset),
        samples::measurements(dataset),
        samples::machines(dataset),
        records::left_out(dataset),
    ]
}

/// What tables say of one record, in their units; a dash for what it does not hold.
struct Figures<'a> {
    entry: Option<&'a Entry>,
}

impl<'a> Figures<'a> {
    fn of(entry: Option<&'a Entry>) -> Self {
        Self { entry }
    }

    fn record(&self) -> Option<&'a Record> {
        self.entry.map(|entry| &entry.record)
    }

    fn guarded_gas(&self) -> Cell {
        let guard = self.entry.and_then(Entry::guard);
        Cell::count(guard.map(|guard| guard.verification.tx_gas))
    }

    fn rows(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.circuit.as_ref()?.rows)),
        )
    }

    fn logrows(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.circuit.as_ref()?.logrows.into())),
        )
    }

    fn key_bytes(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| record.keys.as_ref()?.proving_key_bytes),
        )
    }

    fn setup_seconds(&self) -> Cell {
        Cell::real(
            self.record()
                .and_then(|record| mean(&record.call_seconds(Phase::Setup))),
        )
    }

    fn prove_seconds(&self) -> Cell {
        Cell::real(self.record().and_then(Record::mean_prove_seconds))
    }

    fn prove_peak(&self) -> Cell {
        Cell::gibibytes(
            self.record()
                .and_then(|record| record.peak_rss_bytes(Phase::Prove)),
        )
    }

    fn proof_bytes(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.proof.as_ref()?.proof_bytes)),
        )
    }

    fn instances(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.proof.as_ref()?.instances)),
        )
    }

    fn code_bytes(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.verifier.as_ref()?.runtime_code_bytes)),
        )
    }

    fn verification_gas(&self) -> Cell {
        Cell::count(
            self.record()
                .and_then(|record| Some(record.verification.as_ref()?.gas?.tx_gas)),
        )
    }

    fn largest_error(&self) -> Cell {
        Cell::real(self.record().and_then(Record::greatest_error))
    }

    fn accuracy(&self) -> Option<&'a Accuracy> {
        self.record().and_then(|record| record.accuracy.as_ref())
    }

    /// Part of the test images that the float model gets right, in percent.
    fn float_percent_right(&self) -> Cell {
        Cell::real(
            self.accuracy()
                .map(|accuracy| 100.0 * accuracy.float_part_correct()),
        )
    }

    /// Part of the test images that the circuit's integers get right, in percent.
    fn percent_right(&self) -> Cell {
        Cell::real(self.accuracy().map(|accuracy| 100.0 * accuracy.part_correct()))
    }

    /// How far an accepted proof can be relied on.
    fn level(&self) -> Cell {
        let ledger = self
            .record()
            .and_then(|record| record.proof.as_ref().and(record.ledger.as_ref()));
        ledger.map_or(Cell::Missing, |ledger| Cell::text(ledger.level.to_string()))
    }

    /// How the run ended.
    fn outcome(&self) -> Cell {
        self.record()
            .map_or(Cell::Missing, |record| Cell::text(record.outcome.to_string()))
    }

    /// How the run ended, and the limits that it is over.
    fn outcome_and_limits(&self) -> Cell {
        self.record()
            .map_or(Cell::Missing, |record| Cell::text(record.outcome_and_limits()))
    }

    /// How verifier and proof get on chain under the record's own fork.
    fn fits(&self) -> Cell {
        let fits = self.record().map(Record::fits).unwrap_or_default();
        let own = self.record().map(|record| record.request.fork);
        let fit = fits.iter().find(|fit| Some(fit.fork()) == own);
        fit.map_or(Cell::Missing, |fit| Cell::text(Fits::of(fit).name()))
    }
}

fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// What is said under a table of headlines where other records of the same circuits are in the dataset.
fn further_records(dataset: &Dataset) -> Option<String> {
    let further = dataset.entries.len() - dataset.headlines().len();
    (further > 0).then(|| {
        format!(
            "One record for each model, scale and kind of circuit; {further} further records, with other visibilities, verifiers, \
             compiler settings or runs, are in the table of choices and in records.csv."
        )
    })
}
