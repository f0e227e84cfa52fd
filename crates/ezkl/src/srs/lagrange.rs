//! A string's points in Lagrange form from its powers: L_i(τ)·G is the i-th value of the inverse discrete Fourier transform of τ^j·G,
//! over halo2's roots of unity. Nobody has to know τ.

use std::iter::zip;

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup as _;
use ark_ff::Field as _;

use super::check::Work;
use super::curve::{root_of_unity, successive};

/// Points that are transformed between two looks at whether to stop, and the fewest that a thread is started for.
const PIECE: usize = 1 << 9;

/// The points in Lagrange form of 2^k powers, in halo2's order; none where the work was stopped.
///
/// # Panics
/// Where the number of powers is not 2^k.
pub(super) fn lagrange(powers: &[G1Affine], work: &Work<'_>) -> Option<Vec<G1Affine>> {
    assert!(powers.len().is_power_of_two(), "{} powers", powers.len());
    let logrows = powers.len().ilog2();
    let shift = usize::BITS - logrows;
    let mut values: Vec<G1Projective> = (0..powers.len())
        .map(|index| powers[index.reverse_bits().checked_shr(shift).unwrap_or(0)].into())
        .collect();
    transform(&mut values, root_of_unity(logrows).inverse()?, work.threads, work);
    let count_inverse = Fr::from(powers.len() as u64).inverse()?;
    let scaled = pieces(&mut values, work.threads, |piece| {
        if work.stopped() {
            return Vec::new();
        }
        for value in piece.iter_mut() {
            *value *= count_inverse;
        }
        G1Projective::normalize_batch(piece)
    });
    (!work.stopped()).then_some(scaled)
}

/// The transform of values in bit-reversed order, in place; `root` is a primitive root of unity of as many. Where the work is stopped
/// it is left in the middle.
fn transform(values: &mut [G1Projective], root: Fr, threads: usize, work: &Work<'_>) {
    if values.len() == 1 {
        return;
    }
    let (even, odd) = values.split_at_mut(values.len() / 2);
    let square = root.square();
    if threads > 1 && even.len() >= PIECE {
        std::thread::scope(|scope| {
            scope.spawn(|| transform(even, square, threads / 2, work));
            transform(odd, square, threads - threads / 2, work);
        });
    } else {
        transform(even, square, 1, work);
        transform(odd, square, 1, work);
    }
    let each = piece_length(even.len(), threads);
    let combine = |start: usize, even: &mut [G1Projective], odd: &mut [G1Projective]| {
        for (index, (even, odd)) in zip(even.chunks_mut(PIECE), odd.chunks_mut(PIECE)).enumerate() {
            if work.stopped() {
                return;
            }
            let first = (start + index * PIECE) as u64;
            let twiddles = successive(root.pow([first]), root, &(0..even.len() as u64));
            for ((even, odd), twiddle) in zip(zip(even, odd), twiddles) {
                let turned = if twiddle == Fr::ONE { *odd } else { *odd * twiddle };
                *odd = *even - turned;
                *even += turned;
            }
        }
    };
    if even.len() <= each {
        return combine(0, even, odd);
    }
    std::thread::scope(|scope| {
        for (index, (even, odd)) in zip(even.chunks_mut(each), odd.chunks_mut(each)).enumerate() {
            scope.spawn(move || combine(index * each, even, odd));
        }
    });
}

/// How many of so many values each thread takes.
fn piece_length(count: usize, threads: usize) -> usize {
    count.div_ceil(threads.max(1)).max(PIECE)
}

/// What a piece of work on some of the values yields, for all of them in order, a thread for each piece.
fn pieces<T: Send>(
    values: &mut [G1Projective],
    threads: usize,
    work: impl Fn(&mut [G1Projective]) -> Vec<T> + Sync,
) -> Vec<T> {
    let each = piece_length(values.len(), threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = values
            .chunks_mut(each)
            .map(|piece| scope.spawn(|| work(piece)))
            .collect();
        let done = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        done.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use ark_ec::PrimeGroup as _;

    use super::*;

    fn powers(logrows: u32) -> Vec<G1Affine> {
        let tau = Fr::from(0x5eed_u64);
        let all = successive(Fr::ONE, tau, &(0..1 << logrows));
        let points: Vec<G1Projective> = all
            .into_iter()
            .map(|power| G1Projective::generator() * power)
            .collect();
        G1Projective::normalize_batch(&points)
    }

    fn work(threads: usize, stop: bool) -> Work<'static> {
        let stop: &(dyn Fn() -> bool + Sync) = if stop { &|| true } else { &|| false };
        Work { threads, stop }
    }

    /// A polynomial that is given by its values has the commitment that it has by its coefficients: X^3 is ω^(3i) at ω^i.
    #[test]
    fn values_have_the_commitment_of_coefficients() {
        for logrows in [2, 5] {
            let powers = powers(logrows);
            let lagrange = lagrange(&powers, &work(1, false)).unwrap();
            let values = successive(Fr::ONE, root_of_unity(logrows).pow([3]), &(0..1 << logrows));
            let committed: G1Projective = zip(&lagrange, values).map(|(point, value)| *point * value).sum();
            assert_eq!(committed.into_affine(), powers[3], "2^{logrows}");
        }
        assert_eq!(lagrange(&powers(0), &work(1, false)).unwrap(), powers(0));
    }

    #[test]
    fn any_number_of_threads_yields_the_same() {
        let powers = powers(11);
        let one = lagrange(&powers, &work(1, false)).unwrap();
        assert!(one == lagrange(&powers, &work(3, false)).unwrap());
        assert_eq!(lagrange(&powers, &work(2, true)), None);
    }
}
