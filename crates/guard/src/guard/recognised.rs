//! Runtime code → whether it is a circuit's guard.
//!
//! Goes in: the guard of a circuit, deployed on a chain of its own, and code that was found elsewhere. Comes out: whether that is the
//! same guard ([`Likeness`]). Everything outside of the immutables is compared by byte, and each immutable by value, wherever the code
//! holds it. Only the verifier's address may differ: where the code found has it is told.
//!
//! Where a guard's code holds which immutable is found out by deploying it once more, with a mark in place of each argument.

use alloy_primitives::{Address, B256, Bytes, keccak256};

use evmbench_evm::chain::ChainError;

use super::{Argument, Guard, VERIFIER, VERIFIER_CODE_HASH, creation_code};

/// Length of an immutable in code, in bytes.
const WORD: usize = 32;

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
    /// [`evmbench_evm::chain::Chain::deploy`]'s.
    pub fn of(guard: &Guard<'_>) -> Result<Self, ChainError> {
        let arguments = guard.terms.arguments();
        let marks: Vec<Argument> = arguments.iter().copied().map(marked).collect();
        let mut chain = guard.chain.clone();
        let address = chain.deploy(&creation_code(guard.contract, &marks))?.address;
        let marked = chain.code_at(address);
        let immutables = arguments.iter().zip(&marks);
        let immutables = immutables.map(|(&(name, value), (_, mark))| Immutable {
            name,
            value,
            places: places(&marked, *mark),
        });
        Ok(Self {
            code: guard.chain.code_at(guard.address),
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
/// against each other, so that these two are their own marks: hashes both, they occur nowhere by chance.
fn marked((name, value): Argument) -> Argument {
    match name {
        VERIFIER | VERIFIER_CODE_HASH => (name, value),
        _ => (name, keccak256(name)),
    }
}

fn places(code: &[u8], word: B256) -> Vec<usize> {
    let words = code.windows(WORD).enumerate();
    words
        .filter(|(_, found)| *found == word.as_slice())
        .map(|(place, _)| place)
        .collect()
}

fn is_address(word: B256) -> bool {
    word[..12] == [0; 12]
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use evmbench_evm::chain::{Fork, VerifyCall};
    use evmbench_schema::committed::{CommitmentLayout, Committed};

    use super::*;
    use crate::guard::{GuardContracts, VerifierCode};

    /// Any code will do for a verifier: nothing is called.
    fn guard(committed: Option<&Committed>, key: Option<Vec<B256>>) -> Guard<'static> {
        // Returns the byte 0x01 as runtime code.
        let creation = Bytes::from(hex!("60015f5360015ff3"));
        let runtime = Bytes::from(hex!("01"));
        let code = VerifierCode {
            creation: &creation,
            runtime: &runtime,
        };
        let call = VerifyCall {
            proof: vec![0; 96],
            instances: vec![],
            key_artifact: key,
        };
        let contracts = GuardContracts::carried();
        let deployed = Guard::deploy(contracts, Fork::Osaka, code, &call, committed);
        deployed.unwrap().0
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
        for (committed, key, count) in [
            (None, None, 4),
            (None, key.clone(), 5),
            (Some(&committed), None, 10),
            (Some(&committed), key, 11),
        ] {
            let guard = guard(committed, key);
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
}
