//! Runs, and records of runs found out again.
//!
//! | module | what goes in | what comes out |
//! |---|---|---|
//! | [`bench`] | a subject, a prover, a compiler | a record and its evidence |
//! | [`rederive`] | a stored run | what its record must say, and where it says otherwise |
//! | [`parts`], [`batch`] | records of a model's parts, or of many proofs of one circuit | what verifying them together comes to |
//! | [`replay`] | a stored run | its verifier under another fork; its record as of today; a prover that replays it |
//! | [`deployable`], [`foundry`] | a stored run | what deploying it takes; the same as files for Forge |
//! | [`crosscheck`] | a stored run | what other EVMs make of its transactions |
//! | [`environment`] | | this machine and this evmbench, as records name them |
//!
//! `derived` makes the blocks of a record that follow from one thing alone, for `bench` and for `rederive`; `derivation` finds out again
//! what follows from one run's evidence; `watch` counts what other processes took of the machine meanwhile.

pub mod batch;
pub mod bench;
pub mod crosscheck;
pub mod deployable;
mod derivation;
mod derived;
pub mod environment;
pub mod foundry;
pub mod parts;
pub mod rederive;
pub mod replay;
mod watch;
