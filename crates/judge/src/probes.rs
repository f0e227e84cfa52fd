//! The inputs that a circuit is judged on.
//!
//! Goes in: the input that is to be proved, the least and the greatest element that a circuit must take, a seed, the number of
//! integers that make 1 of the circuit's input. Comes out: [`super::COUNT`] sets of tensors, all multiples of one of those
//! integers, so that circuit and model are given the same numbers: what rounding the input itself costs is no fault of the
//! function.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use evmbench_model::graph::Tensor;
use evmbench_model::input::Numbers;

/// The stream of a seed that these inputs come from: weights and inputs have others.
const STREAM: u64 = 2;

/// How far from the elements of an input that are all the same others are drawn, as a part of all that the circuit must take.
const NEIGHBOURHOOD: f64 = 0.125;

/// The input that is to be proved; three drawn from its own range; one from all that the circuit must take; one of negative
/// numbers; one at each border.
pub(super) fn draw(
    given: &[Tensor],
    numbers: &[Numbers],
    bounds: [f64; 2],
    seed: u64,
    unit: f64,
) -> Vec<Vec<Tensor>> {
    let filled = |element: &mut dyn FnMut(f32) -> f64| filled(given, numbers, unit, element);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    // The circuit takes what is within the bounds: the last multiple before each.
    let [low, high] = bounds;
    let (low, high) = ((low * unit).ceil() / unit, (high * unit).floor() / unit);
    let elements = || {
        given
            .iter()
            .flat_map(|tensor| &tensor.data)
            .map(|&x| f64::from(x))
    };
    let mut least = elements().fold(f64::INFINITY, f64::min).max(low);
    let mut greatest = elements().fold(f64::NEG_INFINITY, f64::max).min(high);
    let is_float = |numbers: &Numbers| *numbers == Numbers::Floats;
    let step = if numbers.iter().any(is_float) {
        1.0 / unit
    } else {
        1.0
    };
    if greatest < least + step {
        // Of one number, no other input could be drawn.
        let more = (NEIGHBOURHOOD * (high - low)).max(2.0 * step);
        (least, greatest) = ((least - more).max(low), (greatest + more).min(high));
    }
    let smallest = 1.0 / unit;
    let mut sets = vec![filled(&mut <f64 as From<f32>>::from)];
    for [from, to] in [
        [least, greatest],
        [least, greatest],
        [least, greatest],
        [low, high],
        [low, low.max(-smallest)],
    ] {
        sets.push(filled(&mut |_| from + (to - from) * fraction(&mut rng)));
    }
    for border in [high, low] {
        sets.push(filled(&mut |_| border));
    }
    sets
}

/// A number from 0 to 1.
fn fraction(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / f64::from(u32::MAX)
}

/// Tensors of the same shapes, with each element made of the given one and rounded to what its input takes.
fn filled(
    given: &[Tensor],
    numbers: &[Numbers],
    unit: f64,
    element: &mut dyn FnMut(f32) -> f64,
) -> Vec<Tensor> {
    let tensor = |(tensor, numbers): (&Tensor, &Numbers)| {
        let mut rounded = |x: f32| numbers.nearest((element(x) * unit).round() / unit) as f32;
        let data = tensor.data.iter().map(|&x| rounded(x)).collect();
        Tensor::new(tensor.shape.clone(), data)
    };
    given.iter().zip(numbers).map(tensor).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::super::COUNT;
    use super::*;

    const FLOATS: &[Numbers] = &[Numbers::Floats];

    #[test]
    fn probes_are_on_the_grid_and_within_the_bound() {
        let given = Tensor::new([2, 2], vec![0.3, 0.1, 0.9, 0.5]);
        let sets = draw(&[given], FLOATS, [-1.0, 1.0], 0, 128.0);
        assert_eq!(sets.len(), COUNT);
        for set in &sets {
            assert_eq!(set[0].shape, [2, 2]);
            for &x in &set[0].data {
                assert!(x.abs() <= 1.0 && (x * 128.0).fract() == 0.0, "{x}");
            }
        }
        let of = |index: usize| &sets[index][0].data;
        assert_eq!(of(0)[0], 38.0 / 128.0);
        for index in 1..4 {
            assert!(of(index).iter().all(|x| (0.1..=0.9).contains(x)));
        }
        assert_ne!(of(1), of(2));
        assert!(of(5).iter().all(|&x| x < 0.0));
        assert!(of(6).iter().all(|&x| x == 1.0) && of(7).iter().all(|&x| x == -1.0));
    }

    /// Of an input whose elements are all the same, others are drawn from around it.
    #[test]
    fn probes_differ_where_the_given_elements_do_not() {
        let given = Tensor::new([2], vec![0.5, 0.5]);
        let sets = draw(&[given], FLOATS, [-1.0, 1.0], 0, 128.0);
        assert_eq!(sets[0][0].data, [0.5, 0.5]);
        for set in &sets[1..4] {
            assert_ne!(set[0].data, sets[0][0].data);
            assert!(set[0].data.iter().all(|x| (0.25..=0.75).contains(x)), "{set:?}");
        }
    }

    /// At scale 0 a bound of 1 leaves three numbers, and none of them is skipped over.
    #[test]
    fn the_coarsest_grid_has_borders_too() {
        let sets = draw(&[Tensor::new([1], vec![0.4])], FLOATS, [-1.0, 1.0], 0, 1.0);
        assert_eq!(sets[0][0].data, [0.0]);
        assert_eq!(sets[5][0].data, [-1.0]);
        assert_eq!(sets[6][0].data, [1.0]);
    }

    /// An input of whole numbers or truth values is given no others.
    #[test]
    fn probes_are_of_the_numbers_that_an_input_takes() {
        let given = [
            Tensor::new([3], vec![2.0, -3.0, 1.0]),
            Tensor::new([3], vec![1.0, 0.0, 1.0]),
        ];
        let numbers = [Numbers::Integers, Numbers::Truth];
        let sets = draw(&given, &numbers, [-4.0, 4.0], 0, 128.0);
        assert_eq!(sets[0], given);
        for set in &sets {
            assert!(set[0].data.iter().all(|x| x.fract() == 0.0 && x.abs() <= 4.0));
            assert!(set[1].data.iter().all(|&x| x == 0.0 || x == 1.0));
        }
        assert!(sets.iter().any(|set| set[1].data.contains(&0.0)));
    }

    /// What a rectifier has left has no negative element.
    #[test]
    fn no_probe_leaves_a_range_of_one_sign() {
        let sets = draw(&[Tensor::new([2], vec![0.5, 1.0])], FLOATS, [0.0, 2.0], 0, 4.0);
        assert_eq!(sets.len(), COUNT);
        let elements = || sets.iter().flat_map(|set| &set[0].data);
        assert!(elements().all(|x| (0.0..=2.0).contains(x)));
        assert_eq!(sets[6][0].data, [2.0, 2.0]);
    }
}
