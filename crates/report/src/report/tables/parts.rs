//! Models that were proved in parts: each part, and the whole set in one transaction.

use std::collections::HashMap;

use super::with_samples;
use crate::metric::{Metric, Value};
use crate::record::PartRequest;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};

/// What is shown of a part, and how a set's value comes of its parts'.
const METRICS: [(Metric, OfSet); 7] = [
    (Metric::Logrows, OfSet::Last),
    (Metric::SetupSeconds, OfSet::Sum),
    (Metric::ProveMedian, OfSet::Sum),
    (Metric::ProvePeak, OfSet::Greatest),
    (Metric::ProofSize, OfSet::Sum),
    (Metric::VerificationGas, OfSet::OneTransaction),
    (Metric::Outcome, OfSet::Last),
];

/// How a set's value comes of its parts'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfSet {
    /// The parts' sum.
    Sum,
    /// The greatest of the parts'.
    Greatest,
    /// The last part's.
    Last,
    /// The gas of the one transaction that verifies all parts.
    OneTransaction,
}

/// The sets whose every record is there, in the order of their last parts: the records in the parts' order.
pub(super) fn sets(dataset: &Dataset) -> Vec<Vec<&Entry>> {
    let by_name: HashMap<_, _> = dataset
        .entries
        .iter()
        .map(|entry| ((entry.path.parent(), entry.name()), entry))
        .collect();
    dataset
        .entries
        .iter()
        .filter_map(|last| {
            let names = &last.record.set.as_ref()?.parts;
            names
                .iter()
                .map(|name| by_name.get(&(last.path.parent(), name.as_str())).copied())
                .collect()
        })
        .collect()
}

/// One row for each part, and one for its set: times and bytes are sums, memory is the most. Where the set was verified with one
/// pairing as well, a row has that gas.
pub fn parts(dataset: &Dataset) -> Table {
    let sets = sets(dataset);
    let metrics = with_samples(&METRICS.map(|(metric, _)| metric), &sets.concat());
    let rows = sets.iter().flat_map(|set| {
        let own = set.iter().map(|entry| row(entry, &metrics)).collect::<Vec<_>>();
        own.into_iter()
            .chain(whole(set, &metrics))
            .chain(with_one_pairing(set, &metrics))
    });
    Table {
        name: "parts",
        title: "Models in parts",
        caption: "Models that are proved in parts which share commitments. A part's gas is its bare verifier's; the set's is that of \
                  one transaction through the contract that takes all parts or none, the guards' work included; with one pairing, that \
                  of the contract that checks all parts' equations together."
            .to_owned(),
        columns: [Column::text("model"), Column::integer("scale", None), Column::text("part")]
            .into_iter()
            .chain(metrics.iter().copied().map(column))
            .collect(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

/// A metric's column; that of gas is of a part's verifier, and in the set's rows of the set.
fn column(metric: Metric) -> Column {
    match metric {
        Metric::VerificationGas => Column::of(metric).named(metric.name()),
        other => Column::of(other),
    }
}

fn row(entry: &Entry, metrics: &[Metric]) -> Vec<Cell> {
    let part = entry.request().part.as_ref();
    let mut cells = vec![
        Cell::text(entry.request().id.to_string()),
        Cell::Integer(entry.scale().into()),
        part.map_or(Cell::Missing, |part| Cell::text(layers(entry, part))),
    ];
    cells.extend(Cell::of_all(metrics, Some(&entry.record)));
    cells
}

/// `part 2 of 4: 64×64×128×128`, by the shape of its output without the batch.
fn layers(entry: &Entry, part: &PartRequest) -> String {
    let shape = entry.record.model.output_shapes.first();
    let sizes = shape.map(|shape| shape.iter().skip(1).map(usize::to_string).collect::<Vec<_>>());
    format!("{part}: {}", sizes.unwrap_or_default().join("×"))
}

fn whole(set: &[&Entry], metrics: &[Metric]) -> Option<Vec<Cell>> {
    let last = set.last()?;
    last.record.set.as_ref()?;
    let mut cells = vec![
        Cell::text(last.request().id.to_string()),
        Cell::Integer(last.scale().into()),
        Cell::text(format!("all {} parts", set.len())),
    ];
    cells.extend(metrics.iter().map(|&metric| of_set(metric, set, last)));
    Some(cells)
}

/// The set's gas with one pairing for all parts, where it was measured.
fn with_one_pairing(set: &[&Entry], metrics: &[Metric]) -> Option<Vec<Cell>> {
    let last = set.last()?;
    let gas = Metric::SetOnePairingGas.of(&last.record)?;
    let mut cells = vec![
        Cell::text(last.request().id.to_string()),
        Cell::Integer(last.scale().into()),
        Cell::text(format!("all {} parts, one pairing", set.len())),
    ];
    cells.extend(metrics.iter().map(|&metric| match metric {
        Metric::VerificationGas => Cell::measure(metric.unit(), Some(gas.clone())),
        _ => Cell::Missing,
    }));
    Some(cells)
}

/// What stands beside the times (how many proofs, machine, revision) is the last part's.
fn of_set(metric: Metric, set: &[&Entry], last: &Entry) -> Cell {
    let named = METRICS.into_iter().find(|(named, _)| *named == metric);
    let parts = || set.iter().map(|entry| &entry.record);
    let value = match named.map_or(OfSet::Last, |(_, of_set)| of_set) {
        OfSet::Sum => parts().map(|record| metric.of(record)).reduce(sum).flatten(),
        OfSet::Greatest => {
            let values = parts().filter_map(|record| metric.whole(record));
            values.max().map(Value::Whole)
        }
        OfSet::Last => metric.of(&last.record),
        OfSet::OneTransaction => Metric::SetGas.of(&last.record),
    };
    Cell::measure(metric.unit(), value)
}

/// None where a part has none.
fn sum(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    match (one?, other?) {
        (Value::Whole(one), Value::Whole(other)) => Some(Value::Whole(one + other)),
        (Value::Real(one), Value::Real(other)) => Some(Value::Real(one + other)),
        _ => None,
    }
}
