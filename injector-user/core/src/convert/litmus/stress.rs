//! Experiments that use something up.

use super::engine::{COMMON, ENGINE, LIST, NODES, PODS, env, mode};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{ANY_TEXT, DIGITS_OR_ALL, MEBIBYTES, PERCENT, one_of};
use crate::convert::table::{Form, Part, Reader, Row, When};
use crate::fault::Kind;

pub(super) const POD_CPU: Form = Form {
    name: "pod-cpu-hog",
    list: Some(LIST),
    rows: &[RESOURCE, ENGINE, COMMON, PODS],
    parts: &[Part::of(
        When::Always,
        Kind::CpuStress,
        &[
            Row::of(env!("CPU_CORES"), "workers", DIGITS_OR_ALL).needed(NEEDED),
            LOAD,
            IMAGE,
        ],
    )
    .check(mode)],
};

pub(super) const NODE_CPU: Form = Form {
    name: "node-cpu-hog",
    list: Some(LIST),
    rows: &[RESOURCE, ENGINE, COMMON, NODES],
    parts: &[Part::of(
        When::Always,
        Kind::CpuStress,
        &[
            Row::of(env!("NODE_CPU_CORE"), "workers", DIGITS_OR_ALL).needed(NEEDED),
            LOAD,
            IMAGE,
        ],
    )],
};

pub(super) const POD_MEMORY: Form = Form {
    name: "pod-memory-hog",
    list: Some(LIST),
    rows: &[RESOURCE, ENGINE, COMMON, PODS],
    parts: &[Part::of(
        When::Always,
        Kind::MemoryStress,
        &[
            Row::of(env!("MEMORY_CONSUMPTION"), "size", MEBIBYTES)
                .needed(NEEDED)
                .note("megabytes of stress-ng, which are of 1024 · 1024 bytes"),
            Row::only(env!("NUMBER_OF_WORKERS"), ONE).note("ours is one"),
            IMAGE,
        ],
    )
    .check(mode)],
};

const NEEDED: &str = "how much is else said by the `ChaosExperiment`, which is not here";
const LOAD: Row = Row::of(env!("CPU_LOAD"), "load", PERCENT)
    .needed(NEEDED)
    .note("of each worker");
const IMAGE: Row = Row::only(env!("STRESS_IMAGE"), ANY_TEXT);
const ONE: Reader = Reader {
    reads: "`\"1\"`",
    read: |node| one_of(node, &["1"]).map(|_| None),
};
