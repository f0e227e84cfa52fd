//! A verifier and one proof that it accepts → what a guard in front of the verifier costs, and what it turns away.
//!
//! Goes in: a verifier's bytecode, a proof with its instances, and a compiler. Comes out: the gas of deploying a guard
//! and of verifying through it beside that of the bare verifier (gas), and its answers to calls that it must take or
//! refuse. The contracts are those of `contracts/src`, which the program carries within it.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, SolError as _, SolValue as _, sol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::calldata::{self as plain, FIELD_MODULUS};
use crate::chain::{Calldata, Chain, ChainError, Fork, TransactionGas, Verdict, Verification};
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

    function verifyProof(bytes proof, uint256[] instances, bytes32[] key) returns (bool);
    function registerVka(bytes32[] key) returns (bytes32);

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

/// What a verifier is asked.
#[derive(Debug, Clone, Copy)]
pub struct Proved<'a> {
    /// The proof.
    pub proof: &'a [u8],
    /// Its public values.
    pub instances: &'a [U256],
    /// The words of the circuit's key artifact, where the verifier is the reusable one.
    pub key: Option<&'a [B256]>,
}

impl Proved<'_> {
    /// The canonical call that asks a verifier, or a guard in front of it.
    pub(crate) fn calldata(&self) -> Calldata {
        Arguments::of(self).canonical()
    }

    /// Registers the key with a reusable verifier; without a key there is nothing to do.
    pub(crate) fn register(&self, chain: &mut Chain, verifier: Address) -> Result<(), GuardError> {
        let Some(key) = self.key else { return Ok(()) };
        let call = registerVkaCall { key: key.to_vec() };
        let registered = chain.transact(verifier, &Calldata::raw(call.abi_encode()))?;
        if registered.return_data[..] == digest(key)[..] {
            Ok(())
        } else {
            Err(GuardError::NotRegistered(registered.verdict))
        }
    }

    /// The guard of `contracts/src` for this verifier.
    fn guard(&self) -> &'static str {
        match self.key {
            None => "GuardedVerifier",
            Some(_) => "GuardedReusableVerifier",
        }
    }
}

/// Whether a verifier, plain or reusable, or a guard accepted: it returned `true`, and nothing or more after it.
pub(crate) fn is_accepted(call: &Verification) -> bool {
    call.verdict.is_success() && call.return_data.starts_with(&true.abi_encode())
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
    /// The verifier does not know a key artifact by its digest after registration.
    #[error("the key artifact was not registered: {0}")]
    NotRegistered(Verdict),
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
/// # Errors
/// [`GuardError`]. An answer of the guard's that is wrong is none: [`GuardMeasurement::passed`] tells.
pub fn measure(
    solc: &Solc,
    fork: Fork,
    code: VerifierCode<'_>,
    proved: &Proved<'_>,
) -> Result<GuardMeasurement, GuardError> {
    let guard = compile(solc, proved.guard())?;
    let mut chain = Chain::new(fork);
    let verifier = chain.deploy(code.creation)?.address;
    proved.register(&mut chain, verifier)?;
    let pinned = Pinned {
        verifier,
        codeHash: keccak256(code.runtime),
        proofBytes: U256::from(proved.proof.len()),
        instanceCount: U256::from(proved.instances.len()),
    };
    let deployment = chain.deploy(&creation_code(&guard, &pinned, proved.key))?;
    let arguments = Arguments::of(proved);
    let accepted = |contract, address| {
        let call = chain.call(address, &arguments.canonical())?;
        match call.gas {
            Some(gas) if is_accepted(&call) => Ok(gas),
            _ => Err(GuardError::NotAccepted {
                contract,
                verdict: call.verdict,
            }),
        }
    };
    let bare_verification = accepted("the verifier", verifier)?;
    let verification = accepted("the guard", deployment.address)?;
    let over = |part: fn(&TransactionGas) -> u64| {
        part(&verification).cast_signed() - part(&bare_verification).cast_signed()
    };
    let guard = Deployed {
        chain,
        address: deployment.address,
        guard,
        pinned,
    };
    Ok(GuardMeasurement {
        contract: proved.guard().to_owned(),
        fork,
        deployment: deployment.gas,
        runtime_code_bytes: deployment.runtime_code_bytes,
        tx_gas_over_verifier: over(|gas| gas.tx_gas),
        execution_gas_over_verifier: over(|gas| gas.execution_gas),
        verification,
        bare_verification,
        checks: guard.checks(&arguments)?,
    })
}

fn compile(solc: &Solc, contract: &str) -> Result<CompiledContract, SolidityError> {
    solc.compile_files(&SOURCES, contract, &CompileOptions::default())
}

/// What deploys a guard: its code, then the arguments of its constructor.
fn creation_code(guard: &CompiledContract, pinned: &Pinned, key: Option<&[B256]>) -> Bytes {
    let key_digest = key.map(digest);
    let digest = key_digest.as_ref().map_or(&[][..], |digest| &digest[..]);
    [&guard.creation_code[..], &pinned.abi_encode(), digest]
        .concat()
        .into()
}

/// The number that a key artifact is known by.
fn digest(key: &[B256]) -> B256 {
    keccak256(key.concat())
}

/// A guard in front of a verifier on a chain.
struct Deployed {
    chain: Chain,
    address: Address,
    guard: CompiledContract,
    pinned: Pinned,
}

impl Deployed {
    /// Makes every call that applies to arguments that the guard accepts.
    fn checks(&self, right: &Arguments) -> Result<Vec<GuardCheck>, ChainError> {
        let other_key = right.key.as_ref().map(|key| {
            let mut other = key.clone();
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
            let for_other = chain.deploy(&creation_code(&self.guard, &self.pinned, Some(other)))?;
            let call = chain.call(for_other.address, &right.with_key(other))?;
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
        let deployment = creation_code(&self.guard, &other_hash, right.key.as_deref());
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
fn calls(right: &Arguments, other_key: Option<&[B256]>) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
    use GuardAnswer as Answer;
    use GuardCheckKind as Kind;

    let last_word = right.proof.len().saturating_sub(32);
    let flip = |proof: &mut Vec<u8>| proof[last_word] ^= 1;
    let shorten = |proof: &mut Vec<u8>| proof.truncate(last_word);
    let change = |instances: &mut Vec<U256>| instances[0] = instances[0].add_mod(U256::ONE, FIELD_MODULUS);
    let raise = |instances: &mut Vec<U256>| instances[0] += FIELD_MODULUS;
    let add = |instances: &mut Vec<U256>| instances.push(U256::ZERO);
    let after = right.canonical().with_trailing(&[0xff; 33]);
    let mut calls = vec![
        (Kind::ContentsReversed, Answer::Accepted, right.reversed()),
        (Kind::GapBeforeContents, Answer::Accepted, right.with_gap()),
        (Kind::BytesAfter, Answer::Accepted, after),
        (
            Kind::ProofBitFlipped,
            Answer::ProofRejected,
            right.with_proof(flip),
        ),
        (
            Kind::ProofShorter,
            Answer::WrongProofLength,
            right.with_proof(shorten),
        ),
        (
            Kind::ProofLonger,
            Answer::WrongProofLength,
            right.with_proof(|proof| proof.push(0)),
        ),
        (
            Kind::InstanceAdded,
            Answer::WrongInstanceCount,
            right.with_instances(add),
        ),
    ];
    if !right.instances.is_empty() {
        calls.extend([
            (
                Kind::InstancesElsewhere,
                Answer::ProofRejected,
                right.with_instances_elsewhere(change),
            ),
            (
                Kind::InstanceChanged,
                Answer::ProofRejected,
                right.with_instances(change),
            ),
            (
                Kind::InstancePlusModulus,
                Answer::InstanceNotInField,
                right.with_instances(raise),
            ),
            (
                Kind::InstanceMissing,
                Answer::WrongInstanceCount,
                right.with_instances(|instances| instances.truncate(instances.len() - 1)),
            ),
        ]);
    }
    if let Some(other) = other_key {
        calls.push((Kind::KeyChanged, Answer::WrongKey, right.with_key(other)));
    }
    calls
}

/// The arguments of a call, to be encoded in more ways than one.
#[derive(Debug, Clone)]
struct Arguments {
    selector: [u8; 4],
    proof: Vec<u8>,
    instances: Vec<U256>,
    key: Option<Vec<B256>>,
}

impl Arguments {
    fn of(proved: &Proved<'_>) -> Self {
        Self {
            selector: match proved.key {
                None => plain::verifyProofCall::SELECTOR,
                Some(_) => verifyProofCall::SELECTOR,
            },
            proof: proved.proof.to_vec(),
            instances: proved.instances.to_vec(),
            key: proved.key.map(<[B256]>::to_vec),
        }
    }

    /// Each argument's contents: its length, then its words, the last one filled up with zeros.
    fn contents(&self) -> Vec<Vec<u8>> {
        let with_length = |length: usize, bytes: &[u8]| {
            let mut contents = [&word(length)[..], bytes].concat();
            contents.resize(contents.len().next_multiple_of(32), 0);
            contents
        };
        let proof = with_length(self.proof.len(), &self.proof);
        let words: Vec<u8> = self.instances.iter().flat_map(U256::to_be_bytes::<32>).collect();
        let instances = with_length(self.instances.len(), &words);
        let key = self.key.as_ref().map(|key| with_length(key.len(), &key.concat()));
        [Some(proof), Some(instances), key]
            .into_iter()
            .flatten()
            .collect()
    }

    /// A call whose arguments stand at these offsets of the bytes after the selector, each of which counts the heads.
    fn call(&self, offsets: &[usize], rest: &[u8]) -> Calldata {
        let heads: Vec<u8> = offsets.iter().flat_map(|&offset| word(offset)).collect();
        Calldata::raw([&self.selector[..], &heads, rest].concat())
    }

    fn canonical(&self) -> Calldata {
        self.after_gap(&[])
    }

    fn with_gap(&self) -> Calldata {
        self.after_gap(&[0xff; 32])
    }

    fn after_gap(&self, gap: &[u8]) -> Calldata {
        let contents = self.contents();
        let mut offset = 32 * contents.len() + gap.len();
        let offsets: Vec<usize> = contents
            .iter()
            .map(|contents| {
                offset += contents.len();
                offset - contents.len()
            })
            .collect();
        self.call(&offsets, &[gap, &contents.concat()].concat())
    }

    fn reversed(&self) -> Calldata {
        let mut contents = self.contents();
        let mut end = 32 * contents.len() + contents.iter().map(Vec::len).sum::<usize>();
        let offsets: Vec<usize> = contents
            .iter()
            .map(|contents| {
                end -= contents.len();
                end
            })
            .collect();
        contents.reverse();
        self.call(&offsets, &contents.concat())
    }

    /// The right call, whose head names other instances, which follow it.
    fn with_instances_elsewhere(&self, change: impl Fn(&mut Vec<U256>)) -> Calldata {
        let right = self.canonical();
        let mut bytes = right.bytes().to_vec();
        let head = 4 + 32;
        bytes[head..head + 32].copy_from_slice(&word(right.bytes().len() - 4));
        let mut other = self.clone();
        change(&mut other.instances);
        bytes.extend(&other.contents()[1]);
        Calldata::raw(bytes)
    }

    fn with_proof(&self, change: impl Fn(&mut Vec<u8>)) -> Calldata {
        let mut other = self.clone();
        change(&mut other.proof);
        other.canonical()
    }

    fn with_instances(&self, change: impl Fn(&mut Vec<U256>)) -> Calldata {
        let mut other = self.clone();
        change(&mut other.instances);
        other.canonical()
    }

    fn with_key(&self, key: &[B256]) -> Calldata {
        let other = Self {
            key: Some(key.to_vec()),
            ..self.clone()
        };
        other.canonical()
    }
}

/// A number as a word of the ABI.
fn word(number: usize) -> [u8; 32] {
    U256::from(number).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn selectors_are_those_of_the_reusable_verifier() {
        assert_eq!(verifyProofCall::SELECTOR, hex!("3409fc9f"));
        assert_eq!(
            registerVkaCall::SELECTOR[..],
            keccak256("registerVka(bytes32[])")[..4]
        );
    }

    fn arguments(proof: Vec<u8>, instances: &[u64], key: Option<Vec<[u8; 32]>>) -> Arguments {
        Arguments {
            selector: verifyProofCall::SELECTOR,
            proof,
            instances: instances.iter().map(|&value| U256::from(value)).collect(),
            key: key.map(|words| words.into_iter().map(B256::from).collect()),
        }
    }

    proptest! {
        /// Whatever the order and the gaps, the ABI reads the same arguments.
        #[test]
        fn every_encoding_of_the_right_call_decodes_to_it(
            proof in prop::collection::vec(any::<u8>(), 0..100),
            instances in prop::collection::vec(any::<u64>(), 1..9),
            key in prop::collection::vec(any::<[u8; 32]>(), 0..5),
        ) {
            let arguments = arguments(proof, &instances, Some(key));
            let canonical = verifyProofCall {
                proof: arguments.proof.clone().into(),
                instances: arguments.instances.clone(),
                key: arguments.key.clone().unwrap(),
            };
            let encoded = canonical.abi_encode();
            prop_assert_eq!(&arguments.canonical().bytes()[..], &encoded[..]);
            for calldata in [arguments.with_gap(), arguments.reversed()] {
                prop_assert!(calldata.bytes()[..] != encoded[..]);
                let decoded = verifyProofCall::abi_decode(calldata.bytes()).unwrap();
                prop_assert_eq!(decoded.abi_encode(), encoded.clone());
            }
        }

        /// A reader at fixed places sees the right call, and a decoder another.
        #[test]
        fn instances_elsewhere_are_seen_by_a_decoder_alone(
            proof in prop::collection::vec(any::<u8>(), 0..100),
            instances in prop::collection::vec(0..u64::MAX, 1..9),
        ) {
            let arguments = arguments(proof, &instances, None);
            let arguments = Arguments { selector: plain::verifyProofCall::SELECTOR, ..arguments };
            let calldata = arguments.with_instances_elsewhere(|instances| instances[0] += U256::ONE);
            let right = Calldata::verify_proof(&arguments.proof, &arguments.instances);
            prop_assert_eq!(&arguments.canonical(), &right);
            let contents = 4 + 2 * 32..right.bytes().len();
            prop_assert_eq!(&calldata.bytes()[contents.clone()], &right.bytes()[contents]);
            let decoded = plain::verifyProofCall::abi_decode(calldata.bytes()).unwrap();
            prop_assert_eq!(&decoded.proof[..], &arguments.proof[..]);
            prop_assert_eq!(decoded.instances[0], arguments.instances[0] + U256::ONE);
            prop_assert_eq!(&decoded.instances[1..], &arguments.instances[1..]);
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
