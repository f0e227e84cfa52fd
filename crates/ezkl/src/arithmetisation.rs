//! EZKL's way of laying a circuit out, as a proving backend tells it.

use evmbench_backend::{Arithmetisation, Graph};

use crate::compiled;
use crate::rows::{LEAST_LOGROWS, table_rows, usable_rows};

/// EZKL's rules of rows, columns and cells.
#[derive(Debug, Clone, Copy)]
pub struct Ezkl;

impl Arithmetisation for Ezkl {
    fn least_logrows(&self) -> u32 {
        LEAST_LOGROWS
    }

    fn usable_rows(&self, logrows: u32) -> u64 {
        usable_rows(logrows)
    }

    fn table_rows(&self, logrows: u32) -> u64 {
        table_rows(logrows)
    }

    fn cells_by_node(&self, graph: &Graph, inner_columns: usize, logrows: u32) -> Vec<usize> {
        compiled::cells_by_node(graph, inner_columns, logrows)
    }
}
