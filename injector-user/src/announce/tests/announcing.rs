//! What a report says that is to be told.

use super::fixture::{active, end, ended, named, start};
use crate::announce::{Announcement, HowEnded, LONGEST_VALUE, Moment, Told};
use crate::protocol::{FaultReport, State};

const NOW: Moment = Moment {
    unix_ms: 1_700_000_030_000,
    monotonic_ns: 31_000_000_000,
};

/// What is told of reports that are seen one after the other: of which fault, and whether it ended.
fn told(reports: &[FaultReport]) -> Vec<(String, bool)> {
    let mut told = Told::default();
    let new = reports.iter().flat_map(|report| told.see(report, 0));
    new.map(|one| (one.fault, one.end.is_some())).collect()
}

fn one(ended: bool) -> (String, bool) {
    ("net.loss-1".to_owned(), ended)
}

#[test]
fn a_fault_is_told_of_once_when_it_begins_and_once_when_it_has_ended() {
    let reports = [active(), active(), ended()];
    assert_eq!(told(&reports), [one(false), one(true)]);
    assert_eq!(told(&[ended()]), [one(false), one(true)]);
}

#[test]
fn nothing_is_told_of_a_fault_before_it_acts() {
    let mut waits = active();
    waits.state = State::Pending;
    assert_eq!(told(&[waits.clone()]), []);
    assert_eq!(told(&[waits, active()]), [one(false)]);
}

#[test]
fn nothing_is_told_of_a_fault_that_never_acted() {
    let mut early = ended();
    early.plan.delay_ns = 60_200_000_000;
    assert_eq!(told(&[early]), []);
    let mut rehearsed = ended();
    rehearsed.rehearsal = true;
    assert_eq!(told(&[rehearsed.clone()]), []);
    assert_eq!(told(&[rehearsed, active()]), [one(false)]);
}

#[test]
fn a_fault_begins_when_its_delay_is_over() {
    let mut late = active();
    late.plan.delay_ns = 1_500_000_000;
    let start = Announcement::start(&late, 0).unwrap();
    let expected = Moment {
        unix_ms: 1_700_000_001_500,
        monotonic_ns: 2_500_000_000,
    };
    assert_eq!((start.began, start.at()), (expected, expected));
}

#[test]
fn what_is_open_ends_with_its_engine() {
    let mut told = Told::default();
    told.see(&active(), 0);
    told.see(&named("net.loss-2", active()), 0);
    told.see(&named("net.loss-2", ended()), 0);
    assert_eq!(told.open().collect::<Vec<_>>(), ["net.loss-1"]);
    let lost = told.lose_all(NOW);
    let [lost] = lost.as_slice() else {
        panic!("{lost:?}");
    };
    let end = lost.end.as_ref().unwrap();
    assert_eq!(
        (end.at, &end.how, end.counters),
        (NOW, &HowEnded::EngineGone, None)
    );
    assert_eq!(told.open().count(), 0);
    assert!(told.lose_all(NOW).is_empty());
}

#[test]
fn a_line_says_what_it_is_about() {
    assert_eq!(
        start().summary(),
        "net.loss on netns:blue (net.loss-1) acts"
    );
    assert_eq!(
        end().summary(),
        "net.loss on netns:blue (net.loss-1) ended: its duration was over; \
         1000 matched, 297 injected, 703 passed"
    );
    let mut left = ended();
    left.name = Some("lossy".to_owned());
    left.state = State::UndoIncomplete {
        what: "a cgroup".to_owned(),
    };
    let left = Announcement::end(&left, 0).unwrap().summary();
    let expected = "`lossy`: net.loss on netns:blue (net.loss-1) ended: not undone: a cgroup; ";
    assert!(left.starts_with(expected), "{left}");
}

#[test]
fn arguments_of_a_command_are_nobodys_business() {
    let of = |target: &str| {
        let mut report = active();
        report.params.insert("target".to_owned(), target.to_owned());
        Announcement::start(&report, 0).unwrap().target.unwrap()
    };
    let target = of(r#"command:["curl","-H","Authorization: geheim"]"#);
    assert_eq!(target, "command:curl …");
    assert_eq!(of(r#"command:["true"]"#), "command:true");
    assert_eq!(of("pid:7"), "pid:7");
}

#[test]
fn long_values_are_cut() {
    let mut report = active();
    let ports = "1,".repeat(LONGEST_VALUE);
    report.params.insert("ports".to_owned(), ports);
    report.owner = Some("ü".repeat(LONGEST_VALUE));
    let start = Announcement::start(&report, 0).unwrap();
    let ports = &start.params["ports"];
    assert_eq!(ports.chars().count(), LONGEST_VALUE);
    assert!(ports.ends_with("1,1…"), "{ports}");
    assert_eq!(start.owner, report.owner);
}
