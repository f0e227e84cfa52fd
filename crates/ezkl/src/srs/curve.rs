//! BN254 as halo2 and snarkjs write it: a coordinate is 32 bytes, little-endian, in Montgomery form; a point is its affine coordinates.

use std::io::Read as _;
use std::ops::Range;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::{AdditiveGroup as _, BigInt, Field as _, PrimeField as _};

/// Bytes of a point of G1.
pub(super) const G1_BYTES: u64 = 64;

/// Bytes of a point of G2.
pub(super) const G2_BYTES: u64 = 128;

/// k of the scalar field's largest subgroup of 2^k roots of unity.
pub(super) const TWO_ADICITY: u32 = 28;

/// A primitive 2^28-th root of unity: the one that halo2curves names `ROOT_OF_UNITY` (`src/bn256/fr.rs`), 7^((r − 1) / 2^28). arkworks
/// takes another.
const ROOT_OF_UNITY: Fr = Fr::new(BigInt::new([
    0xd34f_1ed9_60c3_7c9c,
    0x3215_cf6d_d393_29c8,
    0x9886_5ea9_3dd3_1f74,
    0x03dd_b9f5_166d_18b7,
]));

/// 2^256 in the base field: what takes a number into Montgomery form.
const MONTGOMERY: Fq = Fq::new(BigInt::new([
    0xd35d_438d_c58f_0d9d,
    0x0a78_eb28_f5c7_0b3d,
    0x666e_a36f_7879_462c,
    0x0e0a_77c1_9a07_df2f,
]));

/// A primitive 2^`logrows`-th root of unity.
///
/// # Panics
/// Where there is none: for more than 2^28.
pub(super) fn root_of_unity(logrows: u32) -> Fr {
    assert!(logrows <= TWO_ADICITY, "2^{logrows} points");
    (logrows..TWO_ADICITY).fold(ROOT_OF_UNITY, |root, _| root.square())
}

/// first, first·ratio, first·ratio², …: one number for each index.
pub(super) fn successive(first: Fr, ratio: Fr, indices: &Range<u64>) -> Vec<Fr> {
    let powers = std::iter::successors(Some(first), |power| Some(*power * ratio));
    powers.zip(indices.clone()).map(|(power, _)| power).collect()
}

/// A number that nobody knows, from the system's random numbers.
///
/// # Errors
/// They cannot be read.
pub(super) fn random_scalar() -> std::io::Result<Fr> {
    let mut random = [0_u8; 64];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(Fr::from_le_bytes_mod_order(&random))
}

/// A point of G1; zeros at infinity.
pub(super) fn g1_bytes(point: G1Affine) -> [u8; G1_BYTES as usize] {
    let mut bytes = [0; G1_BYTES as usize];
    if let Some((x, y)) = point.xy() {
        write_coordinates(&mut bytes, &[x, y]);
    }
    bytes
}

/// A point of G2, real parts first; zeros at infinity.
pub(super) fn g2_bytes(point: G2Affine) -> [u8; G2_BYTES as usize] {
    let mut bytes = [0; G2_BYTES as usize];
    if let Some((x, y)) = point.xy() {
        write_coordinates(&mut bytes, &[x.c0, x.c1, y.c0, y.c1]);
    }
    bytes
}

fn write_coordinates(bytes: &mut [u8], coordinates: &[Fq]) {
    let words = coordinates
        .iter()
        .flat_map(|&coordinate| (coordinate * MONTGOMERY).into_bigint().0);
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
}

/// The point of G1 that these bytes are; none where they are infinity's, no point of the curve, or coordinates that are not below
/// the modulus. Every point of the curve is in G1.
pub(super) fn read_g1(bytes: &[u8]) -> Option<G1Affine> {
    let [x, y] = read_coordinates(bytes)?;
    let point = G1Affine::new_unchecked(x, y);
    (!point.is_zero() && point.is_on_curve()).then_some(point)
}

/// The same of G2, of which not every point of its curve is one.
pub(super) fn read_g2(bytes: &[u8]) -> Option<G2Affine> {
    let [x0, x1, y0, y1] = read_coordinates(bytes)?;
    let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
    let is_member =
        !point.is_zero() && point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    is_member.then_some(point)
}

fn read_coordinates<const N: usize>(bytes: &[u8]) -> Option<[Fq; N]> {
    let (words, rest) = bytes.as_chunks::<8>();
    if words.len() != 4 * N || !rest.is_empty() {
        return None;
    }
    let mut coordinates = [Fq::ZERO; N];
    for (coordinate, words) in coordinates.iter_mut().zip(words.as_chunks::<4>().0) {
        let number = BigInt::new(words.map(u64::from_le_bytes));
        if number >= Fq::MODULUS {
            return None;
        }
        *coordinate = Fq::new_unchecked(number);
    }
    Some(coordinates)
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Projective, G2Projective};
    use ark_ec::{CurveGroup as _, PrimeGroup as _};

    use super::super::{GENERATOR, GENERATOR_2};
    use super::*;

    #[test]
    fn points_are_read_as_they_are_written() {
        assert_eq!(read_g1(&GENERATOR), Some(G1Affine::generator()));
        assert_eq!(read_g2(&GENERATOR_2), Some(G2Affine::generator()));
        let number = Fr::from(0x5eed_u64);
        let g1 = (G1Projective::generator() * number).into_affine();
        let g2 = (G2Projective::generator() * number).into_affine();
        assert_eq!(read_g1(&g1_bytes(g1)), Some(g1));
        assert_eq!(read_g2(&g2_bytes(g2)), Some(g2));
    }

    #[test]
    fn what_is_no_point_is_refused() {
        assert_eq!(read_g1(&g1_bytes(G1Affine::zero())), None);
        assert_eq!(read_g1(&GENERATOR[..63]), None);
        // Off the curve; and the generator under another name: x = 1 and the modulus.
        let mut moved = GENERATOR;
        moved[40] ^= 1;
        assert_eq!(read_g1(&moved), None);
        let mut larger = GENERATOR;
        let x = BigInt::<4>::new(
            [0, 1, 2, 3]
                .map(|word| u64::from_le_bytes(GENERATOR[8 * word..8 * (word + 1)].try_into().unwrap())),
        );
        let mut sum = x;
        ark_ff::BigInteger::add_with_carry(&mut sum, &Fq::MODULUS);
        for (bytes, word) in larger.chunks_exact_mut(8).zip(sum.0) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        assert_eq!(read_g1(&larger), None);
    }

    /// A point of the curve over the larger field that is not of G2's order.
    #[test]
    fn a_point_outside_of_g2_is_refused() {
        let outside = (0_u64..100)
            .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), true))
            .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert!(outside.is_on_curve());
        assert_eq!(read_g2(&g2_bytes(outside)), None);
    }

    /// EZKL's verifiers name their root of unity; this is that of one with 2^14 rows.
    #[test]
    fn roots_of_unity_are_halo2s() {
        let omega =
            alloy_primitives::uint!(0x2337acd19f40bf2b2aa212849e9a0c07d626d9ca335d73a09119dbe6eaab3cac_U256);
        assert_eq!(root_of_unity(14).into_bigint().0, omega.into_limbs());
    }
}
