//! The table for the README.

use super::table::{Param, params};
use crate::fault::kind::Kind;

/// All parameters as one Markdown table, those of the first fault first.
pub fn markdown_table() -> String {
    let mut rows = vec![
        "| parameter | faults | value | default | meaning |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let mut seen: Vec<&Param> = Vec::new();
    for param in Kind::ALL.iter().flat_map(|kind| params(*kind)) {
        if !seen.contains(&param) {
            seen.push(param);
            rows.push(row(param));
        }
    }
    rows.push(String::new());
    rows.join("\n")
}

fn row(param: &Param) -> String {
    let faults = if param.kinds.len() == Kind::ALL.len() {
        "all".to_owned()
    } else {
        let names: Vec<_> = param.kinds.iter().map(|kind| kind.name()).collect();
        names.join(", ")
    };
    let value = match param.words() {
        [] => param.range.to_owned(),
        words => format!("{}; {}", words.join(", "), param.range),
    };
    let default = match (param.required, param.default) {
        (true, _) => "must be given".to_owned(),
        (false, Some(default)) => format!("`{default}`"),
        (false, None) => "none".to_owned(),
    };
    let Param { name, help, .. } = param;
    format!("| `{name}` | {faults} | {value} | {default} | {help} |")
}
