//! What a report says of the host it was made on.

use std::collections::BTreeMap;
use std::fs;
use std::thread::available_parallelism;

use nix::sys::utsname::uname;

/// Name, kernel, processors, distribution and our own version; what is not known is left out.
pub(super) fn facts() -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    if let Ok(names) = uname() {
        let text = |value: &std::ffi::OsStr| Some(value.to_string_lossy().into_owned());
        add("name", text(names.nodename()));
        add("kernel", text(names.release()));
        add("architecture", text(names.machine()));
    }
    add(
        "processors",
        available_parallelism().ok().map(|count| count.to_string()),
    );
    add("distribution", distribution());
    add("temblor", Some(env!("CARGO_PKG_VERSION").to_owned()));
    facts
}

fn distribution() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}
