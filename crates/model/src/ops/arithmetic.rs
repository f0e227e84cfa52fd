//! Add, Sub, Mul and Div of two values or of a value and a constant, broadcast to one shape.

use super::broadcast::broadcast;
use super::fixed::exponent;
use super::lowering::{Lowering, Place, Source, TableReader, floats, is_power_of_two};
use super::operator::{Composition, Direct, Elements, Import, Meaning, Operator, Part, ensure};
use super::{Compare, Concat, Movement, Op, Piecewise, Reduce, Reduction};
use crate::interval::Interval;
use crate::program::{ProgramError, Term, ValueId};
use crate::tensor::Tensor;
use crate::wire::constant::Constant;
use crate::wire::node::axis;
use crate::wire::reading::Reading;

/// The most elements along an axis of which sums are made up to each: the triangle of ones has their square.
const MOST_SUMS: usize = 1 << 10;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Add",
        read: |node| Meaning::binary(Op::Add, node),
    },
    Import {
        operator: "Sub",
        read: |node| Meaning::binary(Op::Sub, node),
    },
    Import {
        operator: "Mul",
        read: |node| Meaning::binary(Op::Mul, node),
    },
    Import {
        operator: "Div",
        read: |node| Meaning::binary(Op::Div, node),
    },
    Import {
        operator: "Sum",
        read: several,
    },
    Import {
        operator: "Mean",
        read: mean,
    },
    Import {
        operator: "Reciprocal",
        read: |node| {
            composed(node, |net, x| {
                let one = net.constant(Tensor::new([], vec![1.0]))?;
                net.apply(Op::Div, &[one, x])
            })
        },
    },
    Import {
        operator: "Softsign",
        read: |node| {
            composed(node, |net, x| {
                let magnitude = net.apply(Op::Piecewise(Piecewise::Abs), &[x])?;
                let divisor = net.with(Op::Add, magnitude, 1.0)?;
                net.apply(Op::Div, &[x, divisor])
            })
        },
    },
    Import {
        operator: "Sign",
        read: |node| {
            composed(node, |net, x| {
                let positive = net.with(Op::Compare(Compare::Greater), x, 0.0)?;
                let negative = net.with(Op::Compare(Compare::Less), x, 0.0)?;
                net.apply(Op::Sub, &[positive, negative])
            })
        },
    },
    Import {
        operator: "ThresholdedRelu",
        read: |node| {
            let alpha = node.attributes().float("alpha").unwrap_or(1.0);
            composed(node, |net, x| {
                let is_kept = net.with(Op::Compare(Compare::Greater), x, alpha)?;
                net.apply(Op::Mul, &[x, is_kept])
            })
        },
    },
    Import {
        operator: "Shrink",
        read: |node| {
            let attributes = node.attributes();
            let edge = attributes.float("lambd").unwrap_or(0.5);
            let bias = attributes.float("bias").unwrap_or(0.0);
            ensure(edge >= 0.0, || format!("lambd is {edge}"))?;
            composed(node, |net, x| {
                let mut sides = Vec::new();
                for (compare, sign) in [(Compare::Greater, 1.0), (Compare::Less, -1.0)] {
                    let is_kept = net.with(Op::Compare(compare), x, sign * edge)?;
                    let nearer = if bias == 0.0 {
                        x
                    } else {
                        net.with(Op::Sub, x, sign * bias)?
                    };
                    sides.push(net.apply(Op::Mul, &[nearer, is_kept])?);
                }
                net.apply(Op::Add, &sides)
            })
        },
    },
    Import {
        operator: "CumSum",
        read: running,
    },
    Import {
        operator: "Trilu",
        read: triangle,
    },
];

/// An operation on the elements of two values.
pub(super) enum Arithmetic {
    /// x + y.
    Add,
    /// x − y.
    Sub,
    /// x · y.
    Mul,
    /// x / y.
    Div,
}

impl Operator for Arithmetic {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [a, b] = *inputs else {
            return Err(format!("takes two inputs, not {}", inputs.len()));
        };
        broadcast(a, b).ok_or_else(|| format!("takes two values of one shape, not {a:?} and {b:?}"))
    }

    fn direct(&self) -> Direct<'_> {
        match self {
            Self::Add => Direct::Add,
            Self::Sub => Direct::Subtract,
            Self::Mul => Direct::Multiply,
            Self::Div => Direct::Other,
        }
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        match self {
            Self::Add => sum(place, lowering, 1),
            Self::Sub => sum(place, lowering, -1),
            Self::Mul => product(place, lowering),
            Self::Div => quotient(place, lowering),
        }
    }
}

/// A quotient of integers, without what stands after the point.
pub(super) struct IntegerDiv;

impl Operator for IntegerDiv {
    fn onnx_name(&self) -> &'static str {
        "Div"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        Arithmetic::Div.shape(inputs)
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        (vec![Elements::Positions; given.len()], Elements::Positions)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    /// Of a divisor of at least 1, ⌊max(x, 0) / y⌋ − ⌊max(−x, 0) / y⌋.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        if place
            .constant(1)
            .is_some_and(|divisors| divisors.data.contains(&0.0))
        {
            return Err(place.refused("it divides by 0"));
        }
        let values = [place.broadcast(lowering, 0)?, place.broadcast(lowering, 1)?];
        if !values.iter().all(|&value| lowering.value(value).is_whole) {
            return Err(
                place.refused("its inputs are integers that the circuit holds with digits after the point")
            );
        }
        let (operands, unit) = lowering.aligned(place, &values)?;
        let values = operands.iter().map(|operand| {
            let term = Term {
                value: operand.value,
                factor: 1 << operand.shift,
            };
            lowering.sum(place, vec![term], 0, &place.shape, unit)
        });
        let values: Vec<ValueId> = values.collect::<Result<_, _>>()?;
        let (x, y) = lowering.over_positive(place, values[0], values[1])?;
        let interval = lowering.value(x).interval;
        if interval.is_non_negative() {
            return lowering.floor_of_ratio(place, x, y);
        }
        let reader = TableReader::whole(lowering.table_limit());
        let x = lowering.within_table(place, x, reader)?;
        let positive = lowering.rectified(place, x);
        let terms = [(positive, 1), (x, -1)].map(|(value, factor)| Term { value, factor });
        let negative = lowering.sum(place, terms.to_vec(), 0, &place.shape, unit)?;
        lowering.program.values[negative.0].interval = Interval {
            least: 0,
            greatest: (-interval.least).max(0),
        };
        let above = lowering.floor_of_ratio(place, positive, y)?;
        let below = lowering.floor_of_ratio(place, negative, y)?;
        let terms = [(above, 1), (below, -1)].map(|(value, factor)| Term { value, factor });
        lowering.sum(place, terms.to_vec(), 0, &place.shape, 1.0)
    }
}

impl Lowering {
    /// ⌊x / y⌋ of x of at least 0 and y of at least 1, at one unit: ⌊(2x − y + 1) / 2y + ½⌋.
    fn floor_of_ratio(&mut self, place: &Place<'_>, x: ValueId, y: ValueId) -> Result<ValueId, ProgramError> {
        let unit = 2.0 * self.value(x).unit;
        let terms = [(x, 2), (y, -1)].map(|(value, factor)| Term { value, factor });
        let numerator = self.sum(place, terms.to_vec(), 1, &place.shape, unit)?;
        let term = Term { value: y, factor: 2 };
        let denominator = self.sum(place, vec![term], 0, &place.shape, unit)?;
        let result = self.quotient(place, [numerator, denominator], 1, false)?;
        let value = &mut self.program.values[result.0];
        value.interval.least = value.interval.least.max(0);
        value.is_whole = true;
        Ok(result)
    }
}

/// x + sign · y.
fn sum(place: &Place<'_>, lowering: &mut Lowering, sign: i128) -> Result<ValueId, ProgramError> {
    let signs = [1, sign];
    for (constant, value) in [(1, 0), (0, 1)] {
        if let Some(tensor) = place.constant(constant)
            && place.constant(value).is_none()
        {
            let value = (place.broadcast(lowering, value)?, signs[value]);
            return with_constant(place, lowering, value, tensor, signs[constant]);
        }
    }
    let values = [place.broadcast(lowering, 0)?, place.broadcast(lowering, 1)?];
    let (operands, unit) = lowering.aligned(place, &values)?;
    let terms = operands.iter().zip(signs).map(|(operand, sign)| Term {
        value: operand.value,
        factor: sign << operand.shift,
    });
    lowering.sum(place, terms.collect(), 0, &place.shape, unit)
}

/// ± a value ± constants, at the value's unit times the power of two at which the constants are whole, or as fine as weights are.
fn with_constant(
    place: &Place<'_>,
    lowering: &mut Lowering,
    (value, value_sign): (ValueId, i128),
    tensor: &Tensor,
    sign: i128,
) -> Result<ValueId, ProgramError> {
    let unit = lowering.value(value).unit;
    let in_units: Vec<f64> = floats(tensor).map(|number| number * unit).collect();
    // As many bits more as the value's unit lacks.
    let lacking = (f64::from(lowering.scale) - unit.log2()).ceil().max(0.0) as i32;
    let shift = exponent(&in_units, lacking as u32).clamp(0, lacking);
    place.ensure_shift(shift)?;
    let unit = unit * f64::from(shift).exp2();
    let mut terms = vec![Term {
        value,
        factor: value_sign << shift,
    }];
    let mut addend = 0;
    if let Some(number) = only(tensor) {
        addend = sign * place.integers(std::iter::once(number), unit)?[0];
    } else {
        let numbers: Vec<f64> = floats(tensor).collect();
        let constant = lowering.constant(place, &numbers, &tensor.shape, unit)?;
        terms.push(Term {
            value: lowering.spread(constant, &tensor.shape, &place.shape),
            factor: sign,
        });
    }
    lowering.sum(place, terms, addend, &place.shape, unit)
}

/// The one number that all elements are, if there is one.
fn only(tensor: &Tensor) -> Option<f64> {
    let (first, others) = tensor.data.split_first()?;
    others
        .iter()
        .all(|other| other.to_bits() == first.to_bits())
        .then_some(f64::from(*first))
}

/// A product, or a square.
fn product(place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
    for (constant, value) in [(1, 0), (0, 1)] {
        if let Some(tensor) = place.constant(constant)
            && place.constant(value).is_none()
        {
            let value = place.broadcast(lowering, value)?;
            return multiplied(place, lowering, value, tensor, |factor| factor);
        }
    }
    let left = place.broadcast(lowering, 0)?;
    let right = place.broadcast(lowering, 1)?;
    let left = lowering.factor(place, left)?;
    let right = lowering.factor(place, right)?;
    lowering.product(place, left, right)
}

/// A quotient of values, or by constants.
fn quotient(place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
    let Some(divisors) = place.constant(1) else {
        let numerator = place.broadcast(lowering, 0)?;
        let denominator = place.broadcast(lowering, 1)?;
        // Repeated, it reaches as far.
        if let Source::Value(value) = place.inputs[1].source
            && let Some(&reach) = lowering.reach.get(&value)
        {
            lowering.reach.insert(denominator, reach);
        }
        return lowering.ratio(place, numerator, denominator);
    };
    if divisors.data.contains(&0.0) {
        return Err(place.refused("it divides by 0"));
    }
    let value = place.broadcast(lowering, 0)?;
    multiplied(place, lowering, value, divisors, f64::recip)
}

/// A value times what is made of constants. A power of two goes into the unit; so does one number that would be rounded, where the
/// value is whole or its unit is no power of two already, as those of quantised files are.
fn multiplied(
    place: &Place<'_>,
    lowering: &mut Lowering,
    value: ValueId,
    tensor: &Tensor,
    made: impl Fn(f64) -> f64,
) -> Result<ValueId, ProgramError> {
    let factors: Vec<f64> = floats(tensor).map(&made).collect();
    let weight_unit = f64::from(exponent(&factors, lowering.scale)).exp2();
    let before = lowering.value(value);
    let (own_unit, is_apart) = (before.unit, before.is_whole || !is_power_of_two(before.unit));
    if let Some(number) = only(tensor).map(&made) {
        let is_rounded = (number * weight_unit).fract() != 0.0;
        let unit = own_unit / number.abs();
        if is_rounded && is_apart && unit.is_normal() {
            let result = if number > 0.0 {
                lowering.relabelled(value, &place.shape, unit)
            } else {
                lowering.sum(place, vec![Term { value, factor: -1 }], 0, &place.shape, unit)?
            };
            if let Some(&reach) = lowering.reach.get(&value) {
                lowering.reach.insert(result, reach * number.abs());
            }
            return Ok(result);
        }
    }
    let unit = own_unit * weight_unit;
    let factor = match only(tensor) {
        Some(number) => Some(place.integers(std::iter::once(made(number)), weight_unit)?[0]),
        None => None,
    };
    match factor {
        Some(1) => {
            let are_whole = lowering.are_whole(value, factors);
            let result = lowering.relabelled(value, &place.shape, unit);
            lowering.program.values[result.0].is_whole |= are_whole;
            Ok(result)
        }
        Some(factor) if factor != 0 => {
            lowering.sum(place, vec![Term { value, factor }], 0, &place.shape, unit)
        }
        _ => {
            let constant = lowering.constant(place, &factors, &tensor.shape, weight_unit)?;
            let constant = lowering.spread(constant, &tensor.shape, &place.shape);
            lowering.product(place, value, constant)
        }
    }
}

/// What is made of a node's first input.
fn composed(
    node: &Reading<'_>,
    make: impl FnOnce(&mut Composition, Part) -> Result<Part, String>,
) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let result = make(&mut net, Part::Input(0))?;
    Ok(net.giving(vec![result]))
}

/// A sum of any number of values.
fn several(node: &Reading<'_>) -> Result<Meaning, String> {
    let count = node.node().input.len();
    if count == 1 {
        return node.argument(0).map(Meaning::Alias);
    }
    composed(node, |net, first| {
        (1..count).try_fold(first, |sum, position| {
            net.apply(Op::Add, &[sum, Part::Input(position)])
        })
    })
}

/// A mean of any number of values, whose divisor goes into the unit.
fn mean(node: &Reading<'_>) -> Result<Meaning, String> {
    let count = node.node().input.len();
    if count == 1 {
        return node.argument(0).map(Meaning::Alias);
    }
    composed(node, |net, first| {
        let inputs: Vec<Part> = (0..count).map(Part::Input).collect();
        let mut shape = net.shape(first)?.to_vec();
        for &input in &inputs {
            let own = net.shape(input)?;
            shape =
                broadcast(&shape, own).ok_or_else(|| format!("inputs of shapes {shape:?} and {own:?}"))?;
        }
        let mut rows = Vec::new();
        for input in inputs {
            let shape = shape.clone();
            let row = if net.shape(input)? == shape {
                input
            } else {
                net.apply(Op::Movement(Movement::Expand { shape: shape.clone() }), &[input])?
            };
            rows.push(net.reshaped(row, &[&[1], &shape[..]].concat())?);
        }
        let rows = net.apply(Op::Concat(Concat { axis: 0 }), &rows)?;
        let op = Reduce {
            reduction: Reduction::Mean,
            axes: vec![0],
            keeps: false,
        };
        net.apply(Op::Reduce(op), &[rows])
    })
}

/// One whole number, or a default where it is left out.
fn number(node: &Reading<'_>, position: usize, otherwise: i64) -> Result<i64, String> {
    if node.argument(position).is_err() {
        return Ok(otherwise);
    }
    match node.constant(position)? {
        Constant::Ints(integers) if integers.data.len() == 1 => Ok(integers.data[0]),
        _ => Err(format!("input {position} is not one whole number")),
    }
}

/// Sums of all elements up to each along an axis: a product with a triangle of ones.
fn running(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    let flag = |name: &str| attributes.int(name).unwrap_or(0) != 0;
    let (is_exclusive, is_reversed) = (flag("exclusive"), flag("reverse"));
    let along = number(node, 1, 0)?;
    composed(node, |net, x| {
        let shape = net.shape(x)?.to_vec();
        let along = axis(along, shape.len())?;
        let size = shape[along];
        ensure(size <= MOST_SUMS, || {
            format!("it adds up {size} elements, and {MOST_SUMS} are the most")
        })?;
        let is_added = |from: usize, to: usize| {
            let (from, to) = if is_reversed { (to, from) } else { (from, to) };
            from < to || (from == to && !is_exclusive)
        };
        let ones = (0..size).flat_map(|from| (0..size).map(move |to| (from, to)));
        let ones = ones
            .map(|(from, to)| f32::from(u8::from(is_added(from, to))))
            .collect();
        let ones = net.constant(Tensor::new([size, size], ones))?;
        let mut permutation: Vec<usize> = (0..shape.len()).collect();
        permutation.swap(along, shape.len() - 1);
        let turned = net.transposed(x, &permutation)?;
        let columns = net.shape(turned)?.to_vec();
        let rows = columns.iter().product::<usize>() / size;
        let turned = net.reshaped(turned, &[rows, size])?;
        let sums = net.apply(Op::MatMul, &[turned, ones])?;
        let sums = net.reshaped(sums, &columns)?;
        net.transposed(sums, &permutation)
    })
}

/// The elements on one side of a diagonal, and 0 elsewhere.
fn triangle(node: &Reading<'_>) -> Result<Meaning, String> {
    let is_upper = node.attributes().int("upper").unwrap_or(1) != 0;
    let diagonal = i128::from(number(node, 1, 0)?);
    composed(node, |net, x| {
        let [.., rows, columns] = *net.shape(x)? else {
            return Err("its input is no matrix".to_owned());
        };
        let is_kept = |row: usize, column: usize| {
            let distance = column as i128 - row as i128;
            if is_upper {
                distance >= diagonal
            } else {
                distance <= diagonal
            }
        };
        let mask = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let mask = mask.map(|(row, column)| f32::from(u8::from(is_kept(row, column))));
        let mask = net.constant(Tensor::new([rows, columns], mask.collect()))?;
        net.apply(Op::Mul, &[x, mask])
    })
}
