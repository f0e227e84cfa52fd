//! A circuit's numbers against the references: the exact integers, and the model's floats.
//!
//! Goes in: a subject, what its proofs show, settings, and the model's outputs in floats. Comes out: [`Numerics`], or the
//! [`Mismatch`] that the run comes to.

use alloy_primitives::U256;

use evmbench_cifar10::CLASSES;
use evmbench_ezkl::{Artifacts, CircuitSettings, Commitments as _, Proof, ShownInstances};
use evmbench_model::integer::{IntegerError, IntegerRun, integer_from_word};
use evmbench_model::onnx;
use evmbench_schema::function::FunctionCheck;
use evmbench_schema::record::{IntegerCheck, Numerics, Outcome, Source};
use evmbench_subject::accuracy::greatest;
use evmbench_subject::integers::NoIntegers;
use evmbench_subject::subject::{CommittedSubject, Subject};

/// The outcome where neither the exact integer reference nor a judge has computed the model.
pub fn unjudged(integer: &IntegerCheck, function: Option<&FunctionCheck>) -> Option<Outcome> {
    let covered = matches!(integer, IntegerCheck::Exact { .. });
    (!covered && function.is_none()).then(|| Outcome::Failed {
        step: "judge".to_owned(),
        message: "neither the exact integer reference nor onnxruntime has computed the model".to_owned(),
    })
}

/// Numbers that are not the reference's: what a run comes to, whatever the verifier says, and what the record says of it.
#[derive(Debug)]
pub struct Mismatch {
    /// What the run comes to.
    pub outcome: Outcome,
    /// What the record says of it.
    pub note: Option<String>,
}

impl Mismatch {
    /// The outputs differ from the reference's by no more than `max_error`; none where they cannot be compared.
    fn of_function(max_error: Option<f64>, difference: String) -> Self {
        Self {
            outcome: Outcome::WrongFunction {
                max_error,
                tolerance: Some(0.0),
            },
            note: Some(difference),
        }
    }

    /// Numbers that do not fit together for another reason than the model's function.
    pub fn of_numbers(message: impl std::fmt::Display) -> Self {
        Self {
            outcome: Outcome::Failed {
                step: "numerics".to_owned(),
                message: message.to_string(),
            },
            note: None,
        }
    }
}

/// Compares the circuit's outputs and the proofs' public values with the exact integer reference. The notes say what could not
/// be compared; the error is what the run comes to.
fn integer_check(
    subject: &Subject,
    artifacts: &Artifacts,
    settings: &CircuitSettings,
    notes: &mut Vec<String>,
) -> Result<IntegerCheck, Mismatch> {
    match &subject.committed {
        Some(committed) => exact_commitments(committed, artifacts).map_err(Mismatch::of_numbers),
        None => compare_integers(subject, artifacts, settings, notes),
    }
}

/// Compares the circuit's outputs with the exact integer reference and with the model's in floats, on the input as it was given.
/// The notes say what could not be compared. Without floats the integers are compared alone.
///
/// # Errors
/// [`Mismatch`]: what the run comes to.
pub fn compare(
    subject: &Subject,
    artifacts: &Artifacts,
    settings: &CircuitSettings,
    floats: Option<&[Vec<f32>]>,
) -> Result<(Numerics, Vec<String>), Mismatch> {
    let mut notes = Vec::new();
    let integer = integer_check(subject, artifacts, settings, &mut notes)?;
    let values: Vec<Vec<f64>> = match &subject.committed {
        Some(committed) => committed.circuit.outputs(&committed.witness().result),
        None => output_values(artifacts, settings),
    };
    if let (Source::TestImage { number, class }, [values]) = (&subject.input.source, &values[..])
        && values.len() == CLASSES.len()
    {
        let answer = CLASSES[greatest(values)];
        notes.push(format!(
            "test image {number} is of the class {class}; the circuit says {answer}"
        ));
    }
    let Some(floats) = floats else {
        return Ok((Numerics::of(integer), notes));
    };
    let numerics = Numerics::beside(integer, &values, floats).ok_or_else(|| Mismatch {
        // NaN is within no tolerance, and a tensor of another size is another result.
        outcome: Outcome::WrongFunction {
            max_error: None,
            tolerance: None,
        },
        note: Some(
            "an output of the model or of the circuit is no number, or they have not as many".to_owned(),
        ),
    })?;
    Ok((numerics, notes))
}

/// The outputs of a circuit that EZKL made of the model, in the model's numbers. A word that is no integer of the circuit
/// has no value, and the comparison fails as a whole.
fn output_values(artifacts: &Artifacts, settings: &CircuitSettings) -> Vec<Vec<f64>> {
    let outputs = artifacts.outputs.iter().zip(settings.output_scales());
    outputs
        .map(|(words, &scale)| {
            let value = |integer: i128| integer as f64 / f64::from(scale).exp2();
            words
                .iter()
                .map(|word| integer_from_word(word.to_be_bytes()).map_or(f64::NAN, value))
                .collect()
        })
        .collect()
}

/// Compares with the integer reference, where it covers the model.
fn compare_integers(
    subject: &Subject,
    artifacts: &Artifacts,
    settings: &CircuitSettings,
    notes: &mut Vec<String>,
) -> Result<IntegerCheck, Mismatch> {
    match subject.integer_program(settings) {
        Ok(program) => {
            let run = program.run(&subject.inputs).map_err(Mismatch::of_numbers)?;
            exact(subject, artifacts, &run)
        }
        // The proof is of another function than the model's.
        Err(NoIntegers::Program(error @ IntegerError::MisreadConvolution { .. })) => Err(Mismatch {
            outcome: Outcome::Unsound {
                control: error.to_string(),
            },
            note: None,
        }),
        Err(NoIntegers::Uncovered(uncovered)) => Ok(IntegerCheck::NotCovered {
            operators: onnx::operators(&uncovered),
        }),
        Err(NoIntegers::Settings(error)) => Err(Mismatch::of_numbers(error)),
        Err(NoIntegers::Program(error)) => {
            notes.push(format!(
                "the integer reference does not cover this model: {error}"
            ));
            Ok(IntegerCheck::NotCovered {
                operators: Vec::new(),
            })
        }
    }
}

/// A committed circuit's public values: the check is 0, the challenge is that of the proof's own commitments, and what is
/// shown of the model is the reference's. What is committed is the reference's by the check.
fn exact_commitments(subject: &CommittedSubject, artifacts: &Artifacts) -> Result<IntegerCheck, String> {
    let committed = artifacts.committed.as_ref().ok_or("no commitments")?;
    let statement = subject.statement();
    let mut compared = 0;
    for Proof { proof, instances } in &artifacts.proofs {
        let challenge = committed
            .challenge_of_proof(proof)
            .map_err(|error| error.to_string())?;
        let [check, found, shown @ ..] = &instances[..] else {
            return Err(format!("{} public values", instances.len()));
        };
        if !check.is_zero() {
            return Err("the check is not 0".to_owned());
        }
        if *found != challenge {
            return Err("the challenge is not that of the proof's commitments".to_owned());
        }
        equal("public value", shown, &statement)?;
        compared += instances.len() as u64;
    }
    Ok(IntegerCheck::Exact {
        outputs: subject.witness().result.len() as u64,
        instances: compared,
    })
}

/// The comparison to the last integer: the witness's outputs, and the public instances that show inputs and outputs.
fn exact(subject: &Subject, artifacts: &Artifacts, run: &IntegerRun) -> Result<IntegerCheck, Mismatch> {
    let (inputs, outputs) = (run.inputs.concat(), run.outputs.concat());
    let sizes = |tensors: &[Vec<i128>]| tensors.iter().map(Vec::len).collect::<Vec<_>>();
    let (input_sizes, output_sizes) = (sizes(&run.inputs), sizes(&run.outputs));
    for ((words, integers), scale) in artifacts.outputs.iter().zip(&run.outputs).zip(&run.output_scales) {
        equal("output", words, integers).map_err(|difference| {
            let distance = greatest_distance(words, integers);
            Mismatch::of_function(
                distance.map(|distance| distance / f64::from(*scale).exp2()),
                difference,
            )
        })?;
    }
    equal("output", &artifacts.outputs.concat(), &outputs)
        .map_err(|difference| Mismatch::of_function(None, difference))?;
    let mut compared = 0;
    for Proof { instances, .. } in &artifacts.proofs {
        let plan = subject.request.plan;
        let shown = ShownInstances::locate(plan, &input_sizes, &output_sizes, instances.len())
            .map_err(Mismatch::of_numbers)?;
        if let Some(range) = shown.inputs {
            equal("public input", &instances[range], &inputs).map_err(Mismatch::of_numbers)?;
            compared += inputs.len() as u64;
        }
        if let Some(range) = shown.outputs {
            equal("public output", &instances[range], &outputs).map_err(Mismatch::of_numbers)?;
            compared += outputs.len() as u64;
        }
    }
    Ok(IntegerCheck::Exact {
        outputs: outputs.len() as u64,
        instances: compared,
    })
}

/// The greatest distance between words and integers, in units; none where a word is no integer, or where there are more or fewer.
fn greatest_distance(found: &[U256], expected: &[i128]) -> Option<f64> {
    let mut pairs = found.iter().zip(expected);
    let greatest = pairs.try_fold(0.0, |greatest: f64, (word, &expected)| {
        let integer = integer_from_word(word.to_be_bytes())?;
        Some(greatest.max((integer as f64 - expected as f64).abs()))
    });
    greatest.filter(|_| found.len() == expected.len())
}

fn equal(what: &str, found: &[U256], expected: &[i128]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!(
            "{} {what} elements, and the integer reference has {}",
            found.len(),
            expected.len()
        ));
    }
    for (index, (&word, &expected)) in found.iter().zip(expected).enumerate() {
        let integer = integer_from_word(word.to_be_bytes());
        if integer != Some(expected) {
            let found = integer.map_or_else(|| word.to_string(), |integer| integer.to_string());
            return Err(format!(
                "{what} element {index} is {found} in the proof, and {expected} in the integer reference"
            ));
        }
    }
    Ok(())
}
