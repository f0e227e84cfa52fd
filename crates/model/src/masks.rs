//! Attention with a constant mask, without the elements that the mask leaves out.
//!
//! Goes in: a graph. Comes out: the same function, in which a Softmax of scores that a constant masks (a causal mask, padding) is one of
//! what each row keeps. A masked score is a number of −10⁴ or less, or has one added that is less by 5,000 than what others of its row have, and
//! e to it is 0 in `f32` beside the others: its share is 0, and its score is not needed. Rows that keep the same places share one Softmax.
//! That holds for scores that differ by less than what the mask adds, to which they are held.

use std::collections::BTreeMap;

use crate::fold::{Written, rewritten};
use crate::graph::{
    Concat, Filling, Graph, GraphError, Movement, Node, Op, Reshape, Tensor, ValueId, Within,
};
use crate::ops::{broadcast, positions};

/// What a masked score has added, or is, at most.
const MASKED: f32 = -1e4;

/// How much less that is, at least, than what each score has added that its row keeps.
const DISTANCE: f32 = 5e3;

/// e to a number that is less by more is 0 in `f32` beside 1.
const NEGLIGIBLE: f32 = 104.0;

/// For each score whether it counts, by what is added to it: rows of so many columns.
fn kept_of(added: &[f32], columns: usize) -> Vec<bool> {
    let row = |row: &[f32]| {
        let kept = row.iter().copied().filter(|&x| x > MASKED);
        let least = kept.fold(f32::INFINITY, f32::min);
        let counts = |&x: &f32| x > MASKED || x > least - DISTANCE;
        row.iter().map(counts).collect::<Vec<bool>>()
    };
    added.chunks(columns).flat_map(row).collect()
}

/// See the module. A Softmax of which a row keeps nothing stays as it is.
///
/// # Panics
/// When the graph's values are not its own.
pub(crate) fn without_masked(graph: &Graph) -> Graph {
    rewritten(graph, |written, node, rewritten| {
        let found = mask_of(graph, written, node)?;
        Some(found.apply(rewritten, node))
    })
}

/// What a constant does to scores before a Softmax.
struct Mask {
    scores: ValueId,
    /// For each score whether it counts.
    kept: Vec<bool>,
    /// What is added to those that do, if anything; scores that do not have 0.
    added: Option<Tensor>,
    /// The greatest magnitude of scores that the mask hides and of those beside them.
    most: f32,
}

/// The mask of a Softmax; none where its input has none, or where a row would keep nothing.
fn mask_of(graph: &Graph, written: &Written, node: &Node) -> Option<Mask> {
    let Op::Softmax(softmax) = &node.op else {
        return None;
    };
    if softmax.is_logarithm {
        return None;
    }
    let &[masked] = &node.inputs[..] else {
        return None;
    };
    let constant = |value: ValueId| match &written.node(graph, value)?.op {
        Op::Constant(tensor) => Some(tensor),
        _ => None,
    };
    let shape = graph.shape(masked);
    let (by, columns) = (written.node(graph, masked)?, *shape.last()?);
    let mask = match (&by.op, &by.inputs[..]) {
        (Op::Add, inputs) => {
            let (addend, scores) = written.beside_constant(graph, inputs)?;
            let addend = spread(addend, shape)?;
            let kept = kept_of(&addend.data, columns);
            let of_kept = addend.data.iter().zip(&kept);
            let of_kept: Vec<f32> = of_kept.map(|(&x, &kept)| if kept { x } else { 0.0 }).collect();
            let is_shifted = of_kept.iter().any(|&x| x != 0.0);
            let least_distance = distance(&addend.data, &kept, columns);
            Mask {
                scores,
                kept,
                added: is_shifted.then(|| Tensor::new(shape, of_kept)),
                // Of a score that is hidden and one that is kept.
                most: (least_distance - NEGLIGIBLE) / 2.0,
            }
        }
        (Op::Where, &[truth, left, right]) => {
            let truth = spread(constant(truth)?, shape)?;
            let (filling, scores) = written.beside_constant(graph, &[left, right])?;
            let counts = scores == left;
            let filling = spread(filling, shape)?;
            let kept: Vec<bool> = truth.data.iter().map(|&x| (x != 0.0) == counts).collect();
            let left_out = filling.data.iter().zip(&kept).filter(|(_, kept)| !**kept);
            let greatest = left_out.map(|(&x, _)| x).fold(f32::MIN, f32::max);
            if greatest > MASKED {
                return None;
            }
            Mask {
                scores,
                kept,
                added: None,
                most: -greatest - NEGLIGIBLE,
            }
        }
        _ => return None,
    };
    let is_needed = mask.kept.contains(&false) && graph.shape(mask.scores) == shape;
    let each_keeps = mask.kept.chunks(columns).all(|row| row.contains(&true));
    (is_needed && each_keeps).then_some(mask)
}

/// The least that a score has added less than one that its row keeps, over all that are left out.
fn distance(added: &[f32], kept: &[bool], columns: usize) -> f32 {
    let rows = added.chunks(columns).zip(kept.chunks(columns));
    let distances = rows.map(|(added, kept)| {
        let of = |counts: bool| added.iter().zip(kept).filter(move |(_, kept)| **kept == counts);
        let least = of(true).map(|(&x, _)| x).fold(f32::INFINITY, f32::min);
        let greatest = of(false).map(|(&x, _)| x).fold(f32::NEG_INFINITY, f32::max);
        (least - greatest).min(f32::MAX)
    });
    distances.fold(f32::MAX, f32::min)
}

/// A constant with its elements repeated; none where it has others than the shape.
fn spread(constant: &Tensor, shape: &[usize]) -> Option<Tensor> {
    (broadcast(&constant.shape, shape)? == shape).then(|| {
        let positions = positions(&constant.shape, shape);
        Tensor::new(shape, positions.into_iter().map(|at| constant.data[at]).collect())
    })
}

impl Mask {
    /// Writes the Softmax `node` anew.
    fn apply(self, graph: &mut Graph, node: &Node) -> Result<(), GraphError> {
        let shape = graph.shape(node.output).to_vec();
        let columns = shape[shape.len() - 1];
        let mut counter = 0;
        let mut apply = |graph: &mut Graph, op: Op, inputs: &[ValueId]| {
            counter += 1;
            let name = format!("{}/kept/{counter}", node.name);
            graph.apply(&name, &name, op, inputs)
        };
        let within = Within {
            is_whole: false,
            ..Within::whole(-self.most as i64, self.most as i64)
        };
        let mut scores = apply(graph, Op::Within(within), &[self.scores])?;
        if let Some(added) = self.added {
            let added = apply(graph, Op::Constant(added), &[])?;
            scores = apply(graph, Op::Add, &[scores, added])?;
        }
        let flat = |shape: Vec<usize>| Op::Reshape(Reshape { shape });
        let line = apply(graph, flat(vec![self.kept.len()]), &[scores])?;
        let mut rows: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (row, kept) in self.kept.chunks(columns).enumerate() {
            let places = (0..columns).filter(|&column| kept[column]);
            rows.entry(places.collect()).or_default().push(row);
        }
        // Where each share stands among all that are computed; those that are masked stand behind them.
        let mut position = vec![usize::MAX; self.kept.len()];
        let (mut count, mut shares) = (0, Vec::new());
        for (places, rows) in &rows {
            let of_row = |&row: &usize| places.iter().map(move |&place| row * columns + place);
            let indices: Vec<usize> = rows.iter().flat_map(of_row).collect();
            for &index in &indices {
                position[index] = count;
                count += 1;
            }
            let size = indices.len();
            let gather = Movement::Gather {
                axis: 0,
                indices,
                shape: vec![rows.len(), places.len()],
            };
            let kept = apply(graph, Op::Movement(gather), &[line])?;
            let divided = apply(graph, node.op.clone(), &[kept])?;
            shares.push(apply(graph, flat(vec![size]), &[divided])?);
        }
        let all = match shares[..] {
            [one] => one,
            _ => apply(graph, Op::Concat(Concat { axis: 0 }), &shares)?,
        };
        let with_zero = Movement::Pad {
            before: vec![0],
            after: vec![1],
            filling: Filling::Number(0.0),
        };
        let all = apply(graph, Op::Movement(with_zero), &[all])?;
        let back = Movement::Gather {
            axis: 0,
            indices: position.into_iter().map(|place| place.min(count)).collect(),
            shape,
        };
        graph.nodes.push(Node {
            op: Op::Movement(back),
            inputs: vec![all],
            ..node.clone()
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::FloatModel;
    use crate::graph::Softmax;
    use crate::onnx;

    fn softmax() -> Op {
        Op::Softmax(Softmax { is_logarithm: false })
    }

    /// Scores of 2 heads and 3 places, each of which sees itself and those before it.
    fn causal(mask: impl Fn(&mut Graph, ValueId) -> ValueId) -> Graph {
        let mut graph = Graph::default();
        let x = graph.input("x", &[1, 2, 3, 3]).unwrap();
        let masked = mask(&mut graph, x);
        let y = graph.apply("softmax", "y", softmax(), &[masked]).unwrap();
        graph.outputs = vec![y];
        graph
    }

    fn lower_left(kept: f32, left_out: f32) -> Tensor {
        let data = (0..9).map(|at| if at % 3 <= at / 3 { kept } else { left_out });
        Tensor::new([3, 3], data.collect())
    }

    fn constant(graph: &mut Graph, name: &str, tensor: Tensor) -> ValueId {
        graph.apply(name, name, Op::Constant(tensor), &[]).unwrap()
    }

    fn outputs(graph: &Graph) -> Vec<f32> {
        let data = (0..18).map(|at| ((at * 7) % 5) as f32 - 2.0);
        let input = Tensor::new([1, 2, 3, 3], data.collect());
        let mut outputs = FloatModel::load(&onnx::write(graph))
            .unwrap()
            .run(&[input])
            .unwrap();
        outputs.remove(0).data
    }

    fn softmaxes(graph: &Graph) -> usize {
        graph.nodes.iter().filter(|node| node.op == softmax()).count()
    }

    #[test]
    fn masked_scores_are_left_out_and_nothing_else_changes() {
        let added = causal(|graph, x| {
            let mask = constant(graph, "mask", lower_left(0.5, -1e9));
            graph.apply("add", "add.y", Op::Add, &[x, mask]).unwrap()
        });
        let chosen = causal(|graph, x| {
            let truth = constant(graph, "truth", lower_left(1.0, 0.0));
            let fill = constant(graph, "fill", Tensor::new([1], vec![f32::MIN]));
            graph
                .apply("where", "where.y", Op::Where, &[truth, x, fill])
                .unwrap()
        });
        for graph in [added, chosen] {
            let without = without_masked(&graph);
            assert_eq!(softmaxes(&without), 3, "one for each row of a head");
            let (exact, found) = (outputs(&graph), outputs(&without));
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
            assert!(exact.iter().zip(&found).all(close), "{exact:?} {found:?}");
        }
    }

    /// Scores are as many as 10,000 may hide: what is left out is 0 beside what is kept, whatever they are.
    #[test]
    fn scores_are_held_to_what_the_mask_hides() {
        let most_of = |kept: f32, left_out: f32| {
            let graph = causal(|graph, x| {
                let mask = constant(graph, "mask", lower_left(kept, left_out));
                graph.apply("add", "add.y", Op::Add, &[x, mask]).unwrap()
            });
            let without = without_masked(&graph);
            let held = without.nodes.iter().find_map(|node| match node.op {
                Op::Within(within) => Some((within.least, within.greatest, within.is_whole)),
                _ => None,
            });
            held.unwrap()
        };
        assert_eq!(most_of(0.0, -1e4), (-4948, 4948, false));
        assert_eq!(most_of(-4.0, -1e4), (-4946, 4946, false));
        assert!(most_of(0.0, f32::MIN).1 > 1 << 62);
    }

    /// What has little less added than others of its row is not left out, however little that is.
    #[test]
    fn a_score_is_left_out_by_its_distance_from_those_that_are_kept() {
        assert_eq!(
            kept_of(&[0.0, -1e4, -9990.0, -10001.0], 2),
            [true, false, true, true]
        );
        assert_eq!(
            kept_of(&[f32::MIN, 5.0, -2e4, -20.0], 4),
            [false, true, false, true]
        );
        assert_eq!(kept_of(&[-1e9, f32::MIN], 2), [false, false]);
    }

    #[test]
    fn a_row_that_keeps_nothing_and_a_mask_that_hides_nothing_stay() {
        for (kept, left_out) in [(-1e9, -1e9), (0.0, -100.0)] {
            let graph = causal(|graph, x| {
                let mask = constant(graph, "mask", lower_left(kept, left_out));
                graph.apply("add", "add.y", Op::Add, &[x, mask]).unwrap()
            });
            assert_eq!(without_masked(&graph), graph);
        }
    }
}
