//! SHA-256 of files, each computed once as long as the file stays as it was.
//!
//! Goes in: a file's path. Comes out: its digest, and the stamp (device, inode, size, times of change in nanoseconds) that the
//! file had while it was read. Digests of large files are noted below a home, in one file, with the stamp that they go with;
//! under another stamp the file is read again. What is noted is never the only word: before a file is called damaged it is read.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files;

/// The notes' name below a home.
const NOTES: &str = "digests.json";

/// How often a file is read whose stamp changes meanwhile.
const READINGS: usize = 4;

/// Smaller files are read every time, which takes less than looking them up. Bytes.
const NOTED_FROM_BYTES: u64 = 1 << 20;

/// Within this time after its last change a file can be changed again without another stamp: clocks of file systems tick in
/// steps, of two seconds at most (FAT).
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// By what a file is known to be the same as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of content.
    modified: (i64, i64),
    /// The same of the last change at all, which no program can set back.
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of what a path leads to.
    ///
    /// # Errors
    /// There is nothing, or it cannot be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&path.metadata()?))
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |time| time.as_secs() as i64);
        self.modified.0.max(self.changed.0) + (SETTLED_AFTER.as_secs() as i64) < now
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file and what it was when it was read.
#[derive(Debug, Clone)]
pub struct Digested {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    stamp: Stamp,
}

impl Digested {
    /// The same file under another path.
    #[must_use]
    pub fn moved_to(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// Whether the path still leads to the file that was read, as it was then. A link to a file that somebody makes changes one of its
    /// times and not the file, which is then read again.
    pub fn is_same(&mut self, digests: &Digests) -> bool {
        let Ok(stamp) = Stamp::of(&self.path) else {
            return false;
        };
        if stamp == self.stamp {
            return true;
        }
        let linked = Stamp {
            changed: self.stamp.changed,
            ..stamp
        };
        match digests.read(&self.path) {
            Ok(again) if linked == self.stamp && again.sha256 == self.sha256 => {
                *self = again;
                true
            }
            _ => false,
        }
    }

    /// Whether the file's bytes, read again, are still those.
    pub fn is_intact(&self, digests: &Digests) -> bool {
        digests
            .read(&self.path)
            .is_ok_and(|again| again.sha256 == self.sha256)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    stamp: Stamp,
    sha256: String,
}

/// The notes of one home.
#[derive(Debug, Clone)]
pub struct Digests {
    notes: PathBuf,
}

impl Digests {
    /// Notes in a home's folder.
    pub fn below(home: &Path) -> Self {
        Self {
            notes: home.join(NOTES),
        }
    }

    /// Forgets all notes, so that every file is read again.
    pub fn forget(&self) {
        // What cannot be removed cannot be written either, and was perhaps never there.
        let _ = std::fs::remove_file(&self.notes);
    }

    /// A file's digest: the noted one, or one computed now.
    ///
    /// # Errors
    /// The file is not there, is no regular file, cannot be read, or changes meanwhile.
    pub fn of(&self, path: &Path) -> io::Result<Digested> {
        let stamp = Stamp::of(path)?;
        let noted = self.load().remove(&key(path));
        match noted {
            Some(note) if note.stamp == stamp => Ok(Digested {
                path: path.to_owned(),
                sha256: note.sha256,
                stamp,
            }),
            _ => self.read(path),
        }
    }

    /// Whether a file's digest is this one; what is noted is believed only where it says so.
    ///
    /// # Errors
    /// [`Self::of`]'s.
    pub fn confirm(&self, path: &Path, sha256: &str) -> io::Result<Option<Digested>> {
        let mut found = self.of(path)?;
        if found.sha256 != sha256 {
            found = self.read(path)?;
        }
        Ok((found.sha256 == sha256).then_some(found))
    }

    /// A file's digest, computed now and noted. Where the file has another stamp after it was read, it is read again, [`READINGS`] times
    /// at most: a file that was published this moment loses its other name, which changes its stamp and no byte.
    ///
    /// # Errors
    /// [`Self::of`]'s.
    pub fn read(&self, path: &Path) -> io::Result<Digested> {
        let reading = || -> io::Result<Option<(String, Stamp)>> {
            let mut file = open_regular(path)?;
            let stamp = Stamp::from(&file.metadata()?);
            let sha256 = sha256(&mut file)?;
            let is_same = Stamp::from(&file.metadata()?) == stamp && Stamp::of(path)? == stamp;
            Ok(is_same.then_some((sha256, stamp)))
        };
        let mut found = None;
        for _ in 0..READINGS {
            found = reading()?;
            if found.is_some() {
                break;
            }
        }
        let (sha256, stamp) = found.ok_or_else(|| io::Error::other("it changes while it is read"))?;
        if stamp.size >= NOTED_FROM_BYTES {
            self.note(path, &stamp, &sha256);
        }
        let path = path.to_owned();
        Ok(Digested { path, sha256, stamp })
    }

    /// Notes one digest, and forgets files that are gone. A note that cannot be written, or that another process's overtakes, costs
    /// no more than reading the file again.
    fn note(&self, path: &Path, stamp: &Stamp, sha256: &str) {
        let mut notes = self.load();
        let had = notes.len();
        notes.retain(|path, _| Path::new(path).exists());
        let forgot = notes.len() != had;
        let key = key(path);
        let changes = if stamp.is_settled() {
            let note = Note {
                stamp: stamp.clone(),
                sha256: sha256.to_owned(),
            };
            notes.insert(key, note);
            true
        } else {
            notes.remove(&key).is_some()
        };
        if changes || forgot {
            let _ = files::write_json(&self.notes, &notes);
        }
    }

    /// What is noted; nothing where the notes cannot be read as such.
    fn load(&self) -> BTreeMap<String, Note> {
        files::read_json(&self.notes).unwrap_or_default()
    }
}

fn key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Opens a file that is one: a pipe would be waited for.
fn open_regular(path: &Path) -> io::Result<File> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    File::open(path)
}

/// SHA-256 of all that a reader has left, in hexadecimal.
fn sha256(reader: &mut impl io::Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(alloy_primitives::hex::encode(digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// SHA-256 of a file, in hexadecimal; nothing is noted.
///
/// # Errors
/// The file cannot be read, or is no regular file.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    sha256(&mut open_regular(path)?)
}

/// SHA-256 of bytes, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of some size whose times lie in the past.
    fn settled(path: &Path, byte: u8) {
        std::fs::write(path, vec![byte; NOTED_FROM_BYTES as usize]).unwrap();
    }

    /// Waits until the time of the file's change, which cannot be set, lies far enough back.
    fn settle() {
        std::thread::sleep(SETTLED_AFTER + Duration::from_millis(1200));
    }

    #[test]
    fn a_large_file_is_read_again_only_when_it_changed() {
        let home = tempfile::tempdir().unwrap();
        let digests = Digests::below(home.path());
        let path = home.path().join("large");
        settled(&path, 1);
        let fresh = digests.of(&path).unwrap();
        assert!(digests.load().is_empty(), "it could change without another stamp");
        settle();
        let first = digests.of(&path).unwrap();
        assert_eq!(first.sha256, fresh.sha256);
        assert_eq!(digests.load().len(), 1);
        // A note is used: one that says otherwise is repeated, though never where it would call a file damaged.
        let mut notes = digests.load();
        for note in notes.values_mut() {
            note.sha256 = "00".to_owned();
        }
        files::write_json(&digests.notes, &notes).unwrap();
        assert_eq!(digests.of(&path).unwrap().sha256, "00");
        assert!(digests.confirm(&path, &first.sha256).unwrap().is_some());
        assert_eq!(digests.of(&path).unwrap().sha256, first.sha256);
        // Other bytes of the same length under the same time of modification.
        let time = path.metadata().unwrap().modified().unwrap();
        settled(&path, 2);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert!(!first.clone().is_same(&digests) && !first.is_intact(&digests));
        assert_ne!(digests.of(&path).unwrap().sha256, first.sha256);
        assert!(digests.confirm(&path, &first.sha256).unwrap().is_none());
    }

    #[test]
    fn a_replaced_or_removed_file_is_changed() {
        let home = tempfile::tempdir().unwrap();
        let digests = Digests::below(home.path());
        let (path, other) = (home.path().join("a"), home.path().join("b"));
        std::fs::write(&path, "same").unwrap();
        std::fs::write(&other, "same").unwrap();
        let mut read = digests.of(&path).unwrap();
        assert!(read.is_same(&digests));
        std::fs::hard_link(&path, home.path().join("link")).unwrap();
        assert!(read.is_same(&digests), "a link was made to it");
        std::fs::rename(&other, &path).unwrap();
        assert!(!read.is_same(&digests) && read.is_intact(&digests));
        std::fs::remove_file(&path).unwrap();
        assert!(!read.is_same(&digests) && !read.is_intact(&digests));
    }

    #[test]
    fn damaged_notes_are_no_notes_and_folders_no_files() {
        let home = tempfile::tempdir().unwrap();
        let digests = Digests::below(home.path());
        std::fs::write(&digests.notes, "{").unwrap();
        assert!(digests.load().is_empty());
        assert!(digests.of(home.path()).is_err());
    }
}
