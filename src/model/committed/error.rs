//! Why a model has no committed circuit.

use super::interval::Unbounded;

/// A model that the committed lowering does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommittedError {
    /// The model has several inputs or outputs, or a batch.
    #[error("a committed circuit has one input and one output of batch 1, and this model {0}")]
    Ports(String),
    /// Operators are not known as layers at all.
    #[error("these operators are not covered: {}", .0.join(", "))]
    UnknownOperators(Vec<String>),
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
    /// A weight does not fit the constants that EZKL reads, which are `f32`.
    #[error("a weight of node {node:?} needs more than 24 bits at this scale")]
    WideWeight {
        /// The node.
        node: String,
    },
    /// Two layers have equal weights, which EZKL's loader would make one and then decompose.
    #[error("two layers have the same weights")]
    EqualWeights,
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

impl CommittedError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Ports(_) | Self::UnknownOperators(_) | Self::NotCovered { .. } | Self::EqualWeights => {
                "use --circuit direct"
            }
            Self::TooLarge { .. } | Self::WideWeight { .. } => "use a smaller --scale",
            Self::InputRange { .. } => {
                "normalise the input as the model's training did; layers take numbers in [-1, 1]"
            }
        }
    }
}
