//! ONNX bytes to [`OnnxModel`], in two passes.
//!
//! The first, in `check`, looks for everything that EZKL cannot load, on the file as it is. The second builds
//! the typed graph node by node; a node that it has no operator for leaves its outputs unknown, and the
//! walk goes on to name all such nodes. Constants live beside the graph until an operator takes them as a
//! parameter.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

use super::branches::Chosen;
use super::check::{Found, element_type, inspect, misfits, operator_set, static_inputs};
use super::loaded::{Loaded, Refusal};
use super::{
    Coverage, Factor, MOST_NODES, OnnxError, OnnxModel, Port, Problem, Uncovered, apart, branches,
    contributed, declared, expand, folded, numbers_of,
};
use crate::graph::{Graph, GraphError, MOST_ELEMENTS, Tensor, ValueId, elements};
use crate::input::Numbers;
use crate::integer;
use crate::interval::{Interval, Unbounded};
use crate::ops::{self, Composition, Meaning, Op, Part, Within};
use crate::wire::constant::{Constant, constant, constant_node, is_rounded, range as range_of};
use crate::wire::node::{Attributes, axis, is_standard, label};
use crate::wire::reading::{Argument, Reading};

/// Parses an ONNX file's bytes. `path` is only named in errors.
///
/// # Errors
/// [`OnnxError::NotOnnx`] and [`OnnxError::Invalid`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<OnnxModel, OnnxError> {
    let not_onnx = |reason: String| OnnxError::NotOnnx {
        path: path.to_owned(),
        reason,
    };
    let model = ModelProto::decode(bytes).map_err(|error| not_onnx(error.to_string()))?;
    // An empty file, too, decodes: every field of a protobuf message may be left out.
    let proto = model
        .graph
        .as_ref()
        .ok_or_else(|| not_onnx("it holds no graph".to_owned()))?;
    let chosen = chosen(&model, proto);
    let proto = &*chosen.graph;

    let invalid = |problems| OnnxError::Invalid {
        path: path.to_owned(),
        problems,
    };
    let mut found = Found::default();
    let mut inputs = static_inputs(proto, &mut found);
    for port in &mut inputs {
        port.numbers = positions(proto, &port.name).unwrap_or(port.numbers);
    }
    inspect(&model, &chosen, &mut found);
    found
        .always
        .extend(declared::contradictions_of_given(proto, &inputs));
    let Found { mut always, direct } = found;
    if !always.is_empty() {
        always.extend(direct);
        return Err(invalid(always));
    }
    let opset = operator_set(&model).unwrap_or(1);
    let expanded = written_out(proto, opset).map_err(invalid)?;
    let coverage = Import::run(&expanded, opset, &inputs).map_err(|problem| invalid(vec![problem]))?;
    let (mut means, mut constants) = (Vec::new(), Vec::new());
    let mut misread = direct;
    let output_shapes: Vec<Vec<usize>> = match &coverage {
        Coverage::Full(graph) => {
            if misread.is_empty() && !integer::is_followed(graph) {
                // What a direct circuit would make of it, tract alone can tell.
                let analysed = apart::analyse(bytes, &model).map_err(|source| OnnxError::Apart { source })?;
                misread.extend(match analysed {
                    Ok(loaded) => misreadings(&loaded),
                    Err(refusal) => vec![at_fault(proto, refusal)],
                });
            }
            graph.output_values().map(|v| v.shape.clone()).collect()
        }
        Coverage::Partial(uncovered) => {
            // Only a direct circuit is left; where there is none either, the file is refused for the reasons of both.
            let refused = |mut problems: Vec<Problem>| {
                problems.extend(uncovered.iter().cloned().map(Problem::NotCommitted));
                invalid(problems)
            };
            if !misread.is_empty() {
                return Err(refused(misread));
            }
            let analysed = apart::analyse(bytes, &model).map_err(|source| OnnxError::Apart { source })?;
            let loaded = analysed.map_err(|refusal| refused(vec![at_fault(proto, refusal)]))?;
            let problems = misreadings(&loaded);
            if !problems.is_empty() {
                return Err(refused(problems));
            }
            means = loaded.means;
            constants = float_constants(proto);
            loaded.output_shapes
        }
    };
    let names = proto.output.iter().map(|output| output.name.clone());
    let outputs = names
        .zip(output_shapes)
        .map(|(name, shape)| Port {
            name,
            shape,
            numbers: Numbers::Floats,
        })
        .collect();
    Ok(OnnxModel {
        inputs,
        outputs,
        coverage,
        misread,
        notes: defaults(&model)
            .into_iter()
            .chain(half_precision(proto))
            .chain(chosen.replaced.iter().map(|(node, branch)| taken(node, branch)))
            .collect(),
        means,
        constants,
        factors: factors(proto),
    })
}

/// The graph with the nodes written out that stand for several operators of ONNX's own.
///
/// # Errors
/// What does not fit of nodes that are not the file's own, which were looked at as they are.
fn written_out(graph: &GraphProto, opset: i64) -> Result<Cow<'_, GraphProto>, Vec<Problem>> {
    let standard = contributed::written_out(graph);
    let expanded = match expand::expanded(&standard) {
        Cow::Owned(graph) => Some(graph),
        Cow::Borrowed(_) => None,
    };
    let result = expanded.map_or(standard, Cow::Owned);
    if result.node.len() > MOST_NODES {
        let found = result.node.len();
        return Err(vec![Problem::TooManyNodes { found }]);
    }
    let misfits = match &result {
        Cow::Owned(graph) => misfits(graph, opset),
        Cow::Borrowed(_) => Vec::new(),
    };
    if misfits.is_empty() {
        Ok(result)
    } else {
        Err(misfits)
    }
}

/// The graph with branches in the place of `If` nodes whose condition is known.
fn chosen<'a>(model: &ModelProto, graph: &'a GraphProto) -> Chosen<'a> {
    branches::chosen(graph, |graph, name| condition(model, graph, name))
}

/// A file with branches in the place of `If` nodes whose condition is known; the file itself where it has none, or is none.
#[must_use]
pub fn with_chosen_branches(onnx: &[u8]) -> Cow<'_, [u8]> {
    let Ok(mut model) = ModelProto::decode(onnx) else {
        return Cow::Borrowed(onnx);
    };
    let chosen = model.graph.as_ref().map(|graph| chosen(&model, graph).graph);
    match chosen {
        Some(Cow::Owned(graph)) => {
            model.graph = Some(graph);
            Cow::Owned(model.encode_to_vec())
        }
        _ => Cow::Borrowed(onnx),
    }
}

/// Whether a truth value of a graph is true, if it is for any input, or why that is not known.
fn condition(model: &ModelProto, graph: &GraphProto, name: &str) -> Result<bool, String> {
    let mut found = Found::default();
    let inputs = static_inputs(graph, &mut found);
    inspect(model, &Chosen::none(graph), &mut found);
    let refused = |_| "its condition depends on what is refused".to_owned();
    if !found.always.is_empty() {
        return Err(refused(found.always));
    }
    let opset = operator_set(model).unwrap_or(1);
    let expanded = written_out(graph, opset).map_err(refused)?;
    let import = Import::of(&expanded, opset, &inputs);
    match import.binding(name) {
        Binding::Constant(Ok(constant)) => match &*constant {
            Constant::Ints(truth) if truth.element == DataType::Bool && truth.data.len() == 1 => {
                Ok(truth.data[0] != 0)
            }
            other => Err(format!(
                "its condition is {} of shape {:?}, and must be one truth value",
                other
                    .element()
                    .map_or("of floats", |element| element.as_str_name()),
                other.shape()
            )),
        },
        Binding::Constant(Err(reason)) => Err(format!("its condition: {reason}")),
        Binding::Value(..) | Binding::Unknown => Err(match import.uncovered.first() {
            Some(Uncovered {
                node,
                operator,
                reason,
            }) => {
                format!("its condition depends on {operator} node {node:?}, which is not covered: {reason}")
            }
            None => "its condition is not known".to_owned(),
        }),
    }
}

/// A sentence about the branch that an `If` has chosen.
fn taken(node: &NodeProto, branch: &str) -> String {
    format!(
        "If {}: its condition is the same for every input, so that its {branch} is what is proved",
        label(node)
    )
}

/// The numbers that an input may hold which picks rows of a stored table; none where it picks none. Runtimes fail on others.
fn positions(proto: &GraphProto, input: &str) -> Option<Numbers> {
    let picks =
        |node: &&NodeProto| node.op_type == "Gather" && node.input.get(1).is_some_and(|name| name == input);
    let rows = proto.node.iter().filter(picks).filter_map(|node| {
        let axis = Attributes(node).int("axis").unwrap_or(0);
        let table = proto
            .initializer
            .iter()
            .find(|tensor| tensor.name == node.input[0])?;
        table.dims.first().copied().filter(|&rows| axis == 0 && rows > 0)
    });
    rows.min().map(|rows| Numbers::Within(0, rows - 1))
}

/// A sentence about each input with a default value, which the proof is about: from IR version 4 on a caller may give another.
fn defaults(model: &ModelProto) -> Vec<String> {
    const REPLACEABLE: i64 = 4;
    let Some(graph) = model.graph.as_ref().filter(|_| model.ir_version >= REPLACEABLE) else {
        return Vec::new();
    };
    let inputs: HashSet<&String> = graph.input.iter().map(|input| &input.name).collect();
    let defaults = graph.initializer.iter().map(|tensor| &tensor.name);
    let notes = defaults.filter(|name| inputs.contains(name)).map(|name| {
        format!(
            "input {name}: the file gives it a default value, which a caller may replace; the proof is about the default"
        )
    });
    notes.collect()
}

/// A sentence about a file that has values of 16-bit floats, if it does.
fn half_precision(proto: &GraphProto) -> Option<String> {
    let is_half = |element: i32| [DataType::Float16 as i32, DataType::Bfloat16 as i32].contains(&element);
    let made = proto.node.iter().flat_map(|node| &node.attribute);
    let made = made.filter_map(|attribute| attribute.t.as_ref());
    let mut stored = proto.initializer.iter().chain(made);
    let declared = proto.input.iter().chain(&proto.value_info).chain(&proto.output);
    let mut declared = declared.filter_map(element_type);
    let casts = proto.node.iter().filter(|node| node.op_type == "Cast");
    let mut casts = casts.filter_map(|node| Attributes(node).int("to"));
    let is_any = stored.any(|tensor| is_half(tensor.data_type))
        || declared.any(|element| is_half(element as i32))
        || casts.any(|to| i32::try_from(to).is_ok_and(is_half));
    is_any.then(|| {
        "the file has values of float16 or bfloat16, which the circuit computes as real numbers: what overflows in the file, beyond 65,504 of \
         float16, does not in the circuit"
            .to_owned()
    })
}

/// The greatest magnitude of what each node multiplies by, adds to the product, or compares with.
fn factors(proto: &GraphProto) -> Vec<Factor> {
    let greatest = |numbers: &[f32]| numbers.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let constants: HashMap<String, f32> = float_constants(proto)
        .into_iter()
        .map(|(name, tensor)| (name, greatest(&tensor.data)))
        .collect();
    let factors = proto.node.iter().filter_map(|node| {
        let inputs = match node.op_type.as_str() {
            "Conv" | "ConvTranspose" | "Gemm" | "MatMul" => 0..3,
            "BatchNormalization" | "Clip" => 1..3,
            _ => 0..0,
        };
        let inputs = inputs.filter_map(|position| constants.get(node.input.get(position)?));
        // These two have no part in what is computed.
        let attributes = node.attribute.iter().filter(|attribute| {
            attribute.r#type() == AttributeType::Float
                && !["momentum", "ratio"].contains(&attribute.name.as_str())
        });
        let all = inputs
            .copied()
            .chain(attributes.map(|attribute| attribute.f.abs()));
        Some(Factor {
            node: label(node),
            operator: node.op_type.clone(),
            greatest: all.reduce(f32::max)?,
        })
    });
    factors.collect()
}

/// Why tract does not load a file, with the node where it is known.
fn at_fault(proto: &GraphProto, refusal: Refusal) -> Problem {
    let Refusal { node, reason, remedy } = refusal;
    match node.and_then(|index| proto.node.get(index)) {
        Some(node) => Problem::Misread {
            node: label(node),
            operator: node.op_type.clone(),
            reason,
            remedy: remedy.into(),
        },
        None => Problem::Analysis { reason, remedy },
    }
}

/// What EZKL would get wrong about a file that tract loads.
fn misreadings(loaded: &Loaded) -> Vec<Problem> {
    let not_finite = loaded.not_finite.iter().map(|node| Problem::NotFinite {
        constant: format!("what {node:?} computes of constants"),
    });
    let misread = loaded
        .misread
        .iter()
        .map(|node| Problem::MisreadConvolution { node: node.clone() });
    not_finite.chain(misread).collect()
}

/// Every constant of floats in the file, by name.
fn float_constants(proto: &GraphProto) -> Vec<(String, Tensor)> {
    let initializers = proto
        .initializer
        .iter()
        .map(|tensor| (&tensor.name, constant(tensor)));
    let is_constant = |node: &&NodeProto| node.op_type == "Constant";
    let nodes = proto.node.iter().filter(is_constant).filter_map(|node| {
        let name = node.output.first();
        name.map(|name| (name, constant_node(node)))
    });
    let floats = initializers
        .chain(nodes)
        .filter_map(|(name, constant)| match constant {
            Ok(Constant::Floats(tensor)) => Some((name.clone(), tensor)),
            _ => None,
        });
    floats.collect()
}

/// What a name stands for.
#[derive(Clone)]
enum Binding {
    /// A value of the graph, and the type of its elements in the file, where that is known.
    Value(ValueId, Option<DataType>),
    /// A constant, or why it cannot be read.
    Constant(Result<Arc<Constant>, String>),
    /// Output of a node that is not covered.
    Unknown,
}

/// The typed graph under construction.
struct Import<'a> {
    /// The operator set that the file is written in.
    opset: i64,
    graph: Graph,
    bindings: HashMap<&'a str, Binding>,
    uncovered: Vec<Uncovered>,
    /// Constants that are values of the graph, by name.
    constants: HashMap<String, ValueId>,
    /// Values of integers or truth values of a type that is not known.
    integers: HashSet<ValueId>,
    /// Constants of 64-bit floats.
    doubles: HashSet<&'a str>,
    /// Constants that 32 bits may not hold.
    rounded: HashMap<&'a str, Rounding>,
    /// What the integers of some values can be, where that is less than their type holds.
    ranges: HashMap<ValueId, Interval>,
    /// Elements of all values and parameters so far.
    total: usize,
    /// Elements of all constants that were computed so far.
    folded: usize,
}

/// Why a constant is not the file's in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rounding {
    /// It is stored in 64 bits.
    Stored,
    /// It is computed in 64 bits, or of what is rounded.
    Computed,
}

/// Operators whose result can change with the last bit of a constant.
const DECIDING: [&str; 17] = [
    "Cast",
    "CastLike",
    "Ceil",
    "Equal",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "Mod",
    "NonZero",
    "QuantizeLinear",
    "Range",
    "Round",
    "Sign",
];

/// Operators that give elements as they are.
const KEEPING: [&str; 19] = [
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Identity",
    "Reshape",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "Squeeze",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
];

/// Why a constant of 64-bit floats is not folded.
const LAST_BITS: &str = "its result depends on the last bits of 64-bit constants";

impl<'a> Import<'a> {
    /// # Errors
    /// The file declares of a value something else than follows from its nodes.
    fn run(proto: &'a GraphProto, opset: i64, inputs: &[Port]) -> Result<Coverage, Problem> {
        let mut import = Self::of(proto, opset, inputs);
        if let Some(contradiction) = declared::contradiction(proto, |name| import.known(name)) {
            return Err(declared::problem(proto, contradiction));
        }
        for output in &proto.output {
            import.output(output);
        }
        Ok(if import.uncovered.is_empty() {
            Coverage::Full(import.graph)
        } else {
            Coverage::Partial(import.uncovered)
        })
    }

    /// Everything that the nodes of a graph give.
    fn of(proto: &'a GraphProto, opset: i64, inputs: &[Port]) -> Self {
        let mut import = Self {
            opset,
            graph: Graph::default(),
            bindings: HashMap::new(),
            uncovered: Vec::new(),
            constants: HashMap::new(),
            integers: HashSet::new(),
            doubles: HashSet::new(),
            rounded: HashMap::new(),
            ranges: HashMap::new(),
            total: 0,
            folded: 0,
        };
        for tensor in &proto.initializer {
            let constant = Binding::Constant(constant(tensor).map(Arc::new));
            import.bindings.insert(&tensor.name, constant);
            if tensor.data_type() == DataType::Double {
                import.doubles.insert(&tensor.name);
            }
            if is_rounded(tensor) {
                import.rounded.insert(&tensor.name, Rounding::Stored);
            }
        }
        for input in &proto.input {
            if let Some(port) = inputs.iter().find(|port| port.name == input.name) {
                let element = element_type(input);
                let value = import.graph.input(&port.name, &port.shape);
                let range = match port.numbers {
                    Numbers::Within(least, greatest) => Some((least, greatest)),
                    Numbers::Integers => element.and_then(range_of),
                    Numbers::Floats | Numbers::Truth => None,
                };
                let value = value.and_then(|id| match range {
                    Some((least, greatest)) => import.held(&port.name, id, Within::whole(least, greatest)),
                    None if port.numbers == Numbers::Truth => import.truth_of(&port.name, id),
                    None => Ok(id),
                });
                let binding = value.map_or(Binding::Unknown, |id| Binding::Value(id, element));
                import.bindings.insert(&input.name, binding);
            }
        }
        for (index, node) in proto.node.iter().enumerate() {
            import.node(index, node);
        }
        import
    }

    /// Truth values of an input: nothing else of the circuit holds its numbers to 0 and 1.
    fn truth_of(&mut self, name: &str, input: ValueId) -> Result<ValueId, GraphError> {
        let mut negated = |of: ValueId, what: &str| {
            let name = format!("{name}:{what}");
            self.graph.apply(&name, &name, Op::Not, &[of])
        };
        let opposite = negated(input, "opposite")?;
        negated(opposite, "truth")
    }

    /// Numbers of an input that are no others: the range of the circuit's input is that of all inputs, and has negative ones.
    fn held(&mut self, name: &str, input: ValueId, within: Within) -> Result<ValueId, GraphError> {
        let name = format!("{name}:type");
        self.graph.apply(&name, &name, Op::Within(within), &[input])
    }

    /// What is known of a value so far.
    fn known(&self, name: &str) -> Option<declared::Known> {
        match self.bindings.get(name)? {
            Binding::Value(id, element) => Some(declared::Known {
                element: *element,
                shape: Some(self.graph.shape(*id).to_vec()),
            }),
            Binding::Constant(Ok(constant)) => Some(declared::Known {
                element: constant.element(),
                shape: Some(constant.shape().to_vec()),
            }),
            Binding::Constant(Err(_)) | Binding::Unknown => None,
        }
    }

    fn node(&mut self, index: usize, node: &'a NodeProto) {
        let covered = self.covered(index, node).unwrap_or_else(|reason| {
            self.uncovered.push(Uncovered {
                node: label(node),
                operator: node.op_type.clone(),
                reason,
            });
            Vec::new()
        });
        // Further outputs (a dropout mask, indices of maxima) are never covered.
        let bindings = covered.into_iter().chain(std::iter::repeat(Binding::Unknown));
        for (name, binding) in node.output.iter().zip(bindings) {
            self.bindings.insert(name, binding);
        }
    }

    /// The node's outputs that are covered, or why the node is not.
    fn covered(&mut self, index: usize, node: &'a NodeProto) -> Result<Vec<Binding>, String> {
        let one = |binding| Ok(vec![binding]);
        if let Some(constant) = self.folded(node)? {
            return one(Binding::Constant(Ok(Arc::new(constant))));
        }
        if let Some(binding) = self.cast(node)? {
            if let Binding::Value(id, element) = binding {
                self.keep_type(id, element);
            }
            self.keep_range_of_truth(node, &binding);
            return one(binding);
        }
        if let Some(along) = self.first_of_several(node)? {
            let is_logarithm = match node.op_type.as_str() {
                "Softmax" => false,
                "LogSoftmax" => true,
                _ => {
                    return Err(format!(
                        "before operator set {ONE_AXIS_SINCE} it takes all axes from {along} on for one"
                    ));
                }
            };
            let reading = Reading::new(node, |name| self.argument(name));
            return match ops::flattened_softmax(&reading, is_logarithm, along)? {
                Meaning::Composed(composition) => self.compose(index, node, composition),
                _ => Ok(Vec::new()),
            };
        }
        if self.is_of_whole_quotients(node) {
            return self.compose(index, node, Composition::single(Op::IntegerDiv, &[0, 1]));
        }
        match self.meaning(node)? {
            Meaning::Alias(position) => {
                self.keep_rounding(node)?;
                one(self.binding(&node.input[position]))
            }
            Meaning::Constant(constant) => {
                self.keep_rounding(node)?;
                one(Binding::Constant(Ok(Arc::new(constant))))
            }
            Meaning::Unknown => Ok(Vec::new()),
            Meaning::Composed(composition) => self.compose(index, node, composition),
            Meaning::Apply(op, inputs) => self.compose(index, node, Composition::single(op, &inputs)),
        }
    }

    /// The first of several axes that a Softmax or one of its kin takes for one, as before operator set 13; none where it takes one.
    fn first_of_several(&self, node: &NodeProto) -> Result<Option<usize>, String> {
        let is_of_kin = ["Softmax", "LogSoftmax", "Hardmax"].contains(&&node.op_type[..]);
        if self.opset >= ONE_AXIS_SINCE || !is_of_kin || !is_standard(&node.domain) {
            return Ok(None);
        }
        let known = node.input.first().and_then(|name| self.known(name));
        let Some(shape) = known.and_then(|known| known.shape) else {
            return Ok(None);
        };
        let written = Attributes(node).int("axis");
        let along = axis(written.unwrap_or(1), shape.len())?;
        let is_one = along + 1 == shape.len()
            || (written.is_some() && shape[along + 1..].iter().all(|&size| size == 1));
        Ok((!is_one).then_some(along))
    }

    /// The outputs of a node that stands for these operators.
    fn compose(
        &mut self,
        index: usize,
        node: &'a NodeProto,
        composition: Composition,
    ) -> Result<Vec<Binding>, String> {
        let named = |&position: &usize| !node.output[position].is_empty();
        let positions = (0..node.output.len()).filter(named);
        let outputs: Vec<(usize, Part)> = positions
            .filter_map(|position| Some((position, composition.output(position)?)))
            .collect();
        let parts: Vec<Part> = outputs.iter().map(|&(_, part)| part).collect();
        let operators = composition.needed(&parts);
        let mut inputs: Vec<usize> = Vec::new();
        for part in parts
            .iter()
            .chain(operators.iter().flat_map(|(_, _, parts)| parts))
        {
            if let Part::Input(position) = part
                && !inputs.contains(position)
            {
                inputs.push(*position);
            }
        }
        self.expect_real_numbers(node, &inputs)?;
        let (element, is_of_integers) = self.result_type(node, &inputs);
        let range = self.result_range(node, &inputs);
        let mut values: HashMap<Part, ValueId> = HashMap::new();
        for position in inputs {
            let name = &node.input[position];
            let value = match self.bindings.get(name.as_str()) {
                Some(Binding::Value(id, _)) => *id,
                Some(Binding::Constant(Ok(constant))) => {
                    let constant = Arc::clone(constant);
                    self.constant(name, &constant)?
                }
                Some(Binding::Constant(Err(reason))) => return Err(format!("constant {name:?}: {reason}")),
                // The node that gives it has been reported; this one follows from it.
                _ => return Ok(Vec::new()),
            };
            values.insert(Part::Input(position), value);
        }
        for (number, op, parts) in operators {
            let part = Part::Result(number);
            let output = outputs.iter().find(|&&(_, output)| output == part);
            let (name, value) = match output {
                Some(&(position, _)) => {
                    let name = match position {
                        _ if self.is_free(&node.name) => node.name.clone(),
                        0 => format!("{}_{index}", node.op_type),
                        _ => format!("{}_{index}_{position}", node.op_type),
                    };
                    (name, node.output[position].clone())
                }
                None => {
                    let name = format!("{}_{index}:{number}", node.op_type);
                    (name.clone(), name)
                }
            };
            let inputs: Vec<ValueId> = parts.iter().map(|part| values[part]).collect();
            let id = self.push(&name, &value, op, &inputs)?;
            if output.is_some() {
                self.keep_type(id, element);
            }
            if is_of_integers && output.is_some() {
                self.integers.insert(id);
                self.graph.values[id.0].is_integer = true;
            }
            if let (Some(range), Some((0, _))) = (range, output) {
                self.ranges.insert(id, range);
            }
            values.insert(part, id);
        }
        let mut bindings = vec![Binding::Unknown; node.output.len()];
        for (position, part) in outputs {
            bindings[position] = match part {
                Part::Input(input) => self.binding(&node.input[input]),
                // Of what it orders, the positions are integers.
                Part::Result(_) if node.op_type == "TopK" && position == 1 => {
                    Binding::Value(values[&part], Some(DataType::Int64))
                }
                Part::Result(_) => Binding::Value(values[&part], element),
            };
        }
        Ok(bindings)
    }

    /// An operator on values of the graph.
    fn push(&mut self, name: &str, value: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, String> {
        let parameters: usize = op.parameters().iter().map(|(_, tensor)| tensor.len()).sum();
        // A constant may be a parameter many times.
        self.count(parameters)?;
        let id = self
            .graph
            .apply(name, value, op, inputs)
            .map_err(|error| error.to_string())?;
        self.count(elements(self.graph.shape(id)).unwrap_or(usize::MAX))?;
        Ok(id)
    }

    /// The output of a node that depends on constants, or sizes, alone; none where it does not or its operator is not folded.
    fn folded(&mut self, node: &'a NodeProto) -> Result<Option<Constant>, String> {
        if !is_standard(&node.domain) {
            return Ok(None);
        }
        let constant = folded::folded(&Reading::new(node, |name| self.argument(name))).transpose()?;
        if constant.is_some() {
            self.keep_rounding(node)?;
        }
        // Constants of constants may double each time.
        self.folded = self
            .folded
            .saturating_add(constant.as_ref().map_or(0, Constant::len));
        if self.folded <= MOST_ELEMENTS {
            Ok(constant)
        } else {
            Err(format!(
                "the constants up to it have more than {MOST_ELEMENTS} elements"
            ))
        }
    }

    /// Notes of a node's constant whether it is of 64-bit floats, and whether 32 bits hold it.
    ///
    /// # Errors
    /// Its result depends on the last bits of such constants.
    fn keep_rounding(&mut self, node: &'a NodeProto) -> Result<(), String> {
        let stored = node.attribute.iter().flat_map(|attribute| &attribute.t);
        let of_stored = stored.clone().any(is_rounded).then_some(Rounding::Stored);
        let of_inputs = node
            .input
            .iter()
            .filter_map(|name| self.rounded.get(name.as_str()).copied());
        let rounding = of_inputs.chain(of_stored).max();
        let is_double = |tensor: &tract_onnx::pb::TensorProto| tensor.data_type() == DataType::Double;
        let of_doubles = stored.clone().any(is_double)
            || node.input.iter().any(|name| self.doubles.contains(name.as_str()));
        let to = Attributes(node).int("to").and_then(|to| i32::try_from(to).ok());
        let (gives_doubles, rounding) = match (node.op_type.as_str(), rounding) {
            ("Shape" | "Size", _) => (false, None),
            ("Cast", _) if to == Some(DataType::Double as i32) => (true, rounding),
            // The file rounds what it stores there, too.
            ("Cast", _) if to == Some(DataType::Float as i32) => {
                (false, rounding.filter(|&rounding| rounding == Rounding::Computed))
            }
            (operator, Some(_)) if DECIDING.contains(&operator) => return Err(LAST_BITS.to_owned()),
            (operator, _) if KEEPING.contains(&operator) => (of_doubles, rounding),
            _ if of_doubles || rounding.is_some() => (of_doubles, Some(Rounding::Computed)),
            _ => (false, None),
        };
        for name in &node.output {
            if gives_doubles {
                self.doubles.insert(name);
            }
            if let Some(rounding) = rounding {
                self.rounded.insert(name, rounding);
            }
        }
        Ok(())
    }

    /// What a cast gives that changes no number: from integers and truth values to what holds them, and between floats, whose
    /// width is no business of a circuit's.
    fn cast(&self, node: &NodeProto) -> Result<Option<Binding>, String> {
        if node.op_type != "Cast" || !is_standard(&node.domain) {
            return Ok(None);
        }
        let Some(Binding::Value(id, from)) = node.input.first().map(|name| self.binding(name)) else {
            return Ok(None);
        };
        let from = match from {
            Some(from) => from,
            None if self.integers.contains(&id) => return Ok(None),
            None => DataType::Float,
        };
        let to = Attributes(node).int("to").and_then(|to| i32::try_from(to).ok());
        let to = to
            .and_then(|to| DataType::try_from(to).ok())
            .ok_or("it casts to no type")?;
        let kept = match (numbers_of(from), numbers_of(to)) {
            (Some(numbers), Some(kept)) => match numbers {
                Numbers::Floats => kept == Numbers::Floats,
                // What is narrower may not hold them.
                Numbers::Integers | Numbers::Within(..) => {
                    kept == Numbers::Floats || to == from || is_wide(to)
                }
                Numbers::Truth => true,
            },
            _ => false,
        };
        Ok(kept.then_some(Binding::Value(id, Some(to))))
    }

    /// Marks a value of integers as such, and beyond which ones those of a wide type wrap around in the file.
    fn keep_type(&mut self, value: ValueId, element: Option<DataType>) {
        let range = element.filter(|&element| is_wide(element)).and_then(range_of);
        let value = &mut self.graph.values[value.0];
        value.wrap_beyond(range);
        value.is_integer |=
            element.is_some_and(|element| element != DataType::Bool && range_of(element).is_some());
    }

    /// Marks that what a cast gives of truth values is 0 or 1, whatever else its type holds.
    fn keep_range_of_truth(&mut self, node: &NodeProto, cast: &Binding) {
        if let Some(DataType::Bool) = self.element(&node.input[0])
            && let Binding::Value(id, _) = cast
        {
            let truth = Interval {
                least: 0,
                greatest: 1,
            };
            self.ranges.insert(*id, truth);
        }
    }

    /// Whether a node divides integers: what it gives has nothing after the point.
    fn is_of_whole_quotients(&self, node: &NodeProto) -> bool {
        let mut known = node.input.iter().filter_map(|name| self.element(name));
        node.op_type == "Div" && is_standard(&node.domain) && known.next().is_some_and(is_wide)
    }

    /// What a value's integers can be; none where it holds no integers, or of a type that is not known.
    fn range(&self, name: &str) -> Option<Interval> {
        match self.bindings.get(name)? {
            Binding::Value(id, element) => {
                let of_type = || declared_range((*element)?);
                self.ranges.get(id).copied().or_else(of_type)
            }
            Binding::Constant(Ok(constant)) => match &**constant {
                Constant::Ints(integers) => Some(Interval {
                    least: (*integers.data.iter().min()?).into(),
                    greatest: (*integers.data.iter().max()?).into(),
                }),
                Constant::Floats(_) => None,
            },
            Binding::Constant(Err(_)) | Binding::Unknown => None,
        }
    }

    /// What a node gives of integers, where that follows from what it reads.
    fn result_range(&self, node: &NodeProto, inputs: &[usize]) -> Option<Interval> {
        let ranges: Vec<Interval> = Self::operands(node, inputs)
            .map(|name| self.range(name))
            .collect::<Option<_>>()?;
        let (&first, others) = ranges.split_first()?;
        let of_two = |combine: fn(Interval, Interval) -> Result<Interval, Unbounded>| {
            // A value that is read twice is there once.
            let second = others.first().copied().unwrap_or(first);
            combine(first, second).ok()
        };
        match node.op_type.as_str() {
            "Add" => of_two(Interval::plus),
            "Sub" => of_two(Interval::minus),
            "Mul" => of_two(Interval::times),
            "MatMul" => {
                let shape = self.known(&node.input[0])?.shape?;
                of_two(Interval::times)?.repeated(*shape.last()?).ok()
            }
            operator if MOVING.contains(&operator) => {
                Some(others.iter().fold(first, |all, &other| all.hull(other)))
            }
            _ => None,
        }
    }

    /// The type of a value's elements, where that is known.
    fn element(&self, name: &str) -> Option<DataType> {
        match self.bindings.get(name)? {
            Binding::Value(_, element) => *element,
            Binding::Constant(Ok(constant)) => constant.element(),
            Binding::Constant(Err(_)) | Binding::Unknown => None,
        }
    }

    /// Whether a value holds integers or truth values of a type that is not known.
    fn holds_unknown_integers(&self, name: &str) -> bool {
        match self.bindings.get(name) {
            Some(Binding::Value(id, None)) => self.integers.contains(id),
            _ => false,
        }
    }

    /// The inputs at these positions whose elements a node computes with.
    fn operands<'b>(node: &'b NodeProto, inputs: &'b [usize]) -> impl Iterator<Item = &'b str> + Clone {
        // What chooses is not what is chosen. A constant that is chosen from, or multiplied with, may be a parameter.
        let is_operand = move |position: usize| match node.op_type.as_str() {
            "Where" => position > 0,
            "Gather" | "GatherElements" | "GatherND" | "TopK" => position == 0,
            "Scatter" | "ScatterElements" | "ScatterND" => position != 1,
            "OneHot" => false,
            "Concat" | "Einsum" | "Max" | "MatMul" | "Mean" | "Min" | "Sum" => true,
            _ => inputs.contains(&position),
        };
        let positions = (0..node.input.len()).filter(move |&position| is_operand(position));
        let names = positions.map(|position| node.input[position].as_str());
        names.filter(|name| !name.is_empty())
    }

    /// The type of what a node gives, where it is known, and otherwise whether it is integers or truth values.
    fn result_type(&self, node: &NodeProto, inputs: &[usize]) -> (Option<DataType>, bool) {
        let operands = Self::operands(node, inputs);
        let element = match (node.op_type.as_str(), node.input.get(2)) {
            ("OneHot", Some(values)) => Some(self.element(values).unwrap_or(DataType::Float)),
            ("QuantizeLinear", Some(zero)) if !zero.is_empty() => self.element(zero),
            ("QuantizeLinear", _) => ops::quantised_element(&Attributes(node)).ok(),
            _ => result_type(node, operands.clone().map(|name| self.element(name))),
        };
        let mut operands = operands;
        let is_of_integers = element.is_none() && operands.any(|name| self.holds_unknown_integers(name));
        (element, is_of_integers)
    }

    /// Fails where a node computes with integers otherwise than with real numbers. A constant is of the type of what it is read with,
    /// and of the narrowest where that is not known.
    fn expect_real_numbers(&self, node: &NodeProto, inputs: &[usize]) -> Result<(), String> {
        let operands = Self::operands(node, inputs);
        let mut known = operands.clone().filter_map(|name| self.element(name)).peekable();
        let mut operands = operands;
        if known.peek().is_none() && operands.any(|name| self.holds_unknown_integers(name)) {
            return expect_real_numbers(node, DataType::Uint8);
        }
        // Whatever a type holds, some results follow from what is there.
        let range = self.result_range(node, inputs);
        let holds = |element: DataType| {
            let of_type = declared_range(element);
            element != DataType::Bool
                && OF_WIDE_INTEGERS.contains(&node.op_type.as_str())
                && range
                    .zip(of_type)
                    .is_some_and(|(range, of_type)| range.hull(of_type) == of_type)
        };
        known.try_for_each(|element| {
            if holds(element) {
                Ok(())
            } else {
                expect_real_numbers(node, element)
            }
        })
    }

    /// A constant as a value of the graph, which all that read it as one share.
    fn constant(&mut self, name: &str, constant: &Constant) -> Result<ValueId, String> {
        if let Some(&id) = self.constants.get(name) {
            return Ok(id);
        }
        let tensor = constant.to_exact_floats()?;
        self.count(tensor.len())?;
        let node = if self.is_free(name) {
            name.to_owned()
        } else {
            format!("Constant_{name}")
        };
        let id = self
            .graph
            .apply(&node, name, Op::Constant(tensor), &[])
            .map_err(|error| error.to_string())?;
        self.constants.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Whether a node may have this name.
    fn is_free(&self, name: &str) -> bool {
        !name.is_empty() && self.graph.nodes.iter().all(|other| other.name != name)
    }

    /// Fails where there are more elements than a circuit has rows.
    fn count(&mut self, more: usize) -> Result<(), String> {
        self.total = self.total.saturating_add(more);
        if self.total <= MOST_ELEMENTS {
            Ok(())
        } else {
            Err(format!(
                "all values and parameters up to it have more than {MOST_ELEMENTS} elements"
            ))
        }
    }

    fn output(&mut self, output: &ValueInfoProto) {
        let reason = match self.bindings.get(output.name.as_str()) {
            Some(Binding::Value(id, _)) if !self.graph.outputs.contains(id) => {
                return self.graph.outputs.push(*id);
            }
            Some(Binding::Unknown) if !self.uncovered.is_empty() => return,
            _ => "it is a constant, a second output of a node, or given twice".to_owned(),
        };
        self.uncovered.push(Uncovered {
            node: output.name.clone(),
            operator: super::UNCOVERED_OUTPUT.to_owned(),
            reason,
        });
    }

    fn binding(&self, name: &str) -> Binding {
        self.bindings.get(name).cloned().unwrap_or(Binding::Unknown)
    }

    fn meaning(&self, node: &NodeProto) -> Result<Meaning, String> {
        if !is_standard(&node.domain) {
            return Err(format!("it is an operator of the domain {:?}", node.domain));
        }
        let import = ops::import(&node.op_type).ok_or("the typed graph has no such operator")?;
        (import.read)(&Reading::new(node, |name| self.argument(name)))
    }

    /// What an operator may know of an input.
    fn argument(&self, name: &str) -> Argument<'_> {
        match self.bindings.get(name) {
            Some(Binding::Value(id, _)) => Argument::Value(self.graph.shape(*id)),
            Some(Binding::Constant(Ok(constant))) => Argument::Constant(Ok(constant)),
            Some(Binding::Constant(Err(reason))) => Argument::Constant(Err(reason)),
            Some(Binding::Unknown) | None => Argument::Unknown,
        }
    }
}

/// The first operator set in which a Softmax and its kin take one axis.
const ONE_AXIS_SINCE: i64 = 13;

/// Operators that give of integers and truth values what they give of the same real numbers.
const OF_ANY_NUMBERS: [&str; 40] = [
    "And",
    "ArgMax",
    "ArgMin",
    "Concat",
    "DepthToSpace",
    "DequantizeLinear",
    "Equal",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "MaxPool",
    "Min",
    "Not",
    "Or",
    "Pad",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Reshape",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

/// Operators that give some of the numbers that they read, and no others.
const MOVING: [&str; 21] = [
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "GatherND",
    "Max",
    "MaxPool",
    "Min",
    "ReduceMax",
    "ReduceMin",
    "Reshape",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// Operators that do so where no result is too large for the type.
const OF_WIDE_INTEGERS: [&str; 13] = [
    "Abs",
    "Add",
    "Clip",
    "CumSum",
    "MatMul",
    "Mul",
    "Neg",
    "ReduceL1",
    "ReduceSum",
    "ReduceSumSquare",
    "Sign",
    "Sub",
    "Sum",
];

/// Whether a type holds all integers that a circuit is expected to hold.
fn is_wide(element: DataType) -> bool {
    [DataType::Int32, DataType::Int64].contains(&element)
}

/// What a type of integers holds.
fn declared_range(element: DataType) -> Option<Interval> {
    let (least, greatest) = range_of(element)?;
    Some(Interval {
        least: least.into(),
        greatest: greatest.into(),
    })
}

/// Fails where a node computes with a value's integers otherwise than with real numbers: what is too large for 8 or 16 bits, or less
/// than 0 without a sign, wraps around. A quotient of integers is an operator of its own.
fn expect_real_numbers(node: &NodeProto, element: DataType) -> Result<(), String> {
    if numbers_of(element) == Some(Numbers::Floats) {
        return Ok(());
    }
    let operator = node.op_type.as_str();
    let is_of_wide = operator == "Div" || OF_WIDE_INTEGERS.contains(&operator);
    if OF_ANY_NUMBERS.contains(&operator) || (is_wide(element) && is_of_wide) {
        return Ok(());
    }
    Err(format!(
        "it computes with {} otherwise than with real numbers",
        element.as_str_name()
    ))
}

/// The type of what a node gives of values of these types.
fn result_type(node: &NodeProto, inputs: impl Iterator<Item = Option<DataType>>) -> Option<DataType> {
    match node.op_type.as_str() {
        "And" | "Equal" | "Greater" | "GreaterOrEqual" | "IsInf" | "IsNaN" | "Less" | "LessOrEqual"
        | "Not" | "Or" | "Xor" => Some(DataType::Bool),
        "ArgMax" | "ArgMin" => Some(DataType::Int64),
        "DequantizeLinear" => Some(DataType::Float),
        "Cast" => {
            let to = Attributes(node).int("to").and_then(|to| i32::try_from(to).ok());
            to.and_then(|to| DataType::try_from(to).ok())
        }
        // Of a type that another input names.
        "CastLike" => None,
        _ => inputs.flatten().next(),
    }
}

#[cfg(test)]
mod tests {
    use evmbench_host::hint::Hint as _;

    use proptest::prelude::*;
    use sha2::{Digest, Sha256};
    use tract_onnx::pb::{
        AttributeProto, TensorProto,
        tensor_proto::{DataLocation, DataType},
        tensor_shape_proto::dimension::Value as Dimension,
        type_proto::Value as Type,
    };

    use super::*;
    use crate::float::FloatModel;
    use crate::graph::{Conv2d, Gemm, Op, Power, Reshape, Window};
    use crate::layers;
    use crate::onnx::models::{attribute, float, floats, int, integers, ints, operator, small};
    use crate::onnx::write;
    use crate::suite;

    fn read(bytes: &[u8]) -> Result<OnnxModel, OnnxError> {
        parse(bytes, Path::new("model.onnx"))
    }

    fn full(model: OnnxModel) -> Graph {
        match model.coverage {
            Coverage::Full(graph) => graph,
            Coverage::Partial(uncovered) => panic!("{uncovered:?}"),
        }
    }

    fn problems(model: &ModelProto) -> Vec<String> {
        match read(&model.encode_to_vec()) {
            Err(OnnxError::Invalid { problems, .. }) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// A model of the suite as protobuf, to be spoilt.
    fn model(id: &str) -> ModelProto {
        let graph = layers::build(suite::find(id).expect("in the suite"), 0);
        ModelProto::decode(&write(&graph)[..]).expect("just written")
    }

    fn graph_of(model: &mut ModelProto) -> &mut GraphProto {
        model.graph.as_mut().expect("has a graph")
    }

    /// The operators that a small model is read as.
    fn operators(model: &ModelProto) -> Vec<Op> {
        let graph = full(read(&model.encode_to_vec()).expect("valid"));
        graph.nodes.into_iter().map(|node| node.op).collect()
    }

    fn uncovered(model: &ModelProto) -> Vec<Uncovered> {
        match read(&model.encode_to_vec()).expect("valid").coverage {
            Coverage::Partial(uncovered) => uncovered,
            Coverage::Full(graph) => panic!("{graph:?}"),
        }
    }

    #[test]
    fn every_model_of_the_suite_is_read_as_it_was_written() {
        for spec in suite::all() {
            let graph = layers::build(spec, 3);
            let bytes = write(&graph);
            assert_eq!(
                Sha256::digest(&bytes),
                Sha256::digest(write(&graph)),
                "{}",
                spec.id
            );
            let model = read(&bytes).expect(spec.id);
            assert_eq!(model.inputs[0].name, "input");
            assert_eq!(model.inputs[0].shape, spec.input_shape);
            assert_eq!(model.outputs[0].name, "output");
            // A constant of a network is named by what stands in the file for it.
            let read = full(model);
            let computed = |graph: &Graph| -> Vec<(Op, Vec<ValueId>)> {
                let nodes = graph.nodes.iter();
                nodes.map(|node| (node.op.clone(), node.inputs.clone())).collect()
            };
            assert!(computed(&read) == computed(&graph), "{}", spec.id);
            assert!(read == graph || !spec.category.is_of_study(), "{}", spec.id);
        }
    }

    /// Elements go elsewhere with another mode.
    #[test]
    fn a_space_to_depth_of_another_mode_is_not_covered() {
        let node = |mode: &str| {
            let mut node = operator("SpaceToDepth", &["x"], "y");
            let mode = AttributeProto {
                s: mode.as_bytes().to_vec(),
                ..attribute("mode", AttributeType::String)
            };
            node.attribute = vec![int("blocksize", 2), mode];
            let mut model = small(&[1, 1, 2, 2], vec![node], Vec::new());
            // The first operator set that has it.
            model.opset_import[0].version = 28;
            model
        };
        assert_eq!(operators(&node("DCR")).len(), 1);
        let found = problems(&node("CRD"));
        assert!(
            found.iter().any(|problem| problem.contains("mode is CRD")),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_not_onnx_is_refused() {
        for bytes in [&b""[..], b"PK\x03\x04", b"{\"input_data\": []}", &[0xff; 64]] {
            assert!(matches!(read(bytes), Err(OnnxError::NotOnnx { .. })), "{bytes:?}");
        }
        let whole = write(&layers::build(suite::find("dense").expect("in the suite"), 0));
        assert!(matches!(
            read(&whole[..whole.len() / 2]),
            Err(OnnxError::NotOnnx { .. })
        ));
    }

    #[test]
    fn missing_strides_and_dilation_are_explained() {
        let mut spoilt = model("conv2d_small");
        let node = &mut graph_of(&mut spoilt).node[0];
        node.attribute.retain(|attribute| attribute.name != "strides");
        let read_model = read(&spoilt.encode_to_vec()).expect("a committed circuit has no need of it");
        let misread: Vec<String> = read_model.misread.iter().map(ToString::to_string).collect();
        assert_eq!(misread, ["Conv node \"conv\" has no strides attribute"]);

        let mut spoilt = model("maxpool2d_k2");
        let node = &mut graph_of(&mut spoilt).node[0];
        node.attribute.retain(|attribute| attribute.name != "dilations");
        node.attribute.push(ints("dilations", &[2, 2]));
        assert_eq!(problems(&spoilt)[0], "MaxPool node \"pool\" is dilated");
    }

    #[test]
    fn inputs_must_be_static_and_of_numbers() {
        let mut spoilt = model("relu");
        let input = &mut graph_of(&mut spoilt).input[0];
        let Some(Type::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
            panic!("a tensor");
        };
        tensor.shape.as_mut().expect("has a shape").dim[0].value =
            Some(Dimension::DimParam("batch".to_owned()));
        assert_eq!(
            problems(&spoilt),
            ["input \"input\" has the shape [batch, 1, 64, 64], which is not static"]
        );

        let input = &mut graph_of(&mut spoilt).input[0];
        let Some(Type::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
            panic!("a tensor");
        };
        tensor.shape.as_mut().expect("has a shape").dim[0].value = Some(Dimension::DimValue(1));
        tensor.elem_type = DataType::String as i32;
        assert_eq!(
            problems(&spoilt),
            ["input \"input\" is of type STRING, not FLOAT"]
        );

        graph_of(&mut spoilt).input.clear();
        let all = problems(&spoilt);
        assert_eq!(all[0], "it has no inputs");
        assert_eq!(
            all[1],
            "node \"relu\" reads \"input\", which nothing before it gives"
        );
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let mut spoilt = model("dense");
        let graph = graph_of(&mut spoilt);
        graph.output.clear();
        graph.initializer[0].data_location = Some(DataLocation::External as i32);
        graph.initializer[1].raw_data[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        graph.node.push(NodeProto {
            domain: "ai.onnx.ml".to_owned(),
            ..operator("Scaler", &["output"], "scaled")
        });
        graph
            .node
            .push(operator("NonMaxSuppression", &["output"], "boxes"));
        assert_eq!(
            problems(&spoilt),
            [
                "it has no outputs",
                "node \"scaled\" is ai.onnx.ml.Scaler, which is none of ONNX's own operators",
                "initializer \"fc.weight\" is stored in another file",
                "initializer \"fc.bias\" has NaN or infinite elements",
                "node \"boxes\" is NonMaxSuppression, which EZKL does not support",
            ]
        );
        let error = read(&spoilt.encode_to_vec()).expect_err("refused");
        assert_eq!(error.hints().len(), 5, "{:?}", error.hints());
        assert!(error.to_string().starts_with("model.onnx cannot be proved:"));
    }

    /// Where the meaning is decided, the name alone is none.
    #[test]
    fn the_typed_graph_has_no_operator_of_another_domain() {
        for domain in ["", "ai.onnx", "my", "ai.onnx.ml", "AI.ONNX", " "] {
            let of_domain = |node: NodeProto| NodeProto {
                domain: domain.to_owned(),
                ..node
            };
            let nodes = vec![
                of_domain(operator("Identity", &["w"], "v")),
                operator("Gemm", &["x", "v"], "y"),
            ];
            let model = small(&[1, 2], nodes, vec![floats("w", &[2, 1], &[1.0; 2])]);
            let graph = model.graph.as_ref().expect("has a graph");
            let inputs = [Port {
                name: "x".to_owned(),
                shape: vec![1, 2],
                numbers: Numbers::Floats,
            }];
            let coverage = Import::run(graph, 17, &inputs).expect("declares nothing");
            let is_standard = ["", "ai.onnx"].contains(&domain);
            assert_eq!(matches!(coverage, Coverage::Full(_)), is_standard, "{domain:?}");
            assert_eq!(read(&model.encode_to_vec()).is_ok(), is_standard, "{domain:?}");
        }
    }

    #[test]
    fn powers_of_two_and_matmul_become_typed_operators() {
        let square = |exponent| {
            let nodes = vec![
                NodeProto {
                    attribute: vec![AttributeProto {
                        t: Some(floats("", &[], &[exponent])),
                        ..attribute("value", AttributeType::Tensor)
                    }],
                    ..operator("Constant", &[], "two")
                },
                operator("Identity", &["two"], "exponent"),
                operator("Pow", &["x", "exponent"], "y"),
            ];
            small(&[1, 3], nodes, Vec::new())
        };
        assert_eq!(operators(&square(2.0)), [Op::Mul]);
        assert_eq!(operators(&square(3.0)), [Op::Power(Power { exponent: 3 })]);
        let names = |model| -> Vec<&str> { operators(model).iter().map(Op::onnx_name).collect() };
        assert_eq!(names(&square(2.5)), ["Mul", "Sqrt", "Mul"]);
        assert_eq!(uncovered(&square(0.0))[0].operator, "Pow");

        let weight = || floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let expected = Op::Gemm(Gemm {
            weight: Tensor::new([2, 3], vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]),
            bias: None,
        });
        let matmul = small(
            &[1, 3],
            vec![operator("MatMul", &["x", "w"], "y")],
            vec![weight()],
        );
        let gemm = small(&[1, 3], vec![operator("Gemm", &["x", "w"], "y")], vec![weight()]);
        assert_eq!(operators(&matmul), std::slice::from_ref(&expected));
        assert_eq!(operators(&gemm), [expected]);
    }

    #[test]
    fn factors_of_a_gemm_are_folded_into_its_constants() {
        let gemm = |inputs: &[&str], attributes: &[AttributeProto], constants: Vec<TensorProto>| {
            let node = NodeProto {
                attribute: attributes.to_vec(),
                ..operator("Gemm", inputs, "y")
            };
            operators(&small(&[3, 3], vec![node], constants))
        };
        let weight = || floats("w", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let folded = |weight: [f32; 6], bias: Option<[f32; 2]>| {
            Op::FoldedGemm(Gemm {
                weight: Tensor::new([2, 3], weight.to_vec()),
                bias: bias.map(|bias| Tensor::new([2], bias.to_vec())),
            })
        };
        let (turned, halved) = (int("transB", 1), float("alpha", 0.5));
        let half = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
        assert_eq!(
            gemm(&["x", "w"], &[turned.clone(), halved.clone()], vec![weight()]),
            [folded(half, None)]
        );
        let one = floats("c", &[], &[6.0]);
        let tripled = float("beta", 3.0);
        assert_eq!(
            gemm(
                &["x", "w", "c"],
                &[turned.clone(), tripled],
                vec![weight(), one.clone()]
            ),
            [folded([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Some([18.0; 2]))]
        );
        // With a factor of 0 the addends are not read.
        assert_eq!(
            gemm(
                &["x", "w", "c"],
                &[turned.clone(), halved.clone(), float("beta", 0.0)],
                vec![weight(), one]
            ),
            [folded(half, None)]
        );
        let column = floats("c", &[3, 1], &[1.0, 2.0, 3.0]);
        let all = gemm(
            &["x", "w", "c"],
            &[turned.clone(), int("transA", 1)],
            vec![weight(), column],
        );
        let names: Vec<&str> = all.iter().map(Op::onnx_name).collect();
        assert_eq!(names, ["Transpose", "Gemm", "Constant", "Add"]);
        let of_values = gemm(&["x", "x", "x"], &[halved, float("beta", -1.0)], Vec::new());
        let names: Vec<&str> = of_values.iter().map(Op::onnx_name).collect();
        assert_eq!(names, ["MatMul", "Constant", "Mul", "Constant", "Mul", "Add"]);
    }

    #[test]
    fn a_gemm_that_does_not_fit_is_not_covered() {
        let not_covered =
            |inputs: &[&str], attribute: AttributeProto, constants: Vec<TensorProto>, part: &str| {
                let node = NodeProto {
                    attribute: vec![attribute],
                    ..operator("Gemm", inputs, "y")
                };
                let model = small(&[3, 3], vec![node], constants);
                let coverage = Import::run(
                    model.graph.as_ref().expect("has a graph"),
                    17,
                    &[Port {
                        name: "x".to_owned(),
                        shape: vec![3, 3],
                        numbers: Numbers::Floats,
                    }],
                );
                match coverage.expect("declares nothing") {
                    Coverage::Partial(uncovered) => {
                        assert!(uncovered[0].reason.contains(part), "{uncovered:?}");
                    }
                    Coverage::Full(graph) => panic!("{graph:?}"),
                }
            };
        let weight = |sizes: &[i64], number: f32| {
            floats("w", sizes, &vec![number; sizes.iter().product::<i64>() as usize])
        };
        let addends = |sizes: &[i64]| floats("c", sizes, &vec![1.0; sizes.iter().product::<i64>() as usize]);
        let one = || float("alpha", 1.0);
        let unfit = "make no product";
        not_covered(
            &["x", "w"],
            int("transB", 1),
            vec![weight(&[3, 2], 1.0)],
            "weight",
        );
        not_covered(
            &["x", "w"],
            float("alpha", 2.0),
            vec![weight(&[2, 3], 1.0)],
            unfit,
        );
        not_covered(&["x", "w"], one(), vec![weight(&[3], 1.0)], "rank 2");
        not_covered(
            &["x", "w"],
            int("transB", 1),
            vec![floats("w", &[], &[1.0])],
            unfit,
        );
        let beyond = "beyond 32 bits";
        not_covered(
            &["x", "w"],
            float("alpha", 1e30),
            vec![weight(&[3, 2], 1e30)],
            beyond,
        );
        // More rows than the product has, columns that it has not, and too many axes; whatever they are multiplied by.
        for sizes in [&[4, 2][..], &[3], &[1, 3, 2], &[6, 1]] {
            for beta in [0.0, 1.0, 2.0] {
                let constants = vec![weight(&[3, 2], 1.0), addends(sizes)];
                not_covered(&["x", "w", "c"], float("beta", beta), constants, "do not fit");
            }
        }
        let whole = vec![TensorProto {
            dims: vec![3, 2],
            ..integers("w", &[1; 6])
        }];
        not_covered(&["x", "w"], float("alpha", 0.5), whole, "INT64");
    }

    #[test]
    fn shapes_of_reshape_and_flatten_resolve() {
        let reshape = |target: &[i64]| {
            small(
                &[2, 3, 4],
                vec![operator("Reshape", &["x", "s"], "y")],
                vec![integers("s", target)],
            )
        };
        let shape = |target: &[i64]| operators(&reshape(target));
        assert_eq!(shape(&[0, -1]), [Op::Reshape(Reshape { shape: vec![2, 12] })]);
        assert_eq!(shape(&[-1]), [Op::Reshape(Reshape { shape: vec![24] })]);
        assert_eq!(shape(&[4, 6]), [Op::Reshape(Reshape { shape: vec![4, 6] })]);

        let flatten = |axis| {
            let node = NodeProto {
                attribute: vec![int("axis", axis)],
                ..operator("Flatten", &["x"], "y")
            };
            operators(&small(&[2, 3, 4], vec![node], Vec::new()))
        };
        assert_eq!(flatten(1), [Op::Flatten]);
        assert_eq!(flatten(-2), [Op::Flatten]);
        assert_eq!(flatten(2), [Op::Reshape(Reshape { shape: vec![6, 4] })]);
        assert_eq!(flatten(0), [Op::Reshape(Reshape { shape: vec![1, 24] })]);
    }

    #[test]
    fn dropout_and_identity_leave_nothing_behind() {
        let nodes = vec![
            operator("Relu", &["x"], "a"),
            operator("Dropout", &["a"], "b"),
            operator("Identity", &["b"], "y"),
        ];
        let read = read(&small(&[1, 3], nodes, Vec::new()).encode_to_vec()).expect("valid");
        // The output keeps the file's name although the graph's value has another.
        assert_eq!(
            read.outputs,
            [Port {
                name: "y".to_owned(),
                shape: vec![1, 3],
                numbers: Numbers::Floats,
            }]
        );
        assert_eq!(full(read).nodes.len(), 1);
    }

    #[test]
    fn operators_outside_the_graph_are_named_and_shapes_still_known() {
        let nodes = vec![
            NodeProto {
                attribute: vec![ints("axes", &[0])],
                ..operator("ReduceProd", &["x"], "a")
            },
            operator("Relu", &["a"], "b"),
            NodeProto {
                attribute: vec![ints("axes", &[1])],
                ..operator("ReduceProd", &["b"], "y")
            },
        ];
        let model = small(&[1, 6], nodes, Vec::new());
        let names: Vec<_> = uncovered(&model).into_iter().map(|u| u.operator).collect();
        assert_eq!(names, ["ReduceProd", "ReduceProd"]);
        let read = read(&model.encode_to_vec()).expect("valid");
        assert_eq!(
            read.outputs,
            [Port {
                name: "y".to_owned(),
                shape: vec![1, 1],
                numbers: Numbers::Floats,
            }]
        );
    }

    /// Whatever an input is a type of, the typed graph computes with its numbers; a direct circuit takes `f32` alone.
    #[test]
    fn inputs_of_other_numbers_are_read() {
        for (element, numbers) in [
            (DataType::Int64, Numbers::Integers),
            (DataType::Uint8, Numbers::Within(0, 255)),
            (DataType::Bool, Numbers::Truth),
            (DataType::Double, Numbers::Floats),
        ] {
            let nodes = vec![
                NodeProto {
                    attribute: vec![int("to", i64::from(DataType::Float as i32))],
                    ..operator("Cast", &["x"], "c")
                },
                operator("Relu", &["c"], "y"),
            ];
            let mut model = small(&[1, 3], nodes, Vec::new());
            let input = &mut graph_of(&mut model).input[0];
            let Some(Type::TensorType(tensor)) = input.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
                panic!("a tensor");
            };
            tensor.elem_type = element as i32;
            let read = read(&model.encode_to_vec()).expect("valid");
            assert_eq!(read.inputs[0].numbers, numbers);
            assert!(
                matches!(read.misread[..], [Problem::InputType { .. }]),
                "{:?}",
                read.misread
            );
            // Truth values are read as whether they are positive, and integers are held to their type.
            let before = match numbers {
                Numbers::Truth => 2,
                Numbers::Within(..) | Numbers::Integers => 1,
                Numbers::Floats => 0,
            };
            assert_eq!(full(read).nodes.len(), before + 1, "a cast is no node");
        }
    }

    /// A cast that changes numbers is none that can be left out, and what is too large for 8 bits wraps around.
    #[test]
    fn a_cast_that_wraps_around_is_not_covered() {
        let nodes = vec![NodeProto {
            attribute: vec![int("to", i64::from(DataType::Int8 as i32))],
            ..operator("Cast", &["x"], "y")
        }];
        let model = small(&[1, 3], nodes, Vec::new());
        let read = read(&model.encode_to_vec());
        assert!(
            !matches!(
                read,
                Ok(OnnxModel {
                    coverage: Coverage::Full(_),
                    ..
                })
            ),
            "{read:?}"
        );
    }

    /// A sum of bytes may wrap around, and so may their quotient.
    #[test]
    fn integers_are_computed_with_only_where_they_are_real_numbers() {
        for (element, op_type, is_covered) in [
            (DataType::Int64, "Add", true),
            (DataType::Int64, "Sigmoid", false),
            (DataType::Int64, "Div", true),
            (DataType::Uint8, "Div", false),
            (DataType::Uint8, "Max", true),
            (DataType::Uint8, "Add", false),
            (DataType::Uint8, "Relu", true),
            (DataType::Bool, "Mul", false),
        ] {
            let inputs: &[&str] = if ["Add", "Mul", "Div", "Max"].contains(&op_type) {
                &["x", "x"]
            } else {
                &["x"]
            };
            let mut model = small(&[1, 3], vec![operator(op_type, inputs, "y")], Vec::new());
            let graph = graph_of(&mut model);
            for port in graph.input.iter_mut().chain(&mut graph.output) {
                let Some(Type::TensorType(tensor)) = port.r#type.as_mut().and_then(|t| t.value.as_mut())
                else {
                    panic!("a tensor");
                };
                tensor.elem_type = element as i32;
            }
            let read = read(&model.encode_to_vec());
            let is_full = matches!(
                read,
                Ok(OnnxModel {
                    coverage: Coverage::Full(_),
                    ..
                })
            );
            assert_eq!(is_full, is_covered, "{op_type} of {element:?}: {read:?}");
        }
    }

    /// What is chosen among constants of integers is divided as integers are: what stands after the point is left out.
    #[test]
    fn integers_that_are_chosen_stay_integers() {
        let whole = |name: &str, number| integers(name, &[number]);
        let decimal = |name: &str, number: i64| floats(name, &[1], &[number as f32]);
        for (constants, element, quotient) in [
            (
                vec![whole("i", 7), whole("j", 3), whole("k", 2)],
                DataType::Int64,
                Op::IntegerDiv,
            ),
            (
                vec![decimal("i", 7), decimal("j", 3), decimal("k", 2)],
                DataType::Float,
                Op::Div,
            ),
        ] {
            let nodes = vec![
                operator("Greater", &["x", "x"], "t"),
                operator("Where", &["t", "i", "j"], "w"),
                operator("Div", &["w", "k"], "y"),
            ];
            let mut model = small(&[1, 3], nodes, constants);
            let output = &mut graph_of(&mut model).output[0];
            let Some(Type::TensorType(tensor)) = output.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
                panic!("a tensor");
            };
            tensor.elem_type = element as i32;
            assert_eq!(operators(&model).last(), Some(&quotient));
        }
    }

    /// As PyTorch writes `x.view(x.size(0), -1)`: the sizes are computed in the file.
    #[test]
    fn sizes_that_the_file_computes_are_known() {
        let nodes = vec![
            operator("Shape", &["x"], "sizes"),
            operator("Gather", &["sizes", "zero"], "batch"),
            operator("Unsqueeze", &["batch", "axis"], "batches"),
            NodeProto {
                attribute: vec![int("axis", 0)],
                ..operator("Concat", &["batches", "rest"], "target")
            },
            operator("Reshape", &["x", "target"], "y"),
        ];
        let mut zero = integers("zero", &[0]);
        zero.dims.clear();
        let constants = vec![zero, integers("axis", &[0]), integers("rest", &[-1])];
        let model = small(&[2, 3, 4], nodes, constants);
        assert_eq!(operators(&model), [Op::Reshape(Reshape { shape: vec![2, 12] })]);
    }

    #[test]
    fn what_depends_on_constants_alone_is_computed() {
        let nodes = vec![
            operator("Tile", &["w", "r"], "t"),
            operator("Add", &["x", "t"], "y"),
        ];
        let constants = vec![floats("w", &[1, 2], &[1.0; 2]), integers("r", &[1, 2])];
        let model = small(&[1, 4], nodes, constants);
        let names: Vec<&str> = operators(&model).iter().map(Op::onnx_name).collect();
        assert_eq!(names, ["Constant", "Add"]);
    }

    /// A committed circuit has no need of EZKL's loader.
    #[test]
    fn what_ezkl_does_not_load_is_left_to_committed_circuits() {
        let tile = vec![operator("Tile", &["x", "r"], "y")];
        let model = small(&[1, 4], tile, vec![integers("r", &[1, 2])]);
        let misread = read(&model.encode_to_vec()).expect("valid").misread;
        let misread: Vec<String> = misread.iter().map(ToString::to_string).collect();
        assert_eq!(misread, ["node \"y\" is Tile, which EZKL does not support"]);
        assert_eq!(operators(&model).len(), 1);
    }

    #[test]
    fn a_graph_that_tract_cannot_analyse_is_refused() {
        let nodes = vec![operator("Concat", &["x", "w"], "y")];
        let model = small(&[1, 4], nodes, vec![floats("w", &[1], &[1.0])]);
        let all = problems(&model);
        assert!(all[0].starts_with("Concat node \"y\": "), "{all:?}");
    }

    proptest! {
        /// The typed graph and tract agree on the sizes of every window.
        #[test]
        fn window_shapes_are_tracts(
            height in 1_usize..12,
            width in 1_usize..12,
            kernel in prop::array::uniform2(1_usize..5),
            stride in prop::array::uniform2(1_usize..4),
            padding in prop::array::uniform4(0_usize..3),
            groups in 1_usize..3,
        ) {
            let window = Window { kernel, stride, padding };
            let fits = window.output_size([height, width]);
            let mut graph = Graph::default();
            let x = graph.input("x", &[1, 2 * groups, height, width]).expect("new");
            let weight_shape = [3 * groups, 2, kernel[0], kernel[1]];
            let op = Op::Conv2d(Conv2d {
                weight: Tensor::new(weight_shape, vec![0.5; weight_shape.iter().product()]),
                bias: None,
                window,
                groups,
            });
            let y = graph.apply("conv", "y", op, &[x]);
            prop_assert_eq!(y.is_ok(), fits.is_some());
            if let (Ok(y), Some([out_height, out_width])) = (y, fits) {
                graph.outputs.push(y);
                let tract = FloatModel::load(&write(&graph)).expect("loads");
                prop_assert_eq!(
                    &tract.output_shapes()[0],
                    &vec![1, 3 * groups, out_height, out_width]
                );
                prop_assert_eq!(full(read(&write(&graph)).expect("valid")), graph);
            }
        }

        /// A damaged file is refused or read as something else, but never ends the program.
        #[test]
        fn damaged_files_do_not_panic(position in 0_usize..4000, byte: u8) {
            let mut bytes = write(&layers::build(suite::find("cnn_strided").expect("known"), 0));
            // Attributes, names and shapes come first; weights after them.
            bytes[position] = byte;
            let _ = read(&bytes);
        }
    }
}
