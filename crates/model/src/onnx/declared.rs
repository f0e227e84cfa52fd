//! What a file declares of its values, held against what they are.
//!
//! Goes in: entries of `value_info`, of the graph's outputs and inputs, and what is known of the values that they name. Comes
//! out: what contradicts it. onnxruntime refuses another element type and only warns of other sizes; tract takes what
//! `value_info` says for granted and then cannot load the file. A size that is left open, by a symbol or by nothing,
//! contradicts nothing.

use std::collections::HashMap;
use std::fmt::{self, Display};

use tract_onnx::pb::{
    GraphProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
    tensor_shape_proto::dimension::Value as Dimension, type_proto::Value as Type,
};

use super::check::element_type;
use super::{Port, Problem};
use crate::wire::node::label;

/// What is known of a value.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Its element type; none where it is not known.
    pub(super) element: Option<DataType>,
    /// Its sizes, outermost first; none where they are not known.
    pub(super) shape: Option<Vec<usize>>,
}

impl Known {
    fn stored(tensor: &TensorProto) -> Self {
        let sizes = tensor.dims.iter().map(|&size| usize::try_from(size).ok());
        Self {
            element: Some(tensor.data_type()),
            shape: sizes.collect(),
        }
    }
}

impl Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let element = self.element.map_or("?", |element| element.as_str_name());
        match &self.shape {
            Some(shape) => write!(f, "{element} {shape:?}"),
            None => f.write_str(element),
        }
    }
}

/// What a file says of a value.
struct Declared {
    element: DataType,
    /// Its sizes; a size that is left open is none, and so are all where nothing is said.
    sizes: Option<Vec<Option<usize>>>,
}

impl Declared {
    /// None where the file says nothing.
    fn of(value: &ValueInfoProto) -> Option<Self> {
        let Type::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
        let size = |dimension: &Option<Dimension>| match dimension {
            Some(Dimension::DimValue(size)) => usize::try_from(*size).ok(),
            _ => None,
        };
        let shape = tensor.shape.as_ref();
        Some(Self {
            element: tensor.elem_type(),
            sizes: shape.map(|shape| shape.dim.iter().map(|dim| size(&dim.value)).collect()),
        })
    }

    fn contradicts(&self, known: &Known) -> bool {
        let of_another_type = known.element.is_some_and(|element| element != self.element);
        let of_another_shape = match (&self.sizes, &known.shape) {
            (Some(declared), Some(shape)) => {
                let agree = |(size, &known): (&Option<usize>, &usize)| size.is_none_or(|size| size == known);
                declared.len() != shape.len() || !declared.iter().zip(shape).all(agree)
            }
            _ => false,
        };
        of_another_type || of_another_shape
    }
}

impl Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.element.as_str_name())?;
        let Some(sizes) = &self.sizes else {
            return Ok(());
        };
        let sizes = sizes
            .iter()
            .map(|size| size.map_or("?".to_owned(), |size| size.to_string()));
        write!(f, " [{}]", sizes.collect::<Vec<_>>().join(", "))
    }
}

/// Everything that a file declares of values that its nodes give. Some exporters write an output whose sizes they do not know
/// without any, which would be a scalar.
fn of_nodes(graph: &GraphProto) -> impl Iterator<Item = (&ValueInfoProto, Declared)> {
    let values = graph.value_info.iter();
    let values = values.filter_map(|value| Some((value, Declared::of(value)?)));
    let outputs = graph.output.iter().filter_map(|output| {
        let mut declared = Declared::of(output)?;
        declared.sizes = declared.sizes.filter(|sizes| !sizes.is_empty());
        Some((output, declared))
    });
    values.chain(outputs)
}

/// The first thing that a file declares of what its nodes give and that contradicts what is known of it: the number of the
/// node, where one gives it, and a sentence.
pub(super) fn contradiction(
    graph: &GraphProto,
    known: impl Fn(&str) -> Option<Known>,
) -> Option<(Option<usize>, String)> {
    of_nodes(graph).find_map(|(value, declared)| {
        let known = known(&value.name).filter(|known| declared.contradicts(known))?;
        let gives = |node: &NodeProto| node.output.contains(&value.name);
        Some((
            graph.node.iter().position(gives),
            sentence(&value.name, &declared, &known),
        ))
    })
}

fn sentence(name: &str, declared: &Declared, known: &Known) -> String {
    format!("the value {name:?} is declared as {declared}, and is {known}")
}

/// What a file declares of its inputs and initializers and that contradicts them.
pub(super) fn contradictions_of_given(graph: &GraphProto, inputs: &[Port]) -> Vec<Problem> {
    let elements: HashMap<&str, Option<DataType>> = graph
        .input
        .iter()
        .map(|input| (input.name.as_str(), element_type(input)))
        .collect();
    let inputs = inputs.iter().map(|port| {
        let name = port.name.as_str();
        let known = Known {
            element: elements.get(name).copied().flatten(),
            shape: Some(port.shape.clone()),
        };
        (name, known)
    });
    let stored = graph.initializer.iter();
    let stored = stored.map(|tensor| (tensor.name.as_str(), Known::stored(tensor)));
    let given: HashMap<&str, Known> = inputs.chain(stored).collect();
    let declared = graph.value_info.iter().chain(&graph.input);
    let contradictions = declared.filter_map(|value| {
        let declared = Declared::of(value)?;
        let known = given.get(value.name.as_str())?;
        declared.contradicts(known).then(|| Problem::Declared {
            reason: sentence(&value.name, &declared, known),
        })
    });
    contradictions.collect()
}

/// A problem of the node that gives the value, or of the file.
pub(super) fn problem(graph: &GraphProto, (node, reason): (Option<usize>, String)) -> Problem {
    match node.and_then(|index| graph.node.get(index)) {
        Some(node) => Problem::Misread {
            node: label(node),
            operator: node.op_type.clone(),
            reason,
            remedy: REMEDY.into(),
        },
        None => Problem::Declared { reason },
    }
}

/// What the user can do about it.
pub(super) const REMEDY: &str = "infer the shapes anew: delete graph.value_info, then \
                                 onnx.shape_inference.infer_shapes(model, strict_mode=True), and declare each output as it is";
