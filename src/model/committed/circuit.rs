//! Circuit graphs: exact arithmetic over the scalar field, in the few operators whose layout in EZKL is known cell by cell.
//!
//! Goes in: operators pushed one by one. Comes out: ONNX bytes for EZKL, which must run with every scale at 0, and the
//! number of cells that EZKL 23.0.5 lays the operators out in.
//!
//! Two habits of EZKL's loader decide which operators there are. It pushes slices and concatenations up through what
//! they read, so that work is done once for each slice: a gather with constant positions costs nothing and stays where it
//! is. And it makes equal constants one, which it then decomposes into digits where it has more than one reader: every
//! constant here has one reader, scalars are sums of a 1 that is computed, and [`Circuit::twins`] tells whether two
//! constants are equal.

use std::collections::{BTreeMap, HashMap, HashSet};

use tract_onnx::pb::NodeProto;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::graph::Tensor;
use super::super::onnx::proto::{self, File};
use super::reading::{Reading, readings};

/// The operator set: `Einsum` came with 12, and 14 is what evmbench writes elsewhere too.
const OPSET: i64 = 14;

/// The exponent of the power that EZKL looks up as a rectifier: 1 − 2⁻²⁴, the largest `f32` below 1. A whole exponent would
/// be multiplied out.
pub const RECTIFIER_EXPONENT: f32 = 1.0 - 1.0 / 16_777_216.0;

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
    /// Integers, exact in `f32`, in the verifying key.
    Constant(Tensor),
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
    /// Scalars that are there already, by their value.
    scalars: HashMap<i128, NodeId>,
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

    /// A constant for one reader.
    ///
    /// # Panics
    /// Where an element is not a whole number: a mistake of the caller's.
    pub(super) fn constant(&mut self, shape: &[usize], data: Vec<f32>) -> NodeId {
        assert!(data.iter().all(|x| x.fract() == 0.0), "constants are integers");
        self.push(Operator::Constant(Tensor::new(shape, data)), &[], shape)
    }

    /// Tells which node is 1 and no constant.
    pub(super) fn set_one(&mut self, one: NodeId) {
        self.scalars.insert(1, one);
    }

    /// A whole number as one element: twice its half, and 1 more where it is odd.
    fn scalar(&mut self, value: i128) -> NodeId {
        if let Some(&scalar) = self.scalars.get(&value) {
            return scalar;
        }
        let scalar = if value <= 0 {
            let positive = self.scalar(if value == 0 { 1 } else { -value });
            if value == 0 {
                self.subtract(positive, positive)
            } else {
                self.negate(positive)
            }
        } else if value % 2 == 1 {
            let (one, even) = (self.scalar(1), self.scalar(value - 1));
            self.add(even, one)
        } else {
            let half = self.scalar(value / 2);
            self.add(half, half)
        };
        self.scalars.insert(value, scalar);
        scalar
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

    /// Whether two constants have the same shape and elements, so that the loader would make them one.
    pub(super) fn twins(&self) -> bool {
        let mut seen = HashSet::new();
        self.nodes.iter().any(|node| {
            let Operator::Constant(tensor) = &node.operator else {
                return false;
            };
            let bits: Vec<u32> = tensor.data.iter().map(|x| x.to_bits()).collect();
            !seen.insert((tensor.shape.clone(), bits))
        })
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

    /// What is looked up, by table: one for each function and each scale that its input is taken to stand at, in order. The
    /// loader computes once what two nodes compute alike.
    pub(super) fn lookups(&self) -> Vec<Lookups> {
        let mut elements: BTreeMap<(Table, u32), u64> = BTreeMap::new();
        for (node, again) in self.nodes.iter().zip(self.computed_again()) {
            if let Some(table) = node.table().filter(|_| !again) {
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

    /// Different numbers among the constants.
    pub(super) fn different_constants(&self) -> usize {
        let mut seen = HashSet::new();
        for node in &self.nodes {
            if let Operator::Constant(tensor) = &node.operator {
                seen.extend(tensor.data.iter().map(|x| x.to_bits()));
            }
        }
        seen.len()
    }

    /// The cells that EZKL lays the circuit out in with this many inner columns, committed inputs apart: a row holds one
    /// for each inner column. Dot products start on a row of their own and are padded to whole rows
    /// (`src/circuit/ops/layouts.rs`, `dot`, `sum` and `pairwise`). The few cells that it repeats where a dot product goes on
    /// in another column are left out.
    pub(super) fn cells(&self, inner_columns: usize) -> usize {
        let mut cells: usize = 0;
        for node in &self.nodes {
            let elements: usize = node.shape.iter().product();
            match &node.operator {
                Operator::Input(_)
                | Operator::Constant(_)
                | Operator::Reshape
                | Operator::Gather { .. }
                | Operator::Relabel(_) => {}
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Negate
                | Operator::Lookup(_) => cells += elements,
                Operator::Sum => {
                    let terms = self.len(node.inputs[0]);
                    cells = cells.next_multiple_of(inner_columns) + terms.next_multiple_of(inner_columns);
                }
                Operator::Einsum { terms, .. } => {
                    cells = cells.next_multiple_of(inner_columns)
                        + elements * terms.next_multiple_of(inner_columns);
                }
            }
        }
        let outputs: usize = self.outputs.iter().map(|&(_, id)| self.len(id)).sum();
        cells + outputs
    }

    /// The cells that EZKL's `gen_settings` counts: those of [`Self::cells`], one for each element of a committed input, which
    /// has a column of its own; of what a gather of a single position reads, which the loader makes a slice; and of what
    /// only changes its scale. Laid out for real, all are there already (`src/circuit/ops/layouts.rs`, `identity` and `slice`).
    /// The loader computes once what two nodes compute alike.
    pub(super) fn counted_cells(&self, inner_columns: usize) -> usize {
        let twins = self.computed_again();
        let more = self.nodes.iter().zip(&twins).filter(|(_, twin)| !**twin);
        let more = more.map(|(node, _)| match &node.operator {
            Operator::Input(_) | Operator::Relabel(_) => node.shape.iter().product(),
            Operator::Gather { positions, .. } if positions.len() == 1 => self.len(node.inputs[0]),
            Operator::Gather { .. }
            | Operator::Constant(_)
            | Operator::Reshape
            | Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Negate
            | Operator::Sum
            | Operator::Einsum { .. }
            | Operator::Lookup(_) => 0,
        });
        let more = more.sum::<usize>();
        let again = self.nodes.iter().zip(&twins).filter(|(_, twin)| **twin);
        let again = again.map(|(node, _)| match &node.operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Negate
            | Operator::Lookup(_) => node.shape.iter().product(),
            Operator::Input(_)
            | Operator::Constant(_)
            | Operator::Reshape
            | Operator::Gather { .. }
            | Operator::Sum
            | Operator::Einsum { .. }
            | Operator::Relabel(_) => 0,
        });
        self.cells(inner_columns) + more - again.sum::<usize>()
    }

    /// For each node, whether an earlier one computes the same of the same.
    fn computed_again(&self) -> Vec<bool> {
        let mut first: HashMap<(String, Vec<usize>), usize> = HashMap::new();
        let mut same: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let what = match &node.operator {
                Operator::Input(_) | Operator::Constant(_) => {
                    same.push(index);
                    continue;
                }
                // A reshape is told by what comes out of it, and the others by what they do.
                Operator::Reshape => format!("{:?}", node.shape),
                operator @ (Operator::Gather { .. }
                | Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Negate
                | Operator::Sum
                | Operator::Einsum { .. }
                | Operator::Lookup(_)
                | Operator::Relabel(_)) => format!("{operator:?}"),
            };
            let inputs = node.inputs.iter().map(|input| same[input.0]).collect();
            same.push(*first.entry((what, inputs)).or_insert(index));
        }
        same.iter()
            .enumerate()
            .map(|(index, &same)| same != index)
            .collect()
    }

    /// The circuit as an ONNX file.
    pub(super) fn onnx(&self) -> Vec<u8> {
        let mut file = File::default();
        for (index, node) in self.nodes.iter().enumerate() {
            self.write(index, node, &mut file);
        }
        for (name, id) in &self.outputs {
            file.nodes.push(NodeProto {
                name: format!("public.{name}"),
                op_type: "Identity".to_owned(),
                input: vec![self.name(*id)],
                output: vec![name.clone()],
                ..NodeProto::default()
            });
            file.outputs.push(proto::port(name, self.shape(*id)));
        }
        file.encode(OPSET)
    }

    fn name(&self, id: NodeId) -> String {
        if let Operator::Input(name) = &self.nodes[id.0].operator {
            name.clone()
        } else {
            format!("v{}", id.0)
        }
    }

    fn write(&self, index: usize, node: &Node, file: &mut File) {
        let output = self.name(NodeId(index));
        let mut inputs: Vec<String> = node.inputs.iter().map(|&id| self.name(id)).collect();
        let mut attribute = Vec::new();
        let mut with = |tensor: tract_onnx::pb::TensorProto, file: &mut File| {
            inputs.push(tensor.name.clone());
            file.initializers.push(tensor);
        };
        let op_type = match &node.operator {
            Operator::Input(name) => {
                file.inputs.push(proto::port(name, &node.shape));
                return;
            }
            Operator::Constant(tensor) => {
                file.initializers
                    .push(proto::floats(output, &tensor.shape, &tensor.data));
                return;
            }
            Operator::Reshape => {
                with(proto::sizes(format!("{output}.shape"), &node.shape), file);
                "Reshape"
            }
            Operator::Gather { axis, positions } => {
                with(proto::sizes(format!("{output}.positions"), positions), file);
                attribute.push(proto::int("axis", proto::signed(*axis)));
                "Gather"
            }
            Operator::Add => "Add",
            Operator::Subtract => "Sub",
            Operator::Multiply => "Mul",
            Operator::Negate => "Neg",
            Operator::Sum => {
                // Without axes, all are summed; what is left is kept as axes of size 1 or dropped.
                attribute.push(proto::int("keepdims", 0));
                let scalar = format!("{output}.scalar");
                file.nodes.push(NodeProto {
                    name: format!("{output}.sum"),
                    op_type: "ReduceSum".to_owned(),
                    input: inputs.clone(),
                    output: vec![scalar.clone()],
                    attribute: std::mem::take(&mut attribute),
                    ..NodeProto::default()
                });
                inputs = vec![scalar];
                let shape = proto::sizes(format!("{output}.shape"), &node.shape);
                inputs.push(shape.name.clone());
                file.initializers.push(shape);
                "Reshape"
            }
            Operator::Einsum { equation, .. } => {
                attribute.push(proto::string("equation", equation));
                "Einsum"
            }
            Operator::Lookup(Table::Rectifier) => {
                with(
                    proto::floats(format!("{output}.exponent"), &[], &[RECTIFIER_EXPONENT]),
                    file,
                );
                "Pow"
            }
            Operator::Lookup(Table::Sigmoid) => "Sigmoid",
            Operator::Lookup(Table::Tanh) => "Tanh",
            // EZKL reads a product with 2^−n as a change of scale, and lays nothing out.
            Operator::Relabel(scale) => {
                let factor = (-f64::from(*scale)).exp2() as f32;
                with(proto::floats(format!("{output}.unit"), &[], &[factor]), file);
                "Mul"
            }
        };
        file.nodes.push(NodeProto {
            name: format!("n{index}"),
            op_type: op_type.to_owned(),
            input: inputs,
            output: vec![output],
            attribute,
            ..NodeProto::default()
        });
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
