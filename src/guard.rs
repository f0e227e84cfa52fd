//! A verifier and one proof that it accepts → what a guard in front of the verifier costs, and what it turns away.
//!
//! Goes in: a verifier's bytecode, a proof with its instances, and a compiler. Comes out: the gas of deploying a guard
//! and of verifying through it beside that of the bare verifier (gas), and its answers to calls that it must take or
//! refuse. The contracts are those of `contracts/src`, which the program carries within it.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolError as _, SolValue as _, sol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::calldata::{FIELD_MODULUS, VerifyCall};
use crate::chain::{Calldata, Chain, ChainError, Fork, TransactionGas, Verdict, Verification, Verifier};
use crate::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};

/// The guard contracts' sources, each with the path that the others import it by.
const SOURCES: [(&str, &str); 7] = [
    ("Field.sol", include_str!("../contracts/src/Field.sol")),
    (
        "IHalo2Verifier.sol",
        include_str!("../contracts/src/IHalo2Verifier.sol"),
    ),
    (
        "IHalo2VerifierReusable.sol",
        include_str!("../contracts/src/IHalo2VerifierReusable.sol"),
    ),
    (
        "VerifierGuard.sol",
        include_str!("../contracts/src/VerifierGuard.sol"),
    ),
    (
        "ReusableVerifierGuard.sol",
        include_str!("../contracts/src/ReusableVerifierGuard.sol"),
    ),
    (
        "GuardedVerifier.sol",
        include_str!("../contracts/src/GuardedVerifier.sol"),
    ),
    (
        "GuardedReusableVerifier.sol",
        include_str!("../contracts/src/GuardedReusableVerifier.sol"),
    ),
];

sol! {
    /// What a guard is built over: `VerifierGuard.Pinned`.
    struct Pinned {
        address verifier;
        bytes32 codeHash;
        uint256 proofBytes;
        uint256 instanceCount;
    }

    error WrongVerifierCode(bytes32 expected, bytes32 found);
    error WrongProofLength(uint256 expected, uint256 found);
    error WrongInstanceCount(uint256 expected, uint256 found);
    error InstanceNotInField(uint256 index);
    error ProofRejected();
    error WrongKey(bytes32 expected, bytes32 found);
}

/// A verifier's bytecode.
#[derive(Debug, Clone, Copy)]
pub struct VerifierCode<'a> {
    /// What deploys it.
    pub creation: &'a Bytes,
    /// What is then on chain: a guard pins its hash.
    pub runtime: &'a Bytes,
}

/// What a guard costs, and what it turns away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardMeasurement {
    /// The contract of `contracts/src` that was measured.
    pub contract: String,
    /// The rules that held.
    pub fork: Fork,
    /// What deploying the guard cost, its verifier being there already.
    pub deployment: TransactionGas,
    /// Length of the guard's runtime code, in bytes.
    pub runtime_code_bytes: u64,
    /// What verifying the proof through the guard cost.
    pub verification: TransactionGas,
    /// What verifying it by the bare verifier cost, with the same calldata on the same chain.
    pub bare_verification: TransactionGas,
    /// What the guard adds to the transaction, in gas; less than to its execution where the calldata floor binds.
    pub tx_gas_over_verifier: i64,
    /// What the guard adds to the execution, in gas.
    pub execution_gas_over_verifier: i64,
    /// The guard's answers to calls that it must take or refuse.
    pub checks: Vec<GuardCheck>,
}

impl GuardMeasurement {
    /// Whether the guard took what it must take, and refused the rest for the right reason.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(GuardCheck::passed)
    }
}

/// One call that a guard must take or refuse, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardCheck {
    /// What is special about the call.
    pub kind: GuardCheckKind,
    /// What the guard must answer.
    pub expected: GuardAnswer,
    /// What it answered.
    pub found: GuardAnswer,
}

impl GuardCheck {
    /// Whether the guard answered what it must.
    pub fn passed(&self) -> bool {
        self.expected == self.found
    }
}

/// What is special about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardCheckKind {
    /// Right, but the arguments' contents stand in reverse order.
    ContentsReversed,
    /// Right, but with a word of ones between the heads and the contents.
    GapBeforeContents,
    /// Right, but with bytes after it.
    BytesAfter,
    /// The right call as far as a reader at fixed places sees, but by its head the instances are another list.
    InstancesElsewhere,
    /// One bit of the proof is another.
    ProofBitFlipped,
    /// The proof lacks its last word.
    ProofShorter,
    /// The proof has a byte more.
    ProofLonger,
    /// An instance is larger by one.
    InstanceChanged,
    /// An instance is larger by the field's order: the same element under another name.
    InstancePlusModulus,
    /// The last instance is missing.
    InstanceMissing,
    /// There is one instance more.
    InstanceAdded,
    /// The guard is deployed with another code hash than the verifier's.
    OtherCodeHash,
    /// A word of the key artifact is another.
    KeyChanged,
    /// The guard is deployed for the changed artifact, which nobody registered.
    KeyNotRegistered,
}

/// A guard's answer: acceptance, or one of its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardAnswer {
    /// It returned true.
    Accepted,
    /// The code at the verifier's address is not the pinned one.
    WrongVerifierCode,
    /// The proof has another length than the circuit's.
    WrongProofLength,
    /// There are more or fewer instances than the circuit has.
    WrongInstanceCount,
    /// An instance is no field element.
    InstanceNotInField,
    /// The verifier did not accept.
    ProofRejected,
    /// The key artifact is not the pinned circuit's.
    WrongKey,
    /// Anything else, such as running out of gas.
    Other,
}

impl GuardAnswer {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::Reverted { data, .. } => Self::of_revert(data),
            _ => Self::Other,
        }
    }

    fn of_revert(data: &[u8]) -> Self {
        let errors = [
            (WrongVerifierCode::SELECTOR, Self::WrongVerifierCode),
            (WrongProofLength::SELECTOR, Self::WrongProofLength),
            (WrongInstanceCount::SELECTOR, Self::WrongInstanceCount),
            (InstanceNotInField::SELECTOR, Self::InstanceNotInField),
            (ProofRejected::SELECTOR, Self::ProofRejected),
            (WrongKey::SELECTOR, Self::WrongKey),
        ];
        errors
            .into_iter()
            .find(|(selector, _)| data.starts_with(selector))
            .map_or(Self::Other, |(_, answer)| answer)
    }
}

/// Why a guard could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The guard does not compile.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// The verifier or the guard cannot be deployed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A proof is measured that is not accepted.
    #[error("{contract} does not accept the proof: {verdict}")]
    NotAccepted {
        /// Who was asked.
        contract: &'static str,
        /// What it answered.
        verdict: Verdict,
    },
}

/// Deploys the verifier, and a guard in front of it, on a chain of its own; measures both, and tries the guard's checks.
///
/// The call is one that the verifier accepts; it holds a key artifact where the verifier is the reusable one.
///
/// # Errors
/// [`GuardError`]. An answer of the guard's that is wrong is none: [`GuardMeasurement::passed`] tells.
pub fn measure(
    solc: &Solc,
    fork: Fork,
    code: VerifierCode<'_>,
    call: &VerifyCall,
) -> Result<GuardMeasurement, GuardError> {
    let contract = match call.key_artifact {
        None => "GuardedVerifier",
        Some(_) => "GuardedReusableVerifier",
    };
    let contract = solc.compile_files(&SOURCES, contract, &CompileOptions::default())?;
    let canonical = call.calldata();
    let bare =
        Verifier::deploy_with(fork, code.creation, call.key_artifact.as_deref())?.verify(&canonical)?;
    let bare_verification = accepted("the verifier", bare)?;

    let mut chain = Chain::new(fork);
    let verifier = chain.deploy(code.creation)?.address;
    if let Some(key) = &call.key_artifact {
        let _registered = chain.transact(verifier, &Calldata::register_key(key))?;
    }
    let pinned = Pinned {
        verifier,
        codeHash: keccak256(code.runtime),
        proofBytes: U256::from(call.proof.len()),
        instanceCount: U256::from(call.instances.len()),
    };
    let key = call.key_artifact.as_deref();
    let deployment = chain.deploy(&creation_code(&contract, &pinned, key))?;
    let verification = accepted("the guard", chain.call(deployment.address, &canonical)?)?;
    let over = |part: fn(&TransactionGas) -> u64| {
        part(&verification).cast_signed() - part(&bare_verification).cast_signed()
    };
    let guard = Guard {
        chain,
        address: deployment.address,
        contract,
        pinned,
    };
    Ok(GuardMeasurement {
        checks: guard.checks(call)?,
        contract: guard.contract.contract,
        fork,
        deployment: deployment.gas,
        runtime_code_bytes: deployment.runtime_code_bytes,
        tx_gas_over_verifier: over(|gas| gas.tx_gas),
        execution_gas_over_verifier: over(|gas| gas.execution_gas),
        verification,
        bare_verification,
    })
}

/// What the call cost, if it ended in acceptance.
fn accepted(contract: &'static str, call: Verification) -> Result<TransactionGas, GuardError> {
    match call.gas {
        Some(gas) if call.verdict.is_accepted() => Ok(gas),
        _ => Err(GuardError::NotAccepted {
            contract,
            verdict: call.verdict,
        }),
    }
}

/// What deploys a guard: its code, then the arguments of its constructor.
fn creation_code(guard: &CompiledContract, pinned: &Pinned, key: Option<&[B256]>) -> Bytes {
    let key_digest = key.map(|key| keccak256(key.concat()));
    let key_digest = key_digest.as_ref().map_or(&[][..], |digest| &digest[..]);
    [&guard.creation_code[..], &pinned.abi_encode(), key_digest]
        .concat()
        .into()
}

/// A guard in front of a verifier on a chain.
struct Guard {
    chain: Chain,
    address: Address,
    contract: CompiledContract,
    pinned: Pinned,
}

impl Guard {
    /// Makes every call that can be made of one that the guard accepts.
    fn checks(&self, right: &VerifyCall) -> Result<Vec<GuardCheck>, ChainError> {
        let key = right.key_artifact.as_deref();
        let other_key = key.map(|key| {
            let mut other = key.to_vec();
            other[0].0[31] ^= 1;
            other
        });
        let mut checks = Vec::new();
        for (kind, expected, calldata) in calls(right, other_key.as_deref()) {
            let found = GuardAnswer::of(&self.chain.call(self.address, &calldata)?.verdict);
            checks.push(GuardCheck {
                kind,
                expected,
                found,
            });
        }
        if let Some(other) = &other_key {
            let (kind, expected) = (GuardCheckKind::KeyNotRegistered, GuardAnswer::ProofRejected);
            let mut chain = self.chain.clone();
            let for_other = chain.deploy(&creation_code(&self.contract, &self.pinned, Some(other)))?;
            let call = chain.call(for_other.address, &with_key(right, other))?;
            let found = GuardAnswer::of(&call.verdict);
            checks.push(GuardCheck {
                kind,
                expected,
                found,
            });
        }
        let other_hash = Pinned {
            codeHash: keccak256(self.pinned.codeHash),
            ..self.pinned.clone()
        };
        let deployment = creation_code(&self.contract, &other_hash, key);
        let found = match self.chain.clone().deploy(&deployment) {
            Ok(_) => GuardAnswer::Accepted,
            Err(ChainError::NotDeployed(verdict)) => GuardAnswer::of(&verdict),
            Err(error) => return Err(error),
        };
        let (kind, expected) = (GuardCheckKind::OtherCodeHash, GuardAnswer::WrongVerifierCode);
        checks.push(GuardCheck {
            kind,
            expected,
            found,
        });
        Ok(checks)
    }
}

/// The calls that a deployed guard must take or refuse, those on an instance only where there is one.
fn calls(right: &VerifyCall, other_key: Option<&[B256]>) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
    use GuardAnswer as Answer;
    use GuardCheckKind as Kind;

    let last_word = right.proof.len().saturating_sub(32);
    let flip = |proof: &mut Vec<u8>| proof[last_word] ^= 1;
    let shorten = |proof: &mut Vec<u8>| proof.truncate(last_word);
    let change = |instances: &mut Vec<U256>| instances[0] = instances[0].add_mod(U256::ONE, FIELD_MODULUS);
    let raise = |instances: &mut Vec<U256>| instances[0] += FIELD_MODULUS;
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
                Answer::ProofRejected,
                with_instances_elsewhere(right, change),
            ),
            (
                Kind::InstanceChanged,
                Answer::ProofRejected,
                with_instances(right, change),
            ),
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
    if let Some(other) = other_key {
        calls.push((Kind::KeyChanged, Answer::WrongKey, with_key(right, other)));
    }
    calls
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
    use alloy_sol_types::SolCall as _;
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

    #[test]
    fn an_answer_is_read_from_its_selector() {
        let reverted = |data: Vec<u8>| {
            GuardAnswer::of(&Verdict::Reverted {
                data: data.into(),
                reason: None,
            })
        };
        assert_eq!(
            reverted(ProofRejected {}.abi_encode()),
            GuardAnswer::ProofRejected
        );
        let error = InstanceNotInField { index: U256::from(3) };
        assert_eq!(reverted(error.abi_encode()), GuardAnswer::InstanceNotInField);
        assert_eq!(reverted(vec![]), GuardAnswer::Other);
        assert_eq!(GuardAnswer::of(&Verdict::Accepted), GuardAnswer::Accepted);
    }
}
