//! For people: a table of calls for each target, and of whatever else there is.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::telemetry::{Quantiles, Quantity, Said, Summary};

use crate::cli::quantity::{bytes, duration};
use crate::cli::style::Style;
use crate::cli::table::table;

/// All of it.
pub(super) fn tables(series: &[Summary], seconds: f64, style: Style) -> String {
    let targets: BTreeSet<&str> = series
        .iter()
        .filter_map(|one| label(one, "target"))
        .collect();
    let mut parts = vec![format!("{seconds:.1} s")];
    for target in targets {
        let of_target: Vec<&Summary> = series
            .iter()
            .filter(|one| label(one, "target") == Some(target))
            .collect();
        parts.push(style.title(target));
        parts.extend(presence(&of_target));
        parts.extend(calls(&of_target, style));
        parts.extend(others(&of_target, style));
    }
    parts.extend(lost(series, style));
    parts.join("\n\n")
}

fn label<'a>(one: &'a Summary, name: &str) -> Option<&'a str> {
    one.labels.get(name).map(String::as_str)
}

fn presence(series: &[&Summary]) -> Option<String> {
    let gone = |one: &&&Summary| {
        one.metric == "temblor_target_present" && one.said == Said::Gauge { value: 0.0 }
    };
    series
        .iter()
        .find(gone)
        .map(|_gone| "is not there any more".to_owned())
}

/// What is known of one call.
#[derive(Default)]
struct Call {
    calls: u64,
    rate: f64,
    durations: Quantiles,
    errors: Vec<(u64, String)>,
    moved: Option<f64>,
}

fn calls(series: &[&Summary], style: Style) -> Option<String> {
    let mut by_name: BTreeMap<&str, Call> = BTreeMap::new();
    for one in series {
        let Some(name) = label(one, "syscall") else {
            continue;
        };
        let call = by_name.entry(name).or_default();
        match (one.metric.as_str(), &one.said) {
            ("temblor_syscalls_total", Said::Counter { increase, rate }) => {
                (call.calls, call.rate) = (*increase, *rate);
            }
            ("temblor_syscall_errors_total", Said::Counter { increase, .. }) => {
                let errno = label(one, "errno").unwrap_or_default().to_owned();
                call.errors.push((*increase, errno));
            }
            ("temblor_syscall_moved_bytes_total", Said::Counter { rate, .. }) => {
                call.moved = Some(*rate);
            }
            (_, Said::Histogram(quantiles)) => call.durations = *quantiles,
            _ => {}
        }
    }
    if by_name.is_empty() {
        return None;
    }
    let mut all: Vec<(&str, Call)> = by_name.into_iter().collect();
    all.sort_by_key(|(_name, call)| std::cmp::Reverse(call.calls));
    let rows: Vec<Vec<String>> = all.iter().map(|(name, call)| cells(name, call)).collect();
    let header = [
        "CALL", "CALLS", "PER S", "P50", "P99", "LONGEST", "MOVED/S", "ERRORS",
    ];
    Some(table(&header, &rows, style))
}

fn cells(name: &str, call: &Call) -> Vec<String> {
    let errors = call
        .errors
        .iter()
        .map(|(count, errno)| format!("{errno} {count}"));
    let errors: Vec<String> = errors.collect();
    let time = |seconds: Option<f64>| seconds.map(duration).unwrap_or_default();
    vec![
        name.to_owned(),
        call.calls.to_string(),
        format!("{:.1}", call.rate),
        time(call.durations.p50),
        time(call.durations.p99),
        time(call.durations.longest),
        call.moved.map(bytes).unwrap_or_default(),
        errors.join(", "),
    ]
}

fn others(series: &[&Summary], style: Style) -> Option<String> {
    let others = series.iter().filter(|one| label(one, "syscall").is_none());
    let others = others.filter(|one| one.metric != "temblor_target_present");
    let rows: Vec<Vec<String>> = others.map(|one| other(one)).collect();
    (!rows.is_empty()).then(|| table(&["METRIC", "OF", "VALUE"], &rows, style))
}

fn other(one: &Summary) -> Vec<String> {
    let about = one
        .labels
        .iter()
        .filter(|(name, _value)| **name != "target");
    let about: Vec<String> = about
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let value = match &one.said {
        Said::Counter { increase, rate } => format!("{increase} ({rate:.1}/s)"),
        Said::Time { increase, rate } => {
            let share = Quantity::Ratio.show(*rate);
            format!("{} ({share} of the time)", duration(*increase))
        }
        Said::Gauge { value } => value.to_string(),
        Said::Histogram(quantiles) => {
            let time = |seconds: Option<f64>| seconds.map(duration).unwrap_or_default();
            let (p50, p99) = (time(quantiles.p50), time(quantiles.p99));
            format!("{} times, p50 {p50}, p99 {p99}", quantiles.count)
        }
    };
    vec![one.metric.clone(), about.join(" "), value]
}

fn lost(series: &[Summary], style: Style) -> Option<String> {
    let lost = series
        .iter()
        .filter(|one| one.metric == "temblor_observer_lost_total");
    let lost = lost.filter_map(|one| match one.said {
        Said::Counter { increase, .. } => Some(format!("{increase} {}", label(one, "reason")?)),
        _ => None,
    });
    let lost: Vec<String> = lost.collect();
    let said = format!("not observed: {}", lost.join(", "));
    (!lost.is_empty()).then(|| style.bad(&said))
}
