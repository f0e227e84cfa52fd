//! `If` nodes whose condition is known before the model runs, as the branch that it chooses.
//!
//! Goes in: a file's graph, and what tells a condition. Comes out: the same graph, in which the nodes of the chosen branch stand in the
//! place of each such node. What a branch gives is seen nowhere else, as in the file: its values have new names. A branch that gives a value
//! under the name of one outside of it is left where it is, since readers differ in which of the two they take.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{
    GraphProto, NodeProto, TensorProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, type_proto::Value as Type,
};

use super::MOST_NODES;
use crate::wire::node::{is_standard, label};

/// The branches of an `If`: the first where its condition holds.
const BRANCHES: [&str; 2] = ["then_branch", "else_branch"];

/// The most nodes that all conditions together may depend on, where what a node depends on counts again for each condition.
const MOST_LOOKED_AT: usize = 160_000;

/// How many elements of constants count as one node.
const ELEMENTS_OF_NODE: usize = 1 << 12;

/// How many nodes before one count as one that it depends on.
const NODES_BEFORE: usize = 16;

/// Operators that give whole numbers and truth values for such, exactly, and no more of them than they read.
const EXACT: [&str; 14] = [
    "And",
    "Cast",
    "Equal",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "Less",
    "LessOrEqual",
    "Not",
    "Or",
    "Slice",
    "Squeeze",
    "Xor",
];

/// Operators that give sizes.
const SIZES: [&str; 2] = ["Shape", "Size"];

/// The most elements of a list of stored numbers that a condition is computed of.
const MOST_STORED: i64 = 64;

/// Why a branch is not chosen where runtimes may differ in the condition.
const NOT_EXACT: &str =
    "its condition is computed of more than sizes, stored whole numbers and stored truth values";

/// Why no branch is chosen where the condition is another one for another input.
const ON_INPUT: &str = "its condition depends on the input";

/// A graph in which branches stand in the place of `If` nodes.
pub(super) struct Chosen<'a> {
    /// The graph; the file's own where it has no such node.
    pub(super) graph: Cow<'a, GraphProto>,
    /// The nodes that are no more, each with the branch that it has chosen.
    pub(super) replaced: Vec<(NodeProto, &'static str)>,
    /// The branches that are not taken.
    pub(super) left_out: Vec<GraphProto>,
    /// Why other `If` nodes stay, by the name of their first output.
    pub(super) unknown: HashMap<String, String>,
}

impl<'a> Chosen<'a> {
    /// The graph as it stands.
    pub(super) fn none(graph: &'a GraphProto) -> Self {
        Self {
            graph: Cow::Borrowed(graph),
            replaced: Vec::new(),
            left_out: Vec::new(),
            unknown: HashMap::new(),
        }
    }

    /// Why a node stays that holds graphs.
    pub(super) fn reason(&self, node: &NodeProto) -> Option<String> {
        self.unknown.get(node.output.first()?).cloned()
    }
}

fn is_if(node: &NodeProto) -> bool {
    node.op_type == "If" && is_standard(&node.domain)
}

/// The graph with the branches that are known. `condition` says of a value whether it is true, or why that is not known; it is
/// given a graph of what the value depends on.
pub(super) fn chosen(
    graph: &GraphProto,
    condition: impl Fn(&GraphProto, &str) -> Result<bool, String>,
) -> Chosen<'_> {
    let mut result = Chosen::none(graph);
    if !graph.node.iter().any(is_if) {
        return result;
    }
    let mut graph = graph.clone();
    let mut names = HashSet::new();
    mentioned(&graph, &mut names);
    let (mut index, mut looked_at) = (0, 0);
    while (index + 1..=MOST_NODES).contains(&graph.node.len()) {
        if !is_if(&graph.node[index]) {
            index += 1;
            continue;
        }
        let known = ensure_form(&graph.node[index]).and_then(|()| {
            let name = &graph.node[index].input[0];
            let too_many = "the conditions up to it depend on more nodes and constants than are looked at";
            // Before anything is copied for it.
            if looked_at > MOST_LOOKED_AT {
                return Err(too_many.to_owned());
            }
            let (depends, cost) = depends_on(&graph, index, name);
            looked_at += cost;
            if looked_at > MOST_LOOKED_AT {
                return Err(too_many.to_owned());
            }
            ensure_exact(&depends, name)?;
            let holds = condition(&depends, name)?;
            let inner = inlined(&graph, index, usize::from(!holds), &mut names)?;
            Ok((usize::from(!holds), inner))
        });
        match known {
            Ok((branch, inner)) => {
                let mut node = std::mem::take(&mut graph.node[index]);
                let place = node
                    .attribute
                    .iter()
                    .position(|attribute| attribute.name == BRANCHES[1 - branch]);
                result
                    .left_out
                    .extend(place.and_then(|place| node.attribute.swap_remove(place).g));
                node.attribute.clear();
                result.replaced.push((node, BRANCHES[branch]));
                graph.initializer.extend(inner.initializer);
                graph.sparse_initializer.extend(inner.sparse_initializer);
                graph.value_info.extend(inner.value_info);
                // What is in a branch is looked at next: it may have branches itself.
                graph.node.splice(index..=index, inner.node);
            }
            Err(reason) => {
                let name = graph.node[index].output.first().cloned();
                result.unknown.insert(name.unwrap_or_default(), reason);
                index += 1;
            }
        }
    }
    result.graph = Cow::Owned(graph);
    result
}

/// Fails unless a node has one condition and two branches, each of which gives what the node gives.
fn ensure_form(node: &NodeProto) -> Result<(), String> {
    let [condition] = &node.input[..] else {
        return Err(format!("it has {} inputs, and must have one", node.input.len()));
    };
    if condition.is_empty() {
        return Err("it has no condition".to_owned());
    }
    if node.output.iter().all(String::is_empty) {
        return Err("it has no output with a name".to_owned());
    }
    for attribute in &node.attribute {
        let is_given_once = node
            .attribute
            .iter()
            .filter(|other| other.name == attribute.name)
            .count()
            == 1;
        if !BRANCHES.contains(&attribute.name.as_str()) || !is_given_once {
            return Err(format!(
                "its attribute {} is none of an If, or is given twice",
                attribute.name
            ));
        }
    }
    let branches = BRANCHES.iter().map(|name| {
        let branch = branch(node, name).ok_or_else(|| format!("it has no {name}"))?;
        Ok((name, branch))
    });
    for (name, branch) in branches.collect::<Result<Vec<_>, String>>()? {
        if !branch.input.is_empty() {
            return Err(format!("its {name} takes inputs"));
        }
        if branch.output.len() != node.output.len() {
            return Err(format!(
                "its {name} gives {} values for {} outputs",
                branch.output.len(),
                node.output.len()
            ));
        }
        let outputs: HashSet<&String> = branch.output.iter().map(|output| &output.name).collect();
        if outputs.len() < branch.output.len() {
            return Err(format!("its {name} gives a value twice"));
        }
        let own: HashSet<&String> = given(branch).collect();
        if let Some(output) = branch.output.iter().find(|output| !own.contains(&output.name)) {
            return Err(format!(
                "its {name} gives {:?}, which nothing in it gives",
                output.name
            ));
        }
    }
    Ok(())
}

fn branch<'a>(node: &'a NodeProto, name: &str) -> Option<&'a GraphProto> {
    let attribute = node.attribute.iter().find(|attribute| attribute.name == name)?;
    let is_graph = attribute.r#type() == AttributeType::Graph && attribute.graphs.is_empty();
    attribute.g.as_ref().filter(|_| is_graph)
}

/// The names of what a graph gives by itself: its nodes and its stored tensors.
fn given(graph: &GraphProto) -> impl Iterator<Item = &String> {
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let outputs = graph.node.iter().flat_map(|node| &node.output);
    stored.chain(outputs).filter(|name| !name.is_empty())
}

/// The graphs within a node.
fn within(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    let attributes = node.attribute.iter();
    attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// Every name that stands in a graph and in those within it.
fn mentioned(graph: &GraphProto, names: &mut HashSet<String>) {
    let ports = graph.input.iter().chain(&graph.output).chain(&graph.value_info);
    names.extend(ports.map(|port| port.name.clone()));
    names.extend(given(graph).cloned());
    for node in &graph.node {
        names.extend(node.input.iter().cloned());
        within(node).for_each(|graph| mentioned(graph, names));
    }
}

/// Whether a graph within a node reads a value of this name.
pub(super) fn is_read_within(node: &NodeProto, name: &str) -> bool {
    within(node).any(|graph| {
        let gives = graph.output.iter().any(|output| output.name == name);
        let mut nodes = graph.node.iter();
        gives || nodes.any(|node| node.input.iter().any(|input| input == name) || is_read_within(node, name))
    })
}

/// The part of a graph before a node that a value depends on, and the part's size.
fn depends_on(graph: &GraphProto, index: usize, name: &str) -> (GraphProto, usize) {
    let mut needed: HashSet<String> = HashSet::from([name.to_owned()]);
    let mut node = Vec::new();
    for before in graph.node[..index].iter().rev() {
        if before.output.iter().any(|output| needed.contains(output)) {
            needed.extend(before.input.iter().filter(|input| !input.is_empty()).cloned());
            within(before).for_each(|graph| mentioned(graph, &mut needed));
            node.push(before.clone());
        }
    }
    node.reverse();
    let stored = graph.initializer.iter();
    let initializer: Vec<_> = stored
        .filter(|tensor| needed.contains(&tensor.name))
        .cloned()
        .collect();
    let within = node.iter().flat_map(|node| &node.attribute);
    let elements = (initializer.iter())
        .chain(within.filter_map(|attribute| attribute.t.as_ref()))
        .map(|tensor| elements(tensor) / ELEMENTS_OF_NODE);
    let cost =
        1 + index / NODES_BEFORE + node.len() + initializer.len() + elements.fold(0, usize::saturating_add);
    let depends = GraphProto {
        node,
        initializer,
        input: graph.input.clone(),
        output: vec![ValueInfoProto {
            name: name.to_owned(),
            ..ValueInfoProto::default()
        }],
        ..GraphProto::default()
    };
    (depends, cost)
}

/// What is needed of a value that a condition depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Needed {
    /// Its elements.
    Elements,
    /// Its sizes.
    Sizes,
}

/// Fails unless every runtime computes the same condition: of stored whole numbers and truth values, and of sizes of what the input decides.
/// Sums and roundings of floats differ from one runtime to the next, and a branch would be another one for it. Nothing large is computed
/// for it either: no operator here gives more elements than are stored.
fn ensure_exact(graph: &GraphProto, condition: &str) -> Result<(), String> {
    let stored: HashMap<&str, &TensorProto> = (graph.initializer.iter())
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut by: HashMap<&str, &NodeProto> = HashMap::new();
    for node in &graph.node {
        by.extend(node.output.iter().map(|output| (output.as_str(), node)));
    }
    let not_exact = || {
        let reason = if reads_input(&by, &stored, condition) {
            ON_INPUT
        } else {
            NOT_EXACT
        };
        reason.to_owned()
    };
    // A constant is stored; everything else is computed.
    let is_stored =
        |name: &str| stored.contains_key(name) || by.get(name).is_some_and(|node| node.op_type == "Constant");
    let mut seen = HashSet::new();
    let mut open = vec![(condition, Needed::Elements)];
    while let Some((name, needed)) = open.pop() {
        if name.is_empty() || !seen.insert((name, needed)) {
            continue;
        }
        let Some(node) = by.get(name) else {
            match (stored.get(name), needed) {
                (Some(tensor), Needed::Elements) if !is_small_and_whole(tensor) => return Err(not_exact()),
                (None, Needed::Elements) => return Err(ON_INPUT.to_owned()),
                _ => continue,
            }
        };
        let operator = node.op_type.as_str();
        if !is_standard(&node.domain) || within(node).next().is_some() {
            return Err(not_exact());
        }
        let of_inputs = match needed {
            Needed::Elements if operator == "Constant" => {
                let is_exact = node
                    .attribute
                    .iter()
                    .all(|attribute| match attribute.name.as_str() {
                        "value" => attribute.t.as_ref().is_some_and(is_small_and_whole),
                        "value_int" => true,
                        "value_ints" => attribute.ints.len() as i64 <= MOST_STORED,
                        _ => false,
                    });
                if !is_exact {
                    return Err(not_exact());
                }
                continue;
            }
            Needed::Elements if SIZES.contains(&operator) => Needed::Sizes,
            Needed::Elements if EXACT.contains(&operator) && is_exact_cast(node) => Needed::Elements,
            Needed::Sizes if operator == "Constant" => continue,
            // What is computed of constants alone may be of any size, and sizes that are computed of sizes go through numbers.
            Needed::Sizes
                if !SIZES.contains(&operator)
                    && node
                        .input
                        .iter()
                        .any(|input| !input.is_empty() && !is_stored(input)) =>
            {
                Needed::Sizes
            }
            _ => return Err(not_exact()),
        };
        open.extend(node.input.iter().map(|input| (input.as_str(), of_inputs)));
    }
    Ok(())
}

/// Whether an element of an input has a part in a value.
fn reads_input(by: &HashMap<&str, &NodeProto>, stored: &HashMap<&str, &TensorProto>, value: &str) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![value];
    while let Some(name) = open.pop() {
        if name.is_empty() || stored.contains_key(name) || !seen.insert(name) {
            continue;
        }
        match by.get(name) {
            Some(node) if SIZES.contains(&node.op_type.as_str()) => {}
            Some(node) => open.extend(node.input.iter().map(String::as_str)),
            None => return true,
        }
    }
    false
}

/// Whether a tensor is a number, or a short list, of a type that every runtime compares exactly.
fn is_small_and_whole(tensor: &TensorProto) -> bool {
    let is_whole = [DataType::Bool, DataType::Int32, DataType::Int64].contains(&tensor.data_type());
    is_whole && tensor.dims.len() <= 1 && tensor.dims.iter().all(|size| (0..=MOST_STORED).contains(size))
}

/// Whether no number is another one after it, if it is a cast.
fn is_exact_cast(node: &NodeProto) -> bool {
    let exact = [DataType::Bool, DataType::Int64].map(|element| i64::from(element as i32));
    node.op_type != "Cast"
        || node
            .attribute
            .iter()
            .all(|attribute| attribute.name == "to" && exact.contains(&attribute.i))
}

/// How many elements a tensor stores, up to the width of the type.
fn elements(tensor: &TensorProto) -> usize {
    tensor.raw_data.len() / size_of::<f32>()
        + tensor.float_data.len()
        + tensor.double_data.len()
        + tensor.int32_data.len()
        + tensor.int64_data.len()
        + tensor.uint64_data.len()
}

/// What stands in the place of a node that chooses a branch.
fn inlined(
    graph: &GraphProto,
    index: usize,
    chosen: usize,
    names: &mut HashSet<String>,
) -> Result<GraphProto, String> {
    let node = &graph.node[index];
    let mut inner = branch(node, BRANCHES[chosen]).cloned().unwrap_or_default();
    let outside: HashSet<&String> = (graph.input.iter().map(|input| &input.name))
        .chain(graph.initializer.iter().map(|tensor| &tensor.name))
        .chain(graph.node[..index].iter().flat_map(|node| &node.output))
        .collect();
    if let Some(name) = given(&inner).find(|name| outside.contains(name)) {
        return Err(twice(name));
    }
    let mut renamed: HashMap<String, String> = HashMap::new();
    for name in given(&inner) {
        if !renamed.contains_key(name) {
            let mut fresh = format!("{}:{name}", label(node));
            while !names.insert(fresh.clone()) {
                fresh.push(':');
            }
            renamed.insert(name.clone(), fresh);
        }
    }
    rename(&mut inner, &renamed, true)?;
    for (output, result) in node.output.iter().zip(&inner.output) {
        if !output.is_empty() {
            inner.node.push(NodeProto {
                op_type: "Identity".to_owned(),
                name: node.name.clone(),
                input: vec![result.name.clone()],
                output: vec![output.clone()],
                ..NodeProto::default()
            });
        }
    }
    let results: Vec<ValueInfoProto> = inner.output.iter().filter_map(of_any_shape).collect();
    inner.value_info.extend(results);
    Ok(inner)
}

fn twice(name: &str) -> String {
    format!("a branch gives {name:?}, which is a value outside of the branch as well")
}

/// What a branch declares of its output, but for the sizes: a branch may be declared by those of the other one.
fn of_any_shape(output: &ValueInfoProto) -> Option<ValueInfoProto> {
    let mut output = output.clone();
    let Some(Type::TensorType(tensor)) = output.r#type.as_mut()?.value.as_mut() else {
        return None;
    };
    tensor.shape = None;
    (tensor.elem_type() != DataType::Undefined).then_some(output)
}

/// Gives values new names, also where graphs within read them.
///
/// # Errors
/// A graph within gives a value of such a name itself.
fn rename(graph: &mut GraphProto, names: &HashMap<String, String>, is_own: bool) -> Result<(), String> {
    if !is_own {
        let inputs = graph.input.iter().map(|input| &input.name);
        if let Some(name) = given(graph).chain(inputs).find(|name| names.contains_key(*name)) {
            return Err(twice(name));
        }
    }
    let change = |name: &mut String| {
        if let Some(fresh) = names.get(name) {
            name.clone_from(fresh);
        }
    };
    let ports = graph.output.iter_mut().chain(&mut graph.value_info);
    ports.for_each(|port| change(&mut port.name));
    graph
        .initializer
        .iter_mut()
        .for_each(|tensor| change(&mut tensor.name));
    for node in &mut graph.node {
        node.input.iter_mut().chain(&mut node.output).for_each(change);
        for attribute in &mut node.attribute {
            for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                rename(graph, names, false)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use prost::Message as _;
    use tract_onnx::pb::{AttributeProto, FunctionProto, ModelProto, OperatorSetIdProto, TensorProto};

    use super::*;
    use crate::graph::{Graph, Op};
    use crate::onnx::models::{attribute, floats, int, integers, operator, port, small, with};
    use crate::onnx::{Coverage, OnnxError, OnnxModel, parse, rounded, with_every_value};

    /// A branch of nodes that gives these values.
    fn branch_of(node: Vec<NodeProto>, outputs: &[&str]) -> GraphProto {
        GraphProto {
            node,
            output: outputs.iter().map(|name| port(name, None)).collect(),
            ..GraphProto::default()
        }
    }

    /// A branch of one operator on a value, which it gives as `a`.
    fn of(op_type: &str, input: &str) -> GraphProto {
        branch_of(vec![operator(op_type, &[input], "a")], &["a"])
    }

    fn graph(name: &str, graph: GraphProto) -> AttributeProto {
        AttributeProto {
            g: Some(graph),
            ..attribute(name, AttributeType::Graph)
        }
    }

    fn choice(condition: &str, branches: [GraphProto; 2], output: &str) -> NodeProto {
        let [holds, fails] = branches;
        let node = with(operator("If", &[condition], output), graph("then_branch", holds));
        with(node, graph("else_branch", fails))
    }

    fn truth(name: &str, values: &[i32]) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: if values.len() == 1 {
                Vec::new()
            } else {
                vec![values.len() as i64]
            },
            data_type: DataType::Bool as i32,
            int32_data: values.to_vec(),
            ..TensorProto::default()
        }
    }

    fn read(model: &ModelProto) -> Result<OnnxModel, OnnxError> {
        parse(&model.encode_to_vec(), Path::new("model.onnx"))
    }

    /// The operators of a file with a committed circuit.
    #[track_caller]
    fn operators(model: &ModelProto) -> Vec<&'static str> {
        graph_of(model)
            .nodes
            .iter()
            .map(|node| node.op.onnx_name())
            .collect()
    }

    #[track_caller]
    fn graph_of(model: &ModelProto) -> Graph {
        match read(model).expect("valid").coverage {
            Coverage::Full(graph) => graph,
            Coverage::Partial(uncovered) => panic!("{uncovered:?}"),
        }
    }

    #[track_caller]
    fn refused(model: &ModelProto, reason: &str) {
        let error = read(model).expect_err("refused").to_string();
        assert!(error.contains(reason), "no {reason:?} in {error}");
    }

    /// x of shape [2, 1, 3], and a condition `c`.
    fn model(nodes: Vec<NodeProto>) -> ModelProto {
        small(&[2, 1, 3], nodes, vec![truth("c", &[1])])
    }

    fn chosen_of(model: &ModelProto, holds: bool) -> GraphProto {
        let graph = model.graph.as_ref().expect("has a graph");
        chosen(graph, |_, _| Ok(holds)).graph.into_owned()
    }

    #[test]
    fn a_condition_that_is_stored_chooses_a_branch() {
        for (value, expected) in [(1, "Relu"), (0, "Exp")] {
            let node = choice("c", [of("Relu", "x"), of("Exp", "x")], "y");
            let model = small(&[2, 3], vec![node], vec![truth("c", &[value])]);
            assert_eq!(operators(&model), [expected]);
            let read = read(&model).expect("valid");
            assert_eq!(read.outputs[0].name, "y");
            let said = format!("its {} is what is proved", BRANCHES[usize::from(value == 0)]);
            assert!(
                read.notes.iter().any(|note| note.contains(&said)),
                "{:?}",
                read.notes
            );
            let misread: Vec<String> = read.misread.iter().map(ToString::to_string).collect();
            assert_eq!(misread, ["If node \"y\" contains a graph of its own"]);
        }
        // A list of one truth value is one, and so is what a Constant node gives.
        let list = TensorProto {
            dims: vec![1],
            ..truth("c", &[0])
        };
        let node = choice("c", [of("Relu", "x"), of("Exp", "x")], "y");
        assert_eq!(
            operators(&small(&[2, 3], vec![node.clone()], vec![list])),
            ["Exp"]
        );
        let value = AttributeProto {
            t: Some(truth("", &[1])),
            ..attribute("value", AttributeType::Tensor)
        };
        let made = with(operator("Constant", &[], "c"), value);
        assert_eq!(operators(&small(&[2, 3], vec![made, node], Vec::new())), ["Relu"]);
    }

    /// As PyTorch writes `x.squeeze(1)` of a value whose sizes it does not know.
    fn squeezed(shape: &[i64]) -> ModelProto {
        let squeeze = branch_of(vec![operator("Squeeze", &["r", "one"], "s")], &["s"]);
        let nodes = vec![
            operator("Relu", &["x"], "r"),
            operator("Shape", &["r"], "sizes"),
            operator("Gather", &["sizes", "one"], "size"),
            operator("Equal", &["size", "one"], "is_one"),
            choice("is_one", [squeeze, of("Identity", "r")], "z"),
            operator("Exp", &["z"], "y"),
        ];
        small(shape, nodes, vec![integers("one", &[1])])
    }

    #[test]
    fn a_condition_that_follows_from_sizes_chooses_a_branch() {
        for (shape, expected) in [(&[2, 1, 3], &[2, 3][..]), (&[2, 4, 3], &[2, 4, 3])] {
            let graph = graph_of(&squeezed(shape));
            let output = graph.output_values().next().expect("one");
            assert_eq!(output.shape, expected);
        }
        // Sizes behind a branch that was chosen before.
        let mut model = squeezed(&[2, 1, 3]);
        let graph = model.graph.as_mut().expect("has a graph");
        graph.node.pop();
        let squeeze = branch_of(vec![operator("Squeeze", &["z", "zero"], "s")], &["s"]);
        graph.node.extend([
            operator("Size", &["z"], "count"),
            operator("Equal", &["count", "six"], "is_six"),
            operator("Not", &["is_six"], "is_not_six"),
            choice("is_not_six", [squeeze, of("Exp", "z")], "y"),
        ]);
        let six = TensorProto {
            dims: Vec::new(),
            ..integers("six", &[6])
        };
        graph.initializer.extend([six, integers("zero", &[0])]);
        let (names, shape) = (
            operators(&model),
            graph_of(&model)
                .output_values()
                .next()
                .expect("one")
                .shape
                .clone(),
        );
        assert_eq!((names.last(), &shape[..]), (Some(&"Exp"), &[2, 3][..]));
    }

    /// Runtimes differ in sums and in NaN, and so in the branch.
    #[test]
    fn a_condition_of_floats_or_sums_is_refused() {
        let number = |name: &str, number: f32| TensorProto {
            dims: Vec::new(),
            ..floats(name, &[1], &[number])
        };
        let to = |node: NodeProto, element: DataType| with(node, int("to", i64::from(element as i32)));
        let cases: Vec<(&str, Vec<NodeProto>)> = vec![
            (
                "a sum",
                vec![
                    operator("ReduceSum", &["large"], "s"),
                    operator("Greater", &["s", "half"], "c"),
                ],
            ),
            (
                "NaN",
                vec![
                    operator("Sqrt", &["minus"], "r"),
                    operator("Max", &["r", "half"], "s"),
                    operator("Greater", &["s", "minus"], "c"),
                ],
            ),
            (
                "a float",
                vec![to(operator("Cast", &["half"], "c"), DataType::Bool)],
            ),
            (
                "a float of a whole number",
                vec![
                    to(operator("Cast", &["two"], "r"), DataType::Double),
                    to(operator("Cast", &["r"], "c"), DataType::Bool),
                ],
            ),
            (
                "a sum of whole numbers",
                vec![
                    operator("Add", &["two", "two"], "s"),
                    operator("Equal", &["s", "two"], "c"),
                ],
            ),
            (
                "sizes of what is computed of constants",
                vec![
                    operator("ConstantOfShape", &["list"], "s"),
                    operator("Size", &["s"], "n"),
                    operator("Equal", &["n", "two"], "c"),
                ],
            ),
            (
                "sizes that are computed of sizes",
                vec![
                    operator("Shape", &["x"], "s"),
                    operator("Reshape", &["x", "s"], "r"),
                    operator("Size", &["r"], "n"),
                    operator("Equal", &["n", "two"], "c"),
                ],
            ),
            (
                "a long list",
                vec![
                    operator("Gather", &["long", "two"], "n"),
                    operator("Equal", &["n", "two"], "c"),
                ],
            ),
        ];
        for (what, mut nodes) in cases {
            nodes.push(choice("c", [of("Relu", "x"), of("Exp", "x")], "y"));
            let two = TensorProto {
                dims: Vec::new(),
                ..integers("two", &[2])
            };
            let stored = vec![
                floats("large", &[3], &[1e8, 1.0, -1e8]),
                number("half", 0.5),
                number("minus", -1.0),
                two,
                integers("list", &[2]),
                integers("long", &[0; 65]),
            ];
            let model = small(&[2, 3], nodes, stored);
            let graph = model.graph.as_ref().expect("has a graph");
            let found = chosen(graph, |_, _| panic!("{what}: it is not computed"));
            assert!(found.replaced.is_empty(), "{what}");
            assert_eq!(found.unknown["y"], NOT_EXACT, "{what}");
        }
    }

    /// What a `Constant` node stores counts as what an initializer stores does.
    #[test]
    fn tensors_of_constant_nodes_count() {
        let cost = |elements: usize| {
            let value = AttributeProto {
                t: Some(floats("", &[elements as i64], &vec![0.0; elements])),
                ..attribute("value", AttributeType::Tensor)
            };
            let nodes = vec![with(operator("Constant", &[], "c"), value)];
            let model = small(&[2, 3], nodes, Vec::new());
            depends_on(model.graph.as_ref().expect("has a graph"), 1, "c").1
        };
        assert_eq!(cost(8 * ELEMENTS_OF_NODE), cost(1) + 8);
    }

    #[test]
    fn what_a_branch_stores_and_names_is_its_own() {
        // A name of both branches, of the node's own output, and of a value that comes later.
        let stored = |number: f32| GraphProto {
            initializer: vec![floats("w", &[3], &[number; 3])],
            ..branch_of(
                vec![
                    operator("Mul", &["x", "w"], "a"),
                    operator("Add", &["a", "w"], "z"),
                ],
                &["z"],
            )
        };
        let nodes = |output: &str| {
            vec![
                choice("c", [stored(2.0), stored(3.0)], output),
                operator("Exp", &["x"], "a"),
                operator("Add", &[output, "a"], "y"),
            ]
        };
        let graph = graph_of(&model(nodes("z")));
        let names: Vec<&str> = graph.nodes.iter().map(|node| node.op.onnx_name()).collect();
        assert_eq!(names, ["Constant", "Mul", "Add", "Exp", "Add"]);
        let constant = graph.nodes.iter().find_map(|node| match &node.op {
            Op::Constant(tensor) => Some(tensor.data.clone()),
            _ => None,
        });
        assert_eq!(constant, Some(vec![2.0; 3]));
        // What is in a branch is not seen outside of it.
        let outside = vec![
            choice("c", [of("Relu", "x"), of("Exp", "x")], "z"),
            operator("Add", &["z", "a"], "y"),
        ];
        refused(
            &model(outside.clone()),
            "reads \"a\", which nothing before it gives",
        );
        // Nor under its new name.
        let graph = chosen_of(&model(outside), true);
        assert_eq!(graph.node[0].output, ["z:a"]);
        let mut taken = model(vec![
            choice("c", [of("Relu", "x"), of("Exp", "x")], "z"),
            operator("Add", &["z", "z:a"], "y"),
        ]);
        refused(&taken, "reads \"z:a\"");
        let port = port("z:a", Some(&[2, 1, 3]));
        taken.graph.as_mut().expect("has a graph").input.push(port);
        assert_eq!(operators(&taken), ["Relu", "Add"]);
        // A tensor that is stored, as what a branch gives.
        let only = GraphProto {
            initializer: vec![floats("w", &[3], &[2.0; 3])],
            ..branch_of(Vec::new(), &["w"])
        };
        let nodes = vec![
            choice("c", [only, of("Relu", "x")], "z"),
            operator("Add", &["x", "z"], "y"),
        ];
        assert_eq!(operators(&model(nodes)), ["Constant", "Add"]);
    }

    #[test]
    fn a_branch_may_have_branches_and_several_outputs() {
        let inner = choice("d", [of("Neg", "r"), of("Abs", "r")], "n");
        let outer = branch_of(vec![operator("Relu", &["x"], "r"), inner], &["n"]);
        for (value, expected) in [(1, "Neg"), (0, "Abs")] {
            let mut model = model(vec![choice("c", [outer.clone(), of("Exp", "x")], "y")]);
            let graph = model.graph.as_mut().expect("has a graph");
            graph.initializer.push(truth("d", &[value]));
            assert_eq!(operators(&model), ["Relu", expected]);
            // What a branch in a branch depends on may be in the branch.
            let graph = model.graph.as_mut().expect("has a graph");
            graph.initializer.pop();
            let holds = &mut graph.node[0].attribute[0]
                .g
                .as_mut()
                .expect("a branch")
                .initializer;
            holds.push(truth("d", &[value]));
            assert_eq!(operators(&model), ["Relu", expected]);
        }
        let two = |first: &str, second: &str| {
            branch_of(
                vec![operator(first, &["x"], "a"), operator(second, &["x"], "b")],
                &["b", "a"],
            )
        };
        let mut node = choice("c", [two("Relu", "Exp"), two("Abs", "Neg")], "y");
        node.output.push("z".to_owned());
        let mut model = model(vec![node.clone()]);
        let graph = model.graph.as_mut().expect("has a graph");
        graph.output.push(port("z", None));
        let graph = graph_of(&model);
        let names = |graph: &Graph| -> Vec<&str> {
            let value = |id| graph.nodes.iter().find(|node| node.output == id);
            let outputs = graph
                .outputs
                .iter()
                .map(|&id| value(id).expect("given").op.onnx_name());
            outputs.collect()
        };
        assert_eq!(names(&graph), ["Exp", "Relu"]);
        // An output that nobody names.
        node.output[0] = String::new();
        let mut model = small(&[2, 3], vec![node], vec![truth("c", &[1])]);
        model.graph.as_mut().expect("has a graph").output = vec![port("z", None)];
        assert_eq!(names(&graph_of(&model)), ["Relu"]);
    }

    #[test]
    fn a_condition_that_is_not_known_is_refused_with_the_reason() {
        let branches = || [of("Relu", "x"), of("Exp", "x")];
        let depends = "contains a graph of its own: its condition depends on the input";
        let greater = vec![
            operator("ReduceMax", &["x"], "m"),
            operator("Greater", &["m", "zero"], "g"),
            choice("g", branches(), "y"),
        ];
        let zero = || floats("zero", &[1], &[0.0]);
        refused(&small(&[2, 3], greater, vec![zero()]), depends);
        let mut given = model(vec![choice("b", branches(), "y")]);
        let mut port = port("b", Some(&[1]));
        if let Some(Type::TensorType(tensor)) = port.r#type.as_mut().and_then(|kind| kind.value.as_mut()) {
            tensor.elem_type = DataType::Bool as i32;
        }
        given.graph.as_mut().expect("has a graph").input.push(port);
        refused(&given, depends);
        refused(
            &small(
                &[2, 3],
                vec![choice("c", branches(), "y")],
                vec![truth("c", &[1, 1])],
            ),
            "its condition is BOOL of shape [2], and must be one truth value",
        );
        refused(
            &small(
                &[2, 3],
                vec![choice("c", branches(), "y")],
                vec![integers("c", &[1])],
            ),
            "its condition is INT64 of shape [1]",
        );
        refused(
            &small(
                &[2, 3],
                vec![choice("c", branches(), "y")],
                vec![floats("c", &[], &[1.0])],
            ),
            NOT_EXACT,
        );
        refused(
            &model(vec![choice("d", branches(), "y")]),
            "reads \"d\", which nothing before it gives",
        );
        // Also through an operator without a committed circuit.
        let product = with(operator("ReduceProd", &["x"], "p"), int("keepdims", 0));
        let nodes = vec![
            product,
            operator("Greater", &["p", "zero"], "g"),
            choice("g", branches(), "y"),
        ];
        refused(&small(&[2, 3], nodes, vec![zero()]), depends);
        // What it depends on is refused.
        let nodes = vec![
            with(operator("Shape", &["x"], "s"), int("nothing", 1)),
            operator("Equal", &["s", "s"], "e"),
            choice("e", branches(), "y"),
        ];
        let unknown = small(&[2, 3], nodes, Vec::new());
        refused(&unknown, "its condition depends on what is refused");
        refused(&unknown, "has no attribute nothing");
        // A branch of a branch whose condition is not known.
        let inner = branch_of(vec![choice("u", branches(), "n")], &["n"]);
        let nodes = vec![choice("c", [inner, of("Relu", "x")], "y")];
        refused(&model(nodes), "reads \"u\", which nothing before it gives");
        // The condition depends on itself, or on what comes later.
        refused(&model(vec![choice("y", branches(), "y")]), "reads \"y\"");
    }

    #[test]
    fn another_form_of_a_branch_is_refused_with_the_reason() {
        let good = || of("Relu", "x");
        let node = || choice("c", [good(), good()], "y");
        let without = |position: usize| {
            let mut node = node();
            node.attribute.remove(position);
            node
        };
        refused(
            &model(vec![without(0)]),
            "graph of its own: it has no then_branch",
        );
        refused(
            &model(vec![without(1)]),
            "graph of its own: it has no else_branch",
        );
        let twice = with(node(), graph("then_branch", good()));
        refused(
            &model(vec![twice]),
            "its attribute then_branch is none of an If, or is given twice",
        );
        refused(
            &model(vec![with(node(), int("then", 1))]),
            "its attribute then is none",
        );
        let mut untyped = node();
        untyped.attribute[0].r#type = AttributeType::Int as i32;
        refused(&model(vec![untyped]), "it has no then_branch");
        let mut several = node();
        several.attribute[1].graphs = vec![good()];
        refused(&model(vec![several]), "it has no else_branch");
        let of_two = NodeProto {
            input: ["c", "c"].map(str::to_owned).to_vec(),
            ..node()
        };
        refused(&model(vec![of_two]), "it has 2 inputs, and must have one");
        let of_none = NodeProto {
            input: vec![String::new()],
            ..node()
        };
        refused(&model(vec![of_none]), "it has no condition");
        let mut more = node();
        more.output.push("z".to_owned());
        refused(&model(vec![more]), "its then_branch gives 1 values for 2 outputs");
        // Also of the branch that is not taken.
        let other = |branch: GraphProto| model(vec![choice("c", [good(), branch], "y")]);
        refused(
            &other(branch_of(Vec::new(), &["x"])),
            "its else_branch gives \"x\", which nothing in it gives",
        );
        let twice = vec![operator("If", &["c"], "y")];
        refused(
            &model(twice),
            "If node \"y\" contains a graph of its own: it has no then_branch",
        );
        let with_input = GraphProto {
            input: vec![port("q", None)],
            ..good()
        };
        refused(&other(with_input), "its else_branch takes inputs");
        let foreign = NodeProto {
            domain: "my".to_owned(),
            ..operator("Relu", &["x"], "a")
        };
        refused(
            &other(branch_of(vec![foreign], &["a"])),
            "is my.Relu, which is none of ONNX's own operators",
        );
    }

    /// What is in the branch that is taken is looked at as everything is.
    #[test]
    fn what_is_refused_outside_is_refused_in_a_branch() {
        let good = || of("Relu", "x");
        let taken = |branch: GraphProto| model(vec![choice("c", [branch, good()], "y")]);
        refused(&taken(of("RandomNormalLike", "x")), "draws random numbers");
        let leaky = with(
            operator("LeakyRelu", &["x"], "a"),
            crate::onnx::models::float("alpha", f32::NAN),
        );
        refused(&taken(branch_of(vec![leaky], &["a"])), "NaN or infinite");
        let infinite = GraphProto {
            initializer: vec![floats("w", &[3], &[f32::INFINITY; 3])],
            ..branch_of(vec![operator("Add", &["x", "w"], "a")], &["a"])
        };
        refused(
            &taken(infinite),
            "initializer \"y:w\" has NaN or infinite elements",
        );
        let cycle = vec![operator("Add", &["x", "b"], "a"), operator("Relu", &["a"], "b")];
        refused(
            &taken(branch_of(cycle, &["a"])),
            "reads \"y:b\", which nothing before it gives",
        );
        let twice = vec![operator("Relu", &["x"], "a"), operator("Exp", &["x"], "a")];
        refused(
            &taken(branch_of(twice, &["a"])),
            "the value \"y:a\" is given twice",
        );
        let both = GraphProto {
            initializer: vec![floats("a", &[3], &[1.0; 3])],
            ..good()
        };
        refused(&taken(both), "the value \"y:a\" is given twice");
        refused(
            &taken(of("Relu", "k")),
            "reads \"k\", which nothing before it gives",
        );
        let sparse = GraphProto {
            sparse_initializer: vec![tract_onnx::pb::SparseTensorProto::default()],
            ..good()
        };
        refused(&taken(sparse), "sparse initializers");
    }

    #[test]
    fn values_of_one_name_inside_and_outside_are_refused() {
        let clash = "a branch gives \"k\", which is a value outside of the branch as well";
        let inner = || branch_of(vec![operator("Relu", &["x"], "k")], &["k"]);
        let before = vec![
            operator("Exp", &["x"], "k"),
            choice("c", [inner(), inner()], "z"),
            operator("Add", &["z", "k"], "y"),
        ];
        refused(&model(before), clash);
        let mut stored = model(vec![choice("c", [inner(), inner()], "y")]);
        let graph = stored.graph.as_mut().expect("has a graph");
        graph.initializer.push(floats("k", &[1], &[1.0]));
        refused(&stored, clash);
        let of_x = branch_of(vec![operator("Relu", &["c"], "x")], &["x"]);
        refused(
            &model(vec![choice("c", [of_x.clone(), of_x], "y")]),
            "a branch gives \"x\", which is a value outside",
        );
        // Of a branch in a branch.
        let nested = choice("c", [inner(), of("Exp", "x")], "n");
        let outer = branch_of(
            vec![
                operator("Neg", &["x"], "k"),
                nested,
                operator("Add", &["n", "k"], "m"),
            ],
            &["m"],
        );
        refused(&model(vec![choice("c", [outer, of("Exp", "x")], "y")]), clash);
    }

    /// Of many conditions, or of many nodes before each, no more are looked at than that it takes no time.
    #[test]
    fn many_conditions_are_read_or_refused_in_time() {
        let chain = |count: usize| {
            let mut nodes = Vec::new();
            for at in 0..count {
                let (from, to) = (format!("v{at}"), format!("v{}", at + 1));
                let branch = |op_type: &str| {
                    let node = operator(op_type, &[&from], "a");
                    branch_of(vec![node], &["a"])
                };
                nodes.push(choice("c", [branch("Relu"), branch("Neg")], &to));
            }
            let last = format!("v{count}");
            nodes.insert(0, operator("Abs", &["x"], "v0"));
            nodes.push(operator("Exp", &[&last], "y"));
            model(nodes)
        };
        assert_eq!(operators(&chain(100)).len(), 102);
        refused(&chain(6000), "more nodes and constants than are looked at");
    }

    /// What is declared of a branch's values is held against them; a branch's output may be declared by the other one's sizes.
    #[test]
    fn what_a_branch_declares_is_held_against_it() {
        let declared = |name: &str, shape: &[i64], element: DataType| {
            let mut port = port(name, Some(shape));
            if let Some(Type::TensorType(tensor)) = port.r#type.as_mut().and_then(|kind| kind.value.as_mut())
            {
                tensor.elem_type = element as i32;
            }
            port
        };
        let branch = |shape: &[i64], element, output: ValueInfoProto| {
            let branch = GraphProto {
                output: vec![output],
                value_info: vec![declared("r", shape, element)],
                ..branch_of(
                    vec![operator("Relu", &["x"], "r"), operator("Exp", &["r"], "a")],
                    &[],
                )
            };
            model(vec![choice("c", [branch, of("Exp", "x")], "y")])
        };
        let float = DataType::Float;
        let any = || declared("a", &[7], float);
        assert_eq!(operators(&branch(&[2, 1, 3], float, any())), ["Relu", "Exp"]);
        refused(
            &branch(&[2, 3], float, any()),
            "the value \"y:r\" is declared as FLOAT [2, 3], and is",
        );
        let of_integers = declared("a", &[2, 1, 3], DataType::Int64);
        refused(
            &branch(&[2, 1, 3], float, of_integers),
            "the value \"y:a\" is declared as INT64",
        );
    }

    /// onnxruntime's operators in a branch, and functions.
    #[test]
    fn other_domains_in_a_branch_are_as_outside() {
        let gelu = NodeProto {
            domain: "com.microsoft".to_owned(),
            ..operator("Gelu", &["x"], "a")
        };
        let branch = branch_of(vec![gelu], &["a"]);
        let mut model = model(vec![choice("c", [branch.clone(), of("Exp", "x")], "y")]);
        model.opset_import.push(OperatorSetIdProto {
            domain: "com.microsoft".to_owned(),
            version: 1,
        });
        assert_eq!(operators(&model), ["Gelu"]);
        model.functions.push(FunctionProto {
            name: Some("If".to_owned()),
            domain: Some(String::new()),
            ..FunctionProto::default()
        });
        refused(&model, "which a node could call");
    }

    /// With every value as an output, those of the branch that is taken are among them.
    #[test]
    fn values_of_a_branch_are_values_of_the_model() {
        let model = model(vec![choice("c", [of("Relu", "x"), of("Exp", "x")], "y")]);
        let shown = with_every_value(&model.encode_to_vec()).expect("a model");
        let shown = ModelProto::decode(&shown[..])
            .expect("a model")
            .graph
            .expect("has a graph");
        let names: Vec<&str> = shown.output.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(names, ["y", "y:a"]);
        assert!(shown.node.iter().all(|node| node.op_type != "If"));
        let rounded = rounded(&model.encode_to_vec(), &HashMap::new(), 7).expect("a model");
        let rounded = ModelProto::decode(&rounded[..])
            .expect("a model")
            .graph
            .expect("has a graph");
        let names: Vec<&str> = rounded.node.iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(names, ["Relu", "Identity"]);
    }
}
