//! Test reference strings: the powers of a number τ that is drawn here and forgotten.
//!
//! Each point is the generator times a number that is known while the string is made: τ^i, and L_i(τ), the value at τ of the i-th
//! Lagrange polynomial over the 2^k-th roots of unity. So multiples of the generator from a table suffice, and no transform of points is
//! computed. EZKL's own `gen_srs` makes strings of the same form.

use std::io::{Read as _, Write};
use std::ops::Range;
use std::path::Path;

use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Projective};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::{AffineRepr as _, CurveGroup as _, PrimeGroup as _};
use ark_ff::{BigInt, Field as _, PrimeField as _};

use super::srs::GENERATOR_2;

/// k of the scalar field's largest subgroup of 2^k roots of unity.
const TWO_ADICITY: u32 = 28;

/// A primitive 2^28-th root of unity: the one that halo2curves names `ROOT_OF_UNITY` (`src/bn256/fr.rs`), 7^((r − 1) / 2^28). arkworks
/// takes another.
const ROOT_OF_UNITY: Fr = Fr::new(BigInt::new([
    0xd34f_1ed9_60c3_7c9c,
    0x3215_cf6d_d393_29c8,
    0x9886_5ea9_3dd3_1f74,
    0x03dd_b9f5_166d_18b7,
]));

/// 2^256 in the base field: halo2 writes coordinates in Montgomery form.
const MONTGOMERY: Fq = Fq::new(BigInt::new([
    0xd35d_438d_c58f_0d9d,
    0x0a78_eb28_f5c7_0b3d,
    0x666e_a36f_7879_462c,
    0x0e0a_77c1_9a07_df2f,
]));

/// Points that a thread makes between two looks at whether to stop.
const CHUNK: u64 = 1 << 12;

/// Writes a test string of 2^`logrows` points; `false` where `stop` ended the work, with the file cut short.
///
/// The number τ is read from the system's random numbers. Whoever knew it could forge proofs; it is not kept.
///
/// # Errors
/// Where random numbers cannot be read, or the file cannot be written.
pub(super) fn write_test_string(
    path: &Path,
    logrows: u32,
    threads: usize,
    stop: impl Fn() -> bool,
) -> std::io::Result<bool> {
    let mut random = [0_u8; 64];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let string = TestString::new(Fr::from_le_bytes_mod_order(&random), logrows);
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
        assert!(logrows <= TWO_ADICITY, "2^{logrows} points");
        let omega = (logrows..TWO_ADICITY).fold(ROOT_OF_UNITY, |root, _| root.square());
        // A larger table leaves the processor's caches.
        let expected = 1 << (logrows + 1).clamp(4, 18);
        Self {
            tau,
            logrows,
            omega,
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
        for coordinate in [scaled.x.c0, scaled.x.c1, scaled.y.c0, scaled.y.c1] {
            file.write_all(&raw(coordinate))?;
        }
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
                        points.into_iter().flat_map(bytes_of).collect::<Vec<u8>>()
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

/// first, first·ratio, first·ratio², …: one number for each index.
fn successive(first: Fr, ratio: Fr, indices: &Range<u64>) -> Vec<Fr> {
    let powers = std::iter::successors(Some(first), |power| Some(*power * ratio));
    powers.zip(indices.clone()).map(|(power, _)| power).collect()
}

/// A point of G1 as halo2 writes it; zeros at infinity.
fn bytes_of(point: G1Affine) -> [u8; 64] {
    let mut bytes = [0; 64];
    if let Some((x, y)) = point.xy() {
        bytes[..32].copy_from_slice(&raw(x));
        bytes[32..].copy_from_slice(&raw(y));
    }
    bytes
}

/// A coordinate: little-endian, in Montgomery form.
fn raw(coordinate: Fq) -> [u8; 32] {
    let mut bytes = [0; 32];
    let words = (coordinate * MONTGOMERY).into_bigint().0;
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    bytes
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

    /// EZKL's verifiers name their root of unity; this is that of one with 2^14 rows.
    #[test]
    fn roots_of_unity_are_halo2s() {
        let omega =
            alloy_primitives::uint!(0x2337acd19f40bf2b2aa212849e9a0c07d626d9ca335d73a09119dbe6eaab3cac_U256);
        assert_eq!(string(14).omega.into_bigint().0, omega.into_limbs());
    }

    #[test]
    fn a_string_is_the_same_from_any_number_of_threads() {
        let string = string(13);
        let one = bytes(&string, 1);
        assert_eq!(one.len(), 4 + (128 << 13) + 256);
        assert!(one == bytes(&string, 3));
        assert_eq!(one[4..68], super::super::srs::GENERATOR);
    }

    #[test]
    fn work_stops_where_it_is_asked_to() {
        assert!(!string(LOGROWS).write(&mut Vec::new(), 1, || true).unwrap());
    }
}
