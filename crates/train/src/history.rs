//! What a training run did: its settings and a line for each epoch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recipe::Recipe;

/// What was asked for. With the images it decides the weights on one kind of machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The model's id in the suite.
    pub model: String,
    /// How it was trained.
    pub recipe: Recipe,
    /// Of the first weights, and of the order, crops and flips of the images.
    pub seed: u64,
    /// Threads that a step was split over; sums depend on it in their last bits.
    pub threads: usize,
}

/// How a network did on images, each looked at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Part of the images whose greatest logit is that of their class, 0 to 1.
    pub accuracy: f64,
}

/// One pass over the training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean cross-entropy of the training images as they were looked at, cropped and flipped, in nats.
    pub training_loss: f64,
    /// After the epoch, on the images held out.
    pub held_out: Scores,
    /// Time of the training steps, in seconds.
    pub seconds: f64,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What was asked for.
    pub settings: Settings,
    /// The command that trains the same weights again.
    pub command: String,
    /// SHA-256 over label and pixels of each training image, those held out included, in their order.
    pub images_sha256: String,
    /// The epoch with the greatest accuracy on the images held out, the first of equals; 0 before there is one.
    pub best_epoch: usize,
    /// Every epoch that has ended.
    pub epochs: Vec<Epoch>,
}

impl History {
    pub(super) fn new(settings: Settings, images_sha256: String) -> Self {
        Self {
            command: settings.command(),
            settings,
            images_sha256,
            best_epoch: 0,
            epochs: Vec::new(),
        }
    }

    /// The best epoch.
    pub fn best(&self) -> Option<&Epoch> {
        self.epochs.get(self.best_epoch.checked_sub(1)?)
    }

    /// Appends an epoch.
    pub(super) fn push(&mut self, training_loss: f64, held_out: Scores, time: Duration) -> Epoch {
        let epoch = Epoch {
            epoch: self.epochs.len() + 1,
            training_loss,
            held_out,
            seconds: time.as_secs_f64(),
        };
        if self
            .best()
            .is_none_or(|best| best.held_out.accuracy < held_out.accuracy)
        {
            self.best_epoch = epoch.epoch;
        }
        self.epochs.push(epoch.clone());
        epoch
    }

    /// What of the two runs differs, if they cannot be one.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let (ours, theirs) = (&self.settings, &other.settings);
        [
            ("model", ours.model != theirs.model),
            ("recipe", ours.recipe != theirs.recipe),
            ("seed", ours.seed != theirs.seed),
            ("number of threads", ours.threads != theirs.threads),
            ("training data", self.images_sha256 != other.images_sha256),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name))
    }
}

impl Settings {
    fn command(&self) -> String {
        let name = serde_json::to_value(self.recipe.name).expect("a name is a string");
        format!(
            "evmbench train {} --data DIR --recipe {} --epochs {} --batch {} --seed {} --threads {}",
            self.model,
            name.as_str().unwrap_or_default(),
            self.recipe.epochs,
            self.recipe.batch,
            self.seed,
            self.threads
        )
    }
}
