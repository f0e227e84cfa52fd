//! Add, Sub, Mul and Div of two values or of a value and a constant, broadcast to one shape.

use super::Op;
use super::broadcast::broadcast;
use super::fixed::exponent;
use super::lowering::{Lowering, Place, floats};
use super::operator::{Direct, Import, Meaning, Operator};
use crate::program::{ProgramError, Term, ValueId};
use crate::tensor::Tensor;

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

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        match self {
            Self::Add => sum(place, lowering, 1),
            Self::Sub => sum(place, lowering, -1),
            Self::Mul => product(place, lowering),
            Self::Div => quotient(place, lowering),
        }
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
    lowering.product(place, left, right)
}

/// A quotient of values, or by constants.
fn quotient(place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
    let Some(divisors) = place.constant(1) else {
        let numerator = place.broadcast(lowering, 0)?;
        let denominator = place.broadcast(lowering, 1)?;
        return lowering.ratio(place, numerator, denominator);
    };
    if divisors.data.contains(&0.0) {
        return Err(place.refused("it divides by 0"));
    }
    let value = place.broadcast(lowering, 0)?;
    multiplied(place, lowering, value, divisors, f64::recip)
}

/// A value times what is made of constants. A power of two goes into the unit.
fn multiplied(
    place: &Place<'_>,
    lowering: &mut Lowering,
    value: ValueId,
    tensor: &Tensor,
    made: impl Fn(f64) -> f64,
) -> Result<ValueId, ProgramError> {
    let factors: Vec<f64> = floats(tensor).map(&made).collect();
    let weight_unit = f64::from(exponent(&factors, lowering.scale)).exp2();
    let unit = lowering.value(value).unit * weight_unit;
    let factor = match only(tensor) {
        Some(number) => Some(place.integers(std::iter::once(made(number)), weight_unit)?[0]),
        None => None,
    };
    match factor {
        Some(1) => Ok(lowering.relabelled(value, &place.shape, unit)),
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
