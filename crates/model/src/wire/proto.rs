//! The pieces that every ONNX file of evmbench's is written from: tensors, attributes, ports, and the file around them.
//!
//! Nothing that changes from run to run is in them: the same graph gives the same bytes.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto,
    type_proto,
};

/// The file format version that ONNX released together with an operator set (its `Versioning.md`).
const fn ir_version(opset: i64) -> i64 {
    if opset < 15 { 7 } else { 8 }
}

/// A graph under way to its file.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Operators, each after those that it reads from.
    pub(crate) nodes: Vec<NodeProto>,
    /// Constants.
    pub(crate) initializers: Vec<TensorProto>,
    /// Graph inputs.
    pub(crate) inputs: Vec<ValueInfoProto>,
    /// Graph outputs.
    pub(crate) outputs: Vec<ValueInfoProto>,
}

impl File {
    /// The encoded `ModelProto`.
    pub(crate) fn encode(self, opset: i64) -> Vec<u8> {
        ModelProto {
            ir_version: ir_version(opset),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: opset,
            }],
            producer_name: "evmbench".to_owned(),
            graph: Some(GraphProto {
                name: "evmbench".to_owned(),
                node: self.nodes,
                initializer: self.initializers,
                input: self.inputs,
                output: self.outputs,
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }
}

/// An `f32` constant.
pub(crate) fn floats(name: String, shape: &[usize], data: &[f32]) -> TensorProto {
    TensorProto {
        name,
        data_type: DataType::Float as i32,
        dims: shape.iter().copied().map(signed).collect(),
        raw_data: data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// A list of sizes or positions as an `int64` constant.
pub(crate) fn sizes(name: String, values: &[usize]) -> TensorProto {
    let values: Vec<i64> = values.iter().copied().map(signed).collect();
    whole(name, None, &values)
}

/// Whole numbers as an `int64` constant of these sizes, or as a list.
pub(crate) fn whole(name: String, shape: Option<&[usize]>, values: &[i64]) -> TensorProto {
    TensorProto {
        name,
        data_type: DataType::Int64 as i32,
        dims: match shape {
            Some(shape) => shape.iter().copied().map(signed).collect(),
            None => vec![signed(values.len())],
        },
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// An integer attribute.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

/// An attribute of several integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A floating-point attribute.
pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..AttributeProto::default()
    }
}

/// An attribute that is a tensor.
pub(crate) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Tensor as i32,
        t: Some(value),
        ..AttributeProto::default()
    }
}

/// A text attribute.
pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::String as i32,
        s: value.as_bytes().to_vec(),
        ..AttributeProto::default()
    }
}

/// A graph input or output of `f32`.
#[cfg(test)]
pub(crate) fn port(name: &str, shape: &[usize]) -> ValueInfoProto {
    port_of(name, shape, DataType::Float)
}

/// A graph input or output of elements of this type.
pub(crate) fn port_of(name: &str, shape: &[usize], element: DataType) -> ValueInfoProto {
    let dim = shape.iter().map(|&size| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(signed(size))),
        ..tensor_shape_proto::Dimension::default()
    });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: element.into(),
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// Sizes as ONNX stores them.
pub(crate) fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("the size of a tensor in memory is below 2^63")
}
