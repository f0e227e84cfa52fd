//! The one list of what records say: each figure and each fact by an identifier, with name, unit, direction and accessor.
//!
//! Goes in: a [`Record`]. Comes out: a [`Value`], or none where the run did not come so far. Every table names the metrics
//! that it shows, and takes headings, units, formats and values from here; `records.csv` shows the whole list.
//!
//! - [`list`](Metric): the list itself; a new figure is an entry there;
//! - [`Unit`]: what a value counts, and how it is written;
//! - [`Sampled`]: what each worker process is measured by;
//! - [`Spread`]: what models and proofs cost on chain in all.

mod list;
mod sampled;
mod spread;
mod unit;

use std::borrow::Cow;
use std::ops::Index;

use serde::{Serialize, Serializer};

pub use list::Metric;
pub use sampled::Sampled;
pub use spread::Spread;
pub use unit::Unit;

use crate::record::Record;

/// Words of the list, most of which are written there.
pub type Words = Cow<'static, str>;

/// What a record says of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number, in the unit in which the record holds it.
    Whole(i128),
    /// Any other number, likewise; finite.
    Real(f64),
    /// Words.
    Words(String),
}

/// Which way a metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: it describes.
    Neither,
}

/// An entry of the list.
struct Definition {
    /// The identifier: the column of `records.csv`, the key in JSON.
    id: Words,
    /// Its name where it stands alone, without unit.
    name: Words,
    /// Its name over a column of a table, without unit.
    heading: Words,
    unit: Unit,
    better: Better,
    /// What it holds, in a sentence; that of the list where there is none here.
    holds: Option<Words>,
    /// Whether it is a column of `records.csv`.
    is_column: bool,
}

impl Definition {
    fn new(id: impl Into<Words>, name: impl Into<Words>, unit: Unit) -> Self {
        let name = name.into();
        Self {
            id: id.into(),
            heading: name.clone(),
            name,
            unit,
            better: Better::Neither,
            holds: None,
            is_column: true,
        }
    }

    /// Over a column, it is called otherwise.
    fn heading(mut self, heading: &'static str) -> Self {
        self.heading = heading.into();
        self
    }

    /// Less is better.
    fn lower(mut self) -> Self {
        self.better = Better::Lower;
        self
    }

    /// More is better.
    fn higher(mut self) -> Self {
        self.better = Better::Higher;
        self
    }

    /// What it holds, where that depends on a fork.
    fn holds(mut self, holds: impl Into<Words>) -> Self {
        self.holds = Some(holds.into());
        self
    }

    /// It is no column of `records.csv`.
    fn only_in_tables(mut self) -> Self {
        self.is_column = false;
        self
    }
}

impl Metric {
    /// The columns of `records.csv`, in their order.
    pub fn columns() -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|metric| metric.definition().is_column);
        all
    }

    /// The identifier, with the unit where there is one: `prove_mean_seconds`. It is the column of `records.csv` and the
    /// key in JSON.
    pub fn id(self) -> Words {
        self.definition().id
    }

    /// The name where it stands alone, without unit: `proof time`.
    pub fn name(self) -> Words {
        self.definition().name
    }

    /// The name over a column, without unit: `prove`.
    pub fn heading(self) -> Words {
        self.definition().heading
    }

    /// Name and unit of a number in [`Self::measure`]: `proof time (s)`.
    pub fn label(self) -> String {
        let Definition { name, unit, .. } = self.definition();
        match unit.word() {
            Some(unit) => format!("{name} ({unit})"),
            None => name.into_owned(),
        }
    }

    /// What a row is called that holds it as the record does: `verification gas`, `proof bytes`.
    pub fn row(self) -> Words {
        let Definition { id, name, unit, .. } = self.definition();
        match unit {
            Unit::Bytes | Unit::Memory => id.replace('_', " ").into(),
            _ => name,
        }
    }

    /// What it counts.
    pub fn unit(self) -> Unit {
        self.definition().unit
    }

    /// Which way it gets better.
    pub fn better(self) -> Better {
        self.definition().better
    }

    /// By how much a change makes it worse; 0 or less where it does not.
    pub fn worsening(self, difference: i128) -> i128 {
        match self.better() {
            Better::Lower => difference,
            Better::Higher => -difference,
            Better::Neither => 0,
        }
    }

    /// Whether it depends on the machine, so that two machines are never set against each other by it.
    pub fn is_of_machine(self) -> bool {
        self.unit().is_of_machine()
    }

    /// What it holds, in a sentence.
    pub fn documentation(self) -> String {
        let holds = self.definition().holds.unwrap_or_else(|| self.summary().into());
        holds.trim().to_owned()
    }

    /// A record's value, where it is a whole number.
    pub fn whole(self, record: &Record) -> Option<i128> {
        match self.of(record)? {
            Value::Whole(number) => Some(number),
            Value::Real(_) | Value::Words(_) => None,
        }
    }

    /// A record's value, in the unit in which the record holds it: bytes of memory in bytes. None for words.
    pub fn number(self, record: &Record) -> Option<f64> {
        match self.of(record)? {
            Value::Whole(number) => Some(number as f64),
            Value::Real(number) => Some(number),
            Value::Words(_) => None,
        }
    }

    /// The same in the unit of tables and plots: bytes of memory in GiB.
    pub fn measure(self, record: &Record) -> Option<f64> {
        Some(self.unit().measure(self.number(record)?))
    }

    /// A record's value with its unit, for a terminal; a dash where there is none.
    pub fn text(self, record: &Record) -> String {
        self.of(record)
            .map_or_else(|| "-".to_owned(), |value| self.unit().text(&value))
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.id())
    }
}

/// Something for each of some metrics, in the order in which they were named; in JSON, a map by identifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures<T>(Vec<(Metric, T)>);

impl<T> Figures<T> {
    /// What `of` says of each.
    pub fn of(metrics: &[Metric], of: impl Fn(Metric) -> T) -> Self {
        Self(metrics.iter().map(|&metric| (metric, of(metric))).collect())
    }

    /// Each metric with what is said of it.
    pub fn pairs(&self) -> &[(Metric, T)] {
        &self.0
    }

    /// What is said of one; none where it is not among them.
    pub fn get(&self, metric: Metric) -> Option<&T> {
        let found = self.0.iter().find(|(one, _)| *one == metric);
        found.map(|(_, said)| said)
    }
}

impl<T> Index<Metric> for Figures<T> {
    type Output = T;

    /// # Panics
    /// Where the metric is not among them.
    fn index(&self, metric: Metric) -> &T {
        self.get(metric)
            .expect("the metric is among those that were named")
    }
}

impl<T: Serialize> Serialize for Figures<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(metric, said)| (metric, said)))
    }
}

/// A type's name in JSON, as words: `ec_mul` is `ec mul`.
///
/// # Panics
/// Where it serialises as anything but a name.
pub fn in_words(name: &impl Serialize) -> String {
    let name = serde_json::to_value(name).expect("a name is plain data");
    name.as_str().expect("a name is text").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn identifiers_are_columns_and_stand_once() {
        let ids: Vec<Words> = Metric::all().into_iter().map(Metric::id).collect();
        let distinct: BTreeSet<&Words> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{ids:?}");
        for id in &ids {
            let is_plain =
                |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
            assert!(id.chars().all(is_plain), "{id}");
        }
    }

    #[test]
    fn units_are_in_identifiers_and_in_no_name() {
        for metric in Metric::all() {
            let id = metric.id();
            let (ending, is_known) = match metric.unit() {
                Unit::Seconds => ("_seconds", true),
                Unit::Bytes | Unit::Memory => ("_bytes", true),
                _ => ("", false),
            };
            assert!(id.ends_with(ending), "{id}");
            for name in [metric.name(), metric.heading()] {
                assert!(!is_known || !name.ends_with(&ending[1..]), "{name}");
                assert!(!name.is_empty() && !metric.documentation().is_empty(), "{id}");
            }
        }
    }

    #[test]
    fn what_is_worse_follows_the_direction() {
        assert_eq!(Metric::VerificationGas.worsening(5), 5);
        assert_eq!(Metric::Correct.worsening(5), -5);
        assert_eq!(Metric::Parameters.worsening(5), 0);
    }

    #[test]
    fn a_metric_reads_in_every_place() {
        let metric = Metric::ProvePeak;
        assert_eq!(metric.id(), "prove_peak_bytes");
        assert_eq!(metric.label(), "peak memory of proving (GiB)");
        assert_eq!(metric.heading(), "peak memory");
        assert_eq!(metric.row(), "prove peak bytes");
        assert_eq!(serde_json::to_value(metric).unwrap(), "prove_peak_bytes");
        let figures = Figures::of(&[Metric::Rows, Metric::Cells], |metric| metric == Metric::Cells);
        assert_eq!(
            serde_json::to_string(&figures).unwrap(),
            r#"{"rows":false,"cells":true}"#
        );
        assert!(figures[Metric::Cells] && figures.get(Metric::Logrows).is_none());
    }
}
