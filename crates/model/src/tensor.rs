//! Tensors and windows: what every graph and program is about.
//!
//! Shapes are row-major sizes, outermost first.

use serde::{Deserialize, Serialize};

/// The most elements that a value may have: a circuit over BN254 has no more rows, since its field has no more roots of unity.
pub const MOST_ELEMENTS: usize = 1 << 28;

/// The number of elements of a tensor of these sizes; `None` where no `usize` holds it.
#[must_use]
pub fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// A dense row-major tensor of `f32`; `data.len()` is the product of `shape`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Sizes, outermost first; a scalar has none.
    pub shape: Vec<usize>,
    /// Row-major elements.
    pub data: Vec<f32>,
}

/// A two-dimensional window: sizes in elements, height before width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Step in height and width.
    pub stride: [usize; 2],
    /// Padding in ONNX order: top, left, bottom, right.
    pub padding: [usize; 4],
}

impl Tensor {
    /// A tensor of these sizes and elements.
    ///
    /// # Panics
    /// When the number of elements is not the product of the sizes.
    #[must_use]
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Self {
        let shape = shape.into();
        assert_eq!(
            data.len(),
            shape.iter().product::<usize>(),
            "a tensor of shape {shape:?} needs one element for each position",
        );
        Self { shape, data }
    }

    /// The entries at some positions of the first axis.
    #[must_use]
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Self {
        let row: usize = self.shape[1..].iter().product();
        let mut shape = self.shape.clone();
        shape[0] = rows.len();
        Self::new(shape, self.data[rows.start * row..rows.end * row].to_vec())
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl Window {
    /// A square kernel with equal stride in both directions and equal padding on all four sides.
    #[must_use]
    pub const fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
        }
    }

    /// Height and width of the output for an input of this height and width: in each direction
    /// ⌊(size + padding − kernel) / stride⌋ + 1, as ONNX has it with `ceil_mode` 0 and `dilations` 1.
    /// `None` when the kernel does not fit the padded input, or a kernel size or stride is 0.
    #[must_use]
    pub fn output_size(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = input[axis]
                .checked_add(self.padding[axis])?
                .checked_add(self.padding[axis + 2])?;
            if self.kernel[axis] == 0 || self.stride[axis] == 0 {
                return None;
            }
            Some(padded.checked_sub(self.kernel[axis])? / self.stride[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// Whether windows read every element of an image of this shape: batch, channels, rows, columns.
    #[must_use]
    pub fn reads_whole(&self, shape: &[usize]) -> bool {
        let &[_, _, height, width] = shape else {
            return false;
        };
        let Some(output) = self.output_size([height, width]) else {
            return false;
        };
        [height, width].into_iter().enumerate().all(|(axis, size)| {
            let end = (output[axis] - 1) * self.stride[axis] + self.kernel[axis];
            self.stride[axis] <= self.kernel[axis] && end >= size + self.padding[axis]
        })
    }
}
