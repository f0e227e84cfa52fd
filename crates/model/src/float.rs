//! The float reference: what the model computes in `f32`, by tract.
//!
//! Goes in: ONNX bytes and one `f32` tensor for each graph input. Comes out: every graph output as an
//! `f32` tensor, in the order of the ONNX file. EZKL loads ONNX with tract too (an older version), so
//! that a file that tract cannot analyse is not worth a proof.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use tract_onnx::prelude::{
    DatumType, Framework, InferenceModelExt, IntoRunnable, TVec, Tensor as TractTensor, TractError,
    TypedFact, TypedSimplePlan,
};

use super::graph::Tensor;

/// Why there is no float reference.
#[derive(Debug, thiserror::Error)]
pub enum FloatError {
    /// tract cannot read or analyse the file.
    #[error("tract cannot load the model: {}", reasons(.reason))]
    Load {
        /// tract's reason, and the reasons behind it.
        reason: TractError,
    },
    /// A shape is not known before inference.
    #[error("the shape of {direction} {index} is not static: {shape}")]
    DynamicShape {
        /// `input` or `output`.
        direction: &'static str,
        /// Position among them.
        index: usize,
        /// The shape with its symbols.
        shape: String,
    },
    /// The inputs are not those of the model.
    #[error("the model takes inputs of shapes {expected:?}, not {found:?}")]
    Inputs {
        /// Shapes of the graph inputs.
        expected: Vec<Vec<usize>>,
        /// Shapes that were given.
        found: Vec<Vec<usize>>,
    },
    /// tract failed while it computed.
    #[error("tract cannot run the model: {}", reasons(.reason))]
    Run {
        /// tract's reason, and the reasons behind it.
        reason: TractError,
    },
}

/// An error of tract with everything behind it, outermost first.
pub(super) fn reasons(error: &TractError) -> String {
    let all: Vec<String> = error.chain().map(ToString::to_string).collect();
    all.join(": ")
}

/// A model that is ready to run in `f32`.
#[derive(Debug, Clone)]
pub struct FloatModel {
    plan: Arc<TypedSimplePlan>,
    input_shapes: Vec<Vec<usize>>,
    input_types: Vec<DatumType>,
    output_shapes: Vec<Vec<usize>>,
}

impl FloatModel {
    /// Loads an ONNX file's bytes. What they say of inner values (`value_info`) has no part in it.
    ///
    /// # Errors
    /// [`FloatError::Load`] when tract cannot read, analyse or optimise it;
    /// [`FloatError::DynamicShape`] when an input's or output's shape depends on a symbol.
    pub fn load(onnx: &[u8]) -> Result<Self, FloatError> {
        let load = |reason| FloatError::Load { reason };
        let model = guarded(|| {
            tract_onnx::onnx()
                .with_ignore_value_info(true)
                .model_for_read(&mut &onnx[..])?
                .into_optimized()
        })
        .map_err(load)?;
        let input_shapes = (0..model.inputs.len())
            .map(|index| static_shape("input", index, model.input_fact(index).map_err(load)?))
            .collect::<Result<_, _>>()?;
        let input_types = (0..model.inputs.len())
            .map(|index| Ok(model.input_fact(index).map_err(load)?.datum_type))
            .collect::<Result<_, FloatError>>()?;
        let output_shapes = (0..model.outputs.len())
            .map(|index| static_shape("output", index, model.output_fact(index).map_err(load)?))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            plan: guarded(|| model.into_runnable()).map_err(load)?,
            input_shapes,
            input_types,
            output_shapes,
        })
    }

    /// Shapes of the graph inputs, in order.
    #[must_use]
    pub fn input_shapes(&self) -> &[Vec<usize>] {
        &self.input_shapes
    }

    /// Shapes of the graph outputs, in order.
    #[must_use]
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }

    /// Every output for these inputs. Inputs and outputs of another type are converted from and to `f32`.
    ///
    /// # Errors
    /// [`FloatError::Inputs`] when their number or shapes are not the model's, and
    /// [`FloatError::Run`] when tract fails.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, FloatError> {
        let found: Vec<_> = inputs.iter().map(|tensor| tensor.shape.clone()).collect();
        if found != self.input_shapes {
            return Err(FloatError::Inputs {
                expected: self.input_shapes.clone(),
                found,
            });
        }
        guarded(|| self.compute(inputs)).map_err(|reason| FloatError::Run { reason })
    }

    fn compute(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, TractError> {
        let inputs = inputs
            .iter()
            .zip(&self.input_types)
            .map(|(tensor, &element)| {
                let tensor = TractTensor::from_shape(&tensor.shape, &tensor.data)?;
                Ok(tensor.cast_to_dt(element)?.into_owned().into())
            })
            .collect::<Result<TVec<_>, TractError>>()?;
        self.plan
            .run(inputs)?
            .iter()
            .map(|output| {
                let output = output.cast_to::<f32>()?;
                let data = output.to_plain_array_view::<f32>()?.iter().copied().collect();
                Ok(Tensor::new(output.shape(), data))
            })
            .collect()
    }
}

thread_local! {
    /// Whether a panic of this thread is an error of tract's, which its caller tells.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// tract panics on some malformed models (a kernel of another rank than its input, for one); here that
/// is an error like any other, and nothing is printed.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, TractError>) -> Result<T, TractError> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                before(panic);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(was_guarded);
    result.unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("it panicked");
        Err(TractError::msg(message.to_owned()))
    })
}

fn static_shape(direction: &'static str, index: usize, fact: &TypedFact) -> Result<Vec<usize>, FloatError> {
    fact.shape
        .as_concrete()
        .map(<[usize]>::to_vec)
        .ok_or_else(|| FloatError::DynamicShape {
            direction,
            index,
            shape: format!("{:?}", fact.shape),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{AvgPool2d, Graph, Op, Window};
    use crate::onnx;

    #[test]
    fn silu_of_three_values() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 3]).expect("new");
        let s = graph.apply("s", "s_out", Op::Sigmoid, &[x]).expect("fits");
        let y = graph.apply("m", "y", Op::Mul, &[x, s]).expect("fits");
        graph.outputs = vec![s, y];
        let model = FloatModel::load(&onnx::write(&graph)).expect("loads");
        assert_eq!(model.output_shapes(), [[1, 3], [1, 3]]);
        let input = [-1.0_f32, 0.0, 2.0];
        let outputs = model.run(&[Tensor::new([1, 3], input.to_vec())]).expect("runs");
        for (position, x) in input.into_iter().enumerate() {
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            assert!((outputs[0].data[position] - sigmoid).abs() < 1e-6);
            assert!((outputs[1].data[position] - x * sigmoid).abs() < 1e-6);
        }
    }

    #[test]
    fn wrong_inputs_and_junk_are_refused() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 1, 4, 4]).expect("new");
        let y = graph
            .apply("p", "y", Op::AvgPool2d(AvgPool2d(Window::square(2, 2, 0))), &[x])
            .expect("fits");
        graph.outputs.push(y);
        let model = FloatModel::load(&onnx::write(&graph)).expect("loads");
        let wrong = Tensor::new([1, 16], vec![0.0; 16]);
        assert!(matches!(model.run(&[wrong]), Err(FloatError::Inputs { .. })));
        assert!(matches!(model.run(&[]), Err(FloatError::Inputs { .. })));
        assert!(matches!(
            FloatModel::load(b"not an ONNX file"),
            Err(FloatError::Load { .. })
        ));
    }
}
