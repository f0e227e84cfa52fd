//! From the integer program to the circuit: what is committed, what is computed, and the one check under the challenge.
//!
//! Each claimed layer is an identity between committed tensors, element by element. The check is the sum of all elements'
//! residuals, each times its own power of ρ: the identities one after the other, 2^[`Builder::degree_bits`] powers apart,
//! and within each the tensor's own weighting.
//!
//! A range that a bound rests on is shown by look-ups. The circuit holds every look-up that is laid out here, whoever reads its
//! result: a number that is in no table has no proof. What is looked up for its range alone (the input, digits, quotients that
//! no rectifier bounds) is tied to its look-up by an identity of the check as well ([`Builder::check_range`],
//! [`Builder::claimed`], [`Builder::number`]).

use std::collections::{HashMap, HashSet};

use super::challenge::{Axis, Challenge, Weighting};
use super::error::CommittedError;
use super::{packing, windows};
use evmbench_backend::{Element, Function, Graph, NodeId, RECTIFIER_EXACT, Table};
use evmbench_model::graph::Window;
use evmbench_model::interval::Interval;
use evmbench_model::program::{
    Bounds, Form, Linear, LookUpTable, Operand, Order, Program, Step, TABLE_MARGIN, Tabulated, Term, ValueId,
};

/// The logarithm of the number of powers of ρ that a check may have: what the bound on false claims is computed with.
const MOST_POWERS_BITS: usize = 24;

/// How it is assured that the input's integers are in the range that everything rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputRange {
    /// By whoever reads or trusts the input: it is public, or its commitment is known.
    Assumed,
    /// By the circuit, to the range that was asked for.
    Checked,
    /// By the circuit, to the numbers that its table holds.
    InTable,
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
    /// Its graph: inputs in the order of [`Sizes`] and ρ, outputs the check, ρ, then the statement.
    pub(super) graph: Graph,
    /// Its committed tensors.
    pub(super) sizes: Sizes,
    /// Least and greatest number that is looked up; none where nothing is.
    pub(super) table: Option<(i128, i128)>,
    /// What is known of each value.
    pub(super) bounds: Bounds,
    /// How many nodes of the graph there are once the input is checked, and then after each step.
    pub(super) ends: Vec<usize>,
}

/// The widest table there can be, at its upper end: where digits are looked up, it ends at the base less one.
fn table_end(program: &Program) -> i128 {
    if has_digits(program) {
        program.base() - 1
    } else {
        RECTIFIER_EXACT
    }
}

/// The residual of each identity, all its elements weighted and summed up, in the order of their powers of ρ.
#[derive(Default)]
struct Check {
    residuals: Vec<Option<NodeId>>,
}

impl Check {
    /// Begins the next identity.
    fn begin(&mut self) {
        self.residuals.push(None);
    }

    /// Adds to the last identity's residual.
    fn add(&mut self, graph: &mut Graph, scalar: NodeId) {
        let residual = self.last();
        *residual = Some(match *residual {
            Some(sum) => graph.add(sum, scalar),
            None => scalar,
        });
    }

    /// Subtracts likewise.
    fn subtract(&mut self, graph: &mut Graph, scalar: NodeId) {
        let residual = self.last();
        *residual = Some(match *residual {
            Some(sum) => graph.subtract(sum, scalar),
            None => graph.negate(scalar),
        });
    }

    fn last(&mut self) -> &mut Option<NodeId> {
        self.residuals.last_mut().expect("an identity was begun")
    }

    /// The one number that must be 0, where `next` is the power of ρ by which identities are apart.
    fn total(&self, graph: &mut Graph, next: NodeId) -> NodeId {
        let residuals = self.residuals.iter().rev();
        let residuals = residuals.map(|residual| residual.expect("an identity is about something"));
        residuals
            .reduce(|sum, residual| {
                let sum = graph.multiply(sum, next);
                graph.add(sum, residual)
            })
            .expect("a program claims something")
    }
}

/// Lays a program out. Where something else than the circuit assures the input's range, `proved` is what that proves, if it is not what the
/// program is for.
///
/// # Errors
/// [`CommittedError::WideTable`] and [`CommittedError::ManyPowers`].
pub(super) fn lay_out(
    program: &Program,
    range: InputRange,
    exposure: Exposure,
    proved: Option<Interval>,
) -> Result<Layout, CommittedError> {
    let end = table_end(program);
    let bound = program.values[0].interval.magnitude();
    let looked_up = match range {
        InputRange::Assumed => 0,
        // A range of ±bound is checked by numbers from 0 to 2·bound.
        InputRange::Checked => 2 * bound,
        InputRange::InTable => bound,
    };
    if looked_up > end {
        return Err(CommittedError::WideTable {
            greatest: looked_up,
            end,
        });
    }
    let table = LookUpTable {
        greatest: greatest_of_table(program),
    };
    let bounds = match (range, proved) {
        (InputRange::Assumed, Some(proved)) if proved != program.values[0].interval => {
            program.bounds_within(proved, table)?
        }
        (InputRange::Assumed | InputRange::Checked, _) => program.stated_bounds(),
        (InputRange::InTable, _) => program.bounds_within(table.interval(), table)?,
    };
    let layout = Builder::new(program, range, exposure, bounds).build()?;
    if let Some((_, greatest)) = layout.table
        && greatest > end
    {
        return Err(CommittedError::WideTable { greatest, end });
    }
    Ok(layout)
}

struct Builder<'a> {
    program: &'a Program,
    graph: Graph,
    challenge: Challenge,
    rho: NodeId,
    degree_bits: usize,
    check: Check,
    /// Each value's elements; none of a product that is summed up at once.
    values: Vec<Option<NodeId>>,
    output: Option<NodeId>,
    claims: Option<NodeId>,
    claimed: usize,
    sizes: Sizes,
    rectified: HashMap<NodeId, NodeId>,
    /// See [`summed_at_once`].
    summed: HashSet<ValueId>,
    /// Bounds of what is looked up.
    table: Option<(i128, i128)>,
    /// The table's end, where something rests on nothing beyond it being in the table.
    end: Option<i128>,
    exposure: Exposure,
    /// Whether look-ups bound values, and not only what those are made of.
    is_calibrated: bool,
    /// What is known of each value.
    bounds: Bounds,
}

/// How the elements are weighted that a step claims: as they stand, but for products of matrices and for rows, whose axes are their own.
fn weighting_of(program: &Program, index: usize, bounds: &Bounds) -> Weighting {
    let packing = packing::of(program, index, bounds);
    Weighting {
        packing,
        ..sizes_of(program, index)
    }
}

fn sizes_of(program: &Program, index: usize) -> Weighting {
    let shape = &program.values[index + 1].shape;
    match &program.steps[index] {
        Step::Claimed {
            linear:
                Linear::Product {
                    sizes: [heads, rows, _, columns],
                    ..
                },
            ..
        } => Weighting::of_sizes([*heads, *rows, *columns]),
        Step::Claimed {
            linear: Linear::Dense { rows, bias, .. },
            ..
        } => Weighting::of_sizes([1, *rows, bias.len()]),
        Step::LayerNorm { rows, .. } if *rows > 1 => {
            Weighting::of_sizes([1, *rows, shape.iter().product::<usize>() / rows])
        }
        Step::Claimed { .. }
        | Step::LayerNorm { .. }
        | Step::SumPool { .. }
        | Step::MaxPool { .. }
        | Step::Rectify { .. }
        | Step::Tabulated { .. }
        | Step::Multiply { .. }
        | Step::Sum { .. }
        | Step::Constant { .. }
        | Step::Rearrange { .. }
        | Step::Divide { .. } => Weighting::of(shape),
    }
}

/// The table of a function.
fn table_of(function: Tabulated) -> Table {
    match function {
        Tabulated::Sigmoid => Table::Sigmoid,
        Tabulated::Tanh => Table::Tanh,
        Tabulated::Exponential => Table::Exponential,
        Tabulated::Logarithm => Table::Logarithm,
        Tabulated::Root => Table::Root,
        Tabulated::ErrorFunction => Table::ErrorFunction,
        Tabulated::Cosine => Table::Cosine,
        Tabulated::Sine => Table::Sine,
        Tabulated::Tangent => Table::Tangent,
        Tabulated::ArcCosine => Table::ArcCosine,
        Tabulated::ArcSine => Table::ArcSine,
        Tabulated::ArcTangent => Table::ArcTangent,
        Tabulated::HyperbolicCosine => Table::HyperbolicCosine,
        Tabulated::HyperbolicSine => Table::HyperbolicSine,
        Tabulated::AreaCosine => Table::AreaCosine,
        Tabulated::AreaSine => Table::AreaSine,
        Tabulated::AreaTangent => Table::AreaTangent,
    }
}

/// Where numbers below the base must be looked up, so that the table must end at the base less one.
fn has_digits(program: &Program) -> bool {
    program.steps.iter().any(|step| {
        matches!(
            step,
            Step::Claimed {
                form: Form::Rounded { .. } | Form::Digits { .. },
                ..
            } | Step::LayerNorm { .. }
                | Step::Divide { .. }
        )
    })
}

/// Products that nothing reads but a sum over windows that do not overlap: each sum is then a dot product, and the products of
/// elements take no cells of their own.
fn summed_at_once(program: &Program) -> HashSet<ValueId> {
    let mut readers = vec![0; program.values.len()];
    for value in program.steps.iter().flat_map(Step::inputs) {
        readers[value.0] += 1;
    }
    readers[program.output.0] += 1;
    let is_product = |value: ValueId| {
        let step = value.0.checked_sub(1).map(|index| &program.steps[index]);
        matches!(step, Some(Step::Multiply { .. })) && readers[value.0] == 1
    };
    let summed = program.steps.iter().filter_map(|step| {
        let Step::SumPool { input, window } = step else {
            return None;
        };
        (is_product(*input) && is_apart(window)).then_some(*input)
    });
    summed.collect()
}

/// Whether no element is in two windows, and no window reads beyond the image.
fn is_apart(window: &Window) -> bool {
    let [down, across] = window.stride;
    window.kernel[0] <= down && window.kernel[1] <= across && window.padding == [0; 4]
}

/// The greatest number of the table that an input is looked up in.
fn greatest_of_table(program: &Program) -> i128 {
    if has_digits(program) {
        program.base() - 1
    } else {
        greatest_lookup(program).max(program.values[0].interval.greatest)
    }
}

/// The greatest number that any step looks up.
fn greatest_lookup(program: &Program) -> i128 {
    let interval = |id: &ValueId| program.value(*id).interval;
    let looked_up = program.steps.iter().map(|step| match step {
        Step::Rectify { input } | Step::Tabulated { input, .. } => interval(input).greatest,
        Step::MaxPool { input, .. } => {
            let interval = interval(input);
            interval.greatest - interval.least
        }
        Step::Claimed { .. }
        | Step::SumPool { .. }
        | Step::Multiply { .. }
        | Step::Sum { .. }
        | Step::Constant { .. }
        | Step::Rearrange { .. }
        | Step::Divide { .. }
        | Step::LayerNorm { .. } => 0,
    });
    looked_up.max().unwrap_or(0)
}

impl<'a> Builder<'a> {
    fn new(program: &'a Program, range: InputRange, exposure: Exposure, bounds: Bounds) -> Self {
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
        let of_values = program.values.iter().map(|value| Weighting::of(&value.shape));
        let of_steps = (0..program.steps.len()).map(|index| weighting_of(program, index, &bounds));
        let degree_bits = of_values.chain(of_steps).map(Weighting::degree_bits);
        let degree_bits = degree_bits.max().unwrap_or(0).max(1);
        let mut graph = Graph::default();
        let input = graph.input(sizes.input);
        let output = (sizes.output > 0).then(|| graph.input(sizes.output));
        let claims = (sizes.claims > 0).then(|| graph.input(sizes.claims));
        let rho = graph.input(1);
        let challenge = Challenge::new(&mut graph, rho, degree_bits);
        let mut builder = Self {
            program,
            graph,
            challenge,
            rho,
            degree_bits,
            check: Check::default(),
            values: Vec::new(),
            output,
            claims,
            claimed: 0,
            sizes,
            rectified: HashMap::new(),
            summed: summed_at_once(program),
            table: has_digits(program).then(|| (0, program.base() - 1)),
            end: has_digits(program).then(|| program.base() - 1),
            exposure,
            is_calibrated: program.is_calibrated(),
            bounds,
        };
        let image = builder.graph.reshape(input, &builder.shape(ValueId(0)));
        match range {
            InputRange::Assumed => {}
            InputRange::Checked => builder.check_range(image),
            InputRange::InTable => builder.look_up_input(image),
        }
        builder.values.push(Some(image));
        builder
    }

    fn build(mut self) -> Result<Layout, CommittedError> {
        let mut ends = vec![self.graph.nodes().len()];
        for index in 0..self.program.steps.len() {
            let node = (!self.summed.contains(&ValueId(index + 1))).then(|| self.step(index));
            self.values.push(node);
            ends.push(self.graph.nodes().len());
        }
        let powers = (self.check.residuals.len() as u128) << self.degree_bits;
        let limit = 1 << MOST_POWERS_BITS;
        if powers > limit {
            return Err(CommittedError::ManyPowers { powers, limit });
        }
        let next = self.challenge.square(self.degree_bits);
        let check = self.check.total(&mut self.graph, next);
        self.graph.output(check);
        self.graph.output(self.rho);
        if self.exposure.output {
            let output = self.node(self.program.output);
            let list = self.flat(output);
            self.graph.output(list);
        }
        if self.exposure.input {
            let input = self.node(ValueId(0));
            let list = self.flat(input);
            self.graph.output(list);
        }
        Ok(Layout {
            graph: self.graph,
            sizes: self.sizes,
            table: self.table,
            bounds: self.bounds,
            ends,
        })
    }

    fn node(&self, id: ValueId) -> NodeId {
        self.values[id.0].expect("whoever reads a product that is summed up at once does not read it")
    }

    fn flat(&mut self, node: NodeId) -> NodeId {
        let len = self.graph.len(node);
        self.graph.reshape(node, &[len])
    }

    /// Sizes of a value as it is laid out: without a batch of 1, and with the images of a larger one side by side as channels.
    fn shape(&self, id: ValueId) -> Vec<usize> {
        match self.program.value(id).shape[..] {
            [] => vec![1],
            [1, ref rest @ ..] if !rest.is_empty() => rest.to_vec(),
            [batch, channels, rows, columns] => vec![batch * channels, rows, columns],
            ref other => other.to_vec(),
        }
    }

    /// How the elements are weighted that a step claims.
    fn weighting(&self, index: usize) -> Weighting {
        weighting_of(self.program, index, &self.bounds)
    }

    /// The next part of the claims.
    fn claim(&mut self, shape: &[usize]) -> NodeId {
        let claims = self.claims.expect("there are claims where something is claimed");
        let len: usize = shape.iter().product();
        let part = self
            .graph
            .gather(claims, 0, (self.claimed..self.claimed + len).collect());
        self.claimed += len;
        self.graph.reshape(part, shape)
    }

    /// The first claim of a step: the committed output, where this is it.
    fn result_claim(&mut self, index: usize) -> NodeId {
        let id = ValueId(index + 1);
        match self.output {
            Some(output) if id == self.program.output => self.graph.reshape(output, &self.shape(id)),
            _ => self.claim(&self.shape(id)),
        }
    }

    /// Widens the table to hold these numbers, at its lower end alone where its upper end is a bound that something rests on. Of a
    /// calibrated program, honest numbers are in a table of digits, and others have no proof.
    fn look_up(&mut self, (least, greatest): (i128, i128)) {
        let (mut least, mut greatest) = (least, greatest);
        if self.is_calibrated {
            least = least.max(TABLE_MARGIN - self.program.base());
            greatest = greatest.min(self.program.base() - 1);
        }
        assert!(
            self.end.is_none_or(|end| greatest <= end),
            "the table's end is a bound"
        );
        let table = self.table.unwrap_or((least, greatest));
        self.table = Some((table.0.min(least), table.1.max(greatest)));
    }

    /// Looks every element of the input up, unless a step does: what nothing reads is looked up all the same.
    fn look_up_input(&mut self, image: NodeId) {
        let Interval { least, greatest } = self.program.values[0].interval;
        let end = greatest_of_table(self.program);
        self.end = Some(end);
        let table = self.table.unwrap_or((least, end));
        self.table = Some((table.0.min(least), end));
        debug_assert!(greatest <= end, "it was compared");
        if self.program.table_lengths()[0] != Some(1) {
            self.graph.look_up(Function::RECTIFIER, image);
        }
    }

    /// max(v, 0), looked up once.
    fn rectify(&mut self, node: NodeId, bound: (i128, i128)) -> NodeId {
        self.look_up(bound);
        if let Some(&rectified) = self.rectified.get(&node) {
            return rectified;
        }
        let rectified = self.graph.look_up(Function::RECTIFIER, node);
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
        let end = self
            .end
            .unwrap_or_else(|| greatest_lookup(self.program).max(width));
        self.end = Some(end);
        let spare = end - width;
        let below = self.graph.complement(greatest, image);
        let mut looked_up = self.rectify(below, (0, width));
        if spare > 0 {
            let shifted = self.graph.offset(looked_up, spare);
            looked_up = self.rectify(shifted, (spare, end));
        }
        let weighting = Weighting::of(&self.shape(ValueId(0)));
        self.check.begin();
        for node in [looked_up, image] {
            let sum = self.contract(node, weighting);
            self.check.add(&mut self.graph, sum);
        }
        let total = self.challenge.total(&mut self.graph, weighting);
        let total = self.graph.scale(total, greatest + spare);
        self.check.subtract(&mut self.graph, total);
    }

    /// Σ ρ^i · element i.
    fn contract(&mut self, node: NodeId, weighting: Weighting) -> NodeId {
        self.challenge.contract(&mut self.graph, weighting, node)
    }

    /// A step's value.
    fn step(&mut self, index: usize) -> NodeId {
        let program = self.program;
        let id = ValueId(index + 1);
        let node = match &program.steps[index] {
            Step::Claimed { input, linear, form } => return self.claimed(index, *input, linear, *form),
            Step::LayerNorm { input, .. } => return self.layer_norm(index, *input),
            Step::Divide {
                numerator,
                denominator,
                multiplier,
            } => return self.divide(index, *numerator, *denominator, *multiplier),
            Step::SumPool { input, window } => self.sum_pool(*input, window),
            Step::MaxPool { input, window } => self.max_pool(*input, window),
            Step::Rectify { input } => {
                let interval = program.value(*input).interval;
                let input = self.node(*input);
                self.rectify(input, (interval.least, interval.greatest))
            }
            Step::Tabulated {
                input,
                function,
                scale,
            } => self.look_up_function(*input, table_of(*function), *scale),
            Step::Multiply { left, right } => {
                let (left, right) = (self.node(*left), self.node(*right));
                self.graph.multiply(left, right)
            }
            Step::Sum { terms, addend } => self.sum(terms, *addend, &self.shape(id)),
            Step::Constant { elements } => {
                let shape = self.shape(id);
                self.graph.integers(&shape, elements.iter().copied())
            }
            Step::Rearrange { operands, order } => self.rearrange(operands, order),
        };
        self.graph.reshape(node, &self.shape(id))
    }

    /// Σ factor · value + addend; what is subtracted comes last, so that it need not be negated.
    fn sum(&mut self, terms: &[Term], addend: i128, shape: &[usize]) -> NodeId {
        let (positive, others): (Vec<Term>, Vec<Term>) =
            terms.iter().copied().partition(|term| term.factor > 0);
        let part = |builder: &mut Self, term: Term| {
            let node = builder.node(term.value);
            let node = builder.graph.reshape(node, shape);
            builder.graph.scale(node, term.factor.abs())
        };
        let mut sum = None;
        for term in positive {
            let part = part(self, term);
            sum = Some(sum.map_or(part, |sum| self.graph.add(sum, part)));
        }
        let mut sum = sum.map(|sum| self.graph.offset(sum, addend));
        for term in others {
            let part = part(self, term);
            sum = Some(match sum {
                Some(sum) => self.graph.subtract(sum, part),
                None => self.graph.complement(addend, part),
            });
        }
        sum.expect("a sum has terms")
    }

    /// What a step reads of a value.
    fn operand(&mut self, operand: Operand) -> NodeId {
        let node = self.node(operand.value);
        self.graph.scale(node, 1 << operand.shift)
    }

    /// The cells of the operands in another order: a backend gives no cells to what only moves them, so that they are those that
    /// are held to the operands' values already.
    fn rearrange(&mut self, operands: &[Operand], order: &Order) -> NodeId {
        let mut nodes: Vec<NodeId> = operands.iter().map(|&operand| self.operand(operand)).collect();
        let all = if let [only] = nodes[..] {
            only
        } else {
            for node in &mut nodes {
                *node = self.flat(*node);
            }
            self.graph.concatenate(&nodes, 0)
        };
        match order {
            Order::Kept => all,
            Order::Picked(positions) => {
                let list = self.flat(all);
                self.graph.gather(list, 0, positions.clone())
            }
        }
    }

    /// A function's results, where 2^`scale` of the input's integers make 1.
    fn look_up_function(&mut self, input: ValueId, table: Table, scale: u32) -> NodeId {
        let interval = self.program.value(input).interval;
        self.look_up((interval.least, interval.greatest));
        self.graph.look_up(Function { table, scale }, self.node(input))
    }

    fn sum_pool(&mut self, input: ValueId, window: &Window) -> NodeId {
        let index = self.summed.contains(&input).then(|| input.0 - 1);
        let Some(Step::Multiply { left, right }) = index.map(|index| &self.program.steps[index]) else {
            let taps = self.taps(input, window);
            let sum = taps.into_iter().reduce(|a, b| self.graph.add(a, b));
            return sum.expect("a kernel is not empty");
        };
        let shape = self.image_shape(input);
        let [left, right] = [left, right].map(|&factor| {
            let image = self.node(factor);
            let image = self.graph.reshape(image, &shape);
            let taps = self.taps_of(image, window);
            let rows: Vec<NodeId> = taps
                .into_iter()
                .map(|tap| {
                    let len = self.graph.len(tap);
                    self.graph.reshape(tap, &[1, len])
                })
                .collect();
            self.graph.concatenate(&rows, 0)
        });
        self.graph.einsum("to,to->o", left, right)
    }

    /// For each position of the window, the elements that the outputs read there; where that is padding, the nearest element
    /// that the same window reads, which changes no maximum.
    fn taps(&mut self, input: ValueId, window: &Window) -> Vec<NodeId> {
        let shape = self.image_shape(input);
        let node = self.node(input);
        let image = self.graph.reshape(node, &shape);
        self.taps_of(image, window)
    }

    fn taps_of(&mut self, node: NodeId, window: &Window) -> Vec<NodeId> {
        let &[_, height, width] = self.graph.shape(node) else {
            unreachable!("an image has channels, rows and columns");
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
            let by_row = self.graph.gather(node, 1, read(0, rows, u));
            for v in 0..window.kernel[1] {
                taps.push(self.graph.gather(by_row, 2, read(1, columns, v)));
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
                        let difference = self.graph.subtract(a, b);
                        let excess = self.rectify(difference, (-widest, widest));
                        self.graph.add(b, excess)
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
        let weighting = self.weighting(index);
        self.check.begin();
        let (multiplier, digits) = match form {
            Form::Exact | Form::Digits { .. } => (1, 0),
            Form::Rounded {
                multiplier, digits, ..
            } => (multiplier, digits as usize),
        };
        let value = match form {
            Form::Rounded { guarded: true, .. } => {
                let top = self.result_claim(index);
                let offset = self.program.guard_offset(index, true);
                let looked_up = self.rectify(top, (0, self.program.base() - 1));
                self.graph.offset(looked_up, -offset)
            }
            Form::Rounded { guarded: false, .. } | Form::Exact => self.result_claim(index),
            Form::Digits { digits } => {
                let shape = self.shape(id);
                let rows = Rows(shape.iter().product());
                let numbers = self.numbers(rows, digits as usize);
                let value = self.graph.offset(numbers, -self.program.digits_offset(index));
                self.graph.reshape(value, &shape)
            }
        };
        let source = self.node(input);
        // The result and its digits, in the base of digits.
        let number = self.contract(value, weighting);
        let number = self.with_digits(Some(number), &self.shape(id), digits, weighting);
        self.check.subtract(&mut self.graph, number);
        let exact = self.layer(source, input, linear, weighting);
        let scaled = self.graph.scale(exact, multiplier);
        self.check.add(&mut self.graph, scaled);
        if digits > 0 {
            let half = self.program.base().pow(digits as u32) / 2;
            let total = self.challenge.total(&mut self.graph, weighting);
            let rounding = self.graph.scale(total, half);
            self.check.add(&mut self.graph, rounding);
        }
        value
    }

    /// A weighted number whose next digits are claimed, most significant first: of each element of this shape so many.
    fn with_digits(
        &mut self,
        mut number: Option<NodeId>,
        shape: &[usize],
        digits: usize,
        weighting: Weighting,
    ) -> NodeId {
        for _ in 0..digits {
            let digit = self.claim(shape);
            let digit = self.rectify(digit, (0, self.program.base() - 1));
            let sum = self.contract(digit, weighting);
            number = Some(match number {
                Some(number) => {
                    let shifted = self.graph.scale(number, self.program.base());
                    self.graph.add(shifted, sum)
                }
                None => sum,
            });
        }
        number.expect("a number has digits")
    }

    /// Quotients that come from the commitments, with q·2y + r = 2·multiplier·x + y and r + r' = 2y − 1, where neither r nor r' is
    /// negative: both are numbers of digits.
    fn divide(&mut self, index: usize, numerator: ValueId, denominator: ValueId, multiplier: i128) -> NodeId {
        let shape = self.shape(ValueId(index + 1));
        let weighting = self.weighting(index);
        let digits = self.program.remainder_digits(index);
        let offset = self.program.guard_offset(index, true);
        let claim = self.claim(&shape);
        let looked_up = self.rectify(claim, (0, self.program.base() - 1));
        let quotient = self.graph.offset(looked_up, -offset);
        let remainder = self.with_digits(None, &shape, digits, weighting);
        let lacking = self.with_digits(None, &shape, digits, weighting);
        let [x, y] = [numerator, denominator].map(|id| {
            let node = self.node(id);
            self.graph.reshape(node, &shape)
        });

        let product = self.graph.multiply(quotient, y);
        let [product, x, y] = [product, x, y].map(|node| self.contract(node, weighting));
        let twice = self.graph.scale(y, 2);
        self.check.begin();
        let scaled = self.graph.scale(x, 2 * multiplier);
        self.check.add(&mut self.graph, scaled);
        self.check.add(&mut self.graph, y);
        let product = self.graph.scale(product, 2);
        self.check.subtract(&mut self.graph, product);
        self.check.subtract(&mut self.graph, remainder);
        self.check.begin();
        self.check.add(&mut self.graph, twice);
        let total = self.challenge.total(&mut self.graph, weighting);
        for part in [total, remainder, lacking] {
            self.check.subtract(&mut self.graph, part);
        }
        quotient
    }

    /// A layer's exact result, weighted.
    fn layer(&mut self, source: NodeId, input: ValueId, linear: &Linear, weighting: Weighting) -> NodeId {
        let sum = match linear {
            Linear::Same => self.contract(source, weighting),
            Linear::Dense { weight, bias, rows } => self.dense(source, weight, bias.len(), *rows, weighting),
            Linear::Product { right, sizes } => self.product(source, *right, *sizes, weighting),
            Linear::SumPool(window) => {
                let shape = self.image_shape(input);
                let image = self.graph.reshape(source, &shape);
                let sums = windows::contract(&mut self.graph, &mut self.challenge, weighting, image, window);
                let sums = sums.into_iter().flatten();
                let maps = sums
                    .reduce(|a, b| self.graph.add(a, b))
                    .expect("windows are inside");
                let channels = self.challenge.weights(&mut self.graph, weighting, Axis::Channels);
                self.graph.einsum("c,c->", maps, channels)
            }
            Linear::Affine { factor, .. } => {
                let maps = self.challenge.contract_maps(&mut self.graph, weighting, source);
                let channels = self.challenge.weights(&mut self.graph, weighting, Axis::Channels);
                let factor = self.graph.integers(&[factor.len()], factor.iter().copied());
                let weights = self.graph.multiply(channels, factor);
                self.graph.einsum("c,c->", maps, weights)
            }
            Linear::Convolution {
                weight,
                weight_shape,
                window,
                groups,
                ..
            } => self.convolution(source, input, weight, *weight_shape, window, *groups, weighting),
        };
        let addend = match linear {
            Linear::Dense { bias, .. } => {
                if bias.iter().all(|&bias| bias == 0) {
                    return sum;
                }
                let weights = self.challenge.weights(&mut self.graph, weighting, Axis::Columns);
                let bias = self.graph.integers(&[bias.len()], bias.iter().copied());
                let by_row = self.graph.einsum("o,o->", weights, bias);
                let rows = self.challenge.weight_sum(&mut self.graph, weighting, Axis::Rows);
                let bias = self.graph.multiply(by_row, rows);
                return self.graph.add(sum, bias);
            }
            Linear::Convolution { bias: addend, .. } | Linear::Affine { addend, .. } => addend,
            Linear::SumPool(_) | Linear::Same | Linear::Product { .. } => return sum,
        };
        if addend.iter().all(|&addend| addend == 0) {
            return sum;
        }
        let weights = self.challenge.weights(&mut self.graph, weighting, Axis::Channels);
        let addend = self.graph.integers(&[addend.len()], addend.iter().copied());
        let by_channel = self.graph.einsum("c,c->", weights, addend);
        let map = self.challenge.map_sum(&mut self.graph, weighting);
        let addend = self.graph.multiply(by_channel, map);
        self.graph.add(sum, addend)
    }

    /// Σ over outputs of the output's weight · (Σ over inputs of W(output, input) · Σ over rows of ρ^row · x(row, input)).
    fn dense(
        &mut self,
        source: NodeId,
        weight: &[i128],
        outputs: usize,
        rows: usize,
        weighting: Weighting,
    ) -> NodeId {
        let inputs = weight.len() / outputs;
        let vector = if rows == 1 {
            self.graph.reshape(source, &[inputs])
        } else {
            let source = self.graph.reshape(source, &[rows, inputs]);
            let by_row = self.challenge.weights(&mut self.graph, weighting, Axis::Rows);
            self.graph.einsum("ri,r->i", source, by_row)
        };
        self.weighted_outputs(weight, outputs, vector, weighting, Axis::Columns)
    }

    /// Σ over outputs of the output's weight under the challenge · (its row of the matrix · the vector): the rows of a group are one.
    fn weighted_outputs(
        &mut self,
        matrix: &[i128],
        outputs: usize,
        vector: NodeId,
        weighting: Weighting,
        axis: Axis,
    ) -> NodeId {
        let inputs = matrix.len() / outputs;
        let rows: Vec<Element> = match weighting.packing_of(axis) {
            None => matrix.iter().copied().map(Element::from).collect(),
            Some(packing) => {
                let groups = matrix.chunks(packing.length * inputs);
                let packed = groups.flat_map(|group| {
                    (0..inputs).map(move |input| packing.packed(group.iter().skip(input).step_by(inputs)))
                });
                packed.collect()
            }
        };
        let groups = rows.len() / inputs;
        if groups == 1 {
            // Its power of ρ is 1.
            let row = self.graph.constant(&[inputs], rows);
            return self.graph.einsum("k,k->", row, vector);
        }
        let rows = self.graph.constant(&[groups, inputs], rows);
        let products = self.graph.einsum("ok,k->o", rows, vector);
        let by_group = self.challenge.group_weights(&mut self.graph, weighting, axis);
        self.graph.einsum("o,o->", products, by_group)
    }

    /// Σ over heads and k of (Σ over rows of ρ^row · A(h,i,k)) · (Σ over columns of ρ^column · B(h,k,j)), weighted by head.
    fn product(
        &mut self,
        left: NodeId,
        right: ValueId,
        [heads, rows, inner, columns]: [usize; 4],
        weighting: Weighting,
    ) -> NodeId {
        let left = self.graph.reshape(left, &[heads, rows, inner]);
        let right = self.node(right);
        let right = self.graph.reshape(right, &[heads, inner, columns]);
        let by_row = self.challenge.weights(&mut self.graph, weighting, Axis::Rows);
        let by_column = self.challenge.weights(&mut self.graph, weighting, Axis::Columns);
        let left = self.graph.einsum("hik,i->hk", left, by_row);
        let right = self.graph.einsum("hkj,j->hk", right, by_column);
        let products = self.graph.einsum("hk,hk->h", left, right);
        let by_head = self.challenge.weights(&mut self.graph, weighting, Axis::Channels);
        self.graph.einsum("h,h->", products, by_head)
    }

    fn image_shape(&self, input: ValueId) -> [usize; 3] {
        self.shape(input)
            .try_into()
            .expect("an image has channels, rows and columns")
    }

    /// Σ over o of its weight · Σ over (c, u, v) of W(o,c,u,v) · T(c,u,v).
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
    ) -> NodeId {
        let [outputs, group_channels, kernel_height, kernel_width] = weight_shape;
        let kernel = kernel_height * kernel_width;
        let row = group_channels * kernel;
        let inputs = groups * group_channels;
        let shape = self.image_shape(input);
        let image = self.graph.reshape(source, &shape);
        let sums = windows::contract(&mut self.graph, &mut self.challenge, weighting, image, window);
        let (taps, sums): (Vec<usize>, Vec<NodeId>) = sums
            .into_iter()
            .enumerate()
            .filter_map(|(tap, sum)| Some((tap, self.graph.reshape(sum?, &[inputs, 1]))))
            .unzip();
        let sums = self.graph.concatenate(&sums, 1);
        if groups == 1 {
            let read = |at: &usize| taps.contains(&(at % kernel));
            let weight: Vec<i128> = (0..weight.len()).filter(read).map(|at| weight[at]).collect();
            let sums = self.flat(sums);
            return self.weighted_outputs(&weight, outputs, sums, weighting, Axis::Channels);
        }
        let channels = self.challenge.weights(&mut self.graph, weighting, Axis::Channels);
        let weight = weight.iter().copied();
        let summed = if groups == outputs {
            let channels = self.graph.reshape(channels, &[groups, 1]);
            let weight = self.graph.integers(&[groups, row], weight);
            self.graph.multiply(weight, channels)
        } else {
            let channels = self.graph.reshape(channels, &[groups, outputs / groups]);
            let weight = self.graph.integers(&[groups, outputs / groups, row], weight);
            self.graph.einsum("gok,go->gk", weight, channels)
        };
        let summed = self.graph.reshape(summed, &[inputs, kernel]);
        let weights = self.graph.gather(summed, 1, taps);
        self.graph.einsum("ck,ck->", weights, sums)
    }

    /// For each row, Σ digit · base^place, digits looked up; most significant first.
    fn numbers(&mut self, rows: Rows, digits: usize) -> NodeId {
        let claim = self.claim(&rows.shape(digits));
        let looked_up = self.rectify(claim, (0, self.program.base() - 1));
        let places = (0..digits as u32).rev();
        let powers = places.map(|place| 1 << (self.program.base_bits * place));
        let powers = self.graph.integers(&[digits], powers);
        match rows.0 {
            1 => self.graph.einsum("d,d->", looked_up, powers),
            _ => self.graph.einsum("rd,d->r", looked_up, powers),
        }
    }

    /// For each row, the sum of its elements' products.
    fn row_products(&mut self, rows: Rows, a: NodeId, b: NodeId) -> NodeId {
        let equation = if rows.0 == 1 { "n,n->" } else { "rn,rn->r" };
        self.graph.einsum(equation, a, b)
    }

    /// One number for each row, weighted and summed up.
    fn contract_rows(&mut self, rows: Rows, numbers: NodeId) -> NodeId {
        match rows.0 {
            1 => numbers,
            rows => self.contract(numbers, Weighting::of_sizes([1, 1, rows])),
        }
    }

    /// Layer normalisation of each row: all of the elements where there is one row.
    fn layer_norm(&mut self, index: usize, input: ValueId) -> NodeId {
        let Step::LayerNorm {
            rows,
            scale,
            bias,
            epsilon,
            root_bits,
            ..
        } = &self.program.steps[index]
        else {
            unreachable!("it is a layer norm");
        };
        let rows = Rows(*rows);
        let id = ValueId(index + 1);
        let shape = self.shape(id);
        let digits = self.program.root_digits(index);
        let result = self.result_claim(index);
        let root = self.numbers(rows, digits.root);
        let below = self.numbers(rows, digits.remainder);
        let above = self.numbers(rows, digits.remainder);

        // V = N·Σx² − (Σx)² + ε.
        let image = self.node(input);
        let list_len = self.graph.len(image) / rows.0;
        let list = self.graph.reshape(image, &rows.shape(list_len));
        let count = list_len as i128;
        let ones = self
            .graph
            .integers(&rows.shape(list_len), vec![1; list_len * rows.0]);
        let sum = self.row_products(rows, list, ones);
        let squares = self.row_products(rows, list, list);
        let squares = self.graph.scale(squares, count);
        let square = self.graph.multiply(sum, sum);
        let radicand = self.graph.subtract(squares, square);
        let radicand = self.graph.offset(radicand, *epsilon);

        // 2^(2b) = r²·V + below, and (r + 1)²·V = 2^(2b) + 1 + above.
        let numerator = 1 << (2 * root_bits);
        let product = self.graph.multiply(root, radicand);
        let lower = self.graph.multiply(root, product);
        let lower = self.graph.add(lower, below);
        let residual = self.graph.complement(numerator, lower);
        self.check.begin();
        let residual = self.contract_rows(rows, residual);
        self.check.add(&mut self.graph, residual);
        // (r + 1)²·V = r²·V + 2·r·V + V = 2^(2b) − below + 2·r·V + V.
        let twice = self.graph.scale(product, 2);
        let next = self.graph.add(twice, radicand);
        let next = self.graph.subtract(next, below);
        let next = self.graph.subtract(next, above);
        let residual = self.graph.offset(next, -1);
        self.check.begin();
        let residual = self.contract_rows(rows, residual);
        self.check.add(&mut self.graph, residual);

        // y = r·(N·γ∘x − Σx·γ) + β, weighted.
        self.check.begin();
        let weighting = self.weighting(index);
        // γ stands there twice: a constant that two nodes read takes a cell for each element.
        let [by_element, by_sum] = [(); 2].map(|()| self.graph.integers(&shape, scale.iter().copied()));
        let image = self.graph.reshape(image, &shape);
        let scaled = self.graph.multiply(image, by_element);
        let scaled = self.contract_within_rows(rows, scaled, weighting);
        let scaled = self.graph.scale(scaled, count);
        let shift = self.contract_within_rows(rows, by_sum, weighting);
        let shift = self.graph.multiply(shift, sum);
        let centred = self.graph.subtract(scaled, shift);
        let normalised = if rows.0 == 1 {
            self.graph.multiply(centred, root)
        } else {
            let normalised = self.graph.multiply(centred, root);
            let by_row = self.challenge.weights(&mut self.graph, weighting, Axis::Rows);
            self.graph.einsum("h,h->", normalised, by_row)
        };
        self.check.add(&mut self.graph, normalised);
        if bias.iter().any(|&bias| bias != 0) {
            let bias = self.graph.integers(&shape, bias.iter().copied());
            let bias = self.contract(bias, weighting);
            self.check.add(&mut self.graph, bias);
        }
        let claimed = self.contract(result, weighting);
        self.check.subtract(&mut self.graph, claimed);
        result
    }

    /// For each row, Σ ρ^i · element i; of one row, all powers of its weighting.
    fn contract_within_rows(&mut self, rows: Rows, tensor: NodeId, weighting: Weighting) -> NodeId {
        if rows.0 == 1 {
            return self.contract(tensor, weighting);
        }
        let tensor = self.graph.reshape(tensor, &weighting.sizes[1..]);
        let columns = self.challenge.weights(&mut self.graph, weighting, Axis::Columns);
        self.graph.einsum("hw,w->h", tensor, columns)
    }
}

/// How many rows a tensor is normalised in.
#[derive(Clone, Copy)]
struct Rows(usize);

impl Rows {
    /// The shape of so many elements in each row; that of a list where there is one row.
    fn shape(self, len: usize) -> Vec<usize> {
        match self.0 {
            1 => vec![len],
            rows => vec![rows, len],
        }
    }
}
