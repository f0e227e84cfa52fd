//! Normalisations that are made of others: of groups, by the root of the mean square, by a norm, over any axes, and of neighbouring channels.

use super::broadcast::{broadcast, positions};
use super::movement::axes_of;
use super::operator::{Composition, Import, Meaning, Part, ensure};
use super::{Concat, InstanceNorm, LayerNorm, Op, Piecewise, Reduce, Reduction, Smooth};
use crate::tensor::Tensor;
use crate::wire::node::{DEFAULT_EPSILON, axis, size};
use crate::wire::reading::Reading;

pub(super) const IMPORTS: &[Import] = &[
    Import {
        operator: "GroupNormalization",
        read: of_groups,
    },
    Import {
        operator: "RMSNormalization",
        read: by_root_mean_square,
    },
    Import {
        operator: "LpNormalization",
        read: by_norm,
    },
    Import {
        operator: "MeanVarianceNormalization",
        read: by_mean_and_variance,
    },
    Import {
        operator: "LRN",
        read: of_neighbours,
    },
];

/// The most channels of which neighbours are added: the band of ones has their square.
const MOST_CHANNELS: usize = 1 << 10;

impl Composition {
    /// Σ, or the mean, of a value along axes that stay with size 1.
    fn reduced(&mut self, value: Part, reduction: Reduction, axes: Vec<usize>) -> Result<Part, String> {
        let reduce = Reduce {
            reduction,
            axes,
            keeps: true,
        };
        self.apply(Op::Reduce(reduce), &[value])
    }

    /// γ · x / √(mean of x² + ε) for each row: the first half of a layer norm of x and −x side by side, whose mean is 0.
    fn over_root_mean_square(&mut self, rows: Part, scale: &[f32], epsilon: f32) -> Result<Part, String> {
        let opposite = self.apply(Op::Piecewise(Piecewise::Neg), &[rows])?;
        let both = self.apply(Op::Concat(Concat { axis: 1 }), &[rows, opposite])?;
        let norm = LayerNorm {
            axis: 1,
            scale: Tensor::new([2 * scale.len()], scale.repeat(2)),
            bias: None,
            epsilon,
        };
        let normalised = self.apply(Op::LayerNorm(norm), &[both])?;
        self.cut(normalised, 1, 0..scale.len())
    }
}

/// One number for each channel, of as many or of one for each group.
fn for_channels(tensor: Tensor, channels: usize) -> Result<Tensor, String> {
    let count = tensor.len();
    ensure(count > 0 && channels.is_multiple_of(count), || {
        format!("{count} numbers for {channels} channels")
    })?;
    let repeats = channels / count;
    let each = tensor
        .data
        .into_iter()
        .flat_map(|x| std::iter::repeat_n(x, repeats));
    Ok(Tensor::new([channels], each.collect()))
}

/// Each group of channels of each image normalised, then γ · x + β for each channel.
fn of_groups(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    attributes.expect_int("stash_type", 1)?;
    let x = Part::Input(0);
    let shape = net.shape(x)?.to_vec();
    let [batch, channels, ref map @ ..] = shape[..] else {
        return Err(format!("its input has the shape {shape:?}"));
    };
    let groups = size(attributes.int("num_groups").ok_or("it has no num_groups")?)?;
    ensure(groups > 0 && channels.is_multiple_of(groups), || {
        format!("{groups} groups of {channels} channels")
    })?;
    let elements = channels / groups * map.iter().product::<usize>();
    let (scale, bias) = (node.floats(1)?, node.floats(2)?);
    let grouped = net.reshaped(x, &[batch, groups, elements])?;
    let norm = InstanceNorm {
        scale: Tensor::new([groups], vec![1.0; groups]),
        bias: Tensor::new([groups], vec![0.0; groups]),
        epsilon: attributes.float("epsilon").unwrap_or(DEFAULT_EPSILON),
    };
    let normalised = net.apply(Op::InstanceNorm(norm), &[grouped])?;
    let mut result = net.reshaped(normalised, &shape)?;
    let mut of_channels = vec![1; map.len() + 1];
    of_channels[0] = channels;
    for (op, tensor, neutral) in [(Op::Mul, scale, 1.0_f32), (Op::Add, bias, 0.0)] {
        let tensor = for_channels(tensor, channels)?;
        if tensor.data.iter().any(|x| x.to_bits() != neutral.to_bits()) {
            let tensor = net.constant(Tensor::new(of_channels.clone(), tensor.data))?;
            result = net.apply(op, &[result, tensor])?;
        }
    }
    Ok(net.giving(vec![result]))
}

/// γ · x / √(mean of x² + ε) over the axes from `axis` on.
fn by_root_mean_square(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    attributes.expect_int("stash_type", 1)?;
    let x = Part::Input(0);
    let shape = net.shape(x)?.to_vec();
    let first = axis(attributes.int("axis").unwrap_or(-1), shape.len())?;
    let epsilon = attributes.float("epsilon").unwrap_or(DEFAULT_EPSILON);
    let scale = node.floats(1)?;
    let own = &shape[first..];
    ensure(broadcast(&scale.shape, own).as_deref() == Some(own), || {
        format!("a scale of shape {:?} for {own:?}", scale.shape)
    })?;
    let scale: Vec<f32> = positions(&scale.shape, own)
        .into_iter()
        .map(|at| scale.data[at])
        .collect();
    let rows = net.reshaped(x, &[shape[..first].iter().product(), scale.len()])?;
    let normalised = net.over_root_mean_square(rows, &scale, epsilon)?;
    let result = net.reshaped(normalised, &shape)?;
    Ok(net.giving(vec![result]))
}

/// x over the sum of |x| along an axis, or over the root of the sum of x².
fn by_norm(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let x = Part::Input(0);
    let shape = net.shape(x)?.to_vec();
    let along = axis(attributes.int("axis").unwrap_or(-1), shape.len())?;
    let result = match attributes.int("p").unwrap_or(2) {
        1 => {
            let magnitude = net.apply(Op::Piecewise(Piecewise::Abs), &[x])?;
            let norm = net.reduced(magnitude, Reduction::Sum, vec![along])?;
            net.apply(Op::Div, &[x, norm])?
        }
        2 => {
            let mut order: Vec<usize> = (0..shape.len()).collect();
            order.swap(along, shape.len() - 1);
            let turned = net.transposed(x, &order)?;
            let sizes = net.shape(turned)?.to_vec();
            let count = shape[along];
            // The sum is as many times the mean.
            let scale = vec![1.0 / (count as f32).sqrt(); count];
            let rows = net.reshaped(turned, &[sizes.iter().product::<usize>() / count, count])?;
            let normalised = net.over_root_mean_square(rows, &scale, 0.0)?;
            let turned = net.reshaped(normalised, &sizes)?;
            net.transposed(turned, &order)?
        }
        other => return Err(format!("p is {other}")),
    };
    Ok(net.giving(vec![result]))
}

/// x less its mean, over its standard deviation, along axes: a layer norm with these axes last, and no ε.
fn by_mean_and_variance(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let x = Part::Input(0);
    let shape = net.shape(x)?.to_vec();
    let axes = match axes_of(node, 1, shape.len())? {
        Some(axes) => axes,
        None => [0, 2, 3]
            .into_iter()
            .map(|at| axis(at, shape.len()))
            .collect::<Result<_, _>>()?,
    };
    let (last, first): (Vec<usize>, Vec<usize>) = (0..shape.len()).partition(|at| axes.contains(at));
    let order = [&first[..], &last[..]].concat();
    let turned = net.transposed(x, &order)?;
    let sizes: Vec<usize> = last.iter().map(|&at| shape[at]).collect();
    let ones = vec![1.0; sizes.iter().product()];
    let norm = LayerNorm {
        axis: first.len(),
        scale: Tensor::new(sizes, ones),
        bias: None,
        epsilon: 0.0,
    };
    let normalised = net.apply(Op::LayerNorm(norm), &[turned])?;
    let mut back = vec![0; order.len()];
    for (place, &at) in order.iter().enumerate() {
        back[at] = place;
    }
    let result = net.transposed(normalised, &back)?;
    Ok(net.giving(vec![result]))
}

/// x / (bias + α/size · Σ x² of neighbouring channels)^β.
fn of_neighbours(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let attributes = node.attributes();
    let number = |name: &str, otherwise: f32| attributes.float(name).unwrap_or(otherwise);
    let (alpha, beta, bias) = (number("alpha", 1e-4), number("beta", 0.75), number("bias", 1.0));
    let count = size(attributes.int("size").ok_or("it has no size")?)?;
    ensure(count > 0 && alpha > 0.0 && bias > 0.0, || {
        "its size, alpha or bias is not positive".to_owned()
    })?;
    let x = Part::Input(0);
    let shape = net.shape(x)?.to_vec();
    let [batch, channels, ref map @ ..] = shape[..] else {
        return Err(format!("its input has the shape {shape:?}"));
    };
    ensure(channels <= MOST_CHANNELS, || {
        format!("it has {channels} channels, and {MOST_CHANNELS} are the most")
    })?;
    let map = map.iter().product::<usize>();
    let square = net.apply(Op::Mul, &[x, x])?;
    let square = net.reshaped(square, &[batch, channels, map])?;
    let rows = net.transposed(square, &[0, 2, 1])?;
    let rows = net.reshaped(rows, &[batch * map, channels])?;
    // Of an even size there is one more after the channel than before it.
    let (before, after) = ((count - 1) / 2, count / 2);
    let places = (0..channels).flat_map(|from| (0..channels).map(move |to| (from, to)));
    let is_near = |(from, to): (usize, usize)| from + before >= to && from <= to + after;
    let band = places.map(|place| f32::from(u8::from(is_near(place)))).collect();
    let band = net.constant(Tensor::new([channels, channels], band))?;
    let sums = net.apply(Op::MatMul, &[rows, band])?;
    let sums = net.reshaped(sums, &[batch, map, channels])?;
    let sums = net.transposed(sums, &[0, 2, 1])?;
    let sums = net.reshaped(sums, &shape)?;
    let part = net.with(Op::Mul, sums, alpha / count as f32)?;
    let base = net.with(Op::Add, part, bias)?;
    let logarithm = net.apply(Op::Smooth(Smooth::Log), &[base])?;
    let exponent = net.with(Op::Mul, logarithm, -beta)?;
    let factor = net.apply(Op::Smooth(Smooth::Exp), &[exponent])?;
    let result = net.apply(Op::Mul, &[x, factor])?;
    Ok(net.giving(vec![result]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_for_each_group_is_one_for_each_of_its_channels() {
        let of = |count: usize| for_channels(Tensor::new([count], (0..count).map(|x| x as f32).collect()), 4);
        assert_eq!(of(2).unwrap().data, [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(4).unwrap().data, [0.0, 1.0, 2.0, 3.0]);
        assert!(of(3).is_err() && of(0).is_err());
    }
}
