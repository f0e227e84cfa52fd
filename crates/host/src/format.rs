//! Numbers and texts as people read them.
//!
//! A text from a record or a file may hold anything. Every writer (terminal, CSV, Markdown, LaTeX, page) passes it through
//! [`plain`], and what becomes a cell through [`cell`].

use std::borrow::Cow;

/// Bytes in binary units, three significant digits: `1.24 GiB`.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        // The rounded value decides, so that no one reads "1000 KiB" beside "0.98 MiB".
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{} {unit}", significant(value))
    }
}

/// Seconds: `0.42 s`, `12.3 s`, `4 min 20 s`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 99.95 {
        format!("{} s", significant(seconds))
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// A number with three significant digits: `0.0123`, `12.3`, `1.23e-7`.
pub fn real(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let magnitude = number.abs().log10().floor();
    if (-4.0..6.0).contains(&magnitude) {
        let decimals = (2.0 - magnitude).max(0.0) as usize;
        format!("{number:.decimals$}")
    } else {
        format!("{number:.2e}")
    }
}

/// A whole number with thin groups of three: `2,950,753`.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As [`count`], for numbers that may be below 0.
pub fn signed(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&number.unsigned_abs().to_string()))
}

/// A difference with its sign: `+1,140`, `-36`, `0`.
pub fn difference(difference: i128) -> String {
    let sign = if difference > 0 { "+" } else { "" };
    format!("{sign}{}", signed(difference))
}

/// A share as a percentage with its sign: `+0.47%`, `-12.3%`, `+0.0012%`. What is not 0 is never written as 0.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let size = percent.abs();
    if size == 0.0 {
        return "0%".to_owned();
    }
    let decimals = match size {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.0995 => 2,
        // Two digits behind the zeros.
        size => (1.0 - size.log10().floor()) as usize,
    };
    let sign = if percent > 0.0 { '+' } else { '-' };
    let number = format!("{size:.decimals$}");
    let number = if decimals == 0 { grouped(&number) } else { number };
    format!("{sign}{number}%")
}

/// A count and what it counts: `1 record`, `2,000 records`. The noun takes an s.
pub fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", self::count(count as u64))
}

/// A text whose first letter is a capital.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Whether a character acts on a terminal or on the direction of the text around it, and shows nothing itself.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// A character of those as its code, `\u001b`, which is also what it is in JSON.
fn code(character: char) -> String {
    format!("\\u{:04x}", u32::from(character))
}

/// A text on one line, in which nothing acts on a terminal or turns the direction of what follows: breaks and tabs are spaces,
/// and other control characters are shown as their codes.
pub fn plain(text: &str) -> Cow<'_, str> {
    shown(text, |character| match character {
        '\n' | '\r' | '\t' => Some(" ".to_owned()),
        character => is_control(character).then(|| code(character)),
    })
}

/// The same of a text of several lines.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    shown(text, |character| {
        (character != '\n' && is_control(character)).then(|| match character {
            '\t' => " ".to_owned(),
            character => code(character),
        })
    })
}

fn shown(text: &str, instead: impl Fn(char) -> Option<String>) -> Cow<'_, str> {
    if text.chars().all(|character| instead(character).is_none()) {
        return Cow::Borrowed(text);
    }
    let of = |character| instead(character).unwrap_or_else(|| String::from(character));
    Cow::Owned(text.chars().map(of).collect())
}

/// [`plain`], and no spreadsheet takes it for a formula: what begins like one has an apostrophe before it, a number with a sign has
/// none.
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = plain(text);
    let start = text.trim();
    // A sign alone computes nothing.
    let is_formula = start.chars().nth(1).is_some()
        && (start.starts_with(['=', '@', '＝', '＠', '＋', '－'])
            || (start.starts_with(['+', '-']) && !is_signed_number(start)));
    if is_formula {
        Cow::Owned(format!("'{text}"))
    } else {
        text
    }
}

/// Whether a text that starts with a sign is a number, with or without a unit.
fn is_signed_number(text: &str) -> bool {
    let number = &text[1..];
    let digits = number.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .trim_end()
            .chars()
            .all(|c| c.is_ascii_digit() || ",.".contains(c));
    is_number || text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn significant(value: f64) -> String {
    let decimals = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_s() {
        let shown = [0, 1, 2, 2_000].map(|count| plural(count, "record"));
        assert_eq!(shown, ["0 records", "1 record", "2 records", "2,000 records"]);
    }

    #[test]
    fn nothing_in_a_text_acts_on_a_terminal() {
        assert_eq!(plain("conv2d, scale 7 × 2"), "conv2d, scale 7 × 2");
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\td\u{7}"), "a\\u001b[2Jb  c d\\u0007");
        assert_eq!(
            plain("a\u{202e}b\u{2066}\u{200f}\u{9b}"),
            "a\\u202eb\\u2066\\u200f\\u009b"
        );
        assert_eq!(plain_lines("a\nb\u{1b}\tc\r"), "a\nb\\u001b c\\u000d");
        // What is printed as JSON is the same JSON afterwards.
        let text = "x\u{202e}\u{7f}\u{9b}";
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(serde_json::from_str::<String>(&plain_lines(&json)).unwrap(), text);
    }

    #[test]
    fn no_cell_is_a_formula() {
        for formula in [
            "=1+1",
            "@SUM(A1)",
            "+cmd|' /C calc'!A0",
            "-2+3+cmd|' /C calc'!A0",
            "\t=1",
            "\r=1",
            " =1",
            "-A1",
            "+1-1",
            "＝1",
        ] {
            let cell = cell(formula);
            assert!(cell.starts_with('\''), "{formula:?} {cell:?}");
        }
        for other in [
            "-", "+1,140", "-0.5", "+0.47%", "-3.2 MiB", "1.5e-7", "-1.2e-7", "relu", "a=b", "x - y", "",
        ] {
            assert_eq!(cell(other), other);
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "0.98 KiB");
        assert_eq!(bytes(138_479_371), "132 MiB");
        assert_eq!(bytes(8_862_566_155), "8.25 GiB");
        assert_eq!(seconds(0.423), "0.42 s");
        assert_eq!(seconds(12.34), "12.3 s");
        assert_eq!(seconds(99.96), "1 min 40 s");
        assert_eq!(seconds(283.4), "4 min 43 s");
        assert_eq!(difference(0), "0");
        assert_eq!(difference(1140), "+1,140");
        assert_eq!(difference(-36), "-36");
        assert_eq!(difference(-i128::from(u64::MAX)), "-18,446,744,073,709,551,615");
        assert_eq!(percent(0.0), "0%");
        assert_eq!(percent(0.004_67), "+0.47%");
        assert_eq!(percent(-0.005), "-0.50%");
        assert_eq!(percent(0.123_4), "+12.3%");
        assert_eq!(percent(-0.999_6), "-100%");
        assert_eq!(percent(123.456), "+12,346%");
        assert_eq!(percent(0.000_995), "+0.10%");
        assert_eq!(percent(0.000_386), "+0.039%");
        assert_eq!(percent(-0.000_003_96), "-0.00040%");
        assert_eq!(percent(5e-12), "+0.00000000050%");
        assert_eq!(percent(u64::MAX as f64), "+1,844,674,407,370,955,161,600%");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(2_950_753), "2,950,753");
    }
}
