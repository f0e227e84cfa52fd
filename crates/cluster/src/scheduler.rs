//! Who runs the tasks of a job, and all files of its folder.

use super::job::{File, Job};
use super::{Cluster, kubernetes, slurm};

/// Who runs the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduler {
    /// Slurm, by `sbatch`.
    Slurm,
    /// Kubernetes, by `kubectl`.
    Kubernetes(Cluster),
    /// Whatever runs a list of commands.
    Commands,
}

impl Scheduler {
    /// The files of a job's folder.
    pub fn files(&self, job: &Job) -> Vec<File> {
        let mut files = job.files();
        files.extend(match self {
            Self::Slurm => slurm::files(job),
            Self::Kubernetes(cluster) => kubernetes::files(job, cluster),
            Self::Commands => vec![job.commands()],
        });
        files
    }
}
