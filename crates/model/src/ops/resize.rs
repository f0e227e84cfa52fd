//! `Resize` and `Upsample` by constant scales, axis after axis: what takes the nearest element picks positions, and what interpolates is
//! a product with a matrix of constant weights.

use super::movement::axes_of;
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{MOST_LOWERED, Movement, Op};
use crate::tensor::Tensor;
use crate::wire::constant::Constant;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Resize",
        read: resize,
    },
    Import {
        operator: "Upsample",
        read: upsample,
    },
];

/// Where an element of the result lies in the input (`coordinate_transformation_mode`).
#[derive(Clone, Copy)]
enum Place {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    TfHalfPixelForNearest,
}

/// Which element is the nearest (`nearest_mode`).
#[derive(Clone, Copy)]
enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

/// What elements are made of.
#[derive(Clone, Copy)]
enum Mode {
    Nearest(Nearest),
    Linear,
    Cubic {
        /// The coefficient a.
        coefficient: f32,
        /// Whether what lies outside has no weight, and is not the element at the border.
        excludes_outside: bool,
    },
}

/// One axis: how many elements it has, how many it is to have, and by which scale.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    scale: f32,
}

impl Axis {
    /// Where an element of the result lies, in the arithmetic of onnxruntime.
    fn origin(self, place: Place, at: usize) -> f32 {
        let (x, from, to) = (at as f32, self.from as f32, self.to as f32);
        let half = (x + 0.5) / self.scale - 0.5;
        match place {
            Place::HalfPixel => half,
            Place::HalfPixelSymmetric => {
                let adjustment = to / (self.scale * from);
                let offset = from / 2.0 * (1.0 - adjustment);
                offset + (x + 0.5) / self.scale - 0.5
            }
            Place::PytorchHalfPixel if self.to > 1 => half,
            Place::AlignCorners if self.to > 1 => x * (from - 1.0) / (to - 1.0),
            Place::PytorchHalfPixel | Place::AlignCorners => 0.0,
            Place::Asymmetric => x / self.scale,
            Place::TfHalfPixelForNearest => (x + 0.5) / self.scale,
        }
    }

    /// The element that is nearest to a place.
    fn nearest(self, nearest: Nearest, origin: f32) -> usize {
        let at = match nearest {
            Nearest::RoundPreferFloor => (origin - 0.5).ceil(),
            Nearest::RoundPreferCeil => (origin + 0.5).floor(),
            Nearest::Floor => origin.floor(),
            Nearest::Ceil => origin.ceil(),
        };
        self.within(at as i64)
    }

    fn within(self, at: i64) -> usize {
        at.clamp(0, self.from as i64 - 1) as usize
    }

    /// Which elements an element of the result is made of, each with its weight.
    fn weights(self, place: Place, mode: Mode, at: usize) -> Vec<(usize, f32)> {
        let origin = self.origin(place, at);
        match mode {
            Mode::Nearest(nearest) => vec![(self.nearest(nearest, origin), 1.0)],
            Mode::Linear => {
                let origin = origin.clamp(0.0, self.from as f32 - 1.0);
                let first = origin.floor();
                let rest = origin - first;
                vec![
                    (self.within(first as i64), 1.0 - rest),
                    (self.within(first as i64 + 1), rest),
                ]
            }
            Mode::Cubic {
                coefficient: a,
                excludes_outside,
            } => {
                let first = origin.floor();
                let s = origin - first;
                let weights = [
                    ((a * (s + 1.0) - 5.0 * a) * (s + 1.0) + 8.0 * a) * (s + 1.0) - 4.0 * a,
                    ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0,
                    ((a + 2.0) * (1.0 - s) - (a + 3.0)) * (1.0 - s) * (1.0 - s) + 1.0,
                    ((a * (2.0 - s) - 5.0 * a) * (2.0 - s) + 8.0 * a) * (2.0 - s) - 4.0 * a,
                ];
                let places = (-1..=2).map(|step| first as i64 + step);
                let is_inside = |at: i64| (0..self.from as i64).contains(&at);
                let all: Vec<(i64, f32)> = places.zip(weights).collect();
                let total: f32 = if excludes_outside {
                    let inside = all.iter().filter(|&&(at, _)| is_inside(at));
                    inside.map(|&(_, weight)| weight).sum()
                } else {
                    1.0
                };
                let counted = all
                    .into_iter()
                    .filter(|&(at, _)| !excludes_outside || is_inside(at));
                counted
                    .map(|(at, weight)| (self.within(at), weight / total))
                    .collect()
            }
        }
    }
}

/// A value with one axis resized.
fn resized(
    net: &mut Composition,
    value: Part,
    along: usize,
    axis: Axis,
    place: Place,
    mode: Mode,
) -> Result<Part, String> {
    if let (Place::HalfPixelSymmetric, Mode::Nearest(nearest)) = (place, mode) {
        // Which side of a jump such a place lies on rests on the last bits of a runtime's arithmetic.
        let is_near_a_jump = (0..axis.to).any(|at| {
            let origin = axis.origin(place, at);
            axis.nearest(nearest, origin - 1e-4) != axis.nearest(nearest, origin + 1e-4)
        });
        ensure(!is_near_a_jump, || {
            "an element of its result lies as near to one element as to another".to_owned()
        })?;
    }
    let rows: Vec<Vec<(usize, f32)>> = (0..axis.to).map(|at| axis.weights(place, mode, at)).collect();
    let single = rows.iter().map(|row| {
        let mut read = row.iter().filter(|&&(_, weight)| weight != 0.0);
        match (read.next(), read.next()) {
            (Some(&(at, weight)), None) if weight.to_bits() == 1f32.to_bits() => Some(at),
            _ => None,
        }
    });
    if let Some(indices) = single.collect::<Option<Vec<usize>>>() {
        let op = Movement::Gather {
            axis: along,
            shape: vec![indices.len()],
            indices,
        };
        return net.apply(Op::Movement(op), &[value]);
    }
    let mut matrix = Tensor::new([axis.from, axis.to], vec![0.0; axis.from * axis.to]);
    for (column, row) in rows.iter().enumerate() {
        for &(at, weight) in row {
            matrix.data[at * axis.to + column] += weight;
        }
    }
    let matrix = net.constant(matrix)?;
    // The axis as the last one, and back.
    let rank = net.shape(value)?.len();
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation.swap(along, rank - 1);
    let turned = net.transposed(value, &permutation)?;
    let product = net.apply(Op::MatMul, &[turned, matrix])?;
    net.transposed(product, &permutation)
}

/// All axes whose size or scale changes, one after the other.
fn all_axes(
    node: &Reading<'_>,
    axes: impl FnOnce(&[usize]) -> Result<Vec<Axis>, String>,
    place: Place,
    mode: Mode,
) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let mut value = Part::Input(0);
    let axes = axes(net.shape(value)?)?;
    for axis in &axes {
        // Of a size that is no whole number ONNX's text takes the fraction, and onnxruntime the whole part.
        let is_whole = (axis.from as f32 * axis.scale - axis.to as f32).abs() < 1e-3;
        ensure(is_whole || !matches!(place, Place::AlignCorners), || {
            format!(
                "it aligns corners, and {} times {} is no whole number",
                axis.from, axis.scale
            )
        })?;
        let matrix = axis.from.checked_mul(axis.to);
        let fits = matrix.is_some_and(|len| (1..=MOST_LOWERED).contains(&len));
        ensure(fits, || format!("from {} to {} elements", axis.from, axis.to))?;
    }
    for (along, &axis) in axes.iter().enumerate() {
        if axis.from != axis.to || axis.scale.to_bits() != 1f32.to_bits() {
            value = resized(&mut net, value, along, axis, place, mode)?;
        }
    }
    Ok(net.giving(vec![value]))
}

fn by_scales(shape: &[usize], scales: &[f32]) -> Result<Vec<Axis>, String> {
    ensure(scales.len() == shape.len(), || {
        format!("it has {} scales for {} axes", scales.len(), shape.len())
    })?;
    let axes = shape.iter().zip(scales);
    Ok(axes
        .map(|(&from, &scale)| Axis {
            from,
            to: (from as f32 * scale).floor() as usize,
            scale,
        })
        .collect())
}

/// A constant list of numbers; none where it is left out or empty.
fn numbers(node: &Reading<'_>, position: usize) -> Result<Option<Vec<f64>>, String> {
    if node.argument(position).is_err() {
        return Ok(None);
    }
    let numbers: Vec<f64> = match node.constant(position)? {
        Constant::Floats(tensor) => tensor.data.iter().copied().map(f64::from).collect(),
        Constant::Ints(integers) => integers.data.iter().map(|&x| x as f64).collect(),
    };
    Ok(Some(numbers).filter(|numbers| !numbers.is_empty()))
}

fn upsample(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    let mode = match attributes.text("mode").unwrap_or(b"nearest") {
        b"nearest" => Mode::Nearest(Nearest::Floor),
        b"linear" | b"bilinear" => Mode::Linear,
        other => return Err(format!("mode is {}", String::from_utf8_lossy(other))),
    };
    let given = attributes.floats("scales").map(<[f32]>::to_vec);
    let scales = match given {
        Some(scales) => scales,
        None => numbers(node, 1)?
            .ok_or("it has no scales")?
            .into_iter()
            .map(|scale| scale as f32)
            .collect(),
    };
    all_axes(node, |shape| by_scales(shape, &scales), Place::Asymmetric, mode)
}

fn resize(node: &Reading<'_>) -> Result<Meaning, String> {
    let attributes = node.attributes();
    let text = |name: &str, otherwise: &'static [u8]| attributes.text(name).unwrap_or(otherwise);
    attributes.expect_int("antialias", 0)?;
    let policy = text("keep_aspect_ratio_policy", b"stretch");
    ensure(policy == b"stretch", || {
        format!("keep_aspect_ratio_policy is {}", String::from_utf8_lossy(policy))
    })?;
    // Operator set 10 has scales as the second input, and one way to place and to round.
    let is_oldest = node.node().input.len() == 2;
    let default = if is_oldest {
        &b"asymmetric"[..]
    } else {
        b"half_pixel"
    };
    let place = match text("coordinate_transformation_mode", default) {
        b"half_pixel" => Place::HalfPixel,
        b"half_pixel_symmetric" => Place::HalfPixelSymmetric,
        b"pytorch_half_pixel" => Place::PytorchHalfPixel,
        b"align_corners" => Place::AlignCorners,
        b"asymmetric" => Place::Asymmetric,
        b"tf_half_pixel_for_nn" => Place::TfHalfPixelForNearest,
        other => {
            return Err(format!(
                "coordinate_transformation_mode is {}",
                String::from_utf8_lossy(other)
            ));
        }
    };
    let nearest = match text(
        "nearest_mode",
        if is_oldest {
            b"floor"
        } else {
            b"round_prefer_floor"
        },
    ) {
        b"round_prefer_floor" => Nearest::RoundPreferFloor,
        b"round_prefer_ceil" => Nearest::RoundPreferCeil,
        b"floor" => Nearest::Floor,
        b"ceil" => Nearest::Ceil,
        other => return Err(format!("nearest_mode is {}", String::from_utf8_lossy(other))),
    };
    let mode = match text("mode", b"nearest") {
        b"nearest" => Mode::Nearest(nearest),
        b"linear" => Mode::Linear,
        b"cubic" => Mode::Cubic {
            coefficient: attributes.float("cubic_coeff_a").unwrap_or(-0.75),
            excludes_outside: attributes.int("exclude_outside").unwrap_or(0) != 0,
        },
        other => return Err(format!("mode is {}", String::from_utf8_lossy(other))),
    };
    let scales = numbers(node, if is_oldest { 1 } else { 2 })?;
    let sizes = numbers(node, 3)?;
    if is_oldest && let Mode::Nearest(_) = mode {
        let shrinks = scales.iter().flatten().any(|&scale| scale < 1.0);
        ensure(!shrinks, || "it shrinks by operator set 10's rounding".to_owned())?;
    }
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let axes = match attributes.ints("axes") {
        Some(_) => axes_of(node, usize::MAX, shape.len())?.unwrap_or_default(),
        None => (0..shape.len()).collect(),
    };
    let spread = |given: Vec<f64>, others: Vec<f64>| {
        ensure(given.len() == axes.len(), || {
            format!("it has {} scales or sizes for {} axes", given.len(), axes.len())
        })?;
        let mut all = others;
        for (&axis, number) in axes.iter().zip(given) {
            all[axis] = number;
        }
        Ok::<Vec<f64>, String>(all)
    };
    match (scales, sizes) {
        (Some(scales), None) => {
            let scales = spread(scales, vec![1.0; shape.len()])?;
            let scales: Vec<f32> = scales.into_iter().map(|scale| scale as f32).collect();
            all_axes(node, |shape| by_scales(shape, &scales), place, mode)
        }
        (None, Some(sizes)) => {
            let own = shape.iter().map(|&size| size as f64).collect();
            let sizes = spread(sizes, own)?;
            let to_axes = |shape: &[usize]| {
                let axes = shape.iter().zip(&sizes);
                Ok(axes
                    .map(|(&from, &to)| Axis {
                        from,
                        to: to as usize,
                        scale: to as f32 / from as f32,
                    })
                    .collect())
            };
            all_axes(node, to_axes, place, mode)
        }
        _ => Err("it has scales and sizes, or neither".to_owned()),
    }
}
