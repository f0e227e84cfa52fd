//! The walls between the crates: what may depend on what, as docs/architecture.md says it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use evmbench::chain::Fork;
use evmbench::metric::{Metric, Unit};
use serde_json::Value;

use crate::common::{printed, root};

/// What cargo prints in this workspace.
fn cargo(arguments: &[&str]) -> String {
    printed(Command::new(env!("CARGO")).args(arguments).current_dir(root(".")))
}

/// The crates of this workspace, each with what it depends on, tests apart.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let printed = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let metadata: Value = serde_json::from_str(&printed).unwrap();
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
    assert_eq!(owners("foundry-compilers-artifacts-solc"), ["evmbench-evm"]);
    assert_eq!(owners("tract-onnx"), ["evmbench-model"]);
    assert_eq!(owners("burn"), ["evmbench-train"]);
    assert_eq!(owners("ureq"), ["evmbench-cifar10", "evmbench-rpc"]);
}

/// A user's first command compiles every crate that the default features need.
#[test]
fn the_default_features_need_few_crates() {
    const MOST: usize = 300;
    let of = ["tree", "--locked", "--offline", "-e", "normal,build"];
    let tree = cargo(&[&of[..], &["--prefix", "none", "--format", "{p}"]].concat());
    // Name and version; behind them is where the crate is from, and a mark where its own tree is not repeated.
    let names: BTreeSet<Vec<&str>> = tree
        .lines()
        .map(|line| line.split(' ').take(2).collect())
        .filter(|name: &Vec<&str>| name.len() == 2)
        .collect();
    assert!(names.len() <= MOST, "{} names: {names:?}", names.len());
    assert!(names.len() > MOST / 2, "{names:?}");
}

/// The folders of the crates below `crates/`.
fn crates() -> Vec<String> {
    let entries = std::fs::read_dir(root("crates")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// What the root package holds beside the program's commands belongs in a crate.
#[test]
fn the_root_is_the_program_and_a_facade() {
    let entries = std::fs::read_dir(root("src")).unwrap();
    let names: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["cli", "lib.rs", "main.rs"].map(str::to_owned).into());
}

/// Source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// The first names of paths that begin with `top`, or with as many `super::` as lead there from a file.
fn named_from<'a>(top: &'static str, code: &'a str, supers: usize) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = |path: &'static str| {
        let places = code.match_indices(path).filter(move |(at, _)| {
            let before = &code[..*at];
            path == top || !before.ends_with("super::")
        });
        places.map(move |(at, _)| &code[at..])
    };
    let from_top = names(top).map(|rest| &rest[top.len()..]);
    let from_super = names("super::").filter_map(|rest| {
        let after = rest.trim_start_matches("super::");
        (rest.len() - after.len() == supers * "super::".len()).then_some(after)
    });
    from_top
        .chain(from_super)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or(group).split(',').collect(),
            None => vec![rest],
        })
        .map(|name| {
            let name = name.trim_start();
            &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())]
        })
        .collect()
}

/// The modules in a folder, each with those of them that it names, tests apart. `top` is the path of the folder's own module.
fn modules(folder: &str, top: &'static str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = root(folder);
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&folder) {
        let inside = path.strip_prefix(&folder).unwrap().with_extension("");
        let mut parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        if parts == ["lib"] || parts == ["mod"] || parts.last() == Some(&"tests") {
            continue;
        }
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&text);
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code: String = lines.flat_map(|line| [line, "\n"]).collect();
        let named = named_from(top, &code, parts.len());
        let named = named
            .into_iter()
            .filter(|name| *name != parts[0])
            .map(str::to_owned);
        modules.entry(parts[0].to_owned()).or_default().extend(named);
    }
    let own: BTreeSet<String> = modules.keys().cloned().collect();
    for named in modules.values_mut() {
        named.retain(|name| own.contains(name));
    }
    modules
}

#[test]
fn no_modules_of_a_crate_know_each_other() {
    let crates = crates();
    assert!(crates.len() > 20, "{crates:?}");
    let crates = crates
        .iter()
        .map(|krate| (format!("crates/{krate}/src"), "crate::"));
    for (folder, top) in crates.chain([("src/cli".to_owned(), "crate::cli::")]) {
        let mut modules = modules(&folder, top);
        // What names nothing that is left is taken away, until nothing is left but cycles.
        while let Some(leaf) = modules.iter().find(|(_, named)| named.is_empty()) {
            let leaf = leaf.0.clone();
            modules.remove(&leaf);
            for named in modules.values_mut() {
                named.remove(&leaf);
            }
        }
        assert!(modules.is_empty(), "{folder}: a cycle is among {modules:?}");
    }
}

#[test]
fn the_modules_of_the_model_are_found() {
    let modules = modules("crates/model/src", "crate::");
    let named = |name: &str| -> Vec<&str> { modules[name].iter().map(String::as_str).collect() };
    assert_eq!(named("tensor"), [""; 0]);
    assert_eq!(named("graph"), ["ops", "tensor"]);
    assert_eq!(named("ops"), ["program", "tensor", "wire"]);
}

/// docs/architecture.md has the model's modules in lines, each of which uses those of its own line and of the lines above.
#[test]
fn the_modules_of_the_model_stand_in_their_order() {
    let document = std::fs::read_to_string(root("docs/architecture.md")).unwrap();
    let (_, section) = document.split_once("## Inside `evmbench-model`").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let lines: Vec<BTreeSet<String>> = rows
        .map(|row| {
            let names = row.split('|').next().unwrap_or_default().split(',');
            names
                .map(|name| name.trim().trim_matches('`').to_owned())
                .collect()
        })
        .collect();
    let modules = modules("crates/model/src", "crate::");
    let mut above = BTreeSet::new();
    for line in &lines {
        above.extend(line.iter().cloned());
        for name in line {
            let named = modules.get(name).unwrap_or_else(|| panic!("no module {name}"));
            let below: Vec<&String> = named.difference(&above).collect();
            assert!(
                below.is_empty(),
                "{name} uses {below:?}, which stand in later lines"
            );
        }
    }
    let missing: Vec<&String> = modules.keys().filter(|name| !above.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The sources below a folder, each with its path and without its tests.
fn code_below(folder: &str) -> Vec<(PathBuf, String)> {
    sources(&root(folder))
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("\nmod tests {").next().unwrap_or_default();
            (path, code.to_owned())
        })
        .collect()
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
    for (path, code) in ["src/cli", "crates/report/src"].map(code_below).concat() {
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
    let folders = crates().into_iter().map(|krate| format!("crates/{krate}/src"));
    let folders = folders.chain(["src".to_owned()]);
    for (path, code) in folders.flat_map(|folder| code_below(&folder)) {
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
