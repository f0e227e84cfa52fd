//! One self-contained page: no network, no other file. Everything is in it before its script runs; the script sorts, filters,
//! sets two runs side by side and draws any two costs against each other.

mod experiment;

use serde_json::{Value, json};

use super::output;
use super::plots::Plot;
use super::table::{Cell, Column, Table};
use super::tables::{layers, records};
use super::{Dataset, Entry, Report, csv};
use crate::chain::{Fits, Fork};
use crate::format;
use crate::metric::Metric;
use crate::record::Outcome;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a prover, a verifier or whoever relies on the answer pays: less of each is better, and any two make a trade.
const COSTS: [Metric; 7] = [
    Metric::ProveMedian,
    Metric::ProvePeak,
    Metric::MeaningfulGas,
    Metric::DeploymentGas,
    Metric::ProofSize,
    Metric::Calldata,
    Metric::WrongAnswers,
];

/// The page.
pub fn page(report: &Report, plots: &[Plot]) -> String {
    let dataset = &report.dataset;
    let sections = [
        overview(report),
        records_section(dataset),
        plots_section(plots),
        compare_section(),
        tables_section(report),
        experiments_section(report),
    ];
    let navigation: String = [
        ("overview", "Overview"),
        ("records", "Records"),
        ("plots", "Plots"),
        ("compare", "Compare"),
        ("tables", "Tables"),
        ("experiments", "Experiments"),
    ]
    .iter()
    .map(|(anchor, name)| format!("<a href=\"#{anchor}\">{name}</a>"))
    .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>evmbench report</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"top\"><strong>evmbench report</strong><nav aria-label=\"Sections\">{navigation}</nav>\
         <button id=\"theme\" type=\"button\" title=\"Light or dark\">Dark</button></header>\n<main>\n{}</main>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        sections.concat(),
        script_data(dataset)
    )
}

fn section(anchor: &str, title: &str, content: &str) -> String {
    format!(
        "<section id=\"{anchor}\" aria-labelledby=\"{anchor}-title\">\n<h2 id=\"{anchor}-title\">{title}</h2>\n{content}</section>\n"
    )
}

fn overview(report: &Report) -> String {
    let dataset = &report.dataset;
    let of_outcome = |wanted: fn(&Outcome) -> bool| {
        let outcomes = dataset.entries.iter().map(|entry| &entry.record.outcome);
        outcomes.filter(|outcome| wanted(outcome)).count()
    };
    let on_chain = |fits: Fits| {
        let entries = dataset
            .entries
            .iter()
            .filter(|entry| entry.record.outcome == Outcome::Verified);
        let fitting = entries.filter(|entry| entry.fits_today().is_some_and(|found| found >= fits));
        fitting.count()
    };
    let fits_today = format!("fit one transaction of {}", Fork::default().title());
    let cards = [
        ("records", dataset.entries.len(), ""),
        (
            "verified",
            of_outcome(|outcome| *outcome == Outcome::Verified),
            "good",
        ),
        (
            "out of memory",
            of_outcome(|outcome| matches!(outcome, Outcome::OutOfMemory { .. })),
            "",
        ),
        (
            "of another function",
            of_outcome(|outcome| matches!(outcome, Outcome::WrongFunction { .. })),
            "bad",
        ),
        (
            "imprecise",
            of_outcome(|outcome| matches!(outcome, Outcome::Imprecise { .. })),
            "bad",
        ),
        (
            "unsound",
            of_outcome(|outcome| matches!(outcome, Outcome::Unsound { .. })),
            "bad",
        ),
        (fits_today.as_str(), on_chain(Fits::OneTransaction), ""),
        ("fit the public pool", on_chain(Fits::Pool), ""),
        ("files left out", dataset.left_out.len(), ""),
    ];
    let cards: String = cards
        .iter()
        .map(|(name, count, class)| {
            let class = if *count > 0 { class } else { "" };
            format!("<div class=\"card\"><b class=\"{class}\">{count}</b>{name}</div>")
        })
        .collect();
    let lines: String = output::headline(dataset)
        .iter()
        .map(|line| format!("<p>{}</p>\n", escape(line)))
        .collect();
    let machines = report.tables.iter().find(|table| table.name == "machines");
    let machines = machines.map_or_else(String::new, |table| {
        format!("<h3>{}</h3>\n{}", table.title, self::table(table))
    });
    format!(
        "<section id=\"overview\">\n<h1>Proofs of neural networks, verified in the EVM</h1>\n{lines}<div class=\"cards\">{cards}</div>\n{machines}</section>\n"
    )
}

fn records_section(dataset: &Dataset) -> String {
    let table = layers::overview(dataset);
    let heading: String = table.columns.iter().map(heading_cell).collect();
    let rows: String = dataset
        .entries
        .iter()
        .zip(&table.rows)
        .map(|(entry, row)| {
            let name = format!(
                "<td class=\"name\" data-value=\"{0}\"><a href=\"#{1}\">{0}</a></td>",
                escape(&entry.label()),
                entry.anchor()
            );
            let cells = table.columns.iter().zip(row).skip(1);
            let warning = if is_unreliable(&entry.record.outcome) {
                " class=\"unreliable\""
            } else {
                ""
            };
            format!(
                "<tr{warning} data-circuit=\"{}\" data-outcome=\"{}\" data-suite=\"{}\">{name}{}</tr>\n",
                entry.kind(),
                status(entry),
                escape(&entry.request().suite),
                cells
                    .map(|(column, cell)| self::cell(column, cell))
                    .collect::<String>()
            )
        })
        .collect();
    let choices: String = [
        ("circuit", "Circuit", distinct(dataset, |entry| entry.kind().to_string())),
        ("outcome", "Outcome", distinct(dataset, status)),
        ("suite", "Suite", distinct(dataset, |entry| entry.request().suite.to_string())),
    ]
    .iter()
    .map(|(key, name, values)| {
        let options: String = values
            .iter()
            .map(|value| {
                format!(
                    "<option value=\"{0}\">{1}</option>",
                    escape(value),
                    escape(&value.replace('_', " "))
                )
            })
            .collect();
        format!("<label>{name}<select data-filter=\"{key}\"><option value=\"\">all</option>{options}</select></label>")
    })
    .collect();
    let content = format!(
        "<div class=\"controls\"><label>Filter by words<input id=\"filter\" type=\"search\" placeholder=\"dense private\"></label>\
         {choices}<button id=\"clear\" type=\"button\">Clear</button><span id=\"shown\" role=\"status\"></span></div>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All records\"><table id=\"records-table\" class=\"sortable\">\
         <thead><tr>{heading}</tr></thead><tbody>\n{rows}</tbody></table></div>\n\
         <p class=\"muted\">{}</p>\n",
        escape(&table.caption)
    );
    section("records", "All records", &content)
}

/// Whether nothing can be relied on: the circuit is unsound, of another function, or imprecise.
fn is_unreliable(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Unsound { .. } | Outcome::WrongFunction { .. } | Outcome::Imprecise { .. }
    )
}

fn heading_cell(column: &Column) -> String {
    format!(
        "<th class=\"{}\" aria-sort=\"none\"><button type=\"button\">{}</button></th>",
        class(column),
        escape(&column.heading())
    )
}

/// How a run ended, in one word.
fn status(entry: &Entry) -> String {
    Metric::Status.text(&entry.record)
}

fn distinct(dataset: &Dataset, of: fn(&Entry) -> String) -> Vec<String> {
    let values: std::collections::BTreeSet<String> = dataset.entries.iter().map(of).collect();
    values.into_iter().collect()
}

fn plots_section(plots: &[Plot]) -> String {
    let figures: String = plots
        .iter()
        .map(|plot| {
            format!(
                "<figure id=\"plot-{}\"><h3>{}</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div><figcaption>{}</figcaption></figure>\n",
                plot.name,
                escape(plot.title),
                escape(plot.title),
                without_declaration(&plot.svg),
                escape(&plot.description)
            )
        })
        .collect();
    let trade = "<figure><h3>Any two costs</h3><div class=\"controls\"><label>Across<select id=\"trade-x\"></select></label>\
                 <label>Up<select id=\"trade-y\"></select></label>\
                 <label>Machine, for times<select id=\"trade-machine\"></select></label><span id=\"trade-count\" role=\"status\"></span></div>\
                 <div id=\"trade-plot\" class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Any two costs\"></div>\
                 <figcaption>One point for each model, scale, output and kind of circuit; the line joins what nothing else beats in both. \
                 Point at a mark, or reach it with the tab key, for its figures.</figcaption></figure>\n";
    section("plots", "Plots", &(figures + trade))
}

fn without_declaration(svg: &str) -> &str {
    svg.find("<svg").map_or(svg, |start| &svg[start..])
}

fn compare_section() -> String {
    let content = "<p class=\"muted\">Every figure of two runs. Times and memory are set against each other only where both are of one \
                   machine with as many threads.</p>\n<div class=\"controls\"><label>Left<select id=\"left-run\"></select></label>\
                   <label>Right<select id=\"right-run\"></select></label></div>\n\
                   <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Two runs side by side\"><table id=\"runs-table\">\
                   <thead><tr><th>figure</th><th class=\"figure\">left</th><th class=\"figure\">right</th><th class=\"figure\">right less left</th>\
                   <th class=\"figure\">ratio</th></tr></thead><tbody></tbody></table></div>\n";
    section("compare", "Two runs side by side", content)
}

fn tables_section(report: &Report) -> String {
    let tables: String = report
        .tables
        .iter()
        .filter(|table| table.name != "machines" && !(table.name == "left_out" && table.is_empty()))
        .map(|table| {
            let content = if table.is_empty() {
                "<p class=\"muted\">No record holds anything of it.</p>\n".to_owned()
            } else {
                self::table(table)
            };
            let notes: String = table
                .notes
                .iter()
                .map(|note| format!("<p class=\"muted\">{}</p>\n", escape(note)))
                .collect();
            format!(
                "<h3 id=\"table-{}\">{}</h3>\n<p class=\"caption\">{}</p>\n{content}{notes}",
                table.name,
                escape(table.title),
                escape(&table.caption)
            )
        })
        .collect();
    section("tables", "Tables", &tables)
}

fn experiments_section(report: &Report) -> String {
    let details: String = report
        .dataset
        .entries
        .iter()
        .map(|entry| experiment::section(entry, report.record_links.as_deref()))
        .collect();
    let content = format!(
        "<div class=\"controls\"><button id=\"open-all\" type=\"button\">Open or close all</button></div>\n{details}"
    );
    section("experiments", "Experiments", &content)
}

/// A table, in a region of its own that scrolls.
fn table(table: &Table) -> String {
    let heading: String = table
        .columns
        .iter()
        .map(|column| {
            format!(
                "<th class=\"{}\">{}</th>",
                class(column),
                escape(&column.heading())
            )
        })
        .collect();
    let rows: String = table
        .rows
        .iter()
        .map(|row| {
            let cells = table.columns.iter().zip(row);
            format!(
                "<tr>{}</tr>\n",
                cells
                    .map(|(column, cell)| self::cell(column, cell))
                    .collect::<String>()
            )
        })
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>{heading}</tr></thead><tbody>\n{rows}</tbody></table></div>\n",
        escape(table.title)
    )
}

fn class(column: &Column) -> &'static str {
    if column.is_figure() { "figure" } else { "words" }
}

fn cell(column: &Column, cell: &Cell) -> String {
    let value = match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) => format!(" data-value=\"{}\"", escape(text)),
        Cell::Integer(number) => format!(" data-value=\"{number}\""),
        Cell::Real(number) => format!(" data-value=\"{number}\""),
    };
    format!(
        "<td class=\"{}\"{value} data-heading=\"{}\">{}</td>",
        class(column),
        escape(&column.heading()),
        escape(&column.show(cell))
    )
}

/// What the script reads: every record's figures, and the costs of the headlines.
fn script_data(dataset: &Dataset) -> String {
    let columns = records::columns();
    let mut names = vec![json!({"name": "label"})];
    names.extend(
        columns
            .iter()
            .map(|column| json!({"name": csv::heading(&column.column())})),
    );
    let rows = dataset.entries.iter().map(|entry| {
        let mut row = vec![Value::String(entry.label())];
        row.extend(columns.iter().map(|column| match column.cell(entry) {
            Cell::Missing => Value::Null,
            Cell::Text(text) => Value::String(text),
            Cell::Integer(number) => json!(number as f64),
            Cell::Real(number) => json!(number),
        }));
        Value::Array(row)
    });
    let headlines = dataset.headlines();
    let costs = COSTS.map(|metric| {
        let values = headlines.iter().map(|entry| metric.measure(&entry.record));
        let values: Vec<Option<f64>> = values.collect();
        json!({"label": metric.label(), "of_machine": metric.is_of_machine(), "values": values})
    });
    let data = json!({
        "columns": names,
        "rows": rows.collect::<Vec<_>>(),
        "headlines": headlines
            .iter()
            .map(|entry| json!({"label": entry.label(), "circuit": entry.kind().to_string(), "machine": entry.machine()}))
            .collect::<Vec<_>>(),
        "costs": costs,
    });
    // Nothing in it may end the script element.
    format::plain_lines(&data.to_string()).replace('<', "\\u003c")
}

/// Text as it stands in HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in format::plain_lines(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Text as it was before [`escape`], which writes no other entities.
pub(crate) fn unescape(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    entities
        .into_iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;

    #[test]
    fn less_of_a_cost_is_better() {
        assert!(COSTS.iter().all(|metric| metric.better() == Better::Lower));
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escape("<a href='x'>\"&\"</a>"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;"
        );
        let odd = "&lt; <a> \"'&amp;'";
        assert_eq!(unescape(&escape(odd)), odd);
    }
}
