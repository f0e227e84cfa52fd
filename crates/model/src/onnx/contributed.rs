//! onnxruntime's contributed operators (domain `com.microsoft`), as ONNX's own.
//!
//! Goes in: a file's graph. Comes out: the same graph, with the operators below written out. They are what onnxruntime's quantiser
//! (format `QOperator`) and its optimiser write. Source: the schemas of onnxruntime 1.32. A node that has attributes or inputs beside
//! them is left as it is, and so refused.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, tensor_proto::DataType};

use super::expansion::{self, Expansion};
use crate::wire::node::Attributes;
use crate::wire::proto::{float, int, text};

/// The domain of these operators.
const DOMAIN: &str = "com.microsoft";

/// An operator: how many inputs it takes, and which attributes with their types.
struct Schema {
    operator: &'static str,
    inputs: RangeInclusive<usize>,
    /// Positions of inputs that must be given, where others may be left out: zero points of what it gives, whose type they say.
    needed: &'static [usize],
    attributes: &'static [(&'static str, AttributeType)],
}

const fn schema(
    operator: &'static str,
    inputs: RangeInclusive<usize>,
    needed: &'static [usize],
    attributes: &'static [(&'static str, AttributeType)],
) -> Schema {
    Schema {
        operator,
        inputs,
        needed,
        attributes,
    }
}

const PRODUCT: &[(&str, AttributeType)] = &[
    ("alpha", AttributeType::Float),
    ("transA", AttributeType::Int),
    ("transB", AttributeType::Int),
];

/// In alphabetical order.
const SCHEMAS: &[Schema] = &[
    schema("BiasGelu", 2..=2, &[], &[]),
    schema("DequantizeLinear", 2..=3, &[], &[("axis", AttributeType::Int)]),
    schema("DynamicQuantizeMatMul", 3..=5, &[], &[]),
    schema("FastGelu", 1..=2, &[], &[]),
    schema(
        "FusedConv",
        2..=4,
        &[],
        &[
            ("activation", AttributeType::String),
            ("activation_params", AttributeType::Floats),
            ("auto_pad", AttributeType::String),
            ("dilations", AttributeType::Ints),
            ("group", AttributeType::Int),
            ("kernel_shape", AttributeType::Ints),
            ("pads", AttributeType::Ints),
            ("strides", AttributeType::Ints),
        ],
    ),
    schema(
        "FusedGemm",
        2..=3,
        &[],
        &[
            ("activation", AttributeType::String),
            ("activation_alpha", AttributeType::Float),
            ("activation_beta", AttributeType::Float),
            ("activation_gamma", AttributeType::Float),
            ("alpha", AttributeType::Float),
            ("beta", AttributeType::Float),
            ("transA", AttributeType::Int),
            ("transB", AttributeType::Int),
        ],
    ),
    schema(
        "FusedMatMul",
        2..=2,
        &[],
        &[
            ("alpha", AttributeType::Float),
            ("transA", AttributeType::Int),
            ("transB", AttributeType::Int),
            ("transBatchA", AttributeType::Int),
            ("transBatchB", AttributeType::Int),
        ],
    ),
    schema("Gelu", 1..=1, &[], &[]),
    schema("MatMulIntegerToFloat", 4..=7, &[], &[]),
    schema("QGemm", 6..=9, &[], PRODUCT),
    schema("QLinearAdd", 8..=8, &[7], &[]),
    schema(
        "QLinearAveragePool",
        5..=5,
        &[4],
        &[
            ("auto_pad", AttributeType::String),
            ("ceil_mode", AttributeType::Int),
            ("channels_last", AttributeType::Int),
            ("count_include_pad", AttributeType::Int),
            ("kernel_shape", AttributeType::Ints),
            ("pads", AttributeType::Ints),
            ("strides", AttributeType::Ints),
        ],
    ),
    schema(
        "QLinearConcat",
        5..=usize::MAX,
        &[1],
        &[("axis", AttributeType::Int)],
    ),
    schema(
        "QLinearGlobalAveragePool",
        5..=5,
        &[4],
        &[("channels_last", AttributeType::Int)],
    ),
    schema(
        "QLinearLeakyRelu",
        5..=5,
        &[4],
        &[("alpha", AttributeType::Float)],
    ),
    schema("QLinearMul", 8..=8, &[7], &[]),
    schema("QLinearSigmoid", 5..=5, &[4], &[]),
    schema(
        "QLinearSoftmax",
        5..=5,
        &[4],
        &[("axis", AttributeType::Int), ("opset", AttributeType::Int)],
    ),
    schema("QuantizeLinear", 2..=3, &[], &[("axis", AttributeType::Int)]),
    schema("QuickGelu", 1..=1, &[], &[("alpha", AttributeType::Float)]),
    schema(
        "SkipLayerNormalization",
        3..=5,
        &[],
        &[("epsilon", AttributeType::Float)],
    ),
];

/// `QuickGelu`'s factor, unless it says so.
const QUICK_GELU: f32 = 1.702;

/// `SkipLayerNormalization`'s addend to the variance, unless it says so.
const EPSILON: f32 = 1e-12;

/// The axis of a `QLinearSoftmax`, unless it says so.
const LAST_AXIS: i64 = -1;

/// From this operator set on, a Softmax is along one axis.
const ONE_AXIS_SINCE: i64 = 13;

/// Whether a node is written out.
pub(super) fn is_contributed(node: &NodeProto) -> bool {
    let mut schemas = SCHEMAS.iter();
    node.domain == DOMAIN
        && schemas
            .find(|schema| schema.operator == node.op_type)
            .is_some_and(|schema| schema.fits(node))
        && has_this_form(node)
}

/// The graph with these operators written out; the graph itself where it has none.
pub(super) fn written_out(graph: &GraphProto) -> Cow<'_, GraphProto> {
    expansion::written_out(graph, is_contributed, write)
}

impl Schema {
    fn fits(&self, node: &NodeProto) -> bool {
        let is_given = |position: &usize| node.input.get(*position).is_some_and(|name| !name.is_empty());
        let is_known = |(at, attribute): (usize, &AttributeProto)| {
            let is_first = node.attribute[..at]
                .iter()
                .all(|before| before.name != attribute.name);
            is_first
                && self
                    .attributes
                    .contains(&(attribute.name.as_str(), attribute.r#type()))
        };
        self.inputs.contains(&node.input.len())
            && self.needed.iter().all(is_given)
            && node.attribute.iter().enumerate().all(is_known)
    }
}

/// Whether a node gives what is written out here, and has the attributes that are.
fn has_this_form(node: &NodeProto) -> bool {
    let attributes = Attributes(node);
    let is_zero = |name: &str| attributes.int(name).unwrap_or(0) == 0;
    let mut others = node.output.iter().skip(1);
    match node.op_type.as_str() {
        // The sum may be an output, which is the fourth.
        "SkipLayerNormalization" => others.take(2).all(String::is_empty) && node.output.len() <= 4,
        _ if others.any(|name| !name.is_empty()) => false,
        "FusedConv" => activation(node).is_some(),
        "FusedGemm" => activation_of_product(node).is_some(),
        "FusedMatMul" => is_zero("transBatchA") && is_zero("transBatchB"),
        // The type of what it gives is that of its zero point.
        "QGemm" => {
            [7, 8].map(|position| node.input.get(position).is_some_and(|name| !name.is_empty()))
                != [true, false]
        }
        "QLinearAveragePool" | "QLinearGlobalAveragePool" => is_zero("channels_last"),
        "QLinearConcat" => node.input.len() % 3 == 2 && attributes.int("axis").is_some(),
        // Along the last axis, which every operator set calls -1: what the file's own makes of another one is no matter of this node's.
        "QLinearSoftmax" => {
            attributes
                .int("opset")
                .is_some_and(|opset| opset >= ONE_AXIS_SINCE)
                && attributes.int("axis").unwrap_or(LAST_AXIS) == LAST_AXIS
        }
        _ => true,
    }
}

/// What the names of the attributes begin with that are the activation's.
const ACTIVATION: &str = "activation";

/// The operators that a convolution is followed by, each with its attributes or a number.
fn activation(node: &NodeProto) -> Option<Vec<Activation>> {
    let attributes = Attributes(node);
    let parameters = attributes.floats("activation_params").unwrap_or_default();
    let plain = |operator| vec![Activation::Operator(operator, Vec::new())];
    Some(
        match (attributes.text("activation").unwrap_or_default(), parameters) {
            (b"", []) => Vec::new(),
            (b"Relu", []) => plain("Relu"),
            (b"Sigmoid", []) => plain("Sigmoid"),
            (b"Tanh", []) => plain("Tanh"),
            (b"LeakyRelu", &[alpha]) => vec![Activation::Operator("LeakyRelu", vec![float("alpha", alpha)])],
            (b"HardSigmoid", &[alpha, beta]) => {
                let attributes = vec![float("alpha", alpha), float("beta", beta)];
                vec![Activation::Operator("HardSigmoid", attributes)]
            }
            // An end that no float is beyond stands for none.
            (b"Clip", &[least, greatest]) if least <= greatest => {
                let least = (least > f32::MIN).then_some(Activation::Number("Max", least));
                let greatest = (greatest < f32::MAX).then_some(Activation::Number("Min", greatest));
                least.into_iter().chain(greatest).collect()
            }
            _ => return None,
        },
    )
}

/// The operator that a `FusedGemm` is followed by, with its attributes: it has all of them.
fn activation_of_product(node: &NodeProto) -> Option<(&'static str, Vec<AttributeProto>)> {
    const ACTIVATIONS: [(&str, &[&str]); 10] = [
        ("Elu", &["alpha"]),
        ("HardSigmoid", &["alpha", "beta"]),
        ("LeakyRelu", &["alpha"]),
        ("Relu", &[]),
        ("Selu", &["alpha", "gamma"]),
        ("Sigmoid", &[]),
        ("Softplus", &[]),
        ("Softsign", &[]),
        ("Tanh", &[]),
        ("ThresholdedRelu", &["alpha"]),
    ];
    let attributes = Attributes(node);
    let name = attributes.text("activation")?;
    let mut activations = ACTIVATIONS.into_iter();
    let (operator, parameters) = activations.find(|(operator, _)| operator.as_bytes() == name)?;
    let given = |parameter: &str| attributes.float(&format!("{ACTIVATION}_{parameter}"));
    let is_given = |parameter: &&str| given(parameter).is_some();
    let others = ["alpha", "beta", "gamma"];
    if others.iter().filter(|parameter| is_given(parameter)).count() != parameters.len() {
        return None;
    }
    let values = parameters.iter().map(|&name| Some(float(name, given(name)?)));
    Some((operator, values.collect::<Option<_>>()?))
}

/// An operator after a convolution.
enum Activation {
    /// Of one value.
    Operator(&'static str, Vec<AttributeProto>),
    /// Of a value and a number.
    Number(&'static str, f32),
}

/// Writes a node out.
fn write(expansion: &mut Expansion<'_>) {
    let node = expansion.node;
    let attributes = Attributes(node);
    match node.op_type.as_str() {
        "BiasGelu" => {
            let sum = expansion.add("Add", vec![expansion.input(0), expansion.input(1)], Vec::new());
            expansion.give("Gelu", vec![sum], Vec::new(), expansion.output(0));
        }
        "FastGelu" => {
            let sum = expansion.with_bias(expansion.input(0), 1);
            expansion.give(
                "Gelu",
                vec![sum],
                vec![text("approximate", "tanh")],
                expansion.output(0),
            );
        }
        "QuickGelu" => {
            let alpha = attributes.float("alpha").unwrap_or(QUICK_GELU);
            expansion.give(
                "Swish",
                vec![expansion.input(0)],
                vec![float("alpha", alpha)],
                expansion.output(0),
            );
        }
        "FusedConv" => expansion.write_convolution(),
        "FusedGemm" => {
            let mut attributes = node.attribute.clone();
            attributes.retain(|attribute| !attribute.name.starts_with(ACTIVATION));
            let product = expansion.add("Gemm", node.input.clone(), attributes);
            if let Some((operator, attributes)) = activation_of_product(node) {
                expansion.give(operator, vec![product], attributes, expansion.output(0));
            }
        }
        "FusedMatMul" => expansion.write_product(),
        "SkipLayerNormalization" => expansion.write_normalisation(),
        "QGemm" => expansion.write_quantised_product(),
        "DynamicQuantizeMatMul" => {
            let [integers, scale, zero] = ["integers", "scale", "zero"].map(|name| expansion.named(name));
            let outputs = vec![integers.clone(), scale.clone(), zero.clone()];
            expansion.give_all(
                "DynamicQuantizeLinear",
                vec![expansion.input(0)],
                Vec::new(),
                outputs,
            );
            let operands = vec![integers, expansion.input(1), zero, expansion.input(3)];
            let whole = expansion.add("MatMulInteger", operands, Vec::new());
            let sum = expansion.cast(whole, DataType::Float);
            let scale = expansion.add("Mul", vec![scale, expansion.input(2)], Vec::new());
            let product = expansion.add("Mul", vec![sum, scale], Vec::new());
            let result = expansion.with_bias(product, 4);
            expansion.give("Identity", vec![result], Vec::new(), expansion.output(0));
        }
        "MatMulIntegerToFloat" => {
            let left = expansion.dequantised([0, 2, 4], -2);
            let right = expansion.dequantised([1, 3, 5], -1);
            let product = expansion.add("MatMul", vec![left, right], Vec::new());
            let result = expansion.with_bias(product, 6);
            expansion.give("Identity", vec![result], Vec::new(), expansion.output(0));
        }
        "QLinearAdd" | "QLinearMul" => {
            let operands = [[0, 1, 2], [3, 4, 5]].map(|operand| expansion.dequantised(operand, 1));
            let result = expansion.add(of_numbers(node), operands.to_vec(), Vec::new());
            expansion.quantised(result, [6, 7], 1);
        }
        "QLinearConcat" => {
            let parts = (2..node.input.len()).step_by(3);
            let parts: Vec<String> = parts
                .map(|at| expansion.dequantised([at, at + 1, at + 2], 1))
                .collect();
            let joined = expansion.add("Concat", parts, node.attribute.clone());
            expansion.quantised(joined, [0, 1], 1);
        }
        "DequantizeLinear" | "Gelu" | "QuantizeLinear" => {
            expansion.give(
                &node.op_type,
                node.input.clone(),
                node.attribute.clone(),
                expansion.output(0),
            );
        }
        // Of one value.
        _ => {
            let mut attributes = node.attribute.clone();
            attributes.retain(|attribute| !["channels_last", "opset"].contains(&attribute.name.as_str()));
            if of_numbers(node) == "Softmax" && attributes.is_empty() {
                attributes.push(int("axis", LAST_AXIS));
            }
            let value = expansion.dequantised([0, 1, 2], 1);
            let result = expansion.add(of_numbers(node), vec![value], attributes);
            expansion.quantised(result, [3, 4], 1);
        }
    }
}

impl Expansion<'_> {
    /// A value with one of the node's inputs added, where that is given.
    fn with_bias(&mut self, value: String, bias: usize) -> String {
        match self.input(bias) {
            bias if bias.is_empty() => value,
            bias => self.add("Add", vec![value, bias], Vec::new()),
        }
    }

    fn write_convolution(&mut self) {
        let mut attributes = self.node.attribute.clone();
        attributes.retain(|attribute| !attribute.name.starts_with(ACTIVATION));
        let inputs = self.node.input.iter().take(3).cloned().collect();
        let sum = self.add("Conv", inputs, attributes);
        let mut value = self.with_bias(sum, 3);
        for activation in activation(self.node).unwrap_or_default() {
            value = match activation {
                Activation::Operator(operator, attributes) => self.add(operator, vec![value], attributes),
                Activation::Number(operator, number) => {
                    let number = self.number(number);
                    self.add(operator, vec![value, number], Vec::new())
                }
            };
        }
        self.give("Identity", vec![value], Vec::new(), self.output(0));
    }

    fn write_product(&mut self) {
        let attributes = Attributes(self.node);
        let is_transposed = |name: &str| attributes.int(name).unwrap_or(0) != 0;
        let alpha = attributes.float("alpha").unwrap_or(1.0);
        let operands = vec![self.input(0), self.input(1)];
        let product = match (is_transposed("transA"), is_transposed("transB")) {
            (false, false) => self.add("MatMul", operands, Vec::new()),
            (left, right) => {
                let left = if left { "...ji" } else { "...ij" };
                let right = if right { "...kj" } else { "...jk" };
                let equation = text("equation", &format!("{left},{right}->...ik"));
                self.add("Einsum", operands, vec![equation])
            }
        };
        let factor = self.number(alpha);
        self.give("Mul", vec![product, factor], Vec::new(), self.output(0));
    }

    /// The sum of what it reads and what it skips, normalised along the last axis.
    fn write_normalisation(&mut self) {
        let epsilon = Attributes(self.node).float("epsilon").unwrap_or(EPSILON);
        let with_bias = self.with_bias(self.input(1), 4);
        let sum = self.output(3);
        self.give("Add", vec![self.input(0), with_bias], Vec::new(), sum.clone());
        let parameters = [2, 3].map(|position| self.input(position));
        let inputs = [vec![sum], parameters.to_vec()].concat();
        let attributes = vec![int("axis", -1), float("epsilon", epsilon)];
        self.give("LayerNormalization", inputs, attributes, self.output(0));
    }

    /// alpha · (A · B + C), in which C's integers have the product of the scales of A and B.
    fn write_quantised_product(&mut self) {
        let attributes = Attributes(self.node);
        let [transposes_left, transposes_right] =
            ["transA", "transB"].map(|name| attributes.int(name).unwrap_or(0));
        let alpha = attributes.float("alpha").unwrap_or(1.0);
        let left = self.dequantised([0, 1, 2], 1);
        let right = self.dequantised([3, 4, 5], i64::from(transposes_right == 0));
        let mut inputs = vec![left, right];
        if !self.input(6).is_empty() {
            let scale = self.add("Mul", vec![self.input(1), self.input(4)], Vec::new());
            let bias = vec![self.input(6), scale];
            inputs.push(self.add("DequantizeLinear", bias, vec![int("axis", -1)]));
        }
        let attributes = vec![int("transA", transposes_left), int("transB", transposes_right)];
        let sum = self.add("Gemm", inputs, attributes);
        let factor = self.number(alpha);
        if self.input(7).is_empty() {
            return self.give("Mul", vec![sum, factor], Vec::new(), self.output(0));
        }
        let product = self.add("Mul", vec![sum, factor], Vec::new());
        self.quantised(product, [7, 8], 1);
    }
}

/// The operator on numbers that one on quantised integers stands for.
fn of_numbers(node: &NodeProto) -> &str {
    node.op_type.trim_start_matches("QLinear")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document says of each that a circuit has it.
    #[test]
    fn the_document_names_every_operator() {
        let document = include_str!("../../../../docs/onnx.md");
        let paragraph = document
            .split("\n\n")
            .find(|paragraph| paragraph.starts_with("Of onnxruntime's own operators"));
        let words: Vec<&str> = paragraph
            .expect("it has a paragraph about them")
            .split(|c: char| !c.is_ascii_alphanumeric())
            .collect();
        for Schema { operator, .. } in SCHEMAS {
            assert!(words.contains(operator), "{operator}");
        }
        assert!(SCHEMAS.is_sorted_by_key(|schema| schema.operator));
    }
}
