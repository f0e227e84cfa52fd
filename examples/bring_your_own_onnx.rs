//! Prove a model of your own, and keep the record with its evidence.
//!
//! `cargo run --release --example bring_your_own_onnx -- model.onnx input.json runs`

use std::error::Error;
use std::path::PathBuf;

use evmbench::bench::Bench;
use evmbench::environment;
use evmbench::forecast::Forecaster;
use evmbench::home::Home;
use evmbench::judge::OnnxRuntime;
use evmbench::prover::{CircuitPlan, EzklOptions, EzklProver, Silent, Toolchain};
use evmbench::record::Request;
use evmbench::solidity::{SOLC_VERSION, Solc};
use evmbench::store::Store;
use evmbench::subject::Subject;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let onnx = arguments
        .next()
        .ok_or("usage: bring_your_own_onnx MODEL.onnx [INPUT] [FOLDER]")?;
    let input = arguments.next();
    let store = Store::new(arguments.next().unwrap_or_else(|| PathBuf::from("runs")));

    // Everything that can be wrong with the model is found here, before anything is proved.
    let request = Request {
        runs: 1,
        ..Request::of_file(CircuitPlan::direct(7)?)
    };
    let subject = Subject::from_onnx(&onnx, input.as_deref(), request)?;
    if let Err(operators) = &subject.graph {
        println!("the integer reference does not know {operators:?}; onnxruntime judges the circuit");
    }

    let home = Home::from_environment()?;
    let toolchain = Toolchain::install(&home)?;
    let solc = Solc::obtain(&home.solc(SOLC_VERSION))?;
    let options = EzklOptions::for_home(&home);
    let environment = environment::current(solc.version(), options.threads, options.memory_limit_bytes);
    let onnxruntime = OnnxRuntime::beside(&toolchain);
    let prover = EzklProver::new(&home, toolchain, options);
    let bench = Bench {
        prover: &prover,
        solc: &solc,
        onnxruntime: Some(&onnxruntime),
        observer: &Silent,
        environment: &environment,
        forecaster: &Forecaster::default(),
    };
    let (mut record, evidence) = bench.measure(&subject)?;
    let path = store.save(&mut record, &evidence)?;
    println!("{}: {}", path.display(), record.outcome);
    Ok(())
}
