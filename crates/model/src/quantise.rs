//! From the layer graph to the integer program: weights and input at one scale, and rounding only where a range needs it.
//!
//! Before that, rewrites that change no result: what is computed twice is computed once, layer norms and norms by the root of the mean square that are written out become one layer, masked scores are left out of a Softmax, batch norms are folded into the
//! convolutions before them, and maxima are taken before rectifying. How each operator is written is its own module's business (`ops`).

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use std::collections::HashMap;

use super::graph::{Graph, MaxPool2d, Node, Op, ValueId as GraphValue, elements};
use super::interval::Interval;
use super::ops::{Input, Lowering, MOST_LOWERED, Place, ReadThrough, Source, TableReader, Within, hull};
use super::program::{
    DEFAULT_DIGIT_BITS, DIGIT_BITS, Integers, Operand, Order, Program, ProgramError, Step, Value, ValueId,
};
use super::reach::Reach;
use super::tensor::Tensor;
use super::{fold, masks, rms};

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
    quantise_within(graph, options, &Reach::NOTHING)
}

/// The same with scale factors for how far values reach, where bounds that follow from the input's range are greater and a
/// look-up bounds them anyway. The names are those of the values of the [rewritten](rewritten) graph.
///
/// # Errors
/// As [`quantise`].
pub fn quantise_within(
    graph: &Graph,
    options: &ProgramOptions,
    reach: &Reach,
) -> Result<Program, ProgramError> {
    if let Some(bits) = options.digit_bits.filter(|bits| !DIGIT_BITS.contains(bits)) {
        return Err(ProgramError::DigitBits { bits });
    }
    let graph = rewritten(graph);
    if let Some(roundings) = options.roundings {
        return Quantiser::run(&graph, options, reach, roundings, false);
    }
    let most = graph.nodes.iter().map(|node| node.op.rules().roundings()).sum();
    // Exact to the end where that is not too large, else with as few roundings as will do: each keeps no more bits than the
    // table has, of a bound that can be far above what is there.
    for roundings in 0..most {
        match Quantiser::run(&graph, options, reach, roundings, false) {
            Err(ProgramError::TooLarge { .. }) => {}
            other => return or_narrow(other, &graph, options, reach, most),
        }
    }
    let exact = Quantiser::run(&graph, options, reach, most, false);
    or_narrow(exact, &graph, options, reach, most)
}

/// A program, or where there is none and values are multiplied with others (a gate with a state, step after step), one in which they are
/// rounded before that.
fn or_narrow(
    exact: Result<Program, ProgramError>,
    graph: &Graph,
    options: &ProgramOptions,
    reach: &Reach,
    roundings: usize,
) -> Result<Program, ProgramError> {
    let is_gate =
        |node: &Node| matches!((&node.op, &node.inputs[..]), (Op::Mul, [left, right]) if left != right);
    match exact {
        Err(error) if graph.nodes.iter().any(is_gate) => {
            Quantiser::run(graph, options, reach, roundings, true).map_err(|_| error)
        }
        other => other,
    }
}

/// The graph without layers that its outputs do not need and without masked scores, with batch norms folded and maxima before
/// rectifiers.
///
/// # Panics
/// When the graph's values are not its own.
#[must_use]
pub fn rewritten(graph: &Graph) -> Graph {
    let mut graph = fold::batch_norms(&needed(&masks::without_masked(&rms::as_layer_norms(
        &fold::layer_norms(&fold::shared(graph)),
    ))));
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            if readers[input.0].last() != Some(&index) {
                readers[input.0].push(index);
            }
        }
    }
    for index in 0..graph.nodes.len() {
        let output = graph.nodes[index].output;
        let &[reader] = &readers[output.0][..] else {
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

/// Why a value is not covered whose type in the file may not hold it.
const OUT_OF_TYPE: &str = "its integers may be larger than its type holds, and would wrap around";

/// Why a value of integers is not covered that rounding would make another one.
const ROUNDED: &str = "its integers would be rounded to other integers";

/// Writes a graph's nodes, one after the other, as steps.
struct Quantiser<'a> {
    graph: &'a Graph,
    reach: &'a Reach,
    lowering: Lowering,
    /// For each value of the graph, its number in the program; none where it is a constant.
    numbers: Vec<Option<ValueId>>,
    /// For each value of the graph, its elements, where it is a constant.
    constants: Vec<Option<&'a Tensor>>,
    /// See [`table_readers`].
    table_readers: Vec<Option<TableReader>>,
}

impl<'a> Quantiser<'a> {
    fn run(
        graph: &'a Graph,
        options: &ProgramOptions,
        reach: &'a Reach,
        roundings: usize,
        narrows: bool,
    ) -> Result<Program, ProgramError> {
        let &ProgramOptions {
            scale,
            input: integers,
            digit_bits,
            ..
        } = options;
        if graph.inputs.is_empty() || graph.outputs.is_empty() {
            return Err(ProgramError::Ports);
        }
        // Several inputs are one, one after the other: one tensor is committed, and one range checked.
        let shape = match graph.inputs[..] {
            [input] => graph.shape(input).to_vec(),
            _ => vec![1, graph.inputs.iter().map(|&input| len(graph, input)).sum()],
        };
        let value = Value {
            name: "input".to_owned(),
            shape,
            interval: Interval::checked(integers.range.least, integers.range.greatest).map_err(|source| {
                ProgramError::TooLarge {
                    node: "input".to_owned(),
                    source,
                }
            })?,
            unit: integers.unit,
            is_whole: integers.are_the_numbers(),
        };
        let mut constants = vec![None; graph.values.len()];
        for node in &graph.nodes {
            constants[node.output.0] = node.op.rules().constant();
        }
        let mut quantiser = Self {
            graph,
            reach,
            lowering: Lowering {
                program: Program {
                    values: vec![value],
                    steps: Vec::new(),
                    output: ValueId(0),
                    output_sizes: graph.outputs.iter().map(|&output| len(graph, output)).collect(),
                    base_bits: digit_bits.unwrap_or(DEFAULT_DIGIT_BITS),
                    roundings: 0,
                    always: Vec::new(),
                    assumed: Vec::new(),
                },
                scale,
                roundings,
                is_calibrated: !reach.is_empty(),
                reach: HashMap::new(),
                narrows,
                narrowed: HashMap::new(),
            },
            numbers: vec![None; graph.values.len()],
            constants,
            table_readers: Vec::new(),
        };
        quantiser.table_readers = table_readers(graph, quantiser.lowering.table_limit());
        quantiser.inputs();
        for &input in &graph.inputs {
            let number = quantiser.number(input);
            let refused = |reason| ProgramError::NotCovered {
                operator: "Cast",
                node: graph.values[input.0].name.clone(),
                reason,
            };
            if !quantiser.is_of_type(input, number) {
                return Err(refused(OUT_OF_TYPE));
            }
            if quantiser.is_rounded_integer(input, number) {
                return Err(refused(ROUNDED));
            }
        }
        let computed = |node: &&Node| node.op.rules().constant().is_none();
        for node in graph.nodes.iter().filter(computed) {
            quantiser.node(node)?;
        }
        let output = quantiser.output()?;
        let program = Program {
            output,
            ..quantiser.lowering.program
        };
        match program.unheld() {
            None => Ok(program),
            Some(value) => Err(ProgramError::NotCovered {
                operator: "Round",
                node: program.value(value).name.clone(),
                reason: "nothing would check its range, which is a fault of evmbench's",
            }),
        }
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

    /// Each input as its part of the one that is committed.
    fn inputs(&mut self) {
        if let [input] = self.graph.inputs[..] {
            self.numbers[input.0] = Some(ValueId(0));
            return;
        }
        let mut start = 0;
        for &input in &self.graph.inputs {
            let end = start + len(self.graph, input);
            let step = Step::Rearrange {
                operands: vec![Operand {
                    value: ValueId(0),
                    shift: 0,
                }],
                order: Order::Picked((start..end).collect()),
            };
            let value = Value {
                name: self.graph.values[input.0].name.clone(),
                shape: self.graph.shape(input).to_vec(),
                ..self.lowering.value(ValueId(0)).clone()
            };
            self.numbers[input.0] = Some(self.lowering.push(step, value));
            start = end;
        }
    }

    /// The output; several are one, one after the other and in one unit.
    fn output(&mut self) -> Result<ValueId, ProgramError> {
        let elements = self
            .graph
            .outputs
            .iter()
            .map(|&output| len(self.graph, output))
            .sum();
        let place = Place {
            name: "outputs",
            operator: "Concat",
            shape: vec![1, elements],
            inputs: self
                .graph
                .outputs
                .iter()
                .map(|&output| self.input(output))
                .collect(),
            is_output: true,
            reach: None,
            table_reader: None,
        };
        let outputs = (0..place.inputs.len()).map(|position| place.value(&mut self.lowering, position));
        let outputs: Vec<ValueId> = outputs.collect::<Result<_, _>>()?;
        if let [output] = outputs[..] {
            return Ok(output);
        }
        let (operands, unit) = self.lowering.aligned(&place, &outputs)?;
        let interval = hull(operands.iter().map(|&operand| self.lowering.interval(operand)));
        let value = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval: interval.map_err(|source| place.too_large(source))?,
            unit,
            is_whole: operands
                .iter()
                .all(|operand| self.lowering.value(operand.value).is_whole),
        };
        let order = Order::Kept;
        Ok(self.lowering.push(Step::Rearrange { operands, order }, value))
    }

    fn number(&self, value: GraphValue) -> ValueId {
        self.numbers[value.0].expect("nodes are in topological order")
    }

    fn node(&mut self, node: &Node) -> Result<(), ProgramError> {
        let graph = self.graph;
        let reach = self.reach.bound(&graph.values[node.output.0].name);
        let place = Place {
            name: &node.name,
            operator: node.op.onnx_name(),
            inputs: node.inputs.iter().map(|&input| self.input(input)).collect(),
            shape: graph.shape(node.output).to_vec(),
            is_output: graph.outputs.contains(&node.output),
            reach,
            table_reader: self.table_readers[node.output.0],
        };
        let rules = node.op.rules();
        let values = node.inputs.iter().chain([&node.output]);
        let mut shapes = values.map(|&value| graph.shape(value));
        let is_lowered = |shape: &[usize]| elements(shape).is_some_and(|elements| elements <= MOST_LOWERED);
        if !shapes.clone().all(is_lowered) {
            return Err(place.refused("it reads or gives more than 2^24 elements"));
        }
        if !rules.takes_any_batch() && !shapes.all(|shape| matches!(shape, [1, _, ..])) {
            return Err(place.refused("it reads or gives another batch than 1"));
        }
        if !rules.states_bounds() {
            for input in &place.inputs {
                self.lowering.assume(input.source);
            }
        }
        let output = rules.lower(&place, &mut self.lowering)?;
        if !self.is_of_type(node.output, output) {
            return Err(place.refused(OUT_OF_TYPE));
        }
        if self.is_rounded_integer(node.output, output) {
            return Err(place.refused(ROUNDED));
        }
        self.numbers[node.output.0] = Some(output);
        if let Some(reach) = reach {
            self.lowering.reach.insert(output, reach);
        }
        Ok(())
    }
}

impl Quantiser<'_> {
    /// Whether a value stays within what its type in the file holds, where runtimes would wrap around. Where the input can be more than
    /// it was asked for, the bounds that then hold must be within it, too.
    fn is_of_type(&mut self, value: GraphValue, number: ValueId) -> bool {
        let Some((least, greatest)) = self.graph.values[value.0].wraps_beyond else {
            return true;
        };
        let Value { interval, unit, .. } = self.lowering.value(number);
        let of_type = Within::whole(least, greatest).interval(*unit);
        let is_within = interval.hull(of_type) == of_type;
        self.lowering.program.assumed.push((number, of_type));
        is_within
    }

    /// Whether a value of integers in the file is made of numbers that were rounded.
    fn is_rounded_integer(&self, value: GraphValue, number: ValueId) -> bool {
        self.graph.values[value.0].is_integer && !self.lowering.value(number).is_whole
    }
}

/// Whether no value has more elements than are lowered.
#[must_use]
pub fn is_of_lowered_sizes(graph: &Graph) -> bool {
    let mut sizes = graph.values.iter().map(|value| elements(&value.shape));
    sizes.all(|elements| elements.is_some_and(|elements| elements <= MOST_LOWERED))
}

/// The number of a value's elements.
fn len(graph: &Graph, value: GraphValue) -> usize {
    graph.shape(value).iter().product()
}

/// For each value of the graph, what reads it through a table that takes numbers up to `limit`, if anything does.
fn table_readers(graph: &Graph, limit: i128) -> Vec<Option<TableReader>> {
    let mut readers: Vec<Vec<&Node>> = vec![Vec::new(); graph.values.len()];
    for node in &graph.nodes {
        for (position, input) in node.inputs.iter().enumerate() {
            if !node.inputs[..position].contains(input) {
                readers[input.0].push(node);
            }
        }
    }
    let mut found = vec![None; graph.values.len()];
    // What a node gives is read by later ones.
    let outputs = graph.nodes.iter().rev().map(|node| node.output);
    for value in outputs.chain(graph.inputs.iter().copied()) {
        found[value.0] = table_reader(graph, value, &readers[value.0], limit, &found);
    }
    found
}

/// What reads a value through a table, where that is known of what its readers give.
fn table_reader(
    graph: &Graph,
    value: GraphValue,
    readers: &[&Node],
    limit: i128,
    onwards: &[Option<TableReader>],
) -> Option<TableReader> {
    let has_others = readers.len() > 1 || graph.outputs.contains(&value);
    let needs = readers.iter().filter_map(|node| {
        node.op.rules().table_reader(&ReadThrough {
            limit,
            shape: graph.shape(value),
            onwards: onwards[node.output.0],
        })
    });
    let need = needs.reduce(TableReader::and)?;
    // A look-up of some elements, for one reader, says nothing about what others read.
    let guarded = need.guarded || has_others;
    Some(TableReader {
        limit: if guarded {
            need.limit.min(limit / 2)
        } else {
            need.limit
        },
        guarded,
        ..need
    })
}
