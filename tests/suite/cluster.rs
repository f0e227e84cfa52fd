//! Many machines: jobs that `plan --export` writes, run by a real Slurm, held against Kubernetes' schema, and finished.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evmbench::cluster::{MemoryClass, State, TaskList};
use evmbench::home::Home;
use evmbench::prover::{EZKL_VERSION, Phase};
use evmbench::record::{Outcome, Record};
use evmbench::solidity::SOLC_VERSION;
use evmbench::store::{self, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::slurm::{NODES, Slurm, left_out, which};
use crate::common::{self, Said, evmbench, record_paths, say, step};

/// A name that no script may stumble over.
const STRANGE: &str = "it's a \"job\"\n$(false) `x`";

/// Names a program that holds manifests against Kubernetes' schema.
const VALIDATOR: &str = "EVMBENCH_KUBERNETES_VALIDATE";

/// A working folder with a strange name, and a home with links to the tools and no reference string.
struct Site {
    _folder: TempDir,
    home: Home,
    working: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tools, home) = (common::tools(), Home::at(folder.path().join("home")));
        home.create().unwrap();
        symlink(tools.home.ezkl(EZKL_VERSION), home.ezkl(EZKL_VERSION)).unwrap();
        let solc = tools.home.solc(SOLC_VERSION);
        if solc.exists() {
            symlink(solc, home.solc(SOLC_VERSION)).unwrap();
        }
        Self::at(folder, home)
    }

    /// Without a tool: nothing is proved.
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        Self::at(folder, home)
    }

    fn at(folder: TempDir, home: Home) -> Self {
        let working = folder.path().join(STRANGE);
        std::fs::create_dir(&working).unwrap();
        Self {
            _folder: folder,
            home,
            working,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.working.join(name)
    }

    fn evmbench(&self, arguments: &[&str]) -> Command {
        let mut command = evmbench();
        command
            .args(arguments)
            .env("EVMBENCH_HOME", self.home.root())
            .current_dir(&self.working)
            .stdin(Stdio::null());
        command
    }

    /// Writes a job of these arguments into the folder `job`, and gives what was said.
    #[track_caller]
    fn export(&self, kind: &str, job: &str, arguments: &[&str]) -> Said {
        let said = say(self
            .evmbench(&["plan", "--export", kind, "--job", job])
            .args(arguments));
        assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
        said
    }

    fn list(&self, job: &str) -> TaskList {
        store::read_json(&TaskList::path(&self.path(job))).unwrap()
    }

    /// What `--finish --json` says of each task, and the exit status.
    fn finish(&self, arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
        let said = say(self
            .evmbench(&["prove-and-verify", "--finish", "--json"])
            .args(arguments));
        let lines = said
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let tasks: Vec<Value> = lines.collect();
        assert!(!tasks.is_empty(), "{}", said.stderr);
        (tasks, said.status)
    }

    fn run(&self, job: &str, script: &str, arguments: &[&str]) -> Said {
        say(Command::new("bash")
            .arg(self.path(job).join(script))
            .args(arguments)
            .env("EVMBENCH_HOME", "/nonexistent")
            .stdin(Stdio::null()))
    }

    fn text(&self, job: &str, file: &str) -> String {
        std::fs::read_to_string(self.path(job).join(file)).unwrap()
    }
}

/// The published record of a model's committed circuit, by its file's name.
fn published(name: &str) -> (PathBuf, Record) {
    let path = record_paths()
        .into_iter()
        .find(|path| path.file_stem().is_some_and(|stem| stem == name));
    let path = path.unwrap();
    let record = store::load(&path).unwrap();
    (path, record)
}

fn states(list: &TaskList) -> Vec<State> {
    list.tasks.iter().map(|task| task.state).collect()
}

/// Scripts do what they were written for, whatever the folders are called, and their statuses tell what a scheduler should do.
#[test]
fn a_script_runs_where_and_with_what_it_was_written_for() {
    let site = Site::new();
    let job = "a job's\nfolder";
    let arguments = [
        "dense_small",
        "--scale",
        "7,10",
        "--runs",
        "1",
        "--out",
        "out 'of'",
    ];
    let said = site.export("commands", job, &arguments);
    assert!(
        said.stdout.contains("2 tasks, 2 of them to do"),
        "{}",
        said.stdout
    );
    let list = site.list(job);
    assert_eq!(list.arguments, arguments);
    assert_eq!(list.working_folder, site.working);
    let commands = site.text(job, "commands");
    assert_eq!(commands.lines().count(), 2, "{commands}");
    // A task without its string is an error that passes.
    let first = commands.lines().next().unwrap();
    let said = say(Command::new("bash").args(["-c", first]));
    assert_eq!(said.status, Some(75), "{}", said.stderr);
    assert!(
        said.stderr.contains("makes no reference string of its own") && said.stderr.contains("prepare.sh"),
        "{}",
        said.stderr
    );
    // So is a folder of records that takes none.
    let scales = ["--scale", "7,10", "--runs", "1", "--out", "file"];
    std::fs::write(site.path("file"), "").unwrap();
    let said = say(site
        .evmbench(&["prove-and-verify", "--job", job, "--task", "1", "dense_small"])
        .args(scales));
    assert_eq!(said.status, Some(75), "{}", said.stderr);
    // Two machines that prepare at once come to one string.
    let prepare = site.path(job).join("prepare.sh");
    let both = [(); 2].map(|()| {
        let mut command = Command::new("bash");
        command.arg(&prepare).stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().unwrap()
    });
    let [one, other] = both.map(|child| child.wait_with_output().unwrap());
    assert!(one.status.success() && other.status.success());
    assert!(String::from_utf8_lossy(&one.stdout).contains("2^11: reference string "));
    assert_eq!(one.stdout, other.stdout);
    // Arguments that cannot be used are no reason to try again.
    let said = site.run(job, "task.sh", &["3"]);
    assert_eq!(said.status, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("2 tasks"), "{}", said.stderr);
    let said = say(&mut site.evmbench(&["prove-and-verify", "--job", job, "--task", "1", "dense_small"]));
    assert_eq!(said.status, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("these arguments make it"), "{}", said.stderr);
    let said = site.run(job, "finish.sh", &[]);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    assert!(said.stdout.contains("0 of 2 verified"), "{}", said.stdout);
    assert!(said.stdout.contains(r"--job $'"), "{}", said.stdout);
}

/// The commands that finish prints are those that make what is missing.
#[test]
fn finish_names_what_is_missing_with_its_command() {
    let site = Site::bare();
    site.export(
        "commands",
        "job",
        &["dense_small", "--tiles", "2", "--out", "runs"],
    );
    let (tasks, status) = site.finish(&["--job", "job", "dense_small", "--tiles", "2", "--out", "runs"]);
    assert_eq!(status, Some(1));
    let names: Vec<&str> = tasks.iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert!(
        names[0].contains("part1of2") && names[1].contains("part2of2"),
        "{names:?}"
    );
    let command = tasks[1]["command"].as_str().unwrap();
    assert_eq!(
        command,
        "evmbench prove-and-verify --job job --task 2 dense_small --tiles 2 --out runs"
    );
    assert_eq!(tasks[1]["reason"], "no record");
}

/// A task that ran out of memory asks for the next class, and what is done is asked for no more.
#[test]
fn the_next_export_asks_for_what_is_missing_with_more_memory() {
    let site = Site::bare();
    let arguments = ["dense_small", "--scale", "7,10", "--out", "runs", "--resume"];
    let mut classes = vec![MemoryClass::holding(0)];
    for _ in 0..2 {
        site.export("slurm", "job", &arguments);
        let list = site.list("job");
        let class = *classes.last().unwrap();
        assert_eq!(list.tasks[0].memory, class);
        assert_eq!(states(&list), [State::ToDo; 2]);
        let script = format!("tasks-{}M.sh", class.mebibytes());
        assert!(site.text("job", "submit.sh").contains(&script));
        // A record as a worker of this class leaves it.
        let (_, mut record) = published("dense_small-s7-committed");
        let limit_bytes = class.cap_bytes();
        let phase = Phase::Prove;
        record.outcome = Outcome::OutOfMemory { phase, limit_bytes };
        record.request.memory_limit_bytes = Some(limit_bytes);
        Store::new(site.path("runs"))
            .save(&mut record, &evmbench::record::Evidence::default())
            .unwrap();
        classes.push(MemoryClass::above_cap(limit_bytes));
    }
    assert_eq!(classes[1].mebibytes(), 2 << 10);
    let said = say(site
        .evmbench(&["prove-and-verify", "--finish", "--job", "job"])
        .args(&arguments[..5]));
    assert!(
        said.stdout.contains("out of memory in prove")
            && said.stdout.contains("evmbench plan --job job --resume"),
        "{}",
        said.stdout
    );
    // With a cap of the user's, more memory is of no use.
    site.export(
        "slurm",
        "job",
        &[&arguments[..], &["--memory-limit", "900MiB"]].concat(),
    );
    assert_eq!(states(&site.list("job")), [State::Done, State::ToDo]);
    // What is verified is done.
    let out = Store::new(site.path("runs"));
    out.take_over(&published("dense_small-s7-committed").0).unwrap();
    let said = site.export("slurm", "job", &arguments);
    assert!(
        said.stdout.contains("2 tasks, 1 of them to do"),
        "{}",
        said.stdout
    );
    let list = site.list("job");
    assert_eq!(states(&list), [State::Done, State::ToDo]);
    assert!(site.text("job", "tasks-1024M.sh").contains("tasks=(2)"));
    // The class of an earlier export has no script any more.
    assert!(!site.path("job").join("tasks-2048M.sh").exists());
    out.take_over(&published("dense_small-s10-committed").0).unwrap();
    site.export("slurm", "job", &arguments);
    assert!(site.text("job", "submit.sh").contains("Every task is done"));
}

/// Folders that machines filled by themselves come together, each record once and whole.
#[test]
fn finish_takes_records_of_several_machines() {
    let site = Site::bare();
    let [first, second] = ["first", "second"].map(|name| Store::new(site.path(name)));
    let (seven, record) = published("dense_small-s7-committed");
    let (ten, _) = published("dense_small-s10-committed");
    // One machine has a damaged copy of one record, and one that came to nothing of the other.
    let damaged = first.take_over(&seven).unwrap();
    let proof = damaged.with_extension("evidence").join("proof.bin.gz");
    std::fs::write(&proof, b"damaged").unwrap();
    let mut short = store::load(&ten).unwrap();
    short.outcome = Outcome::Environment {
        step: "prove".to_owned(),
        reason: "the disk is full".to_owned(),
    };
    first
        .save(&mut short, &evmbench::record::Evidence::default())
        .unwrap();
    second.take_over(&seven).unwrap();
    let arguments = [
        "dense_small",
        "--scale",
        "7,10",
        "--out",
        "merged",
        "--from",
        "first",
        "--from",
        "second",
    ];
    let (tasks, status) = site.finish(&arguments);
    assert_eq!(status, Some(1));
    assert_eq!(tasks[0]["outcome"]["status"], "verified");
    assert_eq!(tasks[1]["outcome"]["status"], "environment");
    let taken = Store::new(site.path("merged")).path(&record.request);
    let found = store::load_whole(&taken).unwrap().unwrap();
    assert!(found.sha256.is_some());
    assert_eq!(found, record);
    // What came to something takes the place of what did not, and not the other way round.
    second.take_over(&ten).unwrap();
    assert_eq!(site.finish(&arguments).1, Some(0));
    let (tasks, status) = site.finish(&arguments[..7]);
    assert_eq!(
        (tasks[1]["outcome"]["status"].as_str(), status),
        (Some("verified"), Some(0))
    );
}

/// Kubernetes' own schema takes every manifest, and the command of each index makes its task.
#[test]
fn kubernetes_takes_the_manifests() {
    let site = Site::bare();
    let arguments = [
        "dense_small",
        "--scale",
        "7,10",
        "--threads",
        "2",
        "--out",
        "runs",
    ];
    site.export("kubernetes", "job", &arguments);
    let manifests: Vec<PathBuf> = std::fs::read_dir(site.path("job"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name != "tasks.json"))
        .collect();
    assert_eq!(manifests.len(), 3, "prepare, tasks, finish: {manifests:?}");
    let manifest: Value = store::read_json(&site.path("job").join("tasks-1024M.json")).unwrap();
    assert_commands(&site, &manifest["spec"]);
    let validator = std::env::var_os(VALIDATOR)
        .map(PathBuf::from)
        .or_else(|| which("kubernetes-validate"));
    let Some(validator) = validator else {
        return left_out(
            "no kubernetes-validate (pip install kubernetes-validate): manifests were not validated",
        );
    };
    let validate = |paths: &[PathBuf]| say(Command::new(&validator).arg("--strict").args(paths));
    let said = validate(&manifests);
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
    // A validator that takes everything would say nothing.
    let mut wrong = manifest;
    wrong["spec"]["template"]["spec"]["contaners"] = Value::Array(Vec::new());
    let path = site.path("wrong.json");
    store::write_json(&path, &wrong).unwrap();
    assert_ne!(validate(&[path]).status, Some(0));
}

/// Runs the command of each index with a program in the image's place that says how it was called.
#[track_caller]
fn assert_commands(site: &Site, spec: &Value) {
    let folder = site.path("bin");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("evmbench");
    std::fs::write(&program, "#!/bin/bash\nprintf '%s\\n' \"$PWD\" \"$@\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let container = &spec["template"]["spec"]["containers"][0];
    let words: Vec<String> = serde_json::from_value(container["command"].clone()).unwrap();
    // As the kubelet has it: two dollars before a bracket stand for one.
    let words: Vec<String> = words.iter().map(|word| word.replace("$$(", "$(")).collect();
    let count = spec["completions"].as_u64().unwrap();
    let mut tasks: Vec<String> = (0..count)
        .map(|index| {
            let path = std::env::var("PATH").unwrap();
            let said = say(Command::new(&words[0])
                .args(&words[1..])
                .env("JOB_COMPLETION_INDEX", index.to_string())
                .env("PATH", format!("{}:{path}", folder.display())));
            assert_eq!(said.status, Some(0), "{}", said.stderr);
            let said = said
                .stdout
                .strip_prefix(&format!("{}\n", site.working.display()))
                .unwrap()
                .to_owned();
            let job = site.path("job");
            let rest = said
                .strip_prefix(&format!("prove-and-verify\n--job\n{}\n--task\n", job.display()))
                .unwrap();
            let (task, rest) = rest.split_once('\n').unwrap();
            assert_eq!(rest, "dense_small\n--scale\n7,10\n--threads\n2\n--out\nruns\n");
            task.to_owned()
        })
        .collect();
    tasks.sort_unstable();
    assert_eq!(tasks, ["1", "2"]);
    assert_eq!(container["resources"]["limits"]["memory"], "1024Mi");
}

/// Names, outcomes and what the chain takes of each record of a list; gas of calldata differs with each proof.
fn told(site: &Site, list: &TaskList) -> Vec<(String, Outcome, Option<u64>, Option<u64>)> {
    let record = |path: &Path| {
        store::load_whole(&site.path(path.to_str().unwrap()))
            .unwrap()
            .unwrap()
    };
    let told = list.tasks.iter().map(|task| {
        let record = record(&task.record);
        assert_eq!(record.request.name(), task.name);
        let deployment = record.deployment.as_ref().map(|deployment| deployment.gas);
        let verification = record
            .verification
            .as_ref()
            .and_then(|verification| verification.gas);
        (
            task.name.clone(),
            record.outcome.clone(),
            deployment.map(|gas| gas.tx_gas),
            verification.map(|gas| gas.execution_gas),
        )
    });
    told.collect()
}

/// Submits a job.
#[track_caller]
fn submit(slurm: &Slurm, site: &Site, job: &str) {
    let said = say(slurm.command("bash").arg(site.path(job).join("submit.sh")));
    assert_eq!(said.status, Some(0), "{}{}", said.stdout, said.stderr);
}

/// What the jobs of a folder wrote.
fn logs(site: &Site, job: &str) -> String {
    let entries = std::fs::read_dir(site.path(job).join("logs")).unwrap();
    entries
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// A model at two scales and one in two tiles go through a Slurm in which a node is lost and a job is put into the queue again in
/// mid-run; and a task with too little memory.
#[test]
fn a_job_on_slurm_makes_the_records_of_one_machine() {
    let Some(slurm) = Slurm::start() else { return };
    let site = Site::new();
    // The smoke suite at two scales where there is time for it.
    let whole: &[&str] = if step(2) == 1 {
        &[
            "--suite", "smoke", "--scale", "7,10", "--runs", "1", "--out", "runs",
        ]
    } else {
        &["dense_small", "--scale", "7,10", "--runs", "1", "--out", "runs"]
    };
    let tiled = ["dense_small", "--tiles", "2", "--runs", "1", "--out", "runs"];
    site.export("slurm", "whole", whole);
    site.export("slurm", "tiled", &tiled);
    submit(&slurm, &site, "whole");
    submit(&slurm, &site, "tiled");
    let running = |node: &str| {
        let mut jobs = slurm.queue().into_iter();
        jobs.find(|[_, name, state, on]| name == "evmbench" && state == "RUNNING" && on == node)
            .map(|[id, ..]| id)
    };
    // A node without a daemon is lost for Slurm, and what it runs goes on beside the same task elsewhere.
    slurm.wait_until("no task runs on the second node", || running(NODES[1]).is_some());
    slurm.lose_node(NODES[1], &running(NODES[1]).unwrap());
    slurm.wait_until("no task runs on the first node", || running(NODES[0]).is_some());
    let again = running(NODES[0]).unwrap();
    slurm.ask("scontrol", &["requeue", &again]);
    slurm.start_node(NODES[1]);
    slurm.wait_for_all();

    let [whole_list, tiled_list] = ["whole", "tiled"].map(|job| site.list(job));
    let said = || format!("{}{}", logs(&site, "whole"), logs(&site, "tiled"));
    for (job, arguments) in [("whole", whole), ("tiled", &tiled[..])] {
        let (tasks, status) = site.finish(&[&["--job", job][..], arguments].concat());
        assert_eq!(status, Some(0), "{tasks:#?}\n{}", said());
    }
    let records = [told(&site, &whole_list), told(&site, &tiled_list)];
    // The set is in the record of the last part, which rests on the one string that was prepared.
    let of_set = store::load(&site.path(tiled_list.tasks[1].record.to_str().unwrap())).unwrap();
    assert_eq!(of_set.set.as_ref().unwrap().parts.len(), 2);
    assert!(store::record_paths(&site.path("runs")).unwrap().len() == records.concat().len());
    // Nothing is left to do.
    let said = site.export("slurm", "whole", &[whole, &["--resume"]].concat());
    assert!(said.stdout.contains(" 0 of them to do"), "{}", said.stdout);

    with_too_little_memory(&slurm, &site);
    if step(2) == 1 {
        // The same on one machine.
        for arguments in [whole, &tiled[..]] {
            let out = [&arguments[..arguments.len() - 1], &["one machine"]].concat();
            let said = say(site.evmbench(&["prove-and-verify"]).args(out));
            assert_eq!(said.status, Some(0), "{}", said.stderr);
        }
        let elsewhere = |list: &TaskList| {
            let mut list = list.clone();
            for task in &mut list.tasks {
                task.record = Path::new("one machine").join(task.record.strip_prefix("runs").unwrap());
            }
            told(&site, &list)
        };
        assert_eq!(records, [elsewhere(&whole_list), elsewhere(&tiled_list)]);
    }
}

/// A task that is given less than it needs leaves a record with the cap that it really had; the scheduler counts it as failed, and
/// finish comes all the same.
#[track_caller]
fn with_too_little_memory(slurm: &Slurm, site: &Site) {
    let arguments = ["silu", "--seed", "1", "--runs", "1", "--force", "--out", "short"];
    site.export("slurm", "short", &arguments);
    let submit_path = site.path("short").join("submit.sh");
    let text = std::fs::read_to_string(&submit_path).unwrap();
    let (less, given) = (text.replace("1 --mem=1024M", "1 --mem=80M"), "1 --mem=80M");
    assert!(less.contains(given), "{text}");
    std::fs::write(&submit_path, less).unwrap();
    submit(slurm, site, "short");
    slurm.wait_for_all();
    let (tasks, status) = site.finish(&[&["--job", "short"][..], &arguments].concat());
    assert_eq!(status, Some(1));
    let outcome = &tasks[0]["outcome"];
    assert_eq!(outcome["status"], "out_of_memory", "{}", logs(site, "short"));
    assert_eq!(outcome["limit_bytes"], (80_u64 << 20) / 100 * 85);
    assert!(logs(site, "short").contains("0 of 1 verified"));
}
