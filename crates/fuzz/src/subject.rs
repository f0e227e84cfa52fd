//! What is mutated: a proof and its instances that a verifier accepts, with other accepted proofs to take parts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256};

use evmbench_evm::chain::{Fork, Verifier};
use evmbench_ezkl::{Point, Proof, ProofLayout};
use evmbench_schema::record::{Evidence, FileName, Record};
use evmbench_store::StoredRun;

use super::error::FuzzError;
use super::mutation::{Donor, proof_words};

/// What is mutated.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The record's name, under which its cases are kept.
    pub name: FileName,
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
    pub fn new(name: FileName, statement: Proof, layout: ProofLayout, donors: Vec<Donor>) -> Option<Self> {
        (statement.proof.len() == layout.proof_bytes()).then(|| Self {
            name,
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

    /// What a prover made for this verifier: the statement, and those of the donors under the same key.
    pub(super) fn proved(&self) -> impl Iterator<Item = &Proof> {
        let donors = self.donors.iter().filter(|donor| donor.same_key);
        std::iter::once(&self.statement).chain(donors.map(|donor| &*donor.proof))
    }
}

/// A record's verifier, and its statement.
#[derive(Debug)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// Bytecode that deploys the verifier.
    pub creation_code: Bytes,
    /// What a reusable verifier takes with each call; none for a plain one.
    pub key_artifact: Option<Vec<B256>>,
    /// Its statement; the donors are the statements of the other records that it was loaded with.
    pub subject: Subject,
}

impl Loaded {
    /// Deploys the verifier and, where it is a reusable one, registers the key artifact with it.
    ///
    /// # Errors
    /// [`FuzzError::Chain`].
    pub fn deploy(&self, fork: Fork) -> Result<Verifier, FuzzError> {
        let key_artifact = self.key_artifact.as_deref();
        Ok(Verifier::deploy_with(fork, &self.creation_code, key_artifact)?)
    }

    /// The digest of the verifying key's file, by which records of one circuit are known.
    fn key_sha256(&self) -> Option<&str> {
        let mut files = self.record.evidence.iter();
        let key = files.find(|file| file.name == Evidence::VERIFYING_KEY)?;
        Some(&key.sha256)
    }
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
        .map(|loaded| {
            let name = loaded.subject.name.to_string();
            let proof = Arc::new(loaded.subject.statement.clone());
            (name, proof, loaded.key_sha256().map(str::to_owned))
        })
        .collect();
    for loaded in &mut loaded {
        let own_key = loaded.key_sha256().map(str::to_owned);
        let others = all
            .iter()
            .filter(|(name, ..)| loaded.subject.name != name.as_str());
        let donors = others.map(|(name, proof, key)| Donor {
            name: name.clone(),
            proof: Arc::clone(proof),
            same_key: key.is_some() && *key == own_key,
        });
        loaded.subject.donors = donors.collect();
    }
    Ok(loaded)
}

fn load_one(path: &Path) -> Result<Loaded, FuzzError> {
    let run = StoredRun::open(path)?;
    let statement = run.proof()?;
    let key_artifact = run.key_artifact()?;
    let layout = match &key_artifact {
        None => ProofLayout::read(&run.text(Evidence::VERIFIER_SOURCE)?),
        Some(key) => ProofLayout::of_key_artifact(key),
    };
    let subject = layout
        .and_then(|layout| Subject::new(run.record().request.file_name(), statement, layout, Vec::new()))
        .ok_or_else(|| FuzzError::UnknownLayout {
            path: path.to_owned(),
        })?;
    let creation_code = run.evidence(Evidence::CREATION_CODE)?.into();
    Ok(Loaded {
        record: run.into_record(),
        creation_code,
        key_artifact,
        subject,
    })
}
