//! Figures in floating point, made again: by their verdict, and within a factor by their digits.
//!
//! Machines differ in the last digits of floats, and versions of onnxruntime in some more. What a reader rests on is the verdict.

use std::mem::discriminant;

use evmbench_schema::function::FunctionCheck;
use evmbench_schema::record::{Numerics, OutputError};

/// By how much a figure may differ.
const FACTOR: f64 = 2.0;

/// Figures that are smaller, relative to the outputs' magnitude, are the rounding of `f32` itself.
const NOTHING: f64 = 1e-5;

/// What a record's check of the function says otherwise than one that was made again, if it does.
pub(super) fn function_otherwise(stored: &FunctionCheck, again: &FunctionCheck) -> Option<String> {
    let found = [stored, again].map(FunctionCheck::finding);
    let verdicts = found.each_ref().map(|found| found.as_ref().map(discriminant));
    if verdicts[0] != verdicts[1] {
        let [stored, again] = found.map(|found| found.map_or("agrees".to_owned(), |found| found.to_string()));
        return Some(format!("{stored} in the record, {again} judged again"));
    }
    // All but versions.
    let name = |check: &FunctionCheck| -> Vec<String> {
        let words = check.reference.split(' ').map(str::to_owned);
        words
            .filter(|word| !word.starts_with(|first: char| first.is_ascii_digit()))
            .collect()
    };
    let counts = |check: &FunctionCheck| {
        (
            check.integers,
            check.inputs,
            check.undefined_inputs,
            check.inputs_without_witness,
        )
    };
    let least = NOTHING * again.output_range.abs();
    let figures = |check: &FunctionCheck| [check.max_error, check.tolerance, Some(check.output_range)];
    let alike = name(stored) == name(again)
        && counts(stored) == counts(again)
        && all_near(&figures(stored), &figures(again), least);
    (!alike).then(|| format!("judged again: {}", again.sentence()))
}

/// What a record's figures beside the float model say otherwise than those that were made again, if they do.
pub(super) fn numerics_otherwise(stored: &Numerics, again: &Numerics) -> Option<String> {
    let found = [stored, again].map(Numerics::finding);
    let is_coarse = found.each_ref().map(Option::is_some);
    if is_coarse[0] != is_coarse[1] {
        return Some("the error beside the float model leads to another outcome, made again".to_owned());
    }
    let of_output = |output: &OutputError| [Some(output.max_absolute_error), Some(output.output_range)];
    let figures = |numerics: &Numerics| {
        [
            numerics.max_absolute_error,
            numerics.mean_absolute_error,
            numerics.max_magnitude,
        ]
    };
    let least = NOTHING * again.max_magnitude.unwrap_or(0.0);
    // Records of schema 5 have neither range nor outputs, which is held against their schema.
    let is_range = |range| is_near(Some(range), again.output_range, least);
    let range = stored.output_range.is_none_or(is_range);
    let outputs = stored.outputs.is_empty()
        || stored.outputs.len() == again.outputs.len()
            && stored
                .outputs
                .iter()
                .zip(&again.outputs)
                .all(|(stored, again)| all_near(&of_output(stored), &of_output(again), least));
    let alike = range && outputs && all_near(&figures(stored), &figures(again), least);
    (!alike).then(|| {
        let error = again.max_absolute_error.unwrap_or(f64::NAN);
        format!("made again, the error beside the float model is {error}")
    })
}

fn all_near(stored: &[Option<f64>], again: &[Option<f64>], least: f64) -> bool {
    let mut pairs = stored.iter().zip(again);
    pairs.all(|(&stored, &again)| is_near(stored, again, least))
}

/// Both absent, or neither and within the factor of each other, or within `least`.
fn is_near(stored: Option<f64>, again: Option<f64>, least: f64) -> bool {
    match (stored, again) {
        (Some(stored), Some(again)) => {
            let within = |a: f64, b: f64| a <= FACTOR * b;
            (stored - again).abs() <= least || within(stored, again) && within(again, stored)
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use evmbench_schema::record::IntegerCheck;

    use super::*;

    fn check(max_error: f64) -> FunctionCheck {
        FunctionCheck {
            reference: "onnxruntime 1.32.0".to_owned(),
            integers: None,
            inputs: 8,
            undefined_inputs: 0,
            inputs_without_witness: 0,
            output: None,
            max_error: Some(max_error),
            tolerance: Some(0.02),
            output_range: 1.0,
            element: None,
        }
    }

    #[test]
    fn digits_may_differ_and_verdicts_may_not() {
        assert_eq!(function_otherwise(&check(0.010), &check(0.011)), None);
        let other = FunctionCheck {
            reference: "onnxruntime 1.33.0".to_owned(),
            ..check(0.01)
        };
        assert_eq!(function_otherwise(&check(0.01), &other), None);
        let by_another = FunctionCheck {
            reference: "onnxruntime 1.32.0 (of another file)".to_owned(),
            ..check(0.01)
        };
        assert!(function_otherwise(&by_another, &other).is_some());
        assert!(function_otherwise(&check(0.004), &check(0.011)).is_some());
        let wrong = function_otherwise(&check(0.01), &check(0.9)).unwrap();
        assert!(wrong.contains("agrees in the record"), "{wrong}");
        let fewer = FunctionCheck {
            inputs: 7,
            ..check(0.01)
        };
        assert!(function_otherwise(&check(0.01), &fewer).is_some());
    }

    #[test]
    fn errors_beside_the_float_model_are_held_against_it() {
        let numerics = |error: f64| {
            let exact = IntegerCheck::Exact {
                outputs: 1,
                instances: 1,
            };
            Numerics {
                max_absolute_error: Some(error),
                mean_absolute_error: Some(error),
                max_magnitude: Some(1.0),
                output_range: Some(1.0),
                ..Numerics::of(exact)
            }
        };
        assert_eq!(numerics_otherwise(&numerics(0.01), &numerics(0.015)), None);
        assert_eq!(numerics_otherwise(&numerics(0.0), &numerics(5e-6)), None);
        assert!(numerics_otherwise(&numerics(0.01), &numerics(0.03)).is_some());
        assert!(numerics_otherwise(&numerics(0.09), &numerics(0.12)).is_some());
        // What was never made cannot be left out either.
        let mut without = numerics(0.01);
        without.max_absolute_error = None;
        assert!(numerics_otherwise(&without, &numerics(0.01)).is_some());
    }
}
