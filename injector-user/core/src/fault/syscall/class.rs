//! The classes of system calls, by strace's names for them.

use super::call::Syscall;
use crate::words::words;

/// What strace writes with a `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Those that take the name of a file.
    File,
    /// Those about file descriptors.
    Desc,
    Memory,
    Network,
    /// Those by which processes begin, end, wait or signal each other.
    Process,
    Signal,
    /// System V.
    Ipc,
    Creds,
    Clock,
    /// Those that always succeed and have no arguments.
    Pure,
    Stat,
    Lstat,
    Fstat,
    StatLike,
    Statfs,
    Fstatfs,
    StatfsLike,
}

words!(Class, "a class of system calls", {
    File => "%file",
    Desc => "%desc",
    Memory => "%memory",
    Network => "%network",
    Process => "%process",
    Signal => "%signal",
    Ipc => "%ipc",
    Creds => "%creds",
    Clock => "%clock",
    Pure => "%pure",
    Stat => "%stat",
    Lstat => "%lstat",
    Fstat => "%fstat",
    StatLike => "%%stat",
    Statfs => "%statfs",
    Fstatfs => "%fstatfs",
    StatfsLike => "%%statfs",
});

/// Other names; those without `%` are strace's old ones.
const ALIASES: [(&str, Class); 8] = [
    ("%net", Class::Network),
    ("file", Class::File),
    ("desc", Class::Desc),
    ("memory", Class::Memory),
    ("network", Class::Network),
    ("process", Class::Process),
    ("signal", Class::Signal),
    ("ipc", Class::Ipc),
];

impl Class {
    /// `None` if `text` is none of their names.
    pub(super) fn from_name(text: &str) -> Option<Self> {
        let class = Self::ALL.iter().find(|class| class.name() == text);
        let alias = || ALIASES.iter().find(|(alias, _)| *alias == text);
        class.copied().or_else(|| Some(alias()?.1))
    }

    pub fn includes(self, call: Syscall) -> bool {
        let lettered = |letter: char| call.classes().contains(letter);
        let named = |names: &[&str]| names.contains(&call.name());
        match self {
            Self::File => lettered('f'),
            Self::Desc => lettered('d'),
            Self::Memory => lettered('m'),
            Self::Network => lettered('n'),
            Self::Process => lettered('p'),
            Self::Signal => lettered('s'),
            Self::Ipc => lettered('i'),
            Self::Creds => lettered('c'),
            Self::Clock => lettered('t'),
            Self::Pure => lettered('u'),
            Self::Stat => named(&["stat"]),
            Self::Lstat => named(&["lstat"]),
            Self::Fstat => named(&["fstat", "newfstatat", "statx"]),
            Self::StatLike => named(&["stat", "lstat", "fstat", "newfstatat", "statx"]),
            Self::Statfs => named(&["statfs"]),
            Self::Fstatfs => named(&["fstatfs"]),
            Self::StatfsLike => named(&["statfs", "fstatfs", "ustat"]),
        }
    }
}
