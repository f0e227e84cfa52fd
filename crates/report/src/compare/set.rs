//! Records by name: from a folder, or from the same folder at a git revision.
//!
//! Goes in: what a user names. Comes out: a [`RecordSet`]. A revision is read from git's object store, so that the work
//! tree stays as it is. A file that is no record is passed over; one that is a damaged record is named, and fatal to
//! nothing but itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::files::{MOST_TEXT_BYTES, refusal_hint, refuse_lfs_pointer, too_large};
use crate::hint::Hint;
use crate::parallel;
use crate::record::{Record, Request};
use crate::store::{self, StoreError};

/// Where a revision has its records, if no folder is named.
const FOLDER_OF_A_REVISION: &str = "results";

/// Records, each under the name of what was run.
#[derive(Debug, Clone, Default)]
pub struct RecordSet {
    /// What the user named: a folder, or `REVISION:folder`.
    pub name: String,
    /// The commit that the records were read from; absent for a folder.
    pub commit: Option<String>,
    /// The records, under `suite/name`, as [`experiment`] has it, without EZKL's settings.
    pub records: BTreeMap<String, Record>,
    /// The file of each record, relative to the folder.
    pub paths: BTreeMap<String, PathBuf>,
    /// Files that could not be used.
    pub problems: Vec<Problem>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, relative to the folder.
    pub path: String,
    /// What is wrong with it, as what is said of it: `is the same run as …`.
    pub reason: String,
}

/// A set that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The name is neither a folder's nor a revision's.
    #[error("{name:?} is neither a folder nor a git revision")]
    NotFound {
        /// The name.
        name: String,
    },
    /// It is no folder, and git does not read this repository, if there is one.
    #[error("{name:?} is neither a folder nor a git revision: {said}")]
    NoRepository {
        /// The name.
        name: String,
        /// What git says.
        said: String,
    },
    /// The revision has no such folder.
    #[error("revision {revision} has no folder {folder:?}")]
    NoFolder {
        /// The revision.
        revision: String,
        /// The folder.
        folder: String,
    },
    /// There is no record in it.
    #[error("{name} holds no record")]
    Empty {
        /// The set.
        name: String,
    },
    /// The folder cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// git cannot be run, or broke off.
    #[error("git {command}: {source}")]
    Git {
        /// Its subcommand.
        command: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

impl Hint for SetError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NotFound { .. } => Some(
                "name a folder of records, or a revision as git does: main, HEAD~1, v0.1.0, main:results; \
                 a shallow clone has few of them (git fetch --unshallow)"
                    .into(),
            ),
            Self::NoRepository { said, .. } => Some(match owned_by_another(said) {
                Some(repository) => format!(
                    "another user owns the repository; if you trust it: git config --global --add safe.directory {repository}"
                )
                .into(),
                None => "name a folder of records, or run evmbench inside the repository whose revisions you name".into(),
            }),
            Self::NoFolder { .. } => {
                Some("name the folder behind a colon: REVISION:path/in/the/repository".into())
            }
            Self::Empty { .. } => {
                Some("records are <folder>/<suite>/<name>.json, as prove-and-verify writes them".into())
            }
            Self::Store(error) => error.hint(),
            Self::Git { .. } => {
                Some("git must be on the PATH to read a revision; a folder does not need it".into())
            }
        }
    }
}

/// The repository that git does not read since another user owns it, where this is what it says.
fn owned_by_another(said: &str) -> Option<&str> {
    said.strip_prefix("detected dubious ownership in repository at ")
}

/// The name of an experiment: its suite and its request's name.
pub fn experiment(request: &Request) -> String {
    format!("{}/{}", request.suite, request.name())
}

impl RecordSet {
    /// The records of a folder; where there is none of this name, of a git revision of the current repository.
    ///
    /// A revision is `REV`, read from its folder `results`, or `REV:folder`, both as git understands them.
    ///
    /// # Errors
    /// [`SetError`]. A single file that cannot be used is in [`Self::problems`].
    pub fn open(name: &str) -> Result<Self, SetError> {
        let set = if Path::new(name).is_dir() {
            Self::from_folder(Path::new(name))?
        } else {
            Self::from_revision(name)?
        };
        if set.records.is_empty() && set.problems.is_empty() {
            return Err(SetError::Empty { name: set.name });
        }
        Ok(set)
    }

    /// The records below a folder.
    ///
    /// # Errors
    /// [`SetError::Store`] where the folder cannot be read.
    pub fn from_folder(folder: &Path) -> Result<Self, SetError> {
        let paths = store::record_paths(folder)?;
        let read = |index: usize| {
            let path: &PathBuf = &paths[index];
            let bytes = crate::files::read(&folder.join(path), MOST_TEXT_BYTES);
            Ok::<_, SetError>(read_record(path, bytes))
        };
        let found = parallel::map(parallel::processors(), paths.len(), || read)?;
        let mut files = Files::default();
        for (path, found) in paths.into_iter().zip(found) {
            files.add(path, found);
        }
        Ok(files.into_set(folder.display().to_string(), None))
    }

    /// The records of a git revision, `REV` or `REV:folder`.
    ///
    /// # Errors
    /// [`SetError`].
    pub fn from_revision(name: &str) -> Result<Self, SetError> {
        let (revision, folder) = name.split_once(':').unwrap_or((name, FOLDER_OF_A_REVISION));
        let commit = git(
            "rev-parse",
            &[
                "--verify",
                "--quiet",
                "--end-of-options",
                &format!("{revision}^{{commit}}"),
            ],
        )?
        .map_err(|said| {
            let name = name.to_owned();
            match said {
                Some(said) => SetError::NoRepository { name, said },
                None => SetError::NotFound { name },
            }
        })?;
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        let tree = format!("{commit}:{}", folder.trim_end_matches('/'));
        let list = git("ls-tree", &["-r", "-z", "--full-tree", &tree])?.map_err(|_| SetError::NoFolder {
            revision: revision.to_owned(),
            folder: folder.to_owned(),
        })?;
        let blobs = list
            .split(|&byte| byte == 0)
            .filter_map(|line| blob(std::str::from_utf8(line).ok()?))
            .filter(|(_, path)| store::is_record_path(path));
        let mut files = Files::default();
        let mut reader = BlobReader::start()?;
        for (object, path) in blobs {
            let found = read_record(&path, reader.read(object)?);
            files.add(path, found);
        }
        Ok(files.into_set(format!("{revision}:{folder}"), Some(commit)))
    }
}

/// Files that are on their way into a set.
#[derive(Default)]
struct Files {
    set: RecordSet,
}

impl Files {
    fn add(&mut self, path: PathBuf, found: Option<Result<Record, String>>) {
        match found {
            None => {}
            Some(Err(reason)) => self.fail(&path, reason),
            Some(Ok(record)) => {
                let name = experiment(&record.request);
                if let Some(first) = self.set.paths.get(&name) {
                    let reason = format!("is the same run as {}", first.display());
                    self.fail(&path, reason);
                } else {
                    self.set.paths.insert(name.clone(), path);
                    self.set.records.insert(name, record);
                }
            }
        }
    }

    fn fail(&mut self, path: &Path, reason: String) {
        let path = path.display().to_string();
        self.set.problems.push(Problem { path, reason });
    }

    fn into_set(self, name: String, commit: Option<String>) -> RecordSet {
        RecordSet {
            name,
            commit,
            ..self.set
        }
    }
}

/// The record of a file, or what is wrong with it; none where it is no record.
fn read_record(path: &Path, bytes: std::io::Result<Vec<u8>>) -> Option<Result<Record, String>> {
    // A blob of a revision is no file that was opened.
    let bytes = bytes.and_then(|bytes| refuse_lfs_pointer(&bytes).map(|()| bytes));
    let bytes = match bytes {
        Ok(bytes) if is_record(&bytes) => bytes,
        Ok(_) => return None,
        Err(error) => {
            let advice = refusal_hint(&error).map_or_else(String::new, |hint| format!("; {hint}"));
            return Some(Err(format!("cannot be read: {error}{advice}")));
        }
    };
    let record = store::parse(path, &bytes).map(|mut record| {
        // Some have a megabyte of it, and no set is asked for it.
        if let Some(circuit) = &mut record.circuit {
            circuit.settings = serde_json::Value::Null;
        }
        record
    });
    Some(record.map_err(|error| {
        let message = error.to_string();
        let reason = message.strip_prefix(&format!("{} ", path.display()));
        reason.unwrap_or(&message).to_owned()
    }))
}

/// Whether this is a record, damaged or not: other JSON that lies beside records has not a record's two marks.
fn is_record(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Marks {
        schema: Option<IgnoredAny>,
        request: Option<IgnoredAny>,
    }
    match serde_json::from_slice::<Marks>(bytes) {
        Ok(marks) => marks.schema.is_some() && marks.request.is_some(),
        // Cut off or overwritten: what it was cannot be told, so it is not passed over.
        Err(error) => !error.is_data(),
    }
}

/// What git answers; where it says no, by its exit status, the reason that it gives, if any.
fn git(command: &'static str, arguments: &[&str]) -> Result<Result<Vec<u8>, Option<String>>, SetError> {
    let output = Command::new("git")
        .arg(command)
        .args(arguments)
        // Its reasons are told in English, and one of them is known below.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| SetError::Git { command, source })?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find_map(|line| line.strip_prefix("fatal: "));
    Ok(Err(said.map(str::to_owned)))
}

/// Object and path of a line of `git ls-tree`, `<mode> <type> <object>\t<path>`, where it is a plain file's.
fn blob(line: &str) -> Option<(&str, PathBuf)> {
    let (entry, path) = line.split_once('\t')?;
    let mut fields = entry.split(' ');
    let is_file = fields.next()?.starts_with("100");
    let object = fields.nth(1)?;
    is_file.then(|| (object, PathBuf::from(path)))
}

/// One git process for all blobs: `git cat-file --batch` answers each name with `<object> <type> <size>`, the bytes, and
/// the end of a line.
struct BlobReader {
    process: Child,
    names: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl BlobReader {
    const COMMAND: &str = "cat-file";

    fn start() -> Result<Self, SetError> {
        let mut process = Command::new("git")
            .args([Self::COMMAND, "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Self::error)?;
        let names = process.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Ok(Self {
            process,
            names,
            answers,
        })
    }

    /// The blob's bytes; why they are not taken, where there are too many.
    fn read(&mut self, object: &str) -> Result<std::io::Result<Vec<u8>>, SetError> {
        self.answer(object).map_err(Self::error)
    }

    fn answer(&mut self, object: &str) -> std::io::Result<std::io::Result<Vec<u8>>> {
        // One name at a time: a pipe that is full on both sides would stop both.
        writeln!(self.names, "{object}")?;
        let mut heading = String::new();
        self.answers.read_line(&mut heading)?;
        // A shallow or partial clone may lack the blob: git then says `<object> missing`.
        let size = heading
            .trim_end()
            .rsplit(' ')
            .next()
            .and_then(|size| size.parse().ok());
        let size: u64 = size.ok_or_else(|| std::io::Error::other(heading.trim_end().to_owned()))?;
        let mut answer = self.answers.by_ref().take(size + 1);
        if size > MOST_TEXT_BYTES {
            std::io::copy(&mut answer, &mut std::io::sink())?;
            return Ok(Err(too_large(size, MOST_TEXT_BYTES)));
        }
        let mut bytes = Vec::new();
        if answer.read_to_end(&mut bytes)? as u64 != size + 1 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.truncate(size as usize);
        Ok(Ok(bytes))
    }

    fn error(source: std::io::Error) -> SetError {
        SetError::Git {
            command: Self::COMMAND,
            source,
        }
    }
}

impl Drop for BlobReader {
    fn drop(&mut self) {
        // It ends by itself once nobody asks it any more; without this it would stay as a zombie until evmbench ends.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
