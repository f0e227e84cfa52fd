//! Pinned packages from npm → an installation folder, whole or not at all.
//!
//! Goes in: a `package.json`, its lock file and what else belongs into the folder. Comes out: the folder, after whoever
//! asked has tried what is in it, and a list of its files with their digests in it, by which one that was changed is known. Lock files name exact versions with their digests and no addresses, so that npm installs
//! these bytes or fails, from whatever registry it is configured for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use evmbench_host::digests::sha256_of_file;
use evmbench_host::files;
use evmbench_host::hint::Hint;
use evmbench_host::lock::{self, Lock};
use evmbench_host::trouble::Trouble;

/// No package has a reason to run code of its own at installation; the rest keeps npm to the point.
const NPM_ARGUMENTS: [&str; 8] = [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
];

/// What npm prints where it cannot reach a registry (Node's names for the system's network errors).
const NETWORK_ERRORS: [&str; 7] = [
    "EAI_AGAIN",
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ETIMEDOUT",
];

/// Name of the list of an installation's files: SHA-256 of each, in hexadecimal, by path.
const LIST: &str = "evmbench-files.json";

/// How names of folders begin in which something is being installed.
const STAGING: &str = ".npm-";

/// No installation takes as long: a folder of one that is older was left by a process that was killed.
const LONGEST: Duration = Duration::from_hours(24);

/// How often a folder that another process uses is looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// How much of npm's output an error keeps.
const STDERR_TAIL_LINES: usize = 20;

/// Why packages could not be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpmError {
    /// A program that set-up needs is not on PATH.
    #[error("{program} was not found on PATH")]
    ProgramMissing {
        /// `node` or `npm`.
        program: &'static str,
    },
    /// npm could not reach its registry.
    #[error("npm could not reach its package registry:\n{stderr_tail}")]
    NoNetwork {
        /// The end of what npm printed.
        stderr_tail: String,
    },
    /// npm failed for another reason.
    #[error("`{command}` failed ({status}):\n{stderr_tail}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// The end of what it printed.
        stderr_tail: String,
    },
    /// A file or a program could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file, folder or program.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Hint for NpmError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::ProgramMissing { .. } => {
                Some("install Node.js 18 or newer, which brings both node and npm".into())
            }
            Self::NoNetwork { .. } => Some("set-up needs a network, and nothing after it does".into()),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("the disk is full: free some space (`evmbench cache` shows what evmbench keeps)".into())
            }
            Self::Io { source, .. } => Trouble::of_machine(source).map(|trouble| trouble.remedy().into()),
            Self::Failed {
                status, stderr_tail, ..
            } => Trouble::of_tool(*status, stderr_tail).map(|trouble| trouble.remedy().into()),
        }
    }
}

/// A file that is written into the folder before npm runs there: its name and its text. A script, which starts with
/// `#!`, is made executable.
pub(crate) type PinnedFile = (&'static str, &'static str);

/// Installs into `folder` by the npm given what the files pin, and returns what `working` makes of it.
///
/// Everything is made in a folder beside it, tried, and renamed. What does not work in its place, or is not what was installed there,
/// is replaced, when nobody uses it; what works there by then is another process's, and as good.
pub(crate) fn install<T, E: From<NpmError>>(
    folder: &Path,
    files: &[PinnedFile],
    mut npm: Command,
    working: impl Fn(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| NpmError::Io { path, source }
    };
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(at(parent))?;
    remove_abandoned(parent);
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(parent)
        .map_err(at(parent))?;
    for (name, text) in files {
        let path = staging.path().join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
        if text.starts_with("#!") {
            make_executable(&path).map_err(at(&path))?;
        }
    }
    let output = run("npm", npm.args(NPM_ARGUMENTS).current_dir(staging.path()))?;
    if !output.status.success() {
        return Err(failure(&output).into());
    }
    working(staging.path())?;
    let list = staging.path().join(LIST);
    let files = digests_below(staging.path()).map_err(at(staging.path()))?;
    std::fs::write(&list, serde_json::json!(files).to_string()).map_err(at(&list))?;
    let there = || is_whole(folder).then(|| working(folder).ok()).flatten();
    let lock_path = lock::beside(folder);
    let lock = loop {
        if let Some(installed) = there() {
            return Ok(installed);
        }
        match Lock::try_exclusive(&lock_path).map_err(at(&lock_path))? {
            Some(lock) => break lock,
            None => std::thread::sleep(PAUSE),
        }
    };
    if let Some(installed) = there() {
        return Ok(installed);
    }
    remove(folder).map_err(at(folder))?;
    std::fs::rename(staging.path(), folder).map_err(at(folder))?;
    lock.remove().map_err(at(&lock_path))?;
    working(folder)
}

/// Removes from a folder what installations that were killed left there. What cannot be removed stays.
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|time| time.elapsed().ok());
        if entry.file_name().to_string_lossy().starts_with(STAGING) && age.is_some_and(|age| age > LONGEST) {
            let _ = remove(&entry.path());
        }
    }
}

/// Whether every file of an installation is as it was installed; of one without a list nothing is known against it.
pub fn is_whole(folder: &Path) -> bool {
    let list = match files::read(&folder.join(LIST), files::MOST_TEXT_BYTES) {
        Err(error) => return error.kind() == io::ErrorKind::NotFound,
        Ok(list) => list,
    };
    let Ok(files) = serde_json::from_slice::<BTreeMap<String, String>>(&list) else {
        return false;
    };
    let is_same = |(name, sha256): (&String, &String)| {
        sha256_of_file(&folder.join(name)).is_ok_and(|found| found == *sha256)
    };
    files.iter().all(is_same)
}

/// Removes an installation that is not what was installed, when nobody uses it.
///
/// # Errors
/// [`NpmError::Io`].
pub fn remove_changed(folder: &Path) -> Result<(), NpmError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| NpmError::Io { path, source }
    };
    let lock_path = lock::beside(folder);
    if let Some(lock) = Lock::exclusive(&lock_path, || false).map_err(at(&lock_path))? {
        if !is_whole(folder) {
            remove(folder).map_err(at(folder))?;
        }
        lock.remove().map_err(at(&lock_path))?;
    }
    Ok(())
}

/// Removes a folder, or a link to one.
fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// SHA-256 of every regular file below a folder, by path; links are not followed.
fn digests_below(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                digests.insert(
                    path.to_string_lossy().into_owned(),
                    sha256_of_file(&entry.path())?,
                );
            }
        }
    }
    Ok(digests)
}

/// Fails with a clear error where a script for Node could not start.
pub(crate) fn require_node() -> Result<(), NpmError> {
    run("node", Command::new("node").arg("--version")).map(drop)
}

/// Runs a program to its end with no input.
fn run(program: &'static str, command: &mut Command) -> Result<Output, NpmError> {
    command.stdin(Stdio::null()).output().map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            NpmError::ProgramMissing { program }
        } else {
            NpmError::Io {
                path: program.into(),
                source,
            }
        }
    })
}

fn failure(output: &Output) -> NpmError {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = stderr.lines().collect();
    let stderr_tail = lines[lines.len().saturating_sub(STDERR_TAIL_LINES)..].join("\n");
    if NETWORK_ERRORS.iter().any(|name| stderr.contains(name)) {
        NpmError::NoNetwork { stderr_tail }
    } else {
        NpmError::Failed {
            command: format!("npm {}", NPM_ARGUMENTS.join(" ")),
            status: output.status,
            stderr_tail,
        }
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fails unless the two files agree, and every package in the lock file has a digest and no address.
    #[track_caller]
    pub(crate) fn assert_pinned(package: &str, lock: &str) {
        assert!(!lock.contains("registry"));
        let package: serde_json::Value = serde_json::from_str(package).unwrap();
        let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(package["dependencies"], packages[""]["dependencies"]);
        assert!(packages.len() > 1);
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let digest = package["integrity"].as_str().unwrap();
            assert!(digest.starts_with("sha512-"), "{name}");
            assert!(package.get("resolved").is_none(), "{name}");
        }
    }

    /// An npm that runs this script, whatever its arguments.
    #[cfg(unix)]
    pub(crate) fn scripted(script: &str) -> Command {
        let mut npm = Command::new("sh");
        npm.args(["-c", script]);
        npm
    }

    #[cfg(unix)]
    #[test]
    fn errors_tell_a_missing_network_from_the_rest() {
        use std::os::unix::process::ExitStatusExt as _;
        let failed = |stderr: &str| {
            failure(&Output {
                status: ExitStatus::from_raw(256),
                stdout: Vec::new(),
                stderr: stderr.into(),
            })
        };
        let offline = failed("npm error code EAI_AGAIN\nnpm error request failed");
        assert!(matches!(offline, NpmError::NoNetwork { .. }));
        assert!(offline.hint().unwrap().contains("network"));
        let corrupt = failed("npm error code EINTEGRITY");
        assert!(matches!(corrupt, NpmError::Failed { .. }));
        assert!(corrupt.to_string().contains("EINTEGRITY"));
    }

    /// Installs a script, and reads it back as what works.
    #[cfg(unix)]
    fn install_script(folder: &Path, npm: Command) -> Result<String, NpmError> {
        install(folder, &[("tool", "#!/bin/sh\necho works")], npm, |folder| {
            let output = run("tool", &mut Command::new(folder.join("tool")))?;
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        })
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_does_not_work_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("tool");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("stale"), "").unwrap();
        assert_eq!(
            install_script(&folder, scripted("touch fresh")).unwrap(),
            "works\n"
        );
        assert!(!folder.join("stale").exists() && folder.join("fresh").exists());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    /// It answers as it should, and is not what was installed.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_changed_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("tool");
        let install = || install_script(&folder, scripted("mkdir -p a/b; echo data > a/b/c")).unwrap();
        install();
        let data = folder.join("a/b/c");
        let damages: [&dyn Fn(); 3] = [
            &|| std::fs::write(&data, "dada\n").unwrap(),
            &|| std::fs::remove_file(&data).unwrap(),
            &|| std::fs::write(folder.join(LIST), "{").unwrap(),
        ];
        for damage in damages {
            assert!(is_whole(&folder));
            damage();
            assert!(!is_whole(&folder));
            install();
            assert_eq!(std::fs::read_to_string(&data).unwrap(), "data\n");
        }
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
        remove_changed(&folder).unwrap();
        assert!(folder.exists());
        std::fs::write(&data, "").unwrap();
        remove_changed(&folder).unwrap();
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(is_whole(&folder), "there is nothing to replace");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_installation_left_goes_after_a_day() {
        let parent = tempfile::tempdir().unwrap();
        let [old, new, other] = [".npm-old", ".npm-new", "old"].map(|name| parent.path().join(name));
        for folder in [&old, &new, &other] {
            std::fs::create_dir(folder).unwrap();
        }
        let past = std::time::SystemTime::now() - 2 * LONGEST;
        for folder in [&old, &other] {
            std::fs::File::open(folder).unwrap().set_modified(past).unwrap();
        }
        remove_abandoned(parent.path());
        assert!(!old.exists() && new.exists() && other.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_installation_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let fails = |npm| {
            let error = install_script(&parent.path().join("tool"), npm).unwrap_err();
            assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
            error
        };
        let error = fails(scripted("echo 'npm error code ENOTFOUND' >&2; exit 1"));
        assert!(matches!(error, NpmError::NoNetwork { .. }));
        let error = fails(Command::new("/nowhere/npm"));
        assert!(matches!(error, NpmError::ProgramMissing { program: "npm" }));
        assert!(error.hint().unwrap().contains("Node.js"));
        // npm says that it is done, and the tool is not there.
        let error = fails(scripted("rm tool"));
        assert!(matches!(error, NpmError::ProgramMissing { program: "tool" }));
    }
}
