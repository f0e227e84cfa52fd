//! Functions of each element that are not made of lines: by tables of the exponential, the logarithm, the square root and the error
//! function, and sums and products of what they give.
//!
//! A table's function is applied where its argument is not positive, wherever it can be: what e^x is of large numbers no circuit
//! holds. With a = max(x, 0), x − a is min(x, 0), and x − 2·a is −|x|.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::AttributeProto;

use super::Op;
use super::fixed::exponent;
use super::lowering::{Lowering, Place, ReadThrough, TableReader};
use super::operator::{Import, Meaning, OPSET, Operator, ensure, single};
use crate::interval::Interval;
use crate::program::{Operand, ProgramError, Tabulated, Term, ValueId};
use crate::wire::proto::{float, text};
use crate::wire::reading::Reading;

/// The coefficient of x³ in the approximation of GELU by tanh (ONNX operator `Gelu`).
const GELU_CUBE: f64 = 0.044_715;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "Exp",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Exp), node),
    },
    Import {
        operator: "Log",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Log), node),
    },
    Import {
        operator: "Sqrt",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Sqrt), node),
    },
    Import {
        operator: "Erf",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Erf), node),
    },
    Import {
        operator: "Cos",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Cos), node),
    },
    Import {
        operator: "Sin",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Sin), node),
    },
    Import {
        operator: "Tan",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Tan), node),
    },
    Import {
        operator: "Acos",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Acos), node),
    },
    Import {
        operator: "Asin",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Asin), node),
    },
    Import {
        operator: "Atan",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Atan), node),
    },
    Import {
        operator: "Cosh",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Cosh), node),
    },
    Import {
        operator: "Sinh",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Sinh), node),
    },
    Import {
        operator: "Acosh",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Acosh), node),
    },
    Import {
        operator: "Asinh",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Asinh), node),
    },
    Import {
        operator: "Atanh",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Atanh), node),
    },
    Import {
        operator: "Gelu",
        read: gelu,
    },
    Import {
        operator: "Elu",
        read: |node| {
            let alpha = node.attributes().float("alpha").unwrap_or(1.0);
            Meaning::unary(Op::Smooth(Smooth::Elu { alpha }), node)
        },
    },
    Import {
        operator: "Selu",
        read: |node| {
            let attributes = node.attributes();
            let op = Smooth::Selu {
                alpha: attributes.float("alpha").unwrap_or(1.673_263_2),
                gamma: attributes.float("gamma").unwrap_or(1.050_701),
            };
            Meaning::unary(Op::Smooth(op), node)
        },
    },
    Import {
        operator: "Celu",
        read: |node| {
            let alpha = node.attributes().float("alpha").unwrap_or(1.0);
            Meaning::unary(Op::Smooth(Smooth::Celu { alpha }), node)
        },
    },
    Import {
        operator: "Softplus",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Softplus), node),
    },
    Import {
        operator: "Mish",
        read: |node| Meaning::unary(Op::Smooth(Smooth::Mish), node),
    },
];

/// A function of each element.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Smooth {
    /// e^x.
    Exp,
    /// ln x, of positive numbers.
    Log,
    /// √x, of numbers that are not negative.
    Sqrt,
    /// The error function.
    Erf,
    /// The cosine.
    Cos,
    /// The sine.
    Sin,
    /// The tangent.
    Tan,
    /// The angle that has this cosine, of numbers from −1 to 1.
    Acos,
    /// The angle that has this sine, of numbers from −1 to 1.
    Asin,
    /// The angle that has this tangent.
    Atan,
    /// The hyperbolic cosine.
    Cosh,
    /// The hyperbolic sine.
    Sinh,
    /// The number that has this hyperbolic cosine, of numbers of at least 1.
    Acosh,
    /// The number that has this hyperbolic sine.
    Asinh,
    /// The number that has this hyperbolic tangent, of numbers between −1 and 1.
    Atanh,
    /// x/2 · (1 + erf(x/√2)).
    Gelu,
    /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).
    GeluTanh,
    /// x where it is positive, and else α · (e^x − 1).
    Elu {
        /// α.
        alpha: f32,
    },
    /// γ · x where it is positive, and else γ · α · (e^x − 1).
    Selu {
        /// α.
        alpha: f32,
        /// γ.
        gamma: f32,
    },
    /// x where it is positive, and else α · (e^(x/α) − 1).
    Celu {
        /// α, which is positive.
        alpha: f32,
    },
    /// ln(1 + e^x).
    Softplus,
    /// x · tanh(ln(1 + e^x)).
    Mish,
}

impl Operator for Smooth {
    fn onnx_name(&self) -> &'static str {
        match self {
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Erf => "Erf",
            Self::Cos => "Cos",
            Self::Sin => "Sin",
            Self::Tan => "Tan",
            Self::Acos => "Acos",
            Self::Asin => "Asin",
            Self::Atan => "Atan",
            Self::Cosh => "Cosh",
            Self::Sinh => "Sinh",
            Self::Acosh => "Acosh",
            Self::Asinh => "Asinh",
            Self::Atanh => "Atanh",
            Self::Gelu | Self::GeluTanh => "Gelu",
            Self::Elu { .. } => "Elu",
            Self::Selu { .. } => "Selu",
            Self::Celu { .. } => "Celu",
            Self::Softplus => "Softplus",
            Self::Mish => "Mish",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        if let Self::Celu { alpha } = self {
            ensure(*alpha > 0.0, || format!("alpha is {alpha}, must be positive"))?;
        }
        single(inputs).map(<[usize]>::to_vec)
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        match *self {
            Self::Elu { alpha } | Self::Celu { alpha } => vec![float("alpha", alpha)],
            Self::Selu { alpha, gamma } => vec![float("alpha", alpha), float("gamma", gamma)],
            Self::GeluTanh => vec![text("approximate", "tanh")],
            Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Erf
            | Self::Cos
            | Self::Sin
            | Self::Tan
            | Self::Acos
            | Self::Asin
            | Self::Atan
            | Self::Cosh
            | Self::Sinh
            | Self::Acosh
            | Self::Asinh
            | Self::Atanh
            | Self::Gelu
            | Self::Softplus
            | Self::Mish => Vec::new(),
        }
    }

    fn opset(&self) -> i64 {
        match self {
            Self::Gelu | Self::GeluTanh => 20,
            Self::Mish => 18,
            Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Erf
            | Self::Cos
            | Self::Sin
            | Self::Tan
            | Self::Acos
            | Self::Asin
            | Self::Atan
            | Self::Cosh
            | Self::Sinh
            | Self::Acosh
            | Self::Asinh
            | Self::Atanh
            | Self::Elu { .. }
            | Self::Selu { .. }
            | Self::Celu { .. }
            | Self::Softplus => OPSET,
        }
    }

    /// Every element is looked up as it is, but where what is made of it is.
    fn table_reader(&self, read: &ReadThrough<'_>) -> Option<TableReader> {
        Some(self.reader(read.limit))
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let input = place.value(lowering, 0)?;
        // Rounded, what is not negative has a root as well: it is looked up as it is.
        let reader = if *self == Self::Sqrt && lowering.value(input).interval.is_non_negative() {
            TableReader::whole(lowering.table_limit())
        } else {
            self.reader(lowering.table_limit())
        };
        let (input, scale) = lowering.tabulated(place, input, reader)?;
        if let Some(function) = self.table() {
            return lowering.function(place, function, input, scale);
        }
        match *self {
            Self::Elu { alpha } => exponential_below_zero(place, lowering, input, 1.0, alpha.into(), 1.0),
            Self::Selu { alpha, gamma } => {
                let (alpha, gamma) = (f64::from(alpha), f64::from(gamma));
                exponential_below_zero(place, lowering, input, gamma, gamma * alpha, 1.0)
            }
            Self::Celu { alpha } => {
                let alpha = f64::from(alpha);
                exponential_below_zero(place, lowering, input, 1.0, alpha, alpha.recip())
            }
            Self::Softplus => softplus(place, lowering, input, scale),
            Self::Gelu => {
                let argument = argument(place, lowering, input, std::f64::consts::FRAC_1_SQRT_2)?;
                gated(place, lowering, input, argument, Tabulated::ErrorFunction)
            }
            Self::GeluTanh => {
                let polynomial = cubic(place, lowering, input)?;
                let root = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
                let argument = argument(place, lowering, polynomial, root)?;
                gated(place, lowering, input, argument, Tabulated::Tanh)
            }
            Self::Mish => {
                let softplus = softplus(place, lowering, input, scale)?;
                let (softplus, scale) =
                    lowering.tabulated(place, softplus, TableReader::whole(lowering.table_limit()))?;
                let factor = lowering.function(place, Tabulated::Tanh, softplus, scale)?;
                lowering.product(place, input, factor)
            }
            Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Erf
            | Self::Cos
            | Self::Sin
            | Self::Tan
            | Self::Acos
            | Self::Asin
            | Self::Atan
            | Self::Cosh
            | Self::Sinh
            | Self::Acosh
            | Self::Asinh
            | Self::Atanh => {
                unreachable!("it has a table of its own")
            }
        }
    }
}

impl Smooth {
    /// The one table that it is; none where it is made of several look-ups.
    fn table(self) -> Option<Tabulated> {
        Some(match self {
            Self::Exp => Tabulated::Exponential,
            Self::Log => Tabulated::Logarithm,
            Self::Sqrt => Tabulated::Root,
            Self::Erf => Tabulated::ErrorFunction,
            Self::Cos => Tabulated::Cosine,
            Self::Sin => Tabulated::Sine,
            Self::Tan => Tabulated::Tangent,
            Self::Acos => Tabulated::ArcCosine,
            Self::Asin => Tabulated::ArcSine,
            Self::Atan => Tabulated::ArcTangent,
            Self::Cosh => Tabulated::HyperbolicCosine,
            Self::Sinh => Tabulated::HyperbolicSine,
            Self::Acosh => Tabulated::AreaCosine,
            Self::Asinh => Tabulated::AreaSine,
            Self::Atanh => Tabulated::AreaTangent,
            Self::Gelu
            | Self::GeluTanh
            | Self::Elu { .. }
            | Self::Selu { .. }
            | Self::Celu { .. }
            | Self::Softplus
            | Self::Mish => return None,
        })
    }

    /// How it reads what it is applied to: what is looked up is the element itself, or else it is less than twice as much, or what an
    /// element that is held to a domain is claimed to be.
    fn reader(self, limit: i128) -> TableReader {
        let is_whole = match self.table() {
            Some(function) => !function.is_partial(),
            None => matches!(self, Self::Elu { .. } | Self::Selu { .. } | Self::Celu { .. }),
        };
        let reader = if is_whole {
            TableReader::whole(limit)
        } else {
            TableReader::guarded(limit / 2)
        };
        reader.at_power_of_two()
    }
}

/// slope · max(x, 0) + factor · (e^(ratio · min(x, 0)) − 1).
fn exponential_below_zero(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    slope: f64,
    factor: f64,
    ratio: f64,
) -> Result<ValueId, ProgramError> {
    let before = lowering.value(input).clone();
    let positive = lowering.rectified(place, input);
    let terms = [(input, 1), (positive, -1)].map(|(value, factor)| Term { value, factor });
    let negative = lowering.sum(place, terms.to_vec(), 0, &before.shape, before.unit)?;
    lowering.program.values[negative.0].interval = Interval {
        least: before.interval.least.min(0),
        greatest: before.interval.greatest.min(0),
    };
    let argument = argument(place, lowering, negative, ratio)?;
    let (argument, scale) =
        lowering.tabulated(place, argument, TableReader::whole(lowering.table_limit()))?;
    let power = lowering.function(place, Tabulated::Exponential, argument, scale)?;

    // Both at the finer unit of the two, times that of slope and factor.
    let numbers = [slope, factor];
    let weight_bits = exponent(&numbers, lowering.scale);
    place.ensure_shift(weight_bits)?;
    let weight_unit = f64::from(weight_bits).exp2();
    let [slope, factor] = place.integers(numbers.into_iter(), weight_unit)?[..] else {
        unreachable!("two numbers");
    };
    let (operands, unit) = lowering.aligned(place, &[positive, power])?;
    let [positive, power] = operands[..] else {
        unreachable!("two operands");
    };
    let one = place.shifted(factor, scale + power.shift)?;
    let term = |operand: Operand, factor| -> Result<Term, ProgramError> {
        let factor = place.shifted(factor, operand.shift)?;
        Ok(Term {
            value: operand.value,
            factor,
        })
    };
    let terms = vec![term(positive, slope)?, term(power, factor)?];
    lowering.sum(place, terms, -one, &before.shape, unit * weight_unit)
}

/// max(x, 0) + ln(1 + e^−|x|).
fn softplus(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    scale: u32,
) -> Result<ValueId, ProgramError> {
    let before = lowering.value(input).clone();
    let positive = lowering.rectified(place, input);
    let terms = [(input, 1), (positive, -2)].map(|(value, factor)| Term { value, factor });
    let distance = lowering.sum(place, terms.to_vec(), 0, &before.shape, before.unit)?;
    lowering.program.values[distance.0].interval = Interval {
        least: -before.interval.magnitude(),
        greatest: 0,
    };
    let power = lowering.function(place, Tabulated::Exponential, distance, scale)?;
    let term = Term {
        value: power,
        factor: 1,
    };
    let more = lowering.sum(place, vec![term], 1 << scale, &before.shape, before.unit)?;
    let logarithm = lowering.function(place, Tabulated::Logarithm, more, scale)?;
    let terms = [positive, logarithm].map(|value| Term { value, factor: 1 });
    lowering.sum(place, terms.to_vec(), 0, &before.shape, before.unit)
}

/// `ratio` times a value, as what one look-up alone is made of: claimed, or read at another unit where the ratio is a power of two.
fn argument(
    place: &Place<'_>,
    lowering: &mut Lowering,
    value: ValueId,
    ratio: f64,
) -> Result<ValueId, ProgramError> {
    if ratio.log2().fract() == 0.0 {
        let before = lowering.value(value).clone();
        return Ok(lowering.relabelled(value, &before.shape, before.unit / ratio));
    }
    let reader = TableReader::whole(lowering.table_limit());
    lowering
        .at_power_of_two(value, ratio, reader)
        .map_err(|source| place.too_large(source))
}

/// x/2 · (1 + f(argument)).
fn gated(
    place: &Place<'_>,
    lowering: &mut Lowering,
    input: ValueId,
    argument: ValueId,
    function: Tabulated,
) -> Result<ValueId, ProgramError> {
    let (argument, scale) =
        lowering.tabulated(place, argument, TableReader::whole(lowering.table_limit()))?;
    let result = lowering.function(place, function, argument, scale)?;
    let before = lowering.value(result).clone();
    let term = Term {
        value: result,
        factor: 1,
    };
    // A half goes into the unit.
    let gate = lowering.sum(place, vec![term], 1 << scale, &before.shape, before.unit * 2.0)?;
    lowering.product(place, input, gate)
}

/// x + 0.044715 · x³.
fn cubic(place: &Place<'_>, lowering: &mut Lowering, input: ValueId) -> Result<ValueId, ProgramError> {
    let square = lowering.product(place, input, input)?;
    let cube = lowering.product(place, square, input)?;
    let weight_unit = f64::from(exponent(&[GELU_CUBE], lowering.scale)).exp2();
    let (shape, unit) = (place.shape.clone(), lowering.value(input).unit);
    let factors = place.integers([GELU_CUBE, unit.powi(2)].into_iter(), weight_unit)?;
    let terms = [cube, input].into_iter().zip(factors);
    let terms = terms.map(|(value, factor)| Term { value, factor });
    lowering.sum(place, terms.collect(), 0, &shape, unit.powi(3) * weight_unit)
}

fn gelu(node: &Reading<'_>) -> Result<Meaning, String> {
    let op = match node.attributes().text("approximate").unwrap_or(b"none") {
        b"none" => Smooth::Gelu,
        b"tanh" => Smooth::GeluTanh,
        other => return Err(format!("approximate is {}", String::from_utf8_lossy(other))),
    };
    Meaning::unary(Op::Smooth(op), node)
}
