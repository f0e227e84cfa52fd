//! `evmbench report`: tables, plots and a page from records alone.

use std::path::PathBuf;

use clap::ValueEnum;

use super::error::CliError;
use super::output::say;
use super::{Finding, format};
use crate::report::{self, Dataset, Prices, Report, output};

/// The baseline that is always there.
const STUDY: &str = "study";

/// Make tables (LaTeX, Markdown, CSV), plots (SVG) and a page from records: nothing is proved, no network is asked
///
/// The same records give the same bytes. What a record does not hold is a dash; a file that could not be used is named,
/// with the reason, and the exit status is then 1.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench report\n  evmbench report --results results --results runs --out report\n  evmbench report --format plots --out docs/plots"
)]
pub(super) struct Arguments {
    /// A folder of records, or one at a git revision, as in main:results; may be given again
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: Vec<String>,
    /// What to set beside them: the study's published figures, or another folder of records or git revision as well
    #[arg(long, value_name = "study|DIR", default_value = STUDY)]
    baseline: String,
    /// Where to write
    #[arg(long, value_name = "DIR", default_value = "report")]
    out: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::All)]
    format: Format,
    /// Prices of ETH and gas, in the form of data/prices.json; its round assumptions unless told otherwise
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Everything but png and csp
    All,
    /// Tables that build alone and inside a document
    Latex,
    /// Tables in one file
    Markdown,
    /// One file for each table; records.csv has one row for each record
    Csv,
    /// One self-contained page
    Html,
    /// SVG
    Plots,
    /// The plots as PNG (built with `--features png`)
    Png,
    /// A summary of what a terminal has room for
    Text,
    /// JSON as the client-side-proving benchmarks have it, one file for each verified record
    Csp,
}

impl TryFrom<Format> for report::Format {
    type Error = CliError;

    fn try_from(format: Format) -> Result<Self, CliError> {
        Ok(match format {
            Format::All => Self::All,
            Format::Latex => Self::Latex,
            Format::Markdown => Self::Markdown,
            Format::Csv => Self::Csv,
            Format::Html => Self::Html,
            Format::Plots => Self::Plots,
            #[cfg(feature = "png")]
            Format::Png => Self::Png,
            #[cfg(not(feature = "png"))]
            Format::Png => {
                return Err(CliError::NotBuilt {
                    command: "report --format png",
                    feature: "png",
                });
            }
            Format::Text => Self::Text,
            Format::Csp => Self::Csp,
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let format = arguments.format.try_into()?;
    let prices = Prices::read(arguments.prices.as_deref())?;
    let mut report = Report::new(Dataset::read(&arguments.results)?, &prices);
    if arguments.baseline != STUDY {
        report.add_baseline(&arguments.baseline)?;
    }
    report.record_links = output::way_back(&arguments.out);
    let files = output::files(&report, format)?;
    output::write(&arguments.out, &files)?;
    for line in output::headline(&report.dataset) {
        say!("{line}")?;
    }
    say!(
        "{} in {}.",
        format::plural(files.len(), "file"),
        arguments.out.display()
    )?;
    Ok(if report.dataset.left_out.is_empty() {
        Finding::Good
    } else {
        Finding::Bad
    })
}
