//! `evmbench doctor`: what is present, which versions, what is missing and the command that mends it.

use std::borrow::Cow;
use std::process::{Command, Stdio};

use super::error::CliError;
use super::output::say;
use super::{Finding, format};
use crate::environment;
use crate::hint::Hint as _;
use crate::home::Home;
use crate::memory::AvailableMemory;
use crate::nodes::{FOUNDRY_VERSION, Foundry};
use crate::npm;
use crate::prover::{EZKL_VERSION, Toolchain};
use crate::solidity::{SOLC_VERSION, Solc};

/// Say which tools are present, which are missing, and the command that mends it
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments) -> Result<Finding, CliError> {
    let home = Home::from_environment()?;
    let machine = environment::machine();
    say!("evmbench  {}", env!("CARGO_PKG_VERSION"))?;
    say!("folder    {}", home.root().display())?;
    say!(
        "machine   {}, {} cores, {}",
        machine.cpu,
        machine.cores,
        machine
            .memory_bytes
            .map_or_else(|| "memory unknown".to_owned(), format::bytes)
    )?;
    match AvailableMemory::here() {
        Some(memory) => say!(
            "memory    workers are capped at {}: 85% of {}, {}",
            format::bytes(memory.cap_bytes()),
            format::bytes(memory.bytes),
            memory.source
        ),
        None => say!(
            "memory    this platform shows no memory figures: workers run without a cap, and peaks come from getrusage"
        ),
    }?;
    let mut finding = Finding::Good;
    let mut report = |name: &str, state: Result<String, (String, Vec<Cow<'static, str>>)>| match state {
        Ok(text) => say!("{name:<9} {text}"),
        Err((text, hints)) => {
            say!("{name:<9} MISSING: {text}")?;
            for hint in hints {
                say!("          -> {hint}")?;
            }
            finding = Finding::Bad;
            Ok(())
        }
    };
    let broken = |error: CliError| (error.to_string(), error.hints());
    report(
        "Python",
        Toolchain::system_python()
            .map(|(python, version)| format!("{version} ({python})"))
            .map_err(|error| broken(error.into())),
    )?;
    for program in ["node", "npm"] {
        // Only the npm compiler needs them, so that a native solc makes up for their absence.
        match version_of(program) {
            Some(version) => say!("{program:<9} {version}"),
            None => say!("{program:<9} not on PATH (needed only for the solc from npm)"),
        }?;
    }
    report(
        "EZKL",
        Toolchain::locate(&home)
            .map(|toolchain| format!("{EZKL_VERSION} ({})", toolchain.python().display()))
            .map_err(|error| broken(error.into())),
    )?;
    let solc = home.solc(SOLC_VERSION);
    report(
        "solc",
        if npm::is_whole(&solc) {
            Solc::locate(None, &solc)
                .map(|solc| format!("{} ({})", solc.version(), solc.origin()))
                .map_err(|error| broken(error.into()))
        } else {
            Err((
                format!("{} is not as it was installed", solc.display()),
                vec!["run `evmbench setup`, which replaces it".into()],
            ))
        },
    )?;
    // Only for comparisons with other EVMs, so that their absence is no finding.
    match Foundry::locate(&home.foundry(FOUNDRY_VERSION)) {
        Ok(foundry) => say!("Foundry   {FOUNDRY_VERSION} ({})", foundry.anvil().display()),
        Err(_) => say!("Foundry   {FOUNDRY_VERSION} not installed (needed only to compare with other EVMs)"),
    }?;
    Ok(finding)
}

fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
