//! Finds the convolutions whose batch axis the ONNX loader removes, since EZKL 23.0.5 then computes something else.
//!
//! Goes in: a loaded [`Program`]. Comes out: the first step that EZKL misreads, if any.
//!
//! The loader drops an axis of size 1 from a region of the graph where every operator can do without it: matrix
//! products (and 1×1 convolutions) end a region, the graph's inputs and outputs and all pools forbid it. Between two
//! matrix products a convolution so becomes one without a batch (data format CHW). For those EZKL's `layouts::conv`
//! takes the position of the window from the wrong coordinates, channel and row instead of row and column: the circuit
//! is satisfiable and proves the wrong function.
//!
//! The propagation follows the loader's `change_axes`, shared constants included: they tie regions together, as the
//! zero does that all activations of one rank are compared with. The order in which the loader tries is not followed
//! to the last detail, so that now and then a graph is refused that EZKL reads well; a comparison of the integers still
//! finds what should have been refused.

use std::collections::{BTreeMap, BTreeSet};

use super::load::is_pointwise;
use super::program::{Operation, Program, Source, Step};

/// A tensor that keeps or loses its axis as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wire {
    Value(usize),
    Constant(usize),
    /// The zero of all `Relu`s of this rank.
    Zero(usize),
}

/// The first convolution that EZKL misreads.
pub(super) fn misread_convolution(program: &Program) -> Option<usize> {
    let values = program.inputs.len() + program.steps.len();
    let strided = strided_values(program);
    (0..values)
        .filter(|value| program.shape(*value).first() == Some(&1))
        .filter_map(|value| Removal::new(program, &strided).run(value))
        .flatten()
        .find(|step| is_misread(program, *step))
}

/// Without a batch only a convolution with a single output for each group of channels is read as it should be.
fn is_misread(program: &Program, step: usize) -> bool {
    let step = &program.steps[step];
    match step.operation {
        Operation::Convolve { groups, .. } => step.shape[1..] != [groups, 1, 1],
        _ => false,
    }
}

/// The values that the loader takes every so many rows and columns of, in a step of its own that keeps all axes.
///
/// Such a step comes of a 1×1 convolution with a stride. Once all readers of a value agree on it, the loader moves it
/// up, through whatever treats rows and columns alike, until a convolution takes the stride over.
fn strided_values(program: &Program) -> BTreeSet<usize> {
    let mut readers: BTreeMap<usize, usize> = BTreeMap::new();
    for value in program.steps.iter().flat_map(data) {
        *readers.entry(value).or_default() += 1;
    }
    let mut strided = BTreeSet::new();
    let mut pending: Vec<usize> = (program.steps.iter())
        .filter(|step| match step.operation {
            Operation::Convolve { window, groups } => {
                is_pointwise(&window, groups) && window.stride != [1, 1]
            }
            _ => false,
        })
        .flat_map(data)
        .collect();
    while let Some(value) = pending.pop() {
        strided.insert(value);
        let unstrided = readers.entry(value).or_default();
        *unstrided = unstrided.saturating_sub(1);
        let Some(number) = value.checked_sub(program.inputs.len()) else {
            continue;
        };
        if *unstrided > 0 || program.outputs.contains(&value) {
            continue;
        }
        let step = &program.steps[number];
        let above = match step.operation {
            Operation::Convolve { window, groups } if !is_pointwise(&window, groups) => Vec::new(),
            Operation::Convolve { .. }
            | Operation::Add
            | Operation::Subtract
            | Operation::Multiply
            | Operation::Square
            | Operation::Relu
            | Operation::Sigmoid
            | Operation::Tanh => data(step).collect(),
            _ => continue,
        };
        strided.remove(&value);
        pending.extend(
            above
                .into_iter()
                .filter(|value| program.shape(*value)[2..] != [1, 1]),
        );
    }
    strided
}

/// The values that a step reads.
fn data(step: &Step) -> impl Iterator<Item = usize> + '_ {
    (step.operands.iter()).filter_map(|operand| match operand.source {
        Source::Value(value) => Some(value),
        Source::Constant(_) => None,
    })
}

/// One attempt to remove the first axis from a value and all that this entails.
struct Removal<'a> {
    program: &'a Program,
    /// Values that must keep all axes.
    fixed: &'a BTreeSet<usize>,
    changed: BTreeSet<Wire>,
    /// Steps rewritten on the way; they may not be entered again.
    rewritten: BTreeSet<usize>,
    /// Wires to follow, each with the step that it was changed by.
    pending: Vec<(Wire, Option<usize>)>,
}

impl<'a> Removal<'a> {
    fn new(program: &'a Program, fixed: &'a BTreeSet<usize>) -> Self {
        Self {
            program,
            fixed,
            changed: BTreeSet::new(),
            rewritten: BTreeSet::new(),
            pending: Vec::new(),
        }
    }

    /// The steps that are rewritten, or nothing if the axis must stay.
    fn run(mut self, value: usize) -> Option<BTreeSet<usize>> {
        self.change(Wire::Value(value), None);
        while let Some((wire, emitter)) = self.pending.pop() {
            if let Wire::Value(value) = wire {
                let is_input = value < self.program.inputs.len();
                if is_input || self.program.outputs.contains(&value) || self.fixed.contains(&value) {
                    return None;
                }
                let writer = value - self.program.inputs.len();
                if Some(writer) != emitter {
                    self.enter(writer)?;
                }
            }
            for step in 0..self.program.steps.len() {
                if Some(step) != emitter && wires(self.program, step).contains(&wire) {
                    self.enter(step)?;
                }
            }
        }
        Some(self.rewritten)
    }

    fn change(&mut self, wire: Wire, emitter: Option<usize>) {
        if self.changed.insert(wire) {
            self.pending.push((wire, emitter));
        }
    }

    /// Passes the removal on through a step, from one of its operands or from its result to the others.
    fn enter(&mut self, number: usize) -> Option<()> {
        let step = &self.program.steps[number];
        let operands = wires(self.program, number);
        let rewritten = match step.operation {
            Operation::MatrixProduct => return Some(()),
            Operation::Convolve { window, groups } if is_pointwise(&window, groups) => {
                return Some(());
            }
            Operation::MaxPool(_) | Operation::MeanPool(_) | Operation::Halve { .. } => {
                return None;
            }
            Operation::Sum { axis } | Operation::MeanOfSquares { axis } => (axis > 0).then_some(true)?,
            Operation::Convolve { .. } | Operation::Reshape => true,
            Operation::Add
            | Operation::Subtract
            | Operation::Multiply
            | Operation::Square
            | Operation::ReciprocalRoot { .. }
            | Operation::Relu
            | Operation::Sigmoid
            | Operation::Tanh => false,
        };
        let has_axis = |shape: &[usize]| shape.first() == Some(&1);
        let is_convolution = matches!(step.operation, Operation::Convolve { .. });
        let data_operands = &step.operands[..if is_convolution { 1 } else { step.operands.len() }];
        let shapes = data_operands
            .iter()
            .map(|operand| self.program.source_shape(operand.source));
        if !shapes.chain([&*step.shape]).all(has_axis) {
            return None;
        }
        if rewritten && !self.rewritten.insert(number) {
            return None;
        }
        for wire in operands {
            self.change(wire, Some(number));
        }
        self.change(Wire::Value(self.program.inputs.len() + number), Some(number));
        Some(())
    }
}

/// What a step reads that could lose an axis: not the parameters of linear layers.
fn wires(program: &Program, step: usize) -> Vec<Wire> {
    let step = &program.steps[step];
    let mut wires: Vec<_> = (step.operands.iter())
        .map(|operand| match operand.source {
            Source::Value(value) => Wire::Value(value),
            Source::Constant(constant) => Wire::Constant(constant),
        })
        .collect();
    match step.operation {
        Operation::Convolve { .. } | Operation::MatrixProduct => wires.truncate(1),
        Operation::Relu => wires.push(Wire::Zero(step.shape.len())),
        _ => {}
    }
    wires
}
