//! Flatten and Reshape: the same elements in another shape.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{AttributeProto, TensorProto};

use super::Op;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Direct, Elements, Import, Meaning, Operator, ensure, single};
use crate::program::{ProgramError, ValueId};
use crate::tensor::elements;
use crate::wire::constant::Constant;
use crate::wire::node::{axis, size};
use crate::wire::proto::{int, sizes};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Flatten",
        read: flatten,
    },
    Import {
        operator: "Reshape",
        read: reshape,
    },
];

/// All axes but the first become one.
pub(super) struct Flatten;

/// The same elements in a static shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshape {
    /// Target sizes, all positive.
    pub shape: Vec<usize>,
}

impl Operator for Flatten {
    fn onnx_name(&self) -> &'static str {
        "Flatten"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let [batch, rest @ ..] = single(inputs)? else {
            return Err("input is a scalar".to_owned());
        };
        Ok(vec![*batch, rest.iter().product()])
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![int("axis", 1)]
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        Elements::side_by_side(given)
    }

    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        read.onwards
    }

    fn direct(&self) -> Direct<'_> {
        Direct::Reshape
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        in_another_shape(place, lowering)
    }
}

impl Operator for Reshape {
    fn onnx_name(&self) -> &'static str {
        "Reshape"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let (input, shape) = (single(inputs)?, &self.shape);
        ensure(elements(shape) == elements(input), || {
            format!("from {input:?} to {shape:?}")
        })?;
        Ok(shape.clone())
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        vec![sizes(format!("{node}.shape"), &self.shape)]
    }

    fn elements(&self, given: &[Elements]) -> (Vec<Elements>, Elements) {
        Elements::side_by_side(given)
    }

    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        read.onwards
    }

    fn direct(&self) -> Direct<'_> {
        Direct::Reshape
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        in_another_shape(place, lowering)
    }
}

/// The elements as they stand; their value keeps its name.
fn in_another_shape(place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
    let value = place.value(lowering, 0)?;
    let unit = lowering.value(value).unit;
    Ok(lowering.relabelled(value, &place.shape, unit))
}

fn flatten(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let rank = shape.len();
    // Unlike elsewhere, the axis may also be the rank itself.
    let split = match node.attributes().int("axis").unwrap_or(1) {
        end if usize::try_from(end) == Ok(rank) => rank,
        inner => axis(inner, rank)?,
    };
    let op = match split {
        1 => Op::Flatten,
        _ => Op::Reshape(Reshape {
            shape: vec![shape[..split].iter().product(), shape[split..].iter().product()],
        }),
    };
    Meaning::unary(op, node)
}

fn reshape(node: &Reading<'_>) -> Result<Meaning, String> {
    let Constant::Ints(target) = node.constant(1)? else {
        return Err("its shape is not of integers".to_owned());
    };
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    if target.shape.len() != 1 {
        return Err(format!("its shape is a tensor of shape {:?}", target.shape));
    }
    let zero_copies = node.attributes().int("allowzero").unwrap_or(0) == 0;
    let shape = resolved(&target.data, shape, zero_copies)?;
    Meaning::unary(Op::Reshape(Reshape { shape }), node)
}

/// The sizes that a `Reshape` asks for: 0 copies the input's, one −1 takes what is left.
fn resolved(target: &[i64], input: &[usize], zero_copies: bool) -> Result<Vec<usize>, String> {
    let mut shape = Vec::new();
    let mut rest = None;
    for (position, &asked) in target.iter().enumerate() {
        shape.push(match asked {
            -1 if rest.is_none() => {
                rest = Some(position);
                1
            }
            0 if zero_copies => *input
                .get(position)
                .ok_or_else(|| format!("it copies size {position} of {input:?}"))?,
            positive if positive > 0 => size(positive)?,
            _ => return Err(format!("its shape is {target:?}")),
        });
    }
    if let Some(rest) = rest {
        let known = elements(&shape);
        shape[rest] = known
            .and_then(|known| input.iter().product::<usize>().checked_div(known))
            .ok_or_else(|| format!("its shape is {target:?}"))?;
    }
    Ok(shape)
}
