//! `ConvTranspose` of images, as a convolution of an image with zeros between its elements.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::convolution::with_filters;
use super::lowering::{Lowering, MOST_LOWERED, Place, floats};
use super::operator::{Import, Meaning, Operator, ensure, ensure_shape, single, with_optional};
use super::pool::{ensure_read, nchw, window_attributes};
use crate::program::{Linear, ProgramError, ValueId};
use crate::tensor::{Tensor, Window, elements};
use crate::wire::node::sizes;
use crate::wire::proto::{int, ints, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "ConvTranspose",
    read,
}];

/// A transposed convolution: input N×C×H×W, weight C×(O/groups)×kh×kw, bias O.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConvTranspose2d {
    /// Filters, C×(O/groups)×kh×kw.
    pub weight: Tensor,
    /// One addend for each output channel.
    pub bias: Option<Tensor>,
    /// Kernel; the step between what an element of the input adds to; and how much is left out on each side.
    pub window: Window,
    /// Rows and columns more at the end.
    pub more: [usize; 2],
    /// 1 for a full one, C for a depthwise one.
    pub groups: usize,
}

impl ConvTranspose2d {
    /// The size of an axis of the image that the convolution reads: the input's elements a stride apart, with zeros around them.
    fn stuffed(&self, axis: usize, size: usize) -> Option<usize> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let between = size.checked_sub(1)?.checked_mul(stride[axis])?.checked_add(1)?;
        between
            .checked_add(2 * (kernel[axis] - 1))?
            .checked_add(self.more[axis])?
            .checked_sub(padding[axis])?
            .checked_sub(padding[axis + 2])
            .filter(|&all| all >= kernel[axis])
    }

    /// Which of an axis's elements stands at a position of that image.
    fn origin(&self, axis: usize, position: usize, size: usize) -> Option<usize> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let from_first = (position + padding[axis]).checked_sub(kernel[axis] - 1)?;
        let is_element = from_first.is_multiple_of(stride[axis]) && from_first / stride[axis] < size;
        is_element.then_some(from_first / stride[axis])
    }

    /// Filters of the convolution, O×(C/groups)×kh×kw: those of each group with its inputs and outputs exchanged and turned by 180°.
    fn turned(&self) -> (Vec<f64>, [usize; 4]) {
        let [channels, group_outputs, height, width] = self.sizes();
        let group_channels = channels / self.groups;
        let kernel = height * width;
        let all: Vec<f64> = floats(&self.weight).collect();
        let mut turned = Vec::with_capacity(all.len());
        for group in 0..self.groups {
            for output in 0..group_outputs {
                for channel in 0..group_channels {
                    let filter = ((group * group_channels + channel) * group_outputs + output) * kernel;
                    turned.extend(all[filter..filter + kernel].iter().rev());
                }
            }
        }
        (
            turned,
            [self.groups * group_outputs, group_channels, height, width],
        )
    }

    fn sizes(&self) -> [usize; 4] {
        self.weight.shape[..].try_into().unwrap_or([0; 4])
    }
}

impl Operator for ConvTranspose2d {
    fn onnx_name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        with_optional(("weight", &self.weight), self.bias.as_ref())
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        with_optional(("weight", &mut self.weight), self.bias.as_mut())
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [batch, channels, height, width] = nchw(single(inputs)?)?;
        let [weight_channels, group_outputs, kernel_height, kernel_width] = self.sizes();
        let Window { kernel, stride, .. } = self.window;
        let groups = self.groups;
        let fits = [kernel_height, kernel_width] == kernel
            && weight_channels == channels
            && groups > 0
            && channels.is_multiple_of(groups)
            && kernel.into_iter().chain(stride).all(|size| size > 0)
            && (0..2).all(|axis| self.more[axis] < stride[axis]);
        let unfit = || {
            format!(
                "weight of shape {:?} in {groups} groups with {:?} over an input of {channels}×{height}×{width}",
                self.weight.shape, self.window
            )
        };
        ensure(fits, unfit)?;
        ensure_shape("bias", self.bias.as_ref(), &[group_outputs * groups])?;
        let along = |axis: usize, size: usize| {
            let stuffed = self.stuffed(axis, size).ok_or_else(unfit)?;
            Ok::<usize, String>(stuffed - kernel[axis] + 1)
        };
        let output = [along(0, height)?, along(1, width)?];
        ensure_read(kernel, output)?;
        Ok(vec![batch, group_outputs * groups, output[0], output[1]])
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        let mut all = window_attributes(&self.window);
        all.push(ints("dilations", &[1, 1]));
        all.push(int("group", signed(self.groups)));
        all.push(ints("output_padding", &self.more.map(signed)));
        all
    }

    fn multiply_adds_per_output(&self) -> usize {
        self.weight.len() / (self.sizes()[1] * self.groups).max(1)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// The images of a batch stand side by side as channels, each in groups of its own with the same weights.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let input = lowering.before_weights(place, input)?;
        let &[batch, channels, height, width] = place.inputs[0].shape else {
            return Err(place.refused("its input is no image"));
        };
        let maps = batch * channels;
        let (Some(rows), Some(columns)) = (self.stuffed(0, height), self.stuffed(1, width)) else {
            return Err(place.refused("its padding is larger than what it gives"));
        };
        if elements(&[maps, rows, columns]).is_none_or(|elements| elements > MOST_LOWERED) {
            return Err(place.refused("its image with zeros has more than 2^24 elements"));
        }
        let mut origins = Vec::with_capacity(maps * rows * columns);
        for map in 0..maps {
            for row in 0..rows {
                for column in 0..columns {
                    let at = self.origin(0, row, height).zip(self.origin(1, column, width));
                    origins.push(at.map(|(row, column)| (map * height + row) * width + column));
                }
            }
        }
        let image = lowering.filled(place, input, 0.0, &origins, &[batch, channels, rows, columns])?;
        let (weight, mut weight_shape) = self.turned();
        let (weight_unit, are_whole) = lowering.unit_beside(image, &self.weight, self.bias.as_ref());
        let unit = lowering.value(image).unit * weight_unit;
        let bias = place.bias(self.bias.as_ref(), weight_shape[0], unit)?;
        weight_shape[0] *= batch;
        let linear = Linear::Convolution {
            weight: place.integers(weight.into_iter(), weight_unit)?.repeat(batch),
            weight_shape,
            bias: bias.repeat(batch),
            window: Window {
                kernel: self.window.kernel,
                stride: [1; 2],
                padding: [0; 4],
            },
            groups: self.groups * batch,
        };
        lowering.linear_beside(place, image, linear, (weight_unit, are_whole))
    }
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    with_filters(node, |attributes, filters| {
        ensure(attributes.ints("output_shape").is_none(), || {
            "it has output_shape".to_owned()
        })?;
        let padded = attributes.text("auto_pad").unwrap_or(b"NOTSET");
        ensure([&b"NOTSET"[..], b"VALID"].contains(&padded), || {
            format!("auto_pad is {}", String::from_utf8_lossy(padded))
        })?;
        Ok(Op::ConvTranspose2d(ConvTranspose2d {
            weight: filters.weight,
            bias: filters.bias,
            window: filters.window,
            more: sizes(attributes, "output_padding")?.unwrap_or([0; 2]),
            groups: filters.groups,
        }))
    })
}
