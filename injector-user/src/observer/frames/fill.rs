//! Every part of a frame.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// What series are added to.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    frame: &'a mut Frame,
    /// What a target has not felt is 0. Of the busiest cgroups, which may be thousands, only that is told
    /// which has occurred.
    is_of_targets: bool,
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
    let sheet = &mut Sheet {
        frame,
        is_of_targets: true,
    };
    for target in &about.targets {
        let present = Value::Now(f64::from(u8::from(target.is_there)));
        put(sheet, "target_present", &[&target.label], present);
        let restarts = Value::Count(target.restarts);
        put(sheet, "target_restarts", &[&target.label], restarts);
    }
    for (target, usage) in &about.usages {
        resources::add(sheet, target, usage);
    }
    lost(sheet, about);
    let nothing = Total::default();
    for Presence { label, .. } in &about.targets {
        let total = about.totals.get(label).unwrap_or(&nothing);
        add(sheet, label, total, &about.signals);
    }
    let others = about.totals.iter();
    let is_target = |label: &String| about.targets.iter().any(|target| target.label == *label);
    sheet.is_of_targets = false;
    for (label, total) in others.filter(|(label, _total)| !is_target(label)) {
        add(sheet, label, total, &about.signals);
    }
}

fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total, signals: &[Signal]) {
    for signal in signals {
        match signal {
            Signal::Syscalls => syscalls::add(sheet, target, total),
            Signal::Tcp => {
                tcp::add(sheet, target, total);
                edges::add_tcp(sheet, target, total);
            }
            Signal::Block => block::add(sheet, target, total),
            Signal::Scheduler => scheduler::add(sheet, target, total),
            Signal::Life => life::add(sheet, target, total),
            Signal::Udp => edges::add_udp(sheet, target, total),
            Signal::Dns => dns::add(sheet, target, total),
            Signal::Resources => {}
        }
    }
}

fn lost(sheet: &mut Sheet<'_>, about: &About<'_>) {
    let Lost {
        no_row,
        no_count,
        not_parked,
        foreign,
        no_edge,
        not_timed,
        missed,
    } = about.lost;
    let left_out = u64::try_from(about.left_out).unwrap_or(u64::MAX);
    let reasons = [
        ("no-row", no_row),
        ("no-count", no_count),
        ("no-edge", no_edge),
        ("no-class", left_out),
        ("not-parked", not_parked),
        ("not-timed", not_timed),
        ("missed", missed),
        ("foreign", foreign),
    ];
    for (reason, count) in reasons {
        put(sheet, "observer_lost", &[reason], Value::Count(count));
    }
}

/// Adds one series; what the reference does not have is a mistake of ours, which its test finds.
pub(super) fn put(sheet: &mut Sheet<'_>, metric: &str, labels: &[&str], value: Value) {
    if !sheet.is_of_targets && is_nothing(&value) {
        return;
    }
    let Ok(metric) = named(metric) else {
        debug_assert!(false, "no metric {metric}");
        return;
    };
    debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    if let Some(series) = Series::of(metric, labels) {
        sheet.frame.values.insert(series, value);
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Count(count) => *count == 0,
        Value::Durations(durations) => durations.count() == 0,
        Value::Now(_) => false,
    }
}

/// What was counted of an item, nothing if it has not occurred.
pub(super) fn item(total: &Total, item: u32) -> Arc<Counted> {
    total.items.get(&item).map(Arc::clone).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use injector_abi::trace::item::{ACCEPT, EXEC};
    use injector_core::telemetry::{Frame, Signal};

    use super::{About, Counted, Lost, Presence, Total, Totals, fill};

    #[test]
    fn of_a_target_all_is_told_and_of_the_busiest_what_has_occurred() {
        let mut busy = Total::default();
        for (item, events) in [(EXEC, 3), (ACCEPT, 0)] {
            let counted = Counted {
                events,
                ..Counted::default()
            };
            busy.items.insert(item, counted.into());
        }
        let about = About {
            lost: Lost::default(),
            left_out: 0,
            targets: vec![Presence {
                label: "host".to_owned(),
                is_there: true,
                restarts: 0,
            }],
            totals: &Totals::from([("cgroup:/busy".to_owned(), busy)]),
            signals: vec![Signal::Life, Signal::Tcp],
            usages: BTreeMap::new(),
        };
        let mut frame = Frame::default();
        fill(&mut frame, &about);
        let of = |target| {
            let all = frame.values.keys();
            let found = all.filter(|series| series.label("target") == Some(target));
            found.map(|series| series.metric().name).collect::<Vec<_>>()
        };
        assert_eq!(of("cgroup:/busy"), ["execs"]);
        assert!(of("host").contains(&"tcp_accepts"), "{:?}", of("host"));
    }
}
