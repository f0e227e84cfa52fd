//! Fully connected layers: Gemm, and MatMul with a constant matrix.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::broadcast::broadcast;
use super::lowering::{Lowering, Place, floats};
use super::operator::{
    Composition, Direct, Import, Meaning, Operator, Part, ensure, ensure_shape, single, with_optional,
};
use crate::program::{Linear, ProgramError, ValueId};
use crate::tensor::Tensor;
use crate::wire::constant::transposed;
use crate::wire::proto::{float, int};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Gemm",
    read: gemm,
}];

/// A fully connected layer: input N×I, weight O×I, bias O; output N×O.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gemm {
    /// O×I.
    pub weight: Tensor,
    /// One addend for each output.
    pub bias: Option<Tensor>,
}

impl Operator for Gemm {
    fn onnx_name(&self) -> &'static str {
        "Gemm"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        with_optional(("weight", &self.weight), self.bias.as_ref())
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        with_optional(("weight", &mut self.weight), self.bias.as_mut())
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let ([batch, features], [out_features, in_features]) = (input, &self.weight.shape[..]) else {
            return Err(format!(
                "input of shape {input:?} and weight of shape {:?}, both must have rank 2",
                self.weight.shape
            ));
        };
        ensure(features == in_features, || {
            format!("input of shape {input:?} but weight {:?}", self.weight.shape)
        })?;
        ensure_shape("bias", self.bias.as_ref(), &[*out_features])?;
        Ok(vec![*batch, *out_features])
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![
            float("alpha", 1.0),
            float("beta", 1.0),
            int("transA", 0),
            int("transB", 1),
        ]
    }

    fn multiply_adds_per_output(&self) -> usize {
        self.weight.shape[1..].iter().product()
    }

    fn most_tiles(&self) -> Option<usize> {
        Some(self.weight.shape[0])
    }

    fn tile(&self, tiles: Range<usize>) -> Option<(Op, Option<Range<usize>>)> {
        let tile = Self {
            weight: self.weight.rows(tiles.clone()),
            bias: self.bias.as_ref().map(|bias| bias.rows(tiles)),
        };
        Some((Op::Gemm(tile), None))
    }

    fn direct(&self) -> Direct<'_> {
        Direct::Dense(self)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let input = lowering.before_weights(place, input)?;
        let (weight_unit, are_whole) = lowering.unit_beside(input, &self.weight, self.bias.as_ref());
        let unit = lowering.value(input).unit * weight_unit;
        let linear = Linear::Dense {
            weight: place.integers(floats(&self.weight), weight_unit)?,
            bias: place.bias(self.bias.as_ref(), self.weight.shape[0], unit)?,
            rows: place.shape[0],
        };
        lowering.linear_beside(place, input, linear, (weight_unit, are_whole))
    }
}

/// What the attributes of a node say: alpha · A · B + beta · C, with A and B turned or not.
struct Form {
    alpha: f32,
    beta: f32,
    turns_left: bool,
    turns_right: bool,
}

impl Form {
    fn of(node: &Reading<'_>) -> Result<Self, String> {
        let attributes = node.attributes();
        let turns = |name: &str| match attributes.int(name) {
            None | Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(format!("{name} is {other}")),
        };
        Ok(Self {
            alpha: attributes.float("alpha").unwrap_or(1.0),
            beta: attributes.float("beta").unwrap_or(1.0),
            turns_left: turns("transA")?,
            turns_right: turns("transB")?,
        })
    }

    /// B as a layer's weights, one row for each output.
    fn weight(&self, right: Tensor) -> Result<Tensor, String> {
        if self.turns_right {
            Ok(right)
        } else {
            transposed(&right)
        }
    }

    /// The layer, where the file's constants are its own as they stand.
    fn layer(&self, node: &Reading<'_>) -> Result<Option<Gemm>, String> {
        let (Ok(right), [1.0, 1.0], false) = (node.floats(1), [self.alpha, self.beta], self.turns_left)
        else {
            return Ok(None);
        };
        let weight = self.weight(right)?;
        let bias = match node.argument(2) {
            Ok(_) => match node.floats(2) {
                Ok(bias) => Some(bias),
                Err(_) => return Ok(None),
            },
            Err(_) => None,
        };
        let [outputs, _] = weight.shape[..] else {
            return Ok(None);
        };
        // A row vector is broadcast over the batch just as a flat one is.
        let bias = bias.map(|bias| match bias.shape[..] {
            [length] | [1, length] if length == outputs => Some(Tensor::new([length], bias.data)),
            _ => None,
        });
        Ok(match bias {
            Some(None) => None,
            None => Some(Gemm { weight, bias: None }),
            Some(bias) => Some(Gemm { weight, bias }),
        })
    }
}

/// Constants times a number of the file's, in the file's 32 bits.
fn scaled(mut tensor: Tensor, factor: f32, name: &str) -> Result<Tensor, String> {
    if factor.to_bits() != 1f32.to_bits() {
        tensor.data.iter_mut().for_each(|x| *x *= factor);
    }
    ensure(tensor.data.iter().all(|x| x.is_finite()), || {
        format!("{name} of {factor:e} times a constant is beyond 32 bits")
    })?;
    Ok(tensor)
}

fn gemm(node: &Reading<'_>) -> Result<Meaning, String> {
    let form = Form::of(node)?;
    if let Some(layer) = form.layer(node)? {
        return Meaning::unary(Op::Gemm(layer), node);
    }
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let (a, b, c) = (Part::Input(0), Part::Input(1), Part::Input(2));
    let shape = {
        let [left, right] = [net.shape(a)?, net.shape(b)?];
        let unfit = || format!("values of shapes {left:?} and {right:?} make no product");
        let (&[rows, inner], &[other, columns]) = (left, right) else {
            return Err(unfit());
        };
        let (rows, inner) = if form.turns_left {
            (inner, rows)
        } else {
            (rows, inner)
        };
        let (other, columns) = if form.turns_right {
            (columns, other)
        } else {
            (other, columns)
        };
        ensure(inner == other, unfit)?;
        [rows, columns]
    };
    let has_addends = node.argument(2).is_ok();
    if has_addends {
        let addends = net.shape(c)?;
        ensure(broadcast(addends, &shape).is_some_and(|all| all == shape), || {
            format!("addends of shape {addends:?} do not fit a product of shape {shape:?}")
        })?;
    }
    // With a factor of 0 the addends are not read.
    let mut addends = (has_addends && form.beta != 0.0).then_some(c);
    let constant_addends = match addends {
        Some(_) => node
            .floats(2)
            .ok()
            .map(|tensor| scaled(tensor, form.beta, "beta")),
        None => None,
    };
    let mut constant_addends = constant_addends.transpose()?;
    let turned = |net: &mut Composition, part: Part, turns: bool| {
        if turns {
            net.transposed(part, &[1, 0])
        } else {
            Ok(part)
        }
    };
    let mut result = if let Ok(right) = node.floats(1) {
        let weight = scaled(form.weight(right)?, form.alpha, "alpha")?;
        let row = constant_addends.take_if(|tensor| {
            let (_, heads) = tensor.shape.split_last().unwrap_or((&1, &[]));
            heads.iter().all(|&size| size == 1)
        });
        let bias = row.map(|tensor| {
            addends = None;
            let data = tensor.data.iter().copied().cycle().take(shape[1]).collect();
            Tensor::new([shape[1]], data)
        });
        let left = turned(&mut net, a, form.turns_left)?;
        net.apply(Op::FoldedGemm(Gemm { weight, bias }), &[left])?
    } else {
        let (left, factor) = match node.floats(0) {
            Ok(left) => {
                let left = if form.turns_left { transposed(&left)? } else { left };
                (net.constant(scaled(left, form.alpha, "alpha")?)?, 1.0)
            }
            Err(_) => (turned(&mut net, a, form.turns_left)?, form.alpha),
        };
        let right = turned(&mut net, b, form.turns_right)?;
        let product = net.apply(Op::MatMul, &[left, right])?;
        multiplied(&mut net, product, factor)?
    };
    if let Some(addends) = addends {
        let addends = match constant_addends {
            Some(tensor) => net.constant(tensor)?,
            None => multiplied(&mut net, addends, form.beta)?,
        };
        result = net.apply(Op::Add, &[result, addends])?;
    }
    Ok(net.giving(vec![result]))
}

/// A value times a number, if that changes it.
fn multiplied(net: &mut Composition, value: Part, factor: f32) -> Result<Part, String> {
    if factor.to_bits() == 1f32.to_bits() {
        return Ok(value);
    }
    net.with(Op::Mul, value, factor)
}
