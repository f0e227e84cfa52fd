//! What calls of any contract cost, compiled and measured as a verifier is for a record.
//!
//! `measure_call SOURCE CONTRACT FUNCTION < CALLS`, where each line of CALLS is the encoded arguments of one call, in hexadecimal. Prints
//! JSON: the compiler's settings, the sizes of the code, and under each fork the deployment and every call, with verdict and gas.
//!
//! `cargo run --release --example measure_call -- Verifier.sol Verifier verifyProof < calls`

use std::error::Error;

use alloy_primitives::{Bytes, Selector, hex, keccak256};
use evmbench::chain::{Calldata, ChainError, Fork, Verification, Verifier};
use evmbench::environment;
use evmbench::home::Home;
use evmbench::solidity::{CompileOptions, SOLC_VERSION, Solc};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, contract, function] = arguments.as_slice() else {
        return Err("usage: measure_call SOURCE CONTRACT FUNCTION < CALLS".into());
    };
    let solc = Solc::obtain(&Home::from_environment()?.solc(SOLC_VERSION))?;
    let source = std::fs::read_to_string(path)?;
    let compiled = solc.compile(&source, contract, &CompileOptions::default())?;
    let selector =
        selector(&compiled.abi, function).ok_or_else(|| format!("{contract} has no {function}"))?;
    let mut calls = Vec::new();
    for line in std::io::stdin().lines() {
        let arguments = hex::decode(line?.trim())?;
        calls.push(Calldata::raw([selector.as_slice(), &arguments].concat()));
    }
    let mut forks = Vec::new();
    for fork in Fork::ALL {
        forks.push(under(fork, &compiled.creation_code, &calls)?);
    }
    let measured = json!({
        "environment": environment::current(solc.version(), 1, None),
        "solc": compiled.settings,
        "creation_code_bytes": compiled.creation_code.len(),
        "runtime_code_bytes": compiled.runtime_code.len(),
        "forks": forks,
    });
    println!("{measured:#}");
    Ok(())
}

/// The first four bytes of Keccak-256 of the function's name and types. None where the contract has no such function.
fn selector(abi: &Value, function: &str) -> Option<Selector> {
    let mut entries = abi.as_array()?.iter();
    let entry = entries.find(|entry| entry["type"] == "function" && entry["name"] == function)?;
    let inputs = entry["inputs"].as_array()?.iter();
    let types: Option<Vec<&str>> = inputs.map(|input| input["type"].as_str()).collect();
    let signature = format!("{function}({})", types?.join(","));
    Some(Selector::from_slice(&keccak256(signature)[..4]))
}

/// The deployment and each call, all from the state right after the deployment.
fn under(fork: Fork, creation_code: &Bytes, calls: &[Calldata]) -> Result<Value, ChainError> {
    let verifier = Verifier::deploy(fork, creation_code)?;
    let calls: Result<Vec<Verification>, ChainError> =
        calls.iter().map(|call| verifier.verify(call)).collect();
    Ok(json!({ "fork": fork, "deployment": verifier.deployment(), "calls": calls? }))
}
