//! Reference strings of ceremonies: imported, listed, checked, and proved on.

use std::path::PathBuf;

use alloy_primitives::hex;
use evmbench::ledger::Level;
use evmbench::prover::{Checked, SrsKind};
use evmbench::record::{Outcome, digest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::common::{Said, evmbench, fixture, say};
use crate::end_to_end::{Workshop, tiny_model};
use crate::tune;

/// The Hermez ceremony's file for 2^8.
fn hermez() -> PathBuf {
    fixture("srs/powersOfTau28_hez_final_08.ptau")
}

fn srs(workshop: &Workshop, arguments: &[&str]) -> Said {
    say(evmbench()
        .env("EVMBENCH_HOME", workshop.home())
        .arg("srs")
        .args(arguments))
}

fn listed(workshop: &Workshop) -> Value {
    let said = srs(workshop, &["list", "--json"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_ceremonys_file_is_imported_listed_and_checked() {
    let workshop = Workshop::without_srs();
    let file = hermez();
    let file = file.to_str().unwrap();
    assert!(
        srs(&workshop, &["list"])
            .stdout
            .contains("no string was imported")
    );
    let said = srs(&workshop, &["import", file]);
    assert_eq!(said.status, Some(0), "{said:?}");
    for told in [
        "hermez-8: 2^8 points of the Hermez ceremony",
        "every point was checked",
        "--srs hermez-8",
    ] {
        assert!(said.stdout.contains(told), "{}", said.stdout);
    }
    let again = srs(&workshop, &["import", file]);
    assert_eq!(again.status, Some(1));
    assert!(
        again.stderr.contains("there is an imported string of this name"),
        "{}",
        again.stderr
    );
    assert_eq!(
        srs(&workshop, &["import", file, "--logrows", "4", "--name", "short"]).status,
        Some(0)
    );
    let list = listed(&workshop);
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["hermez-8", "short"]);
    assert_eq!(list[0]["identity"]["kind"], json!("hermez"));
    for given in ["hermez-8", "short", file] {
        let said = srs(&workshop, &["verify", given]);
        assert_eq!(said.status, Some(0), "{said:?}");
        assert!(said.stdout.contains("the Hermez ceremony"), "{}", said.stdout);
    }
    // A string that changed is not used, is told of, and stays.
    let string = PathBuf::from(list[1]["path"].as_str().unwrap());
    let mut bytes = std::fs::read(&string).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&string, bytes).unwrap();
    let said = srs(&workshop, &["verify", "short"]);
    assert_eq!(said.status, Some(1));
    assert!(
        said.stderr.contains("is not as it was imported"),
        "{}",
        said.stderr
    );
    let cache = say(evmbench()
        .env("EVMBENCH_HOME", workshop.home())
        .args(["cache", "--verify"]));
    assert_eq!(cache.status, Some(1));
    assert!(cache.stdout.contains("import it again"), "{}", cache.stdout);
    assert!(string.exists());
}

/// Four numbers, halved, in 2^8 rows: every element of input and output is public and range-checked, with digits below 128, and the weights
/// are in the key. Nothing is rounded. On a ceremony's string there is nothing left that an accepted proof does not prove.
#[test]
fn a_proof_on_a_ceremonys_string_is_sound_in_every_item() {
    let workshop = Workshop::without_srs();
    assert_eq!(
        srs(&workshop, &["import", hermez().to_str().unwrap()]).status,
        Some(0)
    );
    let model = tiny_model(&workshop);
    let profile = profile(&workshop, &model);
    let arguments = [
        "--onnx",
        &model,
        "--profile",
        &profile,
        "--srs",
        "hermez-8",
        "--runs",
        "1",
    ];
    let (status, stdout, stderr) = Workshop::end(workshop.subcommand("prove-and-verify", &arguments));
    assert_eq!(status, Some(0), "{stdout}\n{stderr}");
    let (path, record) = workshop.only_record();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(record.circuit.as_ref().unwrap().logrows, 8);
    let identity = &record.keys.as_ref().unwrap().srs;
    assert_eq!(
        (identity.kind, identity.checked),
        (SrsKind::Hermez, Some(Checked::EveryPoint))
    );
    let ledger = record.ledger.as_ref().unwrap();
    let below: Vec<_> = ledger
        .items
        .iter()
        .filter(|item| item.level != Level::Sound)
        .collect();
    assert!(below.is_empty(), "{below:#?}");
    // All of it is found again from the evidence and with EZKL, which makes the key again on the same string.
    let audit = |more: &[&str]| {
        let mut command = evmbench();
        command
            .env("EVMBENCH_HOME", workshop.home())
            .arg("audit")
            .arg(&path);
        say(command.args(["--onnx", &model]).args(more))
    };
    let said = audit(&["--srs", "hermez-8", "--reproduce", "--strict"]);
    assert_eq!(said.status, Some(0), "{}\n{}", said.stdout, said.stderr);
    for told in [
        "54 contributions",
        "every point was checked by pairings",
        "sound: ",
    ] {
        assert!(said.stdout.contains(told), "{told}: {}", said.stdout);
    }
    // The verifier's s·G2 says whose string it is, whatever the record claims.
    let found = "reference string: The reference string is of the Hermez ceremony";
    let said = audit(&[]);
    assert!(
        said.stdout.contains(&format!("  sound    {found}")),
        "{}",
        said.stdout
    );
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for kind in [
        "perpetual_powers_of_tau",
        "perpetual_powers_of_tau_0080",
        "local_test",
    ] {
        let mut changed = json.clone();
        changed["keys"]["srs"]["kind"] = json!(kind);
        changed["sha256"] = json!(digest::of_json(&changed));
        std::fs::write(&path, changed.to_string()).unwrap();
        let said = audit(&[]);
        assert_eq!(said.status, Some(1), "{kind} {}", said.stdout);
        assert!(
            said.stdout.contains("DIFFERS  keys.srs"),
            "{kind} {}",
            said.stdout
        );
    }
}

/// A direct circuit for the model, with digits below 128, whose table takes 2^8 rows; EZKL's own of 16,384 takes 2^15.
fn profile(workshop: &Workshop, model: &str) -> String {
    let mut json = serde_json::to_value(tune::profile()).unwrap();
    let onnx = std::fs::read(model).unwrap();
    json["model"] = json!({"id": "tiny", "suite": "onnx", "onnx_sha256": hex::encode(Sha256::digest(onnx))});
    json["plan"] = json!({
        "kind": "direct",
        "scale": 7,
        "input_visibility": "public",
        "output_visibility": "public",
        "param_visibility": "fixed",
        "decomposition": {"base": 128, "legs": 3},
    });
    let path = workshop.folder.path().join("profile.json");
    std::fs::write(&path, json.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}
