//! Look-ups of an integer program: functions of one number, and how what they are looked up of is brought into a table's range.

use super::lowering::{Lowering, Place, TableReader};
use crate::interval::Interval;
use crate::program::{Form, Linear, NEGATED, ProgramError, Step, Tabulated, Term, Value, ValueId};

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
        let input = self.within_domain(place, function, input, scale)?;
        let before = self.value(input);
        let arguments = before.interval;
        if !self.is_in_table(arguments) && !self.is_looked_up_within(input, self.table_limit()) {
            return Err(place.refused(OUT_OF_RANGE));
        }
        let results = function.results(arguments, scale);
        let Interval { least, greatest } = results.ok_or_else(|| place.refused(OUT_OF_RANGE))?;
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

    /// What a function is looked up of, held to where it has results.
    fn within_domain(
        &mut self,
        place: &Place<'_>,
        function: Tabulated,
        input: ValueId,
        scale: u32,
    ) -> Result<ValueId, ProgramError> {
        let domain = function.domain(scale);
        let mut input = input;
        if let Some(least) = domain.least {
            input = self.at_least(place, input, least, "")?;
        }
        if let Some(greatest) = domain.greatest {
            input = self.at_most(place, input, greatest, "")?;
        }
        Ok(input)
    }

    /// A value that is at most a number in every proof, as [`Self::at_least`] has it of −x.
    pub(super) fn at_most(
        &mut self,
        place: &Place<'_>,
        value: ValueId,
        greatest: i128,
        what: &str,
    ) -> Result<ValueId, ProgramError> {
        if self.value(value).interval.greatest <= greatest {
            return Ok(value);
        }
        let opposite = self.negated(place, value)?;
        let opposite = self.at_least(place, opposite, -greatest, &format!("{what}{NEGATED}"))?;
        self.negated(place, opposite)
    }

    /// A value that is at least a number in every proof: itself where its bounds say so, and else what it is more, as a claim of
    /// digits. An input of the model that makes it less has no proof. `what` names what is held beside the node.
    pub(super) fn at_least(
        &mut self,
        place: &Place<'_>,
        value: ValueId,
        least: i128,
        what: &str,
    ) -> Result<ValueId, ProgramError> {
        let before = self.value(value).clone();
        if before.interval.least >= least {
            return Ok(value);
        }
        let greatest = before.interval.greatest - least;
        if greatest < 0 {
            return Err(place.refused("it has a result for none of the numbers that its input can be"));
        }
        let term = Term { value, factor: 1 };
        let more = self.sum(place, vec![term], -least, &before.shape, before.unit)?;
        let held = Value {
            name: format!("{}{what}", place.name),
            interval: Interval { least: 0, greatest },
            ..self.value(more).clone()
        };
        let digits = self.program.digits_for(greatest.unsigned_abs()) as u32;
        let form = Form::Digits { digits };
        let linear = Linear::Same;
        let input = more;
        let held = self.push(Step::Claimed { input, linear, form }, held);
        let term = Term {
            value: held,
            factor: 1,
        };
        self.sum(place, vec![term], least, &before.shape, before.unit)
    }
}
