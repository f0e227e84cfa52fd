//! Operators on quantised integers, as the operators that ONNX defines them by.
//!
//! Goes in: a file's graph. Comes out: the same graph, with `QLinearConv`, `QLinearMatMul`, `ConvInteger`, `MatMulInteger` and
//! `DynamicQuantizeLinear` written out. Source: ONNX's operator specifications of operator set 11.

use std::borrow::Cow;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

use super::expansion::{self, Expansion};
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
    expansion::written_out(graph, is_written_out, write)
}

/// Writes a node out.
fn write(expansion: &mut Expansion<'_>) {
    match expansion.node.op_type.as_str() {
        "ConvInteger" => {
            let sizes = expansion.filter_sizes();
            let image = expansion.centred(0, 2, None);
            let filters = expansion.centred(1, 3, sizes.as_deref());
            let sum = expansion.add("Conv", vec![image, filters], expansion.node.attribute.clone());
            expansion.whole(sum);
        }
        "MatMulInteger" => {
            let left = expansion.centred(0, 2, Some(&[-1, 1]));
            let right = expansion.centred(1, 3, None);
            let sum = expansion.add("MatMul", vec![left, right], Vec::new());
            expansion.whole(sum);
        }
        "QLinearConv" => {
            let image = expansion.dequantised([0, 1, 2], 1);
            let filters = expansion.dequantised([3, 4, 5], 0);
            let mut inputs = vec![image, filters];
            if !expansion.input(8).is_empty() {
                let scales = vec![expansion.input(1), expansion.input(4)];
                let scale = expansion.add("Mul", scales, Vec::new());
                let bias = vec![expansion.input(8), scale];
                inputs.push(expansion.add("DequantizeLinear", bias, vec![proto::int("axis", 0)]));
            }
            let sum = expansion.add("Conv", inputs, expansion.node.attribute.clone());
            expansion.quantised(sum, [6, 7], 1);
        }
        "QLinearMatMul" => {
            let left = expansion.dequantised([0, 1, 2], -2);
            let right = expansion.dequantised([3, 4, 5], -1);
            let product = expansion.add("MatMul", vec![left, right], Vec::new());
            expansion.quantised(product, [6, 7], -2);
        }
        _ => expansion.write_dynamic(),
    }
}

impl Expansion<'_> {
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

    /// The shape of a list of numbers for each filter.
    fn filter_sizes(&self) -> Option<Vec<i64>> {
        let axes = self.sizes_of(&self.input(1))?.len();
        let mut shape = vec![1; axes];
        *shape.first_mut()? = -1;
        Some(shape)
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
