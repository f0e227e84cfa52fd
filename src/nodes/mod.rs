//! Other EVMs, to compare with: anvil and forge.
//!
//! Nothing that evmbench records about a proof needs them. They are there to check evmbench's own chain by.
//!
//! - [`foundry`]: the pinned programs, from npm.

mod error;
pub mod foundry;

pub use error::NodeError;
pub use foundry::{FOUNDRY_VERSION, Foundry};
