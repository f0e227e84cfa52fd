//! Why there is no verdict.

use std::convert::Infallible;

use revm::context::result::EVMError;

use super::{AttributionError, Verdict};

/// Why a contract could not be deployed, or a question could not be asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The deployment ended without a contract, with every broken rule lifted.
    #[error("the contract could not be deployed: {0}")]
    NotDeployed(Verdict),
    /// The constructor left no code behind.
    #[error("the deployment left a contract without code")]
    EmptyContract,
    /// The reusable verifier did not take the key artifact, or returned another digest than that of its words.
    #[error("the key artifact could not be registered: {0}")]
    NotRegistered(Verdict),
    /// Negative controls mean something only beside a call that was accepted.
    #[error("negative controls need an accepted call to start from; this one: {0}")]
    NotAccepted(Verdict),
    /// The negative controls would take far longer than any verifier's: the code answers each of them by spending all its gas.
    #[error("the negative controls take more than {seconds} s")]
    TooLong {
        /// What they were given.
        seconds: u64,
    },
    /// A transaction's gas could not be split into its causes.
    #[error("the gas of a transaction cannot be attributed: {0}")]
    Attribution(#[from] AttributionError),
    /// revm itself failed, which no transaction should bring about.
    #[error("revm failed: {0}")]
    Evm(#[source] Box<EVMError<Infallible>>),
}
