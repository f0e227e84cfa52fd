//! `evmbench gas-diff OLD NEW`: what two sets of records say differently about gas and sizes, and whether a build may
//! pass with it.

use clap::ValueEnum;
use serde::Serialize;

use super::comparison::{self, Section};
use super::error::CliError;
use super::output::say;
use super::{Finding, format};
use crate::compare::{self, Comparison, Failure, Policy, RecordSet, Tolerance};

/// Compare two folders of records, or two git revisions of one: gas, code size, calldata; exit status 1 where they grew
///
/// Fails where gas of verification, deployment or registration, or code, proof or calldata of an experiment grew by more
/// than --fail-above; where an experiment verified in OLD is lost, or no longer verified; where NEW is unsound, proves less,
/// or breaks a limit of the chain that OLD kept; and where a record cannot be read. Times and memory fail nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench gas-diff results runs\n  evmbench gas-diff main HEAD --fail-above 0.5%\n  evmbench gas-diff v0.1.0:results runs --allow-missing --format markdown"
)]
pub(super) struct Arguments {
    /// A folder of records; or a git revision, as in main or HEAD~1, read from results/, or REV:FOLDER
    #[arg(value_name = "OLD")]
    old: String,
    /// Likewise
    #[arg(value_name = "NEW")]
    new: String,
    /// By how much each figure may grow; what chance explains between two proofs or two keys is never growth
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    fail_above: Tolerance,
    /// Let NEW lack experiments of OLD, as where it is the run of one suite
    #[arg(long)]
    allow_missing: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the terminal
    Table,
    /// For a pull request
    Markdown,
    /// Every figure, changed or not
    Json,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Report<'a> {
    fail_above: Tolerance,
    failures: &'a [Failure],
    comparison: &'a Comparison,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let [old, new] = [RecordSet::open(&arguments.old)?, RecordSet::open(&arguments.new)?];
    let comparison = compare::compare(&old, &new);
    let policy = Policy {
        tolerance: arguments.fail_above,
        allow_missing: arguments.allow_missing,
    };
    let failures = compare::judge(&comparison, policy);
    let verdict = verdict(&failures, policy.tolerance);
    let mut sections = comparison::sections(&comparison);
    match arguments.format {
        Format::Table => {
            sections.push(verdict);
            say!("{}", comparison::text(&sections))?;
        }
        Format::Markdown => {
            // A pull request shows the beginning.
            sections.insert(0, verdict);
            say!("{}", comparison::markdown("Gas comparison", &sections))?;
        }
        Format::Json => {
            let report = Report {
                fail_above: policy.tolerance,
                failures: &failures,
                comparison: &comparison,
            };
            say!(
                "{}",
                serde_json::to_string_pretty(&report).expect("a comparison is plain data")
            )?;
        }
    }
    Ok(if failures.is_empty() {
        Finding::Good
    } else {
        Finding::Bad
    })
}

fn verdict(failures: &[Failure], tolerance: Tolerance) -> Section {
    let sentence = if failures.is_empty() {
        format!("Passed: nothing grew by more than {tolerance}, nothing verified was lost.")
    } else {
        format!("FAILED: {}.", format::plural(failures.len(), "finding"))
    };
    let lines = failures
        .iter()
        .map(|failure| comparison::failure(failure, tolerance));
    Section::notes("Verdict", [sentence].into_iter().chain(lines).collect())
}
