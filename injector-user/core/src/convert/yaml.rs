//! A tree as YAML, as a person would write it.

use crate::document::{self, Entry, Node, Value};

/// The whole tree, ending with a line break.
pub(super) fn write(node: &Node) -> String {
    let mut out = String::new();
    block(node, 0, &mut out);
    out
}

/// A mapping in this order.
pub(super) fn mapping(entries: impl IntoIterator<Item = (String, Node)>) -> Node {
    let entries = entries.into_iter().map(|(key, value)| Entry {
        key,
        line: 1,
        column: 1,
        value,
    });
    node(Value::Map(entries.collect()), "")
}

pub(super) fn list(items: impl IntoIterator<Item = Node>) -> Node {
    node(Value::List(items.into_iter().collect()), "")
}

pub(super) fn text(text: &str) -> Node {
    node(Value::String(text.to_owned()), text)
}

/// A number or truth value if the text is one, as parameters may be written.
pub(super) fn scalar(written: &str) -> Node {
    match document::read(written, None) {
        Ok(read) if read.as_str().is_none() && read.as_scalar() == Some(written) => read,
        _ => text(written),
    }
}

fn node(value: Value, text: &str) -> Node {
    Node {
        value,
        text: text.to_owned(),
        line: 1,
        column: 1,
    }
}

/// Each line of a collection, indented by so many spaces.
fn block(node: &Node, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                put(out, [&pad, &quoted(&entry.key), ":"]);
                after_key(&entry.value, indent, out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                let mut lines = String::new();
                block(item, indent + 2, &mut lines);
                // The first line of an item stands behind its dash.
                put(out, [&pad, "- ", lines.trim_start_matches(' ')]);
            }
        }
        _ => put(out, [&pad, &inline(node), "\n"]),
    }
}

fn after_key(node: &Node, indent: usize, out: &mut String) {
    let is_long = match &node.value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if is_long {
        out.push('\n');
        block(node, indent + 2, out);
    } else {
        put(out, [" ", &inline(node), "\n"]);
    }
}

fn put(out: &mut String, parts: [&str; 3]) {
    out.extend(parts);
}

fn inline(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) => node.text.clone(),
        Value::String(text) => quoted(text),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

/// As it is where that reads as the same text, else in quotes.
fn quoted(text: &str) -> String {
    let in_place = format!("key: {text}");
    let read = document::read(&in_place, None);
    let is_plain = read.is_ok_and(|read| {
        let value = read.get("key").and_then(Node::as_str);
        value == Some(text) && !text.contains(['\n', '"', '\''])
    });
    if is_plain && !text.contains(": ") && !text.starts_with("- ") {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(written: &str) {
        let node = document::read(written, None).unwrap();
        assert_eq!(write(&node), written);
    }

    #[test]
    fn what_is_written_so_is_written_so_again() {
        check("a: 1\nb:\n  - x: 20ms\n    y: []\n  - - 1\n    - true\nc:\n  d: \"7\"\n  e: {}\n");
        check("a: \"yes: no\"\nb: \" x\"\nc: \"\"\nd: ^PONG$\ne: null\nf: 25%\n");
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was(key in any::<String>(), value in any::<String>()) {
            let tree = mapping([(key.clone(), list([text(&value), mapping([("k".to_owned(), text(&value))])]))]);
            let read = document::read(&write(&tree), None).unwrap();
            prop_assert_eq!(read.to_json(), tree.to_json());
        }
    }
}
