//! Whether settings are what a plan asks for, and whether two files say the same.

use serde_json::Value;

use super::{CircuitSettings, Shown, Side};
use crate::arguments::run_args;
use crate::{CircuitKind, CircuitPlan, Visibility};

impl CircuitSettings {
    /// Every place where the settings are not what a plan asks of EZKL, but for what calibration is free to choose: the place in
    /// the plan, and how the settings differ.
    pub fn otherwise_than_asked(&self, plan: CircuitPlan) -> Vec<(String, String)> {
        let found = &self.json()["run_args"];
        let asked = run_args(plan);
        let calibrated: &[&str] = match plan.kind() {
            CircuitKind::Study => &["input_scale", "param_scale"],
            CircuitKind::Direct | CircuitKind::Committed => &[],
        };
        let mut differences = Vec::new();
        let arguments = asked.as_object().into_iter().flatten();
        for (name, value) in arguments.filter(|(name, _)| !calibrated.contains(&name.as_str())) {
            if !name.ends_with("_visibility") && found.get(name) != Some(value) {
                let what = format!(
                    "{value} was asked for, and the settings have {}",
                    found[name.as_str()]
                );
                differences.push((format!("plan ({name})"), what));
            }
        }
        for (side, name, visibility) in [
            (Side::Input, "input_visibility", plan.input_visibility()),
            (Side::Output, "output_visibility", plan.output_visibility()),
            (Side::Params, "param_visibility", plan.param_visibility()),
        ] {
            let shown = match visibility {
                Visibility::Public => Shown::Public,
                Visibility::Private => Shown::Private,
                Visibility::Fixed => Shown::Fixed,
                Visibility::Hashed => Shown::Hashed,
                Visibility::Polycommit => Shown::Polycommit,
            };
            if self.file().shown(side) != Some(shown) {
                let what = "the settings show the tensor otherwise".to_owned();
                differences.push((format!("plan.{name}"), what));
            }
        }
        differences
    }
}

/// Settings without the time at which they were written, and with the lists that are sets to EZKL in one order, to be compared.
pub fn comparable(settings: &Value) -> Value {
    let mut settings = settings.clone();
    if let Some(fields) = settings.as_object_mut() {
        fields.shift_remove("timestamp");
    }
    for name in ["required_lookups", "required_range_checks"] {
        if let Some(entries) = settings[name].as_array_mut() {
            entries.sort_by_key(Value::to_string);
        }
    }
    settings
}
