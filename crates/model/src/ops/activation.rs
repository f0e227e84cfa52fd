//! Relu, Sigmoid and Tanh: a function of each element, which circuits look up.

use super::Op;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Composition, Direct, Import, Meaning, Operator, Part, single};
use crate::program::{ProgramError, Tabulated, ValueId};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Relu",
        read: |node| Meaning::unary(Op::Relu, node),
    },
    Import {
        operator: "Sigmoid",
        read: |node| Meaning::unary(Op::Sigmoid, node),
    },
    Import {
        operator: "Tanh",
        read: |node| Meaning::unary(Op::Tanh, node),
    },
    Import {
        operator: "Swish",
        read: swish,
    },
];

/// x · sigmoid(α · x).
fn swish(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let x = Part::Input(0);
    let alpha = node.attributes().float("alpha").unwrap_or(1.0);
    let argument = if alpha.to_bits() == 1f32.to_bits() {
        x
    } else {
        net.with(Op::Mul, x, alpha)?
    };
    let share = net.apply(Op::Sigmoid, &[argument])?;
    let result = net.apply(Op::Mul, &[x, share])?;
    Ok(net.giving(vec![result]))
}

/// A function of each element.
pub(super) enum Activation {
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// How it reads what it is applied to: each result has bounds of its own.
    fn reader(&self, limit: i128) -> TableReader {
        let reader = TableReader::whole(limit).open_below();
        match self {
            Self::Relu => reader,
            Self::Sigmoid | Self::Tanh => reader.at_power_of_two(),
        }
    }
}

impl Operator for Activation {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Relu => "Relu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        single(inputs).map(<[usize]>::to_vec)
    }

    /// Every element is looked up as it is.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        Some(self.reader(read.limit))
    }

    fn direct(&self) -> Direct<'_> {
        match self {
            Self::Relu => Direct::Relu,
            Self::Sigmoid => Direct::Sigmoid,
            Self::Tanh => Direct::Tanh,
        }
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        let function = match self {
            Self::Relu => {
                let input = lowering.within_table(place, input, self.reader(lowering.table_limit()))?;
                return Ok(lowering.rectified(place, input));
            }
            Self::Sigmoid => Tabulated::Sigmoid,
            Self::Tanh => Tabulated::Tanh,
        };
        let (input, scale) = lowering.tabulated(place, input, self.reader(lowering.table_limit()))?;
        lowering.function(place, function, input, scale)
    }
}
