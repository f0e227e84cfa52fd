//! NumPy's file of one array (`.npy`), in its versions 1.0 to 3.0.
//!
//! Goes in: a file's bytes, which nobody vouches for. Comes out: shape and type, and the elements in row-major order as `f64`, which holds
//! every number of the types that are read but integers beyond 2^53: those are rounded.
//!
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::{self, Read};

use crate::graph::{self, MOST_ELEMENTS};

/// How a file begins.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Most bytes of a header, as NumPy has it.
const MOST_HEADER_BYTES: u32 = 10_000;

/// What a file says before its elements.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Sizes, outermost first.
    pub(super) shape: Vec<usize>,
    /// NumPy's description of the elements' type.
    pub(super) descr: String,
    /// Whether the first axis is the fastest.
    fortran_order: bool,
}

/// A type of elements that is read.
#[derive(Clone, Copy)]
pub(super) struct Element {
    bytes: usize,
    is_big_endian: bool,
    is_truth: bool,
    /// Of an element in little-endian order, with zeros behind it.
    number: fn([u8; 8]) -> f64,
}

/// Why a file is not read.
fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

impl Header {
    /// Reads a file up to its elements.
    pub(super) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let mut first = [0; 8];
        reader
            .read_exact(&mut first)
            .map_err(|_| invalid("it ends within its first bytes"))?;
        let Some([major, minor]) = first.strip_prefix(MAGIC) else {
            return Err(invalid("its first bytes are another format's"));
        };
        let width = match (major, minor) {
            (1, 0) => 2,
            (2 | 3, 0) => 4,
            _ => {
                let message = format!("its version is {major}.{minor}, and 1.0, 2.0 and 3.0 are read");
                return Err(invalid(message));
            }
        };
        let ends = |_| invalid("it ends within its header");
        let mut length = [0; 4];
        reader.read_exact(&mut length[..width]).map_err(ends)?;
        let length = u32::from_le_bytes(length);
        if length > MOST_HEADER_BYTES {
            return Err(invalid(format!(
                "its header has {length} bytes, and at most {MOST_HEADER_BYTES} are read"
            )));
        }
        let mut text = vec![0; length as usize];
        reader.read_exact(&mut text).map_err(ends)?;
        let text = str::from_utf8(&text).map_err(|_| invalid("its header is no text"))?;
        Text(text).header().map_err(invalid)
    }

    /// The number of elements.
    ///
    /// # Errors
    /// More than are read.
    pub(super) fn count(&self) -> io::Result<usize> {
        let count = graph::elements(&self.shape).filter(|count| *count <= MOST_ELEMENTS);
        count.ok_or_else(|| {
            let shape = &self.shape;
            invalid(format!(
                "it says that it has the shape {shape:?}, and at most {MOST_ELEMENTS} elements are read"
            ))
        })
    }

    /// The type of the elements; none where it is not read.
    pub(super) fn element(&self) -> Option<Element> {
        let (order, kind) = self.descr.split_at_checked(1)?;
        let number: fn([u8; 8]) -> f64 = match kind {
            "b1" | "u1" | "u2" | "u4" | "u8" => |bytes| u64::from_le_bytes(bytes) as f64,
            "i1" => |[a, ..]| f64::from(i8::from_le_bytes([a])),
            "i2" => |[a, b, ..]| f64::from(i16::from_le_bytes([a, b])),
            "i4" => |[a, b, c, d, ..]| f64::from(i32::from_le_bytes([a, b, c, d])),
            "i8" => |bytes| i64::from_le_bytes(bytes) as f64,
            "f4" => |[a, b, c, d, ..]| f64::from(f32::from_le_bytes([a, b, c, d])),
            "f8" => f64::from_le_bytes,
            _ => return None,
        };
        let bytes = kind[1..].parse().ok()?;
        let is_big_endian = match order {
            "<" => false,
            ">" => true,
            "|" if bytes == 1 => false,
            _ => return None,
        };
        Some(Element {
            bytes,
            is_big_endian,
            is_truth: kind == "b1",
            number,
        })
    }

    /// The elements, where the reader stands behind the header.
    ///
    /// # Errors
    /// More or fewer bytes follow than they have, a truth value is neither true nor false, or there are too many.
    pub(super) fn elements(&self, element: Element, reader: impl Read) -> io::Result<Vec<f64>> {
        let expected = self.count()? * element.bytes;
        let mut bytes = Vec::new();
        // One more tells that there are too many.
        let read = reader.take(expected as u64 + 1).read_to_end(&mut bytes)?;
        if read != expected {
            let than = if read > expected { "more" } else { "fewer" };
            return Err(invalid(format!(
                "{than} bytes follow its header than the {expected} of its elements"
            )));
        }
        if element.is_truth && bytes.iter().any(|byte| *byte > 1) {
            return Err(invalid("a truth value of it is neither 0 nor 1"));
        }
        let stored = bytes.chunks_exact(element.bytes).map(|bytes| {
            let mut whole = [0; 8];
            let place = &mut whole[..element.bytes];
            place.copy_from_slice(bytes);
            if element.is_big_endian {
                place.reverse();
            }
            (element.number)(whole)
        });
        let stored: Vec<f64> = stored.collect();
        Ok(if self.fortran_order {
            row_major(&self.shape, &stored)
        } else {
            stored
        })
    }
}

/// Elements stored with the first axis fastest, put in row-major order.
fn row_major(shape: &[usize], column_major: &[f64]) -> Vec<f64> {
    (0..column_major.len())
        .map(|position| {
            // Coordinates from the last axis on; the offset weighs each with the sizes before it.
            let (mut rest, mut offset) = (position, 0);
            for axis in (0..shape.len()).rev() {
                offset += rest % shape[axis] * shape[..axis].iter().product::<usize>();
                rest /= shape[axis];
            }
            column_major[offset]
        })
        .collect()
}

/// The rest of a header's text: a dictionary as Python writes it, of which NumPy's three keys are read and no others.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn header(mut self) -> Result<Header, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.takes('}') {
            let key = self.string()?;
            self.expect(':')?;
            let is_first = match key {
                "descr" => descr.replace(self.type_of_elements()?).is_none(),
                "fortran_order" => fortran_order.replace(self.truth()?).is_none(),
                "shape" => shape.replace(self.sizes()?).is_none(),
                _ => {
                    return Err(format!(
                        "its header has the key {key:?}, which NumPy does not write"
                    ));
                }
            };
            if !is_first {
                return Err(format!("its header has the key {key:?} twice"));
            }
            if !self.takes(',') {
                self.expect('}')?;
                break;
            }
        }
        self.skip_space();
        if !self.0.is_empty() {
            return Err("its header goes on after the dictionary".to_owned());
        }
        let lacks = |key| format!("its header lacks the key {key:?}");
        Ok(Header {
            shape: shape.ok_or_else(|| lacks("shape"))?,
            descr: descr.ok_or_else(|| lacks("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| lacks("fortran_order"))?,
        })
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Whether this comes next, which is then read.
    fn takes(&mut self, token: char) -> bool {
        self.skip_space();
        let rest = self.0.strip_prefix(token);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, token: char) -> Result<(), String> {
        if self.takes(token) {
            Ok(())
        } else {
            Err(match self.0.chars().next() {
                Some(found) => format!("its header has {found:?} where {token:?} should be"),
                None => format!("its header ends where {token:?} should be"),
            })
        }
    }

    /// A text without escapes.
    fn string(&mut self) -> Result<&'a str, String> {
        let quote = if self.takes('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect('\'')?;
        }
        let (text, rest) = self.0.split_once(quote).ok_or("its header ends within a text")?;
        if text.contains('\\') {
            return Err("its header has a text with an escape".to_owned());
        }
        self.0 = rest;
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool, String> {
        self.skip_space();
        for (word, truth) in [("False", false), ("True", true)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(truth);
            }
        }
        Err("its header has neither True nor False for \"fortran_order\"".to_owned())
    }

    /// A type's description; of a type of records, which are not read, the list of its fields as it stands there.
    fn type_of_elements(&mut self) -> Result<String, String> {
        self.skip_space();
        if !self.0.starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let whole = self.0;
        let mut open = 0_usize;
        loop {
            self.skip_space();
            let next = self.0.chars().next().ok_or("its header ends within a list")?;
            match next {
                '\'' | '"' => {
                    self.string()?;
                    continue;
                }
                '[' | '(' => open += 1,
                ']' | ')' => open -= 1,
                _ => {}
            }
            self.0 = &self.0[next.len_utf8()..];
            if open == 0 {
                return Ok(whole[..whole.len() - self.0.len()].to_owned());
            }
        }
    }

    fn sizes(&mut self) -> Result<Vec<usize>, String> {
        let close = if self.takes('[') { ']' } else { ')' };
        if close == ')' {
            self.expect('(')?;
        }
        let mut sizes = Vec::new();
        while !self.takes(close) {
            sizes.push(self.size()?);
            if !self.takes(',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(sizes)
    }

    fn size(&mut self) -> Result<usize, String> {
        self.skip_space();
        let is_of_word = |c: char| c.is_alphanumeric() || "_.+-".contains(c);
        let (word, rest) = self
            .0
            .split_at(self.0.find(|c| !is_of_word(c)).unwrap_or(self.0.len()));
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its header has a size that is not in plain decimal digits".to_owned());
        }
        self.0 = rest;
        word.parse()
            .map_err(|_| format!("its header says more than {MOST_ELEMENTS} elements"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of version 1.0 with this header, padded as NumPy pads it.
    pub(in crate::input) fn file(header: &str, elements: &[u8]) -> Vec<u8> {
        let padding = " ".repeat((64 - (11 + header.len()) % 64) % 64);
        let length = (header.len() + padding.len() + 1) as u16;
        [
            b"\x93NUMPY\x01\x00",
            &length.to_le_bytes()[..],
            header.as_bytes(),
            padding.as_bytes(),
            b"\n",
            elements,
        ]
        .concat()
    }

    /// A header as NumPy writes it.
    pub(in crate::input) fn header(descr: &str, fortran_order: bool, shape: &str) -> String {
        let order = if fortran_order { "True" } else { "False" };
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
    }

    fn read(mut bytes: &[u8]) -> Result<Header, String> {
        Header::read(&mut bytes).map_err(|error| error.to_string())
    }

    fn read_text(text: &str) -> Result<Header, String> {
        read(&file(text, b""))
    }

    fn numbers(descr: &str, shape: &str, elements: &[u8]) -> Result<Vec<f64>, String> {
        let bytes = file(&header(descr, false, shape), elements);
        let mut rest = bytes.as_slice();
        let header = Header::read(&mut rest).unwrap();
        let element = header.element().ok_or("another type")?;
        header.elements(element, rest).map_err(|error| error.to_string())
    }

    /// The whole file that NumPy 2.4 writes of `numpy.array([[1, 2.5]], dtype="<f4")`.
    #[test]
    fn a_file_of_numpys() {
        let mut bytes = &b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }                                                          \n\x00\x00\x80\x3f\x00\x00\x20\x40"[..];
        assert_eq!(bytes.len(), 128 + 8);
        assert_eq!(file(&header("<f4", false, "(1, 2)"), &bytes[128..]), bytes);
        let header = Header::read(&mut bytes).unwrap();
        assert_eq!(header.shape, [1, 2]);
        let element = header.element().unwrap();
        assert_eq!(header.elements(element, bytes).unwrap(), [1.0, 2.5]);
    }

    #[test]
    fn every_version_is_read_and_no_other() {
        let text = header("|u1", false, "(3,)");
        let of = |major, minor| {
            let length = (text.len() as u32).to_le_bytes();
            let width = if major == 1 { 2 } else { 4 };
            read(&[MAGIC, &[major, minor], &length[..width], text.as_bytes()].concat())
        };
        for major in 1..=3 {
            assert_eq!(of(major, 0).unwrap().shape, [3]);
        }
        for (major, minor) in [(0, 0), (1, 1), (4, 0)] {
            let message = of(major, minor).unwrap_err();
            assert!(
                message.starts_with(&format!("its version is {major}.{minor}")),
                "{message}"
            );
        }
    }

    #[test]
    fn headers_may_be_written_otherwise() {
        let expected = read_text(&header(">i2", true, "(4, 5)")).unwrap();
        assert_eq!((&*expected.descr, &expected.shape[..]), (">i2", &[4, 5][..]));
        for text in [
            "{\"shape\":[4,5],\"descr\":\">i2\",\"fortran_order\":True}",
            " { 'fortran_order' : True , 'shape' : ( 4 , 5 , ) ,\n'descr':'>i2'\t}  ",
        ] {
            assert_eq!(read_text(text).as_ref(), Ok(&expected), "{text}");
        }
        for shape in ["()", "[]"] {
            assert!(read_text(&header("<f4", false, shape)).unwrap().shape.is_empty());
        }
    }

    #[test]
    fn headers_that_are_refused() {
        let whole = header("<f4", false, "(2, 3)");
        for (text, part) in [
            ("", "ends where '{'"),
            ("(2, 3)", "has '(' where '{'"),
            ("{'descr': '<f4'", "ends where '}'"),
            ("{'descr' '<f4'}", "has '\\'' where ':'"),
            ("{'descr': '<f4}", "ends within a text"),
            ("{'descr': '\\x3cf4'}", "escape"),
            ("{'descr': 4}", "has '4' where '\\''"),
            ("{'descr': [('a', '<f4')}", "ends within a list"),
            ("{'fortran_order': 0}", "neither True nor False"),
            ("{'fortran_order': False 'descr': '<f4'}", "has '\\'' where '}'"),
            ("{'shape': 4}", "has '4' where '('"),
            ("{'shape': (4 5)}", "has '5' where ')'"),
            ("{'shape': (,)}", "plain decimal digits"),
            ("{'shape': (-1,)}", "plain decimal digits"),
            ("{'shape': (4L,)}", "plain decimal digits"),
            ("{'shape': ('4',)}", "plain decimal digits"),
            ("{'other': 4}", "the key \"other\""),
            ("{'shape': (4,), 'shape': (4,)}", "\"shape\" twice"),
            (
                "{'descr': '<f4', 'shape': (4,)}",
                "lacks the key \"fortran_order\"",
            ),
            ("{}", "lacks the key \"shape\""),
            (&format!("{whole} {whole}"), "goes on"),
        ] {
            let message = read_text(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        let no_text = [MAGIC, b"\x01\x00\x02\x00\xff\xfe"].concat();
        assert_eq!(read(&no_text).unwrap_err(), "its header is no text");
        let bytes = file(&whole, b"");
        for length in 0..bytes.len() {
            let message = read(&bytes[..length]).unwrap_err();
            assert!(message.starts_with("it ends within"), "{length}: {message}");
        }
    }

    #[test]
    fn every_type_in_both_orders() {
        let of = |kind: &str, little: &[u8]| {
            let big: Vec<u8> = little.iter().rev().copied().collect();
            let shape = "(1,)";
            let number = numbers(&format!("<{kind}"), shape, little).unwrap();
            assert_eq!(
                numbers(&format!(">{kind}"), shape, &big).unwrap(),
                number,
                "{kind}"
            );
            let without = numbers(&format!("|{kind}"), shape, little);
            assert_eq!(without.is_ok(), little.len() == 1, "{kind}");
            number[0]
        };
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() <= 0.0, "{found} {expected}");
        close(of("b1", &[1]), 1.0);
        close(of("u1", &[0xfe]), 254.0);
        close(of("i1", &[0xfe]), -2.0);
        close(of("u2", &[0x01, 0xff]), 65_281.0);
        close(of("i2", &[0x01, 0xff]), -255.0);
        close(of("u4", &u32::MAX.to_le_bytes()), 4_294_967_295.0);
        close(of("i4", &i32::MIN.to_le_bytes()), -2_147_483_648.0);
        close(of("u8", &u64::MAX.to_le_bytes()), 18_446_744_073_709_551_616.0);
        close(of("i8", &i64::MIN.to_le_bytes()), -9_223_372_036_854_775_808.0);
        close(of("f4", &0.1_f32.to_le_bytes()), f64::from(0.1_f32));
        close(of("f8", &0.1_f64.to_le_bytes()), 0.1);
        for descr in [
            "<f2", "<f16", "<c8", "|O", "|S4", "<U4", "|V2", "<m8[ns]", "=f4", "f4", "", "<", "<f04", "<é4",
        ] {
            assert_eq!(
                numbers(descr, "(1,)", &[0; 16]).unwrap_err(),
                "another type",
                "{descr}"
            );
        }
        let records = "[('a', '<f4'), ('b]', [('c', '<i2', (2,))])]";
        let text = header("x", false, "(1,)").replace("'x'", records);
        let found = read_text(&text).unwrap();
        assert_eq!(found.descr, records);
        assert!(found.element().is_none());
    }

    #[test]
    fn elements_are_as_many_as_the_shape_says() {
        assert_eq!(
            numbers("|u1", "(2, 2)", &[1, 2, 3, 4]).unwrap(),
            [1.0, 2.0, 3.0, 4.0]
        );
        assert!(numbers("|u1", "(0, 2)", &[]).unwrap().is_empty());
        assert_eq!(numbers("|u1", "()", &[7]).unwrap(), [7.0]);
        for (bytes, than) in [(3, "fewer"), (5, "more")] {
            let message = numbers("|u1", "(2, 2)", &vec![0; bytes]).unwrap_err();
            assert_eq!(
                message,
                format!("{than} bytes follow its header than the 4 of its elements")
            );
        }
        assert!(
            numbers("|b1", "(2,)", &[1, 2])
                .unwrap_err()
                .contains("neither 0 nor 1")
        );
        for shape in [
            "(4294967296, 4294967296)",
            "(9223372036854775807,)",
            "(536870912,)",
        ] {
            let header = read_text(&header("<f4", false, shape)).unwrap();
            assert!(
                header
                    .count()
                    .unwrap_err()
                    .to_string()
                    .contains("elements are read")
            );
        }
        let beyond = read_text(&header("<f4", false, "(18446744073709551616,)")).unwrap_err();
        assert!(beyond.contains("more than"), "{beyond}");
    }

    #[test]
    fn the_first_axis_may_be_the_fastest() {
        let bytes = file(&header("|u1", true, "(2, 3)"), &[1, 4, 2, 5, 3, 6]);
        let mut rest = bytes.as_slice();
        let header = Header::read(&mut rest).unwrap();
        let element = header.element().unwrap();
        assert_eq!(
            header.elements(element, rest).unwrap(),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "[{}\\[\\]()',:0-9 a-z\\\\é\"-]{0,60}") {
            let _ = read_text(&text);
            for key in ["descr", "fortran_order", "shape"] {
                let _ = read_text(&format!("{{'{key}': {text}"));
            }
        }

        #[test]
        fn no_type_panics(descr in "\\PC{0,4}") {
            let header = Header { shape: vec![1], descr, fortran_order: false };
            let _ = header.element();
        }
    }
}
