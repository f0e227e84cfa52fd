//! Graph to ONNX bytes.
//!
//! Goes in: a [`Graph`]. Comes out: an encoded `ModelProto`. The same graph gives the same bytes: no
//! time, no version of the writer and no map order is in them. Every attribute that decides a shape is
//! written out, defaults too, because EZKL's loader needs `strides` to be there.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto,
    type_proto,
};

use crate::model::graph::{Graph, Node, Op, Tensor, Value, ValueId, Window};

/// The operator set of all graphs but those with `LayerNormalization`.
const OPSET: i64 = 14;

/// The first operator set that has `LayerNormalization`.
const LAYER_NORM_OPSET: i64 = 17;

/// The file format version that ONNX released together with an operator set (its `Versioning.md`).
const fn ir_version(opset: i64) -> i64 {
    if opset < 15 { 7 } else { 8 }
}

/// The graph as an ONNX file. Parameters are named `<node>.<parameter>` as in a `PyTorch` state
/// dictionary: `conv1.weight`, `bn.running_mean`.
#[must_use]
pub fn write(graph: &Graph) -> Vec<u8> {
    let has_layer_norm = graph
        .nodes
        .iter()
        .any(|node| matches!(node.op, Op::LayerNorm { .. }));
    let opset = if has_layer_norm { LAYER_NORM_OPSET } else { OPSET };
    ModelProto {
        ir_version: ir_version(opset),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: opset,
        }],
        producer_name: "evmbench".to_owned(),
        graph: Some(GraphProto {
            name: "evmbench".to_owned(),
            node: graph.nodes.iter().map(|node| proto(graph, node)).collect(),
            initializer: graph.nodes.iter().flat_map(initializers).collect(),
            input: graph.input_values().map(value_info).collect(),
            output: graph.output_values().map(value_info).collect(),
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
    .encode_to_vec()
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
        return vec![TensorProto {
            name: format!("{}.shape", node.name),
            data_type: DataType::Int64 as i32,
            dims: vec![signed(shape.len())],
            raw_data: shape
                .iter()
                .flat_map(|&size| signed(size).to_le_bytes())
                .collect(),
            ..TensorProto::default()
        }];
    }
    node.op
        .parameters()
        .into_iter()
        .map(|(name, tensor)| float_initializer(format!("{}.{name}", node.name), tensor))
        .collect()
}

fn float_initializer(name: String, tensor: &Tensor) -> TensorProto {
    TensorProto {
        name,
        data_type: DataType::Float as i32,
        dims: tensor.shape.iter().copied().map(signed).collect(),
        raw_data: tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
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

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..AttributeProto::default()
    }
}

fn value_info(value: &Value) -> ValueInfoProto {
    let dim = value.shape.iter().map(|&size| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(signed(size))),
        ..tensor_shape_proto::Dimension::default()
    });
    ValueInfoProto {
        name: value.name.clone(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Float as i32,
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// Sizes as ONNX stores them.
fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("the size of a tensor in memory is below 2^63")
}
