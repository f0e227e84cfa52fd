//! The prover that runs EZKL: the phases in order, each in a worker of its own, keys taken from the cache where possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alloy_primitives::{B256, U256, keccak256};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use evmbench_committed::InputAssurance;
use evmbench_host::digests::{Digested, Digests};
use evmbench_host::files;
use evmbench_host::home::Home;
use evmbench_host::memory::default_memory_limit_bytes;
use evmbench_host::process::{WorkFolder, remove_abandoned};
use evmbench_host::trouble::Trouble;

use super::arguments::{calibrate_args, run_args, run_args_as_calibrated, run_args_in};
use super::circuits::{CircuitFiles, Entry, Found, Provenance, circuit_digest, folder_bytes};
use super::committed;
use super::evidence::WitnessFile;
use super::srs::{HeldString, string_bytes, write_stand_in, write_test_string};
use super::worker::{COMPILER_SEARCH, Request, Returned, Workers};
use super::{
    Artifacts, CircuitCache, CircuitSettings, CommitmentLayout, Commitments as _, Committed, CommittedInputs,
    CommittedTensor, ContractForm, DEFAULT_CACHE_LIMIT_BYTES, DEFAULT_TIMEOUT, Failure, Job, JobCircuit,
    Observer, Phase, PhaseMeasurement, PhaseSource, Point, ProofFile, Prover, ProverError, ProverRun,
    Reproduced, ReproducedModel, SrsIdentity, SrsStore, Toolchain, VerifierKind, Visibility, column_count,
    committed_of, complete, count_columns, lookups, point_bytes, read_key_artifact,
};

/// A proving key's size for each of its 2^k rows, at the fewest columns that a circuit of two inner columns has: 12 fixed
/// and 8 in the permutation, with an extension factor of 4. A key holds 32·2^k·(3E + (F + P)(2 + E)) bytes.
const LEAST_KEY_BYTES_PER_ROW: u64 = 32 * (3 * 4 + (12 + 8) * (2 + 4));

/// The step in which evmbench itself makes files and starts workers, in the words of a record.
const STEP_OF_FILES: &str = "work on the cache folder";

/// How workers are run and where keys are kept.
#[derive(Debug, Clone)]
pub struct EzklOptions {
    /// Cap on each worker's data segment, in bytes; `None` sets none.
    pub memory_limit_bytes: Option<u64>,
    /// Wall time that one phase may take.
    pub timeout: Duration,
    /// Threads of EZKL's thread pool.
    pub threads: usize,
    /// Where reference strings come from.
    pub srs: SrsStore,
    /// Where compiled circuits and keys are kept.
    pub cache: CircuitCache,
}

impl EzklOptions {
    /// Default memory cap, two hours a phase, a thread for each core, test reference strings and keys below `home`.
    pub fn for_home(home: &Home) -> Self {
        Self {
            memory_limit_bytes: default_memory_limit_bytes(),
            timeout: DEFAULT_TIMEOUT,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            srs: SrsStore::Folder(home.srs()),
            cache: CircuitCache::new(home.circuits(), DEFAULT_CACHE_LIMIT_BYTES),
        }
    }
}

/// Runs EZKL's wheel in worker processes.
#[derive(Debug, Clone)]
pub struct EzklProver {
    work: PathBuf,
    digests: Digests,
    workers: Workers,
    srs: SrsStore,
    cache: CircuitCache,
}

impl EzklProver {
    /// A prover that works below `home` with an installed toolchain. What runs that were killed left there is removed.
    pub fn new(home: &Home, toolchain: Toolchain, options: EzklOptions) -> Self {
        let EzklOptions {
            memory_limit_bytes,
            timeout,
            threads,
            srs,
            cache,
        } = options;
        remove_abandoned(&home.work());
        Self {
            work: home.work(),
            digests: Digests::below(home.root()),
            workers: Workers {
                toolchain,
                memory_limit_bytes,
                timeout,
                threads,
            },
            srs,
            cache,
        }
    }
}

impl EzklProver {
    /// The settings that a job of a model is proved with, without compiling or proving anything.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a phase's failure is in the inner result.
    pub fn calibrated_settings(
        &self,
        job: &Job,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<CircuitSettings, Failure>, ProverError> {
        self.settings_of(job, observer, |run, files| {
            let input = run.input()?;
            run.settle(files, &input)
        })
    }

    /// The settings of a job's model under run arguments that an earlier calibration resolved to, by EZKL's names.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a phase's failure is in the inner result.
    pub fn settings_under(
        &self,
        job: &Job,
        run_args: &Value,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<CircuitSettings, Failure>, ProverError> {
        self.settings_of(job, observer, |run, files| run.lay_out(files, run_args))
    }

    fn settings_of(
        &self,
        job: &Job,
        observer: &dyn Observer<CircuitSettings>,
        make: impl FnOnce(&mut Run<'_>, &CircuitFiles) -> Result<(), Stop>,
    ) -> Result<Result<CircuitSettings, Failure>, ProverError> {
        let mut run = Run::start(self, job, observer)?;
        let settings = run.new_files().and_then(|files| {
            make(&mut run, &files)?;
            run.read_settings(&files)?;
            Ok(parsed(
                Phase::Settings,
                &files.settings(),
                CircuitSettings::parse,
            )?)
        });
        finding(settings)
    }
}

impl EzklProver {
    /// Proves a job of a model in a circuit of 2^`logrows` rows, which is not calibrated; nothing is taken from the cache or kept
    /// there.
    ///
    /// # Errors
    /// [`Prover::prove`]'s.
    pub fn prove_in_rows(
        &self,
        job: &Job,
        logrows: u32,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<ProverRun, ProverError> {
        self.prove_anew(job, &run_args_in(job.plan, logrows), observer)
    }

    /// Proves a job's model under run arguments that are final, by EZKL's names: nothing is calibrated, no key is taken from
    /// the cache or kept there, and of the job's plan only the visibilities are looked at.
    ///
    /// # Errors
    /// [`Prover::prove`]'s.
    pub fn prove_anew(
        &self,
        job: &Job,
        run_args: &Value,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<ProverRun, ProverError> {
        self.run_to_end(Run {
            decided: Some(Decided::RunArgs(run_args)),
            ..Run::start(self, job, observer)?
        })
    }

    /// The outputs in EZKL's own witness for a job, one word for each element; keys are made or taken from the cache, and
    /// nothing is proved.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a phase's failure is in the inner result.
    pub fn witness_outputs(
        &self,
        job: &Job,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<Vec<Vec<U256>>, Failure>, ProverError> {
        let mut run = Run::start(self, job, observer)?;
        let outputs = run.input().and_then(|input| {
            let keys = run.keys(&input)?;
            let witnessed = run.witness(&keys, &input)?;
            Ok(parsed(
                Phase::Witness,
                &witnessed.path,
                ProofFile::parse_witness_outputs,
            )?)
        });
        finding(run.blamed(outputs))
    }

    /// Settings, circuit, key, verifier and commitments of a job, made anew: nothing is taken from the cache or kept there, and
    /// nothing is proved. Of a model, `settings` tell what calibration chose; the circuit is laid out under them, since the order
    /// of their lists is no other's. With the same reference string all is the same to the byte. The observer's probes are run as
    /// for a proof.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a phase's failure is in the inner result.
    pub fn reproduce(
        &self,
        job: &Job,
        settings: &Value,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<Reproduced, Failure>, ProverError> {
        let mut run = Run {
            decided: Some(Decided::Settings(settings)),
            ..Run::start(self, job, observer)?
        };
        let reproduced = run.input().and_then(|input| {
            let keys = run.keys(&input)?;
            let witnessed = run.witness(&keys, &input)?;
            let witness = parsed(Phase::Witness, &witnessed.path, WitnessFile::parse)?;
            let of_model = run.of_model(&keys.files, &witness)?;
            let (verifier_source, key_artifact) = run.verifier(&keys.files, witnessed.plain_source)?;
            Ok(Reproduced {
                srs: keys.provenance.srs,
                verifying_key: witnessed.verifying_key,
                verifier_source,
                key_artifact,
                challenge: witnessed.challenged.map(|(_, challenge)| challenge),
                outputs: witness.outputs,
                of_model,
            })
        });
        finding(run.blamed(reproduced))
    }

    /// The installed EZKL that its workers run.
    pub fn toolchain(&self) -> &Toolchain {
        &self.workers.toolchain
    }

    /// The reference string that a circuit of 2^`logrows` rows would rest on; none where it is not there yet.
    ///
    /// # Errors
    /// [`super::SrsError`].
    pub fn reference_string(&self, logrows: u32) -> Result<Option<SrsIdentity>, super::SrsError> {
        self.srs.identity(logrows)
    }

    /// Lays a job's circuit out, compiles it, and runs it on the observer's probes; no key is made.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a phase's failure, and that the observer does not accept the circuit, is in the inner result.
    pub fn try_out(
        &self,
        job: &Job,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<(), Failure>, ProverError> {
        let mut run = Run::start(self, job, observer)?;
        let tried = run.input().and_then(|input| {
            let files = run.compiled(&input)?;
            run.probe(&files)
        });
        finding(tried)
    }

    /// Puts the reference string of 2^`logrows` points into a job's folder of strings, unless it is there as it was made: the one of this
    /// prover's home, made first where there is none. A file of the user's stays where it is.
    ///
    /// # Errors
    /// [`Prover::prove`]'s; a failure of the worker, and that the user stopped it, is in the inner result.
    pub fn prepare_string(
        &self,
        logrows: u32,
        folder: &Path,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Result<SrsIdentity, Failure>, ProverError> {
        finding(self.prepared(logrows, folder, observer))
    }

    fn prepared(
        &self,
        logrows: u32,
        folder: &Path,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<SrsIdentity, Stop> {
        let interrupted = || Failure::Interrupted { phase: Phase::Srs };
        let there = SrsStore::Prepared(folder.to_owned()).hold(logrows, &self.digests, || false);
        if let Ok(Some(there)) = there {
            return Ok(there.identity);
        }
        let held = loop {
            if let Some(held) = self.srs.hold(logrows, &self.digests, || observer.interrupted())? {
                break held;
            }
            if observer.interrupted() {
                return Err(interrupted().into());
            }
            let work =
                WorkFolder::new(&self.work).map_err(ProverError::io("create a folder in", &self.work))?;
            let partial = work.path().join("partial.srs");
            self.make_string(logrows, &partial, observer)?;
        };
        if matches!(self.srs, SrsStore::File { .. }) {
            return Ok(held.identity);
        }
        let of_job = SrsStore::Folder(folder.to_owned());
        let making = of_job
            .lock_to_make(logrows, || observer.interrupted())?
            .ok_or_else(interrupted)?;
        if !making.is_done(&self.digests)? {
            making.publish(&held.digested.path)?;
        }
        let published = of_job.published(logrows)?;
        Ok(published.unwrap_or(held.identity))
    }

    /// Makes a home's test string of 2^`logrows` points by way of the file `partial`, unless another process makes it first; tells what
    /// it took.
    fn make_string(
        &self,
        logrows: u32,
        partial: &Path,
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Option<PhaseMeasurement>, Stop> {
        let phase = Phase::Srs;
        let making = self
            .srs
            .lock_to_make(logrows, || observer.interrupted())?
            .ok_or(Failure::Interrupted { phase })?;
        if making.is_done(&self.digests)? {
            return Ok(None);
        }
        if let Some(path) = making.made_before() {
            observer.noted(&format!(
                "reference string {} is not as it was made: it is made again",
                path.display()
            ));
        }
        let start = Instant::now();
        let written = write_test_string(partial, logrows, self.workers.threads, || observer.interrupted());
        if !written.map_err(ProverError::io("write", partial))? {
            return Err(Failure::Interrupted { phase }.into());
        }
        let seconds = start.elapsed().as_secs_f64();
        making.publish(partial)?;
        std::fs::remove_file(partial).map_err(ProverError::io("remove", partial))?;
        Ok(Some(PhaseMeasurement {
            phase,
            source: PhaseSource::Measured,
            call_seconds: Some(seconds),
            cpu_seconds: None,
            process_seconds: seconds,
            peak_rss_bytes: None,
            written_bytes: string_bytes(logrows),
            exit_status: None,
        }))
    }

    fn run_to_end(&self, mut run: Run<'_>) -> Result<ProverRun, ProverError> {
        let result = finding(run.artifacts())?;
        run.let_go();
        // A cache that cannot be trimmed is no reason to lose a proof.
        let _ = self.cache.evict(run.folder.path());
        let Run {
            phases,
            settings,
            counted_cells,
            reused_keys,
            peak_disk_bytes,
            ..
        } = run;
        Ok(ProverRun {
            phases,
            settings,
            counted_cells,
            reused_keys,
            peak_disk_bytes,
            result,
        })
    }
}

impl Prover for EzklProver {
    type Job = Job;
    type Settings = CircuitSettings;
    type Run = ProverRun;
    type Error = ProverError;

    fn prove(&self, job: &Job, observer: &dyn Observer<CircuitSettings>) -> Result<ProverRun, ProverError> {
        match Run::start(self, job, observer) {
            Ok(run) => self.run_to_end(run),
            Err(error) => Ok(ProverRun {
                phases: Vec::new(),
                settings: None,
                counted_cells: None,
                reused_keys: false,
                peak_disk_bytes: 0,
                result: finding(Err(error.into()))?,
            }),
        }
    }
}

/// What is to be recorded of a job, be it a finding or trouble with the machine; the rest is a mistake or a wrong argument.
fn finding<T>(result: Result<T, Stop>) -> Result<Result<T, Failure>, ProverError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Failure(failure)) => Ok(Err(failure)),
        Err(Stop::Error(error)) => match error.trouble() {
            Some(trouble) => Ok(Err(Failure::Environment {
                step: STEP_OF_FILES.to_owned(),
                trouble,
            })),
            None => Err(error),
        },
        Err(Stop::Damaged(path)) => Err(ProverError::Damaged { path }),
    }
}

/// Why a run goes no further: a finding about the job, or trouble with the machine.
enum Stop {
    Failure(Failure),
    Error(ProverError),
    /// A file of the cache is not what it was when it was checked.
    Damaged(PathBuf),
}

impl From<ProverError> for Stop {
    fn from(error: ProverError) -> Self {
        Self::Error(error)
    }
}

impl From<super::SrsError> for Stop {
    fn from(error: super::SrsError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// What of a model's settings is not left to calibration.
#[derive(Clone, Copy)]
enum Decided<'a> {
    /// The run arguments, by EZKL's names.
    RunArgs(&'a Value),
    /// The whole file.
    Settings(&'a Value),
}

/// One job under way.
struct Run<'a> {
    prover: &'a EzklProver,
    job: &'a Job,
    observer: &'a dyn Observer<CircuitSettings>,
    /// What takes the place of the plan's arguments and of calibration; the cache is then left alone.
    decided: Option<Decided<'a>>,
    digest: String,
    folder: WorkFolder,
    phases: Vec<PhaseMeasurement>,
    settings: Option<CircuitSettings>,
    /// EZKL's own settings, where those that are worked under are given.
    settings_anew: Option<Value>,
    /// Cells that EZKL counted when it laid a committed circuit out.
    counted_cells: Option<u64>,
    reused_keys: bool,
    peak_disk_bytes: u64,
    /// The reference string, which nobody replaces meanwhile.
    string: Option<HeldString>,
    /// Files that workers read and other processes can reach, as they were when they were checked.
    in_use: Vec<Digested>,
}

/// A circuit whose keys are ready.
struct Keys {
    files: CircuitFiles,
    provenance: Provenance,
    /// Of keys in the cache: nobody removes them meanwhile.
    _entry: Option<Entry>,
}

/// A witness, and what was made on the way to it.
struct Witnessed {
    path: PathBuf,
    plain_source: String,
    verifying_key: Vec<u8>,
    /// Of a committed circuit: by what its guard knows it, and the challenge of its commitments.
    challenged: Option<(Committed, U256)>,
}

/// The job's input as EZKL reads it.
struct InputFile {
    path: PathBuf,
    sha256: String,
}

impl Keys {
    fn kept(entry: Entry) -> Self {
        Self {
            files: entry.files.clone(),
            provenance: entry.made.clone(),
            _entry: Some(entry),
        }
    }
}

impl<'a> Run<'a> {
    fn start(
        prover: &'a EzklProver,
        job: &'a Job,
        observer: &'a dyn Observer<CircuitSettings>,
    ) -> Result<Self, ProverError> {
        let folder =
            WorkFolder::new(&prover.work).map_err(ProverError::io("create a folder in", &prover.work))?;
        Ok(Self {
            prover,
            job,
            observer,
            decided: None,
            digest: digest(job),
            folder,
            phases: Vec::new(),
            settings: None,
            settings_anew: None,
            counted_cells: None,
            reused_keys: false,
            peak_disk_bytes: 0,
            string: None,
            in_use: Vec::new(),
        })
    }

    fn artifacts(&mut self) -> Result<Artifacts, Stop> {
        let attempted = self.attempt();
        match self.blamed(attempted) {
            // What is damaged is made again; a second time, something keeps damaging it.
            Err(Stop::Damaged(path)) => {
                self.observer.noted(&format!(
                    "{} changed while it was used: the run begins again",
                    path.display()
                ));
                self.start_over();
                let attempted = self.attempt();
                self.blamed(attempted)
            }
            other => other,
        }
    }

    /// Lets the reference string go, and forgets the files of the cache.
    fn let_go(&mut self) {
        self.string = None;
        self.in_use.clear();
    }

    /// Forgets what was done but for the settings.
    fn start_over(&mut self) {
        self.let_go();
        self.phases.clear();
        self.counted_cells = None;
    }

    fn attempt(&mut self) -> Result<Artifacts, Stop> {
        let input = self.input()?;
        let keys = self.keys(&input)?;
        match self.proofs(&keys, &input) {
            // Keys calibrated on another input can have too narrow a range for this one: make them anew.
            Err(Stop::Failure(Failure::Failed {
                phase: Phase::Witness | Phase::Prove,
                ..
            })) if self.reused_keys
                && matches!(self.job.circuit, JobCircuit::Model { .. })
                && keys.provenance.calibration_input_sha256 != input.sha256 =>
            {
                drop(keys);
                self.start_over();
                self.remove_entry()?;
                let input = self.input()?;
                let keys = self.keys(&input)?;
                self.proofs(&keys, &input)
            }
            other => other,
        }
    }

    /// The model's input; of a committed circuit all but the challenge.
    fn input(&self) -> Result<InputFile, Stop> {
        let path = self.path("input.json");
        let text = match &self.job.circuit {
            JobCircuit::Model { inputs, .. } => json!({ "input_data": inputs }),
            JobCircuit::Committed(inputs) => json!({ "input_data": committed::tensors(inputs) }),
        }
        .to_string();
        write(&path, text.as_bytes())?;
        Ok(InputFile {
            path,
            sha256: alloy_primitives::hex::encode(Sha256::digest(text)),
        })
    }

    /// A folder for a circuit, with the model in it that EZKL makes it from, or with the circuit itself.
    fn new_files(&self) -> Result<CircuitFiles, Stop> {
        let files = CircuitFiles::at(self.path("circuit"));
        std::fs::create_dir_all(files.folder()).map_err(ProverError::io("create", files.folder()))?;
        match &self.job.circuit {
            JobCircuit::Model { onnx, .. } => write(&files.model(), onnx)?,
            JobCircuit::Committed(inputs) => {
                let compiled = &inputs.compiled;
                write(&files.circuit(), &compiled.bytes)?;
                write(&files.settings(), compiled.settings.to_string().as_bytes())?;
            }
        }
        Ok(files)
    }

    fn lay_out(&mut self, files: &CircuitFiles, run_args: &Value) -> Result<(), Stop> {
        self.call(
            Phase::Settings,
            "gen_settings",
            &json!({"model": files.model(), "output": files.settings(), "py_run_args": run_args}),
            &[&files.settings()],
        )
    }

    fn calibrate(&mut self, files: &CircuitFiles, input: &InputFile) -> Result<(), Stop> {
        self.call(
            Phase::Calibrate,
            "calibrate_settings",
            &merge(
                json!({"data": input.path, "model": files.model(), "settings": files.settings()}),
                calibrate_args(self.job.plan),
            ),
            &[&files.settings()],
        )
    }

    /// Has EZKL find the settings that a model is to be proved under: with final run arguments, or calibrated. A committed
    /// circuit has its own.
    fn settle(&mut self, files: &CircuitFiles, input: &InputFile) -> Result<(), Stop> {
        if matches!(self.job.circuit, JobCircuit::Committed(_)) {
            return Ok(());
        }
        match self.decided {
            Some(Decided::RunArgs(run_args)) => return self.lay_out(files, run_args),
            Some(Decided::Settings(settings)) => {
                let run_args = run_args_as_calibrated(self.job.plan, &settings["run_args"]);
                self.lay_out(files, &run_args)?;
                self.settings_anew = Some(parsed(Phase::Settings, &files.settings(), |text| {
                    serde_json::from_str::<Value>(text)
                })?);
                return Ok(write(&files.settings(), settings.to_string().as_bytes())?);
            }
            None => {}
        }
        self.lay_out(files, &run_args(self.job.plan))?;
        self.read_settings(files)?;
        self.calibrate(files, input)
    }

    /// Has EZKL compile a model; a committed circuit is written already.
    fn compile(&mut self, files: &CircuitFiles) -> Result<(), Stop> {
        if matches!(self.job.circuit, JobCircuit::Committed(_)) {
            return Ok(());
        }
        self.call(
            Phase::Compile,
            "compile_circuit",
            &json!({"model": files.model(), "compiled_circuit": files.circuit(), "settings_path": files.settings()}),
            &[&files.circuit()],
        )
    }

    /// Removes the circuit's entry from the cache, unless another process uses it.
    fn remove_entry(&self) -> Result<(), Stop> {
        self.prover
            .cache
            .remove(&self.digest, self.folder.path())
            .map_err(ProverError::io("remove from the cache", &self.digest))?;
        Ok(())
    }

    /// The circuit's entry in the cache. One that is not as it was made is removed, and the user told.
    fn cached(&self) -> Result<Option<Entry>, Stop> {
        if self.decided.is_some() {
            return Ok(None);
        }
        let found = self
            .prover
            .cache
            .find(&self.digest, &brought(self.job), &self.prover.digests)
            .map_err(ProverError::io("read from the cache", &self.digest))?;
        match found {
            Found::Whole(entry) => Ok(Some(*entry)),
            Found::Nothing => Ok(None),
            Found::Damaged(wrong) => {
                self.observer.noted(&format!(
                    "kept circuit {} is not as it was made ({wrong}): circuit and keys are made again",
                    &self.digest[..12]
                ));
                self.remove_entry()?;
                Ok(None)
            }
        }
    }

    /// Circuit and keys, from the cache or made now.
    fn keys(&mut self, input: &InputFile) -> Result<Keys, Stop> {
        self.reused_keys = false;
        if let Some(entry) = self.cached()? {
            if let Some(keys) = self.reused(entry, input)? {
                return Ok(keys);
            }
            self.observer.noted(&format!(
                "kept circuit {} does not go with this reference string or input: circuit and keys are made again",
                &self.digest[..12]
            ));
            self.let_go();
            self.remove_entry()?;
        }
        let files = self.compiled(input)?;
        let logrows = self.logrows();
        // A witness with commitments needs the keys; a committed circuit's integers are evmbench's own.
        let needs_keys = self.job.plan.commits() && matches!(self.job.circuit, JobCircuit::Model { .. });
        if !needs_keys {
            self.probe(&files)?;
        }
        let srs = self.reference_string(&files, logrows)?;
        self.set_up(&files, &self.prover.srs.path(logrows)?)?;
        if needs_keys {
            self.probe(&files)?;
        }
        let phases = self
            .phases
            .iter()
            .filter(|phase| phase.phase != Phase::Srs)
            .cloned()
            .collect();
        let provenance = Provenance {
            srs,
            calibration_input_sha256: input.sha256.clone(),
            phases,
            counted_cells: self.counted_cells,
        };
        if self.decided.is_some() {
            return Ok(Keys {
                files,
                provenance,
                _entry: None,
            });
        }
        let entry = self
            .prover
            .cache
            .keep(&self.digest, &files, provenance, &self.prover.digests)
            .map_err(ProverError::io("move keys into the cache from", files.folder()))?;
        self.in_use.extend(entry.digested.iter().cloned());
        Ok(Keys::kept(entry))
    }

    /// The keys of an entry, if they rest on the reference string that is there, and the circuit takes the input.
    fn reused(&mut self, entry: Entry, input: &InputFile) -> Result<Option<Keys>, Stop> {
        self.in_use.extend(entry.digested.iter().cloned());
        let logrows = self.read_settings(&entry.files)?;
        if self.hold_string(logrows)?.as_ref() != Some(&entry.made.srs) {
            return Ok(None);
        }
        match self.probe(&entry.files) {
            // As in `attempt`: the range may be too narrow for this input.
            Err(Stop::Failure(Failure::Failed { .. }))
                if entry.made.calibration_input_sha256 != input.sha256 =>
            {
                return Ok(None);
            }
            probed => probed?,
        }
        self.reused_keys = true;
        self.counted_cells = entry.made.counted_cells;
        self.phases
            .extend(entry.made.phases.iter().map(PhaseMeasurement::cached));
        Ok(Some(Keys::kept(entry)))
    }

    /// Takes the reference string for use, if there is one that is as it was made, and tells what it is.
    fn hold_string(&mut self, logrows: u32) -> Result<Option<SrsIdentity>, Stop> {
        let held = self
            .prover
            .srs
            .hold(logrows, &self.prover.digests, || self.observer.interrupted())?;
        let Some(held) = held else {
            return Ok(None);
        };
        self.in_use.push(held.digested.clone());
        let identity = held.identity.clone();
        self.string = Some(held);
        Ok(Some(identity))
    }

    /// The reference string, held for use; made first where there is none that is as it was made.
    fn reference_string(&mut self, files: &CircuitFiles, logrows: u32) -> Result<SrsIdentity, Stop> {
        let mut rehearsed = false;
        loop {
            if let Some(identity) = self.hold_string(logrows)? {
                return Ok(identity);
            }
            if !rehearsed {
                self.rehearse_setup(files, logrows)?;
                rehearsed = true;
            }
            self.make_srs(logrows)?;
        }
    }

    /// A circuit without keys, if the observer admits it.
    fn compiled(&mut self, input: &InputFile) -> Result<CircuitFiles, Stop> {
        let files = self.new_files()?;
        self.settle(&files, input)?;
        self.read_settings(&files)?;
        if let Some(settings) = &self.settings {
            let admitted = self.observer.admits(settings);
            admitted.map_err(|forecast| Failure::NotAttempted { forecast })?;
        }
        self.compile(&files)?;
        Ok(files)
    }

    /// Runs the circuit on the observer's probes and goes on only where it accepts what comes out. The probes are no part of what
    /// the run measures.
    fn probe(&mut self, files: &CircuitFiles) -> Result<(), Stop> {
        let Some(settings) = self.settings.clone() else {
            return Ok(());
        };
        let probes = self.observer.probes(&settings);
        let measured = self.phases.len();
        let outputs = probes.iter().enumerate().map(|(index, probe)| {
            match self.outputs_of(files, probe) {
                Ok(outputs) => Ok(Some(outputs)),
                // A value beyond the circuit's digits or tables: the input has no proof. The one to be proved must have.
                Err(Stop::Failure(Failure::Failed { .. })) if index > 0 => Ok(None),
                Err(stop) => Err(stop),
            }
        });
        let outputs: Result<Vec<_>, Stop> = outputs.collect();
        self.phases.truncate(measured);
        let accepted = self.observer.accepts(&settings, &outputs?);
        Ok(accepted.map_err(|reason| Failure::Declined { reason })?)
    }

    /// The outputs in EZKL's witness for one flat array for each graph input.
    fn outputs_of(&mut self, files: &CircuitFiles, input: &[Vec<f32>]) -> Result<Vec<Vec<U256>>, Stop> {
        let data = self.path("probe.json");
        write(&data, json!({ "input_data": input }).to_string().as_bytes())?;
        let witness = self.path("probe-witness.json");
        self.gen_witness(files, &data, &witness)?;
        Ok(parsed(
            Phase::Witness,
            &witness,
            ProofFile::parse_witness_outputs,
        )?)
    }

    fn gen_witness(&mut self, files: &CircuitFiles, data: &Path, witness: &Path) -> Result<(), Stop> {
        let commitment_files = if self.job.plan.commits() {
            json!({"vk_path": files.verifying_key(), "srs_path": self.prover.srs.path(self.logrows())?})
        } else {
            json!({})
        };
        self.call(
            Phase::Witness,
            "gen_witness",
            &merge(
                json!({"data": data, "model": files.circuit(), "output": witness}),
                commitment_files,
            ),
            &[witness],
        )
    }

    /// Makes keys. Where the circuit was written here, EZKL must have laid it out with as many cells and constants as were
    /// counted: the columns that the keys have follow from them.
    fn set_up(&mut self, files: &CircuitFiles, srs: &Path) -> Result<(), Stop> {
        let found = self.call_for_answer(
            Phase::Setup,
            "setup",
            &json!({
                "model": files.circuit(),
                "vk_path": files.verifying_key(),
                "pk_path": files.proving_key(),
                "srs_path": srs,
            }),
            &[&files.verifying_key(), &files.proving_key()],
        )?;
        let JobCircuit::Committed(inputs) = &self.job.circuit else {
            return Ok(());
        };
        let no_report = || Failure::Failed {
            phase: Phase::Setup,
            message: "EZKL does not tell what it laid out".to_owned(),
        };
        let found = found.layout.ok_or_else(no_report)?;
        self.counted_cells = Some(found.cells as u64);
        if found == inputs.compiled.counts {
            Ok(())
        } else {
            let expected = inputs.compiled.counts;
            Err(ProverError::Layout { found, expected }.into())
        }
    }

    /// Where the key alone is expected to outgrow the memory cap, tries set-up with a stand-in for the reference string,
    /// which takes minutes, before the string itself is made, which can take hours. Running out of memory is then what
    /// it would be with the real string; a rehearsal that fits proves nothing, and is not recorded.
    fn rehearse_setup(&mut self, files: &CircuitFiles, logrows: u32) -> Result<(), Stop> {
        // Set-up was seen to hold four thirds of the key.
        let least_bytes = (LEAST_KEY_BYTES_PER_ROW << logrows) / 3 * 4;
        if self
            .prover
            .workers
            .memory_limit_bytes
            .is_none_or(|limit| least_bytes <= limit)
        {
            return Ok(());
        }
        let stand_in = self.path("stand-in.srs");
        write_stand_in(&stand_in, logrows).map_err(ProverError::io("write", &stand_in))?;
        self.set_up(files, &stand_in)?;
        self.phases.pop();
        Ok(std::fs::remove_file(&stand_in).map_err(ProverError::io("remove", &stand_in))?)
    }

    /// Makes the reference string, unless another process does so first.
    fn make_srs(&mut self, logrows: u32) -> Result<(), Stop> {
        let partial = self.path("partial.srs");
        if let Some(measured) = self.prover.make_string(logrows, &partial, self.observer)? {
            self.phases.push(measured);
        }
        Ok(())
    }

    /// The verifier's source and EZKL's witness.
    fn witness(&mut self, keys: &Keys, input: &InputFile) -> Result<Witnessed, Stop> {
        let files = &keys.files;
        let srs = self.prover.srs.path(self.logrows())?;
        let plain_source = self.verifier_source(VerifierKind::Plain, files, &srs)?;
        let verifying_key =
            read_file(&files.verifying_key()).map_err(ProverError::io("read", files.verifying_key()))?;
        let challenged = match &self.job.circuit {
            JobCircuit::Model { .. } => None,
            JobCircuit::Committed(inputs) => {
                self.check_lookups(inputs, &verifying_key)?;
                Some(self.challenge(inputs, files, &srs, &plain_source, &verifying_key, input)?)
            }
        };
        let path = self.path("witness.json");
        self.gen_witness(files, &input.path, &path)?;
        Ok(Witnessed {
            path,
            plain_source,
            verifying_key,
            challenged,
        })
    }

    /// The Solidity verifier that was asked for, and the key artifact that a reusable one takes.
    fn verifier(
        &mut self,
        files: &CircuitFiles,
        plain_source: String,
    ) -> Result<(String, Option<Vec<B256>>), Stop> {
        let srs = self.prover.srs.path(self.logrows())?;
        Ok(match self.job.verifier {
            VerifierKind::Plain => (plain_source, None),
            VerifierKind::Reusable => (
                self.verifier_source(VerifierKind::Reusable, files, &srs)?,
                Some(self.key_artifact(files, &srs)?),
            ),
        })
    }

    /// Witness, proofs, EZKL's own verdict and the Solidity verifier.
    fn proofs(&mut self, keys: &Keys, input: &InputFile) -> Result<Artifacts, Stop> {
        let Witnessed {
            path: witness,
            plain_source,
            verifying_key,
            challenged,
        } = self.witness(keys, input)?;
        let files = &keys.files;
        let srs = self.prover.srs.path(self.logrows())?;
        let shape = count_columns(&plain_source).ok_or_else(unknown_form)?;
        let mut proofs = Vec::new();
        for index in 0..self.job.warmup + self.job.runs {
            let path = self.path(&format!("proof-{index}.json"));
            self.call(
                Phase::Prove,
                "prove",
                &json!({
                    "witness": witness, "model": files.circuit(), "pk_path": files.proving_key(),
                    "proof_path": path, "srs_path": srs,
                }),
                &[&path],
            )?;
            if index < self.job.warmup {
                if let Some(last) = self.phases.last_mut() {
                    last.source = PhaseSource::WarmUp;
                }
            } else {
                proofs.push(parsed(Phase::Prove, &path, ProofFile::parse_proof)?);
            }
        }
        let natively_verified = self.natively_verified(files, &srs)?;
        if !natively_verified {
            self.require_intact()?;
        }
        let (verifier_source, key_artifact) = self.verifier(files, plain_source)?;
        let proving_key_bytes = files.proving_key().metadata().ok().map(|metadata| metadata.len());
        Ok(Artifacts {
            outputs: parsed(Phase::Witness, &witness, ProofFile::parse_witness_outputs)?,
            proofs,
            natively_verified,
            verifier_source,
            key_artifact,
            committed: challenged.map(|(committed, _)| committed),
            verifying_key,
            proving_key_bytes,
            srs: keys.provenance.srs.clone(),
            shape,
        })
    }

    /// Commits to a committed circuit's tensors, derives the challenge, and writes it beside them into the input file.
    fn challenge(
        &mut self,
        inputs: &CommittedInputs,
        files: &CircuitFiles,
        srs: &Path,
        plain_source: &str,
        verifying_key: &[u8],
        input: &InputFile,
    ) -> Result<(Committed, U256), Stop> {
        let ContractForm::Plain(constants) = ContractForm::read(plain_source) else {
            return Err(unknown_form().into());
        };
        let empty = self.commit(&[], files, srs)?;
        let mut points = Vec::new();
        let mut counts = [0; 3];
        let tensors = [&inputs.input, &inputs.output, &inputs.claims];
        for (tensor, count) in tensors.into_iter().zip(&mut counts) {
            if tensor.is_empty() {
                continue;
            }
            let words: Vec<String> = tensor.iter().copied().map(committed::field_element).collect();
            let own = self.commit(&words, files, srs)?;
            let own = complete(own, tensor.len() as u64, inputs.compiled.frame.logrows, empty[0]);
            *count = own.len() as u64;
            points.extend(own);
        }
        let [input_points, output_points, claim_points] = counts;
        let layout = CommitmentLayout {
            input_points,
            output_points,
            claim_points,
        };
        let mut committed = committed_of(verifying_key, &constants, layout);
        if self.job.plan.input_assurance() == Some(InputAssurance::Registered) {
            committed.registered_input = Some(keccak256(point_bytes(&points[..input_points as usize])));
        }
        let challenge = committed.challenge(&points).map_err(commitment_failure)?;
        let tensors = committed::tensors_with_challenge(inputs, challenge);
        let text = json!({ "input_data": tensors }).to_string();
        write(&input.path, text.as_bytes())?;
        Ok((committed, challenge))
    }

    /// What of a model is made anew, beside key and verifier.
    fn of_model(
        &mut self,
        files: &CircuitFiles,
        witness: &WitnessFile,
    ) -> Result<Option<ReproducedModel>, Stop> {
        let Some(settings) = self.settings_anew.clone() else {
            return Ok(None);
        };
        Ok(Some(ReproducedModel {
            settings,
            instances: witness.instances(self.job.plan),
            commitments: self.commitments(files, witness)?,
        }))
    }

    /// The commitments that a proof of a model's witness holds: to its inputs first, then to its parameters, which the witness
    /// does not hold, then to its outputs.
    fn commitments(
        &mut self,
        files: &CircuitFiles,
        witness: &WitnessFile,
    ) -> Result<Vec<CommittedTensor>, Stop> {
        let plan = self.job.plan;
        if !plan.commits() {
            return Ok(Vec::new());
        }
        let committed = |visibility, tensors: &[Vec<U256>]| match visibility {
            Visibility::Polycommit => tensors.to_vec(),
            _ => Vec::new(),
        };
        let inputs = committed(plan.input_visibility(), &witness.inputs);
        let outputs = committed(plan.output_visibility(), &witness.outputs);
        let sizes = self.settings.as_ref().map(CircuitSettings::committed_elements);
        let sizes = sizes.unwrap_or_default();
        let parameters = sizes.len().saturating_sub(inputs.len() + outputs.len());
        let tensors = inputs.into_iter().map(Some);
        let tensors = tensors.chain(std::iter::repeat_n(None, parameters));
        let tensors: Vec<_> = tensors.chain(outputs.into_iter().map(Some)).collect();
        let logrows = self.logrows();
        let srs = self.prover.srs.path(logrows)?;
        let empty = self.commit(&[], files, &srs)?;
        let mut first = 0;
        let mut commitments = Vec::new();
        for (tensor, elements) in tensors.into_iter().zip(sizes) {
            if let Some(tensor) = tensor {
                let words: Vec<String> = tensor.into_iter().map(committed::text).collect();
                let points = self.commit(&words, files, &srs)?;
                let points = complete(points, elements, logrows, empty[0]);
                commitments.push(CommittedTensor { first, points });
            }
            first += column_count(elements, logrows) as usize;
        }
        Ok(commitments)
    }

    /// EZKL's own commitments to a tensor of field elements, a point for each column.
    fn commit(&mut self, message: &[String], files: &CircuitFiles, srs: &Path) -> Result<Vec<Point>, Stop> {
        let arguments = json!({
            "message": message, "vk_path": files.verifying_key(), "settings_path": files.settings(), "srs_path": srs,
        });
        let returned = self.call_for_answer(Phase::Commit, "kzg_commit", &arguments, &[])?;
        let points: Option<Vec<Point>> = returned.points.iter().map(committed::read_point).collect();
        points
            .filter(|points| !points.is_empty())
            .ok_or_else(|| commitment_failure("EZKL returned something else than points").into())
    }

    fn natively_verified(&mut self, files: &CircuitFiles, srs: &Path) -> Result<bool, Stop> {
        let proof = self.path(&format!("proof-{}.json", self.job.warmup));
        let arguments = json!({
            "proof_path": proof, "settings_path": files.settings(), "vk_path": files.verifying_key(), "srs_path": srs,
        });
        match self.call(Phase::Verify, "verify", &arguments, &[]) {
            Ok(()) => Ok(true),
            // EZKL raises for a proof that does not verify, as it does for every other trouble.
            Err(Stop::Failure(Failure::Failed { message, .. }))
                if message.contains("ConstraintSystemFailure") =>
            {
                Ok(false)
            }
            Err(stop) => Err(stop),
        }
    }

    fn verifier_source(
        &mut self,
        kind: VerifierKind,
        files: &CircuitFiles,
        srs: &Path,
    ) -> Result<String, Stop> {
        let path = self.path(&format!("{kind}.sol"));
        let arguments = json!({
            "vk_path": files.verifying_key(), "settings_path": files.settings(), "srs_path": srs,
            "sol_code_path": path, "abi_path": self.path("verifier.abi"),
            "reusable": kind == VerifierKind::Reusable,
        });
        match self.call(Phase::Render, "create_evm_verifier", &arguments, &[&path]) {
            Ok(()) => {}
            // It writes the source whole before it looks for a compiler, which is solidity's work here, not EZKL's.
            Err(Stop::Failure(Failure::Failed { message, .. }))
                if path.exists() && message.contains(COMPILER_SEARCH) => {}
            Err(stop) => return Err(stop),
        }
        Ok(files::read_text(&path).map_err(ProverError::io("read", &path))?)
    }

    fn key_artifact(&mut self, files: &CircuitFiles, srs: &Path) -> Result<Vec<B256>, Stop> {
        let path = self.path("key-artifact.bin");
        let arguments = json!({
            "vk_path": files.verifying_key(), "settings_path": files.settings(), "srs_path": srs, "vka_path": path,
        });
        self.call(Phase::KeyArtifact, "create_evm_vka", &arguments, &[&path])?;
        let bytes = read_file(&path).map_err(ProverError::io("read", &path))?;
        let failed = |error: super::KeyArtifactError| Failure::Failed {
            phase: Phase::KeyArtifact,
            message: error.to_string(),
        };
        Ok(read_key_artifact(&bytes).map_err(failed)?)
    }

    fn call(
        &mut self,
        phase: Phase,
        function: &'static str,
        arguments: &Value,
        writes: &[&Path],
    ) -> Result<(), Stop> {
        self.call_for_answer(phase, function, arguments, writes).map(drop)
    }

    /// What a call returns or reports.
    fn call_for_answer(
        &mut self,
        phase: Phase,
        function: &'static str,
        arguments: &Value,
        writes: &[&Path],
    ) -> Result<Returned, Stop> {
        self.require_unchanged()?;
        let request = Request {
            phase,
            function,
            arguments: arguments.clone(),
            writes,
            folder: self.folder.path(),
        };
        let reply = self.prover.workers.call(&request, self.observer)?;
        self.require_unchanged()?;
        self.phases.push(reply.measurement);
        self.peak_disk_bytes = self.peak_disk_bytes.max(folder_bytes(self.folder.path()));
        Ok(reply.result?)
    }

    /// Stops where a file of the cache was changed or replaced since it was checked: workers then may have read something else.
    fn require_unchanged(&mut self) -> Result<(), Stop> {
        let digests = &self.prover.digests;
        match self
            .in_use
            .iter_mut()
            .find_map(|file| (!file.is_same(digests)).then_some(&file.path))
        {
            Some(path) => Err(Stop::Damaged(path.clone())),
            None => Ok(()),
        }
    }

    /// What a run came to; where it blames the job, only after every file of the cache that it used was read again: a disk can damage
    /// a file without a trace.
    fn blamed<T>(&self, result: Result<T, Stop>) -> Result<T, Stop> {
        if let Err(Stop::Failure(
            Failure::Failed { .. } | Failure::Declined { .. } | Failure::UnsoundCircuit { .. },
        )) = result
        {
            self.require_intact()?;
        }
        result
    }

    /// Stops where a file of the cache, read whole, is not what it is taken for.
    fn require_intact(&self) -> Result<(), Stop> {
        match self
            .in_use
            .iter()
            .find(|file| !file.is_intact(&self.prover.digests))
        {
            Some(file) => Err(Stop::Damaged(file.path.clone())),
            None => Ok(()),
        }
    }

    /// Refuses a key that looks up more or less than the circuit was laid out with: a range is checked only by look-ups that
    /// are there.
    fn check_lookups(&self, inputs: &CommittedInputs, verifying_key: &[u8]) -> Result<(), Stop> {
        let Some(settings) = &self.settings else {
            return Ok(());
        };
        let found = lookups::in_key(settings, verifying_key);
        let checked = found.and_then(|found| lookups::compare(found, &inputs.lookups));
        checked.map_err(|error| {
            Failure::Failed {
                phase: Phase::Setup,
                message: error.to_string(),
            }
            .into()
        })
    }

    /// Reads the settings anew, refuses them where they are unsound, and tells k.
    fn read_settings(&mut self, files: &CircuitFiles) -> Result<u32, Stop> {
        let settings = parsed(Phase::Settings, &files.settings(), CircuitSettings::parse)?;
        let logrows = settings.logrows();
        let unsound = settings.unsound_reason();
        self.settings = Some(settings);
        match unsound {
            Some(reason) => Err(Failure::UnsoundCircuit { reason }.into()),
            None => Ok(logrows),
        }
    }

    fn logrows(&self) -> u32 {
        self.settings.as_ref().map_or(0, CircuitSettings::logrows)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The digests of the files of a circuit that the job itself brings, by name.
fn brought(job: &Job) -> BTreeMap<&'static str, String> {
    let sha256 = |bytes: &[u8]| alloy_primitives::hex::encode(Sha256::digest(bytes));
    match &job.circuit {
        JobCircuit::Model { onnx, .. } => BTreeMap::from([(CircuitFiles::MODEL, sha256(onnx))]),
        JobCircuit::Committed(inputs) => {
            let compiled = &inputs.compiled;
            BTreeMap::from([
                (CircuitFiles::CIRCUIT, sha256(&compiled.bytes)),
                (
                    CircuitFiles::SETTINGS,
                    sha256(compiled.settings.to_string().as_bytes()),
                ),
            ])
        }
    }
}

/// The digest that names a job's circuit in the cache.
fn digest(job: &Job) -> String {
    match &job.circuit {
        JobCircuit::Model { onnx, .. } => {
            circuit_digest(onnx, &[run_args(job.plan), calibrate_args(job.plan)])
        }
        JobCircuit::Committed(inputs) => circuit_digest(
            &inputs.compiled.bytes,
            std::slice::from_ref(&inputs.compiled.settings),
        ),
    }
}

fn unknown_form() -> Failure {
    Failure::Failed {
        phase: Phase::Render,
        message: "the generated verifier has an unknown form".to_owned(),
    }
}

fn commitment_failure(message: impl std::fmt::Display) -> Failure {
    Failure::Failed {
        phase: Phase::Commit,
        message: message.to_string(),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ProverError> {
    std::fs::write(path, bytes).map_err(ProverError::io("write", path))
}

/// A key or an artifact, which is no pipe or device.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    files::read(path, files::MOST_MODEL_BYTES)
}

/// Reads a file that a phase wrote; one that cannot be read as what it should be is that phase's failure.
///
/// It may have any size: a witness grows with the tensors.
fn parsed<T, E: std::fmt::Display>(
    phase: Phase,
    path: &Path,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Failure> {
    let failed = |message: String| Failure::Failed { phase, message };
    let text = files::read_text_within(path, u64::MAX).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => {
            failed(format!("{}: {error}", path.display()))
        }
        _ => Failure::Environment {
            step: phase.to_string(),
            trouble: Trouble::of(&error),
        },
    })?;
    parse(&text).map_err(|error| failed(error.to_string()))
}

/// Two JSON objects as one.
fn merge(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_may_be_larger_than_a_text_from_outside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness.json");
        let padding = " ".repeat(usize::try_from(files::MOST_TEXT_BYTES).unwrap());
        write(
            &path,
            format!("{{\"inputs\": [], \"outputs\": []{padding}}}").as_bytes(),
        )
        .unwrap();
        parsed(Phase::Witness, &path, WitnessFile::parse).expect("a witness");
        parsed(Phase::Witness, &path, ProofFile::parse_witness_outputs).expect("its outputs");
    }
}
