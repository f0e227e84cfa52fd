//! Networks as graphs.
//!
//! Weights are drawn by He's initialisation, uniform within √(6 / fan in), so that what ReLUs pass on has the variance of what
//! came in. The last layer of each branch of a sum has weights that are smaller by √(number of sums), so that sums after sums
//! do not grow. What projects queries, keys and values has a variance of 1 / fan in. Biases are uniform within 1/√(fan in). On
//! the shortest way from the input to the output each layer has weights that are smaller by the same factor, so that inputs of
//! any magnitude come down to the order of 1, and no layer's weights are too small for the circuit's scale.

use std::collections::HashMap;

use super::{Builder, FITS, NORM_EPSILON};
use crate::graph::{
    AvgPool2d, Conv2d, Gemm, GlobalPool, LayerNorm, MaxPool2d, Movement, Op, Piecewise, Reduction, Reshape,
    Smooth, Softmax, Tensor, ValueId, Window,
};
use crate::suite::Layer;

/// A network under construction.
pub(super) struct Network<'a> {
    builder: &'a mut Builder,
    /// How many nodes of each kind there are.
    named: HashMap<&'static str, usize>,
    /// What the weights at the end of a branch are multiplied by.
    branch: f32,
    /// What the weights on the shortest way are multiplied by.
    damping: f32,
}

/// He's gain, for what a ReLU follows; its square is the variance times the fan in.
const HE: f32 = std::f32::consts::SQRT_2;

/// What keeps the variance where nothing follows.
const LINEAR: f32 = 1.0;

/// How many layers with weights there are on the shortest way.
fn depth(layers: &[Layer]) -> usize {
    let of = |layer: &Layer| match layer {
        Layer::Residual { shortcut, body } => depth(shortcut).min(depth(body)),
        Layer::Sequence(layers) => depth(layers),
        layer => usize::from(has_weights(layer)),
    };
    layers.iter().map(of).sum()
}

/// How many sums there are in a chain of layers.
fn sums(layers: &[Layer]) -> usize {
    let of = |layer: &Layer| match layer {
        Layer::Residual { shortcut, body } => 1 + sums(shortcut) + sums(body),
        Layer::Sequence(layers) => sums(layers),
        _ => 0,
    };
    layers.iter().map(of).sum()
}

fn has_weights(layer: &Layer) -> bool {
    match layer {
        Layer::Sequence(layers) => layers.iter().any(has_weights),
        _ => matches!(
            layer,
            Layer::Conv { .. } | Layer::Dense(_) | Layer::Product(_) | Layer::Attention { .. }
        ),
    }
}

impl<'a> Network<'a> {
    /// Appends these layers; the builder's input is of at most this magnitude.
    pub(super) fn append(builder: &'a mut Builder, layers: &[Layer], magnitude: f32) {
        let branch = (sums(layers).max(1) as f32).sqrt().recip();
        let mut network = Self {
            builder,
            named: HashMap::new(),
            branch,
            damping: magnitude.powf(-(depth(layers).max(1) as f32).recip()),
        };
        network.chain(layers, network.damping, 1.0);
    }

    /// One layer after the other, whose weights are multiplied by `each`, and by `end` where they are the last that there are.
    fn chain(&mut self, layers: &[Layer], each: f32, end: f32) {
        let last = layers.iter().rposition(has_weights);
        for (index, layer) in layers.iter().enumerate() {
            self.layer(layer, each, if last == Some(index) { end } else { 1.0 });
        }
    }

    fn layer(&mut self, layer: &Layer, each: f32, end: f32) {
        let factor = each * end;
        match *layer {
            Layer::Conv {
                out_channels,
                kernel,
                stride,
                padding,
                bias,
            } => {
                let channels = self.builder.channels();
                let groups = if out_channels.is_some() { 1 } else { channels };
                let out_channels = out_channels.unwrap_or(channels);
                let shape = [out_channels, channels / groups, kernel[0], kernel[1]];
                let (weight, addend) = self.weights(&shape, &[out_channels], HE * factor);
                let window = Window {
                    kernel,
                    stride: [stride; 2],
                    padding,
                };
                self.then(
                    "conv",
                    Op::Conv2d(Conv2d {
                        weight,
                        bias: bias.then_some(addend),
                        window,
                        groups,
                    }),
                );
            }
            Layer::BatchNorm => {
                let name = self.name("bn");
                self.builder.batch_norm(&name);
            }
            Layer::LayerNorm => {
                let shape = self.builder.graph.shape(self.builder.last);
                let (axis, width) = (shape.len() - 1, *shape.last().expect(FITS));
                let op = LayerNorm {
                    axis,
                    scale: self.builder.weights.uniform(&[width], 1.0, 0.1),
                    bias: Some(self.builder.weights.uniform(&[width], 0.0, 0.1)),
                    epsilon: NORM_EPSILON,
                };
                self.then("ln", Op::LayerNorm(op));
            }
            Layer::Relu => self.then("relu", Op::Relu),
            Layer::Relu6 => self.then(
                "relu",
                Op::Piecewise(Piecewise::Clip {
                    least: 0.0,
                    greatest: 6.0,
                }),
            ),
            Layer::Gelu => self.then("gelu", Op::Smooth(Smooth::Gelu)),
            Layer::Softmax => self.softmax(),
            Layer::MaxPool(size) => {
                self.then("pool", Op::MaxPool2d(MaxPool2d(Window::square(size, size, 0))));
            }
            Layer::AveragePool(size) => {
                let window = Window {
                    kernel: size,
                    stride: size,
                    padding: [0; 4],
                };
                self.then("pool", Op::AvgPool2d(AvgPool2d(window)));
            }
            Layer::GlobalAveragePool => {
                let reduction = Reduction::Mean;
                self.then("pool", Op::GlobalPool(GlobalPool { reduction }));
            }
            Layer::Flatten => self.then("flatten", Op::Flatten),
            Layer::Reshape(shape) => self.reshape(shape),
            Layer::Transpose(permutation) => self.transpose(permutation),
            Layer::Dense(outputs) => self.dense(outputs, HE * factor),
            Layer::Product(outputs) => {
                let shape = [outputs, self.builder.channels()];
                let (weight, addend) = self.weights(&shape, &[outputs], HE * factor);
                self.then("fc", Op::Gemm(Gemm { weight, bias: None }));
                let product = self.builder.last;
                self.apply("constant", Op::Constant(addend), &[]);
                let addend = self.builder.last;
                self.apply("add", Op::Add, &[product, addend]);
            }
            Layer::Attention { heads } => self.attention(heads, factor),
            Layer::Sequence(layers) => self.chain(layers, each, end),
            Layer::Residual { shortcut, body } => {
                let input = self.builder.last;
                self.chain(shortcut, each, 1.0);
                let beside = std::mem::replace(&mut self.builder.last, input);
                // What both chains make is of one magnitude.
                self.chain(body, 1.0, self.branch * each.powi(depth(shortcut) as i32));
                let made = self.builder.last;
                self.apply("add", Op::Add, &[beside, made]);
            }
        }
    }

    /// The next name of a kind of node.
    fn name(&mut self, kind: &'static str) -> String {
        let number = self.named.entry(kind).or_default();
        *number += 1;
        format!("{kind}{number}")
    }

    fn apply(&mut self, kind: &'static str, op: Op, inputs: &[ValueId]) {
        let name = self.name(kind);
        self.builder.append(&name, op, inputs);
    }

    fn then(&mut self, kind: &'static str, op: Op) {
        self.apply(kind, op, &[self.builder.last]);
    }

    fn reshape(&mut self, shape: &[usize]) {
        let shape = shape.to_vec();
        self.then("reshape", Op::Reshape(Reshape { shape }));
    }

    fn transpose(&mut self, permutation: &[usize]) {
        let permutation = permutation.to_vec();
        self.then("transpose", Op::Movement(Movement::Transpose { permutation }));
    }

    fn softmax(&mut self) {
        let is_logarithm = false;
        self.then("softmax", Op::Softmax(Softmax { is_logarithm }));
    }

    /// Weights, outputs first, whose variance is the gain's square over the fan in, and biases.
    fn weights(&mut self, shape: &[usize], biases: &[usize], gain: f32) -> (Tensor, Tensor) {
        let fan_in: usize = shape[1..].iter().product();
        let deviation = (fan_in as f32).sqrt().recip();
        // The variance of a uniform variable on [−b, b) is b²/3.
        let bound = 3.0_f32.sqrt() * gain * deviation;
        let weight = self.builder.weights.uniform(shape, 0.0, bound);
        (weight, self.builder.weights.uniform(biases, 0.0, deviation))
    }

    fn dense(&mut self, outputs: usize, gain: f32) {
        let shape = [outputs, self.builder.channels()];
        let (weight, bias) = self.weights(&shape, &[outputs], gain);
        let bias = Some(bias);
        self.then("fc", Op::Gemm(Gemm { weight, bias }));
    }

    fn attention(&mut self, heads: usize, factor: f32) {
        let input = self.builder.last;
        let &[rows, width] = self.builder.graph.shape(input) else {
            unreachable!("attention is of rows")
        };
        let of_head = width / heads;
        let mut projected = |permutation: &[usize]| {
            self.builder.last = input;
            self.dense(width, LINEAR);
            self.reshape(&[rows, heads, of_head]);
            self.transpose(permutation);
            self.builder.last
        };
        let queries = projected(&[1, 0, 2]);
        let keys = projected(&[1, 2, 0]);
        let values = projected(&[1, 0, 2]);
        self.apply("matmul", Op::MatMul, &[queries, keys]);
        let scores = self.builder.last;
        let scale = Tensor::new([1], vec![(of_head as f32).sqrt().recip()]);
        self.apply("constant", Op::Constant(scale), &[]);
        let scale = self.builder.last;
        self.apply("mul", Op::Mul, &[scores, scale]);
        self.softmax();
        let shares = self.builder.last;
        self.apply("matmul", Op::MatMul, &[shares, values]);
        self.transpose(&[1, 0, 2]);
        self.reshape(&[rows, width]);
        self.dense(width, LINEAR * factor);
    }
}

#[cfg(test)]
mod tests {
    use crate::suite::NETWORKS;
    use crate::{calibrate, input, layers};

    /// From layer to layer values neither vanish nor explode, on the way from the input's magnitude to the order of 1; a Softmax
    /// has shares of 1.
    #[test]
    fn drawn_weights_keep_values_in_range() {
        for spec in &NETWORKS {
            let graph = layers::build(spec, 0);
            let input = input::seeded(spec, 1);
            let most = f64::from(input.data.iter().fold(0.0_f32, |most, x| most.max(x.abs())));
            let reach = calibrate::reach(&graph, &[vec![input]], 0).expect("it runs");
            for node in graph.nodes.iter().filter(|node| node.op.onnx_name() != "Softmax") {
                let name = &graph.values[node.output.0].name;
                let Some(bound) = reach.bound(name).filter(|_| !node.inputs.is_empty()) else {
                    continue;
                };
                let range = 1.0 / 32.0..=64.0 * most.max(1.0);
                assert!(range.contains(&bound), "{} {name}: {bound} after {most}", spec.id);
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_networks() {
        // Addends that stand in an operator of their own are not counted.
        let expected = [
            ("resnet8", 77_696, 12_501_632),
            ("ds_cnn", 22_592, 2_656_768),
            ("mobilenet_v1_025", 210_848, 7_489_664),
            ("fc_autoencoder", 264_192, 264_192),
            ("lenet5", 61_706, 416_520),
            ("resnet20", 274_042, 40_813_184),
        ];
        for (id, parameters, multiply_adds) in expected {
            let graph = layers::build(crate::suite::find(id).expect("in the suite"), 0);
            let cost = crate::cost::cost(&graph);
            assert_eq!(
                (cost.parameters, cost.multiply_adds),
                (parameters, multiply_adds),
                "{id}"
            );
        }
    }
}
