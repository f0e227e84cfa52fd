//! What a guard in front of a verifier costs, and what it turns away: of one proof, of a batch, of parts that belong together.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new kind must be thought of everywhere that soundness is decided"
)]

use alloy_primitives::B256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chain::{Fork, Rule, TransactionGas};
use crate::solidity::Sharing;

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

    /// What was asked and what came, for people.
    pub fn sentence(&self) -> String {
        format!("{:?}: it answered {:?}", self.kind, self.found)
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
    /// One bit of the first commitment is another.
    CommitmentBitFlipped,
    /// The check's value is larger by one.
    CheckChanged,
    /// The challenge is larger by one.
    ChallengeChanged,
    /// Check and challenge have changed places.
    CheckAndChallengeSwapped,
    /// The guard is deployed for another circuit of the same layout.
    OtherCircuit,
    /// The guard is deployed for another group's commitments, of the same number in all.
    OtherLayout,
    /// The guard is deployed for another input than the proof's.
    OtherInputRegistered,
    /// A set lacks its last part.
    PartMissing,
    /// A set has the proof of its first part in place of its last one's too.
    PartDoubled,
    /// A set's proofs are in reverse order.
    PartsReversed,
    /// A set has its last part twice.
    PartAdded,
    /// A batch without a member.
    BatchEmpty,
    /// Right, with each member twice.
    BatchDoubled,
    /// Right, with the members in reverse order.
    BatchReversed,
    /// The proofs lack their last word.
    BatchShorter,
    /// The proofs have a byte more.
    BatchLonger,
    /// There is a statement more than proofs.
    BatchProofMissing,
    /// There is a word more than the statements have.
    BatchStatementAdded,
    /// A member's last point, which is read after the last challenge, is another.
    BatchMemberLastPoint,
    /// A value of a member's statement is larger by one.
    BatchMemberStatement,
    /// A value of a member's statement is larger by the field's order.
    BatchMemberStatementPlusModulus,
    /// Two members' last points have changed places, so that their sum is the same.
    BatchLastPointsExchanged,
    /// Two members' commitments have changed places.
    BatchCommitmentsExchanged,
    /// Two members' statements have changed places.
    BatchStatementsExchanged,
    /// A commitment of a linked input is another point of the curve.
    LinkChanged,
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
    /// The challenge does not follow from the commitments.
    ChallengeMismatch,
    /// Some claim does not hold.
    CheckNotZero,
    /// The input is not the registered one.
    UnregisteredInput,
    /// A set has more or fewer parts.
    WrongPartCount,
    /// A part's input is not the tensor that it must be.
    WrongLink,
    /// A batch has no member.
    EmptyBatch,
    /// A batch has no whole number of proofs, or another number of statements.
    WrongBatchLength,
    /// A member is no proof of the circuit for its statement.
    MemberRejected,
    /// Anything else, such as running out of gas.
    Other,
}

/// What verifying a batch costs, and what its contract turns away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchMeasurement {
    /// The contract of `contracts/src` that was measured.
    pub contract: String,
    /// The rules that held.
    pub fork: Fork,
    /// Length of the contract's runtime code, in bytes.
    pub runtime_code_bytes: u64,
    /// What verifying each proof by the bare verifier cost, in a transaction of its own.
    pub bare_verifications: Vec<TransactionGas>,
    /// The batch with more and more shared.
    pub shared: Vec<SharedMeasurement>,
}

/// A batch by what its proofs share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedMeasurement {
    /// What the proofs share.
    pub sharing: Sharing,
    /// Keccak-256 of the opening's runtime code, which the contract pins.
    #[schemars(with = "String")]
    pub opening_code_hash: B256,
    /// Length of the opening's runtime code, in bytes.
    pub opening_code_bytes: u64,
    /// What deploying the opening cost.
    pub opening_deployment: TransactionGas,
    /// What deploying the contract cost, the opening being there already.
    pub deployment: TransactionGas,
    /// What verifying all proofs in one transaction cost.
    pub verification: TransactionGas,
    /// What verifying the first proof alone cost.
    pub single: TransactionGas,
    /// Length of the call's data, in bytes.
    pub calldata_bytes: u64,
    /// How many proofs one transaction may hold, by fork.
    pub largest: Vec<LargestBatch>,
    /// The contract's answers to batches that it must take or refuse.
    pub checks: Vec<GuardCheck>,
}

/// How many proofs one transaction may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LargestBatch {
    /// The rules that hold.
    pub fork: Fork,
    /// The most proofs that a block takes in one transaction.
    pub proofs: u64,
    /// The rule that one proof more would break.
    pub rule: Rule,
    /// The most proofs that nodes pass on in one transaction.
    pub public_pool_proofs: u64,
}

impl BatchMeasurement {
    /// Whether the contract took what it must take, and refused the rest for the right reason.
    pub fn passed(&self) -> bool {
        self.failed().is_none()
    }

    /// The first wrong answer.
    pub fn failed(&self) -> Option<&GuardCheck> {
        let mut checks = self.shared.iter().flat_map(|shared| &shared.checks);
        checks.find(|check| !check.passed())
    }

    /// What verifying each proof in a transaction of its own costs for one proof, on average, rounded up, in gas.
    pub fn bare_tx_gas_per_proof(&self) -> u64 {
        let all: u64 = self.bare_verifications.iter().map(|gas| gas.tx_gas).sum();
        all.div_ceil(self.proofs())
    }

    /// How many proofs there are; at least one.
    pub fn proofs(&self) -> u64 {
        self.bare_verifications.len().max(1) as u64
    }

    /// What the batch costs for one proof, on average, rounded up, in gas.
    pub fn tx_gas_per_proof(&self, sharing: Sharing) -> Option<u64> {
        Some(self.shared(sharing)?.verification.tx_gas.div_ceil(self.proofs()))
    }

    /// What a batch of so many proofs can be expected to cost for one proof, rounded up, in gas: one proof alone and the batch
    /// were measured, and each further proof costs the same. None for other sizes where the batch has one proof.
    pub fn expected_tx_gas_per_proof(&self, sharing: Sharing, proofs: u64) -> Option<u64> {
        let shared = self.shared(sharing)?;
        let single = shared.single.tx_gas;
        let more = shared.verification.tx_gas.checked_sub(single)?;
        let further = proofs.checked_sub(1)?;
        let line = more.checked_mul(further)?.checked_div(self.proofs() - 1);
        let beyond = if further == 0 { 0 } else { line? };
        Some(single.checked_add(beyond)?.div_ceil(proofs))
    }

    /// How many proofs one transaction may hold under the measurement's fork.
    pub fn largest(&self, sharing: Sharing) -> Option<LargestBatch> {
        let largest = &self.shared(sharing)?.largest;
        largest.iter().copied().find(|largest| largest.fork == self.fork)
    }

    fn shared(&self, sharing: Sharing) -> Option<&SharedMeasurement> {
        self.shared.iter().find(|shared| shared.sharing == sharing)
    }
}

/// What verifying a set costs, and what its contract turns away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkedMeasurement {
    /// The contract of `contracts/src` that was measured.
    pub contract: String,
    /// The rules that held.
    pub fork: Fork,
    /// What deploying the parts' guards cost, their verifiers being there already.
    pub guard_deployments: Vec<TransactionGas>,
    /// What deploying the set's contract cost, the guards being there already.
    pub deployment: TransactionGas,
    /// Length of its runtime code, in bytes.
    pub runtime_code_bytes: u64,
    /// What verifying the set in one transaction cost.
    pub verification: TransactionGas,
    /// What verifying each part by its bare verifier cost, in a transaction of its own.
    pub bare_verifications: Vec<TransactionGas>,
    /// What guards and set add to the execution of all verifiers, in gas.
    pub execution_gas_over_verifiers: i64,
    /// The contract's answers to sets that it must take or refuse.
    pub checks: Vec<GuardCheck>,
    /// The same set with one pairing for all parts; none where some part's verifier has no opening, or none that fits into a contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_pairing: Option<OnePairingMeasurement>,
}

impl LinkedMeasurement {
    /// Whether the contracts took what they must take, and refused the rest for the right reason.
    pub fn passed(&self) -> bool {
        self.failed().is_none()
    }

    /// The first wrong answer.
    pub fn failed(&self) -> Option<&GuardCheck> {
        let of_one = self.one_pairing.iter().flat_map(|measured| &measured.checks);
        self.checks.iter().chain(of_one).find(|check| !check.passed())
    }
}

/// What verifying a set with one pairing costs, and what its contract turns away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnePairingMeasurement {
    /// The contract of `contracts/src` that takes the set.
    pub contract: String,
    /// The one that stands in front of each part's opening.
    pub part_contract: String,
    /// The parts' openings, in order.
    pub openings: Vec<OpeningMeasurement>,
    /// What deploying the parts' contracts cost, their openings being there already.
    pub part_deployments: Vec<TransactionGas>,
    /// What deploying the set's contract cost, the parts' contracts being there already.
    pub deployment: TransactionGas,
    /// Length of its runtime code, in bytes.
    pub runtime_code_bytes: u64,
    /// What verifying the set in one transaction cost.
    pub verification: TransactionGas,
    /// The contract's answers to sets that it must take or refuse.
    pub checks: Vec<GuardCheck>,
}

/// A verifier's opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpeningMeasurement {
    /// Keccak-256 of its runtime code, which the contract in front of it pins.
    #[schemars(with = "String")]
    pub code_hash: B256,
    /// Length of its runtime code, in bytes.
    pub code_bytes: u64,
    /// What deploying it cost.
    pub deployment: TransactionGas,
}
