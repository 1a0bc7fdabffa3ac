//! From what was counted to series with names.

use injector_abi::trace::CALLS;
use injector_core::fault::Errno;
use injector_core::fault::syscall::Syscall;
use injector_core::telemetry::{Frame, Metric, Series, Value, named};

use super::totals::{Total, Totals};
use crate::loader::{Counted, Lost};

/// What a frame is made of beside the totals.
#[derive(Debug)]
pub(super) struct About<'a> {
    pub(super) lost: Lost,
    /// Groups that got no class.
    pub(super) left_out: usize,
    /// Labels of all targets, and whether they are there.
    pub(super) targets: Vec<(String, bool)>,
    pub(super) totals: &'a Totals,
}

/// Adds everything to a frame.
pub(super) fn fill(frame: &mut Frame, about: &About<'_>) {
    let mut filling = Filling { frame };
    for (target, is_there) in &about.targets {
        filling.put(
            "target_present",
            [target],
            Value::Now(f64::from(u8::from(*is_there))),
        );
    }
    for (target, total) in about.totals {
        for (item, counted) in total.items.range(..CALLS) {
            filling.syscall(target, *item, counted, total);
        }
    }
    let Lost {
        no_row,
        no_count,
        not_parked,
        foreign,
    } = about.lost;
    let reasons = [
        ("no-row", no_row),
        ("no-count", no_count),
        ("not-parked", not_parked),
        ("foreign", foreign),
        ("no-class", about.left_out as u64),
    ];
    for (reason, count) in reasons {
        filling.put("observer_lost", [reason], Value::Count(count));
    }
}

struct Filling<'a> {
    frame: &'a mut Frame,
}

impl Filling<'_> {
    fn put<const N: usize>(&mut self, metric: &str, labels: [&str; N], value: Value) {
        let labels = labels.map(str::to_owned).to_vec();
        if let Some(series) = metric_of(metric).and_then(|metric| Series::of(metric, labels)) {
            self.frame.values.insert(series, value);
        }
    }

    fn syscall(&mut self, target: &str, item: u32, counted: &Counted, total: &Total) {
        let number = u16::try_from(item).unwrap_or(u16::MAX);
        let name = call_name(number);
        let labels = [target, &name];
        self.put("syscalls", labels, Value::Count(counted.events));
        let durations = Value::Durations(counted.durations.clone());
        self.put("syscall_duration", labels, durations);
        if MOVING.contains(&name.as_str()) {
            self.put("syscall_moved", labels, Value::Count(counted.returned));
        }
        let errors = total.numbers.range((number, 0)..=(number, u16::MAX));
        for ((_item, errno), count) in errors {
            let errno = errno_name(*errno);
            self.put(
                "syscall_errors",
                [target, &name, &errno],
                Value::Count(*count),
            );
        }
    }
}

fn metric_of(name: &str) -> Option<&'static Metric> {
    named(name).ok()
}

/// A call that this kernel has and we do not know is called by its number.
fn call_name(number: u16) -> String {
    let known = Syscall::from_number(number).map(|call| call.name().to_owned());
    known.unwrap_or_else(|| number.to_string())
}

fn errno_name(number: u16) -> String {
    let known = Errno::from_number(i32::from(number)).map(|errno| errno.name().to_owned());
    known.unwrap_or_else(|| number.to_string())
}

/// Calls that return how many bytes they have moved.
const MOVING: [&str; 20] = [
    "read",
    "write",
    "pread64",
    "pwrite64",
    "readv",
    "writev",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendfile",
    "splice",
    "tee",
    "vmsplice",
    "copy_file_range",
    "getrandom",
];
