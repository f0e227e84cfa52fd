//! The models of ONNX files: what people ran of their own.

use super::{named_and_chosen, run_names, with_samples};
use crate::metric::Metric;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};

/// How a run ended and what it costs, what is asked first before the rest.
const METRICS: [Metric; 15] = [
    Metric::OutcomeAndLimits,
    Metric::MeaningfulGas,
    Metric::Level,
    Metric::LargestError,
    Metric::OutputRange,
    Metric::ProveMedian,
    Metric::ProvePeak,
    Metric::SetupSeconds,
    Metric::SetupPeak,
    Metric::Rows,
    Metric::Logrows,
    Metric::ProofSize,
    Metric::Instances,
    Metric::RuntimeCode,
    Metric::DeploymentGas,
];

/// Every record of an ONNX file, whatever became of it and whatever was chosen.
pub fn models(dataset: &Dataset) -> Table {
    let mut columns = run_names("model");
    columns.push(Column::text("chosen"));
    let entries: Vec<&Entry> = dataset.entries.iter().filter(|entry| entry.is_users()).collect();
    let metrics = with_samples(&METRICS, &entries);
    columns.extend(Column::of_all(&metrics));
    let rows = entries.into_iter().map(|entry| {
        let choices = entry.choices();
        let chosen = (!choices.is_empty()).then(|| Cell::text(choices.join(", ")));
        let mut cells = named_and_chosen(entry, chosen.unwrap_or(Cell::Missing));
        cells.extend(Cell::of_all(&metrics, Some(&entry.record)));
        cells
    });
    Table {
        name: "models",
        title: "Models of ONNX files",
        caption: "Every record of an ONNX file, with its reason where it was not verified. \"chosen\" is what was asked for otherwise \
                  than by default; \"verification gas\" is that of the whole transaction, of a committed circuit through the guard \
                  that derives its challenge; \"largest error\" is the largest distance of an output from the float model on all \
                  inputs that the record was tried on, beside the range of the outputs."
            .to_owned(),
        rows: rows.collect(),
        columns,
        notes: without_proof(dataset).into_iter().collect(),
    }
}

/// How many of them were not verified.
fn without_proof(dataset: &Dataset) -> Option<String> {
    let entries = dataset.entries.iter().filter(|entry| entry.is_users());
    let (verified, others): (Vec<&Entry>, Vec<&Entry>) =
        entries.partition(|entry| entry.record.outcome == crate::record::Outcome::Verified);
    (!others.is_empty()).then(|| {
        format!(
            "{} verified in the EVM, {} ended otherwise, each for the reason that stands beside it.",
            verified.len(),
            others.len()
        )
    })
}
