//! The cache folder: where set-up installs tools and where SRS files, circuits and keys are kept.
//!
//! Goes in: `$EVMBENCH_HOME`, else the platform's cache folder. Comes out: paths. The folder is its owner's alone (mode 0700): who
//! can write there decides what is proved with and what records say. One that others can write is refused, unless
//! `EVMBENCH_SHARED_HOME=1` says that they may.

use std::borrow::Cow;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::hint::Hint;

use etcetera::BaseStrategy as _;
use rustix::fs::Access;

/// Names the cache folder; wins over the platform's own.
pub const HOME_VARIABLE: &str = "EVMBENCH_HOME";

/// Set to 1, it allows a cache folder that other users own or can write.
pub const SHARED_VARIABLE: &str = "EVMBENCH_SHARED_HOME";

/// Writing, for the group and for everybody.
const OTHERS_WRITE: u32 = 0o022;

/// Passing through, for the group and for everybody.
const OTHERS_ENTER: u32 = 0o011;

/// The cache folder's layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// There is no cache folder that can be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No cache folder could be named.
    #[error("no cache folder: {HOME_VARIABLE} is not set and the platform names no home folder")]
    NotNamed,
    /// Somebody else could change what is in it.
    #[error("{} can be written by other users (mode {mode:04o})", path.display())]
    WritableByOthers {
        /// The cache folder, or a folder in it.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is somebody else's.
    #[error("{} belongs to another user (user id {owner})", path.display())]
    AnotherOwner {
        /// The cache folder, or a folder in it.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
    },
    /// It cannot be made or looked at.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl HomeError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

impl Hint for HomeError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::NotNamed => format!("set {HOME_VARIABLE} to a folder with some 10 GiB free"),
            Self::WritableByOthers { path, .. } => format!(
                "`chmod -R go-w {}`; or set {SHARED_VARIABLE}=1 if everybody who can write there may decide what is proved with",
                path.display()
            ),
            Self::AnotherOwner { .. } => format!(
                "set {HOME_VARIABLE} to a folder of your own; or set {SHARED_VARIABLE}=1 if its owner may decide what is proved with"
            ),
            Self::Io { .. } => format!("set {HOME_VARIABLE} to a folder that you can write"),
        };
        Some(hint.into())
    }
}

/// Makes a folder, and those above it that are missing, for its owner alone. One that is there stays as it is.
///
/// # Errors
/// The folder cannot be made.
pub fn create_private(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

impl Home {
    /// `$EVMBENCH_HOME` if set and not empty, else `evmbench` below the platform's cache folder. It is not made yet; what is
    /// there is looked at.
    ///
    /// # Errors
    /// [`HomeError`]: no folder is named, or the one that is there can be changed by others and `$EVMBENCH_SHARED_HOME` does not
    /// allow it.
    pub fn from_environment() -> Result<Self, HomeError> {
        let home = match std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            Some(root) => Self::at(root),
            None => {
                let strategy = etcetera::choose_base_strategy().map_err(|_| HomeError::NotNamed)?;
                Self::at(strategy.cache_dir().join("evmbench"))
            }
        };
        if std::env::var_os(SHARED_VARIABLE).is_none_or(|value| value != "1") {
            home.require_private()?;
        }
        Ok(home)
    }

    /// Fails where the folder is there, and others can change what is in it.
    fn require_private(&self) -> Result<(), HomeError> {
        let root = &self.root;
        let metadata = match root.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(HomeError::io("look at", root))?,
        };
        require_own(root, &metadata)?;
        if metadata.mode() & OTHERS_ENTER == 0 {
            return Ok(());
        }
        // Others can reach the folders in it.
        for entry in std::fs::read_dir(root).map_err(HomeError::io("read", root))? {
            let path = entry.map_err(HomeError::io("read", root))?.path();
            // A link may lead nowhere, and another process may remove what it made: neither can be changed by others.
            if let Ok(metadata) = path.metadata()
                && metadata.is_dir()
            {
                require_own(&path, &metadata)?;
            }
        }
        Ok(())
    }

    /// Makes the folder, for its owner alone, if it is not there.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn create(&self) -> Result<(), HomeError> {
        create_private(&self.root).map_err(HomeError::io("create", &self.root))
    }

    /// Fails where this process cannot make files in the folder, or cannot make the folder.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn require_writable(&self) -> Result<(), HomeError> {
        self.create()?;
        let allowed = rustix::fs::access(&self.root, Access::WRITE_OK | Access::EXEC_OK);
        allowed.map_err(|error| HomeError::io("write in", &self.root)(error.into()))
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

    /// One version of Ethereum's executable specification, with the Python packages that it takes.
    pub fn specification(&self, version: &str) -> PathBuf {
        self.root.join(format!("ethereum-execution-{version}"))
    }

    /// The npm installation of one version of EthereumJS.
    pub fn ethereumjs(&self, version: &str) -> PathBuf {
        self.root.join(format!("ethereumjs-{version}"))
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

    /// Folders of runs in progress; what a killed run left here is removed by the next one.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }
}

/// Fails where another user owns a folder or can write in it.
fn require_own(path: &Path, metadata: &std::fs::Metadata) -> Result<(), HomeError> {
    let path = path.to_owned();
    let owner = metadata.uid();
    let mode = metadata.mode() & 0o7777;
    if owner != rustix::process::geteuid().as_raw() {
        Err(HomeError::AnotherOwner { path, owner })
    } else if mode & OTHERS_WRITE != 0 {
        Err(HomeError::WritableByOthers { path, mode })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_home_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("above/home"));
        home.require_private().unwrap();
        home.create().unwrap();
        home.create().unwrap();
        assert_eq!(home.root().metadata().unwrap().mode() & 0o7777, 0o700);
        create_private(&home.work()).unwrap();
        assert_eq!(home.work().metadata().unwrap().mode() & 0o7777, 0o700);
    }

    #[test]
    fn a_home_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        for mode in [0o700, 0o755, 0o750, 0o500] {
            set_mode(home.root(), mode);
            home.require_private().unwrap();
        }
        for mode in [0o777, 0o1777, 0o770, 0o702, 0o720] {
            set_mode(home.root(), mode);
            let error = home.require_private().unwrap_err();
            assert!(matches!(error, HomeError::WritableByOthers { mode: found, .. } if found == mode));
            assert!(error.hint().unwrap().contains("EVMBENCH_SHARED_HOME=1"));
        }
        // A folder in it that others can write, where they can reach it.
        set_mode(home.root(), 0o755);
        std::fs::create_dir(home.srs()).unwrap();
        set_mode(&home.srs(), 0o777);
        assert!(matches!(
            home.require_private(),
            Err(HomeError::WritableByOthers { path, .. }) if path == home.srs()
        ));
        set_mode(home.root(), 0o700);
        home.require_private().unwrap();
    }

    #[test]
    fn layout_stays_below_the_root() {
        let home = Home::at("/cache");
        for path in [
            home.ezkl("1"),
            home.solc("2"),
            home.foundry("3"),
            home.specification("4"),
            home.ethereumjs("5"),
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
