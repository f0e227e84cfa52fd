//! Tables for the terminal, and the summary that stands in `summary_report.txt`.

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

use super::table::Table;
use crate::format;

/// Title, table and notes.
pub fn section(table: &Table) -> String {
    let mut lines = vec![table.title.to_uppercase()];
    if table.is_empty() {
        lines.push("No record holds anything of it.".to_owned());
    } else {
        lines.push(self::table(table));
    }
    lines.extend(table.notes.iter().map(|note| format::plain(note).into_owned()));
    lines.join("\n") + "\n"
}

impl std::fmt::Display for Table {
    /// The table alone, for a terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&table(self))
    }
}

/// The table alone.
pub fn table(table: &Table) -> String {
    let alignment = |index: usize| {
        if table.columns[index].is_figure() {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
    };
    let cells = |cells: Vec<String>| {
        let cells = cells.into_iter().enumerate();
        cells
            .map(|(index, text)| Cell::new(text).set_alignment(alignment(index)))
            .collect::<Vec<_>>()
    };
    let mut drawn = comfy_table::Table::new();
    let headings = table.columns.iter().map(super::table::Column::heading);
    drawn
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(cells(headings.collect()));
    for row in table.shown_rows() {
        drawn.add_row(cells(row));
    }
    let lines = drawn.to_string();
    let lines = lines.lines().map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n")
}
