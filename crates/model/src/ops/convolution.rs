//! Convolutions of images, full, grouped and depthwise.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::lowering::{Lowering, Place, floats};
use super::operator::{Direct, Import, Meaning, Operator, ensure, ensure_shape, single, with_optional};
use super::pool::{dilated, nchw, window_attributes, window_of, window_output};
use super::row::{filters, of_image_or_row};
use super::{Op, volume};
use crate::program::{Linear, ProgramError, ValueId};
use crate::tensor::{Tensor, Window};
use crate::wire::node::{Attributes, size};
use crate::wire::proto::{int, ints, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Conv",
    read,
}];

/// A convolution: input N×C×H×W, weight O×(C/groups)×kh×kw, bias O.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conv2d {
    /// Filters, O×(C/groups)×kh×kw.
    pub weight: Tensor,
    /// One addend for each output channel.
    pub bias: Option<Tensor>,
    /// Kernel, stride and padding.
    pub window: Window,
    /// 1 for a full convolution, C for a depthwise one.
    pub groups: usize,
}

impl Operator for Conv2d {
    fn onnx_name(&self) -> &'static str {
        "Conv"
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        with_optional(("weight", &self.weight), self.bias.as_ref())
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        with_optional(("weight", &mut self.weight), self.bias.as_mut())
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let Self {
            weight,
            bias,
            window,
            groups,
        } = self;
        let [batch, channels, height, width] = nchw(single(inputs)?)?;
        let [out_channels, group_channels, kernel_height, kernel_width] = weight.shape[..] else {
            return Err(format!("weight of shape {:?}", weight.shape));
        };
        ensure([kernel_height, kernel_width] == window.kernel, || {
            format!(
                "kernel {:?} but weight of shape {:?}",
                window.kernel, weight.shape
            )
        })?;
        ensure(
            *groups > 0
                && group_channels.checked_mul(*groups) == Some(channels)
                && out_channels % groups == 0,
            || {
                format!(
                    "weight of shape {:?} in {groups} groups over {channels} channels",
                    weight.shape
                )
            },
        )?;
        ensure_shape("bias", bias.as_ref(), &[out_channels])?;
        let [out_height, out_width] = window_output(window, [height, width])?;
        Ok(vec![batch, out_channels, out_height, out_width])
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        let mut all = window_attributes(&self.window);
        all.push(ints("dilations", &[1, 1]));
        all.push(int("group", signed(self.groups)));
        all
    }

    fn multiply_adds_per_output(&self) -> usize {
        self.weight.shape[1..].iter().product()
    }

    /// A tile is an output channel, or a group with all of its channels.
    fn most_tiles(&self) -> Option<usize> {
        Some(if self.groups == 1 {
            self.weight.shape[0]
        } else {
            self.groups
        })
    }

    fn tile(&self, tiles: Range<usize>) -> Option<(Op, Option<Range<usize>>)> {
        let channels = self.weight.shape[0] / self.most_tiles()?;
        let outputs = tiles.start * channels..tiles.end * channels;
        let tile = Self {
            weight: self.weight.rows(outputs.clone()),
            bias: self.bias.as_ref().map(|bias| bias.rows(outputs)),
            window: self.window,
            groups: if self.groups == 1 { 1 } else { tiles.len() },
        };
        let read = self.weight.shape[1];
        let read = (self.groups > 1).then(|| tiles.start * read..tiles.end * read);
        Some((Op::Conv2d(tile), read))
    }

    fn direct(&self) -> Direct<'_> {
        Direct::Convolution(self)
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
        let (weight_unit, are_whole) = lowering.unit_beside(input, &self.weight, self.bias.as_ref());
        let unit = lowering.value(input).unit * weight_unit;
        let batch = place.shape[0];
        let mut weight_shape: [usize; 4] = self.weight.shape[..]
            .try_into()
            .expect("a convolution's weight has four axes");
        weight_shape[0] *= batch;
        let linear = Linear::Convolution {
            weight: place.integers(floats(&self.weight), weight_unit)?.repeat(batch),
            weight_shape,
            bias: place
                .bias(self.bias.as_ref(), self.weight.shape[0], unit)?
                .repeat(batch),
            window: self.window,
            groups: self.groups * batch,
        };
        lowering.linear_beside(place, input, linear, (weight_unit, are_whole))
    }
}

/// What a convolution is read from, transposed or not: filters with their dilations written out, and the window that they have.
pub(super) struct Filters {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) window: Window,
    pub(super) groups: usize,
}

/// An operator with constant filters, which the node reads second, and one addend for each output.
pub(super) fn with_filters(
    node: &Reading<'_>,
    op: impl FnOnce(&Attributes<'_>, Filters) -> Result<Op, String>,
) -> Result<Meaning, String> {
    let weight = filters(node)?;
    let bias = node.optional_floats(2)?;
    of_image_or_row(node, |attributes, shape| {
        let [_, _, height, width] = weight.shape[..] else {
            return Err(format!(
                "its weight has shape {:?}, not rank 3 or 4",
                weight.shape
            ));
        };
        let (weight, kernel) = dilated(attributes, weight, [height, width])?;
        let filters = Filters {
            window: window_of(attributes, kernel, shape)?,
            groups: size(attributes.int("group").unwrap_or(1))?,
            bias,
            weight,
        };
        op(attributes, filters)
    })
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    if node.shape(0)?.is_some_and(|shape| shape.len() == volume::AXES) {
        return volume::convolution(node);
    }
    with_filters(node, |_, filters| {
        Ok(Op::Conv2d(Conv2d {
            weight: filters.weight,
            bias: filters.bias,
            window: filters.window,
            groups: filters.groups,
        }))
    })
}
