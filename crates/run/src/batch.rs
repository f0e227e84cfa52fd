//! Records of proofs of one circuit → what verifying them in one transaction comes to.
//!
//! Goes in: records with their evidence, whose verifiers are one and the same. Comes out: a [`ProofBatch`]: the gas of one
//! transaction that verifies all proofs, with more and more shared, and the contract's answers to other batches. No prover is
//! asked. Every record is derived again from its evidence first, and must be verified.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::solidity::CompileOptions;
use evmbench_ezkl::{Committed, ProverError, VerifierKind};
use evmbench_guard::guard::batch::{self, BatchError, Openings};
use evmbench_guard::guard::{GuardContracts, VerifierCode};
use evmbench_host::hint::Hint;
use evmbench_schema::record::{Evidence, Outcome, ProofBatch, Request};
use evmbench_store::{StoreError, StoredRun};

use crate::derivation::{self, Discrepancy, Exhibits, Given, Tools};

/// Records that are not measured as a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchesError {
    /// A record or its evidence is not there, or not what it says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// EZKL cannot be run.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// The verifier has no opening, or the contract does not accept the batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A record says otherwise than its evidence.
    #[error("{}: {found}", path.display())]
    NotBorneOut {
        /// The record.
        path: PathBuf,
        /// The first thing that differs.
        found: Discrepancy,
    },
    /// A record holds no verified proof by a circuit's own verifier.
    #[error("{} holds no verified proof for a verifier of one circuit: {outcome}", path.display())]
    NoProof {
        /// The record.
        path: PathBuf,
        /// How its run ended.
        outcome: Outcome,
    },
    /// A record's verifier, or what its circuit adds to it, is another than the first record's.
    #[error("{} is of another circuit, or for another registered input, than the first record", path.display())]
    OtherCircuit {
        /// The record.
        path: PathBuf,
    },
    /// Two members are one: what is measured of them would be the price of a batch that nobody makes.
    #[error("{} has the {what} of {}: the members of a batch differ", path.display(), earlier.display())]
    Repeated {
        /// The record.
        path: PathBuf,
        /// The record before it that has the same.
        earlier: PathBuf,
        /// What both have.
        what: &'static str,
    },
}

impl Hint for BatchesError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::NotBorneOut { .. } | Self::NoProof { .. } => {
                Some("remove the record and prove it again with --resume".into())
            }
            Self::Prover(_) | Self::Batch(_) | Self::OtherCircuit { .. } | Self::Repeated { .. } => None,
        }
    }
}

/// What a record and its evidence hold for a batch.
struct Member {
    request: Request,
    /// SHA-256 of the model's input.
    input: String,
    source: String,
    creation: Bytes,
    runtime: Bytes,
    call: VerifyCall,
    committed: Option<Committed>,
}

impl Member {
    /// What a batch contract is deployed for follows from the evidence, not from what the record says of it.
    fn load(path: &Path, given: Given<'_>, tools: &Tools) -> Result<Self, BatchesError> {
        let run = StoredRun::open(path)?;
        let found = derivation::rederive_alone(&run, given, tools)?;
        // What the batch came to is in the last member's record: it is what is to be found out.
        let of_batch =
            |found: &Discrepancy| run.record().batch.is_some() && found.place.starts_with("outcome");
        if let Some(found) = found.discrepancies.iter().find(|found| !of_batch(found)) {
            return Err(BatchesError::NotBorneOut {
                path: path.to_owned(),
                found: found.clone(),
            });
        }
        let record = found.record;
        let no_proof = || BatchesError::NoProof {
            path: path.to_owned(),
            outcome: record.outcome.clone(),
        };
        if record.outcome != Outcome::Verified || record.request.verifier != VerifierKind::Plain {
            return Err(no_proof());
        }
        let evidence = Exhibits::of(&run).evidence;
        let derived = derivation::committed(record.request.plan, &evidence);
        let Evidence {
            verifier_source: Some(source),
            creation_code: Some(creation),
            runtime_code: Some(runtime),
            proof: Some(proof),
            instances: Some(instances),
            ..
        } = evidence
        else {
            return Err(no_proof());
        };
        Ok(Self {
            source,
            creation: creation.into(),
            runtime: runtime.into(),
            call: VerifyCall {
                proof,
                instances,
                key_artifact: None,
            },
            committed: derived.map(|(_, committed)| committed),
            input: record.input.sha256,
            request: record.request,
        })
    }
}

/// Derives the records at these paths, and verifies their proofs together, under the first one's fork.
///
/// # Errors
/// [`BatchesError`].
pub fn measure(paths: &[PathBuf], given: Given<'_>, tools: &Tools) -> Result<ProofBatch, BatchesError> {
    let members: Vec<Member> = paths
        .iter()
        .map(|path| Member::load(path, given, tools))
        .collect::<Result<_, _>>()?;
    let first = members.first().ok_or(BatchError::Empty)?;
    for (member, path) in members.iter().zip(paths) {
        if member.runtime != first.runtime || member.committed != first.committed {
            return Err(BatchesError::OtherCircuit { path: path.clone() });
        }
    }
    differ(&members, paths)?;
    let options = CompileOptions::with_runs(first.request.optimizer_runs);
    let openings = Openings::compile(&tools.solc, &first.source, &options)?;
    let calls: Vec<VerifyCall> = members.iter().map(|member| member.call.clone()).collect();
    let code = VerifierCode {
        creation: &first.creation,
        runtime: &first.runtime,
    };
    let measurement = batch::measure(
        GuardContracts::carried(),
        &openings,
        first.request.fork,
        code,
        &calls,
        first.committed.as_ref(),
    )?;
    Ok(ProofBatch {
        members: members.iter().map(|member| member.request.file_name()).collect(),
        measurement,
    })
}

/// Refuses members of which two have one proof or one input.
fn differ(members: &[Member], paths: &[PathBuf]) -> Result<(), BatchesError> {
    let said: Vec<(&[u8], &str)> = members
        .iter()
        .map(|member| (&member.call.proof[..], &*member.input))
        .collect();
    match repeated(&said) {
        None => Ok(()),
        Some((index, earlier, what)) => Err(BatchesError::Repeated {
            path: paths[index].clone(),
            earlier: paths[earlier].clone(),
            what,
        }),
    }
}

/// The first of some proofs with their inputs that has something of an earlier one, which one, and what.
fn repeated(members: &[(&[u8], &str)]) -> Option<(usize, usize, &'static str)> {
    members.iter().enumerate().find_map(|(index, (proof, input))| {
        let mut earlier = members[..index].iter();
        if let Some(found) = earlier.clone().position(|(other, _)| other == proof) {
            return Some((index, found, "proof"));
        }
        let found = earlier.position(|(_, other)| other == input)?;
        Some((index, found, "input"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_found() {
        assert_eq!(repeated(&[]), None);
        assert_eq!(repeated(&[(b"p", "a"), (b"q", "b"), (b"r", "c")]), None);
        assert_eq!(
            repeated(&[(b"p", "a"), (b"q", "b"), (b"p", "c")]),
            Some((2, 0, "proof"))
        );
        assert_eq!(
            repeated(&[(b"p", "a"), (b"q", "b"), (b"r", "b")]),
            Some((2, 1, "input"))
        );
    }
}
