//! What a run may invert.
//!
//! The inverse of zero is zero for the EVM, so that an inversion tells zero from everything else: the one thing by which two
//! programs that agree at a random point could differ at another. Hence only the generator's denominators may be inverted,
//! which vanish for no challenge that a prover can hope for: with the challenges x and mu, a root of unity w of the circuit's
//! order, and the points p = x w^i at which polynomials are opened,
//!
//! - x - w^i, and x^n - 1;
//! - products of mu - p over some points, and inverses of such products;
//! - for a point p and some other points p', (mu - p) times the product of p - p'.

use std::collections::HashSet;

use alloy_primitives::{U256, uint};
use evmbench_backend::FIELD_MODULUS;

use super::OpeningError;
use super::machine::Run;
use super::source::Source;
use super::words::WORD;

/// The field has roots of unity of order 2^28 and no more.
const MOST_LOGROWS: U256 = uint!(28_U256);

/// Further from the current row than any gate or argument looks.
const MOST_ROTATION: u64 = 32;

/// More points than polynomials are opened at.
const MOST_POINTS: usize = 10;

/// Refuses a run that inverted something else.
pub(super) fn check(run: &Run, verifier: &Source<'_>) -> Result<(), OpeningError> {
    let at = |name| {
        let place = verifier.constant(name)? / WORD;
        let word = run.memory.get(place.saturating_to::<usize>()).copied();
        word.filter(|word| run.challenges.contains(word))
            .ok_or_else(|| differs("a challenge is overwritten"))
    };
    let (x, mu) = (at("X_MPTR")?, at("MU_MPTR")?);
    let (logrows, omega) = (verifier.key_word("K_MPTR")?, verifier.key_word("OMEGA_MPTR")?);
    if logrows > MOST_LOGROWS {
        return Err(differs(
            "the circuit has more rows than the field has roots of unity",
        ));
    }
    let rows = U256::ONE << logrows;
    let is_root = |word: U256| word.pow_mod(rows, FIELD_MODULUS) == U256::ONE;
    if !is_root(omega) {
        return Err(differs("omega is no root of unity"));
    }
    let known = Denominators::of(mu, &points(run, x, omega)?);
    let vanishing = sub(x.pow_mod(rows, FIELD_MODULUS), U256::ONE);
    for &word in &run.inverted {
        let of_rows = word == U256::ONE || word == vanishing || is_root(sub(x, word));
        if word.is_zero() || !(of_rows || known.have(word)) {
            return Err(differs(
                "something else than the generator's denominators is inverted",
            ));
        }
    }
    Ok(())
}

fn differs(how: &str) -> OpeningError {
    OpeningError::Differs(how.to_owned())
}

fn sub(a: U256, b: U256) -> U256 {
    a.add_mod(FIELD_MODULUS - b % FIELD_MODULUS, FIELD_MODULUS)
}

fn mul(a: U256, b: U256) -> U256 {
    a.mul_mod(b, FIELD_MODULUS)
}

/// The points x w^i that a run has in memory.
fn points(run: &Run, x: U256, omega: U256) -> Result<Vec<U256>, OpeningError> {
    let words: HashSet<U256> = run.memory.iter().copied().collect();
    let back = omega.pow_mod(FIELD_MODULUS - U256::from(2), FIELD_MODULUS);
    let power = |of: U256, times| mul(x, of.pow_mod(U256::from(times), FIELD_MODULUS));
    let ahead = (0..=MOST_ROTATION).map(|times| power(omega, times));
    let behind = (1..=MOST_ROTATION).map(|times| power(back, times));
    let mut points: Vec<U256> = ahead
        .chain(behind)
        .filter(|point| words.contains(point))
        .collect();
    // Rotations of few rows come back to the same points.
    points.sort_unstable();
    points.dedup();
    if points.len() > MOST_POINTS {
        return Err(differs(
            "polynomials are opened at more points than a verifier has",
        ));
    }
    Ok(points)
}

/// What may be inverted besides what belongs to the rows.
struct Denominators {
    /// Products of mu - p.
    products: HashSet<U256>,
    /// For each point, (mu - p) times products of p - p'.
    coefficients: HashSet<U256>,
}

impl Denominators {
    fn of(mu: U256, points: &[U256]) -> Self {
        let mut coefficients = HashSet::new();
        for &point in points {
            let others = points.iter().filter(|&&other| other != point);
            let differences = others.map(|&other| sub(point, other));
            coefficients.extend(products(sub(mu, point), differences));
        }
        Self {
            products: products(U256::ONE, points.iter().map(|&point| sub(mu, point)))
                .into_iter()
                .collect(),
            coefficients,
        }
    }

    fn have(&self, word: U256) -> bool {
        self.products.contains(&word)
            || self.coefficients.contains(&word)
            || self
                .products
                .iter()
                .any(|&product| mul(product, word) == U256::ONE)
    }
}

/// The products of a number with some of these factors, for each choice of them.
fn products(of: U256, factors: impl Iterator<Item = U256>) -> Vec<U256> {
    factors.fold(vec![of], |mut products, factor| {
        let with: Vec<U256> = products.iter().map(|&product| mul(product, factor)).collect();
        products.extend(with);
        products
    })
}
