//! How a circuit's outputs on several inputs stand to a reference's, and what outcome that leads to.
//!
//! Goes in: a circuit's outputs, and those of a reference. Comes out: a [`FunctionCheck`], and by it an outcome. How the outputs
//! are found is the judge's, which has the rules in words.

mod elements;

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use elements::ElementCheck;

use crate::format;
use crate::outcome::{GREATEST_ERROR, Outcome};

/// How many inputs a circuit is judged on.
pub const COUNT: usize = 8;

/// How many times the error of the rounded model a circuit's may be: EZKL rounds in other places, and in some of them down.
pub const ALLOWANCE: f64 = 4.0;

/// The greatest part of an output's range that its tolerance may be for the output to be judged.
pub const LEAST_RESOLUTION: f64 = 0.05;

/// How many units of an element are never too coarse: one for the unit itself, and [`ALLOWANCE`] for a rounding that is off by
/// another.
const LEAST_UNITS: f64 = ALLOWANCE + 1.0;

/// The least number of inputs that must have been compared, of [`COUNT`].
pub const LEAST_INPUTS: u64 = 4;

/// The part of an output's range that two implementations in `f32` may differ by.
pub const READING: f64 = 1e-3;

/// Elements that differ by less, relative to their magnitude, are the same in `f32` after a few operations.
const SAME: f64 = 1e-5;

/// How a circuit's outputs stand to a reference's, on several inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCheck {
    /// What computed the reference: onnxruntime and its version, or the float model; or, where a circuit differs from them,
    /// `exact integers`.
    pub reference: String,
    /// How the circuit's integers are known; absent where they are EZKL's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integers: Option<KnownIntegers>,
    /// Inputs on which outputs were compared.
    pub inputs: u64,
    /// Inputs on which an output of the model is NaN or infinite, so that there is nothing to compare.
    pub undefined_inputs: u64,
    /// Inputs of which there is no witness, so that there is no proof of them.
    pub inputs_without_witness: u64,
    /// The output that stands worst, from 0, which all that follows is of; absent where there is but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The greatest distance of an element from the reference's, in the model's numbers; absent where an element is no number, or
    /// where there are more or fewer of them.
    pub max_error: Option<f64>,
    /// The distance that is explained by fixed point; absent where the rounded model gives no number.
    pub tolerance: Option<f64>,
    /// The output's greatest element less its least, over all inputs; where they are the same, its magnitude.
    pub output_range: f64,
    /// The element that stands worst by itself; absent where an element is no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ElementCheck>,
}

/// How the integers of a circuit's outputs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownIntegers {
    /// EZKL's witnesses equal the exact integer reference's outputs, on the same inputs.
    Compared,
    /// The circuit is evmbench's own, and these are its integers.
    Own,
}

/// What the comparison comes to, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Agrees,
    Imprecise,
    Wrong,
}

/// An error, what explains it, and what it is seen beside.
#[derive(Clone, Copy)]
struct Distance {
    error: f64,
    /// None where it has no bound.
    tolerance: Option<f64>,
    range: f64,
    /// What is never too coarse, however small the range is.
    least: f64,
}

impl Distance {
    fn verdict(&self, integers: Option<KnownIntegers>) -> Verdict {
        let Self {
            error,
            tolerance,
            range,
            least,
        } = *self;
        let is_explained = tolerance.is_some_and(|tolerance| error <= tolerance);
        // All elements are exactly 0 on every input: there is nothing that a tolerance could hide.
        let is_nothing = range == 0.0 && least == 0.0;
        let Some(integers) = integers else {
            let resolution = (LEAST_RESOLUTION * range).max(least);
            return match tolerance {
                Some(tolerance) if error > tolerance.max(resolution) => Verdict::Wrong,
                Some(tolerance) if is_explained && (tolerance <= resolution || is_nothing) => Verdict::Agrees,
                _ => Verdict::Imprecise,
            };
        };
        if error <= (GREATEST_ERROR * range).max(least) || (is_nothing && is_explained) {
            Verdict::Agrees
        } else if integers == KnownIntegers::Compared && tolerance.is_some() && !is_explained {
            Verdict::Wrong
        } else {
            Verdict::Imprecise
        }
    }

    /// The verdict, and how far it goes, to tell which of several is the worst.
    fn severity(&self, integers: Option<KnownIntegers>) -> (Verdict, f64) {
        let verdict = self.verdict(integers);
        let tolerance = self.tolerance.unwrap_or(f64::INFINITY);
        let part = match verdict {
            Verdict::Imprecise => self.error.max(tolerance) / self.range,
            _ if self.error > 0.0 => self.error / tolerance,
            _ => 0.0,
        };
        (verdict, part)
    }
}

impl ElementCheck {
    fn distance(&self) -> Distance {
        Distance {
            error: self.mean_error,
            tolerance: Some(self.tolerance),
            range: self.range,
            least: LEAST_UNITS * self.unit,
        }
    }
}

impl FunctionCheck {
    /// The reference that is exact.
    pub const EXACT: &str = "exact integers";

    /// The outcome that it leads to; none where the circuit agrees with the reference.
    pub fn finding(&self) -> Option<Outcome> {
        let whole = self.verdict_of_whole();
        let verdict = self.verdict();
        if verdict != Verdict::Wrong && self.inputs < LEAST_INPUTS {
            return Some(Outcome::Failed {
                step: "judge".to_owned(),
                message: format!(
                    "only {} of {COUNT} inputs could be compared ({}), and {LEAST_INPUTS} must be; give an --input from where \
                     the model is defined, or a larger --scale",
                    self.inputs,
                    self.left_out().join("; ")
                ),
            });
        }
        let (max_error, tolerance, output_range) = match &self.element {
            Some(element) if verdict > whole => {
                (Some(element.mean_error), Some(element.tolerance), element.range)
            }
            _ => (self.max_error, self.tolerance, self.output_range),
        };
        match verdict {
            Verdict::Agrees => None,
            Verdict::Imprecise => Some(Outcome::Imprecise {
                max_error,
                tolerance,
                output_range: Some(output_range),
            }),
            Verdict::Wrong => Some(Outcome::WrongFunction { max_error, tolerance }),
        }
    }

    /// What the comparison could not show, for the record's notes: a circuit of EZKL's whose output never changes.
    pub fn caution(&self) -> Option<String> {
        let is_constant =
            self.output_range == 0.0 && self.integers.is_none() && self.reference != Self::EXACT;
        is_constant.then(|| {
            format!(
                "every element of output {} is 0 on all {} inputs that the circuit was judged on: they say little about its function",
                self.output.unwrap_or(0),
                self.inputs
            )
        })
    }

    fn verdict(&self) -> Verdict {
        self.severity().0
    }

    /// The output as a whole; none where an element is no number.
    fn distance(&self) -> Option<Distance> {
        Some(Distance {
            error: self.max_error?,
            tolerance: self.tolerance,
            range: self.output_range,
            least: 0.0,
        })
    }

    fn verdict_of_whole(&self) -> Verdict {
        match self.max_error {
            Some(0.0) if self.reference == Self::EXACT => Verdict::Agrees,
            Some(_) if self.reference == Self::EXACT => Verdict::Wrong,
            _ => self
                .distance()
                .map_or(Verdict::Wrong, |distance| distance.verdict(self.integers)),
        }
    }

    /// How much of what is allowed is used up, to tell which of several outputs is the worst.
    fn severity(&self) -> (Verdict, f64) {
        let part = match self.distance() {
            Some(distance) => distance.severity(self.integers).1,
            None => f64::INFINITY,
        };
        let whole = (self.verdict_of_whole(), part);
        let element = self.element.as_ref().filter(|_| self.reference != Self::EXACT);
        element.map_or(whole, |element| {
            let element = element.distance().severity(self.integers);
            if element.0 > whole.0 { element } else { whole }
        })
    }

    /// Why inputs were not compared.
    fn left_out(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.undefined_inputs > 0 {
            reasons.push(format!(
                "the model gives NaN or infinity on {}",
                self.undefined_inputs
            ));
        }
        if self.inputs_without_witness > 0 {
            reasons.push(format!("there is no witness of {}", self.inputs_without_witness));
        }
        reasons
    }

    /// `error 0.43, tolerance 0.01, range 1.02 (onnxruntime 1.32.0, 8 inputs)`.
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
        for reason in self.left_out() {
            sentence += &format!("; {reason}");
        }
        if let Some(output) = self.output {
            sentence += &format!("; output {output} is the worst");
        }
        if let Some(element) = &self.element
            && self.verdict() > self.verdict_of_whole()
        {
            sentence += &format!(
                "; element {}: mean error {}, tolerance {}, range {}",
                element.element,
                format::real(element.mean_error),
                format::real(element.tolerance),
                format::real(element.range)
            );
        }
        sentence + ")"
    }
}

/// One graph output's elements on one input.
pub struct Compared<'a> {
    /// The circuit's; none where a word of the field is no number that the output can hold.
    pub circuit: &'a [Option<f64>],
    /// The reference's.
    pub exact: &'a [f64],
    /// Those of the rounded model.
    pub rounded: &'a [f64],
}

/// One graph output on every input that can be compared: the error, the tolerance and the range. `unit` is what its elements are
/// multiples of.
pub fn check_output(inputs: &[Compared<'_>], unit: f64, integers: Option<KnownIntegers>) -> FunctionCheck {
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
    let elements = match (max_error, rounding) {
        (Some(_), Some(_)) => elements::checks(inputs, unit, output_range),
        _ => Vec::new(),
    };
    let element = elements.into_iter().max_by(|a, b| {
        let [a, b] = [a, b].map(|element| element.distance().severity(integers));
        by_severity(a, b)
    });
    FunctionCheck {
        reference: String::new(),
        integers,
        inputs: inputs.len() as u64,
        undefined_inputs: 0,
        inputs_without_witness: 0,
        output: None,
        max_error,
        tolerance: rounding.map(|rounding| ALLOWANCE * rounding + unit),
        output_range,
        element,
    }
}

fn by_severity(a: (Verdict, f64), b: (Verdict, f64)) -> Ordering {
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

/// The range of these outputs: the greatest less the least; where all are the same, their magnitude.
pub fn output_range(outputs: &[f64]) -> f64 {
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
pub fn worst(checks: impl IntoIterator<Item = FunctionCheck>) -> Option<FunctionCheck> {
    checks
        .into_iter()
        .max_by(|a, b| by_severity(a.severity(), b.severity()))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    /// One input's output of four elements, 0 to 3 in the reference.
    fn check(circuit: [f64; 4], rounded: [f64; 4], unit: f64) -> FunctionCheck {
        check_known(circuit, rounded, unit, None)
    }

    /// The same input as often as it takes, so that means over the inputs are its own.
    fn check_known(
        circuit: [f64; 4],
        rounded: [f64; 4],
        unit: f64,
        integers: Option<KnownIntegers>,
    ) -> FunctionCheck {
        let circuit = circuit.map(Some);
        let input = || Compared {
            circuit: &circuit,
            exact: &EXACT,
            rounded: &rounded,
        };
        check_output(&[input(), input(), input(), input()], unit, integers)
    }

    const EXACT: [f64; 4] = [0.0, 1.0, 2.0, 3.0];

    /// Nothing is learnt where everything is 0, unless the integers are known apart from the judge.
    #[test]
    fn an_output_that_never_changes_is_noted() {
        let silent = FunctionCheck {
            output_range: 0.0,
            ..check([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0], 0.0)
        };
        assert!(silent.caution().is_some_and(|note| note.contains("output 0")));
        let known = FunctionCheck {
            integers: Some(KnownIntegers::Own),
            ..silent.clone()
        };
        assert_eq!(known.caution(), None);
        let ranged = FunctionCheck {
            output_range: 1.0,
            ..silent
        };
        assert_eq!(ranged.caution(), None);
    }

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
            None,
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
            None,
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

    /// What a circuit gives for each input, beside the reference and the rounded model: inputs × elements.
    fn check_inputs(
        circuit: &[Vec<f64>],
        exact: &[Vec<f64>],
        rounded: &[Vec<f64>],
        unit: f64,
    ) -> FunctionCheck {
        let circuit: Vec<Vec<Option<f64>>> = circuit
            .iter()
            .map(|elements| elements.iter().copied().map(Some).collect())
            .collect();
        let inputs: Vec<Compared<'_>> = circuit
            .iter()
            .zip(exact.iter().zip(rounded))
            .map(|(circuit, (exact, rounded))| Compared {
                circuit,
                exact,
                rounded,
            })
            .collect();
        check_output(&inputs, unit, None)
    }

    /// Eight inputs on which an element runs from 0 to 7, times these.
    fn run(elements: &[f64]) -> Vec<Vec<f64>> {
        let input = |input: u8| {
            elements
                .iter()
                .map(|element| element * f64::from(input))
                .collect()
        };
        (0..8).map(input).collect()
    }

    const UNIT: f64 = 1.0 / 16384.0;

    /// A large element rounds by much, so that the output's own tolerance would pass whatever the small one is.
    #[test]
    fn a_wrong_element_does_not_hide_behind_a_large_one() {
        let (exact, rounded) = (run(&[100.0, 0.1]), run(&[100.4, 0.1005]));
        let circuit = run(&[100.2, -0.1]);
        let check = check_inputs(&circuit, &exact, &rounded, UNIT);
        assert!(check.max_error.unwrap() < check.tolerance.unwrap());
        assert!(
            matches!(check.finding(), Some(Outcome::WrongFunction { .. })),
            "{check:?}"
        );
        let element = check.element.as_ref().unwrap();
        assert_eq!(element.element, 1);
        assert!((element.mean_error - 0.7).abs() < 1e-9 && (element.range - 0.7).abs() < 1e-9);
        assert!(
            check.sentence().contains("element 1: mean error 0.7"),
            "{}",
            check.sentence()
        );
        // As it should be, it is good.
        let check = check_inputs(&run(&[100.2, 0.1007]), &exact, &rounded, UNIT);
        assert_eq!(check.finding(), None, "{check:?}");
    }

    /// On one input of eight only, and whatever element it is.
    #[test]
    fn an_element_that_is_wrong_on_one_input_does_not_hide() {
        let (exact, rounded) = (run(&[100.0, 0.1]), run(&[100.4, 0.1005]));
        let mut circuit = rounded.clone();
        circuit[7][1] = 0.0;
        let check = check_inputs(&circuit, &exact, &rounded, UNIT);
        assert!(
            matches!(check.finding(), Some(Outcome::WrongFunction { .. })),
            "{check:?}"
        );
    }

    /// A small element of which rounding leaves nothing, beside a large one that is exact.
    #[test]
    fn an_element_that_is_lost_in_rounding_does_not_hide() {
        let check = check_inputs(
            &run(&[100.0, 0.0]),
            &run(&[100.0, 0.01]),
            &run(&[100.0, 0.0]),
            UNIT,
        );
        assert!(
            matches!(check.finding(), Some(Outcome::Imprecise { .. })),
            "{check:?}"
        );
    }

    /// What the rounded model does not explain is no other function where it is a hundredth of the element's own range.
    #[test]
    fn a_hundredth_of_an_elements_own_range_is_negligible() {
        let exact = run(&[1.0, 100.0]);
        let off_by = |part: f64| {
            // Rounding moves the output as a whole by enough on one input.
            let mut rounded = exact.clone();
            rounded[0][1] += 5.0;
            check_inputs(&run(&[1.0 + part, 100.0]), &exact, &rounded, UNIT).finding()
        };
        // Means are half of the range.
        assert_eq!(off_by(0.019), None);
        assert!(matches!(off_by(0.021), Some(Outcome::Imprecise { .. })));
        assert!(matches!(off_by(0.2), Some(Outcome::WrongFunction { .. })));
    }

    /// A rectifier that hardly opens is as noisy as the others and nearly constant: that is no fault.
    #[test]
    fn a_nearly_constant_element_is_seen_beside_those_that_round_alike() {
        let (mut exact, mut rounded) = (run(&[1.0, 1.0, 0.0]), run(&[1.003, 0.998, 0.0]));
        exact[7][2] = 0.002;
        rounded[7][2] = 0.012;
        let mut circuit = rounded.clone();
        circuit[7][2] = 0.02;
        let check = check_inputs(&circuit, &exact, &rounded, UNIT);
        assert_eq!(check.finding(), None, "{check:?}");
    }

    #[test]
    fn too_few_inputs_say_nothing() {
        let (exact, rounded) = (run(&[1.0, 2.0]), run(&[1.001, 2.001]));
        let of = |count: usize| FunctionCheck {
            undefined_inputs: (COUNT - count) as u64,
            ..check_inputs(
                &rounded[8 - count..],
                &exact[8 - count..],
                &rounded[8 - count..],
                UNIT,
            )
        };
        assert_eq!(of(4).finding(), None);
        let Some(Outcome::Failed { step, message }) = of(3).finding() else {
            panic!("{:?}", of(3).finding());
        };
        assert_eq!(step, "judge");
        assert!(
            message.contains("only 3 of 8 inputs could be compared (the model gives NaN or infinity on 5)"),
            "{message}"
        );
        assert!(matches!(
            check_output(&[], 1.0, None).finding(),
            Some(Outcome::Failed { .. })
        ));
        // A wrong one is wrong on however few.
        let wrong = check_inputs(&run(&[1.0, -2.0])[7..], &exact[7..], &rounded[7..], UNIT);
        assert!(matches!(wrong.finding(), Some(Outcome::WrongFunction { .. })));
    }

    /// Integers that are known hide no other function, so that a coarse tolerance is no fault; numbers that are lost are one.
    #[test]
    fn known_integers_may_be_off_by_a_tenth_of_the_range() {
        let coarse = [0.0, 1.2, 2.0, 3.0];
        for integers in [KnownIntegers::Own, KnownIntegers::Compared] {
            let check = |circuit, rounded| check_known(circuit, rounded, UNIT, Some(integers)).finding();
            assert_eq!(check(coarse, coarse), None);
            assert_eq!(check(coarse, EXACT), None);
            let lost = [0.0, 1.4, 2.0, 3.0];
            assert!(matches!(check(lost, lost), Some(Outcome::Imprecise { .. })));
            // What rounding does not explain is a fault of the reference's where it only equals EZKL's integers.
            let unexplained = check(lost, EXACT);
            match integers {
                KnownIntegers::Own => assert!(matches!(unexplained, Some(Outcome::Imprecise { .. }))),
                KnownIntegers::Compared => {
                    assert!(matches!(unexplained, Some(Outcome::WrongFunction { .. })));
                }
            }
        }
    }
}
