//! Whether a label can ever have a value: a mistyped one would be met by nothing, for ever.

use crate::fault::Errno;
use crate::fault::syscall::Syscall;
use crate::problem::Invalid;
use crate::target::Selector;

/// Checks values of labels whose values are known; those of others may be anything.
pub(super) fn value(label: &str, value: &str) -> Result<(), Invalid> {
    match label {
        "target" => value.parse::<Selector>().map(drop),
        "syscall" => named(value, Syscall::from_number, |name| {
            name.parse().map(Syscall::name)
        }),
        "errno" => {
            let by_number = |number: u16| Errno::from_number(i32::from(number));
            named(value, by_number, |name| name.parse().map(Errno::name))
        }
        _ => Ok(()),
    }
}

/// What has a name is told by exactly that; what has none, by its number.
fn named<T>(
    value: &str,
    by_number: impl Fn(u16) -> Option<T>,
    name: impl Fn(&str) -> Result<&'static str, Invalid>,
) -> Result<(), Invalid> {
    if value
        .parse()
        .is_ok_and(|number| by_number(number).is_none())
    {
        return Ok(());
    }
    let known = name(value)?;
    if known == value {
        return Ok(());
    }
    Err(
        Invalid::saying(format!("`{value}` is called `{known}` here"))
            .hint(format!("write {known}")),
    )
}
