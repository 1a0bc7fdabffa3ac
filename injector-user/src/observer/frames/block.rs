//! Requests to disks.

use injector_abi::trace::item as items;
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, item, numbers, put};

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
            let named = usize::from(status)
                .checked_sub(1)
                .and_then(|at| STATUSES.get(at));
            let status = named.map_or_else(|| status.to_string(), |name| (*name).to_owned());
            put(
                sheet,
                "block_errors",
                &[target, operation, &status],
                Value::Count(count),
            );
        }
    }
}
