//! Whether a verifier can be deployed and a proof verified under a fork, and what limits stand how far away.

use alloy_primitives::{B256, Bytes};

pub use evmbench_schema::chain::{Fit, Fits, UnderFork, breaks_policies_only};

use super::calldata::Calldata;
use super::error::ChainError;
use super::fork::Fork;
use super::verifier::Verifier;

/// Deploys a verifier under a fork, registers the key artifact where there is one, and makes a call.
///
/// # Errors
/// [`Verifier::deploy_with`]'s; however the call ends, that is a verdict.
pub fn try_out(
    fork: Fork,
    creation_code: &Bytes,
    key_artifact: Option<&[B256]>,
    calldata: &Calldata,
) -> Result<UnderFork, ChainError> {
    let verifier = Verifier::deploy_with(fork, creation_code, key_artifact)?;
    let verification = verifier.verify(calldata)?;
    Ok(UnderFork {
        deployment: verifier.deployment().clone(),
        registration: verifier.registration().cloned(),
        verification,
    })
}

/// A contract that always answers true: `PUSH1 1, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN`, deployed by a copy of itself.
#[cfg(test)]
pub(super) fn accepting() -> Bytes {
    let runtime = [0x60, 1, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3];
    let mut code = vec![0x67];
    code.extend(runtime);
    code.extend([0x5f, 0x52, 0x60, 8, 0x60, 24, 0xf3]);
    code.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Verdict;

    #[test]
    fn a_small_call_fits_everywhere() {
        for fork in Fork::ALL {
            let run = try_out(fork, &accepting(), None, &Calldata::raw(vec![1; 100])).unwrap();
            let fit = run.fit();
            assert_eq!(fit.fork(), fork);
            assert_eq!(run.verification.verdict, Verdict::Accepted);
            assert!(fit.is_deployable());
            assert!(fit.is_verifiable_in_one_transaction());
            assert!(fit.is_verifiable_from_public_pool());
            assert!(run.verification.margins.iter().all(|margin| margin.margin() >= 0));
        }
    }

    /// 150,000 zero bytes: over the pools' limit, and under every rule of the chain.
    #[test]
    fn a_large_call_needs_a_block_builder() {
        for fork in Fork::ALL {
            let run = try_out(fork, &accepting(), None, &Calldata::raw(vec![0; 150_000])).unwrap();
            assert!(run.fit().is_verifiable_in_one_transaction());
            assert!(!run.fit().is_verifiable_from_public_pool());
        }
    }

    /// 300,000 bytes that are not 0: a floor of 12 million before Amsterdam, of 19.2 million from it on.
    #[test]
    fn a_larger_one_does_not_fit_amsterdams_floor() {
        let fits = |fork| {
            let run = try_out(fork, &accepting(), None, &Calldata::raw(vec![1; 300_000])).unwrap();
            assert!(run.verification.verdict.is_accepted());
            run.fit().is_verifiable_in_one_transaction()
        };
        assert!(fits(Fork::Prague));
        assert!(fits(Fork::Osaka));
        assert!(!fits(Fork::Amsterdam));
    }
}
