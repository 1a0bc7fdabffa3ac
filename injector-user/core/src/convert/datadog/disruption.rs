//! `Disruption`: who suffers and for how long, and which faults there are.

use super::network::{CORRUPT, DELAY, DROP, DUPLICATE, NETWORK};
use super::others::{CONTAINER, CPU, FAILURE, PRESSURE, throttled};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{ANY_TRUTH, DURATION, one_of, whole};
use crate::convert::table::{Form, Part, Reader, Row, Shape, When};
use crate::document::Node;
use crate::fault::Kind;
use crate::problem::Invalid;

pub(super) const FORMS: &[Form] = &[
    Form {
        name: "Disruption",
        list: None,
        rows: &[RESOURCE, COMMON, REFUSED, NETWORK],
        parts: &[
            Part::of(When::Has("spec.network.drop"), Kind::NetLoss, DROP),
            Part::of(
                When::Has("spec.network.duplicate"),
                Kind::NetDuplicate,
                DUPLICATE,
            ),
            Part::of(When::Has("spec.network.corrupt"), Kind::NetCorrupt, CORRUPT),
            Part::of(When::Has("spec.network.delay"), Kind::NetDelay, DELAY),
            Part::of(When::Has("spec.cpuPressure"), Kind::CpuStress, CPU),
            Part::of(When::Has("spec.diskPressure"), Kind::DiskSlow, PRESSURE).check(throttled),
            Part::of(When::Has("spec.diskFailure"), Kind::DiskError, FAILURE)
                .given(&[("operation", "open")]),
            Part::of(
                When::Has("spec.containerFailure"),
                Kind::ProcessSignal,
                CONTAINER,
            )
            .given(&[("signal", "SIGKILL")]),
        ],
    },
    Form::never("DisruptionCron", SCHEDULE),
    Form::never("DisruptionRollout", SCHEDULE),
];

const COMMON: &[Row] = &[
    Row::of("spec.duration", "duration", DURATION)
        .needed("how long it lasts is else said by the controller, which is not here")
        .note("above 1h with `long`"),
    Row::of("spec.count", "mode", EVERY)
        .needed("how many suffer")
        .note("other numbers are of pods in a cluster, and shares are rounded up there"),
    Row::who("spec.level", Shape::Text),
    Row::who("spec.selector", Shape::TextOfKey),
    Row::who("spec.containers", Shape::Texts),
    Row::who("spec.advancedSelector[].key", Shape::Text),
    Row::who("spec.advancedSelector[].operator", Shape::Text),
    Row::who("spec.advancedSelector[].values", Shape::Texts),
    Row::only("spec.dryRun", FALSE).note("`temblor validate` does nothing"),
    Row::only("spec.onInit", FALSE),
    Row::only("spec.staticTargeting", ANY_TRUTH).note("what `--target` names is followed"),
    Row::only("spec.allowDisruptedTargets", ANY_TRUTH)
        .note("the engine says which faults cannot act together"),
];

const REFUSED: &[Row] = &[
    Row::never(
        "spec.filter",
        "a host does not know annotations of pods",
        "`--target`, and remove it",
    ),
    Row::never(
        "spec.pulse",
        "not every fault can come and go",
        "several actions with `delay` in the experiment that is written",
    ),
    Row::never(
        "spec.triggers",
        "an experiment begins when it is started",
        "`delay` in the experiment that is written",
    ),
    Row::never(
        "spec.reporting",
        "nothing is sent to Slack",
        "the report that `temblor run` writes",
    ),
    Row::never("spec.unsafeMode", "our limits are others", "remove it"),
    Row::never(
        "spec.nodeFailure",
        "no fault ends a host: nothing could be put back",
        "remove it",
    ),
    Row::never(
        "spec.nodeReplacement",
        "there is no Kubernetes here",
        "remove it",
    ),
    Row::never(
        "spec.podReplacement",
        "there is no Kubernetes here",
        "`containerFailure`",
    ),
    Row::never(
        "spec.dns",
        "no fault answers questions for names",
        "`net.loss` with `ports: 53` in an experiment of ours: questions get no answer",
    ),
    Row::never(
        "spec.grpc",
        "no fault looks into gRPC",
        "`network` with the peer in `hosts`",
    ),
];

const SCHEDULE: &[Part] = &[Part::never(
    When::Always,
    "an experiment runs once, when it is started",
    "convert its template as a `Disruption`, and start that by a timer of systemd",
)];

const EVERY: Reader = Reader {
    reads: "`100%` is `all`, `1` is `one`",
    read: |node| {
        if node.as_str().is_some() {
            return one_of(node, &["100%"]).map(|_| Some("all".to_owned()));
        }
        match whole(node, u32::MAX)? {
            1 => Ok(Some("one".to_owned())),
            many => Err(
                Invalid::saying(format!("a count of {many} cannot be converted"))
                    .hint("1 or 100%: others are of pods in a whole cluster"),
            ),
        }
    },
};

const FALSE: Reader = Reader {
    reads: "false",
    read: only_false,
};

pub(super) fn only_false(node: &Node) -> Result<Option<String>, Invalid> {
    (ANY_TRUTH.read)(node)?;
    if node.as_bool() == Some(false) {
        return Ok(None);
    }
    Err(Invalid::saying("this cannot be converted").hint("false, or remove it"))
}
