//! Small things that reading, rewriting and comparing sources share.

use alloy_primitives::U256;

use super::OpeningError;

/// Length of a word in memory.
pub(super) const WORD: U256 = U256::from_limbs([0x20, 0, 0, 0]);

/// The only one there is.
pub(super) fn only<T>(mut found: impl Iterator<Item = T>, what: &'static str) -> Result<T, OpeningError> {
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(OpeningError::Missing(what)),
        (Some(_), Some(_)) => Err(OpeningError::Twice(what)),
    }
}
