//! Sums against receipts, parts against prices worked out by hand, and errors where the prices are wrong.

use alloy_primitives::{B256, Bytes, TxKind, U256, address, hex, keccak256};
use proptest::prelude::*;
use revm::InspectEvm as _;
use revm::MainBuilder as _;
use revm::bytecode::Bytecode;
use revm::bytecode::opcode::*;
use revm::context::result::ExecutionResult;
use revm::context_interface::cfg::gas_params::GasId;
use revm::state::AccountInfo;

use super::*;
use crate::chain::gas::Intrinsic;
use crate::chain::rules::Rulebook;
use crate::chain::tests::{Fixture, RETURN_TRUE, deployed, deploying, fixtures};
use crate::chain::transaction::{self, Ran, Request, SENDER, State};
use crate::chain::{Calldata, Control, Fork, Verification, Verifier};

/// Who calls, and who is called.
const OUTER: Address = address!("00000000000000000000000000000000000a0001");
const INNER: Address = address!("00000000000000000000000000000000000a0002");

/// Enough for state gas to have a reservoir of its own from Amsterdam on, and not so much that a loop takes long.
const GAS_WITH_RESERVOIR: u64 = 18_000_000;

/// A chain on which two accounts have code.
fn chain_with(outer: &[u8], inner: &[u8]) -> State {
    let mut state = transaction::genesis();
    for (address, code) in [(OUTER, outer), (INNER, inner)] {
        let code = Bytecode::new_legacy(Bytes::copy_from_slice(code));
        state.insert_account_info(address, AccountInfo::default().with_code(code));
    }
    state
}

/// Calls or creates with a gas limit, and checks the sums.
#[track_caller]
fn attributed(
    state: &State,
    fork: Fork,
    kind: TxKind,
    data: &Bytes,
    gas_limit: Option<u64>,
) -> (Ran, GasByCause) {
    let mut rulebook = Rulebook::lifting(fork, &[]);
    rulebook.gas_limit = gas_limit.unwrap_or(rulebook.gas_limit);
    let request = Request { kind, data, nonce: 0 };
    let (ran, attribution) = transaction::run_attributed(state, &rulebook, request, None).unwrap();
    let by_cause = attribution.map_or_else(GasByCause::default, |attribution| attribution.by_cause);
    if let Some(gas) = ran.gas() {
        assert_eq!(by_cause.total(), gas.tx_gas.cast_signed());
        assert_eq!(by_cause.get(Cause::State), gas.state_gas.cast_signed());
        assert_eq!(
            by_cause.get(Cause::Refund),
            if gas.floor_binds() {
                by_cause.get(Cause::Refund)
            } else {
                -gas.refunded_gas.cast_signed()
            }
        );
        let plain = transaction::run(state, &rulebook, request).unwrap();
        assert_eq!(plain.result.as_ref().unwrap(), ran.result.as_ref().unwrap());
        assert_eq!(plain.changes, ran.changes);
    }
    (ran, by_cause)
}

/// Runs code at [`OUTER`] in a call without data.
#[track_caller]
fn run(fork: Fork, outer: &[u8], inner: &[u8]) -> GasByCause {
    let state = chain_with(outer, inner);
    attributed(&state, fork, TxKind::Call(OUTER), &Bytes::new(), None).1
}

/// The gas of these causes, and nothing of any other.
#[track_caller]
fn assert_causes(found: &GasByCause, expected: &[(Cause, i64)]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}

/// The base of a call with no data.
fn base(fork: Fork) -> Vec<(Cause, i64)> {
    match fork {
        Fork::Prague | Fork::Osaka => vec![(Cause::Base, 21_000)],
        Fork::Amsterdam => vec![(Cause::Base, 12_000), (Cause::Recipient, 3_000)],
    }
}

#[track_caller]
fn assert_sums(verification: &Verification) -> GasByCause {
    let by_cause = verification.gas_by_cause.clone().unwrap();
    assert_eq!(by_cause.total(), verification.gas.unwrap().tx_gas.cast_signed());
    by_cause
}

/// PUSH20 of an account.
fn push_address(account: Address) -> Vec<u8> {
    [&[PUSH20][..], &account[..]].concat()
}

/// Calls an account with all gas, no data and no value, in one of four ways, and drops the answer.
fn calling(opcode: u8, account: Address) -> Vec<u8> {
    let zeros = if matches!(opcode, CALL | CALLCODE) { 5 } else { 4 };
    [
        &vec![PUSH0; zeros][..],
        &push_address(account),
        &[GAS, opcode, POP],
    ]
    .concat()
}

mod verifiers {
    use super::*;

    #[test]
    fn are_attributed_on_every_fork() {
        for fork in Fork::ALL {
            for fixture in fixtures() {
                let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
                let deployment = verifier.deployment();
                let by_cause = deployment.gas_by_cause.as_ref().unwrap();
                assert_eq!(by_cause.total(), deployment.gas.tx_gas.cast_signed());
                let by_cause = assert_sums(&verifier.verify(&fixture.calldata()).unwrap());
                // Two pairs of points, and three inversions.
                assert_eq!(by_cause.get(Cause::Pairing), 45_000 + 2 * 34_000);
                let inversion = if fork == Fork::Prague { 1_349 } else { 4_048 };
                assert_eq!(by_cause.get(Cause::Modexp), 3 * inversion);
                assert_eq!(by_cause.get(Cause::EcAdd) % 150, 0);
                assert_eq!(by_cause.get(Cause::EcMul) % 6_000, 0);
                assert_eq!(by_cause.get(Cause::Storage), 0);
            }
        }
    }

    #[test]
    fn differ_between_prague_and_osaka_in_modexp_alone() {
        for fixture in fixtures() {
            let [prague, osaka] = [Fork::Prague, Fork::Osaka].map(|fork| {
                let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
                assert_sums(&verifier.verify(&fixture.calldata()).unwrap())
            });
            let changes: Vec<_> = Cause::ALL
                .iter()
                .map(|&cause| (cause, osaka.get(cause) - prague.get(cause)))
                .filter(|(_, change)| *change != 0)
                .collect();
            assert_eq!(changes, [(Cause::Modexp, 8_097)]);
        }
    }

    /// A point that is not on the curve halts the precompile, which takes with it 63/64 of all gas.
    #[test]
    fn lose_gas_to_a_precompile_that_halts() {
        let fixture = &fixtures()[0];
        for fork in Fork::ALL {
            let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
            let wrong = Control::InstanceChanged { instance: 0 }.apply(&fixture.proof, &fixture.instances);
            let by_cause = assert_sums(&verifier.verify(&wrong).unwrap());
            // A wrong instance makes a wrong sum of points that are points.
            assert_eq!(by_cause.get(Cause::Halted), 0);
            let off_curve = [&[
                PUSH1, 1, PUSH0, MSTORE, PUSH0, PUSH0, PUSH1, 64, PUSH0, PUSH1, 6, GAS, STATICCALL,
            ][..]]
            .concat();
            let by_cause = run(fork, &off_curve, &[]);
            assert!(by_cause.get(Cause::Halted) > 16_000_000);
            assert_eq!(by_cause.get(Cause::EcAdd), 0);
        }
    }

    /// Copies its data to memory, calls the verifier with it, and returns the verifier's answer.
    fn forwarding() -> Vec<u8> {
        [
            &[
                CALLDATASIZE,
                PUSH0,
                PUSH0,
                CALLDATACOPY,
                PUSH0,
                PUSH0,
                CALLDATASIZE,
                PUSH0,
            ][..],
            &push_address(INNER),
            &[
                GAS,
                STATICCALL,
                POP,
                RETURNDATASIZE,
                PUSH0,
                PUSH0,
                RETURNDATACOPY,
                RETURNDATASIZE,
                PUSH0,
                RETURN,
            ],
        ]
        .concat()
    }

    #[test]
    fn cost_a_caller_what_they_cost_alone_and_the_call() {
        for fork in Fork::ALL {
            for Fixture {
                creation_code,
                proof,
                instances,
            } in fixtures()
            {
                let data = Calldata::verify_proof(&proof, &instances);
                // The constructor of a verifier is 28 bytes of code.
                let state = chain_with(&forwarding(), &creation_code[28..]);
                let on = |account| attributed(&state, fork, TxKind::Call(account), data.bytes(), None);
                let (ran, around) = on(OUTER);
                assert!(ran.verdict().is_accepted(), "{}", ran.verdict());
                let (_, alone) = on(INNER);
                let more: Vec<_> = Cause::ALL
                    .iter()
                    .map(|&cause| (cause, around.get(cause) - alone.get(cause)))
                    .filter(|(_, more)| *more != 0)
                    .collect();
                let words = data.bytes().len().div_ceil(32).cast_signed() as i64;
                let memory = 3 * words + words * words / 512;
                assert_eq!(
                    more,
                    [
                        (Cause::Memory, memory),
                        // 17 plain opcodes, two of which copy: the data, and the answer's word.
                        (Cause::DataMovement, 8 * 2 + 3 + 3 + 2 * 6 + 3 + 3 * words + 3),
                        (Cause::Calls, if fork == Fork::Amsterdam { 3_000 } else { 2_600 }),
                    ]
                );
            }
        }
    }
}
