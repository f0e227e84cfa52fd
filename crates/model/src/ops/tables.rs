//! Look-ups of an integer program: functions of one number, and how what they are looked up of is brought into a table's range.

use super::lowering::{Lowering, Place, TableReader};
use crate::interval::Interval;
use crate::program::{ProgramError, Step, Tabulated, Value, ValueId};

/// The greatest logarithm of a unit that a function is looked up at.
const MOST_SCALE: f64 = 31.0;

/// Why no table holds a number.
pub(super) const OUT_OF_RANGE: &str = "its input takes numbers too large or too small for a table";

impl Lowering {
    /// max(x, 0) of what a table can take.
    pub(crate) fn rectified(&mut self, place: &Place<'_>, input: ValueId) -> ValueId {
        let before = self.value(input);
        let value = Value {
            shape: before.shape.clone(),
            is_whole: before.is_whole,
            ..place.result(before.interval.rectified(), before.unit)
        };
        self.push(Step::Rectify { input }, value)
    }

    /// A value that functions can be looked up of, and the logarithm of its unit: itself, or what it is rounded to.
    pub(crate) fn tabulated(
        &mut self,
        place: &Place<'_>,
        input: ValueId,
        reader: TableReader,
    ) -> Result<(ValueId, u32), ProgramError> {
        let input = self.within_table(place, input, reader.at_power_of_two())?;
        let input = self.refined(place, input)?;
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
        if !self.is_in_table(arguments) && !self.is_looked_up_within(input, self.table_limit()) {
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
}
