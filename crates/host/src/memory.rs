//! How much memory a worker may take here, and who says so.
//!
//! Goes in: `/proc`, `/sys/fs/cgroup`, the process's own limits, the variables of a Slurm job. Comes out: the least of them, in
//! bytes. A container or a job has less than its machine, and the kernel ends what takes more.

use std::path::{Component, Path, PathBuf};

/// A limit of a control group from here on is none: version 1 writes about 2^63 where nothing was set.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// Who says how much memory there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemorySource {
    /// The machine has no more.
    Machine,
    /// `memory.max` of a control group, version 2.
    Cgroup2,
    /// `memory.limit_in_bytes` of a control group, version 1.
    Cgroup1,
    /// `ulimit -d` or `ulimit -v`.
    Process,
    /// `SLURM_MEM_PER_NODE`.
    SlurmNode,
    /// `SLURM_MEM_PER_CPU` times `SLURM_CPUS_ON_NODE`.
    SlurmCpus,
}

impl std::fmt::Display for MemorySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Machine => "the machine's memory",
            Self::Cgroup2 => "memory.max of the control group (cgroup v2)",
            Self::Cgroup1 => "memory.limit_in_bytes of the control group (cgroup v1)",
            Self::Process => "the process's own limit (ulimit)",
            Self::SlurmNode => "SLURM_MEM_PER_NODE",
            Self::SlurmCpus => "SLURM_MEM_PER_CPU × SLURM_CPUS_ON_NODE",
        })
    }
}

/// The memory that this process and its workers can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvailableMemory {
    /// All of it, in bytes.
    pub bytes: u64,
    /// Who says so.
    pub source: MemorySource,
}

impl AvailableMemory {
    /// What there is here, now; none where the platform does not tell.
    pub fn here() -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let variable = |name: &str| std::env::var(name).ok();
        let process = process_limit_bytes().map(|bytes| Self {
            bytes,
            source: MemorySource::Process,
        });
        least(Self::of(Path::new("/"), variable).into_iter().chain(process))
    }

    /// The least of machine, control groups and Slurm, with `/proc` and `/sys` below `root` and the variables of `variable`.
    pub fn of(root: &Path, variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let from = |source| move |bytes| Self { bytes, source };
        let machine = status_field(&root.join("proc/meminfo"), "MemTotal:");
        let groups = ControlGroup::all(root)
            .into_iter()
            .filter_map(|group| group.limit());
        // Slurm counts in MiB, and 0 stands for all of the node's.
        let number = |name: &str| variable(name)?.trim().parse::<u64>().ok();
        let mebibytes = |number: u64| number.checked_mul(1 << 20).filter(|&bytes| bytes > 0);
        let node = number("SLURM_MEM_PER_NODE").and_then(mebibytes);
        let cpus = number("SLURM_MEM_PER_CPU")
            .zip(number("SLURM_CPUS_ON_NODE"))
            .and_then(|(each, cpus)| each.checked_mul(cpus))
            .and_then(mebibytes);
        least(
            machine
                .map(from(MemorySource::Machine))
                .into_iter()
                .chain(groups)
                .chain(node.map(from(MemorySource::SlurmNode)))
                .chain(cpus.map(from(MemorySource::SlurmCpus))),
        )
    }

    /// The default cap of a worker, in bytes: 85%, so that the system and evmbench itself keep the rest.
    pub fn cap_bytes(self) -> u64 {
        self.bytes / 100 * 85
    }
}

/// The first of the least.
fn least(found: impl Iterator<Item = AvailableMemory>) -> Option<AvailableMemory> {
    found.min_by_key(|memory| memory.bytes)
}

/// The cap of a worker where none is asked for, in bytes.
pub fn default_memory_limit_bytes() -> Option<u64> {
    AvailableMemory::here().map(AvailableMemory::cap_bytes)
}

/// What a worker can really have under the cap that is asked for, in bytes: no more than there is. None where neither is known.
pub fn effective_memory_limit_bytes(asked_bytes: Option<u64>) -> Option<u64> {
    let here = AvailableMemory::here();
    match asked_bytes {
        None => here.map(AvailableMemory::cap_bytes),
        Some(asked) => Some(here.map_or(asked, |here| here.bytes.min(asked))),
    }
}

/// The machine's own memory, in bytes, whatever of it this process may have.
#[cfg(target_os = "linux")]
pub fn total_memory_bytes() -> Option<u64> {
    status_field(Path::new("/proc/meminfo"), "MemTotal:")
}

/// The machine's own memory, in bytes: not known here.
#[cfg(not(target_os = "linux"))]
pub fn total_memory_bytes() -> Option<u64> {
    None
}

/// The most memory that this process itself has held so far, in bytes; none where the platform does not tell.
pub fn own_peak_rss_bytes() -> Option<u64> {
    status_field(Path::new("/proc/self/status"), "VmHWM:")
}

/// A field in kB of a file like `/proc/self/status`, in bytes.
pub fn status_field(path: &Path, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// What a child of this process may allocate at most, where a limit was set.
fn process_limit_bytes() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    // A worker's own limit on data may be raised up to the greatest; nobody raises that on address space.
    let data = getrlimit(Resource::Data).maximum;
    let space = getrlimit(Resource::As).current;
    data.into_iter().chain(space).min()
}

/// How often a limit of a control group stopped an allocation so far, in all groups that this process is in.
pub fn limit_hits() -> u64 {
    let groups = ControlGroup::all(Path::new("/"));
    groups.iter().filter_map(ControlGroup::hits).sum()
}

/// The folder of one control group.
struct ControlGroup {
    folder: PathBuf,
    source: MemorySource,
}

impl ControlGroup {
    /// The groups that this process is in and all above them, as far as they are to be seen.
    fn all(root: &Path) -> Vec<Self> {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let mounts = Mount::all(&text("proc/self/mountinfo"));
        let mut groups = Vec::new();
        for line in text("proc/self/cgroup").lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let source = if controllers.is_empty() {
                MemorySource::Cgroup2
            } else if controllers.split(',').any(|controller| controller == "memory") {
                MemorySource::Cgroup1
            } else {
                continue;
            };
            for mount in mounts.iter().filter(|mount| mount.source == source) {
                let top = root.join(relative(Path::new(&mount.point)));
                let path = Path::new(path);
                // A container sees its own group as the mount's root, and may have the path as the host sees it.
                let path = relative(path.strip_prefix(&mount.root).unwrap_or(path));
                groups.extend(path.ancestors().map(|below| Self {
                    folder: top.join(below),
                    source,
                }));
            }
        }
        groups
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(file)).ok()
    }

    /// Its limit; none where none is set (`max`) or the folder is not there.
    fn limit(&self) -> Option<AvailableMemory> {
        let file = match self.source {
            MemorySource::Cgroup2 => "memory.max",
            _ => "memory.limit_in_bytes",
        };
        let bytes: u64 = self.read(file)?.trim().parse().ok()?;
        (bytes < UNLIMITED_BYTES).then_some(AvailableMemory {
            bytes,
            source: self.source,
        })
    }

    /// How often its limit stopped an allocation.
    fn hits(&self) -> Option<u64> {
        match self.source {
            MemorySource::Cgroup2 => {
                let events = self.read("memory.events")?;
                let count = events.lines().find_map(|line| line.strip_prefix("oom "))?;
                count.trim().parse().ok()
            }
            _ => self.read("memory.failcnt")?.trim().parse().ok(),
        }
    }
}

/// Where control groups are mounted.
struct Mount {
    source: MemorySource,
    /// The group that the mount shows as its root.
    root: String,
    point: String,
}

impl Mount {
    /// Those in the text of `/proc/self/mountinfo`, and those that are usual.
    fn all(text: &str) -> Vec<Self> {
        let mut mounts: Vec<Self> = text.lines().filter_map(Self::read).collect();
        let usual = [
            (MemorySource::Cgroup2, "/sys/fs/cgroup"),
            (MemorySource::Cgroup2, "/sys/fs/cgroup/unified"),
            (MemorySource::Cgroup1, "/sys/fs/cgroup/memory"),
        ];
        for (source, point) in usual {
            if !mounts.iter().any(|mount| mount.point == point) {
                mounts.push(Self {
                    source,
                    root: "/".to_owned(),
                    point: point.to_owned(),
                });
            }
        }
        mounts
    }

    /// `36 35 98:0 /root /point options … - type source options`.
    fn read(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut system = system.split(' ');
        let source = match system.next()? {
            "cgroup2" => MemorySource::Cgroup2,
            "cgroup" if system.nth(1)?.split(',').any(|option| option == "memory") => MemorySource::Cgroup1,
            _ => return None,
        };
        let plain = |path: &str| path.replace("\\040", " ");
        Some(Self {
            source,
            root: plain(root),
            point: plain(point),
        })
    }
}

/// The path's names alone: neither the root nor a way up.
fn relative(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A machine of 1,000 MiB with these files and variables.
    #[track_caller]
    fn found(files: &[(&str, &str)], variables: &[(&str, &str)]) -> (u64, MemorySource) {
        let root = tempfile::tempdir().unwrap();
        let machine = ("proc/meminfo", "MemTotal:  1024000 kB\nMemFree: 1 kB\n");
        for (path, text) in std::iter::once(&machine).chain(files) {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let memory = AvailableMemory::of(root.path(), variable).unwrap();
        assert_eq!(memory.bytes % MIB, 0);
        (memory.bytes / MIB, memory.source)
    }

    #[test]
    fn a_machine_without_limits_gives_all_of_it() {
        assert_eq!(found(&[], &[]), (1000, MemorySource::Machine));
        let files = [
            ("proc/self/cgroup", "0::/user.slice/a.scope\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/a.scope/memory.max", "max\n"),
        ];
        assert_eq!(found(&files, &[]), (1000, MemorySource::Machine));
    }

    #[test]
    fn the_least_of_all_groups_above_counts() {
        let at = |folder: &str| {
            let path = format!("sys/fs/cgroup/{folder}memory.max");
            let files = [
                ("proc/self/cgroup", "0::/a/b/c\n"),
                ("sys/fs/cgroup/a/b/memory.max", "734003200\n"),
                (&path[..], "314572800\n"),
            ];
            found(&files, &[])
        };
        for folder in ["", "a/", "a/b/", "a/b/c/"] {
            assert_eq!(at(folder), (300, MemorySource::Cgroup2), "{folder}");
        }
        // Of another's group nothing is taken.
        assert_eq!(at("a/d/"), (700, MemorySource::Cgroup2));
    }

    #[test]
    fn version_1_has_a_hierarchy_of_its_own_for_memory() {
        let line = "12:cpuset:/x\n7:cpu,cpuacct:/y\n5:memory:/slurm/job_7\n0::/z\n";
        let files = [
            ("proc/self/cgroup", line),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            (
                "sys/fs/cgroup/memory/slurm/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            (
                "sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes",
                "536870912\n",
            ),
            ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1048576\n"),
        ];
        assert_eq!(found(&files, &[]), (512, MemorySource::Cgroup1));
        assert_eq!(found(&files[..3], &[]), (1000, MemorySource::Machine));
    }

    /// A container whose path is the host's, and a mount at an unusual place.
    #[test]
    fn mounts_are_found_wherever_they_are() {
        let inside = [
            ("proc/self/cgroup", "5:memory:/docker/abc\n"),
            (
                "proc/self/mountinfo",
                "1 2 0:3 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n"),
        ];
        assert_eq!(found(&inside, &[]), (100, MemorySource::Cgroup1));
        let elsewhere = [
            ("proc/self/cgroup", "0::/../job\n"),
            (
                "proc/self/mountinfo",
                "1 2 0:3 / /my\\040groups rw shared:9 - cgroup2 none rw\n",
            ),
            ("my groups/job/memory.max", "209715200\n"),
        ];
        assert_eq!(found(&elsewhere, &[]), (200, MemorySource::Cgroup2));
    }

    #[test]
    fn slurms_variables_are_mebibytes_and_0_is_all() {
        let node = |value| found(&[], &[("SLURM_MEM_PER_NODE", value)]);
        assert_eq!(node("600"), (600, MemorySource::SlurmNode));
        let all = (1000, MemorySource::Machine);
        for none in ["0", "", "many", "-1", "18446744073709551615", "5000"] {
            assert_eq!(node(none), all, "{none}");
        }
        let cpus = |each, cpus| found(&[], &[("SLURM_MEM_PER_CPU", each), ("SLURM_CPUS_ON_NODE", cpus)]);
        assert_eq!(cpus("200", "4"), (800, MemorySource::SlurmCpus));
        for (each, number) in [
            ("0", "4"),
            ("200", "0"),
            ("200", ""),
            ("18446744073709551615", "2"),
        ] {
            assert_eq!(cpus(each, number), all, "{each} x {number}");
        }
        assert_eq!(found(&[], &[("SLURM_MEM_PER_CPU", "10")]), all);
    }

    #[test]
    fn the_default_cap_leaves_room() {
        let figures = (default_memory_limit_bytes(), AvailableMemory::here());
        if cfg!(target_os = "linux") {
            let (Some(cap), Some(here)) = figures else {
                panic!("{figures:?}")
            };
            assert!(cap < here.bytes && cap > here.bytes / 2);
            assert!(here.bytes <= total_memory_bytes().unwrap());
            assert_eq!(effective_memory_limit_bytes(Some(u64::MAX)), Some(here.bytes));
            assert_eq!(effective_memory_limit_bytes(Some(1)), Some(1));
        } else {
            assert_eq!(figures, (None, None));
        }
    }
}
