//! `evmbench setup`: the toolchain alone.

use super::Finding;
use super::error::CliError;
use super::output::say;
use super::progress::Progress;
use crate::home::Home;
use crate::prover::{Observer as _, Toolchain, ToolchainError};
use crate::solidity::{self, Solc, SolidityError};

/// Install what proving and compiling need: EZKL's wheel and solc, in evmbench's cache folder
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let progress = Progress::new();
    let (toolchain, solc) = tools(&home, &progress)?;
    progress.clear();
    say!(
        "EZKL {} in {}",
        crate::prover::EZKL_VERSION,
        toolchain.python().display()
    )?;
    say!(
        "solc {} ({}) at {}",
        solc.version(),
        solc.origin(),
        solc.path().display()
    )?;
    Ok(Finding::Good)
}

/// The tools, installed first where they are missing.
pub(super) fn tools(home: &Home, progress: &Progress) -> Result<(Toolchain, Solc), CliError> {
    progress.label("setup".to_owned());
    let toolchain = match Toolchain::locate(home) {
        Err(ToolchainError::Missing { .. }) => {
            progress.started("install EZKL");
            let installed = Toolchain::install(home);
            progress.finished();
            installed?
        }
        other => other?,
    };
    let folder = home.solc(solidity::SOLC_VERSION);
    let solc = match Solc::locate(None, &folder) {
        Err(SolidityError::NotFound { .. }) => {
            progress.started("install solc");
            let installed = Solc::obtain(&folder);
            progress.finished();
            installed?
        }
        other => other?,
    };
    Ok((toolchain, solc))
}
