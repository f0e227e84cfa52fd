//! A settings file of any version of EZKL, and what it says about the statement that a proof makes.
//!
//! Goes in: the file. Comes out: [`SettingsFile`], whose answers are `None` where the file does not hold them. Field names and their meaning are EZKL 23.0.5's (`src/graph/mod.rs`, `GraphSettings`; `src/lib.rs`,
//! `RunArgs`).

use evmbench_committed::CommittedSizes;
use evmbench_host::json;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{SettingsError, in_range};
use crate::rows::table_end;

/// One of the three tensors that a visibility is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The model's inputs.
    Input,
    /// Its outputs.
    Output,
    /// Its parameters.
    Params,
}

/// How EZKL shows a tensor (`src/graph/vars.rs`, `Visibility`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Every element is a public instance.
    Public,
    /// Not at all.
    Private,
    /// As constants of the circuit, in the verifying key.
    Fixed,
    /// By its Poseidon hash, a public instance.
    Hashed,
    /// By a Poseidon hash that only the circuit itself sees: the model computes on the hash.
    HashedInside,
    /// By a KZG commitment, the proof's first points.
    Polycommit,
}

/// How often EZKL decomposed values into digits to check their range, by its own count of the digit sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decompositions {
    /// Tensors that were decomposed.
    pub tensors: u64,
    /// Their elements.
    pub elements: u64,
}

/// A settings file.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsFile {
    json: Value,
}

impl SettingsFile {
    /// Reads a settings file's text.
    ///
    /// # Errors
    /// [`SettingsError`] where it is not JSON, or has no run arguments.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Self::of_json(json::parse(text.as_bytes())?)
    }

    /// Reads settings that are parsed already.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_json(json: Value) -> Result<Self, SettingsError> {
        #[derive(Deserialize)]
        struct Form {
            #[serde(rename = "run_args")]
            _run_args: Map<String, Value>,
        }
        let json = in_range(json)?;
        Form::deserialize(&json)?;
        Ok(Self { json })
    }

    /// The file's JSON, unchanged.
    pub(super) fn json(&self) -> &Value {
        &self.json
    }

    /// Settings whose form and numbers were looked at already.
    pub(super) fn checked(json: Value) -> Self {
        Self { json }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        self.json.pointer(pointer).filter(|value| !value.is_null())
    }

    fn number(&self, pointer: &str) -> Option<u64> {
        self.at(pointer)?.as_u64()
    }

    /// The version of EZKL that wrote the file.
    pub fn version(&self) -> Option<&str> {
        self.at("/version")?.as_str()
    }

    /// How a tensor is shown.
    pub fn shown(&self, side: Side) -> Option<Shown> {
        let visibility = self.at(match side {
            Side::Input => "/run_args/input_visibility",
            Side::Output => "/run_args/output_visibility",
            Side::Params => "/run_args/param_visibility",
        })?;
        if let Some(hashed) = visibility.get("Hashed") {
            return Some(if hashed.get("hash_is_public")?.as_bool()? {
                Shown::Hashed
            } else {
                Shown::HashedInside
            });
        }
        match visibility.as_str()? {
            "Public" => Some(Shown::Public),
            "Private" => Some(Shown::Private),
            "Fixed" => Some(Shown::Fixed),
            "KZGCommit" => Some(Shown::Polycommit),
            _ => None,
        }
    }

    /// Tensors on a side: graph inputs or outputs; for parameters, which EZKL takes as one, `None`.
    pub fn tensors(&self, side: Side) -> Option<u64> {
        let scales = self.at(match side {
            Side::Input => "/model_input_scales",
            Side::Output => "/model_output_scales",
            Side::Params => return None,
        })?;
        Some(scales.as_array()?.len() as u64)
    }

    /// Graph inputs that are Boolean.
    pub fn boolean_inputs(&self) -> Option<u64> {
        let types = self.at("/input_types")?.as_array()?;
        Some(types.iter().filter(|kind| kind.as_str() == Some("Bool")).count() as u64)
    }

    /// Whether each graph input is of a type without fractions, which EZKL cuts off.
    pub fn truncated_inputs(&self) -> Option<Vec<bool>> {
        let types = self.at("/input_types")?.as_array()?;
        let is_whole = |kind: &Value| matches!(kind.as_str(), Some("Int" | "TDim" | "Bool"));
        Some(types.iter().map(is_whole).collect())
    }

    /// Elements of each tensor whose elements are public instances; within, `None` for one whose shape is none.
    fn shown_sizes(&self) -> Option<Vec<Option<u64>>> {
        let shapes = self.at("/model_instance_shapes")?.as_array()?;
        let elements = |shape: &Value| shape.as_array()?.iter().map(Value::as_u64).product();
        Some(shapes.iter().map(elements).collect())
    }

    /// Elements of each tensor whose elements are public instances: inputs, then outputs.
    pub fn public_sizes(&self) -> Option<Vec<u64>> {
        self.shown_sizes()?.into_iter().collect()
    }

    /// Elements of the public inputs, then of the public outputs: those that are instances themselves.
    pub fn public_elements(&self) -> Option<(u64, u64)> {
        let shapes = self.public_sizes()?;
        // Inputs come first, where they are public at all.
        let inputs = match self.shown(Side::Input)? {
            Shown::Public => usize::try_from(self.tensors(Side::Input)?).ok()?,
            _ => 0,
        };
        let (inputs, outputs) = shapes.split_at_checked(inputs)?;
        Some((inputs.iter().sum(), outputs.iter().sum()))
    }

    /// Public instances that are Poseidon hashes.
    pub fn hashes(&self) -> Option<u64> {
        let counts = self.at("/module_sizes/poseidon/1")?.as_array()?;
        counts.iter().map(Value::as_u64).sum()
    }

    /// Tensors committed to by KZG.
    pub fn commitments(&self) -> Option<u64> {
        Some(self.at("/module_sizes/polycommit")?.as_array()?.len() as u64)
    }

    /// Public instances in all.
    pub fn instances(&self) -> Option<u64> {
        let (inputs, outputs) = self.public_elements()?;
        Some(self.hashes()? + inputs + outputs)
    }

    /// k, where the circuit has 2^k rows.
    pub fn logrows(&self) -> Option<u64> {
        self.number("/run_args/logrows")
    }

    /// Cells of built-in Freivalds checks, where the file has their number.
    pub(crate) fn counted_freivalds_cells(&self) -> Option<u64> {
        self.number("/einsum_params/total_einsum_col_size")
    }

    /// Cells of built-in Freivalds checks; the circuit has such checks exactly where this is above 0.
    pub fn freivalds_cells(&self) -> Option<u64> {
        match self.counted_freivalds_cells() {
            None if self.at("/run_args/disable_freivalds")?.as_bool()? => Some(0),
            cells => cells,
        }
    }

    /// Whether inputs and outputs are left without a range check.
    pub fn leaves_ranges_unchecked(&self) -> Option<bool> {
        self.at("/run_args/ignore_range_check_inputs_outputs")?.as_bool()
    }

    /// Base and number of digits of a range check.
    pub fn decomposition(&self) -> Option<(u64, u64)> {
        Some((
            self.number("/run_args/decomp_base")?,
            self.number("/run_args/decomp_legs")?,
        ))
    }

    /// How often values were decomposed, from the sums of digits among the circuit's products: a decomposition is one
    /// product `X·d,X·d->X` over a last axis as long as there are digits.
    pub fn decompositions(&self) -> Option<Decompositions> {
        let (_, digits) = self.decomposition()?;
        let mut found = Decompositions {
            tensors: 0,
            elements: 0,
        };
        for product in self.at("/einsum_params/equations")?.as_array()? {
            let (equation, sizes) = (product.get(0)?.as_str()?, product.get(1)?);
            let (operands, result) = equation.split_once("->")?;
            let Some((left, right)) = operands.split_once(',') else {
                continue;
            };
            let size = |axis: char| sizes.get(&*axis.encode_utf8(&mut [0; 4]))?.as_u64();
            let last = left.chars().last()?;
            if left == right && left.strip_suffix(last) == Some(result) && size(last)? == digits {
                found.tensors += 1;
                found.elements += result.chars().map(size).product::<Option<u64>>()?;
            }
        }
        Some(found)
    }

    /// Of these, the decompositions that only check the ranges of inputs and outputs: one for each input that is not
    /// Boolean, two for each output that is compared with what the verifier knows (EZKL's `Input` and `output`).
    ///
    /// The elements are those of public tensors; the file does not tell the others' shapes.
    pub fn boundary_decompositions(&self) -> Option<Decompositions> {
        if self.leaves_ranges_unchecked()? {
            return Some(Decompositions {
                tensors: 0,
                elements: 0,
            });
        }
        let compared = matches!(self.shown(Side::Output)?, Shown::Public | Shown::Fixed);
        let (inputs, outputs) = self.public_elements()?;
        Some(Decompositions {
            tensors: self.tensors(Side::Input)?.checked_sub(self.boolean_inputs()?)?
                + if compared {
                    2 * self.tensors(Side::Output)?
                } else {
                    0
                },
            elements: inputs + 2 * outputs,
        })
    }

    /// Ranges that are checked by lookup, digits' among them; without any, nothing is decomposed, and so nothing divided.
    pub fn range_checks(&self) -> Option<u64> {
        Some(self.at("/required_range_checks")?.as_array()?.len() as u64)
    }

    /// Whether the circuit has the form of one that checks claims under a challenge: committed inputs, the last of them one
    /// element; public outputs, the first two one element each, which are the check and the challenge.
    pub fn has_challenge_form(&self) -> Option<bool> {
        let committed = self.at("/module_sizes/polycommit")?.as_array()?;
        let shown = (self.shown(Side::Input)?, self.shown(Side::Output)?);
        let sizes = self.shown_sizes()?;
        Some(
            shown == (Shown::Polycommit, Shown::Public)
                && committed.len() > 1
                && committed.last().and_then(Value::as_u64) == Some(1)
                && sizes.len() > 1
                && sizes[..2] == [Some(1), Some(1)],
        )
    }

    /// Elements of each tensor that a committed circuit commits to, the challenge apart. The file holds them in the order
    /// input, output, claims, and leaves out those that are not there; a public output is not.
    pub fn committed_sizes(&self, output_public: bool) -> Option<CommittedSizes> {
        let sizes = self.at("/module_sizes/polycommit")?.as_array()?;
        let sizes: Option<Vec<usize>> = sizes
            .iter()
            .map(|elements| usize::try_from(elements.as_u64()?).ok())
            .collect();
        let (input, output, claims) = match (&sizes?[..], output_public) {
            (&[input, 1], true) => (input, 0, 0),
            (&[input, claims, 1], true) => (input, 0, claims),
            (&[input, output, 1], false) => (input, output, 0),
            (&[input, output, claims, 1], false) => (input, output, claims),
            _ => return None,
        };
        Some(CommittedSizes {
            input,
            output,
            claims,
        })
    }

    /// Least and greatest input of the tables as they were asked for.
    pub fn table_range(&self) -> Option<(i128, i128)> {
        let end = |index: usize| self.at(&format!("/run_args/lookup_range/{index}"))?.as_i64();
        Some((end(0)?.into(), end(1)?.into()))
    }

    /// The greatest entry that the tables really have ([`table_end`]).
    pub fn table_end(&self) -> Option<i128> {
        table_end(self.table_range()?, u32::try_from(self.logrows()?).ok()?)
    }

    /// The functions that are looked up, each as EZKL names it: `{"Tanh": {"scale": 128.0}}`.
    pub(crate) fn functions(&self) -> Option<&[Value]> {
        Some(self.at("/required_lookups")?.as_array()?)
    }

    /// Lookup tables of functions.
    pub fn lookup_tables(&self) -> Option<u64> {
        Some(self.functions()?.len() as u64)
    }

    /// Whether the circuit checks that values are 0 or 1, as comparisons and searches for an optimum do.
    ///
    /// `None` where base 2 makes digits look the same.
    pub fn checks_booleans(&self) -> Option<bool> {
        if self.decomposition()?.0 == 2 {
            return None;
        }
        let ranges = self.at("/required_range_checks")?.as_array()?;
        Some(ranges.iter().any(|range| {
            range.get(0).and_then(Value::as_i64) == Some(0) && range.get(1).and_then(Value::as_i64) == Some(1)
        }))
    }

    /// Lookups into a table that is itself computed, as picking by an index is.
    pub fn dynamic_lookups(&self) -> Option<u64> {
        self.number("/num_dynamic_lookups")
    }

    /// Cells of the tables that are themselves computed.
    pub(crate) fn dynamic_cells(&self) -> Option<u64> {
        self.number("/total_dynamic_col_size")
    }

    /// Sorts.
    pub fn sorts(&self) -> Option<u64> {
        self.number("/num_shuffles")
    }

    /// Cells of sorts.
    pub(crate) fn sort_cells(&self) -> Option<u64> {
        self.number("/total_shuffle_col_size")
    }

    /// EZKL's check mode: `SAFE` or `UNSAFE`.
    pub fn check_mode(&self) -> Option<&str> {
        self.at("/check_mode")?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENSE: &str = include_str!("../../../../tests/fixtures/verifier/dense_4x2/settings.json");

    fn with(pointer: &str, value: Value) -> SettingsFile {
        let mut json: Value = serde_json::from_str(DENSE).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        SettingsFile::parse(&json.to_string()).unwrap()
    }

    #[test]
    fn a_dense_layer_is_read() {
        let dense = SettingsFile::parse(DENSE).unwrap();
        assert_eq!(dense.version(), Some("23.0.5"));
        assert_eq!(dense.shown(Side::Input), Some(Shown::Public));
        assert_eq!(dense.shown(Side::Params), Some(Shown::Fixed));
        assert_eq!(dense.public_elements(), Some((4, 2)));
        assert_eq!(dense.instances(), Some(6));
        assert_eq!(dense.freivalds_cells(), Some(0));
        assert_eq!(dense.decomposition(), Some((128, 2)));
        // One for the input, three for the division after the product, two for the output.
        let all = Decompositions {
            tensors: 6,
            elements: 4 + 3 * 2 + 2 * 2,
        };
        assert_eq!(dense.decompositions(), Some(all));
        let boundary = Decompositions {
            tensors: 3,
            elements: 4 + 2 * 2,
        };
        assert_eq!(dense.boundary_decompositions(), Some(boundary));
        assert_eq!((dense.dynamic_lookups(), dense.sorts()), (Some(0), Some(0)));
        assert_eq!(dense.checks_booleans(), Some(false));
    }

    #[test]
    fn visibilities_are_read() {
        let at = "/run_args/input_visibility";
        let hashed = |public| serde_json::json!({"Hashed": {"hash_is_public": public, "outlets": []}});
        let shown = |value| with(at, value).shown(Side::Input);
        assert_eq!(shown(hashed(true)), Some(Shown::Hashed));
        assert_eq!(shown(hashed(false)), Some(Shown::HashedInside));
        assert_eq!(shown("KZGCommit".into()), Some(Shown::Polycommit));
        assert_eq!(shown("Private".into()), Some(Shown::Private));
        assert_eq!(shown("Encrypted".into()), None);
        assert_eq!(shown(Value::Null), None);
    }

    #[test]
    fn what_a_file_lacks_is_not_invented() {
        let bare = SettingsFile::parse(r#"{"run_args": {}}"#).unwrap();
        assert_eq!(bare.version(), None);
        assert_eq!(bare.shown(Side::Output), None);
        assert_eq!(bare.instances(), None);
        assert_eq!(bare.freivalds_cells(), None);
        assert_eq!(bare.decompositions(), None);
        assert_eq!(bare.boundary_decompositions(), None);
        assert_eq!(bare.checks_booleans(), None);
        assert_eq!(bare.check_mode(), None);
    }

    #[test]
    fn freivalds_switched_off_is_none() {
        let off = SettingsFile::parse(r#"{"run_args": {"disable_freivalds": true}}"#).unwrap();
        assert_eq!(off.freivalds_cells(), Some(0));
        let on = SettingsFile::parse(r#"{"run_args": {"disable_freivalds": false}}"#).unwrap();
        assert_eq!(on.freivalds_cells(), None);
        assert_eq!(
            with("/einsum_params/total_einsum_col_size", 58.into()).freivalds_cells(),
            Some(58)
        );
    }

    #[test]
    fn checks_of_booleans_are_told_from_digits() {
        let ranges = serde_json::json!([[0, 127], [0, 1]]);
        assert_eq!(
            with("/required_range_checks", ranges).checks_booleans(),
            Some(true)
        );
        assert_eq!(with("/run_args/decomp_base", 2.into()).checks_booleans(), None);
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "{}", "[]", r#"{"run_args": 1}"#] {
            assert!(SettingsFile::parse(text).is_err(), "{text}");
        }
    }
}
