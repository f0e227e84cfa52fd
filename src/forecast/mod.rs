//! What a run will take, said before it is made.

mod sample;

pub use sample::{ForkGas, Role, Sample, SampleError, Specimen, Work};
