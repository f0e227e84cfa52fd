//! What the scale factors of a user's committed circuit rest on: how far its values reach on inputs of a calibration.
//!
//! Goes in: a graph, what its inputs take, and a file or folder of inputs, or nothing. Comes out: [`ScaleFactors`], which the
//! record keeps, so that the circuit is made again without these inputs. Where bounds that follow from the input's range are
//! narrow enough for the tables there are none. No claim of a proof rests on them: a value that goes further than its table has no
//! proof.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use evmbench_cifar10 as cifar10;
use evmbench_host::files::{self, MOST_MODEL_BYTES};
use evmbench_model::calibrate;
use evmbench_model::float::FloatError;
use evmbench_model::graph::{Graph, Tensor};
use evmbench_model::input::{self, InputError, Slot};
pub use evmbench_schema::scale_factors::{Basis, ScaleFactors};
use evmbench_suite::ModelSpec;

use crate::accuracy;

/// The most inputs of a file or folder that are looked at.
const MOST_INPUTS: usize = 256;

/// How often each kind of input is drawn where there is no file.
const DRAWN: u64 = 8;

/// The seed of the first of them: far from those of weights and inputs.
const FIRST_SEED: u64 = 1 << 32;

/// The logarithm of the room that values have beyond what they reach on drawn inputs, which may be unlike real ones.
const MARGIN_OF_DRAWN: u32 = 2;

/// The same for inputs of the user's.
const MARGIN_OF_GIVEN: u32 = 1;

/// There is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A file does not give the model's inputs.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The images cannot be read.
    #[error(transparent)]
    Images(#[from] cifar10::DataError),
    /// The folder cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in the folder that gives inputs.
    #[error("{} has no .npz, .npy or .json file and none of CIFAR-10's", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The model cannot be run.
    #[error(transparent)]
    Float(#[from] FloatError),
}

impl evmbench_host::hint::Hint for CalibrationError {
    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Images(error) => error.hint(),
            Self::Read { source, .. } => source.hint(),
            Self::Empty { .. } => {
                Some("give files as --input takes them, or a folder with CIFAR-10's".into())
            }
            Self::Float(_) => Some("leave --calibration out".into()),
        }
    }
}

/// Of a graph whose inputs are at most `bound` in magnitude, on the inputs that are proved and on those of a file or folder, or
/// else drawn ones. An image of CIFAR-10's is given as the suite's network `spec` takes it.
///
/// # Errors
/// [`CalibrationError`].
pub fn measure(
    graph: &Graph,
    slots: &[Slot<'_>],
    spec: Option<&ModelSpec>,
    proved: &[Tensor],
    bound: f64,
    given: Option<&Path>,
) -> Result<ScaleFactors, CalibrationError> {
    let (mut sets, basis, margin_bits) = match given {
        Some(path) => {
            let (sets, sha256) = read(path, slots, spec)?;
            (sets, Basis::Files { sha256 }, MARGIN_OF_GIVEN)
        }
        None => (drawn(slots, bound), Basis::Drawn, MARGIN_OF_DRAWN),
    };
    sets.truncate(MOST_INPUTS);
    sets.push(proved.to_vec());
    Ok(ScaleFactors {
        basis,
        inputs: sets.len() as u64,
        margin_bits,
        reach: calibrate::reach(graph, &sets, margin_bits)?,
    })
}

/// Inputs of both signs, of the upper half and of the lower half of what a circuit must take.
pub(crate) fn drawn(slots: &[Slot<'_>], bound: f64) -> Vec<Vec<Tensor>> {
    let halves: [fn(f64) -> f64; 3] = [|x| x, f64::abs, |x| -x.abs()];
    let mut sets = Vec::new();
    for seed in FIRST_SEED..FIRST_SEED + DRAWN {
        for half in halves {
            let tensor = |(slot, position): (&Slot<'_>, u64)| {
                let mut tensor = input::seeded_uniform(slot.shape, seed + position * DRAWN);
                for x in &mut tensor.data {
                    *x = slot.numbers.nearest(half(f64::from(*x)) * bound) as f32;
                }
                tensor
            };
            sets.push(slots.iter().zip(0..).map(tensor).collect());
        }
    }
    sets
}

/// The inputs of a file, or of all files of a folder in the order of their names, and the digest of what was read.
fn read(
    path: &Path,
    slots: &[Slot<'_>],
    spec: Option<&ModelSpec>,
) -> Result<(Vec<Vec<Tensor>>, String), CalibrationError> {
    let read_error = |source| CalibrationError::Read {
        path: path.to_owned(),
        source,
    };
    let digest_of = |path: &Path| {
        let bytes = files::read(path, MOST_MODEL_BYTES).map_err(read_error)?;
        Ok::<_, CalibrationError>(Sha256::digest(bytes))
    };
    if !path.is_dir() {
        let sha256 = alloy_primitives::hex::encode(digest_of(path)?);
        return Ok((input::sets_from_file(path, slots)?, sha256));
    }
    let entries = std::fs::read_dir(path).map_err(read_error)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(read_error)?;
    paths.sort_unstable();
    let is_array = |path: &&PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["json", "npy", "npz"].contains(&extension))
    };
    let (mut sets, mut digest) = (Vec::new(), Sha256::new());
    for path in paths.iter().filter(is_array) {
        if sets.len() >= MOST_INPUTS {
            break;
        }
        digest.update(digest_of(path)?);
        sets.extend(input::sets_from_file(path, slots)?);
    }
    if sets.is_empty() {
        if !paths
            .iter()
            .any(|path| path.extension().is_some_and(|extension| extension == "bin"))
        {
            return Err(CalibrationError::Empty {
                path: path.to_owned(),
            });
        }
        let images = cifar10::read_test(path)?;
        for index in 0..images.len().min(MOST_INPUTS) {
            digest.update(images.pixels(index));
            sets.push(vec![accuracy::image(spec, &images, index)]);
        }
    }
    Ok((sets, alloy_primitives::hex::encode(digest.finalize())))
}
