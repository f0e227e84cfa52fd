//! MaxPool and AveragePool, and the windows that they share with convolutions.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::lowering::{Lowering, MOST_LOWERED, Place, ReadThrough, TableReader};
use super::operator::{Direct, Import, Meaning, Operator, ensure, single};
use super::row::of_image_or_row;
use super::{Op, volume};
use crate::interval::Unbounded;
use crate::program::{Linear, ProgramError, Step, Value, ValueId};
use crate::tensor::{Tensor, Window};
use crate::wire::node::{Attributes, sizes};
use crate::wire::proto::{int, ints, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "MaxPool",
        read: |node| pool(node, |window, _| Ok(Op::MaxPool2d(MaxPool2d(window)))),
    },
    Import {
        operator: "AveragePool",
        read: |node| {
            let counts_padding = node.attributes().int("count_include_pad").unwrap_or(0) != 0;
            pool(node, |window, is_longer| match window.padding {
                [0, 0, 0, 0] => Ok(Op::AvgPool2d(AvgPool2d(window))),
                _ if is_longer && counts_padding => {
                    Err("its last windows are cut off and count their padding".to_owned())
                }
                _ => Ok(Op::PaddedMean(PaddedMean {
                    window,
                    counts_padding,
                })),
            })
        },
    },
];

/// The greatest of the elements in each window, which the padding has none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxPool2d(pub Window);

/// The mean of the elements in each window, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvgPool2d(pub Window);

/// The mean of the elements in each window, with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaddedMean {
    /// Kernel, stride and padding.
    pub window: Window,
    /// Whether the padding counts as elements that are 0.
    pub counts_padding: bool,
}

impl PaddedMean {
    /// The input of this height and width with its padding: for each position of one channel the element that stands there.
    fn padded(&self, [height, width]: [usize; 2]) -> (Vec<Option<usize>>, [usize; 2]) {
        let [top, left, bottom, right] = self.window.padding;
        let sizes = [height + top + bottom, width + left + right];
        let inside = |at: usize, before: usize, size: usize| at.checked_sub(before).filter(|&at| at < size);
        let places = (0..sizes[0]).flat_map(|row| (0..sizes[1]).map(move |column| (row, column)));
        let origin = |(row, column)| {
            let (row, column) = (inside(row, top, height)?, inside(column, left, width)?);
            Some(row * width + column)
        };
        (places.map(origin).collect(), sizes)
    }

    /// How many elements each mean of one channel is of, row-major, for an input and an output of these heights and widths.
    fn counts(&self, input: [usize; 2], output: [usize; 2]) -> Vec<usize> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let along = |axis: usize| {
            let (first, end) = (padding[axis], padding[axis] + input[axis]);
            let inside = move |at: usize| {
                let start = at * stride[axis];
                (start + kernel[axis]).min(end).saturating_sub(start.max(first))
            };
            let count = move |at: usize| {
                if self.counts_padding {
                    kernel[axis]
                } else {
                    inside(at)
                }
            };
            (0..output[axis]).map(count).collect::<Vec<usize>>()
        };
        let (rows, columns) = (along(0), along(1));
        let row = |row: &usize| columns.iter().map(|column| row * column).collect::<Vec<usize>>();
        rows.iter().flat_map(row).collect()
    }
}

/// The least common multiple of numbers that are not 0, if it is not too large.
fn common_multiple(numbers: &[usize]) -> Option<usize> {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let multiple = |all: usize, &number: &usize| (all / divisor(all, number)).checked_mul(number);
    numbers.iter().try_fold(1_usize, multiple)
}

impl Operator for PaddedMean {
    fn onnx_name(&self) -> &'static str {
        "AveragePool"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        pooled_beside_padding(&self.window, single(inputs)?)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        let mut all = window_attributes(&self.window);
        all.push(int("count_include_pad", self.counts_padding.into()));
        all
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// A sum over an image with zeros around it. Where all means are of as many elements, the divisor goes into the unit; else each
    /// sum is multiplied by a whole number, so that one divisor is left.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let (&[batch, channels, height, width], &[_, _, rows, columns]) =
            (place.inputs[0].shape, &place.shape[..])
        else {
            return Err(place.refused("it is no image"));
        };
        let (padded, sizes) = self.padded([height, width]);
        let map = height * width;
        let of_map = |index: usize| padded.iter().map(move |at| at.map(|at| index * map + at));
        let origins: Vec<Option<usize>> = (0..batch * channels).flat_map(of_map).collect();
        let shape = [batch, channels, sizes[0], sizes[1]];
        let image = lowering.filled(place, input, 0.0, &origins, &shape)?;
        let window = Window {
            padding: [0; 4],
            ..self.window
        };
        let before = lowering.value(image).clone();
        let area = window.kernel[0] * window.kernel[1];
        let interval = before.interval.repeated(area);
        let interval = interval.map_err(|source| place.too_large(source))?;
        let step = Step::SumPool { input: image, window };
        let sums = lowering.push(step, place.result(interval, before.unit));
        let counts = self.counts([height, width], [rows, columns]);
        let divisor = common_multiple(&counts).ok_or_else(|| place.too_large(Unbounded))?;
        let unit = before.unit * divisor as f64;
        if counts.iter().all(|&count| count == divisor) {
            return Ok(lowering.relabelled(sums, &place.shape, unit));
        }
        let factors: Vec<f64> = counts.iter().map(|count| (divisor / count) as f64).collect();
        let factors = lowering.constant(place, &factors, &[rows, columns], 1.0)?;
        let factors = lowering.spread(factors, &[rows, columns], &place.shape);
        let means = lowering.product(place, sums, factors)?;
        Ok(lowering.relabelled(means, &place.shape, unit))
    }
}

impl Operator for MaxPool2d {
    fn onnx_name(&self) -> &'static str {
        "MaxPool"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let taps = self.0.kernel[0].saturating_mul(self.0.kernel[1]);
        ensure(taps <= MOST_TAPS, || {
            format!("a window has {taps} elements, and {MOST_TAPS} are the most")
        })?;
        pooled_beside_padding(&self.0, single(inputs)?)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        let mut all = window_attributes(&self.0);
        all.push(ints("dilations", &[1, 1]));
        all
    }

    /// Maxima look differences up: they bound the values that they read, where something bounds the maximum.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        let onwards = read.onwards;
        Some(TableReader {
            guarded: !self.0.reads_whole(read.shape) || onwards.is_none_or(|reader| reader.guarded),
            power_of_two: onwards.is_some_and(|reader| reader.power_of_two),
            ..TableReader::whole(read.limit / 2)
        })
    }

    fn direct(&self) -> Direct<'_> {
        Direct::MaxPool(self.0)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let input = lowering.within_table(place, input, TableReader::guarded(lowering.table_limit() / 2))?;
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

    fn states_bounds(&self) -> bool {
        true
    }

    /// A sum, whose divisor goes into the unit.
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let (input, window) = (place.value(lowering, 0)?, self.0);
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
            is_whole: false,
        };
        Ok(lowering.push(Step::SumPool { input, window }, value))
    }
}

/// `op` is told whether the padding is longer than the node says, for `ceil_mode`.
fn pool(node: &Reading<'_>, op: impl Fn(Window, bool) -> Result<Op, String>) -> Result<Meaning, String> {
    let read = |attributes: &Attributes<'_>, shape: &[usize]| {
        let window = window(attributes, None, shape)?;
        if attributes.int("ceil_mode").unwrap_or(0) == 0 {
            return op(window, false);
        }
        let [_, _, height, width] = nchw(shape)?;
        let longer = Window {
            padding: with_last(&window, [height, width])?,
            ..window
        };
        op(longer, longer.padding != window.padding)
    };
    if node.shape(0)?.is_some_and(|shape| shape.len() == volume::AXES) {
        return volume::pooled(node, read);
    }
    of_image_or_row(node, read)
}

/// The padding with which a last window that is cut off is a whole one (ONNX operator `MaxPool`, `ceil_mode`); none is added for one that
/// would begin in the padding at the end.
fn with_last(window: &Window, input: [usize; 2]) -> Result<[usize; 4], String> {
    let mut padding = window.padding;
    for (axis, size) in input.into_iter().enumerate() {
        let (kernel, stride) = (window.kernel[axis], window.stride[axis]);
        let (before, after) = (padding[axis], padding[axis + 2]);
        let unfit = || format!("{window:?} does not fit an input of {size}");
        let begins = before.checked_add(size).ok_or_else(unfit)?;
        let all = begins.checked_add(after).ok_or_else(unfit)?;
        let room = all.checked_sub(kernel).ok_or_else(unfit)?;
        let last = room.checked_next_multiple_of(stride).ok_or_else(unfit)?;
        if last < begins {
            let end = last.checked_add(kernel).ok_or_else(unfit)?;
            padding[axis + 2] = after + end.saturating_sub(all);
        }
    }
    Ok(padding)
}

/// The most elements of a window whose greatest is taken: each is a node of the circuit.
const MOST_TAPS: usize = 1 << 14;

/// The sizes of an image.
pub(super) fn nchw(shape: &[usize]) -> Result<[usize; 4], String> {
    shape
        .try_into()
        .map_err(|_| format!("input of shape {shape:?}, must be N×C×H×W"))
}

/// Height and width of what a window makes of an image of these. What all windows read together, padding too, is bounded.
pub(super) fn window_output(window: &Window, input: [usize; 2]) -> Result<[usize; 2], String> {
    let output = window
        .output_size(input)
        .ok_or_else(|| format!("{window:?} does not fit a {}×{} input", input[0], input[1]))?;
    ensure_read(window.kernel, output)?;
    Ok(output)
}

/// Fails where all windows of one channel together read more than is lowered, padding too.
pub(super) fn ensure_read(kernel: [usize; 2], output: [usize; 2]) -> Result<(), String> {
    let sizes = kernel.into_iter().chain(output);
    let read = sizes.fold(1_usize, usize::saturating_mul);
    ensure(read <= MOST_LOWERED, || {
        format!("the windows of one channel read {read} elements, and {MOST_LOWERED} are the most")
    })
}

/// [`pooled`], where no window reads nothing but padding: that would have no mean and no greatest element.
fn pooled_beside_padding(window: &Window, input: &[usize]) -> Result<Vec<usize>, String> {
    let reads = (0..4).all(|side| window.padding[side] < window.kernel[side % 2]);
    ensure(reads, || {
        format!(
            "padding {:?}, must be below the kernel {:?}",
            window.padding, window.kernel
        )
    })?;
    pooled(window, input)
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

/// The 2-D window of a node that reads an image of this shape, without dilations; `kernel` where the attribute may be left out.
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
    window_of(attributes, kernel, shape)
}

/// A window with this kernel, dilated already, of a node that reads an image of this shape.
pub(super) fn window_of(
    attributes: &Attributes<'_>,
    kernel: [usize; 2],
    shape: &[usize],
) -> Result<Window, String> {
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

/// Filters with zeros between their elements, as a node's dilations have it, and their kernel: what they compute is the same.
pub(super) fn dilated(
    attributes: &Attributes<'_>,
    weight: Tensor,
    kernel: [usize; 2],
) -> Result<(Tensor, [usize; 2]), String> {
    if let Some(explicit) = sizes::<2>(attributes, "kernel_shape")?.filter(|explicit| *explicit != kernel) {
        return Err(format!(
            "kernel_shape is {explicit:?}, and its weight has {kernel:?}"
        ));
    }
    let dilations = sizes::<2>(attributes, "dilations")?.unwrap_or([1; 2]);
    if dilations == [1; 2] {
        return Ok((weight, kernel));
    }
    let along = |axis: usize| {
        let between = kernel[axis].checked_sub(1)?.checked_mul(dilations[axis])?;
        between.checked_add(1).filter(|_| dilations[axis] > 0)
    };
    let unfit = || format!("dilations is {dilations:?} of a kernel of {kernel:?}");
    let [height, width] = [along(0).ok_or_else(unfit)?, along(1).ok_or_else(unfit)?];
    let filters = weight.len() / (kernel[0] * kernel[1]).max(1);
    let elements = filters.checked_mul(height).and_then(|all| all.checked_mul(width));
    let elements = elements.filter(|&all| all <= MOST_LOWERED).ok_or_else(unfit)?;
    let mut data = vec![0.0; elements];
    for (at, &x) in weight.data.iter().enumerate() {
        let (filter, inside) = (at / (kernel[0] * kernel[1]), at % (kernel[0] * kernel[1]));
        let (row, column) = (
            inside / kernel[1] * dilations[0],
            inside % kernel[1] * dilations[1],
        );
        data[(filter * height + row) * width + column] = x;
    }
    let shape = [&weight.shape[..2], &[height, width]].concat();
    Ok((Tensor::new(shape, data), [height, width]))
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
