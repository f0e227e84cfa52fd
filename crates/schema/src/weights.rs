//! The weights that evmbench comes with, by digest: a record that was made with them has no other name than one that asks for
//! nothing.

/// Ids of the suite's trained models, each with the SHA-256 of its file in `models/`. A test of `evmbench` holds them against the
/// files.
const DEFAULTS: [(&str, &str); 4] = [
    (
        "cnn_relu",
        "276cd1670812c1ff0e44a830dc33d79480f44abbffe97278bd72d7b589802bb1",
    ),
    (
        "cnn_poly",
        "2023d05ee2750dd9c8e492657e49b4bd5d02d41303f4272762292cc75e3027ee",
    ),
    (
        "cnn_mixed",
        "2b399f5484c6c22b0a4bde8751566b4c00137db133062d2b3425b15b19ba964e",
    ),
    (
        "cnn_strided",
        "d4e710a07353746f896ae905c7550cb37bc17e5459ea5c1b90ba3ed8cbfd6738",
    ),
];

/// The digest of the weights that a model is proved with where none are asked for; none for one that is not trained.
pub fn default_sha256(id: &str) -> Option<&'static str> {
    let found = DEFAULTS.iter().find(|(trained, _)| *trained == id);
    found.map(|&(_, sha256)| sha256)
}
