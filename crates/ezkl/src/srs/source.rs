//! Files that hold the powers of a ceremony: snarkjs' `.ptau` and halo2's raw form.
//!
//! A `.ptau` file is "ptau", a version (1) and a number of sections as little-endian `u32`, then sections: type (`u32`), length in bytes
//! (`u64`), contents (github.com/iden3/snarkjs, `src/powersoftau_new.js`). Three are read: 1, the header: bytes of a coordinate, the base
//! field's modulus, k, and the k of the ceremony; 2, τ^i·G for i below 2^(k+1) − 1; 3, τ^i·G2 for i below 2^k, of which the first two. What
//! other sections hold is not looked at, beyond that every section ends within the file and the last one with it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use ark_bn254::G2Affine;
use sha2::{Digest as _, Sha256};

use evmbench_host::digests::Stamp;
use evmbench_host::files;

use super::ceremony::FileDigests;
use super::check::{Points, Work};
use super::curve::{G1_BYTES, G2_BYTES, read_g2};
use super::{GENERATOR_2, LARGEST_LOGROWS, SrsError, halo2_logrows, io};
use crate::points::BASE_MODULUS;

/// Largest `.ptau` file, in bytes: the prepared one of 2^28 has 288 GiB.
const MOST_PTAU_BYTES: u64 = 1 << 39;

/// How a `.ptau` file begins. Read as halo2's k it would be far above 28.
const MAGIC: [u8; 4] = *b"ptau";

const VERSION: u32 = 1;

/// Most sections: snarkjs writes 11.
const MOST_SECTIONS: u32 = 64;

/// Bytes that are read at a time for a digest.
const BUFFER_BYTES: usize = 1 << 20;

/// A file with powers, opened.
#[derive(Debug)]
pub(super) struct Source<'a> {
    path: &'a Path,
    file: File,
    stamp: Stamp,
    /// k, where the file is of 2^k points.
    pub(super) logrows: u32,
    powers_at: u64,
    powers: u64,
    /// s·G2.
    pub(super) s_g2: G2Affine,
    /// Where the points in Lagrange form begin; none in a `.ptau` file, whose roots of unity are others.
    lagrange_at: Option<u64>,
}

impl<'a> Source<'a> {
    /// Opens a file of either form. Its structure is checked, and none of its points in G1.
    ///
    /// # Errors
    /// [`SrsError::Io`], [`SrsError::Form`] or [`SrsError::Points`].
    pub(super) fn open(path: &'a Path) -> Result<Self, SrsError> {
        let mut file = files::open(path, MOST_PTAU_BYTES).map_err(io(path))?;
        let stamp = Stamp::from(&file.metadata().map_err(io(path))?);
        let mut magic = [0; 4];
        let read = file.read(&mut magic).map_err(io(path))?;
        let layout = if magic[..read] == MAGIC {
            Ptau {
                path,
                file: &mut file,
            }
            .layout()?
        } else {
            Layout::of_halo2(path, &mut file)?
        };
        let mut g2 = [0; 2 * G2_BYTES as usize];
        file.read_exact_at(&mut g2, layout.g2_at).map_err(io(path))?;
        let (generator, s_g2) = g2.split_at(G2_BYTES as usize);
        let wrong = |reason: &str| SrsError::Points {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        if generator != GENERATOR_2 {
            return Err(wrong("its first point of G2 is not the generator"));
        }
        Ok(Self {
            path,
            stamp,
            logrows: layout.logrows,
            powers_at: layout.powers_at,
            powers: layout.powers,
            s_g2: read_g2(s_g2).ok_or_else(|| wrong("its s·G2 is no point of G2"))?,
            lagrange_at: layout.lagrange_at,
            file,
        })
    }

    /// The file's powers of τ: 2^k or more.
    pub(super) fn powers(&self) -> Points<'_> {
        Points {
            path: self.path,
            file: &self.file,
            offset: self.powers_at,
            count: self.powers,
            name: "τ^i·G",
        }
    }

    /// The same in Lagrange form.
    pub(super) fn lagrange(&self) -> Option<Points<'_>> {
        let offset = self.lagrange_at?;
        Some(Points {
            offset,
            count: 1 << self.logrows,
            name: "L_i(τ)·G",
            ..self.powers()
        })
    }

    /// Reads the whole file for its digests.
    ///
    /// # Errors
    /// [`SrsError::Io`] or [`SrsError::Interrupted`].
    pub(super) fn digests(&self, work: &Work<'_>) -> Result<FileDigests, SrsError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(io(self.path))?;
        let (mut sha256, mut blake2b) = (Sha256::new(), blake2b_simd::State::new());
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            if work.stopped() {
                return Err(SrsError::Interrupted);
            }
            let count = file.read(&mut buffer).map_err(io(self.path))?;
            if count == 0 {
                break;
            }
            sha256.update(&buffer[..count]);
            blake2b.update(&buffer[..count]);
        }
        Ok(FileDigests {
            sha256: alloy_primitives::hex::encode(sha256.finalize()),
            blake2b: blake2b.finalize().to_hex().to_string(),
        })
    }

    /// Fails where the file is not what it was when it was opened.
    ///
    /// # Errors
    /// [`SrsError::Changed`].
    pub(super) fn unchanged(&self) -> Result<(), SrsError> {
        match Stamp::of(self.path) {
            Ok(stamp) if stamp == self.stamp => Ok(()),
            _ => Err(SrsError::Changed {
                path: self.path.to_owned(),
            }),
        }
    }
}

/// Where a file has what is read of it.
struct Layout {
    logrows: u32,
    powers_at: u64,
    powers: u64,
    /// Of the generator of G2; s·G2 follows.
    g2_at: u64,
    lagrange_at: Option<u64>,
}

impl Layout {
    fn of_halo2(path: &Path, file: &mut File) -> Result<Self, SrsError> {
        let logrows = halo2_logrows(path, file)?;
        let powers = 1 << logrows;
        Ok(Self {
            logrows,
            powers_at: 4,
            powers,
            g2_at: 4 + 2 * powers * G1_BYTES,
            lagrange_at: Some(4 + powers * G1_BYTES),
        })
    }
}

/// A `.ptau` file that is read.
struct Ptau<'a> {
    path: &'a Path,
    file: &'a mut File,
}

/// A section's place in the file, in bytes.
#[derive(Clone, Copy)]
struct Section {
    start: u64,
    bytes: u64,
}

impl Ptau<'_> {
    /// Header, powers in G1, powers in G2.
    const READ: [u32; 3] = [1, 2, 3];

    fn layout(mut self) -> Result<Layout, SrsError> {
        let [header, g1, g2] = self.sections()?;
        let logrows = self.logrows(header)?;
        let powers = (2_u64 << logrows) - 1;
        for (section, bytes, what) in [
            (g1, powers * G1_BYTES, "powers in G1"),
            (g2, G2_BYTES << logrows, "powers in G2"),
        ] {
            if section.bytes != bytes {
                let found = section.bytes;
                return Err(self.form(format!(
                    "the {what} of 2^{logrows} take {bytes} bytes, and their section has {found}"
                )));
            }
        }
        Ok(Layout {
            logrows,
            powers_at: g1.start,
            powers,
            g2_at: g2.start,
            lagrange_at: None,
        })
    }

    /// The places of the sections that are read.
    fn sections(&mut self) -> Result<[Section; 3], SrsError> {
        let size = self.file.metadata().map_err(io(self.path))?.len();
        let version = self.number()?;
        if version != VERSION {
            return Err(self.form(format!("it is of version {version}")));
        }
        let count = self.number()?;
        if count > MOST_SECTIONS {
            return Err(self.form(format!("it says that it has {count} sections")));
        }
        let mut found = [None; 3];
        let mut at = 12;
        for _ in 0..count {
            self.file.seek(SeekFrom::Start(at)).map_err(io(self.path))?;
            let kind = self.number()?;
            let bytes = u64::from(self.number()?) | u64::from(self.number()?) << 32;
            let start = at + 12;
            at = start
                .checked_add(bytes)
                .filter(|&end| end <= size)
                .ok_or_else(|| self.form(format!("its section {kind} is cut off")))?;
            if let Some(place) = Self::READ.iter().position(|&read| read == kind)
                && found[place].replace(Section { start, bytes }).is_some()
            {
                return Err(self.form(format!("it has two sections {kind}")));
            }
        }
        if at != size {
            return Err(self.form(format!("it has {size} bytes, and its sections end at {at}")));
        }
        match found {
            [Some(header), Some(g1), Some(g2)] => Ok([header, g1, g2]),
            _ => Err(self.form("it lacks one of the sections 1, 2 and 3".to_owned())),
        }
    }

    fn logrows(&mut self, header: Section) -> Result<u32, SrsError> {
        let mut bytes = [0; 44];
        if header.bytes != bytes.len() as u64 {
            return Err(self.form(format!("its header has {} bytes", header.bytes)));
        }
        self.file
            .read_exact_at(&mut bytes, header.start)
            .map_err(io(self.path))?;
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (logrows, of_ceremony) = (number(36), number(40));
        if number(0) != 32 || bytes[4..36] != BASE_MODULUS.to_le_bytes::<32>() {
            return Err(self.form("it is of another curve than BN254".to_owned()));
        }
        if logrows == 0 || logrows > LARGEST_LOGROWS || logrows > of_ceremony {
            return Err(self.form(format!("its header says 2^{logrows} points of 2^{of_ceremony}")));
        }
        Ok(logrows)
    }

    /// The next little-endian `u32`.
    fn number(&mut self) -> Result<u32, SrsError> {
        let mut bytes = [0; 4];
        match self.file.read_exact(&mut bytes) {
            Ok(()) => Ok(u32::from_le_bytes(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.form("it is cut off".to_owned()))
            }
            Err(error) => Err(io(self.path)(error)),
        }
    }

    fn form(&self, reason: String) -> SrsError {
        SrsError::Form {
            path: self.path.to_owned(),
            reason,
        }
    }
}
