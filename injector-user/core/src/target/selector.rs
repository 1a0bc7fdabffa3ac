//! `pid:123`, `container:web`, `comm:~^nginx`, `iface:eth0@blue` and the others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::form::{FORMS, hint, kinds};
use super::pattern::Pattern;
use crate::problem::Invalid;
use crate::suggest;

/// `IFNAMSIZ` without the closing zero.
const MAX_IFACE: usize = 15;
/// `PATH_MAX` without the closing zero.
const MAX_PATH: usize = 4095;
/// `PID_MAX_LIMIT` of a 64-bit kernel.
pub(super) const MAX_PID: i32 = 4_194_304;

/// The selector that has nothing after a colon.
pub(super) const HOST: &str = "host";

/// One target as the user named it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Selector {
    /// Everybody, by faults that use up what all share.
    Host,
    /// A process with its threads and descendants; `1..=4194304`.
    Pid(i32),
    /// The path as in `/proc/PID/cgroup`, in whichever hierarchy has it.
    Cgroup(String),
    /// By name, or by the beginning of an id; an expression is of names.
    Container(Pattern),
    /// A unit of systemd, with its kind, such as `redis.service`.
    Unit(Pattern),
    /// As in `/proc/PID/comm`, at most 15 bytes; with descendants.
    Comm(Pattern),
    /// As in `/proc/PID/exe`, without ` (deleted)`; with descendants.
    Exe(Pattern),
    /// Who processes run as, by name or number; with descendants.
    User(String),
    /// A name under `/run/netns`, a path to open, or the pid of a process in it.
    Netns(String),
    /// An interface, in the host's network namespace unless another is named.
    Iface { name: String, netns: Option<String> },
    /// A command to start in a cgroup of its own. On a command line it stands after `--`; the
    /// text form `command:["a","b"]` is only for the engine's socket.
    Command(Vec<String>),
}

impl Selector {
    /// Whether what it means may go and come back, such as a container that is restarted.
    pub fn is_restartable(&self) -> bool {
        match self {
            Self::Container(_) | Self::Unit(_) | Self::Comm(_) | Self::Exe(_) | Self::User(_) => {
                true
            }
            Self::Host
            | Self::Pid(_)
            | Self::Cgroup(_)
            | Self::Netns(_)
            | Self::Iface { .. }
            | Self::Command(_) => false,
        }
    }
}

impl FromStr for Selector {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let Some((kind, value)) = text.split_once(':') else {
            return host(text);
        };
        if value.contains(['\0', '\n']) {
            return Err(
                Invalid::saying("a target contains a line break or a zero byte").hint(hint()),
            );
        }
        if let Some(form) = FORMS.iter().find(|form| form.kind == kind) {
            return (form.parse)(value);
        }
        if kind == "command" {
            return command(value);
        }
        let near = suggest::nearest(kind, kinds());
        let meant = near.map(|near| format!("did you mean `{near}:{value}`"));
        Err(Invalid::saying(format!("`{kind}` is not a kind of target"))
            .hint(meant.unwrap_or_else(hint)))
    }
}

fn host(text: &str) -> Result<Selector, Invalid> {
    match text {
        HOST => Ok(Selector::Host),
        _ => Err(no_kind(text)),
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
    } else if text.bytes().all(is_of_names) {
        Some(format!("container:{text}, unit:{text} or comm:{text}"))
    } else {
        None
    };
    invalid.hint(meant.map_or_else(hint, |meant| format!("did you mean {meant}")))
}

fn is_of_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)
}

pub(super) fn pid(value: &str) -> Result<Selector, Invalid> {
    match value.parse::<i32>() {
        Ok(pid) if (1..=MAX_PID).contains(&pid) && !value.starts_with('+') => {
            Ok(Selector::Pid(pid))
        }
        _ => Err(Invalid::saying(format!("`{value}` is not a process id"))
            .hint("a number such as pid:1234; `pgrep -n NAME` prints one")),
    }
}

pub(super) fn cgroup(value: &str) -> Result<Selector, Invalid> {
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

pub(super) fn netns(value: &str) -> Result<String, Invalid> {
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

pub(super) fn iface(value: &str) -> Result<Selector, Invalid> {
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
            Self::Host => out.write_str(HOST),
            Self::Pid(pid) => write!(out, "pid:{pid}"),
            Self::Cgroup(path) => write!(out, "cgroup:{path}"),
            Self::Container(pattern) => write!(out, "container:{pattern}"),
            Self::Unit(pattern) => write!(out, "unit:{pattern}"),
            Self::Comm(pattern) => write!(out, "comm:{pattern}"),
            Self::Exe(pattern) => write!(out, "exe:{pattern}"),
            Self::User(user) => write!(out, "user:{user}"),
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
