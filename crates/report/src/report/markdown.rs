//! Tables in GitHub's Markdown.

use super::table::{Column, Table};
use crate::format;

/// The table alone: heading, rule and rows, each line ended.
pub fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = |column: &Column| if column.is_figure() { "---:" } else { "---" }.to_owned();
    let headings = table.columns.iter().map(|column| escape(&column.heading()));
    let mut text = line(headings.collect());
    text += &line(table.columns.iter().map(rule).collect());
    for row in table.shown_rows() {
        text += &line(row.iter().map(|cell| escape(cell)).collect());
    }
    text
}

/// Title, caption, table and notes.
pub fn section(table: &Table) -> String {
    let mut text = format!("## {}\n\n{}\n", escape(table.title), escape(&table.caption));
    if table.is_empty() {
        text += "\nNo record holds anything of it.\n";
    } else {
        text += "\n";
        text += &self::table(table);
    }
    if !table.notes.is_empty() {
        text += "\n";
    }
    for note in &table.notes {
        text += &format!("- {}\n", escape(note));
    }
    text
}

/// Text as it stands in Markdown, on one line: nothing in it makes a cell, a tag or emphasis.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in format::plain(text).chars() {
        match character {
            '|' | '\\' | '`' | '*' | '<' | '>' | '[' | ']' | '#' | '~' => escaped.extend(['\\', character]),
            character => escaped.push(character),
        }
    }
    escaped
}
