//! What verifying several proofs of one circuit together will take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Estimate, Verdict};
use crate::chain::Rule;

/// Proofs of one circuit in one transaction, through the batch contract that shares the circuit's key, under one fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchForecast {
    /// How many proofs.
    pub proofs: u64,
    /// Gas of the whole transaction.
    pub tx_gas: Estimate,
    /// The most proofs that a block takes in one transaction.
    pub largest: Estimate,
    /// The rule that one proof more would likely break.
    pub rule: Rule,
    /// The most proofs that nodes pass on in one transaction.
    pub public_pool_proofs: Estimate,
}

impl BatchForecast {
    /// What the transaction costs for one proof, rounded up, in gas.
    pub fn tx_gas_per_proof(&self) -> Estimate {
        self.tx_gas.map(|gas| gas.div_ceil(self.proofs.max(1)))
    }

    /// Whether a block takes so many.
    pub const fn verdict(&self) -> Verdict {
        if self.proofs <= self.largest.low {
            Verdict::Fits
        } else if self.proofs > self.largest.high {
            Verdict::Exceeds
        } else {
            Verdict::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stands_to_the_largest() {
        let of = |proofs| BatchForecast {
            proofs,
            tx_gas: Estimate::exact(1_000),
            largest: Estimate {
                low: 10,
                likely: 11,
                high: 12,
            },
            rule: Rule::TransactionGas,
            public_pool_proofs: Estimate::exact(9),
        };
        let verdicts = [10, 11, 12, 13].map(|proofs| of(proofs).verdict());
        assert_eq!(
            verdicts,
            [Verdict::Fits, Verdict::Open, Verdict::Open, Verdict::Exceeds]
        );
        assert_eq!(of(3).tx_gas_per_proof(), Estimate::exact(334));
    }
}
