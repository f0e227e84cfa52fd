//! The typed layer graph: what every lowering, the ONNX writer and both references read.
//!
//! Goes in: operators pushed one by one through [`Graph`]'s builder methods, or a parsed ONNX file.
//! Comes out: a list of nodes in topological order, each value with its static shape (NCHW, batch 1).
//! Parameters are `f32` tensors owned by the operator that uses them.

use serde::{Deserialize, Serialize};

/// The most elements that a value may have: a circuit over BN254 has no more rows, since its field has no more roots of unity.
pub const MOST_ELEMENTS: usize = 1 << 28;

/// The number of elements of a tensor of these sizes; `None` where no `usize` holds it.
#[must_use]
pub fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// A dense row-major tensor of `f32`; `data.len()` is the product of `shape`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Sizes, outermost first; a scalar has none.
    pub shape: Vec<usize>,
    /// Row-major elements.
    pub data: Vec<f32>,
}

/// A value's position in [`Graph::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ValueId(pub usize);

/// A tensor that flows along an edge of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// The name it has in the ONNX file; unique in the graph.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

/// One operator applied to values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The name it has in the ONNX file; unique in the graph.
    pub name: String,
    /// What it computes, parameters included.
    pub op: Op,
    /// Values read, in the operator's order.
    pub inputs: Vec<ValueId>,
    /// The value written.
    pub output: ValueId,
}

/// A two-dimensional window: sizes in elements, height before width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Step in height and width.
    pub stride: [usize; 2],
    /// Padding in ONNX order: top, left, bottom, right.
    pub padding: [usize; 4],
}

/// An operator with its parameters. Each names the ONNX operator that it is written as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// ONNX `Conv`: input N×C×H×W, weight O×(C/groups)×kh×kw, bias O.
    Conv2d {
        /// Filters, O×(C/groups)×kh×kw.
        weight: Tensor,
        /// One addend for each output channel.
        bias: Option<Tensor>,
        /// Kernel, stride and padding.
        window: Window,
        /// 1 for a full convolution, C for a depthwise one.
        groups: usize,
    },
    /// ONNX `Gemm` with transB = 1: input N×I, weight O×I, bias O; output N×O.
    Gemm {
        /// O×I.
        weight: Tensor,
        /// One addend for each output.
        bias: Option<Tensor>,
    },
    /// ONNX `Relu`.
    Relu,
    /// ONNX `Sigmoid`.
    Sigmoid,
    /// ONNX `Tanh`.
    Tanh,
    /// ONNX `Mul` of two values of equal shape; `x · x` is the square.
    Mul,
    /// ONNX `Add` of two values of equal shape.
    Add,
    /// ONNX `Sub` of two values of equal shape.
    Sub,
    /// ONNX `MaxPool` (NCHW): the greatest of the elements in the window, which the padding has none of.
    MaxPool2d(Window),
    /// ONNX `AveragePool` (NCHW, no padding).
    AvgPool2d(Window),
    /// ONNX `BatchNormalization` at inference; all four tensors have one entry for each channel.
    BatchNorm {
        /// γ.
        scale: Tensor,
        /// β.
        bias: Tensor,
        /// Running mean.
        mean: Tensor,
        /// Running variance.
        variance: Tensor,
        /// Added to the variance.
        epsilon: f32,
    },
    /// ONNX `LayerNormalization` over the axes from `axis` to the last.
    LayerNorm {
        /// First normalised axis.
        axis: usize,
        /// γ over the normalised axes.
        scale: Tensor,
        /// β over the normalised axes.
        bias: Option<Tensor>,
        /// Added to the variance.
        epsilon: f32,
    },
    /// ONNX `Flatten` at axis 1.
    Flatten,
    /// ONNX `Reshape` to a static shape.
    Reshape {
        /// Target sizes, all positive.
        shape: Vec<usize>,
    },
}

/// A layer graph with static shapes; nodes are in topological order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// Every value, inputs included.
    pub values: Vec<Value>,
    /// Graph inputs, in the order of the ONNX file.
    pub inputs: Vec<ValueId>,
    /// Operators, each after those that it reads from.
    pub nodes: Vec<Node>,
    /// Graph outputs, in the order of the ONNX file.
    pub outputs: Vec<ValueId>,
}

/// Why an operator cannot be appended to a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The shapes of the inputs or parameters do not fit the operator.
    #[error("{operator}: {reason}")]
    Shape {
        /// ONNX name of the operator.
        operator: &'static str,
        /// What was expected and what was found.
        reason: String,
    },
    /// A value or node of that name is already in the graph.
    #[error("the name {name:?} is used twice")]
    DuplicateName {
        /// The repeated name.
        name: String,
    },
}

impl Tensor {
    /// A tensor of these sizes and elements.
    ///
    /// # Panics
    /// When the number of elements is not the product of the sizes.
    #[must_use]
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Self {
        let shape = shape.into();
        assert_eq!(
            data.len(),
            shape.iter().product::<usize>(),
            "a tensor of shape {shape:?} needs one element for each position",
        );
        Self { shape, data }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl Window {
    /// A square kernel with equal stride in both directions and equal padding on all four sides.
    #[must_use]
    pub const fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
        }
    }

    /// Height and width of the output for an input of this height and width: in each direction
    /// ⌊(size + padding − kernel) / stride⌋ + 1, as ONNX has it with `ceil_mode` 0 and `dilations` 1.
    /// `None` when the kernel does not fit the padded input, or a kernel size or stride is 0.
    #[must_use]
    pub fn output_size(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = input[axis]
                .checked_add(self.padding[axis])?
                .checked_add(self.padding[axis + 2])?;
            if self.kernel[axis] == 0 || self.stride[axis] == 0 {
                return None;
            }
            Some(padded.checked_sub(self.kernel[axis])? / self.stride[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// Whether windows read every element of an image of this shape: batch, channels, rows, columns.
    #[must_use]
    pub fn reads_whole(&self, shape: &[usize]) -> bool {
        let &[_, _, height, width] = shape else {
            return false;
        };
        let Some(output) = self.output_size([height, width]) else {
            return false;
        };
        [height, width].into_iter().enumerate().all(|(axis, size)| {
            let end = (output[axis] - 1) * self.stride[axis] + self.kernel[axis];
            self.stride[axis] <= self.kernel[axis] && end >= size + self.padding[axis]
        })
    }
}

impl Op {
    /// The ONNX operator that this is written as.
    #[must_use]
    pub fn onnx_name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "Conv",
            Self::Gemm { .. } => "Gemm",
            Self::Relu => "Relu",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
            Self::Mul => "Mul",
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::MaxPool2d(_) => "MaxPool",
            Self::AvgPool2d(_) => "AveragePool",
            Self::BatchNorm { .. } => "BatchNormalization",
            Self::LayerNorm { .. } => "LayerNormalization",
            Self::Flatten => "Flatten",
            Self::Reshape { .. } => "Reshape",
        }
    }

    /// Parameters in ONNX input order, each under its name in a `PyTorch` state dictionary.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        match self {
            Self::Conv2d { weight, bias, .. } | Self::Gemm { weight, bias } => {
                with_optional(("weight", weight), bias.as_ref())
            }
            Self::BatchNorm {
                scale,
                bias,
                mean,
                variance,
                ..
            } => vec![
                ("weight", scale),
                ("bias", bias),
                ("running_mean", mean),
                ("running_var", variance),
            ],
            Self::LayerNorm { scale, bias, .. } => with_optional(("weight", scale), bias.as_ref()),
            _ => Vec::new(),
        }
    }

    /// As [`Self::parameters`], to write to. Shapes must stay as they are.
    #[must_use]
    pub fn parameters_mut(&mut self) -> Vec<(&'static str, &mut Tensor)> {
        match self {
            Self::Conv2d { weight, bias, .. } | Self::Gemm { weight, bias } => {
                with_optional(("weight", weight), bias.as_mut())
            }
            Self::BatchNorm {
                scale,
                bias,
                mean,
                variance,
                ..
            } => vec![
                ("weight", scale),
                ("bias", bias),
                ("running_mean", mean),
                ("running_var", variance),
            ],
            Self::LayerNorm { scale, bias, .. } => with_optional(("weight", scale), bias.as_mut()),
            _ => Vec::new(),
        }
    }

    /// Shape of the output for inputs of these shapes.
    ///
    /// # Errors
    /// [`GraphError::Shape`] when the number of inputs, their shapes or the shapes of the
    /// parameters do not fit.
    pub fn output_shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, GraphError> {
        let shape = self.infer(inputs).and_then(|shape| {
            let fits = elements(&shape).is_some_and(|elements| (1..=MOST_ELEMENTS).contains(&elements));
            ensure(fits, || {
                format!("a result of shape {shape:?}, must have 1 to {MOST_ELEMENTS} elements")
            })?;
            Ok(shape)
        });
        shape.map_err(|reason| GraphError::Shape {
            operator: self.onnx_name(),
            reason,
        })
    }

    fn infer(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        match self {
            Self::Mul | Self::Add | Self::Sub => {
                let [a, b] = *inputs else {
                    return Err(format!("takes two inputs, not {}", inputs.len()));
                };
                ensure(a == b, || {
                    format!("takes two values of equal shape, not {a:?} and {b:?}")
                })?;
                Ok(a.to_vec())
            }
            _ => {
                let [input] = *inputs else {
                    return Err(format!("takes one input, not {}", inputs.len()));
                };
                self.infer_unary(input)
            }
        }
    }

    fn infer_unary(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        match self {
            Self::Conv2d {
                weight,
                bias,
                window,
                groups,
            } => {
                let [batch, channels, height, width] = nchw(input)?;
                let [out_channels, group_channels, kernel_height, kernel_width] = weight.shape[..] else {
                    return Err(format!("weight of shape {:?}", weight.shape));
                };
                ensure([kernel_height, kernel_width] == window.kernel, || {
                    format!(
                        "kernel {:?} but weight of shape {:?}",
                        window.kernel, weight.shape
                    )
                })?;
                ensure(
                    *groups > 0
                        && group_channels.checked_mul(*groups) == Some(channels)
                        && out_channels % groups == 0,
                    || {
                        format!(
                            "weight of shape {:?} in {groups} groups over {channels} channels",
                            weight.shape
                        )
                    },
                )?;
                ensure_shape("bias", bias.as_ref(), &[out_channels])?;
                let [out_height, out_width] = window_output(window, [height, width])?;
                Ok(vec![batch, out_channels, out_height, out_width])
            }
            Self::Gemm { weight, bias } => {
                let ([batch, features], [out_features, in_features]) = (input, &weight.shape[..]) else {
                    return Err(format!(
                        "input of shape {input:?} and weight of shape {:?}, both must have rank 2",
                        weight.shape
                    ));
                };
                ensure(features == in_features, || {
                    format!("input of shape {input:?} but weight {:?}", weight.shape)
                })?;
                ensure_shape("bias", bias.as_ref(), &[*out_features])?;
                Ok(vec![*batch, *out_features])
            }
            Self::MaxPool2d(window) => {
                // A window that reads nothing but padding would have no greatest element.
                let reads = (0..4).all(|side| window.padding[side] < window.kernel[side % 2]);
                ensure(reads, || {
                    format!(
                        "padding {:?}, must be below the kernel {:?}",
                        window.padding, window.kernel
                    )
                })?;
                pooled(window, input)
            }
            Self::AvgPool2d(window) => {
                ensure(window.padding == [0; 4], || {
                    format!("padding {:?}, must be none", window.padding)
                })?;
                pooled(window, input)
            }
            Self::BatchNorm { .. } => {
                let [_, channels, ..] = *input else {
                    return Err(format!("input of shape {input:?}"));
                };
                for (name, parameter) in self.parameters() {
                    ensure_shape(name, Some(parameter), &[channels])?;
                }
                Ok(input.to_vec())
            }
            Self::LayerNorm { axis, .. } => {
                ensure(*axis < input.len(), || {
                    format!("axis {axis} of an input of shape {input:?}")
                })?;
                for (name, parameter) in self.parameters() {
                    ensure_shape(name, Some(parameter), &input[*axis..])?;
                }
                Ok(input.to_vec())
            }
            Self::Flatten => {
                let [batch, rest @ ..] = input else {
                    return Err("input is a scalar".to_owned());
                };
                Ok(vec![*batch, rest.iter().product()])
            }
            Self::Reshape { shape } => {
                ensure(elements(shape) == elements(input), || {
                    format!("from {input:?} to {shape:?}")
                })?;
                Ok(shape.clone())
            }
            // The binary operators never come here: `infer` has dealt with them.
            Self::Relu | Self::Sigmoid | Self::Tanh | Self::Mul | Self::Add | Self::Sub => Ok(input.to_vec()),
        }
    }
}

impl Graph {
    /// Appends a graph input.
    ///
    /// # Errors
    /// [`GraphError::DuplicateName`].
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<ValueId, GraphError> {
        let id = self.add_value(name, shape.to_vec())?;
        self.inputs.push(id);
        Ok(id)
    }

    /// Appends the node `name`, and its output as the value `output`.
    ///
    /// # Errors
    /// When a name is taken or the shapes do not fit; the graph is then as it was before.
    ///
    /// # Panics
    /// When an input is not a value of this graph.
    pub fn apply(
        &mut self,
        name: &str,
        output: &str,
        op: Op,
        inputs: &[ValueId],
    ) -> Result<ValueId, GraphError> {
        if self.nodes.iter().any(|node| node.name == name) {
            return Err(GraphError::DuplicateName {
                name: name.to_owned(),
            });
        }
        let shapes: Vec<&[usize]> = inputs.iter().map(|&id| self.shape(id)).collect();
        let shape = op.output_shape(&shapes)?;
        let id = self.add_value(output, shape)?;
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            output: id,
        });
        Ok(id)
    }

    /// Shape of a value.
    ///
    /// # Panics
    /// When it is not a value of this graph.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> &[usize] {
        &self.values[id.0].shape
    }

    /// The graph inputs, in order.
    pub fn input_values(&self) -> impl Iterator<Item = &Value> {
        self.inputs.iter().map(|id| &self.values[id.0])
    }

    /// The graph outputs, in order.
    pub fn output_values(&self) -> impl Iterator<Item = &Value> {
        self.outputs.iter().map(|id| &self.values[id.0])
    }

    fn add_value(&mut self, name: &str, shape: Vec<usize>) -> Result<ValueId, GraphError> {
        if self.values.iter().any(|value| value.name == name) {
            return Err(GraphError::DuplicateName {
                name: name.to_owned(),
            });
        }
        self.values.push(Value {
            name: name.to_owned(),
            shape,
        });
        Ok(ValueId(self.values.len() - 1))
    }
}

fn with_optional<T>(weight: (&'static str, T), bias: Option<T>) -> Vec<(&'static str, T)> {
    std::iter::once(weight)
        .chain(bias.map(|bias| ("bias", bias)))
        .collect()
}

fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

fn ensure_shape(name: &str, parameter: Option<&Tensor>, shape: &[usize]) -> Result<(), String> {
    parameter.map_or(Ok(()), |tensor| {
        ensure(tensor.shape == shape, || {
            format!("{name} of shape {:?}, must be {shape:?}", tensor.shape)
        })
    })
}

fn nchw(shape: &[usize]) -> Result<[usize; 4], String> {
    shape
        .try_into()
        .map_err(|_| format!("input of shape {shape:?}, must be N×C×H×W"))
}

fn window_output(window: &Window, input: [usize; 2]) -> Result<[usize; 2], String> {
    window
        .output_size(input)
        .ok_or_else(|| format!("{window:?} does not fit a {}×{} input", input[0], input[1]))
}

fn pooled(window: &Window, input: &[usize]) -> Result<Vec<usize>, String> {
    let [batch, channels, height, width] = nchw(input)?;
    let [out_height, out_width] = window_output(window, [height, width])?;
    Ok(vec![batch, channels, out_height, out_width])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(shape: &[usize]) -> Tensor {
        Tensor::new(shape, vec![0.0; shape.iter().product()])
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_the_graph_as_it_was() {
        let mut graph = Graph::default();
        let image = graph.input("image", &[1, 4, 5, 5]).expect("new");
        let row = graph.input("row", &[1, 100]).expect("new");
        let before = graph.clone();
        let conv = |weight: &[usize], bias: Option<&[usize]>, groups| Op::Conv2d {
            weight: zeros(weight),
            bias: bias.map(zeros),
            window: Window::square(3, 1, 0),
            groups,
        };
        let misfits = [
            (conv(&[2, 3, 3, 3], None, 1), vec![image]),
            (conv(&[2, 4, 2, 2], None, 1), vec![image]),
            (conv(&[3, 2, 3, 3], None, 2), vec![image]),
            (conv(&[2, 4, 3, 3], Some(&[3]), 1), vec![image]),
            (conv(&[2, 4, 3, 3], None, 1), vec![row]),
            (Op::MaxPool2d(Window::square(6, 1, 0)), vec![image]),
            (Op::AvgPool2d(Window::square(2, 1, 1)), vec![image]),
            (
                Op::Gemm {
                    weight: zeros(&[10, 99]),
                    bias: None,
                },
                vec![row],
            ),
            (Op::Mul, vec![image, row]),
            (Op::Relu, vec![image, image]),
            (Op::Reshape { shape: vec![1, 101] }, vec![image]),
        ];
        for (op, inputs) in misfits {
            let refused = graph.apply("node", "out", op.clone(), &inputs);
            assert!(matches!(refused, Err(GraphError::Shape { .. })), "{op:?}");
            assert_eq!(graph, before);
        }
        let taken = graph.apply("node", "row", Op::Relu, &[image]);
        assert!(matches!(taken, Err(GraphError::DuplicateName { .. })));
        assert_eq!(graph, before);
        let fits = graph.apply("node", "out", conv(&[6, 2, 3, 3], Some(&[6]), 2), &[image]);
        assert_eq!(fits.map(|id| graph.shape(id).to_vec()), Ok(vec![1, 6, 3, 3]));
    }
}
