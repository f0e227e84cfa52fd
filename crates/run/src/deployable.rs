//! A stored run → what its deployment on any chain takes.
//!
//! Goes in: a record with its evidence. Comes out: the verifier's code, the call that verifies the proof, and what a committed circuit's guard
//! is built over ([`Deployable`]); and what verifies the proof together with others, of a batch or of a set of parts ([`Together`]). All of it
//! follows from the evidence, and nothing from what the record says of it.

use std::borrow::Cow;
use std::path::PathBuf;

use alloy_primitives::{B256, Bytes, keccak256};

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::solidity::opening::Sharing;
use evmbench_evm::solidity::{CompileOptions, Solc};
use evmbench_ezkl::{Committed, Proof, VerifierKind};
use evmbench_guard::guard::VerifierCode;
use evmbench_guard::guard::batch::{BatchError, Opened};
use evmbench_host::hint::Hint;
use evmbench_schema::record::{Evidence, Record};
use evmbench_store::{DAMAGED_EVIDENCE, StoreError, StoredRun};

use crate::derivation::{Exhibits, Terms};
use crate::parts::{PartsError, SetRuns};

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
    /// The verifier of a batch has no opening, or it does not compile.
    #[error(transparent)]
    Opening(#[from] BatchError),
    /// The records of a set's parts are none.
    #[error(transparent)]
    Parts(#[from] PartsError),
}

impl Hint for DeployableError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::NoTerms { .. } | Self::Opening(BatchError::Opening(_)) => Some(DAMAGED_EVIDENCE.into()),
            Self::Opening(_) => None,
            Self::Parts(error) => error.hint(),
        }
    }
}

/// What verifies a stored run's proof together with others.
#[derive(Debug, Clone, Default)]
pub struct Together {
    /// The opening of its verifier; none of a part whose verifier has none.
    opening: Option<Opened>,
    /// The set whose last part the run is.
    set: Option<SetRuns>,
}

impl Together {
    /// Whether there is anything for a run.
    pub fn is_of(record: &Record) -> bool {
        record.batch.is_some() || record.request.part.is_some()
    }

    /// Of a stored run: the member of a batch that its record tells of, or a part of a model. Of any other one there is nothing.
    ///
    /// # Errors
    /// [`DeployableError`].
    pub fn of(run: &StoredRun, solc: &Solc) -> Result<Self, DeployableError> {
        let record = run.record();
        let source = || run.text(Evidence::VERIFIER_SOURCE);
        let options = CompileOptions::with_runs(record.request.optimizer_runs);
        let set = SetRuns::of(run, solc)?;
        let opening = if record.batch.is_some() {
            Some(Opened::of(solc, &source()?, Sharing::Key, &options)?)
        } else if record.request.part.is_some() && set.is_none() {
            Opened::of_any(solc, &source()?, Sharing::Key, &options)?
        } else {
            None
        };
        Ok(Self { opening, set })
    }

    /// The opening of the run's verifier; none of a part whose verifier has none.
    pub fn opening(&self) -> Option<&Opened> {
        let of_set = || self.set.as_ref()?.openings()?.last();
        self.opening.as_ref().or_else(of_set)
    }

    /// The set whose last part the run is.
    pub fn set(&self) -> Option<&SetRuns> {
        self.set.as_ref()
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
