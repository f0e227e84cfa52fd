//! What proofs of one committed circuit will cost together, through the batch contract that shares the circuit's key.
//!
//! Goes in: a circuit's settings and how many proofs there are. Comes out: a [`BatchForecast`] under each fork. Execution is what is
//! there once and what each proof adds, both fitted on [`BatchSample`](super::BatchSample)s; calldata follows from its size.
//!
//! Only circuits of up to [`MOST_STRAIGHT_INSTANCES`](evmbench_evm::solidity::opening::MOST_STRAIGHT_INSTANCES) public values are
//! forecast: their openings are one straight line.

use evmbench_evm::chain::{CalldataSize, Fork, Outlook, RuleMargin, TransactionGas};
use evmbench_ezkl::{CircuitSettings, CircuitShape, ShapeError};
use evmbench_guard::guard::batch::{self, LargestBatch};

use super::batch_sample::statement_words;
use super::coefficients::{COEFFICIENTS, Coefficients};
use super::quantity::Quantity;
use super::{BatchForecast, Estimate, FRAME_NONZERO_BYTES, Forecast, proof_zero_bytes, size};

/// Adds to a committed circuit's forecast what verifying so many of its proofs in one transaction will take: a statement has
/// `statement_zero_bytes`. It stays as it is where the circuit has more public values than are forecast.
///
/// # Errors
/// [`ShapeError`] where the settings lay out no circuit.
pub fn with_batch(
    mut forecast: Forecast,
    settings: &CircuitSettings,
    statement_zero_bytes: u64,
    proofs: u64,
) -> Result<Forecast, ShapeError> {
    let shape = CircuitShape::of(settings)?;
    let Some(statement_words) = statement_words(shape.instances) else {
        return Ok(forecast);
    };
    for under in &mut forecast.forks {
        let batch = Batch {
            coefficients: &COEFFICIENTS,
            fork: under.fork,
            shape: &shape,
            statement_words,
            statement_zero_bytes,
        };
        under.batch = batch.of(proofs);
    }
    Ok(forecast)
}

/// Proofs of one circuit under one fork.
struct Batch<'a> {
    coefficients: &'a Coefficients,
    fork: Fork,
    shape: &'a CircuitShape,
    statement_words: u64,
    statement_zero_bytes: u64,
}

impl Batch<'_> {
    /// What so many cost and need, at each end of the interval; none where no rule grows with them. Gas is on the line through one
    /// proof and two, the calldata floor on a line of its own.
    fn of(&self, proofs: u64) -> Option<BatchForecast> {
        let fitted = |quantity| self.coefficients.estimate(quantity, self.shape, 0);
        let once = fitted(Quantity::BatchOnce(self.fork));
        let of_proof = fitted(Quantity::BatchProof(self.fork));
        let execution = |proofs: u64| once.plus(of_proof.map(|gas| proofs * gas));
        let at = |end: fn(Estimate) -> u64| {
            let [(single, needs_of_one), (pair, needs_of_two)] =
                [1, 2].map(|proofs| self.transaction(proofs, end(execution(proofs))));
            let line = |part: fn(&TransactionGas) -> u64| {
                let each = part(&pair).saturating_sub(part(&single));
                part(&single).saturating_add(each.saturating_mul(proofs.saturating_sub(1)))
            };
            let gas = line(TransactionGas::spent_gas).max(line(|gas| gas.floor_gas));
            Some((gas, batch::largest(self.fork, &needs_of_one, &needs_of_two, 1)?))
        };
        let (low, likely, high) = (
            at(|estimate| estimate.low)?,
            at(|estimate| estimate.likely)?,
            at(|estimate| estimate.high)?,
        );
        // Where a proof costs less, there is room for more of them.
        let room = |proofs: fn(&LargestBatch) -> u64| Estimate {
            low: proofs(&high.1),
            likely: proofs(&likely.1),
            high: proofs(&low.1),
        };
        Some(BatchForecast {
            proofs,
            tx_gas: Estimate {
                low: low.0,
                likely: likely.0,
                high: high.0,
            },
            largest: room(|largest| largest.proofs),
            rule: likely.1.rule,
            public_pool_proofs: room(|largest| largest.public_pool_proofs),
        })
    }

    /// A transaction with so many proofs, whose execution costs this.
    fn transaction(&self, proofs: u64, execution_gas: u64) -> (TransactionGas, Vec<RuleMargin>) {
        let calldata = size::batch_calldata_bytes(self.shape, proofs, self.statement_words).likely;
        let frame = size::batch_calldata_bytes(self.shape, 0, self.statement_words).likely;
        let zero_bytes =
            frame - FRAME_NONZERO_BYTES + proofs * (proof_zero_bytes(self.shape) + self.statement_zero_bytes);
        Outlook {
            fork: self.fork,
            data: CalldataSize {
                calldata_bytes: calldata,
                zero_bytes,
                nonzero_bytes: calldata - zero_bytes,
            },
            runtime_code_bytes: None,
            execution_gas,
            state_gas: 0,
        }
        .of()
    }
}
