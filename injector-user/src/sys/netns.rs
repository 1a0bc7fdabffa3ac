//! Doing something inside another network namespace.

use std::io;
use std::os::fd::BorrowedFd;
use std::thread;

use nix::sched::{CloneFlags, setns};

/// Runs `work` in the network namespace `namespace`, on a thread of its own that ends with it: the
/// caller's thread never leaves its own namespace.
///
/// What fails here is entering; whether `work` did what it should is in what it returns.
pub fn within<T: Send>(
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    thread::scope(|scope| {
        let enter = || {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        };
        let worker = thread::Builder::new()
            .name("in-namespace".to_owned())
            .spawn_scoped(scope, enter)?;
        worker
            .join()
            .unwrap_or_else(|_panic| Err(io::Error::other("the work in the namespace panicked")))
    })
}
