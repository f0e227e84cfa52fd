//! Every leaf of a record, and what a reader may take it for.
//!
//! Goes in: a place in a record, or the record's JSON schema. Comes out: a [`Class`], or every leaf with its class. A derived
//! leaf follows from the evidence and is found out again by `rederive`; a measured one cannot be found out again, and
//! the record's own digest alone says that it is as it was written; free text says nothing that anything rests on.
//! `docs/record-fields.md` is made of this table.

use serde_json::Value;

/// What a leaf rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It follows from the evidence and from what was asked for.
    Derived,
    /// It was measured or chosen in the run. The record's own digest shows damage, and no forgery.
    Measured,
    /// Words for people, under the same digest.
    FreeText,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Derived => "derived",
            Self::Measured => "measured",
            Self::FreeText => "free text",
        })
    }
}

/// Places with their classes and what they rest on. A place stands for everything below it that has no entry of its own.
const CLASSES: [(&str, Class, &str); 107] = {
    use Class::{Derived, FreeText, Measured};
    [
        (
            "schema",
            Measured,
            "the evmbench that wrote the record, where its revision is known",
        ),
        ("finished_at", Measured, "the clock"),
        (
            "request.id",
            Derived,
            "the model in the suite; a user's file is known by its digest alone",
        ),
        ("request.suite", Derived, "the model in the suite"),
        (
            "request.plan",
            Derived,
            "settings, and the model's circuit made again",
        ),
        ("request.verifier", Derived, "the source's contract"),
        ("request.optimizer_runs", Derived, "the source compiled again"),
        (
            "request.runs",
            Derived,
            "as many proofs have their gas in the record, and are in `phases`",
        ),
        (
            "request.warmup",
            Measured,
            "what was asked for: as many warm-ups are in `phases`",
        ),
        (
            "request.seed",
            Derived,
            "the input made again, and the negative controls",
        ),
        ("request.input_seed", Derived, "`input.source`"),
        ("request.fork", Derived, "gas and rules"),
        (
            "request.timeout_seconds",
            Measured,
            "what was asked for; where a run ended at it, `outcome.limit_seconds`",
        ),
        (
            "request.memory_limit_bytes",
            Measured,
            "what was asked for: `environment`; where a run ended at it, `outcome.limit_bytes`",
        ),
        ("request.threads", Measured, "what was asked for: `environment`"),
        ("request.srs_sha256", Derived, "`keys.srs`"),
        ("request.onnx_sha256", Derived, "`model.onnx_sha256`"),
        ("request.dimensions", Derived, "the user's file read again"),
        ("request.output", Derived, "the user's file read again"),
        (
            "request.scale_factors",
            Derived,
            "the circuit laid out again with these factors, and its settings",
        ),
        (
            "request.scale_factors.basis",
            Measured,
            "the inputs that the run looked at",
        ),
        (
            "request.scale_factors.inputs",
            Measured,
            "how many the run looked at",
        ),
        (
            "request.scale_factors.margin_bits",
            Measured,
            "the room that the run left",
        ),
        (
            "request.chosen",
            Derived,
            "`request.plan`, the circuit laid out again with these choices, and its settings",
        ),
        (
            "request.chosen.digit_bits",
            Derived,
            "`request.plan`; the end of the tables in settings.json, where `lowering` has limbs, and else the default; of a later part, the first part's in a set",
        ),
        (
            "request.chosen.input_range",
            Derived,
            "`request.plan`; who assures the input's range by `lowering`; of a later part, the first part's in a set",
        ),
        ("request.weights_sha256", Derived, "`model.weights`"),
        ("request.input_sha256", Derived, "`input.source`"),
        ("request.sample", Derived, "`input.source`"),
        ("request.part", Derived, "the model split again"),
        (
            "outcome.status",
            Derived,
            "everything below, where there is a proof",
        ),
        ("outcome.why", Derived, "the verifier's answer"),
        ("outcome.control", Derived, "controls and ledger"),
        ("outcome.max_error", Derived, "`function` and `numerics`"),
        ("outcome.tolerance", Derived, "`function` and `numerics`"),
        ("outcome.output_range", Derived, "`function` and `numerics`"),
        ("outcome.phase", Measured, "the run"),
        ("outcome.limit_bytes", Measured, "the run"),
        ("outcome.limit_seconds", Measured, "the run"),
        ("outcome.step", Measured, "the run"),
        ("outcome.message", FreeText, "the run"),
        ("outcome.forecast", FreeText, "the forecast"),
        ("outcome.reason", FreeText, "the machine"),
        (
            "model",
            Derived,
            "the model made again: of the suite, or the user's file",
        ),
        (
            "input",
            Derived,
            "the input made again: from the seed, or the user's file; a test image is taken from the record",
        ),
        ("input.source.class", Measured, "the test set's own label"),
        (
            "circuit",
            Derived,
            "settings.json, which `audit --reproduce` makes again; columns from verifying.key, too",
        ),
        ("forecast", Measured, "the evmbench that forecast"),
        ("forecast.rows", Derived, "settings.json"),
        ("forecast.logrows", Derived, "settings.json"),
        ("forecast.advice_columns", Derived, "settings.json"),
        ("forecast.committed_columns", Derived, "settings.json"),
        ("forecast.permutation_columns", Derived, "settings.json"),
        ("forecast.lookup_arguments", Derived, "settings.json"),
        ("forecast.degree", Derived, "settings.json"),
        ("forecast.instances", Derived, "settings.json"),
        ("phases", Measured, "the run"),
        ("peak_disk_bytes", Measured, "the run"),
        (
            "keys.proving_key_bytes",
            Measured,
            "the run: the proving key is not kept",
        ),
        ("keys.verifying_key_bytes", Derived, "verifying.key"),
        ("keys.verifying_key_sha256", Derived, "verifying.key"),
        (
            "keys.srs.kind",
            Derived,
            "the verifier's point s·G2, and `request.srs_sha256`",
        ),
        (
            "keys.srs.sha256",
            Measured,
            "the run: the string is not kept; `--srs` holds a file against it",
        ),
        ("keys.srs.logrows", Derived, "settings.json"),
        (
            "keys.srs.checked",
            Measured,
            "the import of the string; `evmbench srs verify` checks its points again",
        ),
        (
            "keys.srs.source_sha256",
            Measured,
            "the import of the string: the ceremony's file is not kept",
        ),
        ("keys.reused", Measured, "the run"),
        ("proof", Derived, "proof.bin, instances.json, calldata.bin"),
        ("proof.natively_verified", Measured, "EZKL's answer in the run"),
        ("numerics.integer", Derived, "the integer reference, run again"),
        (
            "function",
            Measured,
            "the judge in the run; `audit --reproduce` asks it again, likewise",
        ),
        (
            "numerics.max_absolute_error",
            Measured,
            "floating point: made again, within a factor of two and with the same verdict",
        ),
        (
            "numerics.mean_absolute_error",
            Measured,
            "floating point: made again, within a factor of two and with the same verdict",
        ),
        (
            "numerics.max_magnitude",
            Measured,
            "floating point: made again, within a factor of two and with the same verdict",
        ),
        (
            "numerics.output_range",
            Measured,
            "floating point: made again, within a factor of two and with the same verdict",
        ),
        (
            "numerics.outputs",
            Measured,
            "floating point: made again, within a factor of two and with the same verdict",
        ),
        ("accuracy", Derived, "the evaluation that evmbench comes with"),
        (
            "verifier",
            Derived,
            "verifier.sol compiled again, creation.bin, runtime.bin",
        ),
        (
            "verifier.solc.solc_version",
            Measured,
            "the compiler's build; its release is derived",
        ),
        (
            "verifier.solc.solc_origin",
            Measured,
            "where the compiler was found",
        ),
        ("deployment", Derived, "creation.bin deployed again"),
        ("registration", Derived, "key_artifact.json registered again"),
        ("verification", Derived, "the proof verified again"),
        (
            "tx_gas_samples",
            Measured,
            "the run: of the proofs only the first is kept, whose gas is derived",
        ),
        ("other_forks", Derived, "the proof verified again under each fork"),
        ("controls", Derived, "the same wrong calls made again"),
        ("guard", Derived, "the guard deployed and called again"),
        ("lowering", Derived, "the model's committed circuit made again"),
        (
            "lowering.layout.counted_cells",
            Measured,
            "EZKL's count in the run",
        ),
        (
            "committed",
            Derived,
            "verifying.key, settings.json, verifier.sol, proof.bin",
        ),
        (
            "committed_guard",
            Derived,
            "the guard deployed for `committed`, and called again",
        ),
        ("set", Derived, "all parts' evidence, verified again as one set"),
        (
            "batch",
            Derived,
            "all members' evidence, verified again in one transaction",
        ),
        ("ledger", Derived, "everything above"),
        ("study", Derived, "the study's tables"),
        ("notes", FreeText, "the run"),
        ("environment", Measured, "the machine and its tools"),
        ("others", Measured, "the system's count of processor time"),
        ("environment.ezkl_version", Derived, "settings.json"),
        ("environment.solc_version", Measured, "the machine and its tools"),
        ("renewal", Measured, "who renewed the record, and when"),
        ("evidence.name", Derived, "the file"),
        ("evidence.sha256", Derived, "the file"),
        ("evidence.size_bytes", Derived, "the file"),
        ("evidence.compressed_bytes", Derived, "the file"),
        ("evidence.compressed_sha256", Derived, "the file"),
        ("evidence.large", Derived, "the file"),
    ]
};

/// Fields that came after the first schema, with the schema that has them first; `sha256` has an account of its own in
/// [`super::digest`].
const LATER: [(&str, u32); 18] = [
    ("batch", 7),
    ("other_forks", 2),
    ("guard", 2),
    ("ledger", 2),
    ("forecast", 3),
    ("accuracy", 4),
    ("function", 6),
    ("lowering.layout", 6),
    ("numerics.output_range", 6),
    ("numerics.outputs", 6),
    ("model.uncovered", 6),
    ("request.output", 9),
    ("request.chosen", 10),
    ("request.plan.input_range", 10),
    ("lowering.layers.in_digits", 10),
    ("accuracy.integers", 11),
    ("set.measurement.one_pairing", 11),
    ("forecast.forks.batch", 11),
];

/// Whether a place holds what records of a schema did not have yet.
pub fn is_later(place: &str, schema: u32) -> bool {
    let place = plain(place);
    LATER
        .iter()
        .any(|(field, since)| schema < *since && is_below(&place, field))
}

/// The class of a place, as `evidence[3].sha256`, and what it rests on; none where no record has such a place, or where it is
/// the record's own digest.
pub fn class_of(place: &str) -> Option<(Class, &'static str)> {
    let place = plain(place);
    let entry = CLASSES
        .iter()
        .filter(|(prefix, ..)| is_below(&place, prefix))
        .max_by_key(|(prefix, ..)| prefix.len());
    entry.map(|&(_, class, why)| (class, why))
}

/// A place without the numbers of its entries.
fn plain(place: &str) -> String {
    let mut plain = String::new();
    for piece in place.split('[') {
        plain += piece.split_once(']').map_or(piece, |(_, rest)| rest);
    }
    plain
}

fn is_below(place: &str, prefix: &str) -> bool {
    place
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Every leaf of a JSON schema, in its order: fields behind a point, entries of a list as `[]`.
pub fn of_schema(schema: &Value) -> Vec<String> {
    let mut leaves = Vec::new();
    below(schema, schema, "", &mut leaves);
    // Variants share fields.
    let mut seen = std::collections::HashSet::new();
    leaves.retain(|leaf| seen.insert(leaf.clone()));
    leaves
}

fn below(root: &Value, schema: &Value, place: &str, leaves: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let definition = root
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null);
        return below(root, definition, place, leaves);
    }
    let before = leaves.len();
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        for alternative in schema[alternatives].as_array().into_iter().flatten() {
            if alternative["type"] != "null" {
                below(root, alternative, place, leaves);
            }
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let point = if place.is_empty() { "" } else { "." };
        below(root, field, &format!("{place}{point}{name}"), leaves);
    }
    if schema["items"].is_object() {
        below(root, &schema["items"], &format!("{place}[]"), leaves);
    }
    for entry in schema["prefixItems"].as_array().into_iter().flatten() {
        below(root, entry, &format!("{place}[]"), leaves);
    }
    if leaves.len() == before {
        leaves.push(place.to_owned());
    }
}

/// Every leaf of a record's schema with its class, as a table in Markdown.
pub fn table(schema: &Value) -> String {
    let mut text = "| field | class | rests on |\n| --- | --- | --- |\n".to_owned();
    for leaf in of_schema(schema) {
        let (class, why) = match class_of(&leaf) {
            Some((class, why)) => (class.to_string(), why),
            None => (
                "derived".to_owned(),
                "the record's own digest, over everything else",
            ),
        };
        text += &format!("| `{leaf}` | {class} | {why} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Record, digest};
    use super::*;

    fn leaves() -> Vec<String> {
        of_schema(&schemars::schema_for!(Record).to_value())
    }

    #[test]
    fn every_leaf_has_a_class_and_every_entry_a_leaf() {
        let leaves = leaves();
        assert!(leaves.len() > 500, "{}", leaves.len());
        for leaf in &leaves {
            assert_eq!(class_of(leaf).is_none(), leaf == digest::FIELD, "{leaf}");
        }
        for (prefix, ..) in CLASSES {
            // The entry is the one that some leaf has its class from.
            let used = leaves.iter().any(|leaf| {
                let longest = CLASSES
                    .iter()
                    .map(|(prefix, ..)| *prefix)
                    .filter(|prefix| is_below(&plain(leaf), prefix))
                    .max_by_key(|prefix| prefix.len());
                longest == Some(prefix)
            });
            assert!(used, "{prefix}");
        }
    }

    #[test]
    fn the_longest_entry_decides() {
        let class = |place| class_of(place).map(|(class, _)| class);
        assert_eq!(class("verifier.source_bytes"), Some(Class::Derived));
        assert_eq!(class("verifier.solc.solc_origin"), Some(Class::Measured));
        assert_eq!(class("evidence[3].sha256"), Some(Class::Derived));
        assert_eq!(
            class("circuit.settings.run_args.variables[0][1]"),
            Some(Class::Derived)
        );
        assert_eq!(class("verifiers"), None);
    }
}
