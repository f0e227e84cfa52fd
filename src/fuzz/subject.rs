//! What is mutated: a proof and its instances that a verifier accepts, with other accepted proofs to take parts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy_primitives::{Bytes, U256};

use super::curve::Point;
use super::error::FuzzError;
use super::mutation::{Donor, proof_words};
use crate::prover::{Proof, ProofLayout};
use crate::record::{Evidence, Record};
use crate::store;

/// What is mutated.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The record's name.
    pub name: String,
    /// An accepted proof and its instances.
    pub statement: Proof,
    /// Where the proof's parts lie.
    pub layout: ProofLayout,
    /// Other accepted proofs, of whichever verifiers.
    pub donors: Vec<Donor>,
    /// The proof in words.
    pub(super) words: Vec<U256>,
    /// The first word of each point.
    pub(super) points: Vec<usize>,
}

impl Subject {
    /// A statement that a verifier accepts, with others to take parts from; `None` where the proof has another length than
    /// the layout.
    pub fn new(
        name: impl Into<String>,
        statement: Proof,
        layout: ProofLayout,
        donors: Vec<Donor>,
    ) -> Option<Self> {
        (statement.proof.len() == layout.proof_bytes()).then(|| Self {
            name: name.into(),
            words: proof_words(&statement),
            points: layout.points().collect(),
            statement,
            layout,
            donors,
        })
    }

    pub(super) fn point(&self, word: usize) -> Point {
        [self.words[word], self.words[word + 1]]
    }
}

/// A record's verifier, and its statement.
#[derive(Debug)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// Bytecode that deploys the verifier.
    pub creation_code: Bytes,
    /// Its statement; the donors are the statements of the other records that it was loaded with.
    pub subject: Subject,
}

/// Reads records with their evidence.
///
/// # Errors
/// [`FuzzError`].
pub fn load(paths: &[PathBuf]) -> Result<Vec<Loaded>, FuzzError> {
    let mut loaded: Vec<_> = paths
        .iter()
        .map(|path| load_one(path))
        .collect::<Result<_, _>>()?;
    let all: Vec<_> = loaded
        .iter()
        .map(|loaded| Donor {
            name: loaded.subject.name.clone(),
            proof: Arc::new(loaded.subject.statement.clone()),
        })
        .collect();
    for loaded in &mut loaded {
        let others = all.iter().filter(|donor| donor.name != loaded.subject.name);
        loaded.subject.donors = others.cloned().collect();
    }
    Ok(loaded)
}

fn load_one(path: &Path) -> Result<Loaded, FuzzError> {
    let record = store::load(path)?;
    let bytes = |name| store::load_evidence(path, &record, name);
    let source = bytes(Evidence::VERIFIER_SOURCE)?;
    let statement = Proof {
        proof: bytes(Evidence::PROOF)?,
        instances: Evidence::read_instances(&bytes(Evidence::INSTANCES)?)?,
    };
    let subject = ProofLayout::read(&String::from_utf8_lossy(&source))
        .and_then(|layout| Subject::new(record.request.name(), statement, layout, Vec::new()))
        .ok_or_else(|| FuzzError::UnknownLayout {
            path: path.to_owned(),
        })?;
    let creation_code = bytes(Evidence::CREATION_CODE)?.into();
    Ok(Loaded {
        record,
        creation_code,
        subject,
    })
}
