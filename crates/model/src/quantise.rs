//! From the layer graph to the integer program: weights and input at one scale, and rounding only where a range needs it.
//!
//! Before that, two rewrites that change no result: batch norms are folded into the convolutions before them, and maxima are
//! taken before rectifying. How each operator is written is its own module's business (`ops`).

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use super::fold;
use super::graph::{Graph, MaxPool2d, Node, Op, ValueId as GraphValue};
use super::interval::Interval;
use super::ops::{Input, Lowering, MOST_LOWERED, Place, ReadThrough, Source, TableReader};
use super::program::{DEFAULT_DIGIT_BITS, DIGIT_BITS, Integers, Program, ProgramError, Value, ValueId};
use super::tensor::Tensor;

/// What an integer program is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgramOptions {
    /// Bits after the binary point of weights.
    pub scale: u32,
    /// The input's integers.
    pub input: Integers,
    /// Bits of the base of digits, in [`DIGIT_BITS`]; [`DEFAULT_DIGIT_BITS`] where `None`.
    pub digit_bits: Option<u32>,
    /// How many values at most are rounded because a layer of weights reads them; as few as will do where `None`.
    pub roundings: Option<usize>,
}

/// The integer program of `graph` as it is asked for.
///
/// # Errors
/// [`ProgramError`] where an operator is not covered or an integer could grow too large.
pub fn quantise(graph: &Graph, options: &ProgramOptions) -> Result<Program, ProgramError> {
    if let Some(bits) = options.digit_bits.filter(|bits| !DIGIT_BITS.contains(bits)) {
        return Err(ProgramError::DigitBits { bits });
    }
    let graph = rewritten(graph);
    if let Some(roundings) = options.roundings {
        return Quantiser::run(&graph, options, roundings);
    }
    let most = graph.nodes.iter().map(|node| node.op.rules().roundings()).sum();
    // Exact to the end where that is not too large, else with as few roundings as will do: each keeps no more bits than the
    // table has, of a bound that can be far above what is there.
    for roundings in 0..most {
        match Quantiser::run(&graph, options, roundings) {
            Err(ProgramError::TooLarge { .. }) => {}
            other => return other,
        }
    }
    Quantiser::run(&graph, options, most)
}

/// The graph without layers that its outputs do not need, with batch norms folded and maxima before rectifiers.
fn rewritten(graph: &Graph) -> Graph {
    let mut graph = fold::batch_norms(&needed(graph));
    let readers = |graph: &Graph, value: GraphValue| -> Vec<usize> {
        let read = |node: &Node| node.inputs.contains(&value);
        (0..graph.nodes.len())
            .filter(|&index| read(&graph.nodes[index]))
            .collect()
    };
    for index in 0..graph.nodes.len() {
        let output = graph.nodes[index].output;
        let &[reader] = &readers(&graph, output)[..] else {
            continue;
        };
        if graph.outputs.contains(&output) {
            continue;
        }
        let (Op::Relu, Op::MaxPool2d(MaxPool2d(window))) = (&graph.nodes[index].op, &graph.nodes[reader].op)
        else {
            continue;
        };
        let pooled = graph.values[graph.nodes[reader].output.0].shape.clone();
        graph.nodes[index].op = Op::MaxPool2d(MaxPool2d(*window));
        graph.nodes[reader].op = Op::Relu;
        graph.values[output.0].shape = pooled;
    }
    graph
}

/// The graph without the layers that its outputs do not need.
fn needed(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    let mut needed = vec![false; graph.values.len()];
    for output in &graph.outputs {
        needed[output.0] = true;
    }
    for node in graph.nodes.iter().rev() {
        if needed[node.output.0] {
            for input in &node.inputs {
                needed[input.0] = true;
            }
        }
    }
    graph.nodes.retain(|node| needed[node.output.0]);
    graph
}

/// Writes a graph's nodes, one after the other, as steps.
struct Quantiser<'a> {
    graph: &'a Graph,
    lowering: Lowering,
    /// For each value of the graph, its number in the program; none where it is a constant.
    numbers: Vec<Option<ValueId>>,
    /// For each value of the graph, its elements, where it is a constant.
    constants: Vec<Option<&'a Tensor>>,
}

impl<'a> Quantiser<'a> {
    fn run(graph: &'a Graph, options: &ProgramOptions, roundings: usize) -> Result<Program, ProgramError> {
        let &ProgramOptions {
            scale,
            input: integers,
            digit_bits,
            ..
        } = options;
        let (&[input], &[output]) = (&graph.inputs[..], &graph.outputs[..]) else {
            let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
            return Err(ProgramError::Ports(format!(
                "has {inputs} inputs and {outputs} outputs"
            )));
        };
        let shape = graph.shape(input);
        if !matches!(shape, [1, _, ..]) {
            return Err(ProgramError::Ports(format!("takes an input of shape {shape:?}")));
        }
        let value = Value {
            name: "input".to_owned(),
            shape: shape.to_vec(),
            interval: Interval::checked(integers.range.least, integers.range.greatest).map_err(|source| {
                ProgramError::TooLarge {
                    node: "input".to_owned(),
                    source,
                }
            })?,
            unit: integers.unit,
        };
        let mut numbers = vec![None; graph.values.len()];
        numbers[input.0] = Some(ValueId(0));
        let mut constants = vec![None; graph.values.len()];
        for node in &graph.nodes {
            constants[node.output.0] = node.op.rules().constant();
        }
        if constants[output.0].is_some() {
            return Err(ProgramError::Ports("gives a constant".to_owned()));
        }
        let mut quantiser = Self {
            graph,
            lowering: Lowering {
                program: Program {
                    values: vec![value],
                    steps: Vec::new(),
                    output: ValueId(0),
                    base_bits: digit_bits.unwrap_or(DEFAULT_DIGIT_BITS),
                    roundings: 0,
                },
                scale,
                roundings,
            },
            numbers,
            constants,
        };
        let computed = |node: &&Node| node.op.rules().constant().is_none();
        for node in graph.nodes.iter().filter(computed) {
            quantiser.node(node)?;
        }
        let output = quantiser.number(output);
        Ok(Program {
            output,
            ..quantiser.lowering.program
        })
    }

    fn input(&self, value: GraphValue) -> Input<'a> {
        Input {
            source: match self.constants[value.0] {
                Some(tensor) => Source::Constant(tensor),
                None => Source::Value(self.number(value)),
            },
            shape: self.graph.shape(value),
        }
    }

    fn number(&self, value: GraphValue) -> ValueId {
        self.numbers[value.0].expect("nodes are in topological order")
    }

    fn node(&mut self, node: &Node) -> Result<(), ProgramError> {
        let (graph, limit) = (self.graph, self.lowering.table_limit());
        let place = Place {
            name: &node.name,
            operator: node.op.onnx_name(),
            inputs: node.inputs.iter().map(|&input| self.input(input)).collect(),
            shape: graph.shape(node.output).to_vec(),
            is_output: graph.outputs.contains(&node.output),
            table_reader: &|| table_reader(graph, node.output, limit),
        };
        let values = node.inputs.iter().chain([&node.output]);
        let mut sizes = values.map(|&value| graph.shape(value).iter().product::<usize>());
        if sizes.any(|size| size > MOST_LOWERED) {
            return Err(place.refused("it reads or gives more than 2^24 elements"));
        }
        let output = node.op.rules().lower(&place, &mut self.lowering)?;
        self.numbers[node.output.0] = Some(output);
        Ok(())
    }
}

/// What reads a value of the graph through a table that takes numbers up to `limit`, if anything does.
fn table_reader(graph: &Graph, value: GraphValue, limit: i128) -> Option<TableReader> {
    let readers = graph.nodes.iter().filter(|node| node.inputs.contains(&value));
    let has_others = readers.clone().count() > 1 || graph.outputs.contains(&value);
    let needs = readers.filter_map(|node| {
        node.op.rules().table_reader(&ReadThrough {
            limit,
            shape: graph.shape(value),
            onwards: &|| table_reader(graph, node.output, limit),
        })
    });
    let need = needs.reduce(|a, b| TableReader {
        limit: a.limit.min(b.limit),
        guarded: a.guarded || b.guarded,
        power_of_two: a.power_of_two || b.power_of_two,
    })?;
    // A look-up of some elements, for one reader, says nothing about what others read.
    let guarded = need.guarded || has_others;
    Some(TableReader {
        limit: if guarded {
            need.limit.min(limit / 2)
        } else {
            need.limit
        },
        guarded,
        power_of_two: need.power_of_two,
    })
}
