//! `QuantizeLinear` and `DequantizeLinear` of values, as quantised files have them between their layers.
//!
//! A scale of all elements goes into the unit, so that the integers of a quantised value are those of the file, and a layer of quantised
//! weights is computed in integers alone.

use tract_onnx::pb::tensor_proto::DataType;

use super::broadcast::positions;
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{Op, Piecewise, Whole};
use crate::tensor::Tensor;
use crate::wire::constant::{Constant, Integers, range};
use crate::wire::node::{Attributes, axis};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "QuantizeLinear",
        read: quantise,
    },
    Import {
        operator: "DequantizeLinear",
        read: dequantise,
    },
];

/// A scale and a zero point: one for all elements, or a list along an axis.
struct Grid {
    scale: Tensor,
    zero: Option<Tensor>,
}

impl Grid {
    /// Of a node on a value of this shape, with both in a shape that is broadcast to it.
    fn of(node: &Reading<'_>, shape: &[usize]) -> Result<Self, String> {
        node.attributes().expect_int("block_size", 0)?;
        let along = |tensor: Tensor| -> Result<Tensor, String> {
            match tensor.shape[..] {
                [] | [1] => Ok(Tensor::new([], tensor.data)),
                [count] => {
                    let mut list = vec![1; shape.len()];
                    let along = axis(node.attributes().int("axis").unwrap_or(1), shape.len())?;
                    ensure(shape[along] == count, || {
                        format!("{count} scales for {} elements", shape[along])
                    })?;
                    list[along] = count;
                    Ok(Tensor::new(list, tensor.data))
                }
                _ => Err(format!("its scale has the shape {:?}", tensor.shape)),
            }
        };
        let scale = along(node.constant(1)?.to_exact_floats()?)?;
        ensure(
            scale.data.iter().all(|&scale| scale.is_normal() && scale > 0.0),
            || "a scale is not positive".to_owned(),
        )?;
        let zero = match node.argument(2) {
            Ok(_) => Some(along(node.constant(2)?.to_exact_floats()?)?),
            Err(_) => None,
        };
        let zero = zero.filter(|zero| zero.data.iter().any(|&zero| zero != 0.0));
        Ok(Self { scale, zero })
    }

    /// A value times the scale, or with `divides` over it.
    fn scaled(&self, net: &mut Composition, value: Part, divides: bool) -> Result<Part, String> {
        let scale = net.constant(self.scale.clone())?;
        let op = if divides { Op::Div } else { Op::Mul };
        net.apply(op, &[value, scale])
    }

    /// A value plus the zero point, or less it.
    fn moved(&self, net: &mut Composition, op: Op, value: Part) -> Result<Part, String> {
        match &self.zero {
            None => Ok(value),
            Some(zero) => {
                let zero = net.constant(zero.clone())?;
                net.apply(op, &[value, zero])
            }
        }
    }
}

/// (x − zero point) · scale.
fn dequantise(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let value = Part::Input(0);
    let grid = Grid::of(node, net.shape(value)?)?;
    let centred = grid.moved(&mut net, Op::Sub, value)?;
    let result = grid.scaled(&mut net, centred, false)?;
    Ok(net.giving(vec![result]))
}

/// x / scale rounded to the nearest whole number, of two to the even one, plus the zero point, within its type.
fn quantise(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let value = Part::Input(0);
    let grid = Grid::of(node, net.shape(value)?)?;
    let (least, greatest) = narrow_range(result_element(node)?)?;
    let in_units = grid.scaled(&mut net, value, true)?;
    let whole = net.apply(Op::Whole(Whole::Round), &[in_units])?;
    // Before the zero point is added: what is rounded is looked up within limits that hold it.
    let zero = match &grid.zero {
        None => Some(0.0),
        Some(zero) => (zero.len() == 1).then(|| zero.data[0]),
    };
    let within = |net: &mut Composition, value: Part, zero: f32| {
        let clip = Piecewise::Clip {
            least: least - zero,
            greatest: greatest - zero,
        };
        net.apply(Op::Piecewise(clip), &[value])
    };
    let result = if let Some(zero) = zero {
        let held = within(&mut net, whole, zero)?;
        grid.moved(&mut net, Op::Add, held)?
    } else {
        let moved = grid.moved(&mut net, Op::Add, whole)?;
        within(&mut net, moved, 0.0)?
    };
    Ok(net.giving(vec![result]))
}

/// The type of integers that a node gives: its zero point's.
fn result_element(node: &Reading<'_>) -> Result<DataType, String> {
    match node.argument(2) {
        Ok(_) => Ok(node.constant(2)?.element().ok_or("its zero point is a float")?),
        Err(_) => element_of(&node.attributes()),
    }
}

/// The type of integers that a node without a zero point gives.
pub(crate) fn element_of(attributes: &Attributes<'_>) -> Result<DataType, String> {
    match attributes.int("output_dtype").unwrap_or(0) {
        0 => Ok(DataType::Uint8),
        element => i32::try_from(element)
            .ok()
            .and_then(|element| DataType::try_from(element).ok())
            .ok_or_else(|| format!("output_dtype is {element}")),
    }
}

/// The least and the greatest integer of a type of 8 or 16 bits.
fn narrow_range(element: DataType) -> Result<(f32, f32), String> {
    match element {
        DataType::Int8 | DataType::Uint8 | DataType::Int16 | DataType::Uint16 => range(element)
            .map(|(least, greatest)| (least as f32, greatest as f32))
            .ok_or_else(|| "it is of no integers".to_owned()),
        other => Err(format!("it quantises to {}", other.as_str_name())),
    }
}

/// What `QuantizeLinear` makes of a constant.
pub(crate) fn quantised(node: &Reading<'_>) -> Result<Constant, String> {
    let data = node.floats(0)?;
    let grid = Grid::of(node, &data.shape)?;
    let element = result_element(node)?;
    let (least, greatest) = narrow_range(element)?;
    let zero = grid.zero.unwrap_or_else(|| Tensor::new([], vec![0.0]));
    let scales = positions(&grid.scale.shape, &data.shape);
    let zeros = positions(&zero.shape, &data.shape);
    let elements = data.data.iter().zip(scales.into_iter().zip(zeros));
    let elements = elements.map(|(&x, (scale, at))| {
        let whole = (x / grid.scale.data[scale]).round_ties_even() + zero.data[at];
        whole.clamp(least, greatest) as i64
    });
    Ok(Constant::Ints(Integers {
        element,
        shape: data.shape.clone(),
        data: elements.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_the_range_of_its_bits() {
        assert_eq!(narrow_range(DataType::Int8).unwrap(), (-128.0, 127.0));
        assert_eq!(narrow_range(DataType::Uint16).unwrap(), (0.0, 65535.0));
        assert!(narrow_range(DataType::Int32).is_err());
    }
}
