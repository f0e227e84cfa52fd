//! Forks by name, and tables of how records stand under them.

use clap::ValueEnum;

use super::format;
use super::table::{FIGURE, TEXT, Table};
use crate::chain::{Fit, Fork, RuleMargin};

/// A fork, as it is named on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ForkName {
    Prague,
    Osaka,
    Amsterdam,
}

impl From<ForkName> for Fork {
    fn from(name: ForkName) -> Self {
        match name {
            ForkName::Prague => Self::Prague,
            ForkName::Osaka => Self::Osaka,
            ForkName::Amsterdam => Self::Amsterdam,
        }
    }
}

/// One row for each experiment and fork: what fits.
pub(super) fn verdicts<'a>(fits: impl IntoIterator<Item = (String, Fit<'a>)>) -> Table {
    let mut table = Table::new([
        ("experiment", TEXT),
        ("fork", TEXT),
        ("verdict", TEXT),
        ("deployment gas", FIGURE),
        ("verify gas", FIGURE),
        ("deployable", TEXT),
        ("in one transaction", TEXT),
        ("from the public pool", TEXT),
    ]);
    let yes_or_no = |fits: bool| if fits { "yes" } else { "no" }.to_owned();
    for (name, fit) in fits {
        table.row([
            name,
            fit.fork().name().to_owned(),
            fit.verification.verdict.to_string(),
            format::count(fit.deployment.gas.tx_gas),
            fit.verification
                .gas
                .map_or_else(|| "-".to_owned(), |gas| format::count(gas.tx_gas)),
            yes_or_no(fit.is_deployable()),
            yes_or_no(fit.is_verifiable_in_one_transaction()),
            yes_or_no(fit.is_verifiable_from_public_pool()),
        ]);
    }
    table
}

/// One row for each rule of each fork: value, limit and margin, of deployment and verification.
pub(super) fn margins<'a>(fits: impl IntoIterator<Item = Fit<'a>>) -> Table {
    let mut table = Table::new([
        ("fork", TEXT),
        ("transaction", TEXT),
        ("rule", TEXT),
        ("EIP", FIGURE),
        ("value", FIGURE),
        ("limit", FIGURE),
        ("margin", FIGURE),
        ("unit", TEXT),
    ]);
    for fit in fits {
        let registration = fit
            .registration
            .map(|registration| ("registration", &registration.call.margins));
        let transactions = [
            Some(("deployment", &fit.deployment.margins)),
            registration,
            Some(("verification", &fit.verification.margins)),
        ];
        for (transaction, margins) in transactions.into_iter().flatten() {
            for margin in margins {
                let RuleMargin { rule, value, limit } = *margin;
                let sign = if margin.is_broken() { "-" } else { "" };
                table.row([
                    fit.fork().name().to_owned(),
                    transaction.to_owned(),
                    rule.to_string(),
                    rule.eip(fit.fork())
                        .map_or_else(|| "-".to_owned(), |eip| eip.to_string()),
                    format::count(value),
                    format::count(limit),
                    format!("{sign}{}", format::count(margin.value.abs_diff(margin.limit))),
                    rule.unit().to_owned(),
                ]);
            }
        }
    }
    table
}
