//! What a value counts, and with that how it is written: over a column, at an axis, in a terminal.

use super::Value;
use crate::format;

/// Bytes of a GiB.
const GIBIBYTE: f64 = (1_u64 << 30) as f64;

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: it is in words.
    Words,
    /// Things that the name says.
    Count,
    /// Gas; the name says so.
    Gas,
    /// Bytes, shown as they are.
    Bytes,
    /// Bytes of memory: tables and plots show GiB.
    Memory,
    /// Seconds.
    Seconds,
    /// Hundredths of a whole.
    Percent,
    /// A ratio of two counts that the name says.
    Ratio,
    /// A number of any size without a unit.
    Real,
}

impl Unit {
    /// Over a column: `s`, `B`, `GiB`, `%`; none where the name says it.
    pub fn symbol(self) -> Option<&'static str> {
        match self {
            Self::Bytes => Some("B"),
            Self::Memory => Some("GiB"),
            Self::Seconds => Some("s"),
            Self::Percent => Some("%"),
            Self::Words | Self::Count | Self::Gas | Self::Ratio | Self::Real => None,
        }
    }

    /// Where there is room for a word: bytes are written out.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Bytes => Some("bytes"),
            other => other.symbol(),
        }
    }

    /// Whether what it counts depends on the machine. Memory is compared across machines: the circuit's size decides most of it.
    pub fn is_of_machine(self) -> bool {
        match self {
            Self::Seconds => true,
            Self::Words
            | Self::Count
            | Self::Gas
            | Self::Bytes
            | Self::Memory
            | Self::Percent
            | Self::Ratio
            | Self::Real => false,
        }
    }

    /// A number as a record holds it, in the unit of tables and plots.
    pub fn measure(self, number: f64) -> f64 {
        match self {
            Self::Memory => number / GIBIBYTE,
            _ => number,
        }
    }

    /// A number as a record holds it, beside that of another record: whole ones in full, others with five digits.
    pub fn compared(self, number: f64) -> String {
        match self {
            Self::Percent => format!("{number:.2}%"),
            _ if number.fract() == 0.0 => format::signed(number as i128),
            _ => format!("{number:.4e}"),
        }
    }

    /// A value with its unit, for a terminal: `1.24 GiB`, `3,072 B`, `12.3 s`.
    pub fn text(self, value: &Value) -> String {
        match (self, value) {
            (Self::Memory, Value::Whole(bytes)) => format::bytes(u64::try_from(*bytes).unwrap_or(0)),
            (Self::Bytes, Value::Whole(bytes)) => format!("{} B", format::signed(*bytes)),
            (_, Value::Whole(number)) => format::signed(*number),
            (Self::Seconds, Value::Real(seconds)) => format::seconds(*seconds),
            (Self::Percent, Value::Real(percent)) => format!("{percent:.2}%"),
            (_, Value::Real(number)) => format::real(*number),
            (_, Value::Words(words)) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_units() {
        let whole = |unit: Unit, number: i128| unit.text(&Value::Whole(number));
        assert_eq!(whole(Unit::Memory, 8_862_566_155), "8.25 GiB");
        assert_eq!(whole(Unit::Bytes, 3_072), "3,072 B");
        assert_eq!(whole(Unit::Gas, 413_619), "413,619");
        assert_eq!(Unit::Seconds.text(&Value::Real(283.4)), "4 min 43 s");
        assert_eq!(Unit::Percent.text(&Value::Real(71.239)), "71.24%");
        assert_eq!(Unit::Real.text(&Value::Real(0.003_904_9)), "0.00390");
        assert_eq!(Unit::Words.text(&Value::Words("sound".to_owned())), "sound");
        assert_eq!(Unit::Memory.compared(8_862_566_155.0), "8,862,566,155");
        assert_eq!(Unit::Percent.compared(-1.234), "-1.23%");
        assert_eq!(Unit::Real.compared(0.003_904_9), "3.9049e-3");
        let half = Unit::Memory.measure(f64::from(1 << 29));
        assert!((half - 0.5).abs() < f64::EPSILON);
    }
}
