//! The fixtures of `contracts/test/fixtures`: each is what evmbench writes, to the byte.
//!
//! To renew what evmbench measures in them: `UPDATE_FIXTURES=1 cargo test --test suite foundry::`.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::ForgeFixture;
use evmbench::foundry::{FIXTURE_FILE, Fixture, SOURCE_FILE};
use evmbench::prover::{Committed, ContractForm, commitment_basis};
use evmbench::store;

fn fixtures() -> PathBuf {
    common::root("contracts/test/fixtures")
}

fn export(record: &Path, out: &Path) -> Output {
    common::evmbench()
        .arg("export-foundry")
        .arg(record)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap()
}

/// Compares the files of two folders, or replaces those of the first.
#[track_caller]
fn assert_same(committed: &Path, written: &Path) {
    for name in [SOURCE_FILE, FIXTURE_FILE] {
        let text = std::fs::read_to_string(written.join(name)).unwrap();
        let path = committed.join(name);
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::create_dir_all(committed).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            text,
            "{} is out of date",
            path.display()
        );
    }
}

#[test]
fn every_fixture_is_what_evmbench_makes_of_its_source_and_proofs() {
    let mut found = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        found += 1;
        let given = ForgeFixture::read(folder.file_name().unwrap().to_str().unwrap());
        // The key's digest is taken as it is; that it is right, the accepted challenges show (tests/suite/committed.rs).
        let committed = given.committed.map(|committed| {
            let ContractForm::Plain(constants) = ContractForm::read(&given.source) else {
                panic!("{}: a plain verifier", folder.display());
            };
            Committed {
                basis: commitment_basis(&constants),
                ..committed
            }
        });
        let (code, calls) = (given.code(), &given.calls);
        let fixture = Fixture::measure(given.kind, given.fork, code, calls, committed).unwrap();
        assert!(
            fixture.proofs.iter().all(|proof| proof.accepted),
            "{}",
            folder.display()
        );
        let written = tempfile::tempdir().unwrap();
        fixture.write(&given.source, written.path()).unwrap();
        assert_same(&folder, written.path());
    }
    assert_eq!(found, 8);
}

#[test]
fn a_record_is_exported_with_the_figures_that_it_holds() {
    let path = common::root("results/scaling/dense_small-s7-direct.json");
    let out = tempfile::tempdir().unwrap();
    let output = export(&path, out.path());
    assert!(output.status.success(), "{output:?}");
    let folder = out.path().join("dense_small-s7-direct");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim(),
        folder.to_str().unwrap()
    );
    assert_same(&fixtures().join("dense_small-s7-direct"), &folder);

    let record = store::load(&path).unwrap();
    let text = std::fs::read_to_string(folder.join(FIXTURE_FILE)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let verifier = record.verifier.unwrap();
    assert_eq!(json["runtime_code_bytes"], verifier.runtime_code_bytes);
    assert_eq!(json["runtime_code_hash"], verifier.runtime_code_hash.to_string());
    assert_eq!(
        json["deployment"]["tx_gas"],
        record.deployment.unwrap().gas.tx_gas
    );
    let verification = record.verification.unwrap();
    assert_eq!(json["proofs"][0]["accepted"], true);
    assert_eq!(
        json["proofs"][0]["gas"]["tx_gas"],
        verification.gas.unwrap().tx_gas
    );
}

#[test]
fn the_verifier_fixtures_are_in_both_forms() {
    for name in ["dense_4x2", "relu_4x4"] {
        let original =
            |file| std::fs::read_to_string(common::fixture(&format!("verifier/{name}/{file}"))).unwrap();
        let exported = |file| std::fs::read_to_string(fixtures().join(name).join(file)).unwrap();
        assert_eq!(exported(SOURCE_FILE), original("Verifier.sol"));
        let fixture = exported(FIXTURE_FILE);
        assert!(fixture.contains(original("proof.hex").trim()));
        assert!(fixture.contains(original("creation-code.hex").trim()));
    }
}

#[test]
fn a_record_without_a_proof_cannot_be_exported() {
    let out = tempfile::tempdir().unwrap();
    let output = export(&common::root("results/core/layernorm-s7-direct.json"), out.path());
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("has no evidence"), "{stderr}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}
