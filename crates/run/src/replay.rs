//! A stored record used again.
//!
//! Goes in: a record and the evidence beside it. Comes out: [`under`]'s answer, what its verifier and its proof come to under
//! another fork; [`renewed`]'s, the record as this evmbench would write it today; or [`recorded_prover`]'s, which replays the
//! record's run for every stage after it. Whether the record is right is [`crate::rederive`]'s question.

use std::borrow::Cow;

use evmbench_evm::chain::try_out;
use evmbench_evm::chain::{Calldata, ChainError, Fork, UnderFork};
use evmbench_ezkl::{
    Artifacts, CircuitSettings, PhaseMeasurement, ProverError, ProverRun, RecordedProver, SettingsError,
};
use evmbench_host::hint::Hint;
use evmbench_schema::record::{Evidence, Record, SCHEMA};
use evmbench_store::{self as store, DAMAGED_EVIDENCE, StoreError, StoredRun};
use evmbench_subject::subject::Subject;

use crate::environment;
use crate::rederive::{self, Discrepancy, Given, Tools};

/// A record that cannot be used again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// EZKL cannot be run.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// The verifier cannot be deployed or called.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The evidence's settings are not EZKL's.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The record says otherwise than its evidence.
    #[error("{path} is not borne out by its evidence: {found}")]
    NotBorneOut {
        /// The record.
        path: String,
        /// The first thing that differs.
        found: Discrepancy,
    },
    /// The record ended before there was what is asked of it.
    #[error("{path} holds no verified proof: its outcome is {outcome}")]
    EndedBefore {
        /// The record.
        path: String,
        /// How its run ended.
        outcome: String,
    },
}

impl Hint for ReplayError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Prover(error) => error.hint(),
            Self::NotBorneOut { .. } => Some("`evmbench audit RECORD` says all that differs".into()),
            Self::EndedBefore { .. } => Some("run the experiment again".into()),
            Self::Chain(_) | Self::Settings(_) => Some(DAMAGED_EVIDENCE.into()),
        }
    }
}

/// Deploys a stored run's verifier under a fork and verifies its proof there.
///
/// # Errors
/// [`ReplayError`].
pub fn under(run: &StoredRun, fork: Fork) -> Result<UnderFork, ReplayError> {
    let creation_code = run.evidence(Evidence::CREATION_CODE)?;
    let calldata = Calldata::raw(run.evidence(Evidence::CALLDATA)?);
    let key_artifact = run.key_artifact()?;
    Ok(try_out(
        fork,
        &creation_code.into(),
        key_artifact.as_deref(),
        &calldata,
    )?)
}

/// What a newer evmbench may find otherwise of the same evidence: everything that is said of the chain, and what follows from
/// it. The gas of the first proof is none of it: that is held against `tx_gas_samples`.
const RENEWED: [&str; 12] = [
    "accuracy",
    "batch",
    "committed_guard",
    "controls",
    "deployment",
    "guard",
    "ledger",
    "other_forks",
    "outcome",
    "registration",
    "set",
    "verification",
];

/// A stored run's record as this evmbench writes it: with everything that follows from its evidence found out again, of this
/// schema, and with a digest of its own. What was measured stays as it is. Of the counted proofs only the first was kept, so
/// that the gas of the others stays too.
///
/// # Errors
/// [`ReplayError`]; [`ReplayError::NotBorneOut`] where the evidence says otherwise than the record in something that no newer
/// evmbench could see in another way.
pub fn renewed(run: &StoredRun, given: Given<'_>, tools: &Tools) -> Result<Record, ReplayError> {
    let rederived = rederive::rederive(run, given, tools)?;
    let is_renewed = |found: &Discrepancy| {
        let field = found.place.split(['.', '[']).next().unwrap_or_default();
        RENEWED.contains(&field)
    };
    if let Some(found) = rederived
        .discrepancies
        .into_iter()
        .find(|found| !is_renewed(found))
    {
        return Err(ReplayError::NotBorneOut {
            path: run.path().display().to_string(),
            found,
        });
    }
    let by_record_only = rederived.by_record_only;
    let mut renewed = rederived.record;
    store::add_compressed_digests(run.path(), &mut renewed)?;
    renewed.schema = SCHEMA;
    renewed.renewal = Some(environment::renewal(by_record_only.into_keys().collect()));
    Ok(renewed)
}

/// A prover that answers a job about the record's model with the record's run, its measurements marked as an earlier
/// run's. Of its proofs only the first was kept.
///
/// # Errors
/// [`ReplayError`].
pub fn recorded_prover(run: &StoredRun) -> Result<RecordedProver, ReplayError> {
    let sha256 = run.record().model.onnx_sha256.clone();
    Ok(RecordedProver::new(sha256, recorded_run(run)?))
}

/// The same for a subject's jobs, which are about a committed circuit where it has one. It answers none of another model's or in
/// another circuit.
///
/// # Errors
/// [`ReplayError`].
pub fn recorded_prover_of(run: &StoredRun, subject: &Subject) -> Result<RecordedProver, ReplayError> {
    let record = run.record();
    let same_model = record.model.onnx_sha256 == subject.model.onnx_sha256;
    if !same_model || record.request.plan != subject.request.plan {
        return recorded_prover(run);
    }
    let sha256 = subject.job().circuit.sha256();
    Ok(RecordedProver::new(sha256, recorded_run(run)?))
}

fn recorded_run(run: &StoredRun) -> Result<ProverRun, ReplayError> {
    let record = run.record();
    let (Some(keys), Some(proof)) = (&record.keys, &record.proof) else {
        return Err(ended_before(run));
    };
    let Some(shape) = record.circuit.as_ref().and_then(|circuit| circuit.columns) else {
        return Err(ended_before(run));
    };
    let artifacts = Artifacts {
        proofs: vec![run.proof()?],
        natively_verified: proof.natively_verified,
        outputs: run.outputs()?,
        verifier_source: run.text(Evidence::VERIFIER_SOURCE)?,
        key_artifact: run.key_artifact()?,
        committed: record.committed,
        verifying_key: run.evidence(Evidence::VERIFYING_KEY)?,
        proving_key_bytes: keys.proving_key_bytes,
        srs: keys.srs.clone(),
        shape,
    };
    Ok(ProverRun {
        counted_cells: None,
        phases: record.phases.iter().map(PhaseMeasurement::cached).collect(),
        settings: Some(CircuitSettings::parse(&run.text(Evidence::SETTINGS)?)?),
        reused_keys: true,
        peak_disk_bytes: record.peak_disk_bytes.unwrap_or(0),
        result: Ok(artifacts),
    })
}

fn ended_before(run: &StoredRun) -> ReplayError {
    ReplayError::EndedBefore {
        path: run.path().display().to_string(),
        outcome: run.record().outcome.to_string(),
    }
}
