//! What one circuit really took: the measurements that a forecast is fitted on or tested against.
//!
//! Goes in: a [`Specimen`] (an ONNX file with run arguments and an input), or a [`Record`]. Comes out: a [`Sample`], which the
//! repository keeps below `data/forecast`.

use std::path::{Path, PathBuf};

use alloy_primitives::U256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use evmbench_evm::chain::try_out;
use evmbench_evm::chain::{Calldata, ChainError, Fork, TransactionGas, VerifyCall};
use evmbench_evm::solidity::{CompileOptions, Solc, SolidityError};
use evmbench_ezkl::{
    Artifacts, CircuitPlan, CircuitSettings, EzklProver, Failure, Job, JobCircuit, Observer, Phase,
    PhaseMeasurement, PhaseSource, PlanError, ProverError, VerifierKind, VerifierShape,
};
use evmbench_guard::guard::batch::BatchError;
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_schema::record::{Evidence, Machine, Record};
use evmbench_store::{self as store, StoreError, StoredRun};

use crate::machine::machine;

/// The file of a specimen's folder that says how to lay it out.
const SPECIMEN_FILE: &str = "specimen.json";

/// The file that holds its model.
const MODEL_FILE: &str = "model.onnx";

/// Whether coefficients are fitted on a sample, or only tested on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A fit sees it.
    Fit,
    /// No fit has seen it.
    Test,
}

/// A circuit to measure.
#[derive(Debug, Clone)]
pub struct Specimen {
    /// Its folder's name.
    pub name: String,
    /// Whether a fit may see it.
    pub role: Role,
    /// The model, as ONNX bytes.
    onnx: Vec<u8>,
    /// EZKL's run arguments, by its names.
    run_args: Value,
    /// One flat row-major array for each graph input.
    inputs: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct SpecimenFile {
    role: Role,
    run_args: Value,
    input_data: Vec<Vec<f32>>,
}

/// A specimen that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A specimen's file is not one, or a sample cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan that stands for its visibilities is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// EZKL could not work at all.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// A phase failed.
    #[error("{name}: {failure}")]
    Failed {
        /// The specimen.
        name: String,
        /// Why it has no proof.
        failure: Failure,
    },
    /// Its verifier does not compile.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// Its verifier does not run.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its proof cannot be verified through the batch contract.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// Its verifier rejects the proof, so that its gas says nothing.
    #[error("{name}: the verifier does not accept: {verdict}")]
    Rejected {
        /// The specimen.
        name: String,
        /// What it said.
        verdict: String,
    },
}

impl Specimen {
    /// Every specimen below a folder, by name.
    ///
    /// # Errors
    /// [`SampleError::Read`] and [`SampleError::Store`].
    pub fn all(folder: &Path) -> Result<Vec<Self>, SampleError> {
        let read = |source| SampleError::Read {
            path: folder.to_owned(),
            source,
        };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.join(SPECIMEN_FILE).is_file() {
                folders.push(path);
            }
        }
        folders.sort_unstable();
        folders.iter().map(|folder| Self::load(folder)).collect()
    }

    fn load(folder: &Path) -> Result<Self, SampleError> {
        let SpecimenFile {
            role,
            run_args,
            input_data,
        } = store::read_json(&folder.join(SPECIMEN_FILE))?;
        let model = folder.join(MODEL_FILE);
        let onnx = files::read(&model, MOST_MODEL_BYTES)
            .map_err(|source| SampleError::Read { path: model, source })?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: name.into_owned(),
            role,
            onnx,
            run_args,
            inputs: input_data,
        })
    }

    /// Proves it once.
    ///
    /// # Errors
    /// [`SampleError`].
    ///
    /// # Panics
    /// Never: a run with artifacts has settings and the one proof that is asked for.
    pub fn prove(
        &self,
        prover: &EzklProver,
        threads: usize,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<ProvedSpecimen, SampleError> {
        let plan = CircuitPlan::shown_as_in(&self.run_args)?;
        let job = Job {
            name: self.name.clone(),
            circuit: JobCircuit::Model {
                onnx: self.onnx.clone(),
                inputs: self.inputs.clone(),
            },
            plan,
            verifier: VerifierKind::Plain,
            runs: 1,
            warmup: 0,
        };
        let load_average = load_average();
        let run = prover.prove_anew(&job, &self.run_args, observer)?;
        let artifacts = run.result.map_err(|failure| SampleError::Failed {
            name: self.name.clone(),
            failure,
        })?;
        Ok(ProvedSpecimen {
            name: self.name.clone(),
            role: self.role,
            settings: run.settings.expect("a run with artifacts has settings"),
            call: artifacts
                .proofs
                .first()
                .map(|proof| VerifyCall {
                    proof: proof.proof.clone(),
                    instances: proof.instances.clone(),
                    key_artifact: None,
                })
                .expect("one proof was asked for"),
            artifacts,
            phases: run.phases,
            threads,
            load_average,
        })
    }
}

/// A specimen with its proof, and what that took.
#[derive(Debug)]
pub struct ProvedSpecimen {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) settings: CircuitSettings,
    pub(super) artifacts: Artifacts,
    pub(super) call: VerifyCall,
    phases: Vec<PhaseMeasurement>,
    threads: usize,
    load_average: Option<f64>,
}

impl ProvedSpecimen {
    /// Deploys its verifier and verifies the proof under every fork.
    ///
    /// # Errors
    /// [`SampleError`].
    pub fn sample(&self, solc: &Solc) -> Result<Sample, SampleError> {
        let Self { artifacts, call, .. } = self;
        let compiled = solc.compile(
            &artifacts.verifier_source,
            artifacts.verifier().contract(),
            &CompileOptions::default(),
        )?;
        let calldata = call.calldata();
        let mut gas = Vec::new();
        for fork in Fork::ALL {
            let under = try_out(fork, &compiled.creation_code, None, &calldata)?;
            let verification = under.verification;
            match verification.gas.filter(|_| verification.verdict.is_accepted()) {
                Some(verifying) => gas.push(ForkGas {
                    fork,
                    deployment: under.deployment.gas,
                    verification: verifying,
                }),
                None => {
                    return Err(SampleError::Rejected {
                        name: self.name.clone(),
                        verdict: verification.verdict.to_string(),
                    });
                }
            }
        }
        Ok(Sample {
            name: self.name.clone(),
            role: self.role,
            settings: self.settings.json_without_equations(),
            columns: artifacts.shape,
            proving_key_bytes: artifacts.proving_key_bytes,
            verifying_key_bytes: artifacts.verifying_key.len() as u64,
            proof_bytes: call.proof.len() as u64,
            instances: call.instances.len() as u64,
            instance_zero_bytes: Some(zero_bytes(&call.instances)),
            calldata_bytes: calldata.size().calldata_bytes,
            runtime_code_bytes: compiled.runtime_code.len() as u64,
            creation_code_bytes: compiled.creation_code.len() as u64,
            creation_zero_bytes: Some(Calldata::raw(compiled.creation_code.clone()).size().zero_bytes),
            gas,
            setup: Work::of(&self.phases, Phase::Setup),
            prove: Work::of(&self.phases, Phase::Prove),
            threads: self.threads,
            load_average: self.load_average,
            machine: machine(),
        })
    }
}

impl Sample {
    /// Every sample of a folder, by name.
    ///
    /// # Errors
    /// [`SampleError::Store`].
    pub fn all(folder: &Path) -> Result<Vec<Self>, SampleError> {
        all_of(folder)
    }

    /// What a stored run took; none where it has no accepted proof, or another verifier than a plain one of default options.
    ///
    /// # Errors
    /// [`SampleError::Store`] where the record's evidence cannot be read.
    pub fn of_run(run: &StoredRun, role: Role) -> Result<Option<Self>, SampleError> {
        let record = run.record();
        let plain = is_plain(record);
        let (Some(circuit), Some(keys), Some(proof), Some(verifier)) =
            (&record.circuit, &record.keys, &record.proof, &record.verifier)
        else {
            return Ok(None);
        };
        let Some(columns) = circuit.columns.filter(|_| plain) else {
            return Ok(None);
        };
        let gas: Option<Vec<ForkGas>> = record
            .fits()
            .into_iter()
            .map(|fit| {
                let accepted = fit.verification.verdict.is_accepted();
                let verification = fit.verification.gas.filter(|_| accepted)?;
                Some(ForkGas {
                    fork: fit.fork(),
                    deployment: fit.deployment.gas,
                    verification,
                })
            })
            .collect();
        let Some(gas) = gas.filter(|gas| !gas.is_empty()) else {
            return Ok(None);
        };
        let evidence = |name| match run.evidence(name) {
            Err(StoreError::MissingEvidence { large: true, .. }) => Ok(None),
            other => other.map(Some),
        };
        let words = evidence(Evidence::INSTANCES)?.and_then(|bytes| Evidence::read_instances(&bytes).ok());
        let Ok(settings) = CircuitSettings::parse(&circuit.settings.to_string()) else {
            return Ok(None);
        };
        // Other work makes processor time longer, too, where it shares a core's units and caches.
        let is_beside_others = record.others.is_some_and(|others| others.is_much());
        let counted = record
            .phases
            .iter()
            .filter(|phase| phase.source != PhaseSource::WarmUp);
        let counted: Vec<PhaseMeasurement> = counted
            .map(|phase| PhaseMeasurement {
                cpu_seconds: phase.cpu_seconds.filter(|_| !is_beside_others),
                ..phase.clone()
            })
            .collect();
        let creation_code = evidence(Evidence::CREATION_CODE)?;
        let creation_size = creation_code.map(|code| Calldata::raw(code).size());
        Ok(Some(Self {
            name: record.request.name(),
            role,
            settings: settings.json_without_equations(),
            columns,
            proving_key_bytes: keys.proving_key_bytes,
            verifying_key_bytes: keys.verifying_key_bytes,
            proof_bytes: proof.proof_bytes,
            instances: proof.instances,
            instance_zero_bytes: words.as_deref().map(zero_bytes),
            calldata_bytes: proof.calldata_bytes,
            runtime_code_bytes: verifier.runtime_code_bytes,
            creation_code_bytes: verifier.creation_code_bytes,
            creation_zero_bytes: creation_size.map(|size| size.zero_bytes),
            gas,
            setup: Work::of(&counted, Phase::Setup),
            prove: Work::of(&counted, Phase::Prove),
            threads: record.environment.threads,
            load_average: None,
            machine: record.environment.machine.clone(),
        }))
    }
}

/// Every sample of a folder, by name.
pub(super) fn all_of<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, SampleError> {
    let paths = store::record_paths(folder)?;
    let samples = paths.iter().map(|path| store::read_json(&folder.join(path)));
    Ok(samples.collect::<Result<_, _>>()?)
}

/// Whether a record's verifier is a plain one of default options.
pub(super) fn is_plain(record: &Record) -> bool {
    let mut verifiers = record.verifier.iter();
    record.request.verifier == VerifierKind::Plain
        && verifiers.any(|verifier| verifier.solc.options == CompileOptions::default())
}

/// What one circuit took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Whether a fit may see it.
    pub role: Role,
    /// EZKL's settings, less the list of its einsum equations.
    pub settings: Value,
    /// Columns, counted in the generated verifier.
    pub columns: VerifierShape,
    /// The proving key; absent where it was not kept.
    pub proving_key_bytes: Option<u64>,
    /// The verifying key.
    pub verifying_key_bytes: u64,
    /// The proof.
    pub proof_bytes: u64,
    /// Public values.
    pub instances: u64,
    /// Zero bytes in them; what they are made of is the model's and the input's matter. Absent where the evidence was too
    /// large to be kept.
    pub instance_zero_bytes: Option<u64>,
    /// The canonical call of `verifyProof`.
    pub calldata_bytes: u64,
    /// The plain verifier's runtime code.
    pub runtime_code_bytes: u64,
    /// Its creation code.
    pub creation_code_bytes: u64,
    /// Zero bytes in it, which are cheaper.
    pub creation_zero_bytes: Option<u64>,
    /// Gas under each fork.
    pub gas: Vec<ForkGas>,
    /// Set-up.
    pub setup: Work,
    /// One proof, or the mean of several.
    pub prove: Work,
    /// Threads that EZKL was given.
    pub threads: usize,
    /// How many processes wanted to run, a minute's mean, just before; absent where the platform does not say. Times beside
    /// others' work are longer.
    pub load_average: Option<f64>,
    /// Where it was measured.
    pub machine: Machine,
}

/// Gas of one deployment and one verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkGas {
    /// The rules.
    pub fork: Fork,
    /// The deployment.
    pub deployment: TransactionGas,
    /// The verification.
    pub verification: TransactionGas,
}

/// Time and memory of one phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Time inside EZKL's call; of several, their mean.
    pub call_seconds: Option<f64>,
    /// Processor time of all threads in it, likewise.
    pub cpu_seconds: Option<f64>,
    /// Peak resident set, of several the largest.
    pub peak_rss_bytes: Option<u64>,
}

impl Work {
    pub(super) fn of(phases: &[PhaseMeasurement], phase: Phase) -> Self {
        let counted = || phases.iter().filter(|measurement| measurement.phase == phase);
        let mean = |of: fn(&PhaseMeasurement) -> Option<f64>| {
            let seconds: Vec<f64> = counted().filter_map(of).collect();
            (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
        };
        Self {
            call_seconds: mean(|measurement| measurement.call_seconds),
            cpu_seconds: mean(|measurement| measurement.cpu_seconds),
            peak_rss_bytes: counted()
                .filter_map(|measurement| measurement.peak_rss_bytes)
                .max(),
        }
    }
}

/// Zero bytes of public values as a call holds them.
pub(super) fn zero_bytes(instances: &[U256]) -> u64 {
    instances
        .iter()
        .map(|word| {
            let bytes: [u8; 32] = word.to_be_bytes();
            bytes.iter().map(|&byte| u64::from(byte == 0)).sum::<u64>()
        })
        .sum()
}

#[cfg(target_os = "linux")]
pub(super) fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn load_average() -> Option<f64> {
    None
}
