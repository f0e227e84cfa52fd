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
//! zero does that all activations of one rank are compared with.

use std::collections::BTreeSet;

use super::program::{Operation, Program, Source};

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
    (0..values)
        .filter(|value| program.shape(*value).first() == Some(&1))
        .filter_map(|value| Removal::new(program).run(value))
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

/// One attempt to remove the first axis from a value and all that this entails.
struct Removal<'a> {
    program: &'a Program,
    changed: BTreeSet<Wire>,
    /// Steps rewritten on the way; they may not be entered again.
    rewritten: BTreeSet<usize>,
    /// Wires to follow, each with the step that it was changed by.
    pending: Vec<(Wire, Option<usize>)>,
}

impl<'a> Removal<'a> {
    fn new(program: &'a Program) -> Self {
        Self {
            program,
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
                let locked = value < self.program.inputs.len();
                if locked || self.program.outputs.contains(&value) {
                    return None;
                }
                let writer = value - self.program.inputs.len();
                if Some(writer) != emitter {
                    self.enter(writer, false)?;
                }
            }
            for step in 0..self.program.steps.len() {
                if Some(step) != emitter && wires(self.program, step).contains(&wire) {
                    self.enter(step, true)?;
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

    /// Passes the removal on through a step, entered by one of its operands or by its result.
    fn enter(&mut self, number: usize, by_operand: bool) -> Option<()> {
        let step = &self.program.steps[number];
        let operands = wires(self.program, number);
        let rewritten = match step.operation {
            Operation::MatrixProduct => return Some(()),
            Operation::Convolve { window, groups } => {
                if super::load::is_pointwise(&window, groups) {
                    // A stride is a step of its own before the product, and one that keeps all axes.
                    let strided = by_operand && window.stride != [1, 1];
                    return (!strided).then_some(());
                }
                true
            }
            Operation::MaxPool(_) | Operation::MeanPool(_) | Operation::Halve { .. } => {
                return None;
            }
            Operation::Sum { axis } | Operation::MeanOfSquares { axis } => (axis > 0).then_some(true)?,
            Operation::Reshape => true,
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
        let sources = step.operands.iter().map(|operand| operand.source);
        let data = if matches!(step.operation, Operation::Convolve { .. }) {
            1
        } else {
            2
        };
        for source in sources.take(data) {
            has_axis(self.program.source_shape(source)).then_some(())?;
        }
        has_axis(&step.shape).then_some(())?;
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
