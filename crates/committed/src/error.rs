//! Why a model has no committed circuit.

use std::borrow::Cow;

use super::DIGIT_BITS;
use evmbench_host::hint::Hint;
use evmbench_model::interval::Unbounded;
use evmbench_model::onnx::Uncovered;

/// At most so many nodes are named in one sentence.
const NAMED: usize = 3;

fn listed(nodes: &[Uncovered]) -> String {
    let mut named: Vec<String> = nodes.iter().take(NAMED).map(ToString::to_string).collect();
    if let Some(more) = nodes.len().checked_sub(NAMED).filter(|&more| more > 0) {
        named.push(format!("and {more} more"));
    }
    named.join("; ")
}

/// A model that the committed lowering does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommittedError {
    /// The model has several inputs or outputs, or a batch.
    #[error("a committed circuit has one input and one output of batch 1, and this model {0}")]
    Ports(String),
    /// Nodes are not known as layers at all.
    #[error("not covered: {}", listed(.0))]
    UnknownOperators(Vec<Uncovered>),
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
    /// What is looked up goes beyond the end of any table.
    #[error("a table would have to reach {greatest}, and ends at {end}")]
    WideTable {
        /// The greatest number that is looked up.
        greatest: i128,
        /// Where the table ends.
        end: i128,
    },
    /// The check would have more powers of the challenge than the bound on false claims allows for.
    #[error("the check takes {powers} powers of the challenge, and {limit} are allowed for")]
    ManyPowers {
        /// As many as the claims take.
        powers: u128,
        /// The limit.
        limit: u128,
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

impl Hint for CommittedError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Ports(_)
            | Self::UnknownOperators(_)
            | Self::NotCovered { .. }
            | Self::ManyPowers { .. } => "use --circuit direct",
            Self::TooLarge { .. } | Self::WideTable { .. } => "use a smaller --scale",
            Self::DigitBits { .. } => "use 16, the default",
            Self::InputRange { .. } => {
                "normalise the input as the model's training did; layers take numbers in [-1, 1]"
            }
        };
        Some(hint.into())
    }
}
