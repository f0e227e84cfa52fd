//! `evmbench compare A B`: every figure of two sets of records, side by side. What `gas-diff` judges, this shows.

use clap::ValueEnum;
use serde::Serialize;

use super::Finding;
use super::comparison;
use super::error::CliError;
use super::output::say;
use crate::compare::{self, CircuitChange, Comparison, RecordSet};

/// Set two folders of records, or two git revisions of one, side by side: every figure, changed or not
///
/// Gas, code, calldata, circuits, keys and errors; times and memory by their samples, of one machine only. Nothing is
/// judged: gas-diff does that. The exit status is 1 where a file could not be used.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench compare results runs\n  evmbench compare main HEAD --format markdown"
)]
pub(super) struct Arguments {
    /// A folder of records; or a git revision, as in main or HEAD~1, read from results/, or REV:FOLDER
    #[arg(value_name = "A")]
    old: String,
    /// Likewise
    #[arg(value_name = "B")]
    new: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the terminal
    Table,
    /// For a document
    Markdown,
    /// For a program
    Json,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Everything<'a> {
    comparison: &'a Comparison,
    circuits: &'a [CircuitChange],
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let [old, new] = [RecordSet::open(&arguments.old)?, RecordSet::open(&arguments.new)?];
    let comparison = compare::compare(&old, &new);
    let circuits = compare::circuit_changes(&old, &new);
    let sections = comparison::everything(&comparison, &circuits);
    match arguments.format {
        Format::Table => say!("{}", comparison::text(&sections)),
        Format::Markdown => say!("{}", comparison::markdown("Comparison", &sections)),
        Format::Json => {
            let everything = Everything {
                comparison: &comparison,
                circuits: &circuits,
            };
            say!(
                "{}",
                serde_json::to_string_pretty(&everything).expect("a comparison is plain data")
            )
        }
    }?;
    let unread = old.problems.len() + new.problems.len();
    Ok(if unread == 0 { Finding::Good } else { Finding::Bad })
}
