//! What the tests share: one set-up of the tools for all of them. Not every test uses all of it.
#![allow(unreachable_pub)]

pub mod browser;
pub mod models;
pub mod slurm;
mod solc;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use alloy_primitives::{B256, Bytes, U256};
use assert_cmd::cargo::CommandCargoExt as _;
use evmbench::chain::Fork;
use evmbench::chain::calldata::VerifyCall;
use evmbench::foundry::{FIXTURE_FILE, SOURCE_FILE};
use evmbench::guard::{GuardContracts, VerifierCode};
use evmbench::home::Home;
use evmbench::model::graph::{Concat, Graph, Op};
use evmbench::nodes::Foundry;
use evmbench::prover::{Committed, Toolchain, VerifierKind};
use evmbench::solidity::{CompileOptions, CompiledContract, Solc};
use evmbench::store;
use serde::Deserialize;
use tempfile::TempDir;

/// The program: this build's, or the one that `EVMBENCH_BIN` names, so that a test can be tried on an older one. It finds the
/// compiler that keeps its answers.
pub fn evmbench() -> Command {
    let mut command = std::env::var_os("EVMBENCH_BIN")
        .map_or_else(|| Command::cargo_bin("evmbench").unwrap(), Command::new);
    command.env("PATH", solc::path());
    command
}

/// The forks that anvil and forge know.
pub fn forks_of_foundry() -> Vec<Fork> {
    let mut forks = Fork::ALL.to_vec();
    forks.retain(|&fork| Foundry::knows(fork));
    forks
}

/// What the program said.
#[derive(Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn say(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// `prove-and-verify --dry-run` with these arguments, in a folder of its own.
pub fn dry_run(arguments: &[&str]) -> Said {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("runs");
    let said = say(evmbench()
        .args(["prove-and-verify", "--dry-run", "--out"])
        .arg(out)
        .args(arguments));
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}

/// EZKL, installed once into the usual cache folder.
pub struct Tools {
    pub home: Home,
    pub toolchain: Toolchain,
}

/// The tools; the first caller of all installs them.
pub fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        let toolchain = Toolchain::install(&home).expect("EZKL is installed");
        Tools { home, toolchain }
    })
}

/// The compiler, which keeps its answers; the first caller installs it.
pub fn solc() -> &'static Solc {
    solc::keeping()
}

/// The compiler as it is installed.
pub fn installed_solc() -> &'static Solc {
    solc::installed()
}

/// The guards, as the program carries them.
pub fn guards() -> &'static GuardContracts {
    GuardContracts::carried()
}

/// What a command prints.
///
/// # Panics
/// It does not run, or fails; with what it prints of the reason.
#[track_caller]
pub fn printed(command: &mut std::process::Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Every how many cases of a test one is tried: of every so many a sample, and every one where `EVMBENCH_FULL_CHECK` is set.
pub fn step(sampled: usize) -> usize {
    if std::env::var_os("EVMBENCH_FULL_CHECK").is_some() {
        1
    } else {
        sampled
    }
}

/// How many cases of a test are drawn: so many, or `EVMBENCH_CASES_FACTOR` times as many. Proptest's tests have `PROPTEST_CASES`.
pub fn cases(sampled: u64) -> u64 {
    let factor = std::env::var("EVMBENCH_CASES_FACTOR");
    sampled * factor.map_or(1, |text| text.parse().expect("EVMBENCH_CASES_FACTOR is a number"))
}

/// A layer graph from its operators, one after the other; a product is a square.
pub fn chain(input_shape: &[usize], ops: Vec<Op>) -> Graph {
    let mut graph = Graph::default();
    let mut last = graph.input("input", input_shape).unwrap();
    for (index, op) in ops.into_iter().enumerate() {
        let inputs = vec![last; if op == Op::Mul { 2 } else { 1 }];
        last = graph
            .apply(&format!("n{index}"), &format!("v{index}"), op, &inputs)
            .unwrap();
    }
    graph.outputs.push(last);
    graph
}

/// The input beside what a chain of operators makes of it, along an axis.
pub fn beside_itself(input_shape: &[usize], axis: usize, branch: Vec<Op>) -> Graph {
    let mut graph = chain(input_shape, branch);
    let both = Op::Concat(Concat { axis });
    let branches = [graph.inputs[0], graph.outputs[0]];
    graph.outputs = vec![graph.apply("both", "side by side", both, &branches).unwrap()];
    graph
}

/// Copies a folder, with what is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            std::fs::copy(&path, copy).unwrap();
        }
    }
}

/// A file below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A file or folder below the repository's root.
pub fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every record below `results`.
pub fn record_paths() -> Vec<PathBuf> {
    let results = root("results");
    let paths = store::record_paths(&results).unwrap();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| results.join(path)).collect()
}

/// A fixture of `contracts/test/fixtures`, less what was measured, and its contract compiled again.
pub struct ForgeFixture {
    pub kind: VerifierKind,
    pub fork: Fork,
    pub calls: Vec<VerifyCall>,
    pub committed: Option<Committed>,
    pub source: String,
    pub compiled: CompiledContract,
}

impl ForgeFixture {
    pub fn read(name: &str) -> Self {
        #[derive(Deserialize)]
        struct Given {
            contract: String,
            fork: Fork,
            committed: Option<Committed>,
            proofs: Vec<GivenProof>,
        }
        #[derive(Deserialize)]
        struct GivenProof {
            proof: Bytes,
            instances: Vec<U256>,
            key: Vec<B256>,
        }
        let read =
            |file| std::fs::read_to_string(root("contracts/test/fixtures").join(name).join(file)).unwrap();
        let given: Given = serde_json::from_str(&read(FIXTURE_FILE)).unwrap();
        let source = read(SOURCE_FILE);
        let call = |given: GivenProof| VerifyCall {
            proof: given.proof.to_vec(),
            instances: given.instances,
            key_artifact: (!given.key.is_empty()).then_some(given.key),
        };
        let kinds = [VerifierKind::Plain, VerifierKind::Reusable];
        let is_meant = |kind: &VerifierKind| kind.contract() == given.contract;
        Self {
            kind: kinds.into_iter().find(is_meant).unwrap(),
            fork: given.fork,
            committed: given.committed,
            calls: given.proofs.into_iter().map(call).collect(),
            compiled: solc()
                .compile(&source, &given.contract, &CompileOptions::default())
                .unwrap(),
            source,
        }
    }

    pub fn code(&self) -> VerifierCode<'_> {
        VerifierCode {
            creation: &self.compiled.creation_code,
            runtime: &self.compiled.runtime_code,
        }
    }
}

/// A number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect();
    groups.join(",")
}

/// Holds the text between a document's markers against what the records say.
#[track_caller]
pub fn assert_table(document: &str, name: &str, table: &str) {
    /// Several tests write tables into one document.
    static DOCUMENTS: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = DOCUMENTS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = root(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (
        format!("<!-- {name}: begin -->\n"),
        format!("<!-- {name}: end -->"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{document} has no {begin}"));
    let (found, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("{document} has no {end}"));
    if std::env::var_os("UPDATE_TABLES").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, table, "{document}: {name}");
    }
}

/// A table as GitHub's Markdown has it: text in the first column, figures in the others.
pub fn markdown(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(heading.iter().map(|&cell| cell.to_owned()).collect());
    let rule = (0..heading.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned());
    text += &line(rule.collect());
    text.extend(rows.into_iter().map(line));
    text
}
