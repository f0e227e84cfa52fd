//! Axes: range, ticks and their labels, linear or logarithmic; values to places and back.

/// An axis over the values of one quantity.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// Name and unit.
    pub(super) label: String,
    /// Whether equal distances are equal factors.
    pub(super) is_log: bool,
    /// Least and greatest value shown.
    range: (f64, f64),
}

/// A tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    /// None for a minor one.
    pub(super) label: Option<String>,
}

impl Axis {
    /// Logarithmic over some values above 0, with room around them.
    pub(super) fn log(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = bounds(values.into_iter().filter(|value| *value > 0.0)).unwrap_or((1.0, 10.0));
        let (low, high) = (low.log10(), high.log10());
        // At least a factor of two and some, so that ticks have a place.
        let room = (0.08 * (high - low)).max((0.4 - (high - low)) / 2.0).max(0.04);
        Self {
            label: label.into(),
            is_log: true,
            range: (10_f64.powf(low - room), 10_f64.powf(high + room)),
        }
    }

    /// Linear over some values, with room around them.
    pub(super) fn linear(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = bounds(values).unwrap_or((0.0, 1.0));
        let room = (0.1 * (high - low)).max(0.02 * high.abs()).max(1e-9);
        Self {
            label: label.into(),
            is_log: false,
            range: (low - room, high + room),
        }
    }

    /// Whether a value has a place on the axis at all: a logarithmic one has none for 0.
    pub(super) fn has_place(&self, value: f64) -> bool {
        value.is_finite() && (!self.is_log || value > 0.0)
    }

    /// Where a value that has a place lies, 0 at the beginning of the axis and 1 at its end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let place = |value: f64| if self.is_log { value.log10() } else { value };
        let (low, high) = (place(self.range.0), place(self.range.1));
        (place(value) - low) / (high - low)
    }

    /// Whether a value is shown.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.range.0..=self.range.1).contains(&value)
    }

    /// Ends of the axis.
    pub(super) fn range(&self) -> (f64, f64) {
        self.range
    }

    /// Ticks from least to greatest.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let ticks = if self.is_log {
            self.log_ticks()
        } else {
            self.linear_ticks()
        };
        ticks.into_iter().filter(|tick| self.holds(tick.value)).collect()
    }

    fn log_ticks(&self) -> Vec<Tick> {
        let (low, high) = (self.range.0.log10(), self.range.1.log10());
        let decades = high - low;
        // Few decades: label parts of them; many: leave some out.
        let labelled: &[u32] = match decades {
            decades if decades < 0.75 => &[1, 2, 3, 4, 5, 6, 8],
            decades if decades < 1.3 => &[1, 2, 5],
            decades if decades < 2.2 => &[1, 3],
            _ => &[1],
        };
        let step = if decades > 6.0 { 2 } else { 1 };
        let mut ticks = Vec::new();
        for exponent in low.floor() as i32..=high.ceil() as i32 {
            for digit in 1..=9 {
                let value = f64::from(digit) * 10_f64.powi(exponent);
                let is_labelled = labelled.contains(&digit) && exponent.rem_euclid(step) == 0;
                ticks.push(Tick {
                    value,
                    label: is_labelled.then(|| short(value)),
                });
            }
        }
        ticks
    }

    fn linear_ticks(&self) -> Vec<Tick> {
        let span = self.range.1 - self.range.0;
        let rough = 10_f64.powf((span / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * rough)
            .into_iter()
            .find(|step| span / step <= 6.0)
            .unwrap_or(rough);
        let first = (self.range.0 / step).ceil() as i64;
        let last = (self.range.1 / step).floor() as i64;
        (first..=last)
            .map(|index| {
                let value = index as f64 * step;
                Tick {
                    value,
                    label: Some(short(value)),
                }
            })
            .collect()
    }
}

fn bounds(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |bounds, value| {
        Some(bounds.map_or((value, value), |(low, high): (f64, f64)| {
            (low.min(value), high.max(value))
        }))
    })
}

/// A number in few letters: `0.5`, `30`, `2k`, `1M`, 3,072 as `3.07k`.
pub(super) fn short(value: f64) -> String {
    let (digits, unit) = three_digits(value);
    if digits.contains('.') {
        format!("{}{unit}", digits.trim_end_matches('0').trim_end_matches('.'))
    } else {
        format!("{digits}{unit}")
    }
}

/// The same with three digits always: `1.00M`.
pub(super) fn rounded(value: f64) -> String {
    let (digits, unit) = three_digits(value);
    digits + unit
}

fn three_digits(value: f64) -> (String, &'static str) {
    let (scaled, unit) = match value.abs() {
        size if size >= 999.5e6 => (value / 1e9, "G"),
        size if size >= 999.5e3 => (value / 1e6, "M"),
        size if size >= 999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = match scaled.abs() {
        scaled if scaled >= 99.95 || scaled == 0.0 => 0,
        scaled if scaled >= 9.995 => 1,
        scaled if scaled >= 0.995 => 2,
        scaled => (2.0 - scaled.log10().floor()) as usize,
    };
    (format!("{scaled:.decimals$}"), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.05, "0.05"),
            (0.3, "0.3"),
            (1.0, "1"),
            (30.0, "30"),
            (2_000.0, "2k"),
            (3_072.0, "3.07k"),
            (999.6, "1k"),
            (1e6, "1M"),
            (385_479_885.0, "385M"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
        assert_eq!(rounded(1e6), "1.00M");
    }

    #[test]
    fn every_axis_has_labelled_ticks_within_it() {
        let axes = [
            Axis::log("x", [742_097.0, 385_479_885.0]),
            Axis::log("x", [2.8, 238.5]),
            Axis::log("x", [5.0]),
            Axis::log("x", []),
            Axis::linear("x", [3_072.0, 3_648.0]),
            Axis::linear("x", [0.0, 0.0]),
            Axis::linear("x", [69.1]),
        ];
        for axis in axes {
            let ticks = axis.ticks();
            assert!(
                ticks.iter().filter(|tick| tick.label.is_some()).count() >= 2,
                "{axis:?}"
            );
            assert!(
                ticks
                    .iter()
                    .all(|tick| (0.0..=1.0).contains(&axis.share(tick.value)))
            );
        }
    }

    #[test]
    fn equal_factors_are_equal_distances_on_a_log_axis() {
        let axis = Axis::log("x", [1.0, 10_000.0]);
        let step = |from: f64| axis.share(10.0 * from) - axis.share(from);
        assert!((step(1.0) - step(100.0)).abs() < 1e-12);
    }
}
