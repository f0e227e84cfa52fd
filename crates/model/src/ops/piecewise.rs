//! Functions of each element whose graphs are made of straight lines: sums of rectifiers.
//!
//! With a = max(x, 0) and n = max(−x, 0) = a − x, such a function is f(0) + P(a) + Q(n), and each of P and Q is a sum of slopes times
//! max(a − b, 0) for the points b at which its slope changes. Everything that is looked up lies in the table where x does.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{AttributeProto, TensorProto};

use super::Op;
use super::fixed::exponent;
use super::lowering::{Lowering, Place, ReadThrough, TableReader, floats, hull};
use super::operator::{Import, Meaning, Operator, ensure, single};
use super::{broadcast::broadcast, lowering::Source};
use crate::interval::{Interval, LIMIT};
use crate::program::{ProgramError, Term, Value, ValueId};
use crate::wire::constant::Constant;
use crate::wire::proto;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Abs",
        read: |node| Meaning::unary(Op::Piecewise(Piecewise::Abs), node),
    },
    Import {
        operator: "Neg",
        read: |node| Meaning::unary(Op::Piecewise(Piecewise::Neg), node),
    },
    Import {
        operator: "Clip",
        read: clip,
    },
    Import {
        operator: "LeakyRelu",
        read: |node| {
            let alpha = node.attributes().float("alpha").unwrap_or(0.01);
            Meaning::unary(Op::Piecewise(Piecewise::LeakyRelu { alpha }), node)
        },
    },
    Import {
        operator: "HardSigmoid",
        read: |node| {
            let attributes = node.attributes();
            let op = Piecewise::HardSigmoid {
                alpha: attributes.float("alpha").unwrap_or(0.2),
                beta: attributes.float("beta").unwrap_or(0.5),
            };
            Meaning::unary(Op::Piecewise(op), node)
        },
    },
    Import {
        operator: "HardSwish",
        read: |node| Meaning::unary(Op::Piecewise(Piecewise::HardSwish), node),
    },
    Import {
        operator: "PRelu",
        read: |node| Meaning::binary(Op::PRelu, node),
    },
];

/// A function of each element.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Piecewise {
    /// |x|.
    Abs,
    /// −x.
    Neg,
    /// x, but at least `least` and, before that, at most `greatest`.
    Clip {
        /// The lower end.
        least: f32,
        /// The upper end.
        greatest: f32,
    },
    /// x where it is positive, and else α · x.
    LeakyRelu {
        /// α.
        alpha: f32,
    },
    /// α · x + β, but at least 0 and at most 1.
    HardSigmoid {
        /// α, which is positive.
        alpha: f32,
        /// β.
        beta: f32,
    },
    /// x · (x/6 + 1/2 clipped to 0 and 1).
    HardSwish,
}

/// A function on both sides of 0: its value there, and for each side the distances from 0 at which its slope changes, and the slope
/// beyond, away from 0. The first distance of a side that has a slope at 0 is 0.
struct Lines {
    at_zero: f64,
    right: Vec<(f64, f64)>,
    left: Vec<(f64, f64)>,
}

impl Lines {
    /// A function whose slope changes at these points, in order: slopes from the leftmost on.
    fn new(points: &[f64], slopes: &[f64], at_zero: f64) -> Self {
        let not_after = points.iter().filter(|&&point| point <= 0.0).count();
        let before = points.iter().filter(|&&point| point < 0.0).count();
        let right = points[not_after..].iter().zip(&slopes[not_after + 1..]);
        let left = points[..before].iter().zip(&slopes[..before]).rev();
        Self {
            at_zero,
            right: std::iter::once((0.0, slopes[not_after]))
                .chain(right.map(|(&point, &slope)| (point, slope)))
                .collect(),
            left: std::iter::once((0.0, -slopes[before]))
                .chain(left.map(|(&point, &slope)| (-point, -slope)))
                .collect(),
        }
    }

    /// Whether there is one line.
    fn is_straight(&self) -> bool {
        self.right.len() == 1 && self.left.len() == 1 && !self.bends_at_zero()
    }

    /// Whether the slope changes at 0.
    fn bends_at_zero(&self) -> bool {
        self.right[0].1.to_bits() != (-self.left[0].1).to_bits()
    }

    /// How its argument is read: all of it is looked up where the slope changes at 0.
    fn reader(&self, limit: i128) -> TableReader {
        if self.bends_at_zero() {
            TableReader::whole(limit)
        } else {
            TableReader::guarded(limit / 2)
        }
    }

    /// Whether a unit holds exactly where the slope changes, and the value at 0.
    fn are_held(&self, unit: f64) -> bool {
        let bends = self.right.iter().chain(&self.left);
        let mut numbers = bends.map(|&(distance, _)| distance).chain([self.at_zero]);
        numbers.all(|number| (number * unit).fract() == 0.0)
    }

    fn slopes(&self) -> Vec<f64> {
        let all = self.right.iter().chain(&self.left);
        all.map(|&(_, slope)| slope).collect()
    }
}

/// Of one side: a distance in units, and by how much the slope changes there, in units of slopes.
type Bends = Vec<(i128, i128)>;

impl Piecewise {
    fn lines(self) -> Lines {
        match self {
            Self::Abs => Lines::new(&[0.0], &[-1.0, 1.0], 0.0),
            Self::Neg => Lines::new(&[], &[-1.0], 0.0),
            Self::LeakyRelu { alpha } => Lines::new(&[0.0], &[alpha.into(), 1.0], 0.0),
            Self::Clip { least, greatest } => clipped(least.into(), greatest.into()),
            Self::HardSigmoid { alpha, beta } => {
                let (alpha, beta) = (f64::from(alpha), f64::from(beta));
                let points = [-beta / alpha, (1.0 - beta) / alpha];
                Lines::new(&points, &[0.0, alpha, 0.0], beta.clamp(0.0, 1.0))
            }
            // Its second factor, times 6 and less 3.
            Self::HardSwish => clipped(-3.0, 3.0),
        }
    }
}

/// The constants that a `Clip` of this name reads.
pub(super) fn ends(node: &str, least: f32, greatest: f32) -> Vec<TensorProto> {
    [("least", least), ("greatest", greatest)]
        .map(|(end, number)| proto::floats(format!("{node}.{end}"), &[], &[number]))
        .to_vec()
}

/// x between two ends; the upper one where they are the wrong way round.
fn clipped(least: f64, greatest: f64) -> Lines {
    let least = least.min(greatest);
    Lines::new(&[least, greatest], &[0.0, 1.0, 0.0], 0f64.clamp(least, greatest))
}

impl Operator for Piecewise {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Abs => "Abs",
            Self::Neg => "Neg",
            Self::Clip { .. } => "Clip",
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::HardSigmoid { .. } => "HardSigmoid",
            Self::HardSwish => "HardSwish",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        if let Self::HardSigmoid { alpha, .. } = self {
            ensure(*alpha > 0.0, || format!("alpha is {alpha}, must be positive"))?;
        }
        single(inputs).map(<[usize]>::to_vec)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        match *self {
            Self::LeakyRelu { alpha } => vec![proto::float("alpha", alpha)],
            Self::HardSigmoid { alpha, beta } => {
                vec![proto::float("alpha", alpha), proto::float("beta", beta)]
            }
            Self::Abs | Self::Neg | Self::Clip { .. } | Self::HardSwish => Vec::new(),
        }
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        match *self {
            Self::Clip { least, greatest } => ends(node, least, greatest),
            Self::Abs | Self::Neg | Self::LeakyRelu { .. } | Self::HardSigmoid { .. } | Self::HardSwish => {
                Vec::new()
            }
        }
    }

    /// Every element is looked up as it is where the slope changes at 0. Elsewhere nothing is where no number is beyond a bend.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        let lines = self.lines();
        (!lines.is_straight()).then(|| lines.reader(read.limit))
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let lines = self.lines();
        if lines.is_straight() {
            let slope = place.integers(std::iter::once(lines.right[0].1), 1.0)?[0];
            let unit = lowering.value(input).unit;
            let term = Term {
                value: input,
                factor: slope,
            };
            return lowering.sum(place, vec![term], 0, &place.shape, unit);
        }
        let input = lowering.within_table(place, input, lines.reader(lowering.table_limit()))?;
        let unit = lowering.value(input).unit;
        let input = if lines.are_held(unit) {
            input
        } else {
            lowering.refined(place, input)?
        };
        let bent = bend(place, lowering, input, &lines)?;
        if !matches!(self, Self::HardSwish) {
            return Ok(bent);
        }
        // x · (c + 3) / 6, the sixth as a whole number at a power of two.
        let (unit, six) = (lowering.value(bent).unit, [1.0 / 6.0]);
        let sixth_unit = f64::from(exponent(&six, lowering.scale)).exp2();
        let sixth = place.integers(six.into_iter(), sixth_unit)?[0];
        let three = place.integers(std::iter::once(3.0), unit)?[0];
        let term = Term {
            value: bent,
            factor: sixth,
        };
        let factor = lowering.sum(place, vec![term], sixth * three, &place.shape, unit * sixth_unit)?;
        lowering.product(place, input, factor)
    }
}

/// The changes of slope on one side, each with its distance from 0 in units of the value; those that no number reaches left out.
fn bends(
    place: &Place<'_>,
    value: &Value,
    side: &[(f64, f64)],
    slope_unit: f64,
    greatest: i128,
    leaves_out: &mut bool,
) -> Result<Bends, ProgramError> {
    let mut slope = 0;
    let mut bends = Vec::new();
    for &(distance, next) in side {
        let units = (distance * value.unit).round();
        let next = place.integers(std::iter::once(next), slope_unit)?[0];
        // Beyond what is there nothing bends; infinity is there, too.
        let is_reached = units < greatest.max(1) as f64;
        *leaves_out |= !is_reached && units < LIMIT as f64;
        if is_reached {
            if next != slope {
                bends.push((units as i128, next - slope));
            }
            slope = next;
        }
    }
    Ok(bends)
}

/// A function made of lines.
fn bend(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    lines: &Lines,
) -> Result<ValueId, ProgramError> {
    let before = lowering.value(input).clone();
    let Interval { least, greatest } = before.interval;
    let slope_unit = f64::from(exponent(&lines.slopes(), lowering.scale)).exp2();
    let unit = before.unit * slope_unit;
    let mut leaves_out = false;
    let right = bends(
        place,
        &before,
        &lines.right,
        slope_unit,
        greatest,
        &mut leaves_out,
    )?;
    let left = bends(place, &before, &lines.left, slope_unit, -least, &mut leaves_out)?;
    if leaves_out {
        lowering.assume(Source::Value(input));
    }
    let addend = place.integers(std::iter::once(lines.at_zero), unit)?[0];

    let slope = match (&right[..], &left[..]) {
        ([], []) => Some(0),
        (&[(0, right)], &[(0, left)]) if right == -left && !lines.bends_at_zero() => Some(right),
        _ => None,
    };
    if let Some(factor) = slope {
        // One line wherever the input can be.
        let term = Term { value: input, factor };
        return lowering.sum(place, vec![term], addend, &before.shape, unit);
    }
    let positive = lowering.rectified(place, input);
    let mut terms = Vec::new();
    for (is_right, bends) in [(true, &right), (false, &left)] {
        if bends.is_empty() {
            continue;
        }
        let side = if is_right {
            positive
        } else {
            opposite(place, lowering, positive, input)?
        };
        for &(distance, factor) in bends {
            let value = if distance == 0 {
                side
            } else {
                let term = Term {
                    value: side,
                    factor: 1,
                };
                let (shape, unit) = (&before.shape, before.unit);
                let beyond = lowering.sum(place, vec![term], -distance, shape, unit)?;
                lowering.rectified(place, beyond)
            };
            terms.push(Term { value, factor });
        }
    }
    let result = lowering.sum(place, terms, addend, &before.shape, unit)?;
    // Between neighbouring bends there is one line, so that the ends and the bends bound it.
    let at = |x: i128| {
        let side = |bends: &Bends, x: i128| -> i128 {
            bends
                .iter()
                .map(|&(distance, factor)| factor * (x - distance).max(0))
                .sum()
        };
        let y = addend + side(&right, x.max(0)) + side(&left, (-x).max(0));
        Ok(Interval {
            least: y,
            greatest: y,
        })
    };
    let points = right
        .iter()
        .map(|bend| bend.0)
        .chain(left.iter().map(|bend| -bend.0));
    let inside = points.filter(|&x| (least..=greatest).contains(&x));
    let interval = hull([least, greatest].into_iter().chain(inside).map(at));
    lowering.program.values[result.0].interval = interval.map_err(|source| place.too_large(source))?;
    Ok(result)
}

/// max(−x, 0), of x and max(x, 0).
fn opposite(
    place: &Place<'_>,
    lowering: &mut Lowering,
    positive: ValueId,
    input: ValueId,
) -> Result<ValueId, ProgramError> {
    let before = lowering.value(input).clone();
    let terms = [(positive, 1), (input, -1)].map(|(value, factor)| Term { value, factor });
    let negative = lowering.sum(place, terms.to_vec(), 0, &before.shape, before.unit)?;
    let Interval { least, greatest } = before.interval;
    lowering.program.values[negative.0].interval = Interval {
        least: -greatest,
        greatest: -least,
    }
    .rectified();
    Ok(negative)
}

/// x where it is positive, and else x times a slope.
pub(super) struct PRelu;

impl Operator for PRelu {
    fn onnx_name(&self) -> &'static str {
        "PRelu"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [value, slope] = *inputs else {
            return Err(format!("takes two inputs, not {}", inputs.len()));
        };
        ensure(broadcast(value, slope).as_deref() == Some(value), || {
            format!("slopes of shape {slope:?} for a value of shape {value:?}")
        })?;
        Ok(value.to_vec())
    }

    /// Its first input is looked up; of a slope that is a value nothing is.
    fn table_reader(&self, _: &ReadThrough<'_>) -> Option<TableReader> {
        None
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// a − slope · n.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let Source::Constant(slopes) = place.inputs[1].source else {
            return Err(place.refused("its slopes are not constant"));
        };
        let input = place.value(lowering, 0)?;
        let input = lowering.within_table(place, input, TableReader::whole(lowering.table_limit()))?;
        let before = lowering.value(input).unit;
        let slopes: Vec<f64> = floats(slopes).collect();
        let shift = exponent(&slopes, lowering.scale).max(0);
        place.ensure_shift(shift)?;
        let slope_unit = f64::from(shift).exp2();
        let slopes = lowering.constant(place, &slopes, place.inputs[1].shape, slope_unit)?;
        let slopes = lowering.spread(slopes, place.inputs[1].shape, &place.shape);
        let positive = lowering.rectified(place, input);
        let negative = opposite(place, lowering, positive, input)?;
        let sloping = lowering.product(place, negative, slopes)?;
        let terms = [(positive, 1 << shift), (sloping, -1)].map(|(value, factor)| Term { value, factor });
        lowering.sum(place, terms.to_vec(), 0, &place.shape, before * slope_unit)
    }
}

fn clip(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    let end = |position: usize, attribute: &str, otherwise: f32| {
        if node.argument(position).is_err() {
            return Ok(attributes.float(attribute).unwrap_or(otherwise));
        }
        match node.constant(position)? {
            Constant::Floats(tensor) if tensor.len() == 1 => Ok(tensor.data[0]),
            _ => Err(format!("input {position} is not one float")),
        }
    };
    let op = Piecewise::Clip {
        least: end(1, "min", f32::MIN)?,
        greatest: end(2, "max", f32::MAX)?,
    };
    Meaning::unary(Op::Piecewise(op), node)
}
