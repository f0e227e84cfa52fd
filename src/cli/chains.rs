//! `evmbench chains`: what each fork allows, by which EIP, and who says so.

use crate::chain::{Fork, Rule};
use crate::report::table::{Column, Table};

use super::error::CliError;
use super::output::{fitted, say};
use super::{Finding, format};

/// Show the limits that each fork, or its public network, sets to a transaction
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print JSON: one object for each rule and fork
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    if arguments.json {
        let rules: Vec<_> = Rule::ALL
            .into_iter()
            .flat_map(|rule| Fork::ALL.map(|fork| (rule, fork)))
            .map(|(rule, fork)| {
                serde_json::json!({
                    "rule": rule,
                    "fork": fork,
                    "unit": rule.unit(),
                    "limit": rule.limit(fork),
                    "eip": rule.limit(fork).and(rule.eip(fork)),
                    "enforced_by_revm": rule.is_enforced(),
                    "source": rule.source(),
                })
            })
            .collect();
        say!("{}", serde_json::Value::Array(rules))?;
    } else {
        say!("{}", fitted(&limits()))?;
    }
    Ok(Finding::Good)
}

/// One row for each rule; in each fork's column the limit, and the EIP that set it so.
fn limits() -> Table {
    let names = [Column::text("rule"), Column::text("unit")];
    let limits = Fork::ALL.map(|fork| Column::written(fork.name()));
    let sources = [Column::text("EIP"), Column::text("source")];
    let mut table = Table::new(names.into_iter().chain(limits).chain(sources));
    for rule in Rule::ALL {
        let limits = Fork::ALL.map(|fork| rule.limit(fork).map_or_else(|| "-".to_owned(), format::count));
        let mut eips: Vec<String> = Fork::ALL
            .into_iter()
            .filter(|&fork| rule.limit(fork).is_some())
            .filter_map(|fork| Some(rule.eip(fork)?.to_string()))
            .collect();
        eips.dedup();
        let eips = if eips.is_empty() {
            "-".to_owned()
        } else {
            eips.join(", ")
        };
        let names = [rule.to_string(), rule.unit().to_owned()];
        let sources = [eips, rule.source().to_owned()];
        table.row(names.into_iter().chain(limits).chain(sources));
    }
    table
}
