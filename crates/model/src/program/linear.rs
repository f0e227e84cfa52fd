//! What linear layers make of bounds.

#![deny(
    clippy::wildcard_enum_match_arm,
    reason = "a new layer must be thought of everywhere that soundness is decided"
)]

use super::{Linear, Program, Step, ValueId};
use crate::interval::{Interval, Unbounded};

impl Program {
    /// What a linear layer's exact result can be, for an input within these bounds. `bounds` gives those of what else it reads.
    ///
    /// # Errors
    /// [`Unbounded`].
    ///
    /// # Panics
    /// Where the layer has no outputs.
    pub fn linear_bounds(
        &self,
        linear: &Linear,
        input: Interval,
        bounds: impl Fn(ValueId) -> Interval,
    ) -> Result<Interval, Unbounded> {
        match linear {
            Linear::Convolution { weight, bias, .. } => {
                // Padding reads 0, which the interval must hold.
                let zero = Interval {
                    least: 0,
                    greatest: 0,
                };
                weighted_rows(input.hull(zero), weight, bias)
            }
            Linear::Dense { weight, bias, .. } => weighted_rows(input, weight, bias),
            Linear::Affine { factor, addend } => weighted_rows(input, factor, addend),
            Linear::SumPool(window) => input.repeated(window.kernel[0] * window.kernel[1]),
            Linear::Same => Ok(input),
            Linear::Product {
                right,
                sizes: [_, _, inner, columns],
            } => match right.0.checked_sub(1).map(|index| &self.steps[index]) {
                // Of weights, each column of each head bounds its results.
                Some(Step::Constant { elements }) => {
                    let heads = elements.chunks(inner * columns);
                    hull(heads.flat_map(|head| {
                        (0..*columns).map(move |column| {
                            let column: Vec<i128> =
                                head.iter().copied().skip(column).step_by(*columns).collect();
                            input.weighted(&column, 0)
                        })
                    }))
                }
                _ => input
                    .times(bounds(*right))
                    .and_then(|product| product.repeated(*inner)),
            },
        }
    }
}

/// Of each output, its row of weights and its addend.
fn weighted_rows(input: Interval, weight: &[i128], addend: &[i128]) -> Result<Interval, Unbounded> {
    let rows = weight.chunks(weight.len() / addend.len()).zip(addend);
    hull(rows.map(|(row, &addend)| input.weighted(row, addend)))
}

/// What any of these can be.
///
/// # Panics
/// Where there are none.
pub(crate) fn hull(
    intervals: impl Iterator<Item = Result<Interval, Unbounded>>,
) -> Result<Interval, Unbounded> {
    intervals
        .reduce(|a, b| Ok(a?.hull(b?)))
        .expect("a layer has outputs")
}
