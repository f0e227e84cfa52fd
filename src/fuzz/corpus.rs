//! Cases that are kept, to be tried again: whatever changes in the mutations, in the chain or in the verifier shows.
//!
//! Goes in: the cases of a campaign. Comes out: of each class the one that got least far in the verifier and the one that
//! got furthest, by gas, and every one that was not rejected. Each is kept with its mutation in full, so that it stays what
//! it was when the drawing changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::campaign::{CampaignError, Case, Ending, Outcome, Plan, Target, Tried, Watch};
use super::class::{Class, Subject};
use crate::chain::{Fork, Verifier};

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
    /// Runs the plan and keeps its most telling cases.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub fn gather(
        verifier: &Verifier,
        subject: &Subject,
        plan: &Plan,
        watch: &dyn Watch,
    ) -> Result<Self, CampaignError> {
        let target = Target::new(verifier, subject)?;
        let tried = Tried::new(&target, plan, watch)?;
        let cases = plan.classes.iter().flat_map(|&class| telling(&tried, class));
        Ok(Self {
            name: subject.name.clone(),
            fork: verifier.fork(),
            seed: plan.seed,
            cases: cases.collect(),
        })
    }

    /// Tries every case again, on the same statement, and tells which end otherwise.
    ///
    /// # Errors
    /// [`CampaignError`], among them a case that does not fit the statement.
    pub fn replay(&self, verifier: &Verifier, subject: &Subject) -> Result<Vec<Difference>, CampaignError> {
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

/// The cases of a class that are worth keeping, each once and in their order.
fn telling(tried: &Tried<'_>, class: Class) -> Vec<Case> {
    let ended = |ending| {
        tried
            .of(class)
            .filter(move |(_, _, outcome)| outcome.ending == ending)
    };
    let least = ended(Ending::Rejected).min_by_key(|(_, index, outcome)| (outcome.execution_gas, *index));
    // Of several that got furthest, the first.
    let most =
        ended(Ending::Rejected).max_by_key(|(_, index, outcome)| (outcome.execution_gas, u64::MAX - index));
    let identical = ended(Ending::Identical).next();
    let findings = ended(Ending::Accepted).chain(ended(Ending::Undecided));
    let mut kept: Vec<_> = findings.chain(least).chain(most).chain(identical).collect();
    kept.sort_by_key(|(_, index, _)| *index);
    kept.dedup_by_key(|(_, index, _)| *index);
    let cases = kept.into_iter();
    cases
        .map(|(class, index, outcome)| tried.case(class, index, outcome))
        .collect()
}
