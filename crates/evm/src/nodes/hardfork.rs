//! Forks as anvil knows them: the one place besides `chain::fork` that a new fork needs.

use crate::chain::Fork;

/// How anvil is told a fork; none for one that it does not know.
pub(super) fn arguments(fork: Fork) -> Option<&'static [&'static str]> {
    match fork {
        Fork::Prague => Some(&["--hardfork", "prague"]),
        // anvil does not hold transactions to Osaka's gas cap (EIP-7825) unless told to.
        Fork::Osaka => Some(&["--hardfork", "osaka", "--enable-tx-gas-limit"]),
        Fork::Amsterdam => None,
    }
}

/// Names of the forks that anvil knows.
pub(super) fn known() -> Vec<&'static str> {
    let known = Fork::ALL.into_iter().filter(|&fork| arguments(fork).is_some());
    known.map(Fork::name).collect()
}
