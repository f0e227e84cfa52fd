//! The official archive, downloaded, checked and unpacked.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::{DataError, INNER_FOLDER};

/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Downloads an archive, checks its digest and unpacks it into `folder`, whole or not at all; returns the folder with the
/// binary files. `progress` hears how many bytes are there, and of how many if the server says so.
///
/// # Errors
/// [`DataError`]: the server does not answer, the digest differs, or the folder cannot be written to.
pub fn download(
    url: &str,
    sha256: &str,
    folder: &Path,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<PathBuf, DataError> {
    let write = |source| DataError::Write {
        path: folder.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(write)?;
    let mut archive = tempfile::tempfile_in(folder).map_err(write)?;
    fetch(url, sha256, &mut archive, folder, progress)?;
    io::Seek::rewind(&mut archive).map_err(write)?;
    let unpacked = tempfile::tempdir_in(folder).map_err(write)?;
    tar::Archive::new(GzDecoder::new(archive))
        .unpack(unpacked.path())
        .map_err(write)?;
    let target = crate::unpacked(folder);
    if target.exists() {
        std::fs::remove_dir_all(&target).map_err(write)?;
    }
    std::fs::rename(unpacked.path().join(INNER_FOLDER), &target).map_err(write)?;
    Ok(target)
}

fn fetch(
    url: &str,
    sha256: &str,
    archive: &mut File,
    folder: &Path,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<(), DataError> {
    let failed = |source| DataError::Download {
        url: url.to_owned(),
        source: Box::new(source),
    };
    let mut response = ureq::get(url).call().map_err(failed)?;
    let length = response.body().content_length();
    let mut body = response.body_mut().as_reader();
    let mut digest = Sha256::new();
    let mut done = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = body
            .read(&mut chunk)
            .map_err(|error| failed(ureq::Error::Io(error)))?;
        if read == 0 {
            break;
        }
        digest.update(&chunk[..read]);
        archive
            .write_all(&chunk[..read])
            .map_err(|source| DataError::Write {
                path: folder.to_owned(),
                source,
            })?;
        done += read as u64;
        progress(done, length);
    }
    let found = alloy_primitives::hex::encode(digest.finalize());
    if found == sha256 {
        Ok(())
    } else {
        Err(DataError::Digest {
            url: url.to_owned(),
            found,
            expected: sha256.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Mutex;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::{OFFICIAL_SHA256, unpacked};

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_mode(0o644);
        let name = Path::new(INNER_FOLDER).join("test_batch.bin");
        builder.append_data(&mut header, name, &b"abc"[..]).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    }

    /// A server that gives these bytes to each of so many clients.
    fn serve(bytes: Vec<u8>, clients: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/archive.tar.gz", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().take(clients) {
                let mut stream = stream.unwrap();
                let mut request = [0; 1024];
                assert!(stream.read(&mut request).unwrap() > 0);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    bytes.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&bytes).unwrap();
            }
        });
        url
    }

    #[test]
    fn an_archive_with_the_right_digest_is_unpacked() {
        let bytes = archive();
        let sha256 = alloy_primitives::hex::encode(Sha256::digest(&bytes));
        let length = bytes.len() as u64;
        let url = serve(bytes, 2);
        let folder = tempfile::tempdir().unwrap();
        let heard = Mutex::new(Vec::new());
        let progress = |done, all| heard.lock().unwrap().push((done, all));
        // The second download takes the first one's place.
        for _ in 0..2 {
            let files = download(&url, &sha256, folder.path(), &progress).unwrap();
            assert_eq!(files, unpacked(folder.path()));
            assert_eq!(std::fs::read(files.join("test_batch.bin")).unwrap(), b"abc");
        }
        assert_eq!(heard.lock().unwrap().last(), Some(&(length, Some(length))));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[test]
    fn a_wrong_digest_leaves_nothing() {
        let url = serve(archive(), 1);
        let folder = tempfile::tempdir().unwrap();
        let error = download(&url, OFFICIAL_SHA256, folder.path(), &|_, _| ()).unwrap_err();
        assert!(matches!(error, DataError::Digest { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn no_server_is_an_error_that_names_it() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://{port}/archive.tar.gz");
        let error = download(&url, OFFICIAL_SHA256, folder.path(), &|_, _| ()).unwrap_err();
        assert!(matches!(error, DataError::Download { .. }) && error.to_string().contains(&url));
    }
}
