//! System calls by name.

use injector_abi::trace::CALLS;
use injector_core::fault::syscall::Syscall;
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, errno_name, numbers, put};

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    for (number, counted) in total.items.range(..CALLS) {
        let name = call_name(*number);
        let labels = [target, &name];
        put(sheet, "syscalls", &labels, Value::Count(counted.events));
        let durations = Value::Durations(counted.durations.clone());
        put(sheet, "syscall_duration", &labels, durations);
        if MOVING.contains(&name.as_str()) {
            put(
                sheet,
                "syscall_moved",
                &labels,
                Value::Count(counted.returned),
            );
        }
        for (errno, count) in numbers(total, *number) {
            let errno = errno_name(errno);
            put(
                sheet,
                "syscall_errors",
                &[target, &name, &errno],
                Value::Count(count),
            );
        }
    }
}

/// A call that this kernel has and we do not know is called by its number.
fn call_name(number: u32) -> String {
    let known = u16::try_from(number).ok().and_then(Syscall::from_number);
    known.map_or_else(|| number.to_string(), |call| call.name().to_owned())
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
