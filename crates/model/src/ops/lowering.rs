//! The integer program under construction: what an operator writes its steps with.
//!
//! Weights and input stand at one scale, and values are rounded only where a range needs it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use super::Tensor;
use super::broadcast::positions;
use super::fixed::exponent;
use crate::interval::{Interval, LIMIT, Unbounded};
use crate::program::{Form, Linear, Operand, Order, Program, ProgramError, Step, Term, Value, ValueId};

/// What rounded values keep free below the table's end on the negative side, where a few rows of the table are blinding.
const TABLE_MARGIN: i128 = 16;

/// The most by which a sum may shift an operand, as a logarithm.
const MOST_SHIFT: f64 = 64.0;

/// The most elements that a value may have: with as many powers of ρ as the bound on false claims allows for, each has one.
pub(crate) const MOST_LOWERED: usize = 1 << 24;

/// A value of the graph that reads of it must be looked up: how large it may be, and whether it must be looked up where it
/// is claimed as well, because not everything that reads it sees what the look-up of another has let through.
#[derive(Clone, Copy)]
pub(crate) struct TableReader {
    pub(crate) limit: i128,
    pub(crate) guarded: bool,
    /// Whether it looks the value up only where the unit is a power of two.
    pub(crate) power_of_two: bool,
}

/// What an operator sees of a value when it is asked how it reads it through a table.
pub(crate) struct ReadThrough<'a> {
    /// The greatest magnitude that a table takes.
    pub(crate) limit: i128,
    /// The value's sizes.
    pub(crate) shape: &'a [usize],
    /// What reads the operator's own output through a table.
    pub(crate) onwards: &'a dyn Fn() -> Option<TableReader>,
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
    /// What reads its output through a table.
    pub(crate) table_reader: &'a dyn Fn() -> Option<TableReader>,
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

    /// Fails where its output has another batch than 1.
    pub(crate) fn expect_one_batch(&self) -> Result<(), ProgramError> {
        if matches!(self.shape[..], [1, _, ..]) {
            Ok(())
        } else {
            Err(self.refused("its result has another batch than 1"))
        }
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
}

impl Lowering {
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

    /// A value's elements as they stand, in another shape or read at another unit.
    pub(crate) fn relabelled(&mut self, value: ValueId, shape: &[usize], unit: f64) -> ValueId {
        let result = Value {
            shape: shape.to_vec(),
            unit,
            ..self.value(value).clone()
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
        let value = Value {
            shape: shape.to_vec(),
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
            ..place.result(interval, a.unit * b.unit)
        };
        Ok(self.push(Step::Multiply { left, right }, value))
    }

    /// A linear layer that is claimed: as it is, or rounded where what reads it needs that.
    pub(crate) fn linear(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        linear: Linear,
    ) -> Result<ValueId, ProgramError> {
        let too_large = |source| place.too_large(source);
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
            Linear::Product {
                right,
                sizes: [_, _, inner, columns],
            } => {
                let other = self.value(*right);
                let interval = match right.0.checked_sub(1).map(|index| &self.program.steps[index]) {
                    // Of weights, each column bounds its results.
                    Some(Step::Constant { elements }) => hull((0..*columns).map(|column| {
                        let column: Vec<i128> =
                            elements.iter().copied().skip(column).step_by(*columns).collect();
                        before.interval.weighted(&column, 0)
                    })),
                    _ => before
                        .interval
                        .times(other.interval)
                        .and_then(|product| product.repeated(*inner)),
                };
                (interval.map_err(too_large)?, before.unit * other.unit)
            }
        };
        let exact = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval,
            unit,
        };
        match (place.table_reader)() {
            // Claimed at another unit at once: what is rounded but not looked up as it is would not be bounded.
            Some(reader) if reader.power_of_two && !is_power_of_two(unit) => self
                .requantised(input, linear, exact, 1.0, reader.limit, reader.guarded)
                .map_err(too_large),
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
    pub(crate) fn within_table(
        &mut self,
        input: ValueId,
        parts: i128,
        guarded: bool,
    ) -> Result<ValueId, Unbounded> {
        let limit = self.table_limit() / parts;
        if self.value(input).interval.magnitude() <= limit {
            return Ok(input);
        }
        let exact = self.value(input).clone();
        self.rounded(input, Linear::Same, exact, limit, guarded)
    }

    /// What a layer of weights reads: at most a digit wide while there are roundings left.
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
        self.rounded(input, Linear::Same, exact, limit, true)
            .map_err(|source| place.too_large(source))
    }

    /// Values brought to one unit, the largest among theirs, by powers of two; and that unit.
    pub(crate) fn aligned(
        &self,
        place: &Place<'_>,
        values: &[ValueId],
    ) -> Result<(Vec<Operand>, f64), ProgramError> {
        let units = values.iter().map(|&value| self.value(value).unit);
        let unit = units.fold(0.0, f64::max);
        let operand = |&value: &ValueId| {
            let shift = (unit / self.value(value).unit).log2();
            if shift.fract() == 0.0 && shift <= MOST_SHIFT {
                Ok(Operand {
                    value,
                    shift: shift as u32,
                })
            } else {
                Err(place.refused("the units of its inputs differ by no power of two"))
            }
        };
        Ok((values.iter().map(operand).collect::<Result<_, _>>()?, unit))
    }

    /// What an operand's elements can be.
    pub(crate) fn interval(&self, operand: Operand) -> Result<Interval, Unbounded> {
        self.value(operand.value)
            .interval
            .weighted(&[1 << operand.shift], 0)
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
}

/// Whether a unit is a power of two.
pub(crate) fn is_power_of_two(unit: f64) -> bool {
    unit.log2().fract() == 0.0
}

/// A tensor's elements.
pub(crate) fn floats(tensor: &Tensor) -> impl Iterator<Item = f64> + '_ {
    tensor.data.iter().map(|&x| f64::from(x))
}

/// What any of these can be.
///
/// # Panics
/// Where there are none.
pub(crate) fn hull(
    intervals: impl Iterator<Item = Result<Interval, Unbounded>>,
) -> Result<Interval, Unbounded> {
    intervals
        .reduce(|a, b| Ok(a?.hull(b?)))
        .expect("a layer has outputs")
}
