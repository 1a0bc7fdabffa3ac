//! `disk.stress`: a disk is kept busy.

use std::collections::BTreeMap;

use super::path::Folder;
use super::pressing::workers;
use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::units::ByteSize;
use crate::words::words;

/// Workers that read and write a file of their own, which has no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskStress {
    /// In the target's own root; the disk of its file system is kept busy.
    pub path: Folder,
    /// `1..=1024`, 1 if not given.
    pub workers: u32,
    pub operations: Operations,
    /// Bytes of one operation, `512b..=16MiB`, a multiple of 512.
    pub block: ByteSize,
    /// Bytes of the file that all workers share, at least a block for each.
    pub size: ByteSize,
    /// Bytes in a second of all workers together; as fast as it goes if not given.
    pub rate: Option<ByteSize>,
}

/// What they do, at random places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operations {
    Read,
    Write,
    /// By turns.
    Both,
}

words!(Operations, "a kind of operation", {
    Read => "read",
    Write => "write",
    Both => "both",
});

const BLOCK: ByteSize = ByteSize::new(4096);
const SIZE: ByteSize = ByteSize::new(64 << 20);

/// What a disk's blocks may be a multiple of.
const SECTOR: u64 = 512;
const MAX_BLOCK: u64 = 16 << 20;

impl DiskStress {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", str::parse);
        let stress = Self {
            workers: reader.or("workers", 1, workers),
            operations: reader.or("operations", Operations::Both, str::parse),
            block: reader.or("block", BLOCK, block),
            size: reader.or("size", SIZE, super::pressing::size),
            rate: reader.optional("rate", super::pressing::size),
            path: path?,
        };
        let least = ByteSize::new(stress.block.bytes() * u64::from(stress.workers));
        if stress.size < least {
            let size = stress.size;
            let invalid = Invalid::saying(format!("a file of {size} has no block for each worker"));
            reader.conflict("size", invalid.hint(format!("at least {least}")));
        }
        Some(stress)
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            path,
            workers,
            operations,
            block,
            size,
            rate,
        } = self;
        let rows = [
            ("path", Some(path.to_string())),
            ("workers", (*workers != 1).then(|| workers.to_string())),
            (
                "operations",
                (*operations != Operations::Both).then(|| operations.to_string()),
            ),
            ("block", (*block != BLOCK).then(|| block.to_string())),
            ("size", (*size != SIZE).then(|| size.to_string())),
            ("rate", rate.map(|rate| rate.to_string())),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

fn block(text: &str) -> Result<ByteSize, Invalid> {
    let block: ByteSize = text.parse()?;
    let bytes = block.bytes();
    if (SECTOR..=MAX_BLOCK).contains(&bytes) && bytes.is_multiple_of(SECTOR) {
        return Ok(block);
    }
    Err(
        Invalid::saying(format!("`{text}` is not a block of a disk"))
            .hint("512b to 16MiB, a multiple of 512b"),
    )
}
