//! Two sets of records → what changed between them.
//!
//! Goes in: OLD and NEW, each a [`RecordSet`] (a folder of records, or the same folder at a git revision). Comes out: a
//! [`Comparison`], which knows no threshold: what was lost, added, or ended otherwise, what changed around the
//! experiments, and every figure before and after, in gas and bytes; times in seconds. [`judge()`] then says what of it
//! fails a build.
//!
//! Gas and sizes are exact. Two honest proofs of one statement, or two keys of one circuit, are other random bytes
//! though, and zero bytes are cheaper: each change carries what [`chance`] alone can explain. Times and memory are held
//! against each other by their samples, on one machine only, and never fail anything.
//!
//! - [`set`]: records by name, from a folder or a git revision;
//! - [`change`]: the figures, before and after;
//! - [`circuit`]: rows, keys and errors, before and after;
//! - [`chance`]: how far random bytes alone move them;
//! - [`context`]: versions, rules and inputs that differ;
//! - [`samples`]: times and memory;
//! - [`judge`](mod@judge): what fails.

pub mod chance;
pub mod change;
pub mod circuit;
pub mod context;
pub mod judge;
pub mod samples;
pub mod set;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use change::{Change, JUDGED, Part};
pub use circuit::{CircuitChange, circuit_changes};
pub use context::{Context, ContextChange};
pub use judge::{Failure, Policy, Tolerance, judge};
pub use samples::{PhaseChange, Samples};
pub use set::{Problem, RecordSet, SetError};

use crate::chain::{BrokenRule, Rule};
use crate::ledger::Level;
use crate::metric::Figures;
use crate::record::{Evidence, Outcome, Record, Request};

/// What changed from OLD to NEW.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What was compared: OLD.
    pub old: Side,
    /// What was compared: NEW.
    pub new: Side,
    /// Versions, rules and inputs that differ, most telling first.
    pub context: Vec<ContextChange>,
    /// What only OLD holds.
    pub lost: Vec<Lone>,
    /// What only NEW holds.
    pub added: Vec<Lone>,
    /// Runs that ended otherwise, break other rules of the chain, or prove something else.
    pub outcomes: Vec<OutcomeChange>,
    /// Every experiment that both hold, changed or not.
    pub experiments: Vec<ExperimentChange>,
}

/// One of the two sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The folder, or `REVISION:folder`.
    pub name: String,
    /// The commit that the records were read from; absent for a folder.
    pub commit: Option<String>,
    /// Records in it.
    pub records: usize,
    /// Files in it that could not be used.
    pub problems: Vec<Problem>,
}

/// A record without a counterpart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lone {
    /// The experiment.
    pub experiment: String,
    /// How its run ended.
    pub outcome: Outcome,
}

/// A run that ended otherwise, breaks other rules, or proves something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutcomeChange {
    /// The experiment.
    pub experiment: String,
    /// How the run in OLD ended.
    pub old: Outcome,
    /// How the run in NEW ended.
    pub new: Outcome,
    /// Rules of the chain that deployment or verification breaks in NEW alone.
    pub newly_broken: Vec<Rule>,
    /// Rules that they break in OLD alone.
    pub no_longer_broken: Vec<Rule>,
    /// How far what an accepted proof proves can be relied on, in OLD and in NEW; absent where it is the same, or one of
    /// them does not say.
    pub levels: Option<[Level; 2]>,
}

/// One experiment's figures, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentChange {
    /// The experiment.
    pub experiment: String,
    /// Whether both verified the same proof.
    pub proof: Identity,
    /// Whether both proved with the same key.
    pub key: Identity,
    /// Gas and sizes.
    pub figures: Figures<Change>,
    /// Times and memory; absent where machine or threads differ.
    pub phases: Option<Vec<PhaseChange>>,
    /// Whether other processes took so much of the machine during one of the runs that its times are longer than they need be.
    pub beside_others: bool,
}

/// Whether two things are one, by their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Equal digests.
    Same,
    /// Other digests.
    Another,
    /// At least one digest is not there.
    Unknown,
}

impl Identity {
    fn of<T: PartialEq>(old: Option<T>, new: Option<T>) -> Self {
        match (old, new) {
            (Some(old), Some(new)) if old == new => Self::Same,
            (Some(_), Some(_)) => Self::Another,
            _ => Self::Unknown,
        }
    }
}

/// Compares two sets.
///
/// Records are matched by their request's name; what is left, by what was proved alone, so that runs under another fork
/// or with another number of proofs meet too, where there is one of them on each side.
pub fn compare(old: &RecordSet, new: &RecordSet) -> Comparison {
    let Matches { pairs, lost, added } = match_up(&old.records, &new.records);
    let lone = |records: Vec<(&String, &Record)>| {
        let records = records.into_iter().map(|(experiment, record)| Lone {
            experiment: experiment.clone(),
            outcome: record.outcome.clone(),
        });
        records.collect()
    };
    Comparison {
        old: Side::of(old),
        new: Side::of(new),
        context: context::changes(&pairs),
        lost: lone(lost),
        added: lone(added),
        outcomes: pairs.iter().filter_map(outcome_change).collect(),
        experiments: pairs.iter().map(experiment_change).collect(),
    }
}

impl Comparison {
    /// Whether the two sets say the same in every respect.
    pub fn is_unchanged(&self) -> bool {
        let unchanged = |experiment: &ExperimentChange| {
            let phases = experiment.phases.as_ref();
            experiment
                .figures
                .pairs()
                .iter()
                .all(|(_, change)| change.is_unchanged())
                && phases.is_some_and(|phases| phases.iter().all(PhaseChange::is_unchanged))
        };
        self.context.is_empty()
            && self.lost.is_empty()
            && self.added.is_empty()
            && self.outcomes.is_empty()
            && self.experiments.iter().all(unchanged)
    }
}

impl Side {
    fn of(set: &RecordSet) -> Self {
        Self {
            name: set.name.clone(),
            commit: set.commit.clone(),
            records: set.records.len(),
            problems: set.problems.clone(),
        }
    }
}

/// One experiment's record on each side.
pub(crate) struct Pair<'a> {
    pub(crate) experiment: String,
    pub(crate) old: &'a Record,
    pub(crate) new: &'a Record,
}

struct Matches<'a> {
    pairs: Vec<Pair<'a>>,
    lost: Vec<(&'a String, &'a Record)>,
    added: Vec<(&'a String, &'a Record)>,
}

type Records = BTreeMap<String, Record>;

fn match_up<'a>(old: &'a Records, new: &'a Records) -> Matches<'a> {
    let mut pairs: Vec<Pair> = old
        .iter()
        .filter_map(|(name, old)| {
            Some(Pair {
                experiment: name.clone(),
                old,
                new: new.get(name)?,
            })
        })
        .collect();
    let mut lost: Vec<_> = old.iter().filter(|(name, _)| !new.contains_key(*name)).collect();
    let mut added: Vec<_> = new.iter().filter(|(name, _)| !old.contains_key(*name)).collect();

    let left_on_both: BTreeSet<String> = only_ones(&lost)
        .intersection(&only_ones(&added))
        .cloned()
        .collect();
    for name in left_on_both {
        let take = |left: &mut Vec<(&'a String, &'a Record)>| {
            let index = left.iter().position(|(_, record)| statement(record) == name)?;
            Some(left.remove(index).1)
        };
        if let (Some(old), Some(new)) = (take(&mut lost), take(&mut added)) {
            pairs.push(Pair {
                experiment: name,
                old,
                new,
            });
        }
    }
    pairs.sort_by(|one, other| one.experiment.cmp(&other.experiment));
    Matches { pairs, lost, added }
}

/// Names of statements that one record alone is about.
fn only_ones(records: &[(&String, &Record)]) -> BTreeSet<String> {
    let mut count = BTreeMap::<String, usize>::new();
    for (_, record) in records {
        *count.entry(statement(record)).or_default() += 1;
    }
    let ones = count.into_iter().filter(|&(_, count)| count == 1);
    ones.map(|(name, _)| name).collect()
}

/// The name that a run would have, had it been made with the default rules, limits, optimizer and number of proofs.
fn statement(record: &Record) -> String {
    let request = &record.request;
    let default = Request::new(request.id.clone(), request.suite.clone(), request.plan);
    set::experiment(&Request {
        verifier: request.verifier,
        seed: request.seed,
        input_seed: request.input_seed,
        onnx_sha256: request.onnx_sha256.clone(),
        weights_sha256: request.weights_sha256.clone(),
        input_sha256: request.input_sha256.clone(),
        sample: request.sample,
        ..default
    })
}

fn outcome_change(pair: &Pair) -> Option<OutcomeChange> {
    let [old, new] = [pair.old, pair.new].map(broken_rules);
    let level = |record: &Record| record.ledger.as_ref().map(|ledger| ledger.level);
    let levels = level(pair.old).zip(level(pair.new)).map(<[Level; 2]>::from);
    let change = OutcomeChange {
        experiment: pair.experiment.clone(),
        old: pair.old.outcome.clone(),
        new: pair.new.outcome.clone(),
        newly_broken: new.difference(&old).copied().collect(),
        no_longer_broken: old.difference(&new).copied().collect(),
        levels: levels.filter(|[old, new]| old != new),
    };
    (old != new || change.old != change.new || change.levels.is_some()).then_some(change)
}

fn broken_rules(record: &Record) -> BTreeSet<Rule> {
    record
        .broken_rules()
        .map(|&BrokenRule { rule, .. }| rule)
        .collect()
}

fn experiment_change(pair: &Pair) -> ExperimentChange {
    let (old, new) = (pair.old, pair.new);
    let evidence = |record: &Record| {
        let file = record.evidence.iter().find(|file| file.name == Evidence::PROOF);
        file.map(|file| file.sha256.clone())
    };
    let key = |record: &Record| record.keys.as_ref().map(|keys| keys.verifying_key_sha256.clone());
    let proof = Identity::of(evidence(old), evidence(new));
    let key = Identity::of(key(old), key(new));
    let chance = chance::Chance::between(old, new, proof, key);
    ExperimentChange {
        experiment: pair.experiment.clone(),
        proof,
        key,
        figures: Figures::of(&JUDGED, |metric| Change::of(metric, old, new, &chance)),
        phases: samples::phase_changes(old, new),
        beside_others: [old, new]
            .into_iter()
            .filter_map(|record| record.others)
            .any(|others| others.is_much()),
    }
}
