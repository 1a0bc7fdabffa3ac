//! Values as Python writes them, which is what the toolkit puts into texts and command lines.

use serde_json::Value;

/// `str(value)`.
pub fn python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`, by which Python writes what is inside lists and mappings.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), repr(value));
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// In single quotes, unless it has some and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let inside: String = text.chars().map(|one| escaped(one, quote)).collect();
    format!("{quote}{inside}{quote}")
}

fn escaped(one: char, quote: char) -> String {
    match one {
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        '\\' => r"\\".to_owned(),
        _ if one == quote => format!("\\{one}"),
        _ if one.is_ascii_control() => format!("\\x{:02x}", u32::from(one)),
        _ => one.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::python_text;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let check = |value, expected: &str| assert_eq!(python_text(&value), expected);
        check(json!(null), "None");
        check(json!(true), "True");
        check(json!("it's"), "it's");
        check(
            json!(["it's", "a \"b\"", "'\""]),
            r#"["it's", 'a "b"', '\'"']"#,
        );
        check(
            json!({ "a": [1, 0.5, false, null] }),
            "{'a': [1, 0.5, False, None]}",
        );
        check(json!(["\n\\\u{1}é"]), r"['\n\\\x01é']");
    }
}
