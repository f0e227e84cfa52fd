//! From the layer graph to the elementary steps that EZKL's ONNX loader makes of it.
//!
//! Goes in: a [`Graph`]. Comes out: a [`Program`] whose scales are still 0.
//!
//! EZKL loads ONNX through tract (revision 37132e0 for 23.0.5) and keeps what its `declutter` passes leave. Of these
//! the following change integers or scales, and are done here in the same `f32` arithmetic:
//! - a batch norm is a product and a sum with constants; both are folded into a convolution (of one group, not
//!   1×1) that nothing else reads;
//! - a 1×1 convolution without padding is a matrix product, and its bias a sum;
//! - a product with 1 or a sum with 0 everywhere disappears, and a product of a value with itself is a square;
//! - a layer norm is a sum, a product with the reciprocal of the count, a difference, a mean of squares, a sum with
//!   epsilon, a reciprocal square root, and two products and a sum;
//! - equal constants are one constant.

use super::super::graph::{BatchNorm, Conv2d, Gemm, Graph, LayerNorm, Node, Tensor, ValueId, Window};
use super::super::ops::Direct;
use super::batch_axis::misread_convolution;
use super::error::IntegerError;
use super::program::{Constant, Input, Operand, Operation, Program, Source, Step};

/// Writes the steps of `graph`; scales and rescales stay 0.
pub(super) fn load(graph: &Graph) -> Result<Program, IntegerError> {
    let mut loader = Loader::new(graph);
    for node in &graph.nodes {
        if loader.is_read(node.output) {
            loader.node(node)?;
        }
    }
    let program = Program {
        outputs: graph.outputs.iter().map(|id| loader.value(*id)).collect(),
        ..loader.program
    };
    match misread_convolution(&program) {
        Some(step) => Err(IntegerError::MisreadConvolution {
            node: program.steps[step].node.clone(),
        }),
        None => Ok(program),
    }
}

/// A convolution that a following batch norm may still be folded into.
#[derive(Clone)]
struct Foldable {
    image: usize,
    weight: Tensor,
    bias: Option<Tensor>,
    window: Window,
}

struct Loader<'a> {
    graph: &'a Graph,
    program: Program,
    /// For each value of the graph, the value that it stands for: itself, or what a reshape to the same shape reads.
    same: Vec<ValueId>,
    /// For each value of the graph, the nodes that read it and lead to an output, once for each operand.
    readers: Vec<Vec<&'a Node>>,
    /// For each value of the graph, its number in the program, once it has one.
    numbers: Vec<Option<usize>>,
    foldable: Vec<Option<Foldable>>,
}

impl<'a> Loader<'a> {
    fn new(graph: &'a Graph) -> Self {
        let count = graph.values.len();
        let mut same: Vec<_> = (0..count).map(ValueId).collect();
        for node in &graph.nodes {
            let reshapes = matches!(node.op.direct(), Direct::Reshape);
            if reshapes && graph.shape(node.inputs[0]) == graph.shape(node.output) {
                same[node.output.0] = same[node.inputs[0].0];
            }
        }
        let mut readers = vec![Vec::new(); count];
        let is_output = |id: ValueId| graph.outputs.iter().any(|output| same[output.0] == id);
        for node in graph.nodes.iter().rev() {
            let alias = same[node.output.0] != node.output;
            if !alias && (is_output(node.output) || !readers[node.output.0].is_empty()) {
                for input in &node.inputs {
                    readers[same[input.0].0].push(node);
                }
            }
        }
        let mut numbers = vec![None; count];
        let inputs = graph.inputs.iter().enumerate().map(|(number, id)| {
            numbers[id.0] = Some(number);
            let value = &graph.values[id.0];
            Input {
                name: value.name.clone(),
                shape: value.shape.clone(),
                scale: 0,
            }
        });
        let program = Program {
            inputs: inputs.collect(),
            ..Program::default()
        };
        Self {
            graph,
            program,
            same,
            readers,
            numbers,
            foldable: vec![None; count],
        }
    }

    fn is_output(&self, id: ValueId) -> bool {
        (self.graph.outputs.iter()).any(|output| self.same[output.0] == id)
    }

    /// Whether the value is computed by its node and leads to an output.
    fn is_read(&self, id: ValueId) -> bool {
        self.same[id.0] == id && (self.is_output(id) || !self.readers[id.0].is_empty())
    }

    /// The number of a value in the program.
    fn value(&self, id: ValueId) -> usize {
        self.numbers[self.same[id.0].0].expect("nodes are in topological order")
    }

    fn node(&mut self, node: &'a Node) -> Result<(), IntegerError> {
        let shape = self.graph.shape(node.output).to_vec();
        let operation = match self.direct(node) {
            Direct::Convolution(Conv2d {
                weight,
                bias,
                window,
                groups,
            }) => return self.convolution(node, weight, bias.as_ref(), *window, *groups),
            Direct::Dense(Gemm { weight, bias }) => {
                let image = self.read(node, 0);
                let product = self.product(node, image, weight, bias.as_ref(), &shape);
                self.numbers[node.output.0] = Some(product);
                return Ok(());
            }
            Direct::BatchNorm(BatchNorm {
                scale,
                bias,
                mean,
                variance,
                epsilon,
            }) => {
                let affine = Affine::new(scale, bias, mean, variance, *epsilon);
                return self.batch_norm(node, &affine);
            }
            Direct::LayerNorm(LayerNorm {
                axis,
                scale,
                bias,
                epsilon,
            }) => return self.layer_norm(node, *axis, scale, bias.as_ref(), *epsilon),
            Direct::Multiply if self.same[node.inputs[0].0] == self.same[node.inputs[1].0] => {
                let square = self.step(node, Operation::Square, [self.read(node, 0)], &shape);
                self.numbers[node.output.0] = Some(square);
                return Ok(());
            }
            Direct::Multiply => Operation::Multiply,
            Direct::Add => Operation::Add,
            Direct::Subtract => Operation::Subtract,
            Direct::Relu => Operation::Relu,
            Direct::Sigmoid => Operation::Sigmoid,
            Direct::Tanh => Operation::Tanh,
            Direct::MaxPool(window) => Operation::MaxPool(window),
            Direct::MeanPool(window) => Operation::MeanPool(window),
            Direct::Reshape => Operation::Reshape,
            Direct::Other => {
                return Err(IntegerError::NotFollowed {
                    node: node.name.clone(),
                    operator: node.op.onnx_name(),
                });
            }
        };
        let operands: Vec<_> = (0..node.inputs.len()).map(|i| self.read(node, i)).collect();
        let number = self.step(node, operation, operands, &shape);
        self.numbers[node.output.0] = Some(number);
        Ok(())
    }

    /// What a node is in a direct circuit; what is broadcast is not followed.
    fn direct(&self, node: &'a Node) -> Direct<'a> {
        let direct = node.op.direct();
        let is_pairwise = matches!(direct, Direct::Add | Direct::Subtract | Direct::Multiply);
        let mut shapes = node.inputs.iter().map(|&input| self.graph.shape(input));
        if is_pairwise && shapes.any(|shape| shape != self.graph.shape(node.output)) {
            return Direct::Other;
        }
        direct
    }

    fn read(&self, node: &Node, input: usize) -> Source {
        Source::Value(self.value(node.inputs[input]))
    }

    /// Appends a step; its number as a value.
    fn step(
        &mut self,
        node: &Node,
        operation: Operation,
        operands: impl IntoIterator<Item = Source>,
        shape: &[usize],
    ) -> usize {
        self.program.steps.push(Step {
            node: node.name.clone(),
            operation,
            operands: operands.into_iter().map(Operand::from).collect(),
            rescale: 0,
            shape: shape.to_vec(),
            scale: 0,
        });
        self.program.inputs.len() + self.program.steps.len() - 1
    }

    /// One more reader of the constant with this shape and these elements.
    fn constant(&mut self, node: &Node, shape: Vec<usize>, data: Vec<f32>) -> Source {
        let constants = &mut self.program.constants;
        let known = (constants.iter()).position(|c| c.shape == shape && c.data == data);
        let number = known.unwrap_or(constants.len());
        if known.is_none() {
            constants.push(Constant {
                node: node.name.clone(),
                shape,
                data,
                readers: 0,
                scale: 0,
            });
        }
        constants[number].readers += 1;
        Source::Constant(number)
    }

    fn convolution(
        &mut self,
        node: &'a Node,
        weight: &Tensor,
        bias: Option<&Tensor>,
        window: Window,
        groups: usize,
    ) -> Result<(), IntegerError> {
        let shape = self.graph.shape(node.output).to_vec();
        let image = self.value(node.inputs[0]);
        if is_pointwise(&window, groups) {
            // The loader keeps every stride-th row and column, then contracts the channels.
            let weight_source = self.constant(node, weight.shape.clone(), weight.data.clone());
            let operation = Operation::Convolve { window, groups };
            let operands = [Source::Value(image), weight_source];
            let product = self.step(node, operation, operands, &shape);
            let sum = self.add_bias(node, product, bias, vec![1, shape[1], 1, 1]);
            self.numbers[node.output.0] = Some(sum);
            return Ok(());
        }
        let folded = Foldable {
            image,
            weight: weight.clone(),
            bias: bias.cloned(),
            window,
        };
        if groups == 1 {
            self.fold_or_emit(node, folded)
        } else {
            self.emit(node, folded, groups);
            Ok(())
        }
    }

    /// Leaves a convolution to the batch norm that alone reads it, or writes it.
    fn fold_or_emit(&mut self, node: &'a Node, folded: Foldable) -> Result<(), IntegerError> {
        let id = node.output;
        if let [reader] = self.readers[id.0][..] {
            let reader_is = reader.op.direct();
            let binary = matches!(reader_is, Direct::Add | Direct::Subtract | Direct::Multiply);
            if binary && matches!(self.graph.shape(id), [1, _, 1, 1]) {
                return Err(IntegerError::FoldedOperand {
                    node: node.name.clone(),
                    reader: reader.name.clone(),
                });
            }
            if matches!(reader_is, Direct::BatchNorm(_)) {
                self.foldable[id.0] = Some(folded.clone());
                if !self.is_output(id) {
                    return Ok(());
                }
            }
        }
        self.emit(node, folded, 1);
        Ok(())
    }

    fn emit(&mut self, node: &Node, convolution: Foldable, groups: usize) {
        let Foldable {
            image,
            weight,
            bias,
            window,
        } = convolution;
        let mut operands = vec![Source::Value(image)];
        operands.push(self.constant(node, weight.shape, weight.data));
        // A convolution without a bias gets a scalar zero, which changes nothing.
        if let Some(bias) = bias {
            operands.push(self.constant(node, bias.shape, bias.data));
        }
        let operation = Operation::Convolve { window, groups };
        let shape = self.graph.shape(node.output).to_vec();
        let number = self.step(node, operation, operands, &shape);
        self.numbers[node.output.0] = Some(number);
    }

    fn product(
        &mut self,
        node: &Node,
        rows: Source,
        weight: &Tensor,
        bias: Option<&Tensor>,
        shape: &[usize],
    ) -> usize {
        let weight = self.constant(node, weight.shape.clone(), weight.data.clone());
        let product = self.step(node, Operation::MatrixProduct, [rows, weight], shape);
        self.add_bias(node, product, bias, vec![1, shape[1]])
    }

    /// Adds a constant, unless it is 0 everywhere.
    fn add_bias(&mut self, node: &Node, value: usize, bias: Option<&Tensor>, shape: Vec<usize>) -> usize {
        match bias {
            Some(bias) if !uniform(&bias.data, 0.0) => {
                let bias = self.constant(node, shape, bias.data.clone());
                self.binary(node, Operation::Add, Source::Value(value), bias)
            }
            _ => value,
        }
    }

    /// Multiplies by a constant, unless it is 1 everywhere.
    fn multiply_by(
        &mut self,
        node: &Node,
        value: usize,
        factors: Vec<f32>,
        shape: Vec<usize>,
    ) -> Result<usize, IntegerError> {
        if uniform(&factors, 0.0) {
            return Err(IntegerError::ZeroScale {
                node: node.name.clone(),
            });
        }
        if uniform(&factors, 1.0) {
            return Ok(value);
        }
        let factors = self.constant(node, shape, factors);
        Ok(self.binary(node, Operation::Multiply, Source::Value(value), factors))
    }

    /// A step of two operands, the first of which has the shape of the result.
    fn binary(&mut self, node: &Node, operation: Operation, a: Source, b: Source) -> usize {
        let shape = self.program.source_shape(a).to_vec();
        self.step(node, operation, [a, b], &shape)
    }

    fn batch_norm(&mut self, node: &'a Node, affine: &Affine) -> Result<(), IntegerError> {
        if uniform(&affine.slope, 0.0) {
            return Err(IntegerError::ZeroScale {
                node: node.name.clone(),
            });
        }
        let input = self.same[node.inputs[0].0];
        if let Some(mut convolution) = self.foldable[input.0].take() {
            affine.fold_into(&mut convolution);
            return self.fold_or_emit(node, convolution);
        }
        let rank = self.graph.shape(input).len();
        let mut shape = vec![1; rank];
        shape[1] = affine.slope.len();
        let value = self.value(input);
        let value = self.multiply_by(node, value, affine.slope.clone(), shape.clone())?;
        let intercept = Tensor::new(vec![affine.intercept.len()], affine.intercept.clone());
        let value = self.add_bias(node, value, Some(&intercept), shape);
        self.numbers[node.output.0] = Some(value);
        Ok(())
    }

    fn layer_norm(
        &mut self,
        node: &Node,
        axis: usize,
        scale: &Tensor,
        bias: Option<&Tensor>,
        epsilon: f32,
    ) -> Result<(), IntegerError> {
        let shape = self.graph.shape(node.output).to_vec();
        let count: usize = shape[axis..].iter().product();
        if count == 1 {
            return Err(IntegerError::SingleElementNorm {
                node: node.name.clone(),
            });
        }
        let rank = shape.len();
        let reduced = [&shape[..axis], &vec![1; rank - axis]].concat();
        let scalar = vec![1; rank];
        let reciprocal = (count as f32).recip();

        let x = self.read(node, 0);
        let sum = self.step(node, Operation::Sum { axis }, [x], &reduced);
        let mean = self.multiply_by(node, sum, vec![reciprocal], scalar.clone())?;
        let centred = self.binary(node, Operation::Subtract, x, Source::Value(mean));
        let centred = Source::Value(centred);
        let operation = Operation::MeanOfSquares { axis };
        let variance = self.step(node, operation, [centred], &reduced);
        let epsilon = Tensor::new(vec![1], vec![epsilon]);
        let variance = self.add_bias(node, variance, Some(&epsilon), scalar);
        let operation = Operation::ReciprocalRoot { output_scale: 0 };
        let root = self.step(node, operation, [Source::Value(variance)], &reduced);
        let value = self.binary(node, Operation::Multiply, centred, Source::Value(root));

        let parameters = [&vec![1; axis], &shape[axis..]].concat();
        let value = self.multiply_by(node, value, scale.data.clone(), parameters.clone())?;
        let value = self.add_bias(node, value, bias, parameters);
        self.numbers[node.output.0] = Some(value);
        Ok(())
    }
}

/// Whether the loader makes a matrix product of a convolution.
pub(super) fn is_pointwise(window: &Window, groups: usize) -> bool {
    groups == 1 && window.kernel == [1, 1] && window.padding == [0; 4]
}

/// A batch norm as the loader has it: `slope · x + intercept` for each channel.
struct Affine {
    slope: Vec<f32>,
    intercept: Vec<f32>,
}

impl Affine {
    fn new(scale: &Tensor, bias: &Tensor, mean: &Tensor, variance: &Tensor, epsilon: f32) -> Self {
        let deviation: Vec<f32> = (variance.data.iter())
            .map(|variance| (variance + epsilon).sqrt())
            .collect();
        let channels = 0..deviation.len();
        Self {
            slope: (channels.clone()).map(|c| scale.data[c] / deviation[c]).collect(),
            intercept: channels
                .map(|c| bias.data[c] - (mean.data[c] * scale.data[c]) / deviation[c])
                .collect(),
        }
    }

    fn fold_into(&self, convolution: &mut Foldable) {
        let filters = &mut convolution.weight.data;
        let filter_length = filters.len() / self.slope.len();
        for (filter, slope) in filters.chunks_mut(filter_length).zip(&self.slope) {
            for tap in filter {
                *tap *= slope;
            }
        }
        let channels = self.slope.len();
        let bias = convolution
            .bias
            .get_or_insert_with(|| Tensor::new(vec![channels], vec![0.0; channels]));
        let parameters = self.slope.iter().zip(&self.intercept);
        for (addend, (slope, intercept)) in bias.data.iter_mut().zip(parameters) {
            *addend = *addend * slope + intercept;
        }
    }
}

/// Whether every element is this number.
#[allow(clippy::float_cmp)] // the loader compares exactly
fn uniform(data: &[f32], number: f32) -> bool {
    data.iter().all(|element| *element == number)
}
