//! The Forge tests of `contracts/test`, run by the pinned forge with the pinned solc, both installed from npm where they are
//! not there yet.
//!
//! Gas and sizes are compared with `contracts/snapshots`. To renew those: `UPDATE_SNAPSHOTS=1 cargo test --test forge`.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use evmbench::home::Home;
use evmbench::nodes::{FOUNDRY_VERSION, Foundry};
use evmbench::{foundry, store};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the tests that match (all without a filter), and returns what forge said. One run at a time: they share the folder of what is compiled.
#[track_caller]
fn forge_test(matching: &[&str], environment: &[(&str, &str)]) -> String {
    static FORGE: OnceLock<Mutex<Foundry>> = OnceLock::new();
    let forge = FORGE.get_or_init(|| {
        let home = Home::from_environment().expect("a home folder");
        Mutex::new(Foundry::obtain(&home.foundry(FOUNDRY_VERSION)).expect("forge is installed"))
    });
    // A run that failed leaves forge as it was.
    let forge = forge.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut command = Command::new(forge.forge());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOUNDRY_") {
            command.env_remove(name);
        }
    }
    let output = command
        .args(["test", "--offline", "--isolate", "--use"])
        .arg(common::solc().path())
        .args(matching)
        .envs(environment.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    assert!(said.contains(" tests passed, 0 failed, 0 skipped"), "{said}");
    said
}

#[test]
fn every_forge_test_passes_and_every_snapshot_holds() {
    let renewed = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let check = if renewed { "false" } else { "true" };
    let said = forge_test(&[], &[("FORGE_SNAPSHOT_CHECK", check)]);
    for contract in [
        "Classifier",
        "Exported",
        "Field",
        "GuardedReusableVerifier",
        "GuardedVerifier",
        "Halo2Verifier",
        "Halo2VerifierReusable",
    ] {
        assert!(said.contains(&format!("{contract}.t.sol:{contract}Test")), "{said}");
    }
}

/// The published records: their verifiers, in forge, accept their proofs for the gas that the records say.
#[test]
fn forge_agrees_with_every_published_record() {
    let folder = Path::new("target/forge/records");
    let out = root().join(folder);
    if out.exists() {
        std::fs::remove_dir_all(&out).unwrap();
    }
    let mut exported = 0;
    for suite in std::fs::read_dir(root().join("results")).unwrap() {
        let suite = suite.unwrap().path();
        if !suite.is_dir() || suite.ends_with("logs") {
            continue;
        }
        for entry in std::fs::read_dir(suite).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let record = store::load(&path).unwrap();
            if record.verification.is_some() {
                foundry::export(&path, &record, &out).unwrap();
                exported += 1;
            }
        }
    }
    assert!(exported > 0);
    forge_test(
        &["--match-contract", "ExportedTest"],
        &[("EVMBENCH_FIXTURES", folder.to_str().unwrap())],
    );
}
