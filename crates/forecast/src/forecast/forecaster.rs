//! The forecast of one subject, and what is not tried because of it.

use alloy_primitives::U256;

use evmbench_evm::chain::calldata::FIELD_MODULUS;
use evmbench_ezkl::{CircuitSettings, Observer, ShapeError, Visibility};
use evmbench_guard::guard::batch::CLAIMS;
use evmbench_host::format;
use evmbench_subject::subject::{CommittedSubject, Subject};

use super::sample::zero_bytes;
use super::{Calibration, Estimate, Forecast, Verdict};
use crate::forecast;

/// The most multiply-adds for which a model's integers are computed to tell what its public values are made of: some seconds.
const MOST_MULTIPLY_ADDS: u64 = 200_000_000;

/// Forecasts runs on this machine.
#[derive(Debug, Clone, Default)]
pub struct Forecaster {
    /// How fast the machine is; no time is forecast without it.
    pub calibration: Option<Calibration>,
    /// Memory that a worker may take. A run whose forecast exceeds it at both ends is not tried; without it every run is.
    pub memory_limit_bytes: Option<u64>,
    /// How many proofs of a committed circuit one transaction is to verify; nothing is said of batches without it.
    pub batch: Option<u64>,
}

impl Forecaster {
    /// What a subject will take, once its circuit's settings are known.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn forecast(&self, subject: &Subject, settings: &CircuitSettings) -> Result<Forecast, ShapeError> {
        let words = public_values(subject, settings);
        let public_zero_bytes = words.as_deref().map(zero_bytes);
        let forecast = forecast::of(settings, public_zero_bytes, self.calibration.as_ref())?;
        match (self.batch, &subject.committed) {
            (Some(proofs), Some(committed)) => {
                let statement = &shown(committed)[CLAIMS..];
                forecast::with_batch(forecast, settings, zero_bytes(statement), proofs)
            }
            _ => Ok(forecast),
        }
    }

    /// An observer that hears all that `inner` does, and does not admit what cannot fit.
    pub fn gate<'a>(&'a self, inner: &'a dyn Observer<CircuitSettings>) -> Gate<'a> {
        Gate {
            forecaster: self,
            inner,
        }
    }

    /// Why a circuit with these settings is not tried, if it is not.
    fn refusal(&self, settings: &CircuitSettings) -> Option<String> {
        let limit = self.memory_limit_bytes?;
        // Settings that cannot be forecast are no reason: the run will tell.
        let forecast = forecast::of(settings, None, None).ok()?;
        let phases: [(&str, Estimate); 2] = [
            ("set-up", forecast.setup_peak_bytes),
            ("a proof", forecast.prove_peak_bytes),
        ];
        let (phase, peak) = phases
            .into_iter()
            .find(|(_, peak)| peak.against(limit) == Verdict::Exceeds)?;
        Some(format!(
            "{phase} takes {} to {} at 2^{} rows, and the limit is {}",
            format::bytes(peak.low),
            format::bytes(peak.high),
            forecast.logrows,
            format::bytes(limit),
        ))
    }
}

/// See [`Forecaster::gate`].
pub struct Gate<'a> {
    forecaster: &'a Forecaster,
    inner: &'a dyn Observer<CircuitSettings>,
}

impl Observer<CircuitSettings> for Gate<'_> {
    fn inner(&self) -> Option<&dyn Observer<CircuitSettings>> {
        Some(self.inner)
    }

    fn admits(&self, settings: &CircuitSettings) -> Result<(), String> {
        self.inner.admits(settings)?;
        self.forecaster.refusal(settings).map_or(Ok(()), Err)
    }
}

/// The public values that an honest proof will show: inputs, then outputs, as field elements. None where a tensor is hashed,
/// or where the model's integers are not known or take long.
fn public_values(subject: &Subject, settings: &CircuitSettings) -> Option<Vec<U256>> {
    if let Some(committed) = &subject.committed {
        return Some(shown(committed));
    }
    let plan = subject.request.plan;
    let visibilities = [
        plan.input_visibility(),
        plan.output_visibility(),
        plan.param_visibility(),
    ];
    if visibilities.contains(&Visibility::Hashed)
        || subject
            .model
            .multiply_adds
            .is_none_or(|number| number > MOST_MULTIPLY_ADDS)
    {
        return None;
    }
    let run = subject
        .integer_program(settings)
        .ok()?
        .run(&subject.inputs)
        .ok()?;
    let shown = |visibility, tensors: &[Vec<i128>]| match visibility {
        Visibility::Public => tensors.concat(),
        _ => Vec::new(),
    };
    let inputs = shown(plan.input_visibility(), &run.inputs);
    let outputs = shown(plan.output_visibility(), &run.outputs);
    Some(inputs.into_iter().chain(outputs).map(word).collect())
}

/// Zero bytes of a committed circuit's public values.
pub(crate) fn shown_zero_bytes(committed: &CommittedSubject) -> u64 {
    zero_bytes(&shown(committed))
}

/// The public values of a committed circuit: the check, a challenge, and what is shown of the model. The challenge is not known
/// before the proof; this one has no byte that is 0, and most have none or one.
fn shown(committed: &CommittedSubject) -> Vec<U256> {
    [U256::ZERO, FIELD_MODULUS - U256::ONE]
        .into_iter()
        .chain(committed.statement().into_iter().map(word))
        .collect()
}

/// A small integer as the field element that stands for it.
fn word(integer: i128) -> U256 {
    let magnitude = U256::from(integer.unsigned_abs());
    if integer < 0 {
        FIELD_MODULUS - magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    use evmbench_ezkl::Silent;
    use evmbench_model::integer::integer_from_word;

    use super::*;

    fn settings(logrows: u32) -> CircuitSettings {
        let text = include_str!("../../../../tests/fixtures/settings/dense_private.json");
        let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
        json["run_args"]["logrows"] = logrows.into();
        CircuitSettings::parse(&json.to_string()).unwrap()
    }

    #[test]
    fn what_cannot_fit_is_not_admitted() {
        let forecaster = Forecaster {
            memory_limit_bytes: Some(24 << 30),
            ..Forecaster::default()
        };
        let gate = forecaster.gate(&Silent);
        assert_eq!(gate.admits(&settings(15)), Ok(()));
        let refusal = gate.admits(&settings(23)).unwrap_err();
        assert!(
            refusal.contains("2^23") && refusal.contains("24.0 GiB"),
            "{refusal}"
        );
        assert_eq!(Forecaster::default().gate(&Silent).admits(&settings(23)), Ok(()));
    }

    #[test]
    fn words_are_read_back() {
        for integer in [0, 1, -1, 1 << 100, -(1 << 100)] {
            assert_eq!(integer_from_word(word(integer).to_be_bytes()), Some(integer));
        }
    }
}
