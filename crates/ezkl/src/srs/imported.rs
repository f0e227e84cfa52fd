//! Strings that were made from files of ceremonies, kept by name below the home's folder of strings.
//!
//! Beside each lies what it is: whose, with the digest of its bytes and of the file that it was made from, and how far it was checked. Only what
//! lies there is believed; the home is its owner's alone. A string is written once and never replaced.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use evmbench_host::digests::sha256_of_file;
use evmbench_host::files;
use evmbench_host::home::{Home, create_private};
use evmbench_host::lock::Lock;
use evmbench_host::parallel::processors;
use evmbench_host::process::WorkFolder;

use super::ceremony::{ceremony_of, short_name};
use super::check::{Points, Work, check_lagrange, check_powers};
use super::curve::{g1_bytes, g2_bytes};
use super::lagrange::lagrange;
use super::source::Source;
use super::{
    Checked, GENERATOR_2, STRING, SrsError, SrsIdentity, SrsKind, check_form, check_srs_file, io, label_of,
    lock_of,
};
use crate::points::negated_g2;

/// The folder's name below that of the home's strings.
const FOLDER: &str = "imported";

/// Most bytes of a name.
const MOST_NAME_BYTES: usize = 64;

/// A file that holds a reference string, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringFile {
    /// The file, in halo2's form.
    pub path: PathBuf,
    /// What it is.
    pub identity: SrsIdentity,
}

/// An imported string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// By which `--srs` takes it.
    pub name: String,
    /// The string.
    pub file: StringFile,
}

/// What to make of a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The string's name; by the ceremony and the size where there is none.
    pub name: Option<&'a str>,
    /// k, where the string is to have 2^k points; as many as the file where there is none.
    pub logrows: Option<u32>,
}

/// What checking a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is, by its digest or by its s·G2.
    pub kind: SrsKind,
    /// k, where the file is of 2^k points.
    pub logrows: u32,
    /// How far its points were checked.
    pub checked: Checked,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The imported strings of a home.
#[derive(Debug, Clone)]
pub struct ImportedStrings {
    folder: PathBuf,
    work: PathBuf,
}

impl ImportedStrings {
    /// Of this home.
    pub fn of(home: &Home) -> Self {
        Self {
            folder: home.srs().join(FOLDER),
            work: home.work(),
        }
    }

    /// Makes a string of a ceremony's file, `.ptau` or halo2's form: its points are checked, those in Lagrange form are computed, and what was
    /// written is checked again. The file stays as it is.
    ///
    /// # Errors
    /// [`SrsError`].
    pub fn import(&self, file: &Path, asked: Asked<'_>, work: &Work<'_>) -> Result<Imported, SrsError> {
        let source = Source::open(file)?;
        let logrows = asked.logrows.unwrap_or(source.logrows);
        if logrows > source.logrows {
            return Err(SrsError::TooShort {
                path: file.to_owned(),
                has: source.logrows,
                needs: logrows,
            });
        }
        let named = asked.name.map(|name| self.new_string(name)).transpose()?;
        let digests = source.digests(work)?;
        let powers = Points {
            count: 1 << logrows,
            ..source.powers()
        };
        let checked = check_powers(&powers, source.s_g2, logrows, work)?;
        let by_digest = digests.ceremony(source.logrows);
        let kind = by_digest
            .or_else(|| by_s_g2(&source, checked))
            .unwrap_or(SrsKind::UserFile);
        let (name, path) = match named {
            Some(named) => named,
            None => self.new_string(&name_for(kind, file, logrows))?,
        };
        create_private(&self.folder).map_err(io(&self.folder))?;
        let folder = WorkFolder::new(&self.work).map_err(io(&self.work))?;
        let made = folder.path().join(format!("made.{STRING}"));
        write(&made, &powers, &source, logrows, work)?;
        source.unchanged()?;
        let written = Source::open(&made)?;
        verify_points(&written, work)?;
        let identity = SrsIdentity {
            kind,
            sha256: sha256_of_file(&made).map_err(io(&made))?,
            logrows,
            checked: Some(checked),
            source_sha256: Some(digests.sha256),
        };
        let lock = lock_of(&path);
        let _lock = Lock::exclusive(&lock, work.stop)
            .map_err(io(&lock))?
            .ok_or(SrsError::Interrupted)?;
        self.new_string(&name)?;
        // The string appears last, and whole.
        let label = label_of(&path);
        files::write_json(&label, &identity).map_err(io(&label))?;
        std::fs::rename(&made, &path).map_err(io(&path))?;
        Ok(Imported {
            name,
            file: StringFile { path, identity },
        })
    }

    /// The strings that there are, by name; of one whose label or length is wrong, its path.
    pub fn list(&self) -> Vec<Result<Imported, PathBuf>> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == STRING))
            .collect();
        paths.sort_unstable();
        let imported = |path: PathBuf| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            match labelled(&path) {
                Ok(identity) => Ok(Imported {
                    name,
                    file: StringFile { path, identity },
                }),
                Err(_) => Err(path),
            }
        };
        paths.into_iter().map(imported).collect()
    }

    /// The strings that are not as they were imported, each read whole.
    pub fn damaged(&self) -> Vec<PathBuf> {
        let is_damaged = |listed: Result<Imported, PathBuf>| match listed {
            Ok(Imported { file, .. }) => whole(&file).err().map(|_| file.path),
            Err(path) => Some(path),
        };
        self.list().into_iter().filter_map(is_damaged).collect()
    }

    /// The string that a name or a path means: an imported one of that name before a file. A file that has the bytes of an imported string is
    /// that string.
    ///
    /// # Errors
    /// [`SrsError`], where it cannot be used.
    pub fn find(&self, given: &Path) -> Result<StringFile, SrsError> {
        if let Some(path) = self.of_name(given) {
            let file = StringFile {
                identity: labelled(&path)?,
                path,
            };
            whole(&file)?;
            return Ok(file);
        }
        let identity = check_srs_file(given).map_err(|error| match error {
            SrsError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                SrsError::Unknown {
                    given: given.to_owned(),
                }
            }
            error => error,
        })?;
        let imported = self
            .list()
            .into_iter()
            .flatten()
            .map(|imported| imported.file.identity);
        let same = imported
            .into_iter()
            .find(|imported| imported.sha256 == identity.sha256);
        Ok(StringFile {
            path: given.to_owned(),
            identity: same.unwrap_or(identity),
        })
    }

    /// Checks the points of a string or file: an imported string by its name, or a `.ptau` or halo2 file.
    ///
    /// # Errors
    /// [`SrsError`].
    pub fn verify(&self, given: &Path, work: &Work<'_>) -> Result<Verified, SrsError> {
        let file = self.of_name(given).map(|_| self.find(given)).transpose()?;
        let path = file.as_ref().map_or(given, |file| &file.path);
        let source = Source::open(path)?;
        let digests = source.digests(work)?;
        let checked = verify_points(&source, work)?;
        source.unchanged()?;
        let imported = file
            .as_ref()
            .map(|file| file.identity.kind)
            .filter(|kind| kind.is_ceremony());
        let kind = imported
            .or_else(|| digests.ceremony(source.logrows))
            .or_else(|| by_s_g2(&source, checked));
        Ok(Verified {
            kind: kind.unwrap_or(SrsKind::UserFile),
            logrows: source.logrows,
            checked,
            sha256: digests.sha256,
        })
    }

    /// Where the imported string of a name is.
    fn of_name(&self, given: &Path) -> Option<PathBuf> {
        let name = given.to_str().filter(|name| refusal(name).is_none())?;
        Some(self.path(name)).filter(|path| path.exists())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{STRING}"))
    }

    /// A name that a new string can have, and its place.
    fn new_string(&self, name: &str) -> Result<(String, PathBuf), SrsError> {
        let path = self.path(name);
        match refusal(name).or_else(|| {
            path.exists()
                .then_some("there is an imported string of this name")
        }) {
            None => Ok((name.to_owned(), path)),
            Some(reason) => Err(SrsError::Name {
                name: name.to_owned(),
                reason,
            }),
        }
    }
}

impl Default for Work<'_> {
    /// On every processor, to the end.
    fn default() -> Self {
        Self {
            threads: processors(),
            stop: &|| false,
        }
    }
}

/// Why a name is none, if so.
fn refusal(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > MOST_NAME_BYTES {
        Some("it has no letters, or too many")
    } else if name.starts_with(['.', '-']) {
        Some("it starts with a dot or a dash")
    } else if !name.chars().all(is_plain) {
        Some("it has other characters than letters, digits, dots, dashes and underscores")
    } else {
        None
    }
}

/// The name that a string gets where none was asked for.
fn name_for(kind: SrsKind, file: &Path, logrows: u32) -> String {
    match short_name(kind) {
        Some(name) => format!("{name}-{logrows}"),
        None => {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            format!("{stem}-{logrows}")
        }
    }
}

/// The ceremony whose s·G2 the file has. Only where every point was checked does the point say whose powers they are.
fn by_s_g2(source: &Source<'_>, checked: Checked) -> Option<SrsKind> {
    let point = negated_g2(&g2_bytes(source.s_g2))?;
    ceremony_of(point).filter(|_| checked == Checked::EveryPoint)
}

/// Checks the powers of a file, and its points in Lagrange form where it has some and is checked in full.
fn verify_points(source: &Source<'_>, work: &Work<'_>) -> Result<Checked, SrsError> {
    let powers = source.powers();
    let checked = check_powers(&powers, source.s_g2, source.logrows, work)?;
    if let Some(lagrange) = source.lagrange().filter(|_| checked == Checked::EveryPoint) {
        check_lagrange(&powers, &lagrange, source.logrows, work)?;
    }
    Ok(checked)
}

/// Writes a string in halo2's form.
fn write(
    path: &Path,
    powers: &Points<'_>,
    source: &Source<'_>,
    logrows: u32,
    work: &Work<'_>,
) -> Result<(), SrsError> {
    let powers = powers.read_all(work)?;
    let lagrange = lagrange(&powers, work).ok_or(SrsError::Interrupted)?;
    let write = || {
        let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
        file.write_all(&logrows.to_le_bytes())?;
        for &point in powers.iter().chain(&lagrange) {
            file.write_all(&g1_bytes(point))?;
        }
        file.write_all(&GENERATOR_2)?;
        file.write_all(&g2_bytes(source.s_g2))?;
        file.into_inner()?.sync_all()
    };
    write().map_err(io(path))
}

/// What lies beside an imported string, where both have the right form.
fn labelled(path: &Path) -> Result<SrsIdentity, SrsError> {
    let damaged = || SrsError::Damaged {
        path: path.to_owned(),
    };
    let identity: SrsIdentity = files::read_json(&label_of(path)).map_err(|_| damaged())?;
    let logrows = check_form(path)?;
    let is_import = identity.checked.is_some() && identity.kind != SrsKind::LocalTest;
    if is_import && identity.logrows == logrows {
        Ok(identity)
    } else {
        Err(damaged())
    }
}

/// Fails where a string has not the bytes that its label says.
fn whole(file: &StringFile) -> Result<(), SrsError> {
    let sha256 = sha256_of_file(&file.path).map_err(io(&file.path))?;
    if sha256 == file.identity.sha256 {
        Ok(())
    } else {
        Err(SrsError::Damaged {
            path: file.path.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
