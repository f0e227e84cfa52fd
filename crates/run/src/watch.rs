//! What other processes took of the machine while a run was made: times of a machine that others used as well are longer than they
//! need be.
//!
//! Goes in: `/proc/stat`, which counts the processor time of the whole machine even in a container, and `/proc/self/stat`, which
//! counts that of this process and of its workers. Comes out: the difference.

use std::time::Instant;

use evmbench_schema::record::OtherWork;

/// Ticks in a second, in what Linux shows (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Counts from a moment on.
#[derive(Debug)]
pub(crate) struct Watch {
    start: Instant,
    machine: u64,
    own: u64,
}

impl Watch {
    /// From now on; none where the system does not count.
    pub(crate) fn start() -> Option<Self> {
        Some(Self {
            start: Instant::now(),
            machine: machine_ticks(&read("/proc/stat")?)?,
            own: own_ticks(&read("/proc/self/stat")?)?,
        })
    }

    /// What others took until now; workers that still run are others.
    pub(crate) fn so_far(&self) -> Option<OtherWork> {
        let machine = machine_ticks(&read("/proc/stat")?)?.saturating_sub(self.machine);
        let own = own_ticks(&read("/proc/self/stat")?)?.saturating_sub(self.own);
        Some(OtherWork {
            cpu_seconds: machine.saturating_sub(own) as f64 / TICKS_PER_SECOND,
            seconds: self.start.elapsed().as_secs_f64(),
        })
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Ticks in which the machine's processors did anything, or were taken from it by its host: user, nice, system, irq, softirq, steal.
fn machine_ticks(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// Ticks of this process and of those of its children that have ended: fields 14 to 17.
fn own_ticks(text: &str) -> Option<u64> {
    // The command's name, in brackets, may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    let ticks: Vec<u64> = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map_while(|field| field.parse().ok())
        .collect();
    (ticks.len() == 4).then(|| ticks.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read() {
        let stat = "cpu  100 20 30 4000 500 6 7 8 9 0\ncpu0 1 2 3\n";
        assert_eq!(machine_ticks(stat), Some(100 + 20 + 30 + 6 + 7 + 8));
        assert_eq!(machine_ticks("cpu  1 2 3\n"), None);
        let own = "42 (a) b) R 1 1 1 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 1 0 77";
        assert_eq!(own_ticks(own), Some(11 + 22 + 33 + 44));
        assert_eq!(own_ticks("42 (x) R 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn own_work_is_no_others() {
        let watch = Watch::start().unwrap();
        let mut other = std::process::Command::new("sh");
        // A child's time counts as own once it has ended.
        other.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
        assert!(other.status().unwrap().success());
        let own = own_ticks(&read("/proc/self/stat").unwrap()).unwrap();
        assert!(own > watch.own, "a child's time is counted");
        let found = watch.so_far().unwrap();
        assert!(found.seconds > 0.0 && found.cpu_seconds >= 0.0);
    }
}
