//! Who can be told.

use std::fmt;
use std::time::Duration;

use super::announcement::Announcement;
use super::shortfall::Why;

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    /// All of it was taken.
    Done,
    /// So many were not taken, and will not be if they are sent again.
    Refused { count: usize, why: Why },
    /// Nothing was taken; it may be sent again, after as long as the other side asks for.
    Later { after: Option<Duration>, why: Why },
}

/// Somebody who is told, on a thread of their own that may block.
pub trait Destination: fmt::Debug + Send + 'static {
    /// Who and where, without anything secret.
    fn name(&self) -> String;

    /// How many announcements can be sent at once, at least 1.
    fn at_once(&self) -> usize;

    /// Sends up to [`Destination::at_once`] announcements and waits for the answer no longer than
    /// `patience`.
    fn send(&mut self, batch: &[Announcement], patience: Duration) -> Sending;
}
