//! Everything that can end a command early, with what the user can do about it.

use std::borrow::Cow;
use std::path::PathBuf;

use super::messages::note;
use crate::accuracy::AccuracyError;
use crate::batch::BatchesError;
use crate::bench::BenchError;
use crate::cifar10::DataError;
use crate::cluster::AGAIN_STATUS;
use crate::compare::SetError;
#[cfg(feature = "rpc")]
use crate::deployable::DeployableError;
use crate::forecast::{CalibrationError, SampleError};
use crate::foundry::FoundryError;
use crate::fuzz::FuzzError;
use crate::hint::Hint;
use crate::home::{Home, HomeError};
use crate::nodes::NodeError;
use crate::npm::NpmError;
use crate::parts::PartsError;
use crate::prover::{Failure, PlanError, ProverError, SettingsError, ShapeError, SrsError, ToolchainError};
use crate::replay::ReplayError;
use crate::report::ReportError;
#[cfg(feature = "rpc")]
use crate::rpc::{ProviderError, RpcError};
use crate::solidity::SolidityError;
use crate::store::StoreError;
use crate::subject::SubjectError;
use crate::suite::SuiteError;
#[cfg(feature = "train")]
use crate::training::TrainingError;
use crate::tune::{ProfileError, TuneError};

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Suite(#[from] SuiteError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    #[error(transparent)]
    Srs(#[from] SrsError),
    #[error(transparent)]
    Prover(#[from] ProverError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// Proofs are not measured as a batch.
    #[error(transparent)]
    Batches(#[from] BatchesError),
    #[error(transparent)]
    Set(#[from] SetError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Foundry(#[from] FoundryError),
    #[cfg(feature = "rpc")]
    #[error(transparent)]
    Deployable(#[from] DeployableError),
    #[cfg(feature = "rpc")]
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error(transparent)]
    Fuzz(#[from] FuzzError),
    #[error("replace a tool: {source}")]
    Npm { source: NpmError },
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[cfg(feature = "train")]
    #[error(transparent)]
    Training(#[from] TrainingError),
    #[error(transparent)]
    Accuracy(#[from] AccuracyError),
    #[error(transparent)]
    Tune(#[from] TuneError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[cfg(not(all(feature = "png", feature = "rpc", feature = "train")))]
    #[error("`{command}` is not built in")]
    NotBuilt {
        command: &'static str,
        feature: &'static str,
    },
    #[error("nothing to run: {0}")]
    NothingToRun(&'static str),
    #[error("{0}")]
    Usage(&'static str),
    #[error("{action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {source}", path.display())]
    Settings { path: PathBuf, source: SettingsError },
    #[error("the job has {count} tasks, and none with the number {number}")]
    NoTask { number: usize, count: usize },
    #[error("task {number} of the job is {expected}, and these arguments make it {found}")]
    OtherTask {
        number: usize,
        expected: String,
        found: String,
    },
    #[error("reference string of 2^{logrows} points: {failure}")]
    NotPrepared { logrows: u32, failure: Failure },
    #[error("an argument is not Unicode, and scripts of a job cannot hold it: {0}")]
    NotUnicode(String),
    /// What keeps a task of a job from its work, so that another try may come to something.
    #[error("{0}")]
    OfTask(Box<CliError>),
    #[error("watch for Ctrl-C: {0}")]
    Signals(#[from] ctrlc::Error),
    #[error("write to stdout: {0}")]
    Output(std::io::Error),
}

/// Where nothing more is known.
const REFUSALS: &str = "docs/troubleshooting.md lists what evmbench refuses, and what to do about it";

impl Hint for CliError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        self.hints().into_iter().next()
    }

    /// There is always one.
    fn hints(&self) -> Vec<Cow<'static, str>> {
        if let Self::OfTask(error) = self {
            return error.hints();
        }
        let hints = match self.cause() {
            Some(cause) => cause.hints(),
            None => self.own_hint().into_iter().collect(),
        };
        if hints.is_empty() {
            vec![REFUSALS.into()]
        } else {
            hints
        }
    }
}

impl CliError {
    /// The error that knows what the user can do, where the command does not know better.
    fn cause(&self) -> Option<&dyn Hint> {
        Some(match self {
            Self::Home(error) => error,
            Self::Suite(error) => error,
            Self::Plan(error) => error,
            Self::Subject(error) => error,
            Self::Toolchain(error) => error,
            Self::Solidity(error) => error,
            Self::Srs(error) => error,
            Self::Prover(error) => error,
            Self::Bench(error) => error,
            Self::Store(error) => error,
            Self::Replay(error) => error,
            Self::Parts(error) => error,
            Self::Batches(error) => error,
            Self::Set(error) => error,
            Self::Report(error) => error,
            Self::Foundry(error) => error,
            #[cfg(feature = "rpc")]
            Self::Deployable(error) => error,
            #[cfg(feature = "rpc")]
            Self::Rpc(error) => error,
            Self::Fuzz(error) => error,
            Self::Npm { source } => source,
            Self::Node(error) => error,
            Self::Data(error) => error,
            #[cfg(feature = "train")]
            Self::Training(error) => error,
            Self::Accuracy(error) => error,
            Self::Tune(error) => error,
            Self::Profile(error) => error,
            _ => return None,
        })
    }

    /// Of an error that no cause knows more of.
    fn own_hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            #[cfg(not(all(feature = "png", feature = "rpc", feature = "train")))]
            Self::NotBuilt { feature, .. } => {
                return Some(format!("cargo build --release --features {feature}").into());
            }
            Self::Io { source, .. } => return source.hint(),
            Self::NothingToRun(_) => "name models, or a suite: --suite smoke; `evmbench list` shows both",
            Self::Usage(_) => "`evmbench help COMMAND` says what goes with what",
            Self::Settings { .. } => "give the settings.json that EZKL's gen_settings writes",
            Self::Shape(_) => "the settings are of no circuit that this EZKL lays out: make them again",
            Self::Sample(_) | Self::Calibration(_) => {
                "`evmbench doctor` says what is missing; then run it again"
            }
            Self::Output(_) => "check where stdout goes: its disk may be full",
            Self::NoTask { .. } | Self::OtherTask { .. } => {
                "tasks are counted from 1 as in the job's tasks.json: give the arguments that the job was written with"
            }
            Self::NotPrepared { .. } => "`evmbench doctor` says what is missing; then run prepare.sh again",
            Self::NotUnicode(_) => "rename the file, or link to it under another name",
            _ => return None,
        };
        Some(hint.into())
    }

    /// Whether nobody reads stdout any more, which is no failure to tell of.
    pub(super) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::OfTask(error) => error.is_closed_pipe(),
            Self::Output(source) => source.kind() == std::io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// The result for one of several records; none where an error is about this record alone, which is printed, so that the others go on.
    ///
    /// # Errors
    /// Any other error.
    pub(super) fn of_record<T>(
        result: Result<T, Self>,
        is_about_record: impl Fn(&Self) -> bool,
    ) -> Result<Option<T>, Self> {
        match result {
            Err(error) if is_about_record(&error) => {
                error.tell();
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Prints the error and what the user can do.
    pub(super) fn tell(&self) {
        // A name in a file may have breaks: what follows one is no line of evmbench's own.
        note!("error: {}", self.to_string().replace('\n', "\n  "));
        match self.hint_about_cache() {
            Some(hint) => note!("hint: {hint}"),
            None => self.hints().iter().for_each(|hint| note!("hint: {hint}")),
        }
    }

    /// Whatever was tried with a file of the cache folder: where the folder cannot be written, that is what the user must know.
    fn hint_about_cache(&self) -> Option<Cow<'static, str>> {
        let home = Home::from_environment().ok()?;
        let is_about_it = self.to_string().contains(&*home.root().to_string_lossy());
        if !is_about_it {
            return None;
        }
        home.require_writable().err()?.hint()
    }

    /// 2 for arguments that cannot be used, else 1.
    pub(super) fn status(&self) -> u8 {
        match self {
            #[cfg(not(all(feature = "png", feature = "rpc", feature = "train")))]
            Self::NotBuilt { .. } => 2,
            Self::Suite(_)
            | Self::Plan(_)
            | Self::NothingToRun(_)
            | Self::Usage(_)
            | Self::Profile(_)
            | Self::Set(_)
            | Self::NoTask { .. }
            | Self::OtherTask { .. }
            | Self::NotUnicode(_)
            | Self::Report(ReportError::Set(_) | ReportError::Prices { .. }) => 2,
            #[cfg(feature = "rpc")]
            Self::Rpc(RpcError::Provider(ProviderError::Url)) => 2,
            Self::OfTask(error) => match error.status() {
                1 => AGAIN_STATUS,
                other => other,
            },
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;
    use crate::chain::{ChainError, Verdict};

    fn io() -> Error {
        Error::from(ErrorKind::PermissionDenied)
    }

    /// Whatever is refused, the user is told what to do, and scripts are told whether it was the arguments.
    #[test]
    fn every_error_has_a_status_and_a_hint() {
        let path = || PathBuf::from("x");
        let store = || StoreError::Io {
            action: "read",
            path: path(),
            source: io(),
        };
        let chain = || ChainError::NotDeployed(Verdict::Accepted);
        let settings = || serde_json::from_str::<u8>("x").unwrap_err();
        let cases: Vec<(CliError, u8, &str)> = vec![
            (CliError::NothingToRun("x"), 2, "evmbench list"),
            (CliError::Usage("x"), 2, "evmbench help"),
            (PlanError::Scale { scale: 25 }.into(), 2, "0 to 24"),
            (PlanError::Columns { columns: 0 }.into(), 2, "use 2"),
            (
                CliError::Io {
                    action: "read",
                    path: path(),
                    source: io(),
                },
                1,
                "check the path",
            ),
            (
                CliError::Settings {
                    path: path(),
                    source: settings().into(),
                },
                1,
                "settings.json",
            ),
            (CliError::Output(io()), 1, "stdout"),
            (CliError::NoTask { number: 3, count: 2 }, 2, "tasks.json"),
            (
                CliError::OfTask(Box::new(CliError::NoTask { number: 3, count: 2 })),
                2,
                "tasks.json",
            ),
            (CliError::OfTask(Box::new(store().into())), 75, "--out"),
            (BenchError::Interrupted.into(), 1, "--resume"),
            (store().into(), 1, "--out"),
            (ReplayError::Store(store()).into(), 1, "--out"),
            (FuzzError::Store(store()).into(), 1, "--out"),
            (ReplayError::Chain(chain()).into(), 1, "get the record again"),
            (FuzzError::Chain(chain()).into(), 1, "get the record again"),
            (FoundryError::Chain(chain()).into(), 1, "get the record again"),
            (ShapeError::Settings(settings()).into(), 1, "make them again"),
            (CalibrationError::Plan(PlanError::NoAssurance).into(), 1, "doctor"),
            (SampleError::Plan(PlanError::NoAssurance).into(), 1, "doctor"),
            (
                ProfileError::Plan(PlanError::NoAssurance).into(),
                2,
                "evmbench tune",
            ),
        ];
        for (error, status, hint) in cases {
            assert_eq!(error.status(), status, "{error}");
            let hints = error.hints();
            assert!(hints.iter().any(|line| line.contains(hint)), "{error}: {hints:?}");
        }
    }
}
