//! Rows that name files and directories, by their inodes.

use std::collections::BTreeMap;

use aya::maps::{HashMap, MapData, MapError};
use injector_abi::syscall::FileKey;
use injector_core::plan::{FileId, Select};

use super::maps::Tables;
use super::slots::Slot;
use crate::sys::pod::Shared;

type Table = HashMap<MapData, Shared<FileKey>, u64>;

/// User space's own copy of what the tables hold.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<FileKey, u64>,
    directories: BTreeMap<FileKey, u64>,
}

impl Files {
    pub(super) fn add(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        select: &Select,
    ) -> Result<(), MapError> {
        let Some(asked) = &select.files else {
            return Ok(());
        };
        name(&mut tables.by_file, &mut self.files, &asked.files, slot)?;
        let (known, directories) = (&mut self.directories, &asked.directories);
        name(&mut tables.by_directory, known, directories, slot)
    }

    pub(super) fn clear(&mut self, tables: &mut Tables, keep: u64) -> Result<(), MapError> {
        forget(&mut tables.by_file, &mut self.files, keep)?;
        forget(&mut tables.by_directory, &mut self.directories, keep)
    }
}

fn name(
    table: &mut Table,
    known: &mut BTreeMap<FileKey, u64>,
    files: &[FileId],
    slot: Slot,
) -> Result<(), MapError> {
    for file in files {
        let key = key(file);
        let mask = known.entry(key).or_default();
        *mask |= 1 << slot;
        table.insert(Shared(key), *mask, 0)?;
    }
    Ok(())
}

fn forget(
    table: &mut Table,
    known: &mut BTreeMap<FileKey, u64>,
    keep: u64,
) -> Result<(), MapError> {
    for (key, mask) in known.iter_mut().filter(|(_, mask)| **mask & !keep != 0) {
        *mask &= keep;
        if *mask == 0 {
            let _absent = table.remove(&Shared(*key));
        } else {
            table.insert(Shared(*key), *mask, 0)?;
        }
    }
    known.retain(|_key, mask| *mask != 0);
    Ok(())
}

fn key(file: &FileId) -> FileKey {
    FileKey {
        inode: file.inode,
        // As `MKDEV` of the kernel makes it.
        device: file.major << 20 | file.minor,
        reserved: 0,
    }
}
