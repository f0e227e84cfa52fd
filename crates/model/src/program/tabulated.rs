//! Functions of one number that circuits look up, in the arithmetic that the proving backend fills its tables with.

use crate::interval::Interval;

/// The base of the exponential as EZKL's tables hold it, an `f32`.
const BASE: f32 = std::f32::consts::E;

/// A function of one number. All of them grow, or stay as they are, as their argument grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tabulated {
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// e^x, where e is the `f32` nearest to Euler's number.
    Exponential,
    /// The natural logarithm, of positive numbers.
    Logarithm,
    /// The square root, of numbers that are not negative.
    Root,
    /// The error function.
    ErrorFunction,
}

impl Tabulated {
    /// round(2^scale · f(x / 2^scale)), as EZKL's `nonlinearities` compute it (`src/tensor/ops.rs`).
    #[must_use]
    pub fn integer(self, x: i128, scale: u32) -> i128 {
        let one = f64::from(scale).exp2();
        let x = x as f64 / one;
        let result = match self {
            Self::Sigmoid => one / (1.0 + (-x).exp()),
            Self::Tanh => one * x.tanh(),
            Self::Exponential => one * f64::from(BASE).powf(x),
            Self::Logarithm => one * x.ln(),
            Self::Root => one * x.powf(0.5),
            Self::ErrorFunction => one * error_function(x),
        };
        result.round() as i128
    }

    /// The least argument that it has a result for; none where it has one for each.
    pub(crate) fn least(self) -> Option<i128> {
        match self {
            Self::Logarithm => Some(1),
            Self::Root => Some(0),
            Self::Sigmoid | Self::Tanh | Self::Exponential | Self::ErrorFunction => None,
        }
    }

    /// What results can be for these arguments, whether or not they are integers that a circuit can hold.
    pub(crate) fn results(self, arguments: Interval, scale: u32) -> Interval {
        match self {
            Self::Sigmoid => Interval {
                least: 0,
                greatest: 1 << scale,
            },
            Self::Tanh => Interval::symmetric(1 << scale),
            Self::Exponential | Self::Logarithm | Self::Root | Self::ErrorFunction => Interval {
                least: self.integer(arguments.least, scale),
                greatest: self.integer(arguments.greatest, scale),
            },
        }
    }
}

/// The error function by a series of Chebyshev polynomials, as EZKL has it (`erffunc`): its terms and their order decide the last bits.
fn error_function(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 - complement(x)
    } else {
        complement(-x) - 1.0
    }
}

/// 1 − erf(z), for z of at least 0.
fn complement(z: f64) -> f64 {
    const COEFFICIENTS: [f64; 28] = [
        -1.302_653_719_781_709_4,
        6.419_697_923_564_902e-1,
        1.947_647_320_418_583_6e-2,
        -9.561_514_786_808_63e-3,
        -9.465_953_444_820_36e-4,
        3.668_394_978_527_61e-4,
        4.252_332_480_690_7e-5,
        -2.027_857_811_253_4e-5,
        -1.624_290_004_647e-6,
        1.303_655_835_580e-6,
        1.562_644_172_2e-8,
        -8.523_809_591_5e-8,
        6.529_054_439e-9,
        5.059_343_495e-9,
        -9.913_641_56e-10,
        -2.273_651_22e-10,
        9.646_791_1e-11,
        2.394_038e-12,
        -6.886_027e-12,
        8.944_87e-13,
        3.130_92e-13,
        -1.127_08e-13,
        3.81e-16,
        7.106e-15,
        -1.523e-15,
        -9.4e-17,
        1.21e-16,
        -2.8e-17,
    ];
    let [first, rest @ .., _] = &COEFFICIENTS;
    let t = 2.0 / (2.0 + z);
    let twice = 4.0 * t - 2.0;
    let (mut last, mut before) = (0.0, 0.0);
    for coefficient in rest.iter().rev() {
        (last, before) = (twice * last - before + coefficient, last);
    }
    t * (-z.powi(2) + 0.5 * (first + twice * last) - before).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Tabulated; 6] = [
        Tabulated::Sigmoid,
        Tabulated::Tanh,
        Tabulated::Exponential,
        Tabulated::Logarithm,
        Tabulated::Root,
        Tabulated::ErrorFunction,
    ];

    #[test]
    fn all_functions_grow_over_a_table() {
        for function in ALL {
            for scale in [0, 4, 9, 14] {
                let least = function.least().unwrap_or(-65_536);
                // What e^x is beyond 2^126 is no result of a circuit's.
                let greatest = if function == Tabulated::Exponential {
                    60 << scale
                } else {
                    65_536
                };
                let results = (least..=greatest.min(65_536)).map(|x| function.integer(x, scale));
                assert!(results.is_sorted(), "{function:?} at scale {scale}");
            }
        }
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "as the books have them")]
    fn values_are_those_of_tables_in_books() {
        // Abramowitz and Stegun, tables 7.1, 4.4 and 4.2.
        for (function, x, expected) in [
            (Tabulated::ErrorFunction, 0.5, 0.520_499_877_8),
            (Tabulated::ErrorFunction, -1.0, -0.842_700_792_9),
            (Tabulated::ErrorFunction, 2.0, 0.995_322_265_0),
            (Tabulated::Exponential, 1.0, 2.718_281_828),
            (Tabulated::Exponential, -0.5, 0.606_530_659_7),
            (Tabulated::Logarithm, 2.0, 0.693_147_180_6),
            (Tabulated::Root, 2.0, 1.414_213_562),
        ] {
            let one = 20f64.exp2();
            let found = function.integer((x * one) as i128, 20);
            assert!(
                (found as f64 - expected * one).abs() <= 0.6,
                "{function:?} of {x}: {found}"
            );
        }
    }

    #[test]
    fn the_error_function_is_odd() {
        for x in 0..4000 {
            let [there, back] = [x, -x].map(|x| Tabulated::ErrorFunction.integer(x, 10));
            assert_eq!(there, -back);
        }
    }
}
