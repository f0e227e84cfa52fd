//! The calls that a verifier must reject.
//!
//! Goes in: a verifier, and a call with proof and instances that it accepted. Comes out: how many wrong calls of each kind
//! were tried and rejected, and each one that was not. Every call is made as the accepted one was: from the same state,
//! with the same gas limit and the same rules lifted; and the accepted one is made again before and after all others.
//! A reusable verifier is also called with wrong key artifacts, and before the right one was registered.
//!
//! A control is rejected when the verifier reverts, and by nothing else: a call that ran out of gas, or that the chain did
//! not take, has told nothing. Which controls are tried follows from the seed, the proof and the number of instances.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use alloy_primitives::{B256, Bytes, U256};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use evmbench_host::parallel;

pub use evmbench_schema::chain::{
    Control, ControlFailure, ControlKind, ControlTally, Controls, TrailingCalldata,
};

use super::calldata::{Calldata, FIELD_MODULUS, VerifyCall};
use super::error::ChainError;
use super::state::Verification;
use super::verdict::Verdict;
use super::verifier::Verifier;

/// Length of an EVM word, in which proofs are written.
const WORD_BYTES: usize = 32;

/// Every word of a proof is tried up to this many: all proofs of the study's models are shorter.
const WORDS_TRIED_IN_FULL: usize = 128;

/// How many are tried of the words of a longer proof, of the instances, and of the words of a key artifact.
const SAMPLE: usize = 64;

/// Where a key artifact holds the digest of the verifying key, which starts the transcript: the first constant of
/// halo2_solidity_verifier's `dummy_vka_constants` (src/codegen.rs).
const KEY_DIGEST_WORD: usize = 0;

/// The wrong call; of [`Control::KeyUnregistered`] the right one, which is wrong where it is made.
///
/// # Panics
/// Where an index or a length does not fit the call.
pub fn apply(control: &Control, right: &VerifyCall) -> VerifyCall {
    let mut call = right.clone();
    let VerifyCall {
        proof,
        instances,
        key_artifact,
    } = &mut call;
    let mut change_word = |word: usize| {
        let key = key_artifact.as_mut().expect("a control of keys has a key");
        // A field element becomes another one, and anything else something else.
        key[word] = U256::from_be_bytes(key[word].0).wrapping_add(U256::ONE).into();
    };
    match *control {
        Control::ProofByteFlipped { byte, mask } => proof[byte] ^= mask,
        Control::InstanceChanged { instance } => {
            instances[instance] = instances[instance].add_mod(U256::ONE, FIELD_MODULUS);
        }
        Control::InstancePlusModulus { instance } => {
            // An accepted instance lies below the modulus, a quarter of the largest number: this does not wrap.
            instances[instance] = instances[instance].wrapping_add(FIELD_MODULUS);
        }
        Control::OneInstanceFewer => instances.truncate(instances.len() - 1),
        Control::OneInstanceMore => instances.push(U256::ZERO),
        Control::ProofTruncated { bytes } => proof.truncate(proof.len() - bytes),
        Control::ProofExtended { bytes } => proof.resize(proof.len() + bytes, 0),
        Control::KeyWordChanged { word } => change_word(word),
        Control::OtherKeyRegistered => change_word(KEY_DIGEST_WORD),
        Control::KeyUnregistered => {}
    }
    call
}

/// What all controls may take together, in seconds, besides what follows from the accepted call's gas.
const LEAST_TIME: f64 = 30.0;

/// Gas that the slowest machine goes through in a second, on one of its cores.
const LEAST_GAS_PER_SECOND: f64 = 20e6;

/// How long so many controls may take: code that refuses each call by spending all its gas would go on for minutes.
fn time_for(accepted: &Verification, controls: usize) -> Duration {
    let gas = accepted.gas.map_or(0, |gas| gas.tx_gas);
    Duration::from_secs_f64(LEAST_TIME + controls as f64 * gas as f64 / LEAST_GAS_PER_SECOND)
}

/// Tries every control on a call that was accepted.
///
/// # Errors
/// [`ChainError::NotAccepted`] where the call was not accepted in the first place, [`ChainError::TooLong`] where the controls take
/// longer than any verifier's would, or where revm itself fails.
pub fn run(
    verifier: &Verifier,
    accepted: &Verification,
    proof: &[u8],
    instances: &[U256],
    seed: u64,
) -> Result<Controls, ChainError> {
    if !accepted.verdict.is_accepted() {
        return Err(ChainError::NotAccepted(accepted.verdict.clone()));
    }
    let right = verifier.call_for(proof, instances);
    let canonical = right.calldata();
    let call = |calldata: &Calldata| verifier.call_like(accepted, calldata);

    let before = call(&canonical)?;
    let size = CallSize {
        proof_bytes: proof.len(),
        instances: instances.len(),
        key_words: right.key_artifact.as_ref().map(Vec::len),
    };
    let unregistered = verifier.unregistered();
    let other_key = match size.key_words {
        None => None,
        Some(_) => apply(&Control::OtherKeyRegistered, &right).key_artifact,
    };
    let with_other_key = other_key.map(|key| verifier.with_registered(&key)).transpose()?;
    let plan = plan(size, seed);
    let controls: Vec<_> = plan
        .iter()
        .flat_map(|(_, _, controls)| controls)
        .copied()
        .collect();
    let (start, limit) = (Instant::now(), time_for(accepted, controls.len()));
    let outcomes = parallel::map(parallel::processors(), controls.len(), || {
        |index: usize| {
            if start.elapsed() > limit {
                return Err(ChainError::TooLong {
                    seconds: limit.as_secs(),
                });
            }
            let control = &controls[index];
            let tried = match (control, &with_other_key) {
                (Control::KeyUnregistered, _) => &unregistered,
                (Control::OtherKeyRegistered, Some(with_other_key)) => with_other_key,
                _ => verifier,
            };
            tried.call_like(accepted, &apply(control, &right).calldata())
        }
    })?;
    let trailing_calldata = trailing(&canonical, call)?;
    let trailing_proof = match size.key_words {
        None => Vec::new(),
        Some(_) => trailing_proof(&right, call)?,
    };
    let after = call(&canonical)?;

    let rejected = |kind| {
        let ended = controls.iter().zip(&outcomes);
        ended
            .filter(|(control, outcome)| control.kind() == kind && outcome.is_rejected())
            .count()
    };
    let tallies = plan
        .iter()
        .map(|(kind, possible, controls)| ControlTally {
            kind: *kind,
            possible: *possible as u64,
            tried: controls.len() as u64,
            rejected: rejected(*kind) as u64,
        })
        .collect();
    let failures = controls
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| !outcome.is_rejected())
        .map(|(&control, outcome)| ControlFailure { control, outcome })
        .collect();
    Ok(Controls {
        seed,
        before,
        after,
        tallies,
        failures,
        trailing_calldata,
        trailing_proof,
    })
}

/// What there is to change.
#[derive(Debug, Clone, Copy)]
struct CallSize {
    proof_bytes: usize,
    instances: usize,
    /// Words of the key artifact; none for a plain verifier.
    key_words: Option<usize>,
}

/// The controls of each kind, with the number of places that there are to change.
fn plan(size: CallSize, seed: u64) -> Vec<(ControlKind, usize, Vec<Control>)> {
    let CallSize {
        proof_bytes,
        instances,
        key_words,
    } = size;
    let truncations = [1, WORD_BYTES].into_iter().filter(|&bytes| bytes <= proof_bytes);
    let of_keys = ControlKind::OF_KEYS.into_iter().filter(|_| key_words.is_some());
    ControlKind::ALL
        .into_iter()
        .chain(of_keys)
        .enumerate()
        .map(|(stream, kind)| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // A stream for each kind: what is drawn for one does not move the others.
            random.set_stream(stream as u64);
            let (possible, controls) = match kind {
                ControlKind::ProofByteFlipped => {
                    let words = proof_bytes.div_ceil(WORD_BYTES);
                    let tried = if words <= WORDS_TRIED_IN_FULL {
                        words
                    } else {
                        SAMPLE
                    };
                    let flips = sample(words, tried, &mut random)
                        .into_iter()
                        .map(|word| flip_in_word(word, proof_bytes, &mut random))
                        .collect();
                    (words, flips)
                }
                ControlKind::InstanceChanged => {
                    let changed = sample(instances, SAMPLE, &mut random).into_iter();
                    (
                        instances,
                        changed
                            .map(|instance| Control::InstanceChanged { instance })
                            .collect(),
                    )
                }
                ControlKind::InstancePlusModulus => {
                    let raised = sample(instances, SAMPLE, &mut random).into_iter();
                    (
                        instances,
                        raised
                            .map(|instance| Control::InstancePlusModulus { instance })
                            .collect(),
                    )
                }
                ControlKind::OneInstanceFewer => {
                    let fewer: Vec<_> = (instances > 0)
                        .then_some(Control::OneInstanceFewer)
                        .into_iter()
                        .collect();
                    (fewer.len(), fewer)
                }
                ControlKind::OneInstanceMore => (1, vec![Control::OneInstanceMore]),
                ControlKind::ProofTruncated => {
                    let cuts: Vec<_> = truncations
                        .clone()
                        .map(|bytes| Control::ProofTruncated { bytes })
                        .collect();
                    (cuts.len(), cuts)
                }
                ControlKind::ProofExtended => {
                    // A reusable verifier does not look at the proof's length: see `Controls::trailing_proof`.
                    let lengths = if key_words.is_some() {
                        &[1][..]
                    } else {
                        &[1, WORD_BYTES]
                    };
                    let extensions: Vec<_> = lengths
                        .iter()
                        .map(|&bytes| Control::ProofExtended { bytes })
                        .collect();
                    (extensions.len(), extensions)
                }
                ControlKind::KeyWordChanged => {
                    let words = key_words.unwrap_or(0);
                    let changed = sample(words, SAMPLE, &mut random).into_iter();
                    (
                        words,
                        changed.map(|word| Control::KeyWordChanged { word }).collect(),
                    )
                }
                ControlKind::KeyUnregistered => (1, vec![Control::KeyUnregistered]),
                ControlKind::OtherKeyRegistered => (1, vec![Control::OtherKeyRegistered]),
            };
            (kind, possible, controls)
        })
        .collect()
}

/// `size` different indices below `population`, or all of them, in order.
fn sample(population: usize, size: usize, random: &mut ChaCha8Rng) -> BTreeSet<usize> {
    if size >= population {
        return (0..population).collect();
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < size {
        chosen.insert(below(population, random));
    }
    chosen
}

/// A change of one byte in a word of the proof, whose last word may be short.
fn flip_in_word(word: usize, proof_bytes: usize, random: &mut ChaCha8Rng) -> Control {
    let start = word * WORD_BYTES;
    let length = WORD_BYTES.min(proof_bytes - start);
    Control::ProofByteFlipped {
        byte: start + below(length, random),
        mask: 1 + below(usize::from(u8::MAX), random) as u8,
    }
}

/// A number below `bound`; the bias is below 2^-32 for every bound that occurs here.
fn below(bound: usize, random: &mut ChaCha8Rng) -> usize {
    (random.next_u64() % bound as u64) as usize
}

/// Makes the canonical call with bytes after it: the zero word that EZKL's own encoder appends, and a byte that is not 0.
fn trailing(
    canonical: &Calldata,
    call: impl Fn(&Calldata) -> Result<Verdict, ChainError>,
) -> Result<Vec<TrailingCalldata>, ChainError> {
    [&[0; WORD_BYTES][..], &[0xff]]
        .into_iter()
        .map(|appended| {
            Ok(TrailingCalldata {
                appended: Bytes::copy_from_slice(appended),
                outcome: call(&canonical.with_trailing(appended))?,
            })
        })
        .collect()
}

/// Makes the call with a word after the proof: a zero, and one that is not.
fn trailing_proof(
    right: &VerifyCall,
    call: impl Fn(&Calldata) -> Result<Verdict, ChainError>,
) -> Result<Vec<TrailingCalldata>, ChainError> {
    [B256::ZERO, B256::repeat_byte(0xff)]
        .into_iter()
        .map(|word| {
            let mut longer = right.clone();
            longer.proof.extend(word);
            Ok(TrailingCalldata {
                appended: word.into(),
                outcome: call(&longer.calldata())?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plan_follows_from_its_seed_and_stays_within_the_call(
            proof_bytes in 0..10_000_usize,
            instances in 0..300_usize,
            key_words in prop::option::of(1..300_usize),
            seed: u64,
        ) {
            let size = CallSize { proof_bytes, instances, key_words };
            let plan = plan(size, seed);
            prop_assert_eq!(&plan, &super::plan(size, seed));
            let right = VerifyCall {
                proof: vec![7; proof_bytes],
                instances: vec![FIELD_MODULUS - U256::ONE; instances],
                key_artifact: key_words.map(|words| vec![B256::repeat_byte(0xff); words]),
            };
            prop_assert_eq!(plan.len(), if key_words.is_some() { 10 } else { 7 });
            for (kind, possible, controls) in &plan {
                prop_assert!(controls.len() <= *possible);
                prop_assert!(controls.len() >= (*possible).min(SAMPLE));
                let mut seen = BTreeSet::new();
                for control in controls {
                    prop_assert_eq!(control.kind(), *kind);
                    let wrong = apply(control, &right);
                    prop_assert_eq!(wrong == right, *control == Control::KeyUnregistered);
                    prop_assert_eq!(wrong.calldata() == right.calldata(), wrong == right);
                    prop_assert!(seen.insert(control.to_string()));
                }
            }
        }

        #[test]
        fn every_word_of_a_short_proof_is_flipped_once(words in 1..=WORDS_TRIED_IN_FULL, seed: u64) {
            let size = CallSize { proof_bytes: words * WORD_BYTES, instances: 0, key_words: None };
            let plan = plan(size, seed);
            let flipped: Vec<_> = plan[0].2.iter().map(|control| match control {
                Control::ProofByteFlipped { byte, mask } => { assert_ne!(*mask, 0); byte / WORD_BYTES }
                other => panic!("{other}"),
            }).collect();
            prop_assert_eq!(flipped, (0..words).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_changed_instance_is_still_a_field_element() {
        let last = FIELD_MODULUS - U256::ONE;
        let right = VerifyCall {
            proof: vec![],
            instances: vec![last],
            key_artifact: None,
        };
        let wrapped = apply(&Control::InstanceChanged { instance: 0 }, &right);
        assert_eq!(wrapped.calldata(), Calldata::verify_proof(&[], &[U256::ZERO]));
        let raised = apply(&Control::InstancePlusModulus { instance: 0 }, &right);
        assert_eq!(
            raised.calldata(),
            Calldata::verify_proof(&[], &[last + FIELD_MODULUS])
        );
    }

    #[test]
    fn controls_are_told_in_full() {
        let control = Control::ProofByteFlipped { byte: 70, mask: 3 };
        let json = serde_json::json!({"kind": "proof_byte_flipped", "byte": 70, "mask": 3});
        assert_eq!(serde_json::to_value(control).unwrap(), json);
        assert_eq!(serde_json::from_value::<Control>(json).unwrap(), control);
        assert_eq!(control.to_string(), "byte 70 of the proof XOR 0x03");
    }
}
