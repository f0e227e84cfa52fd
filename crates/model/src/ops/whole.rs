//! Floor, Ceil, Round and a cast to integers: real numbers made whole, exactly.
//!
//! A rounded claim is ⌊x + ½⌋ where what is dropped is all that stands after the point. The others add or subtract a half, or as much as
//! there is after the point, before it.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{AttributeProto, tensor_proto::DataType};

use super::Op;
use super::compare::Compare;
use super::lowering::{Lowering, Place, TableReader, is_power_of_two};
use super::operator::{Composition, Elements, Import, Meaning, Operator, Part, single};
use super::tables::OUT_OF_RANGE;
use crate::interval::Interval;
use crate::program::{ProgramError, Term, ValueId};
use crate::wire::proto::int;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Floor",
        read: |node| Meaning::unary(Op::Whole(Whole::Floor), node),
    },
    Import {
        operator: "Ceil",
        read: |node| Meaning::unary(Op::Whole(Whole::Ceil), node),
    },
    Import {
        operator: "Round",
        read: |node| Meaning::unary(Op::Whole(Whole::Round), node),
    },
    Import {
        operator: "Cast",
        read: cast,
    },
];

/// The most bits after the point of the distance from the nearest whole number, as it is looked up.
const MOST_BITS: u32 = 14;

/// A whole number for each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whole {
    /// The greatest that is not above it.
    Floor,
    /// The least that is not below it.
    Ceil,
    /// The nearest, and of two the even one.
    Round,
    /// The nearest that is no further from 0: ONNX `Cast` to 64 bits.
    Truncate,
}

impl Operator for Whole {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Floor => "Floor",
            Self::Ceil => "Ceil",
            Self::Round => "Round",
            Self::Truncate => "Cast",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        single(inputs).map(<[usize]>::to_vec)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        match self {
            Self::Truncate => vec![int("to", i64::from(DataType::Int64 as i32))],
            Self::Floor | Self::Ceil | Self::Round => Vec::new(),
        }
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        let kind = match self {
            Self::Truncate => Elements::Positions,
            Self::Floor | Self::Ceil | Self::Round => Elements::Floats,
        };
        (vec![Elements::Floats; given.len()], kind)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let mut input = place.value(lowering, 0)?;
        if lowering.value(input).is_whole {
            return Ok(input);
        }
        let unit = lowering.value(input).unit;
        if unit <= 1.0 && unit.recip().fract() == 0.0 {
            // A multiple of a whole number.
            let result = lowering.relabelled(input, &place.shape, unit);
            lowering.program.values[result.0].is_whole = true;
            return Ok(result);
        }
        let half = TableReader::guarded(lowering.table_limit() / 2);
        if *self == Self::Round && !is_power_of_two(lowering.value(input).unit) {
            return lowering.nearest_whole(place, input);
        }
        if !is_power_of_two(lowering.value(input).unit) {
            input = lowering
                .at_power_of_two(input, 1.0, half)
                .map_err(|source| place.too_large(source))?;
        }
        let bits = lowering.value(input).unit.log2();
        if !(1.0..=64.0).contains(&bits) {
            return Err(place.refused(OUT_OF_RANGE));
        }
        let bits = bits as u32;
        match self {
            Self::Floor => floor(place, lowering, input, 1, bits),
            Self::Ceil => {
                let opposite = floor(place, lowering, input, -1, bits)?;
                lowering.negated(place, opposite)
            }
            Self::Truncate => {
                // max(⌊x⌋, 0) − max(⌊−x⌋, 0).
                let sides = [1, -1].map(|sign| {
                    let floor = floor(place, lowering, input, sign, bits)?;
                    Ok(lowering.rectified(place, floor))
                });
                let [above, below] = sides;
                let terms = [(above?, 1), (below?, -1)].map(|(value, factor)| Term { value, factor });
                lowering.sum(place, terms.to_vec(), 0, &place.shape, 1.0)
            }
            Self::Round => even(place, lowering, input, bits),
        }
    }
}

/// ⌊sign · x⌋ = ⌊sign · x − ½ + ½⌋.
fn floor(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    sign: i128,
    bits: u32,
) -> Result<ValueId, ProgramError> {
    let unit = lowering.value(input).unit;
    let term = Term {
        value: input,
        factor: sign,
    };
    let shifted = lowering.sum(place, vec![term], -(1 << (bits - 1)), &place.shape, unit)?;
    lowering.nearest(place, shifted, bits)
}

/// q = ⌊x + ½⌋, less 1 where x lies in the middle and q is odd.
fn even(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    bits: u32,
) -> Result<ValueId, ProgramError> {
    let unit = lowering.value(input).unit;
    let nearest = lowering.nearest(place, input, bits)?;
    // q − x is more than minus a half, and at most a half: that is where x lies in the middle.
    let terms = [(nearest, 1 << bits), (input, -1)].map(|(value, factor)| Term { value, factor });
    let mut distance = lowering.sum(place, terms.to_vec(), 0, &place.shape, unit)?;
    let mut half = 1_i128 << (bits - 1);
    let set = |lowering: &mut Lowering, value: ValueId, greatest: i128, width: i128| {
        lowering.program.values[value.0].interval = Interval {
            least: greatest - width,
            greatest,
        };
    };
    set(lowering, distance, half, 2 * half - 1);
    if bits > MOST_BITS {
        // Without its last bits it is as much as a half exactly where it was.
        let dropped = bits - MOST_BITS;
        let term = Term {
            value: distance,
            factor: 1,
        };
        let shifted = lowering.sum(place, vec![term], -(1 << (dropped - 1)), &place.shape, unit)?;
        distance = lowering.nearest(place, shifted, dropped)?;
        half >>= dropped;
    }
    let term = Term {
        value: distance,
        factor: 1,
    };
    let unit = lowering.value(distance).unit;
    let beyond = lowering.sum(place, vec![term], 1 - half, &place.shape, unit)?;
    set(lowering, beyond, 1, 2 * half);
    let is_middle = lowering.rectified(place, beyond);
    lowering.set_truth(is_middle);
    // Of an even number it shows nothing by itself.
    let is_middle = lowering.claimed(is_middle);
    // ⌊q/2⌋, with q as a number with a bit after the point.
    let term = Term {
        value: nearest,
        factor: 1,
    };
    let halved = lowering.sum(place, vec![term], -1, &place.shape, 2.0)?;
    let halved = lowering.nearest(place, halved, 1)?;
    let terms = [(nearest, 1), (halved, -2)].map(|(value, factor)| Term { value, factor });
    let is_odd = lowering.sum(place, terms.to_vec(), 0, &place.shape, 1.0)?;
    lowering.set_truth(is_odd);
    let correction = lowering.product(place, is_middle, is_odd)?;
    let terms = [(nearest, 1), (correction, -1)].map(|(value, factor)| Term { value, factor });
    lowering.sum(place, terms.to_vec(), 0, &place.shape, 1.0)
}

/// A cast of floats: to integers the number without what stands after the point, to truth values whether it is not 0.
fn cast(node: &Reading<'_>) -> Result<Meaning, String> {
    let to = node.attributes().int("to").and_then(|to| i32::try_from(to).ok());
    let to = to
        .and_then(|to| DataType::try_from(to).ok())
        .ok_or("it casts to no type")?;
    match to {
        DataType::Int32 | DataType::Int64 => Meaning::unary(Op::Whole(Whole::Truncate), node),
        DataType::Bool => {
            let Some(mut net) = Composition::of(node)? else {
                return Ok(Meaning::Unknown);
            };
            let is_zero = net.with(Op::Compare(Compare::Equal), Part::Input(0), 0.0)?;
            let truth = net.apply(Op::Not, &[is_zero])?;
            Ok(net.giving(vec![truth]))
        }
        other => Err(format!("it casts to {}", other.as_str_name())),
    }
}
