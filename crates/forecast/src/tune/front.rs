//! What nothing else is better than in every respect, within limits.

use std::collections::HashMap;

use evmbench_evm::chain::Fork;
use evmbench_ezkl::CircuitPlan;
use evmbench_subject::accuracy::Accuracy;

use super::TuneError;
use super::candidate::{Candidate, Objective};
use crate::forecast::{TransactionKind, Verdict};

/// What a candidate must keep within.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Memory that all of the forecast's interval must fit, in bytes, where there is a limit.
    pub memory_bytes: Option<u64>,
    /// What may be lost against the float model, in per cent, where there is a limit.
    pub loss_percent: Option<f64>,
    /// Whose rules deployment and verification must keep to.
    pub fork: Fork,
}

impl Limits {
    fn fits_memory(&self, candidate: &Candidate) -> bool {
        self.memory_bytes
            .is_none_or(|limit| candidate.forecast.peak_bytes().against(limit) == Verdict::Fits)
    }

    fn fits_chain(&self, candidate: &Candidate) -> bool {
        let forecast = candidate.forecast.under(self.fork);
        [TransactionKind::Deployment, TransactionKind::Verification]
            .iter()
            .all(|&transaction| forecast.verdict(transaction) == Verdict::Fits)
    }

    fn fits_loss(&self, candidate: &Candidate) -> bool {
        let limited = candidate.loss_percent().zip(self.loss_percent);
        limited.is_none_or(|(loss, limit)| loss <= limit)
    }
}

/// Positions of the items that no other is better than in one respect and as good in all others; of equal ones the first.
pub fn front<T, const N: usize>(items: &[T], costs: impl Fn(&T) -> [f64; N]) -> Vec<usize> {
    let costs: Vec<[f64; N]> = items.iter().map(costs).collect();
    let is_beaten = |index: usize| {
        costs.iter().enumerate().any(|(other, theirs)| {
            let pairs = || theirs.iter().zip(&costs[index]);
            // A better one, or an equal one before it.
            pairs().all(|(a, b)| a <= b) && (pairs().any(|(a, b)| a < b) || other < index)
        })
    };
    (0..items.len()).filter(|&index| !is_beaten(index)).collect()
}

/// What of a plan decides a circuit's integers.
type Arithmetic = (u32, Option<u32>, Option<usize>);

fn arithmetic(plan: &CircuitPlan) -> Arithmetic {
    (plan.scale(), plan.digit_bits(), plan.roundings())
}

/// The Pareto front of the candidates within the limits - memory, time, gas, and what is lost - best for the objective first.
/// `accuracy` finds out how a plan does on test images, where there are any; it is asked once for each arithmetic that gets as
/// far as the front and of which it is not known yet, and what loses too much makes room for others.
///
/// # Errors
/// The outer error is that of `accuracy`; the inner one is [`TuneError::Nothing`].
pub fn best<E>(
    candidates: Vec<Candidate>,
    objective: Objective,
    limits: &Limits,
    mut accuracy: impl FnMut(&CircuitPlan) -> Result<Option<Accuracy>, E>,
) -> Result<Result<Vec<Candidate>, TuneError>, E> {
    let found = candidates.len();
    let (in_memory, beyond_memory): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| limits.fits_memory(candidate));
    let (mut left, beyond_chain): (Vec<_>, Vec<_>) = in_memory
        .into_iter()
        .partition(|candidate| limits.fits_chain(candidate));
    let mut known: HashMap<Arithmetic, Option<Accuracy>> = left
        .iter()
        .filter(|candidate| candidate.accuracy.is_some())
        .map(|candidate| (arithmetic(&candidate.plan), candidate.accuracy.clone()))
        .collect();
    let (mut lost, precise): (Vec<_>, Vec<_>) =
        left.into_iter().partition(|candidate| candidate.is_imprecise);
    left = precise;
    loop {
        let on_front = front(&left, |candidate| {
            let [memory, time, gas] = candidate.costs.all();
            [memory, time, gas, candidate.distance.unwrap_or(0.0)]
        });
        let mut asked = false;
        for &index in &on_front {
            let plan = left[index].plan;
            if let std::collections::hash_map::Entry::Vacant(entry) = known.entry(arithmetic(&plan)) {
                entry.insert(accuracy(&plan)?);
                asked = true;
            }
        }
        for candidate in &mut left {
            if let Some(accuracy) = known.get(&arithmetic(&candidate.plan)) {
                candidate.accuracy.clone_from(accuracy);
            }
        }
        // What was not asked about is judged when it gets to the front.
        let is_within = |candidate: &Candidate| {
            !known.contains_key(&arithmetic(&candidate.plan)) || limits.fits_loss(candidate)
        };
        if !asked && on_front.iter().all(|&index| is_within(&left[index])) {
            let mut best: Vec<Candidate> = on_front.into_iter().map(|index| left[index].clone()).collect();
            best.sort_by(|a, b| a.costs.compare(&b.costs, objective));
            if !best.is_empty() {
                return Ok(Ok(best));
            }
            let losses = lost.iter().filter_map(Candidate::loss_percent);
            return Ok(Err(TuneError::Nothing {
                found,
                memory: beyond_memory.len(),
                chain: beyond_chain.len(),
                loss: lost.len(),
                least_loss_percent: losses.reduce(f64::min),
            }));
        }
        let (within, beyond): (Vec<_>, Vec<_>) = left.into_iter().partition(is_within);
        left = within;
        lost.extend(beyond);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let points = [
            [1.0, 9.0],
            [5.0, 5.0],
            [5.0, 6.0],
            [9.0, 1.0],
            [5.0, 5.0],
            [9.0, 9.0],
        ];
        assert_eq!(front(&points, |&point| point), [0, 1, 3]);
        assert_eq!(front(&[[1.0]; 0], |&point| point), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn every_point_is_on_the_front_or_beaten_by_one_that_is(
            points in proptest::collection::vec([0u8..6, 0u8..6, 0u8..6], 1..40),
        ) {
            let costs = |point: &[u8; 3]| point.map(f64::from);
            let on_front = front(&points, costs);
            prop_assert!(!on_front.is_empty());
            for (index, point) in points.iter().enumerate() {
                let beaten = on_front.iter().any(|&other| {
                    other != index && (0..3).all(|i| points[other][i] <= point[i])
                });
                prop_assert_eq!(on_front.contains(&index), !beaten, "{}", index);
            }
        }
    }
}
