//! Which ONNX operators EZKL 23.0.5 can load, as data.
//!
//! Found by loading ONNX's own node tests into EZKL's wheel one operator at a time, with everything but the
//! first input constant, and checked against its loader (`src/graph/utilities.rs`, `new_op_from_onnx`, which
//! works on what tract makes of the file).

/// Operators that EZKL has a counterpart for, in alphabetical order. Many are loaded only with certain
/// attributes (zero padding, nearest-neighbour resizing, constant indices); [`super::direct`] tells which.
///
/// `QuantizeLinear` and `DequantizeLinear` are left out because EZKL loads both as the identity, so that
/// its circuit is not the model; `If` and `Scan` because the graphs in them are not looked at.
pub const SUPPORTED: [&str; 118] = [
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "ArgMax",
    "ArgMin",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "AveragePool",
    "BatchNormalization",
    "BitShift",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumSum",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Einsum",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "EyeLike",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "MatMul",
    "MatMulInteger",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "OneHot",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "RNN",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Shape",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "TopK",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

/// Operators whose `strides` EZKL needs to see even where they are ONNX's default, and whose dilation it
/// refuses (convolutions) or ignores (pooling).
const WINDOWED: [&str; 4] = ["AveragePool", "Conv", "ConvTranspose", "MaxPool"];

/// Whether EZKL has a counterpart for the operator.
pub(super) fn is_supported(operator: &str) -> bool {
    SUPPORTED.binary_search(&operator).is_ok()
}

/// Whether the operator's result is another one each time: tract would take it for a constant of the model.
pub(super) fn draws_numbers(operator: &str) -> bool {
    operator.starts_with("Random") || matches!(operator, "Bernoulli" | "Multinomial")
}

/// Whether the operator slides a window and so must spell out its strides and not be dilated.
pub(super) fn is_windowed(operator: &str) -> bool {
    WINDOWED.contains(&operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(SUPPORTED.is_sorted_by(|a, b| a < b));
        assert!(WINDOWED.iter().all(|operator| is_supported(operator)));
        for refused in ["Loop", "NonMaxSuppression", "StringConcat", "Gelu", "Tile"] {
            assert!(!is_supported(refused), "{refused}");
        }
    }
}
