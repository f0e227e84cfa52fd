//! A Slurm of its own on this machine: a controller and two nodes on the loopback interface, as root.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{root, say};

/// Set where a test of many machines must not be left out (`.ci/run`).
const REQUIRED: &str = "EVMBENCH_REQUIRE_CLUSTER";

/// How long the cluster may take to come to something.
const PATIENCE: Duration = Duration::from_mins(3);

/// The nodes.
pub const NODES: [&str; 2] = ["n1", "n2"];

/// Says that a test is left out, and why; fails where it must not be.
#[track_caller]
pub fn left_out(why: &str) {
    assert!(std::env::var_os(REQUIRED).is_none(), "{why}");
    eprintln!("LEFT OUT: {why}");
}

/// A running cluster, which ends with this.
pub struct Slurm {
    folder: TempDir,
}

impl Slurm {
    /// Starts it; none, with a message, where Slurm is not installed.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let missing: Vec<&str> = ["slurmctld", "slurmd", "sbatch", "munged"]
            .into_iter()
            .filter(|program| which(program).is_none())
            .collect();
        if !missing.is_empty() {
            left_out(&format!(
                "no {}: Slurm was not tried (on Debian: apt-get install --no-install-recommends slurm-wlm munge)",
                missing.join(", ")
            ));
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            left_out("a Slurm of its own is started by root alone: it was not tried");
            return None;
        }
        let slurm = Self {
            folder: tempfile::Builder::new()
                .prefix("slurm-")
                .tempdir_in("/tmp")
                .unwrap(),
        };
        for folder in ["munge", "log", "state", "spool-n1", "spool-n2"] {
            std::fs::create_dir(slurm.path(folder)).unwrap();
        }
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(slurm.folder.path(), open).unwrap();
        slurm.start_munge();
        slurm.configure();
        slurm.run(Command::new("slurmctld").arg("-f").arg(slurm.path("slurm.conf")));
        for node in NODES {
            slurm.start_node(node);
        }
        slurm.wait_until("the nodes are not idle", || {
            slurm.ask("sinfo", &["-h", "-N", "-o", "%t"]) == "idle\nidle"
        });
        Some(slurm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start_munge(&self) {
        let key = self.path("munge/munge.key");
        let bytes: Vec<u8> = (0..16).flat_map(|_| uuid().into_bytes()).collect();
        std::fs::write(&key, &bytes[..128]).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
        let option = |name: &str, file: &str| format!("--{name}={}", self.path(file).display());
        self.run(Command::new("munged").args([
            option("key-file", "munge/munge.key"),
            option("socket", "munge/munge.socket"),
            option("pid-file", "munge/munged.pid"),
            option("log-file", "munge/munged.log"),
            option("seed-file", "munge/munged.seed"),
        ]));
    }

    fn configure(&self) {
        let mut text = std::fs::read_to_string(root("tests/slurm/slurm.conf.in")).unwrap();
        let host = say(Command::new("hostname").arg("-s")).stdout.trim().to_owned();
        // All are taken at once, so that they differ.
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [controller, n1, n2] = sockets.map(|socket| socket.local_addr().unwrap().port().to_string());
        let folder = self.folder.path().display().to_string();
        let values = BTreeMap::from([
            ("@DIR@", &folder),
            ("@HOST@", &host),
            ("@CONTROLLER@", &controller),
            ("@N1@", &n1),
            ("@N2@", &n2),
        ]);
        for (name, value) in values {
            text = text.replace(name, value);
        }
        std::fs::write(self.path("slurm.conf"), text).unwrap();
    }

    /// Starts a daemon, which goes into the background.
    #[track_caller]
    fn run(&self, command: &mut Command) {
        let log = std::fs::File::create(self.path("log/start")).unwrap();
        let status = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap();
        let said = std::fs::read_to_string(self.path("log/start")).unwrap();
        assert!(status.success(), "{command:?}: {said}");
    }

    /// Starts a node's daemon.
    pub fn start_node(&self, node: &str) {
        let mut command = Command::new("slurmd");
        command.arg("-f").arg(self.path("slurm.conf")).args(["-N", node]);
        self.run(&mut command);
    }

    /// Loses a node that runs a job: its daemons are killed without a word, and what they started goes on with nobody to stop it. Slurm
    /// is told at once what it would find out by itself in half a minute.
    #[track_caller]
    pub fn lose_node(&self, node: &str, job: &str) {
        assert!(kill(&self.path(&format!("slurmd-{node}.pid")), "-KILL"), "{node}");
        let of_job = format!("slurmstepd: [{job}.");
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if command.starts_with(of_job.as_bytes()) {
                let id = process.file_name().into_string().unwrap();
                assert!(signal(&id, "-KILL"), "{node}");
            }
        }
        self.ask(
            "scontrol",
            &["update", &format!("nodename={node}"), "state=down", "reason=lost"],
        );
    }

    /// A program that finds this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("SLURM_CONF", self.path("slurm.conf"))
            .stdin(Stdio::null());
        command
    }

    /// What one of Slurm's commands says.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let said = say(self.command(program).args(arguments));
        said.stdout.trim().to_owned()
    }

    /// The jobs that are waiting or running: id, name, state and node.
    pub fn queue(&self) -> Vec<[String; 4]> {
        let text = self.ask("squeue", &["-h", "-r", "-o", "%A|%j|%T|%N"]);
        let jobs = text.lines().filter_map(|line| {
            let fields: Vec<String> = line.split('|').map(str::to_owned).collect();
            fields.try_into().ok()
        });
        jobs.collect()
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            let log = || std::fs::read_to_string(self.path("log/slurmctld.log")).unwrap_or_default();
            assert!(
                start.elapsed() < PATIENCE,
                "{what}: {:?}\n{}",
                self.queue(),
                log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until no job is left. One that was put into the queue again need not wait out the time that Slurm gives a node to recover.
    #[track_caller]
    pub fn wait_for_all(&self) {
        self.wait_until("jobs are left", || {
            let waiting = self.ask("squeue", &["-h", "-r", "-t", "PENDING", "-o", "%A %r"]);
            for id in waiting.lines().filter_map(|line| line.strip_suffix(" BeginTime")) {
                self.ask("scontrol", &["update", &format!("jobid={id}"), "StartTime=now"]);
            }
            self.queue().is_empty()
        });
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        self.ask("scancel", &["--user=root"]);
        for file in [
            "slurmd-n1.pid",
            "slurmd-n2.pid",
            "slurmctld.pid",
            "munge/munged.pid",
        ] {
            kill(&self.path(file), "-KILL");
        }
    }
}

/// Sends a signal to the process that a file names.
fn kill(file: &Path, signal: &str) -> bool {
    let Ok(id) = std::fs::read_to_string(file) else {
        return false;
    };
    self::signal(id.trim(), signal)
}

/// Sends a signal to a process.
fn signal(id: &str, signal: &str) -> bool {
    let sent = Command::new("kill")
        .args([signal, id])
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}

/// A number that no other is.
fn uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap()
}

/// Where a program is, in one of the folders of PATH or of the system's.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
