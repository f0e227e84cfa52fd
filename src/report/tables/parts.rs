//! Models that were proved in parts: each part, and the whole set in one transaction.

use std::collections::HashMap;

use super::Figures;
use crate::prover::Phase;
use crate::record::{PartRequest, Record};
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};

/// The sets whose every record is there, in the order of their last parts: the records in the parts' order.
fn sets(dataset: &Dataset) -> Vec<Vec<&Entry>> {
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

/// One row for each part, and one for its set: times and bytes are sums, memory is the most.
pub fn parts(dataset: &Dataset) -> Table {
    let rows = sets(dataset).into_iter().flat_map(|set| {
        let own = set.iter().map(|entry| row(entry)).collect::<Vec<_>>();
        own.into_iter().chain(whole(&set))
    });
    Table {
        name: "parts",
        title: "Models in parts",
        caption: "Models that are proved in parts which share commitments. A part's gas is its bare verifier's; the set's is that of \
                  one transaction through the contract that takes all parts or none, the guards' work included."
            .to_owned(),
        columns: vec![
            Column::text("model"),
            Column::integer("scale", None),
            Column::text("part"),
            Column::integer("2^k", None),
            Column::real("set-up", Some("s"), 1),
            Column::real("prove", Some("s"), 1),
            Column::real("peak memory", Some("GiB"), 2),
            Column::integer("proof", Some("B")),
            Column::integer("verification gas", None),
            Column::text("outcome"),
        ],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

fn row(entry: &Entry) -> Vec<Cell> {
    let figures = Figures::of(Some(entry));
    let part = entry.request().part.as_ref();
    vec![
        Cell::text(entry.request().id.to_string()),
        Cell::Integer(entry.scale().into()),
        part.map_or(Cell::Missing, |part| Cell::text(layers(entry, part))),
        figures.logrows(),
        figures.setup_seconds(),
        figures.prove_seconds(),
        figures.prove_peak(),
        figures.proof_bytes(),
        figures.verification_gas(),
        figures.outcome(),
    ]
}

/// `part 2 of 4: 64×64×128×128`, by the shape of its output without the batch.
fn layers(entry: &Entry, part: &PartRequest) -> String {
    let shape = entry.record.model.output_shapes.first();
    let sizes = shape.map(|shape| shape.iter().skip(1).map(usize::to_string).collect::<Vec<_>>());
    format!("{part}: {}", sizes.unwrap_or_default().join("×"))
}

fn whole(set: &[&Entry]) -> Option<Vec<Cell>> {
    let last = set.last()?;
    let measurement = &last.record.set.as_ref()?.measurement;
    let records = || set.iter().map(|entry| &entry.record);
    let sum = |seconds: fn(&Record) -> Option<f64>| records().map(seconds).sum::<Option<f64>>();
    let setup = |record: &Record| super::mean(&record.call_seconds(Phase::Setup));
    Some(vec![
        Cell::text(last.request().id.to_string()),
        Cell::Integer(last.scale().into()),
        Cell::text(format!("all {} parts", set.len())),
        Figures::of(Some(last)).logrows(),
        Cell::real(sum(setup)),
        Cell::real(sum(Record::mean_prove_seconds)),
        Cell::gibibytes(
            records()
                .filter_map(|record| record.peak_rss_bytes(Phase::Prove))
                .max(),
        ),
        Cell::count(
            records()
                .map(|record| Some(record.proof.as_ref()?.proof_bytes))
                .sum(),
        ),
        Cell::count(Some(measurement.verification.tx_gas)),
        Cell::text(last.record.outcome.to_string()),
    ])
}
