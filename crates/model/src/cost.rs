//! What a graph costs before any proof system: parameters and multiply-adds.
//!
//! Goes in: a [`Graph`]. Comes out: two counts.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, Node};

/// Size of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Stored `f32` constants, the running mean and variance of batch norm included.
    pub parameters: u64,
    /// Multiplications of a value with a weight in convolutions and fully connected layers, each with
    /// the addition that follows. Padding counts as values do; bias, activations, pooling and
    /// normalisation do not count.
    pub multiply_adds: u64,
}

/// Counts parameters and multiply-adds of a graph.
#[must_use]
pub fn cost(graph: &Graph) -> Cost {
    let parameters = |node: &Node| -> usize {
        let tensors = node.op.parameters();
        tensors.iter().map(|(_, tensor)| tensor.len()).sum()
    };
    Cost {
        parameters: graph.nodes.iter().map(|node| parameters(node) as u64).sum(),
        multiply_adds: graph
            .nodes
            .iter()
            .map(|node| multiply_adds(graph, node) as u64)
            .sum(),
    }
}

/// Each output of a linear layer takes as many multiply-adds as one of its rows has weights.
fn multiply_adds(graph: &Graph, node: &Node) -> usize {
    let outputs: usize = graph.shape(node.output).iter().product();
    outputs * node.op.rules().multiply_adds_per_output()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers;
    use crate::suite;

    #[test]
    fn counts_by_hand() {
        let cases = [
            ("relu", 0, 0),
            ("conv2d_k3_s1", 64 * 32 * 9 + 64, 75_497_472),
            ("conv2d_k3_s2", 64 * 32 * 9 + 64, 75_497_472 / 4),
            ("depthwise_conv2d", 32 * 9 + 32, 32 * 64 * 64 * 9),
            ("batchnorm2d", 4 * 32, 0),
            ("dense", 256 * 128 + 128, 256 * 128),
            (
                "cnn_strided",
                (27 + 1) * 32 + (288 + 1) * 64 + (4096 + 1) * 10,
                32 * 256 * 27 + 64 * 64 * 288 + 40_960,
            ),
        ];
        for (id, parameters, multiply_adds) in cases {
            let spec = suite::find(id).expect("in the suite");
            let expected = Cost {
                parameters,
                multiply_adds,
            };
            assert_eq!(cost(&layers::build(spec, 0)), expected, "{id}");
        }
    }
}
