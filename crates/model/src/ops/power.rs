//! Pow with a constant exponent or base: a whole power is a product, a half of one has a square root, a negative one is a divisor,
//! and all others are e^(y · ln x).

use serde::{Deserialize, Serialize};
use tract_onnx::pb::TensorProto;

use super::Op;
use super::lowering::{Lowering, Place};
use super::operator::{Composition, Import, Meaning, Operator, Part, ensure, single};
use super::smooth::Smooth;
use crate::program::{ProgramError, ValueId};
use crate::tensor::Tensor;
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
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    if let Ok(base) = node.constant(0) {
        let base = only(base).ok_or("its base is not one number")?;
        ensure(base > 0.0, || format!("the base is {base}"))?;
        let shape = net.shape(Part::Input(1))?.to_vec();
        ensure(node.constant(0)?.shape().len() <= shape.len(), || {
            "input 0 has more axes than input 1".to_owned()
        })?;
        let argument = net.with(Op::Mul, Part::Input(1), base.ln() as f32)?;
        let result = net.apply(Op::Smooth(Smooth::Exp), &[argument])?;
        return Ok(net.giving(vec![result]));
    }
    let constant = node.constant(1)?;
    let exponent = only(constant).ok_or("its exponent is not one number")?;
    ensure(exponent.is_finite(), || format!("the exponent is {exponent}"))?;
    let axes = constant.shape().len();
    ensure(axes <= net.shape(Part::Input(0))?.len(), || {
        "input 1 has more axes than input 0".to_owned()
    })?;
    if exponent.to_bits() == 1f64.to_bits() {
        return Ok(Meaning::Alias(0));
    }
    let result = net.power(exponent)?;
    Ok(net.giving(vec![result]))
}

/// The one number of a constant.
fn only(constant: &Constant) -> Option<f64> {
    match constant {
        Constant::Floats(tensor) if tensor.len() == 1 => Some(f64::from(tensor.data[0])),
        Constant::Ints(integers) if integers.data.len() == 1 => Some(integers.data[0] as f64),
        Constant::Floats(_) | Constant::Ints(_) => None,
    }
}

impl Composition {
    /// The first input to this power.
    fn power(&mut self, exponent: f64) -> Result<Part, String> {
        let halves = 2.0 * exponent.abs();
        if halves.fract() != 0.0 || halves < 1.0 || halves > f64::from(2 * MOST) {
            ensure(exponent != 0.0, || "the exponent is 0".to_owned())?;
            let logarithm = self.apply(Op::Smooth(Smooth::Log), &[Part::Input(0)])?;
            let argument = self.with(Op::Mul, logarithm, exponent as f32)?;
            return self.apply(Op::Smooth(Smooth::Exp), &[argument]);
        }
        let halves = halves as u32;
        let whole = self.whole_power(halves / 2)?;
        let result = if halves.is_multiple_of(2) {
            whole
        } else {
            let root = self.apply(Op::Smooth(Smooth::Sqrt), &[Part::Input(0)])?;
            whole
                .map_or(Ok(root), |whole| self.apply(Op::Mul, &[whole, root]))
                .map(Some)?
        };
        let result = result.ok_or("the exponent is 0")?;
        if exponent > 0.0 {
            return Ok(result);
        }
        let one = self.constant(Tensor::new([], vec![1.0]))?;
        self.apply(Op::Div, &[one, result])
    }

    /// The first input to a whole power; none where it is 0.
    fn whole_power(&mut self, exponent: u32) -> Result<Option<Part>, String> {
        let base = Part::Input(0);
        Ok(Some(match exponent {
            0 => return Ok(None),
            1 => base,
            2 => self.apply(Op::Mul, &[base, base])?,
            exponent => self.apply(Op::Power(Power { exponent }), &[base])?,
        }))
    }
}
