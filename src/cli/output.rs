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

pub(super) use super::messages::note;
pub(super) use say;

/// What [`say!`] does.
pub(super) fn line(text: fmt::Arguments<'_>) -> Result<(), CliError> {
    writeln!(io::stdout(), "{}", plain_lines(&text.to_string())).map_err(CliError::Output)
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
