//! Windows over one axis, as windows over an image of one line.

use tract_onnx::pb::NodeProto;

use super::Op;
use super::operator::{Composition, Meaning, Part};
use crate::tensor::Tensor;
use crate::wire::node::Attributes;
use crate::wire::reading::Reading;

/// An operator on an image N×C×H×W; or on a row N×C×L, as on an image of one line. `op` reads it from attributes of two axes, for an
/// input of the shape of an image.
pub(super) fn of_image_or_row(
    node: &Reading<'_>,
    op: impl FnOnce(&Attributes<'_>, &[usize]) -> Result<Op, String>,
) -> Result<Meaning, String> {
    let Some(shape) = node.shape(0)? else {
        return Ok(Meaning::Unknown);
    };
    let &[batch, channels, length] = shape else {
        return Meaning::unary(op(&node.attributes(), shape)?, node);
    };
    let Some(mut composition) = Composition::of(node)? else {
        return Ok(Meaning::Unknown);
    };
    let line = [batch, channels, 1, length];
    let op = op(&Attributes(&of_two_axes(node.node())), &line)?;
    let image = composition.reshaped(Part::Input(0), &line)?;
    let result = composition.apply(op, &[image])?;
    let &[batch, channels, 1, length] = composition.shape(result)? else {
        return Err("its result is not one line".to_owned());
    };
    let row = composition.reshaped(result, &[batch, channels, length])?;
    Ok(composition.giving(vec![row]))
}

/// The filters that a node reads second: those over a row as filters over an image of one line.
pub(super) fn filters(node: &Reading<'_>) -> Result<Tensor, String> {
    let weight = node.floats(1)?;
    let is_row = node.shape(0)?.is_some_and(|shape| shape.len() == 3);
    Ok(match weight.shape[..] {
        [outputs, inputs, kernel] if is_row => Tensor::new([outputs, inputs, 1, kernel], weight.data),
        _ => weight,
    })
}

/// The node with the attributes of a window over one axis as those over an image of one line.
fn of_two_axes(node: &NodeProto) -> NodeProto {
    let mut node = node.clone();
    for attribute in &mut node.attribute {
        let widened = match (&attribute.name[..], &attribute.ints[..]) {
            ("kernel_shape" | "strides" | "dilations", &[size]) => vec![1, size],
            ("output_padding", &[more]) => vec![0, more],
            ("pads", &[before, after]) => vec![0, before, 0, after],
            _ => continue,
        };
        attribute.ints = widened;
    }
    node
}
