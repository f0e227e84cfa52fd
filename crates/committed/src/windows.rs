//! Sums over the windows of an image, weighted with the powers of ρ: what a convolution comes to under the challenge.
//!
//! For a window with output height Hₒ and width Wₒ, T(c,u,v) = Σ_{i<Hₒ} Σ_{j<Wₒ} ρ^(row i) ρ^(column j) ·
//! x(c, s·i + u − p, s·j + v − q), where what lies outside x is 0. A convolution's weighted output is then Σ W̄(c,u,v) ·
//! T(c,u,v), with the weights summed over output channels first.
//!
//! Along one axis, positions that differ by the stride read almost the same elements: with X(v) = Σ_j ρ^j x(s·j + v),
//! X(v) = x(v) + ρ · X(v + s) − ρ^Wₒ · x(v + s·Wₒ). Only the last position of each class modulo the stride is a sum of its own,
//! so that every element of x costs one cell, and not one for each position of the kernel.

use super::challenge::{Axis, Challenge, Weighting};
use evmbench_backend::{Graph, NodeId};
use evmbench_model::graph::Window;

/// One axis of a window: kernel, stride, padding before, and sizes of input and output.
#[derive(Debug, Clone, Copy)]
struct Line {
    kernel: usize,
    stride: usize,
    padding: usize,
    input: usize,
    output: usize,
}

impl Line {
    /// The input's position that output `j` reads at kernel position `v`, if it is inside.
    fn position(&self, j: usize, v: usize) -> Option<usize> {
        let position = (j * self.stride + v).checked_sub(self.padding)?;
        (position < self.input).then_some(position)
    }
}

/// Sums X(v) for every kernel position v along an axis of `tensor`, whose axis `axis` is that line: 1 for rows, 2 for
/// columns of channels × rows × columns; each without that axis. `None` where all that is read lies outside.
fn along(
    graph: &mut Graph,
    challenge: &mut Challenge,
    weighting: Weighting,
    tensor: NodeId,
    line: Line,
    axis: Axis,
) -> Vec<Option<NodeId>> {
    let at = match axis {
        Axis::Channels => unreachable!("windows have rows and columns"),
        Axis::Rows => 1,
        Axis::Columns => graph.shape(tensor).len() - 1,
    };
    let equation = if graph.shape(tensor).len() == 3 {
        "chw,w->ch"
    } else {
        "ch,h->c"
    };
    let remaining: Vec<usize> = {
        let mut shape = graph.shape(tensor).to_vec();
        shape.remove(at);
        shape
    };
    let single = |graph: &mut Graph, position: usize| {
        let element = graph.gather(tensor, at, vec![position]);
        graph.reshape(element, &remaining)
    };
    let mut sums: Vec<Option<NodeId>> = vec![None; line.kernel];
    for v in (0..line.kernel).rev() {
        let later = v + line.stride;
        sums[v] = if later < line.kernel {
            let mut sum = sums[later].map(|sum| {
                let ratio = challenge.ratio(weighting, axis);
                graph.multiply(sum, ratio)
            });
            if let Some(last) = line.position(line.output, v) {
                let beyond = challenge.next_weight(graph, weighting, axis);
                let element = single(graph, last);
                let term = graph.multiply(element, beyond);
                sum = Some(match sum {
                    Some(sum) => graph.subtract(sum, term),
                    None => graph.negate(term),
                });
            }
            if let Some(first) = line.position(0, v) {
                let element = single(graph, first);
                sum = Some(match sum {
                    Some(sum) => graph.add(sum, element),
                    None => element,
                });
            }
            sum
        } else {
            let read: Vec<(usize, usize)> = (0..line.output)
                .filter_map(|j| Some((j, line.position(j, v)?)))
                .collect();
            (!read.is_empty()).then(|| {
                let weights = challenge.weights(graph, weighting, axis);
                let weights = graph.gather(weights, 0, read.iter().map(|&(j, _)| j).collect());
                let elements = graph.gather(tensor, at, read.iter().map(|&(_, at)| at).collect());
                graph.einsum(equation, elements, weights)
            })
        };
    }
    sums
}

/// T(·,u,v) for each kernel position (u,v), row-major, each over the channels of `image` (channels × rows × columns).
/// `None` where everything that is read lies outside the image.
pub(super) fn contract(
    graph: &mut Graph,
    challenge: &mut Challenge,
    weighting: Weighting,
    image: NodeId,
    window: &Window,
) -> Vec<Option<NodeId>> {
    let [_, height, width] = graph.shape(image) else {
        panic!("an image has channels, rows and columns");
    };
    let line = |index: usize, input: usize| Line {
        kernel: window.kernel[index],
        stride: window.stride[index],
        padding: window.padding[index],
        input,
        output: weighting.sizes[1 + index],
    };
    let (rows, columns) = (line(0, *height), line(1, *width));
    let mut sums = vec![None; rows.kernel * columns.kernel];
    let by_column = along(graph, challenge, weighting, image, columns, Axis::Columns);
    for (v, tensor) in by_column.into_iter().enumerate() {
        let Some(tensor) = tensor else { continue };
        let by_row = along(graph, challenge, weighting, tensor, rows, Axis::Rows);
        for (u, sum) in by_row.into_iter().enumerate() {
            sums[u * columns.kernel + v] = sum;
        }
    }
    sums
}
