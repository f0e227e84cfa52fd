//! The first pass over a file: everything in it that EZKL cannot load, before anything is built.
//!
//! Goes in: the protobuf graph. Comes out: its real inputs with their static shapes, and a list of
//! [`Problem`]s.

use std::collections::HashSet;

use tract_onnx::pb::{
    GraphProto, NodeProto, ValueInfoProto,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::dimension::Value as Dimension,
    type_proto::Value as Type,
};

use super::constant::floats;
use super::node::{Attributes, label};
use super::operators::{is_supported, is_windowed};
use super::{Port, Problem};

/// The graph inputs that are not initializers (which files of IR version 3 list as inputs too).
pub(super) fn static_inputs(proto: &GraphProto, problems: &mut Vec<Problem>) -> Vec<Port> {
    let initializers: HashSet<&str> = initializer_names(proto).collect();
    let real: Vec<&ValueInfoProto> = proto
        .input
        .iter()
        .filter(|input| !initializers.contains(input.name.as_str()))
        .collect();
    if real.is_empty() {
        problems.push(Problem::NoInputs);
    }
    real.into_iter()
        .filter_map(|input| static_input(input).map_err(|problem| problems.push(problem)).ok())
        .collect()
}

fn static_input(input: &ValueInfoProto) -> Result<Port, Problem> {
    let name = || input.name.clone();
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(Problem::InputType {
            input: name(),
            found: "something other than a tensor".to_owned(),
        });
    };
    if tensor.elem_type() != DataType::Float {
        return Err(Problem::InputType {
            input: name(),
            found: tensor.elem_type().as_str_name().to_owned(),
        });
    }
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
    Ok(Port { name: name(), shape })
}

fn initializer_names(proto: &GraphProto) -> impl Iterator<Item = &str> {
    let dense = proto.initializer.iter().map(|tensor| tensor.name.as_str());
    let sparse = proto
        .sparse_initializer
        .iter()
        .filter_map(|tensor| tensor.values.as_ref())
        .map(|values| values.name.as_str());
    dense.chain(sparse)
}

/// Looks for what EZKL cannot load, apart from the inputs.
pub(super) fn inspect(proto: &GraphProto, problems: &mut Vec<Problem>) {
    if proto.output.is_empty() {
        problems.push(Problem::NoOutputs);
    }
    for tensor in &proto.initializer {
        let name = || tensor.name.clone();
        if tensor.data_location() == DataLocation::External {
            problems.push(Problem::ExternalData { tensor: name() });
        } else if floats(tensor).is_ok_and(|t| t.data.iter().any(|x| !x.is_finite())) {
            problems.push(Problem::NotFinite { tensor: name() });
        }
    }
    let mut constant: HashSet<&str> = initializer_names(proto).collect();
    // An empty name stands for an optional input that is left out.
    constant.insert("");
    let mut defined: HashSet<&str> = constant.clone();
    defined.extend(proto.input.iter().map(|input| input.name.as_str()));
    for node in &proto.node {
        for value in &node.input {
            if !defined.contains(value.as_str()) {
                problems.push(Problem::UndefinedValue {
                    node: label(node),
                    value: value.clone(),
                });
            }
        }
        let outputs = || node.output.iter().map(String::as_str);
        defined.extend(outputs());
        // tract folds what depends on constants alone, so that EZKL never sees the operator.
        if node.input.iter().all(|value| constant.contains(value.as_str())) {
            constant.extend(outputs());
        } else {
            inspect_node(node, problems);
        }
    }
    for output in &proto.output {
        if !defined.contains(output.name.as_str()) || output.name.is_empty() {
            problems.push(Problem::UndefinedOutput {
                output: output.name.clone(),
            });
        }
    }
}

fn inspect_node(node: &NodeProto, problems: &mut Vec<Problem>) {
    let name = || label(node);
    let operator = || node.op_type.clone();
    let is_standard = matches!(node.domain.as_str(), "" | "ai.onnx");
    if !is_standard || !is_supported(&node.op_type) {
        problems.push(Problem::UnsupportedOperator {
            node: name(),
            operator: if is_standard {
                operator()
            } else {
                format!("{}.{}", node.domain, node.op_type)
            },
        });
    }
    if is_windowed(&node.op_type) {
        let attributes = Attributes(node);
        if attributes.ints("strides").is_none() {
            problems.push(Problem::MissingStrides {
                node: name(),
                operator: operator(),
            });
        }
        let dilations = attributes.ints("dilations").unwrap_or(&[]);
        if dilations.iter().any(|&dilation| dilation != 1) {
            problems.push(Problem::Dilated {
                node: name(),
                operator: operator(),
            });
        }
    }
}
