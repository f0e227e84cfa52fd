//! One solc program: its version, and one run on a standard JSON input.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use evmbench_host::trouble::Trouble;
use foundry_compilers_artifacts_solc::{CompilerOutput, SolcInput};
use semver::Version;

/// Why a program does not work as a compiler.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompilerError {
    /// The program could not be started, or its input or output could not be carried.
    #[error("it does not run: {0}")]
    Io(#[from] io::Error),
    /// The program ended with another status than success.
    #[error("it ended with {status}: {said}", status = .status, said = .said.trim())]
    Status {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote to stderr, else to stdout.
        said: String,
    },
    /// `--version` was not answered with a version.
    #[error("it names no version: {said:?}")]
    Version {
        /// What it answered.
        said: String,
    },
    /// The answer is not solc's standard JSON output.
    #[error("its answer is not standard JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl CompilerError {
    /// What of the machine stood in the way, which says nothing about the compiler.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Io(source) => Trouble::of_machine(source),
            Self::Status { status, said } => Trouble::of_tool(*status, said),
            Self::Version { .. } | Self::Json(_) => None,
        }
    }
}

/// A program that has told its version.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

impl Compiler {
    /// Asks a program for its version.
    pub(super) fn ask(path: &Path) -> Result<Self, CompilerError> {
        let output = Command::new(path)
            .arg("--version")
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&succeeded(output)?).into_owned();
        // `Version: 0.8.30+commit.73712a01.Linux.g++`, where semver allows no plus sign in the build's name.
        let line = said
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let version = line
            .trim()
            .trim_start_matches("Version: ")
            .replace(".g++", ".gcc");
        match version.parse() {
            Ok(version) => Ok(Self {
                path: path.to_owned(),
                version,
            }),
            Err(_) => Err(CompilerError::Version { said }),
        }
    }

    /// Runs the program once on a standard JSON input.
    pub(super) fn compile(&self, input: &SolcInput) -> Result<CompilerOutput, CompilerError> {
        let input = serde_json::to_vec(input)?;
        let mut child = Command::new(&self.path)
            .arg("--standard-json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends before it has read everything says more by its status than by the broken pipe.
            let _ = stdin.write_all(&input);
        }
        let output = succeeded(child.wait_with_output()?)?;
        Ok(serde_json::from_slice(&output)?)
    }
}

/// What a program wrote to stdout, if it ended well.
fn succeeded(output: Output) -> Result<Vec<u8>, CompilerError> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = if output.stderr.is_empty() {
        output.stdout
    } else {
        output.stderr
    };
    Err(CompilerError::Status {
        status: output.status,
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}
