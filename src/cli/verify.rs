//! `evmbench verify RECORD`: the stored verifier deployed again, the stored proof verified again, both held against the
//! record.

use std::path::PathBuf;

use super::error::CliError;
use super::{Finding, format};
use crate::replay;
use crate::store;

/// Deploy a record's verifier again and verify its proof again: verdict and gas must be those in the record
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Records, as in results/core/relu-s7-direct.json
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Finding, CliError> {
    let mut finding = Finding::Good;
    for path in &arguments.records {
        let record = store::load(path)?;
        let again = replay::recheck(path, &record)?;
        let name = path.display();
        for figure in &again.figures {
            let [recorded, now] = [figure.recorded, figure.now].map(format::count);
            if figure.recorded == figure.now {
                println!("{name}: {} {now}, as recorded", figure.name);
            } else {
                println!("{name}: {} {now}, but {recorded} in the record", figure.name);
            }
        }
        if again.recorded == again.now {
            println!("{name}: {}, as recorded", again.now);
        } else {
            println!("{name}: {}, but {} in the record", again.now, again.recorded);
        }
        if !again.agrees() {
            finding = Finding::Bad;
        }
    }
    Ok(finding)
}
