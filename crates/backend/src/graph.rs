//! Operators over the scalar field, and the shapes of what they make.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Element;

/// The exponent of the power that is looked up as a rectifier: 1 − 2⁻²⁴, the largest `f32` below 1. EZKL multiplies out a
/// power with a whole exponent when it reads ONNX, and 1 would be the identity.
pub const RECTIFIER_EXPONENT: f32 = 1.0 - 1.0 / 16_777_216.0;

/// A node's position in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// The largest v for which the rectifier's table gives v: beyond, the exponent shows.
pub const RECTIFIER_EXACT: i128 = (1 << 19) - 1;

/// What a table computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// max(v, 0), as round(2^scale · (v / 2^scale)^[`RECTIFIER_EXPONENT`]): a negative number has no such power, and EZKL's
    /// cast of what is not a number is 0. At scale 0 it equals max(v, 0) for every v up to [`RECTIFIER_EXACT`].
    Rectifier,
    /// round(2^scale · sigmoid(v / 2^scale)).
    Sigmoid,
    /// round(2^scale · tanh(v / 2^scale)).
    Tanh,
    /// round(2^scale · e^(v / 2^scale)), where e is an `f32`.
    Exponential,
    /// round(2^scale · ln(v / 2^scale)).
    Logarithm,
    /// round(2^scale · √(v / 2^scale)).
    Root,
    /// round(2^scale · erf(v / 2^scale)).
    ErrorFunction,
    /// round(2^scale · cos(v / 2^scale)).
    Cosine,
    /// round(2^scale · sin(v / 2^scale)).
    Sine,
    /// round(2^scale · tan(v / 2^scale)).
    Tangent,
    /// round(2^scale · acos(v / 2^scale)).
    ArcCosine,
    /// round(2^scale · asin(v / 2^scale)).
    ArcSine,
    /// round(2^scale · atan(v / 2^scale)).
    ArcTangent,
    /// round(2^scale · cosh(v / 2^scale)).
    HyperbolicCosine,
    /// round(2^scale · sinh(v / 2^scale)).
    HyperbolicSine,
    /// round(2^scale · acosh(v / 2^scale)).
    AreaCosine,
    /// round(2^scale · asinh(v / 2^scale)).
    AreaSine,
    /// round(2^scale · atanh(v / 2^scale)).
    AreaTangent,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 18] = [
        Self::Rectifier,
        Self::Sigmoid,
        Self::Tanh,
        Self::Exponential,
        Self::Logarithm,
        Self::Root,
        Self::ErrorFunction,
        Self::Cosine,
        Self::Sine,
        Self::Tangent,
        Self::ArcCosine,
        Self::ArcSine,
        Self::ArcTangent,
        Self::HyperbolicCosine,
        Self::HyperbolicSine,
        Self::AreaCosine,
        Self::AreaSine,
        Self::AreaTangent,
    ];

    /// Its name for people: that of the layer that it is made for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rectifier => "Relu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
            Self::Exponential => "Exp",
            Self::Logarithm => "Log",
            Self::Root => "Sqrt",
            Self::ErrorFunction => "Erf",
            Self::Cosine => "Cos",
            Self::Sine => "Sin",
            Self::Tangent => "Tan",
            Self::ArcCosine => "Acos",
            Self::ArcSine => "Asin",
            Self::ArcTangent => "Atan",
            Self::HyperbolicCosine => "Cosh",
            Self::HyperbolicSine => "Sinh",
            Self::AreaCosine => "Acosh",
            Self::AreaSine => "Asinh",
            Self::AreaTangent => "Atanh",
        }
    }

    /// What EZKL's function has beside the unit: the exponent of a power, the base of an exponential.
    pub fn parameter(self) -> Option<f32> {
        match self {
            Self::Rectifier => Some(RECTIFIER_EXPONENT),
            Self::Root => Some(0.5),
            Self::Exponential => Some(std::f32::consts::E),
            Self::Sigmoid
            | Self::Tanh
            | Self::Logarithm
            | Self::ErrorFunction
            | Self::Cosine
            | Self::Sine
            | Self::Tangent
            | Self::ArcCosine
            | Self::ArcSine
            | Self::ArcTangent
            | Self::HyperbolicCosine
            | Self::HyperbolicSine
            | Self::AreaCosine
            | Self::AreaSine
            | Self::AreaTangent => None,
        }
    }
}

/// A function that elements are looked up in: one result for each entry of the table, and no proof for an element outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Function {
    /// What it computes.
    pub table: Table,
    /// The logarithm of the number of integers that make 1.
    pub scale: u32,
}

impl Function {
    /// max(v, 0).
    pub const RECTIFIER: Self = Self {
        table: Table::Rectifier,
        scale: 0,
    };
}

/// What a node computes from its inputs, element by element modulo the field's order.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// A committed tensor.
    Input,
    /// Elements in the verifying key.
    Constant(Vec<Element>),
    /// a + b, shapes broadcast.
    Add,
    /// a − b, shapes broadcast.
    Subtract,
    /// a · b, shapes broadcast.
    Multiply,
    /// −a.
    Negate,
    /// The same elements in another shape.
    Reshape,
    /// The elements at these positions of an axis.
    Gather {
        /// The axis.
        axis: usize,
        /// The positions.
        positions: Vec<usize>,
    },
    /// Tensors one after the other along an axis.
    Concatenate {
        /// The axis.
        axis: usize,
    },
    /// Sums of products of two tensors in Einstein's notation.
    Einsum {
        /// Every letter is in the output, or in both inputs.
        equation: String,
        /// Terms of each output.
        terms: usize,
    },
    /// Each element's result in a table.
    LookUp(Function),
    /// Equal elements, or no proof.
    AssertEqual,
}

/// An operator applied to earlier nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// To which nodes.
    pub inputs: Vec<NodeId>,
    /// Sizes of its result, outermost first; never empty.
    pub shape: Vec<usize>,
}

impl Node {
    /// Elements of its result.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A circuit under construction. Nodes are in the order in which they are laid out, each after those that it reads.
///
/// Every method that adds a node panics where shapes do not fit: a mistake of the caller's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    outputs: Vec<NodeId>,
}

impl Graph {
    /// Every node, each after those that it reads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// A node's sizes, outermost first.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.nodes[id.0].shape
    }

    /// Number of a node's elements.
    pub fn len(&self, id: NodeId) -> usize {
        self.nodes[id.0].elements()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The committed tensors, in the order of their commitments.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> {
        let inputs = self.nodes.iter().enumerate();
        let inputs = inputs.filter(|(_, node)| node.operator == Operator::Input);
        inputs.map(|(index, _)| NodeId(index))
    }

    /// The public tensors, in the order of the instances.
    pub fn outputs(&self) -> &[NodeId] {
        &self.outputs
    }

    /// How often each node is read by another.
    pub fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.nodes.len()];
        for input in self.nodes.iter().flat_map(|node| &node.inputs) {
            readers[input.0] += 1;
        }
        readers
    }

    /// What is looked up, each function once, in the order in which they are first read.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for node in &self.nodes {
            if let Operator::LookUp(function) = node.operator
                && !functions.contains(&function)
            {
                functions.push(function);
            }
        }
        functions
    }

    fn push(&mut self, operator: Operator, inputs: &[NodeId], shape: Vec<usize>) -> NodeId {
        assert!(
            !shape.is_empty() && shape.iter().all(|&size| size > 0),
            "{shape:?}"
        );
        assert!(
            inputs.iter().all(|input| input.0 < self.nodes.len()),
            "inputs come first"
        );
        self.nodes.push(Node {
            operator,
            inputs: inputs.to_vec(),
            shape,
        });
        NodeId(self.nodes.len() - 1)
    }

    /// A committed tensor of this many elements.
    pub fn input(&mut self, len: usize) -> NodeId {
        self.push(Operator::Input, &[], vec![len])
    }

    /// Makes a node's elements public, after those of earlier outputs.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn output(&mut self, id: NodeId) {
        assert!(id.0 < self.nodes.len(), "outputs are nodes");
        self.outputs.push(id);
    }

    /// Elements that the verifying key fixes.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn constant(&mut self, shape: &[usize], elements: Vec<Element>) -> NodeId {
        assert_eq!(elements.len(), shape.iter().product::<usize>(), "{shape:?}");
        self.push(Operator::Constant(elements), &[], shape.to_vec())
    }

    /// Integers that the verifying key fixes.
    pub fn integers(&mut self, shape: &[usize], integers: impl IntoIterator<Item = i128>) -> NodeId {
        self.constant(shape, integers.into_iter().map(Element::from).collect())
    }

    /// A node with axes of size 1 before its own, so that it has as many as asked for: EZKL broadcasts tensors of fewer axes
    /// along their first ones (`expand` in `src/tensor/mod.rs`), and everybody else along the last.
    fn of_rank(&mut self, id: NodeId, rank: usize) -> NodeId {
        let shape = self.shape(id);
        if shape.len() == rank {
            return id;
        }
        let shape = [&vec![1; rank - shape.len()], shape].concat();
        self.reshape(id, &shape)
    }

    fn pairwise(&mut self, operator: Operator, a: NodeId, b: NodeId) -> NodeId {
        let shape = broadcast(self.shape(a), self.shape(b));
        let (a, b) = (self.of_rank(a, shape.len()), self.of_rank(b, shape.len()));
        self.push(operator, &[a, b], shape)
    }

    /// a + b.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.pairwise(Operator::Add, a, b)
    }

    /// a − b.
    pub fn subtract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.pairwise(Operator::Subtract, a, b)
    }

    /// a · b.
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.pairwise(Operator::Multiply, a, b)
    }

    /// factor · a.
    pub fn scale(&mut self, id: NodeId, factor: i128) -> NodeId {
        if factor == 1 {
            return id;
        }
        let factor = self.integers(&[1], [factor]);
        self.multiply(id, factor)
    }

    /// a + addend.
    pub fn offset(&mut self, id: NodeId, addend: i128) -> NodeId {
        if addend == 0 {
            return id;
        }
        let addend = self.integers(&[1], [addend]);
        self.add(id, addend)
    }

    /// minuend − a.
    pub fn complement(&mut self, minuend: i128, id: NodeId) -> NodeId {
        if minuend == 0 {
            return self.negate(id);
        }
        let minuend = self.integers(&[1], [minuend]);
        self.subtract(minuend, id)
    }

    /// −a.
    pub fn negate(&mut self, id: NodeId) -> NodeId {
        let shape = self.shape(id).to_vec();
        self.push(Operator::Negate, &[id], shape)
    }

    /// The same elements in another shape; the node itself where that is its own.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn reshape(&mut self, id: NodeId, shape: &[usize]) -> NodeId {
        if self.shape(id) == shape {
            return id;
        }
        assert_eq!(self.len(id), shape.iter().product::<usize>(), "{shape:?}");
        self.push(Operator::Reshape, &[id], shape.to_vec())
    }

    /// The elements at these positions of an axis; the node itself where they are all, in order.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn gather(&mut self, id: NodeId, axis: usize, positions: Vec<usize>) -> NodeId {
        if positions.iter().copied().eq(0..self.shape(id)[axis]) {
            return id;
        }
        let mut shape = self.shape(id).to_vec();
        assert!(positions.iter().all(|&position| position < shape[axis]));
        shape[axis] = positions.len();
        self.push(Operator::Gather { axis, positions }, &[id], shape)
    }

    /// Tensors one after the other along an axis.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn concatenate(&mut self, ids: &[NodeId], axis: usize) -> NodeId {
        let mut shape = self.shape(ids[0]).to_vec();
        for &id in &ids[1..] {
            let other = self.shape(id);
            let alike =
                other.len() == shape.len() && (0..shape.len()).all(|at| at == axis || other[at] == shape[at]);
            assert!(alike, "{shape:?} and {other:?} along {axis}");
            shape[axis] += other[axis];
        }
        self.push(Operator::Concatenate { axis }, ids, shape)
    }

    /// A sum of products of two tensors in Einstein's notation, in which every letter is in the output or in both inputs: EZKL
    /// lays it out as dot products. The result has shape 1 where the output has no letter.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn einsum(&mut self, equation: &str, a: NodeId, b: NodeId) -> NodeId {
        let (inputs, output) = equation.split_once("->").expect("an arrow");
        let (left, right) = inputs.split_once(',').expect("two inputs");
        let mut sizes: HashMap<char, usize> = HashMap::new();
        for (letters, id) in [(left, a), (right, b)] {
            assert_eq!(letters.chars().count(), self.shape(id).len(), "{equation}");
            for (at, (letter, &size)) in letters.chars().zip(self.shape(id)).enumerate() {
                assert!(
                    !letters.chars().take(at).any(|other| other == letter),
                    "{equation}"
                );
                assert_eq!(*sizes.entry(letter).or_insert(size), size, "{equation}");
            }
        }
        let mut terms = 1;
        for (&letter, size) in &sizes {
            if !output.contains(letter) {
                assert!(left.contains(letter) && right.contains(letter), "{equation}");
                terms *= size;
            }
        }
        let mut shape: Vec<usize> = output.chars().map(|letter| sizes[&letter]).collect();
        if shape.is_empty() {
            shape.push(1);
        }
        let operator = Operator::Einsum {
            equation: equation.to_owned(),
            terms,
        };
        self.push(operator, &[a, b], shape)
    }

    /// Each element's result in a table.
    pub fn look_up(&mut self, function: Function, id: NodeId) -> NodeId {
        let shape = self.shape(id).to_vec();
        self.push(Operator::LookUp(function), &[id], shape)
    }

    /// Elements that must be equal: of b, where there is a proof at all.
    ///
    /// # Panics
    /// Where the tensors do not fit together: a mistake of the caller's.
    pub fn assert_equal(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let shape = self.shape(b).to_vec();
        assert_eq!(self.shape(a), shape, "what is equal has one shape");
        self.push(Operator::AssertEqual, &[a, b], shape)
    }
}

/// The shape that two shapes broadcast to.
///
/// # Panics
/// Where they do not: a mistake of the caller's.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow() {
        let mut graph = Graph::default();
        let input = graph.input(6);
        let table = graph.reshape(input, &[2, 3]);
        let row = graph.constant(&[3], [1, 2, 3].map(Element::from).to_vec());
        let sum = graph.add(table, row);
        assert_eq!(graph.shape(sum), [2, 3]);
        // Both inputs of a sum have as many axes as it has.
        assert_eq!(graph.shape(graph.node(sum).inputs[1]), [1, 3]);
        let products = graph.einsum("ij,j->i", table, row);
        assert_eq!(graph.shape(products), [2]);
        let total = graph.einsum("i,i->", products, products);
        assert_eq!(graph.shape(total), [1]);
        let twice = graph.concatenate(&[table, sum], 1);
        assert_eq!(graph.shape(twice), [2, 6]);
        let last = graph.gather(twice, 1, vec![5, 5, 0]);
        assert_eq!(graph.shape(last), [2, 3]);
        assert_eq!(graph.readers()[table.0], 3);
        assert_eq!(graph.inputs().collect::<Vec<_>>(), [input]);
    }

    #[test]
    fn a_function_has_one_table() {
        let tanh = |scale| Function {
            table: Table::Tanh,
            scale,
        };
        let mut graph = Graph::default();
        let input = graph.input(2);
        for function in [tanh(7), Function::RECTIFIER, tanh(7), tanh(8)] {
            graph.look_up(function, input);
        }
        let functions = [tanh(7), Function::RECTIFIER, tanh(8)];
        assert_eq!(graph.functions(), functions);
    }

    /// Every number is tried; a half, less what `f64` may add.
    #[test]
    fn the_rectifier_is_exact_to_its_end() {
        let error = |v: i128| ((v as f64).powf(f64::from(RECTIFIER_EXPONENT)) - v as f64).abs();
        assert!((0..=RECTIFIER_EXACT).all(|v| error(v) < 0.49));
        assert!(error(2 * RECTIFIER_EXACT) > 0.5);
    }

    #[test]
    fn what_changes_nothing_is_no_node() {
        let mut graph = Graph::default();
        let input = graph.input(4);
        assert_eq!(graph.reshape(input, &[4]), input);
        assert_eq!(graph.gather(input, 0, vec![0, 1, 2, 3]), input);
        assert_eq!(graph.scale(input, 1), input);
        assert_eq!(graph.offset(input, 0), input);
        assert_ne!(graph.gather(input, 0, vec![0, 1, 3, 2]), input);
    }

    #[test]
    #[should_panic(expected = "ij,k->i")]
    fn an_index_of_one_input_alone_is_no_dot_product() {
        let mut graph = Graph::default();
        let (a, b) = (graph.input(6), graph.input(3));
        let a = graph.reshape(a, &[2, 3]);
        graph.einsum("ij,k->i", a, b);
    }
}
