//! The examples run, as a reader would run them.

use crate::common::{self, printed};
use std::path::{Path, PathBuf};
use std::process::Command;

use evmbench::chain::Fork;

/// An example's program: cargo builds it beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let mut command = Command::new(folder.join("examples").join(name));
    command.env("EVMBENCH_HOME", common::tools().home.root());
    command
}

#[test]
fn prove_layer_and_bring_your_own_onnx() {
    let text = printed(example("prove_layer").args(["dense_small", "7"]));
    assert!(text.contains("verified"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let onnx = folder.path().join("mine.onnx");
    let graph = evmbench::model::layers::build(evmbench::suite::find("dense_small").unwrap(), 0);
    std::fs::write(&onnx, evmbench::model::onnx::write(&graph)).unwrap();
    let input = folder.path().join("input.json");
    std::fs::write(&input, serde_json::to_string(&[vec![0.5_f32; 128]]).unwrap()).unwrap();
    let runs = folder.path().join("runs");
    let text = printed(example("bring_your_own_onnx").args([&onnx, &input, &runs]));
    assert!(text.contains("verified"), "{text}");
}

#[test]
fn verify_again() {
    let record = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results/scaling/dense_small-s7-direct.json");
    let text = printed(example("verify_again").arg(&record));
    let recorded = evmbench::store::load(&record).unwrap();
    let gas = evmbench::metric::Metric::VerificationGas
        .whole(&recorded)
        .unwrap();
    assert!(
        text.contains(&format!("verification gas: {gas} recorded, {gas} now")),
        "{text}"
    );
    assert!(text.ends_with("verified\n"), "{text}");
}

/// By hand: a call is 21,000 gas and its data, at 4 gas a zero byte and 16 another, before it runs.
#[test]
fn measure_call() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("Seven.sol");
    let text = "pragma solidity ^0.8.0; contract Seven { \
        function isSeven(uint256 value) external pure returns (bool) { return value == 7; } }";
    std::fs::write(&source, text).unwrap();
    let calls = folder.path().join("calls");
    std::fs::write(&calls, format!("{:064x}\n{:064x}\n", 7, 8)).unwrap();
    let measure = |function| {
        let mut command = example("measure_call");
        command
            .arg(&source)
            .args(["Seven", function])
            .stdin(std::fs::File::open(&calls).unwrap());
        command
    };
    let measured: serde_json::Value = serde_json::from_str(&printed(&mut measure("isSeven"))).unwrap();
    let forks = measured["forks"].as_array().unwrap();
    assert_eq!(forks.len(), Fork::ALL.len());
    for (fork, of) in forks.iter().zip(Fork::ALL) {
        assert_eq!(fork["fork"], of.name());
        assert_eq!(
            fork["deployment"]["runtime_code_bytes"],
            measured["runtime_code_bytes"]
        );
        let [seven, eight] = &fork["calls"].as_array().unwrap()[..] else {
            panic!("{fork}");
        };
        assert_eq!(seven["verdict"]["verdict"], "accepted");
        assert_eq!(eight["verdict"]["verdict"], "returned_other");
        if of == Fork::Osaka {
            let size = &seven["calldata"];
            let bytes = |kind: &str| size[kind].as_u64().unwrap();
            assert_eq!(bytes("calldata_bytes"), 36);
            let data = 4 * bytes("zero_bytes") + 16 * bytes("nonzero_bytes");
            assert_eq!(seven["gas"]["intrinsic_gas"], 21_000 + data);
        }
    }
    let failed = measure("isEight").output().unwrap();
    assert!(!failed.status.success());
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(said.contains("Seven has no isEight"), "{said}");
}
