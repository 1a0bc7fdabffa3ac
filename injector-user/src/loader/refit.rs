//! Moving an armed fault to where its target is now: same slot, same counters, other places.
//!
//! Never wider than planned in between: places that the new plan does not have are silent before the
//! selection changes, and new places act only after. Nor narrower: places that stay act all the time.

use std::collections::BTreeSet;

use injector_core::plan::{Hook, Select};

use super::hooks::HookIndex;
use super::kernel::{ArmedFault, Arming, Kernel, KernelError, line_of, sum};
use super::net;
use crate::safety::Permit;

impl Kernel {
    /// Attaches what the new plan adds, takes out what it has no more, and leaves the rest as it is.
    /// `acts` says whether the fault acts already. After an error the fault is at fewer places than
    /// planned, or at none, and can be refitted again.
    pub fn refit(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
        acts: bool,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let moved = self.move_to(fault, arming, acts, permit);
        moved.inspect_err(|_error| self.forget_unused())
    }

    fn move_to(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
        acts: bool,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let kept: BTreeSet<HookIndex> = arming
            .plan
            .hooks
            .iter()
            .filter_map(|hook| self.hooks.find(hook))
            .filter(|index| fault.hooks.contains(index))
            .collect();
        for index in fault.hooks.iter().filter(|index| !kept.contains(index)) {
            self.hooks.disarm(&mut self.tables, *index, fault.slot)?;
        }
        let before = fault.hooks.clone();
        self.attach_functions(&arming.plan.hooks)?;
        let attached = arming
            .plan
            .hooks
            .iter()
            .try_for_each(|hook| self.attach_anew(fault, arming, hook, permit));
        self.select_anew(fault, arming)
            .inspect_err(|_error| self.silence(fault))?;
        for index in fault.hooks.iter().filter(|_index| acts) {
            self.hooks.arm(&mut self.tables, *index, fault.slot)?;
        }
        for index in before.iter().filter(|index| !kept.contains(index)) {
            self.take_out(fault, *index);
        }
        self.order(fault, &arming.plan.hooks);
        attached
    }

    /// Writes the rows of another selection: what it adds, what counts now, and only then away with the
    /// rest.
    fn select_anew(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
    ) -> Result<(), KernelError> {
        let select = &arming.plan.select;
        if fault.select == *select {
            return Ok(());
        }
        if differs_by_processes(&fault.select, select) {
            // Those that are gone are forgotten elsewhere.
            self.mark(fault, &select.thread_groups)?;
        } else {
            self.add_rows(fault, arming)?;
            self.mark_sockets(fault)?;
            self.choose(fault, arming)?;
            self.rows
                .forget_others(&mut self.tables, fault.slot, select)?;
        }
        fault.select = select.clone();
        Ok(())
    }

    fn attach_anew(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
        hook: &Hook,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let there = self.hooks.find(hook);
        match there.filter(|index| fault.hooks.contains(index)) {
            Some(index) => self.keep(arming, hook, index, permit),
            None => self.attach(fault, arming, hook, permit),
        }
    }

    /// Another selection may need programs that look more closely.
    fn keep(
        &mut self,
        arming: &Arming<'_>,
        hook: &Hook,
        index: HookIndex,
        permit: &Permit,
    ) -> Result<(), KernelError> {
        let thorough = net::is_thorough(&arming.spec.action, &arming.plan.select);
        if thorough {
            self.hooks.attach(&self.texts, hook, thorough, permit)?;
            // It was counted as one more user.
            self.hooks.release(&mut self.tables, index);
        }
        Ok(())
    }

    fn take_out(&mut self, fault: &mut ArmedFault, index: HookIndex) {
        let lines = std::mem::take(&mut fault.lines).into_iter();
        let (gone, stay): (Vec<_>, Vec<_>) = lines.partition(|(hook, _line)| *hook == index);
        fault.lines = stay;
        let reports = gone.into_iter().map(|(_hook, line)| line.finish());
        fault.finished = sum(reports.chain(fault.finished));
        let _detached_below = self
            .tables
            .line_ifindex
            .set(line_of(index, fault.slot), 0, 0);
        self.hooks.release(&mut self.tables, index);
        fault.hooks.retain(|hook| *hook != index);
    }

    /// Examples name a place by its position in the plan.
    fn order(&self, fault: &mut ArmedFault, planned: &[Hook]) {
        let position = |index: &HookIndex| {
            let mut planned = planned.iter();
            planned.position(|hook| self.hooks.find(hook) == Some(*index))
        };
        fault.hooks.sort_by_key(position);
    }
}

/// Whether two selections are the same but for the processes that both name.
fn differs_by_processes(one: &Select, other: &Select) -> bool {
    let without = |select: &Select| Select {
        thread_groups: Vec::new(),
        ..select.clone()
    };
    let named = [one, other].map(|select| !select.thread_groups.is_empty());
    named == [true, true] && without(one) == without(other)
}
