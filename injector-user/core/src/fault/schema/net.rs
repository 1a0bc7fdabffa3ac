//! The parameters of faults of packets; those that choose packets choose socket calls too.

use super::table::{Param, ValueType, optional, required};
use crate::fault::kind::Kind;
use crate::fault::latency::Distribution;
use crate::fault::net::{Answer, Connections, Corruption, Direction, Protocol};

const ADDRESSED: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
    Kind::NetPartition,
    Kind::SockError,
];
/// Where one packet's lot may depend on the one's before.
const CORRELATED: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
];
const CORRUPT: &[Kind] = &[Kind::NetCorrupt];
const DELAY: &[Kind] = &[Kind::NetDelay];
const LATENT: &[Kind] = &[Kind::NetDelay, Kind::SyscallDelay, Kind::DiskSlow];
const LOSS: &[Kind] = &[Kind::NetLoss];
const NET: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
    Kind::NetPartition,
];
/// Of packets, and out unless another direction is asked for.
const OUTWARD: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
];
const PARTITION: &[Kind] = &[Kind::NetPartition];
const RATE: &[Kind] = &[Kind::NetRate];

pub(super) const NET_ROWS: [Param; 23] = [
    required(
        "latency",
        ValueType::Duration,
        DELAY,
        ["20ms", "10us to 10s", "how long a packet is held back"],
    ),
    required(
        "rate",
        ValueType::Rate,
        RATE,
        [
            "10mbit",
            "8kbit to 100gbit; kbit, mbit, gbit",
            "how fast packets pass",
        ],
    ),
    optional(
        "jitter",
        ValueType::Duration,
        LATENT,
        Some("0s"),
        [
            "5ms",
            "0s to `latency`",
            "how far the latency varies: half the width if uniform, sigma if normal",
        ],
    ),
    optional(
        "distribution",
        ValueType::Word(Distribution::NAMES),
        LATENT,
        Some("uniform"),
        ["normal", "only with `jitter`", "how the latency varies"],
    ),
    optional(
        "peers",
        ValueType::Peers,
        ADDRESSED,
        None,
        [
            "10.0.0.0/24,fd00::7",
            "at most 64 addresses, prefixes or names, by comma; names are resolved where it is asked for",
            "only to or from these addresses; for `bind`, of the own address",
        ],
    ),
    optional(
        "ports",
        ValueType::Ports,
        ADDRESSED,
        None,
        [
            "6379,8000-8010",
            "1 to 65535, at most 1024 of them, by comma",
            "only with one of these ports at either end of a packet, or in the call",
        ],
    ),
    optional(
        "protocol",
        ValueType::Word(Protocol::NAMES),
        NET,
        None,
        [
            "tcp",
            "icmp includes ICMPv6 and excludes `ports`",
            "only this protocol",
        ],
    ),
    optional(
        "direction",
        ValueType::Word(Direction::NAMES),
        OUTWARD,
        Some("out"),
        ["in", "seen from the target", "which way the packets go"],
    ),
    optional(
        "direction",
        ValueType::Word(Direction::NAMES),
        PARTITION,
        Some("both"),
        [
            "out",
            "seen from the target; one way only makes a one-way partition",
            "which way packets do not pass",
        ],
    ),
    optional(
        "connections",
        ValueType::Word(Connections::NAMES),
        PARTITION,
        Some("all"),
        [
            "new",
            "new and established are of TCP only",
            "packets of which connections do not pass",
        ],
    ),
    optional(
        "how",
        ValueType::Word(Answer::NAMES),
        PARTITION,
        Some("drop"),
        [
            "reset",
            "reset is of TCP, and breaks what is open for good; reject answers with ICMP",
            "what the sender of such a packet hears",
        ],
    ),
    optional(
        "how",
        ValueType::Word(Corruption::NAMES),
        CORRUPT,
        Some("wire"),
        [
            "silent",
            "wire: the checksum is wrong, the receiver drops it; silent: it is right",
            "whether anybody notices",
        ],
    ),
    optional(
        "bits",
        ValueType::Count(1),
        CORRUPT,
        Some("1"),
        ["3", "1 to 16", "how many bits of a packet flip"],
    ),
    optional(
        "burst",
        ValueType::Size,
        RATE,
        None,
        [
            "64KiB",
            "1514b to 64MiB; without it 10ms' worth of `rate`",
            "how much may leave at once after a pause",
        ],
    ),
    optional(
        "correlation",
        ValueType::Probability,
        CORRELATED,
        None,
        [
            "25%",
            "below 1; for net.delay only with `jitter`",
            "how much a packet's lot follows the one's before",
        ],
    ),
    optional(
        "p",
        ValueType::Probability,
        LOSS,
        None,
        [
            "1%",
            "0 to 1; instead of `probability`",
            "Gilbert-Elliott model: the chance to get from the good state to the bad one",
        ],
    ),
    optional(
        "r",
        ValueType::Probability,
        LOSS,
        None,
        [
            "20%",
            "0 to 1, with `p`; 1-p if not given",
            "the chance to get back to the good state; bursts last 1/r packets on average",
        ],
    ),
    optional(
        "1-h",
        ValueType::Probability,
        LOSS,
        None,
        [
            "90%",
            "0 to 1, with `p`; 1 if not given",
            "the chance of loss in the bad state",
        ],
    ),
    optional(
        "1-k",
        ValueType::Probability,
        LOSS,
        None,
        [
            "0.1%",
            "0 to 1, with `p`; 0 if not given",
            "the chance of loss in the good state",
        ],
    ),
    optional(
        "visible",
        ValueType::Flag,
        LOSS,
        Some("false"),
        [
            "true",
            "true or false; only for `direction: out`",
            "tell the sender's kernel, so that TCP sends again at once",
        ],
    ),
    optional(
        "samples",
        ValueType::Durations,
        LATENT,
        None,
        [
            "10ms,12ms,30ms",
            "2 to 4096 durations by comma, on the command line also @FILE; with `distribution: measured`",
            "latencies that were measured somewhere",
        ],
    ),
    optional(
        "reorder",
        ValueType::Probability,
        DELAY,
        None,
        [
            "25%",
            "0 to 1, or in percent",
            "the chance that a packet is not held back, and so overtakes",
        ],
    ),
    optional(
        "gap",
        ValueType::Count(1),
        DELAY,
        None,
        [
            "5",
            "at least 1; with `reorder`, or alone for every so many-th packet",
            "of so many packets only one may overtake",
        ],
    ),
];
