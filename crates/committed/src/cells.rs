//! Where a circuit's cells go: by layer, and by what they are for.

use evmbench_backend::Operator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommittedCircuit, least_logrows};

/// What one layer takes of a circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerCells {
    /// The layer, or which part of the circuit belongs to none.
    pub layer: String,
    /// Elements that are committed: they stand in columns of their own and take no cell.
    pub claims: usize,
    /// Cells of elements that are looked up.
    pub look_ups: usize,
    /// Cells of dot products: layers of weights, sums under powers of the challenge.
    pub contractions: usize,
    /// Cells of products, element by element.
    pub products: usize,
    /// Cells of sums and differences, element by element.
    pub additions: usize,
    /// Cells of constants that more than one operator reads.
    pub constants: usize,
    /// Cells of public values.
    pub public: usize,
}

impl LayerCells {
    /// All its cells.
    pub fn cells(&self) -> usize {
        self.look_ups + self.contractions + self.products + self.additions + self.constants + self.public
    }

    fn count(&mut self, operator: &Operator, cells: usize) {
        let purpose = match operator {
            Operator::LookUp(_) => &mut self.look_ups,
            Operator::Einsum { .. } => &mut self.contractions,
            Operator::Multiply => &mut self.products,
            Operator::Add | Operator::Subtract | Operator::Negate | Operator::AssertEqual => {
                &mut self.additions
            }
            // The others but constants take no cell.
            Operator::Constant(_)
            | Operator::Input
            | Operator::Reshape
            | Operator::Gather { .. }
            | Operator::Concatenate { .. } => &mut self.constants,
        };
        *purpose += cells;
    }

    fn add(&mut self, other: &Self) {
        self.claims += other.claims;
        self.look_ups += other.look_ups;
        self.contractions += other.contractions;
        self.products += other.products;
        self.additions += other.additions;
        self.constants += other.constants;
        self.public += other.public;
    }
}

/// Where all cells of a circuit go, and what keeps it from half as many rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellAccount {
    /// The input with the check of its range, each layer, and the sum of all checks with the public values.
    pub layers: Vec<LayerCells>,
    /// k, where the circuit has 2^k rows.
    pub logrows: u32,
    /// Columns side by side.
    pub inner_columns: usize,
    /// Cells that fewer rows, 2^(k − 1), have room for in as many columns.
    pub room_below: usize,
    /// The least k that the lookup table alone needs.
    pub table_logrows: u32,
}

impl CellAccount {
    /// The sum over all layers.
    pub fn total(&self) -> LayerCells {
        let mut total = LayerCells {
            layer: "total".to_owned(),
            ..LayerCells::default()
        };
        self.layers.iter().for_each(|layer| total.add(layer));
        total
    }

    /// What stands between the circuit and half as many rows: cells to be saved, 0 where the cells would fit and something else is
    /// in the way.
    pub fn cells_too_many(&self) -> usize {
        self.total().cells().saturating_sub(self.room_below)
    }
}

impl CommittedCircuit {
    /// Where its cells go. The powers of the challenge, which all checks share, belong to the layer that needs them first.
    ///
    /// # Panics
    /// Never: there is a node count for the input and for each step.
    pub fn cell_account(&self) -> CellAccount {
        let layout = &self.layout;
        let by_node = self
            .rules
            .cells_by_node(&layout.graph, self.inner_columns, self.logrows);
        let (public, by_node) = by_node.split_last().expect("public values come last");
        let nodes = layout.graph.nodes();
        let part = |layer: String, claims: usize, start: usize, end: usize| {
            let mut cells = LayerCells {
                layer,
                claims,
                ..LayerCells::default()
            };
            for (node, &count) in nodes[start..end].iter().zip(&by_node[start..end]) {
                cells.count(&node.operator, count);
            }
            cells
        };
        let input = &self.program.values[0];
        let first = layout.ends[0];
        let mut layers = vec![part(input.name.clone(), layout.sizes.input, 0, first)];
        for (index, ends) in layout.ends.windows(2).enumerate() {
            let claims = self.program.claims(index).into_iter().sum();
            let layer = self.program.values[index + 1].name.clone();
            layers.push(part(layer, claims, ends[0], ends[1]));
        }
        let last = *layout.ends.last().expect("the input's");
        let mut check = part("check and public values".to_owned(), 0, last, nodes.len());
        check.public = *public;
        layers.push(check);
        let below = self.rules.usable_rows(self.logrows.saturating_sub(1)) as usize;
        CellAccount {
            layers,
            logrows: self.logrows,
            inner_columns: self.inner_columns,
            // A further column is taken where the cells, and one more, fill all rows.
            room_below: (below * self.inner_columns).saturating_sub(2),
            table_logrows: least_logrows(0, layout.table, self.rules, self.inner_columns),
        }
    }
}
