//! `evmbench crosscheck RECORD…`: whether EVMs that share no code with revm charge what revm charges.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::error::CliError;
use super::forks::ForkName;
use super::output::say;
use super::progress::Progress;
use super::verify::{GivenArguments, Workshop};
use super::{Finding, format, setup};
use crate::chain::{Fork, Sent, Transcript};
use crate::crosscheck;
use crate::home::Home;
use crate::nodes::OtherEvm;
use crate::prover::StringFile;
use crate::store::StoredRun;

/// Send a record's transactions to other EVMs, and compare gas and outcome of each
///
/// The record is derived again from its evidence, and every transaction that its figures come from is made again elsewhere: deployments,
/// verifications, guards, batches and sets. The executable specification (PyPI's ethereum-execution) and EthereumJS share no code with
/// revm; anvil is revm. The exit status is 1 where anything differs.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// Which EVMs
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "EVM,…",
        default_value = "eels,ethereumjs"
    )]
    evm: Vec<EvmName>,
    /// Under which forks [default: every one]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORK,…")]
    fork: Vec<ForkName>,
    #[command(flatten)]
    given: GivenArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EvmName {
    /// Ethereum's executable specification
    Eels,
    Ethereumjs,
    /// revm in a node
    Anvil,
}

impl EvmName {
    fn obtain(self, home: &Home, progress: &Progress) -> Result<OtherEvm, CliError> {
        match self {
            Self::Eels => setup::specification(home, progress),
            Self::Ethereumjs => setup::ethereumjs(home, progress),
            Self::Anvil => Ok(OtherEvm::Anvil(setup::foundry(home, progress)?)),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let progress = Progress::new();
    let evms = arguments.evm.iter().map(|evm| evm.obtain(&home, &progress));
    let evms = evms.collect::<Result<Vec<_>, _>>()?;
    progress.clear();
    let string = arguments.given.string()?;
    let workshop = Workshop::default();
    let mut good = true;
    for path in &arguments.records {
        let checked = arguments.record(path, string.as_ref(), &workshop, &evms);
        let is_about_record = |error: &CliError| matches!(error, CliError::Store(_) | CliError::Prover(_));
        good &= CliError::of_record(checked, is_about_record)?.unwrap_or(false);
    }
    Ok(if good { Finding::Good } else { Finding::Bad })
}

impl Arguments {
    /// Whether the record is borne out by its evidence and no EVM makes anything else of it.
    fn record(
        &self,
        path: &Path,
        string: Option<&StringFile>,
        workshop: &Workshop,
        evms: &[OtherEvm],
    ) -> Result<bool, CliError> {
        let run = StoredRun::open(path)?;
        let (rederived, recording) = crosscheck::record(&run, self.given.given(string), workshop.open()?)?;
        let name = path.display();
        for discrepancy in &rederived.discrepancies {
            say!("{name}: {discrepancy}")?;
        }
        let mut good = rederived.discrepancies.is_empty();
        let asked: Vec<Fork> = self.fork.iter().map(|&fork| fork.into()).collect();
        for fork in Fork::ALL {
            if !asked.is_empty() && !asked.contains(&fork) {
                continue;
            }
            let transcript = recording.under(fork);
            let what = said(&transcript);
            let title = fork.name();
            if transcript.steps.is_empty() {
                say!("{name}: {title}: {what}")?;
                continue;
            }
            let mut known = false;
            for evm in evms {
                for compared in crosscheck::compare(evm, fork, &transcript)? {
                    known = true;
                    let by = format!("{} ({})", evm.name(), compared.name);
                    if compared.differences.is_empty() {
                        say!("{name}: {title}: {what}, as in {by}")?;
                    }
                    for difference in compared.differences {
                        let sent = &transcript.steps[difference.step].sent;
                        say!(
                            "{name}: {title}: {} {} in revm, and {} in {by}",
                            kind(sent),
                            difference.here,
                            format::plain(&difference.there.to_string())
                        )?;
                        good = false;
                    }
                }
            }
            if !known {
                say!("{name}: {title}: {what}: revm only, no other EVM that was asked knows this fork")?;
            }
        }
        Ok(good)
    }
}

/// How many transactions there are, what they cost together, and how many only revm can make.
fn said(transcript: &Transcript) -> String {
    let total: u64 = transcript.steps.iter().map(|step| step.sent.gas_used).sum();
    let count = format::count(transcript.steps.len() as u64);
    let left_out = match transcript.left_out {
        0 => String::new(),
        count => format!(
            " ({} left out: they break a rule of the chain)",
            format::count(count as u64)
        ),
    };
    format!("{count} transactions of {} gas{left_out}", format::count(total))
}

fn kind(sent: &Sent) -> String {
    let bytes = format::count(sent.data.len() as u64);
    match sent.to {
        None => format!("a creation of {bytes} bytes"),
        Some(_) => format!("a call with {bytes} bytes"),
    }
}
