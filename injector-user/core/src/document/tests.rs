//! Documents as people write and break them.

use proptest::prelude::*;
use serde_json::json;

use super::{Value, read, read_all};
use crate::problem::Place;

fn check(text: &str, expected: &serde_json::Value) {
    let node = read(text, None)
        .map_err(|problem| problem.render())
        .unwrap();
    assert_eq!(&node.to_json(), expected, "{text}");
}

fn check_bad(text: &str, expected: &str) {
    assert_eq!(read(text, Some("x.yaml")).unwrap_err().render(), expected);
}

#[test]
fn yaml_becomes_a_tree() {
    check(
        "title: slow\nmethod:\n- type: action\n  pauses: {after: 1.5}\n  background: true\n- ~\n",
        &json!({"title": "slow", "method": [
            {"type": "action", "pauses": {"after": 1.5}, "background": true}, null,
        ]}),
    );
}

#[test]
fn json_is_read_by_the_same_reader() {
    let text = "{\n\t\"title\": \"a\\/b \\u00e9 \\ud83d\\ude00 \\\\u0041\",\n\t\"list\": [1, -2.5e3, true, null, {}]\n}\n";
    check(text, &serde_json::from_str(text).unwrap());
}

#[test]
fn several_documents_are_read_with_their_places() {
    let text = "---\na: &x 1\n---\n---\nb: 2\n...\n";
    let all = read_all(text, None).unwrap();
    let json: Vec<_> = all.iter().map(super::Node::to_json).collect();
    assert_eq!(json, [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(
        all.last().map(|node| (node.line, node.column)),
        Some((5, 1))
    );
    let refused = |text| read_all(text, Some("x.yaml")).unwrap_err().to_string();
    assert_eq!(refused("---\n---\n"), "x.yaml:1:1: the document is empty");
    // A name is of its own document alone.
    assert!(refused("a: &x 1\n---\nb: *x\n").starts_with("x.yaml:3:4: "));
    assert!(refused("a: 1\n---\nb: 1\nb: 2\n").contains("occurs twice"));
}

#[test]
fn every_value_knows_its_place() {
    let node = read("a: 1\nb:\n  - x\n  - {c: 20ms}\n", Some("f.yaml")).unwrap();
    let b = &node.as_map().unwrap()[1];
    assert_eq!((b.line, b.column), (2, 1));
    let c = b.value.as_list().unwrap()[1].get("c").unwrap();
    let place = c.place(&Place::file(Some("f.yaml")).key("b").index(1).key("c"));
    assert_eq!(place.to_string(), "f.yaml:4:9: b[1].c");
}

#[test]
fn a_scalar_keeps_what_was_written() {
    let node = read(
        "seed: 18446744073709551615\nport: 0x10\nwhen: 2..5\np: 10%\n",
        None,
    )
    .unwrap();
    let text = |key| node.get(key).unwrap().as_scalar().unwrap();
    assert_eq!(text("seed"), "18446744073709551615");
    assert_eq!(text("port"), "0x10");
    assert_eq!(text("when"), "2..5");
    assert_eq!(text("p"), "10%");
    assert_eq!(node.get("port").unwrap().as_i64(), Some(16));
}

#[test]
fn quotes_make_a_text() {
    let node = read("a: \"true\"\nb: '5'\nc: no\n", None).unwrap();
    for (key, text) in [("a", "true"), ("b", "5"), ("c", "no")] {
        assert_eq!(node.get(key).unwrap().as_str(), Some(text));
    }
}

#[test]
fn an_anchor_can_be_used_again() {
    check(
        "a: &x {p: 1}\nb: *x\nc: [*x, *x]\n",
        &json!({"a": {"p": 1}, "b": {"p": 1}, "c": [{"p": 1}, {"p": 1}]}),
    );
}

#[test]
fn a_merge_key_fills_in_what_is_not_written() {
    check(
        "a: &a {p: 1, q: 2}\nb: &b {q: 3, r: 4}\nc: {q: 9, <<: [*a, *b]}\nd: {\"<<\": 1}\n",
        &json!({
            "a": {"p": 1, "q": 2}, "b": {"q": 3, "r": 4},
            "c": {"q": 9, "p": 1, "r": 4}, "d": {"<<": 1},
        }),
    );
}

#[test]
fn a_key_that_occurs_twice_is_refused() {
    check_bad(
        "a: 1\nb: 2\na: 3\n",
        "x.yaml:3:1: the key `a` occurs twice\nhint: it stands first in line 1",
    );
    check_bad(
        "{\"a\": {\"b\": 1,\n \"b\": 2}}",
        "x.yaml:2:2: the key `b` occurs twice\nhint: it stands first in line 1",
    );
}

#[test]
fn nothing_is_no_document() {
    for text in ["", "\n\n", "# only a comment\n", "---\n"] {
        check_bad(
            text,
            "x.yaml:1:1: the document is empty\n\
             hint: an experiment has at least a title, a description and a method",
        );
    }
}

#[test]
fn a_second_document_is_refused() {
    check_bad(
        "a: 1\n---\nb: 2\n",
        "x.yaml:2:1: a second document begins here\n\
         hint: one file holds one document; remove the `---`",
    );
}

#[test]
fn a_collection_is_no_key() {
    check_bad(
        "url: {{host}}\n",
        "x.yaml:1:7: a mapping cannot be a key\n\
         hint: if `${…}` or `{…}` was meant as a text, put it in quotes",
    );
}

#[test]
fn a_tab_is_pointed_at() {
    let problem = read("a:\n\tb: 1\n", Some("x.yaml")).unwrap_err();
    assert_eq!(problem.place.line, Some(2));
    let hint = "the line is indented by a tab, YAML wants spaces";
    assert_eq!(problem.hint.as_deref(), Some(hint));
}

#[test]
fn broken_syntax_has_a_place() {
    for text in [
        "a: [1, 2\n",
        "a: \"x\n",
        "{\"a\": 1",
        "a: b: c\n",
        "*x\n",
        "a: 'x\n",
    ] {
        let problem = read(text, None).unwrap_err();
        assert!(
            problem.message.starts_with("not valid YAML or JSON: "),
            "{problem}"
        );
        assert!(problem.place.line.is_some() && problem.place.column.is_some());
    }
}

#[test]
fn a_wrong_tag_is_refused() {
    check_bad(
        "a: !!int x\n",
        "x.yaml:1:4: `x` does not fit its tag\nhint: leave the tag (`!!…`) away",
    );
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    read(&nested(64), None).unwrap();
    check_bad(
        &nested(65),
        "x.yaml:1:65: nested deeper than 64 levels\n\
         hint: no experiment needs that: is a bracket not closed",
    );
    let problem = read(&"[".repeat(200), None).unwrap_err();
    assert_eq!(problem.message, "nested deeper than 64 levels");
    let block: Vec<_> = (0..200)
        .map(|depth| format!("{}a:", " ".repeat(depth)))
        .collect();
    let block = block.join(
        "
",
    );
    assert_eq!(
        read(&block, None).unwrap_err().message,
        "nested deeper than 64 levels"
    );
}

#[test]
fn depth_by_aliases_is_limited() {
    let mut text = String::from("a0: &a0 [1]\n");
    for n in 1..70 {
        let line = format!("a{n}: &a{n} [*a{}]\n", n - 1);
        text.push_str(&line);
    }
    let problem = read(&text, None).unwrap_err();
    assert_eq!(problem.message, "nested deeper than 64 levels");
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        let line = format!("a{n}: &a{n} [{list}]\n");
        text.push_str(&line);
    }
    assert_eq!(
        read(&text, None).unwrap_err().message,
        "more than 100000 values"
    );
}

#[test]
fn long_texts_are_not_copied_without_end() {
    let text = "x".repeat(1 << 19);
    let text = format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(100_000));
    let message = read(&text, None).unwrap_err().message;
    assert_eq!(message, "more than 100000 values");
}

#[test]
fn anchors_within_anchors_are_not_copied_without_end() {
    let open: Vec<_> = (0..60).map(|n| format!("&a{n} [")).collect();
    let text = format!("{}{}{}", open.concat(), "1,".repeat(40_000), "]".repeat(60));
    let message = read(&text, None).unwrap_err().message;
    assert_eq!(message, "more than 100000 values");
}

#[test]
fn an_alias_to_itself_is_refused() {
    let problem = read("a: &a [*a]\n", None).unwrap_err();
    assert_eq!(
        problem.message,
        "an alias refers to a value that contains it"
    );
}

#[test]
fn a_long_file_is_refused() {
    check_bad(
        &"#".repeat((1 << 20) + 1),
        "x.yaml: the file is longer than 1 MiB\nhint: split it into several experiments",
    );
}

#[test]
fn what_json_has_no_number_for_becomes_null() {
    let node = read("a: .nan\nb: .inf\n", None).unwrap();
    assert!(matches!(node.get("b").unwrap().value, Value::Float(_)));
    assert_eq!(node.to_json(), json!({"a": null, "b": null}));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z ]{0,5}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,80}|[-a-c:?!&*<#\\[\\]{},\"'|> \t\n0-9~%@`\\\\u]{0,60}") {
        let read = read(&text, Some("x"));
        prop_assert!(read.is_ok() || read.is_err_and(|problem| !problem.message.is_empty()));
    }

    #[test]
    fn any_json_reads_as_json_does(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let node = read(&text, None).map_err(|problem| format!("{text}: {}", problem.render()));
            let expected = if value.is_null() { Ok(value.clone()) } else { node.map(|node| node.to_json()) };
            prop_assert_eq!(expected, Ok(value.clone()));
        }
    }
}
