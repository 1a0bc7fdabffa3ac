//! Programs that begin and processes that end.

use injector_abi::trace::item as items;
use injector_core::telemetry::Value;
use nix::sys::signal::Signal;

use super::super::totals::Total;
use super::fill::{Sheet, item, numbers, put};

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    let execs = item(total, items::EXEC).events;
    put(sheet, "execs", &[target], Value::Count(execs));
    let killed = item(total, items::OOM).events;
    put(sheet, "oom_kills", &[target], Value::Count(killed));
    for (how, count) in numbers(total, items::EXIT) {
        let code = (how >> 8).to_string();
        let signal = signal_name(i32::from(how & 0x7F));
        put(
            sheet,
            "exits",
            &[target, &code, &signal],
            Value::Count(count),
        );
    }
}

/// One of the numbers without a name is called by it.
fn signal_name(number: i32) -> String {
    match number {
        0 => "none".to_owned(),
        _ => Signal::try_from(number)
            .map_or_else(|_nameless| number.to_string(), |signal| signal.to_string()),
    }
}
