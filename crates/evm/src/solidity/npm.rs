//! The pinned solc from npm, behind a shim that answers as the native one does.
//!
//! Goes in: the folder to install into. Comes out: the path of the shim in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Solc, SolcOrigin, SolidityError};
use crate::npm::{self, PinnedFile};

/// The shim's name in the folder.
const SHIM: &str = "solc.js";

const PACKAGE: &str = include_str!("npm/package.json");
const LOCK: &str = include_str!("npm/package-lock.json");

const FILES: [PinnedFile; 3] = [
    (SHIM, include_str!("npm/solc.js")),
    ("package.json", PACKAGE),
    ("package-lock.json", LOCK),
];

/// The shim's path in an installation folder.
pub(super) fn shim(folder: &Path) -> PathBuf {
    folder.join(SHIM)
}

/// Installs the pinned solc into `folder` by the npm given.
pub(super) fn install(folder: &Path, npm: Command) -> Result<Solc, SolidityError> {
    npm::require_node()?;
    npm::install(folder, &FILES, npm, working)
}

/// The compiler of the pinned version in the folder.
fn working(folder: &Path) -> Result<Solc, SolidityError> {
    let solc = Solc::ask(&shim(folder), SolcOrigin::Npm)?;
    if solc.is_pinned() {
        Ok(solc)
    } else {
        Err(SolidityError::WrongVersion {
            found: solc.version(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solidity::SOLC_VERSION;

    #[test]
    fn lock_file_pins_every_package() {
        npm::tests::assert_pinned(PACKAGE, LOCK);
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        assert_eq!(lock["packages"]["node_modules/solc"]["version"], SOLC_VERSION);
    }

    #[cfg(unix)]
    #[test]
    fn an_installation_without_the_compiler_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let error = install(&parent.path().join("solc"), npm::tests::scripted("exit 0")).unwrap_err();
        assert!(matches!(error, SolidityError::Unusable { .. }));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
