//! A stored run → what its deployment on any chain takes.
//!
//! Goes in: a record with its evidence. Comes out: the verifier's code, the call that verifies the proof, and what a committed circuit's guard
//! is built over. All of it follows from the evidence, and nothing from what the record says of it.

use std::borrow::Cow;
use std::path::PathBuf;

use alloy_primitives::{B256, Bytes, keccak256};

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_ezkl::{Committed, Proof, VerifierKind};
use evmbench_guard::guard::VerifierCode;
use evmbench_host::hint::Hint;
use evmbench_schema::record::Evidence;
use evmbench_store::{DAMAGED_EVIDENCE, StoreError, StoredRun};

use crate::derivation::{Exhibits, Terms};

/// A run's verifier and proof, to be deployed and verified anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployable {
    /// What deploys the verifier.
    pub creation: Bytes,
    /// What is then on chain.
    pub runtime: Bytes,
    /// Which verifier it is.
    pub verifier: VerifierKind,
    /// The call that the verifier accepts.
    pub call: VerifyCall,
    /// What a committed circuit's guard is built over; none for any other circuit.
    pub committed: Option<Committed>,
}

/// Why a run cannot be deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployableError {
    /// The evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evidence does not tell what the guard of a committed circuit is built over.
    #[error(
        "{}: settings, verifying key and verifier do not tell what the circuit's guard is built over",
        path.display()
    )]
    NoTerms {
        /// The record.
        path: PathBuf,
    },
}

impl Hint for DeployableError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::NoTerms { .. } => Some(DAMAGED_EVIDENCE.into()),
        }
    }
}

impl Deployable {
    /// Of a stored run.
    ///
    /// # Errors
    /// [`DeployableError`]; [`StoreError::NoEvidence`] where the run ended before there was a proof.
    pub fn of(run: &StoredRun) -> Result<Self, DeployableError> {
        let creation = run.evidence(Evidence::CREATION_CODE)?.into();
        let runtime = run.evidence(Evidence::RUNTIME_CODE)?.into();
        let Proof { proof, instances } = run.proof()?;
        let key_artifact = run.key_artifact()?;
        let request = &run.record().request;
        let committed = Terms::of(request, &Exhibits::of(run).evidence).committed;
        if committed.is_none() && request.plan.as_committed().is_some() {
            return Err(DeployableError::NoTerms {
                path: run.path().to_owned(),
            });
        }
        Ok(Self {
            creation,
            runtime,
            verifier: request.verifier,
            call: VerifyCall {
                proof,
                instances,
                key_artifact,
            },
            committed,
        })
    }

    /// The verifier's code.
    pub fn code(&self) -> VerifierCode<'_> {
        VerifierCode {
            creation: &self.creation,
            runtime: &self.runtime,
        }
    }

    /// By what a reusable verifier knows the circuit; none for a circuit's own verifier.
    pub fn key_digest(&self) -> Option<B256> {
        let key = self.call.key_artifact.as_ref()?;
        Some(keccak256(key.concat()))
    }
}
