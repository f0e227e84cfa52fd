//! A verifier and its proofs → fixtures that Forge tests read.
//!
//! Goes in: a record with its evidence, or bytecode and proofs. Comes out: a folder with the contract's source and one JSON
//! file, which holds the bytecode, the proofs with their canonical calldata, and what to expect (gas, sizes, verdict).
//! `contracts/test` reads such folders. [`deploy`] adds a script that deploys what was measured, and [`set`] a test of the set of parts that
//! a run is the last of.

pub mod deploy;
pub mod set;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes, keccak256};
use serde::Serialize;

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{ChainError, Fork, TransactionGas, Verifier};
use evmbench_evm::solidity::Solc;
use evmbench_evm::solidity::opening::Sharing;
use evmbench_ezkl::{Committed, Proof, VerifierKind};
use evmbench_guard::guard::batch::Opened;
use evmbench_guard::guard::linked::SetCreation;
use evmbench_guard::guard::{GuardError, VerifierCode};
use evmbench_host::hint::Hint;
use evmbench_schema::record::{Evidence, PartSet, ProofBatch};
use evmbench_store::{self as store, DAMAGED_EVIDENCE, StoreError, StoredRun};

use crate::deployable::{Deployable, DeployableError, Together};
use crate::parts::{PartsError, SetRuns};

/// Name of the contract's source in a fixture's folder.
pub const SOURCE_FILE: &str = "Verifier.sol";

/// Name of the source of the verifier's opening, in the folder of a fixture whose proof was verified in a batch, and of each part of a set.
pub const OPENING_FILE: &str = "BatchOpening.sol";

/// Name of the JSON file in a fixture's folder.
pub const FIXTURE_FILE: &str = "fixture.json";

/// What a Forge test needs to know of a verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fixture {
    /// The contract's name in [`SOURCE_FILE`].
    pub contract: String,
    /// The rules under which everything was measured.
    pub fork: Fork,
    /// What deploys the contract.
    pub creation_code: Bytes,
    /// Keccak-256 of what is then on chain.
    pub runtime_code_hash: B256,
    /// Length of what is then on chain, in bytes.
    pub runtime_code_bytes: u64,
    /// What deploying it costs.
    pub deployment: TransactionGas,
    /// What the circuit adds to the verifier, where it is a committed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed: Option<Committed>,
    /// Proofs for it: of one circuit, or for the reusable verifier of any.
    pub proofs: Vec<FixtureProof>,
}

/// One proof, and what the verifier makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixtureProof {
    /// The proof.
    pub proof: Bytes,
    /// Its public values, as words of 32 bytes.
    pub instances: Vec<B256>,
    /// The words of its circuit's key artifact, where the contract is the reusable verifier; else there are none.
    pub key: Vec<B256>,
    /// The canonical call that asks the verifier about it.
    pub calldata: Bytes,
    /// Whether the verifier accepts it.
    pub accepted: bool,
    /// What the call costs; absent where the chain does not take it.
    pub gas: Option<TransactionGas>,
}

/// Why there is no fixture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoundryError {
    /// The evidence is not there, or not what the record says.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evidence does not tell what is deployed.
    #[error(transparent)]
    Deployable(#[from] DeployableError),
    /// The verifier cannot be deployed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The parts are no set.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The set is not accepted.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The opening is not the one that the proofs were verified with.
    #[error(
        "the opening that follows from the verifier's source has the code hash {}, and the record's proofs were verified together \
         with {}",
        said(*found),
        said(*recorded)
    )]
    OtherOpening {
        /// Of the opening that was derived, if there is one.
        found: Option<B256>,
        /// Of the one in the record, if it has one.
        recorded: Option<B256>,
    },
}

fn said(hash: Option<B256>) -> String {
    hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
}

impl Hint for FoundryError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Deployable(error) => error.hint(),
            Self::Parts(error) => error.hint(),
            Self::Chain(_) | Self::Guard(_) | Self::OtherOpening { .. } => Some(DAMAGED_EVIDENCE.into()),
        }
    }
}

impl Fixture {
    /// Deploys the verifier under a fork, makes each call, and notes the answers.
    ///
    /// # Errors
    /// [`FoundryError::Chain`] where the verifier cannot be deployed, or revm fails.
    pub fn measure(
        kind: VerifierKind,
        fork: Fork,
        code: VerifierCode<'_>,
        calls: &[VerifyCall],
        committed: Option<Committed>,
    ) -> Result<Self, FoundryError> {
        let deployment = Verifier::deploy(fork, code.creation)?.deployment().clone();
        let ask = |call: &VerifyCall| {
            let verifier = Verifier::deploy_with(fork, code.creation, call.key_artifact.as_deref())?;
            let calldata = call.calldata();
            let verification = verifier.verify(&calldata)?;
            Ok(FixtureProof {
                proof: call.proof.clone().into(),
                instances: call.instances.iter().map(|&value| value.into()).collect(),
                key: call.key_artifact.clone().unwrap_or_default(),
                accepted: verification.verdict.is_accepted(),
                gas: verification.gas,
                calldata: calldata.bytes().clone(),
            })
        };
        Ok(Self {
            contract: kind.contract().to_owned(),
            fork,
            creation_code: code.creation.clone(),
            runtime_code_hash: keccak256(code.runtime),
            runtime_code_bytes: deployment.runtime_code_bytes,
            deployment: deployment.gas,
            committed,
            proofs: calls.iter().map(ask).collect::<Result<_, ChainError>>()?,
        })
    }

    /// Writes the fixture and its contract's source into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`FoundryError::Store`].
    ///
    /// # Panics
    /// Never: a fixture is plain data, which serialises.
    pub fn write(&self, source: &str, folder: &Path) -> Result<(), FoundryError> {
        let json = serde_json::to_string_pretty(self).expect("a fixture is plain data");
        for (name, text) in [(SOURCE_FILE, source), (FIXTURE_FILE, &format!("{json}\n"))] {
            store::write_whole(&folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }
}

/// Writes the fixture of a stored run into a folder of the record's name below `out`, and tells which.
///
/// # Errors
/// [`FoundryError`]; [`StoreError::NoEvidence`] where the run ended before there was a proof.
pub fn export(run: &StoredRun, out: &Path) -> Result<PathBuf, FoundryError> {
    let source = run.text(Evidence::VERIFIER_SOURCE)?;
    let creation = run.evidence(Evidence::CREATION_CODE)?.into();
    let runtime = run.evidence(Evidence::RUNTIME_CODE)?.into();
    let code = VerifierCode {
        creation: &creation,
        runtime: &runtime,
    };
    let Proof { proof, instances } = run.proof()?;
    let call = VerifyCall {
        proof,
        instances,
        key_artifact: run.key_artifact()?,
    };
    let record = run.record();
    let request = &record.request;
    let fixture = Fixture::measure(request.verifier, request.fork, code, &[call], record.committed)?;
    let folder = out.join(run.path().file_stem().unwrap_or_default());
    fixture.write(&source, &folder)?;
    Ok(folder)
}

/// Writes what verifies a stored run's proof together with others into a folder, and returns it: of the last of a batch the source of the
/// opening, of the last part of a set a Foundry project that verifies the set, with the sources of each part. The openings must be those
/// that the record's batch or set was verified with.
///
/// # Errors
/// [`FoundryError::OtherOpening`] where they are not, [`FoundryError::Guard`] where the set is not accepted, and what deriving, compiling and
/// writing may end with.
pub fn export_together(run: &StoredRun, folder: &Path, solc: &Solc) -> Result<Together, FoundryError> {
    let record = run.record();
    let together = Together::of(run, solc)?;
    if let (Some(batch), Some(opening)) = (&record.batch, together.opening()) {
        require_same(Some(opening), of_batch(batch))?;
        store::write_whole(&folder.join(OPENING_FILE), opening.source.as_bytes())?;
    }
    if let (Some(recorded), Some(set)) = (&record.set, together.set()) {
        require_same_openings(set, recorded)?;
        write_set(run, set, folder)?;
    }
    Ok(together)
}

/// The code hash of the opening that a batch was verified with.
fn of_batch(batch: &ProofBatch) -> Option<B256> {
    let mut shared = batch.measurement.shared.iter();
    let shared = shared.find(|shared| shared.sharing == Sharing::Key)?;
    Some(shared.opening_code_hash)
}

fn require_same(opening: Option<&Opened>, recorded: Option<B256>) -> Result<(), FoundryError> {
    let found = opening.map(|opening| keccak256(opening.code().runtime));
    if found == recorded {
        Ok(())
    } else {
        Err(FoundryError::OtherOpening { found, recorded })
    }
}

/// A set that was recorded without openings has none to be held against.
fn require_same_openings(set: &SetRuns, recorded: &PartSet) -> Result<(), FoundryError> {
    let Some(recorded) = &recorded.measurement.one_pairing else {
        return Ok(());
    };
    let openings = set.openings().unwrap_or_default();
    for (index, recorded) in recorded.openings.iter().enumerate() {
        require_same(openings.get(index), Some(recorded.code_hash))?;
    }
    Ok(())
}

/// Writes the project of a set.
fn write_set(run: &StoredRun, set: &SetRuns, folder: &Path) -> Result<(), FoundryError> {
    let fork = set::rules(run.record().request.fork);
    let mut files = vec![
        (
            set::TEST_FILE.to_owned(),
            set::test(&name(run), fork, &set.creations()?)?,
        ),
        (set::CONFIGURATION_FILE.to_owned(), set::configuration(fork)),
    ];
    for (index, source) in set.sources().enumerate() {
        let part = set::part_folder(index);
        files.push((format!("{part}/{SOURCE_FILE}"), source.to_owned()));
        if let Some(opening) = set.openings().and_then(|openings| openings.get(index)) {
            files.push((format!("{part}/{OPENING_FILE}"), opening.source.clone()));
        }
    }
    for (name, text) in files {
        store::write_whole(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// What a stored run's folder is called.
fn name(run: &StoredRun) -> Cow<'_, str> {
    run.path().file_stem().unwrap_or_default().to_string_lossy()
}

/// Writes the script that deploys a stored run's contracts into a folder: verifier and guard, and the batch contract with its opening where
/// the run is of a batch; the contracts of the set where it is the last part of one.
///
/// # Errors
/// [`FoundryError::Deployable`], [`FoundryError::Parts`] where parts are no set, and [`FoundryError::Store`] where it cannot be written.
pub fn export_script(run: &StoredRun, folder: &Path, together: &Together) -> Result<(), FoundryError> {
    let script = if let Some(set) = together.set() {
        let creations: Vec<SetCreation<'_>> = set.creations()?;
        deploy::set_script(&name(run), &creations)
    } else {
        let of_batch = together.opening().filter(|_| run.record().batch.is_some());
        deploy::script(&name(run), &Deployable::of(run)?, of_batch)
    };
    store::write_whole(&folder.join(deploy::SCRIPT_FILE), script.as_bytes())?;
    Ok(())
}
