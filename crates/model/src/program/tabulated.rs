//! Functions of one number that circuits look up, in the arithmetic that the proving backend fills its tables with.

use crate::interval::Interval;

/// The base of the exponential as EZKL's tables hold it, an `f32`.
const BASE: f32 = std::f32::consts::E;

/// The most integers of a function that neither grows nor falls whose results are looked through for their bounds.
const MOST_ARGUMENTS: i128 = 1 << 20;

/// A function of one number.
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
    /// The cosine.
    Cosine,
    /// The sine.
    Sine,
    /// The tangent.
    Tangent,
    /// The angle between 0 and π that has this cosine.
    ArcCosine,
    /// The angle between ±π/2 that has this sine.
    ArcSine,
    /// The angle between ±π/2 that has this tangent.
    ArcTangent,
    /// (e^x + e^−x) / 2.
    HyperbolicCosine,
    /// (e^x − e^−x) / 2.
    HyperbolicSine,
    /// The number of at least 0 that has this hyperbolic cosine.
    AreaCosine,
    /// The number that has this hyperbolic sine.
    AreaSine,
    /// The number that has this hyperbolic tangent.
    AreaTangent,
}

/// The integers that a function has results for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The least; none where there is none.
    pub(crate) least: Option<i128>,
    /// The greatest likewise.
    pub(crate) greatest: Option<i128>,
}

impl Arguments {
    /// Whether all of an interval are among them.
    pub(crate) fn hold(self, interval: Interval) -> bool {
        let is_above = self.least.is_none_or(|least| interval.least >= least);
        is_above && self.greatest.is_none_or(|greatest| interval.greatest <= greatest)
    }
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
            Self::Cosine => one * x.cos(),
            Self::Sine => one * x.sin(),
            Self::Tangent => one * x.tan(),
            Self::ArcCosine => one * x.acos(),
            Self::ArcSine => one * x.asin(),
            Self::ArcTangent => one * x.atan(),
            Self::HyperbolicCosine => one * x.cosh(),
            Self::HyperbolicSine => one * x.sinh(),
            Self::AreaCosine => one * x.acosh(),
            Self::AreaSine => one * x.asinh(),
            Self::AreaTangent => one * x.atanh(),
        };
        result.round() as i128
    }

    /// The arguments that it has a result for.
    pub(crate) fn domain(self, scale: u32) -> Arguments {
        let one = 1 << scale;
        let (least, greatest) = match self {
            Self::Logarithm => (Some(1), None),
            Self::Root => (Some(0), None),
            Self::ArcCosine | Self::ArcSine => (Some(-one), Some(one)),
            Self::AreaCosine => (Some(one), None),
            Self::AreaTangent => (Some(1 - one), Some(one - 1)),
            Self::Sigmoid
            | Self::Tanh
            | Self::Exponential
            | Self::ErrorFunction
            | Self::Cosine
            | Self::Sine
            | Self::Tangent
            | Self::ArcTangent
            | Self::HyperbolicCosine
            | Self::HyperbolicSine
            | Self::AreaSine => (None, None),
        };
        Arguments { least, greatest }
    }

    /// Whether it has a result for some integers alone.
    pub(crate) fn is_partial(self) -> bool {
        let Arguments { least, greatest } = self.domain(1);
        least.is_some() || greatest.is_some()
    }

    /// What results can be for these arguments, whether or not they are integers that a circuit can hold. None where it has no result
    /// for some of them, or nothing bounds their results.
    pub(crate) fn results(self, arguments: Interval, scale: u32) -> Option<Interval> {
        if !self.domain(scale).hold(arguments) {
            return None;
        }
        let [at_least, at_greatest] = [arguments.least, arguments.greatest].map(|x| self.integer(x, scale));
        Some(match self {
            Self::Sigmoid => Interval {
                least: 0,
                greatest: 1 << scale,
            },
            Self::Tanh | Self::Cosine | Self::Sine => Interval::symmetric(1 << scale),
            // It grows between places where it jumps.
            Self::Tangent => {
                if arguments.greatest - arguments.least > MOST_ARGUMENTS {
                    return None;
                }
                let all = (arguments.least..=arguments.greatest).map(|x| self.integer(x, scale));
                all.fold(
                    Interval {
                        least: at_least,
                        greatest: at_least,
                    },
                    |all, x| Interval {
                        least: all.least.min(x),
                        greatest: all.greatest.max(x),
                    },
                )
            }
            Self::ArcCosine => Interval {
                least: at_greatest,
                greatest: at_least,
            },
            Self::HyperbolicCosine => Interval {
                least: 1 << scale,
                greatest: at_least.max(at_greatest),
            },
            Self::Exponential
            | Self::Logarithm
            | Self::Root
            | Self::ErrorFunction
            | Self::ArcSine
            | Self::ArcTangent
            | Self::HyperbolicSine
            | Self::AreaCosine
            | Self::AreaSine
            | Self::AreaTangent => Interval {
                least: at_least,
                greatest: at_greatest,
            },
        })
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

    const ALL: [Tabulated; 17] = [
        Tabulated::Cosine,
        Tabulated::Sine,
        Tabulated::Tangent,
        Tabulated::ArcCosine,
        Tabulated::ArcSine,
        Tabulated::ArcTangent,
        Tabulated::HyperbolicCosine,
        Tabulated::HyperbolicSine,
        Tabulated::AreaCosine,
        Tabulated::AreaSine,
        Tabulated::AreaTangent,
        Tabulated::Sigmoid,
        Tabulated::Tanh,
        Tabulated::Exponential,
        Tabulated::Logarithm,
        Tabulated::Root,
        Tabulated::ErrorFunction,
    ];

    #[test]
    fn bounds_hold_all_results_over_a_table() {
        for function in ALL {
            for scale in [0, 4, 9, 14] {
                let domain = function.domain(scale);
                // What e^x is beyond 2^126 is no result of a circuit's.
                let grows_fast = [
                    Tabulated::Exponential,
                    Tabulated::HyperbolicCosine,
                    Tabulated::HyperbolicSine,
                ];
                let most = if grows_fast.contains(&function) {
                    65_536.min(60 << scale)
                } else {
                    65_536
                };
                let whole = Interval {
                    least: domain.least.unwrap_or(-most),
                    greatest: domain.greatest.unwrap_or(most),
                };
                if whole.greatest < whole.least {
                    continue;
                }
                let middle = i128::midpoint(whole.least, whole.greatest);
                let halves = [(whole.least, middle), (middle, whole.greatest)];
                let halves = halves.map(|(least, greatest)| Interval { least, greatest });
                for interval in [whole].into_iter().chain(halves) {
                    let Interval { least, greatest } =
                        function.results(interval, scale).expect("in its domain");
                    let mut results =
                        (interval.least..=interval.greatest).map(|x| function.integer(x, scale));
                    assert!(
                        results.all(|result| (least..=greatest).contains(&result)),
                        "{function:?} at scale {scale} of {interval:?}"
                    );
                }
            }
        }
    }

    /// No result is bounded where some argument has none.
    #[test]
    fn beyond_their_domain_functions_have_no_bounds() {
        for function in ALL.into_iter().filter(|function| function.is_partial()) {
            let domain = function.domain(7);
            let beyond = [
                domain.least.map(|least| least - 1),
                domain.greatest.map(|most| most + 1),
            ];
            for x in beyond.into_iter().flatten() {
                let interval = Interval {
                    least: x,
                    greatest: x,
                };
                assert_eq!(function.results(interval, 7), None, "{function:?} of {x}");
            }
        }
        let wide = Interval::symmetric(MOST_ARGUMENTS);
        assert_eq!(Tabulated::Tangent.results(wide, 7), None);
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
