//! Why there is no report.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::data::LeftOut;
use crate::compare::SetError;
use crate::hint::Hint;
use crate::store::StoreError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A folder of records cannot be read.
    #[error(transparent)]
    Set(#[from] SetError),
    /// No record can be used.
    #[error("no record can be used{}", listed(left_out))]
    NoRecords {
        /// What was there instead.
        left_out: Vec<LeftOut>,
    },
    /// A file of the report cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A plot cannot be drawn.
    #[error("plot {name} cannot be drawn: {message}")]
    Plot {
        /// Its name.
        name: &'static str,
        /// What the plotting library said.
        message: String,
    },
    /// The prices cannot be used.
    #[error("{}: {message}", path.display())]
    Prices {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

fn listed(left_out: &[LeftOut]) -> String {
    let lines = left_out
        .iter()
        .map(|left| format!("\n  {} {}", left.path.display(), left.reason));
    lines.collect()
}

impl Hint for ReportError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Set(error) => error.hint(),
            Self::NoRecords { .. } => {
                Some("name folders of records with --results; prove-and-verify writes them to runs/".into())
            }
            Self::Store(StoreError::Io { source, .. }) if source.kind() == ErrorKind::StorageFull => {
                source.hint()
            }
            Self::Store(StoreError::Io { .. }) => Some("choose another folder with --out".into()),
            Self::Store(error) => error.hint(),
            Self::Prices { .. } => Some("data/prices.json shows the form of a prices file".into()),
            Self::Plot { .. } => None,
        }
    }
}
