//! `StressChaos`.

use super::selector::{CONTAINERS, LASTS, WHO};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{COUNT, PERCENT_NUMBER, SIZE, expected, whole};
use crate::convert::table::{Form, Part, Reader, Row, When};
use crate::fault::Kind;
use crate::problem::Invalid;

pub(super) const STRESS: Form = Form {
    name: "StressChaos",
    list: None,
    rows: &[RESOURCE, WHO, CONTAINERS, LASTS, COMMON],
    parts: &[
        Part::of(When::Has("spec.stressors.cpu"), Kind::CpuStress, CPU),
        Part::of(
            When::Has("spec.stressors.memory"),
            Kind::MemoryStress,
            MEMORY,
        ),
    ],
};

const OPTIONS: &str = "workers are our own, and know no options of stress-ng";

const COMMON: &[Row] = &[Row::never(
    "spec.stressngStressors",
    OPTIONS,
    "`stressors` with `cpu` and `memory`",
)];
const CPU: &[Row] = &[
    Row::of("spec.stressors.cpu.workers", "workers", COUNT).needed("how many calculate"),
    Row::of("spec.stressors.cpu.load", "load", PERCENT_NUMBER).note("of each worker"),
    Row::never("spec.stressors.cpu.options", OPTIONS, "remove it"),
];
const MEMORY: &[Row] = &[
    Row::only("spec.stressors.memory.workers", ONE)
        .needed("how many hold memory; ours is one")
        .note("one holds all of it"),
    Row::of("spec.stressors.memory.size", "size", SIZE)
        .needed("without it all memory would be held")
        .note("shares are of what there is there, and of what is left here"),
    Row::of("spec.stressors.memory.oomScoreAdj", "oom_score", OOM_SCORE),
    Row::never("spec.stressors.memory.options", OPTIONS, "remove it"),
];

const ONE: Reader = Reader {
    reads: "1",
    read: |node| match whole(node, u32::MAX)? {
        1 => Ok(None),
        many => Err(
            Invalid::saying(format!("{many} workers cannot be converted"))
                .hint("1: whether `size` is of each or of all differs by version"),
        ),
    },
};

const OOM_SCORE: Reader = Reader {
    reads: "a whole number",
    read: |node| match node.as_i64() {
        Some(score) => Ok(Some(score.to_string())),
        None => Err(expected("a whole number", node)),
    },
};
