//! What a program's integers can be where its input can be more than it was asked for.
//!
//! The bounds that a value is written with follow from the range that its input was asked for. A circuit that looks the input up
//! and checks no narrower range takes all that its table holds, and what a later part of the model reads is what such a part made
//! of it. Here each step's bounds are found again from what is proved of the input, from the look-ups that the circuit holds, and from [what is always so](Program::always). None are found where a step would then be
//! another function, or where an integer could grow too large.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use super::linear::hull;
use super::{Form, Operand, Program, Step, Tabulated, ValueId};
use crate::interval::{Interval, LIMIT, Unbounded};

/// A range of the input as wide as a table is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LooseRange {
    /// An integer could grow too large, or be one that a step has no result for.
    #[error("a value would have no bound that a circuit needs")]
    Unbounded,
    /// Outside the range that was asked for, steps are another function than the model's.
    #[error("outside the range that was asked for, the circuit would compute another function")]
    Function,
    /// The model's input holds truth values or integers of a narrow type.
    #[error("the model's input holds no other numbers than those of its type")]
    Numbers,
}

impl From<Unbounded> for LooseRange {
    fn from(_: Unbounded) -> Self {
        Self::Unbounded
    }
}

/// Each value's bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds(Vec<Interval>);

/// The numbers that a circuit's look-ups take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookUpTable {
    /// The greatest.
    pub greatest: i128,
}

impl LookUpTable {
    /// The logarithm of the most rows of a table.
    pub const MOST_BITS: u32 = 28;

    /// All that may be in it, however many rows it has.
    pub fn interval(self) -> Interval {
        self.lengths(1)
    }

    /// What is below its end by no more than so many times its length.
    fn lengths(self, lengths: u32) -> Interval {
        Interval {
            least: self.greatest - (i128::from(lengths) << Self::MOST_BITS),
            greatest: self.greatest,
        }
    }
}

impl Bounds {
    /// A value's.
    pub fn of(&self, value: ValueId) -> Interval {
        self.0[value.0]
    }
}

impl Program {
    /// The bounds that the values are written with.
    pub fn stated_bounds(&self) -> Bounds {
        Bounds(self.values.iter().map(|value| value.interval).collect())
    }

    /// The bounds that follow from these of the input, where look-ups take the numbers of a table.
    ///
    /// # Errors
    /// [`LooseRange`].
    pub fn bounds_within(&self, input: Interval, table: LookUpTable) -> Result<Bounds, LooseRange> {
        let lengths = self.table_lengths();
        let mut bounds = Bounds(vec![input]);
        for index in 0..self.steps.len() {
            let held = lengths[index + 1].map(|lengths| table.lengths(lengths));
            let found = self.step_bounds(index, &mut bounds, table, held)?;
            let found = self.always_within(ValueId(index + 1), found)?;
            bounds.0.push(found);
        }
        let is_met = |&(value, assumed): &(ValueId, Interval)| bounds.of(value).hull(assumed) == assumed;
        if self.assumed.iter().all(is_met) {
            Ok(bounds)
        } else {
            Err(LooseRange::Function)
        }
    }

    fn always_within(&self, value: ValueId, found: Interval) -> Result<Interval, Unbounded> {
        let always = self.always.iter().filter(|(known, _)| *known == value);
        always.map(|&(_, interval)| interval).try_fold(found, within)
    }

    fn step_bounds(
        &self,
        index: usize,
        bounds: &mut Bounds,
        table: LookUpTable,
        held: Option<Interval>,
    ) -> Result<Interval, Unbounded> {
        let base = self.base();
        // Of a look-up, every element of what is read is in the table.
        let mut looked_up = |value: ValueId| -> Result<Interval, Unbounded> {
            let held = within(bounds.of(value), table.interval())?;
            bounds.0[value.0] = held;
            Ok(held)
        };
        match &self.steps[index] {
            Step::Claimed { input, linear, form } => {
                let exact = self.linear_bounds(linear, bounds.of(*input), |value| bounds.of(value))?;
                match *form {
                    Form::Exact => Ok(exact),
                    Form::Digits { digits } => {
                        let offset = self.digits_offset(index);
                        let end = base.checked_pow(digits).ok_or(Unbounded)?;
                        within(exact, Interval::checked(-offset, end - 1 - offset)?)
                    }
                    Form::Rounded {
                        multiplier,
                        digits,
                        guarded,
                        limit: _,
                    } => {
                        let divisor = base.checked_pow(digits).ok_or(Unbounded)?;
                        let scaled = exact.weighted(&[multiplier], divisor / 2)?;
                        let quotient = Interval {
                            least: scaled.least.div_euclid(divisor),
                            greatest: scaled.greatest.div_euclid(divisor),
                        };
                        let held = held.filter(|_| !guarded);
                        within(quotient, held.unwrap_or_else(|| self.guard_table(index)))
                    }
                }
            }
            Step::SumPool { input, window } => {
                bounds.of(*input).repeated(window.kernel[0] * window.kernel[1])
            }
            Step::MaxPool { input, .. } => Ok(bounds.of(*input)),
            Step::Rectify { input } => Ok(looked_up(*input)?.rectified()),
            Step::Tabulated {
                input,
                function,
                scale,
            } => table_results(*function, looked_up(*input)?, *scale),
            Step::Multiply { left, right } if left == right => bounds.of(*left).squared(),
            Step::Multiply { left, right } => bounds.of(*left).times(bounds.of(*right)),
            Step::Sum { terms, addend } => {
                let constant = Interval {
                    least: *addend,
                    greatest: *addend,
                };
                terms.iter().try_fold(constant, |sum, term| {
                    sum.plus(bounds.of(term.value).weighted(&[term.factor], 0)?)
                })
            }
            Step::Constant { .. } => Ok(self.values[index + 1].interval),
            Step::Rearrange { operands, .. } => hull(operands.iter().map(|&Operand { value, shift }| {
                let factor = 1_i128.checked_shl(shift).filter(|&factor| factor > 0);
                bounds.of(value).weighted(&[factor.ok_or(Unbounded)?], 0)
            })),
            Step::Divide {
                numerator,
                denominator,
                multiplier,
            } => {
                let (x, y) = (bounds.of(*numerator), bounds.of(*denominator));
                let doubled = x.weighted(&[2 * multiplier], 0)?.plus(y)?;
                if y.least < 1 || doubled.magnitude() >= LIMIT / 2 {
                    return Err(Unbounded);
                }
                // 2 · multiplier · x + y over 2 · y, which is at least 2.
                let quotient = Interval {
                    least: doubled.least.min(0).div_euclid(2),
                    greatest: doubled.greatest.max(0).div_euclid(2),
                };
                within(quotient, self.guard_table(index))
            }
            Step::LayerNorm { input, .. } => self.layer_norm_bounds(index, bounds.of(*input)),
        }
    }

    /// What a quotient's own look-up takes.
    fn guard_table(&self, index: usize) -> Interval {
        let offset = self.guard_offset(index, true);
        Interval {
            least: -offset,
            greatest: self.base() - 1 - offset,
        }
    }
}

/// What is in both.
fn within(found: Interval, held: Interval) -> Result<Interval, Unbounded> {
    let both = Interval {
        least: found.least.max(held.least),
        greatest: found.greatest.min(held.greatest),
    };
    // Where nothing is, no input has a proof.
    (both.least <= both.greatest).then_some(both).ok_or(Unbounded)
}

fn table_results(function: Tabulated, arguments: Interval, scale: u32) -> Result<Interval, Unbounded> {
    let Interval { least, greatest } = function.results(arguments, scale).ok_or(Unbounded)?;
    Interval::checked(least, greatest)
}
