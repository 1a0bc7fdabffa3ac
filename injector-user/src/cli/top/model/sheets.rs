//! What there is to see of targets, calls, edges, disks and faults.

use std::collections::BTreeMap;

use injector_core::telemetry::{Exchange, Histogram, Link, Role};

use super::board::{Board, Calls, Vitals};
use super::sheet::{Cell, Column, Mood, Row, Sheet};
use crate::cli::quantity::{bytes, count, duration, rate};
use crate::cli::report;
use crate::cli::style::Style;
use crate::protocol::{FaultReport, State};

const TARGETS: &[Column] = &[
    Column::text("TARGET", 24, 0),
    Column::number("CALLS/S", 7, 1),
    Column::number("ERR/S", 6, 2),
    Column::number("P50", 7, 8),
    Column::number("P99", 7, 3),
    Column::number("RUNQ99", 7, 4),
    Column::number("DISK99", 7, 6),
    Column::number("CONN/S", 6, 5),
    Column::number("EXIT/S", 6, 7),
    Column::number("EXEC/S", 6, 9),
    Column::number("RETR/S", 6, 10),
];
const CALLS: &[Column] = &[
    Column::text("CALL", 16, 0),
    Column::number("CALLS/S", 7, 1),
    Column::number("ERR/S", 6, 3),
    Column::number("P50", 7, 4),
    Column::number("P99", 7, 2),
    Column::number("MOVED/S", 10, 6),
    Column::text("ERRORS", 20, 5),
];
const EDGES: &[Column] = &[
    Column::text("TARGET", 16, 0),
    Column::text("PEER", 18, 1),
    Column::text("PORT", 9, 2),
    Column::number("CONN/S", 6, 3),
    Column::number("FAIL/S", 6, 4),
    Column::number("OUT/S", 9, 5),
    Column::number("IN/S", 9, 6),
    Column::number("RTT", 7, 7),
    Column::number("RETR/S", 6, 8),
];
const PEERS: &[Column] = &[
    Column::text("PEER", 18, 0),
    Column::text("PORT", 9, 1),
    Column::number("CONN/S", 6, 2),
    Column::number("FAIL/S", 6, 3),
    Column::number("OUT/S", 9, 4),
    Column::number("IN/S", 9, 5),
    Column::number("RTT", 7, 6),
    Column::number("RETR/S", 6, 7),
];
const DISKS: &[Column] = &[
    Column::text("DISK", 18, 0),
    Column::number("REQ/S", 6, 1),
    Column::number("ERR/S", 6, 2),
    Column::number("P50", 7, 3),
    Column::number("P99", 7, 4),
    Column::number("MOVED/S", 10, 5),
];
const FAULTS: &[Column] = &[
    Column::text("FAULT", 15, 0),
    Column::text("TARGET", 20, 1),
    Column::text("STATE", 12, 3),
    Column::number("LEFT", 7, 2),
    Column::number("MATCHED", 8, 4),
    Column::number("INJECTED", 8, 5),
    Column::text("OWNER", 12, 6),
];

/// Every target.
pub(super) fn targets(board: &Board) -> Sheet {
    let rows = board.targets.iter();
    Sheet {
        columns: TARGETS,
        rows: rows
            .map(|(name, vitals)| target(board, name, vitals))
            .collect(),
    }
}

fn target(board: &Board, name: &str, vitals: &Vitals) -> Row {
    let per_second = |number| per_second(board, number);
    let durations = vitals.durations();
    let name_shown = if vitals.gone {
        format!("{name} (gone)")
    } else {
        name.to_owned()
    };
    Row {
        key: name.to_owned(),
        cells: vec![
            Cell::text(name_shown),
            per_second(vitals.all_calls()),
            per_second(vitals.all_errors()),
            quantile(&durations, 0.5),
            quantile(&durations, 0.99),
            quantile(&vitals.run_queue, 0.99),
            quantile(&vitals.disk(), 0.99),
            per_second(vitals.connects),
            per_second(vitals.all_exits()),
            per_second(vitals.execs),
            per_second(vitals.retransmits),
        ],
        mood: if vitals.gone { Mood::Dim } else { Mood::Plain },
    }
}

/// The calls of one target.
pub(super) fn calls(board: &Board, vitals: &Vitals) -> Sheet {
    let rows = vitals.calls.iter();
    Sheet {
        columns: CALLS,
        rows: rows.map(|(name, calls)| call(board, name, calls)).collect(),
    }
}

fn call(board: &Board, name: &str, calls: &Calls) -> Row {
    let errors = calls.all_errors();
    let mut by_count: Vec<(&String, &u64)> = calls.errors.iter().collect();
    by_count.sort_by(|left, right| right.1.cmp(left.1));
    let names = by_count
        .iter()
        .map(|(errno, number)| format!("{errno} {number}"));
    let names: Vec<String> = names.collect();
    Row {
        key: name.to_owned(),
        cells: vec![
            Cell::text(name),
            per_second(board, calls.count),
            per_second(board, errors),
            quantile(&calls.durations, 0.5),
            quantile(&calls.durations, 0.99),
            amount(board, calls.moved),
            Cell::text(names.join(", ")),
        ],
        mood: if errors > 0 { Mood::Bad } else { Mood::Plain },
    }
}

/// The edges of one target, or of all.
pub(super) fn edges(board: &Board, of: Option<&str>) -> Sheet {
    let links = board.links.iter();
    let links = links.filter(|(link, _)| of.is_none_or(|target| link.target == target));
    Sheet {
        columns: EDGES,
        rows: links
            .map(|(link, exchange)| edge(board, link, exchange))
            .collect(),
    }
}

/// Those of one target, without saying so in each row; those that carry most first.
pub(in crate::cli::top) fn peers(board: &Board, target: &str) -> Sheet {
    let links = board.links.iter();
    let mut links: Vec<(&Link, &Exchange)> =
        links.filter(|(link, _)| link.target == target).collect();
    let carried = |exchange: &Exchange| {
        let events = exchange.connections + exchange.failures + exchange.packets;
        (events, exchange.sent.saturating_add(exchange.received))
    };
    links.sort_by_key(|(_link, exchange)| std::cmp::Reverse(carried(exchange)));
    let rows = links.into_iter().map(|(link, exchange)| {
        let mut row = edge(board, link, exchange);
        row.cells.remove(0);
        row
    });
    Sheet {
        columns: PEERS,
        rows: rows.collect(),
    }
}

fn edge(board: &Board, link: &Link, exchange: &Exchange) -> Row {
    let Link {
        target,
        role,
        transport,
        port,
        peer,
    } = link;
    let arrow = match role {
        Role::Client => "->",
        Role::Server => "<-",
    };
    let round_trip = exchange.round_trip;
    let round_trip = round_trip.map_or_else(
        || Cell::text("-"),
        |seconds| Cell::number(duration(seconds), seconds),
    );
    let happened = exchange.connections + exchange.packets;
    Row {
        key: format!("{target} {arrow} {peer} {transport} {port}"),
        cells: vec![
            Cell::text(target),
            Cell::text(format!("{arrow} {peer}")),
            Cell::text(format!("{transport} {port}")),
            per_second(board, happened),
            per_second(board, exchange.failures),
            amount(board, exchange.sent),
            amount(board, exchange.received),
            round_trip,
            per_second(board, exchange.retransmits),
        ],
        mood: if exchange.failures > 0 {
            Mood::Bad
        } else {
            Mood::Plain
        },
    }
}

/// What one target asks of disks.
pub(in crate::cli::top) fn disks(board: &Board, vitals: &Vitals) -> Sheet {
    let rows = vitals.disks.iter().map(|(operation, disk)| Row {
        key: operation.clone(),
        cells: vec![
            Cell::text(operation),
            per_second(board, disk.durations.count()),
            per_second(board, disk.errors),
            quantile(&disk.durations, 0.5),
            quantile(&disk.durations, 0.99),
            amount(board, disk.moved),
        ],
        mood: if disk.errors > 0 {
            Mood::Bad
        } else {
            Mood::Plain
        },
    });
    Sheet {
        columns: DISKS,
        rows: rows.collect(),
    }
}

/// What is armed at this monotonic time.
pub(super) fn faults(reports: &BTreeMap<String, FaultReport>, now_ns: u64) -> Sheet {
    Sheet {
        columns: FAULTS,
        rows: reports
            .values()
            .map(|report| fault(report, now_ns))
            .collect(),
    }
}

fn fault(report: &FaultReport, now_ns: u64) -> Row {
    let left = count(report.window.deadline_ns.saturating_sub(now_ns)) / 1e9;
    let counters = report.counters;
    let numbers = [counters.matched, counters.injected]
        .map(|number| Cell::number(number.to_string(), count(number)));
    let [matched, injected] = numbers;
    let owner = report.owner.clone().unwrap_or_default();
    let target = report::target(report);
    Row {
        key: format!("{} {target} {owner}", report.fault),
        cells: vec![
            Cell::text(&report.fault),
            Cell::text(target),
            Cell::text(report::state(report, Style::PLAIN)),
            Cell::number(format!("{left:.1}s"), left),
            matched,
            injected,
            Cell::text(owner),
        ],
        mood: if matches!(report.state, State::UndoIncomplete { .. }) {
            Mood::Bad
        } else {
            Mood::Plain
        },
    }
}

fn per_second(board: &Board, number: u64) -> Cell {
    let value = board.rate(number);
    Cell::number(rate(value), value)
}

fn amount(board: &Board, number: u64) -> Cell {
    let value = board.rate(number);
    Cell::number(bytes(value), value)
}

fn quantile(durations: &Histogram, share: f64) -> Cell {
    durations.quantile(share).map_or_else(
        || Cell::text("-"),
        |ns| {
            let seconds = count(ns) / 1e9;
            Cell::number(duration(seconds), seconds)
        },
    )
}
