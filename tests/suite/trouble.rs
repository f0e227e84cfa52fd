//! Trouble of the machine while the program runs: workers and the program itself are killed, stopped and interrupted, disks are
//! full, limits are low, evidence is damaged. Nothing that was recorded is lost, and the next run ends in a true record.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evmbench::prover::Phase;
use evmbench::record::{Outcome, Record};
use evmbench::store;

use crate::common::{self, evmbench, say};
use crate::end_to_end::{Workshop, tiny_model};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(5);

/// How soon the program ends after the first Ctrl-C: a second, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(2);

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Waits for a file that a worker makes.
#[track_caller]
fn wait_for(file: &Path, child: &mut Child) {
    let start = Instant::now();
    while !file.exists() {
        let ended = child.try_wait().unwrap();
        assert!(
            start.elapsed() < PATIENCE && ended.is_none(),
            "no {}: {ended:?}",
            file.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The bytes of a record and of everything beside it, by name.
fn everything(record: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![record.parent().unwrap().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort_unstable();
    files
}

#[track_caller]
fn assert_verified(workshop: &Workshop) -> (PathBuf, Record) {
    let (path, record) = workshop.only_record();
    assert_eq!(record.outcome, Outcome::Verified);
    assert_eq!(store::load_whole(&path).unwrap().as_ref(), Some(&record));
    (path, record)
}

/// Whoever ends the program, and in whatever phase: what was recorded stays, and a run that comes after ends.
#[test]
fn the_program_may_be_ended_in_any_phase() {
    let workshop = Workshop::without_srs();
    workshop.interpret("touch \"$MARK\"; exec sleep 60");
    let onnx = tiny_model(&workshop);
    let run = || workshop.subcommand("prove-and-verify", &["--onnx", &onnx, "--runs", "1"]);
    let mark = workshop.folder.path().join("mark");
    let end_in = |phase: Phase, name: &str| {
        let _ = std::fs::remove_file(&mark);
        let mut child = run()
            .env("IN_PHASE", phase.to_string())
            .env("MARK", &mark)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(&mark, &mut child);
        let start = Instant::now();
        signal(&child, name);
        let status = child.wait().unwrap();
        assert!(start.elapsed() < SOON, "{phase}, {name}: {:?}", start.elapsed());
        if name == "KILL" {
            assert_eq!(status.signal(), Some(9), "{phase}");
        } else {
            assert_eq!(status.code(), Some(130), "{phase}, {name}");
        }
    };
    let before_a_record = [
        (Phase::Setup, "INT"),
        (Phase::Setup, "KILL"),
        (Phase::Witness, "TERM"),
        (Phase::Prove, "KILL"),
    ];
    for (phase, name) in before_a_record.into_iter().step_by(common::step(3)) {
        end_in(phase, name);
        assert!(workshop.records().is_empty(), "{phase}, {name}");
    }
    let (status, _, stderr) = Workshop::end(run());
    assert_eq!(status, Some(0), "{stderr}");
    let (path, _) = assert_verified(&workshop);
    let before = everything(&path);
    let beside_a_record = [
        (Phase::Render, "KILL"),
        (Phase::Commit, "INT"),
        (Phase::Witness, "KILL"),
        (Phase::Prove, "TERM"),
        (Phase::Verify, "INT"),
    ];
    for (phase, name) in beside_a_record.into_iter().step_by(common::step(3)) {
        end_in(phase, name);
        assert_eq!(everything(&path), before, "{phase}, {name}");
    }
    let mut again = run();
    again.arg("--resume");
    let (status, _, stderr) = Workshop::end(again);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("there already"), "{stderr}");
    let (status, _, stderr) = Workshop::end(run());
    assert_eq!(status, Some(0), "{stderr}");
    assert_verified(&workshop);
}

/// The program stands still in the middle of a phase, and goes on.
#[test]
fn the_program_may_be_stopped_and_go_on() {
    let workshop = Workshop::new();
    workshop.interpret("touch \"$MARK\"; sleep 1");
    let onnx = tiny_model(&workshop);
    let mark = workshop.folder.path().join("mark");
    let mut child = workshop
        .subcommand("prove-and-verify", &["--onnx", &onnx, "--runs", "1"])
        .env("IN_PHASE", Phase::Prove.to_string())
        .env("MARK", &mark)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&mark, &mut child);
    signal(&child, "STOP");
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, "CONT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_verified(&workshop);
    workshop.assert_clean();
}

/// A run that the machine cut short, or a limit, does not take the place of one that came to an end.
#[test]
fn a_good_record_outlives_trouble_and_limits() {
    let workshop = Workshop::new();
    workshop.interpret("eval \"$DEED\"");
    let onnx = tiny_model(&workshop);
    let run = |more: &[&str]| {
        let mut command = workshop.subcommand("prove-and-verify", &["--onnx", &onnx, "--runs", "1"]);
        command.args(more);
        command
    };
    // The first run meets trouble, which is recorded, and is not taken for an answer.
    let in_proving = |mut command: Command, deed: &str| {
        command
            .env("IN_PHASE", Phase::Prove.to_string())
            .env("DEED", deed);
        Workshop::end(command)
    };
    let (status, _, stderr) = in_proving(run(&[]), "kill -9 $$");
    assert_eq!(status, Some(1), "{stderr}");
    let (_, record) = workshop.only_record();
    assert_eq!(record.schema, 7);
    assert!(
        matches!(record.outcome, Outcome::Environment { .. }),
        "{}",
        record.outcome
    );
    let (status, _, stderr) = Workshop::end(run(&["--resume"]));
    assert_eq!(status, Some(0), "{stderr}");
    assert!(!stderr.contains("there already"), "{stderr}");
    let (path, _) = assert_verified(&workshop);
    let before = everything(&path);

    let (status, stdout, stderr) = in_proving(run(&[]), "kill -9 $$");
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stdout.contains("killed from outside"), "{stdout}");
    assert!(stderr.contains("stays: verified"), "{stderr}");
    assert_eq!(everything(&path), before);

    let (status, stdout, stderr) = in_proving(run(&["--timeout", "1"]), "exec sleep 60");
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stdout.contains("timed out"), "{stdout}");
    assert_eq!(everything(&path), before, "other limits are no other experiment");

    let others = [
        "--resume",
        "--memory-limit",
        "70MiB",
        "--threads",
        "1",
        "--timeout",
        "9",
    ];
    let (status, _, stderr) = Workshop::end(run(&others));
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("there already"), "{stderr}");

    // A record that has lost a file of its evidence still says more than a run that knows nothing, and keeps the rest.
    std::fs::remove_file(path.with_extension("evidence").join("calldata.bin.gz")).unwrap();
    let before = everything(&path);
    let (status, _, stderr) = in_proving(run(&["--resume"]), "kill -9 $$");
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains("made again") && stderr.contains("stays: verified"),
        "{stderr}"
    );
    assert_eq!(everything(&path), before);
}

/// Want of memory is an answer for as much memory or less, and not for more.
#[test]
fn want_of_memory_is_tried_again_with_more() {
    let workshop = Workshop::new();
    let run = |limit: &str| workshop.run(&["dense_small", "--force", "--resume", "--memory-limit", limit]);
    let (status, _, stderr) = run("120MiB");
    assert_eq!(status, Some(1), "{stderr}");
    let (status, _, stderr) = run("110MiB");
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("there already"), "{stderr}");
    let (status, _, stderr) = run("121MiB");
    assert_eq!(status, Some(1), "{stderr}");
    assert!(!stderr.contains("there already"), "{stderr}");
    let (_, record) = workshop.only_record();
    let Outcome::OutOfMemory { limit_bytes, .. } = record.outcome else {
        panic!("{}", record.outcome)
    };
    assert_eq!(limit_bytes, 121 << 20);
}

#[test]
fn damaged_evidence_is_made_again() {
    let workshop = Workshop::new();
    let onnx = tiny_model(&workshop);
    let arguments = ["--onnx", &onnx, "--runs", "1"];
    let resume = || {
        let mut command = workshop.subcommand("prove-and-verify", &arguments);
        command.arg("--resume");
        Workshop::end(command)
    };
    let (status, _, stderr) = resume();
    assert_eq!(status, Some(0), "{stderr}");
    let (path, record) = assert_verified(&workshop);
    let evidence = path.with_extension("evidence");
    let damages: [&dyn Fn(); 4] = [
        &|| std::fs::write(evidence.join("proof.bin.gz"), b"x").unwrap(),
        &|| std::fs::remove_file(evidence.join("instances.json.gz")).unwrap(),
        &|| std::fs::remove_dir_all(&evidence).unwrap(),
        &|| {
            let text = std::fs::read_to_string(&path).unwrap();
            let changed = text.replacen(&record.model.onnx_sha256, &"0".repeat(64), 1);
            assert_ne!(changed, text);
            std::fs::write(&path, changed).unwrap();
        },
    ];
    for damage in damages {
        damage();
        assert!(store::load_whole(&path).is_err());
        let (status, _, stderr) = resume();
        assert_eq!(status, Some(0), "{stderr}");
        assert!(
            stderr.contains("made again") && !stderr.contains("there already"),
            "{stderr}"
        );
        assert_verified(&workshop);
    }
    let (status, _, stderr) = resume();
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("there already"), "{stderr}");
    workshop.assert_clean();
}

/// Keys are larger than a file may be: said, recorded, and forgotten where the limit is gone.
#[test]
fn a_limit_on_file_sizes_is_no_finding() {
    let workshop = Workshop::new();
    let program = evmbench();
    let run = |limit: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -f {limit} && exec \"$@\""), "sh"])
            .arg(program.get_program())
            .args([
                "prove-and-verify",
                "dense_small",
                "--circuit",
                "direct",
                "--runs",
                "1",
            ])
            .arg("--out")
            .arg(workshop.out())
            .env("EVMBENCH_HOME", workshop.home())
            .stdin(Stdio::null());
        say(&mut command)
    };
    // In units of 512 bytes or of 1024, by the shell.
    let said = run("8192");
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    let (_, record) = workshop.only_record();
    let Outcome::Environment { step, reason } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert!(["srs", "setup"].contains(&&**step), "{step}");
    assert!(
        reason.contains("limit on file sizes") && reason.contains("ulimit -f"),
        "{reason}"
    );
    // Not even a record fits: an error with a hint, and not a signal.
    let said = run("1");
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert!(
        said.stderr.contains("File too large") && said.stderr.contains("hint: raise the limit"),
        "{}",
        said.stderr
    );
    let said = run("unlimited");
    assert_eq!(said.status, Some(0), "{}", said.stderr);
    assert_verified(&workshop);
    workshop.assert_clean();
}

/// The cache folder is on a disk that is full before keys are made.
#[cfg(target_os = "linux")]
#[test]
fn a_full_cache_folder_is_no_finding() {
    let allowed = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this machine allows no file system of a test's own");
        return;
    }
    let workshop = Workshop::new();
    let work = workshop.home().join("work");
    std::fs::create_dir(&work).unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=2m,mode=700 none \"$WORK\" && exec \"$@\"")
        .arg("sh")
        .arg(evmbench().get_program())
        .args([
            "prove-and-verify",
            "dense_small",
            "--circuit",
            "direct",
            "--runs",
            "1",
            "--out",
        ])
        .arg(workshop.out())
        .env("WORK", &work)
        .env("EVMBENCH_HOME", workshop.home())
        .stdin(Stdio::null());
    let said = say(&mut command);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert_eq!(workshop.records().len(), 1, "{}{}", said.stdout, said.stderr);
    let (_, record) = workshop.only_record();
    let Outcome::Environment { reason, .. } = &record.outcome else {
        panic!("{}", record.outcome)
    };
    assert!(
        reason.contains("the disk is full") && reason.contains("--resume"),
        "{reason}"
    );
    let (status, _, stderr) = workshop.run(&["dense_small", "--runs", "1", "--resume"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert_verified(&workshop);
}

/// Nothing is looked for, installed or proved where records cannot be written.
#[test]
fn a_folder_that_takes_no_records_is_refused_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let home = folder.path().join("home");
    let said = say(evmbench()
        .args(["prove-and-verify", "relu", "--out"])
        .arg(file.join("runs"))
        .env("EVMBENCH_HOME", &home)
        .env("PATH", ""));
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert!(said.stderr.starts_with("error: create "), "{}", said.stderr);
    assert!(!home.exists());
}

/// Work in the program itself, which asks nobody whether to go on.
#[test]
fn the_first_interrupt_ends_work_on_the_processor() {
    let home = tempfile::tempdir().unwrap();
    for name in ["INT", "TERM"] {
        let mut child = evmbench()
            .args(["plan", "--scale", "7,8,9,10"])
            .args(["cnn_strided"; 60])
            .env("EVMBENCH_HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs(1));
        assert!(child.try_wait().unwrap().is_none(), "there is work left");
        let start = Instant::now();
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert!(start.elapsed() < SOON, "{name}: {:?}", start.elapsed());
    }
}

/// The limit of a worker is shown, and who says so.
#[test]
fn the_memory_limit_is_shown_with_its_source() {
    let home = tempfile::tempdir().unwrap();
    let plan = |variables: &[(&str, &str)], more: &[&str]| {
        let said = say(evmbench()
            .args(["plan", "cnn_strided"])
            .args(more)
            .envs(variables.iter().copied())
            .env("EVMBENCH_HOME", home.path()));
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        said.stdout
    };
    // Less than any machine that tests run on has.
    let node = plan(&[("SLURM_MEM_PER_NODE", "400")], &[]);
    assert!(node.contains("SLURM_MEM_PER_NODE"), "{node}");
    let cpus = plan(&[("SLURM_MEM_PER_CPU", "100"), ("SLURM_CPUS_ON_NODE", "3")], &[]);
    assert!(cpus.contains("SLURM_MEM_PER_CPU × SLURM_CPUS_ON_NODE"), "{cpus}");
    let asked = plan(&[], &["--memory-limit", "300MiB"]);
    assert!(asked.contains("(--memory-limit)"), "{asked}");
    let json = plan(&[("SLURM_MEM_PER_NODE", "400")], &["--json"]);
    let json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(json["budget_bytes"], (400_u64 << 20) / 100 * 85);
    let doctor = say(evmbench()
        .arg("doctor")
        .env("SLURM_MEM_PER_NODE", "400")
        .env("EVMBENCH_HOME", home.path()));
    assert!(doctor.stdout.contains("SLURM_MEM_PER_NODE"), "{}", doctor.stdout);
}
