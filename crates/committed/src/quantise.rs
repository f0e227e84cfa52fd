//! From the layer graph to the integer program: weights and input at one scale, and rounding only where a range needs it.
//!
//! Before that, three rewrites that change no result: batch norms are folded into the convolutions before them, maxima are
//! taken before rectifying, and averages are sums whose divisor goes into the unit.

use super::error::CommittedError;
use super::program::{Form, Linear, Program, Step, Value, ValueId};
use super::{CommittedOptions, DEFAULT_DIGIT_BITS, DIGIT_BITS};
use evmbench_model::fold;
use evmbench_model::graph::{Graph, Node, Op, Tensor, ValueId as GraphValue, Window};
use evmbench_model::interval::{Interval, LIMIT, Unbounded};

/// What rounded values keep free below the table's end on the negative side, where a few rows of the table are blinding.
const TABLE_MARGIN: i128 = 16;

/// The logarithm of the greatest power of two that a signed integer of 128 bits holds, and so of a digit's place.
const MOST_PLACE_BITS: u32 = 126;

/// The program of `graph` as it is asked for.
pub(super) fn quantise(graph: &Graph, options: &CommittedOptions) -> Result<Program, CommittedError> {
    if let Some(bits) = options.digit_bits.filter(|bits| !DIGIT_BITS.contains(bits)) {
        return Err(CommittedError::DigitBits { bits });
    }
    let graph = rewritten(graph);
    if let Some(roundings) = options.roundings {
        return Quantiser::run(&graph, options, roundings);
    }
    let has_weights = |node: &&Node| !node.op.parameters().is_empty();
    let most = graph.nodes.iter().filter(has_weights).count();
    // Exact to the end where that is not too large, else with as few roundings as will do: each keeps no more bits than the
    // table has, of a bound that can be far above what is there.
    for roundings in 0..most {
        match Quantiser::run(&graph, options, roundings) {
            Err(CommittedError::TooLarge { .. }) => {}
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
        let (Op::Relu, Op::MaxPool2d(window)) = (&graph.nodes[index].op, &graph.nodes[reader].op) else {
            continue;
        };
        let pooled = graph.values[graph.nodes[reader].output.0].shape.clone();
        graph.nodes[index].op = Op::MaxPool2d(*window);
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

/// A batch norm that stands alone, as a factor and an addend for each channel.
fn affine(op: &Op) -> (Vec<f64>, Vec<f64>) {
    let Op::BatchNorm {
        scale,
        bias,
        mean,
        variance,
        epsilon,
    } = op
    else {
        unreachable!("only batch norms are affine");
    };
    (0..scale.len())
        .map(|c| {
            let channel = |tensor: &Tensor| f64::from(tensor.data[c]);
            let factor = channel(scale) / (channel(variance) + f64::from(*epsilon)).sqrt();
            (factor, channel(bias) - factor * channel(mean))
        })
        .unzip()
}

/// A value of the graph that reads of it must be looked up: how large it may be, and whether it must be looked up where it
/// is claimed as well, because not everything that reads it sees what the look-up of another has let through.
#[derive(Clone, Copy)]
struct TableReader {
    limit: i128,
    guarded: bool,
}

struct Quantiser<'a> {
    graph: &'a Graph,
    scale: u32,
    /// How many more values are rounded before a layer of weights reads them.
    roundings: usize,
    program: Program,
    /// For each value of the graph, its number in the program.
    numbers: Vec<Option<ValueId>>,
}

impl<'a> Quantiser<'a> {
    fn run(
        graph: &'a Graph,
        options: &CommittedOptions,
        roundings: usize,
    ) -> Result<Program, CommittedError> {
        let &CommittedOptions {
            scale,
            input: integers,
            digit_bits,
            ..
        } = options;
        let (&[input], &[output]) = (&graph.inputs[..], &graph.outputs[..]) else {
            let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
            return Err(CommittedError::Ports(format!(
                "has {inputs} inputs and {outputs} outputs"
            )));
        };
        let shape = graph.shape(input);
        if !matches!(shape, [1, _, ..]) {
            return Err(CommittedError::Ports(format!(
                "takes an input of shape {shape:?}"
            )));
        }
        let value = Value {
            name: "input".to_owned(),
            shape: shape.to_vec(),
            interval: Interval::checked(integers.range.least, integers.range.greatest).map_err(|source| {
                CommittedError::TooLarge {
                    node: "input".to_owned(),
                    source,
                }
            })?,
            unit: integers.unit,
        };
        let mut numbers = vec![None; graph.values.len()];
        numbers[input.0] = Some(ValueId(0));
        let mut quantiser = Self {
            graph,
            scale,
            roundings,
            program: Program {
                values: vec![value],
                steps: Vec::new(),
                output: ValueId(0),
                base_bits: digit_bits.unwrap_or(DEFAULT_DIGIT_BITS),
                roundings: 0,
            },
            numbers,
        };
        for node in &graph.nodes {
            quantiser.node(node)?;
        }
        quantiser.program.output = quantiser.number(output);
        Ok(quantiser.program)
    }

    fn number(&self, value: GraphValue) -> ValueId {
        self.numbers[value.0].expect("nodes are in topological order")
    }

    fn value(&self, id: ValueId) -> &Value {
        self.program.value(id)
    }

    fn push(&mut self, step: Step, value: Value) -> ValueId {
        self.program.steps.push(step);
        self.program.values.push(value);
        ValueId(self.program.values.len() - 1)
    }

    /// What reads a value of the graph through a table, if anything does.
    fn table_reader(&self, value: GraphValue) -> Option<TableReader> {
        let limit = self.program.base() - TABLE_MARGIN;
        let readers = self
            .graph
            .nodes
            .iter()
            .filter(|node| node.inputs.contains(&value));
        let has_others = readers.clone().count() > 1 || self.graph.outputs.contains(&value);
        let needs = readers.filter_map(|node| match node.op {
            Op::Relu | Op::Sigmoid | Op::Tanh => Some(TableReader {
                limit,
                guarded: false,
            }),
            // Maxima look differences up: they bound the values that they read, where something bounds the maximum.
            Op::MaxPool2d(window) => Some(TableReader {
                limit: limit / 2,
                guarded: !window.reads_whole(self.graph.shape(value))
                    || self.table_reader(node.output).is_none_or(|reader| reader.guarded),
            }),
            Op::Flatten | Op::Reshape { .. } => self.table_reader(node.output),
            Op::Conv2d { .. }
            | Op::Gemm { .. }
            | Op::AvgPool2d(_)
            | Op::BatchNorm { .. }
            | Op::LayerNorm { .. }
            | Op::Mul
            | Op::Add
            | Op::Sub => None,
        });
        let need = needs.reduce(|a, b| TableReader {
            limit: a.limit.min(b.limit),
            guarded: a.guarded || b.guarded,
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
        })
    }

    fn node(&mut self, node: &Node) -> Result<(), CommittedError> {
        let input = self.number(node.inputs[0]);
        let shape = self.graph.shape(node.output).to_vec();
        let output = match &node.op {
            Op::Flatten | Op::Reshape { .. } => {
                if !matches!(shape[..], [1, _, ..]) {
                    return Err(refused(node, "its result has another batch than 1"));
                }
                let value = Value {
                    shape,
                    ..self.value(input).clone()
                };
                self.push(Step::Reshape { input }, value)
            }
            Op::Conv2d {
                weight,
                bias,
                window,
                groups,
            } => {
                let input = self
                    .before_weights(input)
                    .map_err(|source| too_large(node, source))?;
                let linear = self.convolution(node, input, weight, bias.as_ref(), *window, *groups)?;
                self.linear(node, input, linear, shape)?
            }
            Op::BatchNorm { .. } => {
                if shape.len() != 4 {
                    return Err(refused(node, "only images are covered"));
                }
                let (factor, addend) = affine(&node.op);
                let unit = self.value(input).unit;
                let linear = Linear::Affine {
                    factor: integers(node, factor.iter().copied(), self.weight_unit())?,
                    addend: integers(node, addend.iter().copied(), unit * self.weight_unit())?,
                };
                self.linear(node, input, linear, shape)?
            }
            Op::AvgPool2d(window) if self.graph.outputs.contains(&node.output) => {
                self.linear(node, input, Linear::SumPool(*window), shape)?
            }
            Op::AvgPool2d(window) => self.sum_pool(node, input, *window, shape)?,
            Op::MaxPool2d(window) => self.max_pool(node, input, *window, shape)?,
            Op::Relu | Op::Sigmoid | Op::Tanh => self.activation(node, input)?,
            Op::Gemm { weight, bias } => {
                let input = self
                    .before_weights(input)
                    .map_err(|source| too_large(node, source))?;
                self.dense(node, input, weight, bias.as_ref(), shape)?
            }
            Op::Mul => self.product(node, shape)?,
            Op::Add | Op::Sub => self.combine(node, shape)?,
            Op::LayerNorm {
                axis,
                scale,
                bias,
                epsilon,
            } => {
                if *axis != 1 {
                    return Err(refused(
                        node,
                        "only normalisation over all but the batch axis is covered",
                    ));
                }
                self.layer_norm(node, input, scale, bias.as_ref(), *epsilon, shape)?
            }
        };
        self.numbers[node.output.0] = Some(output);
        Ok(())
    }

    fn sum_pool(
        &mut self,
        node: &Node,
        input: ValueId,
        window: Window,
        shape: Vec<usize>,
    ) -> Result<ValueId, CommittedError> {
        let area = window.kernel[0] * window.kernel[1];
        let before = self.value(input);
        let interval = before.interval.repeated(area);
        let value = Value {
            name: node.name.clone(),
            shape,
            interval: interval.map_err(|source| too_large(node, source))?,
            unit: before.unit * area as f64,
        };
        Ok(self.push(Step::SumPool { input, window }, value))
    }

    fn max_pool(
        &mut self,
        node: &Node,
        input: ValueId,
        window: Window,
        shape: Vec<usize>,
    ) -> Result<ValueId, CommittedError> {
        let input = self
            .within_table(input, 2, true)
            .map_err(|source| too_large(node, source))?;
        let value = Value {
            name: node.name.clone(),
            shape,
            ..self.value(input).clone()
        };
        Ok(self.push(Step::MaxPool { input, window }, value))
    }

    /// A rectifier, sigmoid or tanh: each element looked up.
    fn activation(&mut self, node: &Node, input: ValueId) -> Result<ValueId, CommittedError> {
        let input = self
            .within_table(input, 1, false)
            .map_err(|source| too_large(node, source))?;
        let before = self.value(input).clone();
        let (step, interval) = if node.op == Op::Relu {
            (Step::Rectify { input }, before.interval.rectified())
        } else {
            let scale = before.unit.log2();
            if scale.fract() != 0.0 || !(0.0..=31.0).contains(&scale) {
                return Err(refused(node, "its input's unit is no power of two"));
            }
            let scale = scale as u32;
            let greatest = 1 << scale;
            if node.op == Op::Sigmoid {
                (Step::Sigmoid { input, scale }, Interval { least: 0, greatest })
            } else {
                (Step::Tanh { input, scale }, Interval::symmetric(greatest))
            }
        };
        let value = Value {
            name: node.name.clone(),
            interval,
            ..before
        };
        Ok(self.push(step, value))
    }

    fn product(&mut self, node: &Node, shape: Vec<usize>) -> Result<ValueId, CommittedError> {
        let (left, right) = (self.number(node.inputs[0]), self.number(node.inputs[1]));
        let (a, b) = (self.value(left), self.value(right));
        let interval = if left == right {
            a.interval.squared()
        } else {
            a.interval.times(b.interval)
        };
        let value = Value {
            name: node.name.clone(),
            shape,
            interval: interval.map_err(|source| too_large(node, source))?,
            unit: a.unit * b.unit,
        };
        Ok(self.push(Step::Multiply { left, right }, value))
    }

    /// Units of a weight that make 1.
    fn weight_unit(&self) -> f64 {
        f64::from(self.scale).exp2()
    }

    fn convolution(
        &self,
        node: &Node,
        input: ValueId,
        weight: &Tensor,
        bias: Option<&Tensor>,
        window: Window,
        groups: usize,
    ) -> Result<Linear, CommittedError> {
        let unit = self.value(input).unit * self.weight_unit();
        Ok(Linear::Convolution {
            weight: integers(node, floats(weight), self.weight_unit())?,
            weight_shape: weight.shape[..]
                .try_into()
                .expect("a convolution's weight has four axes"),
            bias: bias_integers(node, bias, weight.shape[0], unit)?,
            window,
            groups,
        })
    }

    fn dense(
        &mut self,
        node: &Node,
        input: ValueId,
        weight: &Tensor,
        bias: Option<&Tensor>,
        shape: Vec<usize>,
    ) -> Result<ValueId, CommittedError> {
        let before = self.value(input);
        let outputs = weight.shape[0];
        let unit = before.unit * self.weight_unit();
        let bias = bias_integers(node, bias, outputs, unit)?;
        let weight = integers(node, floats(weight), self.weight_unit())?;
        let rows = weight.chunks(weight.len() / outputs).zip(&bias);
        let interval = hull(rows.map(|(row, &bias)| before.interval.weighted(row, bias)));
        let value = Value {
            name: node.name.clone(),
            shape,
            interval: interval.map_err(|source| too_large(node, source))?,
            unit,
        };
        let step = Step::Dense {
            input,
            weight,
            outputs,
            bias,
        };
        Ok(self.push(step, value))
    }

    /// A linear layer that is claimed: as it is, or rounded where what reads it needs that.
    fn linear(
        &mut self,
        node: &Node,
        input: ValueId,
        linear: Linear,
        shape: Vec<usize>,
    ) -> Result<ValueId, CommittedError> {
        let too_large = |source| too_large(node, source);
        let before = self.value(input);
        let (interval, unit) = match &linear {
            Linear::Convolution { weight, bias, .. } => {
                // Padding reads 0, which the interval must hold.
                let read = before.interval.hull(Interval {
                    least: 0,
                    greatest: 0,
                });
                let rows = weight.chunks(weight.len() / bias.len()).zip(bias);
                let interval = hull(rows.map(|(row, &bias)| read.weighted(row, bias))).map_err(too_large)?;
                (interval, before.unit * self.weight_unit())
            }
            Linear::Affine { factor, addend } => {
                let channels = factor.iter().zip(addend);
                let interval =
                    hull(channels.map(|(&w, &a)| before.interval.weighted(&[w], a))).map_err(too_large)?;
                (interval, before.unit * self.weight_unit())
            }
            Linear::SumPool(window) => {
                let area = window.kernel[0] * window.kernel[1];
                (
                    before.interval.repeated(area).map_err(too_large)?,
                    before.unit * area as f64,
                )
            }
            Linear::Same => (before.interval, before.unit),
        };
        let exact = Value {
            name: node.name.clone(),
            shape,
            interval,
            unit,
        };
        match self.table_reader(node.output) {
            Some(reader) if interval.magnitude() > reader.limit => self
                .rounded(input, linear, exact, reader.limit, reader.guarded)
                .map_err(too_large),
            _ => Ok(self.push(
                Step::Claimed {
                    input,
                    linear,
                    form: Form::Exact,
                },
                exact,
            )),
        }
    }

    /// The value itself where a table can take it (its differences, with `parts` 2), and else rounded.
    fn within_table(&mut self, input: ValueId, parts: i128, guarded: bool) -> Result<ValueId, Unbounded> {
        let limit = (self.program.base() - TABLE_MARGIN) / parts;
        if self.value(input).interval.magnitude() <= limit {
            return Ok(input);
        }
        let exact = self.value(input).clone();
        self.rounded(input, Linear::Same, exact, limit, guarded)
    }

    /// What a layer of weights reads: at most a digit wide while there are roundings left.
    fn before_weights(&mut self, input: ValueId) -> Result<ValueId, Unbounded> {
        let exact = self.value(input).clone();
        let limit = self.program.base() / 2 - 1;
        if self.roundings == 0 || exact.interval.magnitude() <= self.program.base() {
            return Ok(input);
        }
        self.roundings -= 1;
        self.program.roundings += 1;
        self.rounded(input, Linear::Same, exact, limit, true)
    }

    /// A claimed layer, divided by a power of two so that its magnitude is at most `limit`.
    fn rounded(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        limit: i128,
        guarded: bool,
    ) -> Result<ValueId, Unbounded> {
        let base = self.program.base();
        let magnitude = exact.interval.magnitude();
        let mut digits = 1;
        // One more for what rounding adds.
        while base
            .checked_pow(digits)
            .and_then(|divisor| divisor.checked_mul(limit - 1))
            .ok_or(Unbounded)?
            < magnitude
        {
            digits += 1;
        }
        let divisor = base.pow(digits);
        let mut multiplier = 1;
        while magnitude
            .checked_mul(multiplier * 2)
            .is_some_and(|doubled| doubled < LIMIT && doubled / divisor < limit)
        {
            multiplier *= 2;
        }
        let quotient = |integer: i128| (integer * multiplier + divisor / 2).div_euclid(divisor);
        let value = Value {
            interval: Interval {
                least: quotient(exact.interval.least),
                greatest: quotient(exact.interval.greatest),
            },
            unit: exact.unit * multiplier as f64 / divisor as f64,
            ..exact
        };
        let form = Form::Rounded {
            multiplier,
            digits,
            guarded,
        };
        Ok(self.push(Step::Claimed { input, linear, form }, value))
    }

    fn combine(&mut self, node: &Node, shape: Vec<usize>) -> Result<ValueId, CommittedError> {
        let (left, right) = (self.number(node.inputs[0]), self.number(node.inputs[1]));
        let (a, b) = (self.value(left), self.value(right));
        let ratio = (a.unit / b.unit).log2();
        if ratio.fract() != 0.0 || ratio.abs() > 64.0 {
            return Err(CommittedError::NotCovered {
                operator: node.op.onnx_name(),
                node: node.name.clone(),
                reason: "the units of its inputs differ by no power of two",
            });
        }
        let (left_shift, right_shift) = ((-ratio).max(0.0) as u32, ratio.max(0.0) as u32);
        let subtract = node.op == Op::Sub;
        let shifted = |interval: Interval, shift: u32| interval.weighted(&[1 << shift], 0);
        let interval = shifted(a.interval, left_shift).and_then(|a| {
            let b = shifted(b.interval, right_shift)?;
            if subtract { a.minus(b) } else { a.plus(b) }
        });
        let value = Value {
            name: node.name.clone(),
            shape,
            interval: interval.map_err(|source| too_large(node, source))?,
            unit: a.unit.max(b.unit),
        };
        let step = Step::Combine {
            left,
            left_shift,
            right,
            right_shift,
            subtract,
        };
        Ok(self.push(step, value))
    }

    /// y = γ · (N·x − Σx) · r + β, where r is the integer part of 2^root_bits / √(N·Σx² − (Σx)² + ε).
    fn layer_norm(
        &mut self,
        node: &Node,
        input: ValueId,
        scale: &Tensor,
        bias: Option<&Tensor>,
        epsilon: f32,
        shape: Vec<usize>,
    ) -> Result<ValueId, CommittedError> {
        let too_large = |source| too_large(node, source);
        let before = self.value(input);
        let count = scale.len() as i128;
        let bound = before.interval.magnitude().max(1);
        // N·bound bounds the root: with this numerator r has scale + 6 bits even then.
        let widest = count.checked_mul(bound).ok_or(too_large(Unbounded))?;
        let root_bits = widest.next_power_of_two_bits() + self.scale + 6;
        let epsilon = (f64::from(epsilon) * before.unit.powi(2) * (count * count) as f64).max(1.0) as i128;
        // The numerator, the radicand and the remainders must all be read back as integers.
        let radicand = widest
            .checked_pow(2)
            .and_then(|square| square.checked_add(epsilon))
            .filter(|&radicand| radicand < LIMIT && 2 * root_bits < LIMIT.ilog2())
            .ok_or(too_large(Unbounded))?;
        let unit = self.weight_unit() * f64::from(root_bits).exp2();
        let zero = Tensor::new(scale.shape.clone(), vec![0.0; scale.len()]);
        let shift = 1i128 << root_bits;
        let bias = integers(node, floats(bias.unwrap_or(&zero)), self.weight_unit())?;
        let bias = bias.into_iter().map(|integer| integer.checked_mul(shift));
        let bias: Vec<i128> = bias.collect::<Option<_>>().ok_or_else(|| too_large(Unbounded))?;
        let scale = integers(node, floats(scale), self.weight_unit())?;
        let root = Interval {
            least: 0,
            greatest: inverse_root(epsilon, root_bits),
        };
        let centred = before
            .interval
            .repeated(scale.len())
            .and_then(|x| x.minus(x))
            .map_err(too_large)?;
        let greatest = |numbers: &[i128]| numbers.iter().map(|number| number.abs()).max().unwrap_or(0);
        let interval = centred
            .times(root)
            .and_then(|product| product.weighted(&[greatest(&scale)], 0))
            .and_then(|product| product.plus(Interval::symmetric(greatest(&bias))))
            .map_err(too_large)?;
        let value = Value {
            name: node.name.clone(),
            shape,
            interval,
            unit,
        };
        let step = Step::LayerNorm {
            input,
            scale,
            bias,
            epsilon,
            root_bits,
        };
        let id = self.push(step, value);
        // Whatever is claimed for the root's digits, r²·V must not wrap around the field's modulus, of 254 bits; and the
        // digits' places are constants.
        let digits = self.program.root_digits(id.0 - 1);
        let widest_root = self.program.base_bits * digits.root as u32;
        let widest_place = self.program.base_bits * (digits.remainder as u32 - 1);
        if 2 * widest_root + radicand.ilog2() + 1 > 250 || widest_place > MOST_PLACE_BITS {
            return Err(too_large(Unbounded));
        }
        Ok(id)
    }
}

/// Bits of the next power of two.
trait Bits {
    fn next_power_of_two_bits(self) -> u32;
}

impl Bits for i128 {
    fn next_power_of_two_bits(self) -> u32 {
        self.cast_unsigned().next_power_of_two().trailing_zeros()
    }
}

/// The largest r with r² · radicand ≤ 2^(2·bits).
pub(super) fn inverse_root(radicand: i128, bits: u32) -> i128 {
    ((1i128 << (2 * bits)) / radicand).isqrt()
}

fn refused(node: &Node, reason: &'static str) -> CommittedError {
    CommittedError::NotCovered {
        operator: node.op.onnx_name(),
        node: node.name.clone(),
        reason,
    }
}

fn too_large(node: &Node, source: Unbounded) -> CommittedError {
    CommittedError::TooLarge {
        node: node.name.clone(),
        source,
    }
}

/// Numbers as integers of this unit, each below [`LIMIT`] in magnitude.
fn integers(node: &Node, numbers: impl Iterator<Item = f64>, unit: f64) -> Result<Vec<i128>, CommittedError> {
    let integer = |number: f64| {
        let units = (number * unit).round();
        if units.is_nan() {
            return Err(refused(node, "a weight is not a number"));
        }
        // What f64 cannot hold, infinity among it, becomes the nearest i128, beyond the limit.
        let integer = units as i128;
        if integer.unsigned_abs() < LIMIT.unsigned_abs() {
            Ok(integer)
        } else {
            Err(too_large(node, Unbounded))
        }
    };
    numbers.map(integer).collect()
}

fn floats(tensor: &Tensor) -> impl Iterator<Item = f64> + '_ {
    tensor.data.iter().map(|&x| f64::from(x))
}

fn bias_integers(
    node: &Node,
    bias: Option<&Tensor>,
    outputs: usize,
    unit: f64,
) -> Result<Vec<i128>, CommittedError> {
    match bias {
        Some(bias) => integers(node, floats(bias), unit),
        None => Ok(vec![0; outputs]),
    }
}

fn hull(intervals: impl Iterator<Item = Result<Interval, Unbounded>>) -> Result<Interval, Unbounded> {
    intervals
        .reduce(|a, b| Ok(a?.hull(b?)))
        .expect("a layer has outputs")
}
