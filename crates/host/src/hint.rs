//! What the user can do about an error.

use std::borrow::Cow;

/// An error that may know what the user can do about it.
pub trait Hint {
    /// What the user can do about it; none where nothing is known.
    fn hint(&self) -> Option<Cow<'static, str>>;

    /// The same of an error that tells of several things: a line for each kind.
    fn hints(&self) -> Vec<Cow<'static, str>> {
        self.hint().into_iter().collect()
    }
}
