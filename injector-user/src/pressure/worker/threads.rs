//! The threads of a crew.

use std::io;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use super::super::page::Word;
use super::life::Life;
use crate::sys::process::leave;

/// How often is looked whether they may go on.
const LOOK: Duration = Duration::from_millis(10);

/// Has each of so many threads work, and ends with the process when that may not go on.
///
/// A limit of processes may keep some from being started: then the others work alone, and the errno is on
/// the page.
pub(super) fn work_on(
    life: &Life,
    workers: u32,
    work: impl Fn(u32) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let page = life.page();
    let work = &work;
    thread::scope(|scope| {
        for index in 0..workers {
            let one = move || {
                if let Err(error) = work(index) {
                    page.set(Word::Trouble, errno(&error));
                }
            };
            match thread::Builder::new().spawn_scoped(scope, one) {
                Ok(_joined_never) => page.add(Word::Workers, 1),
                Err(error) => {
                    page.set(Word::Trouble, errno(&error));
                    break;
                }
            }
        }
        while life.rest(LOOK) {}
        // Whoever is in the middle of something would keep the others waiting.
        leave(0)
    })
}

/// As the page says it.
pub(super) fn errno(error: &io::Error) -> u64 {
    let errno = error.raw_os_error().unwrap_or(Errno::EIO as i32);
    u64::from(errno.unsigned_abs())
}
