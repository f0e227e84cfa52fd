//! `evmbench gas-diff` over made-up records, in folders and in a git repository: what it prints, and its exit status.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common;

struct Said {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a program in a folder.
fn say(folder: &Path, mut command: Command, arguments: &[&str]) -> Said {
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// `evmbench gas-diff` in a folder.
fn gas_diff(folder: &TempDir, arguments: &[&str]) -> Said {
    let mut command = common::evmbench();
    command.arg("gas-diff");
    say(folder.path(), command, arguments)
}

/// git in a folder, as someone without a configuration of their own.
fn git(folder: &TempDir, arguments: &[&str]) {
    let mut command = Command::new("git");
    let nobody = [
        "-c",
        "user.name=Nobody",
        "-c",
        "user.email=nobody@example.invalid",
        "-c",
        "commit.gpgsign=false",
    ];
    command.args(nobody).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let said = say(folder.path(), command, arguments);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
}

/// Where a record tells the parts of gas.
const PARTS: [(&str, &str); 3] = [
    ("verification", "gas_by_cause"),
    ("verification", "gas_by_section"),
    ("deployment", "gas_by_cause"),
];

/// A published record with figures of its own, so that no snapshot changes when the published one is renewed.
fn record(id: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/scaling/dense_small-s7-direct.json");
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let gas = |tx_gas: u64, intrinsic_gas: u64| {
        json!({
            "tx_gas": tx_gas, "intrinsic_gas": intrinsic_gas, "floor_gas": 100_000,
            "execution_gas": tx_gas - intrinsic_gas, "state_gas": 0, "refunded_gas": 0, "gas_limit": 16_777_216,
        })
    };
    record["request"]["id"] = json!(id);
    record["request"]["suite"] = json!("core");
    record["verification"]["gas"] = gas(742_097, 132_492);
    record["deployment"]["gas"] = gas(2_949_817, 267_712);
    for (transaction, parts) in PARTS {
        record[transaction].as_object_mut().unwrap().remove(parts);
    }
    record["verifier"]["runtime_code_bytes"] = json!(13_396);
    record["verifier"]["creation_code_bytes"] = json!(13_424);
    record["proof"]["proof_bytes"] = json!(3072);
    record["proof"]["calldata_bytes"] = json!(9348);
    record["keys"]["verifying_key_sha256"] = json!("3".repeat(64));
    record["circuit"]["columns"] =
        json!({"advice_columns": 6, "fixed_columns": 12, "permutation_columns": 8});
    record["environment"] = json!({
        "evmbench_version": "0.1.0", "git_revision": "1".repeat(40), "ezkl_version": "23.0.5", "solc_version": "0.8.30",
        "revm_version": "43.0.3", "threads": 2, "memory_limit_bytes": null,
        "machine": {"cpu": "CPU", "cores": 2, "memory_bytes": null, "system": "linux", "fingerprint": "aaaaaaaaaaaa"},
    });
    record["phases"] = [10.0, 10.1, 10.2].map(prove).into_iter().collect();
    record["renewal"] = Value::Null;
    record["guard"] = Value::Null;
    record["ledger"] = Value::Null;
    record["other_forks"] = json!([]);
    record
}

fn prove(seconds: f64) -> Value {
    json!({
        "phase": "prove", "source": "measured", "call_seconds": seconds, "process_seconds": seconds,
        "peak_rss_bytes": 1_000_000_000, "written_bytes": 0, "exit_status": 0,
    })
}

fn write(folder: &TempDir, set: &str, record: &Value) {
    let name = record["request"]["id"].as_str().unwrap();
    let path = folder.path().join(set).join("core").join(format!("{name}.json"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, serde_json::to_vec_pretty(record).unwrap()).unwrap();
}

fn other_digest(record: &mut Value, name: &str) {
    let files = record["evidence"].as_array_mut().unwrap();
    let file = files.iter_mut().find(|file| file["name"] == name).unwrap();
    file["sha256"] = json!("another");
}

/// Two sets in which everything that is told happens once.
fn eventful(folder: &TempDir) {
    for id in ["same", "grown", "noisy", "worse", "lost"] {
        write(folder, "old", &record(id));
    }
    write(folder, "new", &record("same"));
    write(folder, "new", &record("added"));

    let mut grown = record("grown");
    grown["environment"]["solc_version"] = json!("0.8.31");
    grown["environment"]["git_revision"] = json!("2".repeat(40));
    grown["verification"]["gas"]["tx_gas"] = json!(749_000);
    grown["verification"]["gas"]["execution_gas"] = json!(616_508);
    grown["verification"]["gas_by_cause"] = json!({"base": 21_000, "ec_mul": 728_000});
    grown["deployment"]["gas"]["tx_gas"] = json!(2_900_000);
    grown["verifier"]["runtime_code_bytes"] = json!(13_397);
    grown["phases"] = [20.0, 20.1, 20.2].map(prove).into_iter().collect();
    write(folder, "new", &grown);

    // Another contract in which all causes of gas are known, before and after.
    let mut moved = record("moved");
    moved["verification"]["gas_by_cause"] = json!({"base": 21_000, "ec_mul": 300_000, "memory": 421_097});
    moved["verification"]["gas_by_section"] = json!({"opening": 609_605});
    write(folder, "old", &moved);
    moved["verification"]["gas_by_cause"] = json!({"base": 21_000, "ec_mul": 306_000, "memory": 415_097});
    moved["verification"]["gas_by_section"] = json!({"opening": 609_000, "pairing": 605});
    write(folder, "new", &moved);

    let mut noisy = record("noisy");
    other_digest(&mut noisy, "proof.bin");
    noisy["keys"]["verifying_key_sha256"] = json!("another");
    noisy["environment"]["machine"]["fingerprint"] = json!("bbbbbbbbbbbb");
    noisy["verification"]["gas"]["tx_gas"] = json!(742_097 + 36);
    noisy["deployment"]["gas"]["tx_gas"] = json!(2_949_817 + 1140);
    write(folder, "new", &noisy);

    let mut worse = record("worse");
    worse["outcome"] = json!({"status": "rejected", "why": "reverted | with *this*"});
    worse["verification"]["gas"] = Value::Null;
    worse["deployment"]["rules_broken"] = json!([
        {"rule": "runtime_code_size", "eip": 170, "value": 24_577, "limit": 24_576, "lifted": true}
    ]);
    write(folder, "new", &worse);
    std::fs::write(folder.path().join("new/core/cut.json"), "{\"schema\": 1, \"requ").unwrap();
    std::fs::create_dir_all(folder.path().join("new/logs")).unwrap();
    std::fs::write(folder.path().join("new/logs/run.json"), "{\"not\": \"a record\"}").unwrap();
    std::fs::write(folder.path().join("new/prices.json"), "{\"schema\": 1}").unwrap();
}

#[test]
fn everything_is_told_in_a_table() {
    let folder = tempfile::tempdir().unwrap();
    eventful(&folder);
    let said = gas_diff(&folder, &["old", "new", "--fail-above", "0.5%"]);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert_eq!(said.stderr, "");
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn everything_is_told_in_markdown() {
    let folder = tempfile::tempdir().unwrap();
    eventful(&folder);
    let said = gas_diff(&folder, &["old", "new", "--format", "markdown"]);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout);
}

#[test]
fn json_holds_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    eventful(&folder);
    let said = gas_diff(
        &folder,
        &["old", "new", "--fail-above", "0.5%", "--format", "json"],
    );
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["fail_above"], "0.5%");
    let kinds: Vec<_> = report["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| &failure["failure"])
        .collect();
    assert_eq!(kinds, ["unread", "lost", "outcome", "rule", "growth", "growth"]);
    let comparison = &report["comparison"];
    assert_eq!(comparison["old"]["records"], 6);
    assert_eq!(comparison["context"][0]["context"], "solc");
    let experiments = comparison["experiments"].as_array().unwrap();
    let figures = |name: &str| {
        let experiment = experiments
            .iter()
            .find(|experiment| experiment["experiment"] == format!("core/{name}-s7-direct"));
        &experiment.unwrap()["figures"]
    };
    let gas = &figures("grown")["verification_gas"];
    assert_eq!(
        [&gas["old"], &gas["new"], &gas["difference"], &gas["chance"]],
        [&json!(742_097), &json!(749_000), &json!(6_903), &json!(0)]
    );
    assert!((gas["relative"].as_f64().unwrap() - 0.009_302).abs() < 1e-6);
    // The unchanged ones are there as well, and what was not measured is null.
    assert_eq!(figures("same")["runtime_code_bytes"]["difference"], 0);
    assert!(figures("worse")["verification_gas"]["new"].is_null());
    assert!(figures("noisy")["verification_gas"]["chance"].as_u64().unwrap() > 36);
}

#[test]
fn a_set_passes_against_itself_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["one", "two"] {
        write(&folder, "old", &record(id));
    }
    let said = gas_diff(&folder, &["old", "old"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    insta::assert_snapshot!(said.stdout, @r"
    COMPARED
    OLD: old, 2 records
    NEW: old, 2 records

    GAS AND SIZES
    2 of 2 experiments with the same gas and sizes, chance aside.

    VERDICT
    Passed: nothing grew by more than 0%, nothing verified was lost.
    ");
}

/// A figure that is measured for the first time is no change.
#[test]
fn what_new_alone_has_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "new", &record("one"));
    let mut early = record("one");
    early["outcome"] = json!({"status": "failed", "step": "verify", "message": "no"});
    early["verification"] = Value::Null;
    write(&folder, "old", &early);
    let said = gas_diff(&folder, &["old", "new"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(
        said.stdout
            .contains("Verification gas: NEW alone has it, in 1 experiment."),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("failed in verify: no"), "{}", said.stdout);
}

/// The status is that of the strictest growth, and the limit itself is let through.
#[test]
fn the_exit_status_follows_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "old", &record("one"));
    let mut grown = record("one");
    grown["verification"]["gas"]["tx_gas"] = json!(742_097 + 7_421);
    write(&folder, "new", &grown);
    let status = |arguments: &[&str]| gas_diff(&folder, &[&["old", "new"], arguments].concat()).status;
    assert_eq!(status(&[]), Some(1));
    assert_eq!(status(&["--fail-above", "1%"]), Some(1));
    assert_eq!(status(&["--fail-above", "1.0001%"]), Some(0));
    assert_eq!(gas_diff(&folder, &["new", "old"]).status, Some(0));
    for nonsense in ["0.5", "-1%", "much"] {
        let said = gas_diff(&folder, &["old", "new", &format!("--fail-above={nonsense}")]);
        assert_eq!(said.status, Some(2));
        assert!(said.stderr.contains("not a percentage"), "{}", said.stderr);
    }
}

#[test]
fn a_part_of_a_suite_passes_where_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "old", &record("one"));
    write(&folder, "old", &record("two"));
    write(&folder, "new", &record("one"));
    assert_eq!(gas_diff(&folder, &["old", "new"]).status, Some(1));
    assert_eq!(
        gas_diff(&folder, &["old", "new", "--allow-missing"]).status,
        Some(0)
    );
}

#[test]
fn two_records_of_one_run_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "old", &record("one"));
    std::fs::copy(
        folder.path().join("old/core/one.json"),
        folder.path().join("old/core/copy.json"),
    )
    .unwrap();
    let said = gas_diff(&folder, &["old", "old"]);
    assert_eq!(said.status, Some(1));
    assert!(
        said.stdout
            .contains("core/one.json in old is the same run as core/copy.json"),
        "{}",
        said.stdout
    );
}

#[test]
fn revisions_are_read_without_touching_the_work_tree() {
    let folder = tempfile::tempdir().unwrap();
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    write(&folder, "results", &record("one"));
    write(&folder, "elsewhere", &record("one"));
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message=first"]);
    git(&folder, &["tag", "before"]);
    let mut cheaper = record("one");
    cheaper["verification"]["gas"]["tx_gas"] = json!(700_000);
    write(&folder, "results", &cheaper);
    git(&folder, &["commit", "--quiet", "--all", "--message=second"]);
    // What is in the work tree alone counts for no revision, and stays.
    let mut dearer = record("one");
    dearer["verification"]["gas"]["tx_gas"] = json!(800_000);
    write(&folder, "results", &dearer);

    let difference = |old: &str, new: &str| {
        let said = gas_diff(&folder, &[old, new, "--format", "json"]);
        let report: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
        let difference =
            report["comparison"]["experiments"][0]["figures"]["verification_gas"]["difference"].clone();
        (difference.as_i64().unwrap(), said.status)
    };
    assert_eq!(difference("before", "main"), (-42_097, Some(0)));
    assert_eq!(difference("HEAD", "HEAD~1"), (42_097, Some(1)));
    assert_eq!(difference("HEAD", "results"), (100_000, Some(1)));
    assert_eq!(difference("HEAD:elsewhere", "HEAD:results/"), (-42_097, Some(0)));
    assert_eq!(difference("before:", "HEAD:elsewhere").1, Some(1));
    let after = std::fs::read_to_string(folder.path().join("results/core/one.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), dearer);
    // From a folder below, too.
    let mut command = common::evmbench();
    command.arg("gas-diff");
    let said = say(&folder.path().join("results"), command, &["before", "HEAD"]);
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("OLD: before:results at "), "{}", said.stdout);
}

#[test]
fn what_is_not_there_is_named_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    write(&folder, "results", &record("one"));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "--quiet", "--message=first"]);
    let refused = |name: &str, message: &str, hint: &str| {
        let said = gas_diff(&folder, &["results", name]);
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (Some(2), ""),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains(message), "{}", said.stderr);
        assert!(said.stderr.contains(&format!("hint: {hint}")), "{}", said.stderr);
    };
    refused(
        "nowhere",
        "\"nowhere\" is neither a folder nor a git revision",
        "name a folder",
    );
    refused(":results", "neither a folder nor a git revision", "name a folder");
    refused(
        "HEAD:runs",
        "revision HEAD has no folder \"runs\"",
        "name the folder behind a colon",
    );
    refused("HEAD:results/core/one.json", "has no folder", "name the folder");
    refused(
        "empty",
        "empty holds no record",
        "records are <folder>/<suite>/<name>.json",
    );
}

/// Damage of every kind is named and is fatal to nothing else.
#[test]
fn damaged_records_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "old", &record("one"));
    write(&folder, "new", &record("one"));
    let newer = json!({"schema": 999, "request": {}});
    for (name, bytes) in [
        ("cut", b"{\"schema\": 1,".to_vec()),
        ("empty", Vec::new()),
        ("binary", vec![0xff, 0xfe, 0]),
        ("partial", b"{\"schema\": 1, \"request\": {}}".to_vec()),
        ("newer", serde_json::to_vec(&newer).unwrap()),
    ] {
        std::fs::write(folder.path().join(format!("new/core/{name}.json")), bytes).unwrap();
    }
    let said = gas_diff(&folder, &["old", "new", "--format", "json"]);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let problems = report["comparison"]["new"]["problems"].as_array().unwrap();
    let paths: Vec<_> = problems
        .iter()
        .map(|problem| problem["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        ["binary", "cut", "empty", "newer", "partial"].map(|name| format!("core/{name}.json"))
    );
    assert!(
        problems[3]["reason"]
            .as_str()
            .unwrap()
            .contains("schema version 999")
    );
    assert_eq!(report["comparison"]["experiments"].as_array().unwrap().len(), 1);
}

/// Two hundred records on each side.
#[test]
fn many_records_take_no_time() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..200 {
        write(&folder, "old", &record(&format!("model{index}")));
    }
    let start = std::time::Instant::now();
    assert_eq!(gas_diff(&folder, &["old", "old"]).status, Some(0));
    // A second is the aim; a busy machine is given more.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// The script of action.yml on two revisions: `HEAD~1` stands for the target branch.
struct PullRequest {
    folder: TempDir,
}

impl PullRequest {
    /// A repository whose second revision has more gas in one of its records.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        for id in ["same", "grown"] {
            write(&folder, "results", &record(id));
        }
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "-m", "before"]);
        let mut grown = record("grown");
        grown["verification"]["gas"]["tx_gas"] = json!(749_000);
        grown["verification"]["gas"]["execution_gas"] = json!(616_508);
        write(&folder, "results", &grown);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "-m", "after"]);
        Self { folder }
    }

    /// Runs the script with these variables beside those of a job.
    fn compare(&self, variables: &[(&str, &str)]) -> Said {
        let mut command = Command::new("bash");
        command.arg(common::root("scripts/compare-gas-of-pull-request"));
        let (program, path) = (common::evmbench(), common::evmbench());
        command.env("EVMBENCH", program.get_program());
        for (name, value) in path.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        for (name, file) in [("GITHUB_OUTPUT", "outputs"), ("GITHUB_STEP_SUMMARY", "summary")] {
            let file = self.folder.path().join(file);
            let _ = std::fs::remove_file(&file);
            command.env(name, file);
        }
        command.env("BASE", "HEAD~1").envs(variables.iter().copied());
        say(self.folder.path(), command, &[])
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

#[test]
fn the_action_compares_two_revisions() {
    let request = PullRequest::new();
    let said = request.compare(&[]);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    assert_eq!(
        request.text("outputs"),
        "verdict=failed\ncomment=gas-comparison.md.comment\n"
    );
    let report = request.text("gas-comparison.md");
    for told in [
        "## Gas comparison",
        "FAILED",
        "| core/grown-s7-direct | verification gas | 742,097 | 749,000 | +6,903 |",
    ] {
        assert!(report.contains(told), "{told}\n{report}");
    }
    assert_eq!(request.text("gas-comparison.md.comment"), report);
    assert_eq!(request.text("summary"), report);

    // A limit above what it grew by, for the whole and for its execution alone.
    let said = request.compare(&[("FAIL_ABOVE", "2%"), ("NEW", "HEAD:results")]);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(request.text("outputs").starts_with("verdict=passed\n"));
}

#[test]
fn the_action_cuts_a_long_comment_between_lines() {
    let request = PullRequest::new();
    let said = request.compare(&[("MOST_BYTES", "400")]);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    let (report, comment) = (
        request.text("gas-comparison.md"),
        request.text("gas-comparison.md.comment"),
    );
    let (kept, said) = comment.split_once("\n\nThe table is cut here").unwrap();
    assert!(
        kept.len() < 400 && report.starts_with(kept) && report.as_bytes()[kept.len()] == b'\n',
        "{comment}"
    );
    assert!(said.contains("summary of the job"), "{comment}");
    assert_eq!(request.text("summary"), report);
}

#[test]
fn the_action_takes_a_run_of_a_part_and_names_what_is_not_there() {
    let request = PullRequest::new();
    write(&request.folder, "runs", &record("same"));
    let part = [("NEW", "runs")];
    assert_eq!(request.compare(&part).status, Some(0));
    assert!(request.text("outputs").starts_with("verdict=failed\n"));
    assert_eq!(
        request.compare(&[part[0], ("ALLOW_MISSING", "true")]).status,
        Some(0)
    );
    assert!(request.text("outputs").starts_with("verdict=passed\n"));

    for (variables, told) in [
        (("BASE", "origin/gone"), "origin/gone"),
        (("BASE", "gone; touch injected"), "gone; touch injected"),
        (("RECORDS", "nowhere"), "nowhere"),
    ] {
        let said = request.compare(&[variables]);
        assert_eq!(said.status, Some(2), "{}{}", said.stdout, said.stderr);
        assert!(
            said.stderr.contains(told) && said.stderr.contains("hint: "),
            "{}",
            said.stderr
        );
        assert!(!request.folder.path().join("outputs").exists());
    }
    assert!(!request.folder.path().join("injected").exists());
}

/// The target branch of a checkout of one commit is fetched.
#[test]
fn the_action_fetches_the_target_branch() {
    let request = PullRequest::new();
    git(&request.folder, &["branch", "target", "HEAD~1"]);
    let checkout = tempfile::tempdir().unwrap();
    let from = format!("file://{}", request.folder.path().display());
    git(
        &checkout,
        &["clone", "--quiet", "--depth=1", "--branch=main", &from, "."],
    );
    let shallow = PullRequest { folder: checkout };
    let said = shallow.compare(&[("BASE", "origin/target")]);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    assert!(shallow.text("outputs").starts_with("verdict=failed\n"));
}

/// What action.yml uses is there, and the document says what each of its inputs does.
#[test]
fn the_action_declares_what_it_uses() {
    let action = std::fs::read_to_string(common::root("action.yml")).unwrap();
    let document = std::fs::read_to_string(common::root("docs/comparing-gas.md")).unwrap();
    let inputs = action
        .split_once("inputs:\n")
        .unwrap()
        .1
        .split_once("\noutputs:")
        .unwrap()
        .0;
    let declared: Vec<&str> = inputs
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with(' '))
        .collect();
    assert!(declared.len() >= 6, "{declared:?}");
    for name in &declared {
        assert!(action.contains(&format!("inputs.{name}")), "{name} is not used");
        assert!(
            document.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
    }
    let used = action.match_indices("inputs.").map(|(at, mark)| {
        let rest = &action[at + mark.len()..];
        &rest[..rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap()]
    });
    for name in used {
        assert!(declared.contains(&name), "{name} is not declared");
    }
    let script = "scripts/compare-gas-of-pull-request";
    assert!(action.contains(&format!("$GITHUB_ACTION_PATH/{script}")) && common::root(script).exists());
}
