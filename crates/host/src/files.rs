//! Files that a user names → their bytes: a regular file's, and no more of them than a limit.
//!
//! Every file from outside is opened here: models and their weights, inputs, records, evidence, profiles, prices, reference strings,
//! images. What is no regular file (a pipe, a device, a socket, a folder) is refused on the open descriptor, before a byte of it
//! is read, so that no name can make the program wait. A limit holds for what a file has, and for what is read of it.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::format;
use crate::hint::Hint;

/// Most bytes of a text that people or evmbench write: a record, a profile, prices, settings, Solidity.
pub const MOST_TEXT_BYTES: u64 = 64 << 20;

/// Most bytes of a model, of weights and of arrays: protobuf messages are no larger.
pub const MOST_MODEL_BYTES: u64 = 1 << 31;

/// Why the bytes of a file are not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it is {kind}, and no regular file")]
    Kind { kind: &'static str },
    #[error("it has {}, and at most {} are read", format::bytes(*found), format::bytes(*limit))]
    Size { found: u64, limit: u64 },
    #[error("it is a pointer of Git LFS, and not the file itself")]
    Pointer,
    #[error("it unpacks to more than {}", format::bytes(*limit))]
    Inflated { limit: u64 },
}

/// How each file begins that Git LFS leaves in the place of one that it has not fetched.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// Opens a regular file of at most so many bytes for reading.
///
/// # Errors
/// The system's, and a refusal, which [`hint`] knows.
pub fn open(path: &Path, limit_bytes: u64) -> io::Result<File> {
    // Without NONBLOCK, a pipe that nobody writes to would never open.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match std::fs::metadata(path) {
        // A socket cannot be opened at all; its own error says only that there is no such device.
        Ok(metadata) if metadata.file_type().is_socket() => {
            io::Error::other(Refused::Kind { kind: "a socket" })
        }
        _ => error,
    })?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if !kind.is_file() {
        let kind = match kind {
            kind if kind.is_dir() => "a folder",
            kind if kind.is_fifo() => "a pipe",
            _ => "a device",
        };
        return Err(io::Error::other(Refused::Kind { kind }));
    }
    if metadata.len() > limit_bytes {
        return Err(too_large(metadata.len(), limit_bytes));
    }
    let mut start = [0; LFS_POINTER.len()];
    // What is shorter is none, and a file that cannot be read says so when it is.
    if file.read_exact_at(&mut start, 0).is_ok() {
        refuse_lfs_pointer(&start)?;
    }
    Ok(file)
}

/// Fails where bytes are a pointer of Git LFS: what stands in a repository for a file that is kept elsewhere.
///
/// # Errors
/// A refusal, which [`hint`] knows.
pub fn refuse_lfs_pointer(bytes: &[u8]) -> io::Result<()> {
    if bytes.starts_with(LFS_POINTER) {
        return Err(io::Error::other(Refused::Pointer));
    }
    Ok(())
}

/// The bytes of a regular file of at most so many.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let file = open(path, limit_bytes)?;
    let mut bytes = Vec::new();
    // It may grow while it is read, and some files say that they are empty.
    file.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(too_large(bytes.len() as u64, limit_bytes));
    }
    Ok(bytes)
}

/// [`read`] of a text of at most [`MOST_TEXT_BYTES`].
///
/// # Errors
/// As [`open`], and where it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    read_text_within(path, MOST_TEXT_BYTES)
}

/// [`read`] of a text.
///
/// # Errors
/// As [`read_text`].
pub fn read_text_within(path: &Path, limit_bytes: u64) -> io::Result<String> {
    let bytes = read(path, limit_bytes)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The refusal of something that has more bytes than are read.
pub fn too_large(found: u64, limit: u64) -> io::Error {
    io::Error::other(Refused::Size { found, limit })
}

/// An error of a file: of this module's or the system's.
impl Hint for io::Error {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = refusal_hint(self).unwrap_or(match self.kind() {
            io::ErrorKind::StorageFull => "the disk is full: free some space, then run again",
            _ => "check the path and its permissions",
        });
        Some(hint.into())
    }
}

/// What the user can do about a file that is refused here; none where the error is the system's.
pub fn refusal_hint(error: &io::Error) -> Option<&'static str> {
    Some(match error.get_ref()?.downcast_ref::<Refused>()? {
        Refused::Kind { .. } => "give a regular file; copy what a pipe or a device holds into one first",
        Refused::Size { .. } => "check that it is the file that you mean: no larger one of this kind is read",
        Refused::Pointer => {
            "`git lfs pull` in the file's repository gets the file; or download it from where it is published"
        }
        Refused::Inflated { .. } => {
            "the file is damaged or made to fill memory: get it again from where it came from"
        }
    })
}

/// A reader that fails where what it reads, unpacked, is larger than a limit.
#[derive(Debug)]
pub struct Inflating<R> {
    reader: R,
    limit: u64,
    left: u64,
}

impl<R> Inflating<R> {
    /// Of at most so many bytes.
    pub fn new(reader: R, limit_bytes: u64) -> Self {
        Self {
            reader,
            limit: limit_bytes,
            left: limit_bytes,
        }
    }
}

impl<R: Read> Read for Inflating<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(Refused::Inflated { limit: self.limit }))?;
        Ok(count)
    }
}

/// Writes a value as JSON, whole or not at all; the file is its owner's alone.
///
/// # Errors
/// What the system says of the file or its folder.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, value)?;
    file.persist(path)?;
    Ok(())
}

/// Reads a value that [`write_json`] wrote.
///
/// # Errors
/// No regular file within [`MOST_TEXT_BYTES`], or another content.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&read(path, MOST_TEXT_BYTES)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, limit: u64) -> (String, Cow<'static, str>) {
        let error = read(path, limit).expect_err("refused");
        (error.to_string(), error.hint().unwrap())
    }

    /// None of these waits for anybody.
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for (path, kind) in [
            (pipe.as_path(), "a pipe"),
            (&link, "a pipe"),
            (&socket, "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/zero"), "a device"),
        ] {
            let (message, hint) = refused(path, 1 << 20);
            assert_eq!(message, format!("it is {kind}, and no regular file"));
            assert!(hint.contains("regular file"), "{hint}");
        }
        assert_eq!(
            refused(&folder.path().join("nothing"), 1).1,
            "check the path and its permissions"
        );
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, [7; 2048]).unwrap();
        assert_eq!(read(&file, 2048).unwrap(), [7; 2048]);
        let (message, hint) = refused(&file, 2047);
        assert_eq!(message, "it has 2.00 KiB, and at most 2.00 KiB are read");
        assert!(hint.contains("no larger one"), "{hint}");
        // This one says that it has no bytes.
        let (message, _) = refused(Path::new("/proc/self/status"), 10);
        assert_eq!(message, "it has 11 B, and at most 10 B are read");
    }

    #[test]
    fn a_pointer_of_git_lfs_is_not_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        std::fs::write(
            &file,
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n",
        )
        .unwrap();
        let (message, hint) = refused(&file, 1 << 20);
        assert_eq!(message, "it is a pointer of Git LFS, and not the file itself");
        assert!(hint.contains("git lfs pull"), "{hint}");
        // A text about it is a text.
        std::fs::write(&file, "version https://git-lfs.github.com/spec/v2\n").unwrap();
        assert!(read(&file, 1 << 20).is_ok());
        std::fs::write(&file, "version").unwrap();
        assert_eq!(read(&file, 1 << 20).unwrap(), b"version");
    }

    #[test]
    fn what_is_unpacked_has_a_limit() {
        let mut bytes = Vec::new();
        Inflating::new(&[1_u8; 100][..], 100)
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!(bytes.len(), 100);
        let error = Inflating::new(io::repeat(0), 100)
            .read_to_end(&mut bytes)
            .unwrap_err();
        assert_eq!(error.to_string(), "it unpacks to more than 100 B");
        assert!(error.hint().unwrap().contains("damaged"));
    }
}
