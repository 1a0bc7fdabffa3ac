//! Values that must not be printed.

use std::fmt;

/// What stands in the place of a secret.
const HIDDEN: &str = "[secret]";

/// The secrets of an experiment. It prints only how many they are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// Longest first, so that a secret inside another does not leave its rest behind.
    values: Vec<String>,
}

impl Secrets {
    /// Takes every text and number of the values.
    pub fn new(values: &[serde_json::Value]) -> Self {
        let mut found = Vec::new();
        for value in values {
            collect(value, &mut found);
        }
        found.sort_by_key(|text| std::cmp::Reverse(text.len()));
        found.dedup();
        Self { values: found }
    }

    /// The text without any secret, also where one was encoded for JSON or for an address.
    pub fn redact(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for secret in &self.values {
            out = out.replace(secret.as_str(), HIDDEN);
        }
        out
    }

    /// Every text within the value without any secret.
    pub fn redact_value(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => items
                .into_iter()
                .map(|item| self.redact_value(item))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(key, item)| (self.redact(&key), self.redact_value(item)))
                .collect(),
            Value::Number(_) if self.values.contains(&value.to_string()) => HIDDEN.into(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => found.push(number.to_string()),
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => {
            let json = Value::String(text.clone()).to_string();
            found.push(text.clone());
            found.push(json.trim_matches('"').to_owned());
            found.push(percent_encoded(text, "%20"));
            found.push(percent_encoded(text, "+"));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|item| collect(item, found)),
    }
}

fn percent_encoded(text: &str, space: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => space.to_owned(),
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_were_written() {
        let secrets =
            Secrets::new(&[serde_json::json!({ "k8s": { "token": "p@ss \"1", "pin": 4711 } })]);
        for text in [
            "a p@ss \"1 b",
            "a p@ss \\\"1 b",
            "a p%40ss%20%221 b",
            "a p%40ss+%221 b",
            "a 4711 b",
        ] {
            assert_eq!(secrets.redact(text), "a [secret] b", "{text}");
        }
        assert_eq!(format!("{secrets:?}"), "Secrets(5)");
        let value = secrets.redact_value(serde_json::json!({ "4711": [4711, "x4711", true] }));
        assert_eq!(
            value,
            serde_json::json!({ "[secret]": ["[secret]", "x[secret]", true] })
        );
    }

    #[test]
    fn a_secret_within_a_longer_one_leaves_nothing() {
        let secrets = Secrets::new(&[serde_json::json!(["abc", "abcdef"])]);
        assert_eq!(secrets.redact("abcdef"), "[secret]");
    }
}
