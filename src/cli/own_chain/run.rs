//! What a provider's chain makes of records.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256, U256};

use super::super::error::CliError;
use super::super::output::say;
use super::super::progress::Progress;
use super::super::{Finding, setup};
use super::Url;
use crate::deployable::{Deployable, Together};
use crate::format;
use crate::guard::Front;
use crate::guard::linked::SetCreation;
use crate::home::Home;
use crate::parts::SetRuns;
use crate::rpc::data_fee::{self, Call};
use crate::rpc::deployed::{self, Found, OfRun};
use crate::rpc::verification::{self, Answer, Here, Verification};
use crate::rpc::{Block, Limits, Provider, ProviderError, RpcError};
use crate::store::StoredRun;

/// How many bytes of what a contract returned are shown.
const SHOWN: usize = 68;

/// What is said of an opening.
const WITHOUT_PAIRING: &str =
    "an opening proves nothing by itself: it leaves the pairing to the contract in front of it";

/// What is said of a committed circuit's bare verifier.
const WITHOUT_GUARD: &str = "a committed circuit's proof means nothing without its guard";

pub(in crate::cli) fn run(records: &[PathBuf], url: &Url, at: Option<Address>) -> Result<Finding, CliError> {
    let chain = Asked::open(url).map_err(RpcError::from)?;
    say!(
        "{}: chain {}, block {}",
        chain.provider.name(),
        chain.id,
        format::count(chain.block.0)
    )?;
    let mut good = true;
    for path in records {
        let found = match at {
            None => chain.verify(path),
            Some(address) => chain.look(path, address),
        };
        let is_about_record = |error: &CliError| {
            matches!(
                error,
                CliError::Store(_) | CliError::Deployable(_) | CliError::Parts(_)
            )
        };
        good &= CliError::of_record(found, is_about_record)?.unwrap_or(false);
    }
    Ok(if good { Finding::Good } else { Finding::Bad })
}

/// A chain at a block.
struct Asked {
    provider: Provider,
    id: u64,
    block: Block,
}

impl Asked {
    fn open(url: &Url) -> Result<Self, ProviderError> {
        let provider = Provider::new(&url.0, Limits::default())?;
        Ok(Self {
            id: provider.chain_id()?,
            block: provider.newest_block()?,
            provider,
        })
    }

    /// Whether verifier and guard accept the record's proof there.
    fn verify(&self, path: &Path) -> Result<bool, CliError> {
        let deployable = Deployable::of(&StoredRun::open(path)?)?;
        let name = path.display();
        let verifications = verification::verify(&self.provider, self.block, &deployable)?;
        for verification in &verifications {
            let contract = &verification.contract;
            if !verification.accepted {
                say!(
                    "{name}: {contract}: NOT accepted: {}",
                    answered(&verification.answer)
                )?;
                continue;
            }
            say!("{name}: {contract}: accepted")?;
            say!("{name}: {contract}: {}", gas(verification))?;
            match &verification.estimate {
                Ok(estimate) => say!(
                    "{name}: {contract}: eth_estimateGas says {} gas, the least limit that the transaction succeeds with; it uses less",
                    format::count(*estimate)
                )?,
                Err(error) => say!("{name}: {contract}: no estimate: {error}")?,
            }
        }
        if deployable.committed.is_some() {
            say!("{name}: {WITHOUT_GUARD}")?;
        }
        let [_, guard] = &verifications;
        self.tell_data_fee(path, &deployable, guard)?;
        Ok(verifications.iter().all(|verification| verification.accepted))
    }

    /// What the chain charges for the call's data, if it has a contract that tells.
    fn tell_data_fee(
        &self,
        path: &Path,
        deployable: &Deployable,
        guard: &Verification,
    ) -> Result<(), CliError> {
        let needed = guard.here.iter().map(|here| here.tx_gas).max();
        let calldata = deployable.call.calldata();
        let call = Call {
            to: guard.address,
            data: calldata.bytes(),
            gas_limit: guard.estimate.clone().ok().or(needed).unwrap_or_default(),
        };
        let name = path.display();
        match data_fee::ask(&self.provider, self.block, self.id, &call) {
            Ok(None) => Ok(()),
            Ok(Some(fee)) => {
                let formula = fee.by_formula_eth.map_or_else(String::new, |eth| {
                    format!(
                        "; {} ETH by evmbench's formula at the chain's prices",
                        format::real(eth)
                    )
                });
                say!(
                    "{name}: L1 data fee: {} ETH ({}){formula}",
                    format::real(fee.eth),
                    fee.source
                )
            }
            Err(error) => say!("{name}: L1 data fee: not known: {error}"),
        }
    }

    /// Whether what stands at the address is the record's, and accepts its proof.
    fn look(&self, path: &Path, address: Address) -> Result<bool, CliError> {
        let run = StoredRun::open(path)?;
        let deployable = Deployable::of(&run)?;
        let mut together = Together::default();
        if Together::is_of(run.record()) {
            let solc = setup::solc(&Home::from_environment()?, &Progress::new())?;
            together = Together::of(&run, &solc)?;
        }
        let sets = together.set().map(SetRuns::creations).transpose()?;
        let sets: Vec<SetCreation<'_>> = sets.unwrap_or_default();
        let of = OfRun {
            deployable: &deployable,
            opening: together.opening(),
            sets: &sets,
        };
        let name = path.display();
        let found = deployed::at(&self.provider, self.block, address, of)?;
        say!("{name}: {}", sentence(address, &found, &deployable))?;
        match &found {
            Found::OtherFront { others, .. } => {
                for other in others {
                    say!(
                        "{name}: its {} is {}, and the record's {}",
                        other.name,
                        shown(other.found),
                        shown(other.expected)
                    )?;
                }
            }
            Found::Set { parts, .. } => {
                for (index, part) in parts.iter().enumerate() {
                    say!(
                        "{name}: part {} at {} {}",
                        index + 1,
                        part.address,
                        if part.is_of_the_run {
                            "is the set's"
                        } else {
                            "is NOT the set's, or not in front of what it must be"
                        }
                    )?;
                }
            }
            _ => {}
        }
        if !found.is_of_the_run() {
            return Ok(false);
        }
        match found {
            Found::Verifier if deployable.committed.is_some() => say!("{name}: {WITHOUT_GUARD}")?,
            Found::Opening => say!("{name}: {WITHOUT_PAIRING}")?,
            _ => {}
        }
        let accepts = deployed::accepts(&self.provider, self.block, address, &found, of);
        let Some(accepts) = accepts.map_err(RpcError::from)? else {
            return Ok(true);
        };
        let what = match found {
            Found::Set { .. } => "the proofs of the set",
            _ => "the record's proof",
        };
        say!(
            "{name}: it {} {what}",
            if accepts { "accepts" } else { "does NOT accept" }
        )?;
        Ok(accepts)
    }
}

/// How a call ended that was no acceptance.
fn answered(answer: &Answer) -> String {
    let gas = format::count(answer.gas);
    let data = answer.returned.slice(..answer.returned.len().min(SHOWN));
    match (answer.success, answer.returned.is_empty()) {
        (true, true) => "it returned nothing".to_owned(),
        (true, false) => format!("it returned {data}"),
        (false, true) => format!("it reverted without data, or had not enough gas, after {gas} gas"),
        (false, false) => format!("it reverted with {data} after {gas} gas"),
    }
}

/// The gas of a call there by what it is in revm.
fn gas(verification: &Verification) -> String {
    let transaction = |here: &Here| {
        format!(
            "{} ({} gas for the transaction)",
            here.fork.name(),
            format::count(here.tx_gas)
        )
    };
    let same: Vec<String> = verification.same().map(transaction).collect();
    if !same.is_empty() {
        return format!(
            "the execution takes as much gas as in revm under {}",
            same.join(" and ")
        );
    }
    let nearest = verification
        .here
        .iter()
        .min_by_key(|here| here.execution_gas_over.unsigned_abs());
    nearest.map_or_else(
        || format!("the call takes {} gas", format::count(verification.answer.gas)),
        |here| {
            let over = here.execution_gas_over;
            format!(
                "the execution takes {} gas {} than in revm under {}",
                format::count(over.unsigned_abs()),
                if over < 0 { "less" } else { "more" },
                transaction(here)
            )
        },
    )
}

/// What stands at an address.
fn sentence(address: Address, found: &Found, deployable: &Deployable) -> String {
    match found {
        Found::Nothing => format!("there is no contract at {address}"),
        Found::Verifier => format!(
            "{address} is the record's verifier ({})",
            deployable.verifier.contract()
        ),
        Found::Opening => format!("{address} is the opening of the record's verifier (BatchOpening)"),
        Found::Front {
            front,
            contract,
            verifier,
            holds_verifier,
        } => {
            let (role, behind) = role(*front);
            let stands = if *holds_verifier {
                "stands"
            } else {
                "does NOT stand"
            };
            format!(
                "{address} is the record's {role} ({contract}): code and immutables are as they must be; at its {behind}'s address, \
                 {verifier}, {stands} the record's {behind}"
            )
        }
        Found::OtherFront { front, contract, .. } => {
            let (role, _) = role(*front);
            format!(
                "{address} is a {contract}, and NOT the record's {role}: it was deployed for something else"
            )
        }
        Found::Set { contract, .. } => {
            let is = if found.is_of_the_run() { "is" } else { "is NOT" };
            format!(
                "{address} {is} the contract of the record's set ({contract}): code and links are as they must be; its parts:"
            )
        }
        Found::OtherSet { contract } => format!(
            "{address} is a {contract}, and NOT the record's set: it was deployed for other parts, or for other links between them"
        ),
        Found::GuardWithoutChallenge { contract } => format!(
            "{address} is a {contract}, which takes any challenge: it is NOT the guard of a committed circuit"
        ),
        Found::Other { code_bytes } => format!(
            "{address} is NOT the record's verifier or guard, nor another of its contracts: it has {} bytes of other code",
            format::count(*code_bytes as u64)
        ),
    }
}

/// What stands in front of something, and in front of what.
fn role(front: Front) -> (&'static str, &'static str) {
    match front {
        Front::Guard => ("guard", "verifier"),
        Front::Batch => ("batch contract", "opening"),
        Front::Part => ("part of a set with one pairing", "opening"),
    }
}

/// An immutable: a number, or a hash or an address.
fn shown(word: B256) -> String {
    u64::try_from(U256::from_be_bytes(word.0)).map_or_else(|_| word.to_string(), format::count)
}
