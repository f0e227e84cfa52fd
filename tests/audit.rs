//! `evmbench audit`: what it says of records and of files that evmbench did not make, and its exit status.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt as _;
use common::{fixture, record_paths};
use evmbench::ledger::{Finding, Ledger, Level, What};
use evmbench::model::{layers, onnx};
use evmbench::prover::{VerifierKind, Visibility};
use evmbench::record::{Evidence, Outcome, Record};
use evmbench::{store, suite};
use serde_json::Value;
use tempfile::TempDir;

struct Said {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn audit(arguments: &[&str]) -> Said {
    let output = Command::cargo_bin("evmbench")
        .unwrap()
        .arg("audit")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The ledgers of `--json`.
#[track_caller]
fn ledgers(arguments: &[&str]) -> Vec<Ledger> {
    let said = audit(&[arguments, &["--json"]].concat());
    let list: Vec<Value> = serde_json::from_str(&said.stdout).expect(&said.stderr);
    list.into_iter()
        .map(|audited| serde_json::from_value(audited["ledger"].clone()).unwrap())
        .collect()
}

fn settings(name: &str) -> String {
    fixture(&format!("settings/{name}.json"))
        .to_str()
        .unwrap()
        .to_owned()
}

/// One piece of a record's evidence, written to a file.
fn evidence(folder: &TempDir, path: &Path, name: &str) -> String {
    let record = store::load(path).unwrap();
    let target = folder.path().join(name);
    std::fs::write(&target, store::load_evidence(path, &record, name).unwrap()).unwrap();
    target.to_str().unwrap().to_owned()
}

#[test]
fn a_record_is_told_item_by_item() {
    let said = audit(&["results/scaling/dense_small-s7-direct.json"]);
    insta::assert_snapshot!(said.stdout);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
}

#[test]
fn settings_alone_leave_the_rest_unknown() {
    let said = audit(&["--settings", "tests/fixtures/settings/dense_polycommit.json"]);
    insta::assert_snapshot!(said.stdout);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
}

#[test]
fn an_unsound_circuit_is_an_exit_status() {
    let said = audit(&["--settings", &settings("matmul_freivalds")]);
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("UNSOUND  Freivalds: "), "{}", said.stdout);
}

#[test]
fn strictness_takes_only_what_is_sound() {
    let limited = settings("relu_private_output");
    assert_eq!(audit(&["--settings", &limited]).status, Some(0));
    assert_eq!(audit(&["--settings", &limited, "--strict"]).status, Some(1));
    // A verifier alone shows little.
    let verifier = fixture("verifier/dense_4x2/Verifier.sol");
    let verifier = verifier.to_str().unwrap();
    assert_eq!(audit(&["--verifier", verifier]).status, Some(0));
    assert_eq!(audit(&["--verifier", verifier, "--strict"]).status, Some(1));
}

#[test]
fn every_record_has_a_ledger() {
    for path in record_paths() {
        let ledger = ledgers(&[path.to_str().unwrap()]).remove(0);
        let record = store::load(&path).unwrap();
        let name = path.display();
        let item = |what| ledger.item(what).unwrap();
        if record.circuit.is_some() {
            let weights = match (record.model.parameters, record.request.plan.param_visibility) {
                (Some(0), _) => Finding::None,
                (_, Visibility::Fixed) => Finding::Fixed,
                (_, Visibility::Private) => Finding::Unbound,
                (_, Visibility::Hashed | Visibility::Polycommit) => Finding::Detached,
                (_, Visibility::Public) => panic!("{name}: EZKL has no public weights"),
            };
            assert_eq!(item(What::Weights).finding, weights, "{name}");
            assert_eq!(item(What::Ezkl).level, Level::Sound, "{name}");
        }
        if record.request.id == "layernorm" && record.lowering.is_none() {
            assert_eq!(item(What::HelperValues).level, Level::Unsound, "{name}");
        }
        if record.outcome == Outcome::Verified {
            for what in [
                What::Model,
                What::NegativeControls,
                What::Calling,
                What::Freivalds,
            ] {
                assert_eq!(item(what).level, Level::Sound, "{name}: {}", item(what).sentence);
            }
            for what in [What::KeyMatch, What::Instances, What::VerifierKey] {
                assert!(
                    item(what).level <= Level::Unknown,
                    "{name}: {}",
                    item(what).sentence
                );
            }
            let bytes = match record.request.verifier {
                VerifierKind::Plain => Finding::OneLength,
                VerifierKind::Reusable => Finding::Extendable,
            };
            assert_eq!(item(What::ProofBytes).finding, bytes, "{name}");
        }
    }
}

/// What the integer program divides lies within what the settings leave room for.
#[test]
fn divisions_are_counted_within_their_bound() {
    let mut divided = 0;
    for path in record_paths() {
        let record: Record = store::load(&path).unwrap();
        let mut facts = record.facts(&Evidence::default(), None);
        let Some(values) = facts.divided_values.take() else {
            continue;
        };
        let ledger = Ledger::derive(&facts);
        let name = path.display();
        match ledger.item(What::Rescaling).unwrap().finding {
            Finding::Unique => assert_eq!(values, 0, "{name}"),
            Finding::PerhapsWithinAUnit { at_most } => assert!(values <= at_most, "{name}: {values}"),
            ref other => panic!("{name}: {other:?}"),
        }
        divided += values;
    }
    assert!(divided > 0);
}

#[test]
fn files_are_held_against_each_other() {
    let folder = TempDir::new().unwrap();
    let dense = PathBuf::from("results/scaling/dense_small-s7-direct.json");
    let [settings, key, verifier] = [
        Evidence::SETTINGS,
        Evidence::VERIFYING_KEY,
        Evidence::VERIFIER_SOURCE,
    ]
    .map(|name| evidence(&folder, &dense, name));
    let files = ["--settings", &settings, "--key", &key, "--verifier", &verifier];
    let ledger = ledgers(&files).remove(0);
    assert_eq!(ledger.item(What::KeyMatch).unwrap().finding, Finding::Matching);
    assert_eq!(ledger.item(What::Instances).unwrap().finding, Finding::Count(192));
    assert_eq!(
        ledger.item(What::VerifierKey).unwrap().finding,
        Finding::InContract
    );
    assert_eq!(audit(&files).status, Some(0));

    // The same layer with other weights, at another scale.
    let other = TempDir::new().unwrap();
    let study = PathBuf::from("results/scaling/dense_small-s10-study-c9167425.json");
    let other_key = evidence(&other, &study, Evidence::VERIFYING_KEY);
    let mixed = ["--key", &other_key, "--verifier", &verifier];
    let ledger = ledgers(&mixed).remove(0);
    let matching = ledger.item(What::KeyMatch).unwrap();
    assert!(matches!(&matching.finding, Finding::Mismatch(_)), "{matching:?}");
    assert_eq!(audit(&mixed).status, Some(1));
}

#[test]
fn one_changed_constant_is_found() {
    let folder = TempDir::new().unwrap();
    let dense = PathBuf::from("results/scaling/dense_small-s7-direct.json");
    let [key, verifier] =
        [Evidence::VERIFYING_KEY, Evidence::VERIFIER_SOURCE].map(|name| evidence(&folder, &dense, name));
    let source = std::fs::read_to_string(&verifier).unwrap();
    for name in ["fixed_comms[2].x", "permutation_comms[1].y"] {
        let line = source
            .lines()
            .find(|line| line.ends_with(&format!("// {name}")))
            .unwrap();
        let at = line.find(", 0x").unwrap() + 67;
        let digit = if line.as_bytes()[at] == b'0' { "1" } else { "0" };
        let changed = format!("{}{digit}{}", &line[..at], &line[at + 1..]);
        std::fs::write(&verifier, source.replace(line, &changed)).unwrap();
        let ledger = ledgers(&["--key", &key, "--verifier", &verifier]).remove(0);
        let point = name.split('.').next().unwrap().to_owned();
        assert_eq!(
            ledger.item(What::KeyMatch).unwrap().finding,
            Finding::Mismatch(point)
        );
    }
}

#[test]
fn a_model_tells_weights_and_operators() {
    let folder = TempDir::new().unwrap();
    let write = |id: &str| {
        let path = folder.path().join(format!("{id}.onnx"));
        std::fs::write(&path, onnx::write(&layers::build(suite::find(id).unwrap(), 0))).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let relu = ledgers(&[
        "--model",
        &write("relu"),
        "--settings",
        &settings("dense_private"),
    ])
    .remove(0);
    assert_eq!(relu.item(What::Weights).unwrap().finding, Finding::None);
    let norm = ledgers(&["--model", &write("layernorm")]).remove(0);
    let finding = &norm.item(What::HelperValues).unwrap().finding;
    assert_eq!(*finding, Finding::Operator("LayerNormalization".to_owned()));
}

#[test]
fn unusable_files_are_named() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let nonsense = file("nonsense", b"nonsense");
    for (option, message) in [
        ("--settings", "not an EZKL settings file"),
        ("--srs", "is no reference string"),
        ("--model", "nonsense"),
    ] {
        let said = audit(&[option, &nonsense]);
        assert_eq!((said.status, said.stdout.as_str()), (Some(1), ""), "{option}");
        assert!(
            said.stderr.contains("nonsense") && said.stderr.contains(message),
            "{}",
            said.stderr
        );
    }
    let missing = folder.path().join("missing");
    for option in ["--settings", "--key", "--verifier", "--srs", "--model"] {
        let said = audit(&[option, missing.to_str().unwrap()]);
        assert_eq!(said.status, Some(1), "{option}");
        assert!(said.stderr.contains("missing"), "{}", said.stderr);
    }
    // A key or a verifier of another form is a finding.
    for option in ["--key", "--verifier"] {
        assert_eq!(ledgers(&[option, &nonsense])[0].level, Level::Unknown);
    }
}

#[test]
fn something_must_be_named_and_of_one_kind() {
    assert_eq!(audit(&[]).status, Some(2));
    let both = audit(&[
        "results/core/relu-s7-direct.json",
        "--settings",
        &settings("tanh"),
    ]);
    assert_eq!(both.status, Some(2));
}

/// A verifier's acceptance is no result where the circuit lets a false statement through.
#[test]
fn an_accepted_proof_of_an_unsound_circuit_is_unsound() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/scaling/dense_small-s7-direct.json");
    let mut record = store::load(&path).unwrap();
    let evidence = Evidence::default();
    record.take_stock(&evidence, None);
    assert_eq!(record.outcome, Outcome::Verified);

    let text = std::fs::read_to_string(settings("dense_hashed")).unwrap();
    let circuit = record.circuit.as_mut().unwrap();
    circuit.settings["run_args"]["param_visibility"] =
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["run_args"]["param_visibility"].clone();
    record.take_stock(&evidence, None);
    let Outcome::Unsound { control } = &record.outcome else {
        panic!("{}", record.outcome);
    };
    assert!(control.contains("does not tie"), "{control}");

    // What did not get that far keeps its own outcome.
    let outcome = Outcome::Rejected {
        why: "reverted".to_owned(),
    };
    record.outcome = outcome.clone();
    record.take_stock(&evidence, None);
    assert_eq!(record.outcome, outcome);
}
