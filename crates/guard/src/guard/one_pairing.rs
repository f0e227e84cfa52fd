//! Parts that mean something only together → what verifying them as one set with one pairing costs, and which sets are turned away.
//!
//! Goes in: the parts of a set, each with the opening of its verifier. Comes out: the gas of one transaction that verifies
//! them all (gas), and the contract's answers to other sets, and to sets of which something is changed that the pairing alone finds.
//! docs/batches.md has the argument why the set is as sound as its parts.

use alloy_primitives::{Address, B256, U256, keccak256};

use evmbench_evm::chain::calldata::{FIELD_MODULUS, VerifyCall};
use evmbench_evm::chain::{Calldata, Chain, ChainError, Fork, TransactionGas, Verification};
use evmbench_evm::solidity::CompiledContract;
pub use evmbench_schema::guard::{OnePairingMeasurement, OpeningMeasurement};
use evmbench_schema::split::SharedTensor;

use super::batch::{CLAIMS, POINT_BYTES};
use super::linked::{LinkedPart, call_for, check_links, constructor_arguments, encoded, other_sets};
use super::{
    GuardAnswer, GuardCheck, GuardCheckKind, GuardContracts, GuardError, Terms, VerifierCode, accepted,
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

/// A set's contract on a chain of its own, with the parts' contracts and the openings behind them.
#[derive(Debug, Clone)]
pub struct SetContract {
    chain: Chain,
    address: Address,
    openings: Vec<OpeningMeasurement>,
    part_deployments: Vec<TransactionGas>,
    deployment: TransactionGas,
    runtime_code_bytes: u64,
}

impl SetContract {
    /// Deploys openings, the parts' contracts and the set's contract.
    ///
    /// # Errors
    /// [`GuardError::Link`] before anything is deployed; [`GuardError::Chain`] where a constructor refuses what it is given.
    pub fn deploy(
        contracts: &GuardContracts,
        fork: Fork,
        parts: &[OpenedPart<'_>],
    ) -> Result<Self, GuardError> {
        let linked: Vec<LinkedPart<'_>> = parts.iter().map(|opened| opened.part).collect();
        check_links(&linked)?;
        let mut chain = Chain::new(fork);
        let mut openings = Vec::new();
        let mut addresses = Vec::new();
        let mut part_deployments = Vec::new();
        for OpenedPart { part, opening } in parts {
            let code = VerifierCode {
                creation: &opening.creation_code,
                runtime: &opening.runtime_code,
            };
            let opened = chain.deploy(code.creation)?;
            openings.push(OpeningMeasurement {
                code_hash: keccak256(code.runtime),
                code_bytes: opened.runtime_code_bytes,
                deployment: opened.gas,
            });
            let terms = Terms::new(opened.address, code, &call_for(part.proof), Some(part.committed));
            let deployment = chain.deploy(&terms.creation_code(&contracts.opened_committed))?;
            addresses.push(deployment.address);
            part_deployments.push(deployment.gas);
        }
        let arguments = constructor_arguments(&addresses, linked.iter().map(|part| part.source));
        let creation = [&contracts.linked_openings.creation_code[..], &arguments].concat();
        let deployment = chain.deploy(&creation.into())?;
        Ok(Self {
            chain,
            address: deployment.address,
            openings,
            part_deployments,
            deployment: deployment.gas,
            runtime_code_bytes: deployment.runtime_code_bytes,
        })
    }

    /// What a transaction that verifies these proofs as a set comes to; check and challenge of their instances are left out.
    ///
    /// # Errors
    /// Only where revm itself fails.
    pub fn verify<'a>(
        &self,
        calls: impl IntoIterator<Item = &'a VerifyCall>,
    ) -> Result<Verification, ChainError> {
        self.chain.call(self.address, &calldata(calls))
    }
}

/// The call that asks for these proofs as a set.
fn calldata<'a>(calls: impl IntoIterator<Item = &'a VerifyCall>) -> Calldata {
    let calls = calls.into_iter();
    encoded(calls.map(|call| (&call.proof[..], call.instances.get(CLAIMS..).unwrap_or_default())))
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
    let deployed = SetContract::deploy(contracts, fork, parts)?;
    let calls: Vec<VerifyCall> = parts.iter().map(|opened| call_for(opened.part.proof)).collect();
    let set = Set { parts, calls: &calls };
    let verification = accepted("the set with one pairing", deployed.verify(&calls)?)?;
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
    Ok(OnePairingMeasurement {
        contract: contracts.linked_openings.contract.clone(),
        part_contract: contracts.opened_committed.contract.clone(),
        openings: deployed.openings,
        part_deployments: deployed.part_deployments,
        deployment: deployed.deployment,
        runtime_code_bytes: deployed.runtime_code_bytes,
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
