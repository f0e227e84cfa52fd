//! The fixtures of `contracts/test/fixtures`: each is what evmbench writes, to the byte.
//!
//! To renew what evmbench measures in them: `UPDATE_FIXTURES=1 cargo test --test suite foundry::`.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::ForgeFixture;
use crate::forge::forge_test_in;
use alloy_primitives::B256;
use evmbench::foundry::{FIXTURE_FILE, Fixture, OPENING_FILE, SOURCE_FILE, deploy, set};
use evmbench::prover::{Committed, ContractForm, commitment_basis};
use evmbench::record::digest;
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

/// The published set of the fewest public values; one of another evmbench, whose record tells of no openings; one with public values.
const SETS: [&str; 3] = [
    "results/parts/scaling/conv2d_small-s7-committed-part2of2-4ba72d78.json",
    "tests/fixtures/records/F1-s4-committed-part2of2-ebf94d46.json",
    "results/classic/resnet20-s7-committed-part3of3-9fb18b2b.json",
];

/// Exports a record, and returns its folder.
#[track_caller]
fn exported(record: &Path, out: &Path) -> PathBuf {
    let output = export(record, out);
    assert!(output.status.success(), "{output:?}");
    out.join(record.file_stem().unwrap())
}

#[test]
fn the_project_of_a_set_verifies_it_for_the_recorded_gas() {
    for path in SETS {
        let path = common::root(path);
        let out = tempfile::tempdir().unwrap();
        let folder = exported(&path, out.path());
        let set = store::load(&path).unwrap().set.unwrap();
        for part in 0..set.parts.len() {
            for file in [SOURCE_FILE, OPENING_FILE] {
                assert!(folder.join(set::part_folder(part)).join(file).exists());
            }
        }
        assert!(!folder.join(deploy::SCRIPT_FILE).exists());
        let test = std::fs::read_to_string(folder.join(set::TEST_FILE)).unwrap();
        let measured = &set.measurement;
        let one_pairing = measured.one_pairing.as_ref();
        let figures = std::iter::once(measured.verification).chain(one_pairing.map(|one| one.verification));
        for gas in figures {
            let returned = format!("return {};", gas.tx_gas);
            assert!(test.contains(&returned), "{}: {returned}", path.display());
        }
        let output = forge_test_in(&folder, &[], &[]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        for contract in ["LinkedCommittedTest", "LinkedOpeningsTest"] {
            assert!(said.contains(&format!("Set.t.sol:{contract}")), "{said}");
        }
        for passed in [
            "[PASS] test_acceptsTheSetForTheMeasuredGas()",
            "[PASS] testFuzz_refusesAChangedByteOfAnyProof(",
            "[PASS] test_refusesAChangedStatement()",
            "[PASS] test_refusesExchangedParts()",
            "[PASS] test_refusesAPartInPlaceOfAnother()",
            "[PASS] test_refusesASetThatLacksAPart()",
        ] {
            assert_eq!(said.matches(passed).count(), 2, "{passed}: {said}");
        }
    }
}

/// The tests of a project fail where they must: of another gas, of a set that is not accepted, and of a contract that accepts anything.
#[test]
fn the_project_of_a_set_finds_what_is_wrong() {
    let path = common::root(SETS[1]);
    let out = tempfile::tempdir().unwrap();
    let folder = exported(&path, out.path());
    let file = folder.join(set::TEST_FILE);
    let right = std::fs::read_to_string(&file).unwrap();
    let gas = store::load(&path)
        .unwrap()
        .set
        .unwrap()
        .measurement
        .verification
        .tx_gas;
    let failed = |from: &str, to: &str| {
        assert!(right.contains(from), "{from}");
        std::fs::write(&file, right.replacen(from, to, 1)).unwrap();
        let output = forge_test_in(&folder, &["--match-contract", "LinkedCommittedTest"], &[]);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Each failure is told where it happens, and again at the end.
        let mut failed: Vec<String> = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("[FAIL")?.split_once("] "))
            .filter_map(|(_, rest)| Some(rest.split_once('(')?.0.to_owned()))
            .collect();
        failed.sort();
        failed.dedup();
        failed
    };
    let accepts = ["test_acceptsTheSetForTheMeasuredGas"];
    let other_gas = format!("return {};", gas + 1);
    assert_eq!(failed(&format!("return {gas};"), &other_gas), accepts);
    assert_eq!(failed("statements[i][j] = instances[left + j];", ""), accepts);
    let refusals = [
        "testFuzz_refusesAChangedByteOfAnyProof",
        "test_refusesAChangedStatement",
        "test_refusesAPartInPlaceOfAnother",
        "test_refusesASetThatLacksAPart",
        "test_refusesExchangedParts",
    ];
    let answer = "return success && keccak256(answer) == keccak256(abi.encode(true));";
    assert_eq!(failed(answer, "return true;"), refusals);
}

/// A copy of a published set, in which a record can be changed.
fn copied(change: impl FnOnce(&mut serde_json::Value)) -> (tempfile::TempDir, PathBuf) {
    let path = common::root(SETS[0]);
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let from = entry.unwrap().path();
        let name = from.file_name().unwrap().to_str().unwrap();
        let to = folder.path().join(name);
        match name {
            name if !name.starts_with("conv2d_small") => {}
            _ if from.is_dir() => common::copy_folder(&from, &to),
            _ => assert!(std::fs::copy(&from, &to).unwrap() > 0),
        }
    }
    let copy = folder.path().join(path.file_name().unwrap());
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&copy).unwrap()).unwrap();
    change(&mut json);
    json["sha256"] = digest::of_json(&json).into();
    std::fs::write(&copy, json.to_string()).unwrap();
    (folder, copy)
}

#[test]
fn a_set_of_other_records_or_openings_is_not_exported() {
    let (folder, path) = copied(|json| {
        let openings = &mut json["set"]["measurement"]["one_pairing"]["openings"];
        openings[1]["code_hash"] = B256::ZERO.to_string().into();
    });
    let output = export(&path, &folder.path().join("out"));
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("has the code hash 0x"), "{stderr}");
    assert!(stderr.contains(&B256::ZERO.to_string()), "{stderr}");

    let (folder, path) = copied(|json| {
        let parts = json["set"]["parts"].as_array_mut().unwrap();
        parts.reverse();
    });
    let output = export(&path, &folder.path().join("out"));
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("is not part 1 of the set"), "{stderr}");

    let (folder, path) = copied(|_| ());
    let first = path.with_file_name(store::load(&path).unwrap().set.unwrap().parts[0].to_string() + ".json");
    std::fs::remove_file(first).unwrap();
    let output = export(&path, &folder.path().join("out"));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        !folder
            .path()
            .join("out")
            .join(path.file_stem().unwrap())
            .join(set::TEST_FILE)
            .exists()
    );
}
