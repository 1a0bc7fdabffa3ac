//! Where workers are put, and how much they may use up: never what the host itself needs.

use std::collections::BTreeMap;

use super::decision::{Hook, Place, Select, Task};
use super::inventory::{Cgroup, Hierarchy, Inventory};
use super::make::Part;
use super::refusal::Refusal;
use super::resolve::{OF_PROCESSES, Processes, Target};
use super::supplies::{FileSystem, Memory};
use super::whole::whole;
use crate::fault::pressure::{
    Amount, CpuStress, DiskFill, DiskStress, Folder, MemoryStress, Pressure, Until,
};
use crate::units::{ByteSize, nanoseconds};

/// Of the host's memory, what is left available to it at least: this, or [`MEMORY_SHARE`] of all if that
/// is more. The kernel begins to reclaim in earnest far below.
const MEMORY_LEAST: u64 = 256 << 20;
const MEMORY_SHARE: u64 = 20;
/// Of a file system that the host itself needs, the same; at most [`DISK_MOST`].
const DISK_LEAST: u64 = 16 << 20;
const DISK_SHARE: u64 = 20;
const DISK_MOST: u64 = 1 << 30;

pub(super) fn pressure(
    inventory: &Inventory,
    target: &Target<'_>,
    pressure: &Pressure,
) -> Result<Part, Refusal> {
    let places = places(inventory, target)?;
    let scene = Scene { inventory, places };
    let (tasks, warnings) = match pressure {
        Pressure::Cpu(stress) => (scene.calculating(stress), Vec::new()),
        Pressure::Memory(stress) => scene.holding(stress)?,
        Pressure::Fill(fill) => scene.filling(fill)?,
        Pressure::Disk(stress) => scene.busy(stress)?,
    };
    let hooks = scene.places.iter().zip(tasks);
    let hooks: Vec<Hook> = hooks
        .map(|(cgroup, task)| Hook::Workers {
            place: cgroup.map(place),
            task,
        })
        .collect();
    let mechanism = hooks.first().and_then(Hook::mechanism);
    let mechanism = mechanism.ok_or_else(|| {
        Refusal::refused("target", "the target is in no cgroup")
            .hint("start it with `-- COMMAND`, or use `--target host`")
    })?;
    Ok(Part {
        mechanism,
        also: Vec::new(),
        hooks,
        select: Select::default(),
        warnings,
    })
}

fn place(cgroup: &Cgroup) -> Place {
    Place {
        hierarchy: cgroup.hierarchy.clone(),
        path: cgroup.path.clone(),
        id: cgroup.id,
    }
}

/// The cgroups that hold the target and nobody else; none of them for the host as a whole, for which one
/// is made.
fn places<'a>(
    inventory: &'a Inventory,
    target: &Target<'a>,
) -> Result<Vec<Option<&'a Cgroup>>, Refusal> {
    let processes = match target {
        Target::Host => return Ok(vec![None]),
        Target::Processes(processes) => processes,
        Target::Interfaces(..) => {
            let said = "workers run in cgroups, and interfaces have none";
            return Err(Refusal::input("target", said).hint(OF_PROCESSES));
        }
    };
    let mut against = Vec::new();
    for hierarchy in hierarchies(processes) {
        match whole(inventory, processes, &hierarchy) {
            Ok(cgroups) => return Ok(cgroups.into_iter().map(Some).collect()),
            Err(reason) => against.push(format!("{hierarchy}: {reason}")),
        }
    }
    Err(Refusal::refused(
        "target",
        format!(
            "no cgroup holds the target and nobody else, who would suffer too ({})",
            against.join("; ")
        ),
    )
    .hint("start the target with `-- COMMAND`, move it into a cgroup of its own, or use `--target host`"))
}

fn hierarchies(processes: &Processes<'_>) -> Vec<Hierarchy> {
    let mut found = vec![Hierarchy::V2, Hierarchy::V1Freezer];
    for cgroup in &processes.cgroups {
        if !found.contains(&cgroup.hierarchy) {
            found.push(cgroup.hierarchy.clone());
        }
    }
    found
}

/// What is decided for every place alike.
struct Scene<'a> {
    inventory: &'a Inventory,
    places: Vec<Option<&'a Cgroup>>,
}

/// One for each place, and what should be known.
type Tasks = (Vec<Task>, Vec<String>);

impl Scene<'_> {
    fn calculating(&self, stress: &CpuStress) -> Vec<Task> {
        let online = self.inventory.supplies.processors.max(1);
        let task = |_place| Task::Cpu {
            workers: stress.workers.unwrap_or(online),
            load: stress.load.hundredths(),
        };
        self.places.iter().map(task).collect()
    }

    fn holding(&self, stress: &MemoryStress) -> Result<Tasks, Refusal> {
        let host = self.host_memory()?;
        let reserve = memory_reserve(host);
        let (mut tasks, mut warnings, mut together) = (Vec::new(), Vec::new(), 0_u64);
        for cgroup in &self.places {
            let limit = cgroup.and_then(|cgroup| self.inventory.supplies.limits.get(&cgroup.path));
            let available = limit.map_or(host.available, |limit| limit.available);
            let bytes = match stress.amount {
                Amount::Size(size) => size.bytes(),
                Amount::Percent(percent) => percent.of(available.min(host.available)),
            };
            if let (Some(limit), Some(cgroup)) = (limit, cgroup)
                && bytes > limit.available
            {
                let (limit, path) = (ByteSize::new(limit.total), &cgroup.path);
                warnings.push(format!(
                    "that is more than {path} has left of its limit of {limit}: somebody in it will be \
                     killed for want of memory"
                ));
            }
            // Whoever is killed at the limit holds no more than that.
            together = together.saturating_add(bytes.min(limit.map_or(bytes, |limit| limit.total)));
            tasks.push(Task::Memory {
                bytes,
                reserve,
                ramp_ns: nanoseconds(stress.ramp),
                pattern: stress.pattern,
                oom_score: stress.oom_score,
            });
        }
        let name = match stress.amount {
            Amount::Size(_) => "size",
            Amount::Percent(_) => "percent",
        };
        let room = host.available.saturating_sub(reserve);
        enough(
            name,
            together,
            room,
            reserve,
            "memory available to the host",
        )?;
        Ok((tasks, warnings))
    }

    fn filling(&self, fill: &DiskFill) -> Result<Tasks, Refusal> {
        let name = match fill.until {
            Until::Size(_) => "size",
            Until::Percent(_) => "percent",
            Until::Left(_) => "left",
        };
        let mut rooms = Rooms::new(self);
        let mut tasks = Vec::new();
        for cgroup in &self.places {
            let found = self.file_system(*cgroup, &fill.path)?;
            let used = found.total.saturating_sub(found.free);
            let usable = used.saturating_add(found.available);
            let bytes = match fill.until {
                Until::Size(size) => size.bytes(),
                Until::Percent(percent) => percent.of(usable).saturating_sub(used),
                Until::Left(left) => found.available.saturating_sub(left.bytes()),
            };
            if bytes == 0 {
                return Err(Refusal::input(
                    name,
                    format!(
                        "the file system of {} is as full as that already: {} of {} are left",
                        fill.path,
                        rough(found.available),
                        rough(usable)
                    ),
                )
                .hint("`df` shows it; take more"));
            }
            let reserve = rooms.take(name, found, bytes)?;
            tasks.push(Task::Fill {
                path: fill.path.to_string(),
                seen_by: found.seen_by,
                bytes,
                reserve,
            });
        }
        Ok((tasks, vec![shared(&fill.path)]))
    }

    fn busy(&self, stress: &DiskStress) -> Result<Tasks, Refusal> {
        let mut rooms = Rooms::new(self);
        let mut tasks = Vec::new();
        for cgroup in &self.places {
            let found = self.file_system(*cgroup, &stress.path)?;
            let reserve = rooms.take("size", found, stress.size.bytes())?;
            tasks.push(Task::Disk {
                path: stress.path.to_string(),
                seen_by: found.seen_by,
                workers: stress.workers,
                operations: stress.operations,
                block: stress.block.bytes(),
                bytes: stress.size.bytes(),
                rate: stress.rate.map(ByteSize::bytes),
                reserve,
            });
        }
        Ok((tasks, vec![shared(&stress.path)]))
    }

    fn host_memory(&self) -> Result<Memory, Refusal> {
        self.inventory.supplies.memory.ok_or_else(|| {
            Refusal::refused("target", "how much memory the host has could not be read")
                .hint("is /proc mounted, and readable?")
        })
    }

    /// What the folder is on for those in this cgroup.
    fn file_system(&self, cgroup: Option<&Cgroup>, path: &Folder) -> Result<&FileSystem, Refusal> {
        let all = &self.inventory.supplies.file_systems;
        let members = cgroup.map_or(&[][..], |cgroup| &cgroup.members);
        let seen = |found: &&FileSystem| found.seen_by.is_some_and(|pid| members.contains(&pid));
        let own = |found: &&FileSystem| members.is_empty() && found.seen_by.is_none();
        let found = all.iter().find(seen).or_else(|| all.iter().find(own));
        let hint = "a folder that exists, as the target sees it";
        let found = found.ok_or_else(|| {
            Refusal::input("path", format!("{path} could not be looked at")).hint(hint)
        })?;
        match &found.problem {
            None => Ok(found),
            Some(problem) => Err(Refusal::input("path", format!("{path}: {problem}")).hint(hint)),
        }
    }
}

/// What is left of each file system when all of the fault's places have theirs.
struct Rooms<'a> {
    scene: &'a Scene<'a>,
    taken: BTreeMap<u64, u64>,
    in_memory: u64,
}

impl<'a> Rooms<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        Self {
            scene,
            taken: BTreeMap::new(),
            in_memory: 0,
        }
    }

    /// Takes `bytes`; the reserve that stays, or why there is not so much.
    fn take(&mut self, name: &'static str, from: &FileSystem, bytes: u64) -> Result<u64, Refusal> {
        let taken = self.taken.entry(from.device).or_default();
        *taken = taken.saturating_add(bytes);
        let reserve = disk_reserve(from);
        let room = from.available.saturating_sub(reserve);
        enough(name, *taken, room, reserve, "room on the file system")?;
        if from.is_memory {
            self.in_memory = self.in_memory.saturating_add(bytes);
            let host = self.scene.host_memory()?;
            let reserve = memory_reserve(host);
            let room = host.available.saturating_sub(reserve);
            let what = "memory available to the host, of which that file system is made";
            enough(name, self.in_memory, room, reserve, what)?;
        }
        Ok(reserve)
    }
}

/// Rounded down to whole mebibytes, where there are some.
fn rough(bytes: u64) -> ByteSize {
    const MEBIBYTE: u64 = 1 << 20;
    ByteSize::new(if bytes > MEBIBYTE {
        bytes - bytes % MEBIBYTE
    } else {
        bytes
    })
}

fn enough(
    name: &'static str,
    asked: u64,
    room: u64,
    reserve: u64,
    what: &str,
) -> Result<(), Refusal> {
    if asked <= room {
        return Ok(());
    }
    let (asked, room) = (rough(asked), rough(room));
    let kept = match reserve {
        0 => String::new(),
        reserve => format!(", beside a reserve of {} for the host", rough(reserve)),
    };
    let message = format!("{asked} are more than the {room} of {what}{kept}");
    Err(Refusal::refused(name, message).hint(format!("at most {room}")))
}

fn memory_reserve(host: Memory) -> u64 {
    (host.total / MEMORY_SHARE).max(MEMORY_LEAST)
}

fn disk_reserve(of: &FileSystem) -> u64 {
    if of.is_needed {
        (of.total / DISK_SHARE).clamp(DISK_LEAST, DISK_MOST)
    } else {
        0
    }
}

fn shared(path: &Folder) -> String {
    format!("all who use the file system of {path} suffer, whoever they are")
}
