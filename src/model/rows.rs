//! Rows of EZKL's columns that hold nothing of a circuit: what 2^k rows are really worth.

/// Rows at the end of every column that hold no cell: five blinding factors, since no column of EZKL's is queried more than
/// three times, and the row before them (EZKL 23.0.5, `VarTensor::max_rows` in `src/tensor/var.rs`).
const UNUSABLE_ROWS: u64 = 6;

/// Rows that a lookup table leaves free: five blinding factors, and three more to be safe (`RESERVED_BLINDING_ROWS_PAD` in
/// `src/circuit/table.rs`).
pub const ROWS_BESIDE_TABLE: u64 = 8;

/// How many rows of a column can hold a cell, where the circuit has 2^`logrows`.
pub const fn usable_rows(logrows: u32) -> u64 {
    (1 << logrows) - UNUSABLE_ROWS
}

/// How many entries a table's column has room for.
pub const fn table_rows(logrows: u32) -> u64 {
    (1 << logrows) - ROWS_BESIDE_TABLE
}
