//! That faults begin and end, told to others: to Grafana as annotations, to OpenTelemetry as events.
//!
//! The engine has no network, so this is done by clients: [`Announcer::follow`] for a fault that the
//! client armed, [`watch()`] for every fault of an engine. Both read what the engine reports and
//! change nothing. An announcement never delays a fault and never fails a command: it waits in a
//! queue of [`ROOM`], is tried again as long as that makes sense, and what could not be delivered is
//! counted and said. Delivery is at least once: if an answer is lost, a message is sent again.

mod address;
mod announcement;
mod announcer;
mod courier;
mod destination;
mod fault;
mod grafana;
mod http;
mod otlp;
mod queue;
mod retry;
mod shortfall;
mod told;
mod watch;

pub use address::{Address, BadAddress};
pub use announcement::{Announcement, End, HowEnded, LONGEST_VALUE, Moment};
pub use announcer::{Announcer, PATIENCE};
pub use destination::{Destination, Sending};
pub use fault::AnnounceError;
pub use grafana::{Grafana, Token};
pub use http::{ANSWER, Caller, Reply};
pub use otlp::{Otlp, Settings, settings};
pub use queue::ROOM;
pub use retry::{PERSEVERANCE, pause};
pub use shortfall::{Shortfall, Why};
pub use told::Told;
pub use watch::watch;

#[cfg(test)]
mod tests;
