//! Proofs of one circuit that were verified in one transaction: what each costs in a batch of another size.

use crate::record::ProofBatch;
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Table};
use crate::solidity::Sharing;

/// Sizes of batches that are shown.
const SIZES: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// One row for each batch: gas a proof by the batch's size.
pub fn batches(dataset: &Dataset) -> Table {
    let batches = dataset
        .entries
        .iter()
        .filter_map(|entry| Some((entry, entry.record.batch.as_ref()?)));
    Table {
        name: "batches",
        title: "Batches",
        caption: "Gas a proof, of whole transactions that verify so many proofs of one circuit together and share the key's \
                  commitments, under the record's fork. Measured are a batch of one proof and the batch of the record; the \
                  others are on the line through both. A size that no block takes is a dash; the last column is \
                  the greatest batch that public nodes relay."
            .to_owned(),
        columns: [
            Column::text("circuit"),
            Column::integer("N", None),
            Column::integer("apart", Some("gas")),
        ]
        .into_iter()
            .chain(SIZES.map(|size| Column::integer(format!("{size}"), Some("gas"))))
            .chain([Column::integer("fits the pool", Some("proofs"))])
            .collect(),
        rows: batches.map(|(entry, batch)| row(entry, batch)).collect(),
        notes: Vec::new(),
    }
}

fn row(entry: &Entry, batch: &ProofBatch) -> Vec<Cell> {
    let measured = &batch.measurement;
    let largest = measured.largest(Sharing::Key);
    let most = largest.map_or(0, |largest| largest.proofs);
    let mut cells = vec![Cell::text(entry.label_of_circuit())];
    cells.push(Cell::count(Some(measured.proofs())));
    cells.push(Cell::count(Some(measured.bare_tx_gas_per_proof())));
    cells.extend(SIZES.map(|size| {
        let fits = Some(size).filter(|&size| size <= most);
        Cell::count(fits.and_then(|size| measured.expected_tx_gas_per_proof(Sharing::Key, size)))
    }));
    cells.push(Cell::count(largest.map(|largest| largest.public_pool_proofs)));
    cells
}
