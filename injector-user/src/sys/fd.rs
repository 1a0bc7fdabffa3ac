//! Descriptors: of processes, received over a socket, and closing all that are not wanted.
#![expect(
    unsafe_code,
    reason = "pidfds, close_range and received descriptors have no safe interface"
)]

use std::ffi::CStr;
use std::io::Write as _;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// How many descriptors one message can carry to [`receive`].
pub const RECEIVED: usize = 2;

/// Room for the control message of [`RECEIVED`] descriptors, aligned as `cmsghdr` wants it.
type Control = [u64; 8];

/// A descriptor that stands for the process `pid`, readable when it has ended.
pub(crate) fn pidfd_open(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: this system call reads no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_too_large| Errno::EBADF)?;
    // SAFETY: the kernel has just opened it for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends `signal` to the process behind `pidfd`, never to one that reuses its number.
pub(crate) fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: Signal) -> nix::Result<()> {
    pidfd_send(pidfd, signal as libc::c_int)
}

/// As [`pidfd_signal`], for any signal by its number, real-time ones too.
pub(crate) fn pidfd_send(pidfd: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    let fd = pidfd.as_raw_fd();
    let no_siginfo = ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo asks the kernel to fill in its own.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_siginfo, 0) };
    Errno::result(sent).map(drop)
}

/// Our own descriptor for what the process behind `pidfd` has under the number `fd`.
pub(crate) fn pidfd_getfd(pidfd: BorrowedFd<'_>, fd: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: this system call reads no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), fd, 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_too_large| Errno::EBADF)?;
    // SAFETY: the kernel has just made it for us alone, with close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Closes every descriptor that is not in `keep`. Only for a process just forked, whose other owners
/// of descriptors never run again.
pub(crate) fn close_all_but(keep: &mut [RawFd]) -> nix::Result<()> {
    keep.sort_unstable();
    let mut first = 0;
    for &fd in keep.iter() {
        let fd = libc::c_uint::try_from(fd).map_err(|_negative| Errno::EBADF)?;
        if fd > first {
            close_range(first, fd - 1)?;
        }
        first = fd + 1;
    }
    close_range(first, libc::c_uint::MAX)
}

fn close_range(first: libc::c_uint, last: libc::c_uint) -> nix::Result<()> {
    // SAFETY: reads no memory; the caller's contract is that nobody uses these descriptors again.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    Errno::result(closed).map(drop)
}

/// Where an open file is, as long as `buffer` has room for that and a NUL. Without allocating.
pub(crate) fn path_of<'a>(fd: BorrowedFd<'_>, buffer: &'a mut [u8]) -> nix::Result<&'a CStr> {
    let mut link = [0; 32];
    write!(&mut link[..], "/proc/self/fd/{}", fd.as_raw_fd())
        .map_err(|_short| Errno::ENAMETOOLONG)?;
    let room = buffer.len().saturating_sub(1);
    // SAFETY: both buffers outlive the call; the link ends with a NUL, as it is shorter than its buffer, and
    // the kernel writes `room` bytes at most.
    let length = unsafe { libc::readlink(link.as_ptr().cast(), buffer.as_mut_ptr().cast(), room) };
    let length = usize::try_from(Errno::result(length)?).unwrap_or_default();
    if length >= room {
        return Err(Errno::ENAMETOOLONG);
    }
    buffer[length] = 0;
    CStr::from_bytes_until_nul(buffer).map_err(|_no_nul| Errno::ENAMETOOLONG)
}

/// Receives one message without waiting and without allocating: its length, and the descriptors that
/// came with it.
pub fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> nix::Result<(usize, [Option<OwnedFd>; RECEIVED])> {
    let mut control = Control::default();
    let mut iov = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all zeroes is a valid, empty `msghdr`.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of::<Control>();
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the header points at buffers of the stated lengths that outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let length = usize::try_from(Errno::result(length)?).unwrap_or_default();
    Ok((length, received(&header)))
}

fn received(header: &libc::msghdr) -> [Option<OwnedFd>; RECEIVED] {
    let mut fds = [const { None }; RECEIVED];
    // SAFETY: the kernel filled the header, whose control buffer is still alive.
    let first = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: null or a whole, aligned control header inside that buffer.
    let Some(control) = (unsafe { first.as_ref() }) else {
        return fds;
    };
    if (control.cmsg_level, control.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
        return fds;
    }
    // SAFETY: computes a length only.
    let empty = unsafe { libc::CMSG_LEN(0) } as usize;
    let count = control.cmsg_len.saturating_sub(empty) / size_of::<RawFd>();
    // SAFETY: the data follows the header in the same buffer.
    let data = unsafe { libc::CMSG_DATA(first) };
    for (index, slot) in fds.iter_mut().enumerate().take(count) {
        // SAFETY: below `count`, hence inside the data that the kernel wrote.
        let place = unsafe { data.add(index * size_of::<RawFd>()) };
        // SAFETY: initialised by the kernel; bytes need no alignment.
        let bytes: [u8; size_of::<RawFd>()] = unsafe { place.cast::<[u8; 4]>().read() };
        let fd = RawFd::from_ne_bytes(bytes);
        // SAFETY: SCM_RIGHTS gave us this descriptor, and we take each once.
        *slot = Some(unsafe { OwnedFd::from_raw_fd(fd) });
    }
    fds
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{IoSlice, Read as _, Write as _};
    use std::os::fd::{AsFd as _, AsRawFd as _};

    use nix::errno::Errno;
    use nix::sys::socket::{
        AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
    };

    use super::{path_of, receive};

    #[test]
    fn an_open_file_tells_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(folder.path()).unwrap();
        let mut buffer = [7; 256];
        let path = path_of(file.as_fd(), &mut buffer).unwrap();
        assert_eq!(path.to_str().unwrap(), folder.path().to_str().unwrap());
        let short = path_of(file.as_fd(), &mut [7; 4]).map(drop);
        assert_eq!(short, Err(Errno::ENAMETOOLONG));
    }

    #[test]
    fn a_message_brings_its_descriptors() {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(
            receive(ours.as_fd(), &mut buffer).err(),
            Some(Errno::EAGAIN)
        );

        let (reader, writer) = nix::unistd::pipe().unwrap();
        let fds = [writer.as_raw_fd()];
        sendmsg::<()>(
            theirs.as_raw_fd(),
            &[IoSlice::new(b"hello")],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::empty(),
            None,
        )
        .unwrap();
        drop(writer);
        let (length, [first, second]) = receive(ours.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..length], second.is_none()), (&b"hello"[..], true));

        File::from(first.unwrap()).write_all(b"through").unwrap();
        let mut text = String::new();
        File::from(reader).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");

        drop(theirs);
        assert_eq!(receive(ours.as_fd(), &mut buffer).unwrap().0, 0);
    }
}
