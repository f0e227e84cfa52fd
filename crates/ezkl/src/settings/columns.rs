//! What of the settings decides the circuit's columns, beside rows, inner columns and tables.

use serde::Deserialize;
use serde_json::Value;

/// The fields, under EZKL's names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Columns {
    pub(crate) total_const_size: u64,
    pub(crate) total_dynamic_col_size: u64,
    pub(crate) num_dynamic_lookups: u64,
    pub(crate) num_shuffles: u64,
    pub(crate) total_shuffle_col_size: u64,
    pub(crate) model_instance_shapes: Vec<Vec<u64>>,
    pub(crate) module_sizes: ModuleSizes,
    pub(crate) required_lookups: Vec<Value>,
    pub(crate) required_range_checks: Vec<(i128, i128)>,
}

/// The sizes of what is not a layer's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ModuleSizes {
    /// Elements of each committed tensor.
    pub(crate) polycommit: Vec<u64>,
    /// Rows of the hashes, and their number.
    pub(crate) poseidon: (u64, Vec<u64>),
}
