//! Convolution and matrix product, in `i64` where no sum can leave it, else in checked `i128`.
//!
//! Elements are row-major integers; images N×C×H×W, filters O×(C/groups)×kh×kw. `None` stands for an overflow of
//! `i128`.

use super::super::super::graph::Window;

/// An integer that sums of products are kept in.
trait Word: Copy + PartialEq {
    const ZERO: Self;

    fn from_integer(integer: i128) -> Self;
    fn into_integer(self) -> i128;
    fn add(self, addend: Self) -> Option<Self>;
    fn multiply_add(self, a: Self, b: Self) -> Option<Self>;
}

impl Word for i64 {
    const ZERO: Self = 0;

    fn from_integer(integer: i128) -> Self {
        integer.try_into().expect("bounded before")
    }

    fn into_integer(self) -> i128 {
        self.into()
    }

    fn add(self, addend: Self) -> Option<Self> {
        Some(self.wrapping_add(addend)) // bounded before
    }

    fn multiply_add(self, a: Self, b: Self) -> Option<Self> {
        Some(self.wrapping_add(a.wrapping_mul(b))) // bounded before
    }
}

impl Word for i128 {
    const ZERO: Self = 0;

    fn from_integer(integer: i128) -> Self {
        integer
    }

    fn into_integer(self) -> i128 {
        self
    }

    fn add(self, addend: Self) -> Option<Self> {
        self.checked_add(addend)
    }

    fn multiply_add(self, a: Self, b: Self) -> Option<Self> {
        self.checked_add(a.checked_mul(b)?)
    }
}

/// Whether every partial sum of `taps` products of elements, and an addend, is an `i64`.
fn fits_i64(a: &[i128], b: &[i128], addends: &[i128], taps: usize) -> bool {
    let largest = |elements: &[i128]| {
        let magnitudes = elements.iter().map(|element| element.unsigned_abs());
        magnitudes.max().unwrap_or(0)
    };
    let [a, b, addend] = [a, b, addends].map(largest);
    let bound = (a.checked_mul(b))
        .and_then(|product| product.checked_mul(taps.try_into().ok()?))
        .and_then(|sum| sum.checked_add(addend))
        .and_then(|sum| i64::try_from(sum).ok());
    // The elements themselves must fit too, where the others are all zero.
    bound.is_some() && [a, b].iter().all(|word| i64::try_from(*word).is_ok())
}

/// Convolves, with one addend for each filter; `shape` is that of the result.
pub(super) fn convolve(
    (image, image_shape): (&[i128], &[usize]),
    (filters, filter_shape): (&[i128], &[usize]),
    bias: Option<&[i128]>,
    window: Window,
    groups: usize,
    shape: &[usize],
) -> Option<Vec<i128>> {
    let taps = filter_shape[1..].iter().product();
    let convolution = Convolution {
        image: [image_shape[1], image_shape[2], image_shape[3]],
        result: [shape[1], shape[2], shape[3]],
        window,
        groups,
    };
    if fits_i64(image, filters, bias.unwrap_or(&[]), taps) {
        convolution.run::<i64>(image, filters, bias)
    } else {
        convolution.run::<i128>(image, filters, bias)
    }
}

/// Multiplies rows by a matrix that has a row for each output; `shape` is that of the result.
pub(super) fn multiply(rows: &[i128], matrix: &[i128], shape: &[usize]) -> Option<Vec<i128>> {
    let length = rows.len() / shape[0];
    if fits_i64(rows, matrix, &[], length) {
        products::<i64>(rows, matrix, length)
    } else {
        products::<i128>(rows, matrix, length)
    }
}

fn words<W: Word>(integers: &[i128]) -> Vec<W> {
    integers.iter().map(|integer| W::from_integer(*integer)).collect()
}

fn products<W: Word>(rows: &[i128], matrix: &[i128], length: usize) -> Option<Vec<i128>> {
    let [rows, matrix] = [rows, matrix].map(words::<W>);
    let mut products = Vec::new();
    for row in rows.chunks(length) {
        for weights in matrix.chunks(length) {
            let pairs = row.iter().zip(weights);
            let product = pairs
                .into_iter()
                .try_fold(W::ZERO, |sum, (a, b)| sum.multiply_add(*a, *b))?;
            products.push(product.into_integer());
        }
    }
    Some(products)
}

struct Convolution {
    /// Channels, height and width.
    image: [usize; 3],
    /// Channels, height and width.
    result: [usize; 3],
    window: Window,
    groups: usize,
}

impl Convolution {
    fn run<W: Word>(&self, image: &[i128], filters: &[i128], bias: Option<&[i128]>) -> Option<Vec<i128>> {
        let [channels, height, width] = self.image;
        let [filter_count, rows, columns] = self.result;
        let [kernel_height, kernel_width] = self.window.kernel;
        let group_channels = channels / self.groups;
        let group_filters = filter_count / self.groups;

        let [image, filters] = [image, filters].map(words::<W>);
        let bias = bias.map(words::<W>);
        let mut result = Vec::new();
        for image in image.chunks(channels * height * width) {
            let filters = filters.chunks(group_channels * kernel_height * kernel_width);
            for (number, filter) in filters.enumerate() {
                let first_channel = number / group_filters * group_channels;
                let mut sums = vec![W::ZERO; rows * columns];
                for (tap, weight) in filter.iter().enumerate() {
                    if *weight == W::ZERO {
                        continue;
                    }
                    let [y, x] = [tap / kernel_width % kernel_height, tap % kernel_width];
                    let channel = first_channel + tap / (kernel_height * kernel_width);
                    let plane = &image[channel * height * width..][..height * width];
                    self.accumulate(&mut sums, plane, *weight, [y, x])?;
                }
                for sum in sums {
                    let sum = match &bias {
                        Some(bias) => sum.add(bias[number])?,
                        None => sum,
                    };
                    result.push(sum.into_integer());
                }
            }
        }
        Some(result)
    }

    /// Adds one tap of a filter, at row and column `tap`, times the elements of a channel that it meets.
    fn accumulate<W: Word>(&self, sums: &mut [W], plane: &[W], weight: W, tap: [usize; 2]) -> Option<()> {
        let [_, height, width] = self.image;
        let [_, rows, columns] = self.result;
        let [row_range, column_range] = [
            self.inside(0, tap[0], height, rows),
            self.inside(1, tap[1], width, columns),
        ];
        if column_range.is_empty() {
            return Some(());
        }
        let [step_down, step] = self.window.stride;
        let [top, left, ..] = self.window.padding;
        for row in row_range {
            let y = row * step_down + tap[0] - top;
            let x = column_range.start * step + tap[1] - left;
            let elements = plane[y * width..(y + 1) * width][x..].iter().step_by(step);
            let sums = &mut sums[row * columns..][column_range.clone()];
            for (sum, element) in sums.iter_mut().zip(elements) {
                *sum = sum.multiply_add(weight, *element)?;
            }
        }
        Some(())
    }

    /// The positions of the result along an axis (0: rows, 1: columns) for which the tap meets the image.
    fn inside(&self, axis: usize, tap: usize, size: usize, count: usize) -> std::ops::Range<usize> {
        let [stride, padding] = [self.window.stride[axis], self.window.padding[axis]];
        // position · stride + tap - padding must lie in 0..size
        let start = padding.saturating_sub(tap).div_ceil(stride);
        let end = (size + padding).saturating_sub(tap).div_ceil(stride);
        start.min(count)..end.min(count).max(start.min(count))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    struct Problem {
        image: Vec<i128>,
        image_shape: Vec<usize>,
        filters: Vec<i128>,
        filter_shape: Vec<usize>,
        bias: Vec<i128>,
        window: Window,
        groups: usize,
        shape: Vec<usize>,
    }

    impl Problem {
        fn solve(&self) -> Option<Vec<i128>> {
            let image = (&*self.image, &*self.image_shape);
            let filters = (&*self.filters, &*self.filter_shape);
            convolve(
                image,
                filters,
                Some(&self.bias),
                self.window,
                self.groups,
                &self.shape,
            )
        }

        /// By the definition, one output at a time.
        fn solve_plainly(&self) -> Vec<i128> {
            let [_, channels, height, width] = self.image_shape[..] else {
                unreachable!()
            };
            let [filters, group_channels, kernel_height, kernel_width] = self.filter_shape[..] else {
                unreachable!()
            };
            let [top, left, ..] = self.window.padding;
            let mut result = Vec::new();
            for number in 0..self.shape.iter().product() {
                let [row, column] = [number / self.shape[3] % self.shape[2], number % self.shape[3]];
                let filter = number / (self.shape[2] * self.shape[3]) % filters;
                let batch = number / (self.shape[2] * self.shape[3]) / filters;
                let mut sum = self.bias[filter];
                for channel in 0..group_channels {
                    for (i, j) in (0..kernel_height).flat_map(|i| (0..kernel_width).map(move |j| (i, j))) {
                        let y = (row * self.window.stride[0] + i)
                            .checked_sub(top)
                            .filter(|y| *y < height);
                        let x = (column * self.window.stride[1] + j)
                            .checked_sub(left)
                            .filter(|x| *x < width);
                        if let Some((y, x)) = y.zip(x) {
                            let from = filter / (filters / self.groups) * group_channels + channel;
                            let element = self.image[((batch * channels + from) * height + y) * width + x];
                            let tap =
                                ((filter * group_channels + channel) * kernel_height + i) * kernel_width + j;
                            sum += element * self.filters[tap];
                        }
                    }
                }
                result.push(sum);
            }
            result
        }
    }

    prop_compose! {
        fn problem()(
            groups in 1usize..3,
            batch in 1usize..3,
            sizes in prop::array::uniform4(1usize..4),
            size in prop::array::uniform2(1usize..6),
            stride in prop::array::uniform2(1usize..4),
            padding in prop::array::uniform4(0usize..3),
            largest in prop::sample::select(vec![10i128, 1 << 40]),
            seed: u64,
        ) -> Option<Problem> {
            let [group_channels, group_filters, kernel_height, kernel_width] = sizes;
            let window = Window { kernel: [kernel_height, kernel_width], stride, padding };
            let output = window.output_size(size)?;
            let image_shape = vec![batch, groups * group_channels, size[0], size[1]];
            let filter_shape = vec![groups * group_filters, group_channels, kernel_height, kernel_width];
            let mut state = seed | 1;
            let mut draw = |count: usize| -> Vec<i128> {
                (0..count).map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    i128::from(state >> 3) % (2 * largest) - largest
                }).collect()
            };
            Some(Problem {
                image: draw(image_shape.iter().product()),
                filters: draw(filter_shape.iter().product()),
                bias: draw(filter_shape[0]),
                shape: vec![batch, filter_shape[0], output[0], output[1]],
                image_shape, filter_shape, window, groups,
            })
        }
    }

    proptest! {
        /// Small elements go through `i64`, large ones through `i128`.
        #[test]
        fn convolution_is_the_sum_of_its_taps(problem in problem()) {
            if let Some(problem) = problem {
                prop_assert_eq!(problem.solve(), Some(problem.solve_plainly()));
            }
        }

        #[test]
        fn both_words_give_the_same(rows in prop::collection::vec(-1000i128..1000, 6), matrix in prop::collection::vec(-1000i128..1000, 9)) {
            prop_assert_eq!(products::<i64>(&rows, &matrix, 3), products::<i128>(&rows, &matrix, 3));
        }
    }

    #[test]
    fn a_tap_may_meet_padding_alone() {
        let window = Window {
            kernel: [1, 3],
            stride: [1, 1],
            padding: [0, 0, 0, 2],
        };
        let sums = convolve(
            (&[2], &[1, 1, 1, 1]),
            (&[5, 7, 9], &[1, 1, 1, 3]),
            None,
            window,
            1,
            &[1, 1, 1, 1],
        );
        assert_eq!(sums, Some(vec![10]));
    }

    #[test]
    fn sums_beyond_i64_are_kept_and_beyond_i128_refused() {
        let large = i128::from(i64::MAX);
        assert_eq!(multiply(&[large, large], &[1, 1], &[1, 1]), Some(vec![2 * large]));
        assert_eq!(multiply(&[i128::MAX, 1], &[1, 1], &[1, 1]), None);
        assert_eq!(multiply(&[i128::MIN], &[0], &[1, 1]), Some(vec![0]));
    }
}
