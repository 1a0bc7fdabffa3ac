//! Every experiment of `LitmusChaos` for pods and nodes, and why some cannot be converted.

use super::engine::{COMMON, ENGINE, LIST, PODS, env, mode};
use super::stress;
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{
    ADDRESSES_TEXT, ANY_TEXT, EMPTY, MILLISECONDS, MILLISECONDS_OR_NONE, PERCENT, PERCENT_OR_NONE,
    SECONDS, one_of,
};
use crate::convert::table::{Form, Part, Reader, Row, Shape, When};
use crate::fault::Kind;

pub(super) const FORMS: &[Form] = &[
    network("pod-network-latency", LATENCY),
    network("pod-network-loss", LOSS),
    network("pod-network-corruption", CORRUPTION),
    network("pod-network-duplication", DUPLICATION),
    stress::POD_CPU,
    stress::POD_MEMORY,
    stress::NODE_CPU,
    CONTAINER_KILL,
    never("pod-delete", DELETE),
    never("disk-fill", FILL),
    never("pod-network-partition", PARTITION),
    never("pod-network-rate-limit", RATE),
    never("pod-dns-error", DNS),
    never("pod-dns-spoof", DNS),
    never("pod-http-latency", HTTP),
    never("pod-http-modify-body", HTTP),
    never("pod-http-modify-header", HTTP),
    never("pod-http-reset-peer", HTTP),
    never("pod-http-status-code", HTTP),
    never("pod-io-stress", IO),
    never("node-io-stress", IO),
    never("node-memory-hog", NODE_MEMORY),
    never("pod-autoscaler", CLUSTER),
    never("node-drain", CLUSTER),
    never("node-taint", CLUSTER),
    never("node-restart", RESTART),
    never("node-poweroff", RESTART),
    never("kubelet-service-kill", SERVICE),
    never("docker-service-kill", SERVICE),
];

const fn network(name: &'static str, parts: &'static [Part]) -> Form {
    Form {
        name,
        list: Some(LIST),
        rows: &[RESOURCE, ENGINE, COMMON, PODS, NETWORK],
        parts,
    }
}

const fn never(name: &'static str, parts: &'static [Part]) -> Form {
    Form::never(name, parts).inside(LIST)
}

const PORTS: &str =
    "only empty: there it is the port of one end, and `ports` of ours are those of either";

const NETWORK: &[Row] = &[
    Row::who(env!("NETWORK_INTERFACE"), Shape::Text),
    Row::only(env!("TC_IMAGE"), ANY_TEXT),
    Row::of(env!("DESTINATION_IPS"), "peers", ADDRESSES_TEXT),
    Row::of(env!("DESTINATION_HOSTS"), "peers", ADDRESSES_TEXT),
    Row::only(env!("DESTINATION_PORTS"), EMPTY).note(PORTS),
    Row::only(env!("SOURCE_PORTS"), EMPTY).note(PORTS),
    Row::of(env!("CORRELATION"), "correlation", PERCENT_OR_NONE)
        .note("by our own model, which keeps the share; that of netem does not"),
];

const NEEDED: &str = "how much is else said by the `ChaosExperiment`, which is not here";

const LATENCY: &[Part] = &[Part::of(
    When::Always,
    Kind::NetDelay,
    &[
        Row::of(env!("NETWORK_LATENCY"), "latency", MILLISECONDS).needed(NEEDED),
        Row::of(env!("JITTER"), "jitter", MILLISECONDS_OR_NONE)
            .note("uniform, as netem draws it without a table"),
    ],
)
.check(mode)];
const LOSS: &[Part] = &[Part::of(
    When::Always,
    Kind::NetLoss,
    &[Row::of(
        env!("NETWORK_PACKET_LOSS_PERCENTAGE"),
        "probability",
        PERCENT,
    )
    .needed(NEEDED)],
)
.check(mode)];
const CORRUPTION: &[Part] = &[Part::of(
    When::Always,
    Kind::NetCorrupt,
    &[Row::of(
        env!("NETWORK_PACKET_CORRUPTION_PERCENTAGE"),
        "probability",
        PERCENT,
    )
    .needed(NEEDED)
    .note("one bit, and the checksum is wrong then")],
)
.check(mode)];
const DUPLICATION: &[Part] = &[Part::of(
    When::Always,
    Kind::NetDuplicate,
    &[Row::of(
        env!("NETWORK_PACKET_DUPLICATION_PERCENTAGE"),
        "probability",
        PERCENT,
    )
    .needed(NEEDED)],
)
.check(mode)];

const CONTAINER_KILL: Form = Form {
    name: "container-kill",
    list: Some(LIST),
    rows: &[RESOURCE, ENGINE, COMMON, PODS],
    parts: &[Part::of(
        When::Always,
        Kind::ProcessSignal,
        &[
            Row::only(env!("SIGNAL"), KILL)
                .note("others are for the first process alone there, and for every one here"),
            Row::of(env!("CHAOS_INTERVAL"), "interval", SECONDS)
                .needed("how often is else said by the `ChaosExperiment`, which is not here"),
        ],
    )
    .given(&[("signal", "SIGKILL")])
    .check(mode)],
};

const KILL: Reader = Reader {
    reads: "SIGKILL",
    read: |node| one_of(node, &["SIGKILL"]).map(|_| None),
};

const DELETE: &[Part] = &[Part::never(
    When::Always,
    "Kubernetes is asked to delete a pod, and there is no Kubernetes here",
    "`container-kill`",
)];
const FILL: &[Part] = &[Part::never(
    When::Always,
    "how much is filled follows from the pod's limit of ephemeral storage, which only Kubernetes knows",
    "`disk.fill` in an experiment of ours, with `path`, and `size`, `percent` or `left`",
)];
const PARTITION: &[Part] = &[Part::never(
    When::Always,
    "Kubernetes is asked for a network policy, and there is no Kubernetes here",
    "`net.partition` in an experiment of ours, with `peers`",
)];
const RATE: &[Part] = &[Part::never(
    When::Always,
    "how long its queue is cannot be asked of ours",
    "`net.rate` in an experiment of ours, with `rate` and `burst`",
)];
const DNS: &[Part] = &[Part::never(
    When::Always,
    "no fault answers questions for names",
    "`net.loss` with `ports: 53` in an experiment of ours: questions get no answer",
)];
const HTTP: &[Part] = &[Part::never(
    When::Always,
    "no fault looks into HTTP",
    "`pod-network-latency` with `DESTINATION_IPS`, for all that is sent to a peer",
)];
const IO: &[Part] = &[Part::never(
    When::Always,
    "its workers, and how much they write, are those of stress-ng",
    "`disk.stress` in an experiment of ours, with `path`, `workers` and `size`",
)];
const NODE_MEMORY: &[Part] = &[Part::never(
    When::Always,
    "its shares are of what a node may give to pods, which only Kubernetes knows",
    "`memory.stress` with `target: host` in an experiment of ours",
)];
const CLUSTER: &[Part] = &[Part::never(
    When::Always,
    "Kubernetes is asked to move pods, and there is no Kubernetes here",
    "`kubectl` in an action with `type: process`",
)];
const RESTART: &[Part] = &[Part::never(
    When::Always,
    "no fault restarts a host: nothing could be put back",
    "`process.freeze` in an experiment of ours: its processes stand still for as long",
)];
const SERVICE: &[Part] = &[Part::never(
    When::Always,
    "what runs containers is never a target",
    "`systemctl` in an action with `type: process`",
)];
