//! Many cases against one verifier, in parallel, with a quota for each class.
//!
//! The cases of a campaign are dealt to the classes in turn, so that every class that is possible gets its share, whenever
//! the campaign is ended.

use std::fmt;
use std::ops::AddAssign;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::{Calldata, Called, ChainError, Fork, Repeat, Verdict, Verification, Verifier};
use evmbench_evm::nodes::{Pace, PaceByEnd};
use evmbench_host::parallel;
use evmbench_ezkl::Proof;

use super::class::Class;
use super::corpus::Corpus;
use super::error::FuzzError;
use super::mutation::{Mutation, Part, WORD_BYTES};
use super::subject::Subject;

/// What the last step of a verification costs: one check of two pairs (EIP-1108).
const PAIRING_GAS: u64 = 45_000 + 2 * 34_000;

/// How long the pace of one call is measured, in seconds.
const PACE_SECONDS: f64 = 1.0;

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
    /// A prover made this: the mutation left proof and instances as they were, or made both those of another record under
    /// the same key. There was nothing to reject, and no call was made.
    Identical,
    /// The verifier reverted.
    Rejected,
    /// A reusable verifier accepted what a prover made with words after the proof: it asks where the instances begin, and
    /// not how long the proof is. Nothing wrong was accepted, but the proof's bytes are no name for it.
    Extended,
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

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.verdict, self.ending) {
            (Some(verdict), Ending::Extended) => write!(formatter, "{verdict} with words appended")?,
            (Some(verdict), _) => write!(formatter, "{verdict}")?,
            (None, Ending::Identical) => formatter.write_str("identical")?,
            (None, _) => formatter.write_str("rejected")?,
        }
        match self.execution_gas {
            Some(gas) => write!(formatter, " after {gas} gas"),
            None => Ok(()),
        }
    }
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

/// How cases ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Cases in all; 0 where the statement has nothing that the class could change.
    pub cases: u64,
    /// See [`Ending::Identical`].
    pub identical: u64,
    /// See [`Ending::Rejected`].
    pub rejected: u64,
    /// Of these, how many were rejected only after the pairing: they spent more than the accepted call does before it.
    pub rejected_after_pairing: u64,
    /// See [`Ending::Undecided`].
    pub undecided: u64,
    /// See [`Ending::Extended`]; none in a report from before reusable verifiers were tried.
    #[serde(default)]
    pub extended: u64,
    /// See [`Ending::Accepted`].
    pub accepted: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.identical += other.identical;
        self.rejected += other.rejected;
        self.rejected_after_pairing += other.rejected_after_pairing;
        self.undecided += other.undecided;
        self.extended += other.extended;
        self.accepted += other.accepted;
    }
}

/// How the cases of a class ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassTally {
    /// The class.
    pub class: Class,
    /// Its cases.
    pub tally: Tally,
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
    /// Threads that made calls at the same time, here and below.
    pub threads: usize,
    /// All cases, identical ones among them.
    pub pace: Pace,
    /// How fast calls are that end one way.
    pub pace_by_end: PaceByEnd,
}

impl Campaign {
    /// The cases of all classes.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in &self.tallies {
            total += tally.tally;
        }
        total
    }

    /// Whether every statement that was changed was rejected; one that was [extended](Ending::Extended) was not changed.
    pub fn passed(&self) -> bool {
        let Tally {
            undecided, accepted, ..
        } = self.total();
        undecided == 0 && accepted == 0
    }
}

/// A deployed verifier and the statement that it accepted, from which all others depart.
#[derive(Debug)]
pub struct Target<'a> {
    verifier: &'a Verifier,
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
        let Proof { proof, instances } = &subject.statement;
        let accepted = verifier.verify(&verifier.call_for(proof, instances).calldata())?;
        let (true, Some(gas)) = (accepted.verdict.is_accepted(), accepted.gas) else {
            return Err(ChainError::NotAccepted(accepted.verdict));
        };
        Ok(Self {
            verifier,
            repeat: verifier.like(&accepted),
            subject,
            accepted_execution_gas: gas.execution_gas,
        })
    }

    /// The statement's canonical call.
    pub fn calldata(&self, Proof { proof, instances }: &Proof) -> Calldata {
        self.verifier.call_for(proof, instances).calldata()
    }

    /// Tries a mutation.
    ///
    /// # Errors
    /// [`FuzzError::Mutation`] for one that was made for another statement.
    pub fn attempt(&self, mutation: &Mutation) -> Result<Outcome, FuzzError> {
        let mutated = mutation.apply(&self.subject.statement, &self.subject.donors)?;
        if self.subject.proved().any(|proved| *proved == mutated) {
            return Ok(Outcome {
                ending: Ending::Identical,
                execution_gas: None,
                verdict: None,
            });
        }
        let Called { verdict, gas } = self.called(&self.calldata(&mutated))?;
        let ending = if verdict.is_accepted() && self.is_extended(&mutated) {
            Ending::Extended
        } else if verdict.is_success() {
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

    /// Makes a call as the accepted one was made; where the chain does not take it, as with the many instances of a much
    /// larger circuit, without the rules that it breaks: what the verifier says to it counts all the same.
    fn called(&self, calldata: &Calldata) -> Result<Called, ChainError> {
        let called = self.repeat.call(calldata)?;
        if !matches!(called.verdict, Verdict::InvalidTransaction { .. }) {
            return Ok(called);
        }
        let Verification { verdict, gas, .. } = self.verifier.verify(calldata)?;
        Ok(Called { verdict, gas })
    }

    /// Whether the statement differs from one that a prover made by whole words after the proof, in a verifier that is known
    /// to leave them unread.
    fn is_extended(&self, statement: &Proof) -> bool {
        let only_has_words_after = |proved: &Proof| {
            let after = statement.proof.strip_prefix(&proved.proof[..]);
            statement.instances == proved.instances
                && after.is_some_and(|after| after.len().is_multiple_of(WORD_BYTES))
        };
        self.verifier.key_artifact().is_some() && self.subject.proved().any(only_has_words_after)
    }

    /// How fast a statement is decided, again and again.
    fn pace(&self, threads: usize, statement: &Proof) -> Result<Pace, ChainError> {
        let calldata = self.calldata(statement);
        let start = Instant::now();
        self.repeat.call(&calldata)?;
        let one = start.elapsed().as_secs_f64().max(1e-6);
        let calls = (PACE_SECONDS / one).ceil() as usize * threads;
        let start = Instant::now();
        parallel::map(threads, calls, || |_| self.repeat.call(&calldata).map(drop))?;
        Ok(Pace {
            cases: calls as u64,
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
/// [`FuzzError`].
pub fn run(
    verifier: &Verifier,
    subject: &Subject,
    plan: &Plan,
    watch: &dyn Watch,
) -> Result<(Campaign, Corpus), FuzzError> {
    let target = Target::new(verifier, subject)?;
    // Before the cases, so that an interruption ends the campaign.
    let pace_by_end = PaceByEnd {
        valid: target.pace(plan.threads, &subject.statement)?,
        early_failure: target.pace(plan.threads, &early_failure(&subject.statement))?,
    };
    let start = Instant::now();
    let tried = Tried::new(&target, plan, watch)?;
    let pace = Pace {
        cases: tried.outcomes.iter().flatten().count() as u64,
        seconds: start.elapsed().as_secs_f64(),
    };
    let tallies = plan.classes.iter().map(|&class| ClassTally {
        class,
        tally: tally(&target, tried.of(class)),
    });
    let findings = tried
        .ended(Ending::Accepted)
        .chain(tried.ended(Ending::Undecided));
    let campaign = Campaign {
        name: subject.name.to_string(),
        fork: verifier.fork(),
        seed: plan.seed,
        cases_asked: plan.cases,
        accepted_execution_gas: target.accepted_execution_gas,
        tallies: tallies.collect(),
        findings: findings.take(FINDINGS_TOLD).map(|end| tried.case(end)).collect(),
        threads: plan.threads,
        pace,
        pace_by_end,
    };
    let corpus = Corpus {
        name: subject.name.to_string(),
        fork: verifier.fork(),
        seed: plan.seed,
        cases: tried.telling(),
    };
    Ok((campaign, corpus))
}

/// What every case of a plan came to.
struct Tried<'a> {
    subject: &'a Subject,
    seed: u64,
    /// The classes that are possible: case `n` is of class `n % classes`, and there the case `n / classes`.
    classes: Vec<Class>,
    /// None for a case that was not reached before an interruption.
    outcomes: Vec<Option<Outcome>>,
}

/// A class, the number of a case in it, and what the case came to.
type End<'a> = (Class, u64, &'a Outcome);

impl<'a> Tried<'a> {
    fn new(target: &Target<'a>, plan: &Plan, watch: &dyn Watch) -> Result<Self, FuzzError> {
        let subject = target.subject;
        let classes = plan.classes.iter().copied();
        let classes: Vec<_> = classes.filter(|class| class.is_possible(subject)).collect();
        if classes.is_empty() {
            return Err(FuzzError::NoClass {
                name: subject.name.to_string(),
            });
        }
        let outcomes = parallel::map(plan.threads, plan.cases as usize, || {
            |case: usize| -> Result<_, FuzzError> {
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

    /// The cases of a class that were reached.
    fn of(&self, class: Class) -> impl Iterator<Item = End<'_>> {
        let place = self.classes.iter().position(|&other| other == class);
        let outcomes = place.map(|place| self.outcomes.iter().skip(place).step_by(self.classes.len()));
        let numbered = outcomes.into_iter().flatten().zip(0..);
        numbered.filter_map(move |(outcome, index)| Some((class, index, outcome.as_ref()?)))
    }

    /// The cases that ended so.
    fn ended(&self, ending: Ending) -> impl Iterator<Item = End<'_>> {
        let all = self.classes.iter().flat_map(|&class| self.of(class));
        all.filter(move |(_, _, outcome)| outcome.ending == ending)
    }

    /// The cases that are worth keeping, each once: those of [`Corpus`].
    fn telling(&self) -> Vec<Case> {
        let mut kept: Vec<End<'_>> = Vec::new();
        for &class in &self.classes {
            let ended = |ending| {
                self.of(class)
                    .filter(move |(_, _, outcome)| outcome.ending == ending)
            };
            let rejected = || ended(Ending::Rejected);
            kept.extend(rejected().min_by_key(|(_, index, outcome)| (outcome.execution_gas, *index)));
            // Of several that got furthest, the first.
            kept.extend(
                rejected().max_by_key(|(_, index, outcome)| (outcome.execution_gas, u64::MAX - index)),
            );
            kept.extend(ended(Ending::Identical).next());
            kept.extend(ended(Ending::Extended).next());
            kept.extend(
                ended(Ending::Accepted)
                    .chain(ended(Ending::Undecided))
                    .take(FINDINGS_TOLD),
            );
        }
        kept.sort_by_key(|(class, index, _)| (*class, *index));
        kept.dedup_by_key(|(class, index, _)| (*class, *index));
        kept.into_iter().map(|end| self.case(end)).collect()
    }

    /// A case in full.
    fn case(&self, (class, index, outcome): End<'_>) -> Case {
        Case {
            class,
            index,
            mutation: class.draw(self.subject, self.seed, index),
            outcome: outcome.clone(),
        }
    }
}

fn tally<'a>(target: &Target<'_>, ends: impl Iterator<Item = End<'a>>) -> Tally {
    let mut tally = Tally::default();
    for (_, _, outcome) in ends {
        tally.cases += 1;
        match outcome.ending {
            Ending::Identical => tally.identical += 1,
            Ending::Rejected => {
                tally.rejected += 1;
                tally.rejected_after_pairing += u64::from(target.is_after_pairing(outcome));
            }
            Ending::Undecided => tally.undecided += 1,
            Ending::Extended => tally.extended += 1,
            Ending::Accepted => tally.accepted += 1,
        }
    }
    tally
}
