//! What passes an interface, with the kernel's time stamps.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::sys::poll;
use nix::cmsg_space;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind,
    recvmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

use crate::netns::Netns;

/// A packet socket on one interface.
#[derive(Debug)]
pub(super) struct Capture {
    socket: OwnedFd,
}

/// A frame as it passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// Sent by this host into the device, or come from it.
    pub(super) leaving: bool,
    /// Wall clock, in nanoseconds.
    pub(super) at_ns: u64,
    /// The first four bytes of a UDP payload.
    pub(super) number: u32,
}

/// `PACKET_OUTGOING`.
const OUTGOING: u8 = 4;
/// Ethernet, IPv4 without options, UDP.
const HEADERS: usize = 14 + 20 + 8;
/// Longer than a datagram of ours.
const FRAME: usize = 128;
const BUFFER: usize = 64 << 20;

impl Capture {
    /// On the only interface of `netns` whose name begins with `prefix`.
    pub(super) fn on(netns: &Netns, prefix: &str) -> Result<Self> {
        netns.inside(|| {
            let device = device(prefix)?;
            let (family, kind) = (AddressFamily::Packet, SockType::Raw);
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let socket = socket(family, kind, flags, SockProtocol::EthAll)?;
            setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)?;
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            bind(socket.as_raw_fd(), &device)?;
            Ok(Self { socket })
        })?
    }

    /// Everything that passed and was UDP over IPv4, until nothing comes for `silence`.
    pub(super) fn drain(&self, silence: Duration) -> Result<Vec<Passed>> {
        let mut all = Vec::new();
        loop {
            use std::os::fd::AsFd as _;
            match self.next() {
                Ok(passed) => all.extend(passed),
                Err(nix::errno::Errno::EAGAIN) => {
                    let [ready] = poll::wait_readable([self.socket.as_fd()], silence)?;
                    if ready.is_empty() {
                        return Ok(all);
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn next(&self) -> nix::Result<Option<Passed>> {
        let mut frame = [0; FRAME];
        let mut control = cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(&mut frame)];
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
        let message = recvmsg::<LinkAddr>(fd, &mut slices, Some(&mut control), flags)?;
        let leaving = message
            .address
            .is_some_and(|address| address.pkttype() == OUTGOING);
        let stamp = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
            _ => None,
        });
        let at_ns = stamp.and_then(|at| u64::try_from(at.as_nanos()).ok());
        let length = message.bytes;
        Ok(at_ns
            .zip(number(frame.get(..length).unwrap_or_default()))
            .map(|(at_ns, number)| Passed {
                leaving,
                at_ns,
                number,
            }))
    }
}

fn device(prefix: &str) -> Result<LinkAddr> {
    let mut found = getifaddrs()?.filter(|one| one.interface_name.starts_with(prefix));
    let link = found.find_map(|one| one.address?.as_link_addr().copied());
    link.with_context(|| format!("there is no interface {prefix}…"))
}

/// The number of one of our datagrams.
fn number(frame: &[u8]) -> Option<u32> {
    let is_ours = frame.get(12..14)? == [0x08, 0x00] && *frame.get(23)? == 17;
    let number = frame.get(HEADERS..HEADERS + 4)?;
    is_ours.then(|| number.try_into().ok().map(u32::from_ne_bytes))?
}
