//! Why proving came to nothing.

use evmbench_host::trouble::Trouble;

use crate::Phase;

/// Why a run stopped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The worker's allocation went past the cap, or the kernel ended it for want of memory.
    #[error("{phase} ran out of memory (cap {limit_bytes} bytes)")]
    OutOfMemory {
        /// The phase that was running.
        phase: Phase,
        /// The cap on the worker's data segment, in bytes.
        limit_bytes: u64,
    },
    /// The phase took longer than it was given.
    #[error("{phase} took longer than {limit_seconds} s")]
    TimedOut {
        /// The phase that was running.
        phase: Phase,
        /// Its limit, in seconds.
        limit_seconds: u64,
    },
    /// EZKL refused, crashed, or wrote something that cannot be read.
    #[error("{phase} failed: {message}")]
    Failed {
        /// The phase that was running.
        phase: Phase,
        /// EZKL's message, or the end of the worker's stderr.
        message: String,
    },
    /// The settings have a property that makes an accepted proof meaningless.
    #[error("the circuit is unsound: {reason}")]
    UnsoundCircuit {
        /// The property.
        reason: String,
    },
    /// What the circuit gives on the observer's probes was not accepted.
    #[error("declined: {reason}")]
    Declined {
        /// Why.
        reason: String,
    },
    /// The settings came out so that the run was not admitted.
    #[error("not attempted: {forecast}")]
    NotAttempted {
        /// Why.
        forecast: String,
    },
    /// The machine stood in the way, whatever the job is.
    #[error("trouble of the machine in {step}: {}", trouble.reason())]
    Environment {
        /// What was being done: a phase, or work on evmbench's own files.
        step: String,
        /// What stood in the way.
        trouble: Trouble,
    },
    /// The user stopped the run.
    #[error("interrupted during {phase}")]
    Interrupted {
        /// The phase that was running.
        phase: Phase,
    },
}
