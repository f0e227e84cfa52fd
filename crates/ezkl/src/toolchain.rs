//! EZKL's wheel in a virtual environment of its own, below the cache folder.
//!
//! Whether it is what was installed is seen by the wheel's own list of its files with their digests (`RECORD`), and by asking it for
//! its version. What is missing, old or broken is replaced: by one process at a time, while nobody uses it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evmbench_host::digests::Digests;
use evmbench_host::hint::Hint;
use evmbench_host::home::{Home, create_private};
use evmbench_host::lock::{self, Lock};
use evmbench_host::process::WorkFolder;
use evmbench_host::trouble::Trouble;

/// The pinned version; `requirements.txt` pins its files' digests.
pub const EZKL_VERSION: &str = "23.0.5";

/// EZKL's wheel needs CPython 3.7 or later, onnxruntime's 3.11.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The environment could not be made or found.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No interpreter.
    #[error("Python was not found (tried {tried})")]
    NoPython {
        /// The command.
        tried: String,
    },
    /// An interpreter that the wheel does not support.
    #[error("{python} is Python {found}; evmbench needs {}.{} or later", OLDEST_PYTHON.0, OLDEST_PYTHON.1)]
    OldPython {
        /// The command.
        python: String,
        /// Its version.
        found: String,
    },
    /// A step of the installation failed.
    #[error("{step} failed: {stderr}")]
    Install {
        /// What was run.
        step: &'static str,
        /// The end of its stderr.
        stderr: String,
        /// What to do.
        hint: &'static str,
    },
    /// The environment is there but holds another version, or none.
    #[error("EZKL in {} is {found}, not {EZKL_VERSION}", path.display())]
    WrongVersion {
        /// The environment.
        path: PathBuf,
        /// What it answered.
        found: String,
    },
    /// The environment is there, and is not what was installed.
    #[error("EZKL in {} is broken: {what}", path.display())]
    Broken {
        /// The environment.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The machine keeps the environment from being tried.
    #[error("EZKL in {} cannot be started: {trouble}", path.display())]
    Machine {
        /// The environment.
        path: PathBuf,
        /// What stands in the way.
        trouble: Trouble,
    },
    /// Nothing is installed yet.
    #[error("EZKL {EZKL_VERSION} is not installed in {}", path.display())]
    Missing {
        /// Where it belongs.
        path: PathBuf,
    },
    /// A folder could not be made, renamed or removed.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Hint for ToolchainError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoPython { .. } => Some(
                "install Python 3.11 or later with its venv module, or set EVMBENCH_PYTHON to one".into(),
            ),
            Self::OldPython { .. } => Some("set EVMBENCH_PYTHON to a newer one".into()),
            Self::Install { stderr, hint, .. } => {
                Some(Trouble::in_text(stderr).map_or(*hint, Trouble::remedy).into())
            }
            Self::Machine { trouble, .. } => Some(trouble.remedy().into()),
            Self::WrongVersion { .. } | Self::Broken { .. } => {
                Some("run `evmbench setup`, which replaces it".into())
            }
            Self::Missing { .. } => Some("run `evmbench setup`".into()),
            Self::Io { source, .. } => Some(Trouble::of(source).remedy().into()),
        }
    }
}

impl ToolchainError {
    /// Whether [`Toolchain::install`] puts an end to it.
    pub fn is_mended_by_installing(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. } | Self::WrongVersion { .. } | Self::Broken { .. }
        )
    }
}

/// An installed EZKL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    python: PathBuf,
}

impl Toolchain {
    /// Whatever interpreter this is.
    #[cfg(test)]
    pub(super) fn of_interpreter(python: PathBuf) -> Self {
        Self { python }
    }

    /// The environment below `home`, if it is whole and holds the pinned version; nobody replaces it before this process ends.
    ///
    /// # Errors
    /// [`ToolchainError::Missing`], [`ToolchainError::WrongVersion`] or [`ToolchainError::Broken`].
    pub fn locate(home: &Home) -> Result<Self, ToolchainError> {
        let folder = home.ezkl(EZKL_VERSION);
        if folder.symlink_metadata().is_err() {
            return Err(ToolchainError::Missing { path: folder });
        }
        // Where nothing can be written, nothing can be replaced either.
        let lock = Lock::shared(&lock::beside(&folder), || false).ok().flatten();
        let toolchain = Self::inspect(home, &folder)?;
        if let Some(lock) = lock {
            lock.hold_until_exit();
        }
        Ok(toolchain)
    }

    /// The environment in `folder`, if it is whole and holds the pinned version.
    fn inspect(home: &Home, folder: &Path) -> Result<Self, ToolchainError> {
        let path = folder.to_owned();
        let python = interpreter(folder);
        if folder.symlink_metadata().is_err() {
            return Err(ToolchainError::Missing { path });
        }
        let output = Command::new(&python)
            .args(["-I", "-c", "import ezkl; print(ezkl.__version__)"])
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => {
                let what = format!("{}: {error}", python.display());
                return Err(match Trouble::of_machine(&error) {
                    Some(trouble) => ToolchainError::Machine { path, trouble },
                    None => ToolchainError::Broken { path, what },
                });
            }
        };
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || found.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr);
            if let Some(trouble) = Trouble::of_tool(output.status, &said) {
                return Err(ToolchainError::Machine { path, trouble });
            }
            let what = "it cannot be imported".to_owned();
            return Err(ToolchainError::Broken { path, what });
        }
        if found != EZKL_VERSION {
            return Err(ToolchainError::WrongVersion { path, found });
        }
        let packages = site_packages(folder);
        // Of an interpreter that has EZKL from elsewhere nothing more is known.
        let lists = lists(&packages, Some("ezkl"));
        match changed_file(&packages, &lists, &Digests::below(home.root())) {
            Some(what) => Err(ToolchainError::Broken { path, what }),
            None => Ok(Self { python }),
        }
    }

    /// The same, installed first where it is missing, and replaced where it is another version or broken. The folder appears whole or
    /// not at all.
    ///
    /// # Errors
    /// [`ToolchainError`]: no suitable Python, no network, a wheel whose digest differs, a folder that cannot be written.
    pub fn install(home: &Home) -> Result<Self, ToolchainError> {
        match Self::locate(home) {
            Err(error) if error.is_mended_by_installing() => {
                install_into(home, &home.ezkl(EZKL_VERSION))?;
                Self::locate(home)
            }
            other => other,
        }
    }

    /// The interpreter that has EZKL.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// The folder of the environment that it belongs to.
    ///
    /// # Panics
    /// Never: the interpreter is in the environment's `bin`.
    pub fn environment(&self) -> &Path {
        self.python
            .ancestors()
            .nth(2)
            .expect("the interpreter is two folders below its environment")
    }

    /// Installs pinned packages for `python` into a folder of their own, which must be below a folder that is there, unless they are there
    /// as they were installed. It appears whole or not at all.
    ///
    /// # Errors
    /// [`ToolchainError::Install`] with `step` and `hint`, and [`ToolchainError::Io`].
    pub fn install_packages(
        python: &Path,
        requirements: &str,
        folder: &Path,
        step: &'static str,
        hint: &'static str,
    ) -> Result<(), ToolchainError> {
        let parent = folder.parent().unwrap_or(folder);
        let digests = Digests::below(parent.parent().unwrap_or(parent));
        let is_whole = || {
            let lists = lists(folder, None);
            !lists.is_empty() && changed_file(folder, &lists, &digests).is_none()
        };
        if is_whole() {
            return Ok(());
        }
        let _lock = lock_to_replace(folder)?;
        if is_whole() {
            return Ok(());
        }
        let partial = tempfile::Builder::new()
            .prefix("partial-")
            .tempdir_in(parent)
            .map_err(io("create a folder in", parent))?;
        let packages = partial.path().join("packages");
        let target = ["--target".as_ref(), packages.as_os_str()];
        pip_install(python, requirements, partial.path(), &target, step, hint)?;
        replace(folder, &packages, partial.path())
    }

    /// The command that names the system's Python, and its version.
    ///
    /// # Errors
    /// [`ToolchainError::NoPython`] or [`ToolchainError::OldPython`].
    pub fn system_python() -> Result<(String, String), ToolchainError> {
        let python = std::env::var("EVMBENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let output = Command::new(&python)
            .args(["-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"])
            .stdin(Stdio::null())
            .output()
            .map_err(|_| ToolchainError::NoPython {
                tried: python.clone(),
            })?;
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let mut parts = found.split('.').map_while(|part| part.parse::<u32>().ok());
        match (parts.next(), parts.next()) {
            (Some(major), Some(minor)) if (major, minor) >= OLDEST_PYTHON => Ok((python, found)),
            (Some(_), Some(_)) => Err(ToolchainError::OldPython { python, found }),
            _ => Err(ToolchainError::NoPython { tried: python }),
        }
    }
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

fn install_into(home: &Home, folder: &Path) -> Result<(), ToolchainError> {
    let (python, _) = Toolchain::system_python()?;
    create_private(home.root()).map_err(io("create", home.root()))?;
    let _lock = lock_to_replace(folder)?;
    if Toolchain::inspect(home, folder).is_ok() {
        return Ok(());
    }
    let partial = WorkFolder::new(&home.work()).map_err(io("create a folder in", &home.work()))?;
    let environment = partial.path().join("environment");
    // It runs in another folder than this process.
    let python = match PathBuf::from(&python) {
        path if path.components().count() > 1 => std::path::absolute(&path).map_err(io("find", &path))?,
        command => command,
    };
    run(
        Command::new(&python)
            .current_dir(partial.path())
            .args(["-I", "-m", "venv"])
            .arg(&environment),
        "python3 -m venv",
        "on Debian and Ubuntu the module comes with `apt-get install python3-venv`",
    )?;
    pip_install(
        &interpreter(&environment),
        REQUIREMENTS,
        partial.path(),
        &[],
        "pip install ezkl",
        "check the network and any package index that pip is configured for, then run `evmbench setup` again; \
         there are wheels for Linux x86-64 and for macOS",
    )?;
    replace(folder, &environment, partial.path())
}

/// The right to replace a folder: for one process at a time, and when nobody uses it.
fn lock_to_replace(folder: &Path) -> Result<Option<Lock>, ToolchainError> {
    let path = lock::beside(folder);
    Lock::exclusive(&path, || false).map_err(io("lock", &path))
}

/// Puts a new folder in place of one that is missing or broken, which goes into the folder `trash`.
fn replace(folder: &Path, new: &Path, trash: &Path) -> Result<(), ToolchainError> {
    if folder.symlink_metadata().is_ok() {
        std::fs::rename(folder, trash.join("broken")).map_err(io("move away", folder))?;
    }
    std::fs::rename(new, folder).map_err(io("rename a new folder to", folder))
}

/// Where an environment keeps its packages: `lib/python3.N/site-packages`.
fn site_packages(environment: &Path) -> PathBuf {
    let libraries = std::fs::read_dir(environment.join("lib"));
    let mut folders = libraries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("site-packages"));
    folders.find(|folder| folder.is_dir()).unwrap_or_default()
}

/// The lists of what is in a folder of Python packages: of the package named, or of all.
fn lists(folder: &Path, package: Option<&str>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut lists: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of_package = package.is_none_or(|package| name.starts_with(&format!("{package}-")));
            of_package && name.ends_with(".dist-info")
        })
        .map(|entry| entry.path().join("RECORD"))
        .collect();
    lists.sort_unstable();
    lists
}

/// The first file in a folder of Python packages that is not what its wheel's list says, and how. Files outside of the folder, and
/// those that the installation made, have no digest and are not looked at.
fn changed_file(folder: &Path, lists: &[PathBuf], digests: &Digests) -> Option<String> {
    lists
        .iter()
        .find_map(|list| changed_in_list(folder, list, digests))
}

/// [`changed_file`] of one wheel's list: path, digest and size of each file, as PyPA's specification has it.
fn changed_in_list(folder: &Path, list: &Path, digests: &Digests) -> Option<String> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_path(list);
    let lines = match reader {
        Ok(reader) => reader.into_records(),
        Err(error) => return Some(error.to_string()),
    };
    let mut listed = false;
    for line in lines {
        let line = match line {
            Ok(line) => line,
            Err(error) => return Some(format!("{}: {error}", list.display())),
        };
        let (Some(name), Some(expected)) = (line.get(0), line.get(1)) else {
            return Some(format!("{} is no list of files", list.display()));
        };
        let Some(expected) = expected.strip_prefix("sha256=") else {
            continue;
        };
        if name.starts_with("../") {
            continue;
        }
        listed = true;
        let path = folder.join(name);
        match hex_of_base64(expected).map(|sha256| digests.confirm(&path, &sha256)) {
            Some(Ok(Some(_))) => {}
            Some(Err(error)) => return Some(format!("{}: {error}", path.display())),
            Some(Ok(None)) | None => return Some(format!("{} has changed", path.display())),
        }
    }
    (!listed).then(|| format!("{} is empty", list.display()))
}

/// Bytes in the URL-safe alphabet of base64, without padding, in hexadecimal.
fn hex_of_base64(text: &str) -> Option<String> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for symbol in text.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0xfff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    Some(alloy_primitives::hex::encode(bytes))
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ToolchainError {
    let path = path.to_owned();
    move |source| ToolchainError::Io { action, path, source }
}

/// Has `python`'s pip install pinned wheels, and nothing else; `folder` is for the list of them.
fn pip_install(
    python: &Path,
    requirements: &str,
    folder: &Path,
    more: &[&OsStr],
    step: &'static str,
    hint: &'static str,
) -> Result<(), ToolchainError> {
    let list = folder.join("requirements.txt");
    std::fs::write(&list, requirements).map_err(io("write", &list))?;
    run(
        Command::new(python)
            .args([
                "-I",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
            .args(more)
            .arg("--requirement")
            .arg(&list)
            // In a folder that nobody else writes to: what lies where the user stands must not be taken for a module.
            .current_dir(folder),
        step,
        hint,
    )
}

fn run(command: &mut Command, step: &'static str, hint: &'static str) -> Result<(), ToolchainError> {
    let output = command.stdin(Stdio::null()).output();
    let stderr = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => {
            let text = if output.stderr.is_empty() {
                output.stdout
            } else {
                output.stderr
            };
            let text = String::from_utf8_lossy(&text);
            let tail: Vec<&str> = text.trim().lines().rev().take(6).collect();
            tail.into_iter().rev().collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.to_string(),
    };
    Err(ToolchainError::Install { step, stderr, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_with_digests() {
        let pins: Vec<&str> = REQUIREMENTS.lines().filter(|line| line.contains("==")).collect();
        assert_eq!(pins.len(), 1);
        assert!(pins[0].starts_with(&format!("ezkl=={EZKL_VERSION} ")));
        assert!(REQUIREMENTS.matches("--hash=sha256:").count() >= 2);
    }

    #[test]
    fn an_empty_home_misses_ezkl() {
        let folder = tempfile::tempdir().unwrap();
        let error = Toolchain::locate(&Home::at(folder.path())).unwrap_err();
        assert!(matches!(error, ToolchainError::Missing { .. }));
        assert!(error.hint().unwrap().contains("evmbench setup"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn digests_of_wheels_are_read() {
        // SHA-256 of nothing.
        assert_eq!(
            hex_of_base64("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU").unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(hex_of_base64("47DEQpj8HBSa+"), None);
    }

    /// An environment with the files that a wheel lists; its interpreter answers with the pinned version.
    fn environment(home: &Home) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = home.ezkl(EZKL_VERSION);
        let packages = folder.join("lib/python3.11/site-packages");
        let info = packages.join(format!("ezkl-{EZKL_VERSION}.dist-info"));
        std::fs::create_dir_all(&info).unwrap();
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        let python = interpreter(&folder);
        std::fs::write(&python, format!("#!/bin/sh\necho {EZKL_VERSION}\n")).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(packages.join("empty.py"), "").unwrap();
        let lines = "empty.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\nmade.pyc,,\n../../../bin/tool,sha256=00,1\n";
        std::fs::write(info.join("RECORD"), lines).unwrap();
        packages
    }

    /// An installation mends nothing there.
    #[test]
    fn trouble_of_the_machine_breaks_no_environment() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let root = home.ezkl(EZKL_VERSION);
        environment(&home);
        for (script, expected) in [
            ("kill -9 $$", Trouble::Killed { signal: 9 }),
            ("kill -6 $$", Trouble::NoMemory),
            ("echo MemoryError >&2; exit 1", Trouble::NoMemory),
            (
                "echo 'OSError: [Errno 24] Too many open files' >&2; exit 1",
                Trouble::OpenFiles,
            ),
        ] {
            std::fs::write(interpreter(&root), format!("#!/bin/sh\n{script}\n")).unwrap();
            let error = Toolchain::inspect(&home, &root).unwrap_err();
            assert!(!error.is_mended_by_installing(), "{script}");
            assert_eq!(error.hint().unwrap(), expected.remedy(), "{script}");
        }
        std::fs::write(interpreter(&root), "#!/bin/sh\necho ImportError >&2; exit 1\n").unwrap();
        let error = Toolchain::inspect(&home, &root).unwrap_err();
        assert!(error.is_mended_by_installing());
    }

    #[test]
    fn a_broken_environment_is_told_from_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let root = home.ezkl(EZKL_VERSION);
        let packages = environment(&home);
        let list = packages.join(format!("ezkl-{EZKL_VERSION}.dist-info/RECORD"));
        let whole = || Toolchain::inspect(&home, &root);
        assert_eq!(whole().unwrap().environment(), root);
        let damages: [&dyn Fn(); 6] = [
            &|| std::fs::write(packages.join("empty.py"), "import os").unwrap(),
            &|| std::fs::remove_file(packages.join("empty.py")).unwrap(),
            &|| std::fs::write(&list, "").unwrap(),
            &|| std::fs::remove_file(&list).unwrap(),
            &|| std::fs::write(interpreter(&root), "#!/bin/sh\nexit 1\n").unwrap(),
            &|| std::fs::remove_file(interpreter(&root)).unwrap(),
        ];
        for (index, damage) in damages.iter().enumerate() {
            environment(&home);
            assert!(whole().is_ok());
            damage();
            let error = whole().unwrap_err();
            assert!(
                matches!(error, ToolchainError::Broken { .. }),
                "damage {index}: {error}"
            );
            assert!(error.is_mended_by_installing());
        }
    }

    #[test]
    fn a_broken_folder_makes_room_for_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let [tool, new, trash] = ["tool", "new", "trash"].map(|name| root.join(name));
        for made in [&tool, &new, &trash] {
            std::fs::create_dir(made).unwrap();
        }
        std::fs::write(tool.join("stale"), "").unwrap();
        std::fs::write(new.join("fresh"), "").unwrap();
        replace(&tool, &new, &trash).unwrap();
        assert!(tool.join("fresh").exists() && !tool.join("stale").exists());
        assert!(!new.exists());
    }

    /// What lies in the folder that the user stands in, a `pip.py` among it, is never a module: Python looks there neither by itself
    /// nor because it runs there.
    #[test]
    fn pip_runs_isolated_and_in_a_folder_of_its_own() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        let said = folder.path().join("said");
        let script = format!("#!/bin/sh\n(pwd -P; echo \"$@\") > '{}'\n", said.display());
        std::fs::write(&python, script).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let own = folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        pip_install(&python, "x==1", &own, &[], "pip", "none").unwrap();
        let said = std::fs::read_to_string(said).unwrap();
        let (place, arguments) = said.split_once('\n').unwrap();
        assert_eq!(Path::new(place), own.canonicalize().unwrap());
        assert!(arguments.starts_with("-I -m pip install "), "{arguments}");
    }
}
