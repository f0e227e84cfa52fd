//! JSON from outside → a value in which every key of an object is there once, and that fits in memory.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::format;

/// Most memory that a text may take as a [`Value`], in bytes: a few bytes of text (`0,`, `{"a":0},`) take many of memory.
const MOST_VALUE_BYTES: u64 = 512 << 20;

/// What a map of one to eleven keys takes: its node in a B-tree.
const MAP_BYTES: u64 = 11 * (size_of::<String>() + size_of::<Value>()) as u64;

/// Reads JSON of which no object has a key twice: readers differ on which of the two counts.
///
/// # Errors
/// [`serde_json::Error`] where it is not JSON, is nested more than 127 deep, has a key twice, or takes more than 512 MiB of memory.
pub fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value_bytes = Cell::new(0);
    Checked(&value_bytes).deserialize(&mut reader)?;
    reader.end()?;
    serde_json::from_slice(bytes)
}

/// Reads JSON and keeps nothing of it but the memory that it takes as a [`Value`].
#[derive(Clone, Copy)]
struct Checked<'a>(&'a Cell<u64>);

impl Checked<'_> {
    fn takes<E: serde::de::Error>(self, more: u64) -> Result<(), E> {
        self.0.set(self.0.get() + more);
        if self.0.get() > MOST_VALUE_BYTES {
            return Err(E::custom(format_args!(
                "it takes more than {} of memory",
                format::bytes(MOST_VALUE_BYTES)
            )));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // A list that grows is copied into twice the room.
        self.takes(2 * size_of::<Value>() as u64)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.takes(text.len() as u64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.takes(MAP_BYTES)?;
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.takes((key.len() + size_of::<String>()) as u64)?;
            map.next_value_seed(self)?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!(
                    "the field {key:?} stands there twice"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_once() {
        let value = parse(br#"{"a": 1, "b": [{"a": null}, "x", -2, 0.5, true]}"#).unwrap();
        assert_eq!(value["a"], 1);
        for twice in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "\u0061": 2}}]"#] {
            let error = parse(twice.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("the field \"a\" stands there twice"), "{error}");
        }
        for broken in ["{", "1 2", &"[".repeat(100_000)] {
            assert!(parse(broken.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_takes_much_more_memory_than_its_text_is_refused() {
        for (part, times) in [("0,", 9 << 20), ("{\"a\":0},", 1 << 20), ("[],", 9 << 20)] {
            let text = format!("[{}0]", part.repeat(times));
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("takes more than 512 MiB of memory"), "{error}");
        }
    }
}
