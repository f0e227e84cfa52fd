//! EZKL's wheel in a virtual environment of its own, below the cache folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::home::Home;

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

impl ToolchainError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoPython { .. } => {
                Some("install Python 3.11 or later with its venv module, or set EVMBENCH_PYTHON to one")
            }
            Self::OldPython { .. } => Some("set EVMBENCH_PYTHON to a newer one"),
            Self::Install { hint, .. } => Some(hint),
            Self::WrongVersion { .. } => Some("remove that folder, then run `evmbench setup`"),
            Self::Missing { .. } => Some("run `evmbench setup`"),
            Self::Io { .. } => None,
        }
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

    /// The environment below `home`, if it holds the pinned version.
    ///
    /// # Errors
    /// [`ToolchainError::Missing`] or [`ToolchainError::WrongVersion`].
    pub fn locate(home: &Home) -> Result<Self, ToolchainError> {
        let folder = home.ezkl(EZKL_VERSION);
        let python = interpreter(&folder);
        if !python.exists() {
            return Err(ToolchainError::Missing { path: folder });
        }
        let output = Command::new(&python)
            .args(["-I", "-c", "import ezkl; print(ezkl.__version__)"])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| ToolchainError::Io {
                action: "run",
                path: python.clone(),
                source,
            })?;
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && found == EZKL_VERSION {
            Ok(Self { python })
        } else {
            let found = if found.is_empty() {
                "not importable".to_owned()
            } else {
                found
            };
            Err(ToolchainError::WrongVersion { path: folder, found })
        }
    }

    /// The same, installed first where it is missing. The folder appears whole or not at all.
    ///
    /// # Errors
    /// [`ToolchainError`]: no suitable Python, no network, a wheel whose digest differs, a folder that cannot be written.
    pub fn install(home: &Home) -> Result<Self, ToolchainError> {
        match Self::locate(home) {
            Err(ToolchainError::Missing { path }) => {
                install_into(home, &path)?;
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

    /// Installs pinned packages for `python` into a folder of their own, which must be below a folder that is there. It appears whole
    /// or not at all.
    ///
    /// # Errors
    /// [`ToolchainError::Install`] with `step` and `hint`, and [`ToolchainError::Io`].
    pub(crate) fn install_packages(
        python: &Path,
        requirements: &str,
        folder: &Path,
        step: &'static str,
        hint: &'static str,
    ) -> Result<(), ToolchainError> {
        let parent = folder.parent().unwrap_or(folder);
        let partial = tempfile::Builder::new()
            .prefix("partial-")
            .tempdir_in(parent)
            .map_err(io("create a folder in", parent))?;
        let packages = partial.path().join("packages");
        let target = ["--target".as_ref(), packages.as_os_str()];
        pip_install(python, requirements, partial.path(), &target, step, hint)?;
        match std::fs::rename(&packages, folder) {
            // Another process was faster; its folder is as good.
            Err(_) if folder.is_dir() => Ok(()),
            other => other.map_err(io("rename the new packages to", folder)),
        }
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
    // It runs in another folder than this process.
    let python = match PathBuf::from(&python) {
        path if path.components().count() > 1 => std::path::absolute(&path).map_err(io("find", &path))?,
        command => command,
    };
    std::fs::create_dir_all(home.root()).map_err(io("create", home.root()))?;
    let partial = tempfile::Builder::new()
        .prefix("ezkl-partial-")
        .tempdir_in(home.root())
        .map_err(io("create a folder in", home.root()))?;
    let environment = partial.path().join("environment");
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
    match std::fs::rename(&environment, folder) {
        // Another process was faster; its environment is as good.
        Err(_) if interpreter(folder).exists() => Ok(()),
        other => other.map_err(io("rename the new environment to", folder)),
    }
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
            // In a folder that nobody else writes to: what lies where the user stands must not be taken for a module.
            .current_dir(folder)
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
            .arg(&list),
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

    #[test]
    fn an_empty_home_misses_ezkl() {
        let folder = tempfile::tempdir().unwrap();
        let error = Toolchain::locate(&Home::at(folder.path())).unwrap_err();
        assert!(matches!(error, ToolchainError::Missing { .. }));
        assert!(error.hint().unwrap().contains("evmbench setup"));
    }
}
