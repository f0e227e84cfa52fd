//! Words of a shell.

use std::fmt::Write as _;

/// A text as one word of bash, on one line whatever is in it.
pub fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = "$'".to_owned();
    for letter in text.chars() {
        match letter {
            '\n' => word += r"\n",
            '\\' => word += r"\\",
            '\'' => word += r"\'",
            letter if letter.is_control() => {
                for byte in letter.to_string().bytes() {
                    // Three octal digits, so that the next letter is none of them.
                    write!(word, "\\{byte:03o}").expect("a string takes everything");
                }
            }
            letter => word.push(letter),
        }
    }
    word + "'"
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn bash_reads_what_was_meant() {
        let texts = [
            "",
            "a",
            "a b",
            "it's",
            "a\"b",
            "a\nb",
            "a\r\n7",
            "$HOME",
            "`ls`",
            "$(ls)",
            "a\\nb",
            "*",
            "~",
            "-n",
            "a;b",
            "#",
            "!",
            "&",
            "é\u{85}ü",
            "\u{1b}[2J",
            "\t",
            "{a,b}",
            "'\n'",
            "a=b",
            "\\",
            "\u{7f}9",
        ];
        let words: Vec<String> = texts.into_iter().map(quoted).collect();
        assert!(words.iter().all(|word| !word.contains('\n')), "{words:?}");
        let script = format!("printf '%s\\0' {}", words.join(" "));
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        let read: Vec<&str> = read.split_terminator('\0').collect();
        assert_eq!(read, texts);
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(quoted("/shared/runs/x-1.json"), "/shared/runs/x-1.json");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("a\nb"), r"$'a\nb'");
    }
}
