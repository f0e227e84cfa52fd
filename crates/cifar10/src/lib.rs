//! CIFAR-10: 60,000 labelled images of 32×32 pixels in ten classes.
//!
//! Goes in: a folder with the official binary files, or the official archive of them. Comes out: labels and pixels,
//! checked for size and labels. With the feature `download`, `download` gets the archive, checks its digest and unpacks it.

#[cfg(feature = "download")]
mod download;
mod error;
mod read;

use std::path::{Path, PathBuf};

use evmbench_host::{files, hint};
use sha2::{Digest as _, Sha256};

#[cfg(feature = "download")]
pub use download::download;
pub use error::DataError;
pub use read::{read, read_test};

/// Where the authors publish the binary version.
pub const OFFICIAL_URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

/// SHA-256 of the archive there.
pub const OFFICIAL_SHA256: &str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";

/// The folder within the archive that the files are in.
const INNER_FOLDER: &str = "cifar-10-batches-bin";

/// Channels, height and width of an image.
pub const IMAGE_SHAPE: [usize; 3] = [3, 32, 32];

/// Bytes of an image: red, then green, then blue, each row by row.
pub const IMAGE_BYTES: usize = 3 * 32 * 32;

/// Classes, in the order of their labels.
pub const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// Images and their labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Images {
    labels: Vec<u8>,
    pixels: Vec<u8>,
}

/// The data set as it is published: what may be trained on, and what may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cifar10 {
    /// 50,000 images of `data_batch_1.bin` to `data_batch_5.bin`.
    pub train: Images,
    /// 10,000 images of `test_batch.bin`.
    pub test: Images,
}

impl Images {
    /// Images from their labels and, one after the other, their pixels.
    ///
    /// # Panics
    /// When there are not [`IMAGE_BYTES`] pixels for each label, or a label is no class.
    #[must_use]
    pub fn new(labels: Vec<u8>, pixels: Vec<u8>) -> Self {
        assert_eq!(
            labels.len() * IMAGE_BYTES,
            pixels.len(),
            "one image for each label"
        );
        assert!(
            labels.iter().all(|&label| usize::from(label) < CLASSES.len()),
            "labels are classes"
        );
        Self { labels, pixels }
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Position of an image's class in [`CLASSES`].
    ///
    /// # Panics
    /// When there is no such image.
    #[must_use]
    pub fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    /// An image's [`IMAGE_BYTES`] bytes.
    ///
    /// # Panics
    /// When there is no such image.
    #[must_use]
    pub fn pixels(&self, index: usize) -> &[u8] {
        &self.pixels[index * IMAGE_BYTES..][..IMAGE_BYTES]
    }

    /// All but the last `count` images, and those.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn split_last(mut self, count: usize) -> (Self, Self) {
        let first = self.len() - count;
        let last = Self {
            labels: self.labels.split_off(first),
            pixels: self.pixels.split_off(first * IMAGE_BYTES),
        };
        (self, last)
    }

    fn append(&mut self, mut other: Self) {
        self.labels.append(&mut other.labels);
        self.pixels.append(&mut other.pixels);
    }
}

/// The folder with the binary files, where the archive is unpacked into `folder`.
#[must_use]
pub fn unpacked(folder: &Path) -> PathBuf {
    folder.join(INNER_FOLDER)
}

/// SHA-256 over label and pixels of each image, in their order.
#[must_use]
pub fn digest<'a>(sets: impl IntoIterator<Item = &'a Images>) -> String {
    let mut digest = Sha256::new();
    for images in sets {
        for index in 0..images.len() {
            digest.update([images.label(index) as u8]);
            digest.update(images.pixels(index));
        }
    }
    alloy_primitives::hex::encode(digest.finalize())
}
