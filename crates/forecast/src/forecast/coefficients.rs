//! The fitted coefficients, in one place: `data/forecast/coefficients.json`, which `evmbench corpus` writes.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use evmbench_ezkl::CircuitShape;

use super::Estimate;
use super::batch_sample::BatchSample;
use super::fit::{Fitted, Point};
use super::quantity::Quantity;
use super::sample::{Role, Sample};

/// The file's text.
const TEXT: &str = include_str!("../../data/coefficients.json");

/// The coefficients that this evmbench forecasts with.
pub(super) static COEFFICIENTS: LazyLock<Coefficients> =
    LazyLock::new(|| serde_json::from_str(TEXT).expect("evmbench wrote the file itself"));

/// How much wider an interval is than the largest miss that was seen: others' circuits differ more.
const MARGIN: f64 = 1.25;

/// The least half width of a fitted interval, as a share: where a fit hits every sample, the next one may still differ.
const LEAST_SHARE: f64 = 0.002;

/// What was fitted, and on which machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coefficients {
    /// The version of EZKL that was measured.
    pub ezkl_version: String,
    /// The processors that times were measured on.
    pub machines: Vec<String>,
    /// Every quantity that could be fitted.
    fits: Vec<QuantityFit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct QuantityFit {
    quantity: Quantity,
    fitted: Fitted,
}

impl Coefficients {
    /// Those that this evmbench forecasts with.
    pub fn current() -> &'static Self {
        &COEFFICIENTS
    }

    /// Fits every quantity on the samples that a fit may see.
    pub fn fit(samples: &[Sample], batches: &[BatchSample]) -> Self {
        let seen = || samples.iter().filter(|sample| sample.role == Role::Fit);
        let seen_batches = || batches.iter().filter(|sample| sample.role == Role::Fit);
        let fits = Quantity::all().into_iter().filter_map(|quantity| {
            let of_batches = seen_batches().filter_map(|sample| quantity.point_of_batch(sample));
            let of_samples = seen().filter_map(|sample| quantity.point(sample));
            let points: Vec<Point> = of_samples.chain(of_batches).collect();
            let fitted = Fitted::to(&points)?;
            Some(QuantityFit { quantity, fitted })
        });
        let timed = seen().filter(|sample| sample.prove.cpu_seconds.is_some());
        let mut machines: Vec<String> = timed.map(|sample| sample.machine.cpu.clone()).collect();
        machines.sort_unstable();
        machines.dedup();
        Self {
            ezkl_version: evmbench_ezkl::EZKL_VERSION.to_owned(),
            machines,
            fits: fits.collect(),
        }
    }

    /// The fitted value and how far it may be off, as a share; none where nothing was fitted.
    pub(super) fn value(
        &self,
        quantity: Quantity,
        shape: &CircuitShape,
        code_bytes: u64,
    ) -> Option<(f64, f64)> {
        let fit = self.fits.iter().find(|fit| fit.quantity == quantity)?;
        let value = fit.fitted.sum(&quantity.terms(shape, code_bytes))?;
        Some((value, (fit.fitted.largest_miss * MARGIN).max(LEAST_SHARE)))
    }

    /// The same as an interval; 0 where nothing was fitted because there never is any.
    pub(super) fn estimate(&self, quantity: Quantity, shape: &CircuitShape, code_bytes: u64) -> Estimate {
        match self.value(quantity, shape, code_bytes) {
            Some((value, miss)) => Estimate::within(value, miss),
            None => Estimate::exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use evmbench_evm::chain::Fork;

    use super::*;

    /// What is not fitted is forecast as nothing: a new fork needs its fit.
    #[test]
    fn every_fork_is_fitted() {
        for fork in Fork::ALL {
            for quantity in [
                Quantity::Deployment(fork),
                Quantity::Verification(fork),
                Quantity::BatchOnce(fork),
                Quantity::BatchProof(fork),
            ] {
                let mut fits = COEFFICIENTS.fits.iter();
                assert!(fits.any(|fit| fit.quantity == quantity), "{quantity:?}");
            }
        }
    }
}
