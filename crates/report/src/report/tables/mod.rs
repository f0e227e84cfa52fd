//! Every table of a report, each a function from the records to one [`Table`].
//!
//! - [`users`]: the models of ONNX files;
//! - [`layers`]: core layers, scale 7 against 10, the scaling study, the composites;
//! - [`parts`]: models that were proved in parts;
//! - [`batches`]: proofs of one circuit in one transaction;
//! - [`chain`]: gas by cause, forks and their limits, what single choices do;
//! - [`costs`]: gas in ETH and USD;
//! - [`study`]: the study's 40 experiments beside ours, and what its harness got wrong;
//! - [`baseline`]: another folder of records beside this one;
//! - [`forecast`]: what was forecast and what was measured;
//! - [`samples`]: times and memory with their statistics, the machines;
//! - [`records`]: one row for each record, with every figure; what was left out.

pub mod baseline;
pub mod batches;
pub mod chain;
pub mod costs;
pub mod forecast;
pub mod layers;
pub mod parts;
pub mod records;
pub mod samples;
pub mod study;
pub mod users;

use super::data::{Dataset, Entry, Origin, by_machine, by_revision};
use super::prices::Prices;
use super::table::{Cell, Column, Table};
use crate::format;
use crate::metric::Metric;

/// Every table but that of a baseline, in the order of a report: models of ONNX files first, where there are some. Where no record
/// is about a model of the study, its tables are left out, and so is what no record holds anything of.
pub fn all(dataset: &Dataset, prices: &Prices) -> Vec<Table> {
    let mut tables = vec![users::models(dataset)];
    tables.retain(|table| !table.is_empty());
    let has_study = dataset.has_study();
    if has_study {
        tables.extend([
            layers::core_layers(dataset),
            layers::scale_comparison(dataset),
            layers::scaling(dataset),
            layers::composite_comparison(dataset),
        ]);
    }
    let of_any_model = [
        layers::accuracies(dataset),
        parts::parts(dataset),
        batches::batches(dataset),
        chain::gas_by_cause(dataset),
        chain::forks_and_limits(dataset),
        chain::choices(dataset),
        costs::costs(dataset, prices),
        forecast::forecasts(dataset),
    ];
    let is_shown = |table: &Table| has_study || !table.is_empty();
    tables.extend(of_any_model.into_iter().filter(is_shown));
    if has_study {
        tables.extend([
            study::reproduction(dataset),
            study::comparison(dataset),
            study::harness(dataset),
        ]);
    }
    tables.extend([
        samples::measurements(dataset),
        samples::machines(dataset),
        records::left_out(dataset),
    ]);
    tables
}

/// The columns that name a run: its model, scale and circuit.
fn run_names(model: &str) -> Vec<Column> {
    vec![
        Column::text(model),
        Column::integer("scale", None),
        Column::text("circuit"),
    ]
}

/// The cells of [`run_names`].
fn named(entry: &Entry) -> Vec<Cell> {
    named_with(entry, entry.circuit())
}

/// The same where a column of its own says what was chosen.
fn named_and_chosen(entry: &Entry, chosen: Cell) -> Vec<Cell> {
    let mut cells = named_with(entry, entry.kind().to_string());
    cells.push(chosen);
    cells
}

fn named_with(entry: &Entry, circuit: String) -> Vec<Cell> {
    vec![
        Cell::text(&entry.request().id),
        Cell::Integer(entry.scale().into()),
        Cell::text(circuit),
    ]
}

/// What a table shows, with what its times are of: beside that of a proof the number of proofs, and the machine and evmbench's revision
/// where the rows are of several.
pub fn with_samples(metrics: &[Metric], entries: &[&Entry]) -> Vec<Metric> {
    let mut beside = vec![Metric::ProveCount];
    if by_machine(entries).len() > 1 {
        beside.push(Metric::Machine);
    }
    if by_revision(entries).len() > 1 {
        beside.push(Metric::Revision);
    }
    let mut shown = Vec::new();
    for &metric in metrics {
        shown.push(metric);
        if metric == Metric::ProveMedian {
            shown.extend(&beside);
        }
    }
    shown
}

/// What is said under a table that has no columns for machines and revisions, where its rows are of several.
fn origins(entries: &[&Entry]) -> Vec<String> {
    let machines = but_for(&by_machine(entries));
    let revisions = but_for(&by_revision(entries));
    let machines = machines.map(|machines| format!("Our times and memory are of machine {machines}."));
    let revisions = revisions.map(|revisions| {
        format!(
            "Our records are of evmbench's revision {revisions}. What differs within a row of two revisions can be theirs."
        )
    });
    machines.into_iter().chain(revisions).collect()
}

/// The first origin, and what is of others: `one, but of another: relu, scale 7`. None where there is one alone.
fn but_for(origins: &[Origin]) -> Option<String> {
    let ((first, _), others) = origins.split_first()?;
    let others = others.iter().map(|(origin, entries)| {
        let labels: Vec<String> = entries.iter().map(|entry| entry.label()).collect();
        format!("of {origin}: {}", labels.join("; "))
    });
    let others: Vec<String> = others.collect();
    (!others.is_empty()).then(|| format!("{first}, but {}", others.join("; and ")))
}

/// What is said under a table of headlines where other records of the same circuits are in the dataset.
fn further_records(dataset: &Dataset) -> Option<String> {
    let further = dataset.entries.len() - dataset.headlines().len();
    (further > 0).then(|| {
        format!(
            "One record for each model, scale and kind of circuit; further ones, with other choices or runs, are in records.csv, and those \
             with other choices in the tables of choices, parts and batches ({}).",
            format::plural(further, "record")
        )
    })
}
