//! The first pass over a file: everything in it that cannot be proved, before anything is built.
//!
//! Goes in: the protobuf graph. Comes out: its real inputs with their static shapes, and two lists of [`Problem`]s: what
//! no circuit can prove, since the file itself does not say what it computes, and what a direct circuit would get wrong.

use std::collections::HashSet;

use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::{DataLocation, DataType},
    tensor_shape_proto::dimension::Value as Dimension,
    type_proto::Value as Type,
};

use super::constant::is_finite;
use super::direct::{Values, has_outputs, has_subgraph};
use super::node::{Attributes, label};
use super::operators::{draws_numbers, is_supported, is_windowed};
use super::schema::{self, OPERATOR_SETS};
use super::{Port, Problem};
use crate::model::graph::MOST_ELEMENTS;

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
    let elements = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size));
    if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
        return Err(Problem::TooLarge { input: name() });
    }
    Ok(Port { name: name(), shape })
}

fn initializer_names(proto: &GraphProto) -> impl Iterator<Item = &str> {
    proto.initializer.iter().map(|tensor| tensor.name.as_str())
}

/// Whether a domain is that of ONNX's own operators.
fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The operator set of ONNX's own operators that a file is written for, if it says so.
fn operator_set(model: &ModelProto) -> Option<i64> {
    let mut sets = model.opset_import.iter();
    sets.find(|set| is_standard(&set.domain)).map(|set| set.version)
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
pub(super) fn inspect(model: &ModelProto, proto: &GraphProto, found: &mut Found) {
    let opset = operator_set(model).filter(|opset| OPERATOR_SETS.contains(opset));
    let Some(opset) = opset else {
        found.always.push(Problem::OperatorSet {
            found: operator_set(model),
        });
        return;
    };
    let always = &mut found.always;
    if proto.output.is_empty() {
        always.push(Problem::NoOutputs);
    }
    if !proto.sparse_initializer.is_empty() {
        always.push(Problem::SparseInitializer);
    }
    let domain = |function: &FunctionProto| function.domain.clone().unwrap_or_default();
    for function in model.functions.iter().filter(|f| is_standard(&domain(f))) {
        always.push(Problem::UnsupportedOperator {
            node: function.name.clone().unwrap_or_default(),
            operator: "a function under the name of one of ONNX's operators".to_owned(),
        });
    }
    let mut values = Values::default();
    for input in &proto.input {
        values.input(&input.name);
    }
    let mut initialized = HashSet::new();
    for tensor in &proto.initializer {
        let name = || tensor.name.clone();
        if !initialized.insert(&tensor.name) {
            always.push(Problem::Twice { value: name() });
        }
        if tensor.data_location() == DataLocation::External {
            always.push(Problem::ExternalData { tensor: name() });
        } else if !is_finite(tensor) {
            always.push(Problem::NotFinite {
                constant: format!("initializer {:?}", tensor.name),
            });
        }
        values.initializer(tensor);
    }
    let read: HashSet<&str> = (proto.node.iter().flat_map(|node| &node.input))
        .chain(proto.output.iter().map(|output| &output.name))
        .map(String::as_str)
        .collect();
    for node in &proto.node {
        inspect_values(node, &values, &mut found.always);
        inspect_attributes(node, opset, &mut found.always);
        let is_folded = node.input.iter().all(|name| values.is_constant(name));
        if draws_numbers(&node.op_type) {
            found.always.push(Problem::Draws {
                node: label(node),
                operator: node.op_type.clone(),
            });
        } else if has_subgraph(node) {
            found.always.push(Problem::Subgraph {
                node: label(node),
                operator: node.op_type.clone(),
            });
        } else if !is_folded {
            // tract folds what depends on constants alone, so that EZKL never sees the operator.
            inspect_node(node, opset, &values, &read, found);
        }
        values.node(node);
    }
    for output in &proto.output {
        if !values.is_given(&output.name) || output.name.is_empty() {
            found.always.push(Problem::UndefinedOutput {
                output: output.name.clone(),
            });
        }
    }
}

/// What a node reads must be there, and what it gives must not.
fn inspect_values(node: &NodeProto, values: &Values<'_>, problems: &mut Vec<Problem>) {
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

/// Every attribute must be one that the operator has, of its type, and finite.
fn inspect_attributes(node: &NodeProto, opset: i64, problems: &mut Vec<Problem>) {
    let is_known = is_standard(&node.domain) && is_supported(&node.op_type);
    for attribute in &node.attribute {
        let name = || attribute.name.clone();
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
    let attributes = Attributes(node);
    for name in ["transA", "transB", "keepdims"] {
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
    let tensors = attribute.t.iter().chain(&attribute.tensors);
    attribute.f.is_finite()
        && attribute.floats.iter().all(|x| x.is_finite())
        && tensors.into_iter().all(is_finite)
}

/// What of a node that depends on the input EZKL does not load, or loads as something else.
fn inspect_node(node: &NodeProto, opset: i64, values: &Values<'_>, read: &HashSet<&str>, found: &mut Found) {
    let name = || label(node);
    let operator = || node.op_type.clone();
    let is_onnx = is_standard(&node.domain);
    if !is_onnx || !is_supported(&node.op_type) {
        found.always.push(Problem::UnsupportedOperator {
            node: name(),
            operator: if is_onnx {
                operator()
            } else {
                format!("{}.{}", node.domain, node.op_type)
            },
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
        found.direct.push(Problem::Misread {
            node: name(),
            operator: operator(),
            reason: misreading.reason,
            remedy: misreading.remedy,
        });
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
                remedy: "use the operator's first output alone",
            });
        }
    }
}
