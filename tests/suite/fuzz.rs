//! `evmbench fuzz` on published records: what it prints, writes, keeps and refuses.

use std::path::Path;

use evmbench::fuzz::{Class, Corpus, Report};
use evmbench::record::Evidence;
use evmbench::store;
use tempfile::TempDir;

use crate::common;

const DENSE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/results/scaling/dense_small-s7-direct.json"
);
const RELU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/core/relu-s7-direct.json");
/// The ablation's baseline, and the same circuit with the reusable verifier: one key, one statement, two proofs.
const BASELINE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/results/ablation/scaling/dense_small-s7-direct-9bb6e804.json"
);
const REUSABLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/results/ablation/scaling/dense_small-s7-direct-e249dd1c.json"
);

struct Said {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn fuzz(arguments: &[&str]) -> Said {
    let mut command = common::evmbench();
    let output = command.arg("fuzz").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// What is the same on every machine: all but the lines with times.
fn without_pace(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.contains(" threads: ") {
            "[pace]"
        } else {
            line
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_table_tells_how_each_class_ended() {
    let said = fuzz(&[DENSE, RELU, "--cases", "520", "--seed", "1"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(without_pace(&said.stdout));
}

/// Words after the proof, which this verifier leaves unread, are told apart and are no finding.
#[test]
fn a_reusable_verifier_is_tried_with_its_key() {
    let said = fuzz(&[REUSABLE, "--cases", "520", "--seed", "1"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(without_pace(&said.stdout));
}

/// Of two records of one circuit each has a proof that the other's verifier accepts, and has to.
#[test]
fn two_proofs_of_one_statement_are_no_finding() {
    let arguments = ["--cases", "200", "--class", "another_proof_spliced", "--json"];
    let said = fuzz(&[&[BASELINE, REUSABLE], &arguments[..]].concat());
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let report: Report = serde_json::from_str(&said.stdout).unwrap();
    let [baseline, reusable] = &report.records[..] else {
        panic!("{} records", report.records.len());
    };
    for record in [baseline, reusable] {
        let total = record.campaign.total();
        // One case in eight takes the other's whole proof, as many its values, and some a part that is equal.
        assert!(total.identical >= 20, "{}: {total:?}", record.campaign.name);
        assert_eq!(total.identical + total.rejected, 100);
    }
}

#[test]
fn a_report_says_what_was_tried_and_fits_its_schema() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("report.json");
    let text = path.to_str().unwrap();
    let arguments = [
        DENSE,
        "--cases",
        "53",
        "--seed",
        "7",
        "--fork",
        "prague",
        "--threads",
        "1",
    ];
    let said = fuzz(&[&arguments[..], &["--out", text, "--json"]].concat());
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let report: Report = store::read_json(&path).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&said.stdout).unwrap(), report);

    let campaign = &report.records[0].campaign;
    assert_eq!(campaign.name, "dense_small-s7-direct");
    assert_eq!(
        (campaign.fork.name(), campaign.seed, campaign.threads),
        ("prague", 7, 1)
    );
    assert_eq!(campaign.total().cases, 53);
    let record = store::load(Path::new(DENSE)).unwrap();
    let proof = record.evidence.iter().find(|file| file.name == Evidence::PROOF);
    assert_eq!(
        report.records[0].proof_sha256.as_ref(),
        proof.map(|file| &file.sha256)
    );
    // One record has no other's parts to take.
    let spliced = campaign
        .tallies
        .iter()
        .find(|tally| tally.class == Class::AnotherProofSpliced)
        .unwrap();
    assert_eq!(spliced.tally.cases, 0);
    for pace in [
        campaign.pace,
        campaign.pace_by_end.valid,
        campaign.pace_by_end.early_failure,
    ] {
        assert!(pace.cases > 0 && pace.per_second() > 0.0);
    }

    let schema = serde_json::from_str(&std::fs::read_to_string(schema_path()).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(
        validator.is_valid(&json),
        "{:?}",
        validator.iter_errors(&json).next()
    );
    json["records"][0]["campaign"]
        .as_object_mut()
        .unwrap()
        .remove("tallies");
    assert!(!validator.is_valid(&json));
}

fn schema_path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/fuzz.json")
}

/// The schema in the repository is that of the types. To renew it: `UPDATE_SCHEMA=1 cargo test --test suite fuzz::`.
#[test]
fn the_published_schema_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(schema_path(), &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(schema_path()).unwrap(), text);
}

#[test]
fn one_class_takes_all_cases() {
    let said = fuzz(&[
        DENSE,
        "--cases",
        "20",
        "--class",
        "point_negated,proof_length",
        "--json",
    ]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let report: Report = serde_json::from_str(&said.stdout).unwrap();
    let tallies: Vec<_> = report.records[0]
        .campaign
        .tallies
        .iter()
        .map(|tally| (tally.class, tally.tally.cases))
        .collect();
    assert_eq!(tallies, [(Class::PointNegated, 10), (Class::ProofLength, 10)]);
}

#[test]
fn a_reusable_verifiers_kept_cases_are_tried_again() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().to_str().unwrap();
    let said = fuzz(&[REUSABLE, "--cases", "260", "--keep", text]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let again = fuzz(&[REUSABLE, "--replay", text]);
    assert_eq!(again.status, Some(0), "{}{}", again.stdout, again.stderr);
}

#[test]
fn kept_cases_are_tried_again() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().to_str().unwrap();
    let said = fuzz(&[DENSE, "--cases", "50", "--keep", text]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let again = fuzz(&[DENSE, "--replay", text]);
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    let path = folder.path().join("dense_small-s7-direct.json");
    let mut corpus: Corpus = store::read_json(&path).unwrap();
    let cases = corpus.cases.len();
    assert_eq!(
        again.stdout,
        format!("dense_small-s7-direct: {cases} of {cases} kept cases end as they did\n")
    );

    corpus.cases[0].outcome.execution_gas = Some(1);
    store::write_json(&path, &corpus).unwrap();
    let other = fuzz(&[DENSE, "--replay", text]);
    assert_eq!(other.status, Some(1), "{}", other.stderr);
    assert!(
        other.stdout.contains("rejected after 1 gas when it was kept"),
        "{}",
        other.stdout
    );
}

#[track_caller]
fn refuses(arguments: &[&str], status: i32, message: &str) {
    let said = fuzz(arguments);
    assert_eq!(said.status, Some(status), "{}", said.stderr);
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains(message), "{}", said.stderr);
}

#[test]
fn what_cannot_be_tried_is_refused() {
    refuses(&[], 2, "<RECORD>");
    refuses(
        &[DENSE, "--class", "points"],
        2,
        "no such class; the classes are advice_bit_flipped, ",
    );
    refuses(
        &[DENSE, "--class", "another_proof_spliced"],
        1,
        "hint: parts of another proof need a second record",
    );
    refuses(&["no-such-record.json"], 1, "no-such-record.json");
    refuses(&[DENSE, "--replay", "no-such-folder"], 1, "no-such-folder");
    refuses(&[DENSE, "--replay", ".", "--seed", "1"], 2, "cannot be used with");
}
