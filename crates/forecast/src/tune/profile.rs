//! What was found, as a file that a later run takes.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use evmbench_committed::CommittedError;
use evmbench_evm::chain::Fork;
use evmbench_ezkl::{CircuitKind, CircuitPlan, PlanError};
use evmbench_host::clock::now;
use evmbench_host::hint::Hint;
use evmbench_host::ranges;
use evmbench_schema::metric::Metric;
use evmbench_schema::record::{Environment, FileName, Outcome, Record};
use evmbench_store::{self as store, StoreError};
use evmbench_subject::accuracy::Accuracy;
use evmbench_subject::subject::Subject;

use super::bounds::Guarantee;
use super::candidate::{Candidate, Costs, Objective};
use super::front::Limits;
use crate::forecast::Forecast;

/// The version of a profile's schema: one more for each change.
pub const PROFILE_SCHEMA: u32 = 1;

/// The circuit that serves one purpose best, of those that were searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The schema's version.
    pub schema: u32,
    /// When it was made, RFC 3339 in UTC.
    pub made_at: String,
    /// The command that makes it again.
    pub command: String,
    /// Of which model.
    pub model: ProfileModel,
    /// What was to be least.
    pub objective: Objective,
    /// Under which rules of the chain.
    pub fork: Fork,
    /// Memory that it had to fit, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// What it was allowed to lose against the float model, in per cent, where there is a reference.
    pub loss_limit_percent: Option<f64>,
    /// The circuit.
    pub plan: CircuitPlan,
    /// How often solc's optimizer expects each opcode of the verifier to run.
    pub optimizer_runs: u64,
    /// What its values are bounded by.
    pub guarantees: Vec<Guarantee>,
    /// Greatest distance from the float model's output on the input that it was tuned with, as a share of the latter's greatest
    /// magnitude.
    pub distance: Option<f64>,
    /// How it does on test images, where that was found out.
    pub accuracy: Option<Accuracy>,
    /// What it was forecast to cost, which the search went by.
    pub costs: Costs,
    /// All that it was forecast to take.
    pub forecast: Forecast,
    /// What it did take; absent where nothing was proved.
    pub measured: Option<Measured>,
    /// Machine and versions.
    pub environment: Environment,
}

/// The model that a profile is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileModel {
    /// Its id, or its ONNX file's name.
    pub id: FileName,
    /// The suite that it belongs to, or `onnx`.
    pub suite: FileName,
    /// SHA-256 of the ONNX bytes, weights included: bounds and losses hold for no others.
    pub onnx_sha256: String,
}

/// What the circuit took in its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The record's name.
    pub record: String,
    /// Peak resident set, of set-up or of a proof, in bytes.
    pub memory_bytes: u64,
    /// Mean time of a proof, in seconds.
    pub prove_seconds: f64,
    /// Gas of the verifying transaction.
    pub verification_gas: u64,
    /// Gas of the transaction through the guard that a committed circuit's verifier means nothing without; absent for a direct
    /// circuit, whose verifier can be called as it is.
    pub guarded_gas: Option<u64>,
    /// Code of the verifier on chain, in bytes.
    pub runtime_code_bytes: u64,
}

impl Measured {
    /// A record's; none where its proof was not verified, or its verifier breaks a rule of the chain.
    pub fn of(record: &Record) -> Option<Self> {
        let fork = record.request.fork;
        let fits = record.fits();
        let fit = fits.iter().find(|fit| fit.fork() == fork)?;
        let keeps_to_rules = fit.is_deployable() && fit.is_verifiable_in_one_transaction();
        if record.outcome != Outcome::Verified || !keeps_to_rules {
            return None;
        }
        let whole = |metric: Metric| u64::try_from(metric.whole(record)?).ok();
        let is_committed = record.request.plan.kind() == CircuitKind::Committed;
        Some(Self {
            record: record.request.name(),
            memory_bytes: whole(Metric::Peak)?,
            prove_seconds: Metric::ProveSeconds.number(record)?,
            verification_gas: whole(Metric::VerificationGas)?,
            guarded_gas: whole(Metric::GuardedGas).filter(|_| is_committed),
            runtime_code_bytes: whole(Metric::RuntimeCode)?,
        })
    }

    /// The figure that was to be least; of gas, that of the transaction in which an acceptance means something.
    pub fn figure(&self, objective: Objective) -> f64 {
        match objective {
            Objective::Memory => self.memory_bytes as f64,
            Objective::Time => self.prove_seconds,
            Objective::Gas => self.guarded_gas.unwrap_or(self.verification_gas) as f64,
        }
    }
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read or written, or is no profile.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile is of another version of the schema.
    #[error("{} is a profile of schema version {found}; this evmbench takes {PROFILE_SCHEMA}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version, where it has one.
        found: u64,
    },
    /// The profile is of another model.
    #[error("the profile is of {profile}, and {asked} is asked for")]
    OtherModel {
        /// The profile's.
        profile: String,
        /// The one that is asked for.
        asked: String,
    },
    /// The profile is of a model with this name and other weights.
    #[error("the profile is of a {id} with other weights: SHA-256 {profile}, not {asked}")]
    OtherWeights {
        /// The name.
        id: String,
        /// SHA-256 of the profile's ONNX bytes.
        profile: String,
        /// That of the ones that are asked for.
        asked: String,
    },
    /// No circuit can be laid out so.
    #[error("the profile's circuit cannot be: {0}")]
    Plan(#[from] PlanError),
    /// A value could exceed what the profile's circuit holds.
    #[error("the profile's circuit is refused: {0}")]
    Unsafe(CommittedError),
}

impl Hint for ProfileError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Store(StoreError::Io { .. }) => "`evmbench tune` says where it puts a profile",
            Self::OtherModel { .. } => "name the profile's model, or tune this one: `evmbench tune`",
            Self::Store(_)
            | Self::Version { .. }
            | Self::OtherWeights { .. }
            | Self::Plan(_)
            | Self::Unsafe(_) => "make the profile again: `evmbench tune`",
        };
        Some(hint.into())
    }
}

/// The candidate that a profile is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The candidate.
    pub candidate: Candidate,
    /// How often solc's optimizer expects each opcode of its verifier to run.
    pub optimizer_runs: u64,
    /// What it took; absent where nothing was proved.
    pub measured: Option<Measured>,
}

impl Profile {
    /// The profile of what was chosen for a subject.
    pub fn new(
        subject: &Subject,
        chosen: Chosen,
        objective: Objective,
        limits: &Limits,
        environment: Environment,
        command: String,
    ) -> Self {
        let Chosen {
            candidate,
            optimizer_runs,
            measured,
        } = chosen;
        Self {
            schema: PROFILE_SCHEMA,
            made_at: now(),
            command,
            model: ProfileModel {
                id: subject.request.id.clone(),
                suite: subject.request.suite.clone(),
                onnx_sha256: subject.model.onnx_sha256.clone(),
            },
            objective,
            fork: limits.fork,
            memory_limit_bytes: limits.memory_bytes,
            loss_limit_percent: limits.loss_percent,
            plan: candidate.plan,
            optimizer_runs,
            guarantees: candidate.guarantees,
            distance: candidate.distance,
            accuracy: candidate.accuracy,
            costs: candidate.costs,
            forecast: candidate.forecast,
            measured,
            environment,
        }
    }

    /// Where the profile of a model belongs in a folder of records.
    pub fn path(out: &Path, id: &str, objective: Objective) -> PathBuf {
        out.join(store::PROFILES).join(format!("{id}-{objective}.json"))
    }

    /// Reads a profile, whose plan is one that can be laid out.
    ///
    /// # Errors
    /// [`ProfileError::Store`], [`ProfileError::Version`] and [`ProfileError::Plan`].
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let json: serde_json::Value = store::read_json(path)?;
        let found = json.get("schema").and_then(serde_json::Value::as_u64);
        if let Some(found) = found.filter(|&found| found != u64::from(PROFILE_SCHEMA)) {
            return Err(ProfileError::Version {
                path: path.to_owned(),
                found,
            });
        }
        ranges::check(&json).map_err(|found| StoreError::OutOfRange {
            path: path.to_owned(),
            reason: found.to_string(),
        })?;
        if let Some(Ok(plan)) = json.get("plan").map(CircuitPlan::of_json) {
            plan?;
        }
        Ok(
            serde_json::from_value(json).map_err(|source| StoreError::Damaged {
                path: path.to_owned(),
                source,
            })?,
        )
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`ProfileError::Store`].
    pub fn save(&self, path: &Path) -> Result<(), ProfileError> {
        Ok(store::write_json(path, self)?)
    }

    /// Refuses a model of another name.
    ///
    /// # Errors
    /// [`ProfileError::OtherModel`].
    pub fn check_id(&self, id: &str) -> Result<(), ProfileError> {
        if self.model.id == id {
            return Ok(());
        }
        Err(ProfileError::OtherModel {
            profile: self.model.id.to_string(),
            asked: id.to_owned(),
        })
    }

    /// Refuses a subject with other weights than those that the profile was made for.
    ///
    /// # Errors
    /// [`ProfileError::OtherModel`] and [`ProfileError::OtherWeights`].
    pub fn check(&self, subject: &Subject) -> Result<(), ProfileError> {
        self.check_id(&subject.request.id)?;
        if self.model.onnx_sha256 == subject.model.onnx_sha256 {
            return Ok(());
        }
        Err(ProfileError::OtherWeights {
            id: self.model.id.to_string(),
            profile: self.model.onnx_sha256.clone(),
            asked: subject.model.onnx_sha256.clone(),
        })
    }
}
