//! The typed layer graph: what every lowering, the ONNX writer and both references read.
//!
//! Goes in: operators pushed one by one through [`Graph`]'s builder methods, or a parsed ONNX file.
//! Comes out: a list of nodes in topological order, each value with its static shape (NCHW, batch 1).
//! Parameters are `f32` tensors owned by the operator that uses them.

use serde::{Deserialize, Serialize};

pub use super::ops::*;
pub use super::tensor::{MOST_ELEMENTS, Tensor, Window, elements};

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
    /// The least and the greatest integer of its type in the file, beyond which runtimes wrap around; none where nothing is known to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wraps_beyond: Option<(i64, i64)>,
    /// Whether its elements are integers in the file, which are none rounded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_integer: bool,
}

impl Value {
    /// Notes what the file says of another value that has the same elements, or of which this is one.
    pub(crate) fn keep_type(&mut self, other: &Self) {
        self.wrap_beyond(other.wraps_beyond);
        self.is_integer |= other.is_integer;
    }

    /// Notes that runtimes wrap around beyond these integers, too, if there are any.
    pub(crate) fn wrap_beyond(&mut self, range: Option<(i64, i64)>) {
        let narrower = |(a, b): (i64, i64), (c, d): (i64, i64)| (a.max(c), b.min(d));
        self.wraps_beyond = match (self.wraps_beyond, range) {
            (Some(known), Some(range)) => Some(narrower(known, range)),
            (known, range) => known.or(range),
        };
    }
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

impl Graph {
    /// Whether a value has that name.
    #[must_use]
    pub fn has_value(&self, name: &str) -> bool {
        self.values.iter().any(|value| value.name == name)
    }

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
        let shape = op.output_shape(&shapes).map_err(|reason| GraphError::Shape {
            operator: op.onnx_name(),
            reason,
        })?;
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
            wraps_beyond: None,
            is_integer: false,
        });
        Ok(ValueId(self.values.len() - 1))
    }
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
        let conv = |weight: &[usize], bias: Option<&[usize]>, groups| {
            Op::Conv2d(Conv2d {
                weight: zeros(weight),
                bias: bias.map(zeros),
                window: Window::square(3, 1, 0),
                groups,
            })
        };
        let misfits = [
            (conv(&[2, 3, 3, 3], None, 1), vec![image]),
            (conv(&[2, 4, 2, 2], None, 1), vec![image]),
            (conv(&[3, 2, 3, 3], None, 2), vec![image]),
            (conv(&[2, 4, 3, 3], Some(&[3]), 1), vec![image]),
            (conv(&[2, 4, 3, 3], None, 1), vec![row]),
            (Op::MaxPool2d(MaxPool2d(Window::square(6, 1, 0))), vec![image]),
            (Op::AvgPool2d(AvgPool2d(Window::square(2, 1, 1))), vec![image]),
            (
                Op::Gemm(Gemm {
                    weight: zeros(&[10, 99]),
                    bias: None,
                }),
                vec![row],
            ),
            (Op::Mul, vec![image, row]),
            (Op::Relu, vec![image, image]),
            (Op::Reshape(Reshape { shape: vec![1, 101] }), vec![image]),
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
