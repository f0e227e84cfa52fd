//! Deploys a verifier and calls it, always from the same state.

use alloy_primitives::Bytes;

use super::calldata::Calldata;
use super::error::ChainError;
use super::fork::Fork;
use super::state::{Chain, Deployment, Verification};
use super::verdict::Verdict;
use crate::solidity::SectionMap;

/// A verifier on chain, and the state of the chain right after its deployment.
///
/// No call changes the state: each is the sender's next transaction, as if no other had been made.
#[derive(Debug, Clone)]
pub struct Verifier {
    chain: Chain,
    deployment: Deployment,
}

impl Verifier {
    /// Deploys a verifier by a transaction of its own.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn deploy(fork: Fork, creation_code: &Bytes) -> Result<Self, ChainError> {
        let mut chain = Chain::new(fork);
        let deployment = chain.deploy(creation_code)?;
        Ok(Self { chain, deployment })
    }

    /// The same with the sections of the verifier's code, so that a call's gas is told by section.
    #[must_use]
    pub fn with_sections(self, sections: Option<SectionMap>) -> Self {
        Self {
            chain: self.chain.with_sections(sections),
            ..self
        }
    }

    /// What the deployment cost and broke.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.chain.fork()
    }

    /// Calls the verifier by a transaction of its own.
    ///
    /// # Errors
    /// Only where revm itself fails: however the call ends, that is a verdict.
    pub fn verify(&self, calldata: &Calldata) -> Result<Verification, ChainError> {
        self.chain.call(self.deployment.address, calldata)
    }

    /// Makes another call as `like` was made: from the same state, with the same gas limit and the same rules lifted.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn call_like(&self, like: &Verification, calldata: &Calldata) -> Result<Verdict, ChainError> {
        self.chain.call_like(self.deployment.address, like, calldata)
    }
}
