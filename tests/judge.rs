//! Circuits that EZKL makes of a model and that the exact integer reference does not cover: none is verified as another function.
//!
//! The tests drive the program; `EVMBENCH_BIN` names another one to try them on. A wrong function is found before keys are
//! made, so that nothing here but the good models is proved. The fixture `expand.onnx` is a node test of ONNX's (Apache 2.0).

mod common;

use std::path::PathBuf;

use evmbench::record::{Outcome, Record};

fn model(name: &str) -> PathBuf {
    common::fixture("function").join(name)
}

/// Exit status, record where there is one, and stderr.
fn run(model: &str, more: &[&str]) -> (Option<i32>, Option<Record>, String) {
    let out = tempfile::tempdir().unwrap();
    let output = common::evmbench()
        .args([
            "prove-and-verify",
            "--circuit",
            "direct",
            "--runs",
            "1",
            "--json",
            "--onnx",
        ])
        .arg(self::model(model))
        .arg("--out")
        .arg(out.path())
        .args(more)
        .output()
        .unwrap();
    let record = serde_json::from_slice(&output.stdout).ok();
    (
        output.status.code(),
        record,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Refused, or found to be another function before a proof was made; never verified.
#[track_caller]
fn is_not_verified(model: &str) {
    let (status, record, stderr) = run(model, &[]);
    assert_ne!(status, Some(0), "{model}: {stderr}");
    let Some(record) = record else {
        assert!(stderr.contains("hint: "), "{model}: {stderr}");
        return;
    };
    let outcome = &record.outcome;
    assert!(
        matches!(outcome, Outcome::WrongFunction { .. } | Outcome::Imprecise { .. }),
        "{model}: {outcome}"
    );
    assert!(record.function.is_some(), "{model}");
    if matches!(outcome, Outcome::WrongFunction { .. }) {
        assert!(
            record.proof.is_none() && record.keys.is_none(),
            "{model}: it is not proved"
        );
    }
}

#[test]
fn a_misread_batch_axis_is_noticed_whatever_stands_between_convolutions() {
    is_not_verified("misread_leaky_net.onnx");
    is_not_verified("misread_relu6.onnx");
}

#[test]
fn pools_of_another_definition_are_noticed() {
    is_not_verified("padded_max.onnx");
    is_not_verified("conv_padded_max.onnx");
    is_not_verified("avgpool_excluding_pads.onnx");
    is_not_verified("mean_of_49.onnx");
}

#[test]
fn data_movements_and_casts_of_another_definition_are_noticed() {
    is_not_verified("resize_half_pixel.onnx");
    is_not_verified("cast_to_integer.onnx");
    is_not_verified("expand.onnx");
}

/// Outputs of some units: whatever EZKL computes is within the tolerance, which says nothing.
#[test]
fn outputs_that_are_lost_in_rounding_are_imprecise() {
    let (status, record, stderr) = run("tiny_outputs.onnx", &[]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!(status, Some(1));
    assert!(
        matches!(record.outcome, Outcome::Imprecise { .. }),
        "{}",
        record.outcome
    );
    assert!(record.verification.is_some(), "what it costs is measured");
}

/// A good model is verified, and the record says by what it was judged.
#[test]
fn a_good_model_is_verified() {
    let (status, record, stderr) = run("leaky_dense.onnx", &["--scale", "10"]);
    let record = record.unwrap_or_else(|| panic!("{stderr}"));
    assert_eq!(record.outcome, Outcome::Verified, "{:?}", record.function);
    assert_eq!(status, Some(0));
    let check = record.function.unwrap();
    assert!(check.reference.starts_with("onnxruntime "), "{}", check.reference);
    assert_eq!(check.inputs, 8);
    assert!(check.max_error.unwrap() <= check.tolerance.unwrap());
    assert!(check.tolerance.unwrap() <= 0.05 * check.output_range);
    let text = serde_json::to_string(&record.ledger).unwrap();
    assert!(
        text.contains("within_tolerance") && text.contains("onnxruntime"),
        "{text}"
    );
}

/// The seeded input has negative elements, of which the model gives NaN.
#[test]
fn an_input_without_a_result_is_not_verified() {
    is_not_verified("logarithm.onnx");
}
