//! Windows over three axes, as windows over one and over an image.
//!
//! A convolution of a volume is one of images: for each position along the first axis, the slices that the window reads are channels of an
//! image. A pool is one along the first axis and then one of images.

use tract_onnx::pb::NodeProto;

use super::Op;
use super::convolution::Conv2d;
use super::movement::{Filling, Movement};
use super::operator::{Composition, Meaning, Part, ensure};
use super::pool::{dilated, window_of};
use crate::tensor::Tensor;
use crate::wire::node::{Attributes, size, sizes};
use crate::wire::proto::signed;
use crate::wire::reading::Reading;

/// Axes of a volume: batch, channels, depth, height, width.
pub(super) const AXES: usize = 5;

/// The attributes of a node on volumes, as those of two nodes on images: one for the depth, as the height of images of one column, and one
/// for height and width.
fn parts_of(node: &NodeProto) -> [NodeProto; 2] {
    let (mut along, mut plane) = (node.clone(), node.clone());
    for (of_depth, of_plane) in along.attribute.iter_mut().zip(&mut plane.attribute) {
        let neutral = i64::from(of_depth.name != "pads");
        let (depth, others) = match of_depth.ints[..] {
            [depth, height, width] => (vec![depth, neutral], vec![height, width]),
            [before, top, left, after, bottom, right] => (
                vec![before, neutral, after, neutral],
                vec![top, left, bottom, right],
            ),
            _ => continue,
        };
        of_depth.ints = depth;
        of_plane.ints = others;
    }
    [along, plane]
}

/// Whether a window is one element, and no element is left out.
fn is_nothing(attributes: &Attributes<'_>) -> bool {
    let all = |name: &str, number: i64| {
        attributes
            .ints(name)
            .is_none_or(|all| all.iter().all(|&x| x == number))
    };
    attributes.ints("kernel_shape").is_some() && all("kernel_shape", 1) && all("strides", 1) && all("pads", 0)
}

/// A pool over volumes; `op` reads one over images from attributes, for an input of this shape.
pub(super) fn pooled(
    node: &Reading<'_>,
    op: impl Fn(&Attributes<'_>, &[usize]) -> Result<Op, String>,
) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let &[batch, channels, depth, height, width] = net.shape(Part::Input(0))? else {
        return Err("its input is no volume".to_owned());
    };
    let [along, plane] = parts_of(node.node());
    let apply = |net: &mut Composition,
                 node: &NodeProto,
                 value: Part,
                 shape: [usize; 4]|
     -> Result<(Part, [usize; 4]), String> {
        let attributes = Attributes(node);
        if is_nothing(&attributes) {
            return Ok((value, shape));
        }
        let image = net.reshaped(value, &shape)?;
        let pooled = net.apply(op(&attributes, &shape)?, &[image])?;
        let shape: [usize; 4] = net
            .shape(pooled)?
            .try_into()
            .map_err(|_| "its result is no image".to_owned())?;
        Ok((pooled, shape))
    };
    let (value, [_, _, depth, _]) = apply(
        &mut net,
        &along,
        Part::Input(0),
        [batch, channels, depth, height * width],
    )?;
    let (value, [_, _, height, width]) =
        apply(&mut net, &plane, value, [batch, channels * depth, height, width])?;
    let result = net.reshaped(value, &[batch, channels, depth, height, width])?;
    Ok(net.giving(vec![result]))
}

/// A convolution of volumes with constant filters O×(C/groups)×kd×kh×kw.
pub(super) fn convolution(node: &Reading<'_>) -> Result<Meaning, String> {
    let Some(mut net) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let &[batch, channels, depth, height, width] = net.shape(Part::Input(0))? else {
        return Err("its input is no volume".to_owned());
    };
    let weight = node.floats(1)?;
    let [outputs, inputs, slices, rows, columns] = weight.shape[..] else {
        return Err(format!(
            "its weight has shape {:?}, not rank {AXES}",
            weight.shape
        ));
    };
    let [along, plane] = parts_of(node.node());
    let (along, plane) = (Attributes(&along), Attributes(&plane));
    let explicit = sizes::<2>(&along, "kernel_shape")?;
    ensure(explicit.is_none_or(|explicit| explicit == [slices, 1]), || {
        format!("kernel_shape is not that of its weight, {:?}", weight.shape)
    })?;
    let [dilation, _] = sizes::<2>(&along, "dilations")?.unwrap_or([1; 2]);
    let reach = slices
        .checked_sub(1)
        .and_then(|between| between.checked_mul(dilation)?.checked_add(1))
        .filter(|_| dilation > 0)
        .ok_or_else(|| format!("dilation {dilation} of {slices} slices"))?;
    let window = window_of(&along, [reach, 1], &[batch, channels, depth, 1])?;
    let unfit = || format!("{window:?} does not fit a depth of {depth}");
    let [steps, _] = window.output_size([depth, 1]).ok_or_else(unfit)?;
    let [before, _, after, _] = window.padding;
    let mut volume = Part::Input(0);
    if before > 0 || after > 0 {
        let of_depth = |count: usize| vec![0, 0, signed(count), 0, 0];
        let pad = Movement::Pad {
            before: of_depth(before),
            after: of_depth(after),
            filling: Filling::Number(0.0),
        };
        volume = net.apply(Op::Movement(pad), &[volume])?;
    }
    let starts = (0..steps).map(|step| step * window.stride[0]);
    let read = starts.flat_map(|start| (0..slices).map(move |slice| start + slice * dilation));
    let gather = Movement::Gather {
        axis: 2,
        indices: read.collect(),
        shape: vec![steps, slices],
    };
    let gathered = net.apply(Op::Movement(gather), &[volume])?;
    let turned = net.transposed(gathered, &[0, 2, 1, 3, 4, 5])?;
    let images = net.reshaped(turned, &[batch * steps, channels * slices, height, width])?;
    let filters = Tensor::new([outputs, inputs * slices, rows, columns], weight.data);
    let (filters, kernel) = dilated(&plane, filters, [rows, columns])?;
    let convolution = Conv2d {
        window: window_of(&plane, kernel, &[1, 1, height, width])?,
        groups: size(node.attributes().int("group").unwrap_or(1))?,
        bias: node.optional_floats(2)?,
        weight: filters,
    };
    let images = net.apply(Op::Conv2d(convolution), &[images])?;
    let &[_, _, height, width] = net.shape(images)? else {
        return Err("its result is no image".to_owned());
    };
    let result = net.reshaped(images, &[batch, steps, outputs, height, width])?;
    let result = net.transposed(result, &[0, 2, 1, 3, 4])?;
    Ok(net.giving(vec![result]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::ints;

    #[test]
    fn attributes_of_a_volume_are_those_of_its_depth_and_of_its_images() {
        let node = NodeProto {
            attribute: vec![
                ints("kernel_shape", &[2, 3, 4]),
                ints("pads", &[1, 2, 3, 4, 5, 6]),
                ints("strides", &[5, 6, 7]),
            ],
            ..NodeProto::default()
        };
        let [along, plane] = parts_of(&node);
        let read = |node: &NodeProto, name: &str| Attributes(node).ints(name).unwrap().to_vec();
        assert_eq!(read(&along, "kernel_shape"), [2, 1]);
        assert_eq!(read(&along, "pads"), [1, 0, 4, 0]);
        assert_eq!(read(&plane, "pads"), [2, 3, 5, 6]);
        assert_eq!(read(&plane, "strides"), [6, 7]);
    }
}
