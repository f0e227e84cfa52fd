//! Proofs of one circuit → what verifying them in one transaction costs, and which batches are turned away.
//!
//! Goes in: the circuit's own verifier, its openings (compiled), and proofs with their instances. Comes out: the gas of one
//! transaction that verifies them all beside that of one transaction for each (gas), how many proofs a transaction may hold
//! under each fork, and the contract's answers to batches with a wrong member, in another order, or with parts of members
//! exchanged. docs/batches.md has the argument why the batch is as sound as its proofs.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};

use evmbench_evm::chain::calldata::{FIELD_MODULUS, VerifyCall};
use evmbench_evm::chain::{
    Calldata, Chain, ChainError, Fork, Rule, RuleMargin, TransactionGas, Verification,
};
use evmbench_evm::solidity::opening::{CONTRACT, Opening, OpeningError, Sharing};
use evmbench_evm::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};
use evmbench_schema::committed::Committed;
pub use evmbench_schema::guard::{BatchMeasurement, LargestBatch, SharedMeasurement};

use super::{
    GuardAnswer, GuardCheck, GuardCheckKind, GuardContracts, GuardError, Terms, VerifierCode, accepted,
    answer, verify_bare,
};

sol! {
    function verifyBatch(bytes proofs, uint256[] statements) returns (bool);
}

/// Instances of a committed circuit that are no part of its statement: the check and the challenge.
pub const CLAIMS: usize = 2;

/// Length of a point in a proof, in bytes.
pub(super) const POINT_BYTES: usize = 64;

/// A circuit's openings, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Openings {
    openings: Vec<(Sharing, CompiledContract)>,
}

/// Why proofs are not measured as a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The verifier has no opening.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The opening does not compile.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// Something cannot be deployed, or does not accept what it must.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// There is no proof.
    #[error("there is no proof to verify")]
    Empty,
    /// A proof is of another circuit than the first, by its length or its number of instances.
    #[error("proof {index} is not of the same circuit as the first")]
    OtherCircuit {
        /// Which one, from 0.
        index: usize,
    },
}

impl From<ChainError> for BatchError {
    fn from(error: ChainError) -> Self {
        Self::Guard(error.into())
    }
}

/// An opening of a circuit's own verifier: its source, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The source.
    pub source: String,
    /// The contract.
    pub compiled: CompiledContract,
}

impl Opened {
    /// Makes an opening from the verifier's source, and compiles it as the verifier was compiled.
    ///
    /// # Errors
    /// [`BatchError::Opening`] and [`BatchError::Solidity`].
    pub fn of(
        solc: &Solc,
        verifier: &str,
        sharing: Sharing,
        options: &CompileOptions,
    ) -> Result<Self, BatchError> {
        let Opening { source, .. } = Opening::of(verifier, sharing)?;
        let compiled = solc.compile(&source, CONTRACT, options)?;
        Ok(Self { source, compiled })
    }

    /// The same; none of a verifier that has no opening.
    ///
    /// # Errors
    /// [`BatchError::Solidity`].
    pub fn of_any(
        solc: &Solc,
        verifier: &str,
        sharing: Sharing,
        options: &CompileOptions,
    ) -> Result<Option<Self>, BatchError> {
        match Self::of(solc, verifier, sharing, options) {
            Err(BatchError::Opening(_)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Its code.
    pub fn code(&self) -> VerifierCode<'_> {
        VerifierCode {
            creation: &self.compiled.creation_code,
            runtime: &self.compiled.runtime_code,
        }
    }
}

impl Openings {
    /// The opening that leaves so much to its caller.
    pub fn of(&self, sharing: Sharing) -> Option<&CompiledContract> {
        let mut openings = self.openings.iter();
        openings
            .find(|(other, _)| *other == sharing)
            .map(|(_, opening)| opening)
    }

    /// Makes the openings of a circuit's own verifier from its source, and compiles them as the verifier was compiled.
    ///
    /// # Errors
    /// [`BatchError::Opening`] and [`BatchError::Solidity`].
    pub fn compile(solc: &Solc, verifier: &str, options: &CompileOptions) -> Result<Self, BatchError> {
        let compile = |sharing| Ok((sharing, Opened::of(solc, verifier, sharing, options)?.compiled));
        let openings = Sharing::ALL.into_iter().map(compile);
        Ok(Self {
            openings: openings.collect::<Result<_, BatchError>>()?,
        })
    }
}

/// Deploys openings and batch contracts on chains of their own, verifies the proofs together, and tries to have something
/// else verified.
///
/// # Errors
/// [`BatchError`]. An answer of the contract's that is wrong is none: [`BatchMeasurement::passed`] tells.
pub fn measure(
    contracts: &GuardContracts,
    openings: &Openings,
    fork: Fork,
    verifier: VerifierCode<'_>,
    calls: &[VerifyCall],
    committed: Option<&Committed>,
) -> Result<BatchMeasurement, BatchError> {
    let first = calls.first().ok_or(BatchError::Empty)?;
    let alike = |call: &VerifyCall| {
        call.proof.len() == first.proof.len()
            && call.instances.len() == first.instances.len()
            && call.key_artifact.is_none()
    };
    if let Some(index) = calls.iter().position(|call| !alike(call)) {
        return Err(BatchError::OtherCircuit { index });
    }
    let bare = calls.iter().map(|call| verify_bare(fork, verifier, call));
    let bare_verifications = bare.collect::<Result<_, _>>()?;
    let contract = contracts.batch(committed);
    let batch = Batch {
        contracts,
        calls,
        committed,
    };
    let shared = openings
        .openings
        .iter()
        .map(|(sharing, opening)| batch.measure(fork, *sharing, opening));
    Ok(BatchMeasurement {
        contract: contract.contract.clone(),
        fork,
        runtime_code_bytes: contract.runtime_code.len() as u64,
        bare_verifications,
        shared: shared.collect::<Result<_, _>>()?,
    })
}

/// A batch contract on a chain of its own, with the opening that it asks.
#[derive(Debug, Clone)]
pub struct BatchContract {
    chain: Chain,
    address: Address,
    claims: usize,
    opening_deployment: TransactionGas,
    deployment: TransactionGas,
}

impl BatchContract {
    /// Deploys an opening and the batch contract of a circuit, of which one call is given.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn deploy(
        contracts: &GuardContracts,
        opening: &CompiledContract,
        fork: Fork,
        member: &VerifyCall,
        committed: Option<&Committed>,
    ) -> Result<Self, ChainError> {
        let mut chain = Chain::new(fork);
        let code = VerifierCode {
            creation: &opening.creation_code,
            runtime: &opening.runtime_code,
        };
        let opened = chain.deploy(code.creation)?;
        let terms = Terms::new(opened.address, code, member, committed);
        let deployment = chain.deploy(&terms.creation_code(contracts.batch(committed)))?;
        Ok(Self {
            chain,
            address: deployment.address,
            claims: claims(committed),
            opening_deployment: opened.gas,
            deployment: deployment.gas,
        })
    }

    /// What a transaction that verifies these members together comes to.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn verify<'a>(
        &self,
        members: impl IntoIterator<Item = &'a VerifyCall>,
    ) -> Result<Verification, ChainError> {
        self.ask(&calldata_of(self.claims, members))
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.chain.fork()
    }

    /// How many of a member's instances the contract writes itself, before those of the statement.
    pub fn claims(&self) -> usize {
        self.claims
    }

    fn ask(&self, calldata: &Calldata) -> Result<Verification, ChainError> {
        self.chain.call(self.address, calldata)
    }
}

/// How many of a circuit's instances are no part of its statement.
fn claims(committed: Option<&Committed>) -> usize {
    committed.map_or(0, |_| CLAIMS)
}

/// The call that asks the batch contract of a circuit about these members.
pub fn calldata<'a>(
    committed: Option<&Committed>,
    members: impl IntoIterator<Item = &'a VerifyCall>,
) -> Calldata {
    calldata_of(claims(committed), members)
}

/// The same; of a committed circuit, without its claims.
fn calldata_of<'a>(claims: usize, members: impl IntoIterator<Item = &'a VerifyCall>) -> Calldata {
    let (mut proofs, mut statements) = (Vec::new(), Vec::new());
    for member in members {
        proofs.extend_from_slice(&member.proof);
        statements.extend(member.instances.iter().skip(claims));
    }
    encoded(proofs, statements)
}

/// Proofs of one circuit that are verified together.
#[derive(Clone, Copy)]
struct Batch<'a> {
    contracts: &'a GuardContracts,
    calls: &'a [VerifyCall],
    committed: Option<&'a Committed>,
}

impl Batch<'_> {
    fn measure(
        &self,
        fork: Fork,
        sharing: Sharing,
        opening: &CompiledContract,
    ) -> Result<SharedMeasurement, BatchError> {
        let deployed = self.deploy(fork, opening)?;
        let calldata = self.calldata(self.calls);
        let verify = |calldata: &Calldata| accepted("the batch contract", deployed.ask(calldata)?);
        let mut checks = Vec::new();
        for (kind, expected, calldata) in self.other_batches() {
            let found = answer(&deployed.ask(&calldata)?.verdict);
            checks.push(GuardCheck {
                kind,
                expected,
                found,
            });
        }
        let largest = Fork::ALL.into_iter().map(|fork| self.largest(fork, opening));
        Ok(SharedMeasurement {
            sharing,
            opening_code_hash: keccak256(&opening.runtime_code),
            opening_code_bytes: opening.runtime_code.len() as u64,
            opening_deployment: deployed.opening_deployment,
            deployment: deployed.deployment,
            verification: verify(&calldata)?,
            single: verify(&self.calldata(&self.calls[..1]))?,
            calldata_bytes: calldata.size().calldata_bytes,
            largest: largest.collect::<Result<_, _>>()?,
            checks,
        })
    }

    fn deploy(&self, fork: Fork, opening: &CompiledContract) -> Result<BatchContract, ChainError> {
        BatchContract::deploy(self.contracts, opening, fork, &self.calls[0], self.committed)
    }

    /// How many of a call's instances are no part of its statement.
    fn claims(&self) -> usize {
        claims(self.committed)
    }

    fn calldata<'a>(&self, members: impl IntoIterator<Item = &'a VerifyCall>) -> Calldata {
        calldata(self.committed, members)
    }

    /// How many proofs one transaction may hold under a fork: what the batch needs, and what twice the batch needs, gives what
    /// one more proof needs.
    fn largest(&self, fork: Fork, opening: &CompiledContract) -> Result<LargestBatch, BatchError> {
        let deployed = self.deploy(fork, opening)?;
        let once = deployed.verify(self.calls)?.margins;
        let twice = deployed.verify(self.calls.iter().chain(self.calls))?.margins;
        largest(fork, &once, &twice, self.calls.len() as u64).ok_or(BatchError::Empty)
    }

    /// Batches that the contract must take or refuse, made of one that it takes.
    fn other_batches(&self) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
        use GuardAnswer as Answer;
        use GuardCheckKind as Kind;

        let right = self.calls;
        let first = &right[0];
        let mut batches = vec![
            (Kind::BatchEmpty, Answer::EmptyBatch, self.calldata([])),
            (
                Kind::BatchDoubled,
                Answer::Accepted,
                self.calldata(right.iter().chain(right)),
            ),
            (
                Kind::BatchReversed,
                Answer::Accepted,
                self.calldata(right.iter().rev()),
            ),
        ];
        batches.extend(self.of_other_length());
        let mut tried = vec![0, right.len() / 2, right.len() - 1];
        tried.dedup();
        for index in tried {
            let with = |change: &dyn Fn(&mut VerifyCall)| self.calldata(&self.changed(index, change));
            // Another point of the curve for the last one, which no challenge of the proof depends on.
            let last_point = first.proof.len() - POINT_BYTES;
            let other = with(&|call| {
                call.proof
                    .copy_within(last_point - POINT_BYTES..last_point, last_point);
            });
            batches.push((Kind::BatchMemberLastPoint, Answer::ProofRejected, other));
            if self.claims() < first.instances.len() {
                let last = first.instances.len() - 1;
                let changed = with(&|call| {
                    call.instances[last] = call.instances[last].add_mod(U256::ONE, FIELD_MODULUS);
                });
                batches.push((Kind::BatchMemberStatement, Answer::ProofRejected, changed));
                let raised = with(&|call| call.instances[last] += FIELD_MODULUS);
                batches.push((
                    Kind::BatchMemberStatementPlusModulus,
                    Answer::MemberRejected,
                    raised,
                ));
            }
        }
        batches.extend(self.exchanged());
        batches
    }

    /// Batches with more or fewer bytes or words than whole members have.
    fn of_other_length(&self) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
        use GuardCheckKind as Kind;

        let all = |calls: &[VerifyCall]| {
            let proofs: Vec<u8> = calls.iter().flat_map(|call| call.proof.clone()).collect();
            let statements = calls
                .iter()
                .flat_map(|call| call.instances[self.claims()..].to_vec());
            (proofs, statements.collect::<Vec<U256>>())
        };
        let (proofs, statements) = all(self.calls);
        let one_fewer = proofs[self.calls[0].proof.len()..].to_vec();
        let shorter = proofs[..proofs.len() - 32].to_vec();
        let longer = [&proofs[..], &[0]].concat();
        let more_words = [&statements[..], &[U256::ZERO]].concat();
        let mut batches = vec![
            (Kind::BatchShorter, encoded(shorter, statements.clone())),
            (Kind::BatchLonger, encoded(longer, statements.clone())),
            (Kind::BatchStatementAdded, encoded(proofs, more_words)),
        ];
        // A statement may have no words at all.
        if !statements.is_empty() {
            batches.push((Kind::BatchProofMissing, encoded(one_fewer, statements)));
        }
        batches
            .into_iter()
            .map(|(kind, calldata)| (kind, GuardAnswer::WrongBatchLength, calldata))
            .collect()
    }

    /// Batches of which two members have exchanged something, where the members differ.
    fn exchanged(&self) -> Vec<(GuardCheckKind, GuardAnswer, Calldata)> {
        use GuardCheckKind as Kind;

        let [first, .., last] = self.calls else {
            return Vec::new();
        };
        let mut batches = Vec::new();
        let mut exchange = |kind, range: std::ops::Range<usize>| {
            if first.proof[range.clone()] == last.proof[range.clone()] {
                return;
            }
            let mut calls = self.calls.to_vec();
            let end = calls.len() - 1;
            calls[0].proof[range.clone()].copy_from_slice(&last.proof[range.clone()]);
            calls[end].proof[range.clone()].copy_from_slice(&first.proof[range]);
            batches.push((kind, GuardAnswer::ProofRejected, self.calldata(&calls)));
        };
        let end = first.proof.len();
        exchange(Kind::BatchLastPointsExchanged, end - POINT_BYTES..end);
        if let Some(committed) = self.committed {
            let layout = committed.layout;
            let points = layout.input_points + layout.output_points + layout.claim_points;
            exchange(Kind::BatchCommitmentsExchanged, 0..POINT_BYTES * points as usize);
        }
        if first.instances[self.claims()..] != last.instances[self.claims()..] {
            let mut calls = self.calls.to_vec();
            let end = calls.len() - 1;
            calls[0].instances.clone_from(&last.instances);
            calls[end].instances.clone_from(&first.instances);
            let calldata = self.calldata(&calls);
            batches.push((
                Kind::BatchStatementsExchanged,
                GuardAnswer::ProofRejected,
                calldata,
            ));
        }
        batches
    }

    /// The members, one of them changed.
    fn changed(&self, index: usize, change: &dyn Fn(&mut VerifyCall)) -> Vec<VerifyCall> {
        let mut calls = self.calls.to_vec();
        change(&mut calls[index]);
        calls
    }
}

/// The call that asks about these proofs for these statements, each one after another.
fn encoded(proofs: Vec<u8>, statements: Vec<U256>) -> Calldata {
    let call = verifyBatchCall {
        proofs: Bytes::from(proofs),
        statements,
    };
    Calldata::raw(call.abi_encode())
}

/// How many proofs one transaction may hold under a fork, where `count` proofs have these margins and twice as many have those;
/// none where no rule grows with the proofs.
pub fn largest(fork: Fork, once: &[RuleMargin], twice: &[RuleMargin], count: u64) -> Option<LargestBatch> {
    let most = |rule: Rule| {
        let of = |margins: &[RuleMargin]| margins.iter().copied().find(|margin| margin.rule == rule);
        most_proofs(of(once)?, of(twice)?, count)
    };
    let in_block = Rule::ALL.into_iter().filter(|&rule| rule != Rule::PublicPoolSize);
    let (proofs, rule) = in_block.filter_map(|rule| Some((most(rule)?, rule))).min()?;
    Some(LargestBatch {
        fork,
        proofs,
        rule,
        public_pool_proofs: most(Rule::PublicPoolSize).unwrap_or(proofs).min(proofs),
    })
}

/// The most proofs that keep a rule, where `count` proofs need this and twice as many need that.
fn most_proofs(once: RuleMargin, twice: RuleMargin, count: u64) -> Option<u64> {
    let of_count = twice.value.checked_sub(once.value).filter(|&more| more > 0)?;
    // The part that does not grow with the proofs, and what is left for them.
    let fixed = once.value.saturating_sub(of_count);
    Some(once.limit.saturating_sub(fixed).saturating_mul(count) / of_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_proofs_follow_from_two_batches() {
        let margin = |value| RuleMargin {
            rule: Rule::TransactionGas,
            value,
            limit: 1_000,
        };
        // 100 for the transaction and 30 for each proof: 30 of them take all of it.
        assert_eq!(most_proofs(margin(130), margin(160), 1), Some(30));
        assert_eq!(most_proofs(margin(340), margin(580), 8), Some(30));
        assert_eq!(most_proofs(margin(341), margin(581), 8), Some(29));
        assert_eq!(most_proofs(margin(2_000), margin(4_000), 1), Some(0));
        assert_eq!(most_proofs(margin(100), margin(100), 1), None);
    }
}
