//! The figures that people ask for first, then and now.

use crate::guard::GuardMeasurement;
use crate::record::Record;

/// One figure, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// In the record.
    pub recorded: Option<u64>,
    /// By its evidence.
    pub now: Option<u64>,
}

/// Sizes and gas, as far as the run came. What a proof costs is what it costs through the guard, of a committed circuit through
/// the one that derives its challenge.
pub(super) fn figures(recorded: &Record, now: &Record) -> Vec<Figure> {
    let figure = |name: &'static str, of: fn(&Record) -> Option<u64>| Figure {
        name,
        recorded: of(recorded),
        now: of(now),
    };
    let figures = [
        figure("runtime code bytes", |record| {
            Some(record.deployment.as_ref()?.runtime_code_bytes)
        }),
        figure("deployment gas", |record| {
            Some(record.deployment.as_ref()?.gas.tx_gas)
        }),
        figure("registration gas", |record| {
            Some(record.registration.as_ref()?.call.gas?.tx_gas)
        }),
        figure("verification gas", |record| {
            Some(record.verification.as_ref()?.gas?.tx_gas)
        }),
        figure("guard deployment gas", |record| {
            Some(guard(record)?.deployment.tx_gas)
        }),
        figure("verification gas with the guard", |record| {
            Some(guard(record)?.verification.tx_gas)
        }),
        figure("gas of the whole set", |record| {
            Some(record.set.as_ref()?.measurement.verification.tx_gas)
        }),
    ];
    figures
        .into_iter()
        .filter(|figure| figure.recorded.is_some() || figure.now.is_some())
        .collect()
}

fn guard(record: &Record) -> Option<&GuardMeasurement> {
    record.committed_guard.as_ref().or(record.guard.as_ref())
}
