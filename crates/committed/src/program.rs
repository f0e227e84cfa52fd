//! The integer program: what a committed circuit computes, step by step, with the scale and the bounds of every tensor.
//!
//! A tensor's integers stand for real numbers: integer / unit. Steps come in topological order; each makes one value. A
//! [`Step::Claimed`] is where the circuit does not compute: its result is committed, and checked under the challenge.

use super::Integers;
use evmbench_model::graph::Window;
use evmbench_model::interval::Interval;

/// A value's number: the input is 0, then each step's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ValueId(pub(super) usize);

/// What is known of a value before any input is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    /// The name of the layer that it comes from.
    pub(super) name: String,
    /// Sizes, outermost first, batch axis included.
    pub(super) shape: Vec<usize>,
    /// What its integers can be.
    pub(super) interval: Interval,
    /// How many of its integer's units make 1 of the model's numbers.
    pub(super) unit: f64,
}

impl Value {
    /// What is known of its integers.
    pub(super) fn integers(&self) -> Integers {
        Integers {
            range: self.interval,
            unit: self.unit,
        }
    }
}

/// A linear layer with integer weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Linear {
    /// A convolution: weights O×(C/groups)×kh×kw, a bias for each output channel.
    Convolution {
        weight: Vec<i128>,
        weight_shape: [usize; 4],
        bias: Vec<i128>,
        window: Window,
        groups: usize,
    },
    /// Sums over windows, channel by channel.
    SumPool(Window),
    /// A factor and an addend for each channel.
    Affine { factor: Vec<i128>, addend: Vec<i128> },
    /// The value itself.
    Same,
}

/// How a claimed tensor is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its integers.
    Exact,
    /// Rounded: with t = multiplier · integer + ½·base^digits, the quotient and the remainder's digits of t / base^digits.
    /// The value is the quotient.
    Rounded {
        /// A power of two.
        multiplier: i128,
        /// Digits of the remainder, at least one.
        digits: u32,
        /// Whether the quotient's range must be checked where it is claimed, since nothing that reads it does.
        guarded: bool,
    },
}

/// How a value comes from earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A linear layer's result, committed and checked.
    Claimed {
        input: ValueId,
        linear: Linear,
        form: Form,
    },
    /// A fully connected layer: weights O×I, a bias for each output.
    Dense {
        input: ValueId,
        weight: Vec<i128>,
        outputs: usize,
        bias: Vec<i128>,
    },
    /// Sums over windows, channel by channel.
    SumPool { input: ValueId, window: Window },
    /// The largest of each window.
    MaxPool { input: ValueId, window: Window },
    /// max(x, 0).
    Rectify { input: ValueId },
    /// round(2^scale · sigmoid(x / 2^scale)).
    Sigmoid { input: ValueId, scale: u32 },
    /// round(2^scale · tanh(x / 2^scale)).
    Tanh { input: ValueId, scale: u32 },
    /// x · y.
    Multiply { left: ValueId, right: ValueId },
    /// x·2^left_shift ± y·2^right_shift.
    Combine {
        left: ValueId,
        left_shift: u32,
        right: ValueId,
        right_shift: u32,
        subtract: bool,
    },
    /// The same elements in another shape.
    Reshape { input: ValueId },
    /// Layer normalisation over all elements.
    LayerNorm {
        input: ValueId,
        scale: Vec<i128>,
        bias: Vec<i128>,
        /// Added to count² · variance, in units of the input squared.
        epsilon: i128,
        /// The logarithm of the numerator of the inverse square root.
        root_bits: u32,
    },
}

/// A program with its one input and one output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    /// The input first, then each step's result.
    pub(super) values: Vec<Value>,
    /// Steps; that with index i makes value i + 1.
    pub(super) steps: Vec<Step>,
    /// The output.
    pub(super) output: ValueId,
    /// The base of digits: 2^base_bits, one more than the largest entry of the rectifier's table.
    pub(super) base_bits: u32,
    /// Values that are rounded because a layer of weights reads them, beside those that a table asks for.
    pub(super) roundings: usize,
}

impl Program {
    pub(super) fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The base of digits.
    pub(super) fn base(&self) -> i128 {
        1 << self.base_bits
    }
}
