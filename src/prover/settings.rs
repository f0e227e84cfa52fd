//! EZKL's settings file, read: the circuit's size, its scales, and what makes it unsound.

use serde::Deserialize;
use serde_json::Value;

use super::{CommittedInputs, lookups};
use crate::model::rows::table_end;

/// One cell in as many, and as many cells, may be counted otherwise than evmbench does.
const UNEXPLAINED_CELLS: u64 = 200;

/// A settings file that is not EZKL's.
#[derive(Debug, thiserror::Error)]
#[error("not an EZKL settings file: {0}")]
pub struct SettingsError(#[from] serde_json::Error);

/// Settings as EZKL resolved them: the file's own JSON beside the fields that evmbench reads.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitSettings {
    json: Value,
    fields: Fields,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Fields {
    run_args: RunArgs,
    num_rows: u64,
    total_assignments: u64,
    model_input_scales: Vec<i32>,
    model_output_scales: Vec<i32>,
    einsum_params: EinsumParams,
    version: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct RunArgs {
    input_scale: i32,
    param_scale: i32,
    scale_rebase_multiplier: u32,
    rebase_frac_zero_constants: bool,
    lookup_range: (i128, i128),
    logrows: u32,
    num_inner_cols: u64,
    decomp_base: u64,
    decomp_legs: u64,
    epsilon: Option<f64>,
    disable_freivalds: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct EinsumParams {
    total_einsum_col_size: u64,
}

impl CircuitSettings {
    /// Reads a settings file's text.
    ///
    /// # Errors
    /// [`SettingsError`] where a field is missing or of another type.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let json: Value = serde_json::from_str(text)?;
        let fields = Fields::deserialize(&json)?;
        Ok(Self { json, fields })
    }

    /// The settings of a committed circuit, as its keys must be made with: the number of cells decides how many columns
    /// there are, and `gen_settings` counts cells that the layout has already ([`CommittedInputs::counted_cells`]).
    ///
    /// # Errors
    /// What EZKL lays out otherwise than evmbench means it: the reason.
    pub(super) fn of_committed(&self, inputs: &CommittedInputs) -> Result<Self, String> {
        // A constant with two readers would be decomposed into digits.
        let range_checks = self.json.get("required_range_checks").and_then(Value::as_array);
        if range_checks.is_none_or(|checks| !checks.is_empty()) {
            return Err("EZKL checks ranges by digits where none should be".to_owned());
        }
        let mut tables = lookups::tables(&self.json).map_err(|error| error.to_string())?;
        tables.sort_unstable();
        let meant: Vec<_> = inputs
            .lookups
            .iter()
            .map(|lookups| (lookups.table, lookups.scale))
            .collect();
        if tables != meant {
            return Err(format!(
                "EZKL makes the tables {tables:?}, and the circuit should have {meant:?}"
            ));
        }
        // Both ends: nothing looked up may lie beyond the upper one, and all of it must lie within.
        if let Some(range) = inputs.table_range {
            let (found, end) = (self.lookup_range(), self.table_end());
            if found != range || end != Some(range.1) {
                return Err(format!(
                    "EZKL's tables go from {} to {end:?}, and the circuit's from {} to {}",
                    found.0, range.0, range.1
                ));
            }
        }
        for count in ["num_dynamic_lookups", "num_shuffles"] {
            if self.json.get(count).and_then(Value::as_u64) != Some(0) {
                return Err(format!(
                    "EZKL sorts or picks by index where nothing should be ({count})"
                ));
            }
        }
        // Rows that are not filled before a dot product begins are counted in the loader's order of nodes, not in ours.
        let (found, expected) = (self.cells(), inputs.counted_cells);
        if found.abs_diff(expected) > expected / UNEXPLAINED_CELLS + UNEXPLAINED_CELLS {
            return Err(format!(
                "EZKL counts {found} cells, and the circuit should have {expected}"
            ));
        }
        let mut json = self.json.clone();
        json["total_assignments"] = inputs.cells.into();
        json["num_rows"] = inputs.cells.div_ceil(inputs.inner_columns as u64).into();
        let fields = Fields::deserialize(&json).map_err(|error| error.to_string())?;
        Ok(Self { json, fields })
    }

    /// The file's JSON, unchanged.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Rows that the circuit uses.
    pub fn rows(&self) -> u64 {
        self.fields.num_rows
    }

    /// Cells that the circuit assigns.
    pub fn cells(&self) -> u64 {
        self.fields.total_assignments
    }

    /// k, where the circuit has 2^k rows in all.
    pub fn logrows(&self) -> u32 {
        self.fields.run_args.logrows
    }

    /// Bits after the binary point that calibration ended with, for inputs.
    pub fn input_scale(&self) -> i32 {
        self.fields.run_args.input_scale
    }

    /// The same for parameters.
    pub fn param_scale(&self) -> i32 {
        self.fields.run_args.param_scale
    }

    /// By how much a scale may exceed the input's before EZKL rescales.
    pub fn scale_rebase_multiplier(&self) -> u32 {
        self.fields.run_args.scale_rebase_multiplier
    }

    /// Whether constants that are whole numbers keep scale 0.
    pub fn rebase_frac_zero_constants(&self) -> bool {
        self.fields.run_args.rebase_frac_zero_constants
    }

    /// What EZKL adds to a denominator.
    pub fn epsilon(&self) -> Option<f64> {
        self.fields.run_args.epsilon
    }

    /// Smallest and largest input of a lookup table.
    pub fn lookup_range(&self) -> (i128, i128) {
        self.fields.run_args.lookup_range
    }

    /// The greatest entry of the tables, which goes beyond the range where that does not fill their columns ([`table_end`]).
    pub fn table_end(&self) -> Option<i128> {
        table_end(self.lookup_range(), self.logrows())
    }

    /// Columns side by side in which EZKL lays out one operation.
    pub fn inner_columns(&self) -> u64 {
        self.fields.run_args.num_inner_cols
    }

    /// Base and number of digits in which EZKL range-checks a value.
    pub fn decomposition(&self) -> (u64, u64) {
        (self.fields.run_args.decomp_base, self.fields.run_args.decomp_legs)
    }

    /// Each graph input's scale.
    pub fn input_scales(&self) -> &[i32] {
        &self.fields.model_input_scales
    }

    /// Each graph output's scale.
    pub fn output_scales(&self) -> &[i32] {
        &self.fields.model_output_scales
    }

    /// The version of EZKL that wrote the file.
    pub fn ezkl_version(&self) -> &str {
        &self.fields.version
    }

    /// Whether built-in Freivalds checks are switched off.
    pub fn freivalds_disabled(&self) -> bool {
        self.fields.run_args.disable_freivalds
    }

    /// Why no proof of this circuit may be reported as a result, if so.
    ///
    /// EZKL 23.0.5's Freivalds path returns values that are not tied to the cells that it checked; it is laid out
    /// exactly where `total_einsum_col_size` is above 0.
    pub fn unsound_reason(&self) -> Option<String> {
        let size = self.fields.einsum_params.total_einsum_col_size;
        (size > 0).then(|| {
            format!(
                "it uses EZKL's built-in Freivalds check (total_einsum_col_size {size}), \
                 which leaves the product unconstrained"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::committed::{Lookups, Table};

    fn text(einsum_col_size: u64) -> String {
        serde_json::json!({
            "run_args": {
                "input_scale": 7, "param_scale": 7, "rebase_scale": null, "scale_rebase_multiplier": 1,
                "lookup_range": [-32768, 32768], "logrows": 15, "num_inner_cols": 2, "rebase_frac_zero_constants": false,
                "decomp_base": 16384, "decomp_legs": 2, "epsilon": 2.2e-16, "disable_freivalds": true
            },
            "num_rows": 6912, "total_assignments": 13824, "model_input_scales": [7], "model_output_scales": [7],
            "einsum_params": {"equations": [], "total_einsum_col_size": einsum_col_size}, "version": "23.0.5"
        })
        .to_string()
    }

    #[test]
    fn a_settings_file_is_read() {
        let settings = CircuitSettings::parse(&text(0)).unwrap();
        assert_eq!(
            (settings.rows(), settings.cells(), settings.logrows()),
            (6912, 13824, 15)
        );
        assert_eq!(settings.lookup_range(), (-32768, 32768));
        assert_eq!(settings.unsound_reason(), None);
    }

    #[test]
    fn built_in_freivalds_is_unsound() {
        let settings = CircuitSettings::parse(&text(1)).unwrap();
        assert!(settings.unsound_reason().unwrap().contains("Freivalds"));
    }

    /// The settings of a committed circuit with one value replaced.
    fn committed(pointer: &str, value: Value) -> CircuitSettings {
        let text = include_str!("../../tests/fixtures/settings/dense_committed.json");
        let mut json: Value = serde_json::from_str(text).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        CircuitSettings::parse(&json.to_string()).unwrap()
    }

    /// What the circuit of these settings was meant to have.
    fn meant() -> CommittedInputs {
        CommittedInputs {
            input: vec![0; 128],
            output: vec![0; 64],
            claims: Vec::new(),
            inner_columns: 3,
            logrows: 12,
            cells: 121,
            counted_cells: 9_774,
            table_range: Some((-3_959, 128)),
            lookups: vec![Lookups {
                table: Table::Rectifier,
                scale: 0,
                elements: 256,
            }],
        }
    }

    #[test]
    fn a_committed_circuit_is_as_large_as_it_was_meant() {
        let counted = |cells: u64| committed("/total_assignments", cells.into()).of_committed(&meant());
        let settings = counted(9_774).unwrap();
        assert_eq!((settings.cells(), settings.rows()), (121, 41));
        assert!(counted(9_774 + 300).is_err());
        assert!(counted(9_774 - 300).is_err());
    }

    #[test]
    fn a_committed_circuit_has_nothing_but_its_own_tables() {
        let none = serde_json::json!([]);
        let other = serde_json::json!([{"Sqrt": {"scale": 1.0}}]);
        let power = serde_json::json!([{"Pow": {"scale": 1.0, "a": 0.5}}]);
        let sigmoid = serde_json::json!([{"Sigmoid": {"scale": 128.0}}]);
        let coarser =
            serde_json::json!([{"Pow": {"scale": 128.0, "a": crate::model::committed::RECTIFIER_EXPONENT}}]);
        for (pointer, value) in [
            ("/required_lookups", none),
            ("/required_lookups", other),
            ("/required_lookups", sigmoid),
            ("/required_lookups", coarser),
            ("/required_lookups", power),
            ("/required_lookups", Value::Null),
            ("/required_range_checks", serde_json::json!([[0, 127]])),
            ("/num_shuffles", 1.into()),
            ("/num_dynamic_lookups", 1.into()),
        ] {
            assert!(
                committed(pointer, value).of_committed(&meant()).is_err(),
                "{pointer}"
            );
        }
    }

    /// One entry more or fewer at either end, and rows that EZKL would fill with entries beyond the end.
    #[test]
    fn a_committed_circuits_tables_end_where_they_were_meant_to() {
        assert!(
            committed("/run_args/logrows", 12.into())
                .of_committed(&meant())
                .is_ok()
        );
        for (pointer, value) in [
            ("/run_args/lookup_range", serde_json::json!([-3_960, 128])),
            ("/run_args/lookup_range", serde_json::json!([-3_958, 128])),
            ("/run_args/lookup_range", serde_json::json!([-3_959, 127])),
            ("/run_args/lookup_range", serde_json::json!([-3_959, 129])),
            ("/run_args/lookup_range", serde_json::json!([-3_958, 129])),
            ("/run_args/logrows", 13.into()),
            ("/run_args/logrows", 11.into()),
        ] {
            let refused = committed(pointer, value.clone()).of_committed(&meant());
            assert!(
                refused.unwrap_err().contains("tables go from"),
                "{pointer} {value}"
            );
        }
    }

    #[test]
    fn other_json_is_refused() {
        assert!(CircuitSettings::parse("{}").is_err());
        assert!(CircuitSettings::parse("nonsense").is_err());
    }
}
