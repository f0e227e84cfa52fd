//! The examples run, as a reader would run them.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An example's program: cargo builds it beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let mut command = Command::new(folder.join("examples").join(name));
    command.env("EVMBENCH_HOME", common::tools().home.root());
    command
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn prove_layer_and_bring_your_own_onnx() {
    let text = succeeds(example("prove_layer").args(["dense_small", "7"]));
    assert!(text.contains("verified"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let onnx = folder.path().join("mine.onnx");
    let graph = evmbench::model::layers::build(evmbench::suite::find("dense_small").unwrap(), 0);
    std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
    let input = folder.path().join("input.json");
    std::fs::write(&input, serde_json::to_string(&[vec![0.5_f32; 128]]).unwrap()).unwrap();
    let runs = folder.path().join("runs");
    let text = succeeds(example("bring_your_own_onnx").args([&onnx, &input, &runs]));
    assert!(text.contains("verified"), "{text}");
}

#[test]
fn verify_again() {
    let record = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results/scaling/dense_small-s7-direct.json");
    let text = succeeds(example("verify_again").arg(record));
    assert!(
        text.contains("verification gas: 742097 recorded, 742097 now"),
        "{text}"
    );
    assert!(text.ends_with("verified\n"), "{text}");
}
