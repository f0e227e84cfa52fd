//! Models: layers of the suite and ONNX files as typed graphs, their inputs and their references.
//!
//! Goes in: a model of the suite and a seed, or a user's ONNX, weight and input files. Comes out:
//! ONNX bytes for the prover, `f32` inputs, what the model gives in `f32`, what the quantised
//! graph gives exactly, and the integer program that a committed circuit is laid out from. Shapes are
//! NCHW with batch 1.

pub mod calibrate;
pub mod cost;
pub mod float;
pub mod fold;
pub mod graph;
pub mod input;
pub mod integer;
pub mod layers;
mod masks;
pub mod onnx;
mod ops;
pub mod program;
pub mod quantise;
mod rms;
pub mod rounding;
pub mod split;
mod tensor;
pub mod weights;
mod wire;

pub use evmbench_schema::{interval, reach};
pub use evmbench_suite as suite;
