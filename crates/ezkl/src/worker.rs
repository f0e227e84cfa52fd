//! One EZKL call in a process of its own: request file in, answer file out.
//!
//! The parent caps the child's data segment before exec, offers it to the kernel's out-of-memory killer first, samples
//! its peak resident set while it runs, and ends it on a time limit or when the user interrupts.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{EZKL_VERSION, Failure, Observer, Phase, PhaseMeasurement, PhaseSource, ProverError, Toolchain};
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

/// The default cap: 85% of the machine's memory, so that the system and evmbench itself keep the rest.
pub fn default_memory_limit_bytes() -> Option<u64> {
    total_memory_bytes().map(|total| total / 100 * 85)
}

/// The machine's memory, in bytes; `None` where it cannot be found out.
#[cfg(target_os = "linux")]
pub fn total_memory_bytes() -> Option<u64> {
    status_field(Path::new("/proc/meminfo"), "MemTotal:")
}

/// The machine's memory: not found out here.
#[cfg(not(target_os = "linux"))]
pub fn total_memory_bytes() -> Option<u64> {
    None
}

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

enum Ending {
    Exited(ExitStatus),
    TimedOut,
    Interrupted,
}

impl Workers {
    /// Runs one call and waits for its end.
    pub(super) fn call(&self, request: &Request<'_>, observer: &dyn Observer) -> Result<Reply, ProverError> {
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
        let kernel_kills = kernel_out_of_memory_kills();
        let start = Instant::now();
        let mut child = self.spawn(&request_path, stderr, request.folder)?;
        let mut peak_rss_bytes = None;
        let ending = self.wait(&mut child, start, observer, &mut peak_rss_bytes);
        let process_seconds = start.elapsed().as_secs_f64();
        observer.finished();
        let ending = ending.map_err(ProverError::io("wait for a worker of", self.toolchain.python()))?;

        let answer: Option<Answer> = std::fs::read(&answer_path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
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
            (
                Some(Answer {
                    error: Some(error), ..
                }),
                Ending::Exited(status),
            ) => Err(self.judge(phase, status, &error)),
            (None, Ending::Exited(status)) => {
                if kernel_out_of_memory_kills() > kernel_kills {
                    Err(self.out_of_memory(phase))
                } else {
                    Err(self.judge(phase, status, &tail(&stderr_path)))
                }
            }
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
        observer: &dyn Observer,
        peak_rss_bytes: &mut Option<u64>,
    ) -> std::io::Result<Ending> {
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut next_sample = start;
        loop {
            if let Some(exit) = child.try_wait()? {
                return Ok(Ending::Exited(exit));
            }
            let now = Instant::now();
            if now >= next_sample {
                next_sample = now + SAMPLE;
                *peak_rss_bytes = (*peak_rss_bytes).max(status_field(&status, "VmHWM:"));
                observer.sampled(status_field(&status, "VmRSS:"));
            }
            let stop = if observer.interrupted() {
                Some(Ending::Interrupted)
            } else if now - start > self.timeout {
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

    /// Tells running out of memory from every other way to fail.
    fn judge(&self, phase: Phase, status: ExitStatus, message: &str) -> Failure {
        // Rust's allocator says the first and aborts; under a cap it is not always the last line of stderr.
        if message.contains("memory allocation of") || message.contains("MemoryError") {
            return self.out_of_memory(phase);
        }
        let lines: Vec<&str> = message.trim().lines().collect();
        let quoted = lines[lines.len().saturating_sub(STDERR_QUOTED_LINES)..].join("\n");
        let message = if quoted.is_empty() {
            format!("the worker ended with {status}, <empty stderr>")
        } else {
            quoted
        };
        Failure::Failed { phase, message }
    }

    fn out_of_memory(&self, phase: Phase) -> Failure {
        let limit_bytes = self
            .memory_limit_bytes
            .or_else(total_memory_bytes)
            .unwrap_or(u64::MAX);
        Failure::OutOfMemory { phase, limit_bytes }
    }
}

/// How many processes the kernel has ended for want of memory since it started; 0 where it does not say.
fn kernel_out_of_memory_kills() -> u64 {
    let count = |text: String| {
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    };
    std::fs::read_to_string("/proc/vmstat")
        .ok()
        .and_then(count)
        .unwrap_or(0)
}

/// A process group of its own, so that Ctrl-C reaches evmbench alone, which then ends the worker; the memory cap; and
/// the kernel's word that the worker dies with evmbench.
fn confine(command: &mut Command, memory_limit_bytes: Option<u64>) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    let limit = move || {
        if let Some(bytes) = memory_limit_bytes {
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

/// A field in kB of a file like `/proc/self/status`, in bytes.
fn status_field(path: &Path, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
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
        let folder = tempfile::tempdir().unwrap();
        let python = folder.path().join("python");
        let call = |version: &str| {
            let answer = json!({
                "error": null, "points": null, "layout": null, "ezkl_version": version,
                "call_seconds": 0.0, "cpu_seconds": 0.0, "peak_rss_bytes": 0,
            });
            // The request is the last argument, and the answer lies beside it.
            let script = format!(
                "#!/bin/sh\nfor last; do :; done\necho '{answer}' > \"${{last%request.json}}answer.json\"\n"
            );
            std::fs::write(&python, script).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&python, mode).unwrap();
            let workers = Workers {
                toolchain: Toolchain::of_interpreter(python.clone()),
                memory_limit_bytes: None,
                timeout: Duration::from_mins(1),
                threads: 1,
            };
            let request = Request {
                phase: Phase::Setup,
                function: "setup",
                arguments: json!([]),
                writes: &[],
                folder: folder.path(),
            };
            workers.call(&request, &super::super::Silent)
        };
        assert!(call(EZKL_VERSION).unwrap().result.is_ok());
        let refused = call("23.0.6");
        assert!(matches!(&refused, Err(ProverError::Version { found }) if found == "23.0.6"));
    }

    #[test]
    fn the_default_cap_leaves_room() {
        let figures = (default_memory_limit_bytes(), total_memory_bytes());
        if cfg!(target_os = "linux") {
            let (Some(limit), Some(total)) = figures else {
                panic!("{figures:?}")
            };
            assert!(limit < total && limit > total / 2);
        } else {
            assert_eq!(figures, (None, None));
        }
    }

    #[test]
    fn the_tail_is_the_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}end", "x".repeat(2 << 20))).unwrap();
        let tail = tail(file.path());
        assert!(tail.len() <= 1 << 20 && tail.ends_with("end"));
    }
}
