//! Forks by name, and tables of how records stand under them.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::format;
use crate::chain::{Fit, Fork, RuleMargin};
use crate::metric::Metric;
use crate::report::table::{Column, Table};

/// A fork, as it is named on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForkName(Fork);

const NAMES: [ForkName; Fork::ALL.len()] = {
    let mut names = [ForkName(Fork::ALL[0]); Fork::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ForkName(Fork::ALL[index]);
        index += 1;
    }
    names
};

impl ValueEnum for ForkName {
    fn value_variants<'a>() -> &'a [Self] {
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

impl From<ForkName> for Fork {
    fn from(ForkName(fork): ForkName) -> Self {
        fork
    }
}

/// One row for each experiment and fork: what fits.
pub(super) fn verdicts<'a>(fits: impl IntoIterator<Item = (String, Fit<'a>)>) -> Table {
    let mut table = Table::new([
        Column::text("experiment"),
        Column::of(Metric::Fork),
        Column::text("verdict"),
        Column::written(Metric::DeploymentGas.name()),
        Column::written_of(Metric::VerificationGas),
        Column::text("deployable"),
        Column::text("in one transaction"),
        Column::text("from the public pool"),
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
        Column::of(Metric::Fork),
        Column::text("transaction"),
        Column::text("rule"),
        Column::written("EIP"),
        Column::written("value"),
        Column::written("limit"),
        Column::written("margin"),
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
                let unit = rule.unit();
                let sign = if margin.is_broken() { "-" } else { "" };
                table.row([
                    fit.fork().name().to_owned(),
                    transaction.to_owned(),
                    rule.to_string(),
                    rule.eip(fit.fork())
                        .map_or_else(|| "-".to_owned(), |eip| eip.to_string()),
                    format!("{} {unit}", format::count(value)),
                    format!("{} {unit}", format::count(limit)),
                    format!(
                        "{sign}{} {unit}",
                        format::count(margin.value.abs_diff(margin.limit))
                    ),
                ]);
            }
        }
    }
    table
}
