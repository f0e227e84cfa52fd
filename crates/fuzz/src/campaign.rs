//! Many cases against one verifier, in parallel, with a quota for each class.
//!
//! The cases of a campaign are dealt to the classes in turn, so that every class that is possible gets its share, whenever
//! the campaign is ended.

use std::ops::AddAssign;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::{Fork, Verifier};
use evmbench_evm::nodes::{Pace, PaceByEnd};
use evmbench_ezkl::Proof;
use evmbench_host::parallel;

use super::class::Class;
use super::corpus::Corpus;
use super::error::FuzzError;
use super::mutation::{Mutation, Part};
use super::subject::Subject;
use super::target::{Case, Ending, Outcome, Target};

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
    run_on(&Target::new(verifier, subject)?, plan, watch)
}

/// The same on whatever has accepted the subject's statement.
///
/// # Errors
/// [`FuzzError`].
pub fn run_on(target: &Target<'_>, plan: &Plan, watch: &dyn Watch) -> Result<(Campaign, Corpus), FuzzError> {
    let subject = target.subject;
    // Before the cases, so that an interruption ends the campaign.
    let pace_by_end = PaceByEnd {
        valid: target.pace(plan.threads, &subject.statement)?,
        early_failure: target.pace(plan.threads, &early_failure(&subject.statement))?,
    };
    let start = Instant::now();
    let tried = Tried::new(target, plan, watch)?;
    let pace = Pace {
        cases: tried.outcomes.iter().flatten().count() as u64,
        seconds: start.elapsed().as_secs_f64(),
    };
    let tallies = plan.classes.iter().map(|&class| ClassTally {
        class,
        tally: tally(target, tried.of(class)),
    });
    let findings = tried
        .ended(Ending::Accepted)
        .chain(tried.ended(Ending::Undecided));
    let campaign = Campaign {
        name: subject.name.to_string(),
        fork: target.fork(),
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
        fork: target.fork(),
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
