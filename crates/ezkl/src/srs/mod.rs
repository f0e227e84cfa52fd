//! Structured reference strings: made once for each 2^k and cached, or a file of the user's, which is never written to.
//!
//! Beside a test string lies what it is, with the digest of its bytes, and a lock. Who uses the string holds the lock shared; it is
//! made, or made again where it is not what it was, by one process at a time, and never in place of one that is used.
//!
//! The file format is halo2's raw one: k as a little-endian `u32`, 2^k points of G1 (64 bytes each), 2^k more in
//! Lagrange form, then G2 and s·G2 (128 bytes each). EZKL shortens a longer string by itself.
//!
//! - [`powers`]: test strings;
//! - [`imported`]: strings that were made from a ceremony's file, by [`source`] (the file), [`check`] (its points), [`lagrange`] (the points
//!   that it lacks) and [`ceremony`] (whose it is); [`curve`] reads and writes points.

mod ceremony;
mod check;
mod curve;
mod imported;
mod lagrange;
mod powers;
mod source;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use evmbench_host::digests::{Digested, Digests, sha256_of_file};
use evmbench_host::files;
use evmbench_host::hint::Hint;
use evmbench_host::home::create_private;
use evmbench_host::lock::Lock;

pub use ceremony::{ceremony_of, is_published_string, published_negated_s_g2};
pub use check::{LARGEST_FULLY_CHECKED_LOGROWS, Work};
pub use evmbench_schema::keys::{Checked, SrsIdentity, SrsKind};
pub use imported::{Asked, Imported, ImportedStrings, StringFile, Verified};
pub(super) use powers::write_test_string;

/// Largest k that a file may claim: the BN254 scalar field has 2-adicity 28.
const LARGEST_LOGROWS: u32 = 28;

/// How the names of test strings begin; k follows.
const TEST_STRING: &str = "local-test-k";

/// Ending of a test string.
const STRING: &str = "srs";

/// Ending of what stands beside it.
const LABEL: &str = "json";

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

/// A reference string that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SrsError {
    /// The file, or what belongs to it, cannot be read or written.
    #[error("reference string {}: {source}", path.display())]
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
    /// The file's points are not what a string's must be.
    #[error("{} has wrong points: {reason}", path.display())]
    Points {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An imported string is not what it was when it was imported.
    #[error("{} is not as it was imported", path.display())]
    Damaged {
        /// The string.
        path: PathBuf,
    },
    /// Nothing has this name.
    #[error("there is neither an imported reference string nor a file {}", given.display())]
    Unknown {
        /// What was given.
        given: PathBuf,
    },
    /// An imported string cannot have this name.
    #[error("{name:?} cannot be the name of a reference string: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// The user ended the work.
    #[error("interrupted")]
    Interrupted,
    /// A user's file is not what it was when it was named.
    #[error("{} has changed since the command began", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A job's folder has no string for a circuit, or one that is not as it was made.
    #[error("{} is not there as it was made, and a task of a job makes no reference string of its own", path.display())]
    NotPrepared {
        /// Where it belongs.
        path: PathBuf,
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

impl Hint for SrsError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => Some(
                    "the disk is full: free some space (`evmbench cache` shows what evmbench keeps), then use --resume".into(),
                ),
                std::io::ErrorKind::Unsupported => Some(
                    "evmbench's cache folder must be on a file system with locks (flock): set EVMBENCH_HOME to one".into(),
                ),
                _ => source.hint(),
            },
            Self::Changed { .. } => {
                Some("leave the file as it is while it is used, and run again with --resume".into())
            }
            Self::Form { .. } => Some(
                "--srs takes a halo2 file such as kzg20.srs, or the name of an imported string; `evmbench srs import FILE` takes \
                 a .ptau file, too"
                    .into(),
            ),
            Self::Points { .. } => {
                Some("the file is damaged or forged: get it again from its ceremony, and compare its digest".into())
            }
            Self::Damaged { .. } => Some("remove it, and run `evmbench srs import` again".into()),
            Self::Unknown { .. } => Some("`evmbench srs list` shows the strings that were imported".into()),
            Self::Name { .. } => {
                Some("give another with --name: up to 64 letters, digits, dots, dashes and underscores".into())
            }
            Self::Interrupted => None,
            Self::NotPrepared { .. } => {
                Some("run the job's prepare.sh (`prove-and-verify … --prepare`), then the task again".into())
            }
            Self::TooShort { .. } => {
                Some("give a larger file, or leave out --srs to make a test string".into())
            }
        }
    }
}

/// Checks a file's form and says what it is: size, header, first point; its digest against the published table.
///
/// # Errors
/// [`SrsError::Io`] or [`SrsError::Form`].
pub fn check_srs_file(path: &Path) -> Result<SrsIdentity, SrsError> {
    let logrows = check_form(path)?;
    let sha256 = sha256_of_file(path).map_err(io(path))?;
    let kind = if is_published_string(&sha256, logrows) {
        SrsKind::PerpetualPowersOfTau
    } else {
        SrsKind::UserFile
    };
    Ok(SrsIdentity::unchecked(kind, sha256, logrows))
}

/// Bytes of a string of 2^`logrows` points: the header, two points of 64 bytes for each, two of 128.
pub(super) fn string_bytes(logrows: u32) -> u64 {
    4 + (128 << logrows) + 256
}

/// The k of a file that has the form of a reference string: size, header, first point.
fn check_form(path: &Path) -> Result<u32, SrsError> {
    let mut file = files::open(path, string_bytes(LARGEST_LOGROWS)).map_err(io(path))?;
    halo2_logrows(path, &mut file)
}

/// The same of an open file, which is read from its beginning.
fn halo2_logrows(path: &Path, file: &mut File) -> Result<u32, SrsError> {
    let form = |reason: String| SrsError::Form {
        path: path.to_owned(),
        reason,
    };
    let size = file.metadata().map_err(io(path))?.len();
    let mut head = [0_u8; 68];
    if size < head.len() as u64 {
        return Err(form(format!("it has {size} bytes")));
    }
    file.rewind()
        .and_then(|()| file.read_exact(&mut head))
        .map_err(io(path))?;
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
    Ok(logrows)
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> SrsError {
    let path = path.to_owned();
    move |source| SrsError::Io { path, source }
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
    /// The folder of test strings that was prepared for a job of many machines. None is made there when it is needed: strings made on two
    /// machines are two strings, and proofs on them do not go together. Nobody locks it, since the file system may have no locks; a
    /// string is known by its digest alone.
    Prepared(PathBuf),
}

impl SrsStore {
    /// Uses a user's file for every circuit.
    ///
    /// # Errors
    /// [`check_srs_file`]'s.
    pub fn from_file(path: &Path) -> Result<Self, SrsError> {
        let identity = check_srs_file(path)?;
        Self::of(StringFile {
            path: path.to_owned(),
            identity,
        })
    }

    /// Uses a file for every circuit that was looked at.
    ///
    /// # Errors
    /// [`SrsError::Io`]: there is no folder that its path begins in.
    pub fn of(file: StringFile) -> Result<Self, SrsError> {
        let path = std::path::absolute(&file.path).map_err(io(&file.path))?;
        Ok(Self::File {
            path,
            identity: file.identity,
        })
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
            Self::Folder(folder) | Self::Prepared(folder) => {
                Ok(folder.join(format!("{TEST_STRING}{logrows}.{STRING}")))
            }
        }
    }

    /// What the string for a circuit of 2^k rows is; `None` where it has yet to be made, or made again.
    ///
    /// # Errors
    /// [`SrsError`], where a file is there but cannot be used.
    pub fn identity(&self, logrows: u32) -> Result<Option<SrsIdentity>, SrsError> {
        let path = self.path(logrows)?;
        match self {
            Self::File { identity, .. } => Ok(Some(identity.clone())),
            // Read whole: what a record names is what was used.
            Self::Folder(_) | Self::Prepared(_) => whole(&path, logrows, |path, labelled| {
                let sha256 = sha256_of_file(path)?;
                Ok(labelled
                    .is_none_or(|labelled| labelled == sha256)
                    .then_some(sha256))
            })
            .map(|sha256| sha256.map(|sha256| local_test(sha256, logrows))),
        }
    }

    /// What the string for a circuit of 2^k rows was when it was published; none where that is not known. The string is not read.
    ///
    /// # Errors
    /// [`SrsError::TooShort`] where the user's file has fewer points.
    pub fn published(&self, logrows: u32) -> Result<Option<SrsIdentity>, SrsError> {
        match self {
            Self::File { identity, .. } => self.path(logrows).map(|_| Some(identity.clone())),
            Self::Folder(_) | Self::Prepared(_) => {
                let label = label_of(&self.path(logrows)?);
                Ok(files::read_json::<SrsIdentity>(&label)
                    .ok()
                    .filter(|identity| identity.logrows == logrows))
            }
        }
    }

    /// The string for a circuit of 2^k rows, for use: nobody replaces or removes it until what is returned is dropped. `None` where it
    /// has to be made, or `stop` ends the wait for a process that makes it.
    ///
    /// # Errors
    /// [`SrsError`].
    pub(super) fn hold(
        &self,
        logrows: u32,
        digests: &Digests,
        stop: impl Fn() -> bool,
    ) -> Result<Option<HeldString>, SrsError> {
        let path = self.path(logrows)?;
        match self {
            Self::File { identity, .. } => {
                let digested = digests.confirm(&path, &identity.sha256).map_err(io(&path))?;
                Ok(Some(HeldString {
                    identity: identity.clone(),
                    digested: digested.ok_or(SrsError::Changed { path })?,
                    _lock: None,
                }))
            }
            Self::Prepared(_) => {
                let not_prepared = || SrsError::NotPrepared { path: path.clone() };
                let identity = self.published(logrows)?.ok_or_else(not_prepared)?;
                let digested = digested(&path, logrows, digests)?.ok_or_else(not_prepared)?;
                Ok(Some(HeldString {
                    identity,
                    digested,
                    _lock: None,
                }))
            }
            Self::Folder(_) if !path.exists() => Ok(None),
            Self::Folder(_) => {
                let lock = lock_of(&path);
                let Some(lock) = Lock::shared(&lock, stop).map_err(io(&lock))? else {
                    return Ok(None);
                };
                let Some(digested) = digested(&path, logrows, digests)? else {
                    return Ok(None);
                };
                let identity = local_test(digested.sha256.clone(), logrows);
                let label = label_of(&path);
                if !label.exists() {
                    // An older evmbench left none.
                    files::write_json(&label, &identity).map_err(io(&label))?;
                }
                Ok(Some(HeldString {
                    identity,
                    digested,
                    _lock: Some(lock),
                }))
            }
        }
    }

    /// The right to make the test string of 2^k points, which one process has at a time and while nobody uses the string that is there;
    /// `None` where `stop` ends the wait.
    ///
    /// # Errors
    /// [`SrsError`].
    pub(super) fn lock_to_make(
        &self,
        logrows: u32,
        stop: impl Fn() -> bool,
    ) -> Result<Option<Making>, SrsError> {
        let path = self.path(logrows)?;
        if let Some(folder) = path.parent() {
            create_private(folder).map_err(io(folder))?;
        }
        let lock = lock_of(&path);
        let lock = Lock::exclusive(&lock, stop).map_err(io(&lock))?;
        Ok(lock.map(|lock| Making {
            path,
            logrows,
            _lock: lock,
        }))
    }
}

/// A reference string that is used.
#[derive(Debug)]
pub(super) struct HeldString {
    pub(super) identity: SrsIdentity,
    pub(super) digested: Digested,
    /// Of a test string of a home.
    _lock: Option<Lock>,
}

/// The right to make a test string.
#[derive(Debug)]
pub(super) struct Making {
    path: PathBuf,
    logrows: u32,
    _lock: Lock,
}

impl Making {
    /// Whether the string is there already, as it was made.
    ///
    /// # Errors
    /// [`SrsError::Io`].
    pub(super) fn is_done(&self, digests: &Digests) -> Result<bool, SrsError> {
        Ok(digested(&self.path, self.logrows, digests)?.is_some())
    }

    /// Where the string belongs, if there once was one.
    pub(super) fn made_before(&self) -> Option<&Path> {
        (self.path.exists() || label_of(&self.path).exists()).then_some(&self.path)
    }

    /// Publishes a new string in place of nothing, or of one that is not what it was.
    ///
    /// # Errors
    /// [`SrsError`]: what was made has not the form of a string of 2^k points, or a file cannot be written.
    pub(super) fn publish(&self, made: &Path) -> Result<(), SrsError> {
        let logrows = check_form(made)?;
        if logrows != self.logrows {
            return Err(SrsError::Form {
                path: made.to_owned(),
                reason: format!("it has 2^{logrows} points in place of 2^{}", self.logrows),
            });
        }
        let identity = local_test(sha256_of_file(made).map_err(io(made))?, logrows);
        remove(&self.path).map_err(io(&self.path))?;
        let label = label_of(&self.path);
        files::write_json(&label, &identity).map_err(io(&label))?;
        match std::fs::hard_link(made, &self.path) {
            // Another file system, or one without links.
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                let copy = self.path.with_extension("partial");
                std::fs::copy(made, &copy)
                    .and_then(|_| std::fs::rename(&copy, &self.path))
                    .map_err(io(&self.path))
            }
            linked => linked.map_err(io(&self.path)),
        }
    }
}

fn local_test(sha256: String, logrows: u32) -> SrsIdentity {
    SrsIdentity::unchecked(SrsKind::LocalTest, sha256, logrows)
}

/// What stands beside a test string: its [`SrsIdentity`].
fn label_of(string: &Path) -> PathBuf {
    string.with_extension(LABEL)
}

fn lock_of(string: &Path) -> PathBuf {
    string.with_extension("lock")
}

/// What `digest` makes of the test string at `path` and the digest that it was published with, if that is known; none where there is no
/// string of 2^k points, or what stands beside it is no string's.
fn whole<T>(
    path: &Path,
    logrows: u32,
    digest: impl FnOnce(&Path, Option<&str>) -> std::io::Result<Option<T>>,
) -> Result<Option<T>, SrsError> {
    match check_form(path) {
        Ok(found) if found == logrows => {}
        Err(SrsError::Io { source, .. }) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(io(path)(source));
        }
        _ => return Ok(None),
    }
    let label = label_of(path);
    let labelled = if label.exists() {
        match files::read_json::<SrsIdentity>(&label) {
            Ok(labelled) if labelled == local_test(labelled.sha256.clone(), logrows) => Some(labelled.sha256),
            _ => return Ok(None),
        }
    } else {
        None
    };
    digest(path, labelled.as_deref()).map_err(io(path))
}

/// The test string at `path`, if it is what was published.
fn digested(path: &Path, logrows: u32, digests: &Digests) -> Result<Option<Digested>, SrsError> {
    whole(path, logrows, |path, labelled| match labelled {
        Some(labelled) => digests.confirm(path, labelled),
        None => digests.of(path).map(Some),
    })
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Where the test strings of a folder are, or were: one that is gone leaves what stood beside it.
fn strings(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let of_string = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let extension = path.extension().unwrap_or_default();
        name.starts_with(TEST_STRING) && (extension == STRING || extension == LABEL)
    };
    paths
        .filter(of_string)
        .map(|path| path.with_extension(STRING))
        .collect()
}

/// The test strings in a folder that are not what was published, each read whole.
pub fn damaged_strings(folder: &Path, digests: &Digests) -> Vec<PathBuf> {
    let is_damaged = |path: &PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let logrows = name.strip_prefix(TEST_STRING).and_then(|k| k.parse().ok());
        let read = |path: &Path, labelled: Option<&str>| {
            let read = digests.read(path)?;
            Ok(labelled
                .is_none_or(|labelled| labelled == read.sha256)
                .then_some(()))
        };
        !logrows.is_some_and(|logrows| matches!(whole(path, logrows, read), Ok(Some(()))))
    };
    strings(folder).into_iter().filter(is_damaged).collect()
}

/// Removes the test strings in a folder that nobody uses, and tells how many are left.
///
/// # Errors
/// A file cannot be locked or removed.
pub fn clear_strings(folder: &Path) -> std::io::Result<usize> {
    let mut in_use = 0;
    for path in strings(folder) {
        match Lock::try_exclusive(&lock_of(&path))? {
            None => in_use += 1,
            Some(lock) => {
                remove(&path)?;
                remove(&label_of(&path))?;
                remove(&path.with_extension("partial"))?;
                lock.remove()?;
            }
        }
    }
    Ok(in_use)
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

    fn digests(folder: &Path) -> Digests {
        Digests::below(folder)
    }

    #[test]
    fn a_string_is_made_once_and_not_while_it_is_used() {
        let home = tempfile::tempdir().unwrap();
        let digests = digests(home.path());
        let store = SrsStore::Folder(home.path().join("srs"));
        let hold = || store.hold(3, &digests, || true).unwrap();
        assert!(hold().is_none());
        let first = store.lock_to_make(3, || true).unwrap().unwrap();
        assert!(!first.is_done(&digests).unwrap());
        assert!(
            store.lock_to_make(3, || true).unwrap().is_none(),
            "one process makes it"
        );
        let other = store.lock_to_make(4, || true).unwrap();
        assert!(other.is_some(), "another length is another string");
        first.publish(&write(home.path(), 3)).unwrap();
        assert!(hold().is_none(), "its maker is not done");
        drop(first);
        let mut user = hold().unwrap();
        assert_eq!(user.identity, store.identity(3).unwrap().unwrap());
        assert_eq!(user.identity.kind, SrsKind::LocalTest);
        assert!(hold().is_some(), "users share it");
        assert!(store.lock_to_make(3, || true).unwrap().is_none());
        assert_eq!(clear_strings(&home.path().join("srs")).unwrap(), 1);
        assert!(user.digested.is_same(&digests));
        drop(user);
        assert!(
            store
                .lock_to_make(3, || true)
                .unwrap()
                .unwrap()
                .is_done(&digests)
                .unwrap()
        );
        assert_eq!(clear_strings(&home.path().join("srs")).unwrap(), 0);
        assert_eq!(store.identity(3).unwrap(), None);
    }

    /// The string is not believed because it lies there, and neither is what lies beside it.
    #[test]
    fn a_damaged_string_is_made_again() {
        let home = tempfile::tempdir().unwrap();
        let digests = digests(home.path());
        let folder = home.path().join("srs");
        let store = SrsStore::Folder(folder.clone());
        let (string, label) = (
            folder.join("local-test-k3.srs"),
            folder.join("local-test-k3.json"),
        );
        let flip = |path: &Path, at: usize| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
        };
        let cut = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        };
        let damages: [&dyn Fn(); 7] = [
            &|| flip(&string, 1000),
            &|| flip(&string, 0),
            &|| cut(&string),
            &|| std::fs::remove_file(&string).unwrap(),
            &|| cut(&label),
            &|| std::fs::write(&label, "{}").unwrap(),
            &|| files::write_json(&label, &local_test("00".to_owned(), 3)).unwrap(),
        ];
        for (index, damage) in damages.iter().enumerate() {
            let making = store.lock_to_make(3, || true).unwrap().unwrap();
            making.publish(&write(home.path(), 3)).unwrap();
            assert!(making.is_done(&digests).unwrap());
            assert_eq!(damaged_strings(&folder, &digests), [] as [PathBuf; 0]);
            damage();
            assert!(!making.is_done(&digests).unwrap(), "damage {index}");
            drop(making);
            assert!(
                store.hold(3, &digests, || true).unwrap().is_none(),
                "damage {index}"
            );
            assert_eq!(store.identity(3).unwrap(), None, "damage {index}");
            assert_eq!(damaged_strings(&folder, &digests), std::slice::from_ref(&string));
        }
    }

    #[test]
    fn a_string_of_an_older_evmbench_is_taken_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let digests = digests(home.path());
        let store = SrsStore::Folder(home.path().to_owned());
        let string = write(home.path(), 3);
        let held = store.hold(3, &digests, || true).unwrap().unwrap();
        let labelled: SrsIdentity = files::read_json(&label_of(&string)).unwrap();
        assert_eq!(labelled, held.identity);
    }

    /// A job's strings are used as they were published or not at all: none is made, and none without its digest is believed.
    #[test]
    fn a_prepared_string_is_known_by_its_digest_alone() {
        let job = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let digests = digests(home.path());
        let folder = job.path().join("srs");
        let prepared = SrsStore::Prepared(folder.clone());
        let is_missing = || {
            let held = prepared.hold(3, &digests, || false);
            matches!(held, Err(SrsError::NotPrepared { .. }))
        };
        assert!(is_missing());
        assert_eq!(prepared.published(3).unwrap(), None);
        let making = SrsStore::Folder(folder.clone()).lock_to_make(3, || true);
        making.unwrap().unwrap().publish(&write(home.path(), 3)).unwrap();
        let held = prepared.hold(3, &digests, || false).unwrap().unwrap();
        assert_eq!(prepared.published(3).unwrap().as_ref(), Some(&held.identity));
        let (string, label) = (prepared.path(3).unwrap(), label_of(&prepared.path(3).unwrap()));
        let text = std::fs::read(&label).unwrap();
        std::fs::remove_file(&label).unwrap();
        assert!(is_missing());
        files::write_json(&label, &local_test("00".to_owned(), 3)).unwrap();
        assert!(is_missing());
        std::fs::write(&label, text).unwrap();
        assert!(!is_missing());
        let mut bytes = std::fs::read(&string).unwrap();
        bytes[100] ^= 1;
        std::fs::remove_file(&string).unwrap();
        std::fs::write(&string, bytes).unwrap();
        assert!(is_missing());
    }

    #[test]
    fn a_users_file_that_changes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        let digests = digests(home.path());
        let path = write(folder.path(), 3);
        let store = SrsStore::from_file(&path).unwrap();
        assert!(store.hold(3, &digests, || true).unwrap().is_some());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            store.hold(3, &digests, || true),
            Err(SrsError::Changed { .. })
        ));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
