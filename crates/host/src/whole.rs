//! Files that are written whole or not at all: first under another name, then renamed.
//!
//! Goes in: a path and bytes, or a value that becomes JSON. Comes out: a file for everybody to read; what was there before
//! stays whole until then.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::{self, MOST_TEXT_BYTES};

/// How the name of an unfinished file begins.
pub const UNFINISHED: &str = ".tmp-";

/// A file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file or folder could not be used.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file's content is not what is read, or was cut off.
    #[error("{} is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { action, path, source }
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Has the names in a folder reach the disk.
///
/// # Errors
/// [`FileError::Io`].
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems write names at once, and do not know what is asked of them.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        other => other.map_err(io("write", folder)),
    }
}

/// Writes a file under another name, then renames it: what was there before stays whole until then.
///
/// # Errors
/// [`FileError::Io`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = folder_of(path);
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = tempfile::Builder::new()
        .prefix(&format!("{UNFINISHED}{name}-"))
        .tempfile_in(folder)
        .map_err(io("create a file in", folder))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(io("write", path))?;
    // A temporary file is its owner's alone; a record is for everybody.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = std::fs::Permissions::from_mode(0o644);
        file.as_file()
            .set_permissions(permissions)
            .map_err(io("set permissions of", path))?;
    }
    file.persist(path)
        .map_err(|error| error.error)
        .map_err(io("write", path))?;
    sync_folder(folder)
}

/// Writes a value as JSON, whole or not at all.
///
/// # Errors
/// [`FileError::Io`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(std::io::Error::from)
        .map_err(io("serialise", path))?;
    text.push(b'\n');
    write(path, &text)
}

/// Reads a value that [`write_json`] wrote.
///
/// # Errors
/// [`FileError`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let text = files::read(path, MOST_TEXT_BYTES).map_err(io("read", path))?;
    serde_json::from_slice(&text).map_err(|source| FileError::Damaged {
        path: path.to_owned(),
        source,
    })
}
