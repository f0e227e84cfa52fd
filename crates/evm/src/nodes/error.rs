//! Why another EVM could not be asked, or gave no answer.

use std::borrow::Cow;
use std::path::PathBuf;

use alloy_primitives::Bytes;

use evmbench_host::hint::Hint;

use super::{FOUNDRY_VERSION, hardfork};
use crate::chain::Fork;
use crate::npm::NpmError;

/// Why there is no answer from another EVM.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The pinned programs are in neither place.
    #[error("no anvil and forge {FOUNDRY_VERSION} in {} or on PATH", npm_folder.display())]
    NotFound {
        /// Where they would have been installed.
        npm_folder: PathBuf,
    },
    /// They could not be installed.
    #[error(transparent)]
    Npm(#[from] NpmError),
    /// A program does not run.
    #[error("{} does not run: {source}", path.display())]
    Unusable {
        /// The program.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A program is not of the pinned version.
    #[error("{} is {found:?}, not version {FOUNDRY_VERSION}", path.display())]
    WrongVersion {
        /// The program.
        path: PathBuf,
        /// What it says of itself.
        found: String,
    },
    /// The programs do not know the fork.
    #[error("anvil and forge {FOUNDRY_VERSION} do not know {}", _0.name())]
    UnknownFork(Fork),
    /// There is no folder for the node's socket.
    #[error("no folder for anvil's socket: {0}")]
    NoFolder(std::io::Error),
    /// The node ended before it answered.
    #[error("anvil did not start:\n{stderr}")]
    NotStarted {
        /// What it printed.
        stderr: String,
    },
    /// The node could not be reached, or did not answer in time.
    #[error("anvil did not answer {method}: {source}")]
    NoAnswer {
        /// The JSON-RPC method.
        method: &'static str,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The node's answer is not what the method should give.
    #[error("anvil's answer to {method} cannot be read: {source}")]
    Garbled {
        /// The JSON-RPC method.
        method: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The node refused a request.
    #[error("anvil refused {method}: {message} ({code})")]
    Refused {
        /// The JSON-RPC method.
        method: &'static str,
        /// JSON-RPC's error code.
        code: i64,
        /// The node's words.
        message: String,
        /// What it added.
        data: Option<Bytes>,
    },
    /// A program that runs another EVM failed.
    #[error("{evm} does not run: {what}")]
    Program {
        /// The EVM.
        evm: &'static str,
        /// What the system or the program said.
        what: String,
    },
    /// The node left no contract behind.
    #[error("anvil did not deploy the contract")]
    NotDeployed,
    /// The verifier did not take the circuit's key artifact.
    #[error("the verifier on anvil did not register the key artifact")]
    NotRegistered,
    /// A verifier did not answer as it must.
    #[error("the verifier on anvil gave another answer to a case that should be {expected}")]
    UnexpectedEnd {
        /// `accepted` or `rejected`.
        expected: &'static str,
    },
}

impl Hint for NodeError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let on_path = format!("anvil and forge {FOUNDRY_VERSION} on PATH work as well");
        match self {
            Self::NotFound { .. } | Self::WrongVersion { .. } | Self::Unusable { .. } => Some(on_path.into()),
            Self::Npm(error) => Some(match error.hint() {
                Some(hint) => format!("{hint}; {on_path}").into(),
                None => on_path.into(),
            }),
            Self::UnknownFork(_) => Some(format!("use {}", hardfork::known().join(" or ")).into()),
            Self::Program { .. } => Some(
                "the executable specification takes CPython 3.11 or 3.12 (EVMBENCH_PYTHON), EthereumJS Node.js 20 or later".into(),
            ),
            Self::NoFolder(source) => source.hint(),
            Self::NotStarted { .. }
            | Self::NoAnswer { .. }
            | Self::Garbled { .. }
            | Self::Refused { .. }
            | Self::NotDeployed
            | Self::NotRegistered
            | Self::UnexpectedEnd { .. } => None,
        }
    }
}
