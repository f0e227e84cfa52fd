//! Numbers that a value is held to: those of its type in the file, the positions that there are, or scores that a mask hides.
//!
//! An input that makes it another number has no proof, as one of which a function has no result.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::TensorProto;

use super::Op;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Composition, Operator, Part, single};
use super::piecewise::ends;
use crate::interval::Interval;
use crate::program::{FRACTION, ProgramError, Term, ValueId};
use crate::wire::proto::signed;

/// The least and the greatest number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// The least.
    pub least: i64,
    /// The greatest.
    pub greatest: i64,
    /// Whether only whole numbers are.
    pub is_whole: bool,
}

impl Within {
    /// Whole numbers.
    pub fn whole(least: i64, greatest: i64) -> Self {
        Self {
            least,
            greatest,
            is_whole: true,
        }
    }

    /// In units of a value.
    pub(crate) fn interval(self, unit: f64) -> Interval {
        if unit >= 1.0 && unit.fract() == 0.0 {
            // A product by a whole unit is exact.
            let scaled = |number: i64| i128::from(number).saturating_mul(unit as i128);
            return Interval {
                least: scaled(self.least),
                greatest: scaled(self.greatest),
            };
        }
        let [mut least, mut greatest] = [self.least, self.greatest].map(|number| number as f64);
        if least as i128 > i128::from(i64::MIN) && (least as i128) < i128::from(self.least) {
            least = least.next_up();
        }
        if greatest as i128 > i128::from(self.greatest) {
            greatest = greatest.next_down();
        }
        Interval {
            least: (least * unit).ceil() as i128,
            greatest: (greatest * unit).floor() as i128,
        }
    }
}

impl Operator for Within {
    fn onnx_name(&self) -> &'static str {
        "Clip"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        single(inputs).map(<[usize]>::to_vec)
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        ends(node, self.least as f32, self.greatest as f32)
    }

    /// Scores that are within by their bounds are looked up as they are.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        read.onwards.filter(|_| !self.is_whole)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let mut input = place.value(lowering, 0)?;
        if self.is_whole {
            input = lowering.held_whole(place, input)?;
        }
        let Interval { least, greatest } = self.interval(lowering.value(input).unit);
        let held = lowering.at_least(place, input, least, "")?;
        let held = lowering.at_most(place, held, greatest, "")?;
        lowering
            .program
            .assumed
            .push((held, Interval { least, greatest }));
        Ok(held)
    }
}

impl Lowering {
    /// A value that is whole in every proof: itself where it is known to be, and else the nearest whole number, with the distance held to 0.
    fn held_whole(&mut self, place: &Place<'_>, value: ValueId) -> Result<ValueId, ProgramError> {
        let unit = self.value(value).unit;
        let bits = unit.log2();
        if self.value(value).is_whole || unit <= 1.0 {
            return Ok(value);
        }
        if bits.fract() != 0.0 || bits > 64.0 {
            return Err(place.refused("it holds whole numbers, and has a unit of fractions"));
        }
        let nearest = self.nearest(place, value, bits as u32)?;
        let terms = [(value, 1), (nearest, -(unit as i128))].map(|(value, factor)| Term { value, factor });
        let distance = self.sum(place, terms.to_vec(), 0, &place.shape, unit)?;
        // Rounding is off by no more.
        self.program.values[distance.0].interval = Interval {
            least: -(unit as i128) / 2,
            greatest: unit as i128 / 2,
        };
        let distance = self.at_least(place, distance, 0, FRACTION)?;
        self.at_most(place, distance, 0, FRACTION)?;
        Ok(nearest)
    }
}

impl Composition {
    /// A value that names one of so many places, as no other number has a proof.
    pub(super) fn place_of(&mut self, value: Part, count: usize) -> Result<Part, String> {
        let within = Within::whole(0, signed(count) - 1);
        self.apply(Op::Within(within), &[value])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_that_of_the_units_in_it() {
        let bytes = Within::whole(-128, 127);
        let of = |unit: f64| {
            let Interval { least, greatest } = bytes.interval(unit);
            (least, greatest)
        };
        assert_eq!(of(1.0), (-128, 127));
        assert_eq!(of(8.0), (-1024, 1016));
        assert_eq!(of(0.25), (-32, 31));
        let all = Within::whole(i64::MIN, i64::MAX);
        assert_eq!(all.interval(1.0).greatest, i128::from(i64::MAX));
        assert!(all.interval(1.0 / 16384.0).greatest < 1 << 49);
    }
}
