//! Images into batches: an order drawn anew each epoch, each image cropped and flipped anew, then normalised.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::cifar10::{IMAGE_SHAPE, Images};
use crate::model::input::normalised;

/// The first of the seed's streams for epochs; weights and inputs come from the streams before it.
const FIRST_EPOCH_STREAM: u64 = 16;

/// A batch of normalised images, and the class of each.
pub(super) struct Batch {
    /// N×3×32×32, row-major.
    pub(super) images: Vec<f32>,
    pub(super) labels: Vec<i32>,
}

/// The batches of one epoch.
pub(super) struct Epoch<'a> {
    images: &'a Images,
    order: Vec<usize>,
    batch: usize,
    padding: usize,
    rng: ChaCha8Rng,
    next: usize,
}

impl<'a> Epoch<'a> {
    /// Epoch `number` of a seed, the same whatever went before it. Images that fill no batch are left out.
    pub(super) fn new(images: &'a Images, seed: u64, number: usize, batch: usize, padding: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(FIRST_EPOCH_STREAM + number as u64);
        let mut order: Vec<usize> = (0..images.len()).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, below(&mut rng, last + 1));
        }
        Self {
            images,
            order,
            batch,
            padding,
            rng,
            next: 0,
        }
    }
}

impl Iterator for Epoch<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let picked = self.order.get(self.next..self.next + self.batch)?;
        self.next += self.batch;
        let mut batch = Batch {
            images: Vec::new(),
            labels: Vec::new(),
        };
        for &index in picked {
            let shift = [0; 2].map(|_| below(&mut self.rng, 2 * self.padding + 1));
            let flip = self.rng.next_u32() & 1 == 1;
            let pixels = shifted(self.images.pixels(index), shift, self.padding, flip);
            batch.images.extend(normalised(&pixels));
            batch.labels.push(self.images.label(index) as i32);
        }
        Some(batch)
    }
}

/// The images as they are, in their order, in batches; the last may be smaller.
pub(super) fn unchanged(images: &Images, batch: usize) -> impl Iterator<Item = Batch> {
    (0..images.len()).step_by(batch).map(move |first| {
        let picked = first..(first + batch).min(images.len());
        Batch {
            images: picked
                .clone()
                .flat_map(|index| normalised(images.pixels(index)))
                .collect(),
            labels: picked.map(|index| images.label(index) as i32).collect(),
        }
    })
}

/// An image cut out of itself with `padding` black pixels around it, from the row and column `shift` on, and then mirrored.
fn shifted(pixels: &[u8], shift: [usize; 2], padding: usize, flip: bool) -> Vec<u8> {
    let [channels, height, width] = IMAGE_SHAPE;
    let mut out = vec![0; pixels.len()];
    for channel in 0..channels {
        for row in 0..height {
            let Some(from_row) = (row + shift[0]).checked_sub(padding).filter(|&row| row < height) else {
                continue;
            };
            for column in 0..width {
                let target = if flip { width - 1 - column } else { column };
                if let Some(from) = (column + shift[1])
                    .checked_sub(padding)
                    .filter(|&from| from < width)
                {
                    out[(channel * height + row) * width + target] =
                        pixels[(channel * height + from_row) * width + from];
                }
            }
        }
    }
    out
}

/// Uniform below `bound`, which is far below 2³²: the bias is below `bound` / 2³².
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u64::from(rng.next_u32()) * bound as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cifar10::IMAGE_BYTES;

    fn images(count: usize) -> Images {
        let labels = (0..count).map(|index| (index % 10) as u8).collect();
        let pixels = (0..count * IMAGE_BYTES)
            .map(|index| (index / 7 % 256) as u8)
            .collect();
        Images::new(labels, pixels)
    }

    #[test]
    fn an_epoch_sees_every_image_once_in_an_order_of_its_own() {
        let images = images(20);
        let labels = |epoch| -> Vec<i32> {
            Epoch::new(&images, 1, epoch, 4, 4)
                .flat_map(|batch| batch.labels)
                .collect()
        };
        let (first, second) = (labels(0), labels(1));
        assert_ne!(first, second);
        assert_eq!(first, labels(0));
        let mut sorted = first;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).map(|index| index / 2).collect::<Vec<_>>());
        assert_eq!(Epoch::new(&images, 1, 0, 6, 4).count(), 3);
    }

    #[test]
    fn a_crop_is_a_shift_over_black() {
        let images = images(1);
        let pixels = images.pixels(0);
        assert_eq!(shifted(pixels, [4, 4], 4, false), pixels);
        let corner = shifted(pixels, [0, 8], 4, false);
        // Down by four rows, left by four columns.
        assert_eq!(corner[..4 * 32], [0; 4 * 32]);
        assert_eq!(corner[4 * 32], pixels[4]);
        assert_eq!(corner[4 * 32 + 28..][..4], [0; 4]);
        let mirrored = shifted(pixels, [4, 4], 4, true);
        assert_eq!((mirrored[0], mirrored[31]), (pixels[31], pixels[0]));
    }

    #[test]
    fn unchanged_images_keep_their_order() {
        let images = images(5);
        let batches: Vec<Batch> = unchanged(&images, 2).collect();
        assert_eq!(batches.len(), 3);
        assert_eq!(batches[2].labels, [4]);
        assert_eq!(batches[2].images, normalised(images.pixels(4)));
    }
}
