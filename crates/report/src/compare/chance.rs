//! How far random bytes alone move gas and code size.
//!
//! A proof is blinded: two proofs of one statement are other bytes, some of them zero, and a zero byte of calldata is
//! cheaper. A verifier holds its key as constants: another reference string gives other constants, and solc leaves out
//! a constant's leading zero bytes. Both are draws of field elements, so how far two draws lie apart has a bound that
//! chance passes less than once in [`ONE_IN`]. Everything else about gas and size is no chance: with the same proof and
//! the same key the bound is 0, and the gas of execution has none at all.
//!
//! The bound is Chernoff's for the difference of two sums of rare independent events of total mean m, which two Poisson
//! counts dominate: P(|difference| ≥ t) ≤ 2·exp(2m·(√(1 + (t/2m)²) - 1) - t·asinh(t/2m)). Equal columns have equal
//! commitments and equal evaluations, so that words come in pairs: t is taken for half the words, twice.

use crate::chain::{Fork, TransactionGas, Verification};
use crate::record::Record;

use super::Identity;

/// Chance passes a bound once in so many comparisons, at most.
pub const ONE_IN: f64 = 1e9;

/// Bytes of a field element, or of a point's coordinate, in proof and verifier.
const WORD_BYTES: f64 = 32.0;

/// The share of words whose first byte is zero: 2^248 over BN254's modulus, 0x30644e72…. The moduli of its two fields
/// agree in their first 32 hexadecimal digits.
const FIRST_BYTE_ZERO: f64 = 1.0 / 48.391_822;

/// The share of any other byte that is zero.
const BYTE_ZERO: f64 = 1.0 / 256.0;

/// Zero bytes of a word, on average.
const ZERO_BYTES_A_WORD: f64 = FIRST_BYTE_ZERO + (WORD_BYTES - 1.0) * BYTE_ZERO;

/// Leading zero bytes of a word, on average.
const LEADING_ZERO_BYTES_A_WORD: f64 = FIRST_BYTE_ZERO / (1.0 - BYTE_ZERO);

/// Words of a generated verifier that depend on the reference string, beside two for each commitment: four of the
/// negated second point of G2, and the key's digest, which stands there twice.
const KEY_WORDS_BESIDE_COMMITMENTS: u64 = 6;

/// Gas of a zero byte of calldata where execution sets the price (EIP-2028).
const ZERO_BYTE_GAS: u64 = 4;

/// Gas of any other byte there.
const NONZERO_BYTE_GAS: u64 = 16;

/// Gas by which a zero byte is cheaper there.
const ZERO_BYTE_SAVES_GAS: u64 = NONZERO_BYTE_GAS - ZERO_BYTE_GAS;

/// Gas of one more byte of code, at most, for calldata, initcode word and memory of the deployment: the dearest calldata
/// byte is one at Amsterdam's floor (EIP-7976).
const CODE_BYTE_CALLDATA_GAS: u64 = 64;

/// The largest change of each figure that chance explains between two records of one experiment, either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chance {
    /// Zero bytes of calldata.
    pub calldata_zero_bytes: u64,
    /// Gas of the whole verifying transaction.
    pub verification_gas: u64,
    /// Gas of the whole transaction that registers a key.
    pub registration_gas: u64,
    /// Bytes of runtime code and of creation code.
    pub code_bytes: u64,
    /// Gas of the whole deployment.
    pub deployment_gas: u64,
}

impl Chance {
    /// What chance explains between two records, whose proof and key are the same or not.
    pub fn between(old: &Record, new: &Record, proof: Identity, key: Identity) -> Self {
        let [proof, key] = [proof, key].map(|identity| identity != Identity::Same);
        let proof_words = larger(old, new, |record| {
            Some(record.proof.as_ref()?.proof_bytes / WORD_BYTES as u64)
        });
        // A reusable verifier gets its key with every call, and has none in its code.
        let artifact_words = larger(old, new, |record| {
            Some(record.registration.as_ref()?.key_artifact_words)
        });
        let constants = larger(old, new, key_constants);
        let words = |is_drawn: bool, words: u64| if is_drawn { words } else { 0 };
        let drawn = words(proof, proof_words).saturating_add(words(key, artifact_words));

        let calldata_zero_bytes = zero_bytes(drawn);
        let code_bytes = leading_zero_bytes(words(key, constants));
        let code_zero_bytes = zero_bytes(words(key, constants));
        let deposit = larger(old, new, |record| Some(record.request.fork.code_byte_gas()));
        let saved = |call: fn(&Record) -> Option<&Verification>| {
            larger(old, new, |record| {
                Some(zero_byte_saves(record.request.fork, call(record)?.gas.as_ref()?))
            })
        };
        let artifact_zero_bytes = zero_bytes(words(key, artifact_words));
        Self {
            calldata_zero_bytes,
            verification_gas: calldata_zero_bytes
                .saturating_mul(saved(|record| record.verification.as_ref())),
            registration_gas: artifact_zero_bytes
                .saturating_mul(saved(|record| Some(&record.registration.as_ref()?.call))),
            code_bytes,
            deployment_gas: code_bytes * (deposit + CODE_BYTE_CALLDATA_GAS)
                + code_zero_bytes * ZERO_BYTE_SAVES_GAS,
        }
    }

    /// Gas of the verifying transaction's zero bytes.
    pub fn calldata_zero_gas(&self) -> u64 {
        self.calldata_zero_bytes.saturating_mul(ZERO_BYTE_GAS)
    }

    /// Gas of its other bytes.
    pub fn calldata_nonzero_gas(&self) -> u64 {
        self.calldata_zero_bytes.saturating_mul(NONZERO_BYTE_GAS)
    }
}

/// Words of a plain verifier's code that its key and reference string determine.
fn key_constants(record: &Record) -> Option<u64> {
    if record.registration.is_some() {
        return None;
    }
    let shape = record.circuit.as_ref()?.columns?;
    let commitments = shape.fixed_columns.saturating_add(shape.permutation_columns);
    Some(
        commitments
            .saturating_mul(2)
            .saturating_add(KEY_WORDS_BESIDE_COMMITMENTS),
    )
}

/// The larger of a figure in both records; 0 where neither has it, so that nothing is there to move.
fn larger(old: &Record, new: &Record, figure: impl Fn(&Record) -> Option<u64>) -> u64 {
    figure(old).max(figure(new)).unwrap_or(0)
}

/// The price of one zero byte's chance.
fn zero_byte_saves(fork: Fork, gas: &TransactionGas) -> u64 {
    let floor_binds = gas.tx_gas == gas.floor_gas;
    let by_floor = fork.floor_zero_byte_saves_gas().filter(|_| floor_binds);
    by_floor.unwrap_or(ZERO_BYTE_SAVES_GAS)
}

/// By how many zero bytes two draws of so many words differ, at most.
pub fn zero_bytes(words: u64) -> u64 {
    2 * largest_difference(words as f64 / 2.0 * ZERO_BYTES_A_WORD)
}

/// By how many leading zero bytes two draws of so many words differ, at most.
pub fn leading_zero_bytes(words: u64) -> u64 {
    2 * largest_difference(words as f64 / 2.0 * LEADING_ZERO_BYTES_A_WORD)
}

/// The least t for which the bound on two counts of this mean, see above, is at most one in [`ONE_IN`].
fn largest_difference(mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    let exponent = |difference: u64| {
        let difference = difference as f64;
        let ratio = difference / (2.0 * mean);
        difference * ratio.asinh() - 2.0 * mean * (ratio.hypot(1.0) - 1.0)
    };
    let is_enough = |difference| exponent(difference) >= (2.0 * ONE_IN).ln();
    // The exponent grows with the difference, without end.
    let mut least = 1_u64;
    while !is_enough(least) {
        least *= 2;
    }
    let mut too_little = least / 2;
    while least - too_little > 1 {
        let middle = too_little.midpoint(least);
        if is_enough(middle) {
            least = middle;
        } else {
            too_little = middle;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

    use super::*;
    use evmbench_backend::FIELD_MODULUS;

    #[test]
    fn the_share_of_first_zero_bytes_is_that_of_the_field() {
        let share = 2_f64.powi(248) / f64::from(FIELD_MODULUS);
        assert!((share - FIRST_BYTE_ZERO).abs() < 1e-7, "{}", 1.0 / share);
    }

    #[test]
    fn the_bound_is_the_formulas() {
        // No events, no difference; then worked by hand from the formula.
        assert_eq!(largest_difference(0.0), 0);
        assert_eq!(largest_difference(6.8), 27);
        assert_eq!(zero_bytes(0), 0);
        // The figures of docs/comparing-gas.md: a proof of 3,072 bytes, a verifier with 20 commitments.
        assert_eq!(zero_bytes(3072 / 32), 54);
        assert_eq!(leading_zero_bytes(2 * 20 + KEY_WORDS_BESIDE_COMMITMENTS), 22);
        // The exponent one below is too small, at the bound it is enough.
        let exponent =
            |t: f64, m: f64| t * (t / 2.0 / m).asinh() - 2.0 * m * ((t / 2.0 / m).hypot(1.0) - 1.0);
        for mean in [0.01, 0.5, 7.0, 300.0] {
            let bound = largest_difference(mean) as f64;
            assert!(
                exponent(bound, mean) >= 21.4 && exponent(bound - 1.0, mean) < 21.42,
                "{mean}"
            );
        }
    }

    /// Draws of field elements stay inside the bound, and reach a fair part of it: it is neither broken nor empty.
    #[test]
    fn draws_stay_inside_the_bound() {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut word = || loop {
            let mut bytes = [0; 32];
            random.fill_bytes(&mut bytes);
            // The modulus has 254 bits.
            bytes[0] &= 0x3f;
            if U256::from_be_bytes(bytes) < FIELD_MODULUS {
                return bytes;
            }
        };
        let words = 96;
        let mut draw = || {
            let (mut zero, mut leading) = (0_u64, 0_u64);
            for _ in 0..words {
                let word = word();
                zero += word.iter().map(|&byte| u64::from(byte == 0)).sum::<u64>();
                leading += word.iter().take_while(|&&byte| byte == 0).count() as u64;
            }
            (zero, leading)
        };
        let (mut most_zero, mut most_leading) = (0, 0);
        for _ in 0..1000 {
            let ((zero, leading), (other_zero, other_leading)) = (draw(), draw());
            most_zero = most_zero.max(zero.abs_diff(other_zero));
            most_leading = most_leading.max(leading.abs_diff(other_leading));
        }
        assert!(
            (zero_bytes(words) / 5..zero_bytes(words)).contains(&most_zero),
            "{most_zero}"
        );
        assert!(
            (leading_zero_bytes(words) / 5..leading_zero_bytes(words)).contains(&most_leading),
            "{most_leading}"
        );
    }
}
