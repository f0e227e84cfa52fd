//! A layer graph as tensors that gradients flow through.
//!
//! Goes in: a [`Graph`] of the operators that the suite's CNNs are made of. Comes out: its parameters as burn holds them,
//! what the network answers to a batch, and the graph again with what was learned.

use burn::module::{Module, Param, ParamId, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::error::TrainingError;
use crate::model::graph::{self, AvgPool2d, Conv2d, Gemm, Graph, MaxPool2d, Op, Window};

/// The parameters of a graph, each in the graph's own layout and order.
#[derive(Module, Debug)]
pub(super) struct Network {
    /// Filters, O×(C/groups)×kh×kw.
    filters: Vec<Param<Tensor<4>>>,
    /// Matrices, O×I.
    matrices: Vec<Param<Tensor<2>>>,
    /// One addend for each output of a filter or matrix that has some, in the order of the nodes.
    biases: Vec<Param<Tensor<1>>>,
    /// With their running statistics.
    norms: Vec<BatchNorm>,
}

/// What a batch of new statistics weighs in the running ones: PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// A value between two nodes: images up to `Flatten`, rows from there on.
#[derive(Clone)]
enum Activations {
    Images(Tensor<4>),
    Rows(Tensor<2>),
}

impl Network {
    /// The graph's parameters on a device.
    ///
    /// # Errors
    /// [`TrainingError::Operator`] where the graph has an operator that is not trained here.
    pub(super) fn new(graph: &Graph, device: &Device) -> Result<Self, TrainingError> {
        let mut network = Self {
            filters: Vec::new(),
            matrices: Vec::new(),
            biases: Vec::new(),
            norms: Vec::new(),
        };
        // An optimizer keeps its state under a parameter's id, which must be the same when training goes on.
        let mut ids = (1..).map(ParamId::from);
        let mut id = move || ids.next().expect("endless");
        for node in &graph.nodes {
            match &node.op {
                Op::Conv2d(Conv2d { weight, bias, .. }) => {
                    network.filters.push(parameter(id(), weight, device));
                    let bias = bias.as_ref().map(|bias| parameter(id(), bias, device));
                    network.biases.extend(bias);
                }
                Op::BatchNorm(graph::BatchNorm {
                    scale,
                    bias,
                    mean,
                    variance,
                    epsilon,
                }) => network.norms.push(BatchNorm {
                    gamma: parameter(id(), scale, device),
                    beta: parameter(id(), bias, device),
                    training: Param::from_bool(true),
                    running_mean: RunningState::new(tensor(mean, device)),
                    running_var: RunningState::new(tensor(variance, device)),
                    momentum: MOMENTUM,
                    epsilon: f64::from(*epsilon),
                }),
                Op::Gemm(Gemm {
                    weight,
                    bias: Some(bias),
                }) => {
                    network.matrices.push(parameter(id(), weight, device));
                    network.biases.push(parameter(id(), bias, device));
                }
                Op::Relu | Op::Mul | Op::MaxPool2d(_) | Op::AvgPool2d(_) | Op::Flatten => {}
                other => {
                    return Err(TrainingError::Operator {
                        node: node.name.clone(),
                        operator: other.onnx_name(),
                    });
                }
            }
        }
        Ok(network)
    }

    /// One row of logits for each image, N×classes.
    ///
    /// # Panics
    /// When the graph is not the one that the network was made of, or does not end in rows.
    pub(super) fn forward(&self, graph: &Graph, images: Tensor<4>) -> Tensor<2> {
        let mut values: Vec<Option<Activations>> = vec![None; graph.values.len()];
        values[graph.inputs[0].0] = Some(Activations::Images(images));
        let mut filters = self.filters.iter().map(Param::val);
        let mut matrices = self.matrices.iter().map(Param::val);
        let mut biases = self.biases.iter().map(Param::val);
        let mut norms = self.norms.iter();
        for node in &graph.nodes {
            let input = |position: usize| values[node.inputs[position].0].clone().expect(ORDER);
            let output = match (&node.op, input(0)) {
                (
                    Op::Conv2d(Conv2d {
                        window, groups, bias, ..
                    }),
                    Activations::Images(x),
                ) => Activations::Images(conv2d(
                    x,
                    filters.next().expect(SAME),
                    bias.as_ref().map(|_| biases.next().expect(SAME)),
                    ConvOptions::new_with_padding(window.stride, sides(window), [1, 1], *groups),
                )),
                (Op::BatchNorm(_), Activations::Images(x)) => {
                    Activations::Images(norms.next().expect(SAME).forward(x))
                }
                (Op::Gemm(_), Activations::Rows(x)) => {
                    let bias = biases.next().expect(SAME).unsqueeze::<2>();
                    Activations::Rows(x.matmul(matrices.next().expect(SAME).transpose()) + bias)
                }
                (Op::Relu, Activations::Images(x)) => Activations::Images(activation::relu(x)),
                (Op::Relu, Activations::Rows(x)) => Activations::Rows(activation::relu(x)),
                (Op::Mul, Activations::Images(x)) => {
                    let Activations::Images(y) = input(1) else {
                        unreachable!("{SAME}")
                    };
                    Activations::Images(x * y)
                }
                (Op::Mul, Activations::Rows(x)) => {
                    let Activations::Rows(y) = input(1) else {
                        unreachable!("{SAME}")
                    };
                    Activations::Rows(x * y)
                }
                (Op::MaxPool2d(MaxPool2d(window)), Activations::Images(x)) => {
                    let mut options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
                    options.padding = sides(window);
                    Activations::Images(max_pool2d(x, options))
                }
                (Op::AvgPool2d(AvgPool2d(window)), Activations::Images(x)) => Activations::Images(
                    avg_pool2d(x, AvgPoolOptions::new(window.kernel).with_stride(window.stride)),
                ),
                (Op::Flatten, Activations::Images(x)) => Activations::Rows(x.flatten(1, 3)),
                (Op::Flatten, rows) => rows,
                _ => unreachable!("{SAME}"),
            };
            values[node.output.0] = Some(output);
        }
        let output = values[graph.outputs[0].0].take().expect(ORDER);
        let Activations::Rows(logits) = output else {
            unreachable!("a classifier ends in rows")
        };
        logits
    }

    /// Writes the parameters into the graph that the network was made of.
    pub(super) fn write_into(&self, graph: &mut Graph) {
        let mut filters = self.filters.iter().map(Param::val);
        let mut matrices = self.matrices.iter().map(Param::val);
        let mut biases = self.biases.iter().map(Param::val);
        let mut norms = self.norms.iter();
        for node in &mut graph.nodes {
            match &mut node.op {
                Op::Conv2d(Conv2d { weight, .. }) => read(weight, filters.next().expect(SAME)),
                Op::Gemm(Gemm { weight, .. }) => read(weight, matrices.next().expect(SAME)),
                Op::BatchNorm(graph::BatchNorm {
                    scale,
                    bias,
                    mean,
                    variance,
                    ..
                }) => {
                    let norm = norms.next().expect(SAME);
                    read(scale, norm.gamma.val());
                    read(bias, norm.beta.val());
                    read(mean, norm.running_mean.value_sync());
                    read(variance, norm.running_var.value_sync());
                }
                _ => {}
            }
            if let Op::Conv2d(Conv2d { bias: Some(bias), .. }) | Op::Gemm(Gemm { bias: Some(bias), .. }) =
                &mut node.op
            {
                read(bias, biases.next().expect(SAME));
            }
        }
    }
}

const SAME: &str = "the graph is the one that the network was made of";

const ORDER: &str = "a node comes after those that it reads from";

fn parameter<const D: usize>(id: ParamId, values: &graph::Tensor, device: &Device) -> Param<Tensor<D>> {
    Param::initialized(id, tensor(values, device).require_grad())
}

fn tensor<const D: usize>(values: &graph::Tensor, device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.data.clone(), values.shape.clone()), device)
}

/// The other way round.
fn read<const D: usize>(values: &mut graph::Tensor, tensor: Tensor<D>) {
    values.data = tensor.into_data().try_to_vec().expect(SAME);
}

/// Padding before and after, in height and width.
fn sides(window: &Window) -> [(usize, usize); 2] {
    let [top, left, bottom, right] = window.padding;
    [(top, bottom), (left, right)]
}
