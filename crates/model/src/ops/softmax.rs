//! Softmax and `LogSoftmax` along the last axis, and quotients of values.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{LEAST_SCALE, Lowering, Place, TableReader};
use super::operator::{Composition, Import, Meaning, Operator, Part, ensure, single};
use super::tables::OUT_OF_RANGE;
use crate::interval::{Interval, LIMIT};
use crate::program::{ProgramError, Step, Tabulated, Term, Value, ValueId};
use crate::wire::node::axis;
use crate::wire::proto::int;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Softmax",
        read: |node| read(node, false),
    },
    Import {
        operator: "LogSoftmax",
        read: |node| read(node, true),
    },
];

/// e^x over its sum along the last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Softmax {
    /// Whether the result is its logarithm.
    pub is_logarithm: bool,
}

/// How many bits fewer than a digit a share of 1 has.
const SPARE_BITS: u32 = 2;

impl Operator for Softmax {
    fn onnx_name(&self) -> &'static str {
        if self.is_logarithm {
            "LogSoftmax"
        } else {
            "Softmax"
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        ensure(!input.is_empty(), || "input is a scalar".to_owned())?;
        Ok(input.to_vec())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![int("axis", -1)]
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// With d = x − max x, which is at most 0: e^d over its sum, or d less the logarithm of the sum.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let (input, scale) =
            lowering.tabulated(place, input, TableReader::guarded(lowering.table_limit() / 2))?;
        if scale < LEAST_SCALE.min(lowering.scale) {
            return Err(place.refused(OUT_OF_RANGE));
        }
        let columns = place.shape[place.shape.len() - 1];
        let rows = place.shape.iter().product::<usize>() / columns;
        let (narrow, wide) = ([1, rows, 1, 1], [1, rows, columns, 1]);
        let unit = lowering.value(input).unit;
        let input = lowering.relabelled(input, &wide, unit);
        let greatest = lowering.greatest_of_rows(place, input)?;
        if lowering.value(greatest).unit.to_bits() != unit.to_bits() {
            // It was rounded: what is subtracted would be no greatest of the numbers that it is subtracted from.
            return Err(place.refused(OUT_OF_RANGE));
        }
        let greatest = lowering.spread(greatest, &narrow, &wide);
        let terms = [(input, 1), (greatest, -1)].map(|(value, factor)| Term { value, factor });
        let distance = lowering.sum(place, terms.to_vec(), 0, &wide, unit)?;
        // It is a difference to the greatest.
        let not_positive = Interval {
            greatest: 0,
            ..Interval::of_circuits()
        };
        lowering.set_always(distance, not_positive);
        let power = lowering.function(place, Tabulated::Exponential, distance, scale)?;
        let sum = lowering.row_sums(place, power)?;
        // The greatest's own distance is 0, and e^0 is 1.
        let at_least_one = Interval {
            least: 1 << scale,
            ..Interval::of_circuits()
        };
        lowering.set_always(sum, at_least_one);
        let result = if self.is_logarithm {
            let (sum, scale) = lowering.tabulated(place, sum, TableReader::whole(lowering.table_limit()))?;
            let logarithm = lowering.function(place, Tabulated::Logarithm, sum, scale)?;
            let logarithm = lowering.spread(logarithm, &narrow, &wide);
            let (operands, unit) = lowering.aligned(place, &[distance, logarithm])?;
            let terms = operands.iter().zip([1, -1]).map(|(operand, sign)| Term {
                value: operand.value,
                factor: sign << operand.shift,
            });
            lowering.sum(place, terms.collect(), 0, &wide, unit)?
        } else {
            let sum = lowering.spread(sum, &narrow, &wide);
            let shares = 1 << (lowering.program.base_bits - SPARE_BITS);
            lowering.quotient(place, power, sum, shares)?
        };
        let unit = lowering.value(result).unit;
        Ok(lowering.relabelled(result, &place.shape, unit))
    }
}

impl Lowering {
    /// ⌊multiplier · x / y + ½⌋ of values of one shape, where y is positive.
    pub(super) fn quotient(
        &mut self,
        place: &Place<'_>,
        numerator: ValueId,
        denominator: ValueId,
        multiplier: i128,
    ) -> Result<ValueId, ProgramError> {
        let too_large = |source| place.too_large(source);
        let [x, y] = [numerator, denominator].map(|id| self.value(id).clone());
        if y.interval.least < 1 {
            return Err(place.refused("its divisor may be 0 or negative"));
        }
        // What is divided is read back as an integer: 2·multiplier·x + y.
        let doubled = x
            .interval
            .weighted(&[2 * multiplier], 0)
            .and_then(|doubled| doubled.plus(y.interval))
            .map_err(too_large)?;
        let at = |numerator: i128| {
            let over =
                |denominator: i128| (2 * multiplier * numerator + denominator).div_euclid(2 * denominator);
            [over(y.interval.least), over(y.interval.greatest)]
        };
        let ends = [at(x.interval.least), at(x.interval.greatest)].concat();
        let least = ends.iter().copied().min().unwrap_or_default();
        let greatest = ends.iter().copied().max().unwrap_or_default();
        let interval = Interval::checked(least, greatest).map_err(too_large)?;
        let limit = if least < 0 {
            self.table_limit() / 2
        } else {
            self.table_limit()
        };
        if interval.magnitude() > limit || doubled.magnitude() >= LIMIT / 2 {
            return Err(place.refused("its quotients may be larger than a table"));
        }
        let value = Value {
            shape: x.shape,
            ..place.result(interval, multiplier as f64 * x.unit / y.unit)
        };
        let step = Step::Divide {
            numerator,
            denominator,
            multiplier,
        };
        Ok(self.push(step, value))
    }

    /// x / y at the greatest power of two that a table has room for, where y does not change its sign.
    pub(super) fn ratio(
        &mut self,
        place: &Place<'_>,
        numerator: ValueId,
        denominator: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let (mut numerator, mut denominator) = (numerator, denominator);
        if self.value(denominator).interval.greatest < 0 {
            numerator = self.negated(place, numerator)?;
            denominator = self.negated(place, denominator)?;
        }
        let y = self.value(denominator).interval;
        if y.least < 1 {
            return Err(place.refused("its divisor may be 0 or change its sign"));
        }
        let x = self.value(numerator).interval.magnitude().max(1);
        let limit = self.table_limit() / 2 - 1;
        // multiplier · x / y is at most the limit, and what is divided far below 2^126.
        let fits = |multiplier: i128| {
            let doubled = x.checked_mul(2 * multiplier);
            doubled.is_some_and(|doubled| doubled / (2 * y.least) <= limit && doubled < LIMIT / 8)
        };
        let mut multiplier = 1;
        while fits(2 * multiplier) {
            multiplier *= 2;
        }
        let mut shift = 0;
        while x / (y.least << shift) > limit {
            shift += 1;
        }
        if shift > 0 {
            let Value { shape, unit, .. } = self.value(denominator).clone();
            let term = Term {
                value: denominator,
                factor: 1 << shift,
            };
            let unit = unit * f64::from(shift).exp2();
            denominator = self.sum(place, vec![term], 0, &shape, unit)?;
        }
        self.quotient(place, numerator, denominator, multiplier)
    }
}

fn read(node: &Reading<'_>, is_logarithm: bool) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let along = axis(node.attributes().int("axis").unwrap_or(-1), shape.len())?;
    let op = Op::Softmax(Softmax { is_logarithm });
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let mut permutation: Vec<usize> = (0..shape.len()).collect();
    permutation.swap(along, shape.len() - 1);
    let turned = net.transposed(Part::Input(0), &permutation)?;
    let shares = net.apply(op, &[turned])?;
    let result = net.transposed(shares, &permutation)?;
    Ok(net.giving(vec![result]))
}
