//! Verify a stored proof again, years later: neither EZKL nor solc is needed.
//!
//! `cargo run --release --example verify_again -- results/scaling/dense_small-s7-direct.json`

use std::error::Error;
use std::path::PathBuf;

use evmbench::{replay, store};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: verify_again RECORD")?;
    let record = store::load(&path)?;
    let again = replay::recheck(&path, &record)?;
    for figure in &again.figures {
        println!(
            "{}: {} recorded, {} now",
            figure.name, figure.recorded, figure.now
        );
    }
    println!("{} recorded, {} now", again.recorded, again.now);
    if again.agrees() {
        Ok(())
    } else {
        Err("this is not what was recorded".into())
    }
}
