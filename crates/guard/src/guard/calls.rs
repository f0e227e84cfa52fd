//! Calls that a guard must take or refuse, made of one that it takes.
//!
//! Goes in: a call, and what a committed circuit adds to it. Comes out: other calls, each with the answer that it must get.

use alloy_primitives::{B256, U256};

use evmbench_evm::chain::Calldata;
use evmbench_evm::chain::calldata::{FIELD_MODULUS, VerifyCall};
use evmbench_schema::committed::Committed;

use super::{GuardAnswer, GuardCheckKind};

/// Index of a committed circuit's check among the instances.
const CHECK: usize = 0;

/// Index of a committed circuit's challenge among the instances.
const CHALLENGE: usize = 1;

/// A key artifact of which one bit is another.
pub(super) fn changed_key(key: &[B256]) -> Vec<B256> {
    let mut other = key.to_vec();
    other[0].0[31] ^= 1;
    other
}

/// The calls that a deployed guard must take or refuse, those on an instance only where there is one.
pub(super) fn wrong_and_right(
    right: &VerifyCall,
    committed: Option<&Committed>,
) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
    use GuardAnswer as Answer;
    use GuardCheckKind as Kind;

    let last_word = right.proof.len().saturating_sub(32);
    let flip = |proof: &mut Vec<u8>| proof[last_word] ^= 1;
    let shorten = |proof: &mut Vec<u8>| proof.truncate(last_word);
    // The last instance is the statement's, unless a committed circuit states nothing else than that its claims hold.
    let last = right.instances.len().saturating_sub(1);
    let to_changed = match committed {
        Some(_) if last == CHALLENGE => Answer::ChallengeMismatch,
        _ => Answer::ProofRejected,
    };
    let change = |instances: &mut Vec<U256>| add_one(&mut instances[last]);
    let raise = |instances: &mut Vec<U256>| instances[last] += FIELD_MODULUS;
    let add = |instances: &mut Vec<U256>| instances.push(U256::ZERO);
    let after = right.calldata().with_trailing(&[0xff; 33]);
    let mut calls = vec![
        (Kind::ContentsReversed, Answer::Accepted, reversed(right)),
        (
            Kind::GapBeforeContents,
            Answer::Accepted,
            after_gap(right, &[0xff; 32]),
        ),
        (Kind::BytesAfter, Answer::Accepted, after),
        (
            Kind::ProofBitFlipped,
            Answer::ProofRejected,
            with_proof(right, flip),
        ),
        (
            Kind::ProofShorter,
            Answer::WrongProofLength,
            with_proof(right, shorten),
        ),
        (
            Kind::ProofLonger,
            Answer::WrongProofLength,
            with_proof(right, |proof| proof.push(0)),
        ),
        (
            Kind::InstanceAdded,
            Answer::WrongInstanceCount,
            with_instances(right, add),
        ),
    ];
    if !right.instances.is_empty() {
        calls.extend([
            (
                Kind::InstancesElsewhere,
                to_changed,
                with_instances_elsewhere(right, change),
            ),
            (Kind::InstanceChanged, to_changed, with_instances(right, change)),
            (
                Kind::InstancePlusModulus,
                Answer::InstanceNotInField,
                with_instances(right, raise),
            ),
            (
                Kind::InstanceMissing,
                Answer::WrongInstanceCount,
                with_instances(right, |instances| instances.truncate(instances.len() - 1)),
            ),
        ]);
    }
    if let Some(key) = &right.key_artifact {
        let other = with_key(right, &changed_key(key));
        calls.push((Kind::KeyChanged, Answer::WrongKey, other));
    }
    if committed.is_some() {
        calls.extend(on_commitments(right));
    }
    calls
}

/// The calls on what a committed circuit adds: commitments, check and challenge.
fn on_commitments(right: &VerifyCall) -> [(GuardCheckKind, GuardAnswer, Calldata); 4] {
    use GuardAnswer as Answer;
    use GuardCheckKind as Kind;

    let with = |change: fn(&mut Vec<U256>)| with_instances(right, change);
    [
        (
            Kind::CommitmentBitFlipped,
            Answer::ChallengeMismatch,
            with_proof(right, |proof| proof[0] ^= 1),
        ),
        (
            Kind::CheckChanged,
            Answer::CheckNotZero,
            with(|instances| add_one(&mut instances[CHECK])),
        ),
        (
            Kind::ChallengeChanged,
            Answer::ChallengeMismatch,
            with(|instances| add_one(&mut instances[CHALLENGE])),
        ),
        (
            Kind::CheckAndChallengeSwapped,
            Answer::ChallengeMismatch,
            with(|instances| instances.swap(CHECK, CHALLENGE)),
        ),
    ]
}

/// The next element of the field.
fn add_one(instance: &mut U256) {
    *instance = instance.add_mod(U256::ONE, FIELD_MODULUS);
}

/// Each argument's contents: its length, then its words, the last one filled up with zeros.
fn contents(call: &VerifyCall) -> Vec<Vec<u8>> {
    let with_length = |length: usize, bytes: &[u8]| {
        let mut contents = [&word(length)[..], bytes].concat();
        contents.resize(contents.len().next_multiple_of(32), 0);
        contents
    };
    let proof = with_length(call.proof.len(), &call.proof);
    let words: Vec<u8> = call.instances.iter().flat_map(U256::to_be_bytes::<32>).collect();
    let instances = with_length(call.instances.len(), &words);
    let key = call.key_artifact.as_ref();
    let key = key.map(|key| with_length(key.len(), &key.concat()));
    [Some(proof), Some(instances), key]
        .into_iter()
        .flatten()
        .collect()
}

/// The call with its arguments' contents at these offsets of what follows the selector, heads included.
fn encoded(call: &VerifyCall, offsets: &[usize], rest: &[u8]) -> Calldata {
    let canonical = call.calldata();
    let selector = &canonical.bytes()[..4];
    let heads: Vec<u8> = offsets.iter().flat_map(|&offset| word(offset)).collect();
    Calldata::raw([selector, &heads, rest].concat())
}

/// The call with a gap between its heads and the arguments' contents.
fn after_gap(call: &VerifyCall, gap: &[u8]) -> Calldata {
    let contents = contents(call);
    let mut offset = 32 * contents.len() + gap.len();
    let offsets: Vec<usize> = contents
        .iter()
        .map(|contents| {
            offset += contents.len();
            offset - contents.len()
        })
        .collect();
    encoded(call, &offsets, &[gap, &contents.concat()].concat())
}

/// The call with its arguments' contents in reverse order.
fn reversed(call: &VerifyCall) -> Calldata {
    let mut contents = contents(call);
    let mut end = 32 * contents.len() + contents.iter().map(Vec::len).sum::<usize>();
    let offsets: Vec<usize> = contents
        .iter()
        .map(|contents| {
            end -= contents.len();
            end
        })
        .collect();
    contents.reverse();
    encoded(call, &offsets, &contents.concat())
}

/// The call, whose head names other instances, which follow it.
fn with_instances_elsewhere(call: &VerifyCall, change: impl Fn(&mut Vec<U256>)) -> Calldata {
    let mut bytes = call.calldata().bytes().to_vec();
    let offset = word(bytes.len() - 4);
    // The second head, after the selector.
    bytes[36..68].copy_from_slice(&offset);
    let mut other = call.clone();
    change(&mut other.instances);
    bytes.extend(&contents(&other)[1]);
    Calldata::raw(bytes)
}

fn with_proof(call: &VerifyCall, change: impl Fn(&mut Vec<u8>)) -> Calldata {
    let mut other = call.clone();
    change(&mut other.proof);
    other.calldata()
}

fn with_instances(call: &VerifyCall, change: impl Fn(&mut Vec<U256>)) -> Calldata {
    let mut other = call.clone();
    change(&mut other.instances);
    other.calldata()
}

fn with_key(call: &VerifyCall, key: &[B256]) -> Calldata {
    let other = VerifyCall {
        key_artifact: Some(key.to_vec()),
        ..call.clone()
    };
    other.calldata()
}

/// A number as a word of the ABI.
fn word(number: usize) -> [u8; 32] {
    U256::from(number).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolCall as _, sol};
    use proptest::prelude::*;

    use super::*;

    sol! {
        function verifyProof(bytes proof, uint256[] instances) returns (bool);
        function verifyWithKey(bytes proof, uint256[] instances, bytes32[] key) returns (bool);
    }

    prop_compose! {
        fn call()(
            proof in prop::collection::vec(any::<u8>(), 0..100),
            instances in prop::collection::vec(0..u64::MAX, 1..9),
            key in prop::option::of(prop::collection::vec(any::<[u8; 32]>(), 1..5)),
        ) -> VerifyCall {
            VerifyCall {
                proof,
                instances: instances.into_iter().map(U256::from).collect(),
                key_artifact: key.map(|words| words.into_iter().map(B256::from).collect()),
            }
        }
    }

    /// What a contract that reads its arguments by the ABI sees; selectors are not looked at.
    fn decoded(calldata: &Calldata, has_key: bool) -> VerifyCall {
        let arguments = &calldata.bytes()[4..];
        if has_key {
            let call = verifyWithKeyCall::abi_decode_raw(arguments).unwrap();
            VerifyCall {
                proof: call.proof.to_vec(),
                instances: call.instances,
                key_artifact: Some(call.key),
            }
        } else {
            let call = verifyProofCall::abi_decode_raw(arguments).unwrap();
            VerifyCall {
                proof: call.proof.to_vec(),
                instances: call.instances,
                key_artifact: None,
            }
        }
    }

    proptest! {
        #[test]
        fn every_encoding_of_a_call_decodes_to_it(call in call()) {
            let canonical = call.calldata();
            prop_assert_eq!(&after_gap(&call, &[]), &canonical);
            for calldata in [after_gap(&call, &[0xff; 32]), reversed(&call)] {
                prop_assert!(calldata != canonical);
                prop_assert_eq!(calldata.bytes()[..4].to_vec(), canonical.bytes()[..4].to_vec());
                prop_assert_eq!(decoded(&calldata, call.key_artifact.is_some()), call.clone());
            }
        }

        /// A reader at fixed places sees the right call, and a decoder another.
        #[test]
        fn instances_elsewhere_are_seen_by_a_decoder_alone(call in call()) {
            let canonical = call.calldata();
            let calldata = with_instances_elsewhere(&call, |instances| instances[0] += U256::ONE);
            let contents = 4 + 32 * (2 + usize::from(call.key_artifact.is_some()))..canonical.bytes().len();
            prop_assert_eq!(&calldata.bytes()[contents.clone()], &canonical.bytes()[contents]);
            let mut other = call.clone();
            other.instances[0] += U256::ONE;
            prop_assert_eq!(decoded(&calldata, call.key_artifact.is_some()), other);
        }
    }
}
