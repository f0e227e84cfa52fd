//! Changes of a text, by places in it.

use std::ops::Range;

use super::OpeningError;

/// Changes that are to be made.
pub(super) struct Edits<'a> {
    text: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            changes: Vec::new(),
        }
    }

    /// Puts something in the place of some bytes.
    pub(super) fn replace(&mut self, bytes: Range<usize>, by: impl Into<String>) {
        self.changes.push((bytes, by.into()));
    }

    /// Puts lines, each indented as the bytes' first line, in the place of the bytes.
    pub(super) fn replace_by_lines(&mut self, bytes: Range<usize>, lines: &[String]) {
        let line = self.line_start(bytes.start);
        let indentation = format!("\n{}", &self.text[line..bytes.start]);
        self.replace(bytes, lines.join(&indentation));
    }

    /// Removes the lines that these bytes stand in, and the comments right above them.
    pub(super) fn remove_lines(&mut self, bytes: Range<usize>) {
        let start = self.comments_start(bytes.start);
        let rest = &self.text[bytes.end..];
        let end = bytes.end + rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.replace(start..end, "");
    }

    /// Puts lines in the place of these bytes and of the comments right above them.
    pub(super) fn replace_with_comments(&mut self, bytes: Range<usize>, lines: &[String]) {
        let start = self.comments_start(bytes.start);
        let indentation = self.text[start..].len() - self.text[start..].trim_start_matches(' ').len();
        self.replace_by_lines(start + indentation..bytes.end, lines);
    }

    /// Where the line of a place starts, or the first of the comments right above it.
    fn comments_start(&self, at: usize) -> usize {
        let mut start = self.line_start(at);
        while start > 0 {
            let above = self.line_start(start - 1);
            if !self.text[above..start].trim_start().starts_with("//") {
                break;
            }
            start = above;
        }
        start
    }

    /// Puts something in the place of the only occurrence of some text.
    pub(super) fn replace_only(&mut self, what: &'static str, by: &str) -> Result<(), OpeningError> {
        let found = self.text.match_indices(what).map(|(start, _)| start);
        let start = super::words::only(found, what)?;
        self.replace(start..start + what.len(), by);
        Ok(())
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The changed text.
    pub(super) fn made(mut self) -> Result<String, OpeningError> {
        self.changes.sort_by_key(|(bytes, _)| (bytes.start, bytes.end));
        let mut made = String::with_capacity(self.text.len());
        let mut at = 0;
        for (bytes, by) in &self.changes {
            let kept = self.text.get(at..bytes.start);
            made += kept.ok_or(OpeningError::Twice("a change of the same place"))?;
            made += by;
            at = bytes.end;
        }
        made += &self.text[at..];
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_where_they_belong() {
        let text = "a\n  // about b\n  b // and more\n  c\nlast\n";
        let mut edits = Edits::new(text);
        let place = |what: &str| text.find(what).unwrap();
        edits.replace_by_lines(
            place("c\n")..place("c\n") + 1,
            &["c1".to_owned(), "c2".to_owned()],
        );
        edits.remove_lines(place("b // and")..place("b // and") + 1);
        edits.replace_only("last", "end").unwrap();
        assert_eq!(edits.made().unwrap(), "a\n  c1\n  c2\nend\n");
    }

    #[test]
    fn a_place_is_changed_once() {
        let mut edits = Edits::new("abc");
        edits.replace(0..2, "x");
        edits.replace(1..3, "y");
        assert!(edits.made().is_err());
        assert!(Edits::new("aa").replace_only("a", "b").is_err());
        assert!(Edits::new("").replace_only("a", "b").is_err());
    }
}
