//! Faults to tell of, and how to tell of them.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::announce::courier::Courier;
use crate::announce::destination::Destination;
use crate::announce::otlp::{Otlp, Settings};
use crate::announce::shortfall::Shortfall;
use crate::announce::{ANSWER, Announcement};
use crate::protocol::{Ended, FaultReport, State};
use crate::web::Web;

/// When everything must have happened that is to happen.
pub(super) const LONG: Duration = Duration::from_mins(1);

/// A fault that was armed at 1700000000000 ms and has ended a minute later.
pub(super) fn ended() -> FaultReport {
    serde_json::from_str(include_str!("../../../tests/cli/fault.json")).unwrap()
}

/// The same while it acts.
pub(super) fn active() -> FaultReport {
    let mut report = ended();
    report.state = State::Active;
    report.window.ended_ns = 0;
    report.window.ended_unix_ms = 0;
    report
}

pub(super) fn named(fault: &str, report: FaultReport) -> FaultReport {
    let fault = fault.to_owned();
    FaultReport { fault, ..report }
}

pub(super) fn ended_by(how: Ended) -> FaultReport {
    let state = State::Ended { how };
    FaultReport { state, ..ended() }
}

pub(super) fn start() -> Announcement {
    Announcement::start(&active(), 1_700_000_000_007).unwrap()
}

pub(super) fn end() -> Announcement {
    Announcement::end(&ended(), 1_700_000_060_200).unwrap()
}

pub(super) fn collector(web: &Web) -> Otlp {
    let settings = Settings {
        url: format!("{}/v1/logs", web.url()),
        headers: std::iter::empty().collect(),
        timeout: ANSWER,
    };
    Otlp::new(settings, "box".to_owned())
}

/// Delivers everything, for so long, and gives what was not delivered.
pub(super) fn deliver(
    destination: impl Destination,
    announcements: &[Announcement],
    patience: Duration,
) -> Option<Shortfall> {
    let courier = Courier::start(Box::new(destination)).unwrap();
    for announcement in announcements {
        courier.put(announcement.clone());
    }
    let until = Instant::now() + patience;
    courier.close(until);
    block_on(courier.wait(until));
    courier.shortfall(true)
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}
