//! `memory.limit`: less memory.

use std::collections::BTreeMap;

use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::units::ByteSize;
use crate::words::words;

/// A page, which is what the kernel counts.
const PAGE: u64 = 4_096;

/// A cgroup gets no more than so much memory, all its processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// At least a page.
    pub size: ByteSize,
    pub how: How,
    /// Accept a size below what cannot be taken back, which ends processes at once.
    pub allow_kill: bool,
}

/// What becomes of who wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is slowed down, and its pages are taken back (`memory.high`).
    Throttle,
    /// Its pages are taken back; if that is not enough, the OOM killer ends processes of the cgroup
    /// (`memory.max`).
    Kill,
}

words!(How, "a way", { Throttle => "throttle", Kill => "kill" });

impl Memory {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let size = reader.required("size", size);
        let how = reader.or("how", How::Throttle, str::parse);
        let allow_kill = reader.flag("allow_kill");
        if allow_kill && how == How::Throttle {
            let invalid = Invalid::saying("who is throttled is not killed");
            reader.conflict(
                "allow_kill",
                invalid.hint("add `how: kill`, or leave it away"),
            );
        }
        Some(Self {
            size: size?,
            how,
            allow_kill,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            size,
            how,
            allow_kill,
        } = self;
        params.insert("size".to_owned(), size.to_string());
        let rows = [
            ("how", (*how != How::Throttle).then(|| how.to_string())),
            ("allow_kill", allow_kill.then(|| "true".to_owned())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }

    /// The size in bytes as the kernel shows it again: whole pages.
    pub fn whole_pages(&self) -> u64 {
        self.size.bytes() / PAGE * PAGE
    }
}

fn size(text: &str) -> Result<ByteSize, Invalid> {
    let size: ByteSize = text.parse()?;
    if size.bytes() < PAGE {
        return Err(Invalid::saying(format!("`{text}` is less than a page")).hint("at least 4KiB"));
    }
    if size.bytes() > i64::MAX.unsigned_abs() {
        return Err(
            Invalid::saying(format!("`{text}` is more than the kernel counts"))
                .hint("at most 8589934591GiB"),
        );
    }
    Ok(size)
}
