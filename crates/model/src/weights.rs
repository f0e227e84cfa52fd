//! Weights from a file, in place of seeded ones.
//!
//! Goes in: a [`Graph`] and a `.safetensors` or `.onnx` file. Comes out: the same graph with every
//! parameter replaced, or an error that names the file and the tensor. Nothing is left seeded.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::graph::{Graph, Node, Op, Tensor};
use super::onnx::{self, Coverage, OnnxError, OnnxModel};
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_host::hint::Hint;

/// What `PyTorch` stores beside the parameters of batch norm; inference has no use for it.
const IGNORED_SUFFIX: &str = ".num_batches_tracked";

/// Why a file does not give the weights of a graph.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The extension is not one of those that are understood.
    #[error("{} is neither .safetensors nor .onnx", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not safetensors.
    #[error("{} is not a safetensors file: {source}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: SafeTensorError,
    },
    /// The ONNX file cannot be used at all.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The ONNX file holds another model.
    #[error("{} is not this model: {difference}", path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The first thing that differs.
        difference: String,
    },
    /// A parameter is not in the file.
    #[error("{} has no tensor {tensor:?}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Name of the parameter.
        tensor: String,
    },
    /// A tensor in the file is no parameter of the model.
    #[error("{} has tensors that the model does not: {}", path.display(), tensors.join(", "))]
    Unused {
        /// The file.
        path: PathBuf,
        /// Their names, in order.
        tensors: Vec<String>,
    },
    /// A tensor is not of `f32`.
    #[error("{}: tensor {tensor:?} has elements of type {found}, not F32", path.display())]
    ElementType {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// The type that it has.
        found: String,
    },
    /// A tensor has another shape than the parameter.
    #[error("{}: tensor {tensor:?} has shape {found:?}, not {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// The parameter's sizes.
        expected: Vec<usize>,
        /// The tensor's sizes.
        found: Vec<usize>,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor {tensor:?} has {value} at position {position}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Position in row-major order.
        position: usize,
        /// The weight.
        value: f32,
    },
}

impl Hint for WeightsError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        self.hints().into_iter().next()
    }

    fn hints(&self) -> Vec<Cow<'static, str>> {
        match self {
            Self::Onnx(error) => error.hints(),
            Self::Read { source, .. } => source.hints(),
            Self::UnknownFormat { .. } => vec!["give a file that ends in .safetensors or .onnx".into()],
            Self::Safetensors { .. } => {
                vec!["write it with safetensors.torch.save_file(model.state_dict(), path)".into()]
            }
            Self::OtherModel { .. } => vec!["give an export of the model that is to be proved".into()],
            Self::Missing { .. } | Self::Unused { .. } => vec![
                "tensors are named as in the model's PyTorch state dictionary: conv1.weight, conv1.bias, fc.weight".into(),
            ],
            Self::ElementType { .. } => {
                vec!["convert the model with model.float() before it is saved".into()]
            }
            Self::Shape { .. } => vec!["`evmbench list` shows the layers of each model".into()],
            Self::NotFinite { .. } => {
                vec!["check the training: every weight must be a finite number".into()]
            }
        }
    }
}

/// The graph with its parameters from a file.
///
/// In a `.safetensors` file each parameter is named `<node>.<parameter>` as in a `PyTorch` state
/// dictionary, and there may be no others. An `.onnx` file must hold the same operators in the same
/// order with the same shapes; its names do not matter.
///
/// # Errors
/// [`WeightsError`]; the graph is lost then, so that no half-loaded one is used.
pub fn load(graph: Graph, path: &Path) -> Result<Graph, WeightsError> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("safetensors") => from_safetensors(graph, path),
        Some("onnx") => from_onnx(graph, path),
        _ => Err(WeightsError::UnknownFormat {
            path: path.to_owned(),
        }),
    }
}

fn from_safetensors(mut graph: Graph, path: &Path) -> Result<Graph, WeightsError> {
    let bytes = files::read(path, MOST_MODEL_BYTES).map_err(|source| WeightsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| WeightsError::Safetensors {
        path: path.to_owned(),
        source,
    })?;
    let mut unused: HashSet<&str> = file.names().into_iter().collect();
    unused.retain(|name| !name.ends_with(IGNORED_SUFFIX));
    for node in &mut graph.nodes {
        for (parameter, tensor) in node.op.parameters_mut() {
            let name = format!("{}.{parameter}", node.name);
            fill(tensor, &file, &name, path)?;
            unused.remove(name.as_str());
        }
    }
    if unused.is_empty() {
        return Ok(graph);
    }
    let mut tensors: Vec<String> = unused.into_iter().map(str::to_owned).collect();
    tensors.sort_unstable();
    Err(WeightsError::Unused {
        path: path.to_owned(),
        tensors,
    })
}

fn fill(parameter: &mut Tensor, file: &SafeTensors<'_>, name: &str, path: &Path) -> Result<(), WeightsError> {
    let (path, tensor) = (|| path.to_owned(), || name.to_owned());
    let view = file.tensor(name).map_err(|_| WeightsError::Missing {
        path: path(),
        tensor: tensor(),
    })?;
    if view.dtype() != Dtype::F32 {
        return Err(WeightsError::ElementType {
            path: path(),
            tensor: tensor(),
            found: format!("{:?}", view.dtype()),
        });
    }
    if view.shape() != parameter.shape {
        return Err(WeightsError::Shape {
            path: path(),
            tensor: tensor(),
            expected: parameter.shape.clone(),
            found: view.shape().to_vec(),
        });
    }
    let (elements, _) = view.data().as_chunks::<4>();
    parameter.data = elements.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match parameter.data.iter().position(|weight| !weight.is_finite()) {
        None => Ok(()),
        Some(position) => Err(WeightsError::NotFinite {
            path: path(),
            tensor: tensor(),
            position,
            value: parameter.data[position],
        }),
    }
}

fn from_onnx(graph: Graph, path: &Path) -> Result<Graph, WeightsError> {
    let loaded = onnx::load(path, &onnx::Asked::default())?;
    from_model(graph, &loaded.model, path)
}

/// The graph with its parameters from the bytes of an ONNX file, which `name` stands for in errors.
///
/// # Errors
/// As [`load`].
pub fn from_onnx_bytes(graph: Graph, bytes: &[u8], name: &Path) -> Result<Graph, WeightsError> {
    from_model(graph, &onnx::parse(bytes, name)?, name)
}

fn from_model(mut graph: Graph, model: &OnnxModel, path: &Path) -> Result<Graph, WeightsError> {
    let theirs = of_architecture(&graph, &model.coverage, path)?;
    for (ours, theirs) in graph.nodes.iter_mut().zip(&theirs.nodes) {
        ours.op = theirs.op.clone();
    }
    Ok(graph)
}

/// The graph that was read from a file, which `path` stands for in errors, if it is this one but for names and weights: the
/// same operators in the same order, with the same shapes, attributes and inputs.
///
/// # Errors
/// [`WeightsError::OtherModel`] with the first difference.
pub fn of_architecture<'a>(
    ours: &Graph,
    theirs: &'a Coverage,
    path: &Path,
) -> Result<&'a Graph, WeightsError> {
    let found = match theirs {
        Coverage::Full(theirs) => difference(ours, theirs).map_or(Ok(theirs), Err),
        Coverage::Partial(uncovered) => Err(uncovered[0].to_string()),
    };
    found.map_err(|difference| WeightsError::OtherModel {
        path: path.to_owned(),
        difference,
    })
}

/// The first thing other than names and weights in which two graphs differ.
fn difference(ours: &Graph, theirs: &Graph) -> Option<String> {
    let inputs = |graph: &Graph| -> Vec<Vec<usize>> {
        graph.input_values().map(|value| value.shape.clone()).collect()
    };
    if inputs(ours) != inputs(theirs) {
        return Some(format!(
            "its inputs have shapes {:?}, not {:?}",
            inputs(theirs),
            inputs(ours)
        ));
    }
    for (position, (ours, theirs)) in ours.nodes.iter().zip(&theirs.nodes).enumerate() {
        let number = position + 1;
        let [name, expected] = [theirs, ours].map(|node| node.op.onnx_name());
        if name != expected {
            return Some(format!(
                "operator {number} is {name} {:?}, not {expected}",
                theirs.name
            ));
        }
        let [found, expected] = [theirs, ours].map(weight_shapes);
        if found != expected {
            return Some(format!(
                "operator {number}, {name} {:?}, has weights of shapes {found:?}, not {expected:?}",
                theirs.name
            ));
        }
        if skeleton(ours) != skeleton(theirs) {
            return Some(format!(
                "operator {number}, {name} {:?}, has other attributes or inputs",
                theirs.name
            ));
        }
    }
    let [found, expected] = [theirs, ours].map(|graph| graph.nodes.len());
    if found != expected {
        return Some(format!("it has {found} operators, not {expected}"));
    }
    (ours.outputs != theirs.outputs).then(|| "it has other outputs".to_owned())
}

/// Shapes of a node's parameters, or of the constant that it is.
fn weight_shapes(node: &Node) -> Vec<&[usize]> {
    match &node.op {
        Op::Constant(tensor) => vec![&tensor.shape],
        op => op
            .parameters()
            .iter()
            .map(|(_, tensor)| &tensor.shape[..])
            .collect(),
    }
}

/// A node without its name and weights.
fn skeleton(node: &Node) -> Node {
    let mut skeleton = Node {
        name: String::new(),
        ..node.clone()
    };
    if let Op::Constant(tensor) = &mut skeleton.op {
        tensor.data.clear();
    }
    for (_, tensor) in skeleton.op.parameters_mut() {
        tensor.data.clear();
    }
    skeleton
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::TensorView;

    use super::*;
    use crate::graph::{MaxPool2d, Window};
    use crate::layers;
    use crate::suite;

    fn graph(id: &str, seed: u64) -> Graph {
        layers::build(suite::find(id).expect("in the suite"), seed)
    }

    /// The parameters of a graph as names, shapes and bytes.
    fn state(graph: &Graph) -> Vec<(String, Vec<usize>, Vec<u8>)> {
        let mut state = Vec::new();
        for node in &graph.nodes {
            for (parameter, tensor) in node.op.parameters() {
                let bytes = tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect();
                state.push((format!("{}.{parameter}", node.name), tensor.shape.clone(), bytes));
            }
        }
        state
    }

    fn safetensors(state: &[(String, Vec<usize>, Vec<u8>)], dtype: Dtype) -> Vec<u8> {
        let views = state.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(dtype, shape.clone(), bytes).expect("fits");
            (name, view)
        });
        safetensors::serialize(views, None).expect("serialises")
    }

    fn load_bytes(graph: Graph, name: &str, bytes: &[u8]) -> Result<Graph, WeightsError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        load(graph, &path)
    }

    #[test]
    fn both_formats_replace_every_weight() {
        for id in ["cnn_mixed", "batchnorm2d", "layernorm", "relu"] {
            let (ours, theirs) = (graph(id, 0), graph(id, 1));
            let file = safetensors(&state(&theirs), Dtype::F32);
            assert_eq!(
                load_bytes(ours.clone(), "w.safetensors", &file).expect(id),
                theirs
            );
            let file = onnx::write(&theirs);
            assert_eq!(load_bytes(ours, "w.onnx", &file).expect(id), theirs);
        }
    }

    #[test]
    fn safetensors_that_are_refused() {
        let refused = |state: &[_], dtype| {
            load_bytes(graph("dense", 0), "w.safetensors", &safetensors(state, dtype)).expect_err("refused")
        };
        let good = state(&graph("dense", 1));

        let missing = refused(&good[..1], Dtype::F32);
        assert!(matches!(&missing, WeightsError::Missing { tensor, .. } if tensor == "fc.bias"));

        let mut unused = good.clone();
        unused.push(("fc2.bias".to_owned(), vec![1], vec![0; 4]));
        unused.push(("bn.num_batches_tracked".to_owned(), vec![1], vec![0; 4]));
        assert!(matches!(
            refused(&unused, Dtype::F32),
            WeightsError::Unused { tensors, .. } if tensors == ["fc2.bias"]
        ));

        let mut transposed = good.clone();
        transposed[0].1.reverse();
        assert!(matches!(
            refused(&transposed, Dtype::F32),
            WeightsError::Shape { found, .. } if found == [256, 128]
        ));

        let mut nan = good.clone();
        nan[1].2[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(matches!(
            refused(&nan, Dtype::F32),
            WeightsError::NotFinite { position: 1, .. }
        ));
        assert!(matches!(
            refused(&good, Dtype::I32),
            WeightsError::ElementType { .. }
        ));
        assert!(matches!(
            load_bytes(graph("dense", 0), "w.safetensors", b"junk"),
            Err(WeightsError::Safetensors { .. })
        ));
        assert!(matches!(
            load_bytes(graph("dense", 0), "w.bin", b"junk"),
            Err(WeightsError::UnknownFormat { .. })
        ));
    }

    #[test]
    fn onnx_of_another_model_is_refused() {
        for (ours, theirs) in [
            ("dense", "dense_small"),
            ("conv2d_k3_s1", "conv2d_k3_s2"),
            ("cnn_relu", "cnn_mixed"),
        ] {
            let refused = load_bytes(graph(ours, 0), "w.onnx", &onnx::write(&graph(theirs, 0)));
            assert!(matches!(refused, Err(WeightsError::OtherModel { .. })), "{ours}");
        }
    }

    /// The weights of a network are its own but for the numbers, and the first thing that is otherwise is named.
    #[test]
    fn a_network_of_another_architecture_is_told_from_the_same_one() {
        for spec in &suite::NETWORKS {
            let other = Coverage::Full(graph(spec.id, 1));
            assert!(
                of_architecture(&graph(spec.id, 0), &other, Path::new("w.onnx")).is_ok(),
                "{}",
                spec.id
            );
        }
        let refused = |id: &str, theirs: Graph| {
            let theirs = Coverage::Full(theirs);
            let refused = of_architecture(&graph(id, 0), &theirs, Path::new("w.onnx"));
            refused.expect_err("another model").to_string()
        };
        assert_eq!(
            refused("resnet8", graph("mobilenet_v1_025", 0)),
            "w.onnx is not this model: its inputs have shapes [[1, 96, 96, 3]], not [[1, 32, 32, 3]]"
        );
        let mut pool = graph("resnet8", 0);
        let at = pool
            .nodes
            .iter()
            .position(|node| matches!(node.op, Op::AvgPool2d(_)))
            .expect("it pools");
        pool.nodes[at].op = Op::MaxPool2d(MaxPool2d(Window::square(8, 8, 0)));
        assert_eq!(
            refused("resnet8", pool),
            format!(
                "w.onnx is not this model: operator {} is MaxPool \"pool1\", not AveragePool",
                at + 1
            )
        );
        let mut wide = graph("fc_autoencoder", 0);
        if let Op::Constant(bias) = &mut wide.nodes[1].op {
            *bias = Tensor::new([1], vec![0.0]);
        }
        assert!(
            refused("fc_autoencoder", wide)
                .contains("operator 2, Constant \"constant1\", has weights of shapes [[1]], not [[128]]")
        );
        let mut strided = graph("lenet5", 0);
        if let Op::Conv2d(conv) = &mut strided.nodes[0].op {
            conv.window.padding = [0, 0, 4, 4];
        }
        assert!(
            refused("lenet5", strided).contains("operator 1, Conv \"conv1\", has other attributes or inputs")
        );
        let mut shorter = graph("resnet8", 0);
        shorter.nodes.pop();
        assert!(refused("resnet8", shorter).ends_with("it has 25 operators, not 26"));
        let mut earlier = graph("resnet8", 0);
        earlier.outputs = vec![earlier.nodes[3].output];
        assert!(refused("resnet8", earlier).ends_with("it has other outputs"));
    }
}
