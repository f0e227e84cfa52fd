//! Runtime code → whether it is a circuit's guard, or the contract of a set.
//!
//! Goes in: the guard of a circuit, deployed on a chain of its own, and code that was found elsewhere. Comes out: whether that is the
//! same guard ([`Likeness`]). Everything outside of the immutables is compared by byte, and each immutable by value, wherever the code
//! holds it. Only the verifier's address may differ: where the code found has it is told. What stands in front of an opening is compared
//! likewise.
//!
//! Where a guard's code holds which immutable is found out by deploying it once more, with a mark in place of each argument.
//!
//! The contract of a set ([`SetCode`]) has no immutable that may differ, and stores its parts: what is stored is compared by word, but for
//! the addresses of the parts' contracts. No function of it writes.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use evmbench_evm::chain::{Chain, ChainError};
use evmbench_evm::solidity::CompiledContract;

use super::linked::{SetContract, SetCreation};
use super::{Argument, Guard, VERIFIER, VERIFIER_CODE_HASH, creation_code};

/// Length of an immutable in code, in bytes.
const WORD: usize = 32;

/// Where an address begins in a word of storage that ends in it (`LinkedCommitted.Part`).
const ADDRESS: usize = 12;

/// The code of a circuit's guard, and where it holds its immutables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardCode {
    code: Bytes,
    immutables: Vec<Immutable>,
}

/// An immutable: its name, its value for the circuit, and the offsets of the words that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Immutable {
    name: &'static str,
    value: B256,
    places: Vec<usize>,
}

/// What some code is beside a circuit's guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// The circuit's guard.
    Same {
        /// Where its verifier stands, or should.
        verifier: Address,
    },
    /// The same contract, deployed for something else.
    OtherValues(Vec<OtherValue>),
    /// Another contract.
    Other,
}

/// An immutable that has another value than the circuit's guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherValue {
    /// The immutable's name.
    pub name: &'static str,
    /// Its value in the circuit's guard.
    pub expected: B256,
    /// Its value in the code that was found.
    pub found: B256,
}

impl GuardCode {
    /// The code of a deployed guard.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn of(guard: &Guard<'_>) -> Result<Self, ChainError> {
        Self::at(
            &guard.chain,
            guard.address,
            guard.contract,
            &guard.terms.arguments(),
        )
    }

    /// The code at an address where a contract was deployed with these arguments.
    fn at(
        chain: &Chain,
        address: Address,
        contract: &CompiledContract,
        arguments: &[Argument],
    ) -> Result<Self, ChainError> {
        let marks: Vec<Argument> = arguments.iter().copied().map(marked).collect();
        let mut beside = chain.clone();
        let marked = beside.deploy(&creation_code(contract, &marks))?.address;
        let marked = beside.code_at(marked);
        let immutables = arguments.iter().zip(&marks);
        let immutables = immutables.map(|(&(name, value), (_, mark))| Immutable {
            name,
            value,
            places: places(&marked, *mark),
        });
        Ok(Self {
            code: chain.code_at(address),
            immutables: immutables.collect(),
        })
    }

    /// What some runtime code is beside this one.
    pub fn compare(&self, found: &[u8]) -> Likeness {
        if self.without_immutables(found) != self.without_immutables(&self.code) {
            return Likeness::Other;
        }
        let mut others = Vec::new();
        let mut verifier = Address::ZERO;
        for immutable in &self.immutables {
            let Some(found) = immutable.read(found) else {
                return Likeness::Other;
            };
            if immutable.name == VERIFIER && is_address(found) {
                verifier = Address::from_word(found);
            } else if found != immutable.value {
                others.push(OtherValue {
                    name: immutable.name,
                    expected: immutable.value,
                    found,
                });
            }
        }
        if others.is_empty() {
            Likeness::Same { verifier }
        } else {
            Likeness::OtherValues(others)
        }
    }

    /// Code with zeros in place of each immutable; code that is too short for one has no such place.
    fn without_immutables(&self, code: &[u8]) -> Vec<u8> {
        let mut code = code.to_vec();
        for place in self.immutables.iter().flat_map(|immutable| &immutable.places) {
            if let Some(word) = code.get_mut(*place..place + WORD) {
                word.fill(0);
            }
        }
        code
    }
}

impl Immutable {
    /// Its value in some code; none where the code holds several values for it, which no constructor leaves.
    fn read(&self, code: &[u8]) -> Option<B256> {
        let mut values = self
            .places
            .iter()
            .map(|&place| B256::from_slice(&code[place..place + WORD]));
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }
}

/// What stands in place of an argument, to be found again in the code. The constructor holds the verifier's address and code
/// against each other, so that these two are their own marks: hashes both, they occur nowhere by chance. `BatchCommitted` takes a whole
/// number of words for a proof, and not more points than the proof holds.
fn marked((name, value): Argument) -> Argument {
    let mut mark = keccak256(name);
    match name {
        VERIFIER | VERIFIER_CODE_HASH => return (name, value),
        "proofBytes" => {
            mark.0[0] |= 0x80;
            mark.0[WORD - 1] = 0;
        }
        _ => mark.0[..2].fill(0),
    }
    (name, mark)
}

fn places(code: &[u8], word: B256) -> Vec<usize> {
    let words = code.windows(WORD).enumerate();
    words
        .filter(|(_, found)| *found == word.as_slice())
        .map(|(place, _)| place)
        .collect()
}

fn is_address(word: B256) -> bool {
    word[..ADDRESS] == [0; ADDRESS]
}

/// The code of a set's contract, what it stores, and the code of its parts' contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCode {
    code: Bytes,
    /// The number of parts; then, of each, its contract and where its input comes from.
    stored: Vec<B256>,
    parts: Vec<GuardCode>,
}

impl SetCode {
    /// The code of a deployed set.
    ///
    /// # Errors
    /// [`Chain::deploy`]'s.
    pub fn of(creation: &SetCreation<'_>, deployed: &SetContract) -> Result<Self, ChainError> {
        let chain = deployed.chain();
        let mut placed = chain.contracts().into_iter();
        let set = placed.find(|placed| placed.address == deployed.address());
        let (code, storage) = set.map(|set| (set.code, set.storage)).unwrap_or_default();
        let stored = |slot| storage.get(&slot).copied().unwrap_or_default();
        let parts = creation.parts.iter().zip(&deployed.parts);
        let parts = parts.map(|(part, deployed)| {
            let arguments = part.front.arguments_for(deployed.behind.address);
            GuardCode::at(chain, deployed.front.address, part.front.contract, &arguments)
        });
        Ok(Self {
            code,
            stored: slots(creation.parts.len()).map(stored).collect(),
            parts: parts.collect::<Result<_, _>>()?,
        })
    }

    /// Whether some runtime code is the set's contract, of whichever parts.
    pub fn is(&self, found: &[u8]) -> bool {
        self.code[..] == *found
    }

    /// The code of the parts' contracts.
    pub fn parts(&self) -> &[GuardCode] {
        &self.parts
    }

    /// Where in storage the contract has what [`Self::addresses`] takes.
    pub fn slots(&self) -> impl Iterator<Item = B256> {
        slots(self.parts.len())
    }

    /// Where the parts' contracts stand, or should, by what is stored in [`Self::slots`]; none where there are more or fewer parts, or other
    /// links between them.
    pub fn addresses(&self, found: &[B256]) -> Option<Vec<Address>> {
        let (count, parts) = self.stored.split_first()?;
        let (found_count, found) = found.split_first()?;
        let links = |words: &[B256]| {
            words
                .iter()
                .map(|word| word[..ADDRESS].to_vec())
                .collect::<Vec<_>>()
        };
        let is_same = count == found_count && links(parts) == links(found);
        is_same.then(|| {
            found
                .iter()
                .map(|word| Address::from_slice(&word[ADDRESS..]))
                .collect()
        })
    }
}

/// Where Solidity has `_parts`, the first variable of `LinkedCommitted`: a list of so many words.
fn slots(parts: usize) -> impl Iterator<Item = B256> {
    let first = U256::from_be_bytes(keccak256(B256::ZERO).0);
    let of_parts = (0..parts).map(move |part| B256::from(first + U256::from(part)));
    std::iter::once(B256::ZERO).chain(of_parts)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use evmbench_backend::Proof;
    use evmbench_evm::chain::{Fork, VerifyCall};
    use evmbench_schema::committed::{CommitmentLayout, Committed, InputAssurance};

    use super::*;
    use crate::guard::linked::{self, LinkedPart, SharedTensor, Source};
    use crate::guard::{Front, GuardContracts, VerifierCode};

    /// What leaves the byte 0x01 as runtime code. Any code will do for a verifier: nothing is called.
    const CREATION: &[u8] = &hex!("60015f5360015ff3");
    const RUNTIME: &[u8] = &hex!("01");

    fn front(front: Front, committed: Option<&Committed>, key: Option<Vec<B256>>) -> Guard<'static> {
        let code = VerifierCode {
            creation: &Bytes::from_static(CREATION),
            runtime: &Bytes::from_static(RUNTIME),
        };
        let call = VerifyCall {
            proof: vec![0; 128],
            instances: vec![U256::ZERO; 2],
            key_artifact: key,
        };
        let contracts = GuardContracts::carried();
        let deployed = Guard::deploy(contracts, front, Fork::Osaka, code, &call, committed);
        deployed.unwrap().0
    }

    fn guard(committed: Option<&Committed>, key: Option<Vec<B256>>) -> Guard<'static> {
        front(Front::Guard, committed, key)
    }

    fn committed() -> Committed {
        Committed {
            circuit_digest: B256::repeat_byte(1),
            basis: B256::repeat_byte(2),
            layout: CommitmentLayout {
                input_points: 1,
                output_points: 0,
                claim_points: 1,
            },
            registered_input: None,
        }
    }

    /// Of each contract: the template that solc made has zeros where the immutables are, and nothing else is another byte.
    #[test]
    fn every_immutable_is_found_wherever_the_code_holds_it() {
        let key = Some(vec![B256::repeat_byte(3)]);
        let committed = committed();
        for (contract, committed, key, count) in [
            (Front::Guard, None, None, 4),
            (Front::Guard, None, key.clone(), 5),
            (Front::Guard, Some(&committed), None, 10),
            (Front::Guard, Some(&committed), key, 11),
            (Front::Batch, None, None, 4),
            (Front::Batch, Some(&committed), None, 10),
            (Front::Part, Some(&committed), None, 10),
        ] {
            let guard = front(contract, committed, key);
            let code = GuardCode::of(&guard).unwrap();
            assert_eq!(code.immutables.len(), count);
            for immutable in &code.immutables {
                assert!(!immutable.places.is_empty(), "{}", immutable.name);
                assert_eq!(immutable.read(&code.code), Some(immutable.value));
            }
            let template = &guard.contract.runtime_code;
            assert_eq!(code.without_immutables(&code.code), template[..]);
            let verifier = guard.verifier();
            assert_eq!(code.compare(&code.code), Likeness::Same { verifier });
            assert_eq!(code.compare(template), {
                let others = code
                    .immutables
                    .iter()
                    .filter(|immutable| immutable.name != VERIFIER && immutable.value != B256::ZERO);
                Likeness::OtherValues(
                    others
                        .map(|immutable| OtherValue {
                            name: immutable.name,
                            expected: immutable.value,
                            found: B256::ZERO,
                        })
                        .collect(),
                )
            });
        }
    }

    #[test]
    fn only_the_verifiers_address_may_differ() {
        let committed = committed();
        let code = GuardCode::of(&guard(Some(&committed), None)).unwrap();
        let with = |immutable: &Immutable, places: &[usize], value: B256| {
            let mut changed = code.code.to_vec();
            for &place in places {
                changed[place..place + WORD].copy_from_slice(value.as_slice());
            }
            (immutable.name, code.compare(&changed))
        };
        for immutable in &code.immutables {
            let address = Address::repeat_byte(7).into_word();
            let (name, everywhere) = with(immutable, &immutable.places, address);
            if name == VERIFIER {
                let verifier = Address::repeat_byte(7);
                assert_eq!(everywhere, Likeness::Same { verifier });
                // No address: its upper bytes are not zero.
                let (_, found) = with(immutable, &immutable.places, B256::repeat_byte(7));
                assert!(matches!(found, Likeness::OtherValues(_)));
            } else {
                let other = OtherValue {
                    name,
                    expected: immutable.value,
                    found: address,
                };
                assert_eq!(everywhere, Likeness::OtherValues(vec![other]));
            }
            // No constructor leaves one immutable with two values.
            if immutable.places.len() > 1 {
                let (_, once) = with(immutable, &immutable.places[..1], address);
                assert_eq!(once, Likeness::Other, "{name}");
            }
        }
        assert!(code.immutables.iter().any(|immutable| immutable.places.len() > 1));
    }

    #[test]
    fn another_contract_is_another_contract() {
        let code = GuardCode::of(&guard(None, None)).unwrap();
        let committed = committed();
        let other = GuardCode::of(&guard(Some(&committed), None)).unwrap();
        assert_eq!(code.compare(&other.code), Likeness::Other);
        assert_eq!(code.compare(&[]), Likeness::Other);
        assert_eq!(code.compare(&code.code[..code.code.len() - 1]), Likeness::Other);
        // One byte outside of the immutables.
        let mut changed = code.code.to_vec();
        changed[0] ^= 1;
        assert_eq!(code.compare(&changed), Likeness::Other);
    }

    /// Three parts: two tiles of one layer, and what comes after the first.
    fn with_set(check: impl FnOnce(&SetCreation<'_>)) {
        let (creation, runtime) = (Bytes::from_static(CREATION), Bytes::from_static(RUNTIME));
        let proof = Proof {
            proof: vec![0; 128],
            instances: vec![U256::ZERO; 2],
        };
        let mut committed = committed();
        committed.layout.output_points = 1;
        let from = |tensor| Some(Source { part: 0, tensor });
        let sources = [None, from(SharedTensor::Input), from(SharedTensor::Output)];
        let parts = sources.map(|source| LinkedPart {
            code: VerifierCode {
                creation: &creation,
                runtime: &runtime,
            },
            proof: &proof,
            committed: &committed,
            input_elements: 1,
            output_elements: 1,
            source,
            input_range: InputAssurance::Ranged,
        });
        check(&linked::creation(GuardContracts::carried(), &parts).unwrap());
    }

    #[test]
    fn a_set_is_known_by_its_code_and_by_what_it_stores() {
        with_set(|creation| {
            let deployed = creation.deploy(Fork::Osaka).unwrap();
            let chain = deployed.chain();
            let code = SetCode::of(creation, &deployed).unwrap();
            assert!(code.is(&chain.code_at(deployed.address())));
            assert!(!code.is(&chain.code_at(deployed.parts().next().unwrap())));
            assert!(!code.is(&[]));
            // There is nothing else in its storage.
            let mut placed = chain.contracts().into_iter();
            let set = placed
                .find(|placed| placed.address == deployed.address())
                .unwrap();
            let slots: Vec<B256> = code.slots().collect();
            assert_eq!(set.storage.len(), slots.len());
            let stored: Vec<B256> = slots.iter().map(|slot| set.storage[slot]).collect();
            assert_eq!(code.addresses(&stored), Some(deployed.parts().collect()));
            for (part, address) in code.parts().iter().zip(deployed.parts()) {
                assert!(matches!(
                    part.compare(&chain.code_at(address)),
                    Likeness::Same { .. }
                ));
            }
            // A part's contract may stand elsewhere. Nothing else may be another.
            for index in 0..stored.len() {
                for byte in 0..WORD {
                    let mut changed = stored.clone();
                    changed[index].0[byte] ^= 1;
                    let is_of_address = index > 0 && byte >= ADDRESS;
                    assert_eq!(
                        code.addresses(&changed).is_some(),
                        is_of_address,
                        "{index} {byte}"
                    );
                }
            }
            assert_eq!(code.addresses(&stored[..3]), None);
            assert_eq!(code.addresses(&[]), None);
        });
    }

    /// As the ABI encodes them, wherever the parts' contracts stand.
    #[test]
    fn the_arguments_of_a_set_stand_around_its_parts() {
        with_set(|creation| {
            let [before, after] = creation.arguments().map(|bytes| bytes.len() / WORD);
            // Two offsets and a length; a length, and a part and its tensor for each but the first.
            assert_eq!((before, after), (3, 1 + 2 * 2));
            let deployed = creation.deploy(Fork::Osaka).unwrap();
            let code = SetCode::of(creation, &deployed).unwrap();
            let number = |word: &B256| U256::from_be_slice(&word[..ADDRESS]);
            let links: Vec<U256> = code.stored[1..].iter().map(number).collect();
            // points, sourcePoint and source, 32 bits each.
            let link = |points: u64, first: u64| (U256::from(points) << 64) | (U256::from(first) << 32);
            assert_eq!(links, [U256::ZERO, link(1, 0), link(1, 1)]);
        });
    }
}
