//! Parts that mean something only together → what verifying them as one set with one pairing costs, and which sets are turned away.
//!
//! Goes in: the parts of a set, each with the opening of its verifier. Comes out: the gas of one transaction that verifies
//! them all (gas), and the contract's answers to other sets, and to sets of which something is changed that the pairing alone finds.
//! docs/batches.md has the argument why the set is as sound as its parts.

use alloy_primitives::{B256, U256, keccak256};

use evmbench_evm::chain::Fork;
use evmbench_evm::chain::calldata::{FIELD_MODULUS, VerifyCall};
use evmbench_evm::solidity::CompiledContract;
pub use evmbench_schema::guard::{OnePairingMeasurement, OpeningMeasurement};
use evmbench_schema::split::SharedTensor;

use super::batch::{CLAIMS, POINT_BYTES};
use super::linked::{LinkError, LinkedPart, SetContract, SetCreation, other_sets};
use super::{
    Front, GuardAnswer, GuardCheck, GuardCheckKind, GuardContracts, GuardError, VerifierCode, accepted,
    answer,
};

/// One part of a set, with the opening of its verifier.
#[derive(Debug, Clone, Copy)]
pub struct OpenedPart<'a> {
    /// The part.
    pub part: LinkedPart<'a>,
    /// The opening, compiled.
    pub opening: &'a CompiledContract,
}

/// What deploys a set with one pairing.
///
/// # Errors
/// [`LinkError`].
pub fn creation<'a>(
    contracts: &'a GuardContracts,
    parts: &[OpenedPart<'a>],
) -> Result<SetCreation<'a>, LinkError> {
    let linked: Vec<LinkedPart<'a>> = parts.iter().map(|opened| opened.part).collect();
    let codes = parts.iter().map(|opened| VerifierCode {
        creation: &opened.opening.creation_code,
        runtime: &opened.opening.runtime_code,
    });
    let set = &contracts.linked_openings;
    SetCreation::new(contracts, set, (Front::Part, CLAIMS), &linked, codes)
}

/// Deploys openings, the parts' contracts and the set's contract.
///
/// # Errors
/// [`GuardError::Link`] before anything is deployed; [`GuardError::Chain`] where a constructor refuses what it is given.
pub fn deploy(
    contracts: &GuardContracts,
    fork: Fork,
    parts: &[OpenedPart<'_>],
) -> Result<SetContract, GuardError> {
    Ok(creation(contracts, parts)?.deploy(fork)?)
}

/// Deploys openings and contracts on a chain of its own, verifies the set, and tries to have something else verified.
///
/// # Errors
/// [`GuardError`]. An answer of the contract's that is wrong is none:
/// [`LinkedMeasurement::failed`](evmbench_schema::guard::LinkedMeasurement::failed) tells.
pub fn measure(
    contracts: &GuardContracts,
    fork: Fork,
    parts: &[OpenedPart<'_>],
) -> Result<OnePairingMeasurement, GuardError> {
    let creation = creation(contracts, parts)?;
    let deployed = creation.deploy(fork)?;
    let calls = &creation.calls[..];
    let set = Set { parts, calls };
    let verification = accepted("the set with one pairing", deployed.verify(calls)?)?;
    let mut checks = Vec::new();
    for (kind, others) in set.others() {
        let found = answer(&deployed.verify(&others)?.verdict);
        let mut expected = set.refusal(&others);
        let is_of_another_circuit =
            matches!(kind, GuardCheckKind::PartDoubled | GuardCheckKind::PartsReversed);
        // Such a proof may have no points where this circuit reads points, which its opening finds first.
        if is_of_another_circuit && (expected, found) == (GuardAnswer::WrongLink, GuardAnswer::ProofRejected)
        {
            expected = found;
        }
        checks.push(GuardCheck {
            kind,
            expected,
            found,
        });
    }
    for (kind, others) in set.raised() {
        checks.push(GuardCheck {
            kind,
            expected: GuardAnswer::ProofRejected,
            found: answer(&deployed.verify(&others)?.verdict),
        });
    }
    let openings = creation.parts.iter().zip(&deployed.parts);
    let openings = openings.map(|(part, deployed)| OpeningMeasurement {
        code_hash: keccak256(part.code.runtime),
        code_bytes: deployed.behind.runtime_code_bytes,
        deployment: deployed.behind.gas,
    });
    Ok(OnePairingMeasurement {
        contract: creation.contract.contract.clone(),
        part_contract: contracts.opened_committed.contract.clone(),
        openings: openings.collect(),
        part_deployments: deployed.parts.iter().map(|part| part.front.gas).collect(),
        deployment: deployed.deployment.gas,
        runtime_code_bytes: deployed.deployment.runtime_code_bytes,
        verification,
        checks,
    })
}

/// A set that is accepted.
#[derive(Clone, Copy)]
struct Set<'a> {
    parts: &'a [OpenedPart<'a>],
    calls: &'a [VerifyCall],
}

impl Set<'_> {
    /// What the contract says to other calls, in the order in which it looks: at each part's lengths, its registered input and its
    /// link, and at the pairing at last. The calls' points are on the curve, and their words in the field.
    fn refusal(&self, others: &[VerifyCall]) -> GuardAnswer {
        if others.len() != self.calls.len() {
            return GuardAnswer::WrongPartCount;
        }
        for (index, (right, other)) in self.calls.iter().zip(others).enumerate() {
            if right.proof.len() != other.proof.len() {
                return GuardAnswer::WrongProofLength;
            }
            if right.instances.len() != other.instances.len() {
                return GuardAnswer::WrongInstanceCount;
            }
            let part = &self.parts[index].part;
            let layout = part.committed.layout;
            let input = |first, points| points_of(&other.proof, first, points);
            let is_registered = |digest: B256| keccak256(input(0, layout.input_points)) == digest;
            if part
                .committed
                .registered_input
                .is_some_and(|digest| !is_registered(digest))
            {
                return GuardAnswer::UnregisteredInput;
            }
            if let Some(source) = part.source {
                let of_source = self.parts[source.part].part.committed.layout;
                let first = match source.tensor {
                    SharedTensor::Input => 0,
                    SharedTensor::Output => of_source.input_points,
                };
                let shared = points_of(&others[source.part].proof, first, layout.input_points);
                if shared != input(0, layout.input_points) {
                    return GuardAnswer::WrongLink;
                }
            }
        }
        GuardAnswer::ProofRejected
    }

    /// Sets that are not this one, of points on the curve and words in the field.
    fn others(&self) -> Vec<(GuardCheckKind, Vec<VerifyCall>)> {
        use GuardCheckKind as Kind;

        let right: Vec<&VerifyCall> = self.calls.iter().collect();
        let mut others: Vec<(Kind, Vec<VerifyCall>)> = other_sets(&right)
            .into_iter()
            .map(|(kind, calls)| (kind, calls.into_iter().cloned().collect()))
            .collect();
        for index in self.tried() {
            // Another point of the curve for the last one, which no challenge of the proof depends on.
            others.push((
                Kind::BatchMemberLastPoint,
                self.with(index, |call| {
                    let last = call.proof.len() - POINT_BYTES;
                    call.proof.copy_within(last - POINT_BYTES..last, last);
                }),
            ));
            if self.has_statement(index) {
                others.push((
                    Kind::BatchMemberStatement,
                    self.with(index, |call| {
                        let last = call.instances.len() - 1;
                        call.instances[last] = call.instances[last].add_mod(U256::ONE, FIELD_MODULUS);
                    }),
                ));
            }
        }
        let end = self.calls.len() - 1;
        others.push((
            Kind::LinkChanged,
            self.with(end, |call| {
                let last = call.proof.len() - POINT_BYTES;
                call.proof.copy_within(last.., 0);
            }),
        ));
        let mut exchanged = self.calls.to_vec();
        let last_point = |call: &VerifyCall| call.proof.split_at(call.proof.len() - POINT_BYTES).1.to_vec();
        let [first, last] = [0, end].map(|index| last_point(&self.calls[index]));
        for (index, point) in [(0, last), (end, first)] {
            let at = exchanged[index].proof.len() - POINT_BYTES;
            exchanged[index].proof[at..].copy_from_slice(&point);
        }
        others.push((Kind::BatchLastPointsExchanged, exchanged));
        if self.calls[0].instances[CLAIMS..] != self.calls[end].instances[CLAIMS..] {
            let mut exchanged = self.calls.to_vec();
            exchanged[0].instances.clone_from(&self.calls[end].instances);
            exchanged[end].instances.clone_from(&self.calls[0].instances);
            others.push((Kind::BatchStatementsExchanged, exchanged));
        }
        others
    }

    /// Sets with a value of a statement that is out of the field, which the part's opening refuses.
    fn raised(&self) -> Vec<(GuardCheckKind, Vec<VerifyCall>)> {
        let with_statement = self
            .tried()
            .into_iter()
            .filter(|&index| self.has_statement(index));
        let raised = with_statement.map(|index| {
            self.with(index, |call| {
                let last = call.instances.len() - 1;
                call.instances[last] += FIELD_MODULUS;
            })
        });
        raised
            .map(|calls| (GuardCheckKind::BatchMemberStatementPlusModulus, calls))
            .collect()
    }

    /// The parts that are changed: the first, one in the middle and the last.
    fn tried(&self) -> Vec<usize> {
        let mut tried = vec![0, self.calls.len() / 2, self.calls.len() - 1];
        tried.dedup();
        tried
    }

    fn has_statement(&self, index: usize) -> bool {
        self.calls[index].instances.len() > CLAIMS
    }

    /// The calls, one of them changed.
    fn with(&self, index: usize, change: impl FnOnce(&mut VerifyCall)) -> Vec<VerifyCall> {
        let mut calls = self.calls.to_vec();
        change(&mut calls[index]);
        calls
    }
}

/// Points of a proof, of which there are enough.
fn points_of(proof: &[u8], first: u64, points: u64) -> &[u8] {
    &proof[POINT_BYTES * first as usize..POINT_BYTES * (first + points) as usize]
}
