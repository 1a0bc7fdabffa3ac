//! A fault's report as people read it: what was asked, what was done, what was felt.

use std::collections::BTreeMap;
use std::time::Duration;

use injector_core::proof::{Counters, Rate};
use injector_core::target::Selector;
use time::OffsetDateTime;
use time::macros::format_description;

use super::style::Style;
use crate::protocol::{Asleep, Ended, FaultReport, Felt, Measure, State, Strained, Window};

/// At most this many are named.
const SUFFERERS: usize = 8;

/// Everything about one fault.
pub(super) fn report(report: &FaultReport, style: Style) -> String {
    let mut lines = vec![headline(report, style)];
    let mut row = |title: &str, text: String| lines.push(format!("  {title:<9} {text}"));
    row("asked", asked(&report.params, report.seed));
    let acts = if report.rehearsal { "counted" } else { "acted" };
    row(acts, acted(&report.window));
    row("events", events(&report.counters));
    let hits = if report.rehearsal {
        "would hit"
    } else {
        "injected"
    };
    row(hits, injected(report, style));
    if let Some(felt) = &report.felt {
        row("felt", felt_text(felt, style));
    }
    if let Some(asleep) = &report.asleep {
        row("slept", asleep_text(asleep, style));
    }
    if report.missed > 0 {
        let calls = report.missed;
        let text =
            format!("{calls} calls, the target's or others', found the program at work and passed");
        row("missed", style.unsure(&text));
    }
    if let Some(line) = &report.line {
        let (forwarded, discarded, failed) = (line.forwarded, line.discarded, line.failed);
        let text = format!("{forwarded} packets forwarded, {discarded} discarded, {failed} failed");
        row("line", text);
    }
    if let Some(pulses) = report.pulses {
        row("pulses", pulses.to_string());
    }
    if let Some(strain) = &report.strain {
        row("met with", strained(strain));
    }
    if let Some(rounds) = report.rounds {
        row("rounds", rounds.to_string());
    }
    for measure in &report.pressure {
        row("pressure", measure_text(measure, style));
    }
    for one in report.suffered.iter().take(SUFFERERS) {
        row("suffered", format!("{}, {} times", one.who, one.injected));
    }
    if let Some(more) = report.suffered.len().checked_sub(SUFFERERS + 1) {
        row("", format!("and {} more; --json names all", more + 1));
    }
    for warning in &report.warnings {
        row("warning", style.unsure(warning));
    }
    if !report.counters.identity_holds() {
        row(
            "warning",
            style.bad("these counters do not add up, which is a bug"),
        );
    }
    lines.join("\n")
}

/// What was counted, and for how long.
fn strained(strain: &Strained) -> String {
    let Strained {
        limited_us,
        used_us,
        throttled_periods,
        throttled_us,
        high,
        max,
        oom,
        oom_kill,
        read_bytes,
        written_bytes,
        reads,
        writes,
    } = *strain;
    let milliseconds = |us: u64| format!("{} ms", us / 1_000);
    let per_second = |count: u64| {
        let rate = u128::from(count) * 1_000_000 / u128::from(limited_us.max(1));
        format!("{count} ({rate} per second)")
    };
    let counted = [
        ("processor time used", used_us, milliseconds(used_us)),
        ("time throttled", throttled_us, milliseconds(throttled_us)),
        (
            "periods throttled",
            throttled_periods,
            throttled_periods.to_string(),
        ),
        ("times above memory.high", high, high.to_string()),
        ("times at the maximum of memory", max, max.to_string()),
        ("times out of memory", oom, oom.to_string()),
        ("processes killed", oom_kill, oom_kill.to_string()),
        ("bytes read", read_bytes, per_second(read_bytes)),
        ("bytes written", written_bytes, per_second(written_bytes)),
        ("reads", reads, per_second(reads)),
        ("writes", writes, per_second(writes)),
    ];
    let counted = counted.into_iter().filter(|(_, count, _)| *count > 0);
    let mut parts: Vec<String> = counted
        .map(|(name, _, text)| format!("{name} {text}"))
        .collect();
    parts.insert(0, format!("limited for {}", milliseconds(limited_us)));
    parts.join(", ")
}

/// What a fault does now, in one line.
pub(super) fn live(report: &FaultReport, now_ns: u64) -> String {
    let Counters {
        matched, injected, ..
    } = report.counters;
    let mut parts = vec![
        format!("{} {}", report.fault, clock(&report.window, now_ns)),
        format!("matched {matched}"),
        if report.rehearsal {
            format!("would hit {injected}")
        } else {
            format!("injected {injected}")
        },
    ];
    parts.extend(report.rate.as_ref().map(rate));
    parts.extend(report.felt.as_ref().and_then(felt_briefly));
    parts.extend(report.pulses.map(|pulses| format!("pulses {pulses}")));
    parts.extend(report.rounds.map(|rounds| format!("rounds {rounds}")));
    parts.extend(
        report
            .pressure
            .first()
            .map(|first| measure_text(first, Style::PLAIN)),
    );
    parts.join("  ")
}

/// What workers did beside what they were to do.
fn measure_text(measure: &Measure, style: Style) -> String {
    let amount = |value: f64| match measure.unit.as_str() {
        "%" => format!("{value:.1}%"),
        unit => format!("{value:.0} {unit}"),
    };
    let (what, observed) = (&measure.what, amount(measure.observed));
    let text = match measure.asked {
        Some(asked) => format!("{what}: {observed} (asked {})", amount(asked)),
        None => format!("{what}: {observed}"),
    };
    if measure.is_near() {
        text
    } else {
        style.unsure(&text)
    }
}

/// How far along it is.
pub(super) fn state(report: &FaultReport, style: Style) -> String {
    match &report.state {
        State::Ended { .. } | State::Active if report.rehearsal => style.unsure("only counted"),
        State::Pending => style.unsure("pending"),
        State::Active => style.good("active"),
        State::Ended { how } => format!("ended: {}", ended(*how)),
        State::UndoIncomplete { what } => style.bad(&format!("undo incomplete: {what}")),
    }
}

/// The target as it was asked for.
pub(super) fn target(report: &FaultReport) -> String {
    let text = report.params.get("target").map_or("", String::as_str);
    match text.parse() {
        Ok(Selector::Command(words)) => format!("-- {}", words.join(" ")),
        _ => text.to_owned(),
    }
}

/// Time that is left, or how long it lasted.
pub(super) fn clock(window: &Window, now_ns: u64) -> String {
    let lasted = |end: u64| ticking(end.saturating_sub(window.armed_ns));
    if window.ended_ns > 0 {
        return lasted(window.ended_ns);
    }
    let whole = ticking(window.deadline_ns.saturating_sub(window.armed_ns));
    format!("{} of {whole}", lasted(now_ns.min(window.deadline_ns)))
}

fn headline(report: &FaultReport, style: Style) -> String {
    let id = style.title(&report.fault);
    let owner = report.owner.as_ref().map(|owner| format!(" for {owner}"));
    let owner = owner.unwrap_or_default();
    format!(
        "{id} on {}{owner}: {}",
        target(report),
        state(report, style)
    )
}

fn asked(params: &BTreeMap<String, String>, seed: u64) -> String {
    let params = params
        .iter()
        .filter(|(name, _)| !["target", "owner", "seed"].contains(&name.as_str()));
    let mut parts: Vec<String> = params
        .map(|(name, text)| format!("{name} {text}"))
        .collect();
    parts.push(format!("seed {seed}"));
    parts.join(", ")
}

fn acted(window: &Window) -> String {
    let from = wall(window.armed_unix_ms);
    if window.ended_ns == 0 {
        return format!("from {from} UTC on");
    }
    let lasted = seconds(window.ended_ns.saturating_sub(window.armed_ns));
    format!(
        "{lasted}, from {from} to {} UTC",
        wall(window.ended_unix_ms)
    )
}

fn events(counters: &Counters) -> String {
    let Counters {
        matched,
        eligible,
        expired,
        outside,
        foreign,
        ..
    } = counters;
    let matched = format!(
        "{matched} matched = {eligible} eligible + {expired} too late + {outside} not meant by `when`"
    );
    match foreign {
        0 => matched,
        foreign => format!("{matched}; {foreign} foreign, by 32-bit code or io_uring"),
    }
}

fn injected(report: &FaultReport, style: Style) -> String {
    let Counters {
        eligible,
        injected,
        passed,
        ..
    } = report.counters;
    let counted = format!("{injected} of {eligible} eligible, {passed} spared");
    match &report.rate {
        Some(rate) if rate.within() => format!("{counted}: {}", self::rate(rate)),
        Some(rate) => {
            let odd = format!("{}, which is unlikely to be chance", self::rate(rate));
            format!("{counted}: {}", style.unsure(&odd))
        }
        // The engine warns of it and knows why.
        None if report.counters.matched == 0 => style.unsure("nothing"),
        None => counted,
    }
}

fn rate(rate: &Rate) -> String {
    let Rate {
        asked,
        observed,
        low,
        high,
        confidence,
    } = *rate;
    format!(
        "{} (asked {}, {} interval {} to {})",
        percent(observed),
        percent(asked),
        percent(confidence),
        percent(low),
        percent(high)
    )
}

fn asleep_text(asleep: &Asleep, style: Style) -> String {
    let Asleep {
        callers,
        slept_us,
        asked_us,
        awake,
    } = *asleep;
    let text = format!(
        "{callers} callers, {} on average; asked for {}",
        millis(slept_us),
        millis(asked_us)
    );
    match awake {
        0 => text,
        awake => style.unsure(&format!(
            "{text}; {awake} were not delayed, for want of room"
        )),
    }
}

fn felt_text(felt: &Felt, style: Style) -> String {
    let shown = |micros: Option<u64>| micros.map_or_else(|| "unknown".to_owned(), millis);
    let (before, during) = (shown(felt.before_us), shown(felt.during_us));
    let mut text = format!(
        "round trip {before} before, {during} during; asked for {} more",
        millis(felt.asked_us)
    );
    if let Some(note) = &felt.note {
        text = format!("{text} ({note})");
    }
    if felt.flagged {
        style.unsure(&format!("{text}: not what was asked"))
    } else {
        text
    }
}

fn felt_briefly(felt: &Felt) -> Option<String> {
    let grown = felt.during_us?.saturating_sub(felt.before_us?);
    Some(format!(
        "felt +{} (asked {})",
        millis(grown),
        millis(felt.asked_us)
    ))
}

fn ended(how: Ended) -> &'static str {
    match how {
        Ended::Deadline => "its duration was over",
        Ended::Stopped => "it was stopped",
        Ended::OwnerGone => "the client that armed it went away",
        Ended::TargetGone => "its target has gone",
        Ended::Finished => "it had done all it was to do",
    }
}

/// Of the same shape at every moment.
fn ticking(nanoseconds: u64) -> String {
    format!("{:.1}s", Duration::from_nanos(nanoseconds).as_secs_f64())
}

fn seconds(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds);
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_millis());
    }
    ticking(nanoseconds)
}

fn millis(microseconds: u64) -> String {
    format!(
        "{:.1}ms",
        Duration::from_micros(microseconds).as_secs_f64() * 1e3
    )
}

fn percent(share: f64) -> String {
    // At most two digits after the point, and none that says nothing.
    let text = format!("{:.2}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn wall(unix_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    let shape = format_description!("[hour]:[minute]:[second]");
    let text = time.ok().and_then(|time| time.format(&shape).ok());
    text.unwrap_or_else(|| "an unknown time".to_owned())
}
