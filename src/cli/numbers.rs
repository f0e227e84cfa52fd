//! Numbers and sizes as arguments.

use std::num::IntErrorKind;

/// Most of anything that is counted.
const MOST: u64 = 1_000_000_000;

/// Most threads: no machine has as many cores.
const MOST_THREADS: usize = 4096;

/// A whole number, 0 among them.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse::<u64>() {
        Ok(number) if number <= MOST => Ok(number as usize),
        Ok(_) => Err(format!("must be at most {MOST}")),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err(format!("must be at most {MOST}")),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

/// A whole number that is not 0.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match count(text)? {
        0 => Err("must be at least 1".to_owned()),
        number => Ok(number),
    }
}

/// A number of threads.
pub(super) fn thread_count(text: &str) -> Result<usize, String> {
    match at_least_one(text)? {
        threads if threads > MOST_THREADS => Err(format!("must be at most {MOST_THREADS}")),
        threads => Ok(threads),
    }
}

/// Largest size: no machine has a pebibyte of memory, or gives a cache as much of its disk.
const MOST_BYTES: u64 = 1 << 50;

/// A size with its unit: `20GiB`, `512MiB`, `8GB`. A bare number is refused: most who write one mean GiB.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" if digits.trim().parse::<f64>().is_ok() => {
            return Err(format!(
                "a size has a unit; hint: write {0}GiB for {0} times 2^30 bytes",
                digits.trim()
            ));
        }
        "" => return Err("not a size, as in 20GiB".to_owned()),
        "B" => 1,
        "KB" => 1000,
        "MB" => 1000_u64.pow(2),
        "GB" => 1000_u64.pow(3),
        "TB" => 1000_u64.pow(4),
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        unit => return Err(format!("unknown unit {unit:?}; use MiB, GiB, MB or GB")),
    };
    let number: f64 = digits
        .trim()
        .parse()
        .map_err(|_| "not a size, as in 20GiB".to_owned())?;
    let bytes = number * factor as f64;
    if (1.0..=MOST_BYTES as f64).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err("out of range: a size is 1B to 1024TiB".to_owned())
    }
}

/// The least memory that a worker may be given: with less not even Python starts.
const LEAST_MEMORY_BYTES: u64 = 64 << 20;

/// A size that a worker can start in.
pub(super) fn parse_memory(text: &str) -> Result<u64, String> {
    match parse_bytes(text)? {
        bytes if bytes < LEAST_MEMORY_BYTES => Err("a worker takes 64MiB at least".to_owned()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_bytes("20GiB"), Ok(20 << 30));
        assert_eq!(parse_bytes("1.5MiB"), Ok(3 << 19));
        assert_eq!(parse_bytes("1000B"), Ok(1000));
        assert_eq!(parse_bytes("8GB"), Ok(8_000_000_000));
        assert_eq!(parse_bytes("8 GiB"), Ok(8 << 30));
        assert_eq!(parse_bytes("1024TiB"), Ok(1 << 50));
        for bad in [
            "", " ", "GiB", "20gb", "-1GiB", "0GiB", "1e30TiB", "1025TiB", "infGiB", "nanGiB", "8 G",
            "8GiBGiB", "0.1B",
        ] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
        for bare in ["8", "8 ", "0.5", "20000000000"] {
            let message = parse_bytes(bare).unwrap_err();
            assert!(
                message.contains(&format!("hint: write {}GiB", bare.trim())),
                "{message}"
            );
        }
        assert!(parse_memory("20B").is_err() && parse_memory("63MiB").is_err());
        assert_eq!(parse_memory("1GiB"), Ok(1 << 30));
    }

    #[test]
    fn counts_have_ranges() {
        assert_eq!(
            (count("0"), at_least_one("1"), thread_count("4096")),
            (Ok(0), Ok(1), Ok(4096))
        );
        for bad in [
            "-1",
            "1.5",
            "",
            "x",
            "9223372036854775808",
            "18446744073709551616",
            "1000000001",
        ] {
            assert!(count(bad).is_err() && at_least_one(bad).is_err(), "{bad}");
        }
        assert!(at_least_one("0").is_err() && thread_count("4097").is_err());
    }
}
