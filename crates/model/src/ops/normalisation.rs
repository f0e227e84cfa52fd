//! Batch and layer normalisation at inference.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{Lowering, Place, floats};
use super::operator::{Direct, Import, Meaning, Operator, ensure, ensure_shape, single, with_optional};
use crate::interval::{LIMIT, Unbounded};
use crate::program::{Linear, ProgramError, Step, Term, ValueId};
use crate::tensor::Tensor;
use crate::wire::node::{DEFAULT_EPSILON, axis};
use crate::wire::proto::{float, int, signed};
use crate::wire::reading::Reading;

/// The first operator set that has `LayerNormalization`.
const LAYER_NORM_OPSET: i64 = 17;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "BatchNormalization",
        read: batch_norm,
    },
    Import {
        operator: "LayerNormalization",
        read: layer_norm,
    },
    Import {
        operator: "InstanceNormalization",
        read: instance_norm,
    },
];

/// Batch normalisation at inference; all four tensors have one entry for each channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// γ.
    pub scale: Tensor,
    /// β.
    pub bias: Tensor,
    /// Running mean.
    pub mean: Tensor,
    /// Running variance.
    pub variance: Tensor,
    /// Added to the variance.
    pub epsilon: f32,
}

/// Layer normalisation over the axes from `axis` to the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// First normalised axis.
    pub axis: usize,
    /// γ over the normalised axes.
    pub scale: Tensor,
    /// β over the normalised axes.
    pub bias: Option<Tensor>,
    /// Added to the variance.
    pub epsilon: f32,
}

impl BatchNorm {
    /// It as a factor and an addend for each channel.
    fn affine(&self) -> (Vec<f64>, Vec<f64>) {
        (0..self.scale.len())
            .map(|c| {
                let channel = |tensor: &Tensor| f64::from(tensor.data[c]);
                let factor =
                    channel(&self.scale) / (channel(&self.variance) + f64::from(self.epsilon)).sqrt();
                (factor, channel(&self.bias) - factor * channel(&self.mean))
            })
            .unzip()
    }
}

impl Operator for BatchNorm {
    fn onnx_name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        vec![
            ("weight", &self.scale),
            ("bias", &self.bias),
            ("running_mean", &self.mean),
            ("running_var", &self.variance),
        ]
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        vec![
            ("weight", &mut self.scale),
            ("bias", &mut self.bias),
            ("running_mean", &mut self.mean),
            ("running_var", &mut self.variance),
        ]
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let [_, channels, ..] = *input else {
            return Err(format!("input of shape {input:?}"));
        };
        for (name, parameter) in self.parameters() {
            ensure_shape(name, Some(parameter), &[channels])?;
        }
        Ok(input.to_vec())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![float("epsilon", self.epsilon)]
    }

    fn direct(&self) -> Direct<'_> {
        Direct::BatchNorm(self)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// One that stands alone: the others are folded into the convolutions before them.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        if place.shape.len() != 4 {
            return Err(place.refused("only images are covered"));
        }
        let input = place.value(lowering, 0)?;
        let (factor, addend) = self.affine();
        let batch = place.shape[0];
        let (unit, weight_unit) = (lowering.value(input).unit, lowering.weight_unit());
        let linear = Linear::Affine {
            factor: place.integers(factor.iter().copied(), weight_unit)?.repeat(batch),
            addend: place
                .integers(addend.iter().copied(), unit * weight_unit)?
                .repeat(batch),
        };
        lowering.linear(place, input, linear)
    }
}

impl Operator for LayerNorm {
    fn onnx_name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        with_optional(("weight", &self.scale), self.bias.as_ref())
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        with_optional(("weight", &mut self.scale), self.bias.as_mut())
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let (input, axis) = (single(inputs)?, self.axis);
        ensure(axis < input.len(), || {
            format!("axis {axis} of an input of shape {input:?}")
        })?;
        for (name, parameter) in self.parameters() {
            ensure_shape(name, Some(parameter), &input[axis..])?;
        }
        Ok(input.to_vec())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![int("axis", signed(self.axis)), float("epsilon", self.epsilon)]
    }

    fn opset(&self) -> i64 {
        LAYER_NORM_OPSET
    }

    fn mean_elements(&self, input: &[usize]) -> Option<usize> {
        Some(input.get(self.axis..)?.iter().product())
    }

    fn direct(&self) -> Direct<'_> {
        Direct::LayerNorm(self)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let rows = place.shape[..self.axis].iter().product();
        let repeated = |tensor: &Tensor| floats(tensor).collect::<Vec<f64>>().repeat(rows);
        let norm = RowNorm {
            rows,
            scale: repeated(&self.scale),
            bias: self.bias.as_ref().map(repeated),
            epsilon: self.epsilon,
        };
        norm.lower(place, lowering)
    }
}

/// Normalisation of each channel of each image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceNorm {
    /// γ, one for each channel.
    pub scale: Tensor,
    /// β, one for each channel.
    pub bias: Tensor,
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for InstanceNorm {
    fn onnx_name(&self) -> &'static str {
        "InstanceNormalization"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        vec![("weight", &self.scale), ("bias", &self.bias)]
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        vec![("weight", &mut self.scale), ("bias", &mut self.bias)]
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let [_, channels, _, ..] = *input else {
            return Err(format!("input of shape {input:?}"));
        };
        for (name, parameter) in self.parameters() {
            ensure_shape(name, Some(parameter), &[channels])?;
        }
        Ok(input.to_vec())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![float("epsilon", self.epsilon)]
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let [batch, channels, ref map @ ..] = place.shape[..] else {
            return Err(place.refused("its input has no channels"));
        };
        let len = map.iter().product();
        let of_channels = |tensor: &Tensor| {
            let channel = floats(tensor).flat_map(|number| std::iter::repeat_n(number, len));
            channel.collect::<Vec<f64>>().repeat(batch)
        };
        let norm = RowNorm {
            rows: batch * channels,
            scale: of_channels(&self.scale),
            bias: Some(of_channels(&self.bias)),
            epsilon: self.epsilon,
        };
        norm.lower(place, lowering)
    }
}

/// Normalisation of rows of as many elements each, which follow one another.
struct RowNorm {
    rows: usize,
    /// γ, one for each element.
    scale: Vec<f64>,
    /// β, one for each element.
    bias: Option<Vec<f64>>,
    epsilon: f32,
}

impl RowNorm {
    /// In each row y = γ · (N·x − Σx) · r + β, where r is the integer part of 2^root_bits / √(N·Σx² − (Σx)² + ε).
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let too_large = |source| place.too_large(source);
        let len = self.scale.len() / self.rows;
        let count = len as i128;
        let input = place.value(lowering, 0)?;
        // Its square is summed.
        let input = lowering.before_weights(place, input)?;
        let input = self.fine(place, lowering, input)?;
        let before = lowering.value(input);
        let bound = before.interval.magnitude().max(1);
        // N·bound bounds the root: with this numerator r has scale + 6 bits even then.
        let widest = count.checked_mul(bound).ok_or(too_large(Unbounded))?;
        let widest_bits = widest.cast_unsigned().next_power_of_two().trailing_zeros();
        let root_bits = widest_bits + lowering.scale + 6;
        let epsilon = self.epsilon_at(before.unit).max(1.0) as i128;
        if 2 * root_bits >= LIMIT.ilog2() {
            return Err(too_large(Unbounded));
        }
        let bias = self.bias_integers(place, lowering, root_bits)?;
        let scale = place.integers(self.scale.iter().copied(), lowering.weight_unit())?;
        let unit = lowering.weight_unit() * f64::from(root_bits).exp2();
        let step = Step::LayerNorm {
            input,
            rows: self.rows,
            scale,
            bias,
            epsilon,
            root_bits,
        };
        let before = before.interval;
        let id = lowering.push(step, place.result(before, unit));
        let program = &mut lowering.program;
        let bounds = program.layer_norm_bounds(id.0 - 1, before);
        program.values[id.0].interval = bounds.map_err(too_large)?;
        Ok(id)
    }

    /// What ε is of N·Σx² − (Σx)², for elements of this unit.
    fn epsilon_at(&self, unit: f64) -> f64 {
        let count = (self.scale.len() / self.rows) as f64;
        f64::from(self.epsilon) * (unit * count).powi(2)
    }

    /// The input, or a multiple of it in whose units ε is no small number: of short rows at a coarse unit it would be rounded to 1.
    fn fine(
        &self,
        place: &Place<'_>,
        lowering: &mut Lowering,
        input: ValueId,
    ) -> Result<ValueId, ProgramError> {
        /// What ε is at least, so that it is off by a sixteenth at most.
        const LEAST: f64 = 16.0;
        /// Bits of a row's greatest sum, beyond which the root would have too many digits.
        const MOST_BITS: f64 = 44.0;
        let before = lowering.value(input).clone();
        let epsilon = self.epsilon_at(before.unit);
        let widest = (self.scale.len() / self.rows) as f64 * before.interval.magnitude().max(1) as f64;
        let room = (MOST_BITS - widest.log2().ceil()).max(0.0);
        let lacking = ((LEAST / epsilon).log2() / 2.0).ceil().clamp(0.0, room);
        if !epsilon.is_normal() || lacking < 1.0 {
            return Ok(input);
        }
        let shift = lacking as u32;
        let term = Term {
            value: input,
            factor: 1 << shift,
        };
        let unit = before.unit * f64::from(shift).exp2();
        lowering.sum(place, vec![term], 0, &before.shape, unit)
    }

    /// β times the numerator of the inverse square root.
    fn bias_integers(
        &self,
        place: &Place<'_>,
        lowering: &Lowering,
        root_bits: u32,
    ) -> Result<Vec<i128>, ProgramError> {
        let shift = 1i128 << root_bits;
        let bias = match &self.bias {
            Some(bias) => place.integers(bias.iter().copied(), lowering.weight_unit())?,
            None => vec![0; self.scale.len()],
        };
        let bias = bias.into_iter().map(|integer| integer.checked_mul(shift));
        bias.collect::<Option<_>>()
            .ok_or_else(|| place.too_large(Unbounded))
    }
}

fn batch_norm(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    attributes.expect_int("training_mode", 0)?;
    attributes.expect_int("spatial", 1)?;
    let op = BatchNorm {
        scale: node.floats(1)?,
        bias: node.floats(2)?,
        mean: node.floats(3)?,
        variance: node.floats(4)?,
        epsilon: attributes.float("epsilon").unwrap_or(DEFAULT_EPSILON),
    };
    Meaning::unary(Op::BatchNorm(op), node)
}

fn layer_norm(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    attributes.expect_int("stash_type", 1)?;
    let op = LayerNorm {
        axis: axis(attributes.int("axis").unwrap_or(-1), shape.len())?,
        scale: node.floats(1)?,
        bias: node.optional_floats(2)?,
        epsilon: attributes.float("epsilon").unwrap_or(DEFAULT_EPSILON),
    };
    Meaning::unary(Op::LayerNorm(op), node)
}

fn instance_norm(node: &Reading<'_>) -> Result<Meaning, String> {
    let op = InstanceNorm {
        scale: node.floats(1)?,
        bias: node.floats(2)?,
        epsilon: node.attributes().float("epsilon").unwrap_or(DEFAULT_EPSILON),
    };
    Meaning::unary(Op::InstanceNorm(op), node)
}
