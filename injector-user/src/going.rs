//! A thread that goes on until it is told to end.

use std::sync::Arc;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Such a thread. Dropping it ends it, and waits until it has ended.
#[derive(Debug)]
pub(crate) struct Going<E> {
    stop: Arc<EventFd>,
    thread: Option<JoinHandle<E>>,
}

/// What it is told by: it has to end once this can be read.
pub(crate) fn stopper() -> Result<Arc<EventFd>, Errno> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    EventFd::from_flags(flags).map(Arc::new)
}

impl<E> Going<E> {
    /// That of a thread which looks at `stop`.
    pub(crate) fn of(stop: Arc<EventFd>, thread: JoinHandle<E>) -> Self {
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Tells it to end, without waiting until it has.
    pub(crate) fn halt(&self) {
        // A counter that is already full has told it.
        let told = self.stop.write(1);
        debug_assert!(matches!(told, Ok(_) | Err(Errno::EAGAIN)), "{told:?}");
    }

    /// Whether it has ended, by itself or on request.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends it, and gives what it gave; none if it panicked.
    pub(crate) fn stop(mut self) -> Option<E> {
        self.join()
    }

    fn join(&mut self) -> Option<E> {
        self.halt();
        self.thread.take()?.join().ok()
    }
}

impl<E> Drop for Going<E> {
    fn drop(&mut self) {
        self.join();
    }
}
