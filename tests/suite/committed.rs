//! Committed circuits on chain: the challenge derived in Rust and in Solidity, and the contracts that derive it in front of
//! real verifiers.
//!
//! To renew the vectors that Forge reads as well: `UPDATE_FIXTURES=1 cargo test --test suite committed::`.

use crate::common;
use std::sync::OnceLock;

use crate::common::ForgeFixture;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};
use evmbench::chain::calldata::VerifyCall;
use evmbench::chain::{Calldata, Chain, Fork};
use evmbench::committed::InputAssurance;
use evmbench::guard::linked::{self, LinkError, LinkedPart, SharedTensor, Source};
use evmbench::guard::{self, GuardAnswer, GuardCheck, GuardCheckKind, GuardError, GuardMeasurement};
use evmbench::prover::{CommitmentLayout, Commitments as _, Committed, Proof};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// One challenge, as Forge's tests read it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Vector {
    circuit_digest: B256,
    input_points: u64,
    output_points: u64,
    claim_points: u64,
    proof: Bytes,
    challenge: B256,
    input_digest: B256,
}

impl Vector {
    fn new(input_points: u64, output_points: u64, claim_points: u64, rest: usize) -> Self {
        let committed = Committed {
            circuit_digest: keccak256([input_points, output_points, claim_points].map(|count| count as u8)),
            basis: B256::ZERO,
            layout: CommitmentLayout {
                input_points,
                output_points,
                claim_points,
            },
            registered_input: None,
        };
        let words = 2 * committed.layout.points();
        let words = (0..words).flat_map(|index| keccak256(index.to_be_bytes()).0);
        let proof: Vec<u8> = words.chain(std::iter::repeat_n(0xff, rest)).collect();
        Self {
            circuit_digest: committed.circuit_digest,
            input_points,
            output_points,
            claim_points,
            challenge: committed.challenge_of_proof(&proof).unwrap().into(),
            input_digest: committed.input_digest(&proof).unwrap(),
            proof: proof.into(),
        }
    }
}

#[test]
fn the_vectors_that_forge_reads_are_those_of_rust() {
    let vectors = [
        Vector::new(1, 0, 0, 0),
        Vector::new(1, 0, 1, 64),
        Vector::new(1, 1, 0, 64),
        Vector::new(2, 1, 3, 1),
        Vector::new(5, 0, 7, 2_000),
        Vector::new(1, 2, 16, 31),
    ];
    let path = common::root("contracts/test/fixtures/challenges.json");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let json = serde_json::json!({ "vectors": vectors });
        std::fs::write(&path, serde_json::to_string_pretty(&json).unwrap() + "\n").unwrap();
    }
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let committed: Vec<Vector> = serde_json::from_value(json["vectors"].take()).unwrap();
    assert_eq!(committed, vectors);
}

/// `GuardedCommitted` in front of a contract that accepts everything, for any circuit.
fn guard_over_anything(committed: &Committed, proof: &[u8]) -> (Chain, Address) {
    sol! {
        struct Pinned { address verifier; bytes32 codeHash; uint256 proofBytes; uint256 instanceCount; }
        struct Layout { uint256 inputPoints; uint256 outputPoints; uint256 claimPoints; }
        struct PinnedCommitments {
            bytes32 circuitDigest; bytes32 basis; Layout layout; bytes32 registeredInput;
        }
    }
    // PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN: true; before it, what puts these eight bytes on chain.
    let runtime = [0x60, 0x01, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let creation = [&[0x67][..], &runtime, &[0x5f, 0x52, 0x60, 0x08, 0x60, 0x18, 0xf3]].concat();
    let mut chain = Chain::new(Fork::Osaka);
    let verifier = chain.deploy(&creation.into()).unwrap().address;
    let pinned = Pinned {
        verifier,
        codeHash: keccak256(runtime),
        proofBytes: U256::from(proof.len()),
        instanceCount: U256::from(2),
    };
    let terms = PinnedCommitments {
        circuitDigest: committed.circuit_digest,
        basis: committed.basis,
        layout: Layout {
            inputPoints: U256::from(committed.layout.input_points),
            outputPoints: U256::from(committed.layout.output_points),
            claimPoints: U256::from(committed.layout.claim_points),
        },
        registeredInput: committed.registered_input.unwrap_or_default(),
    };
    let creation = [
        &common::guards().committed.creation_code[..],
        &(pinned, terms).abi_encode_params(),
    ]
    .concat();
    let guard = chain.deploy(&creation.into()).unwrap().address;
    (chain, guard)
}

/// A circuit, and bytes that are long enough to be its proof.
fn circuit_and_proof() -> impl Strategy<Value = (Committed, Vec<u8>)> {
    (1..4_u64, 0..3_u64, 0..5_u64).prop_flat_map(|(input_points, output_points, claim_points)| {
        let layout = CommitmentLayout {
            input_points,
            output_points,
            claim_points,
        };
        let committed = any::<[u8; 32]>().prop_map(move |digest| Committed {
            circuit_digest: digest.into(),
            basis: B256::ZERO,
            layout,
            registered_input: None,
        });
        let shortest = 64 * layout.points() as usize;
        (committed, prop::collection::vec(any::<u8>(), shortest..2_000))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What Rust derives, and nothing else, is what the contract derives and takes.
    #[test]
    fn rust_and_solidity_derive_the_same((committed, proof) in circuit_and_proof(), other: [u64; 4]) {
        sol! {
            function challengeOf(bytes proof) returns (uint256);
            function inputDigestOf(bytes proof) returns (bytes32);
        }
        let (chain, guard) = guard_over_anything(&committed, &proof);
        let challenge = committed.challenge_of_proof(&proof).unwrap();
        let call = challengeOfCall { proof: proof.clone().into() };
        let answer = chain.call(guard, &Calldata::raw(call.abi_encode())).unwrap();
        prop_assert_eq!(U256::from_be_slice(&answer.return_data), challenge);
        let call = inputDigestOfCall { proof: proof.clone().into() };
        let answer = chain.call(guard, &Calldata::raw(call.abi_encode())).unwrap();
        prop_assert_eq!(B256::from_slice(&answer.return_data), committed.input_digest(&proof).unwrap());

        let answer = |instances: [U256; 2]| {
            let verification = chain.call(guard, &Calldata::verify_proof(&proof, &instances)).unwrap();
            guard::answer(&verification.verdict)
        };
        prop_assert_eq!(answer([U256::ZERO, challenge]), GuardAnswer::Accepted);
        prop_assert_eq!(answer([U256::ONE, challenge]), GuardAnswer::CheckNotZero);
        let other = U256::from_limbs(other) >> 3;
        prop_assume!(other != challenge);
        prop_assert_eq!(answer([U256::ZERO, other]), GuardAnswer::ChallengeMismatch);
    }
}

/// The circuits' verifiers and honest proofs, compiled once.
pub(crate) fn circuits() -> &'static [ForgeFixture; 3] {
    static CIRCUITS: OnceLock<[ForgeFixture; 3]> = OnceLock::new();
    CIRCUITS
        .get_or_init(|| ["committed_tile_0", "committed_tile_1", "committed_head"].map(ForgeFixture::read))
}

fn measure(fixture: &ForgeFixture, call: &VerifyCall, committed: Option<&Committed>) -> GuardMeasurement {
    guard::measure(common::guards(), Fork::Osaka, fixture.code(), call, committed).unwrap()
}

#[track_caller]
fn assert_passed(checks: &[GuardCheck]) {
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed()).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn the_guard_derives_the_challenge_that_the_proof_was_made_for() {
    for fixture in circuits() {
        let committed = fixture.committed.unwrap();
        for call in &fixture.calls {
            assert_eq!(
                committed.challenge_of_proof(&call.proof).unwrap(),
                call.instances[1]
            );
            let registered = Committed {
                registered_input: Some(committed.input_digest(&call.proof).unwrap()),
                ..committed
            };
            let plain = measure(fixture, call, None);
            for committed in [&committed, &registered] {
                let measured = measure(fixture, call, Some(committed));
                assert_eq!(measured.contract, "GuardedCommitted");
                assert_passed(&measured.checks);
                assert_eq!(measured.checks.len(), plain.checks.len() + 7);
                let over_plain = measured.execution_gas_over_verifier - plain.execution_gas_over_verifier;
                assert!((500..2_500).contains(&over_plain), "{over_plain}");
            }
        }
    }
}

/// A proof that the verifier accepts, and whose claims are wrong.
#[derive(Debug, Deserialize)]
struct Lie {
    name: String,
    answer: GuardAnswer,
    proof: Bytes,
    instances: Vec<U256>,
}

/// Whoever accepts a lie without a named reason, or refuses it for another one, is found here.
#[test]
fn lies_convince_the_verifier_and_not_the_guard() {
    let [_, _, fixture] = circuits();
    let text =
        std::fs::read_to_string(common::root("contracts/test/fixtures/committed_head/lies.json")).unwrap();
    let lies: Vec<Lie> = serde_json::from_str(&text).unwrap();
    assert_eq!(lies.len(), 6);
    for lie in lies {
        let call = VerifyCall {
            proof: lie.proof.to_vec(),
            instances: lie.instances,
            key_artifact: None,
        };
        // Both the bare verifier and the guard that any circuit may have.
        let plain = measure(fixture, &call, None);
        assert!(plain.passed(), "{}", lie.name);
        let refused = guard::measure(
            common::guards(),
            Fork::Osaka,
            fixture.code(),
            &call,
            fixture.committed.as_ref(),
        );
        let Err(GuardError::NotAccepted { contract, verdict }) = refused else {
            panic!("{}: {refused:?}", lie.name)
        };
        assert_eq!(contract, "the guard");
        assert_eq!(guard::answer(&verdict), lie.answer, "{}", lie.name);
    }
}

/// The three circuits as a set: two tiles of one layer, and what comes after the first one.
pub(crate) struct Set {
    proofs: Vec<Proof>,
}

impl Set {
    /// With the proof of this index for each part.
    pub(crate) fn new(indices: [usize; 3]) -> Self {
        let proofs = circuits().iter().zip(indices).map(|(fixture, index)| Proof {
            proof: fixture.calls[index].proof.clone(),
            instances: fixture.calls[index].instances.clone(),
        });
        Self {
            proofs: proofs.collect(),
        }
    }

    pub(crate) fn parts(&self) -> Vec<LinkedPart<'_>> {
        let of_first = |tensor| Some(Source { part: 0, tensor });
        let shapes = [
            (32, 16, None),
            (32, 16, of_first(SharedTensor::Input)),
            (16, 3, of_first(SharedTensor::Output)),
        ];
        let parts = circuits().iter().zip(&self.proofs).zip(shapes);
        parts
            .map(
                |((fixture, proof), (input_elements, output_elements, source))| LinkedPart {
                    code: fixture.code(),
                    proof,
                    committed: fixture.committed.as_ref().unwrap(),
                    input_elements,
                    output_elements,
                    source,
                    input_range: source.map_or(InputAssurance::Ranged, |_| InputAssurance::Linked),
                },
            )
            .collect()
    }

    pub(crate) fn measure(&self) -> Result<linked::LinkedMeasurement, GuardError> {
        linked::measure(common::guards(), Fork::Osaka, &self.parts())
    }
}

#[test]
fn a_set_is_accepted_whole_or_not_at_all() {
    for index in [0, 1] {
        let measured = Set::new([index; 3]).measure().unwrap();
        assert_passed(&measured.checks);
        let kinds: Vec<_> = measured.checks.iter().map(|check| check.kind).collect();
        assert_eq!(
            kinds,
            [
                GuardCheckKind::PartMissing,
                GuardCheckKind::PartAdded,
                GuardCheckKind::PartDoubled,
                GuardCheckKind::PartsReversed,
            ]
        );
        assert_eq!(measured.guard_deployments.len(), 3);
        assert_eq!(measured.bare_verifications.len(), 3);
        let over = measured.execution_gas_over_verifiers;
        assert!((20_000..60_000).contains(&over), "{over}");
    }
}

/// Each of these proofs is right, but they are not about the same tensors.
#[test]
fn a_set_with_one_right_proof_of_another_tensor_is_refused() {
    for indices in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
        let refused = Set::new(indices).measure();
        let Err(GuardError::NotAccepted { verdict, .. }) = refused else {
            panic!("{indices:?}: {refused:?}")
        };
        assert_eq!(guard::answer(&verdict), GuardAnswer::WrongLink, "{indices:?}");
    }
}

#[test]
fn parts_that_cannot_be_compared_are_not_deployed() {
    let set = Set::new([0; 3]);
    let mut parts = set.parts();
    let elsewhere = Committed {
        basis: B256::repeat_byte(1),
        ..*parts[2].committed
    };
    parts[2].committed = &elsewhere;
    let refused = linked::measure(common::guards(), Fork::Osaka, &parts);
    let Err(GuardError::Link(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        error,
        LinkError::Basis {
            part: 2,
            source_part: 0
        }
    );
}
