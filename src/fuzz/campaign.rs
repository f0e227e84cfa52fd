//! Many cases against one verifier, in parallel, with a quota for each class.
//!
//! The cases of a campaign are dealt to the classes in turn, so that every class that is possible gets its share, whenever
//! the campaign is ended.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::{Class, Subject};
use super::mutation::{Mutation, MutationError, Part};
use crate::chain::{Calldata, Called, ChainError, Fork, Repeat, Verdict, Verifier};
use crate::parallel;
use crate::prover::Proof;

/// What the last step of a verification costs: one check of two pairs (EIP-1108).
const PAIRING_GAS: u64 = 45_000 + 2 * 34_000;

/// How long a rate is measured, in seconds.
const RATE_SECONDS: f64 = 1.0;

/// Most cases that a report tells of singly.
const FINDINGS_TOLD: usize = 100;

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which classes.
    pub classes: Vec<Class>,
    /// How many cases, over all classes.
    pub cases: u64,
    /// Where the mutations come from.
    pub seed: u64,
    /// How many threads make calls.
    pub threads: usize,
}

impl Plan {
    /// Every class, on every processor.
    pub fn new(cases: u64, seed: u64) -> Self {
        Self {
            classes: Class::ALL.to_vec(),
            cases,
            seed,
            threads: parallel::processors(),
        }
    }
}

/// Who looks on while a campaign runs.
pub trait Watch: Sync {
    /// A case has ended; called from every thread.
    fn case_ended(&self);

    /// Whether to stop; asked before every case.
    fn interrupted(&self) -> bool;
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The mutation left proof and instances as they were: there was nothing to reject, and no call was made.
    Identical,
    /// The verifier reverted.
    Rejected,
    /// The call went through, whatever it returned: a caller may look at success alone.
    Accepted,
    /// The call ran out of gas, or the chain did not take it: it says nothing about the proof.
    Undecided,
}

/// What a mutated statement came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Gas of the verifier's code; absent where no call was made, or where the chain did not take it.
    pub execution_gas: Option<u64>,
    /// The answer, where it was neither a revert nor left out.
    pub verdict: Option<Verdict>,
}

/// One case and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Its class.
    pub class: Class,
    /// Its number in the class.
    pub index: u64,
    /// What was done.
    pub mutation: Mutation,
    /// What it came to.
    pub outcome: Outcome,
}

/// How the cases of a class ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassTally {
    /// The class.
    pub class: Class,
    /// Cases drawn; 0 where the statement has nothing that the class could change.
    pub cases: u64,
    /// See [`Ending::Identical`].
    pub identical: u64,
    /// See [`Ending::Rejected`].
    pub rejected: u64,
    /// Of these, how many were rejected only after the pairing: they spent more than the accepted call does before it.
    pub rejected_after_pairing: u64,
    /// See [`Ending::Undecided`].
    pub undecided: u64,
    /// See [`Ending::Accepted`].
    pub accepted: u64,
}

/// Calls and the time that they took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// How many.
    pub calls: u64,
    /// From the first one's beginning to the last one's end.
    pub seconds: f64,
}

impl Rate {
    /// Calls a second.
    pub fn per_second(&self) -> f64 {
        self.calls as f64 / self.seconds
    }
}

/// How fast calls are answered in this process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Speed {
    /// Threads that made calls at the same time.
    pub threads: usize,
    /// The accepted call, again and again.
    pub accepted: Rate,
    /// A call that is rejected before any pairing, again and again: [`early_failure`].
    pub early_failure: Rate,
}

/// A campaign's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Campaign {
    /// The name of what was mutated.
    pub name: String,
    /// The rules that held.
    pub fork: Fork,
    /// Where the mutations came from.
    pub seed: u64,
    /// How many cases were asked for; fewer were made where the campaign was interrupted.
    pub cases_asked: u64,
    /// Gas of the verifier's code in the accepted call.
    pub accepted_execution_gas: u64,
    /// How each class ended.
    pub tallies: Vec<ClassTally>,
    /// Cases that were accepted or undecided: the first hundred, accepted ones first.
    pub findings: Vec<Case>,
    /// All cases, identical ones among them.
    pub rate: Rate,
    /// How fast single calls are.
    pub speed: Speed,
}

impl Campaign {
    /// One figure over all classes.
    pub fn sum(&self, figure: impl Fn(&ClassTally) -> u64) -> u64 {
        self.tallies.iter().map(figure).sum()
    }

    /// Whether a wrong statement was accepted.
    pub fn is_unsound(&self) -> bool {
        self.sum(|tally| tally.accepted) > 0
    }
}

/// Why there is no campaign.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// revm failed, or the verifier does not accept the proof in the first place.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A kept case was made for another statement.
    #[error(transparent)]
    Mutation(#[from] MutationError),
    /// There is nothing to draw from.
    #[error("{name} has nothing that the classes asked for could change")]
    NoClass {
        /// The statement's name.
        name: String,
    },
}

/// A deployed verifier and the statement that it accepted, from which all others depart.
#[derive(Debug)]
pub struct Target<'a> {
    repeat: Repeat<'a>,
    subject: &'a Subject,
    accepted_execution_gas: u64,
}

impl<'a> Target<'a> {
    /// Makes the accepted call.
    ///
    /// # Errors
    /// [`ChainError::NotAccepted`] where it is not.
    pub fn new(verifier: &'a Verifier, subject: &'a Subject) -> Result<Self, ChainError> {
        let accepted = verifier.verify(&encoded(&subject.statement))?;
        let (true, Some(gas)) = (accepted.verdict.is_accepted(), accepted.gas) else {
            return Err(ChainError::NotAccepted(accepted.verdict));
        };
        Ok(Self {
            repeat: verifier.like(&accepted),
            subject,
            accepted_execution_gas: gas.execution_gas,
        })
    }

    /// Tries a mutation.
    ///
    /// # Errors
    /// [`CampaignError::Mutation`] for one that was made for another statement.
    pub fn attempt(&self, mutation: &Mutation) -> Result<Outcome, CampaignError> {
        let mutated = mutation.apply(&self.subject.statement, &self.subject.donors)?;
        if mutated == self.subject.statement {
            return Ok(Outcome {
                ending: Ending::Identical,
                execution_gas: None,
                verdict: None,
            });
        }
        let Called { verdict, gas } = self.repeat.call(&encoded(&mutated))?;
        let ending = if verdict.is_success() {
            Ending::Accepted
        } else if verdict.is_rejected() {
            Ending::Rejected
        } else {
            Ending::Undecided
        };
        Ok(Outcome {
            ending,
            execution_gas: gas.map(|gas| gas.execution_gas),
            verdict: (ending != Ending::Rejected).then_some(verdict),
        })
    }

    /// How often a statement can be put to the verifier.
    fn rate(&self, threads: usize, statement: &Proof) -> Result<Rate, ChainError> {
        let calldata = encoded(statement);
        let start = Instant::now();
        self.repeat.call(&calldata)?;
        let one = start.elapsed().as_secs_f64().max(1e-6);
        let calls = (RATE_SECONDS / one).ceil() as usize * threads;
        let start = Instant::now();
        parallel::map(threads, calls, || |_| self.repeat.call(&calldata).map(drop))?;
        Ok(Rate {
            calls: calls as u64,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Whether a rejected call had made its pairing: it spent more than the accepted call does before it.
    fn is_after_pairing(&self, outcome: &Outcome) -> bool {
        outcome
            .execution_gas
            .is_some_and(|gas| gas + PAIRING_GAS > self.accepted_execution_gas)
    }
}

/// The statement's canonical call.
fn encoded(statement: &Proof) -> Calldata {
    Calldata::verify_proof(&statement.proof, &statement.instances)
}

/// The statement with the lowest bit of the proof's first word flipped: the first point is off the curve, which the verifier
/// notices before it computes anything with it.
///
/// # Panics
/// For an empty proof.
pub fn early_failure(statement: &Proof) -> Proof {
    let flip = Mutation::BitFlipped {
        part: Part::Proof,
        word: 0,
        bit: 0,
    };
    flip.apply(statement, &[]).expect("a proof has a first word")
}

/// Tries the cases of a plan on a verifier that accepts the subject's statement.
///
/// # Errors
/// [`CampaignError`].
pub fn run(
    verifier: &Verifier,
    subject: &Subject,
    plan: &Plan,
    watch: &dyn Watch,
) -> Result<Campaign, CampaignError> {
    let target = Target::new(verifier, subject)?;
    let start = Instant::now();
    let tried = Tried::new(&target, plan, watch)?;
    let rate = Rate {
        calls: tried.outcomes.iter().flatten().count() as u64,
        seconds: start.elapsed().as_secs_f64(),
    };
    let tallies = plan.classes.iter().map(|&class| tally(&target, &tried, class));
    let unexpected = |ending| {
        let classes = tried.classes.iter();
        let outcomes = classes.flat_map(|&class| tried.of(class));
        outcomes.filter(move |(_, _, outcome)| outcome.ending == ending)
    };
    let findings = unexpected(Ending::Accepted).chain(unexpected(Ending::Undecided));
    Ok(Campaign {
        name: subject.name.clone(),
        fork: verifier.fork(),
        seed: plan.seed,
        cases_asked: plan.cases,
        accepted_execution_gas: target.accepted_execution_gas,
        tallies: tallies.collect(),
        findings: findings
            .take(FINDINGS_TOLD)
            .map(|(class, index, outcome)| tried.case(class, index, outcome))
            .collect(),
        rate,
        speed: Speed {
            threads: plan.threads,
            accepted: target.rate(plan.threads, &subject.statement)?,
            early_failure: target.rate(plan.threads, &early_failure(&subject.statement))?,
        },
    })
}

/// What every case of a plan came to.
pub(super) struct Tried<'a> {
    subject: &'a Subject,
    seed: u64,
    /// The classes that are possible: case `n` is of class `n % classes`, and there the case `n / classes`.
    classes: Vec<Class>,
    /// None for a case that was not reached before an interruption.
    outcomes: Vec<Option<Outcome>>,
}

impl<'a> Tried<'a> {
    pub(super) fn new(target: &Target<'a>, plan: &Plan, watch: &dyn Watch) -> Result<Self, CampaignError> {
        let subject = target.subject;
        let classes = plan.classes.iter().copied();
        let classes: Vec<_> = classes.filter(|class| class.is_possible(subject)).collect();
        if classes.is_empty() {
            return Err(CampaignError::NoClass {
                name: subject.name.clone(),
            });
        }
        let outcomes = parallel::map(plan.threads, plan.cases as usize, || {
            |case: usize| -> Result<_, CampaignError> {
                if watch.interrupted() {
                    return Ok(None);
                }
                let (class, index) = (classes[case % classes.len()], case / classes.len());
                let outcome = target.attempt(&class.draw(subject, plan.seed, index as u64))?;
                watch.case_ended();
                Ok(Some(outcome))
            }
        })?;
        Ok(Self {
            subject,
            seed: plan.seed,
            classes,
            outcomes,
        })
    }

    /// The cases of a class that were reached, by their numbers.
    pub(super) fn of(&self, class: Class) -> impl Iterator<Item = (Class, u64, &Outcome)> {
        let place = self.classes.iter().position(|&other| other == class);
        let outcomes = place.map(|place| self.outcomes.iter().skip(place).step_by(self.classes.len()));
        let numbered = outcomes.into_iter().flatten().zip(0..);
        numbered.filter_map(move |(outcome, index)| Some((class, index, outcome.as_ref()?)))
    }

    /// A case in full.
    pub(super) fn case(&self, class: Class, index: u64, outcome: &Outcome) -> Case {
        Case {
            class,
            index,
            mutation: class.draw(self.subject, self.seed, index),
            outcome: outcome.clone(),
        }
    }
}

fn tally(target: &Target<'_>, tried: &Tried<'_>, class: Class) -> ClassTally {
    let mut tally = ClassTally {
        class,
        cases: 0,
        identical: 0,
        rejected: 0,
        rejected_after_pairing: 0,
        undecided: 0,
        accepted: 0,
    };
    for (_, _, outcome) in tried.of(class) {
        tally.cases += 1;
        match outcome.ending {
            Ending::Identical => tally.identical += 1,
            Ending::Rejected => {
                tally.rejected += 1;
                tally.rejected_after_pairing += u64::from(target.is_after_pairing(outcome));
            }
            Ending::Undecided => tally.undecided += 1,
            Ending::Accepted => tally.accepted += 1,
        }
    }
    tally
}
