//! `NetworkChaos`.

use super::selector::{LASTS, WHO};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{
    ADDRESSES, COUNT, DURATION, DURATION_OR_NONE, PERCENT, PERCENT_OR_NONE, one_of, text,
};
use crate::convert::table::{Fate, Form, Params, Part, Reader, Row, Shape, When};
use crate::fault::Kind;
use crate::problem::{Invalid, Problem};

pub(super) const NETWORK: Form = Form {
    name: "NetworkChaos",
    list: None,
    rows: &[RESOURCE, WHO, LASTS, COMMON],
    parts: &[
        Part::of(
            When::IsAndHas("spec.action", "delay", "spec.delay"),
            Kind::NetDelay,
            DELAY,
        ),
        Part::of(
            When::IsAndHas("spec.action", "loss", "spec.loss"),
            Kind::NetLoss,
            LOSS,
        ),
        Part::of(
            When::IsAndHas("spec.action", "duplicate", "spec.duplicate"),
            Kind::NetDuplicate,
            DUPLICATE,
        ),
        Part::of(
            When::IsAndHas("spec.action", "corrupt", "spec.corrupt"),
            Kind::NetCorrupt,
            CORRUPT,
        ),
        Part::of(
            When::IsAndHas("spec.action", "netem", "spec.delay"),
            Kind::NetDelay,
            DELAY,
        ),
        Part::of(
            When::IsAndHas("spec.action", "netem", "spec.loss"),
            Kind::NetLoss,
            LOSS,
        ),
        Part::of(
            When::IsAndHas("spec.action", "netem", "spec.duplicate"),
            Kind::NetDuplicate,
            DUPLICATE,
        ),
        Part::of(
            When::IsAndHas("spec.action", "netem", "spec.corrupt"),
            Kind::NetCorrupt,
            CORRUPT,
        ),
        Part::of(
            When::IsAndHas("spec.action", "bandwidth", "spec.bandwidth"),
            Kind::NetRate,
            BANDWIDTH,
        )
        .check(queue),
        Part::of(
            When::Is("spec.action", "partition"),
            Kind::NetPartition,
            PARTITION,
        )
        .given(&[("direction", "out")]),
    ],
};

const COMMON: &[Row] = &[
    Row::new("spec.action", Fate::Tells),
    Row::of("spec.externalTargets", "peers", ADDRESSES),
    Row::who("spec.device", Shape::Text),
    Row::never(
        "spec.target",
        "peers are pods that a cluster chooses, and a host does not know their addresses",
        "`externalTargets` with their addresses",
    ),
    Row::never(
        "spec.targetDevice",
        "it is an interface of pods that a cluster chooses",
        "`externalTargets` with their addresses",
    ),
];

/// A chain of packets follows each other by our own model, which keeps the share that was asked for.
const CORRELATED: &str = "by our own model, which keeps the share; that of netem does not";

const DELAY: &[Row] = &[
    DIRECTION,
    Row::of("spec.delay.latency", "latency", DURATION).needed("how long packets are held back"),
    Row::of("spec.delay.jitter", "jitter", DURATION_OR_NONE)
        .note("uniform, as netem draws it without a table"),
    Row::of("spec.delay.correlation", "correlation", PERCENT_OR_NONE).note(CORRELATED),
    Row::of("spec.delay.reorder.reorder", "reorder", PERCENT),
    Row::of("spec.delay.reorder.gap", "gap", COUNT),
    Row::only("spec.delay.reorder.correlation", PERCENT_IS_NONE)
        .note("whether one packet overtakes does not depend on the one before"),
];
const LOSS: &[Row] = &[
    DIRECTION,
    Row::of("spec.loss.loss", "probability", PERCENT).needed("how many packets are lost"),
    Row::of("spec.loss.correlation", "correlation", PERCENT_OR_NONE).note(CORRELATED),
];
const DUPLICATE: &[Row] = &[
    DIRECTION,
    Row::of("spec.duplicate.duplicate", "probability", PERCENT)
        .needed("how many packets come twice"),
    Row::of("spec.duplicate.correlation", "correlation", PERCENT_OR_NONE).note(CORRELATED),
];
const CORRUPT: &[Row] = &[
    DIRECTION,
    Row::of("spec.corrupt.corrupt", "probability", PERCENT)
        .needed("how many packets are damaged")
        .note("one bit, and the checksum is wrong then"),
    Row::of("spec.corrupt.correlation", "correlation", PERCENT_OR_NONE).note(CORRELATED),
];
const BANDWIDTH: &[Row] = &[
    DIRECTION,
    Row::of("spec.bandwidth.rate", "rate", RATE)
        .needed("how fast packets pass")
        .note("`1mbps` is 1024 · 1024 bytes in a second there"),
    Row::of("spec.bandwidth.buffer", "burst", BYTES).needed("how much may leave at once"),
    Row::of("spec.bandwidth.limit", "limit", COUNT)
        .needed("how much may wait")
        .note("no parameter: ours lets packets wait for one second, so it has to be one second of `rate` and `buffer`"),
    Row::never(
        "spec.bandwidth.peakrate",
        "our bucket has one rate",
        "remove it, and choose `buffer` so that bursts are as short as they have to be",
    ),
    Row::never(
        "spec.bandwidth.minburst",
        "it belongs to `peakrate`, and our bucket has one rate",
        "remove it",
    ),
];
const PARTITION: &[Row] =
    &[Row::of("spec.direction", "direction", PARTITION_DIRECTION).note("without it, as `to`")];

const DIRECTION: Row = Row::only(
    "spec.direction",
    Reader {
        reads: "to",
        read: |node| one_of(node, &["to"]).map(|_| None),
    },
)
.note("`from` and `both` need `target`");

const PARTITION_DIRECTION: Reader = Reader {
    reads: "`to` is `out`, `from` is `in`, `both` is the same",
    read: |node| {
        Ok(Some(
            match one_of(node, &["to", "from", "both"])?.as_str() {
                "to" => "out".to_owned(),
                "from" => "in".to_owned(),
                both => both.to_owned(),
            },
        ))
    },
};

const PERCENT_IS_NONE: Reader = Reader {
    reads: "`\"0\"`",
    read: |node| match (PERCENT_OR_NONE.read)(node)? {
        None => Ok(None),
        Some(percent) => Err(Invalid::saying(format!("{percent} cannot be converted"))
            .hint("only \"0\": whether a packet overtakes does not depend on the one before")),
    },
};

const BYTES: Reader = Reader {
    reads: "bytes, as `10000`",
    read: |node| Ok((COUNT.read)(node)?.map(|bytes| format!("{bytes}b"))),
};

const RATE: Reader = Reader {
    reads: "bytes in a second, as `1mbps`",
    read: |node| {
        let text = text(node)?;
        let bits = bytes_per_second(text).and_then(|bytes| bytes.checked_mul(8));
        let bits = bits.ok_or_else(|| {
            Invalid::saying(format!("`{text}` is not a rate"))
                .hint("a whole number with bps, kbps, mbps, gbps or tbps")
        })?;
        Ok(Some(format!("{bits}bit")))
    },
};

/// Units are powers of 1024 there.
fn bytes_per_second(text: &str) -> Option<u64> {
    const UNITS: [(&str, u32); 5] = [
        ("tbps", 40),
        ("gbps", 30),
        ("mbps", 20),
        ("kbps", 10),
        ("bps", 0),
    ];
    let lower = text.trim().to_lowercase();
    let found = UNITS.iter().find_map(|(unit, power)| {
        let number = lower.strip_suffix(unit)?;
        Some((number.trim_end().to_owned(), *power))
    });
    let (number, power) = found?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_plain)?;
    number.checked_mul(1 << power)
}

/// Ours lets packets wait for one second; a queue of another length would lose others.
fn queue(params: &mut Params) -> Result<(), Problem> {
    let number = |name: &str, unit: &str| -> Option<u64> {
        let text = &params.get(name)?.text;
        text.strip_suffix(unit)?.parse().ok()
    };
    let wanted = number("rate", "bit")
        .zip(number("burst", "b"))
        .map(|(bits, burst)| bits / 8 + burst);
    let asked = number("limit", "");
    let Some(limit) = params.remove("limit") else {
        return Ok(());
    };
    match wanted {
        Some(wanted) if asked != Some(wanted) => {
            let message = format!(
                "{} bytes cannot wait: ours is a queue of one second",
                limit.text
            );
            Err(Problem::new(limit.place, message).hint(format!("limit: {wanted}")))
        }
        _ => Ok(()),
    }
}
