//! The exact integer reference: the integers of EZKL 23.0.5's honest witness for a layer graph.
//!
//! Where EZKL computes another function than ONNX's (it pads a maximum with zeros), the reference is ONNX's, so that the
//! comparison fails.
//!
//! Goes in: a [`Graph`], one `f32` tensor for each of its inputs, and what EZKL's resolved settings say about
//! quantisation. Comes out: for each input and output of the graph the integers that the circuit holds, with the
//! scale that they stand at (a value is its integer divided by 2^scale). They equal the public instances, element by
//! element.
//!
//! Three steps, each a module: `load` writes the graph as the elementary steps that EZKL's ONNX loader makes
//! of it, with batch norms folded into convolutions and layer norms taken apart; `scales` gives each step its scale,
//! as EZKL's graph builder does, and inserts the divisions; `execute` computes. The [`Lowered`] program between the
//! last two prints as a listing that an auditor can read. `batch_axis` refuses graphs whose convolutions EZKL misreads, and
//! `bounds` says what the integers can be for any input.
//!
//! A division by d admits two quotients for every value that d does not divide (see EZKL's `layouts::div`): the
//! circuit binds a result only to within a unit for each division. The integers here are the honest prover's.

mod arithmetic;
mod batch_axis;
mod bounds;
mod error;
mod execute;
mod load;
mod program;
mod scales;
mod settings;
#[cfg(test)]
mod tests;

use super::graph::{Graph, Tensor};
use super::ops::Direct;

pub use arithmetic::{integer_from_word, quantise};
pub use bounds::Bounds;
pub use error::IntegerError;
pub use program::Lowered;
pub use scales::ROWS_BESIDE_TABLE;
pub use settings::Quantisation;

/// The integers of one inference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegerRun {
    /// For each graph input its elements, row-major.
    pub inputs: Vec<Vec<i128>>,
    /// For each graph input the logarithm of its denominator.
    pub input_scales: Vec<i32>,
    /// For each graph output its elements, row-major.
    pub outputs: Vec<Vec<i128>>,
    /// For each graph output the logarithm of its denominator.
    pub output_scales: Vec<i32>,
}

/// Writes `graph` as the integer program that EZKL's circuit computes under these settings.
///
/// # Errors
/// [`IntegerError`] where the graph is outside what EZKL loads as expected, or a parameter cannot be quantised.
pub fn lower(graph: &Graph, quantisation: &Quantisation) -> Result<Lowered, IntegerError> {
    scales::assign(load::load(graph)?, quantisation)
}

/// Whether EZKL loads `graph` as expected, whatever the settings are.
///
/// # Errors
/// [`IntegerError`] where it does not.
pub fn check(graph: &Graph) -> Result<(), IntegerError> {
    load::load(graph).map(|_| ())
}

/// Whether each of the graph's operators is one whose circuit is followed here.
#[must_use]
pub fn is_followed(graph: &Graph) -> bool {
    let mut operators = graph.nodes.iter().map(|node| node.op.direct());
    operators.all(|direct| !matches!(direct, Direct::Other))
}

/// The integers that EZKL's honest witness holds for `graph` at `inputs`, one tensor for each graph input.
///
/// # Errors
/// As [`lower`]; and where the inputs do not fit the graph, an integer leaves `i128`, or EZKL has no witness because a
/// value is beyond its digits or its table.
pub fn run(
    graph: &Graph,
    inputs: &[Tensor],
    quantisation: &Quantisation,
) -> Result<IntegerRun, IntegerError> {
    lower(graph, quantisation)?.run(inputs)
}
