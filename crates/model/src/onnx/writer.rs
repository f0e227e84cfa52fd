//! Graph to ONNX bytes.
//!
//! Goes in: a [`Graph`]. Comes out: an encoded `ModelProto`. The same graph gives the same bytes: no
//! time, no version of the writer and no map order is in them. Every attribute that decides a shape is
//! written out, defaults too, because EZKL's loader needs `strides` to be there.

use tract_onnx::pb::NodeProto;

use crate::graph::{Graph, Node, ValueId};
use crate::ops::OPSET;
use crate::wire::proto::{File, port};

/// The graph as an ONNX file. Parameters are named `<node>.<parameter>` as in a `PyTorch` state
/// dictionary: `conv1.weight`, `bn.running_mean`.
#[must_use]
pub fn write(graph: &Graph) -> Vec<u8> {
    let opsets = graph.nodes.iter().map(|node| node.op.rules().opset());
    let port = |value: &crate::graph::Value| port(&value.name, &value.shape);
    File {
        nodes: graph.nodes.iter().map(|node| proto(graph, node)).collect(),
        initializers: graph
            .nodes
            .iter()
            .flat_map(|node| node.op.rules().initializers(&node.name))
            .collect(),
        inputs: graph.input_values().map(port).collect(),
        outputs: graph.output_values().map(port).collect(),
    }
    .encode(opsets.max().unwrap_or(OPSET))
}

fn proto(graph: &Graph, node: &Node) -> NodeProto {
    let value_name = |id: &ValueId| graph.values[id.0].name.clone();
    let rules = node.op.rules();
    let parameters = rules
        .initializers(&node.name)
        .into_iter()
        .map(|tensor| tensor.name);
    NodeProto {
        name: node.name.clone(),
        op_type: rules.onnx_name().to_owned(),
        input: node.inputs.iter().map(value_name).chain(parameters).collect(),
        output: vec![value_name(&node.output)],
        attribute: rules.attributes(),
        ..NodeProto::default()
    }
}
