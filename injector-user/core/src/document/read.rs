//! From text to events to a tree.

use saphyr_parser::{Event, Marker, Parser};

use super::build::{Builder, Fault};
use super::node::Node;
use crate::problem::{Place, Problem};

/// What helps most often where the parser knows nothing better.
const UNREADABLE: &str = "look at the indentation, and put texts with `: `, `#` or a leading `{`, `[`, `*`, `&` in quotes";
/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Reads one document.
///
/// `file` is only for messages. Refused: more than one document, more than 1 MiB, nesting deeper
/// than 64, more than 100 000 values after aliases, a key that occurs twice or is a collection.
pub fn read(text: &str, file: Option<&str>) -> Result<Node, Problem> {
    read_with(text, file, |text| build(text, Builder::default())?.finish())
}

/// Reads every document of a text, between which stands `---`; as [`read`] otherwise.
pub fn read_all(text: &str, file: Option<&str>) -> Result<Vec<Node>, Problem> {
    read_with(text, file, |text| {
        build(text, Builder::of_several())?.finish_all()
    })
}

fn read_with<T>(
    text: &str,
    file: Option<&str>,
    build: impl FnOnce(&str) -> Result<T, Fault>,
) -> Result<T, Problem> {
    let place = Place::file(file);
    if text.len() > MAX_BYTES {
        return Err(Problem::new(place, "the file is longer than 1 MiB")
            .hint("split it into several experiments"));
    }
    let joined = join_surrogates(text);
    let text = joined.as_deref().unwrap_or(text);
    build(text).map_err(|fault| {
        let (line, column) = position(fault.at);
        let problem = Problem::new(place.at(line, column), fault.message);
        let hint = fault.hint.or_else(|| tab_hint(text, line));
        problem.hint(hint.unwrap_or_else(|| UNREADABLE.to_owned()))
    })
}

fn build(text: &str, mut builder: Builder) -> Result<Builder, Fault> {
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Fault {
            at: *error.marker(),
            message: format!("not valid YAML or JSON: {}", error.info()),
            hint: None,
        })?;
        let end = matches!(event, Event::StreamEnd);
        builder.take(event, span)?;
        if end {
            break;
        }
    }
    Ok(builder)
}

/// Line and column as people and editors count them, from 1.
pub(super) fn position(marker: Marker) -> (u32, u32) {
    let line = u32::try_from(marker.line()).unwrap_or(u32::MAX).max(1);
    let column = u32::try_from(marker.col()).unwrap_or(u32::MAX);
    (line, column.saturating_add(1))
}

fn tab_hint(text: &str, line: u32) -> Option<String> {
    let number = usize::try_from(line).ok()?.checked_sub(1)?;
    let line = text.lines().nth(number)?;
    let indent = line.len() - line.trim_start().len();
    line[..indent]
        .contains('\t')
        .then(|| "the line is indented by a tab, YAML wants spaces".to_owned())
}

/// JSON writes what is outside the basic plane as two `\u` escapes, which YAML does not know.
///
/// Each pair becomes the character it stands for; only columns behind it on its line move.
fn join_surrogates(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) || !text.contains("\\u") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        out.push_str(before);
        if let Some(character) = surrogate_pair(escape) {
            out.push(character);
            rest = &escape[12..];
        } else {
            // The backslash and the character it escapes, which may be a backslash itself.
            let taken = escape.chars().take(2).map(char::len_utf8).sum();
            out.push_str(&escape[..taken]);
            rest = &escape[taken..];
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The character of `\uD83D\uDE00` at the start of `text`.
fn surrogate_pair(text: &str) -> Option<char> {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let high = unit(text)?;
    let low = unit(text.get(6..12)?)?;
    let pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    pair.then(|| 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        .and_then(char::from_u32)
}
