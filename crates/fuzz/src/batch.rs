//! A batch contract as what a mutated statement is put before: as a member between others that are as they were proved.

use std::path::Path;

use alloy_primitives::U256;

use evmbench_evm::chain::calldata::VerifyCall;
use evmbench_evm::chain::{ChainError, Fork, Verification};
use evmbench_evm::solidity::opening::Sharing;
use evmbench_evm::solidity::{CompileOptions, Solc};
use evmbench_ezkl::Proof;
use evmbench_guard::guard::GuardContracts;
use evmbench_guard::guard::batch::{BatchContract, Openings};
use evmbench_schema::record::Evidence;
use evmbench_store::{self as store, StoredRun};

use super::error::FuzzError;
use super::subject::{self, Loaded};

/// The batch that the record at a path ends, with one of its members to be mutated.
///
/// # Errors
/// [`FuzzError`]: the record ends no batch, a member is not there, or nothing can be made of them.
pub fn load(path: &Path, fork: Option<Fork>, solc: &Solc) -> Result<(Loaded, Batch), FuzzError> {
    let run = StoredRun::open(path)?;
    let record = run.record();
    let no_batch = || FuzzError::NoBatch {
        path: path.to_owned(),
    };
    let batch = record.batch.as_ref().ok_or_else(no_batch)?;
    let options = CompileOptions::with_runs(record.request.optimizer_runs);
    let source = run.text(Evidence::VERIFIER_SOURCE)?;
    let openings = Openings::compile(solc, &source, &options)?;
    let opening = openings.of(Sharing::Key).ok_or_else(no_batch)?;
    let mut before = subject::load(&store::in_order(path, &batch.members))?;
    let mut after = before.split_off(before.len() / 2);
    if after.is_empty() {
        return Err(no_batch());
    }
    let mutated = after.remove(0);
    let statements = |members: &[Loaded]| -> Vec<Proof> {
        let statements = members.iter().map(|member| &member.subject.statement);
        statements.cloned().collect()
    };
    let contract = BatchContract::deploy(
        GuardContracts::carried(),
        opening,
        fork.unwrap_or(record.request.fork),
        &call(&mutated.subject.statement),
        record.committed.as_ref(),
    )?;
    Ok((
        mutated,
        Batch::new(contract, &statements(&before), &statements(&after)),
    ))
}

/// A deployed batch contract, and the members that a mutated one stands between.
#[derive(Debug)]
pub struct Batch {
    contract: BatchContract,
    before: Vec<VerifyCall>,
    after: Vec<VerifyCall>,
}

impl Batch {
    /// The members are proofs of the contract's circuit.
    pub fn new(contract: BatchContract, before: &[Proof], after: &[Proof]) -> Self {
        let calls = |members: &[Proof]| members.iter().map(call).collect();
        Self {
            contract,
            before: calls(before),
            after: calls(after),
        }
    }

    /// The rules that hold.
    pub fn fork(&self) -> Fork {
        self.contract.fork()
    }

    /// How many proofs are verified together.
    pub fn members(&self) -> usize {
        self.before.len() + 1 + self.after.len()
    }

    /// Calls the contract with the statement in its place.
    pub(crate) fn verify(&self, statement: &Proof) -> Result<Verification, ChainError> {
        let member = call(statement);
        let members = self.before.iter().chain([&member]).chain(&self.after);
        self.contract.verify(members)
    }

    /// What the contract reads of a statement: it writes the claims of a committed circuit itself.
    pub(crate) fn read_of<'a>(&self, statement: &'a Proof) -> (&'a [u8], &'a [U256]) {
        let said = statement.instances.get(self.contract.claims()..);
        (&statement.proof, said.unwrap_or_default())
    }
}

fn call(statement: &Proof) -> VerifyCall {
    VerifyCall {
        proof: statement.proof.clone(),
        instances: statement.instances.clone(),
        key_artifact: None,
    }
}
