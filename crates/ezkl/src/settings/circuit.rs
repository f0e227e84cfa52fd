//! The complete settings of a circuit: its size, its scales, and what makes it unsound.

use evmbench_committed::CommittedCircuit;
use evmbench_host::json;
use evmbench_model::integer::Quantisation;
use serde::Deserialize;
use serde_json::Value;

use super::{Columns, QuantisationError, SettingsError, SettingsFile, in_range, quantisation};
use crate::compiled;
use crate::rows::table_end;

/// Settings as EZKL resolved them: the file itself beside the fields that every circuit's settings have.
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitSettings {
    file: SettingsFile,
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
    /// [`SettingsError`] where a field is missing, of another type, or a number out of range.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Self::of_json(json::parse(text.as_bytes())?)
    }

    /// Reads settings that are parsed already.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_json(json: Value) -> Result<Self, SettingsError> {
        Self::of_checked(in_range(json)?)
    }

    /// The settings of a committed circuit, which follow from it.
    ///
    /// # Errors
    /// [`SettingsError`] where a number is out of range.
    pub fn of_circuit(circuit: &CommittedCircuit) -> Result<Self, SettingsError> {
        Self::of_json(compiled::settings(circuit))
    }

    /// The same, whether or not EZKL takes so many rows.
    ///
    /// # Panics
    /// Never: the settings that are written here are complete.
    pub(crate) fn of_committed(circuit: &CommittedCircuit) -> Self {
        Self::of_checked(compiled::settings(circuit)).expect("complete settings")
    }

    fn of_checked(json: Value) -> Result<Self, SettingsError> {
        let fields = Fields::deserialize(&json)?;
        Ok(Self {
            file: SettingsFile::checked(json),
            fields,
        })
    }

    /// The file's JSON, unchanged.
    pub fn json(&self) -> &Value {
        self.file.json()
    }

    /// The JSON without the equations of the circuit's products: those of a sort are megabytes, and no column follows from them.
    pub fn json_without_equations(&self) -> Value {
        let mut json = self.json().clone();
        json["einsum_params"]["equations"] = Value::Array(Vec::new());
        json
    }

    /// The same settings as a file, which answers what not every circuit's settings have.
    pub fn file(&self) -> &SettingsFile {
        &self.file
    }

    /// What decides the circuit's columns, beside rows, inner columns and tables.
    ///
    /// # Errors
    /// The first field that is missing or of another type.
    pub(crate) fn columns(&self) -> Result<Columns, serde_json::Error> {
        Columns::deserialize(self.json())
    }

    /// What decides the circuit's integers.
    ///
    /// # Errors
    /// [`QuantisationError`].
    pub fn quantisation(&self) -> Result<Quantisation, QuantisationError> {
        quantisation(&self.json()["run_args"])
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

    /// Elements of each tensor that is committed to, in the order of the proof's first points.
    pub fn committed_elements(&self) -> Vec<u64> {
        let sizes = self.json()["module_sizes"]["polycommit"].as_array();
        sizes.into_iter().flatten().filter_map(Value::as_u64).collect()
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

    #[test]
    fn other_json_is_refused() {
        assert!(CircuitSettings::parse("{}").is_err());
        assert!(CircuitSettings::parse("nonsense").is_err());
    }
}
