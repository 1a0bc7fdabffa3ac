//! What stands above and below the rows.

use ratatui::text::{Line, Span};
use time::OffsetDateTime;
use time::macros::format_description;

use super::columns::shortened;
use super::paint::{CHOSEN, Paint, TITLE};
use crate::cli::top::model::{Bond, Model, Sheet, View};

/// Keys, those that matter least last.
const KEYS: [(&str, &str); 10] = [
    ("q", "quit"),
    ("?", "help"),
    ("Enter", "open"),
    ("Esc", "back"),
    ("Tab", "view"),
    ("s/S", "sort"),
    ("/", "filter"),
    ("Space", "pause"),
    ("f", "faults"),
    ("e", "edges"),
];

/// Longest name of a target beside the tabs: the order has room behind it in 80 columns.
const NAME: u16 = 30;

/// What is looked at, and when.
pub(super) fn headline(model: &Model, paint: Paint) -> Line<'static> {
    let targets = model.board.as_ref().map_or(0, |board| board.targets.len());
    let faults = model.faults.len();
    let mut spans = vec![
        Span::styled("temblor top", TITLE),
        Span::raw(format!("  {targets} targets  ")),
        Span::styled(
            format!("{faults} faults"),
            if faults > 0 { paint.bad() } else { paint.dim() },
        ),
    ];
    if model.unix_ns > 0 {
        spans.push(Span::raw(format!("  {} UTC", clock(model.unix_ns))));
    }
    if model.paused {
        spans.push(Span::styled("  paused", TITLE));
    }
    Line::from(spans)
}

fn clock(unix_ns: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ns));
    let shape = format_description!("[hour]:[minute]:[second]");
    let text = time.ok().and_then(|time| time.format(&shape).ok());
    text.unwrap_or_else(|| "an unknown time".to_owned())
}

/// How the engine is, and what it did not see.
pub(super) fn engine(model: &Model, paint: Paint) -> Line<'static> {
    if let Bond::Lost(why) = &model.bond {
        let text = format!("no engine: {why}; looking for one, R starts one");
        return Line::styled(text, paint.bad());
    }
    let Some(engine) = &model.engine else {
        return Line::styled("waiting for the engine", paint.dim());
    };
    let seconds = model.board.as_ref().map(|board| board.seconds);
    let window = seconds.map_or_else(
        || "the first figures come with the second look".to_owned(),
        |seconds| format!("figures of {seconds:.1} s"),
    );
    let text = format!(
        "engine {}, process {}, {window}",
        engine.version, engine.pid
    );
    let lost = model.board.iter().flat_map(|board| &board.lost);
    let lost: Vec<String> = lost
        .map(|(reason, number)| format!("{number} {reason}"))
        .collect();
    let mut spans = vec![Span::styled(text, paint.dim())];
    if !lost.is_empty() {
        spans.push(Span::styled(
            format!(", not observed: {}", lost.join(", ")),
            paint.bad(),
        ));
    }
    Line::from(spans)
}

/// Which view this is, in which order and by which filter.
pub(super) fn tabs(model: &Model, sheet: &Sheet, paint: Paint) -> Line<'static> {
    let mut spans = Vec::new();
    for tab in View::TABS {
        let here = tab.title() == model.view().title();
        let style = if here { CHOSEN } else { paint.dim() };
        spans.push(Span::styled(format!(" {} ", tab.title()), style));
    }
    if let View::Target(name) | View::Edges(Some(name)) = model.view() {
        let name = shortened(name, NAME);
        spans.push(Span::styled(format!(" {name}"), TITLE));
    }
    let sort = model.sort();
    let title = sheet
        .columns
        .get(sort.column)
        .map_or("", |column| column.title);
    let way = if sort.falling { "falling" } else { "rising" };
    spans.push(Span::raw(format!("  by {title} {way}")));
    let cursor = if model.editing.is_some() { "_" } else { "" };
    if model.editing.is_some() || !model.filter.is_empty() {
        let text = format!("  filter: {}{cursor}", model.filter);
        spans.push(Span::styled(text, TITLE));
    }
    Line::from(spans)
}

/// As many keys as there is room for.
pub(super) fn keys(model: &Model, width: u16, paint: Paint) -> Line<'static> {
    if model.editing.is_some() {
        return Line::from("type to filter, Enter keeps it, Esc takes it back");
    }
    let mut spans = Vec::new();
    let mut left = usize::from(width);
    for (key, meaning) in KEYS {
        let gap = if spans.is_empty() { 0 } else { 2 };
        let Some(rest) = left.checked_sub(key.len() + meaning.len() + 1 + gap) else {
            break;
        };
        left = rest;
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::styled(key, paint.key()));
        spans.push(Span::raw(format!(" {meaning}")));
    }
    Line::from(spans)
}
