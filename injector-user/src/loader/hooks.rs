//! Places where programs are attached: each once, however many faults act there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use aya::maps::MapError;
use injector_abi::net::Exempt;
use injector_abi::{Armed, HOOKS};
use injector_core::plan::Hook;

use super::btf::BtfError;
use super::instances::{function_of, instances};
use super::later::Later;
use super::maps::Tables;
use super::object::{Object, ObjectError};
use super::place::{link_header, links_of};
use super::program::{Link, LinkError, Program};
use super::slots::Slot;
use super::spares::{ETHERNET, Instance, Spares, load};
use super::stub::Interfaces;
use crate::filters::{FilterError, Guards};
use crate::safety::Permit;
use crate::sys::pod::Shared;

/// The number of an attached place, by which its programs know it.
pub(super) type HookIndex = u32;

/// Why a place could not be used.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    #[error("failed to open `{path}`")]
    Open {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("`{0}` is not the network namespace that was planned for any more")]
    Changed(String),
    #[error("cgroup `{0}` is not the one that was planned for any more")]
    Replaced(String),
    #[error("all {HOOKS} places for kernel programs are in use")]
    Full,
    #[error("failed to enter network namespace `{path}`")]
    Enter {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("this kernel has no function `{0}`")]
    NoFunction(String),
    #[error("failed to find out which functions this kernel has")]
    Functions(#[source] BtfError),
    #[error("the v2 hierarchy is not mounted where cgroup `{0}` could be seen")]
    NoCgroup(String),
    #[error("something was to be attached at an interface that is none")]
    NoInterface,
    #[error("failed to put a program where a filter jumps to")]
    Body(#[source] io::Error),
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("failed to write a map")]
    Map(#[from] MapError),
}

/// The texts that hooks are made of.
#[derive(Debug)]
pub(super) struct Texts {
    pub net: Object,
    pub sock: Object,
    pub process: Object,
    pub syscall: Object,
    pub delay: Object,
}

/// What is attached.
#[derive(Debug)]
pub(super) struct Hooks {
    places: BTreeMap<HookIndex, Place>,
    spares: Spares,
    interfaces: Interfaces,
}

#[derive(Debug)]
pub(super) struct Place {
    hook: Hook,
    /// Faults that are attached here, armed or about to be.
    users: usize,
    armed: Armed,
    exempt: Vec<Exempt>,
    links: Vec<Link>,
    /// In the order of the links.
    programs: Vec<(Instance, Program)>,
    /// Of processes that came later.
    later: Later,
}

impl Hooks {
    pub(super) fn new(interfaces: Interfaces) -> Self {
        Self {
            places: BTreeMap::new(),
            spares: Spares::default(),
            interfaces,
        }
    }

    /// Names who takes filters away when this process does not.
    pub(super) fn guard_by(&mut self, guards: Guards) {
        self.interfaces.guard_by(guards);
    }

    /// The place of `hook`, attached if it is not yet, by programs that are thorough if need be.
    /// Nothing is armed there by this.
    pub(super) fn attach(
        &mut self,
        texts: &Texts,
        hook: &Hook,
        thorough: bool,
        permit: &Permit,
    ) -> Result<HookIndex, HookError> {
        let mut places = self.places.iter_mut();
        if let Some((index, place)) = places.find(|(_index, place)| place.hook == *hook) {
            // Of other places there is only one kind of program.
            if thorough && matches!(hook, Hook::Tcx { .. }) {
                place.make_thorough(texts, &mut self.spares)?;
            }
            place.users += 1;
            return Ok(*index);
        }
        let index = self.free_index()?;
        let mut programs = Vec::new();
        let link_header = link_header(hook)?;
        for instance in instances(hook, index, link_header, thorough) {
            programs.push((instance, self.spares.program(texts, instance)?));
        }
        let links = self.links(texts, (hook, index), &programs, permit)?;
        let place = Place {
            hook: hook.clone(),
            users: 1,
            armed: Armed::default(),
            exempt: Vec::new(),
            links,
            programs,
            later: Later::default(),
        };
        self.places.insert(index, place);
        Ok(index)
    }

    fn links(
        &mut self,
        texts: &Texts,
        (hook, index): (&Hook, HookIndex),
        programs: &[(Instance, Program)],
        permit: &Permit,
    ) -> Result<Vec<Link>, HookError> {
        if !matches!(hook, Hook::Tcx { .. }) {
            return links_of(hook, programs);
        }
        let (net, interfaces) = (&texts.net, &mut self.interfaces);
        let links = programs
            .iter()
            .map(|(_instance, program)| interfaces.attach(net, (hook, index), program, permit));
        links.collect()
    }

    /// Begins to load the programs of those of `hooks` that are not attached yet, to be attached in
    /// this order, until [`Hooks::end_ahead`].
    pub(super) fn begin_ahead(&mut self, texts: &Arc<Texts>, hooks: &[Hook], thorough: bool) {
        let missing = hooks.iter().filter(|hook| self.find(hook).is_none());
        let wanted = missing.zip(self.free_indices()).flat_map(|(hook, index)| {
            // Rarely something else, for which another program is loaded.
            let is_interface = matches!(hook, Hook::Tcx { .. });
            let link_header = if is_interface { ETHERNET } else { 0 };
            instances(hook, index, link_header, thorough)
        });
        let wanted = wanted.collect();
        self.spares.begin_ahead(texts, wanted);
    }

    pub(super) fn end_ahead(&mut self) {
        self.spares.end_ahead();
    }

    /// The place of `hook`, if it is attached.
    pub(super) fn find(&self, hook: &Hook) -> Option<HookIndex> {
        let mut places = self.places.iter();
        places
            .find(|(_index, place)| place.hook == *hook)
            .map(|(index, _place)| *index)
    }

    /// Makes `slot` act at the place: the last step of arming.
    pub(super) fn arm(
        &mut self,
        tables: &mut Tables,
        index: HookIndex,
        slot: Slot,
    ) -> Result<(), MapError> {
        self.change(tables, index, |armed| armed.slots |= 1 << slot)
    }

    /// Stops `slot` from acting at the place: the first step of disarming.
    pub(super) fn disarm(
        &mut self,
        tables: &mut Tables,
        index: HookIndex,
        slot: Slot,
    ) -> Result<(), MapError> {
        self.change(tables, index, |armed| armed.slots &= !(1 << slot))
    }

    /// Adds connections that no fault may touch here.
    pub(super) fn exempt(
        &mut self,
        tables: &mut Tables,
        index: HookIndex,
        connections: impl Iterator<Item = Exempt>,
    ) -> Result<(), MapError> {
        let Some(place) = self.places.get_mut(&index) else {
            return Ok(());
        };
        for connection in connections {
            let connection = Exempt {
                hook: index,
                ..connection
            };
            tables.exempt.insert(Shared(connection), 1, 0)?;
            place.exempt.push(connection);
        }
        let count = place.exempt.len() as u64;
        self.change(tables, index, |armed| armed.exempt = count)
    }

    /// Gives the place up for one fault, with what is left to be detached unless another fault is there too.
    /// Its programs are kept for the next one.
    pub(super) fn release(&mut self, tables: &mut Tables, index: HookIndex) -> Vec<Link> {
        let left = self.places.get_mut(&index).map(|place| {
            place.users = place.users.saturating_sub(1);
            place.users
        });
        let mut links = Vec::new();
        if left == Some(0)
            && let Some(place) = self.places.remove(&index)
        {
            links = place.links;
            links.extend(place.later.into_links());
            for connection in place.exempt {
                let _absent = tables.exempt.remove(&Shared(connection));
            }
            let _nothing_armed = tables.armed.set(index, Shared(Armed::default()), 0);
            for (instance, program) in place.programs {
                self.spares.keep(instance, program);
            }
        }
        links
    }

    /// Numbers that no place has.
    pub(super) fn free_indices(&self) -> impl Iterator<Item = HookIndex> {
        (0..HOOKS).filter(|index| !self.places.contains_key(index))
    }

    /// Gives up places that were attached for a fault which did not come.
    pub(super) fn forget_unused(&mut self) -> Vec<Link> {
        let unused = self.places.extract_if(.., |_index, place| place.users == 0);
        unused.flat_map(|(_index, place)| place.links).collect()
    }

    /// Adds places that are attached already.
    pub(super) fn insert(&mut self, places: Vec<(HookIndex, Place)>) {
        self.places.extend(places);
    }

    /// Loads ahead what the next fault of a frequent kind will need.
    pub(super) fn prepare(&mut self, texts: &Texts) -> Result<(), HookError> {
        match self.free_index() {
            Ok(index) => Ok(self.spares.prepare(texts, index)?),
            Err(_full) => Ok(()),
        }
    }

    /// Attaches at a place of instructions for processes that came later, and forgets those that are gone.
    pub(super) fn reach(&mut self, index: HookIndex, processes: &BTreeSet<i32>) {
        if let Some(place) = self.places.get_mut(&index)
            && let Some((_instance, program)) = place.programs.first()
        {
            place.later.reach(&place.hook, program, processes);
        }
    }

    /// How often the programs of a place were not run, as they were at work already.
    pub(super) fn misses(&self, index: HookIndex) -> u64 {
        let programs = self.places.get(&index).into_iter();
        let programs = programs.flat_map(|place| &place.programs);
        programs.map(|(_instance, program)| program.misses()).sum()
    }

    /// How many places are in use.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    fn free_index(&self) -> Result<HookIndex, HookError> {
        self.free_indices().next().ok_or(HookError::Full)
    }

    fn change(
        &mut self,
        tables: &mut Tables,
        index: HookIndex,
        change: impl Fn(&mut Armed),
    ) -> Result<(), MapError> {
        let Some(place) = self.places.get_mut(&index) else {
            return Ok(());
        };
        let mut armed = place.armed;
        change(&mut armed);
        tables.armed.set(index, Shared(armed), 0)?;
        place.armed = armed;
        Ok(())
    }
}

impl Place {
    /// Loads and attaches the programs of a place that needs nothing of what is kept.
    pub(super) fn attach_anew(
        texts: &Texts,
        hook: &Hook,
        index: HookIndex,
    ) -> Result<Self, HookError> {
        let function = function_of(hook)?;
        let mut programs = Vec::new();
        for instance in instances(hook, index, 0, false) {
            let instance = Instance {
                function,
                ..instance
            };
            programs.push((instance, load(texts, instance)?));
        }
        Ok(Self {
            hook: hook.clone(),
            users: 0,
            armed: Armed::default(),
            exempt: Vec::new(),
            links: links_of(hook, &programs)?,
            programs,
            later: Later::default(),
        })
    }

    /// Puts thorough programs into the place of others, for what a new fault needs of them.
    fn make_thorough(&mut self, texts: &Texts, spares: &mut Spares) -> Result<(), HookError> {
        for ((instance, program), link) in self.programs.iter_mut().zip(&self.links) {
            if instance.thorough {
                continue;
            }
            let wanted = Instance {
                thorough: true,
                ..*instance
            };
            let thorough = spares.program(texts, wanted)?;
            link.replace(&thorough)?;
            let quick = std::mem::replace(program, thorough);
            spares.keep(*instance, quick);
            *instance = wanted;
        }
        Ok(())
    }
}
