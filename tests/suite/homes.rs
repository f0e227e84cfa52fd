//! One cache folder, many processes: what is kept is made once, checked before use, made again where it is damaged, and left alone
//! while it is used.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evmbench::home::Home;
use evmbench::model::graph::Op;
use evmbench::model::onnx;
use evmbench::prover::{EZKL_VERSION, SrsStore};
use evmbench::record::{Outcome, Record};
use evmbench::solidity::SOLC_VERSION;
use evmbench::store;
use tempfile::TempDir;

use crate::common::{self, Said, evmbench, say};

/// How long a run of the smallest circuits may take beside seven others.
const PATIENCE: Duration = Duration::from_mins(3);

/// Scales of two circuits of different 2^k: 2^6 and 2^9 rows.
const SCALES: [&str; 2] = ["4", "7"];

/// An empty home but for links to the tools, and a model of eight elements.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new() -> Self {
        let workshop = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (tools, home) = (common::tools(), workshop.home());
        home.create().unwrap();
        symlink(tools.home.ezkl(EZKL_VERSION), home.ezkl(EZKL_VERSION)).unwrap();
        let solc = tools.home.solc(SOLC_VERSION);
        if solc.exists() {
            symlink(solc, home.solc(SOLC_VERSION)).unwrap();
        }
        let graph = common::chain(&[1, 8], vec![Op::Relu]);
        std::fs::write(workshop.model(), onnx::write(&graph)).unwrap();
        workshop
    }

    fn home(&self) -> Home {
        Home::at(self.folder.path().join("home"))
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("model.onnx")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn evmbench(&self, arguments: &[&str]) -> Command {
        let mut command = evmbench();
        command
            .args(arguments)
            .env("EVMBENCH_HOME", self.home().root())
            .stdin(Stdio::null());
        command
    }

    /// Proves the model at a scale into the folder `out`.
    fn prove(&self, scale: &str, out: &str) -> Command {
        let mut command = self.evmbench(&["prove-and-verify", "--runs", "1", "--scale", scale]);
        command
            .arg("--onnx")
            .arg(self.model())
            .arg("--out")
            .arg(self.out(out));
        command
    }

    fn start(&self, scale: &str, out: &str) -> Child {
        self.prove(scale, out)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.out(&format!("{out}.stderr"))).unwrap())
            .spawn()
            .unwrap()
    }

    /// Proves to the end and gives the one record that came of it, and what was said.
    #[track_caller]
    fn proved(&self, scale: &str, out: &str) -> (Record, Said) {
        let said = say(&mut self.prove(scale, out));
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        (self.record(out), said)
    }

    fn record_path(&self, out: &str) -> PathBuf {
        let paths = store::record_paths(&self.out(out)).unwrap();
        assert_eq!(paths.len(), 1, "{out}");
        self.out(out).join(&paths[0])
    }

    #[track_caller]
    fn record(&self, out: &str) -> Record {
        store::load(&self.record_path(out)).unwrap()
    }

    /// The record is of a proof that was accepted, and rests on the reference string that lies in the home.
    #[track_caller]
    fn assert_recorded(&self, out: &str) {
        let record = self.record(out);
        assert_eq!(record.outcome, Outcome::Verified, "{out}");
        let srs = &record.keys.as_ref().unwrap().srs;
        let there = SrsStore::Folder(self.home().srs()).identity(srs.logrows).unwrap();
        assert_eq!(there.as_ref(), Some(srs), "{out}");
    }

    /// What [`Self::assert_recorded`] says, and its evidence says so too.
    #[track_caller]
    fn assert_true(&self, out: &str) {
        self.assert_recorded(out);
        let mut verify = self.evmbench(&["verify"]);
        let said = say(verify.arg(self.record_path(out)));
        assert_eq!(said.status, Some(0), "{out}: {}{}", said.stdout, said.stderr);
    }

    fn verify_cache(&self) -> Said {
        say(&mut self.evmbench(&["cache", "--verify"]))
    }

    #[track_caller]
    fn assert_cache_is_whole(&self) {
        let said = self.verify_cache();
        assert_eq!(said.status, Some(0), "{}", said.stdout);
        assert!(
            said.stdout.contains("everything is as it was made"),
            "{}",
            said.stdout
        );
    }

    fn runs_in_progress(&self) -> usize {
        std::fs::read_dir(self.home().work()).map_or(0, Iterator::count)
    }

    /// The only circuit that is kept.
    fn entry(&self) -> PathBuf {
        let entries: Vec<_> = std::fs::read_dir(self.home().circuits()).unwrap().collect();
        let [Ok(entry)] = &entries[..] else {
            panic!("{entries:?}")
        };
        entry.path()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Eight processes (half as many in the sample) from an empty home, at two scales; three are killed on the way, and begin again
/// beside the rest.
#[test]
fn what_processes_make_side_by_side_is_true_and_so_is_all_that_follows() {
    let workshop = Workshop::new();
    let mut running: Vec<(String, &str, Child)> = (0..8 / common::step(2))
        .map(|index| {
            let (out, scale) = (format!("out-{index}"), SCALES[index % 2]);
            let child = workshop.start(scale, &out);
            (out, scale, child)
        })
        .collect();
    // One of each scale as soon as strings are being made, one when a circuit is there.
    let mut kill = |index: usize| {
        let (_, _, child) = &mut running[index];
        child.kill().unwrap();
        child.wait().unwrap();
    };
    wait_until("no reference string is begun", || workshop.home().srs().exists());
    kill(0);
    kill(1);
    wait_until("no circuit is kept", || {
        std::fs::read_dir(workshop.home().circuits()).is_ok_and(|mut entries| entries.next().is_some())
    });
    kill(2);
    for index in [0, 1, 2] {
        let (out, scale, child) = &mut running[index];
        *child = workshop.start(scale, out);
    }
    for (out, _, child) in &mut running {
        let status = child.wait().unwrap();
        let said = std::fs::read_to_string(workshop.out(&format!("{out}.stderr"))).unwrap();
        assert_eq!(status.code(), Some(0), "{out}: {said}");
        workshop.assert_recorded(out);
    }
    // One that was killed and one that was not, of either scale.
    for (out, ..) in running.iter().step_by(common::step(3)) {
        workshop.assert_true(out);
    }
    workshop.assert_cache_is_whole();
    // Later runs take what is there, and clear away what the killed ones left.
    for scale in SCALES {
        let (record, said) = workshop.proved(scale, &format!("later-{scale}"));
        assert!(record.keys.unwrap().reused, "{}", said.stderr);
        workshop.assert_true(&format!("later-{scale}"));
    }
    assert_eq!(workshop.runs_in_progress(), 0);
    let strings = std::fs::read_dir(workshop.home().srs()).unwrap();
    let strings = strings.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|extension| extension == "srs")
    });
    assert_eq!(strings.count(), SCALES.len());
}

/// What is done to a file.
type Damage = fn(&Path);

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

/// Settings that say otherwise how many rows the circuit has.
fn edit_rows(path: &Path) {
    let mut settings: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let rows = settings["num_rows"].as_u64().unwrap();
    settings["num_rows"] = (rows + 1).into();
    std::fs::write(path, settings.to_string()).unwrap();
}

/// A label that names another reference string.
fn edit_string(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let at = text.find("\"sha256\"").unwrap() + "\"sha256\":".len() + 4;
    let (before, after) = text.split_at(at);
    let digit = if after.starts_with('0') { "1" } else { "0" };
    std::fs::write(path, format!("{before}{digit}{}", &after[1..])).unwrap();
}

#[test]
fn damaged_files_are_made_again_and_nothing_is_said_against_the_model() {
    let workshop = Workshop::new();
    let (first, _) = workshop.proved("4", "first");
    let string = workshop.home().srs().join("local-test-k6.srs");
    assert_eq!(first.keys.as_ref().unwrap().srs.logrows, 6);
    let entry = workshop.entry();
    let damages: [(PathBuf, Damage); 11] = [
        (entry.join("proving.key"), flip),
        (entry.join("proving.key"), cut),
        (entry.join("verifying.key"), flip),
        (entry.join("verifying.key"), remove),
        (entry.join("circuit.ezkl"), flip),
        (entry.join("settings.json"), edit_rows),
        (entry.join("provenance.json"), edit_string),
        (string.clone(), flip),
        (string.clone(), cut),
        (string.clone(), remove),
        (string.with_extension("json"), edit_string),
    ];
    for (index, (path, damage)) in damages.into_iter().enumerate().step_by(common::step(6)) {
        damage(&path);
        let shown = format!("damage {index} to {}", path.display());
        let said = workshop.verify_cache();
        assert_eq!(said.status, Some(1), "{shown}: {}", said.stdout);
        assert!(said.stdout.contains("damaged: "), "{shown}: {}", said.stdout);
        let out = format!("out-{index}");
        let (record, said) = workshop.proved("4", &out);
        assert!(said.stderr.contains("made again"), "{shown}: {}", said.stderr);
        assert!(!record.keys.as_ref().unwrap().reused, "{shown}");
        assert_eq!(record.circuit, first.circuit, "{shown}");
        workshop.assert_true(&out);
        workshop.assert_cache_is_whole();
    }
    // Notes of digests that say nothing are no damage: everything is read again.
    std::fs::write(workshop.home().root().join("digests.json"), "{").unwrap();
    let (record, _) = workshop.proved("4", "noted");
    assert!(record.keys.unwrap().reused);
}

/// A circuit, its keys and its label under the name of another one.
#[test]
fn a_circuit_in_the_place_of_another_is_not_used() {
    let workshop = Workshop::new();
    let (first, _) = workshop.proved("4", "first");
    let entry = workshop.entry();
    let aside = workshop.folder.path().join("aside");
    std::fs::rename(&entry, &aside).unwrap();
    workshop.proved("7", "other");
    let other = workshop.entry();
    std::fs::rename(&other, &entry).unwrap();
    std::fs::rename(&aside, &other).unwrap();
    for (scale, out) in [("4", "again-4"), ("7", "again-7")] {
        let (_, said) = workshop.proved(scale, out);
        assert!(said.stderr.contains("another circuit's"), "{}", said.stderr);
        workshop.assert_true(out);
    }
    assert_eq!(workshop.record("again-4").circuit, first.circuit);
    workshop.assert_cache_is_whole();
}

#[test]
fn clearing_leaves_what_a_running_process_uses() {
    let workshop = Workshop::new();
    let mut child = workshop.start("7", "out");
    wait_until("no run begins", || workshop.runs_in_progress() > 0);
    let mut told = 0;
    while child.try_wait().unwrap().is_none() {
        let said = say(&mut workshop.evmbench(&["cache", "--clear-all"]));
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        told += usize::from(said.stdout.contains("a running evmbench uses them"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = std::fs::read_to_string(workshop.out("out.stderr")).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(told > 0);
    assert_eq!(workshop.record("out").outcome, Outcome::Verified);
    // Nobody is left.
    let said = say(&mut workshop.evmbench(&["cache", "--clear-all"]));
    assert!(
        !said.stdout.contains("a running evmbench uses them"),
        "{}",
        said.stdout
    );
    assert!(!workshop.home().ezkl(EZKL_VERSION).exists());
    assert!(
        common::tools().home.ezkl(EZKL_VERSION).exists(),
        "only the link goes"
    );
}

#[test]
fn a_home_is_its_owners_alone() {
    let folder = TempDir::new().unwrap();
    let home = folder.path().join("new/home");
    let run = |arguments: &[&str], shared: bool| {
        let mut command = evmbench();
        command
            .args(arguments)
            .env("EVMBENCH_HOME", &home)
            .env("EVMBENCH_PYTHON", "/nowhere/python");
        if shared {
            command.env("EVMBENCH_SHARED_HOME", "1");
        }
        say(&mut command)
    };
    let said = run(&["setup"], false);
    assert_eq!(said.status, Some(1), "{}", said.stderr);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&home), 0o700);
    for open in [0o777, 0o770, 0o1777] {
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(open)).unwrap();
        let said = run(&["cache"], false);
        assert_eq!(said.status, Some(1), "{}", said.stdout);
        assert!(
            said.stderr.contains("can be written by other users"),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains("hint: `chmod -R go-w"), "{}", said.stderr);
        assert!(said.stderr.contains("EVMBENCH_SHARED_HOME=1"), "{}", said.stderr);
        let said = run(&["cache"], true);
        assert_eq!(said.status, Some(0), "{}", said.stderr);
    }
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run(&["cache"], false).status, Some(0));
}
