//! ONNX's messages: what a node says, constants, and the pieces that files are written from.
//!
//! Operators are read from these messages and written to them; whole files are the business of [`crate::onnx`].

pub(crate) mod constant;
pub(crate) mod node;
pub(crate) mod proto;
pub(crate) mod reading;
