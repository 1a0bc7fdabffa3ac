//! One target: life, usage, calls, edges, disks.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::paint::Paint;
use super::table::table;
use crate::cli::quantity::{bytes, count, duration, rate};
use crate::cli::top::model::{Board, Sheet, Usage, Vitals, disks, peers};
use injector_core::telemetry::Histogram;

/// Most rows of edges, and of disks; the edges' own view has all.
const EDGES: usize = 5;
const DISKS: usize = 3;
/// Lines that calls have at least, where there are so many.
const CALLS: u16 = 4;

/// `calls` are what the view's keys are about.
pub(super) fn detail(
    frame: &mut Frame<'_>,
    area: Rect,
    (name, board, vitals): (&str, &Board, &Vitals),
    (calls, chosen): (&Sheet, usize),
    paint: Paint,
) {
    let (edges, disks) = (peers(board, name), disks(board, vitals));
    let life = life(board, vitals, paint);
    let rows = Layout::vertical([
        Constraint::Length(u16::try_from(life.len()).unwrap_or(u16::MAX)),
        Constraint::Min(CALLS),
        Constraint::Length(height(&edges, EDGES)),
        Constraint::Length(height(&disks, DISKS)),
    ]);
    let [life_area, calls_area, edges_area, disks_area] = rows.areas(area);
    frame.render_widget(Paragraph::new(life), life_area);
    table(frame, calls_area, calls, Some(chosen), paint);
    table(frame, edges_area, &edges, None, paint);
    table(frame, disks_area, &disks, None, paint);
}

/// With a header; nothing if there is nothing.
fn height(sheet: &Sheet, most: usize) -> u16 {
    let rows = sheet.rows.len().min(most);
    u16::try_from(rows).map_or(0, |rows| if rows == 0 { 0 } else { rows + 1 })
}

fn life(board: &Board, vitals: &Vitals, paint: Paint) -> Vec<Line<'static>> {
    let per_second = |number| rate(board.rate(number));
    let first = format!(
        "exec/s {}  acc/s {}  conn/s {}  rst/s {}  exit/s {}{}",
        per_second(vitals.execs),
        per_second(vitals.accepts),
        per_second(vitals.connects),
        per_second(vitals.resets),
        per_second(vitals.all_exits()),
        listed(&ends(vitals)),
    );
    let second = format!(
        "p99: run queue {}  off cpu {}  disk {}  names {}{}",
        p99(&vitals.run_queue),
        p99(&vitals.off_cpu),
        p99(&vitals.disk()),
        p99(&vitals.names),
        listed(&vitals.wrong_names),
    );
    if vitals.gone {
        let gone = Line::styled("is not there any more", paint.bad());
        return vec![gone, Line::from(second)];
    }
    let usage = vitals.usage.as_ref().map(|usage| usage_line(board, usage));
    let lines = [first, second].into_iter().chain(usage);
    lines.map(Line::from).collect()
}

/// How processes ended, and why the kernel killed some.
fn ends(vitals: &Vitals) -> BTreeMap<String, u64> {
    let mut ends = vitals.exits.clone();
    if vitals.oom_kills > 0 {
        ends.insert("oom".to_owned(), vitals.oom_kills);
    }
    ends
}

/// Pressure is in percent of the time.
fn usage_line(board: &Board, usage: &Usage) -> String {
    let pressures = usage.pressures.iter();
    let pressures: Vec<String> = pressures
        .map(|(resource, share)| format!("{resource} {:.0}", share * 100.0))
        .collect();
    let pressures = if pressures.is_empty() {
        "-".to_owned()
    } else {
        format!("{} %", pressures.join(" "))
    };
    format!(
        "procs {}  mem {}{}  psi {pressures}  majflt/s {}  thr/s {}",
        usage.processes,
        bytes(usage.memory),
        listed(&usage.memory_events),
        rate(board.rate(usage.major_faults)),
        duration(board.rate(usage.throttled_ns) / 1e9),
    )
}

/// How many of each, in parentheses; nothing of none.
fn listed(numbers: &BTreeMap<String, u64>) -> String {
    if numbers.is_empty() {
        return String::new();
    }
    let each = numbers
        .iter()
        .map(|(what, number)| format!("{number} {what}"));
    format!(" ({})", each.collect::<Vec<_>>().join(", "))
}

fn p99(durations: &Histogram) -> String {
    let found = durations.quantile(0.99);
    found.map_or_else(|| "-".to_owned(), |ns| duration(count(ns) / 1e9))
}
