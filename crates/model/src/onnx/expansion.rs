//! Nodes that are written out: a graph in which some nodes give way to others that compute the same.

use std::borrow::Cow;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

use crate::wire::node::label;
use crate::wire::proto;

/// The graph with some of its nodes written out; the graph itself where it has none of them.
pub(super) fn written_out(
    graph: &GraphProto,
    is_written_out: impl Fn(&NodeProto) -> bool,
    write: impl Fn(&mut Expansion<'_>),
) -> Cow<'_, GraphProto> {
    if !graph.node.iter().any(&is_written_out) {
        return Cow::Borrowed(graph);
    }
    let mut result = graph.clone();
    result.node.clear();
    let token = unused(graph);
    for (index, node) in graph.node.iter().enumerate() {
        if is_written_out(node) {
            let mut expansion = Expansion::of(node, graph, format!("{token}{index}:"));
            write(&mut expansion);
            result.node.extend(expansion.nodes);
            result.initializer.extend(expansion.initializers);
        } else {
            result.node.push(node.clone());
        }
    }
    Cow::Owned(result)
}

/// What no name in a graph begins with.
fn unused(graph: &GraphProto) -> String {
    let values = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().chain(&node.output));
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let inputs = graph.input.iter().map(|input| &input.name);
    let mut token = "expanded:".to_owned();
    let names: Vec<&String> = values.chain(stored).chain(inputs).collect();
    while names.iter().any(|name| name.starts_with(&token)) {
        token.push(':');
    }
    token
}

/// A node, and what stands in its place.
pub(super) struct Expansion<'a> {
    /// What is written out.
    pub(super) node: &'a NodeProto,
    graph: &'a GraphProto,
    /// What the names of its values and constants begin with.
    prefix: String,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl<'a> Expansion<'a> {
    fn of(node: &'a NodeProto, graph: &'a GraphProto, prefix: String) -> Self {
        Self {
            node,
            graph,
            prefix,
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    /// The name of an input; empty where it is left out.
    pub(super) fn input(&self, position: usize) -> String {
        self.node.input.get(position).cloned().unwrap_or_default()
    }

    /// The name of an output, or of a value in its place.
    pub(super) fn output(&self, position: usize) -> String {
        let named = self.node.output.get(position).filter(|name| !name.is_empty());
        named.map_or_else(|| format!("{}output{position}", self.prefix), Clone::clone)
    }

    /// A name for a value of this node.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Adds a node; the name of what it gives.
    pub(super) fn add(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        attribute: Vec<AttributeProto>,
    ) -> String {
        let output = format!("{}{}", self.prefix, self.nodes.len());
        self.give(operator, inputs, attribute, output.clone());
        output
    }

    /// Adds a node that gives a value of this name.
    pub(super) fn give(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        attribute: Vec<AttributeProto>,
        output: String,
    ) {
        self.give_all(operator, inputs, attribute, vec![output]);
    }

    /// Adds a node that gives values of these names.
    pub(super) fn give_all(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        attribute: Vec<AttributeProto>,
        output: Vec<String>,
    ) {
        self.nodes.push(NodeProto {
            op_type: operator.to_owned(),
            // As messages name it.
            name: format!("{}:{}", label(self.node), self.nodes.len()),
            input: inputs,
            output,
            attribute,
            ..NodeProto::default()
        });
    }

    /// Adds a constant; its name.
    pub(super) fn constant(&mut self, mut tensor: TensorProto) -> String {
        tensor.name = format!("{}constant{}", self.prefix, self.initializers.len());
        let name = tensor.name.clone();
        self.initializers.push(tensor);
        name
    }

    pub(super) fn number(&mut self, number: f32) -> String {
        self.constant(proto::floats(String::new(), &[], &[number]))
    }

    /// Adds a cast of a value.
    pub(super) fn cast(&mut self, value: String, to: DataType) -> String {
        self.add("Cast", vec![value], vec![proto::int("to", i64::from(to as i32))])
    }

    /// Sizes of a constant of the file.
    pub(super) fn sizes_of(&self, name: &str) -> Option<&'a [i64]> {
        let mut stored = self.graph.initializer.iter().filter(|tensor| tensor.name == name);
        let given = || {
            let mut makers = self.graph.node.iter();
            let maker = makers.find(|node| node.output.iter().any(|output| output == name))?;
            let mut tensors = maker
                .attribute
                .iter()
                .filter_map(|attribute| attribute.t.as_ref());
            tensors.next().filter(|_| maker.op_type == "Constant")
        };
        Some(&stored.next().or_else(given)?.dims)
    }

    /// What the integers stand for that an input has, with its scale and zero point.
    pub(super) fn dequantised(&mut self, inputs: [usize; 3], axis: i64) -> String {
        let inputs = inputs.map(|position| self.input(position));
        self.add(
            "DequantizeLinear",
            inputs.to_vec(),
            vec![proto::int("axis", axis)],
        )
    }

    /// Gives the integers of a value, with the scale and the zero point of the node's output, which are two of its inputs.
    pub(super) fn quantised(&mut self, value: String, [scale, zero]: [usize; 2], axis: i64) {
        let inputs = vec![value, self.input(scale), self.input(zero)];
        let axis = vec![proto::int("axis", axis)];
        self.give("QuantizeLinear", inputs, axis, self.output(0));
    }
}
