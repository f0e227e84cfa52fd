//! `evmbench setup`: the toolchain alone.

use std::path::Path;

use super::Finding;
use super::error::CliError;
use super::output::say;
use super::progress::Progress;
use crate::crosscheck;
use crate::home::Home;
use crate::lock::{self, Lock};
use crate::nodes::{ETHEREUMJS_VERSION, FOUNDRY_VERSION, Foundry, OtherEvm, SPECIFICATION_VERSION};
use crate::npm;
use crate::prover::{Observer as _, Toolchain, ToolchainError};
use crate::solidity::{SOLC_VERSION, Solc};

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

/// EZKL, installed first where it is missing, old or broken.
pub(super) fn toolchain(home: &Home, progress: &Progress) -> Result<Toolchain, CliError> {
    progress.label("setup".to_owned());
    home.create()?;
    Ok(match Toolchain::locate(home) {
        Err(error) if error.is_mended_by_installing() => {
            if !matches!(error, ToolchainError::Missing { .. }) {
                progress.noted(&format!("{error}: it is replaced"));
            }
            progress.started("install EZKL");
            let installed = Toolchain::install(home);
            progress.finished();
            installed?
        }
        other => other?,
    })
}

/// solc, installed first where it is missing or broken.
pub(super) fn solc(home: &Home, progress: &Progress) -> Result<Solc, CliError> {
    let folder = home.solc(SOLC_VERSION);
    from_npm(home, &folder, progress, "solc", || {
        match Solc::locate(None, &folder) {
            Err(error) if error.is_mended_by_installing() => {
                progress.started("install solc");
                let installed = Solc::obtain(&folder);
                progress.finished();
                installed
            }
            other => other,
        }
    })
}

/// anvil and forge, installed first where they are missing or broken.
pub(super) fn foundry(home: &Home, progress: &Progress) -> Result<Foundry, CliError> {
    let folder = home.foundry(FOUNDRY_VERSION);
    from_npm(home, &folder, progress, "Foundry", || Foundry::obtain(&folder))
}

/// EthereumJS, installed first where it is missing or broken.
pub(super) fn ethereumjs(home: &Home, progress: &Progress) -> Result<OtherEvm, CliError> {
    let folder = home.ethereumjs(ETHEREUMJS_VERSION);
    from_npm(home, &folder, progress, "EthereumJS", || {
        OtherEvm::obtain_ethereumjs(&folder)
    })
}

/// Ethereum's executable specification, installed first where it is missing or broken.
pub(super) fn specification(home: &Home, progress: &Progress) -> Result<OtherEvm, CliError> {
    progress.label("setup".to_owned());
    home.create()?;
    let is_missing = !home.specification(SPECIFICATION_VERSION).exists();
    if is_missing {
        progress.started("install the executable specification");
    }
    let installed = crosscheck::obtain_specification(home);
    if is_missing {
        progress.finished();
    }
    Ok(installed?)
}

/// A tool that npm installs into a folder, unless it is elsewhere. Nobody replaces or removes the folder before this process ends.
fn from_npm<T, E: Into<CliError>>(
    home: &Home,
    folder: &Path,
    progress: &Progress,
    name: &str,
    obtain: impl FnOnce() -> Result<T, E>,
) -> Result<T, CliError> {
    progress.label("setup".to_owned());
    // What cannot be made is told of where it is needed.
    let _ = home.create();
    if !npm::is_whole(folder) {
        progress.noted(&format!(
            "{name} in {} is not as it was installed: it is replaced",
            folder.display()
        ));
        npm::remove_changed(folder).map_err(|source| CliError::Npm { source })?;
    }
    let tool = obtain().map_err(Into::into)?;
    if folder.exists()
        && let Ok(Some(lock)) = Lock::shared(&lock::beside(folder), || false)
    {
        lock.hold_until_exit();
    }
    Ok(tool)
}
