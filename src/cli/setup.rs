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

/// Both tools, installed first where they are missing.
pub(super) fn tools(home: &Home, progress: &Progress) -> Result<(Toolchain, Solc), CliError> {
    Ok((toolchain(home, progress)?, solc(home, progress)?))
}

/// EZKL, installed first where it is missing.
pub(super) fn toolchain(home: &Home, progress: &Progress) -> Result<Toolchain, CliError> {
    progress.label("setup".to_owned());
    Ok(match Toolchain::locate(home) {
        Err(ToolchainError::Missing { .. }) => {
            progress.started("install EZKL");
            let installed = Toolchain::install(home);
            progress.finished();
            installed?
        }
        other => other?,
    })
}

/// solc, installed first where it is missing.
pub(super) fn solc(home: &Home, progress: &Progress) -> Result<Solc, CliError> {
    progress.label("setup".to_owned());
    let folder = home.solc(solidity::SOLC_VERSION);
    Ok(match Solc::locate(None, &folder) {
        Err(SolidityError::NotFound { .. }) => {
            progress.started("install solc");
            let installed = Solc::obtain(&folder);
            progress.finished();
            installed?
        }
        other => other?,
    })
}
