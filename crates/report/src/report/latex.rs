//! Tables in LaTeX, with booktabs and siunitx: each file builds alone, and in a document that inputs it.
//!
//! A file looks whether it is inside a document: LaTeX lets `\@nodocument` do nothing from `\begin{document}` on. Outside,
//! it is a document of its own. A document that inputs it needs the packages of [`PREAMBLE`].

use super::table::{Cell, Column, Kind, Table};
use crate::format;

/// What a document that inputs a table must load.
pub const PREAMBLE: &str = r"\usepackage{textcomp}
\usepackage{graphicx}
\usepackage{booktabs}
\usepackage{siunitx}
";

const BEGIN_ALONE: &str = r"\expandafter\ifx\csname @nodocument\endcsname\relax
  \let\evmbenchend\relax
\else
  \documentclass{article}
  \usepackage[margin=15mm,landscape]{geometry}
";

const BEGIN: &str = r"  \pagestyle{empty}
  \begin{document}
  \def\evmbenchend{\end{document}}
\fi
";

/// Rows that fit a page; a longer table is continued in the next.
const ROWS_OF_A_PAGE: usize = 30;

/// The file of a table.
pub fn file(table: &Table) -> String {
    let preamble: String = PREAMBLE.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "% Made by `evmbench report`. Builds alone, and in a document that inputs it and loads:\n{}{BEGIN_ALONE}{preamble}{BEGIN}{}\\evmbenchend\n",
        commented(PREAMBLE),
        environments(table)
    )
}

fn commented(text: &str) -> String {
    text.lines().map(|line| format!("% {line}\n")).collect()
}

/// One `table` environment for each page that the rows need; the label is the first one's, the notes are the last one's.
fn environments(table: &Table) -> String {
    let pages = table.rows.len().div_ceil(ROWS_OF_A_PAGE).max(1);
    let alignments: String = (0..table.columns.len())
        .map(|index| alignment(table, index))
        .collect();
    let page = |page: usize| {
        let rows = table.rows.iter().skip(page * ROWS_OF_A_PAGE).take(ROWS_OF_A_PAGE);
        let caption = if page == 0 {
            escape(&format!("{}: {}", table.title, table.caption))
        } else {
            escape(&format!("{}, continued", table.title))
        };
        let label = if page == 0 {
            format!("  \\label{{tab:{}}}\n", table.name.replace('_', "-"))
        } else {
            String::new()
        };
        let notes = if page + 1 == pages {
            table.notes.as_slice()
        } else {
            &[]
        };
        format!(
            "\\begin{{table}}[htbp]\n  \\centering\n  \\caption{{{caption}}}\n{label}{}{}\\end{{table}}\n",
            tabular(table, &alignments, rows),
            notes
                .iter()
                .map(|note| format!("  \\par\\smallskip{{\\footnotesize {}}}\n", escape(note)))
                .collect::<String>()
        )
    };
    (0..pages).map(page).collect()
}

/// The table itself, as wide as its cells need, but no wider than the text.
fn tabular<'a>(table: &Table, alignments: &str, rows: impl Iterator<Item = &'a Vec<Cell>>) -> String {
    let mut text =
        "  \\sisetup{group-digits=integer, group-minimum-digits=4, group-separator={,}}\n".to_owned();
    text += "  \\setbox0=\\hbox{\\footnotesize\\setlength{\\tabcolsep}{4pt}%\n";
    text += &format!("  \\begin{{tabular}}{{@{{}}{alignments}@{{}}}}\n    \\toprule\n");
    text += &row(&table.columns.iter().map(heading).collect::<Vec<_>>());
    text += "    \\midrule\n";
    for cells in rows {
        let cells = table.columns.iter().zip(cells);
        text += &row(&cells
            .map(|(column, cell)| self::cell(column, cell))
            .collect::<Vec<_>>());
    }
    if table.is_empty() {
        text += &format!(
            "    \\multicolumn{{{}}}{{@{{}}l@{{}}}}{{no record holds anything of it}} \\\\\n",
            table.columns.len()
        );
    }
    text += "    \\bottomrule\n  \\end{tabular}}%\n";
    text += "  \\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\box0}\\else\\box0\\fi\n";
    text
}

/// How a column is aligned: siunitx needs the digits before and behind the point.
fn alignment(table: &Table, index: usize) -> String {
    let column = &table.columns[index];
    if !column.is_figure() {
        return "l".to_owned();
    }
    let cells = || table.rows.iter().map(|row| &row[index]);
    let figures: Vec<String> = cells().filter_map(|cell| figure(column, cell)).collect();
    if column.kind == Kind::Significant || figures.is_empty() {
        return "r".to_owned();
    }
    let signed = figures.iter().any(|figure| figure.starts_with('-'));
    let split = figures.iter().map(|figure| {
        figure
            .trim_start_matches('-')
            .split_once('.')
            .unwrap_or((figure.trim_start_matches('-'), ""))
    });
    let whole = split.clone().map(|(whole, _)| whole.len()).max().unwrap_or(1);
    let decimals = split.map(|(_, decimals)| decimals.len()).max().unwrap_or(0);
    let sign = if signed { "-" } else { "" };
    format!("S[table-format={sign}{whole}.{decimals}]")
}

/// A number as siunitx reads it; none for a cell that is none.
fn figure(column: &Column, cell: &Cell) -> Option<String> {
    match cell {
        Cell::Integer(number) => Some(number.to_string()),
        Cell::Real(number) => Some(column.digits(*number)),
        Cell::Missing | Cell::Text(_) => None,
    }
}

fn heading(column: &Column) -> String {
    // In braces, siunitx takes it for text.
    format!("{{{}}}", escape(&column.heading()))
}

fn cell(column: &Column, cell: &Cell) -> String {
    match figure(column, cell) {
        Some(number) if column.kind == Kind::Significant => format!("\\num{{{number}}}"),
        Some(number) => number,
        None => match cell {
            Cell::Text(text) => format!("{{{}}}", escape(text)),
            _ => "{--}".to_owned(),
        },
    }
}

fn row(cells: &[String]) -> String {
    format!("    {} \\\\\n", cells.join(" & "))
}

/// Text as it stands in LaTeX: nothing in it is a command.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut is_quoted = false;
    for character in format::plain(text).chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => {
                escaped.push_str(if is_quoted { "''" } else { "``" });
                is_quoted = !is_quoted;
            }
            '×' => escaped.push_str("\\(\\times\\)"),
            '·' => escaped.push_str("\\(\\cdot\\)"),
            '±' => escaped.push_str("\\(\\pm\\)"),
            '−' => escaped.push_str("\\(-\\)"),
            '≤' => escaped.push_str("\\(\\leq\\)"),
            '≥' => escaped.push_str("\\(\\geq\\)"),
            '²' => escaped.push_str("\\(^2\\)"),
            '→' => escaped.push_str("\\(\\to\\)"),
            '\u{2013}' => escaped.push_str("--"),
            '\u{2019}' => escaped.push('\''),
            character if character.is_whitespace() => escaped.push(' '),
            character if character.is_ascii_graphic() => escaped.push(character),
            // A document's fonts and encoding are not known here, and a build must not fail on a name.
            _ => escaped.push('?'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(
            escape(r"50% of $x_1 & \input{~/a#b^c}"),
            r"50\% of \$x\_1 \& \textbackslash{}input\{\textasciitilde{}/a\#b\textasciicircum{}c\}"
        );
        assert_eq!(escape("conv 32→64, x²"), r"conv 32\(\to\)64, x\(^2\)");
        assert_eq!(escape("日本\n\u{7}"), "?? \\textbackslash{}u0007");
    }

    #[test]
    fn columns_are_as_wide_as_their_figures() {
        let table = Table {
            name: "a_table",
            title: "A table",
            caption: "Of 100%.".to_owned(),
            columns: vec![
                Column::text("model"),
                Column::integer("gas", None),
                Column::real("prove", Some("s"), 1),
                Column::significant("error", None),
            ],
            rows: vec![
                vec![
                    Cell::text("a_b"),
                    Cell::Integer(-12_345),
                    Cell::Real(238.46),
                    Cell::Real(1.24e-6),
                ],
                vec![Cell::text("c"), Cell::Missing, Cell::Missing, Cell::Missing],
            ],
            notes: vec!["50% of it.".to_owned()],
        };
        let text = environments(&table);
        assert!(
            text.contains(r"{@{}lS[table-format=-5.0]S[table-format=3.1]r@{}}"),
            "{text}"
        );
        assert!(
            text.contains(r"{a\_b} & -12345 & 238.5 & \num{1.24e-6} \\"),
            "{text}"
        );
        assert!(text.contains(r"{c} & {--} & {--} & {--} \\"), "{text}");
        assert!(text.contains(r"\label{tab:a-table}"), "{text}");
        assert!(text.contains(r"50\% of it."), "{text}");
    }

    #[test]
    fn a_long_table_is_continued() {
        let table = Table {
            name: "long",
            title: "Long",
            caption: "All.".to_owned(),
            columns: vec![Column::integer("n", None)],
            rows: (0..61).map(|n| vec![Cell::Integer(n)]).collect(),
            notes: vec!["One note.".to_owned()],
        };
        let text = environments(&table);
        assert_eq!(text.matches("\\begin{table}").count(), 3);
        assert_eq!(text.matches("\\label").count(), 1);
        assert_eq!(text.matches("One note.").count(), 1);
        assert_eq!(text.matches("Long, continued").count(), 2);
        // Every row, once.
        assert!(
            (0..61).all(|n| text.matches(&format!("    {n} \\\\\n")).count() == 1),
            "{text}"
        );
    }
}
