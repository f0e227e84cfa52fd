//! The integer program: what a committed circuit computes, step by step, with the scale and the bounds of every tensor.
//!
//! A tensor's integers stand for real numbers: integer / unit. Steps come in topological order; each makes one value. A
//! [`Step::Claimed`] is where a circuit does not compute: its result is committed, and checked under the challenge.
//!
//! Steps are few, and no backend's: every operator of the layer graph is written as some of them. Whoever lays a program out
//! decides about each, so that a new step is a change to the protocol, and a new operator is not.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

mod bounds;
mod domain;
mod error;
mod execute;
mod held;
mod linear;
mod tabulated;

pub use bounds::{Bounds, LookUpTable, LooseRange};
pub use domain::Domain;
pub(crate) use domain::{FRACTION, NEGATED, quotient_bounds};
pub use error::ProgramError;
pub use execute::{RootDigits, Trace};
pub(crate) use linear::hull;
pub use tabulated::Tabulated;

pub use evmbench_schema::committed::DEFAULT_DIGIT_BITS;

use crate::interval::Interval;
use crate::tensor::Window;

/// Bits that the base of digits may have. The table ends at the base less one, where the rectifier is still exact, and with
/// fewer bits the rows that it leaves free would be a large part of it.
pub const DIGIT_BITS: std::ops::RangeInclusive<u32> = 8..=18;

/// What values that are looked up keep free below the table's end on the negative side, where a few rows of the table are
/// blinding.
pub const TABLE_MARGIN: i128 = 16;

/// A value's number: the input is 0, then each step's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

/// What is known of a tensor's integers before any input is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integers {
    /// What they can be.
    pub range: Interval,
    /// How many make 1 of the model's numbers.
    pub unit: f64,
}

impl Integers {
    /// A model's input with so many bits after the binary point, which may be negative, of elements of at most this magnitude in the model's numbers.
    pub fn of_input(bits: impl Into<f64>, bound: f64) -> Self {
        let unit = bits.into().exp2();
        Self {
            range: Interval::symmetric((bound * unit).round() as i128),
            unit,
        }
    }

    /// Whether these are the model's numbers themselves: where nothing else is known of an input, it counts as whole numbers then.
    pub fn are_the_numbers(&self) -> bool {
        self.unit.to_bits() == 1.0_f64.to_bits()
    }
}

/// What is known of a value before any input is.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The name of the layer that it comes from.
    pub name: String,
    /// Sizes, outermost first, batch axis included.
    pub shape: Vec<usize>,
    /// What its integers can be.
    pub interval: Interval,
    /// How many of its integer's units make 1 of the model's numbers.
    pub unit: f64,
    /// Whether the model's numbers are whole, and these are them without a rounding: truth values, positions, and what is computed
    /// of them.
    pub is_whole: bool,
}

impl Value {
    /// What is known of its integers.
    pub fn integers(&self) -> Integers {
        Integers {
            range: self.interval,
            unit: self.unit,
        }
    }
}

/// A layer that is linear in what it reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Linear {
    /// A convolution.
    Convolution {
        /// O×(C/groups)×kh×kw.
        weight: Vec<i128>,
        /// Those sizes.
        weight_shape: [usize; 4],
        /// One for each output channel.
        bias: Vec<i128>,
        /// Kernel, stride and padding.
        window: Window,
        /// 1 for a full convolution, C for a depthwise one.
        groups: usize,
    },
    /// Sums over windows, channel by channel.
    SumPool(Window),
    /// A factor and an addend for each channel.
    Affine {
        /// One for each channel.
        factor: Vec<i128>,
        /// One for each channel.
        addend: Vec<i128>,
    },
    /// The value itself.
    Same,
    /// A fully connected layer of each row.
    Dense {
        /// O×I.
        weight: Vec<i128>,
        /// One for each output.
        bias: Vec<i128>,
        /// Rows of I elements each.
        rows: usize,
    },
    /// A product of matrices, one for each head: linear in either of them.
    Product {
        /// The right one, heads × inner × columns; the layer's input is heads × rows × inner.
        right: ValueId,
        /// Heads, rows, inner size and columns.
        sizes: [usize; 4],
    },
}

/// How a claimed tensor is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Its integers.
    Exact,
    /// Its integers, as digits of so many numbers each, most significant first: what is claimed is the integer, and half of
    /// base^digits more where it can be negative. A claim of this form is bounded, and one that is exact is not.
    Digits {
        /// At least one.
        digits: u32,
    },
    /// Rounded: with t = multiplier · integer + ½·base^digits, the quotient and the remainder's digits of t / base^digits.
    /// The value is the quotient.
    Rounded {
        /// More than 0: a power of two, but where two units differ by another ratio.
        multiplier: i128,
        /// Digits of the remainder, at least one.
        digits: u32,
        /// Whether the quotient's range must be checked where it is claimed, since nothing that reads it does.
        guarded: bool,
        /// The greatest magnitude of the quotient, where its look-up bounds it and not what it is made of: a greater one has no
        /// proof.
        limit: Option<i128>,
    },
}

/// A value that a step reads, each element times 2^`shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// The value.
    pub value: ValueId,
    /// The logarithm of the factor.
    pub shift: u32,
}

/// A value times a whole number, as a part of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The value.
    pub value: ValueId,
    /// The factor.
    pub factor: i128,
}

/// In which order elements stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// As they stood.
    Kept,
    /// Those at these positions; a position may be there several times, or not at all.
    Picked(Vec<usize>),
}

/// How a value comes from earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A linear layer's result, committed and checked.
    Claimed {
        /// What it reads.
        input: ValueId,
        /// The layer.
        linear: Linear,
        /// How its result is committed.
        form: Form,
    },
    /// Sums over windows, channel by channel.
    SumPool {
        /// What it reads.
        input: ValueId,
        /// Kernel, stride and padding.
        window: Window,
    },
    /// The largest of each window.
    MaxPool {
        /// What it reads.
        input: ValueId,
        /// Kernel, stride and padding.
        window: Window,
    },
    /// max(x, 0).
    Rectify {
        /// x.
        input: ValueId,
    },
    /// round(2^scale · f(x / 2^scale)).
    Tabulated {
        /// x.
        input: ValueId,
        /// f.
        function: Tabulated,
        /// The logarithm of the number of integers that make 1.
        scale: u32,
    },
    /// x · y.
    Multiply {
        /// x.
        left: ValueId,
        /// y.
        right: ValueId,
    },
    /// Σ factor · value + addend, element by element.
    Sum {
        /// Values of as many elements each; at least one.
        terms: Vec<Term>,
        /// Added to each element.
        addend: i128,
    },
    /// Integers that the circuit's key fixes.
    Constant {
        /// The elements, row-major.
        elements: Vec<i128>,
    },
    /// The elements of all operands, one operand after the other and each row-major, in another order or shape.
    Rearrange {
        /// Where the elements come from; at least one.
        operands: Vec<Operand>,
        /// Which of them stand where in the result, row-major.
        order: Order,
    },
    /// ⌊multiplier · x / y + ½⌋, element by element, claimed with its remainder.
    Divide {
        /// x.
        numerator: ValueId,
        /// y, which is positive.
        denominator: ValueId,
        /// A positive number.
        multiplier: i128,
    },
    /// Layer normalisation of each row.
    LayerNorm {
        /// What it reads.
        input: ValueId,
        /// Rows, each of as many elements.
        rows: usize,
        /// γ, one for each element of all rows.
        scale: Vec<i128>,
        /// β likewise, times the numerator of the inverse square root.
        bias: Vec<i128>,
        /// Added to count² · variance, in units of the input squared.
        epsilon: i128,
        /// The logarithm of the numerator of the inverse square root.
        root_bits: u32,
    },
}

/// A program with its one input, in which several follow one another, and its one output.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The input first, then each step's result.
    pub values: Vec<Value>,
    /// Steps; that with index i makes value i + 1.
    pub steps: Vec<Step>,
    /// The output; several are one, one after the other.
    pub output: ValueId,
    /// Elements of each of the model's outputs.
    pub output_sizes: Vec<usize>,
    /// The base of digits: 2^base_bits, one more than the largest entry of the rectifier's table.
    pub base_bits: u32,
    /// Values that are rounded because a layer of weights reads them, beside those that a table asks for.
    pub roundings: usize,
    /// What the integers of some values are, whatever integers the input has.
    pub always: Vec<(ValueId, Interval)>,
    /// Bounds of values beyond which the steps that read them are another function than the model's: something was left out
    /// because of them, or may have been.
    pub assumed: Vec<(ValueId, Interval)>,
}

impl Step {
    /// The values that it reads, each as often as it does.
    pub fn inputs(&self) -> Vec<ValueId> {
        match self {
            Self::Claimed {
                input,
                linear: Linear::Product { right, .. },
                ..
            } => vec![*input, *right],
            Self::Claimed { input, .. }
            | Self::SumPool { input, .. }
            | Self::MaxPool { input, .. }
            | Self::Rectify { input }
            | Self::Tabulated { input, .. }
            | Self::LayerNorm { input, .. } => vec![*input],
            Self::Multiply { left, right } => vec![*left, *right],
            Self::Sum { terms, .. } => terms.iter().map(|term| term.value).collect(),
            Self::Constant { .. } => Vec::new(),
            Self::Rearrange { operands, .. } => operands.iter().map(|operand| operand.value).collect(),
            Self::Divide {
                numerator,
                denominator,
                ..
            } => vec![*numerator, *denominator],
        }
    }
}

impl Program {
    /// What is known of a value.
    ///
    /// # Panics
    /// Where it is no value of this program.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Whether look-ups bound values, and not only what those are made of: an input in range may have no witness.
    pub fn is_calibrated(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded { limit: Some(_), .. },
                    ..
                }
            )
        })
    }

    /// Whether an input in range may have no witness: look-ups bound values, or hold them to where functions have results.
    pub fn is_partial(&self) -> bool {
        self.is_calibrated() || self.holds_results()
    }

    /// The base of digits.
    pub fn base(&self) -> i128 {
        1 << self.base_bits
    }
}
