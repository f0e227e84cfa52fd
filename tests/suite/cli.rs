//! What the program says: bad input of every kind gets one clear message, a hint and a non-zero exit status; lists and
//! plans are as people read them. Nothing here proves anything.

use crate::common;
use std::path::Path;
use std::process::Command;

use crate::common::{evmbench, say};
use evmbench::chain::Fork;
use evmbench::home::Home;
use evmbench::metric::Metric;
use evmbench::model::{layers, onnx};
use evmbench::solidity::SOLC_VERSION;
use evmbench::suite;
use prost::Message as _;
use tempfile::TempDir;
use tract_onnx::pb::ModelProto;

/// One message, at least one hint, nothing on stdout, and a status that scripts can see.
#[track_caller]
fn refuses(arguments: &[&str], status: i32, message: &str, hint: &str) {
    let said = say(evmbench().args(arguments));
    assert_eq!(said.status, Some(status), "{}", said.stderr);
    assert_eq!(said.stderr.matches("error: ").count(), 1, "{}", said.stderr);
    assert!(said.stderr.contains(message), "{}", said.stderr);
    assert!(said.stderr.contains(&format!("hint: {hint}")), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn model(folder: &TempDir, id: &str) -> String {
    file(
        folder,
        "model.onnx",
        &onnx::write(&layers::build(suite::find(id).unwrap(), 0)),
    )
}

/// A NumPy file of `f32`.
fn npy(shape: &[usize], elements: &[f32]) -> Vec<u8> {
    let shape = format!("{shape:?}").replace('[', "(").replace(']', ",)");
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements.iter().flat_map(|element| element.to_le_bytes()));
    bytes
}

#[test]
fn an_unknown_model_is_answered_with_the_nearest() {
    refuses(
        &["prove-and-verify", "rellu"],
        2,
        "there is no model \"rellu\"",
        "did you mean relu",
    );
    refuses(
        &["prove-and-verify", "qqqq"],
        2,
        "there is no model",
        "`evmbench list`",
    );
    refuses(
        &["plan", "net/relu.onnx"],
        2,
        "there is no model",
        "a file is named by an option: --onnx net/relu.onnx",
    );
}

#[test]
fn nothing_to_run_is_an_error() {
    refuses(
        &["prove-and-verify"],
        2,
        "nothing to run",
        "name models, or a suite",
    );
    refuses(
        &["prove-and-verify", "relu", "--filter", "dense"],
        2,
        "nothing to run",
        "name models, or a suite",
    );
}

#[test]
fn impossible_plans_are_refused() {
    refuses(
        &["prove-and-verify", "relu", "--scale", "99"],
        2,
        "scale 99 is out of range",
        "scales are bits",
    );
    let fixed = ["prove-and-verify", "relu", "--input-visibility", "fixed"];
    refuses(
        &fixed,
        2,
        "input visibility cannot be fixed",
        "use public, private",
    );
    let study = [
        "prove-and-verify",
        "relu",
        "--circuit",
        "study",
        "--param-visibility",
        "fixed",
    ];
    refuses(&study, 2, "cannot be chosen with it", "use --circuit direct");
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    for (option, value) in [
        ("--runs", "0"),
        ("--threads", "0"),
        ("--memory-limit", "20gb"),
        ("--scale", "-1"),
    ] {
        let said = say(evmbench().args(["prove-and-verify", "relu", &format!("{option}={value}")]));
        assert_eq!(said.status, Some(2), "{option}");
        assert!(said.stderr.contains(option), "{}", said.stderr);
    }
}

#[test]
fn a_model_that_cannot_be_proved_is_explained() {
    let folder = TempDir::new().unwrap();
    refuses(
        &["prove-and-verify", "--onnx", "/nowhere/model.onnx"],
        1,
        "/nowhere/model.onnx",
        "check the path",
    );
    let text = file(&folder, "text.onnx", b"this is no model");
    refuses(
        &["prove-and-verify", "--onnx", &text],
        1,
        "is not an ONNX model",
        "export it",
    );
    let empty = file(&folder, "empty.onnx", b"");
    refuses(
        &["prove-and-verify", "--onnx", &empty],
        1,
        "is not an ONNX model",
        "export it",
    );

    let graph = layers::build(suite::find("conv2d_small").unwrap(), 0);
    let mut proto = ModelProto::decode(onnx::write(&graph).as_slice()).unwrap();
    proto.graph.as_mut().unwrap().node[0]
        .attribute
        .retain(|attribute| attribute.name != "strides");
    let strideless = file(&folder, "strideless.onnx", &proto.encode_to_vec());
    refuses(
        &["prove-and-verify", "--onnx", &strideless, "--circuit", "direct"],
        1,
        "has no strides attribute",
        "",
    );
    proto.graph.as_mut().unwrap().node[0].op_type = "NonMaxSuppression".to_owned();
    let unsupported = file(&folder, "unsupported.onnx", &proto.encode_to_vec());
    refuses(
        &["prove-and-verify", "--onnx", &unsupported],
        1,
        "NonMaxSuppression",
        "",
    );
}

#[test]
fn an_input_that_does_not_fit_is_explained() {
    let folder = TempDir::new().unwrap();
    let model = model(&folder, "dense_small");
    let with = |input: &str, message: &str| {
        refuses(
            &["prove-and-verify", "--onnx", &model, "--input", input],
            1,
            message,
            "",
        );
    };
    with(
        &file(&folder, "short.json", br#"{"input_data": [[1.0, 2.0]]}"#),
        "short.json",
    );
    with(&file(&folder, "text.json", b"not json"), "text.json");
    with(
        &file(&folder, "shape.npy", &npy(&[2, 64], &[0.5; 128])),
        "shape.npy",
    );
    let mut elements = [0.5; 128];
    elements[7] = f32::NAN;
    with(&file(&folder, "nan.npy", &npy(&[1, 128], &elements)), "NaN");
    with(&file(&folder, "image.png", b"\x89PNG"), "image.png");
    with("/nowhere/input.json", "/nowhere/input.json");
}

#[test]
fn a_wrong_reference_string_is_refused_before_anything_runs() {
    let folder = TempDir::new().unwrap();
    let text = file(&folder, "text.srs", &[7; 500]);
    refuses(
        &["prove-and-verify", "relu", "--srs", &text],
        1,
        "is no reference string",
        "--srs takes",
    );
}

#[test]
fn weights_must_fit_their_model() {
    let folder = TempDir::new().unwrap();
    let other = model(&folder, "dense");
    let arguments = [
        "prove-and-verify",
        "dense_small",
        "--weights",
        &other,
        "--dry-run",
    ];
    refuses(&arguments, 1, "model.onnx", "");
}

#[test]
fn damaged_and_unknown_records_are_named() {
    let folder = TempDir::new().unwrap();
    let cut = file(&folder, "cut.json", br#"{"schema": 1, "finished_at": "20"#);
    refuses(&["verify", &cut], 1, "cut.json is damaged", "remove the file");
    let other = file(&folder, "other.json", b"{}");
    refuses(
        &["verify", &other],
        1,
        "other.json is damaged or no record",
        "remove the file",
    );
    let newer = file(&folder, "newer.json", br#"{"schema": 999}"#);
    refuses(
        &["verify", &newer],
        1,
        "newer.json has schema version 999",
        "install the evmbench that wrote it",
    );
}

/// Tools that are missing, old or wrong, each in an empty cache folder.
#[test]
fn set_up_says_what_it_lacks() {
    let refused = |change: &dyn Fn(&mut Command, &Path), message: &str, hint: &str| {
        let home = TempDir::new().unwrap();
        let mut command = evmbench();
        command.arg("setup").env("EVMBENCH_HOME", home.path());
        change(&mut command, home.path());
        let said = say(&mut command);
        assert_eq!(said.status, Some(1), "{}", said.stderr);
        assert!(said.stderr.contains(message), "{}", said.stderr);
        assert!(said.stderr.contains(&format!("hint: {hint}")), "{}", said.stderr);
        // Nothing half installed is left.
        let left = std::fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left
            .filter(|name| name.to_string_lossy().contains("partial"))
            .collect();
        assert_eq!(left, [] as [std::ffi::OsString; 0]);
    };
    refused(
        &|command, _| {
            command.env("EVMBENCH_PYTHON", "/nowhere/python");
        },
        "Python was not found",
        "install Python",
    );
    refused(
        &|command, home| {
            command.env("EVMBENCH_PYTHON", script(home, "python", "echo 2.7.18"));
        },
        "is Python 2.7.18",
        "set EVMBENCH_PYTHON",
    );
    refused(
        &|command, _| {
            // An address that refuses at once stands for a machine without a network.
            command
                .env("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
                .env("PIP_RETRIES", "0")
                .env("PIP_NO_CACHE_DIR", "1");
        },
        "pip install ezkl failed",
        "check the network",
    );
    // One of another version stays until there is a new one.
    refused(
        &|command, home| {
            std::fs::create_dir_all(home.join("ezkl-23.0.5/bin")).unwrap();
            script(&home.join("ezkl-23.0.5/bin"), "python", "echo 1.0.0");
            command.env("EVMBENCH_PYTHON", "/nowhere/python");
        },
        "is 1.0.0, not 23.0.5: it is replaced",
        "install Python",
    );
    let home = TempDir::new().unwrap();
    std::fs::create_dir_all(home.path().join("ezkl-23.0.5/bin")).unwrap();
    let python = script(&home.path().join("ezkl-23.0.5/bin"), "python", "echo 1.0.0");
    let said = say(evmbench().arg("doctor").env("EVMBENCH_HOME", home.path()));
    assert!(said.stdout.contains("is 1.0.0, not 23.0.5"), "{}", said.stdout);
    assert!(
        said.stdout.contains("-> run `evmbench setup`, which replaces it"),
        "{}",
        said.stdout
    );
    assert!(python.exists());
}

/// A small program for a test.
fn script(folder: &Path, name: &str, body: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn doctor_names_what_is_missing_and_the_command_that_mends_it() {
    let home = TempDir::new().unwrap();
    let said = say(evmbench().arg("doctor").env("EVMBENCH_HOME", home.path()));
    assert_eq!(said.status, Some(1));
    assert!(said.stdout.contains("EZKL      MISSING"), "{}", said.stdout);
    assert!(said.stdout.contains("-> run `evmbench setup`"), "{}", said.stdout);
    // Shown, and not asked for.
    assert!(said.stdout.contains("Foundry   1.7.1"), "{}", said.stdout);
    assert!(!said.stdout.contains("Foundry   MISSING"), "{}", said.stdout);
}

#[test]
fn doctor_is_content_after_set_up() {
    let tools = common::tools();
    let said = say(evmbench().arg("doctor").env("EVMBENCH_HOME", tools.home.root()));
    assert_eq!(said.status, Some(0), "{}", said.stdout);
    assert!(!said.stdout.contains("MISSING"), "{}", said.stdout);
}

#[test]
fn the_cache_is_shown_and_cleared() {
    let home = TempDir::new().unwrap();
    std::fs::create_dir_all(home.path().join("circuits/entry")).unwrap();
    std::fs::write(home.path().join("circuits/entry/proving.key"), vec![0; 5 << 20]).unwrap();
    std::fs::create_dir_all(home.path().join("srs")).unwrap();
    std::fs::write(home.path().join("srs/local-test-k1.srs"), [0]).unwrap();
    let cache = |arguments: &[&str]| {
        say(evmbench()
            .arg("cache")
            .args(arguments)
            .env("EVMBENCH_HOME", home.path()))
        .stdout
    };
    assert!(cache(&[]).contains("5.00 MiB"));
    assert!(!cache(&["--clear"]).contains("5.00 MiB"));
    assert!(home.path().join("srs/local-test-k1.srs").exists());
    cache(&["--clear-all"]);
    assert!(!home.path().join("srs/local-test-k1.srs").exists());
}

#[test]
fn the_list_shows_every_model() {
    let said = say(evmbench().arg("list"));
    assert_eq!(said.status, Some(0));
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn a_dry_run_shows_the_plan_and_makes_nothing() {
    let folder = TempDir::new().unwrap();
    let said = say(evmbench().current_dir(folder.path()).args([
        "prove-and-verify",
        "--suite",
        "composite",
        "--scale",
        "7,10",
        "--circuit",
        "study",
        "--dry-run",
    ]));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Every choice is a row with a record of its own; one that cannot be is a row with its reason.
#[test]
fn an_ablation_is_planned() {
    let folder = TempDir::new().unwrap();
    let said = say(evmbench()
        .current_dir(folder.path())
        .args(["ablate", "dense_small", "--dry-run"]));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    refuses(&["ablate", "dense_smal"], 2, "dense_smal", "did you mean");
    refuses(
        &["ablate", "dense_small", "--scale", "99"],
        2,
        "scale 99",
        "scales are",
    );
}

#[test]
fn chains_shows_every_rule() {
    let said = say(evmbench().arg("chains"));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
    let json = say(evmbench().args(["chains", "--json"]));
    let rules: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rules.len(), 21);
    let cap = rules
        .iter()
        .find(|rule| rule["rule"] == "transaction_gas" && rule["fork"] == "osaka");
    assert_eq!(cap.unwrap()["limit"], 16_777_216);
    let none = rules
        .iter()
        .find(|rule| rule["rule"] == "transaction_gas" && rule["fork"] == "prague");
    assert_eq!(none.unwrap()["limit"], serde_json::Value::Null);
}

const RELU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/core/relu-s7-direct.json");

#[test]
fn a_record_is_shown_under_every_fork() {
    let forks = Fork::ALL.map(Fork::name).join(",");
    let said = say(evmbench().args(["verify", RELU, "--fork", &forks]));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn a_renewed_record_says_the_same_and_who_renewed_it() {
    let folder = TempDir::new().unwrap();
    let source = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/results/ablation/scaling/dense_small-s7-direct-22d452f7.json"
    ));
    let path = folder.path().join("record.json");
    let mut old: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(source).unwrap()).unwrap();
    let new_fields = ["other_forks", "renewal"];
    for field in new_fields {
        old.as_object_mut().unwrap().remove(field);
    }
    old["schema"] = 1.into();
    std::fs::write(&path, old.to_string()).unwrap();
    let evidence = folder.path().join("record.evidence");
    std::fs::create_dir(&evidence).unwrap();
    for entry in std::fs::read_dir(source.with_extension("evidence")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), evidence.join(entry.file_name())).unwrap();
    }
    let text = path.to_str().unwrap();
    let said = say(evmbench().args(["verify", "--renew", text]));
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let renewed = evmbench::store::load(&path).unwrap();
    assert!(renewed.renewal.is_some());
    assert_eq!(renewed.fits().len(), 3);
    assert_eq!(renewed.schema, evmbench::record::SCHEMA);
    let published = evmbench::store::load(source).unwrap();
    assert_eq!(renewed.phases, published.phases);
    assert_eq!(renewed.tx_gas_samples, published.tx_gas_samples);

    // It has a digest of its own now, which shows damage to what cannot be found out again.
    assert!(renewed.sha256.is_some());
    let said = say(evmbench().args(["verify", text]));
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let damaged = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\"process_seconds\": ", "\"process_seconds\": 1");
    std::fs::write(&path, damaged).unwrap();
    let said = say(evmbench().args(["verify", text]));
    assert_eq!(said.status, Some(1));
    assert!(
        said.stdout
            .contains("sha256: the record is not as it was written"),
        "{}",
        said.stdout
    );

    // A record whose gas its evidence does not bear out is not papered over.
    old["tx_gas_samples"][0] = 1.into();
    std::fs::write(&path, old.to_string()).unwrap();
    let said = say(evmbench().args(["verify", "--renew", text]));
    assert_eq!(said.status, Some(1));
    assert!(
        said.stderr.contains(&format!(
            "tx_gas_samples[0]: 1 in the record, {} by its evidence",
            published.tx_gas_samples[0]
        )),
        "{}",
        said.stderr
    );
}

/// One record that is not right, or that has no proof, is no reason to leave the others alone.
#[test]
fn a_list_of_records_is_gone_through_and_counted() {
    let results = concat!(env!("CARGO_MANIFEST_DIR"), "/results");
    let without_proof = format!("{results}/core/conv2d_k3_s1-s7-direct.json");
    let committed = format!("{results}/scaling/dense_small-s7-committed.json");
    let said = say(evmbench().args(["verify", &without_proof, &committed]));
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let record = evmbench::store::load(Path::new(&committed)).unwrap();
    let [gas, guarded, code] =
        [Metric::VerificationGas, Metric::GuardedGas, Metric::RuntimeCode].map(|metric| metric.text(&record));
    for line in [
        "out of memory in setup (cap 20.0 GiB), without a proof to verify",
        &format!("verification gas {gas}, as recorded"),
        &format!("verification gas with the guard {guarded}, as recorded"),
        &format!("runtime code {code}, as recorded"),
        &format!(" + M × {guarded} gas for N models and M proofs"),
        "accepted, as recorded",
    ] {
        assert!(said.stdout.contains(line), "{line}: {}", said.stdout);
    }
    assert!(
        said.stdout
            .ends_with("2 records: 1 as recorded, 1 without a proof\n"),
        "{}",
        said.stdout
    );
    let said = say(evmbench().args(["verify", "/nowhere.json", &without_proof, &committed]));
    assert_eq!(said.status, Some(1));
    assert!(said.stderr.contains("/nowhere.json"), "{}", said.stderr);
    assert!(
        said.stdout
            .ends_with("3 records: 1 as recorded, 1 without a proof, 1 that cannot be used\n"),
        "{}",
        said.stdout
    );
}

/// As in `evmbench list | head -1`: who reads has left, and there is nothing more to say to anybody.
#[test]
fn a_reader_that_leaves_ends_the_command_without_a_word() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    let record = "results/scaling/dense_small-s7-direct.json";
    // Verifying and auditing take a compiler.
    let solc = |home: &Home| home.solc(SOLC_VERSION);
    common::solc();
    std::os::unix::fs::symlink(
        solc(&Home::from_environment().unwrap()),
        solc(&Home::at(home.path())),
    )
    .unwrap();
    for arguments in [
        &["list"][..],
        &["chains"],
        &["cache"],
        &["doctor"],
        &["prove-and-verify", "--suite", "smoke", "--dry-run"],
        &["ablate", "dense_small", "--dry-run"],
        &["verify", record],
        &["verify", record, "--fork", Fork::ALL[0].name()],
        &["audit", record],
        &["fuzz", record, "--cases", "1"],
        &["gas-diff", "results", "results"],
        &["compare", "results", "results"],
        &["export-foundry", record, "--out", out.to_str().unwrap()],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = evmbench();
        command
            .args(arguments)
            .env("EVMBENCH_HOME", home.path())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(writer);
        let said = say(&mut command);
        assert_eq!(said.status, Some(141), "{arguments:?}: {}", said.stderr);
        assert_eq!(said.stderr, "", "{arguments:?}");
    }
}

#[test]
fn messages_that_nobody_reads_change_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let said = say(evmbench().args(["verify", "no-such-record.json"]).stderr(writer));
    assert_eq!(said.status, Some(1));
}

/// A disk that is full is a failure, and told.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let said = say(evmbench().arg("list").stdout(full));
    assert_eq!(said.status, Some(1));
    assert!(
        said.stderr.starts_with("error: write to stdout: No space left"),
        "{}",
        said.stderr
    );
}

/// A committed circuit tells by itself what it takes: nothing is installed, started or made.
#[test]
fn a_committed_circuit_is_planned_without_tools() {
    let home = tempfile::tempdir().unwrap();
    let plan = || {
        let start = std::time::Instant::now();
        let said = say(evmbench()
            .args(["plan", "cnn_strided", "--json"])
            .env("EVMBENCH_HOME", home.path())
            .env("PATH", ""));
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        assert!(
            said.stdout.contains("\"circuit\":\"committed\""),
            "{}",
            said.stdout
        );
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
        start.elapsed()
    };
    // Other tests run beside this one, and may hold one plan up.
    assert!((0..3).any(|_| plan().as_secs() < 5));
}

/// What a proof will cost among others, and of which circuits that is not said.
#[test]
fn a_batch_is_planned() {
    let home = tempfile::tempdir().unwrap();
    let plan = |arguments: &[&str]| {
        let said = say(evmbench()
            .args([&["plan"], arguments, &["--batch", "8"]].concat())
            .env("EVMBENCH_HOME", home.path())
            .env("PATH", ""));
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        said.stdout
    };
    let said = plan(&["cnn_strided"]);
    assert!(said.contains("gas a proof in a batch"), "{said}");
    let planned: serde_json::Value = serde_json::from_str(&plan(&["cnn_strided", "--json"])).unwrap();
    for under in planned["forecast"]["forks"].as_array().unwrap() {
        let (batch, alone) = (&under["batch"], under["verification_gas"]["low"].as_u64());
        assert_eq!(batch["proofs"], 8);
        assert!(
            batch["tx_gas"]["high"].as_u64() < alone.map(|gas| 8 * gas),
            "{under}"
        );
        assert!(batch["public_pool_proofs"]["low"].as_u64() >= Some(8), "{under}");
    }
    let said = plan(&["dense_small", "--io", "result"]);
    assert!(
        said.contains("batches are forecast for circuits of up to 32 public values, and this one has 66"),
        "{said}"
    );
}

/// Where training is not built in, the one command that builds it is told.
#[cfg(not(feature = "train"))]
#[test]
fn what_is_not_built_in_says_how_to_build_it() {
    refuses(
        &["train", "cnn_strided"],
        2,
        "`train` is not built in",
        "cargo build --release --features train",
    );
}

/// Likewise of downloading.
#[cfg(not(feature = "download"))]
#[test]
fn data_are_downloaded_where_that_is_built_in() {
    refuses(
        &["data", "cifar10"],
        2,
        "`data` is not built in",
        "cargo build --release --features download",
    );
}

/// Likewise of costs on rollups, without which the others are told.
#[cfg(not(feature = "rollups"))]
#[test]
fn costs_on_rollups_are_told_where_they_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let said = evmbench()
        .args(["report", "--format", "markdown", "--out", out, "--results"])
        .arg(common::root("results/core"))
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    let report = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(report.contains("cargo build --release --features rollups"));
    assert!(report.contains("| Ethereum |") && !report.contains("| Base |"));
}

/// Records that need no file of anybody's: each that a command makes is there.
#[test]
fn the_published_commands_make_the_published_records() {
    let listed = evmbench().args(["list", "--published"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let commands = listed.lines().filter_map(|line| line.strip_prefix("  evmbench "));
    let without_files =
        commands.filter(|command| command.starts_with("prove-and-verify") && !command.contains("DIR"));
    let mut records = 0;
    for command in without_files {
        let command = command.replace("--scale 7,10", "--scale 7");
        let planned = evmbench()
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(command.split(' '))
            .args(["--dry-run", "--json"])
            .output()
            .unwrap();
        assert!(planned.status.success(), "{command}: {planned:?}");
        for line in String::from_utf8(planned.stdout).unwrap().lines() {
            let planned: serde_json::Value = serde_json::from_str(line).unwrap();
            let path = common::root(planned["record"].as_str().unwrap());
            assert!(path.exists(), "{command}: {}", path.display());
            records += 1;
        }
    }
    assert!(records > 30, "{records}");
}

/// Likewise of pictures in pixels.
#[cfg(not(feature = "png"))]
#[test]
fn plots_are_png_where_that_is_built_in() {
    refuses(
        &["report", "--format", "png"],
        2,
        "`report --format png` is not built in",
        "cargo build --release --features png",
    );
}

/// Likewise of asking a provider, whose URL is not repeated.
#[cfg(not(feature = "rpc"))]
#[test]
fn a_provider_is_asked_where_that_is_built_in() {
    refuses(
        &["verify", "record.json", "--rpc", "https://host/key"],
        2,
        "`verify --rpc` is not built in",
        "cargo build --release --features rpc",
    );
}
