//! The first pass over a file: everything in it that cannot be proved, before anything is built.
//!
//! Goes in: the protobuf graph. Comes out: its real inputs with their static shapes, and two lists of [`Problem`]s: what
//! no circuit can prove, since the file itself does not say what it computes, and what a direct circuit would get wrong.

use std::collections::{HashMap, HashSet, VecDeque};

use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::dimension::Value as Dimension,
    type_proto::Value as Type,
};

use super::arity;
use super::branches::Chosen;
use super::contributed::is_contributed;
use super::direct::{Misreading, Values, has_outputs, has_subgraph};
use super::fit::misfit;
use super::operators::{draws_numbers, is_supported, is_windowed};
use super::schema::{self, OPERATOR_SETS};
use super::{CHECK, MOST_NODES, Port, Problem, is_covered, numbers_of};
use crate::graph::{MOST_ELEMENTS, elements};
use crate::wire::constant::{MOST_AXES, is_finite, stored_elements};
use crate::wire::node::{Attributes, is_standard, label};

/// The graph inputs that are not initializers (which files of IR version 3 list as inputs too).
pub(super) fn static_inputs(proto: &GraphProto, found: &mut Found) -> Vec<Port> {
    let problems = &mut found.always;
    let initializers: HashSet<&str> = initializer_names(proto).collect();
    let real: Vec<&ValueInfoProto> = proto
        .input
        .iter()
        .filter(|input| !initializers.contains(input.name.as_str()))
        .collect();
    if real.is_empty() {
        problems.push(Problem::NoInputs);
    }
    let mut names = HashSet::new();
    for input in &real {
        if input.name.is_empty() {
            problems.push(Problem::Unnamed { what: "an input" });
        } else if !names.insert(&input.name) {
            problems.push(Problem::Twice {
                value: input.name.clone(),
            });
        }
    }
    // How EZKL scales numbers of other types is not followed.
    found.direct.extend(real.iter().filter_map(|input| {
        let element = element_type(input).filter(|&element| element != DataType::Float)?;
        numbers_of(element)?;
        Some(Problem::InputType {
            input: input.name.clone(),
            found: element.as_str_name().to_owned(),
        })
    }));
    real.into_iter()
        .filter_map(|input| static_input(input).map_err(|problem| problems.push(problem)).ok())
        .collect()
}

/// The type of a tensor's elements; none where a value is no tensor.
pub(super) fn element_type(value: &ValueInfoProto) -> Option<DataType> {
    let Type::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type())
}

fn static_input(input: &ValueInfoProto) -> Result<Port, Problem> {
    let name = || input.name.clone();
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(Problem::InputType {
            input: name(),
            found: "something other than a tensor".to_owned(),
        });
    };
    let Some(numbers) = numbers_of(tensor.elem_type()) else {
        return Err(Problem::InputType {
            input: name(),
            found: tensor.elem_type().as_str_name().to_owned(),
        });
    };
    let Some(shape) = &tensor.shape else {
        return Err(Problem::DynamicShape {
            input: name(),
            shape: "?".to_owned(),
        });
    };
    let sizes: Option<Vec<usize>> = shape
        .dim
        .iter()
        .map(|dim| match dim.value {
            Some(Dimension::DimValue(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
            _ => None,
        })
        .collect();
    let Some(shape) = sizes else {
        let sizes: Vec<String> = shape
            .dim
            .iter()
            .map(|dim| match &dim.value {
                Some(Dimension::DimValue(size)) => size.to_string(),
                Some(Dimension::DimParam(symbol)) if !symbol.is_empty() => symbol.clone(),
                _ => "?".to_owned(),
            })
            .collect();
        return Err(Problem::DynamicShape {
            input: name(),
            shape: format!("[{}]", sizes.join(", ")),
        });
    };
    if !(1..=MOST_AXES).contains(&shape.len()) {
        return Err(Problem::Axes {
            input: name(),
            found: shape.len(),
        });
    }
    if elements(&shape).is_none_or(|elements| elements > MOST_ELEMENTS) {
        return Err(Problem::TooLarge { input: name() });
    }
    Ok(Port {
        name: name(),
        shape,
        numbers,
    })
}

fn initializer_names(proto: &GraphProto) -> impl Iterator<Item = &str> {
    proto.initializer.iter().map(|tensor| tensor.name.as_str())
}

/// The operator sets of ONNX's own operators that a file names. Those of other domains say nothing, since no node may be of one.
fn operator_sets(model: &ModelProto) -> impl Iterator<Item = i64> {
    let sets = model.opset_import.iter().filter(|set| is_standard(&set.domain));
    sets.map(|set| set.version)
}

/// The operator set of ONNX's own operators that a file is written for, if it says so.
pub(super) fn operator_set(model: &ModelProto) -> Option<i64> {
    operator_sets(model).next()
}

/// The one operator set that a file is written for, which must be known.
fn inspected_operator_set(model: &ModelProto) -> Result<i64, Problem> {
    let found = operator_set(model);
    let sets: Vec<i64> = operator_sets(model).collect();
    if sets.len() > 1 {
        return Err(Problem::OperatorSets { found: sets });
    }
    found
        .filter(|opset| OPERATOR_SETS.contains(opset))
        .ok_or(Problem::OperatorSet { found })
}

/// What a file cannot be proved for.
#[derive(Default)]
pub(super) struct Found {
    /// In any circuit.
    pub(super) always: Vec<Problem>,
    /// In a circuit that EZKL makes of the file.
    pub(super) direct: Vec<Problem>,
}

/// Looks for what cannot be proved, apart from the inputs.
pub(super) fn inspect(model: &ModelProto, chosen: &Chosen<'_>, found: &mut Found) {
    let proto = &*chosen.graph;
    let replaced = chosen.replaced.iter().map(|(node, _)| Problem::Subgraph {
        node: label(node),
        operator: node.op_type.clone(),
        reason: None,
    });
    found.direct.extend(replaced);
    let always = &mut found.always;
    let opset = match inspected_operator_set(model) {
        Ok(opset) => opset,
        Err(problem) => return always.push(problem),
    };
    if proto.node.len() > MOST_NODES {
        always.push(Problem::TooManyNodes {
            found: proto.node.len(),
        });
        return;
    }
    if proto.output.is_empty() {
        always.push(Problem::NoOutputs);
    }
    let mut outputs = HashSet::new();
    for output in proto.output.iter().filter(|output| !outputs.insert(&output.name)) {
        always.push(Problem::Twice {
            value: output.name.clone(),
        });
    }
    if !proto.sparse_initializer.is_empty() {
        always.push(Problem::SparseInitializer);
    }
    inspect_domains(model, chosen, found);
    let always = &mut found.always;
    let mut values = Values::default();
    for input in &proto.input {
        values.input(&input.name);
    }
    let mut stored = 0_usize;
    inspect_initializers(proto, &mut values, &mut stored, always);
    let read: HashSet<&str> = (proto.node.iter().flat_map(|node| &node.input))
        .chain(proto.output.iter().map(|output| &output.name))
        .map(String::as_str)
        .collect();
    for node in &proto.node {
        let always = &mut found.always;
        if !is_standard(&node.domain) {
            // It is written out, or refused above.
            inspect_values(node, &values, always);
            values.node(node);
            continue;
        }
        inspect_operator(node, opset, always);
        inspect_values(node, &values, always);
        inspect_attributes(node, opset, always);
        for tensor in node.attribute.iter().flat_map(|attribute| &attribute.t) {
            let name = || format!("the tensor of {} node {:?}", node.op_type, label(node));
            inspect_tensor(tensor, name, &mut stored, always);
        }
        if let Some(misfit) = misfit(node, opset, &values.reads(node)) {
            always.push(Problem::misread(node, misfit));
        }
        let is_folded = node.input.iter().all(|name| values.is_constant(name));
        if draws_numbers(&node.op_type) {
            found.always.push(Problem::Draws {
                node: label(node),
                operator: node.op_type.clone(),
            });
        } else if has_subgraph(node) || chosen.reason(node).is_some() {
            found.always.push(Problem::Subgraph {
                node: label(node),
                operator: node.op_type.clone(),
                reason: chosen.reason(node),
            });
        } else if is_folded {
            // tract folds what depends on constants alone, so that EZKL never sees the operator.
            for misreading in values.misfoldings(node, opset) {
                found.direct.push(Problem::misread(node, misreading));
            }
        } else {
            inspect_node(node, opset, &values, &read, found);
        }
        values.node(node);
    }
    found.direct.extend(outputs_as_they_are(proto));
    found.direct.extend(misplaced_outputs(proto, &values));
    if stored > MOST_ELEMENTS {
        found.always.push(Problem::TooManyConstants);
    }
    for output in &proto.output {
        if !values.is_given(&output.name) || output.name.is_empty() {
            found.always.push(Problem::UndefinedOutput {
                output: output.name.clone(),
            });
        }
    }
}

/// What does not fit of nodes that are not the file's own.
pub(super) fn misfits(graph: &GraphProto, opset: i64) -> Vec<Problem> {
    let mut values = Values::default();
    for input in &graph.input {
        values.input(&input.name);
    }
    for tensor in &graph.initializer {
        values.initializer(tensor);
    }
    let problems = graph.node.iter().filter_map(|node| {
        let misfit = misfit(node, opset, &values.reads(node));
        values.node(node);
        Some(Problem::misread(node, misfit?))
    });
    problems.collect()
}

/// Initializers have names, each another one, and are as [`inspect_tensor`] has it.
fn inspect_initializers<'a>(
    proto: &'a GraphProto,
    values: &mut Values<'a>,
    stored: &mut usize,
    problems: &mut Vec<Problem>,
) {
    let mut initialized = HashSet::new();
    for tensor in &proto.initializer {
        let name = || tensor.name.clone();
        if tensor.name.is_empty() {
            problems.push(Problem::Unnamed {
                what: "an initializer",
            });
        } else if !initialized.insert(&tensor.name) {
            problems.push(Problem::Twice { value: name() });
        }
        inspect_tensor(
            tensor,
            || format!("initializer {:?}", tensor.name),
            stored,
            problems,
        );
        values.initializer(tensor);
    }
}

/// Outputs whose 1 EZKL takes for another number.
fn misplaced_outputs(proto: &GraphProto, values: &Values<'_>) -> Vec<Problem> {
    let outputs = proto.output.iter().map(|output| &output.name);
    let misplaced: HashSet<&String> = outputs.filter(|name| values.is_misplaced(name)).collect();
    let gives = |node: &&NodeProto| node.output.iter().any(|name| misplaced.contains(name));
    let problems = proto.node.iter().filter(gives).map(|node| {
        let misreading = Misreading {
            reason:
                "it is an output of what Equal gives of floats, whose 1 EZKL takes for a float's least unit"
                    .to_owned(),
            remedy: "give Where(equal, 1, 0) as the output",
        };
        Problem::misread(node, misreading)
    });
    problems.collect()
}

/// Every node must be one of ONNX's own operators, also where it depends on constants alone, is part of another node's graph or
/// of a function; and no function may stand for one. A committed circuit has some of onnxruntime's operators. Each operator of another domain
/// is named once.
fn inspect_domains(model: &ModelProto, chosen: &Chosen<'_>, found: &mut Found) {
    let (mut domains, mut operators) = (HashSet::new(), HashSet::new());
    let of_functions = model.functions.iter().flat_map(|function| &function.node);
    let of_branches = chosen.left_out.iter().flat_map(|branch| &branch.node);
    // Those of the graph itself, and those inside of nodes and functions.
    let own = chosen.graph.node.iter().map(|node| (node, true));
    let inside = of_functions.chain(of_branches).map(|node| (node, false));
    let mut nodes: VecDeque<(&NodeProto, bool)> = own.chain(inside).collect();
    while let Some((node, is_own)) = nodes.pop_front() {
        let domain = node.domain.as_str();
        let is_written_out = is_own && is_contributed(node);
        if !is_standard(domain) && operators.insert((domain, &node.op_type, is_written_out)) {
            domains.insert(domain);
            let problems = if is_written_out {
                &mut found.direct
            } else {
                &mut found.always
            };
            problems.push(Problem::Foreign {
                node: label(node),
                operator: format!("{domain}.{}", node.op_type),
            });
        }
        let attributes = node.attribute.iter();
        let graphs = attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
        nodes.extend(graphs.flat_map(|graph| &graph.node).map(|node| (node, false)));
    }
    for function in &model.functions {
        let domain = function.domain.as_deref().unwrap_or_default();
        if is_standard(domain) || domains.contains(domain) {
            let name = function.name.as_deref().unwrap_or_default();
            found.always.push(Problem::Function {
                function: if domain.is_empty() {
                    name.to_owned()
                } else {
                    format!("{domain}.{name}")
                },
            });
        }
    }
}

/// Outputs for which EZKL lays nothing out: inputs, and what another output is already.
fn outputs_as_they_are(proto: &GraphProto) -> Vec<Problem> {
    let inputs: HashSet<&str> = proto.input.iter().map(|input| input.name.as_str()).collect();
    // What a value is another name for.
    let mut same: HashMap<&str, &str> = HashMap::new();
    for node in &proto.node {
        if let ("Identity" | "Dropout", Some(from), Some(to)) =
            (node.op_type.as_str(), node.input.first(), node.output.first())
        {
            same.insert(to, same.get(from.as_str()).copied().unwrap_or(from));
        }
    }
    let mut values: HashMap<&str, &str> = HashMap::new();
    let mut problems = Vec::new();
    for output in proto.output.iter().map(|output| output.name.as_str()) {
        let value = same.get(output).copied().unwrap_or(output);
        if inputs.contains(output) {
            problems.push(Problem::PassedThrough {
                output: output.to_owned(),
            });
        } else if let Some(other) = values.insert(value, output).filter(|&other| other != output) {
            problems.push(Problem::SameOutput {
                output: output.to_owned(),
                other: other.to_owned(),
            });
        }
    }
    problems
}

/// A stored tensor must be whole, dense and finite; its elements are counted.
fn inspect_tensor(
    tensor: &TensorProto,
    name: impl Fn() -> String,
    stored: &mut usize,
    problems: &mut Vec<Problem>,
) {
    if tensor.data_location() == DataLocation::External {
        problems.push(Problem::ExternalData {
            tensor: tensor.name.clone(),
        });
        return;
    }
    match stored_elements(tensor) {
        Err(reason) => problems.push(Problem::Constant {
            constant: name(),
            reason,
        }),
        Ok(elements) => {
            *stored = stored.saturating_add(elements);
            if !is_finite(tensor) {
                problems.push(Problem::NotFinite { constant: name() });
            }
        }
    }
}

/// What a node reads must be there, and what it gives must not.
fn inspect_values(node: &NodeProto, values: &Values<'_>, problems: &mut Vec<Problem>) {
    if node.output.iter().all(String::is_empty) {
        problems.push(Problem::Misread {
            node: label(node),
            operator: node.op_type.clone(),
            reason: "it has no output with a name".to_owned(),
            remedy: "leave it out, or name its outputs".into(),
        });
    }
    for value in node.input.iter().filter(|value| !values.is_given(value)) {
        problems.push(Problem::UndefinedValue {
            node: label(node),
            value: value.clone(),
        });
    }
    let given = node.output.iter().filter(|value| !value.is_empty());
    for value in given.filter(|value| values.is_given(value)) {
        problems.push(Problem::Twice { value: value.clone() });
    }
}

/// Attributes that are truth values, in alphabetical order. Runtimes differ in what they make of other numbers.
const TRUTHS: [&str; 22] = [
    "allowzero",
    "antialias",
    "ceil_mode",
    "count_include_pad",
    "exclude_outside",
    "exclusive",
    "input_forget",
    "interleaved",
    "is_causal",
    "keepdims",
    "largest",
    "layout",
    "linear_before_reset",
    "noop_with_empty_axes",
    "reverse",
    "select_last_index",
    "sorted",
    "storage_order",
    "training_mode",
    "transA",
    "transB",
    "upper",
];

/// Refuses a node whose operator the operator set lacks, or has with another number of inputs or outputs.
fn inspect_operator(node: &NodeProto, opset: i64, problems: &mut Vec<Problem>) {
    if !arity::has_operator(&node.op_type, opset) {
        problems.push(Problem::NoOperator {
            node: label(node),
            operator: node.op_type.clone(),
            opset,
        });
    }
    if let Some(reason) = arity::fault(node, opset) {
        problems.push(Problem::misread(
            node,
            Misreading {
                reason,
                remedy: CHECK,
            },
        ));
    }
}

/// Every attribute must be one that the operator has, of its type, and finite.
fn inspect_attributes(node: &NodeProto, opset: i64, problems: &mut Vec<Problem>) {
    let is_known = is_supported(&node.op_type) || is_covered(&node.op_type);
    let mut names = HashSet::new();
    for attribute in &node.attribute {
        let name = || attribute.name.clone();
        if !names.insert(&attribute.name) {
            problems.push(Problem::Misread {
                node: label(node),
                operator: node.op_type.clone(),
                reason: format!("its attribute {} is given twice", attribute.name),
                remedy: "give each attribute once".into(),
            });
        }
        if !attribute_is_finite(attribute) {
            problems.push(Problem::NotFinite {
                constant: format!("{} of {} node {:?}", attribute.name, node.op_type, label(node)),
            });
        }
        if attribute.r#type() == AttributeType::Undefined {
            problems.push(Problem::UntypedAttribute {
                node: label(node),
                operator: node.op_type.clone(),
                attribute: name(),
            });
        } else if is_known {
            let schema = schema::find(&node.op_type, opset, &attribute.name);
            if schema.is_none_or(|schema| schema.kind != attribute.r#type())
                || !attribute.ref_attr_name.is_empty()
            {
                problems.push(Problem::UnknownAttribute {
                    node: label(node),
                    operator: node.op_type.clone(),
                    attribute: name(),
                    expected: schema.map(|schema| schema.kind.as_str_name()),
                    opset,
                });
            }
        }
    }
    if node.op_type == "Constant" && node.attribute.len() != 1 {
        problems.push(Problem::Misread {
            node: label(node),
            operator: node.op_type.clone(),
            reason: format!(
                "it has {} attributes, and must have its value alone",
                node.attribute.len()
            ),
            remedy: "give the constant one value".into(),
        });
    }
    let attributes = Attributes(node);
    for name in TRUTHS {
        if let Some(value) = attributes.int(name).filter(|value| ![0, 1].contains(value)) {
            problems.push(Problem::Truth {
                node: label(node),
                operator: node.op_type.clone(),
                attribute: name,
                value,
            });
        }
    }
}

fn attribute_is_finite(attribute: &AttributeProto) -> bool {
    attribute.f.is_finite() && attribute.floats.iter().all(|x| x.is_finite())
}

/// What of a node that depends on the input EZKL does not load, or loads as something else.
fn inspect_node(node: &NodeProto, opset: i64, values: &Values<'_>, read: &HashSet<&str>, found: &mut Found) {
    let name = || label(node);
    let operator = || node.op_type.clone();
    if !is_supported(&node.op_type) {
        found.direct.push(Problem::UnsupportedOperator {
            node: name(),
            operator: operator(),
        });
        return;
    }
    if is_windowed(&node.op_type) {
        let attributes = Attributes(node);
        if attributes.ints("strides").is_none() {
            found.direct.push(Problem::MissingStrides {
                node: name(),
                operator: operator(),
            });
        }
        let dilations = attributes.ints("dilations").unwrap_or(&[]);
        if dilations.iter().any(|&dilation| dilation != 1) {
            found.direct.push(Problem::Dilated {
                node: name(),
                operator: operator(),
            });
        }
    }
    for misreading in values.misreadings(node, opset) {
        found.direct.push(Problem::misread(node, misreading));
    }
    if !has_outputs(&node.op_type) {
        let further = node
            .output
            .iter()
            .skip(1)
            .filter(|name| read.contains(name.as_str()));
        for value in further.filter(|name| !name.is_empty()) {
            found.direct.push(Problem::Misread {
                node: name(),
                operator: operator(),
                reason: format!("its further output {value:?} is read, and EZKL computes the first alone"),
                remedy: "use the operator's first output alone".into(),
            });
        }
    }
}
