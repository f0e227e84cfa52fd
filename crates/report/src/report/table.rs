//! The one model of a table: columns with units, cells with types. Every format is a rendering of it.
//!
//! Goes in: figures, each in the unit of its column. Comes out: [`Table`], which [`markdown`](super::markdown),
//! [`latex`](super::latex), [`csv`](super::csv), [`text`](super::text) and [`html`](super::html) write, so that no table is
//! put together twice.

use crate::format;
use crate::metric::{Metric, Unit, Value};
use crate::record::Record;

/// A table: of a report, or of a command's answer, which has columns and rows alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The stem of its file, `core_layers`: also its label in LaTeX and its anchor in HTML.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What is shown, in sentences.
    pub caption: String,
    /// The columns, from left to right.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// What a reader must know besides: what was left out, how something was computed.
    pub notes: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it holds.
    pub name: String,
    /// Its unit; none for text and for plain numbers.
    pub unit: Option<&'static str>,
    /// How its cells are written.
    pub kind: Kind,
}

/// How a column's cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words, to the left.
    Text,
    /// Whole numbers, to the right, thousands apart.
    Integer,
    /// Numbers with so many digits behind the point, to the right.
    Real(usize),
    /// Numbers of any size with three significant digits, to the right.
    Significant,
    /// Figures that are written out, each with its unit, to the right.
    Written,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// What a record does not hold: a dash, never a 0.
    Missing,
    /// Words; [`Cell::text`] makes it.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number.
    Real(f64),
}

impl Column {
    /// A column of words.
    pub fn text(name: impl Into<String>) -> Self {
        Self::new(name, None, Kind::Text)
    }

    /// A column of whole numbers.
    pub fn integer(name: impl Into<String>, unit: Option<&'static str>) -> Self {
        Self::new(name, unit, Kind::Integer)
    }

    /// A column of numbers with so many digits behind the point.
    pub fn real(name: impl Into<String>, unit: Option<&'static str>, decimals: usize) -> Self {
        Self::new(name, unit, Kind::Real(decimals))
    }

    /// A column of numbers of any size.
    pub fn significant(name: impl Into<String>, unit: Option<&'static str>) -> Self {
        Self::new(name, unit, Kind::Significant)
    }

    /// A column of figures that are written out.
    pub fn written(name: impl Into<String>) -> Self {
        Self::new(name, None, Kind::Written)
    }

    /// A metric's column, in the unit of tables: [`Cell::of`] makes its cells.
    pub fn of(metric: Metric) -> Self {
        let unit = metric.unit();
        let kind = match unit {
            Unit::Words => Kind::Text,
            Unit::Count | Unit::Gas | Unit::Bytes => Kind::Integer,
            Unit::Ratio => Kind::Real(0),
            Unit::Seconds => Kind::Real(1),
            Unit::Memory | Unit::Percent => Kind::Real(2),
            Unit::Real => Kind::Significant,
        };
        Self::new(metric.heading(), unit.symbol(), kind)
    }

    /// A metric's column in a terminal, whose cells are [`Metric::text`].
    pub fn written_of(metric: Metric) -> Self {
        match metric.unit() {
            Unit::Words => Self::text(metric.heading()),
            _ => Self::written(metric.heading()),
        }
    }

    /// The same column under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The columns of some metrics.
    pub fn of_all(metrics: &[Metric]) -> Vec<Self> {
        metrics.iter().map(|&metric| Self::of(metric)).collect()
    }

    fn new(name: impl Into<String>, unit: Option<&'static str>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            unit,
            kind,
        }
    }

    /// Name and unit: `prove (s)`.
    pub fn heading(&self) -> String {
        match self.unit {
            Some(unit) => format!("{} ({unit})", format::cell(&self.name)),
            None => format::cell(&self.name).into_owned(),
        }
    }

    /// Whether its cells stand to the right.
    pub fn is_figure(&self) -> bool {
        self.kind != Kind::Text
    }

    /// A cell of this column for people.
    pub fn show(&self, cell: &Cell) -> String {
        match cell {
            Cell::Missing => "-".to_owned(),
            Cell::Text(text) => text.clone(),
            Cell::Integer(number) => format::signed(*number),
            Cell::Real(number) => grouped(&self.digits(*number)),
        }
    }

    /// A number as this column writes it, without groups.
    pub(super) fn digits(&self, number: f64) -> String {
        match self.kind {
            Kind::Real(decimals) => format!("{number:.decimals$}"),
            Kind::Significant => significant(number),
            Kind::Text | Kind::Integer | Kind::Written => number.to_string(),
        }
    }
}

/// Three significant digits, as an exponent where that is shorter to read: `0.00390`, `12.3`, `1.24e-6`; large numbers in full.
fn significant(number: f64) -> String {
    if number.abs() < 1e6 {
        format::real(number)
    } else {
        format!("{number:.0}")
    }
}

/// Thousands apart, before the point alone.
fn grouped(digits: &str) -> String {
    if digits.contains('e') {
        return digits.to_owned();
    }
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    match whole.parse::<i128>() {
        // A sign before 0 is not in the number that was parsed.
        Ok(number) if number != 0 => format!("{}{rest}", format::signed(number)),
        _ => digits.to_owned(),
    }
}

impl Cell {
    /// Words, which may come from anywhere: [`format::cell`] makes nothing of them act.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(format::cell(&text.into()).into_owned())
    }

    /// A count, or a dash.
    pub fn count(number: Option<u64>) -> Self {
        number.map_or(Self::Missing, |number| Self::Integer(number.into()))
    }

    /// A number, or a dash; what is no finite number is a dash too.
    pub fn real(number: Option<f64>) -> Self {
        number
            .filter(|number| number.is_finite())
            .map_or(Self::Missing, Self::Real)
    }

    /// What a record says of a metric, in the unit of [`Column::of`]; a dash where there is no record.
    pub fn of(metric: Metric, record: Option<&Record>) -> Self {
        let value = record.and_then(|record| metric.of(record));
        Self::measure(metric.unit(), value)
    }

    /// A value in the unit of tables, or a dash.
    pub fn measure(unit: Unit, value: Option<Value>) -> Self {
        match value {
            Some(Value::Whole(bytes)) if unit == Unit::Memory => Self::Real(unit.measure(bytes as f64)),
            other => other.into(),
        }
    }

    /// What a record says of some metrics.
    pub fn of_all(metrics: &[Metric], record: Option<&Record>) -> Vec<Self> {
        metrics.iter().map(|&metric| Self::of(metric, record)).collect()
    }

    /// `yes`, `no`, or a dash.
    pub fn yes(answer: Option<bool>) -> Self {
        answer.map_or(Self::Missing, |answer| {
            Self::text(if answer { "yes" } else { "no" })
        })
    }
}

impl From<Option<Value>> for Cell {
    /// The value in the unit in which the record holds it.
    fn from(value: Option<Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(Value::Whole(number)) => Self::Integer(number),
            Some(Value::Real(number)) => Self::Real(number),
            Some(Value::Words(words)) => Self::text(words),
        }
    }
}

impl Table {
    /// A table of a command's answer: columns alone, until [`Self::row`] adds rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a row of words and written figures.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(Cell::text).collect());
    }

    /// Whether there is a row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row as people read it.
    pub fn shown_rows(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.rows.iter().map(|row| {
            let cells = self.columns.iter().zip(row);
            cells.map(|(column, cell)| column.show(cell)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_their_column_says() {
        let show = |column: Column, cell: Cell| column.show(&cell);
        assert_eq!(
            show(Column::integer("rows", None), Cell::Integer(1_884_162)),
            "1,884,162"
        );
        assert_eq!(
            show(Column::integer("more", None), Cell::Integer(-1_000)),
            "-1,000"
        );
        assert_eq!(
            show(Column::real("prove", Some("s"), 1), Cell::Real(1238.46)),
            "1,238.5"
        );
        assert_eq!(show(Column::real("change", None, 1), Cell::Real(-0.46)), "-0.5");
        let significant = |number| show(Column::significant("error", None), Cell::Real(number));
        assert_eq!(significant(0.003_904_9), "0.00390");
        assert_eq!(significant(0.000_001_237), "1.24e-6");
        assert_eq!(significant(12.345), "12.3");
        assert_eq!(significant(123_456.7), "123,457");
        assert_eq!(significant(0.0), "0");
        assert_eq!(Column::of(Metric::ProveSeconds).heading(), "prove (s)");
        let memory = Cell::measure(Unit::Memory, Some(Value::Whole(8_862_566_155)));
        assert_eq!(show(Column::of(Metric::ProvePeak), memory), "8.25");
    }

    #[test]
    fn written_figures_stand_to_the_right_as_they_are() {
        let mut table = Table::new([Column::text("what"), Column::written_of(Metric::ProvePeak)]);
        table.row(["=1+1".to_owned(), "8.25 GiB".to_owned()]);
        let rows: Vec<Vec<String>> = table.shown_rows().collect();
        assert_eq!(rows, [["'=1+1", "8.25 GiB"]]);
        assert!(table.columns[1].is_figure() && table.columns[1].heading() == "peak memory");
    }

    #[test]
    fn what_is_not_there_is_a_dash() {
        for cell in [
            Cell::count(None),
            Cell::real(None),
            Cell::real(Some(f64::NAN)),
            Cell::measure(Unit::Memory, None),
            Cell::yes(None),
        ] {
            assert_eq!(Column::integer("x", None).show(&cell), "-");
        }
        assert_eq!(Column::integer("x", None).show(&Cell::count(Some(0))), "0");
    }
}
