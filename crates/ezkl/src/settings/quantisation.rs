//! What of EZKL's settings decides the integers.
//!
//! Goes in: the `run_args` object of a `settings.json`, after calibration. Comes out: [`Quantisation`].

use evmbench_model::integer::Quantisation;
use serde::Deserialize;
use serde_json::Value;

/// A `run_args` object that is not one of EZKL 23.0.5.
#[derive(Debug, thiserror::Error)]
#[error("run_args of EZKL's settings: {0}")]
pub struct QuantisationError(#[from] serde_json::Error);

/// The part of EZKL's `RunArgs` that is read here, under its names.
#[derive(Deserialize)]
struct IntegerArgs {
    input_scale: i32,
    param_scale: i32,
    rebase_scale: Option<i32>,
    scale_rebase_multiplier: u32,
    rebase_frac_zero_constants: bool,
    epsilon: Option<f64>,
    lookup_range: (i128, i128),
    logrows: u32,
    decomp_base: u64,
    decomp_legs: u32,
    ignore_range_check_inputs_outputs: bool,
    output_visibility: Value,
}

/// Reads the `run_args` object of a `settings.json`.
///
/// # Errors
/// [`QuantisationError`] where a field is missing or of another type.
pub fn quantisation(run_args: &Value) -> Result<Quantisation, QuantisationError> {
    let args = IntegerArgs::deserialize(run_args)?;
    let range_checked = !args.ignore_range_check_inputs_outputs;
    // Hashed and committed outputs are not compared inside the model, so not decomposed there.
    let compared = args.output_visibility == "Public" || args.output_visibility == "Fixed";
    Ok(Quantisation {
        input_scale: args.input_scale,
        param_scale: args.param_scale,
        rebase_scale: args.rebase_scale,
        scale_rebase_multiplier: args.scale_rebase_multiplier,
        rebase_frac_zero_constants: args.rebase_frac_zero_constants,
        epsilon: args.epsilon.unwrap_or(f64::EPSILON),
        lookup_range: args.lookup_range,
        logrows: args.logrows,
        decomp_base: args.decomp_base,
        decomp_legs: args.decomp_legs,
        inputs_range_checked: range_checked,
        outputs_range_checked: range_checked && compared,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run_args() -> serde_json::Value {
        json!({
            "input_scale": 13, "param_scale": 12, "rebase_scale": null, "scale_rebase_multiplier": 10,
            "lookup_range": [-694, 542], "logrows": 15, "num_inner_cols": 2, "output_visibility": "Public",
            "rebase_frac_zero_constants": false, "decomp_base": 16384, "decomp_legs": 2,
            "ignore_range_check_inputs_outputs": false, "epsilon": null,
        })
    }

    #[test]
    fn reads_what_ezkl_resolved() {
        let read = quantisation(&run_args()).unwrap();
        assert_eq!((read.input_scale, read.param_scale), (13, 12));
        assert_eq!(read.epsilon.to_bits(), f64::EPSILON.to_bits());
        assert!(read.inputs_range_checked && read.outputs_range_checked);
    }

    #[test]
    fn only_outputs_compared_in_the_model_are_range_checked() {
        let mut args = run_args();
        args["output_visibility"] = json!({"Hashed": {"hash_is_public": true, "outlets": []}});
        assert!(!quantisation(&args).unwrap().outputs_range_checked);
        args["output_visibility"] = json!("Public");
        args["ignore_range_check_inputs_outputs"] = json!(true);
        let read = quantisation(&args).unwrap();
        assert!(!read.inputs_range_checked && !read.outputs_range_checked);
    }

    #[test]
    fn a_missing_field_is_an_error() {
        let mut args = run_args();
        args.as_object_mut().unwrap().remove("logrows");
        assert!(quantisation(&args).is_err());
    }
}
