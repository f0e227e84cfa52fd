//! Training on small synthetic images: it learns, it is reproducible, it goes on where it was stopped, and what is wrong is
//! said.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use evmbench::accuracy;
use evmbench::cifar10::{IMAGE_BYTES, Images};
use evmbench::model::layers;
use evmbench::model::weights::{self, WeightsError};
use evmbench::suite;
use evmbench::training::{
    self, Checkpoint, Epoch, History, RecipeName, Settings, TrainingError, TrainingImages, Watch,
};

use crate::common;

const BATCH: usize = 10;

/// Stops after so many steps.
struct Patience(AtomicUsize);

impl Patience {
    fn endless() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

impl Watch for Patience {
    fn step_ended(&self, _done: usize, _all: usize) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn epoch_ended(&self, _epoch: &Epoch) {}

    fn interrupted(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// Images whose class is how bright their channels are.
fn images() -> TrainingImages {
    let count = 100;
    let labels: Vec<u8> = (0..count).map(|index| (index % 10) as u8).collect();
    let pixels = labels
        .iter()
        .enumerate()
        .flat_map(|(index, &label)| {
            (0..IMAGE_BYTES).map(move |at| {
                let channel = at / (IMAGE_BYTES / 3);
                let bright = (label >> channel) & 1 == 1;
                let noise = ((index * 31 + at * 17) % 23) as u8;
                let base = if bright { 200 } else { 20 } + 30 * u8::from(label >= 8 && channel == 2);
                base.min(230) + noise
            })
        })
        .collect();
    TrainingImages::split(Images::new(labels, pixels), 20)
}

fn settings(id: &str, epochs: usize) -> Settings {
    by(RecipeName::Study, id, epochs)
}

fn by(recipe: RecipeName, id: &str, epochs: usize) -> Settings {
    Settings {
        model: id.to_owned(),
        recipe: recipe.recipe(epochs, BATCH),
        seed: 3,
        threads: 2,
    }
}

fn train(
    folder: &Path,
    settings: Settings,
    resume: bool,
    watch: &dyn Watch,
) -> Result<History, TrainingError> {
    let spec = suite::find(&settings.model).unwrap();
    let checkpoint = Checkpoint::new(folder, spec.id);
    training::train(spec, &images(), settings, &checkpoint, resume, watch)
}

#[test]
fn every_cnn_learns() {
    let by_recipe = |recipe| ["cnn_relu", "cnn_poly", "cnn_mixed", "cnn_strided"].map(|id| (id, recipe));
    let all = [by_recipe(RecipeName::Study), by_recipe(RecipeName::Normed)].concat();
    for &(id, recipe) in all.iter().step_by(common::step(5)) {
        let folder = tempfile::tempdir().unwrap();
        let history = train(folder.path(), by(recipe, id, 4), false, &Patience::endless()).unwrap();
        let losses: Vec<f64> = history.epochs.iter().map(|epoch| epoch.training_loss).collect();
        assert_eq!(losses.len(), 4);
        assert!(losses[3] < 0.9 * losses[0], "{id} {recipe:?}: {losses:?}");
        let best = history.best().unwrap();
        assert!(best.held_out.accuracy >= 0.2, "{id} {recipe:?}: {best:?}");
        assert!(Checkpoint::new(folder.path(), id).best().exists());
    }
}

/// What comes out is the suite's own network, and does as well as the one with batch norms that was looked at.
#[test]
fn batch_norms_are_gone_from_what_was_trained_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let id = "cnn_mixed";
    let history = train(
        folder.path(),
        by(RecipeName::Normed, id, 4),
        false,
        &Patience::endless(),
    )
    .unwrap();
    let checkpoint = Checkpoint::new(folder.path(), id);
    let network = layers::build(suite::find(id).unwrap(), 0);
    let network = weights::load(network, &checkpoint.best()).unwrap();
    let held_out = images().held_out;
    let logits = accuracy::float_logits(id, &network, None, &held_out).unwrap();
    let right = (0..held_out.len())
        .filter(|&index| accuracy::greatest(&logits[index]) == held_out.label(index))
        .count();
    let expected = history.best().unwrap().held_out.accuracy * held_out.len() as f64;
    assert!(
        (right as f64 - expected).abs() < 0.5,
        "{right} right, {expected} with batch norms"
    );
}

#[test]
fn a_run_is_reproducible_and_goes_on_where_it_was_stopped() {
    let id = "cnn_strided";
    let settings = |id, epochs| {
        let mut settings = by(RecipeName::Normed, id, epochs);
        settings.recipe.uncropped = 1;
        settings
    };
    let files = |folder: &Path| {
        let checkpoint = Checkpoint::new(folder, id);
        [checkpoint.best(), checkpoint.last()].map(|path| std::fs::read(path).unwrap())
    };
    let without_times = |mut history: History| {
        history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
        history
    };
    let [whole, again, parts] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let expected = train(whole.path(), settings(id, 3), false, &Patience::endless()).unwrap();
    let second = train(again.path(), settings(id, 3), false, &Patience::endless()).unwrap();
    assert_eq!(without_times(expected.clone()), without_times(second));
    assert_eq!(files(whole.path()), files(again.path()));

    // Eight steps an epoch: this stops in the second.
    let stopped = train(
        parts.path(),
        settings(id, 3),
        false,
        &Patience(AtomicUsize::new(11)),
    );
    assert!(
        matches!(stopped, Err(TrainingError::Interrupted { kept: 1 })),
        "{stopped:?}"
    );
    let resumed = train(parts.path(), settings(id, 3), true, &Patience::endless()).unwrap();
    assert_eq!(without_times(expected), without_times(resumed));
    assert_eq!(files(whole.path()), files(parts.path()));

    // Another number of threads, or another seed, is another run.
    let mut other = settings(id, 3);
    other.threads = 1;
    let refused = train(parts.path(), other, true, &Patience::endless());
    assert!(
        matches!(
            refused,
            Err(TrainingError::OtherRun {
                difference: "number of threads",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let id = "cnn_poly";
    let good = train(folder.path(), settings(id, 1), false, &Patience::endless()).unwrap();
    let checkpoint = Checkpoint::new(folder.path(), id);
    let kept = std::fs::read(checkpoint.last()).unwrap();

    // The same run, made longer and wilder by hand, as if it had been asked for so.
    let mut wild = settings(id, 2);
    wild.recipe.learning_rate = 1e30;
    let history = History {
        settings: wild.clone(),
        ..good
    };
    evmbench::store::write_json(&checkpoint.history(), &history).unwrap();
    let error = train(folder.path(), wild, true, &Patience::endless()).unwrap_err();
    assert!(
        matches!(error, TrainingError::Diverged { epoch: 2, kept: 1, loss, .. } if !loss.is_finite()),
        "{error}"
    );
    assert_eq!(std::fs::read(checkpoint.last()).unwrap(), kept);
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for id in ["cnn_strided", "cnn_relu"] {
        train(folder.path(), settings(id, 1), false, &Patience::endless()).unwrap();
    }
    let [strided, relu] = ["cnn_strided", "cnn_relu"].map(|id| Checkpoint::new(folder.path(), id));
    let resume = || {
        train(
            folder.path(),
            settings("cnn_strided", 1),
            true,
            &Patience::endless(),
        )
    };
    resume().unwrap();

    let own = std::fs::read(strided.last()).unwrap();
    std::fs::copy(relu.last(), strided.last()).unwrap();
    let other = resume().unwrap_err();
    assert!(
        matches!(other, TrainingError::Weights(WeightsError::OtherModel { .. })),
        "{other}"
    );

    std::fs::write(strided.last(), own).unwrap();
    let optimizer = strided.last().with_file_name("optimizer.bpk");
    std::fs::write(&optimizer, b"junk").unwrap();
    let junk = resume().unwrap_err();
    assert!(matches!(junk, TrainingError::Optimizer { .. }), "{junk}");
}

#[test]
fn what_is_no_classifier_or_has_no_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let layer = train(folder.path(), settings("relu", 1), false, &Patience::endless()).unwrap_err();
    assert!(matches!(layer, TrainingError::NoClassifier { .. }), "{layer}");
    let mut large = settings("cnn_relu", 1);
    large.recipe.batch = 81;
    let few = train(folder.path(), large, false, &Patience::endless()).unwrap_err();
    assert!(
        matches!(
            few,
            TrainingError::TooFewImages {
                training: 80,
                held_out: 20,
                batch: 81
            }
        ),
        "{few}"
    );
}
