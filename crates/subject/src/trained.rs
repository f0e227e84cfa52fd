//! The CNNs of the suite as they were trained: weights, and how well they do. All of it is in `models/`.
//!
//! `evmbench train` makes `<id>.onnx` and, with its history, `<id>.json`; `evmbench evaluate --models models` makes
//! `<id>.accuracy.json`.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use evmbench_schema::record::Request;
pub use evmbench_suite::{history_path, onnx_path};

use crate::accuracy::{Accuracy, Evaluation};

/// A trained model.
#[derive(Debug, Clone, Copy)]
pub struct Trained {
    /// Its id in the suite.
    pub id: &'static str,
    /// The model with its weights, as `evmbench train` wrote it.
    pub onnx: &'static [u8],
    /// Its evaluation, as JSON.
    evaluation: &'static str,
}

macro_rules! trained {
    ($($id:literal),*) => {
        [$(Trained {
            id: $id,
            onnx: include_bytes!(concat!("../models/", $id, ".onnx")),
            evaluation: include_str!(concat!("../models/", $id, ".accuracy.json")),
        }),*]
    };
}

/// Every trained model.
pub static TRAINED: [Trained; 4] = trained!["cnn_relu", "cnn_poly", "cnn_mixed", "cnn_strided"];

/// The trained model of that id.
pub fn find(id: &str) -> Option<&'static Trained> {
    TRAINED.iter().find(|trained| trained.id == id)
}

/// How well the circuit that was asked for does; none where another model's ONNX has that digest, where circuits with other
/// integers were evaluated, and of a user's file or input, whose range decides the integers as well.
pub fn accuracy(onnx_sha256: &str, request: &Request) -> Option<Accuracy> {
    if request.onnx_sha256.is_some() || request.input_sha256.is_some() {
        return None;
    }
    let integers = request.integer_choices()?;
    TRAINED.iter().map(Trained::evaluation).find_map(|evaluation| {
        let is_of_circuit = |accuracy: &Accuracy| {
            accuracy.scale == request.plan.scale() && accuracy.integers.as_ref() == Some(&integers)
        };
        let mut accuracies = evaluation.accuracies.into_iter();
        let is_same = evaluation.onnx_sha256 == onnx_sha256;
        is_same.then(|| accuracies.find(is_of_circuit)).flatten()
    })
}

/// Where a folder has the evaluation of a model.
pub fn evaluation_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.accuracy.json"))
}

impl Trained {
    /// SHA-256 of its ONNX file.
    pub fn sha256(&self) -> String {
        alloy_primitives::hex::encode(Sha256::digest(self.onnx))
    }

    /// How well it does.
    ///
    /// # Panics
    /// Never: the file is part of evmbench, and a test reads it.
    pub fn evaluation(&self) -> Evaluation {
        serde_json::from_str(self.evaluation).expect("an evaluation that evmbench wrote")
    }
}

#[cfg(test)]
mod tests {
    use evmbench_schema::weights;

    use super::*;

    /// A record that was made with these weights is named as one that asks for none.
    #[test]
    fn the_schema_knows_the_weights() {
        for trained in &TRAINED {
            assert_eq!(
                weights::default_sha256(trained.id),
                Some(&*trained.sha256()),
                "{}",
                trained.id
            );
        }
        assert_eq!(weights::default_sha256("relu"), None);
    }
}
