//! Comparisons, choices between values, and truth values as 0 and 1.
//!
//! Of a whole number d, max(d, 0) − max(d − 1, 0) is 1 where d is positive and else 0. What is compared is the difference of integers,
//! rounded where no table holds it: numbers that are closer than that are equal.

use super::Op;
use super::broadcast::{broadcast, positions};
use super::fixed::exponent;
use super::lowering::{Lowering, Place, Source, TableReader, floats, hull};
use super::operator::{Elements, Import, Meaning, Operator, single};
use super::tables::OUT_OF_RANGE;
use crate::interval::Interval;
use crate::program::{Order, ProgramError, Step, Term, Value, ValueId};
use crate::tensor::Tensor;
use crate::wire::reading::Reading;
use serde::{Deserialize, Serialize};

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Greater",
        read: |node| Meaning::binary(Op::Compare(Compare::Greater), node),
    },
    Import {
        operator: "GreaterOrEqual",
        read: |node| Meaning::binary(Op::Compare(Compare::GreaterOrEqual), node),
    },
    Import {
        operator: "Less",
        read: |node| Meaning::binary(Op::Compare(Compare::Less), node),
    },
    Import {
        operator: "LessOrEqual",
        read: |node| Meaning::binary(Op::Compare(Compare::LessOrEqual), node),
    },
    Import {
        operator: "Equal",
        read: |node| Meaning::binary(Op::Compare(Compare::Equal), node),
    },
    Import {
        operator: "And",
        read: |node| Meaning::binary(Op::Compare(Compare::And), node),
    },
    Import {
        operator: "Or",
        read: |node| Meaning::binary(Op::Compare(Compare::Or), node),
    },
    Import {
        operator: "Xor",
        read: |node| Meaning::binary(Op::Compare(Compare::Xor), node),
    },
    Import {
        operator: "Not",
        read: |node| Meaning::unary(Op::Not, node),
    },
    Import {
        operator: "Max",
        read: |node| all(Op::Extreme(Extreme::Greatest), node),
    },
    Import {
        operator: "Min",
        read: |node| all(Op::Extreme(Extreme::Least), node),
    },
    Import {
        operator: "Where",
        read: |node| {
            let inputs = (0..3).map(|position| node.argument(position));
            Ok(Meaning::Apply(Op::Where, inputs.collect::<Result<_, _>>()?))
        },
    },
];

/// 1 where something holds of two values, and else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// x > y.
    Greater,
    /// x ≥ y.
    GreaterOrEqual,
    /// x < y.
    Less,
    /// x ≤ y.
    LessOrEqual,
    /// x = y.
    Equal,
    /// Both of two truth values.
    And,
    /// One of them or both.
    Or,
    /// One of them alone.
    Xor,
}

impl Operator for Compare {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::Equal => "Equal",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [a, b] = *inputs else {
            return Err(format!("takes two inputs, not {}", inputs.len()));
        };
        broadcast(a, b).ok_or_else(|| format!("takes two values of one shape, not {a:?} and {b:?}"))
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        let taken = match self {
            Self::And | Self::Or | Self::Xor => Elements::Truth,
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual | Self::Equal => {
                Elements::Floats
            }
        };
        (vec![taken; given.len()], Elements::Truth)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let [left, right] = [0, 1].map(|position| self.operand(place, lowering, position));
        let (left, right) = (left?, right?);
        // How often the product is taken, of x + y.
        let products = match self {
            Self::And => 1,
            Self::Or => -1,
            Self::Xor => -2,
            Self::Less => return lowering.is_positive(place, right, left, 0),
            Self::Greater => return lowering.is_positive(place, left, right, 0),
            Self::GreaterOrEqual => return lowering.is_positive(place, left, right, 1),
            Self::LessOrEqual => return lowering.is_positive(place, right, left, 1),
            Self::Equal => return lowering.is_zero(place, left, right),
        };
        let [left, right] = [left, right].map(|value| lowering.truth(place, value));
        let (left, right) = (left?, right?);
        let both = lowering.product(place, left, right)?;
        if products == 1 {
            return Ok(both);
        }
        let terms = [(left, 1), (right, 1), (both, products)];
        let terms = terms.map(|(value, factor)| Term { value, factor });
        let result = lowering.sum(place, terms.to_vec(), 0, &place.shape, 1.0)?;
        lowering.set_truth(result);
        Ok(result)
    }
}

impl Compare {
    /// An operand. A constant beside whole numbers is the whole number that they compare with alike: x > c is x > ⌊c⌋, and x ≥ c is
    /// x ≥ ⌈c⌉, so that whole numbers alone are compared.
    fn operand(
        self,
        place: &Place<'_>,
        lowering: &mut Lowering,
        position: usize,
    ) -> Result<ValueId, ProgramError> {
        let input = &place.inputs[position];
        let (Source::Constant(tensor), Source::Value(other)) =
            (input.source, place.inputs[1 - position].source)
        else {
            return place.broadcast(lowering, position);
        };
        let (is_greater, is_strict) = match self {
            Self::Greater => (position == 0, true),
            Self::GreaterOrEqual => (position == 0, false),
            Self::Less => (position == 1, true),
            Self::LessOrEqual => (position == 1, false),
            Self::Equal if lowering.value(other).is_whole && floats(tensor).any(|x| x.fract() != 0.0) => {
                return Err(place.refused(
                    "it compares whole numbers with a fraction for equality, and none is equal to one",
                ));
            }
            Self::Equal | Self::And | Self::Or | Self::Xor => return place.broadcast(lowering, position),
        };
        if !lowering.value(other).is_whole {
            return place.broadcast(lowering, position);
        }
        let rounds_up = is_greater == is_strict;
        let whole = |x: f64| if rounds_up { x.ceil() } else { x.floor() };
        let numbers: Vec<f64> = floats(tensor).map(whole).collect();
        let unit = f64::from(exponent(&numbers, lowering.scale)).exp2();
        let constant = lowering.constant(place, &numbers, &tensor.shape, unit)?;
        Ok(lowering.spread(constant, input.shape, &place.shape))
    }
}

/// What a truth value can be.
const TRUTH: Interval = Interval {
    least: 0,
    greatest: 1,
};

impl Lowering {
    /// A truth value as 0 or 1: itself, or 1 where it is positive. Nothing else holds an input to 0 and 1 that a file declares as
    /// truth values.
    fn truth(&mut self, place: &Place<'_>, value: ValueId) -> Result<ValueId, ProgramError> {
        let known = self.value(value);
        if known.unit.to_bits() == 1f64.to_bits() && known.interval.hull(TRUTH) == TRUTH {
            return Ok(value);
        }
        let reader = TableReader::whole(self.table_limit());
        let value = self.within_table(place, value, reader)?;
        self.sign(place, value, 0)
    }

    /// x − y, as a table takes it and all of it is looked up.
    pub(super) fn difference(
        &mut self,
        place: &Place<'_>,
        left: ValueId,
        right: ValueId,
    ) -> Result<ValueId, ProgramError> {
        let shape = self.value(left).shape.clone();
        let (operands, unit) = self.aligned(place, &[left, right])?;
        let terms = operands.iter().zip([1, -1]).map(|(operand, sign)| Term {
            value: operand.value,
            factor: sign << operand.shift,
        });
        let difference = self.sum(place, terms.collect(), 0, &shape, unit)?;
        self.within_table(place, difference, TableReader::whole(self.table_limit()))
    }

    /// max(x + addend, 0).
    fn rectified_beyond(
        &mut self,
        place: &Place<'_>,
        value: ValueId,
        addend: i128,
    ) -> Result<ValueId, ProgramError> {
        let before = self.value(value).clone();
        let term = Term { value, factor: 1 };
        let sum = self.sum(place, vec![term], addend, &before.shape, before.unit)?;
        if !self.is_calibrated && self.value(sum).interval.greatest >= self.program.base() {
            return Err(place.refused(OUT_OF_RANGE));
        }
        Ok(self.rectified(place, sum))
    }

    /// 1 where x − y + more is positive, and else 0.
    fn is_positive(
        &mut self,
        place: &Place<'_>,
        left: ValueId,
        right: ValueId,
        more: i128,
    ) -> Result<ValueId, ProgramError> {
        let difference = self.difference(place, left, right)?;
        self.sign(place, difference, more)
    }

    /// 1 where d + more is positive, of a difference that a table takes, and else 0. It is looked up as it is, whatever `more` is.
    pub(super) fn sign(
        &mut self,
        place: &Place<'_>,
        difference: ValueId,
        more: i128,
    ) -> Result<ValueId, ProgramError> {
        let positive = self.rectified(place, difference);
        let beyond = self.rectified_beyond(place, difference, if more == 0 { -1 } else { 1 })?;
        let sign = if more == 0 { 1 } else { -1 };
        let terms = [(positive, sign), (beyond, -sign)].map(|(value, factor)| Term { value, factor });
        let shape = self.value(difference).shape.clone();
        let result = self.sum(place, terms.to_vec(), 0, &shape, 1.0)?;
        self.set_truth(result);
        Ok(result)
    }

    /// 1 where x and y are equal, and else 0.
    fn is_zero(&mut self, place: &Place<'_>, left: ValueId, right: ValueId) -> Result<ValueId, ProgramError> {
        let difference = self.difference(place, left, right)?;
        let shape = self.value(difference).shape.clone();
        let here = self.rectified(place, difference);
        let [below, above] = [-1, 1].map(|addend| self.rectified_beyond(place, difference, addend));
        let terms = [(below?, 1), (above?, 1), (here, -2)].map(|(value, factor)| Term { value, factor });
        let result = self.sum(place, terms.to_vec(), 0, &shape, 1.0)?;
        self.set_truth(result);
        Ok(result)
    }

    /// y + chosen · (x − y), of a truth value and two operands at one unit.
    fn chosen(
        &mut self,
        place: &Place<'_>,
        truth: ValueId,
        [left, right]: [Term; 2],
        unit: f64,
    ) -> Result<ValueId, ProgramError> {
        let shape = self.value(truth).shape.clone();
        let negative = Term {
            factor: -right.factor,
            ..right
        };
        let difference = self.sum(place, vec![left, negative], 0, &shape, unit)?;
        let part = self.product(place, truth, difference)?;
        let term = Term {
            value: part,
            factor: 1,
        };
        let result = self.sum(place, vec![right, term], 0, &shape, unit)?;
        let [left, right] = [left, right].map(|term| {
            let interval = self.value(term.value).interval;
            interval.weighted(&[term.factor], 0)
        });
        let interval = left.and_then(|left| Ok(left.hull(right?)));
        self.program.values[result.0].interval = interval.map_err(|source| place.too_large(source))?;
        Ok(result)
    }
}

/// 1 − x.
pub(super) struct Not;

impl Operator for Not {
    fn onnx_name(&self) -> &'static str {
        "Not"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        single(inputs).map(<[usize]>::to_vec)
    }

    fn elements(&self, _: &[Elements]) -> (Vec<Elements>, Elements) {
        (vec![Elements::Truth], Elements::Truth)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let value = place.value(lowering, 0)?;
        let value = lowering.truth(place, value)?;
        lowering.sum(place, vec![Term { value, factor: -1 }], 1, &place.shape, 1.0)
    }
}

/// One of two values, where a truth value says which.
pub(super) struct Where;

impl Operator for Where {
    fn onnx_name(&self) -> &'static str {
        "Where"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [truth, left, right] = *inputs else {
            return Err(format!("takes three inputs, not {}", inputs.len()));
        };
        broadcast(left, right)
            .and_then(|both| broadcast(truth, &both))
            .ok_or_else(|| format!("takes values of one shape, not {truth:?}, {left:?} and {right:?}"))
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        let (chosen, kind) = Elements::side_by_side(&given[1..]);
        ([&[Elements::Truth][..], &chosen].concat(), kind)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        if let Some(truth) = place.constant(0) {
            return by_constants(place, lowering, truth);
        }
        let truth = place.broadcast(lowering, 0)?;
        let truth = lowering.truth(place, truth)?;
        let [left, right] = [1, 2].map(|position| place.broadcast(lowering, position));
        let (operands, unit) = lowering.aligned(place, &[left?, right?])?;
        let [left, right] = operands[..] else {
            unreachable!("two operands");
        };
        let terms = [left, right].map(|operand| Term {
            value: operand.value,
            factor: 1 << operand.shift,
        });
        lowering.chosen(place, truth, terms, unit)
    }
}

/// Elements of two values where constants say which: they are moved, and nothing is computed.
fn by_constants(place: &Place<'_>, lowering: &mut Lowering, truth: &Tensor) -> Result<ValueId, ProgramError> {
    let values = [place.value(lowering, 1)?, place.value(lowering, 2)?];
    let (operands, unit) = lowering.aligned(place, &values)?;
    let shape = &place.shape;
    let [truths, left, right] = [0, 1, 2].map(|position| positions(place.inputs[position].shape, shape));
    let after: usize = place.inputs[1].shape.iter().product();
    let places = truths.iter().zip(left.iter().zip(&right));
    let places = places.map(|(&at, (&left, &right))| {
        if truth.data[at] == 0.0 {
            after + right
        } else {
            left
        }
    });
    let order = Order::Picked(places.collect());
    let interval = hull(operands.iter().map(|&operand| lowering.interval(operand)));
    let value = Value {
        is_whole: operands
            .iter()
            .all(|operand| lowering.value(operand.value).is_whole),
        ..place.result(interval.map_err(|source| place.too_large(source))?, unit)
    };
    Ok(lowering.push(Step::Rearrange { operands, order }, value))
}

/// The greatest or the least of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extreme {
    /// The greatest.
    Greatest,
    /// The least.
    Least,
}

impl Operator for Extreme {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Greatest => "Max",
            Self::Least => "Min",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let mut all = inputs.iter();
        let first = all.next().ok_or("takes at least one input")?.to_vec();
        all.try_fold(first, |shape, other| {
            broadcast(&shape, other).ok_or_else(|| format!("inputs of shapes {inputs:?}"))
        })
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    /// One after the other: y + max(x − y, 0), or x − max(x − y, 0).
    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let mut found = place.broadcast(lowering, 0)?;
        for position in 1..place.inputs.len() {
            let next = match place.inputs[position].source {
                // A constant takes the unit of what it is compared with.
                Source::Constant(tensor) => {
                    let numbers: Vec<f64> = super::lowering::floats(tensor).collect();
                    let is_held = |number: &f64| (number * lowering.value(found).unit).fract() == 0.0;
                    if !numbers.iter().all(is_held) {
                        found = lowering.refined(place, found)?;
                    }
                    let unit = lowering.value(found).unit;
                    let constant = lowering.constant(place, &numbers, &tensor.shape, unit)?;
                    lowering.spread(constant, &tensor.shape, &place.shape)
                }
                Source::Value(_) => place.broadcast(lowering, position)?,
            };
            found = self.of_two(place, lowering, found, next)?;
        }
        Ok(found)
    }
}

impl Extreme {
    fn of_two(
        self,
        place: &Place<'_>,
        lowering: &mut Lowering,
        left: ValueId,
        right: ValueId,
    ) -> Result<ValueId, ProgramError> {
        // Their differences are looked up, so that each takes half of a table.
        let reader = TableReader::guarded(lowering.table_limit() / 2);
        let [left, right] = [left, right].map(|value| lowering.within_table(place, value, reader));
        let (left, right) = (left?, right?);
        let (operands, unit) = lowering.aligned(place, &[left, right])?;
        let [x, y] = operands[..] else {
            unreachable!("two operands");
        };
        let [x, y] = [x, y].map(|operand| Term {
            value: operand.value,
            factor: 1 << operand.shift,
        });
        let shape = place.shape.clone();
        let minus = Term {
            factor: -y.factor,
            ..y
        };
        let difference = lowering.sum(place, vec![x, minus], 0, &shape, unit)?;
        if !lowering.is_in_table(lowering.value(difference).interval) {
            return Err(place.refused("its values have units too far apart for a table"));
        }
        let excess = lowering.rectified(place, difference);
        let (kept, factor) = match self {
            Self::Greatest => (y, 1),
            Self::Least => (x, -1),
        };
        let term = Term {
            value: excess,
            factor,
        };
        let result = lowering.sum(place, vec![kept, term], 0, &shape, unit)?;
        let [x, y] = [x, y].map(|term| lowering.value(term.value).interval.weighted(&[term.factor], 0));
        let (x, y) = (
            x.map_err(|source| place.too_large(source))?,
            y.map_err(|source| place.too_large(source))?,
        );
        lowering.program.values[result.0].interval = match self {
            Self::Greatest => Interval {
                least: x.least.max(y.least),
                greatest: x.greatest.max(y.greatest),
            },
            Self::Least => Interval {
                least: x.least.min(y.least),
                greatest: x.greatest.min(y.greatest),
            },
        };
        Ok(result)
    }
}

fn all(op: Op, node: &Reading<'_>) -> Result<Meaning, String> {
    let inputs = (0..node.node().input.len()).map(|position| node.argument(position));
    Ok(Meaning::Apply(op, inputs.collect::<Result<_, _>>()?))
}
