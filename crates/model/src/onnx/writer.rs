//! Graph to ONNX bytes.
//!
//! Goes in: a [`Graph`]. Comes out: an encoded `ModelProto`. The same graph gives the same bytes: no
//! time, no version of the writer and no map order is in them. Every attribute that decides a shape is
//! written out, defaults too, because EZKL's loader needs `strides` to be there.

use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

use super::proto::{File, float, floats, int, ints, port, signed, sizes};
use crate::graph::{Graph, Node, Op, ValueId, Window};

/// The operator set of all graphs but those with `LayerNormalization`.
const OPSET: i64 = 14;

/// The first operator set that has `LayerNormalization`.
const LAYER_NORM_OPSET: i64 = 17;

/// The graph as an ONNX file. Parameters are named `<node>.<parameter>` as in a `PyTorch` state
/// dictionary: `conv1.weight`, `bn.running_mean`.
#[must_use]
pub fn write(graph: &Graph) -> Vec<u8> {
    let has_layer_norm = graph
        .nodes
        .iter()
        .any(|node| matches!(node.op, Op::LayerNorm { .. }));
    let opset = if has_layer_norm { LAYER_NORM_OPSET } else { OPSET };
    let port = |value: &crate::graph::Value| port(&value.name, &value.shape);
    File {
        nodes: graph.nodes.iter().map(|node| proto(graph, node)).collect(),
        initializers: graph.nodes.iter().flat_map(initializers).collect(),
        inputs: graph.input_values().map(port).collect(),
        outputs: graph.output_values().map(port).collect(),
    }
    .encode(opset)
}

fn proto(graph: &Graph, node: &Node) -> NodeProto {
    let value_name = |id: &ValueId| graph.values[id.0].name.clone();
    let parameters = initializers(node).into_iter().map(|tensor| tensor.name);
    NodeProto {
        name: node.name.clone(),
        op_type: node.op.onnx_name().to_owned(),
        input: node.inputs.iter().map(value_name).chain(parameters).collect(),
        output: vec![value_name(&node.output)],
        attribute: attributes(&node.op),
        ..NodeProto::default()
    }
}

/// A node's parameters, in the order in which they follow its inputs.
fn initializers(node: &Node) -> Vec<TensorProto> {
    if let Op::Reshape { shape } = &node.op {
        return vec![sizes(format!("{}.shape", node.name), shape)];
    }
    node.op
        .parameters()
        .into_iter()
        .map(|(name, tensor)| floats(format!("{}.{name}", node.name), &tensor.shape, &tensor.data))
        .collect()
}

fn attributes(op: &Op) -> Vec<AttributeProto> {
    match op {
        Op::Conv2d { window, groups, .. } => {
            let mut all = window_attributes(window);
            all.push(ints("dilations", &[1, 1]));
            all.push(int("group", signed(*groups)));
            all
        }
        Op::MaxPool2d(window) => {
            let mut all = window_attributes(window);
            all.push(ints("dilations", &[1, 1]));
            all
        }
        // `AveragePool` has had dilations only since operator set 19.
        Op::AvgPool2d(window) => window_attributes(window),
        Op::Gemm { .. } => vec![
            float("alpha", 1.0),
            float("beta", 1.0),
            int("transA", 0),
            int("transB", 1),
        ],
        Op::BatchNorm { epsilon, .. } => vec![float("epsilon", *epsilon)],
        Op::LayerNorm { axis, epsilon, .. } => {
            vec![int("axis", signed(*axis)), float("epsilon", *epsilon)]
        }
        Op::Flatten => vec![int("axis", 1)],
        Op::Relu | Op::Sigmoid | Op::Tanh | Op::Mul | Op::Add | Op::Sub | Op::Reshape { .. } => Vec::new(),
    }
}

fn window_attributes(window: &Window) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &window.kernel.map(signed)),
        ints("strides", &window.stride.map(signed)),
        ints("pads", &window.padding.map(signed)),
    ]
}
