//! The machine that this process runs on, as records and calibrations name it.

use sha2::{Digest as _, Sha256};

use evmbench_host::memory::total_memory_bytes;
use evmbench_schema::record::Machine;

/// The machine that this process runs on.
pub fn machine() -> Machine {
    let cpu = cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory_bytes = total_memory_bytes();
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    // Whole GiB: kernels of one machine differ by what they reserve.
    let gibibytes = memory_bytes.map(|bytes| bytes.div_ceil(1 << 30));
    let identity = format!("{cpu}|{cores}|{gibibytes:?}|{system}");
    let fingerprint = alloy_primitives::hex::encode(&Sha256::digest(identity)[..6]);
    Machine {
        cpu,
        cores,
        memory_bytes,
        system,
        fingerprint,
    }
}

fn cpu_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_itself() {
        let found = machine();
        assert_eq!(found, machine());
        assert!(found.cores >= 1);
        assert_eq!(found.fingerprint.len(), 12);
    }
}
