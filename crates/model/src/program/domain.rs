//! Values that a program holds to where the function that is applied to them has results.
//!
//! A root or a logarithm has no result of a negative number, and a quotient none by 0. Where what a value is made of does not exclude
//! such a number, the value less the least one is claimed in digits, which cannot be negative. That is the one use of such a
//! claim of a value as it is.

use super::{Form, Linear, Program, ProgramError, Step, Trace, ValueId};
use crate::interval::{Interval, Unbounded};

/// What follows a node's name where −x is held, so that x has a greatest number.
pub(crate) const NEGATED: &str = " (negated)";

/// What follows a node's name where the distance from the nearest whole number is held to 0.
pub(crate) const FRACTION: &str = " (its distance from the nearest whole number)";

/// A value that is held to a least number.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    /// The node that it is for.
    pub node: String,
    /// The least number, in the model's numbers.
    pub least: f64,
    /// How much more than that the value is.
    more: ValueId,
}

impl Domain {
    /// What is held, as a sentence for each value: its least and its greatest number stand together.
    #[must_use]
    pub fn sentences(domains: &[Self]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut rest = domains;
        while let [first, others @ ..] = rest {
            rest = others;
            let (node, is_greatest) = first.bounded();
            let bound = match others {
                [second, after @ ..] if !is_greatest && second.bounded() == (node, true) => {
                    rest = after;
                    format!("from {} to {}", first.least, 0.0 - second.least)
                }
                _ if is_greatest => format!("at most {}", 0.0 - first.least),
                _ => format!("at least {}", first.least),
            };
            let (node, must) = match node.strip_suffix(FRACTION) {
                Some(node) => (node, "whole numbers".to_owned()),
                None => (node, bound),
            };
            let sentence = format!(
                "node {node}: what it is applied to must be {must}, and the circuit holds it to that: another input has no proof"
            );
            if !found.contains(&sentence) {
                found.push(sentence);
            }
        }
        found
    }

    /// The node with what is held beside it, and whether it is a greatest number that is held.
    fn bounded(&self) -> (&str, bool) {
        match self.node.strip_suffix(NEGATED) {
            Some(node) => (node, true),
            None => (&self.node, false),
        }
    }
}

impl Program {
    /// What is held to where functions have results.
    pub fn domains(&self) -> impl Iterator<Item = Domain> + '_ {
        self.steps.iter().enumerate().filter_map(|(index, step)| {
            let Step::Claimed {
                input,
                linear: Linear::Same,
                form: Form::Digits { .. },
            } = step
            else {
                return None;
            };
            let Some(Step::Sum { addend, .. }) = input.0.checked_sub(1).map(|index| &self.steps[index])
            else {
                return None;
            };
            let value = self.value(ValueId(index + 1));
            Some(Domain {
                node: value.name.clone(),
                // Without the sign of a zero.
                least: 0.0 - *addend as f64 / value.unit,
                more: *input,
            })
        })
    }

    /// What a look-up of its own takes of a quotient that can be this.
    pub(crate) fn guarded(&self, quotient: Interval) -> Interval {
        let offset = if quotient.is_non_negative() {
            0
        } else {
            self.base() / 2
        };
        Interval {
            least: quotient.least.max(-offset),
            greatest: quotient.greatest.min(self.base() - 1 - offset),
        }
    }

    /// The divisions whose quotients their look-ups bound, and not only what they are made of.
    fn bounded_quotients(&self) -> impl Iterator<Item = ValueId> + '_ {
        self.steps.iter().enumerate().filter_map(|(index, step)| {
            let &Step::Divide {
                numerator,
                denominator,
                multiplier,
            } = step
            else {
                return None;
            };
            let [x, y] = [numerator, denominator].map(|id| self.value(id).interval);
            let id = ValueId(index + 1);
            let is_held = quotient_bounds(x, y, multiplier) == Ok(self.value(id).interval);
            (!is_held).then_some(id)
        })
    }

    /// Whether look-ups bound quotients, or values are held to where functions have results.
    pub(super) fn holds_results(&self) -> bool {
        self.domains().next().is_some() || self.bounded_quotients().next().is_some()
    }

    /// Whether quotients of a run are what their look-ups take.
    pub(super) fn check_quotients(&self, trace: &Trace) -> Result<(), ProgramError> {
        for id in self.bounded_quotients() {
            let value = self.value(id);
            let Interval { least, greatest } = value.interval;
            let index = id.0 - 1;
            let offset = self.guard_offset(index, true);
            // The first of its claims are the quotients.
            let mut quotients = trace.claims[index][0].iter().map(|claim| claim - offset);
            if let Some(beyond) = quotients.find(|&x| x < least || x > greatest) {
                return Err(ProgramError::Reach {
                    node: value.name.clone(),
                    value: beyond,
                    limit: value.interval.magnitude(),
                });
            }
        }
        Ok(())
    }

    /// Whether a run's values are where functions have results.
    pub(super) fn check_domains(&self, trace: &Trace) -> Result<(), ProgramError> {
        for Domain { node, least, more } in self.domains() {
            let unit = self.value(more).unit;
            let lowest = trace.values[more.0].iter().min();
            if let Some(&lacking) = lowest.filter(|&&lowest| lowest < 0) {
                return Err(ProgramError::Domain {
                    node,
                    value: (lacking as f64 / unit + least).to_string(),
                    least: least.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// What ⌊multiplier · x / y + ½⌋ can be, for y of at least 1.
pub(crate) fn quotient_bounds(x: Interval, y: Interval, multiplier: i128) -> Result<Interval, Unbounded> {
    let at = |numerator: i128| {
        let over = |denominator: i128| {
            let doubled = numerator
                .checked_mul(2 * multiplier)
                .and_then(|doubled| doubled.checked_add(denominator));
            Ok(doubled.ok_or(Unbounded)?.div_euclid(2 * denominator))
        };
        Ok([over(y.least)?, over(y.greatest)?])
    };
    let ends = [at(x.least)?, at(x.greatest)?].concat();
    let least = ends.iter().copied().min().ok_or(Unbounded)?;
    let greatest = ends.iter().copied().max().ok_or(Unbounded)?;
    Interval::checked(least, greatest)
}
