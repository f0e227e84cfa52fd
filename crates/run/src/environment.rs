//! Where a record is made: this machine, this evmbench and its versions, now.

use sha2::{Digest as _, Sha256};

pub use evmbench_schema::record::{Environment, Machine, Renewal};

use crate::ledger::What;

/// This machine and these versions.
pub fn current(solc_version: String, threads: usize, memory_limit_bytes: Option<u64>) -> Environment {
    Environment {
        evmbench_version: evmbench_version(),
        git_revision: git_revision(),
        ezkl_version: crate::prover::EZKL_VERSION.to_owned(),
        solc_version,
        revm_version: revm_version(),
        machine: machine(),
        threads,
        memory_limit_bytes,
    }
}

/// Whether the revision of evmbench that runs now made the record. False where either does not tell its revision.
pub fn is_this_evmbench(environment: &Environment) -> bool {
    environment.git_revision.is_some() && environment.git_revision == git_revision()
}

/// This evmbench, now, which could not derive these items of the ledger.
pub fn renewal(by_record_only: Vec<What>) -> Renewal {
    Renewal {
        by_record_only,
        renewed_at: now(),
        evmbench_version: evmbench_version(),
        git_revision: git_revision(),
        revm_version: revm_version(),
    }
}

/// Now, RFC 3339 in UTC, to the second.
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

fn evmbench_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn git_revision() -> Option<String> {
    Some(env!("EVMBENCH_GIT_REVISION"))
        .filter(|revision| !revision.is_empty())
        .map(str::to_owned)
}

fn revm_version() -> String {
    env!("EVMBENCH_REVM_VERSION").to_owned()
}

/// The machine that this process runs on.
pub fn machine() -> Machine {
    let cpu = cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory_bytes = crate::prover::total_memory_bytes();
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
