//! The curve BN254 as a proof writes its points: two words, x and y, each below the base field's modulus.
//!
//! y² = x³ + 3 over the field of order [`BASE_MODULUS`]. Every point of the curve is a multiple of the generator (1, 2), so
//! that being on the curve is all that a commitment has to be.

use alloy_primitives::{U256, uint};

use evmbench_ezkl::{BASE_MODULUS, Point};

/// A third root of 1 in the base field: (x, y) on the curve makes (βx, y) another point of it.
const BETA: U256 = uint!(2203960485148121921418603742825762020974279258880205651966_U256);

/// What stands for the point at infinity in the EVM's precompiles (EIP-196); no coordinates on the curve.
pub const INFINITY: Point = [U256::ZERO, U256::ZERO];

/// The generator of the group.
pub const GENERATOR: Point = [U256::ONE, uint!(2_U256)];

/// Whether both coordinates are field elements and satisfy the curve's equation.
pub fn is_on_curve([x, y]: Point) -> bool {
    x < BASE_MODULUS && y < BASE_MODULUS && y.mul_mod(y, BASE_MODULUS) == right_side(x)
}

/// The point whose sum with this one is infinity.
pub fn negated([x, y]: Point) -> Point {
    let y = y.reduce_mod(BASE_MODULUS);
    [x, if y.is_zero() { y } else { BASE_MODULUS - y }]
}

/// The image under the curve's endomorphism: another point with the same y.
pub fn endomorphic([x, y]: Point) -> Point {
    [x.mul_mod(BETA, BASE_MODULUS), y]
}

/// The first point whose x is `start` or comes after it, with the smaller y of its two.
pub fn point_from(start: U256) -> Point {
    // (q + 1) / 4: q is 3 modulo 4, so that this power of a square is its root.
    let root = (BASE_MODULUS + U256::ONE) >> 2;
    let mut x = start.reduce_mod(BASE_MODULUS);
    loop {
        let y = right_side(x).pow_mod(root, BASE_MODULUS);
        if is_on_curve([x, y]) {
            return [x, y.min(BASE_MODULUS - y)];
        }
        x = x.add_mod(U256::ONE, BASE_MODULUS);
    }
}

/// x³ + 3.
fn right_side(x: U256) -> U256 {
    let cube = x.mul_mod(x, BASE_MODULUS).mul_mod(x, BASE_MODULUS);
    cube.add_mod(U256::from(3), BASE_MODULUS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn constants_are_what_they_are_called() {
        // The modulus as EIP-197 writes it.
        let hexadecimal = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
        assert_eq!(BASE_MODULUS, U256::from_str_radix(hexadecimal, 16).unwrap());
        assert_ne!(BETA, U256::ONE);
        assert_eq!(BETA.pow_mod(U256::from(3), BASE_MODULUS), U256::ONE);
        assert!(is_on_curve(GENERATOR));
        assert!(!is_on_curve(INFINITY));
    }

    #[test]
    fn a_point_is_on_the_curve_only_with_reduced_coordinates() {
        let [x, y] = GENERATOR;
        assert!(!is_on_curve([x + BASE_MODULUS, y]));
        assert!(!is_on_curve([x, y + BASE_MODULUS]));
        assert!(!is_on_curve([y, x]));
    }

    proptest! {
        #[test]
        fn points_made_here_are_on_the_curve(limbs: [u64; 4]) {
            let point = point_from(U256::from_limbs(limbs));
            for other in [point, negated(point), endomorphic(point)] {
                prop_assert!(is_on_curve(other));
            }
            prop_assert_ne!(negated(point), point);
            prop_assert_eq!(negated(negated(point)), point);
            prop_assert_ne!(endomorphic(point), point);
            prop_assert_eq!(endomorphic(endomorphic(endomorphic(point))), point);
        }
    }
}
