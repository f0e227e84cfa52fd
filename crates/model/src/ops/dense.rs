//! Fully connected layers: Gemm, and MatMul with a constant matrix.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{Lowering, Place, floats};
use super::operator::{Direct, Import, Meaning, Operator, ensure, ensure_shape, single, with_optional};
use crate::program::{Linear, ProgramError, ValueId};
use crate::tensor::Tensor;
use crate::wire::constant::transposed;
use crate::wire::proto::{float, int};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Gemm",
    read: |node| Meaning::unary(Op::Gemm(gemm(node)?), node),
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

fn gemm(node: &Reading<'_>) -> Result<Gemm, String> {
    let attributes = node.attributes();
    attributes.expect_float("alpha", 1.0)?;
    attributes.expect_float("beta", 1.0)?;
    attributes.expect_int("transA", 0)?;
    let weight = node.floats(1)?;
    let weight = match attributes.int("transB") {
        Some(1) => weight,
        None | Some(0) => transposed(&weight)?,
        Some(other) => return Err(format!("transB is {other}")),
    };
    let mut bias = node.optional_floats(2)?;
    // A row vector is broadcast over the batch just as a flat one is.
    if let Some(bias) = &mut bias
        && let [1, length] = bias.shape[..]
    {
        bias.shape = vec![length];
    }
    Ok(Gemm { weight, bias })
}
