//! `evmbench export-foundry RECORD… --out DIR`: verifiers, proofs and expectations as fixtures for Forge tests.

use std::path::PathBuf;

use super::error::CliError;
use super::output::say;
use super::progress::Progress;
use super::{Finding, setup};
use crate::deployable::Together;
use crate::foundry;
use crate::home::Home;
use crate::store::StoredRun;

/// Write records as fixtures for Forge tests: contract, proof, calldata, expected gas and sizes
///
/// The record of a set's last part, whose other parts lie beside it, becomes a Foundry project besides: `forge test` in its folder deploys the
/// set's contracts, verifies the set, compares the gas, and has other sets refused.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,

    /// Where each record gets a folder of its name
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Add a Forge script that deploys verifier and guard, and the contracts of a batch or of a set: script/Deploy.s.sol
    #[arg(long)]
    deploy: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    for path in &arguments.records {
        let run = StoredRun::open(path)?;
        let folder = foundry::export(&run, &arguments.out)?;
        let record = run.record();
        let mut together = Together::default();
        if record.batch.is_some() || record.set.is_some() {
            let solc = setup::solc(&Home::from_environment()?, &Progress::new())?;
            together = foundry::export_together(&run, &folder, &solc)?;
        }
        if arguments.deploy {
            foundry::export_script(&run, &folder, &together)?;
        }
        say!("{}", folder.display())?;
    }
    Ok(Finding::Good)
}
