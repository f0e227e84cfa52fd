//! A stored record used again.
//!
//! Goes in: a record and the evidence beside it. Comes out: [`recheck`]'s answer, whether the same bytecode and calldata
//! still give the same verdict and gas; [`under`]'s, what they come to under another fork; [`renewed`]'s, the record with
//! everything that is said of the chain found out again; or [`recorded_prover`]'s, which replays the record's run for every
//! stage after it.

use std::path::Path;

use crate::bench;
use crate::chain::{Calldata, ChainError, Fork, UnderFork, Verdict};
use crate::on_chain::{self, Contract, OnChainError};
use crate::parts::{self, PartsError};
use crate::prover::{Artifacts, CircuitSettings, PhaseMeasurement, ProverRun, RecordedProver, SettingsError};
use crate::record::{Evidence, PartSet, Record, Renewal, Request, SCHEMA};
use crate::solidity::{Solc, SolidityError};
use crate::store::{self, StoreError};
use crate::subject::Subject;
use crate::trained;

/// A record that cannot be used again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The parts of a model cannot be verified as one set.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The verifier cannot be deployed or called.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The verifier cannot be gone through.
    #[error(transparent)]
    OnChain(#[from] OnChainError),
    /// The evidence's settings are not EZKL's.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The source cannot be compiled.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// The compiler makes other code of the same source.
    #[error("{path}: its verifier's source compiles to other code than it holds")]
    OtherCode {
        /// The record.
        path: String,
    },
    /// The same proof costs something else than when the record was made.
    #[error(
        "{path} says that verifying its proof took {} gas, and it takes {}",
        or_none(*recorded),
        or_none(*now)
    )]
    OtherGas {
        /// The record.
        path: String,
        /// Then.
        recorded: Option<u64>,
        /// Now.
        now: Option<u64>,
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

/// One figure, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// In the record.
    pub recorded: u64,
    /// Now.
    pub now: u64,
}

/// What a second verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recheck {
    /// The verifier's answer in the record.
    pub recorded: Verdict,
    /// Its answer now.
    pub now: Verdict,
    /// Gas and sizes.
    pub figures: Vec<Figure>,
}

impl Recheck {
    /// Whether verdict and every figure are those in the record.
    pub fn agrees(&self) -> bool {
        self.recorded == self.now && self.figures.iter().all(|figure| figure.recorded == figure.now)
    }
}

/// Deploys the verifier of the record at `path` again and verifies its proof again, under the record's fork.
///
/// # Errors
/// [`ReplayError`].
pub fn recheck(path: &Path, record: &Record) -> Result<Recheck, ReplayError> {
    let (Some(deployment), Some(verification)) = (&record.deployment, &record.verification) else {
        return Err(ended_before(path, record));
    };
    let now = under(path, record, record.request.fork)?;
    let gas = |gas: Option<crate::chain::TransactionGas>| gas.map_or(0, |gas| gas.tx_gas);
    let mut figures = vec![
        Figure {
            name: "runtime code bytes",
            recorded: deployment.runtime_code_bytes,
            now: now.deployment.runtime_code_bytes,
        },
        Figure {
            name: "deployment gas",
            recorded: deployment.gas.tx_gas,
            now: now.deployment.gas.tx_gas,
        },
        Figure {
            name: "verification gas",
            recorded: gas(verification.gas),
            now: gas(now.verification.gas),
        },
    ];
    if let (Some(recorded), Some(now)) = (&record.registration, &now.registration) {
        figures.push(Figure {
            name: "registration gas",
            recorded: gas(recorded.call.gas),
            now: gas(now.call.gas),
        });
    }
    Ok(Recheck {
        recorded: verification.verdict.clone(),
        now: now.verification.verdict,
        figures,
    })
}

/// Verifies all parts of a model as one set again; `path` is the last part's record.
///
/// # Errors
/// [`ReplayError::Parts`].
pub fn recheck_set(path: &Path, set: &PartSet, solc: &Solc) -> Result<Figure, ReplayError> {
    let now = parts::measure(&parts::paths(path, set), solc)?;
    Ok(Figure {
        name: "gas of the whole set",
        recorded: set.measurement.verification.tx_gas,
        now: now.measurement.verification.tx_gas,
    })
}

/// Deploys the verifier of the record at `path` under a fork and verifies its proof there.
///
/// # Errors
/// [`ReplayError`].
pub fn under(path: &Path, record: &Record, fork: Fork) -> Result<UnderFork, ReplayError> {
    let creation_code = store::load_evidence(path, record, Evidence::CREATION_CODE)?;
    let calldata = store::load_evidence(path, record, Evidence::CALLDATA)?;
    let calldata = Calldata::raw(calldata);
    let key_artifact = store::load_key_artifact(path, record)?;
    Ok(UnderFork::try_out(
        fork,
        &creation_code.into(),
        key_artifact.as_deref(),
        &calldata,
    )?)
}

/// The record with everything that it says of the chain found out again from its evidence, by this evmbench: what a newer
/// one records and an older one did not is there then. What the prover measured stays as it is. Of the counted proofs only
/// the first was kept, so that the gas of the others stays too.
///
/// # Errors
/// [`ReplayError`]; [`ReplayError::OtherCode`] where this compiler makes other code of the verifier than the record's, and
/// [`ReplayError::OtherGas`] where the first proof's gas is not what the record says.
pub fn renewed(path: &Path, record: &Record, solc: &Solc) -> Result<Record, ReplayError> {
    let bytes = |name| store::load_evidence(path, record, name);
    let proof = store::load_proof(path, record)?;
    let source = String::from_utf8_lossy(&bytes(Evidence::VERIFIER_SOURCE)?).into_owned();
    let options = record
        .verifier
        .as_ref()
        .map(|verifier| verifier.solc.options.clone());
    let compiled = solc.compile(
        &source,
        record.request.verifier.contract(),
        &options.unwrap_or_default(),
    )?;
    if compiled.creation_code[..] != bytes(Evidence::CREATION_CODE)?[..] {
        return Err(ReplayError::OtherCode {
            path: path.display().to_string(),
        });
    }
    let Request { fork, seed, .. } = record.request;
    let key_artifact = store::load_key_artifact(path, record)?;
    let contract = Contract {
        compiled: &compiled,
        source: &source,
        key_artifact: key_artifact.as_deref(),
        committed: record.committed.as_ref(),
    };
    let on_chain = on_chain::examine(&contract, &[proof], fork, seed, solc)?;
    let [recorded, now] =
        [&record.tx_gas_samples, &on_chain.tx_gas_samples].map(|samples| samples.first().copied());
    if recorded != now {
        return Err(ReplayError::OtherGas {
            path: path.display().to_string(),
            recorded,
            now,
        });
    }
    let mut renewed = record.clone();
    if let Some(finding) = on_chain.finding() {
        renewed.outcome = finding;
    }
    on_chain.write_to(&mut renewed);
    renewed.tx_gas_samples.clone_from(&record.tx_gas_samples);
    let plan = record.request.plan;
    renewed.accuracy = trained::accuracy(&record.model.onnx_sha256, plan.kind, plan.scale);
    let evidence = Evidence {
        verifying_key: Some(bytes(Evidence::VERIFYING_KEY)?),
        verifier_source: Some(source),
        key_artifact,
        ..Evidence::default()
    };
    if let Some(set) = &record.set {
        renewed.set = Some(parts::measure(&parts::paths(path, set), solc)?);
    }
    renewed.take_stock(&evidence, None);
    renewed.schema = SCHEMA;
    renewed.renewal = Some(Renewal::now());
    Ok(renewed)
}

/// A prover that answers a job about the record's model with the record's run, its measurements marked as an earlier
/// run's. Of its proofs only the first was kept.
///
/// # Errors
/// [`ReplayError`].
pub fn recorded_prover(path: &Path, record: &Record) -> Result<RecordedProver, ReplayError> {
    let run = recorded_run(path, record)?;
    Ok(RecordedProver::new(record.model.onnx_sha256.clone(), run))
}

/// The same for a subject's jobs, which are about a committed circuit where it has one. It answers none of another model's or in
/// another circuit.
///
/// # Errors
/// [`ReplayError`].
pub fn recorded_prover_of(
    path: &Path,
    record: &Record,
    subject: &Subject,
) -> Result<RecordedProver, ReplayError> {
    let same_model = record.model.onnx_sha256 == subject.model.onnx_sha256;
    if !same_model || record.request.plan != subject.request.plan {
        return recorded_prover(path, record);
    }
    let run = recorded_run(path, record)?;
    Ok(RecordedProver::new(bench::job(subject).circuit.sha256(), run))
}

fn recorded_run(path: &Path, record: &Record) -> Result<ProverRun, ReplayError> {
    let bytes = |name| store::load_evidence(path, record, name);
    let text = |name| bytes(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (Some(keys), Some(proof)) = (&record.keys, &record.proof) else {
        return Err(ended_before(path, record));
    };
    let Some(shape) = record.circuit.as_ref().and_then(|circuit| circuit.columns) else {
        return Err(ended_before(path, record));
    };
    let artifacts = Artifacts {
        proofs: vec![store::load_proof(path, record)?],
        natively_verified: proof.natively_verified,
        outputs: Evidence::read_outputs(&bytes(Evidence::OUTPUTS)?).map_err(StoreError::from)?,
        verifier_source: text(Evidence::VERIFIER_SOURCE)?,
        key_artifact: store::load_key_artifact(path, record)?,
        committed: record.committed,
        verifying_key: bytes(Evidence::VERIFYING_KEY)?,
        proving_key_bytes: keys.proving_key_bytes,
        srs: keys.srs.clone(),
        shape,
    };
    Ok(ProverRun {
        counted_cells: None,
        phases: record.phases.iter().map(PhaseMeasurement::cached).collect(),
        settings: Some(CircuitSettings::parse(&text(Evidence::SETTINGS)?)?),
        reused_keys: true,
        peak_disk_bytes: record.peak_disk_bytes.unwrap_or(0),
        result: Ok(artifacts),
    })
}

fn or_none(gas: Option<u64>) -> String {
    gas.map_or_else(|| "no".to_owned(), |gas| gas.to_string())
}

fn ended_before(path: &Path, record: &Record) -> ReplayError {
    ReplayError::EndedBefore {
        path: path.display().to_string(),
        outcome: record.outcome.to_string(),
    }
}
