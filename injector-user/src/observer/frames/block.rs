//! Requests to disks.

use injector_abi::trace::{AS_ERRNO, item as items};
use injector_core::telemetry::Value;
use nix::errno::Errno;

use super::super::totals::Total;
use super::fill::{Sheet, errno_name, item, numbers, put};

const OPERATIONS: [(&str, u32); 3] = [
    ("read", items::BLOCK_READ),
    ("write", items::BLOCK_WRITE),
    ("flush", items::BLOCK_FLUSH),
];

/// `BLK_STS_…` of `include/linux/blk_types.h`, from 1 on.
const STATUSES: [&str; 19] = [
    "notsupp",
    "timeout",
    "nospc",
    "transport",
    "target",
    "resv-conflict",
    "medium",
    "protection",
    "resource",
    "ioerr",
    "dm-requeue",
    "again",
    "dev-resource",
    "zone-resource",
    "zone-open-resource",
    "zone-active-resource",
    "offline",
    "duration-limit",
    "inval",
];

/// The same by the errors that stand for them (`blk_errors` of `block/blk-core.c`).
const ERRORS: [(Errno, &str); 13] = [
    (Errno::EOPNOTSUPP, "notsupp"),
    (Errno::ETIMEDOUT, "timeout"),
    (Errno::ENOSPC, "nospc"),
    (Errno::ENOLINK, "transport"),
    (Errno::EREMOTEIO, "target"),
    (Errno::EBADE, "resv-conflict"),
    (Errno::ENODATA, "medium"),
    (Errno::EILSEQ, "protection"),
    (Errno::ENOMEM, "resource"),
    (Errno::EIO, "ioerr"),
    (Errno::EREMCHG, "dm-requeue"),
    (Errno::EAGAIN, "again"),
    (Errno::EBUSY, "dev-resource"),
];

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    for (operation, number) in OPERATIONS {
        let counted = item(total, number);
        let labels = [target, operation];
        put(
            sheet,
            "block_duration",
            &labels,
            Value::Durations(counted.durations.clone()),
        );
        put(
            sheet,
            "block_moved",
            &labels,
            Value::Count(counted.returned),
        );
        for (status, count) in numbers(total, number) {
            let status = status_name(status);
            put(
                sheet,
                "block_errors",
                &[target, operation, &status],
                Value::Count(count),
            );
        }
    }
}

/// By its number, or the error before Linux 5.16.
fn status_name(number: u16) -> String {
    if let Some(errno) = number.checked_sub(AS_ERRNO) {
        let mut named = ERRORS.iter();
        let named = named.find(|(error, _name)| *error as i32 == i32::from(errno));
        return named.map_or_else(|| errno_name(errno), |(_error, name)| (*name).to_owned());
    }
    let place = usize::from(number).checked_sub(1);
    let named = place.and_then(|at| STATUSES.get(at));
    named.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::status_name;

    #[test]
    fn what_went_wrong_has_the_same_name_on_all_kernels() {
        assert_eq!(status_name(10), "ioerr");
        assert_eq!(status_name(256 + 5), "ioerr");
        assert_eq!(status_name(256 + 61), "medium");
        assert_eq!(status_name(7), "medium");
        assert_eq!(status_name(256 + 1), "EPERM");
        assert_eq!(status_name(200), "200");
    }
}
