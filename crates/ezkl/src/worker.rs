//! One EZKL call in a process of its own: request file in, answer file out.
//!
//! The parent caps the child's data segment before exec, offers it to the kernel's out-of-memory killer first, samples
//! its peak resident set while it runs, and ends it on a time limit or when the user interrupts.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use evmbench_host::memory::{effective_memory_limit_bytes, limit_hits, status_field};
use evmbench_host::trouble::Trouble;

use super::{
    CircuitSettings, EZKL_VERSION, Failure, Observer, Phase, PhaseMeasurement, PhaseSource, ProverError,
    Toolchain,
};
use crate::compiled::Counts;

const WORKER: &str = include_str!("worker.py");

/// How often a running worker is looked at. Short phases take some 60 ms, so a longer pause would show in their times.
const POLL: Duration = Duration::from_millis(5);

/// How often its memory is sampled and the observer told.
const SAMPLE: Duration = Duration::from_millis(100);

/// How much of the end of the worker's stderr is read to judge a failure, in bytes.
const STDERR_READ_BYTES: u64 = 1 << 20;

/// How much of it a failure quotes, in lines.
const STDERR_QUOTED_LINES: usize = 12;

/// What EZKL's errors name when it looks for a Solidity compiler, which evmbench has no use for.
pub(super) const COMPILER_SEARCH: &str = "[eth]";

/// The longest time between two looks at a worker that counts as its own, well above [`POLL`]: evmbench itself stood still for
/// the rest.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What every worker of a run shares.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    pub(super) toolchain: Toolchain,
    /// Cap on each worker's data segment, in bytes; `None` sets none.
    pub(super) memory_limit_bytes: Option<u64>,
    /// Wall time that one phase may take.
    pub(super) timeout: Duration,
    /// Threads of EZKL's thread pool.
    pub(super) threads: usize,
}

/// One call to make.
pub(super) struct Request<'a> {
    pub(super) phase: Phase,
    pub(super) function: &'static str,
    pub(super) arguments: Value,
    /// Files that the call writes, for their size.
    pub(super) writes: &'a [&'a Path],
    /// Where request, answer and stderr are kept.
    pub(super) folder: &'a Path,
}

/// How a call ended.
pub(super) struct Reply {
    pub(super) measurement: PhaseMeasurement,
    pub(super) result: Result<Returned, Failure>,
}

/// What a call that succeeded has to tell.
pub(super) struct Returned {
    /// The points that the call returned, coordinates as EZKL writes them; none where it returned something else.
    pub(super) points: Vec<[String; 2]>,
    /// What EZKL counted when it last laid the circuit out; none where it did not.
    pub(super) layout: Option<Counts>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    error: Option<String>,
    points: Option<Vec<[String; 2]>>,
    /// Cells and constants.
    layout: Option<(usize, usize)>,
    ezkl_version: String,
    call_seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
}

/// What is known of a worker that gave no answer.
struct Signs {
    /// The kernel's counts before it started.
    before: MemoryEvents,
    peak_rss_bytes: Option<u64>,
    /// It had begun to write its answer.
    is_cut_short: bool,
}

enum Ending {
    Exited(ExitStatus),
    TimedOut,
    Interrupted,
}

impl Workers {
    /// Runs one call and waits for its end.
    pub(super) fn call(
        &self,
        request: &Request<'_>,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Reply, ProverError> {
        let phase = request.phase;
        let file = |suffix: &str| request.folder.join(format!("{phase}.{suffix}"));
        let (request_path, answer_path, stderr_path) =
            (file("request.json"), file("answer.json"), file("stderr"));
        let _ = std::fs::remove_file(&answer_path);
        let text = json!({
            "call": request.function,
            "arguments": request.arguments,
            "answer": answer_path,
        });
        std::fs::write(&request_path, text.to_string()).map_err(ProverError::io("write", &request_path))?;
        let stderr = File::create(&stderr_path).map_err(ProverError::io("create", &stderr_path))?;

        observer.started(&phase.to_string());
        let before = MemoryEvents::now();
        let start = Instant::now();
        let mut child = self.spawn(&request_path, stderr, request.folder)?;
        let mut peak_rss_bytes = None;
        let ending = self.wait(&mut child, start, observer, &mut peak_rss_bytes);
        let process_seconds = start.elapsed().as_secs_f64();
        observer.finished();
        let ending = ending.map_err(ProverError::io("wait for a worker of", self.toolchain.python()))?;

        let written = std::fs::read(&answer_path).ok();
        let answer: Option<Answer> = written
            .as_ref()
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        let is_cut_short = written.is_some() && answer.is_none();
        let measurement = PhaseMeasurement {
            phase,
            source: PhaseSource::Measured,
            call_seconds: answer.as_ref().map(|answer| answer.call_seconds),
            cpu_seconds: answer.as_ref().map(|answer| answer.cpu_seconds),
            process_seconds,
            peak_rss_bytes: peak_rss_bytes.max(answer.as_ref().map(|answer| answer.peak_rss_bytes)),
            written_bytes: request
                .writes
                .iter()
                .filter_map(|path| path.metadata().ok())
                .map(|meta| meta.len())
                .sum(),
            exit_status: match &ending {
                Ending::Exited(status) => status.code(),
                Ending::TimedOut | Ending::Interrupted => None,
            },
        };
        if let Some(answer) = answer
            .as_ref()
            .filter(|answer| answer.ezkl_version != EZKL_VERSION)
        {
            return Err(ProverError::Version {
                found: answer.ezkl_version.clone(),
            });
        }
        let peak_rss_bytes = measurement.peak_rss_bytes;
        let result = match (answer, ending) {
            // A phase is judged by its answer: a crash at interpreter exit, after the work, is no failure.
            (
                Some(Answer {
                    error: None,
                    points,
                    layout,
                    ..
                }),
                _,
            ) => Ok(Returned {
                points: points.unwrap_or_default(),
                layout: layout.map(|(cells, constants)| Counts { cells, constants }),
            }),
            (_, Ending::TimedOut) => Err(Failure::TimedOut {
                phase,
                limit_seconds: self.timeout.as_secs(),
            }),
            (_, Ending::Interrupted) => Err(Failure::Interrupted { phase }),
            // What the machine refuses EZKL's search for a compiler stands in nobody's way.
            (
                Some(Answer {
                    error: Some(error), ..
                }),
                Ending::Exited(status),
            ) if error.contains(COMPILER_SEARCH) => Err(failed(phase, status, &error)),
            (
                Some(Answer {
                    error: Some(error), ..
                }),
                Ending::Exited(status),
            ) => Err(self.judge(request, status, &error, Trouble::in_error(&error))),
            (None, Ending::Exited(status)) => Err(self.judge_unanswered(
                request,
                status,
                &tail(&stderr_path),
                &Signs {
                    before,
                    peak_rss_bytes,
                    is_cut_short,
                },
            )),
        };
        // A tool may take no notice of a write that was cut off at the limit.
        let result = match Trouble::of_sizes(request.writes) {
            Some(trouble) if result.is_ok() => Err(environment(phase, trouble)),
            _ => result,
        };
        Ok(Reply { measurement, result })
    }

    fn spawn(&self, request: &Path, stderr: File, folder: &Path) -> Result<Child, ProverError> {
        let mut command = Command::new(self.toolchain.python());
        command
            .args(["-I", "-B", "-c", WORKER])
            .arg(request)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            // EZKL keeps caches of its own below this folder.
            .env("EZKL_REPO_PATH", folder.join("ezkl"))
            .env("RAYON_NUM_THREADS", self.threads.to_string())
            // A backtrace would push the message out of the quoted tail.
            .env("RUST_BACKTRACE", "0")
            // After writing the verifier EZKL tries to download a compiler, which evmbench does not need; this address
            // refuses at once, so that the phase takes the same time with a network as without.
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        confine(&mut command, self.memory_limit_bytes);
        let path = self.toolchain.python().to_owned();
        let child = command
            .spawn()
            .map_err(|source| ProverError::Start { path, source })?;
        // Where the limit is not enforced, or the rest of the machine needs memory, the kernel takes the worker first.
        // Failing to say so costs nothing but that order.
        let _ = std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000");
        Ok(child)
    }

    fn wait(
        &self,
        child: &mut Child,
        start: Instant,
        observer: &dyn Observer<CircuitSettings>,
        peak_rss_bytes: &mut Option<u64>,
    ) -> std::io::Result<Ending> {
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut next_sample = start;
        // Time in which evmbench or the worker was stopped is not the worker's.
        let (mut last, mut worked, mut is_stopped) = (start, Duration::ZERO, false);
        loop {
            if let Some(exit) = child.try_wait()? {
                return Ok(Ending::Exited(exit));
            }
            let now = Instant::now();
            if !is_stopped {
                worked += (now - last).min(LONGEST_LOOK);
            }
            last = now;
            if now >= next_sample {
                is_stopped = state(&status).is_some_and(|state| matches!(state, 'T' | 't'));
                next_sample = now + SAMPLE;
                *peak_rss_bytes = (*peak_rss_bytes).max(status_field(&status, "VmHWM:"));
                observer.sampled(status_field(&status, "VmRSS:"));
            }
            let stop = if observer.interrupted() {
                Some(Ending::Interrupted)
            } else if worked > self.timeout {
                Some(Ending::TimedOut)
            } else {
                None
            };
            if let Some(ending) = stop {
                child.kill()?;
                child.wait()?;
                return Ok(ending);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Tells running out of memory, trouble with the machine and every other way to fail from each other. `trouble` is what the
    /// worker's own end tells of.
    fn judge(
        &self,
        request: &Request<'_>,
        status: ExitStatus,
        message: &str,
        trouble: Option<Trouble>,
    ) -> Failure {
        // Rust's allocator says the first and aborts; under a cap it is not always the last line of stderr. The loader and Python's
        // modules say the last.
        const OUT_OF_MEMORY: [&str; 3] = ["memory allocation of", "MemoryError", "Cannot allocate memory"];
        let phase = request.phase;
        if OUT_OF_MEMORY.iter().any(|text| message.contains(text)) {
            return self.out_of_memory(phase);
        }
        if let Some(trouble) = trouble.or_else(|| Trouble::in_folder(request.folder, request.writes)) {
            return environment(phase, trouble);
        }
        failed(phase, status, message)
    }

    /// Why a worker ended without an answer.
    fn judge_unanswered(
        &self,
        request: &Request<'_>,
        status: ExitStatus,
        stderr: &str,
        signs: &Signs,
    ) -> Failure {
        let phase = request.phase;
        if status.signal() == Some(KILL) && MemoryEvents::now().kills > signs.before.kills {
            return if self.took_its_memory(&signs.before, signs.peak_rss_bytes) {
                self.out_of_memory(phase)
            } else {
                environment(phase, Trouble::MemoryTaken)
            };
        }
        let trouble = unanswered(status, stderr).or(signs.is_cut_short.then_some(Trouble::AnswerCutShort));
        self.judge(request, status, stderr, trouble)
    }

    fn out_of_memory(&self, phase: Phase) -> Failure {
        let limit_bytes = effective_memory_limit_bytes(self.memory_limit_bytes).unwrap_or(u64::MAX);
        Failure::OutOfMemory { phase, limit_bytes }
    }

    /// Whether a worker that the kernel ended for want of memory had taken it itself, and not another program of the machine: a
    /// control group's limit stopped it, or it held half of what it may at least.
    fn took_its_memory(&self, before: &MemoryEvents, peak_rss_bytes: Option<u64>) -> bool {
        let half = effective_memory_limit_bytes(self.memory_limit_bytes).map_or(0, |limit| limit / 2);
        MemoryEvents::now().limit_hits > before.limit_hits || peak_rss_bytes.is_none_or(|peak| peak >= half)
    }
}

/// The number of `SIGKILL`.
const KILL: i32 = rustix::process::Signal::KILL.as_raw();

/// A failure of the worker's own, with the end of what it said.
fn failed(phase: Phase, status: ExitStatus, message: &str) -> Failure {
    let lines: Vec<&str> = message.trim().lines().collect();
    let quoted = lines[lines.len().saturating_sub(STDERR_QUOTED_LINES)..].join("\n");
    let message = if quoted.is_empty() {
        format!("the worker ended with {status}, <empty stderr>")
    } else {
        quoted
    };
    Failure::Failed { phase, message }
}

fn environment(phase: Phase, trouble: Trouble) -> Failure {
    Failure::Environment {
        step: phase.to_string(),
        trouble,
    }
}

/// What the end of a worker that left no answer tells of, beside want of memory.
fn unanswered(status: ExitStatus, stderr: &str) -> Option<Trouble> {
    status
        .signal()
        .and_then(Trouble::of_signal)
        .or_else(|| Trouble::in_error(stderr))
        .or_else(|| status.code().and_then(Trouble::of_exit))
        .or_else(|| Trouble::of_import(stderr))
}

/// How often the kernel ran out of memory so far.
struct MemoryEvents {
    /// Processes that it ended; 0 where it does not say.
    kills: u64,
    /// Allocations that a limit of our control groups stopped.
    limit_hits: u64,
}

impl MemoryEvents {
    fn now() -> Self {
        let count = |text: String| {
            text.lines()
                .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        };
        let kills = std::fs::read_to_string("/proc/vmstat").ok().and_then(count);
        Self {
            kills: kills.unwrap_or(0),
            limit_hits: limit_hits(),
        }
    }
}

/// A process group of its own, so that Ctrl-C reaches evmbench alone, which then ends the worker; the memory cap; and
/// the kernel's word that the worker dies with evmbench.
fn confine(command: &mut Command, memory_limit_bytes: Option<u64>) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    // No process may have more than the greatest limit that this one has.
    let greatest = rustix::process::getrlimit(rustix::process::Resource::Data).maximum;
    let cap = memory_limit_bytes.map(|bytes| greatest.map_or(bytes, |greatest| greatest.min(bytes)));
    let limit = move || {
        if let Some(bytes) = cap {
            // RLIMIT_DATA and not RLIMIT_AS, which counts reserved address space.
            let limit = rustix::process::Rlimit {
                current: Some(bytes),
                maximum: Some(bytes),
            };
            rustix::process::setrlimit(rustix::process::Resource::Data, limit)?;
        }
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed; the closure makes two plain system calls,
    // allocates nothing and touches no lock.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(limit);
    }
}

/// The state of a process by its `/proc/…/status`: `T` where it is stopped.
fn state(status: &Path) -> Option<char> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("State:"))?;
    line.trim_start().chars().next()
}

fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(STDERR_READ_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The compiled circuit's format is that of one version: what any other reads in it is not known.
    #[test]
    fn another_version_of_ezkl_is_refused() {
        assert_eq!(crate::compiled::FORMAT_VERSION, EZKL_VERSION);
        let call = |version: &str| {
            let answer = json!({
                "error": null, "points": null, "layout": null, "ezkl_version": version,
                "call_seconds": 0.0, "cpu_seconds": 0.0, "peak_rss_bytes": 0,
            });
            called(&format!("echo '{answer}' > \"$answer\""), Duration::from_mins(1))
        };
        assert!(call(EZKL_VERSION).unwrap().result.is_ok());
        let refused = call("23.0.6");
        assert!(matches!(&refused, Err(ProverError::Version { found }) if found == "23.0.6"));
    }

    /// Workers of an interpreter.
    fn workers(python: PathBuf, timeout: Duration) -> Workers {
        Workers {
            toolchain: Toolchain::of_interpreter(python),
            memory_limit_bytes: None,
            timeout,
            threads: 1,
        }
    }

    /// A call without arguments, in a folder.
    fn request(folder: &Path) -> Request<'_> {
        Request {
            phase: Phase::Prove,
            function: "prove",
            arguments: json!([]),
            writes: &[],
            folder,
        }
    }

    /// An interpreter of our own: what it does before it ends is the rest of a shell script, in which `$answer` is the file.
    fn called(script: &str, timeout: Duration) -> Result<Reply, ProverError> {
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        let start = "#!/bin/sh\nfor last; do :; done\nanswer=\"${last%request.json}answer.json\"\n";
        std::fs::write(&python, format!("{start}{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&python, mode).unwrap();
        let workers = workers(python, timeout);
        let request = request(folder.path());
        loop {
            match workers.call(&request, &super::super::Silent) {
                // Another test's process was started while the script was open for writing.
                Err(ProverError::Start { source, .. })
                    if source.kind() == std::io::ErrorKind::ExecutableFileBusy =>
                {
                    std::thread::sleep(POLL);
                }
                other => return other,
            }
        }
    }

    #[track_caller]
    fn assert_trouble(script: &str, expected: Trouble) {
        let reply = called(script, Duration::from_mins(1)).unwrap();
        let failure = reply.result.err().unwrap();
        assert_eq!(failure, environment(Phase::Prove, expected), "{script}");
    }

    #[test]
    fn a_worker_that_is_killed_is_no_finding() {
        for signal in [9, 10, 15, 24] {
            assert_trouble(&format!("kill -{signal} $$"), Trouble::Killed { signal });
        }
        assert_trouble("kill -25 $$", Trouble::FileSizeLimit);
    }

    #[test]
    fn a_disk_that_takes_nothing_is_no_finding() {
        assert_trouble(
            "echo 'failed to write: No space left on device (os error 28)' >&2; exit 1",
            Trouble::DiskFull,
        );
        assert_trouble("exit 92", Trouble::DiskFull);
        assert_trouble("exit 186", Trouble::Quota);
        assert_trouble("printf '{\"error\": nu' > \"$answer\"", Trouble::AnswerCutShort);
    }

    #[test]
    fn an_interpreter_that_is_not_whole_is_no_finding() {
        assert_trouble(
            "echo \"ModuleNotFoundError: No module named 'ezkl'\" >&2; exit 1",
            Trouble::BrokenInterpreter,
        );
        assert_trouble("exec /no/such/program", Trouble::BrokenInterpreter);
    }

    /// What EZKL does itself stays its own failure, and want of memory what it is.
    #[test]
    fn a_failure_of_the_workers_own_stays_one() {
        let failure = |script: &str| {
            let reply = called(script, Duration::from_mins(1)).unwrap();
            reply.result.err().unwrap()
        };
        for script in [
            "echo assertion failed >&2; exit 1",
            "kill -11 $$",
            "kill -6 $$",
            "exit 120",
        ] {
            let failure = failure(script);
            assert!(
                matches!(
                    failure,
                    Failure::Failed {
                        phase: Phase::Prove,
                        ..
                    }
                ),
                "{script}: {failure:?}"
            );
        }
        for words in [
            "memory allocation of 8 bytes failed",
            "ImportError: x: Cannot allocate memory",
        ] {
            let failure = failure(&format!("echo '{words}' >&2; exit 1"));
            assert!(
                matches!(failure, Failure::OutOfMemory { .. }),
                "{words}: {failure:?}"
            );
        }
    }

    /// EZKL looks for a compiler after its work, in folders that may be closed to it.
    #[test]
    fn a_compiler_that_cannot_be_had_is_no_trouble() {
        let answer = json!({
            "error": "RuntimeError: [eth] svm: Read-only file system (os error 30)", "points": null, "layout": null,
            "ezkl_version": EZKL_VERSION, "call_seconds": 0.0, "cpu_seconds": 0.0, "peak_rss_bytes": 0,
        });
        let reply = called(&format!("echo '{answer}' > \"$answer\""), Duration::from_mins(1)).unwrap();
        let failure = reply.result.err().unwrap();
        let Failure::Failed { message, .. } = &failure else {
            panic!("{failure:?}")
        };
        assert!(message.contains(COMPILER_SEARCH));
    }

    #[test]
    fn an_interpreter_that_is_gone_cannot_be_started() {
        let folder = tempfile::tempdir().unwrap();
        let workers = workers(folder.path().join("python"), Duration::from_mins(1));
        let error = workers
            .call(&request(folder.path()), &super::super::Silent)
            .err()
            .unwrap();
        assert_eq!(error.trouble(), Some(Trouble::NoInterpreter));
    }

    /// A worker that stands still for longer than its limit, and then goes on, has not taken too long.
    #[cfg(target_os = "linux")]
    #[test]
    fn time_in_which_a_worker_is_stopped_does_not_count() {
        let stopped = "(sleep 4; kill -CONT $$) & kill -STOP $$; exit 1";
        let reply = called(stopped, Duration::from_secs(2)).unwrap();
        assert!(matches!(reply.result, Err(Failure::Failed { .. })));
        let busy = called("exec sleep 60", Duration::from_secs(1)).unwrap();
        assert!(matches!(busy.result, Err(Failure::TimedOut { .. })));
    }

    #[test]
    fn the_tail_is_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}end", "x".repeat(2 << 20))).unwrap();
        let tail = tail(file.path());
        assert!(tail.len() <= 1 << 20 && tail.ends_with("end"));
    }
}
