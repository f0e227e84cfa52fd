//! Why a contract could not be compiled, or a compiler could not be found or installed.

use std::borrow::Cow;
use std::path::PathBuf;

use evmbench_host::hint::Hint;

use super::{CompilerError, SOLC_VERSION};
use crate::npm::NpmError;

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
        source: CompilerError,
    },
    /// The compiler did not run to its end, or answered something other than JSON.
    #[error("{} failed: {source}", path.display())]
    Run {
        /// The compiler that ran.
        path: PathBuf,
        /// What went wrong, with what it printed.
        source: CompilerError,
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
    /// The npm compiler could not be installed.
    #[error(transparent)]
    Npm(#[from] NpmError),
    /// What was installed reports another version than the pinned one.
    #[error("the installed solc is {found}, not {SOLC_VERSION}")]
    WrongVersion {
        /// What it reports.
        found: String,
    },
}

impl SolidityError {
    /// Whether an installation of the npm compiler would be of use: not where the machine keeps the one that is there from running.
    pub fn is_mended_by_installing(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::WrongVersion { .. } => true,
            Self::Unusable { source, .. } => source.trouble().is_none(),
            _ => false,
        }
    }
}

impl Hint for SolidityError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unusable { source, .. } | Self::Run { source, .. } if source.trouble().is_some() => {
                source.trouble().map(|trouble| trouble.remedy().into())
            }
            Self::NotFound { .. } => Some(
                "`evmbench setup` installs it from npm; a native solc of that version on PATH works as well"
                    .into(),
            ),
            Self::Unusable { .. } | Self::WrongVersion { .. } => {
                Some("run `evmbench setup` again, or name no path to use the pinned solc".into())
            }
            Self::Npm(error) => error
                .hint()
                .map(|hint| format!("{hint}; a native solc {SOLC_VERSION} on PATH works as well").into()),
            Self::Run { .. }
            | Self::Rejected { .. }
            | Self::ContractMissing { .. }
            | Self::NoBytecode { .. } => None,
        }
    }
}
