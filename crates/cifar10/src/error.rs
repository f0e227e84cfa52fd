//! What can be wrong with the data's files.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::files;
use crate::hint::Hint;

/// Why there are no images.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file cannot be read, or an archive cannot be taken apart.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Some of the files are not there.
    #[error("{} has no {}", path.display(), missing.join(", no "))]
    Missing {
        /// The folder or archive.
        path: PathBuf,
        /// Names of the files.
        missing: Vec<&'static str>,
    },
    /// A file has not 10,000 records of 3,073 bytes.
    #[error("{} has {found} bytes, not {expected}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes that it has.
        found: u64,
        /// Bytes that it should have.
        expected: u64,
    },
    /// A label is none of the ten classes.
    #[error("{}: image {index} has label {label}; there are ten classes, from 0", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// Position of the image in the file.
        index: usize,
        /// Its label.
        label: u8,
    },
    /// A file could not be downloaded.
    #[cfg(feature = "download")]
    #[error("download {url}: {source}")]
    Download {
        /// From where.
        url: String,
        /// Why not.
        source: Box<ureq::Error>,
    },
    /// A download is not the file that it should be.
    #[cfg(feature = "download")]
    #[error("{url} has the SHA-256 digest {found}, not {expected}")]
    Digest {
        /// From where.
        url: String,
        /// Digest of what came.
        found: String,
        /// Digest of the official file.
        expected: String,
    },
    /// A file cannot be written.
    #[cfg(feature = "download")]
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Hint for DataError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    "`evmbench data cifar10` downloads CIFAR-10 to where it is looked for without --data; with --data, give the \
                     folder with data_batch_1.bin to test_batch.bin, or the official .tar.gz"
                }
                _ => files::refusal_hint(source).unwrap_or(
                    "give the folder with data_batch_1.bin to test_batch.bin, or the official .tar.gz",
                ),
            },
            Self::Missing { .. } => "`evmbench data cifar10` downloads the official archive and unpacks it",
            Self::Size { .. } | Self::Label { .. } => {
                "the file is damaged or another format: get it again with `evmbench data cifar10`"
            }
            #[cfg(feature = "download")]
            Self::Download { .. } => {
                "check the network, or download the binary version by hand and give its path to --data"
            }
            #[cfg(feature = "download")]
            Self::Digest { .. } => "try again; where it stays so, the archive is not the official one",
            #[cfg(feature = "download")]
            Self::Write { .. } => "check the folder's permissions and the free space",
        };
        Some(hint.into())
    }
}
