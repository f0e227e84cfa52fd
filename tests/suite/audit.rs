//! `evmbench audit`: what it says of records and of files that evmbench did not make, and its exit status.

use crate::common;
use std::path::{Path, PathBuf};

use crate::common::{fixture, record_paths};
use evmbench::facts;
use evmbench::ledger::{self, Finding, Ledger, Level, What};
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
    let output = common::evmbench()
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
        let record = store::load(&path).unwrap();
        let Some(ledger) = &record.ledger else { continue };
        let name = path.display();
        let item = |what| ledger.item(what).unwrap();
        if record.circuit.is_some() {
            let weights = match (record.model.parameters, record.request.plan.param_visibility()) {
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

/// A record and its evidence, copied to be changed.
struct Copied {
    folder: TempDir,
}

impl Copied {
    fn of(source: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let source = common::root(source);
        std::fs::copy(&source, folder.path().join("r.json")).unwrap();
        std::fs::create_dir(folder.path().join("r.evidence")).unwrap();
        for entry in std::fs::read_dir(source.with_extension("evidence")).unwrap() {
            let entry = entry.unwrap();
            let target = folder.path().join("r.evidence").join(entry.file_name());
            std::fs::copy(entry.path(), target).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("r.json")
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(self.path()).unwrap();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        change(&mut json);
        std::fs::write(self.path(), json.to_string()).unwrap();
    }

    /// Puts other bytes in the place of a file of evidence, digests and sizes with it.
    fn replace(&self, name: &str, bytes: &[u8]) {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        std::fs::write(self.folder.path().join(format!("r.evidence/{name}.gz")), &packed).unwrap();
        let sha256 = alloy_primitives::hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
        self.change(|json| {
            let files = json["evidence"].as_array_mut().unwrap();
            let file = files.iter_mut().find(|file| file["name"] == name).unwrap();
            file["sha256"] = sha256.clone().into();
            file["size_bytes"] = bytes.len().into();
            file["compressed_bytes"] = packed.len().into();
            file.as_object_mut().unwrap().shift_remove("compressed_sha256");
            if name == Evidence::VERIFYING_KEY {
                json["keys"]["verifying_key_sha256"] = sha256.into();
                json["keys"]["verifying_key_bytes"] = bytes.len().into();
            }
        });
    }

    #[track_caller]
    fn is_told_from_the_right_one(&self, place: &str) {
        let path = self.path();
        let path = path.to_str().unwrap();
        let said = audit(&[path]);
        assert_eq!(said.status, Some(1), "{}{}", said.stdout, said.stderr);
        assert!(
            said.stdout.contains("DIFFERS") && said.stdout.contains(place),
            "{place}: {}",
            said.stdout
        );
    }
}

/// A record's own ledger is not believed.
#[test]
fn an_edited_ledger_is_a_finding() {
    let copied = Copied::of("results/scaling/dense_small-s7-committed.json");
    copied.change(|json| {
        json["ledger"]["level"] = "sound".into();
        for item in json["ledger"]["items"].as_array_mut().unwrap() {
            item["level"] = "sound".into();
        }
    });
    copied.is_told_from_the_right_one("ledger.level: ");
    copied.is_told_from_the_right_one("ledger.items[14].level: ");
}

#[test]
fn a_random_key_and_an_empty_source_are_findings() {
    let copied = Copied::of("results/scaling/dense_small-s7-committed.json");
    let random: Vec<u8> = (0..15_687_u32).map(|index| (index * index % 251) as u8).collect();
    copied.replace(Evidence::VERIFYING_KEY, &random);
    copied.is_told_from_the_right_one("committed");
    let copied = Copied::of("results/scaling/dense_small-s7-committed.json");
    copied.replace(Evidence::VERIFIER_SOURCE, b"");
    copied.is_told_from_the_right_one("verifier: ");
}

/// What a guard is deployed for follows from the evidence.
#[test]
fn a_committed_block_that_its_evidence_does_not_lead_to_is_a_finding() {
    let copied = Copied::of("results/core/avgpool2d_k2-s7-committed-463ef9e7.json");
    copied.change(|json| {
        json["committed"]["circuit_digest"] = format!("0x{:064x}", 1).into();
        json["committed"]["basis"] = format!("0x{:064x}", 2).into();
        json["committed"]["layout"]["input_points"] = 1.into();
        json["committed"]["registered_input"] = Value::Null;
    });
    for place in [
        "circuit_digest",
        "basis",
        "layout.input_points",
        "registered_input",
    ] {
        copied.is_told_from_the_right_one(&format!("committed.{place}: "));
    }
}

/// A string is told from the perpetual powers of tau by the verifier's point, whatever the record calls it.
#[test]
fn a_test_string_is_no_ceremonys() {
    let copied = Copied::of("results/scaling/dense_small-s7-direct.json");
    copied.change(|json| {
        json["keys"]["srs"]["kind"] = "perpetual_powers_of_tau".into();
    });
    copied.is_told_from_the_right_one("keys.srs: the verifier rests on another string");
}

/// What cannot be derived is named, and is not sound.
#[test]
fn what_only_the_record_says_is_named() {
    let path = "results/composite/cnn_strided-s7-committed-5f0cce16.json";
    let said = audit(&[path]);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let line = |name: &str| {
        said.stdout
            .lines()
            .find(|line| line.contains(name))
            .unwrap()
            .to_owned()
    };
    assert!(line(" model: ").contains("unknown"), "{}", line(" model: "));
    assert!(line(" model: ").contains("by the record only: the input is not at hand"));
    assert!(line(" reference string: ").contains("by the record only"));
    assert_eq!(audit(&[path, "--strict"]).status, Some(1));

    // A record as an older revision would have it, whose limbs are others.
    let copied = Copied::of("results/scaling/dense_small-s7-committed.json");
    copied.change(|json| {
        json["schema"] = 10.into();
        let bits = &mut json["request"]["chosen"]["digit_bits"];
        *bits = (bits.as_u64().unwrap() - 2).into();
    });
    let said = audit(&[copied.path().to_str().unwrap()]);
    let commitments = said.stdout.lines().find(|line| line.contains(" commitments: "));
    let commitments = commitments.unwrap();
    assert!(
        commitments.contains("by the record only: this evmbench lays the model out with other cells"),
        "{commitments}"
    );
}

/// What the integer program divides lies within what the settings leave room for.
#[test]
fn divisions_are_counted_within_their_bound() {
    let mut divided = 0;
    for path in record_paths() {
        let record: Record = store::load(&path).unwrap();
        let mut facts = facts::facts(&record, &Evidence::default(), None);
        let Some(values) = facts.divided_values.take() else {
            continue;
        };
        let ledger = ledger::derive(&facts);
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
    facts::take_stock(&mut record, &evidence, None);
    assert_eq!(record.outcome, Outcome::Verified);

    let text = std::fs::read_to_string(settings("dense_hashed")).unwrap();
    let circuit = record.circuit.as_mut().unwrap();
    circuit.settings["run_args"]["param_visibility"] =
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["run_args"]["param_visibility"].clone();
    facts::take_stock(&mut record, &evidence, None);
    let Outcome::Unsound { control } = &record.outcome else {
        panic!("{}", record.outcome);
    };
    assert!(control.contains("does not tie"), "{control}");

    // What did not get that far keeps its own outcome.
    let outcome = Outcome::Rejected {
        why: "reverted".to_owned(),
    };
    record.outcome = outcome.clone();
    facts::take_stock(&mut record, &evidence, None);
    assert_eq!(record.outcome, outcome);
}
