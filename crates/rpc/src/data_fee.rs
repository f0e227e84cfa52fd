//! What a rollup charges for the data of a transaction, asked from the rollup's own contracts.
//!
//! Goes in: a call, a provider and a block. Comes out: the fee in ETH as the chain's contract tells it, beside what evmbench's formula
//! ([`DataFee`]) comes to at the prices that the same contracts tell. Chains without such a contract have no such fee here.
//!
//! - OP Stack: the predeploy `GasPriceOracle` takes an unsigned transaction and adds 68 bytes for a signature.
//! - Arbitrum: `NodeInterface` answers through a node alone and has no code, so that the chain is known by the code of `ArbSys`.
//!   Its estimate is in gas of the chain, and Nitro makes it about a tenth larger than the fee.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_rlp::{Encodable as _, Header};
use alloy_sol_types::{SolCall, sol};

use evmbench_report::report::prices::{Compressed, DataFee};

use super::{Block, Provider, ProviderError};

sol! {
    function getL1Fee(bytes transaction) returns (uint256);
    function l1BaseFee() returns (uint256);
    function blobBaseFee() returns (uint256);
    function baseFeeScalar() returns (uint32);
    function blobBaseFeeScalar() returns (uint32);

    function gasEstimateL1Component(address to, bool contractCreation, bytes data)
        returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
}

/// OP Stack's predeploy.
const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");

/// A precompile of every Arbitrum chain.
const ARB_SYS: Address = address!("0000000000000000000000000000000000000064");

/// What Arbitrum's nodes answer by themselves.
const NODE_INTERFACE: Address = address!("00000000000000000000000000000000000000C8");

/// EIP-1559's type of transaction.
const DYNAMIC_FEE: u8 = 2;

/// Wei in an ETH, and in a gwei.
const ETH: f64 = 1e18;
const GWEI: f64 = 1e9;

/// What a rollup charges for the data of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedFee {
    /// The rollup, and its function that was asked.
    pub source: &'static str,
    /// As the chain's contract tells it, in ETH.
    pub eth: f64,
    /// By evmbench's formula at the prices that the chain's contracts tell, in ETH; none where they tell none.
    pub by_formula_eth: Option<f64>,
}

/// Asks what the data of a call costs; none on a chain that has no contract to ask.
///
/// # Errors
/// [`ProviderError`].
pub fn ask(
    provider: &Provider,
    block: Block,
    chain_id: u64,
    call: &Call<'_>,
) -> Result<Option<AskedFee>, ProviderError> {
    if !provider.code(GAS_PRICE_ORACLE, block)?.is_empty() {
        return op_stack(provider, block, chain_id, call).map(Some);
    }
    if !provider.code(ARB_SYS, block)?.is_empty() {
        return arbitrum(provider, block, call).map(Some);
    }
    Ok(None)
}

/// A transaction that calls a contract.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The contract.
    pub to: Address,
    /// Its data.
    pub data: &'a Bytes,
    /// Its gas limit.
    pub gas_limit: u64,
}

impl Call<'_> {
    /// The transaction before it is signed, as it is encoded: of type 2, the sender's first one, with prices of a gwei.
    fn unsigned(&self, chain_id: u64) -> Bytes {
        const PRICE: u64 = 1_000_000_000;
        let (nonce, value) = (0_u64, 0_u64);
        let mut fields = Vec::new();
        for number in [chain_id, nonce, PRICE, PRICE, self.gas_limit] {
            number.encode(&mut fields);
        }
        self.to.as_slice().encode(&mut fields);
        value.encode(&mut fields);
        self.data[..].encode(&mut fields);
        let list = |payload_length| Header {
            list: true,
            payload_length,
        };
        // No access list.
        list(0).encode(&mut fields);
        let mut encoded = vec![DYNAMIC_FEE];
        list(fields.len()).encode(&mut encoded);
        encoded.extend(fields);
        encoded.into()
    }
}

fn op_stack(
    provider: &Provider,
    block: Block,
    chain_id: u64,
    call: &Call<'_>,
) -> Result<AskedFee, ProviderError> {
    let transaction = call.unsigned(chain_id);
    let fee = returned(provider, block, GAS_PRICE_ORACLE, &getL1FeeCall { transaction })?;
    // Oracles before Ecotone have other prices, and the formula is Fjord's.
    let prices = || -> Result<DataFee, ProviderError> {
        Ok(DataFee::OpStack {
            l1_base_fee_gwei: wei(returned(provider, block, GAS_PRICE_ORACLE, &l1BaseFeeCall {})?) / GWEI,
            l1_blob_base_fee_gwei: wei(returned(provider, block, GAS_PRICE_ORACLE, &blobBaseFeeCall {})?)
                / GWEI,
            base_fee_scalar: returned(provider, block, GAS_PRICE_ORACLE, &baseFeeScalarCall {})?.into(),
            blob_base_fee_scalar: returned(provider, block, GAS_PRICE_ORACLE, &blobBaseFeeScalarCall {})?
                .into(),
        })
    };
    let formula = match prices() {
        Err(ProviderError::Refused { .. } | ProviderError::Garbled { .. }) => None,
        other => Some(other?),
    };
    Ok(AskedFee {
        source: "OP Stack, GasPriceOracle.getL1Fee",
        eth: wei(fee) / ETH,
        by_formula_eth: formula.and_then(|formula| formula.eth(Some(&Compressed::of(call.data, None)))),
    })
}

fn arbitrum(provider: &Provider, block: Block, call: &Call<'_>) -> Result<AskedFee, ProviderError> {
    let question = gasEstimateL1ComponentCall {
        to: call.to,
        contractCreation: false,
        data: call.data.clone(),
    };
    let estimate = returned(provider, block, NODE_INTERFACE, &question)?;
    let formula = DataFee::Arbitrum {
        price_per_unit_gwei: wei(estimate.l1BaseFeeEstimate) / GWEI,
    };
    Ok(AskedFee {
        source: "Arbitrum, NodeInterface.gasEstimateL1Component",
        eth: estimate.gasEstimateForL1 as f64 * wei(estimate.baseFee) / ETH,
        by_formula_eth: formula.eth(Some(&Compressed::of(call.data, None))),
    })
}

/// What a function of a contract returns.
fn returned<C: SolCall>(
    provider: &Provider,
    block: Block,
    contract: Address,
    call: &C,
) -> Result<C::Return, ProviderError> {
    let returned = provider.call(contract, &call.abi_encode().into(), block)?;
    C::abi_decode_returns(&returned).map_err(|_| ProviderError::Garbled {
        provider: provider.name().to_owned(),
        method: "eth_call",
    })
}

fn wei(number: U256) -> f64 {
    number.into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use alloy_sol_types::SolValue as _;
    use serde_json::{Value, json};

    use super::super::fake::{Answer, Fake};
    use super::super::{Limits, Provider};
    use super::*;

    const BLOCK: Block = Block(7);

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
    }

    fn asked(fake: &Fake) -> Result<Option<AskedFee>, ProviderError> {
        let provider = Provider::new(&fake.url(), Limits::default()).unwrap();
        let call = Call {
            to: Address::repeat_byte(0x11),
            data: &Bytes::from_static(&[0xab; 1000]),
            gas_limit: 500_000,
        };
        ask(&provider, BLOCK, 10, &call)
    }

    /// A chain with code at one address, which answers by the first four bytes of a call's data.
    fn chain(at: Address, answer: impl Fn([u8; 4], &[u8]) -> Option<Vec<u8>> + Send + 'static) -> Fake {
        Fake::answering(move |method, parameters| -> Answer {
            if method == "eth_getCode" {
                let asked: Address = serde_json::from_value(parameters[0].clone()).unwrap();
                return Ok(json!(if asked == at { "0xfe" } else { "0x" }));
            }
            let data: Bytes = serde_json::from_value(parameters[0]["data"].clone()).unwrap();
            assert_eq!(parameters[1], "0x7");
            let answer = answer(data[..4].try_into().unwrap(), &data[4..]);
            answer.map_or_else(
                || Err((3, "execution reverted".to_owned())),
                |data| Ok(Value::String(hex::encode_prefixed(data))),
            )
        })
    }

    /// By hand: type 2, a list of chain id, nonce 0, two prices of 5 bytes, gas limit of 3, address, value 0, data, no access list.
    #[test]
    fn a_transaction_is_encoded_before_it_is_signed() {
        let call = Call {
            to: Address::repeat_byte(0x11),
            data: &Bytes::from_static(&[0xab, 0xcd]),
            gas_limit: 500_000,
        };
        let expected = concat!(
            "02",
            "ea",
            "0a",
            "80",
            "843b9aca00",
            "843b9aca00",
            "8307a120",
            "94",
            "1111111111111111111111111111111111111111",
            "80",
            "82abcd",
            "c0"
        );
        assert_eq!(hex::encode(call.unsigned(10)), expected);
    }

    #[test]
    fn an_op_stack_chain_is_asked_by_its_oracle() {
        let number = |value: u64| Some(U256::from(value).abi_encode());
        let fake = chain(GAS_PRICE_ORACLE, move |selector, rest| match selector {
            getL1FeeCall::SELECTOR => {
                let call = getL1FeeCall::abi_decode_raw(rest).unwrap();
                assert_eq!(call.transaction[0], DYNAMIC_FEE);
                number(123_000_000_000)
            }
            l1BaseFeeCall::SELECTOR => number(10_000_000_000),
            blobBaseFeeCall::SELECTOR => number(2_000_000_000),
            baseFeeScalarCall::SELECTOR => number(5_000),
            blobBaseFeeScalarCall::SELECTOR => number(1_000_000),
            _ => None,
        });
        let fee = asked(&fake).unwrap().unwrap();
        assert!(fee.source.starts_with("OP Stack"));
        assert!(close(fee.eth, 123e-9), "{fee:?}");
        // 2.8 × 10^6 gwei for 10^12 millionths of a byte.
        let bytes = Compressed::of(&[0xab; 1000], None).fjord_size_scaled as f64;
        assert!(
            close(fee.by_formula_eth.unwrap(), bytes * 2.8e6 * 1e-12 * 1e-9),
            "{fee:?}"
        );
    }

    #[test]
    fn an_oracle_of_other_prices_is_asked_for_the_fee_alone() {
        let fake = chain(GAS_PRICE_ORACLE, |selector, _| {
            (selector == getL1FeeCall::SELECTOR).then(|| U256::from(5).abi_encode())
        });
        let fee = asked(&fake).unwrap().unwrap();
        assert_eq!(fee.by_formula_eth, None);
        assert!(close(fee.eth, 5e-18));
        // Code that is no oracle.
        let fake = chain(GAS_PRICE_ORACLE, |_, _| None);
        assert!(matches!(asked(&fake), Err(ProviderError::Refused { .. })));
        let fake = chain(GAS_PRICE_ORACLE, |_, _| Some(vec![1]));
        assert!(matches!(asked(&fake), Err(ProviderError::Garbled { .. })));
    }

    #[test]
    fn an_arbitrum_chain_is_asked_by_its_node() {
        let fake = chain(ARB_SYS, |selector, rest| {
            assert_eq!(selector, gasEstimateL1ComponentCall::SELECTOR);
            let call = gasEstimateL1ComponentCall::abi_decode_raw(rest).unwrap();
            assert!(!call.contractCreation && call.data.len() == 1000);
            Some((40_000_u64, U256::from(10_000_000), U256::from(500_000_000)).abi_encode())
        });
        let fee = asked(&fake).unwrap().unwrap();
        assert!(fee.source.starts_with("Arbitrum"));
        // 40,000 gas at 0.01 gwei.
        assert!(close(fee.eth, 400e-9), "{fee:?}");
        let bytes = Compressed::of(&[0xab; 1000], None).brotli_bytes as f64;
        assert!(
            close(fee.by_formula_eth.unwrap(), 16.0 * bytes * 0.5e-9),
            "{fee:?}"
        );
    }

    #[test]
    fn a_chain_without_such_contracts_has_no_such_fee() {
        let fake = chain(Address::repeat_byte(9), |_, _| None);
        assert_eq!(asked(&fake).unwrap(), None);
        assert_eq!(fake.asked().len(), 2);
    }
}
