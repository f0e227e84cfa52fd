//! The scalar arithmetic of EZKL's witness: quantising, dividing, the non-linear functions, field elements.
//!
//! Goes in: one number, with scales as powers of two (a value is its integer divided by 2^scale).
//! Comes out: one integer. EZKL computes its claims in `f64`, so the same `f64` steps are taken here; each then
//! rounds to the nearest integer, halves away from zero.

/// The integer of `value` at `scale`, as EZKL's `quantize_float` has it: `round(value · 2^scale)`.
///
/// `None` for what is not a number or does not fit an `i128`.
pub fn quantise(value: f32, scale: i32) -> Option<i128> {
    let multiplier = power_of_two(scale);
    let value = f64::from(value);
    let limit = (i128::MAX as f64 / multiplier).round();
    (value.abs() <= limit).then(|| to_integer(multiplier * value))
}

/// The quotient that an honest prover claims for `value / divisor` (EZKL's `const_div`).
///
/// The division is done in `f64`: exact rounding while `|value| ≤ 2^53`, and beyond that whatever the rounded
/// operands give.
pub(super) fn divide(value: i128, divisor: i128) -> i128 {
    to_integer(value as f64 / divisor as f64)
}

/// `2^scale / (1 + exp(-value / 2^scale))`, EZKL's `sigmoid`.
pub(super) fn sigmoid(value: i128, scale: i32) -> i128 {
    let one = power_of_two(scale);
    to_integer(one / (1.0 + (-unscaled(value, one)).exp()))
}

/// `2^scale · tanh(value / 2^scale)`, EZKL's `tanh`.
pub(super) fn tanh(value: i128, scale: i32) -> i128 {
    let one = power_of_two(scale);
    to_integer(one * unscaled(value, one).tanh())
}

/// `2^scale · sqrt(value / 2^scale)`, EZKL's `sqrt`; 0 for a negative value.
pub(super) fn square_root(value: i128, scale: i32) -> i128 {
    let one = power_of_two(scale);
    to_integer(one * unscaled(value, one).sqrt())
}

/// `2^output_scale / (value / 2^input_scale)`, EZKL's `recip`, for a value other than 0.
pub(super) fn reciprocal(value: i128, input_scale: i32, output_scale: i32) -> i128 {
    let quotient = 1.0 / unscaled(value, power_of_two(input_scale));
    to_integer(power_of_two(output_scale) * quotient)
}

/// EZKL's reciprocal of 0: `2^output_scale / epsilon`.
pub(super) fn reciprocal_of_zero(output_scale: i32, epsilon: f64) -> i128 {
    to_integer(power_of_two(output_scale) * (1.0 / epsilon))
}

fn power_of_two(scale: i32) -> f64 {
    2f64.powi(scale)
}

fn unscaled(value: i128, one: f64) -> f64 {
    value as f64 / one
}

/// Rounds half away from zero, then saturates as Rust's cast does.
fn to_integer(value: f64) -> i128 {
    value.round() as i128
}

/// The order of the scalar field of BN254, high and low 128 bits (EIP-196 names it as the group order).
const FIELD_ORDER: (u128, u128) = (
    0x3064_4e72_e131_a029_b850_45b6_8181_585d,
    0x2833_e848_79b9_7091_43e1_f593_f000_0001,
);

/// The signed integer that a field element stands for in EZKL's instances: elements above half the order are negative.
///
/// `word` is big-endian, as in calldata. `None` if it is not canonical (at least the order), or not an `i128`.
#[must_use]
pub fn integer_from_word(word: [u8; 32]) -> Option<i128> {
    let half = |first: usize| u128::from_be_bytes(std::array::from_fn(|i| word[first + i]));
    let value = (half(0), half(16));
    if value >= FIELD_ORDER {
        return None;
    }
    if value.0 == 0 {
        return i128::try_from(value.1).ok();
    }
    let (low, borrow) = FIELD_ORDER.1.overflowing_sub(value.1);
    let high = FIELD_ORDER.0 - value.0 - u128::from(borrow);
    (high == 0).then(|| 0i128.checked_sub_unsigned(low)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The quotient by integers alone: nearest, halves away from zero.
    fn exact_quotient(value: i128, divisor: i128) -> i128 {
        let magnitude = (2 * value.abs() + divisor) / (2 * divisor);
        magnitude * value.signum()
    }

    /// The order minus a magnitude, as calldata has a negative integer.
    fn negative_word(magnitude: u128) -> [u8; 32] {
        let (low, borrow) = FIELD_ORDER.1.overflowing_sub(magnitude);
        word(FIELD_ORDER.0 - u128::from(borrow), low)
    }

    fn word(high: u128, low: u128) -> [u8; 32] {
        let mut word = [0; 32];
        word[..16].copy_from_slice(&high.to_be_bytes());
        word[16..].copy_from_slice(&low.to_be_bytes());
        word
    }

    #[test]
    fn halves_round_away_from_zero() {
        let halves = [0.5f32, 1.5, 2.5, -0.5, -1.5, -2.5];
        assert_eq!(halves.map(|x| quantise(x, 0)), [1, 2, 3, -1, -2, -3].map(Some));
        assert_eq!(
            halves.map(|x| quantise(x / 128.0, 7)),
            [1, 2, 3, -1, -2, -3].map(Some)
        );
        assert_eq!([2, 6, -2, -6, 1, -1].map(|x| divide(x, 4)), [1, 2, -1, -2, 0, 0]);
    }

    #[test]
    fn only_numbers_that_fit_are_quantised() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(quantise(value, 0), None);
        }
        assert_eq!(quantise(3.0, 127), None);
        assert_eq!(quantise(1.5, 120), Some(3 << 119));
    }

    #[test]
    fn beyond_53_bits_the_quotient_is_that_of_the_rounded_value() {
        let value = (1 << 60) + 1;
        assert_eq!(divide(value, 3), 384_307_168_202_282_304);
        assert_eq!(exact_quotient(value, 3), 384_307_168_202_282_326);
    }

    #[test]
    fn functions_of_zero() {
        assert_eq!(sigmoid(0, 7), 64);
        assert_eq!(tanh(0, 7), 0);
        assert_eq!(square_root(0, 7), 0);
        assert_eq!(reciprocal_of_zero(7, f64::EPSILON), 1 << 59);
    }

    #[test]
    fn words_at_the_limits() {
        assert_eq!(integer_from_word(word(0, 0)), Some(0));
        assert_eq!(integer_from_word(negative_word(1)), Some(-1));
        assert_eq!(integer_from_word(word(FIELD_ORDER.0, FIELD_ORDER.1)), None);
        assert_eq!(integer_from_word(word(0, i128::MAX as u128)), Some(i128::MAX));
        assert_eq!(integer_from_word(word(0, 1 << 127)), None);
        assert_eq!(integer_from_word(negative_word(1 << 127)), Some(i128::MIN));
        assert_eq!(integer_from_word(negative_word((1 << 127) + 1)), None);
        assert_eq!(integer_from_word(word(1, 0)), None);
    }

    proptest! {
        #[test]
        fn quantising_is_to_the_nearest(value in -1.0e6f32..1.0e6, scale in 0..20) {
            // 24 bits times a power of two: exact in f64, and so is the difference.
            let scaled = f64::from(value) * power_of_two(scale);
            let error = (quantise(value, scale).unwrap() as f64 - scaled).abs();
            prop_assert!(error <= 0.5);
        }

        #[test]
        fn division_is_exact_below_53_bits(value in -(1i128 << 53)..1 << 53, divisor in 1i128..1 << 40) {
            // The f64 quotient may reach a half that the true one misses by less than a unit in 2^53.
            if (value.abs() / divisor) < 1 << 11 {
                prop_assert_eq!(divide(value, divisor), exact_quotient(value, divisor));
            }
        }

        #[test]
        fn division_by_powers_of_two_is_exact(value in -(1i128 << 53)..1 << 53, exponent in 1u32..60) {
            prop_assert_eq!(divide(value, 1 << exponent), exact_quotient(value, 1 << exponent));
        }

        #[test]
        fn roots_and_reciprocals_are_the_nearest(value in 1i128..1 << 40, scale in 0..20) {
            let nearest = |claim: i128, error: &dyn Fn(i128) -> i128| {
                error(claim).abs() <= error(claim + 1).abs() && error(claim).abs() <= error(claim - 1).abs()
            };
            let root = square_root(value, scale);
            prop_assert!(nearest(root, &|root| root * root - (value << scale)));
            let inverse = reciprocal(value, scale, scale);
            prop_assert!(nearest(inverse, &|inverse| inverse * value - (1 << (2 * scale))));
        }

        #[test]
        fn activations_are_symmetric(value in -(1i128 << 20)..1 << 20, scale in 1..16) {
            prop_assert_eq!(tanh(-value, scale), -tanh(value, scale));
            let sum = sigmoid(value, scale) + sigmoid(-value, scale);
            prop_assert!((sum - (1 << scale)).abs() <= 1);
        }

        #[test]
        fn words_hold_signed_integers(value: i128) {
            let encoded = if value < 0 { negative_word(value.unsigned_abs()) } else { word(0, value as u128) };
            prop_assert_eq!(integer_from_word(encoded), Some(value));
        }
    }
}
