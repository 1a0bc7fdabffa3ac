//! Selector rows: which slots an address, a port, a cgroup or a thread group concerns.
//!
//! A slot's rows are complete before the slot is armed anywhere, and are cleared after it is armed
//! nowhere: what a program reads of a slot that is not armed does not matter. A selection that changes
//! while it acts has its rows before the masks tell that they count, and loses the old ones after.

use std::collections::BTreeMap;

use aya::maps::MapError;
use aya::maps::lpm_trie::Key;
use injector_abi::Select as Masks;
use injector_abi::net::Connection;
use injector_core::fault::{Action, Prefix};
use injector_core::plan::{CgroupId, Select};

use super::files::Files;
use super::maps::Tables;
use super::masks::{self, Meant};
use super::shape::size_of;
use super::slots::Slot;
use crate::sys::pod::Shared;

/// User space's own copy of what the tables hold.
#[derive(Debug, Default)]
pub(super) struct Rows {
    masks: Masks,
    peers: BTreeMap<Prefix, u64>,
    thread_groups: BTreeMap<u32, u64>,
    cgroups: BTreeMap<u64, u64>,
    levels: BTreeMap<usize, u64>,
    connections: BTreeMap<Connection, u64>,
    files: Files,
}

impl Rows {
    /// Writes the rows of `slot`, which count once the masks tell so.
    pub(super) fn add(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        select: &Select,
    ) -> Result<(), MapError> {
        let bit = 1 << slot;
        if !select.thread_groups.is_empty() {
            // Whatever sockets were marked with for the fault that had the slot before is void from now on.
            self.masks.epoch += 1;
            tables.epochs.set(slot, self.masks.epoch, 0)?;
        }
        for port in select.ports.iter().flat_map(|range| range.ports()) {
            change_port(tables, port, |mask| mask | bit)?;
        }
        for prefix in &select.peers {
            *self.peers.entry(*prefix).or_default() |= bit;
        }
        for number in &select.syscalls {
            change_syscall(tables, *number, |mask| mask | bit)?;
            // It stays: it is the same for all faults.
            tables.sizes.set(u32::from(*number), size_of(*number), 0)?;
        }
        self.files.add(tables, slot, select)?;
        self.write_peers(tables)?;
        if let Some(cgroup) = &select.cgroup {
            let mask = self.cgroups.entry(cgroup.id).or_default();
            *mask |= bit;
            tables.by_cgroup.insert(cgroup.id, *mask, 0)?;
            *self.levels.entry(cgroup.level()).or_default() |= bit;
        }
        self.write_masks(tables)
    }

    /// Tells by which of its rows `slot` chooses, and what it does.
    pub(super) fn choose(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        action: &Action,
        select: &Select,
        allow_lockout: bool,
    ) -> Result<(), MapError> {
        masks::set(
            &mut self.masks,
            1 << slot,
            &Meant::of(action, select, allow_lockout),
        );
        self.write_masks(tables)
    }

    /// Takes the cgroups and thread groups of `slot` out that it does not choose by any more.
    pub(super) fn forget_others(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        select: &Select,
    ) -> Result<(), MapError> {
        self.clear_cgroups(tables, slot, select.cgroup.as_ref())?;
        if select.thread_groups.is_empty() {
            self.clear_thread_groups(tables, !(1 << slot))?;
        }
        self.write_masks(tables)
    }

    /// Adds thread groups to the targets of `slot`.
    pub(super) fn mark(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        pids: &[i32],
    ) -> Result<(), MapError> {
        for pid in pids.iter().filter_map(|pid| u32::try_from(*pid).ok()) {
            let mask = self.thread_groups.entry(pid).or_default();
            *mask |= 1 << slot;
            // A child that inherited meanwhile has an entry of its own already: keep its slots.
            let inherited = tables.by_thread_group.get(&pid, 0).unwrap_or(0);
            tables.by_thread_group.insert(pid, *mask | inherited, 0)?;
        }
        Ok(())
    }

    /// In how many epochs faults of processes have been armed.
    pub(super) fn epoch(&self) -> u64 {
        self.masks.epoch
    }

    /// The slots of every thread group, inherited ones included.
    pub(super) fn slots_by_thread_group(tables: &Tables) -> BTreeMap<u32, u64> {
        tables.by_thread_group.iter().flatten().collect()
    }

    /// Names connections that `slot` acts on.
    pub(super) fn connect(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        connections: impl Iterator<Item = Connection>,
    ) -> Result<(), MapError> {
        for connection in connections {
            let mask = self.connections.entry(connection).or_default();
            *mask |= 1 << slot;
            tables.connections.insert(Shared(connection), *mask, 0)?;
        }
        Ok(())
    }

    /// Drops thread groups that are gone, so that a new process of that number is nobody's target.
    pub(super) fn forget(&mut self, tables: &mut Tables, gone: impl Fn(u32) -> bool) {
        let dead: Vec<u32> = tables
            .by_thread_group
            .keys()
            .flatten()
            .filter(|pid| gone(*pid))
            .collect();
        for pid in dead {
            self.thread_groups.remove(&pid);
            // It may have been removed already.
            let _absent = tables.by_thread_group.remove(&pid);
        }
    }

    /// How many thread groups are targets, inherited ones included.
    pub(super) fn thread_groups(tables: &Tables) -> usize {
        tables.by_thread_group.keys().flatten().count()
    }

    /// Takes every trace of `slot` out.
    pub(super) fn clear(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        select: &Select,
    ) -> Result<(), MapError> {
        let keep = !(1 << slot);
        for port in select.ports.iter().flat_map(|range| range.ports()) {
            change_port(tables, port, |mask| mask & keep)?;
        }
        for number in &select.syscalls {
            change_syscall(tables, *number, |mask| mask & keep)?;
        }
        for mask in self.peers.values_mut() {
            *mask &= keep;
        }
        self.write_peers(tables)?;
        self.clear_cgroups(tables, slot, None)?;
        self.clear_thread_groups(tables, keep)?;
        self.clear_connections(tables, keep)?;
        self.files.clear(tables, keep)?;
        masks::clear(&mut self.masks, keep);
        self.write_masks(tables)
    }

    fn write_masks(&mut self, tables: &mut Tables) -> Result<(), MapError> {
        self.levels.retain(|_level, mask| *mask != 0);
        self.masks.cgroup_levels = self.levels.keys().fold(0, |all, level| all | 1 << level);
        tables.select.set(0, Shared(self.masks), 0)
    }

    /// The kernel gives the longest prefix only, so each entry holds the slots of all that cover it.
    fn write_peers(&mut self, tables: &mut Tables) -> Result<(), MapError> {
        for (prefix, own) in &self.peers {
            let key = Key::new(u32::from(prefix.length()), prefix.address().octets());
            if *own == 0 {
                let _absent = tables.by_peer.remove(&key);
                continue;
            }
            let covering = self
                .peers
                .iter()
                .filter(|(other, _mask)| other.covers(*prefix));
            let mask = covering.fold(0, |all, (_other, mask)| all | mask);
            tables.by_peer.insert(&key, mask, 0)?;
        }
        self.peers.retain(|_prefix, mask| *mask != 0);
        Ok(())
    }

    fn clear_cgroups(
        &mut self,
        tables: &mut Tables,
        slot: Slot,
        but: Option<&CgroupId>,
    ) -> Result<(), MapError> {
        let keep = !(1 << slot);
        let (id, level) = (but.map(|one| one.id), but.map(CgroupId::level));
        let mut others = self.cgroups.iter_mut();
        others.try_for_each(|(other, mask)| {
            *mask &= if id == Some(*other) { !0 } else { keep };
            if *mask != 0 {
                return tables.by_cgroup.insert(other, *mask, 0);
            }
            let _absent = tables.by_cgroup.remove(other);
            Ok(())
        })?;
        self.cgroups.retain(|_id, mask| *mask != 0);
        for (other, mask) in &mut self.levels {
            *mask &= if level == Some(*other) { !0 } else { keep };
        }
        Ok(())
    }

    fn clear_connections(&mut self, tables: &mut Tables, keep: u64) -> Result<(), MapError> {
        for (connection, mask) in self
            .connections
            .iter_mut()
            .filter(|(_, mask)| **mask & !keep != 0)
        {
            *mask &= keep;
            if *mask == 0 {
                let _absent = tables.connections.remove(&Shared(*connection));
            } else {
                tables.connections.insert(Shared(*connection), *mask, 0)?;
            }
        }
        self.connections.retain(|_connection, mask| *mask != 0);
        Ok(())
    }

    fn clear_thread_groups(&mut self, tables: &mut Tables, keep: u64) -> Result<(), MapError> {
        let entries: Vec<(u32, u64)> = tables.by_thread_group.iter().flatten().collect();
        for (pid, mask) in entries {
            if mask & keep == 0 {
                let _absent = tables.by_thread_group.remove(&pid);
            } else if mask & keep != mask {
                tables.by_thread_group.insert(pid, mask & keep, 0)?;
            }
        }
        self.thread_groups.retain(|_pid, mask| {
            *mask &= keep;
            *mask != 0
        });
        Ok(())
    }
}

fn change_port(
    tables: &mut Tables,
    port: u16,
    change: impl Fn(u64) -> u64,
) -> Result<(), MapError> {
    let port = u32::from(port);
    let mask = tables.by_port.get(&port, 0)?;
    tables.by_port.set(port, change(mask), 0)
}

fn change_syscall(
    tables: &mut Tables,
    number: u16,
    change: impl Fn(u64) -> u64,
) -> Result<(), MapError> {
    let number = u32::from(number);
    let mask = tables.by_syscall.get(&number, 0)?;
    tables.by_syscall.set(number, change(mask), 0)
}

/// An address as the programs know it: IPv6, IPv4 as mapped.
pub fn mapped(address: std::net::IpAddr) -> [u8; 16] {
    match address {
        std::net::IpAddr::V4(address) => address.to_ipv6_mapped(),
        std::net::IpAddr::V6(address) => address,
    }
    .octets()
}
