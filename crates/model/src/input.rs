//! The values that a model is run on.
//!
//! Goes in: a seed, or a file of the user's (`.json`, `.npy`, `.npz`). Comes out: one `f32` tensor for
//! each graph input, finite, in the graph's order and of its shapes, unscaled: fixed point is the
//! prover's affair.

mod npy;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use zip::ZipArchive;

use super::graph::{self, Tensor};
use crate::suite::{Category, InputKind, ModelSpec};
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::hint::Hint;
use evmbench_host::json;

/// Seeded inputs of the single layers are uniform in this range.
pub const LAYER_INPUT_RANGE: Range<f32> = -1.0..1.0;

/// Channels of an image of CIFAR-10's.
const CHANNELS: usize = 3;

/// Mean of each channel (red, green, blue) that the study normalised CIFAR-10 images with.
pub const CIFAR10_MEAN: [f32; 3] = [0.4914, 0.4822, 0.4465];

/// Standard deviation of each channel that the study normalised CIFAR-10 images with.
pub const CIFAR10_STD: [f32; 3] = [0.2023, 0.1994, 0.2010];

/// Most bytes of a file of JSON: some millions of numbers. NumPy's formats hold more.
const MOST_JSON_BYTES: u64 = 64 << 20;

/// The stream of a seed that inputs come from; [`super::layers`] uses another.
const INPUT_STREAM: u64 = 1;

/// Why a file does not give the inputs of a model.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The extension is not one of those that are understood.
    #[error("{} is neither .json nor .npy nor .npz", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is not JSON.
    #[error("{} is not JSON: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// The file is JSON, but not arrays of numbers.
    #[error("{} has {found} where an array of numbers should be", path.display())]
    JsonForm {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        found: &'static str,
    },
    /// The file, or an array in it, is not a NumPy array.
    #[error("{} is not a NumPy array: {source}", path.display())]
    Numpy {
        /// The file, and the array within it after a `/`.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not an archive of NumPy arrays.
    #[error("{} is not a NumPy archive: {source}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: zip::result::ZipError,
    },
    /// The elements of an array are of a type that is not converted.
    #[error("{} has elements of type {dtype}", path.display())]
    ElementType {
        /// The file, and the array within it after a `/`.
        path: PathBuf,
        /// NumPy's description of the type.
        dtype: String,
    },
    /// There are more or fewer arrays than the model has inputs.
    #[error("{} has {found} arrays, but the model has {expected} inputs: {}", path.display(), names.join(", "))]
    Count {
        /// The file.
        path: PathBuf,
        /// Inputs of the model.
        expected: usize,
        /// Arrays in the file.
        found: usize,
        /// Names of the model's inputs.
        names: Vec<String>,
    },
    /// There are as many arrays as inputs, and they have other names.
    #[error(
        "{} has arrays {}, but the model has inputs {}, and their names do not tell which is which",
        path.display(), found.join(", "), names.join(", ")
    )]
    Names {
        /// The file.
        path: PathBuf,
        /// Names of the arrays, in the file's order.
        found: Vec<String>,
        /// Names of the model's inputs.
        names: Vec<String>,
    },
    /// An array has not the shape of its input.
    #[error("{}: input {input:?} has shape {expected:?} ({} numbers), but the file gives {found}", path.display(), expected.iter().product::<usize>())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Name of the input.
        input: String,
        /// Its shape.
        expected: Vec<usize>,
        /// What the file has in its place.
        found: String,
    },
    /// An element that the input does not take.
    #[error("{}: input {input:?} has {value} at position {position}, {fault}", path.display())]
    Element {
        /// The file.
        path: PathBuf,
        /// Name of the input.
        input: String,
        /// Position in row-major order.
        position: usize,
        /// The number.
        value: f64,
        /// What is wrong with it.
        fault: ElementFault,
    },
}

/// Why an input does not take a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ElementFault {
    /// It is NaN, infinite, or beyond the range of `f32`.
    #[error("which is no finite number of 32 bits")]
    NotFinite,
    /// It is none of those that the input takes.
    #[error("and takes {0}")]
    Other(Numbers),
    /// It is a whole number that `f32`, which all inputs are read as, does not hold, or one that may have been rounded to 53 bits.
    #[error("which 32-bit floats do not hold")]
    Wide,
}

impl Hint for InputError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Read { source, .. } => return source.hint(),
            Self::UnknownFormat { .. } => "give a file that ends in .json, .npy or .npz",
            Self::Json { .. } => {
                "write plain JSON: no NaN or Infinity (json.dumps(…, allow_nan=False) finds them), and no key twice"
            }
            Self::JsonForm { .. } => {
                "write {\"input_data\": [[…], …]} with one flat array of numbers for each input"
            }
            Self::Numpy { .. } => "write it with numpy.save(path, array)",
            Self::Archive { .. } => "write it with numpy.savez(path, name=array, …)",
            Self::ElementType { .. } => "convert it with array.astype(numpy.float32)",
            Self::Count { .. } => "give one array for each input, in the order of the ONNX file",
            Self::Names { .. } => {
                "name each array as its input: numpy.savez(path, **{\"input\": array, …}), or none: numpy.savez(path, array, …)"
            }
            Self::Shape { .. } => "give the input's own shape, or a flat array of as many numbers",
            Self::Element { fault, .. } => match fault {
                ElementFault::Wide => "give whole numbers of a magnitude up to 16,777,216",
                ElementFault::Other(_) => "give the input the numbers that the ONNX file declares for it",
                ElementFault::NotFinite => "every number must be finite and of a magnitude below 3.4e38",
            },
        };
        Some(hint.into())
    }
}

/// A kind of numbers that an input may hold. The typed graph computes with them all alike, as real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// Of any width.
    #[default]
    Floats,
    /// With a sign, of 32 bits or more.
    Integers,
    /// From one to another, of a narrow type or one without a sign.
    Within(i64, i64),
    /// 0 and 1.
    Truth,
}

impl Numbers {
    /// The nearest number of this kind that is no further from 0; of truth values 1, where it is more than 0.
    #[must_use]
    pub fn nearest(self, number: f64) -> f64 {
        match self {
            Self::Floats => number,
            Self::Integers => number.trunc(),
            Self::Within(least, greatest) => number.trunc().clamp(least as f64, greatest as f64),
            Self::Truth => f64::from(u8::from(number > 0.0)),
        }
    }

    fn has(self, number: f64) -> bool {
        self.nearest(number).partial_cmp(&number) == Some(Ordering::Equal)
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Floats => "numbers",
            Self::Integers => "whole numbers",
            Self::Within(least, greatest) => return write!(f, "whole numbers from {least} to {greatest}"),
            Self::Truth => "truth values, 0 or 1",
        })
    }
}

/// What an input of a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Its name in the ONNX file.
    pub name: &'a str,
    /// Its sizes, outermost first.
    pub shape: &'a [usize],
    /// What kind of numbers it takes.
    pub numbers: Numbers,
}

impl Slot<'_> {
    /// How many elements it has: a model with more than fit is refused.
    fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// A number of a file as an element of the input.
    fn element(&self, value: f64) -> Result<f32, ElementFault> {
        /// Beyond it, an `f64` may be another whole number than the file's.
        const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
        let single = value as f32;
        let is_exact = (f64::from(single) - value).abs() <= 0.0 && value.abs() < MOST_EXACT;
        if !single.is_finite() {
            Err(ElementFault::NotFinite)
        } else if !self.numbers.has(value) {
            Err(ElementFault::Other(self.numbers))
        } else if self.numbers != Numbers::Floats && !is_exact {
            Err(ElementFault::Wide)
        } else {
            Ok(single)
        }
    }
}

/// The seeded input of a model of the suite: an image of uniformly drawn 8-bit values, or numbers uniform in its range.
#[must_use]
pub fn seeded(spec: &ModelSpec, seed: u64) -> Tensor {
    match spec.input {
        InputKind::Numbers(least, greatest) => {
            let [least, greatest] = [least, greatest].map(f32::from);
            let (centre, half) = (f32::midpoint(least, greatest), (greatest - least) / 2.0);
            let mut tensor = seeded_uniform(spec.input_shape, seed);
            for x in &mut tensor.data {
                *x = centre + half * *x;
            }
            tensor
        }
        InputKind::NormalisedImage | InputKind::Pixels => {
            let mut rng = input_rng(seed);
            let pixels = (0..spec.input_shape.iter().product()).map(|_| (rng.next_u32() >> 24) as u8);
            image(spec, &pixels.collect::<Vec<u8>>())
        }
    }
}

/// An image, channel by channel, as a model of the suite takes it.
///
/// # Panics
/// When the model takes no image, or none of that size.
#[must_use]
pub fn image(spec: &ModelSpec, pixels: &[u8]) -> Tensor {
    let data = match spec.input {
        InputKind::NormalisedImage => normalised(pixels),
        InputKind::Pixels => {
            let size = pixels.len() / CHANNELS;
            let channels_last =
                (0..size).flat_map(|at| (0..CHANNELS).map(move |channel| channel * size + at));
            channels_last.map(|at| f32::from(pixels[at])).collect()
        }
        InputKind::Numbers(..) => panic!("{} takes no image", spec.id),
    };
    Tensor::new(spec.input_shape, data)
}

/// The greatest magnitude of an element of any input of a model of the suite: an image's pixels have 8 bits before they are
/// normalised, and other numbers are in the model's range.
#[must_use]
pub fn bound(spec: &ModelSpec) -> f64 {
    match spec.input {
        InputKind::Numbers(least, greatest) => f64::from(greatest.unsigned_abs().max(least.unsigned_abs())),
        InputKind::NormalisedImage => image_bound(),
        InputKind::Pixels => f64::from(u8::MAX),
    }
}

/// What kind of numbers a model of the suite takes. The 8-bit values of an image are whole, whatever type a file gives them.
#[must_use]
pub fn numbers(spec: &ModelSpec) -> Numbers {
    match spec.input {
        InputKind::Numbers(..) | InputKind::NormalisedImage => Numbers::Floats,
        InputKind::Pixels => Numbers::Within(0, u8::MAX.into()),
    }
}

/// Uniform in [−1, 1) in steps of 2⁻²³, so that every value is exact in `f32`.
pub(super) fn symmetric_unit(rng: &mut ChaCha8Rng) -> f32 {
    let steps = (rng.next_u32() >> 8) as f32;
    steps / 8_388_608.0 - 1.0
}

/// The greatest magnitude of an element of a normalised image, whose pixels have 8 bits before.
#[must_use]
pub fn image_bound() -> f64 {
    CIFAR10_MEAN
        .iter()
        .zip(&CIFAR10_STD)
        .map(|(&mean, &std)| f64::from(mean.max(1.0 - mean)) / f64::from(std))
        .fold(0.0, f64::max)
}

/// What is drawn where a user gives no input: numbers uniform in [`LAYER_INPUT_RANGE`], whole ones among the first eight, or
/// truth values.
#[must_use]
pub fn seeded_for(slot: &Slot<'_>, seed: u64) -> Tensor {
    const WHOLE: f32 = 4.0;
    let mut tensor = seeded_uniform(slot.shape, seed);
    for x in &mut tensor.data {
        *x = match slot.numbers {
            Numbers::Floats => *x,
            Numbers::Integers | Numbers::Within(..) => {
                slot.numbers.nearest(f64::from((*x + 1.0) * WHOLE).floor()) as f32
            }
            Numbers::Truth => f32::from(u8::from(*x > 0.0)),
        };
    }
    tensor
}

/// Numbers uniform in [`LAYER_INPUT_RANGE`].
#[must_use]
pub fn seeded_uniform(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = input_rng(seed);
    let data = (0..shape.iter().product())
        .map(|_| symmetric_unit(&mut rng))
        .collect();
    Tensor::new(shape, data)
}

/// The seeded input of a model of the suite as the study drew it: standard normal for the layers, which decides the
/// scales that its calibration ends with. The CNNs have an image here too.
#[must_use]
pub fn seeded_as_the_study(spec: &ModelSpec, seed: u64) -> Tensor {
    match spec.category {
        Category::Core | Category::Scaling => seeded_normal(spec.input_shape, seed),
        Category::Composite | Category::Tiny | Category::Classic => seeded(spec, seed),
    }
}

/// Standard normal numbers, by Marsaglia's polar method.
fn seeded_normal(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = input_rng(seed);
    let length = shape.iter().product();
    let mut data = Vec::with_capacity(length + 1);
    while data.len() < length {
        let [u, v] = [0; 2].map(|_| f64::from(symmetric_unit(&mut rng)));
        let square = u * u + v * v;
        if square > 0.0 && square < 1.0 {
            let factor = (-2.0 * square.ln() / square).sqrt();
            data.extend([u * factor, v * factor].map(|x| x as f32));
        }
    }
    data.truncate(length);
    Tensor::new(shape, data)
}

/// An image's bytes, channel by channel, as the CNNs take them: divided by 255, then normalised with
/// [`CIFAR10_MEAN`] and [`CIFAR10_STD`].
///
/// # Panics
/// When the bytes do not split into three channels of equal size.
#[must_use]
pub fn normalised(pixels: &[u8]) -> Vec<f32> {
    assert!(
        pixels.len().is_multiple_of(CHANNELS) && !pixels.is_empty(),
        "an image has three channels"
    );
    pixels
        .chunks_exact(pixels.len() / CHANNELS)
        .zip(CIFAR10_MEAN.into_iter().zip(CIFAR10_STD))
        .flat_map(|(channel, (mean, std))| {
            channel
                .iter()
                .map(move |&pixel| (f32::from(pixel) / 255.0 - mean) / std)
        })
        .collect()
}

fn input_rng(seed: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(INPUT_STREAM);
    rng
}

/// Reads the inputs of a model from a file.
///
/// - `.json`: `{"input_data": [[…], …]}` as EZKL has it, one array for each input, or the arrays
///   alone, or for a model with one input a single array in either place. An array is flat or nested to the shape.
/// - `.npy`: the array of a model with one input.
/// - `.npz`: arrays under the names of the inputs, or under `numpy.savez`'s own `arr_0`, `arr_1`, … in the order of the inputs;
///   of a model with one input, an array of any name.
///
/// An array has its input's shape, or is flat with as many elements. Elements are `f32`, `f64` or
/// integers of any width, and are rounded to `f32`.
///
/// # Errors
/// Every way in which a file can fail to be that; each error names the file and, where it is about
/// one, the input.
pub fn from_file(path: &Path, slots: &[Slot<'_>]) -> Result<Vec<Tensor>, InputError> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .map(str::to_ascii_lowercase);
    let most = |bytes: u64| {
        files::open(path, bytes).map_err(|source| InputError::Read {
            path: path.to_owned(),
            source,
        })
    };
    let arrays = match extension.as_deref() {
        Some("json") => json_arrays(path, most(MOST_JSON_BYTES)?, slots)?,
        Some("npy") => vec![npy_array(
            path,
            most(MOST_MODEL_BYTES)?,
            &slots[..slots.len().min(1)],
        )?],
        Some("npz") => npz_arrays(path, most(MOST_MODEL_BYTES)?, slots)?,
        _ => {
            return Err(InputError::UnknownFormat {
                path: path.to_owned(),
            });
        }
    };
    if arrays.len() != slots.len() {
        return Err(InputError::Count {
            path: path.to_owned(),
            expected: slots.len(),
            found: arrays.len(),
            names: slots.iter().map(|slot| slot.name.to_owned()).collect(),
        });
    }
    arrays
        .into_iter()
        .zip(slots)
        .map(|(array, slot)| array.into_tensor(path, slot))
        .collect()
}

/// Reads several sets of inputs from a file as [`from_file`] reads one: each array holds as many times the elements of its input
/// along the first axis as there are sets.
///
/// # Errors
/// As [`from_file`].
pub fn sets_from_file(path: &Path, slots: &[Slot<'_>]) -> Result<Vec<Vec<Tensor>>, InputError> {
    let Some(first) = slots.first() else {
        return Ok(Vec::new());
    };
    let count = (elements_of_first(path, slots)? / first.elements().max(1)).max(1);
    let stacked = |slot: &Slot<'_>| {
        let mut shape = slot.shape.to_vec();
        match shape.first_mut() {
            Some(size) => *size = size.saturating_mul(count),
            None => shape.push(count),
        }
        shape
    };
    let shapes: Vec<Vec<usize>> = slots.iter().map(stacked).collect();
    let all: Vec<Slot<'_>> = slots
        .iter()
        .zip(&shapes)
        .map(|(slot, shape)| Slot { shape, ..*slot })
        .collect();
    let tensors = from_file(path, &all)?;
    let set = |index: usize| {
        let parts = tensors.iter().zip(slots).map(|(tensor, slot)| {
            let len = slot.elements();
            Tensor::new(slot.shape, tensor.data[index * len..(index + 1) * len].to_vec())
        });
        parts.collect()
    };
    Ok((0..count).map(set).collect())
}

/// How many elements a file has for the first input.
fn elements_of_first(path: &Path, slots: &[Slot<'_>]) -> Result<usize, InputError> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let open = |bytes: u64| {
        files::open(path, bytes).map_err(|source| InputError::Read {
            path: path.to_owned(),
            source,
        })
    };
    let shape_of = |mut reader: &mut dyn Read| {
        let numpy = |source| InputError::Numpy {
            path: path.to_owned(),
            source,
        };
        let header = npy::Header::read(&mut reader).map_err(numpy)?;
        Ok(graph::elements(&header.shape).unwrap_or(0))
    };
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => {
            let arrays = json_arrays(path, open(MOST_JSON_BYTES)?, slots)?;
            Ok(arrays.first().map_or(0, |array| array.data.len()))
        }
        Some("npy") => shape_of(&mut open(MOST_MODEL_BYTES)?),
        Some("npz") => {
            let archive = |source| InputError::Archive {
                path: path.to_owned(),
                source,
            };
            let mut zip = ZipArchive::new(BufReader::new(open(MOST_MODEL_BYTES)?)).map_err(archive)?;
            let names: Vec<String> = zip
                .file_names()
                .filter_map(|name| Some(name.ok()?.into_owned()))
                .collect();
            let arrays = names.into_iter();
            let arrays = arrays.filter(|name| array_name(name).is_some());
            match wanted(arrays.collect(), slots)
                .ok()
                .and_then(|names| names.into_iter().next())
            {
                Some(name) => shape_of(&mut zip.by_name(&name).map_err(archive)?),
                None => Ok(0),
            }
        }
        _ => Ok(0),
    }
}

/// An array as a file has it, row-major. `f64` holds what `f32` can; integers beyond 2⁵³ are rounded here.
struct Array {
    /// Sizes; `None` when rows differ in length or depth.
    shape: Option<Vec<usize>>,
    data: Vec<f64>,
}

impl Array {
    fn into_tensor(self, path: &Path, slot: &Slot<'_>) -> Result<Tensor, InputError> {
        let expected_len = slot.elements();
        let found = match self.shape.as_deref() {
            Some([length]) if *length == expected_len => None,
            Some(shape) if shape == slot.shape => None,
            Some([length]) => Some(format!("{length} numbers")),
            Some(shape) => Some(format!("shape {shape:?}")),
            None => Some("rows of different lengths".to_owned()),
        };
        if let Some(found) = found {
            return Err(InputError::Shape {
                path: path.to_owned(),
                input: slot.name.to_owned(),
                expected: slot.shape.to_vec(),
                found,
            });
        }
        let single = |(position, value): (usize, f64)| {
            slot.element(value).map_err(|fault| InputError::Element {
                path: path.to_owned(),
                input: slot.name.to_owned(),
                position,
                value,
                fault,
            })
        };
        let data = self.data.into_iter().enumerate().map(single);
        Ok(Tensor::new(slot.shape, data.collect::<Result<_, _>>()?))
    }
}

fn json_arrays(path: &Path, file: File, slots: &[Slot<'_>]) -> Result<Vec<Array>, InputError> {
    let mut bytes = Vec::new();
    file.take(MOST_JSON_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Read {
            path: path.to_owned(),
            source,
        })?;
    let whole = json::parse(&bytes).map_err(|source| InputError::Json {
        path: path.to_owned(),
        source,
    })?;
    let arrays = whole.get("input_data").unwrap_or(&whole);
    // With or without the key, an array can be the one input itself.
    if let ([slot], Value::Array(_)) = (slots, arrays) {
        let array = json_array(path, arrays)?;
        let is_input = array
            .shape
            .as_ref()
            .is_some_and(|shape| shape.len() == 1 || shape == slot.shape);
        if is_input {
            return Ok(vec![array]);
        }
    }
    let Value::Array(arrays) = arrays else {
        return Err(InputError::JsonForm {
            path: path.to_owned(),
            found: kind(arrays),
        });
    };
    let array = |array: &Value| match array {
        Value::Array(_) => json_array(path, array),
        other => Err(InputError::JsonForm {
            path: path.to_owned(),
            found: kind(other),
        }),
    };
    arrays.iter().map(array).collect()
}

fn json_array(path: &Path, value: &Value) -> Result<Array, InputError> {
    let mut data = Vec::new();
    let shape = flatten(value, &mut data).map_err(|found| InputError::JsonForm {
        path: path.to_owned(),
        found,
    })?;
    Ok(Array { shape, data })
}

/// Appends the numbers of nested arrays to `data` and gives the sizes, `None` when rows differ; fails
/// with the kind of the first thing that is neither.
fn flatten(value: &Value, data: &mut Vec<f64>) -> Result<Option<Vec<usize>>, &'static str> {
    match value {
        Value::Number(number) => {
            // A number beyond the range of f64 is refused with the others that are not finite.
            data.push(number.as_f64().unwrap_or(f64::INFINITY));
            Ok(Some(Vec::new()))
        }
        Value::Bool(truth) => {
            data.push(f64::from(u8::from(*truth)));
            Ok(Some(Vec::new()))
        }
        Value::Array(rows) => {
            let shapes = rows
                .iter()
                .map(|row| flatten(row, data))
                .collect::<Result<Vec<_>, _>>()?;
            let row = shapes.first().cloned().unwrap_or(Some(Vec::new()));
            let regular = shapes.iter().all(|shape| *shape == row);
            Ok(row
                .filter(|_| regular)
                .map(|row| std::iter::once(rows.len()).chain(row).collect()))
        }
        _ => Err(kind(value)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a single number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn npz_arrays(path: &Path, file: File, slots: &[Slot<'_>]) -> Result<Vec<Array>, InputError> {
    let archive = |source| InputError::Archive {
        path: path.to_owned(),
        source,
    };
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(archive)?;
    let mut in_file = Vec::new();
    for name in zip.file_names() {
        let name = name.map_err(archive)?.into_owned();
        if array_name(&name).is_some() {
            in_file.push(name);
        }
    }
    let wanted = wanted(in_file, slots).map_err(|found| InputError::Names {
        path: path.to_owned(),
        found,
        names: slots.iter().map(|slot| slot.name.to_owned()).collect(),
    })?;
    wanted
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            // Where there are not as many arrays as inputs, none is anybody's, and that is refused afterwards.
            let slot = slots.get(index..=index).unwrap_or_default();
            npy_array(&path.join(&name), zip.by_name(&name).map_err(archive)?, slot)
        })
        .collect()
}

/// The files of an archive in the order of the inputs; their arrays' names, where those do not tell it. Another number of files
/// than of inputs is given back as it is.
fn wanted(in_file: Vec<String>, slots: &[Slot<'_>]) -> Result<Vec<String>, Vec<String>> {
    if in_file.len() != slots.len() || slots.len() == 1 {
        return Ok(in_file);
    }
    let by_name = slots.iter().map(|slot| format!("{}.npy", slot.name));
    let by_position = (0..slots.len()).map(|index| format!("arr_{index}.npy"));
    for names in [by_name.collect::<Vec<_>>(), by_position.collect()] {
        // Both have as many, and no name comes twice.
        if names.iter().all(|name| in_file.contains(name)) {
            return Ok(names);
        }
    }
    let name = |file: &String| array_name(file).unwrap_or(file).to_owned();
    Err(in_file.iter().map(name).collect())
}

/// The array's name, of a file of an archive that holds one. NumPy reads the file's name up to a zero.
fn array_name(file: &str) -> Option<&str> {
    file.split('\0').next()?.strip_suffix(".npy")
}

/// The array of a file that is read no further than its shape, where that is not the one that an input has: a few bytes may say
/// that any number of elements follows, and may unpack to as many.
fn npy_array(path: &Path, reader: impl Read, slot: &[Slot<'_>]) -> Result<Array, InputError> {
    let numpy = |source| InputError::Numpy {
        path: path.to_owned(),
        source,
    };
    let mut reader = reader;
    let header = npy::Header::read(&mut reader).map_err(numpy)?;
    header.count().map_err(numpy)?;
    let shape = &header.shape;
    let is_wanted = slot
        .first()
        .is_some_and(|slot| shape == slot.shape || *shape == [slot.elements()]);
    let data = if is_wanted {
        let element = header.element().ok_or_else(|| InputError::ElementType {
            path: path.to_owned(),
            dtype: header.descr.clone(),
        })?;
        header.elements(element, reader).map_err(numpy)?
    } else {
        Vec::new()
    };
    Ok(Array {
        shape: Some(header.shape),
        data,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::npy::tests::{file, header};
    use super::*;
    use crate::suite;

    const ONE: &[Slot<'static>] = &[Slot {
        name: "x",
        shape: &[1, 2, 2],
        numbers: Numbers::Floats,
    }];
    const TWO: &[Slot<'static>] = &[
        Slot {
            name: "left",
            shape: &[1, 2],
            numbers: Numbers::Floats,
        },
        Slot {
            name: "right",
            shape: &[1, 3],
            numbers: Numbers::Floats,
        },
    ];

    fn read(name: &str, bytes: &[u8], slots: &[Slot<'_>]) -> Result<Vec<Tensor>, InputError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        from_file(&path, slots)
    }

    /// A file with an array of little-endian elements.
    fn npy<const N: usize>(descr: &str, shape: &str, elements: &[[u8; N]]) -> Vec<u8> {
        file(&header(descr, false, shape), elements.as_flattened())
    }

    fn singles(shape: &str, elements: &[f32]) -> Vec<u8> {
        let elements: Vec<_> = elements.iter().map(|x| x.to_le_bytes()).collect();
        npy("<f4", shape, &elements)
    }

    fn npz(arrays: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in arrays {
            zip.start_file(*name, options).expect("starts");
            zip.write_all(bytes).expect("writes");
        }
        zip.finish().expect("ends").into_inner()
    }

    #[test]
    fn the_studys_input_is_standard_normal() {
        let spec = crate::suite::find("batchnorm2d").expect("is there");
        let data = seeded_as_the_study(spec, 0).data;
        let mean =
            |f: &dyn Fn(f64) -> f64| data.iter().map(|&x| f(f64::from(x))).sum::<f64>() / data.len() as f64;
        assert_eq!(data.len(), 131_072);
        assert!(mean(&|x| x).abs() < 0.01);
        assert!((mean(&|x| x * x) - 1.0).abs() < 0.02);
        assert!((mean(&|x| x * x * x * x) - 3.0).abs() < 0.1);
    }

    #[test]
    fn json_in_every_accepted_form() {
        let expected = vec![Tensor::new([1, 2, 2], vec![1.0, -2.0, 3.5, 4.0])];
        for text in [
            r#"{"input_data": [[1, -2.0, 3.5, 4e0]]}"#,
            r#"{"input_data": [[[[1, -2], [3.5, 4]]]]}"#,
            "[1, -2, 3.5, 4]",
            "[[1, -2, 3.5, 4]]",
            "[[[1, -2], [3.5, 4]]]",
        ] {
            assert_eq!(read("x.json", text.as_bytes(), ONE).expect(text), expected);
        }
        let two = read("x.json", br#"{"input_data": [[1, 2], [3, 4, 5]]}"#, TWO).expect("fits");
        assert_eq!(two[1], Tensor::new([1, 3], vec![3.0, 4.0, 5.0]));
    }

    #[test]
    fn json_that_is_refused() {
        let refused = |text: &str| read("x.json", text.as_bytes(), ONE).expect_err(text);
        assert!(matches!(refused("[1, 2, NaN, 4]"), InputError::Json { .. }));
        assert!(matches!(
            refused("[1, 2, 1e999, 4]"),
            InputError::Element {
                position: 2,
                fault: ElementFault::NotFinite,
                ..
            }
        ));
        assert!(matches!(
            refused("[1, 2, 1e39, 4]"),
            InputError::Element {
                position: 2,
                fault: ElementFault::NotFinite,
                ..
            }
        ));
        assert!(matches!(refused("[1, 2, 3]"), InputError::Shape { .. }));
        assert!(matches!(refused("[[1, 2], [3, 4]]"), InputError::Count { .. }));
        assert!(matches!(
            refused(r#"{"input_data": [[[1], [2, 3, 4]]]}"#),
            InputError::Shape { .. }
        ));
        assert!(matches!(
            refused(r#"{"input_data": [["01"]]}"#),
            InputError::JsonForm {
                found: "a string",
                ..
            }
        ));
        assert!(matches!(refused("{}"), InputError::JsonForm { .. }));
        let twice = r#"{"input_data": [[1, 2, 3, 4]], "input_data": [[0, 0, 0, 0]]}"#;
        assert!(matches!(refused(twice), InputError::Json { .. }));
        assert!(matches!(refused("7"), InputError::JsonForm { .. }));
        let message = refused("[1, 2, 3]").to_string();
        assert!(
            message.contains("x.json") && message.contains("\"x\""),
            "{message}"
        );
    }

    #[test]
    fn npy_of_every_element_type_and_order() {
        let expected = vec![Tensor::new([1, 2, 2], vec![1.0, 2.0, 3.0, 4.0])];
        let shape = "(1, 2, 2)";
        let files = [
            singles(shape, &[1.0, 2.0, 3.0, 4.0]),
            npy("<f8", shape, &[1.0, 2.0, 3.0, 4.0_f64].map(f64::to_le_bytes)),
            npy("|i1", shape, &[1, 2, 3, 4_i8].map(i8::to_le_bytes)),
            npy("<i2", shape, &[1, 2, 3, 4_i16].map(i16::to_le_bytes)),
            npy("<i4", shape, &[1, 2, 3, 4_i32].map(i32::to_le_bytes)),
            npy("<i8", shape, &[1, 2, 3, 4_i64].map(i64::to_le_bytes)),
            npy("|u1", shape, &[1, 2, 3, 4_u8].map(u8::to_le_bytes)),
            npy("<u2", shape, &[1, 2, 3, 4_u16].map(u16::to_le_bytes)),
            npy("<u4", shape, &[1, 2, 3, 4_u32].map(u32::to_le_bytes)),
            npy("<u8", shape, &[1, 2, 3, 4_u64].map(u64::to_le_bytes)),
            npy("<u8", "(4,)", &[1, 2, 3, 4_u64].map(u64::to_le_bytes)),
            npy(">i4", shape, &[1, 2, 3, 4_i32].map(i32::to_be_bytes)),
            file(&header("|u1", true, shape), &[1, 3, 2, 4]),
        ];
        for bytes in files {
            assert_eq!(read("x.npy", &bytes, ONE).expect("fits"), expected);
        }
    }

    #[test]
    fn truth_values_and_whole_numbers_are_read_for_what_takes_them() {
        let of = |numbers| [Slot { numbers, ..ONE[0] }];
        let truth = npy("|b1", "(4,)", &[[1], [0], [1], [1]]);
        let expected = vec![Tensor::new([1, 2, 2], vec![1.0, 0.0, 1.0, 1.0])];
        assert_eq!(
            read("x.npy", &truth, &of(Numbers::Truth)).expect("fits"),
            expected
        );
        let json = br#"{"input_data": [[true, false, 1, 1]]}"#;
        assert_eq!(read("x.json", json, &of(Numbers::Truth)).expect("fits"), expected);
        for (numbers, other, expected) in [
            (Numbers::Truth, "2", ElementFault::Other(Numbers::Truth)),
            (Numbers::Integers, "0.5", ElementFault::Other(Numbers::Integers)),
            (Numbers::Integers, "16777217", ElementFault::Wide),
            // As an `f64` it is 2⁵³, which `f32` holds.
            (Numbers::Integers, "9007199254740993", ElementFault::Wide),
        ] {
            let json = format!("[1, 0, 1, {other}]");
            let refused = read("x.json", json.as_bytes(), &of(numbers)).expect_err("another number");
            let is_expected =
                matches!(refused, InputError::Element { position: 3, fault, .. } if fault == expected);
            assert!(is_expected, "{refused}");
        }
    }

    #[test]
    fn a_file_may_hold_several_sets() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.npy");
        let data: Vec<f32> = (0..12_u8).map(f32::from).collect();
        std::fs::write(&path, singles("(3, 2, 2)", &data)).expect("writable");
        let sets = sets_from_file(&path, ONE).expect("fits");
        assert_eq!(sets.len(), 3);
        assert_eq!(sets[2], [Tensor::new([1, 2, 2], vec![8.0, 9.0, 10.0, 11.0])]);
        let path = folder.path().join("x.npz");
        let arrays = [
            ("left.npy", singles("(2, 2)", &[1.0; 4])),
            ("right.npy", singles("(2, 3)", &[2.0; 6])),
        ];
        std::fs::write(&path, npz(&arrays, zip::CompressionMethod::Stored)).expect("writable");
        let sets = sets_from_file(&path, TWO).expect("fits");
        assert_eq!(sets.len(), 2);
        assert_eq!(sets[1][1].shape, [1, 3]);
    }

    #[test]
    fn npy_that_is_refused() {
        let refused = |bytes: &[u8]| read("x.npy", bytes, ONE).expect_err("refused");
        let nan = singles("(4,)", &[0.0, f32::NAN, 0.0, 0.0]);
        assert!(matches!(
            refused(&nan),
            InputError::Element {
                position: 1,
                fault: ElementFault::NotFinite,
                ..
            }
        ));
        let infinite = npy(
            "<f8",
            "(4,)",
            &[0.0, 0.0, 0.0, f64::NEG_INFINITY].map(f64::to_le_bytes),
        );
        assert!(matches!(
            refused(&infinite),
            InputError::Element {
                position: 3,
                fault: ElementFault::NotFinite,
                ..
            }
        ));
        let transposed = singles("(2, 2, 1)", &[0.0; 4]);
        assert!(matches!(refused(&transposed), InputError::Shape { .. }));
        let complex = npy("<c8", "(4,)", &[[0; 8]; 4]);
        assert!(matches!(refused(&complex), InputError::ElementType { .. }));
        let whole = singles("(4,)", &[0.0; 4]);
        assert!(matches!(
            refused(&whole[..whole.len() - 1]),
            InputError::Numpy { .. }
        ));
        assert!(matches!(refused(b"junk"), InputError::Numpy { .. }));
    }

    /// An array's file of version 1 with this header, and nothing after it.
    fn npy_of(header: &str) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat()
    }

    fn header_of(shape: &str) -> String {
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n")
    }

    /// A few bytes that claim any number of elements, or would take a parser any way down, are refused by what they say.
    #[test]
    fn npy_headers_that_claim_too_much_are_refused() {
        let of = |header: &str| {
            let error = read("x.npy", &npy_of(header), ONE).expect_err("refused");
            assert!(error.hint().is_some());
            error.to_string()
        };
        for shape in [
            "(4294967296, 4294967296)",
            "(9223372036854775807,)",
            "(18446744073709551615, 2)",
            "(99999999999999999999999999,)",
            "(1073741824, 1073741824)",
            "(536870912,)",
        ] {
            let message = of(&header_of(shape));
            assert!(message.contains("elements"), "{shape} {message}");
        }
        for shape in [
            "(0x7fffffffffffffff,)",
            "(4_000_000_000_000, 4_000_000_000)",
            "(1e30,)",
        ] {
            let message = of(&header_of(shape));
            assert!(message.contains("decimal digits"), "{shape} {message}");
        }
        for open in ["(", "[", "{"] {
            let message = of(&open.repeat(9_000));
            assert!(message.contains("where"), "{message}");
            let message = of(&format!("{{'descr': {}", open.repeat(9_000)));
            assert!(message.contains("its header"), "{message}");
        }
        assert!(of(&" ".repeat(10_001)).contains("at most 10000 are read"));
        // What it claims fits, and is not there.
        assert!(of(&header_of("(1, 2, 2)")).contains("fewer bytes follow its header than the 16"));
        let long = [npy_of(&header_of("(4,)")), vec![0; 17]].concat();
        let message = read("x.npy", &long, ONE).expect_err("refused").to_string();
        assert!(
            message.contains("more bytes follow its header than the 16"),
            "{message}"
        );
        // Version 2 has four bytes for the header's length.
        let claims = [b"\x93NUMPY\x02\x00", &u32::MAX.to_le_bytes()[..]].concat();
        let message = read("x.npy", &claims, ONE).expect_err("refused").to_string();
        assert!(message.contains("its header has 4294967295 bytes"), "{message}");
    }

    /// An archive of some kilobytes that would unpack to gigabytes is read no further than its shape tells.
    #[test]
    fn an_archive_that_unpacks_to_too_much_is_refused() {
        let zeros = vec![0; 64 << 20];
        for (shape, part) in [("(16777216,)", "16777216 numbers"), ("(4,)", "more bytes follow")] {
            let array = [npy_of(&header_of(shape)), zeros.clone()].concat();
            let archive = npz(&[("x.npy", array)], zip::CompressionMethod::Deflated);
            assert!(archive.len() < 1 << 20);
            let message = read("x.npz", &archive, ONE).expect_err("refused").to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn npz_by_name_and_by_position() {
        let left = || singles("(1, 2)", &[1.0, 2.0]);
        let right = || singles("(3,)", &[3.0, 4.0, 5.0]);
        let expected = vec![
            Tensor::new([1, 2], vec![1.0, 2.0]),
            Tensor::new([1, 3], vec![3.0, 4.0, 5.0]),
        ];
        let stored = zip::CompressionMethod::Stored;
        let deflated = zip::CompressionMethod::Deflated;
        let by_name = npz(&[("right.npy", right()), ("left.npy", left())], deflated);
        assert_eq!(read("x.npz", &by_name, TWO).expect("fits"), expected);
        let by_position = npz(&[("arr_0.npy", left()), ("arr_1.npy", right())], stored);
        assert_eq!(read("x.npz", &by_position, TWO).expect("fits"), expected);
        let one = npz(&[("arr_0.npy", left())], stored);
        assert!(matches!(
            read("x.npz", &one, TWO),
            Err(InputError::Count { found: 1, .. })
        ));
        // numpy's names are positions, wherever they stand.
        let exchanged = npz(&[("arr_1.npy", right()), ("arr_0.npy", left())], stored);
        assert_eq!(read("x.npz", &exchanged, TWO).expect("fits"), expected);
        let any = npz(&[("other.npy", singles("(4,)", &[1.0; 4]))], stored);
        assert_eq!(read("x.npz", &any, ONE).expect("fits")[0].data, [1.0; 4]);
        assert!(matches!(
            read("x.npz", b"junk", TWO),
            Err(InputError::Archive { .. })
        ));
        let damaged = npz(&[("left.npy", left()), ("right.npy", b"junk".to_vec())], stored);
        let message = read("x.npz", &damaged, TWO).expect_err("refused").to_string();
        assert!(message.contains("right.npy"), "{message}");
    }

    /// Names that do not tell which array is which input, though the shapes fit in the file's order.
    #[test]
    fn npz_whose_names_are_not_the_inputs_is_refused_with_both_lists() {
        let left = || singles("(1, 2)", &[1.0, 2.0]);
        let right = || singles("(1, 3)", &[3.0, 4.0, 5.0]);
        for names in [
            ["left", "Right"],
            ["right ", "left"],
            ["a", "b"],
            ["arr_0", "right"],
            ["arr_1", "arr_2"],
            ["arr_0", "arr_01"],
        ] {
            let files = names.map(|name| format!("{name}.npy"));
            let archive = npz(
                &[(files[0].as_str(), left()), (files[1].as_str(), right())],
                zip::CompressionMethod::Stored,
            );
            let error = read("x.npz", &archive, TWO).expect_err("refused");
            let message = error.to_string();
            assert!(matches!(error, InputError::Names { .. }), "{message}");
            assert!(message.contains(&names.join(", ")), "{message}");
            assert!(message.contains("left, right"), "{message}");
            assert!(error.hint().unwrap().contains("numpy.savez"));
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(
            read("x.txt", b"1", ONE),
            Err(InputError::UnknownFormat { .. })
        ));
        assert!(matches!(
            from_file(Path::new("no/such/file.json"), ONE),
            Err(InputError::Read { .. })
        ));
    }

    #[test]
    fn seeded_inputs_keep_to_their_range_and_seed() {
        let relu = suite::find("relu").expect("in the suite");
        let input = seeded(relu, 0);
        assert_eq!(input.shape, relu.input_shape);
        assert!(input.data.iter().all(|x| LAYER_INPUT_RANGE.contains(x)));
        assert_eq!(input, seeded(relu, 0));
        assert_ne!(input, seeded(relu, 1));

        let cnn = suite::find("cnn_relu").expect("in the suite");
        let image = seeded(cnn, 0);
        // Each value is an 8-bit level of its channel.
        for (channel, values) in image.data.chunks_exact(32 * 32).enumerate() {
            for value in values {
                let level = (value * CIFAR10_STD[channel] + CIFAR10_MEAN[channel]) * 255.0;
                assert!((level - level.round()).abs() < 1e-3, "level {level}");
                assert!((-0.01..255.01).contains(&level), "level {level}");
            }
        }
    }

    #[test]
    fn black_and_white_pixels_normalise_as_by_hand() {
        let ends = normalised(&[0, 255, 0, 255, 0, 255]);
        let by_hand = [-2.429_066, 2.514_088, -2.418_255, 2.596_79, -2.221_393, 2.753_731];
        for (value, expected) in ends.into_iter().zip(by_hand) {
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
    }

    #[test]
    fn a_network_takes_an_image_as_its_pixels_or_normalised() {
        let pixels: Vec<u8> = (0..3 * 1024)
            .map(|at| (at / 1024 * 100 + at % 1024 % 50) as u8)
            .collect();
        let resnet8 = suite::find("resnet8").expect("in the suite");
        let image = super::image(resnet8, &pixels);
        assert_eq!(image.shape, [1, 32, 32, 3]);
        assert_eq!(image.data[..6], [0.0, 100.0, 200.0, 1.0, 101.0, 201.0]);
        let resnet20 = suite::find("resnet20").expect("in the suite");
        assert_eq!(super::image(resnet20, &pixels).data, normalised(&pixels));
        for spec in &suite::NETWORKS {
            let input = seeded(spec, 3);
            assert_eq!(input.shape, spec.input_shape, "{}", spec.id);
            assert!(
                input
                    .data
                    .iter()
                    .all(|&x| f64::from(x.abs()) <= bound(spec) && numbers(spec).has(x.into()))
            );
        }
    }
}
