//! Where a record was made: machine, system, versions. No host name, no path, no user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
