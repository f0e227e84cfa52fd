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

/// The greatest relative error of a factor that is not worth a remark.
const FAR_OFF: f64 = 0.01;

/// Means inside of a graph's operators that a direct circuit computes by a factor.
#[must_use]
pub fn means(graph: &Graph) -> Vec<Mean> {
    let means = graph.nodes.iter().filter_map(|node| {
        Some(Mean {
            node: node.name.clone(),
            operator: node.op.onnx_name().to_owned(),
            count: node
                .op
                .rules()
                .mean_elements(graph.shape(*node.inputs.first()?))?,
        })
    });
    means.collect()
}

/// Means that a direct circuit computes with a factor that is far from 1/n at this scale.
#[must_use]
pub fn far_off_means(means: &[Mean], scale: u32) -> Vec<String> {
    let far_off = means
        .iter()
        .filter(|mean| relative_error(mean.count, scale).abs() > FAR_OFF);
    far_off
        .map(|Mean { node, operator, count }| {
            let unit = f64::from(scale).exp2();
            let factor = (unit / *count as f64).round();
            // Half a unit, by which a factor can be off, is less than 1/128 of 1/n there.
            let surely = count.ilog2() + 7;
            let enough = (scale + 1..surely).find(|&scale| relative_error(*count, scale).abs() <= FAR_OFF);
            format!(
                "{operator} {node}: EZKL multiplies by 1/{count} as {factor}/{unit} at scale {scale}, so that every mean is off \
                 by {:+.2}%; --scale {} keeps it within {}%",
                100.0 * relative_error(*count, scale),
                enough.unwrap_or(surely),
                100.0 * FAR_OFF
            )
        })
        .collect()
}

/// By how much 1/n is off at a scale. A power of two is no factor in EZKL's circuit, but another scale.
fn relative_error(count: usize, scale: u32) -> f64 {
    if count.is_power_of_two() {
        return 0.0;
    }
    let (unit, count) = (f64::from(scale).exp2(), count as f64);
    (unit / count).round() * count / unit - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Gemm, LayerNorm, Op};

    fn dense(weights: &[f32]) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, weights.len()]).unwrap();
        let op = Op::Gemm(Gemm {
            weight: Tensor::new([1, weights.len()], weights.to_vec()),
            bias: None,
        });
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
    fn a_mean_is_far_off_unless_its_count_is_a_power_of_two_or_the_scale_holds_it() {
        let mean = |count| Mean {
            node: "gap".to_owned(),
            operator: "GlobalAveragePool".to_owned(),
            count,
        };
        assert_eq!(
            far_off_means(&[mean(64), mean(49)], 7),
            [
                "GlobalAveragePool gap: EZKL multiplies by 1/49 as 3/128 at scale 7, so that every mean is off by +14.84%; \
                 --scale 10 keeps it within 1%"
            ]
        );
        let lost = &far_off_means(&[mean(784)], 7)[0];
        assert!(
            lost.contains("as 0/128")
                && lost.contains("by -100.00%;")
                && lost.ends_with("--scale 14 keeps it within 1%"),
            "{lost}"
        );
        assert!(far_off_means(&[mean(49)], 10).is_empty());
        // 1/5 is 26/128, off by 1.6%, and 51/256, off by 0.4%.
        assert!(far_off_means(&[mean(5)], 7)[0].contains("+1.56%; --scale 8 "));
    }

    #[test]
    fn a_normalisation_takes_a_mean() {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 3, 7]).unwrap();
        let op = Op::LayerNorm(LayerNorm {
            axis: 1,
            scale: Tensor::new([3, 7], vec![1.0; 21]),
            bias: None,
            epsilon: 1e-5,
        });
        let y = graph.apply("norm", "y", op, &[x]).unwrap();
        graph.outputs.push(y);
        let means = means(&graph);
        assert_eq!((means.len(), means[0].count), (1, 21));
        assert!(
            far_off_means(&means, 5)[0]
                .starts_with("LayerNormalization norm: EZKL multiplies by 1/21 as 2/32")
        );
    }
}
