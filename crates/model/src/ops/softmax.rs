//! Softmax and `LogSoftmax` along the last axis, and quotients of values.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{LEAST_SCALE, Lowering, Place, TableReader};
use super::operator::{Composition, Import, Meaning, Operator, Part, ensure, single};
use super::tables::OUT_OF_RANGE;
use crate::interval::{Interval, LIMIT};
use crate::program::{ProgramError, Step, Tabulated, Term, Value, ValueId, quotient_bounds};
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
            lowering.quotient(place, [power, sum], shares, false)?
        };
        let unit = lowering.value(result).unit;
        Ok(lowering.relabelled(result, &place.shape, unit))
    }
}

impl Lowering {
    /// ⌊multiplier · x / y + ½⌋ of values of one shape, where y is positive. With `by_look_up` its look-up bounds it, and not what it is
    /// made of: a greater one has no proof.
    pub(super) fn quotient(
        &mut self,
        place: &Place<'_>,
        [numerator, denominator]: [ValueId; 2],
        multiplier: i128,
        by_look_up: bool,
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
        let all = quotient_bounds(x.interval, y.interval, multiplier).map_err(too_large)?;
        let limit = if all.is_non_negative() {
            self.table_limit()
        } else {
            self.table_limit() / 2
        };
        let interval = if by_look_up {
            self.program.guarded(all)
        } else {
            all
        };
        let fits = by_look_up || all.magnitude() <= limit;
        if !fits || interval.least > interval.greatest || doubled.magnitude() >= LIMIT / 2 {
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

    /// x / y at the greatest power of two that a table has room for, for every y that is not 0.
    pub(super) fn ratio(
        &mut self,
        place: &Place<'_>,
        numerator: ValueId,
        denominator: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let (numerator, mut denominator) = self.over_positive(place, numerator, denominator)?;
        let y = self.value(denominator).interval;
        let x = self.value(numerator).interval.magnitude().max(1);
        let limit = self.table_limit() / 2 - 1;
        // How many of the quotients' integers its reach is, at a multiplier of 1 and a divisor as it is.
        let units = self.value(numerator).unit / self.value(denominator).unit;
        let reach = place
            .reach
            .filter(|_| self.is_calibrated)
            .map(|reach| reach * units);
        let reached = |multiplier: i128, shift: u32| {
            let reach = reach.map(|reach| reach * multiplier as f64 / f64::from(shift).exp2());
            // One more for what rounding adds, and all of a number too large for an integer.
            reach.map_or(i128::MAX, |reach| reach.ceil() as i128 + 1)
        };
        let bounded = |multiplier: i128, shift: u32| {
            let divisor = y.least.checked_shl(shift).unwrap_or(i128::MAX);
            x.saturating_mul(multiplier) / divisor
        };
        let expected =
            |multiplier: i128, shift: u32| bounded(multiplier, shift).min(reached(multiplier, shift));
        // What is divided is far below 2^126.
        let fits = |multiplier: i128| {
            let doubled = x.checked_mul(2 * multiplier);
            doubled.is_some_and(|doubled| expected(multiplier, 0) <= limit && doubled < LIMIT / 8)
        };
        let mut multiplier = 1;
        while fits(2 * multiplier) {
            multiplier *= 2;
        }
        let mut shift = 0;
        while expected(1, shift) > limit {
            shift += 1;
        }
        if shift > 0 {
            multiplier = 1;
            let Value { shape, unit, .. } = self.value(denominator).clone();
            let term = Term {
                value: denominator,
                factor: 1 << shift,
            };
            let unit = unit * f64::from(shift).exp2();
            denominator = self.sum(place, vec![term], 0, &shape, unit)?;
        }
        let by_look_up = bounded(multiplier, shift) > limit;
        self.quotient(place, [numerator, denominator], multiplier, by_look_up)
    }

    /// The same quotient with a divisor of at least 1: x and y, −x and −y, or each with y's sign. A divisor that may be 0 is held to
    /// what is not.
    pub(super) fn over_positive(
        &mut self,
        place: &Place<'_>,
        numerator: ValueId,
        denominator: ValueId,
    ) -> Result<(ValueId, ValueId), ProgramError> {
        let y = self.value(denominator).interval;
        let (numerator, magnitude) = if y.is_non_negative() {
            (numerator, denominator)
        } else if y.greatest <= 0 {
            (self.negated(place, numerator)?, self.negated(place, denominator)?)
        } else {
            let reader = TableReader::guarded(self.table_limit() / 2);
            let denominator = self.within_table(place, denominator, reader)?;
            let Value { shape, unit, .. } = self.value(denominator).clone();
            let bound = self.value(denominator).interval.magnitude();
            // With a = max(y, 0), 2a − y is |y|; of a y that is not 0, twice whether it is positive, less 1, is its sign.
            let is_positive = self.sign(place, denominator, 0)?;
            // Of a numerator of 0 it shows nothing by itself.
            let is_positive = self.claimed(is_positive);
            let positive = self.rectified(place, denominator);
            let terms = [(positive, 2), (denominator, -1)].map(|(value, factor)| Term { value, factor });
            let magnitude = self.sum(place, terms.to_vec(), 0, &shape, unit)?;
            let of_magnitude = Interval {
                least: 0,
                greatest: bound,
            };
            self.program.values[magnitude.0].interval = of_magnitude;
            let term = Term {
                value: is_positive,
                factor: 2,
            };
            let sign = self.sum(place, vec![term], -1, &shape, 1.0)?;
            (self.product(place, numerator, sign)?, magnitude)
        };
        let magnitude = self.at_least(place, magnitude, 1, " (its divisor, without a sign)")?;
        Ok((numerator, magnitude))
    }
}

/// Before operator set 13: all axes from one on are one.
pub(crate) fn flattened(node: &Reading<'_>, is_logarithm: bool, along: usize) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let shape = net.shape(Part::Input(0))?.to_vec();
    let (rows, columns) = shape.split_at(along);
    let rows = net.reshaped(Part::Input(0), &[rows.iter().product(), columns.iter().product()])?;
    let shares = net.apply(Op::Softmax(Softmax { is_logarithm }), &[rows])?;
    let result = net.reshaped(shares, &shape)?;
    Ok(net.giving(vec![result]))
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
