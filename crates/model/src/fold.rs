//! Batch norms folded into the convolutions before them: at inference both are linear, and one layer is cheaper than two.

use std::collections::HashMap;

use super::graph::{BatchNorm, Conv2d, Graph, Op, Tensor, ValueId};
use super::layers::NORM_EPSILON;

/// The same function with every batch norm folded whose input is a convolution that nothing else reads and that is no
/// output. What is left keeps its order and names; a folded convolution writes what the batch norm wrote.
///
/// # Panics
/// When the graph's values are not its own.
#[must_use]
pub fn batch_norms(graph: &Graph) -> Graph {
    let mut readers: HashMap<ValueId, usize> = HashMap::new();
    for &id in graph
        .nodes
        .iter()
        .flat_map(|node| &node.inputs)
        .chain(&graph.outputs)
    {
        *readers.entry(id).or_default() += 1;
    }
    let mut folded = graph.clone();
    folded.nodes.clear();
    for node in &graph.nodes {
        let before = folded.nodes.last_mut();
        let target = before.filter(|last| node.inputs == [last.output] && readers[&last.output] == 1);
        let is_folded = target.is_some_and(|last| {
            let is_folded = fold(&mut last.op, &node.op);
            if is_folded {
                last.output = node.output;
            }
            is_folded
        });
        if !is_folded {
            folded.nodes.push(node.clone());
        }
    }
    folded
}

/// Multiplies a batch norm into a convolution; false, and nothing done, where it is none.
fn fold(convolution: &mut Op, norm: &Op) -> bool {
    let (
        Op::Conv2d(Conv2d { weight, bias, .. }),
        Op::BatchNorm(BatchNorm {
            scale,
            bias: shift,
            mean,
            variance,
            epsilon,
        }),
    ) = (convolution, norm)
    else {
        return false;
    };
    let channels = scale.len();
    let factors: Vec<f64> = scale
        .data
        .iter()
        .zip(&variance.data)
        .map(|(&scale, &variance)| f64::from(scale) / (f64::from(variance) + f64::from(*epsilon)).sqrt())
        .collect();
    let filter = weight.len() / channels;
    for (weights, factor) in weight.data.chunks_mut(filter).zip(&factors) {
        for weight in weights {
            *weight = (f64::from(*weight) * factor) as f32;
        }
    }
    let addend = |channel: usize| {
        let before = bias.as_ref().map_or(0.0, |bias| f64::from(bias.data[channel]));
        (before - f64::from(mean.data[channel])) * factors[channel] + f64::from(shift.data[channel])
    };
    let data = (0..channels).map(|channel| addend(channel) as f32).collect();
    *bias = Some(Tensor::new([channels], data));
    true
}

/// The graph with a batch norm after each convolution, which has the convolution's bias for its β: what is trained where
/// [`batch_norms`] folds it again afterwards. The running variance is 1 and the running mean 0: where `scale`, which is γ, is
/// 1, too, it computes the same but for ε.
///
/// # Panics
/// When a name that a batch norm would have is taken.
#[must_use]
pub fn with_batch_norms(graph: &Graph, scale: f32) -> Graph {
    const FREE: &str = "names of batch norms are free";
    let mut normed = Graph::default();
    let mut ids: HashMap<ValueId, ValueId> = HashMap::new();
    for (&id, value) in graph.inputs.iter().zip(graph.input_values()) {
        ids.insert(id, normed.input(&value.name, &value.shape).expect(FREE));
    }
    for node in &graph.nodes {
        let inputs: Vec<ValueId> = node.inputs.iter().map(|id| ids[id]).collect();
        let output = &graph.values[node.output.0].name;
        let mut op = node.op.clone();
        let written = if let Op::Conv2d(Conv2d { weight, bias, .. }) = &mut op {
            let channels = weight.shape[0];
            let all = |x: f32| Tensor::new([channels], vec![x; channels]);
            let norm = Op::BatchNorm(BatchNorm {
                scale: all(scale),
                bias: bias.take().unwrap_or_else(|| all(0.0)),
                mean: all(0.0),
                variance: all(1.0),
                epsilon: NORM_EPSILON,
            });
            let name = format!("{}_norm", node.name);
            let between = normed.apply(&node.name, &format!("{name}_input"), op, &inputs);
            normed.apply(&name, output, norm, &[between.expect(FREE)])
        } else {
            normed.apply(&node.name, output, op, &inputs)
        };
        ids.insert(node.output, written.expect(FREE));
    }
    normed.outputs = graph.outputs.iter().map(|id| ids[id]).collect();
    normed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::FloatModel;
    use crate::graph::Window;
    use crate::input::seeded_uniform;
    use crate::onnx;

    fn norm(channels: usize, seed: u64) -> Op {
        let drawn = |seed| seeded_uniform(&[channels], seed);
        let mut variance = drawn(seed + 3);
        variance.data.iter_mut().for_each(|x| *x = x.abs() + 0.1);
        Op::BatchNorm(BatchNorm {
            scale: drawn(seed),
            bias: drawn(seed + 1),
            mean: drawn(seed + 2),
            variance,
            epsilon: 1e-5,
        })
    }

    fn convolution(inputs: usize, outputs: usize, bias: bool) -> Op {
        Op::Conv2d(Conv2d {
            weight: seeded_uniform(&[outputs, inputs, 3, 3], 7),
            bias: bias.then(|| seeded_uniform(&[outputs], 8)),
            window: Window::square(3, 1, 1),
            groups: 1,
        })
    }

    fn outputs(graph: &Graph) -> Vec<Tensor> {
        let model = FloatModel::load(&onnx::write(graph)).unwrap();
        model.run(&[seeded_uniform(&[1, 2, 6, 6], 1)]).unwrap()
    }

    #[test]
    fn a_folded_graph_computes_the_same() {
        for bias in [false, true] {
            let mut graph = Graph::default();
            let x = graph.input("x", &[1, 2, 6, 6]).unwrap();
            // The first norm has no convolution before it and stays.
            let x = graph.apply("n0", "v0", norm(2, 20), &[x]).unwrap();
            let x = graph.apply("c1", "v1", convolution(2, 3, bias), &[x]).unwrap();
            let x = graph.apply("n1", "v2", norm(3, 30), &[x]).unwrap();
            let x = graph.apply("r1", "v3", Op::Relu, &[x]).unwrap();
            graph.outputs.push(x);
            let folded = batch_norms(&graph);
            let operators: Vec<&str> = folded.nodes.iter().map(|node| node.op.onnx_name()).collect();
            assert_eq!(operators, ["BatchNormalization", "Conv", "Relu"]);
            for (a, b) in outputs(&graph)[0].data.iter().zip(&outputs(&folded)[0].data) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    #[test]
    fn batch_norms_that_are_put_in_fold_away_again() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2, 6, 6]).unwrap();
        let x = graph.apply("c1", "v1", convolution(2, 3, true), &[x]).unwrap();
        let x = graph.apply("r1", "v2", Op::Relu, &[x]).unwrap();
        let x = graph.apply("c2", "v3", convolution(3, 2, false), &[x]).unwrap();
        graph.outputs.push(x);
        let normed = with_batch_norms(&graph, 1.0);
        let folded = batch_norms(&normed);
        let names =
            |graph: &Graph| -> Vec<String> { graph.nodes.iter().map(|node| node.name.clone()).collect() };
        assert_eq!(names(&normed), ["c1", "c1_norm", "r1", "c2", "c2_norm"]);
        assert_eq!(names(&folded), names(&graph));
        for other in [&normed, &folded] {
            for (a, b) in outputs(&graph)[0].data.iter().zip(&outputs(other)[0].data) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_convolution_that_others_read_stays() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2, 6, 6]).unwrap();
        let c = graph.apply("c", "v1", convolution(2, 2, true), &[x]).unwrap();
        let n = graph.apply("n", "v2", norm(2, 1), &[c]).unwrap();
        let s = graph.apply("s", "v3", Op::Add, &[c, n]).unwrap();
        graph.outputs.push(s);
        assert_eq!(batch_norms(&graph), graph);
    }
}
