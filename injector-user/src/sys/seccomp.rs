//! Filters of system calls that tell a listener (`seccomp(2)`, user notification).
#![expect(
    unsafe_code,
    reason = "seccomp and the requests of its listener have no safe interface"
)]

use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

/// Words of a notification: its id, the thread with flags, number with architecture, instruction
/// pointer, six arguments.
pub const NOTICE: usize = 10;

/// One instruction of a filter, in the classic BPF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    pub if_true: u8,
    pub if_false: u8,
    pub value: u32,
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The call is made, as if nobody had been asked.
    Continue,
    /// What it returns instead: a negated errno, or a number.
    Return(i64),
}

/// The longest filter that [`install`] takes; the kernel's own limit is 4096.
pub const LONGEST: usize = 1024;

/// Installs a filter for the calling thread and all it starts, for good, and gives its listener, which
/// is closed at exec. Makes system calls only.
pub(crate) fn install(filter: &[Instruction]) -> nix::Result<OwnedFd> {
    let mut raw = [EMPTY; LONGEST];
    let length = u16::try_from(filter.len()).map_err(|_too_long| Errno::E2BIG)?;
    let place = raw.get_mut(..filter.len()).ok_or(Errno::E2BIG)?;
    for (to, from) in place.iter_mut().zip(filter) {
        *to = libc::sock_filter {
            code: from.code,
            jt: from.if_true,
            jf: from.if_false,
            k: from.value,
        };
    }
    let program = libc::sock_fprog {
        len: length,
        filter: raw.as_mut_ptr(),
    };
    // Once a call has been received, only a deadly signal takes it back: it is told once.
    let killable =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match set_filter(killable, &program) {
        // Before Linux 5.19.
        Err(Errno::EINVAL) => set_filter(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, &program),
        installed => installed,
    }
}

const EMPTY: libc::sock_filter = libc::sock_filter {
    code: 0,
    jt: 0,
    jf: 0,
    k: 0,
};

fn set_filter(flags: libc::c_ulong, program: &libc::sock_fprog) -> nix::Result<OwnedFd> {
    let (call, mode) = (libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER);
    let program: *const libc::sock_fprog = program;
    // SAFETY: the kernel copies the program, whose length is that of the array behind it.
    let fd = unsafe { libc::syscall(call, mode, flags, program) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_too_large| Errno::EBADF)?;
    // SAFETY: the kernel has just opened it for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

const RECEIVE: libc::c_ulong = 0xc050_2100;
const SEND: libc::c_ulong = 0xc018_2101;
const SET_FLAGS: libc::c_ulong = 0x4008_2104;

/// The caller runs on our processor when we have answered: what both need is there.
const SYNC_WAKE_UP: libc::c_ulong = 1;

/// Takes the oldest call that nobody has taken yet; waits if there is none. It is written to `notice`
/// by the kernel itself, which must be all zeroes before.
pub(crate) fn receive(listener: BorrowedFd<'_>, notice: &[AtomicU64; NOTICE]) -> nix::Result<()> {
    for word in notice {
        word.store(0, Ordering::Relaxed);
    }
    let place = notice.as_ptr().cast::<libc::c_void>().cast_mut();
    // SAFETY: the kernel writes 80 bytes, which is as many as `notice` has, and atomics may be written
    // through a shared reference.
    let received = unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE, place) };
    Errno::result(received).map(drop)
}

/// Answers the call of that id; `ENOENT` if it waits no more.
pub(crate) fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> nix::Result<()> {
    let mut response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: 0,
        flags: 0,
    };
    match answer {
        Answer::Continue => response.flags = CONTINUE,
        Answer::Return(value) if value < 0 => {
            response.error = i32::try_from(value).map_err(|_no_errno| Errno::ERANGE)?;
        }
        Answer::Return(value) => response.val = value,
    }
    // SAFETY: the kernel reads the response and keeps nothing of it.
    let sent = unsafe { libc::ioctl(listener.as_raw_fd(), SEND, &raw const response) };
    Errno::result(sent).map(drop)
}

const CONTINUE: u32 = 1;

/// Asks for quick answers; an old kernel gives slower ones.
pub(crate) fn hurry(listener: BorrowedFd<'_>) {
    // SAFETY: the request takes a number.
    let _older = unsafe { libc::ioctl(listener.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) };
}

/// What `prctl` is called with that only a filter of ours knows: whoever calls it waits until the
/// listener answers.
pub const MARK: u32 = 0x7e3b_1035;

/// Waits for whoever has the listener; an error if nobody does.
pub(crate) fn wait_for_listener() -> nix::Result<()> {
    // SAFETY: takes a number, which is no option of any kernel.
    let answered = unsafe { libc::prctl(MARK.cast_signed()) };
    Errno::result(answered).map(drop)
}
