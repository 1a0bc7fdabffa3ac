//! Values that the caller gives beside the file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::problem::Invalid;

/// They win over those of the file, and only over those.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// By name; one may say where to look, as in the file.
    pub configuration: BTreeMap<String, Value>,
    /// By group, or by a name outside of groups.
    pub secrets: BTreeMap<String, Value>,
}

impl Overrides {
    /// Nothing.
    pub const NONE: &'static Self = &Self {
        configuration: BTreeMap::new(),
        secrets: BTreeMap::new(),
    };
}

/// Words for types that a value can be read as, as the toolkit has them; it takes some longer ones, too.
pub(super) const TYPES: [&str; 6] = ["str", "int", "float", "bool", "bytes", "json"];

/// Reads `NAME=VALUE` or `NAME:TYPE=VALUE`.
pub fn variable(text: &str) -> Result<(String, Value), Invalid> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(
            Invalid::saying(format!("`{text}` has no `=`")).hint("for example --var port:int=6379")
        );
    };
    let Some((name, kind)) = name.rsplit_once(':') else {
        return Ok((name.to_owned(), Value::String(value.to_owned())));
    };
    let value = Value::String(value.to_owned());
    let converted = convert(kind, &value).ok_or_else(|| {
        Invalid::saying(format!("{value} cannot be read as `{kind}`"))
            .hint(format!("one of {}", TYPES.join(", ")))
    })?;
    Ok((name.to_owned(), converted))
}

/// A text as a value of this type.
pub(super) fn convert(kind: &str, value: &Value) -> Option<Value> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let trimmed = text.trim();
    match kind {
        "str" | "string" | "bytes" => Some(Value::String(text)),
        "int" | "integer" => trimmed.parse::<i64>().ok().map(Value::from),
        "float" | "number" => trimmed.parse::<f64>().ok().map(Value::from),
        "bool" => Some(
            value
                .as_bool()
                .unwrap_or_else(|| !matches!(text.to_lowercase().as_str(), "false" | "0" | "no"))
                .into(),
        ),
        "json" if text.is_empty() => Some(Value::String(text)),
        "json" => value.as_str().map_or_else(
            || Some(value.clone()),
            |text| serde_json::from_str(text).ok(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_the_type_that_is_given_with_it() {
        let check = |text: &str, name: &str, value: Value| {
            assert_eq!(variable(text).unwrap(), (name.to_owned(), value));
        };
        check("port=6379", "port", json!("6379"));
        check("port:int=6379", "port", json!(6379));
        check("a:b:float=0.5", "a:b", json!(0.5));
        check("on:bool=no", "on", json!(false));
        check("all:json=[1, 2]", "all", json!([1, 2]));
        check("equation=a=b", "equation", json!("a=b"));
        check("nothing=", "nothing", json!(""));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for text in ["port", "port:int=x", "port:integr=1", "all:json={"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }
}
