//! `pid:123`, `cgroup:/a/b`, `netns:blue`, `iface:eth0@blue`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::Invalid;
use crate::suggest;

const FORMS: &str = "pid:123, cgroup:/path, netns:NAME, iface:NAME[@NETNS], or a command after --";
/// `IFNAMSIZ` without the closing zero.
const MAX_IFACE: usize = 15;
/// `PATH_MAX` without the closing zero.
const MAX_PATH: usize = 4095;
/// `PID_MAX_LIMIT` of a 64-bit kernel.
const MAX_PID: i32 = 4_194_304;

/// One target as the user named it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Selector {
    /// A process with its threads and descendants; `1..=4194304`.
    Pid(i32),
    /// The path as in `/proc/PID/cgroup`, in whichever hierarchy has it.
    Cgroup(String),
    /// A name under `/run/netns`, a path to open, or the pid of a process in it.
    Netns(String),
    /// An interface, in the host's network namespace unless another is named.
    Iface { name: String, netns: Option<String> },
    /// A command to start in a cgroup of its own. On a command line it stands after `--`; the
    /// text form `command:["a","b"]` is only for the engine's socket.
    Command(Vec<String>),
}

impl FromStr for Selector {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let Some((kind, value)) = text.split_once(':') else {
            return Err(no_kind(text));
        };
        if value.contains(['\0', '\n']) {
            return Err(
                Invalid::saying("a target contains a line break or a zero byte").hint(FORMS),
            );
        }
        match kind {
            "pid" => pid(value),
            "cgroup" => cgroup(value),
            "netns" => netns(value).map(Self::Netns),
            "iface" => iface(value),
            "command" => command(value),
            _ => Err(
                Invalid::saying(format!("`{kind}` is not a kind of target")).hint(
                    suggest::nearest(kind, ["pid", "cgroup", "netns", "iface"]).map_or_else(
                        || FORMS.to_owned(),
                        |near| format!("did you mean `{near}:{value}`"),
                    ),
                ),
            ),
        }
    }
}

fn no_kind(text: &str) -> Invalid {
    let invalid = Invalid::saying(format!("`{text}` does not say what kind of target it is"));
    let meant = if text.is_empty() {
        None
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        Some(format!("pid:{text}"))
    } else if text.starts_with("/run/netns/") || text.starts_with("/var/run/netns/") {
        Some(format!("netns:{text}"))
    } else if text.starts_with('/') {
        Some(format!("cgroup:{text}"))
    } else {
        None
    };
    invalid.hint(meant.map_or_else(|| FORMS.to_owned(), |meant| format!("did you mean {meant}")))
}

fn pid(value: &str) -> Result<Selector, Invalid> {
    match value.parse::<i32>() {
        Ok(pid) if (1..=MAX_PID).contains(&pid) && !value.starts_with('+') => {
            Ok(Selector::Pid(pid))
        }
        _ => Err(Invalid::saying(format!("`{value}` is not a process id"))
            .hint("a number such as pid:1234; `pgrep -n NAME` prints one")),
    }
}

fn cgroup(value: &str) -> Result<Selector, Invalid> {
    let hint = "the path as it stands in /proc/PID/cgroup after the last colon";
    if value.len() > MAX_PATH || !value.starts_with('/') {
        return Err(Invalid::saying(format!("`{value}` is not the path of a cgroup")).hint(hint));
    }
    if let Some(path) = value.strip_prefix("/sys/fs/cgroup/") {
        return Err(Invalid::saying(format!(
            "`{value}` is a directory and not the path of a cgroup"
        ))
        .hint(format!("{hint}, perhaps cgroup:/{path}")));
    }
    if value.split('/').any(|part| part == ".." || part == ".") {
        return Err(Invalid::saying(format!("`{value}` contains `.` or `..`")).hint(hint));
    }
    let parts: Vec<_> = value.split('/').filter(|part| !part.is_empty()).collect();
    let path = format!("/{}", parts.join("/"));
    // Printed and read again it would be another one.
    if path.trim_end() != path {
        return Err(Invalid::saying(format!("`{value}` ends with a space")).hint(hint));
    }
    Ok(Selector::Cgroup(path))
}

fn netns(value: &str) -> Result<String, Invalid> {
    let is_path = value.starts_with('/');
    let bad = value.is_empty()
        || value.len() > MAX_PATH
        || (!is_path && (value.contains('/') || value == "." || value == ".."));
    if bad {
        return Err(Invalid::saying(format!("`{value}` is not a network namespace"))
            .hint("a name as in `ip netns`, a path such as /run/netns/blue, or the pid of a process in it"));
    }
    Ok(value.to_owned())
}

fn iface(value: &str) -> Result<Selector, Invalid> {
    let (name, space) = match value.split_once('@') {
        Some((name, space)) => (name, Some(netns(space)?)),
        None => (value, None),
    };
    // The rules of the kernel's dev_valid_name.
    let bad = name.is_empty()
        || name.len() > MAX_IFACE
        || matches!(name, "." | "..")
        || name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
    if bad {
        return Err(
            Invalid::saying(format!("`{name}` is not the name of an interface"))
                .hint("for example iface:eth0, or iface:eth0@blue in the network namespace blue"),
        );
    }
    Ok(Selector::Iface {
        name: name.to_owned(),
        netns: space,
    })
}

fn command(value: &str) -> Result<Selector, Invalid> {
    match serde_json::from_str::<Vec<String>>(value) {
        Ok(words) if words.first().is_some_and(|word| !word.is_empty()) => {
            Ok(Selector::Command(words))
        }
        _ => Err(Invalid::saying("a command is not given as a target")
            .hint("put it at the end, after --")),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(out, "pid:{pid}"),
            Self::Cgroup(path) => write!(out, "cgroup:{path}"),
            Self::Netns(name) => write!(out, "netns:{name}"),
            Self::Iface { name, netns: None } => write!(out, "iface:{name}"),
            Self::Iface {
                name,
                netns: Some(netns),
            } => write!(out, "iface:{name}@{netns}"),
            Self::Command(words) => write!(out, "command:{}", serde_json::json!(words)),
        }
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl TryFrom<String> for Selector {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, selector: Selector) {
        assert_eq!(selector.to_string(), text);
        assert_eq!(text.parse(), Ok(selector));
    }

    fn check_bad(text: &str, message: &str, hint: &str) {
        let invalid = Selector::from_str(text).unwrap_err();
        assert_eq!(
            (invalid.message.as_str(), invalid.hint.as_str()),
            (message, hint)
        );
    }

    fn iface(name: &str, netns: Option<&str>) -> Selector {
        Selector::Iface {
            name: name.to_owned(),
            netns: netns.map(str::to_owned),
        }
    }

    #[test]
    fn every_kind_reads_and_prints() {
        check("pid:123", Selector::Pid(123));
        check("cgroup:/a/b", Selector::Cgroup("/a/b".to_owned()));
        check("cgroup:/", Selector::Cgroup("/".to_owned()));
        check("netns:blue", Selector::Netns("blue".to_owned()));
        check(
            "netns:/run/netns/blue",
            Selector::Netns("/run/netns/blue".to_owned()),
        );
        check("netns:4711", Selector::Netns("4711".to_owned()));
        check("iface:eth0", iface("eth0", None));
        check("iface:eth0@blue", iface("eth0", Some("blue")));
        check(
            "iface:eth0@/proc/7/ns/net",
            iface("eth0", Some("/proc/7/ns/net")),
        );
        check(
            r#"command:["sleep","1 h"]"#,
            Selector::Command(vec!["sleep".to_owned(), "1 h".to_owned()]),
        );
    }

    #[test]
    fn slashes_of_a_cgroup_path_are_tidied() {
        assert_eq!(
            "cgroup:/a//b/".parse(),
            Ok(Selector::Cgroup("/a/b".to_owned()))
        );
    }

    #[test]
    fn a_forgotten_kind_is_guessed_in_the_hint() {
        let message = |text| format!("`{text}` does not say what kind of target it is");
        check_bad("123", &message("123"), "did you mean pid:123");
        check_bad("/a/b", &message("/a/b"), "did you mean cgroup:/a/b");
        check_bad(
            "/run/netns/x",
            &message("/run/netns/x"),
            "did you mean netns:/run/netns/x",
        );
        check_bad("redis", &message("redis"), FORMS);
        check_bad("", &message(""), FORMS);
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        check_bad(
            "cgruop:/a",
            "`cgruop` is not a kind of target",
            "did you mean `cgroup:/a`",
        );
        check_bad(
            "pod:redis",
            "`pod` is not a kind of target",
            "did you mean `pid:redis`",
        );
        check_bad("host:here", "`host` is not a kind of target", FORMS);
    }

    #[test]
    fn bad_pids_are_refused() {
        let hint = "a number such as pid:1234; `pgrep -n NAME` prints one";
        for value in ["", "0", "-1", "+1", "1,2", "self", "99999999999", "4194305"] {
            let message = format!("`{value}` is not a process id");
            check_bad(&format!("pid:{value}"), &message, hint);
        }
    }

    #[test]
    fn bad_cgroup_paths_are_refused() {
        let hint = "the path as it stands in /proc/PID/cgroup after the last colon";
        check_bad("cgroup:", "`` is not the path of a cgroup", hint);
        check_bad("cgroup:a/b", "`a/b` is not the path of a cgroup", hint);
        check_bad("cgroup:/a/../b", "`/a/../b` contains `.` or `..`", hint);
        check_bad(
            "cgroup:/sys/fs/cgroup/unified/a",
            "`/sys/fs/cgroup/unified/a` is a directory and not the path of a cgroup",
            &format!("{hint}, perhaps cgroup:/unified/a"),
        );
    }

    #[test]
    fn bad_interfaces_and_namespaces_are_refused() {
        let hint = "for example iface:eth0, or iface:eth0@blue in the network namespace blue";
        for name in ["", "a b", "..", "a/b", "a:b", "sixteen_letters_"] {
            let message = format!("`{name}` is not the name of an interface");
            check_bad(&format!("iface:{name}"), &message, hint);
        }
        let hint = "a name as in `ip netns`, a path such as /run/netns/blue, or the pid of a process in it";
        check_bad("netns:", "`` is not a network namespace", hint);
        check_bad("netns:..", "`..` is not a network namespace", hint);
        check_bad("netns:a/b", "`a/b` is not a network namespace", hint);
        check_bad("iface:eth0@", "`` is not a network namespace", hint);
    }

    #[test]
    fn a_command_is_no_target_for_a_person() {
        for text in ["command:redis-server", "command:[]", "command:[\"\"]"] {
            check_bad(
                text,
                "a command is not given as a target",
                "put it at the end, after --",
            );
        }
    }

    #[test]
    fn a_line_break_is_refused() {
        Selector::from_str("netns:a\nb").unwrap_err();
    }

    fn any() -> impl Strategy<Value = Selector> {
        prop_oneof![
            (1..=MAX_PID).prop_map(Selector::Pid),
            "(/[a-z0-9_.:@-]{2,9}){1,4}".prop_map(Selector::Cgroup),
            "[a-z0-9_-]{1,9}|(/[a-z0-9]{1,9}){1,4}".prop_map(Selector::Netns),
            (
                "[a-z0-9_.-]{3,15}",
                proptest::option::of("[a-z]{1,9}|/[a-z]{1,9}")
            )
                .prop_map(|(name, netns)| Selector::Iface { name, netns }),
            proptest::collection::vec("[^\\s\0]{1,9}", 1..4).prop_map(Selector::Command),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(selector in any()) {
            prop_assume!(!selector.to_string().contains(".."));
            prop_assert_eq!(selector.to_string().parse(), Ok(selector));
        }

        #[test]
        fn no_text_panics(text in "((pid|cgroup|netns|iface|command):)?.{0,30}") {
            let read = Selector::from_str(&text);
            prop_assert!(read.is_err() || !read.unwrap().to_string().is_empty());
        }
    }
}
