//! One transaction's gas, part by part.

use revm::context::result::ResultGas;
use revm::context::{Cfg as _, CfgEnv, TxEnv};
use revm::context_interface::cfg::gas_params::Eip2780TxInfo;

pub use evmbench_schema::chain::TransactionGas;

/// What a transaction cost that spent so much.
pub(super) fn paid(intrinsic: Intrinsic, spent: &ResultGas, gas_limit: u64) -> TransactionGas {
    let state_gas = spent.state_gas_spent_final();
    TransactionGas {
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
