//! Which interfaces are parts of others, from `rtnetlink(7)`: the packets of a bridge's port or of a
//! bond's member pass the bridge or bond too.

use std::collections::BTreeMap;
use std::io;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// What has parts through which its own packets pass. A VRF is none: its packets pass the part first.
const WHOLES: [&[u8]; 4] = [b"bridge", b"bond", b"team", b"hsr"];

/// The whole that each part belongs to, by number, in the calling thread's network namespace.
pub(super) fn parts() -> io::Result<BTreeMap<u32, u32>> {
    let mut links = Vec::new();
    for datagram in dump()? {
        links.extend(messages(&datagram).filter_map(Link::read));
    }
    Ok(wholes(&links))
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    index: u32,
    master: Option<u32>,
    kind: Vec<u8>,
}

fn wholes(links: &[Link]) -> BTreeMap<u32, u32> {
    let is_whole = |index: u32| {
        let mut all = links.iter();
        all.any(|link| link.index == index && WHOLES.contains(&link.kind.as_slice()))
    };
    let parts = links
        .iter()
        .filter_map(|link| Some((link.index, link.master?)));
    parts.filter(|(_part, whole)| is_whole(*whole)).collect()
}

/// `nlmsghdr`, `ifinfomsg` and `rtattr`, in bytes.
const HEADER: usize = 16;
const INFO: usize = 16;
const ATTRIBUTE: usize = 4;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const REQUEST_DUMP: u16 = 0x301;
const DONE: u16 = 3;
const FAILED: u16 = 2;

const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;

fn dump() -> io::Result<Vec<Vec<u8>>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut request = vec![0; HEADER + INFO];
    request[..4].copy_from_slice(&32_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
    request[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
    socket.send(&request, 0)?;
    let mut datagrams = Vec::new();
    loop {
        let (datagram, _from) = socket.recv_from_full()?;
        let over = |(kind, _body): (u16, &[u8])| matches!(kind, DONE | FAILED);
        let done = datagram.is_empty() || messages(&datagram).any(over);
        datagrams.push(datagram);
        if done {
            return Ok(datagrams);
        }
    }
}

/// The type and body of each message.
fn messages(datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
        let kind = u16::from_ne_bytes(*rest.get(4..)?.first_chunk()?);
        let body = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// The type and contents of each attribute.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        let contents = rest.get(ATTRIBUTE..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, contents))
    })
}

impl Link {
    fn read((kind, body): (u16, &[u8])) -> Option<Self> {
        let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
        let mut link = Self {
            index,
            master: None,
            kind: Vec::new(),
        };
        for (name, contents) in attributes(body.get(INFO..)?) {
            match name {
                IFLA_MASTER => {
                    link.master = contents.first_chunk().copied().map(u32::from_ne_bytes);
                }
                IFLA_LINKINFO => link.kind = kind_of(contents),
                _ => {}
            }
        }
        (kind == RTM_NEWLINK).then_some(link)
    }
}

/// The name of the driver, which ends with a zero byte.
fn kind_of(information: &[u8]) -> Vec<u8> {
    let mut inner = attributes(information);
    let kind = inner.find(|(name, _)| *name == IFLA_INFO_KIND);
    let (_, text) = kind.unwrap_or_default();
    text.split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::{Link, parts, wholes};

    fn link(index: u32, master: Option<u32>, kind: &str) -> Link {
        Link {
            index,
            master,
            kind: kind.into(),
        }
    }

    #[test]
    fn only_bridges_and_their_like_have_parts() {
        let links = [
            link(1, None, ""),
            link(2, Some(3), ""),
            link(3, None, "bridge"),
            link(4, Some(5), "veth"),
            link(5, None, "vrf"),
            link(6, Some(9), "veth"),
        ];
        assert_eq!(wholes(&links), [(2, 3)].into());
    }

    #[test]
    fn nothing_that_is_cut_short_is_read() {
        for length in 0..40 {
            assert_eq!(super::messages(&vec![0xFF; length]).count(), 0);
            assert_eq!(super::attributes(&vec![0xFF; length]).count(), 0);
        }
    }

    #[test]
    fn the_interfaces_here_can_be_read() {
        parts().map(drop).unwrap();
    }
}
