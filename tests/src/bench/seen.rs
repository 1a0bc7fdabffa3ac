//! What frames say of losses, and when nothing comes any more.

use std::time::Duration;

use anyhow::Result;
use injector_core::telemetry::{Frame, named};
use injector_user::sys::poll;

use crate::client::Client;
use crate::seen::count;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks after which it is given up.
const PATIENCE: usize = 100;

/// What all series of a metric count together.
pub(super) fn sum(frame: &Frame, metric: &str) -> Result<u64> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    Ok(frame.of(metric).map(|(_series, value)| value.count()).sum())
}

/// What was lost for these reasons.
pub(super) fn lost(frame: &Frame, reasons: &[&str]) -> Result<u64> {
    let counts = reasons
        .iter()
        .map(|reason| count(frame, "observer_lost", &[reason]));
    counts.sum()
}

/// A frame after which nothing comes any more, as `figure` has it: the last call of whoever has answered
/// may not have ended yet.
pub(super) fn settled(
    client: &mut Client,
    figure: impl Fn(&Frame) -> Result<u64>,
) -> Result<Frame> {
    let mut before = client.frame()?;
    for _look in 0..PATIENCE {
        poll::wait_readable([], PAUSE)?;
        let frame = client.frame()?;
        if figure(&frame)? == figure(&before)? {
            return Ok(frame);
        }
        before = frame;
    }
    anyhow::bail!("somebody goes on")
}
