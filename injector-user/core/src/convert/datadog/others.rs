//! Faults of processors, disks and containers.

use crate::convert::readers::{SAME, expected, one_of, text, texts, whole};
use crate::convert::table::{Params, Reader, Row};
use crate::problem::{Invalid, Problem};

pub(super) const CPU: &[Row] = &[Row::of("spec.cpuPressure.count", "workers", CORES)
    .needed("without it all processors; write `100%`")];

pub(super) const PRESSURE: &[Row] = &[
    Row::of("spec.diskPressure.path", "path", SAME).needed("what is on the disk"),
    Row::of(
        "spec.diskPressure.throttling.readBytesPerSec",
        "read_bps",
        BYTES,
    ),
    Row::of(
        "spec.diskPressure.throttling.writeBytesPerSec",
        "write_bps",
        BYTES,
    ),
];

pub(super) const FAILURE: &[Row] = &[
    Row::of("spec.diskFailure.paths", "path", FOLDER)
        .needed("what is on the disk")
        .note("paths are beginnings of names there"),
    Row::of("spec.diskFailure.openat.exitCode", "errno", SAME)
        .needed("which error is else said by the controller, which is not here"),
    Row::of("spec.diskFailure.probability", "probability", SHARE),
];

pub(super) const CONTAINER: &[Row] = &[Row::only("spec.containerFailure.forced", TRUE)
    .needed("only `true`, which is SIGKILL")
    .note("SIGTERM is for the first process alone there, and for every one here")];

/// A disk that gives as much as ever is no fault.
pub(super) fn throttled(params: &mut Params) -> Result<(), Problem> {
    let is_asked = params.contains_key("read_bps") || params.contains_key("write_bps");
    match params.get("path") {
        Some(path) if !is_asked => {
            let problem = Problem::new(path.place.clone(), "`throttling` does not say how much");
            Err(problem.hint("`readBytesPerSec` or `writeBytesPerSec`"))
        }
        _ => Ok(()),
    }
}

const CORES: Reader = Reader {
    reads: "a whole number of processors; `100%` is all",
    read: |node| {
        if node.as_str().is_some() {
            return one_of(node, &["100%"]).map(|_| None);
        }
        Ok(Some(whole(node, 1024)?.to_string()))
    },
};

const BYTES: Reader = Reader {
    reads: "bytes in a second, as `1048576`",
    read: |node| Ok(Some(format!("{}b", whole(node, u32::MAX)?))),
};

const FOLDER: Reader = Reader {
    reads: "one path with a / at its end",
    read: |node| match texts(node)?.as_slice() {
        [path] if path.ends_with('/') => Ok(Some(path.clone())),
        [path] => Err(
            Invalid::saying(format!("`{path}` is the beginning of other names, too"))
                .hint(format!("{path}/ for a folder and all below it")),
        ),
        paths => Err(
            Invalid::saying(format!("{} paths cannot be converted", paths.len()))
                .hint("one path, and a document for each of the others"),
        ),
    },
};

const SHARE: Reader = Reader {
    reads: "percent, as `50%`",
    read: |node| {
        let text = text(node)?;
        let number = text.strip_suffix('%').map(str::parse::<u32>);
        match number {
            Some(Ok(0..=100)) => Ok(Some(text.to_owned())),
            _ => Err(expected("a percentage such as 50%", node)),
        }
    },
};

const TRUE: Reader = Reader {
    reads: "true",
    read: |node| match node.as_bool() {
        Some(true) => Ok(None),
        Some(false) => Err(Invalid::saying("SIGTERM cannot be converted")
            .hint("true, or `process.signal` with `target: pid:N` in an experiment of ours")),
        None => Err(expected("true", node)),
    },
};
