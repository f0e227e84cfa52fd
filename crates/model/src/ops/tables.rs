//! Look-ups of an integer program: functions of one number, and how what they are looked up of is brought into a table's range.

use super::lowering::{Lowering, Place, is_power_of_two};
use crate::interval::{Interval, LIMIT, Unbounded};
use crate::program::{Form, Linear, ProgramError, Step, Tabulated, Value, ValueId};

/// The least bits of a multiplier that changes a unit: the new unit is off by at most 2^-20 of itself.
const MULTIPLIER_BITS: i32 = 19;

/// The greatest logarithm of a unit that a function is looked up at.
const MOST_SCALE: f64 = 31.0;

/// Why no table holds a number.
const OUT_OF_RANGE: &str = "its input takes numbers too large or too small for a table";

impl Lowering {
    /// max(x, 0) of what a table can take.
    pub(crate) fn rectified(&mut self, place: &Place<'_>, input: ValueId) -> ValueId {
        let before = self.value(input);
        let value = Value {
            shape: before.shape.clone(),
            ..place.result(before.interval.rectified(), before.unit)
        };
        self.push(Step::Rectify { input }, value)
    }

    /// A value that functions can be looked up of, at most a table's end divided by `parts` in magnitude, and the logarithm of its
    /// unit: itself, or what it is rounded to. Where `guarded` does not hold, all of it must be looked up by its only reader.
    pub(crate) fn tabulated(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        parts: i128,
        guarded: bool,
    ) -> Result<(ValueId, u32), ProgramError> {
        let input = if is_power_of_two(self.value(input).unit) {
            self.within_table(input, parts, guarded)
        } else {
            self.at_power_of_two(input, 1.0, self.table_limit() / parts, guarded)
        };
        let input = input.map_err(|source| place.too_large(source))?;
        let scale = self.value(input).unit.log2();
        if (0.0..=MOST_SCALE).contains(&scale) {
            Ok((input, scale as u32))
        } else {
            Err(place.refused(OUT_OF_RANGE))
        }
    }

    /// A function's results.
    pub(crate) fn function(
        &mut self,
        place: &Place<'_>,
        function: Tabulated,
        input: ValueId,
        scale: u32,
    ) -> Result<ValueId, ProgramError> {
        let before = self.value(input);
        let arguments = before.interval;
        if arguments.magnitude() > self.table_limit() {
            return Err(place.refused(OUT_OF_RANGE));
        }
        if function.least().is_some_and(|least| arguments.least < least) {
            return Err(place.refused("its input may be a number that the function has no result for"));
        }
        let Interval { least, greatest } = function.results(arguments, scale);
        let interval = Interval::checked(least, greatest).map_err(|source| place.too_large(source))?;
        let value = Value {
            shape: before.shape.clone(),
            ..place.result(interval, before.unit)
        };
        let step = Step::Tabulated {
            input,
            function,
            scale,
        };
        Ok(self.push(step, value))
    }

    /// `ratio` times a value, rounded at the greatest power of two that keeps it within `limit`, as a claim.
    pub(crate) fn at_power_of_two(
        &mut self,
        input: ValueId,
        ratio: f64,
        limit: i128,
        guarded: bool,
    ) -> Result<ValueId, Unbounded> {
        let exact = self.value(input).clone();
        self.requantised(input, Linear::Same, exact, ratio, limit, guarded)
    }

    /// The same of a layer's exact result. Where `guarded` holds, the limit is at most half the base of digits.
    pub(crate) fn requantised(
        &mut self,
        input: ValueId,
        linear: Linear,
        exact: Value,
        ratio: f64,
        limit: i128,
        guarded: bool,
    ) -> Result<ValueId, Unbounded> {
        let magnitude = exact.interval.magnitude().max(1);
        let greatest = magnitude as f64 * ratio / exact.unit;
        // One for what rounding adds, and one for the multiplier's own rounding.
        let unit = ((limit - 2) as f64 / greatest).log2().floor().exp2();
        let factor = ratio * unit / exact.unit;
        let base = self.program.base();
        let mut digits = 1;
        while factor * (base as f64).powi(digits as i32) < f64::from(MULTIPLIER_BITS).exp2() {
            digits += 1;
        }
        let divisor = base.checked_pow(digits).ok_or(Unbounded)?;
        let multiplier = (factor * divisor as f64).round() as i128;
        let product = magnitude.checked_mul(multiplier).ok_or(Unbounded)?;
        if product.checked_add(divisor).is_none_or(|sum| sum >= LIMIT) {
            return Err(Unbounded);
        }
        let quotient = |integer: i128| (integer * multiplier + divisor / 2).div_euclid(divisor);
        let value = Value {
            interval: Interval {
                least: quotient(exact.interval.least),
                greatest: quotient(exact.interval.greatest),
            },
            unit,
            ..exact
        };
        let step = Step::Claimed {
            input,
            linear,
            form: Form::Rounded {
                multiplier,
                digits,
                guarded,
            },
        };
        Ok(self.push(step, value))
    }
}
