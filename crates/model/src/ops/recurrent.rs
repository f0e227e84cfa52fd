//! `RNN`, `GRU` and `LSTM`, step after step: products with constants, sums, functions of each element and products of values.
//!
//! What all steps read of the input is one product. A state that one step hands to the next passes through a `Clip` that leaves it as
//! it is: what a clip reads is rounded to what a table takes, so that a state has as many bits after the last step as after the first.

use tract_onnx::pb::attribute_proto::AttributeType;

use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{Concat, Gemm, MOST_LOWERED, Op, Piecewise, Smooth};
use crate::tensor::{Tensor, elements};
use crate::wire::constant::Constant;
use crate::wire::reading::Reading;

/// The most steps, in all directions together: each has some ten operators.
const MOST_STEPS: usize = 512;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "RNN",
        read: |node| read(node, Cell::Rnn),
    },
    Import {
        operator: "GRU",
        read: |node| {
            let resets_product = node.attributes().int("linear_before_reset").unwrap_or(0) != 0;
            read(node, Cell::Gru { resets_product })
        },
    },
    Import {
        operator: "LSTM",
        read: |node| read(node, Cell::Lstm),
    },
];

/// What a step computes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// h = f(x·W + h·R).
    Rnn,
    /// h = (1 − z)·n + z·h, with gates z and r and the new state n.
    Gru {
        /// Whether r multiplies what is made of h, and not h itself.
        resets_product: bool,
    },
    /// c = f·c + i·n and h = o·tanh(c), with gates i, o, f and the new state n.
    Lstm,
}

impl Cell {
    /// Blocks of rows of a weight, each of as many as a state has elements.
    fn blocks(self) -> usize {
        match self {
            Self::Rnn => 1,
            Self::Gru { .. } => 3,
            Self::Lstm => 4,
        }
    }

    /// The functions of one direction, in ONNX's order, where a node names none.
    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Rnn => &["Tanh"],
            Self::Gru { .. } => &["Sigmoid", "Tanh"],
            Self::Lstm => &["Sigmoid", "Tanh", "Tanh"],
        }
    }
}

/// Sizes of a layer.
#[derive(Clone, Copy)]
struct Sizes {
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
}

/// One direction of a layer.
struct Direction {
    cell: Cell,
    sizes: Sizes,
    /// Of the input: blocks·hidden × inputs.
    weight: Tensor,
    /// Of the state: blocks·hidden × hidden.
    recurrence: Tensor,
    /// What is added to both products, one number for each row.
    biases: [Vec<f32>; 2],
    functions: Vec<Op>,
    /// What no element of h exceeds.
    most: f32,
    is_reversed: bool,
}

/// What a direction starts from: h, and c of an LSTM. None where it is 0.
type States = [Option<Part>; 2];

/// What a direction gives: h after each step, in the input's order, and the last h and c.
struct Steps {
    all: Vec<Part>,
    last: Vec<Part>,
}

impl Direction {
    /// Rows of a matrix with what is added, as a fully connected layer.
    fn layer(matrix: &Tensor, bias: &[f32], rows: std::ops::Range<usize>) -> Op {
        let columns = matrix.shape[1];
        let data = matrix.data[rows.start * columns..rows.end * columns].to_vec();
        let bias = &bias[rows.clone()];
        let is_biased = bias.iter().any(|&x| x != 0.0);
        Op::Gemm(Gemm {
            weight: Tensor::new([rows.len(), columns], data),
            bias: is_biased.then(|| Tensor::new([rows.len()], bias.to_vec())),
        })
    }

    /// All steps on the input's rows, steps·batch × inputs.
    fn run(&self, net: &mut Composition, rows: Part, states: States) -> Result<Steps, String> {
        let Sizes {
            steps, batch, hidden, ..
        } = self.sizes;
        let all = self.cell.blocks() * hidden;
        let of_input = net.apply(Self::layer(&self.weight, &self.biases[0], 0..all), &[rows])?;
        let mut given = vec![None; steps];
        let [mut h, mut c] = states;
        for step in 0..steps {
            let step = if self.is_reversed { steps - 1 - step } else { step };
            let x = if steps == 1 {
                of_input
            } else {
                net.cut(of_input, 0, step * batch..(step + 1) * batch)?
            };
            match self.cell {
                Cell::Rnn => h = Some(self.simple(net, x, h)?),
                Cell::Gru { resets_product } => h = Some(self.gated(net, x, h, resets_product)?),
                Cell::Lstm => {
                    let (following, cell) = self.remembering(net, x, h, c)?;
                    (h, c) = (Some(following), Some(cell));
                }
            }
            given[step] = h;
        }
        Ok(Steps {
            all: given.into_iter().flatten().collect(),
            last: h.into_iter().chain(c).collect(),
        })
    }

    /// What these rows of the recurrence's weights make of a state.
    fn of_state(
        &self,
        net: &mut Composition,
        state: Part,
        rows: std::ops::Range<usize>,
    ) -> Result<Part, String> {
        net.apply(Self::layer(&self.recurrence, &self.biases[1], rows), &[state])
    }

    fn simple(&self, net: &mut Composition, x: Part, h: Option<Part>) -> Result<Part, String> {
        let sum = match h {
            Some(h) => {
                let of_state = self.of_state(net, h, 0..self.sizes.hidden)?;
                net.apply(Op::Add, &[x, of_state])?
            }
            None => x,
        };
        let h = net.apply(self.functions[0].clone(), &[sum])?;
        kept(net, h, self.most)
    }

    fn gated(
        &self,
        net: &mut Composition,
        x: Part,
        h: Option<Part>,
        resets_product: bool,
    ) -> Result<Part, String> {
        let hidden = self.sizes.hidden;
        let [gate, function] = [0, 1].map(|index| self.functions[index].clone());
        let gates = net.cut(x, 1, 0..2 * hidden)?;
        let new = net.cut(x, 1, 2 * hidden..3 * hidden)?;
        // What is made of h for the gates, and for the new state before it is reset.
        let (gates, of_state) = match h {
            None => (gates, None),
            Some(h) => {
                let rows = if resets_product { 3 * hidden } else { 2 * hidden };
                let of_state = self.of_state(net, h, 0..rows)?;
                let of_gates = net.cut(of_state, 1, 0..2 * hidden)?;
                let gates = net.apply(Op::Add, &[gates, of_gates])?;
                (gates, Some(of_state))
            }
        };
        let gates = net.apply(gate, &[gates])?;
        let keep = net.cut(gates, 1, 0..hidden)?;
        let reset = net.cut(gates, 1, hidden..2 * hidden)?;
        let added = match (h, of_state) {
            (Some(_), Some(of_state)) if resets_product => {
                let of_state = net.cut(of_state, 1, 2 * hidden..3 * hidden)?;
                Some(net.apply(Op::Mul, &[reset, of_state])?)
            }
            (Some(h), _) => {
                let state = net.apply(Op::Mul, &[reset, h])?;
                Some(self.of_state(net, state, 2 * hidden..3 * hidden)?)
            }
            // Of a state of 0 there is the bias.
            (None, _) if resets_product && self.biases[1][2 * hidden..].iter().any(|&x| x != 0.0) => {
                let bias = self.biases[1][2 * hidden..].to_vec();
                let bias = net.constant(Tensor::new([1, hidden], bias))?;
                Some(net.apply(Op::Mul, &[reset, bias])?)
            }
            (None, _) => None,
        };
        let new = match added {
            Some(added) => net.apply(Op::Add, &[new, added])?,
            None => new,
        };
        let new = net.apply(function, &[new])?;
        // (1 − z)·n + z·h = n + z·(h − n).
        let following = match h {
            Some(h) => {
                let difference = net.apply(Op::Sub, &[h, new])?;
                let part = net.apply(Op::Mul, &[keep, difference])?;
                net.apply(Op::Add, &[new, part])?
            }
            None => {
                let part = net.apply(Op::Mul, &[keep, new])?;
                net.apply(Op::Sub, &[new, part])?
            }
        };
        kept(net, following, self.most)
    }

    /// The next h and c.
    fn remembering(
        &self,
        net: &mut Composition,
        x: Part,
        h: Option<Part>,
        c: Option<Part>,
    ) -> Result<(Part, Part), String> {
        let hidden = self.sizes.hidden;
        let sum = match h {
            Some(h) => {
                let of_state = self.of_state(net, h, 0..4 * hidden)?;
                net.apply(Op::Add, &[x, of_state])?
            }
            None => x,
        };
        let gates = net.cut(sum, 1, 0..3 * hidden)?;
        let gates = net.apply(self.functions[0].clone(), &[gates])?;
        let [input, output, forget] = [0, 1, 2].map(|at| net.cut(gates, 1, at * hidden..(at + 1) * hidden));
        let (input, output, forget) = (input?, output?, forget?);
        let new = net.cut(sum, 1, 3 * hidden..4 * hidden)?;
        let new = net.apply(self.functions[1].clone(), &[new])?;
        let mut cell = net.apply(Op::Mul, &[input, new])?;
        if let Some(c) = c {
            let kept = net.apply(Op::Mul, &[forget, c])?;
            cell = net.apply(Op::Add, &[kept, cell])?;
        }
        let cell = kept(net, cell, f32::MAX)?;
        let shown = net.apply(self.functions[2].clone(), &[cell])?;
        let shown = net.apply(Op::Mul, &[output, shown])?;
        Ok((kept(net, shown, self.most)?, cell))
    }
}

/// A state as it is handed on, of which no element exceeds `most`.
fn kept(net: &mut Composition, state: Part, most: f32) -> Result<Part, String> {
    let clip = Piecewise::Clip {
        least: -most,
        greatest: most,
    };
    net.apply(Op::Piecewise(clip), &[state])
}

fn read(node: &Reading<'_>, cell: Cell) -> Result<Meaning, String> {
    let attributes = node.attributes();
    attributes.expect_int("layout", 0)?;
    attributes.expect_int("input_forget", 0)?;
    ensure(attributes.float("clip").is_none(), || "it has a clip".to_owned())?;
    let parameters = ["activation_alpha", "activation_beta"];
    ensure(
        parameters.iter().all(|name| {
            let list = attributes.get(name, AttributeType::Floats);
            list.is_none_or(|list| list.floats.is_empty())
        }),
        || "its functions have parameters of their own".to_owned(),
    )?;
    let reversed: &[bool] = match attributes.text("direction").unwrap_or(b"forward") {
        b"forward" => &[false],
        b"reverse" => &[true],
        b"bidirectional" => &[false, true],
        other => return Err(format!("direction is {}", String::from_utf8_lossy(other))),
    };
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let x = Part::Input(0);
    let &[steps, batch, inputs] = net.shape(x)? else {
        return Err(format!("its input has the shape {:?}", net.shape(x)?));
    };
    let directions = reversed.len();
    ensure(steps * directions <= MOST_STEPS, || {
        format!("it has {steps} steps, and {MOST_STEPS} are the most")
    })?;
    every_step(node, steps)?;
    let recurrence = node.floats(2)?;
    let hidden = recurrence.shape.last().copied().unwrap_or(0);
    let sizes = Sizes {
        steps,
        batch,
        inputs,
        hidden,
    };
    let directions = directions_of(node, cell, sizes, reversed, &recurrence)?;
    if cell == Cell::Lstm && node.argument(7).is_ok() {
        ensure(is_zero(node, 7), || "it has peepholes".to_owned())?;
    }
    let weights = elements(&[steps, directions.len(), cell.blocks() * hidden, hidden]);
    ensure(weights.is_some_and(|weights| weights <= MOST_LOWERED), || {
        "its steps together read more than 2^24 weights".to_owned()
    })?;
    let rows = net.reshaped(x, &[steps * batch, inputs])?;
    let mut layers = Vec::new();
    for (index, direction) in directions.iter().enumerate() {
        let h = initial(&mut net, node, 5, index, sizes, directions.len())?;
        let c = match cell {
            Cell::Lstm => initial(&mut net, node, 6, index, sizes, directions.len())?,
            Cell::Rnn | Cell::Gru { .. } => None,
        };
        layers.push(direction.run(&mut net, rows, [h, c])?);
    }
    let mut sequences = Vec::new();
    for layer in &layers {
        let rows = joined(&mut net, &layer.all, 0)?;
        sequences.push(net.reshaped(rows, &[steps, 1, batch, hidden])?);
    }
    let mut outputs = vec![joined(&mut net, &sequences, 1)?];
    for state in 0..layers[0].last.len() {
        let mut last = Vec::new();
        for layer in &layers {
            last.push(net.reshaped(layer.last[state], &[1, batch, hidden])?);
        }
        outputs.push(joined(&mut net, &last, 0)?);
    }
    Ok(net.giving(outputs))
}

/// Values one after the other along an axis.
fn joined(net: &mut Composition, parts: &[Part], axis: usize) -> Result<Part, String> {
    match *parts {
        [part] => Ok(part),
        _ => net.apply(Op::Concat(Concat { axis }), parts),
    }
}

/// Fails where sequences end at other steps than the last.
fn every_step(node: &Reading<'_>, steps: usize) -> Result<(), String> {
    if node.argument(4).is_err() {
        return Ok(());
    }
    let are_whole = match node.constant(4) {
        Ok(Constant::Ints(lengths)) => lengths
            .data
            .iter()
            .all(|&length| usize::try_from(length) == Ok(steps)),
        _ => false,
    };
    ensure(are_whole, || {
        "its sequences may end before the last step".to_owned()
    })
}

/// Whether an input is a constant of zeros.
fn is_zero(node: &Reading<'_>, position: usize) -> bool {
    node.constant(position)
        .is_ok_and(|constant| constant.to_floats().data.iter().all(|&x| x == 0.0))
}

/// A state that a direction starts from, batch × hidden; none where it is 0.
fn initial(
    net: &mut Composition,
    node: &Reading<'_>,
    position: usize,
    direction: usize,
    sizes: Sizes,
    directions: usize,
) -> Result<Option<Part>, String> {
    if node.argument(position).is_err() || is_zero(node, position) {
        return Ok(None);
    }
    let (batch, hidden) = (sizes.batch, sizes.hidden);
    let all = Part::Input(position);
    ensure(net.shape(all)? == [directions, batch, hidden], || {
        format!("input {position} has another shape than [{directions}, {batch}, {hidden}]")
    })?;
    let own = if directions == 1 {
        all
    } else {
        net.cut(all, 0, direction..direction + 1)?
    };
    net.reshaped(own, &[batch, hidden]).map(Some)
}

/// The layer's directions with their weights and functions.
fn directions_of(
    node: &Reading<'_>,
    cell: Cell,
    sizes: Sizes,
    reversed: &[bool],
    recurrence: &Tensor,
) -> Result<Vec<Direction>, String> {
    let (weight, bias) = (node.floats(1)?, node.optional_floats(3)?);
    let (rows, hidden) = (cell.blocks() * sizes.hidden, sizes.hidden);
    let count = reversed.len();
    let fits = weight.shape == [count, rows, sizes.inputs]
        && recurrence.shape == [count, rows, hidden]
        && bias.as_ref().is_none_or(|bias| bias.shape == [count, 2 * rows]);
    ensure(fits && hidden > 0, || {
        format!("weights of shapes {:?} and {:?}", weight.shape, recurrence.shape)
    })?;
    let functions = functions(node, cell, count)?;
    let part = |tensor: &Tensor, direction: usize| {
        let len = tensor.len() / count;
        let data = tensor.data[direction * len..(direction + 1) * len].to_vec();
        Tensor::new(&tensor.shape[1..], data)
    };
    let directions = reversed.iter().zip(functions).enumerate();
    let directions = directions.map(|(direction, (&is_reversed, functions))| {
        let bias = bias
            .as_ref()
            .map_or_else(|| vec![0.0; 2 * rows], |bias| part(bias, direction).data);
        let (of_input, of_state) = bias.split_at(rows);
        // Both are added at once, but for what a gate multiplies alone.
        let apart = match cell {
            Cell::Gru { resets_product: true } => 2 * hidden,
            Cell::Rnn | Cell::Gru { .. } | Cell::Lstm => rows,
        };
        let together = |at: usize| if at < apart { of_state[at] } else { 0.0 };
        Direction {
            cell,
            sizes,
            weight: part(&weight, direction),
            recurrence: part(recurrence, direction),
            biases: [
                (0..rows).map(|at| of_input[at] + together(at)).collect(),
                (0..rows).map(|at| of_state[at] - together(at)).collect(),
            ],
            most: most(node, cell, &functions),
            functions,
            is_reversed,
        }
    });
    Ok(directions.collect())
}

/// What no element of h exceeds: the states of a GRU are means of the first and of what its function gives.
fn most(node: &Reading<'_>, cell: Cell, functions: &[Op]) -> f32 {
    let is_share = |op: &Op| matches!(op, Op::Sigmoid | Op::Piecewise(Piecewise::HardSigmoid { .. }));
    let first = match (node.argument(5), node.constant(5)) {
        (Err(_), _) => 0.0,
        (Ok(_), Ok(constant)) => constant
            .to_floats()
            .data
            .iter()
            .fold(0.0, |most, x| x.abs().max(most)),
        (Ok(_), Err(_)) => f32::MAX,
    };
    match (cell, functions) {
        (Cell::Gru { .. }, [gate, function])
            if is_share(gate) && (is_share(function) || *function == Op::Tanh) =>
        {
            first.max(1.0)
        }
        _ => f32::MAX,
    }
}

/// The functions of each direction.
fn functions(node: &Reading<'_>, cell: Cell, directions: usize) -> Result<Vec<Vec<Op>>, String> {
    let given = node.attributes().get("activations", AttributeType::Strings);
    let names: Vec<String> = match given.filter(|given| !given.strings.is_empty()) {
        Some(given) => {
            let strings = given.strings.iter();
            strings
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect()
        }
        None => {
            let all = cell.functions().repeat(directions);
            all.into_iter().map(str::to_owned).collect()
        }
    };
    let each = cell.functions().len();
    ensure(names.len() == each * directions, || {
        format!("it names {} functions, not {}", names.len(), each * directions)
    })?;
    let all: Vec<Op> = names
        .iter()
        .map(|name| function(name))
        .collect::<Result<_, _>>()?;
    Ok(all.chunks(each).map(<[Op]>::to_vec).collect())
}

/// A function by its name, with ONNX's defaults for what it is made with.
fn function(name: &str) -> Result<Op, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "relu" => Op::Relu,
        "sigmoid" => Op::Sigmoid,
        "tanh" => Op::Tanh,
        "leakyrelu" => Op::Piecewise(Piecewise::LeakyRelu { alpha: 0.01 }),
        "hardsigmoid" => Op::Piecewise(Piecewise::HardSigmoid {
            alpha: 0.2,
            beta: 0.5,
        }),
        "elu" => Op::Smooth(Smooth::Elu { alpha: 1.0 }),
        "softplus" => Op::Smooth(Smooth::Softplus),
        _ => return Err(format!("its function is {name}")),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tract_onnx::pb::{AttributeProto, NodeProto};

    use super::*;
    use crate::graph::Graph;
    use crate::input::seeded_uniform;
    use crate::onnx::{self, Coverage};
    use crate::program::Integers;
    use crate::quantise::{ProgramOptions, quantise};
    use crate::wire::proto::{File, floats, int, port, text, whole};

    const INPUTS: usize = 3;
    const HIDDEN: usize = 4;
    const SCALE: u32 = 8;

    /// A node of one layer with bias and initial states.
    struct Layer {
        operator: &'static str,
        cell: Cell,
        reversed: &'static [bool],
        steps: usize,
        batch: usize,
    }

    fn sigmoid(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn doubles(tensor: &Tensor) -> Vec<f64> {
        tensor.data.iter().copied().map(f64::from).collect()
    }

    impl Layer {
        fn tensors(&self) -> Vec<Tensor> {
            let (count, rows) = (self.reversed.len(), self.cell.blocks() * HIDDEN);
            let shapes = [
                vec![count, rows, INPUTS],
                vec![count, rows, HIDDEN],
                vec![count, 2 * rows],
                vec![count, self.batch, HIDDEN],
                vec![count, self.batch, HIDDEN],
            ];
            let tensors = shapes.iter().zip(1..);
            tensors.map(|(shape, seed)| seeded_uniform(shape, seed)).collect()
        }

        fn file(&self, more: Vec<AttributeProto>) -> Vec<u8> {
            let names = ["w", "r", "b", "h", "c"];
            let tensors = names.iter().zip(self.tensors());
            let mut initializers: Vec<_> = tensors
                .map(|(name, tensor)| floats((*name).to_owned(), &tensor.shape, &tensor.data))
                .collect();
            initializers.push(whole(
                "lengths".to_owned(),
                None,
                &vec![self.steps as i64; self.batch],
            ));
            let direction = match self.reversed {
                [false] => "forward",
                [true] => "reverse",
                _ => "bidirectional",
            };
            let mut input = ["x", "w", "r", "b", "lengths", "h"].map(str::to_owned).to_vec();
            let mut output = ["y", "y_h"].map(str::to_owned).to_vec();
            if self.cell == Cell::Lstm {
                input.push("c".to_owned());
                output.push("y_c".to_owned());
            }
            let mut attribute = vec![text("direction", direction), int("hidden_size", HIDDEN as i64)];
            if self.cell == (Cell::Gru { resets_product: true }) {
                attribute.push(int("linear_before_reset", 1));
            }
            attribute.extend(more);
            let (count, batch) = (self.reversed.len(), self.batch);
            let mut outputs = vec![port("y", &[self.steps, count, batch, HIDDEN])];
            outputs.extend(output[1..].iter().map(|name| port(name, &[count, batch, HIDDEN])));
            File {
                nodes: vec![NodeProto {
                    name: "layer".to_owned(),
                    op_type: self.operator.to_owned(),
                    input,
                    output,
                    attribute,
                    ..NodeProto::default()
                }],
                initializers,
                inputs: vec![port("x", &[self.steps, batch, INPUTS])],
                outputs,
            }
            .encode(14)
        }

        fn graph(&self) -> Graph {
            match onnx::parse(&self.file(Vec::new()), Path::new("model.onnx"))
                .unwrap()
                .coverage
            {
                Coverage::Full(graph) => graph,
                Coverage::Partial(uncovered) => panic!("{uncovered:?}"),
            }
        }

        /// ONNX's equations, one sequence and one element after the other: Y, Y_h and Y_c.
        fn expected(&self, x: &[f64]) -> Vec<f64> {
            let [of_input, of_recurrence, bias, first_h, first_c] =
                &self.tensors().iter().map(doubles).collect::<Vec<_>>()[..]
            else {
                unreachable!("five tensors");
            };
            let (count, rows) = (self.reversed.len(), self.cell.blocks() * HIDDEN);
            let size = count * self.batch * HIDDEN;
            let mut all = vec![0.0; self.steps * size];
            let (mut last_h, mut last_c) = (vec![0.0; size], vec![0.0; size]);
            for (direction, &is_reversed) in self.reversed.iter().enumerate() {
                for sequence in 0..self.batch {
                    let start = (direction * self.batch + sequence) * HIDDEN;
                    let mut h = first_h[start..start + HIDDEN].to_vec();
                    let mut c = first_c[start..start + HIDDEN].to_vec();
                    for step in 0..self.steps {
                        let step = if is_reversed { self.steps - 1 - step } else { step };
                        let x = &x[(step * self.batch + sequence) * INPUTS..][..INPUTS];
                        let of_x = |row: usize| {
                            let row = direction * rows + row;
                            let products = of_input[row * INPUTS..][..INPUTS].iter().zip(x);
                            products.map(|(w, x)| w * x).sum::<f64>() + bias[row + direction * rows]
                        };
                        let of_state = |row: usize, state: &[f64]| {
                            let row = direction * rows + row;
                            let products = of_recurrence[row * HIDDEN..][..HIDDEN].iter().zip(state);
                            products.map(|(r, h)| r * h).sum::<f64>() + bias[row + direction * rows + rows]
                        };
                        let before = h.clone();
                        let gate = |block: usize, at: usize| {
                            let row = block * HIDDEN + at;
                            of_x(row) + of_state(row, &before)
                        };
                        let reset: Vec<f64> = match self.cell {
                            Cell::Gru { .. } => {
                                (0..HIDDEN).map(|at| sigmoid(gate(1, at)) * before[at]).collect()
                            }
                            Cell::Rnn | Cell::Lstm => Vec::new(),
                        };
                        for at in 0..HIDDEN {
                            match self.cell {
                                Cell::Rnn => h[at] = gate(0, at).tanh(),
                                Cell::Gru { resets_product } => {
                                    let row = 2 * HIDDEN + at;
                                    let of_state = if resets_product {
                                        sigmoid(gate(1, at)) * of_state(row, &before)
                                    } else {
                                        of_state(row, &reset)
                                    };
                                    let keep = sigmoid(gate(0, at));
                                    h[at] = (1.0 - keep) * (of_x(row) + of_state).tanh() + keep * before[at];
                                }
                                Cell::Lstm => {
                                    c[at] = sigmoid(gate(2, at)) * c[at]
                                        + sigmoid(gate(0, at)) * gate(3, at).tanh();
                                    h[at] = sigmoid(gate(1, at)) * c[at].tanh();
                                }
                            }
                        }
                        all[step * size + start..][..HIDDEN].copy_from_slice(&h);
                    }
                    last_h[start..start + HIDDEN].copy_from_slice(&h);
                    last_c[start..start + HIDDEN].copy_from_slice(&c);
                }
            }
            if self.cell == Cell::Lstm {
                [all, last_h, last_c].concat()
            } else {
                [all, last_h].concat()
            }
        }
    }

    /// Every kind of cell in every direction, with states, biases and lengths, over a few steps and over fifty.
    #[test]
    fn states_are_onnxs_after_many_steps() {
        let cells = [
            ("RNN", Cell::Rnn),
            (
                "GRU",
                Cell::Gru {
                    resets_product: false,
                },
            ),
            ("GRU", Cell::Gru { resets_product: true }),
            ("LSTM", Cell::Lstm),
        ];
        let directions: [&'static [bool]; 3] = [&[false], &[true], &[false, true]];
        for (operator, cell) in cells {
            for (reversed, steps, batch) in directions
                .into_iter()
                .flat_map(|reversed| [(reversed, 1, 1), (reversed, 4, 2), (reversed, 50, 1)])
            {
                let layer = Layer {
                    operator,
                    cell,
                    reversed,
                    steps,
                    batch,
                };
                let options = ProgramOptions {
                    scale: SCALE,
                    input: Integers::of_input(SCALE, 1.0),
                    digit_bits: None,
                    roundings: None,
                };
                let program = quantise(&layer.graph(), &options).unwrap();
                let unit = f64::from(SCALE).exp2();
                let drawn = seeded_uniform(&[steps, batch, INPUTS], 7).data;
                let input: Vec<i128> = drawn
                    .iter()
                    .map(|x| (f64::from(*x) * unit).round() as i128)
                    .collect();
                let expected = layer.expected(&input.iter().map(|&x| x as f64 / unit).collect::<Vec<f64>>());
                let found = program.run(&input).values.swap_remove(program.output.0);
                assert_eq!(found.len(), expected.len());
                let result = program.value(program.output);
                for (found, expected) in found.iter().zip(expected) {
                    let found = *found as f64 / result.unit;
                    // Weights have 8 bits after the point.
                    assert!(
                        (found - expected).abs() < 0.02,
                        "{operator} {reversed:?}, {steps} steps: {found} instead of {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_a_layer_is_not_covered_for_is_said() {
        let layer = Layer {
            operator: "LSTM",
            cell: Cell::Lstm,
            reversed: &[false],
            steps: 2,
            batch: 1,
        };
        for (attribute, reason) in [
            (crate::wire::proto::float("clip", 1.0), "it has a clip"),
            (int("input_forget", 1), "input_forget is 1, not 0"),
            (int("layout", 1), "layout is 1, not 0"),
        ] {
            // What EZKL does not read of it is named before what is not covered; either way there is a reason.
            let parsed = onnx::parse(&layer.file(vec![attribute]), Path::new("model.onnx"));
            match parsed {
                Ok(model) => {
                    let Coverage::Partial(uncovered) = model.coverage else {
                        panic!("covered: {reason}");
                    };
                    assert_eq!(uncovered[0].reason, reason);
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}
