//! What stands in front of a verifier, and what verifier and guard come to on chain.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`guard`] | a verifier's bytecode, proofs that it accepts, the contracts of `contracts/src` | gas through a guard, and what it turns away |
//! | [`on_chain`] | a compiled verifier and its proofs | everything that a record says about the chain |

pub mod guard;
pub mod on_chain;
