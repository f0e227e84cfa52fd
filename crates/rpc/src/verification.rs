//! A run's proof verified on a provider's chain, without a transaction.
//!
//! Goes in: a [`Deployable`], a provider and a block. Comes out: what the verifier and the guard in front of it answer there, and what
//! that takes ([`Verification`]).
//!
//! The contracts are put on the chain's state for the time of a call (`eth_call` with state overrides), as a deployment in revm leaves
//! them: the same addresses, which nobody has a key for, the same code with its immutables, the same storage. One contract more stands
//! beside them, the [`Meter`]: it makes the call to verify and returns the gas that this took, under the chain's own rules. The same
//! meter is asked in revm under each fork, so that the difference between the two is the difference between the chains. An estimate
//! (`eth_estimateGas`) is asked for as well, where the provider takes overrides with it. It is the least gas limit that a transaction succeeds
//! with, which is more than the gas that it uses: a call keeps a 64th of what is left from the contract that is called (EIP-150),
//! and some nodes stop searching within a few per cent.

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use serde_json::{Map, Value, json};

use evmbench_evm::chain::{Calldata, Chain, ChainError, Fork, is_acceptance};
use evmbench_guard::guard::{Front, Guard, GuardContracts};
use evmbench_run::deployable::Deployable;

use super::provider::quantity;
use super::{Block, Provider, ProviderError, RpcError};

/// No call takes as much gas, on any chain.
const MOST_GAS: u64 = 1 << 62;

/// What one contract answers there, and what that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The contract's name.
    pub contract: String,
    /// Where it stood for the call.
    pub address: Address,
    /// Whether it accepts the proof.
    pub accepted: bool,
    /// How the call ended.
    pub answer: Answer,
    /// The same call in revm, under every fork that takes it, oldest first.
    pub here: Vec<Here>,
    /// The least gas limit of a transaction that makes the call, by the provider's estimate; else why there is none.
    pub estimate: Result<u64, ProviderError>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it succeeded.
    pub success: bool,
    /// What the contract returned, or reverted with.
    pub returned: Bytes,
    /// Gas of the execution, and of calling the contract.
    pub gas: u64,
}

/// A call in revm, beside the same call there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Here {
    /// The rules that hold in revm.
    pub fork: Fork,
    /// Gas of the whole transaction.
    pub tx_gas: u64,
    /// How much more gas the execution takes there.
    pub execution_gas_over: i64,
}

impl Verification {
    /// The forks under which the execution takes the same gas in revm.
    pub fn same(&self) -> impl Iterator<Item = &Here> {
        self.here.iter().filter(|here| here.execution_gas_over == 0)
    }
}

/// Verifies a run's proof by its verifier, and by the guard in front of it.
///
/// # Errors
/// [`RpcError`]; [`ProviderError::NoOverrides`] where the provider makes no calls on contracts that are not there.
pub fn verify(
    provider: &Provider,
    block: Block,
    deployable: &Deployable,
) -> Result<[Verification; 2], RpcError> {
    let scenes = Fork::ALL.map(|fork| Scene::set(deployable, fork));
    let scenes = scenes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let scene = &scenes[0];
    let overrides = overrides(&scene.chain);
    let ask = |of: fn(&Scene) -> &Asked| -> Result<Verification, RpcError> {
        let asked = of(scene);
        let there = scene.meter.ask(provider, block, asked, &overrides)?;
        let here = scenes.iter().map(|scene| of(scene).beside(scene.fork, &there));
        let accepted = there.success && is_acceptance(&there.returned, asked.key_digest);
        Ok(Verification {
            contract: asked.contract.clone(),
            address: asked.address,
            accepted,
            here: here.flatten().collect(),
            estimate: estimate(provider, block, asked, &overrides, &there),
            answer: there,
        })
    };
    Ok([ask(|scene| &scene.verifier)?, ask(|scene| &scene.guard)?])
}

/// Verifier, guard and meter on a chain in revm, and what both answer.
struct Scene {
    fork: Fork,
    chain: Chain,
    meter: Meter,
    verifier: Asked,
    guard: Asked,
}

/// A contract, the call to it, and what it comes to in revm.
struct Asked {
    contract: String,
    address: Address,
    calldata: Bytes,
    /// The first word of what a reusable verifier returns behind `true`.
    key_digest: Option<B256>,
    /// Gas of the whole transaction; none where the fork's rules do not take it.
    tx_gas: Option<u64>,
    metered: Option<Answer>,
}

impl Scene {
    fn set(deployable: &Deployable, fork: Fork) -> Result<Self, ChainError> {
        let contracts = GuardContracts::carried();
        let call = &deployable.call;
        let committed = deployable.committed.as_ref();
        let (guard, _) = Guard::deploy(contracts, Front::Guard, fork, deployable.code(), call, committed)?;
        let mut chain = guard.chain().clone();
        let meter = Meter::deploy(&mut chain)?;
        let calldata = call.calldata().bytes().clone();
        let asked = |contract: &str, address, key_digest| -> Result<Asked, ChainError> {
            let whole = chain.call(address, &Calldata::raw(calldata.clone()))?;
            let metered = chain.call(meter.address, &Calldata::raw(Meter::calldata(address, &calldata)))?;
            Ok(Asked {
                contract: contract.to_owned(),
                address,
                calldata: calldata.clone(),
                key_digest,
                tx_gas: whole.gas.map(|gas| gas.tx_gas),
                metered: Answer::read(&metered.return_data),
            })
        };
        Ok(Self {
            fork,
            verifier: asked(
                deployable.verifier.contract(),
                guard.verifier(),
                deployable.key_digest(),
            )?,
            guard: asked(&guard.contract().contract, guard.address(), None)?,
            meter,
            chain,
        })
    }
}

impl Asked {
    /// The call in revm beside what it came to there; none where it is not taken here.
    fn beside(&self, fork: Fork, there: &Answer) -> Option<Here> {
        let metered = self.metered.as_ref()?;
        Some(Here {
            fork,
            tx_gas: self.tx_gas?,
            execution_gas_over: there.gas.cast_signed() - metered.gas.cast_signed(),
        })
    }

    /// A gas limit that is enough for the call, also on a chain that charges more; within a transaction's limit where the call is.
    fn gas_limit(&self) -> u64 {
        const BESIDE: u64 = 100_000;
        let needed = self.tx_gas.unwrap_or_default();
        let ample = 2 * needed + BESIDE;
        match Fork::default().limits().transaction_gas {
            Some(most) if needed + needed / 32 + BESIDE <= most => ample.min(most),
            _ => ample,
        }
    }
}

/// A contract that makes a call and returns whether it succeeded, the gas that it took, and what it returned.
#[derive(Debug, Clone, Copy)]
struct Meter {
    address: Address,
}

impl Meter {
    /// Calldata: a word with the address that is called, then the call's own data. Returned: a word that is 1 where the call succeeded, a
    /// word of gas, then what was returned or reverted with.
    const RUNTIME: [u8; 39] = hex!(
        "60203603"     // PUSH1 32, CALLDATASIZE, SUB: the length of the call's data
        "8060205f37"   // DUP1, PUSH1 32, PUSH0, CALLDATACOPY: the data, to memory
        "5a"           // GAS: before
        "5f5f835f5f"   // PUSH0, PUSH0, DUP4, PUSH0, PUSH0: nothing to return to, the data, no value
        "5f355a"       // PUSH0, CALLDATALOAD, GAS: whom to call, with all gas
        "f15a"         // CALL, GAS: after
        "905f52"       // SWAP1, PUSH0, MSTORE: whether it succeeded
        "9003602052"   // SWAP1, SUB, PUSH1 32, MSTORE: before less after
        "3d5f60403e"   // RETURNDATASIZE, PUSH0, PUSH1 64, RETURNDATACOPY
        "3d6040015ff3" // RETURNDATASIZE, PUSH1 64, ADD, PUSH0, RETURN
    );

    fn deploy(chain: &mut Chain) -> Result<Self, ChainError> {
        // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN: what follows becomes the runtime code.
        let length = Self::RUNTIME.len() as u8;
        let constructor = [0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3];
        let creation = [&constructor[..], &Self::RUNTIME].concat();
        let address = chain.deploy(&creation.into())?.address;
        Ok(Self { address })
    }

    fn calldata(contract: Address, data: &Bytes) -> Bytes {
        [&contract.into_word()[..], data].concat().into()
    }

    /// The answer of a contract that is not there but for this call.
    fn ask(
        self,
        provider: &Provider,
        block: Block,
        asked: &Asked,
        overrides: &Value,
    ) -> Result<Answer, ProviderError> {
        let call = json!({
            "to": self.address,
            "data": Self::calldata(asked.address, &asked.calldata),
            "gas": quantity(asked.gas_limit()),
        });
        let at = quantity(block.0);
        let no_overrides = |words| ProviderError::NoOverrides {
            provider: provider.name().to_owned(),
            words,
        };
        let returned: Bytes = match provider.request("eth_call", &json!([call, at, overrides])) {
            // Where it makes the call without them, it is the overrides that it refuses.
            Err(ProviderError::Refused { words, .. })
                if provider.request::<Bytes>("eth_call", &json!([call, at])).is_ok() =>
            {
                return Err(no_overrides(Some(words)));
            }
            other => other?,
        };
        // A provider that passes over them calls an account without code, which returns nothing.
        Answer::read(&returned).ok_or_else(|| no_overrides(None))
    }
}

impl Answer {
    /// What the meter returned; none where that is something else.
    fn read(returned: &Bytes) -> Option<Self> {
        let success = U256::try_from_be_slice(returned.get(..32)?)?;
        let gas = U256::try_from_be_slice(returned.get(32..64)?)?;
        Some(Self {
            success: success == U256::ONE,
            gas: u64::try_from(gas).ok().filter(|gas| *gas < MOST_GAS)?,
            returned: returned.slice(64..),
        })
    }
}

/// Every contract of a chain, as `eth_call` takes what the state is to have besides.
fn overrides(chain: &Chain) -> Value {
    let contracts = chain.contracts().into_iter().map(|contract| {
        let mut account = json!({"code": contract.code});
        if !contract.storage.is_empty() {
            account["stateDiff"] = json!(contract.storage);
        }
        (contract.address.to_string().to_lowercase(), account)
    });
    Value::Object(contracts.collect::<Map<String, Value>>())
}

/// The provider's estimate of the gas limit of a transaction that makes the call.
fn estimate(
    provider: &Provider,
    block: Block,
    asked: &Asked,
    overrides: &Value,
    answer: &Answer,
) -> Result<u64, ProviderError> {
    let call = json!({"to": asked.address, "data": asked.calldata});
    let estimate: U64 = provider.request("eth_estimateGas", &json!([call, quantity(block.0), overrides]))?;
    let estimate = estimate.to();
    // Of an account without code, a transaction takes what its data costs and nothing else.
    if estimate < answer.gas {
        return Err(ProviderError::NoOverrides {
            provider: provider.name().to_owned(),
            words: None,
        });
    }
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use alloy_sol_types::SolValue as _;

    use evmbench_store::StoredRun;

    use super::super::Limits;
    use super::super::fake::Fake;
    use super::*;

    const BLOCK: Block = Block(1);

    /// What calling a contract takes beside its execution, until Amsterdam: an account that is not warm (EIP-2929), and what the
    /// meter does between its two looks at the gas.
    const CALLING: u64 = 2_600 + 20;

    fn deployable() -> Deployable {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let run = StoredRun::open(&root.join("results/scaling/dense_small-s7-committed.json"));
        Deployable::of(&run.unwrap()).unwrap()
    }

    fn asked_of(fake: &Fake) -> Result<[Verification; 2], RpcError> {
        let provider = Provider::new(&fake.url(), Limits::default()).unwrap();
        verify(&provider, BLOCK, &deployable())
    }

    #[test]
    fn the_meter_tells_outcome_gas_and_data() {
        // Returns its calldata; and reverts with it.
        let (returning, reverting) = (hex!("365f5f37365ff3"), hex!("365f5f37365ffd"));
        for fork in Fork::ALL {
            let mut chain = Chain::new(fork);
            let meter = Meter::deploy(&mut chain).unwrap();
            assert_eq!(chain.code_at(meter.address)[..], Meter::RUNTIME);
            for (code, success) in [(returning, true), (reverting, false)] {
                // PUSH1 7, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN.
                let creation = [&hex!("60078060095f395ff3")[..], &code].concat();
                let contract = chain.deploy(&creation.into()).unwrap().address;
                let data = Bytes::from(vec![7; 70]);
                let alone = chain.call(contract, &Calldata::raw(data.clone())).unwrap();
                let called = Calldata::raw(Meter::calldata(contract, &data));
                let metered = chain.call(meter.address, &called).unwrap();
                let answer = Answer::read(&metered.return_data).unwrap();
                assert_eq!((answer.success, &answer.returned), (success, &data), "{fork:?}");
                if fork <= Fork::default() {
                    assert_eq!(answer.gas, alone.gas.unwrap().execution_gas + CALLING, "{fork:?}");
                }
            }
        }
    }

    /// A chain of the same rules, and one on which each call takes five units more.
    #[test]
    fn gas_there_is_told_beside_gas_here() {
        let scene = Scene::set(&deployable(), Fork::default()).unwrap();
        let gas = |asked: &Asked| (asked.address, asked.metered.clone().unwrap().gas);
        let known = [gas(&scene.verifier), gas(&scene.guard)];
        let meter = scene.meter.address;
        for more in [0, 5] {
            let fake = Fake::answering(move |method, parameters| {
                let call = &parameters[0];
                let data: Bytes = serde_json::from_value(call["data"].clone()).unwrap();
                let to: Address = serde_json::from_value(call["to"].clone()).unwrap();
                let overrides = parameters[2].as_object().unwrap();
                assert_eq!(overrides.len(), 3);
                assert!(
                    overrides
                        .values()
                        .all(|account| account.get("stateDiff").is_none())
                );
                if method == "eth_estimateGas" {
                    let (_, gas) = known.iter().find(|(address, _)| *address == to).unwrap();
                    return Ok(json!(quantity(gas + 80_000)));
                }
                assert_eq!((method, to), ("eth_call", meter));
                let (_, gas) = known
                    .iter()
                    .find(|(address, _)| data.starts_with(&address.into_word()[..]))
                    .unwrap();
                let words = [U256::ONE, U256::from(gas + more), U256::ONE];
                Ok(json!(Bytes::from(words.map(|word| word.abi_encode()).concat())))
            });
            for verification in asked_of(&fake).unwrap() {
                assert!(verification.accepted);
                let here = verification.here.iter().find(|here| here.fork == Fork::default());
                assert_eq!(here.unwrap().execution_gas_over, more as i64);
                assert_eq!(verification.same().count() > 0, more == 0);
                assert_eq!(verification.estimate, Ok(verification.answer.gas - more + 80_000));
            }
        }
    }

    #[test]
    fn what_is_returned_otherwise_is_no_acceptance() {
        let rejecting = [
            (U256::ZERO, Bytes::new()),
            (U256::ZERO, Bytes::from(U256::ONE.abi_encode())),
            (U256::ONE, Bytes::from(U256::ZERO.abi_encode())),
            (U256::ONE, Bytes::from(U256::from(2).abi_encode())),
            (U256::ONE, Bytes::new()),
        ];
        for (success, returned) in rejecting {
            let fake = Fake::answering(move |method, _| match method {
                "eth_call" => {
                    let words = [success, U256::from(600_000)]
                        .map(|word| word.abi_encode())
                        .concat();
                    Ok(json!(Bytes::from([&words[..], &returned].concat())))
                }
                _ => Err((3, "execution reverted".to_owned())),
            });
            for verification in asked_of(&fake).unwrap() {
                assert!(!verification.accepted);
                assert!(matches!(
                    verification.estimate,
                    Err(ProviderError::Refused { .. })
                ));
            }
        }
    }

    #[test]
    fn a_provider_without_overrides_is_told_apart() {
        // One passes over them, one refuses them, one refuses everything.
        let passing = Fake::answering(|_, _| Ok(json!("0x")));
        let refusing = Fake::answering(|_, parameters| match parameters.as_array().unwrap().len() {
            2 => Ok(json!("0x")),
            _ => Err((-32602, "too many arguments, want at most 2".to_owned())),
        });
        let closed = Fake::answering(|_, _| Err((-32005, "daily limit reached".to_owned())));
        let error = |fake: &Fake| match asked_of(fake).unwrap_err() {
            RpcError::Provider(error) => error,
            error => panic!("{error}"),
        };
        assert!(matches!(
            error(&passing),
            ProviderError::NoOverrides { words: None, .. }
        ));
        let refused = error(&refusing);
        assert!(
            refused.to_string().contains("takes no state overrides"),
            "{refused}"
        );
        assert!(refused.to_string().ends_with("want at most 2"), "{refused}");
        assert!(matches!(
            error(&closed),
            ProviderError::Refused { code: -32005, .. }
        ));
    }

    /// Such a provider estimates a call of an account without code.
    #[test]
    fn an_estimate_without_overrides_is_none() {
        let fake = Fake::answering(|method, _| match method {
            "eth_call" => {
                let words = [U256::ONE, U256::from(600_000), U256::ONE];
                Ok(json!(Bytes::from(words.map(|word| word.abi_encode()).concat())))
            }
            _ => Ok(json!("0x15f90")),
        });
        for verification in asked_of(&fake).unwrap() {
            assert!(verification.accepted);
            assert!(matches!(
                verification.estimate,
                Err(ProviderError::NoOverrides { .. })
            ));
        }
    }
}
