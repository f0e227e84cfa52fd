//! What picks by numbers of the model's own: OneHot, Hardmax, and Gather at positions that are values.
//!
//! A position is compared with each one that there is; of the truth values that this gives, one is 1.

use super::compare::Compare;
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{ArgMax, Op, Whole};
use crate::tensor::Tensor;
use crate::wire::constant::Constant;
use crate::wire::node::axis;
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "OneHot",
        read: one_hot,
    },
    Import {
        operator: "Hardmax",
        read: hardmax,
    },
];

/// The most positions that one is compared with.
const MOST_POSITIONS: usize = 1 << 16;

impl Composition {
    /// 0, 1, … along an axis of a shape of so many axes.
    fn places(&mut self, count: usize, along: usize, rank: usize) -> Result<Part, String> {
        ensure((1..=MOST_POSITIONS).contains(&count), || {
            format!("it has {count} positions, and {MOST_POSITIONS} are the most")
        })?;
        let mut shape = vec![1; rank];
        shape[along] = count;
        self.constant(Tensor::new(shape, (0..count).map(|at| at as f32).collect()))
    }

    /// For whole numbers an axis on which 1 stands at the place that each is, and else 0; negative ones are counted from the end.
    fn chosen(&mut self, positions: Part, count: usize, along: usize) -> Result<Part, String> {
        let positions = self.apply(Op::Whole(Whole::Truncate), &[positions])?;
        let is_negative = self.with(Op::Compare(Compare::Less), positions, 0.0)?;
        let more = self.with(Op::Mul, is_negative, count as f32)?;
        let positions = self.apply(Op::Add, &[positions, more])?;
        let mut shape = self.shape(positions)?.to_vec();
        shape.insert(along, 1);
        let rank = shape.len();
        let positions = self.reshaped(positions, &shape)?;
        let places = self.places(count, along, rank)?;
        self.apply(Op::Compare(Compare::Equal), &[positions, places])
    }
}

fn one_hot(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let depth = node.constant(1)?.to_floats();
    let &[depth] = &depth.data[..] else {
        return Err("its depth is not one number".to_owned());
    };
    let values = node.constant(2)?.to_floats();
    let &[off, on] = &values.data[..] else {
        return Err("its values are not two".to_owned());
    };
    let rank = net.shape(Part::Input(0))?.len();
    let along = axis(node.attributes().int("axis").unwrap_or(-1), rank + 1)?;
    let mut result = net.chosen(Part::Input(0), depth as usize, along)?;
    let step = on - off;
    if step.to_bits() != 1f32.to_bits() {
        result = net.with(Op::Mul, result, step)?;
    }
    if off != 0.0 {
        result = net.with(Op::Add, result, off)?;
    }
    Ok(net.giving(vec![result]))
}

fn hardmax(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let value = Part::Input(0);
    let shape = net.shape(value)?.to_vec();
    let along = axis(node.attributes().int("axis").unwrap_or(-1), shape.len())?;
    let greatest = ArgMax {
        axis: along,
        keeps: true,
        of_least: false,
        last_of_equals: false,
    };
    let greatest = net.apply(Op::ArgMax(greatest), &[value])?;
    let places = net.places(shape[along], along, shape.len())?;
    let result = net.apply(Op::Compare(Compare::Equal), &[greatest, places])?;
    Ok(net.giving(vec![result]))
}

/// `Gather` along the first axis at positions that are values: a product of truth values with the rows.
pub(super) fn gather(node: &Reading<'_>, along: usize) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    ensure(along == 0, || {
        "its positions are not constant, and it picks along another axis than the first".to_owned()
    })?;
    let (data, positions) = (Part::Input(0), Part::Input(1));
    let rows = net.shape(data)?.to_vec();
    let own = net.shape(positions)?.to_vec();
    let count: usize = own.iter().product();
    let flat = net.reshaped(positions, &[count])?;
    let chosen = net.chosen(flat, rows[0], 1)?;
    let row: usize = rows[1..].iter().product();
    let matrix = match node.constant(0) {
        Ok(Constant::Floats(tensor)) => net.constant(Tensor::new([rows[0], row], tensor.data.clone()))?,
        _ => net.reshaped(data, &[rows[0], row])?,
    };
    let product = net.apply(Op::MatMul, &[chosen, matrix])?;
    let result = net.reshaped(product, &[&own[..], &rows[1..]].concat())?;
    Ok(net.giving(vec![result]))
}
