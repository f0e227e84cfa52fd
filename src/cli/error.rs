//! Everything that can end a command early, with what the user can do about it.

use std::path::PathBuf;

use crate::accuracy::AccuracyError;
use crate::bench::BenchError;
use crate::cifar10::DataError;
use crate::compare::SetError;
use crate::forecast::{CalibrationError, SampleError};
use crate::foundry::FoundryError;
use crate::fuzz::FuzzError;
use crate::home::HomeError;
use crate::nodes::NodeError;
use crate::npm::NpmError;
use crate::parts::PartsError;
use crate::prover::{PlanError, ProverError, SettingsError, ShapeError, SrsError, ToolchainError};
use crate::rederive::RederiveError;
use crate::replay::ReplayError;
use crate::report::ReportError;
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
    #[error(transparent)]
    Rederive(#[from] RederiveError),
    #[error(transparent)]
    Set(#[from] SetError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Foundry(#[from] FoundryError),
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
    #[cfg(not(feature = "train"))]
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
    #[error("watch for Ctrl-C: {0}")]
    Signals(#[from] ctrlc::Error),
    #[error("write to stdout: {0}")]
    Output(std::io::Error),
}

impl CliError {
    /// What the user can do about it, a line each.
    pub(super) fn hints(&self) -> Vec<String> {
        let one = |hint: Option<&str>| hint.map(str::to_owned).into_iter().collect();
        match self {
            Self::Suite(error) => vec![error.hint()],
            Self::Subject(error) => error.hints(),
            Self::Solidity(error) => error.hint().into_iter().collect(),
            Self::Npm { source } => one(source.hint()),
            Self::Node(error) => error.hint().into_iter().collect(),
            Self::Store(error)
            | Self::Replay(ReplayError::Store(error) | ReplayError::Rederive(RederiveError::Store(error)))
            | Self::Rederive(RederiveError::Store(error))
            | Self::Parts(PartsError::Store(error) | PartsError::Rederive(RederiveError::Store(error)))
            | Self::Foundry(FoundryError::Store(error)) => one(error.hint()),
            Self::Set(error) => one(error.hint()),
            Self::Report(error) => one(error.hint()),
            Self::Fuzz(error) => one(error.hint()),
            Self::Data(error) => vec![error.hint().to_owned()],
            Self::Tune(error) => vec![error.hint().to_owned()],
            Self::Profile(error) => vec![error.hint().to_owned()],
            #[cfg(feature = "train")]
            Self::Training(error) => one(error.hint()),
            #[cfg(not(feature = "train"))]
            Self::NotBuilt { feature, .. } => vec![format!("cargo build --release --features {feature}")],
            Self::Accuracy(error) => one(error.hint()),
            Self::Toolchain(error) => one(error.hint()),
            Self::Srs(error) => one(error.hint()),
            Self::Plan(error) => vec![error.hint()],
            Self::Home(error) => vec![error.hint()],
            Self::Parts(PartsError::NotBorneOut { .. } | PartsError::NotVerified { .. }) => {
                vec!["remove the part's record and prove it again with --resume".to_owned()]
            }
            Self::Prover(error)
            | Self::Rederive(RederiveError::Prover(error))
            | Self::Bench(BenchError::Prover(error)) => one(error.hint()),
            Self::Bench(BenchError::Judge(error)) => one(error.hint()),
            Self::NothingToRun(_) => {
                vec!["name models, or a suite: --suite smoke; `evmbench list` shows both".to_owned()]
            }
            Self::Bench(BenchError::Interrupted)
            | Self::Replay(_)
            | Self::Parts(_)
            | Self::Sample(_)
            | Self::Calibration(_)
            | Self::Shape(_)
            | Self::Foundry(_)
            | Self::Usage(_)
            | Self::Io { .. }
            | Self::Settings { .. }
            | Self::Signals(_)
            | Self::Output(_) => Vec::new(),
        }
    }

    /// Whether nobody reads stdout any more, which is no failure to tell of.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(source) if source.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// 2 for arguments that cannot be used, else 1.
    pub(super) fn status(&self) -> u8 {
        match self {
            #[cfg(not(feature = "train"))]
            Self::NotBuilt { .. } => 2,
            Self::Suite(_)
            | Self::Plan(_)
            | Self::NothingToRun(_)
            | Self::Usage(_)
            | Self::Profile(_)
            | Self::Set(_)
            | Self::Report(ReportError::Set(_) | ReportError::Prices { .. }) => 2,
            _ => 1,
        }
    }
}
