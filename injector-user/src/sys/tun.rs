//! TAP devices: made without persistence, so that they go when their descriptor does.
#![expect(unsafe_code, reason = "ioctl(2) takes pointers")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// Makes TAP `name` in the calling thread's network namespace: non-blocking, one virtio header
/// before each frame, large segments and missing checksums accepted as they are.
pub fn create(name: &str) -> io::Result<File> {
    let tap = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open("/dev/net/tun")?;
    let mut request = named(name)?;
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = i16::try_from(flags).map_err(io::Error::other)?;
    ioctl_pointer(tap.as_raw_fd(), libc::TUNSETIFF, &mut request)?;
    set_offloads(&tap)?;
    Ok(tap)
}

/// Lets the device carry a queue of `length` packets and brings it up.
pub fn bring_up(name: &str, length: i32) -> io::Result<()> {
    let control = control_socket()?;
    let mut request = named(name)?;
    request.ifr_ifru.ifru_metric = length;
    ioctl_pointer(control.as_raw_fd(), libc::SIOCSIFTXQLEN, &mut request)?;
    let mut request = named(name)?;
    ioctl_pointer(control.as_raw_fd(), libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the call above wrote the flags.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | i16::try_from(libc::IFF_UP).map_err(io::Error::other)?;
    ioctl_pointer(control.as_raw_fd(), libc::SIOCSIFFLAGS, &mut request)
}

/// Checksum, and segmentation of TCP over both families and, where the kernel knows it (6.2), UDP.
fn set_offloads(tap: &File) -> io::Result<()> {
    let basic = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    let with_udp = basic | libc::TUN_F_USO4 | libc::TUN_F_USO6;
    ioctl_number(tap.as_raw_fd(), libc::TUNSETOFFLOAD, with_udp)
        .or_else(|_old| ioctl_number(tap.as_raw_fd(), libc::TUNSETOFFLOAD, basic))
}

fn control_socket() -> io::Result<OwnedFd> {
    Ok(socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?)
}

fn named(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: plain integers and bytes, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    Ok(request)
}

fn ioctl_pointer(fd: RawFd, call: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: the calls used here read and write one `ifreq`.
    let result = unsafe { libc::ioctl(fd, call, &raw mut *request) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn ioctl_number(fd: RawFd, call: libc::c_ulong, value: libc::c_uint) -> io::Result<()> {
    // SAFETY: the call takes a number.
    let result = unsafe { libc::ioctl(fd, call, libc::c_ulong::from(value)) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
