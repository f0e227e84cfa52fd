//! Find out again, years later, whether a stored record is what its evidence says: EZKL is not needed.
//!
//! `cargo run --release --example verify_again -- results/scaling/dense_small-s7-direct.json`

use std::error::Error;
use std::path::PathBuf;

use evmbench::home::Home;
use evmbench::rederive::{self, Given, Tools};
use evmbench::solidity::{SOLC_VERSION, Solc};
use evmbench::store::StoredRun;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: verify_again RECORD")?;
    let home = Home::from_environment()?;
    let tools = Tools::new(Solc::obtain(&home.solc(SOLC_VERSION))?);
    let again = rederive::rederive(&StoredRun::open(&path)?, Given::default(), &tools)?;
    let gas = |gas: Option<i128>| gas.map_or_else(|| "none".to_owned(), |gas| gas.to_string());
    for figure in &again.figures {
        println!(
            "{}: {} recorded, {} now",
            figure.metric.row(),
            gas(figure.recorded),
            gas(figure.now)
        );
    }
    println!("{}", again.record.outcome);
    for discrepancy in &again.discrepancies {
        println!("{discrepancy}");
    }
    if again.agrees() {
        Ok(())
    } else {
        Err("this is not what was recorded".into())
    }
}
