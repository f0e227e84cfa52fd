//! Why a graph has no integers: it is outside what EZKL loads as expected, or EZKL has no witness for it.

use thiserror::Error;

/// A refusal that names the node (or the graph's input) at fault.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum IntegerError {
    /// Another number of input tensors than the graph has inputs.
    #[error("{found} input tensors for a graph with {expected} inputs")]
    InputCount {
        /// Inputs of the graph.
        expected: usize,
        /// Tensors given.
        found: usize,
    },
    /// An input tensor has another number of elements than the graph's input.
    #[error("input {input}: {found} elements where the graph has {expected}")]
    InputLength {
        /// The input's name.
        input: String,
        /// Elements of the graph's input.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// A number is NaN, infinite, or too large for its scale.
    #[error("{node}: {value} has no fixed-point integer at scale {scale}")]
    NotRepresentable {
        /// The node (or input) that it belongs to.
        node: String,
        /// The number.
        value: f32,
        /// The scale that it was to have.
        scale: i32,
    },
    /// An integer left the range of `i128`, where EZKL's own integers end as well.
    #[error("{node}: an integer leaves the range of i128")]
    Overflow {
        /// The node at fault.
        node: String,
    },
    /// An operator of which it is not known in integers what EZKL's loader makes.
    #[error("{node}: what EZKL's loader makes of {operator} is not followed")]
    NotFollowed {
        /// The node.
        node: String,
        /// Its ONNX operator.
        operator: &'static str,
    },
    /// A multiplication by constants that are all zero, which the ONNX loader replaces by a constant.
    #[error("{node}: its scale is zero everywhere")]
    ZeroScale {
        /// The node at fault.
        node: String,
    },
    /// A layer norm over a single element, which the ONNX loader rewrites in another way.
    #[error("{node}: it normalises over a single element")]
    SingleElementNorm {
        /// The node at fault.
        node: String,
    },
    /// A convolution with 1×1 outputs whose only reader adds, subtracts or multiplies another value: the ONNX
    /// loader would fold that value into the convolution's parameters.
    #[error("{node}: the loader folds its only reader, {reader}, into it")]
    FoldedOperand {
        /// The convolution.
        node: String,
        /// The operator that reads it.
        reader: String,
    },
    /// A convolution between matrix products, whose batch axis the ONNX loader removes: EZKL 23.0.5 then places its
    /// windows by the wrong coordinates, and its circuit proves another function than the model's.
    #[error("{node}: between matrix products the loader drops its batch axis, and EZKL 23.0.5 misreads it")]
    MisreadConvolution {
        /// The convolution.
        node: String,
    },
    /// A rescale or a division by more than 2^126.
    #[error("{node}: division by 2^{exponent}")]
    Divisor {
        /// The node at fault.
        node: String,
        /// The logarithm of the divisor.
        exponent: i32,
    },
    /// Operands whose scales differ by 64 or more: EZKL 23.0.5 raises the smaller by a 64-bit factor, which is
    /// then 0, and so loses the operand.
    #[error("{node}: EZKL would raise an operand by 2^{shift}, which its 64-bit factor turns into 0")]
    LostOperand {
        /// The node at fault.
        node: String,
        /// The difference of the scales.
        shift: i32,
    },
    /// A value that EZKL decomposes into digits has more than `decomp_legs` digits in base `decomp_base`.
    #[error("{node}: {value} is decomposed, and beyond ±{limit}")]
    BeyondDecomposition {
        /// The node at fault.
        node: String,
        /// The value.
        value: i128,
        /// `decomp_base^decomp_legs - 1`.
        limit: i128,
    },
    /// A value that is looked up in a table lies outside `lookup_range`.
    #[error("{node}: {value} is looked up, and outside {low} to {high}")]
    BeyondLookup {
        /// The node at fault.
        node: String,
        /// The value.
        value: i128,
        /// Smallest table entry.
        low: i128,
        /// Largest table entry.
        high: i128,
    },
}
