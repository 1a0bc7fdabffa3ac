//! How values of other tools are read, each exactly or not at all.

use super::table::{Reader, Shape};
use crate::document::{Node, Value};
use crate::problem::Invalid;
use crate::units::{format_duration, parse_duration};

type Read = Result<Option<String>, Invalid>;

/// A duration as Go writes it.
pub(super) const DURATION: Reader = Reader {
    reads: "a duration such as `1m30s`",
    read: |node| duration(node).map(Some),
};
/// The same, where none at all asks for nothing.
pub(super) const DURATION_OR_NONE: Reader = Reader {
    reads: "a duration such as `10ms`; `0ms` is none",
    read: |node| Ok(Some(duration(node)?).filter(|duration| duration != "0s")),
};
/// A percentage as text without a sign.
pub(super) const PERCENT: Reader = Reader {
    reads: "percent, as `\"25\"`",
    read: |node| percent(text(node)?).map(Some),
};
/// The same, where none at all asks for nothing.
pub(super) const PERCENT_OR_NONE: Reader = Reader {
    reads: "percent, as `\"25\"`; `\"0\"` is none",
    read: |node| {
        let percent = percent(text(node)?)?;
        let is_none = percent.bytes().all(|byte| b"0.%".contains(&byte));
        Ok(Some(percent).filter(|_| !is_none))
    },
};
/// A percentage as a number without a sign.
pub(super) const PERCENT_NUMBER: Reader = Reader {
    reads: "percent, as `25`",
    read: |node| Ok(Some(format!("{}%", whole(node, 100)?))),
};
/// Seconds as text.
pub(super) const SECONDS: Reader = Reader {
    reads: "seconds, as `\"60\"`",
    read: |node| Ok(Some(format!("{}s", digits(node)?))),
};
/// Milliseconds as text.
pub(super) const MILLISECONDS: Reader = Reader {
    reads: "milliseconds, as `\"2000\"`",
    read: |node| Ok(Some(format!("{}ms", digits(node)?))),
};
/// The same, where none at all asks for nothing.
pub(super) const MILLISECONDS_OR_NONE: Reader = Reader {
    reads: "milliseconds, as `\"10\"`; `\"0\"` is none",
    read: |node| {
        let digits = digits(node)?;
        Ok((digits != "0").then(|| format!("{digits}ms")))
    },
};
/// A whole number.
pub(super) const COUNT: Reader = Reader {
    reads: "a whole number",
    read: |node| Ok(Some(whole(node, u32::MAX)?.to_string())),
};
/// A whole number as text, where none means that there is no limit.
pub(super) const DIGITS_OR_ALL: Reader = Reader {
    reads: "a whole number, as `\"2\"`; `\"0\"` is as many as there are",
    read: |node| Ok(Some(digits(node)?.to_owned()).filter(|digits| digits != "0")),
};
/// Mebibytes as text.
pub(super) const MEBIBYTES: Reader = Reader {
    reads: "mebibytes, as `\"500\"`",
    read: |node| Ok(Some(format!("{}MiB", digits(node)?))),
};
/// A text that we write in the same way.
pub(super) const SAME: Reader = Reader {
    reads: "the same text",
    read: |node| text(node).map(|text| Some(text.to_owned())),
};
/// A size whose unit cannot be taken for another.
pub(super) const SIZE: Reader = Reader {
    reads: "a size in B, KiB, MiB or GiB",
    read: size,
};
/// Addresses and names in a list.
pub(super) const ADDRESSES: Reader = Reader {
    reads: "a list of addresses, prefixes or names",
    read: |node| Ok(Some(texts(node)?.join(","))),
};
/// Addresses and names in a text, which may be empty.
pub(super) const ADDRESSES_TEXT: Reader = Reader {
    reads: "addresses, prefixes or names by comma; may be empty",
    read: |node| Ok(Some(text_or_empty(node)?.to_owned()).filter(|text| !text.is_empty())),
};
/// Any text: it says how the other tool does its work.
pub(super) const ANY_TEXT: Reader = Reader {
    reads: "any text",
    read: |node| text_or_empty(node).map(|_| None),
};
/// Any number: it says how the other tool does its work.
pub(super) const ANY_NUMBER: Reader = Reader {
    reads: "any number",
    read: |node| whole(node, u32::MAX).map(|_| None),
};
/// Either truth value: it says how the other tool does its work.
pub(super) const ANY_TRUTH: Reader = Reader {
    reads: "true or false",
    read: |node| match node.as_bool() {
        Some(_) => Ok(None),
        None => Err(expected("true or false", node)),
    },
};
/// A text that asks for nothing.
pub(super) const EMPTY: Reader = Reader {
    reads: "an empty text or `\"0\"`",
    read: |node| match text_or_empty(node)? {
        "" | "0" => Ok(None),
        other => Err(Invalid::saying(format!("`{other}` cannot be converted"))
            .hint("only an empty text; see the table of this format in docs/convert")),
    },
};

/// A text with something in it.
pub(super) fn not_empty(node: &Node) -> Result<(), Invalid> {
    text(node).map(|_| ())
}

/// Keys and values as tags, `key=value`.
pub(super) fn tags(node: &Node) -> Result<Vec<String>, Invalid> {
    shape(node, Shape::TextOfKey)?;
    let entries = node.as_map().unwrap_or_default().iter();
    Ok(entries
        .map(|entry| format!("{}={}", entry.key, entry.value.text))
        .collect())
}

/// Whether a value looks as it has to.
pub(super) fn shape(node: &Node, shape: Shape) -> Result<(), Invalid> {
    let of_keys = |check: fn(&Node) -> bool| {
        let entries = node.as_map();
        entries.is_some_and(|entries| entries.iter().all(|entry| check(&entry.value)))
    };
    let (is_right, wanted) = match shape {
        Shape::Text => (node.as_str().is_some(), "a text"),
        Shape::Texts => (are_texts(node), "a list of texts"),
        Shape::TextOfKey => (
            of_keys(|value| value.as_str().is_some()),
            "a mapping of texts",
        ),
        Shape::TextsOfKey => (of_keys(are_texts), "a mapping of lists of texts"),
    };
    if is_right {
        Ok(())
    } else {
        Err(expected(wanted, node))
    }
}

fn are_texts(node: &Node) -> bool {
    let items = node.as_list();
    items.is_some_and(|items| items.iter().all(|item| item.as_str().is_some()))
}

/// Several words as one would say them.
pub(super) fn listed(words: &[&str]) -> String {
    words.join(", ")
}

/// The one of these words, or what the value may be.
pub(super) fn one_of(node: &Node, words: &[&str]) -> Result<String, Invalid> {
    let text = text(node)?;
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(Invalid::saying(format!("`{text}` cannot be converted"))
        .hint(format!("only {}", words.join(", "))))
}

/// A list of texts with something in each.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, Invalid> {
    let items = node.as_list().ok_or_else(|| expected("a list", node))?;
    items
        .iter()
        .map(|item| text(item).map(str::to_owned))
        .collect()
}

pub(super) fn text(node: &Node) -> Result<&str, Invalid> {
    match text_or_empty(node)? {
        "" => Err(Invalid::saying("this is empty").hint("write something, or remove it")),
        text => Ok(text),
    }
}

/// A whole number from 0 to `most`.
pub(super) fn whole(node: &Node, most: u32) -> Result<u32, Invalid> {
    let number = node.as_i64().and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| *number <= most)
        .ok_or_else(|| expected(&format!("a whole number from 0 to {most}"), node))
}

pub(super) fn expected(wanted: &str, node: &Node) -> Invalid {
    let got = match &node.value {
        Value::String(text) => format!("`{text}`"),
        Value::Integer(_) | Value::Float(_) => format!("the number {}", node.text),
        _ => node.kind().to_owned(),
    };
    Invalid::saying(format!("expected {wanted}, got {got}"))
        .hint("as the format has it; a number in quotes is a text")
}

fn text_or_empty(node: &Node) -> Result<&str, Invalid> {
    node.as_str().ok_or_else(|| expected("a text", node))
}

fn duration(node: &Node) -> Result<String, Invalid> {
    Ok(format_duration(parse_duration(text(node)?)?))
}

/// Digits with at most one point among them, as a percentage.
fn percent(text: &str) -> Result<String, Invalid> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(decimals) {
        return Ok(format!("{text}%"));
    }
    Err(Invalid::saying(format!("`{text}` is not a percentage"))
        .hint("a number from 0 to 100 without a sign"))
}

/// A whole number in a text, without zeros in front.
fn digits(node: &Node) -> Result<&str, Invalid> {
    let text = text(node)?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let trimmed = text.trim_start_matches('0');
    match (is_number, trimmed) {
        (true, "") => Ok("0"),
        (true, trimmed) => Ok(trimmed),
        (false, _) => Err(expected("a whole number in a text", node)),
    }
}

fn size(node: &Node) -> Read {
    let text = text(node)?;
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if ["B", "KiB", "MiB", "GiB"].contains(&unit) && unit.len() < text.len() {
        return Ok(Some(text.to_owned()));
    }
    let invalid = Invalid::saying(format!("`{text}` cannot be converted exactly"));
    Err(invalid.hint(match unit {
        "%" => "a size such as 256MiB: what a share is of differs between both",
        _ => "a whole number with B, KiB, MiB or GiB; KB, MB and GB are 1000 or 1024 by version",
    }))
}
