//! EVMs that transactions of this process's chains are sent to again: Ethereum's executable specification and EthereumJS, which share no code
//! with revm, and anvil, which is revm in a node.
//!
//! Goes in: a transcript of one fork. Comes out: what each transaction came to there, and where that is not what it came to here.
//!
//! The request, as both programs read it: `{"fork": name, "sender": address, "beneficiary": address, "gas_price": wei, "block_gas_limit":
//! gas, "transactions": [{"parent": index or null, "to": address or null, "data": hex, "gas_limit": gas}]}`. The answer has for each
//! transaction `{"success": bool, "gas_used": gas}`, or `{"refused": why}`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::{Anvil, Foundry, NodeError, hardfork};
use crate::chain::fork::BLOCK_GAS;
use crate::chain::transaction::{BENEFICIARY, GAS_PRICE_WEI, SENDER};
use crate::chain::{Calldata, Fork, Step, Transcript};
use crate::npm::{self, PinnedFile};

/// The pinned version of the package `ethereum-execution`.
pub const SPECIFICATION_VERSION: &str = "2.20.0";

/// The pinned version of `@ethereumjs/vm` and `@ethereumjs/evm`.
pub const ETHEREUMJS_VERSION: &str = "10.1.3";

/// What runs transactions on the specification.
const SPECIFICATION_PROGRAM: &str = include_str!("specification.py");

/// What runs transactions on EthereumJS; its name in the folder.
const ETHEREUMJS_PROGRAM: &str = "run.js";

const PACKAGE: &str = include_str!("ethereumjs/package.json");
const LOCK: &str = include_str!("ethereumjs/package-lock.json");

const FILES: [PinnedFile; 3] = [
    (ETHEREUMJS_PROGRAM, include_str!("ethereumjs/run.js")),
    ("package.json", PACKAGE),
    ("package-lock.json", LOCK),
];

/// How much of what a program printed an error keeps, in characters.
const QUOTED: usize = 2000;

/// An EVM outside of this process.
#[derive(Debug, Clone)]
pub enum OtherEvm {
    /// Ethereum's executable specification.
    Specification {
        /// The interpreter.
        python: PathBuf,
        /// The folder of its packages.
        packages: PathBuf,
    },
    /// EthereumJS.
    EthereumJs {
        /// Where npm installed it.
        folder: PathBuf,
    },
    /// anvil: revm in a node of its own.
    Anvil(Foundry),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was mined.
    Mined {
        /// Whether it succeeded.
        success: bool,
        /// What its sender paid for, in gas.
        gas_used: u64,
    },
    /// It is no valid transaction there.
    Refused {
        /// Why.
        refused: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mined { success, gas_used } => {
                let end = if *success { "succeeded" } else { "failed" };
                write!(f, "{end} with {gas_used} gas")
            }
            Self::Refused { refused } => write!(f, "refused: {refused}"),
        }
    }
}

/// A transaction that came to something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its place in the transcript.
    pub step: usize,
    /// What it came to in revm.
    pub here: Outcome,
    /// What it came to there.
    pub there: Outcome,
}

impl OtherEvm {
    /// EthereumJS in an installation folder, installed there by npm where it is missing.
    ///
    /// # Errors
    /// [`NodeError::Npm`]: no Node.js, no network.
    pub fn obtain_ethereumjs(folder: &Path) -> Result<Self, NodeError> {
        npm::require_node()?;
        if let Ok(installed) = Self::ethereumjs(folder) {
            return Ok(installed);
        }
        npm::install(folder, &FILES, Command::new("npm"), Self::ethereumjs)
    }

    fn ethereumjs(folder: &Path) -> Result<Self, NodeError> {
        let evm = Self::EthereumJs {
            folder: folder.to_owned(),
        };
        // It runs nothing, and so loads everything.
        evm.run(Fork::default().name(), &[]).map(|_| evm)
    }

    /// The EVM's name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Specification { .. } => "the executable specification",
            Self::EthereumJs { .. } => "EthereumJS",
            Self::Anvil(_) => "anvil",
        }
    }

    /// By which names it has a fork's rules; none where it does not know the fork.
    pub fn forks(&self, fork: Fork) -> &'static [&'static str] {
        match self {
            Self::Specification { .. } => hardfork::of_specification(fork),
            Self::EthereumJs { .. } => hardfork::of_ethereumjs(fork),
            Self::Anvil(_) => hardfork::of_anvil(fork),
        }
    }

    /// Where the transcript's transactions come to something else there, under the fork's rules by this name.
    ///
    /// # Errors
    /// [`NodeError`], where they cannot be sent there.
    pub fn differences(
        &self,
        fork: Fork,
        name: &str,
        transcript: &Transcript,
    ) -> Result<Vec<Difference>, NodeError> {
        let steps = &transcript.steps;
        let outcomes = match self {
            Self::Anvil(foundry) => on_anvil(&Anvil::start(foundry, fork)?, steps)?,
            _ => self.run(name, steps)?,
        };
        let differs = |(step, (sent, there)): (usize, (&Step, Outcome))| {
            let here = Outcome::Mined {
                success: sent.sent.success,
                gas_used: sent.sent.gas_used,
            };
            (here != there).then_some(Difference { step, here, there })
        };
        let pairs = steps.iter().zip(outcomes).enumerate();
        Ok(pairs.filter_map(differs).collect())
    }

    /// Runs one of the two programs to its end.
    fn run(&self, fork: &str, steps: &[Step]) -> Result<Vec<Outcome>, NodeError> {
        let failed = |what: String| NodeError::Program {
            evm: self.name(),
            what,
        };
        let said = |error: std::io::Error| failed(error.to_string());
        let folder = tempfile::tempdir().map_err(said)?;
        let (request, answer) = (
            folder.path().join("request.json"),
            folder.path().join("answer.json"),
        );
        let transactions: Vec<_> = steps
            .iter()
            .map(|Step { parent, sent }| {
                json!({"parent": parent, "to": sent.to, "data": sent.data, "gas_limit": sent.gas_limit})
            })
            .collect();
        let text = json!({
            "fork": fork,
            "sender": SENDER,
            "beneficiary": BENEFICIARY,
            "gas_price": GAS_PRICE_WEI,
            "block_gas_limit": BLOCK_GAS,
            "transactions": transactions,
        });
        std::fs::write(&request, text.to_string()).map_err(said)?;
        let mut command = match self {
            Self::Specification { python, packages } => {
                let mut command = Command::new(python);
                command
                    .args(["-I", "-B", "-c", SPECIFICATION_PROGRAM])
                    .arg(packages);
                command
            }
            Self::EthereumJs { folder } => {
                let mut command = Command::new("node");
                command.arg(folder.join(ETHEREUMJS_PROGRAM));
                command
            }
            Self::Anvil(_) => return Err(failed("it is no program of this kind".to_owned())),
        };
        let output = command
            .args([&request, &answer])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .map_err(said)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let skipped = stderr.chars().count().saturating_sub(QUOTED);
            let end: String = stderr.trim().chars().skip(skipped).collect();
            return Err(failed(format!("{}: {end}", output.status)));
        }
        let outcomes: Vec<Outcome> = std::fs::read(&answer)
            .map_err(said)
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string())))?;
        if outcomes.len() == steps.len() {
            Ok(outcomes)
        } else {
            Err(failed(format!(
                "{} answers to {} transactions",
                outcomes.len(),
                steps.len()
            )))
        }
    }
}

/// Mines every transaction on the state that its parent left.
fn on_anvil(node: &Anvil, steps: &[Step]) -> Result<Vec<Outcome>, NodeError> {
    node.impersonate(SENDER)?;
    let mut outcomes = vec![None; steps.len()];
    mine_children(node, steps, None, &mut outcomes)?;
    Ok(outcomes.into_iter().flatten().collect())
}

fn mine_children(
    node: &Anvil,
    steps: &[Step],
    parent: Option<usize>,
    outcomes: &mut [Option<Outcome>],
) -> Result<(), NodeError> {
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.parent == parent) {
        let before = node.snapshot()?;
        let sent = &step.sent;
        let receipt = match sent.to {
            None => node.deploy(SENDER, &sent.data, sent.gas_limit),
            Some(to) => node.transact(SENDER, to, &Calldata::raw(sent.data.to_vec()), sent.gas_limit),
        };
        outcomes[index] = Some(match receipt {
            Ok(receipt) => Outcome::Mined {
                success: receipt.success,
                gas_used: receipt.gas_used,
            },
            Err(NodeError::Refused { message, .. }) => Outcome::Refused { refused: message },
            Err(error) => return Err(error),
        });
        mine_children(node, steps, Some(index), outcomes)?;
        node.revert_to(before)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_file_pins_every_package() {
        npm::tests::assert_pinned(PACKAGE, LOCK);
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        for name in ["vm", "evm"] {
            let package = &lock["packages"][format!("node_modules/@ethereumjs/{name}")];
            assert_eq!(package["version"], ETHEREUMJS_VERSION);
        }
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_printed() {
        let evm = OtherEvm::Specification {
            python: "false".into(),
            packages: "/nowhere".into(),
        };
        let error = evm
            .differences(Fork::Osaka, "osaka", &Transcript::default())
            .unwrap_err();
        assert!(matches!(error, NodeError::Program { .. }), "{error}");
    }
}
