//! A verifier and one proof that it accepts → what a guard in front of the verifier costs, and what it turns away.
//!
//! Goes in: a verifier's bytecode, a proof with its instances, what a committed circuit adds, and the compiled guards. Comes
//! out:
//! the gas of deploying a guard and of verifying through it beside that of the bare verifier (gas), and its answers to
//! calls that it must take or refuse. [`linked`] does the same for proofs that mean something only
//! together, [`one_pairing`] for these with one pairing, and [`batch`] for many proofs of one circuit; [`recognised`] tells a deployed guard or set by its code. The contracts
//! are those of `contracts/src`, which the program carries within it.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new kind must be thought of everywhere that soundness is decided"
)]

pub mod batch;
mod calls;
pub mod linked;
pub mod one_pairing;
pub mod recognised;

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolError as _, sol};
use serde::{Deserialize, Serialize};

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{
    Calldata, Chain, ChainError, Deployment, Fork, TransactionGas, Verdict, Verification, Verifier,
};
use evmbench_evm::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};
use evmbench_schema::committed::Committed;
pub use evmbench_schema::guard::{GuardAnswer, GuardCheck, GuardCheckKind, GuardMeasurement};

/// The guard contracts' sources, each with the path that the others import it by.
const SOURCES: [(&str, &str); 19] = [
    (
        "BatchCommitted.sol",
        include_str!("../../contracts/src/BatchCommitted.sol"),
    ),
    (
        "BatchGuard.sol",
        include_str!("../../contracts/src/BatchGuard.sol"),
    ),
    (
        "BatchVerifier.sol",
        include_str!("../../contracts/src/BatchVerifier.sol"),
    ),
    (
        "Commitments.sol",
        include_str!("../../contracts/src/Commitments.sol"),
    ),
    (
        "CommittedGuard.sol",
        include_str!("../../contracts/src/CommittedGuard.sol"),
    ),
    ("Field.sol", include_str!("../../contracts/src/Field.sol")),
    (
        "GuardedCommitted.sol",
        include_str!("../../contracts/src/GuardedCommitted.sol"),
    ),
    (
        "GuardedReusableCommitted.sol",
        include_str!("../../contracts/src/GuardedReusableCommitted.sol"),
    ),
    (
        "GuardedReusableVerifier.sol",
        include_str!("../../contracts/src/GuardedReusableVerifier.sol"),
    ),
    (
        "GuardedVerifier.sol",
        include_str!("../../contracts/src/GuardedVerifier.sol"),
    ),
    (
        "IBatchOpening.sol",
        include_str!("../../contracts/src/IBatchOpening.sol"),
    ),
    (
        "IHalo2Verifier.sol",
        include_str!("../../contracts/src/IHalo2Verifier.sol"),
    ),
    (
        "IHalo2VerifierReusable.sol",
        include_str!("../../contracts/src/IHalo2VerifierReusable.sol"),
    ),
    (
        "LinkedCommitted.sol",
        include_str!("../../contracts/src/LinkedCommitted.sol"),
    ),
    (
        "LinkedOpenings.sol",
        include_str!("../../contracts/src/LinkedOpenings.sol"),
    ),
    (
        "OnePairing.sol",
        include_str!("../../contracts/src/OnePairing.sol"),
    ),
    (
        "OpenedCommitted.sol",
        include_str!("../../contracts/src/OpenedCommitted.sol"),
    ),
    (
        "ReusableVerifierGuard.sol",
        include_str!("../../contracts/src/ReusableVerifierGuard.sol"),
    ),
    (
        "VerifierGuard.sol",
        include_str!("../../contracts/src/VerifierGuard.sol"),
    ),
];

sol! {
    error WrongVerifierCode(bytes32 expected, bytes32 found);
    error WrongProofLength(uint256 expected, uint256 found);
    error WrongInstanceCount(uint256 expected, uint256 found);
    error InstanceNotInField(uint256 index);
    error ProofRejected();
    error WrongKey(bytes32 expected, bytes32 found);
    error ChallengeMismatch(uint256 expected, uint256 found);
    error CheckNotZero(uint256 found);
    error UnregisteredInput(bytes32 expected, bytes32 found);
    error WrongPartCount(uint256 expected, uint256 proofs, uint256 statements);
    error WrongLink(uint256 part, uint256 source);
    error EmptyBatch();
    error WrongBatchLength(uint256 proofBytes, uint256 statementWords);
    error MemberRejected(uint256 index);
}

/// A verifier's bytecode.
#[derive(Debug, Clone, Copy)]
pub struct VerifierCode<'a> {
    /// What deploys it.
    pub creation: &'a Bytes,
    /// What is then on chain: a guard pins its hash.
    pub runtime: &'a Bytes,
}

/// What a guard's answer was.
pub fn answer(verdict: &Verdict) -> GuardAnswer {
    match verdict {
        Verdict::Accepted => GuardAnswer::Accepted,
        Verdict::Reverted { data, .. } => answer_of_revert(data),
        Verdict::ReturnedOther { .. } | Verdict::Halted { .. } | Verdict::InvalidTransaction { .. } => {
            GuardAnswer::Other
        }
    }
}

fn answer_of_revert(data: &[u8]) -> GuardAnswer {
    let errors = [
        (WrongVerifierCode::SELECTOR, GuardAnswer::WrongVerifierCode),
        (WrongProofLength::SELECTOR, GuardAnswer::WrongProofLength),
        (WrongInstanceCount::SELECTOR, GuardAnswer::WrongInstanceCount),
        (InstanceNotInField::SELECTOR, GuardAnswer::InstanceNotInField),
        (ProofRejected::SELECTOR, GuardAnswer::ProofRejected),
        (WrongKey::SELECTOR, GuardAnswer::WrongKey),
        (ChallengeMismatch::SELECTOR, GuardAnswer::ChallengeMismatch),
        (CheckNotZero::SELECTOR, GuardAnswer::CheckNotZero),
        (UnregisteredInput::SELECTOR, GuardAnswer::UnregisteredInput),
        (WrongPartCount::SELECTOR, GuardAnswer::WrongPartCount),
        (WrongLink::SELECTOR, GuardAnswer::WrongLink),
        (EmptyBatch::SELECTOR, GuardAnswer::EmptyBatch),
        (WrongBatchLength::SELECTOR, GuardAnswer::WrongBatchLength),
        (MemberRejected::SELECTOR, GuardAnswer::MemberRejected),
    ];
    errors
        .into_iter()
        .find(|(selector, _)| data.starts_with(selector))
        .map_or(GuardAnswer::Other, |(_, answer)| answer)
}

/// Why a guard could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The verifier or the guard cannot be deployed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Parts cannot be linked.
    #[error(transparent)]
    Link(#[from] linked::LinkError),
    /// A proof is measured that is not accepted.
    #[error("{contract} does not accept the proof: {verdict}")]
    NotAccepted {
        /// Who was asked.
        contract: &'static str,
        /// What it answered.
        verdict: Verdict,
    },
}

/// The contracts of `contracts/src` that can be deployed, compiled in one run of solc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardContracts {
    /// `GuardedVerifier`: of a circuit's own verifier.
    pub plain: CompiledContract,
    /// `GuardedReusableVerifier`: of the reusable verifier.
    pub reusable: CompiledContract,
    /// `GuardedCommitted`: of a committed circuit's own verifier.
    pub committed: CompiledContract,
    /// `GuardedReusableCommitted`: of the reusable verifier for a committed circuit.
    pub reusable_committed: CompiledContract,
    /// `LinkedCommitted`: of proofs that mean something only together.
    pub linked: CompiledContract,
    /// `BatchCommitted`: of many proofs of one committed circuit.
    pub batch_committed: CompiledContract,
    /// `BatchVerifier`: of many proofs of one direct circuit.
    pub batch_verifier: CompiledContract,
    /// `OpenedCommitted`: a part of a set that is verified with one pairing.
    pub opened_committed: CompiledContract,
    /// `LinkedOpenings`: of such parts.
    pub linked_openings: CompiledContract,
}

/// What the pinned solc makes of [`SOURCES`]; a test compiles them again and compares.
const COMPILED: &str = include_str!("../../contracts/compiled.json");

impl GuardContracts {
    /// As the program carries them, compiled by the pinned solc.
    ///
    /// # Panics
    /// Never: the file is a part of the program.
    pub fn carried() -> &'static Self {
        static CARRIED: LazyLock<GuardContracts> =
            LazyLock::new(|| serde_json::from_str(COMPILED).expect("a test reads it"));
        &CARRIED
    }

    /// What stands in front of a circuit's verifier or opening, of which one call is given.
    pub fn front(&self, front: Front, call: &VerifyCall, committed: Option<&Committed>) -> &CompiledContract {
        match front {
            Front::Guard => match (&call.key_artifact, committed) {
                (None, None) => &self.plain,
                (Some(_), None) => &self.reusable,
                (None, Some(_)) => &self.committed,
                (Some(_), Some(_)) => &self.reusable_committed,
            },
            Front::Batch => self.batch(committed),
            Front::Part => &self.opened_committed,
        }
    }

    /// The batch contract of a committed circuit, or of any other.
    pub fn batch(&self, committed: Option<&Committed>) -> &CompiledContract {
        match committed {
            Some(_) => &self.batch_committed,
            None => &self.batch_verifier,
        }
    }

    /// Compiles them.
    ///
    /// # Errors
    /// [`SolidityError`] where solc fails.
    pub fn compile(solc: &Solc) -> Result<Self, SolidityError> {
        let names = [
            "GuardedVerifier",
            "GuardedReusableVerifier",
            "GuardedCommitted",
            "GuardedReusableCommitted",
            "LinkedCommitted",
            "BatchCommitted",
            "BatchVerifier",
            "OpenedCommitted",
            "LinkedOpenings",
        ];
        let [
            plain,
            reusable,
            committed,
            reusable_committed,
            linked,
            batch_committed,
            batch_verifier,
            opened_committed,
            linked_openings,
        ] = solc.compile_files(&SOURCES, names, &CompileOptions::default())?;
        Ok(Self {
            plain,
            reusable,
            committed,
            reusable_committed,
            linked,
            batch_committed,
            batch_verifier,
            opened_committed,
            linked_openings,
        })
    }
}

/// Deploys the verifier, and a guard in front of it, on a chain of its own; measures both, and tries the guard's checks.
///
/// The call is one that the verifier accepts; it holds a key artifact where the verifier is the reusable one. With what a
/// committed circuit adds, the guard is the one that derives the challenge; without, the one that any circuit may have.
///
/// # Errors
/// [`GuardError`]. An answer of the guard's that is wrong is none: [`GuardMeasurement::passed`] tells.
pub fn measure(
    contracts: &GuardContracts,
    fork: Fork,
    code: VerifierCode<'_>,
    call: &VerifyCall,
    committed: Option<&Committed>,
) -> Result<GuardMeasurement, GuardError> {
    let bare_verification = verify_bare(fork, code, call)?;
    let (guard, deployment) = Guard::deploy(contracts, Front::Guard, fork, code, call, committed)?;
    let verification = accepted("the guard", guard.chain.call(guard.address, &call.calldata())?)?;
    let over = |part: fn(&TransactionGas) -> u64| {
        part(&verification).cast_signed() - part(&bare_verification).cast_signed()
    };
    Ok(GuardMeasurement {
        checks: guard.checks(call)?,
        contract: guard.contract.contract.clone(),
        fork,
        deployment: deployment.gas,
        runtime_code_bytes: deployment.runtime_code_bytes,
        tx_gas_over_verifier: over(|gas| gas.tx_gas),
        execution_gas_over_verifier: over(|gas| gas.execution_gas),
        verification,
        bare_verification,
    })
}

/// What the call costs without a guard.
fn verify_bare(fork: Fork, code: VerifierCode<'_>, call: &VerifyCall) -> Result<TransactionGas, GuardError> {
    let verifier = Verifier::deploy_with(fork, code.creation, call.key_artifact.as_deref())?;
    accepted("the verifier", verifier.verify(&call.calldata())?)
}

/// Deploys the verifier that the call is for, and registers its key artifact if there is one.
fn deploy_verifier(
    chain: &mut Chain,
    code: VerifierCode<'_>,
    call: &VerifyCall,
) -> Result<Address, ChainError> {
    let verifier = chain.deploy(code.creation)?.address;
    if let Some(key) = &call.key_artifact {
        let _registered = chain.transact(verifier, &Calldata::register_key(key))?;
    }
    Ok(verifier)
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

/// What stands in front of a circuit's verifier, or of its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The guard of the verifier.
    Guard,
    /// The contract of a batch, in front of the opening.
    Batch,
    /// The part of a set that is verified with one pairing, in front of the opening; of committed circuits alone.
    Part,
}

/// What a guard is deployed for.
#[derive(Debug, Clone)]
struct Terms {
    verifier: Address,
    code_hash: B256,
    proof_bytes: usize,
    instance_count: usize,
    key: Option<Vec<B256>>,
    committed: Option<Committed>,
}

/// A word that a guard's constructor takes and keeps as an immutable: the immutable's name, and its value.
pub type Argument = (&'static str, B256);

/// The name of the first argument of every guard's constructor.
const VERIFIER: &str = "verifier";

/// The name of the second one.
const VERIFIER_CODE_HASH: &str = "verifierCodeHash";

impl Terms {
    fn new(
        verifier: Address,
        code: VerifierCode<'_>,
        call: &VerifyCall,
        committed: Option<&Committed>,
    ) -> Self {
        Self {
            verifier,
            code_hash: keccak256(code.runtime),
            proof_bytes: call.proof.len(),
            instance_count: call.instances.len(),
            key: call.key_artifact.clone(),
            committed: committed.copied(),
        }
    }

    /// The arguments of the constructor, in order: `VerifierGuard.Pinned`, the digest of a reusable verifier's key artifact, and
    /// `CommittedGuard.Committed` with its layout written out. The ABI encodes them as these words, one after another.
    fn arguments(&self) -> Vec<Argument> {
        let number = |value: u64| B256::from(U256::from(value));
        let mut arguments = vec![
            (VERIFIER, self.verifier.into_word()),
            (VERIFIER_CODE_HASH, self.code_hash),
            ("proofBytes", number(self.proof_bytes as u64)),
            ("instanceCount", number(self.instance_count as u64)),
        ];
        if let Some(key) = &self.key {
            arguments.push(("keyDigest", keccak256(key.concat())));
        }
        if let Some(committed) = self.committed {
            let layout = committed.layout;
            arguments.extend([
                ("circuitDigest", committed.circuit_digest),
                ("basis", committed.basis),
                ("inputPoints", number(layout.input_points)),
                ("outputPoints", number(layout.output_points)),
                ("claimPoints", number(layout.claim_points)),
                ("registeredInput", committed.registered_input.unwrap_or_default()),
            ]);
        }
        arguments
    }

    /// What deploys a guard: its code, then the arguments of its constructor.
    fn creation_code(&self, guard: &CompiledContract) -> Bytes {
        creation_code(guard, &self.arguments())
    }
}

fn creation_code(guard: &CompiledContract, arguments: &[Argument]) -> Bytes {
    let words: Vec<B256> = arguments.iter().map(|&(_, value)| value).collect();
    [&guard.creation_code[..], &words.concat()].concat().into()
}

/// What deploys a contract of `contracts/src` in front of a verifier, wherever that stands.
#[derive(Debug, Clone)]
pub struct Creation<'a> {
    /// The contract.
    pub contract: &'a CompiledContract,
    /// The arguments of its constructor after the first one, which is the verifier's address.
    pub arguments: Vec<Argument>,
}

impl<'a> Creation<'a> {
    /// Of what stands in front of a circuit's verifier or opening, of which one call is given.
    pub fn of(
        contracts: &'a GuardContracts,
        front: Front,
        code: VerifierCode<'_>,
        call: &VerifyCall,
        committed: Option<&Committed>,
    ) -> Self {
        let terms = Terms::new(Address::ZERO, code, call, committed);
        Self {
            contract: contracts.front(front, call, committed),
            arguments: terms.arguments().split_off(1),
        }
    }

    /// All arguments of the constructor, where the verifier stands at this address.
    fn arguments_for(&self, verifier: Address) -> Vec<Argument> {
        let first = (VERIFIER, verifier.into_word());
        std::iter::once(first)
            .chain(self.arguments.iter().copied())
            .collect()
    }
}

/// A guard in front of its verifier, or what stands in front of an opening, on a chain of its own.
#[derive(Debug, Clone)]
pub struct Guard<'a> {
    chain: Chain,
    address: Address,
    contract: &'a CompiledContract,
    terms: Terms,
}

impl<'a> Guard<'a> {
    /// Deploys a circuit's verifier or opening, of which one call is given, and what stands in front of it; and tells what deploying
    /// the latter came to.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn deploy(
        contracts: &'a GuardContracts,
        front: Front,
        fork: Fork,
        code: VerifierCode<'_>,
        call: &VerifyCall,
        committed: Option<&Committed>,
    ) -> Result<(Self, Deployment), ChainError> {
        let mut chain = Chain::new(fork);
        let verifier = deploy_verifier(&mut chain, code, call)?;
        let terms = Terms::new(verifier, code, call, committed);
        let contract = contracts.front(front, call, committed);
        let deployment = chain.deploy(&terms.creation_code(contract))?;
        let guard = Self {
            chain,
            address: deployment.address,
            contract,
            terms,
        };
        Ok((guard, deployment))
    }

    /// The chain on which both stand, and nothing else.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where the guard stands.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Where its verifier stands.
    pub fn verifier(&self) -> Address {
        self.terms.verifier
    }

    /// The guard's contract.
    pub fn contract(&self) -> &'a CompiledContract {
        self.contract
    }
}

impl Guard<'_> {
    /// Makes every call that can be made of one that the guard accepts, and asks guards deployed for something else.
    fn checks(&self, right: &VerifyCall) -> Result<Vec<GuardCheck>, ChainError> {
        let mut checks = Vec::new();
        for (kind, expected, calldata) in calls::wrong_and_right(right, self.terms.committed.as_ref()) {
            let found = answer(&self.chain.call(self.address, &calldata)?.verdict);
            checks.push(GuardCheck {
                kind,
                expected,
                found,
            });
        }
        for (kind, expected, terms) in self.other_terms() {
            let call = VerifyCall {
                key_artifact: terms.key.clone(),
                ..right.clone()
            };
            checks.push(GuardCheck {
                kind,
                expected,
                found: self.answer_under(&terms, &call)?,
            });
        }
        Ok(checks)
    }

    /// What a guard that is deployed for something else says to the right proof.
    fn answer_under(&self, terms: &Terms, call: &VerifyCall) -> Result<GuardAnswer, ChainError> {
        let mut chain = self.chain.clone();
        match chain.deploy(&terms.creation_code(self.contract)) {
            Ok(guard) => {
                let call = chain.call(guard.address, &call.calldata())?;
                Ok(answer(&call.verdict))
            }
            Err(ChainError::NotDeployed(verdict)) => Ok(answer(&verdict)),
            Err(error) => Err(error),
        }
    }

    /// Everything else that a guard could be deployed for, and its answer to the right proof.
    fn other_terms(&self) -> Vec<(GuardCheckKind, GuardAnswer, Terms)> {
        use GuardAnswer as Answer;
        use GuardCheckKind as Kind;

        let with = |change: &dyn Fn(&mut Terms)| {
            let mut terms = self.terms.clone();
            change(&mut terms);
            terms
        };
        let mut others = Vec::new();
        if let Some(key) = &self.terms.key {
            let other_key = with(&|terms| terms.key = Some(calls::changed_key(key)));
            others.push((Kind::KeyNotRegistered, Answer::ProofRejected, other_key));
        }
        let other_code = with(&|terms| terms.code_hash = keccak256(terms.code_hash));
        others.push((Kind::OtherCodeHash, Answer::WrongVerifierCode, other_code));
        if let Some(committed) = self.terms.committed {
            let with = |committed: Committed| Terms {
                committed: Some(committed),
                ..self.terms.clone()
            };
            let mut other_circuit = committed;
            other_circuit.circuit_digest = keccak256(committed.circuit_digest);
            others.push((Kind::OtherCircuit, Answer::ChallengeMismatch, with(other_circuit)));
            let mut other_layout = committed;
            other_layout.layout.input_points -= 1;
            other_layout.layout.claim_points += 1;
            others.push((Kind::OtherLayout, Answer::ChallengeMismatch, with(other_layout)));
            let mut other_input = committed;
            other_input.registered_input = Some(keccak256(committed.circuit_digest));
            others.push((
                Kind::OtherInputRegistered,
                Answer::UnregisteredInput,
                with(other_input),
            ));
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_from_its_selector() {
        let reverted = |data: Vec<u8>| {
            answer(&Verdict::Reverted {
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
        assert_eq!(answer(&Verdict::Accepted), GuardAnswer::Accepted);
    }
}
