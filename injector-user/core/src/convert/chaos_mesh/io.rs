//! `IOChaos`.

use super::selector::{CONTAINERS, LASTS, WHO};
use crate::convert::kubernetes::RESOURCE;
use crate::convert::readers::{DURATION, PERCENT_NUMBER, text, texts, whole};
use crate::convert::table::{Fate, Form, Params, Part, Reader, Row, When};
use crate::fault::Kind;
use crate::problem::{Invalid, Problem};

pub(super) const IO: Form = Form {
    name: "IOChaos",
    list: None,
    rows: &[RESOURCE, WHO, CONTAINERS, LASTS],
    parts: &[
        Part::of(When::Is("spec.action", "latency"), Kind::DiskSlow, LATENCY).check(below_volume),
        Part::of(When::Is("spec.action", "fault"), Kind::DiskError, FAULT).check(below_volume),
        Part::never(
            When::Is("spec.action", "attrOverride"),
            "no fault changes what is told of a file",
            "`action: fault` with the methods that are to fail",
        ),
        Part::never(
            When::Is("spec.action", "mistake"),
            "no fault changes what is read or written",
            "`action: fault`, so that the program hears of it",
        ),
    ],
};

const ACTION: Row = Row::new("spec.action", Fate::Tells);
const VOLUME: Row = Row::of("spec.volumePath", "volume", FOLDER)
    .needed("where the volume is mounted")
    .note("all below it, unless there is a `path`");
const PATH: Row = Row::of("spec.path", "path", FILES).note("below `volumePath`");
const METHODS: Row = Row::of("spec.methods", "operation", OPERATIONS)
    .needed("without it every method suffers; ours are open, read, write and sync")
    .note("of each system call, where one of several requests to a file system suffers there");
const SHARE: Row = Row::of("spec.percent", "probability", PERCENT_NUMBER);

const LATENCY: &[Row] = &[
    ACTION,
    VOLUME,
    PATH,
    METHODS,
    SHARE,
    Row::of("spec.delay", "latency", DURATION).needed("how much longer it takes"),
];
const FAULT: &[Row] = &[
    ACTION,
    VOLUME,
    PATH,
    METHODS,
    SHARE,
    Row::of("spec.errno", "errno", ERRNO).needed("which error"),
];

const ERRNO: Reader = Reader {
    reads: "a number of Linux",
    read: |node| Ok(Some(whole(node, 133)?.to_string())),
};

const FOLDER: Reader = Reader {
    reads: "an absolute path",
    read: |node| Ok(Some(format!("{}/", text(node)?.trim_end_matches('/')))),
};

/// A `*` there stands for a `/`, too, so that few patterns mean the same here.
const FILES: Reader = Reader {
    reads: "one file, or all below a folder as `/data/**/*`",
    read: |node| {
        let text = text(node)?;
        let folder = text
            .strip_suffix("**/*")
            .or_else(|| text.strip_suffix("**"));
        let files = folder.unwrap_or(text);
        if files.contains(['*', '?', '[']) || (folder.is_some() && !files.ends_with('/')) {
            return Err(Invalid::saying(format!("`{text}` cannot be converted"))
                .hint("one file, or a folder with /**/* for all below it: a `*` there stands for a `/`, too"));
        }
        Ok(Some(files.to_owned()))
    },
};

const OPERATIONS: Reader = Reader {
    reads: "open, read, write; `fsync` is `sync`",
    read: |node| {
        let operations = texts(node)?
            .into_iter()
            .map(|method| match method.as_str() {
                "open" | "read" | "write" => Ok(method),
                "fsync" => Ok("sync".to_owned()),
                _ => Err(
                    Invalid::saying(format!("the method `{method}` cannot be converted"))
                        .hint("only open, read, write and fsync"),
                ),
            });
        let operations: Vec<String> = operations.collect::<Result<_, _>>()?;
        if operations.is_empty() {
            return Err(Invalid::saying("without a method every method suffers")
                .hint("ours are open, read, write and fsync"));
        }
        Ok(Some(operations.join(",")))
    },
};

/// The volume is what suffers if there is no path; else it only has to hold it.
fn below_volume(params: &mut Params) -> Result<(), Problem> {
    let Some(volume) = params.remove("volume") else {
        return Ok(());
    };
    if let Some(path) = params.get("path") {
        if path.text.starts_with(&volume.text) {
            return Ok(());
        }
        let message = format!("`{}` is not below `volumePath`", path.text);
        let hint = format!("a path that begins with {}", volume.text);
        return Err(Problem::new(path.place.clone(), message).hint(hint));
    }
    params.insert("path".to_owned(), volume);
    Ok(())
}
