//! `network`: what becomes of packets.

use crate::convert::readers::{EMPTY, PERCENT_NUMBER, SAME, one_of, text, whole};
use crate::convert::table::{Reader, Row};
use crate::problem::Invalid;

const SPARED: &str = "ours spares other hosts than theirs does, and both by themselves";

/// What is refused of every fault of packets.
pub(super) const NETWORK: &[Row] = &[
    Row::never(
        "spec.network.allowedHosts",
        SPARED,
        "name those who suffer in `hosts`",
    ),
    Row::never(
        "spec.network.disableDefaultAllowedHosts",
        SPARED,
        "remove it",
    ),
    Row::never(
        "spec.network.services",
        "a host does not know the services of a cluster",
        "`hosts` with their addresses",
    ),
    Row::never(
        "spec.network.cloud",
        "which addresses a cloud has is not known here",
        "`hosts` with their prefixes",
    ),
    Row::never(
        "spec.network.http",
        "no fault looks into HTTP",
        "`hosts` with the addresses",
    ),
    Row::never(
        "spec.network.bandwidthLimit",
        "packets wait for 50ms there and for one second here, so others would be lost",
        "`net.rate` in an experiment of ours",
    ),
];

pub(super) const DROP: &[Row] = &[
    Row::of("spec.network.drop", "probability", PERCENT_NUMBER),
    HOST,
    PORT,
    PROTOCOL,
    FLOW,
    STATE,
];
pub(super) const DUPLICATE: &[Row] = &[
    Row::of("spec.network.duplicate", "probability", PERCENT_NUMBER),
    HOST,
    PORT,
    PROTOCOL,
    FLOW,
    STATE,
];
pub(super) const CORRUPT: &[Row] = &[
    Row::of("spec.network.corrupt", "probability", PERCENT_NUMBER)
        .note("one bit, and the checksum is wrong then"),
    HOST,
    PORT,
    PROTOCOL,
    FLOW,
    STATE,
];
pub(super) const DELAY: &[Row] = &[
    Row::of("spec.network.delay", "latency", MILLISECONDS),
    Row::only("spec.network.delayJitter", NONE)
        .note("how it varies differs by version there; `jitter` is in an experiment of ours"),
    HOST,
    PORT,
    PROTOCOL,
    FLOW,
    STATE,
];

const HOST: Row = Row::of("spec.network.hosts[].host", "peers", SAME)
    .needed("one without it is every host, and the others would mean nothing");
const PORT: Row = Row::only("spec.network.hosts[].port", NONE)
    .note("there it is the port of one end, and `ports` of ours are those of either");
const PROTOCOL: Row = Row::only("spec.network.hosts[].protocol", EMPTY)
    .note("each host has its own there, and all have the same here");
const FLOW: Row =
    Row::only("spec.network.hosts[].flow", EGRESS).note("`ingress` delays or loses what answers");
const STATE: Row = Row::only("spec.network.hosts[].connState", EMPTY)
    .note("ours act on packets of every connection");

const MILLISECONDS: Reader = Reader {
    reads: "milliseconds, as `200`",
    read: |node| Ok(Some(format!("{}ms", whole(node, 60_000)?))),
};

const NONE: Reader = Reader {
    reads: "0",
    read: |node| match whole(node, u32::MAX)? {
        0 => Ok(None),
        many => Err(Invalid::saying(format!("{many} cannot be converted"))
            .hint("0, or remove it; docs/convert says why")),
    },
};

const EGRESS: Reader = Reader {
    reads: "egress",
    read: |node| {
        text(node)?;
        one_of(node, &["egress"]).map(|_| None)
    },
};
