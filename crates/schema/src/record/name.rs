//! Names that become files and folders: of models, suites, records and evidence.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::format;

/// A name that is one component of a path, and no way out of a folder: not empty, without separators and control characters, and
/// with no dot in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// A text that is no [`FileName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be a file's name: {reason}")]
pub struct FileNameError {
    name: String,
    reason: &'static str,
}

impl FileName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// [`FileNameError`], which says why not.
    pub fn new(name: impl Into<String>) -> Result<Self, FileNameError> {
        let name = name.into();
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.starts_with('.') {
            "it starts with a dot"
        } else if name.contains(['/', '\\']) {
            "it has a separator of folders"
        } else if format::plain(&name) != name {
            "it has a control character"
        } else {
            return Ok(Self(name));
        };
        Err(FileNameError { name, reason })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for FileName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for FileName {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for FileName {
    type Error = FileNameError;

    fn try_from(name: String) -> Result<Self, FileNameError> {
        Self::new(name)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl From<&FileName> for String {
    fn from(name: &FileName) -> Self {
        name.0.clone()
    }
}

/// In the schema it is a string.
impl JsonSchema for FileName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FileName".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl PartialEq<str> for FileName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for FileName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<FileName> for &str {
    fn eq(&self, other: &FileName) -> bool {
        *self == other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for good in ["relu", "dense_small-s7-committed", "a b", "modèle", "x..y", "-x"] {
            assert_eq!(FileName::new(good).unwrap(), good);
        }
        for (bad, reason) in [
            ("", "empty"),
            (".", "dot"),
            ("..", "dot"),
            (".hidden", "dot"),
            ("../x", "dot"),
            ("a/../../x", "separator"),
            ("/etc/passwd", "separator"),
            ("a\\b", "separator"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            ("a\u{1b}[2J", "control"),
            ("a\u{202e}b", "control"),
        ] {
            let error = FileName::new(bad).unwrap_err();
            assert!(error.to_string().contains(reason), "{bad:?} {error}");
            let json = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<FileName>(&json).is_err(), "{bad:?}");
        }
        assert_eq!(
            serde_json::to_string(&FileName::new("relu").unwrap()).unwrap(),
            "\"relu\""
        );
    }
}
