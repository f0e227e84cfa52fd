//! Times and memory, by their samples: median and range, on one machine with one number of threads only.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::record::Record;
use evmbench_backend::Phase;

/// One phase's samples on both sides; warm-ups are not among them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseChange {
    /// Which.
    pub phase: Phase,
    /// Time inside EZKL's call, in seconds.
    pub call_seconds: Samples<f64>,
    /// Peak resident set, in bytes.
    pub peak_rss_bytes: Samples<u64>,
}

impl PhaseChange {
    /// Whether both sides have the same samples.
    pub fn is_unchanged(&self) -> bool {
        self.call_seconds.are_same() && self.peak_rss_bytes.are_same()
    }
}

/// Samples of one quantity on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Samples<T> {
    /// In OLD, in the order in which they were taken.
    pub old: Vec<T>,
    /// In NEW, likewise.
    pub new: Vec<T>,
}

/// What some samples come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary<T> {
    /// The middle one; the lower of the two in the middle.
    pub median: T,
    /// The least.
    pub least: T,
    /// The greatest.
    pub greatest: T,
}

impl<T: Copy + PartialOrd> Samples<T> {
    /// Both summaries; none where a side has no samples.
    pub fn summaries(&self) -> Option<[Summary<T>; 2]> {
        Some([summary(&self.old)?, summary(&self.new)?])
    }

    /// Whether both sides have the same samples, so that they are one measurement.
    pub fn are_same(&self) -> bool {
        self.old == self.new
    }

    /// Whether every sample of one side is above every one of the other, with two at least on each: one alone says
    /// nothing about its spread.
    pub fn are_apart(&self) -> bool {
        let Some([old, new]) = self.summaries() else {
            return false;
        };
        let repeated = self.old.len() > 1 && self.new.len() > 1;
        repeated && (old.greatest < new.least || new.greatest < old.least)
    }

    /// How often samples of one and the same quantity lie apart: once in so many times. It is the share of the orders of
    /// all samples that have one side first: 2 in n over k.
    pub fn apart_by_chance_once_in(&self) -> u64 {
        let (all, few) = (
            self.old.len() + self.new.len(),
            self.old.len().min(self.new.len()),
        );
        let orders = (1..=few as u64).fold(1_u64, |orders, k| {
            // n·(n-1)…(n-k+1) over k! is whole at every k.
            orders.saturating_mul(all as u64 + 1 - k) / k
        });
        orders / 2
    }
}

/// None for no samples.
fn summary<T: Copy + PartialOrd>(samples: &[T]) -> Option<Summary<T>> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|one, other| one.partial_cmp(other).expect("a sample is a number"));
    Some(Summary {
        median: *sorted.get(sorted.len().checked_sub(1)? / 2)?,
        least: *sorted.first()?,
        greatest: *sorted.last()?,
    })
}

/// Every phase that both runs counted, in the order of phases; none where machine or threads differ.
pub(super) fn phase_changes(old: &Record, new: &Record) -> Option<Vec<PhaseChange>> {
    let setting = |record: &Record| {
        let environment = &record.environment;
        (environment.machine.fingerprint.clone(), environment.threads)
    };
    if setting(old) != setting(new) {
        return None;
    }
    let phases = |record: &Record| -> BTreeSet<Phase> {
        record
            .phases
            .iter()
            .map(|measurement| measurement.phase)
            .collect()
    };
    let both = phases(old)
        .intersection(&phases(new))
        .copied()
        .collect::<Vec<_>>();
    let change = |phase| PhaseChange {
        phase,
        call_seconds: Samples {
            old: old.call_seconds(phase),
            new: new.call_seconds(phase),
        },
        peak_rss_bytes: Samples {
            old: old.peak_rss_samples(phase),
            new: new.peak_rss_samples(phase),
        },
    };
    Some(both.into_iter().map(change).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_apart_only_without_overlap_and_with_two_each() {
        let apart = |old: &[f64], new: &[f64]| {
            let samples = Samples {
                old: old.to_vec(),
                new: new.to_vec(),
            };
            samples.are_apart()
        };
        assert!(apart(&[1.0, 1.2], &[1.3, 1.4]));
        assert!(apart(&[1.3, 1.4], &[1.0, 1.2]));
        assert!(!apart(&[1.0, 1.3], &[1.2, 1.4]));
        assert!(!apart(&[1.0, 1.2], &[1.2, 1.4]));
        assert!(!apart(&[1.0], &[2.0, 3.0]));
        assert!(!apart(&[], &[2.0, 3.0]));
    }

    #[test]
    fn few_samples_lie_apart_often() {
        let once_in = |old: usize, new: usize| {
            let samples = Samples {
                old: vec![0; old],
                new: vec![0; new],
            };
            samples.apart_by_chance_once_in()
        };
        // 4 over 2 is 6, 6 over 3 is 20, 10 over 5 is 252.
        assert_eq!(
            [once_in(2, 2), once_in(3, 3), once_in(5, 5), once_in(2, 3)],
            [3, 10, 126, 5]
        );
        assert!(once_in(100, 100) > 1 << 50);
    }

    #[test]
    fn a_summary_is_of_sorted_samples() {
        assert_eq!(
            summary(&[3, 1, 2]),
            Some(Summary {
                median: 2,
                least: 1,
                greatest: 3
            })
        );
        assert_eq!(summary(&[4, 1, 2, 3]).unwrap().median, 2);
        assert_eq!(summary::<u64>(&[]), None);
    }
}
