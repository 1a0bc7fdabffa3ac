//! The tree a document becomes.

use crate::problem::Place;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// A scalar exactly as it was written, without quotes and escapes; empty for a collection.
    pub text: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
}

/// What YAML's core schema makes of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    /// Also an integer that does not fit 64 bits; [`Node::text`] has all its digits.
    Float(f64),
    String(String),
    List(Vec<Node>),
    /// In the order of the text; no key occurs twice.
    Map(Vec<Entry>),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    /// Where the key begins, counted from 1.
    pub line: u32,
    pub column: u32,
    pub value: Node,
}

impl Node {
    /// The same path, at this node's line and column.
    pub fn place(&self, place: &Place) -> Place {
        place.at(self.line, self.column)
    }

    /// What the node is, for messages: `a list`.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self.value {
            Value::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// Integers too.
    pub fn as_f64(&self) -> Option<f64> {
        match self.value {
            #[expect(clippy::cast_precision_loss, reason = "as every reader of JSON does")]
            Value::Integer(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    /// A string only; see [`Node::as_scalar`] for the text of any scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(value) => Some(value),
            _ => None,
        }
    }

    /// The text of a string, number or truth value as it was written.
    pub fn as_scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Null | Value::List(_) | Value::Map(_) => None,
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_) => {
                Some(&self.text)
            }
        }
    }

    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.as_map()?.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// The tree as JSON; what JSON has no number for (`.nan`, `.inf`) becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }
}
