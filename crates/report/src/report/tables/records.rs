//! One row for each record with every figure: what names the run, then the columns of [`Metric`]'s list.

use crate::format;
use crate::metric::{Metric, Unit};
use crate::report::data::{Dataset, Entry};
use crate::report::table::{Cell, Column, Kind, Table};

/// A column of `records.csv`.
#[derive(Debug, Clone, Copy)]
pub enum RecordColumn {
    /// What names the run.
    Name(Naming),
    /// A figure or fact, in the unit in which the record holds it.
    Metric(Metric),
}

/// What names a run.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    heading: &'static str,
    column: fn(&'static str) -> Column,
    documentation: &'static str,
    of: fn(&Entry) -> Cell,
}

const NAMES: [Naming; 6] = [
    Naming {
        heading: "record",
        column: Column::text,
        documentation: "Suite and name of the run; the record is `<name>.json` in its suite's folder.",
        of: |entry| Cell::text(&entry.experiment),
    },
    Naming {
        heading: "model",
        column: Column::text,
        documentation: "The model's id, or an ONNX file's name.",
        of: |entry| Cell::text(&entry.request().id),
    },
    Naming {
        heading: "suite",
        column: Column::text,
        documentation: "The suite that the model belongs to, or `onnx` for an ONNX file.",
        of: |entry| Cell::text(&entry.request().suite),
    },
    Naming {
        heading: "circuit",
        column: Column::text,
        documentation: "The kind of circuit.",
        of: |entry| Cell::text(entry.kind().to_string()),
    },
    Naming {
        heading: "scale",
        column: |heading| Column::integer(heading, None),
        documentation: "log2 of the fixed-point multiplier that was asked for.",
        of: |entry| Cell::Integer(entry.scale().into()),
    },
    Naming {
        heading: "choices",
        column: Column::text,
        documentation: "What was chosen otherwise than by default, of what changes circuit, verifier or gas.",
        of: |entry| Cell::text(entry.choices().join("; ")),
    },
];

impl RecordColumn {
    /// The column under its identifier, which holds the unit.
    pub fn column(self) -> Column {
        match self {
            Self::Name(naming) => (naming.column)(naming.heading),
            Self::Metric(metric) => match metric.unit() {
                Unit::Words => Column::text(metric.id()),
                Unit::Count | Unit::Gas | Unit::Bytes | Unit::Memory => Column::integer(metric.id(), None),
                Unit::Seconds | Unit::Percent | Unit::Ratio | Unit::Real => {
                    Column::significant(metric.id(), None)
                }
            },
        }
    }

    /// Its cell in a record's row.
    pub fn cell(self, entry: &Entry) -> Cell {
        match self {
            Self::Name(naming) => (naming.of)(entry),
            Self::Metric(metric) => metric.of(&entry.record).into(),
        }
    }

    /// What it holds, for people.
    pub fn documentation(self) -> String {
        match self {
            Self::Name(naming) => naming.documentation.to_owned(),
            Self::Metric(metric) => metric.documentation(),
        }
    }
}

/// Every column, in the order of the file.
pub fn columns() -> Vec<RecordColumn> {
    let names = NAMES.map(RecordColumn::Name);
    let metrics = Metric::columns().into_iter().map(RecordColumn::Metric);
    names.into_iter().chain(metrics).collect()
}

/// Every record, every column.
pub fn table(dataset: &Dataset) -> Table {
    let columns = columns();
    let rows = dataset
        .entries
        .iter()
        .map(|entry| columns.iter().map(|column| column.cell(entry)).collect());
    Table {
        name: "records",
        title: "All records",
        caption: "One row for each record.".to_owned(),
        rows: rows.collect(),
        columns: columns.iter().map(|column| column.column()).collect(),
        notes: Vec::new(),
    }
}

/// What each column of [`table`] holds.
pub fn documentation() -> Table {
    let rows = columns().into_iter().map(|record_column| {
        let column = record_column.column();
        let kind = match column.kind {
            Kind::Text => "text",
            Kind::Integer => "whole number",
            Kind::Real(_) | Kind::Significant | Kind::Written => "number",
        };
        vec![
            Cell::text(crate::report::csv::heading(&column)),
            Cell::text(kind),
            Cell::text(record_column.documentation()),
        ]
    });
    Table {
        name: "records_columns",
        title: "Columns of records.csv",
        caption: "An empty cell is what a record does not hold.".to_owned(),
        columns: vec![
            Column::text("column"),
            Column::text("kind"),
            Column::text("holds"),
        ],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}

/// Files that are in no table, and why.
pub fn left_out(dataset: &Dataset) -> Table {
    let rows = dataset.left_out.iter().map(|left| {
        vec![
            Cell::text(left.path.display().to_string()),
            Cell::text(&left.reason),
        ]
    });
    let (used, left) = (dataset.entries.len(), dataset.left_out.len());
    Table {
        name: "left_out",
        title: "Left out",
        caption: format!(
            "{} in this report, {} left out.",
            format::plural(used, "record"),
            format::plural(left, "file")
        ),
        columns: vec![Column::text("file"), Column::text("why")],
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
