//! Records of a model's parts → what verifying them as one set comes to.
//!
//! Goes in: the parts' records with their evidence, and a compiler for the contracts. Comes out: [`PartSet`]: the gas of one
//! transaction that verifies all parts, and the contract's answers to less than the set. No prover is asked.

use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;

use crate::guard::linked::{self, LinkedPart};
use crate::guard::{GuardContracts, GuardError, VerifierCode};
use crate::prover::{Committed, Proof};
use crate::record::{Evidence, PartSet, Record};
use crate::solidity::{Solc, SolidityError};
use crate::store::{self, StoreError};

/// Records that are not measured as a set.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A record or its evidence is not there, or not what it says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The contracts do not compile.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// The parts are no set, or their contract does not accept it.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A record is of no part, or has no proof in a committed circuit.
    #[error("{} holds no proof of a part of a model", path.display())]
    NoPart {
        /// The record.
        path: PathBuf,
    },
}

/// What a part's record and evidence hold for the set's contract.
struct Part {
    creation: Bytes,
    runtime: Bytes,
    proof: Proof,
    committed: Committed,
    record: Record,
}

impl Part {
    fn load(path: &Path) -> Result<Self, PartsError> {
        let record = store::load(path)?;
        let committed = record
            .committed
            .filter(|_| record.request.part.is_some() && record.lowering.is_some());
        Ok(Self {
            creation: store::load_evidence(path, &record, Evidence::CREATION_CODE)?.into(),
            runtime: store::load_evidence(path, &record, Evidence::RUNTIME_CODE)?.into(),
            proof: store::load_proof(path, &record)?,
            committed: committed.ok_or_else(|| PartsError::NoPart {
                path: path.to_owned(),
            })?,
            record,
        })
    }

    fn linked(&self) -> LinkedPart<'_> {
        let (Some(lowering), Some(part)) = (&self.record.lowering, &self.record.request.part) else {
            unreachable!("loaded parts have both")
        };
        LinkedPart {
            code: VerifierCode {
                creation: &self.creation,
                runtime: &self.runtime,
            },
            proof: &self.proof,
            committed: &self.committed,
            input_elements: lowering.committed_elements.input as u64,
            output_elements: lowering.committed_elements.output as u64,
            source: part.split.source(part.index),
        }
    }
}

/// Verifies the parts whose records stand at these paths, in order, as one set, under the first one's fork.
///
/// # Errors
/// [`PartsError`].
pub fn measure(paths: &[PathBuf], solc: &Solc) -> Result<PartSet, PartsError> {
    let parts: Vec<Part> = paths
        .iter()
        .map(|path| Part::load(path))
        .collect::<Result<_, _>>()?;
    let contracts = GuardContracts::compile(solc)?;
    let fork = parts
        .first()
        .map(|part| part.record.request.fork)
        .unwrap_or_default();
    let linked: Vec<LinkedPart<'_>> = parts.iter().map(Part::linked).collect();
    Ok(PartSet {
        parts: parts.iter().map(|part| part.record.request.name()).collect(),
        measurement: linked::measure(&contracts, fork, &linked)?,
    })
}

/// The records of a set's parts, which stand beside the one at `path`.
pub fn paths(path: &Path, set: &PartSet) -> Vec<PathBuf> {
    let beside = |name: &String| path.with_file_name(format!("{name}.json"));
    set.parts.iter().map(beside).collect()
}
