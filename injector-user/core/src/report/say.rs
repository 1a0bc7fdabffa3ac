//! The report's facts as words, the same in every rendering.

use std::collections::BTreeMap;

use super::model::{Breach, EndReason, FaultRecord, Report, Series, Undo, Verdict};
use super::{ActivityStatus, Phase, Quantity, TargetRecovery, Telemetry};
use crate::telemetry::Moment;
use crate::units::format_duration;
use crate::words::listed;

/// What the reader should take away, in a few words.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "Passed",
        Verdict::NotSteady => "Not started: the system was not steady",
        Verdict::Deviated => "The system deviated from its steady state",
        Verdict::Failed => "The run failed",
        Verdict::Interrupted => "Interrupted",
        Verdict::BadInput => "Not run: the experiment cannot be carried out as written",
        Verdict::Refused => "Refused",
        Verdict::BreakerTripped => "A circuit breaker opened",
        Verdict::UndoIncomplete => "Something may be left on the host",
    }
}

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "hypothesis before",
        Phase::Method => "method",
        Phase::During => "hypothesis during",
        Phase::After => "hypothesis after",
        Phase::Rollback => "rollback",
    }
}

pub(super) fn status(status: ActivityStatus) -> &'static str {
    match status {
        ActivityStatus::Succeeded => "done",
        ActivityStatus::Failed => "failed",
        ActivityStatus::Cancelled => "cancelled",
    }
}

pub(super) fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::NeverArmed => "never armed",
        EndReason::Duration => "its duration was over",
        EndReason::MaxHits => "it had made all its injections",
        EndReason::Stopped => "an action stopped it",
        EndReason::MethodOver => "the method was over",
        EndReason::Breaker => "a circuit breaker opened",
        EndReason::Interrupted => "a person stopped it",
        EndReason::TargetGone => "its target ended",
        EndReason::EngineLost => "the engine ended",
    }
}

/// Columns of [`recoveries`].
pub(super) const RECOVERY: [&str; 7] = [
    "fault",
    "target",
    "first injected",
    "first felt",
    "ended",
    "natural again",
    "felt most",
];

/// When each fault was felt by each target, and when that was over; times of the day and how long it took.
pub(super) fn recoveries(report: &Report) -> Vec<[String; 7]> {
    let Some(telemetry) = &report.telemetry else {
        return Vec::new();
    };
    let of = |fault: &FaultRecord| {
        let rows = fault.recoveries.iter();
        let name = fault.name.clone();
        rows.map(|one| recovery(&report.started, telemetry, &name, one))
            .collect::<Vec<_>>()
    };
    report.faults.iter().flat_map(of).collect()
}

fn recovery(
    started: &str,
    telemetry: &Telemetry,
    fault: &str,
    one: &TargetRecovery,
) -> [String; 7] {
    let recovery = &one.recovery;
    let at = |moment: Option<Moment>, otherwise: &str| {
        let shown = moment.map(|moment| clock(started, telemetry.offset_ms(moment)));
        shown.unwrap_or_else(|| otherwise.to_owned())
    };
    let after = |time: Option<std::time::Duration>, of: &str| {
        let ms = time.map(|time| milliseconds(time.as_secs_f64() * 1e3));
        ms.map_or_else(String::new, |ms| format!(" ({ms} after {of})"))
    };
    let recovered = if recovery.detected.is_some() {
        "not while it was looked at"
    } else {
        ""
    };
    let most = recovery.breaches.first();
    let more = match recovery.breaches.len() {
        0 | 1 => String::new(),
        all => format!("; and {} more", all - 1),
    };
    [
        fault.to_owned(),
        one.target.clone(),
        at(recovery.onset, "never"),
        at(recovery.detected, "never") + &after(recovery.time_to_detect(), "that"),
        at(recovery.effect_ended, "not yet"),
        at(recovery.recovered, recovered) + &after(recovery.time_to_recover(), "the end"),
        most.map_or_else(String::new, |breach| breach.explanation.clone() + &more),
    ]
}

/// What was observed, and what is known to be natural.
pub(super) fn telemetry(telemetry: &Telemetry) -> Vec<String> {
    let window = std::time::Duration::from_nanos(telemetry.timeline.window_ns);
    let mut lines = vec![format!(
        "{} of {}: {} frames; {} lines with a value every {} are in report.json, {} had no room",
        listed(&telemetry.signals),
        listed(&telemetry.targets),
        telemetry.frames,
        telemetry.timeline.lines.len(),
        format_duration(window),
        telemetry.timeline.left_out,
    )];
    for natural in &telemetry.natural {
        let target = &natural.target;
        let source = if natural.kept {
            "a kept baseline"
        } else {
            "this run before its first fault"
        };
        lines.push(match &natural.missing {
            Some(why) => format!("what is natural for {target} is not known: {why}"),
            None => format!(
                "what is natural for {target} is of {source}: {} bands of {} windows",
                natural.bands, natural.windows
            ),
        });
    }
    if telemetry.frames_lost > 0 {
        lines.push(format!(
            "{} older frames were not kept",
            telemetry.frames_lost
        ));
    }
    lines
}

pub(super) fn undo(undo: &Undo) -> String {
    match undo {
        Undo::NothingToUndo => "nothing to undo".to_owned(),
        Undo::Verified => "undone, verified by looking".to_owned(),
        Undo::Incomplete { what } => format!("not undone: {what}"),
    }
}

/// What is left on the host, in one sentence.
pub(super) fn left(report: &Report) -> String {
    let open = report
        .faults
        .iter()
        .filter(|fault| matches!(fault.undo, Undo::Incomplete { .. }))
        .count();
    match (
        report.left_on_host.items.len() + open,
        report.left_on_host.verified,
    ) {
        (0, true) => "nothing, verified".to_owned(),
        (0, false) if report.faults.is_empty() => "nothing was changed".to_owned(),
        (0, false) => "every fault undone".to_owned(),
        (1, _) => "one thing".to_owned(),
        (n, _) => format!("{n} things"),
    }
}

/// What keeps a fault from concerning everything.
const FILTERS: [&str; 9] = [
    "direction",
    "protocol",
    "peers",
    "ports",
    "path",
    "fd",
    "size",
    "when",
    "max_hits",
];

/// What a fault does, for somebody who knows neither its name nor its parameters.
pub(super) fn fault(fault: &FaultRecord) -> String {
    let asked = &fault.asked;
    let get = |name: &str| asked.get(name).map(String::as_str);
    let share = get("probability").map_or_else(String::new, |p| format!(" with probability {p}"));
    let deed = match fault.kind.as_str() {
        "net.delay" => {
            let jitter = get("jitter").map_or_else(String::new, |jitter| format!(" ± {jitter}"));
            format!(
                "delay packets by {}{jitter}{share}",
                get("latency").unwrap_or("?")
            )
        }
        "net.loss" => format!("lose packets{share}"),
        "syscall.error" => format!("{}{share}", failing_calls(asked)),
        "sock.error" => format!(
            "fail {} with {}{share}",
            get("operation").unwrap_or("call"),
            get("errno").unwrap_or("an error")
        ),
        "process.freeze" => format!("freeze the processes{}", pulses(asked)),
        "cpu.limit" => format!(
            "let it have {} of a processor{}",
            get("quota").unwrap_or("a share"),
            limited(asked)
        ),
        "memory.limit" => format!(
            "let it have {} of memory{}",
            get("size").unwrap_or("so much"),
            limited(asked)
        ),
        kind => format!("{kind}{share}"),
    };
    let filters: Vec<String> = FILTERS
        .iter()
        .filter_map(|name| Some(format!("{} {}", name.replace('_', " "), get(name)?)))
        .collect();
    if filters.is_empty() {
        deed
    } else {
        format!("{deed}; {}", filters.join(", "))
    }
}

fn failing_calls(asked: &BTreeMap<String, String>) -> String {
    let get = |name: &str| asked.get(name).map(String::as_str);
    let calls = get("syscalls").unwrap_or("calls");
    match (get("errno"), get("retval")) {
        (None, Some("requested")) => format!("skip {calls} as if all bytes had been moved"),
        (None, Some(value)) => format!("skip {calls} and return {value}"),
        (errno, _) => format!("fail {calls} with {}", errno.unwrap_or("an error")),
    }
}

/// Limits have pulses only if they were asked for.
fn limited(asked: &BTreeMap<String, String>) -> String {
    if asked.contains_key("active") {
        pulses(asked)
    } else {
        String::new()
    }
}

fn pulses(asked: &BTreeMap<String, String>) -> String {
    let part = |name: &str, before: &str, after: &str| {
        asked
            .get(name)
            .map_or_else(String::new, |value| format!("{before}{value}{after}"))
    };
    let count = if asked.get("count").is_some_and(|count| count == "1") {
        ", once".to_owned()
    } else {
        part("count", ", ", " times")
    };
    [
        part("active", " for ", ""),
        part("dormant", ", then let them run for ", ""),
        count,
    ]
    .concat()
}

/// Breach to clean, if both are known, in milliseconds.
pub(super) fn breach_to_clean(breach: &Breach) -> Option<f64> {
    Some(breach.clean_ms? - breach.at_ms)
}

/// The unit the numbers of a series have.
pub(super) fn quantity(series: &Series) -> &'static str {
    match series.quantity {
        Quantity::Answer => "answer",
        Quantity::TookMs => "time to answer, ms",
    }
}

/// A duration in milliseconds with three digits that matter.
pub(super) fn milliseconds(ms: f64) -> String {
    match ms.abs() {
        a if a < 0.9995 => format!("{:.0} µs", ms * 1e3),
        a if a < 9.995 => format!("{ms:.2} ms"),
        a if a < 99.95 => format!("{ms:.1} ms"),
        a if a < 999.5 => format!("{ms:.0} ms"),
        a if a < 59_995.0 => format!("{:.2} s", ms / 1e3),
        _ => {
            let seconds = (ms / 1e3).round();
            format!(
                "{:.0} min {:02.0} s",
                (seconds / 60.0).floor(),
                seconds % 60.0
            )
        }
    }
}

/// A number in as few characters as it needs.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        a if a >= 100.0 => 0,
        a if a >= 10.0 => 1,
        a if a >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share of one, in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// The time of day `offset_ms` after an RFC 3339 time, `14:03:07`; empty when that cannot be read.
pub(super) fn clock(started: &str, offset_ms: f64) -> String {
    let field = |range: std::ops::Range<usize>| started.get(range)?.parse::<f64>().ok();
    let fraction = started.get(19..).and_then(|rest| {
        let digits: String = rest
            .strip_prefix('.')?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        format!("0.{digits}").parse::<f64>().ok()
    });
    let (Some(h), Some(m), Some(s)) = (field(11..13), field(14..16), field(17..19)) else {
        return String::new();
    };
    let total = (h * 3600.0 + m * 60.0 + s + fraction.unwrap_or(0.0) + offset_ms / 1e3)
        .rem_euclid(86_400.0);
    let whole = total.floor();
    format!(
        "{:02.0}:{:02.0}:{:02.0}",
        (whole / 3600.0).floor(),
        (whole % 3600.0 / 60.0).floor(),
        whole % 60.0
    )
}

/// The day and offset of an RFC 3339 time around its time of day.
pub(super) fn wall(time: &str) -> String {
    match (time.get(..10), time.get(11..19)) {
        (Some(day), Some(clock)) => {
            let zone = time.get(19..).map_or("", |rest| {
                rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit())
            });
            format!("{day} {clock} {}", if zone == "Z" { "UTC" } else { zone })
        }
        _ => time.to_owned(),
    }
}
