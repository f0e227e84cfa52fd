//! The integer program under construction: what an operator writes its steps with.
//!
//! Weights and input stand at one scale, and values are rounded only where a range needs it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use std::collections::HashMap;

use super::Tensor;
use super::broadcast::positions;
use super::fixed::exponent;
use super::tables::OUT_OF_RANGE;
use crate::interval::{Interval, LIMIT, Unbounded};
pub(crate) use crate::program::hull;
use crate::program::{
    Form, Linear, Operand, Order, Program, ProgramError, Step, TABLE_MARGIN, Term, Value, ValueId,
};

/// The most by which a sum may shift an operand, as a logarithm.
const MOST_SHIFT: f64 = 64.0;

/// The least bits after the point of what a function is looked up of, or what is compared with a number that has more, unless inputs have
/// fewer: with fewer, e^x is further off than 3%.
pub(super) const LEAST_SCALE: u32 = 4;

/// The most elements that a value may have: with as many powers of ρ as the bound on false claims allows for, each has one.
pub(crate) const MOST_LOWERED: usize = 1 << 24;

/// The least bits of a multiplier that changes a unit: the new unit is off by at most 2^-20 of itself.
const MULTIPLIER_BITS: u32 = 19;

/// How many more bits small weights have at most in a calibrated program.
const MOST_SPARE_BITS: f64 = 6.0;

/// How a value is read of which reads must be looked up.
#[derive(Clone, Copy)]
pub(crate) struct TableReader {
    /// How large it may be.
    pub(crate) limit: i128,
    /// Whether it must be looked up where it is claimed as well, because not everything that reads it sees what the look-up of
    /// another has let through.
    pub(crate) guarded: bool,
    /// Whether it is looked up only where the unit is a power of two.
    pub(crate) power_of_two: bool,
    /// Whether what is made of it has bounds of its own, however far it is below 0.
    pub(crate) open_below: bool,
}

impl TableReader {
    /// All of it is looked up as it is.
    pub(crate) fn whole(limit: i128) -> Self {
        Self {
            limit,
            guarded: false,
            power_of_two: false,
            open_below: false,
        }
    }

    /// What is looked up is something else, or not all of it.
    pub(crate) fn guarded(limit: i128) -> Self {
        Self {
            guarded: true,
            ..Self::whole(limit)
        }
    }

    /// The same of a value whose unit must be a power of two.
    pub(crate) fn at_power_of_two(self) -> Self {
        Self {
            power_of_two: true,
            ..self
        }
    }

    /// The same where the result has bounds of its own.
    pub(crate) fn open_below(self) -> Self {
        Self {
            open_below: true,
            ..self
        }
    }

    /// Whether a value of this unit is looked up.
    fn takes(self, unit: f64) -> bool {
        !self.power_of_two || is_power_of_two(unit)
    }

    /// What two readers need.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            limit: self.limit.min(other.limit),
            guarded: self.guarded || other.guarded,
            power_of_two: self.power_of_two || other.power_of_two,
            open_below: self.open_below && other.open_below,
        }
    }
}

/// What an operator sees of a value when it is asked how it reads it through a table.
pub(crate) struct ReadThrough<'a> {
    /// The greatest magnitude that a table takes.
    pub(crate) limit: i128,
    /// The value's sizes.
    pub(crate) shape: &'a [usize],
    /// What reads the operator's own output through a table.
    pub(crate) onwards: Option<TableReader>,
}

/// What an operator reads.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// Where its elements come from.
    pub(crate) source: Source<'a>,
    /// Its sizes in the graph.
    pub(crate) shape: &'a [usize],
}

/// Where elements come from that an operator reads.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A value of the program.
    Value(ValueId),
    /// A constant of the graph, which has no unit before something reads it.
    Constant(&'a Tensor),
}

/// An operator's place in the graph.
pub(crate) struct Place<'a> {
    /// The node's name.
    pub(crate) name: &'a str,
    /// Its ONNX operator.
    pub(crate) operator: &'static str,
    /// What it reads.
    pub(crate) inputs: Vec<Input<'a>>,
    /// Sizes of its output.
    pub(crate) shape: Vec<usize>,
    /// Whether its output is one of the graph's.
    pub(crate) is_output: bool,
    /// What its output's elements are expected not to exceed, in the model's numbers.
    pub(crate) reach: Option<f64>,
    /// What reads its output through a table.
    pub(crate) table_reader: Option<TableReader>,
}

impl Place<'_> {
    /// It is not covered.
    pub(crate) fn refused(&self, reason: &'static str) -> ProgramError {
        ProgramError::NotCovered {
            operator: self.operator,
            node: self.name.to_owned(),
            reason,
        }
    }

    /// An integer of it could grow too large.
    pub(crate) fn too_large(&self, source: Unbounded) -> ProgramError {
        ProgramError::TooLarge {
            node: self.name.to_owned(),
            source,
        }
    }

    /// A number times a power of two.
    pub(super) fn shifted(&self, number: i128, shift: u32) -> Result<i128, ProgramError> {
        let factor = 1_i128.checked_shl(shift).filter(|&factor| factor > 0);
        let shifted = factor.and_then(|factor| number.checked_mul(factor));
        shifted
            .filter(|shifted| shifted.unsigned_abs() < LIMIT.unsigned_abs())
            .ok_or_else(|| self.too_large(Unbounded))
    }

    /// Fails where units are further apart than values are brought to one unit.
    pub(super) fn ensure_shift(&self, shift: i32) -> Result<(), ProgramError> {
        if f64::from(shift) > MOST_SHIFT {
            return Err(self.refused("the units of its inputs are too far apart"));
        }
        Ok(())
    }

    /// The constant at a position among its inputs, if it is one.
    pub(crate) fn constant(&self, position: usize) -> Option<&Tensor> {
        match self.inputs[position].source {
            Source::Constant(tensor) => Some(tensor),
            Source::Value(_) => None,
        }
    }

    /// The input at a position as a value of the program; a constant at the unit that it needs.
    pub(crate) fn value(&self, lowering: &mut Lowering, position: usize) -> Result<ValueId, ProgramError> {
        match self.inputs[position].source {
            Source::Value(id) => Ok(id),
            Source::Constant(tensor) => {
                let numbers: Vec<f64> = floats(tensor).collect();
                let unit = f64::from(exponent(&numbers, lowering.scale)).exp2();
                lowering.constant(self, &numbers, &tensor.shape, unit)
            }
        }
    }

    /// The input at a position with the shape of the output, its elements repeated as ONNX broadcasts them.
    pub(crate) fn broadcast(
        &self,
        lowering: &mut Lowering,
        position: usize,
    ) -> Result<ValueId, ProgramError> {
        let value = self.value(lowering, position)?;
        Ok(lowering.spread(value, self.inputs[position].shape, &self.shape))
    }

    /// What is known of a result of its own.
    pub(crate) fn result(&self, interval: Interval, unit: f64) -> Value {
        Value {
            name: self.name.to_owned(),
            shape: self.shape.clone(),
            interval,
            unit,
            is_whole: false,
        }
    }

    /// Numbers as integers of this unit, each below [`LIMIT`] in magnitude.
    pub(crate) fn integers(
        &self,
        numbers: impl Iterator<Item = f64>,
        unit: f64,
    ) -> Result<Vec<i128>, ProgramError> {
        let integer = |number: f64| {
            let units = (number * unit).round();
            if units.is_nan() {
                return Err(self.refused("a weight is not a number"));
            }
            // What f64 cannot hold, infinity among it, becomes the nearest i128, beyond the limit.
            let integer = units as i128;
            if integer.unsigned_abs() < LIMIT.unsigned_abs() {
                Ok(integer)
            } else {
                Err(self.too_large(Unbounded))
            }
        };
        numbers.map(integer).collect()
    }

    /// The integers of a bias; 0 for each output where there is none.
    pub(crate) fn bias(
        &self,
        bias: Option<&Tensor>,
        outputs: usize,
        unit: f64,
    ) -> Result<Vec<i128>, ProgramError> {
        match bias {
            Some(bias) => self.integers(floats(bias), unit),
            None => Ok(vec![0; outputs]),
        }
    }
}

/// A program under construction.
pub(crate) struct Lowering {
    /// What there is so far.
    pub(crate) program: Program,
    /// Bits after the binary point of weights.
    pub(crate) scale: u32,
    /// How many more values are rounded before a layer of weights reads them.
    pub(crate) roundings: usize,
    /// Whether scale factors are chosen for how far values reach.
    pub(crate) is_calibrated: bool,
    /// What values are expected not to exceed, in the model's numbers.
    pub(crate) reach: HashMap<ValueId, f64>,
    /// Whether what is multiplied element by element is rounded first where it is wider than a table.
    pub(crate) narrows: bool,
    /// What has been rounded so.
    pub(crate) narrowed: HashMap<ValueId, ValueId>,
}

impl Lowering {
    /// Whether a value has so few bits after the point that constants and tables at its unit would be others, though it has not lost
    /// any: it is a whole number, or there is room for more.
    pub(super) fn is_coarse(&self, value: &Value) -> bool {
        let least = f64::from(LEAST_SCALE.min(self.scale)).exp2();
        value.unit < least && (value.is_whole || 2 * value.interval.magnitude() <= self.table_limit())
    }

    /// A value of which a function is looked up, or which is compared with a fraction: a coarse one at a finer unit, of which each integer
    /// is a multiple.
    pub(super) fn refined(&mut self, place: &Place<'_>, value: ValueId) -> Result<ValueId, ProgramError> {
        let before = self.value(value).clone();
        if !self.is_coarse(&before) {
            return Ok(value);
        }
        let fits = |shift: u32| before.interval.magnitude() << shift <= self.table_limit() / 2;
        let finest = (f64::from(self.scale) - before.unit.log2()).max(0.0) as u32;
        let shift = (0..=finest).take_while(|&shift| fits(shift)).last().unwrap_or(0);
        let unit = before.unit * f64::from(shift).exp2();
        let term = Term {
            value,
            factor: 1 << shift,
        };
        let result = self.sum(place, vec![term], 0, &before.shape, unit)?;
        let is_fine = Value {
            is_whole: true,
            ..self.value(result).clone()
        };
        if self.is_coarse(&is_fine) {
            return Err(place
                .refused("its input takes whole numbers too large for a table with digits after the point"));
        }
        Ok(result)
    }

    /// Marks a value as truth values.
    pub(super) fn set_truth(&mut self, value: ValueId) {
        let truth = Interval {
            least: 0,
            greatest: 1,
        };
        self.set_always(value, truth);
        self.program.values[value.0].is_whole = true;
    }

    /// Marks that steps are the model's function only where what they read is within its bounds.
    pub(crate) fn assume(&mut self, source: Source<'_>) {
        if let Source::Value(value) = source {
            let interval = self.value(value).interval;
            self.program.assumed.push((value, interval));
        }
    }

    /// Marks what a value's integers are, whatever integers the input has.
    pub(super) fn set_always(&mut self, value: ValueId, interval: Interval) {
        self.program.always.push((value, interval));
        let stated = &mut self.program.values[value.0].interval;
        *stated = Interval {
            least: stated.least.max(interval.least),
            greatest: stated.greatest.min(interval.greatest),
        };
    }

    /// The greatest magnitude that a table takes.
    pub(crate) fn table_limit(&self) -> i128 {
        self.program.base() - TABLE_MARGIN
    }

    pub(crate) fn value(&self, id: ValueId) -> &Value {
        self.program.value(id)
    }

    /// Units of a weight that make 1.
    pub(crate) fn weight_unit(&self) -> f64 {
        f64::from(self.scale).exp2()
    }

    /// Units of these weights that make 1: those of a quantised file are the file's integers. In a calibrated program those of small
    /// weights are finer, so that the greatest has as many bits as 1 would have.
    fn unit_of(&self, weight: &Tensor) -> f64 {
        if let Some(step) = step_of(weight) {
            return step.recip();
        }
        let greatest = floats(weight).map(f64::abs).fold(0.0, f64::max);
        if !self.is_calibrated || !greatest.is_normal() {
            return self.weight_unit();
        }
        let spare = (-greatest.log2()).floor().clamp(0.0, MOST_SPARE_BITS);
        self.weight_unit() * spare.exp2()
    }

    /// Units of a layer's weights that make 1, and whether all that it reads is whole.
    pub(crate) fn unit_beside(&self, value: ValueId, weight: &Tensor, bias: Option<&Tensor>) -> (f64, bool) {
        let numbers = floats(weight).chain(bias.into_iter().flat_map(floats));
        let are_whole = self.are_whole(value, numbers);
        let unit = if are_whole { 1.0 } else { self.unit_of(weight) };
        (unit, are_whole)
    }

    /// Whether weights are whole, and so is the value that they multiply: then they need no bits after the point, and nothing is rounded.
    pub(super) fn are_whole(&self, value: ValueId, weights: impl IntoIterator<Item = f64>) -> bool {
        self.value(value).is_whole && weights.into_iter().all(|weight| weight.fract() == 0.0)
    }

    /// Marks what a layer of whole weights has made of whole numbers, unless it was rounded.
    pub(super) fn set_whole_unless_rounded(&mut self, value: ValueId) {
        let step = value.0.checked_sub(1).map(|index| &self.program.steps[index]);
        let is_rounded = matches!(
            step,
            Some(Step::Claimed {
                form: Form::Rounded { .. },
                ..
            })
        );
        self.program.values[value.0].is_whole = !is_rounded;
    }

    /// Appends a step and what is known of its result.
    pub(crate) fn push(&mut self, step: Step, value: Value) -> ValueId {
        self.program.steps.push(step);
        self.program.values.push(value);
        ValueId(self.program.values.len() - 1)
    }

    /// Numbers that the circuit's key fixes, at this unit.
    pub(crate) fn constant(
        &mut self,
        place: &Place<'_>,
        numbers: &[f64],
        shape: &[usize],
        unit: f64,
    ) -> Result<ValueId, ProgramError> {
        let elements = place.integers(numbers.iter().copied(), unit)?;
        let points = elements.iter().map(|&x| {
            Ok(Interval {
                least: x,
                greatest: x,
            })
        });
        let interval = hull(points).map_err(|source| place.too_large(source))?;
        let value = Value {
            shape: shape.to_vec(),
            is_whole: numbers.iter().all(|number| number.fract() == 0.0),
            ..place.result(interval, unit)
        };
        Ok(self.push(Step::Constant { elements }, value))
    }

    /// A value's elements at these positions, in a shape of as many; their bounds and their unit stay.
    pub(crate) fn picked(&mut self, value: ValueId, positions: Vec<usize>, shape: &[usize]) -> ValueId {
        let result = Value {
            shape: shape.to_vec(),
            ..self.value(value).clone()
        };
        let step = Step::Rearrange {
            operands: vec![Operand { value, shift: 0 }],
            order: Order::Picked(positions),
        };
        self.push(step, result)
    }

    /// A value as a claim of what it is: whether or not anything depends on an element, an identity of the check holds it.
    pub(super) fn claimed(&mut self, value: ValueId) -> ValueId {
        let result = self.value(value).clone();
        let step = Step::Claimed {
            input: value,
            linear: Linear::Same,
            form: Form::Exact,
        };
        self.push(step, result)
    }

    /// A value's elements as they stand, in another shape or read at another unit.
    pub(crate) fn relabelled(&mut self, value: ValueId, shape: &[usize], unit: f64) -> ValueId {
        let before = self.value(value).clone();
        let result = Value {
            shape: shape.to_vec(),
            unit,
            is_whole: before.is_whole && before.unit.to_bits() == unit.to_bits(),
            ..before
        };
        let step = Step::Rearrange {
            operands: vec![Operand { value, shift: 0 }],
            order: Order::Kept,
        };
        self.push(step, result)
    }

    /// A value of one shape with its elements repeated to another one.
    pub(crate) fn spread(&mut self, value: ValueId, from: &[usize], to: &[usize]) -> ValueId {
        if from == to {
            return value;
        }
        self.picked(value, positions(from, to), to)
    }

    /// Σ factor · value + addend, in a shape and at a unit that the caller knows.
    pub(crate) fn sum(
        &mut self,
        place: &Place<'_>,
        terms: Vec<Term>,
        addend: i128,
        shape: &[usize],
        unit: f64,
    ) -> Result<ValueId, ProgramError> {
        let constant = Interval {
            least: addend,
            greatest: addend,
        };
        let interval = terms.iter().try_fold(constant, |sum, term| {
            sum.plus(self.value(term.value).interval.weighted(&[term.factor], 0)?)
        });
        let is_whole = |number: f64| number.fract() == 0.0;
        let of_whole = terms.iter().all(|term| {
            let value = self.value(term.value);
            value.is_whole && is_whole(term.factor as f64 * value.unit / unit)
        });
        let value = Value {
            shape: shape.to_vec(),
            is_whole: of_whole && is_whole(addend as f64 / unit),
            ..place.result(interval.map_err(|source| place.too_large(source))?, unit)
        };
        Ok(self.push(Step::Sum { terms, addend }, value))
    }

    /// The product of two values of one shape, element by element.
    pub(crate) fn product(
        &mut self,
        place: &Place<'_>,
        left: ValueId,
        right: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let (a, b) = (self.value(left), self.value(right));
        let interval = if left == right {
            a.interval.squared()
        } else {
            a.interval.times(b.interval)
        };
        let interval = interval.map_err(|source| place.too_large(source))?;
        let value = Value {
            shape: a.shape.clone(),
            is_whole: a.is_whole && b.is_whole,
            ..place.result(interval, a.unit * b.unit)
        };
        Ok(self.push(Step::Multiply { left, right }, value))
    }

    /// A linear layer with weights at the program's scale that is claimed: as it is, or rounded where what reads it needs that.
    pub(crate) fn linear(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        linear: Linear,
    ) -> Result<ValueId, ProgramError> {
        self.linear_of(place, input, linear, self.weight_unit())
    }

    /// The same with weights of this unit; whole numbers stay whole where all weights are.
    pub(crate) fn linear_beside(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        linear: Linear,
        (weight_unit, are_whole): (f64, bool),
    ) -> Result<ValueId, ProgramError> {
        let result = self.linear_of(place, input, linear, weight_unit)?;
        if are_whole {
            self.set_whole_unless_rounded(result);
        }
        Ok(result)
    }

    /// The same with weights of another unit.
    fn linear_of(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        linear: Linear,
        weight_unit: f64,
    ) -> Result<ValueId, ProgramError> {
        let too_large = |source| place.too_large(source);
        let before = self.value(input);
        let unit = match &linear {
            Linear::Convolution { .. } | Linear::Dense { .. } | Linear::Affine { .. } => {
                before.unit * weight_unit
            }
            Linear::SumPool(window) => before.unit * (window.kernel[0] * window.kernel[1]) as f64,
            Linear::Same => before.unit,
            Linear::Product { right, .. } => before.unit * self.value(*right).unit,
        };
        let bounds = |value: ValueId| self.value(value).interval;
        let interval = self.program.linear_bounds(&linear, before.interval, bounds);
        let interval = interval.map_err(too_large)?;
        let exact = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval,
            unit,
            is_whole: false,
        };
        match place.table_reader {
            // Claimed as its reader needs it at once: what is rounded but not looked up as it is would not be bounded.
            Some(reader) if interval.magnitude() > reader.limit || !reader.takes(unit) => self
                .rounded(input, linear, exact, place.reach, reader)
                .map_err(too_large),
            _ => {
                let form = self.exact_form(&linear, interval);
                Ok(self.push(Step::Claimed { input, linear, form }, exact))
            }
        }
    }

    /// How a result is claimed that is not rounded. Weights of several outputs share a cell where the outputs are bounded
    /// claims: in digits, which takes cells for each output and fewer for each weight.
    fn exact_form(&self, linear: &Linear, interval: Interval) -> Form {
        let Linear::Dense { weight, bias, rows } = linear else {
            return Form::Exact;
        };
        let sign = u32::from(!interval.is_non_negative());
        let bits = i128::BITS - interval.magnitude().leading_zeros() + sign;
        let digits = bits.div_ceil(self.program.base_bits).max(1);
        let is_place = digits * self.program.base_bits <= LIMIT.ilog2();
        let of_digits = 3 * rows * digits as usize * bias.len();
        if is_place && of_digits < weight.len() / 2 {
            Form::Digits { digits }
        } else {
            Form::Exact
        }
    }

    /// The value itself where a reader's table can take it, and else rounded. A whole number is not rounded: a position or a count that is
    /// compared would be another one.
    pub(crate) fn within_table(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        reader: TableReader,
    ) -> Result<ValueId, ProgramError> {
        let exact = self.value(input).clone();
        let limit = reader.limit;
        let is_whole = limit == self.table_limit() && self.is_in_table(exact.interval);
        let fits = is_whole || exact.interval.magnitude() <= limit || self.is_looked_up_within(input, limit);
        if fits && reader.takes(exact.unit) {
            return Ok(input);
        }
        let reach = self.reach.get(&input).copied();
        let (is_whole, unit) = (exact.is_whole, exact.unit);
        let result = self
            .rounded(input, Linear::Same, exact, reach, reader)
            .map_err(|source| place.too_large(source))?;
        if is_whole {
            // At a power of two times its unit, each is what it was.
            if !reader.takes(unit) || self.value(result).unit < unit {
                return Err(place.refused(
                    "it takes whole numbers too large for a table, and rounded they would be others",
                ));
            }
            self.program.values[result.0].is_whole = true;
        }
        Ok(result)
    }

    /// Whether a table holds all numbers of an interval that honest ones can be. In a calibrated program those of the last few numbers
    /// below 0 cannot be: values are looked up within narrower limits.
    pub(super) fn is_in_table(&self, interval: Interval) -> bool {
        let end = self.program.base() - 1;
        let least = if self.is_calibrated {
            end
        } else {
            self.table_limit()
        };
        interval.greatest <= end && -interval.least <= least
    }

    /// Whether a value's own look-up bounds it, and honest ones are within a limit.
    pub(super) fn is_looked_up_within(&self, value: ValueId, most: i128) -> bool {
        let step = value.0.checked_sub(1).map(|index| &self.program.steps[index]);
        if let Some(Step::Rearrange { operands, .. }) = step
            && let [Operand { value, shift: 0 }] = operands[..]
        {
            // The same numbers in another order.
            return self.is_looked_up_within(value, most);
        }
        step.is_some_and(|step| {
            matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded {
                        limit: Some(limit), ..
                    },
                    ..
                } if *limit <= most
            )
        })
    }

    /// What a layer of weights or a normalisation reads: at most a digit wide while there are roundings left.
    pub(crate) fn before_weights(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let exact = self.value(input).clone();
        let limit = self.program.base() / 2 - 1;
        if self.roundings == 0 || exact.interval.magnitude() <= self.program.base() {
            return Ok(input);
        }
        self.roundings -= 1;
        self.program.roundings += 1;
        let reach = self.reach.get(&input).copied();
        self.rounded(input, Linear::Same, exact, reach, TableReader::guarded(limit))
            .map_err(|source| place.too_large(source))
    }

    /// A factor of a product of elements: of a chain of products each would need as many bits as all before it.
    pub(super) fn factor(&mut self, place: &Place<'_>, input: ValueId) -> Result<ValueId, ProgramError> {
        let exact = self.value(input).clone();
        let limit = self.program.base() / 2 - 1;
        if !self.narrows || exact.interval.magnitude() <= limit {
            return Ok(input);
        }
        if let Some(&known) = self.narrowed.get(&input) {
            return Ok(known);
        }
        let reach = self.reach.get(&input).copied();
        let result = self
            .rounded(input, Linear::Same, exact, reach, TableReader::guarded(limit))
            .map_err(|source| place.too_large(source))?;
        self.narrowed.insert(input, result);
        Ok(result)
    }

    /// Values brought to one unit, the largest among theirs: by a power of two where that is enough, and else rounded to a
    /// multiple of a power of two of it. Gives that unit, too.
    pub(crate) fn aligned(
        &mut self,
        place: &Place<'_>,
        values: &[ValueId],
    ) -> Result<(Vec<Operand>, f64), ProgramError> {
        let units = values.iter().map(|&value| self.value(value).unit);
        let unit = units.fold(0.0, f64::max);
        let operand = |&value: &ValueId| {
            let before = self.value(value);
            let ratio = unit / before.unit;
            let shift = ratio.log2();
            if shift > MOST_SHIFT {
                return Err(place.refused("the units of its inputs are too far apart"));
            }
            if shift.fract() == 0.0 {
                let shift = shift as u32;
                return Ok(Operand { value, shift });
            }
            if before.is_whole {
                let value = self.multiplied(place, value, ratio)?;
                return Ok(Operand { value, shift: 0 });
            }
            self.scaled_down(value, unit)
                .map_err(|source| place.too_large(source))
        };
        let operands: Vec<Operand> = values.iter().map(operand).collect::<Result<_, _>>()?;
        Ok((operands, unit))
    }

    /// Whole numbers at a unit that is a whole number of times theirs.
    fn multiplied(&mut self, place: &Place<'_>, value: ValueId, ratio: f64) -> Result<ValueId, ProgramError> {
        let Value { shape, unit, .. } = self.value(value).clone();
        if ratio.fract() != 0.0 || (ratio * unit).fract() != 0.0 {
            return Err(place.refused("the units of whole numbers and fractions do not go together"));
        }
        let term = Term {
            value,
            factor: ratio as i128,
        };
        self.sum(place, vec![term], 0, &shape, ratio * unit)
    }

    /// A value at this unit, as a power of two times a claim that a table takes.
    fn scaled_down(&mut self, value: ValueId, unit: f64) -> Result<Operand, Unbounded> {
        let exact = self.value(value).clone();
        let reach = self.reach.get(&value).copied();
        let reader = TableReader::guarded(self.program.base() / 2 - 1);
        let expected = self.expected(&exact, reach, reader);
        let target = Target {
            ratio: 1.0,
            unit,
            is_most: true,
        };
        let value = self.requantised(value, Linear::Same, exact, target, expected)?;
        let shift = (unit / self.value(value).unit).log2().round() as u32;
        Ok(Operand { value, shift })
    }

    /// What an operand's elements can be.
    pub(crate) fn interval(&self, operand: Operand) -> Result<Interval, Unbounded> {
        self.value(operand.value)
            .interval
            .weighted(&[1 << operand.shift], 0)
    }

    /// What a value is rounded to: all that it can be, or what it is expected not to exceed. The look-up is the bound then, which a
    /// reader gives that looks up every element as it is and has no need of a least one, and a guard in any other case.
    fn expected(&self, exact: &Value, reach: Option<f64>, reader: TableReader) -> Expected {
        let TableReader {
            mut limit,
            mut guarded,
            open_below,
            ..
        } = reader;
        let bound = exact.interval.magnitude();
        let reached = reach.map(|reach| ((reach * exact.unit).ceil() as i128).max(1));
        let reached = reached.filter(|&reached| reached < bound);
        if reached.is_some() && (guarded || limit < self.table_limit() || !open_below) {
            limit = limit.min(self.table_limit() / 2);
            guarded = true;
        }
        Expected {
            magnitude: reached.unwrap_or(bound).max(1),
            by_look_up: reached.is_some(),
            limit,
            guarded,
        }
    }

    /// A claimed layer as its reader's table takes it: divided by a power of two, or brought to a unit that is one.
    fn rounded(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        reach: Option<f64>,
        reader: TableReader,
    ) -> Result<ValueId, Unbounded> {
        let expected = self.expected(&exact, reach, reader);
        if !reader.takes(exact.unit) {
            return self.requantised(input, linear, exact, Target::POWER_OF_TWO, expected);
        }
        let base = self.program.base();
        let Expected { magnitude, limit, .. } = expected;
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
        let within = |number: i128, multiplier: i128| {
            let product = number.checked_mul(multiplier)?;
            (product < LIMIT).then_some(product)
        };
        let bound = exact.interval.magnitude();
        let mut multiplier = 1;
        while within(bound, multiplier * 2).is_some()
            && within(magnitude, multiplier * 2).is_some_and(|doubled| doubled / divisor < limit)
        {
            multiplier *= 2;
        }
        let unit = exact.unit * multiplier as f64 / divisor as f64;
        let form = expected.form(multiplier, digits);
        self.claim_rounded(input, linear, exact, form, unit)
    }

    /// A claimed layer times a ratio, at the greatest unit that keeps it within its limit: a power of two times what is asked for.
    fn requantised(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        target: Target,
        expected: Expected,
    ) -> Result<ValueId, Unbounded> {
        let greatest = expected.magnitude as f64 * target.ratio / exact.unit * target.unit;
        // One for what rounding adds, and one for the multiplier's own rounding.
        let mut exponent = ((expected.limit - 2) as f64 / greatest).log2().floor();
        if target.is_most {
            exponent = exponent.min(0.0);
        }
        let unit = target.unit * exponent.exp2();
        let factor = target.ratio * unit / exact.unit;
        let base = self.program.base();
        let mut digits = 1;
        while factor * (base as f64).powi(digits) < f64::from(MULTIPLIER_BITS).exp2() {
            digits += 1;
        }
        let digits = digits.cast_unsigned();
        let divisor = base.checked_pow(digits).ok_or(Unbounded)?;
        let multiplier = (factor * divisor as f64).round() as i128;
        let form = expected.form(multiplier, digits);
        self.claim_rounded(input, linear, exact, form, unit)
    }

    /// `ratio` times a value, at the greatest power of two that its only reader's table takes, as a claim.
    pub(super) fn at_power_of_two(
        &mut self,
        input: ValueId,
        ratio: f64,
        reader: TableReader,
    ) -> Result<ValueId, Unbounded> {
        let exact = self.value(input).clone();
        let reach = self.reach.get(&input).copied();
        let expected = self.expected(&exact, reach, reader);
        let target = Target {
            ratio,
            ..Target::POWER_OF_TWO
        };
        self.requantised(input, Linear::Same, exact, target, expected)
    }

    /// ⌊x / 2^bits + ½⌋ of a value's integers, claimed and held by a look-up.
    pub(super) fn nearest(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        bits: u32,
    ) -> Result<ValueId, ProgramError> {
        let exact = self.value(input).clone();
        let limit = self.table_limit() / 2;
        // One more for what rounding adds.
        let is_within = |magnitude: f64| magnitude / f64::from(bits).exp2() + 1.0 <= limit as f64;
        let by_look_up = !is_within(exact.interval.magnitude() as f64);
        let reach = self.reach.get(&input).or(place.reach.as_ref()).copied();
        if by_look_up && !reach.is_some_and(|reach| is_within(reach * exact.unit)) {
            return Err(place.refused(OUT_OF_RANGE));
        }
        let digits = bits.div_ceil(self.program.base_bits);
        let form = Form::Rounded {
            multiplier: 1 << (digits * self.program.base_bits - bits),
            digits,
            guarded: true,
            limit: by_look_up.then_some(limit),
        };
        let unit = exact.unit / f64::from(bits).exp2();
        let result = self
            .claim_rounded(input, Linear::Same, exact, form, unit)
            .map_err(|source| place.too_large(source))?;
        // What has a unit of 1 is whole now.
        self.program.values[result.0].is_whole = unit.to_bits() == 1f64.to_bits();
        Ok(result)
    }

    /// The nearest whole number of a value at a unit that is no power of two, as one claim held by a look-up. The unit's inverse is
    /// rounded to [`MULTIPLIER_BITS`]; of two numbers that are as near, it decides.
    pub(super) fn nearest_whole(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let exact = self.value(input).clone();
        let reach = self.reach.get(&input).copied();
        let reader = TableReader::guarded(self.table_limit() / 2);
        let expected = self.expected(&exact, reach, reader);
        let target = Target {
            is_most: true,
            ..Target::POWER_OF_TWO
        };
        let result = self.requantised(input, Linear::Same, exact, target, expected);
        let result = result.map_err(|source| place.too_large(source))?;
        let value = &mut self.program.values[result.0];
        if value.unit.to_bits() != 1f64.to_bits() {
            return Err(place.refused(OUT_OF_RANGE));
        }
        value.is_whole = true;
        Ok(result)
    }

    /// A claimed layer in this form, whose result has this unit.
    fn claim_rounded(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        form: Form,
        unit: f64,
    ) -> Result<ValueId, Unbounded> {
        let Form::Rounded {
            multiplier,
            digits,
            guarded,
            limit,
        } = form
        else {
            unreachable!("it is rounded");
        };
        let base = self.program.base();
        let divisor = base.checked_pow(digits).ok_or(Unbounded)?;
        let scaled = exact.interval.weighted(&[multiplier], divisor / 2)?;
        let mut interval = Interval {
            least: scaled.least.div_euclid(divisor),
            greatest: scaled.greatest.div_euclid(divisor),
        };
        if limit.is_some() {
            // What the look-up takes: of a guard, one half of the table or both; of a reader, all of it, and how far that goes below 0 is
            // not known before the circuit's rows are.
            let (least, greatest) = match (guarded, interval.is_non_negative()) {
                (true, true) => (0, base - 1),
                (true, false) => (-(base / 2), base / 2 - 1),
                (false, _) => (interval.least, base - 1),
            };
            interval.least = interval.least.max(least);
            interval.greatest = interval.greatest.min(greatest);
            if interval.least > interval.greatest {
                // Nothing that it can be is in the table.
                return Err(Unbounded);
            }
        }
        let value = Value {
            interval,
            unit,
            is_whole: false,
            ..exact
        };
        Ok(self.push(Step::Claimed { input, linear, form }, value))
    }
}

/// What a value is rounded to.
#[derive(Clone, Copy)]
struct Target {
    /// What it is multiplied by.
    ratio: f64,
    /// A unit, which is multiplied by a power of two.
    unit: f64,
    /// Whether that power is at most 1.
    is_most: bool,
}

impl Target {
    const POWER_OF_TWO: Self = Self {
        ratio: 1.0,
        unit: 1.0,
        is_most: false,
    };
}

/// How large a value is, and how it is looked up.
#[derive(Clone, Copy)]
struct Expected {
    /// The greatest magnitude, at least 1.
    magnitude: i128,
    /// Whether that is less than what it is made of allows for, so that its look-up bounds it.
    by_look_up: bool,
    /// The greatest magnitude that its reader takes.
    limit: i128,
    /// Whether its range is checked where it is claimed.
    guarded: bool,
}

impl Expected {
    fn form(self, multiplier: i128, digits: u32) -> Form {
        Form::Rounded {
            multiplier,
            digits,
            guarded: self.guarded,
            limit: self.by_look_up.then_some(self.limit),
        }
    }
}

/// The number of which all weights are whole multiples, as those of a file that is quantised to 8 bits are; none where there is none,
/// where few bits hold the multiples, or where it is a power of two, as the units of other weights are.
pub(super) fn step_of(weight: &Tensor) -> Option<f64> {
    /// What a multiple in `f32` differs from a whole number at most.
    const ROUNDED: f64 = 1.0 / 4096.0;
    const MOST: u32 = 255;
    const FEW: u32 = 15;
    let greatest = floats(weight).map(f64::abs).fold(0.0, f64::max);
    if !greatest.is_normal() {
        return None;
    }
    let is_step = |step: f64| {
        floats(weight).all(|number| {
            let multiple = number / step;
            (multiple - multiple.round()).abs() <= ROUNDED
        })
    };
    let multiple = (1..=MOST).find(|&multiple| is_step(greatest / f64::from(multiple)))?;
    let step = greatest / f64::from(multiple);
    (multiple > FEW && !is_power_of_two(step)).then_some(step)
}

/// Whether a unit is a power of two.
pub(crate) fn is_power_of_two(unit: f64) -> bool {
    unit.log2().fract() == 0.0
}

/// A tensor's elements.
pub(crate) fn floats(tensor: &Tensor) -> impl Iterator<Item = f64> + '_ {
    tensor.data.iter().map(|&x| f64::from(x))
}
