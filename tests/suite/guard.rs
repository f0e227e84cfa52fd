//! Guards in front of real verifiers: what they cost, what they take, and what they refuse.

use crate::common;
use crate::common::ForgeFixture;
use alloy_primitives::U256;
use evmbench::chain::Fork;
use evmbench::chain::calldata::VerifyCall;
use evmbench::guard::{
    self, GuardAnswer, GuardCheckKind, GuardContracts, GuardError, GuardMeasurement, VerifierCode,
};

fn measure(fixture: &ForgeFixture, fork: Fork, call: &VerifyCall) -> Result<GuardMeasurement, GuardError> {
    guard::measure(common::guards(), fork, fixture.code(), call, None)
}

/// To renew them: `UPDATE_CONTRACTS=1 cargo test --test suite guard::`.
#[test]
fn the_guards_that_the_program_carries_are_those_of_their_sources() {
    let compiled = GuardContracts::compile(common::solc()).expect("the guards compile");
    if std::env::var_os("UPDATE_CONTRACTS").is_some() {
        let text = serde_json::to_string_pretty(&compiled).unwrap() + "\n";
        std::fs::write(common::root("contracts/compiled.json"), text).unwrap();
        return;
    }
    // Another build of the same compiler has another name and gives the same code.
    let code = |contracts: &GuardContracts| {
        let GuardContracts {
            plain,
            reusable,
            committed,
            reusable_committed,
            linked,
            batch_committed,
            batch_verifier,
            opened_committed,
            linked_openings,
        } = contracts;
        let of_one = [plain, reusable, committed, reusable_committed];
        let of_many = [
            linked,
            batch_committed,
            batch_verifier,
            opened_committed,
            linked_openings,
        ];
        of_one
            .into_iter()
            .chain(of_many)
            .map(|contract| {
                (
                    contract.contract.clone(),
                    contract.creation_code.clone(),
                    contract.runtime_code.clone(),
                    contract.runtime_source_map.clone(),
                    contract.settings.standard_json_settings.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(code(&compiled), code(GuardContracts::carried()));
}

#[track_caller]
fn assert_sound(measured: &GuardMeasurement) {
    let failed: Vec<_> = measured.checks.iter().filter(|check| !check.passed()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(measured.passed());
    let (guarded, bare) = (measured.verification, measured.bare_verification);
    assert_eq!(guarded.intrinsic_gas, bare.intrinsic_gas);
    assert_eq!(
        measured.execution_gas_over_verifier,
        guarded.execution_gas.cast_signed() - bare.execution_gas.cast_signed()
    );
    assert_eq!(
        measured.tx_gas_over_verifier,
        guarded.tx_gas.cast_signed() - bare.tx_gas.cast_signed()
    );
}

/// The number that Forge found about a contract, as `contracts/snapshots` has it.
fn snapshot(contract: &str, name: &str) -> u64 {
    let path = common::root("contracts/snapshots").join(format!("{contract}.json"));
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    json[name].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_guard_takes_what_is_right_and_names_what_is_wrong() {
    for (name, instances) in [("dense_4x2", 6), ("relu_4x4", 32), ("dense_small-s7-direct", 192)] {
        let fixture = ForgeFixture::read(name);
        let measured = measure(&fixture, Fork::Osaka, &fixture.calls[0]).unwrap();
        assert_eq!(measured.contract, "GuardedVerifier");
        assert_eq!(measured.checks.len(), 12);
        assert_sound(&measured);
        // A call to a cold account, the calldata copied, and 78 gas for each instance.
        let over = measured.execution_gas_over_verifier;
        assert!((2_600..5_000 + 80 * instances).contains(&over), "{name}: {over}");
        assert_eq!(
            measured.verification.tx_gas,
            snapshot("GuardedVerifier", &format!("{name}: gas"))
        );
        assert_eq!(
            measured.bare_verification.tx_gas,
            snapshot("Halo2Verifier", &format!("{name}: gas"))
        );
        assert_eq!(measured.runtime_code_bytes, snapshot("GuardedVerifier", "bytes"));
    }
}

#[test]
fn a_guard_does_the_same_under_every_fork() {
    let fixture = ForgeFixture::read("dense_4x2");
    for fork in Fork::ALL {
        let measured = measure(&fixture, fork, &fixture.calls[0]).unwrap();
        assert_eq!(measured.fork, fork);
        assert_sound(&measured);
    }
}

#[test]
fn a_guard_of_the_reusable_verifier_knows_its_key() {
    let fixture = ForgeFixture::read("reusable_4x2");
    for call in &fixture.calls {
        let measured = measure(&fixture, Fork::Osaka, call).unwrap();
        assert_eq!(measured.contract, "GuardedReusableVerifier");
        assert_eq!(measured.checks.len(), 14);
        assert_sound(&measured);
    }
    let measured = measure(&fixture, Fork::Osaka, &fixture.calls[0]).unwrap();
    assert_eq!(
        measured.verification.tx_gas,
        snapshot("GuardedReusableVerifier", "gas")
    );
}

#[test]
fn a_proof_that_is_not_accepted_is_not_measured() {
    let fixture = ForgeFixture::read("dense_4x2");
    let mut wrong = fixture.calls[0].clone();
    wrong.instances[0] += U256::ONE;
    let error = measure(&fixture, Fork::Osaka, &wrong).unwrap_err();
    let GuardError::NotAccepted { contract, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(contract, "the verifier");
}

/// Code that is not the one on chain: the guard cannot be deployed in front of it.
#[test]
fn a_guard_of_other_code_is_not_deployed() {
    let fixture = ForgeFixture::read("dense_4x2");
    let other = VerifierCode {
        runtime: &fixture.compiled.creation_code,
        ..fixture.code()
    };
    let error = guard::measure(common::guards(), Fork::Osaka, other, &fixture.calls[0], None).unwrap_err();
    assert!(matches!(error, GuardError::Chain(_)), "{error}");
}

#[test]
fn a_measurement_is_read_back() {
    let fixture = ForgeFixture::read("dense_4x2");
    let measured = measure(&fixture, Fork::Osaka, &fixture.calls[0]).unwrap();
    let text = serde_json::to_string(&measured).unwrap();
    assert_eq!(serde_json::from_str::<GuardMeasurement>(&text).unwrap(), measured);
    let elsewhere = measured
        .checks
        .iter()
        .find(|check| check.kind == GuardCheckKind::InstancesElsewhere)
        .unwrap();
    assert_eq!(elsewhere.found, GuardAnswer::ProofRejected);
}
