//! Sums against receipts, parts against prices worked out by hand, and errors where the prices are wrong.

use alloy_primitives::{Bytes, TxKind, U256, address, hex, keccak256};
use proptest::prelude::*;
use revm::InspectEvm as _;
use revm::MainBuilder as _;
use revm::bytecode::Bytecode;
use revm::bytecode::opcode::*;
use revm::context::result::ExecutionResult;
use revm::context_interface::cfg::gas_params::GasId;
use revm::state::AccountInfo;

use super::*;
use crate::chain::controls;
use crate::chain::gas::Intrinsic;
use crate::chain::rules::Rulebook;
use crate::chain::tests::{Fixture, RETURN_TRUE, deployed, deploying, fixtures};
use crate::chain::transaction::{self, Ran, Request, State};
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
        assert_eq!(by_cause.get(Cause::Refund), -gas.refunded_gas.cast_signed());
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
            let right = verifier.call_for(&fixture.proof, &fixture.instances);
            let wrong = controls::apply(&Control::InstanceChanged { instance: 0 }, &right).calldata();
            let by_cause = assert_sums(&verifier.verify(&wrong).unwrap());
            // A wrong instance makes a wrong sum of points that are points.
            assert_eq!(by_cause.get(Cause::Halted), 0);
            // (1, 0) is no point of y^2 = x^3 + 3.
            let off_curve = [
                PUSH1, 1, PUSH0, MSTORE, PUSH0, PUSH0, PUSH1, 64, PUSH0, PUSH1, 6, GAS, STATICCALL,
            ];
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

mod by_hand {
    use super::*;

    /// The base, and what is expected beyond it.
    #[track_caller]
    fn assert_run(fork: Fork, outer: &[u8], inner: &[u8], beyond_base: &[(Cause, i64)]) {
        assert_causes(
            &run(fork, outer, inner),
            &[base(fork), beyond_base.to_vec()].concat(),
        );
    }

    #[test]
    fn a_calls_bytes_and_the_floor() {
        let calldata = Calldata::raw([vec![0; 700], vec![1; 300]].concat());
        for (fork, floor) in [
            (Fork::Prague, 21_000 + 700 * 10 + 300 * 40),
            (Fork::Osaka, 21_000 + 700 * 10 + 300 * 40),
            (Fork::Amsterdam, 15_000 + 1_000 * 64),
        ] {
            let verification = deployed(fork, &RETURN_TRUE).verify(&calldata).unwrap();
            let spent = [
                base(fork),
                vec![
                    (Cause::CalldataZero, 700 * 4),
                    (Cause::CalldataNonzero, 300 * 16),
                    // Four PUSH1 and MSTORE; one fresh word; RETURN is for nothing.
                    (Cause::DataMovement, 5 * 3),
                    (Cause::Memory, 3),
                ],
            ]
            .concat();
            let sum: i64 = spent.iter().map(|(_, gas)| gas).sum();
            let by_cause = assert_sums(&verification);
            assert_causes(
                &by_cause,
                &[spent, vec![(Cause::FloorSurcharge, floor - sum)]].concat(),
            );
        }
    }

    #[test]
    fn a_deployment() {
        for fork in Fork::ALL {
            let creation_code = deploying(&RETURN_TRUE);
            let size = Calldata::raw(creation_code.clone()).size();
            let code = RETURN_TRUE.len().cast_signed() as i64;
            let spent = [
                base(fork)[..1].to_vec(),
                vec![
                    (Cause::CalldataZero, size.zero_bytes.cast_signed() * 4),
                    (Cause::CalldataNonzero, size.nonzero_bytes.cast_signed() * 16),
                    (Cause::Initcode, 2),
                    // PUSH3, DUP1, three PUSH1; CODECOPY of one word.
                    (Cause::DataMovement, 5 * 3 + 3 + 3),
                    (Cause::Memory, 3),
                ],
                match fork {
                    Fork::Prague | Fork::Osaka => {
                        vec![(Cause::Creation, 32_000), (Cause::CodeDeposit, 200 * code)]
                    }
                    Fork::Amsterdam => vec![
                        (Cause::Creation, 12_000),
                        (Cause::CodeDeposit, 6),
                        (Cause::State, 1_530 * (120 + code)),
                    ],
                },
            ]
            .concat();
            let verifier = Verifier::deploy(fork, &creation_code).unwrap();
            assert_causes(verifier.deployment().gas_by_cause.as_ref().unwrap(), &spent);
        }
    }

    #[test]
    fn memory_is_apart_from_the_opcode_that_grows_it() {
        // Each asks for memory up to 0x220, which is 17 words: 3 x 17 and 17^2 / 512.
        let memory = (Cause::Memory, 51);
        let push = [PUSH1, 0x20, PUSH2, 0x02, 0x00];
        let with = |opcodes: &[u8]| [&push[..], opcodes].concat();
        for fork in Fork::ALL {
            assert_run(
                fork,
                &with(&[KECCAK256]),
                &[],
                &[memory, (Cause::DataMovement, 6), (Cause::Keccak, 36)],
            );
            assert_run(fork, &with(&[RETURN]), &[], &[memory, (Cause::DataMovement, 6)]);
            assert_run(fork, &with(&[REVERT]), &[], &[memory, (Cause::DataMovement, 6)]);
            assert_run(
                fork,
                &with(&[LOG0]),
                &[],
                &[memory, (Cause::DataMovement, 6), (Cause::Logs, 375 + 8 * 32)],
            );
            for copy in [CALLDATACOPY, CODECOPY, MCOPY] {
                let code = [PUSH1, 0x20, PUSH0, PUSH2, 0x02, 0x00, copy];
                assert_run(
                    fork,
                    &code,
                    &[],
                    &[memory, (Cause::DataMovement, 3 + 2 + 3 + 3 + 3)],
                );
            }
            // CREATE of 32 zero bytes, which stop at once.
            let create = [PUSH1, 0x20, PUSH2, 0x02, 0x00, PUSH0, CREATE];
            let creation = match fork {
                Fork::Prague | Fork::Osaka => vec![(Cause::Creation, 32_000)],
                Fork::Amsterdam => vec![(Cause::Creation, 12_000), (Cause::State, 120 * 1_530)],
            };
            let others = [memory, (Cause::DataMovement, 8), (Cause::Initcode, 2)];
            assert_run(fork, &create, &[], &[&others[..], &creation].concat());
            // The output of a call grows memory, too.
            let call = [
                &[PUSH1, 0x20, PUSH2, 0x02, 0x00, PUSH0, PUSH0][..],
                &push_address(INNER),
                &[GAS, STATICCALL],
            ]
            .concat();
            let cold = if fork == Fork::Amsterdam { 3_000 } else { 2_600 };
            assert_run(
                fork,
                &call,
                &[],
                &[memory, (Cause::DataMovement, 6 + 4 + 3 + 2), (Cause::Calls, cold)],
            );
        }
    }

    #[test]
    fn what_a_call_hands_on_and_gets_back_is_not_counted() {
        let inner = [PUSH1, 1, PUSH1, 2, ADD, POP];
        for fork in Fork::ALL {
            let cold = if fork == Fork::Amsterdam { 3_000 } else { 2_600 };
            for opcode in [STATICCALL, DELEGATECALL] {
                let outer = [calling(opcode, INNER), calling(opcode, INNER)].concat();
                let of_one_call = 4 * 2 + 3 + 2 + 2 + 3 + 3 + 2;
                assert_run(
                    fork,
                    &outer,
                    &inner,
                    &[
                        (Cause::DataMovement, 2 * of_one_call),
                        (Cause::Arithmetic, 2 * 3),
                        (Cause::Calls, cold + 100),
                    ],
                );
            }
        }
    }

    #[test]
    fn a_call_that_halts_loses_what_it_was_given() {
        for fork in Fork::ALL {
            // 10,000 gas for INVALID, and for an endless loop: nothing but the loss is known of the first.
            let outer = [
                &[PUSH0, PUSH0, PUSH0, PUSH0][..],
                &push_address(INNER),
                &[PUSH2, 0x27, 0x10, STATICCALL],
            ]
            .concat();
            let cold = if fork == Fork::Amsterdam { 3_000 } else { 2_600 };
            let caller = [(Cause::DataMovement, 4 * 2 + 3 + 3), (Cause::Calls, cold)];
            assert_run(
                fork,
                &outer,
                &[INVALID],
                &[&caller[..], &[(Cause::Halted, 10_000)]].concat(),
            );
            // JUMPDEST, PUSH0, JUMP: 11 gas a round; 909 rounds leave 1, and the JUMPDEST after them takes it. PUSH0 halts.
            assert_run(
                fork,
                &outer,
                &[JUMPDEST, PUSH0, JUMP],
                &[
                    (Cause::DataMovement, 14 + 909 * 2),
                    (Cause::Calls, cold),
                    (Cause::ControlFlow, 909 * 9 + 1),
                ],
            );
            // MSTORE of a far word cannot be paid.
            assert_run(
                fork,
                &outer,
                &[PUSH0, PUSH4, 0xff, 0xff, 0xff, 0xff, MSTORE],
                &[
                    (Cause::DataMovement, 14 + 5),
                    (Cause::Calls, cold),
                    (Cause::Halted, 10_000 - 5),
                ],
            );
        }
    }

    #[test]
    fn a_transaction_that_halts_loses_everything() {
        for fork in Fork::ALL {
            let limit: i64 = if fork == Fork::Prague {
                60_000_000
            } else {
                16_777_216
            };
            let base_gas: i64 = base(fork).iter().map(|(_, gas)| gas).sum();
            assert_run(fork, &[INVALID], &[], &[(Cause::Halted, limit - base_gas)]);
            // So does a deployment, with what new state took of its gas: from a small limit, and from one with a reservoir.
            for gas_limit in [900_000, 16_777_216, GAS_WITH_RESERVOIR] {
                let (ran, by_cause) = attributed(
                    &transaction::genesis(),
                    fork,
                    TxKind::Create,
                    &hex!("fe").into(),
                    Some(gas_limit),
                );
                if fork == Fork::Osaka && gas_limit == GAS_WITH_RESERVOIR {
                    assert!(ran.result.is_err());
                } else {
                    assert_eq!(by_cause.get(Cause::State), 0);
                    assert!(by_cause.get(Cause::Halted) > 800_000);
                }
            }
        }
    }

    #[test]
    fn code_that_is_refused_loses_everything() {
        // Code that starts with 0xef (EIP-3541), and more of it than is paid for.
        let refused = hex!("60ef5f5360015ff3");
        let dear = hex!("6110005ff3");
        for fork in Fork::ALL {
            for (creation_code, gas_limit) in
                [(Bytes::from(refused), 1_000_000), (Bytes::from(dear), 800_000)]
            {
                let (ran, by_cause) = attributed(
                    &transaction::genesis(),
                    fork,
                    TxKind::Create,
                    &creation_code,
                    Some(gas_limit),
                );
                assert!(matches!(ran.result, Ok(ExecutionResult::Halt { .. })));
                assert_eq!(by_cause.get(Cause::CodeDeposit), 0);
                assert_eq!(by_cause.total(), gas_limit.cast_signed());
            }
        }
    }

    #[test]
    fn storage() {
        for fork in Fork::ALL {
            let amsterdam = fork == Fork::Amsterdam;
            // SLOAD twice: cold, then warm.
            let twice = [PUSH0, SLOAD, POP, PUSH0, SLOAD, POP];
            assert_run(
                fork,
                &twice,
                &[],
                &[(Cause::DataMovement, 8), (Cause::Storage, 2_100 + 100)],
            );
            // A slot that is set: 22,100; from Amsterdam on 12,100, and 64 bytes of state.
            let set = [PUSH1, 1, PUSH0, SSTORE];
            let slot = if amsterdam {
                vec![(Cause::Storage, 12_100), (Cause::State, 64 * 1_530)]
            } else {
                vec![(Cause::Storage, 22_100)]
            };
            assert_run(
                fork,
                &set,
                &[],
                &[vec![(Cause::DataMovement, 5)], slot.clone()].concat(),
            );
            // Set in a call that reverts: its state is not kept, and its steps are paid.
            let reverting = [&set[..], &[PUSH0, PUSH0, REVERT]].concat();
            let cold = if amsterdam { 3_000 } else { 2_600 };
            let outer = calling(CALL, INNER);
            let data = (Cause::DataMovement, 5 * 2 + 3 + 2 + 2 + 5 + 4);
            assert_run(fork, &outer, &reverting, &[data, slot[0], (Cause::Calls, cold)]);
            // Set and cleared again: the state is given back, and of the steps a part, at most a fifth of what was spent.
            let cleared = [&set[..], &[PUSH0, PUSH0, SSTORE]].concat();
            let spent = if amsterdam { 15_000 } else { 21_000 } + 5 + 4 + slot[0].1 + 100;
            let refund = if amsterdam { 10_000 } else { 19_900 }.min(spent / 5);
            assert_run(
                fork,
                &cleared,
                &[],
                &[
                    (Cause::DataMovement, 9),
                    (Cause::Storage, slot[0].1 + 100),
                    (Cause::Refund, -refund),
                ],
            );
        }
    }

    /// No account but the sender's has money: the callee is not run, and gets its 2,300 gas for nothing all the same.
    #[test]
    fn value_that_is_not_there() {
        let outer = [
            &[PUSH0, PUSH0, PUSH0, PUSH0, PUSH1, 1][..],
            &push_address(INNER),
            &[GAS, CALL],
        ]
        .concat();
        assert_run(
            Fork::Osaka,
            &outer,
            &[STOP],
            &[
                (Cause::DataMovement, 4 * 2 + 3 + 3 + 2),
                (Cause::Calls, 2_600 + 9_000 - 2_300),
            ],
        );
        // An account without code is empty, and would be new.
        assert_run(
            Fork::Osaka,
            &outer,
            &[],
            &[
                (Cause::DataMovement, 4 * 2 + 3 + 3 + 2),
                (Cause::Calls, 2_600 + 9_000 + 25_000 - 2_300),
            ],
        );
    }

    #[test]
    fn precompiles_by_name() {
        let calling_precompile = |number: u8| [PUSH0, PUSH0, PUSH0, PUSH0, PUSH1, number, GAS, STATICCALL];
        for (number, cause, gas) in [
            (1, Cause::EcRecover, 3_000),
            (2, Cause::Sha256, 60),
            (3, Cause::Ripemd160, 600),
            (4, Cause::Identity, 15),
            (5, Cause::Modexp, 500),
            (6, Cause::EcAdd, 150),
            (7, Cause::EcMul, 6_000),
            (8, Cause::Pairing, 45_000),
        ] {
            let data = (Cause::DataMovement, 4 * 2 + 3 + 2);
            assert_run(
                Fork::Osaka,
                &calling_precompile(number),
                &[],
                &[data, (cause, gas), (Cause::Calls, 100)],
            );
        }
        // From Osaka on, with an input of no length.
        let p256 = [PUSH0, PUSH0, PUSH0, PUSH0, PUSH2, 1, 0, GAS, STATICCALL];
        assert_eq!(run(Fork::Osaka, &p256, &[]).get(Cause::P256Verify), 6_900);
    }
}

mod any_code {
    use super::*;

    /// Words that lead somewhere: small ones, offsets, accounts, and ones that are too large.
    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            6 => (0_u8..=0x12).prop_map(|byte| vec![PUSH1, byte]),
            2 => any::<u8>().prop_map(|byte| vec![PUSH1, byte]),
            1 => any::<u16>().prop_map(|word| [&[PUSH2][..], &word.to_be_bytes()].concat()),
            1 => Just(vec![PUSH2, 1, 0]),
            1 => any::<[u8; 32]>().prop_map(|word| [&[PUSH32][..], &word].concat()),
            1 => Just(push_address(OUTER)),
            1 => Just(push_address(INNER)),
        ]
    }

    /// Gas that is handed on: all, little, or as much as a store needs.
    fn handed_on() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(vec![GAS]),
            any::<u16>().prop_map(|gas| [&[PUSH2][..], &gas.to_be_bytes()].concat()),
        ]
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let callee = prop_oneof![
            Just(push_address(OUTER)),
            Just(push_address(INNER)),
            (1_u8..=0x12).prop_map(|number| vec![PUSH1, number]),
            any::<u8>().prop_map(|account| vec![PUSH2, 0xaa, account]),
        ];
        let kind = prop::sample::select(vec![CALL, CALLCODE, DELEGATECALL, STATICCALL]);
        let range = || prop::array::uniform2(0_u8..=0x60);
        prop_oneof![
            4 => word(),
            4 => any::<u8>().prop_map(|opcode| vec![opcode]),
            2 => (0_u8..3, 0_u8..3).prop_map(|(value, key)| vec![PUSH1, value, PUSH1, key, SSTORE]),
            2 => (kind, callee, range(), range(), 0_u8..=1, handed_on()).prop_map(
                |(kind, callee, output, input, value, gas)| {
                    let value = if matches!(kind, CALL | CALLCODE) { vec![PUSH1, value] } else { vec![] };
                    [
                        vec![PUSH1, output[1], PUSH1, output[0], PUSH1, input[1], PUSH1, input[0]],
                        value,
                        callee,
                        gas,
                        vec![kind],
                    ]
                    .concat()
                }
            ),
            // Creates with initcode that returns some bytes, reverts, halts or stores.
            1 => (
                prop::sample::select(vec![
                    hex!("60205ff300").to_vec(),
                    hex!("60205ffd00").to_vec(),
                    hex!("fe").to_vec(),
                    hex!("60015f555f5f5560105ff3").to_vec(),
                    hex!("60ef5f5360015ff3").to_vec(),
                ]),
                any::<bool>(),
            )
                .prop_map(|(initcode, salted)| {
                    let length = initcode.len() as u8;
                    let mut word = initcode;
                    word.resize(32, 0);
                    let create = if salted {
                        vec![PUSH0, PUSH1, length, PUSH0, PUSH0, CREATE2]
                    } else {
                        vec![PUSH1, length, PUSH0, PUSH0, CREATE]
                    };
                    [vec![PUSH32], word, vec![PUSH0, MSTORE], create].concat()
                }),
        ]
    }

    fn code() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
    }

    fn gas_limit() -> impl Strategy<Value = u64> {
        prop_oneof![
            60_000_u64..400_000,
            400_000_u64..2_000_000,
            Just(GAS_WITH_RESERVOIR)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever runs, and however it ends, every step has its price and the sum is the receipt's.
        #[test]
        fn sums_when_called(outer in code(), inner in code(), gas_limit in gas_limit(), data in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut state = chain_with(&outer, &inner);
            for (key, value) in [(0, 0), (1, 1), (2, 2)] {
                state.insert_account_storage(OUTER, U256::from(key), U256::from(value)).unwrap();
            }
            for fork in Fork::ALL {
                let gas_limit = gas_limit.min(if fork == Fork::Osaka { 16_777_216 } else { u64::MAX });
                attributed(&state, fork, TxKind::Call(OUTER), &data.clone().into(), Some(gas_limit));
            }
        }

        #[test]
        fn sums_when_deployed(creation_code in code(), inner in code(), gas_limit in gas_limit()) {
            let state = chain_with(&[], &inner);
            for fork in Fork::ALL {
                let gas_limit = gas_limit.min(if fork == Fork::Osaka { 16_777_216 } else { u64::MAX });
                attributed(&state, fork, TxKind::Create, &creation_code.clone().into(), Some(gas_limit));
            }
        }
    }
}

mod wrong_prices {
    use super::*;

    /// Runs with the fork's prices and attributes with others.
    fn attribution(
        id: GasId,
        price: u64,
        kind: TxKind,
        data: &Bytes,
    ) -> Result<Attribution, AttributionError> {
        let keccak = [PUSH1, 32, PUSH0, KECCAK256];
        let state = chain_with(&keccak, &[]);
        let rulebook = Rulebook::lifting(Fork::Osaka, &[]);
        let transaction = Request { kind, data, nonce: 0 }.transaction(&rulebook);
        let intrinsic = Intrinsic::of(&transaction, &rulebook.config);
        let mut other = rulebook.config.clone();
        other.gas_params.override_gas([(id, price)]);
        let mut meter = Meter::new(&transaction, &other, intrinsic, None);
        let outcome = transaction::chain(&state, &rulebook)
            .build_mainnet_with_inspector(&mut meter)
            .inspect_tx(transaction)
            .unwrap();
        meter.attribution(outcome.result.gas())
    }

    #[test]
    fn are_an_error_and_never_a_rest() {
        let call = TxKind::Call(OUTER);
        let nothing = Bytes::new();
        assert!(attribution(GasId::keccak256_per_word(), 6, call, &nothing).is_ok());
        assert_eq!(
            attribution(GasId::keccak256_per_word(), 7, call, &nothing),
            Err(AttributionError::Step {
                opcode: "KECCAK256",
                pc: 3,
                metered: 39,
                priced: 40
            })
        );
        assert_eq!(
            attribution(GasId::tx_token_cost(), 5, call, &hex!("0001").into()),
            Err(AttributionError::Intrinsic {
                charged: 21_020,
                priced: 21_025
            })
        );
        let error = attribution(
            GasId::code_deposit_cost(),
            201,
            TxKind::Create,
            &deploying(&[STOP]),
        )
        .unwrap_err();
        assert!(matches!(
            error,
            AttributionError::Receipt {
                figure: "gas spent",
                ..
            }
        ));
        insta::assert_snapshot!(error, @"gas spent is 53406 in the receipt, and its parts sum to 53407");
    }
}

mod sections {
    use super::*;
    use crate::solidity::{Section, SectionMap};

    /// A map is of one code, and says nothing of another's.
    #[test]
    fn of_other_code_are_unplaced() {
        let headings = include_str!("../../../../../tests/fixtures/verifier/dense_4x2/Verifier.sol");
        let map = SectionMap::of(headings, &RETURN_TRUE, "0:0:0:-:0").unwrap();
        assert_eq!(map.code_hash(), keccak256(RETURN_TRUE));
        let nothing = Calldata::raw(Bytes::new());
        let by_section = |runtime: &[u8]| {
            let verifier = deployed(Fork::Osaka, runtime).with_sections(Some(map.clone()));
            let verification = verifier.verify(&nothing).unwrap();
            let by_section = verification.gas_by_section.unwrap();
            assert_eq!(by_section.total(), verification.gas.unwrap().execution_gas);
            by_section
        };
        // The source map names the first instruction alone; the others have the place of none.
        let own = by_section(&RETURN_TRUE);
        assert_eq!((own.get(Section::Setup), own.get(Section::Unplaced)), (3, 15));
        let other = by_section(&[&RETURN_TRUE[..], &[STOP]].concat());
        assert_eq!(other.iter().collect::<Vec<_>>(), [(Section::Unplaced, 18)]);
        assert!((other.unplaced_share() - 1.0).abs() < f64::EPSILON);
        assert_eq!(
            deployed(Fork::Osaka, &RETURN_TRUE)
                .verify(&nothing)
                .unwrap()
                .gas_by_section,
            None
        );
    }
}

#[test]
fn a_record_holds_names_and_numbers() {
    let verification = deployed(Fork::Osaka, &RETURN_TRUE)
        .verify(&Calldata::raw(hex!("0001").to_vec()))
        .unwrap();
    let by_cause = assert_sums(&verification);
    let text = serde_json::to_string(&by_cause).unwrap();
    insta::assert_snapshot!(text, @r#"{"base":21000,"calldata_zero":4,"calldata_nonzero":16,"floor_surcharge":12,"memory":3,"data_movement":15}"#);
    assert_eq!(serde_json::from_str::<GasByCause>(&text).unwrap(), by_cause);
    // A record from before gas was attributed is still read.
    let mut json = serde_json::to_value(&verification).unwrap();
    let fields = json.as_object_mut().unwrap();
    fields.remove("gas_by_cause");
    fields.remove("gas_by_section");
    let old: Verification = serde_json::from_value(json).unwrap();
    assert_eq!((old.gas_by_cause, old.gas_by_section), (None, None));
}

#[test]
fn every_precompile_has_a_cause() {
    let precompiles = revm::precompile::Precompiles::new(revm::precompile::PrecompileSpecId::OSAKA);
    let causes: Vec<_> = precompiles
        .addresses()
        .map(|&address| price::cause_of_precompile(address).unwrap())
        .collect();
    assert_eq!(causes.len(), 18);
    assert!(Cause::ALL.iter().filter(|cause| causes.contains(cause)).count() == 18);
    assert_eq!(price::cause_of_precompile(Address::ZERO), None);
    assert_eq!(price::cause_of_precompile(Address::with_last_byte(0x12)), None);
}
