//! What computes a model in floats, for a circuit to be held against.
//!
//! Goes in: ONNX bytes and inputs. Comes out: outputs, and what is known of every value.
//!
//! A user's file, or a public one, is computed by onnxruntime, which shares no code with anything here. Where onnxruntime does not load
//! it, the float model does, which reads files as EZKL does. The suite's models, and parts of a model,
//! are files that evmbench has written of a typed graph; the float model computes them, and nothing is installed.

use std::collections::HashMap;

use evmbench_ezkl::{CircuitSettings, Observer};
use evmbench_model::float::FloatModel;
use evmbench_model::graph::{Graph, Tensor, elements};
use evmbench_model::onnx::{FloatType, Value, are_floats, with_chosen_branches};
use evmbench_subject::subject::Subject;

use super::{JudgeError, ONNXRUNTIME_VERSION, OnnxRuntime, Outputs};

/// See the module.
pub(super) enum Floats<'a> {
    /// Of any file.
    OnnxRuntime(&'a OnnxRuntime),
    /// Of the file that this graph is written as.
    Written(&'a Graph),
    /// Of a user's file that this graph was read from, and onnxruntime does not load.
    Read(&'a Graph),
}

impl<'a> Floats<'a> {
    /// What computes a subject's model; none where that is onnxruntime and it is not at hand.
    pub(super) fn of(subject: &'a Subject, onnxruntime: Option<&'a OnnxRuntime>) -> Option<Self> {
        let is_users = subject.request.is_of_file() && subject.request.part.is_none();
        match &subject.graph {
            Ok(graph) if !is_users => Some(Self::Written(graph)),
            _ => onnxruntime.map(Self::OnnxRuntime),
        }
    }

    /// What records call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::OnnxRuntime(_) => format!("onnxruntime {ONNXRUNTIME_VERSION}"),
            Self::Written(_) => "float model by tract".to_owned(),
            Self::Read(_) => {
                format!("float model by tract (onnxruntime {ONNXRUNTIME_VERSION} does not load the file)")
            }
        }
    }

    /// A model's outputs on each set of inputs.
    pub(super) fn run(
        &self,
        onnx: &[u8],
        sets: &[Vec<Tensor>],
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<Outputs, JudgeError> {
        match self {
            Self::OnnxRuntime(onnxruntime) => onnxruntime.run(onnx, sets, observer),
            Self::Written(graph) | Self::Read(graph) => {
                let are_floats = are_floats(graph);
                Ok(Outputs {
                    are_floats: graph.outputs.iter().map(|output| are_floats[output.0]).collect(),
                    ..written(onnx, sets)?
                })
            }
        }
    }

    /// What is known of every value before the model is run, by name.
    pub(super) fn values(
        &self,
        onnx: &[u8],
        observer: &dyn Observer<CircuitSettings>,
    ) -> Result<HashMap<String, Value>, JudgeError> {
        match self {
            Self::OnnxRuntime(onnxruntime) => onnxruntime.values(onnx, observer),
            // Of which types the file's own values are is not known, so that its constants alone are rounded.
            Self::Read(_) => Ok(HashMap::new()),
            Self::Written(graph) => Ok(graph
                .values
                .iter()
                .zip(are_floats(graph))
                .map(|(value, is_float)| {
                    let elements = elements(&value.shape).map(|elements| elements as u64);
                    let float = is_float.then_some(FloatType::Single);
                    (value.name.clone(), Value { float, elements })
                })
                .collect()),
        }
    }
}

/// The model's outputs in floats on the input that is proved, as it was given: by what judges the circuit, else by the float
/// model.
///
/// # Errors
/// [`JudgeError`]: there are none.
pub fn float_outputs(
    subject: &Subject,
    onnxruntime: Option<&OnnxRuntime>,
    observer: &dyn Observer<CircuitSettings>,
) -> Result<Vec<Vec<f32>>, JudgeError> {
    let sets = [subject.inputs.clone()];
    let outputs =
        match Floats::of(subject, onnxruntime).map(|floats| floats.run(&subject.onnx, &sets, observer)) {
            Some(Err(JudgeError::Refused(_))) | None => written(&subject.onnx, &sets)?,
            Some(outputs) => outputs?,
        };
    let single = |numbers: Vec<f64>| numbers.into_iter().map(|x| x as f32).collect();
    Ok(outputs.sets.into_iter().flatten().map(single).collect())
}

/// A file, by the float model, with all outputs taken for floats. Of an `If` that a constant decides it gets the branch alone: the
/// other one need not fit the sizes of the inputs.
fn written(onnx: &[u8], sets: &[Vec<Tensor>]) -> Result<Outputs, JudgeError> {
    let model = FloatModel::load(&with_chosen_branches(onnx))?;
    let double = |tensor: Tensor| tensor.data.into_iter().map(f64::from).collect();
    let outputs = |set: &Vec<Tensor>| Ok(model.run(set)?.into_iter().map(double).collect());
    Ok(Outputs {
        are_floats: vec![true; model.output_shapes().len()],
        sets: sets.iter().map(outputs).collect::<Result<_, JudgeError>>()?,
    })
}
