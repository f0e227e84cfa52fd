//! The file of a compiled circuit: bincode 1 with fixed-size little-endian integers, no header.
//!
//! Sizes have 8 bytes, an enumeration's variant 4, an option and a flag 1; a list has its length before it. A field element
//! has its 32 bytes, little-endian and canonical. The structures are EZKL 23.0.5's: `GraphCircuit` (`src/graph/mod.rs`), `Model`
//! and `ParsedNodes` (`model.rs`), `Node` and `SupportedOp` (`node.rs`), `Tensor` (`src/tensor/mod.rs`), the operators of
//! `src/circuit/ops/`.

use super::settings::{INPUT_VISIBILITY, OUTPUT_VISIBILITY, PARAMETER_VISIBILITY, Settings, unit};
use super::{Element, Function, Graph, NodeId, Operator, Table};

/// The number of `InputType::F32`.
const TYPE_F32: u32 = 2;

/// Variants of `SupportedOp`.
mod kind {
    pub(super) const LINEAR: u32 = 0;
    pub(super) const NONLINEAR: u32 = 1;
    pub(super) const HYBRID: u32 = 2;
    pub(super) const INPUT: u32 = 3;
    pub(super) const CONSTANT: u32 = 4;
}

/// Variants of `PolyOp`.
mod linear {
    pub(super) const EINSUM: u32 = 8;
    pub(super) const ADD: u32 = 12;
    pub(super) const SUBTRACT: u32 = 13;
    pub(super) const NEGATE: u32 = 14;
    pub(super) const MULTIPLY: u32 = 15;
    pub(super) const RESHAPE: u32 = 17;
    pub(super) const CONCATENATE: u32 = 25;
}

/// Variants of `HybridOp`.
mod hybrid {
    pub(super) const OUTPUT: u32 = 18;
    pub(super) const GATHER: u32 = 24;
}

/// Variants of `LookupOp`.
mod nonlinear {
    pub(super) const LOGARITHM: u32 = 3;
    pub(super) const SIGMOID: u32 = 4;
    pub(super) const EXPONENTIAL: u32 = 5;
    pub(super) const COSINE: u32 = 6;
    pub(super) const ARC_COSINE: u32 = 7;
    pub(super) const HYPERBOLIC_COSINE: u32 = 8;
    pub(super) const AREA_COSINE: u32 = 9;
    pub(super) const SINE: u32 = 10;
    pub(super) const ARC_SINE: u32 = 11;
    pub(super) const HYPERBOLIC_SINE: u32 = 12;
    pub(super) const AREA_SINE: u32 = 13;
    pub(super) const TANGENT: u32 = 14;
    pub(super) const ARC_TANGENT: u32 = 15;
    pub(super) const TANH: u32 = 16;
    pub(super) const AREA_TANGENT: u32 = 17;
    pub(super) const ERROR_FUNCTION: u32 = 18;
    pub(super) const POWER: u32 = 19;
}

/// Bytes under way to the file.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn flag(&mut self, flag: bool) {
        self.bytes.push(flag.into());
    }

    pub(super) fn none(&mut self) {
        self.flag(false);
    }

    pub(super) fn some(&mut self) {
        self.flag(true);
    }

    /// An enumeration's variant, or another number of 32 bits.
    pub(super) fn tag(&mut self, tag: u32) {
        self.bytes.extend(tag.to_le_bytes());
    }

    pub(super) fn scale(&mut self, scale: i32) {
        self.bytes.extend(scale.to_le_bytes());
    }

    pub(super) fn size(&mut self, size: usize) {
        self.bytes.extend((size as u64).to_le_bytes());
    }

    pub(super) fn integer(&mut self, integer: i128) {
        self.bytes.extend(integer.to_le_bytes());
    }

    fn float(&mut self, float: f32) {
        self.bytes.extend(float.to_le_bytes());
    }

    pub(super) fn double(&mut self, double: f64) {
        self.bytes.extend(double.to_le_bytes());
    }

    fn element(&mut self, element: Element) {
        self.bytes.extend(element.number().to_le_bytes::<32>());
    }

    pub(super) fn character(&mut self, character: char) {
        self.bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.size(text.len());
        self.bytes.extend(text.bytes());
    }

    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        let items = items.into_iter();
        self.size(items.len());
        items.for_each(|value| item(self, value));
    }

    pub(super) fn sizes(&mut self, sizes: &[usize]) {
        self.list(sizes, |file, &size| file.size(size));
    }

    /// The types of so many tensors.
    pub(super) fn types(&mut self, tensors: usize) {
        self.list(0..tensors, |file, _| file.tag(TYPE_F32));
    }

    /// A `LookupOp`.
    pub(super) fn function(&mut self, function: Function) {
        self.tag(match function.table {
            Table::Rectifier | Table::Root => nonlinear::POWER,
            Table::Sigmoid => nonlinear::SIGMOID,
            Table::Tanh => nonlinear::TANH,
            Table::Exponential => nonlinear::EXPONENTIAL,
            Table::Logarithm => nonlinear::LOGARITHM,
            Table::ErrorFunction => nonlinear::ERROR_FUNCTION,
            Table::Cosine => nonlinear::COSINE,
            Table::Sine => nonlinear::SINE,
            Table::Tangent => nonlinear::TANGENT,
            Table::ArcCosine => nonlinear::ARC_COSINE,
            Table::ArcSine => nonlinear::ARC_SINE,
            Table::ArcTangent => nonlinear::ARC_TANGENT,
            Table::HyperbolicCosine => nonlinear::HYPERBOLIC_COSINE,
            Table::HyperbolicSine => nonlinear::HYPERBOLIC_SINE,
            Table::AreaCosine => nonlinear::AREA_COSINE,
            Table::AreaSine => nonlinear::AREA_SINE,
            Table::AreaTangent => nonlinear::AREA_TANGENT,
        });
        self.float(unit(function.scale));
        if let Some(parameter) = function.table.parameter() {
            self.float(parameter);
        }
    }

    /// A `SupportedOp`.
    fn operator(&mut self, operator: &Operator, shape: &[usize]) {
        let mut linear = |variant: u32| {
            self.tag(kind::LINEAR);
            self.tag(variant);
        };
        match operator {
            Operator::Input => {
                self.tag(kind::INPUT);
                self.scale(0);
                self.tag(TYPE_F32);
                // No range check by digits.
                self.flag(false);
            }
            Operator::Constant(elements) => self.constant(elements, shape),
            Operator::Add => linear(linear::ADD),
            Operator::Subtract => linear(linear::SUBTRACT),
            Operator::Multiply => linear(linear::MULTIPLY),
            Operator::Negate => linear(linear::NEGATE),
            Operator::Reshape => {
                linear(linear::RESHAPE);
                self.sizes(shape);
            }
            Operator::Concatenate { axis } => {
                linear(linear::CONCATENATE);
                self.size(*axis);
            }
            Operator::Einsum { equation, .. } => {
                linear(linear::EINSUM);
                self.text(equation);
            }
            Operator::Gather { axis, positions } => {
                self.tag(kind::HYBRID);
                self.tag(hybrid::GATHER);
                self.size(*axis);
                self.some();
                self.sizes(positions);
                self.sizes(&[positions.len()]);
                // Neither scale nor visibility.
                self.none();
                self.none();
            }
            Operator::AssertEqual => {
                self.tag(kind::HYBRID);
                self.tag(hybrid::OUTPUT);
                // No range check by digits.
                self.flag(false);
            }
            Operator::LookUp(function) => {
                self.tag(kind::NONLINEAR);
                self.function(*function);
            }
        }
    }

    /// A `Constant`, always with the visibility `Fixed`: its elements are then in the key.
    fn constant(&mut self, elements: &[Element], shape: &[usize]) {
        self.tag(kind::CONSTANT);
        self.list(elements, |file, &element| file.element(element));
        self.sizes(shape);
        self.some();
        self.scale(0);
        self.some();
        self.tag(PARAMETER_VISIBILITY.1);
        // The floats that the elements were quantised from: an empty list of one axis, without scale or visibility.
        self.sizes(&[]);
        self.sizes(&[0]);
        self.none();
        self.none();
        // No range check by digits.
        self.flag(false);
    }
}

/// A node's result, which is always its first and only one.
fn outlet(file: &mut Encoder, id: NodeId) {
    file.size(id.0);
    file.size(0);
}

/// The file of a circuit (`GraphCircuit`).
pub(super) fn circuit(graph: &Graph, settings: &Settings) -> Vec<u8> {
    let mut file = Encoder::default();
    let nodes = graph.nodes().iter().zip(graph.readers()).enumerate();
    file.list(nodes, |file, (index, (node, readers))| {
        file.size(index);
        // A node, no graph within the graph.
        file.tag(0);
        file.operator(&node.operator, &node.shape);
        file.scale(0);
        file.list(&node.inputs, |file, &input| outlet(file, input));
        file.sizes(&node.shape);
        file.size(index);
        // EZKL counts an output's reader where there is no other.
        file.size(readers.max(1));
    });
    let inputs: Vec<NodeId> = graph.inputs().collect();
    file.list(&inputs, |file, input| file.size(input.0));
    file.list(graph.outputs(), |file, &output| outlet(file, output));
    file.types(graph.outputs().len());
    for visibility in [INPUT_VISIBILITY, PARAMETER_VISIBILITY, OUTPUT_VISIBILITY] {
        file.tag(visibility.1);
    }
    settings.encode(&mut file);
    witness(&mut file, settings);
    file.bytes
}

/// The witness that a circuit without one has (`GraphWitness`): zeros for the inputs, and nothing else.
fn witness(file: &mut Encoder, settings: &Settings) {
    file.list(settings.committed(), |file, &elements| {
        file.list(0..elements, |file, _| file.element(Element::ZERO));
    });
    // Elements for people, outputs, what modules make of inputs, parameters and outputs.
    file.none();
    file.sizes(&[]);
    file.none();
    file.none();
    file.none();
    // The greatest and the least number looked up, and the widest range.
    for _ in 0..3 {
        file.integer(0);
    }
    // The version.
    file.none();
}
