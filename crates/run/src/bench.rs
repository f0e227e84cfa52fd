//! One experiment, all stages in order: prove, compare with the references, compile, deploy, verify, try to cheat, record.
//!
//! Goes in: a [`Subject`], a prover, a compiler. Comes out: a [`Record`] and its [`Evidence`], whatever the outcome was:
//! a stage that ends a run early leaves what the earlier ones found.

use std::borrow::Cow;

use evmbench_evm::chain::VerifyCall;
use evmbench_evm::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};
use evmbench_ezkl::{
    AnyProver, Artifacts, CircuitKind, CircuitSettings, Failure, Observer, ProverError, ProverRun,
};
use evmbench_forecast::forecast::Forecaster;
use evmbench_guard::guard::GuardContracts;
use evmbench_guard::on_chain::{self, Contract, OnChain};
use evmbench_host::digests::sha256_hex;
use evmbench_host::hint::Hint;
use evmbench_host::trouble::Trouble;
use evmbench_judge::numerics::{self, Mismatch};
use evmbench_judge::{self as judge, FunctionCheck, JudgeError, OnnxRuntime, Trial};
use evmbench_ledger::facts::{self, KnownModel};
use evmbench_schema::record::{
    Environment, Evidence, Keys, Numerics, Outcome, Proof, Record, Request, SCHEMA,
};
use evmbench_subject::subject::Subject;
use evmbench_subject::trained;

use crate::derived;
use crate::environment;
use crate::watch::Watch;

/// A run that yields no record.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// The prover could not work at all.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// There is nothing to judge the circuit by.
    #[error(transparent)]
    Judge(#[from] JudgeError),
}

impl Hint for BenchError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Interrupted => Some("run it again with --resume: what is done is kept".into()),
            Self::Prover(error) => error.hint(),
            Self::Judge(error) => error.hint(),
        }
    }
}

/// The stages' tools, shared by all runs.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// Makes keys and proofs.
    pub prover: &'a AnyProver,
    /// Compiles the verifier.
    pub solc: &'a Solc,
    /// Judges users' models; without it none of those is verified that the exact integer reference does not cover.
    pub onnxruntime: Option<&'a OnnxRuntime>,
    /// Hears of progress, and may stop a run.
    pub observer: &'a dyn Observer<CircuitSettings>,
    /// Machine and versions.
    pub environment: &'a Environment,
    /// Says what a run will take before keys are made, and whether it is tried at all.
    pub forecaster: &'a Forecaster,
}

impl Bench<'_> {
    /// Takes a subject through all stages.
    ///
    /// # Errors
    /// [`BenchError`]; every finding about the subject is in the record's outcome instead.
    pub fn measure(&self, subject: &Subject) -> Result<(Record, Evidence), BenchError> {
        let watch = Watch::start();
        let gate = self.forecaster.gate(self.observer);
        let trial = Trial::new(subject, self.onnxruntime, &gate);
        let run = self.prover.prove(&subject.job(), &trial)?;
        let mut draft = Draft::new(subject, &run, self.environment);
        if let Some(check) = draft.judged(trial.finish().transpose())?.flatten() {
            draft.function(check);
        }
        draft.record.forecast = run
            .settings
            .as_ref()
            .and_then(|settings| self.forecaster.forecast(subject, settings).ok());
        match run.result {
            Ok(artifacts) => {
                let floats = judge::float_outputs(subject, self.onnxruntime, self.observer);
                let floats = draft.judged(floats)?;
                self.examine(
                    subject,
                    &artifacts,
                    run.settings.as_ref(),
                    floats.as_deref(),
                    &mut draft,
                );
            }
            Err(Failure::Interrupted { .. }) => return Err(BenchError::Interrupted),
            // What was found by the function's check.
            Err(Failure::Declined { .. }) => {}
            Err(failure) => draft.worsen(outcome_of(failure)),
        }
        draft.compare_with_study();
        let of_model = run.settings.as_ref().filter(|_| subject.committed.is_none());
        let integers = of_model.and_then(|settings| subject.integer_program(settings).ok());
        let model = subject.graph.as_ref().ok().map(|graph| KnownModel {
            graph,
            integers: integers.as_deref(),
        });
        facts::take_stock(&mut draft.record, &draft.evidence, model);
        draft.record.others = watch.and_then(|watch| watch.so_far());
        draft.record.finished_at = environment::now();
        Ok((draft.record, draft.evidence))
    }

    /// Everything after the proof. The first thing that is wrong decides the outcome; what can still be measured is.
    fn examine(
        &self,
        subject: &Subject,
        artifacts: &Artifacts,
        settings: Option<&CircuitSettings>,
        floats: Option<&[Vec<f32>]>,
        draft: &mut Draft,
    ) {
        self.observer.started("references");
        let numerics = settings
            .ok_or_else(|| Mismatch::of_numbers("no settings"))
            .and_then(|settings| numerics::compare(subject, artifacts, settings, floats));
        self.observer.finished();
        match numerics {
            Ok((numerics, notes)) => {
                draft.numerics(numerics);
                draft.record.notes.extend(notes);
            }
            Err(Mismatch { outcome, note }) => {
                draft.worsen(outcome);
                draft.record.notes.extend(note);
            }
        }
        if !artifacts.natively_verified {
            draft.worsen(Outcome::Rejected {
                why: "EZKL's own verifier rejects the proof".to_owned(),
            });
        }

        self.observer.started("compile");
        let options = CompileOptions::with_runs(subject.request.optimizer_runs);
        let contract = artifacts.verifier().contract();
        let compiled = self.solc.compile(&artifacts.verifier_source, contract, &options);
        self.observer.finished();
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return draft.compiler(&error),
        };
        draft.verifier(&compiled);

        self.observer.started("verify on chain");
        let Request { fork, seed, .. } = subject.request;
        let contract = Contract {
            compiled: &compiled,
            source: &artifacts.verifier_source,
            key_artifact: artifacts.key_artifact.as_deref(),
            committed: artifacts.committed.as_ref(),
        };
        let guards = GuardContracts::carried();
        let on_chain = on_chain::examine(&contract, &artifacts.proofs, fork, seed, guards);
        self.observer.finished();
        match on_chain {
            Ok(on_chain) => draft.on_chain(on_chain),
            Err(error) => draft.fail("verify on chain", error.to_string()),
        }
    }
}

fn outcome_of(failure: Failure) -> Outcome {
    match failure {
        Failure::OutOfMemory { phase, limit_bytes } => Outcome::OutOfMemory { phase, limit_bytes },
        Failure::TimedOut { phase, limit_seconds } => Outcome::TimedOut { phase, limit_seconds },
        Failure::Failed { phase, message } => Outcome::Failed {
            step: phase.to_string(),
            message,
        },
        Failure::UnsoundCircuit { reason } => Outcome::Unsound { control: reason },
        Failure::NotAttempted { forecast } => Outcome::NotAttempted { forecast },
        Failure::Environment { step, trouble } => environment(&step, trouble),
        Failure::Declined { reason } => Outcome::Failed {
            step: "judge".to_owned(),
            message: reason,
        },
        Failure::Interrupted { phase } => Outcome::Failed {
            step: phase.to_string(),
            message: "interrupted".to_owned(),
        },
    }
}

fn environment(step: &str, trouble: Trouble) -> Outcome {
    Outcome::Environment {
        step: step.to_owned(),
        reason: trouble.reason(),
    }
}

/// A record being filled in.
struct Draft {
    record: Record,
    evidence: Evidence,
}

impl Draft {
    fn new(subject: &Subject, run: &ProverRun, environment: &Environment) -> Self {
        let artifacts = run.result.as_ref().ok();
        let circuit = run.settings.as_ref().map(|settings| {
            let columns = artifacts.map(|artifacts| artifacts.shape);
            derived::circuit(settings, subject.request.plan.scale(), columns)
        });
        let keys = artifacts.map(|artifacts| Keys {
            proving_key_bytes: artifacts.proving_key_bytes,
            verifying_key_bytes: artifacts.verifying_key.len() as u64,
            verifying_key_sha256: sha256_hex(&artifacts.verifying_key),
            srs: artifacts.srs.clone(),
            reused: run.reused_keys,
        });
        let first = artifacts.and_then(|artifacts| artifacts.proofs.first());
        let calldata = first.zip(artifacts).map(|(proof, artifacts)| {
            let call = VerifyCall {
                proof: proof.proof.clone(),
                instances: proof.instances.clone(),
                key_artifact: artifacts.key_artifact.clone(),
            };
            call.calldata()
        });
        let proof = first.zip(calldata.as_ref()).map(|(proof, calldata)| Proof {
            proof_bytes: proof.proof.len() as u64,
            instances: proof.instances.len() as u64,
            calldata_bytes: calldata.size().calldata_bytes,
            natively_verified: artifacts.is_some_and(|artifacts| artifacts.natively_verified),
        });
        Self {
            evidence: Evidence {
                settings: run.settings.as_ref().map(|settings| settings.json().to_string()),
                verifying_key: artifacts.map(|artifacts| artifacts.verifying_key.clone()),
                verifier_source: artifacts.map(|artifacts| artifacts.verifier_source.clone()),
                key_artifact: artifacts.and_then(|artifacts| artifacts.key_artifact.clone()),
                creation_code: None,
                runtime_code: None,
                proof: first.map(|proof| proof.proof.clone()),
                instances: first.map(|proof| proof.instances.clone()),
                outputs: artifacts.map(|artifacts| artifacts.outputs.clone()),
                calldata: calldata.map(|calldata| calldata.bytes().to_vec()),
            },
            record: Record {
                schema: SCHEMA,
                finished_at: String::new(),
                request: subject.request.clone(),
                outcome: Outcome::Verified,
                model: subject.model.clone(),
                input: subject.input.clone(),
                circuit,
                forecast: None,
                phases: run.phases.clone(),
                peak_disk_bytes: (run.peak_disk_bytes > 0).then_some(run.peak_disk_bytes),
                keys,
                proof,
                numerics: None,
                function: None,
                accuracy: trained::accuracy(&subject.model.onnx_sha256, &subject.request),
                verifier: None,
                deployment: None,
                registration: None,
                verification: None,
                tx_gas_samples: Vec::new(),
                other_forks: Vec::new(),
                controls: None,
                guard: None,
                lowering: subject.committed.as_ref().map(|committed| {
                    let key = artifacts.map(|artifacts| &artifacts.verifying_key[..]);
                    let made = run.settings.as_ref().zip(key);
                    derived::lowering(&committed.circuit, made, run.counted_cells)
                }),
                committed: artifacts.and_then(|artifacts| artifacts.committed),
                committed_guard: None,
                set: None,
                batch: None,
                ledger: None,
                study: None,
                notes: subject.notes.clone(),
                environment: environment.clone(),
                others: None,
                renewal: None,
                evidence: Vec::new(),
                sha256: None,
            },
        }
    }

    /// Sets the outcome unless something was wrong before; an accepted false statement outweighs everything, and everything else
    /// a lack of precision.
    fn worsen(&mut self, outcome: Outcome) {
        let is_mild = matches!(self.record.outcome, Outcome::Verified | Outcome::Imprecise { .. });
        let is_first = self.record.outcome == Outcome::Verified;
        let is_imprecise = matches!(outcome, Outcome::Imprecise { .. });
        if is_first || (is_mild && !is_imprecise) || matches!(outcome, Outcome::Unsound { .. }) {
            self.record.outcome = outcome;
        }
    }

    /// What was found to judge by. A model that has no outputs in floats is a finding, and a machine in the way an outcome; whatever
    /// else stands in the way ends the run.
    fn judged<T>(&mut self, result: Result<T, JudgeError>) -> Result<Option<T>, BenchError> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(JudgeError::Interrupted) => Err(BenchError::Interrupted),
            Err(error) if error.is_of_the_model() => {
                self.fail("judge", error.to_string());
                Ok(None)
            }
            Err(error) => match error.trouble() {
                Some(trouble) => {
                    self.worsen(environment("judge", trouble));
                    Ok(None)
                }
                None => Err(error.into()),
            },
        }
    }

    /// Why there is no bytecode: solc refuses the source, or the machine did not let it work.
    fn compiler(&mut self, error: &SolidityError) {
        let message = error.to_string();
        let trouble = match error {
            SolidityError::Run { .. } => Trouble::in_text(&message),
            _ => None,
        };
        match trouble {
            Some(trouble) => self.worsen(environment("compile", trouble)),
            None => self.fail("compile", message),
        }
    }

    /// How the circuit stands to the model's function.
    fn function(&mut self, check: FunctionCheck) {
        if let Some(outcome) = check.finding() {
            self.worsen(outcome);
        }
        self.record.notes.extend(check.caution());
        self.record.function = Some(check);
    }

    /// What the outputs are worth. Without an exact reference and without a judge nobody has said that they are the model's.
    fn numerics(&mut self, numerics: Numerics) {
        if let Some(outcome) = numerics.finding() {
            self.worsen(outcome);
        }
        if let Some(outcome) = numerics::unjudged(&numerics.integer, self.record.function.as_ref()) {
            self.worsen(outcome);
        }
        self.record.numerics = Some(numerics);
    }

    fn fail(&mut self, step: &str, message: String) {
        self.worsen(Outcome::Failed {
            step: step.to_owned(),
            message,
        });
    }

    fn verifier(&mut self, compiled: &CompiledContract) {
        self.record.verifier = Some(derived::verifier(compiled));
        self.evidence.creation_code = Some(compiled.creation_code.to_vec());
        self.evidence.runtime_code = Some(compiled.runtime_code.to_vec());
    }

    fn on_chain(&mut self, on_chain: OnChain) {
        if let Some(outcome) = on_chain.finding() {
            self.worsen(outcome);
        }
        on_chain.write_to(&mut self.record);
    }

    /// Sets the study's figures beside ours and, for its own circuit, says where they differ.
    fn compare_with_study(&mut self) {
        let request = &self.record.request;
        let Some(study) = derived::study(request) else {
            return;
        };
        if request.plan.kind() == CircuitKind::Study {
            let pairs = [
                (
                    "circuit rows",
                    self.record.circuit.as_ref().map(|circuit| circuit.rows),
                    study.rows,
                ),
                (
                    "proving key bytes",
                    self.record.keys.as_ref().and_then(|keys| keys.proving_key_bytes),
                    study.proving_key_bytes,
                ),
                (
                    "verifying key bytes",
                    self.record.keys.as_ref().map(|keys| keys.verifying_key_bytes),
                    study.verifying_key_bytes,
                ),
            ];
            for (name, ours, theirs) in pairs {
                if let (Some(ours), Some(theirs)) = (ours, theirs) {
                    let relation = if ours == theirs { "equals" } else { "differs from" };
                    self.record
                        .notes
                        .push(format!("{name} {ours} {relation} the study's {theirs}"));
                }
            }
        }
        self.record.study = Some(study);
    }
}
