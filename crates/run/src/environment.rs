//! Where a record is made: this machine, this evmbench and its versions, now.

pub use evmbench_forecast::machine::machine;
pub use evmbench_host::clock::now;
use evmbench_schema::ledger::What;
pub use evmbench_schema::record::{Environment, Machine, Renewal};

/// This machine and these versions.
pub fn current(solc_version: String, threads: usize, memory_limit_bytes: Option<u64>) -> Environment {
    Environment {
        evmbench_version: evmbench_version(),
        git_revision: git_revision(),
        ezkl_version: evmbench_ezkl::EZKL_VERSION.to_owned(),
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

/// The git revision that this evmbench was built from; none where it was built from an archive.
pub fn git_revision() -> Option<String> {
    Some(env!("EVMBENCH_GIT_REVISION"))
        .filter(|revision| !revision.is_empty())
        .map(str::to_owned)
}

fn evmbench_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn revm_version() -> String {
    env!("EVMBENCH_REVM_VERSION").to_owned()
}
