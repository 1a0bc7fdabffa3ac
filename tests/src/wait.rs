//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::poll::{PollTimeout, poll};

/// For whoever reads a failure.
#[expect(clippy::print_stderr, reason = "it is shown only if the test fails")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}

/// How long nobody looks at the condition, at least and at most.
const PAUSE: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(50)];

/// After waiting so many times as long, so that who waits for seconds does not keep a processor busy.
const PATIENCE: u32 = 16;

/// Waits until `condition` holds and tells how long that took; an error that names `what` if it does
/// not hold within `deadline`.
pub fn wait_until(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> bool,
) -> Result<Duration> {
    let begun = Instant::now();
    while !condition() {
        if begun.elapsed() >= deadline {
            bail!("waited {deadline:?} in vain until {what}");
        }
        let pause = (begun.elapsed() / PATIENCE).clamp(PAUSE[0], PAUSE[1]);
        poll(&mut [], PollTimeout::try_from(pause)?)?;
    }
    Ok(begun.elapsed())
}
