//! Structured reference strings: made once for each 2^k and cached, or a file of the user's, which is never written to.
//!
//! The file format is halo2's raw one: k as a little-endian `u32`, 2^k points of G1 (64 bytes each), 2^k more in
//! Lagrange form, then G2 and s·G2 (128 bytes each). EZKL shortens a longer string by itself.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files;

/// Largest k that a file may claim: the BN254 scalar field has 2-adicity 28.
const LARGEST_LOGROWS: u32 = 28;

/// Digests of the files that EZKL publishes from the perpetual powers of tau, for k = 1 to 26
/// (EZKL 23.0.5, `src/srs_sha.rs`).
const PUBLISHED_SHA256: &str = include_str!("srs-sha256.txt");

/// The generator (1, 2) of G1 as halo2 writes it: little-endian Montgomery form, so R and 2·R modulo the base field.
pub(super) const GENERATOR: [u8; 64] = alloy_primitives::hex!(
    "9d0d8fc58d435dd33d0bc7f528eb780a2c4679786fa36e662fdf079ac1770a0e"
    "3a1b1e8b1b87baa67b168eeb51d6f114588cf2f0de46ddcc5ebe0f3483ef141c"
);

/// The generator of G2 in the same form (EIP-197 has it as numbers).
pub(super) const GENERATOR_2: [u8; 128] = alloy_primitives::hex!(
    "2620bc02d1b5838e72017b493519ebdcdf1a81974726b8fb3b5096af41385719"
    "40614ca87d73b4afc4d802585add4360862fa052fc50e9096b7bea3a83f0fe14"
    "f6e96b889dfa9d61789b9ef597d27ffefe7d1b23621a9eff06429eaeeb7efd28"
    "ee5618c7565b0964bb3c7d3222f957dc76103533be35f9558264fd93e6a0a40d"
);

/// How a reference string came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SrsKind {
    /// Made on this machine by one party, for tests: whoever made it could forge.
    LocalTest,
    /// A file whose digest is in EZKL's published table of the perpetual powers of tau.
    PerpetualPowersOfTau,
    /// A file of the user's whose digest is in no table.
    UserFile,
}

/// Which reference string a key rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SrsIdentity {
    /// How it came about.
    pub kind: SrsKind,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// k, where the file has 2^k points.
    pub logrows: u32,
}

/// A reference string that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SrsError {
    /// The file cannot be read.
    #[error("read the reference string {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has not the form of a reference string.
    #[error("{} is no reference string: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file has too few points for a circuit.
    #[error("{} has 2^{has} points, and the circuit needs 2^{needs}", path.display())]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Its k.
        has: u32,
        /// The circuit's k.
        needs: u32,
    },
}

impl SrsError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } => Some(files::hint(source)),
            Self::Form { .. } => {
                Some("--srs takes a halo2 file of the perpetual powers of tau, such as kzg20.srs")
            }
            Self::TooShort { .. } => Some("give a larger file, or leave out --srs to make a test string"),
        }
    }
}

/// Checks a file's form and says what it is: size, header, first point; its digest against the published table.
///
/// # Errors
/// [`SrsError::Io`] or [`SrsError::Form`].
pub fn check_srs_file(path: &Path) -> Result<SrsIdentity, SrsError> {
    let io = |source| SrsError::Io {
        path: path.to_owned(),
        source,
    };
    let form = |reason: String| SrsError::Form {
        path: path.to_owned(),
        reason,
    };
    let mut file = files::open(path, string_bytes(LARGEST_LOGROWS)).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut head = [0_u8; 68];
    if size < head.len() as u64 {
        return Err(form(format!("it has {size} bytes")));
    }
    file.read_exact(&mut head).map_err(io)?;
    let logrows = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    if logrows > LARGEST_LOGROWS {
        return Err(form(format!("its header says 2^{logrows} points")));
    }
    let expected = string_bytes(logrows);
    if size != expected {
        return Err(form(format!(
            "2^{logrows} points take {expected} bytes, and it has {size}"
        )));
    }
    if head[4..] != GENERATOR {
        return Err(form("its first point is not the generator of G1".to_owned()));
    }
    let sha256 = sha256_of_file(path).map_err(io)?;
    let kind = if is_published_string(&sha256, logrows) {
        SrsKind::PerpetualPowersOfTau
    } else {
        SrsKind::UserFile
    };
    Ok(SrsIdentity {
        kind,
        sha256,
        logrows,
    })
}

/// Bytes of a string of 2^`logrows` points: the header, two points of 64 bytes for each, two of 128.
fn string_bytes(logrows: u32) -> u64 {
    4 + (128 << logrows) + 256
}

/// Whether EZKL publishes a string of 2^`logrows` points with this digest, in hexadecimal.
pub fn is_published_string(sha256: &str, logrows: u32) -> bool {
    PUBLISHED_SHA256
        .lines()
        .any(|line| line == format!("{logrows} {sha256}"))
}

/// Writes a file with the form of a reference string whose points are all generators. Keys made with it are worthless;
/// it only shows how much memory making them takes, which does not depend on the points.
pub(super) fn write_stand_in(path: &Path, logrows: u32) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    file.write_all(&logrows.to_le_bytes())?;
    for _ in 0..2_u64 << logrows {
        file.write_all(&GENERATOR)?;
    }
    file.write_all(&GENERATOR_2)?;
    file.write_all(&GENERATOR_2)?;
    file.flush()
}

pub(super) fn sha256_of_file(path: &Path) -> std::io::Result<String> {
    let mut file = files::open(path, u64::MAX)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(alloy_primitives::hex::encode(digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// The reference strings of one run: a user's file, or a folder of test strings made here.
#[derive(Debug, Clone)]
pub enum SrsStore {
    /// One file for every circuit.
    File {
        /// The file.
        path: PathBuf,
        /// What it is.
        identity: SrsIdentity,
    },
    /// A folder with one test string for each k, made when first needed.
    Folder(PathBuf),
}

impl SrsStore {
    /// Uses a user's file for every circuit.
    ///
    /// # Errors
    /// [`check_srs_file`]'s.
    pub fn from_file(path: &Path) -> Result<Self, SrsError> {
        let identity = check_srs_file(path)?;
        let path = std::path::absolute(path).map_err(|source| SrsError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::File { path, identity })
    }

    /// Where the string for a circuit of 2^k rows is or belongs.
    ///
    /// # Errors
    /// [`SrsError::TooShort`] where the user's file has fewer points.
    pub fn path(&self, logrows: u32) -> Result<PathBuf, SrsError> {
        match self {
            Self::File { path, identity } if identity.logrows < logrows => Err(SrsError::TooShort {
                path: path.clone(),
                has: identity.logrows,
                needs: logrows,
            }),
            Self::File { path, .. } => Ok(path.clone()),
            Self::Folder(folder) => Ok(folder.join(format!("local-test-k{logrows}.srs"))),
        }
    }

    /// What the string for a circuit of 2^k rows is; `None` where it has yet to be made.
    ///
    /// # Errors
    /// [`SrsError`], where a file is there but cannot be used.
    pub fn identity(&self, logrows: u32) -> Result<Option<SrsIdentity>, SrsError> {
        let path = self.path(logrows)?;
        match self {
            Self::File { identity, .. } => Ok(Some(identity.clone())),
            Self::Folder(_) if !path.exists() => Ok(None),
            // Read whole each time: what a record names is what was used, and not what a note beside it says.
            Self::Folder(_) => Ok(Some(SrsIdentity {
                kind: SrsKind::LocalTest,
                ..check_srs_file(&path)?
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A string of 2^k points that has the right form and no meaning.
    fn write(folder: &Path, logrows: u32) -> PathBuf {
        let mut bytes = logrows.to_le_bytes().to_vec();
        bytes.extend(GENERATOR);
        bytes.resize(4 + (128 << logrows) + 256, 7);
        let path = folder.join(format!("local-test-k{logrows}.srs"));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn the_published_table_is_whole() {
        let lines: Vec<&str> = PUBLISHED_SHA256.lines().collect();
        assert_eq!(lines.len(), 26);
        for (index, line) in lines.iter().enumerate() {
            let (logrows, digest) = line.split_once(' ').unwrap();
            assert_eq!(logrows.parse::<usize>().unwrap(), index + 1);
            assert_eq!(alloy_primitives::hex::decode(digest).unwrap().len(), 32);
        }
    }

    #[test]
    fn a_stand_in_has_the_form_of_a_reference_string() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stand-in.srs");
        write_stand_in(&path, 4).unwrap();
        let identity = check_srs_file(&path).unwrap();
        assert_eq!((identity.kind, identity.logrows), (SrsKind::UserFile, 4));
    }

    #[test]
    fn a_users_file_is_checked_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), 3);
        let store = SrsStore::from_file(&path).unwrap();
        assert_eq!(store.identity(3).unwrap().unwrap().kind, SrsKind::UserFile);
        assert_eq!(store.identity(2).unwrap().unwrap().logrows, 3);
        assert!(matches!(
            store.path(4),
            Err(SrsError::TooShort { has: 3, needs: 4, .. })
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), 3);
        let whole = std::fs::read(&path).unwrap();
        let mut other_point = whole.clone();
        other_point[5] ^= 1;
        for bytes in [&whole[..whole.len() - 1], &whole[..10], &other_point, &[255; 400]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(check_srs_file(&path), Err(SrsError::Form { .. })));
        }
        assert!(matches!(
            check_srs_file(&folder.path().join("missing")),
            Err(SrsError::Io { .. })
        ));
    }

    #[test]
    fn a_test_string_is_known_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = SrsStore::Folder(folder.path().to_owned());
        assert_eq!(store.identity(3).unwrap(), None);
        write(folder.path(), 3);
        let first = store.identity(3).unwrap().unwrap();
        assert_eq!((first.kind, first.logrows), (SrsKind::LocalTest, 3));
        assert_eq!(store.identity(3).unwrap().unwrap(), first);
        // Another string of the same length and time is another, whatever a note beside it says.
        let path = store.path(3).unwrap();
        let time = path.metadata().unwrap().modified().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        assert_ne!(store.identity(3).unwrap().unwrap(), first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
