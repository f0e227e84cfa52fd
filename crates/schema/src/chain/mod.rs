//! What a chain answers, and what it costs: gas, verdicts, rules, negative controls.

mod causes;
mod controls;
mod fit;
mod fork;
mod gas;
mod rules;
mod transaction;
mod verdict;

pub use causes::{Cause, GasByCause, GasBySection};
pub use controls::{Control, ControlFailure, ControlKind, ControlTally, Controls, TrailingCalldata};
pub use fit::{Fit, Fits, UnderFork, breaks_policies_only};
pub use fork::{BLOCK_GAS, BLOCK_RLP_BYTES, Fork, Limits, PUBLIC_POOL_TRANSACTION_BYTES};
pub use gas::{CalldataSize, TransactionGas};
pub use rules::{BrokenRule, Rule, RuleMargin};
pub use transaction::{Deployment, Event, Registration, Verification};
pub use verdict::Verdict;
