//! Rows for people.

use super::row::Row;

/// One line of a table, aligned with the others.
pub(super) fn line(row: &Row) -> String {
    let number = |value: f64| match value.abs() {
        large if large >= 1_000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
    let aim = row
        .aim
        .map_or_else(|| "-".to_owned(), |aim| aim.to_string());
    let verdict = match row.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let metric = format!("{}: {}", row.name, row.metric);
    let (ours, peer, ratio) = (number(row.ours), optional(row.peer), optional(row.ratio));
    let head = format!(
        "{metric:<64} {ours:>10} {peer:>10} {:<6} {ratio:>7} {aim:<14} {verdict:<6}",
        row.unit
    );
    if row.note.is_empty() {
        head
    } else {
        format!("{head}\n    n {}; {}", row.n, row.note)
    }
}

pub(super) fn header() -> String {
    format!(
        "{:<64} {:>10} {:>10} {:<6} {:>7} {:<14}",
        "metric", "ours", "peer", "unit", "ratio", "aim"
    )
}
