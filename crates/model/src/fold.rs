//! Layers that are one: what is computed twice, batch norms folded into the convolutions before them, since at inference both are linear, and layer norms that a
//! file writes out in single operators.

use std::collections::HashMap;

use super::graph::{
    BatchNorm, Conv2d, Graph, GraphError, LayerNorm, Node, Op, Reduce, Reduction, Smooth, Tensor, ValueId,
};
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

/// The same function with every layer norm as one layer that is written out: with m the mean of x along the last axes, and c = x − m,
/// c / √(mean of c² + ε), then times γ and plus β where these have the sizes of the normalised axes. What else reads its parts
/// still does.
///
/// # Panics
/// When the graph's values are not its own.
#[must_use]
pub fn layer_norms(graph: &Graph) -> Graph {
    let mut folded = graph.clone();
    let mut written = Written::default();
    for index in 0..folded.nodes.len() {
        let node = &folded.nodes[index];
        let norm = written
            .layer_norm(&folded, node)
            .or_else(|| written.scaled(&folded, node));
        if let Some((norm, input)) = norm {
            let node = &mut folded.nodes[index];
            node.op = Op::LayerNorm(norm);
            node.inputs = vec![input];
        }
        written.nodes.insert(folded.nodes[index].output, index);
    }
    folded
}

/// The same function without nodes that compute what an earlier node computes: the same operator of the same values. A node that gives
/// an output stays.
///
/// # Panics
/// When the graph's values are not its own.
#[must_use]
pub fn shared(graph: &Graph) -> Graph {
    let mut shared = graph.clone();
    shared.nodes.clear();
    let mut same: HashMap<ValueId, ValueId> = HashMap::new();
    let mut known: HashMap<(&str, Vec<ValueId>), Vec<usize>> = HashMap::new();
    for node in &graph.nodes {
        let inputs: Vec<ValueId> = node
            .inputs
            .iter()
            .map(|input| same.get(input).copied().unwrap_or(*input))
            .collect();
        let alike = known.entry((node.op.onnx_name(), inputs.clone())).or_default();
        let earlier = alike.iter().find(|&&index| shared.nodes[index].op == node.op);
        match earlier {
            Some(&index) if !graph.outputs.contains(&node.output) => {
                let kept = shared.nodes[index].output;
                shared.values[kept.0].keep_type(&graph.values[node.output.0]);
                same.insert(node.output, kept);
            }
            _ => {
                alike.push(shared.nodes.len());
                shared.nodes.push(Node {
                    inputs,
                    ..node.clone()
                });
            }
        }
    }
    shared
}

/// The graph with each node written anew by `rewrite`, which appends nodes to the graph that it is given; a node that it answers with none
/// or an error stays as it is.
///
/// # Panics
/// When the graph's values are not its own.
pub(crate) fn rewritten(
    graph: &Graph,
    rewrite: impl Fn(&Written, &Node, &mut Graph) -> Option<Result<(), GraphError>>,
) -> Graph {
    let written = Written::of(graph);
    let mut rewritten = graph.clone();
    rewritten.nodes.clear();
    for node in &graph.nodes {
        let (nodes, values) = (rewritten.nodes.len(), rewritten.values.len());
        if !matches!(rewrite(&written, node, &mut rewritten), Some(Ok(()))) {
            rewritten.nodes.truncate(nodes);
            rewritten.values.truncate(values);
            rewritten.nodes.push(node.clone());
        }
    }
    rewritten
}

/// Which node writes each value.
#[derive(Default)]
pub(crate) struct Written {
    nodes: HashMap<ValueId, usize>,
}

impl Written {
    /// Of all nodes of a graph.
    pub(crate) fn of(graph: &Graph) -> Self {
        let outputs = graph.nodes.iter().map(|node| node.output);
        Self {
            nodes: outputs.zip(0..).collect(),
        }
    }

    pub(crate) fn node<'a>(&self, graph: &'a Graph, value: ValueId) -> Option<&'a Node> {
        self.nodes.get(&value).map(|&index| &graph.nodes[index])
    }

    /// A constant and the value that it stands beside, in either order.
    pub(crate) fn beside_constant<'a>(
        &self,
        graph: &'a Graph,
        inputs: &[ValueId],
    ) -> Option<(&'a Tensor, ValueId)> {
        let &[left, right] = inputs else {
            return None;
        };
        [(left, right), (right, left)]
            .into_iter()
            .find_map(|(constant, value)| match &self.node(graph, constant)?.op {
                Op::Constant(tensor) => Some((tensor, value)),
                _ => None,
            })
    }

    /// The mean of what, along which axes, which stay with one element each.
    pub(crate) fn mean<'a>(&self, graph: &'a Graph, value: ValueId) -> Option<(ValueId, &'a [usize])> {
        let node = self.node(graph, value)?;
        match &node.op {
            Op::Reduce(Reduce {
                reduction: Reduction::Mean,
                axes,
                keeps: true,
            }) => Some((node.inputs[0], axes)),
            _ => None,
        }
    }

    /// What is centred, and along which axes: x of x − (mean of x).
    fn centred<'a>(&self, graph: &'a Graph, value: ValueId) -> Option<(ValueId, &'a [usize])> {
        let node = self.node(graph, value).filter(|node| node.op == Op::Sub)?;
        let &[x, mean] = &node.inputs[..] else {
            return None;
        };
        self.mean(graph, mean).filter(|&(of, _)| of == x)
    }

    /// What a node divides by what: as a quotient, or as a product with what 1 is divided by it.
    pub(crate) fn quotient(&self, graph: &Graph, node: &Node) -> Option<[ValueId; 2]> {
        let &[left, right] = &node.inputs[..] else {
            return None;
        };
        let inverted = |value: ValueId| {
            let node = self.node(graph, value).filter(|node| node.op == Op::Div)?;
            let &[one, divisor] = &node.inputs[..] else {
                return None;
            };
            let is_one = |node: &Node| match &node.op {
                Op::Constant(tensor) => tensor.data.iter().all(|x| x.to_bits() == 1f32.to_bits()),
                _ => false,
            };
            let has_shape = graph.shape(value) == graph.shape(divisor);
            (self.node(graph, one).is_some_and(is_one) && has_shape).then_some(divisor)
        };
        match node.op {
            Op::Div => Some([left, right]),
            Op::Mul => inverted(right)
                .map(|divisor| [left, divisor])
                .or_else(|| inverted(left).map(|divisor| [right, divisor])),
            _ => None,
        }
    }

    /// The layer norm that a quotient is, and what it normalises.
    fn layer_norm(&self, graph: &Graph, node: &Node) -> Option<(LayerNorm, ValueId)> {
        let [centred, root] = self.quotient(graph, node)?;
        let (x, axes) = self.centred(graph, centred)?;
        let is_root = |node: &&Node| node.op == Op::Smooth(Smooth::Sqrt);
        let under_root = self.node(graph, root).filter(is_root)?.inputs[0];
        let sum = self.node(graph, under_root).filter(|node| node.op == Op::Add)?;
        let (epsilon, variance) = self.beside_constant(graph, &sum.inputs)?;
        let (square, of_axes) = self.mean(graph, variance)?;
        let square = self.node(graph, square).filter(|node| node.op == Op::Mul)?;
        let &[left, right] = &square.inputs[..] else {
            return None;
        };
        let is_of_x = |value: ValueId| self.centred(graph, value) == Some((x, axes));
        let shape = graph.shape(x);
        let first = shape.len().checked_sub(axes.len())?;
        let holds = left == right
            && is_of_x(left)
            && of_axes == axes
            && axes.iter().copied().eq(first..shape.len())
            && epsilon.len() == 1
            && epsilon.data[0] > 0.0
            && graph.shape(under_root) == graph.shape(variance);
        let ones: usize = shape[first..].iter().product();
        let norm = LayerNorm {
            axis: first,
            scale: Tensor::new(&shape[first..], vec![1.0; ones]),
            bias: None,
            epsilon: epsilon.data[0],
        };
        holds.then_some((norm, x))
    }

    /// A layer norm times γ or plus β, as one.
    fn scaled(&self, graph: &Graph, node: &Node) -> Option<(LayerNorm, ValueId)> {
        let (constant, value) = self.beside_constant(graph, &node.inputs)?;
        let before = self.node(graph, value)?;
        let Op::LayerNorm(norm) = &before.op else {
            return None;
        };
        let sizes = &graph.shape(value)[norm.axis..];
        let without_ones = constant.shape.iter().position(|&size| size != 1).unwrap_or(0);
        let own = &constant.shape[without_ones..];
        let is_whole = own == sizes && graph.shape(node.output) == graph.shape(value);
        let parameter = || Tensor::new(sizes, constant.data.clone());
        let mut norm = norm.clone();
        match node.op {
            Op::Mul
                if norm.bias.is_none()
                    && norm
                        .scale
                        .data
                        .iter()
                        .all(|&scale| scale.to_bits() == 1f32.to_bits()) =>
            {
                norm.scale = parameter();
            }
            Op::Add if norm.bias.is_none() => norm.bias = Some(parameter()),
            _ => return None,
        }
        is_whole.then(|| (norm, before.inputs[0]))
    }
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

    /// A layer norm that is written out, of rows of 6 elements: γ and β, the axes of both means, and what differs from one.
    fn written_out(change: &str) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 4, 6]).unwrap();
        let mean = |axes: &[usize]| {
            Op::Reduce(Reduce {
                reduction: Reduction::Mean,
                axes: axes.to_vec(),
                keeps: true,
            })
        };
        let constant = |shape: &[usize], data: Vec<f32>| Op::Constant(Tensor::new(shape, data));
        let mut apply =
            |name: &str, op, inputs: &[ValueId]| graph.apply(&format!("n{name}"), name, op, inputs).unwrap();
        let axes: &[usize] = if change == "first axis" { &[1] } else { &[2] };
        let means = apply("m", mean(axes), &[x]);
        let centred = apply("c", Op::Sub, &[x, means]);
        let other = if change == "no square" { x } else { centred };
        let square = apply("p", Op::Mul, &[centred, other]);
        let of_square: &[usize] = if change == "other axes" { &[1, 2] } else { axes };
        let variance = apply("v", mean(of_square), &[square]);
        let number = if change == "negative" { -1e-3 } else { 1e-3 };
        let epsilon = match change {
            "epsilons" => constant(&[1, 4, 1], vec![number; 4]),
            _ => constant(&[], vec![number]),
        };
        let epsilon = apply("e", epsilon, &[]);
        let root = if change == "epsilon of the root" {
            let root = apply("r", Op::Smooth(Smooth::Sqrt), &[variance]);
            apply("s", Op::Add, &[root, epsilon])
        } else {
            let under = apply("u", Op::Add, &[variance, epsilon]);
            apply("s", Op::Smooth(Smooth::Sqrt), &[under])
        };
        let numerator = if change == "not centred" { x } else { centred };
        let quotient = apply("y", Op::Div, &[numerator, root]);
        let drawn = |seed| seeded_uniform(&[6], seed).data;
        let scale = apply("g", constant(&[1, 1, 6], drawn(1)), &[]);
        let bias = apply("b", constant(&[6], drawn(2)), &[]);
        let scaled = apply("scaled", Op::Mul, &[quotient, scale]);
        let shifted = apply("shifted", Op::Add, &[bias, scaled]);
        graph.outputs.push(shifted);
        graph
    }

    #[test]
    fn a_layer_norm_that_is_written_out_is_one_layer() {
        let graph = written_out("");
        let folded = layer_norms(&graph);
        let last = folded.nodes.last().unwrap();
        assert_eq!(last.inputs, graph.inputs);
        let Op::LayerNorm(norm) = &last.op else {
            panic!("{:?}", last.op);
        };
        assert_eq!((norm.axis, &norm.scale.shape[..]), (2, &[6][..]));
        let of = |graph: &Graph| {
            let model = FloatModel::load(&onnx::write(graph)).unwrap();
            model.run(&[seeded_uniform(&[1, 4, 6], 5)]).unwrap()
        };
        for (a, b) in of(&graph)[0].data.iter().zip(&of(&folded)[0].data) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn what_is_nearly_a_layer_norm_stays() {
        for change in [
            "first axis",
            "other axes",
            "no square",
            "epsilon of the root",
            "epsilons",
            "negative",
            "not centred",
        ] {
            let graph = written_out(change);
            assert_eq!(layer_norms(&graph), graph, "{change}");
        }
    }

    #[test]
    fn what_is_computed_twice_is_computed_once() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2]).unwrap();
        let mut apply =
            |name: &str, op, inputs: &[ValueId]| graph.apply(&format!("n{name}"), name, op, inputs).unwrap();
        let number = |number: f32| Op::Constant(Tensor::new([], vec![number]));
        let [two, other_two, three] =
            [("a", 2.0), ("b", 2.0), ("c", 3.0)].map(|(name, of)| apply(name, number(of), &[]));
        let sums =
            [("d", two), ("e", other_two), ("f", three)].map(|(name, of)| apply(name, Op::Add, &[x, of]));
        let differs = apply("g", Op::Sub, &[x, two]);
        let product = apply("h", Op::Mul, &[sums[0], sums[1]]);
        let product = apply("i", Op::Mul, &[product, sums[2]]);
        let product = apply("j", Op::Mul, &[product, differs]);
        // An output is one, whatever gives the same.
        let output = apply("k", Op::Add, &[x, other_two]);
        graph.outputs = vec![product, output];
        let shared = shared(&graph);
        let names: Vec<&str> = shared.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["na", "nc", "nd", "nf", "ng", "nh", "ni", "nj", "nk"]);
        assert_eq!(shared.nodes[5].inputs, [sums[0]; 2]);
        let of = |graph: &Graph| {
            let model = FloatModel::load(&onnx::write(graph)).unwrap();
            model.run(&[seeded_uniform(&[1, 2], 5)]).unwrap()
        };
        assert_eq!(of(&graph), of(&shared));
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
