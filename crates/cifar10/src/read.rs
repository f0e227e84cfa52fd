//! The official binary layout: one byte of label and 3,072 of pixels an image, 10,000 images a file.

use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::files::{self, Inflating};

use super::{CLASSES, Cifar10, DataError, IMAGE_BYTES, Images};

/// Images in each file.
const IMAGES_PER_FILE: usize = 10_000;

/// Bytes of one image with its label.
const RECORD_BYTES: usize = 1 + IMAGE_BYTES;

/// Most bytes of the archive: the official one has 170 million.
const MOST_ARCHIVE_BYTES: u64 = 512 << 20;

/// Most bytes that the archive unpacks to: the official one has 185 million.
const MOST_UNPACKED_BYTES: u64 = 512 << 20;

/// The files with images to train on, in order.
const TRAIN: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];

/// The file with images to test on.
const TEST: &str = "test_batch.bin";

/// The whole data set, from a folder of the official binary files or from the archive of them.
///
/// # Errors
/// [`DataError`]: a file is missing, cut off or damaged; each names it.
///
/// # Panics
/// Never: there are as many files as were asked for.
pub fn read(path: &Path) -> Result<Cifar10, DataError> {
    let mut files = files(path, &[&TRAIN[..], &[TEST]].concat())?;
    let test = files.pop().expect("as many as asked for");
    let mut train = Images::default();
    for file in files {
        train.append(file);
    }
    Ok(Cifar10 { train, test })
}

/// The images to test on alone.
///
/// # Errors
/// As [`read`].
pub fn read_test(path: &Path) -> Result<Images, DataError> {
    Ok(files(path, &[TEST])?.remove(0))
}

/// The files of those names, in that order.
fn files(path: &Path, names: &[&'static str]) -> Result<Vec<Images>, DataError> {
    let is_folder = std::fs::metadata(path).map_err(read_error(path))?.is_dir();
    let mut found = if is_folder {
        in_folder(path, names)?
    } else {
        in_archive(path, names)?
    };
    let missing: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !found.contains_key(name))
        .collect();
    if !missing.is_empty() {
        return Err(DataError::Missing {
            path: path.to_owned(),
            missing,
        });
    }
    names
        .iter()
        .map(|name| images(&path.join(name), &found.remove(name).expect("not missing")))
        .collect()
}

fn in_folder(folder: &Path, names: &[&'static str]) -> Result<HashMap<&'static str, Vec<u8>>, DataError> {
    let mut found = HashMap::new();
    for &name in names {
        let path = folder.join(name);
        match files::read(&path, MOST_ARCHIVE_BYTES) {
            Ok(bytes) => drop(found.insert(name, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(read_error(&path)(error)),
        }
    }
    Ok(found)
}

fn in_archive(archive: &Path, names: &[&'static str]) -> Result<HashMap<&'static str, Vec<u8>>, DataError> {
    let read = || -> io::Result<_> {
        let mut found = HashMap::new();
        let file = BufReader::new(files::open(archive, MOST_ARCHIVE_BYTES)?);
        let unpacked = Inflating::new(GzDecoder::new(file), MOST_UNPACKED_BYTES);
        for entry in tar::Archive::new(unpacked).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let name = names.iter().find(|name| path.file_name() == Some(name.as_ref()));
            if let Some(&name) = name {
                let mut bytes = Vec::new();
                // One byte more than there should be tells a file that is too long, whatever its header claims.
                let limit = (IMAGES_PER_FILE * RECORD_BYTES + 1) as u64;
                entry.by_ref().take(limit).read_to_end(&mut bytes)?;
                found.insert(name, bytes);
            }
        }
        Ok(found)
    };
    read().map_err(read_error(archive))
}

fn images(path: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    let expected = IMAGES_PER_FILE * RECORD_BYTES;
    if bytes.len() != expected {
        return Err(DataError::Size {
            path: path.to_owned(),
            found: bytes.len() as u64,
            expected: expected as u64,
        });
    }
    let mut images = Images::default();
    for (index, record) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let label = record[0];
        if usize::from(label) >= CLASSES.len() {
            return Err(DataError::Label {
                path: path.to_owned(),
                index,
                label,
            });
        }
        images.labels.push(label);
        images.pixels.extend_from_slice(&record[1..]);
    }
    Ok(images)
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_owned();
    |source| DataError::Read { path, source }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// A file whose image `i` has label `(i + first) % 10` and every pixel `i % 251`.
    fn file(first: usize) -> Vec<u8> {
        (0..IMAGES_PER_FILE)
            .flat_map(|index| {
                let label = ((index + first) % CLASSES.len()) as u8;
                std::iter::once(label).chain(std::iter::repeat_n((index % 251) as u8, IMAGE_BYTES))
            })
            .collect()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (index, name) in TRAIN.iter().chain([&TEST]).enumerate() {
            std::fs::write(folder.path().join(name), file(index)).unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_and_its_archive_are_the_same_data() {
        let folder = folder();
        let data = read(folder.path()).unwrap();
        assert_eq!((data.train.len(), data.test.len()), (50_000, 10_000));
        assert_eq!((data.train.label(10_000), data.test.label(0)), (1, 5));
        assert_eq!(data.train.pixels(10_003), [3; IMAGE_BYTES]);
        assert_eq!(read_test(folder.path()).unwrap(), data.test);

        let archive = folder.path().join("cifar-10-binary.tar.gz");
        let mut builder = tar::Builder::new(GzEncoder::new(
            std::fs::File::create(&archive).unwrap(),
            Compression::fast(),
        ));
        for name in TRAIN.iter().chain([&TEST]).rev() {
            builder
                .append_path_with_name(
                    folder.path().join(name),
                    Path::new("cifar-10-batches-bin").join(name),
                )
                .unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        assert_eq!(read(&archive).unwrap(), data);
    }

    #[test]
    fn bad_files_are_named() {
        let folder = folder();
        let path = |name: &str| folder.path().join(name);

        let mut bytes = file(0);
        bytes[7 * RECORD_BYTES] = 10;
        std::fs::write(path("data_batch_3.bin"), &bytes).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(
            matches!(&error, DataError::Label { path: at, index: 7, label: 10 } if *at == path("data_batch_3.bin"))
        );

        std::fs::write(path("data_batch_3.bin"), &bytes[..bytes.len() - 1]).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(matches!(
            error,
            DataError::Size {
                found: 30_729_999,
                expected: 30_730_000,
                ..
            }
        ));

        std::fs::remove_file(path("data_batch_3.bin")).unwrap();
        std::fs::remove_file(path("data_batch_5.bin")).unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(
            matches!(&error, DataError::Missing { missing, .. } if *missing == ["data_batch_3.bin", "data_batch_5.bin"])
        );
        assert!(read_test(folder.path()).is_ok());

        let junk = path("junk.tar.gz");
        std::fs::write(&junk, b"junk").unwrap();
        assert!(matches!(read(&junk), Err(DataError::Read { .. })));
        assert!(matches!(read(&path("nowhere")), Err(DataError::Read { .. })));
    }
}
