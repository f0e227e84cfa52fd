//! Numbers as people read them.

use crate::record::Spread;

/// Bytes in binary units, three significant digits: `1.24 GiB`.
pub(super) fn bytes(bytes: u64) -> String {
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
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 99.95 {
        format!("{} s", significant(seconds))
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// A whole number with thin groups of three: `2,950,753`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What N models and M proofs cost: `N × 2,309,261 + M × 413,619 gas for N models and M proofs`.
pub(super) fn spread(spread: &Spread) -> String {
    let [deployment, verification] = [spread.deployment_gas, spread.verification_gas].map(count);
    let placed = match spread.registration_gas {
        None => format!("N × {deployment}"),
        Some(registration) => format!("{deployment} + N × {}", count(registration)),
    };
    format!("{placed} + M × {verification} gas for N models and M proofs")
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
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(2_950_753), "2,950,753");
        let plain = Spread {
            deployment_gas: 2_309_261,
            registration_gas: None,
            verification_gas: 413_619,
        };
        assert_eq!(
            spread(&plain),
            "N × 2,309,261 + M × 413,619 gas for N models and M proofs"
        );
        let reusable = Spread {
            registration_gas: Some(124_820),
            ..plain
        };
        assert_eq!(
            spread(&reusable),
            "2,309,261 + N × 124,820 + M × 413,619 gas for N models and M proofs"
        );
    }
}
