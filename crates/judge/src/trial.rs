//! One circuit on trial: between its settings and its keys, so that a wrong function costs no proof.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;

use alloy_primitives::U256;

use evmbench_ezkl::{CircuitSettings, EzklProver, Failure, Observer, ProverError};
use evmbench_host::parallel;
use evmbench_model::graph::{Graph, Tensor};
use evmbench_model::integer::{Lowered, integer_from_word};
use evmbench_model::onnx::{self, rounded};
use evmbench_model::program::Integers;
use evmbench_schema::record::Outcome;
use evmbench_subject::subject::{CommittedSubject, Subject, joined};

use super::floats::Floats;
use super::{
    Compared, FunctionCheck, JudgeError, KnownIntegers, LEAST_INPUTS, OnnxRuntime, Outputs, READING,
    check_output, output_range, probes, worst,
};

/// The most inputs whose integers are computed at once: each takes the memory of a whole witness.
const AT_ONCE: usize = 4;

/// Of so many integers of an output, one may differ between two implementations: what was rounded was close to a tie.
const MOST_TIES: usize = 50;

/// An observer that hears all that `inner` does, and accepts a circuit only where it computes the subject's function.
pub struct Trial<'a> {
    subject: &'a Subject,
    onnxruntime: Option<&'a OnnxRuntime>,
    inner: &'a dyn Observer<CircuitSettings>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    probes: Vec<Vec<Tensor>>,
    result: Option<Result<FunctionCheck, JudgeError>>,
}

impl<'a> Trial<'a> {
    /// Without onnxruntime a user's model is judged only by the exact integer reference, where that covers it.
    pub fn new(
        subject: &'a Subject,
        onnxruntime: Option<&'a OnnxRuntime>,
        inner: &'a dyn Observer<CircuitSettings>,
    ) -> Self {
        Self {
            subject,
            onnxruntime,
            inner,
            state: Mutex::default(),
        }
    }

    /// How it ended; none where the circuit was never run.
    pub fn finish(self) -> Option<Result<FunctionCheck, JudgeError>> {
        self.state.into_inner().ok()?.result
    }

    /// A circuit that EZKL makes of the model, by its witnesses.
    fn judge_witnesses(
        &self,
        settings: &CircuitSettings,
        probes: &[Vec<Tensor>],
        outputs: &[Option<Vec<Vec<U256>>>],
    ) -> Option<Result<FunctionCheck, JudgeError>> {
        let mut circuit = Observed::of_witnesses(settings, outputs);
        let program = self.subject.integer_program(settings).ok();
        let exact = program.map(|program| circuit.against_integers(&program, probes, settings));
        match &exact {
            Some(check) if check.max_error != Some(0.0) => return exact.map(Ok),
            // What too few inputs say is not enough to go by.
            Some(check) if check.inputs >= LEAST_INPUTS => circuit.integers = Some(KnownIntegers::Compared),
            _ => {}
        }
        match Floats::of(self.subject, self.onnxruntime) {
            Some(floats) => Some(self.judge_floats(&circuit, &floats, probes)),
            None => exact.map(Ok),
        }
    }

    /// A committed circuit, by its own integers, for which nothing of EZKL's is asked.
    fn judge_integers(&self, committed: &CommittedSubject) -> Option<Result<FunctionCheck, JudgeError>> {
        let floats = Floats::of(self.subject, self.onnxruntime)?;
        let Integers { range, unit } = committed.circuit.input();
        let bounds = [range.least, range.greatest].map(|bound| bound as f64 / unit);
        let probes = self.probes_within(bounds, unit);
        self.inner.started("judge");
        let circuit = Observed::of_integers(committed, &probes, self.subject.request.plan.scale());
        self.inner.finished();
        let judged = self.judge_floats(&circuit, &floats, &probes);
        Some(match (judged, &self.subject.graph) {
            (Err(JudgeError::Refused(_)), Ok(graph)) => {
                self.judge_floats(&circuit, &Floats::Read(graph), &probes)
            }
            (judged, _) => judged,
        })
    }

    /// The circuit's outputs against the floats; and, where its integers are known to be those of the typed graph, that
    /// graph against the user's file.
    fn judge_floats(
        &self,
        circuit: &Observed,
        floats: &Floats<'_>,
        probes: &[Vec<Tensor>],
    ) -> Result<FunctionCheck, JudgeError> {
        let check = circuit.against_floats(floats, &self.subject.onnx, probes, self.inner)?;
        let reading = match circuit.integers {
            Some(_) => self.judge_reading(probes)?,
            None => None,
        };
        let misread = reading.filter(|reading| reading.finding().is_some());
        Ok(worst([misread, Some(check)].into_iter().flatten()).expect("there is one"))
    }

    /// What the typed graph of a user's file computes in floats, against the file itself: both in onnxruntime, or the file in the float
    /// model where onnxruntime does not load it. None where the model is none of the user's.
    fn judge_reading(&self, probes: &[Vec<Tensor>]) -> Result<Option<FunctionCheck>, JudgeError> {
        let Some(onnxruntime) = self.onnxruntime else {
            return Ok(None);
        };
        let Self { subject, inner, .. } = self;
        let drawn;
        let (file, graph, probes): (_, &Graph, _) = match (&subject.origin, &subject.graph) {
            (Some(origin), _) => {
                let bounds = [-subject.input_bound, subject.input_bound];
                let unit = f64::from(subject.request.plan.scale()).exp2();
                drawn = probes::draw(
                    &origin.inputs,
                    &origin.numbers,
                    bounds,
                    subject.request.seed,
                    unit,
                );
                (&origin.onnx, &origin.graph, &drawn[..])
            }
            (None, Ok(graph)) if subject.request.is_of_file() => (&subject.onnx, graph, probes),
            _ => return Ok(None),
        };
        let floats = Floats::OnnxRuntime(onnxruntime);
        let (floats, expected) = match floats.run(file, probes, *inner) {
            Err(JudgeError::Refused(_)) => {
                let floats = Floats::Read(graph);
                let expected = floats.run(file, probes, *inner)?;
                (floats, expected)
            }
            expected => (floats, expected?),
        };
        let read = onnxruntime.run(&onnx::write(graph), probes, *inner);
        let read = read.map_err(JudgeError::of_made)?;
        let other_integers =
            |output: usize| !expected.are_floats[output] && differ_often(&read, &expected, output);
        let is_other: Vec<bool> = (0..expected.are_floats.len()).map(other_integers).collect();
        let read = Observed::of_floats(read);
        let unit = |output: usize| {
            if is_other[output] {
                return 0.0;
            }
            let elements = expected.sets.iter().filter_map(|set| set.get(output)).flatten();
            let elements: Vec<f64> = elements.copied().filter(|x| x.is_finite()).collect();
            READING * output_range(&elements)
        };
        Ok(Some(FunctionCheck {
            reference: floats.name(),
            ..read.against(&expected, &expected, unit)
        }))
    }

    fn probes_within(&self, bounds: [f64; 2], unit: f64) -> Vec<Vec<Tensor>> {
        let Subject {
            inputs,
            numbers,
            request,
            ..
        } = self.subject;
        probes::draw(inputs, numbers, bounds, request.seed, unit)
    }
}

/// Whether more integers of an output differ between two implementations than near ties explain.
fn differ_often(one: &Outputs, other: &Outputs, output: usize) -> bool {
    let sets = one.sets.iter().zip(&other.sets);
    let pairs = sets.flat_map(|(one, other)| {
        let [one, other] = [one, other].map(|set| set.get(output).map_or(&[][..], |elements| elements));
        one.iter().zip(other)
    });
    let (mut all, mut different) = (0_usize, 0_usize);
    for (one, other) in pairs.filter(|(one, other)| one.is_finite() && other.is_finite()) {
        all += 1;
        different += usize::from(one.to_bits() != other.to_bits());
    }
    different > all / MOST_TIES
}

/// A circuit that cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The prover could not work at all.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// There is nothing to judge the circuit by.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

/// The check of a subject's circuit alone: it is laid out, compiled and run on the probes, and no key is made.
///
/// # Errors
/// [`TrialError`]; why there is no circuit is in the inner result.
pub fn check(
    subject: &Subject,
    prover: &EzklProver,
    onnxruntime: &OnnxRuntime,
    observer: &dyn Observer<CircuitSettings>,
) -> Result<Result<Option<FunctionCheck>, Failure>, TrialError> {
    let trial = Trial::new(subject, Some(onnxruntime), observer);
    let tried = prover.try_out(&subject.job(), &trial)?;
    let check = trial.finish().transpose()?;
    Ok(match tried {
        // What was found is in the check.
        Ok(()) | Err(Failure::Declined { .. }) => Ok(check),
        Err(failure) => Err(failure),
    })
}

impl Observer<CircuitSettings> for Trial<'_> {
    fn inner(&self) -> Option<&dyn Observer<CircuitSettings>> {
        Some(self.inner)
    }

    fn probes(&self, settings: &CircuitSettings) -> Vec<Vec<Vec<f32>>> {
        if self.subject.committed.is_some() {
            return Vec::new();
        }
        let bound = self.subject.input_bound;
        let probes = self.probes_within([-bound, bound], f64::from(settings.input_scale()).exp2());
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
        state.result = match &self.subject.committed {
            Some(committed) => self.judge_integers(committed),
            None => self.judge_witnesses(settings, &state.probes, outputs),
        };
        match &state.result {
            // An imprecise circuit is proved: what it costs is known then, and the record says what it is worth.
            Some(Ok(check)) => match check.finding() {
                None | Some(Outcome::Imprecise { .. }) => Ok(()),
                Some(outcome) => Err(outcome.to_string()),
            },
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(()),
        }
    }
}

/// One graph output's elements on one probe; none where a word of the field is no integer.
type Elements = Vec<Option<f64>>;

/// What a circuit gives on each probe.
struct Observed {
    /// For each probe and each graph output the elements, in the model's numbers; none where there is no witness.
    sets: Vec<Option<Vec<Elements>>>,
    /// The scale of each output, in bits after the binary point.
    scales: Vec<f64>,
    /// The scale that the model's values are rounded to.
    scale: i32,
    integers: Option<KnownIntegers>,
}

impl Observed {
    /// A circuit of EZKL's.
    fn of_witnesses(settings: &CircuitSettings, outputs: &[Option<Vec<Vec<U256>>>]) -> Self {
        let scales = settings.output_scales();
        let elements = |(output, words): (usize, &Vec<U256>)| {
            let unit = f64::from(-scales.get(output).copied().unwrap_or(0)).exp2();
            let value = |word: &U256| Some(integer_from_word(word.to_be_bytes())? as f64 * unit);
            words.iter().map(value).collect()
        };
        let set = |outputs: &Vec<Vec<U256>>| outputs.iter().enumerate().map(elements).collect();
        Self {
            sets: outputs.iter().map(|outputs| outputs.as_ref().map(set)).collect(),
            scales: scales.iter().map(|&scale| f64::from(scale)).collect(),
            scale: settings.input_scale().min(settings.param_scale()),
            integers: None,
        }
    }

    /// A committed circuit, whose outputs are the integers that it shows or commits to.
    fn of_integers(committed: &CommittedSubject, probes: &[Vec<Tensor>], scale: u32) -> Self {
        let circuit = &committed.circuit;
        let set = |index: usize| {
            let witness = circuit.witness(&joined(&probes[index])).ok()?;
            let outputs = circuit.outputs(&witness.result).into_iter();
            Some(
                outputs
                    .map(|output| output.into_iter().map(Some).collect())
                    .collect(),
            )
        };
        let outputs = circuit.outputs(&[]).len();
        let threads = parallel::processors().min(AT_ONCE);
        let Ok(sets) = parallel::map(threads, probes.len(), || |index| Ok::<_, Infallible>(set(index)));
        Self {
            sets,
            scales: vec![circuit.output_unit().log2(); outputs],
            scale: i32::try_from(scale).unwrap_or(i32::MAX),
            integers: Some(KnownIntegers::Own),
        }
    }

    /// No circuit at all, but another implementation in floats.
    fn of_floats(outputs: Outputs) -> Self {
        let elements = |numbers: Vec<f64>| numbers.into_iter().map(Some).collect();
        let set = |set: Vec<Vec<f64>>| Some(set.into_iter().map(elements).collect());
        Self {
            sets: outputs.sets.into_iter().map(set).collect(),
            scales: Vec::new(),
            scale: 0,
            integers: None,
        }
    }

    /// To the last integer. A probe that either side has no witness of is not compared.
    fn against_integers(
        &self,
        program: &Lowered,
        probes: &[Vec<Tensor>],
        settings: &CircuitSettings,
    ) -> FunctionCheck {
        let runs: Vec<_> = probes.iter().map(|probe| program.run(probe).ok()).collect();
        let count = settings.output_scales().len();
        let sets = runs.iter().map(|run| {
            let run = run.as_ref()?;
            let outputs = run.outputs.iter().zip(&run.output_scales);
            let values = outputs.map(|(integers, &scale)| {
                let unit = f64::from(-scale).exp2();
                integers.iter().map(|&x| x as f64 * unit).collect::<Vec<f64>>()
            });
            Some(values.collect::<Vec<_>>())
        });
        let sets: Vec<Option<Vec<Vec<f64>>>> = sets.collect();
        let checks = (0..count).map(|output| {
            let pairs = self.sets.iter().zip(&sets);
            let pairs = pairs.filter_map(|(circuit, exact)| circuit.as_ref().zip(exact.as_ref()));
            let compared: Vec<Compared<'_>> = pairs
                .map(|(circuit, exact)| {
                    let exact = of_output(exact, output);
                    Compared {
                        circuit: of_output(circuit, output),
                        exact,
                        rounded: exact,
                    }
                })
                .collect();
            FunctionCheck {
                reference: FunctionCheck::EXACT.to_owned(),
                ..check_output(&compared, 0.0, None)
            }
        });
        let compared = self
            .sets
            .iter()
            .zip(&sets)
            .filter(|(circuit, exact)| circuit.is_some() && exact.is_some());
        let without_witness = self.sets.len() - compared.count();
        FunctionCheck {
            reference: FunctionCheck::EXACT.to_owned(),
            ..summed(checks, 0, without_witness)
        }
    }

    /// To within what fixed point costs.
    fn against_floats(
        &self,
        floats: &Floats<'_>,
        onnx: &[u8],
        probes: &[Vec<Tensor>],
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<FunctionCheck, JudgeError> {
        let exact = floats.run(onnx, probes, observer)?;
        let values = match floats.values(onnx, observer) {
            // It runs the file, but not with every value as an output: constants alone are rounded.
            Err(JudgeError::Refused(_)) => HashMap::new(),
            values => values?,
        };
        let rounded = floats
            .run(&rounded(onnx, &values, self.scale)?, probes, observer)
            .map_err(JudgeError::of_made)?;
        // Where all values are whole, none is rounded. A scale below the circuit's, as of a floor, rounds nothing either.
        let unit = |output: usize| {
            let scale = self.scales.get(output).copied().unwrap_or(0.0);
            if exact.are_floats[output] {
                (-scale.max(f64::from(self.scale))).exp2()
            } else {
                0.0
            }
        };
        Ok(FunctionCheck {
            reference: floats.name(),
            ..self.against(&exact, &rounded, unit)
        })
    }

    /// Against outputs and rounded ones, where an output's elements are multiples of a unit. A probe on which the model itself
    /// gives NaN or infinity is not compared, unless it is the first, the input that is to be proved. A fraction is no element of an
    /// output of integers or truth values.
    fn against(&self, exact: &Outputs, rounded: &Outputs, unit: impl Fn(usize) -> f64) -> FunctionCheck {
        let is_defined = |set: &Vec<Vec<f64>>| set.iter().flatten().all(|x| x.is_finite());
        let mut compared = Vec::new();
        let (mut undefined, mut without_witness) = (0, 0);
        for (index, outputs) in self.sets.iter().enumerate() {
            match outputs {
                None => without_witness += 1,
                Some(_) if index > 0 && !is_defined(&exact.sets[index]) => undefined += 1,
                Some(outputs) => compared.push((index, outputs)),
            }
        }
        let checks = (0..exact.are_floats.len()).map(|output| {
            let is_element = |x: &f64| exact.are_floats[output] || x.fract() == 0.0;
            let numbers: Vec<_> = compared
                .iter()
                .map(|&(index, outputs)| {
                    let circuit = of_output(outputs, output).iter();
                    let circuit: Vec<Option<f64>> = circuit.map(|x| x.filter(is_element)).collect();
                    let floats = [exact, rounded].map(|outputs| of_output(&outputs.sets[index], output));
                    (circuit, floats)
                })
                .collect();
            let sides = numbers.iter().map(|(circuit, [exact, rounded])| Compared {
                circuit,
                exact,
                rounded,
            });
            let sides: Vec<Compared<'_>> = sides.collect();
            check_output(&sides, unit(output), self.integers)
        });
        summed(checks, undefined, without_witness)
    }
}

/// One output's elements; none where there are fewer outputs.
fn of_output<T>(outputs: &[Vec<T>], output: usize) -> &[T] {
    outputs.get(output).map_or(&[], Vec::as_slice)
}

/// The worst output's check with what was counted. A circuit with no witness at all has no function.
fn summed(
    checks: impl ExactSizeIterator<Item = FunctionCheck>,
    undefined: usize,
    without_witness: usize,
) -> FunctionCheck {
    let has_several = checks.len() > 1;
    let numbered = checks.enumerate().map(|(output, check)| FunctionCheck {
        output: has_several.then_some(output as u64),
        ..check
    });
    let worst = worst(numbered).unwrap_or_else(|| check_output(&[], 0.0, None));
    FunctionCheck {
        undefined_inputs: undefined as u64,
        inputs_without_witness: without_witness as u64,
        ..worst
    }
}
