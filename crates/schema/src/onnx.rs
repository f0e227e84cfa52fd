//! What is said of a user's ONNX file: sizes for what it leaves open, the form of its output, nodes that are not covered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sizes by the symbols that stand for them in a file. A size without a symbol is called by its input and axis, as in `input.2`.
pub type Dimensions = BTreeMap<String, usize>;

/// The form of a model's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    /// As the file has it.
    #[default]
    Model,
    /// Without the Softmax or LogSoftmax that stands last.
    Logits,
    /// The position of the greatest element, the first of equal ones. A Softmax or LogSoftmax before it is left out.
    Argmax,
}

impl OutputForm {
    /// What it is called on the command line and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Logits => "logits",
            Self::Argmax => "argmax",
        }
    }

    /// Whether the output is the file's.
    #[must_use]
    pub fn is_model(&self) -> bool {
        *self == Self::Model
    }
}

/// A node, or an output, that the typed graph has no operator for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[error("{operator} {node}: {reason}")]
pub struct Uncovered {
    /// The node's name; where it has none, the name of its first output.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// What is not covered about it.
    pub reason: String,
}
