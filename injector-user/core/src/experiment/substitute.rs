//! `${name}` in the experiment, with the meaning of Python's `string.Template` that the toolkit uses.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::python::python_text;
use crate::document::{Entry, Node, Value};

/// What names stand for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Variables(pub(super) BTreeMap<String, Json>);

/// One piece of a template.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Dollar,
    Name { name: &'a str, written: &'a str },
}

impl Variables {
    /// The tree with every name replaced that is known. A text that is one name becomes what the
    /// name stands for, of whatever type; positions stay.
    pub(super) fn apply(&self, node: &Node) -> Node {
        match &node.value {
            Value::String(text) => self.apply_text(text, node),
            Value::List(items) => {
                let items = items.iter().map(|item| self.apply(item)).collect();
                Node {
                    value: Value::List(items),
                    ..node.clone()
                }
            }
            Value::Map(entries) => {
                let apply = |entry: &Entry| Entry {
                    value: self.apply(&entry.value),
                    ..entry.clone()
                };
                Node {
                    value: Value::Map(entries.iter().map(apply).collect()),
                    ..node.clone()
                }
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => node.clone(),
        }
    }

    fn apply_text(&self, text: &str, node: &Node) -> Node {
        if let [Piece::Name { name, .. }] = pieces(text).as_slice()
            && let Some(value) = self.0.get(*name)
        {
            return node_of(value, node);
        }
        node_of(&Json::String(self.text(text)), node)
    }

    /// How many bytes the texts of a tree have once every known name is replaced.
    pub(super) fn length(&self, node: &Node) -> usize {
        let named = self.0.iter();
        let lengths = named.map(|(name, value)| (&**name, python_text(value).len()));
        length(node, &lengths.collect())
    }

    /// The text with every known name replaced.
    pub(super) fn text(&self, text: &str) -> String {
        let piece = |piece: Piece<'_>| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Dollar => "$".to_owned(),
            Piece::Name { name, written } => self
                .0
                .get(name)
                .map_or_else(|| written.to_owned(), python_text),
        };
        pieces(text)
            .into_iter()
            .map(piece)
            .collect::<Vec<_>>()
            .concat()
    }
}

/// The same where the lengths of what names stand for are known.
fn length(node: &Node, lengths: &BTreeMap<&str, usize>) -> usize {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.len(),
        Piece::Dollar => 1,
        Piece::Name { name, written } => lengths.get(name).copied().unwrap_or(written.len()),
    };
    let lengths_of: Vec<usize> = match &node.value {
        Value::String(text) => pieces(text).into_iter().map(piece).collect(),
        Value::List(items) => items.iter().map(|item| length(item, lengths)).collect(),
        Value::Map(entries) => {
            let entries = entries.iter();
            entries.map(|entry| length(&entry.value, lengths)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => Vec::new(),
    };
    lengths_of.into_iter().fold(0, usize::saturating_add)
}

/// The first name in a text, for messages about what was left unreplaced.
pub(super) fn first_name(text: &str) -> Option<&str> {
    pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Name { name, written } if written.starts_with("${") => Some(name),
        _ => None,
    })
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        let (before, from) = rest.split_at(start);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (piece, length) = piece(from);
        pieces.push(piece);
        rest = &from[length..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The piece at a dollar sign, and its length.
fn piece(from: &str) -> (Piece<'_>, usize) {
    let after = &from[1..];
    if after.starts_with('$') {
        return (Piece::Dollar, 2);
    }
    if let Some(inner) = after.strip_prefix('{') {
        let name = name(inner);
        if !name.is_empty() && inner[name.len()..].starts_with('}') {
            let length = name.len() + 3;
            return (
                Piece::Name {
                    name,
                    written: &from[..length],
                },
                length,
            );
        }
        return (Piece::Text(&from[..1]), 1);
    }
    let name = name(after);
    if name.is_empty() {
        return (Piece::Text(&from[..1]), 1);
    }
    let length = name.len() + 1;
    (
        Piece::Name {
            name,
            written: &from[..length],
        },
        length,
    )
}

fn name(text: &str) -> &str {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        &text[..end]
    }
}

/// JSON as a tree that stands where `at` stands.
pub(super) fn node_of(value: &Json, at: &Node) -> Node {
    let (line, column) = (at.line, at.column);
    let entry = |(key, value): (&String, &Json)| Entry {
        key: key.clone(),
        line,
        column,
        value: node_of(value, at),
    };
    let (value, text) = match value {
        Json::Null => (Value::Null, String::new()),
        Json::Bool(b) => (Value::Bool(*b), b.to_string()),
        Json::Number(n) => match n.as_i64() {
            Some(integer) => (Value::Integer(integer), n.to_string()),
            None => (Value::Float(n.as_f64().unwrap_or(f64::NAN)), n.to_string()),
        },
        Json::String(text) => (Value::String(text.clone()), text.clone()),
        Json::Array(items) => (
            Value::List(items.iter().map(|item| node_of(item, at)).collect()),
            String::new(),
        ),
        Json::Object(members) => (
            Value::Map(members.iter().map(entry).collect()),
            String::new(),
        ),
    };
    Node {
        value,
        text,
        line,
        column,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variables() -> Variables {
        Variables(
            [
                ("port", json!(6379)),
                ("host", json!("redis")),
                ("on", json!(true)),
            ]
            .map(|(k, v)| (k.to_owned(), v))
            .into(),
        )
    }

    #[test]
    fn names_inside_a_text_become_text() {
        let check =
            |template: &str, expected: &str| assert_eq!(variables().text(template), expected);
        check("http://${host}:${port}/", "http://redis:6379/");
        check("$host-$port", "redis-6379");
        check(
            "costs 5$ or $$6, ${unknown}, $",
            "costs 5$ or $6, ${unknown}, $",
        );
        check("^ok$|${", "^ok$|${");
        check("is ${on}", "is True");
    }

    #[test]
    fn a_text_that_is_one_name_takes_its_type() {
        let node =
            crate::document::read("{a: '${port}', b: ['${host}', '${none}'], c: 1}", None).unwrap();
        assert_eq!(
            variables().apply(&node).to_json(),
            json!({ "a": 6379, "b": ["redis", "${none}"], "c": 1 })
        );
    }

    #[test]
    fn names_left_over_are_found() {
        assert_eq!(first_name("a ${b} c"), Some("b"));
        assert_eq!(first_name("a $b ${ c"), None);
    }
}
