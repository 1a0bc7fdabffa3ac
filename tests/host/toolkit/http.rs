//! Calls over HTTP, as the server sees them and as they are answered.

use anyhow::Result;
use serde_json::{Value, json};
use temblor_tests::{Asked, Reaction, Web};

use super::both::{Case, check};
use super::order::experiment;

fn react(asked: &Asked) -> Reaction {
    let header = |name, value: &str| (name, value.to_owned());
    match asked.path.split('?').next().unwrap_or_default() {
        "/json" => {
            let headers = vec![
                header("Content-Type", "application/json"),
                header("ETag", "1"),
                header("x-small", "a"),
                header("X-SMALL", "b"),
            ];
            Reaction::Answer("200 OK", headers, br#"{"a": [1, "x"]}"#.to_vec())
        }
        "/text" => Reaction::Answer(
            "200 OK",
            vec![header("Content-Type", "text/plain; charset=utf-8")],
            "grüß".into(),
        ),
        "/away" => Reaction::Answer("302 Found", vec![header("Location", "/json")], Vec::new()),
        "/failing" => Reaction::status("503 Service Unavailable"),
        "/closed" => Reaction::Close,
        "/hanging" => Reaction::Hang,
        _ => Reaction::status("404 Not Found"),
    }
}

/// One call, as a probe of the hypothesis.
fn called(path: &str, more: &Value, tolerance: impl Into<Value>) -> Result<Case> {
    let web = Web::serve(react)?;
    let mut provider = json!({ "type": "http", "url": format!("{}{path}", web.url()) });
    for (key, value) in more.as_object().into_iter().flatten() {
        provider[key] = value.clone();
    }
    let probe = json!({
        "type": "probe",
        "name": "call",
        "tolerance": tolerance.into(),
        "provider": provider,
    });
    let mut case = Case::of(experiment(Some(&[probe]), &[]));
    case.web = Some(web);
    Ok(case)
}

#[test]
fn calls_are_made_and_answered_as_in_the_toolkit() -> Result<()> {
    let path =
        |path: &str, expect: Value| json!({ "type": "jsonpath", "path": path, "expect": expect });
    let posted = |more: Value| {
        let mut posted =
            json!({ "method": "POST", "arguments": { "a": 1, "b": ["x y", "&"], "c": "ü" } });
        for (key, value) in more.as_object().into_iter().flatten() {
            posted[key] = value.clone();
        }
        posted
    };
    let cases = vec![
        called("/text", &json!({}), 200)?,
        called("/json", &json!({}), path("$.body.a[*]", json!([1, "x"])))?,
        called("/json", &json!({}), path("$.headers.ETag", json!(["1"])))?,
        called("/away", &json!({}), 200)?,
        called("/failing", &json!({}), 503)?,
        called("/failing", &json!({}), json!([200, 201, 503]))?,
        called("/none", &json!({}), 200)?,
        called("/closed", &json!({}), 200)?,
        called("/hanging", &json!({ "timeout": 0.3 }), 200)?,
        called("/hanging", &json!({ "timeout": [0.3, 0.3] }), 200)?,
        called(
            "/text",
            &json!({ "headers": { "X-Asked": "${wanted}" } }),
            200,
        )?,
        called(
            "/text",
            &json!({ "arguments": { "q": "x y", "n": 5, "many": [1, 2], "none": null } }),
            200,
        )?,
        called(
            "/text?a=b",
            &json!({ "arguments": { "q": "${wanted}" } }),
            200,
        )?,
        called("/text", &posted(json!({})), 200)?,
        called(
            "/text",
            &posted(json!({ "headers": { "Content-Type": "application/json" } })),
            200,
        )?,
        called("/text", &posted(json!({ "arguments": "as it is" })), 200)?,
        called("/text", &posted(json!({ "method": "put" })), 200)?,
        called("/text", &json!({ "method": "DELETE" }), 200)?,
        called(
            "/text",
            &json!({}),
            json!({ "type": "regex", "pattern": "^gr", "target": "body" }),
        )?,
    ];
    check(&cases)
}
