//! `evmbench export-foundry RECORD… --out DIR`: verifiers, proofs and expectations as fixtures for Forge tests.

use std::path::PathBuf;

use super::error::CliError;
use super::output::say;
use super::progress::Progress;
use super::{Finding, setup};
use crate::foundry;
use crate::home::Home;
use crate::store::StoredRun;

/// Write records as fixtures for Forge tests: contract, proof, calldata, expected gas and sizes
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,

    /// Where each record gets a folder of its name
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Add a Forge script that deploys verifier and guard, and the contract of a batch: script/Deploy.s.sol
    #[arg(long)]
    deploy: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    for path in &arguments.records {
        let run = StoredRun::open(path)?;
        let folder = foundry::export(&run, &arguments.out)?;
        let mut opening = None;
        if run.record().batch.is_some() {
            let solc = setup::solc(&Home::from_environment()?, &Progress::new())?;
            opening = foundry::export_opening(&run, &folder, &solc)?;
        }
        if arguments.deploy {
            foundry::export_script(&run, &folder, opening.as_ref())?;
        }
        say!("{}", folder.display())?;
    }
    Ok(Finding::Good)
}
