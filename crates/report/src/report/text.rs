//! Tables for the terminal, and the summary that stands in `summary_report.txt`.
//!
//! [`table`] is as wide as its cells. [`fitted`] stays within the width of a terminal and leaves nothing out: columns that do
//! not fit beside each other come in parts below each other, each part with the names of its rows again.

use std::collections::HashSet;

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Width, presets};

use super::table::Table;
use crate::format;

/// Spaces of a column that are not its cells': one at each side.
const PADDING: usize = 2;

/// A column of words is given so many characters where its cells have them, before the rows are taken apart.
const READABLE: usize = 16;

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

/// The table alone, as wide as its cells are.
pub fn table(table: &Table) -> String {
    Cells::of(table).drawn(&Block::natural(table.columns.len()))
}

/// The table alone, in lines of at most so many characters: texts are wrapped in their cells, between words and behind the
/// dashes, slashes and underscores of a name, and columns for which that is not enough come in parts. A last line says that it was so. No
/// width leaves the table as it is.
///
/// A number is never broken, so that a line is longer where a number alone is.
pub fn fitted(table: &Table, width: Option<usize>) -> String {
    let natural = self::table(table);
    let widest = natural.lines().map(|line| line.chars().count()).max();
    let Some(width) = width.filter(|&width| widest > Some(width)) else {
        return natural;
    };
    let cells = Cells::of(table);
    let blocks = cells.blocks(width);
    let mut parts: Vec<String> = blocks.iter().map(|block| cells.drawn(block)).collect();
    let how = match blocks.len() {
        1 => "with cells wrapped".to_owned(),
        count => format!("in {count} parts"),
    };
    parts.push(format!(
        "{} {how}, to fit {width} characters; a pipe or COLUMNS=500 gives whole lines.",
        format::plural(table.columns.len(), "column")
    ));
    // A part of one row needs no gap to be told from the next one.
    parts.join(if blocks.len() == 1 { "\n" } else { "\n\n" })
}

/// A table's cells as they are written.
struct Cells {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    is_figure: Vec<bool>,
}

/// Columns beside each other, with the width of each where it was decided.
struct Block(Vec<(usize, Option<usize>)>);

impl Block {
    /// Every column as wide as its cells.
    fn natural(columns: usize) -> Self {
        Self((0..columns).map(|column| (column, None)).collect())
    }
}

impl Cells {
    fn of(table: &Table) -> Self {
        let columns = &table.columns;
        Self {
            headings: columns.iter().map(super::table::Column::heading).collect(),
            rows: table.shown_rows().collect(),
            is_figure: columns.iter().map(super::table::Column::is_figure).collect(),
        }
    }

    /// How many characters each column's widest text has, each text as `text` makes it of a cell in a column of figures or of
    /// words.
    fn widths(&self, text: fn(&str, bool) -> String) -> Vec<usize> {
        let mut drawn = comfy_table::Table::new();
        drawn.set_header(self.headings.iter().map(|heading| text(heading, false)));
        for row in &self.rows {
            drawn.add_row(
                row.iter()
                    .zip(&self.is_figure)
                    .map(|(cell, &is_figure)| text(cell, is_figure)),
            );
        }
        let widths = drawn.column_max_content_widths();
        widths.into_iter().map(usize::from).collect()
    }

    /// The columns in as few parts as `width` asks for.
    fn blocks(&self, width: usize) -> Vec<Block> {
        let whole = self.widths(|cell, _| cell.to_owned());
        // Figures stay in one piece; of words, none is broken otherwise than where it may be.
        let pieces = self.widths(|cell, is_figure| {
            if is_figure {
                cell.to_owned()
            } else {
                let pieces: Vec<&str> = self::pieces(cell).map(str::trim_end).collect();
                pieces.join("\n")
            }
        });
        let least: Vec<usize> = (0..whole.len())
            .map(|column| {
                let readable = if self.is_figure[column] { 0 } else { READABLE };
                pieces[column].max(whole[column].min(readable))
            })
            .collect();
        let all: Vec<(usize, usize)> = least.iter().copied().enumerate().collect();
        if taken(&all) <= width {
            return vec![spread(all, &whole, width)];
        }
        let names = self.names(&least, width);
        let mut blocks = Vec::new();
        let mut block = names.clone();
        for &(column, least) in &all[names.len()..] {
            if taken(&block) + least + PADDING > width && block.len() > names.len() {
                blocks.push(spread(
                    std::mem::replace(&mut block, names.clone()),
                    &whole,
                    width,
                ));
            }
            let room = width.saturating_sub(taken(&block) + PADDING).max(1);
            let least = if self.is_figure[column] {
                least
            } else {
                least.min(room)
            };
            block.push((column, least));
        }
        blocks.push(spread(block, &whole, width));
        blocks
    }

    /// The columns that every part repeats: as many from the left as tell the rows apart, within two thirds of the width; the first
    /// alone where no such number does.
    fn names(&self, least: &[usize], width: usize) -> Vec<(usize, usize)> {
        let most = 2 * width / 3;
        let first = (0, least[0].min(most.saturating_sub(PADDING)).max(1));
        for count in 2..least.len() {
            if self.tell_rows_apart(count - 1) {
                break;
            }
            let names: Vec<(usize, usize)> = least.iter().copied().enumerate().take(count).collect();
            if taken(&names) <= most && self.tell_rows_apart(count) {
                return names;
            }
        }
        vec![first]
    }

    /// Whether no two rows have the same cells in the first columns.
    fn tell_rows_apart(&self, columns: usize) -> bool {
        let distinct: HashSet<&[String]> = self.rows.iter().map(|row| &row[..columns]).collect();
        distinct.len() == self.rows.len()
    }

    fn drawn(&self, block: &Block) -> String {
        let cells = |row: &[String], is_heading: bool| -> Vec<Cell> {
            let cells = block.0.iter().map(|&(column, width)| {
                let is_figure = self.is_figure[column];
                let alignment = if is_figure {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                let text = &row[column];
                match width {
                    Some(width) if is_heading || !is_figure => Cell::new(wrapped(text, width)),
                    _ => Cell::new(text),
                }
                .set_alignment(alignment)
            });
            cells.collect()
        };
        let mut drawn = comfy_table::Table::new();
        drawn
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(cells(&self.headings, true));
        for row in &self.rows {
            drawn.add_row(cells(row, false));
        }
        for (column, (_, width)) in drawn.column_iter_mut().zip(&block.0) {
            if let Some(width) = width {
                let width = u16::try_from(width + PADDING).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let lines = drawn.to_string();
        let lines = lines.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What a text may be broken into: each piece ends with a space, or with a mark that joins the parts of a name.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '-', '/', '_'])
}

/// A text in lines of so many characters, as far as its pieces are no longer.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for piece in pieces(text) {
        let line = lines.last_mut().expect("there is always one");
        let length = line.chars().count() + piece.trim_end().chars().count();
        if length > width && !line.is_empty() {
            lines.push(piece.to_owned());
        } else {
            line.push_str(piece);
        }
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// What columns of these widths take of a line.
fn taken(columns: &[(usize, usize)]) -> usize {
    columns.iter().map(|(_, width)| width + PADDING).sum()
}

/// Columns with their least widths, and what they leave of `width` given to those that want more, from the left.
fn spread(columns: Vec<(usize, usize)>, whole: &[usize], width: usize) -> Block {
    let mut left = width.saturating_sub(taken(&columns));
    let columns = columns.into_iter().map(|(column, least)| {
        let more = whole[column].saturating_sub(least).min(left);
        left -= more;
        (column, Some(least + more))
    });
    Block(columns.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::Column;

    fn example() -> Table {
        let mut table = Table::new([
            Column::text("experiment"),
            Column::text("circuit"),
            Column::written("rows"),
            Column::written("peak memory"),
            Column::written("verify gas"),
            Column::text("outcome"),
        ]);
        table.row(
            [
                "conv2d_k3_s1-s7-committed",
                "committed",
                "1,884,162",
                "8.25 GiB",
                "742,133",
                "verified, over the limit of code size (EIP-170)",
            ]
            .map(str::to_owned),
        );
        table
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
    }

    /// What a reader must find at any width.
    fn holds_every_piece(text: &str, table: &Table) {
        for cell in table.shown_rows().flatten() {
            for piece in pieces(&cell) {
                assert!(text.contains(piece.trim_end()), "{piece} in\n{text}");
            }
        }
    }

    #[test]
    fn without_a_width_a_row_is_a_line() {
        let table = example();
        assert_eq!(fitted(&table, None), super::table(&table));
        assert_eq!(fitted(&table, Some(500)), super::table(&table));
        assert_eq!(fitted(&table, None).lines().count(), 2);
    }

    #[test]
    fn words_are_wrapped_before_columns_are_taken_apart() {
        let text = fitted(&example(), Some(110));
        assert!(widest(&text) <= 110, "{text}");
        assert!(
            text.contains("6 columns with cells wrapped, to fit 110 characters"),
            "{text}"
        );
        assert!(text.contains("conv2d_k3_s1-s7-committed"), "{text}");
        holds_every_piece(&text, &example());
    }

    #[test]
    fn columns_that_do_not_fit_come_in_parts_with_the_names_again() {
        for width in [50, 60, 70] {
            let text = fitted(&example(), Some(width));
            // The last line is a sentence, which a terminal wraps itself.
            let (drawn, said) = text.rsplit_once('\n').unwrap();
            assert!(widest(drawn) <= width, "{text}");
            assert!(
                said.contains(&format!("parts, to fit {width} characters")),
                "{text}"
            );
            assert_eq!(
                text.matches("experiment").count(),
                text.matches("\n\n").count(),
                "{text}"
            );
            assert!(text.contains("1,884,162") && text.contains("8.25 GiB"), "{text}");
            holds_every_piece(&text, &example());
        }
    }

    /// A part whose rows nobody could tell apart would say nothing.
    #[test]
    fn every_part_tells_its_rows_apart() {
        let mut table = Table::new([
            Column::text("fork"),
            Column::text("transaction"),
            Column::text("rule"),
            Column::written("value"),
            Column::written("limit"),
        ]);
        for rule in ["code size", "block gas"] {
            table.row(["osaka", "deployment", rule, "13,218 bytes", "24,576 bytes"].map(str::to_owned));
        }
        let text = fitted(&table, Some(55));
        assert_eq!(text.matches("code size").count(), 2, "{text}");
        assert_eq!(text.matches("block gas").count(), 2, "{text}");
    }

    #[test]
    fn names_are_broken_where_their_parts_meet() {
        assert_eq!(
            wrapped("conv2d_k3_s1-s7-committed", 16),
            "conv2d_k3_s1-s7-\ncommitted"
        );
        assert_eq!(
            wrapped("3×3 convolution, stride 1", 16),
            "3×3 convolution,\nstride 1"
        );
        assert_eq!(wrapped("runs/core/relu.json", 8), "runs/\ncore/\nrelu.json");
        assert_eq!(wrapped("", 8), "");
    }

    #[test]
    fn a_name_longer_than_half_the_line_is_broken_and_no_number_is() {
        let mut table = Table::new([Column::text("experiment"), Column::written("gas")]);
        table.row(["a".repeat(90), "1,234,567,890".to_owned()]);
        let text = fitted(&table, Some(40));
        let (drawn, _) = text.rsplit_once('\n').unwrap();
        assert!(widest(drawn) <= 40, "{text}");
        assert!(
            text.contains("1,234,567,890") && text.matches('a').count() >= 90,
            "{text}"
        );
    }
}
