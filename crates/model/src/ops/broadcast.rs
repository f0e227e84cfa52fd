//! Shapes that ONNX broadcasts to one another: axes are counted from the last, and one of size 1 repeats its element.

/// The shape that two shapes broadcast to, if they do.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    (0..rank)
        .map(|axis| match (size(a, axis, rank), size(b, axis, rank)) {
            (1, size) | (size, 1) => Some(size),
            (left, right) => (left == right).then_some(left),
        })
        .collect()
}

/// The size of an axis of a shape that has axes of size 1 before its own, so that it has `rank`.
fn size(shape: &[usize], axis: usize, rank: usize) -> usize {
    (axis + shape.len())
        .checked_sub(rank)
        .map_or(1, |axis| shape[axis])
}

/// Steps from element to element along each axis, row-major.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The index along each axis of every element, in row-major order.
pub(crate) fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let elements: usize = shape.iter().product();
    (0..elements).map(move |mut place| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = place % shape[axis];
            place /= shape[axis];
        }
        index
    })
}

/// For each element of shape `to`, row-major, which one of shape `from` it repeats.
///
/// # Panics
/// Where `from` does not broadcast to `to`.
pub(crate) fn positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let strides = strides(from);
    let before = to.len() - from.len();
    let position = |index: Vec<usize>| {
        let own = index[before..].iter().zip(from.iter().zip(&strides));
        own.map(|(&at, (&size, &stride))| if size == 1 { 0 } else { at * stride })
            .sum()
    };
    indices(to).map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_one_are_repeated() {
        assert_eq!(broadcast(&[2, 3], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[2, 1], &[1, 3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[2, 3], &[]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[2, 3], &[2]), None);
        assert_eq!(positions(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(positions(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(positions(&[], &[2]), [0, 0]);
        assert_eq!(positions(&[1, 2], &[2, 2]), [0, 1, 0, 1]);
    }
}
