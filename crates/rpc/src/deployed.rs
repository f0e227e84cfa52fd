//! What stands at an address of a provider's chain.
//!
//! Goes in: what can be deployed of a run ([`OfRun`]), a provider, a block and an address. Comes out: which of it the code there is
//! ([`Found`]), by `eth_getCode`; of a set's contract also by what it stores (`eth_getStorageAt`). Nothing that a contract says of itself is
//! believed. A proxy is another contract, whatever it points to.

use alloy_primitives::{Address, B256};

use evmbench_evm::chain::{Calldata, ChainError, Fork, is_acceptance};
use evmbench_guard::guard::batch::{self, Opened};
use evmbench_guard::guard::linked::SetCreation;
use evmbench_guard::guard::recognised::{GuardCode, Likeness, OtherValue, SetCode};
use evmbench_guard::guard::{Front, Guard, GuardContracts, VerifierCode};
use evmbench_run::deployable::Deployable;
use evmbench_schema::committed::Committed;

use super::{Block, Provider, ProviderError, RpcError};

/// JSON-RPC's error code for a call that reverted.
const REVERTED: i64 = 3;

/// Code is the same under every fork.
fn fork() -> Fork {
    Fork::default()
}

/// What can be deployed of a run.
#[derive(Debug, Clone, Copy)]
pub struct OfRun<'a> {
    /// Its verifier, and the guard in front of it.
    pub deployable: &'a Deployable,
    /// Its verifier's opening, where proofs are verified together.
    pub opening: Option<&'a Opened>,
    /// The contracts that take the set whose last part it is.
    pub sets: &'a [SetCreation<'a>],
}

/// What stands at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No contract.
    Nothing,
    /// The run's verifier.
    Verifier,
    /// The opening of the run's verifier.
    Opening,
    /// The run's guard, or what it has in front of its opening.
    Front {
        /// Which of them.
        front: Front,
        /// The contract's name.
        contract: String,
        /// Where its verifier, or its opening, should stand.
        verifier: Address,
        /// Whether it stands there.
        holds_verifier: bool,
    },
    /// The contract of the guard, or of what stands in front of the opening, deployed for something else.
    OtherFront {
        /// Which of them.
        front: Front,
        /// The contract's name.
        contract: String,
        /// The immutables that have other values than the run's.
        others: Vec<OtherValue>,
    },
    /// The guard that any circuit may have, in front of a committed circuit: it takes any challenge.
    GuardWithoutChallenge {
        /// The contract's name.
        contract: String,
    },
    /// The contract of the run's set.
    Set {
        /// The contract's name.
        contract: String,
        /// Which of [`OfRun::sets`].
        index: usize,
        /// The contracts of its parts, as it stores them.
        parts: Vec<FoundPart>,
    },
    /// The contract of a set, deployed for more or fewer parts, or for other links between them.
    OtherSet {
        /// The contract's name.
        contract: String,
    },
    /// Another contract.
    Other {
        /// Length of its code, in bytes.
        code_bytes: usize,
    },
}

/// What stands where a set has the contract of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundPart {
    /// Where that is.
    pub address: Address,
    /// Whether it is the part's contract, in front of the part's verifier or opening.
    pub is_of_the_run: bool,
}

impl Found {
    /// Whether it is what was deployed of the run.
    pub fn is_of_the_run(&self) -> bool {
        match self {
            Self::Verifier | Self::Opening => true,
            Self::Front { holds_verifier, .. } => *holds_verifier,
            Self::Set { parts, .. } => parts.iter().all(|part| part.is_of_the_run),
            Self::Nothing
            | Self::OtherFront { .. }
            | Self::GuardWithoutChallenge { .. }
            | Self::OtherSet { .. }
            | Self::Other { .. } => false,
        }
    }
}

/// A provider's chain at a block.
#[derive(Clone, Copy)]
struct There<'a> {
    provider: &'a Provider,
    block: Block,
}

/// Looks at the code at an address.
///
/// # Errors
/// [`RpcError`].
pub fn at(provider: &Provider, block: Block, address: Address, of: OfRun<'_>) -> Result<Found, RpcError> {
    let there = There { provider, block };
    let code = provider.code(address, block)?;
    if code.is_empty() {
        return Ok(Found::Nothing);
    }
    let OfRun {
        deployable, opening, ..
    } = of;
    let committed = deployable.committed.as_ref();
    for (front, behind) in of.fronts() {
        let (contract, likeness) = like(deployable, front, behind, committed, &code)?;
        match likeness {
            Likeness::Same { verifier } => {
                return Ok(Found::Front {
                    front,
                    contract,
                    verifier,
                    holds_verifier: there.holds(verifier, behind)?,
                });
            }
            Likeness::OtherValues(others) => {
                return Ok(Found::OtherFront {
                    front,
                    contract,
                    others,
                });
            }
            Likeness::Other => {}
        }
    }
    if code == deployable.runtime {
        return Ok(Found::Verifier);
    }
    if opening.is_some_and(|opening| code == opening.compiled.runtime_code) {
        return Ok(Found::Opening);
    }
    if committed.is_some() {
        let (contract, likeness) = like(deployable, Front::Guard, deployable.code(), None, &code)?;
        if likeness != Likeness::Other {
            return Ok(Found::GuardWithoutChallenge { contract });
        }
    }
    if let Some(found) = there.set(address, &code, of.sets)? {
        return Ok(found);
    }
    Ok(Found::Other {
        code_bytes: code.len(),
    })
}

impl<'a> OfRun<'a> {
    /// What stands in front of the verifier and of the opening, and in front of which code.
    fn fronts(self) -> impl Iterator<Item = (Front, VerifierCode<'a>)> {
        let guard = (Front::Guard, self.deployable.code());
        let is_committed = self.deployable.committed.is_some();
        let of_opening = self.opening.into_iter().flat_map(move |opening| {
            let part = is_committed.then_some(Front::Part);
            let fronts = std::iter::once(Front::Batch).chain(part);
            fronts.map(move |front| (front, opening.code()))
        });
        std::iter::once(guard).chain(of_opening)
    }
}

/// The name of what a run has in front of a code, and what some code is beside it.
fn like(
    deployable: &Deployable,
    front: Front,
    behind: VerifierCode<'_>,
    committed: Option<&Committed>,
    code: &[u8],
) -> Result<(String, Likeness), ChainError> {
    let contracts = GuardContracts::carried();
    let (guard, _) = Guard::deploy(contracts, front, fork(), behind, &deployable.call, committed)?;
    let name = guard.contract().contract.clone();
    Ok((name, GuardCode::of(&guard)?.compare(code)))
}

impl There<'_> {
    /// Whether a verifier, or an opening, stands at an address.
    fn holds(self, address: Address, verifier: VerifierCode<'_>) -> Result<bool, ProviderError> {
        Ok(self.provider.code(address, self.block)? == *verifier.runtime)
    }

    /// What the contract at an address is of these sets; none where it takes no set.
    fn set(self, address: Address, code: &[u8], sets: &[SetCreation<'_>]) -> Result<Option<Found>, RpcError> {
        for (index, creation) in sets.iter().enumerate() {
            let expected = SetCode::of(creation, &creation.deploy(fork())?)?;
            if !expected.is(code) {
                continue;
            }
            let contract = creation.contract.contract.clone();
            let stored = expected
                .slots()
                .map(|slot| self.provider.storage(address, slot, self.block));
            let stored: Vec<B256> = stored.collect::<Result<_, _>>()?;
            let Some(addresses) = expected.addresses(&stored) else {
                return Ok(Some(Found::OtherSet { contract }));
            };
            let mut parts = Vec::new();
            let expected = expected.parts().iter().zip(&creation.parts);
            for (address, (guard, part)) in addresses.into_iter().zip(expected) {
                let found = guard.compare(&self.provider.code(address, self.block)?);
                let is_of_the_run = match found {
                    Likeness::Same { verifier } => self.holds(verifier, part.code)?,
                    Likeness::OtherValues(_) | Likeness::Other => false,
                };
                parts.push(FoundPart {
                    address,
                    is_of_the_run,
                });
            }
            return Ok(Some(Found::Set {
                contract,
                index,
                parts,
            }));
        }
        Ok(None)
    }
}

/// The call by which a contract is asked about the run's proof, or about the set that it is in; none of an opening, which answers for any
/// proof, and of what is not the run's.
fn question(found: &Found, of: OfRun<'_>) -> Option<Calldata> {
    let Deployable { call, committed, .. } = of.deployable;
    match found {
        Found::Verifier
        | Found::Front {
            front: Front::Guard, ..
        } => Some(call.calldata()),
        Found::Front {
            front: Front::Batch | Front::Part,
            ..
        } => Some(batch::calldata(committed.as_ref(), [call])),
        Found::Set { index, .. } => Some(of.sets.get(*index)?.calldata()),
        Found::Nothing
        | Found::Opening
        | Found::OtherFront { .. }
        | Found::GuardWithoutChallenge { .. }
        | Found::OtherSet { .. }
        | Found::Other { .. } => None,
    }
}

/// Whether the run's contract at an address accepts the run's proof, or the set that it is in; none where it is none that can be asked.
///
/// # Errors
/// [`ProviderError`]; a call that reverts is none.
pub fn accepts(
    provider: &Provider,
    block: Block,
    address: Address,
    found: &Found,
    of: OfRun<'_>,
) -> Result<Option<bool>, ProviderError> {
    let Some(question) = question(found, of) else {
        return Ok(None);
    };
    let key_digest = match found {
        Found::Verifier => of.deployable.key_digest(),
        _ => None,
    };
    match provider.call(address, question.bytes(), block) {
        Ok(returned) => Ok(Some(is_acceptance(&returned, key_digest))),
        // geth's code; some nodes have another for a revert without data.
        Err(ProviderError::Refused { code, words, .. }) if code == REVERTED || words.contains("revert") => {
            Ok(Some(false))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use alloy_primitives::Bytes;
    use serde_json::json;

    use evmbench_evm::chain::Placed;
    use evmbench_guard::guard::linked::{self, LinkedPart, SharedTensor, Source};
    use evmbench_schema::committed::InputAssurance;
    use evmbench_store::StoredRun;

    use super::super::Limits;
    use super::super::fake::Fake;
    use super::*;

    const BLOCK: Block = Block(1);

    const DIRECT: &str = "dense_small-s7-direct.json";
    const COMMITTED: &str = "dense_small-s7-committed.json";

    fn run(name: &str) -> StoredRun {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/scaling");
        StoredRun::open(&results.join(name)).unwrap()
    }

    fn deployable(name: &str) -> Deployable {
        Deployable::of(&run(name)).unwrap()
    }

    /// Asks about an address on a chain with these contracts.
    fn found(of: OfRun<'_>, contracts: Vec<Placed>, address: Address) -> Found {
        let fake = Fake::answering(move |method, parameters| {
            let asked: Address = serde_json::from_value(parameters[0].clone()).unwrap();
            let contract = contracts.iter().find(|contract| contract.address == asked);
            let contract = contract.cloned();
            Ok(match method {
                "eth_getCode" => json!(contract.map(|contract| contract.code).unwrap_or_default()),
                "eth_getStorageAt" => {
                    let slot: B256 = serde_json::from_value(parameters[1].clone()).unwrap();
                    let storage = contract.map(|contract| contract.storage).unwrap_or_default();
                    json!(storage.get(&slot).copied().unwrap_or_default())
                }
                other => panic!("{other}"),
            })
        });
        let provider = Provider::new(&fake.url(), Limits::default()).unwrap();
        at(&provider, BLOCK, address, of).unwrap()
    }

    fn placed(address: Address, code: &Bytes) -> Placed {
        Placed {
            address,
            code: code.clone(),
            storage: BTreeMap::new(),
        }
    }

    #[test]
    fn verifier_and_guard_are_known_wherever_they_stand() {
        for (name, contract) in [(DIRECT, "GuardedVerifier"), (COMMITTED, "GuardedCommitted")] {
            let deployable = deployable(name);
            let of = OfRun {
                deployable: &deployable,
                opening: None,
                sets: &[],
            };
            let committed = deployable.committed.as_ref();
            let contracts = GuardContracts::carried();
            let deploy = |committed: Option<&Committed>| {
                let (code, call) = (deployable.code(), &deployable.call);
                Guard::deploy(contracts, Front::Guard, Fork::default(), code, call, committed)
            };
            let (guard, _) = deploy(committed).unwrap();
            let there = guard.verifier();
            let code = |guard: &Guard<'_>| guard.chain().code_at(guard.address());
            let verifier = guard.chain().code_at(there);
            let at = Address::repeat_byte(5);
            let alone = |code: &Bytes| found(of, vec![placed(at, code)], at);

            assert_eq!(found(of, vec![], at), Found::Nothing);
            assert_eq!(alone(&verifier), Found::Verifier);
            let of_guard = |holds_verifier| Found::Front {
                front: Front::Guard,
                contract: contract.to_owned(),
                verifier: there,
                holds_verifier,
            };
            // A guard whose verifier is not there proves nothing.
            assert_eq!(alone(&code(&guard)), of_guard(false));
            assert!(!of_guard(false).is_of_the_run());
            let both = vec![placed(at, &code(&guard)), placed(there, &verifier)];
            assert_eq!(found(of, both, at), of_guard(true));
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
                let Found::OtherFront { others, .. } = alone(&code(&other)) else {
                    panic!("the same guard of another layout")
                };
                let names: Vec<&str> = others.iter().map(|other| other.name).collect();
                assert_eq!(names, ["claimPoints"]);
            }
        }
    }

    /// What stands in front of an opening is known only where an opening is given. Any code will do for one: nothing is called.
    #[test]
    fn the_contracts_in_front_of_an_opening_are_told_apart() {
        let deployable = deployable(COMMITTED);
        let mut compiled = GuardContracts::carried().plain.clone();
        // Returns the byte 0x01 as runtime code.
        compiled.creation_code = Bytes::from_static(&[0x60, 1, 0x5f, 0x53, 0x60, 1, 0x5f, 0xf3]);
        compiled.runtime_code = Bytes::from_static(&[1]);
        let opening = Opened {
            source: String::new(),
            compiled,
        };
        let without = OfRun {
            deployable: &deployable,
            opening: None,
            sets: &[],
        };
        let of = OfRun {
            opening: Some(&opening),
            ..without
        };
        let at = Address::repeat_byte(5);
        let alone = vec![placed(at, &opening.compiled.runtime_code)];
        assert_eq!(found(of, alone.clone(), at), Found::Opening);
        assert_eq!(found(without, alone, at), Found::Other { code_bytes: 1 });
        let committed = deployable.committed.as_ref();
        for (front, name) in [(Front::Batch, "BatchCommitted"), (Front::Part, "OpenedCommitted")] {
            let contracts = GuardContracts::carried();
            let (code, call) = (opening.code(), &deployable.call);
            let deployed = Guard::deploy(contracts, front, Fork::default(), code, call, committed);
            let (guard, _) = deployed.unwrap();
            let all = guard.chain().contracts();
            let (address, verifier) = (guard.address(), guard.verifier());
            let expected = |holds_verifier| Found::Front {
                front,
                contract: name.to_owned(),
                verifier,
                holds_verifier,
            };
            assert_eq!(found(of, all.clone(), address), expected(true));
            let mut alone = all.clone();
            alone.retain(|contract| contract.address == address);
            assert_eq!(found(of, alone, address), expected(false));
            let found = found(without, all, address);
            assert!(matches!(found, Found::Other { .. }), "{found:?}");
        }
    }

    /// A set of the same proof three times: nothing is called.
    #[test]
    fn a_set_is_known_by_its_contract_and_by_the_contracts_that_it_stores() {
        let deployable = deployable(COMMITTED);
        let proof = run(COMMITTED).proof().unwrap();
        let from = |part| {
            let tensor = SharedTensor::Input;
            Some(Source { part, tensor })
        };
        let creation = |sources: &[Option<Source>]| {
            let parts: Vec<LinkedPart<'_>> = sources
                .iter()
                .map(|&source| LinkedPart {
                    code: deployable.code(),
                    proof: &proof,
                    committed: deployable.committed.as_ref().unwrap(),
                    input_elements: 1,
                    output_elements: 1,
                    source,
                    input_range: InputAssurance::Ranged,
                })
                .collect();
            linked::creation(GuardContracts::carried(), &parts).unwrap()
        };
        let sets = [creation(&[None, from(0), from(0)])];
        let of = OfRun {
            deployable: &deployable,
            opening: None,
            sets: &sets,
        };
        let set = sets[0].deploy(Fork::default()).unwrap();
        let (address, all) = (set.address(), set.chain().contracts());
        let parts = |wrong: Option<usize>| Found::Set {
            contract: "LinkedCommitted".to_owned(),
            index: 0,
            parts: set
                .parts()
                .enumerate()
                .map(|(index, address)| FoundPart {
                    address,
                    is_of_the_run: Some(index) != wrong,
                })
                .collect(),
        };
        assert_eq!(found(of, all.clone(), address), parts(None));
        assert!(parts(None).is_of_the_run());
        assert!(!parts(Some(1)).is_of_the_run());

        // A guard that is another contract, and one of another circuit.
        let guards: Vec<Address> = set.parts().collect();
        let changed = |of_guard: &dyn Fn(&mut Vec<u8>)| {
            let mut all = all.clone();
            let guard = all.iter_mut().find(|contract| contract.address == guards[1]);
            let guard = guard.unwrap();
            let mut code = guard.code.to_vec();
            of_guard(&mut code);
            guard.code = code.into();
            all
        };
        assert_eq!(
            found(of, changed(&|code| code[100] ^= 1), address),
            parts(Some(1))
        );
        assert_eq!(found(of, changed(&Vec::clear), address), parts(Some(1)));

        // Other links, more parts, and nothing stored.
        let other = Found::OtherSet {
            contract: "LinkedCommitted".to_owned(),
        };
        for sources in [
            &[None, from(0), from(1)][..],
            &[None, from(0)],
            &[None, from(0), from(0), from(0)],
        ] {
            let set = creation(sources).deploy(Fork::default()).unwrap();
            assert_eq!(found(of, set.chain().contracts(), set.address()), other);
        }
        let code = set.chain().code_at(address);
        assert_eq!(found(of, vec![placed(address, &code)], address), other);
        assert!(!other.is_of_the_run());
        let without = OfRun { sets: &[], ..of };
        assert_eq!(
            found(without, all, address),
            Found::Other {
                code_bytes: code.len()
            }
        );
    }

    #[test]
    fn an_opening_is_not_asked() {
        let deployable = deployable(COMMITTED);
        let of = OfRun {
            deployable: &deployable,
            opening: None,
            sets: &[],
        };
        assert!(question(&Found::Opening, of).is_none());
        assert!(question(&Found::Nothing, of).is_none());
        // A batch contract takes the statement without check and challenge.
        let asked = |front| {
            let found = Found::Front {
                front,
                contract: String::new(),
                verifier: Address::ZERO,
                holds_verifier: true,
            };
            question(&found, of).unwrap()
        };
        let length = |front| asked(front).bytes().len();
        assert_eq!(asked(Front::Guard), deployable.call.calldata());
        assert_eq!(asked(Front::Batch), asked(Front::Part));
        assert_eq!(length(Front::Batch) + 2 * 32, length(Front::Guard));
    }
}
