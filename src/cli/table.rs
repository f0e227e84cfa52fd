//! Tables for the terminal.

use std::borrow::Cow;

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

use super::format;
use crate::chain::Cause;
use crate::prover::Phase;
use crate::record::Record;
use crate::report::markdown;

/// A table with a heading; columns of figures stand to the right.
pub(super) struct Table {
    table: comfy_table::Table,
    alignments: Vec<CellAlignment>,
}

/// A column of text.
pub(super) const TEXT: CellAlignment = CellAlignment::Left;

/// A column of figures.
pub(super) const FIGURE: CellAlignment = CellAlignment::Right;

/// A cell's text: in a column of figures all of them are made here, signs and all.
fn shown(text: &str, alignment: CellAlignment) -> Cow<'_, str> {
    if alignment == FIGURE {
        format::plain(text)
    } else {
        format::cell(text)
    }
}

impl Table {
    /// A table without rows.
    pub(super) fn new<const N: usize>(heading: [(&str, CellAlignment); N]) -> Self {
        Self::with_columns(&heading)
    }

    /// As [`Self::new`], where the number of columns is not known before.
    fn with_columns(heading: &[(&str, CellAlignment)]) -> Self {
        let mut table = comfy_table::Table::new();
        let cells = heading
            .iter()
            .map(|&(name, alignment)| Cell::new(shown(name, TEXT)).set_alignment(alignment));
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(cells);
        Self {
            table,
            alignments: heading.iter().map(|&(_, alignment)| alignment).collect(),
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().zip(&self.alignments);
        self.table.add_row(
            cells.map(|(text, &alignment)| Cell::new(shown(&text, alignment)).set_alignment(alignment)),
        );
    }

    /// Whether there is a row.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The same table as GitHub's Markdown has it.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        };
        let row =
            |row: &comfy_table::Row| line(&mut row.cell_iter().map(|cell| markdown::escape(&cell.content())));
        let rule = line(&mut self.alignments.iter().map(|alignment| match alignment {
            CellAlignment::Right => "---:".to_owned(),
            _ => "---".to_owned(),
        }));
        let heading = self.table.header().map(row);
        heading
            .into_iter()
            .chain([rule])
            .chain(self.table.row_iter().map(row))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, line) in self.table.to_string().lines().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

/// Verification gas by cause, one column for each record; none where no record has it.
pub(super) fn causes(records: &[Record]) -> Option<Table> {
    let attributed: Vec<_> = records
        .iter()
        .filter_map(|record| {
            let verification = record.verification.as_ref()?;
            let causes = verification.gas_by_cause.as_ref()?;
            let shares = Cause::ALL.iter().map(|&cause| i128::from(causes.get(cause)));
            Some((record.request.name(), shares.collect::<Vec<_>>()))
        })
        .collect();
    let heading: Vec<_> = std::iter::once(("verify gas by cause", TEXT))
        .chain(attributed.iter().map(|(name, _)| (name.as_str(), FIGURE)))
        .collect();
    let mut table = Table::with_columns(&heading);
    for (index, cause) in Cause::ALL.iter().enumerate() {
        let gas: Vec<i128> = attributed.iter().map(|(_, shares)| shares[index]).collect();
        if gas.iter().any(|&gas| gas != 0) {
            let name = serde_json::to_value(cause).expect("a cause is plain data");
            let name = name.as_str().unwrap_or_default().replace('_', " ");
            table.row(std::iter::once(name).chain(gas.into_iter().map(format::signed)));
        }
    }
    let sums = attributed
        .iter()
        .map(|(_, shares)| format::signed(shares.iter().sum()));
    table.row(std::iter::once("sum: the receipt's gas".to_owned()).chain(sums));
    (!attributed.is_empty()).then_some(table)
}

/// The table at the end of a run: one row for each record.
pub(super) fn records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Table {
    let mut table = Table::new([
        ("experiment", TEXT),
        ("circuit", TEXT),
        ("rows", FIGURE),
        ("2^k", FIGURE),
        ("prove", FIGURE),
        ("peak memory", FIGURE),
        ("proof", FIGURE),
        ("instances", FIGURE),
        ("code", FIGURE),
        ("verify gas", FIGURE),
        ("error", FIGURE),
        ("range", FIGURE),
        ("outcome", TEXT),
    ]);
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for record in records {
        let circuit = record.circuit.as_ref();
        let proof = record.proof.as_ref();
        table.row([
            record.request.name(),
            record.request.plan.kind().to_string(),
            dash(circuit.map(|circuit| format::count(circuit.rows))),
            dash(circuit.map(|circuit| circuit.logrows.to_string())),
            dash(record.mean_prove_seconds().map(format::seconds)),
            dash(record.peak_rss_bytes(Phase::Prove).map(format::bytes)),
            dash(proof.map(|proof| format!("{} B", format::count(proof.proof_bytes)))),
            dash(proof.map(|proof| format::count(proof.instances))),
            dash(
                record
                    .verifier
                    .as_ref()
                    .map(|verifier| format!("{} B", format::count(verifier.runtime_code_bytes))),
            ),
            dash(
                record
                    .verification
                    .as_ref()
                    .and_then(|verification| verification.gas)
                    .map(|gas| format::count(gas.tx_gas)),
            ),
            dash(record.greatest_error().map(format::real)),
            dash(record.output_range().map(format::real)),
            record.outcome_and_limits(),
        ]);
    }
    table
}
