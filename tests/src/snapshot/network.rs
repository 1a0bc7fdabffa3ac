//! What `rtnetlink(7)` tells of the network namespace that the calling thread is in: a line of text
//! for each thing that could be changed, and nothing that changes by itself.
//!
//! It is asked here, not by `ip` and `tc`: they would be started some thirty times for each look.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, LinkAttribute, LinkExtentMask, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage};
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::tc::{TcAttribute, TcMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Message};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

/// One datagram of the kernel's, at most as long as it makes them.
const DATAGRAM: usize = 1 << 16;

/// Interfaces by number.
#[derive(Debug)]
pub(super) struct Interfaces(BTreeMap<u32, LinkMessage>);

impl Interfaces {
    pub(super) fn read() -> Result<Self> {
        let mut request = LinkMessage::default();
        let skip = LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]);
        request.attributes.push(skip);
        let mut found = BTreeMap::new();
        for message in dump(Message::GetLink(request)).context("interfaces")? {
            if let Message::NewLink(link) = message {
                found.insert(link.header.index, link);
            }
        }
        Ok(Self(found))
    }

    pub(super) fn name(&self, index: u32) -> &str {
        let attributes = self.0.get(&index).map(|link| &link.attributes);
        let mut names = attributes.into_iter().flatten().map(|one| match one {
            LinkAttribute::IfName(name) => Some(name.as_str()),
            _ => None,
        });
        names.find_map(|name| name).unwrap_or("?")
    }

    /// In every table, but for those that the kernel learns from traffic.
    pub(super) fn routes(&self, family: AddressFamily) -> Result<Vec<String>> {
        let mut request = RouteMessage::default();
        request.header.address_family = family;
        let mut lines = Vec::new();
        for message in dump(Message::GetRoute(request)).context("routes")? {
            if let Message::NewRoute(route) = message
                && !is_learnt(&route)
            {
                lines.push(self.route(route));
            }
        }
        Ok(lines)
    }

    fn route(&self, mut route: RouteMessage) -> String {
        let mut out = None;
        route.attributes.retain(|one| {
            if let RouteAttribute::Oif(index) = one {
                out = Some(*index);
            }
            !matches!(one, RouteAttribute::CacheInfo(_))
        });
        let name = out.map_or("?", |index| self.name(index));
        format!("dev {name} {route:?}")
    }

    pub(super) fn qdiscs(&self) -> Result<Vec<Qdisc>> {
        let mut found = Vec::new();
        let request = Message::GetQueueDiscipline(TcMessage::default());
        for message in dump(request).context("qdiscs")? {
            if let Message::NewQueueDiscipline(qdisc) = message {
                found.push(self.qdisc(qdisc));
            }
        }
        Ok(found)
    }

    fn qdisc(&self, mut qdisc: TcMessage) -> Qdisc {
        qdisc.attributes.retain(|one| {
            !matches!(
                one,
                TcAttribute::Stats(_) | TcAttribute::Stats2(_) | TcAttribute::Xstats(_)
            )
        });
        let is_none =
            |one: &TcAttribute| matches!(one, TcAttribute::Kind(kind) if kind == "noqueue");
        let interface = self.name(qdisc.header.index.cast_unsigned()).to_owned();
        Qdisc {
            line: format!("dev {interface} {qdisc:?}"),
            takes_filters: !qdisc.attributes.iter().any(is_none),
            interface,
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, link) in &self.0 {
            let name = self.name(*index);
            lines.push(format!("dev {name} {:?}", link.header));
            let steady = link.attributes.iter().filter_map(steady_link);
            lines.extend(steady.map(|one| format!("dev {name} {one:?}")));
        }
        lines
    }
}

/// What of an attribute does not change by itself.
fn steady_link(attribute: &LinkAttribute) -> Option<LinkAttribute> {
    match attribute {
        LinkAttribute::Stats(_)
        | LinkAttribute::Stats64(_)
        | LinkAttribute::CarrierChanges(_)
        | LinkAttribute::CarrierUpCount(_)
        | LinkAttribute::CarrierDownCount(_) => None,
        // What a driver tells beside its name are timers too.
        LinkAttribute::LinkInfo(about) => {
            let steady = |one: &&LinkInfo| matches!(one, LinkInfo::Kind(_) | LinkInfo::PortKind(_));
            let about = about.iter().filter(steady).cloned().collect();
            Some(LinkAttribute::LinkInfo(about))
        }
        LinkAttribute::AfSpecUnspec(families) => {
            let families = families.iter().filter_map(steady_family).collect();
            Some(LinkAttribute::AfSpecUnspec(families))
        }
        other => Some(other.clone()),
    }
}

/// Without what settings tell, too.
fn steady_family(family: &AfSpecUnspec) -> Option<AfSpecUnspec> {
    match family {
        AfSpecUnspec::Inet(_) => None,
        AfSpecUnspec::Inet6(all) => {
            let steady = all.iter().filter(|one| {
                !matches!(
                    one,
                    AfSpecInet6::CacheInfo(_)
                        | AfSpecInet6::DevConf(_)
                        | AfSpecInet6::Stats(_)
                        | AfSpecInet6::Icmp6Stats(_)
                )
            });
            Some(AfSpecUnspec::Inet6(steady.cloned().collect()))
        }
        other => Some(other.clone()),
    }
}

fn is_learnt(route: &RouteMessage) -> bool {
    let expires = |one: &RouteAttribute| match one {
        RouteAttribute::CacheInfo(cached) => cached.expires != 0,
        RouteAttribute::Expires(_) => true,
        _ => false,
    };
    route.header.flags.contains(RouteFlags::Cloned) || route.attributes.iter().any(expires)
}

pub(super) fn rules(family: AddressFamily) -> Result<Vec<String>> {
    let mut request = RuleMessage::default();
    request.header.family = family;
    let mut lines = Vec::new();
    for message in dump(Message::GetRule(request)).context("rules")? {
        if let Message::NewRule(rule) = message {
            lines.push(format!("{rule:?}"));
        }
    }
    Ok(lines)
}

/// What packets queue in at an interface.
#[derive(Debug)]
pub(super) struct Qdisc {
    pub(super) interface: String,
    pub(super) line: String,
    /// Whether a filter could hang on it.
    pub(super) takes_filters: bool,
}

/// Everything that the kernel answers; an error if it refuses or says what cannot be read.
fn dump(request: Message) -> Result<Vec<Message>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut found = Vec::new();
    loop {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        let length = socket.recv(&mut datagram, 0)?;
        if length == 0 || collect(&datagram, &mut found)? {
            return Ok(found);
        }
    }
}

/// Adds the messages of one datagram; whether they were the last.
fn collect(datagram: &[u8], found: &mut Vec<Message>) -> Result<bool> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkMessage::<Message>::deserialize(rest)?;
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io().into()),
            NetlinkPayload::InnerMessage(one) => found.push(one),
            other => bail!("it answers {other:?}"),
        }
        let length = usize::try_from(message.header.length)?.next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(false)
}
