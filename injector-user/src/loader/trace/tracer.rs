//! What is attached while somebody observes, and whom the programs tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsFd as _;

use aya::maps::{MapData, MapError};
use injector_abi::trace::{
    CLASSES, CountKey, Directory, EdgeKey, ITEMS, NO_ROW, REST, UNOBSERVED, Watch,
};
use injector_abi::{PROCESSORS_MAGIC, TASK_PID_MAGIC, TASK_TGID_MAGIC};
use injector_core::plan::{CgroupId, Hierarchy};
use injector_core::telemetry::Signal;

use super::super::btf::{BtfError, TaskOffsets, socket_fields};
use super::super::functions::Functions;
use super::super::maps::{Maps, MapsError};
use super::super::object::{Object, ObjectError};
use super::super::program::{Link, LinkError, Program, Role};
use super::attached::Attached;
use super::cells::{processors, rows};
use super::fields::Described;
use super::objects::{self, Place, Texts};
use super::rows::{Rows, Seen, whose};
use super::tables::Tables;
use crate::sys::pod::Shared;
use crate::target::Mounts;

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
    #[error("this kernel has no tracepoint `{0}`")]
    NoTracepoint(&'static str),
    #[error("the v2 hierarchy of cgroups, where packets are looked at, is not mounted")]
    NoCgroups,
}

/// Programs that look. Dropping it detaches all of them.
#[derive(Debug)]
pub struct Tracer {
    links: BTreeMap<Signal, Attached>,
    following: Attached,
    leaving: Attached,
    /// By programs that are detached again.
    missed: u64,
    tables: Tables,
    seen: Rows,
    watch: Watch,
    maps: Maps,
}

impl Tracer {
    /// Makes the maps; nothing is attached, and nobody observed.
    pub fn open() -> Result<Self, TraceError> {
        let mut maps = Maps::begin();
        // Whatever is attached later: this one has all maps that are written and read here.
        Object::open(objects::SYSCALLS.object, objects::SYSCALLS.bytes, &mut maps)?;
        Object::open(objects::TCP.object, objects::TCP.bytes, &mut maps)?;
        let mut tables = Tables::of(&maps)?;
        tables
            .task_fields
            .set(0, Shared(Functions::known()?.task()), 0)?;
        tables.socket_fields.set(0, Shared(socket_fields()?), 0)?;
        tables
            .fields
            .set(0, Shared(Described::known()?.fields), 0)?;
        let mut tracer = Self {
            links: BTreeMap::new(),
            following: Attached::default(),
            leaving: Attached::default(),
            missed: 0,
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
        let unwanted = |signal: &Signal, _links: &mut Attached| !wanted.contains(signal);
        for (_signal, links) in self.links.extract_if(.., unwanted) {
            self.missed += links.missed();
        }
        for signal in wanted {
            if !self.links.contains_key(signal) {
                let links = self.attached_for(*signal)?;
                self.links.insert(*signal, links);
                // Attached anew, to be the last.
                self.detach_leaving();
            }
        }
        self.leave()
    }

    /// Places where programs are attached.
    pub fn attached(&self) -> usize {
        let of_signals: usize = self.links.values().map(Attached::len).sum();
        of_signals + self.following.len() + self.leaving.len()
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
        let mut seen = self.seen.read(&self.tables)?;
        let all = self.links.values().chain([&self.following, &self.leaving]);
        seen.lost.missed = self.missed + all.map(Attached::missed).sum::<u64>();
        Ok(seen)
    }

    /// Gives back what classes have that are nobody's any more.
    pub fn forget(&mut self, classes: impl Iterator<Item = u32>) -> Result<(), TraceError> {
        let classes: BTreeSet<u32> = classes.collect();
        let empty = Directory {
            rows: [0; ITEMS as usize],
        };
        for class in &classes {
            self.set_directory(*class, &empty)?;
        }
        for row in 1..rows() {
            let key = self.tables.row_keys.load(row as usize).unwrap_or_default();
            if key != 0 && classes.contains(&whose(key).0) {
                self.tables.row_keys.store(row as usize, 0);
                self.seen.forget(row);
                self.tables.cells.clear(row);
                self.tables.free(row)?;
            }
        }
        self.forget_numbers(&classes)?;
        self.forget_edges(&classes)?;
        self.offer_rows()
    }

    /// Has those ask again who were told that there are no rows left.
    fn offer_rows(&mut self) -> Result<(), TraceError> {
        if !std::mem::take(&mut self.seen.was_short) {
            return Ok(());
        }
        for class in REST..CLASSES {
            let Shared(mut directory) = self.tables.directories.get(&class, 0)?;
            if directory.rows.contains(&NO_ROW) {
                let refused = directory.rows.iter_mut().filter(|row| **row == NO_ROW);
                for row in refused {
                    *row = 0;
                }
                // A row that was taken meanwhile is taken again: readers add up what has the same key.
                self.set_directory(class, &directory)?;
            }
        }
        Ok(())
    }

    fn set_directory(&mut self, class: u32, directory: &Directory) -> Result<(), TraceError> {
        Ok(self.tables.directories.set(class, Shared(*directory), 0)?)
    }

    fn forget_numbers(&mut self, classes: &BTreeSet<u32>) -> Result<(), TraceError> {
        let of_class = |key: &Shared<CountKey>| classes.contains(&key.0.class);
        let keys: Vec<_> = self
            .tables
            .counts
            .keys()
            .filter_map(Result::ok)
            .filter(of_class)
            .collect();
        for key in keys {
            removed(self.tables.counts.remove(&key))?;
        }
        Ok(())
    }

    fn forget_edges(&mut self, classes: &BTreeSet<u32>) -> Result<(), TraceError> {
        let of_class = |key: &Shared<EdgeKey>| classes.contains(&key.0.class);
        let keys = self
            .tables
            .edges
            .keys()
            .filter_map(Result::ok)
            .filter(of_class);
        for key in keys.collect::<Vec<_>>() {
            removed(self.tables.edges.remove(&key))?;
        }
        Ok(())
    }

    /// With a new epoch: whoever was looked up before is looked up again.
    fn set_watch(&mut self, watch: Watch) -> Result<(), TraceError> {
        let epoch = self.watch.epoch + 1;
        let watch = Watch { epoch, ..watch };
        self.tables.watch.set(0, Shared(watch), 0)?;
        self.watch = watch;
        Ok(())
    }

    fn attached_for(&mut self, signal: Signal) -> Result<Attached, TraceError> {
        let texts = objects::of(signal);
        texts.map_or_else(
            || Ok(Attached::default()),
            |texts| self.attached_from(texts),
        )
    }

    fn attached_from(&mut self, texts: &Texts) -> Result<Attached, TraceError> {
        let object = Object::open(texts.object, texts.bytes, &mut self.maps)?;
        let offsets = TaskOffsets::known()?;
        let constants = [
            (TASK_PID_MAGIC, offsets.pid),
            (TASK_TGID_MAGIC, offsets.tgid),
            (
                PROCESSORS_MAGIC,
                u32::try_from(processors()).unwrap_or(u32::MAX),
            ),
        ];
        let attach = |place: &Place| attached_at(&object, *place, &constants);
        texts.places.iter().map(attach).collect()
    }

    /// Has children of observed processes observed, before it is looked who there is.
    pub fn follow(&mut self, whether: bool) -> Result<(), TraceError> {
        if !whether {
            self.missed += std::mem::take(&mut self.following).missed();
            self.detach_leaving();
        } else if self.following.is_empty() {
            self.following = self.attached_from(&objects::FOLLOWING)?;
        }
        self.leave()
    }

    fn detach_leaving(&mut self) {
        self.missed += std::mem::take(&mut self.leaving).missed();
    }

    /// Has those forgotten that end, if anybody is followed.
    fn leave(&mut self) -> Result<(), TraceError> {
        if self.leaving.is_empty() && !self.following.is_empty() {
            self.leaving = self.attached_from(&objects::LEAVING)?;
        }
        Ok(())
    }
}

fn attached_at(
    object: &Object,
    place: Place,
    constants: &[(u32, u32)],
) -> Result<(Link, Program), TraceError> {
    let (link, program) = match place {
        Place::Packets(program, role) => {
            let program = object.load(program, role, constants)?;
            let root = root_cgroup()?;
            (program.attach_to_cgroup(root.as_fd(), "/")?, program)
        }
        Place::Tracepoint(program, name) => {
            let program = object.load(program, Role::RawTracepoint, constants)?;
            (program.attach_to_tracepoint(name)?, program)
        }
        Place::Typed(program, name) => {
            let number = Described::known()?.tracepoint(name);
            let number = number.ok_or(TraceError::NoTracepoint(name))?;
            let program = object.load_for(number, program, Role::TypedTracepoint, constants)?;
            (program.attach_to_function(name)?, program)
        }
    };
    Ok((link, program))
}

/// The root of the cgroups of version 2.
fn root_cgroup() -> Result<File, TraceError> {
    let mounts = Mounts::read().map_err(|_unread| TraceError::NoCgroups)?;
    let mount = mounts.get(&Hierarchy::V2).ok_or(TraceError::NoCgroups)?;
    File::open(&mount.point).map_err(|_unread| TraceError::NoCgroups)
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
        removed(map.remove(one))?;
    }
    Ok(())
}

/// What is gone already is as good as taken away.
fn removed(done: Result<(), MapError>) -> Result<(), MapError> {
    match done {
        Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
        failed => failed,
    }
}
