//! The walls between the crates: what may depend on what, as docs/architecture.md says it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::common::root;

/// The crates of this workspace, each with what it depends on, tests apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root("."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
            (
                text(&package["name"]),
                normal.map(|dependency| text(&dependency["name"])).collect(),
            )
        })
        .collect()
}

/// The rows of the table of crates in docs/architecture.md: a crate and the crates of this workspace that it may know.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let document = std::fs::read_to_string(root("docs/architecture.md")).unwrap();
    let names =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows = document.lines().filter(|line| line.starts_with("| `evmbench"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let name = names(cells[1]).pop_first().unwrap();
        (name, names(cells[3]))
    })
    .collect()
}

#[test]
fn crates_know_what_the_document_says_and_nothing_else() {
    let own = |name: &String| name.starts_with("evmbench");
    let found: BTreeMap<String, BTreeSet<String>> = dependencies()
        .into_iter()
        .map(|(name, known)| (name, known.into_iter().filter(own).collect()))
        .collect();
    assert_eq!(found, documented());
}

/// What would spread if nobody looked: one crate each.
#[test]
fn some_dependencies_have_one_owner() {
    let all = dependencies();
    let owners = |dependency: &str| -> Vec<&str> {
        let owners = all.iter().filter(|(_, known)| known.contains(dependency));
        owners.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(owners("revm"), ["evmbench-evm"]);
    assert_eq!(owners("foundry-compilers-artifacts"), ["evmbench-evm"]);
    assert_eq!(owners("tract-onnx"), ["evmbench-model"]);
    assert_eq!(owners("burn"), ["evmbench"]);
}
