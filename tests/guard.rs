//! Guards in front of real verifiers: what they cost, what they take, and what they refuse.

mod common;

use alloy_primitives::{B256, Bytes, U256};
use evmbench::chain::Fork;
use evmbench::chain::calldata::VerifyCall;
use evmbench::foundry::{FIXTURE_FILE, SOURCE_FILE};
use evmbench::guard::{self, GuardAnswer, GuardCheckKind, GuardError, GuardMeasurement, VerifierCode};
use evmbench::solidity::{CompileOptions, CompiledContract};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    contract: String,
    proofs: Vec<FixtureProof>,
}

#[derive(Deserialize)]
struct FixtureProof {
    proof: Bytes,
    instances: Vec<U256>,
    key: Vec<B256>,
}

impl FixtureProof {
    fn call(&self) -> VerifyCall {
        VerifyCall {
            proof: self.proof.to_vec(),
            instances: self.instances.clone(),
            key_artifact: (!self.key.is_empty()).then(|| self.key.clone()),
        }
    }
}

fn fixture(name: &str) -> (Fixture, CompiledContract) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("contracts/test/fixtures")
        .join(name);
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    let fixture: Fixture = serde_json::from_str(&read(FIXTURE_FILE)).unwrap();
    let compiled = common::solc()
        .compile(&read(SOURCE_FILE), &fixture.contract, &CompileOptions::default())
        .unwrap();
    (fixture, compiled)
}

fn code(compiled: &CompiledContract) -> VerifierCode<'_> {
    VerifierCode {
        creation: &compiled.creation_code,
        runtime: &compiled.runtime_code,
    }
}

#[track_caller]
fn assert_sound(measured: &GuardMeasurement) {
    let failed: Vec<_> = measured.checks.iter().filter(|check| !check.passed()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(measured.passed());
    let (tx, bare) = (measured.verification, measured.bare_verification);
    assert_eq!(tx.intrinsic_gas, bare.intrinsic_gas);
    assert_eq!(
        measured.execution_gas_over_verifier,
        tx.execution_gas.cast_signed() - bare.execution_gas.cast_signed()
    );
    assert_eq!(
        measured.tx_gas_over_verifier,
        tx.tx_gas.cast_signed() - bare.tx_gas.cast_signed()
    );
}

#[test]
fn a_guard_takes_what_is_right_and_names_what_is_wrong() {
    for (name, instances) in [("dense_4x2", 6), ("relu_4x4", 32), ("dense_small-s7-direct", 192)] {
        let (fixture, compiled) = fixture(name);
        let call = fixture.proofs[0].call();
        for fork in Fork::ALL {
            let measured = guard::measure(common::solc(), fork, code(&compiled), &call).unwrap();
            assert_eq!(
                (measured.contract.as_str(), measured.fork),
                ("GuardedVerifier", fork)
            );
            assert_eq!(measured.checks.len(), 12);
            assert_sound(&measured);
            // A call, its calldata copied, and a comparison for each instance.
            let over = measured.execution_gas_over_verifier;
            assert!(
                (2_600..5_000 + 200 * instances).contains(&over),
                "{name} {fork:?}: {over}"
            );
        }
    }
}

#[test]
fn a_guard_of_the_reusable_verifier_knows_its_key() {
    let (fixture, compiled) = fixture("reusable_4x2");
    for proof in &fixture.proofs {
        let measured = guard::measure(common::solc(), Fork::Osaka, code(&compiled), &proof.call()).unwrap();
        assert_eq!(measured.contract, "GuardedReusableVerifier");
        assert_eq!(measured.checks.len(), 14);
        assert_sound(&measured);
    }
}

#[test]
fn a_proof_that_is_not_accepted_is_not_measured() {
    let (fixture, compiled) = fixture("dense_4x2");
    let mut wrong = fixture.proofs[0].call();
    wrong.instances[0] += U256::ONE;
    let error = guard::measure(common::solc(), Fork::Osaka, code(&compiled), &wrong).unwrap_err();
    assert!(
        matches!(
            error,
            GuardError::NotAccepted {
                contract: "the verifier",
                ..
            }
        ),
        "{error}"
    );
}

/// Code that is not the one on chain: the guard cannot be deployed in front of it.
#[test]
fn a_guard_of_other_code_is_not_deployed() {
    let (fixture, compiled) = fixture("dense_4x2");
    let other = VerifierCode {
        runtime: &compiled.creation_code,
        ..code(&compiled)
    };
    let error = guard::measure(common::solc(), Fork::Osaka, other, &fixture.proofs[0].call()).unwrap_err();
    assert!(matches!(error, GuardError::Chain(_)), "{error}");
}

#[test]
fn a_measurement_is_read_back() {
    let (fixture, compiled) = fixture("dense_4x2");
    let measured = guard::measure(
        common::solc(),
        Fork::Osaka,
        code(&compiled),
        &fixture.proofs[0].call(),
    )
    .unwrap();
    let text = serde_json::to_string(&measured).unwrap();
    assert_eq!(serde_json::from_str::<GuardMeasurement>(&text).unwrap(), measured);
    let elsewhere = measured
        .checks
        .iter()
        .find(|check| check.kind == GuardCheckKind::InstancesElsewhere)
        .unwrap();
    assert_eq!(elsewhere.found, GuardAnswer::ProofRejected);
}
