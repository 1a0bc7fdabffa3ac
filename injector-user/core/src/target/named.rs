//! Reading the selectors that name by a pattern: containers, units, programs, users.

use super::pattern::Pattern;
use super::selector::Selector;
use super::unit::KINDS;
use crate::problem::Invalid;

/// `TASK_COMM_LEN` without the closing zero.
const MAX_COMM: usize = 15;
/// `PATH_MAX` without the closing zero.
const MAX_PATH: usize = 4095;
/// Longest name of a unit and of a container, and more than any user's.
const MAX_NAME: usize = 255;

pub(super) fn container(value: &str) -> Result<Selector, Invalid> {
    if !value.starts_with('~') {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if value.is_empty() || value.len() > MAX_NAME || !value.bytes().all(allowed) {
            return Err(
                Invalid::saying(format!("`{value}` is not the name of a container"))
                    .hint("its name or the beginning of its id as in `docker ps`, or ~REGEX"),
            );
        }
    }
    Pattern::read(value).map(Selector::Container)
}

/// A name without a kind is a service's, as for `systemctl`.
pub(super) fn unit(value: &str) -> Result<Selector, Invalid> {
    if value.starts_with('~') {
        return Pattern::read(value).map(Selector::Unit);
    }
    let has_kind = value
        .rsplit_once('.')
        .is_some_and(|(_stem, kind)| KINDS.contains(&kind));
    let name = if has_kind {
        value.to_owned()
    } else {
        format!("{value}.service")
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b":_.\\@-".contains(&b);
    if value.is_empty() || name.len() > MAX_NAME || !value.bytes().all(allowed) {
        return Err(
            Invalid::saying(format!("`{value}` is not the name of a unit"))
                .hint("such as unit:redis-server.service or unit:user-1000.slice, or ~REGEX"),
        );
    }
    Ok(Selector::Unit(Pattern::Exact(name)))
}

pub(super) fn comm(value: &str) -> Result<Selector, Invalid> {
    if value.is_empty() {
        return Err(Invalid::saying("`` is not the name of a program")
            .hint("as in /proc/PID/comm, such as comm:redis-server, or ~REGEX"));
    }
    if !value.starts_with('~') && value.len() > MAX_COMM {
        let kept = value.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = kept.take_while(|end| *end <= MAX_COMM).last();
        let cut = value.get(..end.unwrap_or_default()).unwrap_or_default();
        return Err(Invalid::saying(format!(
            "`{value}` is longer than the {MAX_COMM} bytes that the kernel keeps of a name"
        ))
        .hint(format!("comm:{cut}, or exe:/PATH for the whole of it")));
    }
    Pattern::read(value).map(Selector::Comm)
}

pub(super) fn exe(value: &str) -> Result<Selector, Invalid> {
    let is_path = value.starts_with('/') && value.len() <= MAX_PATH;
    if !is_path && !value.starts_with('~') {
        return Err(
            Invalid::saying(format!("`{value}` is not the path of a program"))
                .hint("as in /proc/PID/exe, such as exe:/usr/bin/redis-server, or ~REGEX"),
        );
    }
    Pattern::read(value).map(Selector::Exe)
}

/// Names as `useradd` takes them, and numbers.
pub(super) fn user(value: &str) -> Result<Selector, Invalid> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-$".contains(&b);
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    let bad = value.is_empty()
        || value.len() > MAX_NAME
        || value.starts_with('-')
        || !value.bytes().all(allowed)
        || (is_number && value.parse::<u32>().is_err());
    if bad {
        return Err(Invalid::saying(format!("`{value}` is not a user"))
            .hint("a name or a number, such as user:www-data or user:33"));
    }
    Ok(Selector::User(value.to_owned()))
}
