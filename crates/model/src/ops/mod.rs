//! The operators of the layer graph: one module for each family, and this registry.
//!
//! A module holds all there is to an operator: its shape, how it is read from ONNX and written to it, and how it is written
//! as steps of the integer program, with their scale and bounds. The float reference runs the ONNX file. To add an operator,
//! write its module and name it here: its module, its variant of [`Op`], a line in each of the two matches below, and its imports.
//! Checks of a file before that, by the operators' names, are in `crate::onnx` (`schema`, `fit`, `folded`, `reader`, `resolve`, `expand`,
//! `operators`, `direct`).

mod activation;
mod alias;
mod argmax;
mod arithmetic;
mod attention;
mod broadcast;
mod compare;
mod concat;
mod constant;
mod convolution;
mod dense;
mod einsum;
mod fixed;
mod lowering;
mod matmul;
mod movement;
mod normalisation;
mod norms;
mod operator;
mod piecewise;
mod pool;
mod power;
mod quantised;
mod recurrent;
mod reduce;
mod resize;
mod row;
mod selection;
mod shape;
mod smooth;
mod softmax;
mod tables;
#[cfg(test)]
mod tests;
mod transposed;
mod volume;
mod whole;
mod within;

pub use argmax::ArgMax;
pub use compare::{Compare, Extreme};
pub use concat::Concat;
pub use convolution::Conv2d;
pub use dense::Gemm;
pub use movement::{Cut, Filling, Movement};
pub use normalisation::{BatchNorm, InstanceNorm, LayerNorm};
pub use piecewise::Piecewise;
pub use pool::{AvgPool2d, MaxPool2d, PaddedMean};
pub use power::Power;
pub use reduce::{GlobalPool, Reduce, Reduction};
pub use shape::Reshape;
pub use smooth::Smooth;
pub use softmax::Softmax;
pub use transposed::ConvTranspose2d;
pub use whole::Whole;
pub use within::Within;

pub(crate) use attention::MASK as ATTENTION_MASK;
pub(crate) use broadcast::{broadcast, indices, positions};
pub(crate) use lowering::{Input, Lowering, MOST_LOWERED, Place, ReadThrough, Source, TableReader, hull};
pub(crate) use movement::{NO_AXES, expect_replacing, origins, places_along, places_of_parts};
pub(crate) use operator::{Composition, Direct, Elements, Import, Meaning, OPSET, Operator, Part};
pub(crate) use quantised::{element_of as quantised_element, quantised};
pub(crate) use softmax::flattened as flattened_softmax;

use serde::{Deserialize, Serialize};

use crate::tensor::{MOST_ELEMENTS, Tensor, elements};
use activation::Activation;
use arithmetic::{Arithmetic, IntegerDiv};
use compare::{Not, Where};
use matmul::MatMul;
use operator::ensure;
use piecewise::PRelu;
use shape::Flatten;

/// An operator with its parameters. Each names the ONNX operator that it is written as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// ONNX `Conv`.
    Conv2d(Conv2d),
    /// ONNX `ConvTranspose`.
    ConvTranspose2d(ConvTranspose2d),
    /// ONNX `Gemm` with transB = 1.
    Gemm(Gemm),
    /// The same layer where its constants are others than the file's: `alpha` and `beta` are multiplied into them, or one addend is
    /// repeated. EZKL computes what is in the file.
    FoldedGemm(Gemm),
    /// ONNX `Relu`.
    Relu,
    /// ONNX `Sigmoid`.
    Sigmoid,
    /// ONNX `Tanh`.
    Tanh,
    /// A function whose graph is made of straight lines.
    Piecewise(Piecewise),
    /// ONNX `PRelu`, with a slope for each element.
    PRelu,
    /// A function of each element by tables.
    Smooth(Smooth),
    /// ONNX `Floor`, `Ceil`, `Round`, and `Cast` to integers.
    Whole(Whole),
    /// The numbers of an integer type, or the positions that there are. Written as ONNX `Clip`.
    Within(Within),
    /// ONNX `Pow` with a whole exponent of 3 or more.
    Power(Power),
    /// ONNX `Mul` of two values, broadcast; `x · x` is the square.
    Mul,
    /// ONNX `Add` of two values, broadcast.
    Add,
    /// ONNX `Sub` of two values, broadcast.
    Sub,
    /// ONNX `Div`, broadcast.
    Div,
    /// ONNX `Div` of integers, broadcast: without what stands after the point.
    IntegerDiv,
    /// ONNX `Constant`: what another operator reads as it reads a value.
    Constant(Tensor),
    /// ONNX `MatMul` of two values.
    MatMul,
    /// ONNX `Softmax` or `LogSoftmax` along the last axis.
    Softmax(Softmax),
    /// ONNX `MaxPool` (NCHW): the greatest of the elements in the window, which the padding has none of.
    MaxPool2d(MaxPool2d),
    /// ONNX `AveragePool` (NCHW, no padding).
    AvgPool2d(AvgPool2d),
    /// ONNX `AveragePool` (NCHW) with padding.
    PaddedMean(PaddedMean),
    /// ONNX `BatchNormalization` at inference.
    BatchNorm(BatchNorm),
    /// ONNX `LayerNormalization`.
    LayerNorm(LayerNorm),
    /// ONNX `InstanceNormalization`.
    InstanceNorm(InstanceNorm),
    /// What moves elements and computes none.
    Movement(Movement),
    /// ONNX's comparisons and what combines truth values.
    Compare(Compare),
    /// ONNX `Not`.
    Not,
    /// ONNX `Where`.
    Where,
    /// ONNX `Max` or `Min` of values.
    Extreme(Extreme),
    /// ONNX `ArgMax` or `ArgMin`.
    ArgMax(ArgMax),
    /// ONNX `GlobalAveragePool` or `GlobalMaxPool`.
    GlobalPool(GlobalPool),
    /// Sums, means and extremes along axes.
    Reduce(Reduce),
    /// ONNX `Flatten` at axis 1.
    Flatten,
    /// ONNX `Reshape` to a static shape.
    Reshape(Reshape),
    /// ONNX `Concat` of values.
    Concat(Concat),
}

/// How nodes of each ONNX operator are read.
const IMPORTS: [&[Import]; 27] = [
    activation::IMPORTS,
    alias::IMPORTS,
    argmax::IMPORTS,
    arithmetic::IMPORTS,
    attention::IMPORTS,
    compare::IMPORTS,
    concat::IMPORTS,
    convolution::IMPORTS,
    dense::IMPORTS,
    einsum::IMPORTS,
    matmul::IMPORTS,
    movement::IMPORTS,
    normalisation::IMPORTS,
    norms::IMPORTS,
    piecewise::IMPORTS,
    pool::IMPORTS,
    power::IMPORTS,
    quantised::IMPORTS,
    recurrent::IMPORTS,
    reduce::IMPORTS,
    resize::IMPORTS,
    selection::IMPORTS,
    shape::IMPORTS,
    smooth::IMPORTS,
    softmax::IMPORTS,
    transposed::IMPORTS,
    whole::IMPORTS,
];

/// How nodes of an ONNX operator are read; none where the graph has no such operator.
pub(crate) fn import(operator: &str) -> Option<&'static Import> {
    let mut imports = IMPORTS.into_iter().flatten();
    imports.find(|import| import.operator == operator)
}

impl Op {
    /// What the operator says about itself: the one place where operators are told apart.
    pub(crate) fn rules(&self) -> &dyn Operator {
        match self {
            Self::Conv2d(op) => op,
            Self::ConvTranspose2d(op) => op,
            Self::PaddedMean(op) => op,
            Self::Gemm(op) | Self::FoldedGemm(op) => op,
            Self::Relu => &Activation::Relu,
            Self::Sigmoid => &Activation::Sigmoid,
            Self::Tanh => &Activation::Tanh,
            Self::Piecewise(op) => op,
            Self::PRelu => &PRelu,
            Self::Smooth(op) => op,
            Self::Whole(op) => op,
            Self::Within(op) => op,
            Self::Power(op) => op,
            Self::Mul => &Arithmetic::Mul,
            Self::Add => &Arithmetic::Add,
            Self::Sub => &Arithmetic::Sub,
            Self::Div => &Arithmetic::Div,
            Self::IntegerDiv => &IntegerDiv,
            Self::Constant(tensor) => tensor,
            Self::MatMul => &MatMul,
            Self::Softmax(op) => op,
            Self::MaxPool2d(op) => op,
            Self::AvgPool2d(op) => op,
            Self::BatchNorm(op) => op,
            Self::LayerNorm(op) => op,
            Self::InstanceNorm(op) => op,
            Self::Movement(op) => op,
            Self::Compare(op) => op,
            Self::Not => &Not,
            Self::Where => &Where,
            Self::Extreme(op) => op,
            Self::ArgMax(op) => op,
            Self::GlobalPool(op) => op,
            Self::Reduce(op) => op,
            Self::Flatten => &Flatten,
            Self::Reshape(op) => op,
            Self::Concat(op) => op,
        }
    }

    /// What EZKL's ONNX loader makes of it in a direct circuit: of a layer whose constants are others than the file's, another layer.
    pub(crate) fn direct(&self) -> Direct<'_> {
        match self {
            Self::FoldedGemm(_) => Direct::Other,
            op => op.rules().direct(),
        }
    }

    /// The ONNX operator that this is written as.
    #[must_use]
    pub fn onnx_name(&self) -> &'static str {
        self.rules().onnx_name()
    }

    /// Parameters in ONNX input order, each under its name in a `PyTorch` state dictionary.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        self.rules().parameters()
    }

    /// As [`Self::parameters`], to write to. Shapes must stay as they are.
    #[must_use]
    pub fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        match self {
            Self::Conv2d(op) => op.parameters_mut(),
            Self::ConvTranspose2d(op) => op.parameters_mut(),
            Self::Gemm(op) | Self::FoldedGemm(op) => op.parameters_mut(),
            Self::BatchNorm(op) => op.parameters_mut(),
            Self::LayerNorm(op) => op.parameters_mut(),
            Self::InstanceNorm(op) => op.parameters_mut(),
            Self::Relu
            | Self::Sigmoid
            | Self::Tanh
            | Self::Piecewise(_)
            | Self::PRelu
            | Self::Smooth(_)
            | Self::Whole(_)
            | Self::Within(_)
            | Self::Power(_)
            | Self::Mul
            | Self::Add
            | Self::Sub
            | Self::Div
            | Self::IntegerDiv
            | Self::Constant(_)
            | Self::MatMul
            | Self::Softmax(_)
            | Self::Movement(_)
            | Self::Compare(_)
            | Self::Not
            | Self::Where
            | Self::Extreme(_)
            | Self::ArgMax(_)
            | Self::GlobalPool(_)
            | Self::Reduce(_)
            | Self::PaddedMean(_)
            | Self::MaxPool2d(_)
            | Self::AvgPool2d(_)
            | Self::Flatten
            | Self::Reshape(_)
            | Self::Concat(_) => Vec::new(),
        }
    }

    /// Shape of the output for inputs of these shapes.
    ///
    /// # Errors
    /// Why the number of inputs, their shapes or the shapes of the parameters do not fit.
    pub fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let shape = self.rules().shape(inputs)?;
        let fits = elements(&shape).is_some_and(|elements| (1..=MOST_ELEMENTS).contains(&elements));
        ensure(fits, || {
            format!("a result of shape {shape:?}, must have 1 to {MOST_ELEMENTS} elements")
        })?;
        Ok(shape)
    }
}

#[cfg(test)]
mod registry_tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_onnx_operator_is_read_by_one_module() {
        let names = IMPORTS.into_iter().flatten().map(|import| import.operator);
        let distinct: HashSet<&str> = names.clone().collect();
        assert_eq!(distinct.len(), names.count());
        assert!(import("Conv").is_some() && import("NonMaxSuppression").is_none());
    }
}
