//! What there is to say of a circuit beside its figures: why it is a direct one, and what was noticed on the way.

use super::error::CliError;
use super::output::say;
use crate::model::onnx::Uncovered;

/// Prints a line for each node that no committed circuit covers, and one for each note.
pub(super) fn show<'a>(
    subjects: impl IntoIterator<Item = (String, &'a [Uncovered], &'a [String])>,
) -> Result<(), CliError> {
    for (name, uncovered, notes) in subjects {
        for node in uncovered {
            say!("{name}: a direct circuit, since a committed one does not cover {node}")?;
        }
        for note in notes {
            say!("{name}: {note}")?;
        }
    }
    Ok(())
}
