//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::poll::{PollTimeout, poll};

/// For whoever reads a failure.
#[expect(clippy::print_stderr, reason = "it is shown only if the test fails")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}

/// How often the condition is looked at.
const LOOK_MS: u8 = 2;

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
        poll(&mut [], PollTimeout::from(LOOK_MS))?;
    }
    Ok(begun.elapsed())
}
