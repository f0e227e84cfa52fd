//! `evmbench train`: seeded weights and labelled images → learned weights, and the history of learning.

use indicatif::{ProgressBar, ProgressStyle};

use super::Arguments;
use crate::cifar10;
use crate::cli::error::CliError;
use crate::cli::output::{fitted, note, say};
use crate::cli::{Finding, data, format, progress};
use crate::report::table::{Column, Table};
use crate::suite;
use crate::training::{self, Checkpoint, Epoch, HELD_OUT_IMAGES, History, Settings, TrainingImages, Watch};

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

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let models = suite::composites_or(&arguments.ids)?;
    let images = cifar10::read(&data::cifar10_path(arguments.data.as_ref())?)?;
    let images = TrainingImages::split(images.train, HELD_OUT_IMAGES);
    progress::watch_interrupts()?;
    let mut table = Table::new([
        Column::text("model"),
        Column::written("best epoch"),
        Column::written("held out, right"),
        Column::written("an epoch"),
        Column::text("weights"),
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
    say!("{}", fitted(&table))?;
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
