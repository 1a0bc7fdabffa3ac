//! Every part of a frame.

use std::collections::BTreeMap;

use injector_core::fault::Errno;
use injector_core::telemetry::{Frame, Series, Signal, Value, named};

use super::super::resources::Usage;
use super::super::totals::{Total, Totals};
use super::{block, dns, edges, life, resources, scheduler, syscalls, tcp};
use crate::loader::{Counted, Lost};

/// What a frame is made of.
#[derive(Debug)]
pub(in super::super) struct About<'a> {
    pub(in super::super) lost: Lost,
    /// Groups that got no class.
    pub(in super::super) left_out: usize,
    pub(in super::super) targets: Vec<Presence>,
    pub(in super::super) totals: &'a Totals,
    pub(in super::super) signals: Vec<Signal>,
    /// By label; none if nobody asks for them.
    pub(in super::super) usages: BTreeMap<String, Usage>,
}

/// A target, there or not.
#[derive(Debug)]
pub(in super::super) struct Presence {
    pub(in super::super) label: String,
    pub(in super::super) is_there: bool,
    pub(in super::super) restarts: u64,
}

/// Adds everything to a frame.
pub(in super::super) fn fill(frame: &mut Frame, about: &About<'_>) {
    for target in &about.targets {
        let present = Value::Now(f64::from(u8::from(target.is_there)));
        put(frame, "target_present", &[&target.label], present);
        let restarts = Value::Count(target.restarts);
        put(frame, "target_restarts", &[&target.label], restarts);
    }
    for (target, usage) in &about.usages {
        resources::add(frame, target, usage);
    }
    lost(frame, about);
    let nothing = Total::default();
    for Presence { label, .. } in &about.targets {
        let total = about.totals.get(label).unwrap_or(&nothing);
        add(frame, label, total, &about.signals);
    }
    let others = about.totals.iter();
    let is_target = |label: &String| about.targets.iter().any(|target| target.label == *label);
    for (label, total) in others.filter(|(label, _total)| !is_target(label)) {
        add(frame, label, total, &about.signals);
    }
}

fn add(frame: &mut Frame, target: &str, total: &Total, signals: &[Signal]) {
    for signal in signals {
        match signal {
            Signal::Syscalls => syscalls::add(frame, target, total),
            Signal::Tcp => {
                tcp::add(frame, target, total);
                edges::add_tcp(frame, target, total);
            }
            Signal::Block => block::add(frame, target, total),
            Signal::Scheduler => scheduler::add(frame, target, total),
            Signal::Life => life::add(frame, target, total),
            Signal::Udp => edges::add_udp(frame, target, total),
            Signal::Dns => dns::add(frame, target, total),
            Signal::Resources => {}
        }
    }
}

fn lost(frame: &mut Frame, about: &About<'_>) {
    let Lost {
        no_row,
        no_count,
        not_parked,
        foreign,
        no_edge,
        not_timed,
    } = about.lost;
    let left_out = u64::try_from(about.left_out).unwrap_or(u64::MAX);
    let reasons = [
        ("no-row", no_row),
        ("no-count", no_count),
        ("no-edge", no_edge),
        ("no-class", left_out),
        ("not-parked", not_parked),
        ("not-timed", not_timed),
        ("foreign", foreign),
    ];
    for (reason, count) in reasons {
        put(frame, "observer_lost", &[reason], Value::Count(count));
    }
}

/// Adds one series; what the reference does not have is a mistake of ours, which its test finds.
pub(super) fn put(frame: &mut Frame, metric: &str, labels: &[&str], value: Value) {
    let Ok(metric) = named(metric) else {
        debug_assert!(false, "no metric {metric}");
        return;
    };
    debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    if let Some(series) = Series::of(metric, labels) {
        frame.values.insert(series, value);
    }
}

/// What was counted of an item, nothing if it has not occurred.
pub(super) fn item(total: &Total, item: u32) -> Counted {
    total.items.get(&item).cloned().unwrap_or_default()
}

/// What was counted by number of an item.
pub(super) fn numbers(total: &Total, item: u32) -> impl Iterator<Item = (u16, u64)> {
    let item = u16::try_from(item).unwrap_or(u16::MAX);
    let found = total.numbers.range((item, 0)..=(item, u16::MAX));
    found.map(|((_item, number), count)| (*number, *count))
}

/// An error that has no name is called by its number.
pub(super) fn errno_name(number: u16) -> String {
    let known = Errno::from_number(i32::from(number)).map(|errno| errno.name().to_owned());
    known.unwrap_or_else(|| number.to_string())
}
