//! The search for the circuit that serves one purpose best: least memory, least time, or least gas.
//!
//! Goes in: a [`Subject`](evmbench_subject::subject::Subject), the plans that it was asked for under, and what may be changed of them
//! ([`Space`]). Comes out: [`Candidate`]s, each a plan with what it is forecast to cost, how far its results are from the
//! float model's, and what its values are bounded by; of these, [`best`] has the Pareto front within some [`Limits`]; and in
//! the end a [`Profile`], which proves the model again in the circuit that was found.
//!
//! Settings that a value could exceed are no candidates: a committed circuit is lowered for each, which refuses what the static
//! bounds of every tensor do not allow, and a direct one is held against the same kind of bounds where its operators have them.

mod bounds;
mod candidate;
mod front;
mod profile;
mod space;

use std::borrow::Cow;

use evmbench_host::hint::Hint;

pub use bounds::{Basis, Bounded, Guarantee};
pub use candidate::{Candidate, Costs, Objective, Reference};
pub use front::{Limits, best, front};
pub use profile::{Chosen, Measured, PROFILE_SCHEMA, Profile, ProfileError, ProfileModel};
pub use space::{Found, Refused, Space};

/// A search that cannot be made, or that found nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TuneError {
    /// No settings are safe.
    #[error("no settings are safe: all {refused} were refused, the first because {reason}")]
    Refused {
        /// How many were tried.
        refused: usize,
        /// Why the first is none.
        reason: String,
    },
    /// Safe settings were found, and none within the limits.
    #[error(
        "none of {found} safe settings is within the limits: {memory} may take more than the memory, {chain} do not fit the \
         chain, {loss} lose more{}",
        least_loss_percent.map_or_else(String::new, |least| format!(", the best of them {least:.2}%"))
    )]
    Nothing {
        /// Safe settings.
        found: usize,
        /// Of these, the ones whose forecast may exceed the budget.
        memory: usize,
        /// The ones whose verifier may not be deployed, or may not verify in one transaction.
        chain: usize,
        /// The ones that lose more than is allowed.
        loss: usize,
        /// The least loss among those, in per cent.
        least_loss_percent: Option<f64>,
    },
}

impl Hint for TuneError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Refused { .. } => "use a smaller --scale, or --circuit direct",
            Self::Nothing { loss: 1.., .. } => {
                "allow for other scales with --scale 7,8,10, or for a greater --accuracy-loss"
            }
            Self::Nothing { memory: 1.., .. } => "use a greater --budget",
            Self::Nothing { .. } => "use another --fork, or show less with --io committed",
        };
        Some(hint.into())
    }
}
