//! What stands at an address of a provider's chain.
//!
//! Goes in: a [`Deployable`], a provider, a block and an address. Comes out: whether the code there is the run's verifier or its guard
//! ([`Found`]), by `eth_getCode`. Nothing that the contract says of itself is believed. A proxy is another contract, whatever it points to.

use alloy_primitives::Address;

use evmbench_evm::chain::{Fork, is_acceptance};
use evmbench_guard::guard::recognised::{GuardCode, Likeness, OtherValue};
use evmbench_guard::guard::{Guard, GuardContracts};
use evmbench_run::deployable::Deployable;
use evmbench_schema::committed::Committed;

use super::{Block, Provider, ProviderError, RpcError};

/// JSON-RPC's error code for a call that reverted.
const REVERTED: i64 = 3;

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No contract.
    Nothing,
    /// The run's verifier.
    Verifier,
    /// The run's guard.
    Guard {
        /// The contract's name.
        contract: String,
        /// Where its verifier should stand.
        verifier: Address,
        /// Whether the run's verifier stands there.
        holds_verifier: bool,
    },
    /// The guard's contract, deployed for something else.
    OtherGuard {
        /// The contract's name.
        contract: String,
        /// The immutables that have other values than the run's guard.
        others: Vec<OtherValue>,
    },
    /// The guard that any circuit may have, in front of a committed circuit: it takes any challenge.
    GuardWithoutChallenge {
        /// The contract's name.
        contract: String,
    },
    /// Another contract.
    Other {
        /// Length of its code, in bytes.
        code_bytes: usize,
    },
}

impl Found {
    /// Whether it is what was deployed of the run.
    pub fn is_of_the_run(&self) -> bool {
        match self {
            Self::Verifier => true,
            Self::Guard { holds_verifier, .. } => *holds_verifier,
            Self::Nothing
            | Self::OtherGuard { .. }
            | Self::GuardWithoutChallenge { .. }
            | Self::Other { .. } => false,
        }
    }
}

/// Looks at the code at an address.
///
/// # Errors
/// [`RpcError`].
pub fn at(
    provider: &Provider,
    block: Block,
    address: Address,
    deployable: &Deployable,
) -> Result<Found, RpcError> {
    let code = provider.code(address, block)?;
    if code.is_empty() {
        return Ok(Found::Nothing);
    }
    let deploy = |committed: Option<&Committed>| {
        let contracts = GuardContracts::carried();
        // Code is the same under every fork.
        let fork = Fork::default();
        Guard::deploy(contracts, fork, deployable.code(), &deployable.call, committed)
    };
    let (guard, _) = deploy(deployable.committed.as_ref())?;
    let verifier_code = guard.chain().code_at(guard.verifier());
    if code == verifier_code {
        return Ok(Found::Verifier);
    }
    let contract = guard.contract().contract.clone();
    match GuardCode::of(&guard)?.compare(&code) {
        Likeness::Same { verifier } => {
            return Ok(Found::Guard {
                contract,
                verifier,
                holds_verifier: provider.code(verifier, block)? == verifier_code,
            });
        }
        Likeness::OtherValues(others) => return Ok(Found::OtherGuard { contract, others }),
        Likeness::Other => {}
    }
    if deployable.committed.is_some() {
        let (plain, _) = deploy(None)?;
        if GuardCode::of(&plain)?.compare(&code) != Likeness::Other {
            let contract = plain.contract().contract.clone();
            return Ok(Found::GuardWithoutChallenge { contract });
        }
    }
    Ok(Found::Other {
        code_bytes: code.len(),
    })
}

/// Whether the run's verifier or guard at an address accepts the run's proof.
///
/// # Errors
/// [`ProviderError`]; a call that reverts is none.
pub fn accepts(
    provider: &Provider,
    block: Block,
    address: Address,
    found: &Found,
    deployable: &Deployable,
) -> Result<bool, ProviderError> {
    let key_digest = match found {
        Found::Verifier => deployable.key_digest(),
        _ => None,
    };
    match provider.call(address, deployable.call.calldata().bytes(), block) {
        Ok(returned) => Ok(is_acceptance(&returned, key_digest)),
        // geth's code; some nodes have another for a revert without data.
        Err(ProviderError::Refused { code, words, .. }) if code == REVERTED || words.contains("revert") => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use alloy_primitives::Bytes;
    use serde_json::json;

    use evmbench_store::StoredRun;

    use super::super::Limits;
    use super::super::fake::Fake;
    use super::*;

    const BLOCK: Block = Block(1);

    fn deployable(name: &str) -> Deployable {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../results/scaling")
            .join(name);
        Deployable::of(&StoredRun::open(&path).unwrap()).unwrap()
    }

    /// Asks about an address on a chain with these contracts.
    fn found(deployable: &Deployable, contracts: Vec<(Address, Bytes)>, address: Address) -> Found {
        let fake = Fake::answering(move |_, parameters| {
            let asked: Address = serde_json::from_value(parameters[0].clone()).unwrap();
            let code = contracts.iter().find(|(address, _)| *address == asked);
            Ok(json!(code.map(|(_, code)| code.clone()).unwrap_or_default()))
        });
        let provider = Provider::new(&fake.url(), Limits::default()).unwrap();
        at(&provider, BLOCK, address, deployable).unwrap()
    }

    #[test]
    fn verifier_and_guard_are_known_wherever_they_stand() {
        for (name, contract) in [
            ("dense_small-s7-direct.json", "GuardedVerifier"),
            ("dense_small-s7-committed.json", "GuardedCommitted"),
        ] {
            let deployable = deployable(name);
            let committed = deployable.committed.as_ref();
            let contracts = GuardContracts::carried();
            let deploy = |committed: Option<&Committed>| {
                Guard::deploy(
                    contracts,
                    Fork::default(),
                    deployable.code(),
                    &deployable.call,
                    committed,
                )
            };
            let (guard, _) = deploy(committed).unwrap();
            let there = guard.verifier();
            let code = |guard: &Guard<'_>| guard.chain().code_at(guard.address());
            let verifier = guard.chain().code_at(there);
            let at = Address::repeat_byte(5);
            let alone = |code: &Bytes| found(&deployable, vec![(at, code.clone())], at);

            assert_eq!(found(&deployable, vec![], at), Found::Nothing);
            assert_eq!(alone(&verifier), Found::Verifier);
            let of_guard = |holds_verifier| Found::Guard {
                contract: contract.to_owned(),
                verifier: there,
                holds_verifier,
            };
            // A guard whose verifier is not there proves nothing.
            assert_eq!(alone(&code(&guard)), of_guard(false));
            assert!(!of_guard(false).is_of_the_run());
            let both = vec![(at, code(&guard)), (there, verifier.clone())];
            assert_eq!(found(&deployable, both, at), of_guard(true));
            assert!(of_guard(true).is_of_the_run());

            let mut changed = verifier.to_vec();
            changed[100] ^= 1;
            let code_bytes = changed.len();
            assert_eq!(alone(&changed.into()), Found::Other { code_bytes });

            if let Some(committed) = committed {
                let (plain, _) = deploy(None).unwrap();
                let found = alone(&code(&plain));
                assert!(matches!(found, Found::GuardWithoutChallenge { .. }), "{found:?}");
                let mut other = *committed;
                other.layout.claim_points += 1;
                let (other, _) = deploy(Some(&other)).unwrap();
                let Found::OtherGuard { others, .. } = alone(&code(&other)) else {
                    panic!("the same guard of another layout")
                };
                let names: Vec<&str> = others.iter().map(|other| other.name).collect();
                assert_eq!(names, ["claimPoints"]);
            }
        }
    }
}
