//! One transaction's gas, part by part, and the size of its data.

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
    pub fn spent_gas(&self) -> u64 {
        self.intrinsic_gas + self.execution_gas + self.state_gas
    }
}

/// The size of a call's data: zero bytes and others have different prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalldataSize {
    /// All bytes.
    pub calldata_bytes: u64,
    /// Those that are zero.
    pub zero_bytes: u64,
    /// Those that are not.
    pub nonzero_bytes: u64,
}
