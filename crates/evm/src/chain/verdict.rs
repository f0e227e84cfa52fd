//! How a call ended.

use alloy_primitives::U256;
use alloy_sol_types::{GenericContractError, SolInterface as _};
use revm::context::result::{ExecutionResult, HaltReason, InvalidTransaction};

pub use evmbench_schema::chain::Verdict;

/// How a call with this result ended.
pub(super) fn verdict_on(result: &ExecutionResult) -> Verdict {
    match result {
        ExecutionResult::Success { output, .. } => {
            if output.data()[..] == U256::ONE.to_be_bytes::<32>() {
                Verdict::Accepted
            } else {
                Verdict::ReturnedOther {
                    return_data: output.data().clone(),
                }
            }
        }
        ExecutionResult::Revert { output, .. } => Verdict::Reverted {
            data: output.clone(),
            reason: revert_reason(output),
        },
        ExecutionResult::Halt { reason, .. } => Verdict::Halted {
            reason: reason.to_string(),
            out_of_gas: matches!(reason, HaltReason::OutOfGas(_)),
        },
    }
}

/// The text of a `require`, or what kind of panic it was; none for anything else.
fn revert_reason(data: &[u8]) -> Option<String> {
    match GenericContractError::abi_decode(data).ok()? {
        GenericContractError::Revert(revert) => Some(revert.reason),
        GenericContractError::Panic(panic) => Some(panic.to_string()),
        GenericContractError::CustomError(error) => match error {},
    }
}

/// The verdict where the chain does not take a transaction.
pub(super) fn refused(reason: &InvalidTransaction) -> Verdict {
    Verdict::InvalidTransaction {
        reason: reason.to_string(),
    }
}
