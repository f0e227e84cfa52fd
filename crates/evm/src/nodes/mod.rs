//! Other EVMs, to compare with: anvil and forge, which are revm underneath; and two that share no code with it.
//!
//! Nothing that evmbench records about a proof needs them. They are there to check evmbench's own chain by.
//!
//! - [`independent`]: transactions sent again to Ethereum's executable specification, to EthereumJS, or to anvil;
//! - [`foundry`]: the pinned programs, from npm;
//! - [`anvil`]: a node that mines and calls;
//! - [`throughput`]: how fast it does.

pub mod anvil;
mod error;
pub mod foundry;
mod hardfork;
pub mod independent;
pub mod json_rpc;
pub mod throughput;

pub use anvil::{Answer, Anvil, Receipt};
pub use error::NodeError;
pub use foundry::{FOUNDRY_VERSION, Foundry};
pub use independent::{Difference, ETHEREUMJS_VERSION, OtherEvm, Outcome, SPECIFICATION_VERSION};
pub use throughput::{AnvilThroughput, Pace, PaceByEnd, measure_throughput};
