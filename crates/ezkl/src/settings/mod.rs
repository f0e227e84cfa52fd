//! EZKL's settings as they are read. They are written in `arguments` (direct circuits) and `compiled::settings` (committed circuits).
//!
//! | module | what it reads |
//! |---|---|
//! | [`file`] | a settings file of any version; what it lacks is not known |
//! | [`circuit`] | the complete settings of a circuit |
//! | [`columns`] | what of these decides the circuit's columns |
//! | [`quantisation`] | the run arguments that decide the integers |
//! | [`asked`] | whether they are what a plan asks for, and whether two files say the same |

mod asked;
mod circuit;
mod columns;
mod file;
mod quantisation;

use evmbench_host::ranges;
use serde::de::Error as _;
use serde_json::Value;

pub use asked::comparable;
pub use circuit::CircuitSettings;
pub use file::{Decompositions, SettingsFile, Shown, Side};
pub use quantisation::{QuantisationError, quantisation};

pub(crate) use columns::Columns;

/// A settings file that is not EZKL's.
#[derive(Debug, thiserror::Error)]
#[error("not an EZKL settings file: {0}")]
pub struct SettingsError(#[from] serde_json::Error);

/// The JSON, if its numbers are in range.
fn in_range(json: Value) -> Result<Value, SettingsError> {
    ranges::check(&json).map_err(serde_json::Error::custom)?;
    Ok(json)
}
