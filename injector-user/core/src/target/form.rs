//! The ways to write a selector: one list for the parser, its hints and the README.

use super::named;
use super::selector::{HOST, Selector, cgroup, iface, netns, pid};
use crate::problem::Invalid;

/// One way: `KIND:VALUE`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What stands before the colon.
    pub(super) kind: &'static str,
    /// What stands after it, in general.
    pub(super) value: &'static str,
    /// And in particular.
    pub(super) examples: &'static [&'static str],
    /// Who is meant, in Markdown.
    who: &'static str,
    pub(super) parse: fn(&str) -> Result<Selector, Invalid>,
}

pub(super) const FORMS: [Form; 9] = [
    Form {
        kind: "pid",
        value: "N",
        examples: &["1234"],
        who: "the process with its threads and all it starts from now on",
        parse: pid,
    },
    Form {
        kind: "cgroup",
        value: "/PATH",
        examples: &["/a/b"],
        who: "everything in that cgroup, the path as in `/proc/PID/cgroup`; processes that join or \
              restart are covered",
        parse: cgroup,
    },
    Form {
        kind: "container",
        value: "NAME",
        examples: &["web", "3f2a"],
        who: "a container by its name or the beginning of its id; `container:~^web-` by an expression \
              of names",
        parse: named::container,
    },
    Form {
        kind: "unit",
        value: "NAME",
        examples: &["redis.service"],
        who: "a service, slice or scope of systemd by its cgroup, without asking systemd; without a \
              suffix a service; `unit:~redis`",
        parse: named::unit,
    },
    Form {
        kind: "comm",
        value: "NAME",
        examples: &["nginx"],
        who: "processes of that name, as in `/proc/PID/comm` (at most 15 bytes), with all they start; \
              `comm:~^php`",
        parse: named::comm,
    },
    Form {
        kind: "exe",
        value: "/PATH",
        examples: &["/usr/bin/redis-server"],
        who: "processes that run that program, as in `/proc/PID/exe`, replaced or not, with all they \
              start; `exe:~redis`",
        parse: named::exe,
    },
    Form {
        kind: "user",
        value: "NAME",
        examples: &["www-data", "33"],
        who: "processes of that user, with all they start",
        parse: named::user,
    },
    Form {
        kind: "netns",
        value: "NAME",
        examples: &["blue"],
        who: "every interface of a network namespace, by name, path or a process in it",
        parse: |value| netns(value).map(Selector::Netns),
    },
    Form {
        kind: "iface",
        value: "NAME[@NETNS]",
        examples: &["eth0", "eth0@blue"],
        who: "one interface",
        parse: iface,
    },
];

/// What may stand before the colon.
pub(crate) fn kinds() -> [&'static str; 9] {
    FORMS.map(|form| form.kind)
}

/// All of them in a line.
pub(crate) fn syntax() -> String {
    let forms = FORMS.map(|Form { kind, value, .. }| format!("{kind}:{value}"));
    format!("{}, {HOST}", forms.join(", "))
}

/// All of them for who has written something else.
pub(super) fn hint() -> String {
    format!("{}, or a command after --", syntax())
}

/// The table for the README, with the command, which is written elsewhere.
pub fn markdown_table() -> String {
    let mut rows = vec!["| selector | who |".to_owned(), "|---|---|".to_owned()];
    rows.extend(FORMS.iter().map(row));
    rows.push(format!(
        "| `{HOST}` | the host as a whole, for faults that use something up: their workers get a cgroup of \
         their own |"
    ));
    rows.push(
        "| `-- COMMAND …` | a command that is started for it, in a cgroup of its own |".to_owned(),
    );
    rows.join("\n")
}

fn row(form: &Form) -> String {
    let Form {
        kind,
        examples,
        who,
        ..
    } = form;
    let examples = examples.iter().map(|value| format!("`{kind}:{value}`"));
    let examples: Vec<_> = examples.collect();
    format!("| {} | {who} |", examples.join(", "))
}
