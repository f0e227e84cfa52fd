//! Whether a circuit computes the model's function: its own outputs on several inputs against a reference's.
//!
//! Goes in: a circuit's outputs, and those of a reference. Comes out: a [`FunctionCheck`], and by it an outcome.
//!
//! Two references. Where the exact integer reference covers a model, every output must equal its integers. Any other circuit
//! is judged by onnxruntime, which shares no code with EZKL's reader of ONNX files:
//!
//! - Both are given the same inputs ([`probes`]), which the circuit's integers hold exactly.
//! - Fixed point costs something. How much is estimated on those inputs by the same model with every weight and every value
//!   rounded to the circuit's scale ([`crate::model::onnx::rounded`]). The tolerance of an output is [`ALLOWANCE`] times its greatest distance from the
//!   exact one, and one unit of the output.
//! - An error within the tolerance is what fixed point costs, if the tolerance is at most [`LEAST_RESOLUTION`] of the output's range.
//!   A greater tolerance could hide another function: [`Outcome::Imprecise`].
//! - An error beyond the tolerance is not explained. Beyond that part of the range, too, the circuit is
//!   of another function: [`Outcome::WrongFunction`]. Within it, a coarse step inside of an operator (one for the number of elements of a
//!   mean, for example) does as much, which onnxruntime has no value for: [`Outcome::Imprecise`].
//!
//! The range of an output is its greatest element less its least, over all inputs: an offset that all elements share says
//! nothing about them, so that the greatest magnitude would let errors pass. Where all elements are the same, up to the rounding of `f32`, there is no
//! other measure than that magnitude.

mod onnxruntime;
mod probes;
mod trial;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use onnxruntime::{JudgeError, ONNXRUNTIME_VERSION, OnnxRuntime, Outputs};
pub use probes::COUNT;
pub(crate) use trial::Trial;
pub use trial::check;

use crate::format;
use crate::record::Outcome;

/// How many times the error of the rounded model a circuit's may be: EZKL rounds in other places, and in some of them down.
pub const ALLOWANCE: f64 = 4.0;

/// The greatest part of an output's range that its tolerance may be for the output to be judged.
pub const LEAST_RESOLUTION: f64 = 0.05;

/// Elements that differ by less, relative to their magnitude, are the same in `f32` after a few operations.
const SAME: f64 = 1e-5;

/// How a circuit's outputs stand to a reference's, on several inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCheck {
    /// What computed the reference: `exact integers`, or onnxruntime and its version.
    pub reference: String,
    /// Inputs on which outputs were compared.
    pub inputs: u64,
    /// Inputs on which an output of the model is NaN or infinite, so that there is nothing to compare.
    pub undefined_inputs: u64,
    /// Inputs of which EZKL computes no witness, so that there is no proof of them.
    pub inputs_without_witness: u64,
    /// The greatest distance of an output from the reference's, in the model's numbers; absent where an output is no number, or
    /// where there are more or fewer of them. Of several outputs it is that of the worst one, and so are the next two.
    pub max_error: Option<f64>,
    /// The distance that is explained by fixed point; absent where the rounded model gives no number.
    pub tolerance: Option<f64>,
    /// The output's greatest element less its least, over all inputs; where they are the same, its magnitude.
    pub output_range: f64,
}

/// What the comparison comes to, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Agrees,
    Imprecise,
    Wrong,
}

impl FunctionCheck {
    /// The reference that is exact.
    pub const EXACT: &str = "exact integers";

    /// The outcome that it leads to; none where the circuit agrees with the reference.
    pub fn finding(&self) -> Option<Outcome> {
        let Self {
            max_error,
            tolerance,
            output_range,
            ..
        } = *self;
        match self.verdict() {
            Verdict::Agrees => None,
            Verdict::Imprecise => Some(Outcome::Imprecise {
                max_error,
                tolerance,
                output_range: Some(output_range),
            }),
            Verdict::Wrong => Some(Outcome::WrongFunction { max_error, tolerance }),
        }
    }

    fn verdict(&self) -> Verdict {
        let Some(error) = self.max_error else {
            return Verdict::Wrong;
        };
        if self.reference == Self::EXACT {
            return if error == 0.0 {
                Verdict::Agrees
            } else {
                Verdict::Wrong
            };
        }
        let resolution = LEAST_RESOLUTION * self.output_range;
        match self.tolerance {
            Some(tolerance) if error > tolerance.max(resolution) => Verdict::Wrong,
            Some(tolerance) if error > tolerance => Verdict::Imprecise,
            // All outputs are exactly 0 on every input: there is nothing that a tolerance could hide.
            Some(tolerance) if tolerance <= resolution || self.output_range == 0.0 => Verdict::Agrees,
            _ => Verdict::Imprecise,
        }
    }

    /// How much of what is allowed is used up, to tell which of several outputs is the worst.
    fn severity(&self) -> (Verdict, f64) {
        let part = match (self.verdict(), self.max_error, self.tolerance) {
            (Verdict::Imprecise, _, tolerance) => tolerance.unwrap_or(f64::INFINITY) / self.output_range,
            (_, Some(error), Some(tolerance)) if error > 0.0 => error / tolerance,
            (_, None, _) => f64::INFINITY,
            _ => 0.0,
        };
        (self.verdict(), part)
    }

    /// `error 0.43 of a range of 1.02, tolerance 0.01 (onnxruntime 1.32.0, 8 inputs)`.
    pub fn sentence(&self) -> String {
        let number = |number: Option<f64>, none: &str| number.map_or_else(|| none.to_owned(), format::real);
        let mut sentence = format!(
            "error {}, tolerance {}, range {} ({}, {} inputs",
            number(self.max_error, "without bound"),
            number(self.tolerance, "without bound"),
            format::real(self.output_range),
            self.reference,
            self.inputs
        );
        if self.undefined_inputs > 0 {
            sentence += &format!("; the model gives NaN or infinity on {}", self.undefined_inputs);
        }
        if self.inputs_without_witness > 0 {
            sentence += &format!("; EZKL has no witness of {}", self.inputs_without_witness);
        }
        sentence + ")"
    }
}

/// One graph output's elements on one input.
struct Compared<'a> {
    /// The circuit's; none where a word of the field is no integer.
    circuit: &'a [Option<f64>],
    /// The reference's.
    exact: &'a [f64],
    /// Those of the rounded model.
    rounded: &'a [f64],
}

/// One graph output on every input that can be compared: the error, the tolerance and the range. `unit` is what its elements are
/// multiples of.
fn check_output(inputs: &[Compared<'_>], unit: f64) -> FunctionCheck {
    let mut max_error = Some(0.0);
    let mut rounding = Some(0.0);
    let [mut least, mut greatest] = [f64::INFINITY, f64::NEG_INFINITY];
    for Compared {
        circuit,
        exact,
        rounded,
    } in inputs
    {
        max_error = greatest_distance(max_error, circuit.iter().copied(), exact);
        rounding = greatest_distance(rounding, rounded.iter().map(|&x| Some(x)), exact);
        least = exact.iter().copied().fold(least, f64::min);
        greatest = exact.iter().copied().fold(greatest, f64::max);
    }
    let output_range = range(least, greatest);
    FunctionCheck {
        reference: String::new(),
        inputs: inputs.len() as u64,
        undefined_inputs: 0,
        inputs_without_witness: 0,
        max_error,
        tolerance: rounding.map(|rounding| ALLOWANCE * rounding + unit),
        output_range,
    }
}

/// The range of these outputs: the greatest less the least; where all are the same, their magnitude.
pub(crate) fn output_range(outputs: &[f64]) -> f64 {
    let least = outputs.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    range(least, greatest)
}

fn range(least: f64, greatest: f64) -> f64 {
    let (range, magnitude) = (greatest - least, greatest.abs().max(least.abs()));
    let range = if range > SAME * magnitude {
        range
    } else {
        magnitude
    };
    // Of nothing, or of what is infinite.
    if range.is_finite() { range } else { 0.0 }
}

/// The greatest of `so_far` and of the distances between two lists; none where a number is missing.
fn greatest_distance(
    so_far: Option<f64>,
    found: impl ExactSizeIterator<Item = Option<f64>>,
    expected: &[f64],
) -> Option<f64> {
    if found.len() != expected.len() {
        return None;
    }
    found
        .zip(expected)
        .try_fold(so_far?, |greatest, (found, &expected)| {
            let distance = (found? - expected).abs();
            distance.is_finite().then(|| greatest.max(distance))
        })
}

/// The worst of several outputs' checks.
fn worst(checks: impl IntoIterator<Item = FunctionCheck>) -> Option<FunctionCheck> {
    let by_severity = |a: &FunctionCheck, b: &FunctionCheck| {
        let ((verdict, part), (other, other_part)) = (a.severity(), b.severity());
        verdict.cmp(&other).then(part.total_cmp(&other_part))
    };
    checks.into_iter().max_by(by_severity)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    /// One input's output of four elements, 0 to 3 in the reference.
    fn check(circuit: [f64; 4], rounded: [f64; 4], unit: f64) -> FunctionCheck {
        check_output(
            &[Compared {
                circuit: &circuit.map(Some),
                exact: &[0.0, 1.0, 2.0, 3.0],
                rounded: &rounded,
            }],
            unit,
        )
    }

    const EXACT: [f64; 4] = [0.0, 1.0, 2.0, 3.0];

    #[test]
    fn an_error_of_a_few_roundings_is_within_tolerance() {
        let check = check([0.0, 1.03, 2.0, 3.0], [0.0, 1.01, 2.0, 3.0], 1.0 / 128.0);
        assert_eq!(check.finding(), None);
        assert_eq!(check.output_range, 3.0);
        assert!((check.tolerance.unwrap() - (0.04 + 1.0 / 128.0)).abs() < 1e-12);
    }

    #[test]
    fn an_error_that_nothing_explains_is_another_function() {
        let check = check([0.0, 1.5, 2.0, 3.0], EXACT, 1.0 / 128.0);
        let Some(Outcome::WrongFunction { max_error, tolerance }) = check.finding() else {
            panic!("{check:?}");
        };
        assert_eq!((max_error, tolerance), (Some(0.5), Some(1.0 / 128.0)));
    }

    /// Where rounding is so coarse that it could hide another function, no error is a good one; nor is an unexplained one that is small.
    #[test]
    fn neither_a_coarse_tolerance_nor_a_small_unexplained_error_is_good() {
        let coarse = check(EXACT, [0.0, 1.05, 2.0, 3.0], 0.0);
        assert!(matches!(coarse.finding(), Some(Outcome::Imprecise { .. })));
        let small = check([0.0, 1.1, 2.0, 3.0], [0.0, 1.01, 2.0, 3.0], 0.0);
        assert!(matches!(small.finding(), Some(Outcome::Imprecise { .. })));
        let hidden = check([0.0, 1.15, 2.0, 3.0], [0.0, 1.05, 2.0, 3.0], 0.0);
        assert!(matches!(hidden.finding(), Some(Outcome::Imprecise { .. })));
    }

    #[test]
    fn no_number_is_within_any_tolerance() {
        for wrong in [f64::NAN, f64::INFINITY] {
            let circuit = check([0.0, wrong, 2.0, 3.0], EXACT, 1e9);
            assert!(matches!(
                circuit.finding(),
                Some(Outcome::WrongFunction { max_error: None, .. })
            ));
            // A rounded model without a number leaves the tolerance without bound.
            let rounded = check(EXACT, [0.0, wrong, 2.0, 3.0], 0.0);
            assert!(matches!(
                rounded.finding(),
                Some(Outcome::Imprecise { tolerance: None, .. })
            ));
        }
        let reference = check_output(
            &[Compared {
                circuit: &[Some(0.0)],
                exact: &[f64::NAN],
                rounded: &[f64::NAN],
            }],
            1.0,
        );
        assert!(matches!(reference.finding(), Some(Outcome::WrongFunction { .. })));
    }

    #[test]
    fn a_tensor_of_another_size_is_another_function() {
        let check = check_output(
            &[Compared {
                circuit: &[Some(1.0)],
                exact: &[1.0, 2.0],
                rounded: &[1.0, 2.0],
            }],
            1.0,
        );
        assert!(matches!(
            check.finding(),
            Some(Outcome::WrongFunction { max_error: None, .. })
        ));
    }

    #[test]
    fn exact_integers_have_no_tolerance() {
        let exact = |circuit| FunctionCheck {
            reference: FunctionCheck::EXACT.to_owned(),
            ..check(circuit, EXACT, 0.0)
        };
        assert_eq!(exact(EXACT).finding(), None);
        let off = exact([0.0, 1.0, 2.0, 3.0 + 1.0 / 16384.0]).finding();
        assert!(matches!(off, Some(Outcome::WrongFunction { .. })));
    }

    /// A good output beside it does not outweigh a bad one, in whatever order, and the range of one says nothing about another.
    #[test]
    fn the_worst_output_counts() {
        let good = || check(EXACT, EXACT, 0.0);
        let wrong = || check([0.0, 1.0, 2.0, 4.0], EXACT, 0.0);
        let imprecise = || check(EXACT, [0.0, 2.0, 2.0, 3.0], 0.0);
        for checks in [
            vec![good(), wrong(), imprecise()],
            vec![imprecise(), wrong(), good()],
        ] {
            let worst = worst(checks).unwrap().finding();
            assert!(matches!(worst, Some(Outcome::WrongFunction { .. })));
        }
        let worst = worst([imprecise(), good()]).unwrap().finding();
        assert!(matches!(worst, Some(Outcome::Imprecise { .. })));
    }

    #[test]
    fn outputs_that_are_all_the_same_are_seen_beside_their_magnitude() {
        assert_eq!(output_range(&[5.0, 5.0]), 5.0);
        assert_eq!(output_range(&[-1.0, 2.0]), 3.0);
        assert_eq!(output_range(&[0.0]), 0.0);
        assert_eq!(output_range(&[]), 0.0);
        assert!((output_range(&[100.0, 101.0]) - 1.0).abs() < 1e-12);
    }
}
