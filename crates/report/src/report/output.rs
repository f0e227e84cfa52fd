//! The files of a report: what each format comes to, as bytes, and their way into a folder.

use std::path::{Path, PathBuf};

use super::data::Dataset;
use super::table::Table;
use super::{Report, ReportError, csp, csv, html, latex, markdown, plots, tables, text};
use crate::chain::{Fits, Fork};
use crate::format;
#[cfg(feature = "png")]
use crate::parallel;
use crate::record::Outcome;
use crate::store;

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Everything but PNG and [`Self::Csp`].
    All,
    /// `latex/table_*.tex`.
    Latex,
    /// `report.md`.
    Markdown,
    /// `csv/*.csv`, with `records.csv` among them.
    Csv,
    /// `index.html`.
    Html,
    /// `plots/*.svg`.
    Plots,
    /// `plots/*.png`.
    #[cfg(feature = "png")]
    Png,
    /// `summary_report.txt`.
    Text,
    /// `csp/*_metrics.json`, for the client-side-proving benchmarks.
    Csp,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the report's folder.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl File {
    fn new(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.into(),
        }
    }
}

/// The files of a report in a format: a function of the records alone.
///
/// # Errors
/// [`ReportError::Plot`] where a plot cannot be drawn.
pub fn files(report: &Report, format: Format) -> Result<Vec<File>, ReportError> {
    let wants = |one: Format| format == one || format == Format::All;
    let mut files = Vec::new();
    if format == Format::Csp {
        let metrics = csp::files(&report.dataset).into_iter();
        files.extend(metrics.map(|(name, text)| File::new(Path::new("csp").join(name), text)));
    }
    if wants(Format::Text) {
        files.push(File::new("summary_report.txt", summary(report)));
    }
    if wants(Format::Markdown) {
        files.push(File::new("report.md", markdown_report(report)));
    }
    if wants(Format::Latex) {
        let tables = report.tables.iter();
        files.extend(tables.map(|table| {
            let path = format!("latex/table_{}.tex", table.name);
            File::new(path, latex::file(table))
        }));
    }
    if wants(Format::Csv) {
        files.extend(csv_files(report));
    }
    if wants(Format::Plots) || wants(Format::Html) {
        let plots = plots::all(&report.dataset)?;
        if wants(Format::Html) {
            files.push(File::new("index.html", html::page(report, &plots)));
        }
        if wants(Format::Plots) {
            let pictures = plots.into_iter();
            files.extend(pictures.map(|plot| File::new(format!("plots/{}.svg", plot.name), plot.svg)));
        }
    }
    #[cfg(feature = "png")]
    if format == Format::Png {
        files.extend(pictures(&report.dataset)?);
    }
    Ok(files)
}

/// The plots as PNG, which takes long enough to use all processors.
#[cfg(feature = "png")]
fn pictures(dataset: &Dataset) -> Result<Vec<File>, ReportError> {
    let plots = plots::all(dataset)?;
    let pictures = parallel::map(parallel::processors(), plots.len(), || {
        |index: usize| plots[index].png()
    })?;
    let named = plots.iter().zip(pictures);
    Ok(named
        .map(|(plot, picture)| File::new(format!("plots/{}.png", plot.name), picture))
        .collect())
}

fn csv_files(report: &Report) -> Vec<File> {
    let whole = [
        tables::records::table(&report.dataset),
        tables::records::documentation(),
        tables::samples::raw(&report.dataset),
    ];
    let tables = whole.iter().chain(&report.tables);
    tables
        .map(|table| File::new(format!("csv/{}.csv", table.name), csv::table(table)))
        .collect()
}

/// What was read and what was left out, in a sentence each.
pub fn headline(dataset: &Dataset) -> Vec<String> {
    let (used, left) = (dataset.entries.len(), dataset.left_out.len());
    let outcome = |verified: bool| {
        let outcomes = dataset.entries.iter().map(|entry| &entry.record.outcome);
        outcomes
            .filter(|outcome| (**outcome == Outcome::Verified) == verified)
            .count()
    };
    let mut lines = vec![
        format!(
            "{} from {}.",
            format::plural(used, "record"),
            dataset.folders.join(", ")
        ),
        format!(
            "{} verified in the EVM (revm), {} of them within every limit of {}; {} ended otherwise.",
            outcome(true),
            verified_within_limits(dataset),
            Fork::default().title(),
            outcome(false)
        ),
    ];
    lines.push(match left {
        0 => "No file was left out.".to_owned(),
        1 => "1 file was left out:".to_owned(),
        left => format!("{left} files were left out:"),
    });
    let reasons = dataset.left_out.iter();
    lines.extend(reasons.map(|left| format!("  {} {}", left.path.display(), left.reason)));
    lines
        .iter()
        .map(|line| format::plain(line).into_owned())
        .collect()
}

/// How many verified records mainnet's fork of today takes, by whatever way.
fn verified_within_limits(dataset: &Dataset) -> usize {
    let verified = dataset
        .entries
        .iter()
        .filter(|entry| entry.record.outcome == Outcome::Verified);
    verified
        .filter(|entry| entry.fits_today().is_some_and(|fits| fits != Fits::No))
        .count()
}

/// The tables that a terminal has room for.
const SUMMARY: [&str; 7] = [
    "models",
    "core_layers",
    "composite_comparison",
    "scaling",
    "forks_and_limits",
    "study_reproduction",
    "machines",
];

fn summary(report: &Report) -> String {
    let mut text = headline(&report.dataset).join("\n") + "\n";
    for table in report.tables.iter().filter(|table| SUMMARY.contains(&table.name)) {
        text += "\n";
        text += &text::section(table);
    }
    text
}

fn markdown_report(report: &Report) -> String {
    let mut text = "# Report\n\n".to_owned();
    for line in headline(&report.dataset) {
        text += &format!("{}\n", markdown::escape(&line));
    }
    let shown = report
        .tables
        .iter()
        .filter(|table| !is_of_gaps(table) || !table.is_empty());
    for table in shown {
        text += "\n";
        text += &markdown::section(table);
    }
    text
}

/// A table of what is missing: where nothing is, the heading above has said so.
fn is_of_gaps(table: &Table) -> bool {
    table.name == "left_out"
}

/// What leads from a report's folder to the folder that this process runs in, as a link has it; none where no such way is
/// known.
pub fn way_back(out: &Path) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let out = std::path::absolute(out).ok()?;
    // A folder above may be a link, so that `..` does not undo it.
    if out
        .components()
        .any(|part| part == std::path::Component::ParentDir)
    {
        return None;
    }
    let common = here
        .components()
        .zip(out.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = out.components().skip(common).map(|_| "..".to_owned());
    let down = here
        .components()
        .skip(common)
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let way: Vec<String> = up.chain(down).collect();
    Some(way.into_iter().map(|part| part + "/").collect())
}

/// Writes files into a folder, each whole or not at all.
///
/// # Errors
/// [`ReportError::Store`] where the folder cannot be written.
pub fn write(folder: &Path, files: &[File]) -> Result<(), ReportError> {
    for file in files {
        store::write_whole(&folder.join(&file.path), &file.bytes)?;
    }
    Ok(())
}
