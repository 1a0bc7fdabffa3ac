//! Handles of the maps of observers.

use aya::maps::{Array, HashMap, MapData, PerCpuArray, PerCpuHashMap};
use injector_abi::SocketFields;
use injector_abi::syscall::TaskFields;
use injector_abi::trace::{CountKey, Directory, Edge, EdgeKey, Fields, MOST_ROWS, Watch};

use super::super::maps::{Maps, MapsError};
use super::cells::{Cells, rows};
use crate::sys::bpf;
use crate::sys::pod::Shared;
use crate::sys::words::Words;

/// What user space writes and reads.
pub(super) struct Tables {
    pub(super) watch: Array<MapData, Shared<Watch>>,
    pub(super) class_by_cgroup: HashMap<MapData, u64, u32>,
    pub(super) class_by_group: HashMap<MapData, u32, u32>,
    pub(super) directories: Array<MapData, Shared<Directory>>,
    pub(super) row_keys: Words,
    pub(super) cells: Cells,
    pub(super) counts: PerCpuHashMap<MapData, Shared<CountKey>, u64>,
    pub(super) lost: PerCpuArray<MapData, u64>,
    pub(super) edges: PerCpuHashMap<MapData, Shared<EdgeKey>, Shared<Edge>>,
    pub(super) task_fields: Array<MapData, Shared<TaskFields>>,
    pub(super) socket_fields: Array<MapData, Shared<SocketFields>>,
    pub(super) fields: Array<MapData, Shared<Fields>>,
    free_rows: MapData,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl Tables {
    /// Handles of maps that an object has declared; every row is free.
    pub(super) fn of(maps: &Maps) -> Result<Self, MapsError> {
        let tables = Self {
            watch: maps.handle("WATCH")?,
            class_by_cgroup: maps.handle("CLASS_BY_CGROUP")?,
            class_by_group: maps.handle("CLASS_BY_GROUP")?,
            directories: maps.handle("DIRECTORIES")?,
            row_keys: maps.words("ROW_KEYS", MOST_ROWS as usize)?,
            cells: Cells::of(maps)?,
            counts: maps.handle("COUNTS_BY")?,
            lost: maps.handle("LOST")?,
            edges: maps.handle("EDGES")?,
            task_fields: maps.handle("TASK_FIELDS")?,
            socket_fields: maps.handle("FIELDS")?,
            fields: maps.handle("TRACE_FIELDS")?,
            free_rows: maps.data("FREE_ROWS")?,
        };
        for row in 1..rows() {
            tables.free(row)?;
        }
        Ok(tables)
    }

    /// Lets a row be taken.
    pub(super) fn free(&self, row: u32) -> Result<(), MapsError> {
        use std::os::fd::AsFd as _;

        bpf::push(self.free_rows.fd().as_fd(), row).map_err(|source| MapsError::Open {
            name: "FREE_ROWS".to_owned(),
            source,
        })
    }
}
