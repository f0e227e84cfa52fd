//! `evmbench prove-and-verify`: all of a run, or a step of a job for many machines: prepare, one task, finish.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::CliError;
use super::numbers::at_least_one;
use super::output::say;
use super::planner::Planner;
use super::prove_and_verify::{self, Item};
use super::session::{self, Session};
use super::{Finding, setup};
use crate::cluster::{TaskList, quoted};
use crate::prover::{EZKL_VERSION, Failure, SrsStore};
use crate::record::{Outcome, Record, Request};
use crate::rederive::Given;
use crate::store::{self, Store};
use crate::subject::Subject;

/// Prove one inference of each model, verify the proof in an EVM, and record what it costs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  evmbench prove-and-verify --suite smoke\n  evmbench prove-and-verify relu dense --scale 7,10\n  evmbench prove-and-verify --onnx model.onnx --input input.json"
)]
#[group(skip)]
pub(super) struct Arguments {
    #[command(flatten)]
    run: prove_and_verify::Arguments,
    /// The folder of a job, as `plan --export` wrote it with the same arguments
    #[arg(long, value_name = "DIR", help_heading = "Many machines")]
    job: Option<PathBuf>,
    /// Install the tools, and make one reference string for each 2^k of the job; prove nothing
    #[arg(
        long,
        requires = "job",
        conflicts_with_all = ["task", "finish", "dry_run"],
        help_heading = "Many machines"
    )]
    prepare: bool,
    /// Make the record of one task of the job, unless it is there; the exit status is 75 where another try may come to something
    #[arg(
        long,
        value_name = "K",
        requires = "job",
        value_parser = at_least_one,
        conflicts_with_all = ["finish", "dry_run"],
        help_heading = "Many machines"
    )]
    task: Option<usize>,
    /// Say which records are there and which are missing, and join the parts of models; prove nothing
    #[arg(long, conflicts_with = "dry_run", help_heading = "Many machines")]
    finish: bool,
    /// Folders of records that machines made by themselves: what --out lacks is taken from them
    #[arg(long, value_name = "DIR", requires = "finish", help_heading = "Many machines")]
    from: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    match (arguments.task, &arguments.job) {
        (Some(number), Some(job)) => {
            task(&arguments.run, job, number).map_err(|error| CliError::OfTask(Box::new(error)))
        }
        (None, Some(job)) if arguments.prepare => prepare(&arguments.run, job),
        _ if arguments.finish => finish(arguments),
        _ if arguments.job.is_some() => Err(CliError::Usage(
            "--job goes with --prepare, --task K or --finish; without them, everything is done here",
        )),
        _ => prove_and_verify::run(&arguments.run),
    }
}

/// Options that belong to one step of a job, and no other: flags, and those with a value.
const OWN_FLAGS: [&str; 7] = [
    "--calibrate",
    "--dry-run",
    "--finish",
    "--json",
    "--prepare",
    "--resume",
    "--shared-nodes",
];
const OWN_VALUES: [&str; 7] = [
    "--claim",
    "--export",
    "--from",
    "--image",
    "--job",
    "--task",
    "--timings",
];

/// This process's arguments after the command, less those that belong to one step: what a run is about and how it is made.
pub(super) fn forwarded() -> Result<Vec<String>, CliError> {
    forwarded_of(std::env::args_os().skip(2))
}

fn forwarded_of(arguments: impl Iterator<Item = OsString>) -> Result<Vec<String>, CliError> {
    let mut kept = Vec::new();
    let mut arguments = arguments.map(|argument| {
        argument
            .into_string()
            .map_err(|argument| CliError::NotUnicode(argument.to_string_lossy().into_owned()))
    });
    while let Some(argument) = arguments.next() {
        let argument = argument?;
        let name = argument.split_once('=').map_or(&*argument, |(name, _)| name);
        if OWN_VALUES.contains(&name) {
            if name == argument {
                arguments.next();
            }
        } else if argument == "--" {
            kept.push(argument);
            kept.extend(arguments.by_ref().collect::<Result<Vec<_>, _>>()?);
        } else if !OWN_FLAGS.contains(&name) {
            kept.push(argument);
        }
    }
    Ok(kept)
}

/// The subject of a task; none where there are fewer tasks.
fn subject_of(
    number: usize,
    items: &[Item],
    arguments: &prove_and_verify::Arguments,
) -> Result<Option<Subject>, CliError> {
    let image = arguments.image(items)?;
    let material = arguments.material(image.as_ref());
    let budget = arguments.budget_anywhere();
    let Some(mut index) = number.checked_sub(1) else {
        return Ok(None);
    };
    for item in items {
        // Only where a budget was asked for, the parts are not known before the circuit is.
        let part = item.request().part.as_ref();
        let parts = part.map_or(1, |part| part.split.parts());
        if budget.is_none() && index >= parts {
            index -= parts;
            continue;
        }
        let mut subjects = item.subjects(material, budget)?;
        if index < subjects.len() {
            return Ok(Some(subjects.swap_remove(index)));
        }
        index -= subjects.len();
    }
    Ok(None)
}

fn prepare(arguments: &prove_and_verify::Arguments, job: &Path) -> Result<Finding, CliError> {
    let list: TaskList = store::read_json(&TaskList::path(job))?;
    let session = Session::open(&arguments.session, arguments.session.srs()?)?;
    let mut sizes: Vec<u32> = list.tasks.iter().filter_map(|task| task.logrows).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let folder = TaskList::strings(job);
    let planner = &session.planner;
    for logrows in sizes {
        planner
            .progress
            .label(format!("reference string of 2^{logrows} points"));
        let prepared = planner
            .prover()?
            .prepare_string(logrows, &folder, &planner.progress)?;
        match prepared {
            Ok(identity) => say!("2^{logrows}: reference string {}", identity.sha256)?,
            Err(Failure::Interrupted { .. }) => break,
            Err(failure) => return Err(CliError::NotPrepared { logrows, failure }),
        }
    }
    session.close()?;
    Ok(Finding::Good)
}

fn task(arguments: &prove_and_verify::Arguments, job: &Path, number: usize) -> Result<Finding, CliError> {
    let list: TaskList = store::read_json(&TaskList::path(job))?;
    let items = prove_and_verify::items(arguments)?;
    let count = list.tasks.len();
    let subject = subject_of(number, &items, arguments)?.ok_or(CliError::NoTask { number, count })?;
    let (found, expected) = (subject.request.name(), list.tasks.get(number - 1));
    if expected.is_none_or(|task| task.name != found) {
        return Err(CliError::OtherTask {
            number,
            expected: expected.map_or_else(|| "none".to_owned(), |task| task.name.clone()),
            found,
        });
    }
    let srs = match arguments.session.srs()? {
        Some(file) => file,
        None => SrsStore::Prepared(TaskList::strings(job)),
    };
    let mut session = Session::open(&arguments.session, Some(srs))?.resuming();
    let record = session.record(&format!("[{number}/{count}]"), &subject);
    let closed = session.close();
    let Some(record) = record? else {
        // What the user stops has a status of its own.
        return Ok(Finding::Again);
    };
    closed?;
    if arguments.json {
        say!(
            "{}",
            serde_json::to_string(&record).expect("a record is plain data")
        )?;
    } else {
        prove_and_verify::tell(std::slice::from_ref(&record), arguments)?;
    }
    Ok(match record.outcome {
        Outcome::Verified => Finding::Good,
        Outcome::Environment { .. } => Finding::Again,
        _ => Finding::Bad,
    })
}

/// How a task of a run stands.
enum Standing {
    /// Its record is there, of this experiment.
    There(Box<Record>),
    /// There is no record.
    Missing,
    /// There is one that does not count, for this reason.
    Unusable(String),
}

/// What `--finish --json` prints of a task.
#[derive(Serialize)]
struct Finished<'a> {
    task: usize,
    name: &'a str,
    record: &'a Path,
    outcome: Option<&'a Outcome>,
    /// Why there is no outcome.
    reason: Option<&'a str>,
    /// What makes the record, where another run may say something else.
    command: Option<String>,
}

/// A task with its standing.
struct Listed {
    number: usize,
    name: String,
    path: PathBuf,
    standing: Standing,
}

impl Listed {
    fn outcome(&self) -> Option<&Outcome> {
        match &self.standing {
            Standing::There(record) => Some(&record.outcome),
            Standing::Missing | Standing::Unusable(_) => None,
        }
    }

    fn is_verified(&self) -> bool {
        self.outcome() == Some(&Outcome::Verified)
    }

    /// Whether another run in the same class may say something else.
    fn is_open(&self) -> bool {
        match self.outcome() {
            None | Some(Outcome::Failed { .. } | Outcome::Environment { .. }) => true,
            Some(_) => false,
        }
    }

    /// Whether it needs more memory than it was given.
    fn wants_memory(&self) -> bool {
        matches!(
            self.outcome(),
            Some(Outcome::OutOfMemory { .. } | Outcome::NotAttempted { .. })
        )
    }

    fn words(&self) -> String {
        match &self.standing {
            Standing::There(record) => record.outcome.to_string(),
            Standing::Missing => "no record".to_owned(),
            Standing::Unusable(reason) => reason.clone(),
        }
    }

    /// What makes its record.
    fn command(&self, job: Option<&Path>, arguments: &str) -> Option<String> {
        let job = quoted(&job?.to_string_lossy());
        self.is_open().then(|| {
            let number = self.number;
            format!("evmbench prove-and-verify --job {job} --task {number} {arguments}")
        })
    }
}

fn finish(arguments: &Arguments) -> Result<Finding, CliError> {
    let run = &arguments.run;
    let store = run.session.store();
    let strings = arguments
        .job
        .as_deref()
        .map(|job| SrsStore::Prepared(TaskList::strings(job)));
    let others: Vec<Store> = arguments.from.iter().map(Store::new).collect();
    let items = prove_and_verify::items(run)?;
    let image = run.image(&items)?;
    let planner = Planner::open(&run.session, None)?;
    let mut listed = Vec::new();
    let mut refused = Vec::new();
    for item in &items {
        let mut parts: Vec<Listed> = Vec::new();
        for subject in item.subjects(run.material(image.as_ref()), run.budget_anywhere())? {
            take_over(&store, &others, &subject, strings.as_ref())?;
            parts.push(Listed {
                number: listed.len() + parts.len() + 1,
                name: subject.request.name(),
                path: store.path(&subject.request),
                standing: standing(&store, &subject.request, strings.as_ref()),
            });
        }
        refused.extend(joined(&mut parts, &store, &planner, run.given(item))?);
        listed.extend(parts);
    }
    planner.progress.clear();
    let words: Vec<String> = forwarded()?.iter().map(|word| quoted(word)).collect();
    tell(&listed, &refused, arguments, &words.join(" "))?;
    let all = listed.iter().all(Listed::is_verified) && refused.is_empty();
    Ok(if all { Finding::Good } else { Finding::Bad })
}

/// Verifies the parts of a model as one set, if all are there; what keeps them from being one is told and ends nothing.
fn joined(
    parts: &mut [Listed],
    store: &Store,
    planner: &Planner,
    given: Given<'_>,
) -> Result<Option<String>, CliError> {
    let mut records = Vec::new();
    for part in parts.iter() {
        match &part.standing {
            Standing::There(record) if part.is_verified() && record.request.part.is_some() => {
                records.push((**record).clone());
            }
            _ => return Ok(None),
        }
    }
    let solc = setup::solc(planner.home(), &planner.progress)?;
    let result = session::join(store, &solc, &mut records, given);
    let refused = match result {
        Ok(()) => None,
        Err(CliError::Parts(error)) => Some(format!("the parts are no set: {error}")),
        Err(error) => return Err(error),
    };
    for (part, record) in parts.iter_mut().zip(records) {
        part.standing = Standing::There(Box::new(record));
    }
    Ok(refused)
}

fn standing(store: &Store, request: &Request, strings: Option<&SrsStore>) -> Standing {
    let record = match store::load_whole(&store.path(request)) {
        Ok(None) => return Standing::Missing,
        Err(error) => return Standing::Unusable(error.to_string()),
        Ok(Some(record)) => record,
    };
    let reason = if record.request.experiment() != request.experiment() {
        "the record is of another experiment".to_owned()
    } else if record.environment.ezkl_version != EZKL_VERSION {
        format!("the record was made by EZKL {}", record.environment.ezkl_version)
    } else if strings.is_some_and(|strings| session::rests_elsewhere(strings, &record)) {
        "the record rests on another reference string than the job's".to_owned()
    } else {
        return Standing::There(Box::new(record));
    };
    Standing::Unusable(reason)
}

/// How much a standing is worth: nothing, a run that came to no end, a failure, a word about the model.
fn worth(standing: &Standing) -> u8 {
    match standing {
        Standing::Missing | Standing::Unusable(_) => 0,
        Standing::There(record) if record.outcome.is_of_the_model() => 3,
        Standing::There(record) if matches!(record.outcome, Outcome::Failed { .. }) => 2,
        Standing::There(_) => 1,
    }
}

/// Takes the record of a subject over from the folder that has the best one, where that is better than the one that is there.
fn take_over(
    store: &Store,
    others: &[Store],
    subject: &Subject,
    strings: Option<&SrsStore>,
) -> Result<(), CliError> {
    let request = &subject.request;
    let mut best = worth(&standing(store, request, strings));
    for other in others {
        let found = worth(&standing(other, request, strings));
        if found > best {
            store.take_over(&other.path(request))?;
            best = found;
        }
    }
    Ok(())
}

fn tell(listed: &[Listed], refused: &[String], arguments: &Arguments, words: &str) -> Result<(), CliError> {
    let job = arguments.job.as_deref();
    if arguments.run.json {
        for task in listed {
            let reason = task.outcome().is_none().then(|| task.words());
            let finished = Finished {
                task: task.number,
                name: &task.name,
                record: &task.path,
                outcome: task.outcome(),
                reason: reason.as_deref(),
                command: task.command(job, words),
            };
            say!(
                "{}",
                serde_json::to_string(&finished).expect("a task's standing is plain data")
            )?;
        }
        return Ok(());
    }
    let records: Vec<Record> = listed
        .iter()
        .filter_map(|task| match &task.standing {
            Standing::There(record) => Some((**record).clone()),
            Standing::Missing | Standing::Unusable(_) => None,
        })
        .collect();
    prove_and_verify::tell(&records, &arguments.run)?;
    let open: Vec<&Listed> = listed.iter().filter(|task| !task.is_verified()).collect();
    say!("\n{} of {} verified", listed.len() - open.len(), listed.len())?;
    for task in &open {
        say!("task {} {}: {}", task.number, task.name, task.words())?;
        if let Some(command) = task.command(job, words) {
            say!("  {command}")?;
        }
    }
    for line in refused {
        say!("{line}")?;
    }
    if let Some(job) = job.filter(|_| open.iter().any(|task| task.wants_memory())) {
        let job = quoted(&job.to_string_lossy());
        say!(
            "what needs more memory is given the next class by another export, with slurm, kubernetes or commands:\n  \
             evmbench plan --job {job} --resume --export slurm {words}"
        )?;
    } else if job.is_none() && open.iter().any(|task| task.is_open()) {
        say!("what is missing is made by:\n  evmbench prove-and-verify --resume {words}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_hands_on_what_the_run_is_about() {
        let forwarded = |arguments: &[&str]| forwarded_of(arguments.iter().map(OsString::from)).unwrap();
        assert_eq!(
            forwarded(&[
                "dense_small",
                "--export",
                "slurm",
                "--scale",
                "7,10",
                "--job=a b",
                "--resume",
                "--out=runs",
                "--json",
                "--budget=8GiB",
            ]),
            ["dense_small", "--scale", "7,10", "--out=runs", "--budget=8GiB"]
        );
        assert_eq!(forwarded(&["--", "--export", "x"]), ["--", "--export", "x"]);
        assert_eq!(
            forwarded(&["--task", "3", "relu", "--onnx=a=b"]),
            ["relu", "--onnx=a=b"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_no_script_can_hold_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let bad = OsString::from_vec(vec![b'-', 0xff]);
        assert!(matches!(
            forwarded_of([bad].into_iter()),
            Err(CliError::NotUnicode(_))
        ));
    }
}
