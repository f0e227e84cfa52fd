//! Several outputs of a layer of weights under one power of the challenge.
//!
//! Where every output of a layer is bounded, what a claim lacks of it is less than a base B in magnitude. So Σ B^k · lackingₖ over a
//! group of outputs is 0 in the field only where each is 0, as long as it cannot wrap around the field's order. A group has one
//! power of ρ, and its weights one constant Σ B^k · wₖ in place of one for each output.

use evmbench_model::interval::Interval;
use evmbench_model::program::{Bounds, Form, Linear, LookUpTable, Program, Step};

use super::challenge::{Axis, Packing};

/// Bits of a number that is surely below the field's order.
const FIELD_BITS: u32 = 253;

/// How the outputs are packed that a step claims; none where they are not bounded, or it would save nothing.
pub(super) fn of(program: &Program, index: usize, bounds: &Bounds) -> Option<Packing> {
    let Step::Claimed { input, linear, form } = &program.steps[index] else {
        return None;
    };
    let (axis, outputs, row) = match linear {
        Linear::Convolution {
            bias,
            weight,
            groups: 1,
            ..
        } => (Axis::Channels, bias.len(), weight.len() / bias.len()),
        Linear::Dense { weight, bias, .. } => (Axis::Columns, bias.len(), weight.len() / bias.len()),
        Linear::Convolution { .. }
        | Linear::SumPool(_)
        | Linear::Affine { .. }
        | Linear::Same
        | Linear::Product { .. } => return None,
    };
    let exact = program.linear_bounds(linear, bounds.of(*input), |value| bounds.of(value));
    let lengths = program.table_lengths()[index + 1];
    let bits = lacking_bits(program, exact.ok()?, *form, lengths)?;
    let most = (FIELD_BITS / bits) as usize;
    // Groups of equal lengths, as few as there can be.
    let groups = outputs.div_ceil(most.max(1));
    let length = outputs.div_ceil(groups);
    let saved = (outputs - outputs.div_ceil(length)) * row;
    (saved > 3 * outputs).then_some(Packing { axis, length, bits })
}

/// The logarithm of a base that is more than twice what a claim can lack of its layer's result; none where the claim has no bound.
/// `lengths` are those of the table that what reads the claim holds it within.
fn lacking_bits(program: &Program, exact: Interval, form: Form, lengths: Option<u32>) -> Option<u32> {
    let bits = |magnitude: i128| i128::BITS - magnitude.leading_zeros();
    let (result, claim) = match form {
        Form::Exact => return None,
        Form::Digits { digits } => (bits(exact.magnitude()), digits * program.base_bits),
        Form::Rounded {
            multiplier,
            digits,
            guarded,
            ..
        } => {
            let divisor = digits * program.base_bits;
            let half = 1_i128.checked_shl(divisor.checked_sub(1)?)?;
            let scaled = exact.weighted(&[multiplier], half).ok()?;
            // The quotient is looked up by itself, or held by what reads it; below it are its digits.
            let quotient = if guarded {
                program.base_bits
            } else {
                LookUpTable::MOST_BITS + bits(lengths?.into())
            };
            (bits(scaled.magnitude()), divisor + quotient)
        }
    };
    // Both are below 2^most, their difference is below 2^(most + 1), and so twice that is below the base.
    Some(result.max(claim) + 2)
}
