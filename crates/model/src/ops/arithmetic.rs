//! Add, Sub and Mul of two values of equal shape; a power of two is the product of a value with itself.

use super::Op;
use super::lowering::{Lowering, Place};
use super::operator::{Direct, Import, Meaning, Operator, ensure};
use crate::program::{ProgramError, Step, Value, ValueId};
use crate::wire::constant::Constant;
use crate::wire::reading::Reading;

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
        operator: "Pow",
        read: |node| {
            expect_two(node, 1)?;
            expect_no_more_axes(node, 1)?;
            let base = node.argument(0)?;
            Ok(Meaning::Apply(Op::Mul, vec![base, base]))
        },
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
}

impl Operator for Arithmetic {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [a, b] = *inputs else {
            return Err(format!("takes two inputs, not {}", inputs.len()));
        };
        ensure(a == b, || {
            format!("takes two values of equal shape, not {a:?} and {b:?}")
        })?;
        Ok(a.to_vec())
    }

    fn direct(&self) -> Direct<'_> {
        match self {
            Self::Add => Direct::Add,
            Self::Sub => Direct::Subtract,
            Self::Mul => Direct::Multiply,
        }
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        match self {
            Self::Add => combine(place, lowering, false),
            Self::Sub => combine(place, lowering, true),
            Self::Mul => product(place, lowering),
        }
    }
}

/// A product, or a square.
fn product(place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
    let (left, right) = (place.inputs[0], place.inputs[1]);
    let (a, b) = (lowering.value(left), lowering.value(right));
    let interval = if left == right {
        a.interval.squared()
    } else {
        a.interval.times(b.interval)
    };
    let value = Value {
        name: place.name.to_owned(),
        shape: place.shape.clone(),
        interval: interval.map_err(|source| place.too_large(source))?,
        unit: a.unit * b.unit,
    };
    Ok(lowering.push(Step::Multiply { left, right }, value))
}

/// A sum or a difference of values brought to one unit.
fn combine(place: &Place<'_>, lowering: &mut Lowering, subtract: bool) -> Result<ValueId, ProgramError> {
    let (operands, unit) = lowering.aligned(place, &place.inputs)?;
    let (left, right) = (operands[0], operands[1]);
    let interval = lowering.interval(left).and_then(|a| {
        let b = lowering.interval(right)?;
        if subtract { a.minus(b) } else { a.plus(b) }
    });
    let value = Value {
        name: place.name.to_owned(),
        shape: place.shape.clone(),
        interval: interval.map_err(|source| place.too_large(source))?,
        unit,
    };
    let step = Step::Combine {
        left,
        right,
        subtract,
    };
    Ok(lowering.push(step, value))
}

/// Fails unless the input is the constant 2.
fn expect_two(node: &Reading<'_>, position: usize) -> Result<(), String> {
    let is_two = match node.constant(position)? {
        Constant::Floats(tensor) => tensor.data == [2.0],
        Constant::Ints(integers) => integers.data == [2],
    };
    ensure(is_two, || "the exponent is not 2".to_owned())
}

/// Fails where a constant has more axes than the first input, whose result would have as many.
fn expect_no_more_axes(node: &Reading<'_>, position: usize) -> Result<(), String> {
    let axes = node.constant(position)?.shape().len();
    let fits = node.shape(0)?.is_none_or(|shape| axes <= shape.len());
    ensure(fits, || format!("input {position} has more axes than input 0"))
}
