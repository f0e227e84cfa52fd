//! Whether a circuit computes the model's function: its own outputs on several inputs against a reference's.
//!
//! Goes in: a circuit's outputs, and those of a reference. Comes out: a [`FunctionCheck`], and by it an outcome. What is judged is the
//! circuit, before anything is proved ([`Trial`]); the numbers of a proof are compared by [`numerics`].
//!
//! Two references. Where the exact integer reference covers a model, every output of a circuit that EZKL made must equal its
//! integers. Every circuit, exact or not, is held against floats: a user's file against onnxruntime, which shares no code with
//! EZKL's reader of ONNX files nor with evmbench's; a file that evmbench has written itself against the float model.
//!
//! - Both are given the same inputs ([`probes`]), which the circuit's integers hold exactly.
//! - Fixed point costs something. How much is estimated on those inputs by the same model with every weight and every value
//!   rounded to the circuit's scale ([`evmbench_model::onnx::rounded`]). The tolerance of an output is [`ALLOWANCE`] times its greatest distance from the
//!   exact one, and one unit of the output.
//! - An error within the tolerance is what fixed point costs, if the tolerance is at most [`LEAST_RESOLUTION`] of the output's range.
//!   A greater tolerance could hide another function: [`Outcome::Imprecise`].
//! - An error beyond the tolerance is not explained. Beyond that part of the range, too, the circuit is
//!   of another function: [`Outcome::WrongFunction`]. Within it, a coarse step inside of an operator (one for the number of elements of a
//!   mean, for example) does as much, which onnxruntime has no value for: [`Outcome::Imprecise`].
//! - Where the circuit's integers are known exactly ([`KnownIntegers`]), no other function can hide in a tolerance. Then the error
//!   may be up to [`GREATEST_ERROR`] of the range, whatever explains it, and beyond it the numbers are lost. That the integers are of
//!   the user's file is a question of its own: what was read from it is held against onnxruntime in floats.
//!
//! Each output is judged by itself, and each of its elements, too ([`elements`]): neither hides behind a larger one.
//!
//! The range of an output is its greatest element less its least, over all inputs: an offset that all elements share says
//! nothing about them, so that the greatest magnitude would let errors pass. Where all elements are the same, up to the rounding of `f32`, there is no
//! other measure than that magnitude.

mod floats;
pub mod numerics;
mod onnxruntime;
mod probes;
mod trial;

pub use evmbench_schema::function::{
    ALLOWANCE, COUNT, ElementCheck, FunctionCheck, KnownIntegers, LEAST_INPUTS, LEAST_RESOLUTION,
};
use evmbench_schema::function::{Compared, READING, check_output, output_range, worst};

pub use floats::float_outputs;
pub use onnxruntime::{JudgeError, ONNXRUNTIME_VERSION, OnnxRuntime, Outputs};
pub use trial::{Trial, TrialError, check};
