//! The operators of the layer graph: one module for each family, and this registry.
//!
//! A module holds all there is to an operator: its shape, how it is read from ONNX and written to it, and how it is written
//! as steps of the integer program, with their scale and bounds. The float reference runs the ONNX file. To add an operator,
//! write its module and name it here: its module, its variant of [`Op`], a line in each of the two matches below, and its imports.

mod activation;
mod alias;
mod arithmetic;
mod concat;
mod convolution;
mod dense;
mod lowering;
mod normalisation;
mod operator;
mod pool;
mod shape;

pub use concat::Concat;
pub use convolution::Conv2d;
pub use dense::Gemm;
pub use normalisation::{BatchNorm, LayerNorm};
pub use pool::{AvgPool2d, MaxPool2d};
pub use shape::Reshape;

pub(crate) use lowering::{Lowering, Place, ReadThrough, TableReader, hull};
pub(crate) use operator::{Direct, Import, Meaning, OPSET, Operator};

use serde::{Deserialize, Serialize};

use crate::tensor::{MOST_ELEMENTS, Tensor, elements};
use activation::Activation;
use arithmetic::Arithmetic;
use operator::ensure;
use shape::Flatten;

/// An operator with its parameters. Each names the ONNX operator that it is written as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// ONNX `Conv`.
    Conv2d(Conv2d),
    /// ONNX `Gemm` with transB = 1.
    Gemm(Gemm),
    /// ONNX `Relu`.
    Relu,
    /// ONNX `Sigmoid`.
    Sigmoid,
    /// ONNX `Tanh`.
    Tanh,
    /// ONNX `Mul` of two values of equal shape; `x · x` is the square.
    Mul,
    /// ONNX `Add` of two values of equal shape.
    Add,
    /// ONNX `Sub` of two values of equal shape.
    Sub,
    /// ONNX `MaxPool` (NCHW): the greatest of the elements in the window, which the padding has none of.
    MaxPool2d(MaxPool2d),
    /// ONNX `AveragePool` (NCHW, no padding).
    AvgPool2d(AvgPool2d),
    /// ONNX `BatchNormalization` at inference.
    BatchNorm(BatchNorm),
    /// ONNX `LayerNormalization`.
    LayerNorm(LayerNorm),
    /// ONNX `Flatten` at axis 1.
    Flatten,
    /// ONNX `Reshape` to a static shape.
    Reshape(Reshape),
    /// ONNX `Concat` of values.
    Concat(Concat),
}

/// How nodes of each ONNX operator are read.
const IMPORTS: [&[Import]; 9] = [
    activation::IMPORTS,
    alias::IMPORTS,
    arithmetic::IMPORTS,
    concat::IMPORTS,
    convolution::IMPORTS,
    dense::IMPORTS,
    normalisation::IMPORTS,
    pool::IMPORTS,
    shape::IMPORTS,
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
            Self::Gemm(op) => op,
            Self::Relu => &Activation::Relu,
            Self::Sigmoid => &Activation::Sigmoid,
            Self::Tanh => &Activation::Tanh,
            Self::Mul => &Arithmetic::Mul,
            Self::Add => &Arithmetic::Add,
            Self::Sub => &Arithmetic::Sub,
            Self::MaxPool2d(op) => op,
            Self::AvgPool2d(op) => op,
            Self::BatchNorm(op) => op,
            Self::LayerNorm(op) => op,
            Self::Flatten => &Flatten,
            Self::Reshape(op) => op,
            Self::Concat(op) => op,
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
            Self::Gemm(op) => op.parameters_mut(),
            Self::BatchNorm(op) => op.parameters_mut(),
            Self::LayerNorm(op) => op.parameters_mut(),
            Self::Relu
            | Self::Sigmoid
            | Self::Tanh
            | Self::Mul
            | Self::Add
            | Self::Sub
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
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_onnx_operator_is_read_by_one_module() {
        let names = IMPORTS.into_iter().flatten().map(|import| import.operator);
        let distinct: HashSet<&str> = names.clone().collect();
        assert_eq!(distinct.len(), names.count());
        assert!(import("Conv").is_some() && import("Tile").is_none());
    }
}
