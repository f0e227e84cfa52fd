//! The walls between the crates: what may depend on what, as docs/architecture.md says it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use evmbench::chain::Fork;
use evmbench::metric::{Metric, Unit};
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

/// The sources below a folder, each with its path and without its tests.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root(folder)];
    while let Some(here) = folders.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("\nmod tests {").next().unwrap_or_default();
                found.push((path, code.to_owned()));
            }
        }
    }
    found
}

/// A column that holds a metric takes its heading from the list.
#[test]
fn no_column_goes_round_the_list_of_metrics() {
    let figures = Metric::all()
        .into_iter()
        .filter(|metric| metric.unit() != Unit::Words);
    let headings: BTreeSet<String> = figures
        .flat_map(|metric| [metric.heading(), metric.name()])
        .map(Cow::into_owned)
        .collect();
    let mut columns = 0;
    for (path, code) in ["src/cli", "src/report", "src/compare"].map(sources).concat() {
        for column in code.split("Column::").skip(1) {
            let arguments = column.split_once('(').map_or("", |(_, arguments)| arguments);
            let Some(literal) = arguments.trim_start().strip_prefix('"') else {
                continue;
            };
            let name = literal.split('"').next().unwrap_or_default();
            columns += 1;
            assert!(!headings.contains(name), "{}: {name}", path.display());
        }
    }
    assert!(columns > 100, "{columns}");
}

/// A fork is a definition and anvil's flag; everything else goes by the list of forks.
#[test]
fn forks_are_named_where_they_are_defined() {
    let allowed = ["chain/fork.rs", "nodes/hardfork.rs"];
    for (path, code) in ["src", "crates/evm/src/chain", "crates/evm/src/nodes"]
        .map(sources)
        .concat()
    {
        if allowed.iter().any(|allowed| path.ends_with(allowed)) {
            continue;
        }
        for fork in Fork::ALL {
            for named in [format!("\"{}\"", fork.name()), format!("Fork::{}", fork.title())] {
                assert!(!code.contains(&named), "{}: {named}", path.display());
            }
        }
    }
}
