//! Which process something belongs to, by a name that no other process has: host, process id, start.
//!
//! The host is told by a digest of its name, since logs are published. Folders of work in progress carry such a name, so that the
//! next run can tell those that nobody works in any more.

use std::io;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::home;
use crate::lock::Lock;

/// How names of folders of work begin.
const PREFIX: &str = "run-";

/// Name of the lock in a folder of work, which its process holds.
const LOCK: &str = "in-use.lock";

/// A process of some host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Eight digits.
    host: String,
    id: i32,
    /// When it started: ticks since the host did, or 0 where the system does not say.
    start: u64,
}

impl Process {
    /// This process.
    pub fn current() -> Self {
        let id = std::process::id().cast_signed();
        Self {
            host: host(),
            id,
            start: start_of(id).unwrap_or(0),
        }
    }

    /// Whether it is known to have ended; never of another host's.
    fn has_ended(&self) -> bool {
        if self.host != host() {
            return false;
        }
        if Path::new("/proc/self/stat").exists() {
            return start_of(self.id) != Some(self.start);
        }
        let Some(id) = rustix::process::Pid::from_raw(self.id) else {
            return false;
        };
        rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH)
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.host, self.id, self.start)
    }
}

/// A name that is no process's.
#[derive(Debug)]
pub struct NoProcess;

impl FromStr for Process {
    type Err = NoProcess;

    fn from_str(text: &str) -> Result<Self, NoProcess> {
        let mut parts = text.split('-');
        let (Some(host), Some(id), Some(start), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoProcess);
        };
        Ok(Self {
            host: host.to_owned(),
            id: id.parse().map_err(|_| NoProcess)?,
            start: start.parse().map_err(|_| NoProcess)?,
        })
    }
}

fn host() -> String {
    let name = rustix::system::uname();
    alloy_primitives::hex::encode(&Sha256::digest(name.nodename().to_bytes())[..4])
}

/// When a live process of this host started (`/proc/<id>/stat`, field 22); none of one that has ended or waits to be reaped.
fn start_of(id: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The command's name, in brackets, may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

/// A folder of work in progress; it goes when this is dropped.
#[derive(Debug)]
pub struct WorkFolder {
    folder: TempDir,
    _lock: Lock,
}

impl WorkFolder {
    /// A new folder below `work`, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made or locked.
    pub fn new(work: &Path) -> io::Result<Self> {
        home::create_private(work)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", Process::current()))
            .tempdir_in(work)?;
        let lock = Lock::try_shared(&folder.path().join(LOCK))?;
        let lock = lock.ok_or_else(|| io::Error::other("a new folder is another process's"))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes folders of work below `work` whose process was of this host and has ended. What cannot be removed stays.
pub fn remove_abandoned(work: &Path) {
    for entry in std::fs::read_dir(work).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.rsplit_once('-'))
            .and_then(|(process, _)| process.parse::<Process>().ok());
        // What a link leads to was not made here.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !process.is_some_and(|process| process.has_ended()) {
            continue;
        }
        // Process ids of a container say nothing about another one of the same name, and the lock does.
        if let Ok(Some(_lock)) = Lock::try_exclusive(&entry.path().join(LOCK)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_its_name() {
        let own = Process::current();
        assert_eq!(own.to_string().parse::<Process>().unwrap(), own);
        assert!(!own.has_ended());
        for text in ["", "host-1", "host-1-2-3", "host-x-2", "1-2-3-4"] {
            assert!(text.parse::<Process>().is_err(), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_has_ended_when_another_has_its_id() {
        let mut other = Process::current();
        other.start += 1;
        assert!(other.has_ended());
        other.host = "elsewhere".to_owned();
        assert!(!other.has_ended(), "nothing is known of another host");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = child.id().cast_signed();
        let child_process = Process {
            id,
            start: start_of(id).unwrap(),
            ..Process::current()
        };
        assert!(!child_process.has_ended());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(child_process.has_ended());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_folders_of_ended_processes_of_this_host_go() {
        let home = tempfile::tempdir().unwrap();
        let work = home.path().join("work");
        let own = WorkFolder::new(&work).unwrap();
        let make = |process: &Process| {
            let folder = work.join(format!("{PREFIX}{process}-abcdef"));
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("proving.key"), "key").unwrap();
            folder
        };
        let mut ended = Process::current();
        ended.start += 1;
        let dead = make(&ended);
        ended.start += 1;
        let in_use = make(&ended);
        let _lock = Lock::try_shared(&in_use.join(LOCK)).unwrap().unwrap();
        ended.host = "00000000".to_owned();
        let elsewhere = make(&ended);
        let unnamed = work.join("run-abcdef");
        std::fs::create_dir(&unnamed).unwrap();
        ended.host = Process::current().host;
        ended.start += 1;
        let foreign = home.path().join("foreign");
        std::fs::create_dir(&foreign).unwrap();
        let link = work.join(format!("{PREFIX}{ended}-abcdef"));
        std::os::unix::fs::symlink(&foreign, link).unwrap();
        remove_abandoned(&work);
        assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 0);
        assert!(!dead.exists());
        for kept in [own.path(), &in_use, &elsewhere, &unnamed] {
            assert!(kept.exists(), "{}", kept.display());
        }
        let path = own.path().to_owned();
        drop(own);
        assert!(!path.exists());
    }
}
