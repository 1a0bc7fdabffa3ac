//! The trial of signals: a process that answers, is stopped and does not, is continued and does again.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::obstacle::{Obstacle, not_seen, prepare_errno};
use super::subject::{PATIENCE, Subject};
use super::wire::Request;

/// How long silence is listened to; an answer takes some microseconds.
const SILENCE: Duration = Duration::from_millis(3);

/// Stops and continues the subject, which is killed with this trial whatever becomes of it.
pub(super) fn pidfd(subject: &Subject) -> Result<(), Obstacle> {
    let send = |signal| {
        let sent = subject.signal(signal);
        sent.map_err(prepare_errno("send a signal through a descriptor"))
    };
    send(Signal::SIGSTOP)?;
    subject.tell(Request::Ping)?;
    if subject.hear(SILENCE)?.is_some() {
        return not_seen("a process that was stopped answered");
    }
    send(Signal::SIGCONT)?;
    if subject.hear(PATIENCE)?.is_none() {
        return not_seen("a process did not go on when it was continued");
    }
    Ok(())
}
