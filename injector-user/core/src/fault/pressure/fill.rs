//! `disk.fill`: room on a file system is taken.

use std::collections::BTreeMap;

use super::path::Folder;
use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::units::{ByteSize, Percent};

/// A file without a name takes the room, and is gone with whoever has it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFill {
    /// In the target's own root; its file system is filled.
    pub path: Folder,
    pub until: Until,
}

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many bytes.
    Size(ByteSize),
    /// Until so much of the file system is in use, as `df` shows it.
    Percent(Percent),
    /// Until only so many bytes are left for those who are not root.
    Left(ByteSize),
}

const WAYS: [&str; 3] = ["size", "percent", "left"];

impl DiskFill {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let size = reader.optional("size", super::pressing::size);
        let percent = reader.optional("percent", str::parse);
        let left = reader.optional("left", str::parse);
        let given: Vec<_> = WAYS.into_iter().filter(|name| reader.has(name)).collect();
        match &*given {
            [] => reader.missing("size"),
            [_only] => {}
            [first, second, ..] => {
                let invalid =
                    Invalid::saying(format!("`{first}` and `{second}` both say how much"));
                reader.conflict(second, invalid.hint("give one of size, percent and left"));
            }
        }
        let until = size
            .map(Until::Size)
            .or_else(|| percent.map(Until::Percent))
            .or_else(|| left.map(Until::Left));
        Some(Self {
            path: path?,
            until: until?,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { path, until } = self;
        let (name, text) = match until {
            Until::Size(size) => ("size", size.to_string()),
            Until::Percent(percent) => ("percent", percent.to_string()),
            Until::Left(left) => ("left", left.to_string()),
        };
        params.insert("path".to_owned(), path.to_string());
        params.insert(name.to_owned(), text);
    }
}
