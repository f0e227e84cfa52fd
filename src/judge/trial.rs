//! One circuit on trial: between its settings and its keys, so that a wrong function costs no proof.

use std::sync::Mutex;

use alloy_primitives::U256;

use super::{
    Compared, FunctionCheck, JudgeError, ONNXRUNTIME_VERSION, OnnxRuntime, check_output, probes, worst,
};
use crate::bench::{self, BenchError};
use crate::model::graph::Tensor;
use crate::model::integer::{self, Lowered, Quantisation, integer_from_word};
use crate::model::onnx::rounded;
use crate::prover::{CircuitSettings, EzklProver, Failure, Observer};
use crate::record::Outcome;
use crate::subject::Subject;

/// An observer that hears all that `inner` does, and accepts a circuit only where it computes the subject's function.
///
/// A committed circuit is none that EZKL made of the model: its integers are held against the exact reference's after the proof.
pub(crate) struct Trial<'a> {
    subject: &'a Subject,
    onnxruntime: Option<&'a OnnxRuntime>,
    inner: &'a dyn Observer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    probes: Vec<Vec<Tensor>>,
    result: Option<Result<FunctionCheck, JudgeError>>,
}

impl<'a> Trial<'a> {
    /// Without onnxruntime only what the exact integer reference covers is judged.
    pub(crate) fn new(
        subject: &'a Subject,
        onnxruntime: Option<&'a OnnxRuntime>,
        inner: &'a dyn Observer,
    ) -> Self {
        Self {
            subject,
            onnxruntime,
            inner,
            state: Mutex::default(),
        }
    }

    /// How it ended; none where the circuit was never run.
    pub(crate) fn finish(self) -> Option<Result<FunctionCheck, JudgeError>> {
        self.state.into_inner().ok()?.result
    }

    fn judge(
        &self,
        settings: &CircuitSettings,
        probes: &[Vec<Tensor>],
        outputs: &[Option<Vec<Vec<U256>>>],
    ) -> Option<Result<FunctionCheck, JudgeError>> {
        let circuit = Observed { settings, outputs };
        match exact_reference(self.subject, settings) {
            Some(program) => Some(Ok(circuit.against_integers(&program, probes))),
            None => Some(circuit.against_floats(self.onnxruntime?, &self.subject.onnx, probes, self.inner)),
        }
    }
}

/// The check of a subject's circuit alone: it is laid out, compiled and run on the probes, and no key is made. None where the
/// circuit is a committed one.
///
/// # Errors
/// [`BenchError`]; why there is no circuit is in the inner result.
pub fn check(
    subject: &Subject,
    prover: &EzklProver,
    onnxruntime: &OnnxRuntime,
    observer: &dyn Observer,
) -> Result<Result<Option<FunctionCheck>, Failure>, BenchError> {
    let trial = Trial::new(subject, Some(onnxruntime), observer);
    let tried = prover.try_out(&bench::job(subject), &trial)?;
    let check = trial.finish().transpose()?;
    Ok(match tried {
        // What was found is in the check.
        Ok(()) | Err(Failure::Declined { .. }) => Ok(check),
        Err(failure) => Err(failure),
    })
}

/// The exact integer reference under these settings, if it covers the subject's model.
fn exact_reference(subject: &Subject, settings: &CircuitSettings) -> Option<Lowered> {
    let quantisation = Quantisation::from_run_args(&settings.json()["run_args"]).ok()?;
    integer::lower(subject.graph.as_ref().ok()?, &quantisation).ok()
}

impl Observer for Trial<'_> {
    fn started(&self, step: &str) {
        self.inner.started(step);
    }

    fn sampled(&self, rss_bytes: Option<u64>) {
        self.inner.sampled(rss_bytes);
    }

    fn finished(&self) {
        self.inner.finished();
    }

    fn interrupted(&self) -> bool {
        self.inner.interrupted()
    }

    fn admits(&self, settings: &CircuitSettings) -> Result<(), String> {
        self.inner.admits(settings)
    }

    fn probes(&self, settings: &CircuitSettings) -> Vec<Vec<Vec<f32>>> {
        if self.subject.committed.is_some() {
            return Vec::new();
        }
        let probes = probes::draw(
            &self.subject.inputs,
            self.subject.input_bound,
            self.subject.request.seed,
            settings.input_scale(),
        );
        let elements = |set: &Vec<Tensor>| set.iter().map(|tensor| tensor.data.clone()).collect();
        let flat = probes.iter().map(elements).collect();
        if let Ok(mut state) = self.state.lock() {
            state.probes = probes;
        }
        flat
    }

    fn accepts(&self, settings: &CircuitSettings, outputs: &[Option<Vec<Vec<U256>>>]) -> Result<(), String> {
        self.inner.accepts(settings, outputs)?;
        let Ok(mut state) = self.state.lock() else {
            return Err("an earlier judgement panicked".to_owned());
        };
        state.result = self.judge(settings, &state.probes, outputs);
        match &state.result {
            // An imprecise circuit is proved: what it costs is known then, and the record says what it is worth.
            Some(Ok(check)) => match check.finding() {
                Some(outcome @ Outcome::WrongFunction { .. }) => Err(outcome.to_string()),
                _ => Ok(()),
            },
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(()),
        }
    }
}

/// What a circuit gives on each probe; none where EZKL has no witness of it.
struct Observed<'a> {
    settings: &'a CircuitSettings,
    outputs: &'a [Option<Vec<Vec<U256>>>],
}

impl Observed<'_> {
    /// The integers of one output, each by the unit that it is a multiple of.
    fn values(&self, words: &[U256], output: usize) -> Vec<Option<f64>> {
        let scale = self.settings.output_scales().get(output).copied().unwrap_or(0);
        let unit = f64::from(-scale).exp2();
        words
            .iter()
            .map(|word| Some(integer_from_word(word.to_be_bytes())? as f64 * unit))
            .collect()
    }

    /// To the last integer. A probe that either side has no witness of is not compared.
    fn against_integers(&self, program: &Lowered, probes: &[Vec<Tensor>]) -> FunctionCheck {
        let mut pairs = Vec::new();
        for (probe, outputs) in probes.iter().zip(self.outputs) {
            if let (Some(outputs), Ok(run)) = (outputs, program.run(probe)) {
                pairs.push((outputs, run));
            }
        }
        let count = pairs.first().map_or(0, |(_, run)| run.outputs.len());
        let checks = (0..count).map(|output| {
            let sides: Vec<_> = pairs
                .iter()
                .map(|(words, run)| {
                    let unit = f64::from(-run.output_scales[output]).exp2();
                    let exact: Vec<f64> = run.outputs[output].iter().map(|&x| x as f64 * unit).collect();
                    let words = words.get(output).map_or(&[][..], Vec::as_slice);
                    (self.values(words, output), exact)
                })
                .collect();
            let compared: Vec<Compared<'_>> = sides
                .iter()
                .map(|(circuit, exact)| Compared {
                    circuit,
                    exact,
                    rounded: exact,
                })
                .collect();
            FunctionCheck {
                reference: FunctionCheck::EXACT.to_owned(),
                ..check_output(&compared, 0.0)
            }
        });
        let without_witness = probes.len() - pairs.len();
        Self::summed(worst(checks), FunctionCheck::EXACT, 0, without_witness)
    }

    /// To within what fixed point costs. A probe on which the model itself gives NaN or infinity is not compared, unless
    /// it is the first, the input that is to be proved.
    fn against_floats(
        &self,
        onnxruntime: &OnnxRuntime,
        onnx: &[u8],
        probes: &[Vec<Tensor>],
        observer: &dyn Observer,
    ) -> Result<FunctionCheck, JudgeError> {
        let exact = onnxruntime.run(onnx, probes, observer)?;
        let values = onnxruntime.values(onnx, observer)?;
        let scale = self.settings.input_scale().min(self.settings.param_scale());
        let rounded = onnxruntime.run(&rounded(onnx, &values, scale)?, probes, observer)?;

        let is_defined = |set: &Vec<Vec<f32>>| set.iter().flatten().all(|x| x.is_finite());
        let mut compared = Vec::new();
        let (mut undefined, mut without_witness) = (0, 0);
        for (index, outputs) in self.outputs.iter().enumerate() {
            match outputs {
                None => without_witness += 1,
                Some(_) if index > 0 && !is_defined(&exact.sets[index]) => undefined += 1,
                Some(outputs) => compared.push((index, outputs)),
            }
        }
        let reference = format!("onnxruntime {ONNXRUNTIME_VERSION}");
        let doubles = |numbers: &[f32]| numbers.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let checks = exact.are_floats.iter().enumerate().map(|(output, &is_float)| {
            let sides: Vec<_> = compared
                .iter()
                .map(|&(index, outputs)| {
                    let words = outputs.get(output).map_or(&[][..], Vec::as_slice);
                    (
                        self.values(words, output),
                        doubles(&exact.sets[index][output]),
                        doubles(&rounded.sets[index][output]),
                    )
                })
                .collect();
            let sides: Vec<Compared<'_>> = sides
                .iter()
                .map(|(circuit, exact, rounded)| Compared {
                    circuit,
                    exact,
                    rounded,
                })
                .collect();
            // Where all values are whole, none is rounded. A scale below the circuit's, as of a floor, rounds nothing either.
            let unit = if is_float {
                let scale = self
                    .settings
                    .output_scales()
                    .get(output)
                    .copied()
                    .unwrap_or(0)
                    .max(scale);
                f64::from(-scale).exp2()
            } else {
                0.0
            };
            FunctionCheck {
                reference: reference.clone(),
                ..check_output(&sides, unit)
            }
        });
        let worst = worst(checks);
        Ok(Self::summed(worst, &reference, undefined, without_witness))
    }

    /// The worst output's check with what was counted. A circuit with no witness at all has no function.
    fn summed(
        worst: Option<FunctionCheck>,
        reference: &str,
        undefined: usize,
        without_witness: usize,
    ) -> FunctionCheck {
        let worst = worst.unwrap_or_else(|| check_output(&[], 0.0));
        FunctionCheck {
            reference: reference.to_owned(),
            undefined_inputs: undefined as u64,
            inputs_without_witness: without_witness as u64,
            ..worst
        }
    }
}
