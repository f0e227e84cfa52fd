//! The Forge tests of `contracts/test`, run by the pinned forge with the pinned solc, both installed from npm where they are
//! not there yet.
//!
//! Gas and sizes are compared with `contracts/snapshots`, here and not by forge: its own check (1.7.1) lets a difference pass,
//! and rewrites the file, where two test contracts write into one. To renew them:
//! `UPDATE_SNAPSHOTS=1 cargo test --test suite forge::`.

use crate::common;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use evmbench::foundry;
use evmbench::home::Home;
use evmbench::nodes::{FOUNDRY_VERSION, Foundry};
use evmbench::store::StoredRun;

/// Runs the tests that match (all without a filter), and returns what forge said.
#[track_caller]
fn forge_test(matching: &[&str], environment: [(&str, &str); 1]) -> String {
    let output = forge_test_in(&common::root(""), matching, &environment);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    assert!(said.contains(" tests passed, 0 failed, 0 skipped"), "{said}");
    said
}

/// Runs the tests of a project that match. One run at a time: those of one project share the folder of what is compiled.
pub(crate) fn forge_test_in(project: &Path, matching: &[&str], environment: &[(&str, &str)]) -> Output {
    static FORGE: OnceLock<Mutex<Foundry>> = OnceLock::new();
    let forge = FORGE.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        Mutex::new(Foundry::obtain(&home.foundry(FOUNDRY_VERSION)).expect("forge is installed"))
    });
    // A run that failed leaves forge as it was.
    let forge = forge.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut command = Command::new(forge.forge());
    // The settings are those of the project's foundry.toml, whatever the machine's own are.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["FOUNDRY_", "FORGE_", "DAPP_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
        .args(["test", "--offline", "--use"])
        .arg(common::solc().path())
        .args(matching)
        .envs(environment.iter().copied())
        .current_dir(project)
        .output()
        .unwrap()
}

#[test]
fn every_forge_test_passes_and_every_snapshot_holds() {
    let folder = "target/forge/snapshots";
    let written = emptied(folder);
    let said = forge_test(&[], [("FOUNDRY_SNAPSHOTS", folder)]);
    for contract in [
        "BatchCommitted",
        "BatchScores",
        "BatchVerifier",
        "Classifier",
        "Commitments",
        "Exported",
        "Field",
        "GuardedCommitted",
        "GuardedReusableCommitted",
        "GuardedReusableVerifier",
        "GuardedVerifier",
        "Halo2Verifier",
        "Halo2VerifierReusable",
        "LinkedCommitted",
        "LinkedOpenings",
    ] {
        let suite = format!("{contract}.t.sol:{contract}Test");
        assert!(said.contains(&suite), "{said}");
    }
    let found = files(&written);
    assert!(!found.is_empty());
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let committed = emptied("contracts/snapshots");
        for (name, text) in &found {
            std::fs::write(committed.join(name), text).unwrap();
        }
    }
    let committed = files(&common::root("contracts/snapshots"));
    assert_eq!(committed, found, "contracts/snapshots is out of date");
}

/// The published records: their verifiers, in forge, accept their proofs for the gas that the records say.
#[test]
fn forge_agrees_with_every_published_record() {
    let folder = "target/forge/records";
    let out = emptied(folder);
    let mut exported = 0;
    for path in common::record_paths() {
        let run = StoredRun::open(&path).unwrap();
        if run.record().verification.is_some() {
            foundry::export(&run, &out).unwrap();
            exported += 1;
        }
    }
    assert!(exported > 0);
    forge_test(
        &["--match-contract", "ExportedTest"],
        [("EVMBENCH_FIXTURES", folder)],
    );
}

/// A folder of the repository, with nothing in it.
fn emptied(folder: &str) -> PathBuf {
    let path = common::root(folder);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The files of a folder: names and texts, each ending in a line break.
fn files(folder: &Path) -> BTreeMap<String, String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, text.trim_end().to_owned() + "\n")
        })
        .collect()
}
