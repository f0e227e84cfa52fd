//! Proofs that mean something only together → what verifying them as one set costs, and which sets are turned away.
//!
//! Goes in: the parts, each a committed circuit with its verifier and a proof, and which tensors they share. Comes out: the
//! gas of one transaction that verifies them all (gas), and the contract's answers to sets that lack a part, have one twice
//! or in another's place. Parts whose commitments cannot be compared are refused before anything is deployed.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};

use evmbench_backend::Proof;
use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{Calldata, Chain, ChainError, Deployment, Fork, TransactionGas, Verification};
use evmbench_evm::solidity::CompiledContract;
use evmbench_schema::committed::{Committed, InputAssurance};
pub use evmbench_schema::guard::LinkedMeasurement;
pub use evmbench_schema::split::{SharedTensor, Source};

use super::{
    Creation, Front, GuardAnswer, GuardCheck, GuardCheckKind, GuardContracts, GuardError, VerifierCode,
    accepted, creation_code, verify_bare,
};

/// Length of a word of the ABI, in bytes.
const WORD: usize = 32;

sol! {
    /// What a part's input is: `LinkedCommitted.Source`.
    struct PartSource {
        uint256 part;
        uint8 group;
    }

    function verifySet(bytes[] proofs, uint256[][] statements) returns (bool);
}

/// One part of a set.
#[derive(Debug, Clone, Copy)]
pub struct LinkedPart<'a> {
    /// Its verifier's code; a circuit's own verifier, not the reusable one.
    pub code: VerifierCode<'a>,
    /// Its proof.
    pub proof: &'a Proof,
    /// What its circuit adds to the verifier.
    pub committed: &'a Committed,
    /// Elements of its input.
    pub input_elements: u64,
    /// Elements of its output.
    pub output_elements: u64,
    /// Where its input comes from; none for the first part, whose input is the set's.
    pub source: Option<Source>,
    /// Who assures that its input is in range, as its own circuit has it: its key, its instances or its guard, not what was
    /// asked for.
    pub input_range: InputAssurance,
}

impl LinkedPart<'_> {
    /// Elements and points of one of its tensors.
    fn shape(&self, tensor: SharedTensor) -> (u64, u64) {
        let layout = self.committed.layout;
        match tensor {
            SharedTensor::Input => (self.input_elements, layout.input_points),
            SharedTensor::Output => (self.output_elements, layout.output_points),
        }
    }
}

/// Parts that are no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// There are fewer than two.
    #[error("{found} part is no set of linked proofs")]
    TooFewParts {
        /// As many as there are.
        found: usize,
    },
    /// The first part's input comes from another part, another part's from nowhere, or from itself or a later one.
    #[error("part {part} of the set must take its input from an earlier part, and the first one from none")]
    Source {
        /// The part's index.
        part: usize,
    },
    /// Nobody assures that the set's input is in range, which every other part's range follows from.
    #[error(
        "the first part leaves the range of the set's input to another part, and no part of a set may: the ranges of all parts \
         follow from it"
    )]
    Range,
    /// Two parts rest on different reference strings, or have different numbers of rows.
    #[error(
        "parts {source_part} and {part} commit differently: other reference string, other 2^k or other usable rows"
    )]
    Basis {
        /// The part's index.
        part: usize,
        /// The part that its input comes from.
        source_part: usize,
    },
    /// Two tensors that must be one have different lengths, or fill different columns.
    #[error(
        "the input of part {part} has {elements} elements in {points} commitments, and what it is taken from \
         {source_elements} in {source_points}"
    )]
    Shape {
        /// The part's index.
        part: usize,
        /// Elements of its input.
        elements: u64,
        /// And their commitments.
        points: u64,
        /// Elements of the tensor that it must be.
        source_elements: u64,
        /// And their commitments.
        source_points: u64,
    },
}

/// Refuses parts whose commitments cannot be compared.
///
/// # Errors
/// [`LinkError`].
pub fn check_links(parts: &[LinkedPart<'_>]) -> Result<(), LinkError> {
    if parts.len() < 2 {
        return Err(LinkError::TooFewParts { found: parts.len() });
    }
    // A linked input is a tensor of an earlier part: its input, or its output, whose range follows from that of its input. So
    // all ranges follow from the first part's, which must be assured for every element, also for those that it does not read.
    for (part, linked) in parts.iter().enumerate() {
        let source = match (part, linked.source) {
            (0, None) if linked.input_range == InputAssurance::Linked => return Err(LinkError::Range),
            (0, None) => continue,
            (_, Some(source)) if source.part < part => source,
            (_, Some(_) | None) => return Err(LinkError::Source { part }),
        };
        let from = &parts[source.part];
        if from.committed.basis != linked.committed.basis {
            return Err(LinkError::Basis {
                part,
                source_part: source.part,
            });
        }
        let (elements, points) = linked.shape(SharedTensor::Input);
        let (source_elements, source_points) = from.shape(source.tensor);
        if (elements, points) != (source_elements, source_points) || points == 0 {
            return Err(LinkError::Shape {
                part,
                elements,
                points,
                source_elements,
                source_points,
            });
        }
    }
    Ok(())
}

/// What deploys the contract of a set and all that it stands in front of, wherever that stands.
#[derive(Debug, Clone)]
pub struct SetCreation<'a> {
    /// The contract that takes the set.
    pub contract: &'a CompiledContract,
    /// What it asks about each part.
    pub parts: Vec<PartCreation<'a>>,
    /// How many instances of each part are not in the calldata: those that the parts' contracts write.
    pub claims: usize,
    /// Each part's proof, with all of its instances.
    pub calls: Vec<VerifyCall>,
    sources: Vec<Option<Source>>,
}

/// What deploys the contracts of a part.
#[derive(Debug, Clone)]
pub struct PartCreation<'a> {
    /// The part's verifier, or its opening.
    pub code: VerifierCode<'a>,
    /// What stands in front of it.
    pub front: Creation<'a>,
}

/// Of a set with a pairing for each part.
///
/// # Errors
/// [`LinkError`].
pub fn creation<'a>(
    contracts: &'a GuardContracts,
    parts: &[LinkedPart<'a>],
) -> Result<SetCreation<'a>, LinkError> {
    let codes = parts.iter().map(|part| part.code);
    SetCreation::new(contracts, &contracts.linked, (Front::Guard, 0), parts, codes)
}

impl<'a> SetCreation<'a> {
    /// Of parts that a contract asks about through what stands in front of this code, with so many claims left out of the calldata.
    pub(super) fn new(
        contracts: &'a GuardContracts,
        contract: &'a CompiledContract,
        (front, claims): (Front, usize),
        parts: &[LinkedPart<'a>],
        codes: impl IntoIterator<Item = VerifierCode<'a>>,
    ) -> Result<Self, LinkError> {
        check_links(parts)?;
        let calls: Vec<VerifyCall> = parts.iter().map(|part| call_for(part.proof)).collect();
        let created = parts.iter().zip(codes).zip(&calls).map(|((part, code), call)| {
            let front = Creation::of(contracts, front, code, call, Some(part.committed));
            PartCreation { code, front }
        });
        Ok(Self {
            contract,
            parts: created.collect(),
            claims,
            sources: parts.iter().map(|part| part.source).collect(),
            calls,
        })
    }

    /// The arguments of the constructor as the ABI encodes them: what stands before the addresses of the parts' contracts, and after them.
    pub fn arguments(&self) -> [Vec<u8>; 2] {
        let sources = self.sources.iter().flatten().map(|source| PartSource {
            part: U256::from(source.part),
            group: match source.tensor {
                SharedTensor::Input => 0,
                SharedTensor::Output => 1,
            },
        });
        let sources: Vec<PartSource> = sources.collect();
        let encoded = (vec![Address::ZERO; self.parts.len()], sources).abi_encode_params();
        // The offsets of both lists, and the length of the first.
        let (before, rest) = encoded.split_at(3 * WORD);
        [before.to_vec(), rest[WORD * self.parts.len()..].to_vec()]
    }

    /// What deploys the set's contract, where the parts' contracts stand at these addresses.
    fn creation_code(&self, parts: &[Address]) -> Bytes {
        let [before, after] = self.arguments();
        let addresses: Vec<u8> = parts.iter().flat_map(|part| part.into_word().0).collect();
        [&self.contract.creation_code[..], &before, &addresses, &after]
            .concat()
            .into()
    }

    /// Deploys all of it on a chain of its own.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s, as where a constructor refuses what it is given.
    pub fn deploy(&self, fork: Fork) -> Result<SetContract, ChainError> {
        let mut chain = Chain::new(fork);
        let mut parts = Vec::new();
        for PartCreation { code, front } in &self.parts {
            let behind = chain.deploy(code.creation)?;
            let arguments = front.arguments_for(behind.address);
            let front = chain.deploy(&creation_code(front.contract, &arguments))?;
            parts.push(PartContract { behind, front });
        }
        let addresses: Vec<Address> = parts.iter().map(|part| part.front.address).collect();
        let deployment = chain.deploy(&self.creation_code(&addresses))?;
        Ok(SetContract {
            chain,
            deployment,
            parts,
            claims: self.claims,
        })
    }

    /// The call that asks about the set.
    pub fn calldata(&self) -> Calldata {
        calldata(self.claims, &self.calls)
    }

    /// What the set's transaction costs under a fork.
    ///
    /// # Errors
    /// [`GuardError::NotAccepted`] where the set is refused, and [`GuardError::Chain`].
    pub fn verification(&self, fork: Fork) -> Result<TransactionGas, GuardError> {
        accepted("the set", self.deploy(fork)?.verify(&self.calls)?)
    }
}

/// A set's contract on a chain of its own, with the contracts of its parts.
#[derive(Debug, Clone)]
pub struct SetContract {
    pub(super) chain: Chain,
    pub(super) deployment: Deployment,
    pub(super) parts: Vec<PartContract>,
    claims: usize,
}

/// The contracts of a part.
#[derive(Debug, Clone)]
pub(super) struct PartContract {
    /// The part's verifier, or its opening.
    pub(super) behind: Deployment,
    /// What stands in front of it.
    pub(super) front: Deployment,
}

impl SetContract {
    /// What a transaction that verifies these proofs as a set comes to.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn verify<'a>(
        &self,
        calls: impl IntoIterator<Item = &'a VerifyCall>,
    ) -> Result<Verification, ChainError> {
        self.chain
            .call(self.deployment.address, &calldata(self.claims, calls))
    }

    /// The chain on which the set's contract stands, and those of its parts.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where the set's contract stands.
    pub fn address(&self) -> Address {
        self.deployment.address
    }

    /// Where the contracts of its parts stand.
    pub fn parts(&self) -> impl Iterator<Item = Address> {
        self.parts.iter().map(|part| part.front.address)
    }
}

/// Deploys every part's verifier and guard and the set's contract on a chain of its own, verifies the set, and tries to have
/// less than the set verified.
///
/// # Errors
/// [`GuardError`]: [`GuardError::Link`] before anything is deployed.
pub fn measure(
    contracts: &GuardContracts,
    fork: Fork,
    parts: &[LinkedPart<'_>],
) -> Result<LinkedMeasurement, GuardError> {
    let creation = creation(contracts, parts)?;
    let bare_verifications = parts
        .iter()
        .zip(&creation.calls)
        .map(|(part, call)| verify_bare(fork, part.code, call));
    let bare_verifications = bare_verifications.collect::<Result<Vec<_>, _>>()?;
    let deployed = creation.deploy(fork)?;
    let verification = accepted("the set", deployed.verify(&creation.calls)?)?;
    let bare: u64 = bare_verifications.iter().map(|gas| gas.execution_gas).sum();

    let calls: Vec<&VerifyCall> = creation.calls.iter().collect();
    let mut checks = Vec::new();
    for (kind, others) in other_sets(&calls) {
        let answer = deployed.verify(others.iter().copied())?;
        checks.push(GuardCheck {
            kind,
            expected: refused_by_guard(&calls, &others),
            found: super::answer(&answer.verdict),
        });
    }
    Ok(LinkedMeasurement {
        contract: creation.contract.contract.clone(),
        fork,
        guard_deployments: deployed.parts.into_iter().map(|part| part.front.gas).collect(),
        deployment: deployed.deployment.gas,
        runtime_code_bytes: deployed.deployment.runtime_code_bytes,
        execution_gas_over_verifiers: verification.execution_gas.cast_signed() - bare.cast_signed(),
        verification,
        bare_verifications,
        checks,
        one_pairing: None,
    })
}

/// The call of a proof's own verifier.
fn call_for(proof: &Proof) -> VerifyCall {
    VerifyCall {
        proof: proof.proof.clone(),
        instances: proof.instances.clone(),
        key_artifact: None,
    }
}

/// The call that asks for these proofs as a set, each with its instances but so many.
fn calldata<'a>(claims: usize, calls: impl IntoIterator<Item = &'a VerifyCall>) -> Calldata {
    let said = calls.into_iter().map(|call| {
        let statement = call.instances.get(claims..).unwrap_or_default();
        (Bytes::copy_from_slice(&call.proof), statement.to_vec())
    });
    let (proofs, statements) = said.unzip();
    Calldata::raw(verifySetCall { proofs, statements }.abi_encode())
}

/// What the guards say of sets that are not the whole one. Which of its guard's errors the first part in the wrong place meets depends
/// on how much the parts' circuits have in common: the length of a proof, the number of instances, or nothing but the layout.
fn refused_by_guard(right: &[&VerifyCall], others: &[&VerifyCall]) -> GuardAnswer {
    if others.len() != right.len() {
        return GuardAnswer::WrongPartCount;
    }
    let mut pairs = right.iter().zip(others);
    match pairs.find(|(expected, found)| expected.proof != found.proof) {
        None => GuardAnswer::Accepted,
        Some((expected, found)) if expected.proof.len() != found.proof.len() => GuardAnswer::WrongProofLength,
        Some((expected, found)) if expected.instances.len() != found.instances.len() => {
            GuardAnswer::WrongInstanceCount
        }
        Some(_) => GuardAnswer::ChallengeMismatch,
    }
}

/// Sets that are not the whole one, of the same proofs.
pub(super) fn other_sets<'a>(right: &[&'a VerifyCall]) -> [(GuardCheckKind, Vec<&'a VerifyCall>); 4] {
    use GuardCheckKind as Kind;

    let (first, last) = (right[0], right[right.len() - 1]);
    let without_last = &right[..right.len() - 1];
    [
        (Kind::PartMissing, without_last.to_vec()),
        (Kind::PartAdded, [right, &[last]].concat()),
        (Kind::PartDoubled, [without_last, &[first]].concat()),
        (Kind::PartsReversed, right.iter().rev().copied().collect()),
    ]
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use evmbench_schema::committed::CommitmentLayout;

    use super::*;

    fn committed(output_points: u64, basis: u8) -> Committed {
        Committed {
            circuit_digest: B256::ZERO,
            basis: B256::repeat_byte(basis),
            layout: CommitmentLayout {
                input_points: 1,
                output_points,
                claim_points: 0,
            },
            registered_input: None,
        }
    }

    fn checked(
        committed: [&Committed; 2],
        elements: [(u64, u64); 2],
        sources: [Option<Source>; 2],
    ) -> Result<(), LinkError> {
        checked_with(committed, elements, sources, RANGED_FIRST)
    }

    const RANGED_FIRST: [InputAssurance; 2] = [InputAssurance::Ranged, InputAssurance::Linked];

    fn checked_with(
        committed: [&Committed; 2],
        elements: [(u64, u64); 2],
        sources: [Option<Source>; 2],
        ranges: [InputAssurance; 2],
    ) -> Result<(), LinkError> {
        let code = Bytes::new();
        let proof = Proof {
            proof: vec![],
            instances: vec![],
        };
        let part = |index: usize| LinkedPart {
            code: VerifierCode {
                creation: &code,
                runtime: &code,
            },
            proof: &proof,
            committed: committed[index],
            input_elements: elements[index].0,
            output_elements: elements[index].1,
            source: sources[index],
            input_range: ranges[index],
        };
        check_links(&[part(0), part(1)])
    }

    #[test]
    fn only_comparable_commitments_are_linked() {
        let (one, elsewhere, shown) = (committed(1, 1), committed(1, 2), committed(0, 1));
        let from = |tensor| Some(Source { part: 0, tensor });
        let (input, output) = (from(SharedTensor::Input), from(SharedTensor::Output));
        let same = [(9, 5), (9, 7)];
        assert_eq!(checked([&one, &one], same, [None, input]), Ok(()));
        assert_eq!(checked([&one, &one], [(9, 5), (5, 7)], [None, output]), Ok(()));
        assert_eq!(
            checked([&one, &elsewhere], same, [None, input]),
            Err(LinkError::Basis {
                part: 1,
                source_part: 0
            })
        );
        let shape = |source_elements, source_points| {
            Err(LinkError::Shape {
                part: 1,
                elements: 9,
                points: 1,
                source_elements,
                source_points,
            })
        };
        assert_eq!(checked([&one, &one], same, [None, output]), shape(5, 1));
        // A public output has no commitments.
        assert_eq!(
            checked([&shown, &one], [(9, 9), (9, 7)], [None, output]),
            shape(9, 0)
        );
    }

    /// What the others rest on, the first part must have.
    #[test]
    fn the_first_parts_range_is_assured() {
        let one = committed(1, 1);
        let source = Some(Source {
            part: 0,
            tensor: SharedTensor::Input,
        });
        let with =
            |first, second| checked_with([&one, &one], [(9, 5), (9, 7)], [None, source], [first, second]);
        let assured = [
            InputAssurance::Ranged,
            InputAssurance::Registered,
            InputAssurance::Public,
        ];
        for first in assured {
            for second in [first, InputAssurance::Linked] {
                assert_eq!(with(first, second), Ok(()));
            }
        }
        for second in [InputAssurance::Linked, InputAssurance::Ranged] {
            assert_eq!(with(InputAssurance::Linked, second), Err(LinkError::Range));
        }
    }

    #[test]
    fn every_part_but_the_first_has_an_earlier_source() {
        let one = committed(1, 1);
        let from = |part| {
            Some(Source {
                part,
                tensor: SharedTensor::Input,
            })
        };
        for (sources, part) in [
            ([None, None], 1),
            ([from(0), from(0)], 0),
            ([None, from(1)], 1),
            ([None, from(2)], 1),
        ] {
            let refused = checked([&one, &one], [(9, 9), (9, 9)], sources);
            assert_eq!(refused, Err(LinkError::Source { part }));
        }
        assert_eq!(check_links(&[]), Err(LinkError::TooFewParts { found: 0 }));
    }
}
