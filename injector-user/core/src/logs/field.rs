//! Lines of fields: JSON and logfmt.

use serde_json::{Map, Value};

use super::level::Level;

/// What fields say, as far as they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) level: Option<Level>,
    pub(super) message: Option<String>,
}

/// What programs call them; the first that is there counts.
const LEVELS: [&str; 9] = [
    "level",
    "severity",
    "lvl",
    "loglevel",
    "log.level",
    "levelname",
    "severity_text",
    "priority",
    "s",
];
const MESSAGES: [&str; 6] = ["message", "msg", "short_message", "event", "log", "error"];

/// The fields of a line that is an object; none if it is not.
pub(super) fn json(line: &str) -> Option<Fields> {
    if !line.starts_with('{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let find = |name: &&str| {
        let mut fields = object.iter();
        fields.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    };
    let mut messages = MESSAGES.iter().filter_map(find);
    Some(Fields {
        level: LEVELS.iter().filter_map(find).find_map(level_of),
        message: messages.find_map(|value| value.as_str().map(str::to_owned)),
    })
}

fn level_of(value: &Value) -> Option<Level> {
    match value {
        Value::Number(number) => Level::of_number(number.as_u64()?),
        Value::String(word) => level_of_text(word),
        _ => None,
    }
}

fn level_of_text(word: &str) -> Option<Level> {
    let number = || Level::of_number(word.parse().ok()?);
    Level::of_word(word)
        .or_else(|| Level::of_letter(word))
        .or_else(number)
}

/// What `level=error msg="it broke"` says; nothing if there are no such fields.
pub(super) fn logfmt(line: &str) -> Fields {
    let level = ["level", "lvl", "severity"].into_iter().find_map(|key| {
        let value = value_of(key, line)?;
        level_of_text(&value)
    });
    let mut messages = ["msg", "message"].into_iter();
    // An assignment in prose is no logfmt.
    let message = level.and_then(|_level| messages.find_map(|key| value_of(key, line)));
    Fields { level, message }
}

/// The value behind `key=`, without its quotes.
fn value_of(key: &str, line: &str) -> Option<String> {
    let mut found = line.match_indices(key);
    found.find_map(|(place, _)| {
        let (head, tail) = line.split_at(place);
        let begins = head.is_empty() || head.ends_with([' ', '\t', '[', '{', ',']);
        let value = tail.strip_prefix(key)?.strip_prefix('=')?;
        begins.then(|| unquoted(value))
    })
}

fn unquoted(value: &str) -> String {
    let Some(inside) = value.strip_prefix('"') else {
        let ends = |c: char| c.is_whitespace() || c == ',' || c == ']';
        return value.split(ends).next().unwrap_or_default().to_owned();
    };
    let mut text = String::new();
    let mut characters = inside.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => text.extend(characters.next()),
            c => text.push(c),
        }
    }
    text
}
