//! One transaction's gas, part by part.

use revm::context::result::ResultGas;
use revm::context::{Cfg as _, CfgEnv, TxEnv};
use revm::context_interface::cfg::gas_params::Eip2780TxInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a transaction cost, in gas.
///
/// `tx_gas = max(intrinsic_gas + execution_gas + state_gas - refunded_gas, floor_gas)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransactionGas {
    /// What the sender pays: `gasUsed` of the receipt.
    pub tx_gas: u64,
    /// What the transaction's own bytes cost: base, calldata, and for a deployment creation and initcode words.
    pub intrinsic_gas: u64,
    /// The least that a transaction with this calldata pays (EIP-7623, EIP-7976).
    pub floor_gas: u64,
    /// What its execution cost, code deposit included where that is not state gas. This is what `forge test` reports.
    pub execution_gas: u64,
    /// What new state cost (EIP-8037): 0 before Amsterdam.
    pub state_gas: u64,
    /// What was refunded for cleared storage.
    pub refunded_gas: u64,
    /// The gas limit that the transaction carried.
    pub gas_limit: u64,
}

impl TransactionGas {
    /// Whether the calldata floor, and not execution, sets the price.
    pub fn floor_binds(&self) -> bool {
        self.floor_gas > self.spent_gas() - self.refunded_gas
    }

    /// What was spent before refunds and the floor.
    pub(super) fn spent_gas(&self) -> u64 {
        self.intrinsic_gas + self.execution_gas + self.state_gas
    }

    pub(super) fn new(intrinsic: Intrinsic, spent: &ResultGas, gas_limit: u64) -> Self {
        let state_gas = spent.state_gas_spent_final();
        Self {
            tx_gas: spent.tx_gas_used(),
            intrinsic_gas: intrinsic.gas,
            floor_gas: intrinsic.floor_gas,
            execution_gas: spent
                .total_gas_spent()
                .checked_sub(intrinsic.gas + state_gas)
                .expect("what was spent holds what the transaction's bytes and new state cost"),
            state_gas,
            refunded_gas: spent.inner_refunded(),
            gas_limit,
        }
    }
}

/// What a transaction costs before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intrinsic {
    pub(super) gas: u64,
    pub(super) floor_gas: u64,
}

impl Intrinsic {
    /// revm's own price of the transaction's bytes under these rules.
    pub(super) fn of(transaction: &TxEnv, rules: &CfgEnv) -> Self {
        let decomposed_base = rules.is_amsterdam_eip2780_enabled().then_some(Eip2780TxInfo {
            value: transaction.value,
            is_self_transfer: transaction.kind.to() == Some(&transaction.caller),
        });
        let initial = rules
            .gas_params
            .initial_tx_gas_for_tx(transaction, decomposed_base);
        Self {
            gas: initial.initial_regular_gas(),
            floor_gas: initial.floor_gas(),
        }
    }
}
