//! Sums against receipts, and parts against prices worked out by hand.

use alloy_primitives::{Bytes, hex};
use proptest::prelude::*;
use revm::bytecode::opcode::*;

use super::*;
use crate::chain::tests::{deployed, deploying, fixtures};
use crate::chain::{Calldata, Deployment, Fork, Verdict, Verification, Verifier};

/// The gas of these causes, and nothing of any other.
#[track_caller]
fn assert_causes(found: &GasByCause, expected: &[(Cause, i64)]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}

#[track_caller]
fn assert_sums(verification: &Verification) -> GasByCause {
    let by_cause = verification.gas_by_cause.clone().unwrap();
    let gas = verification.gas.unwrap();
    assert_eq!(by_cause.total(), gas.tx_gas.cast_signed(), "{by_cause:?}");
    assert!(by_cause.iter().all(|(cause, gas)| gas > 0 || cause == Cause::Refund));
    by_cause
}

fn call(fork: Fork, runtime: &[u8]) -> Verification {
    deployed(fork, runtime).verify(&Calldata::raw(Bytes::new())).unwrap()
}

#[test]
fn generated_verifiers_sum() {
    for fork in Fork::ALL {
        for fixture in fixtures() {
            let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
            let deployment = verifier.deployment();
            let by_cause = deployment.gas_by_cause.as_ref().unwrap();
            assert_eq!(by_cause.total(), deployment.gas.tx_gas.cast_signed());
            let verification = verifier.verify(&fixture.calldata()).unwrap();
            println!("{fork:?} {by_cause:?}");
            println!("{fork:?} {:?}", assert_sums(&verification));
        }
    }
}
