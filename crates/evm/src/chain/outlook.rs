//! What a transaction that has not been made would cost and need, from its sizes and the gas of its execution.
//!
//! Goes in: how many bytes of each price the transaction carries, and what its execution and new state cost. Comes out: its
//! gas as the sender pays it, and every rule of the fork held against it. Price and rules are those of a transaction that
//! runs: revm's own, and [`RuleMargin`]'s.

use alloy_primitives::{Address, Bytes, TxKind};

use super::calldata::CalldataSize;
use super::fork::Fork;
use super::gas::{Intrinsic, TransactionGas};
use super::rules::{Needs, RuleMargin, Rulebook};
use super::transaction::{Request, encoded_bytes};

/// A transaction that has not been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// The rules.
    pub fork: Fork,
    /// The bytes that it carries.
    pub data: CalldataSize,
    /// Runtime code that it leaves, in bytes; none for a call.
    pub runtime_code_bytes: Option<u64>,
    /// What its execution costs.
    pub execution_gas: u64,
    /// What new state costs.
    pub state_gas: u64,
}

impl Outlook {
    /// Its gas, part by part, and the rules of the fork held against it.
    pub fn of(&self) -> (TransactionGas, Vec<RuleMargin>) {
        let rulebook = Rulebook::measuring(self.fork);
        let data: Bytes = std::iter::repeat_n(0, self.data.zero_bytes as usize)
            .chain(std::iter::repeat_n(1, self.data.nonzero_bytes as usize))
            .collect();
        let kind = match self.runtime_code_bytes {
            Some(_) => TxKind::Create,
            None => TxKind::Call(Address::repeat_byte(1)),
        };
        let request = Request {
            kind,
            data: &data,
            nonce: 1,
        };
        let intrinsic = Intrinsic::of(&request.transaction(&rulebook), &rulebook.config);
        let regular_gas = intrinsic.gas + self.execution_gas;
        let spent_gas = regular_gas + self.state_gas;
        let gas = TransactionGas {
            tx_gas: spent_gas.max(intrinsic.floor_gas),
            intrinsic_gas: intrinsic.gas,
            floor_gas: intrinsic.floor_gas,
            execution_gas: self.execution_gas,
            state_gas: self.state_gas,
            refunded_gas: 0,
            gas_limit: spent_gas,
        };
        let needs = Needs {
            initcode_bytes: self.runtime_code_bytes.map(|_| self.data.calldata_bytes),
            runtime_code_bytes: self.runtime_code_bytes,
            capped_gas: regular_gas.max(intrinsic.floor_gas),
            block_gas: spent_gas.max(intrinsic.floor_gas),
            floor_gas: intrinsic.floor_gas,
            transaction_bytes: encoded_bytes(request, spent_gas),
        };
        (gas, needs.margins(self.fork))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Calldata;
    use crate::chain::fit::try_out;

    /// A contract of 1,000 bytes that stores a word in memory and returns it, deployed by a copy of itself.
    fn creation_code() -> Bytes {
        let mut runtime = vec![0x60, 1, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3];
        runtime.resize(1000, 0);
        // PUSH2 1000, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN
        let mut code = vec![0x61, 0x03, 0xe8, 0x80, 0x60, 10, 0x5f, 0x39, 0x5f, 0xf3];
        code.extend(runtime);
        code.into()
    }

    #[test]
    fn an_outlook_is_what_comes_out() {
        let creation_code = creation_code();
        for fork in Fork::ALL {
            for length in [100, 40_000, 300_000] {
                let calldata =
                    Calldata::raw((0..length).map(|byte| u8::from(byte % 3 > 0)).collect::<Vec<_>>());
                let run = try_out(fork, &creation_code, None, &calldata).unwrap();
                let call = run.verification;
                let found = call.gas.unwrap();
                let (gas, margins) = Outlook {
                    fork,
                    data: calldata.size(),
                    runtime_code_bytes: None,
                    execution_gas: found.execution_gas,
                    state_gas: found.state_gas,
                }
                .of();
                assert_eq!(
                    gas,
                    TransactionGas {
                        gas_limit: gas.gas_limit,
                        ..found
                    }
                );
                assert_eq!(margins, call.margins, "{fork:?} {length}");

                let found = run.deployment.gas;
                let (gas, margins) = Outlook {
                    fork,
                    data: Calldata::raw(creation_code.clone()).size(),
                    runtime_code_bytes: Some(1000),
                    execution_gas: found.execution_gas,
                    state_gas: found.state_gas,
                }
                .of();
                assert_eq!(
                    gas,
                    TransactionGas {
                        gas_limit: gas.gas_limit,
                        ..found
                    }
                );
                assert_eq!(margins, run.deployment.margins);
            }
        }
    }
}
