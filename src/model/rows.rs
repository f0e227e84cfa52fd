//! Rows of EZKL's columns that hold nothing of a circuit: what 2^k rows are really worth.

/// Rows at the end of every column that hold no cell: five blinding factors, since no column of EZKL's is queried more than
/// three times, and the row before them (EZKL 23.0.5, `VarTensor::max_rows` in `src/tensor/var.rs`).
pub const UNUSABLE_ROWS: u64 = 6;

/// Rows that a lookup table leaves free: five blinding factors, and three more to be safe (`RESERVED_BLINDING_ROWS_PAD` in
/// `src/circuit/table.rs`).
pub const ROWS_BESIDE_TABLE: u64 = 8;
