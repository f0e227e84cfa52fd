//! How a run ended.

use evmbench_backend::Phase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// The verifier accepted the proof, every negative control was rejected, and the public outputs are the reference's.
    Verified,
    /// The verifier rejected an honest proof.
    Rejected {
        /// What it said.
        why: String,
    },
    /// A false statement was accepted, or the circuit leaves the result unconstrained.
    Unsound {
        /// Which control was accepted, or what is unconstrained.
        control: String,
    },
    /// The circuit computes something else than the model; it is not proved.
    WrongFunction {
        /// The greatest distance of an output from the reference's, or the mean distance of its worst element where that decides
        /// (`function.element`); absent where an output is no number.
        #[serde(default, deserialize_with = "number")]
        max_error: Option<f64>,
        /// The distance that is explained by fixed point; absent where the reference gives no number.
        #[serde(default, deserialize_with = "number")]
        tolerance: Option<f64>,
    },
    /// The proof is accepted, but the outputs are so coarse beside their range that they are hardly the model's.
    Imprecise {
        /// The greatest distance of an output from the reference's, or the mean distance of its worst element, likewise.
        #[serde(default, deserialize_with = "number")]
        max_error: Option<f64>,
        /// The distance that is explained by fixed point; absent where it has no bound.
        #[serde(default, deserialize_with = "number")]
        tolerance: Option<f64>,
        /// The range that the error is seen beside: the output's greatest element less its least.
        #[serde(default, deserialize_with = "number")]
        output_range: Option<f64>,
    },
    /// A phase needed more memory than it was given.
    OutOfMemory {
        /// Which.
        phase: Phase,
        /// The cap, in bytes.
        limit_bytes: u64,
    },
    /// A phase took longer than it was given.
    TimedOut {
        /// Which.
        phase: Phase,
        /// The limit, in seconds.
        limit_seconds: u64,
    },
    /// Something else went wrong.
    Failed {
        /// In which step.
        step: String,
        /// What it said.
        message: String,
    },
    /// The forecast said that it cannot fit, so it was not tried.
    NotAttempted {
        /// The forecast.
        forecast: String,
    },
    /// The machine stood in the way: a full disk, a worker that was killed from outside. It says nothing about the model. Since
    /// schema 7.
    Environment {
        /// What was being done.
        step: String,
        /// What stood in the way, and what can be done about it.
        reason: String,
    },
}

impl Outcome {
    /// Whether a later run of the same experiment would find out nothing new: `--resume` skips such records. What ended at a limit
    /// is final only where the later run has no more: memory of `memory_limit_bytes` (none: as much as it likes), and
    /// `timeout_seconds` for each phase.
    pub fn is_final_for(&self, memory_limit_bytes: Option<u64>, timeout_seconds: u64) -> bool {
        match self {
            Self::OutOfMemory { limit_bytes, .. } => *limit_bytes >= memory_limit_bytes.unwrap_or(u64::MAX),
            Self::TimedOut { limit_seconds, .. } => *limit_seconds >= timeout_seconds,
            other => other.is_of_the_model(),
        }
    }

    /// Whether it says something about the model, which is then known; else the run came to no end.
    pub fn is_of_the_model(&self) -> bool {
        match self {
            Self::Verified
            | Self::Rejected { .. }
            | Self::Unsound { .. }
            | Self::WrongFunction { .. }
            | Self::Imprecise { .. } => true,
            Self::OutOfMemory { .. }
            | Self::TimedOut { .. }
            | Self::Failed { .. }
            | Self::NotAttempted { .. }
            | Self::Environment { .. } => false,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified => f.write_str("verified"),
            Self::Rejected { why } => write!(f, "rejected: {why}"),
            Self::Unsound { control } => write!(f, "UNSOUND: {control}"),
            Self::WrongFunction { max_error, tolerance } => write!(
                f,
                "WRONG FUNCTION: error {}, tolerance {}",
                distance(*max_error),
                distance(*tolerance)
            ),
            Self::Imprecise {
                max_error,
                tolerance,
                output_range,
            } => write!(
                f,
                "imprecise: error {}, tolerance {}, of a range of {}; try a larger --scale",
                distance(*max_error),
                distance(*tolerance),
                distance(*output_range)
            ),
            Self::OutOfMemory { phase, limit_bytes } => {
                write!(
                    f,
                    "out of memory in {phase} (cap {})",
                    crate::format::bytes(*limit_bytes)
                )
            }
            Self::TimedOut { phase, limit_seconds } => {
                write!(f, "timed out in {phase} (limit {limit_seconds} s)")
            }
            Self::Failed { step, message } => {
                write!(
                    f,
                    "failed in {step}: {}",
                    message.lines().next().unwrap_or_default()
                )
            }
            Self::NotAttempted { forecast } => write!(f, "not attempted: {forecast}"),
            Self::Environment { step, reason } => write!(
                f,
                "trouble of the machine in {step}: {}",
                reason.lines().next().unwrap_or_default()
            ),
        }
    }
}

/// A number in a tagged type, where a dependency's feature (`arbitrary_precision` of `serde_json`) hands it on as text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_f64())
}

/// A distance between outputs, for people.
fn distance(distance: Option<f64>) -> String {
    distance.map_or_else(|| "without bound".to_owned(), crate::format::real)
}

/// The greatest part of the outputs' range that their error may be: beyond it a result has hardly three bits. For a tenth, 7-bit
/// weights and inputs suffice in one layer and in a few; what is coarser has lost its numbers on the way.
pub const GREATEST_ERROR: f64 = 0.1;
