//! A verifier and its proofs → fixtures that Forge tests read.
//!
//! Goes in: a record with its evidence, or bytecode and proofs. Comes out: a folder with the contract's source and one JSON
//! file, which holds the bytecode, the proofs with their canonical calldata, and what to expect (gas, sizes, verdict).
//! `contracts/test` reads such folders. [`deploy`] adds a script that deploys what was measured.

pub mod deploy;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes, keccak256};
use serde::Serialize;

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{ChainError, Fork, TransactionGas, Verifier};
use evmbench_evm::solidity::opening::{CONTRACT, Opening, OpeningError, Sharing};
use evmbench_evm::solidity::{CompileOptions, CompiledContract, Solc, SolidityError};
use evmbench_ezkl::{Committed, Proof, VerifierKind};
use evmbench_guard::guard::VerifierCode;
use evmbench_host::hint::Hint;
use evmbench_schema::record::Evidence;
use evmbench_store::{self as store, DAMAGED_EVIDENCE, StoreError, StoredRun};

use crate::deployable::{Deployable, DeployableError};

/// Name of the contract's source in a fixture's folder.
pub const SOURCE_FILE: &str = "Verifier.sol";

/// Name of the source of the verifier's opening, in the folder of a fixture whose proof was verified in a batch.
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
    /// The verifier of a batch has no opening.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// The opening does not compile.
    #[error(transparent)]
    Solidity(#[from] SolidityError),
    /// The opening is not the one that the batch was measured with.
    #[error(
        "the opening that follows from the verifier's source has the code hash {found}, and the record's batch was verified \
         with {}",
        recorded.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
    )]
    OtherOpening {
        /// Of the opening that was derived.
        found: B256,
        /// Of the one in the record, if it has one.
        recorded: Option<B256>,
    },
}

impl Hint for FoundryError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Deployable(error) => error.hint(),
            Self::Chain(_) | Self::Opening(_) | Self::OtherOpening { .. } => Some(DAMAGED_EVIDENCE.into()),
            Self::Solidity(_) => None,
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

/// Writes the opening of a stored run's verifier into a folder, where the run is the last of a batch, after compiling it, and returns
/// it: its code must be the one that the record's batch was verified with. None of another run.
///
/// # Errors
/// [`FoundryError::OtherOpening`] where it is not, and what deriving, compiling and writing it may end with.
pub fn export_opening(
    run: &StoredRun,
    folder: &Path,
    solc: &Solc,
) -> Result<Option<CompiledContract>, FoundryError> {
    let record = run.record();
    let Some(batch) = &record.batch else {
        return Ok(None);
    };
    let options = CompileOptions {
        optimizer_runs: record.request.optimizer_runs,
        ..CompileOptions::default()
    };
    let opening = Opening::of(&run.text(Evidence::VERIFIER_SOURCE)?, Sharing::Key)?;
    let compiled = solc.compile(&opening.source, CONTRACT, &options)?;
    let found = keccak256(&compiled.runtime_code);
    let mut shared = batch.measurement.shared.iter();
    let recorded = shared.find(|shared| shared.sharing == Sharing::Key);
    let recorded = recorded.map(|shared| shared.opening_code_hash);
    if recorded != Some(found) {
        return Err(FoundryError::OtherOpening { found, recorded });
    }
    store::write_whole(&folder.join(OPENING_FILE), opening.source.as_bytes())?;
    Ok(Some(compiled))
}

/// Writes the script that deploys a stored run's contracts into a folder: verifier and guard, and the batch contract with its
/// opening where that is given.
///
/// # Errors
/// [`FoundryError::Deployable`], and [`FoundryError::Store`] where it cannot be written.
pub fn export_script(
    run: &StoredRun,
    folder: &Path,
    opening: Option<&CompiledContract>,
) -> Result<(), FoundryError> {
    let name = run.path().file_stem().unwrap_or_default().to_string_lossy();
    let script = deploy::script(&name, &Deployable::of(run)?, opening);
    store::write_whole(&folder.join(deploy::SCRIPT_FILE), script.as_bytes())?;
    Ok(())
}
