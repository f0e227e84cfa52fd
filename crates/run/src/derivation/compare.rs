//! Two records as JSON → the places where they differ.

use std::fmt;

use serde_json::Value;

use evmbench_ezkl::settings::comparable;
use evmbench_schema::record::{SCHEMA, leaves};

/// A place where a record says otherwise than its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Where in the record, as `verification.gas.tx_gas`, or which evidence.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Every place where a stored record of a schema differs from what was derived. What its schema did not have yet may be absent.
pub fn differences(stored: &Value, derived: &Value, schema: u32) -> Vec<Discrepancy> {
    let mut found = Vec::new();
    walk(stored, derived, schema, &mut String::new(), &mut found);
    found
}

fn walk(stored: &Value, derived: &Value, schema: u32, place: &mut String, found: &mut Vec<Discrepancy>) {
    match (stored, derived) {
        (Value::Object(left), Value::Object(right)) => {
            let only_left = left.keys().filter(|key| !right.contains_key(*key));
            for key in right.keys().chain(only_left) {
                let [stored, derived] = [left, right].map(|fields| fields.get(key).unwrap_or(&Value::Null));
                let length = place.len();
                if length > 0 {
                    place.push('.');
                }
                place.push_str(key);
                walk(stored, derived, schema, place, found);
                place.truncate(length);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (stored, derived)) in left.iter().zip(right).enumerate() {
                let length = place.len();
                place.push_str(&format!("[{index}]"));
                walk(stored, derived, schema, place, found);
                place.truncate(length);
            }
        }
        _ if stored == derived || is_absent(stored) && leaves::is_later(place, schema) => {}
        _ => found.push(Discrepancy {
            place: place.clone(),
            what: format!(
                "{} in the record, {} by its evidence",
                shown(stored),
                shown(derived)
            ),
        }),
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// A value in few characters.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Array(list) if list.len() > 1 => return format!("{} entries", list.len()),
        other => other.to_string(),
    };
    if text.chars().count() <= MOST {
        return text;
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start}…")
}

/// Every place where EZKL's settings differ from those that it makes anew: all but the time, and the order of lists that are sets
/// to it.
pub(super) fn settings_otherwise(stored: &Value, anew: &Value) -> Vec<Discrepancy> {
    differences(&comparable(stored), &comparable(anew), SCHEMA)
}

/// What a record holds that its schema did not have yet: a lower number would have it judged by older rules.
pub(super) fn too_early(stored: &Value, schema: u32) -> Vec<Discrepancy> {
    let mut found = Vec::new();
    later(stored, schema, &mut String::new(), &mut found);
    found
}

fn later(value: &Value, schema: u32, place: &mut String, found: &mut Vec<Discrepancy>) {
    if is_absent(value) {
        return;
    }
    if leaves::is_later(place, schema) {
        return found.push(Discrepancy {
            place: place.clone(),
            what: format!("no record of schema {schema} has this field"),
        });
    }
    let length = place.len();
    let mut entry = |name: String, value: &Value| {
        place.push_str(&name);
        later(value, schema, place, found);
        place.truncate(length);
    };
    match value {
        Value::Object(fields) => {
            let point = if length > 0 { "." } else { "" };
            fields
                .iter()
                .for_each(|(key, value)| entry(format!("{point}{key}"), value));
        }
        Value::Array(entries) => {
            let entries = entries.iter().enumerate();
            entries.for_each(|(index, value)| entry(format!("[{index}]"), value));
        }
        _ => {}
    }
}

/// What a record's JSON holds that this evmbench does not read, and would lose.
pub(super) fn unknown(json: &Value, known: &Value) -> Vec<Discrepancy> {
    let mut found = Vec::new();
    unread(json, known, &mut String::new(), &mut found);
    found
}

fn unread(json: &Value, known: &Value, place: &mut String, found: &mut Vec<Discrepancy>) {
    match (json, known) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                let length = place.len();
                if length > 0 {
                    place.push('.');
                }
                place.push_str(key);
                match right.get(key) {
                    Some(known) => unread(value, known, place, found),
                    // A default is left out.
                    None if is_absent(value) => {}
                    None => found.push(Discrepancy {
                        place: place.clone(),
                        what: "no record has this field".to_owned(),
                    }),
                }
                place.truncate(length);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for (index, (value, known)) in left.iter().zip(right).enumerate() {
                let length = place.len();
                place.push_str(&format!("[{index}]"));
                unread(value, known, place, found);
                place.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_named() {
        let stored = json!({"a": {"b": [1, {"c": "x"}]}, "d": null, "e": [1, 2]});
        let derived = json!({"a": {"b": [1, {"c": "y"}]}, "d": 3, "e": [1]});
        let found: Vec<String> = differences(&stored, &derived, 5)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                r#"a.b[1].c: "x" in the record, "y" by its evidence"#,
                "d: nothing in the record, 3 by its evidence",
                "e: 2 entries in the record, [1] by its evidence",
            ]
        );
    }

    #[test]
    fn what_a_schema_did_not_have_may_be_absent() {
        let (stored, derived) = (json!({"guard": null}), json!({"guard": 1}));
        assert_eq!(differences(&stored, &derived, 1), []);
        assert_eq!(differences(&stored, &derived, 2).len(), 1);
    }

    #[test]
    fn what_a_schema_did_not_have_may_not_be_there() {
        let json = json!({"guard": {"a": 1}, "schema": 1, "set": null});
        assert_eq!(too_early(&json, 1)[0].place, "guard");
        assert_eq!(too_early(&json, 2), []);
    }

    #[test]
    fn settings_differ_by_more_than_time_and_order() {
        let settings = |rows: u64, checks: Value, time: u64| json!({"num_rows": rows, "required_range_checks": checks, "timestamp": time});
        let [one, other] = [json!([[0, 1], [-1, 1]]), json!([[-1, 1], [0, 1]])];
        let found = |stored: &Value| settings_otherwise(stored, &settings(4, other.clone(), 2));
        assert_eq!(found(&settings(4, one.clone(), 1)), []);
        assert_eq!(found(&settings(5, one, 1))[0].place, "num_rows");
        let fewer = found(&settings(4, json!([[0, 1]]), 1));
        assert_eq!(fewer[0].place, "required_range_checks");
    }

    #[test]
    fn unknown_fields_are_named() {
        let json = json!({"a": {"b": 1, "c": null}, "d": [{"e": 2}]});
        let found = unknown(&json, &json!({"a": {}, "d": [{}]}));
        let places: Vec<&str> = found.iter().map(|found| found.place.as_str()).collect();
        assert_eq!(places, ["a.b", "d[0].e"]);
    }
}
