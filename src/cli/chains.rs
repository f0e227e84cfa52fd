//! `evmbench chains`: what each fork allows, by which EIP, and who says so.

use crate::chain::{Fork, Rule};

use super::error::CliError;
use super::output::say;
use super::table::{FIGURE, TEXT, Table};
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
        say!("{}", limits())?;
    }
    Ok(Finding::Good)
}

/// One row for each rule; in each fork's column the limit, and the EIP that set it so.
fn limits() -> Table {
    let mut table = Table::new([
        ("rule", TEXT),
        ("unit", TEXT),
        ("prague", FIGURE),
        ("osaka", FIGURE),
        ("amsterdam", FIGURE),
        ("EIP", TEXT),
        ("source", TEXT),
    ]);
    for rule in Rule::ALL {
        let [prague, osaka, amsterdam] =
            Fork::ALL.map(|fork| rule.limit(fork).map_or_else(|| "-".to_owned(), format::count));
        let mut eips: Vec<String> = Fork::ALL
            .into_iter()
            .filter(|&fork| rule.limit(fork).is_some())
            .filter_map(|fork| Some(rule.eip(fork)?.to_string()))
            .collect();
        eips.dedup();
        table.row([
            rule.to_string(),
            rule.unit().to_owned(),
            prague,
            osaka,
            amsterdam,
            if eips.is_empty() {
                "-".to_owned()
            } else {
                eips.join(", ")
            },
            rule.source().to_owned(),
        ]);
    }
    table
}
