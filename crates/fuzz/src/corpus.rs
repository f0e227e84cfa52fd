//! Cases that are kept, to be tried again: whatever changes in the mutations, in the chain or in the verifier shows.
//!
//! Goes in: a campaign's cases. Kept are of each class the case that got least far in the verifier and the one that got
//! furthest, by gas, one that changed nothing, one that was accepted with words after the proof, and all others that were
//! not rejected. Each is kept with its mutation in full, so that it stays what it was when classes are drawn otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::{Fork, Verifier};

use super::error::FuzzError;
use super::subject::Subject;
use super::target::{Case, Outcome, Target};

/// Kept cases of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Corpus {
    /// The statement's name.
    pub name: String,
    /// The rules that held.
    pub fork: Fork,
    /// The seed that the cases were drawn from.
    pub seed: u64,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A kept case that ends otherwise than it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The case as it was kept.
    pub kept: Case,
    /// What it comes to now.
    pub now: Outcome,
}

impl Corpus {
    /// Tries every case again, on the same statement, and tells which end otherwise.
    ///
    /// # Errors
    /// [`FuzzError`], among them a case that does not fit the statement.
    pub fn replay(&self, verifier: &Verifier, subject: &Subject) -> Result<Vec<Difference>, FuzzError> {
        let target = Target::new(verifier, subject)?;
        let mut differences = Vec::new();
        for kept in &self.cases {
            let now = target.attempt(&kept.mutation)?;
            if now != kept.outcome {
                differences.push(Difference {
                    kept: kept.clone(),
                    now,
                });
            }
        }
        Ok(differences)
    }
}
