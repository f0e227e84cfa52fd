//! The integer program under construction: what an operator writes its steps with.
//!
//! Weights and input stand at one scale, and values are rounded only where a range needs it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use std::collections::HashMap;

use super::Tensor;
use crate::interval::{Interval, LIMIT, Unbounded};
use crate::program::{
    Form, Linear, Operand, Order, Program, ProgramError, Step, TABLE_MARGIN, Value, ValueId,
};

/// The most by which a sum may shift an operand, as a logarithm.
const MOST_SHIFT: f64 = 64.0;

/// How many bits the multiplier has at least by which a value is brought to another unit. A value that a table takes has as many
/// of its own.
const RATIO_BITS: u32 = 16;

/// How many more bits small weights have at most in a calibrated program.
const MOST_SPARE_BITS: f64 = 6.0;

/// A value of the graph that reads of it must be looked up: how large it may be, and whether it must be looked up where it
/// is claimed as well, because not everything that reads it sees what the look-up of another has let through.
#[derive(Clone, Copy)]
pub(crate) struct TableReader {
    pub(crate) limit: i128,
    pub(crate) guarded: bool,
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

/// An operator's place in the graph.
pub(crate) struct Place<'a> {
    /// The node's name.
    pub(crate) name: &'a str,
    /// Its ONNX operator.
    pub(crate) operator: &'static str,
    /// What it reads, in the program.
    pub(crate) inputs: Vec<ValueId>,
    /// Sizes of its output.
    pub(crate) shape: Vec<usize>,
    /// Whether its output is one of the graph's.
    pub(crate) is_output: bool,
    /// What its output's elements are expected not to exceed, in the model's numbers.
    pub(crate) reach: Option<f64>,
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

    /// Units of these weights that make 1: in a calibrated program those of small weights are finer, so that the greatest has as
    /// many bits as 1 would have.
    pub(crate) fn unit_of(&self, weight: &Tensor) -> f64 {
        let greatest = floats(weight).map(f64::abs).fold(0.0, f64::max);
        if !self.is_calibrated || !greatest.is_normal() {
            return self.weight_unit();
        }
        let spare = (-greatest.log2()).floor().clamp(0.0, MOST_SPARE_BITS);
        self.weight_unit() * spare.exp2()
    }

    /// Appends a step and what is known of its result.
    pub(crate) fn push(&mut self, step: Step, value: Value) -> ValueId {
        self.program.steps.push(step);
        self.program.values.push(value);
        ValueId(self.program.values.len() - 1)
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

    /// The same with weights of another unit.
    pub(crate) fn linear_of(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        linear: Linear,
        weight_unit: f64,
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
                (interval, before.unit * weight_unit)
            }
            Linear::Affine { factor, addend } => {
                let channels = factor.iter().zip(addend);
                let interval =
                    hull(channels.map(|(&w, &a)| before.interval.weighted(&[w], a))).map_err(too_large)?;
                (interval, before.unit * weight_unit)
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
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval,
            unit,
        };
        match (place.table_reader)() {
            Some(reader) if interval.magnitude() > reader.limit => self
                .rounded(input, linear, exact, place.reach, reader)
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
        let interval = self.value(input).interval;
        // The table ends at the base less one; only below 0 are there rows to keep free.
        let is_whole = parts == 1 && interval.greatest < self.program.base() && -interval.least <= limit;
        if is_whole || interval.magnitude() <= limit || self.is_looked_up_within(input, limit) {
            return Ok(input);
        }
        let exact = self.value(input).clone();
        let reach = self.reach.get(&input).copied();
        let reader = TableReader { limit, guarded };
        self.rounded(input, Linear::Same, exact, reach, reader)
    }

    /// Whether a value's own look-up bounds it, and honest ones are within a limit.
    fn is_looked_up_within(&self, value: ValueId, most: i128) -> bool {
        let step = value.0.checked_sub(1).map(|index| &self.program.steps[index]);
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
        let reach = self.reach.get(&input).copied();
        let reader = TableReader { limit, guarded: true };
        self.rounded(input, Linear::Same, exact, reach, reader)
            .map_err(|source| place.too_large(source))
    }

    /// A value's elements, so many after the other, each part as a row.
    pub(crate) fn rows(&mut self, input: ValueId, len: usize) -> Vec<ValueId> {
        let whole = self.value(input).clone();
        let count = whole.shape.iter().product::<usize>() / len;
        let row = |row: usize| {
            let step = Step::Rearrange {
                operands: vec![Operand {
                    value: input,
                    shift: 0,
                }],
                order: Order::Picked((row * len..(row + 1) * len).collect()),
            };
            let value = Value {
                shape: vec![1, len],
                ..whole.clone()
            };
            self.push(step, value)
        };
        (0..count).map(row).collect()
    }

    /// Values of one unit, one after the other, as one.
    pub(crate) fn joined(&mut self, values: &[ValueId], all: Value) -> ValueId {
        let operands = values.iter().map(|&value| Operand { value, shift: 0 });
        let step = Step::Rearrange {
            operands: operands.collect(),
            order: Order::Kept,
        };
        self.push(step, all)
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
            let ratio = unit / self.value(value).unit;
            let shift = ratio.log2();
            if shift > MOST_SHIFT {
                return Err(place.refused("the units of its inputs are too far apart"));
            }
            if shift.fract() == 0.0 {
                let shift = shift as u32;
                return Ok(Operand { value, shift });
            }
            self.rescaled(value, ratio)
                .map_err(|source| place.too_large(source))
        };
        let operands: Vec<Operand> = values.iter().map(operand).collect::<Result<_, _>>()?;
        Ok((operands, unit))
    }

    /// A value times `ratio`, as a power of two times a claim that a table takes. Its multiplier differs from the ratio by at most
    /// 2^−[`RATIO_BITS`] of it, and is no power of two.
    fn rescaled(&mut self, value: ValueId, ratio: f64) -> Result<Operand, Unbounded> {
        let exact = self.value(value).clone();
        let (base, limit) = (self.program.base(), self.program.base() / 2 - 1);
        let magnitude = exact.interval.magnitude();
        // One less for what rounding adds.
        let mut shift = 0;
        while magnitude as f64 * ratio > (limit - 1) as f64 * f64::from(shift).exp2() {
            shift += 1;
        }
        let ratio = ratio / f64::from(shift).exp2();
        let mut digits = 1;
        while ratio * (base as f64).powi(digits) < f64::from(RATIO_BITS).exp2() {
            digits += 1;
        }
        let digits = digits.cast_unsigned();
        let multiplier = (ratio * base.checked_pow(digits).ok_or(Unbounded)? as f64).round() as i128;
        let rounding = Rounding {
            multiplier,
            digits,
            guarded: true,
            limit: None,
        };
        let claimed = self.claim_rounded(value, Linear::Same, exact, rounding)?;
        Ok(Operand {
            value: claimed,
            shift,
        })
    }

    /// What an operand's elements can be.
    pub(crate) fn interval(&self, operand: Operand) -> Result<Interval, Unbounded> {
        self.value(operand.value)
            .interval
            .weighted(&[1 << operand.shift], 0)
    }

    /// A claimed layer, divided by a power of two so that its magnitude is at most what its reader's table takes: the magnitude
    /// that follows from what it reads, or a smaller one that it is expected not to exceed. The look-up is the bound then, which a
    /// reader gives that looks up every element as it is, and a guard in any other case.
    fn rounded(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        reach: Option<f64>,
        reader: TableReader,
    ) -> Result<ValueId, Unbounded> {
        let base = self.program.base();
        let TableReader {
            mut limit,
            mut guarded,
        } = reader;
        let bound = exact.interval.magnitude();
        let reached = reach.map(|reach| ((reach * exact.unit).ceil() as i128).max(1));
        let reached = reached.filter(|&reached| reached < bound);
        if reached.is_some() && (guarded || limit < self.table_limit()) {
            limit = limit.min(self.table_limit() / 2);
            guarded = true;
        }
        let magnitude = reached.unwrap_or(bound);
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
        let mut multiplier = 1;
        while within(bound, multiplier * 2).is_some()
            && within(magnitude, multiplier * 2).is_some_and(|doubled| doubled / divisor < limit)
        {
            multiplier *= 2;
        }
        let rounding = Rounding {
            multiplier,
            digits,
            guarded,
            limit: reached.map(|_| limit),
        };
        self.claim_rounded(input, linear, exact, rounding)
    }

    /// A claimed layer times `multiplier` / base^digits, rounded.
    fn claim_rounded(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        rounding: Rounding,
    ) -> Result<ValueId, Unbounded> {
        let Rounding {
            multiplier,
            digits,
            guarded,
            limit,
        } = rounding;
        let base = self.program.base();
        let divisor = base.checked_pow(digits).ok_or(Unbounded)?;
        let scaled = exact.interval.weighted(&[multiplier], divisor / 2)?;
        let mut interval = Interval {
            least: scaled.least.div_euclid(divisor),
            greatest: scaled.greatest.div_euclid(divisor),
        };
        if limit.is_some() {
            // What the look-up takes: of a guard, one half of the table or both; of a reader, all of it.
            let looked_up = match (guarded, interval.is_non_negative()) {
                (true, true) => (0, base - 1),
                (true, false) => (-(base / 2), base / 2 - 1),
                (false, _) => (-self.table_limit(), base - 1),
            };
            interval.least = interval.least.max(looked_up.0);
            interval.greatest = interval.greatest.min(looked_up.1);
        }
        let value = Value {
            interval,
            unit: exact.unit * multiplier as f64 / divisor as f64,
            ..exact
        };
        let form = Form::Rounded {
            multiplier,
            digits,
            guarded,
            limit,
        };
        Ok(self.push(Step::Claimed { input, linear, form }, value))
    }
}

/// How a claimed layer is rounded; as in [`Form::Rounded`].
#[derive(Clone, Copy)]
struct Rounding {
    multiplier: i128,
    digits: u32,
    guarded: bool,
    limit: Option<i128>,
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
