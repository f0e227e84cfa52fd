//! Bytecode and calldata → a verdict, and what it cost.
//!
//! Goes in: a contract's creation code, and calldata for it (bytes). Comes out: the deployment's and the call's gas (in
//! gas, part by part), the verdict, the rules of the chain that they break, and a verifier's answers to calldata that it
//! must reject. Everything runs in revm, in this process: no node, no RPC. This is the only module that knows revm.
//!
//! - [`fork`]: the hard forks, and what each allows;
//! - [`rules`]: what a transaction breaks, and how one broken rule is lifted to get a verdict;
//! - [`gas`]: one transaction's gas, part by part;
//! - [`attribution`]: the same gas, by what it was spent on;
//! - [`verdict`]: how a call ended;
//! - [`calldata`]: the generated verifiers' ABI;
//! - [`state`]: a chain after some transactions: contracts deployed, calls made;
//! - [`transcript`]: what was sent, for other EVMs;
//! - [`verifier`]: deploys a verifier and calls it, always from the same state;
//! - [`fit`]: what can be deployed and verified under which fork;
//! - [`outlook`]: what a transaction that has not been made would cost and need;
//! - [`controls`]: the calls that it must reject.

pub mod attribution;
pub mod calldata;
pub mod controls;
mod error;
pub mod fit;
pub mod fork;
pub mod gas;
pub mod outlook;
pub mod rules;
pub mod state;
pub(crate) mod transaction;
pub mod transcript;
pub mod verdict;
pub mod verifier;

#[cfg(test)]
mod tests;

pub use attribution::{AttributionError, Cause, GasByCause, GasBySection};
pub use calldata::{Calldata, CalldataSize, VerifyCall};
pub use controls::{Control, ControlKind, Controls};
pub use error::ChainError;
pub use fit::{Fit, Fits, UnderFork, try_out};
pub use fork::{Fork, Limits};
pub use gas::TransactionGas;
pub use outlook::Outlook;
pub use rules::{BrokenRule, Rule, RuleMargin};
pub use state::{Chain, Deployment, Event, Placed, Verification};
pub use transcript::{Recording, Sent, Step, Transcript};
pub use verdict::Verdict;
pub use verifier::{Called, Registration, Repeat, Verifier, is_acceptance};
