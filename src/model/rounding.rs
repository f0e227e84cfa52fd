//! What a scale leaves nothing of: weights that all round to 0, and means whose divisor rounds.
//!
//! Goes in: parameters and a scale, in bits after the binary point. Comes out: a sentence for each, for the record and the
//! terminal.

use super::fold;
use super::graph::{Graph, Tensor};
use super::onnx::Mean;

/// The layers of a graph whose weights, batch norms folded in, all round to 0.
#[must_use]
pub fn vanished_layers(graph: &Graph, scale: u32) -> Vec<String> {
    let folded = fold::batch_norms(graph);
    let weights = folded.nodes.iter().flat_map(|node| {
        let weights = node
            .op
            .parameters()
            .into_iter()
            .filter(|(name, _)| *name == "weight");
        weights.map(|(_, weight)| (format!("{} {}", node.op.onnx_name(), node.name), weight))
    });
    sentences(weights, scale)
}

/// The constants of a file that all round to 0.
#[must_use]
pub fn vanished_constants(constants: &[(String, Tensor)], scale: u32) -> Vec<String> {
    let named = constants
        .iter()
        .map(|(name, tensor)| (format!("constant {name}"), tensor));
    sentences(named, scale)
}

fn sentences<'a>(tensors: impl Iterator<Item = (String, &'a Tensor)>, scale: u32) -> Vec<String> {
    let unit = f64::from(scale).exp2();
    let vanished = tensors.filter(|(_, tensor)| {
        let is_zero = |&x: &f32| (f64::from(x) * unit).abs() < 0.5;
        tensor.data.iter().any(|&x| x != 0.0) && tensor.data.iter().all(is_zero)
    });
    vanished
        .map(|(name, tensor)| {
            let what = match tensor.len() {
                1 => "its one weight rounds".to_owned(),
                many => format!("all {many} weights round"),
            };
            format!("{name}: {what} to 0 at scale {scale}; a larger --scale keeps some of them")
        })
        .collect()
}

/// Means that a direct circuit computes with a factor that is not 1/n at this scale.
#[must_use]
pub fn inexact_means(means: &[Mean], scale: u32) -> Vec<String> {
    let unit = f64::from(scale).exp2();
    // A power of two is no factor in EZKL's circuit, but another scale.
    let inexact = means.iter().filter(|mean| !mean.count.is_power_of_two());
    inexact
        .map(|Mean { node, operator, count }| {
            let factor = (unit / *count as f64).round();
            let error = factor * *count as f64 / unit - 1.0;
            format!(
                "{operator} {node}: EZKL multiplies by 1/{count} as {factor}/{unit} at scale {scale}, so that every mean is off \
                 by {:+.2}%",
                100.0 * error
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::graph::Op;

    fn dense(weights: &[f32]) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, weights.len()]).unwrap();
        let op = Op::Gemm {
            weight: Tensor::new([1, weights.len()], weights.to_vec()),
            bias: None,
        };
        let y = graph.apply("fc", "y", op, &[x]).unwrap();
        graph.outputs.push(y);
        graph
    }

    #[test]
    fn only_weights_that_all_round_to_nothing_are_named() {
        let small = 0.4 / 128.0;
        assert_eq!(
            vanished_layers(&dense(&[small, -small, 0.0]), 7),
            ["Gemm fc: all 3 weights round to 0 at scale 7; a larger --scale keeps some of them"]
        );
        for kept in [[small, 0.5 / 128.0], [0.0, 0.0], [small, -1.0]] {
            assert!(vanished_layers(&dense(&kept), 7).is_empty(), "{kept:?}");
        }
        assert!(vanished_layers(&dense(&[small, -small]), 8).is_empty());
        let constants = [("w".to_owned(), Tensor::new([1], vec![small]))];
        assert_eq!(
            vanished_constants(&constants, 7),
            ["constant w: its one weight rounds to 0 at scale 7; a larger --scale keeps some of them"]
        );
    }

    #[test]
    fn a_mean_is_inexact_unless_its_count_is_a_power_of_two() {
        let mean = |count| Mean {
            node: "gap".to_owned(),
            operator: "GlobalAveragePool".to_owned(),
            count,
        };
        assert_eq!(
            inexact_means(&[mean(64), mean(49)], 7),
            [
                "GlobalAveragePool gap: EZKL multiplies by 1/49 as 3/128 at scale 7, so that every mean is off by +14.84%"
            ]
        );
        assert!(inexact_means(&[mean(784)], 7)[0].ends_with("-100.00%"));
    }
}
