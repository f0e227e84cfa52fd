//! What the integers can be before any input is known.
//!
//! Goes in: a [`Lowered`] program and how large its inputs can be. Comes out: [`Bounds`] of all that EZKL decomposes or looks
//! up. They hold for every input within the bound, and are what the digits and the tables of a circuit are held against.

use super::super::interval::{Interval, Unbounded};
use super::arithmetic::divide;
use super::program::{Lowered, Operation, Source, Step};

/// Integers that `f64` holds exactly: EZKL divides in `f64`, and beyond that its quotients are not the nearest.
const EXACT_IN_F64: i128 = 1 << 53;

/// What a circuit's digits and tables must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// All that is decomposed.
    pub decomposed: Interval,
    /// All that is looked up; none where nothing is.
    pub looked_up: Option<Interval>,
}

impl Bounds {
    fn decompose(&mut self, interval: Interval) {
        self.decomposed = self.decomposed.hull(interval);
    }

    fn look_up(&mut self, interval: Interval) {
        self.looked_up = Some(self.looked_up.map_or(interval, |all| all.hull(interval)));
    }
}

const ZERO: Interval = Interval {
    least: 0,
    greatest: 0,
};

impl Lowered {
    /// What the digits and tables must hold for inputs whose elements, in the model's numbers, have at most this magnitude.
    ///
    /// # Errors
    /// [`Unbounded`]: an integer could leave 2^126, or an operator has no bounds here: a reciprocal of a root, a layer without
    /// constant weights, a division of numbers beyond 2^53.
    pub fn bounds(&self, input_bound: f64) -> Result<Bounds, Unbounded> {
        let program = &self.program;
        let mut bounds = Bounds {
            decomposed: ZERO,
            looked_up: None,
        };
        let mut values: Vec<Interval> = Vec::new();
        for input in &program.inputs {
            let magnitude = (input_bound * f64::from(input.scale).exp2()).round();
            let interval = Interval::symmetric(magnitude as i128);
            if self.limits.inputs_checked {
                bounds.decompose(interval);
            }
            values.push(interval);
        }
        if !self.limits.inputs_checked {
            for (constant, integers) in program.constants.iter().zip(&self.integers) {
                if constant.readers > 1 {
                    bounds.decompose(hull(integers));
                }
            }
        }
        for step in &program.steps {
            let reader = Reader {
                lowered: self,
                values: &values,
                step,
            };
            let result = reader.result(&mut bounds)?;
            values.push(divided(result, 1 << step.rescale, &mut bounds)?);
        }
        if self.limits.outputs_checked {
            for &output in &program.outputs {
                bounds.decompose(values[output]);
            }
        }
        Ok(bounds)
    }

    /// Numbers that the circuit's digits hold.
    pub fn digits(&self) -> Interval {
        Interval::symmetric(self.limits.digits)
    }

    /// Numbers that the circuit's tables hold.
    pub fn table(&self) -> Interval {
        let (least, greatest) = self.limits.lookup;
        Interval { least, greatest }
    }

    /// The same program in a circuit whose digits and tables hold numbers only so many times smaller: what runs in it keeps
    /// that margin in this one.
    #[must_use]
    pub fn with_margin(mut self, margin: i128) -> Self {
        let (least, greatest) = self.limits.lookup;
        self.limits.digits /= margin;
        self.limits.lookup = (least / margin, greatest / margin);
        self
    }
}

struct Reader<'a> {
    lowered: &'a Lowered,
    values: &'a [Interval],
    step: &'a Step,
}

impl Reader<'_> {
    /// What the step's result can be before it is rescaled.
    fn result(&self, bounds: &mut Bounds) -> Result<Interval, Unbounded> {
        let first = self.read(0);
        let symmetric_unit = || {
            let scale = self.lowered.program.source_scale(self.step.operands[0].source);
            Interval::symmetric(f64::from(scale).exp2() as i128)
        };
        match self.step.operation {
            Operation::Convolve { window, .. } => {
                let read = if window.padding == [0; 4] {
                    first
                } else {
                    first.hull(ZERO)
                };
                let bias = match self.step.operands.get(2) {
                    Some(operand) => Some(self.constant(operand.source)?),
                    None => None,
                };
                let addend = |filter: usize| bias.map_or(0, |bias| bias[filter]);
                self.rows(self.step.shape[1], |filter, weights| {
                    read.weighted(weights, addend(filter))
                })
            }
            Operation::MatrixProduct => {
                let outputs = *self.step.shape.last().ok_or(Unbounded)?;
                self.rows(outputs, |_, weights| first.weighted(weights, 0))
            }
            Operation::Add => self.shifted(0)?.plus(self.shifted(1)?),
            Operation::Subtract => self.shifted(0)?.minus(self.shifted(1)?),
            Operation::Multiply => self.shifted(0)?.times(self.shifted(1)?),
            Operation::Square => first.squared(),
            Operation::Sum { axis } => first.repeated(self.along(axis)),
            Operation::MeanOfSquares { axis } => {
                let count = self.along(axis);
                divided(first.squared()?.repeated(count)?, count as i128, bounds)
            }
            Operation::ReciprocalRoot { .. } => Err(Unbounded),
            Operation::Relu => {
                bounds.decompose(first);
                Ok(first.rectified())
            }
            Operation::Sigmoid => {
                bounds.look_up(first);
                Ok(symmetric_unit().rectified())
            }
            Operation::Tanh => {
                bounds.look_up(first);
                Ok(symmetric_unit())
            }
            Operation::MaxPool(window) => {
                let taps = if window.padding == [0; 4] {
                    first
                } else {
                    first.hull(ZERO)
                };
                // EZKL asks of neighbours in the sorted window, zeros for the padding among them, whether one is at least the
                // other.
                bounds.decompose(Interval::checked(0, taps.greatest - taps.least + 1)?);
                Ok(first)
            }
            Operation::MeanPool(window) => {
                let taps = if window.padding == [0; 4] {
                    first
                } else {
                    first.hull(ZERO)
                };
                let count = window.kernel.iter().product();
                divided(taps.repeated(count)?, count as i128, bounds)
            }
            Operation::Halve { .. } | Operation::Reshape => Ok(first),
        }
    }

    /// What an operand's elements can be, before its shift.
    fn read(&self, operand: usize) -> Interval {
        match self.step.operands[operand].source {
            Source::Value(value) => self.values[value],
            Source::Constant(constant) => hull(&self.lowered.integers[constant]),
        }
    }

    fn shifted(&self, operand: usize) -> Result<Interval, Unbounded> {
        self.read(operand)
            .weighted(&[1 << self.step.operands[operand].shift], 0)
    }

    fn constant(&self, source: Source) -> Result<&[i128], Unbounded> {
        match source {
            Source::Value(_) => Err(Unbounded),
            Source::Constant(constant) => Ok(&self.lowered.integers[constant]),
        }
    }

    /// The hull over the outputs of a layer, each of which has a row of the second operand's weights.
    fn rows(
        &self,
        outputs: usize,
        of: impl Fn(usize, &[i128]) -> Result<Interval, Unbounded>,
    ) -> Result<Interval, Unbounded> {
        let weights = self.constant(self.step.operands[1].source)?;
        let rows = weights.chunks(weights.len() / outputs).enumerate();
        rows.map(|(output, row)| of(output, row))
            .reduce(|a, b| Ok(a?.hull(b?)))
            .unwrap_or(Err(Unbounded))
    }

    /// Elements that a reduction over the axes from this one on takes together.
    fn along(&self, axis: usize) -> usize {
        let shape = self.lowered.program.source_shape(self.step.operands[0].source);
        shape[axis..].iter().product()
    }
}

fn hull(integers: &[i128]) -> Interval {
    let point = |&integer: &i128| Interval {
        least: integer,
        greatest: integer,
    };
    integers.iter().map(point).reduce(Interval::hull).unwrap_or(ZERO)
}

/// What a quotient can be; EZKL decomposes it, its remainder, and by how much the remainder stays below the divisor.
fn divided(interval: Interval, divisor: i128, bounds: &mut Bounds) -> Result<Interval, Unbounded> {
    if divisor == 1 {
        return Ok(interval);
    }
    if interval.magnitude() > EXACT_IN_F64 {
        return Err(Unbounded);
    }
    let quotient = Interval::checked(
        divide(interval.least, divisor),
        divide(interval.greatest, divisor),
    )?;
    bounds.decompose(quotient);
    bounds.decompose(Interval::symmetric(divisor));
    Ok(quotient)
}

#[cfg(test)]
mod tests {
    use super::super::{Quantisation, lower, tests};
    use crate::graph::{AvgPool2d, Graph, Op, Window};
    use crate::suite::MODELS;
    use crate::{input, layers};

    fn quantisation(base: u64, legs: u32, lookup: i128) -> Quantisation {
        Quantisation {
            lookup_range: (-lookup, lookup),
            decomp_base: base,
            decomp_legs: legs,
            logrows: 6,
            ..tests::quantisation()
        }
    }

    /// Digits and tables as large as the bounds say are large enough for every input that is tried, and the bounds are no larger
    /// than what some input needs in a single layer.
    #[test]
    fn a_circuit_as_large_as_its_bounds_has_every_witness() {
        let mut bounded = 0;
        for spec in MODELS.iter().filter(|spec| !spec.id.contains("cnn")) {
            let graph = layers::build(spec, 0);
            let lowered = lower(&graph, &quantisation(1 << 20, 4, 1 << 30)).unwrap();
            let Ok(bounds) = lowered.bounds(1.0) else {
                assert!(spec.id.contains("layernorm"), "{}", spec.id);
                continue;
            };
            bounded += 1;
            let mut held = lowered.clone();
            held.limits.digits = bounds.decomposed.magnitude();
            held.limits.lookup = bounds
                .looked_up
                .map_or((0, 0), |interval| (interval.least, interval.greatest));
            for seed in 0..3 {
                let x = input::seeded_uniform(spec.input_shape, seed);
                held.run(&[x])
                    .unwrap_or_else(|error| panic!("{}: {error}", spec.id));
            }
        }
        assert!(bounded > 10, "{bounded}");
    }

    #[test]
    fn bounds_are_reached() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 1, 2, 2]).unwrap();
        let relu = graph.apply("relu", "r", Op::Relu, &[x]).unwrap();
        let pool = Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0)));
        let pooled = graph.apply("pool", "p", pool, &[relu]).unwrap();
        graph.outputs.push(pooled);
        let lowered = lower(&graph, &quantisation(16, 2, 1)).unwrap();
        let bounds = lowered.bounds(1.0).unwrap();
        // ±2^7 goes in; digits of 2 times 4 bits hold it, and one bit less does not.
        assert_eq!(bounds.decomposed.magnitude(), 128);
        assert_eq!(bounds.looked_up, None);
        assert_eq!(lowered.digits().greatest, 255);
        assert_eq!(lowered.with_margin(2).digits().greatest, 127);
    }
}
