//! A plan, and what speaks for and against it before anything is proved.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::Fork;
use evmbench_ezkl::{CircuitPlan, CircuitSettings, CircuitShape, ShapeError};
use evmbench_model::float::FloatModel;
use evmbench_schema::record::GREATEST_ERROR;
use evmbench_subject::accuracy::Accuracy;
use evmbench_subject::subject::{CommittedSubject, Subject};

use super::bounds::{self, Guarantee};
use crate::forecast::{self, Calibration, Forecast, expected_prove_cpu_seconds, shown_zero_bytes};

/// What is to be least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The larger of both phases' peak resident sets.
    Memory,
    /// Time of a proof.
    Time,
    /// Gas of the verifying transaction.
    Gas,
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Time => "time",
            Self::Gas => "gas",
        })
    }
}

/// What a plan is forecast to cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Likely peak resident set, of set-up or of a proof, in bytes.
    pub memory_bytes: u64,
    /// Processor time of a proof, in seconds, on the machine that the forecast was fitted on. The time of a proof on any other
    /// is a multiple of it, so that it tells plans apart where no machine was calibrated.
    pub prove_cpu_seconds: f64,
    /// Likely gas of the verifying transaction, of a plain verifier compiled with solc's default options.
    pub verification_gas: u64,
}

impl Costs {
    fn of(forecast: &Forecast, shape: &CircuitShape, fork: Fork) -> Self {
        Self {
            memory_bytes: forecast.peak_bytes().likely,
            prove_cpu_seconds: expected_prove_cpu_seconds(shape).unwrap_or(f64::INFINITY),
            verification_gas: forecast.under(fork).verification_gas.likely,
        }
    }

    /// Memory, time and gas, each the less the better.
    pub(super) fn all(&self) -> [f64; 3] {
        [
            self.memory_bytes as f64,
            self.prove_cpu_seconds,
            self.verification_gas as f64,
        ]
    }

    /// Which of two is better for an objective; where neither is, by gas, memory and time.
    pub fn compare(&self, other: &Self, objective: Objective) -> Ordering {
        let key = |costs: &Self| {
            let [memory, time, gas] = costs.all();
            let first = match objective {
                Objective::Memory => memory,
                Objective::Time => time,
                Objective::Gas => gas,
            };
            [first, gas, memory, time]
        };
        let pairs = key(self).into_iter().zip(key(other));
        pairs.fold(Ordering::Equal, |order, (a, b)| order.then(a.total_cmp(&b)))
    }
}

/// A plan that may be proved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Whether a run would end as imprecise.
    #[serde(skip)]
    pub(super) is_imprecise: bool,
    /// The plan.
    pub plan: CircuitPlan,
    /// What it is forecast to cost.
    pub costs: Costs,
    /// The greatest distance of an output from the float model's on the subject's own input, as a share of the latter's
    /// greatest magnitude; absent where there is no reference to either.
    pub distance: Option<f64>,
    /// How it does on test images; absent where it was not found out.
    pub accuracy: Option<Accuracy>,
    /// All that it is forecast to take.
    pub forecast: Forecast,
    /// What its values are bounded by.
    pub guarantees: Vec<Guarantee>,
}

impl Candidate {
    /// What it loses, in per cent: test images that the float model gets right and it does not, of all; where there are none,
    /// its distance.
    pub fn loss_percent(&self) -> Option<f64> {
        match &self.accuracy {
            Some(accuracy) => {
                let lost = accuracy.float_correct as f64 - accuracy.correct as f64;
                Some(100.0 * lost / accuracy.images.max(1) as f64)
            }
            None => self.distance.map(|distance| 100.0 * distance),
        }
    }

    /// A committed circuit, whose forecast follows from the circuit itself.
    ///
    /// # Errors
    /// [`ShapeError`] where it needs more rows than there are.
    pub fn of_committed(
        plan: CircuitPlan,
        committed: &CommittedSubject,
        reference: &Reference,
        fork: Fork,
        calibration: Option<&Calibration>,
    ) -> Result<Self, ShapeError> {
        let circuit = &committed.circuit;
        let forecast = forecast::of_committed(circuit, Some(shown_zero_bytes(committed)), calibration)?;
        let unit = circuit.output_unit();
        Ok(Self {
            is_imprecise: false,
            plan,
            costs: Costs::of(&forecast, &CircuitShape::of_committed(circuit)?, fork),
            distance: reference.distance(
                committed
                    .witness()
                    .result
                    .iter()
                    .map(|&integer| integer as f64 / unit),
            ),
            accuracy: None,
            forecast,
            guarantees: bounds::of_committed(circuit),
        }
        .judged(reference))
    }

    /// A circuit that EZKL made of the model, with the settings that it is proved with; or why a value could exceed them.
    ///
    /// # Errors
    /// [`ShapeError`]; the inner error is the reason why it is none.
    pub fn of_direct(
        subject: &Subject,
        settings: &CircuitSettings,
        forecast: Forecast,
        reference: &Reference,
        fork: Fork,
    ) -> Result<Result<Self, String>, ShapeError> {
        let shape = CircuitShape::of(settings)?;
        let guarantees = match bounds::of_direct(subject, settings) {
            Ok(guarantees) => guarantees,
            Err(reason) => return Ok(Err(reason)),
        };
        let values = || {
            let program = subject.integer_program(settings).ok()?;
            let run = program.run(&subject.inputs).ok()?;
            let outputs = run.outputs.iter().zip(&run.output_scales);
            let value = |(integers, &scale): (&Vec<i128>, &i32)| -> Vec<f64> {
                let unit = f64::from(scale).exp2();
                integers.iter().map(|&integer| integer as f64 / unit).collect()
            };
            Some(outputs.flat_map(value).collect::<Vec<_>>())
        };
        Ok(Ok(Self {
            is_imprecise: false,
            plan: subject.request.plan,
            costs: Costs::of(&forecast, &shape, fork),
            distance: values().and_then(|values| reference.distance(values.into_iter())),
            accuracy: None,
            forecast,
            guarantees,
        }
        .judged(reference)))
    }

    /// Its outputs held against the reference, as those of a run are.
    fn judged(self, reference: &Reference) -> Self {
        let is_imprecise = self
            .distance
            .is_some_and(|distance| reference.is_coarse(distance));
        Self { is_imprecise, ..self }
    }
}

/// What the float model makes of the subject's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    outputs: Option<Vec<f64>>,
}

impl Reference {
    /// Runs the model; where that fails, nothing is told of distances.
    pub fn of(subject: &Subject) -> Self {
        let outputs = FloatModel::load(&subject.onnx).and_then(|model| model.run(&subject.inputs));
        let numbers = |tensors: Vec<evmbench_model::graph::Tensor>| {
            let elements = tensors.into_iter().flat_map(|tensor| tensor.data);
            elements.map(f64::from).collect()
        };
        Self {
            outputs: outputs.ok().map(numbers),
        }
    }

    /// Whether outputs at this distance would make a run imprecise.
    fn is_coarse(&self, distance: f64) -> bool {
        let Some(outputs) = &self.outputs else {
            return false;
        };
        let (least, greatest) = (
            outputs.iter().copied().fold(f64::INFINITY, f64::min),
            outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        distance * least.abs().max(greatest.abs()) > GREATEST_ERROR * (greatest - least)
    }

    /// The greatest distance of a value from its reference, as a share of the reference's greatest magnitude.
    fn distance(&self, values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
        let outputs = self.outputs.as_ref()?;
        let greatest = outputs.iter().map(|x| x.abs()).fold(0.0, f64::max);
        if values.len() != outputs.len() || greatest == 0.0 {
            return None;
        }
        let errors = values.zip(outputs).map(|(value, x)| (value - x).abs());
        Some(errors.fold(0.0, f64::max) / greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_a_share_of_the_greatest_output() {
        let reference = |outputs: &[f64]| Reference {
            outputs: Some(outputs.to_vec()),
        };
        let distance = |reference: &Reference, values: &[f64]| reference.distance(values.iter().copied());
        assert_eq!(distance(&reference(&[1.0, -4.0]), &[1.5, -3.0]), Some(0.25));
        // Nothing can be told without outputs, of other outputs, or as a share of 0.
        assert_eq!(distance(&reference(&[0.0]), &[1.0]), None);
        assert_eq!(distance(&reference(&[1.0]), &[1.0, 1.0]), None);
        assert_eq!(distance(&Reference { outputs: None }, &[1.0]), None);
    }

    /// A run is imprecise where an output is off by more than a tenth of the outputs' range.
    #[test]
    fn a_candidate_is_imprecise_where_its_run_would_be() {
        let reference = Reference {
            outputs: Some(vec![-2.0, 8.0]),
        };
        assert!(reference.is_coarse(1.1 / 8.0) && !reference.is_coarse(0.9 / 8.0));
        assert!(!Reference { outputs: None }.is_coarse(1.0));
    }

    #[test]
    fn an_objective_comes_first_and_gas_after_it() {
        let costs = |memory_bytes, prove_cpu_seconds, verification_gas| Costs {
            memory_bytes,
            prove_cpu_seconds,
            verification_gas,
        };
        let (small, quick, cheap) = (costs(1, 3.0, 3), costs(3, 1.0, 2), costs(3, 3.0, 1));
        assert_eq!(small.compare(&quick, Objective::Memory), Ordering::Less);
        assert_eq!(quick.compare(&small, Objective::Time), Ordering::Less);
        assert_eq!(cheap.compare(&quick, Objective::Gas), Ordering::Less);
        // Equal memory: the cheaper one.
        assert_eq!(quick.compare(&cheap, Objective::Memory), Ordering::Greater);
        assert_eq!(quick.compare(&quick, Objective::Gas), Ordering::Equal);
    }
}
