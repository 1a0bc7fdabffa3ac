//! Sets of system calls as strace's `-e trace=` and `-e inject=` take them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::call::Syscall;
use super::class::Class;
use crate::problem::Invalid;
use crate::suggest;

/// `read,write`, `%file`, `!%desc`, `/^get`, `?name`, `all`; a `!` negates all that follows it.
///
/// A call that may never fail is in no set; to name one is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syscalls {
    inverted: bool,
    /// At least one, each once.
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    All,
    One(Syscall),
    /// What a fault with words of its own means: nobody has named them.
    Group(&'static [&'static str]),
    Class(Class),
    /// An expression that is known to be one.
    Like(String),
}

impl Syscalls {
    /// Those it is made of, at least one.
    pub fn all(&self) -> BTreeSet<Syscall> {
        let items: Vec<_> = self.items.iter().map(Item::matcher).collect();
        let named = |call: Syscall| items.iter().any(|item| item(call));
        let all = Syscall::every().filter(|call| call.never().is_none());
        all.filter(|call| named(*call) != self.inverted).collect()
    }
}

impl Syscalls {
    /// Those that a fault with words of its own means; `named` as if they had been written. Names that
    /// Linux does not have are in no set.
    pub(in crate::fault) fn meant(
        named: impl IntoIterator<Item = &'static str>,
        groups: impl IntoIterator<Item = &'static [&'static str]>,
    ) -> Self {
        let named = named.into_iter().filter_map(Syscall::from_name);
        let groups = groups.into_iter().map(Item::Group);
        Self {
            inverted: false,
            items: named.map(Item::One).chain(groups).collect(),
        }
    }

    /// Whether `call` was named itself, and not merely meant.
    pub fn names(&self, call: Syscall) -> bool {
        !self.inverted && self.items.contains(&Item::One(call))
    }
}

impl From<Syscall> for Syscalls {
    fn from(call: Syscall) -> Self {
        Self {
            inverted: false,
            items: vec![Item::One(call)],
        }
    }
}

impl FromStr for Syscalls {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let named = text.trim_start_matches('!');
        let mut inverted = (text.len() - named.len()) % 2 == 1;
        let mut items = Vec::new();
        if named != "none" {
            let parts = named.split(',').map(str::trim);
            let mut parts = parts.filter(|part| !part.is_empty()).peekable();
            if parts.peek().is_none() {
                return Err(Invalid::saying(format!("`{text}` names no system call"))
                    .hint("for example fsync, read,write or %file"));
            }
            for part in parts {
                let item = Item::read(part, inverted)?;
                items.extend(item.filter(|item| !items.contains(item)));
            }
        }
        if items.is_empty() && inverted {
            (inverted, items) = (false, vec![Item::All]);
        }
        let set = Self { inverted, items };
        if set.all().is_empty() {
            return Err(
                Invalid::saying(format!("`{text}` leaves no system call that could fail"))
                    .hint("for example fsync, read,write or %file"),
            );
        }
        Ok(set)
    }
}

impl Item {
    /// `None` for what may be unknown, and is.
    fn read(text: &str, inverted: bool) -> Result<Option<Self>, Invalid> {
        let bare = text.trim_start_matches('?');
        let (name, bits) = bare.split_once('@').unwrap_or((bare, "64"));
        if bits != "64" {
            return Err(
                Invalid::saying(format!("`@{bits}` does not mean 64-bit programs"))
                    .hint("leave it away: calls of 32-bit programs are left alone"),
            );
        }
        match Self::known(name, inverted) {
            Ok(item) => Ok(Some(item)),
            Err(Wrong::Unknown(_)) if bare != text => Ok(None),
            Err(Wrong::Unknown(invalid) | Wrong::Always(invalid)) => Err(invalid),
        }
    }

    fn known(name: &str, inverted: bool) -> Result<Self, Wrong> {
        if name == "all" {
            return Ok(Self::All);
        }
        if let Some(expression) = name.strip_prefix('/') {
            return Self::like(expression);
        }
        if let Some(class) = Class::from_name(name) {
            return Ok(Self::Class(class));
        }
        if name.starts_with('%') {
            let unknown = Invalid::saying(format!("`{name}` is not a class of system calls"));
            let hint = suggest::hint(name, Class::NAMES);
            return Err(Wrong::Unknown(unknown.hint(hint)));
        }
        if name.starts_with('!') {
            let misplaced = Invalid::saying(format!("`{name}` cannot be negated by itself"));
            let hint = "a single ! in front of everything negates all of it: !read,write";
            return Err(Wrong::Unknown(misplaced.hint(hint)));
        }
        let call: Syscall = name.parse().map_err(Wrong::Unknown)?;
        match call.never() {
            Some(reason) if !inverted => Err(Wrong::Always(
                Invalid::saying(format!("`{call}` cannot be made to fail: {reason}"))
                    .hint("leave it away; classes and `all` do without it"),
            )),
            _ => Ok(Self::One(call)),
        }
    }

    fn like(expression: &str) -> Result<Self, Wrong> {
        let read = regex(expression).map_err(Wrong::Always)?;
        if Syscall::every().any(|call| read.is_match(call.name())) {
            return Ok(Self::Like(expression.to_owned()));
        }
        let unknown = Invalid::saying(format!("no system call is like `/{expression}`"));
        Err(Wrong::Unknown(unknown.hint(
            "it is looked for anywhere in a name; ^ and $ stand for its ends",
        )))
    }

    fn matcher(&self) -> Box<dyn Fn(Syscall) -> bool + '_> {
        match self {
            Self::All => Box::new(|_| true),
            Self::One(one) => Box::new(move |call| call == *one),
            Self::Group(names) => Box::new(move |call| names.contains(&call.name())),
            Self::Class(class) => Box::new(|call| class.includes(call)),
            Self::Like(expression) => {
                let read = regex(expression).ok();
                Box::new(move |call| read.as_ref().is_some_and(|it| it.is_match(call.name())))
            }
        }
    }
}

/// Why an element of the list is none.
#[derive(Debug)]
enum Wrong {
    /// `?` makes it right.
    Unknown(Invalid),
    Always(Invalid),
}

/// What POSIX's extended expressions, which strace takes, and those of this crate mean alike.
fn regex(text: &str) -> Result<Regex, Invalid> {
    const COMMON: &str = "_^$.*+?|()[]{}-:";
    let invalid = |why: &str| Invalid::saying(format!("`/{text}` is no expression for names{why}"));
    let common = |c: char| c.is_ascii_alphanumeric() || COMMON.contains(c);
    let differs = [
        "+?", "}?", "(?", "--", "^*", "^+", "^?", "^{", "$*", "$+", "$?", "${",
    ];
    if !text.chars().all(common) || differs.iter().any(|what| text.contains(what)) {
        return Err(invalid("").hint(
            "letters, digits and _ ^ $ . * + ? | ( ) [ ] { }, such as /^(get|set)[ug]id$; no \
             backslash, and no comma",
        ));
    }
    Regex::new(text).map_err(|error| {
        let text_of_error = error.to_string();
        let last = text_of_error.lines().last().unwrap_or_default().trim();
        let reason = last.strip_prefix("error: ").unwrap_or(last);
        invalid(&format!(": {reason}")).hint("such as /^(get|set)[ug]id$")
    })
}

impl fmt::Display for Syscalls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inverted {
            out.write_str("!")?;
        }
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.write_str(",")?;
            }
            match item {
                Item::All => out.write_str("all")?,
                Item::One(call) => write!(out, "{call}")?,
                Item::Group(names) => out.write_str(&names.join(","))?,
                Item::Class(class) => write!(out, "{class}")?,
                Item::Like(expression) => write!(out, "/{expression}")?,
            }
        }
        Ok(())
    }
}
