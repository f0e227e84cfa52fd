//! Everything that can end a command early, with what the user can do about it.

use std::path::PathBuf;

use crate::accuracy::AccuracyError;
use crate::bench::BenchError;
use crate::cifar10::DataError;
use crate::compare::SetError;
use crate::files;
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

/// Where nothing more is known.
const REFUSALS: &str = "docs/troubleshooting.md lists what evmbench refuses, and what to do about it";

/// Evidence that no run leaves.
const DAMAGED: &str = "the evidence is not what a run leaves: get the record again from where it came from, or run the experiment again";

impl CliError {
    /// What the user can do about it, a line each; there is always one.
    pub(super) fn hints(&self) -> Vec<String> {
        let hints = self.own_hints();
        if hints.is_empty() {
            vec![REFUSALS.to_owned()]
        } else {
            hints
        }
    }

    fn own_hints(&self) -> Vec<String> {
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
            Self::Io { source, .. } => vec![files::hint(source).to_owned()],
            Self::NothingToRun(_) => {
                vec!["name models, or a suite: --suite smoke; `evmbench list` shows both".to_owned()]
            }
            Self::Bench(BenchError::Interrupted) => {
                one(Some("run it again with --resume: what is done is kept"))
            }
            Self::Replay(ReplayError::NotBorneOut { .. }) => {
                one(Some("`evmbench audit RECORD` says all that differs"))
            }
            Self::Replay(ReplayError::EndedBefore { .. }) => one(Some("run the experiment again")),
            Self::Replay(_) | Self::Foundry(FoundryError::Chain(_)) => one(Some(DAMAGED)),
            Self::Usage(_) => one(Some("`evmbench help COMMAND` says what goes with what")),
            Self::Settings { .. } => one(Some("give the settings.json that EZKL's gen_settings writes")),
            Self::Shape(_) => one(Some(
                "the settings are of no circuit that this EZKL lays out: make them again",
            )),
            Self::Parts(_) => one(Some("prove the parts again, all with the same arguments")),
            Self::Sample(_) | Self::Calibration(_) => {
                one(Some("`evmbench doctor` says what is missing; then run it again"))
            }
            Self::Output(_) => one(Some("check where stdout goes: its disk may be full")),
            Self::Signals(_) => Vec::new(),
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
