//! Lines on stdout, whose reader may leave before the last one.
//!
//! What is printed may quote a record or a file: nothing in it acts on the terminal.
//!
//! `evmbench list | head -1` closes the pipe after a line: the command then ends, without a word.

use std::fmt;
use std::io::{self, Write as _};

use super::error::CliError;
use crate::format::plain_lines;
use crate::report::table::Table;
use crate::report::text;

/// Prints a line to stdout, as `println!` does; where that fails, it is an error and not a panic.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::cli::output::line(format_args!($($argument)*))
    };
}

/// Prints a line to stderr, as `eprintln!` does; where nobody reads there, it is lost.
macro_rules! note {
    ($($argument:tt)*) => {
        $crate::cli::output::message(format_args!($($argument)*))
    };
}

pub(super) use {note, say};

/// What [`say!`] does.
pub(super) fn line(text: fmt::Arguments<'_>) -> Result<(), CliError> {
    writeln!(io::stdout(), "{}", plain_lines(&text.to_string())).map_err(CliError::Output)
}

/// What [`note!`] does.
pub(super) fn message(text: fmt::Arguments<'_>) {
    // There is no other place to tell it.
    let _ = writeln!(io::stderr(), "{}", plain_lines(&text.to_string()));
}

/// A table for stdout: within the width of the terminal, a line for each row where stdout is none.
pub(super) fn fitted(table: &Table) -> String {
    text::fitted(table, width())
}

/// The characters of a line: what `COLUMNS` says, or the terminal's; none where lines have no end.
fn width() -> Option<usize> {
    let asked = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let terminal = || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    asked.or_else(terminal).filter(|&width| width > 0)
}
