//! From the integer program to the circuit: what is committed, what is computed, and the one check under the challenge.
//!
//! Each claimed layer is an identity between committed tensors, element by element. The check is the sum of all elements'
//! residuals, each times its own power of ρ: the identities one after the other, 2^[`Builder::degree_bits`] powers apart,
//! and within each the tensor's own weighting. Digits of rounded tensors come in with their place's power of the base.
//!
//! A range that a bound rests on is shown by look-ups. EZKL's ONNX loader, which circuits once went through, dropped those whose results
//! nothing reads; the writer drops none. Two rules
//! keep them, whoever reads the tensor:
//!
//! - What is looked up for its range alone (the input, digits, quotients that no rectifier bounds) is read whole by an
//!   identity of the check, each element with its own power of ρ ([`Builder::check_range`], [`Builder::claimed`],
//!   [`Builder::number`]).
//! - Any other look-up has a result in which every element is read on the way to the check or to a public output
//!   ([`Builder::keep_lookups`]); so none is dropped, and the key has as many as this module counts.

use std::collections::HashMap;

use super::super::graph::Window;
use super::challenge::{Axis, Challenge, Weighting};
use super::circuit::{Circuit, Lookups, NodeId, RECTIFIER_EXACT, Table, rectifies_exactly};
use super::error::CommittedError;
use super::interval::Interval;
use super::program::{Form, Linear, Program, Step, ValueId};
use super::windows;

/// The logarithm of the base in which a fully connected layer's bias is written, which `f32` may not hold.
const BIAS_RADIX_BITS: u32 = 16;

/// The logarithm of the number of powers of ρ that a check may have: what the bound on false claims is computed with.
const MOST_POWERS_BITS: usize = 24;

/// How it is assured that the input's integers are in the range that everything rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputRange {
    /// By whoever reads or trusts the input: it is public, or its commitment is known.
    Assumed,
    /// By the circuit.
    Checked,
}

/// What is public of a circuit beside its check and its challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exposure {
    /// Every element of the input.
    pub(super) input: bool,
    /// Every element of the output; otherwise it is committed by itself.
    pub(super) output: bool,
}

/// Elements of each committed tensor, in the order of the commitments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// The input.
    pub(super) input: usize,
    /// The output, where it is committed by itself.
    pub(super) output: usize,
    /// Everything else that is claimed.
    pub(super) claims: usize,
}

/// A circuit laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Its graph.
    pub(super) circuit: Circuit,
    /// Its committed tensors.
    pub(super) sizes: Sizes,
    /// Least and greatest number that is looked up; none where nothing is.
    pub(super) table: Option<(i128, i128)>,
}

/// The widest table there can be, at its upper end: where digits are looked up, it ends at the base less one.
fn table_end(program: &Program) -> i128 {
    if has_digits(program) {
        program.base() - 1
    } else {
        RECTIFIER_EXACT
    }
}

/// Names of the circuit's inputs, in order.
pub(super) const INPUT: &str = "input";
/// The committed output.
pub(super) const OUTPUT: &str = "output";
/// Everything else that is committed.
pub(super) const CLAIMS: &str = "claims";
/// ρ.
pub(super) const CHALLENGE: &str = "challenge";

/// The identities, each a list of what its residual has at every power of the radix, which is the base of digits.
struct Check {
    radix_bits: u32,
    identities: Vec<Vec<Option<NodeId>>>,
}

impl Check {
    /// Adds to the last identity's residual, at a power of the radix.
    fn add(&mut self, circuit: &mut Circuit, level: usize, scalar: NodeId) {
        let place = self.place(level);
        *place = Some(match *place {
            Some(sum) => circuit.add(sum, scalar),
            None => scalar,
        });
    }

    /// Subtracts likewise.
    fn subtract(&mut self, circuit: &mut Circuit, level: usize, scalar: NodeId) {
        let place = self.place(level);
        *place = Some(match *place {
            Some(sum) => circuit.subtract(sum, scalar),
            None => circuit.negate(scalar),
        });
    }

    /// Every scalar that a residual is summed from.
    fn terms(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.identities.iter().flatten().copied().flatten()
    }

    /// What the last identity's residual has at a power of the radix.
    fn place(&mut self, level: usize) -> &mut Option<NodeId> {
        let residual = self.identities.last_mut().expect("an identity was begun");
        if residual.len() <= level {
            residual.resize(level + 1, None);
        }
        &mut residual[level]
    }

    /// The one number that must be 0.
    fn total(&self, circuit: &mut Circuit, next: NodeId) -> NodeId {
        let levels = self.identities.iter().map(Vec::len).max().unwrap_or(0);
        let mut total = None;
        for level in 0..levels {
            let mut sum = None;
            for residual in self.identities.iter().rev() {
                sum = sum.map(|sum| circuit.multiply(sum, next));
                if let Some(term) = residual.get(level).copied().flatten() {
                    sum = Some(sum.map_or(term, |sum| circuit.add(sum, term)));
                }
            }
            let radix = 1 << (self.radix_bits as usize * level);
            if let Some(sum) = sum.map(|sum| circuit.scale(sum, radix)) {
                total = Some(total.map_or(sum, |total| circuit.add(total, sum)));
            }
        }
        total.expect("a program claims something")
    }
}

/// Lays a program out.
///
/// # Errors
/// [`CommittedError::WideTable`] and [`CommittedError::ManyPowers`].
pub(super) fn lay_out(
    program: &Program,
    range: InputRange,
    exposure: Exposure,
) -> Result<Layout, CommittedError> {
    let end = table_end(program);
    let bound = program.values[0].interval.magnitude();
    // A range of ±bound is checked by numbers from 0 to 2·bound.
    if range == InputRange::Checked && 2 * bound > end {
        return Err(CommittedError::WideTable {
            greatest: 2 * bound,
            end,
        });
    }
    let layout = Builder::new(program, range, exposure).build()?;
    let Some((_, greatest)) = layout.table else {
        return Ok(layout);
    };
    if greatest > end {
        return Err(CommittedError::WideTable { greatest, end });
    }
    let is_inexact =
        |lookups: &Lookups| lookups.table == Table::Rectifier && !rectifies_exactly(lookups.scale, greatest);
    if layout.circuit.lookups().iter().any(is_inexact) {
        return Err(CommittedError::InexactTable {
            table: Table::Rectifier.name(),
        });
    }
    Ok(layout)
}

struct Builder<'a> {
    program: &'a Program,
    circuit: Circuit,
    challenge: Challenge,
    rho: NodeId,
    degree_bits: usize,
    check: Check,
    /// Each value's elements.
    values: Vec<NodeId>,
    output: Option<NodeId>,
    claims: Option<NodeId>,
    claimed: usize,
    sizes: Sizes,
    rectified: HashMap<NodeId, NodeId>,
    /// Bounds of what is looked up.
    table: Option<(i128, i128)>,
    /// The table's end, where something rests on nothing beyond it being in the table.
    end: Option<i128>,
    exposure: Exposure,
}

/// Where numbers below the base must be looked up, so that the table must end at the base less one.
fn has_digits(program: &Program) -> bool {
    program.steps.iter().any(|step| {
        matches!(
            step,
            Step::Claimed {
                form: Form::Rounded { .. },
                ..
            } | Step::LayerNorm { .. }
        )
    })
}

impl<'a> Builder<'a> {
    fn new(program: &'a Program, range: InputRange, exposure: Exposure) -> Self {
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        let last = program.steps.len() - 1;
        let claimed: usize = (0..=last).flat_map(|index| program.claims(index)).sum();
        let output = if exposure.output {
            0
        } else {
            elements(&program.value(program.output).shape)
        };
        let sizes = Sizes {
            input: elements(&program.values[0].shape),
            output,
            claims: claimed - output,
        };
        let degree_bits = program
            .values
            .iter()
            .map(|value| Weighting::of(&value.shape).degree_bits());
        let degree_bits = degree_bits.max().unwrap_or(0).max(1);
        let mut circuit = Circuit::default();
        let input = circuit.input(INPUT, sizes.input);
        let output = (sizes.output > 0).then(|| circuit.input(OUTPUT, sizes.output));
        let claims = (sizes.claims > 0).then(|| circuit.input(CLAIMS, sizes.claims));
        let rho = circuit.input(CHALLENGE, 1);
        let challenge = Challenge::new(&mut circuit, rho, degree_bits);
        let mut builder = Self {
            program,
            circuit,
            challenge,
            rho,
            degree_bits,
            check: Check {
                radix_bits: program.base_bits,
                identities: Vec::new(),
            },
            values: Vec::new(),
            output,
            claims,
            claimed: 0,
            sizes,
            rectified: HashMap::new(),
            table: has_digits(program).then(|| (0, program.base() - 1)),
            end: has_digits(program).then(|| program.base() - 1),
            exposure,
        };
        let image = builder.circuit.reshape(input, &program.values[0].shape[1..]);
        if range == InputRange::Checked {
            builder.check_range(image);
        }
        builder.values.push(image);
        builder
    }

    fn build(mut self) -> Result<Layout, CommittedError> {
        for index in 0..self.program.steps.len() {
            let node = self.step(index)?;
            self.values.push(node);
        }
        self.keep_lookups()?;
        let powers = (self.check.identities.len() as u128) << self.degree_bits;
        let limit = 1 << MOST_POWERS_BITS;
        if powers > limit {
            return Err(CommittedError::ManyPowers { powers, limit });
        }
        let next = self.challenge.square(self.degree_bits);
        let check = self.check.total(&mut self.circuit, next);
        self.circuit.output("check", check);
        self.circuit.output("rho", self.rho);
        if self.exposure.output {
            let output = self.node(self.program.output);
            let list = self.flat(output);
            self.circuit.output("result", list);
        }
        if self.exposure.input {
            let input = self.node(ValueId(0));
            let list = self.flat(input);
            self.circuit.output("shown", list);
        }
        Ok(Layout {
            circuit: self.circuit,
            sizes: self.sizes,
            table: self.table,
        })
    }

    fn node(&self, id: ValueId) -> NodeId {
        self.values[id.0]
    }

    fn flat(&mut self, node: NodeId) -> NodeId {
        let len = self.circuit.len(node);
        self.circuit.reshape(node, &[len])
    }

    /// Sizes of a value without the batch axis.
    fn shape(&self, id: ValueId) -> &'a [usize] {
        &self.program.value(id).shape[1..]
    }

    /// The next part of the claims.
    fn claim(&mut self, shape: &[usize]) -> NodeId {
        let claims = self.claims.expect("there are claims where something is claimed");
        let len: usize = shape.iter().product();
        let part = self
            .circuit
            .gather(claims, 0, (self.claimed..self.claimed + len).collect());
        self.claimed += len;
        self.circuit.reshape(part, shape)
    }

    /// The first claim of a step: the committed output, where this is it.
    fn result_claim(&mut self, index: usize) -> NodeId {
        let id = ValueId(index + 1);
        match self.output {
            Some(output) if id == self.program.output => self.circuit.reshape(output, self.shape(id)),
            _ => self.claim(self.shape(id)),
        }
    }

    /// Widens the table to hold these numbers, at its lower end alone where its upper end is a bound that something rests on.
    fn look_up(&mut self, bound: (i128, i128)) {
        assert!(
            self.end.is_none_or(|end| bound.1 <= end),
            "the table's end is a bound"
        );
        let (least, greatest) = self.table.unwrap_or(bound);
        self.table = Some((least.min(bound.0), greatest.max(bound.1)));
    }

    /// max(v, 0), looked up once.
    fn rectify(&mut self, node: NodeId, bound: (i128, i128)) -> NodeId {
        self.look_up(bound);
        if let Some(&rectified) = self.rectified.get(&node) {
            return rectified;
        }
        let rectified = self.circuit.lookup(Table::Rectifier, node);
        self.rectified.insert(node, rectified);
        rectified
    }

    /// Holds every element x of the input to its interval [l, g], by an identity that is there whoever reads x: g − x is looked
    /// up, and with v = max(g − x, 0) the identity is v + x = g. It has v = g − x, so that x is a whole number and at most g.
    /// Where the table ends at g − l, v is no greater, and x is at least l. Where it ends beyond, v + (end − (g − l)) is looked
    /// up as well, which shows the same of v, and the identity reads the result of that.
    fn check_range(&mut self, image: NodeId) {
        let Interval { least, greatest } = self.program.values[0].interval;
        let width = greatest - least;
        let end = self.end.unwrap_or_else(|| self.greatest_lookup().max(width));
        self.end = Some(end);
        let spare = end - width;
        let below = self.circuit.complement(greatest, image);
        let mut looked_up = self.rectify(below, (0, width));
        if spare > 0 {
            let shifted = self.circuit.offset(looked_up, spare);
            looked_up = self.rectify(shifted, (spare, end));
        }
        let weighting = Weighting::of(self.shape(ValueId(0)));
        self.check.identities.push(Vec::new());
        for node in [looked_up, image] {
            let sum = self.contract(node, weighting);
            self.check.add(&mut self.circuit, 0, sum);
        }
        let total = self.challenge.total(&mut self.circuit, weighting);
        let total = self.circuit.scale(total, greatest + spare);
        self.check.subtract(&mut self.circuit, 0, total);
    }

    /// The greatest number that any step looks up.
    fn greatest_lookup(&self) -> i128 {
        let interval = |id: &ValueId| self.program.value(*id).interval;
        let looked_up = self.program.steps.iter().map(|step| match step {
            Step::Rectify { input } | Step::Sigmoid { input, .. } | Step::Tanh { input, .. } => {
                interval(input).greatest
            }
            Step::MaxPool { input, .. } => {
                let interval = interval(input);
                interval.greatest - interval.least
            }
            Step::Claimed { .. }
            | Step::Dense { .. }
            | Step::SumPool { .. }
            | Step::Multiply { .. }
            | Step::Combine { .. }
            | Step::Reshape { .. }
            | Step::LayerNorm { .. } => 0,
        });
        looked_up.max().unwrap_or(0)
    }

    /// Ties the look-ups of which some results are read by nothing, so that all of them are in the check: for v = max(z, 0),
    /// v · (v − z) = 0, each element with its own power of ρ.
    ///
    /// Nothing is wrong where such a result is false, for nothing reads it. But the loader drops those look-ups, and a key
    /// with fewer than were laid out could not be told from one in which a range is not checked.
    ///
    /// # Errors
    /// [`CommittedError::UnreadTable`] for a look-up in another table, whose results satisfy no such equation.
    fn keep_lookups(&mut self) -> Result<(), CommittedError> {
        loop {
            let mut roots: Vec<NodeId> = self.check.terms().collect();
            if self.exposure.output {
                roots.push(self.node(self.program.output));
            }
            // The input's elements are shown, not results of look-ups.
            let Some((table, result)) = self.circuit.partly_read_lookup(&roots) else {
                return Ok(());
            };
            if table != Table::Rectifier {
                return Err(CommittedError::UnreadTable { table: table.name() });
            }
            let input = self.circuit.inputs(result)[0];
            let negative = self.circuit.subtract(result, input);
            let product = self.circuit.multiply(result, negative);
            let weighting = Weighting::of(self.circuit.shape(result));
            assert!(
                weighting.degree_bits() <= self.degree_bits,
                "what is looked up has the shape of a value"
            );
            self.check.identities.push(Vec::new());
            let sum = self.contract(product, weighting);
            self.check.add(&mut self.circuit, 0, sum);
        }
    }

    /// Σ ρ^i · element i.
    fn contract(&mut self, node: NodeId, weighting: Weighting) -> NodeId {
        self.challenge.contract(&mut self.circuit, weighting, node)
    }

    /// A step's value.
    fn step(&mut self, index: usize) -> Result<NodeId, CommittedError> {
        let program = self.program;
        let id = ValueId(index + 1);
        let node = match &program.steps[index] {
            Step::Claimed { input, linear, form } => return Ok(self.claimed(index, *input, linear, *form)),
            Step::LayerNorm {
                input,
                scale,
                bias,
                epsilon,
                root_bits,
            } => {
                return Ok(self.layer_norm(index, *input, scale, bias, *epsilon, *root_bits));
            }
            Step::Dense {
                input,
                weight,
                outputs,
                bias,
            } => {
                let input = self.node(*input);
                let input = self.flat(input);
                let inputs = self.circuit.len(input);
                let weight = self.circuit.constant(&[*outputs, inputs], weight.clone());
                let mut sum = self.circuit.einsum("oi,i->o", weight, input);
                for (level, digits) in radix_digits(bias, BIAS_RADIX_BITS).into_iter().enumerate() {
                    let radix = 1i128 << (BIAS_RADIX_BITS as usize * level);
                    if digits.iter().any(|&digit| digit != 0) {
                        let digits: Vec<i128> = digits.iter().map(|digit| digit * radix).collect();
                        let addend = self.circuit.constant(&[*outputs], digits);
                        sum = self.circuit.add(sum, addend);
                    }
                }
                sum
            }
            Step::SumPool { input, window } => {
                let taps = self.taps(*input, window);
                let sum = taps.into_iter().reduce(|a, b| self.circuit.add(a, b));
                sum.expect("a kernel is not empty")
            }
            Step::MaxPool { input, window } => self.max_pool(*input, window),
            Step::Rectify { input } => {
                let interval = program.value(*input).interval;
                let input = self.node(*input);
                self.rectify(input, (interval.least, interval.greatest))
            }
            Step::Sigmoid { input, scale } => self.function(index, *input, *scale, Table::Sigmoid)?,
            Step::Tanh { input, scale } => self.function(index, *input, *scale, Table::Tanh)?,
            Step::Multiply { left, right } => {
                let (left, right) = (self.node(*left), self.node(*right));
                self.circuit.multiply(left, right)
            }
            Step::Combine {
                left,
                left_shift,
                right,
                right_shift,
                subtract,
            } => {
                let shifted = |builder: &mut Self, id: &ValueId, shift: u32| {
                    let node = builder.node(*id);
                    builder.circuit.scale(node, 1 << shift)
                };
                let left = shifted(self, left, *left_shift);
                let right = shifted(self, right, *right_shift);
                if *subtract {
                    self.circuit.subtract(left, right)
                } else {
                    self.circuit.add(left, right)
                }
            }
            Step::Reshape { input } => self.node(*input),
        };
        Ok(self.circuit.reshape(node, self.shape(id)))
    }

    /// A table of a function, built for the unit of what is looked up: 2^`scale` of its integers make 1. EZKL builds it for
    /// the scale that the node is labelled with, which what comes before may have raised.
    fn function(
        &mut self,
        index: usize,
        input: ValueId,
        scale: u32,
        table: Table,
    ) -> Result<NodeId, CommittedError> {
        let interval = self.program.value(input).interval;
        self.look_up((interval.least, interval.greatest));
        let node = self.node(input);
        let more = scale
            .checked_sub(self.circuit.label(node))
            .ok_or(CommittedError::NotCovered {
                operator: table.name(),
                node: self.program.values[index + 1].name.clone(),
                reason: "its input's integers are coarser than the scale that EZKL takes them to stand at",
            })?;
        let labelled = self.circuit.relabel(node, more);
        Ok(self.circuit.lookup(table, labelled))
    }

    /// For each position of the window, the elements that the outputs read there; where that is padding, the nearest element
    /// that the same window reads, which changes no maximum.
    fn taps(&mut self, input: ValueId, window: &Window) -> Vec<NodeId> {
        let node = self.node(input);
        let &[_, height, width] = self.shape(input) else {
            panic!("a window reads channels, rows and columns");
        };
        let [rows, columns] = window
            .output_size([height, width])
            .expect("the graph's shapes fit");
        let sizes = [height, width];
        let read = |axis: usize, count: usize, tap: usize| {
            let position = |i: usize| (i * window.stride[axis] + tap).saturating_sub(window.padding[axis]);
            (0..count).map(|i| position(i).min(sizes[axis] - 1)).collect()
        };
        let mut taps = Vec::new();
        for u in 0..window.kernel[0] {
            let by_row = self.circuit.gather(node, 1, read(0, rows, u));
            for v in 0..window.kernel[1] {
                taps.push(self.circuit.gather(by_row, 2, read(1, columns, v)));
            }
        }
        taps
    }

    /// A tournament: max(a, b) = b + max(a − b, 0).
    fn max_pool(&mut self, input: ValueId, window: &Window) -> NodeId {
        let interval = self.program.value(input).interval;
        let widest = interval.greatest - interval.least;
        let mut round = self.taps(input, window);
        while round.len() > 1 {
            round = round
                .chunks(2)
                .map(|pair| match *pair {
                    [a, b] => {
                        let difference = self.circuit.subtract(a, b);
                        let excess = self.rectify(difference, (-widest, widest));
                        self.circuit.add(b, excess)
                    }
                    [a] => a,
                    _ => unreachable!("chunks of two"),
                })
                .collect();
        }
        round[0]
    }

    /// A claimed layer: its result comes from the commitments, and the check holds it to what it is of its input.
    fn claimed(&mut self, index: usize, input: ValueId, linear: &Linear, form: Form) -> NodeId {
        let id = ValueId(index + 1);
        let weighting = Weighting::of(self.shape(id));
        self.check.identities.push(Vec::new());
        let (multiplier, digits) = match form {
            Form::Exact => (1, 0),
            Form::Rounded {
                multiplier, digits, ..
            } => (multiplier, digits as usize),
        };
        let top = self.result_claim(index);
        let value = match form {
            Form::Rounded { guarded: true, .. } => {
                let offset = self.program.guard_offset(index, true);
                let looked_up = self.rectify(top, (0, self.program.base() - 1));
                self.circuit.offset(looked_up, -offset)
            }
            Form::Rounded { guarded: false, .. } | Form::Exact => top,
        };
        let source = self.node(input);
        let result = self.contract(value, weighting);
        self.check.subtract(&mut self.circuit, digits, result);
        for place in (0..digits).rev() {
            let digit = self.claim(self.shape(id));
            let digit = self.rectify(digit, (0, self.program.base() - 1));
            let sum = self.contract(digit, weighting);
            self.check.subtract(&mut self.circuit, place, sum);
        }
        let divisor = self.program.base().pow(digits as u32);
        let rounding = if digits == 0 { 0 } else { divisor / 2 };
        self.layer(source, input, linear, weighting, multiplier, rounding);
        value
    }

    /// Adds `multiplier` times the layer's weighted result, and `rounding` for each element.
    fn layer(
        &mut self,
        source: NodeId,
        input: ValueId,
        linear: &Linear,
        weighting: Weighting,
        multiplier: i128,
        rounding: i128,
    ) {
        let sum = match linear {
            Linear::Same => {
                let sum = self.contract(source, weighting);
                self.circuit.scale(sum, multiplier)
            }
            Linear::SumPool(window) => {
                let shape = self.image_shape(input);
                let image = self.circuit.reshape(source, &shape);
                let sums =
                    windows::contract(&mut self.circuit, &mut self.challenge, weighting, image, window);
                let sums = sums.into_iter().flatten();
                let maps = sums
                    .reduce(|a, b| self.circuit.add(a, b))
                    .expect("windows are inside");
                let channels = self
                    .challenge
                    .weights(&mut self.circuit, weighting, Axis::Channels);
                let sum = self.circuit.einsum("c,c->", maps, channels);
                self.circuit.scale(sum, multiplier)
            }
            Linear::Affine { factor, .. } => {
                let maps = self.challenge.contract_maps(&mut self.circuit, weighting, source);
                let channels = self
                    .challenge
                    .weights(&mut self.circuit, weighting, Axis::Channels);
                let factor = self.circuit.constant(&[factor.len()], scaled(factor, multiplier));
                let weights = self.circuit.multiply(channels, factor);
                self.circuit.einsum("c,c->", maps, weights)
            }
            Linear::Convolution {
                weight,
                weight_shape,
                window,
                groups,
                ..
            } => self.convolution(
                source,
                input,
                weight,
                *weight_shape,
                window,
                *groups,
                weighting,
                multiplier,
            ),
        };
        self.check.add(&mut self.circuit, 0, sum);
        let channels = weighting.sizes[0];
        let addend: Vec<i128> = match linear {
            Linear::Convolution { bias, .. } => {
                bias.iter().map(|bias| bias * multiplier + rounding).collect()
            }
            Linear::Affine { addend, .. } => addend
                .iter()
                .map(|addend| addend * multiplier + rounding)
                .collect(),
            Linear::SumPool(_) | Linear::Same => vec![rounding; channels],
        };
        for (level, digits) in radix_digits(&addend, self.check.radix_bits)
            .into_iter()
            .enumerate()
        {
            if digits.iter().all(|&digit| digit == 0) {
                continue;
            }
            let sum = if digits.iter().all(|digit| *digit == digits[0]) {
                let total = self.challenge.total(&mut self.circuit, weighting);
                self.circuit.scale(total, digits[0])
            } else {
                let weights = self
                    .challenge
                    .weights(&mut self.circuit, weighting, Axis::Channels);
                let digits = self.circuit.constant(&[channels], digits);
                let by_channel = self.circuit.einsum("c,c->", weights, digits);
                let map = self.challenge.map_sum(&mut self.circuit, weighting);
                self.circuit.multiply(by_channel, map)
            };
            self.check.add(&mut self.circuit, level, sum);
        }
    }

    fn image_shape(&self, input: ValueId) -> [usize; 3] {
        self.shape(input)
            .try_into()
            .expect("an image has channels, rows and columns")
    }

    /// Σ over (c, u, v) of T(c,u,v) · Σ over o of ρ^o · W(o,c,u,v).
    #[expect(clippy::too_many_arguments, reason = "a convolution has this many")]
    fn convolution(
        &mut self,
        source: NodeId,
        input: ValueId,
        weight: &[i128],
        weight_shape: [usize; 4],
        window: &Window,
        groups: usize,
        weighting: Weighting,
        multiplier: i128,
    ) -> NodeId {
        let [outputs, group_channels, kernel_height, kernel_width] = weight_shape;
        let kernel = kernel_height * kernel_width;
        let row = group_channels * kernel;
        let taps: Vec<Vec<i128>> = (0..kernel)
            .map(|tap| weight.iter().skip(tap).step_by(kernel).copied().collect())
            .collect();
        let channels = self
            .challenge
            .weights(&mut self.circuit, weighting, Axis::Channels);
        let weight = scaled(weight, multiplier);
        let summed = if groups == outputs {
            let channels = self.circuit.reshape(channels, &[groups, 1]);
            let weight = self.circuit.constant(&[groups, row], weight);
            self.circuit.multiply(weight, channels)
        } else if groups == 1 {
            let weight = self.circuit.constant(&[outputs, row], weight);
            self.circuit.einsum("ok,o->k", weight, channels)
        } else {
            let channels = self.circuit.reshape(channels, &[groups, outputs / groups]);
            let weight = self.circuit.constant(&[groups, outputs / groups, row], weight);
            self.circuit.einsum("gok,go->gk", weight, channels)
        };
        let summed = self.circuit.reshape(summed, &[groups * group_channels, kernel]);
        let shape = self.image_shape(input);
        let image = self.circuit.reshape(source, &shape);
        let sums = windows::contract(&mut self.circuit, &mut self.challenge, weighting, image, window);
        let mut total = None;
        for (tap, sum) in distinct(&mut self.circuit, sums, &taps) {
            let weights = self.circuit.gather(summed, 1, vec![tap]);
            let weights = self.circuit.reshape(weights, &[groups * group_channels]);
            let dot = self.circuit.einsum("c,c->", weights, sum);
            total = Some(total.map_or(dot, |total| self.circuit.add(total, dot)));
        }
        total.expect("some window is inside")
    }

    /// Σ digit · base^place, digits looked up; most significant first.
    fn number(&mut self, digits: usize) -> NodeId {
        let claim = self.claim(&[digits]);
        let looked_up = self.rectify(claim, (0, self.program.base() - 1));
        let places = (0..digits as u32).rev();
        let powers = places.map(|place| 1 << (self.program.base_bits * place));
        let powers = self.circuit.constant(&[digits], powers.collect());
        self.circuit.einsum("d,d->", looked_up, powers)
    }

    fn layer_norm(
        &mut self,
        index: usize,
        input: ValueId,
        scale: &[i128],
        bias: &[i128],
        epsilon: i128,
        root_bits: u32,
    ) -> NodeId {
        let id = ValueId(index + 1);
        let shape = self.shape(id);
        let weighting = Weighting::of(shape);
        let digits = self.program.root_digits(index);
        let result = self.result_claim(index);
        let root = self.number(digits.root);
        let below = self.number(digits.below);
        let above = self.number(digits.above);

        // V = N·Σx² − (Σx)² + ε.
        let image = self.node(input);
        let list = self.flat(image);
        let count = self.circuit.len(list) as i128;
        let sum = self.circuit.sum(list);
        let squares = self.circuit.einsum("n,n->", list, list);
        let squares = self.circuit.scale(squares, count);
        let square = self.circuit.multiply(sum, sum);
        let radicand = self.circuit.subtract(squares, square);
        let radicand = self.circuit.offset(radicand, epsilon);

        // 2^(2b) = r²·V + below, and (r + 1)²·V = 2^(2b) + 1 + above.
        let numerator = 1 << (2 * root_bits);
        let product = self.circuit.multiply(root, radicand);
        let lower = self.circuit.multiply(root, product);
        let lower = self.circuit.add(lower, below);
        let residual = self.circuit.complement(numerator, lower);
        self.check.identities.push(vec![Some(residual)]);
        // (r + 1)²·V = r²·V + 2·r·V + V = 2^(2b) − below + 2·r·V + V.
        let twice = self.circuit.scale(product, 2);
        let next = self.circuit.add(twice, radicand);
        let next = self.circuit.subtract(next, below);
        let next = self.circuit.subtract(next, above);
        let residual = self.circuit.offset(next, -1);
        self.check.identities.push(vec![Some(residual)]);

        // y = r·(N·γ∘x − Σx·γ) + β, weighted. γ stands there twice, once negated: equal constants would become one.
        self.check.identities.push(Vec::new());
        let positive = self.circuit.constant(shape, scale.to_vec());
        let negative: Vec<i128> = scale.iter().map(|scale| -scale).collect();
        let negative = self.circuit.constant(shape, negative);
        let scaled = self.circuit.multiply(image, positive);
        let scaled = self.contract(scaled, weighting);
        let scaled = self.circuit.scale(scaled, count);
        let shift = self.contract(negative, weighting);
        let shift = self.circuit.multiply(shift, sum);
        let centred = self.circuit.add(scaled, shift);
        let normalised = self.circuit.multiply(centred, root);
        self.check.add(&mut self.circuit, 0, normalised);
        if bias.iter().any(|&bias| bias != 0) {
            let bias = self.circuit.constant(shape, bias.to_vec());
            let bias = self.contract(bias, weighting);
            self.check.add(&mut self.circuit, 0, bias);
        }
        let claimed = self.contract(result, weighting);
        self.check.subtract(&mut self.circuit, 0, claimed);
        result
    }
}

/// The sums of windows that are weighted apart, each with the tap whose weights they take: taps with equal weights are added
/// up before, and taps without any are left out where there are others. EZKL's loader takes each tap's weights out of the
/// constant; it would make equal ones one constant, and decompose that.
fn distinct(circuit: &mut Circuit, sums: Vec<Option<NodeId>>, taps: &[Vec<i128>]) -> Vec<(usize, NodeId)> {
    let mut distinct: Vec<(usize, NodeId)> = Vec::new();
    for (tap, sum) in sums.into_iter().enumerate() {
        let Some(sum) = sum else { continue };
        match distinct.iter_mut().find(|(first, _)| taps[*first] == taps[tap]) {
            Some((_, total)) => *total = circuit.add(*total, sum),
            None => distinct.push((tap, sum)),
        }
    }
    let has_weight = |&(tap, _): &(usize, NodeId)| taps[tap].iter().any(|&weight| weight != 0);
    if distinct.iter().any(has_weight) {
        distinct.retain(has_weight);
    }
    distinct
}

/// Integers times a power of two.
fn scaled(integers: &[i128], multiplier: i128) -> Vec<i128> {
    integers.iter().map(|integer| integer * multiplier).collect()
}

/// Numbers in base 2^bits, least significant place first; all places but the last are not negative.
fn radix_digits(numbers: &[i128], bits: u32) -> Vec<Vec<i128>> {
    let mut places = Vec::new();
    let mut rest = numbers.to_vec();
    while rest.iter().any(|number| number.unsigned_abs() >= 1 << bits) {
        places.push(rest.iter().map(|number| number.rem_euclid(1 << bits)).collect());
        for number in &mut rest {
            *number = number.div_euclid(1 << bits);
        }
    }
    places.push(rest);
    places
}
