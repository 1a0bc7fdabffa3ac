//! Doing something inside another network namespace.

use std::io;
use std::os::fd::BorrowedFd;

use nix::sched::{CloneFlags, setns};

/// Runs `work` on a thread of its own inside `namespace`; the caller's thread never leaves its own.
pub fn within<T: Send>(
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            work()
        });
        worker
            .join()
            .unwrap_or_else(|_panic| Err(io::Error::other("a worker in the namespace panicked")))
    })
}
