//! No file that a user names ends the program otherwise than with an answer, whatever it is and whatever it holds: pipes, devices,
//! files without end, numbers beyond every range, code that never ends, texts that act on a terminal or a spreadsheet.
//!
//! What is drawn is drawn a few times, or as often as `PROPTEST_CASES` says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::models::{operator, small, written};
use crate::common::{Said, dry_run, evmbench, fixture, root, say, step};
use evmbench::hint::Hint as _;
use evmbench::ledger::{self, Facts};
use evmbench::model::input::{self, Slot};
use evmbench::model::{layers, onnx};
use evmbench::prover::{CircuitSettings, SettingsFile, check_srs_file, negated_s_g2};
use evmbench::record::{Evidence, Record};
use evmbench::report::{Dataset, Format, Prices, Report, output};
use evmbench::store::{self, Store};
use evmbench::suite;
use evmbench::tune::Profile;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use serde_json::{Value, json};
use sha2::Digest as _;
use tempfile::TempDir;

/// How long the program may take over a file. It takes a fraction of a second; other tests run beside this one.
const MOST_TIME: Duration = Duration::from_secs(45);

/// A record with all its evidence.
const RECORD: &str = "results/scaling/dense_small-s7-direct.json";

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Runs the program, which must refuse in time, with one message and a hint; nothing in either acts on a terminal.
#[track_caller]
fn refused(arguments: &[&str]) -> Said {
    let start = Instant::now();
    let folder = TempDir::new().unwrap();
    let said = say(evmbench().args(arguments).current_dir(folder.path()));
    assert!(start.elapsed() < MOST_TIME, "{arguments:?} {:?}", start.elapsed());
    assert!(matches!(said.status, Some(1 | 2)), "{arguments:?} {said:?}");
    assert!(
        said.stderr.contains("error: ") && said.stderr.contains("hint: "),
        "{arguments:?} {said:?}"
    );
    assert!(!said.stderr.contains("panicked"), "{arguments:?} {said:?}");
    assert_plain(&said.stderr);
    said
}

/// No character of it acts on a terminal, or turns the direction of what follows.
#[track_caller]
fn assert_plain(text: &str) {
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    let found = text.find(acts);
    assert_eq!(
        found,
        None,
        "{:?}",
        found.map(|at| text[at..].chars().take(60).collect::<String>())
    );
}

/// Every option that names a file, with what goes before and after it. `{}` is the file.
const FILES: [(&[&str], &str); 19] = [
    (&["prove-and-verify", "--dry-run", "--onnx", "{}"], "onnx"),
    (
        &["prove-and-verify", "relu", "--dry-run", "--input", "{}"],
        "json",
    ),
    (&["prove-and-verify", "relu", "--dry-run", "--input", "{}"], "npy"),
    (&["prove-and-verify", "relu", "--dry-run", "--input", "{}"], "npz"),
    (
        &["prove-and-verify", "dense_small", "--dry-run", "--weights", "{}"],
        "safetensors",
    ),
    (
        &["prove-and-verify", "dense_small", "--dry-run", "--weights", "{}"],
        "onnx",
    ),
    (&["prove-and-verify", "relu", "--dry-run", "--srs", "{}"], "srs"),
    (&["prove-and-verify", "--dry-run", "--profile", "{}"], "json"),
    (&["verify", "{}"], "json"),
    (&["audit", "{}"], "json"),
    (&["fuzz", "{}"], "json"),
    (&["export-foundry", "--out", "out", "{}"], "json"),
    (&["audit", "--settings", "{}"], "json"),
    (&["audit", "--key", "{}"], "key"),
    (&["audit", "--srs", "{}"], "srs"),
    (&["srs", "import", "{}"], "ptau"),
    (&["srs", "verify", "{}"], "ptau"),
    (&["audit", "--model", "{}"], "onnx"),
    (&["evaluate", "cnn_relu", "--data", "{}"], "tar.gz"),
];

fn arguments<'a>(of: &[&'a str], file: &'a str) -> Vec<&'a str> {
    of.iter()
        .map(|&argument| if argument == "{}" { file } else { argument })
        .collect()
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// None of these is opened and waited for.
#[test]
fn what_is_no_regular_file_is_refused_by_every_option() {
    let folder = TempDir::new().unwrap();
    for (command, ending) in FILES {
        let below = |name: &str| folder.path().join(format!("{name}.{ending}"));
        if !below("pipe").exists() {
            make_pipe(&below("pipe"));
            std::os::unix::fs::symlink("/dev/zero", below("zero")).unwrap();
        }
        for name in ["pipe", "zero"] {
            let path = below(name);
            let said = refused(&arguments(command, path.to_str().unwrap()));
            assert!(
                said.stderr.contains("no regular file"),
                "{command:?} {}",
                said.stderr
            );
        }
    }
}

/// A file that has, or says that it has, terabytes is not read.
#[test]
fn files_without_end_are_refused_by_every_option() {
    let folder = TempDir::new().unwrap();
    for (command, ending) in FILES {
        let path = folder.path().join(format!("huge.{ending}"));
        // It takes no space on the disk.
        std::fs::File::create(&path).unwrap().set_len(1 << 42).unwrap();
        let said = refused(&arguments(command, path.to_str().unwrap()));
        assert!(said.stderr.contains("are read"), "{command:?} {}", said.stderr);
    }
}

/// What `docs/troubleshooting.md` says of refusals is what the program does: status, error and hint.
#[test]
fn refusals_are_as_the_document_has_them() {
    let folder = TempDir::new().unwrap();
    let below = |name: &str| folder.path().join(name);
    make_pipe(&below("pipe.onnx"));
    std::fs::File::create(below("huge.json"))
        .unwrap()
        .set_len(1 << 42)
        .unwrap();
    std::fs::write(below("object.json"), "{}").unwrap();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n";
    let length = (header.len() as u16).to_le_bytes();
    let array = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    std::fs::write(below("claims.npy"), array).unwrap();
    let whole = std::fs::read(fixture("srs/powersOfTau28_hez_final_08.ptau")).unwrap();
    let mut wrong = whole.clone();
    // Of τ^9·G: sections 1 and 2 begin at 12 and 68 bytes, with 12 bytes each before their contents.
    wrong[80 + 9 * 64] ^= 1;
    std::fs::write(below("cut.ptau"), &whole[..whole.len() - 1]).unwrap();
    std::fs::write(below("whole.ptau"), whole).unwrap();
    std::fs::write(below("wrong.ptau"), wrong).unwrap();
    for (name, change) in [
        (
            "range.json",
            ("/verification/margins/0/value", json!(1_u64 << 63)),
        ),
        ("name.json", ("/request/id", json!(".."))),
        ("bare.json", ("/notes", json!([]))),
    ] {
        let path = copy(folder.path(), |json| {
            *json.pointer_mut(change.0).unwrap() = change.1;
        });
        std::fs::rename(path, below(name)).unwrap();
    }
    let document = std::fs::read_to_string(root("docs/troubleshooting.md")).unwrap();
    let (_, rest) = document.split_once("<!-- refusals: begin -->\n").unwrap();
    let (rows, _) = rest.split_once("<!-- refusals: end -->").unwrap();
    let mut tried = 0;
    for row in rows.lines().skip(2) {
        let cells: Vec<&str> = row
            .trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [command, status, error, hint] = cells[..] else {
            panic!("{row}")
        };
        let mut words: Vec<&str> = command.split(' ').collect();
        if words[0] == "prove-and-verify" {
            words.extend(["--dry-run", "--out", "runs"]);
        }
        let said = say(evmbench().args(&words).current_dir(folder.path()));
        assert_eq!(said.status, Some(status.parse().unwrap()), "{command} {said:?}");
        assert_eq!(said.stdout, "", "{command}");
        let (before, after) = said
            .stderr
            .split_once("hint: ")
            .unwrap_or_else(|| panic!("{command} {said:?}"));
        assert!(
            before.starts_with("error: ") && before.contains(error),
            "{command} {said:?}"
        );
        assert!(after.contains(hint), "{command} {said:?}");
        tried += 1;
    }
    assert!(tried >= 20, "{tried}");
}

/// A record's copy, alone in a folder, with this much of it changed.
fn copy(folder: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut json: Value = serde_json::from_slice(&std::fs::read(root(RECORD)).unwrap()).unwrap();
    change(&mut json);
    let path = folder.join("core").join("record.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
    path
}

/// Evidence is looked for in the record's own folder, is a regular file, and unpacks to no more than is read.
#[test]
fn evidence_from_elsewhere_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = |change: fn(&mut Value)| copy(folder.path(), |json| change(&mut json["evidence"][0]));
    for name in ["../../x", "/etc/passwd", "..", ".x", "a\u{1b}[2Jb", "a/b"] {
        let path = copy(folder.path(), |json| json["evidence"][0]["name"] = json!(name));
        let said = refused(&["verify", path.to_str().unwrap()]);
        assert!(said.stderr.contains("cannot be a file's name"), "{}", said.stderr);
    }
    let path = file(|evidence| evidence["size_bytes"] = json!(1_u64 << 40));
    let said = refused(&["fuzz", path.to_str().unwrap()]);
    assert!(
        said.stderr.contains("is missing") || said.stderr.contains("are read"),
        "{}",
        said.stderr
    );
    // A pipe in place of each file of evidence.
    let path = copy(folder.path(), |_| {});
    let record = store::load(&path).unwrap();
    let evidence = path.with_extension("evidence");
    std::fs::create_dir_all(evidence.join("large")).unwrap();
    for file in &record.evidence {
        let place = if file.large {
            evidence.join("large")
        } else {
            evidence.clone()
        };
        make_pipe(&place.join(format!("{}.gz", file.name)));
        let said = store::load_evidence(&path, &record, &file.name).unwrap_err();
        assert!(said.to_string().contains("no regular file"), "{said}");
    }
    let said = refused(&["fuzz", path.to_str().unwrap()]);
    assert!(said.stderr.contains("no regular file"), "{}", said.stderr);
}

/// A few bytes do not become gigabytes.
#[test]
fn evidence_that_unpacks_to_more_than_its_record_says_is_refused() {
    let folder = TempDir::new().unwrap();
    let record = store::load(&root(RECORD)).unwrap();
    let name = Evidence::PROOF;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mebibyte = vec![0; 1 << 20];
    for _ in 0..256 {
        packed.write_all(&mebibyte).unwrap();
    }
    let packed = packed.finish().unwrap();
    for (size_bytes, part) in [
        (100, "to the record's size"),
        (u64::from(u32::MAX), "at most 512 MiB are read"),
    ] {
        let path = copy(folder.path(), |json| {
            let files = json["evidence"].as_array_mut().unwrap();
            let file = files.iter_mut().find(|file| file["name"] == name).unwrap();
            file["size_bytes"] = json!(size_bytes);
            file["compressed_bytes"] = json!(packed.len());
            file["compressed_sha256"] = json!(alloy_primitives::hex::encode(sha2::Sha256::digest(&packed)));
        });
        let evidence = path.with_extension("evidence");
        std::fs::create_dir_all(&evidence).unwrap();
        std::fs::write(evidence.join(format!("{name}.gz")), &packed).unwrap();
        let changed = store::load(&path).unwrap();
        let error = store::load_evidence(&path, &changed, name).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(record.evidence.iter().filter(|file| file.name == name).count(), 1);
}

/// Code in evidence that never ends is stopped by its gas, which follows from the bytes that it was sent.
#[test]
fn endless_code_in_evidence_is_stopped() {
    let source = root(RECORD);
    let record = store::load(&source).unwrap();
    let evidence = |name: &str| store::load_evidence(&source, &record, name).unwrap();
    // JUMPDEST, PUSH1 0, JUMP; and creation code that leaves this on the chain.
    let endless = vec![0x5b, 0x60, 0x00, 0x56];
    let leaves_it = [
        &[0x63][..],
        &endless,
        &[0x60, 0x00, 0x52, 0x60, 0x04, 0x60, 0x1c, 0xf3],
    ]
    .concat();
    for creation_code in [endless.clone(), leaves_it] {
        let folder = TempDir::new().unwrap();
        let mut changed = Evidence::default();
        for file in &record.evidence {
            changed.put(&file.name, evidence(&file.name)).unwrap();
        }
        changed.creation_code = Some(creation_code);
        changed.runtime_code = Some(endless.clone());
        let mut record = record.clone();
        let path = Store::new(folder.path()).save(&mut record, &changed).unwrap();
        for command in ["fuzz", "verify", "audit"] {
            let start = Instant::now();
            let said = say(evmbench().arg(command).arg(&path));
            assert!(start.elapsed() < MOST_TIME, "{command} {:?}", start.elapsed());
            assert_eq!(said.status, Some(1), "{command} {said:?}");
        }
    }
}

/// Every number has a range, and what is outside is refused with a hint; nothing is laid out or allocated for it.
#[test]
fn numbers_out_of_range_are_refused() {
    for option in [
        "--columns",
        "--tiles",
        "--runs",
        "--warmup",
        "--threads",
        "--timeout",
        "--optimizer-runs",
        "--scale",
        "--sample",
    ] {
        for number in [
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "-1",
            "1e30",
            "4611686018427387904",
        ] {
            let said = dry_run(&["dense_small", &format!("{option}={number}")]);
            assert!(matches!(said.status, Some(1 | 2)), "{option} {number} {said:?}");
            assert!(said.stderr.contains("error: "), "{option} {number} {said:?}");
        }
    }
    for columns in ["1025", "1000000000"] {
        let said = dry_run(&["dense_small", "--columns", columns]);
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(
            said.stderr.contains("1 to 1024 columns") && said.stderr.contains("hint: use 2"),
            "{said:?}"
        );
    }
    for (option, size) in [
        ("--memory-limit", "8"),
        ("--cache-limit", "8"),
        ("--memory-limit", "99999999TiB"),
    ] {
        let said = dry_run(&["dense_small", option, size]);
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(
            said.stderr.contains("unit; hint: write 8GiB") || said.stderr.contains("1024TiB"),
            "{said:?}"
        );
    }
    for size in ["8GB", "8GiB", "8 GiB", "8192MB"] {
        assert_eq!(
            dry_run(&["dense_small", "--memory-limit", size]).status,
            Some(0),
            "{size}"
        );
    }
}

#[test]
fn numbers_of_records_have_ranges() {
    let folder = TempDir::new().unwrap();
    for (pointer, number) in [
        ("/verification/margins/0/value", json!(1_u64 << 63)),
        ("/verification/margins/0/limit", json!(u64::MAX)),
        ("/verification/gas/tx_gas", json!(u64::MAX)),
        ("/request/plan/scale", json!(25)),
        ("/request/plan/inner_columns", json!(1_u64 << 63)),
        ("/request/plan/logrows", json!(200)),
        ("/circuit/logrows", json!(64)),
        ("/circuit/rows", json!(u64::MAX)),
        (
            "/request/part",
            json!({"split": {"tiles": 1_u64 << 40}, "index": 0}),
        ),
        ("/request/part", json!({"split": {"tiles": 2}, "index": 2})),
        ("/request/part", json!({"split": {"tiles": 0}, "index": 0})),
    ] {
        let path = copy(folder.path(), |json| {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            json.pointer_mut(parent).unwrap()[field] = number.clone();
        });
        for command in ["verify", "audit", "fuzz"] {
            let said = refused(&[command, path.to_str().unwrap()]);
            assert!(said.stderr.contains("out of range"), "{pointer} {}", said.stderr);
        }
    }
    for (field, value) in [
        ("id", "../../../x"),
        ("suite", "/tmp"),
        ("id", ".."),
        ("id", "a\u{202e}b"),
        ("suite", ""),
    ] {
        let path = copy(folder.path(), |json| json["request"][field] = json!(value));
        let said = refused(&["fuzz", path.to_str().unwrap(), "--keep", "kept", "--cases", "1"]);
        assert!(said.stderr.contains("cannot be a file's name"), "{}", said.stderr);
    }
}

/// Texts that mean something to a terminal, a spreadsheet or a page.
const TEXTS: [&str; 8] = [
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+A1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "a\u{1b}[2J\u{1b}]0;owned\u{7}b",
    "a\u{202e}b\u{2066}c\u{9b}31m<script>alert(1)</script>",
];

/// What a report says of the record in this folder, in every format but pictures.
fn reported(folder: &Path) -> Option<Vec<(String, String)>> {
    let dataset = Dataset::read(&[folder.to_str().unwrap().to_owned()]).ok()?;
    let report = Report::new(dataset, &Prices::read(None).unwrap());
    let mut texts = Vec::new();
    for format in [
        Format::Csv,
        Format::Markdown,
        Format::Latex,
        Format::Text,
        Format::Html,
    ] {
        for file in output::files(&report, format).unwrap() {
            texts.push((
                file.path.display().to_string(),
                String::from_utf8(file.bytes).unwrap(),
            ));
        }
    }
    Some(texts)
}

/// No cell of a CSV file is taken for a formula, and no text of any file acts.
#[track_caller]
fn assert_inert(files: &[(String, String)]) {
    for (name, text) in files {
        if name.ends_with("csv") {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text.as_bytes());
            for record in reader.records() {
                for cell in &record.unwrap() {
                    let start = cell.trim_start();
                    let is_number = cell.parse::<f64>().is_ok() || cell == "-";
                    assert!(
                        is_number || !start.starts_with(['=', '@', '\t', '\r']),
                        "{name} {cell:?}"
                    );
                    assert!(
                        is_number || !start.starts_with(['+', '-']) || !start.contains(['|', '(', 'A']),
                        "{name} {cell:?}"
                    );
                }
            }
        }
        // The page's own script and style have tabs at most.
        assert_plain(&text.replace('\t', " "));
        // Only these are given to a browser.
        let acts = name.ends_with("html") || name.ends_with("md");
        assert!(!acts || !text.contains("<script>alert"), "{name}");
    }
}

/// In whichever field a record has them.
#[test]
fn texts_of_records_do_not_act() {
    let fields = [
        "/model/description",
        "/finished_at",
        "/environment/machine/cpu",
        "/environment/ezkl_version",
        "/environment/machine/fingerprint",
        "/environment/solc_version",
        "/environment/machine/system",
        "/request/srs_sha256",
        "/notes/0",
    ];
    let mut tried = 0;
    for text in TEXTS {
        let folder = TempDir::new().unwrap();
        copy(folder.path(), |json| {
            json["notes"] = json!([text]);
            for field in fields {
                if let Some(place @ Value::String(_)) = json.pointer_mut(field) {
                    *place = json!(text);
                    tried += 1;
                }
            }
        });
        assert_inert(&reported(folder.path()).unwrap());
    }
    assert!(tried >= 4 * TEXTS.len(), "{tried}");
}

/// The program's own output, and what it says of a file's content.
#[test]
fn the_terminal_is_not_told_what_to_do() {
    let folder = TempDir::new().unwrap();
    for text in TEXTS {
        let path = copy(folder.path(), |json| {
            json["model"]["description"] = json!(text);
            json["notes"] = json!([text]);
            json["outcome"] = json!({"status": "rejected", "why": text});
        });
        let here = folder.path().to_str().unwrap();
        for command in [
            &["compare", here, here][..],
            &["gas-diff", here, here],
            &["audit", path.to_str().unwrap()],
            &["verify", path.to_str().unwrap()],
            &[
                "report",
                "--results",
                here,
                "--format",
                "text",
                "--out",
                folder.path().join("out").to_str().unwrap(),
            ],
        ] {
            let said = say(evmbench().args(command));
            assert_plain(&said.stdout);
            assert_plain(&said.stderr);
        }
    }
    for content in TEXTS {
        let file = folder.path().join("x.json");
        std::fs::write(&file, format!("{{\"{content}\": [}}")).unwrap();
        refused(&[
            "prove-and-verify",
            "relu",
            "--dry-run",
            "--input",
            file.to_str().unwrap(),
        ]);
        refused(&["verify", file.to_str().unwrap()]);
    }
}

/// A graph of 100,000 nodes is refused by their number, before anything is made of them.
#[test]
fn a_hundred_thousand_nodes_are_refused_at_once() {
    let nodes = (0..100_000).map(|index| operator("Relu", &[&name(index)], &name(index + 1)));
    let folder = TempDir::new().unwrap();
    let model = small(&[1, 4], nodes.collect(), Vec::new());
    let file = written(&folder, "deep.onnx", &model);
    let start = Instant::now();
    let said = refused(&["prove-and-verify", "--dry-run", "--onnx", &file]);
    // It takes a quarter of a second alone.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(
        said.stderr
            .contains("it has 100000 nodes, and 10000 are the most"),
        "{}",
        said.stderr
    );
}

/// The name of a chain's value: it begins with `x`.
fn name(index: usize) -> String {
    if index == 0 {
        "x".to_owned()
    } else {
        format!("v{index}")
    }
}

/// A figure of 0 has no place on a logarithmic axis; the others have theirs.
#[test]
fn zeros_in_a_record_are_drawn_nowhere() {
    for pointer in [
        "/verification/gas/tx_gas",
        "/circuit/rows",
        "/circuit/cells",
        "/circuit/logrows",
        "/model/multiply_adds",
        "/model/parameters",
        "/deployment/gas/tx_gas",
    ] {
        let folder = TempDir::new().unwrap();
        let core = folder.path().join("core");
        std::fs::create_dir(&core).unwrap();
        let mut json = json_of(RECORD);
        std::fs::write(core.join("whole.json"), json.to_string()).unwrap();
        json["request"]["id"] = json!("other");
        *json.pointer_mut(pointer).unwrap() = json!(0);
        std::fs::write(core.join("zero.json"), json.to_string()).unwrap();
        let said = say(evmbench()
            .args(["report", "--results"])
            .arg(folder.path())
            .arg("--out")
            .arg(folder.path().join("out")));
        assert_eq!(said.status, Some(0), "{pointer}: {}", said.stderr);
    }
}

/// 2,000 records of as many models become a page in bounded time: what is drawn of them is bounded, and nothing is compared with all
/// others.
#[test]
fn a_report_of_two_thousand_records_is_made_soon() {
    let records = 2_000 / step(4);
    let folder = TempDir::new().unwrap();
    let core = folder.path().join("core");
    std::fs::create_dir(&core).unwrap();
    let mut json = json_of(RECORD);
    for index in 0..records {
        json["request"]["id"] = json!(format!("model_{index}"));
        json["circuit"]["rows"] = json!(1_000 + 37 * index);
        std::fs::write(core.join(format!("{index}.json")), json.to_string()).unwrap();
    }
    let start = Instant::now();
    let out = folder.path().join("out");
    let said = say(evmbench()
        .args(["report", "--format", "html", "--results"])
        .arg(folder.path())
        .arg("--out")
        .arg(&out));
    let took = start.elapsed();
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("model_0") && page.contains(&format!("model_{}", records - 1)));
    // The aim is 20 s for all in a release build on a quiet machine; this build is not optimised.
    assert!(took < Duration::from_mins(3), "{took:?}");
}

// ---- Files that are drawn.

/// Bytes with some of them changed, left out or doubled.
fn changed(bytes: &[u8], changes: &[(Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for &(place, kind, byte) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = place.index(bytes.len());
        match kind % 8 {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            3 => bytes[at] = b'9',
            4 => bytes[at] = 0xff,
            5 => bytes[at] ^= 1 << (byte % 8),
            6 => {
                let run = bytes[at..]
                    .iter()
                    .take(usize::from(byte))
                    .copied()
                    .collect::<Vec<_>>();
                bytes.splice(at..at, run);
            }
            _ => bytes[at] = byte,
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
    prop::collection::vec(any::<(Index, u8, u8)>(), 1..6)
}

/// What stands in no honest file.
fn hostile_values() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1_u64 << 31),
        json!(1_u64 << 53),
        json!(1_u64 << 63),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(-1e-300),
        json!(""),
        json!("../../x"),
        json!("=1+1"),
        json!("\u{1b}[2J\u{202e}"),
        json!("x".repeat(10_000)),
        json!([]),
        json!([[[[[1]]]]]),
        json!({}),
        json!({"a": 1}),
    ])
}

/// Pointers to every value in it, the outermost first.
fn pointers(json: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match json {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{here}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(field, &format!("{here}/{name}"), all);
            }
        }
        _ => {}
    }
}

/// The JSON with other values at some places.
fn replaced(mut json: Value, changes: &[(Index, Value)]) -> Value {
    for (place, value) in changes {
        let mut all = Vec::new();
        pointers(&json, "", &mut all);
        *json.pointer_mut(&all[place.index(all.len())]).unwrap() = value.clone();
    }
    json
}

fn replacements() -> impl Strategy<Value = Vec<(Index, Value)>> {
    prop::collection::vec((any::<Index>(), hostile_values()), 1..3)
}

fn json_of(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root(path)).unwrap()).unwrap()
}

const SLOT: [Slot<'static>; 1] = [Slot {
    name: "x",
    shape: &[1, 2, 2],
    numbers: input::Numbers::Floats,
}];

fn npy() -> Vec<u8> {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }        \n";
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &[0; 16]].concat()
}

fn npz() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("x.npy", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&npy()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Reads what was drawn as an input: four finite numbers, or a refusal with a hint.
fn input_is_read_or_refused(name: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    match input::from_file(&path, &SLOT) {
        Ok(tensors) => {
            prop_assert_eq!(tensors.len(), 1);
            prop_assert!(tensors[0].data.len() == 4 && tensors[0].data.iter().all(|x| x.is_finite()));
        }
        Err(error) => prop_assert!(error.hint().is_some() && !error.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn drawn_arrays_are_read_or_refused(changes in changes()) {
        input_is_read_or_refused("x.npy", &changed(&npy(), &changes))?;
        input_is_read_or_refused("x.npz", &changed(&npz(), &changes))?;
        let json = br#"{"input_data": [[1, -2.5, 3e0, 4]]}"#;
        input_is_read_or_refused("x.json", &changed(json, &changes))?;
    }

    #[test]
    fn drawn_json_inputs_are_read_or_refused(changes in replacements()) {
        let json = replaced(json!({"input_data": [[[1, 2], [3, 4]]]}), &changes);
        input_is_read_or_refused("x.json", &serde_json::to_vec(&json).unwrap())?;
    }

    #[test]
    fn drawn_headers_of_arrays_are_read_or_refused(
        shape in prop::collection::vec(prop_oneof![any::<u64>(), 0..5_u64, Just(1 << 62)], 0..5),
        kind in select(vec!["<f4", ">f8", "|b1", "<c16", "|O", "<U9", "|V18446744073709551615", "<f18446744073709551616"]),
        is_fortran in any::<bool>(),
    ) {
        let shape: Vec<String> = shape.iter().map(|size| format!("{size},")).collect();
        let order = if is_fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': ({}), }}\n", shape.concat());
        let length = (header.len() as u16).to_le_bytes();
        let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &[0; 64]].concat();
        input_is_read_or_refused("x.npy", &bytes)?;
    }

    #[test]
    fn drawn_reference_strings_are_refused(
        logrows in prop_oneof![any::<u32>(), 0..30_u32],
        size in prop_oneof![0..2_000_u64, any::<u32>().prop_map(u64::from), Just(1 << 40)],
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("x.srs");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&logrows.to_le_bytes()).unwrap();
        file.write_all(&bytes).unwrap();
        file.set_len(size).unwrap();
        let error = check_srs_file(&path).unwrap_err();
        prop_assert!(error.hint().is_some(), "{error}");
        prop_assert!(negated_s_g2(&path).is_err());
    }

    #[test]
    fn drawn_prices_are_read_or_refused(changes in replacements()) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("prices.json");
        let json = replaced(json_of("data/prices.json"), &changes);
        std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
        if let Err(error) = Prices::read(Some(&path)) {
            prop_assert!(error.hint().is_some());
        }
    }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn drawn_profiles_are_read_or_refused(changes in replacements()) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("profile.json");
        let profiles = root("results/tuned/profiles");
        let mut all: Vec<_> = std::fs::read_dir(profiles).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort_unstable();
        let json = serde_json::from_slice(&std::fs::read(&all[0]).unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_vec(&replaced(json, &changes)).unwrap()).unwrap();
        match Profile::load(&path) {
            Ok(profile) => prop_assert!(profile.plan.at_scale(profile.plan.scale()).is_ok()),
            Err(error) => prop_assert!(error.hint().is_some()),
        }
    }

    /// Settings of evidence or of a file: what can be read has a ledger.
    #[test]
    fn drawn_settings_are_read_or_refused(changes in replacements()) {
        let json = json_of(RECORD)["circuit"]["settings"].clone();
        let text = replaced(json, &changes).to_string();
        if let Ok(settings) = SettingsFile::parse(&text) {
            let facts = Facts { settings: Some(settings), ..Facts::default() };
            prop_assert!(!ledger::derive(&facts).items.is_empty());
        }
        let _ = CircuitSettings::parse(&text);
    }

    #[test]
    fn drawn_records_are_read_or_refused(changes in replacements(), bytes in changes()) {
        let json = replaced(json_of(RECORD), &changes);
        let text = serde_json::to_vec(&json).unwrap();
        for text in [changed(&text, &bytes), text] {
            match store::parse(Path::new("x.json"), &text) {
                Ok(record) => prop_assert!(!record.request.name().contains('/')),
                Err(error) => prop_assert!(error.hint().is_some(), "{error}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(config(16))]

    /// Whatever record can be read can be reported on, in every format.
    #[test]
    fn drawn_records_are_reported(changes in replacements()) {
        let folder = TempDir::new().unwrap();
        copy(folder.path(), |json| *json = replaced(json.clone(), &changes));
        if let Some(files) = reported(folder.path()) {
            assert_inert(&files);
        }
    }

    /// Bytes of a model's file; [`crate::hostile`] draws whole models.
    #[test]
    fn drawn_bytes_of_models_are_planned_or_refused(changes in changes()) {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("x.onnx");
        let bytes = onnx::write(&layers::build(suite::find("dense_small").unwrap(), 0));
        // Most of the file is weights: the rest is what matters.
        let (head, tail) = bytes.split_at(bytes.len().min(300));
        std::fs::write(&file, [&changed(head, &changes)[..], tail].concat()).unwrap();
        let start = Instant::now();
        let said = dry_run(&["--onnx", file.to_str().unwrap()]);
        prop_assert!(matches!(said.status, Some(0..=2)), "{said:?}");
        prop_assert!(said.status == Some(0) || said.stderr.contains("hint: "), "{said:?}");
        prop_assert!(start.elapsed() < MOST_TIME);
    }
}

/// The record that everything here starts from is one that nothing is wrong with.
#[test]
fn the_record_that_is_changed_is_read_and_reported() {
    let record: Record = store::load(&root(RECORD)).unwrap();
    assert!(!record.evidence.is_empty());
    let folder = TempDir::new().unwrap();
    copy(folder.path(), |_| {});
    let files = reported(folder.path()).unwrap();
    assert!(files.len() > 10);
    assert_inert(&files);
}
