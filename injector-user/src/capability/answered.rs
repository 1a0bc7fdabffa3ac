//! A trial of filters that tell of system calls, and wait for an answer.

use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::obstacle::{Obstacle, not_seen, prepare_errno};
use super::subject::{GETPGID, PATIENCE, Subject};
use super::wire::Request;
use crate::interception::{Call, InterceptionError, Listener, take};
use crate::sys::poll::wait_readable;
use crate::sys::seccomp::{Answer, NOTICE, answer, receive};

/// What asking for one's own process group never meets.
const ERRNO: Errno = Errno::EHOSTDOWN;

/// One call that fails, and one that is let through, of a process with a filter; nobody else's.
pub(super) fn seccomp(subject: &Subject) -> Result<(), Obstacle> {
    let number = match subject.ask(Request::Filter)? {
        Ok(number) => i32::from(number),
        Err(errno) => return not_seen(format!("a descriptor cannot be opened: {errno}")),
    };
    let listener = take(subject.pid(), number).map_err(obstacle)?;
    let mark = next(&listener)?;
    if !mark.0.is_mark() {
        return not_seen("the listener was told of a call that nobody made".to_owned());
    }
    give(listener.fd(), mark.1, Answer::Return(0))?;
    let refuse = Answer::Return(-i64::from(ERRNO as i32));
    match asked(subject, &listener, refuse)? {
        Err(ERRNO) => {}
        Err(other) => return not_seen(format!("answered, and `getpgid` gave {other}")),
        Ok(_) => return not_seen("answered, and `getpgid` succeeded".to_owned()),
    }
    if let Err(errno) = nix::unistd::getpgid(None) {
        return not_seen(format!("our own `getpgid` failed with {errno} meanwhile"));
    }
    match asked(subject, &listener, Answer::Continue)? {
        Ok(_) => Ok(()),
        Err(errno) => not_seen(format!("let through, and `getpgid` failed with {errno}")),
    }
}

/// The subject's call, answered like this.
fn asked(
    subject: &Subject,
    listener: &Listener,
    given: Answer,
) -> Result<nix::Result<u16>, Obstacle> {
    subject.tell(Request::Getpgid)?;
    let (call, id) = next(listener)?;
    if (call.number, call.thread) != (GETPGID, subject.pid()) {
        return not_seen(format!("the listener was told of another call: {call:?}"));
    }
    give(listener.fd(), id, given)?;
    match subject.hear(PATIENCE)? {
        Some(reply) => Ok(reply.result()),
        None => not_seen("a call that was answered did not return".to_owned()),
    }
}

/// The next call, and its id.
fn next(listener: &Listener) -> Result<(Call, u64), Obstacle> {
    let [ready] = wait_readable([listener.fd()], PATIENCE)
        .map_err(super::obstacle::prepare("wait for a call"))?;
    if !ready.contains(PollFlags::POLLIN) {
        return not_seen("the listener was not told of a call".to_owned());
    }
    let notice = [const { AtomicU64::new(0) }; NOTICE];
    receive(listener.fd(), &notice).map_err(prepare_errno("receive a call"))?;
    let words = notice.map(AtomicU64::into_inner);
    Ok((Call::read(words), words[0]))
}

fn give(listener: BorrowedFd<'_>, id: u64, given: Answer) -> Result<(), Obstacle> {
    answer(listener, id, given).map_err(prepare_errno("answer a call"))
}

fn obstacle(error: InterceptionError) -> Obstacle {
    match error {
        InterceptionError::Open { source, .. } => {
            prepare_errno("take the trial's listener")(source)
        }
        other => Obstacle::NotSeen(other.to_string()),
    }
}
