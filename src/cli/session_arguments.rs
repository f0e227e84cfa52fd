//! The arguments that the proving commands share.

use std::path::PathBuf;

use super::error::CliError;
use super::numbers::{parse_bytes, parse_memory, thread_count};
use super::srs;
use crate::memory::effective_memory_limit_bytes;
use crate::prover::{DEFAULT_TIMEOUT, SrsStore};
use crate::record::Request;
use crate::store::Store;

/// Longest time that a phase may be given, in seconds: a year.
const MOST_SECONDS: u64 = 365 * 24 * 60 * 60;

/// How proofs are made, and where their records go.
#[derive(Debug, clap::Args)]
pub(super) struct SessionArguments {
    /// Most memory that a worker may allocate, as in 20GiB [default: 85% of what machine, control groups and Slurm leave it]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub(super) memory_limit: Option<u64>,
    /// Seconds that one phase may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = DEFAULT_TIMEOUT.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS)
    )]
    pub(super) timeout: u64,
    /// Threads of the prover [default: one for each core]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    pub(super) threads: Option<usize>,
    /// A reference string: the name of one that `srs import` made, or a file in halo2's form [default: one made on this machine, for
    /// tests]
    #[arg(long, value_name = "NAME|FILE")]
    srs: Option<PathBuf>,
    /// Most space that kept keys may take, as in 20GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, default_value = "20GiB")]
    pub(super) cache_limit: u64,
    /// Try what the forecast says does not fit the memory limit, too
    #[arg(long)]
    pub(super) force: bool,
    /// Skip what a complete record already holds
    #[arg(long)]
    pub(super) resume: bool,
    /// Folder of the records
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(super) out: PathBuf,
}

impl SessionArguments {
    /// The reference string that was named, read and checked.
    pub(super) fn srs(&self) -> Result<Option<SrsStore>, CliError> {
        let string = self.srs.as_deref().map(srs::find).transpose()?;
        Ok(string.map(SrsStore::of).transpose()?)
    }

    /// The request with what these arguments say.
    pub(super) fn bind(&self, request: Request, srs: Option<&SrsStore>) -> Request {
        Request {
            timeout_seconds: self.timeout,
            memory_limit_bytes: self.memory_limit,
            threads: self.threads,
            srs_sha256: srs.and_then(|srs| match srs {
                SrsStore::File { identity, .. } => Some(identity.sha256.clone()),
                SrsStore::Folder(_) | SrsStore::Prepared(_) => None,
            }),
            ..request
        }
    }

    /// Memory that a worker can really have, in bytes.
    pub(super) fn effective_memory_limit_bytes(&self) -> Option<u64> {
        effective_memory_limit_bytes(self.memory_limit)
    }

    /// The folder of records.
    pub(super) fn store(&self) -> Store {
        Store::new(&self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prover::DEFAULT_CACHE_LIMIT_BYTES;

    #[test]
    fn the_cache_limit_shown_is_the_default() {
        assert_eq!(parse_bytes("20GiB"), Ok(DEFAULT_CACHE_LIMIT_BYTES));
    }
}
