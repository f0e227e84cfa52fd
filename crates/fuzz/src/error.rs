//! Why there is no campaign.

use std::borrow::Cow;
use std::path::PathBuf;

use evmbench_evm::chain::ChainError;
use evmbench_guard::guard::batch::BatchError;
use evmbench_host::hint::Hint;
use evmbench_store::{DAMAGED_EVIDENCE, StoreError};

use super::mutation::MutationError;

/// Why a statement could not be mutated.
#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    /// The record or its evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The verifier's source, or a reusable one's key artifact, does not say where the parts of its proof lie, or says
    /// otherwise than the proof.
    #[error("{}: neither verifier nor key artifact shows where the parts of this proof lie", path.display())]
    UnknownLayout {
        /// The record.
        path: PathBuf,
    },
    /// The verifier cannot be deployed, or does not accept the proof in the first place.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The batch contract cannot be made or deployed.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The record ends no batch.
    #[error("{} is not the record of a batch's last proof", path.display())]
    NoBatch {
        /// The record.
        path: PathBuf,
    },
    /// A kept case was made for another statement.
    #[error(transparent)]
    Mutation(#[from] MutationError),
    /// There is nothing to draw from.
    #[error("{name} has nothing that the classes asked for could change")]
    NoClass {
        /// The statement's name.
        name: String,
    },
}

impl Hint for FuzzError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Mutation(MutationError::NoDonor { .. }) => {
                Some("name the record that the words were taken from as well".into())
            }
            Self::NoClass { .. } => Some("parts of another proof need a second record".into()),
            Self::NoBatch { .. } => Some(
                "`prove-and-verify --batch N` makes batches; the last of its N records has what they came to"
                    .into(),
            ),
            Self::Chain(_) => Some(DAMAGED_EVIDENCE.into()),
            _ => None,
        }
    }
}
