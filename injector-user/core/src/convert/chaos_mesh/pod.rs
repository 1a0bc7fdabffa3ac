//! `PodChaos`.

use super::selector::{CONTAINERS, WHO};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::DURATION;
use crate::convert::table::{Fate, Form, Part, Row, When};
use crate::fault::Kind;

pub(super) const POD: Form = Form {
    name: "PodChaos",
    list: None,
    rows: &[RESOURCE, WHO, CONTAINERS],
    parts: &[
        Part::of(
            When::Is("spec.action", "container-kill"),
            Kind::ProcessSignal,
            KILL,
        )
        .given(&[("signal", "SIGKILL"), ("duration", "1s")]),
        Part::never(
            When::Is("spec.action", "pod-kill"),
            "Kubernetes is asked to delete a pod, and there is no Kubernetes here",
            "`action: container-kill`",
        ),
        Part::never(
            When::Is("spec.action", "pod-failure"),
            "the image of a pod is replaced, which only Kubernetes can do",
            "`process.freeze` in an experiment of ours: the processes stand still for as long",
        ),
    ],
};

const KILL: &[Row] = &[
    Row::new("spec.action", Fate::Tells),
    Row::of("spec.duration", "duration", DURATION)
        .note("every process of the target gets SIGKILL, once; without it, 1s"),
    Row::never(
        "spec.gracePeriod",
        "SIGKILL has no grace",
        "remove it: it is of `pod-kill`",
    ),
];
