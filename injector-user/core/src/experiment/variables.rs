//! The `configuration` and `secrets` blocks.

use serde_json::Value as Json;

use super::overrides::{Overrides, TYPES, convert};
use super::read::{At, Reading};
use super::secrets::Secrets;
use super::substitute::{Variables, node_of};
use crate::suggest;

/// What the environment is asked for.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads both blocks: what names stand for, and which values must not be printed.
pub(super) fn read(
    experiment: &At<'_>,
    (environment, given): (Environment<'_>, &Overrides),
    out: &mut Reading,
) -> (Variables, Secrets) {
    let mut variables = Variables::default();
    let mut secret = Vec::new();
    let mut entries = |key: &str| {
        let at = experiment.get(key);
        at.map(|at| at.entries(out)).unwrap_or_default()
    };
    let (configuration, secrets) = (entries("configuration"), entries("secrets"));
    warn_unused(experiment, &configuration, given, out);
    for (name, at) in configuration {
        let instead = given.configuration.get(&name);
        let node = instead.map(|value| node_of(value, at.node));
        let at = node.as_ref().map_or(at.clone(), |node| At {
            node,
            place: at.place.clone(),
        });
        if let Some(value) = value(&at, environment, out) {
            variables.0.insert(name, value);
        }
    }
    for (name, at) in secrets {
        // Of mappings alone, as in the toolkit; what is given is not looked up elsewhere.
        let instead = given
            .secrets
            .get(&name)
            .filter(|_| at.node.as_map().is_some());
        if let Some(value) = instead {
            secret.push(value.clone());
            let group = value.as_object().cloned();
            for (name, value) in
                group.unwrap_or_else(|| [(name, value.clone())].into_iter().collect())
            {
                variables.0.entry(name).or_insert(value);
            }
            continue;
        }
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

/// The toolkit ignores what nobody asks for; who gives it believes that it matters.
fn warn_unused(
    experiment: &At<'_>,
    configuration: &[(String, At<'_>)],
    given: &Overrides,
    out: &mut Reading,
) {
    let names: Vec<&str> = configuration.iter().map(|(name, _at)| &**name).collect();
    let unused = given
        .configuration
        .keys()
        .filter(|name| !names.contains(&&***name));
    for name in unused {
        out.warn(
            experiment.place.key("configuration"),
            format!("the variable `{name}` was given, and the configuration has none of that name"),
            suggest::hint(name, &names),
        );
    }
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
            format!("one of {}", TYPES.join(", ")),
        );
    }
    converted
}
