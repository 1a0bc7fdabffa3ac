//! Questions to name servers.

use injector_abi::trace::item as items;
use injector_core::telemetry::Value;

use super::super::totals::Total;
use super::fill::{Sheet, item, numbers, put};

/// By code (RFC 1035, 4.1.1; RFC 2136, 2.2).
const CODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

pub(super) fn add(sheet: &mut Sheet<'_>, target: &str, total: &Total) {
    let questions = item(total, items::DNS_QUESTION).events;
    put(sheet, "dns_questions", &[target], Value::Count(questions));
    let durations = item(total, items::DNS).durations.clone();
    put(
        sheet,
        "dns_duration",
        &[target],
        Value::Durations(durations),
    );
    for (code, count) in numbers(total, items::DNS) {
        let named = CODES.get(usize::from(code));
        let code = named.map_or_else(|| code.to_string(), |name| (*name).to_owned());
        put(sheet, "dns_answers", &[target, &code], Value::Count(count));
    }
}
