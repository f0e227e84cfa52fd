//! How often a committed circuit looks up in each of its tables, as its key has it.
//!
//! Goes in: EZKL's settings, which name the tables, and the verifying key, which has a selector for each table and column with
//! a bit for each row. Comes out: [`Lookups`], to be held against those that the circuit was laid out with: a range is checked
//! only by look-ups that are there.

use serde_json::Value;

use evmbench_committed::{InputAssurance, Lookups, Table};

use super::{CircuitSettings, CircuitShape, KeyFile, SettingsFile};
use crate::compiled::function_name;

/// Settings or a key that do not tell what is looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupsError {
    /// The settings have no list of tables.
    #[error("the settings do not tell what is looked up")]
    NoTables,
    /// A committed circuit has no such table.
    #[error("EZKL looks up {table}, which the circuit does not have")]
    Table {
        /// As the settings have it.
        table: String,
    },
    /// A committed circuit looks up in tables of functions alone.
    #[error("the settings have {what}, which no committed circuit has")]
    Arguments {
        /// What else they have.
        what: &'static str,
    },
    /// The settings lay out no circuit.
    #[error("{0}")]
    Shape(String),
    /// The key has another form, or is of other settings.
    #[error("the verifying key has other selectors than its settings lead to")]
    Key,
    /// The circuit looks up more or fewer elements, or in other tables, than it was laid out with.
    #[error(
        "EZKL looks up {}, and the circuit should look up {}",
        listed(found),
        listed(expected)
    )]
    Different {
        /// What the key has.
        found: Vec<Lookups>,
        /// What was laid out.
        expected: Vec<Lookups>,
    },
}

/// Look-ups for people.
fn listed(lookups: &[Lookups]) -> String {
    if lookups.is_empty() {
        return "nothing".to_owned();
    }
    let each = lookups.iter().map(|lookups| {
        let Lookups {
            table,
            scale,
            elements,
        } = lookups;
        format!("{elements} elements in {} at scale {scale}", table.name())
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The tables that settings name, in their order, each with its scale.
///
/// # Errors
/// [`LookupsError::NoTables`], [`LookupsError::Table`] and [`LookupsError::Arguments`].
fn tables(settings: &SettingsFile) -> Result<Vec<(Table, u32)>, LookupsError> {
    // Each has selectors of its own in the key, among which those of the tables would have to be told apart.
    let others = [
        (settings.range_checks(), "range checks"),
        (settings.dynamic_lookups(), "look-ups in computed tables"),
        (settings.dynamic_cells(), "columns of computed tables"),
        (settings.sorts(), "sorts"),
        (settings.sort_cells(), "columns of sorts"),
        (settings.counted_freivalds_cells(), "built-in Freivalds checks"),
    ];
    if let Some((_, what)) = others.into_iter().find(|(number, _)| *number != Some(0)) {
        return Err(LookupsError::Arguments { what });
    }
    let named = settings.functions().ok_or(LookupsError::NoTables)?;
    named
        .iter()
        .map(|named| {
            table(named).ok_or_else(|| LookupsError::Table {
                table: named.to_string(),
            })
        })
        .collect()
}

/// A table as the settings name it: `{"Tanh": {"scale": 128.0}}`.
fn table(named: &Value) -> Option<(Table, u32)> {
    let (name, arguments) = named.as_object()?.iter().next()?;
    let table = Table::ALL.into_iter().find(|&table| {
        let (its_name, parameter) = function_name(table);
        let found = parameter.and_then(|parameter| arguments.get(parameter)?.as_f64());
        its_name == name && found.map(|found| found as f32) == table.parameter()
    })?;
    let scale = arguments.get("scale")?.as_f64()?.log2();
    (scale.fract() == 0.0 && (0.0..=f64::from(u8::MAX)).contains(&scale)).then_some((table, scale as u32))
}

/// What a committed circuit with this key looks up, in the order of [`Lookups`].
///
/// # Errors
/// [`LookupsError`], all but [`LookupsError::Different`].
pub fn in_key(settings: &CircuitSettings, verifying_key: &[u8]) -> Result<Vec<Lookups>, LookupsError> {
    let tables = tables(settings.file())?;
    let shape = CircuitShape::of(settings).map_err(|error| LookupsError::Shape(error.to_string()))?;
    let key = KeyFile::read(verifying_key).ok_or(LookupsError::Key)?;
    let (points, selectors) = (shape.permutation_columns as usize, shape.selectors as usize);
    let rows = key
        .selected_rows(points, selectors)
        .filter(|_| key.logrows == u64::from(shape.logrows))
        .ok_or(LookupsError::Key)?;
    // Selectors of look-ups are configured last, table by table; a table has one for each cell of a row. Three columns of
    // cells take part in each operation.
    let cells = (shape.working_columns / 3) as usize;
    let first = rows
        .len()
        .checked_sub(tables.len() * cells)
        .ok_or(LookupsError::Key)?;
    let by_table = rows[first..].chunks_exact(cells);
    let mut lookups: Vec<Lookups> = tables
        .into_iter()
        .zip(by_table)
        .map(|((table, scale), rows)| Lookups {
            table,
            scale,
            elements: rows.iter().sum(),
        })
        .collect();
    lookups.sort_unstable();
    Ok(lookups)
}

/// Holds what a key looks up against what the circuit was laid out with.
///
/// # Errors
/// [`LookupsError::Different`].
pub fn compare(found: Vec<Lookups>, expected: &[Lookups]) -> Result<(), LookupsError> {
    if found == expected {
        Ok(())
    } else {
        Err(LookupsError::Different {
            found,
            expected: expected.to_vec(),
        })
    }
}

/// Whether a circuit with this key looks up every element of an input of so many: as often as it was laid out to, or, of a
/// record that does not tell that, twice, as circuits did before. `None` where the key does not tell.
pub fn holds_input(
    settings: &CircuitSettings,
    verifying_key: &[u8],
    expected: Option<&[Lookups]>,
    assurance: InputAssurance,
    input_elements: u64,
) -> Option<bool> {
    let found = in_key(settings, verifying_key).ok()?;
    // A range is checked in the rectifier's table; an input that is only held to a table can be in that of a function of it.
    let is_counted = |lookups: &&Lookups| {
        assurance == InputAssurance::Table || (lookups.table, lookups.scale) == (Table::Rectifier, 0)
    };
    let counted = found.iter().filter(is_counted);
    let elements: u64 = counted.map(|lookups| lookups.elements).sum();
    Some(match expected {
        Some(expected) => found == expected && elements >= input_elements,
        None => elements >= input_elements.saturating_mul(2),
    })
}
