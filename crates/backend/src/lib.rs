//! What a proving backend is told, and what it says of itself: circuits over the scalar field, the rules by which they are
//! laid out in rows and columns, and the trait by which it turns jobs into proofs. Nothing here belongs to one backend.
//!
//! A backend implements [`Arithmetisation`] and [`Prover`]; [`Recorded`] makes a second prover of any of them, which replays a
//! run that was recorded.

mod element;
mod failure;
mod graph;
mod phase;
mod prover;
mod recorded;

pub use element::{Element, FIELD_MODULUS};
pub use failure::Failure;
pub use graph::{Function, Graph, Node, NodeId, Operator, RECTIFIER_EXACT, RECTIFIER_EXPONENT, Table};

pub use phase::{Phase, PhaseMeasurement, PhaseSource};
pub use prover::{Observer, Proof, Provable, Prover, Silent};
pub use recorded::{Recorded, RecordedError};

/// The rows and columns that a circuit is laid out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Columns side by side.
    pub inner_columns: usize,
    /// k, where there are 2^k rows.
    pub logrows: u32,
    /// Least and greatest entry of the tables; (0, 0) where nothing is looked up.
    pub table_range: (i128, i128),
}

/// The rules by which a backend lays a circuit out in rows and columns.
pub trait Arithmetisation: std::fmt::Debug + Sync {
    /// The least k that the backend takes.
    fn least_logrows(&self) -> u32;

    /// Rows of a column that can hold a cell, of 2^`logrows`.
    fn usable_rows(&self, logrows: u32) -> u64;

    /// Entries that a lookup table's column has room for, of 2^`logrows`.
    fn table_rows(&self, logrows: u32) -> u64;

    /// Cells that each node is laid out in, committed inputs apart, then those of the public values.
    fn cells_by_node(&self, graph: &Graph, inner_columns: usize, logrows: u32) -> Vec<usize>;

    /// Cells that the circuit is laid out in, committed inputs apart.
    fn cells(&self, graph: &Graph, inner_columns: usize, logrows: u32) -> usize {
        self.cells_by_node(graph, inner_columns, logrows)
            .into_iter()
            .sum()
    }
}
