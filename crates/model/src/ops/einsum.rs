//! `Einsum`: sums of products of elements, along axes that letters name.
//!
//! Operands are multiplied one after the other. An axis that neither the result nor a later operand names is summed: one of a single
//! operand before the product, one of both operands by a product of matrices, whose heads are the axes that both operands and the result
//! have.

use std::collections::BTreeMap;

use super::broadcast::{indices, positions, strides};
use super::lowering::MOST_LOWERED;
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{Movement, Op, Reduce, Reduction};
use crate::tensor::{Tensor, elements};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[Import {
    operator: "Einsum",
    read,
}];

/// An axis as the equation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    /// One of those that `...` stands for, counted from the last.
    Rest(usize),
    /// A letter.
    Letter(u8),
}

/// The size of each axis.
type Sizes = BTreeMap<Axis, usize>;

/// What is multiplied, with its axes in order, each of them once.
struct Operand {
    source: Source,
    axes: Vec<Axis>,
}

enum Source {
    Value(Part),
    Constant(Tensor),
}

/// An equation: the axes of each operand, and of the result.
struct Equation {
    operands: Vec<Vec<Axis>>,
    result: Vec<Axis>,
}

impl Equation {
    /// Of operands of so many axes each.
    fn parse(text: &[u8], ranks: &[usize]) -> Result<Self, String> {
        let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != b' ').collect();
        let shown = String::from_utf8_lossy(&text).into_owned();
        let arrow = text.windows(2).position(|pair| pair == b"->");
        let left = &text[..arrow.unwrap_or(text.len())];
        let terms: Vec<&[u8]> = left.split(|byte| *byte == b',').collect();
        ensure(terms.len() == ranks.len(), || {
            format!(
                "equation {shown} has {} terms for {} inputs",
                terms.len(),
                ranks.len()
            )
        })?;
        let unfit = |reason: String| format!("equation {shown}: {reason}");
        let operands = terms.iter().zip(ranks).map(|(term, &rank)| {
            let letters = term.iter().filter(|byte| **byte != b'.').count();
            let rest = rank.checked_sub(letters);
            let rest = rest.ok_or_else(|| format!("an input of {rank} axes has {letters} letters"))?;
            let axes = axes_of(term, rest)?;
            ensure(axes.len() == rank, || {
                format!("an input of {rank} axes has {} names", axes.len())
            })?;
            Ok(axes)
        });
        let operands: Vec<Vec<Axis>> = operands.collect::<Result<_, String>>().map_err(unfit)?;
        let mut count: BTreeMap<Axis, usize> = BTreeMap::new();
        for &axis in operands.iter().flatten() {
            *count.entry(axis).or_default() += 1;
        }
        let rest = count.keys().filter(|axis| matches!(axis, Axis::Rest(_))).count();
        let result = match arrow {
            Some(arrow) => axes_of(&text[arrow + 2..], rest).map_err(unfit)?,
            // All that `...` stands for, and each letter that stands once, in the alphabet's order.
            None => {
                let letters = count
                    .iter()
                    .filter(|&(axis, &count)| matches!(axis, Axis::Letter(_)) && count == 1);
                let rest = (0..rest).rev().map(Axis::Rest);
                rest.chain(letters.map(|(&axis, _)| axis)).collect()
            }
        };
        for (at, axis) in result.iter().enumerate() {
            ensure(count.contains_key(axis) && !result[..at].contains(axis), || {
                unfit("its result has a letter twice, or one that no input has".to_owned())
            })?;
        }
        Ok(Self { operands, result })
    }
}

/// The axes that a term names, of which `...` stands for so many.
fn axes_of(term: &[u8], rest: usize) -> Result<Vec<Axis>, String> {
    let mut axes = Vec::new();
    let mut at = 0;
    while at < term.len() {
        if term[at].is_ascii_alphabetic() {
            axes.push(Axis::Letter(term[at]));
            at += 1;
        } else if term[at..].starts_with(b"...") && !axes.contains(&Axis::Rest(0)) {
            axes.extend((0..rest).rev().map(Axis::Rest));
            at += 3;
        } else {
            return Err(format!("{:?} is no letter", char::from(term[at])));
        }
    }
    Ok(axes)
}

/// The size of each axis. One of size 1 is repeated where another operand has more.
fn sizes(equation: &Equation, shapes: &[Vec<usize>]) -> Result<Sizes, String> {
    let mut sizes = Sizes::new();
    for (axes, shape) in equation.operands.iter().zip(shapes) {
        for (&axis, &size) in axes.iter().zip(shape) {
            let known = sizes.entry(axis).or_insert(size);
            ensure(*known == size || *known == 1 || size == 1, || {
                format!("an axis has {known} and {size} elements")
            })?;
            *known = size.max(*known);
        }
    }
    Ok(sizes)
}

impl Operand {
    /// An input with each axis once: an axis that is named several times is their diagonal.
    fn of(net: &mut Composition, source: Source, names: &[Axis], shape: &[usize]) -> Result<Self, String> {
        let mut axes: Vec<Axis> = Vec::new();
        for &axis in names {
            if !axes.contains(&axis) {
                axes.push(axis);
            }
        }
        if axes.len() == names.len() {
            return Ok(Self { source, axes });
        }
        let own = strides(shape);
        let along = |axis: Axis| names.iter().enumerate().filter(move |(_, name)| **name == axis);
        let mut picked = Vec::new();
        for &axis in &axes {
            let same = along(axis).map(|(at, _)| shape[at]);
            let (least, greatest) = (same.clone().min(), same.max());
            ensure(least == greatest, || {
                "a diagonal is of axes of different sizes".to_owned()
            })?;
            picked.push((
                greatest.unwrap_or(1),
                along(axis).map(|(at, _)| own[at]).sum::<usize>(),
            ));
        }
        let shape: Vec<usize> = picked.iter().map(|&(size, _)| size).collect();
        let steps: Vec<usize> = picked.iter().map(|&(_, step)| step).collect();
        let positions = indices(&shape).map(|index| index.iter().zip(&steps).map(|(a, b)| a * b).sum());
        let positions: Vec<usize> = positions.collect();
        let source = match source {
            Source::Constant(tensor) => {
                let data = positions.iter().map(|&at| tensor.data[at]).collect();
                Source::Constant(Tensor::new(shape, data))
            }
            Source::Value(part) => {
                let len = net.shape(part)?.iter().product();
                let line = net.reshaped(part, &[len])?;
                let gather = Movement::Gather {
                    axis: 0,
                    indices: positions,
                    shape,
                };
                Source::Value(net.apply(Op::Movement(gather), &[line])?)
            }
        };
        Ok(Self { source, axes })
    }

    fn shape(&self, net: &Composition) -> Result<Vec<usize>, String> {
        match &self.source {
            Source::Value(part) => net.shape(*part).map(<[usize]>::to_vec),
            Source::Constant(tensor) => Ok(tensor.shape.clone()),
        }
    }

    /// With its axes in this order; all of them are named.
    fn ordered(self, net: &mut Composition, order: &[Axis]) -> Result<Self, String> {
        let place = |axis: &Axis| self.axes.iter().position(|own| own == axis);
        let permutation: Option<Vec<usize>> = order.iter().map(place).collect();
        let permutation = permutation.ok_or("an axis is missing")?;
        let source = match self.source {
            Source::Value(part) => Source::Value(net.transposed(part, &permutation)?),
            Source::Constant(tensor) => {
                let own = strides(&tensor.shape);
                let shape: Vec<usize> = permutation.iter().map(|&at| tensor.shape[at]).collect();
                let element = |index: Vec<usize>| {
                    let place = index.iter().zip(&permutation).map(|(at, &axis)| at * own[axis]);
                    tensor.data[place.sum::<usize>()]
                };
                let data = indices(&shape).map(element).collect();
                Source::Constant(Tensor::new(shape, data))
            }
        };
        Ok(Self {
            source,
            axes: order.to_vec(),
        })
    }

    /// In another shape of as many elements, or with its elements repeated.
    fn in_shape(self, net: &mut Composition, shape: &[usize], is_repeated: bool) -> Result<Source, String> {
        Ok(match self.source {
            Source::Value(part) if !is_repeated => Source::Value(net.reshaped(part, shape)?),
            Source::Value(part) if net.shape(part)? == shape => Source::Value(part),
            Source::Value(part) => {
                let shape = shape.to_vec();
                Source::Value(net.apply(Op::Movement(Movement::Expand { shape }), &[part])?)
            }
            Source::Constant(tensor) if is_repeated => {
                let data = positions(&tensor.shape, shape)
                    .into_iter()
                    .map(|at| tensor.data[at])
                    .collect();
                Source::Constant(Tensor::new(shape, data))
            }
            Source::Constant(tensor) => Source::Constant(Tensor::new(shape, tensor.data)),
        })
    }

    /// Repeated along the axes of size 1 that have more elements elsewhere, of those that are named.
    fn repeated(self, net: &mut Composition, named: &[Axis], sizes: &Sizes) -> Result<Self, String> {
        let own = self.shape(net)?;
        let shape = self.axes.iter().zip(own);
        let shape = shape.map(|(axis, own)| if named.contains(axis) { sizes[axis] } else { own });
        let shape: Vec<usize> = shape.collect();
        ensure(
            elements(&shape).is_some_and(|elements| elements <= MOST_LOWERED),
            || "an operand has more than 2^24 elements".to_owned(),
        )?;
        let axes = self.axes.clone();
        let source = self.in_shape(net, &shape, true)?;
        Ok(Self { source, axes })
    }

    /// Summed along the axes that are not kept.
    fn summed(self, net: &mut Composition, is_kept: impl Fn(Axis) -> bool) -> Result<Self, String> {
        let (kept, summed): (Vec<Axis>, Vec<Axis>) = self.axes.iter().partition(|&&axis| is_kept(axis));
        if summed.is_empty() {
            return Ok(self);
        }
        let operand = self.ordered(net, &[&kept[..], &summed[..]].concat())?;
        let source = match operand.source {
            Source::Value(part) => {
                let reduce = Reduce {
                    reduction: Reduction::Sum,
                    axes: (kept.len()..kept.len() + summed.len()).collect(),
                    keeps: false,
                };
                Source::Value(net.apply(Op::Reduce(reduce), &[part])?)
            }
            Source::Constant(tensor) => {
                let (shape, others) = tensor.shape.split_at(kept.len());
                let sums = tensor.data.chunks(others.iter().product::<usize>().max(1));
                let sums = sums.map(|part| part.iter().sum()).collect();
                Source::Constant(Tensor::new(shape, sums))
            }
        };
        Ok(Self { source, axes: kept })
    }
}

/// Sizes of axes, multiplied.
fn product(axes: &[Axis], sizes: &Sizes) -> usize {
    axes.iter().map(|axis| sizes[axis]).product()
}

/// A source as a part of the composition.
fn part(net: &mut Composition, source: Source) -> Result<Part, String> {
    match source {
        Source::Value(part) => Ok(part),
        Source::Constant(tensor) => net.constant(tensor),
    }
}

/// The product of two operands, summed along the axes that are not kept.
fn multiplied(
    net: &mut Composition,
    left: Operand,
    right: Operand,
    is_kept: impl Fn(Axis) -> bool,
    sizes: &Sizes,
) -> Result<Operand, String> {
    // A matrix of weights stands second: then each row of the other is a fully connected layer.
    let (left, right) = match (&left.source, &right.source) {
        (Source::Constant(_), Source::Value(_)) => (right, left),
        _ => (left, right),
    };
    let (of_left, of_right) = (left.axes.clone(), right.axes.clone());
    let left = left.summed(net, |axis| is_kept(axis) || of_right.contains(&axis))?;
    let right = right.summed(net, |axis| is_kept(axis) || of_left.contains(&axis))?;
    let shared: Vec<Axis> = left
        .axes
        .iter()
        .copied()
        .filter(|axis| right.axes.contains(axis))
        .collect();
    let left = left.repeated(net, &shared, sizes)?;
    let right = right.repeated(net, &shared, sizes)?;
    let alone = |operand: &Operand| -> Vec<Axis> {
        operand
            .axes
            .iter()
            .copied()
            .filter(|axis| !shared.contains(axis))
            .collect()
    };
    let (rows, columns) = (alone(&left), alone(&right));
    let (heads, contracted): (Vec<Axis>, Vec<Axis>) = shared.iter().partition(|&&axis| is_kept(axis));
    let axes = [&heads[..], &rows[..], &columns[..]].concat();
    // An axis of one operand may have one element here, and more in a later one.
    let mut own = Sizes::new();
    for operand in [&left, &right] {
        own.extend(operand.axes.iter().copied().zip(operand.shape(net)?));
    }
    let sizes = &own;
    let shape: Vec<usize> = axes.iter().map(|axis| sizes[axis]).collect();
    let left = left.ordered(net, &[&heads[..], &rows[..], &contracted[..]].concat())?;
    let right = right.ordered(net, &[&heads[..], &contracted[..], &columns[..]].concat())?;
    let head = product(&heads, sizes);
    let (row, inner, column) = (
        product(&rows, sizes),
        product(&contracted, sizes),
        product(&columns, sizes),
    );
    let result = if contracted.is_empty() {
        let left = left.in_shape(net, &[head, row, 1], false)?;
        let right = right.in_shape(net, &[head, 1, column], false)?;
        let (left, right) = (part(net, left)?, part(net, right)?);
        net.apply(Op::Mul, &[left, right])?
    } else {
        let head: &[usize] = if heads.is_empty() { &[] } else { &[head] };
        let left = left.in_shape(net, &[head, &[row, inner]].concat(), false)?;
        let right = right.in_shape(net, &[head, &[inner, column]].concat(), false)?;
        let (left, right) = (part(net, left)?, part(net, right)?);
        net.apply(Op::MatMul, &[left, right])?
    };
    Ok(Operand {
        source: Source::Value(net.reshaped(result, &shape)?),
        axes,
    })
}

fn read(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let count = node.node().input.len();
    let shapes = (0..count).map(|position| net.shape(Part::Input(position)).map(<[usize]>::to_vec));
    let shapes: Vec<Vec<usize>> = shapes.collect::<Result<_, _>>()?;
    let ranks: Vec<usize> = shapes.iter().map(Vec::len).collect();
    let text = node.attributes().text("equation").ok_or("it has no equation")?;
    let equation = Equation::parse(text, &ranks)?;
    let sizes = sizes(&equation, &shapes)?;
    let mut product: Option<Operand> = None;
    for (position, (names, shape)) in equation.operands.iter().zip(&shapes).enumerate() {
        let source = match node.floats(position) {
            Ok(tensor) => Source::Constant(tensor),
            Err(_) => Source::Value(Part::Input(position)),
        };
        let operand = Operand::of(&mut net, source, names, shape)?;
        let later = &equation.operands[position + 1..];
        let is_kept = |axis: Axis| {
            equation.result.contains(&axis) || later.iter().flatten().any(|other| *other == axis)
        };
        product = Some(match product {
            None => operand.summed(&mut net, is_kept)?,
            Some(before) => multiplied(&mut net, before, operand, is_kept, &sizes)?,
        });
    }
    let product = product.ok_or("it has no input")?;
    let result = product.ordered(&mut net, &equation.result)?;
    let result = part(&mut net, result.source)?;
    Ok(net.giving(vec![result]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(text: &str) -> Vec<Axis> {
        axes_of(text.as_bytes(), 2).unwrap()
    }

    #[test]
    fn an_equation_names_the_axes_of_operands_and_result() {
        let equation = Equation::parse(b"b i ..., ...j -> j b", &[4, 3]).unwrap();
        assert_eq!(equation.operands, [axes("bi..."), axes("...j")]);
        assert_eq!(equation.result, axes("jb"));
        let implicit = Equation::parse(b"...cb,ba", &[4, 2]).unwrap();
        assert_eq!(implicit.result, axes("...ac"));
    }

    #[test]
    fn what_is_no_equation_of_its_inputs_is_refused() {
        let refused = |text: &str, ranks: &[usize]| Equation::parse(text.as_bytes(), ranks).is_err();
        for (text, ranks) in [
            ("ij,jk->ik", &[2][..]),
            ("ij->ijk", &[2]),
            ("ij->ii", &[2]),
            ("ij", &[3]),
            ("i1->i", &[2]),
            ("......->", &[2]),
        ] {
            assert!(refused(text, ranks), "{text}");
        }
    }

    #[test]
    fn an_axis_of_one_element_is_repeated_and_others_must_agree() {
        let equation = Equation::parse(b"ij,jk->ik", &[2, 2]).unwrap();
        let of = |left: [usize; 2], right: [usize; 2]| sizes(&equation, &[left.to_vec(), right.to_vec()]);
        assert_eq!(of([2, 1], [3, 4]).unwrap()[&Axis::Letter(b'j')], 3);
        assert!(of([2, 2], [3, 4]).is_err());
    }
}
