//! The one challenge ρ, its powers, and sums of a tensor's elements weighted with them.
//!
//! Goes in: a graph with ρ as an input. Comes out: vectors of powers, and contractions: scalars Σ ρ^e(c,h,w) · t(c,h,w).
//! A tensor's element at channel c, row h and column w is weighted with ρ to the power c·2^(x+y) + h·2^x + w, where 2^x
//! and 2^y are the widths and heights rounded up to powers of two. No two elements of a tensor have the same power, and all
//! are below 2^(z+x+y), so that such a sum vanishes as a polynomial in ρ exactly where every element is 0. It falls apart
//! into three products of vectors and is taken one axis after the other: each element costs one cell.
//!
//! Along a packed axis, elements stand in groups. A group has one power of ρ, and its elements the multiples of it by the powers
//! of a base.

use std::collections::HashMap;

use alloy_primitives::U256;
use evmbench_backend::{Element, Graph, NodeId};

/// The bits of an index below this size: ρ^size needs the powers ρ^(2^i) with i below them.
fn bits(size: usize) -> usize {
    size.next_power_of_two().trailing_zeros() as usize
}

/// How the elements of a tensor of channels × rows × columns are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Weighting {
    /// Channels, rows and columns.
    pub(super) sizes: [usize; 3],
    /// Which axis is packed, if one is.
    pub(super) packing: Option<Packing>,
}

/// Elements along an axis in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Packing {
    /// The axis.
    pub(super) axis: Axis,
    /// Elements of a group; the last group may have fewer.
    pub(super) length: usize,
    /// The logarithm of the base.
    pub(super) bits: u32,
}

impl Packing {
    /// The base's power that the elements of a group at this place have.
    pub(super) fn factor(self, place: usize) -> U256 {
        U256::ONE << (self.bits as usize * place)
    }

    /// The numbers of a group as one.
    pub(super) fn packed<'a>(self, group: impl Iterator<Item = &'a i128>) -> Element {
        let order = evmbench_backend::FIELD_MODULUS;
        let sum = group.enumerate().fold(U256::ZERO, |sum, (place, &number)| {
            let number = Element::from(number).number();
            sum.add_mod(number.mul_mod(self.factor(place), order), order)
        });
        Element::new(sum).expect("it is below the order")
    }
}

impl Weighting {
    /// The weighting of a tensor of this shape: leading axes of size 1 are left out, missing ones have size 1, and what is
    /// neither row nor column is channel.
    pub(super) fn of(shape: &[usize]) -> Self {
        let rank = shape.len();
        let size = |from_end: usize| {
            if from_end < rank {
                shape[rank - 1 - from_end]
            } else {
                1
            }
        };
        let channels = shape[..rank.saturating_sub(2)].iter().product();
        Self::of_sizes([channels, size(1), size(0)])
    }

    /// The weighting of a tensor of so many channels, rows and columns.
    pub(super) fn of_sizes(sizes: [usize; 3]) -> Self {
        Self { sizes, packing: None }
    }

    /// How an axis is packed, if it is.
    pub(super) fn packing_of(self, axis: Axis) -> Option<Packing> {
        self.packing.filter(|packing| packing.axis == axis)
    }

    /// Different powers along an axis.
    fn groups(self, axis: Axis) -> usize {
        let size = self.sizes[axis as usize];
        self.packing_of(axis)
            .map_or(size, |packing| size.div_ceil(packing.length))
    }

    /// Where the bits of each axis begin: channels, rows, columns.
    fn starts(self) -> [usize; 3] {
        let [rows, columns] = [Axis::Rows, Axis::Columns].map(|axis| bits(self.groups(axis)));
        [rows + columns, columns, 0]
    }

    /// The logarithm of a number that every power is below.
    pub(super) fn degree_bits(self) -> usize {
        self.starts()[0] + bits(self.groups(Axis::Channels))
    }
}

/// An axis of a [`Weighting`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Axis {
    /// The outermost.
    Channels = 0,
    /// The middle one.
    Rows = 1,
    /// The innermost.
    Columns = 2,
}

/// ρ's powers, made as they are asked for.
pub(super) struct Challenge {
    /// ρ^(2^i).
    squares: Vec<NodeId>,
    one: NodeId,
    vectors: HashMap<(usize, usize), NodeId>,
    packed: HashMap<(Weighting, Axis), NodeId>,
    sums: HashMap<(Option<Weighting>, usize, usize), NodeId>,
}

impl Challenge {
    /// The powers of `challenge` whose exponents are below 2^`degree_bits`.
    pub(super) fn new(graph: &mut Graph, challenge: NodeId, degree_bits: usize) -> Self {
        let mut squares = vec![challenge];
        for _ in 1..=degree_bits {
            let last = squares[squares.len() - 1];
            squares.push(graph.multiply(last, last));
        }
        Self {
            squares,
            one: graph.integers(&[1], [1]),
            vectors: HashMap::new(),
            packed: HashMap::new(),
            sums: HashMap::new(),
        }
    }

    /// ρ^(2^bit).
    pub(super) fn square(&self, bit: usize) -> NodeId {
        self.squares[bit]
    }

    /// ρ^(2^start · i) for i below `len`: what is there, followed by its first elements times the next square.
    fn powers(&mut self, graph: &mut Graph, start: usize, len: usize) -> NodeId {
        if let Some(&vector) = self.vectors.get(&(start, len)) {
            return vector;
        }
        let mut vector = self.one;
        for bit in 0..bits(len) {
            let square = self.square(start + bit);
            let more = (len - (1 << bit)).min(1 << bit);
            let next = if bit == 0 {
                square
            } else {
                let first = graph.gather(vector, 0, (0..more).collect());
                graph.multiply(first, square)
            };
            vector = graph.concatenate(&[vector, next], 0);
        }
        self.vectors.insert((start, len), vector);
        vector
    }

    /// The powers of ρ along an axis: of each group where it is packed, and else of each element.
    pub(super) fn group_weights(&mut self, graph: &mut Graph, weighting: Weighting, axis: Axis) -> NodeId {
        self.expect_apart(weighting);
        self.powers(graph, weighting.starts()[axis as usize], weighting.groups(axis))
    }

    /// The weights of the elements along an axis.
    pub(super) fn weights(&mut self, graph: &mut Graph, weighting: Weighting, axis: Axis) -> NodeId {
        let groups = self.group_weights(graph, weighting, axis);
        let Some(packing) = weighting.packing_of(axis) else {
            return groups;
        };
        if let Some(&weights) = self.packed.get(&(weighting, axis)) {
            return weights;
        }
        let (count, size) = (weighting.groups(axis), weighting.sizes[axis as usize]);
        let factors = (0..packing.length).map(|place| packing.factor(place));
        let factors =
            factors.map(|factor| Element::new(factor).expect("a group's powers are below the order"));
        let factors = graph.constant(&[1, packing.length], factors.collect());
        let groups = graph.reshape(groups, &[count, 1]);
        let all = graph.multiply(groups, factors);
        let all = graph.reshape(all, &[count * packing.length]);
        let weights = graph.gather(all, 0, (0..size).collect());
        self.packed.insert((weighting, axis), weights);
        weights
    }

    /// Identities stand 2^`degree_bits` powers apart: one with more powers would share some with the next.
    fn expect_apart(&self, weighting: Weighting) {
        assert!(
            weighting.degree_bits() < self.squares.len(),
            "{weighting:?} needs more powers than an identity has"
        );
    }

    /// The ratio of neighbouring weights along an axis.
    pub(super) fn ratio(&self, weighting: Weighting, axis: Axis) -> NodeId {
        self.square(weighting.starts()[axis as usize])
    }

    /// The weight that would follow the last one along an axis, as one element.
    pub(super) fn next_weight(&mut self, graph: &mut Graph, weighting: Weighting, axis: Axis) -> NodeId {
        let (start, size) = (weighting.starts()[axis as usize], weighting.sizes[axis as usize]);
        let factors = (0..usize::BITS as usize).filter(|bit| size >> bit & 1 == 1);
        let factors: Vec<NodeId> = factors.map(|bit| self.square(start + bit)).collect();
        factors
            .into_iter()
            .reduce(|a, b| graph.multiply(a, b))
            .expect("a size is not 0")
    }

    /// The sum of the weights along an axis.
    pub(super) fn weight_sum(&mut self, graph: &mut Graph, weighting: Weighting, axis: Axis) -> NodeId {
        self.expect_apart(weighting);
        let index = axis as usize;
        let (start, size) = (weighting.starts()[index], weighting.sizes[index]);
        let is_packed = weighting.packing_of(axis).is_some();
        // Axes of one size that begin at one power have one sum.
        let key = if is_packed {
            (Some(weighting), axis as usize, size)
        } else {
            (None, start, size)
        };
        if let Some(&sum) = self.sums.get(&key) {
            return sum;
        }
        let sum = if is_packed {
            let weights = self.weights(graph, weighting, axis);
            let ones = graph.integers(&[size], vec![1; size]);
            graph.einsum("w,w->", weights, ones)
        } else {
            self.power_sum(graph, start, size)
        };
        self.sums.insert(key, sum);
        sum
    }

    /// Σ ρ^(2^start · i) over i below `len`. With r = ρ^(2^start), the first 2^k powers sum up to Π (1 + r^(2^i)) over i below k, and the
    /// first 2^k + m to the first 2^k and r^(2^k) times the first m.
    fn power_sum(&self, graph: &mut Graph, start: usize, len: usize) -> NodeId {
        let mut block = self.one;
        let mut sum = None;
        for bit in 0..=len.ilog2() as usize {
            if len >> bit & 1 == 1 {
                sum = Some(match sum {
                    None => block,
                    Some(rest) => {
                        let rest = graph.multiply(rest, self.square(start + bit));
                        graph.add(block, rest)
                    }
                });
            }
            if len >> (bit + 1) > 0 {
                let factor = graph.offset(self.square(start + bit), 1);
                block = if bit == 0 {
                    factor
                } else {
                    graph.multiply(block, factor)
                };
            }
        }
        sum.expect("a size is not 0")
    }

    /// The sum of the weights over rows and columns.
    pub(super) fn map_sum(&mut self, graph: &mut Graph, weighting: Weighting) -> NodeId {
        let rows = self.weight_sum(graph, weighting, Axis::Rows);
        let columns = self.weight_sum(graph, weighting, Axis::Columns);
        graph.multiply(rows, columns)
    }

    /// The sum of all weights.
    pub(super) fn total(&mut self, graph: &mut Graph, weighting: Weighting) -> NodeId {
        let map = self.map_sum(graph, weighting);
        let channels = self.weight_sum(graph, weighting, Axis::Channels);
        graph.multiply(map, channels)
    }

    /// Each channel's Σ over rows and columns.
    pub(super) fn contract_maps(
        &mut self,
        graph: &mut Graph,
        weighting: Weighting,
        tensor: NodeId,
    ) -> NodeId {
        let tensor = graph.reshape(tensor, &weighting.sizes);
        let columns = self.weights(graph, weighting, Axis::Columns);
        let rows = self.weights(graph, weighting, Axis::Rows);
        let by_row = graph.einsum("chw,w->ch", tensor, columns);
        graph.einsum("ch,h->c", by_row, rows)
    }

    /// Σ over all elements.
    pub(super) fn contract(&mut self, graph: &mut Graph, weighting: Weighting, tensor: NodeId) -> NodeId {
        let [channels, rows, _] = weighting.sizes;
        if channels == 1 {
            // Fewer axes, fewer short dot products.
            let tensor = graph.reshape(tensor, &weighting.sizes[1..]);
            let columns = self.weights(graph, weighting, Axis::Columns);
            if rows == 1 {
                let list = graph.reshape(tensor, &weighting.sizes[2..]);
                return graph.einsum("w,w->", list, columns);
            }
            let by_row = graph.einsum("hw,w->h", tensor, columns);
            let rows = self.weights(graph, weighting, Axis::Rows);
            return graph.einsum("h,h->", by_row, rows);
        }
        let maps = self.contract_maps(graph, weighting, tensor);
        let channels = self.weights(graph, weighting, Axis::Channels);
        graph.einsum("c,c->", maps, channels)
    }
}
