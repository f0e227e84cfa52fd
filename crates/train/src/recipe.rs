//! How a network is trained: optimizer, learning rate, batches, epochs.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A named way to train; all use Adam on cross-entropy, and crop and flip the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RecipeName {
    /// The published study's: a constant learning rate of 1e-3
    Study,
    /// A batch norm after each convolution, folded into it afterwards; the learning rate rises to 3e-3 over a tenth of the
    /// epochs and falls to 0 along half a cosine; in the last third it falls once more, from half of that, and images are no
    /// longer cropped
    Normed,
}

/// Everything that decides what a training run computes, but for the seed and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Where the figures below come from.
    pub name: RecipeName,
    /// Passes over the training images.
    pub epochs: usize,
    /// How many of them, the last, see the images where they are, as they are looked at later.
    pub uncropped: usize,
    /// Images a step.
    pub batch: usize,
    /// The greatest learning rate.
    pub learning_rate: f64,
    /// Weight decay: this times each weight is added to its gradient, as `PyTorch`'s `Adam` has it.
    pub weight_decay: f32,
    /// Pixels of black around an image that it is cropped out of again.
    pub crop_padding: usize,
    /// Whether each convolution has a batch norm after it while it is trained. It is folded into the convolution, so that the
    /// network that comes out is the one that was asked for.
    pub batch_norms: bool,
    /// The greatest Euclidean norm of a tensor's gradient; a longer one is made this long. Squares explode without it.
    pub clip_norm: f32,
}

impl RecipeName {
    /// The recipe for so many epochs and images a step.
    #[must_use]
    pub const fn recipe(self, epochs: usize, batch: usize) -> Recipe {
        let (learning_rate, uncropped, batch_norms) = match self {
            Self::Study => (1e-3, 0, false),
            Self::Normed => (3e-3, epochs / 3, true),
        };
        Recipe {
            name: self,
            epochs,
            uncropped,
            batch,
            learning_rate,
            weight_decay: 1e-4,
            crop_padding: 4,
            batch_norms,
            clip_norm: 1.0,
        }
    }
}

/// Epochs that one schedule of the learning rate spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phase {
    /// Counted from 0.
    pub(super) epochs: Range<usize>,
    /// Whether images are cropped.
    pub(super) crops: bool,
}

impl Recipe {
    /// The phase of an epoch, counted from 0.
    pub(super) fn phase(&self, epoch: usize) -> Phase {
        let cropped = self.epochs.saturating_sub(self.uncropped);
        let crops = epoch < cropped;
        let epochs = if crops { 0..cropped } else { cropped..self.epochs };
        Phase { epochs, crops }
    }

    /// The learning rate of the step at this fraction of a phase, from 0 to 1.
    pub(super) fn learning_rate_at(&self, phase: &Phase, progress: f64) -> f64 {
        const WARM_UP: f64 = 0.1;
        let cosine = |fallen: f64| f64::midpoint(1.0, (std::f64::consts::PI * fallen).cos());
        let factor = match self.name {
            RecipeName::Study => 1.0,
            RecipeName::Normed if !phase.crops => cosine(progress) / 2.0,
            RecipeName::Normed if progress < WARM_UP => progress / WARM_UP,
            RecipeName::Normed => cosine((progress - WARM_UP) / (1.0 - WARM_UP)),
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
        for progress in [0.0, 0.1, 0.5, 1.0] {
            assert!((study.learning_rate_at(&study.phase(49), progress) - 1e-3).abs() < 1e-12);
        }
        let normed = RecipeName::Normed.recipe(12, 128);
        for (epoch, progress, expected) in [
            (0, 0.0, 0.0),
            (0, 0.05, 1.5e-3),
            (1, 0.1, 3e-3),
            (4, 0.55, 1.5e-3),
            (7, 1.0, 0.0),
            (8, 0.0, 1.5e-3),
            (11, 0.5, 7.5e-4),
        ] {
            let found = normed.learning_rate_at(&normed.phase(epoch), progress);
            assert!((found - expected).abs() < 1e-12, "{epoch} {progress}: {found}");
        }
    }

    #[test]
    fn the_last_third_is_a_phase_of_its_own() {
        let phase = |recipe: Recipe, epoch| {
            let Phase { epochs, crops } = recipe.phase(epoch);
            (epochs, crops)
        };
        let (study, normed) = (
            RecipeName::Study.recipe(50, 128),
            RecipeName::Normed.recipe(24, 128),
        );
        assert_eq!(phase(study, 49), (0..50, true));
        assert_eq!(phase(normed, 15), (0..16, true));
        assert_eq!(phase(normed, 16), (16..24, false));
        assert_eq!(phase(RecipeName::Normed.recipe(2, 128), 1), (0..2, true));
    }
}
