//! The providers of the toolkit.

use std::collections::BTreeMap;

use super::activity::Known;
use super::at::{At, Reading};
use super::temblor;
use crate::experiment::python_text;
use crate::experiment::substitute::first_name;
use crate::experiment::{ActivityKind, Arguments, Http, Process, Provider, Timeout};
use crate::suggest;

const PROVIDERS: [&str; 4] = ["http", "process", "temblor", "python"];
const HTTP: [&str; 9] = [
    "type",
    "url",
    "method",
    "headers",
    "arguments",
    "timeout",
    "verify_tls",
    "max_retries",
    "secrets",
];
const PROCESS: [&str; 5] = ["type", "path", "arguments", "timeout", "secrets"];

/// Reads a provider. `kind` is of its activity, if that could be read.
pub(super) fn read(
    at: &At<'_>,
    kind: Option<ActivityKind>,
    known: &Known<'_>,
    out: &mut Reading,
) -> Option<Provider> {
    let which = at.required("type", out)?;
    match which.text(out)?.as_str() {
        "http" => http(at, known, out).map(Provider::Http),
        "process" => process(at, known, out).map(Provider::Process),
        "temblor" => temblor::read(at, kind, known, out).map(Provider::Temblor),
        "python" => {
            out.error(
                &which,
                "the provider `python` is not in this release",
                "call the function from a script with `type: process`",
            );
            None
        }
        other => {
            out.error(
                &which,
                format!("`{other}` is not a provider"),
                suggest::hint(other, &PROVIDERS),
            );
            None
        }
    }
}

fn http(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Http> {
    at.warn_unknown(&HTTP, out);
    let node = known.variables.apply(at.node);
    let at = At::new(&node, &at.place);
    let url = url(&at, out)?;
    Some(Http {
        url,
        method: at
            .get("method")
            .and_then(|at| at.text(out))
            .map_or_else(|| "GET".to_owned(), |m| m.to_uppercase()),
        headers: headers(&at, out),
        arguments: at.get("arguments").map(|at| at.node.to_json()),
        timeout: at
            .get("timeout")
            .map(|at| timeout(&at, out))
            .unwrap_or_default(),
        verify_tls: at
            .get("verify_tls")
            .and_then(|at| at.bool(out))
            .unwrap_or(true),
        max_retries: at
            .get("max_retries")
            .and_then(|at| at.count(1_000, out))
            .unwrap_or_default(),
    })
}

fn url(at: &At<'_>, out: &mut Reading) -> Option<String> {
    let url = at.required("url", out)?;
    let text = url.text(out)?;
    if let Some(name) = first_name(&text) {
        out.warn(
            url.place.clone(),
            format!("nothing is named `{name}`: it is used as it stands"),
            "define it under `configuration`",
        );
    } else if !text.starts_with("http://") && !text.starts_with("https://") {
        out.error(
            &url,
            "an address begins with http:// or https://",
            format!("perhaps http://{text}"),
        );
    }
    Some(text)
}

fn headers(at: &At<'_>, out: &mut Reading) -> BTreeMap<String, String> {
    let entries = at
        .get("headers")
        .map(|at| at.entries(out))
        .unwrap_or_default();
    let mut headers = BTreeMap::new();
    for (name, at) in entries {
        match at.node.as_scalar() {
            Some(value) => drop(headers.insert(name, value.to_owned())),
            None => out.error(&at, "a header is a text", "write one line of text"),
        }
    }
    headers
}

/// One number for both, or one for connecting and one for the answer.
fn timeout(at: &At<'_>, out: &mut Reading) -> Timeout {
    if at.node.as_list().is_none() {
        let both = at.seconds(out);
        return Timeout {
            connect: both,
            read: both,
        };
    }
    if let [connect, read] = at.items(out).as_slice() {
        return Timeout {
            connect: connect.seconds(out),
            read: read.seconds(out),
        };
    }
    out.error(
        at,
        "a timeout is one number or two",
        "for example [1, 5]: 1 s to connect, 5 s to answer",
    );
    Timeout::default()
}

fn process(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Process> {
    at.warn_unknown(&PROCESS, out);
    let path = at.required("path", out).and_then(|at| at.text(out));
    let arguments = at
        .get("arguments")
        .map_or(Some(Arguments::List(Vec::new())), |at| {
            arguments(&at, known, out)
        });
    let timeout = at.get("timeout").and_then(|at| {
        let node = known.variables.apply(at.node);
        At::new(&node, &at.place).seconds(out)
    });
    Some(Process {
        path: path?,
        arguments: arguments?,
        timeout,
    })
}

fn arguments(at: &At<'_>, known: &Known<'_>, out: &mut Reading) -> Option<Arguments> {
    // The toolkit leaves arguments alone, `$$` too, when there is nothing to replace names by.
    let node = if known.variables.0.is_empty() {
        at.node.clone()
    } else {
        known.variables.apply(at.node)
    };
    let json = node.to_json();
    match json {
        serde_json::Value::String(text) if text.is_empty() => Some(Arguments::List(Vec::new())),
        serde_json::Value::String(text) => Some(Arguments::Shell(text)),
        serde_json::Value::Array(items) => Some(Arguments::List(
            items
                .iter()
                .filter(|item| is_argument(item))
                .map(python_text)
                .collect(),
        )),
        serde_json::Value::Object(_) => {
            // The order of the file is the order of the command line.
            let entries = node.as_map().unwrap_or_default().iter();
            Some(Arguments::Named(
                entries
                    .map(|entry| (entry.key.clone(), named(&entry.value.to_json())))
                    .collect(),
            ))
        }
        _ => {
            out.error(
                at,
                "arguments are a text, a list or a mapping",
                "for example [-c, 5]",
            );
            None
        }
    }
}

/// Nothing and empty texts are no arguments.
fn is_argument(value: &serde_json::Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

fn named(value: &serde_json::Value) -> String {
    if is_argument(value) {
        python_text(value)
    } else {
        String::new()
    }
}
