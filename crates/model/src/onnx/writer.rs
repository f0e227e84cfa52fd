//! Graph to ONNX bytes.
//!
//! Goes in: a [`Graph`]. Comes out: an encoded `ModelProto`. The same graph gives the same bytes: no
//! time, no version of the writer and no map order is in them. Every attribute that decides a shape is
//! written out, defaults too, because EZKL's loader needs `strides` to be there.

use std::collections::HashSet;

use tract_onnx::pb::{NodeProto, tensor_proto::DataType};

use crate::graph::{Graph, Node, ValueId};
use crate::ops::{Elements, OPSET};
use crate::wire::proto::{File, int, port_of};

/// The graph as an ONNX file. Parameters are named `<node>.<parameter>` as in a `PyTorch` state
/// dictionary: `conv1.weight`, `bn.running_mean`. Inputs are of floats; what an operator takes of another kind than it is given is
/// cast.
#[must_use]
pub fn write(graph: &Graph) -> Vec<u8> {
    let opsets = graph.nodes.iter().map(|node| node.op.rules().opset());
    let kinds = elements_of(graph);
    let mut nodes = Vec::new();
    let mut cast = HashSet::new();
    for node in &graph.nodes {
        let given: Vec<Elements> = node.inputs.iter().map(|input| kinds[input.0]).collect();
        let (taken, _) = node.op.rules().elements(&given);
        let casts = node.inputs.iter().zip(given.iter().zip(&taken));
        let inputs = casts.map(|(&input, (given, &taken))| {
            let name = &graph.values[input.0].name;
            if *given == taken {
                return name.clone();
            }
            let to = data_type(taken);
            let output = format!("{name}:{}", to.as_str_name());
            if cast.insert(output.clone()) {
                nodes.push(NodeProto {
                    name: output.clone(),
                    op_type: "Cast".to_owned(),
                    input: vec![name.clone()],
                    output: vec![output.clone()],
                    attribute: vec![int("to", i64::from(to as i32))],
                    ..NodeProto::default()
                });
            }
            output
        });
        let inputs: Vec<String> = inputs.collect();
        nodes.push(proto(graph, node, inputs));
    }
    let port = |&id: &ValueId| {
        let value = &graph.values[id.0];
        port_of(&value.name, &value.shape, data_type(kinds[id.0]))
    };
    File {
        nodes,
        initializers: graph
            .nodes
            .iter()
            .flat_map(|node| node.op.rules().initializers(&node.name))
            .collect(),
        inputs: graph.inputs.iter().map(port).collect(),
        outputs: graph.outputs.iter().map(port).collect(),
    }
    .encode(opsets.max().unwrap_or(OPSET))
}

/// Whether each of the graph's values is a tensor of floats in the file.
#[must_use]
pub fn are_floats(graph: &Graph) -> Vec<bool> {
    let kinds = elements_of(graph);
    kinds.into_iter().map(|kind| kind == Elements::Floats).collect()
}

fn elements_of(graph: &Graph) -> Vec<Elements> {
    let mut kinds = vec![Elements::Floats; graph.values.len()];
    for node in &graph.nodes {
        let given: Vec<Elements> = node.inputs.iter().map(|input| kinds[input.0]).collect();
        kinds[node.output.0] = node.op.rules().elements(&given).1;
    }
    kinds
}

fn data_type(elements: Elements) -> DataType {
    match elements {
        Elements::Floats => DataType::Float,
        Elements::Positions => DataType::Int64,
        Elements::Truth => DataType::Bool,
    }
}

fn proto(graph: &Graph, node: &Node, inputs: Vec<String>) -> NodeProto {
    let rules = node.op.rules();
    let parameters = rules
        .initializers(&node.name)
        .into_iter()
        .map(|tensor| tensor.name);
    NodeProto {
        name: node.name.clone(),
        op_type: rules.onnx_name().to_owned(),
        input: inputs.into_iter().chain(parameters).collect(),
        output: vec![graph.values[node.output.0].name.clone()],
        attribute: rules.attributes(),
        ..NodeProto::default()
    }
}
