//! Who suffers, and for how long, in every kind.

use crate::convert::readers::{DURATION, SAME, one_of};
use crate::convert::table::{Reader, Row, Shape};
use crate::target::ModeName;

/// Which pods, and how many of them.
pub(super) const WHO: &[Row] = &[
    Row::of("spec.mode", "mode", MODE)
        .needed("one of one, all, fixed, fixed-percent, random-max-percent"),
    Row::of("spec.value", "mode_value", SAME)
        .note("one at least suffers here; of a share that is less than one pod, none may there"),
    Row::who("spec.selector.namespaces", Shape::Texts),
    Row::who("spec.selector.nodes", Shape::Texts),
    Row::who("spec.selector.pods", Shape::TextsOfKey),
    Row::who("spec.selector.nodeSelectors", Shape::TextOfKey),
    Row::who("spec.selector.fieldSelectors", Shape::TextOfKey),
    Row::who("spec.selector.labelSelectors", Shape::TextOfKey),
    Row::who("spec.selector.annotationSelectors", Shape::TextOfKey),
    Row::who("spec.selector.podPhaseSelectors", Shape::Texts),
    Row::who("spec.selector.expressionSelectors[].key", Shape::Text),
    Row::who("spec.selector.expressionSelectors[].operator", Shape::Text),
    Row::who("spec.selector.expressionSelectors[].values", Shape::Texts),
    Row::never(
        "spec.remoteCluster",
        "there is no cluster here, and none elsewhere",
        "run the experiment on the host that is meant",
    ),
];

pub(super) const CONTAINERS: &[Row] = &[Row::who("spec.containerNames", Shape::Texts)];

pub(super) const LASTS: &[Row] = &[Row::of("spec.duration", "duration", DURATION)
    .needed("without it the fault would stay until the document is deleted; ours always ends")
    .note("above 1h with `long`")];

/// The words are ours, too.
const MODE: Reader = Reader {
    reads: "one, all, fixed, fixed-percent or random-max-percent",
    read: |node| one_of(node, ModeName::NAMES).map(Some),
};
