//! What holds the rounded values of a program to their ranges.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new step must be thought of everywhere that soundness is decided"
)]

use std::collections::HashSet;

use super::{Form, Operand, Order, Program, Step, ValueId};

impl Program {
    /// For each value that look-ups of what reads it hold to a range, by how many lengths of the table an element can be less than the
    /// table's end. It is 1 where every element is looked up as it is, and so in the table.
    pub fn table_lengths(&self) -> Vec<Option<u32>> {
        let mut lengths: Vec<Option<u32>> = vec![None; self.values.len()];
        let hold = |lengths: &mut Vec<Option<u32>>, value: ValueId, found: Option<u32>| {
            let known = &mut lengths[value.0];
            *known = match (*known, found) {
                (Some(known), Some(found)) => Some(known.min(found)),
                (known, found) => known.or(found),
            };
        };
        for (index, step) in self.steps.iter().enumerate().rev() {
            let result = lengths[index + 1];
            match step {
                Step::Rectify { input } | Step::Tabulated { input, .. } => {
                    hold(&mut lengths, *input, Some(1));
                }
                // The greatest is held, and in each round of the tournament a difference is looked up.
                Step::MaxPool { input, window } => {
                    if window.reads_whole(&self.value(*input).shape) {
                        let taps = window.kernel[0] * window.kernel[1];
                        let rounds = taps.next_power_of_two().trailing_zeros();
                        hold(&mut lengths, *input, result.map(|result| result + rounds));
                    }
                }
                Step::Rearrange { operands, order } => {
                    for value in self.shown_whole(operands, order) {
                        hold(&mut lengths, value, result);
                    }
                }
                Step::Claimed { .. }
                | Step::SumPool { .. }
                | Step::Multiply { .. }
                | Step::Sum { .. }
                | Step::Constant { .. }
                | Step::Divide { .. }
                | Step::LayerNorm { .. } => {}
            }
        }
        lengths
    }

    /// A rounded value whose range nothing checks: it has no guard, and no look-up reads all of it as it is. Of such a value the
    /// prover could claim any quotient, a fraction modulo the field's order too.
    pub fn unheld(&self) -> Option<ValueId> {
        let held = self.table_lengths();
        let is_unheld = |index: &usize| {
            let is_open = matches!(
                self.steps[*index],
                Step::Claimed {
                    form: Form::Rounded { guarded: false, .. },
                    ..
                }
            );
            is_open && held[index + 1].is_none()
        };
        (0..self.steps.len())
            .find(is_unheld)
            .map(|index| ValueId(index + 1))
    }

    /// The operands of which every element stands in the result as it is. Of a multiple, a look-up shows a multiple alone.
    fn shown_whole(&self, operands: &[Operand], order: &Order) -> Vec<ValueId> {
        let picked = match order {
            Order::Kept => None,
            Order::Picked(positions) => Some(positions.iter().copied().collect::<HashSet<usize>>()),
        };
        let mut end = 0;
        let mut whole = Vec::new();
        for operand in operands {
            let start = end;
            end += self.value(operand.value).shape.iter().product::<usize>();
            let is_shown = picked
                .as_ref()
                .is_none_or(|picked| (start..end).all(|position| picked.contains(&position)));
            if operand.shift == 0 && is_shown {
                whole.push(operand.value);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Conv2d, Graph, Movement, Op, Window};
    use crate::input::seeded_uniform;
    use crate::program::{Integers, Term};
    use crate::quantise::{ProgramOptions, quantise};

    /// A convolution that is rounded for the look-ups of a ReLU behind a transposition.
    fn program() -> Program {
        let mut graph = Graph::default();
        let mut last = graph.input("x", &[1, 2, 4, 4]).expect("new");
        let layers = [
            Op::Conv2d(Conv2d {
                weight: seeded_uniform(&[2, 2, 3, 3], 1),
                bias: None,
                window: Window::square(3, 1, 1),
                groups: 1,
            }),
            Op::Movement(Movement::Transpose {
                permutation: vec![0, 2, 3, 1],
            }),
            Op::Relu,
        ];
        for (index, layer) in layers.into_iter().enumerate() {
            last = graph
                .apply(&format!("n{index}"), &format!("v{index}"), layer, &[last])
                .expect("fits");
        }
        graph.outputs.push(last);
        let options = ProgramOptions {
            scale: 12,
            input: Integers::of_input(12, 1.0),
            digit_bits: None,
            roundings: None,
        };
        quantise(&graph, &options).expect("covered")
    }

    /// The rounded layer, and what moves its elements.
    fn rounded(program: &Program) -> (ValueId, usize) {
        let is_open = |step: &Step| {
            matches!(
                step,
                Step::Claimed {
                    form: Form::Rounded { guarded: false, .. },
                    ..
                }
            )
        };
        let moves = |step: &Step| matches!(step, Step::Rearrange { .. });
        let place = |found: Option<usize>| found.expect("there is one");
        let claim = place(program.steps.iter().position(is_open));
        (ValueId(claim + 1), place(program.steps.iter().position(moves)))
    }

    #[test]
    fn a_look_up_of_all_elements_holds_a_quotient() {
        assert_eq!(program().unheld(), None);
    }

    #[test]
    fn a_quotient_that_is_looked_up_in_part_or_as_a_multiple_is_found() {
        let (claim, movement) = rounded(&program());
        let change = |change: &dyn Fn(&mut Vec<Operand>, &mut Order)| {
            let mut changed = program();
            let Step::Rearrange { operands, order } = &mut changed.steps[movement] else {
                panic!("it moves elements");
            };
            change(operands, order);
            changed.unheld()
        };
        let in_part = change(&|_, order| {
            let Order::Picked(positions) = order else {
                panic!("elements are picked");
            };
            positions[3] = positions[2];
        });
        let as_multiple = change(&|operands, _| operands[0].shift = 1);
        assert_eq!([in_part, as_multiple], [Some(claim); 2]);
    }

    #[test]
    fn a_quotient_that_nothing_looks_up_is_found() {
        let mut changed = program();
        let (claim, _) = rounded(&changed);
        for step in &mut changed.steps {
            if let Step::Rectify { input } = *step {
                let term = Term {
                    value: input,
                    factor: 1,
                };
                *step = Step::Sum {
                    terms: vec![term],
                    addend: 0,
                };
            }
        }
        assert_eq!(changed.unheld(), Some(claim));
    }
}
