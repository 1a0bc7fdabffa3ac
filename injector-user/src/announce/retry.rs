//! How long to wait before something is tried again.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(250);
/// No pause is longer, unless the other side asks for it.
const LONGEST: Duration = Duration::from_secs(30);
/// After so long a message is given up.
pub const PERSEVERANCE: Duration = Duration::from_mins(5);

/// The pause after so many tries: twice as long each time, and between half of that and all of it by
/// `dice` (0 to 1), so that many clients do not come back at once. What the other side asks for wins.
pub fn pause(tries: u32, asked: Option<Duration>, dice: f64) -> Duration {
    if let Some(asked) = asked {
        return asked;
    }
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
    let whole = FIRST.saturating_mul(doubled).min(LONGEST);
    whole.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::pause;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses = [1, 2, 3, 7, 8, 9, u32::MAX].map(|tries| pause(tries, None, 1.0).as_millis());
        assert_eq!(pauses, [250, 500, 1000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn the_dice_shorten_them_by_half_at_most() {
        assert_eq!(pause(2, None, 0.0), Duration::from_millis(250));
        assert_eq!(pause(2, None, 0.5), Duration::from_millis(375));
        assert_eq!(pause(2, None, f64::INFINITY), Duration::from_millis(500));
    }

    #[test]
    fn what_is_asked_for_is_kept() {
        let hour = Duration::from_hours(1);
        assert_eq!(pause(1, Some(hour), 0.0), hour);
        assert_eq!(pause(9, Some(Duration::ZERO), 0.7), Duration::ZERO);
    }
}
