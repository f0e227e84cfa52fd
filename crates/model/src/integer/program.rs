//! The integer program between loading and executing: steps over values and constants, and its listing.
//!
//! Shapes are row-major. A scale is the logarithm of a denominator.

use std::fmt;

use super::super::graph::Window;

/// Where a step reads an operand from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The value with this number: the inputs first, then each step's result.
    Value(usize),
    /// The constant with this number.
    Constant(usize),
}

/// A step's operand: what it reads, multiplied by `2^shift` first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) source: Source,
    pub(super) shift: u32,
}

/// What a step computes from its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Image, filters and perhaps one addend for each channel.
    Convolve {
        window: Window,
        groups: usize,
    },
    /// Rows, and a matrix with a row for each output.
    MatrixProduct,
    /// Operands of equal rank, sizes of 1 repeated.
    Add,
    /// As `Add`.
    Subtract,
    /// As `Add`.
    Multiply,
    Square,
    /// Sum over the axes from the first named to the last.
    Sum {
        axis: usize,
    },
    /// The mean of the squares over those axes, divided as integers.
    MeanOfSquares {
        axis: usize,
    },
    /// `2^output_scale / sqrt(value / 2^scale)`, square root and reciprocal each rounded.
    ReciprocalRoot {
        output_scale: i32,
    },
    Relu,
    Sigmoid,
    Tanh,
    /// The greatest element of a window, which the padding has none of.
    MaxPool(Window),
    /// The sum of a window divided by the size of the window.
    MeanPool(Window),
    /// The same integers under another scale: a multiplication by 2^-`exponent`.
    Halve {
        exponent: i32,
    },
    Reshape,
}

/// One elementary operator of EZKL's graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The node of the layer graph that it comes from.
    pub(super) node: String,
    pub(super) operation: Operation,
    pub(super) operands: Vec<Operand>,
    /// The logarithm of what the result is divided by at last.
    pub(super) rescale: u32,
    pub(super) shape: Vec<usize>,
    /// Of the result.
    pub(super) scale: i32,
}

/// A parameter, or a number that the loader makes of parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Constant {
    /// The node that it was first read by.
    pub(super) node: String,
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<f32>,
    /// How many operands of steps read it: EZKL raises only the scale of a constant with one reader.
    pub(super) readers: usize,
    pub(super) scale: i32,
}

/// A graph input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) scale: i32,
}

/// Steps, in an order in which each reads only what stands before it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Program {
    pub(super) inputs: Vec<Input>,
    pub(super) constants: Vec<Constant>,
    pub(super) steps: Vec<Step>,
    /// The values that are the graph's outputs.
    pub(super) outputs: Vec<usize>,
}

/// What an honest prover's values must keep within.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    /// Largest magnitude that can be decomposed.
    pub(super) digits: i128,
    pub(super) lookup: (i128, i128),
    pub(super) epsilon: f64,
    pub(super) inputs_checked: bool,
    pub(super) outputs_checked: bool,
}

/// The integer program of a circuit, with every scale and division in place.
///
/// Its `Display` lists inputs, constants and steps with their scales, one a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    pub(super) program: Program,
    /// The constants' integers, in the constants' order.
    pub(super) integers: Vec<Vec<i128>>,
    pub(super) limits: Limits,
}

impl Program {
    /// Shape of an input or of a step's result.
    pub(super) fn shape(&self, value: usize) -> &[usize] {
        match value.checked_sub(self.inputs.len()) {
            None => &self.inputs[value].shape,
            Some(step) => &self.steps[step].shape,
        }
    }

    /// Scale of an input or of a step's result.
    pub(super) fn scale(&self, value: usize) -> i32 {
        match value.checked_sub(self.inputs.len()) {
            None => self.inputs[value].scale,
            Some(step) => self.steps[step].scale,
        }
    }

    /// Shape of what an operand reads.
    pub(super) fn source_shape(&self, source: Source) -> &[usize] {
        match source {
            Source::Value(value) => self.shape(value),
            Source::Constant(constant) => &self.constants[constant].shape,
        }
    }

    /// Scale of what an operand reads.
    pub(super) fn source_scale(&self, source: Source) -> i32 {
        match source {
            Source::Value(value) => self.scale(value),
            Source::Constant(constant) => self.constants[constant].scale,
        }
    }
}

impl From<Source> for Operand {
    fn from(source: Source) -> Self {
        Self { source, shift: 0 }
    }
}

impl Lowered {
    /// Elements that the circuit divides: rescaled results, means of windows, means of squares. For each that is no
    /// multiple of its divisor, EZKL accepts two quotients.
    pub fn divided_values(&self) -> u64 {
        let divisions = |step: &Step| {
            let mean = match step.operation {
                Operation::MeanOfSquares { .. } => true,
                Operation::MeanPool(window) => window.kernel != [1, 1],
                _ => false,
            };
            let elements = step.shape.iter().product::<usize>() as u64;
            elements * (u64::from(mean) + u64::from(step.rescale > 0))
        };
        self.program.steps.iter().map(divisions).sum()
    }
}

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        for (number, input) in program.inputs.iter().enumerate() {
            writeln!(
                f,
                "v{number} = input {} {:?} at 2^-{}",
                input.name, input.shape, input.scale
            )?;
        }
        for (number, constant) in program.constants.iter().enumerate() {
            // The loader's steps can give a constant away, as when a product becomes a shift.
            if constant.readers > 0 {
                writeln!(
                    f,
                    "c{number} = constant of {} {:?} at 2^-{}",
                    constant.node, constant.shape, constant.scale
                )?;
            }
        }
        for (step, number) in program.steps.iter().zip(program.inputs.len()..) {
            write!(f, "v{number} = {}(", step.operation)?;
            for (position, operand) in step.operands.iter().enumerate() {
                let comma = if position == 0 { "" } else { ", " };
                write!(f, "{comma}{operand}")?;
            }
            write!(f, ")")?;
            if step.rescale > 0 {
                write!(f, " / 2^{}", step.rescale)?;
            }
            writeln!(f, " {:?} at 2^-{} [{}]", step.shape, step.scale, step.node)?;
        }
        for output in &program.outputs {
            writeln!(f, "output v{output} at 2^-{}", program.scale(*output))?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Value(value) => write!(f, "v{value}")?,
            Source::Constant(constant) => write!(f, "c{constant}")?,
        }
        if self.shift > 0 {
            write!(f, " * 2^{}", self.shift)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windowed = |f: &mut fmt::Formatter<'_>, name: &str, window: &Window| {
            let Window {
                kernel: [height, width],
                stride: [down, across],
                padding,
            } = window;
            write!(
                f,
                "{name} {height}x{width} stride {down}x{across} padding {padding:?} "
            )
        };
        match self {
            Self::Convolve { window, groups } => {
                windowed(f, "convolve", window)?;
                write!(f, "groups {groups} ")
            }
            Self::MatrixProduct => f.write_str("matrix product"),
            Self::Add => f.write_str("add"),
            Self::Subtract => f.write_str("subtract"),
            Self::Multiply => f.write_str("multiply"),
            Self::Square => f.write_str("square"),
            Self::Sum { axis } => write!(f, "sum from axis {axis} "),
            Self::MeanOfSquares { axis } => write!(f, "mean of squares from axis {axis} "),
            Self::ReciprocalRoot { .. } => f.write_str("reciprocal of square root"),
            Self::Relu => f.write_str("relu"),
            Self::Sigmoid => f.write_str("sigmoid"),
            Self::Tanh => f.write_str("tanh"),
            Self::MaxPool(window) => windowed(f, "max pool", window),
            Self::MeanPool(window) => windowed(f, "mean pool", window),
            Self::Halve { exponent } => write!(f, "times 2^-{exponent} "),
            Self::Reshape => f.write_str("reshape"),
        }
    }
}
