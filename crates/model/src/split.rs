//! A model in parts that are proved apart: cut between layers, and its last layer in tiles.
//!
//! Goes in: a [`Graph`] and a [`Split`]. Comes out: [`Part`]s in order, each a graph of its own whose inputs are the model's,
//! or what an earlier part reads or makes. Two tensors may go across a cut, as around a residual sum: they are committed to as one.

use std::borrow::Cow;

pub use evmbench_schema::split::{SharedTensor, Source, Split};

use evmbench_host::hint::Hint;

use super::graph::{Graph, Node, ValueId};
use super::ops::{Cut, Movement, Op, Reshape};

/// How many tensors go across a cut at most.
const MOST_TENSORS: usize = 2;

/// Operators that make no whole numbers of fractions, and are the same function of any fractions.
const OF_FRACTIONS: [&str; 20] = [
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Clip",
    "Constant",
    "Conv",
    "Flatten",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "LayerNormalization",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Softmax",
    "Transpose",
];

/// A part of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it computes.
    pub graph: Graph,
    /// Where its input comes from; none where that is the model's.
    pub source: Option<Source>,
}

/// A model that cannot be split that way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The model has several inputs or outputs.
    #[error("a model with {inputs} inputs and {outputs} outputs is not split")]
    Ports {
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
    /// There is one part only.
    #[error("one part is the whole model")]
    OnePart,
    /// No layer has that name, or it is the first one, or stands before an earlier cut.
    #[error("no cut before {layer:?}: the layers, in order, are {}", layers.join(", "))]
    UnknownLayer {
        /// What was asked for.
        layer: String,
        /// Names of the layers.
        layers: Vec<String>,
    },
    /// Too many tensors would go from one part to the next.
    #[error("no cut before {layer:?}: {} go across it, and at most {MOST_TENSORS} may", tensors.join(", "))]
    SeveralTensors {
        /// The layer.
        layer: String,
        /// Names of the tensors.
        tensors: Vec<String>,
    },
    /// Two tensors would cross a cut of a model that may have whole numbers: joined with fractions, they would be read as fractions.
    #[error(
        "no cut there: two tensors would cross it, which a model with integer inputs or with operators that may make whole numbers does not allow"
    )]
    WholeNumbers,
    /// A tensor of fractions whose scale factor is 1, as that of whole numbers.
    #[error(
        "no cut there: the tensor that crosses it has a scale factor of 1, and the next part would read its fractions as whole numbers"
    )]
    UnitOne,
    /// What would be tiled is no single layer with weights for each output.
    #[error("{} cannot be tiled: only a single dense layer or convolution can, into at most one tile for each of its output channels or groups", layers.join(", "))]
    NotTileable {
        /// Names of the layers after the last cut.
        layers: Vec<String>,
    },
}

impl Hint for SplitError {
    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Ports { .. } => "split models of one input and one output",
            Self::OnePart => "give --tiles of 2 or more, or --cut",
            Self::UnknownLayer { .. } => "name layers in their order, without the first",
            Self::SeveralTensors { .. } => "cut where one tensor goes from layer to layer, or two",
            Self::WholeNumbers => "cut where one tensor goes from layer to layer",
            Self::UnitOne => "cut elsewhere, or use a larger --scale",
            Self::NotTileable { .. } => "put a --cut before the layer, or ask for fewer tiles",
        };
        Some(hint.into())
    }
}

/// The model's parts.
///
/// # Errors
/// [`SplitError`].
pub fn apply(split: &Split, graph: &Graph) -> Result<Vec<Part>, SplitError> {
    let (&[input], &[output]) = (&graph.inputs[..], &graph.outputs[..]) else {
        return Err(SplitError::Ports {
            inputs: graph.inputs.len(),
            outputs: graph.outputs.len(),
        });
    };
    if split.tiles == 0 || split.parts() < 2 {
        return Err(SplitError::OnePart);
    }
    let mut graphs = Vec::new();
    let (mut first, mut enters) = (0, vec![input]);
    for layer in &split.cuts {
        let next = position(graph, layer, first)?;
        let leaves = crossing(graph, next, layer)?;
        graphs.push(section(graph, &graph.nodes[first..next], &enters, &leaves));
        (first, enters) = (next, leaves);
    }
    let last = section(graph, &graph.nodes[first..], &enters, &[output]);
    if split.tiles == 1 {
        graphs.push(last);
    } else {
        graphs.extend(tiles(&last, split.tiles)?);
    }
    let parts = graphs.into_iter().enumerate();
    Ok(parts
        .map(|(index, graph)| Part {
            graph,
            source: split.source(index),
        })
        .collect())
}

/// Names of the layers before which a graph can be cut, in their order.
#[must_use]
pub fn places(graph: &Graph) -> Vec<&str> {
    let nodes = graph.nodes.iter().enumerate();
    let layers = nodes.filter(|(_, node)| !is_constant(graph, node.output));
    // Before the first layer there is nothing to prove.
    let places = layers
        .skip(1)
        .filter(|(next, node)| crossing(graph, *next, &node.name).is_ok());
    places.map(|(_, node)| node.name.as_str()).collect()
}

/// The position of a layer after the one at `first`.
fn position(graph: &Graph, layer: &str, first: usize) -> Result<usize, SplitError> {
    let found = graph.nodes.iter().position(|node| node.name == layer);
    found
        .filter(|&position| position > first)
        .ok_or_else(|| SplitError::UnknownLayer {
            layer: layer.to_owned(),
            layers: names(graph),
        })
}

fn names(graph: &Graph) -> Vec<String> {
    graph.nodes.iter().map(|node| node.name.clone()).collect()
}

/// What nodes from `next` on, and the outputs, read of what there is before them.
fn crossing(graph: &Graph, next: usize, layer: &str) -> Result<Vec<ValueId>, SplitError> {
    let made = |value: &ValueId| {
        is_constant(graph, *value) || graph.nodes[next..].iter().any(|node| node.output == *value)
    };
    let read = graph.nodes[next..]
        .iter()
        .flat_map(|node| node.inputs.iter().copied());
    let mut values: Vec<ValueId> = read
        .chain(graph.outputs.iter().copied())
        .filter(|value| !made(value))
        .collect();
    values.sort_unstable();
    values.dedup();
    let is_of_fractions = |node: &Node| OF_FRACTIONS.contains(&node.op.onnx_name());
    match values.len() {
        1 => return Ok(values),
        2..=MOST_TENSORS if graph.nodes.iter().all(is_of_fractions) => return Ok(values),
        2..=MOST_TENSORS => return Err(SplitError::WholeNumbers),
        _ => {}
    }
    let name = |value: &ValueId| graph.values[value.0].name.clone();
    Err(SplitError::SeveralTensors {
        layer: layer.to_owned(),
        tensors: values.iter().map(name).collect(),
    })
}

/// Whether a value is known from the file alone.
fn is_constant(graph: &Graph, value: ValueId) -> bool {
    let made = graph.nodes.iter().find(|node| node.output == value);
    made.is_some_and(|node| node.op.rules().constant().is_some())
}

/// These nodes as a graph from some values to others.
fn section(graph: &Graph, nodes: &[Node], enter: &[ValueId], leave: &[ValueId]) -> Graph {
    let mut section = Graph::default();
    let mut ids = vec![None; graph.values.len()];
    for &input in enter {
        let value = &graph.values[input.0];
        let id = section.input(&value.name, &value.shape).expect(WAS_A_GRAPH);
        section.values[id.0].keep_type(value);
        ids[input.0] = Some(id);
    }
    // A part has the constants that it reads, wherever they stand.
    let read = |constant: &&Node| {
        is_constant(graph, constant.output) && nodes.iter().any(|node| node.inputs.contains(&constant.output))
    };
    let others = nodes.iter().filter(|node| !is_constant(graph, node.output));
    for node in graph.nodes.iter().filter(read).chain(others) {
        let inputs: Vec<ValueId> = node
            .inputs
            .iter()
            .map(|id| ids[id.0].expect("what crosses a cut enters"))
            .collect();
        let name = &graph.values[node.output.0].name;
        let id = section
            .apply(&node.name, name, node.op.clone(), &inputs)
            .expect(WAS_A_GRAPH);
        section.values[id.0].keep_type(&graph.values[node.output.0]);
        ids[node.output.0] = Some(id);
    }
    for output in leave {
        let mut id = ids[output.0].expect("the output is made");
        // What only goes through has a node too: readers of ONNX know no output that is an input.
        if enter.contains(output) {
            let value = &graph.values[output.0];
            let [layer, name] =
                ["kept", "kept.output"].map(|suffix| fresh(graph, &format!("{}.{suffix}", value.name)));
            let shape = value.shape.clone();
            let kept = section.apply(&layer, &name, Op::Reshape(Reshape { shape }), &[id]);
            id = kept.expect(WAS_A_GRAPH);
        }
        section.outputs.push(id);
    }
    section
}

/// A name that neither a layer nor a value has.
fn fresh(graph: &Graph, name: &str) -> String {
    let is_taken = graph.nodes.iter().any(|node| node.name == name)
        || graph.values.iter().any(|value| value.name == name);
    if is_taken {
        fresh(graph, &format!("{name}_"))
    } else {
        name.to_owned()
    }
}

const WAS_A_GRAPH: &str = "a part of a graph is a graph";

/// A layer's outputs shared among so many graphs, whose numbers of outputs differ by at most one.
fn tiles(graph: &Graph, tiles: usize) -> Result<Vec<Graph>, SplitError> {
    let whole = graph;
    let not_tileable = || SplitError::NotTileable { layers: names(graph) };
    let ([node], [input]) = (&graph.nodes[..], &graph.inputs[..]) else {
        return Err(not_tileable());
    };
    let rules = node.op.rules();
    let most = rules
        .most_tiles()
        .filter(|&most| most >= tiles)
        .ok_or_else(not_tileable)?;
    let name = &graph.values[graph.outputs[0].0].name;
    let value = &graph.values[input.0];
    let tile = |tile: usize| {
        let [from, to] = [tile, tile + 1].map(|tile| tile * most / tiles);
        let (op, channels) = rules.tile(from..to).expect("it has tiles");
        let mut graph = Graph::default();
        let mut read = graph.input(&value.name, &value.shape).expect(WAS_A_GRAPH);
        graph.values[read.0].keep_type(value);
        if let Some(channels) = channels {
            let cut = Cut {
                axis: 1,
                start: channels.start as i64,
                end: channels.end as i64,
                step: 1,
            };
            let slice = Op::Movement(Movement::Slice(vec![cut]));
            let [layer, read_name] =
                [&node.name, &value.name].map(|name| fresh(whole, &format!("{name}.channels")));
            read = graph
                .apply(&layer, &read_name, slice, &[read])
                .expect(WAS_A_GRAPH);
        }
        let output = graph.apply(&node.name, name, op, &[read]).expect(WAS_A_GRAPH);
        graph.values[output.0].keep_type(&whole.values[whole.outputs[0].0]);
        graph.outputs.push(output);
        graph
    };
    Ok((0..tiles).map(tile).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::FloatModel;
    use crate::ops::Whole;
    use crate::suite;
    use crate::tensor::Tensor;
    use crate::{input, layers, onnx};

    fn outputs(graph: &Graph, input: &Tensor) -> Tensor {
        let model = FloatModel::load(&onnx::write(graph)).unwrap();
        model.run(std::slice::from_ref(input)).unwrap().swap_remove(0)
    }

    fn split(cuts: &[&str], tiles: usize) -> Split {
        Split {
            cuts: cuts.iter().map(|&cut| cut.to_owned()).collect(),
            tiles,
        }
    }

    #[test]
    fn parts_one_after_the_other_are_the_model() {
        let spec = suite::find("cnn_strided").unwrap();
        let graph = layers::build(spec, 1);
        let x = input::seeded(spec, 1);
        let whole = outputs(&graph, &x);
        let split = split(&["conv2", "fc"], 3);
        let parts = apply(&split, &graph).unwrap();
        assert_eq!(parts.len(), split.parts());
        let mut read: Vec<Tensor> = Vec::new();
        let mut made: Vec<Tensor> = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let input = match part.source {
                None => x.clone(),
                Some(source) => {
                    assert!(source.part < index);
                    match source.tensor {
                        SharedTensor::Input => read[source.part].clone(),
                        SharedTensor::Output => made[source.part].clone(),
                    }
                }
            };
            made.push(outputs(&part.graph, &input));
            read.push(input);
        }
        let tiled: Vec<f32> = made[2..].iter().flat_map(|tensor| tensor.data.clone()).collect();
        assert_eq!(
            made[2..].iter().map(Tensor::len).collect::<Vec<_>>(),
            [3, 3, 4],
            "ten outputs"
        );
        for (tiled, whole) in tiled.iter().zip(&whole.data) {
            assert!((tiled - whole).abs() < 1e-4);
        }
        assert_eq!(parts[3].source, parts[4].source);
        assert_eq!(
            parts[3].source,
            Some(Source {
                part: 2,
                tensor: SharedTensor::Input
            })
        );
    }

    #[test]
    fn a_layer_is_tiled_over_its_output_channels_or_groups() {
        for (id, tiles) in [("conv2d_small", 2), ("depthwise_conv2d", 3)] {
            is_whole_in_tiles(id, tiles);
        }
    }

    fn is_whole_in_tiles(id: &str, count: usize) {
        let spec = suite::find(id).unwrap();
        let graph = layers::build(spec, 1);
        let x = input::seeded(spec, 1);
        let whole = outputs(&graph, &x);
        let parts = apply(&split(&[], count), &graph).unwrap();
        let tiled: Vec<f32> = parts
            .iter()
            .flat_map(|part| outputs(&part.graph, &x).data)
            .collect();
        assert_eq!(tiled.len(), whole.len());
        assert!(tiled.iter().zip(&whole.data).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    /// A residual sum has its other operand from before the cut.
    #[test]
    fn two_tensors_go_across_a_cut() {
        let spec = suite::find("silu").unwrap();
        let graph = layers::build(spec, 1);
        let x = input::seeded(spec, 1);
        let parts = apply(&split(&["silu"], 1), &graph).unwrap();
        let [first, second] = &parts[..] else {
            panic!("{} parts", parts.len())
        };
        assert_eq!(first.graph.outputs.len(), 2);
        assert_eq!(second.graph.inputs.len(), 2);
        let run = |graph: &Graph, inputs: &[Tensor]| {
            let model = FloatModel::load(&onnx::write(graph)).unwrap();
            model.run(inputs).unwrap()
        };
        let made = run(&first.graph, std::slice::from_ref(&x));
        let [result] = &run(&second.graph, &made)[..] else {
            panic!("one output")
        };
        assert_eq!(result.data, outputs(&graph, &x).data);
    }

    /// Joined with fractions, whole numbers would be fractions to the next part.
    #[test]
    fn whole_numbers_go_across_a_cut_alone() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 4]).unwrap();
        let rectified = graph.apply("relu", "r", Op::Relu, &[x]).unwrap();
        let whole = graph.apply("floor", "f", Op::Whole(Whole::Floor), &[x]).unwrap();
        let sum = graph.apply("sum", "s", Op::Add, &[rectified, whole]).unwrap();
        graph.outputs = vec![sum];
        assert_eq!(apply(&split(&["sum"], 1), &graph), Err(SplitError::WholeNumbers));
        assert!(places(&graph).is_empty(), "{:?}", places(&graph));
    }

    /// A layer of a name that a part would give its own is no obstacle.
    #[test]
    fn names_of_a_file_stay_as_they_are() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 4]).unwrap();
        let first = graph.apply("x.kept", "x.kept.output", Op::Relu, &[x]).unwrap();
        let sum = graph.apply("sum", "s", Op::Add, &[x, first]).unwrap();
        graph.outputs = vec![sum];
        let parts = apply(&split(&["sum"], 1), &graph).unwrap();
        assert_eq!(parts[0].graph.outputs.len(), 2);
    }

    /// Every place is a cut, and before no other layer there is one.
    #[test]
    fn places_are_where_few_tensors_cross() {
        let cnn = layers::build(suite::find("cnn_relu").unwrap(), 1);
        assert_eq!(places(&cnn).len(), cnn.nodes.len() - 1, "{:?}", places(&cnn));
        let attention = layers::build(suite::find("transformer").unwrap(), 1);
        assert!(places(&attention).len() < attention.nodes.len() - 1);
        for id in ["resnet20", "transformer"] {
            let graph = layers::build(suite::find(id).unwrap(), 1);
            let places = places(&graph);
            assert!(places.len() > 2, "{id}: {places:?}");
            for node in &graph.nodes {
                let is_cut = apply(&split(&[&node.name], 1), &graph).is_ok();
                assert_eq!(
                    is_cut,
                    places.contains(&node.name.as_str()),
                    "{id}: {}",
                    node.name
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let cnn = layers::build(suite::find("cnn_relu").unwrap(), 1);
        let attention = layers::build(suite::find("transformer").unwrap(), 1);
        // Queries, keys, values, and the operand of the residual sum.
        let product = attention
            .nodes
            .iter()
            .find(|node| node.op.onnx_name() == "MatMul")
            .unwrap();
        let depthwise = layers::build(suite::find("depthwise_conv2d").unwrap(), 1);
        let refused = |graph: &Graph, cuts: &[&str], tiles| apply(&split(cuts, tiles), graph).unwrap_err();
        assert_eq!(refused(&cnn, &[], 1), SplitError::OnePart);
        assert_eq!(refused(&cnn, &["conv2"], 0), SplitError::OnePart);
        for cuts in [&["conv9"][..], &["conv1"], &["fc", "conv2"], &["conv2", "conv2"]] {
            assert!(
                matches!(refused(&cnn, cuts, 1), SplitError::UnknownLayer { .. }),
                "{cuts:?}"
            );
        }
        assert!(matches!(
            refused(&attention, &[&product.name], 1),
            SplitError::SeveralTensors { tensors, .. } if tensors.len() > 2
        ));
        for (graph, cuts, tiles) in [
            (&cnn, &["conv2"][..], 2),
            (&depthwise, &[], 33),
            (&cnn, &["fc"], 11),
        ] {
            assert!(matches!(
                refused(graph, cuts, tiles),
                SplitError::NotTileable { .. }
            ));
        }
    }
}
