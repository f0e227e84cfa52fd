//! Measures how far the values of a graph reach.
//!
//! Goes in: a graph, and sets of inputs. Comes out: [`Reach`], by the float model of the graph that is quantised.

use std::collections::BTreeMap;

use crate::float::{FloatError, FloatModel};
use crate::graph::{Graph, Tensor};
use crate::onnx;
use crate::quantise::rewritten;
use crate::reach::Reach;

/// How far each value of a graph reaches on these sets of inputs, one tensor for each graph input, with 2^`margin` times as much
/// room.
///
/// # Errors
/// [`FloatError`] where the graph cannot be run on them.
pub fn reach(graph: &Graph, sets: &[Vec<Tensor>], margin: u32) -> Result<Reach, FloatError> {
    let mut graph = rewritten(graph);
    graph.outputs = graph.nodes.iter().map(|node| node.output).collect();
    if graph.outputs.is_empty() || sets.is_empty() {
        return Ok(Reach::default());
    }
    let model = FloatModel::load(&onnx::write(&graph))?;
    let mut greatest: BTreeMap<String, f64> = BTreeMap::new();
    for set in sets {
        let values = graph.output_values().zip(model.run(set)?);
        for (value, tensor) in values {
            // Of what has no result there is no proof.
            let results = tensor.data.iter().filter(|x| x.is_finite());
            let most = results.fold(0.0_f32, |most, x| most.max(x.abs()));
            let seen = greatest.entry(value.name.clone()).or_default();
            *seen = seen.max(f64::from(most));
        }
    }
    Ok(Reach::of(greatest, margin))
}
