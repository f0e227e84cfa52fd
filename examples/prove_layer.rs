//! Prove one layer, verify the proof in an EVM, and print what it cost.
//!
//! `cargo run --release --example prove_layer -- relu 7`

use std::error::Error;

use evmbench::bench::Bench;
use evmbench::environment;
use evmbench::forecast::Forecaster;
use evmbench::home::Home;
use evmbench::judge::OnnxRuntime;
use evmbench::prover::{CircuitPlan, EzklOptions, EzklProver, Phase, Silent, Toolchain};
use evmbench::record::Request;
use evmbench::solidity::{SOLC_VERSION, Solc};
use evmbench::subject::{Material, Subject};
use evmbench::suite::{self, Experiment};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let id = arguments.next().unwrap_or_else(|| "dense_small".to_owned());
    let scale = arguments.next().map_or(Ok(7), |text| text.parse())?;

    // The tools: installed where they are missing.
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

    // What to prove: weights and input are drawn from the request's seed.
    let model = suite::find(&id)?;
    let request = Request {
        runs: 1,
        ..Request::new(id, model.category.to_string(), CircuitPlan::direct(scale)?)
    };
    let subject = Subject::from_suite(Experiment { model, scale }, request, Material::default())?;

    let (record, _evidence) = bench.measure(&subject)?;
    println!("{}: {}", record.request.name(), record.outcome);
    println!(
        "prove: {:?} s, {:?} bytes at most",
        record.mean_call_seconds(Phase::Prove),
        record.peak_rss_bytes(Phase::Prove)
    );
    if let Some(gas) = record.verification.and_then(|verification| verification.gas) {
        println!(
            "verify: {} gas, of which {} before anything runs",
            gas.tx_gas, gas.intrinsic_gas
        );
    }
    Ok(())
}
