//! A job: its tasks, and the files of its folder that are the same for every scheduler.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MemoryClass;
use super::shell::quoted;

/// Name of the list of tasks in a job's folder.
const TASKS: &str = "tasks.json";

/// Name of the folder of reference strings in a job's folder.
const STRINGS: &str = "srs";

/// Exit status of a task that a scheduler should try again (`EX_TEMPFAIL` of sysexits.h).
pub const AGAIN_STATUS: u8 = 75;

/// How scripts begin.
pub(super) const BASH: &str = "#!/bin/bash\n";

/// How names of scripts for one memory class begin.
pub(super) const ARRAY: &str = "tasks-";

/// How a task stands, by its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its record would be made: there is none, or one that leaves something open.
    ToDo,
    /// Its record says something about the model that another run would only say again.
    Done,
}

/// One record to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its number, from 1: its line of `plan --json`.
    pub number: usize,
    /// The record's name.
    pub name: String,
    /// Where the record belongs.
    pub record: PathBuf,
    /// k, where the circuit has 2^k rows; absent where EZKL laid out none.
    pub logrows: Option<u32>,
    /// Memory that it is given, in bytes.
    #[serde(rename = "memory_bytes")]
    pub memory: MemoryClass,
    /// Seconds that it is given; absent where no machine was calibrated.
    pub limit_seconds: Option<f64>,
    /// Seconds that it likely takes, likewise.
    pub likely_seconds: Option<f64>,
    /// How it stood when the job was written.
    pub state: State,
}

/// The tasks of a job, as `tasks.json` has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskList {
    /// Version of the evmbench that wrote it.
    pub evmbench_version: String,
    /// The arguments of `prove-and-verify`, which all scripts give it.
    pub arguments: Vec<String>,
    /// The folder that relative paths among them start from.
    pub working_folder: PathBuf,
    /// All tasks, the done ones among them.
    pub tasks: Vec<Task>,
}

impl TaskList {
    /// Where the list of a job is.
    pub fn path(job: &Path) -> PathBuf {
        job.join(TASKS)
    }

    /// Where a job's reference strings are.
    pub fn strings(job: &Path) -> PathBuf {
        job.join(STRINGS)
    }
}

/// Tasks of one memory class, in the order in which they are begun: the longest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Their memory.
    pub memory: MemoryClass,
    /// Their numbers.
    pub tasks: Vec<usize>,
    /// Seconds that each is given: what the longest needs.
    pub limit_seconds: Option<f64>,
}

/// Everything that the folder of a job is written from.
#[derive(Debug, Clone)]
pub struct Job {
    /// The tasks.
    pub list: TaskList,
    /// The job's folder, absolute.
    pub folder: String,
    /// The program, as a path or a name.
    pub program: String,
    /// Variables that the program is to have, with their values.
    pub variables: Vec<(&'static str, String)>,
    /// Processors that a task is given beside others; with none, a node is its own.
    pub processors: Option<usize>,
    /// Memory of the steps before and after the tasks.
    pub steps_memory: MemoryClass,
    /// Seconds that the steps are given.
    pub steps_seconds: f64,
}

/// A file of a job's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl Job {
    /// The tasks that are to be done, by memory class, the largest first: they are the longest, and what is begun last should be short.
    pub fn arrays(&self) -> Vec<Array> {
        let mut classes: BTreeMap<MemoryClass, Vec<&Task>> = BTreeMap::new();
        for task in self.list.tasks.iter().filter(|task| task.state == State::ToDo) {
            classes.entry(task.memory).or_default().push(task);
        }
        let array = |(memory, mut tasks): (MemoryClass, Vec<&Task>)| {
            let likely = |task: &&Task| task.likely_seconds.unwrap_or(0.0);
            tasks.sort_by(|one, other| likely(other).total_cmp(&likely(one)));
            let limits = tasks.iter().map(|task| task.limit_seconds);
            Array {
                memory,
                // Without a limit of one, there is none for all.
                limit_seconds: limits
                    .collect::<Option<Vec<f64>>>()
                    .map(|limits| limits.into_iter().fold(0.0, f64::max)),
                tasks: tasks.iter().map(|task| task.number).collect(),
            }
        };
        classes.into_iter().rev().map(array).collect()
    }

    /// The files of its folder, whoever runs the tasks.
    pub(super) fn files(&self) -> Vec<File> {
        let list = serde_json::to_string_pretty(&self.list).expect("a list of tasks is plain data");
        vec![
            file(TASKS, list + "\n"),
            file("prepare.sh", self.script("Makes the tools and one reference string for each 2^k.", "--prepare")),
            file(
                "task.sh",
                self.script(
                    "Makes the record of the task whose number is the argument; a final record stays as it is.",
                    "--task \"$1\"",
                ),
            ),
            file(
                "finish.sh",
                self.script("Says what is there and what is missing, and joins parts; proves nothing.", "--finish"),
            ),
        ]
    }

    /// Whether a file of this name is one that an export for some scheduler writes, perhaps not this one.
    pub fn is_own(name: &str) -> bool {
        let fixed = [
            "submit.sh",
            COMMANDS,
            "prepare.json",
            "finish.json",
            "makespan.svg",
            "makespan.csv",
        ];
        let is_array = name.strip_prefix(ARRAY).is_some_and(|rest| {
            let rest = rest.strip_suffix(".sh").or_else(|| rest.strip_suffix(".json"));
            let digits = rest.and_then(|rest| rest.strip_suffix('M'));
            digits
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        });
        fixed.contains(&name) || is_array
    }

    /// A script that goes to the working folder, sets the variables and runs the program with one more argument.
    fn script(&self, what: &str, step: &str) -> String {
        let mut lines = vec![format!("# {what}"), "set -eu".to_owned()];
        let folder = self.list.working_folder.to_string_lossy();
        lines.push(format!("cd -- {} || exit {AGAIN_STATUS}", quoted(&folder)));
        for (name, value) in &self.variables {
            lines.push(format!("export {name}={}", quoted(value)));
        }
        let job = quoted(&self.folder);
        let own = format!(
            "exec {} prove-and-verify --job {job} {step}",
            quoted(&self.program)
        );
        let words: Vec<String> = std::iter::once(own)
            .chain(self.list.arguments.iter().map(|argument| quoted(argument)))
            .collect();
        lines.push(words.join(" "));
        format!("{BASH}{}\n", lines.join("\n"))
    }

    /// A file of the folder, as one word of a shell.
    pub(super) fn word(&self, name: &str) -> String {
        quoted(&self.path(name))
    }

    /// A file of the folder.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.trim_end_matches('/'))
    }

    /// A line for each task that is to be done.
    pub(super) fn commands(&self) -> File {
        let script = self.word("task.sh");
        let tasks = self.arrays().into_iter().flat_map(|array| array.tasks);
        file(
            COMMANDS,
            tasks.map(|task| format!("bash {script} {task}\n")).collect(),
        )
    }
}

/// Name of the list of commands.
const COMMANDS: &str = "commands";

pub(super) fn file(name: impl Into<String>, text: String) -> File {
    File {
        name: name.into(),
        text,
    }
}
