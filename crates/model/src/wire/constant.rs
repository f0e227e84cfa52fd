//! Constants of a file: initializers, `Constant` nodes and what is made of them.

use tract_onnx::pb::{
    AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType, tensor_proto::DataType,
};

use super::node::{Attributes, size};
use crate::tensor::{self, Tensor};

/// The most axes that a value may have.
pub(crate) const MOST_AXES: usize = 16;

/// A constant tensor.
#[derive(Clone)]
pub(crate) enum Constant {
    /// Of `f32`.
    Floats(Tensor),
    /// Of `i64`.
    Ints(Integers),
}

impl Constant {
    /// Sizes, outermost first.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Floats(tensor) => &tensor.shape,
            Self::Ints(integers) => &integers.shape,
        }
    }

    /// Its elements as `f32`.
    pub(crate) fn to_floats(&self) -> Tensor {
        match self {
            Self::Floats(tensor) => tensor.clone(),
            Self::Ints(integers) => {
                let data = integers.data.iter().map(|&x| x as f32).collect();
                Tensor::new(integers.shape.clone(), data)
            }
        }
    }

    /// Its elements as `f32`, each as it is.
    ///
    /// # Errors
    /// An integer that `f32` does not hold.
    pub(crate) fn to_exact_floats(&self) -> Result<Tensor, String> {
        if let Self::Ints(integers) = self
            && let Some(x) = integers
                .data
                .iter()
                .find(|&&x| i128::from(x) != (x as f32) as i128)
        {
            return Err(format!("{x} is no number of 32 bits"));
        }
        Ok(self.to_floats())
    }

    /// The type of its elements; none of floats, whose width is not kept.
    pub(crate) fn element(&self) -> Option<DataType> {
        match self {
            Self::Floats(_) => None,
            Self::Ints(integers) => Some(integers.element),
        }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Floats(tensor) => tensor.len(),
            Self::Ints(integers) => integers.data.len(),
        }
    }
}

/// A row-major tensor of integers or truth values; `data.len()` is the product of `shape`.
#[derive(Clone)]
pub(crate) struct Integers {
    /// The type that its elements have in the file.
    pub(crate) element: DataType,
    /// Sizes, outermost first; a scalar has none.
    pub(crate) shape: Vec<usize>,
    /// Row-major elements.
    pub(crate) data: Vec<i64>,
}

impl Integers {
    /// What has been computed of integers of a type; it wraps around where an element is none of that type, which nobody means.
    pub(crate) fn computed(
        element: DataType,
        shape: Vec<usize>,
        data: Option<Vec<i64>>,
    ) -> Result<Self, String> {
        let (least, greatest) = range(element).ok_or("it is of no integers")?;
        let data = data.filter(|data| data.iter().all(|x| (least..=greatest).contains(x)));
        let data = data.ok_or_else(|| format!("its result is no {}", element.as_str_name()))?;
        Ok(Self { element, shape, data })
    }

    /// Truth values.
    pub(crate) fn truth(shape: Vec<usize>, data: Vec<bool>) -> Self {
        Self {
            element: DataType::Bool,
            shape,
            data: data.into_iter().map(i64::from).collect(),
        }
    }

    /// Of 64 bits, with one axis.
    pub(crate) fn flat(data: Vec<i64>) -> Self {
        Self {
            element: DataType::Int64,
            shape: vec![data.len()],
            data,
        }
    }

    /// Of a tensor with these elements.
    fn of<T: Into<i64>>(tensor: &TensorProto, elements: Vec<T>) -> Result<Self, String> {
        let data = elements.into_iter().map(Into::into).collect::<Vec<i64>>();
        Ok(Self {
            element: tensor.data_type(),
            shape: shape(tensor, data.len())?,
            data,
        })
    }
}

/// The least and the greatest integer of a type, as far as 64 bits with a sign hold them; none of floats.
pub(crate) fn range(element: DataType) -> Option<(i64, i64)> {
    Some(match element {
        DataType::Bool => (0, 1),
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Uint8 => (0, u8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Uint16 => (0, u16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::Uint32 => (0, u32::MAX.into()),
        DataType::Int64 => (i64::MIN, i64::MAX),
        DataType::Uint64 => (0, i64::MAX),
        _ => return None,
    })
}

/// The number of elements of a stored tensor.
///
/// # Errors
/// Its sizes are no sizes, or it holds another number of elements, or elements that no model computes with.
pub(crate) fn stored_elements(tensor: &TensorProto) -> Result<usize, String> {
    let shape: Vec<usize> = tensor.dims.iter().map(|&d| size(d)).collect::<Result<_, _>>()?;
    if shape.len() > MOST_AXES {
        return Err(format!(
            "it has {} axes, and {MOST_AXES} are the most",
            shape.len()
        ));
    }
    let (stored, width) = match tensor.data_type() {
        DataType::Float => (tensor.float_data.len(), 4),
        DataType::Double => (tensor.double_data.len(), 8),
        DataType::Int64 => (tensor.int64_data.len(), 8),
        DataType::Uint64 => (tensor.uint64_data.len(), 8),
        DataType::Uint32 => (tensor.uint64_data.len(), 4),
        DataType::Int32 => (tensor.int32_data.len(), 4),
        DataType::Int16 | DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => {
            (tensor.int32_data.len(), 2)
        }
        DataType::Int8 | DataType::Uint8 | DataType::Bool => (tensor.int32_data.len(), 1),
        other => return Err(format!("its elements are of type {}", other.as_str_name())),
    };
    let stored = match tensor.raw_data.len() {
        0 => stored,
        bytes if bytes.is_multiple_of(width) => bytes / width,
        bytes => return Err(format!("{bytes} bytes do not split into elements of {width}")),
    };
    if tensor::elements(&shape) != Some(stored) {
        return Err(format!("it holds {stored} elements, and its shape is {shape:?}"));
    }
    Ok(stored)
}

/// A matrix with its axes exchanged.
pub(crate) fn transposed(matrix: &Tensor) -> Result<Tensor, String> {
    let [rows, columns] = matrix.shape[..] else {
        return Err(format!("its weight has shape {:?}, not rank 2", matrix.shape));
    };
    let data = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| matrix.data[row * columns + column]))
        .collect();
    Ok(Tensor::new([columns, rows], data))
}

pub(crate) fn constant_node(node: &NodeProto) -> Result<Constant, String> {
    let attributes = Attributes(node);
    let tensor = attributes
        .get("value", AttributeType::Tensor)
        .and_then(|attribute| attribute.t.as_ref());
    let scalar = |value| Constant::Floats(Tensor::new([], vec![value]));
    let vector = |attribute: &AttributeProto| {
        Constant::Floats(Tensor::new([attribute.floats.len()], attribute.floats.clone()))
    };
    if let Some(tensor) = tensor {
        return constant(tensor);
    }
    None.or(attributes.float("value_float").map(scalar))
        .or(attributes.get("value_floats", AttributeType::Floats).map(vector))
        .or(attributes.int("value_int").map(|value| {
            Constant::Ints(Integers {
                element: DataType::Int64,
                shape: Vec::new(),
                data: vec![value],
            })
        }))
        .or(attributes
            .ints("value_ints")
            .map(|values| Constant::Ints(Integers::flat(values.to_vec()))))
        .ok_or_else(|| "its value is neither floats nor integers".to_owned())
}

/// A constant of floats of any width (as `f32`), integers (as `i64`) or truth values (as 0 and 1).
pub(crate) fn constant(tensor: &TensorProto) -> Result<Constant, String> {
    // What is narrower than the field that holds it stands in its lowest bits.
    let narrow = &tensor.int32_data;
    let bytes = || narrow.iter().map(|&x| x as u8).collect::<Vec<u8>>();
    let halves = || narrow.iter().map(|&x| x as u16).collect::<Vec<u16>>();
    let integers = match tensor.data_type() {
        DataType::Float => return floats(tensor).map(Constant::Floats),
        DataType::Double => {
            let all = elements(tensor, &tensor.double_data, f64::from_le_bytes)?;
            // Of what is less than that, f32 leaves out less than a half.
            let is_held = |x: f64| {
                x.abs() < f64::from(1 << f32::MANTISSA_DIGITS)
                    || f64::from(x as f32).to_bits() == x.to_bits()
                    || !x.is_finite()
            };
            if let Some(x) = all.iter().find(|x| !is_held(**x)) {
                return Err(format!("{x} is no number of 32 bits"));
            }
            return floats_of(tensor, all.into_iter().map(|x| x as f32));
        }
        DataType::Float16 => {
            let all = elements(tensor, &halves(), u16::from_le_bytes)?;
            return floats_of(tensor, all.into_iter().map(half));
        }
        DataType::Bfloat16 => {
            let all = elements(tensor, &halves(), u16::from_le_bytes)?;
            return floats_of(
                tensor,
                all.into_iter().map(|x| f32::from_bits(u32::from(x) << 16)),
            );
        }
        DataType::Int64 => Integers::of(tensor, elements(tensor, &tensor.int64_data, i64::from_le_bytes)?),
        DataType::Int32 => Integers::of(tensor, elements(tensor, narrow, i32::from_le_bytes)?),
        DataType::Int16 => {
            let typed: Vec<i16> = narrow.iter().map(|&x| x as i16).collect();
            Integers::of(tensor, elements(tensor, &typed, i16::from_le_bytes)?)
        }
        DataType::Int8 => {
            let typed: Vec<i8> = narrow.iter().map(|&x| x as i8).collect();
            Integers::of(tensor, elements(tensor, &typed, i8::from_le_bytes)?)
        }
        DataType::Uint64 => {
            let all = elements(tensor, &tensor.uint64_data, u64::from_le_bytes)?;
            let all = all.into_iter().map(i64::try_from).collect::<Result<Vec<_>, _>>();
            Integers::of(tensor, all.map_err(|_| "an element is 2^63 or more".to_owned())?)
        }
        DataType::Uint32 => {
            let typed: Vec<u32> = tensor.uint64_data.iter().map(|&x| x as u32).collect();
            Integers::of(tensor, elements(tensor, &typed, u32::from_le_bytes)?)
        }
        DataType::Uint16 => Integers::of(tensor, elements(tensor, &halves(), u16::from_le_bytes)?),
        DataType::Uint8 => Integers::of(tensor, elements(tensor, &bytes(), u8::from_le_bytes)?),
        DataType::Bool => {
            let all = if tensor.raw_data.is_empty() {
                tensor.int32_data.clone()
            } else {
                tensor.raw_data.iter().copied().map(i32::from).collect()
            };
            // Runtimes differ in what they make of others.
            match all.iter().find(|&&x| ![0, 1].contains(&x)) {
                Some(x) => Err(format!("{x} is no truth value")),
                None => Integers::of(tensor, all),
            }
        }
        other => Err(format!("elements of type {}", other.as_str_name())),
    };
    integers.map(Constant::Ints)
}

/// Whether a tensor has numbers of 64 bits that are rounded to 32.
pub(crate) fn is_rounded(tensor: &TensorProto) -> bool {
    tensor.data_type() == DataType::Double
        && elements(tensor, &tensor.double_data, f64::from_le_bytes)
            .is_ok_and(|all| all.iter().any(|&x| f64::from(x as f32).to_bits() != x.to_bits()))
}

/// A constant with a tensor's sizes.
fn floats_of(tensor: &TensorProto, elements: impl Iterator<Item = f32>) -> Result<Constant, String> {
    let data: Vec<f32> = elements.collect();
    Ok(Constant::Floats(Tensor::new(shape(tensor, data.len())?, data)))
}

/// The number that a half-precision float stands for (IEEE 754 `binary16`).
fn half(bits: u16) -> f32 {
    const EXPONENT_BIAS: i32 = 15;
    const FRACTION_BITS: i32 = 10;
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    let magnitude = match i32::from(bits >> FRACTION_BITS & 0x1f) {
        0 => fraction * 2_f32.powi(1 - EXPONENT_BIAS - FRACTION_BITS),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        exponent => (1024.0 + fraction) * 2_f32.powi(exponent - EXPONENT_BIAS - FRACTION_BITS),
    };
    sign * magnitude
}

/// Whether no element is NaN or infinite, whatever the width of its floats. What cannot be read has no such element.
pub(crate) fn is_finite(tensor: &TensorProto) -> bool {
    /// The bits of a half-precision float that are all 1 in NaN and infinity, and the same of a `bfloat16`.
    const HALF_EXPONENT: u16 = 0x7c00;
    const BRAIN_EXPONENT: u16 = 0x7f80;
    let halves = |exponent: u16| {
        let typed: Vec<u16> = tensor.int32_data.iter().map(|&bits| bits as u16).collect();
        elements(tensor, &typed, u16::from_le_bytes)
            .is_ok_and(|all| all.iter().any(|bits| bits & exponent == exponent))
    };
    let has_other = match tensor.data_type() {
        DataType::Float => elements(tensor, &tensor.float_data, f32::from_le_bytes)
            .is_ok_and(|all| all.iter().any(|x| !x.is_finite())),
        DataType::Double => elements(tensor, &tensor.double_data, f64::from_le_bytes)
            .is_ok_and(|all| all.iter().any(|x| !x.is_finite())),
        DataType::Float16 => halves(HALF_EXPONENT),
        DataType::Bfloat16 => halves(BRAIN_EXPONENT),
        _ => false,
    };
    !has_other
}

pub(crate) fn floats(tensor: &TensorProto) -> Result<Tensor, String> {
    if tensor.data_type() != DataType::Float {
        return Err(format!("elements of type {}", tensor.data_type().as_str_name()));
    }
    let data = elements(tensor, &tensor.float_data, f32::from_le_bytes)?;
    Ok(Tensor::new(shape(tensor, data.len())?, data))
}

/// The sizes of a tensor that has so many elements.
fn shape(tensor: &TensorProto, count: usize) -> Result<Vec<usize>, String> {
    let shape: Vec<usize> = tensor.dims.iter().map(|&d| size(d)).collect::<Result<_, _>>()?;
    if tensor::elements(&shape) != Some(count) {
        return Err(format!("{count} elements for the shape {shape:?}"));
    }
    Ok(shape)
}

/// A tensor's elements from the typed field, or else from the raw little-endian bytes.
fn elements<T: Copy, const N: usize>(
    tensor: &TensorProto,
    typed: &[T],
    decode: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    if tensor.raw_data.is_empty() {
        return Ok(typed.to_vec());
    }
    let (chunks, rest) = tensor.raw_data.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks.iter().map(|&chunk| decode(chunk)).collect())
    } else {
        Err(format!(
            "{} bytes do not split into elements",
            tensor.raw_data.len()
        ))
    }
}
