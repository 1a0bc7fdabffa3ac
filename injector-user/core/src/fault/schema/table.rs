//! Every parameter of every fault.

use super::choice::CHOICE;
use super::signal::SIGNALS;
use crate::fault::kind::Kind;
use crate::fault::net::{Answer, Connections, Corruption, Direction, Distribution, Protocol};
use crate::fault::sock::Operation;
use crate::problem::{Place, Problem};
use crate::suggest;

/// What a parameter's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Target,
    Duration,
    Probability,
    When,
    /// A whole number, at least this.
    Count(u64),
    Label,
    /// `true` or `false`; on the command line a flag without a value.
    Flag,
    Peers,
    Ports,
    Errno,
    /// A whole number, or a percentage.
    Share,
    /// Bits per second.
    Rate,
    /// Bytes.
    Size,
    /// One or more durations, separated by commas.
    Durations,
    Signal,
    /// One of these.
    Word(&'static [&'static str]),
    /// One or more of these, separated by commas.
    Words(&'static [&'static str]),
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// The key in YAML and over the socket.
    pub name: &'static str,
    pub value: ValueType,
    pub required: bool,
    /// What holds when it is not given; `None` if that is nothing at all.
    pub default: Option<&'static str>,
    /// Unit and range in words.
    pub range: &'static str,
    /// A value that can be read.
    pub example: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
    /// Faults that have it.
    pub kinds: &'static [Kind],
}

impl Param {
    /// The command line flag: `--max-hits`.
    pub fn flag(&self) -> String {
        Place::flag(self.name).path
    }

    /// The words a shell can complete.
    pub fn words(&self) -> &'static [&'static str] {
        match self.value {
            ValueType::Word(words) | ValueType::Words(words) => words,
            _ => &[],
        }
    }
}

/// The parameters of one fault, those that must be given first.
pub fn params(kind: Kind) -> impl Iterator<Item = &'static Param> {
    let of_kind = move |param: &&Param| param.kinds.contains(&kind);
    let required = all().filter(|param| param.required);
    let optional = all().filter(|param| !param.required);
    required.chain(optional).filter(of_kind)
}

/// A parameter of a fault by its name.
pub fn param(kind: Kind, name: &str) -> Option<&'static Param> {
    params(kind).find(|param| param.name == name)
}

/// What is wrong with a name, if the fault has no such parameter.
pub fn unknown(kind: Kind, name: &str, place: &Place) -> Option<Problem> {
    if param(kind, name).is_some() {
        return None;
    }
    let others = all().filter(|param| param.name == name);
    let others: Vec<_> = others.flat_map(|param| param.kinds).collect();
    let problem = Problem::new(place.clone(), format!("{kind} has no parameter `{name}`"));
    let flag = place.path.starts_with("--");
    let shown = |param: &Param| {
        if flag {
            param.flag()
        } else {
            param.name.to_owned()
        }
    };
    Some(if others.is_empty() {
        let near = suggest::nearest(name, params(kind).map(|param| param.name));
        let names: Vec<_> = params(kind).map(shown).collect();
        problem.hint(near.and_then(|near| param(kind, near)).map_or_else(
            || format!("it has {}", names.join(", ")),
            |near| format!("did you mean `{}`", shown(near)),
        ))
    } else {
        let names: Vec<_> = others.iter().map(|kind| kind.name()).collect();
        problem.hint(format!("it belongs to {}", names.join(" and ")))
    })
}

fn all() -> impl Iterator<Item = &'static Param> + Clone {
    TABLE.iter().chain(&SIGNALS).chain(&CHOICE)
}

pub(super) const ALL: &[Kind] = Kind::ALL;
const NET: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
    Kind::NetPartition,
];
const ADDRESSED: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
    Kind::NetPartition,
    Kind::SockError,
];
/// Of packets, and out unless another direction is asked for.
const OUTWARD: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
];
const LOSS: &[Kind] = &[Kind::NetLoss];
const DELAY: &[Kind] = &[Kind::NetDelay];
const CORRUPT: &[Kind] = &[Kind::NetCorrupt];
const RATE: &[Kind] = &[Kind::NetRate];
const PARTITION: &[Kind] = &[Kind::NetPartition];
/// Where one packet's lot may depend on the one's before.
const CORRELATED: &[Kind] = &[
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
];
const SOCK: &[Kind] = &[Kind::SockError];
const FREEZE: &[Kind] = &[Kind::ProcessFreeze];
const ROUNDS: &[Kind] = &[Kind::ProcessFreeze, Kind::ProcessSignal];

pub(super) const fn required(
    name: &'static str,
    value: ValueType,
    kinds: &'static [Kind],
    [example, range, help]: [&'static str; 3],
) -> Param {
    Param {
        name,
        value,
        required: true,
        default: None,
        range,
        example,
        help,
        kinds,
    }
}

pub(super) const fn optional(
    name: &'static str,
    value: ValueType,
    kinds: &'static [Kind],
    default: Option<&'static str>,
    texts: [&'static str; 3],
) -> Param {
    Param {
        required: false,
        default,
        ..required(name, value, kinds, texts)
    }
}

/// Texts are an example, the unit and range, and what it is for.
const TABLE: [Param; 39] = [
    required(
        "target",
        ValueType::Target,
        ALL,
        [
            "cgroup:/web",
            "pid:N, cgroup:/PATH, container:NAME, unit:NAME, comm:NAME, exe:/PATH, user:NAME, \
             netns:NAME, iface:NAME[@NETNS]; ~REGEX for the NAME of a container, unit, comm or exe",
            "who suffers",
        ],
    ),
    required(
        "duration",
        ValueType::Duration,
        ALL,
        [
            "60s",
            "1ms to 1h, to 720h with `long`",
            "how long it lasts, from the end of `delay` on",
        ],
    ),
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
    required(
        "operation",
        ValueType::Words(Operation::NAMES),
        SOCK,
        ["connect", "one or more, by comma", "which calls fail"],
    ),
    required(
        "errno",
        ValueType::Errno,
        SOCK,
        [
            "ECONNREFUSED",
            "a name or number of Linux, 1 to 133",
            "the error the caller gets",
        ],
    ),
    required(
        "active",
        ValueType::Duration,
        FREEZE,
        [
            "200ms",
            "1ms to 1h, at most `duration`",
            "how long a pulse keeps the processes frozen",
        ],
    ),
    optional(
        "jitter",
        ValueType::Duration,
        DELAY,
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
        DELAY,
        Some("uniform"),
        ["normal", "only with `jitter`", "how the latency varies"],
    ),
    optional(
        "dormant",
        ValueType::Duration,
        FREEZE,
        None,
        [
            "800ms",
            "1ms to 1h, needed unless `count` is 1",
            "how long the processes run between pulses",
        ],
    ),
    optional(
        "count",
        ValueType::Count(1),
        ROUNDS,
        None,
        [
            "5",
            "1 to 4294967295",
            "how many pulses or rounds; without it, until `duration` is over",
        ],
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
        DELAY,
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
    optional(
        "probability",
        ValueType::Probability,
        ALL,
        Some("1"),
        [
            "10%",
            "0 to 1, or in percent",
            "the chance of each matching event (packet, call, pulse, signal) to suffer",
        ],
    ),
    optional(
        "when",
        ValueType::When,
        ALL,
        Some("1+"),
        [
            "2..5",
            "FIRST[..LAST][+STEP], 1 to 65535",
            "which matching events may suffer, by number, as in strace",
        ],
    ),
    optional(
        "max_hits",
        ValueType::Count(1),
        ALL,
        None,
        ["100", "at least 1", "how many events may suffer in all"],
    ),
    optional(
        "seed",
        ValueType::Count(0),
        ALL,
        None,
        [
            "42",
            "64 bits",
            "makes the draws repeatable; drawn and printed if not given",
        ],
    ),
    optional(
        "delay",
        ValueType::Duration,
        ALL,
        Some("0s"),
        ["5s", "0s to 1h", "how long to wait before it begins"],
    ),
    optional(
        "owner",
        ValueType::Label,
        ALL,
        None,
        [
            "game-day-7",
            "1 to 64 letters, digits, . _ - @ / :",
            "a label to see and to stop it by",
        ],
    ),
    optional(
        "all",
        ValueType::Flag,
        ALL,
        Some("false"),
        [
            "true",
            "true or false",
            "accept a target that matches more than one thing",
        ],
    ),
    optional(
        "allow_lockout",
        ValueType::Flag,
        ALL,
        Some("false"),
        [
            "true",
            "true or false",
            "do not spare your own connection and the services that keep the host reachable",
        ],
    ),
    optional(
        "long",
        ValueType::Flag,
        ALL,
        Some("false"),
        ["true", "true or false", "accept a duration above 1h"],
    ),
];
