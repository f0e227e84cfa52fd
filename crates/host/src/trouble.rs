//! What of the machine stood in a run's way: a full disk, a worker that somebody ended, an interpreter that is gone.
//!
//! Goes in: an I/O error, a worker's exit status, what a tool said. Comes out: a [`Trouble`], with what the user can do about
//! it. Such an end says nothing about the model, so that no record of it is final.

use std::io::{Error, ErrorKind, Write as _};
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// A worker that cannot write its answer exits with this status plus the error's number (`crates/ezkl/src/worker.py`).
const UNWRITTEN_ANSWER: i32 = 64;

/// How much is written into a folder to find out whether it takes anything, in bytes.
const TRIAL_BYTES: usize = 1 << 20;

/// What stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No space is left on a disk.
    DiskFull,
    /// The user's quota on a disk is used up.
    Quota,
    /// A file would have grown beyond the limit of the process (`ulimit -f`).
    FileSizeLimit,
    /// A file system is mounted read-only.
    ReadOnly,
    /// A file or folder may not be used.
    NotPermitted,
    /// Too many files are open, in the process or on the machine.
    OpenFiles,
    /// No process or thread could be started.
    Processes,
    /// The system has no memory to start a process with.
    NoMemory,
    /// A disk does not read or write.
    Device,
    /// Somebody ended a worker with a signal.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// The kernel ended a worker for want of memory, which others had taken.
    MemoryTaken,
    /// There is no interpreter where one was found before, or it cannot be started.
    NoInterpreter,
    /// The interpreter does not load EZKL any more.
    BrokenInterpreter,
    /// A worker's answer ends in the middle.
    AnswerCutShort,
    /// A file or folder of evmbench's own cannot be used.
    Files(ErrorKind),
}

impl Trouble {
    /// Why a file or folder could not be used.
    pub fn of(error: &Error) -> Self {
        let numbered = error.raw_os_error().and_then(Self::of_number);
        numbered.unwrap_or(match error.kind() {
            ErrorKind::StorageFull => Self::DiskFull,
            ErrorKind::QuotaExceeded => Self::Quota,
            ErrorKind::FileTooLarge => Self::FileSizeLimit,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::PermissionDenied => Self::NotPermitted,
            ErrorKind::OutOfMemory => Self::NoMemory,
            kind => Self::Files(kind),
        })
    }

    /// Why a program could not be started.
    pub fn of_start(error: &Error) -> Self {
        match Self::of(error) {
            Self::Files(_) | Self::NotPermitted => Self::NoInterpreter,
            other => other,
        }
    }

    /// Why a program that is there could not be started, where that says nothing about the program.
    pub fn of_machine(error: &Error) -> Option<Self> {
        match Self::of(error) {
            trouble @ (Self::OpenFiles | Self::Processes | Self::NoMemory | Self::Device) => Some(trouble),
            _ => None,
        }
    }

    /// What kept a tool that was started from working, by its exit status and by what it wrote, where that says nothing about the tool:
    /// limits, want of memory, a signal. Only for tools that no input can crash.
    pub fn of_tool(status: std::process::ExitStatus, said: &str) -> Option<Self> {
        const NO_MEMORY: [&str; 4] = [
            "MemoryError",
            "annot allocate memory",
            "failed to map segment",
            "out of memory",
        ];
        use std::os::unix::process::ExitStatusExt as _;
        let signal = status.signal();
        if NO_MEMORY.iter().any(|words| said.contains(words)) {
            return Some(Self::NoMemory);
        }
        Self::in_text(said).or_else(|| {
            // A runtime that gets no memory ends itself.
            signal.map(|signal| Self::of_signal(signal).unwrap_or(Self::NoMemory))
        })
    }

    /// The trouble that an error of the system stands for, by its number; none for those that a model can cause.
    fn of_number(number: i32) -> Option<Self> {
        let troubles = [
            (Errno::NOSPC, Self::DiskFull),
            (Errno::DQUOT, Self::Quota),
            (Errno::FBIG, Self::FileSizeLimit),
            (Errno::ROFS, Self::ReadOnly),
            (Errno::ACCESS, Self::NotPermitted),
            (Errno::PERM, Self::NotPermitted),
            (Errno::MFILE, Self::OpenFiles),
            (Errno::NFILE, Self::OpenFiles),
            (Errno::AGAIN, Self::Processes),
            (Errno::NOMEM, Self::NoMemory),
            (Errno::IO, Self::Device),
            (Errno::STALE, Self::Device),
        ];
        let found = troubles.iter().find(|(error, _)| error.raw_os_error() == number);
        found.map(|&(_, trouble)| trouble)
    }

    /// The first trouble that a tool tells of, in Rust's words (`os error 28`, `signal: 9`) or Python's (`[Errno 28]`).
    pub fn in_text(text: &str) -> Option<Self> {
        let after = |mark: &'static str| {
            text.match_indices(mark)
                .map(move |(at, _)| number(&text[at + mark.len()..]))
        };
        let mut numbers = after("os error ").chain(after("[Errno ")).flatten();
        // What a network refuses has these numbers, too, and no tool needs one.
        let of_disk = |number| Self::of_number(number).filter(|trouble| *trouble != Self::NotPermitted);
        let said = numbers.find_map(of_disk);
        said.or_else(|| after("signal: ").flatten().find_map(Self::of_signal))
    }

    /// The trouble that a worker's error stands for: Python turns `SIGINT` into an exception, and everything else is in the text.
    pub fn in_error(error: &str) -> Option<Self> {
        let interrupted = error.lines().any(|line| line.starts_with("KeyboardInterrupt"));
        let signal = rustix::process::Signal::INT.as_raw();
        if interrupted {
            Some(Self::Killed { signal })
        } else {
            Self::in_text(error)
        }
    }

    /// What a signal that ended a worker stands for; none for those that a program causes itself (`SIGSEGV`, `SIGABRT`).
    pub fn of_signal(signal: i32) -> Option<Self> {
        use rustix::process::Signal;
        let own = [
            Signal::SEGV,
            Signal::ABORT,
            Signal::BUS,
            Signal::ILL,
            Signal::FPE,
            Signal::TRAP,
            Signal::SYS,
        ];
        if own.iter().any(|own| own.as_raw() == signal) {
            None
        } else if signal == Signal::XFSZ.as_raw() {
            Some(Self::FileSizeLimit)
        } else {
            Some(Self::Killed { signal })
        }
    }

    /// What the exit status of a worker that left no answer stands for.
    pub fn of_exit(code: i32) -> Option<Self> {
        // A shell's words for a program that cannot be executed or is not there, which the loader uses, too.
        if matches!(code, 126 | 127) {
            return Some(Self::BrokenInterpreter);
        }
        Self::of_number(code.checked_sub(UNWRITTEN_ANSWER)?)
    }

    /// An interpreter that does not load what it should, in Python's words and the loader's.
    pub fn of_import(text: &str) -> Option<Self> {
        const BROKEN: [&str; 5] = [
            "ModuleNotFoundError",
            "ImportError",
            "No module named",
            "error while loading shared libraries",
            "Fatal Python error: init",
        ];
        let is_broken = BROKEN.iter().any(|words| text.contains(words));
        is_broken.then_some(Self::BrokenInterpreter)
    }

    /// What keeps a folder from taking files, and `files` from growing: a tool does not always say that a write has failed.
    pub fn in_folder(folder: &Path, files: &[&Path]) -> Option<Self> {
        let tried = tempfile::tempfile_in(folder).and_then(|mut file| {
            file.write_all(&vec![0; TRIAL_BYTES])?;
            file.sync_all()
        });
        Self::of_sizes(files).or_else(|| tried.err().map(|error| Self::of(&error)))
    }

    /// Whether one of these files is as large as a file may be.
    pub fn of_sizes(files: &[&Path]) -> Option<Self> {
        let limit = getrlimit(Resource::Fsize).current?;
        let mut lengths = files.iter().filter_map(|path| Some(path.metadata().ok()?.len()));
        lengths
            .any(|length| length >= limit)
            .then_some(Self::FileSizeLimit)
    }

    /// What the user can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::DiskFull => {
                "free some space (`evmbench cache` shows what evmbench keeps) or set EVMBENCH_HOME to a larger disk, then use --resume"
            }
            Self::Quota => "free some of your quota, or set EVMBENCH_HOME to another disk, then use --resume",
            Self::FileSizeLimit => "raise the limit (`ulimit -f unlimited`), then use --resume",
            Self::ReadOnly | Self::NotPermitted => {
                "set EVMBENCH_HOME to a folder that you may write, and choose another for records with --out"
            }
            Self::OpenFiles => "raise the limit (`ulimit -n`) or end other programs, then use --resume",
            Self::Processes => {
                "raise the limit (`ulimit -u`), give fewer --threads or end other programs, then use --resume"
            }
            Self::NoMemory | Self::MemoryTaken => {
                "end other programs or lower --memory-limit, then use --resume"
            }
            Self::Device => "look into the system's log: the disk or the network file system has failed",
            Self::Killed { .. } => "find out who ended it (a batch system, a watchdog), then use --resume",
            Self::NoInterpreter | Self::BrokenInterpreter => {
                "`evmbench doctor` says what is missing; remove the environment that it names, then run `evmbench setup`"
            }
            Self::AnswerCutShort => "look for a full disk, then use --resume",
            Self::Files(_) => "check evmbench's cache folder (`evmbench doctor` names it), then use --resume",
        }
    }

    /// What stood in the way, and what can be done about it; no path, host or user.
    pub fn reason(self) -> String {
        format!("{self}: {}", self.remedy())
    }
}

/// The whole number that a text begins with.
fn number(text: &str) -> Option<i32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DiskFull => f.write_str("the disk is full"),
            Self::Quota => f.write_str("the disk quota is used up"),
            Self::FileSizeLimit => f.write_str("a file outgrew the limit on file sizes"),
            Self::ReadOnly => f.write_str("the file system is read-only"),
            Self::NotPermitted => f.write_str("a file or folder may not be used"),
            Self::OpenFiles => f.write_str("too many files are open"),
            Self::Processes => f.write_str("no process or thread could be started"),
            Self::NoMemory => f.write_str("the system had no memory left"),
            Self::Device => f.write_str("a disk failed"),
            Self::Killed { signal } => write!(f, "the worker was killed from outside (signal {signal})"),
            Self::MemoryTaken => {
                f.write_str("the kernel killed the worker for want of memory that other programs had taken")
            }
            Self::NoInterpreter => f.write_str("the Python interpreter could not be started"),
            Self::BrokenInterpreter => f.write_str("the Python interpreter does not load EZKL"),
            Self::AnswerCutShort => f.write_str("the worker's answer is cut short"),
            Self::Files(kind) => write!(f, "a file of evmbench's own could not be used ({kind})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_words_tell_the_trouble() {
        let said = [
            (
                "RuntimeError: io: No space left on device (os error 28)",
                Trouble::DiskFull,
            ),
            (
                "OSError: [Errno 28] No space left on device: 'x'",
                Trouble::DiskFull,
            ),
            ("File too large (os error 27)", Trouble::FileSizeLimit),
            (
                "not found (os error 2), then Read-only file system (os error 30)",
                Trouble::ReadOnly,
            ),
            ("[Errno 24] Too many open files", Trouble::OpenFiles),
            ("Input/output error (os error 5)", Trouble::Device),
            ("ended with signal: 9 (SIGKILL)", Trouble::Killed { signal: 9 }),
            ("ended with signal: 15 (SIGTERM)", Trouble::Killed { signal: 15 }),
        ];
        for (text, trouble) in said {
            assert_eq!(Trouble::in_text(text), Some(trouble), "{text}");
        }
    }

    /// What a model or EZKL can cause is no trouble of the machine's.
    #[test]
    fn a_models_own_failure_is_no_trouble() {
        for text in [
            "",
            "RuntimeError: No such file or directory (os error 2)",
            "[eth] error sending request: Connection refused (os error 111)",
            "[eth] error sending request: Operation not permitted (os error 1)",
            "signal: 11 (SIGSEGV)",
            "signal: 6 (SIGABRT) (core dumped)",
            "os error ",
            "os error 99999999999999999999",
            "value 28 is out of range",
        ] {
            assert_eq!(Trouble::in_text(text), None, "{text}");
        }
        for code in [0, 1, 2, 120, 101, -1, i32::MIN, i32::MAX] {
            assert_eq!(Trouble::of_exit(code), None, "{code}");
        }
    }

    #[test]
    fn an_answer_that_was_not_written_tells_why_by_the_exit_status() {
        let unwritten = |error: Errno| Trouble::of_exit(UNWRITTEN_ANSWER + error.raw_os_error());
        assert_eq!(unwritten(Errno::NOSPC), Some(Trouble::DiskFull));
        assert_eq!(unwritten(Errno::FBIG), Some(Trouble::FileSizeLimit));
        assert_eq!(unwritten(Errno::DQUOT), Some(Trouble::Quota));
        assert_eq!(Trouble::of_exit(127), Some(Trouble::BrokenInterpreter));
    }

    #[test]
    fn a_folder_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Trouble::in_folder(folder.path(), &[]), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let gone = Trouble::in_folder(&folder.path().join("gone"), &[]);
        assert_eq!(gone, Some(Trouble::Files(ErrorKind::NotFound)));
    }

    #[test]
    fn an_error_of_the_system_is_told_by_its_number_or_kind() {
        let of = |errno: Errno| Trouble::of(&errno.into());
        assert_eq!(of(Errno::NOSPC), Trouble::DiskFull);
        assert_eq!(of(Errno::IO), Trouble::Device);
        assert_eq!(of(Errno::NOENT), Trouble::Files(ErrorKind::NotFound));
        assert_eq!(Trouble::of(&ErrorKind::QuotaExceeded.into()), Trouble::Quota);
        let start = |errno: Errno| Trouble::of_start(&errno.into());
        assert_eq!(start(Errno::NOENT), Trouble::NoInterpreter);
        assert_eq!(start(Errno::NOEXEC), Trouble::NoInterpreter);
        assert_eq!(start(Errno::ACCESS), Trouble::NoInterpreter);
        assert_eq!(start(Errno::MFILE), Trouble::OpenFiles);
        assert_eq!(start(Errno::NOMEM), Trouble::NoMemory);
    }

    #[test]
    fn a_reason_is_one_line_with_a_remedy() {
        for trouble in [
            Trouble::DiskFull,
            Trouble::Killed { signal: 9 },
            Trouble::Files(ErrorKind::NotFound),
        ] {
            let reason = trouble.reason();
            assert!(
                reason.contains(trouble.remedy()) && !reason.contains('\n'),
                "{reason}"
            );
        }
    }
}
