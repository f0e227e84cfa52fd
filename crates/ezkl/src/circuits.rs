//! Compiled circuits and keys, kept by content: a second run of the same circuit with another input takes them from here.
//!
//! An entry is a folder named by the digest of what it was made from. It appears whole, by a rename, or not at all; the
//! least recently used ones go when the folder outgrows its limit. An entry's name is not believed: it says of itself what it
//! was made from, and the digest of each of its files is computed again before it is used. One that is damaged, cut off or
//! another's is not found, and is made anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::srs::sha256_of_file;
use super::{EZKL_VERSION, PhaseMeasurement, SrsIdentity};

/// Twenty GiB: the largest key that proves in 24 GiB of memory is about 9 GB.
pub const DEFAULT_CACHE_LIMIT_BYTES: u64 = 20 << 30;

/// Name of an entry's label.
const PROVENANCE: &str = "provenance.json";

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

/// What stands beside the files of an entry.
#[derive(Debug, Serialize, Deserialize)]
struct Label {
    /// The entry's own digest.
    circuit: String,
    /// SHA-256 of each of its files, in hexadecimal, by name.
    files: BTreeMap<String, String>,
    made: Provenance,
}

/// Files of one compiled circuit.
#[derive(Debug, Clone)]
pub(super) struct CircuitFiles {
    folder: PathBuf,
}

impl CircuitFiles {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn model(&self) -> PathBuf {
        self.folder.join("model.onnx")
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.folder.join("settings.json")
    }

    pub(super) fn circuit(&self) -> PathBuf {
        self.folder.join("circuit.ezkl")
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

    /// SHA-256 of every file but the label, by name.
    fn digests(&self) -> std::io::Result<BTreeMap<String, String>> {
        let mut digests = BTreeMap::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != PROVENANCE {
                digests.insert(name, sha256_of_file(&entry.path())?);
            }
        }
        Ok(digests)
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

    /// The entry with this digest, if it is there whole and as it was made; marks it as used.
    pub(super) fn find(&self, digest: &str) -> Option<(CircuitFiles, Provenance)> {
        let files = CircuitFiles::at(self.folder.join(digest));
        let label: Label = serde_json::from_slice(&std::fs::read(files.provenance()).ok()?).ok()?;
        if label.circuit != digest || label.files != files.digests().ok()? {
            return None;
        }
        let used = std::fs::File::options()
            .append(true)
            .open(files.provenance())
            .ok()?;
        // Only the order of eviction rests on it.
        let _ = used.set_modified(SystemTime::now());
        Some((files, label.made))
    }

    /// Moves finished files into the cache.
    pub(super) fn keep(
        &self,
        digest: &str,
        files: &CircuitFiles,
        provenance: &Provenance,
    ) -> std::io::Result<CircuitFiles> {
        let label = Label {
            circuit: digest.to_owned(),
            files: files.digests()?,
            made: provenance.clone(),
        };
        std::fs::write(files.provenance(), serde_json::to_vec(&label)?)?;
        std::fs::create_dir_all(&self.folder)?;
        let target = self.folder.join(digest);
        if target.exists() {
            std::fs::remove_dir_all(&target)?;
        }
        std::fs::rename(files.folder(), &target)?;
        Ok(CircuitFiles::at(target))
    }

    /// Removes an entry.
    pub(super) fn drop_entry(&self, digest: &str) -> std::io::Result<()> {
        match std::fs::remove_dir_all(self.folder.join(digest)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the least recently used entries until the rest fit the limit.
    pub(super) fn evict(&self) -> std::io::Result<()> {
        let mut entries = Vec::new();
        let listing = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in listing {
            let files = CircuitFiles::at(entry?.path());
            let used = files
                .provenance()
                .metadata()
                .and_then(|metadata| metadata.modified());
            entries.push((
                used.unwrap_or(SystemTime::UNIX_EPOCH),
                folder_bytes(files.folder()),
                files,
            ));
        }
        entries.sort_by_key(|(used, ..)| *used);
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, files) in entries {
            if total <= self.limit_bytes {
                break;
            }
            std::fs::remove_dir_all(files.folder())?;
            total -= bytes;
        }
        Ok(())
    }
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
    use crate::{Phase, PhaseSource, SrsKind};

    fn provenance() -> Provenance {
        Provenance {
            srs: SrsIdentity {
                kind: SrsKind::LocalTest,
                sha256: "00".to_owned(),
                logrows: 15,
            },
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

    fn keep(cache: &CircuitCache, root: &Path, digest: &str, bytes: usize) {
        let staged = CircuitFiles::at(root.join("staged"));
        std::fs::create_dir_all(staged.folder()).unwrap();
        std::fs::write(staged.proving_key(), vec![0; bytes]).unwrap();
        cache.keep(digest, &staged, &provenance()).unwrap();
    }

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let root = tempfile::tempdir().unwrap();
        let cache = CircuitCache::new(root.path().join("circuits"), 25_000);
        for digest in ["a", "b", "c"] {
            keep(&cache, root.path(), digest, 10_000);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(cache.find("a").is_some());
        cache.evict().unwrap();
        assert!(cache.find("b").is_none());
        assert!(cache.find("a").is_some() && cache.find("c").is_some());
        assert_eq!(cache.find("a").unwrap().1, provenance());
    }

    #[test]
    fn an_entry_without_provenance_is_not_found() {
        let root = tempfile::tempdir().unwrap();
        let cache = CircuitCache::new(root.path().to_owned(), 0);
        keep(&cache, root.path(), "a", 1);
        std::fs::write(root.path().join("a/provenance.json"), "{").unwrap();
        assert!(cache.find("a").is_none());
        cache.drop_entry("a").unwrap();
        cache.drop_entry("a").unwrap();
    }

    /// Neither a folder's name nor what lies in it is believed.
    #[test]
    fn an_entry_that_is_not_as_it_was_made_is_not_found() {
        let root = tempfile::tempdir().unwrap();
        let cache = CircuitCache::new(root.path().to_owned(), 0);
        let made_anew = || {
            cache.drop_entry("a").unwrap();
            keep(&cache, root.path(), "a", 100);
            assert!(cache.find("a").is_some());
            CircuitFiles::at(root.path().join("a"))
        };
        let files = made_anew();
        std::fs::write(files.proving_key(), [&[0; 99][..], &[1]].concat()).unwrap();
        assert!(cache.find("a").is_none(), "one byte of the key is another");
        let files = made_anew();
        std::fs::write(files.proving_key(), [0; 99]).unwrap();
        assert!(cache.find("a").is_none(), "the key is cut off");
        let files = made_anew();
        std::fs::remove_file(files.proving_key()).unwrap();
        assert!(cache.find("a").is_none(), "the key is gone");
        let files = made_anew();
        std::fs::write(files.settings(), "{}").unwrap();
        assert!(cache.find("a").is_none(), "there are settings that were not made");
        let files = made_anew();
        std::fs::rename(files.folder(), root.path().join("b")).unwrap();
        assert!(cache.find("b").is_none(), "it is another circuit's");
    }

    #[test]
    fn the_digest_depends_on_model_and_arguments() {
        let of =
            |onnx: &[u8], plan: CircuitPlan| circuit_digest(onnx, &[plan.run_args(), plan.calibrate_args()]);
        let direct = CircuitPlan::direct(7).unwrap();
        let digest = of(b"model", direct);
        assert_eq!(digest, of(b"model", direct));
        assert_ne!(digest, of(b"other", direct));
        assert_ne!(digest, of(b"model", CircuitPlan::direct(8).unwrap()));
        assert_ne!(digest, of(b"model", CircuitPlan::study(7).unwrap()));
    }
}
