//! Where a record was made: machine, system, versions. No host name, no path, no user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ledger::What;

/// The machine and the versions behind a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// evmbench's version.
    pub evmbench_version: String,
    /// The git revision that evmbench was built from, `-modified` behind it where sources differed; absent without git.
    pub git_revision: Option<String>,
    /// EZKL's version.
    pub ezkl_version: String,
    /// solc's full version.
    pub solc_version: String,
    /// The version of the revm crate.
    pub revm_version: String,
    /// The machine.
    pub machine: Machine,
    /// Threads that EZKL's workers were given.
    pub threads: usize,
    /// Cap on each worker's data segment, in bytes.
    pub memory_limit_bytes: Option<u64>,
}

impl Environment {
    /// This machine and these versions.
    pub fn current(solc_version: String, threads: usize, memory_limit_bytes: Option<u64>) -> Self {
        Self {
            evmbench_version: evmbench_version(),
            git_revision: git_revision(),
            ezkl_version: crate::prover::EZKL_VERSION.to_owned(),
            solc_version,
            revm_version: revm_version(),
            machine: Machine::current(),
            threads,
            memory_limit_bytes,
        }
    }

    /// Whether the revision of evmbench that runs now made the record. False where either does not tell its revision.
    pub fn is_this_evmbench(&self) -> bool {
        self.git_revision.is_some() && self.git_revision == git_revision()
    }
}

/// Who went through a record's part on chain again, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renewal {
    /// When, RFC 3339 in UTC.
    pub renewed_at: String,
    /// evmbench's version.
    pub evmbench_version: String,
    /// Its git revision, as in [`Environment::git_revision`].
    pub git_revision: Option<String>,
    /// The version of the revm crate.
    pub revm_version: String,
    /// Items of the ledger that were not derived again: they stand as the record had them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_record_only: Vec<What>,
}

impl Renewal {
    /// This evmbench, now, which could not derive these items of the ledger.
    pub fn now(by_record_only: Vec<What>) -> Self {
        Self {
            by_record_only,
            renewed_at: super::now(),
            evmbench_version: evmbench_version(),
            git_revision: git_revision(),
            revm_version: revm_version(),
        }
    }
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

/// Hardware and system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that this process may run on.
    pub cores: usize,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Operating system and architecture.
    pub system: String,
    /// Digest of the fields above: times are compared only between equal fingerprints.
    pub fingerprint: String,
}

impl Machine {
    /// The machine that this process runs on.
    pub fn current() -> Self {
        let cpu = cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory_bytes = crate::prover::total_memory_bytes();
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        // Whole GiB: kernels of one machine differ by what they reserve.
        let gibibytes = memory_bytes.map(|bytes| bytes.div_ceil(1 << 30));
        let identity = format!("{cpu}|{cores}|{gibibytes:?}|{system}");
        let fingerprint = alloy_primitives::hex::encode(&Sha256::digest(identity)[..6]);
        Self {
            cpu,
            cores,
            memory_bytes,
            system,
            fingerprint,
        }
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
        let machine = Machine::current();
        assert_eq!(machine, Machine::current());
        assert!(machine.cores >= 1);
        assert_eq!(machine.fingerprint.len(), 12);
    }
}
