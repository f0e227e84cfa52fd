//! A record's transactions sent again to EVMs that share no code with revm.
//!
//! Goes in: a stored run. Comes out: every transaction that its figures come from, made again in revm, and what other EVMs make of each:
//! deployments, registrations, verifications, guards, batches and sets of parts. Any difference in gas or outcome is a finding.

use evmbench_evm::chain::{Fork, Recording, Transcript};
use evmbench_evm::nodes::{Difference, NodeError, OtherEvm, SPECIFICATION_VERSION};
use evmbench_ezkl::{ProverError, Toolchain, ToolchainError};
use evmbench_host::home::{Home, create_private};
use evmbench_store::StoredRun;

use crate::rederive::{self, Given, Rederived, Tools};

/// `ethereum-execution`, with the digest of every file.
const REQUIREMENTS: &str = include_str!("crosscheck/requirements.txt");

/// The executable specification in a folder of its own below the home, installed there where it is missing or broken.
///
/// # Errors
/// [`ToolchainError`]: no suitable Python, no network, a wheel whose digest differs.
pub fn obtain_specification(home: &Home) -> Result<OtherEvm, ToolchainError> {
    let (python, _) = Toolchain::system_python()?;
    let folder = home.specification(SPECIFICATION_VERSION);
    create_private(&folder).map_err(|source| ToolchainError::Io {
        action: "create",
        path: folder.clone(),
        source,
    })?;
    let packages = folder.join("packages");
    Toolchain::install_packages(
        python.as_ref(),
        REQUIREMENTS,
        &packages,
        "pip install ethereum-execution",
        "check the network and any package index that pip is configured for; there are wheels for CPython 3.11 and 3.12 on Linux \
         and on macOS with an ARM processor: set EVMBENCH_PYTHON to one of these",
    )?;
    Ok(OtherEvm::Specification {
        python: python.into(),
        packages,
    })
}

/// Derives a record again from its evidence, and keeps what is sent to chains meanwhile: under every fork of its figures.
///
/// # Errors
/// [`rederive::rederive`]'s.
pub fn record(
    run: &StoredRun,
    given: Given<'_>,
    tools: &Tools,
) -> Result<(Rederived, Recording), ProverError> {
    let (rederived, recording) = Recording::of(|| rederive::rederive(run, given, tools));
    Ok((rederived?, recording))
}

/// Transactions under one fork, and what an EVM makes of them.
#[derive(Debug)]
pub struct Compared {
    /// By which name the EVM has the fork's rules.
    pub name: &'static str,
    /// Where it comes to something else.
    pub differences: Vec<Difference>,
}

/// Sends transactions to an EVM under each name that it has the fork's rules by; none where it does not know the fork.
///
/// # Errors
/// [`NodeError`], where they cannot be sent there.
pub fn compare(evm: &OtherEvm, fork: Fork, transcript: &Transcript) -> Result<Vec<Compared>, NodeError> {
    let names = evm.forks(fork).iter();
    names
        .map(|&name| {
            Ok(Compared {
                name,
                differences: evm.differences(fork, name, transcript)?,
            })
        })
        .collect()
}
