//! A node of an ONNX file together with what is known of its inputs: what an operator is read from.

use tract_onnx::pb::NodeProto;

use super::constant::Constant;
use super::node::{Attributes, argument};
use crate::tensor::Tensor;

/// What is known of an input.
pub(crate) enum Argument<'a> {
    /// A value of the graph, of these sizes.
    Value(&'a [usize]),
    /// A constant, or why it cannot be read.
    Constant(Result<&'a Constant, &'a str>),
    /// Nothing.
    Unknown,
}

/// A node with its inputs; positions are those of the node's inputs.
pub(crate) struct Reading<'a> {
    node: &'a NodeProto,
    arguments: Vec<Argument<'a>>,
}

impl<'a> Reading<'a> {
    /// A node, and what is known of each of its inputs by name.
    pub(crate) fn new(node: &'a NodeProto, known: impl Fn(&str) -> Argument<'a>) -> Self {
        Self {
            node,
            arguments: node.input.iter().map(|name| known(name)).collect(),
        }
    }

    /// The node itself.
    pub(crate) fn node(&self) -> &'a NodeProto {
        self.node
    }

    /// Its attributes.
    pub(crate) fn attributes(&self) -> Attributes<'a> {
        Attributes(self.node)
    }

    /// The position of an input that must be there.
    pub(crate) fn argument(&self, position: usize) -> Result<usize, String> {
        argument(self.node, position).map(|_| position)
    }

    /// Sizes of an input; `None` where they are not known.
    pub(crate) fn shape(&self, position: usize) -> Result<Option<&'a [usize]>, String> {
        Ok(match self.arguments[self.argument(position)?] {
            Argument::Value(shape) => Some(shape),
            Argument::Constant(Ok(constant)) => Some(constant.shape()),
            Argument::Constant(Err(_)) | Argument::Unknown => None,
        })
    }

    /// A constant input.
    pub(crate) fn constant(&self, position: usize) -> Result<&'a Constant, String> {
        let name = argument(self.node, position)?;
        match self.arguments[position] {
            Argument::Constant(Ok(constant)) => Ok(constant),
            Argument::Constant(Err(reason)) => Err(format!("constant {name:?}: {reason}")),
            Argument::Value(_) | Argument::Unknown => {
                Err(format!("input {position} ({name:?}) is not a constant"))
            }
        }
    }

    /// A constant input of floats.
    pub(crate) fn floats(&self, position: usize) -> Result<Tensor, String> {
        match self.constant(position)? {
            Constant::Floats(tensor) => Ok(tensor.clone()),
            Constant::Ints(_) => Err(format!("input {position} is a constant of integers")),
        }
    }

    /// A constant input of floats that may be left out.
    pub(crate) fn optional_floats(&self, position: usize) -> Result<Option<Tensor>, String> {
        match self.argument(position) {
            Ok(_) => self.floats(position).map(Some),
            Err(_) => Ok(None),
        }
    }
}
