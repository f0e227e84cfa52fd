//! Proofs that mean something only together → what verifying them as one set costs, and which sets are turned away.
//!
//! Goes in: the parts, each a committed circuit with its verifier and a proof, and which tensors they share. Comes out: the
//! gas of one transaction that verifies them all (gas), and the contract's answers to sets that lack a part, have one twice
//! or in another's place. Parts whose commitments cannot be compared are refused before anything is deployed.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolValue as _, sol};

use evmbench_backend::Proof;
use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{Calldata, Chain, Fork};
use evmbench_schema::committed::{Committed, InputAssurance};
pub use evmbench_schema::guard::LinkedMeasurement;
pub use evmbench_schema::split::{SharedTensor, Source};

use super::{
    GuardAnswer, GuardCheck, GuardCheckKind, GuardContracts, GuardError, Terms, VerifierCode, accepted,
    deploy_verifier, verify_bare,
};

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
    check_links(parts)?;
    let calls: Vec<VerifyCall> = parts.iter().map(|part| call_for(part.proof)).collect();
    let mut bare_verifications = Vec::new();
    let mut guards = Vec::new();
    let mut guard_deployments = Vec::new();
    let mut chain = Chain::new(fork);
    for (part, call) in parts.iter().zip(&calls) {
        bare_verifications.push(verify_bare(fork, part.code, call)?);
        let verifier = deploy_verifier(&mut chain, part.code, call)?;
        let terms = Terms::new(verifier, part.code, call, Some(part.committed));
        let deployment = chain.deploy(&terms.creation_code(&contracts.committed))?;
        guards.push(deployment.address);
        guard_deployments.push(deployment.gas);
    }
    let set = &contracts.linked;
    let sources = parts.iter().map(|part| part.source);
    let creation = [&set.creation_code[..], &constructor_arguments(&guards, sources)].concat();
    let deployment = chain.deploy(&creation.into())?;
    let calls: Vec<&VerifyCall> = calls.iter().collect();
    let answer = chain.call(deployment.address, &set_calldata(&calls))?;
    let verification = accepted("the set", answer)?;
    let bare: u64 = bare_verifications.iter().map(|gas| gas.execution_gas).sum();

    let mut checks = Vec::new();
    for (kind, others) in other_sets(&calls) {
        let answer = chain.call(deployment.address, &set_calldata(&others))?;
        checks.push(GuardCheck {
            kind,
            expected: refused_by_guard(&calls, &others),
            found: super::answer(&answer.verdict),
        });
    }
    Ok(LinkedMeasurement {
        contract: set.contract.clone(),
        fork,
        guard_deployments,
        deployment: deployment.gas,
        runtime_code_bytes: deployment.runtime_code_bytes,
        execution_gas_over_verifiers: verification.execution_gas.cast_signed() - bare.cast_signed(),
        verification,
        bare_verifications,
        checks,
        one_pairing: None,
    })
}

/// The arguments of the constructor of a set's contract: the contract of each part, and where the parts' inputs come from, that of the
/// first left out.
pub(super) fn constructor_arguments(
    guards: &[Address],
    sources: impl IntoIterator<Item = Option<Source>>,
) -> Vec<u8> {
    let sources: Vec<PartSource> = sources
        .into_iter()
        .flatten()
        .map(|source| PartSource {
            part: U256::from(source.part),
            group: match source.tensor {
                SharedTensor::Input => 0,
                SharedTensor::Output => 1,
            },
        })
        .collect();
    (guards.to_vec(), sources).abi_encode_params()
}

/// The call of a proof's own verifier.
pub(super) fn call_for(proof: &Proof) -> VerifyCall {
    VerifyCall {
        proof: proof.proof.clone(),
        instances: proof.instances.clone(),
        key_artifact: None,
    }
}

/// The call that asks for these proofs as a set.
fn set_calldata(calls: &[&VerifyCall]) -> Calldata {
    let said = calls.iter().map(|call| (&call.proof[..], &call.instances[..]));
    encoded(said)
}

/// The call that asks for these proofs as a set, each with its statement.
pub(super) fn encoded<'a>(said: impl IntoIterator<Item = (&'a [u8], &'a [U256])>) -> Calldata {
    let said = said.into_iter();
    let (proofs, statements) = said
        .map(|(proof, statement)| (Bytes::copy_from_slice(proof), statement.to_vec()))
        .unzip();
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
