//! Filters at the interfaces of the calling thread's network namespace, by `rtnetlink(7)`.
//!
//! Only what kernels before 6.6 need of us. Nothing here allocates, as the keeper must not.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// Which packets of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ingress,
    Egress,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The part of the `clsact` qdisc that its filters belong to.
    fn parent(self) -> u32 {
        match self {
            Self::Ingress => 0xFFFF_FFF2,
            Self::Egress => 0xFFFF_FFF3,
        }
    }
}

/// One end of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub ifindex: u32,
    pub side: Side,
}

/// A filter that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    pub handle: u32,
    /// Of a program, as whoever made it called it; else empty.
    pub name: &'a [u8],
}

/// A way to the kernel's tables.
#[derive(Debug)]
pub struct Traffic {
    socket: OwnedFd,
}

impl Traffic {
    pub fn open() -> nix::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Self { socket })
    }

    /// Makes the qdisc that filters for both sides belong to; EEXIST if there is one, or another kind in
    /// its place.
    pub fn add_clsact(&self, ifindex: u32) -> nix::Result<()> {
        let mut message = clsact(RTM_NEWQDISC, CREATE, ifindex);
        message.attribute(TCA_KIND, b"clsact\0");
        self.ask(&message, |_tc, _rest| ())
    }

    /// Takes it away, with all filters that are left there.
    pub fn remove_clsact(&self, ifindex: u32) -> nix::Result<()> {
        let mut message = clsact(RTM_DELQDISC, 0, ifindex);
        message.attribute(TCA_KIND, b"clsact\0");
        self.ask(&message, |_tc, _rest| ())
    }

    pub fn has_clsact(&self, ifindex: u32) -> nix::Result<bool> {
        let mut found = false;
        let all = Message::new(RTM_GETQDISC, DUMP, Tc::default());
        self.ask(&all, |tc, rest| {
            found |= tc.ifindex == ifindex && value(rest, TCA_KIND) == b"clsact\0";
        })?;
        Ok(found)
    }

    /// Hangs up a program that decides itself, in front of others of the same kind.
    pub fn add_filter(
        &self,
        at: At,
        handle: u32,
        name: &[u8],
        program: BorrowedFd<'_>,
    ) -> nix::Result<()> {
        let mut message = Message::new(RTM_NEWTFILTER, CREATE, filter(at, handle));
        message.attribute(TCA_KIND, b"bpf\0");
        message.nested(TCA_OPTIONS, |options| {
            options.attribute(TCA_BPF_FD, &program.as_raw_fd().to_ne_bytes());
            options.attribute(TCA_BPF_NAME, name);
            options.attribute(TCA_BPF_FLAGS, &ACT_DIRECT.to_ne_bytes());
        });
        self.ask(&message, |_tc, _rest| ())
    }

    pub fn remove_filter(&self, at: At, handle: u32) -> nix::Result<()> {
        let mut message = Message::new(RTM_DELTFILTER, 0, filter(at, handle));
        message.attribute(TCA_KIND, b"bpf\0");
        self.ask(&message, |_tc, _rest| ())
    }

    /// Tells `each` of every filter there; an interface that is gone has none.
    pub fn filters(&self, at: At, mut each: impl FnMut(Filter<'_>)) -> nix::Result<()> {
        let tc = Tc {
            ifindex: at.ifindex,
            parent: at.side.parent(),
            ..Tc::default()
        };
        self.ask(&Message::new(RTM_GETTFILTER, DUMP, tc), |tc, rest| {
            let name = value(value(rest, TCA_OPTIONS), TCA_BPF_NAME);
            let handle = tc.handle;
            each(Filter { handle, name });
        })
    }

    fn ask(&self, message: &Message, mut each: impl FnMut(Tc, &[u8])) -> nix::Result<()> {
        let fd = self.socket.as_raw_fd();
        send(fd, message.whole(), MsgFlags::MSG_NOSIGNAL)?;
        let mut buffer = [0; ROOM];
        loop {
            let length = match recv(fd, &mut buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                length => length?,
            };
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((kind, body, next)) = split(rest) {
                match kind {
                    DONE => return Ok(()),
                    ANSWER => return verdict(body),
                    _ => {
                        if let Some((tc, rest)) = Tc::read(body) {
                            each(tc, rest);
                        }
                    }
                }
                rest = next;
            }
        }
    }
}

/// Kinds of messages, and what is asked of the kernel with them.
const RTM_NEWQDISC: u16 = 36;
const RTM_DELQDISC: u16 = 37;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWTFILTER: u16 = 44;
const RTM_DELTFILTER: u16 = 45;
const RTM_GETTFILTER: u16 = 46;
const ANSWER: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const DUMP: u16 = 0x300;
const CREATE: u16 = 0x600;

const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_BPF_FD: u16 = 6;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_FLAGS: u16 = 8;
const ACT_DIRECT: u32 = 1;

/// First of all, and for packets of every protocol (`ETH_P_ALL`).
const FIRST: u32 = 1 << 16 | 3_u16.to_be() as u32;

/// The kernel sends no more at once to whoever has no more room.
const ROOM: usize = 16 << 10;
const LONGEST: usize = 192;
/// `nlmsghdr`, `tcmsg` and `rtattr`, in bytes.
const HEADER: usize = 16;
const TC: usize = 20;
const ATTRIBUTE: usize = 4;

/// What `tcmsg` says.
#[derive(Clone, Copy, Debug, Default)]
struct Tc {
    ifindex: u32,
    handle: u32,
    parent: u32,
    info: u32,
}

impl Tc {
    fn read(body: &[u8]) -> Option<(Self, &[u8])> {
        let (fixed, rest) = body.split_at_checked(TC)?;
        let tc = Self {
            ifindex: word(fixed, 4)?,
            handle: word(fixed, 8)?,
            parent: word(fixed, 12)?,
            info: word(fixed, 16)?,
        };
        Some((tc, rest))
    }
}

fn clsact(kind: u16, flags: u16, ifindex: u32) -> Message {
    let tc = Tc {
        ifindex,
        handle: 0xFFFF_0000,
        parent: 0xFFFF_FFF1,
        info: 0,
    };
    Message::new(kind, flags, tc)
}

fn filter(at: At, handle: u32) -> Tc {
    Tc {
        ifindex: at.ifindex,
        handle,
        parent: at.side.parent(),
        info: FIRST,
    }
}

/// A request, as long as none of ours ever is.
#[derive(Debug)]
struct Message {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Message {
    fn new(kind: u16, flags: u16, tc: Tc) -> Self {
        let mut message = Self {
            bytes: [0; LONGEST],
            length: HEADER + TC,
        };
        message.put(4, &kind.to_ne_bytes());
        let flags = flags | REQUEST | ACKNOWLEDGE;
        message.put(6, &flags.to_ne_bytes());
        for (at, word) in (HEADER + 4..)
            .step_by(4)
            .zip([tc.ifindex, tc.handle, tc.parent, tc.info])
        {
            message.put(at, &word.to_ne_bytes());
        }
        message.finish(0, message.length);
        message
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nested(kind, |inside| {
            inside.put(inside.length, value);
            inside.length += value.len();
        });
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.length;
        self.put(start + 2, &kind.to_ne_bytes());
        self.length += ATTRIBUTE;
        fill(self);
        let length = u16::try_from(self.length - start).unwrap_or(u16::MAX);
        self.put(start, &length.to_ne_bytes());
        self.length = self.length.next_multiple_of(4);
        self.finish(0, self.length);
    }

    fn finish(&mut self, at: usize, length: usize) {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.put(at, &length.to_ne_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn whole(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The type and body of the first message, and what follows it.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = word(bytes, 0)? as usize;
    let kind = half(bytes, 4)?;
    let body = bytes.get(HEADER..length)?;
    let next = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, next))
}

fn verdict(body: &[u8]) -> nix::Result<()> {
    match word(body, 0).map(u32::cast_signed) {
        Some(0) => Ok(()),
        Some(negated) => Err(Errno::from_raw(-negated)),
        None => Err(Errno::EBADMSG),
    }
}

/// What an attribute holds; nothing if it is not there.
fn value(mut attributes: &[u8], wanted: u16) -> &[u8] {
    while let (Some(length), Some(kind)) = (half(attributes, 0), half(attributes, 2)) {
        let length = usize::from(length);
        if kind & !NESTED == wanted {
            return attributes.get(ATTRIBUTE..length).unwrap_or_default();
        }
        let next = length.max(ATTRIBUTE).next_multiple_of(4);
        attributes = attributes.get(next..).unwrap_or_default();
    }
    &[]
}

/// Of an attribute's type, that it holds others.
const NESTED: u16 = 1 << 15;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::{DONE, HEADER, Message, RTM_NEWTFILTER, Tc, split, value};

    #[test]
    fn what_is_written_is_read_back() {
        let tc = Tc {
            ifindex: 7,
            handle: 9,
            ..Tc::default()
        };
        let mut message = Message::new(RTM_NEWTFILTER, 0, tc);
        message.attribute(1, b"bpf\0");
        message.nested(2, |inside| inside.attribute(7, b"temblor-1\0"));
        let (kind, body, rest) = split(message.whole()).unwrap();
        assert_eq!((kind, rest), (RTM_NEWTFILTER, &[][..]));
        let (read, attributes) = Tc::read(body).unwrap();
        assert_eq!((read.ifindex, read.handle), (7, 9));
        assert_eq!(value(attributes, 1), b"bpf\0");
        assert_eq!(value(value(attributes, 2), 7), b"temblor-1\0");
        assert_eq!(value(attributes, 3), b"");
    }

    #[test]
    fn what_is_cut_short_is_no_message() {
        let message = Message::new(DONE, 0, Tc::default());
        for length in 0..HEADER {
            assert_eq!(split(&message.whole()[..length]), None);
        }
        assert_eq!(value(&[3, 0, 1], 1), b"");
        assert_eq!(value(&[0, 0, 2, 0, 0, 0, 1, 0], 1), b"");
    }
}
