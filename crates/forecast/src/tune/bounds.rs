//! What a circuit's values are bounded by, and how that is known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_committed::{CommittedCircuit, Interval};
use evmbench_ezkl::{CircuitSettings, Decomposition};
use evmbench_model::integer::Lowered;
use evmbench_subject::subject::Subject;

/// Digits in which a direct circuit may decompose values.
const LEGS: std::ops::RangeInclusive<u32> = 2..=4;

/// How many times smaller than a limit the values of the subject's own input must be, where there is no static bound.
const CALIBRATION_MARGIN: i128 = 4;

/// That no value exceeds what the circuit holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guarantee {
    /// Which values.
    pub of: Bounded,
    /// What they can be.
    pub reaches: Interval,
    /// What the circuit holds.
    pub limit: Interval,
    /// How it is known.
    pub basis: Basis,
}

/// Values that a circuit holds only up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bounded {
    /// The integers of every tensor of a committed circuit, which must stay what they are modulo the field's order.
    Integers,
    /// What is looked up in a table.
    LookedUp,
    /// What EZKL decomposes into digits.
    Decomposed,
}

/// How a bound is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// Interval arithmetic over the integer program, for every input in range.
    StaticBound,
    /// The subject's own input keeps below the limit by this factor; another input may not.
    Calibrated {
        /// The factor.
        margin: i64,
    },
}

/// A committed circuit's: it would have been refused otherwise.
pub(super) fn of_committed(circuit: &CommittedCircuit) -> Vec<Guarantee> {
    let layers = circuit.bounds();
    let least = layers.iter().map(|layer| layer.bounds.least).min();
    let greatest = layers.iter().map(|layer| layer.bounds.greatest).max();
    let integers = Guarantee {
        of: Bounded::Integers,
        reaches: Interval {
            least: least.unwrap_or(0),
            greatest: greatest.unwrap_or(0),
        },
        limit: Interval::of_circuits(),
        basis: Basis::StaticBound,
    };
    let looked_up = circuit.looked_up().zip(circuit.table_range());
    let looked_up = looked_up.map(|(reaches, (least, greatest))| Guarantee {
        of: Bounded::LookedUp,
        reaches,
        limit: Interval { least, greatest },
        basis: Basis::StaticBound,
    });
    std::iter::once(integers).chain(looked_up).collect()
}

/// Decompositions of a direct circuit that the static bounds allow, each with the smallest base for its number of digits; none
/// where there are no bounds.
pub(super) fn decompositions(subject: &Subject, settings: &CircuitSettings) -> Vec<Decomposition> {
    let program = subject.integer_program(settings).ok();
    let Some(bounds) = program.and_then(|program| program.bounds(subject.input_bound).ok()) else {
        return Vec::new();
    };
    let bits = i128::BITS - bounds.decomposed.magnitude().leading_zeros();
    LEGS.map(|legs| Decomposition {
        base: 1 << bits.div_ceil(legs),
        legs,
    })
    .collect()
}

/// A direct circuit's, or why it has none: by static bounds where they are within the limits, else by the subject's own input.
pub(super) fn of_direct(subject: &Subject, settings: &CircuitSettings) -> Result<Vec<Guarantee>, String> {
    let lowered = subject
        .integer_program(settings)
        .map_err(|error| error.to_string())?;
    let (digits, table) = (lowered.digits(), lowered.table());
    let holds = |limit: Interval, reaches: Interval| {
        limit.least <= reaches.least && reaches.greatest <= limit.greatest
    };
    let guarantee = |of, reaches, limit, basis| Guarantee {
        of,
        reaches,
        limit,
        basis,
    };
    if let Ok(bounds) = lowered.bounds(subject.input_bound)
        && holds(digits, bounds.decomposed)
        && bounds.looked_up.is_none_or(|looked_up| holds(table, looked_up))
    {
        let decomposed = guarantee(Bounded::Decomposed, bounds.decomposed, digits, Basis::StaticBound);
        let looked_up = bounds
            .looked_up
            .map(|reaches| guarantee(Bounded::LookedUp, reaches, table, Basis::StaticBound));
        return Ok(std::iter::once(decomposed).chain(looked_up).collect());
    }
    let narrower = Lowered::clone(&lowered).with_margin(CALIBRATION_MARGIN);
    let run = narrower.run(&subject.inputs);
    run.map_err(|error| format!("with a margin of {CALIBRATION_MARGIN}, {error}"))?;
    let basis = Basis::Calibrated {
        margin: CALIBRATION_MARGIN as i64,
    };
    Ok(vec![
        guarantee(Bounded::Decomposed, narrower.digits(), digits, basis),
        guarantee(Bounded::LookedUp, narrower.table(), table, basis),
    ])
}
