//! Normalisations by the root of the mean square that a file writes out in single operators.
//!
//! Goes in: a graph. Comes out: the same function, in which x / √(mean of x² + ε) along the last axes, times γ where that follows, is the
//! first half of a layer norm of x and −x side by side, whose mean is 0.

use crate::fold::{Written, rewritten};
use crate::graph::{
    Concat, Cut, Graph, GraphError, LayerNorm, Movement, Node, Op, Piecewise, Reshape, Smooth,
};
use crate::graph::{Tensor, ValueId};

/// See the module.
///
/// # Panics
/// When the graph's values are not its own.
pub(crate) fn as_layer_norms(graph: &Graph) -> Graph {
    rewritten(graph, |written, node, rewritten| {
        let found = norm_of(graph, written, node)?;
        Some(found.apply(rewritten, node))
    })
}

/// What is normalised, from which axis on, with γ and ε.
struct Norm {
    x: ValueId,
    first: usize,
    scale: Vec<f32>,
    epsilon: f32,
}

/// The norm that a node ends, with γ or without; none where it ends none.
fn norm_of(graph: &Graph, written: &Written, node: &Node) -> Option<Norm> {
    if let Some(norm) = without_scale(graph, written, node) {
        return Some(norm);
    }
    let (scale, value) = written.beside_constant(graph, &node.inputs)?;
    let norm = without_scale(graph, written, written.node(graph, value)?)?;
    let sizes = &graph.shape(value)[norm.first..];
    let without_ones = scale.shape.iter().position(|&size| size != 1).unwrap_or(0);
    let is_whole = &scale.shape[without_ones..] == sizes && graph.shape(node.output) == graph.shape(value);
    (node.op == Op::Mul && is_whole).then(|| Norm {
        scale: scale.data.clone(),
        ..norm
    })
}

fn without_scale(graph: &Graph, written: &Written, node: &Node) -> Option<Norm> {
    let [x, root] = written.quotient(graph, node)?;
    let is_root = |node: &&Node| node.op == Op::Smooth(Smooth::Sqrt);
    let under_root = written.node(graph, root).filter(is_root)?.inputs[0];
    let sum = written
        .node(graph, under_root)
        .filter(|node| node.op == Op::Add)?;
    let (epsilon, mean) = written.beside_constant(graph, &sum.inputs)?;
    let (square, axes) = written.mean(graph, mean)?;
    let square = written.node(graph, square).filter(|node| node.op == Op::Mul)?;
    let shape = graph.shape(x);
    let first = shape.len().checked_sub(axes.len())?;
    let holds = square.inputs == [x, x]
        && axes.iter().copied().eq(first..shape.len())
        && epsilon.len() == 1
        && epsilon.data[0] > 0.0
        && graph.shape(under_root) == graph.shape(mean);
    holds.then(|| Norm {
        x,
        first,
        scale: vec![1.0; shape[first..].iter().product()],
        epsilon: epsilon.data[0],
    })
}

impl Norm {
    /// Writes the node anew that ends it.
    fn apply(self, graph: &mut Graph, node: &Node) -> Result<(), GraphError> {
        let shape = graph.shape(node.output).to_vec();
        let columns = self.scale.len();
        let rows = shape[..self.first].iter().product();
        let mut counter = 0;
        let mut apply = |graph: &mut Graph, op: Op, inputs: &[ValueId]| {
            counter += 1;
            let name = format!("{}/rms/{counter}", node.name);
            graph.apply(&name, &name, op, inputs)
        };
        let line = Op::Reshape(Reshape {
            shape: vec![rows, columns],
        });
        let x = apply(graph, line, &[self.x])?;
        let opposite = apply(graph, Op::Piecewise(Piecewise::Neg), &[x])?;
        let both = apply(graph, Op::Concat(Concat { axis: 1 }), &[x, opposite])?;
        let norm = LayerNorm {
            axis: 1,
            scale: Tensor::new([2 * columns], self.scale.repeat(2)),
            bias: None,
            epsilon: self.epsilon,
        };
        let normalised = apply(graph, Op::LayerNorm(norm), &[both])?;
        let half = Cut {
            axis: 1,
            start: 0,
            end: columns as i64,
            step: 1,
        };
        let half = apply(graph, Op::Movement(Movement::Slice(vec![half])), &[normalised])?;
        graph.nodes.push(Node {
            op: Op::Reshape(Reshape { shape }),
            inputs: vec![half],
            ..node.clone()
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::FloatModel;
    use crate::graph::{Reduce, Reduction};
    use crate::onnx;

    /// A norm of two rows of three, written with a quotient or with a product of the inverse.
    fn written_out(is_product: bool, epsilon: f32, is_of_another: bool) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2, 3]).unwrap();
        let mut number = 0;
        let mut apply = |graph: &mut Graph, op: Op, inputs: &[ValueId]| {
            number += 1;
            let name = format!("n{number}");
            graph.apply(&name, &format!("{name}.y"), op, inputs).unwrap()
        };
        let constant = |numbers: &[f32]| Op::Constant(Tensor::new([numbers.len()], numbers.to_vec()));
        let of = if is_of_another {
            apply(&mut graph, Op::Relu, &[x])
        } else {
            x
        };
        let square = apply(&mut graph, Op::Mul, &[of, of]);
        let mean = Reduce {
            reduction: Reduction::Mean,
            axes: vec![2],
            keeps: true,
        };
        let mean = apply(&mut graph, Op::Reduce(mean), &[square]);
        let added = apply(&mut graph, constant(&[epsilon]), &[]);
        let sum = apply(&mut graph, Op::Add, &[mean, added]);
        let root = apply(&mut graph, Op::Smooth(Smooth::Sqrt), &[sum]);
        let normalised = if is_product {
            let one = apply(&mut graph, constant(&[1.0]), &[]);
            let inverse = apply(&mut graph, Op::Div, &[one, root]);
            apply(&mut graph, Op::Mul, &[x, inverse])
        } else {
            apply(&mut graph, Op::Div, &[x, root])
        };
        let scale = apply(&mut graph, constant(&[0.5, -2.0, 1.5]), &[]);
        let result = apply(&mut graph, Op::Mul, &[normalised, scale]);
        graph.outputs = vec![result];
        graph
    }

    fn outputs(graph: &Graph) -> Vec<f32> {
        let input = Tensor::new([1, 2, 3], vec![0.5, -1.0, 2.0, 0.25, 0.75, -0.125]);
        let mut outputs = FloatModel::load(&onnx::write(graph))
            .unwrap()
            .run(&[input])
            .unwrap();
        outputs.remove(0).data
    }

    #[test]
    fn a_norm_that_is_written_out_is_half_a_layer_norm() {
        for is_product in [false, true] {
            let graph = written_out(is_product, 1e-3, false);
            let rewritten = as_layer_norms(&graph);
            let last = rewritten.nodes.last().unwrap();
            assert!(matches!(last.op, Op::Reshape(_)), "{last:?}");
            let mut norms = rewritten.nodes.iter().rev().filter_map(|node| match &node.op {
                Op::LayerNorm(norm) => Some(norm.scale.data.clone()),
                _ => None,
            });
            let ends = norms.next().unwrap();
            assert_eq!(ends, [0.5, -2.0, 1.5, 0.5, -2.0, 1.5], "γ is part of it");
            let (exact, found) = (outputs(&graph), outputs(&rewritten));
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
            assert!(exact.iter().zip(&found).all(close), "{exact:?} {found:?}");
        }
    }

    #[test]
    fn what_is_nearly_such_a_norm_stays() {
        for graph in [written_out(false, 0.0, false), written_out(true, 1e-3, true)] {
            assert_eq!(as_layer_norms(&graph), graph);
        }
    }
}
