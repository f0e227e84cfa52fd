//! Which elements of a circuit are read on the way to its results.
//!
//! Goes in: a circuit and some of its nodes, the roots. Comes out: for each node, the elements that some element of a root is
//! computed from. A loader that leaves out what no result needs can leave out only elements that are not read; numbers play
//! no part in it, so that a product with a weight of 0 reads as any other does.

use super::circuit::{Circuit, NodeId, Operator};

/// The elements of a node that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// None.
    Nothing,
    /// Those that are marked, row-major: some, not all.
    Marked(Vec<bool>),
    /// All.
    All,
}

impl Reading {
    fn of(marks: Vec<bool>) -> Self {
        if marks.iter().all(|&mark| mark) {
            Self::All
        } else if marks.contains(&true) {
            Self::Marked(marks)
        } else {
            Self::Nothing
        }
    }

    /// Adds what another reader reads.
    fn join(&mut self, other: Self) {
        let joined = match (std::mem::replace(self, Self::Nothing), other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, reading) | (reading, Self::Nothing) => reading,
            (Self::Marked(mut marks), Self::Marked(more)) => {
                for (mark, more) in marks.iter_mut().zip(more) {
                    *mark |= more;
                }
                Self::of(marks)
            }
        };
        *self = joined;
    }
}

/// What is read of each node on the way to the roots, in the order of the nodes.
pub(super) fn readings(circuit: &Circuit, roots: &[NodeId]) -> Vec<Reading> {
    let mut readings = vec![Reading::Nothing; circuit.nodes().len()];
    for root in roots {
        readings[root.0] = Reading::All;
    }
    for (index, node) in circuit.nodes().iter().enumerate().rev() {
        let reading = readings[index].clone();
        if reading == Reading::Nothing {
            continue;
        }
        for (place, &input) in node.inputs.iter().enumerate() {
            let shape = circuit.shape(input);
            let read = match (&node.operator, &reading) {
                (Operator::Input(_) | Operator::Constant(_), _) => unreachable!("they read nothing"),
                (
                    Operator::Reshape | Operator::Relabel(_) | Operator::Negate | Operator::Lookup(_),
                    reading,
                ) => reading.clone(),
                (Operator::Sum, _) => Reading::All,
                (Operator::Gather { axis, positions }, reading) => gathered(reading, shape, *axis, positions),
                (
                    Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Einsum { .. },
                    Reading::All | Reading::Nothing,
                ) => reading.clone(),
                (Operator::Add | Operator::Subtract | Operator::Multiply, Reading::Marked(marks)) => {
                    let rank = node.shape.len();
                    let axes = (rank - shape.len()..rank).map(|axis| (node.shape[axis] > 1).then_some(axis));
                    projected(marks, &node.shape, shape, &axes.collect::<Vec<_>>())
                }
                (Operator::Einsum { equation, .. }, Reading::Marked(marks)) => {
                    let (inputs, output) = equation.split_once("->").expect("an arrow");
                    let letters = inputs.split(',').nth(place).expect("two inputs");
                    let axes: Vec<Option<usize>> =
                        letters.chars().map(|letter| output.find(letter)).collect();
                    projected(marks, &node.shape, shape, &axes)
                }
            };
            readings[input.0].join(read);
        }
    }
    readings
}

/// What is read of a tensor of which these positions of an axis are gathered.
fn gathered(reading: &Reading, shape: &[usize], axis: usize, positions: &[usize]) -> Reading {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let mut marks = vec![false; shape.iter().product()];
    for block in 0..outer {
        for (from, &to) in positions.iter().enumerate() {
            let (from, to) = (
                (block * positions.len() + from) * inner,
                (block * shape[axis] + to) * inner,
            );
            match reading {
                Reading::Nothing => {}
                Reading::All => marks[to..to + inner].fill(true),
                Reading::Marked(read) => {
                    for place in 0..inner {
                        marks[to + place] |= read[from + place];
                    }
                }
            }
        }
    }
    Reading::of(marks)
}

/// What is read of an input of this shape where these elements of the output are: each axis of the input runs with the
/// output's axis that is named for it; where none is, all of it is read. An axis of size 1 stands for every position.
fn projected(marks: &[bool], output: &[usize], input: &[usize], axes: &[Option<usize>]) -> Reading {
    // Of the output, along the axes that the input has; then the input's other axes.
    let kept: Vec<(usize, usize)> = axes
        .iter()
        .zip(input)
        .filter_map(|(&axis, &size)| Some((axis.filter(|_| size > 1)?, size)))
        .collect();
    let mut read = vec![false; kept.iter().map(|&(_, size)| size).product()];
    for (place, _) in marks.iter().enumerate().filter(|&(_, &mark)| mark) {
        let positions = positions(place, output);
        let at = kept
            .iter()
            .fold(0, |at, &(axis, size)| at * size + positions[axis]);
        read[at] = true;
    }
    let elements: usize = input.iter().product();
    let spread = (0..elements).map(|place| {
        let positions = positions(place, input);
        let own = axes.iter().zip(input).zip(positions);
        let at = own.fold(0, |at, ((axis, &size), position)| {
            if axis.is_some() && size > 1 {
                at * size + position
            } else {
                at
            }
        });
        read[at]
    });
    Reading::of(spread.collect())
}

/// An element's position along each axis.
fn positions(place: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = place;
    let mut positions: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let position = rest % size;
            rest /= size;
            position
        })
        .collect();
    positions.reverse();
    positions
}
