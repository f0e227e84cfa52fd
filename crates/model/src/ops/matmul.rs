//! `MatMul` of two values, or of a value and a constant where the value has more than two axes.
//!
//! A product is claimed, and checked by contracting both matrices with powers of ρ. Its heads are the broadcast leading axes.

use super::broadcast::broadcast;
use super::dense::Gemm;
use super::lowering::{Lowering, Place, Source, floats, step_of};
use super::operator::{Composition, Import, Meaning, Operator, Part};
use super::{Op, Tensor};
use crate::program::{Linear, ProgramError, ValueId};
use crate::wire::constant::transposed;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "MatMul",
    read,
}];

/// A matrix product.
pub(super) struct MatMul;

/// A shape's leading axes, rows and columns.
fn parts(shape: &[usize]) -> Option<(&[usize], usize, usize)> {
    match shape {
        [heads @ .., rows, columns] => Some((heads, *rows, *columns)),
        _ => None,
    }
}

impl Operator for MatMul {
    fn onnx_name(&self) -> &'static str {
        "MatMul"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [left, right] = *inputs else {
            return Err(format!("takes two inputs, not {}", inputs.len()));
        };
        let unfit = || format!("values of shapes {left:?} and {right:?} have no matrix product");
        let (Some((a, rows, inner)), Some((b, other, columns))) = (parts(left), parts(right)) else {
            return Err(unfit());
        };
        let heads = broadcast(a, b).filter(|_| inner == other).ok_or_else(unfit)?;
        Ok([&heads[..], &[rows, columns]].concat())
    }

    fn roundings(&self) -> usize {
        2
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        if let Some(weight) = place.constant(1)
            && let [inner, columns] = weight.shape[..]
        {
            return of_rows(place, lowering, weight, [inner, columns]);
        }
        let [left, right] = [0, 1].map(|position| place.inputs[position].shape);
        let [values_left, values_right] = [0, 1].map(|position| factor(place, lowering, position));
        let (values_left, values_right) = (values_left?, values_right?);
        let are_whole = [values_left, values_right].map(|id| lowering.value(id).is_whole) == [true; 2];
        let (Some((a, rows, inner)), Some((b, _, columns))) = (parts(left), parts(right)) else {
            return Err(place.refused("it is no product of matrices"));
        };
        let (linear_of, input) = if b.iter().product::<usize>() == 1 {
            // One matrix for all rows of all heads.
            let rows = a.iter().product::<usize>() * rows;
            ((values_right, [1, rows, inner, columns]), values_left)
        } else {
            let heads = &place.shape[..place.shape.len() - 2];
            let spread_left = [heads, &[rows, inner]].concat();
            let spread_right = [heads, &[inner, columns]].concat();
            let values_left = lowering.spread(values_left, left, &spread_left);
            let values_right = lowering.spread(values_right, right, &spread_right);
            let sizes = [heads.iter().product(), rows, inner, columns];
            ((values_right, sizes), values_left)
        };
        let (right, sizes) = linear_of;
        let result = lowering.linear(place, input, Linear::Product { right, sizes })?;
        if are_whole {
            lowering.set_whole_unless_rounded(result);
        }
        Ok(result)
    }
}

/// A value times a matrix of weights: a fully connected layer of each row.
fn of_rows(
    place: &Place<'_>,
    lowering: &mut Lowering,
    weight: &Tensor,
    [inner, columns]: [usize; 2],
) -> Result<ValueId, ProgramError> {
    let input = place.value(lowering, 0)?;
    let input = lowering.before_weights(place, input)?;
    let are_whole = lowering.are_whole(input, floats(weight));
    let weight_unit = match step_of(weight) {
        _ if are_whole => 1.0,
        Some(step) => step.recip(),
        None => lowering.weight_unit(),
    };
    let turned =
        (0..columns).flat_map(|column| (0..inner).map(move |row| weight.data[row * columns + column]));
    let linear = Linear::Dense {
        weight: place.integers(turned.map(f64::from), weight_unit)?,
        bias: vec![0; columns],
        rows: place.shape.iter().product::<usize>() / columns,
    };
    lowering.linear_beside(place, input, linear, (weight_unit, are_whole))
}

/// What is multiplied: constants at the unit of weights, values at most a digit wide where that is needed.
fn factor(place: &Place<'_>, lowering: &mut Lowering, position: usize) -> Result<ValueId, ProgramError> {
    if let Some(tensor) = place.constant(position) {
        let numbers: Vec<f64> = floats(tensor).collect();
        let is_beside_whole = match place.inputs[1 - position].source {
            Source::Value(other) => lowering.are_whole(other, numbers.iter().copied()),
            Source::Constant(_) => false,
        };
        let unit = if is_beside_whole {
            1.0
        } else {
            lowering.weight_unit()
        };
        return lowering.constant(place, &numbers, &tensor.shape, unit);
    }
    let value = place.value(lowering, position)?;
    lowering.before_weights(place, value)
}

/// A product in which a list stands for a matrix of one row on the left, or of one column on the right; the result has no such axis.
fn of_lists(node: &Reading<'_>, ranks: [usize; 2]) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let mut sides = Vec::new();
    for (position, rank) in ranks.into_iter().enumerate() {
        // A matrix of weights stays a constant.
        let constant = node.floats(position).ok();
        let shape = net.shape(Part::Input(position))?.to_vec();
        let matrix = match (rank, position) {
            (1, 0) => vec![1, shape[0]],
            (1, _) => vec![shape[0], 1],
            _ => shape,
        };
        sides.push(match constant {
            Some(tensor) => net.constant(Tensor::new(matrix, tensor.data))?,
            None => net.reshaped(Part::Input(position), &matrix)?,
        });
    }
    let product = net.apply(Op::MatMul, &sides)?;
    let mut shape = net.shape(product)?.to_vec();
    let last = shape.len();
    if ranks[1] == 1 {
        shape.remove(last - 1);
    }
    if ranks[0] == 1 {
        shape.remove(last - 2);
    }
    let result = net.reshaped(product, &shape)?;
    Ok(net.giving(vec![result]))
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    if let (Some(left), Some(right)) = (node.shape(0)?, node.shape(1)?)
        && (left.len() == 1 || right.len() == 1)
    {
        return of_lists(node, [left.len(), right.len()]);
    }
    let is_row = node.shape(0)?.is_some_and(|shape| shape.len() == 2);
    // A matrix of weights is a fully connected layer.
    if let Ok(weight) = node.floats(1)
        && weight.shape.len() == 2
        && is_row
    {
        let layer = Gemm {
            weight: transposed(&weight)?,
            bias: None,
        };
        return Meaning::unary(Op::Gemm(layer), node);
    }
    Meaning::binary(Op::MatMul, node)
}
