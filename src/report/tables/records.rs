//! One row for each record with every figure; its columns are documented here and nowhere else.

use super::{Figures, mean};
use crate::accuracy::Accuracy;
use crate::chain::Fork;
use crate::prover::Phase;
use crate::record::{IntegerCheck, Record};
use crate::report::data::{Dataset, Entry};
use crate::report::statistics::Summary;
use crate::report::table::{Cell, Column, Kind, Table};
use crate::report::tables::chain::Fits;

/// A column of `records.csv`.
pub struct RecordColumn {
    /// Name, unit and kind.
    pub column: Column,
    /// What it holds, for people.
    pub documentation: &'static str,
    /// Its cell in a record's row.
    pub cell: fn(&Entry) -> Cell,
}

type CellOf = fn(&Entry) -> Cell;

const fn of(column: Column, documentation: &'static str, cell: CellOf) -> RecordColumn {
    RecordColumn {
        column,
        documentation,
        cell,
    }
}

fn text(name: &str, documentation: &'static str, cell: CellOf) -> RecordColumn {
    of(Column::text(name), documentation, cell)
}

fn count(name: &str, unit: Option<&'static str>, documentation: &'static str, cell: CellOf) -> RecordColumn {
    of(Column::integer(name, unit), documentation, cell)
}

fn real(name: &str, unit: Option<&'static str>, documentation: &'static str, cell: CellOf) -> RecordColumn {
    of(Column::significant(name, unit), documentation, cell)
}

fn figures(entry: &Entry) -> Figures<'_> {
    Figures::of(Some(entry))
}

fn accuracy(entry: &Entry) -> Option<&Accuracy> {
    entry.record.accuracy.as_ref()
}

fn seconds(entry: &Entry, phase: Phase) -> Cell {
    Cell::real(mean(&entry.record.call_seconds(phase)))
}

fn proving(entry: &Entry) -> Option<Summary> {
    Summary::of(&entry.record.call_seconds(Phase::Prove))
}

fn gas(entry: &Entry, part: fn(&crate::chain::TransactionGas) -> u64) -> Cell {
    let gas = entry
        .record
        .verification
        .as_ref()
        .and_then(|verification| verification.gas.as_ref());
    Cell::count(gas.map(part))
}

fn fits(entry: &Entry, fork: Fork) -> Cell {
    let fits = entry.record.fits();
    let fit = fits.iter().find(|fit| fit.fork() == fork);
    fit.map_or(Cell::Missing, |fit| Cell::text(Fits::of(fit).name()))
}

fn fork_gas(entry: &Entry, fork: Fork) -> Cell {
    let fits = entry.record.fits();
    let fit = fits.iter().find(|fit| fit.fork() == fork);
    Cell::count(fit.and_then(|fit| Some(fit.verification.gas?.tx_gas)))
}

fn circuit<T>(record: &Record, of: fn(&crate::record::Circuit) -> T) -> Option<T> {
    record.circuit.as_ref().map(of)
}

fn status(entry: &Entry) -> Cell {
    let outcome = serde_json::to_value(&entry.record.outcome).expect("an outcome is plain data");
    Cell::text(outcome["status"].as_str().unwrap_or_default())
}

/// Every column, in the order of the file.
pub fn columns() -> Vec<RecordColumn> {
    let mut columns = identity();
    columns.extend(proving_columns());
    columns.extend(chain_columns());
    columns.extend(provenance());
    columns
}

fn identity() -> Vec<RecordColumn> {
    vec![
        text(
            "record",
            "Suite and name of the run; the record is `<name>.json` in its suite's folder.",
            |entry| Cell::text(&entry.experiment),
        ),
        text("model", "The model's id, or an ONNX file's name.", |entry| {
            Cell::text(&entry.request().id)
        }),
        text(
            "suite",
            "The part of the study that the model belongs to, or `onnx`.",
            |entry| Cell::text(&entry.request().suite),
        ),
        text("circuit", "The kind of circuit.", |entry| {
            Cell::text(entry.kind().to_string())
        }),
        count(
            "scale",
            None,
            "log2 of the fixed-point multiplier that was asked for.",
            |entry| Cell::Integer(entry.scale().into()),
        ),
        text(
            "choices",
            "What was chosen otherwise than by default, of what changes circuit, verifier or gas.",
            |entry| Cell::text(entry.choices().join("; ")),
        ),
        text(
            "outcome",
            "`verified`, `rejected`, `unsound`, `out_of_memory`, `timed_out`, `failed`, `not_attempted` or `environment`.",
            status,
        ),
        text(
            "details",
            "The outcome in words, with the limits of the chain that it is over.",
            |entry| figures(entry).outcome_and_limits(),
        ),
        text(
            "proves",
            "How far an accepted proof can be relied on, by the ledger: `sound`, `unknown`, `limited` or `UNSOUND`.",
            |entry| figures(entry).level(),
        ),
        count("parameters", None, "Stored constants of the model.", |entry| {
            Cell::count(entry.record.model.parameters)
        }),
        count(
            "multiply adds",
            None,
            "Multiplications of a value with a weight.",
            |entry| Cell::count(entry.record.model.multiply_adds),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of columns")]
fn proving_columns() -> Vec<RecordColumn> {
    vec![
        count("rows", None, "Rows that the circuit uses.", |entry| {
            figures(entry).rows()
        }),
        count(
            "logrows",
            None,
            "k, where the circuit has 2^k rows in all.",
            |entry| figures(entry).logrows(),
        ),
        count("cells", None, "Cells that the circuit assigns.", |entry| {
            Cell::count(circuit(&entry.record, |circuit| circuit.cells))
        }),
        count(
            "input scale",
            None,
            "The scale that inputs came out at.",
            |entry| {
                circuit(&entry.record, |circuit| circuit.input_scale)
                    .map_or(Cell::Missing, |scale| Cell::Integer(scale.into()))
            },
        ),
        count("proving key", Some("bytes"), "The proving key's file.", |entry| {
            figures(entry).key_bytes()
        }),
        count(
            "verifying key",
            Some("bytes"),
            "The verifying key's file.",
            |entry| Cell::count(entry.record.keys.as_ref().map(|keys| keys.verifying_key_bytes)),
        ),
        real(
            "setup mean",
            Some("seconds"),
            "Mean time of set-up inside EZKL's call.",
            |entry| seconds(entry, Phase::Setup),
        ),
        real(
            "witness mean",
            Some("seconds"),
            "Mean time of the witness, likewise.",
            |entry| seconds(entry, Phase::Witness),
        ),
        real(
            "prove mean",
            Some("seconds"),
            "Mean time of a proof, likewise.",
            |entry| figures(entry).prove_seconds(),
        ),
        count("prove n", None, "Proofs that were counted.", |entry| {
            Cell::count(proving(entry).map(|summary| summary.count as u64))
        }),
        real(
            "prove deviation",
            Some("seconds"),
            "Standard deviation of the proofs' times; empty for one.",
            |entry| Cell::real(proving(entry).and_then(|summary| summary.deviation)),
        ),
        real(
            "prove half interval",
            Some("seconds"),
            "Half the 95% interval of the mean by Student's t; empty below 5 proofs.",
            |entry| Cell::real(proving(entry).and_then(|summary| summary.half_interval)),
        ),
        count(
            "setup peak",
            Some("bytes"),
            "High-water mark of the process that made the keys.",
            |entry| Cell::count(entry.record.peak_rss_bytes(Phase::Setup)),
        ),
        count(
            "prove peak",
            Some("bytes"),
            "High-water mark of the proving process; the largest of all proofs.",
            |entry| Cell::count(entry.record.peak_rss_bytes(Phase::Prove)),
        ),
        count(
            "disk peak",
            Some("bytes"),
            "Most disk space that the run's own files took.",
            |entry| Cell::count(entry.record.peak_disk_bytes),
        ),
        count("proof", Some("bytes"), "The proof alone.", |entry| {
            figures(entry).proof_bytes()
        }),
        count("instances", None, "Public values, 32 bytes each.", |entry| {
            figures(entry).instances()
        }),
        count(
            "calldata",
            Some("bytes"),
            "The call that verifies the proof.",
            |entry| Cell::count(entry.record.proof.as_ref().map(|proof| proof.calldata_bytes)),
        ),
        text(
            "integer check",
            "Whether every output equals the exact integer reference: `exact` or `not covered`.",
            |entry| {
                entry.record.numerics.as_ref().map_or(Cell::Missing, |numerics| {
                    Cell::text(match numerics.integer {
                        IntegerCheck::Exact { .. } => "exact",
                        IntegerCheck::NotCovered { .. } => "not covered",
                    })
                })
            },
        ),
        real(
            "largest error",
            None,
            "Largest distance of an output from the float model.",
            |entry| figures(entry).largest_error(),
        ),
        real(
            "output range",
            None,
            "The outputs' greatest less their least, over all inputs that they were judged on; empty in records of schema 5.",
            |entry| Cell::real(entry.record.output_range()),
        ),
        text(
            "function",
            "What the circuit's function was judged by before it was proved, on several inputs, and what came out; empty where it \
             was not: committed circuits, and records of schema 5.",
            |entry| {
                let check = entry.record.function.as_ref();
                check.map_or(Cell::Missing, |check| Cell::text(check.sentence()))
            },
        ),
        real(
            "mean error",
            None,
            "Mean distance of the outputs from the float model.",
            |entry| {
                Cell::real(
                    entry
                        .record
                        .numerics
                        .as_ref()
                        .and_then(|numerics| numerics.mean_absolute_error),
                )
            },
        ),
        count(
            "test images",
            None,
            "Images of CIFAR-10's test set that the model was tried on; empty where it was not.",
            |entry| Cell::count(accuracy(entry).map(|accuracy| accuracy.images as u64)),
        ),
        count(
            "right in f32",
            None,
            "Images that the float model puts into their class.",
            |entry| Cell::count(accuracy(entry).map(|accuracy| accuracy.float_correct as u64)),
        ),
        count(
            "right in the circuit",
            None,
            "Images that the circuit's exact integers put into their class.",
            |entry| Cell::count(accuracy(entry).map(|accuracy| accuracy.correct as u64)),
        ),
        count(
            "agreeing",
            None,
            "Images that both put into one class, right or wrong.",
            |entry| Cell::count(accuracy(entry).map(|accuracy| accuracy.agreeing as u64)),
        ),
        real(
            "worst logit error",
            None,
            "Largest distance of a logit of the circuit from the float model's, over all images.",
            |entry| Cell::real(accuracy(entry).map(|accuracy| accuracy.worst_logit_error)),
        ),
        real("mean logit error", None, "Mean distance, likewise.", |entry| {
            Cell::real(accuracy(entry).map(|accuracy| accuracy.mean_logit_error))
        }),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of columns")]
fn chain_columns() -> Vec<RecordColumn> {
    vec![
        count(
            "runtime code",
            Some("bytes"),
            "The verifier's code on chain.",
            |entry| figures(entry).code_bytes(),
        ),
        count(
            "deployment gas",
            None,
            "What the sender of the deployment pays.",
            |entry| {
                Cell::count(
                    entry
                        .record
                        .deployment
                        .as_ref()
                        .map(|deployment| deployment.gas.tx_gas),
                )
            },
        ),
        count(
            "registration gas",
            None,
            "What registering the circuit's key with a reusable verifier costs.",
            |entry| {
                Cell::count(
                    entry
                        .record
                        .registration
                        .as_ref()
                        .and_then(|registration| Some(registration.call.gas?.tx_gas)),
                )
            },
        ),
        text(
            "fork",
            "The rules that the figures of gas before the next ones are under.",
            |entry| Cell::text(entry.request().fork.name()),
        ),
        count(
            "verification gas",
            None,
            "What the sender of the verifying transaction pays.",
            |entry| gas(entry, |gas| gas.tx_gas),
        ),
        count(
            "verification intrinsic gas",
            None,
            "The part of it for being a transaction with such calldata.",
            |entry| gas(entry, |gas| gas.intrinsic_gas),
        ),
        count(
            "verification execution gas",
            None,
            "The part of it for running the verifier.",
            |entry| gas(entry, |gas| gas.execution_gas),
        ),
        count(
            "verification floor gas",
            None,
            "What the calldata floor asks for at least.",
            |entry| gas(entry, |gas| gas.floor_gas),
        ),
        count(
            "verification gas spread",
            None,
            "Greatest less least gas over the proofs of the run: calldata has other zero bytes in each.",
            |entry| {
                let samples = &entry.record.tx_gas_samples;
                Cell::count(
                    samples
                        .iter()
                        .max()
                        .zip(samples.iter().min())
                        .map(|(most, least)| most - least),
                )
            },
        ),
        count(
            "guarded gas",
            None,
            "What the sender pays where a guard stands in front of the verifier; of a committed circuit, the guard that derives its challenge.",
            |entry| figures(entry).guarded_gas(),
        ),
        count("prague gas", None, "Verification gas under Prague.", |entry| {
            fork_gas(entry, Fork::Prague)
        }),
        text(
            "prague fits",
            "`pool`: as any transaction; `one transaction`: needs a way to a block builder; `no`.",
            |entry| fits(entry, Fork::Prague),
        ),
        count("osaka gas", None, "Verification gas under Osaka.", |entry| {
            fork_gas(entry, Fork::Osaka)
        }),
        text("osaka fits", "Likewise.", |entry| fits(entry, Fork::Osaka)),
        count(
            "amsterdam gas",
            None,
            "Verification gas under Amsterdam.",
            |entry| fork_gas(entry, Fork::Amsterdam),
        ),
        text("amsterdam fits", "Likewise.", |entry| {
            fits(entry, Fork::Amsterdam)
        }),
        text(
            "controls",
            "Whether every negative control was rejected.",
            |entry| Cell::yes(entry.record.controls.as_ref().map(crate::chain::Controls::passed)),
        ),
    ]
}

fn provenance() -> Vec<RecordColumn> {
    vec![
        text(
            "machine",
            "Fingerprint of processor, cores, memory and system.",
            |entry| Cell::text(&entry.record.environment.machine.fingerprint),
        ),
        count(
            "threads",
            None,
            "Threads that EZKL's workers were given.",
            |entry| Cell::Integer(entry.record.environment.threads as i128),
        ),
        count(
            "memory limit",
            Some("bytes"),
            "Cap on each worker's data segment.",
            |entry| Cell::count(entry.record.environment.memory_limit_bytes),
        ),
        text(
            "reference string",
            "Where the reference string comes from: `local_test` is made by one party, who could forge.",
            |entry| {
                let kind = entry
                    .record
                    .keys
                    .as_ref()
                    .map(|keys| serde_json::to_value(keys.srs.kind).expect("a kind is a name"));
                kind.map_or(Cell::Missing, |kind| {
                    Cell::text(kind.as_str().unwrap_or_default())
                })
            },
        ),
        text("ezkl", "EZKL's version.", |entry| {
            Cell::text(&entry.record.environment.ezkl_version)
        }),
        text("solc", "solc's version.", |entry| {
            Cell::text(&entry.record.environment.solc_version)
        }),
        text("finished at", "When the run ended, in UTC.", |entry| {
            Cell::text(&entry.record.finished_at)
        }),
        count("schema", None, "The record's schema version.", |entry| {
            Cell::Integer(entry.record.schema.into())
        }),
    ]
}

/// Every record, every column.
pub fn table(dataset: &Dataset) -> Table {
    let columns = columns();
    let rows = dataset
        .entries
        .iter()
        .map(|entry| columns.iter().map(|column| (column.cell)(entry)).collect());
    Table {
        name: "records",
        title: "All records",
        caption: "One row for each record.".to_owned(),
        rows: rows.collect(),
        columns: columns.into_iter().map(|column| column.column).collect(),
        notes: Vec::new(),
    }
}

/// What each column of [`table`] holds.
pub fn documentation() -> Table {
    let rows = columns().into_iter().map(|column| {
        let kind = match column.column.kind {
            Kind::Text => "text",
            Kind::Integer => "whole number",
            Kind::Real(_) | Kind::Significant => "number",
        };
        vec![
            Cell::text(crate::report::csv::heading(&column.column)),
            Cell::text(kind),
            Cell::text(column.documentation),
        ]
    });
    Table {
        name: "records_columns",
        title: "Columns of records.csv",
        caption: "An empty cell is what a record does not hold.".to_owned(),
        columns: vec![
            Column::text("column"),
            Column::text("kind"),
            Column::text("holds"),
        ],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

/// Files that are in no table, and why.
pub fn left_out(dataset: &Dataset) -> Table {
    let rows = dataset.left_out.iter().map(|left| {
        vec![
            Cell::text(left.path.display().to_string()),
            Cell::text(&left.reason),
        ]
    });
    let (used, left) = (dataset.entries.len(), dataset.left_out.len());
    Table {
        name: "left_out",
        title: "Left out",
        caption: format!("{used} records are in this report; {left} files were left out."),
        columns: vec![Column::text("file"), Column::text("why")],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
