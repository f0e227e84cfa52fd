//! How many cases a second anvil decides: called, and mined.
//!
//! Goes in: a verifier, its creation code, calldata that it accepts and calldata that it rejects early. Comes out: counts and
//! seconds, valid cases and early failures apart, since the ones do all of a verifier's work and the others next to none.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, Bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Anvil, Foundry, NodeError};
use crate::chain::fork::BLOCK_GAS;
use crate::chain::{Calldata, Fork, Verifier};

/// Cases decided in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// How many.
    pub cases: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
}

impl Pace {
    /// Cases a second.
    pub fn per_second(&self) -> f64 {
        self.cases as f64 / self.seconds
    }
}

/// The pace for each end that a case can come to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaceByEnd {
    /// Proofs that the verifier accepts.
    pub valid: Pace,
    /// Calls that it rejects early.
    pub early_failure: Pace,
}

/// The pace of an anvil on the machine that asks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnvilThroughput {
    /// anvil's version.
    pub anvil_version: String,
    /// The rules that held.
    pub fork: Fork,
    /// How many cases were asked for at a time, each over a connection and from an account of its own.
    pub connections: u64,
    /// Cases that were called (`eth_call`).
    pub called: PaceByEnd,
    /// Cases that were mined, each a transaction and the wait for its receipt (`eth_sendTransactionSync`).
    pub mined: PaceByEnd,
}

/// Deploys a verifier in an anvil of its own, under the fork and with the key artifact that it has here, and measures its
/// pace: for this long `each`, valid cases and early failures, called and mined. It decides as many at a time as the machine
/// has cores, or anvil accounts (ten).
///
/// # Errors
/// [`NodeError::UnexpectedEnd`] where the verifier does not accept `valid` or does not reject `failing`, each time; others
/// where anvil does not start or answer.
pub fn measure_throughput(
    foundry: &Foundry,
    verifier: &Verifier,
    creation_code: &Bytes,
    valid: &Calldata,
    failing: &Calldata,
    each: Duration,
) -> Result<AnvilThroughput, NodeError> {
    let fork = verifier.fork();
    let node = Anvil::start(foundry, fork)?;
    let mut senders = node.accounts()?;
    senders.truncate(std::thread::available_parallelism().map_or(1, usize::from));
    let gas_limit = fork.limits().transaction_gas.unwrap_or(BLOCK_GAS);
    let deployment = node.deploy(senders[0], creation_code, gas_limit)?;
    let Some(contract) = deployment.contract.filter(|_| deployment.success) else {
        return Err(NodeError::NotDeployed);
    };
    if let Some(key_artifact) = verifier.key_artifact() {
        let registration = Calldata::register_key(key_artifact);
        if !node
            .transact(senders[0], contract, &registration, gas_limit)?
            .success
        {
            return Err(NodeError::NotRegistered);
        }
    }
    let called = |sender, case: &Case<'_>| {
        let answer = node.call(sender, contract, case.calldata, gas_limit)?;
        Ok(match answer {
            Answer::Returned(data) => verifier.is_acceptance(&data),
            Answer::Reverted(_) | Answer::Halted(_) => false,
        })
    };
    let mined = |sender, case: &Case<'_>| {
        let receipt = node.transact(sender, contract, case.calldata, gas_limit)?;
        Ok(receipt.success)
    };
    let valid = Case {
        calldata: valid,
        accepted: true,
    };
    let failing = Case {
        calldata: failing,
        accepted: false,
    };
    Ok(AnvilThroughput {
        anvil_version: super::FOUNDRY_VERSION.to_owned(),
        fork,
        connections: senders.len() as u64,
        called: PaceByEnd {
            valid: pace(&senders, &valid, each, &called)?,
            early_failure: pace(&senders, &failing, each, &called)?,
        },
        mined: PaceByEnd {
            valid: pace(&senders, &valid, each, &mined)?,
            early_failure: pace(&senders, &failing, each, &mined)?,
        },
    })
}

/// A call, and what the verifier must say to it.
struct Case<'a> {
    calldata: &'a Calldata,
    accepted: bool,
}

/// Decides the case again and again, for each sender in a thread of its own, and checks every decision.
fn pace<D>(senders: &[Address], case: &Case<'_>, at_least: Duration, decide: &D) -> Result<Pace, NodeError>
where
    D: Fn(Address, &Case<'_>) -> Result<bool, NodeError> + Sync,
{
    let decide_once = |sender| {
        if decide(sender, case)? == case.accepted {
            Ok(())
        } else {
            Err(NodeError::UnexpectedEnd {
                expected: if case.accepted { "accepted" } else { "rejected" },
            })
        }
    };
    // A case that ends otherwise is found before the clock runs.
    for &sender in senders {
        decide_once(sender)?;
    }
    let start = Instant::now();
    let decide_in_time = |sender| {
        let mut cases = 0;
        while start.elapsed() < at_least {
            decide_once(sender)?;
            cases += 1;
        }
        Ok(cases)
    };
    let cases = std::thread::scope(|scope| {
        let threads: Vec<_> = senders
            .iter()
            .map(|&sender| scope.spawn(move || decide_in_time(sender)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread panics"))
            .sum::<Result<u64, NodeError>>()
    })?;
    Ok(Pace {
        cases,
        seconds: start.elapsed().as_secs_f64(),
    })
}
