//! Faults of packets: `net.loss` and `net.delay`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::{self, PortRange, Prefix};
use super::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::format_duration;
use crate::words::words;

const MIN_LATENCY: Duration = Duration::from_micros(10);
const MAX_LATENCY: Duration = Duration::from_secs(10);

/// Which of the target's packets suffer; an empty list is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The address at the other end.
    pub peers: Vec<Prefix>,
    /// The port at either end of the packet.
    pub ports: Vec<PortRange>,
    pub protocol: Option<Protocol>,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    /// `ICMPv6` too.
    Icmp,
}

words!(Protocol, "a protocol", { Tcp => "tcp", Udp => "udp", Icmp => "icmp" });

/// Seen from the target, or from the side on which an interface stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    #[default]
    Out,
    In,
    Both,
}

words!(Direction, "a direction", { Out => "out", In => "in", Both => "both" });

impl Direction {
    pub fn is_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    pub fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

/// How the held-back time varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distribution {
    /// Anything in `latency ± jitter` is equally likely.
    Uniform,
    /// The jitter is the standard deviation; what would be below zero is zero.
    Normal,
}

words!(Distribution, "a distribution", { Uniform => "uniform", Normal => "normal" });

/// Packets vanish; the sender sees no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub filter: Filter,
}

/// Packets are held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    pub filter: Filter,
    /// `10us..=10s`.
    pub latency: Duration,
    /// `0s..=latency`: half the width if uniform, the standard deviation if normal.
    pub jitter: Duration,
    pub distribution: Distribution,
}

impl Filter {
    fn read(reader: &mut Reader<'_>) -> Self {
        let filter = Self {
            peers: reader.or("peers", Vec::new(), address::peers),
            ports: reader.or("ports", Vec::new(), address::ports),
            protocol: reader.optional("protocol", str::parse),
            direction: reader.or("direction", Direction::Out, str::parse),
        };
        if filter.protocol == Some(Protocol::Icmp) && reader.has("ports") {
            let invalid = Invalid::saying("icmp has no ports");
            reader.conflict(
                "ports",
                invalid.hint("leave `ports` or `protocol: icmp` away"),
            );
        }
        filter
    }

    fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            peers,
            ports,
            protocol,
            direction,
        } = self;
        let direction = (*direction != Direction::Out).then(|| direction.to_string());
        let rows = [
            ("peers", address::join(peers)),
            ("ports", address::join(ports)),
            ("protocol", protocol.map(|protocol| protocol.to_string())),
            ("direction", direction),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

impl Loss {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            filter: Filter::read(reader),
        }
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { filter } = self;
        filter.write(params);
    }
}

impl Delay {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let filter = Filter::read(reader);
        let latency = reader.required("latency", |text| between(text, MIN_LATENCY, MAX_LATENCY));
        let jitter = reader.or("jitter", Duration::ZERO, |text| {
            between(text, Duration::ZERO, MAX_LATENCY)
        });
        let distribution = reader.or("distribution", Distribution::Uniform, str::parse);
        if reader.has("distribution") && !reader.has("jitter") {
            let invalid = Invalid::saying("a distribution means nothing without jitter");
            reader.conflict(
                "distribution",
                invalid.hint("add `jitter`, for example 5ms"),
            );
        }
        if latency.is_some_and(|latency| jitter > latency) {
            let latency = latency.map(format_duration).unwrap_or_default();
            let invalid = Invalid::saying(format!(
                "a jitter of {} is more than the latency of {latency}",
                format_duration(jitter)
            ));
            reader.conflict("jitter", invalid.hint(format!("at most {latency}")));
        }
        Some(Self {
            filter,
            latency: latency?,
            jitter,
            distribution,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            latency,
            jitter,
            distribution,
        } = self;
        filter.write(params);
        params.insert("latency".to_owned(), format_duration(*latency));
        let normal = *distribution != Distribution::Uniform;
        if normal || !jitter.is_zero() {
            params.insert("jitter".to_owned(), format_duration(*jitter));
        }
        if normal {
            params.insert("distribution".to_owned(), distribution.to_string());
        }
    }
}
