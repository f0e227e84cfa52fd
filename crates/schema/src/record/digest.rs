//! A record's own digest.
//!
//! Goes in: a record's JSON. Comes out: SHA-256 of it without its digest, keys in order of their bytes at every depth, and
//! no white space. It detects damage: a bit that flipped, a figure that was changed by hand. It detects no forgery, since
//! whoever changes a record can write a new digest. What a record claims is held against its evidence by
//! `rederive`.

use serde_json::Value;

use super::Record;
use evmbench_host::digests::sha256_hex;

/// The name of the field that holds the digest.
pub const FIELD: &str = "sha256";

/// The first schema whose records have a digest.
pub const SINCE_SCHEMA: u32 = 6;

/// The digest of a record's JSON, in hexadecimal.
pub fn of_json(record: &Value) -> String {
    let mut canonical = record.clone();
    if let Some(fields) = canonical.as_object_mut() {
        fields.shift_remove(FIELD);
    }
    canonical.sort_all_objects();
    sha256_hex(canonical.to_string().as_bytes())
}

impl Record {
    /// Writes the record's own digest into it.
    ///
    /// # Panics
    /// Never: a record is plain data, which serialises.
    pub fn seal(&mut self) {
        // By way of the text, as a reader will have it: a value made directly has other digits for an `f32`.
        let text = serde_json::to_vec(&*self).expect("a record is plain data");
        let json = serde_json::from_slice(&text).expect("what was just written");
        self.sha256 = Some(of_json(&json));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_white_space_do_not_count_and_everything_else_does() {
        let digest = of_json(&json!({"b": {"y": 1.5, "x": [2, null]}, "a": "t", "sha256": "0"}));
        assert_eq!(
            digest,
            of_json(&json!({"a": "t", "b": {"x": [2, null], "y": 1.5}}))
        );
        for other in [
            json!({"a": "t", "b": {"x": [null, 2], "y": 1.5}}),
            json!({"a": "t", "b": {"x": [2, null], "y": 1.25}}),
            json!({"a": "t", "b": {"x": [2], "y": 1.5}}),
            json!({"a": "t", "b": {"x": [2, null], "y": 1.5}, "c": null}),
        ] {
            assert_ne!(of_json(&other), digest);
        }
        // By sha256sum of `{"a":"t"}`.
        assert_eq!(
            of_json(&json!({"sha256": "0", "a": "t"})),
            sha256_hex(br#"{"a":"t"}"#)
        );
    }
}
