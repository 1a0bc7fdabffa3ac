//! One call that is made to fail.

use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;
use temblor_tests::{Armed, Caller, Client, params};

/// Longer than anything here takes in a guest.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A call that every kernel here can make fail, of a file, about eight bytes.
pub(super) const CALL: &str = "pread64";
const EIO: i32 = 5;

/// Lets the call fail with EIO.
pub(super) fn arm(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [
        ("target", target),
        ("duration", "10m"),
        ("syscalls", CALL),
        ("errno", "EIO"),
    ];
    let given: Vec<_> = basic
        .into_iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
        .chain(more.to_vec())
        .collect();
    client.arm(Kind::SyscallError, &params(given))
}

pub(crate) fn target(caller: &Caller) -> String {
    format!("pid:{}", caller.pid())
}

/// Whether the call fails now.
pub(super) fn fails(caller: &mut Caller) -> Result<bool> {
    let told = caller.round()?;
    Ok(told[CALL] == [EIO])
}
