//! What the proving commands share: the prover's limits and tools, the folder of records, the log of the invocation.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::error::CliError;
use super::planner::Planner;
use super::session_arguments::SessionArguments;
use super::{format, progress, setup};
use crate::batch::{self, BatchesError};
use crate::bench::{Bench, BenchError};
use crate::environment;
use crate::guard::batch::BatchError;
use crate::judge::OnnxRuntime;
use crate::parts::{self, Measured, PartsError};
use crate::prover::{AnyProver, Observer as _, SrsStore};
use crate::record::{Environment, Evidence, Outcome, Record, Request};
use crate::rederive::{Given, Tools};
use crate::solidity::Solc;
use crate::store::{self, Store, StoreError};
use crate::subject::Subject;

/// One invocation, as a file of `<out>/logs` keeps it.
#[derive(Debug, Serialize)]
struct Log {
    started_at: String,
    finished_at: String,
    arguments: Vec<String>,
    environment: Environment,
    runs: Vec<LogEntry>,
    interrupted: bool,
    peak_disk_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct LogEntry {
    name: String,
    outcome: Option<Outcome>,
    seconds: f64,
    /// Seconds inside EZKL's calls, so that what evmbench adds can be told.
    ezkl_seconds: f64,
    skipped: bool,
}

/// Makes one record after another, each saved as soon as it exists.
pub(super) struct Session {
    pub(super) planner: Planner,
    solc: Solc,
    onnxruntime: OnnxRuntime,
    environment: Environment,
    store: Store,
    resume: bool,
    memory_limit_bytes: Option<u64>,
    log: Log,
}

impl Session {
    /// Installs the tools where they are missing, and begins the log.
    pub(super) fn open(arguments: &SessionArguments, srs: Option<SrsStore>) -> Result<Self, CliError> {
        let store = arguments.store();
        store.try_out()?;
        let planner = Planner::open(arguments, srs)?;
        let onnxruntime = OnnxRuntime::beside(planner.prover()?.toolchain());
        let solc = setup::solc(planner.home(), &planner.progress)?;
        let environment =
            environment::current(solc.version(), planner.threads(), planner.memory_limit_bytes());
        Ok(Self {
            planner,
            solc,
            onnxruntime,
            store,
            resume: arguments.resume,
            memory_limit_bytes: arguments.effective_memory_limit_bytes(),
            log: Log {
                started_at: environment::now(),
                finished_at: String::new(),
                arguments: logged(std::env::args_os().skip(1)),
                environment: environment.clone(),
                runs: Vec::new(),
                interrupted: false,
                peak_disk_bytes: None,
            },
            environment,
        })
    }

    /// Whatever a complete record holds is skipped from here on.
    pub(super) fn resuming(self) -> Self {
        Self { resume: true, ..self }
    }

    /// Machine and versions.
    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where the record of this request belongs.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The subject's record, made now or, with `--resume`, by an earlier run; none where the user stops it.
    /// `position` says which of how many it is.
    pub(super) fn record(&mut self, position: &str, subject: &Subject) -> Result<Option<Record>, CliError> {
        let prover = self.planner.prover()?.clone();
        self.record_by(&prover, position, subject)
    }

    /// [`Self::record`] with another prover than EZKL's.
    pub(super) fn record_by(
        &mut self,
        prover: &AnyProver,
        position: &str,
        subject: &Subject,
    ) -> Result<Option<Record>, CliError> {
        if self.planner.progress.interrupted() {
            return Ok(None);
        }
        let name = subject.request.name();
        let position_and_name = format!("{position} {name}");
        self.planner.progress.label(position_and_name.clone());
        let start = Instant::now();
        let earlier = match self.earlier(&subject.request) {
            Earlier::Final(record) => Some(*record),
            Earlier::Unusable(error) => {
                let line = format!("{position_and_name}: made again: {error}");
                self.planner.progress.line(&line);
                None
            }
            Earlier::Open => None,
        };
        let skipped = earlier.is_some();
        let record = match earlier {
            Some(record) => record,
            None => {
                let bench = Bench {
                    prover,
                    solc: &self.solc,
                    onnxruntime: Some(&self.onnxruntime),
                    observer: &self.planner.progress,
                    environment: &self.environment,
                    forecaster: &self.planner.forecaster,
                };
                self.store.try_for(&subject.request)?;
                match bench.measure(subject) {
                    Ok((mut record, evidence)) => {
                        self.keep(&position_and_name, &mut record, &evidence)?;
                        record
                    }
                    Err(BenchError::Interrupted) => return Ok(None),
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let how = if skipped {
            "there already".to_owned()
        } else {
            format::seconds(seconds)
        };
        self.planner
            .progress
            .line(&format!("{position_and_name}: {} ({how})", record.outcome));
        self.log.runs.push(LogEntry {
            name,
            outcome: Some(record.outcome.clone()),
            seconds,
            ezkl_seconds: if skipped {
                0.0
            } else {
                record.measured_call_seconds()
            },
            skipped,
        });
        self.log.peak_disk_bytes = self
            .log
            .peak_disk_bytes
            .max(record.peak_disk_bytes.filter(|_| !skipped));
        Ok(Some(record))
    }

    /// Writes a record, unless the one that is there says more; with `--resume` also one that came to be meanwhile and says as much: a
    /// machine that was lost for a time may have had the same task.
    fn keep(&self, label: &str, record: &mut Record, evidence: &Evidence) -> Result<(), CliError> {
        let stays = |there: &Record| {
            let line = format!(
                "{label}: the record of {} stays: {}",
                there.finished_at, there.outcome
            );
            self.planner.progress.line(&line);
        };
        if let Earlier::Final(first) = self.earlier(&record.request)
            && first.outcome.is_of_the_model()
        {
            stays(&first);
            *record = *first;
        } else if let Some(better) = better(&self.store, record) {
            stays(&better);
        } else {
            self.store.save(record, evidence)?;
        }
        Ok(())
    }

    /// Where these records are of proofs of one circuit, and all were verified: verifies them in one transaction, which goes into
    /// the last one's record, and so does a batch that its contract does not take.
    pub(super) fn join_batch(&self, records: &mut [Record], given: Given<'_>) -> Result<(), CliError> {
        if records.iter().any(|record| record.outcome != Outcome::Verified) {
            return Ok(());
        }
        let paths: Vec<PathBuf> = records
            .iter()
            .map(|record| self.store.path(&record.request))
            .collect();
        let (Some(last), Some(path)) = (records.last_mut(), paths.last()) else {
            return Ok(());
        };
        let failed = |message: String| Outcome::Failed {
            step: "batch".to_owned(),
            message,
        };
        match batch::measure(&paths, given, &Tools::new(self.solc.clone())) {
            Ok(batch) => {
                if let Some(wrong) = batch.measurement.failed() {
                    last.outcome = failed(wrong.sentence());
                }
                last.batch = Some(batch);
            }
            // A circuit without an opening is proved all the same.
            Err(BatchesError::Batch(error @ BatchError::Opening(_))) => {
                last.notes.push(format!("no batch: {error}"));
            }
            Err(BatchesError::Batch(error)) => last.outcome = failed(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        Store::replace(path, last)?;
        Ok(())
    }

    /// What an earlier run has left of this request, where that counts.
    fn earlier(&self, request: &Request) -> Earlier {
        if !self.resume {
            return Earlier::Open;
        }
        finished(
            &self.store,
            request,
            Some(&self.environment),
            Some(self.planner.strings()),
            self.memory_limit_bytes,
        )
    }

    /// [`join`] with this session's tools.
    pub(super) fn join(&self, records: &mut [Record], given: Given<'_>) -> Result<(), CliError> {
        join(&self.store, &self.solc, records, given)
    }

    /// Ends the display and writes the log.
    pub(super) fn close(mut self) -> Result<(), CliError> {
        self.planner.progress.clear();
        self.log.finished_at = environment::now();
        self.log.interrupted = progress::interrupted();
        self.store.save_log(&self.log.started_at, &self.log)?;
        Ok(())
    }
}

/// Arguments as a log keeps them, which need not be texts.
fn logged(arguments: impl Iterator<Item = OsString>) -> Vec<String> {
    arguments
        .map(|argument| without_folders(&argument.to_string_lossy()))
        .collect()
}

/// Where these records are of a model's parts, and all were verified: verifies them as one set, which goes into the last
/// one's record, and so does a set that its contract does not take.
pub(super) fn join(
    store: &Store,
    solc: &Solc,
    records: &mut [Record],
    given: Given<'_>,
) -> Result<(), CliError> {
    let verified = |record: &Record| record.outcome == Outcome::Verified && record.request.part.is_some();
    if !records.iter().all(verified) {
        return Ok(());
    }
    let paths: Vec<PathBuf> = records.iter().map(|record| store.path(&record.request)).collect();
    let (Some(last), Some(path)) = (records.last_mut(), paths.last()) else {
        return Ok(());
    };
    let failed = |message: String| Outcome::Failed {
        step: "linked set".to_owned(),
        message,
    };
    match parts::measure(&paths, given, &Tools::new(solc.clone())) {
        Ok(Measured { set, .. }) => {
            if let Some(wrong) = set.measurement.failed() {
                last.outcome = failed(wrong.sentence());
            }
            last.set = Some(set);
        }
        Err(PartsError::Guard(error)) => last.outcome = failed(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Store::replace(path, last)?;
    Ok(())
}

/// An argument as a log keeps it: of an absolute path only the last part, since a log may be published.
fn without_folders(argument: &str) -> String {
    let (option, value) = match argument.split_once('=') {
        Some((option, value)) => (format!("{option}="), value),
        None => (String::new(), argument),
    };
    let path = Path::new(value);
    match path.file_name().filter(|_| path.is_absolute()) {
        Some(name) => format!("{option}…/{}", name.to_string_lossy()),
        None => argument.to_owned(),
    }
}

/// What an earlier run has left of an experiment.
pub(super) enum Earlier {
    /// A record that a run with the same request would add nothing to.
    Final(Box<Record>),
    /// No record, or one that leaves something open.
    Open,
    /// A record that is damaged, or its evidence.
    Unusable(StoreError),
}

/// The record of an earlier run that answers this request, if a complete one is there whose evidence is whole; of a part, one that
/// rests on the string of `strings`, where they were prepared. A worker of today's run could have `memory_limit_bytes`.
pub(super) fn finished(
    store: &Store,
    request: &Request,
    environment: Option<&Environment>,
    strings: Option<&SrsStore>,
    memory_limit_bytes: Option<u64>,
) -> Earlier {
    let path = store.path(request);
    let record = match store::load_whole(&path) {
        Ok(Some(record)) => record,
        Ok(None) => return Earlier::Open,
        Err(error) => return Earlier::Unusable(error),
    };
    let same_prover =
        environment.is_none_or(|environment| record.environment.ezkl_version == environment.ezkl_version);
    let answers = record.request.experiment() == request.experiment() && same_prover;
    let elsewhere = strings.is_some_and(|strings| rests_elsewhere(strings, &record));
    if answers
        && !elsewhere
        && record
            .outcome
            .is_final_for(memory_limit_bytes, request.timeout_seconds)
    {
        Earlier::Final(Box::new(record))
    } else {
        Earlier::Open
    }
}

/// Whether a record is of a part, and rests on another string than was prepared for all parts: such proofs do not go together.
pub(super) fn rests_elsewhere(strings: &SrsStore, record: &Record) -> bool {
    let (SrsStore::Prepared(_), Some(_), Some(keys)) = (strings, &record.request.part, &record.keys) else {
        return false;
    };
    let published = strings.published(keys.srs.logrows).ok().flatten();
    published.is_some_and(|published| published != keys.srs)
}

/// The record of the same experiment that knows something about the model, where this one knows nothing. Files that are missing of
/// its evidence may be found again; with the record everything would be gone.
fn better(store: &Store, record: &Record) -> Option<Record> {
    if record.outcome.is_of_the_model() {
        return None;
    }
    let earlier = store::load_sealed(&store.path(&record.request)).ok().flatten()?;
    let same = earlier.request.experiment() == record.request.experiment();
    (same && earlier.outcome.is_of_the_model()).then_some(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_no_folders() {
        let root = if cfg!(windows) { "C:/" } else { "/" };
        assert_eq!(without_folders(&format!("{root}home/me/cifar")), "…/cifar");
        assert_eq!(
            without_folders(&format!("--data={root}home/me/cifar")),
            "--data=…/cifar"
        );
        for kept in ["relu", "--scale=7", "results/core", "--out"] {
            assert_eq!(without_folders(kept), kept);
        }
    }

    #[test]
    fn a_log_keeps_arguments_that_are_no_texts() {
        use std::os::unix::ffi::OsStringExt as _;
        let arguments = [b"--out".to_vec(), b"/runs/o\xff".to_vec()].map(OsString::from_vec);
        assert_eq!(logged(arguments.into_iter()), ["--out", "…/o\u{fffd}"]);
    }
}
