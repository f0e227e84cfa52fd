//! `evmbench train`: seeded weights and labelled images → learned weights, and the history of learning.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::error::CliError;
use super::output::{note, say};
use super::progress;
use super::session::{at_least_one, thread_count};
use super::table::{FIGURE, TEXT, Table};
use super::{Finding, data, format};
use crate::cifar10;
use crate::record::DEFAULT_SEED;
use crate::suite;
use crate::training::{
    self, Checkpoint, Epoch, HELD_OUT_IMAGES, History, RecipeName, Settings, TrainingImages, Watch,
};

/// Train CNNs of the suite on CIFAR-10
///
/// Writes two files for each model: <ID>.onnx with the weights of the epoch that did best on 5,000 images held out of the
/// training ones, and <ID>.json with the history. Keep them in models/, and `prove-and-verify` takes them.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// cnn_relu, cnn_poly, cnn_mixed, cnn_strided, or all
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Folder with data_batch_1.bin to test_batch.bin, or the official .tar.gz [default: where `evmbench data cifar10` puts
    /// them]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// How the learning rate goes
    #[arg(long, value_enum, default_value = "study")]
    recipe: RecipeName,
    /// Passes over the training images
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    epochs: usize,
    /// Images a step
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    batch: usize,
    /// Seed of the first weights, and of the order, crops and flips of the images
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Threads; another number gives other weights
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = thread_count)]
    threads: usize,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "models")]
    out: PathBuf,
    /// Go on after the last epoch of a run with the same arguments
    #[arg(long)]
    resume: bool,
}

/// Steps and epochs on stderr.
struct Steps {
    bar: ProgressBar,
    id: &'static str,
    epochs: usize,
}

impl Watch for Steps {
    fn step_ended(&self, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        if done as u64 > self.bar.position() + 1 {
            // The steps of an earlier session say nothing about this one's pace.
            self.bar.set_position(done as u64);
            self.bar.reset_eta();
        }
        self.bar.set_position(done as u64);
    }

    fn epoch_ended(&self, epoch: &Epoch) {
        let line = format!(
            "{}  epoch {} of {}  loss {:.4}  held out: loss {:.4}, {:.2}% right  {}",
            self.id,
            epoch.epoch,
            self.epochs,
            epoch.training_loss,
            epoch.held_out.loss,
            100.0 * epoch.held_out.accuracy,
            format::seconds(epoch.seconds)
        );
        self.bar.suspend(|| note!("{line}"));
    }

    fn interrupted(&self) -> bool {
        progress::interrupted()
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let models = suite::composites_or(&arguments.ids)?;
    let images = cifar10::read(&data::cifar10_path(arguments.data.as_ref())?)?;
    let images = TrainingImages::split(images.train, HELD_OUT_IMAGES);
    progress::watch_interrupts()?;
    let mut table = Table::new([
        ("model", TEXT),
        ("best epoch", FIGURE),
        ("held out, right", FIGURE),
        ("an epoch", FIGURE),
        ("weights", TEXT),
    ]);
    for model in models {
        let checkpoint = Checkpoint::new(&arguments.out, model.id);
        let settings = Settings {
            model: model.id.to_owned(),
            recipe: arguments.recipe.recipe(arguments.epochs, arguments.batch),
            seed: arguments.seed,
            threads: arguments.threads,
        };
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg}  {pos} of {len} steps  {per_sec}  {eta} left")
        {
            bar.set_style(style);
        }
        bar.set_message(model.id);
        let watch = Steps {
            bar,
            id: model.id,
            epochs: arguments.epochs,
        };
        let history = training::train(model, &images, settings, &checkpoint, arguments.resume, &watch);
        watch.bar.finish_and_clear();
        table.row(row(&history?, &checkpoint));
    }
    say!("{table}")?;
    Ok(Finding::Good)
}

fn row(history: &History, checkpoint: &Checkpoint) -> Vec<String> {
    let accuracy = history.best().map_or(0.0, |best| best.held_out.accuracy);
    let mut seconds: Vec<f64> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    vec![
        history.settings.model.clone(),
        history.best_epoch.to_string(),
        format!("{:.2}%", 100.0 * accuracy),
        seconds
            .get(seconds.len() / 2)
            .map_or_else(String::new, |&median| format::seconds(median)),
        checkpoint.best().display().to_string(),
    ]
}
