//! Why a graph has no integer program, or an input no integers.

use std::borrow::Cow;

use evmbench_host::hint::Hint;

use super::DIGIT_BITS;
use crate::interval::Unbounded;

/// A graph or an input that an integer program does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The model has no input or no output.
    #[error("a committed circuit has an input and an output")]
    Ports,
    /// An operator is not covered.
    #[error("{operator} at node {node:?}: {reason}")]
    NotCovered {
        /// Its ONNX name.
        operator: &'static str,
        /// The node.
        node: String,
        /// What about it.
        reason: &'static str,
    },
    /// An integer could grow too large.
    #[error("at node {node:?}: {source}")]
    TooLarge {
        /// The node.
        node: String,
        /// What was computed.
        source: Unbounded,
    },
    /// Digits cannot have so many bits.
    #[error(
        "digits of {bits} bits are asked for, and they have {} to {}",
        DIGIT_BITS.start(),
        DIGIT_BITS.end()
    )]
    DigitBits {
        /// What was asked for.
        bits: u32,
    },
    /// A value goes beyond what its look-up takes.
    #[error("node {node:?}: a value is {value}, and the circuit was made for ±{limit}")]
    Reach {
        /// The node.
        node: String,
        /// The value, in its units.
        value: i128,
        /// The greatest magnitude.
        limit: i128,
    },
    /// An operator has no result for a value.
    #[error("node {node}: what it is applied to is {value}, and it has results from {least} on")]
    Domain {
        /// The node.
        node: String,
        /// The value, in the model's numbers.
        value: String,
        /// The least that it has a result for.
        least: String,
    },
    /// The input has an element outside the range that the circuit was made for.
    #[error("input element {position} is {value}, outside ±{bound}")]
    InputRange {
        /// Its position, row-major.
        position: usize,
        /// The element, in units.
        value: i128,
        /// The greatest magnitude, in units.
        bound: i128,
    },
}

impl Hint for ProgramError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Ports | Self::NotCovered { .. } => "use --circuit direct",
            Self::TooLarge { .. } => "use a smaller --scale",
            Self::DigitBits { .. } => "use 16, the default",
            Self::Reach { .. } => {
                "scale factors were chosen for smaller values: calibrate on inputs like this one (--calibration FILE)"
            }
            Self::Domain { .. } => "give an input that the model has a result for (--input FILE)",
            Self::InputRange { .. } => {
                "normalise the input as the model's training did; layers take numbers in [-1, 1]"
            }
        };
        Some(hint.into())
    }
}
