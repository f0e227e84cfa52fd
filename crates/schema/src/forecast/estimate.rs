//! A figure that has not been measured: what it likely is, and between what it lies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A whole number of bytes, gas or columns, forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The least that it is taken to be.
    pub low: u64,
    /// What it likely is.
    pub likely: u64,
    /// The most.
    pub high: u64,
}

impl Estimate {
    /// A figure that follows exactly.
    pub const fn exact(value: u64) -> Self {
        Self {
            low: value,
            likely: value,
            high: value,
        }
    }

    /// Whether it follows exactly.
    pub const fn is_exact(&self) -> bool {
        self.low == self.high
    }

    /// A fitted figure that was off by up to this share where it could be compared.
    pub fn within(likely: f64, share: f64) -> Self {
        // A figure below 0 is none; f64 holds every size that fits a machine.
        let whole = |value: f64| value.max(0.0).round() as u64;
        Self {
            low: whole(likely * (1.0 - share)),
            likely: whole(likely),
            high: whole(likely * (1.0 + share)),
        }
    }

    /// What a function that never falls makes of it.
    #[must_use]
    pub fn map(self, function: impl Fn(u64) -> u64) -> Self {
        Self {
            low: function(self.low),
            likely: function(self.likely),
            high: function(self.high),
        }
    }

    /// The sum of two, each taken by itself.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            likely: self.likely + other.likely,
            high: self.high + other.high,
        }
    }

    /// The larger of two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            likely: self.likely.max(other.likely),
            high: self.high.max(other.high),
        }
    }

    /// Whether a measured value lies in it.
    pub const fn holds(&self, value: u64) -> bool {
        self.low <= value && value <= self.high
    }

    /// How it stands to a limit.
    pub const fn against(&self, limit: u64) -> Verdict {
        if self.high <= limit {
            Verdict::Fits
        } else if self.low > limit {
            Verdict::Exceeds
        } else {
            Verdict::Open
        }
    }
}

/// Seconds, forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seconds {
    /// The least that it is taken to be.
    pub low: f64,
    /// What it likely is.
    pub likely: f64,
    /// The most.
    pub high: f64,
}

impl Seconds {
    /// A time that was off by up to this share where it could be compared.
    pub fn within(likely: f64, share: f64) -> Self {
        Self {
            low: likely * (1.0 - share).max(0.0),
            likely,
            high: likely * (1.0 + share),
        }
    }
}

/// How a forecast stands to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All of the interval is within.
    Fits,
    /// The limit is inside the interval.
    Open,
    /// All of the interval is beyond.
    Exceeds,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fits => "fits",
            Self::Open => "open",
            Self::Exceeds => "does not fit",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_limit_itself_fits() {
        let estimate = Estimate {
            low: 10,
            likely: 12,
            high: 20,
        };
        assert_eq!(estimate.against(20), Verdict::Fits);
        assert_eq!(estimate.against(19), Verdict::Open);
        assert_eq!(estimate.against(10), Verdict::Open);
        assert_eq!(estimate.against(9), Verdict::Exceeds);
        assert!(estimate.holds(10) && estimate.holds(20) && !estimate.holds(21));
    }

    #[test]
    fn nothing_is_below_nought() {
        assert_eq!(Estimate::within(-5.0, 0.1), Estimate::exact(0));
        assert!(Seconds::within(2.0, 1.5).low.abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn the_likely_value_is_inside(value in 0.0..1e12, share in 0.0..0.9) {
            let estimate = Estimate::within(value, share);
            prop_assert!(estimate.holds(estimate.likely));
            let sum = estimate.plus(Estimate::exact(7));
            prop_assert!(sum.holds(estimate.likely + 7) && sum.low == estimate.low + 7);
            prop_assert!(estimate.max(Estimate::exact(7)).holds(estimate.likely.max(7)));
        }
    }
}
