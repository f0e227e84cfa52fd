//! Sums, means and extremes along axes, and pools over a whole image.

use serde::{Deserialize, Serialize};
use tract_onnx::pb::{AttributeProto, TensorProto};

use super::broadcast::{indices, strides};
use super::lowering::{Lowering, Place, TableReader};
use super::movement::axes_of;
use super::operator::{Composition, Import, Meaning, Operator, Part, ensure, single};
use super::{Op, Piecewise, Smooth, Softmax};
use crate::program::{ProgramError, Step, Term, Value, ValueId};
use crate::tensor::Window;
use crate::wire::proto::{int, sizes};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "ReduceSum",
        read: |node| read(node, Reduction::Sum),
    },
    Import {
        operator: "ReduceMean",
        read: |node| read(node, Reduction::Mean),
    },
    Import {
        operator: "ReduceMax",
        read: |node| read(node, Reduction::Greatest),
    },
    Import {
        operator: "ReduceMin",
        read: |node| read(node, Reduction::Least),
    },
    Import {
        operator: "ReduceL1",
        read: |node| {
            composed(
                node,
                |net, x| net.apply(Op::Piecewise(Piecewise::Abs), &[x]),
                None,
            )
        },
    },
    Import {
        operator: "ReduceL2",
        read: |node| composed(node, |net, x| net.apply(Op::Mul, &[x, x]), Some(Smooth::Sqrt)),
    },
    Import {
        operator: "ReduceSumSquare",
        read: |node| composed(node, |net, x| net.apply(Op::Mul, &[x, x]), None),
    },
    Import {
        operator: "ReduceLogSum",
        read: |node| composed(node, |_, x| Ok(x), Some(Smooth::Log)),
    },
    Import {
        operator: "ReduceLogSumExp",
        read: log_sum_exp,
    },
    Import {
        operator: "GlobalAveragePool",
        read: |node| global(node, Reduction::Mean),
    },
    Import {
        operator: "GlobalMaxPool",
        read: |node| global(node, Reduction::Greatest),
    },
];

/// The most elements that become one: each is a node of the circuit.
const MOST: usize = 1 << 14;

/// What elements become one by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The greatest.
    Greatest,
    /// The least.
    Least,
}

/// A pool over all of each image's channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalPool {
    /// What a channel becomes.
    pub reduction: Reduction,
}

impl GlobalPool {
    /// The same along axes, for an input of this shape.
    fn reduce(self, input: &[usize]) -> Reduce {
        Reduce {
            reduction: self.reduction,
            axes: (2..input.len()).collect(),
            keeps: true,
        }
    }
}

impl Operator for GlobalPool {
    fn onnx_name(&self) -> &'static str {
        match self.reduction {
            Reduction::Greatest => "GlobalMaxPool",
            Reduction::Sum | Reduction::Mean | Reduction::Least => "GlobalAveragePool",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let is_pool = matches!(self.reduction, Reduction::Mean | Reduction::Greatest);
        ensure(is_pool && input.len() > 2, || {
            format!("{self:?} of an input of shape {input:?}")
        })?;
        self.reduce(input).shape(inputs)
    }

    fn mean_elements(&self, input: &[usize]) -> Option<usize> {
        self.reduce(input).mean_elements(input)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        self.reduce(place.inputs[0].shape).lower(place, lowering)
    }
}

/// Elements along axes become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduce {
    /// What they become.
    pub reduction: Reduction,
    /// The axes, from the first to the last.
    pub axes: Vec<usize>,
    /// Whether they stay, with size 1.
    pub keeps: bool,
}

impl Operator for Reduce {
    fn onnx_name(&self) -> &'static str {
        match self.reduction {
            Reduction::Sum => "ReduceSum",
            Reduction::Mean => "ReduceMean",
            Reduction::Greatest => "ReduceMax",
            Reduction::Least => "ReduceMin",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        let input = single(inputs)?;
        let axes = &self.axes;
        let fits = axes.is_sorted_by(|a, b| a < b) && axes.iter().all(|&axis| axis < input.len());
        ensure(fits, || format!("axes {axes:?} of an input of shape {input:?}"))?;
        let sizes = input.iter().enumerate();
        let sizes = sizes.filter_map(|(axis, &size)| {
            if axes.contains(&axis) {
                self.keeps.then_some(1)
            } else {
                Some(size)
            }
        });
        Ok(sizes.collect())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![int("keepdims", self.keeps.into())]
    }

    fn initializers(&self, node: &str) -> Vec<TensorProto> {
        vec![sizes(format!("{node}.axes"), &self.axes)]
    }

    fn mean_elements(&self, input: &[usize]) -> Option<usize> {
        let sizes = self.axes.iter().map(|&axis| input[axis]);
        (self.reduction == Reduction::Mean).then(|| sizes.product())
    }

    /// The first that has the axes as an input for all of them.
    fn opset(&self) -> i64 {
        18
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    fn lower(&self, place: &Place<'_>, lowering: &mut Lowering) -> Result<ValueId, ProgramError> {
        let value = place.value(lowering, 0)?;
        let reduced = self.axes.iter().map(|&axis| place.inputs[0].shape[axis]);
        if reduced.product::<usize>() > MOST {
            return Err(place.refused("more than 2^14 elements become one"));
        }
        let rows = self.rows(lowering, value, place.inputs[0].shape);
        let unit = lowering.value(value).unit;
        let count = lowering.value(rows).shape[2];
        let result = match self.reduction {
            Reduction::Sum => lowering.row_sums(place, rows)?,
            Reduction::Mean => {
                let sums = lowering.row_sums(place, rows)?;
                // The divisor goes into the unit.
                return Ok(lowering.relabelled(sums, &place.shape, unit * count as f64));
            }
            Reduction::Greatest => lowering.greatest_of_rows(place, rows)?,
            Reduction::Least => {
                let rows = lowering.negated(place, rows)?;
                let greatest = lowering.greatest_of_rows(place, rows)?;
                lowering.negated(place, greatest)?
            }
        };
        let unit = lowering.value(result).unit;
        Ok(lowering.relabelled(result, &place.shape, unit))
    }
}

impl Reduce {
    /// What is reduced as the columns of one channel for each element of the result: an image of one column.
    fn rows(&self, lowering: &mut Lowering, value: ValueId, shape: &[usize]) -> ValueId {
        let is_reduced = |axis: &usize| self.axes.contains(axis);
        let (reduced, kept): (Vec<usize>, Vec<usize>) = (0..shape.len()).partition(is_reduced);
        let sizes = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).collect::<Vec<usize>>();
        let (outer, inner) = (sizes(&kept), sizes(&reduced));
        let steps = strides(shape);
        let order: Vec<usize> = kept.iter().chain(&reduced).map(|&axis| steps[axis]).collect();
        let all = [&outer[..], &inner].concat();
        let positions = indices(&all).map(|index| index.iter().zip(&order).map(|(at, step)| at * step).sum());
        let image = [1, outer.iter().product(), inner.iter().product(), 1];
        lowering.picked(value, positions.collect(), &image)
    }
}

impl Lowering {
    /// −x.
    pub(super) fn negated(&mut self, place: &Place<'_>, value: ValueId) -> Result<ValueId, ProgramError> {
        let Value { shape, unit, .. } = self.value(value).clone();
        let term = Term { value, factor: -1 };
        self.sum(place, vec![term], 0, &shape, unit)
    }

    /// The window that is all of each channel of an image of one column.
    fn window_of_rows(&self, rows: ValueId) -> Window {
        Window {
            kernel: [self.value(rows).shape[2], 1],
            stride: [1, 1],
            padding: [0; 4],
        }
    }

    /// The sum of each channel of an image of one column.
    pub(super) fn row_sums(&mut self, place: &Place<'_>, rows: ValueId) -> Result<ValueId, ProgramError> {
        let window = self.window_of_rows(rows);
        let before = self.value(rows);
        let interval = before.interval.repeated(window.kernel[0]);
        let value = Value {
            shape: vec![1, before.shape[1], 1, 1],
            is_whole: before.is_whole,
            ..place.result(interval.map_err(|source| place.too_large(source))?, before.unit)
        };
        Ok(self.push(Step::SumPool { input: rows, window }, value))
    }

    /// The greatest of each channel of an image of one column.
    pub(super) fn greatest_of_rows(
        &mut self,
        place: &Place<'_>,
        rows: ValueId,
    ) -> Result<ValueId, ProgramError> {
        if self.value(rows).shape[2] > MOST {
            return Err(place.refused("the greatest of more than 2^14 elements is taken"));
        }
        let rows = self.within_table(place, rows, TableReader::guarded(self.table_limit() / 2))?;
        let window = self.window_of_rows(rows);
        let before = self.value(rows);
        let value = Value {
            shape: vec![1, before.shape[1], 1, 1],
            is_whole: before.is_whole,
            ..place.result(before.interval, before.unit)
        };
        Ok(self.push(Step::MaxPool { input: rows, window }, value))
    }
}

/// The axes that a node reduces, in order, of an input of so many; none where there are none and it leaves its input as it is.
fn reduced_axes(node: &Reading<'_>, rank: usize) -> Result<Option<Vec<usize>>, String> {
    let mut axes = axes_of(node, 1, rank)?.unwrap_or_default();
    axes.sort_unstable();
    if axes.is_empty() {
        if node.attributes().int("noop_with_empty_axes").unwrap_or(0) != 0 {
            return Ok(None);
        }
        axes = (0..rank).collect();
    }
    Ok(Some(axes))
}

fn read(node: &Reading<'_>, reduction: Reduction) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let Some(axes) = reduced_axes(node, shape.len())? else {
        return node.argument(0).map(Meaning::Alias);
    };
    let op = Reduce {
        reduction,
        axes,
        keeps: keeps(node),
    };
    Meaning::unary(Op::Reduce(op), node)
}

fn keeps(node: &Reading<'_>) -> bool {
    node.attributes().int("keepdims").unwrap_or(1) != 0
}

/// A sum of what is made of each element, and a function of it.
fn composed(
    node: &Reading<'_>,
    each: fn(&mut Composition, Part) -> Result<Part, String>,
    function: Option<Smooth>,
) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let rank = net.shape(Part::Input(0))?.len();
    let axes = reduced_axes(node, rank)?.ok_or("it reduces no axis")?;
    let made = each(&mut net, Part::Input(0))?;
    let op = Reduce {
        reduction: Reduction::Sum,
        axes,
        keeps: keeps(node),
    };
    let mut result = net.apply(Op::Reduce(op), &[made])?;
    if let Some(function) = function {
        result = net.apply(Op::Smooth(function), &[result])?;
    }
    Ok(net.giving(vec![result]))
}

/// ln Σ e^x = x₀ − (x₀ − ln Σ e^x): an element less the logarithm of its share.
fn log_sum_exp(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let shape = net.shape(Part::Input(0))?.to_vec();
    let axes = reduced_axes(node, shape.len())?.ok_or("it reduces no axis")?;
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let sizes = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let (rows, columns) = (sizes(&kept), sizes(&axes));
    let turned = net.transposed(Part::Input(0), &[&kept[..], &axes].concat())?;
    let turned = net.reshaped(turned, &[rows, columns])?;
    let op = Softmax { is_logarithm: true };
    let shares = net.apply(Op::Softmax(op), &[turned])?;
    let [first, logarithm] = [turned, shares].map(|value| net.cut(value, 1, 0..1));
    let result = net.apply(Op::Sub, &[first?, logarithm?])?;
    let sizes: Vec<usize> = if keeps(node) {
        let size = |axis| if axes.contains(&axis) { 1 } else { shape[axis] };
        (0..shape.len()).map(size).collect()
    } else {
        kept.iter().map(|&axis| shape[axis]).collect()
    };
    let result = net.reshaped(result, &sizes)?;
    Ok(net.giving(vec![result]))
}

fn global(node: &Reading<'_>, reduction: Reduction) -> Result<Meaning, String> {
    Meaning::unary(Op::GlobalPool(GlobalPool { reduction }), node)
}
