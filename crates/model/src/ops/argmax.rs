//! `ArgMax` and `ArgMin`: where along an axis the greatest or the least element stands.
//!
//! A tournament of pairs, in which each winner keeps its position: of the left and the right one, the right wins where it is
//! greater, and at a tie the one that ONNX names.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::broadcast::{indices, strides};
use super::lowering::{Lowering, Place, TableReader};
use super::operator::{Elements, Import, Meaning, Operator, ensure, single};
use crate::program::{Operand, Order, ProgramError, Step, Term, Value, ValueId};
use crate::wire::node::axis;
use crate::wire::proto::{int, signed};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "ArgMax",
        read: |node| read(node, false),
    },
    Import {
        operator: "ArgMin",
        read: |node| read(node, true),
    },
];

/// The position of an extreme along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgMax {
    /// The axis.
    pub axis: usize,
    /// Whether it stays, with size 1.
    pub keeps: bool,
    /// Whether the least is meant.
    pub of_least: bool,
    /// Whether of equal elements the last is meant, and not the first.
    pub last_of_equals: bool,
}

impl Operator for ArgMax {
    fn onnx_name(&self) -> &'static str {
        if self.of_least { "ArgMin" } else { "ArgMax" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let axis = self.axis;
        ensure(axis < input.len(), || {
            format!("axis {axis} of an input of shape {input:?}")
        })?;
        let mut shape = input.to_vec();
        if self.keeps {
            shape[axis] = 1;
        } else {
            shape.remove(axis);
        }
        Ok(shape)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![
            int("axis", signed(self.axis)),
            int("keepdims", self.keeps.into()),
            int("select_last_index", self.last_of_equals.into()),
        ]
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        (vec![Elements::Floats; given.len()], Elements::Positions)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let value = place.value(lowering, 0)?;
        // Differences of elements are looked up.
        let value = lowering.within_table(place, value, TableReader::guarded(lowering.table_limit() / 2))?;
        let mut values = self.rows(lowering, value, place.inputs[0].shape);
        if self.of_least {
            values = lowering.negated(place, values)?;
        }
        let [rows, mut left] = lowering.value(values).shape[..] else {
            unreachable!("rows and columns");
        };
        let numbers: Vec<f64> = (0..rows).flat_map(|_| (0..left).map(|at| at as f64)).collect();
        let mut places = lowering.constant(place, &numbers, &[rows, left], 1.0)?;
        while left > 1 {
            [values, places] = self.round(place, lowering, values, places)?;
            left = left.div_ceil(2);
        }
        Ok(lowering.relabelled(places, &place.shape, 1.0))
    }
}

impl ArgMax {
    /// The elements along the axis as rows.
    fn rows(self, lowering: &mut Lowering, value: ValueId, shape: &[usize]) -> ValueId {
        let columns = shape[self.axis];
        let steps = strides(shape);
        let others: Vec<usize> = (0..shape.len()).filter(|&axis| axis != self.axis).collect();
        let order: Vec<usize> = others.iter().chain([&self.axis]).copied().collect();
        let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let at = |index: Vec<usize>| -> usize {
            index.iter().zip(&order).map(|(at, &axis)| at * steps[axis]).sum()
        };
        let positions: Vec<usize> = indices(&sizes).map(at).collect();
        let rows = positions.len() / columns;
        lowering.picked(value, positions, &[rows, columns])
    }

    /// The winners of neighbours, and where they stand; of an odd number the last one is left as it is.
    fn round(
        self,
        place: &Place<'_>,
        lowering: &mut Lowering,
        values: ValueId,
        places: ValueId,
    ) -> Result<[ValueId; 2], ProgramError> {
        let [rows, columns] = lowering.value(values).shape[..] else {
            unreachable!("rows and columns");
        };
        let pairs = columns / 2;
        let pick = |lowering: &mut Lowering, value: ValueId, first: usize| {
            let row = |row: usize| (0..pairs).map(move |pair| row * columns + 2 * pair + first);
            lowering.picked(value, (0..rows).flat_map(row).collect(), &[rows, pairs])
        };
        let [left, right] = [0, 1].map(|first| pick(lowering, values, first));
        let terms = [(right, 1), (left, -1)].map(|(value, factor)| Term { value, factor });
        let Value { unit, interval, .. } = lowering.value(values).clone();
        let difference = lowering.sum(place, terms.to_vec(), 0, &[rows, pairs], unit)?;
        let right_wins = lowering.sign(place, difference, self.last_of_equals.into())?;
        // The position of a pair that loses later shows nothing of who won in it.
        let right_wins = lowering.claimed(right_wins);
        let excess = lowering.rectified(place, difference);
        let terms = [left, excess].map(|value| Term { value, factor: 1 });
        let winners = lowering.sum(place, terms.to_vec(), 0, &[rows, pairs], unit)?;
        lowering.program.values[winners.0].interval = interval;

        let [from, to] = [0, 1].map(|first| pick(lowering, places, first));
        let terms = [(to, 1), (from, -1)].map(|(value, factor)| Term { value, factor });
        let step = lowering.sum(place, terms.to_vec(), 0, &[rows, pairs], 1.0)?;
        let step = lowering.product(place, right_wins, step)?;
        let terms = [from, step].map(|value| Term { value, factor: 1 });
        let chosen = lowering.sum(place, terms.to_vec(), 0, &[rows, pairs], 1.0)?;
        lowering.program.values[chosen.0].interval = lowering.value(places).interval;
        Ok([
            with_last(lowering, winners, values),
            with_last(lowering, chosen, places),
        ])
    }
}

/// The winners of a round, and the last column where it had no neighbour.
fn with_last(lowering: &mut Lowering, winners: ValueId, all: ValueId) -> ValueId {
    let [rows, columns] = lowering.value(all).shape[..] else {
        unreachable!("rows and columns");
    };
    let pairs = columns / 2;
    if columns == 2 * pairs {
        return winners;
    }
    let result = Value {
        shape: vec![rows, pairs + 1],
        ..lowering.value(all).clone()
    };
    let row = |row: usize| {
        let own = row * pairs..(row + 1) * pairs;
        own.chain([rows * pairs + row * columns + columns - 1])
    };
    let step = Step::Rearrange {
        operands: [winners, all].map(|value| Operand { value, shift: 0 }).to_vec(),
        order: Order::Picked((0..rows).flat_map(row).collect()),
    };
    lowering.push(step, result)
}

fn read(node: &Reading<'_>, of_least: bool) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let op = ArgMax {
        axis: axis(attributes.int("axis").unwrap_or(0), shape.len())?,
        keeps: attributes.int("keepdims").unwrap_or(1) != 0,
        of_least,
        last_of_equals: attributes.int("select_last_index").unwrap_or(0) != 0,
    };
    Meaning::unary(Op::ArgMax(op), node)
}
