//! MaxPool and AveragePool, and the windows that they share with convolutions.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Direct, Import, Meaning, Operator, ensure, single};
use crate::program::{Linear, ProgramError, Step, Value, ValueId};
use crate::tensor::Window;
use crate::wire::node::{Attributes, sizes};
use crate::wire::proto::{ints, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "MaxPool",
        read: |node| pool(node, |window| Op::MaxPool2d(MaxPool2d(window))),
    },
    Import {
        operator: "AveragePool",
        read: |node| pool(node, |window| Op::AvgPool2d(AvgPool2d(window))),
    },
    Import {
        // EZKL multiplies a sum by the reciprocal here, and divides in `AveragePool`: the integers
        // differ, so that the one cannot stand for the other.
        operator: "GlobalAveragePool",
        read: |_| Err("it rounds differently from AveragePool".to_owned()),
    },
];

/// The greatest of the elements in each window, which the padding has none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxPool2d(pub Window);

/// The mean of the elements in each window, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvgPool2d(pub Window);

impl Operator for MaxPool2d {
    fn onnx_name(&self) -> &'static str {
        "MaxPool"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let (input, window) = (single(inputs)?, &self.0);
        // A window that reads nothing but padding would have no greatest element.
        let reads = (0..4).all(|side| window.padding[side] < window.kernel[side % 2]);
        ensure(reads, || {
            format!(
                "padding {:?}, must be below the kernel {:?}",
                window.padding, window.kernel
            )
        })?;
        pooled(window, input)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        let mut all = window_attributes(&self.0);
        all.push(ints("dilations", &[1, 1]));
        all
    }

    /// Maxima look differences up: they bound the values that they read, where something bounds the maximum.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        Some(TableReader {
            limit: read.limit / 2,
            guarded: !self.0.reads_whole(read.shape) || (read.onwards)().is_none_or(|reader| reader.guarded),
        })
    }

    fn direct(&self) -> Direct<'_> {
        Direct::MaxPool(self.0)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = lowering
            .within_table(place.inputs[0], 2, true)
            .map_err(|source| place.too_large(source))?;
        let value = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            ..lowering.value(input).clone()
        };
        let window = self.0;
        Ok(lowering.push(Step::MaxPool { input, window }, value))
    }
}

impl Operator for AvgPool2d {
    fn onnx_name(&self) -> &'static str {
        "AveragePool"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let (input, window) = (single(inputs)?, &self.0);
        ensure(window.padding == [0; 4], || {
            format!("padding {:?}, must be none", window.padding)
        })?;
        pooled(window, input)
    }

    /// `AveragePool` has had dilations only since operator set 19.
    fn attributes(&self) -> Vec<AttributeProto> {
        window_attributes(&self.0)
    }

    fn direct(&self) -> Direct<'_> {
        Direct::MeanPool(self.0)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    /// A sum, whose divisor goes into the unit.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let (input, window) = (place.inputs[0], self.0);
        if place.is_output {
            return lowering.linear(place, input, Linear::SumPool(window));
        }
        let area = window.kernel[0] * window.kernel[1];
        let before = lowering.value(input);
        let interval = before.interval.repeated(area);
        let value = Value {
            name: place.name.to_owned(),
            shape: place.shape.clone(),
            interval: interval.map_err(|source| place.too_large(source))?,
            unit: before.unit * area as f64,
        };
        Ok(lowering.push(Step::SumPool { input, window }, value))
    }
}

fn pool(node: &Reading<'_>, op: impl Fn(Window) -> Op) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    attributes.expect_int("ceil_mode", 0)?;
    Meaning::unary(op(window(&attributes, None, shape)?), node)
}

/// The sizes of an image.
pub(super) fn nchw(shape: &[usize]) -> Result<[usize; 4], String> {
    shape
        .try_into()
        .map_err(|_| format!("input of shape {shape:?}, must be N×C×H×W"))
}

/// Height and width of what a window makes of an image of these.
pub(super) fn window_output(window: &Window, input: [usize; 2]) -> Result<[usize; 2], String> {
    window
        .output_size(input)
        .ok_or_else(|| format!("{window:?} does not fit a {}×{} input", input[0], input[1]))
}

fn pooled(window: &Window, input: &[usize]) -> Result<Vec<usize>, String> {
    let [batch, channels, height, width] = nchw(input)?;
    let [out_height, out_width] = window_output(window, [height, width])?;
    Ok(vec![batch, channels, out_height, out_width])
}

/// The attributes that a window is written as.
pub(super) fn window_attributes(window: &Window) -> Vec<AttributeProto> {
    vec![
        ints("kernel_shape", &window.kernel.map(signed)),
        ints("strides", &window.stride.map(signed)),
        ints("pads", &window.padding.map(signed)),
    ]
}

/// The 2-D window of a node that reads an image of this shape; `kernel` where the attribute may be left out.
pub(super) fn window(
    attributes: &Attributes<'_>,
    kernel: Option<[usize; 2]>,
    shape: &[usize],
) -> Result<Window, String> {
    let kernel = match sizes::<2>(attributes, "kernel_shape")? {
        Some(explicit) => explicit,
        None => kernel.ok_or("it has no kernel_shape")?,
    };
    if let Some(dilations) = attributes
        .ints("dilations")
        .filter(|all| all.iter().any(|&d| d != 1))
    {
        return Err(format!("dilations is {dilations:?}"));
    }
    let stride = sizes(attributes, "strides")?.unwrap_or([1; 2]);
    let pads = sizes(attributes, "pads")?;
    let padding = match attributes.text("auto_pad").unwrap_or(b"NOTSET") {
        b"NOTSET" => pads.unwrap_or([0; 4]),
        _ if pads.is_some() => return Err("auto_pad and pads are both set".to_owned()),
        b"VALID" => [0; 4],
        b"SAME_UPPER" => same(kernel, stride, shape, false)?,
        b"SAME_LOWER" => same(kernel, stride, shape, true)?,
        other => return Err(format!("auto_pad is {}", String::from_utf8_lossy(other))),
    };
    Ok(Window {
        kernel,
        stride,
        padding,
    })
}

/// The padding with which a window has ⌈size / stride⌉ outputs along both axes; of an odd number the larger half is
/// `before` or after the image (ONNX operator `Conv`, `auto_pad`).
fn same(kernel: [usize; 2], stride: [usize; 2], shape: &[usize], before: bool) -> Result<[usize; 4], String> {
    let [_, _, height, width] = shape[..] else {
        return Err(format!(
            "auto_pad of an input of shape {shape:?}, which is no image"
        ));
    };
    let mut padding = [0; 4];
    for (axis, size) in [height, width].into_iter().enumerate() {
        let last = size.saturating_sub(1).checked_div(stride[axis]);
        let last = last.ok_or("a stride is 0")?;
        let reach = last
            .checked_mul(stride[axis])
            .and_then(|start| start.checked_add(kernel[axis]));
        let total = reach.ok_or("a window is too large")?.saturating_sub(size);
        let (less, more) = (total / 2, total.div_ceil(2));
        [padding[axis], padding[axis + 2]] = if before { [more, less] } else { [less, more] };
    }
    Ok(padding)
}
