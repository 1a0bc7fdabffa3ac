//! The maps that all objects share, created once by name, with typed handles.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};
use std::sync::Arc;

use aya::maps::lpm_trie::LpmTrie;
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray};
use aya_obj::generated::{BPF_F_NO_PREALLOC, bpf_map_type};
use injector_abi::net::{Connection, Exempt, LINES};
use injector_abi::sleep::{BEDS, Bed, Dormitory, Slept};
use injector_abi::syscall::{Calls, FileFields, FileKey, TaskFields};
use injector_abi::{
    ABI_VERSION, Armed, CONTROL_ENTRIES, CONTROL_VERSION, Counters, Fault, Progress, SLOTS, Select,
    SocketFields, Stream, StreamKey,
};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::examples::Examples;
use super::older;
use super::trace;
use crate::sys::bpf;
use crate::sys::pod::Shared;
use crate::sys::storage::{self, Value};
use crate::sys::words::Words;

/// Words of 64 bits in a row.
const BED: usize = size_of::<Bed>() / 8;
const DORMITORY: usize = size_of::<Dormitory>() / 8;

/// Why the shared maps could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MapsError {
    #[error("failed to create map `{name}`")]
    Create {
        name: String,
        #[source]
        source: MapError,
    },
    #[error("failed to open map `{name}`")]
    Open {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("the kernel objects declare no map `{0}`")]
    Missing(&'static str),
    #[error("map `{name}` is not what the loader takes it for")]
    Type {
        name: &'static str,
        #[source]
        source: MapError,
    },
}

/// Descriptors by name while objects are being opened. Read-only data is each object's own.
#[derive(Debug, Default)]
pub struct Maps {
    by_name: BTreeMap<String, MapData>,
}

impl Maps {
    /// None yet. Before 5.11 the kernel counts maps as memory that this process locks, of which most
    /// hosts allow little; where more may not be asked for, creating them says what is wrong.
    pub(super) fn begin() -> Self {
        let _refused = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
        Self::default()
    }

    /// Creates `name` unless an object declared it before.
    pub(super) fn create(
        &mut self,
        object: &str,
        name: &str,
        declared: &aya_obj::Map,
    ) -> Result<(), MapsError> {
        let name = qualified(object, name);
        if self.by_name.contains_key(&name) {
            return Ok(());
        }
        let failed = |source| MapsError::Create {
            name: name.clone(),
            source,
        };
        let kernel_name: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(15)
            .collect();
        let data = match value_of(&name, declared) {
            Some(value) => of_type(declared, &kernel_name, value),
            None => MapData::create(fitted(&name, declared), &kernel_name, None),
        };
        let data = data.map_err(failed)?;
        if !declared.data().is_empty() {
            bpf::make_constant(data.fd().as_fd(), declared.data()).map_err(|source| {
                MapsError::Open {
                    name: name.clone(),
                    source,
                }
            })?;
        }
        self.by_name.insert(name, data);
        Ok(())
    }

    /// The descriptor that an object's instructions refer to.
    pub(super) fn fd(&self, object: &str, name: &str) -> Option<RawFd> {
        let data = self.by_name.get(&qualified(object, name))?;
        Some(data.fd().as_fd().as_raw_fd())
    }

    /// Typed handles, once every object has been opened.
    pub fn into_tables(mut self) -> Result<Tables, MapsError> {
        self.put_tokens()?;
        let tables = Tables {
            control: self.words("CONTROL", CONTROL_ENTRIES as usize)?,
            line_leases: Arc::new(self.words("LINE_LEASE", LINES as usize)?),
            beds: Arc::new(self.words("BEDS", BEDS as usize * BED)?),
            dormitories: Arc::new(self.words("DORMITORIES", SLOTS as usize * DORMITORY)?),
            slept: self.typed("SLEPT")?,
            line_ifindex: self.typed("LINE_IFINDEX")?,
            armed: self.typed("ARMED")?,
            select: self.typed("SELECT")?,
            by_port: self.typed("BY_PORT")?,
            by_peer: self.typed("BY_PEER")?,
            by_cgroup: self.typed("BY_CGROUP")?,
            by_thread_group: self.typed("BY_THREAD_GROUP")?,
            sockets: self.plain("SOCKETS")?,
            bodies: Arc::new(self.plain("BODIES")?),
            by_syscall: self.typed("BY_SYSCALL")?,
            sizes: self.typed("SIZES")?,
            calls: self.typed("CALLS")?,
            by_file: self.typed("BY_FILE")?,
            by_directory: self.typed("BY_DIRECTORY")?,
            file_fields: self.typed("FILE_FIELDS")?,
            task_fields: self.typed("TASK_FIELDS")?,
            protected: self.typed("PROTECTED")?,
            epochs: self.typed("EPOCHS")?,
            fields: self.typed("FIELDS")?,
            connections: self.typed("CONNECTIONS")?,
            exempt: self.typed("EXEMPT")?,
            faults: self.typed("FAULTS")?,
            progress: self.typed("PROGRESS")?,
            counters: self.typed("COUNTERS")?,
            streams: self.typed("STREAMS")?,
            injected_at: self.typed("INJECTED_AT")?,
            examples: RefCell::new(Examples::new(self.typed("EVENTS")?)),
            _others: self.by_name.into_values().collect(),
        };
        tables.control.store(CONTROL_VERSION as usize, ABI_VERSION);
        Ok(tables)
    }

    /// Puts the token into each of the queues that programs of older kernels take turns by.
    fn put_tokens(&self) -> Result<(), MapsError> {
        for name in ["PACKETS_TURN", "CALLERS_TURN"] {
            let queue = self.by_name.get(name).ok_or(MapsError::Missing(name))?;
            bpf::push(queue.fd().as_fd(), 1).map_err(|source| MapsError::Open {
                name: name.to_owned(),
                source,
            })?;
        }
        Ok(())
    }

    pub(super) fn words(&self, name: &'static str, count: usize) -> Result<Words, MapsError> {
        let data = self.by_name.get(name).ok_or(MapsError::Missing(name))?;
        Words::map(data.fd(), count).map_err(|source| MapsError::Open {
            name: name.to_owned(),
            source,
        })
    }

    /// A map that stays here for objects that are opened later.
    pub(super) fn handle<T: TryFrom<Map, Error = MapError>>(
        &self,
        name: &'static str,
    ) -> Result<T, MapsError> {
        let data = self.data(name)?;
        Map::from_map_data(data)
            .and_then(T::try_from)
            .map_err(|source| MapsError::Type { name, source })
    }

    /// The same, as it is.
    pub(super) fn data(&self, name: &'static str) -> Result<MapData, MapsError> {
        let data = self.by_name.get(name).ok_or(MapsError::Missing(name))?;
        let fd = data.fd().as_fd().try_clone_to_owned();
        let fd = fd.map_err(|source| MapsError::Open {
            name: name.to_owned(),
            source,
        })?;
        MapData::from_fd(fd).map_err(|source| MapsError::Type { name, source })
    }

    fn plain(&mut self, name: &'static str) -> Result<MapData, MapsError> {
        self.by_name.remove(name).ok_or(MapsError::Missing(name))
    }

    fn typed<T: TryFrom<Map, Error = MapError>>(
        &mut self,
        name: &'static str,
    ) -> Result<T, MapsError> {
        let data = self.plain(name)?;
        Map::from_map_data(data)
            .and_then(T::try_from)
            .map_err(|source| MapsError::Type { name, source })
    }
}

/// The shared maps. Programs loaded later refer to their descriptors: this outlives every `Object`.
pub struct Tables {
    pub control: Words,
    pub line_leases: Arc<Words>,
    pub beds: Arc<Words>,
    pub dormitories: Arc<Words>,
    pub slept: Array<MapData, Shared<Slept>>,
    pub line_ifindex: Array<MapData, u32>,
    pub armed: Array<MapData, Shared<Armed>>,
    pub select: Array<MapData, Shared<Select>>,
    pub by_port: Array<MapData, u64>,
    pub by_peer: LpmTrie<MapData, [u8; 16], u64>,
    pub by_cgroup: HashMap<MapData, u64, u64>,
    pub by_thread_group: HashMap<MapData, u32, u64>,
    /// Written by descriptor of a socket, so none of the typed handles fits.
    pub(super) sockets: MapData,
    /// Programs that stubs at interfaces jump to.
    pub bodies: Arc<MapData>,
    pub by_syscall: Array<MapData, u64>,
    pub sizes: Array<MapData, u32>,
    pub calls: Array<MapData, Shared<Calls>>,
    pub by_file: HashMap<MapData, Shared<FileKey>, u64>,
    pub by_directory: HashMap<MapData, Shared<FileKey>, u64>,
    pub file_fields: Array<MapData, Shared<FileFields>>,
    pub task_fields: Array<MapData, Shared<TaskFields>>,
    pub protected: HashMap<MapData, u32, u8>,
    pub epochs: Array<MapData, u64>,
    pub fields: Array<MapData, Shared<SocketFields>>,
    pub connections: HashMap<MapData, Shared<Connection>, u64>,
    pub exempt: HashMap<MapData, Shared<Exempt>, u8>,
    pub faults: Array<MapData, Shared<Fault>>,
    pub progress: Array<MapData, Shared<Progress>>,
    pub counters: PerCpuArray<MapData, Shared<Counters>>,
    pub streams: HashMap<MapData, Shared<StreamKey>, Stream>,
    pub injected_at: Array<MapData, u64>,
    pub(super) examples: RefCell<Examples>,
    /// Kept open for the instructions that name them.
    _others: Vec<MapData>,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

/// The declared map, as this kernel wants it: one that programs at functions look into has its room ahead
/// on older kernels.
fn fitted(name: &str, declared: &aya_obj::Map) -> aya_obj::Map {
    let mut map = declared.clone();
    let aya_obj::Map::Legacy(legacy) = &mut map else {
        return map;
    };
    if AT_FUNCTIONS.contains(&name) && older::wants_room_ahead() {
        legacy.def.map_flags &= !BPF_F_NO_PREALLOC;
    }
    if name == ROWS {
        legacy.def.max_entries = trace::cells();
    }
    if legacy.def.map_type == TASK_STORAGE {
        // For a text that names it and does not use it.
        legacy.def.map_type = bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
        legacy.def.map_flags = 0;
        legacy.def.max_entries = 1;
    }
    map
}

/// What is timed: there are as many as fit.
const ROWS: &str = "ROWS";

/// Maps without room ahead, that programs at functions look into.
const AT_FUNCTIONS: [&str; 3] = ["BY_FILE", "BY_DIRECTORY", "PROTECTED"];

const SOCKET_STORAGE: u32 = bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as u32;
const TASK_STORAGE: u32 = bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE as u32;

/// The type of a map's values, if the kernel wants to know it.
fn value_of(name: &str, declared: &aya_obj::Map) -> Option<Value> {
    let of_task = declared.map_type() == TASK_STORAGE && !older::find().task_storage;
    if declared.map_type() == SOCKET_STORAGE || of_task {
        Some(Value::Words(declared.value_size() / 8))
    } else {
        (name == "WORKS").then_some(Value::TaskWork)
    }
}

fn of_type(declared: &aya_obj::Map, name: &str, value: Value) -> Result<MapData, MapError> {
    let made = storage::create(storage::Declared {
        name,
        kind: declared.map_type(),
        flags: declared.map_flags(),
        entries: declared.max_entries(),
        value,
    });
    MapData::from_fd(made.map_err(|io_error| MapError::CreateError {
        name: name.into(),
        io_error,
    })?)
}

/// Sections such as `.rodata` belong to one object; everything else is shared by name.
fn qualified(object: &str, name: &str) -> String {
    if name.starts_with('.') {
        format!("{object}{name}")
    } else {
        name.to_owned()
    }
}
