//! The figures that people ask for first, then and now.

use evmbench_schema::metric::Metric;
use evmbench_schema::record::Record;

/// One figure, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Which; a whole number.
    pub metric: Metric,
    /// In the record.
    pub recorded: Option<i128>,
    /// By its evidence.
    pub now: Option<i128>,
}

/// Sizes and gas. What a proof costs is what it costs through the guard, of a committed circuit through the one that derives its
/// challenge.
const METRICS: [Metric; 9] = [
    Metric::RuntimeCode,
    Metric::DeploymentGas,
    Metric::RegistrationGas,
    Metric::VerificationGas,
    Metric::GuardDeploymentGas,
    Metric::GuardedGas,
    Metric::SetGas,
    Metric::SetOnePairingGas,
    Metric::BatchGas,
];

/// Each of [`METRICS`], as far as the run came; `now` is none where nothing could be deployed and called.
pub(super) fn figures(recorded: &Record, now: Option<&Record>) -> Vec<Figure> {
    let figures = METRICS.map(|metric| Figure {
        metric,
        recorded: metric.whole(recorded),
        now: now.and_then(|now| metric.whole(now)),
    });
    figures
        .into_iter()
        .filter(|figure| figure.recorded.is_some() || figure.now.is_some())
        .collect()
}
