//! `process.freeze`: a server that stands still and goes on, as if its machine had been suspended.
//!
//! Freezing the primary would hit both clients. So there is a replica that only client A reads from,
//! and its pauses must show in A's reads and nowhere else: neither in A's other work nor in B's.

use std::time::Duration;

use anyhow::Result;

use super::span::during;
use crate::demo::client::{Lane, Operation};
use crate::demo::demo::{Demo, is_same};
use crate::demo::figures::{Ms, took_ms};
use crate::demo::tape::Span;

const PULSES: usize = 4;
const ACTIVE_MS: f64 = 300.0;
const LONGEST: Duration = Duration::from_secs(20);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let target = demo.stage.frozen()?;
    let process = demo.inject(
        "process.freeze",
        &[
            ("target", &target),
            ("active", "300ms"),
            ("dormant", "300ms"),
            ("count", "4"),
            ("duration", "10s"),
        ],
    )?;
    let report = demo.play(process, LONGEST)?;
    let back = demo.recover(Lane::Replica, report.window.ended_ns)?;
    let during = during(&report);
    let tape = demo.stage.a.tape();
    // A read that was on its way when the first pulse came has waited too.
    let whole = Span {
        from_ns: before.to_ns,
        to_ns: report.window.ended_ns,
    };
    let stalls = stalls(&tape.began_in(Lane::Replica, whole), ACTIVE_MS / 2.0);
    let (calm, other) = (
        tape.figures(Lane::Primary, before),
        tape.figures(Lane::Primary, during),
    );
    let calm_read = tape.figures(Lane::Replica, before).median;
    let lengths: Vec<String> = stalls.iter().map(|ms| Ms(*ms).to_string()).collect();
    if let Some(pause) = median(&stalls) {
        let quantity = "time that client A's reads from the replica took";
        demo.book.felt(quantity, [calm_read, pause, ACTIVE_MS]);
    }
    let pulses = report.pulses.unwrap_or_default();
    let lasted = |ms: &f64| (0.9 * ACTIVE_MS - 30.0..1.2 * ACTIVE_MS + 30.0).contains(ms);
    demo.check(
        "client A felt every pause of the replica",
        stalls.len() == PULSES && stalls.iter().all(lasted) && pulses == 4,
        format!(
            "{pulses} pulses of {ACTIVE_MS} ms; its reads stood still for {}",
            lengths.join(", ")
        ),
    );
    demo.check(
        "its work on the primary went on",
        is_same(&calm, &other),
        format!(
            "median {} before, {} during; {} errors in {} operations",
            Ms(calm.median),
            Ms(other.median),
            other.errors,
            other.operations
        ),
    );
    demo.check_untouched(Lane::Primary, before, during);
    demo.check_left(back)
}

fn median(stalls: &[f64]) -> Option<f64> {
    let mut sorted = stalls.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// How long operations stood still at a time, the longest of each group that overlaps.
pub(super) fn stalls(operations: &[Operation], at_least_ms: f64) -> Vec<f64> {
    let mut stalled: Vec<&Operation> = operations
        .iter()
        .filter(|it| took_ms(it) >= at_least_ms)
        .collect();
    stalled.sort_by_key(|it| it.start_ns);
    let mut groups: Vec<(u64, f64)> = Vec::new();
    for operation in stalled {
        match groups.last_mut() {
            Some((until_ns, longest)) if operation.start_ns < *until_ns => {
                *until_ns = operation.end_ns().max(*until_ns);
                *longest = took_ms(operation).max(*longest);
            }
            _ => groups.push((operation.end_ns(), took_ms(operation))),
        }
    }
    groups.into_iter().map(|(_, longest)| longest).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::client::Outcome;
    use super::*;

    #[test]
    fn operations_that_stood_still_together_count_once() {
        let operation = |start_ms: u64, took_ms: u64| Operation {
            lane: Lane::Replica,
            start_ns: start_ms * 1_000_000,
            took_us: took_ms * 1_000,
            outcome: Outcome::Ok,
        };
        let all = [
            operation(1_000, 290),
            operation(10, 1),
            operation(990, 300),
            operation(1_700, 250),
        ];
        assert_eq!(stalls(&all, 150.0), [300.0, 250.0]);
    }
}
