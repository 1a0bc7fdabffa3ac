//! TCP connections as a whole.

use injector_abi::trace::item as items;
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, errno_name, item, numbers, put};

const DIRECTIONS: [&str; 2] = ["sent", "received"];

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    let connects = item(total, items::CONNECT);
    put(
        sheet,
        "tcp_connects",
        &[target],
        Value::Count(connects.events),
    );
    put(
        sheet,
        "tcp_connect_duration",
        &[target],
        Value::Durations(connects.durations.clone()),
    );
    for (errno, count) in numbers(total, items::CONNECT) {
        // Given up by who asked.
        let errno = if errno == 0 {
            "none".to_owned()
        } else {
            errno_name(errno)
        };
        put(
            sheet,
            "tcp_connect_errors",
            &[target, &errno],
            Value::Count(count),
        );
    }
    let accepts = item(total, items::ACCEPT).events;
    put(sheet, "tcp_accepts", &[target], Value::Count(accepts));
    let again = item(total, items::RETRANSMIT).events;
    put(sheet, "tcp_retransmits", &[target], Value::Count(again));
    for (number, name) in (0..).zip(DIRECTIONS) {
        let mut resets = numbers(total, items::RESET);
        let found = resets.find(|(direction, _count)| *direction == number);
        let count = found.map_or(0, |(_direction, count)| count);
        put(sheet, "tcp_resets", &[target, name], Value::Count(count));
    }
}
