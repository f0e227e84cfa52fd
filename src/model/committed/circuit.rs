//! Circuit graphs: exact arithmetic over the scalar field, in the few operators whose layout in EZKL is known cell by cell.
//!
//! Goes in: operators pushed one by one. Comes out: nodes that [`compile`](super::compile) puts into EZKL's operators, and what
//! is looked up.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reading::{Reading, readings};
use crate::compiled::RECTIFIER_EXPONENT;

/// The largest v for which the rectifier's table gives v: beyond, the exponent shows.
pub(super) const RECTIFIER_EXACT: i128 = (1 << 19) - 1;

/// Whether EZKL's power rounds to v for every v from 0 to `greatest` where its input is labelled with this scale:
/// s · (v / s)^[`RECTIFIER_EXPONENT`] with s = 2^scale, which is furthest from v at the greatest v, or at s / e.
pub(super) fn rectifies_exactly(scale: u32, greatest: i128) -> bool {
    let (one, greatest) = (f64::from(scale).exp2(), greatest as f64);
    let error = |v: f64| (one * (v / one).powf(f64::from(RECTIFIER_EXPONENT)) - v).abs();
    // Below a half, and below what f64 may add to it.
    error(greatest).max(error(greatest.min(one / std::f64::consts::E))) < 0.49
}

/// A node's position in its circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) usize);

/// A table that elements are looked up in: one result for each input, and no proof for an input outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// max(v, 0), as round(v^[`RECTIFIER_EXPONENT`]): a negative number has no such power, and EZKL's cast of what is not
    /// a number is 0. Equal to max(v, 0) for every v up to [`RECTIFIER_EXACT`].
    Rectifier,
    /// round(2^scale · sigmoid(v / 2^scale)).
    Sigmoid,
    /// round(2^scale · tanh(v / 2^scale)).
    Tanh,
}

impl Table {
    /// Its name for people: that of the layer that it is made for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rectifier => "Relu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
        }
    }
}

/// What a circuit looks up in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Lookups {
    /// The table's function.
    pub table: Table,
    /// The scale that the function is taken at: 2^scale integers make 1.
    pub scale: u32,
    /// Elements that are looked up.
    pub elements: u64,
}

/// What a node computes from its inputs, element by element modulo the field's order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    /// A committed tensor, as a list.
    Input(String),
    /// Integers in the verifying key.
    Constant(Vec<i128>),
    /// The same elements in another shape.
    Reshape,
    /// The elements at these positions of an axis.
    Gather {
        /// The axis.
        axis: usize,
        /// The positions.
        positions: Vec<usize>,
    },
    /// a + b, shapes broadcast.
    Add,
    /// a − b, shapes broadcast.
    Subtract,
    /// a · b, shapes broadcast.
    Multiply,
    /// −a.
    Negate,
    /// The sum of all elements, of shape 1.
    Sum,
    /// A sum of products of two tensors, each output one dot product of this many terms.
    Einsum {
        /// In Einstein's notation.
        equation: String,
        /// Terms of each output.
        terms: usize,
    },
    /// Each element's result.
    Lookup(Table),
    /// The same elements, which EZKL takes to stand at a scale higher by this. Only tables ask for the scale.
    Relabel(u32),
}

/// An operator applied to earlier nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) operator: Operator,
    pub(super) inputs: Vec<NodeId>,
    pub(super) shape: Vec<usize>,
    /// The scale that EZKL takes the elements to stand at.
    pub(super) scale: u32,
}

impl Node {
    /// The table that the elements are looked up in, if they are.
    fn table(&self) -> Option<Table> {
        if let Operator::Lookup(table) = self.operator {
            Some(table)
        } else {
            None
        }
    }
}

/// A circuit under construction; nodes are in topological order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Circuit {
    nodes: Vec<Node>,
    outputs: Vec<(String, NodeId)>,
}

impl Circuit {
    /// Every node, each after those that it reads.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Public outputs by name, in the order of the instances.
    pub(super) fn outputs(&self) -> &[(String, NodeId)] {
        &self.outputs
    }

    /// A node's sizes, outermost first.
    pub(super) fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    /// Number of a node's elements.
    pub(super) fn len(&self, id: NodeId) -> usize {
        self.shape(id).iter().product()
    }

    /// What a node reads.
    pub(super) fn inputs(&self, id: NodeId) -> &[NodeId] {
        &self.nodes[id.0].inputs
    }

    /// The scale that EZKL takes a node's elements to stand at.
    pub(super) fn label(&self, id: NodeId) -> u32 {
        self.nodes[id.0].scale
    }

    fn push(&mut self, operator: Operator, inputs: &[NodeId], shape: &[usize]) -> NodeId {
        let scales = inputs.iter().map(|&id| self.nodes[id.0].scale);
        let scale = match operator {
            Operator::Multiply | Operator::Einsum { .. } => scales.sum(),
            Operator::Relabel(more) => scales.sum::<u32>() + more,
            Operator::Input(_)
            | Operator::Constant(_)
            | Operator::Reshape
            | Operator::Gather { .. }
            | Operator::Add
            | Operator::Subtract
            | Operator::Negate
            | Operator::Sum
            | Operator::Lookup(_) => scales.max().unwrap_or(0),
        };
        self.nodes.push(Node {
            operator,
            inputs: inputs.to_vec(),
            shape: shape.to_vec(),
            scale,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// A committed tensor of this many elements.
    pub(super) fn input(&mut self, name: &str, len: usize) -> NodeId {
        self.push(Operator::Input(name.to_owned()), &[], &[len])
    }

    /// Makes a node's elements public, after those of earlier outputs.
    pub(super) fn output(&mut self, name: &str, id: NodeId) {
        self.outputs.push((name.to_owned(), id));
    }

    /// Integers that the verifying key fixes. A constant that one node reads takes no cells.
    pub(super) fn constant(&mut self, shape: &[usize], integers: Vec<i128>) -> NodeId {
        self.push(Operator::Constant(integers), &[], shape)
    }

    /// One integer.
    fn scalar(&mut self, integer: i128) -> NodeId {
        self.constant(&[1], vec![integer])
    }

    /// The same elements in another shape.
    ///
    /// # Panics
    /// Where the other shape has another number of elements.
    pub(super) fn reshape(&mut self, id: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(id) == shape {
            return id;
        }
        assert_eq!(
            self.len(id),
            shape.iter().product::<usize>(),
            "a reshape keeps all elements"
        );
        self.push(Operator::Reshape, &[id], shape)
    }

    /// The elements at these positions of an axis; the node itself where they are all, in order.
    pub(super) fn gather(&mut self, id: NodeId, axis: usize, positions: Vec<usize>) -> NodeId {
        if positions.iter().copied().eq(0..self.shape(id)[axis]) {
            return id;
        }
        let mut shape = self.shape(id).to_vec();
        assert!(positions.iter().all(|&position| position < shape[axis]));
        shape[axis] = positions.len();
        self.push(Operator::Gather { axis, positions }, &[id], &shape)
    }

    /// Two nodes at the same scale: EZKL would multiply the one at the lower scale.
    fn level(&mut self, a: NodeId, b: NodeId) -> (NodeId, NodeId) {
        let (left, right) = (self.nodes[a.0].scale, self.nodes[b.0].scale);
        let highest = left.max(right);
        (self.relabel(a, highest - left), self.relabel(b, highest - right))
    }

    fn pairwise(&mut self, operator: Operator, a: NodeId, b: NodeId) -> NodeId {
        let shape = broadcast(self.shape(a), self.shape(b));
        self.push(operator, &[a, b], &shape)
    }

    /// a + b.
    pub(super) fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b) = self.level(a, b);
        self.pairwise(Operator::Add, a, b)
    }

    /// a − b.
    pub(super) fn subtract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (a, b) = self.level(a, b);
        self.pairwise(Operator::Subtract, a, b)
    }

    /// a · b.
    pub(super) fn multiply(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.pairwise(Operator::Multiply, a, b)
    }

    /// factor · a.
    pub(super) fn scale(&mut self, id: NodeId, factor: i128) -> NodeId {
        if factor == 1 {
            return id;
        }
        let factor = self.scalar(factor);
        self.multiply(id, factor)
    }

    /// a + addend.
    pub(super) fn offset(&mut self, id: NodeId, addend: i128) -> NodeId {
        if addend == 0 {
            return id;
        }
        let addend = self.scalar(addend);
        self.add(id, addend)
    }

    /// −a.
    pub(super) fn negate(&mut self, id: NodeId) -> NodeId {
        let shape = self.shape(id).to_vec();
        self.push(Operator::Negate, &[id], &shape)
    }

    /// minuend − a.
    pub(super) fn complement(&mut self, minuend: i128, id: NodeId) -> NodeId {
        if minuend == 0 {
            return self.negate(id);
        }
        let minuend = self.scalar(minuend);
        self.subtract(minuend, id)
    }

    /// The sum of all elements.
    pub(super) fn sum(&mut self, id: NodeId) -> NodeId {
        if self.len(id) == 1 {
            return self.reshape(id, &[1]);
        }
        self.push(Operator::Sum, &[id], &[1])
    }

    /// A sum of products of two tensors in Einstein's notation, in which every index of one letter is either in the output or
    /// in both inputs. The output has shape 1 where the notation has no index for it.
    pub(super) fn einsum(&mut self, equation: &str, a: NodeId, b: NodeId) -> NodeId {
        let (inputs, output) = equation.split_once("->").expect("an arrow");
        let (left, right) = inputs.split_once(',').expect("two inputs");
        let mut sizes = HashMap::new();
        for (letters, id) in [(left, a), (right, b)] {
            assert_eq!(letters.len(), self.shape(id).len(), "{equation}");
            for (letter, &size) in letters.chars().zip(self.shape(id)) {
                assert_eq!(*sizes.entry(letter).or_insert(size), size, "{equation}");
            }
        }
        let contracted = |letter: &char| left.contains(*letter) && !output.contains(*letter);
        let terms = sizes
            .iter()
            .filter(|(letter, _)| contracted(letter))
            .map(|(_, size)| size);
        let operator = Operator::Einsum {
            equation: equation.to_owned(),
            terms: terms.product(),
        };
        let shape: Vec<usize> = output.chars().map(|letter| sizes[&letter]).collect();
        let product = self.push(operator, &[a, b], &shape);
        if shape.is_empty() {
            self.reshape(product, &[1])
        } else {
            product
        }
    }

    /// Each element's result in a table.
    pub(super) fn lookup(&mut self, table: Table, id: NodeId) -> NodeId {
        let shape = self.shape(id).to_vec();
        self.push(Operator::Lookup(table), &[id], &shape)
    }

    /// The same elements at a scale that is higher by `scale`.
    pub(super) fn relabel(&mut self, id: NodeId, scale: u32) -> NodeId {
        if scale == 0 {
            return id;
        }
        let shape = self.shape(id).to_vec();
        self.push(Operator::Relabel(scale), &[id], &shape)
    }

    /// The last look-up of which some result is not read on the way to any of these nodes: its table, and its results.
    pub(super) fn partly_read_lookup(&self, roots: &[NodeId]) -> Option<(Table, NodeId)> {
        let readings = readings(self, roots);
        let nodes = self.nodes.iter().zip(&readings).enumerate();
        nodes.rev().find_map(|(index, (node, reading))| {
            let table = node.table().filter(|_| *reading != Reading::All)?;
            Some((table, NodeId(index)))
        })
    }

    /// What is looked up, by table: one for each function and each scale, in order.
    pub(super) fn lookups(&self) -> Vec<Lookups> {
        let mut elements: BTreeMap<(Table, u32), u64> = BTreeMap::new();
        for node in &self.nodes {
            if let Some(table) = node.table() {
                let looked_up: usize = node.shape.iter().product();
                *elements.entry((table, node.scale)).or_default() += looked_up as u64;
            }
        }
        let lookups = elements.into_iter();
        lookups
            .map(|((table, scale), elements)| Lookups {
                table,
                scale,
                elements,
            })
            .collect()
    }
}

/// The shape that two shapes broadcast to.
///
/// # Panics
/// Where they do not: a mistake of the caller's.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .map_or(1, |axis| shape[axis])
    };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (1, size) | (size, 1) => size,
            (left, right) => {
                assert_eq!(left, right, "{a:?} and {b:?} broadcast");
                left
            }
        })
        .collect()
}
