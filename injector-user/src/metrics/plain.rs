//! The older text format of Prometheus, which `promtool check metrics` and the textfile collector of
//! `node_exporter` read: they know nothing of units, and call a counter by the name of its series.

use std::fmt::Write as _;

/// `OpenMetrics` text as it was before `OpenMetrics`, version 0.0.4.
#[must_use]
pub fn plain(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = "";
    for line in openmetrics.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said;
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            head(&mut text, help, typed);
        } else if !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn head(text: &mut String, help: &str, typed: &str) {
    let Some((name, kind)) = typed.split_once(' ') else {
        return;
    };
    let total = if kind == "counter" { "_total" } else { "" };
    let help = help.strip_prefix(name).unwrap_or_default();
    // Writing to a string cannot fail.
    let _infallible = writeln!(
        text,
        "# HELP {name}{total}{help}\n# TYPE {name}{total} {kind}"
    );
}
