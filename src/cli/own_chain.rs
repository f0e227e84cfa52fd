//! `evmbench verify RECORD… --rpc URL`: its arguments, and where it is not built in what to do.

#[cfg(feature = "rpc")]
mod run;

use std::fmt;

use alloy_primitives::Address;

#[cfg(feature = "rpc")]
pub(super) use run::run;

/// The user's own chain.
#[derive(Debug, clap::Args)]
pub(super) struct OwnChainArguments {
    /// Verify on the chain of this JSON-RPC provider instead, without a transaction: verdict and gas of verifier and guard, deployed or not
    ///
    /// The contracts are put on the chain's state for the time of a call (eth_call and eth_estimateGas with state overrides). Of the URL, only scheme,
    /// host and port are shown.
    #[arg(long, value_name = "URL", conflicts_with_all = ["fork", "renew", "onnx", "input", "srs"])]
    pub(super) rpc: Option<Url>,
    /// With --rpc: say whether what stands at this address is the record's verifier or guard, or takes its batch or set
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    pub(super) at: Option<Address>,
}

/// A provider's URL, which may hold a key: it is not shown.
#[derive(Clone)]
pub(super) struct Url(
    #[cfg_attr(not(feature = "rpc"), expect(dead_code, reason = "nobody is asked"))] String,
);

impl From<String> for Url {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Url(…)")
    }
}

#[cfg(not(feature = "rpc"))]
pub(super) fn run(
    _: &[std::path::PathBuf],
    _: &Url,
    _: Option<Address>,
) -> Result<super::Finding, super::error::CliError> {
    Err(super::error::CliError::NotBuilt {
        command: "verify --rpc",
        feature: "rpc",
    })
}
