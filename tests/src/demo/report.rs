//! One report over the whole demo.

use std::collections::BTreeMap;
use std::fs;
use std::thread::available_parallelism;

use anyhow::Result;
use injector_core::report::{FORMAT, Left, Report, Verdict};
use injector_user::clock::{monotonic_ns, unix_ms};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::book::Book;
use super::client::Lane;
use super::interrupt::Interrupted;
use super::series::series;
use super::tape::Tape;

/// The clients' tapes, which outlive the clients.
#[derive(Clone, Debug)]
pub(super) struct Tapes {
    pub(super) a: Tape,
    pub(super) b: Tape,
}

const TITLE: &str = "Temblor on a real Redis";
const DESCRIPTION: &str = "A Redis primary, its replica, and two clients that do the same work on the primary, \
each in a network namespace of its own. Client A suffers one fault after the other. Client B must notice none of \
them. Only A reads from the replica, which is there to be frozen. In the end the host must be as it was before. \
The engine itself is killed while its faults act, which must end them. \
Where Docker is there, part of it is played again in containers of a Docker Engine of the demo's own. \
The charts show the longest operation under way in every 50 ms, by each client's own clock.";

/// Makes the report; `outcome` is how the acts ended.
pub(super) fn report(book: &Book, tapes: Option<&Tapes>, outcome: &Result<()>) -> Report {
    let (verdict, reason) = verdict(book, outcome);
    let ended_ms = unix_ms();
    let mut all = tapes.map_or_else(Vec::new, |tapes| lines(book, tapes));
    all.extend(book.series.iter().cloned());
    Report {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: TITLE.to_owned(),
        description: DESCRIPTION.to_owned(),
        tags: vec!["demo".to_owned(), "redis".to_owned()],
        verdict,
        reason,
        exit_code: verdict.exit_code(),
        started: wall(book.started_unix_ms),
        ended: wall(ended_ms),
        duration_ms: book.ms(monotonic_ns()),
        host: host(),
        hypothesis: None,
        activities: book.activities.clone(),
        series: all,
        faults: book.faults.clone(),
        breakers: book.breakers.clone(),
        breach: book.breach.clone(),
        checks: book.checks.clone(),
        telemetry: None,
        left_on_host: Left {
            verified: book.left.is_some(),
            items: book.left.clone().unwrap_or_default(),
        },
        warnings: Vec::new(),
    }
}

fn lines(book: &Book, tapes: &Tapes) -> Vec<injector_core::report::Series> {
    let Tapes { a, b } = tapes;
    vec![
        series(book, "client A", a, Lane::Primary),
        series(book, "client B", b, Lane::Primary),
        series(book, "A, connecting", a, Lane::Connect),
        series(book, "A, replica", a, Lane::Replica),
    ]
}

fn verdict(book: &Book, outcome: &Result<()>) -> (Verdict, String) {
    let (failed, all) = (book.failed(), book.checks.len());
    let left = book.left.as_ref().is_none_or(|items| !items.is_empty());
    match outcome {
        _ if left => (
            Verdict::UndoIncomplete,
            "the host is not as it was".to_owned(),
        ),
        Err(error) if error.is::<Interrupted>() => (
            Verdict::Interrupted,
            "a person ended the demo; everything was put back".to_owned(),
        ),
        Err(error) => (
            Verdict::Failed,
            format!("the demo could not go on: {error:#}"),
        ),
        Ok(()) if failed > 0 => (
            Verdict::Failed,
            format!("{failed} of {all} checks did not hold"),
        ),
        Ok(()) => (
            Verdict::Passed,
            format!("all {all} checks held, and the host is as it was"),
        ),
    }
}

fn wall(unix_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_default()
}

fn host() -> BTreeMap<String, String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = available_parallelism().map_or(0, usize::from);
    let redis = super::server::version().unwrap_or_default();
    [
        ("kernel", kernel.trim().to_owned()),
        ("processors", processors.to_string()),
        ("redis", redis),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
