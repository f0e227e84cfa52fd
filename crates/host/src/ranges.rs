//! What numbers a file may hold: a record, a profile or settings from elsewhere may say anything, and what is computed from it must neither
//! overflow nor fill memory.
//!
//! Goes in: a file's JSON. Comes out: the first number that is out of range. Every number is finite, and every integer is one that all
//! readers of JSON hold exactly; a few fields, which are exponents or counts of things that are made, are smaller still.

use serde_json::{Number, Value};

/// Greatest magnitude of an integer: 2^53.
const MOST: f64 = 9_007_199_254_740_992.0;

/// The fields that take any integer.
const ANY: [&str; 1] = ["seed"];

/// Fields with ranges of their own: how their paths end.
const FIELDS: [(&str, f64, f64); 11] = [
    // k of 2^k rows: no longer reference string is published.
    ("logrows", 0.0, 28.0),
    // Bits of a fixed point.
    ("plan.scale", 0.0, 127.0),
    ("accuracy.scale", 0.0, 127.0),
    ("requested_scale", 0.0, 127.0),
    ("input_scale", -127.0, 127.0),
    ("param_scale", -127.0, 127.0),
    ("output_scales", -127.0, 127.0),
    ("digit_bits", 0.0, 63.0),
    // Digits, columns side by side, and parts of a layer.
    ("legs", 0.0, 128.0),
    ("inner_columns", 0.0, 1024.0),
    ("tiles", 0.0, 65_536.0),
];

/// A number that is out of range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place} is {value}, which is out of range: {least} to {most}")]
pub struct OutOfRange {
    /// Where it stands: `request.plan.scale`.
    place: String,
    /// The number, as it is written.
    value: String,
    least: f64,
    most: f64,
}

/// Looks for a number that is out of range.
///
/// # Errors
/// The first one.
pub fn check(json: &Value) -> Result<(), OutOfRange> {
    check_below(json, &mut Vec::new())
}

fn check_below<'a>(json: &'a Value, way: &mut Vec<&'a str>) -> Result<(), OutOfRange> {
    match json {
        Value::Number(number) => check_number(number, way),
        Value::Array(items) => items.iter().try_for_each(|item| check_below(item, way)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            way.push(name);
            let found = check_below(field, way);
            way.pop();
            found
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

fn check_number(number: &Number, way: &[&str]) -> Result<(), OutOfRange> {
    let field = way.last().copied().unwrap_or_default();
    let value = number.as_f64().filter(|value| value.is_finite());
    let text = number.to_string();
    let is_integer = !text.contains(['.', 'e', 'E']);
    let own = FIELDS.iter().find(|(end, ..)| {
        end.rsplit('.')
            .eq(way.iter().rev().take(end.split('.').count()).copied())
    });
    let (least, most) = match own {
        Some(&(_, least, most)) => (least, most),
        None if is_integer && !ANY.contains(&field) => (-MOST, MOST),
        None => (f64::MIN, f64::MAX),
    };
    if value.is_some_and(|value| (least..=most).contains(&value)) {
        return Ok(());
    }
    Err(OutOfRange {
        place: way.join("."),
        // Digits may go on for any length.
        value: text.chars().take(40).collect(),
        least,
        most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_ranges() {
        let of = |text: &str| check(&serde_json::from_str(text).unwrap());
        for good in [
            r#"{"a": 9007199254740992, "b": [-9007199254740992, 0.5, 1e300], "seed": 18446744073709551615}"#,
            r#"{"plan": {"scale": 24}, "logrows": 28, "x": {"tiles": 65536}}"#,
            // Of a table, by which it divides.
            r#"{"required_lookups": [{"Tanh": {"scale": 8192.0}}], "scale": -1}"#,
        ] {
            of(good).unwrap();
        }
        for (bad, place) in [
            (
                r#"{"a": {"b": [1, 9007199254740994]}}"#,
                "a.b is 9007199254740994",
            ),
            (r#"{"a": 9223372036854775808}"#, "a is 9223372036854775808"),
            (r#"{"a": -18446744073709551616}"#, "a is -18446744073709551616"),
            (r#"{"a": 1e999}"#, "a is 1e"),
            (
                r#"{"request": {"plan": {"scale": 128}}}"#,
                "request.plan.scale is 128",
            ),
            (r#"{"plan": {"scale": -1}}"#, "plan.scale is -1"),
            (
                r#"{"logrows": 64}"#,
                "logrows is 64, which is out of range: 0 to 28",
            ),
            (r#"{"output_scales": [7, 1000]}"#, "output_scales is 1000"),
            (r#"{"inner_columns": 1025}"#, "inner_columns is 1025"),
            (r#"{"tiles": 9007199254740992}"#, "tiles is"),
        ] {
            let message = of(bad).unwrap_err().to_string();
            assert!(message.starts_with(place), "{bad} {message}");
        }
        let long = format!("{{\"a\": {}}}", "9".repeat(100_000));
        assert!(of(&long).unwrap_err().to_string().len() < 200);
    }
}
