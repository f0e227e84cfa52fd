//! The Hermez ceremony's own file for 2^8, and files that were made wrong on its pattern.

use proptest::prelude::*;

use super::*;

/// `powersOfTau28_hez_final_08.ptau`, as the crate ppot-rs ships it.
const HERMEZ: &[u8] = include_bytes!("../../../../../tests/fixtures/srs/powersOfTau28_hez_final_08.ptau");

struct Place {
    folder: tempfile::TempDir,
    strings: ImportedStrings,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let strings = ImportedStrings::of(&Home::at(folder.path().join("home")));
        Self { folder, strings }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, bytes: &[u8], asked: Asked<'_>) -> Result<Imported, SrsError> {
        self.strings
            .import(&self.file("mine.ptau", bytes), asked, &Work::default())
    }

    fn refused(&self, bytes: &[u8]) -> SrsError {
        let error = self.import(bytes, Asked::default()).unwrap_err();
        assert!(self.strings.list().is_empty(), "{error}");
        error
    }
}

/// Type, and where it stands in the file.
fn sections(file: &[u8]) -> Vec<(u32, std::ops::Range<usize>)> {
    let mut at = 12;
    let mut found = Vec::new();
    while at < file.len() {
        let kind = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let bytes = u64::from_le_bytes(file[at + 4..at + 12].try_into().unwrap()) as usize;
        found.push((kind, at + 12..at + 12 + bytes));
        at += 12 + bytes;
    }
    found
}

fn section(kind: u32) -> std::ops::Range<usize> {
    let found = sections(HERMEZ).into_iter().find(|(found, _)| *found == kind);
    found.unwrap().1
}

/// The file with one section under another's type, and the other way round.
fn exchanged(one: u32, other: u32) -> Vec<u8> {
    let mut file = HERMEZ.to_vec();
    for (from, to) in [(one, other), (other, one)] {
        let at = section(from).start - 12;
        file[at..at + 4].copy_from_slice(&to.to_le_bytes());
    }
    file
}

fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = HERMEZ.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn the_hermez_file_becomes_a_string() {
    let place = Place::new();
    let imported = place.import(HERMEZ, Asked::default()).unwrap();
    assert_eq!(imported.name, "hermez-8");
    let identity = &imported.file.identity;
    assert_eq!((identity.kind, identity.logrows), (SrsKind::Hermez, 8));
    assert_eq!(identity.checked, Some(Checked::EveryPoint));
    let file = place.folder.path().join("mine.ptau");
    assert_eq!(identity.source_sha256, Some(sha256_of_file(&file).unwrap()));
    assert_eq!(place.strings.list(), [Ok(imported.clone())]);
    assert_eq!(place.strings.damaged(), [] as [PathBuf; 0]);
    // By its name, and by a path to the same bytes.
    let copy = place.folder.path().join("copy.srs");
    std::fs::copy(&imported.file.path, &copy).unwrap();
    assert_eq!(place.strings.find(Path::new("hermez-8")).unwrap(), imported.file);
    assert_eq!(place.strings.find(&copy).unwrap().identity, *identity);
    for given in [Path::new("hermez-8"), &file, &copy] {
        let verified = place.strings.verify(given, &Work::default()).unwrap();
        assert_eq!(
            (verified.kind, verified.checked),
            (SrsKind::Hermez, Checked::EveryPoint)
        );
    }
    let point = crate::negated_s_g2(&imported.file.path).unwrap();
    assert_eq!(ceremony_of(point), Some(SrsKind::Hermez));
    assert!(matches!(
        place.import(HERMEZ, Asked::default()),
        Err(SrsError::Name { .. })
    ));
}

/// snarkjs' points in Lagrange form are over the same roots of unity from another primitive one, so in another order.
#[test]
fn points_in_lagrange_form_are_those_that_snarkjs_computed() {
    let place = Place::new();
    let imported = place.import(HERMEZ, Asked::default()).unwrap();
    let made = std::fs::read(&imported.file.path).unwrap();
    let sorted = |bytes: &[u8]| {
        let mut points: Vec<[u8; 64]> = bytes.as_chunks().0.to_vec();
        points.sort_unstable();
        points
    };
    // Section 12 has those of 2^0, 2^1, … one after the other.
    let theirs = section(12).start + 64 * ((1 << 8) - 1);
    assert!(sorted(&made[4 + 64 * 256..4 + 128 * 256]) == sorted(&HERMEZ[theirs..theirs + 64 * 256]));
    assert!(made[4..4 + 64 * 256] == HERMEZ[section(2)][..64 * 256]);
}

#[test]
fn a_shorter_string_is_made_and_a_longer_one_is_not() {
    let place = Place::new();
    let asked = |logrows, name| Asked {
        logrows: Some(logrows),
        name,
    };
    let shorter = place.import(HERMEZ, asked(5, Some("mine"))).unwrap();
    assert_eq!(
        (shorter.name.as_str(), shorter.file.identity.logrows),
        ("mine", 5)
    );
    assert_eq!(shorter.file.identity.kind, SrsKind::Hermez);
    // From a string in halo2's form that is in no table, by its s·G2.
    let again = place
        .strings
        .import(&shorter.file.path, asked(4, None), &Work::default())
        .unwrap();
    assert_eq!(
        (again.name.as_str(), again.file.identity.kind),
        ("hermez-4", SrsKind::Hermez)
    );
    assert!(matches!(
        place.import(HERMEZ, asked(9, None)),
        Err(SrsError::TooShort { has: 8, needs: 9, .. })
    ));
    for name in ["", "..", "a/b", "-x", "a b", "ü", &"x".repeat(65)] {
        assert!(
            matches!(
                place.import(HERMEZ, asked(5, Some(name))),
                Err(SrsError::Name { .. })
            ),
            "{name}"
        );
    }
}

/// One party's string is of no ceremony, however consistent it is.
#[test]
fn a_test_string_is_of_nobody() {
    let place = Place::new();
    let path = place.folder.path().join("local.srs");
    assert!(super::super::write_test_string(&path, 4, 1, || false).unwrap());
    let imported = place
        .strings
        .import(&path, Asked::default(), &Work::default())
        .unwrap();
    assert_eq!(imported.name, "local-4");
    assert_eq!(imported.file.identity.kind, SrsKind::UserFile);
    // What is made of it is what it was: the same powers have the same points in Lagrange form.
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&imported.file.path).unwrap());
    // Its label says no more than that, whatever is written there by hand to a string of this machine.
    let mut bytes = std::fs::read(&path).unwrap();
    let lagrange = 4 + 64 * 16;
    let (first, second) = bytes[lagrange..].split_at_mut(64);
    first.swap_with_slice(&mut second[..64]);
    std::fs::write(&path, bytes).unwrap();
    let wrong = place.strings.verify(&path, &Work::default());
    assert!(matches!(wrong, Err(SrsError::Points { .. })), "{wrong:?}");
}

#[test]
fn other_points_are_refused() {
    let place = Place::new();
    let (g1, g2, beta) = (section(2).start, section(3).start, section(6).start);
    let point = |at: usize, bytes: usize| HERMEZ[at..at + bytes].to_vec();
    for (what, file) in [
        ("no generator", with(g1, &point(g1 + 64, 64))),
        (
            "off the curve",
            with(g1 + 64 * 9 + 3, &[HERMEZ[g1 + 64 * 9 + 3] ^ 1]),
        ),
        ("infinity", with(g1 + 64 * 9, &[0; 64])),
        ("no coordinate", with(g1 + 64 * 9, &[0xff; 32])),
        ("another power", with(g1 + 64 * 9, &point(g1 + 64 * 8, 64))),
        ("the last power", with(g1 + 64 * 255, &point(g1 + 64 * 8, 64))),
        ("no generator of G2", with(g2, &point(g2 + 128, 128))),
        ("another s·G2", with(g2 + 128, &point(g2 + 256, 128))),
        ("β·G2 in its place", with(g2 + 128, &point(beta, 128))),
        ("s·G2 off the curve", with(g2 + 128, &[HERMEZ[g2 + 128] ^ 1])),
        ("no s·G2", with(g2 + 128, &[0; 128])),
        ("powers of α in Lagrange form", exchanged(2, 14)),
    ] {
        let error = place.refused(&file);
        assert!(matches!(error, SrsError::Points { .. }), "{what}: {error}");
    }
}

#[test]
fn other_structures_are_refused() {
    let place = Place::new();
    let header = section(1).start;
    let mut twice = HERMEZ.to_vec();
    twice.extend(2_u32.to_le_bytes());
    twice.extend(0_u64.to_le_bytes());
    twice[8] += 1;
    let endless = with(section(2).start - 8, &u64::MAX.to_le_bytes());
    for (what, file) in [
        ("cut off in a section", HERMEZ[..HERMEZ.len() - 1].to_vec()),
        ("cut off in a header", HERMEZ[..section(2).start - 5].to_vec()),
        ("cut off at once", HERMEZ[..6].to_vec()),
        ("longer", [HERMEZ, &[0]].concat()),
        ("a section twice", twice),
        ("a section without end", endless),
        ("no sections", with(8, &0_u32.to_le_bytes())),
        ("many sections", with(8, &u32::MAX.to_le_bytes())),
        ("another version", with(4, &2_u32.to_le_bytes())),
        ("another modulus", with(header + 4, &[HERMEZ[header + 4] ^ 1])),
        ("another k", with(header + 36, &9_u32.to_le_bytes())),
        ("k without points", with(header + 36, &0_u32.to_le_bytes())),
        ("an endless k", with(header + 36, &200_u32.to_le_bytes())),
        ("more than the ceremony", with(header + 40, &7_u32.to_le_bytes())),
        ("powers of G2 for those of G1", exchanged(2, 3)),
        ("powers of α for those of τ", exchanged(2, 4)),
        ("the header elsewhere", exchanged(1, 6)),
        ("another file", b"{}".to_vec()),
    ] {
        let error = place.refused(&file);
        assert!(matches!(error, SrsError::Form { .. }), "{what}: {error}");
    }
}

#[test]
fn a_string_that_changed_is_not_used() {
    let place = Place::new();
    let imported = place.import(HERMEZ, Asked::default()).unwrap();
    let (path, label) = (&imported.file.path, label_of(&imported.file.path));
    let name = Path::new("hermez-8");
    let (bytes, text) = (std::fs::read(path).unwrap(), std::fs::read(&label).unwrap());
    let is_damaged = || {
        assert_eq!(place.strings.damaged(), std::slice::from_ref(path));
        matches!(place.strings.find(name), Err(SrsError::Damaged { .. }))
    };
    let mut flipped = bytes.clone();
    flipped[5000] ^= 1;
    std::fs::write(path, flipped).unwrap();
    assert!(is_damaged());
    std::fs::write(path, &bytes).unwrap();
    std::fs::write(&label, "{}").unwrap();
    assert!(is_damaged());
    std::fs::remove_file(&label).unwrap();
    assert!(is_damaged());
    std::fs::write(&label, text).unwrap();
    assert_eq!(place.strings.find(name).unwrap(), imported.file);
    assert!(matches!(
        place.strings.find(Path::new("nothing")),
        Err(SrsError::Unknown { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is changed of what is read is found; of the rest the digest tells.
    #[test]
    fn a_changed_byte_is_found(at in 0..HERMEZ.len(), other in 1_u8..) {
        let place = Place::new();
        let file = with(at, &[HERMEZ[at] ^ other]);
        let unread = [
            // A ceremony of more powers; and powers beyond those of the string.
            section(1).start + 40..section(1).end,
            section(2).start + 64 * 256..section(2).end,
        ];
        let is_read = at < section(3).start + 256 && !unread.iter().any(|unread| unread.contains(&at));
        match place.import(&file, Asked { logrows: Some(8), name: Some("mine") }) {
            Ok(imported) => {
                prop_assert!(!is_read, "byte {at}");
                // The powers are the ceremony's all the same.
                prop_assert_eq!(imported.file.identity.kind, SrsKind::Hermez);
            }
            // Sections are gone through by their heads.
            Err(_) => {
                let is_head = |(_, place): &(u32, std::ops::Range<usize>)| {
                    (place.start - 12..place.start).contains(&at)
                };
                prop_assert!(is_read || unread[0].contains(&at) || sections(HERMEZ).iter().any(is_head));
            }
        }
    }
}
