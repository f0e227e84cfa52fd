//! What proofs of one committed circuit really took together, through the batch contract that shares the circuit's key.
//!
//! Goes in: a record of a committed circuit with its evidence, or a specimen that is built like one. Comes out: a [`BatchSample`]: the gas of a batch of one and of a
//! batch of two, which the repository keeps below `data/forecast`.

use std::path::Path;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use evmbench_evm::chain::{Fork, TransactionGas, VerifyCall};
use evmbench_evm::solidity::opening::{MOST_STRAIGHT_INSTANCES, Sharing};
use evmbench_evm::solidity::{CompileOptions, Solc};
use evmbench_ezkl::{CircuitSettings, CircuitShape, VerifierShape};
use evmbench_guard::guard::batch::{self, BatchContract, BatchError, CLAIMS};
use evmbench_guard::guard::{GuardAnswer, GuardContracts, GuardError, answer};
use evmbench_schema::committed::{CommitmentLayout, Committed};
use evmbench_schema::record::{Evidence, Outcome};
use evmbench_store::StoredRun;

use super::sample::{ProvedSpecimen, Role, SampleError, all_of, is_plain, zero_bytes};

/// What the batch contract took for proofs of one committed circuit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchSample {
    /// The record's name.
    pub name: String,
    /// Whether a fit may see it.
    pub role: Role,
    /// Whether it is a committed circuit, and not a specimen. What a specimen's batch costs once tells nothing of committed circuits:
    /// other selectors are switched on.
    pub is_committed: bool,
    /// EZKL's settings, less the list of its einsum equations.
    pub settings: Value,
    /// Columns, counted in the generated verifier.
    pub columns: VerifierShape,
    /// Zero bytes of the statement: the public values but check and challenge.
    pub statement_zero_bytes: u64,
    /// Gas under each fork.
    pub gas: Vec<BatchGas>,
}

/// Gas of two batches under one fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchGas {
    /// The rules.
    pub fork: Fork,
    /// A proof alone.
    pub single: TransactionGas,
    /// The same proof twice.
    pub pair: TransactionGas,
}

impl BatchGas {
    /// What each proof adds to the contract's execution.
    pub(super) fn of_proof(&self) -> Option<u64> {
        self.pair.execution_gas.checked_sub(self.single.execution_gas)
    }

    /// What the contract's execution costs beside its proofs.
    pub(super) fn once(&self) -> Option<u64> {
        self.single.execution_gas.checked_sub(self.of_proof()?)
    }
}

impl BatchSample {
    /// Every sample of a folder, by name.
    ///
    /// # Errors
    /// [`SampleError::Store`].
    pub fn all(folder: &Path) -> Result<Vec<Self>, SampleError> {
        all_of(folder)
    }

    /// Verifies a stored record's proof through the batch contract, alone and twice, under every fork. None where the record is of
    /// no verified proof of a committed circuit, of another verifier than a plain one of default options, or of a circuit whose
    /// batches are not forecast.
    ///
    /// # Errors
    /// [`SampleError`].
    pub fn of_run(run: &StoredRun, role: Role, solc: &Solc) -> Result<Option<Self>, SampleError> {
        let record = run.record();
        let is_verified = record.outcome == Outcome::Verified && is_plain(record);
        let (Some(circuit), Some(committed)) = (&record.circuit, &record.committed) else {
            return Ok(None);
        };
        let (Some(columns), Ok(settings)) = (
            circuit.columns.filter(|_| is_verified),
            CircuitSettings::parse(&circuit.settings.to_string()),
        ) else {
            return Ok(None);
        };
        let proof = run.proof()?;
        if statement_words(proof.instances.len() as u64).is_none() {
            return Ok(None);
        }
        let source = run.text(Evidence::VERIFIER_SOURCE)?;
        let member = VerifyCall {
            proof: proof.proof,
            instances: proof.instances,
            key_artifact: None,
        };
        let asked = Asked {
            member: &member,
            committed,
            expected: GuardAnswer::Accepted,
        };
        Ok(Some(Self {
            name: record.request.name(),
            role,
            is_committed: true,
            settings: settings.json_without_equations(),
            columns,
            statement_zero_bytes: zero_bytes(&member.instances[CLAIMS..]),
            gas: asked.gas(solc, &source)?,
        }))
    }

    /// Verifies a specimen's proof likewise. Its circuit commits to tensors as a committed circuit does, but it is none: the batch
    /// contract writes a check and a challenge that the proof is not for, and rejects it when the pairing is computed. None where
    /// the specimen does not commit to an input and to claims, or has other numbers of public values than are forecast.
    ///
    /// # Errors
    /// [`SampleError`].
    pub fn of_specimen(specimen: &ProvedSpecimen, solc: &Solc) -> Result<Option<Self>, SampleError> {
        let Some(layout) = layout(&specimen.settings) else {
            return Ok(None);
        };
        let artifacts = &specimen.artifacts;
        let asked = Asked {
            member: &specimen.call,
            committed: &Committed {
                circuit_digest: B256::ZERO,
                basis: B256::ZERO,
                layout,
                registered_input: None,
            },
            expected: GuardAnswer::ProofRejected,
        };
        Ok(Some(Self {
            name: specimen.name.clone(),
            role: specimen.role,
            is_committed: false,
            settings: specimen.settings.json_without_equations(),
            columns: artifacts.shape,
            statement_zero_bytes: zero_bytes(&specimen.call.instances[CLAIMS..]),
            gas: asked.gas(solc, &artifacts.verifier_source)?,
        }))
    }

    /// Whether a specimen with these settings has such a sample.
    pub fn is_of(settings: &Value) -> bool {
        CircuitSettings::parse(&settings.to_string()).is_ok_and(|settings| layout(&settings).is_some())
    }
}

/// What the batch contract is asked about, and what it is to answer.
struct Asked<'a> {
    member: &'a VerifyCall,
    committed: &'a Committed,
    expected: GuardAnswer,
}

impl Asked<'_> {
    /// Gas of a batch of one and of a batch of two under every fork.
    fn gas(&self, solc: &Solc, verifier: &str) -> Result<Vec<BatchGas>, BatchError> {
        let opening = batch::Opened::of(solc, verifier, Sharing::Key, &CompileOptions::default())?.compiled;
        let contracts = GuardContracts::carried();
        let measured = |fork: Fork| {
            let contract =
                BatchContract::deploy(contracts, &opening, fork, self.member, Some(self.committed))?;
            Ok(BatchGas {
                fork,
                single: self.asked(&contract, 1)?,
                pair: self.asked(&contract, 2)?,
            })
        };
        Fork::ALL.into_iter().map(measured).collect()
    }

    /// Gas of a batch of so many.
    fn asked(&self, contract: &BatchContract, proofs: usize) -> Result<TransactionGas, BatchError> {
        let call = contract.verify(std::iter::repeat_n(self.member, proofs))?;
        let gas = call.gas.filter(|_| answer(&call.verdict) == self.expected);
        Ok(gas.ok_or(GuardError::NotAccepted {
            contract: "the batch contract",
            verdict: call.verdict,
        })?)
    }
}

/// The points that a specimen's proof begins with, as those of a committed circuit: the input's, then those of claims.
fn layout(settings: &CircuitSettings) -> Option<CommitmentLayout> {
    let shape = CircuitShape::of(settings).ok()?;
    statement_words(shape.instances)?;
    let (&input_points, claims) = shape.committed_columns.split_first()?;
    (!claims.is_empty()).then(|| CommitmentLayout {
        input_points,
        output_points: 0,
        claim_points: claims.iter().sum(),
    })
}

/// Words of a statement in a batch, where a committed circuit has so many public values; none where its batches are not forecast:
/// its opening is no straight line.
pub(super) fn statement_words(instances: u64) -> Option<u64> {
    let words = instances.checked_sub(CLAIMS as u64);
    words.filter(|_| instances <= MOST_STRAIGHT_INSTANCES as u64)
}
