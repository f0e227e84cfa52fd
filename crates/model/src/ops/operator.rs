//! What an operator of the layer graph must say about itself, and how ONNX nodes become operators.

use std::ops::Range;

use tract_onnx::pb::{AttributeProto, TensorProto};

use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::{BatchNorm, Conv2d, Gemm, LayerNorm, Op, Reshape};
use crate::program::{ProgramError, ValueId};
use crate::tensor::{Tensor, Window};
use crate::wire::constant::Constant;
use crate::wire::proto::floats;
use crate::wire::reading::Reading;

/// The operator set of files, but for operators that came later.
pub(crate) const OPSET: i64 = 14;

/// An operator with its parameters: its shape, its ONNX node, its integers.
///
/// What has a default is what most operators do; the defaults are safe for any.
pub(crate) trait Operator {
    /// The ONNX operator that it is written as.
    fn onnx_name(&self) -> &'static str;

    /// Parameters in ONNX input order, each under its name in a `PyTorch` state dictionary.
    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        Vec::new()
    }

    /// As [`Self::parameters`], to write to.
    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        Vec::new()
    }

    /// Shape of the output for inputs of these shapes, or why they do not fit.
    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String>;

    /// The attributes of its ONNX node: every one that decides a shape, defaults too, because EZKL's loader needs `strides` to
    /// be there.
    fn attributes(&self) -> Vec<AttributeProto> {
        Vec::new()
    }

    /// The constants that follow the inputs of its ONNX node, for a node of this name.
    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        let parameters = self.parameters().into_iter();
        parameters
            .map(|(name, tensor)| floats(format!("{node}.{name}"), &tensor.shape, &tensor.data))
            .collect()
    }

    /// The operator set that its ONNX node needs.
    fn opset(&self) -> i64 {
        OPSET
    }

    /// Multiplications of a value with a weight for each element of the output.
    fn multiply_adds_per_output(&self) -> usize {
        0
    }

    /// Whether its steps compute it for all integers, but where it has [said](Lowering::assume) that they do not. Of an operator
    /// that says nothing, all that it reads must stay within the bounds that it was written for.
    fn states_bounds(&self) -> bool {
        false
    }

    /// How many of the values that it reads may be rounded because it multiplies them with others, or with weights.
    fn roundings(&self) -> usize {
        usize::from(!self.parameters().is_empty())
    }

    /// How many tiles can share its outputs at most; none where it has no tiles.
    fn most_tiles(&self) -> Option<usize> {
        None
    }

    /// The layer with some of so many tiles' outputs, and the channels of its input that it then reads; none where it reads all.
    fn tile(&self, _tiles: Range<usize>) -> Option<(Op, Option<Range<usize>>)> {
        None
    }

    /// Elements of each mean inside of it that a direct circuit computes by a factor, for an input of this shape.
    fn mean_elements(&self, _input: &[usize]) -> Option<usize> {
        None
    }

    /// Which kinds of elements its ONNX node takes where it is given these, one for each input, and which it then gives.
    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        (vec![Elements::Floats; given.len()], Elements::Floats)
    }

    /// Its result, where that is known from the file alone.
    fn constant(&self) -> Option<&Tensor> {
        None
    }

    /// What EZKL's loader makes of it in a direct circuit, as far as the integer reference follows that.
    fn direct(&self) -> Direct<'_> {
        Direct::Other
    }

    /// How it bounds a value that it reads through a table. With `None` the value is claimed as it is, and rounded where a table
    /// reads what is made of it. Only an operator whose output has every element that it reads may answer with what reads its
    /// output: what a table does not see is not bounded.
    fn table_reader(&self, _read: &ReadThrough<'_>) -> Option<TableReader> {
        None
    }

    /// Whether its steps are right whatever the first axis of what it reads and gives is: a batch of several, or no batch at all.
    /// With `false` it is not covered where that axis is not 1.
    fn takes_any_batch(&self) -> bool {
        false
    }

    /// Writes it as steps of the integer program, each with its scale and its bounds; the value that is its output.
    ///
    /// # Errors
    /// [`ProgramError::NotCovered`] and [`ProgramError::TooLarge`].
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError>;
}

/// A kind of elements in a file. The graph computes with all of them as with real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elements {
    /// `f32`.
    Floats,
    /// `i64`.
    Positions,
    /// Truth values.
    Truth,
}

impl Elements {
    /// Of values that an operator puts side by side or chooses between: as they are where all are of one kind.
    pub(super) fn side_by_side(given: &[Self]) -> (Vec<Self>, Self) {
        let kind = match given {
            [first, others @ ..] if others.iter().all(|other| other == first) => *first,
            _ => Self::Floats,
        };
        (vec![kind; given.len()], kind)
    }
}

/// What EZKL's ONNX loader makes of an operator in a direct circuit.
pub(crate) enum Direct<'a> {
    /// A convolution with constant filters.
    Convolution(&'a Conv2d),
    /// A matrix product with a constant, and a sum.
    Dense(&'a Gemm),
    /// A product and a sum with a constant for each channel.
    BatchNorm(&'a BatchNorm),
    /// Layer normalisation, step by step.
    LayerNorm(&'a LayerNorm),
    /// A sum of two values.
    Add,
    /// A difference of two values.
    Subtract,
    /// A product of two values, or a square.
    Multiply,
    /// max(x, 0).
    Relu,
    /// A table of sigmoid.
    Sigmoid,
    /// A table of tanh.
    Tanh,
    /// The greatest of each window.
    MaxPool(Window),
    /// The mean of each window.
    MeanPool(Window),
    /// The same elements in another shape.
    Reshape,
    /// It is not followed: a direct circuit is judged by its results alone.
    Other,
}

/// How nodes of an ONNX operator are read.
pub(crate) struct Import {
    /// The ONNX operator.
    pub(crate) operator: &'static str,
    /// Reads a node, or says why it is not covered.
    pub(crate) read: fn(&Reading<'_>) -> Result<Meaning, String>,
}

/// What an ONNX node stands for.
pub(crate) enum Meaning {
    /// An operator on values, which are the node's inputs at these positions.
    Apply(Op, Vec<usize>),
    /// Several operators.
    Composed(Composition),
    /// Its first output is another name for the input at this position.
    Alias(usize),
    /// A constant.
    Constant(Constant),
    /// Not known, since an input is not.
    Unknown,
}

impl Meaning {
    /// An operator on the first input alone.
    pub(crate) fn unary(op: Op, node: &Reading<'_>) -> Result<Self, String> {
        Ok(Self::Apply(op, vec![node.argument(0)?]))
    }

    /// An operator on the first two inputs.
    pub(crate) fn binary(op: Op, node: &Reading<'_>) -> Result<Self, String> {
        Ok(Self::Apply(op, vec![node.argument(0)?, node.argument(1)?]))
    }
}

/// A value of a [`Composition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The node's input at this position.
    Input(usize),
    /// The result of an operator of the composition.
    Result(usize),
}

/// Operators that an ONNX node stands for together: each reads inputs of the node and results of those before it.
#[derive(Debug)]
pub(crate) struct Composition {
    /// Sizes of the node's inputs; none of one that is left out.
    inputs: Vec<Option<Vec<usize>>>,
    operators: Vec<(Op, Vec<Part>)>,
    /// Sizes of their results.
    shapes: Vec<Vec<usize>>,
    outputs: Vec<Part>,
}

impl Composition {
    /// Without an operator yet; none where sizes of an input are not known.
    pub(crate) fn of(node: &Reading<'_>) -> Result<Option<Self>, String> {
        let mut inputs = Vec::new();
        for (position, name) in node.node().input.iter().enumerate() {
            let shape = if name.is_empty() {
                None
            } else {
                match node.shape(position)? {
                    None => return Ok(None),
                    known => known.map(<[usize]>::to_vec),
                }
            };
            inputs.push(shape);
        }
        Ok(Some(Self {
            inputs,
            operators: Vec::new(),
            shapes: Vec::new(),
            outputs: Vec::new(),
        }))
    }

    /// One operator on inputs of the node.
    pub(crate) fn single(op: Op, inputs: &[usize]) -> Self {
        let inputs = inputs.iter().copied().map(Part::Input).collect();
        Self {
            inputs: Vec::new(),
            operators: vec![(op, inputs)],
            shapes: Vec::new(),
            outputs: vec![Part::Result(0)],
        }
    }

    /// Sizes of a value.
    pub(crate) fn shape(&self, part: Part) -> Result<&[usize], String> {
        match part {
            Part::Input(position) => self
                .inputs
                .get(position)
                .and_then(Option::as_deref)
                .ok_or_else(|| format!("it has no input {position}")),
            Part::Result(index) => Ok(&self.shapes[index]),
        }
    }

    /// Adds an operator on values that are there.
    pub(crate) fn apply(&mut self, op: Op, inputs: &[Part]) -> Result<Part, String> {
        let shapes = inputs.iter().map(|&part| self.shape(part));
        let shapes: Vec<&[usize]> = shapes.collect::<Result<_, _>>()?;
        let shape = op
            .output_shape(&shapes)
            .map_err(|reason| format!("{}: {reason}", op.onnx_name()))?;
        self.operators.push((op, inputs.to_vec()));
        self.shapes.push(shape);
        Ok(Part::Result(self.operators.len() - 1))
    }

    /// Adds a constant.
    pub(crate) fn constant(&mut self, tensor: Tensor) -> Result<Part, String> {
        self.apply(Op::Constant(tensor), &[])
    }

    /// Adds an operator on a value and a number.
    pub(crate) fn with(&mut self, op: Op, value: Part, number: f32) -> Result<Part, String> {
        let number = self.constant(Tensor::new([], vec![number]))?;
        self.apply(op, &[value, number])
    }

    /// The elements of a value as they stand, in another shape.
    pub(crate) fn reshaped(&mut self, value: Part, shape: &[usize]) -> Result<Part, String> {
        if self.shape(value)? == shape {
            return Ok(value);
        }
        let shape = shape.to_vec();
        self.apply(Op::Reshape(Reshape { shape }), &[value])
    }

    /// All of it, with these values as the node's outputs.
    pub(crate) fn giving(mut self, outputs: Vec<Part>) -> Meaning {
        self.outputs = outputs;
        Meaning::Composed(self)
    }

    /// The value that is the node's output at a position.
    pub(crate) fn output(&self, position: usize) -> Option<Part> {
        self.outputs.get(position).copied()
    }

    /// The operators that these values need, in order, each with its number and what it reads.
    pub(crate) fn needed(self, outputs: &[Part]) -> Vec<(usize, Op, Vec<Part>)> {
        let mut is_needed = vec![false; self.operators.len()];
        let mark = |is_needed: &mut Vec<bool>, parts: &[Part]| {
            for part in parts {
                if let Part::Result(index) = part {
                    is_needed[*index] = true;
                }
            }
        };
        mark(&mut is_needed, outputs);
        for (index, (_, inputs)) in self.operators.iter().enumerate().rev() {
            if is_needed[index] {
                mark(&mut is_needed, inputs);
            }
        }
        let operators = self.operators.into_iter().enumerate();
        operators
            .filter(|&(index, _)| is_needed[index])
            .map(|(index, (op, inputs))| (index, op, inputs))
            .collect()
    }
}

/// A weight, and a bias where there is one.
pub(super) fn with_optional<T>(weight: (&'static str, T), bias: Option<T>) -> Vec<(&'static str, T)> {
    std::iter::once(weight)
        .chain(bias.map(|bias| ("bias", bias)))
        .collect()
}

/// Fails with a reason where something does not hold.
pub(super) fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// Fails where a parameter has another shape.
pub(super) fn ensure_shape(name: &str, parameter: Option<&Tensor>, shape: &[usize]) -> Result<(), String> {
    parameter.map_or(Ok(()), |tensor| {
        ensure(tensor.shape == shape, || {
            format!("{name} of shape {:?}, must be {shape:?}", tensor.shape)
        })
    })
}

/// The one input of an operator that takes one.
pub(super) fn single<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize], String> {
    match *inputs {
        [input] => Ok(input),
        _ => Err(format!("takes one input, not {}", inputs.len())),
    }
}
