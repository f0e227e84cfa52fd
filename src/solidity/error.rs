//! Why a contract could not be compiled, or a compiler could not be found or installed.

use std::path::PathBuf;

use foundry_compilers::error::SolcError;

use super::SOLC_VERSION;

/// Why there is no bytecode, or no compiler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolidityError {
    /// No compiler of the pinned version was found anywhere.
    #[error("no solc {SOLC_VERSION} in svm's folder, on PATH, or in {}", npm_folder.display())]
    NotFound {
        /// Where set-up would have put the npm one.
        npm_folder: PathBuf,
    },
    /// A file that was named as a compiler does not answer like one.
    #[error("{} does not work as solc: {source}", path.display())]
    Unusable {
        /// The compiler that was asked.
        path: PathBuf,
        /// What it answered.
        source: Box<SolcError>,
    },
    /// The compiler did not run to its end, or answered something other than JSON.
    #[error("{} failed: {source}", path.display())]
    Run {
        /// The compiler that ran.
        path: PathBuf,
        /// What went wrong, with what it printed.
        source: Box<SolcError>,
    },
    /// The compiler refused the source.
    #[error("solc refused the source of {contract}:\n{messages}")]
    Rejected {
        /// The contract that was asked for.
        contract: String,
        /// solc's own errors, formatted by it.
        messages: String,
    },
    /// The source compiles, but has no contract of this name.
    #[error("the source has no contract {contract}, only {}", found.join(", "))]
    ContractMissing {
        /// The contract that was asked for.
        contract: String,
        /// The contracts that it has.
        found: Vec<String>,
    },
    /// The contract has no code to deploy: it is abstract, an interface, or not linked.
    #[error("{contract} has no bytecode: it is abstract, or a library that it uses is not linked")]
    NoBytecode {
        /// The contract that was asked for.
        contract: String,
    },
    /// A program that set-up needs is not on PATH.
    #[error("{program} was not found on PATH")]
    ProgramMissing {
        /// `node` or `npm`.
        program: &'static str,
    },
    /// npm could not reach its registry.
    #[error("npm could not reach its package registry:\n{stderr_tail}")]
    NoNetwork {
        /// The end of what npm printed.
        stderr_tail: String,
    },
    /// npm failed for another reason.
    #[error("`{command}` failed ({status}):\n{stderr_tail}")]
    NpmFailed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        stderr_tail: String,
    },
    /// What was installed reports another version than the pinned one.
    #[error("the installed solc is {found}, not {SOLC_VERSION}")]
    WrongVersion {
        /// What it reports.
        found: String,
    },
    /// A file or a program could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file, folder or program.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl SolidityError {
    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some(
                "`evmbench setup` installs it from npm; a native solc of that version on PATH works as well"
                    .to_owned(),
            ),
            Self::Unusable { .. } | Self::WrongVersion { .. } => {
                Some("run `evmbench setup` again, or name no path to use the pinned solc".to_owned())
            }
            Self::ProgramMissing { .. } => Some(format!(
                "install Node.js 18 or newer, which brings both node and npm, or put a native solc {SOLC_VERSION} on PATH"
            )),
            Self::NoNetwork { .. } => Some(format!(
                "set-up needs a network, and nothing after it does; or put a native solc {SOLC_VERSION} on PATH"
            )),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space: the npm solc takes 10 MB".to_owned())
            }
            Self::Run { .. }
            | Self::Rejected { .. }
            | Self::ContractMissing { .. }
            | Self::NoBytecode { .. }
            | Self::NpmFailed { .. }
            | Self::Io { .. } => None,
        }
    }
}
