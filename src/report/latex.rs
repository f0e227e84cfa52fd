//! Tables in LaTeX, with booktabs and siunitx: each file builds alone, and in a document that inputs it.
//!
//! A file looks whether it is inside a document: LaTeX lets `\@nodocument` do nothing from `\begin{document}` on. Outside,
//! it is a document of its own. A document that inputs it needs the packages of [`PREAMBLE`].

use super::table::{Cell, Column, Kind, Table};

/// What a document that inputs a table must load.
pub const PREAMBLE: &str = r"\usepackage[T1]{fontenc}
\usepackage{textcomp}
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

/// The file of a table.
pub fn file(table: &Table) -> String {
    let preamble: String = PREAMBLE.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "% Made by `evmbench report`. Builds alone, and in a document that inputs it and loads:\n{}{BEGIN_ALONE}{preamble}{BEGIN}{}\\evmbenchend\n",
        commented(PREAMBLE),
        environment(table)
    )
}

fn commented(text: &str) -> String {
    text.lines().map(|line| format!("% {line}\n")).collect()
}

/// The `table` environment.
fn environment(table: &Table) -> String {
    let mut text = format!(
        "\\begin{{table}}[htbp]\n  \\centering\n  \\caption{{{}}}\n  \\label{{tab:{}}}\n",
        escape(&format!("{}: {}", table.title, table.caption)),
        table.name.replace('_', "-")
    );
    text += "  \\sisetup{group-digits=integer, group-minimum-digits=4, group-separator={,}}\n";
    text += "  \\setbox0=\\hbox{\\footnotesize\\setlength{\\tabcolsep}{4pt}%\n";
    let columns: Vec<String> = (0..table.columns.len())
        .map(|index| alignment(table, index))
        .collect();
    text += &format!(
        "  \\begin{{tabular}}{{@{{}}{}@{{}}}}\n    \\toprule\n",
        columns.concat()
    );
    let headings = table.columns.iter().map(|column| heading(column));
    text += &row(headings.collect());
    text += "    \\midrule\n";
    for cells in &table.rows {
        let cells = table.columns.iter().zip(cells);
        text += &row(cells.map(|(column, cell)| self::cell(column, cell)).collect());
    }
    if table.is_empty() {
        text += &format!(
            "    \\multicolumn{{{}}}{{@{{}}l@{{}}}}{{no record holds anything of it}} \\\\\n",
            table.columns.len()
        );
    }
    text += "    \\bottomrule\n  \\end{tabular}}%\n";
    // Wider than the text: as wide as the text.
    text += "  \\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\box0}\\else\\box0\\fi\n";
    for note in &table.notes {
        text += &format!("  \\par\\smallskip{{\\footnotesize {}}}\n", escape(note));
    }
    text += "\\end{table}\n";
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

fn row(cells: Vec<String>) -> String {
    format!("    {} \\\\\n", cells.join(" & "))
}

/// Text as it stands in LaTeX: nothing in it is a command.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("\\textquotedbl{}"),
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
            '\n' | '\r' => escaped.push(' '),
            character if character.is_ascii() && !character.is_ascii_control() => escaped.push(character),
            // Letters of Latin-1 are in every font; what is beyond might not be, and a build must not fail on it.
            character if ('\u{a1}'..='\u{ff}').contains(&character) => escaped.push(character),
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
        assert_eq!(escape("日本\n\u{7}"), "?? ?");
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
        let text = environment(&table);
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
}
