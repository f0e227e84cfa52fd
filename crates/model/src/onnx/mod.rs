//! ONNX files, written and read.
//!
//! Goes in: a [`Graph`] or a user's file. Comes out: bytes, or an [`OnnxModel`]: names and shapes of
//! inputs and outputs always, and a [`Graph`] where the typed operators cover the file.

mod apart;
mod arity;
mod branches;
mod check;
mod contributed;
mod declared;
mod direct;
mod expand;
mod expansion;
mod fit;
mod folded;
mod loaded;
#[cfg(test)]
#[path = "../../../../tests/suite/common/models.rs"]
#[allow(dead_code, unreachable_pub)] // the tests of the program use all of it
mod models;
mod operators;
mod output;
mod reader;
mod resolve;
mod rounded;
mod schema;
#[cfg(test)]
mod values_tests;
mod writer;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub use apart::{analyse_apart, answer};
pub use evmbench_schema::onnx::{Dimensions, OutputForm, Uncovered};
pub use operators::SUPPORTED;
pub use reader::{parse, with_chosen_branches};
pub use rounded::{FloatType, Unreadable, Value, rounded, with_every_value};
pub use writer::{are_floats, write};

use prost::Message as _;
use serde::{Deserialize, Serialize};
use tract_onnx::pb::{ModelProto, NodeProto, tensor_proto::DataType};

use super::graph::{self, Graph, MOST_ELEMENTS, Tensor};
use super::input::{Numbers, Slot};
use super::wire::constant::{MOST_AXES, range};
use super::wire::node::label;
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::hint::Hint;

/// What the user can do about a file that does not keep to ONNX.
const CHECK: &str = "check the file with onnx.checker.check_model(path, full_check=True)";

/// The most nodes that a file may have.
const MOST_NODES: usize = 10_000;

/// Whether committed circuits have an operator, for some of its nodes at least.
#[must_use]
pub fn is_covered(operator: &str) -> bool {
    super::ops::import(operator).is_some() || expand::is_expanded(operator)
}

/// A named tensor at the edge of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in the ONNX file.
    pub name: String,
    /// Its sizes, outermost first.
    pub shape: Vec<usize>,
    /// What kind of numbers it holds.
    pub numbers: Numbers,
}

/// The kind of numbers of an element type; none for texts, complex numbers and what has fewer than 8 bits.
fn numbers_of(element: DataType) -> Option<Numbers> {
    Some(match element {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => Numbers::Floats,
        DataType::Bool => Numbers::Truth,
        DataType::Int32 | DataType::Int64 => Numbers::Integers,
        other => {
            let (least, greatest) = range(other)?;
            Numbers::Within(least, greatest)
        }
    })
}

impl Port {
    /// As what input files are read into.
    #[must_use]
    pub fn slot(&self) -> Slot<'_> {
        Slot {
            name: &self.name,
            shape: &self.shape,
            numbers: self.numbers,
        }
    }
}

/// A file that EZKL can be expected to load.
#[derive(Debug)]
pub struct OnnxModel {
    /// Graph inputs in the file's order, without those that are initializers.
    pub inputs: Vec<Port>,
    /// Graph outputs in the file's order.
    pub outputs: Vec<Port>,
    /// How much of it the typed graph covers.
    pub coverage: Coverage,
    /// What a direct circuit, which EZKL makes of the file, would get wrong. Empty where the coverage is partial, since the
    /// file is then refused.
    pub misread: Vec<Problem>,
    /// What was filled in that the file leaves open: a sentence about each.
    pub notes: Vec<String>,
    /// Means that EZKL computes by a factor, which the scale rounds.
    pub means: Vec<Mean>,
    /// Constants of floats, which the scale rounds, where the coverage is partial.
    pub constants: Vec<(String, Tensor)>,
    /// What layers multiply by, add and compare with.
    pub factors: Vec<Factor>,
}

impl OnnxModel {
    /// Refuses a file whose constants EZKL cannot take at a scale, if it checks values below `limit`; `path` is only named in the
    /// error.
    ///
    /// # Errors
    /// [`OnnxError::Invalid`].
    pub fn fits(&self, scale: u32, limit: u128, path: &Path) -> Result<(), OnnxError> {
        /// EZKL's integers have 128 bits, one of them for the sign (`quantize_float`).
        const INTEGER_BITS: i32 = 127;
        let unit = f64::from(scale).exp2();
        let beyond = |x: f32, most: f64| f64::from(x.abs()) * unit >= most;
        let factors = self
            .factors
            .iter()
            .filter(|factor| beyond(factor.greatest, limit as f64));
        let factors = factors.map(|factor| Problem::OutOfRange {
            node: factor.node.clone(),
            operator: factor.operator.clone(),
            value: factor.greatest,
            scale,
            limit,
        });
        let most = f64::from(INTEGER_BITS).exp2();
        let graph = match &self.coverage {
            Coverage::Full(graph) => Some(graph),
            Coverage::Partial(_) => None,
        };
        let own = graph.into_iter().flat_map(|graph| {
            let nodes = graph.nodes.iter();
            nodes.filter_map(|node| Some((&graph.values[node.output.0].name, node.op.rules().constant()?)))
        });
        let read = self.constants.iter().map(|(name, tensor)| (name, tensor));
        let constants = read.chain(own).filter_map(|(name, tensor)| {
            let value = tensor.data.iter().copied().find(|&x| beyond(x, most))?;
            Some(Problem::Overflow {
                constant: format!("constant {name}"),
                value,
                scale,
            })
        });
        let problems: Vec<Problem> = factors.chain(constants).collect();
        if problems.is_empty() {
            return Ok(());
        }
        Err(OnnxError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }

    /// Refuses a file that EZKL would load as something else; `path` is only named in the error.
    ///
    /// # Errors
    /// [`OnnxError::Invalid`].
    pub fn directly(&mut self, path: &Path) -> Result<(), OnnxError> {
        if self.misread.is_empty() {
            return Ok(());
        }
        Err(OnnxError::Invalid {
            path: path.to_owned(),
            problems: std::mem::take(&mut self.misread),
        })
    }
}

/// The constants that a node computes with.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The node.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// The greatest magnitude of one.
    pub greatest: f32,
}

/// A mean over so many elements that EZKL computes as a sum times 1/`count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mean {
    /// The node.
    pub node: String,
    /// The ONNX operator.
    pub operator: String,
    /// The elements of each mean.
    pub count: usize,
}

/// Whether the typed graph, and with it the integer reference, covers a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Coverage {
    /// All of it.
    Full(Graph),
    /// Not these nodes. The file can be proved, but no integer reference stands beside it.
    Partial(Vec<Uncovered>),
}

/// The operators of these nodes, each once, in alphabetical order.
#[must_use]
pub fn operators(nodes: &[Uncovered]) -> Vec<String> {
    let operators: BTreeSet<&String> = nodes.iter().map(|node| &node.operator).collect();
    operators.into_iter().cloned().collect()
}

/// Whether a model has each of these: a node of that name and operator, or an output of that name. False where the bytes are no model.
#[must_use]
pub fn has(onnx: &[u8], nodes: &[Uncovered]) -> bool {
    let Ok(model) = ModelProto::decode(onnx) else {
        return false;
    };
    let graph = model.graph.unwrap_or_default();
    let node = |sought: &Uncovered| {
        let mut nodes = graph.node.iter();
        nodes.any(|node| label(node) == sought.node && node.op_type == sought.operator)
    };
    let output = |sought: &Uncovered| {
        let mut outputs = graph.output.iter();
        sought.operator == UNCOVERED_OUTPUT && outputs.any(|output| output.name == sought.node)
    };
    nodes.iter().all(|sought| node(sought) || output(sought))
}

/// What stands for the operator where an output is not covered.
const UNCOVERED_OUTPUT: &str = "output";

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
    /// Weights that are stored in another file cannot be read.
    #[error("initializer {tensor:?} is stored in {}: {reason}", path.display())]
    Beside {
        /// Name of the initializer.
        tensor: String,
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// A size was given for a name that is none of a size that the file leaves open.
    #[error("{}: no input has an open size {name:?}{}", path.display(), open_sizes(open))]
    Dimension {
        /// The file.
        path: PathBuf,
        /// What was named.
        name: String,
        /// What can be.
        open: Vec<String>,
    },
    /// The output has no such form.
    #[error("{}: its output has no form {asked:?}: {reason}", path.display(), asked = asked.name())]
    Output {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        asked: OutputForm,
        /// Why there is none.
        reason: String,
    },
    /// The process that analyses a file cannot be started.
    #[error("cannot start a process to analyse the model in: {source}")]
    Apart {
        /// Why not.
        source: io::Error,
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

fn open_sizes(open: &[String]) -> String {
    if open.is_empty() {
        "; all sizes are in the file".to_owned()
    } else {
        format!(", but {}", open.join(", "))
    }
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n- {problem}")).collect();
    lines.concat()
}

impl Hint for OnnxError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        self.hints().into_iter().next()
    }

    /// One line for each kind of problem.
    fn hints(&self) -> Vec<Cow<'static, str>> {
        match self {
            Self::Read { source, .. } => source.hints(),
            Self::NotOnnx { .. } => {
                vec!["export it, for example with torch.onnx.export(model, (x,), path, dynamo=False)".into()]
            }
            Self::Beside { .. } => {
                vec![
                    "keep the file of weights itself, no link to it, beside the model, as it was exported"
                        .into(),
                ]
            }
            Self::Dimension { .. } => vec!["name a size as the file does, as in --dim batch=1".into()],
            Self::Output { .. } => vec!["leave out --output to prove the output as the file has it".into()],
            Self::Apart { .. } => vec!["check the limits on processes and memory (ulimit -a)".into()],
            Self::Invalid { problems, .. } => {
                let mut hints: Vec<_> = problems.iter().filter_map(Problem::hint).collect();
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
    /// An input is no tensor of numbers; or, where EZKL makes the circuit, not of `f32`.
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
    /// A constant is NaN or infinite; EZKL would take NaN for 0.
    #[error("{constant} has NaN or infinite elements")]
    NotFinite {
        /// Which constant.
        constant: String,
    },
    /// An initializer is sparse, which EZKL's loader skips.
    #[error("it has sparse initializers")]
    SparseInitializer,
    /// A constant cannot be read.
    #[error("{constant}: {reason}")]
    Constant {
        /// Which constant.
        constant: String,
        /// What is wrong with it.
        reason: String,
    },
    /// All constants together have more elements than a circuit has rows.
    #[error("its constants have more than {MOST_ELEMENTS} elements")]
    TooManyConstants,
    /// There are more operators than anybody has proved.
    #[error("it has {found} nodes, and {MOST_NODES} are the most")]
    TooManyNodes {
        /// How many there are.
        found: usize,
    },
    /// Something that needs a name has none.
    #[error("it has {what} without a name")]
    Unnamed {
        /// What it is.
        what: &'static str,
    },
    /// An input has no axes, or too many.
    #[error("input {input:?} has {found} axes, and must have 1 to {}", MOST_AXES)]
    Axes {
        /// Name of the input.
        input: String,
        /// How many it has.
        found: usize,
    },
    /// An output is an input, and so no result.
    #[error("the output {output:?} is an input as it is")]
    PassedThrough {
        /// Name of the output.
        output: String,
    },
    /// An output is what another one is, under another name.
    #[error("the output {output:?} is the output {other:?} as it is")]
    SameOutput {
        /// Name of the output.
        output: String,
        /// Name of the other.
        other: String,
    },
    /// A constant takes values out of the range that EZKL can check.
    #[error(
        "{operator} node {node:?}: a constant of {value:e} at scale {scale} is {0:e}, and EZKL checks values below {limit} alone",
        f64::from(*value) * f64::from(*scale).exp2()
    )]
    OutOfRange {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// The constant's magnitude.
        value: f32,
        /// The circuit's scale.
        scale: u32,
        /// What values must stay below.
        limit: u128,
    },
    /// A constant does not fit EZKL's integers.
    #[error("{constant} holds {value:e}, and EZKL's integers do not hold it at scale {scale}")]
    Overflow {
        /// Which constant.
        constant: String,
        /// The element.
        value: f32,
        /// The circuit's scale.
        scale: u32,
    },
    /// An input has more elements than a circuit has rows.
    #[error("input {input:?} has more than {MOST_ELEMENTS} elements")]
    TooLarge {
        /// Name of the input.
        input: String,
    },
    /// A value has two definitions.
    #[error("the value {value:?} is given twice")]
    Twice {
        /// Name of the value.
        value: String,
    },
    /// The file is written for operators whose meaning is not known.
    #[error("it is written for {}, and {} to {} are known", found.map_or_else(|| "no operator set".to_owned(), |found| format!("operator set {found}")), schema::OPERATOR_SETS.start(), schema::OPERATOR_SETS.end())]
    OperatorSet {
        /// What it is written for, if it says so.
        found: Option<i64>,
    },
    /// The file names the set of ONNX's own operators more than once: readers differ in which they follow.
    #[error("it names the operator set of ONNX's own operators {} times: {found:?}", found.len())]
    OperatorSets {
        /// What it names, in order.
        found: Vec<i64>,
    },
    /// What the file declares of an input, an initializer or an output contradicts it.
    #[error("{reason}")]
    Declared {
        /// The value, what is declared, and what it is.
        reason: String,
    },
    /// A node is an operator of another domain than ONNX's, which only the file or a runtime gives a meaning.
    #[error("node {node:?} is {operator}, which is none of ONNX's own operators")]
    Foreign {
        /// Name of the node.
        node: String,
        /// The operator with its domain.
        operator: String,
    },
    /// A function in the file that a node could call instead of an operator.
    #[error("it holds the function {function:?}, which a node could call")]
    Function {
        /// Its name with its domain.
        function: String,
    },
    /// An attribute does not say of which type it is.
    #[error("{operator} node {node:?}: its attribute {attribute} has no type")]
    UntypedAttribute {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// Name of the attribute.
        attribute: String,
    },
    /// An attribute that the operator does not have, or that is of another type.
    #[error("{operator} node {node:?}: in operator set {opset} {}", match expected { Some(expected) => format!("its attribute {attribute} must be of type {expected}"), None => format!("it has no attribute {attribute}") })]
    UnknownAttribute {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// Name of the attribute.
        attribute: String,
        /// The type that it should have, if the operator has it.
        expected: Option<&'static str>,
        /// The file's operator set.
        opset: i64,
    },
    /// An operator that the file's operator set does not have.
    #[error("{operator} node {node:?}: operator set {opset} has no such operator")]
    NoOperator {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// The file's operator set.
        opset: i64,
    },
    /// A truth value that is neither 0 nor 1, which loaders read differently.
    #[error("{operator} node {node:?}: {attribute} is {value}, and must be 0 or 1")]
    Truth {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// Name of the attribute.
        attribute: &'static str,
        /// What it is.
        value: i64,
    },
    /// An operator draws random numbers: it is no function.
    #[error("{operator} node {node:?} draws random numbers")]
    Draws {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
    },
    /// An operator contains graphs.
    #[error("{operator} node {node:?} contains a graph of its own{}", reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")))]
    Subgraph {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// Of an If, why no branch is known to be chosen.
        reason: Option<String>,
    },
    /// EZKL would compute something else than the operator does, or fail on it.
    #[error("{operator} node {node:?}: {reason}")]
    Misread {
        /// Name of the node.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// The attribute or input at fault, with its value.
        reason: String,
        /// What the user can do about it.
        remedy: Cow<'static, str>,
    },
    /// EZKL would compute a convolution without its batch axis, and misplace its windows.
    #[error(
        "Conv node {node:?}: the loader drops its batch axis, and EZKL 23.0.5 then misplaces its windows"
    )]
    MisreadConvolution {
        /// Name of the node.
        node: String,
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
        /// The ONNX operator.
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
    /// A node, or an output, that has no committed circuit, of a file that has no direct one either.
    #[error("no committed circuit: {0}")]
    NotCommitted(Uncovered),
    /// tract, which EZKL loads ONNX with, cannot analyse the model.
    #[error("{reason}")]
    Analysis {
        /// Why not.
        reason: String,
        /// What the user can do about it.
        remedy: String,
    },
}

impl Problem {
    /// What of a node cannot be followed.
    fn misread(node: &NodeProto, misreading: direct::Misreading) -> Self {
        Self::Misread {
            node: label(node),
            operator: node.op_type.clone(),
            reason: misreading.reason,
            remedy: misreading.remedy.into(),
        }
    }
}

impl Hint for Problem {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint: &str = match self {
            Self::NoInputs => "export it with at least one input that is not a constant",
            Self::NoOutputs => "name at least one output when it is exported",
            Self::InputType { .. } => {
                "let the model take float32 and convert within it; committed circuits take all numbers"
            }
            Self::DynamicShape { .. } => {
                "give each size that has no number one, as in --dim sequence=16 (one without a name is called by its input and axis: \
                 --dim input.2=16), or export with fixed shapes: no dynamic_axes or dynamic_shapes"
            }
            Self::ExternalData { .. } => {
                "save the weights in the file: onnx.save(onnx.load(path), path, save_as_external_data=False)"
            }
            Self::NotFinite { .. } => "check the training: every weight and constant must be a finite number",
            Self::SparseInitializer => "store the weights as dense tensors",
            Self::TooLarge { .. } | Self::TooManyConstants | Self::TooManyNodes { .. } => {
                "prove a smaller model: each element takes a row at least"
            }
            Self::Axes { .. } => "give the input a batch axis of size 1, and reshape it within the model",
            Self::PassedThrough { .. } | Self::SameOutput { .. } => {
                "leave the output out, since it says nothing new"
            }
            Self::Overflow { .. } | Self::OutOfRange { .. } => {
                "use smaller constants: check the training, normalise the layer, and leave out bounds that bound nothing"
            }
            Self::OperatorSet { .. } => {
                "convert it: onnx.version_converter.convert_version(onnx.load(path), 17)"
            }
            Self::NoOperator { .. } => {
                "export it for an operator set that has the operator (https://onnx.ai/onnx/operators says which)"
            }
            Self::OperatorSets { .. } => "leave one entry in opset_import for the domain \"\"",
            Self::Declared { .. } => declared::REMEDY,
            Self::Foreign { .. } | Self::Function { .. } => {
                "inline it: onnx.inliner.inline_local_functions(model), or write it with ONNX's own operators"
            }
            Self::UndefinedValue { .. }
            | Self::UndefinedOutput { .. }
            | Self::Twice { .. }
            | Self::Unnamed { .. }
            | Self::Constant { .. }
            | Self::UntypedAttribute { .. }
            | Self::UnknownAttribute { .. }
            | Self::Truth { .. } => CHECK,
            Self::Draws { .. } => "call model.eval() before export, and make random tensors constants",
            Self::Subgraph { .. } => "export by tracing, so that no If, Loop or Scan is left",
            Self::Misread { remedy, .. } => remedy,
            Self::Analysis { remedy, .. } => remedy,
            Self::MisreadConvolution { .. } => {
                "put a pool beside it, use only operators that committed circuits cover, or make the 1x1 convolutions around \
                 it 3x3"
            }
            Self::UnsupportedOperator { .. } => {
                "rewrite the model without it, or export with dynamo=False and constant folding"
            }
            Self::MissingStrides { .. } => {
                "write the attribute out: node.attribute.append(onnx.helper.make_attribute(\"strides\", [1, 1]))"
            }
            Self::Dilated { .. } => "use dilation 1, or a larger kernel with zeros in it",
            // What a direct circuit lacks has a hint.
            Self::NotCommitted(_) => return None,
        };
        Some(hint.to_owned().into())
    }
}

/// How a file is read: what its reader fills in, and which form of its output is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Sizes that the file leaves open.
    pub dimensions: Dimensions,
    /// What of its output.
    pub output: OutputForm,
}

/// A file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The file's bytes.
    pub file: Vec<u8>,
    /// What it says.
    pub model: OnnxModel,
    /// The bytes with everything in them that is proved, where those are others than the file's.
    proved: Option<Vec<u8>>,
}

impl Loaded {
    /// The bytes that hold everything that is proved, so that all that follows works on the same ones, and what they say.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, OnnxModel) {
        (self.proved.unwrap_or(self.file), self.model)
    }

    /// The bytes that hold everything that is proved.
    #[must_use]
    pub fn proved(&self) -> &[u8] {
        self.proved.as_deref().unwrap_or(&self.file)
    }

    /// How many elements the outputs have in all, or the greatest number where that is beyond it.
    #[must_use]
    pub fn output_elements(&self) -> usize {
        let outputs = self.model.outputs.iter();
        outputs.fold(0, |all, port| {
            all.saturating_add(graph::elements(&port.shape).unwrap_or(usize::MAX))
        })
    }
}

/// Reads and parses a file, and weights beside it. What the file leaves open has the sizes that are given; a batch that has none
/// is 1. Its output has the form that is asked for.
///
/// # Errors
/// [`OnnxError`], which names the file.
pub fn load(path: &Path, asked: &Asked) -> Result<Loaded, OnnxError> {
    let file = files::read(path, MOST_MODEL_BYTES).map_err(|source| OnnxError::Read {
        path: path.to_owned(),
        source,
    })?;
    load_bytes(file, path, asked)
}

/// As [`load`], with the file's bytes at hand; `path` is where weights may stand beside it, and is named in errors.
///
/// # Errors
/// [`OnnxError`].
pub fn load_bytes(file: Vec<u8>, path: &Path, asked: &Asked) -> Result<Loaded, OnnxError> {
    let (mut proved, mut notes) = resolve::resolve(&file, path, &asked.dimensions)?;
    let mut model = parse(proved.as_deref().unwrap_or(&file), path)?;
    if asked.output != OutputForm::Model {
        let reformed = output::reformed(proved.as_deref().unwrap_or(&file), &model.outputs, asked.output);
        let (bytes, note) = reformed.map_err(|reason| OnnxError::Output {
            path: path.to_owned(),
            asked: asked.output,
            reason,
        })?;
        model = parse(&bytes, path)?;
        proved = Some(bytes);
        notes.push(note);
    }
    model.notes = [notes, std::mem::take(&mut model.notes)].concat();
    Ok(Loaded { file, model, proved })
}
