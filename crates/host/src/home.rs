//! The cache folder: where set-up installs tools and where SRS files, circuits and keys are kept.
//!
//! Goes in: `$EVMBENCH_HOME`, else the platform's cache folder. Comes out: paths. Nothing here creates a file.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// Names the cache folder; wins over the platform's own.
pub const HOME_VARIABLE: &str = "EVMBENCH_HOME";

/// The cache folder's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// No cache folder could be named.
#[derive(Debug, thiserror::Error)]
#[error("no cache folder: {HOME_VARIABLE} is not set and the platform names no home folder")]
pub struct NoHome;

impl NoHome {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        format!("set {HOME_VARIABLE} to a folder with some 10 GiB free")
    }
}

impl Home {
    /// `$EVMBENCH_HOME` if set and not empty, else `evmbench` below the platform's cache folder.
    ///
    /// # Errors
    /// [`NoHome`] where the platform names no home folder either.
    pub fn from_environment() -> Result<Self, NoHome> {
        if let Some(root) = std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            return Ok(Self::at(root));
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| NoHome)?;
        Ok(Self::at(strategy.cache_dir().join("evmbench")))
    }

    /// The layout below a given folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // Workers run in folders of their own, so every path that they are handed must be absolute.
        let root = std::path::absolute(&root).unwrap_or(root);
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The virtual environment that holds one version of EZKL's wheel.
    pub fn ezkl(&self, version: &str) -> PathBuf {
        self.root.join(format!("ezkl-{version}"))
    }

    /// The npm installation of one version of solc, with evmbench's shim.
    pub fn solc(&self, version: &str) -> PathBuf {
        self.root.join(format!("solc-{version}"))
    }

    /// The npm installation of one version of anvil and forge.
    pub fn foundry(&self, version: &str) -> PathBuf {
        self.root.join(format!("foundry-{version}"))
    }

    /// Structured reference strings made on this machine.
    pub fn srs(&self) -> PathBuf {
        self.root.join("srs")
    }

    /// Compiled circuits and keys, by content.
    pub fn circuits(&self) -> PathBuf {
        self.root.join("circuits")
    }

    /// Data sets that `evmbench data` downloaded.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Folders of runs in progress; what a killed run left here is cleared by `evmbench cache`.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_stays_below_the_root() {
        let home = Home::at("/cache");
        for path in [
            home.ezkl("1"),
            home.solc("2"),
            home.foundry("3"),
            home.srs(),
            home.circuits(),
            home.data(),
            home.work(),
        ] {
            assert_eq!(path.parent(), Some(home.root()));
        }
    }

    #[test]
    fn a_relative_root_is_made_absolute() {
        assert!(Home::at("cache").root().is_absolute());
    }
}
