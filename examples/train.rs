//! Train a CNN of the suite on CIFAR-10 and keep its weights.
//!
//! ```sh
//! cargo run --release --example train -- cnn_strided path/to/cifar-10-batches-bin 1
//! ```

use std::error::Error;
use std::path::Path;

use evmbench::cifar10;
use evmbench::suite;
use evmbench::training::{
    self, Checkpoint, Epoch, HELD_OUT_IMAGES, RecipeName, Settings, TrainingImages, Watch,
};

/// Prints a line for each epoch.
struct Lines;

impl Watch for Lines {
    fn step_ended(&self, _done: usize, _all: usize) {}

    fn epoch_ended(&self, epoch: &Epoch) {
        println!(
            "epoch {}: loss {:.3}, {:.1}% of the images held out are right",
            epoch.epoch,
            epoch.training_loss,
            100.0 * epoch.held_out.accuracy
        );
    }

    fn interrupted(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(id), Some(data)) = (arguments.next(), arguments.next()) else {
        return Err("usage: train ID DATA [EPOCHS]".into());
    };
    let epochs = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let images = TrainingImages::split(cifar10::read(Path::new(&data))?.train, HELD_OUT_IMAGES);
    let settings = Settings {
        model: id.clone(),
        recipe: RecipeName::Normed.recipe(epochs, 128),
        seed: 0,
        threads: 2,
    };
    let checkpoint = Checkpoint::new(Path::new("runs"), &id);
    let history = training::train(suite::find(&id)?, &images, settings, &checkpoint, false, &Lines)?;
    println!(
        "epoch {} is in {}",
        history.best_epoch,
        checkpoint.best().display()
    );
    Ok(())
}
