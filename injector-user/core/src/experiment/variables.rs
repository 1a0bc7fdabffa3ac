//! The `configuration` and `secrets` blocks.

use serde_json::Value as Json;

use super::read::{At, Reading};
use super::secrets::Secrets;
use super::substitute::Variables;

/// What the environment is asked for.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads both blocks: what names stand for, and which values must not be printed.
pub(super) fn read(
    experiment: &At<'_>,
    environment: Environment<'_>,
    out: &mut Reading,
) -> (Variables, Secrets) {
    let mut variables = Variables::default();
    let mut secret = Vec::new();
    for (name, at) in experiment
        .get("configuration")
        .map(|at| at.entries(out))
        .unwrap_or_default()
    {
        if let Some(value) = value(&at, environment, out) {
            variables.0.insert(name, value);
        }
    }
    for (name, at) in experiment
        .get("secrets")
        .map(|at| at.entries(out))
        .unwrap_or_default()
    {
        // The toolkit has groups of secrets; a group is a mapping that does not say where to look.
        let group = at.node.as_map().is_some() && at.get("type").is_none();
        let members = if group {
            at.entries(out)
        } else {
            vec![(name, at)]
        };
        for (name, at) in members {
            let Some(value) = value(&at, environment, out) else {
                continue;
            };
            secret.push(value.clone());
            // The configuration comes first, then the groups in their order.
            variables.0.entry(name).or_insert(value);
        }
    }
    (variables, Secrets::new(&secret))
}

/// A plain value, or what the environment has.
fn value(at: &At<'_>, environment: Environment<'_>, out: &mut Reading) -> Option<Json> {
    let Some(kind) = at.get("type").filter(|_| at.node.as_map().is_some()) else {
        return Some(at.node.to_json());
    };
    match kind.node.as_str() {
        Some("env") => from_environment(at, environment, out),
        Some("vault") => {
            out.error(
                &kind,
                "secrets from Vault are not in this release",
                "read them from the environment with `type: env`",
            );
            None
        }
        Some("probe") => {
            out.error(
                &kind,
                "a value read from a probe is not in this release",
                "write the value, or use `type: env`",
            );
            None
        }
        _ => Some(at.node.to_json()),
    }
}

fn from_environment(at: &At<'_>, environment: Environment<'_>, out: &mut Reading) -> Option<Json> {
    let key = at.required("key", out)?;
    let name = key.text(out)?;
    let kind = at.get("env_var_type");
    let text = match (environment(&name), at.get("default")) {
        (Some(text), _) => Json::String(text),
        (None, Some(default)) => default.node.to_json(),
        (None, None) => {
            out.error(
                &key,
                format!("the environment has no `{name}`"),
                "set it, or give a `default`",
            );
            return None;
        }
    };
    let Some(kind) = kind else { return Some(text) };
    let word = kind.text(out)?;
    let converted = convert(&word, &text);
    if converted.is_none() {
        out.error(
            &kind,
            format!("`{name}` cannot be read as `{word}`"),
            "one of str, int, float, bool, bytes, json",
        );
    }
    converted
}

fn convert(kind: &str, value: &Json) -> Option<Json> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let trimmed = text.trim();
    match kind {
        "str" | "string" | "bytes" => Some(Json::String(text)),
        "int" | "integer" => trimmed.parse::<i64>().ok().map(Json::from),
        "float" | "number" => trimmed.parse::<f64>().ok().map(Json::from),
        "bool" => Some(
            value
                .as_bool()
                .unwrap_or_else(|| !matches!(text.to_lowercase().as_str(), "false" | "0" | "no"))
                .into(),
        ),
        "json" if text.is_empty() => Some(Json::String(text)),
        "json" => value.as_str().map_or_else(
            || Some(value.clone()),
            |text| serde_json::from_str(text).ok(),
        ),
        _ => None,
    }
}
