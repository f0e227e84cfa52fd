//! The scale of every value, and the divisions that keep scales down.
//!
//! Goes in: a [`Program`] without scales, and the settings. Comes out: the [`Lowered`] program, constants quantised.
//!
//! The rules are those of EZKL's graph builder (`Node::new`, `RebaseScale::rebase`, `homogenize_input_scales`):
//! products add scales; a convolution's bias is quantised at the scale of the sum; operands of a sum are raised to the
//! largest scale among them, a constant with one reader by quantising it anew, anything else by a power of two; and a
//! result above `rebase_scale · scale_rebase_multiplier` is divided back to it. A product with a single constant below
//! 1 whose reciprocal is a power of two costs nothing: only the scale rises, and it is not divided back.

use super::arithmetic::quantise;
use super::error::IntegerError;
use super::program::{Limits, Lowered, Operand, Operation, Program, Source};
use super::settings::Quantisation;

/// Rows that a lookup table leaves free: five blinding factors, and three more to be safe (`RESERVED_BLINDING_ROWS_PAD` in
/// `src/circuit/table.rs`).
pub const ROWS_BESIDE_TABLE: u64 = 8;

/// EZKL multiplies by `2^shift as u64`.
const FACTOR_BITS: i32 = 64;

/// The largest power of two that both an `i128` divisor and its `f32` in EZKL's graph hold exactly, halved for safety.
const DIVISOR_BITS: i32 = 126;

/// Gives `program` the scales that `quantisation` asks for.
pub(super) fn assign(mut program: Program, quantisation: &Quantisation) -> Result<Lowered, IntegerError> {
    for input in &mut program.inputs {
        input.scale = quantisation.input_scale;
    }
    for constant in &mut program.constants {
        let whole = constant.data.iter().all(|element| element.fract() == 0.0);
        constant.scale = if whole && quantisation.rebase_frac_zero_constants {
            0
        } else {
            quantisation.param_scale
        };
    }
    let largest = quantisation.input_scale.max(quantisation.param_scale);
    #[allow(clippy::cast_possible_wrap)] // EZKL's cast
    let multiplier = quantisation.scale_rebase_multiplier as i32;
    let ceiling = quantisation.rebase_scale.unwrap_or(largest) * multiplier;

    for number in 0..program.steps.len() {
        let scale = result_scale(&mut program, number, largest)?;
        let step = &mut program.steps[number];
        let excess = scale - ceiling;
        if excess > 0 && !matches!(step.operation, Operation::Halve { .. }) {
            if excess > DIVISOR_BITS {
                return Err(IntegerError::Divisor {
                    node: step.node.clone(),
                    exponent: excess,
                });
            }
            step.rescale = excess.unsigned_abs();
            step.scale = ceiling;
        } else {
            step.scale = scale;
        }
    }

    let integers = (program.constants.iter())
        .map(|constant| {
            let integer = |value: &f32| {
                quantise(*value, constant.scale).ok_or_else(|| IntegerError::NotRepresentable {
                    node: constant.node.clone(),
                    value: *value,
                    scale: constant.scale,
                })
            };
            constant.data.iter().map(integer).collect()
        })
        .collect::<Result<_, _>>()?;
    Ok(Lowered {
        program,
        integers,
        limits: limits(quantisation),
    })
}

fn limits(quantisation: &Quantisation) -> Limits {
    let base = i128::from(quantisation.decomp_base);
    Limits {
        digits: base
            .checked_pow(quantisation.decomp_legs)
            .map_or(i128::MAX, |count| count - 1),
        lookup: table_range(quantisation),
        epsilon: quantisation.epsilon,
        inputs_checked: quantisation.inputs_range_checked,
        outputs_checked: quantisation.outputs_range_checked,
    }
}

/// The values that lookup tables hold: from the low end of the range on, as many columns as the range needs, each
/// filled (EZKL's `table.rs`).
fn table_range(quantisation: &Quantisation) -> (i128, i128) {
    let (low, high) = quantisation.lookup_range;
    let rows = 1i128.checked_shl(quantisation.logrows).unwrap_or(i128::MAX);
    let column = (rows - i128::from(ROWS_BESIDE_TABLE)).max(1);
    let columns = high.abs_diff(low) / column.unsigned_abs() + 1;
    let end = (column.unsigned_abs().checked_mul(columns))
        .and_then(|length| low.checked_add_unsigned(length))
        .unwrap_or(i128::MAX);
    (low, end - 1)
}

/// The scale of a step's result before any division; settles its operands on the way.
fn result_scale(program: &mut Program, number: usize, largest: i32) -> Result<i32, IntegerError> {
    let operands = program.steps[number].operands.clone();
    let scale_of = |program: &Program, index: usize| {
        let operand: &Operand = &operands[index];
        program.source_scale(operand.source)
    };
    let first = scale_of(program, 0);
    Ok(match program.steps[number].operation {
        Operation::Convolve { .. } => {
            let scale = first + scale_of(program, 1);
            if let Some(bias) = operands.get(2) {
                set_constant_scale(program, bias.source, scale);
            }
            scale
        }
        Operation::MatrixProduct => first + scale_of(program, 1),
        Operation::Add | Operation::Subtract => raise_to_common_scale(program, number)?,
        Operation::Multiply => match halving(program, operands[1].source) {
            Some(exponent) => {
                if let Source::Constant(constant) = operands[1].source {
                    program.constants[constant].readers -= 1;
                }
                let step = &mut program.steps[number];
                step.operation = Operation::Halve { exponent };
                step.operands.truncate(1);
                first + exponent
            }
            None => first + scale_of(program, 1),
        },
        Operation::Square | Operation::MeanOfSquares { .. } => 2 * first,
        Operation::ReciprocalRoot { .. } => {
            let output_scale = largest.max(first);
            program.steps[number].operation = Operation::ReciprocalRoot { output_scale };
            output_scale
        }
        Operation::Sum { .. }
        | Operation::Relu
        | Operation::Sigmoid
        | Operation::Tanh
        | Operation::MaxPool(_)
        | Operation::MeanPool(_)
        | Operation::Halve { .. }
        | Operation::Reshape => first,
    })
}

fn set_constant_scale(program: &mut Program, source: Source, scale: i32) {
    if let Source::Constant(constant) = source {
        program.constants[constant].scale = scale;
    }
}

/// Brings the operands of a sum to one scale, which is returned.
fn raise_to_common_scale(program: &mut Program, number: usize) -> Result<i32, IntegerError> {
    let sources: Vec<_> = (program.steps[number].operands.iter())
        .map(|operand| operand.source)
        .collect();
    let common = |program: &Program| {
        let scales = sources.iter().map(|source| program.source_scale(*source));
        scales.max().expect("a sum has operands")
    };
    let target = common(program);
    for source in &sources {
        if let Source::Constant(constant) = source {
            let constant = &mut program.constants[*constant];
            if constant.readers == 1 {
                constant.scale = target;
            }
        }
    }
    for (index, source) in sources.iter().enumerate() {
        let shift = target - program.source_scale(*source);
        let step = &mut program.steps[number];
        if shift >= FACTOR_BITS {
            return Err(IntegerError::LostOperand {
                node: step.node.clone(),
                shift,
            });
        }
        step.operands[index].shift = shift.unsigned_abs();
    }
    Ok(target)
}

/// The exponent of a constant that is 2^-exponent, where EZKL replaces the product by a change of scale. It asks in
/// `f32` whether the logarithm of the reciprocal is whole.
fn halving(program: &Program, source: Source) -> Option<i32> {
    let Source::Constant(constant) = source else {
        return None;
    };
    let [factor] = program.constants[constant].data[..] else {
        return None;
    };
    let logarithm = (1.0 / factor).log2();
    (factor < 1.0 && logarithm.fract() == 0.0).then_some(logarithm as i32)
}
