//! A plan → the arguments of EZKL's calls, and what a committed circuit is lowered with.

use evmbench_committed::{CommittedOptions, Integers};
use evmbench_schema::plan::{CircuitKind, CircuitPlan, CommittedPlan, DEFAULT_DECOMPOSITION};
use serde_json::{Value, json};

/// Columns side by side that EZKL lays a circuit out in where no number is asked for.
const DEFAULT_INNER_COLUMNS: usize = 2;

/// What the circuit is lowered with, for an input of these integers.
pub fn committed_options(plan: CommittedPlan, input: Integers) -> CommittedOptions {
    let asked = CircuitPlan::Committed(plan);
    CommittedOptions {
        scale: plan.scale(),
        input,
        assurance: plan.circuit_assurance(),
        proved: None,
        output_public: plan.output_public(),
        inner_columns: plan.inner_columns(),
        logrows: asked.logrows(),
        digit_bits: asked.digit_bits(),
        roundings: asked.roundings(),
    }
}

/// `gen_settings`'s run arguments, by EZKL's names. What is not named keeps EZKL's default.
pub fn run_args(plan: CircuitPlan) -> Value {
    let decomposition = plan.decomposition().unwrap_or(DEFAULT_DECOMPOSITION);
    json!({
        "input_scale": plan.scale(),
        "param_scale": plan.scale(),
        "input_visibility": plan.input_visibility(),
        "output_visibility": plan.output_visibility(),
        "param_visibility": plan.param_visibility(),
        "num_inner_cols": plan.inner_columns().unwrap_or(DEFAULT_INNER_COLUMNS),
        "decomp_base": decomposition.base,
        "decomp_legs": decomposition.legs,
        // EZKL 23.0.5's Freivalds path returns values that are not tied to the cells that it checked.
        // The study had it on; a circuit that would use it is refused when the settings are read.
        "disable_freivalds": plan.kind() == CircuitKind::Direct,
    })
}

/// The same for a circuit in 2^`logrows` rows, which calibration then does not choose.
pub(crate) fn run_args_in(plan: CircuitPlan, logrows: u32) -> Value {
    let mut run_args = run_args(plan);
    run_args["logrows"] = logrows.into();
    run_args
}

/// The same, with what calibration chose of them, as the settings that it ended with tell.
pub(crate) fn run_args_as_calibrated(plan: CircuitPlan, ended_with: &Value) -> Value {
    let scales: &[&str] = match plan.kind() {
        CircuitKind::Study => &["input_scale", "param_scale"],
        CircuitKind::Direct | CircuitKind::Committed => &[],
    };
    let mut run_args = run_args(plan);
    for &name in ["logrows", "lookup_range", "scale_rebase_multiplier"]
        .iter()
        .chain(scales)
    {
        run_args[name] = ended_with[name].clone();
    }
    run_args
}

/// `calibrate_settings`'s arguments beside the files; a committed circuit is not calibrated. Without `scales` EZKL searches 11 to 13 and overwrites
/// what was asked for, which is what the study did.
pub(crate) fn calibrate_args(plan: CircuitPlan) -> Value {
    match plan.kind() {
        CircuitKind::Study => json!({}),
        CircuitKind::Direct | CircuitKind::Committed => {
            json!({"target": "resources", "scales": [plan.scale()]})
        }
    }
}

#[cfg(test)]
mod tests {
    use evmbench_schema::plan::Decomposition;

    use super::*;

    #[test]
    fn only_direct_circuits_pin_their_scales() {
        assert_eq!(
            calibrate_args(CircuitPlan::direct(7).unwrap())["scales"],
            json!([7])
        );
        assert_eq!(calibrate_args(CircuitPlan::study(7).unwrap()), json!({}));
    }

    #[test]
    fn direct_circuits_fix_weights_and_switch_freivalds_off() {
        let run_args = run_args(CircuitPlan::direct(10).unwrap());
        assert_eq!(run_args["param_visibility"], "fixed");
        assert_eq!(run_args["disable_freivalds"], true);
        assert_eq!(run_args["input_scale"], 10);
    }

    #[test]
    fn what_was_chosen_is_asked_for() {
        let direct = CircuitPlan::direct(7).unwrap();
        let decomposed = direct
            .with_decomposition(Some(Decomposition { base: 1024, legs: 3 }))
            .unwrap();
        assert_eq!(run_args(decomposed)["decomp_base"], 1024);
        assert_eq!(run_args(direct.with_columns(1).unwrap())["num_inner_cols"], 1);
    }
}
