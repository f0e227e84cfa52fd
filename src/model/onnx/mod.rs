//! ONNX files, written and read.
//!
//! Goes in: a [`Graph`] or a user's file. Comes out: bytes, or an [`OnnxModel`]: names and shapes of
//! inputs and outputs always, and a [`Graph`] where the typed operators cover the file.

mod check;
mod constant;
mod node;
mod operators;
pub(super) mod proto;
mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use reader::parse;
pub use writer::write;

use super::float::FloatError;
use super::graph::Graph;
use super::input::Slot;

/// A named tensor at the edge of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in the ONNX file.
    pub name: String,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
}

impl Port {
    /// As what input files are read into.
    #[must_use]
    pub fn slot(&self) -> Slot<'_> {
        Slot {
            name: &self.name,
            shape: &self.shape,
        }
    }
}

/// A file that EZKL can be expected to load.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// Graph inputs in the file's order, without those that are initializers.
    pub inputs: Vec<Port>,
    /// Graph outputs in the file's order.
    pub outputs: Vec<Port>,
    /// How much of it the typed graph covers.
    pub coverage: Coverage,
}

/// Whether the typed graph, and with it the integer reference, covers a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Coverage {
    /// All of it.
    Full(Graph),
    /// Not these nodes. The file can be proved, but no integer reference stands beside it.
    Partial(Vec<Uncovered>),
}

/// A node, or an output, that the typed graph has no operator for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operator} node {node:?}: {reason}")]
pub struct Uncovered {
    /// The node's name; where it has none, the name of its first output.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// What is not covered about it.
    pub reason: String,
}

/// Why a file cannot be proved.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The bytes are not an ONNX model.
    #[error("{} is not an ONNX model: {reason}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with the bytes.
        reason: String,
    },
    /// It is an ONNX model, but not one that EZKL can prove.
    #[error("{} cannot be proved:{}", path.display(), listed(problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that was found.
        problems: Vec<Problem>,
    },
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n- {problem}")).collect();
    lines.concat()
}

impl OnnxError {
    /// What the user can do about it: one line for each kind of problem.
    #[must_use]
    pub fn hints(&self) -> Vec<&'static str> {
        match self {
            Self::Read { .. } => vec!["check the path and its permissions"],
            Self::NotOnnx { .. } => {
                vec!["export it, for example with torch.onnx.export(model, (x,), path, dynamo=False)"]
            }
            Self::Invalid { problems, .. } => {
                let mut hints: Vec<_> = problems.iter().map(Problem::hint).collect();
                hints.sort_unstable();
                hints.dedup();
                hints
            }
        }
    }
}

/// Something in a model that EZKL cannot load, or would load as something else.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is nothing to run it on.
    #[error("it has no inputs")]
    NoInputs,
    /// There is nothing to prove.
    #[error("it has no outputs")]
    NoOutputs,
    /// An input is not a tensor of `f32`.
    #[error("input {input:?} is of type {found}, not FLOAT")]
    InputType {
        /// Name of the input.
        input: String,
        /// What ONNX calls its type.
        found: String,
    },
    /// An input's shape is not known before inference.
    #[error("input {input:?} has the shape {shape}, which is not static")]
    DynamicShape {
        /// Name of the input.
        input: String,
        /// Its shape with symbols, or `?` where there is nothing.
        shape: String,
    },
    /// Weights are in another file, which EZKL does not open.
    #[error("initializer {tensor:?} is stored in another file")]
    ExternalData {
        /// Name of the initializer.
        tensor: String,
    },
    /// A weight is NaN or infinite; EZKL would take NaN for 0.
    #[error("initializer {tensor:?} has NaN or infinite elements")]
    NotFinite {
        /// Name of the initializer.
        tensor: String,
    },
    /// A node reads what no node, input or initializer gives.
    #[error("node {node:?} reads {value:?}, which nothing before it gives")]
    UndefinedValue {
        /// Name of the node.
        node: String,
        /// Name of the value.
        value: String,
    },
    /// No node, input or initializer gives an output.
    #[error("nothing gives the output {output:?}")]
    UndefinedOutput {
        /// Name of the output.
        output: String,
    },
    /// EZKL has no counterpart for an operator.
    #[error("node {node:?} is {operator}, which EZKL does not support")]
    UnsupportedOperator {
        /// Name of the node.
        node: String,
        /// The operator, with its domain if that is not ONNX's own.
        operator: String,
    },
    /// A convolution or pooling has no `strides`; EZKL's loader needs them even when they are 1.
    #[error("{operator} node {node:?} has no strides attribute")]
    MissingStrides {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
    },
    /// A convolution or pooling is dilated; EZKL refuses or ignores that.
    #[error("{operator} node {node:?} is dilated")]
    Dilated {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
    },
    /// tract, which EZKL loads ONNX with, cannot analyse the model.
    #[error(transparent)]
    Analysis(#[from] FloatError),
}

impl Problem {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoInputs => "export it with at least one input that is not a constant",
            Self::NoOutputs => "name at least one output when it is exported",
            Self::InputType { .. } => "let the model take float32 and convert within it",
            Self::DynamicShape { .. } => {
                "export with fixed shapes: no dynamic_axes or dynamic_shapes, and a batch of 1"
            }
            Self::ExternalData { .. } => {
                "save the weights in the file: onnx.save(onnx.load(path), path, save_as_external_data=False)"
            }
            Self::NotFinite { .. } => "check the training: every weight must be a finite number",
            Self::UndefinedValue { .. } | Self::UndefinedOutput { .. } | Self::Analysis(_) => {
                "check the file with onnx.checker.check_model(path, full_check=True)"
            }
            Self::UnsupportedOperator { .. } => {
                "rewrite the model without it, or export with dynamo=False and constant folding"
            }
            Self::MissingStrides { .. } => {
                "write the attribute out: node.attribute.append(onnx.helper.make_attribute(\"strides\", [1, 1]))"
            }
            Self::Dilated { .. } => "use dilation 1, or a larger kernel with zeros in it",
        }
    }
}

/// How many elements a file's outputs have in all.
///
/// # Errors
/// As [`load`].
pub fn output_elements(path: &Path) -> Result<usize, OnnxError> {
    let (_, model) = load(path)?;
    let elements = model
        .outputs
        .iter()
        .map(|port| port.shape.iter().product::<usize>());
    Ok(elements.sum())
}

/// Reads and parses a file; gives its bytes too, so that all that follows works on the same ones.
///
/// # Errors
/// [`OnnxError`], which names the file.
pub fn load(path: &Path) -> Result<(Vec<u8>, OnnxModel), OnnxError> {
    let bytes = std::fs::read(path).map_err(|source| OnnxError::Read {
        path: path.to_owned(),
        source,
    })?;
    let model = parse(&bytes, path)?;
    Ok((bytes, model))
}
