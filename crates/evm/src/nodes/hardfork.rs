//! Forks as other EVMs know them. CONTRIBUTING.md has all places that a new fork needs.

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

/// By which names anvil has a fork.
pub(super) fn of_anvil(fork: Fork) -> &'static [&'static str] {
    match fork {
        Fork::Prague => &["prague"],
        Fork::Osaka => &["osaka"],
        Fork::Amsterdam => &[],
    }
}

/// The modules of Ethereum's executable specification that have a fork's rules: its own, and those of the forks after it that change
/// nothing but blobs (EIP-7892).
pub(super) fn of_specification(fork: Fork) -> &'static [&'static str] {
    match fork {
        Fork::Prague => &["prague"],
        Fork::Osaka => &["osaka", "bpo1", "bpo2"],
        Fork::Amsterdam => &[],
    }
}

/// The same of EthereumJS.
pub(super) fn of_ethereumjs(fork: Fork) -> &'static [&'static str] {
    match fork {
        Fork::Prague => &["prague"],
        Fork::Osaka => &["osaka"],
        Fork::Amsterdam => &["amsterdam"],
    }
}
