//! Which attributes each ONNX operator has, of which type, and from which operator set to which.
//!
//! Goes in: an operator's name and an operator set. Comes out: its attributes. The table is that of ONNX's own schemas (Python
//! package `onnx` 1.23.2, `onnx.defs.get_all_schemas_with_history`) for operator sets 7 to 28, of the operators that EZKL
//! or a committed circuit has.

use tract_onnx::pb::attribute_proto::AttributeType::{
    self, Float, Floats, Int, Ints, SparseTensor, String, Strings, Tensor,
};

/// The operator sets that the table covers. Runtimes, too, are only held to those from 7 on.
pub(super) const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 7..=28;

/// An attribute in the operator sets that know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    /// Its name.
    pub(super) name: &'static str,
    /// The type that it must have.
    pub(super) kind: AttributeType,
    /// The first operator set that has it.
    since: i64,
    /// The first operator set that does not have it any more.
    until: i64,
}

/// The attribute of that name which an operator has in an operator set.
pub(super) fn find(operator: &str, opset: i64, name: &str) -> Option<Schema> {
    of(operator)
        .iter()
        .copied()
        .find(|schema| schema.name == name && (schema.since..schema.until).contains(&opset))
}

const fn between(since: i64, until: i64, name: &'static str, kind: AttributeType) -> Schema {
    Schema {
        name,
        kind,
        since,
        until,
    }
}

const fn always(name: &'static str, kind: AttributeType) -> Schema {
    between(0, i64::MAX, name, kind)
}

const fn since(since: i64, name: &'static str, kind: AttributeType) -> Schema {
    between(since, i64::MAX, name, kind)
}

const fn until(until: i64, name: &'static str, kind: AttributeType) -> Schema {
    between(0, until, name, kind)
}

/// All attributes that an operator has or had; an operator that is not named has none.
#[allow(clippy::too_many_lines)] // a table, in the order of the first operator of each arm
fn of(operator: &str) -> &'static [Schema] {
    match operator {
        "ArgMax" | "ArgMin" => {
            const {
                &[
                    always("axis", Int),
                    always("keepdims", Int),
                    since(12, "select_last_index", Int),
                ]
            }
        }
        "Attention" => {
            const {
                &[
                    always("is_causal", Int),
                    always("kv_num_heads", Int),
                    since(25, "left_window_size", Int),
                    always("q_num_heads", Int),
                    always("qk_matmul_output_mode", Int),
                    since(25, "right_window_size", Int),
                    always("scale", Float),
                    always("softcap", Float),
                    always("softmax_precision", Int),
                ]
            }
        }
        "AveragePool" => {
            const {
                &[
                    always("auto_pad", String),
                    since(10, "ceil_mode", Int),
                    always("count_include_pad", Int),
                    since(19, "dilations", Ints),
                    always("kernel_shape", Ints),
                    always("pads", Ints),
                    always("strides", Ints),
                ]
            }
        }
        "BatchNormalization" => {
            const {
                &[
                    always("epsilon", Float),
                    always("momentum", Float),
                    until(9, "spatial", Int),
                    since(14, "training_mode", Int),
                ]
            }
        }
        "BitShift" => const { &[always("direction", String)] },
        "Cast" => {
            const {
                &[
                    since(24, "round_mode", String),
                    since(19, "saturate", Int),
                    always("to", Int),
                ]
            }
        }
        "Celu" | "Elu" | "LeakyRelu" | "Swish" | "ThresholdedRelu" => const { &[always("alpha", Float)] },
        "Clip" => const { &[until(11, "max", Float), until(11, "min", Float)] },
        "Concat" | "Flatten" | "Gather" | "GatherElements" | "Hardmax" | "LogSoftmax" | "OneHot"
        | "Scatter" | "Softmax" => const { &[always("axis", Int)] },
        "Constant" => {
            const {
                &[
                    since(11, "sparse_value", SparseTensor),
                    always("value", Tensor),
                    since(12, "value_float", Float),
                    since(12, "value_floats", Floats),
                    since(12, "value_int", Int),
                    since(12, "value_ints", Ints),
                    since(12, "value_string", String),
                    since(12, "value_strings", Strings),
                ]
            }
        }
        "ConstantOfShape" => const { &[always("value", Tensor)] },
        "Conv" | "ConvInteger" | "QLinearConv" => {
            const {
                &[
                    always("auto_pad", String),
                    always("dilations", Ints),
                    always("group", Int),
                    always("kernel_shape", Ints),
                    always("pads", Ints),
                    always("strides", Ints),
                ]
            }
        }
        "ConvTranspose" => {
            const {
                &[
                    always("auto_pad", String),
                    always("dilations", Ints),
                    always("group", Int),
                    always("kernel_shape", Ints),
                    always("output_padding", Ints),
                    always("output_shape", Ints),
                    always("pads", Ints),
                    always("strides", Ints),
                ]
            }
        }
        "CumSum" => const { &[always("exclusive", Int), always("reverse", Int)] },
        "DepthToSpace" => const { &[always("blocksize", Int), since(11, "mode", String)] },
        "DequantizeLinear" => {
            const {
                &[
                    since(13, "axis", Int),
                    since(21, "block_size", Int),
                    since(23, "output_dtype", Int),
                ]
            }
        }
        "Dropout" => const { &[until(12, "ratio", Float), since(12, "seed", Int)] },
        "Einsum" => const { &[always("equation", String)] },
        "EyeLike" => const { &[always("dtype", Int), always("k", Int)] },
        "GRU" => {
            const {
                &[
                    always("activation_alpha", Floats),
                    always("activation_beta", Floats),
                    always("activations", Strings),
                    always("clip", Float),
                    always("direction", String),
                    always("hidden_size", Int),
                    since(14, "layout", Int),
                    always("linear_before_reset", Int),
                ]
            }
        }
        "GatherND" => const { &[since(12, "batch_dims", Int)] },
        "Gelu" => const { &[always("approximate", String)] },
        "Gemm" => {
            const {
                &[
                    always("alpha", Float),
                    always("beta", Float),
                    always("transA", Int),
                    always("transB", Int),
                ]
            }
        }
        "GroupNormalization" => {
            const {
                &[
                    always("epsilon", Float),
                    always("num_groups", Int),
                    since(21, "stash_type", Int),
                ]
            }
        }
        "HardSigmoid" => const { &[always("alpha", Float), always("beta", Float)] },
        "InstanceNormalization" => const { &[always("epsilon", Float)] },
        "LRN" => {
            const {
                &[
                    always("alpha", Float),
                    always("beta", Float),
                    always("bias", Float),
                    always("size", Int),
                ]
            }
        }
        "LSTM" => {
            const {
                &[
                    always("activation_alpha", Floats),
                    always("activation_beta", Floats),
                    always("activations", Strings),
                    always("clip", Float),
                    always("direction", String),
                    always("hidden_size", Int),
                    always("input_forget", Int),
                    since(14, "layout", Int),
                ]
            }
        }
        "LayerNormalization" | "RMSNormalization" => {
            const {
                &[
                    always("axis", Int),
                    always("epsilon", Float),
                    always("stash_type", Int),
                ]
            }
        }
        "LpNormalization" => const { &[always("axis", Int), always("p", Int)] },
        "MaxPool" => {
            const {
                &[
                    always("auto_pad", String),
                    since(10, "ceil_mode", Int),
                    since(10, "dilations", Ints),
                    always("kernel_shape", Ints),
                    always("pads", Ints),
                    since(8, "storage_order", Int),
                    always("strides", Ints),
                ]
            }
        }
        "MeanVarianceNormalization" => const { &[always("axes", Ints)] },
        "Pad" => {
            const {
                &[
                    always("mode", String),
                    until(11, "pads", Ints),
                    until(11, "value", Float),
                ]
            }
        }
        "QuantizeLinear" => {
            const {
                &[
                    since(13, "axis", Int),
                    since(21, "block_size", Int),
                    since(21, "output_dtype", Int),
                    since(23, "precision", Int),
                    since(19, "saturate", Int),
                ]
            }
        }
        "RNN" => {
            const {
                &[
                    always("activation_alpha", Floats),
                    always("activation_beta", Floats),
                    always("activations", Strings),
                    always("clip", Float),
                    always("direction", String),
                    always("hidden_size", Int),
                    since(14, "layout", Int),
                ]
            }
        }
        "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean"
        | "ReduceMin" | "ReduceProd" | "ReduceSumSquare" => {
            const {
                &[
                    until(18, "axes", Ints),
                    always("keepdims", Int),
                    since(18, "noop_with_empty_axes", Int),
                ]
            }
        }
        "ReduceSum" => {
            const {
                &[
                    until(13, "axes", Ints),
                    always("keepdims", Int),
                    since(13, "noop_with_empty_axes", Int),
                ]
            }
        }
        "Reshape" => const { &[since(14, "allowzero", Int)] },
        "Resize" => {
            const {
                &[
                    since(18, "antialias", Int),
                    since(18, "axes", Ints),
                    since(11, "coordinate_transformation_mode", String),
                    since(11, "cubic_coeff_a", Float),
                    since(11, "exclude_outside", Int),
                    since(11, "extrapolation_value", Float),
                    since(18, "keep_aspect_ratio_policy", String),
                    always("mode", String),
                    since(11, "nearest_mode", String),
                ]
            }
        }
        "RotaryEmbedding" => {
            const {
                &[
                    always("interleaved", Int),
                    always("num_heads", Int),
                    always("rotary_embedding_dim", Int),
                ]
            }
        }
        "ScatterElements" => const { &[always("axis", Int), since(16, "reduction", String)] },
        "ScatterND" => const { &[since(16, "reduction", String)] },
        "Selu" => const { &[always("alpha", Float), always("gamma", Float)] },
        "Shape" => const { &[since(15, "end", Int), since(15, "start", Int)] },
        "Shrink" => const { &[always("bias", Float), always("lambd", Float)] },
        "Slice" => {
            const {
                &[
                    until(10, "axes", Ints),
                    until(10, "ends", Ints),
                    until(10, "starts", Ints),
                ]
            }
        }
        "SpaceToDepth" => const { &[always("blocksize", Int), since(28, "mode", String)] },
        "Split" => {
            const {
                &[
                    always("axis", Int),
                    since(18, "num_outputs", Int),
                    until(13, "split", Ints),
                ]
            }
        }
        "Squeeze" | "Unsqueeze" => const { &[until(13, "axes", Ints)] },
        "TopK" => {
            const {
                &[
                    always("axis", Int),
                    until(10, "k", Int),
                    since(11, "largest", Int),
                    since(11, "sorted", Int),
                ]
            }
        }
        "Transpose" => const { &[always("perm", Ints)] },
        "Trilu" => const { &[always("upper", Int)] },
        "Upsample" => const { &[always("mode", String), until(9, "scales", Floats)] },
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_there_in_its_operator_sets_alone() {
        let has = |operator, opset, name| find(operator, opset, name).is_some();
        assert!(has("Clip", 10, "min") && !has("Clip", 11, "min"));
        assert!(has("ReduceSum", 12, "axes") && !has("ReduceSum", 13, "axes"));
        assert!(has("ReduceMean", 17, "axes") && !has("ReduceMean", 18, "axes"));
        assert!(!has("AveragePool", 18, "dilations") && has("AveragePool", 19, "dilations"));
        assert!(has("Conv", 7, "pads") && has("Conv", 28, "pads"));
        assert!(!has("Relu", 14, "alpha") && !has("NoSuchOperator", 14, "axis"));
    }
}
