//! One system call, by name or number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::table::TABLE;
use crate::problem::Invalid;
use crate::suggest;

/// Number, name, classes and arguments, as [`TABLE`] explains.
pub(super) type Row = (u16, &'static str, &'static str, &'static str);

/// A system call that 64-bit programs make on `x86_64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Syscall(u16);

/// Where a call's arguments say how many bytes it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This argument, counted from 0.
    Bytes(usize),
    /// This argument points to pieces of memory, an `iovec` each, and the next says how many there are.
    Pieces(usize),
}

/// What fails here can neither end nor return, and nothing could be told of it.
const NEVER: [(&str, &str); 4] = [
    ("exit", "a thread could never end"),
    ("exit_group", "a process could never end"),
    (
        "rt_sigreturn",
        "a thread could never return from a signal handler",
    ),
    (
        "restart_syscall",
        "it is the kernel that makes this call, to go on with another",
    ),
];

impl Syscall {
    /// All of them, by number.
    pub fn every() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(number, ..)| Self(*number))
    }

    /// As in `__NR_…` of the kernel's headers.
    pub fn number(self) -> u16 {
        self.0
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// `None` if no system call has this number.
    pub fn from_number(number: u16) -> Option<Self> {
        let found = TABLE.binary_search_by_key(&number, |(number, ..)| *number);
        found.ok().map(|_| Self(number))
    }

    /// `None` if no system call has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = TABLE.iter().find(|(_, known, ..)| *known == name);
        found.map(|(number, ..)| Self(*number))
    }

    /// Why it cannot be made to fail, if it cannot.
    pub fn never(self) -> Option<&'static str> {
        let found = NEVER.iter().find(|(name, _)| *name == self.name());
        found.map(|(_, reason)| *reason)
    }

    /// Which arguments are paths, counted from 0.
    pub fn paths(self) -> impl Iterator<Item = usize> {
        self.arguments("p")
    }

    /// Which arguments are file descriptors, counted from 0; directories in which a path begins are
    /// not among them.
    pub fn fds(self) -> impl Iterator<Item = usize> {
        self.arguments("f")
    }

    /// In which descriptor's directory the path of argument `path` begins, if the call has one for it.
    pub fn directory_of(self, path: usize) -> Option<usize> {
        self.arguments("d").find(|index| index + 1 == path)
    }

    /// Where its arguments say how many bytes it is about.
    pub fn size(self) -> Option<Amount> {
        self.amount("ns")
    }

    /// Where its arguments say how many bytes it may return.
    pub fn requested(self) -> Option<Amount> {
        self.amount("n")
    }

    fn amount(self, letters: &str) -> Option<Amount> {
        let bytes = self.arguments(letters).next().map(Amount::Bytes);
        bytes.or_else(|| self.arguments("v").next().map(Amount::Pieces))
    }

    pub(super) fn classes(self) -> &'static str {
        self.row().2
    }

    fn arguments(self, letters: &str) -> impl Iterator<Item = usize> {
        let all = self.row().3.char_indices();
        all.filter_map(move |(index, letter)| letters.contains(letter).then_some(index))
    }

    fn row(self) -> &'static Row {
        let found = TABLE.binary_search_by_key(&self.0, |(number, ..)| *number);
        &TABLE[found.unwrap_or(0)]
    }
}

impl FromStr for Syscall {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits {
            let number = text.parse().ok().and_then(Self::from_number);
            return number.ok_or_else(|| {
                Invalid::saying(format!("no system call of Linux has the number {text}"))
                    .hint("a name such as fsync, or its number on x86_64")
            });
        }
        Self::from_name(text).ok_or_else(|| {
            let invalid = Invalid::saying(format!("`{text}` is not a system call of Linux"));
            match similar(text) {
                Some(name) => invalid.hint(format!("did you mean {name}")),
                None => invalid.hint(
                    "a name such as fsync, its number, a class such as %file, or /REGEX; \
                     ?NAME if it may be unknown",
                ),
            }
        })
    }
}

/// The name a person most likely meant: first those that a C library calls differently.
fn similar(text: &str) -> Option<&'static str> {
    let names = || TABLE.iter().map(|(_, name, ..)| *name);
    let bare = |name: &'static str| {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        name.strip_prefix("rt_").unwrap_or(name)
    };
    let lower = text.to_ascii_lowercase();
    let library = names().find(|name| *name == lower || bare(name) == lower);
    library.or_else(|| suggest::nearest(text, names()))
}

impl fmt::Display for Syscall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl From<Syscall> for String {
    fn from(call: Syscall) -> Self {
        call.to_string()
    }
}

impl TryFrom<String> for Syscall {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}
