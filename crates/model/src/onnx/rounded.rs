//! The same model with every float tensor rounded to a fixed-point scale.
//!
//! Goes in: ONNX bytes, the element types of the values, a scale. Comes out: ONNX bytes of a model that rounds its weights and
//! whatever a node gives to multiples of 2^-scale. How far its outputs are from the model's tells what
//! fixed point at that scale costs, whatever the operators are.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_proto::DataType,
};

use super::reader::with_chosen_branches;
use crate::wire::constant::floats;
use crate::wire::node::DEFAULT_EPSILON;
use crate::wire::proto;

/// What is known of a value before the model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// The type of its elements, if they are floats. Integers and truth values are held by a circuit as they are.
    pub float: Option<FloatType>,
    /// How many elements it has; absent where its shape is not static.
    pub elements: Option<u64>,
}

/// A type of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatType {
    /// `f32`.
    Single,
    /// `f64`.
    Double,
    /// `f16`.
    Half,
    /// `bf16`.
    Brain,
}

impl FloatType {
    /// The type of a tensor by ONNX's name, as `tensor(float)`; none where its elements are no floats.
    #[must_use]
    pub fn of_tensor(name: &str) -> Option<Self> {
        match name {
            "tensor(float)" => Some(Self::Single),
            "tensor(double)" => Some(Self::Double),
            "tensor(float16)" => Some(Self::Half),
            "tensor(bfloat16)" => Some(Self::Brain),
            _ => None,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Single => DataType::Float,
            Self::Double => DataType::Double,
            Self::Half => DataType::Float16,
            Self::Brain => DataType::Bfloat16,
        }
    }
}

/// Bytes that are no ONNX model.
#[derive(Debug, thiserror::Error)]
#[error("not an ONNX model: {0}")]
pub struct Unreadable(String);

/// The model with every value that a node gives among its outputs, for its type to be asked for.
///
/// # Errors
/// [`Unreadable`].
pub fn with_every_value(onnx: &[u8]) -> Result<Vec<u8>, Unreadable> {
    edited(onnx, |graph| {
        let mut shown: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
        let values = graph.node.iter().flat_map(|node| &node.output);
        let more: Vec<ValueInfoProto> = values
            .filter(|name| !name.is_empty() && shown.insert((*name).clone()))
            .map(|name| ValueInfoProto {
                name: name.clone(),
                ..ValueInfoProto::default()
            })
            .collect();
        graph.output.extend(more);
    })
}

/// The model with weights and every value rounded to multiples of 2^-`scale`. Inputs are left as they are.
///
/// A batch normalisation is taken as the product and the sum that it is at inference, whose constants are then rounded, as
/// circuits have it: its variance is no number of the circuit's. A mean is the product of a sum and the reciprocal of a number,
/// which is a constant of the circuit's and rounded too. What tells a `Resize` its sizes is left alone.
///
/// # Errors
/// [`Unreadable`].
pub fn rounded<S: BuildHasher>(
    onnx: &[u8],
    values: &HashMap<String, Value, S>,
    scale: i32,
) -> Result<Vec<u8>, Unreadable> {
    edited(onnx, |graph| {
        fold_batch_norms(graph);
        let sizes = sizes_of_resizes(graph);
        for tensor in &mut graph.initializer {
            if !sizes.contains(&tensor.name) {
                round_tensor(tensor, scale);
            }
        }
        let step = Step::of(scale, graph);
        for mut node in std::mem::take(&mut graph.node) {
            if node.op_type == "Constant" {
                if node.output.iter().all(|name| !sizes.contains(name)) {
                    node.attribute
                        .iter_mut()
                        .for_each(|attribute| round_attribute(attribute, scale));
                }
                graph.node.push(node);
                continue;
            }
            for name in factors_of(&node.op_type) {
                let attributes = node.attribute.iter_mut();
                attributes
                    .filter(|attribute| attribute.name == *name)
                    .for_each(|attribute| round_attribute(attribute, scale));
            }
            let divisor = mean_of(&node, values);
            let mut roundings = Vec::new();
            for output in &mut node.output {
                let Some(float) = values.get(output).and_then(|value| value.float) else {
                    continue;
                };
                let exact = format!("{output}{EXACT}");
                let mut value = exact.clone();
                if float != FloatType::Single {
                    let single = format!("{output}/single");
                    roundings.push(cast(&value, FloatType::Single, &single));
                    value = single;
                }
                if let Some(divisor) = divisor {
                    let (factor, product) = (format!("{output}/factor"), format!("{output}/product"));
                    let reciprocal = round_number(1.0 / divisor as f32, scale);
                    let error = f64::from(reciprocal) * divisor as f64;
                    graph
                        .initializer
                        .push(proto::floats(factor.clone(), &[], &[error as f32]));
                    roundings.push(binary("Mul", &value, &factor, &product));
                    value = product;
                }
                if float == FloatType::Single {
                    roundings.extend(step.round(&value, output));
                } else {
                    let rounded = format!("{output}/rounded");
                    roundings.extend(step.round(&value, &rounded));
                    roundings.push(cast(&rounded, float, output));
                }
                *output = exact;
            }
            graph.node.push(node);
            graph.node.extend(roundings);
        }
    })
}

/// Ends the name of a value before it is rounded.
const EXACT: &str = "/exact";

fn edited(onnx: &[u8], edit: impl FnOnce(&mut GraphProto)) -> Result<Vec<u8>, Unreadable> {
    // What a branch gives is a value like all others.
    let onnx = &*with_chosen_branches(onnx);
    let mut model = ModelProto::decode(onnx).map_err(|error| Unreadable(error.to_string()))?;
    let graph = model.graph.as_mut();
    edit(graph.ok_or_else(|| Unreadable("it holds no graph".to_owned()))?);
    Ok(model.encode_to_vec())
}

/// The constants of rounding: x → ⌊x·2^scale + ½⌋·2^-scale.
struct Step {
    up: String,
    half: String,
    down: String,
}

impl Step {
    /// Puts them among a graph's initializers. `Round` itself came late to ONNX.
    fn of(scale: i32, graph: &mut GraphProto) -> Self {
        let mut constant = |name: &str, value: f64| {
            let name = format!("rounding/{name}");
            graph
                .initializer
                .push(proto::floats(name.clone(), &[], &[value as f32]));
            name
        };
        let scale = f64::from(scale);
        Self {
            up: constant("up", scale.exp2()),
            half: constant("half", 0.5),
            down: constant("down", (-scale).exp2()),
        }
    }

    fn round(&self, from: &str, to: &str) -> [NodeProto; 4] {
        let floor = |from: &str, to: &str| NodeProto {
            name: name_of(to),
            op_type: "Floor".to_owned(),
            input: vec![from.to_owned()],
            output: vec![to.to_owned()],
            ..NodeProto::default()
        };
        let [scaled, shifted, whole] = ["scaled", "shifted", "whole"].map(|step| format!("{to}/{step}"));
        [
            binary("Mul", from, &self.up, &scaled),
            binary("Add", &scaled, &self.half, &shifted),
            floor(&shifted, &whole),
            binary("Mul", &whole, &self.down, to),
        ]
    }
}

/// The name of a node that makes a value. The node that has made it may have the value's own name.
fn name_of(output: &str) -> String {
    format!("{output}/rounding")
}

/// A cast to floats.
fn cast(from: &str, float: FloatType, to: &str) -> NodeProto {
    NodeProto {
        name: name_of(to),
        op_type: "Cast".to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![proto::int("to", i64::from(float.data_type() as i32))],
        ..NodeProto::default()
    }
}

/// A node with two inputs and one output.
fn binary(operator: &str, left: &str, right: &str, output: &str) -> NodeProto {
    NodeProto {
        name: name_of(output),
        op_type: operator.to_owned(),
        input: vec![left.to_owned(), right.to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// Attributes of an operator that are constants in a circuit: factors and addends.
fn factors_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "LeakyRelu" => &["alpha"],
        "Gemm" | "HardSigmoid" => &["alpha", "beta"],
        _ => &[],
    }
}

/// Of how many elements each output of a node is the mean; none where it is no mean, or where that is not known.
fn mean_of<S: BuildHasher>(node: &NodeProto, values: &HashMap<String, Value, S>) -> Option<u64> {
    match node.op_type.as_str() {
        "Mean" => Some(node.input.len() as u64),
        "GlobalAveragePool" | "ReduceMean" => {
            let elements = |name: &String| values.get(name)?.elements.filter(|&elements| elements > 0);
            Some(elements(node.input.first()?)? / elements(node.output.first()?)?)
        }
        _ => None,
    }
}

fn round_number(x: f32, scale: i32) -> f32 {
    let unit = f64::from(scale).exp2();
    ((f64::from(x) * unit).round() / unit) as f32
}

/// Rounds a tensor of floats; any other is left as it is. So is a single number that would become 0: what keeps a divisor from being 0
/// (the ε of a layer normalisation that is written out) would leave the model without a number.
fn round_tensor(tensor: &mut TensorProto, scale: i32) {
    if let Ok(values) = floats(tensor) {
        let data: Vec<f32> = values.data.iter().map(|&x| round_number(x, scale)).collect();
        if data.len() == 1 && data[0] == 0.0 {
            return;
        }
        *tensor = proto::floats(tensor.name.clone(), &values.shape, &data);
    }
}

fn round_attribute(attribute: &mut AttributeProto, scale: i32) {
    attribute.f = round_number(attribute.f, scale);
    attribute
        .floats
        .iter_mut()
        .for_each(|x| *x = round_number(*x, scale));
    if let Some(tensor) = &mut attribute.t {
        round_tensor(tensor, scale);
    }
}

/// Names of what tells a `Resize` or `Upsample` where and how much: no numbers of the circuit's.
fn sizes_of_resizes(graph: &GraphProto) -> HashSet<String> {
    let resizes = graph
        .node
        .iter()
        .filter(|node| ["Resize", "Upsample"].contains(&node.op_type.as_str()));
    resizes
        .flat_map(|node| node.input.iter().skip(1).cloned())
        .collect()
}

/// Writes each batch normalisation of constant parameters as a product and a sum.
fn fold_batch_norms(graph: &mut GraphProto) {
    let constants: HashMap<String, Vec<f32>> = graph
        .initializer
        .iter()
        .filter_map(|tensor| Some((tensor.name.clone(), floats(tensor).ok()?.data)))
        .collect();
    for index in 0..graph.node.len() {
        let node = &graph.node[index];
        let is_inference = node
            .attribute
            .iter()
            .all(|attribute| attribute.name != "training_mode" || attribute.i == 0);
        if node.op_type != "BatchNormalization" || !is_inference || node.output.len() != 1 {
            continue;
        }
        let parameters: Vec<&Vec<f32>> = node
            .input
            .iter()
            .skip(1)
            .filter_map(|name| constants.get(name))
            .collect();
        let [scale, bias, mean, variance] = parameters[..] else {
            continue;
        };
        let epsilon = node
            .attribute
            .iter()
            .find(|attribute| attribute.name == "epsilon");
        let epsilon = f64::from(epsilon.map_or(DEFAULT_EPSILON, |attribute| attribute.f));
        let factors: Vec<f64> = scale
            .iter()
            .zip(variance)
            .map(|(&scale, &variance)| f64::from(scale) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let terms: Vec<f32> = factors
            .iter()
            .zip(bias.iter().zip(mean))
            .map(|(factor, (&bias, &mean))| (f64::from(bias) - f64::from(mean) * factor) as f32)
            .collect();
        let factors: Vec<f32> = factors.iter().map(|&factor| factor as f32).collect();
        let (input, output) = (node.input[0].clone(), node.output[0].clone());
        let names = ["factors", "terms"].map(|part| format!("{output}/{part}"));
        // With a mean of 0 and a variance of 1 the operator is just that product and that sum, for any rank.
        let ones = vec![1.0; factors.len()];
        let zeros = vec![0.0; factors.len()];
        let [one, zero] = ["one", "zero"].map(|part| format!("{output}/{part}"));
        let channels = [factors.len()];
        for (name, data) in [
            (&names[0], &factors),
            (&names[1], &terms),
            (&one, &ones),
            (&zero, &zeros),
        ] {
            graph
                .initializer
                .push(proto::floats(name.clone(), &channels, data));
        }
        graph.node[index] = NodeProto {
            op_type: "BatchNormalization".to_owned(),
            input: vec![input, names[0].clone(), names[1].clone(), zero, one],
            output: vec![output],
            attribute: vec![proto::float("epsilon", 0.0)],
            ..NodeProto::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::FloatModel;
    use crate::graph::{BatchNorm, Gemm, Graph, Op, Tensor};
    use crate::onnx::write;

    fn outputs(onnx: &[u8], input: &Tensor) -> Vec<f32> {
        let model = FloatModel::load(onnx).unwrap();
        model.run(std::slice::from_ref(input)).unwrap()[0].data.clone()
    }

    const FLOAT: Value = Value {
        float: Some(FloatType::Single),
        elements: None,
    };

    /// tract only for these operators: what judges circuits runs the same bytes in onnxruntime.
    #[test]
    fn weights_and_values_are_rounded_and_inputs_are_not() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2]).unwrap();
        let op = Op::Gemm(Gemm {
            weight: Tensor::new([1, 2], vec![0.3, -0.8]),
            bias: None,
        });
        let y = graph.apply("dense", "y", op, &[x]).unwrap();
        // A node may have the name of the value that it makes.
        let z = graph.apply("z", "z", Op::Sigmoid, &[y]).unwrap();
        graph.outputs = vec![z];
        let onnx = write(&graph);
        let values = HashMap::from(["y", "z"].map(|name| (name.to_owned(), FLOAT)));
        let rounded = rounded(&onnx, &values, 2).unwrap();
        let input = Tensor::new([1, 2], vec![0.9, 0.1]);
        // Weights 0.25 and -0.75: 0.15, which is 0.25 in quarters; its sigmoid is 0.562, which is 0.5.
        assert_eq!(outputs(&rounded, &input), [0.5]);
        assert_ne!(outputs(&onnx, &input), [0.5]);
    }

    /// A slope is a constant of the circuit's, though an attribute of the file's: 0.1 is 13/128.
    #[test]
    fn a_slope_is_rounded() {
        let mut node = NodeProto {
            op_type: "LeakyRelu".to_owned(),
            input: vec!["x".to_owned()],
            output: vec!["y".to_owned()],
            ..NodeProto::default()
        };
        node.attribute.push(proto::float("alpha", 0.1));
        let file = proto::File {
            nodes: vec![node],
            initializers: Vec::new(),
            inputs: vec![proto::port("x", &[1, 1])],
            outputs: vec![proto::port("y", &[1, 1])],
        };
        let rounded = rounded(&file.encode(17), &HashMap::from([("y".to_owned(), FLOAT)]), 7).unwrap();
        assert_eq!(
            outputs(&rounded, &Tensor::new([1, 1], vec![-4.0])),
            [-4.0 * 13.0 / 128.0]
        );
    }

    /// x / (0 + ε) is no number where ε is rounded to 0.
    #[test]
    fn a_single_small_number_does_not_vanish() {
        let file = proto::File {
            nodes: vec![binary("Add", "x", "epsilon", "y")],
            initializers: vec![proto::floats("epsilon".to_owned(), &[1], &[1e-5])],
            inputs: vec![proto::port("x", &[1, 1])],
            outputs: vec![proto::port("y", &[1, 1])],
        };
        let rounded = rounded(&file.encode(17), &HashMap::new(), 7).unwrap();
        assert_eq!(outputs(&rounded, &Tensor::new([1, 1], vec![0.0])), [1e-5]);
    }

    /// The variance is no number of the circuit's: rounded to 0 it would make any tolerance large.
    #[test]
    fn a_batch_normalisation_is_rounded_as_a_product_and_a_sum() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 1, 1, 1]).unwrap();
        let one = |value: f32| Tensor::new([1], vec![value]);
        let op = Op::BatchNorm(BatchNorm {
            scale: one(0.01),
            bias: one(0.5),
            mean: one(0.02),
            variance: one(0.0001),
            epsilon: 0.0,
        });
        let y = graph.apply("norm", "y", op, &[x]).unwrap();
        graph.outputs = vec![y];
        let values = HashMap::from([("y".to_owned(), FLOAT)]);
        let rounded = rounded(&write(&graph), &values, 7).unwrap();
        let input = Tensor::new([1, 1, 1, 1], vec![1.0]);
        // 1.0·x + 0.48, whose nearest multiple of 1/128 is 61/128.
        assert_eq!(outputs(&rounded, &input), [1.0 + 61.0 / 128.0]);
    }

    #[test]
    fn every_value_is_shown_once() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2]).unwrap();
        let y = graph.apply("a", "y", Op::Relu, &[x]).unwrap();
        let z = graph.apply("b", "z", Op::Relu, &[y]).unwrap();
        graph.outputs = vec![z];
        let shown = ModelProto::decode(&with_every_value(&write(&graph)).unwrap()[..]).unwrap();
        let names: Vec<String> = shown
            .graph
            .unwrap()
            .output
            .into_iter()
            .map(|port| port.name)
            .collect();
        assert_eq!(names, ["z", "y"]);
        assert!(with_every_value(b"\xff").is_err());
    }
}
