//! Pow with a constant exponent: a whole power is a product, a half the square root.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::TensorProto;

use super::Op;
use super::lowering::{Lowering, Place};
use super::operator::{Import, Meaning, Operator, ensure, single};
use super::smooth::Smooth;
use crate::program::{ProgramError, ValueId};
use crate::wire::constant::Constant;
use crate::wire::proto::floats;
use crate::wire::reading::Reading;

/// The greatest exponent: the numbers that a circuit holds have no room for more.
const MOST: u32 = 64;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Pow",
    read,
}];

/// x to a whole power of 3 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// The exponent.
    pub exponent: u32,
}

impl Operator for Power {
    fn onnx_name(&self) -> &'static str {
        "Pow"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let exponent = self.exponent;
        ensure((3..=MOST).contains(&exponent), || {
            format!("exponent {exponent}, must be 3 to {MOST}")
        })?;
        single(inputs).map(<[usize]>::to_vec)
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        vec![floats(format!("{node}.exponent"), &[], &[self.exponent as f32])]
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    /// Squares, and a product for each other bit of the exponent.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let base = place.value(lowering, 0)?;
        let mut power = base;
        for bit in (0..self.exponent.ilog2()).rev() {
            power = lowering.product(place, power, power)?;
            if self.exponent >> bit & 1 == 1 {
                power = lowering.product(place, power, base)?;
            }
        }
        Ok(power)
    }
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    let base = node.argument(0)?;
    let constant = node.constant(1)?;
    let exponent = match constant {
        Constant::Floats(tensor) if tensor.len() == 1 => f64::from(tensor.data[0]),
        Constant::Ints(integers) if integers.data.len() == 1 => integers.data[0] as f64,
        _ => return Err("its exponent is not one number".to_owned()),
    };
    let axes = constant.shape().len();
    let fits = node.shape(0)?.is_none_or(|shape| axes <= shape.len());
    ensure(fits, || "input 1 has more axes than input 0".to_owned())?;
    // In halves: of what is covered, each is a whole number of them.
    let halves = (1..=2 * MOST).find(|&halves| f64::from(halves).to_bits() == (2.0 * exponent).to_bits());
    match halves {
        Some(1) => Meaning::unary(Op::Smooth(Smooth::Sqrt), node),
        Some(2) => Ok(Meaning::Alias(base)),
        Some(4) => Ok(Meaning::Apply(Op::Mul, vec![base, base])),
        Some(halves) if halves.is_multiple_of(2) => {
            let exponent = halves / 2;
            Meaning::unary(Op::Power(Power { exponent }), node)
        }
        _ => Err(format!(
            "the exponent is {exponent}, and 0.5 and whole ones up to {MOST} are covered"
        )),
    }
}
