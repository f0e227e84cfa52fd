//! What verifying on chain costs in all, spread over models and proofs.
//!
//! Goes in: a record. Comes out: the gas of N models with M proofs, all taken to cost what the record's did; and from how
//! many models on one reusable verifier is cheaper than a plain one for each.

use super::Metric;
use crate::format;
use crate::plan::CircuitKind;
use crate::record::Record;

/// The three prices of a verifier, in gas. A committed circuit's proof is verified through its guard, of which each model has
/// one: it is deployed with the verifier, or with the registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Of deploying it.
    pub deployment_gas: u64,
    /// Of registering a model's key artifact; none for a plain verifier, which is deployed for each model instead.
    pub registration_gas: Option<u64>,
    /// Of verifying a proof.
    pub verification_gas: u64,
}

impl Spread {
    /// A record's prices; none where its run did not come so far.
    pub fn of(record: &Record) -> Option<Self> {
        let gas = |metric: Metric| u64::try_from(metric.whole(record)?).ok();
        let guard_gas = match record.request.plan.kind() {
            CircuitKind::Committed => gas(Metric::GuardDeploymentGas)?,
            CircuitKind::Study | CircuitKind::Direct => 0,
        };
        let deployment_gas = gas(Metric::DeploymentGas)?;
        let verification_gas = gas(Metric::MeaningfulGas)?;
        Some(match record.registration {
            None => Self {
                deployment_gas: deployment_gas + guard_gas,
                registration_gas: None,
                verification_gas,
            },
            Some(_) => Self {
                deployment_gas,
                registration_gas: Some(gas(Metric::RegistrationGas)? + guard_gas),
                verification_gas,
            },
        })
    }

    /// Gas of `models` models alike, with `proofs` proofs between them.
    pub fn total_gas(&self, models: u64, proofs: u64) -> u64 {
        let placed = match self.registration_gas {
            None => models * self.deployment_gas,
            Some(registration_gas) => self.deployment_gas + models * registration_gas,
        };
        placed + proofs * self.verification_gas
    }

    /// From how many models on this reusable verifier costs less than `plain` ones, where each model is proved
    /// `proofs_per_model` times; none where it never does.
    pub fn break_even_models(&self, plain: &Self, proofs_per_model: u64) -> Option<u64> {
        let saved = self.saved_for_a_model(plain, proofs_per_model)?;
        let saved = u128::try_from(saved).ok().filter(|&saved| saved > 0)?;
        u64::try_from(u128::from(self.deployment_gas) / saved + 1).ok()
    }

    /// How often a model can be proved so that this reusable verifier still costs less than `plain` ones, if there are
    /// models enough; none where it does however often, or never.
    pub fn break_even_proofs(&self, plain: &Self) -> Option<u64> {
        let dearer = self.verification_gas.checked_sub(plain.verification_gas)?;
        let saved = u64::try_from(self.saved_for_a_model(plain, 0)?).ok()?;
        saved.checked_sub(1)?.checked_div(dearer)
    }

    /// What a further model costs less than with a plain verifier.
    fn saved_for_a_model(&self, plain: &Self, proofs: u64) -> Option<i128> {
        let price = |placed: u64, verification: u64| {
            i128::from(placed) + i128::from(proofs) * i128::from(verification)
        };
        let registration_gas = self.registration_gas?;
        Some(
            price(plain.deployment_gas, plain.verification_gas)
                - price(registration_gas, self.verification_gas),
        )
    }
}

impl std::fmt::Display for Spread {
    /// What N models and M proofs cost: `N × 2,309,261 + M × 413,619 gas for N models and M proofs`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [deployment, verification] = [self.deployment_gas, self.verification_gas].map(format::count);
        match self.registration_gas {
            None => write!(f, "N × {deployment}")?,
            Some(registration) => write!(f, "{deployment} + N × {}", format::count(registration))?,
        }
        write!(f, " + M × {verification} gas for N models and M proofs")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(deployment_gas: u64, verification_gas: u64) -> Spread {
        Spread {
            deployment_gas,
            registration_gas: None,
            verification_gas,
        }
    }

    fn reusable(deployment_gas: u64, registration_gas: u64, verification_gas: u64) -> Spread {
        Spread {
            deployment_gas,
            registration_gas: Some(registration_gas),
            verification_gas,
        }
    }

    /// By hand: a model saves 1,000 - 100 and then 30 for each proof less.
    #[test]
    fn a_reusable_verifier_pays_from_some_models_on_unless_they_are_proved_too_often() {
        let (plain, reusable) = (plain(1_000, 50), reusable(1_200, 100, 80));
        assert_eq!(plain.total_gas(3, 7), 3 * 1_000 + 7 * 50);
        assert_eq!(reusable.total_gas(3, 7), 1_200 + 3 * 100 + 7 * 80);
        assert_eq!(reusable.break_even_models(&plain, 0), Some(2));
        assert_eq!(reusable.break_even_models(&plain, 1), Some(2));
        assert_eq!(reusable.break_even_models(&plain, 10), Some(3));
        assert_eq!(reusable.break_even_proofs(&plain), Some(29));
        assert_eq!(reusable.break_even_models(&plain, 29), Some(41));
        assert_eq!(reusable.break_even_models(&plain, 30), None);
        // A plain verifier breaks even with nothing.
        assert_eq!(plain.break_even_models(&plain, 1), None);
    }

    #[test]
    fn what_models_and_proofs_cost_reads_well() {
        let plain = plain(2_309_261, 413_619);
        assert_eq!(
            plain.to_string(),
            "N × 2,309,261 + M × 413,619 gas for N models and M proofs"
        );
        assert_eq!(
            reusable(2_309_261, 124_820, 413_619).to_string(),
            "2,309,261 + N × 124,820 + M × 413,619 gas for N models and M proofs"
        );
    }

    proptest! {
        #[test]
        fn the_break_even_is_where_the_totals_cross(
            p in (1..10_000_000_u64, 1..1_000_000_u64),
            r in (1..10_000_000_u64, 1..10_000_000_u64, 1..1_000_000_u64),
            proofs in 0..1_000_u64,
        ) {
            let (plain, reusable) = (plain(p.0, p.1), reusable(r.0, r.1, r.2));
            let cheaper = |models: u64| {
                reusable.total_gas(models, models * proofs) < plain.total_gas(models, models * proofs)
            };
            match reusable.break_even_models(&plain, proofs) {
                Some(models) => prop_assert!(cheaper(models) && !cheaper(models - 1)),
                None => prop_assert!(!cheaper(1) && !cheaper(1_000_000)),
            }
            if let Some(most) = reusable.break_even_proofs(&plain) {
                prop_assert!(reusable.break_even_models(&plain, most).is_some());
                prop_assert!(reusable.break_even_models(&plain, most + 1).is_none());
            }
        }
    }
}
