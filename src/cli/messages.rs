//! Lines on stderr. Nothing that they quote acts on the terminal.

use std::fmt;
use std::io::{self, Write as _};

use crate::format::plain_lines;

/// Prints a line to stderr, as `eprintln!` does; where nobody reads there, it is lost.
macro_rules! note {
    ($($argument:tt)*) => {
        $crate::cli::messages::message(format_args!($($argument)*))
    };
}

pub(super) use note;

/// What [`note!`] does.
pub(super) fn message(text: fmt::Arguments<'_>) {
    // There is no other place to tell it.
    let _ = writeln!(io::stderr(), "{}", plain_lines(&text.to_string()));
}
