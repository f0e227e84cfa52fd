//! Constants that operators read as they read values.

use tract_onnx::pb::AttributeProto;

use super::lowering::{Lowering, Place};
use super::operator::{Operator, ensure};
use crate::program::{ProgramError, ValueId};
use crate::tensor::Tensor;
use crate::wire::proto::{floats, tensor};

impl Operator for Tensor {
    fn onnx_name(&self) -> &'static str {
        "Constant"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        ensure(inputs.is_empty(), || "takes no inputs".to_owned())?;
        Ok(self.shape.clone())
    }

    fn attributes(&self) -> Vec<AttributeProto> {
        vec![tensor("value", floats(String::new(), &self.shape, &self.data))]
    }

    fn constant(&self) -> Option<&Tensor> {
        Some(self)
    }

    fn takes_any_batch(&self) -> bool {
        true
    }

    fn states_bounds(&self) -> bool {
        true
    }

    /// What reads it writes it, at the unit that it needs.
    fn lower(&self, place: &Place<'_>, _: &mut Lowering) -> Result<ValueId, ProgramError> {
        Err(place.refused("it is a constant"))
    }
}
