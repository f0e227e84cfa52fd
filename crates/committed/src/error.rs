//! Why a model has no committed circuit.

use std::borrow::Cow;

use evmbench_host::hint::Hint;
use evmbench_model::onnx::Uncovered;
use evmbench_model::program::{LooseRange, ProgramError};

/// At most so many nodes are named in one sentence.
const NAMED: usize = 3;

fn listed(nodes: &[Uncovered]) -> String {
    let mut named: Vec<String> = nodes.iter().take(NAMED).map(ToString::to_string).collect();
    if let Some(more) = nodes.len().checked_sub(NAMED).filter(|&more| more > 0) {
        named.push(format!("and {more} more"));
    }
    named.join("; ")
}

/// A model that the committed lowering does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommittedError {
    /// Nodes are not known as layers at all.
    #[error("not covered: {}", listed(.0))]
    UnknownOperators(Vec<Uncovered>),
    /// The model has no integer program, or the input no integers.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// What is looked up goes beyond the end of any table.
    #[error("a table would have to reach {greatest}, and ends at {end}")]
    WideTable {
        /// The greatest number that is looked up.
        greatest: i128,
        /// Where the table ends.
        end: i128,
    },
    /// The input's range is that of the table, and that is too wide.
    #[error("the input is looked up in a table that is wider than the range it was asked for, and {0}")]
    LooseRange(#[from] LooseRange),
    /// The check would have more powers of the challenge than the bound on false claims allows for.
    #[error("the check takes {powers} powers of the challenge, and {limit} are allowed for")]
    ManyPowers {
        /// As many as the claims take.
        powers: u128,
        /// The limit.
        limit: u128,
    },
}

impl Hint for CommittedError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Program(error) => error.hint(),
            Self::UnknownOperators(_) | Self::ManyPowers { .. } => Some("use --circuit direct".into()),
            Self::LooseRange(_) => Some("use --input-range ranged".into()),
            Self::WideTable { .. } => Some("use a smaller --scale".into()),
        }
    }
}
