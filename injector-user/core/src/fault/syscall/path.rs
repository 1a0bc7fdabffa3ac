//! Which files a call is about: one, all below a directory, or those that a pattern fits.

use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobBuilder};

use crate::problem::Invalid;

/// As long as a path may be for a program.
const MAX_LENGTH: usize = 4095;
const WILD: [char; 4] = ['*', '?', '[', '{'];

/// Absolute paths, as the target sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathFilter {
    /// `/var/lib/db.wal`: this file.
    Exact(String),
    /// `/var/lib/`: everything below this directory, and the directory.
    Below(String),
    /// `/var/lib/**/*.wal`: `*` and `?` stand for anything but a slash, `**` for any directories.
    Like(Glob),
}

impl PathFilter {
    /// Whether it means the file at `path`, which is absolute and has neither `.` nor `..`.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Below(directory) => {
                path.starts_with(directory) || directory.strip_suffix('/') == Some(path)
            }
            Self::Like(glob) => glob.compile_matcher().is_match(path),
        }
    }

    /// The directory, with its slash, that all it means is below: where to look for them.
    pub fn root(&self) -> &str {
        let (fixed, wild) = match self {
            Self::Exact(text) | Self::Below(text) => (text.as_str(), text.len()),
            Self::Like(glob) => {
                let special = |c| WILD.contains(&c) || c == '\\';
                let end = glob.glob().find(special);
                (glob.glob(), end.unwrap_or(glob.glob().len()))
            }
        };
        let end = fixed[..wild].rfind('/').map_or(0, |slash| slash + 1);
        &fixed[..end]
    }
}

impl FromStr for PathFilter {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |why: &str| Invalid::saying(format!("`{text}` {why}"));
        if !text.starts_with('/') {
            return Err(invalid("is not an absolute path").hint(
                "a file such as /var/lib/db.wal, a directory such as /var/lib/ for everything \
                 below it, or a pattern such as /var/lib/**/*.wal",
            ));
        }
        if text.len() > MAX_LENGTH || text.contains('\0') {
            return Err(invalid("cannot be the path of a file")
                .hint(format!("at most {MAX_LENGTH} bytes, none of them zero")));
        }
        let mut parts = text.split('/').skip(1);
        let inner = text.strip_suffix('/').unwrap_or(text);
        if inner.split('/').skip(1).any(str::is_empty) {
            return Err(invalid("has an empty name").hint("one slash between two names"));
        }
        if parts.clone().any(|part| part == "." || part == "..") {
            return Err(invalid("has a `.` or `..`").hint("the path as `realpath` prints it"));
        }
        if !text.contains(WILD) {
            let form = if text.ends_with('/') {
                Self::Below
            } else {
                Self::Exact
            };
            return Ok(form(text.to_owned()));
        }
        if parts.any(|part| part.contains("**") && part != "**") {
            return Err(invalid("has a `**` beside something else")
                .hint("between slashes: /var/lib/**/*.wal"));
        }
        glob(text).map(Self::Like)
    }
}

/// A directory at the end means everything below it here too.
fn glob(text: &str) -> Result<Glob, Invalid> {
    let all = if text.ends_with('/') { "**" } else { "" };
    let built = GlobBuilder::new(&format!("{text}{all}"))
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    built.map_err(|error| {
        let reason = error.kind().to_string();
        Invalid::saying(format!("`{text}` is not a pattern of paths: {reason}")).hint(
            "*, ?, [abc], {a,b} and ** between slashes; a \\ before a character takes it literally",
        )
    })
}

impl fmt::Display for PathFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) | Self::Below(text) => out.write_str(text),
            Self::Like(glob) => out.write_str(glob.glob()),
        }
    }
}
