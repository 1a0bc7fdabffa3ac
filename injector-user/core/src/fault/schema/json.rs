//! A JSON Schema of the `temblor` provider, for editors.

use serde_json::{Map, Value, json};

use super::table::{Param, ValueType, params};
use crate::fault::kind::Kind;
use crate::target;

/// The schema of an action's or a probe's `provider` with `type: temblor` (draft 2020-12).
///
/// It is committed as `deploy/schema/fault.schema.json`; a test compares the two.
pub fn json_schema() -> Value {
    let mut forms: Vec<Value> = Kind::ALL.iter().map(|kind| fault(*kind)).collect();
    forms.push(one_key(
        "stop",
        "ends the fault that an action of this name began",
    ));
    forms.push(one_key(
        "metric",
        "a probe of a fault: NAME.injected, NAME.matched and so on",
    ));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Temblor provider",
        "description": "What an experiment's action or probe with `type: temblor` may say",
        "oneOf": forms,
    })
}

fn fault(kind: Kind) -> Value {
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({"const": "temblor"}));
    properties.insert("fault".to_owned(), json!({"const": kind.name()}));
    properties.insert(
        "wait".to_owned(),
        json!({
            "type": "boolean",
            "default": false,
            "description": "true: the action ends when the fault does, not when it is armed",
        }),
    );
    let mut required = vec!["type", "fault"];
    for param in params(kind) {
        properties.insert(param.name.to_owned(), property(param));
        if param.required {
            required.push(param.name);
        }
    }
    json!({
        "title": kind.name(),
        "description": kind.summary(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn one_key(key: &str, description: &str) -> Value {
    json!({
        "title": key,
        "type": "object",
        "properties": {
            "type": {"const": "temblor"},
            (key): {"type": "string", "description": description},
        },
        "required": ["type", key],
        "additionalProperties": false,
    })
}

fn property(param: &Param) -> Value {
    let mut schema = value(param.value);
    if let Value::Object(schema) = &mut schema {
        let description = format!("{} ({})", param.help, param.range);
        schema.insert("description".to_owned(), description.into());
        schema.insert("examples".to_owned(), json!([param.example]));
        if let Some(default) = param.default {
            let default = match param.value {
                ValueType::Flag => json!(default == "true"),
                _ => json!(default),
            };
            schema.insert("default".to_owned(), default);
        }
    }
    schema
}

fn value(value: ValueType) -> Value {
    match value {
        ValueType::Target => text(&format!(
            "^(({}|command):.+|host)$",
            target::kinds().join("|")
        )),
        ValueType::Duration => text(r"^([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$"),
        ValueType::Probability => json!({"anyOf": [
            {"type": "number", "minimum": 0, "maximum": 1},
            text(r"^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?( ?%)?$"),
        ]}),
        ValueType::When => json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            text(r"^[0-9]+(\.\.[0-9]+)?(\+[0-9]*)?$"),
        ]}),
        ValueType::Count(minimum) => json!({"anyOf": [
            {"type": "integer", "minimum": minimum},
            text(r"^(0x[0-9a-fA-F]+|[0-9]+)$"),
        ]}),
        ValueType::Share => json!({"anyOf": [
            {"type": "integer", "minimum": 1},
            text(r"^[0-9]+ ?%?$"),
        ]}),
        ValueType::Label => text(r"^[A-Za-z0-9._@/:-]{1,64}$"),
        ValueType::Flag => json!({"type": "boolean"}),
        ValueType::Peers => list(&text(r"^[0-9A-Za-z._:/=+-]+( *, *[0-9A-Za-z._:/=+-]+)*$")),
        ValueType::Ports => list(&json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            text(r"^[0-9]+(-[0-9]+)?( *, *[0-9]+(-[0-9]+)?)*$"),
        ]})),
        ValueType::Errno => json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 133},
            text(r"^([A-Za-z0-9]+)$"),
        ]}),
        ValueType::Signal => json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 64},
            text(r"^([A-Za-z0-9]+([+-][0-9]+)?)$"),
        ]}),
        ValueType::CpuShare => text(r"^[0-9]+(\.[0-9]{1,2})?%$"),
        ValueType::Rate => text(r"^[0-9.]+ ?([kmgtKMGT]i?)?[bB]it$"),
        ValueType::Size => text(r"^[0-9.]+ ?([kmgKMG]i)?[bB]$"),
        ValueType::Percent => text(r"^[0-9]+(\.[0-9]{1,2})? ?%$"),
        ValueType::Adjustment => json!({"anyOf": [
            {"type": "integer", "minimum": -1000, "maximum": 1000},
            text("^-?[0-9]{1,4}$"),
        ]}),
        ValueType::Durations => list(&text(r"^(@.+|[0-9].*)$")),
        ValueType::Syscalls
        | ValueType::Errors
        | ValueType::Returned
        | ValueType::Path
        | ValueType::Sizes => of_calls(value),
        ValueType::Word(words) => json!({"enum": words}),
        ValueType::Words(words) => {
            let one = words.join("|");
            list(&text(&format!("^({one})( *, *({one}))*$")))
        }
    }
}

/// Of parameters of system calls.
fn of_calls(value: ValueType) -> Value {
    match value {
        ValueType::Syscalls => list(&json!({"anyOf": [
            {"type": "integer", "minimum": 0},
            text(r"^[!?%/a-z0-9_,].*$"),
        ]})),
        ValueType::Errors => {
            let one = "[A-Za-z0-9]+( *: *[0-9]+)?";
            list(&json!({"anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 133},
                text(&format!("^{one}( *, *{one})*$")),
            ]}))
        }
        ValueType::Returned => json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": i32::MAX},
            text("^(requested|0x[0-9a-fA-F]+|[0-9]+)$"),
        ]}),
        ValueType::Sizes => {
            let size = "[0-9.]+( ?([kmgKMG]i)?[bB])?";
            json!({"anyOf": [
                {"type": "integer", "minimum": 0},
                text(&format!(r"^({size}|{size}\.\.({size})?|\.\.{size})$")),
            ]})
        }
        _ => text("^/"),
    }
}

/// The value itself, or a list of such values.
fn list(element: &Value) -> Value {
    json!({"anyOf": [element, {"type": "array", "items": element, "minItems": 1}]})
}

fn text(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}
