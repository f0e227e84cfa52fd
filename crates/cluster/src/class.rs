//! How much memory a task is given: one of a few sizes, since an array of tasks has one.

use serde::{Deserialize, Serialize};

use evmbench_host::format;
use evmbench_host::memory::{AvailableMemory, MemorySource};

/// The sizes, in GiB; above the greatest, its multiples.
const GIBIBYTES: [u64; 17] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/// What evmbench, Python and solc take beside a worker's peak, in bytes.
const BESIDE_BYTES: u64 = 512 << 20;

/// Memory that a task is given, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemoryClass {
    bytes: u64,
}

impl MemoryClass {
    /// All classes, least first.
    fn all() -> impl Iterator<Item = Self> {
        let [.., greatest] = GIBIBYTES;
        let multiples = (2..).map(move |factor| factor * greatest);
        let sizes = GIBIBYTES.into_iter().chain(multiples);
        sizes.map(|gibibytes| Self {
            bytes: gibibytes << 30,
        })
    }

    /// The first class that is large enough.
    fn first(is_enough: impl Fn(&Self) -> bool) -> Self {
        Self::all()
            .find(is_enough)
            .expect("classes grow beyond every size")
    }

    /// The least class for a process that takes so much, with 15% more than was forecast and what stands beside it. A
    /// worker in it has a cap of its own that is no less than the forecast.
    pub fn holding(peak_bytes: u64) -> Self {
        let needed = peak_bytes + peak_bytes / 20 * 3 + BESIDE_BYTES;
        Self::first(|class| class.bytes >= needed && class.cap_bytes() >= peak_bytes)
    }

    /// The least class whose workers have more than a cap of so many bytes.
    pub fn above_cap(cap_bytes: u64) -> Self {
        Self::first(|class| class.cap_bytes() > cap_bytes)
    }

    /// The cap that a worker sets itself in this class, in bytes, so that it acts before the kernel does.
    pub fn cap_bytes(self) -> u64 {
        AvailableMemory {
            bytes: self.bytes,
            source: MemorySource::SlurmNode,
        }
        .cap_bytes()
    }

    /// In MiB, as schedulers count.
    pub fn mebibytes(self) -> u64 {
        self.bytes >> 20
    }
}

impl std::fmt::Display for MemoryClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format::bytes(self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_class_is_the_least_that_holds() {
        let mebibytes = |peak: u64| MemoryClass::holding(peak).mebibytes() >> 10;
        assert_eq!(mebibytes(0), 1);
        assert_eq!(mebibytes(400 << 20), 1);
        assert_eq!(mebibytes(500 << 20), 2);
        assert_eq!(mebibytes(20 << 30), 24);
        // 1.15 times 103 GiB is less than 128 GiB, and the cap of 128 GiB is more than 103 GiB; not so of 109 GiB.
        assert_eq!(mebibytes(103 << 30), 128);
        assert_eq!(mebibytes(109 << 30), 192);
        assert_eq!(mebibytes(500 << 30), 1024);
    }

    proptest! {
        /// What ran out of memory in a class gets more in the next, and a forecast fits its own.
        #[test]
        fn the_next_class_is_more(peak in 0_u64..(2 << 40)) {
            let class = MemoryClass::holding(peak);
            let next = MemoryClass::above_cap(class.cap_bytes());
            prop_assert!(class.cap_bytes() >= peak);
            prop_assert!(next > class && next.cap_bytes() > class.cap_bytes());
        }
    }
}
