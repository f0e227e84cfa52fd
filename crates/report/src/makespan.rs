//! What a number of machines buys: forecast durations, replayed over the arrays of a job.
//!
//! A task is begun on the first machine that is free, in the order of the arrays; every machine is as fast as the one that was
//! calibrated, and all may take every task. What a scheduler, other users and copies of files take is not in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::Serialize;

/// A job on some machines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Replay {
    /// How many machines.
    pub nodes: usize,
    /// From the first task's beginning to the last one's end, in seconds.
    pub makespan_seconds: f64,
    /// Hours of all machines until the last task's end.
    pub node_hours: f64,
    /// The part of these hours in which a machine has no task.
    pub idle_share: f64,
}

/// Numbers of machines that are tried, 1 to 1,000.
const NODES: [usize; 16] = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 300, 500, 1000];

/// A time as a key that sorts: microseconds.
fn ticks(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

/// Tasks of these durations, in seconds, in the order in which they are begun.
///
/// # Panics
/// Where there is no machine.
pub fn replay(durations: &[f64], nodes: usize) -> Replay {
    assert!(nodes > 0, "there is a machine");
    let mut free: BinaryHeap<Reverse<u64>> = (0..nodes).map(|_| Reverse(0)).collect();
    let mut end = 0;
    for &seconds in durations {
        let Reverse(start) = free.pop().expect("there is a machine");
        let ends = start + ticks(seconds);
        end = end.max(ends);
        free.push(Reverse(ends));
    }
    let makespan_seconds = end as f64 / 1e6;
    let held = makespan_seconds * nodes as f64;
    let busy: f64 = durations.iter().sum();
    Replay {
        nodes,
        makespan_seconds,
        node_hours: held / 3600.0,
        idle_share: if held > 0.0 {
            (1.0 - busy / held).max(0.0)
        } else {
            0.0
        },
    }
}

/// The same on 1 to 1,000 machines.
pub fn replays(durations: &[f64]) -> Vec<Replay> {
    NODES.into_iter().map(|nodes| replay(durations, nodes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_begins_on_the_first_free_machine() {
        let durations = [30.0, 20.0, 20.0, 10.0];
        let is = |found: f64, expected: f64| (found - expected).abs() < 1e-9;
        let one = replay(&durations, 1);
        assert!(is(one.makespan_seconds, 80.0) && is(one.idle_share, 0.0));
        // 30 + 10 on the first, 20 + 20 on the second.
        assert!(is(replay(&durations, 2).makespan_seconds, 40.0));
        let many = replay(&durations, 10);
        assert!(is(many.makespan_seconds, 30.0));
        assert!((many.idle_share - (1.0 - 80.0 / 300.0)).abs() < 1e-9);
        assert!((many.node_hours - 300.0 / 3600.0).abs() < 1e-9);
        assert!(is(replay(&[], 3).makespan_seconds, 0.0));
    }

    #[test]
    fn more_machines_never_take_longer_and_never_less_than_the_longest_task() {
        let durations: Vec<f64> = (0..200).rev().map(f64::from).collect();
        let replays = replays(&durations);
        assert!(
            replays
                .windows(2)
                .all(|pair| pair[1].makespan_seconds <= pair[0].makespan_seconds)
        );
        assert!(replays.iter().all(|replay| replay.makespan_seconds >= 199.0));
    }
}
