//! When a fault was felt in full.

use injector_user::protocol::FaultReport;

use crate::demo::tape::Span;

/// Around the ends of a fault, operations feel it in part.
const EDGE_NS: u64 = 60_000_000;

/// The time of a fault, without its edges.
pub(super) fn during(report: &FaultReport) -> Span {
    until(report, report.window.ended_ns)
}

/// The same for a fault that ended with its engine.
pub(super) fn until(report: &FaultReport, end_ns: u64) -> Span {
    Span {
        from_ns: report.window.armed_ns + EDGE_NS,
        to_ns: end_ns.saturating_sub(EDGE_NS),
    }
}
