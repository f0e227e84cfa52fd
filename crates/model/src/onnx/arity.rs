//! How many inputs and outputs a node of each ONNX operator has, in each operator set.
//!
//! Goes in: a node and the file's operator set. Comes out: whether the set has the operator, and what is wrong with the number of the node's
//! inputs or outputs. onnxruntime refuses a file with another number. The table is that of ONNX's own schemas (Python package `onnx` 1.23.2,
//! `onnx.defs.get_all_schemas_with_history`) for operator sets 7 to 28, of the operators that EZKL or a committed circuit has.

use std::ops::{Range, RangeInclusive};

use tract_onnx::pb::NodeProto;

/// Any number from the least on.
const MANY: usize = usize::MAX;

/// All but ReduceSum, whose axes became an input earlier.
const REDUCTIONS: &str = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare";

/// What some operators have in a range of operator sets.
struct Row {
    sets: Range<i64>,
    inputs: RangeInclusive<usize>,
    outputs: RangeInclusive<usize>,
    /// Their names, with spaces between.
    operators: &'static str,
}

const fn row(
    sets: Range<i64>,
    inputs: RangeInclusive<usize>,
    outputs: RangeInclusive<usize>,
    operators: &'static str,
) -> Row {
    Row {
        sets,
        inputs,
        outputs,
        operators,
    }
}

const fn always() -> Range<i64> {
    0..i64::MAX
}

const fn since(first: i64) -> Range<i64> {
    first..i64::MAX
}

const fn until(end: i64) -> Range<i64> {
    0..end
}

/// Ordered by numbers of inputs, then of outputs. An optional input that is left out before another counts, and its name is empty.
/// onnxruntime's optimiser writes LayerNormalization in older sets than 17, too.
const ROWS: &[Row] = &[
    row(always(), 0..=0, 1..=1, "Constant"),
    row(until(8), 1..=1, 1..=1, "MaxPool"),
    row(until(10), 1..=1, 1..=1, "Slice"),
    row(until(11), 1..=1, 1..=1, "Clip Pad"),
    row(until(13), 1..=1, 1..=1, "ReduceSum Squeeze Unsqueeze"),
    row(until(18), 1..=1, 1..=1, REDUCTIONS),
    row(
        always(),
        1..=1,
        1..=1,
        "Abs Acos ArgMax ArgMin Asin Atan AveragePool Cast Ceil Cos DepthToSpace Elu Exp Flatten \
         Floor GlobalAveragePool GlobalMaxPool HardSigmoid Hardmax Identity LRN LeakyRelu Log \
         LogSoftmax LpNormalization Neg Not Reciprocal Relu Selu Shape Sigmoid Sin Size Softmax \
         Softplus Softsign SpaceToDepth Sqrt Tan Tanh Transpose",
    ),
    row(7..9, 1..=1, 1..=1, "Upsample"),
    row(
        since(9),
        1..=1,
        1..=1,
        "Acosh Asinh Atanh ConstantOfShape Cosh Erf EyeLike MeanVarianceNormalization Shrink Sign \
         Sinh",
    ),
    row(since(10), 1..=1, 1..=1, "ThresholdedRelu"),
    row(since(11), 1..=1, 1..=1, "Round"),
    row(since(12), 1..=1, 1..=1, "Celu"),
    row(since(14), 1..=1, 1..=1, "HardSwish"),
    row(since(18), 1..=1, 1..=1, "Mish"),
    row(since(20), 1..=1, 1..=1, "Gelu"),
    row(since(24), 1..=1, 1..=1, "Swish"),
    row(until(12), 1..=1, 1..=2, "Dropout"),
    row(since(8), 1..=1, 1..=2, "MaxPool"),
    row(until(13), 1..=1, 1..=MANY, "Split"),
    row(until(10), 1..=1, 2..=2, "TopK"),
    row(since(11), 1..=1, 3..=3, "DynamicQuantizeLinear"),
    row(since(13), 1..=2, 1..=1, "ReduceSum Squeeze"),
    row(since(14), 1..=2, 1..=1, "Trilu"),
    row(since(18), 1..=2, 1..=1, REDUCTIONS),
    row(since(13), 1..=2, 1..=MANY, "Split"),
    row(since(11), 1..=3, 1..=1, "Clip"),
    row(since(12), 1..=3, 1..=2, "Dropout"),
    row(since(13), 1..=4, 1..=1, "Resize"),
    row(always(), 1..=MANY, 1..=1, "Concat Max Mean Min Sum"),
    row(since(12), 1..=MANY, 1..=1, "Einsum"),
    row(
        always(),
        2..=2,
        1..=1,
        "Add And Div Equal Gather Greater Less MatMul Mul Or PRelu Pow Reshape Sub Tile Xor",
    ),
    row(since(8), 2..=2, 1..=1, "Expand"),
    row(9..10, 2..=2, 1..=1, "Upsample"),
    row(10..11, 2..=2, 1..=1, "Resize"),
    row(since(11), 2..=2, 1..=1, "BitShift CumSum GatherElements GatherND"),
    row(since(12), 2..=2, 1..=1, "GreaterOrEqual LessOrEqual"),
    row(since(13), 2..=2, 1..=1, "Unsqueeze"),
    row(since(23), 2..=2, 1..=1, "RMSNormalization"),
    row(since(10), 2..=2, 2..=2, "TopK"),
    row(always(), 2..=3, 1..=1, "Conv ConvTranspose"),
    row(since(10), 2..=3, 1..=1, "DequantizeLinear QuantizeLinear"),
    row(11..18, 2..=3, 1..=1, "Pad"),
    row(since(11), 2..=3, 1..=1, "Gemm"),
    row(always(), 2..=3, 1..=3, "LayerNormalization"),
    row(since(10), 2..=4, 1..=1, "ConvInteger MatMulInteger"),
    row(since(18), 2..=4, 1..=1, "Pad"),
    row(until(11), 3..=3, 1..=1, "Gemm"),
    row(always(), 3..=3, 1..=1, "InstanceNormalization"),
    row(9..11, 3..=3, 1..=1, "Scatter"),
    row(since(9), 3..=3, 1..=1, "OneHot Where"),
    row(since(11), 3..=3, 1..=1, "ScatterElements ScatterND"),
    row(since(18), 3..=3, 1..=1, "GroupNormalization"),
    row(11..13, 3..=4, 1..=1, "Resize"),
    row(since(23), 3..=4, 1..=1, "RotaryEmbedding"),
    row(since(10), 3..=5, 1..=1, "Slice"),
    row(always(), 3..=6, 0..=2, "GRU RNN"),
    row(23..24, 3..=6, 1..=4, "Attention"),
    row(since(24), 3..=7, 1..=4, "Attention"),
    row(always(), 3..=8, 0..=3, "LSTM"),
    row(since(14), 5..=5, 1..=3, "BatchNormalization"),
    row(until(14), 5..=5, 1..=5, "BatchNormalization"),
    row(since(10), 8..=8, 1..=1, "QLinearMatMul"),
    row(since(10), 8..=9, 1..=1, "QLinearConv"),
];

fn rows_of(operator: &str) -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(move |row| row.operators.split(' ').any(|name| name == operator))
}

/// Whether an operator set has an operator, as far as the table knows it.
pub(super) fn has_operator(operator: &str, opset: i64) -> bool {
    let mut rows = rows_of(operator).peekable();
    rows.peek().is_none() || rows.any(|row| row.sets.contains(&opset))
}

/// What is wrong with the number of a node's inputs or outputs, where the table knows the operator in that set.
pub(super) fn fault(node: &NodeProto, opset: i64) -> Option<String> {
    let row = rows_of(&node.op_type).find(|row| row.sets.contains(&opset))?;
    let wrong = |what: &str, names: &[String], allowed: &RangeInclusive<usize>| {
        let s = if names.len() == 1 { "" } else { "s" };
        let needed = match (*allowed.start(), *allowed.end()) {
            (least, MANY) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let count = names.len();
        if !allowed.contains(&count) {
            let reason = format!("it has {count} {what}{s}, and in operator set {opset} it has {needed}");
            return Some(reason);
        }
        let unnamed = names.iter().take(*allowed.start()).position(String::is_empty)?;
        Some(format!("its {what} {unnamed} is left out, and must be there"))
    };
    wrong("input", &node.input, &row.inputs).or_else(|| wrong("output", &node.output, &row.outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(operator: &str, inputs: usize, outputs: usize) -> NodeProto {
        NodeProto {
            op_type: operator.to_owned(),
            input: vec!["x".to_owned(); inputs],
            output: vec!["y".to_owned(); outputs],
            ..NodeProto::default()
        }
    }

    #[test]
    fn an_operator_is_there_in_its_operator_sets_alone() {
        assert!(!has_operator("Gelu", 19) && has_operator("Gelu", 20));
        assert!(has_operator("Upsample", 9) && !has_operator("Upsample", 10));
        assert!(has_operator("LayerNormalization", 16));
        assert!(has_operator("Relu", 7) && has_operator("NoSuchOperator", 7));
    }

    #[test]
    fn a_node_has_as_many_inputs_and_outputs_as_its_operator_set_says() {
        let fault = |operator, opset, inputs, outputs| fault(&node(operator, inputs, outputs), opset);
        assert_eq!(fault("Gemm", 11, 2, 1), None);
        assert_eq!(
            fault("Gemm", 10, 2, 1).as_deref(),
            Some("it has 2 inputs, and in operator set 10 it has 3")
        );
        assert_eq!(
            fault("Conv", 13, 1, 1).as_deref(),
            Some("it has 1 input, and in operator set 13 it has 2 to 3")
        );
        assert_eq!(
            fault("Concat", 13, 0, 1).as_deref(),
            Some("it has 0 inputs, and in operator set 13 it has at least 1")
        );
        assert_eq!(
            fault("Relu", 13, 1, 2).as_deref(),
            Some("it has 2 outputs, and in operator set 13 it has 1")
        );
        assert_eq!(fault("Concat", 13, 40, 1), None);
        let mut pad = node("Pad", 3, 1);
        pad.input[2].clear();
        assert_eq!(super::fault(&pad, 13), None);
        pad.input[1].clear();
        assert_eq!(
            super::fault(&pad, 13).as_deref(),
            Some("its input 1 is left out, and must be there")
        );
        assert_eq!(fault("NoSuchOperator", 13, 9, 9), None);
    }

    #[test]
    fn an_operator_has_one_row_in_a_set() {
        for operator in ROWS.iter().flat_map(|row| row.operators.split(' ')) {
            for opset in super::super::schema::OPERATOR_SETS {
                let rows = rows_of(operator).filter(|row| row.sets.contains(&opset));
                assert!(rows.count() <= 1, "{operator} in set {opset}");
            }
        }
    }
}
