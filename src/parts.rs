//! Records of a model's parts → what verifying them as one set comes to.
//!
//! Goes in: the parts' records with their evidence, and a compiler for the contracts. Comes out: [`PartSet`]: the gas of one
//! transaction that verifies all parts, and the contract's answers to less than the set. No prover is asked. Sizes, and who
//! assures that the set's input is in range, are read from each part's settings, key, proof and guard: a record that says
//! otherwise is refused.

use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;
use serde_json::Value;

use crate::guard::linked::{self, LinkedPart, Source};
use crate::guard::{GuardContracts, GuardError, VerifierCode};
use crate::model::committed::InputAssurance;
use crate::prover::{Committed, Proof, lookups};
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
    /// A part's circuit does not assure the range of its input as the record says it does.
    #[error("{}: {reason}", path.display())]
    Range {
        /// The record.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
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
    /// Elements of its input and of its output, by its settings; 0 where the output is public.
    elements: [u64; 2],
    input_range: InputAssurance,
    source: Option<Source>,
    record: Record,
}

impl Part {
    fn load(path: &Path) -> Result<Self, PartsError> {
        let no_part = || PartsError::NoPart {
            path: path.to_owned(),
        };
        let record = store::load(path)?;
        let (Some(part), Some(lowering), Some(committed)) =
            (&record.request.part, &record.lowering, record.committed)
        else {
            return Err(no_part());
        };
        let settings = store::load_evidence(path, &record, Evidence::SETTINGS)?;
        let settings: Value = serde_json::from_slice(&settings).map_err(|_| no_part())?;
        let key = store::load_evidence(path, &record, Evidence::VERIFYING_KEY)?;
        let proof = store::load_proof(path, &record)?;
        let sizes = settings
            .pointer("/module_sizes/polycommit")
            .and_then(Value::as_array);
        let size = |index: usize| sizes?.get(index)?.as_u64();
        let input_elements = size(0).ok_or_else(no_part)?;
        let output_elements = if committed.layout.output_points > 0 {
            size(1).ok_or_else(no_part)?
        } else {
            0
        };
        // What was asked for must be what the circuit has.
        let input_range = lowering.input_assurance;
        let lacks = match input_range {
            InputAssurance::Linked => None,
            InputAssurance::Public => (proof.instances.len() < 2 + input_elements as usize)
                .then_some("its input is said to be public, and is not among the public values"),
            InputAssurance::Registered => committed
                .registered_input
                .is_none()
                .then_some("its input is said to be registered, and its guard takes any"),
            InputAssurance::Ranged => {
                let expected = lowering.layout.as_ref().map(|layout| &layout.lookups[..]);
                (lookups::holds_input(&settings, &key, expected, input_elements) != Some(true))
                    .then_some("its input is said to be looked up, and its key does not look all of it up")
            }
        };
        if let Some(reason) = lacks {
            return Err(PartsError::Range {
                path: path.to_owned(),
                reason,
            });
        }
        Ok(Self {
            creation: store::load_evidence(path, &record, Evidence::CREATION_CODE)?.into(),
            runtime: store::load_evidence(path, &record, Evidence::RUNTIME_CODE)?.into(),
            proof,
            committed,
            elements: [input_elements, output_elements],
            input_range,
            source: part.split.source(part.index),
            record,
        })
    }

    fn linked(&self) -> LinkedPart<'_> {
        let [input_elements, output_elements] = self.elements;
        LinkedPart {
            code: VerifierCode {
                creation: &self.creation,
                runtime: &self.runtime,
            },
            proof: &self.proof,
            committed: &self.committed,
            input_elements,
            output_elements,
            source: self.source,
            input_range: self.input_range,
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
