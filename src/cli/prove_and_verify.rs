//! `evmbench prove-and-verify`: arguments → plan → one record after another, each saved as soon as it exists.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use super::error::CliError;
use super::forks::{self, ForkName};
use super::progress::{self, Progress};
use super::table::{self, FIGURE, TEXT, Table};
use super::{Finding, format, setup};
use crate::bench::{Bench, BenchError};
use crate::chain::Fork;
use crate::home::Home;
use crate::prover::{
    CircuitCache, CircuitPlan, DEFAULT_TIMEOUT, EzklOptions, EzklProver, Observer as _, SrsStore, Visibility,
};
use crate::record::{self, DEFAULT_RUNS, DEFAULT_SEED, Environment, Outcome, Record, Request};
use crate::store::{self, Store};
use crate::subject::Subject;
use crate::suite::{self, Experiment, Suite};

/// Prove one inference of each model, verify the proof in an EVM, and record what it costs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench prove-and-verify --suite smoke\n  evmbench prove-and-verify relu dense --scale 7,10\n  evmbench prove-and-verify --onnx model.onnx --input input.json"
)]
pub(super) struct Arguments {
    /// Models by id; `evmbench list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["suite", "onnx"])]
    ids: Vec<String>,
    /// A named set of models
    #[arg(long, conflicts_with = "onnx")]
    suite: Option<Suite>,
    /// A model of your own
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
    /// Its input: .json ({"input_data": [[...]]}), .npy or .npz; drawn from the seed otherwise
    #[arg(long, value_name = "FILE", requires = "onnx")]
    input: Option<PathBuf>,
    /// Weights for one model of the suite: .safetensors or .onnx; drawn from the seed otherwise
    #[arg(long, value_name = "FILE", conflicts_with_all = ["suite", "onnx"])]
    weights: Option<PathBuf>,
    /// Bits after the binary point, several with commas [default: the suite's, else 7]
    #[arg(long, value_name = "BITS", value_delimiter = ',')]
    scale: Vec<u32>,
    /// `direct`: what an honest user would deploy; `study`: the published study's settings
    #[arg(long, value_enum, default_value = "direct")]
    circuit: Circuit,
    /// Who sees the model's input [default: public]
    #[arg(long, value_enum, value_name = "WHO")]
    input_visibility: Option<Sight>,
    /// Who sees the model's output [default: public]
    #[arg(long, value_enum, value_name = "WHO")]
    output_visibility: Option<Sight>,
    /// Who sees the weights [default: fixed, in the verifying key]
    #[arg(long, value_enum, value_name = "WHO")]
    param_visibility: Option<Sight>,
    /// Rules of the chain: the first fork's are those of the record's figures and controls; every record holds what the
    /// other forks make of the same proof, and a table shows it where more than one is named
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "FORK,…",
        default_value = "osaka"
    )]
    fork: Vec<ForkName>,
    /// Proofs to measure
    #[arg(long, value_name = "N", default_value_t = DEFAULT_RUNS, value_parser = at_least_one)]
    runs: usize,
    /// Proofs made first and not counted
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup: usize,
    /// Seed of weights and inputs
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Most memory that a worker may allocate, as in 20GiB [default: 85% of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory_limit: Option<u64>,
    /// Seconds that one phase may take
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,
    /// Threads of the prover [default: one for each core]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// A reference string of the perpetual powers of tau [default: one made on this machine, for tests]
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    /// Most space that kept keys may take, as in 20GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, default_value = "20GiB")]
    cache_limit: u64,
    /// Only experiments whose name contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Skip what a complete record already holds
    #[arg(long)]
    resume: bool,
    /// Folder of the records
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Print each record on stdout, one a line, in place of the table
    #[arg(long)]
    json: bool,
    /// Print what would be run, and run nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Circuit {
    Study,
    Direct,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sight {
    Public,
    Private,
    Fixed,
    Hashed,
    Polycommit,
}

impl From<Sight> for Visibility {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Public => Self::Public,
            Sight::Private => Self::Private,
            Sight::Fixed => Self::Fixed,
            Sight::Hashed => Self::Hashed,
            Sight::Polycommit => Self::Polycommit,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

/// A size in bytes with an optional unit: `20GiB`, `512MiB`, `1000000`.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        unit => return Err(format!("unknown unit {unit:?}; use MiB or GiB")),
    };
    let number: f64 = digits
        .trim()
        .parse()
        .map_err(|_| "not a size, as in 20GiB".to_owned())?;
    let bytes = number * factor as f64;
    if bytes >= 1.0 && bytes < u64::MAX as f64 {
        Ok(bytes as u64)
    } else {
        Err("out of range".to_owned())
    }
}

/// What to run, resolved once: everything after this asks no argument again.
struct Plan {
    items: Vec<Item>,
    store: Store,
}

/// One record to make.
struct Item {
    subject: Source,
    request: Request,
}

/// Where a subject comes from; it is put together only when its turn has come, since it can be large.
enum Source {
    Suite(Experiment),
    Onnx(Box<Subject>),
}

/// One invocation, as `<out>/logs/<time>.json` keeps it.
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

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let srs = arguments.srs.as_deref().map(SrsStore::from_file).transpose()?;
    let plan = plan(arguments, srs.as_ref())?;
    if arguments.dry_run {
        show(&plan, arguments)?;
        return Ok(Finding::Good);
    }
    progress::watch_interrupts()?;
    let home = Home::from_environment()?;
    let progress = Progress::new();
    let (toolchain, solc) = setup::tools(&home, &progress)?;
    let defaults = EzklOptions::for_home(&home);
    let options = EzklOptions {
        memory_limit_bytes: arguments.memory_limit.or(defaults.memory_limit_bytes),
        timeout: Duration::from_secs(arguments.timeout),
        threads: arguments.threads.unwrap_or(defaults.threads),
        srs: srs.unwrap_or(defaults.srs),
        cache: CircuitCache::new(home.circuits(), arguments.cache_limit),
    };
    let environment = Environment::current(solc.version(), options.threads, options.memory_limit_bytes);
    let prover = EzklProver::new(&home, toolchain, options);
    let bench = Bench {
        prover: &prover,
        solc: &solc,
        observer: &progress,
        environment: &environment,
    };

    let mut log = Log {
        started_at: record::now(),
        finished_at: String::new(),
        arguments: std::env::args().skip(1).collect(),
        environment: environment.clone(),
        runs: Vec::new(),
        interrupted: false,
        peak_disk_bytes: None,
    };
    let result = run_all(&plan, arguments, bench, &progress, &mut log);
    progress.clear();
    log.finished_at = record::now();
    log.interrupted = progress::interrupted();
    let saved = plan.store.save_log(&log.started_at, &log);
    let records = result?;
    saved?;
    if !arguments.json && !records.is_empty() {
        println!("{}", table::records(&records));
        if arguments.fork.len() > 1 {
            let named: Vec<Fork> = arguments.fork.iter().map(|&name| name.into()).collect();
            let fits = records.iter().flat_map(|record| {
                let fits = record.fits().into_iter();
                fits.map(|fit| (record.request.name(), fit))
            });
            println!(
                "\n{}",
                forks::verdicts(fits.filter(|(_, fit)| named.contains(&fit.fork())))
            );
        }
    }
    let all_verified = records.iter().all(|record| record.outcome == Outcome::Verified);
    Ok(if all_verified { Finding::Good } else { Finding::Bad })
}

fn plan(arguments: &Arguments, srs: Option<&SrsStore>) -> Result<Plan, CliError> {
    let srs_sha256 = srs.and_then(|srs| match srs {
        SrsStore::File { identity, .. } => Some(identity.sha256.clone()),
        SrsStore::Folder(_) => None,
    });
    let request = |id: &str, suite: &str, scale: u32| -> Result<Request, CliError> {
        let plan = match arguments.circuit {
            Circuit::Study => CircuitPlan::study(scale),
            Circuit::Direct => CircuitPlan::direct(scale),
        }?
        .with_visibilities(
            arguments.input_visibility.map(Into::into),
            arguments.output_visibility.map(Into::into),
            arguments.param_visibility.map(Into::into),
        )?;
        Ok(Request {
            runs: arguments.runs,
            warmup: arguments.warmup,
            seed: arguments.seed,
            fork: arguments
                .fork
                .first()
                .map_or_else(Fork::default, |&name| name.into()),
            timeout_seconds: arguments.timeout,
            memory_limit_bytes: arguments.memory_limit,
            threads: arguments.threads,
            srs_sha256: srs_sha256.clone(),
            ..Request::new(id, suite, plan)
        })
    };
    let scales: &[u32] = if arguments.scale.is_empty() {
        &[7]
    } else {
        &arguments.scale
    };
    let mut items = Vec::new();
    if let Some(path) = &arguments.onnx {
        for &scale in scales {
            let subject = Subject::from_onnx(path, arguments.input.as_deref(), request("", "", scale)?)?;
            items.push(Item {
                request: subject.request.clone(),
                subject: Source::Onnx(Box::new(subject)),
            });
        }
    } else {
        let experiments: Vec<Experiment> = match arguments.suite {
            Some(suite) => suite.experiments(&arguments.scale).collect(),
            None => {
                let models = arguments
                    .ids
                    .iter()
                    .map(|id| suite::find(id))
                    .collect::<Result<Vec<_>, _>>()?;
                models
                    .into_iter()
                    .flat_map(|model| scales.iter().map(move |&scale| Experiment { model, scale }))
                    .collect()
            }
        };
        if arguments.weights.is_some() && arguments.ids.len() != 1 {
            return Err(CliError::Usage(
                "--weights belongs to one model: name exactly one",
            ));
        }
        for experiment in experiments {
            let Experiment { model, scale } = experiment;
            let request = request(model.id, &model.category.to_string(), scale)?;
            items.push(Item {
                request,
                subject: Source::Suite(experiment),
            });
        }
    }
    if let Some(text) = &arguments.filter {
        items.retain(|item| item.request.name().contains(text.as_str()));
        if items.is_empty() {
            return Err(CliError::NothingToRun("no experiment's name contains the filter"));
        }
    }
    if items.is_empty() {
        return Err(CliError::NothingToRun("no model, suite or ONNX file was named"));
    }
    Ok(Plan {
        items,
        store: Store::new(&arguments.out),
    })
}

impl Item {
    fn subject(&self, weights: Option<&Path>) -> Result<Subject, CliError> {
        match &self.subject {
            Source::Suite(experiment) => Ok(Subject::from_suite(*experiment, self.request.clone(), weights)?),
            Source::Onnx(subject) => Ok((**subject).clone()),
        }
    }
}

/// The record of an earlier run that answers this request, if a complete one is there.
fn finished(store: &Store, request: &Request, environment: Option<&Environment>) -> Option<Record> {
    let record = store::load(&store.path(request)).ok()?;
    let same_prover =
        environment.is_none_or(|environment| record.environment.ezkl_version == environment.ezkl_version);
    (record.request == *request && record.outcome.is_conclusive() && same_prover).then_some(record)
}

fn show(plan: &Plan, arguments: &Arguments) -> Result<(), CliError> {
    let mut table = Table::new([
        ("experiment", TEXT),
        ("suite", TEXT),
        ("circuit", TEXT),
        ("scale", FIGURE),
        ("input", TEXT),
        ("output", TEXT),
        ("weights", TEXT),
        ("proofs", FIGURE),
        ("record", TEXT),
    ]);
    for item in &plan.items {
        let subject = item.subject(arguments.weights.as_deref())?;
        let Request {
            suite,
            plan: circuit,
            runs,
            warmup,
            ..
        } = &subject.request;
        let done = arguments.resume && finished(&plan.store, &subject.request, None).is_some();
        table.row([
            subject.request.id.clone(),
            suite.clone(),
            circuit.kind.to_string(),
            circuit.scale.to_string(),
            circuit.input_visibility.to_string(),
            circuit.output_visibility.to_string(),
            circuit.param_visibility.to_string(),
            (runs + warmup).to_string(),
            format!(
                "{}{}",
                plan.store.path(&subject.request).display(),
                if done { " (there already: skipped)" } else { "" }
            ),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn run_all(
    plan: &Plan,
    arguments: &Arguments,
    bench: Bench<'_>,
    progress: &Progress,
    log: &mut Log,
) -> Result<Vec<Record>, CliError> {
    let mut records = Vec::new();
    for (index, item) in plan.items.iter().enumerate() {
        if progress.interrupted() {
            break;
        }
        let subject = item.subject(arguments.weights.as_deref())?;
        let name = subject.request.name();
        progress.label(format!("[{}/{}] {name}", index + 1, plan.items.len()));
        let start = Instant::now();
        let earlier = arguments
            .resume
            .then(|| finished(&plan.store, &subject.request, Some(bench.environment)))
            .flatten();
        let skipped = earlier.is_some();
        let record = match earlier {
            Some(record) => record,
            None => match bench.measure(&subject) {
                Ok((mut record, evidence)) => {
                    plan.store.save(&mut record, &evidence)?;
                    record
                }
                Err(BenchError::Interrupted) => break,
                Err(error) => return Err(error.into()),
            },
        };
        let seconds = start.elapsed().as_secs_f64();
        log.runs.push(LogEntry {
            name: name.clone(),
            outcome: Some(record.outcome.clone()),
            seconds,
            ezkl_seconds: if skipped {
                0.0
            } else {
                record.measured_call_seconds()
            },
            skipped,
        });
        log.peak_disk_bytes = log
            .peak_disk_bytes
            .max(record.peak_disk_bytes.filter(|_| !skipped));
        let how = if skipped {
            "there already".to_owned()
        } else {
            format::seconds(seconds)
        };
        progress.line(&format!(
            "[{}/{}] {name}: {} ({how})",
            index + 1,
            plan.items.len(),
            record.outcome
        ));
        if arguments.json {
            println!(
                "{}",
                serde_json::to_string(&record).expect("a record is plain data")
            );
        }
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prover::DEFAULT_CACHE_LIMIT_BYTES;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("20GiB"), Ok(20 << 30));
        assert_eq!(parse_bytes("1.5MiB"), Ok(3 << 19));
        assert_eq!(parse_bytes("1000"), Ok(1000));
        for bad in ["", "GiB", "20GB", "-1", "0", "1e30TiB"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_cache_limit_shown_is_the_default() {
        assert_eq!(parse_bytes("20GiB"), Ok(DEFAULT_CACHE_LIMIT_BYTES));
    }
}
