//! The scalar arithmetic of EZKL's witness: quantising, dividing, the non-linear functions, field elements.
//!
//! Goes in: one number, with scales as powers of two (a value is its integer divided by 2^scale).
//! Comes out: one integer. EZKL computes its claims in `f64`, so the same `f64` steps are taken here; each then
//! rounds to the nearest integer, halves away from zero.

/// The integer of `value` at `scale`, as EZKL's `quantize_float` has it: `round(value · 2^scale)`.
///
/// `None` for what is not a number or does not fit an `i128`.
pub(super) fn quantise(value: f32, scale: i32) -> Option<i128> {
    let multiplier = power_of_two(scale);
    let value = f64::from(value);
    #[allow(clippy::cast_precision_loss)] // 2^127, exact
    let limit = (i128::MAX as f64 / multiplier).round();
    (value.abs() <= limit).then(|| to_integer(multiplier * value))
}

/// The quotient that an honest prover claims for `value / divisor` (EZKL's `const_div`).
///
/// The division is done in `f64`: exact rounding while `|value| ≤ 2^53`, and beyond that whatever the rounded
/// operands give.
#[allow(clippy::cast_precision_loss)] // the loss is EZKL's, and is what must be reproduced
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

#[allow(clippy::cast_precision_loss)] // as in `divide`
fn unscaled(value: i128, one: f64) -> f64 {
    value as f64 / one
}

/// Rounds half away from zero, then saturates as Rust's cast does.
#[allow(clippy::cast_possible_truncation)]
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
    let (high, low) = word.split_at(16);
    let value = (
        u128::from_be_bytes(high.try_into().expect("half of 32 bytes")),
        u128::from_be_bytes(low.try_into().expect("half of 32 bytes")),
    );
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
