//! Operators on quantised integers, as the operators that ONNX defines them by.
//!
//! Goes in: a file's graph. Comes out: the same graph, with `QLinearConv`, `QLinearMatMul`, `ConvInteger`, `MatMulInteger` and
//! `DynamicQuantizeLinear` written out. Source: ONNX's operator specifications of operator set 11.

use std::borrow::Cow;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

use crate::wire::node::is_standard;
use crate::wire::proto;

/// The operators that are written out, in alphabetical order.
const EXPANDED: [&str; 5] = [
    "ConvInteger",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QLinearConv",
    "QLinearMatMul",
];

/// Steps of the integers that `DynamicQuantizeLinear` gives.
const STEPS: f32 = 255.0;

/// Whether an operator is written out by others.
pub(super) fn is_expanded(operator: &str) -> bool {
    EXPANDED.contains(&operator)
}

/// The graph with these operators written out; the graph itself where it has none.
pub(super) fn expanded(graph: &GraphProto) -> Cow<'_, GraphProto> {
    let is_written_out = |node: &NodeProto| is_expanded(&node.op_type) && is_standard(&node.domain);
    if !graph.node.iter().any(is_written_out) {
        return Cow::Borrowed(graph);
    }
    let mut result = graph.clone();
    result.node.clear();
    let token = unused(graph);
    for (index, node) in graph.node.iter().enumerate() {
        if is_written_out(node) {
            let mut expansion = Expansion::of(node, graph, format!("{token}{index}:"));
            expansion.write();
            result.node.extend(expansion.nodes);
            result.initializer.extend(expansion.initializers);
        } else {
            result.node.push(node.clone());
        }
    }
    Cow::Owned(result)
}

/// What no name in a graph begins with.
fn unused(graph: &GraphProto) -> String {
    let values = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().chain(&node.output));
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let inputs = graph.input.iter().map(|input| &input.name);
    let mut token = "expanded:".to_owned();
    let names: Vec<&String> = values.chain(stored).chain(inputs).collect();
    while names.iter().any(|name| name.starts_with(&token)) {
        token.push(':');
    }
    token
}

/// A node, and what stands in its place.
struct Expansion<'a> {
    node: &'a NodeProto,
    graph: &'a GraphProto,
    /// What the names of its values and constants begin with.
    prefix: String,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl<'a> Expansion<'a> {
    fn of(node: &'a NodeProto, graph: &'a GraphProto, prefix: String) -> Self {
        Self {
            node,
            graph,
            prefix,
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    fn write(&mut self) {
        match self.node.op_type.as_str() {
            "ConvInteger" => {
                let sizes = self.filter_sizes();
                let image = self.centred(0, 2, None);
                let filters = self.centred(1, 3, sizes.as_deref());
                let sum = self.add("Conv", vec![image, filters], self.node.attribute.clone());
                self.whole(sum);
            }
            "MatMulInteger" => {
                let left = self.centred(0, 2, Some(&[-1, 1]));
                let right = self.centred(1, 3, None);
                let sum = self.add("MatMul", vec![left, right], Vec::new());
                self.whole(sum);
            }
            "QLinearConv" => {
                let image = self.dequantised([0, 1, 2], 1);
                let filters = self.dequantised([3, 4, 5], 0);
                let mut inputs = vec![image, filters];
                if !self.input(8).is_empty() {
                    let scales = vec![self.input(1), self.input(4)];
                    let scale = self.add("Mul", scales, Vec::new());
                    let bias = vec![self.input(8), scale];
                    inputs.push(self.add("DequantizeLinear", bias, vec![proto::int("axis", 0)]));
                }
                let sum = self.add("Conv", inputs, self.node.attribute.clone());
                self.quantised(sum, 1);
            }
            "QLinearMatMul" => {
                let left = self.dequantised([0, 1, 2], -2);
                let right = self.dequantised([3, 4, 5], -1);
                let product = self.add("MatMul", vec![left, right], Vec::new());
                self.quantised(product, -2);
            }
            _ => self.write_dynamic(),
        }
    }

    /// The name of an input; empty where it is left out.
    fn input(&self, position: usize) -> String {
        self.node.input.get(position).cloned().unwrap_or_default()
    }

    /// The name of an output, or of a value in its place.
    fn output(&self, position: usize) -> String {
        let named = self.node.output.get(position).filter(|name| !name.is_empty());
        named.map_or_else(|| format!("{}output{position}", self.prefix), Clone::clone)
    }

    /// Adds a node; the name of what it gives.
    fn add(&mut self, operator: &str, inputs: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        let output = format!("{}{}", self.prefix, self.nodes.len());
        self.give(operator, inputs, attribute, output.clone());
        output
    }

    /// Adds a node that gives a value of this name.
    fn give(&mut self, operator: &str, inputs: Vec<String>, attribute: Vec<AttributeProto>, output: String) {
        self.nodes.push(NodeProto {
            op_type: operator.to_owned(),
            // As messages name it.
            name: if self.node.name.is_empty() {
                String::new()
            } else {
                format!("{}:{}", self.node.name, self.nodes.len())
            },
            input: inputs,
            output: vec![output],
            attribute,
            ..NodeProto::default()
        });
    }

    /// Adds a constant; its name.
    fn constant(&mut self, mut tensor: TensorProto) -> String {
        tensor.name = format!("{}constant{}", self.prefix, self.initializers.len());
        let name = tensor.name.clone();
        self.initializers.push(tensor);
        name
    }

    fn number(&mut self, number: f32) -> String {
        self.constant(proto::floats(String::new(), &[], &[number]))
    }

    /// Adds a cast of a value.
    fn cast(&mut self, value: String, to: DataType) -> String {
        self.add("Cast", vec![value], vec![proto::int("to", i64::from(to as i32))])
    }

    /// The integers of an input less its zero point, as real numbers. `shape` is what a list of zero points is reshaped to.
    fn centred(&mut self, input: usize, zero: usize, shape: Option<&[i64]>) -> String {
        let value = self.cast(self.input(input), DataType::Float);
        let zero = self.input(zero);
        if zero.is_empty() {
            return value;
        }
        let is_list = self
            .sizes_of(&zero)
            .is_some_and(|sizes| matches!(sizes, &[count] if count > 1));
        let mut zero = self.cast(zero, DataType::Float);
        if let Some(shape) = shape.filter(|_| is_list) {
            let shape = self.constant(proto::whole(String::new(), None, shape));
            zero = self.add("Reshape", vec![zero, shape], Vec::new());
        }
        self.add("Sub", vec![value, zero], Vec::new())
    }

    /// Sizes of a constant of the file.
    fn sizes_of(&self, name: &str) -> Option<&'a [i64]> {
        let mut stored = self.graph.initializer.iter().filter(|tensor| tensor.name == name);
        let given = || {
            let mut makers = self.graph.node.iter();
            let maker = makers.find(|node| node.output.iter().any(|output| output == name))?;
            let mut tensors = maker
                .attribute
                .iter()
                .filter_map(|attribute| attribute.t.as_ref());
            tensors.next().filter(|_| maker.op_type == "Constant")
        };
        Some(&stored.next().or_else(given)?.dims)
    }

    /// The shape of a list of numbers for each filter.
    fn filter_sizes(&self) -> Option<Vec<i64>> {
        let axes = self.sizes_of(&self.input(1))?.len();
        let mut shape = vec![1; axes];
        *shape.first_mut()? = -1;
        Some(shape)
    }

    /// What the integers stand for that an input has, with its scale and zero point.
    fn dequantised(&mut self, inputs: [usize; 3], axis: i64) -> String {
        let inputs = inputs.map(|position| self.input(position));
        self.add(
            "DequantizeLinear",
            inputs.to_vec(),
            vec![proto::int("axis", axis)],
        )
    }

    /// Gives the integers of a value, with the scale and the zero point of the node's output.
    fn quantised(&mut self, value: String, axis: i64) {
        let inputs = vec![value, self.input(6), self.input(7)];
        let axis = vec![proto::int("axis", axis)];
        self.give("QuantizeLinear", inputs, axis, self.output(0));
    }

    /// Gives a sum of products of integers in the type that it has in the file.
    fn whole(&mut self, sum: String) {
        let to = vec![proto::int("to", i64::from(DataType::Int32 as i32))];
        self.give("Cast", vec![sum], to, self.output(0));
    }

    /// Gives the nearest integer of 8 bits without a sign; of two the even one.
    fn byte(&mut self, value: String, output: usize) {
        let scale = self.number(1.0);
        let zero = self.constant(TensorProto {
            data_type: DataType::Uint8 as i32,
            raw_data: vec![0],
            ..TensorProto::default()
        });
        self.give(
            "QuantizeLinear",
            vec![value, scale, zero],
            Vec::new(),
            self.output(output),
        );
    }

    /// scale = (max(x, 0) − min(x, 0)) / 255, zero point = −min(x, 0) / scale, y = x / scale + zero point, both rounded and held to a
    /// byte. x / scale is written as 255 · x / (max − min), whose divisor has more digits.
    fn write_dynamic(&mut self) {
        let x = self.input(0);
        let (none, steps) = (self.number(0.0), self.number(STEPS));
        let [greatest, least] = [("ReduceMax", "Max"), ("ReduceMin", "Min")].map(|(reduce, choose)| {
            let all = self.add(reduce, vec![x.clone()], vec![proto::int("keepdims", 0)]);
            self.add(choose, vec![all, none.clone()], Vec::new())
        });
        let range = self.add("Sub", vec![greatest, least.clone()], Vec::new());
        self.give(
            "Div",
            vec![range.clone(), steps.clone()],
            Vec::new(),
            self.output(1),
        );
        let in_steps = |net: &mut Self, value: String| {
            let times = net.add("Mul", vec![value, steps.clone()], Vec::new());
            net.add("Div", vec![times, range.clone()], Vec::new())
        };
        let below = in_steps(self, least);
        let above = self.add("Neg", vec![below], Vec::new());
        self.byte(above, 2);
        let zero = self.cast(self.output(2), DataType::Float);
        let parts = in_steps(self, x);
        let whole = self.add("Round", vec![parts], Vec::new());
        let moved = self.add("Add", vec![whole, zero], Vec::new());
        self.byte(moved, 0);
    }
}
