//! What is attached while somebody observes, and whom the programs tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;

use aya::maps::{MapData, MapError};
use injector_abi::TASK_TGID_MAGIC;
use injector_abi::trace::{CountKey, Directory, ITEMS, REST, Row, UNOBSERVED, Watch};
use injector_core::plan::CgroupId;
use injector_core::telemetry::Signal;

use super::super::btf::{BtfError, TaskOffsets};
use super::super::functions::Functions;
use super::super::maps::{Maps, MapsError};
use super::super::object::{Object, ObjectError};
use super::super::program::{Link, LinkError, Role};
use super::rows::{Rows, Seen};
use super::tables::{Tables, rows};
use crate::sys::pod::Shared;

/// Why nothing can be observed.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Maps(#[from] MapsError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("failed to read or write a map of the observer")]
    Map(#[from] MapError),
    #[error("failed to find out where the kernel keeps what programs read")]
    Fields(#[from] BtfError),
}

const SYSCALLS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/trace-syscalls.o"));

/// A program and the tracepoint that it is for.
type Place = (&'static str, &'static CStr);

const FOLLOW: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/trace-follow.o"));

/// Who leaves is forgotten before anybody is followed.
const FOLLOWING: &[Place] = &[
    ("trace_leave", c"sched_process_exit"),
    ("trace_fork", c"sched_process_fork"),
];

/// What a signal needs, in the order in which it is attached: what clears up first, what begins last.
fn object_of(signal: Signal) -> Option<(&'static str, &'static [u8], &'static [Place])> {
    match signal {
        Signal::Syscalls => Some((
            "trace-syscalls",
            SYSCALLS,
            &[
                ("trace_switch", c"sched_switch"),
                ("trace_exit", c"sys_exit"),
                ("trace_enter", c"sys_enter"),
            ],
        )),
        _ => None,
    }
}

/// Programs that look. Dropping it detaches all of them.
#[derive(Debug)]
pub struct Tracer {
    links: BTreeMap<Signal, Vec<Link>>,
    following: Vec<Link>,
    tables: Tables,
    seen: Rows,
    watch: Watch,
    maps: Maps,
}

impl Tracer {
    /// Makes the maps; nothing is attached, and nobody observed.
    pub fn open() -> Result<Self, TraceError> {
        let mut maps = Maps::begin();
        Object::open("trace-syscalls", SYSCALLS, &mut maps)?;
        let mut tables = Tables::of(&maps)?;
        let fields = Functions::known()?.task();
        tables.task_fields.set(0, Shared(fields), 0)?;
        let mut tracer = Self {
            links: BTreeMap::new(),
            following: Vec::new(),
            tables,
            seen: Rows::default(),
            watch: Watch::default(),
            maps,
        };
        tracer.observe_rest(false)?;
        Ok(tracer)
    }

    /// Attaches what is needed for `wanted`, and detaches what is not.
    pub fn attach(&mut self, wanted: &BTreeSet<Signal>) -> Result<(), TraceError> {
        self.links.retain(|signal, _links| wanted.contains(signal));
        for signal in wanted {
            if !self.links.contains_key(signal) {
                let links = self.attached_for(*signal)?;
                self.links.insert(*signal, links);
            }
        }
        Ok(())
    }

    /// Places where programs are attached.
    pub fn attached(&self) -> usize {
        let of_signals: usize = self.links.values().map(Vec::len).sum();
        of_signals + self.following.len()
    }

    /// Whether everybody who is in no class of their own is observed together, as [`REST`].
    pub fn observe_rest(&mut self, whether: bool) -> Result<(), TraceError> {
        let rest = if whether { REST } else { UNOBSERVED };
        self.set_watch(Watch { rest, ..self.watch })
    }

    /// Puts these cgroups, with all below them, and these processes, with all that they start, into
    /// classes, and everybody else out of them.
    pub fn set_classes(
        &mut self,
        cgroups: &BTreeMap<CgroupId, u32>,
        thread_groups: &BTreeMap<i32, u32>,
    ) -> Result<(), TraceError> {
        let by_id = cgroups.iter().map(|(cgroup, class)| (cgroup.id, *class));
        let by_id = by_id.collect();
        change(&mut self.tables.class_by_cgroup, &by_id)?;
        let by_number = thread_groups
            .iter()
            .map(|(pid, class)| (pid.cast_unsigned(), *class));
        change(&mut self.tables.class_by_group, &by_number.collect())?;
        let levels = cgroups
            .keys()
            .map(CgroupId::level)
            .filter(|level| *level < 64);
        let levels = levels.fold(0, |all, level| all | 1 << level);
        let by_thread_group = u32::from(!thread_groups.is_empty());
        self.set_watch(Watch {
            levels,
            by_thread_group,
            ..self.watch
        })
    }

    /// What has been seen since the tracer began.
    pub fn read(&mut self) -> Result<Seen, TraceError> {
        Ok(self.seen.read(&self.tables)?)
    }

    /// Gives back what a class has that is nobody's any more.
    pub fn forget(&mut self, class: u32) -> Result<(), TraceError> {
        let empty = Directory {
            rows: [0; ITEMS as usize],
        };
        self.tables.directories.set(class, Shared(empty), 0)?;
        for row in 1..rows() {
            let key = self.tables.row_keys.load(row as usize).unwrap_or_default();
            if key >> 16 == u64::from(class) {
                self.tables.row_keys.store(row as usize, 0);
                self.seen.forget(row);
                self.clear(row)?;
                self.tables.free(row)?;
            }
        }
        self.forget_numbers(class)
    }

    fn clear(&mut self, row: u32) -> Result<(), TraceError> {
        let nothing = Shared(Row {
            events: 0,
            errors: 0,
            returned: 0,
            total_ns: 0,
            buckets: [0; injector_abi::trace::BUCKETS as usize],
        });
        let processors = self.tables.rows.get(&row, 0)?.len();
        let values = aya::maps::PerCpuValues::try_from(vec![nothing; processors])
            .map_err(|source| MapError::IoError(source))?;
        Ok(self.tables.rows.set(row, values, 0)?)
    }

    fn forget_numbers(&mut self, class: u32) -> Result<(), TraceError> {
        let of_class = |key: &Shared<CountKey>| key.0.class == class;
        let keys: Vec<_> = self
            .tables
            .counts
            .keys()
            .filter_map(Result::ok)
            .filter(of_class)
            .collect();
        for key in keys {
            match self.tables.counts.remove(&key) {
                Ok(()) | Err(MapError::KeyNotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn set_watch(&mut self, watch: Watch) -> Result<(), TraceError> {
        self.tables.watch.set(0, Shared(watch), 0)?;
        self.watch = watch;
        Ok(())
    }

    fn attached_for(&mut self, signal: Signal) -> Result<Vec<Link>, TraceError> {
        match object_of(signal) {
            Some((name, bytes, places)) => self.attached_at(name, bytes, places, &[]),
            None => Ok(Vec::new()),
        }
    }

    fn attached_at(
        &mut self,
        name: &'static str,
        bytes: &[u8],
        places: &[Place],
        constants: &[(u32, u32)],
    ) -> Result<Vec<Link>, TraceError> {
        let object = Object::open(name, bytes, &mut self.maps)?;
        let attach = |(program, tracepoint): &Place| {
            let program = object.load(program, Role::RawTracepoint, constants)?;
            Ok(program.attach_to_tracepoint(tracepoint)?)
        };
        places.iter().map(attach).collect()
    }

    /// Has children of observed processes observed, before it is looked who there is.
    pub fn follow(&mut self, whether: bool) -> Result<(), TraceError> {
        if !whether {
            self.following.clear();
        } else if self.following.is_empty() {
            let offset = TaskOffsets::known()?.tgid;
            let constants = [(TASK_TGID_MAGIC, offset)];
            self.following = self.attached_at("trace-follow", FOLLOW, FOLLOWING, &constants)?;
        }
        Ok(())
    }
}

/// Writes what is new and takes away what is gone, in this order, so that nobody is left out meanwhile. What
/// programs have written themselves counts, too.
fn change<K: Ord + Copy + aya::Pod>(
    map: &mut aya::maps::HashMap<MapData, K, u32>,
    wanted: &BTreeMap<K, u32>,
) -> Result<(), TraceError> {
    let known: BTreeMap<K, u32> = map.iter().filter_map(Result::ok).collect();
    for (one, class) in wanted {
        if known.get(one) != Some(class) {
            map.insert(one, class, 0)?;
        }
    }
    for one in known.keys().filter(|one| !wanted.contains_key(one)) {
        match map.remove(one) {
            Ok(()) | Err(MapError::KeyNotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
