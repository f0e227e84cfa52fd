//! Why another EVM could not be asked, or gave no answer.

use std::path::PathBuf;

use super::FOUNDRY_VERSION;
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
}

impl NodeError {
    /// What the user can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let on_path = format!("anvil and forge {FOUNDRY_VERSION} on PATH work as well");
        match self {
            Self::NotFound { .. } | Self::WrongVersion { .. } | Self::Unusable { .. } => Some(on_path),
            Self::Npm(error) => Some(
                error
                    .hint()
                    .map_or(on_path.clone(), |hint| format!("{hint}; {on_path}")),
            ),
        }
    }
}
