//! Mutated proofs and instances against a deployed verifier.
//!
//! Goes in: a verifier, a statement (proof and instances) that it accepts, other accepted proofs to take parts from, a
//! seed and a number of cases. Comes out: how the cases of each class ended, every one that was not rejected, and how many
//! calls a second were made.
//!
//! Every call is encoded canonically: a generated verifier's answer means something for such calldata alone, and whoever
//! stands before it has to see to that. A case counts as accepted only where proof or instances differ from the original's,
//! and by more than words after the proof where the verifier is a reusable one, which leaves these unread: such cases are
//! counted by themselves.
//!
//! - [`batch`]: a batch contract, and the members that a mutated one stands between;
//! - [`curve`]: points as a proof writes them;
//! - [`subject`]: what is mutated, from records;
//! - [`mutation`]: what can be done to a statement, told so fully that it can be done again;
//! - [`class`]: why the result is wrong, and what is drawn of each class;
//! - [`target`]: one case: what a deployed verifier makes of a mutated statement;
//! - [`campaign`]: many cases in parallel, with a quota for each class;
//! - [`corpus`]: cases that are kept, to be tried again;
//! - [`report`]: the campaigns of one invocation, as JSON.

pub mod batch;
pub mod campaign;
pub mod class;
pub mod corpus;
pub mod curve;
mod error;
pub mod mutation;
pub mod report;
pub mod subject;
pub mod target;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use campaign::{Campaign, Plan, Watch};
pub use class::Class;
pub use corpus::Corpus;
pub use error::FuzzError;
pub use mutation::{Donor, Mutation, MutationError};
pub use report::Report;
pub use subject::{Loaded, Subject};
pub use target::{Ending, Target};
