//! A record on the user's own chain, asked of a provider by JSON-RPC: nothing is signed, sent or paid for.
//!
//! Goes in: a stored run's [`Deployable`](evmbench_run::deployable::Deployable) and a provider's URL. Comes out:
//!
//! - [`provider`]: answers to JSON-RPC requests, within limits on size and time;
//! - [`verification`]: verdict and gas of the run's proof there, by `eth_call` and `eth_estimateGas` with state overrides;
//! - [`data_fee`]: what OP Stack and Arbitrum charge for its data, asked from their own contracts;
//! - [`deployed`]: whether what stands at an address is of the run: its verifier or guard, or what takes a batch or a set.
//!
//! It is empty without the feature `http`.

#![cfg(feature = "http")]

pub mod data_fee;
pub mod deployed;
pub mod provider;
pub mod verification;

#[cfg(test)]
mod fake;

use std::borrow::Cow;

use evmbench_evm::chain::ChainError;
use evmbench_host::hint::Hint;
use evmbench_store::DAMAGED_EVIDENCE;
pub use provider::{Block, Limits, Provider, ProviderError};

/// Why a provider's chain says nothing about a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// The provider gives no answer of use.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Verifier or guard cannot be deployed here, whose code would be asked about there.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Hint for RpcError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Provider(error) => error.hint(),
            Self::Chain(_) => Some(DAMAGED_EVIDENCE.into()),
        }
    }
}
