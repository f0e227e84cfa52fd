//! Relu, Sigmoid and Tanh: a function of each element, which circuits look up.

use super::Op;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Direct, Import, Meaning, Operator, single};
use crate::interval::Interval;
use crate::program::{ProgramError, Step, Value, ValueId};

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Relu",
        read: |node| Meaning::unary(Op::Relu, node),
    },
    Import {
        operator: "Sigmoid",
        read: |node| Meaning::unary(Op::Sigmoid, node),
    },
    Import {
        operator: "Tanh",
        read: |node| Meaning::unary(Op::Tanh, node),
    },
];

/// A function of each element.
pub(super) enum Activation {
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Operator for Activation {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        single(inputs).map(<[usize]>::to_vec)
    }

    /// Every element is looked up as it is.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        Some(TableReader {
            limit: read.limit,
            guarded: false,
        })
    }

    fn direct(&self) -> Direct<'_> {
        match self {
            Self::Relu => Direct::Relu,
            Self::Sigmoid => Direct::Sigmoid,
            Self::Tanh => Direct::Tanh,
        }
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = lowering
            .within_table(place.inputs[0], 1, false)
            .map_err(|source| place.too_large(source))?;
        let before = lowering.value(input).clone();
        let (step, interval) = match self {
            Self::Relu => (Step::Rectify { input }, before.interval.rectified()),
            Self::Sigmoid => {
                let scale = scale(place, &before)?;
                let (least, greatest) = (0, 1 << scale);
                (Step::Sigmoid { input, scale }, Interval { least, greatest })
            }
            Self::Tanh => {
                let scale = scale(place, &before)?;
                (Step::Tanh { input, scale }, Interval::symmetric(1 << scale))
            }
        };
        let value = Value {
            name: place.name.to_owned(),
            interval,
            ..before
        };
        Ok(lowering.push(step, value))
    }
}

/// The logarithm of the number of integers that make 1 of what a function is applied to.
fn scale(place: &Place<'_>, before: &Value) -> Result<u32, ProgramError> {
    let scale = before.unit.log2();
    if scale.fract() != 0.0 || !(0.0..=31.0).contains(&scale) {
        return Err(place.refused("its input's unit is no power of two"));
    }
    Ok(scale as u32)
}
