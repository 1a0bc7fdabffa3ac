//! What was counted of a fault: taken out, by place and by process, and forgotten.

use aya::maps::PerCpuValues;
use injector_abi::{Counters, Event};

use super::examples::Injection;
use super::hooks::HookIndex;
use super::kernel::{ArmedFault, Kernel, KernelError, line_of};
use crate::sys::pod::Shared;

/// What a fault injected, by place and by process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// For each of the plan's hooks, in their order.
    pub hooks: Vec<u64>,
    /// Thread groups: number, stream, how often.
    pub thread_groups: Vec<(u32, u64, u64)>,
}

impl Kernel {
    /// Makes a fault that was rehearsing one that acts: what it has counted is forgotten, and then
    /// one write of its row is the difference. It has to be silent; [`Kernel::activate`] comes next.
    pub fn act(&mut self, fault: &mut ArmedFault) -> Result<(), KernelError> {
        self.reset(fault)?;
        fault.row.rehearsing = 0;
        Ok(())
    }

    /// How many events no program has looked at, the target's or somebody else's: the kernel does not run a
    /// program for who meets it half done on the same processor, as after a change of tasks.
    pub fn missed(&self, fault: &ArmedFault) -> u64 {
        let since = |index: &HookIndex| {
            let before = fault.missed_before.get(index).copied();
            let now = self.hooks.misses(*index);
            now.saturating_sub(before.unwrap_or_default())
        };
        fault.hooks.iter().map(since).sum()
    }

    /// Examples of what it injected: some of the newest.
    pub fn examples(&self, fault: &ArmedFault) -> Vec<Injection> {
        let mut examples = self.tables.examples.borrow_mut();
        let injection = |event: Event| injection(fault, event);
        examples.of(fault.slot).filter_map(injection).collect()
    }

    /// Every injection since the last call, for a fault that is followed.
    pub fn take_events(&self, fault: &ArmedFault) -> Vec<Injection> {
        let events = self.tables.examples.borrow_mut().take(fault.slot);
        let events = events.into_iter();
        events.filter_map(|event| injection(fault, event)).collect()
    }

    /// Where and by whom it was suffered.
    pub fn tally(&self, fault: &ArmedFault) -> Result<Tally, KernelError> {
        let at = |hook: &HookIndex| {
            let injected = &self.tables.injected_at;
            Ok(injected.get(&line_of(*hook, fault.slot), 0)?)
        };
        let mut thread_groups = Vec::new();
        let streams = self.tables.streams.iter().flatten();
        for (key, [ordinal, _hits, injected]) in streams.filter(|_| fault.by_process) {
            if key.0.slot == fault.slot && injected > 0 {
                thread_groups.push((key.0.tgid, ordinal, injected));
            }
        }
        thread_groups.sort_by_key(|(_tgid, ordinal, _injected)| *ordinal);
        Ok(Tally {
            hooks: fault
                .hooks
                .iter()
                .map(at)
                .collect::<Result<_, KernelError>>()?,
            thread_groups,
        })
    }

    /// Forgets what was counted in the fault's place, by it or by another one before.
    pub(super) fn reset(&mut self, fault: &ArmedFault) -> Result<(), KernelError> {
        let slot = fault.slot;
        let zero = per_cpu(Shared(Counters::default()))?;
        self.tables.counters.set(slot, zero, 0)?;
        self.tables.progress.set(slot, Shared(fault.progress), 0)?;
        if let Some(calls) = fault.calls {
            self.tables.calls.set(slot, Shared(calls), 0)?;
        }
        for hook in &fault.hooks {
            self.forget_place(fault, *hook)?;
        }
        if !fault.by_process {
            return Ok(());
        }
        let keys: Vec<_> = self.tables.streams.keys().flatten().collect();
        for key in keys.into_iter().filter(|key| key.0.slot == slot) {
            // The kernel may have dropped it meanwhile to make room.
            let _absent = self.tables.streams.remove(&key);
        }
        Ok(())
    }

    /// Forgets how much was injected at a hook.
    pub(super) fn forget_place(
        &mut self,
        fault: &ArmedFault,
        hook: HookIndex,
    ) -> Result<(), KernelError> {
        let index = line_of(hook, fault.slot);
        Ok(self.tables.injected_at.set(index, 0, 0)?)
    }
}

/// The same for every processor.
fn per_cpu<T: aya::Pod>(value: T) -> Result<PerCpuValues<T>, KernelError> {
    let processors =
        aya::util::nr_cpus().map_err(|(_file, source)| KernelError::Processors(source))?;
    PerCpuValues::try_from(vec![value; processors]).map_err(KernelError::Processors)
}

/// In the words of the plan; none if it happened where the fault is not attached.
fn injection(fault: &ArmedFault, event: Event) -> Option<Injection> {
    let hook = fault.hooks.iter().position(|hook| *hook == event.hook)?;
    Some(Injection {
        at_ns: event.at_ns,
        hook,
        hit: event.hit,
        stream: event.stream,
    })
}
