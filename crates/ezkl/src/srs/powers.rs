//! Test reference strings: the powers of a number τ that is drawn here and forgotten.
//!
//! Each point is the generator times a number that is known while the string is made: τ^i, and L_i(τ), the value at τ of the i-th
//! Lagrange polynomial over the 2^k-th roots of unity. So multiples of the generator from a table suffice, and no transform of points is
//! computed. EZKL's own `gen_srs` makes strings of the same form.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use ark_bn254::{Fr, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::{CurveGroup as _, PrimeGroup as _};
use ark_ff::Field as _;

use super::GENERATOR_2;
use super::curve::{g1_bytes, g2_bytes, random_scalar, root_of_unity, successive};

/// Points that a thread makes between two looks at whether to stop.
const CHUNK: u64 = 1 << 12;

/// Writes a test string of 2^`logrows` points; `false` where `stop` ended the work, with the file cut short.
///
/// The number τ is read from the system's random numbers. Whoever knew it could forge proofs; it is not kept.
///
/// # Errors
/// Where random numbers cannot be read, or the file cannot be written.
pub(crate) fn write_test_string(
    path: &Path,
    logrows: u32,
    threads: usize,
    stop: impl Fn() -> bool,
) -> std::io::Result<bool> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let string = TestString::new(random_scalar()?, logrows);
    let done = string.write(&mut file, threads, stop)?;
    file.flush()?;
    Ok(done)
}

/// What a test string is made from.
struct TestString {
    tau: Fr,
    logrows: u32,
    /// A primitive 2^k-th root of unity.
    omega: Fr,
    /// Multiples of the generator of G1.
    multiples: BatchMulPreprocessing<G1Projective>,
}

impl TestString {
    /// # Panics
    /// For more than 2^28 points, which have no roots of unity.
    fn new(tau: Fr, logrows: u32) -> Self {
        // A larger table leaves the processor's caches.
        let expected = 1 << (logrows + 1).clamp(4, 18);
        Self {
            tau,
            logrows,
            omega: root_of_unity(logrows),
            multiples: BatchMulPreprocessing::new(G1Projective::generator(), expected),
        }
    }

    fn write(&self, file: &mut impl Write, threads: usize, stop: impl Fn() -> bool) -> std::io::Result<bool> {
        file.write_all(&self.logrows.to_le_bytes())?;
        for scalars in [Self::powers, Self::lagrange] {
            let mut start = 0;
            while start < 1 << self.logrows {
                if stop() {
                    return Ok(false);
                }
                let end = (start + CHUNK * threads.max(1) as u64).min(1 << self.logrows);
                file.write_all(&self.points(start..end, scalars))?;
                start = end;
            }
        }
        file.write_all(&GENERATOR_2)?;
        let scaled = (G2Projective::generator() * self.tau).into_affine();
        file.write_all(&g2_bytes(scaled))?;
        Ok(true)
    }

    /// Points of some indices as halo2 writes them, a thread for each [`CHUNK`].
    fn points(&self, indices: Range<u64>, scalars: fn(&Self, Range<u64>) -> Vec<Fr>) -> Vec<u8> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = indices
                .clone()
                .step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX))
                .map(|start| {
                    let chunk = start..(start + CHUNK).min(indices.end);
                    scope.spawn(move || {
                        let points = self.multiples.batch_mul(&scalars(self, chunk));
                        points.into_iter().flat_map(g1_bytes).collect::<Vec<u8>>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    }

    /// τ^i.
    fn powers(&self, indices: Range<u64>) -> Vec<Fr> {
        successive(self.tau.pow([indices.start]), self.tau, &indices)
    }

    /// `L_i(τ) = ω^i (τ^n − 1) / (n (τ − ω^i))`, with n = 2^k.
    fn lagrange(&self, indices: Range<u64>) -> Vec<Fr> {
        let n = 1_u64 << self.logrows;
        let roots = successive(self.omega.pow([indices.start]), self.omega, &indices);
        let mut inverses: Vec<Fr> = roots.iter().map(|root| self.tau - root).collect();
        let factor = (self.tau.pow([n]) - Fr::ONE) / Fr::from(n);
        ark_ff::batch_inversion_and_mul(&mut inverses, &factor);
        roots
            .iter()
            .zip(inverses)
            .map(|(root, inverse)| inverse * root)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGROWS: u32 = 3;

    fn string(logrows: u32) -> TestString {
        TestString::new(Fr::from(0x5eed_u64), logrows)
    }

    fn bytes(string: &TestString, threads: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(string.write(&mut bytes, threads, || false).unwrap());
        bytes
    }

    #[test]
    fn powers_of_tau_stand_in_both_forms() {
        let string = string(LOGROWS);
        let g = G1Projective::generator();
        let all = || 0..1 << LOGROWS;
        let powers = string.multiples.batch_mul(&string.powers(all()));
        let mut power = g;
        for point in &powers {
            assert_eq!(*point, power.into_affine());
            power *= string.tau;
        }
        // A polynomial that is given by its values has the commitment that it has by its coefficients: X^3 is ω^(3i) at ω^i.
        let lagrange = string.multiples.batch_mul(&string.lagrange(all()));
        let values = successive(Fr::ONE, string.omega.pow([3]), &all());
        let committed: G1Projective = lagrange
            .iter()
            .zip(values)
            .map(|(point, value)| *point * value)
            .sum();
        assert_eq!(committed.into_affine(), powers[3]);
        assert_eq!(string.omega.pow([1 << LOGROWS]), Fr::ONE);
        assert_ne!(string.omega.pow([1 << (LOGROWS - 1)]), Fr::ONE);
    }

    #[test]
    fn a_string_is_the_same_from_any_number_of_threads() {
        let string = string(13);
        let one = bytes(&string, 1);
        assert_eq!(one.len(), 4 + (128 << 13) + 256);
        assert!(one == bytes(&string, 3));
        assert_eq!(one[4..68], super::super::GENERATOR);
    }

    #[test]
    fn work_stops_where_it_is_asked_to() {
        assert!(!string(LOGROWS).write(&mut Vec::new(), 1, || true).unwrap());
    }
}
