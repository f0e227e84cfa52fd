//! Independent jobs on many threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Processors that this process may run on.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does the jobs `0..count` and returns what each yields, in their order. Every thread makes one worker for itself, which
/// does one job after another: what a worker keeps is made once for each thread.
///
/// # Errors
/// The first that a job returns, in the order of the threads; the other threads finish all other jobs.
pub fn map<W, T, E>(threads: usize, count: usize, worker: impl Fn() -> W + Sync) -> Result<Vec<T>, E>
where
    W: FnMut(usize) -> Result<T, E>,
    T: Send,
    E: Send,
{
    let next = AtomicUsize::new(0);
    let work = || {
        let mut worker = worker();
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(done);
            }
            done.push((index, worker(index)?));
        }
    };
    let done: Result<Vec<_>, E> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    });
    let mut done: Vec<(usize, T)> = done?.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, yielded)| yielded).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_yields_in_order() {
        for threads in [1, 3, 8] {
            let squares: Result<Vec<usize>, ()> = map(threads, 100, || |index| Ok(index * index));
            assert_eq!(
                squares.unwrap(),
                (0..100).map(|index| index * index).collect::<Vec<_>>()
            );
        }
        let none: Result<Vec<usize>, ()> = map(4, 0, || |index| Ok(index));
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn a_failure_is_returned() {
        let result: Result<Vec<usize>, usize> = map(2, 100, || {
            |index| if index == 57 { Err(index) } else { Ok(index) }
        });
        assert_eq!(result, Err(57));
    }
}
