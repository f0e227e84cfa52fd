//! Compiled circuits and keys, kept by content: a second run of the same circuit with another input takes them from here.
//!
//! An entry is a folder named by the digest of what it was made from. It appears whole, by a rename to a name that is free, or not
//! at all; where two processes make the same one, the second keeps its own files to itself. Neither an entry's name nor its files are
//! believed: a sealed label says what it was made from and the digest of each file, and both are checked before use. One that is
//! damaged, cut off or another's is told of and made anew. Who uses an entry holds its lock; the least recently used of the others go
//! when the folder outgrows its limit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use evmbench_host::digests::{Digested, Digests};
use evmbench_host::files;
use evmbench_host::home::create_private;
use evmbench_host::lock::Lock;

use super::{EZKL_VERSION, PhaseMeasurement, SrsIdentity};

/// Twenty GiB: the largest key that proves in 24 GiB of memory is about 9 GB.
pub const DEFAULT_CACHE_LIMIT_BYTES: u64 = 20 << 30;

/// Name of an entry's label.
const PROVENANCE: &str = "provenance.json";

/// Name of the lock in an entry.
const LOCK: &str = "in-use.lock";

/// The folder and its limit.
#[derive(Debug, Clone)]
pub struct CircuitCache {
    folder: PathBuf,
    limit_bytes: u64,
}

/// What an entry was made from and what making it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Provenance {
    /// The reference string that the keys rest on.
    pub(super) srs: SrsIdentity,
    /// Digest of the input that calibration saw.
    pub(super) calibration_input_sha256: String,
    /// What each phase took when the entry was made.
    pub(super) phases: Vec<PhaseMeasurement>,
    /// Cells that EZKL counted when it laid a committed circuit out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counted_cells: Option<u64>,
}

/// What an entry says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Label {
    /// The entry's own digest.
    circuit: String,
    /// SHA-256 of each of its files, in hexadecimal, by name.
    files: BTreeMap<String, String>,
    made: Provenance,
}

/// A label as it lies beside the files of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct SealedLabel {
    label: Label,
    /// SHA-256 of the label's JSON, in hexadecimal.
    seal: String,
}

impl Label {
    fn seal(&self) -> serde_json::Result<String> {
        Ok(alloy_primitives::hex::encode(Sha256::digest(serde_json::to_vec(
            self,
        )?)))
    }
}

/// An entry that is used: nobody removes it until this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) files: CircuitFiles,
    pub(super) made: Provenance,
    /// Its files, as they were read.
    pub(super) digested: Vec<Digested>,
    _lock: Lock,
}

/// What there is of an entry.
#[derive(Debug)]
pub(super) enum Found {
    /// All, as it was made.
    Whole(Box<Entry>),
    /// Something else than was made, and what is wrong.
    Damaged(String),
    /// Nothing that can be used now.
    Nothing,
}

/// Files of one compiled circuit.
#[derive(Debug, Clone)]
pub(super) struct CircuitFiles {
    folder: PathBuf,
}

impl CircuitFiles {
    pub(super) const MODEL: &str = "model.onnx";
    pub(super) const SETTINGS: &str = "settings.json";
    pub(super) const CIRCUIT: &str = "circuit.ezkl";

    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn model(&self) -> PathBuf {
        self.folder.join(Self::MODEL)
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.folder.join(Self::SETTINGS)
    }

    pub(super) fn circuit(&self) -> PathBuf {
        self.folder.join(Self::CIRCUIT)
    }

    pub(super) fn verifying_key(&self) -> PathBuf {
        self.folder.join("verifying.key")
    }

    pub(super) fn proving_key(&self) -> PathBuf {
        self.folder.join("proving.key")
    }

    fn provenance(&self) -> PathBuf {
        self.folder.join(PROVENANCE)
    }

    fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }

    /// Names of all files but label and lock, sorted.
    fn names(&self) -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != PROVENANCE && name != LOCK {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The label, if it is whole and this entry's.
    fn label(&self, digest: &str) -> Result<Label, String> {
        let bytes = files::read(&self.provenance(), files::MOST_TEXT_BYTES)
            .map_err(|error| format!("its label: {error}"))?;
        let sealed: SealedLabel =
            serde_json::from_slice(&bytes).map_err(|error| format!("its label: {error}"))?;
        if sealed.label.seal().ok() != Some(sealed.seal) {
            Err("its label has changed".to_owned())
        } else if sealed.label.circuit != digest {
            Err("it is another circuit's".to_owned())
        } else {
            Ok(sealed.label)
        }
    }

    /// Each file of the entry as it was made, by the word of a digest for each; or what is wrong.
    fn check(
        &self,
        label: &Label,
        digest: impl Fn(&Path, &str) -> std::io::Result<Option<Digested>>,
    ) -> Result<Vec<Digested>, String> {
        let names = self.names().map_err(|error| error.to_string())?;
        if let Some(name) = names.iter().find(|name| !label.files.contains_key(*name)) {
            return Err(format!("{name} was not made with it"));
        }
        let check = |(name, sha256): (&String, &String)| {
            let digested =
                digest(&self.folder.join(name), sha256).map_err(|error| format!("{name}: {error}"))?;
            digested.ok_or_else(|| format!("{name} has changed"))
        };
        label.files.iter().map(check).collect()
    }
}

/// The digest that names an entry: EZKL's version, the bytes of the model or of the compiled circuit, and what is asked of EZKL
/// beside them.
pub(super) fn circuit_digest(bytes: &[u8], asked: &[Value]) -> String {
    let mut digest = Sha256::new();
    let parts = std::iter::once(EZKL_VERSION.to_owned())
        .chain(asked.iter().map(Value::to_string))
        .chain([alloy_primitives::hex::encode(Sha256::digest(bytes))]);
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    alloy_primitives::hex::encode(digest.finalize())
}

impl CircuitCache {
    /// A cache in `folder` that keeps at most `limit_bytes`.
    pub fn new(folder: PathBuf, limit_bytes: u64) -> Self {
        Self { folder, limit_bytes }
    }

    fn at(&self, digest: &str) -> CircuitFiles {
        CircuitFiles::at(self.folder.join(digest))
    }

    /// The entry with this digest; marks it as used. `given` has the digests of files that the job itself brings, by name.
    ///
    /// # Errors
    /// The entry cannot be locked.
    pub(super) fn find(
        &self,
        digest: &str,
        given: &BTreeMap<&str, String>,
        digests: &Digests,
    ) -> std::io::Result<Found> {
        let files = self.at(digest);
        match files.folder().symlink_metadata() {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Ok(Found::Damaged("it is no folder".to_owned())),
            Err(_) => return Ok(Found::Nothing),
        }
        let lock = match Lock::try_shared(&files.lock()) {
            Ok(Some(lock)) => lock,
            // Another process is about to remove it, or has.
            Ok(None) => return Ok(Found::Nothing),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) if is_no_file(&error) => return Ok(Found::Damaged(format!("its lock: {error}"))),
            Err(error) => return Err(error),
        };
        let checked = files.label(digest).and_then(|label| {
            if let Some((name, _)) = given
                .iter()
                .find(|(name, sha256)| label.files.get(**name) != Some(*sha256))
            {
                return Err(format!("{name} is another circuit's"));
            }
            let digested = files.check(&label, |path, sha256| digests.confirm(path, sha256))?;
            Ok((label.made, digested))
        });
        let (made, digested) = match checked {
            Ok(checked) => checked,
            Err(wrong) => return Ok(Found::Damaged(wrong)),
        };
        if let Ok(used) = std::fs::File::options().append(true).open(files.provenance()) {
            // Only the order of eviction rests on it.
            let _ = used.set_modified(SystemTime::now());
        }
        Ok(Found::Whole(Box::new(Entry {
            files,
            made,
            digested,
            _lock: lock,
        })))
    }

    /// Moves finished files into the cache, for use. Where there is such an entry already, they stay where they are.
    ///
    /// # Errors
    /// A file cannot be read or written, or the folder of the cache not be made.
    pub(super) fn keep(
        &self,
        digest: &str,
        files: &CircuitFiles,
        made: Provenance,
        digests: &Digests,
    ) -> std::io::Result<Entry> {
        let mut read = Vec::new();
        for name in files.names()? {
            let digested = digests.read(&files.folder().join(&name))?;
            read.push((name, digested));
        }
        let label = Label {
            circuit: digest.to_owned(),
            files: read
                .iter()
                .map(|(name, digested)| (name.clone(), digested.sha256.clone()))
                .collect(),
            made,
        };
        let seal = label.seal()?;
        let sealed = SealedLabel { label, seal };
        std::fs::write(files.provenance(), serde_json::to_vec(&sealed)?)?;
        // Taken before anybody else can see the entry.
        let lock = Lock::try_shared(&files.lock())?;
        let lock = lock.ok_or_else(|| std::io::Error::other("new files are another process's"))?;
        create_private(&self.folder)?;
        let kept = self.at(digest);
        let files = match std::fs::rename(files.folder(), kept.folder()) {
            Ok(()) => kept,
            Err(_) if kept.folder().exists() => files.clone(),
            Err(error) => return Err(error),
        };
        let digested = read
            .into_iter()
            .map(|(name, digested)| digested.moved_to(files.folder().join(name)));
        Ok(Entry {
            digested: digested.collect(),
            made: sealed.label.made,
            files,
            _lock: lock,
        })
    }

    /// Removes an entry by way of the folder `trash`, unless it is used; tells whether it is gone.
    ///
    /// # Errors
    /// It cannot be locked or removed.
    pub(super) fn remove(&self, digest: &str, trash: &Path) -> std::io::Result<bool> {
        let files = self.at(digest);
        if files
            .folder()
            .symlink_metadata()
            .is_ok_and(|there| !there.is_dir())
        {
            // A link, say: it goes, and what it leads to stays.
            return std::fs::remove_file(files.folder()).map(|()| true);
        }
        let lock = Lock::try_exclusive(&files.lock()).or_else(|error| {
            if !is_no_file(&error) {
                return Err(error);
            }
            std::fs::remove_dir_all(files.lock())?;
            Lock::try_exclusive(&files.lock())
        });
        let lock = match lock {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        // What is half removed must not be found; what is in the way of that goes where it is.
        let away = trash.join(format!("removed-{digest}"));
        let removed = match std::fs::rename(files.folder(), &away) {
            Ok(()) => std::fs::remove_dir_all(&away),
            Err(_) => std::fs::remove_dir_all(files.folder()),
        };
        drop(lock);
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// Removes the least recently used entries that nobody uses until the rest fit the limit, by way of the folder `trash`; tells how
    /// many are used and had to stay.
    ///
    /// # Errors
    /// An entry cannot be locked or removed.
    pub fn evict(&self, trash: &Path) -> std::io::Result<usize> {
        let mut entries = Vec::new();
        for digest in self.digests() {
            let files = self.at(&digest);
            let used = files
                .provenance()
                .metadata()
                .and_then(|metadata| metadata.modified());
            let bytes = folder_bytes(files.folder());
            entries.push((used.unwrap_or(SystemTime::UNIX_EPOCH), bytes, digest));
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        let mut in_use = 0;
        for (_, bytes, digest) in entries {
            if total <= self.limit_bytes && self.limit_bytes > 0 {
                break;
            }
            if self.remove(&digest, trash)? {
                total -= bytes;
            } else {
                in_use += 1;
            }
        }
        Ok(in_use)
    }

    /// The entries that are not as they were made, each file read whole, with what is wrong.
    pub fn damaged(&self, digests: &Digests) -> Vec<(PathBuf, String)> {
        let wrong = |digest: String| {
            let files = self.at(&digest);
            let _lock = match Lock::try_shared(&files.lock()) {
                Ok(Some(lock)) => lock,
                Err(error) if is_no_file(&error) => {
                    return Some((files.folder, format!("its lock: {error}")));
                }
                Ok(None) | Err(_) => return None,
            };
            let checked = files.label(&digest).and_then(|label| {
                files.check(&label, |path, sha256| {
                    let read = digests.read(path)?;
                    Ok((read.sha256 == sha256).then_some(read))
                })
            });
            Some((files.folder, checked.err()?))
        };
        self.digests().into_iter().filter_map(wrong).collect()
    }

    /// The names of all entries, sorted.
    fn digests(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        // What a link leads to is not the cache's.
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut digests: Vec<_> = folders
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        digests.sort_unstable();
        digests
    }
}

/// Whether something that cannot be a lock is in its place.
fn is_no_file(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::IsADirectory
}

/// Size of all files below a folder, in bytes; what cannot be read counts as nothing.
pub fn folder_bytes(folder: &Path) -> u64 {
    let Ok(listing) = std::fs::read_dir(folder) else {
        return 0;
    };
    listing
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::super::CircuitPlan;
    use super::*;
    use crate::arguments::{calibrate_args, run_args};
    use crate::{Phase, PhaseSource, SrsKind};

    fn provenance() -> Provenance {
        Provenance {
            srs: SrsIdentity::unchecked(SrsKind::LocalTest, "00".to_owned(), 15),
            calibration_input_sha256: "11".to_owned(),
            phases: vec![PhaseMeasurement {
                phase: Phase::Setup,
                source: PhaseSource::Measured,
                call_seconds: Some(1.674_264_915_000_094_3),
                cpu_seconds: Some(3.25),
                process_seconds: 1.778_952_987,
                peak_rss_bytes: Some(91_779_072),
                written_bytes: 36_207_786,
                exit_status: Some(0),
            }],
            counted_cells: Some(9637),
        }
    }

    /// A cache below a home, and what it takes to use it.
    struct Given {
        home: tempfile::TempDir,
        cache: CircuitCache,
        digests: Digests,
    }

    impl Given {
        fn new(limit_bytes: u64) -> Self {
            let home = tempfile::tempdir().unwrap();
            Self {
                cache: CircuitCache::new(home.path().join("circuits"), limit_bytes),
                digests: Digests::below(home.path()),
                home,
            }
        }

        fn trash(&self) -> PathBuf {
            let trash = self.home.path().join("trash");
            std::fs::create_dir_all(&trash).unwrap();
            trash
        }

        fn keep(&self, digest: &str, bytes: usize) -> Entry {
            let staged = CircuitFiles::at(self.home.path().join("staged"));
            let _ = std::fs::remove_dir_all(staged.folder());
            std::fs::create_dir_all(staged.folder()).unwrap();
            std::fs::write(staged.proving_key(), vec![0; bytes]).unwrap();
            std::fs::write(staged.settings(), "{}").unwrap();
            self.cache
                .keep(digest, &staged, provenance(), &self.digests)
                .unwrap()
        }

        fn find(&self, digest: &str) -> Found {
            self.cache.find(digest, &BTreeMap::new(), &self.digests).unwrap()
        }

        #[track_caller]
        fn used(&self, digest: &str) -> Entry {
            match self.find(digest) {
                Found::Whole(entry) => *entry,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let given = Given::new(25_000);
        for digest in ["a", "b", "c"] {
            given.keep(digest, 10_000);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        given.used("a");
        assert_eq!(given.cache.evict(&given.trash()).unwrap(), 0);
        assert!(matches!(given.find("b"), Found::Nothing));
        given.used("c");
        assert_eq!(given.used("a").made, provenance());
        assert_eq!(std::fs::read_dir(given.trash()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_used_is_not_removed() {
        let given = Given::new(0);
        let kept = given.keep("a", 100);
        let found = given.used("a");
        given.keep("b", 100);
        assert_eq!(given.cache.evict(&given.trash()).unwrap(), 1);
        assert!(matches!(given.find("b"), Found::Nothing));
        drop(kept);
        assert!(!given.cache.remove("a", &given.trash()).unwrap());
        assert!(found.files.proving_key().exists());
        drop(found);
        assert_eq!(given.cache.evict(&given.trash()).unwrap(), 0);
        assert!(matches!(given.find("a"), Found::Nothing));
        assert!(given.cache.remove("a", &given.trash()).unwrap(), "it is gone");
    }

    #[test]
    fn an_entry_is_not_replaced() {
        let given = Given::new(0);
        let first = given.keep("a", 100);
        let second = given.keep("a", 200);
        assert_eq!(first.files.proving_key().metadata().unwrap().len(), 100);
        assert_eq!(second.files.proving_key().metadata().unwrap().len(), 200);
        for mut file in [first.digested.clone(), second.digested.clone()].concat() {
            assert!(file.is_same(&given.digests), "{}", file.path.display());
        }
        assert_eq!(given.used("a").files.folder(), first.files.folder());
    }

    /// Neither a folder's name nor what lies in it is believed.
    #[test]
    fn an_entry_that_is_not_as_it_was_made_is_damaged() {
        let given = Given::new(0);
        let files = given.cache.at("a");
        let write = |path: PathBuf, bytes: &[u8]| std::fs::write(path, bytes).unwrap();
        let edit_label = |change: &dyn Fn(&mut Value)| {
            let mut label: Value =
                serde_json::from_slice(&std::fs::read(files.provenance()).unwrap()).unwrap();
            change(&mut label);
            write(files.provenance(), &serde_json::to_vec(&label).unwrap());
        };
        let pipe = |path: &Path| {
            let _ = std::fs::remove_file(path);
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        };
        let damages: [(&str, &dyn Fn()); 12] = [
            ("its label: it is a pipe", &|| pipe(&files.provenance())),
            ("its lock: ", &|| {
                std::fs::remove_file(files.lock()).unwrap();
                std::fs::create_dir(files.lock()).unwrap();
            }),
            ("proving.key has changed", &|| {
                write(files.proving_key(), &[&[0_u8; 99][..], &[1]].concat());
            }),
            ("proving.key has changed", &|| {
                write(files.proving_key(), &[0; 99]);
            }),
            ("proving.key: ", &|| {
                std::fs::remove_file(files.proving_key()).unwrap();
            }),
            ("settings.json has changed", &|| write(files.settings(), b"[]")),
            ("verifying.key was not made", &|| {
                write(files.verifying_key(), b"key");
            }),
            ("its label: ", &|| write(files.provenance(), b"{")),
            ("its label: ", &|| {
                std::fs::remove_file(files.provenance()).unwrap();
            }),
            ("its label has changed", &|| {
                edit_label(&|label| label["label"]["made"]["counted_cells"] = 1.into());
            }),
            ("its label has changed", &|| {
                edit_label(&|label| label["label"]["made"]["srs"]["sha256"] = "11".into());
            }),
            ("it is another circuit's", &|| {
                given.keep("b", 100);
                std::fs::remove_dir_all(files.folder()).unwrap();
                std::fs::rename(given.cache.at("b").folder(), files.folder()).unwrap();
            }),
        ];
        for (expected, damage) in damages {
            given.keep("a", 100);
            given.used("a");
            assert_eq!(given.cache.damaged(&given.digests), []);
            damage();
            let Found::Damaged(wrong) = given.find("a") else {
                panic!("{expected}");
            };
            assert!(wrong.starts_with(expected), "{wrong}, not {expected}");
            let all = given.cache.damaged(&given.digests);
            assert_eq!(all, [(files.folder().to_owned(), wrong)]);
            assert!(given.cache.remove("a", &given.trash()).unwrap());
        }
    }

    /// What a link leads to is neither read nor removed, and nothing is written there.
    #[test]
    fn a_link_is_no_entry() {
        let given = Given::new(0);
        given.keep("a", 100);
        let elsewhere = given.home.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let link = given.cache.at("linked");
        std::os::unix::fs::symlink(&elsewhere, link.folder()).unwrap();
        assert_eq!(given.cache.digests(), ["a"]);
        assert!(matches!(given.find("linked"), Found::Damaged(_)));
        assert!(given.cache.remove("linked", &given.trash()).unwrap());
        assert!(link.folder().symlink_metadata().is_err());
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn an_entry_holds_what_the_job_brings() {
        let given = Given::new(0);
        given.keep("a", 100);
        let find = |text: &str| {
            let sha256 = alloy_primitives::hex::encode(Sha256::digest(text));
            let brought = BTreeMap::from([("settings.json", sha256)]);
            given.cache.find("a", &brought, &given.digests).unwrap()
        };
        assert!(matches!(find("{}"), Found::Whole(_)));
        assert!(matches!(find("[]"), Found::Damaged(wrong) if wrong.contains("settings.json")));
    }

    #[test]
    fn the_digest_depends_on_model_and_arguments() {
        let of =
            |onnx: &[u8], plan: CircuitPlan| circuit_digest(onnx, &[run_args(plan), calibrate_args(plan)]);
        let direct = CircuitPlan::direct(7).unwrap();
        let digest = of(b"model", direct);
        assert_eq!(digest, of(b"model", direct));
        assert_ne!(digest, of(b"other", direct));
        assert_ne!(digest, of(b"model", CircuitPlan::direct(8).unwrap()));
        assert_ne!(digest, of(b"model", CircuitPlan::study(7).unwrap()));
    }
}
