//! What a node comes to that reads constants alone: the chains of Shape, Gather, Unsqueeze and Concat that exporters write for
//! sizes, weights behind DequantizeLinear, Cast or Transpose, and arithmetic of numbers.
//!
//! Goes in: a node and the constants that it reads. Comes out: its first output, as ONNX defines it, in `f32` and `i64`. What
//! reads a value of the graph is none of this module's business, except for its sizes, which are constants.

use std::cmp::Ordering;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

use crate::ops::{
    Cut, NO_AXES, expect_replacing, indices, origins, places_along, places_of_parts, quantised,
};
use crate::tensor::{Tensor, elements};
use crate::wire::constant::{Constant, Integers, constant, range};
use crate::wire::node::{axis, size};
use crate::wire::proto::signed;
use crate::wire::reading::Reading;

/// The constants that a node reads, by position; none where an input is left out.
struct Operands<'a> {
    node: &'a Reading<'a>,
    all: Vec<Option<&'a Constant>>,
}

type Folded = Result<Constant, String>;

/// The first output of a node that reads constants alone; none where it reads something else, or where its operator is not
/// folded. The error is why it has no output.
pub(super) fn folded(node: &Reading<'_>) -> Option<Folded> {
    match node.node().op_type.as_str() {
        "Shape" | "Size" => return sizes_of(node).transpose(),
        _ => {}
    }
    let inputs = 0..node.node().input.len();
    let all: Option<Vec<Option<&Constant>>> = inputs
        .map(|position| match node.argument(position) {
            Ok(_) => node.constant(position).ok().map(Some),
            Err(_) => Some(None),
        })
        .collect();
    let all = all.filter(|all| all.iter().any(Option::is_some))?;
    let operands = Operands { node, all };
    let operator = node.node().op_type.as_str();
    operands
        .moved(operator)
        .or_else(|| operands.made(operator))
        .or_else(|| operands.computed(operator))
}

/// What `Shape` and `Size` give of a constant or of a value, whose sizes are known.
fn sizes_of(node: &Reading<'_>) -> Result<Option<Constant>, String> {
    let shape = match node.constant(0) {
        Ok(constant) => constant.shape(),
        Err(_) => match node.shape(0)? {
            Some(shape) => shape,
            None => return Ok(None),
        },
    };
    let sizes: Vec<i64> = shape.iter().copied().map(signed).collect();
    if node.node().op_type == "Size" {
        return Ok(Some(scalar(sizes.iter().product())));
    }
    let bound = |name: &str, default: usize| {
        let at = node.attributes().int(name).unwrap_or(signed(default));
        let at = if at < 0 { at + signed(sizes.len()) } else { at };
        at.clamp(0, signed(sizes.len())) as usize
    };
    let (start, end) = (bound("start", 0), bound("end", sizes.len()));
    let part = sizes.get(start..end).unwrap_or_default();
    Ok(Some(Constant::Ints(Integers::flat(part.to_vec()))))
}

fn scalar(number: i64) -> Constant {
    Constant::Ints(Integers {
        element: DataType::Int64,
        shape: Vec::new(),
        data: vec![number],
    })
}

/// A tensor of these sizes, with the elements at these positions of another.
fn picked(constant: &Constant, shape: Vec<usize>, positions: &[usize]) -> Constant {
    match constant {
        Constant::Floats(tensor) => {
            let data: Vec<f32> = positions.iter().map(|&at| tensor.data[at]).collect();
            Constant::Floats(Tensor::new(shape, data))
        }
        Constant::Ints(integers) => Constant::Ints(Integers {
            element: integers.element,
            shape,
            data: positions.iter().map(|&at| integers.data[at]).collect(),
        }),
    }
}

fn reshaped(constant: &Constant, shape: Vec<usize>) -> Folded {
    if elements(&shape) != Some(constant.len()) {
        return Err(format!("from {:?} to {shape:?}", constant.shape()));
    }
    Ok(match constant {
        Constant::Floats(tensor) => Constant::Floats(Tensor::new(shape, tensor.data.clone())),
        Constant::Ints(integers) => Constant::Ints(Integers {
            element: integers.element,
            shape,
            data: integers.data.clone(),
        }),
    })
}

/// The most elements of a computed constant. Finding where each comes from takes eight bytes of memory for each, and as much again.
const MOST_COMPUTED: usize = 1 << 26;

/// Fails where a constant has more elements than are computed.
fn bounded(shape: &[usize]) -> Result<usize, String> {
    elements(shape)
        .filter(|&elements| elements <= MOST_COMPUTED)
        .ok_or_else(|| format!("a constant of shape {shape:?} has more than {MOST_COMPUTED} elements"))
}

/// How far apart neighbours along each axis stand.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Where each element of a tensor of these sizes comes from: Σ over axes of `step`(axis, index along it).
fn positions(shape: &[usize], step: impl Fn(usize, usize) -> usize) -> Result<Vec<usize>, String> {
    let mut all = vec![0];
    all.reserve(bounded(shape)?);
    for (axis, &size) in shape.iter().enumerate() {
        let steps: Vec<usize> = (0..size).map(|index| step(axis, index)).collect();
        all = all
            .iter()
            .flat_map(|start| steps.iter().map(move |step| start + step))
            .collect();
    }
    Ok(all)
}

/// The sizes to which all of these are broadcast.
fn broadcast<'a>(shapes: impl Iterator<Item = &'a [usize]> + Clone) -> Result<Vec<usize>, String> {
    let rank = shapes.clone().map(<[usize]>::len).max().unwrap_or(0);
    let mut all = vec![1; rank];
    for shape in shapes {
        for (from_end, &size) in shape.iter().rev().enumerate() {
            let common = &mut all[rank - 1 - from_end];
            match (size, *common) {
                (_, 1) => *common = size,
                (1, _) => {}
                (size, other) if size == other => {}
                (size, other) => return Err(format!("sizes {size} and {other} at one axis")),
            }
        }
    }
    Ok(all)
}

/// A constant broadcast to these sizes.
fn spread(constant: &Constant, shape: &[usize]) -> Folded {
    let own = constant.shape();
    if own == shape {
        return Ok(constant.clone());
    }
    let strides = strides(own);
    let missing = shape
        .len()
        .checked_sub(own.len())
        .ok_or_else(|| format!("from {own:?} to {shape:?}"))?;
    let step = |axis: usize, index: usize| match axis.checked_sub(missing) {
        Some(axis) if own[axis] > 1 => index * strides[axis],
        _ => 0,
    };
    Ok(picked(constant, shape.to_vec(), &positions(shape, step)?))
}

impl<'a> Operands<'a> {
    fn operand(&self, position: usize) -> Result<&'a Constant, String> {
        self.all
            .get(position)
            .copied()
            .flatten()
            .ok_or_else(|| format!("it has no input {position}"))
    }

    fn optional(&self, position: usize) -> Option<&'a Constant> {
        self.all.get(position).copied().flatten()
    }

    fn integers(&self, position: usize) -> Result<&'a [i64], String> {
        match self.operand(position)? {
            Constant::Ints(integers) => Ok(&integers.data),
            Constant::Floats(_) => Err(format!("input {position} is of floats")),
        }
    }

    /// Integers that are an attribute in older operator sets, and an input in newer ones.
    fn listed(&self, name: &str, position: usize) -> Result<Option<Vec<i64>>, String> {
        match (self.node.attributes().ints(name), self.optional(position)) {
            (Some(all), _) => Ok(Some(all.to_vec())),
            (None, Some(_)) => self.integers(position).map(|all| Some(all.to_vec())),
            (None, None) => Ok(None),
        }
    }

    fn axis(&self, default: i64, rank: usize) -> Result<usize, String> {
        axis(self.node.attributes().int("axis").unwrap_or(default), rank)
    }

    /// What moves elements without computing.
    fn moved(&self, operator: &str) -> Option<Folded> {
        Some(match operator {
            "Reshape" => self.reshape(),
            "Flatten" => self.flatten(),
            "Squeeze" => self.squeeze(),
            "Unsqueeze" => self.unsqueeze(),
            "Transpose" => self.transpose(),
            "Concat" => self.concat(),
            "Slice" => self.slice(),
            "Gather" => self.gather(),
            "GatherElements" => self.gather_elements(),
            "GatherND" => self.gather_parts(),
            "ScatterElements" | "Scatter" => self.scatter_elements(),
            "ScatterND" => self.scatter_parts(),
            "Expand" => self.expand(),
            "Tile" => self.tile(),
            "Trilu" => self.triangle(),
            _ => return None,
        })
    }

    fn reshape(&self) -> Folded {
        let data = self.operand(0)?;
        let zero_copies = self.node.attributes().int("allowzero").unwrap_or(0) == 0;
        let target = self.integers(1)?;
        let mut shape = Vec::new();
        for (position, &asked) in target.iter().enumerate() {
            shape.push(match asked {
                -1 => 1,
                0 if zero_copies => *data
                    .shape()
                    .get(position)
                    .ok_or("it copies a size that is not there")?,
                asked => size(asked)?,
            });
        }
        if let Some(rest) = target.iter().position(|&asked| asked == -1) {
            let known = elements(&shape).filter(|&known| known > 0);
            shape[rest] = data.len() / known.ok_or("what is left has no size")?;
        }
        reshaped(data, shape)
    }

    fn flatten(&self) -> Folded {
        let data = self.operand(0)?;
        let rank = data.shape().len();
        let split = match self.node.attributes().int("axis").unwrap_or(1) {
            end if end == signed(rank) => rank,
            inner => axis(inner, rank)?,
        };
        let (outer, inner) = data.shape().split_at(split);
        reshaped(data, vec![outer.iter().product(), inner.iter().product()])
    }

    fn squeeze(&self) -> Folded {
        let data = self.operand(0)?;
        let shape = data.shape();
        let named = self.listed("axes", 1)?;
        if named.as_ref().is_some_and(Vec::is_empty) {
            return Err(NO_AXES.to_owned());
        }
        let named = named.map(|all| {
            all.into_iter()
                .map(|at| axis(at, shape.len()))
                .collect::<Result<Vec<_>, _>>()
        });
        let named = named.transpose()?;
        let is_left = |at: usize| match &named {
            Some(named) => !named.contains(&at),
            None => shape[at] != 1,
        };
        let shape = (0..shape.len()).filter(|&at| is_left(at)).map(|at| shape[at]);
        reshaped(data, shape.collect())
    }

    fn unsqueeze(&self) -> Folded {
        let data = self.operand(0)?;
        let named = self.listed("axes", 1)?.ok_or("it has no axes")?;
        let rank = data.shape().len() + named.len();
        let named: Vec<usize> = named
            .into_iter()
            .map(|at| axis(at, rank))
            .collect::<Result<_, _>>()?;
        let mut sizes = data.shape().iter().copied();
        let shape = (0..rank).map(|at| {
            if named.contains(&at) {
                Some(1)
            } else {
                sizes.next()
            }
        });
        reshaped(
            data,
            shape.collect::<Option<_>>().ok_or("an axis is named twice")?,
        )
    }

    fn transpose(&self) -> Folded {
        let data = self.operand(0)?;
        let rank = data.shape().len();
        let order: Vec<usize> = match self.node.attributes().ints("perm") {
            Some(named) => named.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
            None => (0..rank).rev().collect(),
        };
        if order.len() != rank {
            return Err("its order has another number of axes".to_owned());
        }
        let shape: Vec<usize> = order.iter().map(|&at| data.shape()[at]).collect();
        let strides = strides(data.shape());
        let all = positions(&shape, |axis, index| index * strides[order[axis]])?;
        if all.len() != data.len() {
            return Err("its order names an axis twice".to_owned());
        }
        Ok(picked(data, shape, &all))
    }

    fn concat(&self) -> Folded {
        let parts: Vec<&Constant> = (0..self.all.len())
            .map(|position| self.operand(position))
            .collect::<Result<_, _>>()?;
        let first = parts.first().ok_or("it reads nothing")?.shape();
        let along = self.axis(0, first.len())?;
        let alike = |part: &&Constant| {
            let own = part.shape();
            own.len() == first.len() && (0..own.len()).all(|at| at == along || own[at] == first[at])
        };
        if !parts.iter().all(alike) {
            return Err("its inputs do not fit together".to_owned());
        }
        let mut shape = first.to_vec();
        shape[along] = parts.iter().map(|part| part.shape()[along]).sum();
        bounded(&shape)?;
        let rows: usize = first[..along].iter().product();
        let all_floats = parts.iter().map(|part| match part {
            Constant::Floats(tensor) => Some(&tensor.data[..]),
            Constant::Ints(_) => None,
        });
        let element = parts[0].element();
        let all_ints = parts.iter().map(|part| match part {
            Constant::Ints(integers) if part.element() == element => Some(&integers.data[..]),
            Constant::Ints(_) | Constant::Floats(_) => None,
        });
        if let Some(parts) = all_floats.collect::<Option<Vec<_>>>() {
            return Ok(Constant::Floats(Tensor::new(shape, joined(&parts, rows))));
        }
        let parts: Option<Vec<&[i64]>> = all_ints.collect();
        let (parts, element) = parts.zip(element).ok_or("its inputs are of two types")?;
        let data = joined(&parts, rows);
        Ok(Constant::Ints(Integers { element, shape, data }))
    }

    fn slice(&self) -> Folded {
        let data = self.operand(0)?;
        let rank = data.shape().len();
        let starts = self.listed("starts", 1)?.ok_or("it has no starts")?;
        let ends = self.listed("ends", 2)?.ok_or("it has no ends")?;
        let axes = self.listed("axes", 3)?;
        let axes = axes.unwrap_or_else(|| (0..signed(starts.len())).collect());
        let steps = match self.optional(4) {
            Some(_) => self.integers(4)?.to_vec(),
            None => vec![1; starts.len()],
        };
        if [ends.len(), axes.len(), steps.len()]
            .iter()
            .any(|&len| len != starts.len())
        {
            return Err("starts, ends, axes and steps are not as many".to_owned());
        }
        let mut taken: Vec<Vec<usize>> = data.shape().iter().map(|&size| (0..size).collect()).collect();
        for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
            let at = axis(at, rank)?;
            if step == 0 {
                return Err("its step is 0".to_owned());
            }
            let cut = Cut {
                axis: at,
                start,
                end,
                step,
            };
            taken[at] = cut.positions(data.shape()[at]);
        }
        let strides = strides(data.shape());
        let shape: Vec<usize> = taken.iter().map(Vec::len).collect();
        let all = positions(&shape, |axis, index| taken[axis][index] * strides[axis])?;
        Ok(picked(data, shape, &all))
    }

    fn gather(&self) -> Folded {
        let data = self.operand(0)?;
        let indices = self.operand(1)?;
        let along = self.axis(0, data.shape().len())?;
        let count = data.shape()[along];
        let named = self.integers(1)?.iter().map(|&at| axis(at, count));
        let named: Vec<usize> = named.collect::<Result<_, _>>()?;
        let inner: usize = data.shape()[along + 1..].iter().product();
        let outer: usize = data.shape()[..along].iter().product();
        let shape = [
            &data.shape()[..along],
            indices.shape(),
            &data.shape()[along + 1..],
        ]
        .concat();
        let flat = [outer, named.len(), inner];
        bounded(&shape)?;
        let all = positions(&flat, |axis, index| match axis {
            0 => index * count * inner,
            1 => named[index] * inner,
            _ => index,
        })?;
        Ok(picked(data, shape, &all))
    }

    fn gather_elements(&self) -> Folded {
        let (data, named) = (self.operand(0)?, self.operand(1)?);
        let along = self.axis(0, data.shape().len())?;
        let places = places_along(data.shape(), named.shape(), self.integers(1)?, along)?;
        Ok(picked(data, named.shape().to_vec(), &places))
    }

    fn gather_parts(&self) -> Folded {
        let (data, named) = (self.operand(0)?, self.operand(1)?);
        self.node.attributes().expect_int("batch_dims", 0)?;
        let parts = places_of_parts(data.shape(), named.shape(), self.integers(1)?)?;
        let shape = [parts.outer, parts.part].concat();
        bounded(&shape)?;
        Ok(picked(data, shape, &parts.elements()))
    }

    fn scatter_elements(&self) -> Folded {
        let (data, named) = (self.operand(0)?, self.operand(1)?);
        let along = self.axis(0, data.shape().len())?;
        let places = places_along(data.shape(), named.shape(), self.integers(1)?, along)?;
        self.scattered(&places)
    }

    fn scatter_parts(&self) -> Folded {
        let (data, named) = (self.operand(0)?, self.operand(1)?);
        let parts = places_of_parts(data.shape(), named.shape(), self.integers(1)?)?;
        self.scattered(&parts.elements())
    }

    /// The data with the updates at these places, one after the other.
    fn scattered(&self, places: &[usize]) -> Folded {
        expect_replacing(self.node)?;
        let (data, updates) = (self.operand(0)?, self.operand(2)?);
        if updates.len() != places.len() {
            return Err(format!("{} updates at {} places", updates.len(), places.len()));
        }
        let origins = origins(data.len(), places);
        let shape = data.shape().to_vec();
        match (data, updates) {
            (Constant::Floats(data), Constant::Floats(updates)) => {
                let all = [&data.data[..], &updates.data].concat();
                let data: Vec<f32> = origins.iter().map(|&at| all[at]).collect();
                Ok(Constant::Floats(Tensor::new(shape, data)))
            }
            (Constant::Ints(data), Constant::Ints(updates)) if data.element == updates.element => {
                let all = [&data.data[..], &updates.data].concat();
                Ok(Constant::Ints(Integers {
                    element: data.element,
                    shape,
                    data: origins.iter().map(|&at| all[at]).collect(),
                }))
            }
            _ => Err("its inputs are of two types".to_owned()),
        }
    }

    /// For each axis a row of the places of elements that are not 0, in row-major order.
    fn non_zero(&self) -> Folded {
        let data = self.operand(0)?;
        let numbers = as_numbers(data);
        let found: Vec<Vec<usize>> = indices(data.shape())
            .zip(&numbers)
            .filter(|(_, number)| **number != 0.0)
            .map(|(index, _)| index)
            .collect();
        let rank = data.shape().len().max(1);
        let row = |axis: usize| {
            found
                .iter()
                .map(move |index| index.get(axis).copied().unwrap_or(0))
        };
        Ok(Constant::Ints(Integers {
            element: DataType::Int64,
            shape: vec![rank, found.len()],
            data: (0..rank).flat_map(row).map(signed).collect(),
        }))
    }

    fn expand(&self) -> Folded {
        let data = self.operand(0)?;
        let target: Vec<usize> = self
            .integers(1)?
            .iter()
            .map(|&at| size(at))
            .collect::<Result<_, _>>()?;
        let shape = broadcast([data.shape(), &target].into_iter())?;
        spread(data, &shape)
    }

    /// The elements on one side of a diagonal, and 0 elsewhere.
    fn triangle(&self) -> Folded {
        let data = self.operand(0)?;
        let diagonal = match self.optional(1) {
            Some(_) => self.integers(1)?.first().copied().unwrap_or(0),
            None => 0,
        };
        let is_upper = self.node.attributes().int("upper").unwrap_or(1) != 0;
        let [.., rows, columns] = *data.shape() else {
            return Err("its input is no matrix".to_owned());
        };
        let is_kept = |at: usize| {
            let (row, column) = (at / columns % rows, at % columns);
            let distance = i128::from(signed(column)) - i128::from(signed(row)) - i128::from(diagonal);
            if is_upper { distance >= 0 } else { distance <= 0 }
        };
        let mut result = data.clone();
        match &mut result {
            Constant::Floats(tensor) => {
                let all = tensor.data.iter_mut().enumerate();
                all.filter(|(at, _)| !is_kept(*at)).for_each(|(_, x)| *x = 0.0);
            }
            Constant::Ints(integers) => {
                let all = integers.data.iter_mut().enumerate();
                all.filter(|(at, _)| !is_kept(*at)).for_each(|(_, x)| *x = 0);
            }
        }
        Ok(result)
    }

    fn tile(&self) -> Folded {
        let data = self.operand(0)?;
        let times: Vec<usize> = self
            .integers(1)?
            .iter()
            .map(|&at| size(at))
            .collect::<Result<_, _>>()?;
        if times.len() != data.shape().len() {
            return Err("it repeats another number of axes".to_owned());
        }
        let sizes = data.shape().iter().zip(&times);
        let shape = sizes
            .map(|(size, times)| size.checked_mul(*times))
            .collect::<Option<Vec<_>>>();
        let shape = shape.ok_or("it repeats too often")?;
        let strides = strides(data.shape());
        let all = positions(&shape, |axis, index| index % data.shape()[axis] * strides[axis])?;
        Ok(picked(data, shape, &all))
    }

    /// What makes a tensor of numbers.
    fn made(&self, operator: &str) -> Option<Folded> {
        Some(match operator {
            "ConstantOfShape" => self.constant_of_shape(),
            "NonZero" => self.non_zero(),
            "Range" => self.range(),
            "Cast" => self.cast(),
            "DequantizeLinear" => self.dequantized(),
            "QuantizeLinear" => quantised(self.node),
            "ReduceSum" => self.reduced(|a, b| a + b, |_, sum| sum, i64::checked_add),
            "ReduceProd" => self.reduced(|a, b| a * b, |_, product| product, i64::checked_mul),
            "ReduceMax" => self.reduced(f64::max, |_, most| most, |a, b| Some(a.max(b))),
            "ReduceMin" => self.reduced(f64::min, |_, least| least, |a, b| Some(a.min(b))),
            "ReduceMean" => self.reduced(|a, b| a + b, |count, sum| sum / count, |_, _| None),
            _ => return None,
        })
    }

    fn constant_of_shape(&self) -> Folded {
        let shape: Vec<usize> = self
            .integers(0)?
            .iter()
            .map(|&at| size(at))
            .collect::<Result<_, _>>()?;
        bounded(&shape)?;
        let value = self.node.attributes().get("value", AttributeType::Tensor);
        let one = match value.and_then(|attribute| attribute.t.as_ref()) {
            Some(tensor) => constant(tensor)?,
            None => Constant::Floats(Tensor::new([], vec![0.0])),
        };
        spread(&reshaped(&one, Vec::new())?, &shape)
    }

    fn range(&self) -> Folded {
        let [start, limit, step] = [0, 1, 2].map(|position| self.integers(position));
        let [&[start], &[limit], &[step]] = [start?, limit?, step?] else {
            return Err("its bounds are no numbers".to_owned());
        };
        if step == 0 {
            return Err("its step is 0".to_owned());
        }
        let (distance, step) = (i128::from(limit) - i128::from(start), i128::from(step));
        let is_more = distance % step != 0 && (distance > 0) == (step > 0);
        let count = (distance / step + i128::from(is_more)).max(0) as usize;
        bounded(&[count])?;
        // Each lies between start and limit.
        let data = (0..signed(count)).map(|index| (i128::from(start) + i128::from(index) * step) as i64);
        let element = self.operand(0)?.element().ok_or("its bounds are no integers")?;
        Integers::computed(element, vec![count], Some(data.collect())).map(Constant::Ints)
    }

    fn cast(&self) -> Folded {
        let to = self
            .node
            .attributes()
            .int("to")
            .and_then(|to| i32::try_from(to).ok());
        let to = to
            .and_then(|to| DataType::try_from(to).ok())
            .ok_or("it casts to no type")?;
        let bits = match to {
            DataType::Float | DataType::Double => None,
            other => Some(range(other).ok_or_else(|| format!("it casts to {}", other.as_str_name()))?),
        };
        let data = self.operand(0)?;
        let Some((least, greatest)) = bits else {
            return Ok(Constant::Floats(as_floats(data)));
        };
        let within = |number: i64| {
            let fits = (least..=greatest).contains(&number);
            fits.then_some(number)
                .ok_or_else(|| format!("{number} is no {}", to.as_str_name()))
        };
        let is_truth = to == DataType::Bool;
        let data: Result<Vec<i64>, String> = match data {
            _ if is_truth => as_numbers(data)
                .into_iter()
                .map(|x| Ok(i64::from(x != 0.0)))
                .collect(),
            Constant::Ints(integers) => integers.data.iter().map(|&x| within(x)).collect(),
            Constant::Floats(tensor) => tensor
                .data
                .iter()
                .map(|&x| {
                    let whole = f64::from(x).trunc();
                    // 2^63 − 1 is no number of 64 bits, but 2^63 is.
                    let fits = whole >= least as f64 && whole < greatest as f64 + 1.0;
                    fits.then_some(whole as i64)
                        .ok_or_else(|| format!("{x} is no {}", to.as_str_name()))
                })
                .collect(),
        };
        Ok(Constant::Ints(Integers {
            element: to,
            shape: self.operand(0)?.shape().to_vec(),
            data: data?,
        }))
    }

    /// (x − zero point) · scale, with one of both for the tensor or for each position along an axis.
    fn dequantized(&self) -> Folded {
        let (data, scale) = (self.operand(0)?, self.operand(1)?);
        self.node.attributes().expect_int("block_size", 0)?;
        let rank = data.shape().len();
        let along = |constant: &Constant| -> Folded {
            match constant.shape() {
                [] | [1] => reshaped(constant, Vec::new()),
                &[count] => {
                    let mut shape = vec![1; rank];
                    let along = self.axis(1, rank)?;
                    if data.shape()[along] != count {
                        return Err(format!("{count} scales for {} elements", data.shape()[along]));
                    }
                    shape[along] = count;
                    reshaped(constant, shape)
                }
                other => Err(format!("its scale has the shape {other:?}")),
            }
        };
        let scale = spread(&along(scale)?, data.shape())?;
        let zero = match self.optional(2) {
            Some(zero) => spread(&along(zero)?, data.shape())?,
            None => spread(&scalar(0), data.shape())?,
        };
        let numbers = as_numbers(data)
            .into_iter()
            .zip(as_numbers(&zero))
            .zip(as_numbers(&scale));
        let numbers = numbers.map(|((x, zero), scale)| (x - zero) as f32 * scale as f32);
        Ok(Constant::Floats(Tensor::new(data.shape(), numbers.collect())))
    }

    /// Elements along axes folded into one.
    fn reduced(
        &self,
        fold: impl Fn(f64, f64) -> f64,
        end: impl Fn(f64, f64) -> f64,
        fold_integers: impl Fn(i64, i64) -> Option<i64>,
    ) -> Folded {
        let data = self.operand(0)?;
        let shape = data.shape();
        let named = self.listed("axes", 1)?.unwrap_or_default();
        let attributes = self.node.attributes();
        if named.is_empty() && attributes.int("noop_with_empty_axes") == Some(1) {
            return Ok(data.clone());
        }
        let named: Vec<usize> = if named.is_empty() {
            (0..shape.len()).collect()
        } else {
            named
                .into_iter()
                .map(|at| axis(at, shape.len()))
                .collect::<Result<_, _>>()?
        };
        let kept: Vec<usize> = (0..shape.len()).filter(|at| !named.contains(at)).collect();
        let strides = strides(shape);
        let of = |axes: &[usize]| {
            let sizes: Vec<usize> = axes.iter().map(|&at| shape[at]).collect();
            positions(&sizes, |axis, index| index * strides[axes[axis]])
        };
        let folded: Vec<usize> = (0..shape.len()).filter(|at| named.contains(at)).collect();
        let (starts, steps) = (of(&kept)?, of(&folded)?);
        if steps.is_empty() {
            return Err("it folds nothing".to_owned());
        }
        let result_shape: Vec<usize> = if attributes.int("keepdims").unwrap_or(1) == 1 {
            (0..shape.len())
                .map(|at| if named.contains(&at) { 1 } else { shape[at] })
                .collect()
        } else {
            kept.iter().map(|&at| shape[at]).collect()
        };
        Ok(match data {
            Constant::Floats(tensor) => {
                let of_row = |start: &usize| {
                    let numbers = steps.iter().map(|step| f64::from(tensor.data[start + step]));
                    end(steps.len() as f64, numbers.reduce(&fold).unwrap_or(0.0)) as f32
                };
                Constant::Floats(Tensor::new(result_shape, starts.iter().map(of_row).collect()))
            }
            Constant::Ints(integers) => {
                let of_row = |start: &usize| {
                    let mut numbers = steps.iter().map(|step| integers.data[start + step]);
                    let first = numbers.next()?;
                    numbers.try_fold(first, &fold_integers)
                };
                let data = starts.iter().map(of_row).collect::<Option<Vec<i64>>>();
                Constant::Ints(Integers::computed(integers.element, result_shape, data)?)
            }
        })
    }

    /// The remainder of a division: with the divisor's sign, or with `fmod` the dividend's. Of floats there is the second alone.
    fn remainder(&self, first: Result<&Constant, String>, second: Result<&Constant, String>) -> Folded {
        if self.node.attributes().int("fmod") == Some(1) {
            return pairs(first, second, |a, b| a % b, i64::checked_rem);
        }
        if matches!(first, Ok(Constant::Floats(_))) {
            return Err("of floats, fmod must be 1".to_owned());
        }
        let floored = |a: i64, b: i64| {
            let rest = a.checked_rem(b)?;
            let is_other = rest != 0 && (rest < 0) != (b < 0);
            Some(if is_other { rest + b } else { rest })
        };
        pairs(first, second, |a, b| a % b, floored)
    }

    /// What computes element by element.
    fn computed(&self, operator: &str) -> Option<Folded> {
        let [first, second] = [0, 1].map(|position| self.operand(position));
        Some(match operator {
            "Neg" => first.and_then(|x| each(x, |x| -x, i64::checked_neg)),
            "Abs" => first.and_then(|x| each(x, f32::abs, i64::checked_abs)),
            "Sqrt" => first.and_then(|x| each(x, f32::sqrt, |_| None)),
            "Reciprocal" => first.and_then(|x| each(x, |x| 1.0 / x, |_| None)),
            "Exp" => first.and_then(|x| each(x, f32::exp, |_| None)),
            "Log" => first.and_then(|x| each(x, f32::ln, |_| None)),
            "Sin" => first.and_then(|x| each(x, f32::sin, |_| None)),
            "Cos" => first.and_then(|x| each(x, f32::cos, |_| None)),
            "Relu" => first.and_then(|x| each(x, |x| x.max(0.0), |x| Some(x.max(0)))),
            "Tanh" => first.and_then(|x| each(x, f32::tanh, |_| None)),
            "Floor" => first.and_then(|x| each(x, f32::floor, |_| None)),
            "Ceil" => first.and_then(|x| each(x, f32::ceil, |_| None)),
            "Round" => first.and_then(|x| each(x, f32::round_ties_even, |_| None)),
            "Sign" => first.and_then(|x| {
                each(
                    x,
                    |x| if x == 0.0 { 0.0 } else { x.signum() },
                    |x| Some(x.signum()),
                )
            }),
            "Not" => first.and_then(|x| each(x, |x| x, |x| Some(i64::from(x == 0)))),
            "Add" => pairs(first, second, |a, b| a + b, i64::checked_add),
            "Sub" => pairs(first, second, |a, b| a - b, i64::checked_sub),
            "Mul" => pairs(first, second, |a, b| a * b, i64::checked_mul),
            "Div" => pairs(first, second, |a, b| a / b, i64::checked_div),
            "Mod" => self.remainder(first, second),
            "Pow" => self.power(),
            "Min" if self.all.len() == 2 => pairs(first, second, f32::min, |a, b| Some(a.min(b))),
            "Max" if self.all.len() == 2 => pairs(first, second, f32::max, |a, b| Some(a.max(b))),
            "And" => truths(first, second, |a, b| a && b),
            "Or" => truths(first, second, |a, b| a || b),
            "Xor" => truths(first, second, |a, b| a != b),
            "Equal" => compared(first, second, Ordering::is_eq),
            "Greater" => compared(first, second, Ordering::is_gt),
            "GreaterOrEqual" => compared(first, second, Ordering::is_ge),
            "Less" => compared(first, second, Ordering::is_lt),
            "LessOrEqual" => compared(first, second, Ordering::is_le),
            "Where" => self.selected(),
            _ => return None,
        })
    }

    /// Of the first input's type.
    fn power(&self) -> Folded {
        let (base, exponent) = (self.operand(0)?, self.operand(1)?);
        let shape = broadcast([base.shape(), exponent.shape()].into_iter())?;
        let numbers = as_numbers(&spread(base, &shape)?);
        let powers = numbers.into_iter().zip(as_numbers(&spread(exponent, &shape)?));
        let powers = powers.map(|(x, y)| x.powf(y));
        match base {
            Constant::Floats(_) => Ok(Constant::Floats(Tensor::new(
                shape,
                powers.map(|x| x as f32).collect(),
            ))),
            Constant::Ints(_) => Err("it is a power of integers".to_owned()),
        }
    }

    fn selected(&self) -> Folded {
        let [truth, yes, no] = [self.operand(0)?, self.operand(1)?, self.operand(2)?];
        let shape = broadcast([truth.shape(), yes.shape(), no.shape()].into_iter())?;
        let truth = as_numbers(&spread(truth, &shape)?);
        let truth = truth.into_iter().map(|x| x != 0.0);
        match (spread(yes, &shape)?, spread(no, &shape)?) {
            (Constant::Floats(yes), Constant::Floats(no)) => {
                let pairs = yes.data.into_iter().zip(no.data);
                let data = truth
                    .zip(pairs)
                    .map(|(truth, (yes, no))| if truth { yes } else { no });
                Ok(Constant::Floats(Tensor::new(shape, data.collect())))
            }
            (Constant::Ints(yes), Constant::Ints(no)) if yes.element == no.element => {
                let pairs = yes.data.into_iter().zip(no.data);
                let data = truth
                    .zip(pairs)
                    .map(|(truth, (yes, no))| if truth { yes } else { no });
                Integers::computed(yes.element, shape, Some(data.collect())).map(Constant::Ints)
            }
            _ => Err("its inputs are of two types".to_owned()),
        }
    }
}

/// Parts of so many rows each, row by row.
fn joined<T: Copy>(parts: &[&[T]], rows: usize) -> Vec<T> {
    let row = |row: usize| {
        parts.iter().flat_map(move |part| {
            let len = part.len() / rows.max(1);
            part[row * len..(row + 1) * len].iter().copied()
        })
    };
    (0..rows).flat_map(row).collect()
}

fn as_floats(constant: &Constant) -> Tensor {
    match constant {
        Constant::Floats(tensor) => tensor.clone(),
        Constant::Ints(integers) => {
            let data: Vec<f32> = integers.data.iter().map(|&x| x as f32).collect();
            Tensor::new(integers.shape.clone(), data)
        }
    }
}

fn as_numbers(constant: &Constant) -> Vec<f64> {
    match constant {
        Constant::Floats(tensor) => tensor.data.iter().map(|&x| f64::from(x)).collect(),
        Constant::Ints(integers) => integers.data.iter().map(|&x| x as f64).collect(),
    }
}

/// A function of each element; none of integers where the result is no integer of 64 bits.
fn each(x: &Constant, of_float: impl Fn(f32) -> f32, of_integer: impl Fn(i64) -> Option<i64>) -> Folded {
    Ok(match x {
        Constant::Floats(tensor) => {
            let data: Vec<f32> = tensor.data.iter().map(|&x| of_float(x)).collect();
            Constant::Floats(Tensor::new(tensor.shape.clone(), data))
        }
        Constant::Ints(integers) => {
            let data: Option<Vec<i64>> = integers.data.iter().map(|&x| of_integer(x)).collect();
            let shape = integers.shape.clone();
            Constant::Ints(Integers::computed(integers.element, shape, data)?)
        }
    })
}

/// Two constants of one type, broadcast to one shape.
fn pairs(
    first: Result<&Constant, String>,
    second: Result<&Constant, String>,
    of_floats: impl Fn(f32, f32) -> f32,
    of_integers: impl Fn(i64, i64) -> Option<i64>,
) -> Folded {
    let (first, second) = (first?, second?);
    let shape = broadcast([first.shape(), second.shape()].into_iter())?;
    match (spread(first, &shape)?, spread(second, &shape)?) {
        (Constant::Floats(a), Constant::Floats(b)) => {
            let data = a.data.into_iter().zip(b.data).map(|(a, b)| of_floats(a, b));
            Ok(Constant::Floats(Tensor::new(shape, data.collect())))
        }
        (Constant::Ints(a), Constant::Ints(b)) if a.element == b.element => {
            let data = a.data.into_iter().zip(b.data).map(|(a, b)| of_integers(a, b));
            Integers::computed(a.element, shape, data.collect()).map(Constant::Ints)
        }
        _ => Err("its inputs are of two types".to_owned()),
    }
}

/// How the elements of two constants compare, broadcast to one shape; nothing holds of a NaN.
fn compared(
    first: Result<&Constant, String>,
    second: Result<&Constant, String>,
    holds: fn(Ordering) -> bool,
) -> Folded {
    let (first, second) = (first?, second?);
    let shape = broadcast([first.shape(), second.shape()].into_iter())?;
    let data = match (spread(first, &shape)?, spread(second, &shape)?) {
        (Constant::Ints(a), Constant::Ints(b)) => {
            let pairs = a.data.iter().zip(&b.data);
            pairs.map(|(a, b)| holds(a.cmp(b))).collect()
        }
        (a, b) => {
            let pairs = as_numbers(&a).into_iter().zip(as_numbers(&b));
            pairs.map(|(a, b)| a.partial_cmp(&b).is_some_and(holds)).collect()
        }
    };
    Ok(Constant::Ints(Integers::truth(shape, data)))
}

/// What two constants of truth values come to, broadcast to one shape.
fn truths(
    first: Result<&Constant, String>,
    second: Result<&Constant, String>,
    holds: impl Fn(bool, bool) -> bool,
) -> Folded {
    let (first, second) = (first?, second?);
    let shape = broadcast([first.shape(), second.shape()].into_iter())?;
    let of = |constant: &Constant| -> Result<Vec<bool>, String> {
        Ok(as_numbers(&spread(constant, &shape)?)
            .into_iter()
            .map(|x| x != 0.0)
            .collect())
    };
    let pairs = of(first)?.into_iter().zip(of(second)?);
    let data = pairs.map(|(a, b)| holds(a, b)).collect();
    Ok(Constant::Ints(Integers::truth(shape, data)))
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{AttributeProto, NodeProto};

    use super::*;
    use crate::wire::proto::{int, ints};
    use crate::wire::reading::Argument;

    fn floats(shape: &[usize], data: &[f32]) -> Constant {
        Constant::Floats(Tensor::new(shape, data.to_vec()))
    }

    fn whole(shape: &[usize], data: &[i64]) -> Constant {
        Constant::Ints(Integers {
            element: DataType::Int64,
            shape: shape.to_vec(),
            data: data.to_vec(),
        })
    }

    fn list(data: &[i64]) -> Constant {
        whole(&[data.len()], data)
    }

    fn fold(operator: &str, attribute: Vec<AttributeProto>, inputs: &[Constant]) -> Option<Folded> {
        let names: Vec<String> = (0..inputs.len()).map(|position| position.to_string()).collect();
        let node = NodeProto {
            op_type: operator.to_owned(),
            input: names,
            attribute,
            ..NodeProto::default()
        };
        let known = |name: &str| Argument::Constant(Ok(&inputs[name.parse::<usize>().expect("a position")]));
        folded(&Reading::new(&node, known))
    }

    #[track_caller]
    fn gives(operator: &str, attribute: Vec<AttributeProto>, inputs: &[Constant], expected: &Constant) {
        let found = fold(operator, attribute, inputs)
            .expect("folded")
            .expect(operator);
        assert_eq!(found.shape(), expected.shape(), "{operator}");
        assert_eq!(as_numbers(&found), as_numbers(expected), "{operator}");
        let are_floats = [&found, expected].map(|constant| matches!(constant, Constant::Floats(_)));
        assert_eq!(are_floats[0], are_floats[1], "{operator}");
    }

    /// What does not fit a narrow type would wrap around, and is refused; the type of a constant is kept.
    #[test]
    fn narrow_integers_do_not_wrap_around() {
        let narrow = |data: &[i64]| {
            Constant::Ints(Integers {
                element: DataType::Uint8,
                shape: vec![data.len()],
                data: data.to_vec(),
            })
        };
        let add = |a: i64, b: i64| fold("Add", Vec::new(), &[narrow(&[a]), narrow(&[b])]).expect("folded");
        let sum = add(200, 55).map_err(|_| ()).expect("fits");
        assert_eq!(
            (as_numbers(&sum), sum.element()),
            (vec![255.0], Some(DataType::Uint8))
        );
        assert_eq!(add(200, 56).err().as_deref(), Some("its result is no UINT8"));
        let negated = fold("Neg", Vec::new(), &[narrow(&[1])]).expect("folded");
        assert!(negated.is_err());
        let mixed = fold("Add", Vec::new(), &[narrow(&[1]), list(&[1])]).expect("folded");
        assert_eq!(mixed.err().as_deref(), Some("its inputs are of two types"));
    }

    /// A slice that starts before the axis and goes backwards begins with the first element, as one of a value does.
    #[test]
    fn slices_are_cut_as_those_of_values_are() {
        for (start, end, step, expected) in [
            (-9, -99, -1, &[0][..]),
            (9, -99, -2, &[3, 1]),
            (-1, -9, -1, &[3, 2, 1, 0]),
            (9, 12, 1, &[]),
            (-9, 2, 1, &[0, 1]),
        ] {
            let inputs = [
                list(&[0, 1, 2, 3]),
                list(&[start]),
                list(&[end]),
                list(&[0]),
                list(&[step]),
            ];
            gives("Slice", Vec::new(), &inputs, &list(expected));
        }
    }

    /// What moves elements, by ONNX's own examples where it has some.
    #[test]
    fn elements_are_moved_as_onnx_defines_it() {
        let six = || list(&[0, 1, 2, 3, 4, 5]);
        let matrix = || whole(&[2, 3], &[0, 1, 2, 3, 4, 5]);
        let none = Vec::new;
        gives("Shape", none(), &[matrix()], &list(&[2, 3]));
        gives("Shape", vec![int("start", -1)], &[matrix()], &list(&[3]));
        gives("Size", none(), &[matrix()], &whole(&[], &[6]));
        gives(
            "Reshape",
            none(),
            &[six(), list(&[3, -1])],
            &whole(&[3, 2], &[0, 1, 2, 3, 4, 5]),
        );
        gives(
            "Flatten",
            vec![int("axis", 0)],
            &[matrix()],
            &whole(&[1, 6], &[0, 1, 2, 3, 4, 5]),
        );
        gives(
            "Transpose",
            none(),
            &[matrix()],
            &whole(&[3, 2], &[0, 3, 1, 4, 2, 5]),
        );
        gives(
            "Unsqueeze",
            none(),
            &[list(&[7]), list(&[0, 2])],
            &whole(&[1, 1, 1], &[7]),
        );
        gives(
            "Squeeze",
            vec![ints("axes", &[0])],
            &[whole(&[1, 2], &[7, 8])],
            &list(&[7, 8]),
        );
        gives(
            "Concat",
            vec![int("axis", 1)],
            &[matrix(), whole(&[2, 1], &[8, 9])],
            &whole(&[2, 4], &[0, 1, 2, 8, 3, 4, 5, 9]),
        );
        gives(
            "Slice",
            none(),
            &[matrix(), list(&[-1]), list(&[i64::MIN]), list(&[1]), list(&[-2])],
            &whole(&[2, 2], &[2, 0, 5, 3]),
        );
        gives(
            "Slice",
            vec![ints("starts", &[1]), ints("ends", &[1000])],
            &[six()],
            &list(&[1, 2, 3, 4, 5]),
        );
        gives(
            "Gather",
            vec![int("axis", 1)],
            &[matrix(), whole(&[1, 2], &[-1, 0])],
            &whole(&[2, 1, 2], &[2, 0, 5, 3]),
        );
        gives("Gather", none(), &[six(), whole(&[], &[4])], &whole(&[], &[4]));
        gives(
            "Expand",
            none(),
            &[whole(&[2, 1], &[7, 8]), list(&[2, 1, 2])],
            &whole(&[2, 2, 2], &[7, 7, 8, 8, 7, 7, 8, 8]),
        );
        gives(
            "Tile",
            none(),
            &[whole(&[1, 2], &[7, 8]), list(&[2, 2])],
            &whole(&[2, 4], &[7, 8, 7, 8, 7, 8, 7, 8]),
        );
        gives(
            "ConstantOfShape",
            none(),
            &[list(&[2])],
            &floats(&[2], &[0.0, 0.0]),
        );
        gives(
            "Range",
            none(),
            &[whole(&[], &[10]), whole(&[], &[4]), whole(&[], &[-4])],
            &list(&[10, 6]),
        );
        gives(
            "Range",
            none(),
            &[whole(&[], &[1]), whole(&[], &[1]), whole(&[], &[4])],
            &list(&[]),
        );
    }

    #[test]
    fn numbers_are_computed_as_onnx_defines_it() {
        let none = Vec::new;
        let two = || floats(&[2, 1], &[1.5, -2.0]);
        gives(
            "Add",
            none(),
            &[two(), floats(&[2], &[10.0, 20.0])],
            &floats(&[2, 2], &[11.5, 21.5, 8.0, 18.0]),
        );
        gives("Div", none(), &[list(&[7, -7]), list(&[2, 2])], &list(&[3, -3]));
        let signs = [list(&[7, -7, 7, -7]), list(&[3, 3, -3, -3])];
        gives("Mod", none(), &signs, &list(&[1, 2, -2, -1]));
        gives("Mod", vec![int("fmod", 1)], &signs, &list(&[1, -1, 1, -1]));
        gives(
            "Pow",
            none(),
            &[two(), list(&[2])],
            &floats(&[2, 1], &[2.25, 4.0]),
        );
        gives("Cast", vec![int("to", 7)], &[two()], &whole(&[2, 1], &[1, -2]));
        gives(
            "Cast",
            vec![int("to", 9)],
            &[floats(&[3], &[0.5, 0.0, -1.0])],
            &list(&[1, 0, 1]),
        );
        gives("Cast", vec![int("to", 1)], &[list(&[3])], &floats(&[1], &[3.0]));
        gives(
            "Round",
            none(),
            &[floats(&[3], &[0.5, 1.5, -2.5])],
            &floats(&[3], &[0.0, 2.0, -2.0]),
        );
        gives(
            "Where",
            none(),
            &[list(&[1, 0]), list(&[5, 6]), whole(&[], &[9])],
            &list(&[5, 9]),
        );
        gives("Less", none(), &[list(&[1, 3]), list(&[2, 2])], &list(&[1, 0]));
        gives(
            "ReduceProd",
            vec![int("keepdims", 0)],
            &[whole(&[2, 2], &[1, 2, 3, 4]), list(&[0])],
            &list(&[3, 8]),
        );
        gives(
            "ReduceMean",
            vec![ints("axes", &[-1])],
            &[floats(&[1, 2], &[1.0, 4.0])],
            &floats(&[1, 1], &[2.5]),
        );
        // One scale for each row, and its zero point.
        let inputs = [
            whole(&[2, 2], &[1, 2, 3, 4]),
            floats(&[2], &[0.5, 2.0]),
            list(&[0, 3]),
        ];
        gives(
            "DequantizeLinear",
            vec![int("axis", 0)],
            &inputs,
            &floats(&[2, 2], &[0.5, 1.0, 0.0, 2.0]),
        );
    }

    /// A constant that would be larger than any circuit is never made, and a number that is none is no result.
    #[test]
    fn integers_beyond_53_bits_are_told_apart() {
        let large = 1 << 53;
        let pair = [list(&[large]), list(&[large + 1])];
        let truth = |holds: bool| Constant::Ints(Integers::truth(vec![1], vec![holds]));
        gives("Equal", Vec::new(), &pair, &truth(false));
        gives("Less", Vec::new(), &pair, &truth(true));
        gives("GreaterOrEqual", Vec::new(), &pair, &truth(false));
    }

    /// x over the scale is rounded to the even one of two, and held to the type's range.
    #[test]
    fn constants_are_quantised_as_onnx_defines_it() {
        let zero = Constant::Ints(Integers {
            element: DataType::Int8,
            shape: Vec::new(),
            data: vec![1],
        });
        let data = floats(&[4], &[0.25, 0.75, -1.0, 1e9]);
        let expected = Constant::Ints(Integers {
            element: DataType::Int8,
            shape: vec![4],
            data: vec![1, 3, -1, 127],
        });
        gives(
            "QuantizeLinear",
            Vec::new(),
            &[data, floats(&[], &[0.5]), zero],
            &expected,
        );
    }

    /// A short file must not ask for gigabytes.
    #[test]
    fn large_constants_are_not_computed() {
        let sizes = list(&[1 << 14, (1 << 12) + 1]);
        let error = fold("ConstantOfShape", Vec::new(), &[sizes])
            .expect("folded")
            .err();
        assert!(error.expect("refused").contains("more than"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let none = Vec::new;
        for (operator, attribute, inputs) in [
            ("ConstantOfShape", none(), vec![list(&[1 << 20, 1 << 20])]),
            ("Expand", none(), vec![list(&[1]), list(&[1 << 40])]),
            ("Tile", none(), vec![list(&[1, 2]), list(&[i64::MAX])]),
            (
                "Range",
                none(),
                vec![whole(&[], &[0]), whole(&[], &[i64::MAX]), whole(&[], &[1])],
            ),
            (
                "Range",
                none(),
                vec![whole(&[], &[0]), whole(&[], &[5]), whole(&[], &[0])],
            ),
            ("Gather", none(), vec![list(&[1, 2]), list(&[2])]),
            ("Reshape", none(), vec![list(&[1, 2, 3]), list(&[2, -1])]),
            (
                "Transpose",
                vec![ints("perm", &[0, 0])],
                vec![whole(&[1, 2], &[3, 4])],
            ),
            ("Add", none(), vec![list(&[i64::MAX]), list(&[1])]),
            ("Div", none(), vec![list(&[1]), list(&[0])]),
            ("Mod", none(), vec![list(&[1]), list(&[0])]),
            ("Mod", none(), vec![floats(&[1], &[1.5]), floats(&[1], &[1.0])]),
            ("Cast", vec![int("to", 3)], vec![list(&[128])]),
            ("Cast", vec![int("to", 7)], vec![floats(&[1], &[1e30])]),
            ("Cast", vec![int("to", 7)], vec![floats(&[1], &[f32::NAN])]),
            (
                "DequantizeLinear",
                vec![int("axis", 0)],
                vec![list(&[1, 2]), floats(&[3], &[1.0, 2.0, 3.0])],
            ),
            (
                "DequantizeLinear",
                vec![int("axis", 0), int("block_size", 2)],
                vec![list(&[1, 2]), floats(&[1], &[1.0])],
            ),
            (
                "QuantizeLinear",
                none(),
                vec![floats(&[1], &[1.0]), floats(&[1], &[0.0])],
            ),
            (
                "Concat",
                vec![int("axis", 0)],
                vec![list(&[1]), floats(&[1], &[1.0])],
            ),
        ] {
            assert!(
                fold(operator, attribute, &inputs).expect("folded").is_err(),
                "{operator}"
            );
        }
        assert!(
            fold("Softmax", none(), &[list(&[1])]).is_none(),
            "no operator that is folded"
        );
    }
}
