//! The tables in README and docs are those of the records in `results`, cell by cell.
//!
//! To renew them: `UPDATE_TABLES=1 cargo test --test documents`.

use std::path::PathBuf;

use evmbench::prover::Phase;
use evmbench::record::{Outcome, Record};
use evmbench::store;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every record below `results`, by path.
fn published() -> Vec<Record> {
    let mut paths = Vec::new();
    for suite in ["core", "scaling", "composite"] {
        let Ok(listing) = std::fs::read_dir(root().join("results").join(suite)) else {
            continue;
        };
        paths.extend(listing.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| store::load(path).unwrap()).collect()
}

/// Holds the text between a document's markers against what the records say.
#[track_caller]
fn assert_table(document: &str, name: &str, table: &str) {
    let path = root().join(document);
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

fn markdown(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(heading.iter().map(|&cell| cell.to_owned()).collect());
    let rule = (0..heading.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned());
    text += &line(rule.collect());
    text.extend(rows.into_iter().map(line));
    text
}

/// Thousands apart; a dash where nothing was measured.
fn count(number: Option<u64>) -> String {
    let Some(number) = number else {
        return "-".to_owned();
    };
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups
        .into_iter()
        .map(|group| std::str::from_utf8(group).unwrap())
        .collect::<Vec<_>>()
        .join(",")
}

fn seconds(samples: &[f64]) -> String {
    let mean = samples.iter().sum::<f64>() / samples.len() as f64;
    if samples.is_empty() {
        "-".to_owned()
    } else {
        format!("{mean:.1} s")
    }
}

fn gibibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "-".to_owned(),
        |bytes| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)),
    )
}

#[test]
fn the_table_of_the_readme_is_from_records() {
    let records = published();
    let rows = records.iter().filter(|record| {
        record.request.plan.kind == evmbench::prover::CircuitKind::Direct
            && record.outcome == Outcome::Verified
    });
    let table = markdown(
        &[
            "",
            "rows",
            "2^k",
            "prove",
            "peak memory",
            "proof",
            "instances",
            "code",
            "verify gas",
            "outcome",
        ],
        rows.map(|record| {
            let circuit = record.circuit.as_ref().unwrap();
            let proof = record.proof.as_ref().unwrap();
            let gas = record.verification.as_ref().unwrap().gas.unwrap();
            vec![
                format!("{}, scale {}", record.request.id, record.request.plan.scale),
                count(Some(circuit.rows)),
                circuit.logrows.to_string(),
                seconds(&record.call_seconds(Phase::Prove)),
                gibibytes(record.peak_rss_bytes(Phase::Prove)),
                format!("{} B", count(Some(proof.proof_bytes))),
                count(Some(proof.instances)),
                format!(
                    "{} B",
                    count(
                        record
                            .verifier
                            .as_ref()
                            .map(|verifier| verifier.runtime_code_bytes)
                    )
                ),
                count(Some(gas.tx_gas)),
                record.outcome_and_limits(),
            ]
        }),
    );
    assert_table("README.md", "results", &table);
}

#[test]
fn the_table_of_what_a_run_needs_is_from_records() {
    let records = published();
    let table = markdown(
        &[
            "record", "2^k", "key", "set-up", "its peak", "prove", "its peak", "disk", "outcome",
        ],
        records.iter().map(|record| {
            vec![
                record.request.name(),
                count(record.circuit.as_ref().map(|circuit| u64::from(circuit.logrows))),
                gibibytes(record.keys.as_ref().and_then(|keys| keys.proving_key_bytes)),
                seconds(&record.call_seconds(Phase::Setup)),
                gibibytes(record.peak_rss_bytes(Phase::Setup)),
                seconds(&record.call_seconds(Phase::Prove)),
                gibibytes(record.peak_rss_bytes(Phase::Prove)),
                gibibytes(record.peak_disk_bytes),
                record.outcome_and_limits(),
            ]
        }),
    );
    assert_table("docs/hardware.md", "needs", &table);
}

#[test]
fn the_comparison_with_the_study_is_from_records() {
    let records = published();
    let rows = records
        .iter()
        .filter(|record| record.request.plan.kind == evmbench::prover::CircuitKind::Study);
    let table = markdown(
        &[
            "record",
            "rows",
            "the study's",
            "key bytes",
            "the study's",
            "verifying key bytes",
            "the study's",
        ],
        rows.map(|record| {
            let study = record.study.as_ref().unwrap();
            vec![
                record.request.name(),
                count(record.circuit.as_ref().map(|circuit| circuit.rows)),
                count(study.rows),
                count(record.keys.as_ref().and_then(|keys| keys.proving_key_bytes)),
                count(study.proving_key_bytes),
                count(record.keys.as_ref().map(|keys| keys.verifying_key_bytes)),
                count(study.verifying_key_bytes),
            ]
        }),
    );
    assert_table("docs/method.md", "study", &table);
}
