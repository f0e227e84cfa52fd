//! Rows of EZKL's columns that hold nothing of a circuit: what 2^k rows are really worth.

use evmbench_model::integer::ROWS_BESIDE_TABLE;

/// Rows at the end of every column that hold no cell: five blinding factors, since no column of EZKL's is queried more than
/// three times, and the row before them (EZKL 23.0.5, `VarTensor::max_rows` in `src/tensor/var.rs`).
const UNUSABLE_ROWS: u64 = 6;

/// The least k that EZKL takes (`src/graph/mod.rs`, `MIN_LOGROWS`).
pub(crate) const LEAST_LOGROWS: u32 = 6;

/// How many rows of a column can hold a cell, where the circuit has 2^`logrows`.
pub(crate) const fn usable_rows(logrows: u32) -> u64 {
    (1 << logrows) - UNUSABLE_ROWS
}

/// How many entries a table's column has room for.
pub(crate) const fn table_rows(logrows: u32) -> u64 {
    (1 << logrows) - ROWS_BESIDE_TABLE
}

/// The greatest entry of a lookup table of this range in 2^`logrows` rows: EZKL takes as many columns as hold the range, and
/// goes on counting until they are full (`largest` and `num_cols_required` in `src/circuit/table.rs`). `None` where no such
/// table can be.
pub(crate) fn table_end((least, greatest): (i128, i128), logrows: u32) -> Option<i128> {
    let rows = 1i128
        .checked_shl(logrows)?
        .checked_sub(i128::from(ROWS_BESIDE_TABLE))
        .filter(|&rows| rows > 0)?;
    let columns = greatest.checked_sub(least)?.checked_abs()? / rows + 1;
    least.checked_add(columns.checked_mul(rows)?)?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_end_where_their_columns_do() {
        // 2^6 rows less 8.
        assert_eq!(table_end((-40, 15), 6), Some(15));
        assert_eq!(table_end((-40, 14), 6), Some(15));
        assert_eq!(table_end((-40, 16), 6), Some(71));
        assert_eq!(table_end((0, 0), 6), Some(55));
        assert_eq!(table_end((0, 10), 3), None);
        assert_eq!(table_end((0, 10), 200), None);
        assert_eq!(table_end((i128::MIN, i128::MAX), 6), None);
        assert_eq!(table_end((i128::MAX, i128::MAX), 6), None);
    }
}
