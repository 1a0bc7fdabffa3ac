//! Where a number stands in a drawing.

/// A scale from numbers to pixels, linear or logarithmic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    /// Whether equal distances are equal ratios; both ends are above 0 then.
    logarithmic: bool,
}

impl Axis {
    /// Maps `low..high` to the pixels `from..to`; an empty or broken interval becomes one of length 1.
    pub(super) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        let (low, high) = match (low.is_finite(), high.is_finite()) {
            (true, true) if high > low => (low, high),
            (true, _) => (low, low + 1.0),
            (false, _) => (0.0, 1.0),
        };
        Self {
            low,
            high,
            from,
            to,
            logarithmic: false,
        }
    }

    /// Maps `low..high` by its logarithm, for numbers of very different size; linear where there is
    /// no logarithm.
    pub(super) fn logarithmic((low, high): (f64, f64), pixels: (f64, f64)) -> Self {
        Self {
            logarithmic: low > 0.0 && high > low && high.is_finite(),
            ..Self::new((low, high), pixels)
        }
    }

    /// The pixel of a number; a number outside the scale stands at its edge.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let share = share.clamp(0.0, 1.0);
        let share = if share.is_nan() { 0.0 } else { share };
        self.from + share * (self.to - self.from)
    }

    /// About `wanted` round numbers within the scale; every power of ten on a logarithmic one.
    pub(super) fn ticks(&self, wanted: u32) -> Vec<f64> {
        if self.logarithmic {
            let first = self.low.log10().ceil();
            return (0..24)
                .map(|i| 10f64.powf(first + f64::from(i)))
                .take_while(|tick| *tick <= self.high * 1.001)
                .collect();
        }
        let rough = (self.high - self.low) / f64::from(wanted.max(1));
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil();
        (0..=wanted * 3)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|tick| *tick <= self.high + step * 1e-6)
            .collect()
    }

    /// Round points in time, as people divide minutes and hours; the scale is in milliseconds.
    pub(super) fn time_ticks(&self, wanted: u32) -> Vec<f64> {
        const STEPS: [f64; 19] = [
            1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3,
            60e3, 300e3, 900e3, 3.6e6,
        ];
        let rough = (self.high - self.low) / f64::from(wanted.max(1));
        let Some(step) = STEPS.into_iter().find(|step| *step >= rough) else {
            return self.ticks(wanted);
        };
        let first = (self.low / step).ceil();
        (0..=wanted * 3)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|tick| *tick <= self.high)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_scale() {
        let axis = Axis::new((0.0, 47.0), (0.0, 100.0));
        assert_eq!(axis.ticks(4), [0.0, 20.0, 40.0]);
        let axis = Axis::new((0.0, 12_300.0), (0.0, 100.0));
        assert_eq!(axis.time_ticks(8), [0.0, 2e3, 4e3, 6e3, 8e3, 10e3, 12e3]);
    }

    #[test]
    fn ratios_are_distances_on_a_logarithmic_scale() {
        let axis = Axis::logarithmic((0.1, 1_000.0), (0.0, 100.0));
        assert_eq!(
            [0.0, 0.1, 1.0, 10.0, 1e3, 1e4].map(|v| axis.at(v).round()),
            [0.0, 0.0, 25.0, 50.0, 100.0, 100.0]
        );
        let ticks: Vec<f64> = axis.ticks(3).iter().map(|tick| tick * 10.0).collect();
        assert_eq!(ticks.len(), 5, "{ticks:?}");
    }

    #[test]
    fn broken_scales_still_draw_inside() {
        for pair in [
            (1.0, 1.0),
            (f64::NAN, 2.0),
            (3.0, f64::INFINITY),
            (2.0, 1.0),
        ] {
            for axis in [Axis::new, Axis::logarithmic].map(|new| new(pair, (10.0, 20.0))) {
                for value in [f64::NAN, f64::NEG_INFINITY, 1e300, 1.5] {
                    assert!((10.0..=20.0).contains(&axis.at(value)));
                }
                assert!(axis.ticks(4).len() < 25);
            }
        }
    }
}
