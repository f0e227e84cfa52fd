//! Real numbers as integers at a unit that is a power of two.

/// The most by which a unit is below 1, as a logarithm.
const LEAST_EXPONENT: i32 = -60;

/// The logarithm of the least power of two that makes a number whole; 0 for 0.
fn whole_at(number: f64) -> i32 {
    const MANTISSA_BITS: i32 = 52;
    const EXPONENT_BIAS: i32 = 1023;
    let bits = number.to_bits();
    let exponent = (bits >> MANTISSA_BITS & 0x7ff) as i32;
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    if number == 0.0 {
        return 0;
    }
    // A number without an implicit bit is so small that nothing below follows from its last one.
    let last = (mantissa | 1 << MANTISSA_BITS).trailing_zeros() as i32;
    MANTISSA_BITS - last - (exponent - EXPONENT_BIAS)
}

/// The logarithm of the unit at which these numbers are written: at least the one at which all are whole, or else `bits` after the
/// binary point, and as many more as the greatest of them is below 1.
pub(crate) fn exponent(numbers: &[f64], bits: u32) -> i32 {
    let others = numbers.iter().copied().filter(|&number| number != 0.0);
    let exact = others.clone().map(whole_at).max().unwrap_or(0);
    let greatest = others.map(f64::abs).fold(0.0, f64::max);
    let below_one = if greatest > 0.0 {
        (-greatest.log2().floor()).max(0.0) as i32
    } else {
        0
    };
    exact.min(bits as i32 + below_one).max(LEAST_EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_at_a_coarse_unit_is_written_exactly() {
        for (numbers, expected) in [
            (&[6.0][..], -1),
            (&[0.5], 1),
            (&[1.0, -1.0, 0.0], 0),
            (&[0.75, 3.0], 2),
            (&[0.0], 0),
            (&[], 0),
            (&[1024.0], -10),
            // One third: seven bits, and two more for its size.
            (&[1.0 / 3.0], 9),
            (&[1.0 / 3.0, 100.0], 7),
        ] {
            assert_eq!(exponent(numbers, 7), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_number_is_whole_at_its_last_bit() {
        for number in [1.0, 0.1, 3.5, 1e-9, 12_345.678, 2f64.powi(70)] {
            let unit = f64::from(whole_at(number)).exp2();
            let has_fraction = |number: f64| number.fract().abs() > 0.0;
            assert!(!has_fraction(number * unit), "{number}");
            assert!(has_fraction(number * unit / 2.0), "{number}");
        }
    }
}
