//! `evmbench verify RECORD`: the stored verifier deployed again, the stored proof verified again, both held against the
//! record, or put under other forks.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::forks::{self, ForkName};
use super::output::say;
use super::{Finding, format};
use crate::chain::UnderFork;
use crate::home::Home;
use crate::record::{Outcome, Record, Spread};
use crate::replay;
use crate::solidity::{SOLC_VERSION, Solc};
use crate::store::{self, Store};

/// Deploy a record's verifier again and verify its proof again: verdict and gas must be those in the record
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// Verify under these forks instead, and show verdict, gas, and how far each limit is
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORK,…")]
    fork: Vec<ForkName>,
    /// Find out again everything that the record says of the chain, and write it anew
    #[arg(long, conflicts_with = "fork")]
    renew: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let mut finding = Finding::Good;
    for path in &arguments.records {
        let record = store::load(path)?;
        let good = if arguments.renew {
            renew(path, &record)?
        } else if arguments.fork.is_empty() {
            recheck(path, &record)?
        } else {
            under(path, &record, &arguments.fork)?
        };
        if !good {
            finding = Finding::Bad;
        }
    }
    Ok(finding)
}

/// The compiler, which only what deploys contracts of evmbench's own needs.
fn solc() -> Result<Solc, CliError> {
    let home = Home::from_environment()?;
    Ok(Solc::obtain(&home.solc(SOLC_VERSION))?)
}

/// Whether verdict and gas are those in the record.
fn recheck(path: &Path, record: &Record) -> Result<bool, CliError> {
    let mut again = replay::recheck(path, record)?;
    if let Some(set) = &record.set {
        again.figures.push(replay::recheck_set(path, set, &solc()?)?);
    }
    let name = path.display();
    for figure in &again.figures {
        let [recorded, now] = [figure.recorded, figure.now].map(format::count);
        if figure.recorded == figure.now {
            say!("{name}: {} {now}, as recorded", figure.name)?;
        } else {
            say!("{name}: {} {now}, but {recorded} in the record", figure.name)?;
        }
    }
    if again.recorded == again.now {
        say!("{name}: {}, as recorded", again.now)?;
    } else {
        say!("{name}: {}, but {} in the record", again.now, again.recorded)?;
    }
    if let Some(spread) = Spread::of(record) {
        say!("{name}: {}", format::spread(&spread))?;
    }
    Ok(again.agrees())
}

/// Whether the proof is accepted under every fork, be it with rules lifted.
fn under(path: &Path, record: &Record, names: &[ForkName]) -> Result<bool, CliError> {
    let runs = names
        .iter()
        .map(|&name| replay::under(path, record, name.into()))
        .collect::<Result<Vec<_>, _>>()?;
    let name = record.request.name();
    say!(
        "{}\n",
        forks::verdicts(runs.iter().map(|run| (name.clone(), run.fit())))
    )?;
    say!("{}", forks::margins(runs.iter().map(UnderFork::fit)))?;
    Ok(runs.iter().all(|run| run.verification.verdict.is_accepted()))
}

/// Whether the renewed record is of a verified proof.
fn renew(path: &Path, record: &Record) -> Result<bool, CliError> {
    let renewed = replay::renewed(path, record, &solc()?)?;
    Store::replace(path, &renewed)?;
    say!("{}: {}, renewed", path.display(), renewed.outcome_and_limits())?;
    Ok(renewed.outcome == Outcome::Verified)
}
