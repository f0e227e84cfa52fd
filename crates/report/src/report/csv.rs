//! Tables in CSV: numbers in full, empty where a record holds nothing.

use super::table::{Cell, Column, Table};

/// The table, with a heading of `name_unit`.
///
/// # Panics
/// Never: memory takes every write.
pub fn table(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let headings = table.columns.iter().map(heading);
    writer.write_record(headings).expect("memory takes every write");
    for row in &table.rows {
        writer
            .write_record(row.iter().map(cell))
            .expect("memory takes every write");
    }
    let bytes = writer.into_inner().expect("memory takes every write");
    String::from_utf8(bytes).expect("text was written")
}

/// The name of a column: `prove_s`.
pub fn heading(column: &Column) -> String {
    let words = match column.unit {
        Some(unit) => format!("{} {unit}", column.name),
        None => column.name.clone(),
    };
    let mut name = String::new();
    for character in words.chars() {
        if character.is_alphanumeric() {
            name.extend(character.to_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    name.trim_matches('_').to_owned()
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Missing => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        // The shortest text that is read back as the same number.
        Cell::Real(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_full_and_gaps_empty() {
        let rows = vec![
            vec![
                Cell::text("a, \"b\""),
                Cell::Real(0.1 + 0.2),
                Cell::Integer(1_000),
            ],
            vec![Cell::Missing, Cell::Missing, Cell::Missing],
        ];
        let table = super::table(&Table {
            name: "x",
            title: "X",
            caption: String::new(),
            columns: vec![
                Column::text("model"),
                Column::real("peak memory", Some("GiB"), 2),
                Column::integer("2^k", None),
            ],
            rows,
            notes: Vec::new(),
        });
        assert_eq!(
            table,
            "model,peak_memory_gib,2_k\n\"a, \"\"b\"\"\",0.30000000000000004,1000\n,,\n"
        );
    }
}
