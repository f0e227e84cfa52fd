//! The chain against real verifiers from `tests/fixtures/verifier`, and against contracts written here by hand.

use alloy_primitives::{Bytes, U256, hex, keccak256};

use super::controls::{self, Control, ControlKind, Controls};
use super::*;

/// A generated verifier with a proof that it accepts.
pub(super) struct Fixture {
    pub(super) creation_code: Bytes,
    pub(super) proof: Vec<u8>,
    pub(super) instances: Vec<U256>,
}

macro_rules! fixture {
    ($name:literal) => {
        Fixture {
            creation_code: hex::decode(
                include_str!(concat!(
                    "../../../../tests/fixtures/verifier/",
                    $name,
                    "/creation-code.hex"
                ))
                .trim(),
            )
            .unwrap()
            .into(),
            proof: hex::decode(
                include_str!(concat!(
                    "../../../../tests/fixtures/verifier/",
                    $name,
                    "/proof.hex"
                ))
                .trim(),
            )
            .unwrap(),
            instances: serde_json::from_str(include_str!(concat!(
                "../../../../tests/fixtures/verifier/",
                $name,
                "/instances.json"
            )))
            .unwrap(),
        }
    };
}

fn dense() -> Fixture {
    fixture!("dense_4x2")
}

fn relu() -> Fixture {
    fixture!("relu_4x4")
}

/// Both.
pub(super) fn fixtures() -> [Fixture; 2] {
    [dense(), relu()]
}

impl Fixture {
    pub(super) fn calldata(&self) -> Calldata {
        Calldata::verify_proof(&self.proof, &self.instances)
    }

    fn controls(&self, verifier: &Verifier, seed: u64) -> Controls {
        let accepted = verifier.verify(&self.calldata()).unwrap();
        controls::run(verifier, &accepted, &self.proof, &self.instances, seed).unwrap()
    }
}

/// Creation code that leaves this runtime code behind: CODECOPY and RETURN of what follows the first 14 bytes.
pub(super) fn deploying(runtime: &[u8]) -> Bytes {
    let [.., high, middle, low] = (runtime.len() as u64).to_be_bytes();
    let constructor = [
        0x62, high, middle, low,  // PUSH3 length
        0x80, // DUP1
        0x60, 14, // PUSH1 where the runtime code starts
        0x60, 0,    // PUSH1 0
        0x39, // CODECOPY
        0x60, 0,    // PUSH1 0
        0xf3, // RETURN
        0xfe, // INVALID
    ];
    [&constructor[..], runtime].concat().into()
}

/// Creation code that leaves `length` zero bytes behind: RETURN of fresh memory.
fn deploying_zeros(length: u32) -> Bytes {
    let [_, high, middle, low] = length.to_be_bytes();
    Bytes::from(vec![0x62, high, middle, low, 0x60, 0, 0xf3])
}

/// PUSH1 1, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
pub(super) const RETURN_TRUE: [u8; 10] = hex!("600160005260206000f3");

/// Runtime code that touches memory at an offset, which costs about (offset / 32)^2 / 512 gas, and returns true.
fn spending_on_memory(offset: u32) -> Vec<u8> {
    let [_, high, middle, low] = offset.to_be_bytes();
    [&[0x62, high, middle, low, 0x51, 0x50][..], &RETURN_TRUE].concat()
}

pub(super) fn deployed(fork: Fork, runtime: &[u8]) -> Verifier {
    Verifier::deploy(fork, &deploying(runtime)).unwrap()
}

fn verdict_of(runtime: &[u8]) -> Verdict {
    deployed(Fork::Osaka, runtime)
        .verify(&Calldata::raw(Bytes::new()))
        .unwrap()
        .verdict
}

fn rules(broken: &[BrokenRule]) -> Vec<Rule> {
    broken.iter().map(|broken| broken.rule).collect()
}

#[track_caller]
fn assert_parts_sum(gas: &TransactionGas) {
    let parts = gas.intrinsic_gas + gas.execution_gas + gas.state_gas - gas.refunded_gas;
    assert_eq!(gas.tx_gas, parts.max(gas.floor_gas), "{gas:?}");
    assert_eq!(gas.floor_binds(), gas.floor_gas > parts);
    assert!(gas.tx_gas <= gas.gas_limit);
}

mod real_verifiers {
    use super::*;

    #[test]
    fn are_deployed_and_accept_on_every_fork_with_no_rule_broken() {
        for fork in Fork::ALL {
            for fixture in [dense(), relu()] {
                let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
                let deployment = verifier.deployment();
                assert_eq!(deployment.rules_broken, []);
                assert_eq!(deployment.creation_code_bytes, fixture.creation_code.len() as u64);
                // The constructor of a verifier is 28 bytes of code.
                assert_eq!(deployment.runtime_code_bytes, deployment.creation_code_bytes - 28);
                assert_parts_sum(&deployment.gas);

                let verification = verifier.verify(&fixture.calldata()).unwrap();
                assert_eq!(verification.verdict, Verdict::Accepted);
                assert_eq!(verification.rules_broken, []);
                assert_eq!(verification.return_data[..], U256::ONE.to_be_bytes::<32>());
                assert_eq!(verification.logs, []);
                assert_parts_sum(&verification.gas.unwrap());
            }
        }
    }

    /// The figures of record for the two fixtures: a change in revm, in a fork's table or in our sums shows here.
    #[test]
    fn cost_what_they_cost() {
        let gas = |fork, fixture: &Fixture| {
            let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
            let verification = verifier.verify(&fixture.calldata()).unwrap();
            (verifier.deployment().gas.tx_gas, verification.gas.unwrap().tx_gas)
        };
        assert_eq!(gas(Fork::Osaka, &dense()), (2_309_261, 413_619));
        assert_eq!(gas(Fork::Osaka, &relu()), (2_950_201, 566_060));
    }

    /// Three inversions by modexp, at 1,349 gas under EIP-2565 and at 4,048 under EIP-7883.
    #[test]
    fn cost_8097_gas_more_from_osaka_on() {
        for fixture in [dense(), relu()] {
            let [prague, osaka, amsterdam] = Fork::ALL.map(|fork| {
                let verifier = Verifier::deploy(fork, &fixture.creation_code).unwrap();
                verifier
                    .verify(&fixture.calldata())
                    .unwrap()
                    .gas
                    .unwrap()
                    .execution_gas
            });
            assert_eq!(osaka - prague, 3 * (4_048 - 1_349));
            assert_eq!(amsterdam, osaka);
        }
    }

    #[test]
    fn reject_every_control() {
        for (fixture, seed) in [(dense(), 1), (relu(), 2)] {
            let verifier = Verifier::deploy(Fork::Osaka, &fixture.creation_code).unwrap();
            let controls = fixture.controls(&verifier, seed);
            assert_eq!(controls.failures, []);
            assert!(controls.passed());
            assert_eq!(controls.unsound(), None);
            let instances = fixture.instances.len() as u64;
            let words = fixture.proof.len() as u64 / 32;
            let expected = [words, instances, instances, 1, 1, 2, 2];
            assert_eq!(controls.tallies.len(), expected.len());
            for ((tally, kind), tried) in controls.tallies.iter().zip(ControlKind::ALL).zip(expected) {
                assert_eq!(tally.kind, kind);
                assert_eq!(
                    (tally.possible, tally.tried, tally.rejected),
                    (tried, tried, tried)
                );
            }
        }
    }

    /// EZKL's own encoder appends a zero word, so that its verifiers had better.
    #[test]
    fn ignore_bytes_after_the_call() {
        let fixture = dense();
        let verifier = Verifier::deploy(Fork::Osaka, &fixture.creation_code).unwrap();
        let trailing = fixture.controls(&verifier, 0).trailing_calldata;
        assert_eq!(trailing[0].appended[..], [0; 32]);
        assert!(trailing.iter().all(|trailing| trailing.outcome.is_accepted()));
    }

    #[test]
    fn answer_a_wrong_proof_with_a_revert_and_no_broken_rule() {
        let fixture = dense();
        let verifier = Verifier::deploy(Fork::Osaka, &fixture.creation_code).unwrap();
        let right = verifier.call_for(&fixture.proof, &fixture.instances);
        let wrong = controls::apply(&Control::InstanceChanged { instance: 0 }, &right);
        let verification = verifier.verify(&wrong.calldata()).unwrap();
        assert_eq!(
            verification.verdict,
            Verdict::Reverted {
                data: Bytes::new(),
                reason: None
            }
        );
        assert_eq!(verification.rules_broken, []);
        assert!(matches!(
            controls::run(&verifier, &verification, &fixture.proof, &fixture.instances, 0),
            Err(ChainError::NotAccepted(Verdict::Reverted { .. }))
        ));
    }
}

mod reusable_verifiers {
    use alloy_primitives::B256;

    use super::*;

    /// The one contract, whatever the circuit.
    fn creation_code() -> Bytes {
        let text = include_str!("../../../../tests/fixtures/verifier/reusable/creation-code.hex");
        hex::decode(text.trim()).unwrap().into()
    }

    fn dense_key() -> Vec<B256> {
        serde_json::from_str(include_str!(
            "../../../../tests/fixtures/verifier/dense_4x2/key_artifact.json"
        ))
        .unwrap()
    }

    fn relu_key() -> Vec<B256> {
        serde_json::from_str(include_str!(
            "../../../../tests/fixtures/verifier/relu_4x4/key_artifact.json"
        ))
        .unwrap()
    }

    fn verifier(fork: Fork, key: &[B256]) -> Verifier {
        Verifier::deploy_reusable(fork, &creation_code(), key).unwrap()
    }

    fn call(fixture: &Fixture, key: &[B256]) -> Calldata {
        Calldata::verify_proof_with_key(&fixture.proof, &fixture.instances, key)
    }

    fn controls(fixture: &Fixture, verifier: &Verifier, seed: u64) -> Controls {
        let right = verifier.call_for(&fixture.proof, &fixture.instances);
        let accepted = verifier.verify(&right.calldata()).unwrap();
        controls::run(verifier, &accepted, &fixture.proof, &fixture.instances, seed).unwrap()
    }

    /// `require(registeredVkas[vka_digest], "VKA not registered")`.
    fn not_registered(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Reverted { reason: Some(reason), .. } if reason == "VKA not registered")
    }

    /// The plain verifiers' proofs: no proof is made for one verifier or the other.
    #[test]
    fn accept_on_every_fork_with_no_rule_broken() {
        for fork in Fork::ALL {
            for (fixture, key) in [(dense(), dense_key()), (relu(), relu_key())] {
                let verifier = verifier(fork, &key);
                let registration = verifier.registration().unwrap();
                assert_eq!(registration.digest, keccak256(key.concat()));
                assert_eq!(registration.call.return_data[..], registration.digest[..]);
                assert_eq!(registration.key_artifact_words, key.len() as u64);
                assert_eq!(registration.call.rules_broken, []);
                assert_parts_sum(&registration.call.gas.unwrap());
                assert_eq!((registration.call.nonce, verifier.deployment().nonce), (1, 0));

                let verification = verifier.verify(&call(&fixture, &key)).unwrap();
                assert_eq!(verification.verdict, Verdict::Accepted);
                assert_eq!(verification.rules_broken, []);
                assert_eq!(verification.nonce, 2);
                let answer = [U256::ONE.to_be_bytes::<32>(), registration.digest.0].concat();
                assert_eq!(verification.return_data[..], answer[..]);
                assert_parts_sum(&verification.gas.unwrap());
            }
        }
    }

    /// The figures of record: 28 and 29% dearer a proof than the circuit's own verifier. The registration of so large an
    /// artifact costs the calldata floor.
    #[test]
    fn cost_what_they_cost() {
        let gas = |fixture: &Fixture, key: &[B256]| {
            let verifier = verifier(Fork::Osaka, key);
            let verification = verifier.verify(&call(fixture, key)).unwrap();
            let registration = verifier.registration().unwrap().call.gas.unwrap();
            assert!(registration.floor_binds());
            (
                verifier.deployment().gas.tx_gas,
                registration.tx_gas,
                verification.gas.unwrap().tx_gas,
            )
        };
        assert_eq!(gas(&dense(), &dense_key()), (2_405_216, 124_820, 531_186));
        assert_eq!(gas(&relu(), &relu_key()), (2_405_216, 154_960, 731_103));
        assert_eq!(
            verifier(Fork::Osaka, &dense_key())
                .deployment()
                .runtime_code_bytes,
            10_876
        );
    }

    /// One deployment for two circuits, and neither circuit's proof under the other's key.
    #[test]
    fn serve_every_circuit_that_is_registered() {
        let mut chain = Chain::new(Fork::Osaka);
        let address = chain.deploy(&creation_code()).unwrap().address;
        let circuits = [(dense(), dense_key()), (relu(), relu_key())];
        for (_, key) in &circuits {
            let registered = chain.transact(address, &Calldata::register_key(key)).unwrap();
            let [event] = &registered.logs[..] else {
                panic!("{:?}", registered.logs)
            };
            let digest = keccak256(key.concat());
            let signature = keccak256("VkaRegistered(address,bytes32,bytes32[])");
            assert_eq!((event.topics[0], event.topics[2]), (signature, digest));
        }
        for (proved, (fixture, _)) in circuits.iter().enumerate() {
            for (handed, (_, key)) in circuits.iter().enumerate() {
                let answer = chain.call(address, &call(fixture, key)).unwrap().verdict;
                assert_eq!(
                    answer.is_success(),
                    proved == handed,
                    "{proved} {handed} {answer}"
                );
                assert!(answer.is_success() || answer.is_rejected());
            }
        }
    }

    #[test]
    fn reject_an_artifact_that_was_not_registered_or_is_another() {
        let (fixture, key) = (dense(), dense_key());
        let mut chain = Chain::new(Fork::Osaka);
        let address = chain.deploy(&creation_code()).unwrap().address;
        let verdict =
            |chain: &Chain, key: &[B256]| chain.call(address, &call(&fixture, key)).unwrap().verdict;
        assert!(not_registered(&verdict(&chain, &key)));
        let _ = chain.transact(address, &Calldata::register_key(&key)).unwrap();
        assert!(verdict(&chain, &key).is_success());
        for word in 0..key.len() {
            let mut other = key.clone();
            other[word].0[31] ^= 1;
            assert!(not_registered(&verdict(&chain, &other)), "word {word}");
        }
        assert!(not_registered(&verdict(&chain, &key[..key.len() - 1])));
        assert!(not_registered(&verdict(
            &chain,
            &[&key[..], &[B256::ZERO]].concat()
        )));
        // Anybody can register anything: the digest tells a consumer whose proof it was, and not that one was accepted.
        let mut other = key.clone();
        other[0].0[31] ^= 1;
        let registered = chain.transact(address, &Calldata::register_key(&other)).unwrap();
        assert_eq!(registered.return_data[..], keccak256(other.concat())[..]);
        assert_eq!(
            verdict(&chain, &other),
            Verdict::Reverted {
                data: Bytes::new(),
                reason: None
            }
        );
    }

    #[test]
    fn reject_every_control() {
        for (fixture, key, seed) in [(dense(), dense_key(), 1), (relu(), relu_key(), 2)] {
            let verifier = verifier(Fork::Osaka, &key);
            let controls = controls(&fixture, &verifier, seed);
            assert_eq!(controls.failures, []);
            assert!(controls.passed());
            let instances = fixture.instances.len() as u64;
            let words = fixture.proof.len() as u64 / 32;
            let key_words = key.len() as u64;
            let expected = [
                (words, words),
                (instances, instances),
                (instances, instances),
                (1, 1),
                (1, 1),
                (2, 2),
                (1, 1),
                (key_words, 64),
                (1, 1),
                (1, 1),
            ];
            let kinds = ControlKind::ALL.into_iter().chain(ControlKind::OF_KEYS);
            assert_eq!(controls.tallies.len(), expected.len());
            for ((tally, kind), (possible, tried)) in controls.tallies.iter().zip(kinds).zip(expected) {
                assert_eq!(tally.kind, kind);
                assert_eq!(
                    (tally.possible, tally.tried, tally.rejected),
                    (possible, tried, tried)
                );
            }
        }
    }

    /// A plain verifier knows the length of its proof; this one does not look.
    #[test]
    fn ignore_words_after_the_proof() {
        let verifier = verifier(Fork::Osaka, &dense_key());
        let trailing = controls(&dense(), &verifier, 0).trailing_proof;
        assert_eq!(trailing.len(), 2);
        assert!(trailing.iter().all(|trailing| trailing.outcome.is_accepted()));
        let plain = Verifier::deploy(Fork::Osaka, &dense().creation_code).unwrap();
        assert_eq!(dense().controls(&plain, 0).trailing_proof, []);
    }

    #[test]
    fn that_do_not_return_the_digest_are_not_registered_with() {
        let error = Verifier::deploy_reusable(Fork::Osaka, &deploying(&RETURN_TRUE), &dense_key());
        assert!(matches!(error, Err(ChainError::NotRegistered(Verdict::Accepted))));
        let error = Verifier::deploy_reusable(Fork::Osaka, &dense().creation_code, &dense_key());
        assert!(matches!(
            error,
            Err(ChainError::NotRegistered(Verdict::Reverted { .. }))
        ));
    }

    /// `true` without a digest does not say whose proof was accepted.
    #[test]
    fn that_return_no_digest_do_not_accept() {
        let key = dense_key();
        let digest = keccak256(key.concat());
        // CALLDATALOAD of the selector; where it is registerVka's, the digest's word is returned, else 1.
        let runtime = [
            &hex!("60003560e01c63dc8b409414601957600160005260206000f35b7f")[..],
            &digest[..],
            &hex!("60005260206000f3"),
        ]
        .concat();
        let verifier = Verifier::deploy_reusable(Fork::Osaka, &deploying(&runtime), &key).unwrap();
        let verdict = verifier.verify(&call(&dense(), &key)).unwrap().verdict;
        assert!(matches!(verdict, Verdict::ReturnedOther { .. }), "{verdict}");
    }
}

mod gas_by_hand {
    use super::*;

    /// (fork, base of a call, base of a deployment, floor of a zero byte and of another)
    const TABLE: [(Fork, u64, u64, u64, u64); 3] = [
        (Fork::Prague, 21_000, 53_000, 10, 40),
        (Fork::Osaka, 21_000, 53_000, 10, 40),
        (Fork::Amsterdam, 15_000, 24_000, 64, 64),
    ];

    #[test]
    fn a_calls_own_bytes() {
        for (fork, base, _, floor_zero, floor_other) in TABLE {
            let calldata = Calldata::raw([vec![0; 700], vec![1; 300]].concat());
            let gas = deployed(fork, &RETURN_TRUE)
                .verify(&calldata)
                .unwrap()
                .gas
                .unwrap();
            assert_eq!(gas.intrinsic_gas, base + 700 * 4 + 300 * 16);
            assert_eq!(gas.floor_gas, base + 700 * floor_zero + 300 * floor_other);
            // Four PUSH1, MSTORE to one fresh word, RETURN: 5 opcodes of 3 gas, 3 gas of memory.
            assert_eq!(gas.execution_gas, 4 * 3 + 3 + 3);
            assert!(gas.floor_binds());
            assert_eq!(gas.tx_gas, gas.floor_gas);
            assert_parts_sum(&gas);
        }
    }

    #[test]
    fn a_deployments_own_bytes_and_its_code() {
        for (fork, _, base, floor_zero, floor_other) in TABLE {
            let creation_code = deploying(&RETURN_TRUE);
            let size = Calldata::raw(creation_code.clone()).size();
            let verifier = Verifier::deploy(fork, &creation_code).unwrap();
            let gas = verifier.deployment().gas;
            let words = size.calldata_bytes.div_ceil(32);
            assert_eq!(
                gas.intrinsic_gas,
                base + size.zero_bytes * 4 + size.nonzero_bytes * 16 + 2 * words
            );
            assert_eq!(
                gas.floor_gas,
                // Amsterdam anchors the floor on the base of a deployment, earlier forks on that of a call.
                if fork == Fork::Amsterdam { base } else { 21_000 }
                    + size.zero_bytes * floor_zero
                    + size.nonzero_bytes * floor_other
            );
            // PUSH3, DUP1, three PUSH1: 15; CODECOPY of one word: 3 + 3; memory: 3; RETURN: 0.
            let constructor = 15 + 6 + 3;
            let code = RETURN_TRUE.len() as u64;
            if fork == Fork::Amsterdam {
                // EIP-8037: a keccak word for the code's hash, and 120 bytes of account beside the code.
                assert_eq!(gas.execution_gas, constructor + 6);
                assert_eq!(gas.state_gas, 1_530 * (120 + code));
            } else {
                assert_eq!(gas.execution_gas, constructor + 200 * code);
                assert_eq!(gas.state_gas, 0);
            }
            assert_parts_sum(&gas);
        }
    }
}

mod verdicts {
    use super::*;

    #[test]
    fn true_is_one_word_that_is_one() {
        assert_eq!(verdict_of(&RETURN_TRUE), Verdict::Accepted);
        // The same with 0, with 2, with 64 bytes, and STOP with nothing.
        for runtime in [
            &hex!("600060005260206000f3")[..],
            &hex!("600260005260206000f3"),
            &hex!("600160005260406000f3"),
            &hex!("00"),
        ] {
            let verdict = verdict_of(runtime);
            assert!(matches!(verdict, Verdict::ReturnedOther { .. }));
            assert!(!verdict.is_accepted() && !verdict.is_rejected() && verdict.is_success());
        }
    }

    #[test]
    fn a_revert_is_told_with_its_reason() {
        assert_eq!(
            verdict_of(&hex!("60006000fd")),
            Verdict::Reverted {
                data: Bytes::new(),
                reason: None
            }
        );
        // Panic(1): MSTORE of the selector's word, MSTORE of 1 after it, REVERT of 36 bytes.
        let panics = hex!("634e487b7160e01b600052600160045260246000fd");
        let verdict = verdict_of(&panics);
        assert!(verdict.is_rejected());
        assert!(verdict.to_string().contains("assertion failed"), "{verdict}");
        // An error of the contract's own is kept as it is.
        let custom = verdict_of(&hex!("63deadbeef60e01b60005260046000fd"));
        let data = Bytes::from(hex!("deadbeef"));
        assert_eq!(custom, Verdict::Reverted { data, reason: None });
    }

    #[test]
    fn running_out_of_gas_is_not_a_rejection() {
        // MLOAD at 2^64 - 1: no gas pays for that memory.
        let verdict = verdict_of(&hex!("67ffffffffffffffff51"));
        assert!(
            matches!(verdict, Verdict::Halted { out_of_gas: true, .. }),
            "{verdict}"
        );
        assert!(!verdict.is_rejected());
        // INVALID spends all gas as well, and is told apart.
        let verdict = verdict_of(&hex!("fe"));
        assert!(
            matches!(
                verdict,
                Verdict::Halted {
                    out_of_gas: false,
                    ..
                }
            ),
            "{verdict}"
        );
        assert!(!verdict.is_rejected());
    }

    #[test]
    fn a_halt_breaks_no_rule_by_the_gas_that_it_burns() {
        for fork in Fork::ALL {
            let verification = deployed(fork, &hex!("fe"))
                .verify(&Calldata::raw(Bytes::new()))
                .unwrap();
            assert_eq!(verification.rules_broken, []);
            assert!(verification.gas.unwrap().tx_gas <= fork.limits().block_gas);
        }
    }

    /// Calldata that costs more than the cap, made like a call that broke no rule.
    #[test]
    fn a_transaction_that_the_chain_does_not_take_is_not_a_rejection() {
        let verifier = deployed(Fork::Osaka, &RETURN_TRUE);
        let small = verifier.verify(&Calldata::raw(Bytes::new())).unwrap();
        let large = Calldata::raw(vec![1; 500_000]);
        let verdict = verifier.like(&small).call(&large).unwrap().verdict;
        assert!(matches!(verdict, Verdict::InvalidTransaction { .. }), "{verdict}");
        assert!(!verdict.is_rejected() && !verdict.is_success());
    }

    #[test]
    fn a_constructor_that_fails_is_an_error() {
        for (creation_code, is_revert) in [(&hex!("60006000fd")[..], true), (&hex!("fe"), false)] {
            let error = Verifier::deploy(Fork::Osaka, &Bytes::copy_from_slice(creation_code)).unwrap_err();
            assert!(matches!(error, ChainError::NotDeployed(verdict) if verdict.is_rejected() == is_revert));
        }
        let error = Verifier::deploy(Fork::Osaka, &Bytes::from(hex!("00"))).unwrap_err();
        assert!(matches!(error, ChainError::EmptyContract));
    }

    /// LOG1 with one byte, then true.
    #[test]
    fn events_are_kept() {
        let runtime = [&hex!("60ab60005360aa60016000a1")[..], &RETURN_TRUE].concat();
        let verification = deployed(Fork::Osaka, &runtime)
            .verify(&Calldata::raw(Bytes::new()))
            .unwrap();
        let [event] = &verification.logs[..] else {
            panic!("{:?}", verification.logs)
        };
        assert_eq!(event.topics, [alloy_primitives::B256::with_last_byte(0xaa)]);
        assert_eq!(event.data[..], [0xab]);
    }
}

mod broken_rules {
    use super::*;

    fn deployment_breaks(fork: Fork, creation_code: &Bytes) -> Vec<(Rule, u64, u64)> {
        let verifier = Verifier::deploy(fork, creation_code).unwrap();
        let deployment = verifier.deployment();
        assert_parts_sum(&deployment.gas);
        let broken = deployment.rules_broken.iter();
        broken
            .map(|broken| (broken.rule, broken.value, broken.limit))
            .collect()
    }

    fn call_breaks(fork: Fork, runtime: &[u8], calldata: &Calldata) -> Vec<Rule> {
        let verification = deployed(fork, runtime).verify(calldata).unwrap();
        assert_eq!(verification.verdict, Verdict::Accepted);
        assert_parts_sum(&verification.gas.unwrap());
        rules(&verification.rules_broken)
    }

    fn nothing() -> Calldata {
        Calldata::raw(Bytes::new())
    }

    #[test]
    fn runtime_code_size() {
        for fork in [Fork::Prague, Fork::Osaka] {
            assert_eq!(deployment_breaks(fork, &deploying_zeros(24_576)), []);
            assert_eq!(
                deployment_breaks(fork, &deploying_zeros(24_577)),
                [(Rule::RuntimeCodeSize, 24_577, 24_576)]
            );
        }
        assert_eq!(deployment_breaks(Fork::Amsterdam, &deploying_zeros(24_577)), []);
        // So much new state costs more than a block has; the code alone is 65,537 × 1,530 = 100 M gas.
        let broken = deployment_breaks(Fork::Amsterdam, &deploying_zeros(65_537));
        assert_eq!(broken[0], (Rule::RuntimeCodeSize, 65_537, 65_536));
        assert_eq!((broken[1].0, broken.len()), (Rule::BlockGas, 2));
    }

    #[test]
    fn initcode_size() {
        let padded = |length: usize| {
            let mut code = deploying(&RETURN_TRUE).to_vec();
            code.resize(length, 0);
            Bytes::from(code)
        };
        for fork in [Fork::Prague, Fork::Osaka] {
            // The padding is not runtime code: the constructor returns the first bytes alone.
            assert_eq!(deployment_breaks(fork, &padded(49_152)), []);
            assert_eq!(
                deployment_breaks(fork, &padded(49_153)),
                [(Rule::InitcodeSize, 49_153, 49_152)]
            );
        }
        assert_eq!(deployment_breaks(Fork::Amsterdam, &padded(49_153)), []);
        let broken = deployment_breaks(Fork::Amsterdam, &padded(131_073));
        assert_eq!(broken[0], (Rule::InitcodeSize, 131_073, 131_072));
        // Nor do nodes pass such a transaction on.
        assert_eq!((broken[1].0, broken.len()), (Rule::PublicPoolSize, 2));
    }

    #[test]
    fn runtime_code_and_initcode_together() {
        let mut code = deploying_zeros(30_000).to_vec();
        code.resize(50_000, 0);
        assert_eq!(
            deployment_breaks(Fork::Osaka, &code.into()),
            [
                (Rule::RuntimeCodeSize, 30_000, 24_576),
                (Rule::InitcodeSize, 50_000, 49_152)
            ]
        );
    }

    #[test]
    fn a_deployments_gas() {
        // 24,576 bytes at 200 gas are 4.9 M: it takes a lifted code size to deploy for more than 16.8 M.
        let broken = deployment_breaks(Fork::Osaka, &deploying_zeros(90_000));
        assert_eq!(broken[0].0, Rule::RuntimeCodeSize);
        assert_eq!((broken[1].0, broken[1].2), (Rule::TransactionGas, 16_777_216));
        assert!(broken[1].1 > 18_000_000);
        assert_eq!(broken.len(), 2);
        // State gas does not count against the cap.
        let zeros = deploying_zeros(30_000);
        assert_eq!(deployment_breaks(Fork::Amsterdam, &zeros), []);
        let verifier = Verifier::deploy(Fork::Amsterdam, &zeros).unwrap();
        assert!(verifier.deployment().gas.tx_gas > 16_777_216);
    }

    #[test]
    fn a_calls_gas() {
        // (92,161 words)^2 / 512 + 3 × 92,161 = 16.87 M gas; 176,129 words: 61.1 M.
        let over_cap = spending_on_memory(0x2d_0000);
        let over_block = spending_on_memory(0x56_0000);
        let breaks = |fork, runtime: &[u8]| call_breaks(fork, runtime, &nothing());
        assert_eq!(breaks(Fork::Prague, &over_cap), []);
        assert_eq!(breaks(Fork::Osaka, &over_cap), [Rule::TransactionGas]);
        assert_eq!(breaks(Fork::Amsterdam, &over_cap), [Rule::TransactionGas]);
        assert_eq!(breaks(Fork::Prague, &over_block), [Rule::BlockGas]);
        assert_eq!(
            breaks(Fork::Osaka, &over_block),
            [Rule::TransactionGas, Rule::BlockGas]
        );
        assert_eq!(
            breaks(Fork::Amsterdam, &over_block),
            [Rule::TransactionGas, Rule::BlockGas]
        );
    }

    #[test]
    fn the_cap_is_lifted_and_the_block_still_holds() {
        let verifier = deployed(Fork::Osaka, &spending_on_memory(0x2d_0000));
        let verification = verifier.verify(&nothing()).unwrap();
        assert_eq!(verification.gas.unwrap().gas_limit, 60_000_000);
        assert_eq!(verification.rules_broken[0].eip, Some(7825));
        assert_eq!(
            verification.rules_broken[0].value,
            verification.gas.unwrap().tx_gas
        );
    }

    /// Reverts below 20 M gas (GAS, PUSH4, GT, JUMPI over REVERT) and spends next to none.
    #[test]
    fn gas_that_must_be_there_and_is_not_spent() {
        let runtime = [&hex!("6301312d005a11600f5760006000fd5b")[..], &RETURN_TRUE].concat();
        assert_eq!(call_breaks(Fork::Prague, &runtime, &nothing()), []);
        let verification = deployed(Fork::Osaka, &runtime).verify(&nothing()).unwrap();
        assert_eq!(verification.verdict, Verdict::Accepted);
        assert_eq!(rules(&verification.rules_broken), [Rule::TransactionGas]);
        assert_eq!(verification.rules_broken[0].value, 16_777_217);
        assert!(verification.gas.unwrap().tx_gas < 22_000);
    }

    #[test]
    fn calldata_whose_floor_alone_is_over_the_cap() {
        let calldata = |bytes: usize| Calldata::raw(vec![1; bytes]);
        let breaks = |fork, bytes| call_breaks(fork, &RETURN_TRUE, &calldata(bytes));
        let over = [Rule::TransactionGas, Rule::CalldataFloor, Rule::PublicPoolSize];
        // (16,777,216 - 21,000) / 40 = 418,905 bytes.
        assert_eq!(breaks(Fork::Osaka, 418_905), [Rule::PublicPoolSize]);
        assert_eq!(breaks(Fork::Osaka, 418_906), over);
        assert_eq!(breaks(Fork::Prague, 418_906), [Rule::PublicPoolSize]);
        // (16,777,216 - 15,000) / 64 = 261,909 bytes.
        assert_eq!(breaks(Fork::Amsterdam, 261_909), [Rule::PublicPoolSize]);
        assert_eq!(breaks(Fork::Amsterdam, 261_910), over);
    }

    /// As many public instances as the study's largest layers have.
    #[test]
    fn four_megabytes_of_calldata() {
        let instances = vec![U256::from(0x0101); 131_072];
        let calldata = Calldata::verify_proof(&[1; 3_072], &instances);
        assert_eq!(
            calldata.size().calldata_bytes,
            4 + 2 * 32 + 32 + 3_072 + 32 + 131_072 * 32
        );
        assert_eq!(
            call_breaks(Fork::Osaka, &RETURN_TRUE, &calldata),
            [Rule::TransactionGas, Rule::CalldataFloor, Rule::PublicPoolSize]
        );
        assert_eq!(
            call_breaks(Fork::Amsterdam, &RETURN_TRUE, &calldata),
            [
                Rule::TransactionGas,
                Rule::CalldataFloor,
                Rule::BlockGas,
                Rule::PublicPoolSize
            ]
        );
    }
}

mod evidence {
    use super::*;

    /// Through text, as a record is stored: serde_json reads numbers inside tagged enums differently there.
    #[test]
    fn is_read_back_as_it_was_written() {
        fn through_text<T>(value: &T) -> T
        where
            T: serde::Serialize + serde::de::DeserializeOwned,
        {
            serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
        }
        let fixture = dense();
        let verifier = Verifier::deploy(Fork::Osaka, &fixture.creation_code).unwrap();
        let verification = verifier.verify(&fixture.calldata()).unwrap();
        let always = deployed(Fork::Osaka, &RETURN_TRUE);
        let controls = fixture.controls(&always, 8);
        assert!(!controls.failures.is_empty());
        assert_eq!(&through_text(verifier.deployment()), verifier.deployment());
        assert_eq!(through_text(&verification), verification);
        assert_eq!(through_text(&controls), controls);
        let halted = verdict_of(&hex!("fe"));
        assert_eq!(through_text(&halted), halted);
    }

    #[test]
    fn has_its_units_in_its_schema() {
        let schema = schemars::schema_for!(Verification).to_value().to_string();
        for field in [
            "tx_gas",
            "calldata_bytes",
            "rules_broken",
            "verdict",
            "public_pool_size",
        ] {
            assert!(schema.contains(field), "{field}");
        }
    }
}

mod unsound_verifiers {
    use super::*;

    fn two_words_and_four_instances() -> Fixture {
        Fixture {
            creation_code: Bytes::new(),
            proof: (0..64).collect(),
            instances: (10..14).map(U256::from).collect(),
        }
    }

    #[test]
    fn one_that_accepts_everything_fails_every_control() {
        let fixture = two_words_and_four_instances();
        let controls = fixture.controls(&deployed(Fork::Osaka, &RETURN_TRUE), 3);
        assert!(!controls.passed());
        assert_eq!(controls.unsound().unwrap().kind(), ControlKind::ProofByteFlipped);
        let tallies = controls.tallies.iter().map(|tally| (tally.tried, tally.rejected));
        assert_eq!(
            tallies.collect::<Vec<_>>(),
            [(2, 0), (4, 0), (4, 0), (1, 0), (1, 0), (2, 0), (2, 0)]
        );
        assert_eq!(controls.failures.len(), 16);
        assert!(
            controls
                .failures
                .iter()
                .all(|failure| failure.outcome.is_accepted())
        );
    }

    /// Hashes the whole call but for one instance, so that it is blind to that one and to nothing else.
    #[test]
    fn one_that_overlooks_an_instance_is_caught_by_that_instance() {
        let fixture = two_words_and_four_instances();
        let calldata = fixture.calldata();
        let overlooked = 2;
        let position = calldata.size().calldata_bytes as usize - (4 - overlooked) * 32;
        let mut seen = calldata.bytes().to_vec();
        seen[position..position + 32].fill(0);
        let [high, low] = (position as u16).to_be_bytes();
        let runtime = [
            &hex!("365f5f37")[..],          // CALLDATACOPY of all to 0
            &[0x5f, 0x61, high, low, 0x52], // MSTORE of 0 over the instance
            &hex!("365f20"),                // KECCAK256 of all
            &[0x7f],                        // PUSH32 of the hash
            &keccak256(&seen)[..],
            &[0x14, 0x60, 52, 0x57], // EQ, JUMPI
            &hex!("5f5ffd5b"),       // REVERT, JUMPDEST
            &RETURN_TRUE,
        ]
        .concat();
        assert_eq!(runtime[52], 0x5b);
        let controls = fixture.controls(&deployed(Fork::Osaka, &runtime), 4);
        let failures: Vec<_> = controls.failures.iter().map(|failure| failure.control).collect();
        assert_eq!(
            failures,
            [
                Control::InstanceChanged { instance: overlooked },
                Control::InstancePlusModulus { instance: overlooked },
            ]
        );
        assert_eq!(controls.unsound(), Some(&failures[0]));
        // It hashes what comes after the call, too.
        assert!(
            controls
                .trailing_calldata
                .iter()
                .all(|trailing| trailing.outcome.is_rejected())
        );
    }

    /// Accepts the length of the right call, and burns all gas at any other.
    #[test]
    fn running_out_of_gas_is_a_failure_and_not_unsoundness() {
        let fixture = two_words_and_four_instances();
        let [high, low] = (fixture.calldata().size().calldata_bytes as u16).to_be_bytes();
        let runtime = [
            &[0x36, 0x61, high, low, 0x14, 0x60, 18, 0x57][..], // CALLDATASIZE, PUSH2, EQ, JUMPI
            &hex!("67ffffffffffffffff51"),                      // MLOAD at 2^64 - 1
            &[0x5b],
            &RETURN_TRUE,
        ]
        .concat();
        let controls = fixture.controls(&deployed(Fork::Osaka, &runtime), 5);
        let outcome = |kind| {
            let mut failures = controls.failures.iter();
            failures
                .find(|failure| failure.control.kind() == kind)
                .map(|failure| &failure.outcome)
        };
        assert!(matches!(
            outcome(ControlKind::OneInstanceMore),
            Some(Verdict::Halted { out_of_gas: true, .. })
        ));
        assert_eq!(outcome(ControlKind::InstanceChanged), Some(&Verdict::Accepted));
        assert_eq!(controls.unsound().unwrap().kind(), ControlKind::ProofByteFlipped);
    }

    #[test]
    fn without_instances_their_controls_do_not_apply() {
        let fixture = Fixture {
            instances: vec![],
            ..two_words_and_four_instances()
        };
        let controls = fixture.controls(&deployed(Fork::Osaka, &RETURN_TRUE), 6);
        let possible: Vec<_> = controls.tallies.iter().map(|tally| tally.possible).collect();
        assert_eq!(possible, [2, 0, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn controls_run_under_the_rules_of_the_accepted_call() {
        let fixture = two_words_and_four_instances();
        let verifier = deployed(Fork::Osaka, &spending_on_memory(0x2d_0000));
        let controls = fixture.controls(&verifier, 7);
        // Every call needs the lifted cap, so that an outcome other than acceptance would show that it was not lifted.
        assert!(controls.before.is_accepted() && controls.after.is_accepted());
        assert!(
            controls
                .failures
                .iter()
                .all(|failure| failure.outcome.is_accepted())
        );
    }
}
