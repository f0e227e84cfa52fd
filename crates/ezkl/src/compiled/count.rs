//! What EZKL counts when it lays a circuit out: cells, rows and different constants, to the last one.
//!
//! Cells are numbered row by row, a row holding one for each inner column; a block of columns holds the rows that can be used,
//! and the next block follows. The rules are those of EZKL 23.0.5's `src/circuit/ops/layouts.rs`: `pairwise`, `nonlinearity`,
//! `enforce_equality` and `identity` take a cell for each element of their result; `dot` begins a row, takes a cell for each
//! term, and fills its last row with zeros. Where a dot product goes on in another block, its last row there stands again
//! (`duplicate_every_n` in `src/tensor/mod.rs`). Committed tensors have columns of their own.

use std::collections::HashSet;
use std::rc::Rc;

use super::{Element, Frame, Graph, NodeId, Operator};
use crate::rows::usable_rows;

/// Sizes that EZKL's layout reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Cells, those that are left empty or stand again included (`coord`).
    pub cells: usize,
    /// Different elements among the constants, each of which takes a cell of a fixed column once (`constants`).
    pub constants: usize,
}

impl Counts {
    /// What EZKL counts for a circuit in this frame.
    pub fn of(graph: &Graph, frame: Frame) -> Self {
        Self {
            cells: cells_by_node(graph, frame.inner_columns, frame.logrows)
                .into_iter()
                .sum(),
            constants: constants(graph, frame.inner_columns).len(),
        }
    }

    /// Rows that hold a cell, if blocks stood below each other.
    pub fn rows(self, inner_columns: usize) -> usize {
        self.cells.div_ceil(inner_columns)
    }
}

/// Where the next cell is.
struct Cursor {
    cells: usize,
    columns: usize,
    /// Cells of a block.
    block: usize,
}

impl Cursor {
    /// A running sum over this many cells, which begins a row.
    fn accumulate(&mut self, terms: usize) {
        self.cells = self.cells.next_multiple_of(self.columns);
        let filled = terms.next_multiple_of(self.columns);
        let left = self.block - self.cells % self.block;
        let repeats = match filled.checked_sub(left) {
            None => 0,
            Some(beyond) => 1 + beyond / (self.block - self.columns),
        };
        self.cells += filled + repeats * self.columns;
    }
}

/// The cells that EZKL lays each node out in, then those of the public values, in so many columns side by side and 2^`logrows`
/// rows. What fills a row up belongs to the node that begins the next.
pub fn cells_by_node(graph: &Graph, inner_columns: usize, logrows: u32) -> Vec<usize> {
    let mut cursor = Cursor {
        cells: 0,
        columns: inner_columns,
        block: usable_rows(logrows) as usize * inner_columns,
    };
    let mut by_node = Vec::with_capacity(graph.nodes().len() + 1);
    for (node, readers) in graph.nodes().iter().zip(graph.readers()) {
        let before = cursor.cells;
        let elements = node.elements();
        match &node.operator {
            Operator::Constant(_) if readers > 1 => cursor.cells += elements,
            Operator::Input
            | Operator::Constant(_)
            | Operator::Reshape
            | Operator::Gather { .. }
            | Operator::Concatenate { .. } => {}
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Negate
            | Operator::LookUp(_)
            | Operator::AssertEqual => cursor.cells += elements,
            Operator::Einsum { terms, .. } => (0..elements).for_each(|_| cursor.accumulate(*terms)),
        }
        by_node.push(cursor.cells - before);
    }
    by_node.push(graph.outputs().iter().map(|&id| graph.len(id)).sum());
    by_node
}

/// What of a node has no cell yet: for each element a constant, or `None` where it has one. No list where all have one.
type Pending = Option<Rc<[Option<Element>]>>;

/// The different constants that are given a cell, with the zeros that fill rows.
fn constants(graph: &Graph, columns: usize) -> HashSet<Element> {
    let mut found = HashSet::new();
    let mut nodes: Vec<Pending> = Vec::with_capacity(graph.nodes().len());
    let mut assign = |pending: &Pending| {
        let elements = pending.iter().flat_map(|elements| elements.iter());
        found.extend(elements.flatten());
    };
    let mut fills_rows = false;
    for (node, readers) in graph.nodes().iter().zip(graph.readers()) {
        let of = |at: usize| &nodes[node.inputs[at].0];
        let own = match &node.operator {
            Operator::Input => None,
            Operator::Constant(elements) => {
                let elements: Pending = Some(elements.iter().copied().map(Some).collect());
                if readers > 1 {
                    assign(&elements);
                    None
                } else {
                    elements
                }
            }
            Operator::Reshape => of(0).clone(),
            Operator::Gather { axis, positions } => {
                let shape = graph.shape(node.inputs[0]);
                of(0)
                    .as_ref()
                    .map(|elements| gather(elements, shape, *axis, positions))
            }
            Operator::Concatenate { axis } => {
                let parts = node.inputs.iter().map(|id| nodes[id.0].as_deref());
                let parts: Vec<_> = parts.collect();
                parts
                    .iter()
                    .any(Option::is_some)
                    .then(|| concatenate(graph, &node.inputs, &parts, *axis))
            }
            operator => {
                node.inputs.iter().for_each(|id| assign(&nodes[id.0]));
                let terms = match operator {
                    Operator::Einsum { terms, .. } => *terms,
                    _ => columns,
                };
                fills_rows |= *operator == Operator::Negate || !terms.is_multiple_of(columns);
                None
            }
        };
        nodes.push(own);
    }
    for id in graph.outputs() {
        assign(&nodes[id.0]);
    }
    if fills_rows {
        found.insert(Element::ZERO);
    }
    found
}

fn gather(
    elements: &[Option<Element>],
    shape: &[usize],
    axis: usize,
    positions: &[usize],
) -> Rc<[Option<Element>]> {
    let inner: usize = shape[axis + 1..].iter().product();
    elements
        .chunks(shape[axis] * inner)
        .flat_map(|outer| positions.iter().flat_map(move |at| &outer[at * inner..][..inner]))
        .copied()
        .collect()
}

fn concatenate(
    graph: &Graph,
    inputs: &[NodeId],
    parts: &[Option<&[Option<Element>]>],
    axis: usize,
) -> Rc<[Option<Element>]> {
    let outer: usize = graph.shape(inputs[0])[..axis].iter().product();
    let mut elements = Vec::new();
    for place in 0..outer {
        for (&id, part) in inputs.iter().zip(parts) {
            let len = graph.len(id) / outer;
            match part {
                Some(part) => elements.extend_from_slice(&part[place * len..][..len]),
                None => elements.extend(std::iter::repeat_n(None, len)),
            }
        }
    }
    elements.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(inner_columns: usize, logrows: u32) -> Frame {
        Frame {
            inner_columns,
            logrows,
            table_range: (0, 0),
        }
    }

    fn elements(integers: &[i128]) -> Vec<Element> {
        integers.iter().copied().map(Element::from).collect()
    }

    #[test]
    fn a_dot_product_fills_whole_rows() {
        let mut graph = Graph::default();
        let input = graph.input(10);
        let table = graph.reshape(input, &[2, 5]);
        let weights = graph.constant(&[5], elements(&[1, 2, 3, 4, 1]));
        let products = graph.einsum("ij,j->i", table, weights);
        graph.output(products);
        let counts = |columns| Counts::of(&graph, frame(columns, 10));
        assert_eq!(
            counts(1),
            Counts {
                cells: 12,
                constants: 4
            }
        );
        // Two rows of three for each product, a zero at the end.
        assert_eq!(
            counts(3),
            Counts {
                cells: 14,
                constants: 5
            }
        );
        assert_eq!(
            counts(5),
            Counts {
                cells: 12,
                constants: 4
            }
        );
        assert_eq!(counts(3).rows(3), 5);
    }

    #[test]
    fn a_row_stands_again_in_the_next_block() {
        // 2^6 rows less 6.
        let mut graph = Graph::default();
        let input = graph.input(200);
        let product = graph.einsum("i,i->", input, input);
        assert_eq!(graph.shape(product), [1]);
        let cells = |columns| Counts::of(&graph, frame(columns, 6)).cells;
        // 57 new terms in every block after the first, the last of which is begun again at its end.
        assert_eq!(cells(1), 200 + 3);
        assert_eq!(cells(2), 200 + 2);
        assert_eq!(cells(4), 200);
    }

    #[test]
    fn a_constant_with_two_readers_has_cells() {
        let mut graph = Graph::default();
        let input = graph.input(3);
        let constant = graph.constant(&[3], elements(&[7, 7, -1]));
        let once = graph.multiply(input, constant);
        let counts = Counts::of(&graph, frame(1, 10));
        assert_eq!(
            counts,
            Counts {
                cells: 3,
                constants: 2
            }
        );
        graph.add(once, constant);
        let counts = Counts::of(&graph, frame(1, 10));
        assert_eq!(
            counts,
            Counts {
                cells: 9,
                constants: 2
            }
        );
    }

    #[test]
    fn constants_that_nothing_reads_are_not_counted() {
        let mut graph = Graph::default();
        let input = graph.input(2);
        let constant = graph.constant(&[2, 2], elements(&[1, 2, 3, 4]));
        let some = graph.gather(constant, 1, vec![1, 1]);
        let row = graph.reshape(input, &[1, 2]);
        let both = graph.concatenate(&[some, row], 0);
        assert_eq!(Counts::of(&graph, frame(1, 10)).constants, 0);
        graph.negate(both);
        // 2, 4, and the zero that is subtracted from.
        assert_eq!(
            Counts::of(&graph, frame(1, 10)),
            Counts {
                cells: 6,
                constants: 3
            }
        );
    }
}
