//! The pinned anvil and forge.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{NodeError, hardfork};
use crate::chain::Fork;
use crate::npm::{self, PinnedFile};

/// The pinned version of both programs.
pub const FOUNDRY_VERSION: &str = "1.7.1";

const PACKAGE: &str = include_str!("npm/package.json");
const LOCK: &str = include_str!("npm/package-lock.json");

/// The packages of the programs themselves, for Linux on x86-64. The packages that choose among platforms
/// (`@foundry-rs/anvil`, `@foundry-rs/forge`) name theirs as optional, so that without a network npm would install
/// nothing and say nothing.
const FILES: [PinnedFile; 2] = [("package.json", PACKAGE), ("package-lock.json", LOCK)];

/// anvil and forge, of the pinned version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foundry {
    anvil: PathBuf,
    forge: PathBuf,
}

impl Foundry {
    /// The programs that [`Self::obtain`] installed into the folder, else those on PATH, where they are of
    /// [`FOUNDRY_VERSION`].
    ///
    /// # Errors
    /// [`NodeError::NotFound`].
    pub fn locate(npm_folder: &Path) -> Result<Self, NodeError> {
        Self::installed(npm_folder)
            .or_else(|_| Self::working("anvil".into(), "forge".into()))
            .map_err(|_| NodeError::NotFound {
                npm_folder: npm_folder.to_owned(),
            })
    }

    /// The programs that [`Self::locate`] finds, else those from npm, installed into the folder (130 MB).
    ///
    /// # Errors
    /// [`NodeError::Npm`] without npm or a network, or on a platform other than Linux on x86-64; others where the
    /// programs do not run there.
    pub fn obtain(npm_folder: &Path) -> Result<Self, NodeError> {
        Self::locate(npm_folder)
            .or_else(|_| npm::install(npm_folder, &FILES, Command::new("npm"), Self::installed))
    }

    /// Whether both programs have a fork's rules.
    pub fn knows(fork: Fork) -> bool {
        hardfork::arguments(fork).is_some()
    }

    /// The node.
    pub fn anvil(&self) -> &Path {
        &self.anvil
    }

    /// The test runner.
    pub fn forge(&self) -> &Path {
        &self.forge
    }

    fn installed(folder: &Path) -> Result<Self, NodeError> {
        let program = |name| folder.join(format!("node_modules/@foundry-rs/{name}-linux-amd64/bin/{name}"));
        Self::working(program("anvil"), program("forge"))
    }

    fn working(anvil: PathBuf, forge: PathBuf) -> Result<Self, NodeError> {
        require_version(&anvil)?;
        require_version(&forge)?;
        Ok(Self { anvil, forge })
    }
}

/// Fails unless the program says that it is of the pinned version, as in `forge Version: 1.7.1`.
fn require_version(path: &Path) -> Result<(), NodeError> {
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| NodeError::Unusable {
            path: path.to_owned(),
            source,
        })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let first_line = said.lines().next().unwrap_or_default();
    if first_line.split_once("Version: ").map(|(_, version)| version) == Some(FOUNDRY_VERSION) {
        Ok(())
    } else {
        Err(NodeError::WrongVersion {
            path: path.to_owned(),
            found: first_line.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use evmbench_host::hint::Hint as _;

    use super::*;

    #[test]
    fn lock_file_pins_both_programs() {
        npm::tests::assert_pinned(PACKAGE, LOCK);
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        for name in ["anvil", "forge"] {
            let package = &lock["packages"][format!("node_modules/@foundry-rs/{name}-linux-amd64")];
            assert_eq!(package["version"], FOUNDRY_VERSION);
        }
    }

    /// A program that answers every question with this line.
    #[cfg(unix)]
    fn says(folder: &Path, line: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("program");
        std::fs::write(&path, format!("#!/bin/sh\necho '{line}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[cfg(unix)]
    #[test]
    fn another_version_is_named_and_refused() {
        let folder = tempfile::tempdir().unwrap();
        for line in [
            "forge Version: 1.7.0",
            "forge Version: 1.7.1-nightly",
            "forge Version: 1.7.10",
            "forge 1.7.1",
            "",
        ] {
            let error = require_version(&says(folder.path(), line)).unwrap_err();
            assert!(matches!(&error, NodeError::WrongVersion { found, .. } if found == line));
        }
        require_version(&says(folder.path(), "forge Version: 1.7.1")).unwrap();
        let error = require_version(Path::new("/nowhere/forge")).unwrap_err();
        assert!(matches!(error, NodeError::Unusable { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn an_installation_without_the_programs_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let npm = npm::tests::scripted("exit 0");
        let error =
            npm::install(&parent.path().join("foundry"), &FILES, npm, Foundry::installed).unwrap_err();
        assert!(matches!(error, NodeError::Unusable { .. }));
        assert!(error.hint().unwrap().contains(FOUNDRY_VERSION));
    }
}
