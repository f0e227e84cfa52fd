//! What is asked of a file's output: all of it, the numbers before a terminal Softmax, or the class alone.
//!
//! Goes in: a file's bytes and its outputs. Comes out: bytes of the model that has the form that is asked for, and a sentence
//! about it. Softmax and LogSoftmax are monotone along their axis, so that they change no class.

use prost::Message as _;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto, tensor_proto::DataType, type_proto,
};

use super::{OutputForm, Port};
use crate::wire::node::{Attributes, axis, is_standard, label};
use crate::wire::proto;

/// The first operator set in which Softmax works along one axis; before, it took all axes from one on for one.
const SOFTMAX_OF_ONE_AXIS: i64 = 13;

/// Bytes of the model with another form of its output, and a sentence about what was changed.
///
/// # Errors
/// Why there is no such form, in words.
///
/// # Panics
/// Where the bytes are no model; they were parsed before.
pub(super) fn reformed(
    bytes: &[u8],
    outputs: &[Port],
    form: OutputForm,
) -> Result<(Vec<u8>, String), String> {
    let mut model = ModelProto::decode(bytes).expect("it was parsed before");
    let opset = model.opset_import.iter().find(|set| is_standard(&set.domain));
    let opset = opset.map_or(1, |set| set.version);
    let graph = model.graph.as_mut().expect("it was parsed before");
    let [output] = outputs else {
        return Err(format!("it has {} outputs", outputs.len()));
    };
    let note = match form {
        OutputForm::Model => String::new(),
        OutputForm::Logits => {
            let last = last(graph, &output.name, passes)
                .filter(|&index| is_softmax(&graph.node[index]))
                .ok_or("no Softmax or LogSoftmax stands last")?;
            format!(
                "{} stands last and is left out: the proof is about the numbers before it",
                left_out(&mut graph.node[last])
            )
        }
        OutputForm::Argmax => argmax(graph, output, opset)?,
    };
    Ok((model.encode_to_vec(), note))
}

/// Makes the output the position of the greatest element.
fn argmax(graph: &mut GraphProto, output: &Port, opset: i64) -> Result<String, String> {
    let is_argmax = |index: &usize| is_standard_node(&graph.node[*index], "ArgMax");
    let has_it = last(graph, &output.name, keeps_shape).filter(is_argmax);
    // Of an ArgMax that the file has, the axis is known as the file has it.
    let (read, classes) = match has_it {
        Some(index) => {
            let node = &graph.node[index];
            if Attributes(node)
                .int("select_last_index")
                .is_some_and(|last| last != 0)
            {
                return Err(format!(
                    "{} {} names the last of equal elements",
                    node.op_type,
                    label(node)
                ));
            }
            let along = Attributes(node).int("axis").unwrap_or(0);
            (
                node.input.first().cloned().unwrap_or_default(),
                Axis::AsWritten(along),
            )
        }
        None => (
            output.name.clone(),
            Axis::Of(class_axis(&output.shape)?, output.shape.len()),
        ),
    };
    let softmax = last(graph, &read, keeps_shape)
        .filter(|&index| is_softmax(&graph.node[index]) && classes.is_along(&graph.node[index], opset));
    let before = softmax.map(|index| left_out(&mut graph.node[index]));
    if let Axis::Of(along, _) = classes {
        append(graph, &output.name, along);
    }
    let without = before.map_or_else(String::new, |node| {
        format!("; {node} before it is left out, as it changes no class")
    });
    Ok(format!(
        "the output is the class alone, the position of the greatest element and of equal ones the first{without}"
    ))
}

/// The axis that the classes are along.
#[derive(Debug, Clone, Copy)]
enum Axis {
    /// The axis, and how many there are.
    Of(usize, usize),
    /// What a file says, which can count from the end.
    AsWritten(i64),
}

impl Axis {
    /// Whether a Softmax keeps the order of the elements along the axis.
    fn is_along(self, softmax: &NodeProto, opset: i64) -> bool {
        let is_of_one = opset >= SOFTMAX_OF_ONE_AXIS;
        let written = Attributes(softmax)
            .int("axis")
            .unwrap_or(if is_of_one { -1 } else { 1 });
        match self {
            Self::AsWritten(along) => written == along,
            Self::Of(along, rank) => {
                axis(written, rank).is_ok_and(|axis| if is_of_one { axis == along } else { axis <= along })
            }
        }
    }
}

/// The axis of the classes: the last of one or two, else the only one with more than one element.
fn class_axis(shape: &[usize]) -> Result<usize, String> {
    let longer: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
    match (shape.len(), &longer[..]) {
        (1 | 2, _) if shape.last().is_some_and(|&classes| classes > 1) => Ok(shape.len() - 1),
        (3.., &[axis]) => Ok(axis),
        _ => Err(format!(
            "of an output of the shape {shape:?}, no axis is known to hold classes"
        )),
    }
}

/// The node that gives a value, behind all nodes that are passed on the way.
fn last(graph: &GraphProto, value: &str, passes: impl Fn(&NodeProto) -> bool) -> Option<usize> {
    let mut value = value;
    // No way is longer than all nodes.
    for _ in 0..graph.node.len() {
        let gives = |node: &NodeProto| node.output.first().is_some_and(|name| name == value);
        let index = graph.node.iter().position(gives)?;
        let node = &graph.node[index];
        if !passes(node) {
            return Some(index);
        }
        value = node.input.first()?;
    }
    None
}

fn is_standard_node(node: &NodeProto, operator: &str) -> bool {
    is_standard(&node.domain) && node.op_type == operator
}

fn is_softmax(node: &NodeProto) -> bool {
    ["Softmax", "LogSoftmax"]
        .iter()
        .any(|operator| is_standard_node(node, operator))
}

/// Whether a node leaves values and shape as they are.
fn keeps_shape(node: &NodeProto) -> bool {
    is_standard_node(node, "Identity")
}

/// Whether a node leaves the values as they are, be it in another shape.
fn passes(node: &NodeProto) -> bool {
    const SHAPED: [&str; 4] = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];
    keeps_shape(node) || SHAPED.iter().any(|operator| is_standard_node(node, operator))
}

/// Makes a node one that changes nothing; what it was.
fn left_out(node: &mut NodeProto) -> String {
    let was = format!("{} {}", node.op_type, label(node));
    node.attribute.clear();
    "Identity".clone_into(&mut node.op_type);
    was
}

/// Puts an ArgMax behind the output, whose place it takes.
fn append(graph: &mut GraphProto, value: &str, along: usize) {
    let names = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().chain(&node.output));
    let ports = graph.input.iter().chain(&graph.output).map(|port| &port.name);
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let taken: std::collections::HashSet<&String> = names.chain(ports).chain(stored).collect();
    let free = (0..).map(|n| {
        if n == 0 {
            "class".to_owned()
        } else {
            format!("class_{n}")
        }
    });
    let name = free
        .into_iter()
        .find(|name| !taken.contains(name))
        .expect("one of infinitely many");
    graph.node.push(NodeProto {
        name: name.clone(),
        op_type: "ArgMax".to_owned(),
        input: vec![value.to_owned()],
        output: vec![name.clone()],
        attribute: vec![
            proto::int("axis", proto::signed(along)),
            proto::int("keepdims", 0),
        ],
        ..NodeProto::default()
    });
    graph.output = vec![ValueInfoProto {
        name,
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type: DataType::Int64 as i32,
                shape: None,
            })),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }];
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::wire::proto::File;

    /// A chain of operators from `x` of a shape, each with an axis if it has one, and what the reformed model's operators are.
    fn chain(
        shape: &[usize],
        operators: &[(&str, Option<i64>)],
        form: OutputForm,
    ) -> Result<Vec<String>, String> {
        let value = |index: usize| {
            if index == 0 {
                "x".to_owned()
            } else {
                format!("v{index}")
            }
        };
        let nodes = operators
            .iter()
            .enumerate()
            .map(|(index, (operator, axis))| NodeProto {
                op_type: (*operator).to_owned(),
                input: vec![value(index)],
                output: vec![value(index + 1)],
                attribute: axis.iter().map(|&axis| proto::int("axis", axis)).collect(),
                ..NodeProto::default()
            });
        let bytes = File {
            nodes: nodes.collect(),
            inputs: vec![proto::port("x", shape)],
            outputs: vec![proto::port(&value(operators.len()), shape)],
            ..File::default()
        };
        let bytes = bytes.encode(13);
        let model = crate::onnx::parse(&bytes, Path::new("model.onnx")).expect("a model");
        let (bytes, note) = reformed(&bytes, &model.outputs, form)?;
        assert!(!note.is_empty());
        let graph = ModelProto::decode(&bytes[..])
            .expect("a model")
            .graph
            .expect("a graph");
        Ok(graph.node.into_iter().map(|node| node.op_type).collect())
    }

    #[test]
    fn logits_are_what_stands_before_a_softmax() {
        use OutputForm::Logits;
        let made = chain(&[1, 4], &[("Relu", None), ("Softmax", Some(1))], Logits);
        assert_eq!(made.unwrap(), ["Relu", "Identity"]);
        let made = chain(&[1, 4], &[("LogSoftmax", None), ("Identity", None)], Logits);
        assert_eq!(made.unwrap(), ["Identity", "Identity"]);
        let made = chain(&[1, 4], &[("Softmax", None), ("Relu", None)], Logits);
        assert!(made.unwrap_err().contains("stands last"));
    }

    #[test]
    fn a_class_needs_no_softmax_along_its_axis() {
        use OutputForm::Argmax;
        let made = |shape: &[usize], operators: &[(&str, Option<i64>)]| chain(shape, operators, Argmax);
        assert_eq!(
            made(&[1, 4], &[("Softmax", None)]).unwrap(),
            ["Identity", "ArgMax"]
        );
        assert_eq!(
            made(&[4], &[("Softmax", Some(0))]).unwrap(),
            ["Identity", "ArgMax"]
        );
        assert_eq!(
            made(&[1, 4, 1, 1], &[("LogSoftmax", Some(1))]).unwrap(),
            ["Identity", "ArgMax"]
        );
        // Along another axis, it changes the order.
        assert_eq!(
            made(&[2, 4], &[("Softmax", Some(0))]).unwrap(),
            ["Softmax", "ArgMax"]
        );
        assert_eq!(made(&[1, 4], &[("Relu", None)]).unwrap(), ["Relu", "ArgMax"]);
        for shape in [&[2, 4, 3][..], &[3, 1], &[1, 1, 1]] {
            assert!(
                made(shape, &[("Relu", None)]).unwrap_err().contains("no axis"),
                "{shape:?}"
            );
        }
    }
}
