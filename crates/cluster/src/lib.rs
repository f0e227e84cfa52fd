//! Many machines: the tasks of a run as a job for the scheduler that the user has. There is no scheduler of evmbench's own.
//!
//! Goes in: the records that a run would make, each with the memory and time that its forecast says. Comes out: [`Job`]: a folder with
//! `tasks.json` and small scripts for Slurm, for Kubernetes or for any list of hosts. Whether a task is done is told by its record, never
//! by the scheduler. [`makespan`] says what a number of machines buys.

mod class;
mod job;
mod kubernetes;
mod scheduler;
mod shell;
mod slurm;

pub use class::MemoryClass;
pub use job::{AGAIN_STATUS, Array, File, Job, State, Task, TaskList};
pub use kubernetes::Cluster;
pub use scheduler::Scheduler;
pub use shell::quoted;

pub use evmbench_report::makespan;
