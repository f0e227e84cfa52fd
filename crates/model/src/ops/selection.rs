//! What picks by numbers of the model's own: OneHot, Hardmax, TopK, and what gathers and scatters at positions that are values.
//!
//! A position is compared with each one that there is; of the truth values that this gives, one is 1.

use super::broadcast::strides;
use super::compare::Compare;
use super::movement::{ensure_along, lists_of};
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{ArgMax, Cut, Movement, Op, Reduce, Reduction, Whole};
use crate::tensor::Tensor;
use crate::wire::constant::Constant;
use crate::wire::node::axis;
use crate::wire::proto::signed;
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
    Import {
        operator: "TopK",
        read: greatest,
    },
];

/// The most positions that one is compared with.
const MOST_POSITIONS: usize = 1 << 16;

/// The most elements that are put in order: each is compared with each other.
const MOST_ORDERED: usize = 1 << 8;

/// The most updates that are written one after the other: each takes as many products as there are elements.
const MOST_UPDATES: usize = 1 << 6;

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

    /// Whole numbers with those that are negative counted from the end of so many.
    fn counted_from_start(&mut self, positions: Part, count: usize) -> Result<Part, String> {
        let positions = self.apply(Op::Whole(Whole::Truncate), &[positions])?;
        let is_negative = self.with(Op::Compare(Compare::Less), positions, 0.0)?;
        let more = self.with(Op::Mul, is_negative, count as f32)?;
        self.apply(Op::Add, &[positions, more])
    }

    /// For whole numbers an axis on which 1 stands at the place that each is, and else 0; negative ones are counted from the end. Numbers
    /// that name no place have no proof.
    fn chosen(&mut self, positions: Part, count: usize, along: usize) -> Result<Part, String> {
        let positions = self.counted_from_start(positions, count)?;
        let positions = self.place_of(positions, count)?;
        self.placed(positions, count, along)
    }

    /// The same of numbers that are not negative; of one that names no place, all are 0.
    fn placed(&mut self, positions: Part, count: usize, along: usize) -> Result<Part, String> {
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
    let depth = node.constant(1)?.to_exact_floats()?;
    let &[depth] = &depth.data[..] else {
        return Err("its depth is not one number".to_owned());
    };
    let values = node.constant(2)?.to_exact_floats()?;
    let &[off, on] = &values.data[..] else {
        return Err("its values are not two".to_owned());
    };
    let rank = net.shape(Part::Input(0))?.len();
    let along = axis(node.attributes().int("axis").unwrap_or(-1), rank + 1)?;
    // A number that names no place chooses none.
    let count = depth as usize;
    let positions = net.counted_from_start(Part::Input(0), count)?;
    let mut result = net.placed(positions, count, along)?;
    let step = on - off;
    let is_exact = f64::from(step).to_bits() == (f64::from(on) - f64::from(off)).to_bits();
    ensure(is_exact, || format!("{on} less {off} is no number of 32 bits"))?;
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
    let own = net.shape(Part::Input(1))?.to_vec();
    let flat = net.reshaped(Part::Input(1), &[own.iter().product()])?;
    let rows = net.shape(Part::Input(0))?.to_vec();
    let chosen = net.chosen(flat, rows[0], 1)?;
    let picked = net.rows_at(node, chosen, rows[0])?;
    let result = net.reshaped(picked, &[&own[..], &rows[1..]].concat())?;
    Ok(net.giving(vec![result]))
}

impl Composition {
    /// The rows of the first input, as so many, that truth values choose: their product with all rows.
    fn rows_at(&mut self, node: &Reading<'_>, chosen: Part, rows: usize) -> Result<Part, String> {
        let data = Part::Input(0);
        let row = self.shape(data)?.iter().product::<usize>() / rows;
        let matrix = match node.constant(0) {
            Ok(constant) => self.constant(Tensor::new([rows, row], constant.to_exact_floats()?.data))?,
            Err(_) => self.reshaped(data, &[rows, row])?,
        };
        self.apply(Op::MatMul, &[chosen, matrix])
    }

    /// For lists of positions along the first axes of a shape, the place of the part that each names.
    fn place_of_lists(&mut self, positions: Part, sizes: &[usize]) -> Result<Part, String> {
        let own = self.shape(positions)?.to_vec();
        let lists = own[..own.len() - 1].iter().product::<usize>();
        let flat = self.reshaped(positions, &[lists, sizes.len()])?;
        let steps = strides(sizes);
        let mut places = None;
        for (at, (&size, &step)) in sizes.iter().zip(&steps).enumerate() {
            let op = Movement::Gather {
                axis: 1,
                indices: vec![at],
                shape: Vec::new(),
            };
            let along = self.apply(Op::Movement(op), &[flat])?;
            let along = self.counted_from_start(along, size)?;
            let along = self.place_of(along, size)?;
            let steps = self.with(Op::Mul, along, step as f32)?;
            places = Some(match places {
                Some(sum) => self.apply(Op::Add, &[sum, steps])?,
                None => steps,
            });
        }
        places.ok_or_else(|| "its lists of positions are empty".to_owned())
    }

    /// A tensor with one axis as the last, and all others as one before it.
    fn with_last(&mut self, part: Part, along: usize) -> Result<(Part, Vec<usize>), String> {
        let rank = self.shape(part)?.len();
        let mut permutation: Vec<usize> = (0..rank).collect();
        permutation.swap(along, rank - 1);
        let turned = self.transposed(part, &permutation)?;
        let shape = self.shape(turned)?.to_vec();
        let last = shape[rank - 1];
        let rows = shape.iter().product::<usize>() / last.max(1);
        Ok((self.reshaped(turned, &[rows, last])?, shape))
    }

    /// The inverse of [`Self::with_last`], of a tensor whose last axis may have another size.
    fn turned_back(&mut self, part: Part, along: usize, shape: &[usize]) -> Result<Part, String> {
        let turned = self.reshaped(part, shape)?;
        let mut permutation: Vec<usize> = (0..shape.len()).collect();
        permutation.swap(along, shape.len() - 1);
        self.transposed(turned, &permutation)
    }

    /// The first parts of a tensor along all axes but one, as many as another shape has.
    fn cut_to(&mut self, part: Part, shape: &[usize], along: usize) -> Result<Part, String> {
        let own = self.shape(part)?.to_vec();
        let cuts = (0..own.len()).filter(|&axis| axis != along && own[axis] > shape[axis]);
        let cuts: Vec<Cut> = cuts
            .map(|axis| Cut {
                axis,
                start: 0,
                end: signed(shape[axis]),
                step: 1,
            })
            .collect();
        if cuts.is_empty() {
            return Ok(part);
        }
        self.apply(Op::Movement(Movement::Slice(cuts)), &[part])
    }

    /// Row by row, the elements of data at positions: rows × n and rows × k give rows × k.
    fn elements_at(&mut self, data: Part, chosen: Part) -> Result<Part, String> {
        let &[rows, picked, count] = self.shape(chosen)? else {
            return Err("what is chosen has no three axes".to_owned());
        };
        let column = self.reshaped(data, &[rows, count, 1])?;
        let product = self.apply(Op::MatMul, &[chosen, column])?;
        self.reshaped(product, &[rows, picked])
    }
}

/// `GatherElements` at positions that are values: for each row a product of truth values with its elements.
pub(super) fn gather_elements(node: &Reading<'_>, along: usize) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let (data, positions) = (Part::Input(0), Part::Input(1));
    let own = net.shape(positions)?.to_vec();
    ensure_along(net.shape(data)?, &own, along)?;
    let count = net.shape(data)?[along];
    let data = net.cut_to(data, &own, along)?;
    let (data, _) = net.with_last(data, along)?;
    let (positions, turned) = net.with_last(positions, along)?;
    let chosen = net.chosen(positions, count, 2)?;
    let picked = net.elements_at(data, chosen)?;
    let result = net.turned_back(picked, along, &turned)?;
    Ok(net.giving(vec![result]))
}

/// `GatherND` at lists of positions that are values.
pub(super) fn gather_parts(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let shape = net.shape(Part::Input(0))?.to_vec();
    let given = net.shape(Part::Input(1))?.to_vec();
    let (count, outer, part) = lists_of(&shape, &given)?;
    let places = net.place_of_lists(Part::Input(1), &shape[..count])?;
    let rows = shape[..count].iter().product();
    let chosen = net.placed(places, rows, 1)?;
    let picked = net.rows_at(node, chosen, rows)?;
    let result = net.reshaped(picked, &[outer, part].concat())?;
    Ok(net.giving(vec![result]))
}

/// `ScatterElements` at positions that are values: one update of each row after the other, as runtimes write them.
pub(super) fn scatter_elements(node: &Reading<'_>, along: usize) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let (data, positions, updates) = (Part::Input(0), Part::Input(1), Part::Input(2));
    let (shape, own) = (net.shape(data)?.to_vec(), net.shape(positions)?.to_vec());
    let fits = own.len() == shape.len() && (0..shape.len()).all(|at| at == along || own[at] == shape[at]);
    ensure(fits && net.shape(updates)? == own, || {
        format!(
            "its positions have the shape {own:?} and its input {shape:?}, which are alike along all other axes where they are covered"
        )
    })?;
    let (data, turned) = net.with_last(data, along)?;
    let (positions, _) = net.with_last(positions, along)?;
    let (updates, _) = net.with_last(updates, along)?;
    let chosen = net.chosen(positions, shape[along], 2)?;
    let result = net.written(data, chosen, updates)?;
    let result = net.turned_back(result, along, &turned)?;
    Ok(net.giving(vec![result]))
}

/// `ScatterND` at lists of positions that are values.
pub(super) fn scatter_parts(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let shape = net.shape(Part::Input(0))?.to_vec();
    let given = net.shape(Part::Input(1))?.to_vec();
    let (count, outer, part) = lists_of(&shape, &given)?;
    let (lists, len) = (outer.iter().product::<usize>(), part.iter().product::<usize>());
    let rows: usize = shape[..count].iter().product();
    ensure(
        net.shape(Part::Input(2))?.iter().product::<usize>() == lists * len,
        || format!("its updates do not fit {lists} parts of {len} elements"),
    )?;
    let places = net.place_of_lists(Part::Input(1), &shape[..count])?;
    let chosen = net.placed(places, rows, 1)?;
    // Each element of a part is a row of its own, of as many elements as there are parts.
    let data = net.reshaped(Part::Input(0), &[rows, len])?;
    let data = net.transposed(data, &[1, 0])?;
    let updates = net.reshaped(Part::Input(2), &[lists, len])?;
    let updates = net.transposed(updates, &[1, 0])?;
    let chosen = net.reshaped(chosen, &[1, lists, rows])?;
    let result = net.written(data, chosen, updates)?;
    let result = net.transposed(result, &[1, 0])?;
    let result = net.reshaped(result, &shape)?;
    Ok(net.giving(vec![result]))
}

impl Composition {
    /// Rows of data with updates one after the other: rows × n, rows (or one) × k × n truth values, rows × k.
    fn written(&mut self, data: Part, chosen: Part, updates: Part) -> Result<Part, String> {
        let &[_, count, _] = self.shape(chosen)? else {
            return Err("what is chosen has no three axes".to_owned());
        };
        ensure(count <= MOST_UPDATES, || {
            format!("it writes {count} updates one after the other, and {MOST_UPDATES} are the most")
        })?;
        let mut result = data;
        for at in 0..count {
            let nth = |shape: Vec<usize>| {
                Op::Movement(Movement::Gather {
                    axis: 1,
                    indices: vec![at],
                    shape,
                })
            };
            let here = self.apply(nth(Vec::new()), &[chosen])?;
            let update = self.apply(nth(vec![1]), &[updates])?;
            result = self.apply(Op::Where, &[here, update, result])?;
        }
        Ok(result)
    }
}

/// `TopK`: an element's rank is how many come before it, which are those that are greater, and those that are equal and stand before
/// it. The element and the position of each rank are picked by it.
fn greatest(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let shape = net.shape(Part::Input(0))?.to_vec();
    let along = axis(attributes.int("axis").unwrap_or(-1), shape.len())?;
    let count = match (attributes.int("k"), node.argument(1)) {
        (Some(count), _) => count,
        (None, _) => match node.constant(1)? {
            Constant::Ints(count) if count.data.len() == 1 => count.data[0],
            _ => return Err("its number of elements is not one whole number".to_owned()),
        },
    };
    let size = shape[along];
    let count = usize::try_from(count)
        .ok()
        .filter(|count| (1..=size).contains(count));
    let count = count.ok_or_else(|| format!("it takes none or more than all of {size} elements"))?;
    ensure(size <= MOST_ORDERED, || {
        format!("it puts {size} elements in order, and {MOST_ORDERED} are the most")
    })?;
    let compare = if attributes.int("largest").unwrap_or(1) == 0 {
        Compare::Less
    } else {
        Compare::Greater
    };
    let (data, turned) = net.with_last(Part::Input(0), along)?;
    let rows = net.shape(data)?[0];
    let ranks = net.ranks(data, compare)?;
    // Of each row, for each rank the element that has it.
    let chosen = net.placed(ranks, count, 1)?;
    let values = net.elements_at(data, chosen)?;
    let places = net.constant(Tensor::new([1, size], (0..size).map(|at| at as f32).collect()))?;
    let op = Movement::Expand {
        shape: vec![rows, size],
    };
    let places = net.apply(Op::Movement(op), &[places])?;
    let positions = net.elements_at(places, chosen)?;
    let shape = [&turned[..turned.len() - 1], &[count]].concat();
    let values = net.turned_back(values, along, &shape)?;
    let positions = net.turned_back(positions, along, &shape)?;
    Ok(net.giving(vec![values, positions]))
}

impl Composition {
    /// For each element of rows, how many come before it in its row: of each pair the second comes first only where it is greater (or
    /// less).
    fn ranks(&mut self, rows: Part, compare: Compare) -> Result<Part, String> {
        let size = self.shape(rows)?[1];
        let pairs: Vec<(usize, usize)> = (0..size)
            .flat_map(|first| (first + 1..size).map(move |second| (first, second)))
            .collect();
        if pairs.is_empty() {
            return self.with(Op::Mul, rows, 0.0);
        }
        let members = |indices: Vec<usize>| {
            let shape = vec![indices.len()];
            Op::Movement(Movement::Gather {
                axis: 1,
                indices,
                shape,
            })
        };
        let first = self.apply(members(pairs.iter().map(|pair| pair.0).collect()), &[rows])?;
        let second = self.apply(members(pairs.iter().map(|pair| pair.1).collect()), &[rows])?;
        let is_second = self.apply(Op::Compare(compare), &[second, first])?;
        // Of the first of a pair, one more where the second comes first; of the second, one less than if it came last.
        let others = || {
            (0..size).flat_map(|at| {
                (0..size)
                    .filter(move |&other| other != at)
                    .map(move |other| (at, other))
            })
        };
        let pair_of = |(at, other): (usize, usize)| {
            let (first, second) = (at.min(other), at.max(other));
            // Pairs of all that stand before the first, and of it with those before the second.
            first * (2 * size - first - 1) / 2 + second - first - 1
        };
        let op = Movement::Gather {
            axis: 1,
            indices: others().map(pair_of).collect(),
            shape: vec![size, size - 1],
        };
        let of_each = self.apply(Op::Movement(op), &[is_second])?;
        let signs = others().map(|(at, other)| if other > at { 1.0 } else { -1.0 });
        let signs = self.constant(Tensor::new([1, size, size - 1], signs.collect()))?;
        let signed = self.apply(Op::Mul, &[of_each, signs])?;
        let op = Reduce {
            reduction: Reduction::Sum,
            axes: vec![2],
            keeps: false,
        };
        let changed = self.apply(Op::Reduce(op), &[signed])?;
        let as_they_stand = self.constant(Tensor::new([1, size], (0..size).map(|at| at as f32).collect()))?;
        self.apply(Op::Add, &[changed, as_they_stand])
    }
}
