//! A stored run's record found out again, with the set of parts or the batch of proofs that it tells of.
//!
//! Goes in: a stored run, what the user has beside it, a compiler. Comes out: [`Rederived`]. What follows from the run's own evidence
//! is `derivation`'s; what several runs come to together is found out by [`parts`] and [`batch`], which derive
//! each of these runs by itself first.

use std::path::Path;

use evmbench_ezkl::ProverError;
use evmbench_schema::record::{FileName, PartSet, ProofBatch, Record};
use evmbench_store::{self as store, StoredRun};

pub use crate::derivation::{
    Discrepancy, Examined, Exhibits, Figure, Findings, Given, GivenString, MadeAgain, NotRebuilt,
    ProvedCircuit, Rebuilt, Rederived, Terms, Tools, chosen_of_circuit, committed, compile, derive,
    differences, examine, rebuild, rederive_alone, reproduce,
};
use crate::parts::Measured;
use crate::{batch, parts};

/// Finds a stored run's record out again.
///
/// # Errors
/// [`ProverError`] where EZKL is given and cannot be run. Whatever is wrong with the record's evidence is in [`Rederived::discrepancies`].
pub fn rederive(run: &StoredRun, given: Given<'_>, tools: &Tools) -> Result<Rederived, ProverError> {
    let examined = Examined::of(run, given, tools)?;
    let (path, record) = (run.path(), run.record());
    let set = match &record.set {
        Some(set) => Some(set_again(path, record, set, given, tools)),
        // What all parts come to as one set is told by the last one's record.
        None => parts::beside(path, record)
            .and_then(|paths| parts::measure(&paths, given, tools).ok())
            .map(Ok),
    };
    let batch = record
        .batch
        .as_ref()
        .map(|batch| batch_again(path, record, &batch.members, given, tools));
    Ok(examined.rederive(set, batch))
}

/// A set of parts verified again; the record at `path` is the last one's.
///
/// # Errors
/// Why not, in words.
pub fn set_again(
    path: &Path,
    record: &Record,
    set: &PartSet,
    given: Given<'_>,
    tools: &Tools,
) -> Result<Measured, String> {
    if set.parts.last() != Some(&record.request.file_name()) {
        return Err("the record is not the set's last part's".to_owned());
    }
    parts::measure(&parts::paths(path, set), given, tools).map_err(|error| error.to_string())
}

/// A batch of proofs verified again; the record at `path` is the last one's.
///
/// # Errors
/// Why not, in words.
pub fn batch_again(
    path: &Path,
    record: &Record,
    members: &[FileName],
    given: Given<'_>,
    tools: &Tools,
) -> Result<ProofBatch, String> {
    if members.last() != Some(&record.request.file_name()) {
        return Err("the record is not the batch's last member's".to_owned());
    }
    batch::measure(&store::in_order(path, members), given, tools).map_err(|error| error.to_string())
}
