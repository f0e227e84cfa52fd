//! Verifiers on an EVM.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`solidity`] | a verifier's source | bytecode; the only module that knows solc |
//! | [`chain`] | bytecode and calldata | verdict, gas, negative controls; the only module that knows revm |
//! | [`nodes`] | bytecode and calldata | the same from another EVM, and how long it takes |
//! | [`npm`] | a pinned list of packages | programs installed from npm |

pub mod chain;
pub mod nodes;
pub mod npm;
pub mod solidity;
