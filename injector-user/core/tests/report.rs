//! The renderings of a report, against golden files and hostile input.
//!
//! `BLESS=1 cargo test -p injector-core --test report` rewrites the golden files.

#![expect(clippy::unwrap_used, reason = "a test says what broke by panicking")]

mod sample;

use std::path::Path;

use injector_core::report::{Report, html, json, markdown};

fn check_golden(name: &str, rendered: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == rendered,
        "{} differs; bless it with BLESS=1",
        path.display()
    );
}

#[test]
fn renderings_are_as_blessed() {
    let report = sample::tripped();
    check_golden("report.md", &markdown(&report));
    check_golden("report.html", &html(&report));
    check_golden("report.json", &json(&report).unwrap());
}

#[test]
fn json_is_read_back_as_the_same_report() {
    let report = sample::tripped();
    let back: Report = serde_json::from_str(&json(&report).unwrap()).unwrap();
    assert!(back == report);
}

#[test]
fn an_empty_report_still_renders() {
    let page = html(&sample::empty());
    assert!(page.contains("Passed") && !page.contains("<svg"));
    assert!(markdown(&sample::empty()).contains("Left on the host: nothing was changed"));
}

/// Replaces every text of the report by a hostile one.
fn hostile(text: &str) -> Report {
    let mut value = serde_json::to_value(sample::tripped()).unwrap();
    poison(&mut value, text);
    serde_json::from_value(value).unwrap()
}

fn poison(value: &mut serde_json::Value, text: &str) {
    const CLOSED: [&str; 12] = [
        "verdict", "phase", "kind", "status", "quantity", "ended", "state", "from", "to", "why",
        "started", "format",
    ];
    match value {
        serde_json::Value::String(s) => text.clone_into(s),
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text)),
        serde_json::Value::Object(members) => {
            members
                .iter_mut()
                .filter(|(key, _)| !CLOSED.contains(&key.as_str()))
                .for_each(|(_, v)| poison(v, text));
        }
        _ => {}
    }
}

#[test]
fn nothing_from_outside_becomes_markup() {
    for text in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        "</style><b>",
    ] {
        let page = html(&hostile(text));
        assert!(!page.contains(text), "{text}");
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("<b>\n"),
            "{text}"
        );
    }
}

#[test]
fn a_table_cell_of_markdown_cannot_be_broken_out_of() {
    let text = markdown(&hostile("a|b\n# c `d` <i>"));
    assert!(!text.contains("\n# c") && !text.contains("<i>") && !text.contains(" a|b"));
}

#[test]
fn the_page_fetches_nothing_and_runs_nothing() {
    let page = html(&sample::tripped());
    for forbidden in [
        "http://", "https://", "src=", "@import", "url(", "<script", "<link", " on",
    ] {
        let found = page.split("on ").collect::<Vec<_>>().join("");
        let found = if forbidden == " on" {
            found.contains("onclick")
        } else {
            page.contains(forbidden)
        };
        assert!(!found, "{forbidden}");
    }
}
