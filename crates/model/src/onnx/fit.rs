//! Whether what a node says of axes, windows and sizes fits the values that it reads.
//!
//! Goes in: a node and what is known of its inputs. Comes out: the first attribute or input at fault. Runtimes differ in what
//! they make of such a node, and tract, asked for its shapes, may not end or may need any amount of memory.

use tract_onnx::pb::NodeProto;

use super::direct::Misreading;
use crate::graph::{MOST_ELEMENTS, elements};
use crate::wire::constant::MOST_AXES;
use crate::wire::node::{Attributes, DEFAULT_EPSILON};

/// The greatest kernel size, stride, dilation, pad and hidden size, and the most elements of a pool's window.
const GREATEST_STEP: i64 = 1 << 20;

/// The greatest number that stands for a size.
const GREATEST_SIZE: i64 = MOST_ELEMENTS as i64;

/// What is known of a value that a node reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Read {
    /// Its sizes.
    pub(super) shape: Option<Vec<usize>>,
    /// Its elements, where it is a constant of integers.
    pub(super) integers: Option<Vec<i64>>,
    /// Its elements, where it is a constant of numbers.
    pub(super) numbers: Option<Vec<f64>>,
}

/// Why a node fits nothing; `reads` are its inputs in ONNX's order.
pub(super) fn misfit(node: &NodeProto, opset: i64, reads: &[Read]) -> Option<Misreading> {
    let fit = Fit {
        operator: &node.op_type,
        outputs: node.output.len(),
        attributes: Attributes(node),
        opset,
        reads,
    };
    fit.check().err()
}

struct Fit<'a> {
    operator: &'a str,
    outputs: usize,
    attributes: Attributes<'a>,
    opset: i64,
    reads: &'a [Read],
}

type Checked = Result<(), Misreading>;

fn refuse(reason: impl Into<String>, remedy: &'static str) -> Checked {
    Err(Misreading {
        reason: reason.into(),
        remedy,
    })
}

fn ensure(holds: bool, reason: impl FnOnce() -> String, remedy: &'static str) -> Checked {
    if holds { Ok(()) } else { refuse(reason(), remedy) }
}

const AXIS: &str = "name axes that the input has, each once";
const SIZES: &str = "give sizes that fit the input";
const WINDOW: &str = "give one size for each axis of the image, and a window that fits into the padded image";

impl Fit<'_> {
    fn shape(&self, position: usize) -> Option<&[usize]> {
        self.reads.get(position)?.shape.as_deref()
    }

    fn rank(&self) -> Option<usize> {
        self.shape(0).map(<[usize]>::len)
    }

    fn integers(&self, position: usize) -> Option<&[i64]> {
        self.reads.get(position)?.integers.as_deref()
    }

    fn numbers(&self, position: usize) -> Option<&[f64]> {
        self.reads.get(position)?.numbers.as_deref()
    }

    fn check(&self) -> Checked {
        match self.operator {
            "Conv" | "ConvTranspose" => {
                self.window()?;
                self.weight()
            }
            "AveragePool" | "MaxPool" => self.window(),
            "Transpose" => self.permutation(),
            "ArgMax" | "ArgMin" | "Concat" | "ScatterElements" => self.axis("axis", 0, self.rank()),
            "LayerNormalization" => {
                self.axis("axis", -1, self.rank())?;
                self.epsilon()
            }
            "InstanceNormalization" => self.epsilon(),
            "BatchNormalization" => {
                self.epsilon()?;
                self.variance()
            }
            "Softmax" | "LogSoftmax" | "Hardmax" => self.softmax(),
            "OneHot" => {
                self.axis("axis", -1, self.rank().map(|rank| rank + 1))?;
                self.one(1, "depth")?;
                self.sizes(1, "depth", 1)
            }
            "Flatten" => self.flatten(),
            "Gather" | "GatherElements" => self.gather(),
            "GatherND" => {
                let most = self
                    .rank()
                    .into_iter()
                    .chain(self.shape(1).map(<[usize]>::len))
                    .min();
                let dims = self.attributes.int("batch_dims").unwrap_or(0);
                let fits = dims >= 0 && most.is_none_or(|most| (dims as u64) < most as u64);
                ensure(fits, || format!("batch_dims is {dims}"), AXIS)
            }
            "CumSum" => {
                self.one(1, "axis")?;
                axes(self.integers(1), self.rank())
            }
            "Squeeze" => axes(self.axes_named(1), self.rank()),
            "Unsqueeze" => {
                let named = self.axes_named(1);
                let rank = self.rank().zip(named).map(|(rank, named)| rank + named.len());
                axes(named, rank)
            }
            "Slice" => self.slice(),
            "Split" => self.split(),
            "TopK" => self.top(),
            "Reshape" => self.reshape(),
            "Shape" => {
                let rank = self.rank().unwrap_or(MOST_AXES) as u64;
                let ends = ["start", "end"].map(|name| self.attributes.int(name).unwrap_or(0));
                let fits = ends.iter().all(|end| end.unsigned_abs() <= rank);
                ensure(fits, || format!("start and end are {ends:?}"), AXIS)
            }
            "Expand" => self.sizes(1, "the shape", 0),
            "ConstantOfShape" => self.sizes(0, "the shape", 0),
            "Tile" => {
                self.sizes(1, "repeats", 0)?;
                self.one_for_each_axis("repeats", self.integers(1).map(<[i64]>::len))
            }
            "Range" => self.range(),
            "Pad" => self.pad(),
            "Resize" | "Upsample" => self.resize(),
            "DepthToSpace" | "SpaceToDepth" => self.blocks(),
            "EyeLike" => diagonal(self.attributes.int("k")),
            "Trilu" => {
                self.one(1, "k")?;
                diagonal(self.integers(1).and_then(|k| k.first().copied()))
            }
            "Clip" => {
                self.one(1, "min")?;
                self.one(2, "max")
            }
            "LSTM" | "GRU" | "RNN" => self.recurrent(),
            name if name.starts_with("Reduce") => axes(self.axes_named(1), self.rank()),
            _ => Ok(()),
        }
    }

    /// The axes of an attribute, or of a constant input in later operator sets.
    fn axes_named(&self, position: usize) -> Option<&[i64]> {
        self.attributes.ints("axes").or(self.integers(position))
    }

    fn axis(&self, name: &str, default: i64, rank: Option<usize>) -> Checked {
        let axis = self.attributes.int(name).unwrap_or(default);
        let fits = rank.is_none_or(|rank| position(axis, rank).is_some());
        ensure(
            fits,
            || format!("{name} is {axis}, and the input has {} axes", rank.unwrap_or(0)),
            AXIS,
        )
    }

    fn permutation(&self) -> Checked {
        let Some(perm) = self.attributes.ints("perm") else {
            return Ok(());
        };
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        let is_permutation = sorted
            .iter()
            .enumerate()
            .all(|(place, &axis)| axis == place as i64);
        let fits = is_permutation && self.rank().is_none_or(|rank| rank == perm.len());
        let rank = || {
            self.rank()
                .map_or_else(String::new, |rank| format!(" of an input of {rank} axes"))
        };
        ensure(
            fits,
            || format!("perm is {}{}", listed(perm), rank()),
            "name every axis of the input once",
        )
    }

    /// Before operator set 13 these work on a matrix that the input is flattened to.
    fn softmax(&self) -> Checked {
        let default = if self.opset < 13 { 1 } else { -1 };
        self.axis("axis", default, self.rank())?;
        let axis = self.attributes.int("axis").unwrap_or(default);
        let inner = self
            .shape(0)
            .zip(self.rank())
            .and_then(|(shape, rank)| shape.get(position(axis, rank)? + 1..));
        let is_last = inner.is_none_or(<[usize]>::is_empty);
        ensure(
            self.opset >= 13 || is_last,
            || {
                format!(
                    "in operator set {} it flattens the axes from {axis} on, which EZKL cannot",
                    self.opset
                )
            },
            "convert it: onnx.version_converter.convert_version(onnx.load(path), 17), or take the last axis",
        )
    }

    fn epsilon(&self) -> Checked {
        let epsilon = self.attributes.float("epsilon").unwrap_or(0.0);
        ensure(
            epsilon >= 0.0,
            || format!("epsilon is {epsilon}"),
            "use an epsilon above 0",
        )
    }

    /// A variance is divided by the root of it.
    fn variance(&self) -> Checked {
        let epsilon = f64::from(self.attributes.float("epsilon").unwrap_or(DEFAULT_EPSILON));
        let lost = self
            .numbers(4)
            .and_then(|all| all.iter().find(|&&variance| variance + epsilon <= 0.0));
        ensure(
            lost.is_none(),
            || {
                format!(
                    "a variance of {} and epsilon {epsilon:e} make no number above 0",
                    lost.unwrap_or(&0.0)
                )
            },
            "check the running variance of the layer: train it, and call model.eval() before export",
        )
    }

    /// Unlike elsewhere, the axis may also be the number of axes.
    fn flatten(&self) -> Checked {
        let axis = self.attributes.int("axis").unwrap_or(1);
        let fits = |rank: usize| axis == rank as i64 || position(axis, rank).is_some();
        ensure(
            self.rank().is_none_or(fits),
            || {
                format!(
                    "axis is {axis}, and the input has {} axes",
                    self.rank().unwrap_or(0)
                )
            },
            AXIS,
        )
    }

    /// The size of the first input's `axis`, 0 where it is left out.
    fn size_of_axis(&self) -> Option<usize> {
        let axis = self.attributes.int("axis").unwrap_or(0);
        let shape = self.shape(0)?;
        shape.get(position(axis, shape.len())?).copied()
    }

    fn gather(&self) -> Checked {
        self.axis("axis", 0, self.rank())?;
        let size = self.size_of_axis();
        let (Some(size), Some(positions)) = (size, self.integers(1)) else {
            return Ok(());
        };
        let outside = positions.iter().find(|&&at| position(at, size).is_none());
        ensure(
            outside.is_none(),
            || format!("position {} of {size}", outside.copied().unwrap_or_default()),
            "name positions that the axis has",
        )
    }

    fn slice(&self) -> Checked {
        let lengths: Vec<usize> = match self.attributes.ints("starts") {
            Some(starts) => ["ends", "axes"]
                .iter()
                .filter_map(|name| self.attributes.ints(name))
                .map(<[i64]>::len)
                .chain([starts.len()])
                .collect(),
            None => (1..5)
                .filter_map(|at| self.integers(at))
                .map(<[i64]>::len)
                .collect(),
        };
        ensure(
            lengths.windows(2).all(|pair| pair[0] == pair[1]),
            || "its starts, ends, axes and steps are not equally many".to_owned(),
            "give one of each for every axis",
        )?;
        if let Some(steps) = self.integers(4) {
            let fits = steps
                .iter()
                .all(|step| *step != 0 && step.unsigned_abs() <= GREATEST_SIZE as u64);
            ensure(
                fits,
                || format!("its steps are {}", listed(steps)),
                "use steps of 1 or more",
            )?;
        }
        axes(self.axes_named(3), self.rank())?;
        let named = lengths.first().copied().unwrap_or(0);
        ensure(
            self.rank().is_none_or(|rank| named <= rank),
            || {
                format!(
                    "it cuts {named} axes, and the input has {}",
                    self.rank().unwrap_or(0)
                )
            },
            AXIS,
        )
    }

    fn split(&self) -> Checked {
        self.axis("axis", 0, self.rank())?;
        let size = self.size_of_axis();
        if let Some(number) = self.attributes.int("num_outputs") {
            let most = size.map_or(GREATEST_SIZE, |size| size as i64);
            ensure(
                (1..=most).contains(&number),
                || format!("num_outputs is {number}"),
                SIZES,
            )?;
        }
        let Some(parts) = self.attributes.ints("split").or(self.integers(1)) else {
            return ensure(
                size.is_none_or(|size| self.outputs > 0 && self.outputs <= size),
                || format!("it has {} outputs", self.outputs),
                SIZES,
            );
        };
        let sum = parts.iter().try_fold(0_i64, |sum, &part| sum.checked_add(part));
        let fits = parts.len() == self.outputs
            && parts.iter().all(|&part| part > 0)
            && sum.is_some_and(|sum| size.is_none_or(|size| sum == size as i64));
        ensure(fits, || format!("split is {}", listed(parts)), SIZES)
    }

    fn top(&self) -> Checked {
        self.axis("axis", -1, self.rank())?;
        let axis = self.attributes.int("axis").unwrap_or(-1);
        let size = self
            .shape(0)
            .and_then(|shape| shape.get(position(axis, shape.len())?));
        let most = size.map_or(GREATEST_SIZE, |&size| size as i64);
        self.one(1, "k")?;
        let k = self
            .attributes
            .int("k")
            .or(self.integers(1).and_then(|k| k.first().copied()));
        ensure(
            k.is_none_or(|k| (1..=most).contains(&k)),
            || format!("k is {} of {most}", k.unwrap_or_default()),
            "ask for 1 element or more, and no more than there are",
        )
    }

    fn reshape(&self) -> Checked {
        let Some(target) = self.integers(1) else {
            return Ok(());
        };
        let zero_copies = self.attributes.int("allowzero").unwrap_or(0) == 0;
        let copied = |place: usize| match self.shape(0) {
            Some(shape) => shape.get(place).copied(),
            None => Some(1),
        };
        let mut known = Some(1_usize);
        for (place, &size) in target.iter().enumerate() {
            let size = match size {
                -1 => Some(1),
                0 if zero_copies => copied(place),
                0..=GREATEST_SIZE => Some(size as usize),
                _ => None,
            };
            known = known
                .zip(size)
                .and_then(|(product, size)| product.checked_mul(size));
        }
        let rests = target.iter().filter(|&&size| size == -1).count();
        let fits = target.len() <= MOST_AXES
            && rests <= 1
            && known.is_some_and(|known| {
                let before = self.shape(0).and_then(elements);
                before.is_none_or(|before| {
                    if rests == 1 {
                        known > 0 && before % known == 0
                    } else {
                        before == known || target.contains(&0)
                    }
                })
            });
        let from = || {
            self.shape(0)
                .map_or_else(String::new, |shape| format!(" of an input of shape {shape:?}"))
        };
        ensure(
            fits,
            || format!("its shape is {}{}", listed(target), from()),
            SIZES,
        )
    }

    /// A constant input of sizes, none below `least`.
    fn sizes(&self, input: usize, what: &str, least: i64) -> Checked {
        let Some(sizes) = self.integers(input) else {
            return Ok(());
        };
        let fits =
            sizes.len() <= MOST_AXES && sizes.iter().all(|size| (least..=GREATEST_SIZE).contains(size));
        ensure(fits, || format!("{what} is {}", listed(sizes)), SIZES)
    }

    /// An input that is one number, a list of one or none at all.
    fn one(&self, input: usize, what: &str) -> Checked {
        let Some(shape) = self.shape(input) else {
            return Ok(());
        };
        ensure(
            elements(shape) == Some(1),
            || format!("{what} is of shape {shape:?}"),
            "give one number",
        )
    }

    fn one_for_each_axis(&self, what: &str, found: Option<usize>) -> Checked {
        let fits = found.zip(self.rank()).is_none_or(|(found, rank)| found == rank);
        ensure(
            fits,
            || {
                format!(
                    "it has {} {what}, and the input {} axes",
                    found.unwrap_or(0),
                    self.rank().unwrap_or(0)
                )
            },
            "give one for each axis of the input",
        )
    }

    fn range(&self) -> Checked {
        for (input, what) in ["start", "limit", "delta"].into_iter().enumerate() {
            self.one(input, what)?;
        }
        let scalar = |at| self.numbers(at).and_then(<[f64]>::first).copied();
        let (Some(start), Some(limit), Some(delta)) = (scalar(0), scalar(1), scalar(2)) else {
            return Ok(());
        };
        let steps = ((limit - start) / delta).ceil();
        ensure(
            delta != 0.0 && steps.is_finite() && steps <= MOST_ELEMENTS as f64,
            || format!("it counts from {start} to {limit} by {delta}"),
            "use a step that is not 0, and count less",
        )
    }

    fn pad(&self) -> Checked {
        self.one(2, "its constant")?;
        let pads = self.attributes.ints("pads").or(self.integers(1));
        let Some(pads) = pads else { return Ok(()) };
        let axes = self.integers(3).map(<[i64]>::len).or(self.rank());
        let fits = axes.is_none_or(|axes| pads.len() == 2 * axes)
            && pads
                .iter()
                .all(|pad| (-GREATEST_STEP..=GREATEST_STEP).contains(pad));
        ensure(
            fits,
            || format!("pads is {}", listed(pads)),
            "give two pads for each axis, none of them greater than 2^20",
        )
    }

    fn resize(&self) -> Checked {
        const SCALES: &str = "give one scale above 0 for each axis, none of them greater than 2^20";
        let scales = if self.operator == "Upsample" || self.opset < 11 {
            1
        } else {
            2
        };
        // The oldest Upsample has scales as an attribute.
        ensure(
            self.operator == "Upsample" || self.reads.len() > scales,
            || "it has neither scales nor sizes".to_owned(),
            SCALES,
        )?;
        if let Some(scales) = self.numbers(scales).filter(|scales| !scales.is_empty()) {
            self.one_for_each_axis("scales", Some(scales.len()))?;
            let fits = |&scale: &f64| scale > 0.0 && scale <= GREATEST_STEP as f64;
            ensure(
                scales.iter().all(fits),
                || format!("scales is {scales:?}"),
                SCALES,
            )?;
        }
        if let Some(sizes) = self.integers(3).filter(|sizes| !sizes.is_empty()) {
            self.sizes(3, "sizes", 1)?;
            self.one_for_each_axis("sizes", Some(sizes.len()))?;
        }
        Ok(())
    }

    fn blocks(&self) -> Checked {
        let block = self.attributes.int("blocksize").unwrap_or(0);
        let is_size = (1..=GREATEST_STEP).contains(&block);
        let block = block as usize;
        let fits = |shape: &[usize]| match *shape {
            [_, channels, ..] if shape.len() == 4 && self.operator == "DepthToSpace" => {
                channels.is_multiple_of(block * block)
            }
            [_, _, height, width] => height.is_multiple_of(block) && width.is_multiple_of(block),
            _ => false,
        };
        ensure(
            is_size && self.shape(0).is_none_or(fits),
            || format!("blocksize is {}", self.attributes.int("blocksize").unwrap_or(0)),
            "use a block size that divides the image, or the square of which divides the channels",
        )
    }

    fn recurrent(&self) -> Checked {
        let hidden = self.attributes.int("hidden_size");
        let of_weight = self
            .shape(2)
            .and_then(|shape| shape.get(2))
            .map(|&size| size as i64);
        ensure(
            hidden.is_none_or(|hidden| {
                (1..=GREATEST_STEP).contains(&hidden) && of_weight.is_none_or(|size| size == hidden)
            }),
            || format!("hidden_size is {}", hidden.unwrap_or_default()),
            "let it be the last size of the recurrence weights",
        )
    }

    /// Kernel, strides, dilations and pads: one for each axis of the image, and a window that fits.
    fn window(&self) -> Checked {
        let image = match self.shape(0) {
            Some([_, _, image @ ..]) if !image.is_empty() => Some(image),
            Some(shape) => {
                return refuse(
                    format!("it reads a value of shape {shape:?}, which is no image"),
                    "let it read batch, channels and the axes of an image",
                );
            }
            None => None,
        };
        let is_pool = self.operator.ends_with("Pool");
        let weight = self
            .shape(1)
            .filter(|_| !is_pool)
            .and_then(|shape| shape.get(2..));
        let named = self.attributes.ints("kernel_shape");
        ensure(
            named.is_some() || !is_pool,
            || "it has no kernel_shape".to_owned(),
            WINDOW,
        )?;
        let axes = image
            .map(<[usize]>::len)
            .or(named.map(<[i64]>::len))
            .or(weight.map(<[usize]>::len));
        for (name, least, times) in [
            ("kernel_shape", 1, 1),
            ("strides", 1, 1),
            ("dilations", 1, 1),
            ("pads", -GREATEST_STEP, 2),
            ("output_padding", 0, 1),
            ("output_shape", 1, 1),
        ] {
            if let Some(values) = self.attributes.ints(name) {
                let fits = axes.is_none_or(|axes| values.len() == times * axes)
                    && values.iter().all(|value| (least..=GREATEST_STEP).contains(value));
                ensure(fits, || format!("{name} is {}", listed(values)), WINDOW)?;
            }
        }
        let mode = self.attributes.text("auto_pad").unwrap_or(b"NOTSET");
        ensure(
            [&b"NOTSET"[..], b"VALID", b"SAME_UPPER", b"SAME_LOWER"].contains(&mode),
            || format!("auto_pad is {}", String::from_utf8_lossy(mode)),
            "use NOTSET, VALID, SAME_UPPER or SAME_LOWER",
        )?;
        let of_weight = || weight.map(|sizes| sizes.iter().map(|&size| size as i64).collect());
        let Some(kernel): Option<Vec<i64>> = named.map(<[i64]>::to_vec).or_else(of_weight) else {
            return Ok(());
        };
        let volume = kernel
            .iter()
            .try_fold(1_i64, |product, &size| product.checked_mul(size));
        ensure(
            !is_pool || volume.is_some_and(|volume| volume <= GREATEST_STEP),
            || format!("kernel_shape is {}", listed(&kernel)),
            WINDOW,
        )?;
        let (Some(image), "NOTSET" | "VALID") = (image, std::str::from_utf8(mode).unwrap_or_default()) else {
            return Ok(());
        };
        if self.operator == "ConvTranspose" || kernel.len() != image.len() {
            return Ok(());
        }
        let at = |name: &str, place: usize, default: i64| {
            self.attributes
                .ints(name)
                .and_then(|all| all.get(place))
                .copied()
                .unwrap_or(default)
        };
        for (place, &size) in image.iter().enumerate() {
            let pads = if mode == b"VALID" {
                0
            } else {
                at("pads", place, 0) + at("pads", place + image.len(), 0)
            };
            let reach = (kernel[place] - 1) * at("dilations", place, 1) + 1;
            ensure(
                reach <= size as i64 + pads,
                || format!("its window of {reach} does not fit into {size} elements and {pads} of padding"),
                WINDOW,
            )?;
        }
        Ok(())
    }

    /// A convolution's weight, bias and groups.
    fn weight(&self) -> Checked {
        const WEIGHT: &str = "give a weight that fits input, kernel and group";
        let group = self.attributes.int("group").unwrap_or(1);
        ensure(group >= 1, || format!("group is {group}"), WEIGHT)?;
        let (Some(input), Some(weight)) = (self.shape(0), self.shape(1)) else {
            return Ok(());
        };
        let group = usize::try_from(group).unwrap_or(usize::MAX);
        let kernel = self.attributes.ints("kernel_shape");
        let channels = input.get(1).copied().unwrap_or(0);
        let fits = match *weight {
            [first, second, ref sizes @ ..] if weight.len() == input.len() => {
                let is_grouped = if self.operator == "Conv" {
                    second.checked_mul(group) == Some(channels) && first.is_multiple_of(group)
                } else {
                    first == channels && first.is_multiple_of(group) && second > 0
                };
                let is_kernel = kernel.is_none_or(|kernel| {
                    kernel.len() == sizes.len()
                        && kernel.iter().zip(sizes).all(|(&k, &size)| k == size as i64)
                });
                is_grouped && is_kernel && first > 0
            }
            _ => false,
        };
        ensure(
            fits,
            || {
                format!(
                    "its weight is of shape {weight:?} in {group} groups, and its input of shape {input:?}"
                )
            },
            WEIGHT,
        )
    }
}

/// Axes of so many, each once.
fn axes(axes: Option<&[i64]>, rank: Option<usize>) -> Checked {
    let (Some(axes), Some(rank)) = (axes, rank) else {
        return Ok(());
    };
    let mut named = vec![false; rank];
    let fits = axes.iter().all(|&axis| {
        position(axis, rank).is_some_and(|position| !std::mem::replace(&mut named[position], true))
    });
    ensure(fits, || format!("its axes are {}, of {rank}", listed(axes)), AXIS)
}

fn diagonal(k: Option<i64>) -> Checked {
    ensure(
        k.is_none_or(|k| k.unsigned_abs() <= GREATEST_SIZE as u64),
        || format!("k is {}", k.unwrap_or_default()),
        "name a diagonal that the matrix has",
    )
}

/// The place of an axis or position that may be counted from the end.
fn position(at: i64, size: usize) -> Option<usize> {
    let size = i64::try_from(size).ok()?;
    let place = if at < 0 { at.checked_add(size)? } else { at };
    (0..size).contains(&place).then_some(place as usize)
}

/// The first of some numbers.
fn listed(values: &[i64]) -> String {
    const SHOWN: usize = 16;
    match values.get(..SHOWN) {
        Some(shown) if values.len() > SHOWN => format!("{shown:?} and {} more", values.len() - SHOWN),
        _ => format!("{values:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::{float, int, ints};
    use tract_onnx::pb::AttributeProto;

    fn of(operator: &str, attribute: Vec<AttributeProto>, reads: &[Read]) -> Option<String> {
        let node = NodeProto {
            op_type: operator.to_owned(),
            attribute,
            output: vec!["y".to_owned()],
            ..NodeProto::default()
        };
        misfit(&node, 17, reads).map(|misfit| misfit.reason)
    }

    fn shaped(shape: &[usize]) -> Read {
        Read {
            shape: Some(shape.to_vec()),
            ..Read::default()
        }
    }

    fn numbered(values: &[i64]) -> Read {
        Read {
            shape: Some(vec![values.len()]),
            integers: Some(values.to_vec()),
            numbers: Some(values.iter().map(|&x| x as f64).collect()),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a list of cases")]
    fn what_fits_is_told_from_what_does_not() {
        let image = || shaped(&[1, 4, 8, 8]);
        let window = |name: &str, values: &[i64]| vec![ints("kernel_shape", &[3, 3]), ints(name, values)];
        let none = Vec::new;
        // Operator, attributes, inputs: those that fit, then those that do not.
        let cases: Vec<(&str, Vec<AttributeProto>, Vec<Read>, bool)> = vec![
            (
                "Transpose",
                vec![ints("perm", &[0, 2, 3, 1])],
                vec![image()],
                true,
            ),
            (
                "Transpose",
                vec![ints("perm", &[0, 1, 1, 2])],
                vec![image()],
                false,
            ),
            ("Transpose", vec![ints("perm", &[0, 1])], vec![image()], false),
            ("Transpose", vec![ints("perm", &[-1, 0])], vec![], false),
            ("LayerNormalization", vec![int("axis", -4)], vec![image()], true),
            ("LayerNormalization", vec![int("axis", 4)], vec![image()], false),
            (
                "LayerNormalization",
                vec![float("epsilon", -1.0)],
                vec![image()],
                false,
            ),
            (
                "BatchNormalization",
                none(),
                [vec![image()], vec![numbered(&[1]); 4]].concat(),
                true,
            ),
            (
                "BatchNormalization",
                none(),
                [vec![image()], vec![numbered(&[-1]); 4]].concat(),
                false,
            ),
            ("Softmax", vec![int("axis", i64::MIN)], vec![image()], false),
            ("Flatten", vec![int("axis", 4)], vec![image()], true),
            ("Flatten", vec![int("axis", 5)], vec![image()], false),
            ("MaxPool", window("pads", &[1; 4]), vec![image()], true),
            ("MaxPool", window("pads", &[1; 2]), vec![image()], false),
            ("MaxPool", window("strides", &[0, 1]), vec![image()], false),
            ("MaxPool", window("strides", &[i64::MAX; 2]), vec![image()], false),
            ("MaxPool", window("dilations", &[3, 3]), vec![image()], true),
            ("MaxPool", window("dilations", &[4, 4]), vec![image()], false),
            (
                "MaxPool",
                vec![ints("kernel_shape", &[9, 1])],
                vec![image()],
                false,
            ),
            ("MaxPool", none(), vec![image()], false),
            ("Conv", none(), vec![image(), shaped(&[2, 4, 3, 3])], true),
            ("Conv", none(), vec![image(), shaped(&[2, 3, 3, 3])], false),
            (
                "Conv",
                vec![int("group", 0)],
                vec![image(), shaped(&[2, 4, 3, 3])],
                false,
            ),
            (
                "Conv",
                vec![int("group", 4)],
                vec![image(), shaped(&[4, 1, 3, 3])],
                true,
            ),
            (
                "ConvTranspose",
                none(),
                vec![image(), shaped(&[4, 2, 3, 3])],
                true,
            ),
            (
                "ConvTranspose",
                none(),
                vec![image(), shaped(&[2, 4, 3, 3])],
                false,
            ),
            ("Reshape", none(), vec![image(), numbered(&[0, -1])], true),
            ("Reshape", none(), vec![image(), numbered(&[-1, -1])], false),
            ("Reshape", none(), vec![image(), numbered(&[3, -1])], false),
            ("Reshape", none(), vec![image(), numbered(&[i64::MAX, -1])], false),
            ("Squeeze", none(), vec![image(), numbered(&[0, -4])], false),
            ("Unsqueeze", none(), vec![image(), numbered(&[4])], true),
            ("Unsqueeze", none(), vec![image(), numbered(&[5])], false),
            ("ReduceMean", vec![ints("axes", &[2, 2])], vec![image()], false),
            (
                "Gather",
                vec![int("axis", 1)],
                vec![image(), numbered(&[3, -1])],
                true,
            ),
            (
                "Gather",
                vec![int("axis", 1)],
                vec![image(), numbered(&[4])],
                false,
            ),
            ("Split", none(), vec![image(), numbered(&[1])], true),
            ("Split", none(), vec![image(), numbered(&[2])], false),
            ("TopK", none(), vec![image(), numbered(&[8])], true),
            ("TopK", none(), vec![image(), numbered(&[9])], false),
            ("Pad", none(), vec![image(), numbered(&[0; 8])], true),
            ("Pad", none(), vec![image(), numbered(&[0; 6])], false),
            (
                "Pad",
                none(),
                vec![image(), numbered(&[1 << 40, 0, 0, 0, 0, 0, 0, 0])],
                false,
            ),
            (
                "Resize",
                none(),
                vec![image(), Read::default(), numbered(&[1, 1, 2, 2])],
                true,
            ),
            (
                "Resize",
                none(),
                vec![image(), Read::default(), numbered(&[1, 1, 2, 1 << 30])],
                false,
            ),
            (
                "Resize",
                none(),
                vec![image(), Read::default(), numbered(&[1, 1])],
                false,
            ),
            ("Tile", none(), vec![image(), numbered(&[1, 1, 1, 1])], true),
            (
                "Tile",
                none(),
                vec![image(), numbered(&[i64::MAX, 1, 1, 1])],
                false,
            ),
            ("ConstantOfShape", none(), vec![numbered(&[1 << 29])], false),
            ("Range", none(), [0, 9, 1].map(|x| numbered(&[x])).to_vec(), true),
            ("Range", none(), [0, 9, 0].map(|x| numbered(&[x])).to_vec(), false),
            (
                "Range",
                none(),
                [0, 1 << 40, 1].map(|x| numbered(&[x])).to_vec(),
                false,
            ),
            ("OneHot", none(), vec![shaped(&[3]), numbered(&[i64::MAX])], false),
            ("OneHot", none(), vec![shaped(&[3]), numbered(&[4])], true),
            ("OneHot", none(), vec![shaped(&[3]), numbered(&[])], false),
            ("OneHot", none(), vec![shaped(&[3]), shaped(&[])], true),
            ("OneHot", none(), vec![shaped(&[3]), shaped(&[0])], false),
            ("TopK", none(), vec![image(), numbered(&[])], false),
            ("TopK", none(), vec![image(), numbered(&[1, 1])], false),
            ("CumSum", none(), vec![image(), numbered(&[])], false),
            ("Trilu", none(), vec![image(), numbered(&[])], false),
            (
                "Range",
                none(),
                [&[0][..], &[], &[1]].map(numbered).to_vec(),
                false,
            ),
            ("Clip", none(), vec![image(), Read::default(), shaped(&[])], true),
            ("Clip", none(), vec![image(), shaped(&[0])], false),
            ("Clip", none(), vec![image(), shaped(&[]), shaped(&[4])], false),
            (
                "Pad",
                none(),
                vec![image(), numbered(&[0; 8]), shaped(&[0])],
                false,
            ),
            ("DepthToSpace", vec![int("blocksize", 2)], vec![image()], true),
            ("DepthToSpace", vec![int("blocksize", 4)], vec![image()], false),
            ("SpaceToDepth", vec![int("blocksize", 0)], vec![image()], false),
            ("Shape", vec![int("start", -4)], vec![image()], true),
            ("Shape", vec![int("start", 5)], vec![image()], false),
            ("EyeLike", vec![int("k", i64::MIN)], vec![shaped(&[3, 3])], false),
        ];
        for (operator, attributes, reads, fits) in cases {
            let said = format!("{operator} {attributes:?} {reads:?}");
            let misfit = of(operator, attributes, &reads);
            assert_eq!(misfit.is_none(), fits, "{said}: {misfit:?}");
        }
    }

    #[test]
    fn an_older_softmax_fits_at_the_last_axis_alone() {
        let node = |axis| NodeProto {
            op_type: "Softmax".to_owned(),
            attribute: vec![int("axis", axis)],
            ..NodeProto::default()
        };
        let reads = [shaped(&[1, 4, 8, 8])];
        assert!(misfit(&node(1), 11, &reads).is_some());
        assert!(misfit(&node(3), 11, &reads).is_none());
        assert!(misfit(&node(1), 13, &reads).is_none());
    }
}
