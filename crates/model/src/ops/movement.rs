//! Operators that move elements and compute none: each element of the result is one of the input's, or what a padding is filled with.
//!
//! In a circuit the cells are the same ones. What is read of the input is a list of positions.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{AttributeProto, TensorProto};

use super::broadcast::{broadcast, indices, positions, strides};
use super::lowering::{Lowering, MOST_LOWERED, Place, ReadThrough, TableReader};
use super::operator::{Composition, Elements, Import, Meaning, Operator, Part, ensure, single};
use super::selection;
use super::shape::Reshape;
use super::{Concat, Op};
use crate::program::{Operand, Order, ProgramError, Step, Value, ValueId};
use crate::tensor::elements;
use crate::wire::constant::Constant;
use crate::wire::node::{axis, size};
use crate::wire::proto::{self, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Transpose",
        read: transpose,
    },
    Import {
        operator: "Slice",
        read: slice,
    },
    Import {
        operator: "Split",
        read: split,
    },
    Import {
        operator: "Gather",
        read: gather,
    },
    Import {
        operator: "GatherElements",
        read: gather_elements,
    },
    Import {
        operator: "GatherND",
        read: gather_parts,
    },
    Import {
        operator: "Scatter",
        read: scatter_elements,
    },
    Import {
        operator: "ScatterElements",
        read: scatter_elements,
    },
    Import {
        operator: "ScatterND",
        read: scatter_parts,
    },
    Import {
        operator: "Pad",
        read: pad,
    },
    Import {
        operator: "Expand",
        read: |node| {
            let shape = sizes(node, 1)?;
            Meaning::unary(Op::Movement(Movement::Expand { shape }), node)
        },
    },
    Import {
        operator: "Tile",
        read: |node| {
            let repeats = sizes(node, 1)?;
            Meaning::unary(Op::Movement(Movement::Tile { repeats }), node)
        },
    },
    Import {
        operator: "Squeeze",
        read: squeeze,
    },
    Import {
        operator: "Unsqueeze",
        read: unsqueeze,
    },
    Import {
        operator: "DepthToSpace",
        read: depth_to_space,
    },
    Import {
        operator: "SpaceToDepth",
        read: |node| {
            let block = size(node.attributes().int("blocksize").ok_or("it has no blocksize")?)?;
            let mode = node.attributes().text("mode").unwrap_or(b"DCR");
            ensure(mode == b"DCR", || {
                format!("mode is {}", String::from_utf8_lossy(mode))
            })?;
            Meaning::unary(Op::Movement(Movement::SpaceToDepth { block }), node)
        },
    },
];

/// Where elements go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Movement {
    /// ONNX `Transpose`: the axes in another order.
    Transpose {
        /// For each axis of the result, the input's.
        permutation: Vec<usize>,
    },
    /// ONNX `Slice`.
    Slice(Vec<Cut>),
    /// ONNX `Gather` at constant positions.
    Gather {
        /// The axis.
        axis: usize,
        /// Positions along it, row-major.
        indices: Vec<usize>,
        /// Sizes of the list of positions, which stand in the axis's place.
        shape: Vec<usize>,
    },
    /// ONNX `Pad`; a negative number of elements leaves as many out.
    Pad {
        /// How many elements stand before the input's along each axis.
        before: Vec<i64>,
        /// And after.
        after: Vec<i64>,
        /// What they are.
        filling: Filling,
    },
    /// ONNX `Expand`.
    Expand {
        /// What the input's shape is broadcast with.
        shape: Vec<usize>,
    },
    /// ONNX `Tile`.
    Tile {
        /// How often the input stands along each axis.
        repeats: Vec<usize>,
    },
    /// ONNX `DepthToSpace`.
    DepthToSpace {
        /// Rows and columns that one channel becomes.
        block: usize,
        /// Whether a channel's place in the block is its last axis (mode CRD) and not its first (DCR).
        column_row_depth: bool,
    },
    /// ONNX `SpaceToDepth`.
    SpaceToDepth {
        /// Rows and columns that become channels.
        block: usize,
    },
}

/// A part of an axis, as ONNX's `Slice` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The axis.
    pub axis: usize,
    /// The first position; negative ones count from the end.
    pub start: i64,
    /// The first that is not read any more.
    pub end: i64,
    /// From one to the next; not 0.
    pub step: i64,
}

impl Cut {
    /// The first position that is read of an axis of this size, and how many are.
    fn range(self, size: usize) -> (i128, usize) {
        let size = i128::from(signed(size));
        let from_start = |at: i64| {
            let at = i128::from(at);
            if at < 0 { at + size } else { at }
        };
        let (start, end) = (from_start(self.start), from_start(self.end));
        if size == 0 {
            return (0, 0);
        }
        // Of the last to the first, the first that is read is an element in any case.
        let (start, end) = if self.step > 0 {
            (start.clamp(0, size), end.clamp(0, size))
        } else {
            (start.clamp(0, size - 1), end.clamp(-1, size - 1))
        };
        let distance = if self.step > 0 { end - start } else { start - end };
        let step = i128::from(self.step).unsigned_abs();
        (start, distance.max(0).unsigned_abs().div_ceil(step) as usize)
    }

    /// What is read of an axis of this size.
    pub(crate) fn positions(self, size: usize) -> Vec<usize> {
        let (start, count) = self.range(size);
        let position = |at: usize| start + at as i128 * i128::from(self.step);
        (0..count).map(|at| position(at) as usize).collect()
    }
}

/// What a padding is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Filling {
    /// A number.
    Number(f32),
    /// The elements seen in a mirror at the first and the last, which do not stand twice.
    Reflected,
    /// The first and the last element.
    Edge,
    /// The elements from the other end.
    Wrapped,
}

impl Filling {
    /// The position in an axis of this size of what stands at a place that may lie outside.
    fn position(self, at: i64, size: i64) -> Option<usize> {
        if (0..size).contains(&at) {
            return Some(at as usize);
        }
        Some(match self {
            Self::Number(_) => return None,
            Self::Edge => at.clamp(0, size - 1) as usize,
            Self::Wrapped => at.rem_euclid(size) as usize,
            Self::Reflected => {
                let period = (2 * (size - 1)).max(1);
                let at = at.rem_euclid(period);
                at.min(period - at).min(size - 1) as usize
            }
        })
    }
}

/// For each element of a result, the input's that it is; none where it is filled.
type Origins = Vec<Option<usize>>;

impl Movement {
    /// Where the elements of the result of this shape come from, in an input of that shape.
    fn origins(&self, input: &[usize], output: &[usize]) -> Origins {
        let steps = strides(input);
        let at = |index: &[usize]| {
            index
                .iter()
                .zip(&steps)
                .map(|(at, step)| at * step)
                .sum::<usize>()
        };
        match self {
            Self::Transpose { permutation } => {
                let steps: Vec<usize> = permutation.iter().map(|&axis| steps[axis]).collect();
                let origin = |index: Vec<usize>| index.iter().zip(&steps).map(|(at, step)| at * step).sum();
                indices(output).map(origin).map(Some).collect()
            }
            Self::Slice(cuts) => {
                let mut along: Vec<Vec<usize>> = input.iter().map(|&size| (0..size).collect()).collect();
                for cut in cuts {
                    along[cut.axis] = cut.positions(input[cut.axis]);
                }
                let origin = |index: Vec<usize>| {
                    let read: Vec<usize> = index.iter().zip(&along).map(|(&at, along)| along[at]).collect();
                    Some(at(&read))
                };
                indices(output).map(origin).collect()
            }
            Self::Gather {
                axis,
                indices: picked,
                shape,
            } => {
                let places = strides(shape);
                let after = axis + shape.len();
                let origin = |index: Vec<usize>| {
                    let place = index[*axis..after].iter().zip(&places);
                    let place: usize = place.map(|(at, step)| at * step).sum();
                    let read = [&index[..*axis], &[picked[place]], &index[after..]].concat();
                    Some(at(&read))
                };
                indices(output).map(origin).collect()
            }
            Self::Pad { before, filling, .. } => {
                let origin = |index: Vec<usize>| {
                    let axes = index.iter().zip(before).zip(input);
                    let read = axes
                        .map(|((&at, &before), &size)| filling.position(signed(at) - before, signed(size)));
                    read.collect::<Option<Vec<usize>>>().map(|read| at(&read))
                };
                indices(output).map(origin).collect()
            }
            Self::Expand { .. } => positions(input, output).into_iter().map(Some).collect(),
            Self::Tile { .. } => {
                let origin = |index: Vec<usize>| {
                    let read: Vec<usize> = index.iter().zip(input).map(|(at, size)| at % size).collect();
                    Some(at(&read))
                };
                indices(output).map(origin).collect()
            }
            Self::DepthToSpace {
                block,
                column_row_depth,
            } => {
                let (block, channels) = (*block, output[1]);
                let origin = |index: Vec<usize>| {
                    let [batch, channel, row, column] = index[..] else {
                        unreachable!("an image has four axes");
                    };
                    let inside = row % block * block + column % block;
                    let channel = if *column_row_depth {
                        channel * block * block + inside
                    } else {
                        inside * channels + channel
                    };
                    Some(at(&[batch, channel, row / block, column / block]))
                };
                indices(output).map(origin).collect()
            }
            Self::SpaceToDepth { block } => {
                let (block, channels) = (*block, input[1]);
                let origin = |index: Vec<usize>| {
                    let [batch, channel, row, column] = index[..] else {
                        unreachable!("an image has four axes");
                    };
                    let (inside, channel) = (channel / channels, channel % channels);
                    let row = row * block + inside / block;
                    Some(at(&[batch, channel, row, column * block + inside % block]))
                };
                indices(output).map(origin).collect()
            }
        }
    }

    fn padded(
        before: &[i64],
        after: &[i64],
        filling: Filling,
        input: &[usize],
    ) -> Result<Vec<usize>, String> {
        ensure(before.len() == input.len() && after.len() == input.len(), || {
            format!(
                "{} pads for an input of shape {input:?}",
                before.len() + after.len()
            )
        })?;
        let axes = input.iter().zip(before.iter().zip(after));
        axes.map(|(&size, (&before, &after))| {
            // It is cropped before it is padded, and what is cropped fills nothing.
            let inside = signed(size).saturating_add(before.min(0).saturating_add(after.min(0)));
            let fits = match filling {
                Filling::Number(_) => inside >= 0,
                Filling::Reflected => before.max(after) < inside,
                Filling::Edge | Filling::Wrapped => inside > 0,
            };
            let padded = inside
                .checked_add(before.max(0))
                .and_then(|padded| padded.checked_add(after.max(0)))
                .filter(|&padded| fits && padded > 0)
                .ok_or_else(|| format!("pads {before} and {after} of an axis of {size}"))?;
            Ok(padded as usize)
        })
        .collect()
    }
}

/// The sizes of an image whose channels, or rows and columns, come in blocks.
fn in_blocks(input: &[usize], block: usize) -> Result<[usize; 4], String> {
    let sizes: Option<[usize; 4]> = input.try_into().ok();
    sizes
        .filter(|_| block > 0)
        .ok_or_else(|| format!("blocks of {block} of an input of shape {input:?}"))
}

impl Operator for Movement {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Transpose { .. } => "Transpose",
            Self::Slice(_) => "Slice",
            Self::Gather { .. } => "Gather",
            Self::Pad { .. } => "Pad",
            Self::Expand { .. } => "Expand",
            Self::Tile { .. } => "Tile",
            Self::DepthToSpace { .. } => "DepthToSpace",
            Self::SpaceToDepth { .. } => "SpaceToDepth",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let unfit = || format!("{self:?} of an input of shape {input:?}");
        match self {
            Self::Transpose { permutation } => {
                let mut sorted = permutation.clone();
                sorted.sort_unstable();
                ensure(sorted.iter().copied().eq(0..input.len()), unfit)?;
                Ok(permutation.iter().map(|&axis| input[axis]).collect())
            }
            Self::Slice(cuts) => {
                let mut shape = input.to_vec();
                for cut in cuts {
                    ensure(cut.axis < shape.len() && cut.step != 0, unfit)?;
                    shape[cut.axis] = cut.range(input[cut.axis]).1;
                }
                Ok(shape)
            }
            Self::Gather { axis, indices, shape } => {
                let size = *input.get(*axis).ok_or_else(unfit)?;
                let fits = shape.iter().product::<usize>() == indices.len()
                    && indices.iter().all(|&index| index < size);
                ensure(fits, unfit)?;
                Ok([&input[..*axis], shape, &input[axis + 1..]].concat())
            }
            Self::Pad {
                before,
                after,
                filling,
            } => Self::padded(before, after, *filling, input),
            Self::Expand { shape } => broadcast(input, shape).ok_or_else(unfit),
            Self::Tile { repeats } => {
                ensure(repeats.len() == input.len(), unfit)?;
                let sizes = input.iter().zip(repeats);
                Ok(sizes
                    .map(|(size, repeats)| size.saturating_mul(*repeats))
                    .collect())
            }
            Self::DepthToSpace { block, .. } => {
                let [batch, channels, height, width] = in_blocks(input, *block)?;
                let square = block.checked_mul(*block).ok_or_else(unfit)?;
                ensure(channels.is_multiple_of(square), unfit)?;
                Ok(vec![batch, channels / square, height * block, width * block])
            }
            Self::SpaceToDepth { block } => {
                let [batch, channels, height, width] = in_blocks(input, *block)?;
                ensure(
                    height.is_multiple_of(*block) && width.is_multiple_of(*block),
                    unfit,
                )?;
                Ok(vec![
                    batch,
                    channels * block * block,
                    height / block,
                    width / block,
                ])
            }
        }
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        match self {
            Self::Transpose { permutation } => {
                let permutation: Vec<i64> = permutation.iter().copied().map(signed).collect();
                vec![proto::ints("perm", &permutation)]
            }
            Self::Gather { axis, .. } => vec![proto::int("axis", signed(*axis))],
            Self::Pad { filling, .. } => {
                let mode = match filling {
                    Filling::Number(_) => "constant",
                    Filling::Reflected => "reflect",
                    Filling::Edge => "edge",
                    Filling::Wrapped => "wrap",
                };
                vec![proto::text("mode", mode)]
            }
            Self::DepthToSpace {
                block,
                column_row_depth,
            } => {
                let mode = if *column_row_depth { "CRD" } else { "DCR" };
                vec![proto::int("blocksize", signed(*block)), proto::text("mode", mode)]
            }
            Self::SpaceToDepth { block } => vec![proto::int("blocksize", signed(*block))],
            Self::Slice(_) | Self::Expand { .. } | Self::Tile { .. } => Vec::new(),
        }
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        let list = |name: &str, numbers: Vec<i64>| proto::whole(format!("{node}.{name}"), None, &numbers);
        match self {
            Self::Slice(cuts) => {
                let of = |number: fn(&Cut) -> i64| cuts.iter().map(number).collect::<Vec<i64>>();
                vec![
                    list("starts", of(|cut| cut.start)),
                    list("ends", of(|cut| cut.end)),
                    list("axes", of(|cut| signed(cut.axis))),
                    list("steps", of(|cut| cut.step)),
                ]
            }
            Self::Gather { indices, shape, .. } => {
                let indices: Vec<i64> = indices.iter().copied().map(signed).collect();
                vec![proto::whole(format!("{node}.indices"), Some(shape), &indices)]
            }
            Self::Pad {
                before,
                after,
                filling,
            } => {
                let mut all = vec![list("pads", [&before[..], after].concat())];
                if let Filling::Number(number) = filling {
                    all.push(proto::floats(format!("{node}.value"), &[], &[*number]));
                }
                all
            }
            Self::Expand { shape } => vec![proto::sizes(format!("{node}.shape"), shape)],
            Self::Tile { repeats } => vec![proto::sizes(format!("{node}.repeats"), repeats)],
            Self::Transpose { .. } | Self::DepthToSpace { .. } | Self::SpaceToDepth { .. } => Vec::new(),
        }
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        match self {
            // What it fills with is a float.
            Self::Pad {
                filling: Filling::Number(_),
                ..
            } => (vec![Elements::Floats], Elements::Floats),
            Self::Transpose { .. }
            | Self::Slice(_)
            | Self::Gather { .. }
            | Self::Pad { .. }
            | Self::Expand { .. }
            | Self::Tile { .. }
            | Self::DepthToSpace { .. }
            | Self::SpaceToDepth { .. } => Elements::side_by_side(given),
        }
    }

    /// Where every element of the input is in the result, a look-up of all of the result is one of all of the input; unless what stands
    /// beside it is larger, so that what is looked up is rounded once more.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        if matches!(self, Self::Pad { filling: Filling::Number(number), .. } if number.abs() > 0.0) {
            return None;
        }
        let output = self.shape(&[read.shape]).ok()?;
        if [read.shape, &output]
            .map(elements)
            .into_iter()
            .any(|size| size.is_none_or(|size| size > MOST_LOWERED))
        {
            return None;
        }
        let mut is_read = vec![false; read.shape.iter().product()];
        for origin in self.origins(read.shape, &output).into_iter().flatten() {
            is_read[origin] = true;
        }
        if is_read.into_iter().all(|is_read| is_read) {
            read.onwards
        } else {
            None
        }
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let value = place.value(lowering, 0)?;
        let input = place.inputs[0].shape;
        let origins = self.origins(input, &place.shape);
        let number = match self {
            Self::Pad {
                filling: Filling::Number(number),
                ..
            } if origins.contains(&None) => *number,
            _ => {
                let all = origins.into_iter().flatten().collect();
                return Ok(lowering.picked(value, all, &place.shape));
            }
        };
        lowering.filled(place, value, number, &origins, &place.shape)
    }
}

impl Lowering {
    /// A value's elements at these positions, and a number where there is none.
    pub(super) fn filled(
        &mut self,
        place: &Place<'_>,
        value: ValueId,
        number: f32,
        origins: &[Option<usize>],
        shape: &[usize],
    ) -> Result<ValueId, ProgramError> {
        let is_held = (f64::from(number) * self.value(value).unit).fract() == 0.0;
        let value = if is_held {
            value
        } else {
            self.refined(place, value)?
        };
        let before = self.value(value).clone();
        let filling = self.constant(place, &[f64::from(number)], &[1, 1], before.unit)?;
        let filler: usize = before.shape.iter().product();
        let result = Value {
            shape: shape.to_vec(),
            interval: before.interval.hull(self.value(filling).interval),
            is_whole: before.is_whole && self.value(filling).is_whole,
            ..before
        };
        let picked = origins.iter().map(|origin| origin.unwrap_or(filler));
        let step = Step::Rearrange {
            operands: [value, filling].map(|value| Operand { value, shift: 0 }).to_vec(),
            order: Order::Picked(picked.collect()),
        };
        Ok(self.push(step, result))
    }
}

impl Composition {
    /// A part of an axis of a value.
    pub(super) fn cut(&mut self, value: Part, axis: usize, part: Range<usize>) -> Result<Part, String> {
        let cut = Cut {
            axis,
            start: signed(part.start),
            end: signed(part.end),
            step: 1,
        };
        self.apply(Op::Movement(Movement::Slice(vec![cut])), &[value])
    }

    /// A value with its axes in another order.
    pub(super) fn transposed(&mut self, value: Part, permutation: &[usize]) -> Result<Part, String> {
        if permutation.is_sorted() {
            return Ok(value);
        }
        let permutation = permutation.to_vec();
        self.apply(Op::Movement(Movement::Transpose { permutation }), &[value])
    }
}

/// A constant list of whole numbers.
pub(super) fn whole(node: &Reading<'_>, position: usize) -> Result<Vec<i64>, String> {
    match node.constant(position)? {
        Constant::Ints(integers) => Ok(integers.data.clone()),
        Constant::Floats(_) => Err(format!("input {position} is a constant of floats")),
    }
}

/// A constant list of sizes.
fn sizes(node: &Reading<'_>, position: usize) -> Result<Vec<usize>, String> {
    whole(node, position)?.into_iter().map(size).collect()
}

/// Axes as an attribute, as older operator sets have them, or as an input; none where neither is there.
pub(super) fn axes_of(
    node: &Reading<'_>,
    position: usize,
    rank: usize,
) -> Result<Option<Vec<usize>>, String> {
    let all = match node.attributes().ints("axes") {
        Some(axes) => axes.to_vec(),
        None if node.argument(position).is_ok() => whole(node, position)?,
        None => return Ok(None),
    };
    all.into_iter()
        .map(|at| axis(at, rank))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn transpose(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let permutation = match node.attributes().ints("perm") {
        Some(axes) => axes.iter().map(|&axis| size(axis)).collect::<Result<_, _>>()?,
        None => (0..shape.len()).rev().collect(),
    };
    Meaning::unary(Op::Movement(Movement::Transpose { permutation }), node)
}

fn slice(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let list = |name: &str, position: usize| match attributes.ints(name) {
        Some(numbers) => Ok(numbers.to_vec()),
        None => whole(node, position),
    };
    let (starts, ends) = (list("starts", 1)?, list("ends", 2)?);
    let axes = axes_of(node, 3, shape.len())?.unwrap_or_else(|| (0..starts.len()).collect());
    let steps = match node.argument(4) {
        Ok(position) => whole(node, position)?,
        Err(_) => vec![1; starts.len()],
    };
    ensure([ends.len(), axes.len(), steps.len()] == [starts.len(); 3], || {
        "its lists have different lengths".to_owned()
    })?;
    let cuts = starts.iter().zip(&ends).zip(axes.iter().zip(&steps));
    let cuts = cuts.map(|((&start, &end), (&axis, &step))| Cut {
        axis,
        start,
        end,
        step,
    });
    Meaning::unary(Op::Movement(Movement::Slice(cuts.collect())), node)
}

fn split(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let outputs = node.node().output.len();
    let along = axis(node.attributes().int("axis").unwrap_or(0), shape.len())?;
    let given = match node.attributes().ints("split") {
        Some(numbers) => Some(numbers.to_vec()),
        None if node.argument(1).is_ok() => Some(whole(node, 1)?),
        None => None,
    };
    let total = shape[along];
    let parts: Vec<usize> = match given {
        Some(parts) => parts.into_iter().map(size).collect::<Result<_, _>>()?,
        None => {
            // All as large as the first, and the last with what is left.
            let part = total.div_ceil(outputs.max(1));
            (0..outputs)
                .map(|at| part.min(total.saturating_sub(at * part)))
                .collect()
        }
    };
    let sum = parts.iter().try_fold(0_usize, |sum, &part| sum.checked_add(part));
    ensure(parts.len() == outputs && sum == Some(total), || {
        format!("parts of {parts:?} of an axis of {total} for {outputs} outputs")
    })?;
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let mut start = 0;
    let mut outputs = Vec::new();
    for part in parts {
        outputs.push(net.cut(Part::Input(0), along, start..start + part)?);
        start += part;
    }
    Ok(net.giving(outputs))
}

fn gather(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let along = axis(node.attributes().int("axis").unwrap_or(0), shape.len())?;
    let positions = match node.constant(1) {
        Ok(Constant::Ints(positions)) => positions,
        Ok(Constant::Floats(_)) => return Err("its positions are not integers".to_owned()),
        Err(_) => return selection::gather(node, along),
    };
    let indices = positions.data.iter().map(|&at| axis(at, shape[along]));
    let op = Movement::Gather {
        axis: along,
        indices: indices.collect::<Result<_, _>>()?,
        shape: positions.shape.clone(),
    };
    Meaning::unary(Op::Movement(op), node)
}

/// Elements at these positions among all, in a shape of as many parts; each is of `len` elements.
fn picked(node: &Reading<'_>, positions: Vec<usize>, len: usize, shape: &[usize]) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let all: usize = net.shape(Part::Input(0))?.iter().product();
    let parts = net.reshaped(Part::Input(0), &[all / len, len])?;
    let op = Movement::Gather {
        axis: 0,
        shape: vec![positions.len()],
        indices: positions,
    };
    let picked = net.apply(Op::Movement(op), &[parts])?;
    let result = net.reshaped(picked, shape)?;
    Ok(net.giving(vec![result]))
}

/// Each element with the position along one axis that stands in its place.
fn gather_elements(node: &Reading<'_>) -> Result<Meaning, String> {
    let (Some(shape), Some(given)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(Meaning::Unknown);
    };
    let along = axis(node.attributes().int("axis").unwrap_or(0), shape.len())?;
    match node.constant(1) {
        Ok(Constant::Ints(places)) => {
            let places = places_along(shape, given, &places.data, along)?;
            picked(node, places, 1, given)
        }
        Ok(Constant::Floats(_)) => Err("its positions are not integers".to_owned()),
        Err(_) => selection::gather_elements(node, along),
    }
}

/// Parts of the input, each at a list of positions along its first axes.
fn gather_parts(node: &Reading<'_>) -> Result<Meaning, String> {
    let (Some(shape), Some(given)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(Meaning::Unknown);
    };
    node.attributes().expect_int("batch_dims", 0)?;
    match node.constant(1) {
        Ok(Constant::Ints(lists)) => {
            let Parts { outer, part, places } = places_of_parts(shape, given, &lists.data)?;
            picked(node, places, part.iter().product(), &[outer, part].concat())
        }
        Ok(Constant::Floats(_)) => Err("its positions are not integers".to_owned()),
        Err(_) => selection::gather_parts(node),
    }
}

/// The input with other elements at some places along one axis.
fn scatter_elements(node: &Reading<'_>) -> Result<Meaning, String> {
    let (Some(shape), Some(given)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(Meaning::Unknown);
    };
    expect_replacing(node)?;
    let along = axis(node.attributes().int("axis").unwrap_or(0), shape.len())?;
    match node.constant(1) {
        Ok(Constant::Ints(places)) => replaced(node, &places_along(shape, given, &places.data, along)?),
        Ok(Constant::Floats(_)) => Err("its positions are not integers".to_owned()),
        Err(_) => selection::scatter_elements(node, along),
    }
}

/// The input with other parts at lists of positions along its first axes.
fn scatter_parts(node: &Reading<'_>) -> Result<Meaning, String> {
    let (Some(shape), Some(given)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(Meaning::Unknown);
    };
    expect_replacing(node)?;
    match node.constant(1) {
        Ok(Constant::Ints(lists)) => replaced(node, &places_of_parts(shape, given, &lists.data)?.elements()),
        Ok(Constant::Floats(_)) => Err("its positions are not integers".to_owned()),
        Err(_) => selection::scatter_parts(node),
    }
}

/// Fails where what is scattered is added to what is there, or the like.
pub(crate) fn expect_replacing(node: &Reading<'_>) -> Result<(), String> {
    match node.attributes().text("reduction").unwrap_or(b"none") {
        b"none" => Ok(()),
        other => Err(format!("reduction is {}", String::from_utf8_lossy(other))),
    }
}

/// The first input's elements, with those of the third at these places, one after the other.
fn replaced(node: &Reading<'_>, places: &[usize]) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let (data, updates) = (Part::Input(0), Part::Input(2));
    let shape = net.shape(data)?.to_vec();
    let (before, after): (usize, usize) = (shape.iter().product(), net.shape(updates)?.iter().product());
    ensure(after == places.len(), || {
        format!("{after} updates at {} places", places.len())
    })?;
    let data = net.reshaped(data, &[before])?;
    let updates = net.reshaped(updates, &[after])?;
    let all = net.apply(Op::Concat(Concat { axis: 0 }), &[data, updates])?;
    let op = Movement::Gather {
        axis: 0,
        shape: vec![before],
        indices: origins(before, places),
    };
    let result = net.apply(Op::Movement(op), &[all])?;
    let result = net.reshaped(result, &shape)?;
    Ok(net.giving(vec![result]))
}

/// Of so many elements, followed by others that replace those at these places one after the other, which stand where in the end.
pub(crate) fn origins(len: usize, places: &[usize]) -> Vec<usize> {
    let mut origins: Vec<usize> = (0..len).collect();
    for (update, &place) in places.iter().enumerate() {
        origins[place] = len + update;
    }
    origins
}

/// The places of a tensor's elements that positions along one axis name, one for each element of a tensor of positions.
pub(crate) fn places_along(
    shape: &[usize],
    given: &[usize],
    positions: &[i64],
    along: usize,
) -> Result<Vec<usize>, String> {
    ensure_along(shape, given, along)?;
    let steps = strides(shape);
    let places = indices(given).zip(positions).map(|(mut index, &at)| {
        index[along] = axis(at, shape[along])?;
        Ok(index.iter().zip(&steps).map(|(at, step)| at * step).sum())
    });
    places.collect()
}

/// Fails where positions along an axis are of another shape than what they are of.
pub(super) fn ensure_along(shape: &[usize], given: &[usize], along: usize) -> Result<(), String> {
    let mut others = (0..shape.len()).filter(|&at| at != along);
    let fits = given.len() == shape.len() && others.all(|at| given[at] <= shape[at]);
    ensure(fits, || {
        format!("positions of shape {given:?} of an input of shape {shape:?}")
    })
}

/// Parts of a tensor that lists of positions along its first axes name.
pub(crate) struct Parts<'a> {
    /// Sizes of the list of lists.
    pub(crate) outer: &'a [usize],
    /// Sizes of each part.
    pub(crate) part: &'a [usize],
    /// Which part each list names.
    pub(crate) places: Vec<usize>,
}

impl Parts<'_> {
    /// The places of all elements of the parts.
    pub(crate) fn elements(&self) -> Vec<usize> {
        let len: usize = self.part.iter().product();
        let places = self.places.iter();
        places.flat_map(|&place| place * len..(place + 1) * len).collect()
    }
}

/// How many positions each of a tensor of lists has, and the sizes of what is left.
pub(super) fn lists_of<'a>(
    shape: &'a [usize],
    given: &'a [usize],
) -> Result<(usize, &'a [usize], &'a [usize]), String> {
    let Some((&count, outer)) = given.split_last() else {
        return Err("its positions are one number".to_owned());
    };
    ensure((1..=shape.len()).contains(&count), || {
        format!("lists of {count} positions of an input of shape {shape:?}")
    })?;
    Ok((count, outer, &shape[count..]))
}

/// The parts that lists of positions name.
pub(crate) fn places_of_parts<'a>(
    shape: &'a [usize],
    given: &'a [usize],
    positions: &[i64],
) -> Result<Parts<'a>, String> {
    let (count, outer, part) = lists_of(shape, given)?;
    let steps = strides(&shape[..count]);
    let places = positions.chunks(count).map(|list| {
        let along = list.iter().zip(shape).zip(&steps);
        let along = along.map(|((&at, &size), step)| Ok(axis(at, size)? * step));
        along.sum::<Result<usize, String>>()
    });
    Ok(Parts {
        outer,
        part,
        places: places.collect::<Result<_, _>>()?,
    })
}

fn pad(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let rank = shape.len();
    let pads = match attributes.ints("pads") {
        Some(pads) => pads.to_vec(),
        None => whole(node, 1)?,
    };
    let axes = axes_of(node, 3, rank)?.unwrap_or_else(|| (0..rank).collect());
    ensure(pads.len() == 2 * axes.len(), || {
        format!("it has {} pads for {} axes", pads.len(), axes.len())
    })?;
    let filling = match attributes.text("mode").unwrap_or(b"constant") {
        b"constant" => Filling::Number(match node.argument(2) {
            Ok(_) => match node.constant(2)? {
                Constant::Floats(tensor) if tensor.len() == 1 => tensor.data[0],
                _ => return Err("what it fills with is not one float".to_owned()),
            },
            Err(_) => attributes.float("value").unwrap_or(0.0),
        }),
        b"reflect" => Filling::Reflected,
        b"edge" => Filling::Edge,
        b"wrap" => Filling::Wrapped,
        other => return Err(format!("mode is {}", String::from_utf8_lossy(other))),
    };
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (at, &axis) in axes.iter().enumerate() {
        before[axis] = pads[at];
        after[axis] = pads[axes.len() + at];
    }
    let crops = pads.iter().any(|&pad| pad < 0);
    ensure(!(crops && matches!(filling, Filling::Wrapped)), || {
        "it crops on one side and wraps round on another".to_owned()
    })?;
    let op = Movement::Pad {
        before,
        after,
        filling,
    };
    Meaning::unary(Op::Movement(op), node)
}

/// Why a Squeeze is refused: runtimes drop no axis for an empty list, or all of size 1.
pub(crate) const NO_AXES: &str = "its list of axes is empty";

fn squeeze(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let axes = axes_of(node, 1, shape.len())?;
    ensure(axes.as_ref().is_none_or(|axes| !axes.is_empty()), || {
        NO_AXES.to_owned()
    })?;
    let is_dropped = |at: usize, size: usize| match &axes {
        Some(axes) => axes.contains(&at),
        None => size == 1,
    };
    let dropped = shape
        .iter()
        .enumerate()
        .filter(|&(at, &size)| is_dropped(at, size));
    ensure(dropped.into_iter().all(|(_, &size)| size == 1), || {
        format!("it drops axes of {shape:?} that are not 1")
    })?;
    let kept = shape
        .iter()
        .enumerate()
        .filter(|&(at, &size)| !is_dropped(at, size));
    let shape = kept.map(|(_, &size)| size).collect();
    Meaning::unary(Op::Reshape(Reshape { shape }), node)
}

fn unsqueeze(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let count = match node.attributes().ints("axes") {
        Some(axes) => axes.len(),
        None => whole(node, 1)?.len(),
    };
    let rank = shape.len() + count;
    let mut new = axes_of(node, 1, rank)?.unwrap_or_default();
    new.sort_unstable();
    ensure(new.windows(2).all(|pair| pair[0] != pair[1]), || {
        "it adds an axis twice".to_owned()
    })?;
    let mut own = shape.iter().copied();
    let sizes = (0..rank).map(|at| if new.contains(&at) { Some(1) } else { own.next() });
    let shape = sizes.collect::<Option<_>>().ok_or("its axes do not fit")?;
    Meaning::unary(Op::Reshape(Reshape { shape }), node)
}

fn depth_to_space(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    let column_row_depth = match attributes.text("mode").unwrap_or(b"DCR") {
        b"DCR" => false,
        b"CRD" => true,
        other => return Err(format!("mode is {}", String::from_utf8_lossy(other))),
    };
    let op = Movement::DepthToSpace {
        block: size(attributes.int("blocksize").ok_or("it has no blocksize")?)?,
        column_row_depth,
    };
    Meaning::unary(Op::Movement(op), node)
}
