//! Models of the suites as graphs.
//!
//! Goes in: a [`ModelSpec`] and a seed. Comes out: a [`Graph`] with weights drawn from that seed: of the study's models as
//! `PyTorch` draws them by default, of [networks](network) by He's initialisation. The same seed gives the same weights on
//! every machine.

mod network;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::graph::{
    AvgPool2d, BatchNorm, Conv2d, Gemm, Graph, LayerNorm, MaxPool2d, Op, Tensor, ValueId, Window,
};
use crate::input;
use crate::suite::{Activation, Architecture, CnnStage, ModelSpec, Pooling};
use network::Network;

/// The stream of a seed that weights come from; [`super::input`] uses another.
const WEIGHT_STREAM: u64 = 0;

/// `PyTorch`'s default ε of batch and layer normalisation.
pub(super) const NORM_EPSILON: f32 = 1e-5;

/// Every convolution of the study's models has this kernel size.
const CONV_KERNEL: usize = 3;

/// Every convolution of the study's models has this padding on each side.
const CONV_PADDING: usize = 1;

/// The model with weights drawn from the seed. Its input is named `input` and its output `output`;
/// nodes are named as modules are in `PyTorch`: `conv1`, `conv2`, `fc`; in a network each has a number.
#[must_use]
pub fn build(spec: &ModelSpec, seed: u64) -> Graph {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(WEIGHT_STREAM);
    let mut builder = Builder::new(spec.input_shape, Weights(rng));
    match spec.architecture {
        Architecture::Relu => builder.then("relu", Op::Relu),
        Architecture::Silu => {
            let input = builder.last;
            builder.then("sigmoid", Op::Sigmoid);
            builder.join("silu", Op::Mul, input);
        }
        Architecture::Tanh => builder.then("tanh", Op::Tanh),
        Architecture::Square => builder.activate("poly", Activation::Square),
        Architecture::Pool(pooling) => builder.pool("pool", pooling),
        Architecture::Conv2d {
            out_channels,
            stride,
            groups,
        } => builder.conv("conv", out_channels, stride, groups),
        Architecture::BatchNorm2d => builder.batch_norm("bn"),
        Architecture::LayerNorm => builder.layer_norm("ln"),
        Architecture::Dense { out_features } => builder.dense("fc", out_features),
        Architecture::Cnn { stages, classes } => {
            for (index, stage) in stages.into_iter().enumerate() {
                builder.stage(index + 1, stage);
            }
            builder.then("flatten", Op::Flatten);
            builder.dense("fc", classes);
        }
        Architecture::Network(layers) => Network::append(&mut builder, layers, input::bound(spec) as f32),
    }
    builder.finish()
}

/// Gives every normalisation the parameters of a module that was never trained, as the study's were: γ = 1, β = 0,
/// mean 0, variance 1. EZKL leaves out the sum with 0, and so a cell for each element.
pub fn untrain_normalisations(graph: &mut Graph) {
    for node in &mut graph.nodes {
        match &mut node.op {
            Op::BatchNorm(BatchNorm {
                scale,
                bias,
                mean,
                variance,
                ..
            }) => {
                scale.data.fill(1.0);
                bias.data.fill(0.0);
                mean.data.fill(0.0);
                variance.data.fill(1.0);
            }
            Op::LayerNorm(LayerNorm { scale, bias, .. }) => {
                scale.data.fill(1.0);
                if let Some(bias) = bias {
                    bias.data.fill(0.0);
                }
            }
            _ => {}
        }
    }
}

/// Weights in the order in which they are drawn.
struct Weights(ChaCha8Rng);

impl Weights {
    /// Uniform in [−bound, bound) around `centre`.
    fn uniform(&mut self, shape: &[usize], centre: f32, bound: f32) -> Tensor {
        let data = (0..shape.iter().product())
            .map(|_| centre + bound * input::symmetric_unit(&mut self.0))
            .collect();
        Tensor::new(shape, data)
    }

    /// Weight and bias of a linear layer: uniform within 1/√(fan in), `PyTorch`'s default for
    /// `Linear` and `Conv2d` alike.
    fn linear(&mut self, shape: &[usize]) -> (Tensor, Tensor) {
        let fan_in: usize = shape[1..].iter().product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let weight = self.uniform(shape, 0.0, bound);
        let bias = self.uniform(&shape[..1], 0.0, bound);
        (weight, bias)
    }
}

/// A chain of nodes under construction.
struct Builder {
    graph: Graph,
    last: ValueId,
    weights: Weights,
}

/// The shapes of the suite are constants, so that a failure to fit is a mistake in this file.
const FITS: &str = "the suite's layers fit together";

impl Builder {
    fn new(input_shape: &[usize], weights: Weights) -> Self {
        let mut graph = Graph::default();
        let last = graph.input("input", input_shape).expect(FITS);
        Self { graph, last, weights }
    }

    fn finish(mut self) -> Graph {
        "output".clone_into(&mut self.graph.values[self.last.0].name);
        self.graph.outputs.push(self.last);
        self.graph
    }

    fn append(&mut self, name: &str, op: Op, inputs: &[ValueId]) {
        self.last = self
            .graph
            .apply(name, &format!("{name}_output"), op, inputs)
            .expect(FITS);
    }

    fn then(&mut self, name: &str, op: Op) {
        self.append(name, op, &[self.last]);
    }

    fn join(&mut self, name: &str, op: Op, left: ValueId) {
        self.append(name, op, &[left, self.last]);
    }

    /// Entries along the axis of channels (or features) of the last value.
    fn channels(&self) -> usize {
        self.graph.shape(self.last)[1]
    }

    fn conv(&mut self, name: &str, out_channels: usize, stride: usize, groups: usize) {
        let shape = [out_channels, self.channels() / groups, CONV_KERNEL, CONV_KERNEL];
        let (weight, bias) = self.weights.linear(&shape);
        self.then(
            name,
            Op::Conv2d(Conv2d {
                weight,
                bias: Some(bias),
                window: Window::square(CONV_KERNEL, stride, CONV_PADDING),
                groups,
            }),
        );
    }

    fn dense(&mut self, name: &str, out_features: usize) {
        let (weight, bias) = self.weights.linear(&[out_features, self.channels()]);
        self.then(
            name,
            Op::Gemm(Gemm {
                weight,
                bias: Some(bias),
            }),
        );
    }

    fn activate(&mut self, name: &str, activation: Activation) {
        match activation {
            Activation::Relu => self.then(name, Op::Relu),
            Activation::Square => self.join(name, Op::Mul, self.last),
        }
    }

    fn pool(&mut self, name: &str, pooling: Pooling) {
        let window = Window::square(2, 2, 0);
        self.then(
            name,
            match pooling {
                Pooling::Max => Op::MaxPool2d(MaxPool2d(window)),
                Pooling::Average => Op::AvgPool2d(AvgPool2d(window)),
            },
        );
    }

    fn stage(&mut self, number: usize, stage: CnnStage) {
        self.conv(&format!("conv{number}"), stage.out_channels, stage.stride, 1);
        self.activate(&format!("act{number}"), stage.activation);
        if let Some(pooling) = stage.pooling {
            self.pool(&format!("pool{number}"), pooling);
        }
    }

    /// γ in [0.9, 1.1), β and the running mean in [−0.1, 0.1), the running variance in [0.5, 1.5):
    /// as after some training, so that no parameter is a trivial 0 or 1.
    fn batch_norm(&mut self, name: &str) {
        let channels = [self.channels()];
        let op = Op::BatchNorm(BatchNorm {
            scale: self.weights.uniform(&channels, 1.0, 0.1),
            bias: self.weights.uniform(&channels, 0.0, 0.1),
            mean: self.weights.uniform(&channels, 0.0, 0.1),
            variance: self.weights.uniform(&channels, 1.0, 0.5),
            epsilon: NORM_EPSILON,
        });
        self.then(name, op);
    }

    /// γ in [0.9, 1.1) and β in [−0.1, 0.1) over all of C, H and W.
    fn layer_norm(&mut self, name: &str) {
        let shape = self.graph.shape(self.last)[1..].to_vec();
        let op = Op::LayerNorm(LayerNorm {
            axis: 1,
            scale: self.weights.uniform(&shape, 1.0, 0.1),
            bias: Some(self.weights.uniform(&shape, 0.0, 0.1)),
            epsilon: NORM_EPSILON,
        });
        self.then(name, op);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{self, MODELS};

    #[test]
    fn output_shapes_are_the_studys() {
        let expected: [(&str, &[usize]); 20] = [
            ("relu", &[1, 1, 64, 64]),
            ("silu", &[1, 1, 64, 64]),
            ("tanh", &[1, 1, 64, 64]),
            ("poly", &[1, 1, 64, 64]),
            ("maxpool2d_k2", &[1, 32, 32, 32]),
            ("avgpool2d_k2", &[1, 32, 32, 32]),
            ("conv2d_k3_s1", &[1, 64, 64, 64]),
            ("conv2d_k3_s2", &[1, 64, 32, 32]),
            ("depthwise_conv2d", &[1, 32, 64, 64]),
            ("batchnorm2d", &[1, 32, 64, 64]),
            ("layernorm", &[1, 32, 64, 64]),
            ("dense", &[1, 128]),
            ("dense_small", &[1, 64]),
            ("dense_large", &[1, 512]),
            ("conv2d_small", &[1, 32, 32, 32]),
            ("conv2d_large", &[1, 128, 128, 128]),
            ("cnn_relu", &[1, 10]),
            ("cnn_poly", &[1, 10]),
            ("cnn_mixed", &[1, 10]),
            ("cnn_strided", &[1, 10]),
        ];
        for ((id, shape), spec) in expected.into_iter().zip(&MODELS) {
            assert_eq!(spec.id, id);
            let graph = build(spec, 0);
            let [output] = graph.output_values().collect::<Vec<_>>()[..] else {
                panic!("{id} has one output");
            };
            assert_eq!((output.name.as_str(), &output.shape[..]), ("output", shape));
        }
    }

    #[test]
    fn the_dense_layer_of_each_cnn_has_4096_inputs() {
        for id in ["cnn_relu", "cnn_poly", "cnn_mixed", "cnn_strided"] {
            let graph = build(suite::find(id).expect("in the suite"), 0);
            let dense = graph.nodes.last().expect("has nodes");
            let (_, weight) = dense.op.parameters()[0];
            assert_eq!(weight.shape, [10, 4096], "{id}");
        }
    }

    #[test]
    fn a_seed_fixes_the_weights_and_another_changes_them() {
        let spec = suite::find("cnn_relu").expect("in the suite");
        assert_eq!(build(spec, 7), build(spec, 7));
        assert_ne!(build(spec, 7), build(spec, 8));
    }

    #[test]
    fn linear_weights_fill_their_range() {
        let graph = build(suite::find("dense").expect("in the suite"), 0);
        let bound = 1.0 / 16.0;
        let (_, weight) = graph.nodes[0].op.parameters()[0];
        assert!(weight.data.iter().all(|w| (-bound..bound).contains(w)));
        let mean = weight.data.iter().sum::<f32>() / 32_768.0;
        let spread = weight.data.iter().map(|w| w * w).sum::<f32>() / 32_768.0;
        assert!(mean.abs() < 1e-3, "mean {mean}");
        // The variance of a uniform variable on [−b, b) is b²/3.
        let expected = bound * bound / 3.0;
        assert!((spread / expected - 1.0).abs() < 0.02, "variance {spread}");
    }
}
