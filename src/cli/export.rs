//! `evmbench plan --export`: the records that a run would make, as a job for the scheduler that the user has. Nothing is submitted.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::error::CliError;
use super::output::{fitted, note, say};
use super::planned::Planned;
use super::session::{Earlier, finished};
use super::{format, prove_and_verify, tasks};
use crate::cluster::makespan::{self, Replay};
use crate::cluster::{Cluster, Job, MemoryClass, Scheduler, State, Task, TaskList, quoted};
use crate::forecast::Forecast;
use crate::home::{HOME_VARIABLE, SHARED_VARIABLE};
use crate::memory::own_peak_rss_bytes;
use crate::prover::SrsStore;
use crate::record::{Outcome, Request};
use crate::report::plots;
use crate::report::table::{Column, Table};
use crate::store::{self, Store};

/// Seconds that a task is given beside twice its forecast: for everything that is not EZKL's.
const BESIDE_SECONDS: f64 = 180.0;

/// Seconds that prepare and finish are given beside what follows from the tasks: tools are downloaded and installed.
const STEP_SECONDS: f64 = 1800.0;

/// Seconds for each of 2^k points of a reference string, half as much again as was measured on two cores (docs/hardware.md).
const SECONDS_PER_POINT: f64 = 0.2e-3;

/// Seconds that finish is given for each task: a part's verifier is compiled again.
const SECONDS_PER_TASK: f64 = 10.0;

/// Memory of the step that makes a reference string, in bytes for each of its points: a half more than was measured at 2^21.
const BYTES_PER_POINT: u64 = 512;

/// Variables that decide which tools and caches evmbench uses.
const VARIABLES: [&str; 3] = [HOME_VARIABLE, SHARED_VARIABLE, "EVMBENCH_PYTHON"];

/// A job for many machines
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// Write a job for this scheduler, one record for each task; nothing is submitted. With --resume, what is done is left out, and
    /// what ran out of memory is given more
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        requires = "job",
        help_heading = "Many machines"
    )]
    export: Option<Kind>,
    /// Folder of the job: its list of tasks, scripts and reference strings
    #[arg(long, value_name = "DIR", requires = "export", help_heading = "Many machines")]
    job: Option<PathBuf>,
    /// Let a machine run several tasks at once, each with --threads processors; their times are then not those of a quiet machine,
    /// and their records say so
    #[arg(long, requires_all = ["export", "threads"], help_heading = "Many machines")]
    shared_nodes: bool,
    /// How fast the machines of the tasks are: the file that `plan --calibrate` left in the cache folder on one of them [default: as
    /// fast as this machine, where it is calibrated]
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "calibrate",
        help_heading = "Many machines"
    )]
    pub(super) timings: Option<PathBuf>,
    /// Image of Kubernetes' pods, with evmbench and bash
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = concat!("evmbench:", env!("CARGO_PKG_VERSION")),
        help_heading = "Many machines"
    )]
    image: String,
    /// Claim of the volume that Kubernetes' pods share; it is mounted at the first folder of the job's path
    #[arg(
        long,
        value_name = "NAME",
        default_value = "evmbench",
        help_heading = "Many machines"
    )]
    claim: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Slurm: arrays of tasks, submitted by sbatch
    Slurm,
    /// Kubernetes: Indexed Jobs, submitted by kubectl
    Kubernetes,
    /// A line for each task, for GNU parallel or any other list of hosts
    Commands,
}

impl Arguments {
    /// Whether a job is to be written.
    pub(super) fn is_asked_for(&self) -> bool {
        self.export.is_some()
    }
}

/// Writes the job of what was planned.
pub(super) fn write(
    arguments: &Arguments,
    run: &prove_and_verify::Arguments,
    planned: &[Planned],
) -> Result<(), CliError> {
    let (Some(kind), Some(folder)) = (arguments.export, &arguments.job) else {
        return Ok(());
    };
    let folder = absolute(folder)?;
    let here = working_folder()?;
    let folder_text = unicode(&folder)?;
    let tasks: Vec<Task> = planned
        .iter()
        .enumerate()
        .map(|(index, one)| task(index + 1, one, run, &folder))
        .collect();
    let job = Job {
        program: program(kind)?,
        variables: variables()?,
        processors: run.session.threads.filter(|_| arguments.shared_nodes),
        steps_memory: steps_memory(&tasks),
        steps_seconds: steps_seconds(&tasks),
        list: TaskList {
            evmbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            arguments: tasks::forwarded()?,
            working_folder: here,
            tasks,
        },
        folder: folder_text,
    };
    let scheduler = scheduler(kind, arguments, run, &job)?;
    let files = scheduler.files(&job);
    remove_older(&folder)?;
    for file in &files {
        store::write_whole(&folder.join(&file.name), file.text.as_bytes())?;
    }
    let replays = replays(&job);
    if let Some(replays) = &replays {
        draw(&folder, replays)?;
    }
    if run.json {
        return Ok(());
    }
    tell(&job, kind, replays.as_deref())
}

fn scheduler(
    kind: Kind,
    arguments: &Arguments,
    run: &prove_and_verify::Arguments,
    job: &Job,
) -> Result<Scheduler, CliError> {
    Ok(match kind {
        Kind::Slurm => Scheduler::Slurm,
        Kind::Commands => Scheduler::Commands,
        Kind::Kubernetes => {
            let processors = run.session.threads.ok_or(CliError::Usage(
                "a pod is given a number of processors: say how many with --threads",
            ))?;
            let first = job.folder.trim_start_matches('/').split('/').next();
            Scheduler::Kubernetes(Cluster {
                image: arguments.image.clone(),
                claim: arguments.claim.clone(),
                mount: format!("/{}", first.unwrap_or_default()),
                processors,
            })
        }
    })
}

/// A task with what it is given, and how it stands.
fn task(number: usize, planned: &Planned, run: &prove_and_verify::Arguments, job: &Path) -> Task {
    let request = &planned.request;
    let store = run.session.store();
    let peak_bytes = planned
        .forecast
        .as_ref()
        .map_or(0, |forecast| forecast.peak_bytes().high);
    let memory = MemoryClass::holding(peak_bytes).max(after_shortage(&store, request));
    // A limit that was asked for is a limit in every class.
    let cap_bytes = run
        .session
        .memory_limit
        .unwrap_or(u64::MAX)
        .min(memory.cap_bytes());
    let strings = SrsStore::Prepared(TaskList::strings(job));
    let earlier = finished(&store, request, None, Some(&strings), Some(cap_bytes));
    let is_done = run.session.resume && matches!(earlier, Earlier::Final(_));
    let seconds = |of: fn(&crate::forecast::Seconds) -> f64| seconds(planned.forecast.as_ref(), request, of);
    Task {
        number,
        name: planned.name.clone(),
        record: store.path(request),
        logrows: planned.forecast.as_ref().map(|forecast| forecast.logrows),
        memory,
        limit_seconds: seconds(|seconds| seconds.high).map(|seconds| 2.0 * seconds + BESIDE_SECONDS),
        likely_seconds: seconds(|seconds| seconds.likely),
        state: if is_done { State::Done } else { State::ToDo },
    }
}

/// The class above the one in which the record of a request ran out of memory; the least of all where it did not.
fn after_shortage(store: &Store, request: &Request) -> MemoryClass {
    let record = store::load_whole(&store.path(request)).ok().flatten();
    let limit_bytes = record
        .filter(|record| record.request.experiment() == request.experiment())
        .and_then(|record| match record.outcome {
            Outcome::OutOfMemory { limit_bytes, .. } => Some(limit_bytes),
            _ => None,
        });
    MemoryClass::above_cap(limit_bytes.unwrap_or(0))
}

/// Seconds of set-up and all proofs.
fn seconds(
    forecast: Option<&Forecast>,
    request: &Request,
    of: fn(&crate::forecast::Seconds) -> f64,
) -> Option<f64> {
    let forecast = forecast?;
    let proofs = (request.warmup + request.runs) as f64;
    Some(of(forecast.setup_seconds.as_ref()?) + proofs * of(forecast.prove_seconds.as_ref()?))
}

/// Points of the largest reference string.
fn most_points(tasks: &[Task]) -> u64 {
    let greatest = tasks.iter().filter_map(|task| task.logrows).max();
    greatest.map_or(0, |logrows| 1 << logrows)
}

/// Prepare makes strings, and finish puts every model together, as this process has just done.
fn steps_memory(tasks: &[Task]) -> MemoryClass {
    let strings = BYTES_PER_POINT * most_points(tasks);
    let models = own_peak_rss_bytes().unwrap_or(0);
    MemoryClass::holding(strings.max(models))
}

fn steps_seconds(tasks: &[Task]) -> f64 {
    // Each power of two, down to the least, is half of the one above.
    let strings = SECONDS_PER_POINT * 2.0 * most_points(tasks) as f64;
    STEP_SECONDS + strings.max(SECONDS_PER_TASK * tasks.len() as f64)
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|source| CliError::Io {
        action: "find",
        path: path.to_owned(),
        source,
    })
}

fn working_folder() -> Result<PathBuf, CliError> {
    let here = std::env::current_dir().map_err(|source| CliError::Io {
        action: "find",
        path: PathBuf::from("."),
        source,
    })?;
    unicode(&here).map(PathBuf::from)
}

fn unicode(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::NotUnicode(path.to_string_lossy().into_owned()))
}

/// The program that tasks run: this one, or the image's.
fn program(kind: Kind) -> Result<String, CliError> {
    if kind == Kind::Kubernetes {
        return Ok("evmbench".to_owned());
    }
    let program = std::env::current_exe().map_err(|source| CliError::Io {
        action: "find",
        path: PathBuf::from("evmbench"),
        source,
    })?;
    unicode(&program)
}

/// Those of [`VARIABLES`] that are set; the home as an absolute path.
fn variables() -> Result<Vec<(&'static str, String)>, CliError> {
    let mut found = Vec::new();
    for name in VARIABLES {
        let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        let path = PathBuf::from(value);
        let path = if name == HOME_VARIABLE {
            absolute(&path)?
        } else {
            path
        };
        found.push((name, unicode(&path)?));
    }
    Ok(found)
}

/// Removes the scripts of an earlier export: a class that no task has any more would be submitted again.
fn remove_older(folder: &Path) -> Result<(), CliError> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(Job::is_own) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|source| CliError::Io {
                action: "remove",
                path,
                source,
            })?;
        }
    }
    Ok(())
}

/// The tasks on 1 to 1,000 machines, where it is known how long all of them take.
fn replays(job: &Job) -> Option<Vec<Replay>> {
    let order = job.arrays().into_iter().flat_map(|array| array.tasks);
    let seconds = order.map(|number| job.list.tasks[number - 1].likely_seconds);
    let durations: Vec<f64> = seconds.collect::<Option<_>>()?;
    (!durations.is_empty()).then(|| makespan::replays(&durations))
}

/// Writes what a number of machines buys, as a picture and as figures.
fn draw(folder: &Path, replays: &[Replay]) -> Result<(), CliError> {
    let plot = plots::makespan(replays)?;
    store::write_whole(&folder.join("makespan.svg"), plot.svg.as_bytes())?;
    let mut text = "nodes,makespan_seconds,node_hours,idle_share\n".to_owned();
    for replay in replays {
        text += &format!(
            "{},{:.0},{:.3},{:.4}\n",
            replay.nodes, replay.makespan_seconds, replay.node_hours, replay.idle_share
        );
    }
    Ok(store::write_whole(&folder.join("makespan.csv"), text.as_bytes())?)
}

fn tell(job: &Job, kind: Kind, replays: Option<&[Replay]>) -> Result<(), CliError> {
    let arrays = job.arrays();
    let to_do: usize = arrays.iter().map(|array| array.tasks.len()).sum();
    say!("{} tasks, {to_do} of them to do", job.list.tasks.len())?;
    let mut table = Table::new([
        Column::written("memory class"),
        Column::written("tasks"),
        Column::written("time limit"),
    ]);
    for array in &arrays {
        table.row([
            array.memory.to_string(),
            array.tasks.len().to_string(),
            array
                .limit_seconds
                .map_or_else(|| "none".to_owned(), format::seconds),
        ]);
    }
    if !arrays.is_empty() {
        say!("{}", fitted(&table))?;
    }
    if let Some(replays) = replays {
        show(replays)?;
    } else if to_do > 0 {
        note!(
            "hint: tasks have no time limit and nothing is forecast of their end until a machine like theirs is calibrated: run \
             `evmbench plan --calibrate` there, and give the file that it leaves with --timings"
        );
    }
    let path = |name: &str| quoted(&format!("{}/{name}", job.folder.trim_end_matches('/')));
    match kind {
        Kind::Slurm | Kind::Kubernetes => say!("to submit them: bash {}", path("submit.sh")),
        Kind::Commands => say!(
            "to run them: bash {}; then the lines of {}, on any machines; then bash {}",
            path("prepare.sh"),
            path("commands"),
            path("finish.sh")
        ),
    }
}

/// What some numbers of machines buy.
fn show(replays: &[Replay]) -> Result<(), CliError> {
    const SHOWN: [usize; 4] = [1, 10, 100, 1000];
    let mut table = Table::new([
        Column::written("machines"),
        Column::written("all done after"),
        Column::written("machine hours"),
        Column::written("idle"),
    ]);
    for replay in replays.iter().filter(|replay| SHOWN.contains(&replay.nodes)) {
        table.row([
            format::count(replay.nodes as u64),
            format::seconds(replay.makespan_seconds),
            format!("{:.2}", replay.node_hours),
            format!("{:.0}%", 100.0 * replay.idle_share),
        ]);
    }
    say!("{}", fitted(&table))
}
