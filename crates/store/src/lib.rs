//! Records and their evidence as files: whole or not at all, each under a name of its own.
//!
//! Goes in: a [`Record`] and its [`Evidence`]. Comes out: `<out>/<suite>/<name>.json`, and beside it the folder
//! `<name>.evidence` with gzip files.
//!
//! A record is replaced whole or not at all. Its evidence is written into a folder aside, `<name>.aside-XXXXXX.evidence`, and
//! reaches the disk; then the record is renamed into its place; then the folders change places, and the older evidence is removed.
//! Wherever that ends, the record on disk is the older one or the newer, and its evidence is the folder whose files have its
//! digests: a reader looks aside where it has to, and the next writer puts everything in its place. Writers of one folder of
//! records wait for each other.

mod stored_run;

use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use tempfile::TempDir;

use evmbench_host::digests::sha256_hex;
use evmbench_host::files;
use evmbench_host::format;
use evmbench_host::hint::Hint;
use evmbench_host::process::Process;
use evmbench_host::trouble::Trouble;
use evmbench_host::whole::{self, FileError, UNFINISHED, folder_of, sync_folder};
use evmbench_host::{json, ranges};
use evmbench_schema::plan::CircuitPlan;
use evmbench_schema::record::{
    Evidence, EvidenceError, EvidenceFile, FileName, Record, Request, SCHEMA, digest,
};

pub use stored_run::StoredRun;

/// Compressed evidence above this size, in bytes, goes to a subfolder that git ignores; its digest stays in the record.
const LARGE_EVIDENCE_BYTES: u64 = 1 << 20;

/// Most bytes of a file of evidence, compressed or not: the public values of some millions of elements.
const MOST_EVIDENCE_BYTES: u64 = 512 << 20;

/// Ending of a record's file.
const RECORD_ENDING: &str = "json";

/// Ending of the folder of its evidence.
const EVIDENCE_ENDING: &str = "evidence";

/// Between a record's name and the ending of a folder of evidence that is not in its place, before six more letters.
const ASIDE: &str = ".aside-";

/// How many letters follow it.
const ASIDE_LETTERS: usize = 6;

/// How much is written to find out whether a folder takes anything, in bytes.
const TRIAL_BYTES: usize = 1 << 12;

/// Folder of the logs below a folder of records.
const LOGS: &str = "logs";

/// Folder of the profiles below a folder of records.
pub const PROFILES: &str = "profiles";

/// A record or its evidence could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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
    /// The file is no record, or was cut off.
    #[error("{} is damaged or no record: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A number in the file is none that it could have.
    #[error("{} has a number out of range: {reason}", path.display())]
    OutOfRange {
        /// The file.
        path: PathBuf,
        /// Which, and what it could be.
        reason: String,
    },
    /// The record is of a version that this evmbench does not know.
    #[error(
        "{} has schema version {found}, {}; this is evmbench {}, which reads up to {SCHEMA}",
        path.display(),
        written_by(writer.as_deref()),
        env!("CARGO_PKG_VERSION")
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The evmbench that wrote it, by version and git revision, if the file says so.
        writer: Option<String>,
    },
    /// The record holds no evidence of this name.
    #[error("{} has no evidence {name:?}: its run ended before", path.display())]
    NoEvidence {
        /// The record.
        path: PathBuf,
        /// What was asked for.
        name: String,
    },
    /// Evidence that the record names is not there.
    #[error("evidence {} is missing", path.display())]
    MissingEvidence {
        /// The file.
        path: PathBuf,
        /// Whether the size rule keeps it out of git.
        large: bool,
    },
    /// The record says that evidence has more bytes than are read.
    #[error(
        "evidence {} unpacks to {}, as its record has it, and at most {} are read",
        path.display(), format::bytes(*size_bytes), format::bytes(MOST_EVIDENCE_BYTES)
    )]
    LargeEvidence {
        /// The file.
        path: PathBuf,
        /// What the record says.
        size_bytes: u64,
    },
    /// Evidence is what the record says, and yet not what its name says.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The record is not as it was written.
    #[error("{} is not as it was written: its own digest differs", path.display())]
    ChangedRecord {
        /// The file.
        path: PathBuf,
    },
    /// Evidence is not what the record says.
    #[error("evidence {} is not what the record was made with: {difference}", path.display())]
    ChangedEvidence {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: &'static str,
    },
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { action, path, source } => Self::Io { action, path, source },
            FileError::Damaged { path, source } => Self::Damaged { path, source },
        }
    }
}

/// What the user can do about evidence that no run leaves.
pub const DAMAGED_EVIDENCE: &str = "the evidence is not what a run leaves: get the record again from where it came from, or run the experiment again";

impl Hint for StoreError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::UnknownVersion { .. } => Some(
                "install the evmbench that wrote it, or a later one: its version and git revision stand in the file's `environment`".into(),
            ),
            Self::Io { source, .. } => match Trouble::of(source) {
                Trouble::DiskFull => Some(
                    "the disk is full: free some space (`evmbench cache` shows what evmbench keeps), then run again with --resume".into(),
                ),
                Trouble::NotPermitted | Trouble::ReadOnly => Some("choose another folder with --out".into()),
                Trouble::Files(_) => source.hint(),
                other => Some(other.remedy().into()),
            },
            Self::ChangedRecord { .. } => {
                Some("restore the file from where it came from, or run the experiment again".into())
            }
            Self::LargeEvidence { .. } => {
                Some("the record is damaged, or made to fill memory: get it again from where it came from".into())
            }
            Self::Damaged { .. } | Self::OutOfRange { .. } => {
                Some("remove the file and run the experiment again".into())
            }
            Self::MissingEvidence { large: true, .. } => {
                Some("evidence of this size is kept out of git; run the experiment again to have it".into())
            }
            Self::MissingEvidence { large: false, .. } | Self::ChangedEvidence { .. } | Self::Evidence(_) => {
                Some("restore the folder from where the record came from, or run the experiment again".into())
            }
            Self::NoEvidence { .. } => Some("run the experiment again, so that it comes further".into()),
        }
    }
}

fn written_by(version: Option<&str>) -> String {
    version.map_or_else(
        || "of a later evmbench".to_owned(),
        |version| format!("written by evmbench {version}"),
    )
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Store {
    out: PathBuf,
}

impl Store {
    /// The records below `out`, which need not exist yet.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self { out: out.into() }
    }

    /// Where the record of a run with this request belongs.
    pub fn path(&self, request: &Request) -> PathBuf {
        self.out
            .join(&request.suite)
            .join(format!("{}.json", request.name()))
    }

    /// Tries whether records and logs can be written.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn try_out(&self) -> Result<(), StoreError> {
        try_folder(&self.out)?;
        try_folder(&self.out.join(LOGS))
    }

    /// Tries whether the record of a run with this request can be written.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn try_for(&self, request: &Request) -> Result<(), StoreError> {
        let path = self.path(request);
        try_folder(folder_of(&path))?;
        let kind = |path: &Path| path.metadata().map(|there| there.is_dir()).ok();
        if kind(&path) == Some(true) {
            return Err(io("write", &path)(ErrorKind::IsADirectory.into()));
        }
        let evidence = evidence_folder(&path);
        if kind(&evidence) == Some(false) {
            return Err(io("write into", &evidence)(ErrorKind::NotADirectory.into()));
        }
        Ok(())
    }

    /// Writes evidence, then the record, and tells where. The record's list of evidence and its own digest are filled in.
    ///
    /// # Errors
    /// [`StoreError::Io`]; what was there before is then unchanged, or the new record is there with its evidence.
    pub fn save(&self, record: &mut Record, evidence: &Evidence) -> Result<PathBuf, StoreError> {
        self.place(record, |aside| {
            let files = evidence.files().into_iter();
            files
                .map(|(name, bytes)| write_evidence(aside, name, &bytes))
                .collect()
        })
    }

    /// Takes a record over, with its evidence, from the file of another folder, in place of what is here; the other stays.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read or is damaged, or as [`Self::save`].
    pub fn take_over(&self, other: &Path) -> Result<PathBuf, StoreError> {
        let run = StoredRun::open(other)?;
        let mut record = run.record().clone();
        self.place(&mut record, |aside| {
            let files = run.record().evidence.iter();
            files
                .map(|file| write_evidence(aside, &file.name, &run.evidence(&file.name)?))
                .collect()
        })
    }

    /// Writes a record with evidence that `write` makes in a folder.
    fn place(
        &self,
        record: &mut Record,
        write: impl FnOnce(&Path) -> Result<Vec<EvidenceFile>, StoreError>,
    ) -> Result<PathBuf, StoreError> {
        let path = self.path(&record.request);
        let folder = folder_of(&path);
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        let _alone = lock(folder);
        settle(&path)?;
        let aside = new_aside(&path)?;
        record.evidence = write(aside.path())?;
        sync_folder(folder)?;
        record.seal();
        write_json(&path, record)?;
        // From here on it is the record's.
        let _ = aside.keep();
        settle(&path)?;
        Ok(path)
    }

    /// Writes a record whose evidence is there already, with a new digest of its own, in place of the one at `path`.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the record that was there is then unchanged.
    pub fn replace(path: &Path, record: &Record) -> Result<(), StoreError> {
        let mut sealed = record.clone();
        sealed.seal();
        let _alone = lock(folder_of(path));
        settle(path)?;
        write_json(path, &sealed)
    }

    /// Writes the log of this process's invocation to `<out>/logs/<time>-<host>-<process id>-<start>.json`, where the host is a
    /// digest of its name: no other invocation's log has that name.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn save_log<T: Serialize>(&self, time: &str, log: &T) -> Result<PathBuf, StoreError> {
        let name = format!("{}-{}.json", time.replace(':', "-"), Process::current());
        let path = self.out.join(LOGS).join(name);
        write_json(&path, log)?;
        Ok(path)
    }
}

/// Whether a file's path below a folder of records is a record's: JSON that is neither a log, a profile nor evidence.
pub fn is_record_path(relative: &Path) -> bool {
    let in_folder_of_records = relative.parent().is_none_or(|folders| {
        let mut folders = folders.iter().map(Path::new);
        let others = [LOGS, PROFILES].map(Path::new);
        folders.all(|folder| !others.contains(&folder) && !has_ending(folder, EVIDENCE_ENDING))
    });
    in_folder_of_records && has_ending(relative, RECORD_ENDING)
}

/// The files of records that stand beside one another, of which the last is at `path`; in order, with the names of all.
pub fn in_order(path: &Path, names: &[FileName]) -> Vec<PathBuf> {
    let other = |name: &FileName| path.with_file_name(format!("{name}.json"));
    let others = &names[..names.len().saturating_sub(1)];
    let last = std::iter::once(path.to_owned());
    others.iter().map(other).chain(last).collect()
}

/// Files below a folder that [`is_record_path`] says are records, sorted, each relative to it.
///
/// # Errors
/// [`StoreError::Io`] where a folder cannot be read.
pub fn record_paths(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let here = folder.join(&relative);
        for entry in std::fs::read_dir(&here).map_err(io("read", &here))? {
            let entry = entry.map_err(io("read", &here))?;
            let path = relative.join(entry.file_name());
            // A link to a folder is not followed: it could lead back here.
            if entry.file_type().map_err(io("read", &here))?.is_dir() {
                folders.push(path);
            } else if is_record_path(&path) {
                paths.push(path);
            }
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found == ending)
}

/// The folder of a record's evidence.
fn evidence_folder(record: &Path) -> PathBuf {
    record.with_extension(EVIDENCE_ENDING)
}

/// Keeps other writers out of a folder of records for as long as it lives. Where a file system has no locks, nobody is kept out.
fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// A new folder for evidence beside a record's own.
fn new_aside(record: &Path) -> Result<TempDir, StoreError> {
    let folder = folder_of(record);
    let name = record.file_stem().unwrap_or_default().to_string_lossy();
    let aside = tempfile::Builder::new()
        .prefix(&format!("{name}{ASIDE}"))
        .suffix(&format!(".{EVIDENCE_ENDING}"))
        .rand_bytes(ASIDE_LETTERS)
        .tempdir_in(folder)
        .map_err(io("create a folder in", folder))?;
    // A temporary folder is its owner's alone; evidence is for everybody.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(aside.path(), permissions)
            .map_err(io("set permissions of", aside.path()))?;
    }
    Ok(aside)
}

/// Folders of evidence beside a record's own: of a writer that is at work or was ended.
fn asides(record: &Path) -> Vec<PathBuf> {
    let stem = record
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let is_aside = |name: &str| {
        let letters = name
            .strip_prefix(&stem)
            .and_then(|rest| rest.strip_prefix(ASIDE))
            .and_then(|rest| rest.strip_suffix(EVIDENCE_ENDING)?.strip_suffix('.'));
        // Of exactly this form: another record's evidence can begin with the same name.
        letters.is_some_and(|letters| {
            letters.len() == ASIDE_LETTERS && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    beside(record, is_aside)
}

/// What lies beside a record under a name that is meant, sorted.
fn beside(record: &Path, is_meant: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(folder_of(record))
        .into_iter()
        .flatten()
        .flatten();
    let meant = listing.filter(|entry| entry.file_name().to_str().is_some_and(&is_meant));
    let mut paths: Vec<PathBuf> = meant.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}

/// Whether a folder has every file of a record's evidence, as it was written.
fn holds(folder: &Path, record: &Record) -> bool {
    let mut files = record.evidence.iter();
    files.all(|file| read_evidence(folder, record, file).is_ok())
}

/// Puts a record's evidence in its place and removes what a writer that was ended has left. Nothing is removed where a record has no
/// evidence that is whole. For a writer that is [alone](lock).
fn settle(path: &Path) -> Result<(), StoreError> {
    let unfinished = format!(
        "{UNFINISHED}{}-",
        path.file_name().unwrap_or_default().to_string_lossy()
    );
    let unfinished = beside(path, |name| name.starts_with(&unfinished));
    // A folder of such a name is nobody's unfinished record.
    for file in unfinished.into_iter().filter(|file| !file.is_dir()) {
        std::fs::remove_file(&file).map_err(io("remove", &file))?;
    }
    let remove = |folder: &Path| std::fs::remove_dir_all(folder).map_err(io("remove", folder));
    let (own, others) = (evidence_folder(path), asides(path));
    let record = match load(path) {
        Ok(record) => record,
        // The first writer was ended before the record.
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return others.iter().try_for_each(|folder| remove(folder));
        }
        Err(_) => return Ok(()),
    };
    if record.evidence.is_empty() {
        let all = others.iter().chain(own.exists().then_some(&own));
        return all.into_iter().try_for_each(|folder| remove(folder));
    }
    if others.is_empty() {
        return Ok(());
    }
    if !holds(&own, &record) {
        let Some(its) = others.iter().find(|folder| holds(folder, &record)) else {
            return Ok(());
        };
        if own.exists() {
            let aside = new_aside(path)?.keep();
            // A rename takes the place of an empty folder.
            std::fs::rename(&own, &aside).map_err(io("move aside", &own))?;
        }
        std::fs::rename(its, &own).map_err(io("put in its place", its))?;
        sync_folder(folder_of(path))?;
    }
    asides(path).iter().try_for_each(|folder| remove(folder))
}

/// Creates a folder, if it is not there, and a file in it that reaches the disk and goes again.
fn try_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io("create a file in", folder))?;
    file.write_all(&[0; TRIAL_BYTES])
        .and_then(|()| file.as_file().sync_all())
        .map_err(io("write into", folder))?;
    file.close().map_err(io("remove a file from", folder))
}

fn write_evidence(folder: &Path, name: &str, bytes: &[u8]) -> Result<EvidenceFile, StoreError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let compressed = encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(io("compress", &folder.join(name)))?;
    let compressed_bytes = compressed.len() as u64;
    let file = EvidenceFile {
        name: FileName::new(name).expect("evidence has files' names"),
        sha256: sha256_hex(bytes),
        size_bytes: bytes.len() as u64,
        compressed_bytes,
        compressed_sha256: Some(sha256_hex(&compressed)),
        large: is_large(compressed_bytes),
    };
    write_whole(&evidence_path(folder, &file), &compressed)?;
    Ok(file)
}

/// Whether compressed evidence of so many bytes is kept out of git.
pub fn is_large(compressed_bytes: u64) -> bool {
    compressed_bytes > LARGE_EVIDENCE_BYTES
}

fn evidence_path(folder: &Path, file: &EvidenceFile) -> PathBuf {
    let folder = if file.large {
        folder.join("large")
    } else {
        folder.to_owned()
    };
    folder.join(format!("{}.gz", file.name))
}

/// Writes a file whole or not at all ([`whole::write`]).
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    Ok(whole::write(path, bytes)?)
}

/// Writes a value as JSON, whole or not at all.
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    Ok(whole::write_json(path, value)?)
}

/// Reads a value that [`write_json`] wrote.
///
/// # Errors
/// [`StoreError::Io`] and [`StoreError::Damaged`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    Ok(whole::read_json(path)?)
}

/// Reads a record.
///
/// # Errors
/// [`StoreError`]: unreadable, damaged, or of a version that is not known. Each names the file.
pub fn load(path: &Path) -> Result<Record, StoreError> {
    Ok(StoredRun::open(path)?.into_record())
}

/// Reads a record from the bytes of the file at `path`, which is named in errors and not opened.
///
/// # Errors
/// [`StoreError::Damaged`] or [`StoreError::UnknownVersion`].
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Record, StoreError> {
    Ok(parse_with_json(path, bytes)?.0)
}

fn parse_with_json(path: &Path, bytes: &[u8]) -> Result<(Record, serde_json::Value), StoreError> {
    let damaged = |source| StoreError::Damaged {
        path: path.to_owned(),
        source,
    };
    let json = json::parse(bytes).map_err(damaged)?;
    // The version decides whether the rest can be read at all, so it is looked at first.
    if let Some(found) = json.get("schema").and_then(serde_json::Value::as_u64)
        && found > u64::from(SCHEMA)
    {
        // A file from elsewhere: nothing of it reaches a terminal but letters and signs.
        let text = |pointer: &str| {
            let text = json.pointer(pointer)?.as_str()?;
            text.chars().all(|c| c.is_ascii_graphic()).then_some(text)
        };
        let writer = ["/renewal", "/environment"].into_iter().find_map(|part| {
            let version = text(&format!("{part}/evmbench_version"))?;
            Some(match text(&format!("{part}/git_revision")) {
                Some(revision) => format!("{version} (git revision {revision})"),
                None => version.to_owned(),
            })
        });
        return Err(StoreError::UnknownVersion {
            path: path.to_owned(),
            found,
            writer,
        });
    }
    let out_of_range = |reason: String| StoreError::OutOfRange {
        path: path.to_owned(),
        reason,
    };
    ranges::check(&json).map_err(|found| out_of_range(found.to_string()))?;
    if let Some(Ok(Err(error))) = json.pointer("/request/plan").map(CircuitPlan::of_json) {
        return Err(out_of_range(format!("its request cannot be: {error}")));
    }
    let record = Record::deserialize(&json).map_err(damaged)?;
    record
        .request
        .in_range()
        .map_err(|reason| out_of_range(format!("its request cannot be: {reason}")))?;
    Ok((record, json))
}

/// Reads one piece of a record's evidence and checks it against the record's digest.
///
/// # Errors
/// [`StoreError`]: no such evidence, a file that is missing, unreadable, or not what the record says.
pub fn load_evidence(path: &Path, record: &Record, name: &str) -> Result<Vec<u8>, StoreError> {
    let file = record
        .evidence
        .iter()
        .find(|file| file.name == name)
        .ok_or_else(|| StoreError::NoEvidence {
            path: path.to_owned(),
            name: name.to_owned(),
        })?;
    let own = read_evidence(&evidence_folder(path), record, file);
    own.or_else(|error| {
        // A writer was ended between the record and its evidence.
        let mut aside = asides(path).into_iter();
        aside
            .find_map(|folder| read_evidence(&folder, record, file).ok())
            .ok_or(error)
    })
}

/// A record that is as it was written and has all its evidence; none where there is no file.
///
/// # Errors
/// [`StoreError`]: what of it is damaged or missing.
pub fn load_whole(path: &Path) -> Result<Option<Record>, StoreError> {
    let Some(run) = open_sealed(path)? else {
        return Ok(None);
    };
    for file in &run.record().evidence {
        run.evidence(&file.name)?;
    }
    Ok(Some(run.into_record()))
}

/// A record that is as it was written, whatever became of its evidence; none where there is no file.
///
/// # Errors
/// [`StoreError`]: it is damaged.
pub fn load_sealed(path: &Path) -> Result<Option<Record>, StoreError> {
    Ok(open_sealed(path)?.map(StoredRun::into_record))
}

/// A stored run whose record has the digest that it was written with.
fn open_sealed(path: &Path) -> Result<Option<StoredRun>, StoreError> {
    let run = match StoredRun::open(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let record = run.record();
    let has_digest = record.schema >= digest::SINCE_SCHEMA || record.sha256.is_some();
    if has_digest && record.sha256.as_deref() != Some(&*digest::of_json(run.json())) {
        return Err(StoreError::ChangedRecord {
            path: path.to_owned(),
        });
    }
    Ok(Some(run))
}

/// A file of evidence in a folder, checked against its record.
fn read_evidence(folder: &Path, record: &Record, file: &EvidenceFile) -> Result<Vec<u8>, StoreError> {
    let path = evidence_path(folder, file);
    check_size(&path, file)?;
    let compressed = match files::read(&path, MOST_EVIDENCE_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::MissingEvidence {
                path,
                large: file.large,
            });
        }
        other => other.map_err(io("read", &path))?,
    };
    if file.compressed_sha256.is_none() && record.schema >= digest::SINCE_SCHEMA {
        return Err(StoreError::ChangedEvidence {
            path,
            difference: "its record has no digest of its compressed bytes",
        });
    }
    unpack(&compressed, file).map_err(|difference| StoreError::ChangedEvidence { path, difference })
}

/// Refuses evidence that would unpack to more than is read.
fn check_size(path: &Path, file: &EvidenceFile) -> Result<(), StoreError> {
    if file.size_bytes <= MOST_EVIDENCE_BYTES {
        return Ok(());
    }
    Err(StoreError::LargeEvidence {
        path: path.to_owned(),
        size_bytes: file.size_bytes,
    })
}

/// Unpacks a file of evidence. No byte of it may be another than when it was written; in a record that has no digest of the
/// compressed bytes, none that changes the content.
fn unpack(compressed: &[u8], file: &EvidenceFile) -> Result<Vec<u8>, &'static str> {
    if compressed.len() as u64 != file.compressed_bytes {
        return Err("its compressed length differs");
    }
    if let Some(digest) = &file.compressed_sha256
        && *digest != sha256_hex(compressed)
    {
        return Err("the SHA-256 of its compressed bytes differs");
    }
    // The record's size bounds what a damaged or hostile file can unpack to.
    let bytes = inflate(compressed, file.size_bytes).ok_or("it cannot be unpacked to the record's size")?;
    if sha256_hex(&bytes) != file.sha256 {
        return Err("its SHA-256 differs");
    }
    Ok(bytes)
}

/// Adds the digests of the compressed bytes to a record that was made before they were recorded.
///
/// # Errors
/// [`StoreError::Io`] where a file cannot be read.
pub fn add_compressed_digests(path: &Path, record: &mut Record) -> Result<(), StoreError> {
    let folder = evidence_folder(path);
    for file in &mut record.evidence {
        let path = evidence_path(&folder, file);
        let compressed = files::read(&path, MOST_EVIDENCE_BYTES).map_err(io("read", &path))?;
        file.compressed_sha256 = Some(sha256_hex(&compressed));
    }
    Ok(())
}

/// The one member of a gzip file, where it has exactly so many bytes and nothing follows.
fn inflate(compressed: &[u8], size_bytes: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut decoder = GzDecoder::new(compressed);
    let found = decoder
        .by_ref()
        .take(size_bytes.checked_add(1)?)
        .read_to_end(&mut bytes);
    let nothing_follows = decoder.into_inner().is_empty();
    (found.is_ok() && bytes.len() as u64 == size_bytes && nothing_follows).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudo_random(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn a_log_is_named_by_time_and_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = Store::new(folder.path())
            .save_log("2026-01-02T03:04:05Z", &"log")
            .unwrap();
        let expected = format!("2026-01-02T03-04-05Z-{}.json", Process::current());
        assert_eq!(path, folder.path().join(LOGS).join(expected));
        assert!(!is_record_path(path.strip_prefix(folder.path()).unwrap()));
        assert_eq!(read_json::<String>(&path).unwrap(), "log");
    }

    #[test]
    fn evidence_is_compressed_read_back_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = b"evidence ".repeat(1000);
        let file = write_evidence(folder.path(), "proof.bin", &bytes).unwrap();
        assert_eq!((file.size_bytes, file.large), (9000, false));
        assert!(file.compressed_bytes < 200);
        assert!(folder.path().join("proof.bin.gz").exists());
        // The same bytes make the same file, so that a second run changes nothing in git.
        let first = std::fs::read(folder.path().join("proof.bin.gz")).unwrap();
        write_evidence(folder.path(), "proof.bin", &bytes).unwrap();
        assert_eq!(std::fs::read(folder.path().join("proof.bin.gz")).unwrap(), first);
    }

    /// Every bit of what is on disk, be it packed or packing.
    #[test]
    fn no_bit_of_a_file_of_evidence_can_flip_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [
            &b"[\"0x1\"]"[..],
            &b"evidence ".repeat(30),
            &pseudo_random(200),
            &[],
        ] {
            let file = write_evidence(folder.path(), "proof.bin", bytes).unwrap();
            let packed = std::fs::read(folder.path().join("proof.bin.gz")).unwrap();
            assert_eq!(unpack(&packed, &file).unwrap(), bytes);
            for bit in 0..8 * packed.len() {
                let mut changed = packed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(unpack(&changed, &file).is_err(), "bit {bit} of {}", packed.len());
            }
            assert!(unpack(&[&packed[..], &[0]].concat(), &file).is_err());
            assert!(unpack(&packed[..packed.len() - 1], &file).is_err());
        }
    }

    #[test]
    fn a_newer_record_names_who_can_read_it() {
        let newer = |rest: &str| {
            let text = format!(r#"{{"schema": {}{rest}}}"#, SCHEMA + 1);
            let error = parse(Path::new("r.json"), text.as_bytes()).unwrap_err();
            assert!(
                error
                    .hint()
                    .unwrap()
                    .contains("install the evmbench that wrote it")
            );
            error.to_string()
        };
        let made = r#", "environment": {"evmbench_version": "0.3.0", "git_revision": "abc"}"#;
        assert!(newer(made).contains("evmbench 0.3.0 (git revision abc)"));
        let renewed = format!(r#"{made}, "renewal": {{"evmbench_version": "0.4.0", "git_revision": null}}"#);
        assert!(newer(&renewed).contains("written by evmbench 0.4.0;"));
        assert!(newer("").contains("of a later evmbench;"));
    }

    #[test]
    fn large_evidence_goes_where_git_does_not_look() {
        let folder = tempfile::tempdir().unwrap();
        let file = write_evidence(folder.path(), "calldata.bin", &pseudo_random(2 << 20)).unwrap();
        assert!(file.large);
        assert!(folder.path().join("large/calldata.bin.gz").exists());
    }

    /// Found out before anything is proved.
    #[test]
    fn places_of_a_record_that_cannot_be_written_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let request = Request::new("m", "s", CircuitPlan::direct(4).unwrap());
        let path = store.path(&request);
        store.try_for(&request).unwrap();
        std::fs::create_dir(&path).unwrap();
        let refused = |expected: ErrorKind| {
            let found = store.try_for(&request);
            assert!(
                matches!(&found, Err(StoreError::Io { source, .. }) if source.kind() == expected),
                "{found:?}"
            );
        };
        refused(ErrorKind::IsADirectory);
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(evidence_folder(&path), "mine").unwrap();
        refused(ErrorKind::NotADirectory);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    /// A record of a published run, under a name of its own, with evidence that says `bytes`.
    fn saved(out: &Path, bytes: &[u8]) -> (PathBuf, Record) {
        let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/core/relu-s7-direct.json");
        let mut record = load(&published).unwrap();
        record.finished_at = String::from_utf8(bytes.to_vec()).unwrap();
        let evidence = Evidence {
            proof: Some(bytes.to_vec()),
            settings: Some("{}".to_owned()),
            ..Evidence::default()
        };
        let path = Store::new(out).save(&mut record, &evidence).unwrap();
        (path, record)
    }

    /// Names of everything beside a record.
    fn names(record: &Path) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        beside(record, |_| true).into_iter().map(name).collect()
    }

    #[track_caller]
    fn assert_whole(path: &Path, bytes: &[u8]) {
        let record = load_whole(path).unwrap().unwrap();
        assert_eq!(record.finished_at.as_bytes(), bytes);
        assert_eq!(load_evidence(path, &record, Evidence::PROOF).unwrap(), bytes);
    }

    #[test]
    fn a_stored_run_hands_out_its_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let (path, record) = saved(folder.path(), b"first");
        let run = StoredRun::open(&path).unwrap();
        assert_eq!((run.path(), run.record()), (&*path, &record));
        assert_eq!(run.json()["finished_at"], "first");
        assert_eq!(run.evidence(Evidence::PROOF).unwrap(), b"first");
        assert_eq!(run.text(Evidence::SETTINGS).unwrap(), "{}");
        assert_eq!(run.key_artifact().unwrap(), None);
        // It has no public values.
        assert!(matches!(run.proof(), Err(StoreError::NoEvidence { .. })));
        assert_eq!(run.into_record(), record);
    }

    const SETTLED: [&str; 2] = ["relu-s7-direct.evidence", "relu-s7-direct.json"];

    #[test]
    fn a_record_takes_the_place_of_another_with_its_evidence() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [b"first", b"other"] {
            let (path, _) = saved(folder.path(), bytes);
            assert_whole(&path, bytes);
            assert_eq!(names(&path), SETTLED);
        }
        // A run that came to nothing has no evidence.
        let (path, mut record) = saved(folder.path(), b"third");
        Store::new(folder.path())
            .save(&mut record, &Evidence::default())
            .unwrap();
        assert_eq!(names(&path), ["relu-s7-direct.json"]);
        assert!(load_whole(&path).unwrap().unwrap().evidence.is_empty());
    }

    /// Every state that a writer can be ended in: the older record or the newer is there with its evidence, and the next writer
    /// leaves nothing but that.
    #[test]
    fn a_writer_may_be_ended_anywhere() {
        // Which record is there, which evidence is in its place, and which aside.
        let states: [(usize, Option<usize>, &[usize]); 6] = [
            (0, Some(0), &[]),
            (0, Some(0), &[1]),
            (1, Some(0), &[1]),
            (1, None, &[0, 1]),
            (1, None, &[1]),
            (1, Some(1), &[0]),
        ];
        let contents: [&[u8]; 2] = [b"older", b"newer"];
        for (there, own, aside) in states {
            let made = contents.map(|bytes| {
                let folder = tempfile::tempdir().unwrap();
                let (path, record) = saved(folder.path(), bytes);
                (folder, path, record)
            });
            let folder = tempfile::tempdir().unwrap();
            let path = Store::new(folder.path()).path(&made[0].2.request);
            std::fs::create_dir_all(folder_of(&path)).unwrap();
            std::fs::copy(&made[there].1, &path).unwrap();
            let place = |which: usize, target: &Path| {
                std::fs::rename(evidence_folder(&made[which].1), target).unwrap();
            };
            if let Some(own) = own {
                place(own, &evidence_folder(&path));
            }
            for &which in aside {
                let name = format!("relu-s7-direct.aside-abcde{which}.evidence");
                place(which, &path.with_file_name(name));
            }
            std::fs::write(path.with_file_name(".tmp-relu-s7-direct.json-x"), b"half").unwrap();
            let state = format!("{there} {own:?} {aside:?}");
            assert_eq!(
                load_whole(&path).unwrap().unwrap().finished_at.as_bytes(),
                contents[there],
                "{state}"
            );
            assert_whole(&path, contents[there]);
            settle(&path).unwrap();
            assert_eq!(names(&path), SETTLED, "{state}");
            assert_whole(&path, contents[there]);
            saved(folder.path(), b"third");
            assert_eq!(names(&path), SETTLED, "{state}");
            assert_whole(&path, b"third");
        }
    }

    /// Evidence that fits no record may be the only copy of something.
    #[test]
    fn nothing_is_removed_where_no_evidence_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = saved(folder.path(), b"first");
        let aside = path.with_file_name("relu-s7-direct.aside-abcdef.evidence");
        std::fs::rename(evidence_folder(&path), &aside).unwrap();
        std::fs::write(aside.join("proof.bin.gz"), b"damaged").unwrap();
        settle(&path).unwrap();
        assert!(aside.exists());
        assert!(load_whole(&path).is_err());
    }

    /// Another record's name can begin with this one's.
    #[test]
    fn another_records_evidence_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = saved(folder.path(), b"first");
        let others = [
            "relu-s7-direct.aside-abcdef-s7-direct.evidence",
            "relu-s7-direct.aside-abcdefg.evidence",
            "relu-s7-direct-01234567.evidence",
            "relu-s7-direct.aside-abcdef",
        ];
        for other in others {
            std::fs::create_dir(path.with_file_name(other)).unwrap();
        }
        settle(&path).unwrap();
        for other in others {
            assert!(path.with_file_name(other).exists(), "{other}");
        }
    }

    #[test]
    fn damage_of_a_record_or_its_evidence_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, record) = saved(folder.path(), b"first");
        let proof = evidence_folder(&path).join("proof.bin.gz");
        let packed = std::fs::read(&proof).unwrap();
        std::fs::write(&proof, &packed[..packed.len() - 1]).unwrap();
        assert!(matches!(
            load_whole(&path),
            Err(StoreError::ChangedEvidence { .. })
        ));
        std::fs::remove_file(&proof).unwrap();
        assert!(matches!(
            load_whole(&path),
            Err(StoreError::MissingEvidence { .. })
        ));
        std::fs::write(&proof, &packed).unwrap();
        assert_whole(&path, b"first");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"first\"", "\"First\"", 1)).unwrap();
        assert!(matches!(load_whole(&path), Err(StoreError::ChangedRecord { .. })));
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(load_whole(&path), Err(StoreError::Damaged { .. })));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(load_whole(&path).unwrap(), None);
        Store::replace(&path, &record).unwrap();
        assert_whole(&path, b"first");
    }

    #[test]
    fn a_record_is_taken_over_with_its_evidence() {
        let [here, there] = [(), ()].map(|()| tempfile::tempdir().unwrap());
        let (path, _) = saved(here.path(), b"first");
        let (other, _) = saved(there.path(), b"other");
        let taken = Store::new(here.path()).take_over(&other).unwrap();
        assert_eq!(taken, path);
        assert_whole(&path, b"other");
        assert_whole(&other, b"other");
        assert_eq!(names(&path), SETTLED);
        let text = |path: &Path| std::fs::read(path).unwrap();
        assert_eq!(text(&path), text(&other));
        // What is damaged is not taken, and what is here stays.
        std::fs::write(evidence_folder(&other).join("proof.bin.gz"), b"damaged").unwrap();
        assert!(Store::new(here.path()).take_over(&other).is_err());
        assert_whole(&path, b"other");
        assert_eq!(names(&path), SETTLED);
    }

    /// Two writers of one record: it is one of both, with its own evidence.
    #[test]
    fn writers_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let contents: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
        std::thread::scope(|scope| {
            let out = folder.path();
            for bytes in contents {
                scope.spawn(move || (0..5).for_each(|_| drop(saved(out, bytes))));
            }
        });
        let path = folder.path().join("core/relu-s7-direct.json");
        let record = load_whole(&path).unwrap().unwrap();
        assert_whole(&path, &record.finished_at.clone().into_bytes());
        assert_eq!(names(&path), SETTLED);
    }

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("out"));
        store.try_out().unwrap();
        let left = beside(&folder.path().join("out/x.json"), |_| true);
        assert_eq!(left, [folder.path().join("out/logs")]);
        std::fs::write(folder.path().join("file"), b"").unwrap();
        let refused = Store::new(folder.path().join("file")).try_out();
        assert!(refused.unwrap_err().to_string().contains("file"));
    }

    #[test]
    fn records_are_listed_without_logs_and_evidence() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "core/relu.json",
            "core/relu.evidence/settings.json",
            "core/notes.txt",
            "a.json",
            "logs/2026.json",
            "x/y/deep.json",
        ] {
            write_whole(&folder.path().join(name), b"{}").unwrap();
        }
        let names = ["a.json", "core/relu.json", "x/y/deep.json"].map(PathBuf::from);
        assert_eq!(record_paths(folder.path()).unwrap(), names);
        let error = record_paths(&folder.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), b"").unwrap();
        let error = write_whole(&folder.path().join("file/record.json"), b"x").unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[test]
    fn a_full_disk_has_a_hint() {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = StoreError::Io {
            action: "write",
            path: PathBuf::from("x"),
            source,
        };
        assert!(error.hint().unwrap().contains("disk is full"));
    }
}
