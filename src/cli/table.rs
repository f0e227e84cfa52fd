//! Tables for the terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

use super::format;
use crate::prover::Phase;
use crate::record::{Outcome, Record};

/// A table with a heading; figures stand to the right.
pub(super) struct Table(comfy_table::Table);

impl Table {
    /// A table without rows.
    pub(super) fn new(heading: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(heading);
        Self(table)
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|text| {
            let figure = text.starts_with(|c: char| c.is_ascii_digit()) || text == "-";
            let alignment = if figure { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(text).set_alignment(alignment)
        });
        self.0.add_row(cells);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, line) in self.0.to_string().lines().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

/// The table at the end of a run: one row for each record.
pub(super) fn records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Table {
    let mut table = Table::new(&[
        "experiment", "rows", "2^k", "prove", "peak memory", "proof", "instances", "code", "verify gas", "outcome",
    ]);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for record in records {
        let mut outcome = record.outcome.to_string();
        if !record.broken_rules.is_empty() && record.outcome == Outcome::Verified {
            let rules: Vec<String> = record.broken_rules.iter().map(|broken| broken.rule.to_string()).collect();
            outcome = format!("{outcome}, but over the {}", rules.join(" and the "));
        }
        let circuit = record.circuit.as_ref();
        let proof = record.proof.as_ref();
        table.row([
            record.request.name(),
            dash(circuit.map(|circuit| format::count(circuit.rows))),
            dash(circuit.map(|circuit| circuit.logrows.to_string())),
            dash(record.mean_prove_seconds().map(format::seconds)),
            dash(record.peak_rss_bytes(Phase::Prove).map(format::bytes)),
            dash(proof.map(|proof| format!("{} B", format::count(proof.proof_bytes)))),
            dash(proof.map(|proof| format::count(proof.instances))),
            dash(record.verifier.as_ref().map(|verifier| format!("{} B", format::count(verifier.runtime_code_bytes)))),
            dash(record.verification.as_ref().and_then(|verification| verification.gas).map(|gas| format::count(gas.tx_gas))),
            outcome,
        ]);
    }
    table
}
