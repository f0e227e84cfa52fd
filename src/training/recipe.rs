//! How a network is trained: optimizer, learning rate, batches, epochs.

use serde::{Deserialize, Serialize};

/// A named way to train; both use Adam on cross-entropy, and crop and flip the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RecipeName {
    /// The published study's: a constant learning rate of 1e-3
    Study,
    /// The learning rate rises to 3e-3 over the first tenth, then falls to 0 along half a cosine
    Cosine,
}

/// Everything that decides what a training run computes, but for the seed and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Where the figures below come from.
    pub name: RecipeName,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images a step.
    pub batch: usize,
    /// The greatest learning rate.
    pub learning_rate: f64,
    /// Weight decay: this times each weight is added to its gradient, as `PyTorch`'s `Adam` has it.
    pub weight_decay: f32,
    /// Pixels of black around an image that it is cropped out of again.
    pub crop_padding: usize,
    /// The greatest Euclidean norm of a tensor's gradient; a longer one is made this long. Squares explode without it.
    pub clip_norm: f32,
}

impl RecipeName {
    /// The recipe for so many epochs and images a step.
    #[must_use]
    pub const fn recipe(self, epochs: usize, batch: usize) -> Recipe {
        Recipe {
            name: self,
            epochs,
            batch,
            learning_rate: match self {
                Self::Study => 1e-3,
                Self::Cosine => 3e-3,
            },
            weight_decay: 1e-4,
            crop_padding: 4,
            clip_norm: 1.0,
        }
    }
}

impl Recipe {
    /// The learning rate of the step at this fraction of the whole run, from 0 to 1.
    #[must_use]
    pub fn learning_rate_at(&self, progress: f64) -> f64 {
        const WARM_UP: f64 = 0.1;
        let factor = match self.name {
            RecipeName::Study => 1.0,
            RecipeName::Cosine if progress < WARM_UP => progress / WARM_UP,
            RecipeName::Cosine => {
                let fallen = (progress - WARM_UP) / (1.0 - WARM_UP);
                f64::midpoint(1.0, (std::f64::consts::PI * fallen).cos())
            }
        };
        factor * self.learning_rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rates_follow_their_schedule() {
        let study = RecipeName::Study.recipe(50, 128);
        let cosine = RecipeName::Cosine.recipe(10, 128);
        for progress in [0.0, 0.1, 0.5, 1.0] {
            assert!((study.learning_rate_at(progress) - 1e-3).abs() < 1e-12);
        }
        for (progress, expected) in [
            (0.0, 0.0),
            (0.05, 1.5e-3),
            (0.1, 3e-3),
            (0.55, 1.5e-3),
            (1.0, 0.0),
        ] {
            let found = cosine.learning_rate_at(progress);
            assert!((found - expected).abs() < 1e-12, "{progress}: {found}");
        }
    }
}
