//! The pinned solc from npm, behind a shim that answers as the native one does.
//!
//! Goes in: the folder to install into. Comes out: the path of the shim in it. The package's lock file names exact
//! versions with their digests, so that npm installs these bytes or fails.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Solc, SolcOrigin, SolidityError};

/// The shim's name in the folder.
const SHIM: &str = "solc.js";

/// What is written into the folder before npm runs there.
const FILES: [(&str, &str); 3] = [
    (SHIM, include_str!("npm/solc.js")),
    ("package.json", include_str!("npm/package.json")),
    ("package-lock.json", include_str!("npm/package-lock.json")),
];

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

/// How much of npm's output an error keeps.
const STDERR_TAIL_LINES: usize = 20;

/// The shim's path in an installation folder.
pub(super) fn shim(folder: &Path) -> PathBuf {
    folder.join(SHIM)
}

/// Fails with a clear error where the shim could not start.
pub(super) fn require_node() -> Result<(), SolidityError> {
    run("node", Command::new("node").arg("--version")).map(drop)
}

/// Installs the pinned solc into `folder` by the npm given.
///
/// Everything is made in a folder beside it, tried, and renamed.
pub(super) fn install(folder: &Path, mut npm: Command) -> Result<Solc, SolidityError> {
    require_node()?;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| SolidityError::Io { path, source }
    };
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(at(parent))?;
    let staging = tempfile::Builder::new()
        .prefix(".solc-")
        .tempdir_in(parent)
        .map_err(at(parent))?;
    for (name, text) in FILES {
        let path = staging.path().join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    make_executable(&shim(staging.path())).map_err(at(&shim(staging.path())))?;
    let output = run("npm", npm.args(NPM_ARGUMENTS).current_dir(staging.path()))?;
    if !output.status.success() {
        return Err(npm_error(&output));
    }
    working(staging.path())?;
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(at(folder))?;
    }
    // Where another process was faster, its installation is as good.
    std::fs::rename(staging.path(), folder)
        .or_else(|error| working(folder).map(drop).map_err(|_| error))
        .map_err(at(folder))?;
    working(folder)
}

/// The compiler of the pinned version in the folder.
fn working(folder: &Path) -> Result<Solc, SolidityError> {
    let solc = Solc::ask(&shim(folder), SolcOrigin::Npm)?;
    if solc.is_pinned() {
        Ok(solc)
    } else {
        Err(SolidityError::WrongVersion {
            found: solc.version(),
        })
    }
}

/// Runs a program to its end with no input.
fn run(program: &'static str, command: &mut Command) -> Result<Output, SolidityError> {
    command.stdin(Stdio::null()).output().map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            SolidityError::ProgramMissing { program }
        } else {
            SolidityError::Io {
                path: program.into(),
                source,
            }
        }
    })
}

fn npm_error(output: &Output) -> SolidityError {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = stderr.lines().collect();
    let stderr_tail = lines[lines.len().saturating_sub(STDERR_TAIL_LINES)..].join("\n");
    if NETWORK_ERRORS.iter().any(|name| stderr.contains(name)) {
        SolidityError::NoNetwork { stderr_tail }
    } else {
        SolidityError::NpmFailed {
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
mod tests {
    use super::*;

    #[test]
    fn lock_file_pins_every_package_by_digest_and_names_no_address() {
        let lock: serde_json::Value = serde_json::from_str(include_str!("npm/package-lock.json")).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(
            packages["node_modules/solc"]["version"],
            super::super::SOLC_VERSION
        );
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let digest = package["integrity"].as_str().unwrap();
            assert!(digest.starts_with("sha512-"), "{name}");
            assert!(package.get("resolved").is_none(), "{name}");
        }
        assert!(!include_str!("npm/package-lock.json").contains("registry"));
    }

    #[test]
    fn package_and_lock_file_agree() {
        let package: serde_json::Value = serde_json::from_str(include_str!("npm/package.json")).unwrap();
        let lock: serde_json::Value = serde_json::from_str(include_str!("npm/package-lock.json")).unwrap();
        assert_eq!(package["dependencies"]["solc"], super::super::SOLC_VERSION);
        assert_eq!(package["dependencies"], lock["packages"][""]["dependencies"]);
    }

    #[cfg(unix)]
    #[test]
    fn npm_errors_tell_a_missing_network_from_the_rest() {
        use std::os::unix::process::ExitStatusExt as _;
        let failed = |stderr: &str| {
            npm_error(&Output {
                status: std::process::ExitStatus::from_raw(256),
                stdout: Vec::new(),
                stderr: stderr.into(),
            })
        };
        let offline = failed("npm error code EAI_AGAIN\nnpm error request failed");
        assert!(matches!(offline, SolidityError::NoNetwork { .. }));
        assert!(offline.hint().unwrap().contains("network"));
        let corrupt = failed("npm error code EINTEGRITY");
        assert!(matches!(corrupt, SolidityError::NpmFailed { .. }));
        assert!(corrupt.to_string().contains("EINTEGRITY"));
    }

    /// What is left in the parent of the folder after an installation that failed.
    #[cfg(unix)]
    fn left_by(npm: Command) -> (SolidityError, usize) {
        let parent = tempfile::tempdir().unwrap();
        let error = install(&parent.path().join("solc"), npm).unwrap_err();
        (error, std::fs::read_dir(parent.path()).unwrap().count())
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_installation_leaves_nothing_behind() {
        let scripted = |script: &str| {
            let mut npm = Command::new("sh");
            npm.args(["-c", script]);
            npm
        };
        let (error, left) = left_by(scripted("echo 'npm error code ENOTFOUND' >&2; exit 1"));
        assert!(matches!(error, SolidityError::NoNetwork { .. }));
        assert_eq!(left, 0);
        let (error, left) = left_by(Command::new("/nowhere/npm"));
        assert!(matches!(error, SolidityError::ProgramMissing { program: "npm" }));
        assert!(error.hint().unwrap().contains("Node.js"));
        assert_eq!(left, 0);
        // npm says that it is done, and the compiler is not there.
        let (error, left) = left_by(scripted("exit 0"));
        assert!(matches!(error, SolidityError::Unusable { .. }));
        assert_eq!(left, 0);
    }
}
