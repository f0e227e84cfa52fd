//! Weights, optimizer and history on disk after each epoch, from which a run can go on.

use std::path::{Path, PathBuf};

use burn::optim::{ModuleOptimizer, OptimizerRecord};

use super::error::TrainingError;
use super::history::History;
use crate::files::{self, MOST_MODEL_BYTES};
use crate::model::graph::Graph;
use crate::model::{fold, onnx, weights};
use crate::suite;
use crate::whole;

/// The files of one model's training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    folder: PathBuf,
    id: String,
}

impl Checkpoint {
    /// The files of a model below a folder.
    pub fn new(folder: &Path, id: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            id: id.to_owned(),
        }
    }

    /// The model with the weights of the best epoch, its batch norms folded.
    pub fn best(&self) -> PathBuf {
        suite::onnx_path(&self.folder, &self.id)
    }

    /// The history of the run.
    pub fn history(&self) -> PathBuf {
        suite::history_path(&self.folder, &self.id)
    }

    /// The network as it is trained, batch norms and all, with the weights of the last epoch.
    pub fn last(&self) -> PathBuf {
        self.unfinished().join("last.onnx")
    }

    fn optimizer(&self) -> PathBuf {
        self.unfinished().join("optimizer.bpk")
    }

    /// What only the run itself needs, to go on.
    fn unfinished(&self) -> PathBuf {
        self.folder.join(format!("{}.checkpoint", self.id))
    }

    /// Whether there is a run that can go on.
    pub fn exists(&self) -> bool {
        self.history().exists() && self.last().exists()
    }

    /// Writes the state after an epoch; the history comes last, so that it never tells of an epoch that is not there.
    pub(super) fn save(
        &self,
        graph: &Graph,
        optimizer: &ModuleOptimizer,
        history: &History,
    ) -> Result<(), TrainingError> {
        let path = self.optimizer();
        let state = optimizer.into_bytes().map_err(|error| TrainingError::Optimizer {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        if history.best_epoch == history.epochs.len() {
            whole::write(&self.best(), &onnx::write(&fold::batch_norms(graph)))?;
        }
        whole::write(&path, &state)?;
        whole::write(&self.last(), &onnx::write(graph))?;
        whole::write_json(&self.history(), history)?;
        Ok(())
    }

    /// The state after the last epoch of a run, which must be the one that was asked for.
    pub(super) fn load(
        &self,
        graph: Graph,
        optimizer: ModuleOptimizer,
        asked: &History,
    ) -> Result<(Graph, ModuleOptimizer, History), TrainingError> {
        let history: History = whole::read_json(&self.history())?;
        if let Some(difference) = history.difference(asked) {
            return Err(TrainingError::OtherRun {
                path: self.folder.clone(),
                difference,
            });
        }
        let graph = weights::load(graph, &self.last())?;
        let path = self.optimizer();
        files::open(&path, MOST_MODEL_BYTES).map_err(|error| TrainingError::Optimizer {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let record = OptimizerRecord::load(&path).map_err(|error| TrainingError::Optimizer {
            path,
            reason: error.to_string(),
        })?;
        Ok((graph, optimizer.load_record(record), history))
    }
}
