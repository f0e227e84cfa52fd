//! Records of a model's parts → what verifying them as one set comes to.
//!
//! Goes in: the parts' records with their evidence, and the compiled contracts. Comes out: [`PartSet`]: the gas of one
//! transaction that verifies all parts, and the contract's answers to less than the set. No prover is asked. Sizes, and who
//! assures that the set's input is in range, are read from each part's settings, key, proof and guard: a record that says
//! otherwise is refused.

use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;
use serde_json::Value;

use crate::chain::Fork;
use crate::guard::linked::{self, LinkedPart};
use crate::guard::{GuardContracts, GuardError, VerifierCode};
use crate::model::committed::{CommittedSizes, InputAssurance};
use crate::prover::{Committed, Proof, lookups};
use crate::record::{Evidence, PartRequest, PartSet, Record};
use crate::rederive;
use crate::store::{self, StoreError};

/// Records that are not measured as a set.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A record or its evidence is not there, or not what it says.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// A record is of another part than its place in the set is for.
    #[error("{} is not part {} of the set", path.display(), index + 1)]
    OtherPart {
        /// The record.
        path: PathBuf,
        /// Its place, from 0.
        index: usize,
    },
    /// There are more or fewer records than the model has parts.
    #[error("{found} records, and the model is split into {expected} parts")]
    PartCount {
        /// As many as there are.
        found: usize,
        /// As many as there should be.
        expected: usize,
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
    sizes: CommittedSizes,
    input_range: InputAssurance,
    place: PartRequest,
    fork: Fork,
    /// Id and scale of the whole model.
    model: (String, u32),
    name: String,
}

impl Part {
    /// What a set's contract is deployed for follows from the part's evidence, not from what its record says of it.
    fn load(path: &Path) -> Result<Self, PartsError> {
        let no_part = || PartsError::NoPart {
            path: path.to_owned(),
        };
        let record = store::load(path)?;
        let mut evidence = Evidence::default();
        for file in &record.evidence {
            let bytes = store::load_evidence(path, &record, &file.name)?;
            evidence.put(&file.name, bytes).map_err(StoreError::from)?;
        }
        let place = record.request.part.clone().ok_or_else(no_part)?;
        let derived = rederive::committed(record.request.plan, &evidence);
        let (sizes, committed) = derived.ok_or_else(no_part)?;
        let input_range = record.request.plan.input_assurance.ok_or_else(no_part)?;
        let lacks = lacks_range(input_range, &record, &evidence, sizes, &committed);
        if let Some(reason) = lacks.map_err(|_| no_part())? {
            return Err(PartsError::Range {
                path: path.to_owned(),
                reason,
            });
        }
        let Evidence {
            creation_code: Some(creation),
            runtime_code: Some(runtime),
            proof: Some(proof),
            instances: Some(instances),
            ..
        } = evidence
        else {
            return Err(no_part());
        };
        Ok(Self {
            creation: creation.into(),
            runtime: runtime.into(),
            proof: Proof { proof, instances },
            committed,
            sizes,
            input_range,
            place,
            fork: record.request.fork,
            model: (record.request.id.clone(), record.request.plan.scale),
            name: record.request.name(),
        })
    }

    fn linked(&self) -> LinkedPart<'_> {
        LinkedPart {
            code: VerifierCode {
                creation: &self.creation,
                runtime: &self.runtime,
            },
            proof: &self.proof,
            committed: &self.committed,
            input_elements: self.sizes.input as u64,
            output_elements: self.sizes.output as u64,
            source: self.place.split.source(self.place.index),
            input_range: self.input_range,
        }
    }
}

/// What a part's circuit lacks of the assurance that its input is in range, if anything: what was asked for must be what it has.
fn lacks_range(
    input_range: InputAssurance,
    record: &Record,
    evidence: &Evidence,
    sizes: CommittedSizes,
    committed: &Committed,
) -> serde_json::Result<Option<&'static str>> {
    let settings: Value = serde_json::from_str(evidence.settings.as_deref().unwrap_or_default())?;
    let key = evidence.verifying_key.as_deref().unwrap_or_default();
    let public_values = evidence.instances.as_ref().map_or(0, Vec::len);
    Ok(match input_range {
        InputAssurance::Linked => None,
        InputAssurance::Public => (public_values < 2 + sizes.input)
            .then_some("its input is said to be public, and is not among the public values"),
        InputAssurance::Registered => committed
            .registered_input
            .is_none()
            .then_some("its input is said to be registered, and its guard takes any"),
        InputAssurance::Ranged => {
            let layout = record
                .lowering
                .as_ref()
                .and_then(|lowering| lowering.layout.as_ref());
            let expected = layout.map(|layout| &layout.lookups[..]);
            (lookups::holds_input(&settings, key, expected, sizes.input as u64) != Some(true))
                .then_some("its input is said to be looked up, and its key does not look all of it up")
        }
    })
}

/// Verifies the parts whose records stand at these paths, in order, as one set, under the first one's fork.
///
/// # Errors
/// [`PartsError`].
pub fn measure(paths: &[PathBuf], contracts: &GuardContracts) -> Result<PartSet, PartsError> {
    let parts: Vec<Part> = paths
        .iter()
        .map(|path| Part::load(path))
        .collect::<Result<_, _>>()?;
    let first = parts.first().ok_or(PartsError::PartCount {
        found: 0,
        expected: 2,
    })?;
    let expected = first.place.split.parts();
    if parts.len() != expected {
        let found = parts.len();
        return Err(PartsError::PartCount { found, expected });
    }
    for (index, part) in parts.iter().enumerate() {
        if part.place.index != index || part.place.split != first.place.split || part.model != first.model {
            let path = paths[index].clone();
            return Err(PartsError::OtherPart { path, index });
        }
    }
    let fork = first.fork;
    let linked: Vec<LinkedPart<'_>> = parts.iter().map(Part::linked).collect();
    Ok(PartSet {
        measurement: linked::measure(contracts, fork, &linked)?,
        parts: parts.into_iter().map(|part| part.name).collect(),
    })
}

/// The records of a set's parts, which stand beside the one at `path`.
pub fn paths(path: &Path, set: &PartSet) -> Vec<PathBuf> {
    let beside = |name: &String| path.with_file_name(format!("{name}.json"));
    set.parts.iter().map(beside).collect()
}
