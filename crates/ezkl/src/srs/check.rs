//! Whether a file's points are what a string's must be: the powers τ^i·G of one number τ, the same number as in s·G2, and the same powers
//! in Lagrange form. Nobody has to know τ.
//!
//! For a random ρ, each relation is true of all points, or of the sum over i with weights ρ^i but for a chance below 2^28 / r, less than
//! 2^-225:
//!
//! - e(τ^(i+1)·G, G2) = e(τ^i·G, s·G2), one pairing equation for all i;
//! - Σ ρ^i·L_i = Σ c_j·τ^j·G: the polynomial with the values ρ^i has the coefficients c_j = (ρ^n − 1) / (n·(ρ·ω^-j − 1)).

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing as _;
use ark_ec::{AffineRepr as _, VariableBaseMSM as _};
use ark_ff::{AdditiveGroup as _, Field as _, PrimeField as _, Zero as _};
use evmbench_host::parallel;
use evmbench_schema::keys::Checked;

use super::curve::{G1_BYTES, random_scalar, read_g1, root_of_unity, successive};
use super::{SrsError, io};

/// Strings of up to 2^this points are checked point by point.
pub const LARGEST_FULLY_CHECKED_LOGROWS: u32 = 22;

/// Points of one sum.
const CHUNK: u64 = 1 << 14;

/// Places of a larger string that are looked at, its beginning apart, each with [`CHUNK`] points.
const SAMPLED_PLACES: u64 = 31;

/// How work on many points is done.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// On how many threads.
    pub threads: usize,
    /// Whether to leave it in the middle.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl Work<'_> {
    pub(super) fn stopped(&self) -> bool {
        (self.stop)()
    }

    fn go_on(&self) -> Result<(), SrsError> {
        if self.stopped() {
            Err(SrsError::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Points of G1 in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points<'a> {
    pub(super) path: &'a Path,
    pub(super) file: &'a File,
    /// Where the first one begins, in bytes.
    pub(super) offset: u64,
    pub(super) count: u64,
    /// What they are, in a message.
    pub(super) name: &'static str,
}

impl Points<'_> {
    /// Some of the points.
    ///
    /// # Errors
    /// [`SrsError::Points`] where one is not of the curve.
    pub(super) fn read(&self, range: &Range<u64>) -> Result<Vec<G1Affine>, SrsError> {
        let mut bytes = vec![0; ((range.end - range.start) * G1_BYTES) as usize];
        self.file
            .read_exact_at(&mut bytes, self.offset + range.start * G1_BYTES)
            .map_err(io(self.path))?;
        let points = bytes.chunks_exact(G1_BYTES as usize).zip(range.clone());
        points
            .map(|(bytes, index)| {
                read_g1(bytes)
                    .ok_or_else(|| self.wrong(format!("{} {index} is no point of the curve", self.name)))
            })
            .collect()
    }

    /// All of the points, read by many threads.
    ///
    /// # Errors
    /// [`Self::read`]'s.
    pub(super) fn read_all(&self, work: &Work<'_>) -> Result<Vec<G1Affine>, SrsError> {
        let ranges: Vec<_> = ranges(self.count).collect();
        let read = parallel::map(work.threads, ranges.len(), || {
            |index: usize| {
                work.go_on()?;
                self.read(&ranges[index])
            }
        })?;
        Ok(read.concat())
    }

    fn wrong(&self, reason: String) -> SrsError {
        SrsError::Points {
            path: self.path.to_owned(),
            reason,
        }
    }
}

/// 0..count in pieces of [`CHUNK`].
fn ranges(count: u64) -> impl Iterator<Item = Range<u64>> {
    (0..count)
        .step_by(CHUNK as usize)
        .map(move |start| start..(start + CHUNK).min(count))
}

/// Checks the powers of a string of 2^`logrows` points or more: the first is the generator, and each other is τ times the one before, with
/// the τ of `s_g2`; of a string above 2^22, the sampled ones.
///
/// # Errors
/// [`SrsError::Points`], [`SrsError::Io`] or [`SrsError::Interrupted`].
pub(super) fn check_powers(
    powers: &Points<'_>,
    s_g2: G2Affine,
    logrows: u32,
    work: &Work<'_>,
) -> Result<Checked, SrsError> {
    if powers.read(&(0..1))?.first() != Some(&G1Affine::generator()) {
        return Err(powers.wrong(format!("{} 0 is not the generator of G1", powers.name)));
    }
    let random = random_scalar().map_err(io(powers.path))?;
    let (checked, ranges) = if logrows <= LARGEST_FULLY_CHECKED_LOGROWS {
        (Checked::EveryPoint, ranges(powers.count - 1).collect())
    } else {
        (
            Checked::Sample,
            sample(powers.count - 1).map_err(io(powers.path))?,
        )
    };
    let sums = parallel::map(work.threads, ranges.len(), || {
        |index: usize| {
            work.go_on()?;
            // One point more than the range: relations are between neighbours.
            let Range { start, end } = ranges[index];
            let points = powers.read(&(start..end + 1))?;
            let weights = successive(random.pow([start]), random, &(start..end + 1));
            let sum = G1Projective::msm_unchecked(&points, &weights);
            let [first, last] = [0, points.len() - 1].map(|at| points[at] * weights[at]);
            Ok([sum - first, (sum - last) * random])
        }
    })?;
    let [after, before] = sums
        .into_iter()
        .fold([G1Projective::ZERO; 2], |[a, b], [c, d]| [a + c, b + d]);
    if Bn254::multi_pairing([after, -before], [G2Affine::generator(), s_g2]).is_zero() {
        Ok(checked)
    } else {
        Err(powers.wrong(format!(
            "its {} are not the powers of the number in s·G2",
            powers.name
        )))
    }
}

/// The beginning of so many relations, and stretches at places that nobody can foresee.
fn sample(count: u64) -> std::io::Result<Vec<Range<u64>>> {
    let mut starts = vec![0];
    for _ in 0..SAMPLED_PLACES {
        starts.push(random_scalar()?.into_bigint().0[0] % (count - CHUNK));
    }
    Ok(starts.into_iter().map(|start| start..start + CHUNK).collect())
}

/// Checks that points are the same powers in Lagrange form, as many.
///
/// # Errors
/// As [`check_powers`].
pub(super) fn check_lagrange(
    powers: &Points<'_>,
    lagrange: &Points<'_>,
    logrows: u32,
    work: &Work<'_>,
) -> Result<(), SrsError> {
    let count = 1_u64 << logrows;
    let random = random_scalar().map_err(io(powers.path))?;
    let root = root_of_unity(logrows).inverse().unwrap_or(Fr::ONE);
    let factor = (random.pow([count]) - Fr::ONE) / Fr::from(count);
    let ranges: Vec<_> = ranges(count).collect();
    let sums = parallel::map(work.threads, ranges.len(), || {
        |index: usize| {
            work.go_on()?;
            let range = &ranges[index];
            let values = successive(random.pow([range.start]), random, range);
            let mut coefficients = successive(random * root.pow([range.start]), root, range);
            for coefficient in &mut coefficients {
                *coefficient -= Fr::ONE;
            }
            ark_ff::batch_inversion_and_mul(&mut coefficients, &factor);
            Ok(G1Projective::msm_unchecked(&lagrange.read(range)?, &values)
                - G1Projective::msm_unchecked(&powers.read(range)?, &coefficients))
        }
    })?;
    if sums.into_iter().sum::<G1Projective>().is_zero() {
        Ok(())
    } else {
        Err(lagrange.wrong(format!("its {} are not those of its powers", lagrange.name)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use ark_bn254::G2Projective;
    use ark_ec::{CurveGroup as _, PrimeGroup as _};

    use super::super::curve::g1_bytes;
    use super::*;

    const WORK: Work<'static> = Work {
        threads: 2,
        stop: &|| false,
    };

    /// A file with these multiples of the generator.
    fn written(numbers: &[Fr]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for number in numbers {
            let point = (G1Projective::generator() * number).into_affine();
            file.write_all(&g1_bytes(point)).unwrap();
        }
        file
    }

    fn points(file: &tempfile::NamedTempFile) -> Points<'_> {
        Points {
            path: file.path(),
            file: file.as_file(),
            offset: 0,
            count: file.as_file().metadata().unwrap().len() / G1_BYTES,
            name: "power",
        }
    }

    fn tau() -> Fr {
        Fr::from(0x5eed_u64)
    }

    fn powers_of(count: u64) -> Vec<Fr> {
        successive(Fr::ONE, tau(), &(0..count))
    }

    fn s_g2(number: Fr) -> G2Affine {
        (G2Projective::generator() * number).into_affine()
    }

    #[test]
    fn powers_of_one_number_pass_and_others_do_not() {
        let right = powers_of(70);
        let check = |numbers: &[Fr], s: Fr| check_powers(&points(&written(numbers)), s_g2(s), 6, &WORK);
        assert_eq!(check(&right, tau()).unwrap(), Checked::EveryPoint);
        assert!(matches!(
            check(&right, tau() + Fr::ONE),
            Err(SrsError::Points { .. })
        ));
        for at in [0, 1, 2, 35, 69] {
            let mut wrong = right.clone();
            wrong[at] += Fr::ONE;
            assert!(
                matches!(check(&wrong, tau()), Err(SrsError::Points { .. })),
                "{at}"
            );
        }
        let mut exchanged = right.clone();
        exchanged.swap(5, 6);
        assert!(check(&exchanged, tau()).is_err());
        // Each is τ times the one before, and the first is no generator.
        assert!(check(&right[1..], tau()).is_err());
        let interrupted = Work {
            threads: 1,
            stop: &|| true,
        };
        let file = written(&right);
        let stopped = check_powers(&points(&file), s_g2(tau()), 6, &interrupted);
        assert!(matches!(stopped, Err(SrsError::Interrupted)));
    }

    #[test]
    fn points_in_lagrange_form_are_those_of_the_powers() {
        let (logrows, count) = (5, 32);
        let root = root_of_unity(logrows);
        let factor = (tau().pow([count]) - Fr::ONE) / Fr::from(count);
        // L_i(τ) = ω^i (τ^n − 1) / (n (τ − ω^i)).
        let mut right: Vec<Fr> = successive(Fr::ONE, root, &(0..count))
            .into_iter()
            .map(|power| power * factor / (tau() - power))
            .collect();
        let powers = written(&powers_of(count));
        let check =
            |numbers: &[Fr]| check_lagrange(&points(&powers), &points(&written(numbers)), logrows, &WORK);
        check(&right).unwrap();
        right.swap(3, 4);
        assert!(matches!(check(&right), Err(SrsError::Points { .. })));
        right.swap(3, 4);
        right[31] += Fr::ONE;
        assert!(matches!(check(&right), Err(SrsError::Points { .. })));
    }

    /// What stands between the sampled places is not seen, and the result says that it is a sample.
    #[test]
    fn of_a_large_string_a_sample_is_checked() {
        let count = 3 * CHUNK;
        let ranges = sample(count).unwrap();
        assert_eq!(ranges.len() as u64, SAMPLED_PLACES + 1);
        assert_eq!(ranges[0], 0..CHUNK);
        assert!(ranges.iter().all(|range| range.end <= count));
    }
}
