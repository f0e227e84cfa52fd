//! Advisory locks between processes (`flock`), each on a file of its own.
//!
//! Who uses something holds its lock shared, who makes, replaces or removes it holds it alone. A lock ends with its process,
//! however that ends. A lock file that was removed or replaced while it was being locked counts for nothing, and is tried again.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock that another process holds is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    /// Open for the lock's sake alone.
    file: File,
    path: PathBuf,
}

/// The lock file of a folder that appears and disappears as a whole: beside it, under a hidden name.
pub fn beside(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}.lock"))
}

impl Lock {
    /// Locks for use, beside other users; none while another process holds it alone.
    ///
    /// # Errors
    /// The file cannot be opened, or its file system has no locks.
    pub fn try_shared(path: &Path) -> io::Result<Option<Self>> {
        Self::take(path, File::try_lock_shared)
    }

    /// Locks against everybody else; none while anybody holds it.
    ///
    /// # Errors
    /// As [`Self::try_shared`].
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        Self::take(path, File::try_lock)
    }

    /// [`Self::try_shared`], again and again until it is there; none where `stop` says so before.
    ///
    /// # Errors
    /// As [`Self::try_shared`].
    pub fn shared(path: &Path, stop: impl Fn() -> bool) -> io::Result<Option<Self>> {
        Self::wait(stop, || Self::try_shared(path))
    }

    /// [`Self::try_exclusive`], again and again until it is there; none where `stop` says so before.
    ///
    /// # Errors
    /// As [`Self::try_shared`].
    pub fn exclusive(path: &Path, stop: impl Fn() -> bool) -> io::Result<Option<Self>> {
        Self::wait(stop, || Self::try_exclusive(path))
    }

    /// Keeps the lock until this process ends.
    pub fn hold_until_exit(self) {
        std::mem::forget(self.file);
    }

    /// Removes the lock's file and ends the lock; only who holds it alone may.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    fn wait(
        stop: impl Fn() -> bool,
        attempt: impl Fn() -> io::Result<Option<Self>>,
    ) -> io::Result<Option<Self>> {
        loop {
            match attempt()? {
                None if stop() => return Ok(None),
                None => std::thread::sleep(PAUSE),
                lock => return Ok(lock),
            }
        }
    }

    fn take(path: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> io::Result<Option<Self>> {
        loop {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            match lock(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if is_at(&file, path)? {
                let path = path.to_owned();
                return Ok(Some(Self { file, path }));
            }
        }
    }
}

/// Whether a path still leads to an open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match path.metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_share_and_makers_are_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("tool-1.2"));
        assert_eq!(path.file_name().unwrap(), ".tool-1.2.lock");
        let first = Lock::try_shared(&path).unwrap().unwrap();
        let second = Lock::try_shared(&path).unwrap().unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        assert!(Lock::exclusive(&path, || true).unwrap().is_none());
        drop((first, second));
        let alone = Lock::try_exclusive(&path).unwrap().unwrap();
        assert!(Lock::try_shared(&path).unwrap().is_none());
        assert!(Lock::try_exclusive(&path).unwrap().is_none());
        alone.remove().unwrap();
        assert!(!path.exists());
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_that_was_moved_away_is_another_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _old = Lock::try_exclusive(&path).unwrap().unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
        assert!(Lock::try_shared(&folder.path().join("no-folder/lock")).is_err());
    }
}
